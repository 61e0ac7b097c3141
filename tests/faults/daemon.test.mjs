/** The event daemon killed, frozen and replaced, and pages that lose their line: sales don't notice, pages go on with nothing missed. */
import assert from 'node:assert/strict';
import { assertClear, promised, underLoad } from '../lib/faults.mjs';
import { Stream } from '../lib/sse.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

/** Nobody who buys notices anything of the daemon. @param {import('../lib/load.mjs').Load} load */
function assertSalesUntouched(load) {
	assert.deepEqual(load.attempts.filter((a) => a.status === 0 || a.status >= 500), []);
}

/** Until every reader has a stream that began after `since` and shows something; gives when.
 * @param {import('../lib/load.mjs').Load} load @param {number} since */
async function allBack(load, since) {
	await waitFor('every reader to be back', () => load.readers.every((r) => r.ready && r.connections.some((c) => c.at >= since && c.came)), 30_000);
	return Date.now() - since;
}

/** Another one serves. @param {number|undefined} old */
const another = (old) => waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => pid !== old), 20_000);

test('killed three times under load: pages are back with a snapshot and right, sales go on', async (t) => {
	/** @type {number[]} */
	const back = [];
	let killed = 0;
	const { load } = await underLoad(t, async (l) => {
		for (let i = 0; i < 3; i++) {
			await pause(1000);
			const [old] = stack.kill('lastpair-sse');

			killed = Date.now();
			back.push(await allBack(l, killed));
			await another(old);
		}
		await pause(1500);
	});
	const returned = load.readers.flatMap((r) => r.connections.slice(1));

	assertSalesUntouched(load);
	assert.ok(returned.length >= 3 * load.readers.length);
	assert.deepEqual(returned.filter((c) => c.came && !c.snapshot), [], 'a new daemon has nothing to go on from');
	promised(t, 'all readers were back at the latest', Math.max(...back), 5000);
	promised(t, 'the browsers were behind at most', load.lag().max, 5000);
	await stack.whole();
});

test('frozen for 5 s: sales go on, and pages go on right where they were', async (t) => {
	let from = 0;
	let thawed = 0;
	const { load } = await underLoad(t, async (l) => {
		const pid = stack.pid('sse');

		await pause(1000);
		from = Date.now();
		process.kill(pid, 'SIGSTOP');
		try {
			await pause(5000);
		} finally {
			thawed = Date.now();
			process.kill(pid, 'SIGCONT');
		}
		await l.success('purchase');
		await pause(2000);
	});
	assertSalesUntouched(load);
	promised(t, 'what was sold meanwhile was shown after the thaw within', Math.max(0, load.lag(from, thawed).latest - thawed), 2000);
	promised(t, 'and what was sold afterwards within', load.lag(thawed).max, 2000);
	assert.deepEqual(load.readers.map((r) => r.connections.length), load.readers.map(() => 1), 'no page had to connect again');
});

test('replaced five times while 50 clients connect in a loop: nobody is refused', async (t) => {
	let over = false;
	let calls = 0;
	/** @type {Set<string>} */
	const wrong = new Set();
	/** @type {number[]} */
	const waits = [];

	/** One client: connects, reads the snapshot, goes, again and again. */
	async function client() {
		while (!over) {
			const began = Date.now();

			try {
				const stream = await Stream.open(stack.port, { query: '?drops=1' });

				if (stream.status !== 200)
					wrong.add(`${stream.status}`);
				stream.close();
			} catch (error) {
				wrong.add(/** @type {any} */ (error).code ?? String(error));
			}
			calls++;
			waits.push(Date.now() - began);
			await pause(50 * Math.random());
		}
	}

	const { load } = await underLoad(t, async (l) => {
		const clients = Array.from({ length: 50 }, client);

		for (let i = 0; i < 5; i++) {
			const [old] = stack.kill('lastpair-sse', 'SIGTERM');
			const ended = Date.now();

			await another(old);
			await allBack(l, ended);
			await pause(300);
		}
		over = true;
		await Promise.all(clients);
	}, { buyers: 12 });

	t.diagnostic(`${calls} connections made, the longest took ${Math.max(...waits)} ms`);
	assert.deepEqual([...wrong], []);
	assert.ok(calls >= 250, `${calls} calls`);
	assert.deepEqual(load.readers.flatMap((r) => r.refused), [], 'nor was a page that came back');
	assertSalesUntouched(load);
	promised(t, 'the browsers were behind at most', load.lag().max, 5000);
});

test('pages that lose their line again and again go on where they were: nothing is missed', async (t) => {
	const { load } = await underLoad(t, async (l) => {
		for (let i = 0; i < 12; i++) {
			for (const reader of l.readers.slice(1))
				reader.cut();
			await pause(400);
		}
	}, { thinkMs: 20 });
	const [steady, ...cut] = load.readers;

	/** Versions of a drop that a reader was told after its snapshot. @param {import('../lib/reader.mjs').Reader} r @param {number} id */
	const versions = (r, id) => r.told.filter((x) => x.dropId === id && x.event === 'stock:update').map((x) => x.version);

	assertClear(load);
	assert.equal(steady?.connections.length, 1);
	/* what has lapsed since all agreed may be with one and on its way to another */
	await waitFor('the last change to be with everybody', () => load.drops.every(({ id }) =>
		new Set(load.readers.map((r) => versions(r, id).at(-1))).size === 1));
	for (const reader of cut) {
		const resumed = reader.connections.slice(1).filter((c) => c.came);

		assert.ok(resumed.length >= 3, `reader ${reader.name} came back ${resumed.length} times`);
		assert.deepEqual(resumed.filter((c) => c.snapshot), [], 'the daemon still had what came meanwhile');
		for (const drop of load.drops) {
			const came = versions(reader, drop.id);
			const stayed = versions(/** @type {any} */ (steady), drop.id);
			const first = Math.max(came[0] ?? 0, stayed[0] ?? 0);	/* their snapshots were not of one moment */

			assert.deepEqual(came.filter((v) => v >= first), stayed.filter((v) => v >= first), `reader ${reader.name} was told the same as one that stayed`);
		}
	}
	t.diagnostic(`${cut.reduce((n, r) => n + r.connections.length - 1, 0)} times a page came back, and ${steady?.told.length} states of stock were told to each`);
	promised(t, 'the browsers were behind at most', load.lag().max, 2000);
});
