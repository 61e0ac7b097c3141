/**
 * As many readers as a process has descriptors for, and 50 changes a second for a minute: every reader has to end at the
 * database's state. Beside it, for information and for a shorter time, what nchan and Socket.IO do at such an offer.
 */
import { pause } from '../../lib/wait.mjs';
import { memory } from '../lib/load.mjs';
import {
	agreement, Changes, daemonPids, Direct, metric, Nchan, nginxPids, Readers, SocketIo, stockOf,
} from '../lib/streams.mjs';
import { freePort, Store } from '../lib/store.mjs';

export const about = 'thousands of readers and 50 changes a second';

const DIRECT = 19_500;
const PROXIED = 9500;
const RATE = 50;
const DROPS = 5;
const SECONDS = 60;
const SETTLE_MS = 5000;	/* after the last change */
const MEMORY_MB = 64;	/* enough for the daemon, however long it goes on */
const OTHERS_SECONDS = 15;
const IO_READERS = 5000;
const GIVE_UP_MB = 4096;	/* a comparison side that takes more is ended */

/** @typedef {import('../lib/bench.mjs').Bench} Bench */

const MB = 1024 * 1024;

/** Waits, and looks at memory meanwhile. @param {number} seconds @param {() => number[]} pids
 * @param {number} [limit] MB at which it ends early @returns {Promise<number>} the most it was, in MB */
async function peakMemory(seconds, pids, limit = Infinity) {
	const until = Date.now() + seconds * 1000;
	let peak = 0;

	while (Date.now() < until && peak < limit) {
		peak = Math.max(peak, memory(pids()).rss / MB);
		await pause(500);
	}
	return peak;
}

/** Asks the readers until all hold what the database holds. @param {Readers} readers @param {any[]} stock */
async function settled(readers, stock) {
	const began = Date.now();

	for (;;) {
		const told = await readers.mark();
		const found = agreement(told, stock);
		const ms = Date.now() - began;

		if (found.all || ms > SETTLE_MS)
			return { ...found, ms };
		await pause(100);
	}
}

/** A minute of changes. @param {Bench} bench @param {Store} store @param {{name: string, address: string|number, readers: number}} how */
async function minute(bench, store, { name, address, readers: count }) {
	const drops = await store.drops(DROPS);
	const readers = await Readers.open(bench, address, { readers: count, check: true });
	const before = await readers.mark();
	const changes = Changes.through(store, { rate: RATE, drops });

	await pause(1000);
	readers.tell('reset');
	const peak = await peakMemory(SECONDS, () => daemonPids(store));
	const tick = await metric(store, 'lastpair_sse_tick_seconds');
	const told = await readers.mark();
	const made = await changes.end();
	const end = await settled(readers, await stockOf(store, drops));

	bench.check(`${name}: each of ${count} readers ends at the database's state`, end.all, end.text);
	bench.check(`${name}: the daemon takes no more than ${MEMORY_MB} MB`, peak <= MEMORY_MB, `${peak.toFixed(0)} MB`);
	bench.note(`${name}: ${made.made} changes in ${made.seconds.toFixed(0)} s (p99 of making one ${made.took.p99} ms), ` +
		`${((told.frames - before.frames) / 1e6).toFixed(2)} million deliveries; ticks of ${Math.round(tick * 1000)} ms at the end; all agreed ` +
		`${end.ms} ms after the last change; the readers' own CPU ${(told.cpu - before.cpu).toFixed(1)} s`);
	await readers.end();
	return { ...told, peak };
}

/** @param {Bench} bench @param {Store} store @param {{name: string, address: string|number, readers: number}} how */
function minuteRows(bench, store, how) {
	const row = (/** @type {string} */ what, /** @type {string} */ unit, /** @type {(told: any) => number} */ of, want = {}) =>
		({ row: `${how.readers} readers ${how.name}, ${RATE} changes a second: ${what}`, unit, left: 'minute', of, ...want });

	return bench.compare({
		sides: { minute: { name: 'lastpair', measure: () => minute(bench, store, how) } },
		rounds: 1,
		rows: [
			row('p99 staleness', 'ms', (told) => told.staleness.p99, { want: { atMost: 1500 } }),
			row('p50 staleness', 'ms', (told) => told.staleness.p50),
			row('p99 since the oldest change not yet shown, at most', 'ms', (told) => told.behind.p99),
			row("the daemon's memory", 'MB', (told) => told.peak),
		],
	});
}

/** The share of the offered deliveries that came, in percent, and the memory that took.
 * @param {Readers} readers @param {() => number[]} pids @param {() => Promise<unknown>} begin */
async function offered(readers, pids, begin) {
	const before = await readers.mark();
	const began = Date.now();

	await begin();
	const peak = await peakMemory(OTHERS_SECONDS, pids, GIVE_UP_MB);
	const seconds = (Date.now() - began) / 1000;
	const after = await readers.mark();

	return { share: (after.frames - before.frames) / (before.open * RATE * seconds) * 100, peak, seconds, lost: after.lost };
}

/** @param {Bench} bench @param {string} name @param {number} readers @param {() => Promise<any>} measure */
function otherRows(bench, name, readers, measure) {
	return bench.compare({
		sides: { other: { name, measure } },
		rounds: 1,
		rows: [
			{ row: `${name}, ${readers} readers, ${RATE} messages a second: delivered`, unit: '%', left: 'other', of: (m) => m.share },
			{ row: `${name}, ${readers} readers, ${RATE} messages a second: memory after ${OTHERS_SECONDS} s, or at ${GIVE_UP_MB} MB`, unit: 'MB',
				left: 'other', of: (m) => m.peak },
		],
	});
}

/** @param {Bench} bench */
async function nchanRows(bench) {
	const nchan = await Nchan.start(bench, String(await freePort()));

	await otherRows(bench, 'nchan', DIRECT, async () => {
		const readers = await Readers.open(bench, nchan.address, { readers: DIRECT });
		const told = await offered(readers, () => nchan.pids,
			async () => { Changes.posted(bench, nchan.port, { rate: RATE, path: '/publish' }); });

		await nchan.stop('SIGKILL');	/* what it holds by now, it would go on sending */
		await readers.end();
		return told;
	});
}

/** @param {Bench} bench */
async function socketIoRows(bench) {
	const io = await SocketIo.start(bench);

	await otherRows(bench, 'Socket.IO', IO_READERS, async () => {
		const readers = await Readers.open(bench, io.port, { readers: IO_READERS, program: 'sio_readers' });
		const told = await offered(readers, () => io.pids, async () => io.send(RATE));

		await io.stop('SIGKILL');
		await readers.end();
		return told;
	});
}

/** @param {Bench} bench */
export async function run(bench) {
	const direct = await Direct.find();
	const store = await Store.start(bench, { name: 'lastpair', users: 5000, settings: direct.settings });
	const most = Math.min(DIRECT, await metric(store, 'lastpair_sse_subscribers_max'));

	await minuteRows(bench, store, { name: 'direct', address: direct.address(store), readers: most });
	await minuteRows(bench, store, { name: 'through nginx', address: store.stack.port, readers: PROXIED });
	await store.audit();
	bench.note(`nginx takes ${Math.round(memory(nginxPids(store)).rss / MB)} MB afterwards; direct connections are over ${direct.kind}`);
	await nchanRows(bench);
	await socketIoRows(bench);
}
