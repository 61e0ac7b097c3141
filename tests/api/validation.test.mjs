/** What is not quite JSON, not quite right, or not quite HTTP is refused with a sentence, and does nothing. */
import assert from 'node:assert/strict';
import { rawRequest } from '../lib/http.mjs';
import { assertDiscreet, assertProblem } from '../lib/shapes.mjs';
import { admin, anyone, counts, dropNow, newDrop, person, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

const json = { 'Content-Type': 'application/json' };

/** @param {any} api @param {number} id @param {string|Buffer} raw @param {any} [headers] */
const send = (api, id, raw, headers = json) => api.call('POST', `/api/drops/${id}/restock`, { raw, headers });

test('a body that is well made is taken, so the refusals below mean something', async () => {
	const drop = await newDrop();

	assert.equal((await send(await admin(), drop.id, ' {"quantity" : 1}\r\n')).status, 200);
	assert.equal((await send(await admin(), drop.id, '{"\\u0071uantity":-1}')).status, 200, 'an escaped name is that name');
});

test('a body that is not one JSON object is refused as invalid', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const raw of ['', ' ', '{', '}', '{"quantity":1', '{"quantity":}', '{quantity:1}', "{'quantity':1}", '{"quantity":1,}',
		'{"quantity":NaN}', '{"quantity":Infinity}', '{"quantity":-Infinity}', '{"quantity":0x1}', '{"quantity":01}', '{"quantity":+1}', '{"quantity":1.}',
		'{"quantity":1}x', '{"quantity":1}{"quantity":1}', '{"quantity":1}\0', '\0{"quantity":1}', '// c\n{"quantity":1}', '{"quantity":/* c */1}',
		'[{"quantity":1}]', '"x"', '5', 'null', 'true', 'quantity=1', '<x/>', '\ufeff{"quantity":1}', '{"quantity":tru}', '{"quantity":1 1}'])
		assertProblem(await send(api, drop.id, raw), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('numbers are whole numbers written as such: 12abc, 1.9, 1.0, 1e1, true and texts are not', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const value of ['"1"', '"12abc"', '12abc', '1.9', '1.0', '1e1', 'true', 'null', '[1]', '{}', '""', '99999999999999999999', '-99999999999999999999', '9223372036854775808', '1e400'])
		assertProblem(await send(api, drop.id, `{"quantity":${value}}`), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('a name given twice is refused', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const raw of ['{"quantity":1,"quantity":2}', '{"quantity":1,"quantity":1}'])
		assertProblem(await send(api, drop.id, raw), 400, 'invalid');
	assertProblem(await api.call('POST', '/api/drops', { raw: '{"name":"n","priceCents":1,"sizes":[{"size":"a","totalStock":1,"totalStock":2}]}', headers: json }), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('a name given twice is refused although one of them is spelt with escapes', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const raw of ['{"quantity":1,"\\u0071uantity":2}', '{"\\u0071uantity":2,"quantity":1}'])
		assertProblem(await send(api, drop.id, raw), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('a NUL in a text or a name is refused, never a cut', async () => {
	const drop = await newDrop();
	const api = await admin();

	assertProblem(await send(api, drop.id, '{"quantity\\u0000x":1}'), 400, 'invalid');
	assertProblem(await send(api, drop.id, '{"quantity":1,"size":"\\u0000"}'), 400, 'invalid');
	assertProblem(await api.call('POST', '/api/drops', { raw: '{"name":"a\\u0000b","priceCents":1,"totalStock":1}', headers: json }), 400, 'invalid');
	assertProblem(await api.call('POST', '/api/drops', { raw: '{"name":"a\0b","priceCents":1,"totalStock":1}', headers: json }), 400, 'invalid');
	assertProblem(await anyone.call('POST', '/api/auth/login', { raw: '{"email":"admin@test.example\\u0000x","password":"correct horse battery"}', headers: json }), 400, 'invalid');
	assert.deepEqual(await dropNow(drop.id), drop);
});

test('a body that is not UTF-8, or holds half a surrogate, is refused as invalid', async () => {
	const api = await admin();
	const around = (/** @type {number[]} */ bytes) => Buffer.concat([Buffer.from('{"priceCents":1,"totalStock":1,"name":"'), Buffer.from(bytes), Buffer.from('"}')]);

	for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]])
		assertProblem(await api.call('POST', '/api/drops', { raw: around(bytes), headers: json }), 400, 'invalid');
	for (const escape of ['\\ud800', '\\udc00', '\\ud800x', '\\ud800\\u0041']) {
		const res = await api.call('POST', '/api/drops', { raw: `{"priceCents":1,"totalStock":1,"name":"${escape}"}`, headers: json });

		if (res.status === 201)	/* or it is replaced, as RFC 8259 leaves open */
			assert.doesNotMatch(Buffer.from(res.body.drop.name, 'utf16le').toString('hex'), /00d8|00dc/);
		else
			assertProblem(res, 400, 'invalid');
	}
});

test('a body nested deeper than anyone needs is refused as invalid', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const depth of [9, 20, 1000])
		assertProblem(await send(api, drop.id, `{"quantity":${'['.repeat(depth)}${']'.repeat(depth)}}`), 400, 'invalid');
	for (const raw of ['['.repeat(2000), '{"a":'.repeat(500), `{"quantity":${'['.repeat(30_000)}`])
		assert.ok([400, 413].includes((await send(api, drop.id, raw)).status));
	assert.equal((await send(api, drop.id, '{"quantity":1}')).status, 200, 'and the workers are well');
});

test('a field that there is not is refused by its name', async () => {
	const drop = await newDrop();
	const api = await admin();

	assertProblem(await api.post(`/api/drops/${drop.id}/restock`, { quantity: 1, bogus: true }), 400, 'invalid', ['bogus']);
	assertProblem(await api.post('/api/drops', { name: unique(), priceCents: 1, totalStock: 1, price_cents: 5 }), 400, 'invalid', ['price_cents']);
	assertProblem(await api.patch(`/api/drops/${drop.id}`, { soldStock: 1 }), 400, 'invalid', ['soldStock']);
});

test('a hundred fields at once are refused without harm', async () => {
	const drop = await newDrop();
	const body = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, i]));

	assertProblem(await (await admin()).post(`/api/drops/${drop.id}/restock`, body), 400, 'invalid');
});

test('a body without anything in it is refused where something must be in it', async () => {
	const api = await admin();

	assertProblem(await api.call('POST', '/api/drops', {}), 400, 'invalid');
	assertProblem(await api.call('POST', '/api/drops', { raw: '', headers: json }), 400, 'invalid');
	assertProblem(await anyone.call('POST', '/api/auth/login', {}), 400, 'invalid');
});

test('a body of more than 64 KiB is refused with 413 as a problem document', async () => {
	const api = await admin();
	const body = (/** @type {number} */ n) => `{"pad":"${'x'.repeat(n - 10)}"}`;

	assertProblem(await send(api, 1, body(65_536 + 1)), 413, 'payload_too_large');
	assertProblem(await send(api, 1, body(1_000_000)), 413, 'payload_too_large');
	const chunked = await api.call('POST', '/api/drops', { raw: body(200_000), headers: { ...json, 'Transfer-Encoding': 'chunked' } });
	assertProblem(chunked, 413, 'payload_too_large');
});

test('a chunked body is read like any other', async () => {
	const drop = await newDrop();
	const res = await send(await admin(), drop.id, '{"quantity":1}', { ...json, 'Transfer-Encoding': 'chunked' });

	assert.equal(res.status, 200, res.asked);
});

test('SQL in every text is a text', async () => {
	const evil = "'; DROP TABLE lastpair.users; --";
	const drop = await newDrop({ name: evil, description: evil });
	const { api } = await person();

	assert.equal(drop.name, evil);
	assertProblem(await api.post(`/api/drops/${drop.id}/reservations`, { size: "' OR 1=1" }), 400, 'unknown_size');
	assertProblem(await anyone.post('/api/auth/login', { email: "' OR 1=1 --@x.example", password: evil }), 401, 'bad_credentials');
	assert.equal((await api.get('/api/auth/me')).status, 200);
});

test('texts with markup, emoji and every script come back as they were sent', async () => {
	const name = '<img src=x onerror=alert(1)> &amp; "ünïcödé" 靴 👟 \\u0041 %s %n';
	const drop = await newDrop({ name, description: 'first line\nsecond line' });

	assert.equal(drop.name, name);
	assert.equal(drop.description, 'first line\nsecond line');
	assert.equal((await dropNow(drop.id)).name, name);
});

test('no refusal tells of the inside', async () => {
	const { api } = await person();
	const drop = await newDrop();
	const calls = [
		anyone.get("/api/drops/'"), anyone.get('/api/drops?limit=%FF'), anyone.get('/api/drops/%2e%2e/%2e%2e/etc/passwd'),
		api.post(`/api/drops/${drop.id}/reservations`, { size: '\ud83d\ude00'.repeat(5) }), api.post(`/api/drops/${drop.id}/reservations`, { size: 's'.repeat(60_000) }),
		api.post('/api/drops/9223372036854775807/reservations', {}), api.post('/api/drops/9223372036854775808/reservations', {}),
		anyone.post('/api/auth/login', { email: `${'a'.repeat(5000)}@x.example`, password: 'x'.repeat(5000) }),
	];

	for (const res of await Promise.all(calls)) {
		assert.ok(res.status >= 400 && res.status < 500, `${res.status} ${res.text}`);
		assertDiscreet(res.text);
	}
	assert.deepEqual(counts(await dropNow(drop.id)), [5, 0, 0]);
});

test('a request that contradicts itself about its length is not taken twice', async () => {
	const body = '{"email":"a@b.example","password":"whatever it is"}';
	const answer = await rawRequest(stack.port, `POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
	const both = await rawRequest(stack.port, `POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nGET /api/drops HTTP/1.1\r\nHost: x\r\n\r\n`);

	assert.match(answer, /^HTTP\/1\.1 400 /);
	assert.match(both, /^HTTP\/1\.1 400 /);
	assert.equal(both.match(/HTTP\/1\.1 /g)?.length, 1, 'the second request is not one');
});

test('a body shorter than it says is not waited for for ever and leaves the workers alone', async () => {
	const answer = rawRequest(stack.port, 'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{"email":');
	const others = await Promise.all(Array.from({ length: 20 }, () => anyone.get('/healthz')));

	assert.ok(others.every((res) => res.status === 200));
	assert.doesNotMatch(await answer.catch(() => ''), /HTTP\/1\.1 200/);
});
