/**
 * A worker that ends at the worst moments: inside its transaction, between commit and reply, between commit and publish. On a
 * store of its own, whose workers were built for it (configure --enable-failpoints; see lib/failpoint.h).
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { assertClear, promised } from '../lib/faults.mjs';
import { random, startLoad, told } from '../lib/load.mjs';
import { Reader } from '../lib/reader.mjs';
import { Stack, TOP } from '../lib/stack.mjs';
import { auditClean, closeGate, newDrop, people, waitingAtGate } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const BUILD = path.join(TOP, 'build-failpoints');
const RESERVE = '/api/drops/{id}/reservations';
const PURCHASE = '/api/reservations/{id}/purchase';

assert.ok(fs.existsSync(path.join(BUILD, 'lastpair-api')), './check faults builds the workers that this wants');
const store = await Stack.start(['--no-demo'], (dir) => ({ LASTPAIR_BUILD: BUILD, LASTPAIR_FAILPOINT: path.join(dir, 'run', 'failpoint') }));
const armed = path.join(store.dir, 'run', 'failpoint');

after(() => { store.stop(); });

/** The worker that is the `count`th to come to that point ends there. @param {string} point @param {string} where @param {number} [count] */
function arm(point, where, count = 1) {
	fs.writeFileSync(`${armed}.new`, `${point} ${where} ${count}\n`, { mode: 0o644 });
	fs.chmodSync(`${armed}.new`, 0o644);
	fs.renameSync(`${armed}.new`, armed);
}

/** @param {import('../lib/http.mjs').Caller} api @param {string} url @param {string} key */
const post = (api, url, key) => api.post(url, {}, { 'Idempotency-Key': key }).catch((error) => ({ status: 0, body: undefined, asked: error.code }));

/** Asked again and again until a worker answers; how many milliseconds that took. @param {import('../lib/http.mjs').Caller} api */
async function untilBack(api) {
	const began = Date.now();

	await waitFor('a worker to answer', async () => (await api.get('/api/reservations')).status === 200);
	return Date.now() - began;
}

/** @param {string} user @returns {Promise<{holds: string[], sales: string[], keys: number}>} what the database has of a user */
async function had(user) {
	return JSON.parse(await store.sql(`SELECT json_build_object(
		'holds', (SELECT coalesce(json_agg(r.id), '[]') FROM lastpair.reservations r WHERE user_id = u.id),
		'sales', (SELECT coalesce(json_agg(p.id), '[]') FROM lastpair.purchases p WHERE user_id = u.id),
		'keys', (SELECT count(*) FROM lastpair.idempotency_keys k WHERE user_id = u.id AND key = 'the-key-of-it'))
		FROM lastpair.users u WHERE username = '${user}'`));
}

/** A person with, for a purchase, a hold; the URL to ask, and a reader. @param {any} t @param {'reserve'|'purchase'} work */
async function scene(t, work) {
	const drop = await newDrop({ totalStock: 5, holdSeconds: 300 }, store);
	const [one] = await people(1, 'user', store);
	const reader = new Reader(store.port, { name: '1', drops: [drop.id] });

	assert.ok(one);
	t.after(() => reader.close());
	await waitFor('the snapshot', () => reader.ready);
	const hold = work === 'purchase' ? await one.api.post(`/api/drops/${drop.id}/reservations`, {}) : undefined;
	const wanted = work === 'purchase' ? (/** @type {any} */ s) => s.soldStock === 1 : (/** @type {any} */ s) => s.reservedStock === 1;

	return {
		one,
		url: hold ? `/api/reservations/${hold.body.reservation.id}/purchase` : `/api/drops/${drop.id}/reservations`,
		/** Until the browser shows it; how long after `since`. @param {number} since */
		shown: async (since) => {
			await waitFor('the browser to show it', () => reader.known.get(drop.id)?.sizes.some(wanted), 20_000);
			return Date.now() - since;
		},
	};
}

/** @type {['reserve'|'purchase', string, string, string, boolean][]} work, point, of what, in words, whether it is kept */
const cases = [
	['reserve', 'executed', 'reserve', 'inside its transaction', false],
	['reserve', 'sent', 'reserve', 'while the database does it', true],
	['reserve', 'committed', 'reserve', 'after the commit, before it is known to be on disk', true],
	['reserve', 'reply', RESERVE, 'between commit and reply', true],
	['purchase', 'executed', 'purchase', 'inside its transaction', false],
	['purchase', 'sent', 'purchase', 'while the database does it', true],
	['purchase', 'committed', 'purchase', 'after the commit, before it is known to be on disk', true],
	['purchase', 'reply', PURCHASE, 'between commit and reply', true],
];

for (const [work, point, where, words, kept] of cases)
	test(`a worker that ends ${words}: the ${work} is ${kept ? 'found again by its key' : 'rolled back'}, once`, async (t) => {
		const { one, url, shown } = await scene(t, work);
		const count = async () => (await had(one.username))[work === 'purchase' ? 'sales' : 'holds'];
		const idOf = (/** @type {any} */ body) => (body.purchase ?? body.reservation).id;

		arm(point, where);
		const first = await post(one.api, url, 'the-key-of-it');
		const ended = Date.now();

		assert.ok(first.status === 0 || first.status === 503, `nobody is told that it is done: ${first.asked}`);
		assert.ok(!fs.existsSync(armed), 'a worker came to the point');
		promised(t, 'a worker is back in', await untilBack(one.api), 1000);
		if (kept) {
			await waitFor('it to be in the database', async () => (await count()).length === 1);
			promised(t, 'the browser shows it after', await shown(ended), 2000);
		}
		const before = await had(one.username);

		assert.deepEqual([(await count()).length, before.keys], kept ? [1, 1] : [0, 0]);
		const again = await post(one.api, url, 'the-key-of-it');

		assert.equal(again.status, 201, again.asked);
		if (kept)
			assert.equal(idOf(again.body), (await count())[0], 'the one that was made');
		else
			promised(t, 'the browser shows it after', await shown(Date.now()), 2000);
		assert.equal((await had(one.username)).keys, 1);
		assert.deepEqual(await count(), [idOf(again.body)]);
		await auditClean(store);
	});

for (const [work, where] of /** @type {['reserve'|'purchase', string][]} */ ([['reserve', RESERVE], ['purchase', PURCHASE]]))
	test(`a worker that ends between commit and publish: the ${work} is answered, and browsers show it all the same`, async (t) => {
		const { one, url, shown } = await scene(t, work);

		arm('publish', where);
		const res = await post(one.api, url, 'the-key-of-it');
		const answered = Date.now();

		assert.equal(res.status, 201, res.asked);
		await waitFor('the worker to come to the point', () => !fs.existsSync(armed));
		promised(t, 'a worker is back in', await untilBack(one.api), 1000);
		promised(t, 'the browser shows it after', await shown(answered), 2000);
		assert.deepEqual((await post(one.api, url, 'the-key-of-it')).body, res.body, 'asked again, it says the same');
		await auditClean(store);
	});

/** @type {[string, string, number, string, boolean][]} point, of what, its count, in words, whether all was done */
const together = [
	['executed', 'reserve', 2, 'inside the transaction of many', false],
	['committed', 'reserve', 2, 'after the commit of many', true],
	['reply', RESERVE, 10, 'between the answers to many', true],
];

for (const [point, where, count, words, kept] of together)
	test(`a worker that ends ${words} reserves: each asks again and has its own hold, once`, async (t) => {
		const drop = await newDrop({ totalStock: 100, holdSeconds: 300 }, store);
		const users = await people(40, 'user', store);
		const open = await closeGate(drop.id, store);
		const url = `/api/drops/${drop.id}/reservations`;

		arm(point, where, count);
		const [head, ...rest] = users;
		const asked = [post(/** @type {any} */ (head).api, url, 'the-key-of-it')];

		await waitFor('the first call to be at the gate', async () => await waitingAtGate(drop.id, store) === 1);
		asked.push(...rest.map(({ api }) => post(api, url, 'the-key-of-it')));
		await pause(500);	/* until they wait in the worker, all for the next call */
		await open();
		const first = await Promise.all(asked);
		const lost = first.filter((res) => res.status !== 201).length;

		assert.ok(!fs.existsSync(armed), 'a worker came to the point');
		assert.ok(first.every((res) => [0, 201, 503].includes(res.status)));
		assert.ok(lost > 0 && lost < 40, `${lost} had no answer`);
		await untilBack(/** @type {any} */ (head).api);
		const held = Number(await store.sql(`SELECT count(*) FROM lastpair.reservations WHERE drop_id = ${drop.id}`));
		const all = await Promise.all(users.map(({ api }) => post(api, url, 'the-key-of-it')));
		const ids = all.map((res) => res.body?.reservation?.id);
		const there = await store.sql(`SELECT string_agg(id::text, ' ' ORDER BY id) FROM lastpair.reservations WHERE drop_id = ${drop.id}`);

		t.diagnostic(`${lost} of 40 had no answer; ${held} were held then, ${ids.length} after all had asked again`);
		if (kept)	/* all, but for those that came too late for that call */
			assert.ok(held > 40 - lost, 'what had no answer was held all the same');
		else
			assert.equal(held, 40 - lost, 'only what was answered was held');
		assert.deepEqual([...new Set(all.map((res) => res.status))], [201]);
		assert.deepEqual(all.filter((res, i) => first[i]?.status === 201 && first[i]?.body.reservation.id !== res.body.reservation.id), [], 'what was told stands');
		assert.equal(ids.sort().join(' '), there, 'each has one of its own, and there is no other');
		await auditClean(store);
	});

test('workers that end at points drawn by lot, under load: all that was acknowledged is there, once', async (t) => {
	const load = await startLoad({ stack: store });
	const next = random(load.seed + 1);
	const points = [...cases.map(([, point, where]) => [point, where]), ['publish', RESERVE], ['publish', PURCHASE], ['sent', 'release'], ['executed', 'durable']];
	const until = Date.now() + 8000;
	let ended = 0;

	t.after(() => load.stop());
	while (Date.now() < until) {
		const [point = '', where = ''] = points[Math.floor(next() * points.length)] ?? [];

		arm(point, where, 1 + Math.floor(next() * 4));
		await waitFor('a worker to come to the point', () => !fs.existsSync(armed), 15_000);
		ended++;
		await load.success('reserve');
	}
	await load.settle();
	const figures = await load.verify();

	assertClear(load, { cut: true });
	t.diagnostic(`seed ${load.seed}: a worker ended ${ended} times`);
	for (const line of told(figures))
		t.diagnostic(line);
	promised(t, 'the longest time without a success', figures.longestGap, 1000);
	promised(t, 'the browsers were behind at most', figures.lag.max, 2000);
	assert.ok(ended >= 3 && figures.foundAgain > 0);
});
