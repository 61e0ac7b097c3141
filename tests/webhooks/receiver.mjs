/** A receiver of webhooks, which answers as a test wants it to, and checks signatures by itself. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { assertSchema } from '../lib/openapi.mjs';
import { waitFor } from '../lib/wait.mjs';

/** @type {Record<string, string>} */
const SCHEMAS = { sale: 'WebhookSale', sold_out: 'WebhookSoldOut', drop_opened: 'WebhookDropOpened', test: 'WebhookTest' };

/** @typedef {{method: string, path: string, headers: http.IncomingHttpHeaders, text: string, body: any, at: number}} Got */
/** @typedef {(got: Got, res: http.ServerResponse) => void} Answering */

export class Receiver {
	/** @param {http.Server} server */
	constructor(server) {
		this.server = server;
		/** @type {Got[]} */
		this.got = [];
		/** @type {string[]} what was wrong with what came */
		this.faults = [];
		/** How many requests were open at once, at most. */
		this.most = 0;
		this.open = 0;
		/** @type {Answering} */
		this.answer = (_, res) => void res.writeHead(200).end();
		server.on('request', (req, res) => this.#take(req, res));
	}

	/** @param {import('node:test').TestContext} t @param {http.Server} [server] */
	static async start(t, server = http.createServer()) {
		const receiver = new Receiver(server);

		await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
		t.after(() => receiver.stop());
		return receiver;
	}

	get port() {
		return /** @type {import('node:net').AddressInfo} */ (this.server.address()).port;
	}

	get url() {
		return `http://127.0.0.1:${this.port}/hook`;
	}

	stop() {
		this.server.close();
		this.server.closeAllConnections();
	}

	/** @param {http.IncomingMessage} req @param {http.ServerResponse} res */
	#take(req, res) {
		let text = '';

		this.most = Math.max(this.most, ++this.open);
		res.on('close', () => { this.open--; });
		req.on('error', () => {});
		req.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
		req.on('end', () => {
			const got = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, text, body: parsed(text), at: Date.now() };

			this.got.push(got);
			this.#look(got);
			this.answer(got, res);
		});
	}

	/** @param {Got} got */
	#look({ method, headers, body }) {
		try {
			if (method !== 'POST' || headers['content-type'] !== 'application/json')
				throw new Error(`${method} ${headers['content-type']}`);
			if (headers['lastpair-event-id'] !== body.id)
				throw new Error('the header names another event');
			assertSchema(SCHEMAS[body.type] ?? 'no such type', body);
		} catch (error) {
			this.faults.push(String(error));
		}
	}

	/** Those of a type, in the order in which they came. @param {string} type */
	of(type) {
		return this.got.filter(({ body }) => body.type === type);
	}

	/** Waits until so many have come. @param {number} n @param {number} [ms] @returns {Promise<Got[]>} */
	async count(n, ms = 15_000) {
		await waitFor(`${n} deliveries; there are ${this.got.length}`, () => this.got.length >= n, ms);
		return this.got;
	}
}

/** @param {string} text */
function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return {};
	}
}

/**
 * As a receiver does it: the time is near, and one of the signatures is of this secret.
 * @param {Got} got @param {string} secret
 */
export function signed({ headers, text }, secret) {
	const parts = String(headers['lastpair-signature']).split(',').map((part) => part.split('='));
	const time = parts.find(([name]) => name === 't')?.[1] ?? '';
	const mine = createHmac('sha256', secret).update(`${time}.${text}`).digest();

	return Math.abs(Date.now() / 1000 - Number(time)) < 300 && parts.some(([name, hex = '']) => name === 'v1'
		&& hex.length === 64 && timingSafeEqual(Buffer.from(hex, 'hex'), mine));
}
