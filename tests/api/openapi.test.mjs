/** The OpenAPI document as it is served; and those of its answers that no other test of this suite brings about. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { rawRequest } from '../lib/http.mjs';
import { assertSchema, disagreement, document } from '../lib/openapi.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { admin, anyone, newDrop, PASSWORD, people, person, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

test('the document is served whole, to pages of any site, and 304 by its ETag', async () => {
	const res = await anyone.get('/api/openapi.json', { Origin: 'https://docs.example' });

	assert.equal(res.status, 200);
	assert.match(String(res.headers['content-type']), /^application\/json/);
	assert.equal(res.headers['access-control-allow-origin'], '*');
	assert.equal(res.headers['cache-control'], 'no-cache');
	assert.deepEqual(res.body, document);
	assert.equal((await anyone.get('/api/openapi.json', { 'If-None-Match': res.headers.etag })).status, 304);
	assertProblem(await anyone.post('/api/openapi.json', {}), 405, 'method_not_allowed');
});

test('no other answer may be read by pages of other sites', async () => {
	for (const path of ['/', '/api/drops', '/healthz', '/js/main.js'])
		assert.equal((await anyone.get(path, { Origin: 'https://docs.example' })).headers['access-control-allow-origin'], undefined, path);
});

test('what the document does not say of an answer is found out', async () => {
	const drop = await newDrop();
	const real = await anyone.get(`/api/drops/${drop.id}`);
	const call = { method: 'GET', path: `/api/drops/${drop.id}` };
	const change = (/** @type {any} */ more) => disagreement(call, { ...real, ...more });

	assert.equal(change({}), '');
	assert.match(change({ status: 202 }), /no answer 202/);
	assert.match(change({ body: { ...real.body, more: 1 } }), /additional/);
	assert.match(change({ body: { drop: real.body.drop } }), /serverTime/);
	assert.match(change({ body: { ...real.body, serverTime: '2026-12-24' } }), /pattern|format/);
	assert.match(change({ headers: { ...real.headers, 'content-type': 'text/html' } }), /text\/html/);
	assert.match(change({ status: 404, body: { status: 404, title: 'x', code: 'gone', detail: 'x' }, headers: { 'content-type': 'application/problem+json' } }), /allowed values/);
	assert.match(disagreement({ method: 'GET', path: '/api/nothing' }, real), /no such call/);
	assert.match(disagreement({ method: 'POST', path: '/api/drops', sent: {} }, { ...real, status: 201 }), /Location/);
	assert.match(disagreement({ method: 'POST', path: '/api/auth/login', sent: { email: 'x' } },
		{ status: 200, headers: { 'content-type': 'application/json', 'set-cookie': 'x' }, raw: { length: 1 }, body: { user: { id: 1, username: 'x', email: 'x@y', role: 'user' }, token: 'a.b.c', expiresAt: '2026-12-24T10:00:00.000Z' } }), /was taken/);
});

test('every example of the document is what its schema says', () => {
	let examples = 0;

	for (const [name, schema] of Object.entries(/** @type {Record<string, any>} */ (document.components.schemas)))
		for (const example of schema.examples ?? []) {
			assertSchema(name, example);
			examples++;
		}
	assert.ok(examples >= 7);
});

test('a change by cookie from another site is refused, whatever it is', async () => {
	const { email } = await person();
	const boss = await admin();
	const drop = await newDrop();
	const headers = { Cookie: `lastpair_session=${boss.token}`, 'Sec-Fetch-Site': 'cross-site' };
	const calls = /** @type {[string, string, unknown][]} */ ([
		['POST', '/api/auth/register', { username: unique('u'), email: `${unique('u')}@test.example`, password: PASSWORD }],
		['POST', '/api/auth/login', { email, password: PASSWORD }],
		['POST', '/api/drops', { name: 'x', priceCents: 1, totalStock: 1 }],
		['PATCH', `/api/drops/${drop.id}`, { name: 'x' }],
		['POST', `/api/drops/${drop.id}/restock`, { quantity: 1 }],
	]);

	for (const [method, path, body] of calls)
		assertProblem(await anyone.call(method, path, { body, headers }), 403, 'cross_site');
});

test('a key that was used for something else is refused, of a sign-in and of a new drop', async () => {
	const { email, api } = await person();
	const other = await person();
	const boss = await admin();
	const key = { 'Idempotency-Key': unique('key-of-two') };
	const held = { 'Idempotency-Key': unique('key-of-a-hold') };

	assert.equal((await anyone.post('/api/auth/login', { email, password: PASSWORD }, key)).status, 200);
	assert.equal((await anyone.post('/api/auth/login', { email: other.email, password: PASSWORD }, key)).status, 200, 'keys are each user\'s own');
	assert.equal((await api.post(`/api/drops/${(await newDrop()).id}/reservations`, {}, held)).status, 201);
	assertProblem(await anyone.post('/api/auth/login', { email, password: PASSWORD }, held), 422, 'key_reused');
	assert.equal((await boss.post('/api/drops', { name: 'x', priceCents: 1, totalStock: 1 }, key)).status, 201);
	assertProblem(await boss.post('/api/drops', { name: 'y', priceCents: 1, totalStock: 1 }, key), 422, 'key_reused');
});

test('a purchase takes no fields', async () => {
	const { api } = await person();
	const hold = await reserve(api, (await newDrop()).id);

	assertProblem(await api.post(`/api/reservations/${hold.id}/purchase`, { size: '43' }), 400, 'invalid', ['size']);
});

test('whoever lets hold after hold lapse is told when to come back', async () => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 60 });
	const [one] = await people(1);

	assert.ok(one);
	for (let i = 0; i < 2; i++) {
		const hold = await waitFor('the hold', async () => {
			const res = await one.api.post(`/api/drops/${drop.id}/reservations`, {});

			return res.status === 201 && res.body.reservation;
		});

		await stack.sql(`UPDATE lastpair.reservations SET created_at = created_at - interval '61 s', expires_at = expires_at - interval '61 s' WHERE id = '${hold.id}'`);
	}
	const refused = await waitFor('the refusal', async () => {
		const res = await one.api.post(`/api/drops/${drop.id}/reservations`, {});

		return res.body.code === 'cooling_down' && res;
	});
	assert.match(String(refused.headers['retry-after']), /^[1-9]\d*$/);
});

test('the stream is in the document, and what it refuses', async () => {
	const stream = await Stream.open(stack.port);

	assert.equal(stream.status, 200);
	await stream.next('snapshot');
	stream.close();
	assertProblem(await anyone.get('/api/events?drops=x'), 400, 'invalid', ['drops']);
});

test('a transfer coding that is not known is refused as the document says, and another version of HTTP', async () => {
	assertProblem(await anyone.call('POST', '/api/drops', { headers: { 'Transfer-Encoding': 'gzip', Connection: 'close' } }), 501, 'not_implemented');
	assert.match(await rawRequest(stack.port, 'GET /api/drops HTTP/3.0\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 505 [^]*"code":"version_not_supported"/);
});

test('each event in the table of docs/stream.md has a schema, and each schema of the stream its event', () => {
	const table = fs.readFileSync(new URL('../../docs/stream.md', import.meta.url), 'utf8');
	const rows = [...table.matchAll(/^\| ((?:`[a-z:]+`(?:, )?)+) \| `(\w+)` \|/gm)].map(([, , schema]) => schema);
	const schemas = Object.keys(document.components.schemas).filter((name) => /^Stream|^Stock$/.test(name));

	assert.deepEqual([...new Set(rows)].sort(), schemas.sort());
});
