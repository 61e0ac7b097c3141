/** A worker asked without a web server between: FastCGI 1.0 over a Unix socket, one request after another on a kept connection. */
import net from 'node:net';

const BEGIN_REQUEST = 1;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const RESPONDER_KEPT = Buffer.from([0, 1, 1, 0, 0, 0, 0, 0]);

export class FcgiConnection {
	/** @type {((status: number) => void)|undefined} */
	#answered;
	#unread = Buffer.alloc(0);
	#said = '';

	/** @param {net.Socket} socket */
	constructor(socket) {
		this.socket = socket;
		/** Whether the worker has left it. */
		this.left = false;
		socket.on('data', (bytes) => this.#take(bytes));
		socket.on('error', () => {});	/* `close` follows */
		socket.on('close', () => {
			this.left = true;
			this.#answered?.(0);
		});
	}

	/** @param {string} path  of the socket @returns {Promise<FcgiConnection>} */
	static open(path) {
		return new Promise((resolve, reject) => {
			const socket = net.connect(path, () => {
				socket.off('error', reject);
				resolve(connection);
			});
			const connection = new FcgiConnection(socket);

			socket.on('error', reject);
		});
	}

	/** @param {Buffer} bytes */
	#take(bytes) {
		this.#unread = Buffer.concat([this.#unread, bytes]);
		while (this.#unread.length >= 8 && this.#unread.length >= 8 + this.#unread.readUInt16BE(4) + this.#unread.readUInt8(6)) {
			const end = 8 + this.#unread.readUInt16BE(4);
			const type = this.#unread.readUInt8(1);

			if (type === STDOUT)
				this.#said += this.#unread.toString('latin1', 8, end);
			this.#unread = this.#unread.subarray(end + this.#unread.readUInt8(6));
			if (type === END_REQUEST)
				this.#answered?.(Number(this.#said.match(/^Status: (\d{3})/m)?.[1] ?? 200));
		}
	}

	/** Asks without a body. @param {Record<string, string>} params @returns {Promise<number>} the answer's status; 0: the
	 * connection was closed instead */
	ask(params) {
		if (this.left)
			return Promise.resolve(0);
		return new Promise((resolve) => {
			this.#said = '';
			this.#answered = resolve;
			this.socket.write(Buffer.concat([
				record(BEGIN_REQUEST, RESPONDER_KEPT),
				record(PARAMS, Buffer.concat(Object.entries(params).flatMap(pair))), record(PARAMS), record(STDIN),
			]));
		});
	}

	close() {
		this.socket.destroy();
	}
}

/** @param {number} type @param {Buffer} [content] */
function record(type, content = Buffer.alloc(0)) {
	const head = Buffer.from([1, type, 0, 1, 0, 0, 0, 0]);

	head.writeUInt16BE(content.length, 4);
	return Buffer.concat([head, content]);
}

/** Lengths of four bytes, which any may have. @param {[string, string]} param */
function pair([name, value]) {
	const lengths = Buffer.alloc(8);

	lengths.writeUInt32BE((Buffer.byteLength(name) | 0x80000000) >>> 0, 0);
	lengths.writeUInt32BE((Buffer.byteLength(value) | 0x80000000) >>> 0, 4);
	return [lengths, Buffer.from(name), Buffer.from(value)];
}
