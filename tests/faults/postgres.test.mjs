/** PostgreSQL stopped at once, away, and its connections cut: clear refusals meanwhile, whole soon after, nothing lost or doubled. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { assertClear, cut, promised, sells, service, underLoad } from '../lib/faults.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { anyone, auditClean, closeGate, counts, dropNow, newDrop, people, person, reserve, waitingAtGate } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const OUTAGE_MS = 10_000;

/** What the workers said since `from` bytes of their log. @param {number} from */
const workersSaid = (from) => fs.readFileSync(path.join(stack.dir, 'log', 'api.log'), 'utf8').slice(from);
const logLength = () => fs.readFileSync(path.join(stack.dir, 'log', 'api.log'), 'utf8').length;

/** No statement was used of a connection that is gone. @param {number} from */
function assertNoStale(from) {
	assert.deepEqual(workersSaid(from).split('\n').filter((line) => /prepared statement/.test(line)), []);
}

/** Until it takes connections; when that was. */
async function isBack() {
	await waitFor('PostgreSQL to take connections', () => stack.sql('SELECT 1'), 60_000);
	return Date.now();
}

/** How long the refused had to wait to be told so, at most. @param {import('../lib/load.mjs').Load} load @param {number} from @param {number} to */
function slowestRefusal(load, from, to) {
	return Math.max(0, ...load.attempts.filter((a) => a.status === 503 && a.at >= from && a.at < to).map((a) => a.ms));
}

test('stopped at once and started, four times: whole within 5 s, and what was acknowledged is there', { timeout: 120_000 }, async (t) => {
	const log = logLength();
	/** @type {number[]} */
	const back = [];
	const { load, figures } = await underLoad(t, async (l) => {
		for (let i = 0; i < 4; i++) {
			const [old] = stack.kill('postgres', 'SIGQUIT');	/* as pg_ctl stop -m immediate does */

			await waitFor('another server', () => stack.pid('postgres') !== old, 20_000);
			const returned = await isBack();

			back.push(await l.success('purchase', { after: returned }));
			await pause(500);
		}
	});

	assertClear(load);
	assertNoStale(log);
	promised(t, 'the slowest sale after its return', Math.max(...back), 5000);
	t.diagnostic(`the longest time without a success, its absence included: ${figures.longestGap} ms`);
	await stack.whole();
});

test('away for 10 s: 503 with Retry-After meanwhile, whole within 5 s of its return', { timeout: 120_000 }, async (t) => {
	const log = logLength();
	let from = 0;
	let to = 0;
	let back = 0;
	const { load } = await underLoad(t, async (l) => {
		await service('down', 'postgres');
		from = Date.now();
		await pause(OUTAGE_MS);
		to = Date.now();
		const meanwhile = l.answers(from + 1000, to);

		assert.deepEqual(Object.keys(meanwhile), ['503 unavailable'], JSON.stringify(meanwhile));
		await service('up', 'postgres');
		back = await l.success('purchase', { after: await isBack() });
		await pause(1000);
	});

	assertClear(load);
	assertNoStale(log);
	promised(t, 'the first sale after its return', back, 5000);
	promised(t, 'a refusal meanwhile took at most', slowestRefusal(load, from, to), 2000);
	await stack.whole();
});

test('its connections cut ten times a second: hardly anybody notices, and nothing is done twice', async (t) => {
	const log = logLength();
	let cuts = 0;
	const { load, figures } = await underLoad(t, async () => {
		for (let i = 0; i < 25; i++) {
			cuts += await cut("SELECT pid FROM pg_stat_activity WHERE usename = 'lastpair_api'");
			await pause(50);
		}
	});

	assertClear(load);
	assertNoStale(log);
	assert.ok(cuts > 25, `${cuts} were cut`);
	t.diagnostic(`${cuts} connections cut; ${figures.unknown} of ${load.attempts.length} attempts were told 503`);
	promised(t, 'the longest time without a success', figures.longestGap, 1000);
});

test('with PostgreSQL away the API answers 503 as a problem document in a bounded time, and /healthz 503', async () => {
	const { api } = await person();

	await service('down', 'postgres');
	try {
		const start = Date.now();
		const res = await api.get('/api/reservations');

		assertProblem(res, 503, res.body?.code);
		assert.ok(Date.now() - start < 12_000, `${Date.now() - start} ms`);
		const health = await anyone.get('/healthz');
		assert.equal(health.status, 503);
		assert.notEqual(health.body?.status, 'ok');
	} finally {
		await service('up', 'postgres');
	}
	await sells('PostgreSQL was away', 30_000);
});

test('its connections cut, a worker makes new ones and its callers notice nothing worse than a moment', async () => {
	const drop = await newDrop({ totalStock: 100 });
	const users = await people(20);

	for (const { api } of users) {
		await cut("SELECT pid FROM pg_stat_activity WHERE usename = 'lastpair_api'");
		await reserve(api, drop.id);
	}
	await auditClean();
});

test('a connection cut under a call of many: each of them has what it asked for, once', async (t) => {
	const drop = await newDrop({ totalStock: 100, holdSeconds: 300 });
	const users = await people(60);
	const open = await closeGate(drop.id);
	const ask = (/** @type {import('../lib/store.mjs').Person} */ { api }, /** @type {number} */ i) =>
		api.post(`/api/drops/${drop.id}/reservations`, {}, { 'Idempotency-Key': `cut-under-${i}` });
	let answered = 0;
	const asked = users.map((user, i) => ask(user, i).finally(() => answered++));

	await waitFor('a call at the gate', async () => await waitingAtGate(drop.id) > 0);
	await pause(200);
	const lost = await cut("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");

	assert.ok(lost > 0, 'a call was lost');
	await waitFor('it to be sent again', async () => answered === 60 || await waitingAtGate(drop.id) > 0);
	await open();
	const first = await Promise.all(asked);
	/* on a machine that is busy the gate may have been closed for longer than anybody waits */
	const all = await Promise.all(first.map((res, i) => (res.status === 503 ? ask(/** @type {any} */ (users[i]), i) : res)));

	t.diagnostic(`${first.filter((res) => res.status === 503).length} of 60 had to ask again`);
	assert.deepEqual([...new Set(all.map((res) => res.status))], [201]);
	assert.equal(new Set(all.map((res) => res.body.reservation.id)).size, 60);
	assert.deepEqual(counts(await dropNow(drop.id)), [40, 60, 0]);
	await auditClean();
});
