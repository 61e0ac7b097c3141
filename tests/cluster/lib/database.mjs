/** PostgreSQL on three machines under Patroni, which keeps its mind in etcd on the same three. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { run } from '../../lib/stack.mjs';
import { waitFor } from '../../lib/wait.mjs';

/** @typedef {import('./net.mjs').Machine} Machine */

export const SECRET = 'only-in-this-test';

/** How soon a leader that says nothing is given up: docs/scaling.md says what follows from these. */
const TIMES = { ttl: 8, loop_wait: 1, retry_timeout: 3, primary_stop_timeout: 5 };

/** @param {Machine} m @param {Machine[]} all */
function startEtcd(m, all) {
	m.start('etcd', ['etcd', '--name', m.name, '--data-dir', path.join(m.dir, 'etcd'),
		'--listen-peer-urls', `http://${m.address}:2380`, '--initial-advertise-peer-urls', `http://${m.address}:2380`,
		'--listen-client-urls', `http://${m.address}:2379`, '--advertise-client-urls', `http://${m.address}:2379`,
		'--initial-cluster', all.map((o) => `${o.name}=http://${o.address}:2380`).join(), '--initial-cluster-state',
		fs.existsSync(path.join(m.dir, 'etcd')) ? 'existing' : 'new',
		'--initial-cluster-token', 'lastpair-test', '--enable-v2', '--logger', 'zap', '--log-level', 'warn']);
}

/** JSON is YAML. @param {Machine} m */
function patroniSettings(m) {
	const roles = (/** @type {string} */ username) => ({ username, password: SECRET });

	return JSON.stringify({
		scope: 'lastpair',
		name: m.name,
		restapi: { listen: `${m.address}:8008`, connect_address: `${m.address}:8008` },
		/* Its own machine's member alone: to wait for one that is cut off takes the time there is. And by the API of version 2,
		 * where the leader's lock is renewed by compare-and-swap. By the other (`etcd3`) this Patroni writes it unasked when its
		 * member, back from being cut off, still says that it leads: seen here, it took the lead back and lost every sale since. */
		etcd: { host: `${m.address}:2379`, use_proxies: true },
		bootstrap: {
			dcs: {
				...TIMES,
				synchronous_mode: true,
				synchronous_mode_strict: true,
				postgresql: {
					use_pg_rewind: true,
					use_slots: true,
					parameters: {
						max_connections: 100, shared_buffers: '64MB', wal_level: 'replica', hot_standby: 'on', wal_log_hints: 'on', jit: 'off',
						wal_keep_size: '256MB', wal_retrieve_retry_interval: '500ms', hot_standby_feedback: 'on', wal_sender_timeout: '5s', wal_receiver_timeout: '5s', tcp_user_timeout: '5s',
					},
				},
			},
			initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'data-checksums'],
		},
		postgresql: {
			listen: `${m.address}:5432`,
			connect_address: `${m.address}:5432`,
			data_dir: path.join(m.dir, 'pg'),
			bin_dir: '/usr/lib/postgresql/15/bin',
			parameters: { unix_socket_directories: path.join(m.dir, 'run') },
			authentication: { superuser: roles('postgres'), replication: roles('replicator'), rewind: roles('rewinder') },
			pg_hba: ['local all all trust', 'host replication replicator 10.77.0.0/24 scram-sha-256', 'host all all 10.77.0.0/24 scram-sha-256'],
		},
	});
}

export class Database {
	/** @param {Machine[]} machines three */
	constructor(machines) {
		this.machines = machines;
	}

	async start() {
		for (const m of this.machines) {
			startEtcd(m, this.machines);
			m.write('patroni.yml', patroniSettings(m), 0o600);
		}
		await waitFor('etcd to have a leader', () => spawnSync('etcdctl', ['--endpoints', `http://${this.machines[0]?.address}:2379`, 'endpoint', 'health'],
			{ env: { ...process.env, ETCDCTL_API: '3' } }).status === 0, 30_000);
		for (const m of this.machines)
			this.#patroni(m);
		await this.whole(90_000);
	}

	/** @param {Machine} m */
	#patroni(m) {
		m.start('patroni', ['patroni', path.join(m.dir, 'patroni.yml')]);
	}

	/** A machine that was killed comes up again. @param {Machine} m */
	again(m) {
		startEtcd(m, this.machines);
		this.#patroni(m);
	}

	/** Has a standby take over from the leader, as an operator does. @param {Machine} from @param {string} to */
	async switchover(from, to) {
		const { code, stdout, stderr } = await run('timeout', ['60', 'patronictl', '-c', path.join(from.dir, 'patroni.yml'), 'switchover', 'lastpair',
			'--leader', from.name, '--candidate', to, '--force']);

		if (code !== 0 || !/Successfully switched over/.test(stdout))
			throw new Error(`patronictl switchover: ${stdout}${stderr}`);
	}

	/** Who is what, as one of them sees it: `{db1: 'leader', db2: 'sync_standby', db3: 'replica'}`.
	 * @param {Machine} [asked] @returns {Promise<Record<string, string>>} */
	async roles(asked) {
		for (const m of asked ? [asked] : this.machines) {
			const answer = await get(m.address, '/cluster').catch(() => undefined);

			if (answer)
				return Object.fromEntries(answer.members.map((/** @type {any} */ o) => [o.name, o.state === 'running' || o.state === 'streaming' ? o.role : o.state]));
		}
		return {};
	}

	/** The machine that leads, when there is one, and another than `not`. @param {Machine} [not] */
	async leader(not) {
		const others = this.machines.filter((m) => m !== not);

		for (const m of others) {
			const roles = await this.roles(m).catch(() => ({}));
			const name = Object.entries(roles).find(([, role]) => role === 'leader')?.[0];
			const found = others.find((o) => o.name === name);

			if (found)
				return found;
		}
		return undefined;
	}

	/** Until one leads, one is its synchronous standby, and the third follows. @param {number} [ms] */
	whole(ms = 60_000) {
		return waitFor('a leader, a synchronous standby and a third', async () => {
			const roles = await this.roles();

			return Object.values(roles).sort().join() === 'leader,replica,sync_standby' ? roles : (() => { throw new Error(JSON.stringify(roles)); })();
		}, ms);
	}
}

/** @param {string} host @param {string} where @returns {Promise<any>} */
function get(host, where) {
	return new Promise((resolve, reject) => {
		const req = http.get({ host, port: 8008, path: where, timeout: 500, agent: false }, (res) => {
			let text = '';

			res.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
			res.on('end', () => {
				try {
					resolve(JSON.parse(text));
				} catch (error) {
					reject(error);
				}
			});
		});

		req.on('timeout', () => req.destroy(new Error('no answer')));
		req.on('error', reject);
	});
}
