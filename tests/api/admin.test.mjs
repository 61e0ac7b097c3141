/** What administrators look at: the trail of their actions, a drop's purchases, its figures; and the changes of a drop that leave the trail. */
import assert from 'node:assert/strict';
import { assertDrop, assertProblem, assertShape, isTime } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { admin, anyone, auditClean, dropNow, newDrop, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const whole = (/** @type {any} */ v) => Number.isSafeInteger(v) && v >= 0;
const text = (/** @type {any} */ v) => typeof v === 'string';
const object = (/** @type {any} */ v) => v !== null && typeof v === 'object' && !Array.isArray(v);
const cursor = (/** @type {any} */ v) => v === null || (text(v) && v !== '');

/** The actions of a drop, newest first. @param {number} id @returns {Promise<any[]>} */
async function trail(id) {
	const res = await (await admin()).get(`/api/admin/actions?drop=${id}&limit=200`);

	assert.equal(res.status, 200, res.asked);
	assertShape(res.body, { actions: Array.isArray, nextCursor: cursor }, 'trail');
	for (const action of res.body.actions) {
		assertShape(action, {
			id: whole, at: isTime, actor: (v) => v === null || object(v), action: (v) => ['create', 'update', 'restock'].includes(v),
			dropId: (v) => v === id, dropName: text, before: (v) => v === null || object(v), after: object,
		}, 'action');
		if (action.actor)
			assertShape(action.actor, { id: whole, username: text }, 'actor');
	}
	return res.body.actions;
}

/** Follows a list to its end. @param {string} path with its query @param {string} list @returns {Promise<any[]>} */
async function allPages(path, list) {
	const api = await admin();
	const all = [];
	let next = '';

	do {
		const res = await api.get(`${path}${next && `&cursor=${encodeURIComponent(next)}`}`);

		assert.equal(res.status, 200, res.asked);
		assert.ok(res.body[list].length > 0 || !next, 'no page but the first is empty');
		all.push(...res.body[list]);
		next = res.body.nextCursor;
	} while (next);
	return all;
}

/* ---- who may, and what is no input ---- */

test('what administrators look at is refused to nobody (401) and to users (403)', async () => {
	const { id } = await newDrop();
	const { api } = await person();

	for (const path of ['/api/admin/actions', `/api/admin/actions?drop=${id}`, `/api/admin/drops/${id}/purchases`, `/api/admin/drops/${id}/figures`]) {
		assertProblem(await anyone.get(path), 401, 'unauthenticated');
		assertProblem(await api.get(path), 403, 'forbidden');
		assert.match(String((await (await admin()).get(path)).headers['cache-control']), /no-store/, path);
	}
});

test('who is no administrator any more sees nothing of it from that moment', async () => {
	const [one] = await people(1, 'admin');

	assert.ok(one);
	assert.equal((await one.api.get('/api/admin/actions')).status, 200);
	await stack.sql(`UPDATE lastpair.users SET role = 'user' WHERE email = '${one.email}'`);
	assertProblem(await one.api.get('/api/admin/actions'), 403, 'forbidden');
});

test('of a drop that is not there there is nothing to look at', async () => {
	const api = await admin();

	for (const id of ['999999999', 'abc', '0', '-1', '99999999999999999999']) {
		assertProblem(await api.get(`/api/admin/drops/${id}/purchases`), 404, 'not_found');
		assertProblem(await api.get(`/api/admin/drops/${id}/figures`), 404, 'not_found');
	}
	assertProblem(await api.get('/api/admin/actions?drop=999999999'), 404, 'not_found');
});

test('limits, cursors and drops that are none are refused by name', async () => {
	const api = await admin();
	const { id } = await newDrop();

	for (const bad of ['abc', '-1', '1.5', '%27%20OR%201=1', '99999999999999999999999', '%00', '1&drop=2'])
		assertProblem(await api.get(`/api/admin/actions?drop=${bad}`), 400, 'invalid', ['drop']);
	for (const path of ['/api/admin/actions', `/api/admin/drops/${id}/purchases`]) {
		for (const limit of ['0', '201', '-1', 'abc', '1.5', '12abc', '%00'])
			assertProblem(await api.get(`${path}?limit=${limit}`), 400, 'invalid', ['limit']);
		for (const bad of ['abc', '-1', '1.5', '%27', '%00', '0198c2f4-7b1e-7c3d-8a52'])
			assertProblem(await api.get(`${path}?cursor=${bad}`), 400, 'invalid', ['cursor']);
	}
	assertProblem(await api.get(`/api/admin/drops/${id}/purchases?cursor=0198c2f4-7b1e-7c3d-8a52-111111111111`), 400, 'invalid', ['cursor']);
	assertProblem(await api.get(`/api/admin/drops/${id}/purchases?q=${'x'.repeat(201)}`), 400, 'invalid', ['q']);
	assertProblem(await api.get(`/api/admin/drops/${id}/purchases?q=a%07b`), 400, 'invalid', ['q']);
});

/* ---- the trail ---- */

test('making, changing, pausing, resuming and restocking a drop each leave one line in the trail', async () => {
	const [one] = await people(1, 'admin');
	assert.ok(one);
	const name = unique('Trail');
	const made = await one.api.post('/api/drops', { name, priceCents: 100, sizes: [{ size: '42', totalStock: 2 }] });
	const { id } = made.body.drop;
	const path = `/api/drops/${id}`;

	assert.equal((await one.api.patch(path, { priceCents: 250, name: `${name}!`, holdSeconds: 60 })).status, 200);
	assert.equal((await one.api.patch(path, { isActive: false })).status, 200);
	assert.equal((await one.api.patch(path, { isActive: true })).status, 200);
	assert.equal((await one.api.post(`${path}/restock`, { size: '42', quantity: 3 })).status, 200);
	const [restock, resume, pause, change, create] = await trail(id);

	assert.deepEqual([create.action, change.action, pause.action, resume.action, restock.action], ['create', 'update', 'update', 'update', 'restock']);
	for (const { actor } of [create, change, pause, resume, restock])
		assert.equal(actor.username, one.username);
	assert.equal(create.before, null);
	const { drop } = made.body;
	assert.deepEqual(create.after, {
		name, description: '', priceCents: 100, currency: drop.currency, imageUrl: '', dropStartsAt: drop.dropStartsAt, dropEndsAt: null,
		holdSeconds: 60, coolDownSeconds: 60, maxPerUser: 1, isActive: true, sizes: [{ size: '42', totalStock: 2 }],
	});
	assert.deepEqual([change.before, change.after], [{ priceCents: 100, name }, { priceCents: 250, name: `${name}!` }]);
	assert.deepEqual([create.dropName, change.dropName], [name, `${name}!`], 'the name of then');
	assert.deepEqual([pause.before, pause.after, resume.before, resume.after], [{ isActive: true }, { isActive: false }, { isActive: false }, { isActive: true }]);
	assert.deepEqual([restock.before, restock.after], [{ sizes: [{ size: '42', totalStock: 2 }] }, { sizes: [{ size: '42', totalStock: 5 }] }]);
	const ids = [create.id, change.id, pause.id, resume.id, restock.id];
	assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
	assert.ok(create.at <= change.at && resume.at <= restock.at);
});

test('what changes nothing, is refused, or was done before under its key, leaves none', async () => {
	const api = await admin();
	const key = { 'Idempotency-Key': unique('key') };
	const body = { name: unique('Kept'), priceCents: 100, totalStock: 3 };
	const { id } = (await api.post('/api/drops', body, key)).body.drop;
	assert.equal((await api.post('/api/drops', body, key)).body.drop.id, id);
	const more = { 'Idempotency-Key': unique('key') };

	for (let i = 0; i < 3; i++)
		assert.equal((await api.post(`/api/drops/${id}/restock`, { quantity: 2 }, more)).status, 200);
	const drop = await dropNow(id);
	assert.deepEqual((await api.patch(`/api/drops/${id}`, { name: body.name, priceCents: 100, isActive: true })).body.drop, drop, 'nothing was raised');
	assert.equal((await api.patch(`/api/drops/${id}`, { dropEndsAt: '2001-01-01T00:00:00Z' })).status, 400);
	assert.equal((await api.post(`/api/drops/${id}/restock`, { quantity: -6 })).status, 409);
	assert.equal((await (await person()).api.patch(`/api/drops/${id}`, { priceCents: 1 })).status, 403);
	assert.deepEqual((await trail(id)).map((a) => a.action), ['restock', 'create']);
});

test('a drop that lastpairctl makes is in the trail, with nobody\'s name', async () => {
	const { code, stdout, stderr } = await stack.ctl(['drop', 'create', '-'], JSON.stringify({ name: unique('By hand'), priceCents: 100, totalStock: 1 }));

	assert.equal(code, 0, stderr);
	const { drop } = JSON.parse(stdout);
	const actions = await trail(drop.id);
	assert.deepEqual(actions.map((a) => [a.action, a.actor, a.dropName]), [['create', null, drop.name]]);
});

test('what a name says is shown as it is, whatever it is', async () => {
	const name = '<img src=x onerror="alert(1)"> \'; -- \\ 🥿';
	const { id } = await newDrop({ name });

	assert.deepEqual((await trail(id)).map((a) => [a.dropName, a.after.name]), [[name, name]]);
});

test('the trail comes in pages, newest first, each action once, and by drop', async () => {
	const { id } = await newDrop();
	const api = await admin();

	for (let i = 1; i <= 6; i++)
		assert.equal((await api.patch(`/api/drops/${id}`, { priceCents: i })).status, 200);
	assert.deepEqual((await allPages(`/api/admin/actions?drop=${id}&limit=3`, 'actions')).map((a) => a.after.priceCents), [6, 5, 4, 3, 2, 1, 12900]);
	assert.equal((await api.get(`/api/admin/actions?drop=${id}&limit=7`)).body.nextCursor, null, 'a page that just fits is the last');
	const ids = (await allPages('/api/admin/actions?limit=50', 'actions')).map((a) => a.id);
	assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => b - a));
	assert.equal(String(ids.length), await stack.sql('SELECT count(*) FROM lastpair.admin_actions'));
});

test('actions of many at once are numbered without a gap, and each change is told by its own', async () => {
	const drops = await Promise.all(Array.from({ length: 4 }, () => newDrop({ priceCents: 0 })));
	const team = await people(4, 'admin');
	const calls = [];

	for (let price = 1; price <= 5; price++)
		for (const [i, drop] of drops.entries())
			for (const one of [team[i], team[(i + 1) % 4]])
				calls.push(one?.api.patch(`/api/drops/${drop.id}`, { priceCents: price * 10 + (one === team[i] ? 1 : 2) }));
	for (const res of await Promise.all(calls))
		assert.equal(res?.status, 200, res?.asked);
	for (const drop of drops) {
		const changes = (await trail(drop.id)).reverse();

		assert.equal(changes.length, 11);
		for (const [i, { before, after }] of changes.entries())
			assert.ok(i === 0 || before.priceCents === changes[i - 1].after.priceCents, 'each begins where the last ended');
		assert.equal((await dropNow(drop.id)).priceCents, changes[10].after.priceCents);
	}
	await auditClean();
});

test('a restock without a key is kept under one made up, so that a call sent again in the store changes nothing twice', async () => {
	const { id } = await newDrop();
	const kept = async () => Number(await stack.sql(`SELECT count(*) FROM lastpair.idempotency_keys WHERE body::json -> 'drop' ->> 'id' = '${id}'`));
	const before = await kept();

	assert.equal(before, 1, 'so is the drop\'s making');
	assert.equal((await (await admin()).post(`/api/drops/${id}/restock`, { quantity: 1 })).status, 200);
	assert.equal((await (await admin()).post(`/api/drops/${id}/restock`, { quantity: 1 })).status, 200);
	assert.equal(await kept(), 3);
	assert.equal((await dropNow(id)).totalStock, 7, 'two calls are two restocks');
});

/* ---- sizes, currency, end ---- */

test('a change adds sizes; buyers hear of them and can have them', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }] });
	const stream = await Stream.open(stack.port, { query: `?drops=${drop.id}` });
	t.after(() => stream.close());
	await stream.next((e) => e.event === 'snapshot');
	const res = await (await admin()).patch(`/api/drops/${drop.id}`, { sizes: [{ size: '44', totalStock: 2 }, { size: '43', totalStock: 0 }] });

	assert.equal(res.status, 200, res.asked);
	assertDrop(res.body.drop);
	assert.deepEqual(res.body.drop.sizes.map((/** @type {any} */ s) => [s.size, s.availableStock]), [['42', 1], ['44', 2], ['43', 0]]);
	assert.ok(res.body.drop.version > drop.version && res.body.drop.revision > drop.revision);
	const { data } = await stream.next((e) => e.event === 'drop:updated' && e.data.drop.sizes.length === 3);
	assert.deepEqual(data.drop, res.body.drop);
	await stream.next((e) => e.event === 'stock:update' && e.data.sizes.length === 3 && e.data.totalStock === 3 && e.data.version === res.body.drop.version);
	assert.equal((await reserve((await person()).api, drop.id, '44')).size, '44');
	const late = await Stream.open(stack.port, { query: `?drops=${drop.id}` });
	t.after(() => late.close());
	const { data: { drops: [stock] } } = await late.next((e) => e.event === 'snapshot');
	assert.deepEqual(stock.sizes.map((/** @type {any} */ s) => s.size), ['42', '44', '43'], 'whoever comes later sees them, too');
});

test('sizes that are there, of a drop without any, or too many, are refused and nothing is changed', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }] });
	const plain = await newDrop();
	const api = await admin();
	const many = Array.from({ length: 100 }, (_, i) => ({ size: `n${i}`, totalStock: 1 }));

	assertProblem(await api.patch(`/api/drops/${drop.id}`, { name: 'x', sizes: [{ size: '43', totalStock: 1 }, { size: '42', totalStock: 2 }] }), 400, 'invalid', ['sizes']);
	assertProblem(await api.patch(`/api/drops/${drop.id}`, { sizes: many }), 400, 'invalid', ['sizes']);
	assertProblem(await api.patch(`/api/drops/${plain.id}`, { sizes: [{ size: '43', totalStock: 1 }] }), 400, 'invalid', ['sizes']);
	for (const bad of [[], {}, null, 'x', [{ size: '', totalStock: 1 }], [{ size: '43' }], [{ size: '43', totalStock: -1 }], [{ size: '43', totalStock: 1 }, { size: '43', totalStock: 1 }]])
		assertProblem(await api.patch(`/api/drops/${drop.id}`, { sizes: bad }), 400, 'invalid', ['sizes']);
	assert.deepEqual(await dropNow(drop.id), drop);
	assert.equal((await api.patch(`/api/drops/${drop.id}`, { sizes: many.slice(1) })).body.drop.sizes.length, 100);
});

test('the same new sizes sent again are no second change', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }] });
	const api = await admin();
	const sizes = [{ size: '43', totalStock: 4 }];
	const first = await api.patch(`/api/drops/${drop.id}`, { sizes });

	assert.deepEqual((await api.patch(`/api/drops/${drop.id}`, { sizes })).body.drop, first.body.drop);
	assert.equal((await trail(drop.id)).length, 2);
});

test('new sizes, reserves and restocks at once leave the right numbers', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 5 }] });
	const api = await admin();
	const buyers = await people(10);
	const results = await Promise.all([
		...buyers.map((b) => b.api.post(`/api/drops/${drop.id}/reservations`, { size: '42' })),
		...Array.from({ length: 5 }, (_, i) => api.patch(`/api/drops/${drop.id}`, { sizes: [{ size: `s${i}`, totalStock: 2 }] })),
		...Array.from({ length: 5 }, () => api.post(`/api/drops/${drop.id}/restock`, { size: '42', quantity: 1 })),
	]);
	const now = await dropNow(drop.id);

	assert.ok(results.slice(10).every((res) => res.status === 200));
	assertDrop(now);
	assert.deepEqual([now.sizes.length, now.totalStock], [6, 20]);
	assert.equal(now.reservedStock, results.slice(0, 10).filter((res) => res.status === 201).length);
	await auditClean();
});

test('the currency stays once a pair is held; the price may change, and what is held keeps its own', async () => {
	const drop = await newDrop({ currency: 'EUR', priceCents: 1000 });
	const api = await admin();
	const path = `/api/drops/${drop.id}`;
	const buyer = await person();

	assert.equal((await api.patch(path, { currency: 'CHF' })).body.drop.currency, 'CHF', 'before, it may change');
	const hold = await reserve(buyer.api, drop.id);
	assertProblem(await api.patch(path, { currency: 'EUR' }), 400, 'invalid', ['currency']);
	assert.equal((await api.patch(path, { priceCents: 2000, currency: 'CHF' })).body.drop.priceCents, 2000);
	const bought = await purchase(buyer.api, hold.id);
	assert.deepEqual([bought.priceCents, bought.currency], [1000, 'CHF']);
	assertProblem(await api.patch(path, { currency: 'EUR' }), 400, 'invalid', ['currency']);
});

test('a drop is ended now by its end, paused and resumed by isActive, and opened again', async () => {
	const drop = await newDrop();
	const api = await admin();
	const path = `/api/drops/${drop.id}`;
	const holder = await person();
	const hold = await reserve(holder.api, drop.id);
	const status = async (/** @type {any} */ change) => (await api.patch(path, change)).body.drop.status;
	const now = async () => (await api.get(path)).body.serverTime;

	assert.equal(await status({ isActive: false }), 'paused');
	assertProblem(await (await person()).api.post(`${path}/reservations`, {}), 409, 'paused');
	assert.equal(await status({ isActive: true }), 'live');
	assert.equal(await status({ dropEndsAt: await now() }), 'ended');
	assertProblem(await (await person()).api.post(`${path}/reservations`, {}), 409, 'ended');
	assert.equal((await holder.api.post(`/api/reservations/${hold.id}/purchase`, {})).status, 201, 'who holds a pair can still buy it');
	assert.equal(await status({ dropEndsAt: null }), 'live');
});

/* ---- purchases ---- */

test('a drop\'s purchases come newest first, in pages, with who bought and how many there are', async () => {
	const drop = await newDrop({ totalStock: 9, priceCents: 4321 });
	const buyers = await people(7);
	const bought = [];

	for (const { api } of buyers)
		bought.unshift((await purchase(api, (await reserve(api, drop.id)).id)).id);
	const path = `/api/admin/drops/${drop.id}/purchases`;
	const first = await (await admin()).get(`${path}?limit=3`);
	assertShape(first.body, { purchases: Array.isArray, nextCursor: cursor, total: whole }, 'page');
	assert.equal(first.body.total, 7);
	const all = await allPages(`${path}?limit=3`, 'purchases');
	assert.deepEqual(all.map((p) => p.id), bought);
	for (const [i, one] of all.entries()) {
		assertShape(one, { id: text, username: text, email: text, size: text, priceCents: whole, currency: text, purchasedAt: isTime }, 'purchase');
		assert.deepEqual([one.username, one.email, one.size, one.priceCents], [buyers[6 - i]?.username, buyers[6 - i]?.email, '', 4321]);
	}
	assert.equal((await (await admin()).get(`${path}?limit=7`)).body.nextCursor, null, 'a page that just fits is the last');
	const csv = (await (await admin()).get(`${path}.csv`)).text.trimEnd().split('\r\n').slice(1);
	assert.deepEqual(csv.map((line) => line.split(',')[0]).reverse(), bought, 'the CSV has the same, oldest first');
});

test('purchases are found by a part of name or address, whatever the case, or by the beginning of their id', async () => {
	const drop = await newDrop({ totalStock: 9, maxPerUser: 2 });
	const [percent, quote, slash, plain] = await people(4);
	assert.ok(percent && quote && slash && plain);
	const rename = (/** @type {string} */ email, /** @type {string} */ name) => stack.sql(`UPDATE lastpair.users SET username = $q$${name}$q$ WHERE email = '${email}'`);
	const tag = unique('T');
	await rename(percent.email, `100% Ünal_${tag}`);
	await rename(quote.email, `O'Brien "B" ${tag}`);
	await rename(slash.email, `back\\slash ${tag}`);
	await rename(plain.email, `Plain ${tag}`);
	/** @type {Record<string, string[]>} */
	const ids = {};
	for (const one of [percent, quote, slash, plain, plain])
		(ids[one.email] ??= []).unshift((await purchase(one.api, (await reserve(one.api, drop.id)).id)).id);
	const find = async (/** @type {string} */ q, limit = 50) => (await (await admin()).get(`/api/admin/drops/${drop.id}/purchases?limit=${limit}&q=${encodeURIComponent(q)}`)).body;
	/** @type {[string, string[]][]} */
	const cases = [
		['%', [percent.email]], ['_', [percent.email]], ['0% ü', [percent.email]], ['ÜNAL', [percent.email]],
		['\'', [quote.email]], ['"b"', [quote.email]], ['o\'b', [quote.email]], ['\\', [slash.email]], ['back\\S', [slash.email]],
		['PLAIN', [plain.email]], [plain.email.toUpperCase(), [plain.email]], ['@TEST.example', [percent.email, quote.email, slash.email, plain.email]],
		['%%', []], ['nobody', []], ['.*', []], ['\'; DROP TABLE users; --', []], [tag.toLowerCase(), [percent.email, quote.email, slash.email, plain.email]],
	];

	for (const [q, emails] of cases) {
		const { purchases, total } = await find(q);
		const expected = emails.flatMap((email) => ids[email] ?? []).sort();

		assert.deepEqual(purchases.map((/** @type {any} */ p) => p.id).sort(), expected, q);
		assert.equal(total, expected.length, q);
	}
	const [newest] = ids[plain.email] ?? [];
	assert.ok(newest);
	assert.deepEqual((await find(newest.slice(0, 33).toUpperCase())).purchases.map((/** @type {any} */ p) => p.id), [newest]);
	assert.equal((await find(newest.slice(-12))).total, 0, 'the end of an id is not its beginning');
	const page = await find(tag, 2);
	assert.deepEqual([page.purchases.length, page.total], [2, 5], 'a page counts all that match');
	assert.deepEqual((await allPages(`/api/admin/drops/${drop.id}/purchases?limit=2&q=${tag}`, 'purchases')).map((p) => p.id),
		(await find('')).purchases.map((/** @type {any} */ p) => p.id), 'and those in pages are all, in order');
});

test('a page of purchases goes on where the last one ended, whoever buys meanwhile', async () => {
	const drop = await newDrop({ totalStock: 9 });
	const buyers = await people(5);
	const buy = async (/** @type {any} */ one) => (await purchase(one.api, (await reserve(one.api, drop.id)).id)).id;
	const path = `/api/admin/drops/${drop.id}/purchases?limit=2`;

	for (const one of buyers.slice(0, 4))
		await buy(one);
	const first = (await (await admin()).get(path)).body;
	const late = await buy(buyers[4]);
	const second = (await (await admin()).get(`${path}&cursor=${first.nextCursor}`)).body;
	assert.equal(new Set([...first.purchases, ...second.purchases].map((p) => p.id)).size, 4);
	assert.ok(![...first.purchases, ...second.purchases].some((p) => p.id === late));
});

/* ---- figures ---- */

test('figures tell what happened to a drop, as it happened', async () => {
	const drop = await newDrop({ totalStock: 9, holdSeconds: 2 });
	const [buyer, giver, leaver, holder] = await people(4);
	assert.ok(buyer && giver && leaver && holder);
	const path = `/api/admin/drops/${drop.id}/figures`;
	const none = await (await admin()).get(path);

	assert.deepEqual([none.body.buckets, none.body.medianSecondsToBuy], [[], null]);
	await purchase(buyer.api, (await reserve(buyer.api, drop.id)).id);
	await giver.api.del(`/api/reservations/${(await reserve(giver.api, drop.id)).id}`);
	await reserve(leaver.api, drop.id);
	const { body } = await waitFor('a hold to lapse', async () => {
		const res = await (await admin()).get(path);

		assert.equal(res.status, 200, res.asked);
		return res.body.holds.lapsed === 1 && res;
	});
	assertShape(body, { serverTime: isTime, bucketSeconds: (v) => whole(v) && v > 0, buckets: Array.isArray, holds: object, medianSecondsToBuy: (v) => typeof v === 'number' && v >= 0 && v < 60 }, 'figures');
	assert.deepEqual(body.holds, { made: 3, active: 0, bought: 1, released: 1, lapsed: 1 });
	const sum = { held: 0, bought: 0, released: 0, lapsed: 0 };
	for (const bucket of body.buckets) {
		assertShape(bucket, { at: isTime, held: whole, bought: whole, released: whole, lapsed: whole }, 'bucket');
		assert.equal(Date.parse(bucket.at) % (body.bucketSeconds * 1000), 0);
		assert.ok(bucket.held + bucket.bought + bucket.released + bucket.lapsed > 0, 'empty ones are left out');
		for (const kind of /** @type {(keyof typeof sum)[]} */ (Object.keys(sum)))
			sum[kind] += bucket[kind];
	}
	assert.deepEqual(sum, { held: 3, bought: 1, released: 1, lapsed: 1 });
	const times = body.buckets.map((/** @type {any} */ b) => b.at);
	assert.deepEqual(times, [...times].sort(), 'newest last');
	await reserve(holder.api, drop.id);
	assert.deepEqual((await (await admin()).get(path)).body.holds, { made: 4, active: 1, bought: 1, released: 1, lapsed: 1 });
});
