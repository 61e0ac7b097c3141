/** The daemon facing browsers itself: whom it lets read, and in whose name. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before } from 'node:test';
import { Caller } from '../lib/http.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { anyone, newDrop, person, reserve } from '../lib/store.mjs';
import { freePort } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';
import { figure, withSettings } from './daemon.mjs';

const ORIGIN = stack.url;
const port = await freePort();
const caller = new Caller(port);

/** @type {() => Promise<void>} */
let undo;
before(async () => {
	undo = await withSettings(`sse_listen = 127.0.0.1:${port}\nsse_origins = https://shop.example ${ORIGIN}`);
});
after(() => undo());

/** @param {import('node:test').TestContext} t @param {object} [options] */
async function open(t, options) {
	const stream = await Stream.open(port, options);

	t.after(() => stream.close());
	return stream;
}

/** Whether a reserve of this user's is told on the stream, seen from an event that everyone gets after it.
 * @param {Stream} stream @param {Awaited<ReturnType<typeof person>>} who */
async function isTold(stream, who) {
	const drop = await newDrop();

	/* the session is confirmed a moment after the stream has begun */
	for (let i = 0; i < 20; i++) {
		const hold = await reserve(who.api, drop.id);

		await who.api.del(`/api/reservations/${hold.id}`);
		await stream.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.version >= 2 * i + 3);
		if (stream.events.some((e) => e.event === 'reservation:update'))
			return true;
		await pause(20);
	}
	return false;
}

test('every answer says that it is no page, and through nginx says so once', async (t) => {
	const direct = [await caller.get('/api/events?drops=x'), await caller.get('/nothing'), await caller.call('OPTIONS', '/api/events', { headers: { Origin: ORIGIN } }), await open(t)];

	for (const { headers } of direct) {
		assert.equal(headers['x-content-type-options'], 'nosniff');
		assert.equal(headers['referrer-policy'], 'same-origin');
		assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'");
	}
	const { headers } = await anyone.get('/api/events?drops=x');

	assert.equal(headers['x-content-type-options'], 'nosniff');
	assert.equal(headers['referrer-policy'], 'same-origin');
	assert.match(String(headers['content-security-policy']), /^default-src 'self';[^,]*$/);
});

test('a page of a listed origin reads the stream', async (t) => {
	for (const origin of [ORIGIN, 'https://shop.example']) {
		const stream = await open(t, { headers: { Origin: origin } });

		assert.equal(stream.status, 200);
		await stream.next('snapshot');
		assert.match(String(stream.headers['content-type']), /^text\/event-stream\b/);
		assert.equal(stream.headers['access-control-allow-origin'], origin);
		assert.equal(stream.headers['access-control-allow-credentials'], 'true');
		assert.equal(stream.headers['vary'], 'Origin');
	}
});

test('a page of any other origin is refused', async () => {
	for (const origin of ['http://evil.example', 'null', `${ORIGIN}0`, `${ORIGIN}/`, 'https://SHOP.example', 'http://shop.example', 'https://shop.example.evil.example', 'https://shop.example:443', '', '*']) {
		for (const method of ['GET', 'OPTIONS']) {
			const res = await caller.call(method, '/api/events', { headers: { Origin: origin } });

			assertProblem(res, 403, 'cross_site');
			assert.equal(res.headers['access-control-allow-origin'], undefined, origin);
			assert.equal(res.headers['vary'], 'Origin');
		}
	}
});

test('without an origin the stream is open to programs, and says nothing of origins', async (t) => {
	const stream = await open(t);

	assert.equal(stream.status, 200);
	await stream.next('snapshot');
	assert.equal(stream.headers['access-control-allow-origin'], undefined);
	assert.equal(stream.headers['access-control-allow-credentials'], undefined);
});

test('a cookie counts for a page of a listed origin, and not where no origin is named', async (t) => {
	const who = await person();
	const cookie = `lastpair_session=${who.api.token}`;
	const page = await open(t, { cookie, headers: { Origin: ORIGIN } });
	const nobody = await open(t, { cookie });

	await Promise.all([page.next('snapshot'), nobody.next('snapshot')]);
	assert.ok(await isTold(page, who));
	assert.ok(!await isTold(nobody, who));
});

test('a bearer token counts with an origin and without', async (t) => {
	const who = await person();

	for (const headers of [{}, { Origin: ORIGIN }]) {
		const stream = await open(t, { token: who.api.token, headers });

		await stream.next('snapshot');
		assert.ok(await isTold(stream, who));
	}
});

test('fetch() may send Last-Event-ID and a token: a preflight is answered', async () => {
	const res = await caller.call('OPTIONS', '/api/events', { headers: {
		Origin: ORIGIN, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization, last-event-id' } });

	assert.equal(res.status, 204);
	assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
	assert.equal(res.headers['access-control-allow-credentials'], 'true');
	assert.match(res.headers['access-control-allow-methods'], /\bGET\b/);
	assert.match(res.headers['access-control-allow-headers'], /\bLast-Event-ID\b/);
	assert.match(res.headers['access-control-allow-headers'], /\bAuthorization\b/);
});

test('a refusal can be read by a page of a listed origin', async () => {
	const headers = { Origin: ORIGIN };

	for (const [method, where, status, code] of /** @type {[string, string, number, string][]} */ ([
		['GET', '/api/drops', 404, 'not_found'], ['POST', '/api/events', 405, 'method_not_allowed'], ['GET', '/api/events?drops=x', 400, 'invalid'],
	])) {
		const res = await caller.call(method, where, { headers });

		assertProblem(res, status, code);
		assert.equal(res.headers['access-control-allow-origin'], ORIGIN);
	}
	assert.equal((await caller.call('OPTIONS', '/api/events')).status, 405, 'without an origin it is no preflight');
});

test('changes arrive there as well, and a reader goes on from one door to the other', async (t) => {
	const drop = await newDrop();
	const direct = await open(t, { headers: { Origin: ORIGIN } });

	await direct.next('snapshot');
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	await direct.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.availableStock === 4);
	const proxied = await Stream.open(stack.port, { headers: { 'Last-Event-ID': direct.lastId } });
	t.after(() => proxied.close());
	await api.del(`/api/reservations/${hold.id}`);
	await proxied.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.availableStock === 5);
	assert.ok(!proxied.events.some((e) => e.event === 'snapshot'));
});

test('only streams through nginx are counted as such', async (t) => {
	await waitFor('the others to leave', async () => await figure('subscribers') === 0);
	for (const headers of [{ Origin: ORIGIN }, {}])
		await (await open(t, { headers })).next('snapshot');
	const proxied = await Stream.open(stack.port);
	t.after(() => proxied.close());
	await proxied.next('snapshot');
	await waitFor('the figures', async () => await figure('subscribers') === 3);
	assert.equal(await figure('proxied'), 1);
});

test('a head that does not come in ten seconds is answered 408, one that is too long 431', async () => {
	const slow = net.connect(port, '127.0.0.1', () => slow.write('GET /api/events HTTP/1.1\r\n'));
	const start = Date.now();
	let text = '';

	slow.on('data', (chunk) => { text += chunk; });
	slow.on('error', () => {});
	const long = await caller.call('GET', '/api/events', { headers: { 'X-Long': 'x'.repeat(9000) } });
	assertProblem(long, 431, 'head_too_long');
	await waitFor('an answer', () => text.includes('\r\n\r\n'), 15_000);
	assert.match(text, /^HTTP\/1\.1 408 /);
	assert.ok(Date.now() - start >= 9_000, `after ${Date.now() - start} ms`);
});

test('nginx sends pages there once the administrator says so, and their policy allows it', async (t) => {
	const file = path.join(stack.dir, 'site.d', 'events.conf');
	const reload = () => process.kill(stack.pid('nginx'), 'SIGHUP');
	const policy = async () => String((await anyone.get('/')).headers['content-security-policy']);

	assert.match(await policy(), /connect-src 'self' *;/);
	fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
	fs.writeFileSync(file, `set $lastpair_events_origin "http://127.0.0.1:${port}";\n`);
	t.after(async () => {
		fs.rmSync(file);
		reload();
		await waitFor('the old way', async () => !(await policy()).includes(`${port}`));
	});
	reload();
	await waitFor('the new way', async () => (await policy()).includes(`connect-src 'self' http://127.0.0.1:${port};`));
	const res = await anyone.get('/api/events?drops=1&last=a%2Fb');
	assert.equal(res.status, 307);
	assert.equal(res.headers['location'], `http://127.0.0.1:${port}/api/events?drops=1&last=a%2Fb`);
});
