/** Connections on which a test writes whatever bytes it likes, and reads the answers that come, one after another. */
import net from 'node:net';

/**
 * @typedef {{status: number, headers: Record<string, string>, body: string, json: any}} RawAnswer
 *   of a header that came twice, `headers` has both, parted by a line end: no header can have one in its value
 */

export class RawConnection {
	/** @param {net.Socket} socket */
	constructor(socket) {
		this.socket = socket;
		/** @type {Buffer[]} */
		this.chunks = [];
		this.began = Date.now();
		this.endedAfterMs = 0;
		/** How it ended: `end`, `reset`, or not yet. */
		this.ended = '';
		socket.on('data', (chunk) => this.chunks.push(chunk));
		socket.on('error', (error) => this.#end(/** @type {any} */ (error).code === 'ECONNRESET' || /** @type {any} */ (error).code === 'EPIPE' ? 'reset' : error.message));
		socket.on('end', () => this.#end('end'));
		this.over = new Promise((resolve) => socket.on('close', () => resolve(this)));
	}

	/** @param {number} port @returns {Promise<RawConnection>} */
	static open(port) {
		return new Promise((resolve, reject) => {
			const socket = net.connect(port, '127.0.0.1', () => {
				socket.off('error', reject);
				resolve(connection);
			});
			const connection = new RawConnection(socket);

			socket.on('error', reject);
		});
	}

	/** @param {string} how */
	#end(how) {
		if (!this.ended) {
			this.ended = how;
			this.endedAfterMs = Date.now() - this.began;
		}
	}

	/** @param {string|Buffer} bytes  a string is Latin-1, so that every byte can be written */
	write(bytes) {
		this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
	}

	close() {
		this.socket.destroy();
	}

	/** All that came, as Latin-1. */
	get text() {
		return Buffer.concat(this.chunks).toString('latin1');
	}

	/** The whole answers that have come so far. @returns {RawAnswer[]} */
	answers() {
		return parseAnswers(this.text);
	}
}

/** @param {string} text @returns {RawAnswer[]} */
export function parseAnswers(text) {
	const found = [];
	let rest = text;

	for (;;) {
		const end = rest.indexOf('\r\n\r\n');
		const [line = '', ...fields] = rest.slice(0, Math.max(0, end)).split('\r\n');
		const status = Number(line.match(/^HTTP\/1\.[01] (\d{3})( |$)/)?.[1]);

		if (end < 0 || !status)
			break;
		/** @type {Record<string, string>} */
		const headers = {};

		for (const field of fields) {
			const name = field.slice(0, field.indexOf(':')).toLowerCase();
			const value = field.slice(field.indexOf(':') + 1).trim();

			headers[name] = name in headers ? `${headers[name]}\n${value}` : value;
		}
		const body = takeBody(rest.slice(end + 4), status, headers);

		if (!body)
			break;
		found.push({ status, headers, body: body.text, json: /\bjson\b/.test(headers['content-type'] ?? '') && body.text ? JSON.parse(Buffer.from(body.text, 'latin1').toString()) : undefined });
		rest = body.rest;
	}
	return found;
}

/** @param {string} text @param {number} status @param {Record<string, string>} headers @returns {{text: string, rest: string}|undefined} */
function takeBody(text, status, headers) {
	const length = headers['content-length'];

	if (status === 204 || status === 304 || status < 200)
		return { text: '', rest: text };
	if (length !== undefined)
		return text.length < Number(length) ? undefined : { text: text.slice(0, Number(length)), rest: text.slice(Number(length)) };
	if (headers['transfer-encoding'] !== 'chunked')
		return { text, rest: '' };	/* up to the end of the connection */
	let whole = '';
	let rest = text;

	for (;;) {
		const size = rest.match(/^([0-9a-f]+)\r\n/i);
		const bytes = parseInt(size?.[1] ?? '', 16);

		if (!size || rest.length < size[0].length + bytes + 2)
			return undefined;
		whole += rest.slice(size[0].length, size[0].length + bytes);
		rest = rest.slice(size[0].length + bytes + 2);
		if (bytes === 0)
			return { text: whole, rest };
	}
}

/**
 * Sends bytes that no client library would and waits for the connection's end, so the last request should ask for it.
 * @param {number} port @param {string|Buffer} bytes @param {number} [ms]
 * @returns {Promise<{answers: RawAnswer[], text: string, ended: string, afterMs: number}>}
 */
export async function exchange(port, bytes, ms = 8000) {
	const connection = await RawConnection.open(port);
	const timer = setTimeout(() => connection.socket.destroy(new Error(`still open after ${ms} ms`)), ms);

	connection.write(bytes);
	await connection.over;
	clearTimeout(timer);
	return { answers: connection.answers(), text: connection.text, ended: connection.ended, afterMs: connection.endedAfterMs };
}
