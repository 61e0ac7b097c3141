/** Plain HTTP on node:http: every header is ours, none is added, each call is a connection of its own unless an agent is given. */
import http from 'node:http';
import net from 'node:net';
import { SLOW } from './wait.mjs';

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, any>} headers
 * @property {Buffer} raw
 * @property {string} text
 * @property {any} body   parsed where the answer says it is JSON
 * @property {string} asked  the request and the answer in a line, for messages
 *
 * @param {{port: number, method?: string, path: string, headers?: Record<string, any>,
 *   body?: unknown, raw?: string|Buffer, timeoutMs?: number, agent?: http.Agent|false}} call  `body` is sent as JSON, `raw` as it is
 * @returns {Promise<Answer>}  rejected with an error that has `reused` where the connection had carried another call before
 */
export function request({ port, method = 'GET', path, headers = {}, body, raw, timeoutMs = 30_000 * SLOW, agent = false }) {
	const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
	const bytes = payload === undefined ? undefined : Buffer.from(payload);
	const all = { ...headers };

	if (bytes && !hasHeader(all, 'content-type'))
		all['Content-Type'] = 'application/json';
	if (bytes && !hasHeader(all, 'transfer-encoding'))
		all['Content-Length'] = bytes.length;

	return new Promise((resolve, reject) => {
		const req = http.request({ host: '127.0.0.1', port, method, path, headers: all, agent, timeout: timeoutMs });
		const fail = (/** @type {Error} */ error) => reject(Object.assign(error, { reused: req.reusedSocket }));

		req.on('timeout', () => req.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs} ms`)));
		req.on('error', fail);
		req.on('response', (res) => {
			/** @type {Buffer[]} */
			const chunks = [];

			res.on('data', (chunk) => chunks.push(chunk));
			res.on('error', fail);
			res.on('end', () => {
				try {
					const whole = answer(res, Buffer.concat(chunks), `${method} ${path} ${String(bytes ?? '')}`);

					watcher({ method, path, sent: bytes && String(bytes) }, whole);
					resolve(whole);
				} catch (error) {	/* not the JSON that it says it is */
					fail(/** @type {Error} */ (error));
				}
			});
		});
		req.end(bytes);
	});
}

/** @typedef {(call: {method: string, path: string, sent?: string}, answer: Answer) => void} Watcher */
/** @type {Watcher} */
let watcher = () => {};

/** Has every answer looked at before whoever asked gets it; what the watcher throws, they get instead. @param {Watcher} look */
export function watchAnswers(look) {
	watcher = look;
}

/** @param {Record<string, any>} headers @param {string} name */
function hasHeader(headers, name) {
	return Object.keys(headers).some((key) => key.toLowerCase() === name);
}

/** @param {http.IncomingMessage} res @param {Buffer} raw @param {string} call @returns {Answer} */
function answer(res, raw, call) {
	const text = raw.toString('utf8');
	const json = /^application\/([a-z]+\+)?json\b/.test(res.headers['content-type'] ?? '');

	return {
		status: res.statusCode ?? 0,
		headers: res.headers,
		raw,
		text,
		body: json && text ? JSON.parse(text) : undefined,
		asked: JSON.stringify(`${call.slice(0, 200)} -> ${res.statusCode} ${text.slice(0, 200)}`),
	};
}

/**
 * Sends bytes that no client library would, and returns all that comes back, also where it ends with a reset.
 * @param {number} port @param {string} bytes
 * @returns {Promise<string>}
 */
export function rawRequest(port, bytes) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
		let text = '';

		socket.setTimeout(15_000 * SLOW, () => socket.destroy(new Error(`no answer in ${15 * SLOW} s`)));
		socket.on('data', (chunk) => { text += chunk; });
		socket.on('end', () => resolve(text));
		socket.on('close', () => resolve(text));
		socket.on('error', (error) => (text ? resolve(text) : reject(error)));
	});
}

/** Someone who calls the API: nobody, by bearer token, or by cookie. */
export class Caller {
	/** @param {number} port @param {{token?: string, cookie?: string}} [by] */
	constructor(port, { token, cookie } = {}) {
		this.port = port;
		this.token = token;
		this.cookie = cookie;
	}

	/** @param {string} method @param {string} path @param {object} [more] */
	call(method, path, { headers = {}, ...rest } = {}) {
		/** @type {Record<string, any>} */
		const all = { ...headers };

		if (this.token !== undefined)
			all.Authorization = `Bearer ${this.token}`;
		if (this.cookie !== undefined)
			all.Cookie = this.cookie;
		return request({ port: this.port, method, path, headers: all, ...rest });
	}

	/** @param {string} path @param {Record<string, any>} [headers] */
	get(path, headers) {
		return this.call('GET', path, { headers });
	}

	/** @param {string} path @param {unknown} [body] @param {Record<string, any>} [headers] */
	post(path, body, headers) {
		return this.call('POST', path, { body, headers });
	}

	/** @param {string} path @param {unknown} body @param {Record<string, any>} [headers] */
	patch(path, body, headers) {
		return this.call('PATCH', path, { body, headers });
	}

	/** @param {string} path @param {Record<string, any>} [headers] */
	del(path, headers) {
		return this.call('DELETE', path, { headers });
	}
}
