/**
 * Accepted reserves against the honest Node side (tests/bench/node), in one process and on every processor, and what a
 * thousand live readers cost each of the two. Every measurement is a fresh drop and every request another user.
 */
import os from 'node:os';
import { NodeSide } from '../lib/node.mjs';
import { Store } from '../lib/store.mjs';
import { Readers } from '../lib/streams.mjs';

export const about = 'accepted reserves against Express, Sequelize and Socket.IO, and with 1,000 live readers';

const READERS = 1000;
const SLOW_SECONDS = 5;	/* where few are accepted a second */
const WARM_ROUNDS = 2;	/* until V8 has compiled what is hot */

/** @param {import('../lib/bench.mjs').Bench} bench */
export async function run(bench) {
	const store = await Store.start(bench, { name: 'lastpair' });
	const node = await NodeSide.start(bench);
	const processors = Math.max(2, os.cpus().length);
	const one = await node.serve({ name: 'Node, one process', processes: 1 });
	const cluster = await node.serve({ name: `Node, ${processors} processes`, processes: processors });

	bench.step('warming up');
	await store.warmUp();
	for (let i = 0; i < WARM_ROUNDS; i++)
		for (const server of [one, cluster])
			await server.reserves({ seconds: 2 });

	for (const connections of [64, 256])
		await againstNode(bench, { store, one, cluster, connections });
	await withReaders(bench, store, 'lastpair', { program: 'readers', port: store.stack.port }, { seconds: 4, want: { atLeast: 0.8 } });
	await withReaders(bench, one, one.name, { program: 'sio_readers', port: one.port }, { seconds: SLOW_SECONDS });

	await store.audit();
	await node.audit();
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {{store: Store, one: any, cluster: any, connections: number}} sides */
async function againstNode(bench, { store, one, cluster, connections }) {
	const reserves = `accepted reserves/s, ${connections} connections, against `;
	const p99 = `p99 of a reserve, ${connections} connections, against `;
	const rate = (/** @type {any} */ load) => load.perSecond;
	const tail = (/** @type {any} */ load) => load.p99;
	const wantTail = connections === 64 ? { atMost: 1 / 15 } : undefined;

	await bench.compare({
		rounds: wantTail ? 5 : undefined,	/* near its bounds */
		sides: {
			lastpair: { name: 'lastpair', measure: () => store.reserves({ connections }) },
			one: { name: one.name, measure: () => one.reserves({ connections }) },
			cluster: { name: cluster.name, measure: () => cluster.reserves({ connections }) },
		},
		rows: [
			{ row: `${reserves}one process`, unit: '1/s', left: 'lastpair', right: 'one', of: rate, want: { atLeast: 30 } },
			{ row: `${reserves}a process a processor`, unit: '1/s', left: 'lastpair', right: 'cluster', of: rate, want: { atLeast: 20 } },
			{ row: `${p99}one process`, unit: 'ms', left: 'lastpair', right: 'one', of: tail, want: wantTail },
			{ row: `${p99}a process a processor`, unit: 'ms', left: 'lastpair', right: 'cluster', of: tail },
		],
	});
}

/**
 * Reserves with readers connected against none. All readers have to stay connected and to be told something.
 * @param {import('../lib/bench.mjs').Bench} bench @param {{reserves: (load: any) => Promise<any>}} side @param {string} name
 * @param {{program: string, port: number}} client  the readers' program and where it connects
 * @param {{seconds: number, want?: import('../lib/figures.mjs').Want}} options
 */
async function withReaders(bench, side, name, { program, port }, { seconds, want }) {
	/** @type {number[]} */
	const told = [];	/* updates that a reader was told, run by run */
	const measure = async () => {
		const readers = await Readers.open(bench, port, { program, readers: READERS });

		try {
			const before = await readers.mark();
			const load = await side.reserves({ seconds });
			const { open, frames } = await readers.mark();

			if (open !== READERS || frames - before.frames < READERS)
				throw new Error(`${open} of ${READERS} readers stayed, and ${frames - before.frames} events came to them`);
			told.push(Math.round((frames - before.frames) / READERS));
			return load;
		} finally {
			await readers.end();
		}
	};

	const readers = `64 connections, with ${READERS.toLocaleString('en-US')} live readers against none`;

	await bench.pairs({
		rounds: want ? 5 : undefined,	/* near its bound */
		left: { name: 'with readers', measure },
		right: { name: 'without', measure: () => side.reserves({ seconds }) },
		rows: [
			{ row: `${name}: reserves/s, ${readers}`, unit: '1/s', of: (load) => load.perSecond, want },
			{ row: `${name}: p99 of a reserve, ${readers}`, unit: 'ms', of: (load) => load.p99 },
		],
	});
	bench.note(`${name}: in ${seconds} s of reserves each reader was told ${told.join(', ')} updates`);
}
