/** The Node side (tests/bench/node): its database and users, its server in one process and clustered, its rush. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Caller } from '../../lib/http.mjs';
import { pause, waitFor } from '../../lib/wait.mjs';
import { end, output, start } from './load.mjs';
import { tryContract } from './node-contract.mjs';
import { freePort, PAIRS, rush, Store, verify } from './store.mjs';

const FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../node');
const DATABASE = 'node';
const CONNECTIONS = 100;	/* for both servers' pools and for the idle store */
const A_PROCESS = 4;	/* at least: node/store.mjs */
export const NODE_USERS = 20_000;

/** One server of the Node side: of one process, or of several. */
export class NodeServer {
	/** @param {NodeSide} side @param {string} name @param {number} port @param {import('node:child_process').ChildProcess} child */
	constructor(side, name, port, child) {
		this.side = side;
		this.name = name;
		this.port = port;
		this.url = `http://127.0.0.1:${port}`;
		this.child = child;
		this.admin = new Caller(port, { token: side.adminToken });
	}

	/** A drop that is live and that nobody can empty in a run. @param {Record<string, any>} [fields] @returns {Promise<any>} */
	async drop(fields = {}) {
		const body = { name: 'Bench', priceCents: 12900, totalStock: PAIRS, holdSeconds: 3600, ...fields };
		const res = await this.admin.post('/api/drops', body);

		if (res.status !== 201)
			throw new Error(`the Node side made no drop: ${res.asked}`);
		return res.body.drop;
	}

	/** As Store.reserves(): the same client, the same demands on its outcome.
	 * @param {{connections?: number, seconds?: number}} [load] @returns {Promise<import('./figures.mjs').Load>} */
	async reserves({ connections = 64, seconds = 4 } = {}) {
		const { id } = await this.drop();
		const load = await rush({ url: this.url, tokens: this.side.tokens, connections, seconds, ids: [id] });

		verify(load, await this.side.held(id), connections);
		return load;
	}
}

export class NodeSide {
	/** @param {import('./bench.mjs').Bench} bench @param {Store} store @param {string} folder */
	constructor(bench, store, folder) {
		this.bench = bench;
		this.store = store;
		this.tokens = path.join(folder, 'tokens');
		this.secret = path.join(folder, 'secret');
		this.log = path.join(folder, 'node.log');
		this.user = fs.statSync(store.stack.dir).uid === process.getuid?.() ? os.userInfo().username : 'lastpair';
		this.adminToken = '';
	}

	/**
	 * Gives it a PostgreSQL and a Redis of its own, set up as Lastpair's are: those of a second store, which
	 * stays idle. All of it ends with the part.
	 * @param {import('./bench.mjs').Bench} bench
	 */
	static async start(bench) {
		const processes = os.availableParallelism?.() ?? os.cpus().length;
		const connections = CONNECTIONS + processes * A_PROCESS;
		const store = await Store.start(bench, { name: "the Node side's PostgreSQL and Redis", users: 0,
			postgres: [`max_connections = ${connections}`] });
		const side = new NodeSide(bench, store, path.dirname(store.stack.dir));

		await side.#makeDatabase();
		return side;
	}

	async #makeDatabase() {
		await this.#psql('postgres', ['-c', `CREATE DATABASE ${DATABASE}`]);
		await this.#psql(DATABASE, ['-1', '-f', path.join(FOLDER, 'schema.sql'), '-c',
			`INSERT INTO users (id, username, email, password_hash, role, created_at)
			 SELECT n, 'u' || n, 'u' || n || '@load.example', '-', CASE n WHEN 0 THEN 'admin' ELSE 'user' END, now()
			   FROM generate_series(0, ${NODE_USERS}) n`]);
		await this.#psql(DATABASE, ['-c', 'VACUUM ANALYZE']);
		fs.writeFileSync(this.secret, randomBytes(32).toString('hex'), { mode: 0o600 });
		const [admin, ...users] = (await output(process.execPath,
			[path.join(FOLDER, 'make-tokens.mjs'), this.secret, '0', '1', String(NODE_USERS)])).split('\n');

		this.adminToken = admin;
		fs.writeFileSync(this.tokens, users.join('\n'));
	}

	/** @param {string} database @param {string[]} args */
	#psql(database, args) {
		return output('psql', ['-h', this.store.sockets, '-p', '5432', '-U', this.user, '-d', database, '-XAtqv', 'ON_ERROR_STOP=1', ...args]);
	}

	/** What one statement answers, as plain text. @param {string} statement */
	async sql(statement) {
		return (await this.#psql(DATABASE, ['-c', statement])).replace(/\n$/, '');
	}

	/** Starts the server, and comes back once it answers and has been seen to keep the contract. @param {{name: string, processes: number}} options */
	async serve({ name, processes }) {
		const port = await freePort();
		const child = start(process.execPath, [path.join(FOLDER, 'server.mjs'), '--port', String(port),
			'--postgres-socket', this.store.sockets, '--database', DATABASE, '--user', this.user,
			'--redis-socket', path.join(this.store.sockets, 'redis.sock'), '--secret-file', this.secret,
			'--processes', String(processes)], { env: { NODE_ENV: 'production' }, log: this.log });
		const server = new NodeServer(this, name, port, child);

		this.bench.defer(() => end(child));
		await waitFor(`${name} to answer`, async () => (await server.admin.get('/healthz')).status === 200, 30_000);
		await tryContract(server);
		return server;
	}

	/** Pairs of a drop that are held, once no request is on its way any more. @param {number} id @returns {Promise<number>} */
	async held(id) {
		const busy = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${DATABASE}' AND backend_type = 'client backend'
			AND state <> 'idle' AND pid <> pg_backend_pid()`;
		const read = () => this.sql(`SELECT (SELECT count(*) FROM reservations WHERE drop_id = d.id AND status = 'active'),
			reserved_stock, (${busy}) FROM drops d WHERE id = ${id}`);
		let before = '';
		const [rows, counted] = (await waitFor('the last reserves of the Node side to settle', async () => {
			const now = await read();
			const still = now === before && now.endsWith('|0');

			before = now;
			await pause(100);
			return still ? now : undefined;
		}, 30_000)).split('|').map(Number);

		if (rows !== counted)
			throw new Error(`the Node side counts ${counted} holds but has ${rows}`);
		return rows;
	}

	/** Adds to the part's checks that its stock is conserved and its rules are kept: it must not be fast by being wrong. */
	async audit() {
		const breaches = await this.sql(`
			SELECT 'stock of drop ' || id FROM drops WHERE available_stock + reserved_stock + sold_stock <> total_stock
			UNION ALL SELECT 'holds of drop ' || d.id FROM drops d WHERE reserved_stock <>
				(SELECT count(*) FROM reservations r WHERE r.drop_id = d.id AND r.status = 'active')
			UNION ALL SELECT 'purchases of drop ' || d.id FROM drops d WHERE sold_stock <>
				(SELECT count(*) FROM purchases p WHERE p.drop_id = d.id)
			UNION ALL SELECT 'holds of user ' || user_id || ' in drop ' || drop_id FROM reservations WHERE status = 'active'
				GROUP BY user_id, drop_id HAVING count(*) > 1
			UNION ALL SELECT 'purchases of user ' || p.user_id || ' in drop ' || d.id FROM purchases p JOIN drops d ON d.id = p.drop_id
				GROUP BY p.user_id, d.id HAVING count(*) > d.max_per_user
			LIMIT 10`);
		const errors = fs.readFileSync(this.log, 'utf8');
		const [holds, durable] = (await this.sql(`SELECT count(*), current_setting('fsync') || ' ' ||
			current_setting('synchronous_commit') FROM reservations`)).split('|');

		this.bench.check(`the Node side conserved its stock and kept one hold a user (${holds} holds)`, breaches === '', breaches);
		this.bench.check('the Node side wrote no error', errors === '', errors.slice(0, 1000));
		this.bench.check("the Node side's commits are on disk (fsync, synchronous_commit)", durable === 'on on', durable);
	}
}
