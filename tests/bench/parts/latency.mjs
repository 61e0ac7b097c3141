/**
 * From the commit to the browser at a light load, and from the deadline of a lapsed hold until every browser shows the pair
 * again. Times are the database's clock against the readers', on one machine: a change's `at` is taken before its commit.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pause, waitFor } from '../../lib/wait.mjs';
import { percentile } from '../lib/figures.mjs';
import { output, tool } from '../lib/load.mjs';
import { Changes, Direct, Readers } from '../lib/streams.mjs';
import { newFolder, Store } from '../lib/store.mjs';

export const about = 'from the commit to every browser, and from a deadline';

const TICK_MS = 25;
const READERS = 1000;
const RATE = 6;	/* changes a second: so few that each is told by itself */
const SECONDS = 8;
const HOLDS = 100;
const HOLD_SECONDS = 2;
const HOLD_READERS = 300;
const HOLD_RATE = 25;	/* holds made a second */

/** @typedef {import('../lib/bench.mjs').Bench} Bench */

/** How old changes are when they come to readers that are connected so.
 * @param {Bench} bench @param {Store} store @param {string|number} address @param {any[]} drops */
async function ages(bench, store, address, drops) {
	const readers = await Readers.open(bench, address, { readers: READERS, check: true });
	const changes = Changes.through(store, { rate: RATE, drops, connections: 2 });

	await pause(500);
	readers.tell('reset');
	await pause(SECONDS * 1000);
	const told = await readers.mark();

	await changes.end();
	await readers.end();
	if (told.backwards || told.unsound || told.lost || told.staleness.count < READERS * RATE * SECONDS * 0.9)
		throw new Error(`${told.staleness.count} updates came, ${told.backwards} of them old; ${told.lost} readers were lost`);
	return told;
}

/** @param {Bench} bench @param {Store} store @param {Direct} direct */
async function commitToBrowser(bench, store, direct) {
	const drops = await store.drops(2);
	const side = (/** @type {string} */ name, /** @type {string|number} */ address) =>
		({ name, measure: () => ages(bench, store, address, drops) });
	const row = (/** @type {string} */ how, /** @type {string} */ left, /** @type {'p50'|'p99'} */ rank, /** @type {number} */ atMost) => ({
		row: `commit to browser, ${READERS} readers, ${how}: ${rank}`, unit: 'ms', left,
		of: (/** @type {any} */ told) => told.staleness[rank], ...(left === 'proxied' ? { want: { atMost } } : {}),
	});

	await bench.compare({
		sides: { proxied: side('through nginx', store.stack.port), direct: side('direct', direct.address(store)) },
		rows: [
			row('through nginx', 'proxied', 'p50', TICK_MS + 10), row('through nginx', 'proxied', 'p99', 3 * TICK_MS),
			row('direct', 'direct', 'p50', 0), row('direct', 'direct', 'p99', 0),
		],
	});
	bench.note(`${RATE} changes a second; a tick is ${TICK_MS} ms`);
}

/** Milliseconds from each deadline until each reader was shown the pair again.
 * @param {Bench} bench @param {Store} store @returns {Promise<number[]>} */
async function lapses(bench, store) {
	const drops = await store.drops(HOLDS, { totalStock: 1, holdSeconds: HOLD_SECONDS });
	const ids = drops.map(({ id }) => id);
	const folder = newFolder();
	const arrivals = path.join(folder, 'arrivals');
	const open = `FROM lastpair.stock WHERE available = 1 AND drop_id IN (${ids.join(',')})`;

	bench.defer(() => fs.rmSync(folder, { recursive: true, force: true }));
	const readers = await Readers.open(bench, store.stack.port, { readers: HOLD_READERS, check: true, drops: 1000, arrivals });

	await output(tool('changes'), ['--connect', String(store.stack.port), '--rate', String(HOLD_RATE), '--tokens', store.tokens,
		'--drops', ids.join(','), '--connections', '4', '--count', String(HOLDS), '--hold']);
	await waitFor('every pair to be on sale again', async () => await store.sql(`SELECT count(*) ${open}`) === String(HOLDS),
		(HOLD_SECONDS + 5) * 1000);
	await pause(1500);	/* it must have come to the readers long before */
	await readers.end();
	return lateness(fs.readFileSync(arrivals, 'utf8'), await store.sql(
		`SELECT r.drop_id, (extract(epoch FROM r.expires_at) * 1000)::bigint, s.version FROM lastpair.reservations r ` +
		`JOIN lastpair.stock s USING (drop_id) WHERE drop_id IN (${ids.join(',')})`));
}

/** @param {string} arrivals  lines `DROP VERSION MILLISECONDS` @param {string} deadlines  lines `DROP|MILLISECONDS|VERSION` */
function lateness(arrivals, deadlines) {
	const holds = new Map(deadlines.split('\n').map((line) => {
		const [drop, deadline, version] = line.split('|');

		return [`${drop} ${version}`, Number(deadline)];
	}));
	const late = arrivals.split('\n').flatMap((line) => {
		const space = line.lastIndexOf(' ');
		const deadline = holds.get(line.slice(0, space));

		return deadline === undefined ? [] : [Number(line.slice(space + 1)) - deadline];
	});

	if (late.length !== HOLDS * HOLD_READERS)
		throw new Error(`${late.length} of ${HOLDS * HOLD_READERS} times a reader was shown the pair again`);
	if (Math.min(...late) < 0)
		throw new Error(`a pair was shown ${-Math.min(...late)} ms before its hold was over`);
	return late;
}

/** @param {Bench} bench */
export async function run(bench) {
	const direct = await Direct.find();
	const store = await Store.start(bench, { name: 'lastpair', users: 2000, settings: direct.settings });

	await commitToBrowser(bench, store, direct);
	await bench.compare({
		sides: { lapsed: { name: 'through nginx', measure: () => lapses(bench, store) } },
		rows: [
			{ row: `a lapsed hold back on sale in every browser, after its deadline: p99`, unit: 'ms', left: 'lapsed',
				of: (late) => percentile(late, 0.99), want: { atMost: 250 } },
			{ row: `a lapsed hold back on sale in every browser, after its deadline: p50`, unit: 'ms', left: 'lapsed',
				of: (late) => percentile(late, 0.5) },
		],
	});
	bench.note(`${HOLDS} holds of ${HOLD_SECONDS} s, each on a drop of its own, ${HOLD_READERS} readers through nginx`);
	await store.audit();
}
