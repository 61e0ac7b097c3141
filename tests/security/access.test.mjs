/** Who may do what: others' things, fields that are not one's own to set, administrators. OWASP API Top 10 2023: API1, API3, API5, API8. */
import assert from 'node:assert/strict';
import { assertAllTried } from '../lib/routes.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { admin, anyone, counts, dropNow, newDrop, PASSWORD, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

test('API1: another\'s reservation answers every verb as one that never was', async () => {
	const [owner, thief] = await people(2);
	const boss = await admin();
	const drop = await newDrop({ maxPerUser: 9 });

	assert.ok(owner && thief);
	const bought = await reserve(owner.api, drop.id);
	await purchase(owner.api, bought.id);
	const active = await reserve(owner.api, drop.id);
	const never = '00000000-0000-4000-8000-000000000000';
	let asked = 0;

	for (const by of [thief.api, boss]) {
		for (const [method, tail] of [['DELETE', ''], ['POST', '/purchase'], ['GET', ''], ['HEAD', ''], ['PUT', ''], ['PATCH', ''], ['POST', ''], ['GET', '/purchase'],
			['DELETE', '/purchase'], ['OPTIONS', '']]) {
			const ask = (/** @type {string} */ id) => by.call(String(method), `/api/reservations/${id}${tail}`, { ...(method === 'POST' || method === 'PATCH' || method === 'PUT' ? { body: {} } : {}) });
			const unknown = await ask(never);

			assert.ok([404, 405].includes(unknown.status), unknown.asked);
			for (const id of [active.id, bought.id]) {
				const res = await ask(id);

				assert.deepEqual([res.status, res.text], [unknown.status, unknown.text], `${method} ${tail}`);
				asked++;
			}
			if (method === 'DELETE' && !tail || method === 'POST' && tail)
				assertProblem(unknown, 404, 'not_found');
		}
		for (const where of ['/api/reservations', '/api/purchases'])
			assert.doesNotMatch((await by.get(where)).text, new RegExp(`${active.id}|${bought.id}`));
	}
	assert.deepEqual(counts(await dropNow(drop.id)), [3, 1, 1]);
	console.log(`# ${asked} calls for another's reservation, each answered as for none`);
});

test('API3: role, price, user and the like in a body change nothing', async () => {
	const [one, other] = await people(2);
	const drop = await newDrop({ priceCents: 12900 });

	assert.ok(one && other);
	const extras = { role: 'admin', isAdmin: true, price: 1, priceCents: 1, userId: 1, user_id: 1, user: { id: 1, role: 'admin' }, id: 1, status: 'completed',
		expiresAt: '2099-01-01T00:00:00Z', holdSeconds: 99999, session: 'x', __proto__x: 1 };

	for (const [name, value] of Object.entries(extras)) {
		assertProblem(await one.api.post(`/api/drops/${drop.id}/reservations`, { [name]: value }), 400, 'invalid', [name]);
		const username = unique('mass');
		assertProblem(await anyone.post('/api/auth/register', { username, email: `${username}@test.example`, password: 'an own password', [name]: value }), 400, 'invalid', [name]);
		assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.users WHERE username = '${username}'`), '0');
	}
	const hold = await reserve(one.api, drop.id);
	for (const [name, value] of Object.entries(extras)) {
		const res = await one.api.post(`/api/reservations/${hold.id}/purchase`, { [name]: value });

		assert.equal(res.status, 400, res.asked);
	}
	const sale = await purchase(one.api, hold.id);
	assert.equal(sale.priceCents, 12900);
	assert.equal((await other.api.get('/api/purchases')).body.purchases.length, 0);
	assert.equal((await one.api.get('/api/auth/me')).body.user.role, 'user');
});

test('API5: administrators\' calls are refused to everyone else, by the role in the database', async () => {
	const who = await person();
	const drop = await newDrop();
	const calls = /** @type {[string, string, any][]} */ ([
		['POST', '/api/drops', { name: 'x', priceCents: 1, totalStock: 1 }], ['PATCH', `/api/drops/${drop.id}`, { priceCents: 1 }],
		['POST', `/api/drops/${drop.id}/restock`, { quantity: 1 }], ['GET', '/api/admin/actions', undefined],
		['GET', `/api/admin/drops/${drop.id}/figures`, undefined], ['GET', `/api/admin/drops/${drop.id}/purchases`, undefined],
		['GET', `/api/admin/drops/${drop.id}/purchases.csv`, undefined],
	]);
	assertAllTried(({ access }) => access === 'ADMIN', calls);
	const role = (/** @type {string} */ r) => stack.sql(`UPDATE lastpair.users SET role = '${r}' WHERE email = '${who.email}'`);

	for (const [method, where, body] of calls) {
		assertProblem(await anyone.call(method, where, { body }), 401, 'unauthenticated');
		assertProblem(await who.api.call(method, where, { body }), 403, 'forbidden');
	}
	await role('admin');	/* the token at hand says nothing of it */
	for (const [method, where, body] of calls) {
		const res = await who.api.call(method, where, { body });

		assert.ok([200, 201].includes(res.status), res.asked);
	}
	await role('user');
	for (const [method, where, body] of calls)
		assertProblem(await who.api.call(method, where, { body }), 403, 'forbidden');
	console.log(`# ${calls.length} calls: 401 to nobody, 403 to a user, at once after the role changed`);
});

test('API8: every answer has its policy: CSP, nosniff, frame-ancestors, Referrer-Policy', async () => {
	const { api, email } = await person();

	for (const res of [await anyone.get('/'), await anyone.get('/drops/1'), await anyone.get('/nothing'), await anyone.get('/api/drops'), await anyone.get('/api/nothing'),
		await api.get('/api/reservations'), await anyone.post('/api/auth/login', { email, password: PASSWORD }), await anyone.get('/healthz'),
		await anyone.get('/api/drops', { Cookie: 'x'.repeat(9000) })]) {
		const policy = String(res.headers['content-security-policy']);

		assert.equal(res.headers['x-content-type-options'], 'nosniff', res.asked);
		assert.equal(res.headers['referrer-policy'], 'same-origin', res.asked);
		assert.match(policy, /default-src 'self'/);
		assert.match(policy, /frame-ancestors 'none'/);
		assert.match(policy, /object-src 'none'.*base-uri 'none'/);
		assert.doesNotMatch(policy, /unsafe-|\*/);
		assert.equal(res.headers['strict-transport-security'], undefined, 'HSTS is for TLS alone (see the test of the cookie)');
		assert.equal(res.headers['access-control-allow-origin'], undefined);
		assert.doesNotMatch(String(res.headers['server']), /\d/);
	}
	/* what a browser neither shows nor runs on its own is ruled by the page's policy */
	for (const where of ['/js/main.js', '/css/base.css', '/api/openapi.json', '/js', '/api/events?drops=x']) {
		const res = await anyone.get(where);

		assert.equal(res.headers['x-content-type-options'], 'nosniff', where);
		for (const name of ['content-security-policy', 'referrer-policy'])
			assert.equal(name in res.headers, !/\.(js|css)$/.test(where), `${where} ${name}`);
	}
});
