/** A reader of the event stream that keeps what a browser hides: headers, ids, comments, `retry:`. */
import http from 'node:http';
import { waitFor } from './wait.mjs';

/** @typedef {{id?: string, event: string, data: any, at: number}} StreamEvent */

/** @typedef {{opened?: (stream: Stream) => void, event?: (event: StreamEvent) => void}} StreamWatcher */
/** @type {StreamWatcher} */
let watcher = {};

/** Has every stream, and every event of one, looked at; what the watcher throws fails the test. @param {StreamWatcher} look */
export function watchStreams(look) {
	watcher = look;
}

export class Stream {
	/**
	 * Opens a stream and waits for the answer's headers, whatever the status.
	 * @param {number} port
	 * @param {{query?: string, headers?: Record<string, any>, token?: string, cookie?: string,
	 *   take?: (event: StreamEvent) => void}} [options]  with `take` nothing is kept: each event is handed over
	 * @returns {Promise<Stream>}
	 */
	static open(port, { query = '', headers = {}, token, cookie, take } = {}) {
		/** @type {Record<string, any>} */
		const all = { Accept: 'text/event-stream', ...headers };

		if (token !== undefined)
			all.Authorization = `Bearer ${token}`;
		if (cookie !== undefined)
			all.Cookie = cookie;
		return new Promise((resolve, reject) => {
			const req = http.request({ host: '127.0.0.1', port, path: `/api/events${query}`, headers: all, agent: false });

			req.on('error', reject);
			req.on('response', (res) => {
				const stream = new Stream(req, res, take);

				watcher.opened?.(stream);
				resolve(stream);
			});
			req.end();
		});
	}

	/** @param {http.ClientRequest} req @param {http.IncomingMessage} res @param {(event: StreamEvent) => void} [take] */
	constructor(req, res, take) {
		this.take = take;
		this.req = req;
		this.res = res;
		this.status = res.statusCode ?? 0;
		this.headers = res.headers;
		this.text = '';
		/** @type {StreamEvent[]} */
		this.events = [];
		/** @type {{text: string, at: number}[]} */
		this.comments = [];
		/** @type {string[]} every line but the events' own, in order */
		this.fields = [];
		this.retry = '';
		this.lastId = '';
		this.ended = false;
		this.rest = '';
		this.draft = { event: '', data: /** @type {string[]} */ ([]), id: /** @type {string|undefined} */ (undefined) };
		req.on('error', () => { this.ended = true; });
		res.on('error', () => { this.ended = true; });
		res.on('close', () => { this.ended = true; });
		res.setEncoding('utf8');
		res.on('data', (chunk) => this.#take(chunk));
	}

	close() {
		this.req.destroy();
	}

	/** Stops reading, as a browser that hangs would: the kernel's buffers fill up. */
	pause() {
		this.res.pause();
	}

	resume() {
		this.res.resume();
	}

	/**
	 * The first event, from `from` on, that is as wanted; waits for it.
	 * @param {string|((event: StreamEvent) => boolean)} wanted  a name or a test
	 * @param {{ms?: number, from?: number}} [options]
	 * @returns {Promise<StreamEvent>}
	 */
	next(wanted, { ms = 5000, from = 0 } = {}) {
		const fits = typeof wanted === 'string' ? (/** @type {StreamEvent} */ e) => e.event === wanted : wanted;

		return waitFor(`an event ${wanted}; there were ${this.events.map((e) => e.event).join(' ') || 'none'}`,
			() => this.events.slice(from).find(fits), ms);
	}

	/** The newest state of a drop that this reader has been told, merged size by size as the page does it.
	 * @param {number} dropId */
	stock(dropId) {
		let known = null;

		for (const { event, data } of this.events) {
			if (event === 'snapshot')
				known = data.drops.find((/** @type {any} */ d) => d.dropId === dropId) ?? known;
			else if (event === 'stock:update' && data.dropId === dropId && (!known || data.version > known.version))
				known = data;
		}
		return known;
	}

	/** @param {StreamEvent} event */
	#event(event) {
		watcher.event?.(event);
		if (this.take)
			this.take(event);
		else
			this.events.push(event);
	}

	/** @param {string} chunk */
	#take(chunk) {
		if (!this.take)
			this.text += chunk;
		const lines = (this.rest + chunk).split(/\r\n|\n|\r/);

		this.rest = lines.pop() ?? '';
		for (const line of lines)
			this.#line(line);
	}

	/** @param {string} line */
	#line(line) {
		if (line === '') {
			if (this.draft.data.length)
				this.#event({
					id: this.draft.id,
					event: this.draft.event || 'message',
					data: JSON.parse(this.draft.data.join('\n')),
					at: Date.now(),
				});
			this.draft = { event: '', data: [], id: undefined };
			return;
		}
		if (line.startsWith(':')) {
			if (this.take)
				return;
			this.comments.push({ text: line.slice(1), at: Date.now() });
			return;
		}
		const [, name = '', value = ''] = line.match(/^([^:]*):? ?(.*)$/s) ?? [];

		if (!this.take)
			this.fields.push(name);
		if (name === 'event')
			this.draft.event = value;
		else if (name === 'data')
			this.draft.data.push(value);
		else if (name === 'id')
			this.lastId = this.draft.id = value;
		else if (name === 'retry')
			this.retry = value;
	}
}
