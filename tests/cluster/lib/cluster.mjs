/**
 * The whole: three machines of data (PostgreSQL, Patroni, etcd, Redis, a sentinel), two web hosts, a balancer. It looks to
 * the other tests' libraries like any store.
 */
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ADMIN, BUILD, run, Stack, TOP } from '../../lib/stack.mjs';
import { waitFor } from '../../lib/wait.mjs';
import { Database, SECRET } from './database.mjs';
import { Machine, makeBridge, makeDisk } from './net.mjs';
import { Redis, REDIS_SECRET } from './redis.mjs';
import { balancerSettings, startWeb } from './web.mjs';

const BALANCER_PORT = 8000;

export class Cluster extends Stack {
	static async start() {
		const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-cluster-'));
		const cluster = new Cluster(dir, BALANCER_PORT);

		makeBridge();
		makeDisk(dir);
		process.on('exit', () => spawnSync('umount', ['-l', dir]) && fs.rmdirSync(dir));
		try {
			await cluster.#start();
		} catch (error) {
			cluster.keepLogs();
			throw error;
		}
		return cluster;
	}

	/** @param {string} dir @param {number} port */
	constructor(dir, port) {
		super(dir, port);
		/** @type {Machine[]} */
		this.data = [];
		/** @type {Machine[]} */
		this.webs = [];
		this.database = new Database(this.data);
		this.redis = new Redis(this.data);
	}

	async #start() {
		for (const n of [1, 2, 3])
			this.data.push(new Machine(`data${n}`, 30 + n, this.dir));
		for (const n of [1, 2])
			this.webs.push(new Machine(`web${n}`, 20 + n, this.dir));
		await Promise.all([this.database.start(), this.redis.start()]);
		await this.#makeStore();
		for (const m of this.webs)
			startWeb(m, this.settings());
		this.#balance();
		await this.whole(30_000);
	}

	/** How PostgreSQL is reached: all three, by passwords from a file. */
	conninfo(hosts = this.data) {
		return `host=${hosts.map((m) => m.address).join()} port=5432 dbname=lastpair passfile=${this.dir}/pgpass`;
	}

	/** lastpair.conf, but for what is a host's own. */
	settings() {
		return `database = ${this.conninfo()} target_session_attrs=read-write connect_timeout=2
read_database = ${this.conninfo()} target_session_attrs=standby
redis_sentinels = ${this.data.map((m) => `${m.address}:26379`).join(' ')}
redis_password_file = ${this.dir}/redis.password
signing_key_file = ${this.dir}/signing.key
sql_dir = ${path.join(TOP, 'sql')}
sse_heartbeat_seconds = 1
`;
	}

	/** @param {string} name @param {string} text */
	#secret(name, text) {
		const file = path.join(this.dir, name);

		fs.writeFileSync(file, text, { mode: 0o600 });
		spawnSync('chown', ['postgres:', file]);
	}

	/** psql as the superuser, on the leader if not on another. @param {string[]} args @param {Machine} [on] */
	async superuser(args, on) {
		const machine = on ?? await this.database.leader();
		const { code, stdout, stderr } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', machine?.address ?? '', '-U', 'postgres', ...args],
			{ env: { ...process.env, PGPASSWORD: SECRET, PGCONNECT_TIMEOUT: '3' } });

		if (code !== 0)
			throw new Error(`psql: ${stderr}`);
		return stdout.trim();
	}

	async #makeStore() {
		this.#secret('pgpass', `*:*:*:*:${SECRET}\n`);
		this.#secret('redis.password', `lastpair ${REDIS_SECRET}\n`);
		this.#secret('signing.key', `k1 ${crypto.randomBytes(32).toString('hex')}\n`);
		fs.writeFileSync(path.join(this.dir, 'lastpair.conf'), this.settings());
		fs.writeFileSync(path.join(this.dir, 'lastpairctl'), `#!/bin/sh
exec setpriv --reuid=postgres --regid=postgres --init-groups ${path.join(BUILD, 'lastpairctl')} -c ${this.dir}/lastpair.conf "$@"\n`, { mode: 0o755 });
		await this.superuser(['-d', 'postgres', '-c', 'CREATE DATABASE lastpair']);
		await this.superuser(['-d', 'lastpair', '-f', path.join(TOP, 'sql/bootstrap.sql')]);
		await this.superuser(['-d', 'lastpair', '-c', `DO $$ DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'lastpair%' LOOP
			EXECUTE format('ALTER ROLE %I PASSWORD %L', r, '${SECRET}'); END LOOP; END $$`]);
		await this.#must(['migrate']);
		await this.#must(['user', 'create', ADMIN.email, '--username', 'shopkeeper', '--admin'], `${ADMIN.password}\n`);
	}

	/** @param {string[]} args @param {string} [input] */
	async #must(args, input) {
		const { code, stderr } = await this.ctl(args, input);

		if (code !== 0)
			throw new Error(`lastpairctl ${args.join(' ')}: ${stderr}`);
	}

	#balance() {
		const conf = path.join(this.dir, 'balancer.conf');
		const log = fs.openSync(path.join(this.dir, 'balancer.log'), 'a');

		fs.writeFileSync(conf, balancerSettings(this.webs, this.port));
		const child = spawn('nginx', ['-e', path.join(this.dir, 'balancer.log'), '-p', this.dir, '-c', conf, '-g', `pid ${this.dir}/balancer.pid;`], { stdio: ['ignore', log, log] });
		fs.closeSync(log);
		child.unref();
	}

	/** A web host that was killed comes up again. @param {Machine} m */
	webAgain(m) {
		startWeb(m, this.settings());
	}

	/** Copies what every machine said to where it outlives the test. @returns {string} */
	keepLogs() {
		const to = path.join(BUILD, 'test-logs', 'cluster');

		fs.rmSync(to, { recursive: true, force: true });
		fs.mkdirSync(to, { recursive: true });
		for (const m of [...this.data, ...this.webs])
			fs.cpSync(path.join(m.dir, 'log'), path.join(to, m.name), { recursive: true });
		if (fs.existsSync(path.join(this.dir, 'balancer.log')))
			fs.cpSync(path.join(this.dir, 'balancer.log'), path.join(to, 'balancer.log'));
		return to;
	}

	/** Until everything is as it was before anything was broken. @param {number} [ms] */
	async healed(ms = 90_000) {
		await Promise.all([this.database.whole(ms), this.redis.whole(ms)]);
		await this.whole(ms);
		await waitFor('both web hosts to be whole', async () => {
			const answers = await Promise.all(this.webs.map((m) => healthOf(m)));

			return answers.every((a) => a.includes('"redis":"ok"') && a.includes('"sse":"ok"') && a.includes('"database":"ok"'));
		}, ms);
	}
}

/** @param {Machine} m */
async function healthOf(m) {
	return (await run('curl', ['-s', '-m', '2', `http://${m.address}:8080/healthz`])).stdout;
}
