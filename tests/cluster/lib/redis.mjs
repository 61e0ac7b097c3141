/** Redis on three machines, a master and two that follow it, and a sentinel on each. */
import { run } from '../../lib/stack.mjs';
import { waitFor } from '../../lib/wait.mjs';

/** @typedef {import('./net.mjs').Machine} Machine */

/** Of everybody: the store's programs, the servers among themselves, and the sentinels. */
export const REDIS_SECRET = 'the-redis-of-this-cluster';

/** The store's own user may do what lastpair.conf(5) says it needs, and no more. */
const STORE = ['resetchannels', '&lastpair', '+publish', '+subscribe', '+ping', '+role'];
const STORE_AT_SENTINEL = ['resetchannels', '+sentinel|get-master-addr-by-name'];
const user = (/** @type {string[]} */ may) => `user lastpair on >${REDIS_SECRET} ${may.join(' ')}`;

export class Redis {
	/** @param {Machine[]} machines three */
	constructor(machines) {
		this.machines = machines;
	}

	async start() {
		const [first] = this.machines;

		for (const m of this.machines) {
			this.#server(m, m === first ? undefined : first);
			/* sentinels write what they learn into their settings */
			m.write('sentinel.conf', `port 26379\nbind ${m.address}\ndir ${m.dir}\nrequirepass ${REDIS_SECRET}\n` +
				`sentinel sentinel-pass ${REDIS_SECRET}\n${user(STORE_AT_SENTINEL)}\nsentinel monitor lastpair ${first?.address} 6379 2\n` +
				'sentinel down-after-milliseconds lastpair 1000\nsentinel auth-pass lastpair ' + REDIS_SECRET + '\nsentinel failover-timeout lastpair 5000\nsentinel parallel-syncs lastpair 1\n');
			this.#sentinel(m);
		}
		await this.whole();
	}

	/** @param {Machine} m @param {Machine} [of] */
	#server(m, of) {
		m.start('redis', ['redis-server', '--port', '6379', '--bind', m.address, '--requirepass', REDIS_SECRET, '--masterauth', REDIS_SECRET,
			'--user', ...user(STORE).split(' ').slice(1), '--save', '', '--appendonly', 'no',
			'--dir', m.dir, '--client-output-buffer-limit', 'pubsub 16mb 4mb 10', '--repl-diskless-sync-delay', '0', ...(of ? ['--replicaof', of.address, '6379'] : [])]);
	}

	/** @param {Machine} m */
	#sentinel(m) {
		m.start('sentinel', ['redis-server', `${m.dir}/sentinel.conf`, '--sentinel']);
	}

	/** A machine that was killed comes up again, as a follower; its sentinel remembers. @param {Machine} m */
	async again(m) {
		this.#server(m, await this.master());
		this.#sentinel(m);
	}

	/** A server alone comes up again: a master of nobody, until the sentinels put it right. @param {Machine} m */
	serverAgain(m) {
		this.#server(m);
	}

	/** Whom most sentinels take for the master. */
	async master() {
		const said = await Promise.all(this.machines.map(async (m) => (await ask(m, 26379, ['sentinel', 'get-master-addr-by-name', 'lastpair'])).split('\n')[0]));
		const address = said.find((a) => a && said.filter((b) => b === a).length > 1);

		return this.machines.find((m) => m.address === address);
	}

	/** @param {number} [ms] */
	whole(ms = 30_000) {
		return waitFor('a master, two followers and three sentinels', async () => {
			const m = await this.master();
			const info = m ? await ask(m, 6379, ['info', 'replication']) : '';
			const known = await Promise.all(this.machines.map(async (o) => /slaves=2,sentinels=3/.test(await ask(o, 26379, ['info', 'sentinel']))));

			return /role:master/.test(info) && /connected_slaves:2/.test(info) && known.every(Boolean);
		}, ms);
	}
}

/** @param {Machine} m @param {number} port @param {string[]} command @returns {Promise<string>} what it says, if anything */
export async function ask(m, port, command) {
	const { code, stdout } = await run('timeout', ['1', 'redis-cli', '-h', m.address, '-p', String(port), '-a', REDIS_SECRET, '--no-auth-warning', ...command]);

	return code === 0 ? stdout : '';
}
