/** A browser's place at the stream for as long as a test lasts: it comes back with the id it had, and notes what it was told. */
import { Stream } from './sse.mjs';
import { pause } from './wait.mjs';

/**
 * @typedef {{size: string, totalStock: number, availableStock: number, reservedStock: number, soldStock: number}} Size
 * @typedef {{epoch: string, version: number, sizes: Size[]}} Known  the newest stock of a drop
 * @typedef {{at: number, dropId: number, epoch: string, version: number, event: string}} Told
 */

/** What stands before the numbers of an id: within it versions rise. @param {string} id */
const epochOf = (id) => id.split('-')[0] ?? '';

export class Reader {
	/** @param {number} port @param {{name: string, drops: number[], query?: string, token?: string, waitMs?: number}} options
	 *   only `drops` are noted */
	constructor(port, { name, drops, query = '', token, waitMs = 200 }) {
		this.port = port;
		this.name = name;
		this.query = query;
		this.token = token;
		this.waitMs = waitMs;
		this.drops = new Set(drops);
		/** @type {Map<number, Known>} */
		this.known = new Map();
		/** @type {Told[]} what it was told of stock, in the order it came */
		this.told = [];
		/** @type {{at: number, endedAt: number, snapshot: boolean, came: boolean}[]} */
		this.connections = [];
		/** @type {{at: number, why: string}[]} attempts that came to nothing */
		this.refused = [];
		this.lastId = '';
		this.closed = false;
		/** @type {Stream|undefined} */
		this.stream = undefined;
		this.done = this.#follow();
	}

	close() {
		this.closed = true;
		this.stream?.close();
	}

	/** Every drop is known, and the stream is up. */
	get ready() {
		return !this.stream?.ended && [...this.drops].every((id) => this.known.has(id));
	}

	/** Ends the connection as a lost network would; it comes back by itself. */
	cut() {
		this.stream?.close();
	}

	async #follow() {
		while (!this.closed) {
			const why = await this.#once().catch((error) => error.code ?? error.message);

			if (why)
				this.refused.push({ at: Date.now(), why: String(why) });
			if (!this.closed)
				await pause(this.waitMs * (0.5 + Math.random()));
		}
	}

	/** One connection, from its beginning to its end; gives what it was refused with. */
	async #once() {
		const connection = { at: Date.now(), endedAt: 0, snapshot: false, came: false };
		const stream = await Stream.open(this.port, {
			query: this.query,
			token: this.token,
			headers: this.lastId ? { 'Last-Event-ID': this.lastId } : {},
			take: (event) => {
				if (!connection.came)
					connection.snapshot = event.event === 'snapshot';
				connection.came = true;
				this.#take(event);
			},
		});

		if (stream.status !== 200) {
			stream.close();
			return stream.status;
		}
		this.stream = stream;
		this.connections.push(connection);
		if (this.closed)
			stream.close();
		await new Promise((resolve) => {
			stream.res.on('close', resolve);
			if (stream.ended)
				resolve(undefined);
		});
		connection.endedAt = Date.now();
		return undefined;
	}

	/** @param {import('./sse.mjs').StreamEvent} event */
	#take({ id, event, data, at }) {
		if (id)
			this.lastId = id;
		if (event === 'snapshot')
			for (const stock of data.drops)
				this.#stock(stock, event, at);
		else if (event === 'stock:update')
			this.#stock(data, event, at);
	}

	/** @param {{dropId: number, version: number, sizes: Size[]}} stock @param {string} event @param {number} at */
	#stock({ dropId, version, sizes }, event, at) {
		const epoch = epochOf(this.lastId);
		const known = this.known.get(dropId);

		if (!this.drops.has(dropId))
			return;
		this.told.push({ at, dropId, epoch, version, event });
		/* as the page does it: a snapshot replaces what was known, else the newest wins */
		if (!known || event === 'snapshot' || version > known.version)
			this.known.set(dropId, { epoch, version, sizes });
	}
}
