/** Many at once: real concurrency through nginx, and the database's invariants afterwards. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { assertProblem } from '../lib/shapes.mjs';
import { admin, auditClean, closeGate, counts, dropNow, metric, newDrop, people, person, reserve, waitingAtGate } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

/** @param {any[]} all @returns {Record<string, number>} how often each outcome came */
function outcomes(all) {
	/** @type {Record<string, number>} */
	const tally = {};

	for (const res of all) {
		const name = res.status < 300 ? String(res.status) : `${res.status} ${res.body?.code}`;

		tally[name] = (tally[name] ?? 0) + 1;
	}
	return tally;
}

test('300 users for 17 pairs at once: exactly 17 holds, 283 sold_out', async () => {
	const drop = await newDrop({ totalStock: 17, holdSeconds: 300 });
	const users = await people(300);
	const all = await Promise.all(users.map(({ api }) => api.post(`/api/drops/${drop.id}/reservations`, {})));

	assert.deepEqual(outcomes(all), { 201: 17, '409 sold_out': 283 });
	assert.deepEqual(counts(await dropNow(drop.id)), [0, 17, 0]);
	const winners = all.filter((res) => res.status === 201);
	assert.equal(new Set(winners.map((res) => res.body.reservation.id)).size, 17);
	const left = winners.map((res) => res.body.drop.availableStock).sort((a, b) => a - b);
	assert.ok(left[0] === 0 && left.every((n) => n >= 0 && n < 17), `what each winner was told is left: ${left}`);
	await auditClean();

	/* the winners all buy at once, and then it is sold out for good */
	const bought = await Promise.all(all.map((res, i) => (res.status === 201
		? users[i]?.api.post(`/api/reservations/${res.body.reservation.id}/purchase`, {}) : null)).filter(Boolean));
	assert.deepEqual(outcomes(bought), { 201: 17 });
	const after = await dropNow(drop.id);
	assert.deepEqual([...counts(after), after.status], [0, 0, 17, 'sold_out']);
	assert.equal(await stack.sql(`SELECT count(*), count(DISTINCT user_id) FROM lastpair.purchases WHERE drop_id = ${drop.id}`), '17|17');
	await auditClean();
});

test('one user forty times at once: one hold, and the rest already_reserved', async () => {
	const drop = await newDrop({ totalStock: 100 });
	const { api } = await person();
	const all = await Promise.all(Array.from({ length: 40 }, () => api.post(`/api/drops/${drop.id}/reservations`, {})));

	assert.deepEqual(outcomes(all), { 201: 1, '409 already_reserved': 39 });
	assert.deepEqual(counts(await dropNow(drop.id)), [99, 1, 0]);
	await auditClean();
});

test('one user in all sizes at once: one hold', async () => {
	const sizes = ['40', '41', '42', '43'].map((size) => ({ size, totalStock: 10 }));
	const drop = await newDrop({ sizes });
	const { api } = await person();
	const all = await Promise.all(Array.from({ length: 40 }, (_, i) =>
		api.post(`/api/drops/${drop.id}/reservations`, { size: sizes[i % 4]?.size })));

	assert.deepEqual(outcomes(all), { 201: 1, '409 already_reserved': 39 });
	assert.deepEqual(counts(await dropNow(drop.id)), [39, 1, 0]);
});

test('several sizes at once sell out each for itself, and the drop\'s sums stay right', async () => {
	const stock = { 40: 3, 41: 5, 42: 7 };
	const drop = await newDrop({ sizes: Object.entries(stock).map(([size, totalStock]) => ({ size, totalStock })) });
	const users = await people(90);
	const sizeOf = (/** @type {number} */ i) => String(40 + i % 3);
	const all = await Promise.all(users.map(({ api }, i) => api.post(`/api/drops/${drop.id}/reservations`, { size: sizeOf(i) })));

	assert.deepEqual(outcomes(all), { 201: 15, '409 sold_out': 75 });
	for (const [size, total] of Object.entries(stock))
		assert.equal(all.filter((res, i) => res.status === 201 && sizeOf(i) === size).length, total, `size ${size}`);
	const after = await dropNow(drop.id);
	assert.deepEqual(counts(after), [0, 15, 0]);
	assert.ok(after.sizes.every((/** @type {any} */ s) => s.availableStock === 0 && s.reservedStock === s.totalStock));
	await auditClean();
});

test('two drops fought over by the same users at once mix up nothing', async () => {
	const [a, b] = [await newDrop({ totalStock: 9 }), await newDrop({ totalStock: 11 })];
	const users = await people(60);
	const all = await Promise.all(users.flatMap(({ api }, i) => (i % 2 ? [a, b] : [b, a]).map((drop) =>
		api.post(`/api/drops/${drop.id}/reservations`, {}))));

	assert.deepEqual(outcomes(all), { 201: 20, '409 sold_out': 100 });
	assert.deepEqual([counts(await dropNow(a.id)), counts(await dropNow(b.id))], [[0, 9, 0], [0, 11, 0]]);
	await auditClean();
});

test('buying one hold twenty times at once is one purchase: one 201, the rest 200 with the same', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	const all = await Promise.all(Array.from({ length: 20 }, () => api.post(`/api/reservations/${hold.id}/purchase`, {})));

	assert.deepEqual(outcomes(all), { 201: 1, 200: 19 });
	assert.equal(new Set(all.map((res) => JSON.stringify(res.body.purchase))).size, 1);
	assert.deepEqual(counts(await dropNow(drop.id)), [2, 0, 1]);
	await auditClean();
});

test('buying against giving back on one hold: exactly one wins', async () => {
	const drop = await newDrop({ totalStock: 100, maxPerUser: 30, holdSeconds: 120 });
	const users = await people(24);
	let sold = 0;

	await Promise.all(users.map(async ({ api }, i) => {
		const hold = await reserve(api, drop.id);
		const buy = () => api.post(`/api/reservations/${hold.id}/purchase`, {});
		const back = () => api.del(`/api/reservations/${hold.id}`);
		const [first, second] = await Promise.all(i % 2 ? [buy(), back()] : [back(), buy()]);
		const [bought, given] = i % 2 ? [first, second] : [second, first];

		assert.ok(bought && given);
		if (bought.status === 201) {
			assertProblem(given, 409, 'not_active');
			sold++;
		} else {
			assert.equal(given.status, 200, given.asked);
			assertProblem(bought, 409, 'not_active');
		}
	}));
	assert.deepEqual(counts(await dropNow(drop.id)), [100 - sold, 0, sold]);
	await auditClean();
});

test('giving back twenty times at once returns one pair', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	const all = await Promise.all(Array.from({ length: 20 }, () => api.del(`/api/reservations/${hold.id}`)));

	assert.deepEqual(outcomes(all), { 200: 1, '409 not_active': 19 });
	assert.deepEqual(counts(await dropNow(drop.id)), [3, 0, 0]);
});

test('buying, giving back and the deadline on one hold: exactly one wins, and the counts are right', async () => {
	const drop = await newDrop({ totalStock: 60, holdSeconds: 1, maxPerUser: 5 });
	const users = await people(60);
	const tally = { bought: 0, given: 0, lapsed: 0 };

	await Promise.all(users.map(async ({ api }, i) => {
		const hold = await reserve(api, drop.id);

		/* spread over the moment of the deadline, by this clock: which is the database's, on one machine */
		await pause(Math.max(0, Date.parse(hold.expiresAt) - Date.now() - 60 + 2 * i));
		const [bought, given] = await Promise.all([
			api.post(`/api/reservations/${hold.id}/purchase`, {}),
			api.del(`/api/reservations/${hold.id}`),
		]);
		if (bought.status === 201) {
			assert.ok(bought.body.purchase.purchasedAt < hold.expiresAt, 'never bought past the deadline');
			assertProblem(given, 409, 'not_active');
			tally.bought++;
		} else if (given.status === 200) {
			assertProblem(bought, 409, 'not_active');
			tally.given++;
		} else {
			assertProblem(bought, 410, 'reservation_expired');
			assertProblem(given, 409, 'not_active');
			tally.lapsed++;
		}
	}));
	assert.equal(tally.bought + tally.given + tally.lapsed, 60);
	assert.ok(tally.lapsed > 0 && tally.bought + tally.given > 0, `both sides of the deadline were met: ${JSON.stringify(tally)}`);
	await waitFor('the lapsed pairs to come back', async () => counts(await dropNow(drop.id)).join() === `${60 - tally.bought},0,${tally.bought}`);
	await auditClean();
});

test('lapsing pairs fought over while the expiry returns them are held by one each, never more', async () => {
	const drop = await newDrop({ totalStock: 10, holdSeconds: 1, maxPerUser: 100 });
	const users = await people(40);
	const deadline = Date.now() + 5000;
	let held = 0;

	await Promise.all(users.map(async ({ api }, i) => {
		while (Date.now() < deadline) {
			const res = await api.post(`/api/drops/${drop.id}/reservations`, {});

			if (res.status === 201) {
				held++;
				if (i % 3 === 0)
					await api.post(`/api/reservations/${res.body.reservation.id}/purchase`, {}).then((r) =>
						assert.ok([201, 410].includes(r.status), r.text));
				else if (i % 3 === 1)
					await api.del(`/api/reservations/${res.body.reservation.id}`);
			} else {
				assert.equal(res.status, 409, res.asked);
				assert.ok(['sold_out', 'already_reserved'].includes(res.body.code), res.text);
			}
			await pause(15);
		}
	}));
	assert.ok(held > 10, `pairs came back and were held again (${held})`);
	await waitFor('every hold to be over', async () => (await dropNow(drop.id)).reservedStock === 0);
	await auditClean();
});

test('reserve, give back, buy, restock and change at once end without an error or a deadlock', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 6 }, { size: '43', totalStock: 6 }], maxPerUser: 1000, holdSeconds: 2 });
	const users = await people(30);
	const boss = await admin();
	const deadline = Date.now() + 5000;
	const bad = /** @type {string[]} */ ([]);
	const look = (/** @type {any} */ res) => {
		if (res.status >= 500 || res.status === 429)
			bad.push(`${res.status} ${res.text}`);
		return res;
	};

	await Promise.all([
		...users.map(async ({ api }, i) => {
			for (let n = i; Date.now() < deadline; n++) {
				const res = look(await api.post(`/api/drops/${drop.id}/reservations`, { size: n % 2 ? '42' : '43' }));

				if (res.status === 201 && n % 3)
					look(await api.del(`/api/reservations/${res.body.reservation.id}`));
				else if (res.status === 201)
					look(await api.post(`/api/reservations/${res.body.reservation.id}/purchase`, {}));
				else
					await pause(10);
			}
		}),
		(async () => {
			for (let n = 0; Date.now() < deadline; n++) {
				look(await boss.post(`/api/drops/${drop.id}/restock`, { size: n % 2 ? '42' : '43', quantity: 2 }));
				look(await boss.patch(`/api/drops/${drop.id}`, { priceCents: 100 + n, isActive: n % 5 !== 0 }));
				await pause(20);
			}
		})(),
	]);
	assert.deepEqual(bad, []);
	await auditClean();
});

test('a drop that opens for a waiting crowd gives each pair once', async () => {
	const drop = await newDrop({ totalStock: 8, dropStartsAt: new Date(Date.now() + 1500).toISOString() });
	const users = await people(60);
	let early = 0;
	const all = await Promise.all(users.map(async ({ api }) => {
		for (;;) {
			const res = await api.post(`/api/drops/${drop.id}/reservations`, {});

			if (res.body.code !== 'not_started')
				return res;
			early++;
			await pause(10);
		}
	}));

	assert.ok(early > 0);
	assert.deepEqual(outcomes(all), { 201: 8, '409 sold_out': 52 });
	await auditClean();
});

test('maxPerUser 2 holds under many purchases at once', async () => {
	const drop = await newDrop({ totalStock: 50, maxPerUser: 2 });
	const { api } = await person();
	const deadline = Date.now() + 3000;

	await Promise.all(Array.from({ length: 8 }, async () => {
		while (Date.now() < deadline) {
			const res = await api.post(`/api/drops/${drop.id}/reservations`, {});

			if (res.status === 201)
				await api.post(`/api/reservations/${res.body.reservation.id}/purchase`, {});
			else if (res.body.code === 'limit_reached')
				return;
		}
	}));
	assert.deepEqual(counts(await dropNow(drop.id)), [48, 0, 2]);
	await auditClean();
});

test('reserves that wait for one call go together in the next, each with its own answer, key and order', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 30 }, { size: '43', totalStock: 2 }] });
	const users = await people(50);
	const calls = await metric('lastpair_reserve_calls_total');
	const members = await metric('lastpair_reserve_members_total');
	const open = await closeGate(drop.id);
	const asked = users.map(({ api }, i) => api.post(`/api/drops/${drop.id}/reservations`, { size: i % 10 === 9 ? '44' : i % 2 ? '42' : '43' },
		{ 'Idempotency-Key': `together-${i}` }));
	const twice = users.slice(1, 3).map(({ api }, i) => api.post(`/api/drops/${drop.id}/reservations`, { size: i ? '43' : '42' },
		{ 'Idempotency-Key': `together-${i + 1}` }));

	await waitFor('a call at the gate', async () => await waitingAtGate(drop.id) > 0);
	await pause(300);
	await open();
	const all = await Promise.all(asked);
	assert.deepEqual(outcomes(all), { 201: 22, '409 sold_out': 23, '400 unknown_size': 5 });
	const holds = all.filter((res) => res.status === 201).map((res) => res.body.reservation);
	assert.equal(new Set(holds.map((hold) => hold.id)).size, 22, 'each has a hold of its own');
	for (const [i, res] of all.entries())
		if (res.status === 201) {
			assert.equal(res.body.reservation.size, i % 2 ? '42' : '43');
			assert.equal(res.headers.location, `/api/reservations/${res.body.reservation.id}`);
			assert.equal((await users[i]?.api.get('/api/reservations'))?.body.reservations[0].id, res.body.reservation.id, 'the one who asked has it');
		}
	for (const [i, res] of (await Promise.all(twice)).entries())
		assert.deepEqual([res.status, res.body.reservation], [all[i + 1]?.status, all[i + 1]?.body.reservation], 'the same key at once is the same answer');
	assert.deepEqual(counts(await dropNow(drop.id)), [10, 22, 0]);
	const went = await metric('lastpair_reserve_calls_total') - calls;
	const count = await metric('lastpair_reserve_members_total') - members;
	assert.ok(count >= 52 && went <= 14, `${count} reserves went in ${went} calls`);
	await auditClean();
});

test('a purchase whose caller went away is settled by asking again', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);

	/* sent, and the connection cut at once: whether it was done is unknown to the caller */
	await new Promise((resolve) => {
		const req = http.request({ host: '127.0.0.1', port: stack.port, method: 'POST', path: `/api/reservations/${hold.id}/purchase`,
			headers: { Authorization: `Bearer ${api.token}`, 'Content-Length': 0 }, agent: false }, () => resolve(null));

		req.on('error', resolve);
		req.end(() => setTimeout(() => req.destroy(), 2));
	});
	const res = await api.post(`/api/reservations/${hold.id}/purchase`, {});
	assert.ok([200, 201].includes(res.status), res.text);
	assert.equal((await api.get('/api/purchases')).body.purchases.length, 1);
	assert.deepEqual(counts(await dropNow(drop.id)), [2, 0, 1]);
});
