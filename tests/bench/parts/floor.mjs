import { bareBatches, bareReserves, signInByNumber } from '../lib/bare.mjs';
import { Floor } from '../lib/floor.mjs';
import { Store } from '../lib/store.mjs';

export const about = 'reserves against our own unbatched call, the bare web answer and the bare database';

/** @param {import('../lib/bench.mjs').Bench} bench */
export async function run(bench) {
	const store = await Store.start(bench, { name: 'lastpair' });
	const unbatched = await Store.start(bench, { name: 'unbatched', users: 40_000, settings: { reserve_batch: 1 } });
	const floor = await Floor.start(bench, store);

	await signInByNumber(store);
	await store.warmUp();
	await unbatched.warmUp();
	await rushes(bench, store, unbatched, floor, 64, true);
	await rushes(bench, store, unbatched, floor, 256, false);
	await oneAtATime(bench, store);
	for (const size of [16, 64])
		await bench.figure({
			row: `PostgreSQL alone: reserves/s in batches of ${size}, 2 connections`, unit: '1/s', name: 'pgbench',
			measure: () => bareBatches(store, size),
		});
	await store.audit();
	await unbatched.audit();
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} store @param {Store} unbatched @param {Floor} floor
 * @param {number} connections @param {boolean} wanted  whether the issue names a figure for so many connections */
async function rushes(bench, store, unbatched, floor, connections, wanted) {
	const row = `reserves/s, ${connections} connections`;
	const perSecond = (/** @type {import('../lib/figures.mjs').Load} */ load) => load.perSecond;

	await bench.compare({
		sides: {
			batched: { name: 'lastpair', measure: () => store.reserves({ connections }) },
			unbatched: { name: 'reserve_batch = 1', measure: () => unbatched.reserves({ connections }) },
			floor: { name: 'trivial FastCGI', measure: () => floor.rush({ connections }) },
			site: { name: "trivial FastCGI behind the store's site", measure: () => floor.rush({ connections, url: floor.siteUrl }) },
		},
		rows: [
			{ row: `accepted ${row}, against one call a reserve`, unit: '1/s', left: 'batched', right: 'unbatched',
				of: perSecond, want: wanted ? { atLeast: 2.5 } : undefined },
			{ row: `accepted ${row}, against a trivial FastCGI answer`, unit: '1/s', left: 'batched', right: 'floor',
				of: perSecond, want: wanted ? { atLeast: 0.4 } : undefined },
			{ row: `p99 of a reserve, ${connections} connections, against one call a reserve`, unit: 'ms', left: 'batched', right: 'unbatched',
				of: (load) => load.p99 },
			{ row: `of ${connections} connections, those that got no answer for half a run`, unit: 'connections', left: 'batched',
				of: (load) => load.unserved, want: { atMost: 0 } },
			{ row: `what the store's site costs a trivial answer, ${connections} connections`, unit: '1/s', left: 'site', right: 'floor',
				of: perSecond },
		],
	});
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} store */
function oneAtATime(bench, store) {
	return bench.pair({
		row: 'one reserve at a time through nginx, p50, against the bare call', unit: 'ms',
		left: { name: 'lastpair', measure: async () => (await store.reserves({ connections: 1 })).p50 },
		right: { name: 'pgbench', measure: async () => (await bareReserves(store)).p50 },
		want: { atMost: 3 },
	});
}
