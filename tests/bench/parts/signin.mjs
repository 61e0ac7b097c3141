import { Store } from '../lib/store.mjs';
import { wrk } from '../lib/load.mjs';
import { pause } from '../../lib/wait.mjs';

export const about = 'whether a flood of sign-ins slows a reserve';

const ACCOUNTS = 2000;
const PASSWORD = 'a password of the flood';
const FLOOD = 16;	/* connections */
const SECONDS = 5;

/** @param {import('../lib/bench.mjs').Bench} bench */
export async function run(bench) {
	const store = await Store.start(bench, { name: 'lastpair' });

	await makeAccounts(store);
	await store.warmUp();
	/* 32 shoppers who think for a tenth of a second: about 300 reserves a second, far from what the machine can do */
	await rows(bench, store, 'unhurried', { connections: 32, think: 100, seconds: 2 * SECONDS }, { atMost: 1.3 });
	await rows(bench, store, 'saturated', { connections: 64, seconds: SECONDS });
	await store.audit();
}

/** Accounts whose hashes cost what the store's own do. @param {Store} store */
async function makeAccounts(store) {
	await store.ctl(['user', 'create', 'pattern@load.example'], `${PASSWORD}\n`);
	const hash = await store.sql("SELECT password_hash FROM lastpair.users WHERE email = 'pattern@load.example'");
	const lines = Array.from({ length: ACCOUNTS }, (_, i) => `s${i},s${i}@load.example,${hash},user\n`);

	await store.ctl(['user', 'import', '-'], lines.join(''));
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} store @param {string} kind
 * @param {{connections: number, think?: number, seconds: number}} load @param {import('../lib/figures.mjs').Want} [want] */
async function rows(bench, store, kind, load, want) {
	const sides = { left: 'flooded', right: 'quiet' };

	await bench.compare({
		rounds: want ? 7 : undefined,	/* a p99 of some thousand answers is a matter of chance */
		sides: {
			flooded: { name: 'during a flood', measure: () => flooded(store, load) },
			quiet: { name: 'without', measure: () => store.reserves(load) },
		},
		rows: [
			{ ...sides, row: `p99 of a reserve during a flood of sign-ins, ${kind}`, unit: 'ms', of: (m) => m.p99, want },
			{ ...sides, row: `p50 of a reserve during a flood of sign-ins, ${kind}`, unit: 'ms', of: (m) => m.p50 },
			{ ...sides, row: `reserves/s during a flood of sign-ins, ${kind}`, unit: '1/s', of: (m) => m.perSecond },
			{ left: 'flooded', row: `sign-ins/s tried in that flood, ${kind}`, unit: '1/s', of: (m) => m.signIns },
		],
	});
}

/** Reserves while others sign in, from before the first to after the last.
 * @param {Store} store @param {{seconds: number}} load */
async function flooded(store, load) {
	const flood = wrk({ url: store.url, connections: FLOOD, threads: 1, seconds: load.seconds + 2, script: 'signin.lua',
		env: { BENCH_ACCOUNTS: String(ACCOUNTS), BENCH_PASSWORD: PASSWORD } });

	await pause(1000);
	const got = await store.reserves(load);
	const tried = await flood;

	/* one half is right, the other is wrong, and nobody is told to wait */
	if (tried.broken || Math.abs(tried.refused / tried.answers - 0.5) > 0.1)
		throw new Error(`the flood was no flood: ${JSON.stringify(tried)}`);
	return { ...got, signIns: tried.perSecond };
}
