/** Sessions: the cookie, other sites, and their end. OWASP API Top 10 2023: API2, API6, API8. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { service } from '../lib/faults.mjs';
import { Caller } from '../lib/http.mjs';
import { assertAllTried } from '../lib/routes.mjs';
import { withSetting } from '../lib/settings.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { freePort, run } from '../lib/stack.mjs';
import { admin, anyone, cookieOf, dropNow, newDrop, PASSWORD, person, reserve, tokens } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const signIn = (/** @type {string} */ email, headers = {}) => anyone.post('/api/auth/login', { email, password: PASSWORD }, headers);

test('API2: the session cookie has exactly the attributes it needs', async () => {
	const { name, attributes } = cookieOf(await signIn((await person()).email));

	assert.equal(name, 'lastpair_session');
	assert.deepEqual(attributes, ['Path=/', 'HttpOnly', 'SameSite=Lax', 'Max-Age=604800']);
});

/** The store's site over TLS as well, with a certificate made for it; gives the port. @param {any} t */
async function withTls(t) {
	const port = await freePort();
	const site = path.join(stack.dir, 'site.d');
	const file = (/** @type {string} */ name) => path.join(site, name);
	const reload = () => process.kill(stack.pid('nginx'), 'SIGHUP');

	t.after(() => {
		for (const name of ['tls.conf', 'tls.pem', 'tls.key'])
			fs.rmSync(file(name), { force: true });
		reload();
	});
	fs.mkdirSync(site, { recursive: true, mode: 0o755 });
	const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
		'-keyout', file('tls.key'), '-out', file('tls.pem'), '-subj', '/CN=localhost', '-days', '1']);
	assert.equal(made.code, 0, made.stderr);
	const { uid, gid } = fs.statSync(stack.dir);
	for (const name of ['tls.pem', 'tls.key'])
		fs.chownSync(file(name), uid, gid);
	fs.writeFileSync(file('tls.conf'), `listen 127.0.0.1:${port} ssl;\nssl_certificate "${file('tls.pem')}";\nssl_certificate_key "${file('tls.key')}";\n`);
	reload();
	return port;
}

test('API2, API8: behind TLS the cookie is Secure and __Host-, none without the prefix counts, and HSTS is sent', { timeout: 120_000 }, async (t) => {
	const port = await withTls(t);

	await withSetting(t, 'cookie_secure = yes');

	/** @param {string} method @param {string} where @param {Record<string, any>} headers @param {any} [body] @returns {Promise<any>} */
	const call = (method, where, headers, body) => new Promise((resolve, reject) => {
		const text = body ? JSON.stringify(body) : '';
		const req = https.request({ host: '127.0.0.1', port, method, path: where, agent: false, rejectUnauthorized: false,
			headers: { ...headers, ...(text ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } : {}) } }, (res) => {
			res.resume().on('end', () => resolve({ status: res.statusCode, headers: res.headers }));
		});

		req.on('error', reject);
		req.end(text);
	});
	const { email, api } = await person();
	const signed = await waitFor('TLS', () => call('POST', '/api/auth/login', {}, { email, password: PASSWORD }));
	const { name, value, attributes } = cookieOf(signed);

	assert.equal(signed.status, 200);
	assert.equal(name, '__Host-lastpair_session');
	assert.deepEqual(attributes, ['Path=/', 'HttpOnly', 'SameSite=Lax', 'Max-Age=604800', 'Secure']);
	assert.match(String(signed.headers['strict-transport-security']), /^max-age=31536000/);
	assert.match(String((await call('GET', '/', {})).headers['strict-transport-security']), /^max-age=31536000/);
	assert.equal((await call('GET', '/api/auth/me', { Cookie: `${name}=${value}` })).status, 200);
	assert.equal((await call('GET', '/api/auth/me', { Cookie: `lastpair_session=${value}` })).status, 401, 'a cookie that a neighbour could have set');
	assert.equal((await call('GET', '/api/auth/me', { Authorization: `Bearer ${api.token}` })).status, 200, 'bearer tokens are what they were');
	const host = `127.0.0.1:${port}`;
	assert.equal((await call('POST', '/api/auth/logout', { Cookie: `${name}=${value}`, Host: host, Origin: `http://${host}` })).status, 403, 'a page without TLS is another origin');
	const out = await call('POST', '/api/auth/logout', { Cookie: `${name}=${value}`, Host: host, Origin: `https://${host}` });
	assert.equal(out.status, 204);
	assert.deepEqual([cookieOf(out).value, cookieOf(out).attributes], ['', ['Path=/', 'HttpOnly', 'SameSite=Lax', 'Max-Age=0', 'Secure']]);
});

test('API2: behind TLS the stream takes no cookie either that a neighbour could have set', { timeout: 120_000 }, async (t) => {
	const who = await person();
	const drop = await newDrop();

	await withSetting(t, 'cookie_secure = yes');
	const open = (/** @type {string} */ name) => Stream.open(stack.port, { cookie: `${name}=${who.api.token}` });
	const [own, neighbours] = [await open('__Host-lastpair_session'), await open('lastpair_session')];

	t.after(() => [own, neighbours].forEach((stream) => stream.close()));
	for (const stream of [own, neighbours])
		await stream.next('snapshot');
	await reserve(who.api, drop.id);
	await own.next('reservation:update');
	/* what comes behind it has come, and it has not */
	const mark = await newDrop();
	await neighbours.next((e) => e.event === 'drop:created' && e.data.drop.id === mark.id);
	assert.deepEqual(neighbours.events.filter((e) => e.event.startsWith('reservation:')), []);
});

test('API8: every call that changes something is refused to another site, and changes nothing', async () => {
	const who = await person();
	const [adminToken] = await tokens([(await (await admin()).get('/api/auth/me')).body.user.email]);
	const drop = await newDrop();
	const hold = await reserve(who.api, drop.id);
	const before = await dropNow(drop.id);
	const [mine, boss] = [who.api.token, adminToken].map((token) => new Caller(stack.port, { cookie: `lastpair_session=${token}` }));
	let refused = 0;

	assert.ok(mine && boss);
	const calls = /** @type {[string, string, Caller, any][]} */ ([
		['POST', `/api/drops/${drop.id}/reservations`, mine, {}], ['POST', `/api/reservations/${hold.id}/purchase`, mine, {}],
		['DELETE', `/api/reservations/${hold.id}`, mine, undefined], ['POST', '/api/auth/logout', mine, undefined],
		['POST', '/api/drops', boss, { name: 'x', priceCents: 1, totalStock: 1 }], ['PATCH', `/api/drops/${drop.id}`, boss, { priceCents: 1 }],
		['POST', `/api/drops/${drop.id}/restock`, boss, { quantity: 1 }],
	]);
	const open = ['/api/auth/login', '/api/auth/register'];

	assertAllTried(({ method }) => method !== 'GET', [...calls, ...open.map((where) => /** @type {[string, string]} */ (['POST', where]))]);
	for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }]) {
		for (const [method, where, by, body] of calls) {
			assertProblem(await by.call(method, where, { body, headers }), 403, 'cross_site');
			refused++;
		}
		for (const where of open)
			assertProblem(await anyone.post(where, { email: who.email, password: PASSWORD }, headers), 403, 'cross_site');
	}
	assert.deepEqual(await dropNow(drop.id), before);
	assert.equal((await mine.get('/api/reservations')).body.reservations[0].status, 'active');
	console.log(`# ${refused} changes from another site, all refused`);
});

test('API8: GET and HEAD change nothing, whatever they ask for', async (t) => {
	const who = await person();
	const boss = await admin();
	const drop = await newDrop();
	const hold = await reserve(who.api, drop.id);
	const rows = async () => new Set((await Promise.all(['stock', 'drops', 'reservations', 'purchases', 'users', 'sessions', 'admin_actions', 'idempotency_keys',
		'sign_in_failures'].map(async (table) => (await stack.sql(`SELECT t::text FROM lastpair.${table} t`)).split('\n').map((row) => `${table} ${row}`)))).flat());

	/* what holds of other tests do at their deadlines is not the doing of a read */
	await service('down', 'cron');
	t.after(() => service('up', 'cron'));
	const before = await rows();
	let asked = 0;

	const reads = ['/', '/api/drops', `/api/drops/${drop.id}`, '/api/reservations', `/api/reservations/${hold.id}`, '/api/purchases', '/api/auth/me',
		'/api/auth/logout', '/api/auth/login', '/api/auth/register', `/api/drops/${drop.id}/reservations`, `/api/reservations/${hold.id}/purchase`,
		`/api/drops/${drop.id}/restock?quantity=5`, `/api/drops/${drop.id}?priceCents=1`, '/api/admin/actions', `/api/admin/drops/${drop.id}/figures`,
		`/api/admin/drops/${drop.id}/purchases`, `/api/admin/drops/${drop.id}/purchases.csv`, '/healthz', '/metrics'];

	assertAllTried(({ method }) => method === 'GET', reads.map((where) => /** @type {[string, string]} */ (['GET', where])));
	for (const method of ['GET', 'HEAD']) {
		for (const where of reads) {
			for (const by of [anyone, who.api, boss]) {
				for (const headers of [{}, { 'X-HTTP-Method-Override': 'DELETE', 'X-HTTP-Method': 'POST', 'X-Method-Override': 'PATCH', 'Idempotency-Key': 'a-key-of-a-get' }]) {
					const res = await by.call(method, where, { headers });

					assert.ok(res.status < 500, `${method} ${where}: ${res.status}`);
					asked++;
				}
			}
		}
	}
	const after = await rows();

	assert.deepEqual([[...before].filter((row) => !after.has(row)), [...after].filter((row) => !before.has(row))], [[], []], 'gone, and new');
	console.log(`# ${asked} reads, not a row changed`);
});

for (const [how, end] of /** @type {[string, (who: any, token: string) => Promise<any>][]} */ ([
	['logout', (_who, token) => new Caller(stack.port, { token }).post('/api/auth/logout')],
	['lastpairctl user revoke', (who) => stack.ctl(['user', 'revoke', who.email])],
])) {
	test(`API2: ${how} ends a session at once in every worker and in the stream that is open`, async (t) => {
		const who = await person();
		const [token = ''] = await tokens([who.email]);
		const by = { token: new Caller(stack.port, { token }), cookie: new Caller(stack.port, { cookie: `lastpair_session=${token}` }) };
		const drop = await newDrop();
		const stream = await Stream.open(stack.port, { token });

		t.after(() => stream.close());
		await stream.next('snapshot');
		await reserve(by.token, drop.id);
		await stream.next('reservation:update');
		/* every worker has seen the token, so that one which remembers it too well would show */
		await Promise.all(Array.from({ length: 40 }, () => by.cookie.get('/api/auth/me').then((res) => assert.equal(res.status, 200))));
		await end(who, token);
		const start = process.hrtime.bigint();
		const after = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? by.cookie : by.token).get('/api/reservations')));
		const spent = Number(process.hrtime.bigint() - start) / 1e6;

		assert.deepEqual([...new Set(after.map((res) => res.status))], [401]);
		/* what the user does now, signed in anew, is told to that sign-in alone */
		const [fresh = ''] = await tokens([who.email]);
		const again = new Caller(stack.port, { token: fresh });
		const witness = await Stream.open(stack.port, { token: fresh });

		t.after(() => witness.close());
		await witness.next('snapshot');
		const seen = stream.events.length;
		const other = await newDrop();
		await reserve(again, other.id);
		await witness.next((e) => e.event === 'reservation:update' && e.data.reservation.dropId === other.id);
		if (!stream.ended)
			await stream.next((e) => e.event === 'stock:update' && e.data.dropId === other.id, { from: seen }).catch(() => assert.ok(stream.ended));
		assert.ok(!stream.events.slice(seen).some((e) => e.event.startsWith('reservation:')), 'the old stream was told');
		console.log(`# after ${how}: 40 of 40 calls refused, the last ${spent.toFixed(0)} ms later; private events: 0`);
	});
}
