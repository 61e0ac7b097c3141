/** Idempotency-Key: a request that may have arrived is safely sent again. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { assertProblem } from '../lib/shapes.mjs';
import { admin, anyone, auditClean, counts, dropNow, newDrop, PASSWORD, people, person, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

const newKey = () => crypto.randomBytes(12).toString('hex');
const keyed = (/** @type {string} */ key) => ({ 'Idempotency-Key': key });

/** @param {any} first @param {any} again */
function assertSame(first, again) {
	assert.equal(again.status, first.status, again.text);
	assert.deepEqual(again.body, first.body);
}

test('a reserve sent again with its key gives the first answer, status and body', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();
	const first = await api.post(path, {}, keyed(key));

	assert.equal(first.status, 201, first.asked);
	assertSame(first, await api.post(path, {}, keyed(key)));
	assert.deepEqual(counts(await dropNow(drop.id)), [4, 1, 0], 'held once');
});

test('the Location of an answer given again is that of the hold in it', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();
	const first = await api.post(path, {}, keyed(key));
	const again = await api.post(path, {}, keyed(key));

	assert.equal(first.headers.location, `/api/reservations/${first.body.reservation.id}`);
	assert.equal(again.headers.location, first.headers.location);
});

test('it still does after the hold was given back, and holds nothing new', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();
	const first = await api.post(path, {}, keyed(key));

	assert.equal((await api.del(`/api/reservations/${first.body.reservation.id}`)).status, 200);
	assertSame(first, await api.post(path, {}, keyed(key)));
	assert.deepEqual(counts(await dropNow(drop.id)), [5, 0, 0]);
});

test('it still does after the drop sold out, paused or changed', async () => {
	const drop = await newDrop({ totalStock: 1 });
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();
	const first = await api.post(path, {}, keyed(key));

	await (await admin()).patch(`/api/drops/${drop.id}`, { isActive: false, name: unique('Other') });
	assertSame(first, await api.post(path, {}, keyed(key)));
});

test('a purchase sent again with its key gives 201 again, not 200', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const path = `/api/reservations/${(await reserve(api, drop.id)).id}/purchase`;
	const key = newKey();
	const first = await api.post(path, {}, keyed(key));

	assert.equal(first.status, 201, first.asked);
	assertSame(first, await api.post(path, {}, keyed(key)));
	assert.equal((await api.post(path, {}, keyed(newKey()))).status, 200, 'with another key it is a second call');
	assert.equal((await api.post(path, {})).status, 200);
});

test('creating a drop again with its key makes no second one', async () => {
	const api = await admin();
	const body = { name: unique('Keyed'), priceCents: 100, totalStock: 1 };
	const key = newKey();
	const first = await api.post('/api/drops', body, keyed(key));

	assert.equal(first.status, 201, first.asked);
	assertSame(first, await api.post('/api/drops', body, keyed(key)));
	assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.drops WHERE name = '${body.name}'`), '1');
});

test('restocking again with its key adds nothing', async () => {
	const api = await admin();
	const drop = await newDrop({ totalStock: 1 });
	const path = `/api/drops/${drop.id}/restock`;
	const key = newKey();
	const first = await api.post(path, { quantity: 5 }, keyed(key));

	assert.equal(first.status, 200, first.asked);
	assertSame(first, await api.post(path, { quantity: 5 }, keyed(key)));
	assert.equal((await dropNow(drop.id)).totalStock, 6);
	assert.equal((await api.post(path, { quantity: 5 }, keyed(newKey()))).body.drop.totalStock, 11);
});

test('a key sent with another body is refused as key_reused and does nothing', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 5 }, { size: '43', totalStock: 5 }] });
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();

	assert.equal((await api.post(path, { size: '42' }, keyed(key))).status, 201);
	assertProblem(await api.post(path, { size: '43' }, keyed(key)), 422, 'key_reused');
	const boss = await admin();
	const restock = newKey();
	assert.equal((await boss.post(`/api/drops/${drop.id}/restock`, { size: '42', quantity: 1 }, keyed(restock))).status, 200);
	assertProblem(await boss.post(`/api/drops/${drop.id}/restock`, { size: '42', quantity: 2 }, keyed(restock)), 422, 'key_reused');
	assert.deepEqual(counts(await dropNow(drop.id)), [10, 1, 0]);
});

test('a key sent to another address is refused as key_reused and does nothing', async () => {
	const [drop, other] = [await newDrop(), await newDrop()];
	const { api } = await person();
	const key = newKey();
	const first = await api.post(`/api/drops/${drop.id}/reservations`, {}, keyed(key));

	assertProblem(await api.post(`/api/drops/${other.id}/reservations`, {}, keyed(key)), 422, 'key_reused');
	assertProblem(await api.post(`/api/reservations/${first.body.reservation.id}/purchase`, {}, keyed(key)), 422, 'key_reused');
	assert.deepEqual(counts(await dropNow(other.id)), [5, 0, 0]);
	assert.deepEqual(counts(await dropNow(drop.id)), [4, 1, 0]);
});

test('two users\' same key are two keys', async () => {
	const drop = await newDrop();
	const [one, two] = await people(2);
	const key = newKey();
	const path = `/api/drops/${drop.id}/reservations`;

	assert.ok(one && two);
	const first = await one.api.post(path, {}, keyed(key));
	const second = await two.api.post(path, {}, keyed(key));
	assert.deepEqual([first.status, second.status], [201, 201]);
	assert.notEqual(first.body.reservation.id, second.body.reservation.id);
});

test('a refusal is not kept: the same key may try again', async () => {
	const drop = await newDrop({ isActive: false });
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();

	assertProblem(await api.post(path, {}, keyed(key)), 409, 'paused');
	await (await admin()).patch(`/api/drops/${drop.id}`, { isActive: true });
	assert.equal((await api.post(path, {}, keyed(key))).status, 201);
	const boss = await admin();
	const restock = newKey();
	assertProblem(await boss.post(`/api/drops/${drop.id}/restock`, { quantity: -100 }, keyed(restock)), 409, 'below_committed');
	assert.equal((await boss.post(`/api/drops/${drop.id}/restock`, { quantity: 1 }, keyed(restock))).status, 200, 'also with another body');
});

test('sold out with a key, then tried again with it when a pair came back, is 201', async () => {
	const drop = await newDrop({ totalStock: 1 });
	const [one, two] = await people(2);
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();

	assert.ok(one && two);
	const hold = await reserve(one.api, drop.id);
	assertProblem(await two.api.post(path, {}, keyed(key)), 409, 'sold_out');
	await one.api.del(`/api/reservations/${hold.id}`);
	assert.equal((await two.api.post(path, {}, keyed(key))).status, 201);
});

test('one key thirty times at once: one hold, and every answer is that one', async () => {
	const drop = await newDrop({ totalStock: 40 });
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();
	const all = await Promise.all(Array.from({ length: 30 }, () => api.post(path, {}, keyed(key))));

	for (const res of all)
		assertSame(/** @type {any} */ (all[0]), res);
	assert.equal(all[0]?.status, 201);
	assert.deepEqual(counts(await dropNow(drop.id)), [39, 1, 0]);
});

test('one key at once on restock, on create and on purchase happens once', async () => {
	const boss = await admin();
	const drop = await newDrop({ totalStock: 1 });
	const { api } = await person();
	const buy = `/api/reservations/${(await reserve(api, drop.id)).id}/purchase`;
	const [k1, k2, k3] = [newKey(), newKey(), newKey()];
	const body = { name: unique('Keyed'), priceCents: 100, totalStock: 1 };
	const many = (/** @type {() => Promise<any>} */ call) => Promise.all(Array.from({ length: 12 }, call));
	const [restocks, creates, buys] = await Promise.all([
		many(() => boss.post(`/api/drops/${drop.id}/restock`, { quantity: 5 }, keyed(k1))),
		many(() => boss.post('/api/drops', body, keyed(k2))),
		many(() => api.post(buy, {}, keyed(k3))),
	]);

	for (const all of [restocks, creates, buys])
		for (const res of all)
			assertSame(all[0], res);
	assert.equal(buys[0].status, 201);
	assert.equal((await dropNow(drop.id)).totalStock, 6);
	assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.drops WHERE name = '${body.name}'`), '1');
	await auditClean();
});

test('one key with two bodies at once: one succeeds, the other is key_reused', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 5 }, { size: '43', totalStock: 5 }], maxPerUser: 2 });
	const { api } = await person();
	const key = newKey();
	const all = await Promise.all(['42', '43', '42', '43', '42', '43'].map((size) =>
		api.post(`/api/drops/${drop.id}/reservations`, { size }, keyed(key))));
	const won = all.find((res) => res.status === 201);

	assert.ok(won);
	for (const [i, res] of all.entries()) {
		if ((i % 2 ? '43' : '42') === won.body.reservation.size)
			assertSame(won, res);
		else
			assertProblem(res, 422, 'key_reused');
	}
	assert.deepEqual(counts(await dropNow(drop.id)), [9, 1, 0]);
});

test('a key is 8 to 128 visible characters; others are refused as invalid', async () => {
	const drop = await newDrop({ totalStock: 50 });
	const path = `/api/drops/${drop.id}/reservations`;
	const [one, two, three] = await people(3);

	assert.ok(one && two && three);
	for (const key of ['', 'short67', 'k'.repeat(129), 'with a space', 'tab\tinside', 'ümläut-key'])
		assertProblem(await one.api.post(path, {}, { 'Idempotency-Key': Buffer.from(key).toString('latin1') }), 400, 'invalid');
	assert.deepEqual(counts(await dropNow(drop.id)), [50, 0, 0]);
	for (const other of ['/api/auth/register', '/api/auth/login', '/api/auth/logout'])
		assertProblem(await one.api.post(other, { username: 'key', email: 'key@test.example', password: PASSWORD }, keyed('short67')), 400, 'invalid');
	assert.equal((await one.api.post(path, {}, keyed('12345678'))).status, 201);
	assert.equal((await two.api.post(path, {}, keyed('k'.repeat(128)))).status, 201);
	assert.equal((await three.api.post(path, {}, keyed('"quotes\';--<>&%\\'))).status, 201);
});

test('the same key without its user\'s session is refused before anything else', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const key = newKey();

	assert.equal((await api.post(path, {}, keyed(key))).status, 201);
	await api.post('/api/auth/logout');
	assertProblem(await api.post(path, {}, keyed(key)), 401, 'unauthenticated');
});

test('a sign-up sent again with its key gives the account it made', async () => {
	const username = unique('again');
	const body = { username, email: `${username}@test.example`, password: 'a fine password' };
	const key = newKey();
	const first = await anyone.post('/api/auth/register', body, keyed(key));
	const again = await anyone.post('/api/auth/register', body, keyed(key));

	assert.equal(first.status, 201, first.asked);
	assert.equal(again.status, 201, again.asked);
	assert.deepEqual(again.body.user, first.body.user);
	assertProblem(await anyone.post('/api/auth/register', { ...body, password: 'not the same one' }, keyed(key)), 422, 'key_reused');
});

test('keys are kept for a day: housekeeping takes only older ones', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const path = `/api/drops/${drop.id}/reservations`;
	const [young, old] = [newKey(), newKey()];
	const first = await api.post(path, {}, keyed(young));

	await api.del(`/api/reservations/${first.body.reservation.id}`);
	await api.del(`/api/reservations/${(await api.post(path, {}, keyed(old))).body.reservation.id}`);
	await stack.sql(`UPDATE lastpair.idempotency_keys SET created_at = created_at - interval '23 hours 50 minutes' WHERE key = '${young}'`);
	await stack.sql(`UPDATE lastpair.idempotency_keys SET created_at = created_at - interval '40 days' WHERE key = '${old}'`);
	const known = () => stack.sql(`SELECT string_agg(key, ' ' ORDER BY key) FROM lastpair.idempotency_keys WHERE key IN ('${young}', '${old}')`);

	await stack.sql('SELECT api.housekeep(1000)');
	assert.equal(await known(), young);
	assertSame(first, await api.post(path, {}, keyed(young)));
});
