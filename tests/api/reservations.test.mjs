/** Reserving, looking at one's holds, giving back, buying. */
import assert from 'node:assert/strict';
import { Caller } from '../lib/http.mjs';
import { assertDrop, assertProblem, assertPurchase, assertReservation, assertShape, isTime } from '../lib/shapes.mjs';
import { admin, anyone, auditClean, counts, dropNow, newDrop, people, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const object = (/** @type {any} */ v) => typeof v === 'object' && v !== null;
const soon = (/** @type {number} */ s) => new Date(Date.now() + s * 1000).toISOString();
const NOBODYS = '0198c2f4-7b1e-7c3d-8a52-111111111111';

/* ---- reserve ---- */

test('reserving answers 201 with the hold, the drop, the time and where the hold is', async () => {
	const drop = await newDrop({ totalStock: 3, holdSeconds: 45 });
	const { api } = await person();
	const res = await api.post(`/api/drops/${drop.id}/reservations`, {});

	assert.equal(res.status, 201, res.asked);
	assertShape(res.body, { reservation: object, drop: object, serverTime: isTime }, 'answer');
	const { reservation, drop: after, serverTime } = res.body;
	assertReservation(reservation);
	assertDrop(after);
	assert.equal(res.headers.location, `/api/reservations/${reservation.id}`);
	assert.deepEqual([reservation.dropId, reservation.size, reservation.status], [drop.id, '', 'active']);
	assert.equal(Date.parse(reservation.expiresAt) - Date.parse(reservation.createdAt), 45_000);
	assert.ok(Math.abs(Date.parse(serverTime) - Date.parse(reservation.createdAt)) < 5000);
	assert.deepEqual(counts(after), [2, 1, 0]);
	assert.ok(after.version > drop.version);
});

test('the Location of a hold shows it to its holder, whatever becomes of it, and to nobody else', async () => {
	const drop = await newDrop({ holdSeconds: 1 });
	const [one, two] = await people(2);

	assert.ok(one && two);
	const { headers, body: { reservation } } = await one.api.post(`/api/drops/${drop.id}/reservations`, {});
	const where = String(headers.location);
	const res = await one.api.get(where);

	assert.equal(res.status, 200, res.asked);
	assertShape(res.body, { reservation: object, serverTime: isTime }, 'answer');
	assert.deepEqual(res.body.reservation, reservation);
	assertProblem(await two.api.get(where), 404, 'not_found');
	assertProblem(await anyone.get(where), 401, 'unauthenticated');
	assertProblem(await one.api.get('/api/reservations/1'), 404, 'not_found');
	await waitFor('the deadline', () => Date.now() >= Date.parse(reservation.expiresAt) + 2);
	assert.equal((await one.api.get(where)).body.reservation.status, 'expired');
});

test('reserving without a body is reserving the only size', async () => {
	const drop = await newDrop();
	const [one, two] = await people(2);

	assert.equal((await one?.api.post(`/api/drops/${drop.id}/reservations`))?.status, 201);
	assert.equal((await two?.api.post(`/api/drops/${drop.id}/reservations`, { size: '' }))?.status, 201);
});

test('reserving a size takes it from that size', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 2 }] });
	const res = await (await person()).api.post(`/api/drops/${drop.id}/reservations`, { size: '43' });

	assert.equal(res.body.reservation.size, '43');
	assert.deepEqual(res.body.drop.sizes.map((/** @type {any} */ s) => counts(s)), [[1, 0, 0], [1, 1, 0]]);
});

test('reserving is refused to nobody', async () => {
	const drop = await newDrop();

	assertProblem(await anyone.post(`/api/drops/${drop.id}/reservations`, {}), 401, 'unauthenticated');
	assert.deepEqual(counts(await dropNow(drop.id)), [5, 0, 0]);
});

test('reserving what is not there is refused as not_found', async () => {
	const { api } = await person();

	for (const id of ['999999999', 'abc', '0', '-1', '1.0', '99999999999999999999'])
		assertProblem(await api.post(`/api/drops/${id}/reservations`, {}), 404, 'not_found');
});

test('reserving a size that the drop does not have is refused as unknown_size', async () => {
	const several = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 1 }] });
	const single = await newDrop();
	const { api } = await person();

	assertProblem(await api.post(`/api/drops/${several.id}/reservations`, { size: '44' }), 400, 'unknown_size');
	assertProblem(await api.post(`/api/drops/${several.id}/reservations`, { size: '42 ' }), 400, 'unknown_size');
	assertProblem(await api.post(`/api/drops/${several.id}/reservations`, {}), 400, 'unknown_size');
	assertProblem(await api.post(`/api/drops/${single.id}/reservations`, { size: '42' }), 400, 'unknown_size');
});

test('a size of another type, or a field that there is not, is refused as invalid', async () => {
	const drop = await newDrop();
	const { api } = await person();

	for (const body of [{ size: 42 }, { size: ['42'] }, { size: {} }, { size: true }, { quantity: 2 }, { size: '', userId: 1 }, [], 'x', null, 5])
		assertProblem(await api.post(`/api/drops/${drop.id}/reservations`, body), 400, 'invalid');
	assert.deepEqual(counts(await dropNow(drop.id)), [5, 0, 0]);
});

test('the last pair gone, reserving is refused as sold_out', async () => {
	const drop = await newDrop({ totalStock: 1 });
	const [one, two] = await people(2);

	assert.ok(one && two);
	const hold = await reserve(one.api, drop.id);
	assertProblem(await two.api.post(`/api/drops/${drop.id}/reservations`, {}), 409, 'sold_out');
	assert.equal((await dropNow(drop.id)).status, 'live', 'what is only held may come back');
	await purchase(one.api, hold.id);
	assertProblem(await two.api.post(`/api/drops/${drop.id}/reservations`, {}), 409, 'sold_out');
	assert.equal((await dropNow(drop.id)).status, 'sold_out');
});

test('a size gone is sold_out while another is not', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 1 }] });
	const [one, two] = await people(2);

	assert.ok(one && two);
	await reserve(one.api, drop.id, '42');
	assertProblem(await two.api.post(`/api/drops/${drop.id}/reservations`, { size: '42' }), 409, 'sold_out');
	assert.equal((await two.api.post(`/api/drops/${drop.id}/reservations`, { size: '43' })).status, 201);
});

test('a second hold of one drop is refused as already_reserved, in any size', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 5 }, { size: '43', totalStock: 5 }], maxPerUser: 3 });
	const { api } = await person();

	await reserve(api, drop.id, '42');
	assertProblem(await api.post(`/api/drops/${drop.id}/reservations`, { size: '42' }), 409, 'already_reserved');
	assertProblem(await api.post(`/api/drops/${drop.id}/reservations`, { size: '43' }), 409, 'already_reserved');
	assert.deepEqual(counts(await dropNow(drop.id)), [9, 1, 0]);
});

test('after buying one of one, reserving is refused as limit_reached', async () => {
	const drop = await newDrop();
	const { api } = await person();

	await purchase(api, (await reserve(api, drop.id)).id);
	assertProblem(await api.post(`/api/drops/${drop.id}/reservations`, {}), 409, 'limit_reached');
});

test('maxPerUser 2 lets each buy two and not three', async () => {
	const drop = await newDrop({ maxPerUser: 2, totalStock: 10 });
	const { api } = await person();

	await purchase(api, (await reserve(api, drop.id)).id);
	await purchase(api, (await reserve(api, drop.id)).id);
	assertProblem(await api.post(`/api/drops/${drop.id}/reservations`, {}), 409, 'limit_reached');
	assert.equal((await api.get('/api/purchases')).body.purchases.length, 2);
	assert.deepEqual(counts(await dropNow(drop.id)), [8, 0, 2]);
});

test('lowering maxPerUser under a hold keeps it from being bought past the limit', async () => {
	const drop = await newDrop({ maxPerUser: 2, totalStock: 10 });
	const { api } = await person();

	await purchase(api, (await reserve(api, drop.id)).id);
	const second = await reserve(api, drop.id);
	const lowered = await (await admin()).patch(`/api/drops/${drop.id}`, { maxPerUser: 1 });
	const res = await api.post(`/api/reservations/${second.id}/purchase`, {});

	assert.ok(lowered.status === 400 || lowered.status === 409 || res.status === 409, `${lowered.status}, then ${res.status}: purchases never exceed maxPerUser`);
	await auditClean();
});

test('outside its window, or paused, a drop cannot be reserved: not_started, ended, paused', async () => {
	const { api } = await person();
	const upcoming = await newDrop({ dropStartsAt: soon(3600) });
	const ended = await newDrop({ dropStartsAt: soon(-7200), dropEndsAt: soon(-1) });
	const paused = await newDrop({ isActive: false });

	assertProblem(await api.post(`/api/drops/${upcoming.id}/reservations`, {}), 409, 'not_started');
	assertProblem(await api.post(`/api/drops/${ended.id}/reservations`, {}), 409, 'ended');
	assertProblem(await api.post(`/api/drops/${paused.id}/reservations`, {}), 409, 'paused');
});

test('a drop opens and closes by itself at its times', async () => {
	const drop = await newDrop({ dropStartsAt: soon(1.5), dropEndsAt: soon(4) });
	const [one, two] = await people(2);
	const reserveBy = (/** @type {any} */ who) => who.api.post(`/api/drops/${drop.id}/reservations`, {});

	assertProblem(await reserveBy(one), 409, 'not_started');
	const opened = await waitFor('the opening', async () => {
		const res = await reserveBy(one);

		return res.status === 201 && res;
	});
	assert.ok(Date.parse(opened.body.reservation.createdAt) >= Date.parse(drop.dropStartsAt), 'not a moment early');
	await waitFor('the end', async () => (await dropNow(drop.id)).status === 'ended');
	assertProblem(await reserveBy(two), 409, 'ended');
});

test('what is held when a drop is paused or ends can still be bought', async () => {
	const drop = await newDrop();
	const other = await newDrop();
	const { api } = await person();
	const [first, second] = [await reserve(api, drop.id), await reserve(api, other.id)];

	await (await admin()).patch(`/api/drops/${drop.id}`, { isActive: false });
	await (await admin()).patch(`/api/drops/${other.id}`, { dropStartsAt: soon(-3600), dropEndsAt: soon(-1) });
	await purchase(api, first.id);
	await purchase(api, second.id);
});

/* ---- one's own holds ---- */

test('the list of holds has one\'s own, newest first, and nobody else\'s', async () => {
	const [drop, other] = [await newDrop(), await newDrop()];
	const [one, two] = await people(2);

	assert.ok(one && two);
	const first = await reserve(one.api, drop.id);
	await reserve(two.api, drop.id);
	const second = await reserve(one.api, other.id);
	const res = await one.api.get('/api/reservations');
	assert.equal(res.status, 200);
	assertShape(res.body, { reservations: Array.isArray, serverTime: isTime }, 'answer');
	res.body.reservations.forEach(assertReservation);
	assert.deepEqual(res.body.reservations, [second, first]);
	assert.match(String(res.headers['cache-control']), /no-store|private/);
});

test('one\'s holds and purchases are refused to nobody', async () => {
	assertProblem(await anyone.get('/api/reservations'), 401, 'unauthenticated');
	assertProblem(await anyone.get('/api/purchases'), 401, 'unauthenticated');
	assertProblem(await anyone.post(`/api/reservations/${NOBODYS}/purchase`, {}), 401, 'unauthenticated');
	assertProblem(await anyone.del(`/api/reservations/${NOBODYS}`), 401, 'unauthenticated');
});

/* ---- give back ---- */

test('giving back answers 200 with the released hold, and its pair is free at once', async () => {
	const drop = await newDrop({ totalStock: 1 });
	const [one, two] = await people(2);

	assert.ok(one && two);
	const hold = await reserve(one.api, drop.id);
	const res = await one.api.del(`/api/reservations/${hold.id}`);
	assert.equal(res.status, 200, res.asked);
	assertShape(res.body, { reservation: object }, 'answer');
	assertReservation(res.body.reservation);
	assert.deepEqual(res.body.reservation, { ...hold, status: 'released' });
	assert.deepEqual(counts(await dropNow(drop.id)), [1, 0, 0]);
	await reserve(two.api, drop.id);
	assertProblem(await one.api.post(`/api/reservations/${hold.id}/purchase`, {}), 409, 'not_active');
});

test('giving back and reserving again is fine, as often as one likes', async () => {
	const drop = await newDrop({ totalStock: 1 });
	const { api } = await person();

	for (let i = 0; i < 5; i++)
		assert.equal((await api.del(`/api/reservations/${(await reserve(api, drop.id)).id}`)).status, 200);
	assert.equal((await api.get('/api/reservations')).body.reservations.length, 5);
});

test('giving back twice, or what is bought, is refused as not_active', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const hold = await reserve(api, drop.id);

	assert.equal((await api.del(`/api/reservations/${hold.id}`)).status, 200);
	assertProblem(await api.del(`/api/reservations/${hold.id}`), 409, 'not_active');
	const bought = await reserve(api, drop.id);
	await purchase(api, bought.id);
	assertProblem(await api.del(`/api/reservations/${bought.id}`), 409, 'not_active');
	assert.deepEqual(counts(await dropNow(drop.id)), [4, 0, 1]);
});

test('holds of others, and ids that are none, are refused as not_found', async () => {
	const drop = await newDrop();
	const [one, two] = await people(2);

	assert.ok(one && two);
	const hold = await reserve(one.api, drop.id);
	for (const id of [hold.id, NOBODYS, 'abc', '1', '0', '-1', `${hold.id}x`, hold.id.slice(1), "'", `{${hold.id}}`, hold.id.replaceAll('-', '')]) {
		assertProblem(await two.api.del(`/api/reservations/${id}`), 404, 'not_found');
		assertProblem(await two.api.post(`/api/reservations/${id}/purchase`, {}), 404, 'not_found');
	}
	assertProblem(await (await admin()).post(`/api/reservations/${hold.id}/purchase`, {}), 404, 'not_found');
	assert.equal((await one.api.get('/api/reservations')).body.reservations[0].status, 'active');
});

test('ids of holds and purchases cannot be guessed from another', async () => {
	const drop = await newDrop({ totalStock: 20 });
	const ids = [];

	for (const { api } of await people(10)) {
		const hold = await reserve(api, drop.id);

		ids.push(hold.id, (await purchase(api, hold.id)).id);
	}
	assert.equal(new Set(ids).size, 20);
	/* the last 62 bits are random in every version of UUID that one would use: no two may be near */
	const tails = ids.map((id) => BigInt(`0x${id.replaceAll('-', '').slice(16)}`)).sort((a, b) => (a < b ? -1 : 1));
	for (let i = 1; i < tails.length; i++)
		assert.ok((tails[i] ?? 0n) - (tails[i - 1] ?? 0n) > 1_000_000n, 'far apart');
});

/* ---- buy ---- */

test('buying answers 201 with the purchase; again 200 with the same', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 2 }], priceCents: 4242, currency: 'EUR' });
	const { api } = await person();
	const hold = await reserve(api, drop.id, '42');
	const res = await api.post(`/api/reservations/${hold.id}/purchase`, {});

	assert.equal(res.status, 201, res.asked);
	assertShape(res.body, { purchase: object }, 'answer');
	const bought = res.body.purchase;
	assertPurchase(bought);
	assert.deepEqual([bought.dropId, bought.reservationId, bought.size, bought.priceCents, bought.currency],
		[drop.id, hold.id, '42', 4242, 'EUR']);
	assert.ok(Date.parse(bought.purchasedAt) >= Date.parse(hold.createdAt) && bought.purchasedAt < hold.expiresAt);
	const again = await api.post(`/api/reservations/${hold.id}/purchase`, {});
	assert.equal(again.status, 200, again.asked);
	assert.deepEqual(again.body, res.body);
	assert.deepEqual(counts(await dropNow(drop.id)), [1, 0, 1], 'sold once');
	assert.equal((await api.get('/api/reservations')).body.reservations[0].status, 'completed');
});

test('the list of purchases has one\'s own, and nobody else\'s', async () => {
	const [drop, other] = [await newDrop(), await newDrop()];
	const [one, two] = await people(2);

	assert.ok(one && two);
	const first = await purchase(one.api, (await reserve(one.api, drop.id)).id);
	await purchase(two.api, (await reserve(two.api, drop.id)).id);
	const second = await purchase(one.api, (await reserve(one.api, other.id)).id);
	const res = await one.api.get('/api/purchases');
	assert.equal(res.status, 200);
	assertShape(res.body, { purchases: Array.isArray }, 'answer');
	res.body.purchases.forEach(assertPurchase);
	assert.deepEqual(new Set(res.body.purchases.map((/** @type {any} */ p) => p.id)), new Set([first.id, second.id]));
	assert.deepEqual(res.body.purchases.find((/** @type {any} */ p) => p.id === first.id), first);
});

test('a pair costs what it cost when it was held', async () => {
	const drop = await newDrop({ priceCents: 1000 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);

	await (await admin()).patch(`/api/drops/${drop.id}`, { priceCents: 9999, currency: 'GBP' });
	const bought = await purchase(api, hold.id);
	assert.deepEqual([bought.priceCents, bought.currency], [1000, drop.currency]);
});

test('the newest three buyers of a drop are named, newest first', async () => {
	const drop = await newDrop({ totalStock: 10 });
	const buyers = await people(4);

	for (const { api } of buyers)
		await purchase(api, (await reserve(api, drop.id)).id);
	const { recentPurchasers } = await dropNow(drop.id);
	assert.deepEqual(recentPurchasers.map((/** @type {any} */ b) => b.username), buyers.map((b) => b.username).reverse().slice(0, 3));
});

/* ---- deadlines ---- */

test('a hold past its deadline cannot be bought (reservation_expired) nor given back, and its pair returns by itself', async () => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 1 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);

	await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 5);
	assertProblem(await api.post(`/api/reservations/${hold.id}/purchase`, {}), 410, 'reservation_expired');
	await waitFor('the pair to come back', async () => counts(await dropNow(drop.id)).join() === '1,0,0', 5000);
	assert.ok(Date.now() - Date.parse(hold.expiresAt) < 5000, 'within five seconds');
	assertProblem(await api.post(`/api/reservations/${hold.id}/purchase`, {}), 410, 'reservation_expired');
	assertProblem(await api.del(`/api/reservations/${hold.id}`), 409, 'not_active');
	const { reservations } = (await api.get('/api/reservations')).body;
	assert.equal(reservations[0].status, 'expired');
	await reserve(api, drop.id);
});

test('a hold that is over shows as expired to its holder at that moment, whatever has run', async () => {
	const drop = await newDrop({ holdSeconds: 1 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);

	await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
	const { reservations } = (await api.get('/api/reservations')).body;
	assert.equal(reservations[0].status, 'expired');
});

test('a lapsed hold does not keep its holder from reserving again', async () => {
	const drop = await newDrop({ totalStock: 5, holdSeconds: 1 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);

	await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
	await reserve(api, drop.id);
});

/* ---- the administrator's list ---- */

test('the purchases of a drop come as CSV to an administrator', async () => {
	const drop = await newDrop({ sizes: [{ size: '42, wide "E"', totalStock: 3 }] });
	const { api, username } = await person();
	const bought = await purchase(api, (await reserve(api, drop.id, '42, wide "E"')).id);
	const res = await (await admin()).get(`/api/admin/drops/${drop.id}/purchases.csv`);

	assert.equal(res.status, 200, res.asked);
	assert.match(String(res.headers['content-type']), /^text\/csv\b/);
	const lines = res.text.trimEnd().split('\r\n');
	assert.equal(lines.length, 2, 'a head and one purchase');
	assert.ok(lines[1]?.includes(bought.id) && lines[1].includes(username));
	assert.ok(lines[1]?.includes('"42, wide ""E"""'), lines[1]);
});

test('a CSV field that a spreadsheet would run as a formula is made harmless', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const username = `=HYPERLINK(1)${Date.now() % 1e6}`;
	const made = await anyone.post('/api/auth/register', { username, email: `f${Date.now()}@test.example`, password: 'a fine password' });

	assert.equal(made.status, 201, made.asked);
	const api = new Caller(stack.port, { token: made.body.token });
	await purchase(api, (await reserve(api, drop.id)).id);
	const { text } = await (await admin()).get(`/api/admin/drops/${drop.id}/purchases.csv`);
	assert.ok(text.includes('HYPERLINK'));
	assert.doesNotMatch(text, /(^|[\r\n,])"?=/, text);
});

test('the CSV of a drop that is not there is refused as not_found, and an empty one has its head', async () => {
	const api = await admin();
	const drop = await newDrop();

	for (const id of ['999999999', 'abc', '0'])
		assertProblem(await api.get(`/api/admin/drops/${id}/purchases.csv`), 404, 'not_found');
	assert.equal((await api.get(`/api/admin/drops/${drop.id}/purchases.csv`)).text.trimEnd().split('\n').length, 1);
});
