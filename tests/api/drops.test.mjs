/** Drops: listing, reading, creating, changing, restocking. */
import assert from 'node:assert/strict';
import { assertDrop, assertProblem, assertShape, isTime } from '../lib/shapes.mjs';
import { admin, anyone, counts, dropNow, newDrop, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const soon = (/** @type {number} */ s) => new Date(Date.now() + s * 1000).toISOString();

/* ---- reading ---- */

test('the listing has drops, a cursor, the server\'s time and an ETag', async () => {
	const drop = await newDrop();
	const res = await (await admin()).get('/api/drops?limit=5');

	assert.equal(res.status, 200);
	assertShape(res.body, {
		drops: Array.isArray, nextCursor: (v) => v === null || typeof v === 'string', serverTime: isTime,
	}, 'listing');
	assert.ok(res.headers.etag);
	assert.match(String(res.headers['content-type']), /^application\/json/);
	for (const one of res.body.drops)
		assertDrop(one);
	assert.deepEqual(res.body.drops[0], drop, 'newest first');
});

test('one drop is answered with the server\'s time, to anyone', async () => {
	const drop = await newDrop({ description: 'Süß – 靴 🥿', imageUrl: '/img/x.svg' });
	const res = await anyone.get(`/api/drops/${drop.id}`);

	assert.equal(res.status, 200, res.asked);
	assertShape(res.body, { drop: (v) => typeof v === 'object', serverTime: isTime }, 'answer');
	assertDrop(res.body.drop);
	assert.deepEqual(res.body.drop, drop);
	assert.equal(res.body.drop.description, 'Süß – 靴 🥿');
	assert.ok(Math.abs(Date.parse(res.body.serverTime) - Date.now()) < 60_000);
});

test('a drop that is not there, or whose id is none, is refused as not_found', async () => {
	for (const id of ['999999999', '0', '-1', 'abc', '1.5', '1e3', '0x1', '99999999999999999999999', '%27', '1%20', '1;2', '01x', 'null'])
		assertProblem(await anyone.get(`/api/drops/${id}`), 404, 'not_found');
});

test('pages of the listing hold every drop once, in order', async () => {
	const made = [];

	for (let i = 0; i < 5; i++)
		made.push((await newDrop()).id);
	const api = await admin();
	const seen = [];
	let cursor = null;
	do {
		const res = /** @type {any} */ (await api.get(`/api/drops?limit=3${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`));

		assert.equal(res.status, 200, res.asked);
		assert.ok(res.body.drops.length <= 3 && res.body.drops.length > 0);
		assert.ok(res.body.nextCursor === null || res.body.drops.length === 3, 'only the last page is short');
		seen.push(...res.body.drops.map((/** @type {any} */ d) => d.id));
		cursor = res.body.nextCursor;
	} while (cursor);
	assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => b - a));
	assert.equal(String(seen.length), await stack.sql('SELECT count(*) FROM lastpair.drops'));
	for (const id of made)
		assert.ok(seen.includes(id));
});

test('a drop made while someone turns pages neither repeats nor hides another', async () => {
	for (let i = 0; i < 4; i++)
		await newDrop();
	const api = await admin();
	const first = (await api.get('/api/drops?limit=2')).body;
	await newDrop();
	const second = (await api.get(`/api/drops?limit=2&cursor=${encodeURIComponent(first.nextCursor)}`)).body;

	assert.ok(first.drops[1].id > second.drops[0].id);
	const between = await stack.sql(`SELECT count(*) FROM lastpair.drops WHERE id < ${first.drops[1].id} AND id > ${second.drops[0].id}`);
	assert.equal(between, '0', 'nothing is skipped');
});

test('the listing takes a limit of 1 to 200 and refuses others', async () => {
	await newDrop();
	await newDrop();
	const api = await admin();

	assert.equal((await api.get('/api/drops?limit=1')).body.drops.length, 1);
	assert.equal((await api.get('/api/drops?limit=200')).status, 200);
	for (const limit of ['0', '201', '-1', 'abc', '1.5', '12abc', '99999999999999999999', '1e1', '%2B5', '0x10', '%00', '1%00'])
		assertProblem(await api.get(`/api/drops?limit=${limit}`), 400, 'invalid', ['limit']);
});

test('the listing refuses a cursor that it did not give and a status that there is not', async () => {
	const api = await admin();

	for (const cursor of ['abc', '-1', '1.5', '%27%20OR%201=1', '99999999999999999999999', '%00'])
		assertProblem(await api.get(`/api/drops?cursor=${cursor}`), 400, 'invalid', ['cursor']);
	for (const status of ['bogus', 'LIVE', 'live%27', 'live,ended', '%00'])
		assertProblem(await api.get(`/api/drops?status=${status}`), 400, 'invalid', ['status']);
});

test('the listing by status gives those drops and no others', async () => {
	const live = await newDrop();
	const upcoming = await newDrop({ dropStartsAt: soon(3600) });
	const ended = await newDrop({ dropStartsAt: soon(-7200), dropEndsAt: soon(-3600) });
	const paused = await newDrop({ isActive: false });
	const gone = await newDrop({ totalStock: 1 });
	const buyer = await person();
	await purchase(buyer.api, (await reserve(buyer.api, gone.id)).id);
	const held = await newDrop({ totalStock: 1 });
	await reserve(buyer.api, held.id);
	const expected = { live: [live.id, held.id], upcoming: [upcoming.id], ended: [ended.id], paused: [paused.id], sold_out: [gone.id] };
	const all = [live, upcoming, ended, paused, gone, held].map((d) => d.id);

	for (const [status, ids] of Object.entries(expected)) {
		const { drops } = (await (await admin()).get(`/api/drops?status=${status}&limit=200`)).body;

		assert.ok(drops.every((/** @type {any} */ d) => d.status === status), status);
		assert.deepEqual(drops.map((/** @type {any} */ d) => d.id).filter((/** @type {number} */ id) => all.includes(id)).sort(), ids.sort(), status);
	}
});

test('pages by status go on where the last one ended', async () => {
	const ids = [];

	for (let i = 0; i < 5; i++) {
		ids.push((await newDrop({ dropStartsAt: soon(7200) })).id);
		await newDrop();
	}
	const api = await admin();
	const seen = [];
	let cursor = '';
	do {
		const { drops, nextCursor } = (await api.get(`/api/drops?status=upcoming&limit=2&cursor=${cursor}`.replace(/&cursor=$/, ''))).body;

		seen.push(...drops.map((/** @type {any} */ d) => d.id));
		cursor = nextCursor;
	} while (cursor);
	assert.deepEqual(seen, [...new Set(seen)]);
	for (const id of ids)
		assert.ok(seen.includes(id));
});

test('a listing asked for again by its ETag is 304 while nothing changed and 200 after', async () => {
	const drop = await newDrop();
	const api = await admin();
	/* holds of other tests may lapse between the two: then once more */
	const { first, again } = await waitFor('two in a row of the same', async () => {
		const one = await api.get('/api/drops');
		const two = await api.get('/api/drops', { 'If-None-Match': one.headers.etag });

		return two.status === 304 && { first: one, again: two };
	}, 3000);

	assert.equal(again.text, '');
	assert.equal(again.headers.etag, first.headers.etag);
	assert.equal((await api.get('/api/drops', { 'If-None-Match': '"other", W/"x"' })).status, 200);
	await reserve((await person()).api, drop.id);
	const changed = await api.get('/api/drops', { 'If-None-Match': first.headers.etag });
	assert.equal(changed.status, 200);
	assert.notEqual(changed.headers.etag, first.headers.etag);
});

test('an ETag is found in a list of several', async () => {
	const api = await admin();

	await waitFor('a 304', async () => {
		const { headers } = await api.get('/api/drops');

		return (await api.get('/api/drops', { 'If-None-Match': `"other", ${headers.etag}` })).status === 304;
	}, 3000);
});

test('an anonymous listing\'s ETag answers 304 as well', async () => {
	await waitFor('a 304 between two seconds', async () => {
		const { headers } = await anyone.get('/api/drops?limit=2');
		const again = await anyone.get('/api/drops?limit=2', { 'If-None-Match': headers.etag });

		return again.status === 304 && again.text === '';
	});
});

test('signed-in listings are never cached; an anonymous one is at most a second behind', async () => {
	const drop = await newDrop({ totalStock: 50 });
	const api = await admin();
	const find = (/** @type {any} */ res) => res.body.drops.find((/** @type {any} */ d) => d.id === drop.id);

	await anyone.get('/api/drops');
	for (let i = 1; i <= 5; i++) {
		await reserve((await person()).api, drop.id);
		assert.equal(find(await api.get('/api/drops')).reservedStock, i, 'signed in: at once');
	}
	const start = Date.now();
	await waitFor('the anonymous listing to follow', async () => find(await anyone.get('/api/drops')).reservedStock === 5, 4000);
	assert.ok(Date.now() - start < 3000, `${Date.now() - start} ms`);
	const signed = await api.get('/api/drops');
	assert.doesNotMatch(String(signed.headers['cache-control'] ?? ''), /public|max-age=[1-9]/);
});

test('the one-second cache spares the workers: many anonymous listings at once bring one time', async () => {
	const all = await Promise.all(Array.from({ length: 40 }, () => anyone.get('/api/drops')));
	const times = new Set(all.map((res) => res.body.serverTime));

	assert.ok(times.size <= 8, `${times.size} different answers among 40`);
});

/* ---- creating ---- */

const good = () => ({ name: unique('New'), priceCents: 19900, totalStock: 3 });

test('an administrator creates a drop: 201, the drop, and where it is', async () => {
	const body = {
		name: unique('Full'), description: 'All of it.', priceCents: 25050, currency: 'EUR', imageUrl: '/img/full.svg',
		dropStartsAt: soon(60), dropEndsAt: soon(3600), holdSeconds: 90, maxPerUser: 2, isActive: true,
		sizes: [{ size: '42', totalStock: 2 }, { size: '41 ½', totalStock: 3 }],
	};
	const res = await (await admin()).post('/api/drops', body);

	assert.equal(res.status, 201, res.asked);
	assertShape(res.body, { drop: (v) => typeof v === 'object' }, 'answer');
	const { drop } = res.body;
	assertDrop(drop);
	assert.equal(res.headers.location, `/api/drops/${drop.id}`);
	for (const field of ['name', 'description', 'priceCents', 'currency', 'imageUrl', 'dropStartsAt', 'dropEndsAt', 'holdSeconds', 'maxPerUser', 'isActive'])
		assert.equal(drop[field], /** @type {any} */ (body)[field], field);
	assert.deepEqual(drop.sizes.map((/** @type {any} */ s) => [s.size, s.totalStock, s.availableStock]), [['42', 2, 2], ['41 ½', 3, 3]], 'in the order given');
	assert.deepEqual([drop.totalStock, ...counts(drop), drop.status], [5, 5, 0, 0, 'upcoming']);
});

test('what a new drop does not say is 60 seconds, one for each, active, and open now', async () => {
	const drop = await newDrop({ totalStock: 4 });

	assert.equal(drop.holdSeconds, 60);
	assert.equal(drop.maxPerUser, 1);
	assert.equal(drop.isActive, true);
	assert.equal(drop.status, 'live');
	assert.equal(drop.dropEndsAt, null);
	assert.ok(Math.abs(Date.parse(drop.dropStartsAt) - Date.now()) < 60_000);
	assert.match(drop.currency, /^[A-Z]{3}$/);
	assert.deepEqual(drop.sizes.map((/** @type {any} */ s) => [s.size, s.totalStock]), [['', 4]], 'one size, ""');
});

test('creating and changing drops is refused to nobody (401) and to users (403)', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const calls = (/** @type {any} */ by) => [
		by.post('/api/drops', good()),
		by.patch(`/api/drops/${drop.id}`, { name: 'x' }),
		by.post(`/api/drops/${drop.id}/restock`, { quantity: 1 }),
		by.get(`/api/admin/drops/${drop.id}/purchases.csv`),
	];

	for (const res of await Promise.all(calls(anyone)))
		assertProblem(res, 401, 'unauthenticated');
	for (const res of await Promise.all(calls(api)))
		assertProblem(res, 403, 'forbidden');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('what is wrong with a new drop is named field by field', async () => {
	const api = await admin();
	/** @type {[any, string][]} */
	const cases = [
		[{ name: '' }, 'name'], [{ name: 'n'.repeat(121) }, 'name'], [{ name: 5 }, 'name'], [{ name: null }, 'name'],
		[{ name: 'a\u0007b' }, 'name'], [{ name: '  ' }, 'name'], [{ name: '\u3000\u00a0' }, 'name'], [{ description: 7 }, 'description'], [{ description: 'd'.repeat(2001) }, 'description'],
		[{ priceCents: -1 }, 'priceCents'], [{ priceCents: 1.9 }, 'priceCents'], [{ priceCents: '100' }, 'priceCents'],
		[{ priceCents: '12abc' }, 'priceCents'], [{ priceCents: true }, 'priceCents'], [{ priceCents: null }, 'priceCents'],
		[{ priceCents: 1e18 }, 'priceCents'], [{ currency: 'usd' }, 'currency'], [{ currency: 'EURO' }, 'currency'], [{ currency: 1 }, 'currency'],
		[{ imageUrl: 'javascript:alert(1)' }, 'imageUrl'], [{ imageUrl: 'data:text/html,x' }, 'imageUrl'], [{ imageUrl: 3 }, 'imageUrl'],
		[{ dropStartsAt: 'tomorrow' }, 'dropStartsAt'], [{ dropStartsAt: '2026-02-30T00:00:00Z' }, 'dropStartsAt'],
		[{ dropStartsAt: 1700000000 }, 'dropStartsAt'], [{ dropStartsAt: '2026-01-01T00:00:00' }, 'dropStartsAt'],
		[{ dropEndsAt: 'infinity' }, 'dropEndsAt'], [{ dropStartsAt: soon(100), dropEndsAt: soon(50) }, 'dropEndsAt'],
		[{ holdSeconds: 0 }, 'holdSeconds'], [{ holdSeconds: 1.5 }, 'holdSeconds'], [{ holdSeconds: 1e9 }, 'holdSeconds'], [{ holdSeconds: '60' }, 'holdSeconds'],
		[{ maxPerUser: 0 }, 'maxPerUser'], [{ maxPerUser: -1 }, 'maxPerUser'], [{ maxPerUser: true }, 'maxPerUser'],
		[{ isActive: 'yes' }, 'isActive'], [{ isActive: 1 }, 'isActive'], [{ totalStock: -1 }, 'totalStock'],
		[{ totalStock: 1.5 }, 'totalStock'], [{ totalStock: '3' }, 'totalStock'], [{ totalStock: 2 ** 31 }, 'totalStock'],
	];

	for (const [fields, field] of cases) {
		const res = await api.post('/api/drops', { ...good(), ...fields });

		assertProblem(res, 400, 'invalid');
		assert.deepEqual(res.body.errors.map((/** @type {any} */ e) => e.field), [field], `${JSON.stringify(fields)}: ${res.text}`);
	}
});

test('a new drop needs a name, a price and its stock in exactly one of the two ways', async () => {
	const api = await admin();
	const { name, priceCents } = good();
	const sizes = [{ size: '42', totalStock: 1 }];

	for (const body of [{ priceCents, totalStock: 1 }, { name, totalStock: 1 }, { name, priceCents }, { name, priceCents, totalStock: 1, sizes }])
		assertProblem(await api.post('/api/drops', body), 400, 'invalid');
	for (const bad of [[], {}, 'x', null, [1], [{ size: '42' }], [{ totalStock: 1 }], [{ size: 42, totalStock: 1 }], [{ size: '42', totalStock: -1 }],
		[{ size: '42', totalStock: '1' }], [...sizes, ...sizes], [{ size: 's'.repeat(21), totalStock: 1 }], [{ size: ' ', totalStock: 1 }], [{ size: '42', totalStock: 1, more: 1 }]])
		assertProblem(await api.post('/api/drops', { name, priceCents, sizes: bad }), 400, 'invalid');
});

/* ---- changing ---- */

test('an administrator changes what a drop says; only that changes', async () => {
	const drop = await newDrop();
	const changes = { name: unique('Renamed'), description: 'New words', priceCents: 100, holdSeconds: 33, maxPerUser: 4, imageUrl: '/img/y.svg' };
	const res = await (await admin()).patch(`/api/drops/${drop.id}`, changes);

	assert.equal(res.status, 200, res.asked);
	assertShape(res.body, { drop: (v) => typeof v === 'object' }, 'answer');
	assertDrop(res.body.drop);
	const { version, revision, sizes, ...rest } = res.body.drop;
	const { version: was, revision: before, sizes: sizesBefore, ...old } = drop;
	assert.deepEqual(rest, { ...old, ...changes });
	assert.ok(revision > before, 'the revision rose');
	assert.ok(version > was, 'the version rose');
	assert.deepEqual(await dropNow(drop.id), res.body.drop);
});

test('pausing and resuming, and moving the window, change a drop\'s status at once', async () => {
	const drop = await newDrop();
	const api = await admin();
	const status = async (/** @type {any} */ changes) => (await api.patch(`/api/drops/${drop.id}`, changes)).body.drop.status;

	assert.equal(await status({ isActive: false }), 'paused');
	assert.equal(await status({ isActive: true }), 'live');
	assert.equal(await status({ dropStartsAt: soon(3600) }), 'upcoming');
	assert.equal(await status({ dropStartsAt: soon(-3600), dropEndsAt: soon(-60) }), 'ended');
	assert.equal(await status({ dropEndsAt: null }), 'live', 'null takes the end away');
});

test('null empties what a drop may be without', async () => {
	const drop = await newDrop({ description: 'Two words', imageUrl: '/img/kiln-90.svg', dropEndsAt: soon(3600) });
	const { body } = await (await admin()).patch(`/api/drops/${drop.id}`, { description: null, imageUrl: null, dropEndsAt: null });

	assert.deepEqual([body.drop.description, body.drop.imageUrl, body.drop.dropEndsAt], ['', '', null]);
});

test('a change that is wrong, empty or of stock is refused and changes nothing', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const body of [{ name: '' }, { name: ' ' }, { name: null }, { dropStartsAt: null }, { priceCents: null }, { currency: null }, { holdSeconds: null },
		{ coolDownSeconds: null }, { maxPerUser: null }, { isActive: null }, { priceCents: '1' }, { holdSeconds: 0 }, { isActive: 'no' }, { dropEndsAt: soon(-86400 * 365) },
		{ totalStock: 9 }, { availableStock: 9 }, { sizes: [] }, { id: 1 }, { version: 1 }, { status: 'ended' }, { bogus: 1 },
		{ name: 'fine', priceCents: -5 }, [], 'x'])
		assertProblem(await api.patch(`/api/drops/${drop.id}`, body), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('changing or restocking a drop that is not there is refused as not_found', async () => {
	const api = await admin();

	for (const id of ['999999999', 'abc', '0', '-1', '99999999999999999999']) {
		assertProblem(await api.patch(`/api/drops/${id}`, { name: 'x' }), 404, 'not_found');
		assertProblem(await api.post(`/api/drops/${id}/restock`, { quantity: 1 }), 404, 'not_found');
	}
});

/* ---- restock ---- */

test('restocking adds pairs, and takes away those nobody holds', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const api = await admin();
	const more = await api.post(`/api/drops/${drop.id}/restock`, { quantity: 4 });

	assert.equal(more.status, 200, more.asked);
	assertShape(more.body, { drop: (v) => typeof v === 'object' }, 'answer');
	assertDrop(more.body.drop);
	assert.deepEqual([more.body.drop.totalStock, ...counts(more.body.drop)], [7, 7, 0, 0]);
	assert.ok(more.body.drop.version > drop.version);
	const fewer = await api.post(`/api/drops/${drop.id}/restock`, { quantity: -6 });
	assert.deepEqual([fewer.body.drop.totalStock, ...counts(fewer.body.drop)], [1, 1, 0, 0]);
});

test('restocking below what is held and sold is refused as below_committed', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const buyer = await person();
	await purchase(buyer.api, (await reserve(buyer.api, drop.id)).id);
	await reserve((await person()).api, drop.id);
	const api = await admin();

	assertProblem(await api.post(`/api/drops/${drop.id}/restock`, { quantity: -2 }), 409, 'below_committed');
	assert.deepEqual(counts(await dropNow(drop.id)), [1, 1, 1]);
	const res = await api.post(`/api/drops/${drop.id}/restock`, { quantity: -1 });
	assert.deepEqual([res.body.drop.totalStock, ...counts(res.body.drop)], [2, 0, 1, 1], 'down to exactly that is fine');
});

test('restocking one size leaves the others, and a drop of several needs it named', async () => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 2 }] });
	const api = await admin();
	const path = `/api/drops/${drop.id}/restock`;
	const res = await api.post(path, { size: '43', quantity: 5 });

	assert.deepEqual(res.body.drop.sizes.map((/** @type {any} */ s) => [s.size, s.totalStock]), [['42', 1], ['43', 7]]);
	assertProblem(await api.post(path, { size: '99', quantity: 1 }), 400, 'unknown_size');
	assertProblem(await api.post(path, { quantity: 1 }), 400, 'unknown_size');
});

test('a restock that is no whole number other than nought is refused', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const body of [{}, { quantity: 0 }, { quantity: '1' }, { quantity: 1.5 }, { quantity: true }, { quantity: null }, { quantity: 1e12 },
		{ quantity: -1e12 }, { quantity: 9007199254740993 }, { size: 5, quantity: 1 }, { quantity: 1, more: 1 }])
		assertProblem(await api.post(`/api/drops/${drop.id}/restock`, body), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('restocks, changes and reserves at once leave the right numbers', async () => {
	const drop = await newDrop({ totalStock: 10 });
	const api = await admin();
	const calls = [];

	for (let i = 0; i < 20; i++)
		calls.push(api.post(`/api/drops/${drop.id}/restock`, { quantity: i % 2 ? 3 : -1 }));
	for (const res of await Promise.all(calls))
		assert.equal(res.status, 200, res.asked);
	assert.equal((await dropNow(drop.id)).totalStock, 10 + 10 * 3 - 10);
});
