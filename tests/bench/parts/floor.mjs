import { bareBatches, bareReserves, signInByNumber } from '../lib/bare.mjs';
import { Floor } from '../lib/floor.mjs';
import { noteProcessorTime } from '../lib/processor.mjs';
import { Store } from '../lib/store.mjs';

export const about = 'reserves against our own unbatched call, the bare web answer and the bare database';

/** @param {import('../lib/bench.mjs').Bench} bench */
export async function run(bench) {
	const store = await Store.start(bench, { name: 'lastpair' });
	const unbatched = await Store.start(bench, { name: 'unbatched', users: 40_000, settings: { reserve_batch: 1, reserve_wait_ms: 0 } });
	const floor = await Floor.start(bench, store);

	await signInByNumber(store);
	await store.warmUp();
	await unbatched.warmUp();
	await rushOf64(bench, store, unbatched, floor);
	await rushOf256(bench, store, unbatched, floor);
	for (const connections of [64, 256])
		await noteProcessorTime(bench, store, `an accepted reserve, ${connections} connections`, () => store.reserves({ connections }));
	await oneAtATime(bench, store);
	for (const size of [16, 64])
		await bench.figure({
			row: `PostgreSQL alone: reserves/s in batches of ${size}, 2 connections`, unit: '1/s', name: 'pgbench',
			measure: () => bareBatches(store, size),
		});
	await store.audit();
	await unbatched.audit();
}

const perSecond = (/** @type {import('../lib/figures.mjs').Load} */ load) => load.perSecond;
const p99 = (/** @type {import('../lib/figures.mjs').Load} */ load) => load.p99;

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} store @param {Store} unbatched @param {Floor} floor */
async function rushOf64(bench, store, unbatched, floor) {
	await bench.compare({
		rounds: 5,	/* near its bound, on a host whose speed moves from one second to the next */
		sides: {
			site: { name: "trivial FastCGI, the store's site", measure: () => floor.rush({ url: floor.siteUrl }) },
			floor: { name: 'trivial FastCGI', measure: () => floor.rush() },
			batched: { name: 'lastpair', measure: () => store.reserves() },
			unbatched: { name: 'reserve_batch = 1', measure: () => unbatched.reserves() },
		},
		rows: [
			{ row: 'accepted reserves/s, 64 connections, against one call a reserve', unit: '1/s',
				left: 'batched', right: 'unbatched', of: perSecond, want: { atLeast: 2.5 } },
			{ row: 'accepted reserves/s, 64 connections, against a trivial FastCGI answer', unit: '1/s',
				left: 'batched', right: 'floor', of: perSecond, want: { atLeast: 0.4 } },
			{ row: 'p99 of a reserve, 64 connections, against one call a reserve', unit: 'ms', left: 'batched', right: 'unbatched', of: p99 },
			{ row: "a trivial FastCGI answer behind the store's own site", unit: '1/s', left: 'site', right: 'floor', of: perSecond },
		],
	});
}

/** More shoppers than go in one call. @param {import('../lib/bench.mjs').Bench} bench
 * @param {Store} store @param {Store} unbatched @param {Floor} floor */
async function rushOf256(bench, store, unbatched, floor) {
	const connections = 256;

	await bench.compare({
		sides: {
			batched: { name: 'lastpair', measure: () => store.reservesWatched({ connections }) },
			unbatched: { name: 'reserve_batch = 1', measure: () => unbatched.reserves({ connections }) },
			floor: { name: 'trivial FastCGI', measure: () => floor.rush({ connections }) },
		},
		rows: [
			{ row: 'accepted reserves/s, 256 connections, against one call a reserve', unit: '1/s',
				left: 'batched', right: 'unbatched', of: perSecond },
			{ row: 'accepted reserves/s, 256 connections, against a trivial FastCGI answer', unit: '1/s',
				left: 'batched', right: 'floor', of: perSecond },
			{ row: 'p99 of a reserve, 256 connections', unit: 'ms', left: 'batched', of: p99 },
			{ row: 'of 256 connections, those not answered for half a run', unit: 'connections', left: 'batched',
				of: (load) => load.unserved, want: { atMost: 0 } },
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
