/**
 * Buyers who reserve, buy, give back and let lapse, and who write down every answer, while a test breaks something. A
 * change whose outcome is unknown (no answer, a 5xx) is asked for again with its Idempotency-Key after a pause, as the
 * page does it. Afterwards the log, the database and the readers of the stream are compared: invariants.mjs.
 */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { request } from './http.mjs';
import { breaches, readersAgree } from './invariants.mjs';
import { Reader } from './reader.mjs';
import { people, tokens, unique } from './store.mjs';
import { ADMIN } from './stack.mjs';
import { pause, waitFor } from './wait.mjs';

/** @typedef {import('./invariants.mjs').Entry} Entry */
/** @typedef {import('./invariants.mjs').LoadDrop & {fields: Record<string, any>}} Drop */
/** @typedef {{name: string, token: string, agent: http.Agent, holds: Map<number, number>}} Buyer  holds: until when, by drop */
/** @typedef {{id: string, dropId: number, size: string, expiresAt: number}} Hold */
/**
 * One attempt: what became of it. `status` 0: no answer, and `why`. `reused`: on a connection that had carried another.
 * @typedef {{kind: Entry['kind'], at: number, ms: number, status: number, why: string, reused: boolean}} Attempt
 */

/** Much for everybody; too little for all, restocked now and then; one size alone. */
export const DROPS = [
	{ plenty: true, sizes: { 41: 50_000, 42: 50_000 }, holdSeconds: 3 },
	{ plenty: false, sizes: { S: 4, M: 2 }, holdSeconds: 2, restock: true },
	{ plenty: false, sizes: { '': 12 }, holdSeconds: 2, restock: true },
];

const CLIENT_TIMEOUT_MS = 20_000;
const AGREE_MS = 20_000;	/* for each reader to show what the database holds: 5 s are promised, and the time it took is told */

/** Numbers that another run with the same seed has too (mulberry32). @param {number} seed */
export function random(seed) {
	let a = seed >>> 0;

	return () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), a | 1);

		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

/**
 * @typedef {object} Options
 * @property {import('./stack.mjs').Stack} stack
 * @property {number} [buyers]
 * @property {number} [readers]
 * @property {{plenty: boolean, sizes: Record<string, number>, holdSeconds: number, restock?: boolean}[]} [drops]
 * @property {number} [thinkMs]  the longest pause of a buyer between two things
 * @property {number} [giveUpMs] how long a change is asked for again; a change that never had an answer is a breach
 * @property {number} [seed]
 */

/** Makes people, drops and readers, and lets the buyers go. @param {Options} options */
export async function startLoad(options) {
	const load = new Load(options);

	await load.start();
	return load;
}

export class Load {
	/** @param {Options} options */
	constructor({ stack, buyers = 24, readers = 10, drops = DROPS, thinkMs = 40, giveUpMs = 60_000, seed = crypto.randomInt(1e9) }) {
		this.stack = stack;
		this.size = { buyers, readers };
		this.wanted = drops;
		this.thinkMs = thinkMs;
		this.giveUpMs = giveUpMs;
		this.seed = seed;
		this.random = random(seed);
		/** @type {Drop[]} */
		this.drops = [];
		/** @type {Buyer[]} */
		this.buyers = [];
		/** @type {Reader[]} */
		this.readers = [];
		/** @type {Entry[]} */
		this.log = [];
		/** @type {Attempt[]} */
		this.attempts = [];
		/** @type {{at: number, dropId: number, version: number}[]} stock that was acknowledged, for how far browsers are behind */
		this.versions = [];
		this.over = false;
		this.startedAt = this.endedAt = this.settledAt = 0;
		/** @type {Promise<any>} */
		this.work = Promise.resolve();
	}

	async start() {
		const users = await people(this.size.buyers, 'user', this.stack);
		const [token = ''] = await tokens([ADMIN.email], this.stack);
		const [admin] = (await this.stack.sql(`SELECT username FROM lastpair.users WHERE email = '${ADMIN.email}'`)).split('\n');

		this.admin = this.#buyer(admin ?? '', token);
		this.buyers = users.map((u) => this.#buyer(u.username, u.api.token ?? ''));
		for (const wanted of this.wanted)
			this.drops.push(await this.#makeDrop(wanted));
		const ids = this.drops.map((d) => d.id);

		for (let i = 0; i < this.size.readers; i++)	/* everything, or these drops; everybody, or somebody */
			this.readers.push(new Reader(this.stack.port, {
				name: `${i + 1}`,
				drops: ids,
				query: i % 2 ? `?drops=${ids.join()}` : '',
				token: i % 4 === 3 ? this.buyers[i % this.buyers.length]?.token : undefined,
			}));
		await waitFor('every reader to have its snapshot', () => this.readers.every((r) => r.ready), 20_000);
		this.startedAt = Date.now();
		this.work = Promise.all([...this.buyers.map((b) => this.#shop(b)), this.#restock()]);
		this.work.catch(() => {});	/* settle() tells */
		await this.success('purchase', { ms: 30_000 });
	}

	/** @param {string} name @param {string} token @returns {Buyer} */
	#buyer(name, token) {
		return { name, token, agent: new http.Agent({ keepAlive: true, maxSockets: 1 }), holds: new Map() };
	}

	/** @param {Options['drops'] extends (infer D)[]|undefined ? D : never} wanted @returns {Promise<Drop>} */
	async #makeDrop({ plenty, sizes, ...fields }) {
		const names = Object.keys(sizes);
		const { restock, ...rest } = fields;
		const body = {
			name: unique('Load'), priceCents: 100, maxPerUser: 1000, coolDownSeconds: 0, ...rest,
			...(names.join() === '' ? { totalStock: sizes[''] } : { sizes: names.map((size) => ({ size, totalStock: sizes[size] })) }),
		};
		const res = await request({ port: this.stack.port, method: 'POST', path: '/api/drops', body, headers: { Authorization: `Bearer ${this.admin?.token}` } });

		assert.equal(res.status, 201, res.asked);
		return { id: res.body.drop.id, sizes, plenty, fields: { ...rest, restock } };
	}

	/** @template T @param {T[]} list @returns {T} */
	#pick(list) {
		return /** @type {T} */ (list[Math.floor(this.random() * list.length)]);
	}

	/** @param {number} ms about so long */
	#rest(ms) {
		return pause(ms * this.random());
	}

	/* ---- what the buyers do ---- */

	/** @param {Buyer} buyer */
	async #shop(buyer) {
		while (!this.over) {
			const drop = this.#choose(buyer);
			const hold = await this.#reserve(buyer, drop, this.#pick(Object.keys(drop.sizes)));

			if (hold)
				await this.#use(buyer, hold);
			await this.#rest(this.thinkMs);
		}
	}

	/** Rather of what there is plenty of, and seldom one of which this buyer let a hold be. @param {Buyer} buyer */
	#choose(buyer) {
		const plenty = this.drops.filter((d) => d.plenty);
		const free = (this.random() < 0.6 && plenty.length ? plenty : this.drops)
			.filter((d) => (buyer.holds.get(d.id) ?? 0) < Date.now() || this.random() < 0.1);

		return this.#pick(free.length ? free : this.drops);
	}

	/** @param {Buyer} buyer @param {Drop} drop @param {string} size @returns {Promise<Hold|null>} */
	async #reserve(buyer, drop, size) {
		const entry = this.#entry('reserve', buyer, drop.id, size);
		const body = await this.#ask(buyer, entry, 'POST', `/api/drops/${drop.id}/reservations`, size ? { size } : {});

		entry.heldUntil = buyer.holds.get(drop.id) ?? 0;
		if (entry.status !== 201)
			return null;
		const { id, expiresAt } = body.reservation;
		const hold = { id, dropId: drop.id, size, expiresAt: Date.parse(expiresAt) };

		entry.reservationId = id;
		buyer.holds.set(drop.id, hold.expiresAt);
		this.versions.push({ at: Date.now(), dropId: drop.id, version: body.drop.version });
		return hold;
	}

	/** Buys it, gives it back, forgets it, or comes at the last moment. @param {Buyer} buyer @param {Hold} hold */
	async #use(buyer, hold) {
		const what = this.random();

		await this.#rest(this.thinkMs);
		if (what < 0.6) {
			await this.#purchase(buyer, hold);
		} else if (what < 0.8) {
			const entry = this.#entry('release', buyer, hold.dropId, hold.size);

			entry.reservationId = hold.id;
			await this.#ask(buyer, entry, 'DELETE', `/api/reservations/${hold.id}`, undefined);
			this.#letGo(buyer, entry);
		} else if (what < 0.9) {
			const before = this.random() * 60 - 30;

			await pause(Math.max(0, hold.expiresAt - before - Date.now()));
			await this.#purchase(buyer, hold);
		}
	}

	/** @param {Buyer} buyer @param {Hold} hold */
	async #purchase(buyer, hold) {
		const entry = this.#entry('purchase', buyer, hold.dropId, hold.size);

		entry.reservationId = hold.id;
		const body = await this.#ask(buyer, entry, 'POST', `/api/reservations/${hold.id}/purchase`, {});

		entry.purchaseId = body?.purchase?.id;
		this.#letGo(buyer, entry);
	}

	/** Bought, given back, or over: nothing is held of that drop any more. @param {Buyer} buyer @param {Entry} entry */
	#letGo(buyer, entry) {
		if (entry.status > 0 && entry.status < 500)
			buyer.holds.delete(entry.dropId);
	}

	/** Now and then a pair or two of what is scarce. */
	async #restock() {
		const scarce = this.drops.filter((d) => d.fields.restock);

		while (!this.over && scarce.length && this.admin) {
			const drop = this.#pick(scarce);
			const entry = this.#entry('restock', this.admin, drop.id, this.#pick(Object.keys(drop.sizes)));

			entry.quantity = 1 + Math.floor(this.random() * 3);
			await this.#rest(1000);
			await this.#ask(this.admin, entry, 'POST', `/api/drops/${drop.id}/restock`,
				{ ...(entry.size ? { size: entry.size } : {}), quantity: entry.quantity });
		}
	}

	/** @param {Entry['kind']} kind @param {Buyer} buyer @param {number} dropId @param {string} size @returns {Entry} */
	#entry(kind, buyer, dropId, size) {
		return {
			kind, user: buyer.name, dropId, size, status: 0, code: 'never asked', unsure: false,
			key: kind === 'release' ? '' : crypto.randomBytes(12).toString('hex'),
		};
	}

	/** Asks until there is an answer that settles it; gives the answer's body.
	 * @param {Buyer} buyer @param {Entry} entry @param {string} method @param {string} path @param {unknown} body */
	async #ask(buyer, entry, method, path, body) {
		const giveUpAt = Date.now() + this.giveUpMs;
		const headers = { Authorization: `Bearer ${buyer.token}`, ...(entry.key ? { 'Idempotency-Key': entry.key } : {}) };

		this.log.push(entry);
		for (;;) {
			entry.asked = Date.now();
			const { attempt, answer } = await this.#try(entry.kind, { method, path, body, headers, agent: buyer.agent });

			entry.status = attempt.status;
			entry.code = attempt.why;
			if (answer && attempt.status < 500 && attempt.status !== 429)
				return answer;
			entry.unsure ||= attempt.status !== 429;
			if (Date.now() > giveUpAt)
				return undefined;
			await pause(50 + 200 * this.random());
		}
	}

	/** @param {Entry['kind']} kind @param {Omit<Parameters<typeof request>[0], 'port'>} call */
	async #try(kind, call) {
		const at = Date.now();
		const began = performance.now();
		/** @type {Attempt} */
		const attempt = { kind, at, ms: 0, status: 0, why: '', reused: false };
		let answer;

		try {
			const res = await request({ port: this.stack.port, timeoutMs: CLIENT_TIMEOUT_MS, ...call });

			attempt.status = res.status;
			attempt.why = res.body?.code ?? '';
			if (res.status >= 500 && (attempt.why === '' || !/^[1-9]/.test(res.headers['retry-after'] ?? '')))
				attempt.why = 'not a problem document with Retry-After';
			answer = res.body ?? {};
		} catch (error) {
			const { code, message, reused } = /** @type {any} */ (error);

			attempt.why = code ?? message;
			attempt.reused = Boolean(reused);
		}
		attempt.ms = performance.now() - began;
		this.attempts.push(attempt);
		return { attempt, answer };
	}

	/* ---- what tests ask while it goes on ---- */

	/** Until a change of that kind is acknowledged which was asked for from now on; gives how many milliseconds that took.
	 * @param {Entry['kind']} [kind] @param {{after?: number, ms?: number}} [options] */
	async success(kind = 'purchase', { after = Date.now(), ms = 30_000 } = {}) {
		let from = this.attempts.length;

		while (from > 0 && (this.attempts[from - 1]?.at ?? 0) >= after)
			from--;
		const hit = await waitFor(`a ${kind} to be acknowledged`, () => this.attempts.slice(from)
			.find((a) => a.kind === kind && a.at >= after && a.status >= 200 && a.status < 300), ms);

		return Math.round(hit.at + hit.ms - after);
	}

	/** Milliseconds of the reserves that were asked for in that time and got a pair.
	 * @param {number} [from] @param {number} [to] @param {Entry['kind']} [kind] */
	latency(from = 0, to = Infinity, kind = 'reserve') {
		const all = this.attempts.filter((a) => a.kind === kind && a.at >= from && a.at < to && a.status >= 200 && a.status < 300)
			.map((a) => a.ms).sort((a, b) => a - b);

		return { n: all.length, p50: quantile(all, 0.5), p99: quantile(all, 0.99), max: quantile(all, 1) };
	}

	/** How often each answer came in that time: `{'201': 900, '503 unavailable': 3, ECONNRESET: 1}`.
	 * @param {number} [from] @param {number} [to] */
	answers(from = 0, to = Infinity) {
		return tally(this.attempts.filter((a) => a.at >= from && a.at < to)
			.map((a) => (a.status ? `${a.status} ${a.why}`.trim() : a.why)));
	}

	/** The longest time in which nobody was answered with success, in milliseconds. @param {number} [from] @param {number} [to] */
	longestGap(from = this.startedAt, to = this.endedAt || Date.now()) {
		const times = this.attempts.filter((a) => a.status >= 200 && a.status < 300).map((a) => a.at + a.ms)
			.filter((at) => at >= from && at <= to).sort((a, b) => a - b);
		let longest = 0;
		let last = from;

		for (const at of [...times, to]) {
			longest = Math.max(longest, at - last);
			last = at;
		}
		return Math.round(longest);
	}

	/** How long after an answer in that time each reader showed its stock or a newer one, in milliseconds; `latest`: when the last
	 * of them did.
	 * @param {number} [from] @param {number} [to] */
	lag(from = 0, to = Infinity) {
		/** @type {number[]} */
		const all = [];
		let latest = 0;

		for (const reader of this.readers)
			for (const drop of this.drops) {
				const told = reader.told.filter((t) => t.dropId === drop.id);
				let i = 0;

				for (const v of this.versions.filter((x) => x.dropId === drop.id).sort((a, b) => a.version - b.version)) {
					while (i < told.length && (told[i]?.version ?? 0) < v.version)
						i++;
					if (v.at < from || v.at >= to)
						continue;
					const shownAt = told[i]?.at ?? Infinity;

					latest = Math.max(latest, shownAt);
					all.push(Math.max(0, shownAt - v.at));
				}
			}
		all.sort((a, b) => a - b);
		return { n: all.length, p50: quantile(all, 0.5), p99: quantile(all, 0.99), max: quantile(all, 1), latest };
	}

	/* ---- the end ---- */

	/** Nobody begins anything new, and every change that was begun gets its answer. */
	async settle() {
		this.over = true;
		this.endedAt = Date.now();
		await this.work;
		this.settledAt = Date.now();
	}

	/** Compares log, database and readers, once settled; gives figures. */
	async verify() {
		assert.ok(this.settledAt, 'settle() comes first');
		const began = Date.now();
		let evidence = await this.#evidence();

		/* what lapses meanwhile moves the stock on, so both are looked at again */
		while (readersAgree(evidence).length && Date.now() - began < AGREE_MS) {
			await pause(100);
			evidence = await this.#evidence();
		}
		const agreedMs = Date.now() - began;
		const wrong = breaches(evidence);
		const { clean, text } = await this.stack.audit();

		assert.deepEqual(wrong.slice(0, 12), [], `${wrong.length} breaches (seed ${this.seed})`);
		assert.ok(clean, text);
		return this.figures(evidence, agreedMs);
	}

	/** All of it, of one snapshot of the database. @returns {Promise<import('./invariants.mjs').Evidence>} */
	async #evidence() {
		const ids = this.drops.map((d) => d.id).join();
		const ms = (/** @type {string} */ column) => `(extract(epoch FROM ${column}) * 1000)::bigint`;
		const rows = (/** @type {string} */ query) => `(SELECT coalesce(json_agg(q), '[]') FROM (${query}) q)`;
		const users = [...this.buyers, ...(this.admin ? [this.admin] : [])].map((b) => `'${b.name}'`).join();
		const text = await this.stack.sql(`SELECT json_build_object(
			'stock', ${rows(`SELECT drop_id AS "dropId", size, total, available, reserved, sold, version FROM lastpair.stock WHERE drop_id IN (${ids})`)},
			'holds', ${rows(`SELECT r.id, drop_id AS "dropId", size, username AS "user", status, ${ms('r.created_at')} AS "createdAt",
				${ms('expires_at')} AS "expiresAt", ${ms('closed_at')} AS "closedAt"
				FROM lastpair.reservations r JOIN lastpair.users u ON u.id = user_id WHERE drop_id IN (${ids})`)},
			'sales', ${rows(`SELECT p.id, reservation_id AS "reservationId", drop_id AS "dropId", size, username AS "user",
				${ms('purchased_at')} AS "purchasedAt"
				FROM lastpair.purchases p JOIN lastpair.users u ON u.id = user_id WHERE drop_id IN (${ids})`)},
			'keys', ${rows(`SELECT username AS "user", key, status, body::json->'reservation'->>'id' AS "reservationId",
				body::json->'purchase'->>'id' AS "purchaseId"
				FROM lastpair.idempotency_keys k JOIN lastpair.users u ON u.id = user_id WHERE username IN (${users})`)})`);

		return { log: this.log, drops: this.drops, readers: this.readers, ...JSON.parse(text) };
	}

	/** @param {import('./invariants.mjs').Evidence} evidence @param {number} agreedMs */
	figures(evidence, agreedMs) {
		const done = this.log.filter((a) => a.status >= 200 && a.status < 300);
		const reserve = this.latency();
		const lag = this.lag();

		return {
			seconds: Math.round((this.endedAt - this.startedAt) / 1000),
			acknowledged: tally(done.map((a) => a.kind)),
			foundAgain: done.filter((a) => a.unsure).length,
			refused: tally(this.log.filter((a) => a.status >= 400).map((a) => a.code)),
			answers: this.answers(),
			unknown: this.attempts.filter((a) => a.status === 0 || a.status >= 500).length,
			reserve,
			longestGap: this.longestGap(),
			lag,
			agreedMs,
			inDatabase: { holds: evidence.holds.length, sales: evidence.sales.length, keys: evidence.keys.length },
			streams: this.readers.reduce((n, r) => n + r.connections.length, 0),
			events: this.readers.reduce((n, r) => n + r.told.length, 0),
		};
	}

	/** Ends what is open; for the end of a test, however it ends. */
	stop() {
		this.over = true;
		this.giveUpMs = 0;
		for (const reader of this.readers)
			reader.close();
		for (const buyer of [...this.buyers, ...(this.admin ? [this.admin] : [])])
			buyer.agent.destroy();
	}
}

/** @param {string[]} words @returns {Record<string, number>} */
function tally(words) {
	/** @type {Record<string, number>} */
	const counts = {};

	for (const word of words)
		counts[word] = (counts[word] ?? 0) + 1;
	return counts;
}

/** @param {number[]} sorted @param {number} q */
function quantile(sorted, q) {
	return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0) * 10) / 10;
}

/** Figures in a few lines, for a test to tell. @param {Awaited<ReturnType<Load['verify']>>} f @returns {string[]} */
export function told(f) {
	const list = (/** @type {Record<string, number>} */ counts) => Object.entries(counts).map(([what, n]) => `${n} ${what}`).join(', ') || 'none';

	return [
		`acknowledged in ${f.seconds} s, and all of it there once: ${list(f.acknowledged)}; refused: ${list(f.refused)}`,
		`attempts without a known outcome: ${f.unknown}; ${f.foundAgain} of those changes acknowledged later; longest time without a success: ${f.longestGap} ms`,
		`reserve p50 ${f.reserve.p50} ms, p99 ${f.reserve.p99} ms; readers behind an answer p50 ${f.lag.p50} ms, p99 ${f.lag.p99} ms, at most ${f.lag.max} ms, all right ${f.agreedMs} ms after the end`,
	];
}
