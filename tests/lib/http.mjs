/** Plain HTTP on node:http: every header is ours, none is added, each call is a connection of its own. */
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
 *   body?: unknown, raw?: string|Buffer, timeoutMs?: number}} call  `body` is sent as JSON, `raw` as it is
 * @returns {Promise<Answer>}
 */
export function request({ port, method = 'GET', path, headers = {}, body, raw, timeoutMs = 30_000 * SLOW }) {
	const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
	const bytes = payload === undefined ? undefined : Buffer.from(payload);
	const all = { ...headers };

	if (bytes && !hasHeader(all, 'content-type'))
		all['Content-Type'] = 'application/json';
	if (bytes && !hasHeader(all, 'transfer-encoding'))
		all['Content-Length'] = bytes.length;

	return new Promise((resolve, reject) => {
		const req = http.request({ host: '127.0.0.1', port, method, path, headers: all, agent: false, timeout: timeoutMs });

		req.on('timeout', () => req.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs} ms`)));
		req.on('error', reject);
		req.on('response', (res) => {
			/** @type {Buffer[]} */
			const chunks = [];

			res.on('data', (chunk) => chunks.push(chunk));
			res.on('error', reject);
			res.on('end', () => resolve(answer(res, Buffer.concat(chunks), `${method} ${path} ${String(bytes ?? '')}`)));
		});
		req.end(bytes);
	});
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
