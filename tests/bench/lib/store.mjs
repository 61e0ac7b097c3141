/** A store for the bench: `./run --detach` as anybody would start it, with many users and their tokens. */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Caller } from '../../lib/http.mjs';
import { ADMIN, Stack } from '../../lib/stack.mjs';
import { pause, waitFor } from '../../lib/wait.mjs';
import { unservedOf } from './figures.mjs';
import { output, wrk } from './load.mjs';

/** A bcrypt hash of the least cost; nobody signs in with it. */
const ANY_HASH = '$2b$04$pUmam2TMAp23ldkumaG1i.Tij6d.GcdRFgCm2xaWy/p6Q/VZ.MyfW';
const OWN_MARK = '# ---- your own settings: what stands below this line is kept ----';
const LOG_FILES = 24;	/* of 16 MiB: more than a rush of some seconds fills, fewer than are kept (dist/stack/postgres.conf.in) */
const FIRST_PORT = Number(process.env.LASTPAIR_BENCH_PORT ?? 28100);
const PORTS = 100;
export const USERS = 100_000;
export const PAIRS = 1_000_000;	/* of a drop nobody can empty */

/** @type {Set<Stack>} stores that this process has to stop */
const live = new Set();

process.on('exit', () => {
	for (const stack of live)
		stack.stop();
});

/** A port below those that the kernel gives to clients, so that no load can take it meanwhile. */
export async function freePort() {
	for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port++)
		if (!given.has(port) && await canListen(port)) {
			given.add(port);
			return port;
		}
	throw new Error(`no port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} is free`);
}

/** @type {Set<number>} */
const given = new Set();

/** @param {number} port @returns {Promise<boolean>} */
function canListen(port) {
	return new Promise((resolve) => {
		const server = net.createServer();

		server.on('error', () => resolve(false));
		server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
	});
}

/** A new folder that the store's own user can enter. @returns {string} */
export function newFolder() {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-bench-'));

	fs.chmodSync(folder, 0o755);
	return folder;
}

export class Store {
	/** @param {import('./bench.mjs').Bench} bench @param {string} name @param {Stack} stack */
	constructor(bench, name, stack) {
		this.bench = bench;
		this.name = name;
		this.stack = stack;
		this.url = stack.url;
		this.tokens = path.join(path.dirname(stack.dir), 'tokens');
		this.sockets = path.join(stack.dir, 'run');
	}

	/**
	 * Starts a store with users u0, u1, ... at load.example, each signed in: their tokens, in this order, are the lines of
	 * the file `tokens`. It is stopped and removed when the part ends.
	 * @param {import('./bench.mjs').Bench} bench
	 * @param {{name?: string, users?: number, settings?: Record<string, string|number>, postgres?: string[],
	 *   site?: string, args?: string[]}} [options]
	 *   `settings`: of lastpair.conf; `postgres`: lines for PostgreSQL's; `site`: directives for nginx's server block
	 */
	static async start(bench, { name = 'store', users = USERS, settings = {}, postgres = [], site = '', args = [] } = {}) {
		const stack = new Stack(path.join(newFolder(), 'store'), await freePort());
		const store = new Store(bench, name, stack);

		bench.step(`starting ${name} on port ${stack.port}${users ? `, with ${users.toLocaleString('en-US')} users` : ''}`);
		live.add(stack);
		bench.defer(() => store.stop());
		fs.mkdirSync(stack.dir);
		fs.writeFileSync(path.join(stack.dir, 'lastpair.conf'), confText(settings));
		fs.writeFileSync(path.join(stack.dir, 'postgres.local.conf'), postgres.map((line) => `${line}\n`).join(''));
		await stack.again(['--no-demo', ...args]);
		if (site) {	/* the folder was not its user's before */
			fs.mkdirSync(path.join(stack.dir, 'site.d'));
			fs.writeFileSync(path.join(stack.dir, 'site.d', 'bench.conf'), site);
			stack.halt();
			await stack.again(['--no-demo', ...args]);
		}
		await stack.whole();
		store.#mustHave(settings);
		/* where the folder's path is too long for a socket, they are elsewhere */
		const elsewhere = path.join(stack.dir, 'socketdir');

		if (fs.existsSync(elsewhere))
			store.sockets = fs.readFileSync(elsewhere, 'utf8').trim();
		store.admin = new Caller(stack.port, { token: (await store.ctl(['token', '-'], `${ADMIN.email}\n`)).trim() });
		if (users)
			await store.#signIn(users);
		await store.#useLog();
		return store;
	}

	/** Fails when ./run has not kept the settings. @param {Record<string, string|number>} settings */
	#mustHave(settings) {
		const lines = fs.readFileSync(path.join(this.stack.dir, 'lastpair.conf'), 'utf8').split('\n');

		for (const [name, value] of Object.entries(settings))
			if (!lines.includes(`${name} = ${value}`))
				throw new Error(`${this.name} runs without ${name} = ${value}`);
	}

	/** @param {number} count */
	async #signIn(count) {
		const all = Array.from({ length: count }, (_, i) => `u${i}`);

		await this.ctl(['user', 'import', '-'], all.map((u) => `${u},${u}@load.example,${ANY_HASH},user\n`).join(''));
		await this.signIn(all.map((u) => `${u}@load.example`));
	}

	/** Makes these the users of the load: a fresh token for each. @param {string[]} emails */
	async signIn(emails) {
		const half = Math.ceil(emails.length / 2);
		const issued = await Promise.all([emails.slice(0, half), emails.slice(half)]
			.map((some) => this.ctl(['token', '-'], some.map((email) => `${email}\n`).join(''))));

		fs.writeFileSync(this.tokens, issued.join(''));
		this.users = emails.length;
	}

	/** `lastpairctl ...`; fails when it does. @param {string[]} args @param {string} [input] @returns {Promise<string>} */
	async ctl(args, input) {
		const { code, stdout, stderr } = await this.stack.ctl(args, input);

		if (code !== 0)
			throw new Error(`lastpairctl ${args.join(' ')}: ${stderr}`);
		return stdout;
	}

	/** What one statement answers, as psql's plain text, by the store's owner. @param {string} statement */
	sql(statement) {
		return this.stack.sql(statement);
	}

	/** A drop that is live and that nobody can empty in a run. @param {Record<string, any>} [fields] @returns {Promise<any>} */
	async drop(fields = {}) {
		const body = { name: 'Bench', priceCents: 12900, totalStock: PAIRS, holdSeconds: 3600, ...fields };
		const res = await this.admin.post('/api/drops', body);

		if (res.status !== 201)
			throw new Error(`a drop could not be made: ${res.asked}`);
		return res.body.drop;
	}

	/** @param {number} count @param {Record<string, any>} [fields] @returns {Promise<any[]>} */
	async drops(count, fields) {
		const all = [];

		while (all.length < count)
			all.push(await this.drop(fields));
		return all;
	}

	/** Pairs of these drops that are held, by the database, once that number stands still: what a client had asked for
	 * when it left may still be on its way. @param {number[]} ids */
	async held(ids) {
		const read = () => this.sql(`SELECT coalesce(sum(reserved), 0) FROM lastpair.stock WHERE drop_id IN (${ids.join(',')})`);
		let before = await read();

		return waitFor('the last reserves to settle', async () => {
			await pause(100);
			const now = await read();
			const still = now === before;

			before = now;
			return still ? { pairs: Number(now) } : undefined;
		}).then(({ pairs }) => pairs);
	}

	/**
	 * One measurement of the rush: reserves of as many different users as there are requests, on a fresh drop; once all users
	 * have theirs (a fast machine gets there) on a second one. Every one of them has to be accepted, and the database has to
	 * hold as many pairs as the client counted (and at most one a connection more: those whose answers it did not wait for);
	 * else the measurement fails.
	 * @param {{connections?: number, seconds?: number, drops?: any[], stay?: number, think?: number}} [load]
	 *   `drops`, `stay`, `think`: see load/reserve.lua @returns {Promise<import('./figures.mjs').Load>}
	 */
	async reserves({ connections = 64, seconds = 4, drops, stay = 0, think = 0 } = {}) {
		const ids = (drops ?? await this.drops(2)).map(({ id }) => id);
		const before = drops ? await this.held(ids) : 0;
		const load = await rush({ url: this.url, tokens: this.tokens, connections, seconds, ids, stay, think });

		verify(load, await this.held(ids) - before, connections);
		return load;
	}

	/** The same; `unserved` is how many connections were not answered in the second half of the run: wrk's own times
	 * know nothing of them. @param {{connections: number, seconds?: number}} load */
	async reservesWatched({ connections, seconds = 4 }) {
		const log = path.join(this.stack.dir, 'log/access.log');
		const from = fs.statSync(log).size;
		const load = await this.reserves({ connections, seconds });

		await pause(1100);	/* nginx writes its log once a second */
		return { ...load, unserved: unservedOf(readFrom(log, from), seconds / 2) };
	}

	/** What the sold-out drop answers: every request has to be refused, and the stock must stay as it is.
	 * @param {{connections?: number, seconds?: number}} [load] @returns {Promise<import('./figures.mjs').Load>} */
	async refusals({ connections = 64, seconds = 4 } = {}) {
		this.soldOut ??= await this.#sellOut();
		const load = await rush({ url: this.url, tokens: this.tokens, connections, seconds, ids: [this.soldOut.id] });

		if (load.broken || load.refused !== load.answers)
			throw new Error(`not every answer was a refusal: ${JSON.stringify(load)}`);
		if (await this.held([this.soldOut.id]) !== 1)
			throw new Error('a drop that is sold out has changed');
		return load;
	}

	/** A drop with one pair, which the administrator holds. */
	async #sellOut() {
		const drop = await this.drop({ totalStock: 1 });
		const path = `/api/drops/${drop.id}/reservations`;
		const token = fs.readFileSync(this.tokens, 'utf8').split('\n')[0];
		const got = await this.admin.post(path, {});
		const refused = await new Caller(this.stack.port, { token }).post(path, {});

		if (got.status !== 201 || refused.body?.code !== 'sold_out')
			throw new Error(`the drop is not sold out: ${got.asked} ${refused.asked}`);
		return drop;
	}

	/** Lets caches fill and plans be made before anything is measured. */
	async warmUp() {
		await this.reserves({ seconds: 1 });
	}

	/** Has what was filled in bulk written out, so that a rush does not meet that work half done. */
	async checkpoint() {
		await this.#asSuperuser(['CHECKPOINT']);
	}

	/** Makes it a store that is in use: the files of its write-ahead log are there to be used again. Before, each new one is
	 * filled with zeros first, while everybody waits. */
	async #useLog() {
		await this.#asSuperuser(Array(LOG_FILES).fill(['BEGIN', "SELECT pg_logical_emit_message(true, 'bench', '')", 'COMMIT', 'SELECT pg_switch_wal()']).flat());
		await this.checkpoint();
	}

	/** @param {string[]} statements */
	async #asSuperuser(statements) {
		const superuser = (await output('stat', ['-c', '%U', this.stack.dir])).trim();

		await output('psql', ['-X', '-h', this.sockets, '-p', '5432', '-U', superuser, '-d', 'lastpair', '-q', '-o', '/dev/null',
			...statements.flatMap((statement) => ['-c', statement])]);
	}

	/** Starts it anew with other settings of its own. @param {Record<string, string|number>} settings */
	async restart(settings) {
		this.stack.halt();
		fs.writeFileSync(path.join(this.stack.dir, 'lastpair.conf'), confText(settings));
		await this.stack.again();
		await this.stack.whole();
		this.#mustHave(settings);
	}

	/** Adds `lastpairctl audit` to the part's checks. @param {string} [after]  what it comes after */
	async audit(after = this.bench.name) {
		const began = Date.now();
		const { clean, text } = await this.stack.audit();

		this.bench.step(`audit of ${this.name} took ${((Date.now() - began) / 1000).toFixed(1)} s`);
		this.bench.check(`lastpairctl audit of ${this.name} is clean after ${after}`, clean, text);
	}

	stop() {
		live.delete(this.stack);
		this.stack.stop();
	}
}

/** A settings file as ./run leaves it: what it keeps stands below its mark, which is never the first line.
 * @param {Record<string, string|number>} settings */
function confText(settings) {
	return ['# Settings of the bench.', OWN_MARK, ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`), ''].join('\n');
}

/**
 * The rush, at whoever speaks the same API: it is the same client for all sides.
 * @param {{url: string, tokens: string, ids: (number|string)[], connections?: number, seconds?: number,
 *   stay?: number, think?: number}} load
 */
export function rush({ url, tokens, ids, connections = 64, seconds = 4, stay = 0, think = 0 }) {
	const threads = Math.min(2, connections);

	return wrk({ url, connections, seconds, threads, script: 'reserve.lua', env: {
		BENCH_TOKENS: tokens, BENCH_DROPS: ids.join(' '), BENCH_THREADS: String(threads), BENCH_STAY: String(stay),
		BENCH_THINK: String(think),
	} });
}

/** Fails when a rush was not what it seems. @param {import('./figures.mjs').Load} load @param {number} held  pairs, by the database
 * @param {number} connections */
export function verify(load, held, connections) {
	if (load.refused || load.broken)
		throw new Error(`${load.refused} reserves were refused and ${load.broken} connections broke`);
	if (held < load.answers || held > load.answers + connections)
		throw new Error(`${load.answers} reserves were acknowledged, but the database holds ${held} pairs`);
}

/** What was added to a file since it had a size. @param {string} file @param {number} from @returns {string} */
function readFrom(file, from) {
	const text = Buffer.alloc(Math.max(0, fs.statSync(file).size - from));
	const fd = fs.openSync(file, 'r');

	fs.readSync(fd, text, 0, text.length, from);
	fs.closeSync(fd);
	return text.toString('latin1');
}
