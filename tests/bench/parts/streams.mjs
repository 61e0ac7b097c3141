/**
 * What a delivery of the event stream costs: against a bare loop, nchan and Socket.IO; through nginx; with more readers; and
 * the memory of a reader.
 *
 * Lastpair merges the changes of a tick, the others send each by itself. So that one delivery is the same thing on all
 * sides, changes come one at a time and slower than the tick; each has to reach every reader. The store's are real: holds made
 * and given back through its API. The bare loop's frame has the size of the store's.
 *
 * Sides that are compared are told as often as each other. A receiver that heard nothing for 200 ms (its retransmission
 * timeout, tcp_event_data_recv() in Linux) acknowledges a frame as it comes, within the sender's time where both are on one
 * machine; one that is told more often does so as it reads or 40 ms later, in somebody else's. So a few readers cost what many
 * cost only where both hear less than five frames a second.
 */
import { pause } from '../../lib/wait.mjs';
import { ROUNDS } from '../lib/bench.mjs';
import { memory } from '../lib/load.mjs';
import {
	behindNginx, Changes, daemonPids, Direct, Floor, metric, Nchan, nginxPids, perMillion, Readers, SocketIo, window,
} from '../lib/streams.mjs';
import { newFolder, Store } from '../lib/store.mjs';

export const about = 'the event stream: processor time a delivery, memory a reader';

const READERS = 1000;	/* direct, of each side */
const BUSY = 10;	/* changes a second to these */
const PROXIED = 1000;	/* through nginx */
const RATE = 4;	/* changes a second to those through nginx, and to a few; rarer than the daemon's rounds, on slow machines too */
const SECONDS = 6;
const CHANGES = 6;	/* at least in each measurement */
const SETTLE_MS = 500;
const FEW = 1000;
const MANY = 19_500;
const OPENED_A_SECOND = 8000;
const MANY_RATE = 0.5;	/* rarer than its rounds to so many */

/** @typedef {import('../lib/bench.mjs').Bench} Bench */

/**
 * Who is measured: where readers connect and how, whose processor time counts, and how changes are made to come (`begin` gives
 * what ends them).
 * @typedef {{name: string, address: string|number, reader?: {path?: string, program?: string, rate?: number},
 *   pids: () => number[], begin: (rate: number) => Promise<() => Promise<unknown>>}} Target
 */

/** @param {Bench} bench @param {Target} target @param {number} readers */
const open = (bench, { address, reader = { rate: OPENED_A_SECOND } }, readers) => Readers.open(bench, address, { readers, ...reader });

/** Processor seconds that a million deliveries to these readers take. @param {Readers} all @param {Target} target @param {number} rate */
async function cost(all, { pids, begin }, rate) {
	const stop = await begin(rate);

	try {
		await pause(SETTLE_MS);
		return await perMillion(all, pids, { rate, seconds: Math.max(SECONDS, CHANGES / rate) });
	} finally {
		await stop();
		await pause(SETTLE_MS);
	}
}

/** Compares targets, whose readers stay connected meanwhile. @param {Bench} bench @param {Record<string, Target>} targets
 * @param {any[]} rows */
async function compareCosts(bench, targets, rows) {
	/** @type {Readers[]} */
	const opened = [];
	/** @type {Record<string, {name: string, measure: () => Promise<number>}>} */
	const sides = {};

	for (const [key, target] of Object.entries(targets)) {
		const all = await open(bench, target, READERS);

		opened.push(all);
		sides[key] = { name: target.name, measure: () => cost(all, target, BUSY) };
	}
	await bench.compare({ sides, rows: rows.map((row) => ({ unit: 's', ...row })) });
	for (const all of opened)
		await all.end();
}

/** The cost with so many readers, opened for it alone.
 * @param {Bench} bench @param {Target} target @param {number} readers @param {number} rate */
async function costWith(bench, target, readers, rate) {
	const all = await open(bench, target, readers);

	try {
		return await cost(all, target, rate);
	} finally {
		await all.end();
		await pause(SETTLE_MS);	/* for the server to see them leave */
	}
}

/** The store's and the bare loop's. @param {Bench} bench @param {Store} store @param {Direct} direct */
async function targets(bench, store, direct) {
	const drop = await store.drop();
	const port = store.stack.port;
	const changes = async (/** @type {number} */ rate) => {
		const made = Changes.through(store, { rate, drops: [drop], connections: 2 });

		return () => made.end();
	};
	const size = await frameSize(bench, port, changes);
	const floorAt = await direct.like();
	const socket = `${newFolder()}/floor.sock`;
	const floor = await Floor.start(bench, floorAt);
	const hidden = await Floor.start(bench, socket);
	const path = await behindNginx(store, socket);
	const rounds = (/** @type {Floor} */ f) => async (/** @type {number} */ rate) => {
		f.tell(`size ${size}`);
		f.tell(`rate ${rate}`);
		return async () => f.tell('rate 0');
	};

	bench.note(`direct connections are over ${direct.kind}; a frame of the store's has ${size} bytes, and so has the bare loop's; ` +
		`against the others ${READERS} readers of each side, ${BUSY} changes a second; through nginx ${PROXIED}, ${RATE} a second; ${FEW} direct ones ` +
		`against ${MANY} the same, every two seconds one to those; the 2 ms a second that an idle daemon takes are in it`);
	return {
		daemon: { name: 'daemon', address: direct.address(store), pids: () => daemonPids(store), begin: changes },
		floor: { name: 'bare loop', address: floorAt, pids: () => floor.pids, begin: rounds(floor) },
		proxied: { name: 'daemon', address: port, pids: () => [...daemonPids(store), ...nginxPids(store)], begin: changes },
		proxiedFloor: { name: 'bare loop', address: port, reader: { path }, pids: () => [...hidden.pids, ...nginxPids(store)],
			begin: rounds(hidden) },
	};
}

/** Bytes of a stock:update as the daemon sends it. @param {Bench} bench @param {number} port
 * @param {(rate: number) => Promise<() => Promise<unknown>>} changes */
async function frameSize(bench, port, changes) {
	const all = await Readers.open(bench, port, { readers: 1 });
	const stop = await changes(BUSY);

	await pause(500);
	const { bytes, frames } = await window(all, () => [], 1);

	await stop();
	await all.end();
	return Math.round(bytes / frames) - CHUNK;
}

const CHUNK = 7;	/* bytes that nginx puts around a frame: its length in three digits, and two ends of line */

/** @param {Bench} bench */
async function others(bench, /** @type {Direct} */ direct) {
	const nchan = await Nchan.start(bench, await direct.like());
	const io = await SocketIo.start(bench);

	return {
		nchan: { name: 'nchan', address: nchan.address, pids: () => nchan.pids, begin: async (/** @type {number} */ rate) => {
			const made = Changes.posted(bench, nchan.port, { rate, path: '/publish' });

			return () => made.end();
		} },
		socketIo: { name: 'Socket.IO', address: io.port, reader: { program: 'sio_readers' }, pids: () => io.pids,
			begin: async (/** @type {number} */ rate) => {
				io.send(rate);
				return async () => io.send(0);
			} },
	};
}

/** The daemon's own memory a reader, with many that only stay. @param {Bench} bench @param {Store} store @param {Direct} direct
 * @param {number} readers */
async function idleMemory(bench, store, direct, readers) {
	const few = await Readers.open(bench, direct.address(store), { readers: 10 });

	await few.end();
	await pause(1000);
	await bench.figure({
		row: `the daemon's own memory a reader, ${readers} idle`, unit: 'bytes', rounds: 1, want: { atMost: 512 },
		measure: async () => {
			const before = memory(daemonPids(store)).own;
			const all = await Readers.open(bench, direct.address(store), { readers });

			await pause(3000);
			const after = memory(daemonPids(store)).own;

			await all.end();
			return (after - before) / readers;
		},
	});
}

/** One after another: nginx's time is counted, and heartbeats of the other's readers would be in it.
 * @param {Bench} bench @param {Target} daemon @param {Target} floor */
async function throughNginx(bench, daemon, floor) {
	const side = (/** @type {Target} */ target) =>
		({ name: target.name, measure: () => costWith(bench, target, PROXIED, RATE) });

	await bench.pair({
		row: 'CPU a million deliveries through nginx (its own, too), daemon against the bare loop', unit: 's', left: side(daemon),
		right: side(floor), want: { atMost: 1.1 }, rounds: ROUNDS > 1 ? ROUNDS + 2 : 1,	/* of a tenth of difference */
	});
}

/** What more readers do to the cost of a delivery.
 * @param {Bench} bench @param {Target} daemon @param {Target} floor @param {number} most */
async function growth(bench, daemon, floor, most) {
	const side = (/** @type {Target} */ target, /** @type {number} */ readers, /** @type {number} */ rate) =>
		({ name: `${target.name}, ${readers} readers`, measure: () => costWith(bench, target, readers, rate) });

	await bench.compare({
		sides: { few: side(daemon, FEW, RATE), many: side(daemon, most, MANY_RATE),
			fewFloor: side(floor, FEW, RATE), manyFloor: side(floor, most, MANY_RATE) },
		rows: [
			{ row: `CPU a million deliveries, daemon direct, ${most} readers against ${FEW}`, unit: 's', left: 'many', right: 'few',
				want: { atMost: 1.15 } },
			{ row: `CPU a million deliveries, bare loop, ${most} readers against ${FEW}`, unit: 's', left: 'manyFloor', right: 'fewFloor' },
			{ row: `CPU a million deliveries, ${most} readers, daemon direct, against the bare loop`, unit: 's', left: 'many', right: 'manyFloor' },
		],
	});
}

/** @param {Bench} bench */
export async function run(bench) {
	const direct = await Direct.find();
	const store = await Store.start(bench, { name: 'lastpair', users: 2000, settings: direct.settings });
	const most = Math.min(MANY, await metric(store, 'lastpair_sse_subscribers_max'));
	const { daemon, floor, proxied, proxiedFloor } = await targets(bench, store, direct);
	const { nchan, socketIo } = await others(bench, direct);

	await idleMemory(bench, store, direct, most);
	await compareCosts(bench, { daemon, floor, nchan, socketIo }, [
		{ row: 'CPU a million deliveries, daemon direct, against the bare loop', left: 'daemon', right: 'floor', want: { atMost: 1.15 } },
		{ row: 'CPU a million deliveries, daemon direct, against nchan', left: 'daemon', right: 'nchan', want: { atMost: 0.75 } },
		{ row: 'CPU a million deliveries, daemon direct, against Socket.IO', left: 'daemon', right: 'socketIo' },
	]);
	await throughNginx(bench, proxied, proxiedFloor);
	await growth(bench, daemon, floor, most);
	await store.audit();
}
