/** Methods, headers, health, metrics, the pages' own headers, and nginx's refusals. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { rawRequest } from '../lib/http.mjs';
import { assertProblem, assertShape } from '../lib/shapes.mjs';
import { admin, anyone, newDrop, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

/* ---- methods ---- */

test('HEAD answers as GET does, without the body', async () => {
	const drop = await newDrop();
	const api = await admin();

	for (const path of ['/api/drops', `/api/drops/${drop.id}`, '/api/auth/me', '/healthz']) {
		const [get, head] = [await api.get(path), await api.call('HEAD', path)];

		assert.equal(head.status, get.status, path);
		assert.equal(head.raw.length, 0, path);
		assert.equal(head.headers['content-type'], get.headers['content-type'], path);
	}
	assert.equal((await api.call('HEAD', '/api/drops/999999999')).status, 404);
});

test('a method that an address does not take is refused with 405 and Allow', async () => {
	const drop = await newDrop();
	const api = await admin();
	const id = '0198c2f4-7b1e-7c3d-8a52-111111111111';
	/** @type {[string, string, string[]][]} */
	const cases = [
		['DELETE', '/api/drops', ['GET', 'HEAD', 'POST']], ['PUT', `/api/drops/${drop.id}`, ['GET', 'HEAD', 'PATCH']],
		['GET', '/api/auth/login', ['POST']], ['GET', '/api/auth/logout', ['POST']], ['POST', '/api/auth/me', ['GET', 'HEAD']],
		['GET', `/api/drops/${drop.id}/restock`, ['POST']], ['GET', `/api/drops/${drop.id}/reservations`, ['POST']],
		['PATCH', '/api/reservations', ['GET', 'HEAD']], ['PATCH', `/api/reservations/${id}`, ['DELETE', 'GET', 'HEAD']],
		['GET', `/api/reservations/${id}/purchase`, ['POST']], ['POST', '/api/purchases', ['GET', 'HEAD']],
		['POST', `/api/admin/drops/${drop.id}/purchases.csv`, ['GET', 'HEAD']], ['POST', '/healthz', ['GET', 'HEAD']],
	];

	for (const [method, path, allow] of cases) {
		const res = await api.call(method, path);

		assertProblem(res, 405, 'method_not_allowed');
		assert.deepEqual(String(res.headers.allow).split(/, */).filter((m) => m !== 'OPTIONS').sort(), allow.sort(), `${method} ${path}`);
	}
	for (const path of ['/', '/index.html', '/me', '/api/openapi.json']) {
		const res = await anyone.post(path, {});

		assertProblem(res, 405, 'method_not_allowed');
		assert.equal(res.headers.allow, 'GET, HEAD', path);
	}
});

test('unknown addresses under /api are refused as not_found', async () => {
	for (const path of ['/api/', '/api/nothing', '/api/drops/', '/api/drops/1/', '/api/drops/1/nothing', '/api/reservations/x/y/z', '/api/auth/', '/api/admin', '/api//drops/', '/api/Drops', '/api/drops.json',
		'/api', '/api/.hidden', '/api/drops/.hidden'])
		assertProblem(await anyone.get(path), 404, 'not_found');
});

/* ---- request ids ---- */

test('a request\'s id comes back; one that had none is given one', async () => {
	const own = await anyone.get('/api/drops/1', { 'X-Request-Id': 'from-the-caller-1' });
	const [a, b] = [await anyone.get('/api/drops/1'), await anyone.get('/api/drops/1')];

	assert.equal(own.headers['x-request-id'], 'from-the-caller-1');
	assert.match(String(a.headers['x-request-id']), /^[A-Za-z0-9._-]{8,64}$/);
	assert.notEqual(a.headers['x-request-id'], b.headers['x-request-id']);
});

test('an answer from the one-second cache carries the id of its own request', async () => {
	for (const id of ['first-of-two', 'second-of-two'])
		assert.equal((await anyone.get('/api/drops', { 'X-Request-Id': id })).headers['x-request-id'], id);
});

test('an id that does not belong in a log is replaced', async () => {
	for (const id of ['a b', 'x'.repeat(500), '"quoted"', 'a;b', '<b>']) {
		const got = (await anyone.get('/api/drops/1', { 'X-Request-Id': id })).headers['x-request-id'];

		assert.match(String(got), /^[A-Za-z0-9._-]{8,64}$/, id);
	}
});

test('refusals, pages and nginx\'s own answers carry an id too, and only one', async () => {
	for (const path of ['/api/nothing', '/', '/healthz', '/api/drops', '/api/events?drops=x'])
		assert.match(String((await anyone.call('HEAD', path)).headers['x-request-id']), /^[A-Za-z0-9._-]{8,64}$/, path);
});

/* ---- health and metrics ---- */

test('/healthz says how database, redis and sse are', async () => {
	const res = await anyone.get('/healthz');

	assert.equal(res.status, 200);
	const is = (/** @type {any} */ v) => v === 'ok';
	assertShape(res.body, { status: is, database: is, redis: is, sse: is }, 'health');
});

test('/metrics speaks for the workers, the daemon and the expiry together, in Prometheus\'s format', async () => {
	const res = await anyone.get('/metrics');

	assert.equal(res.status, 200);
	assert.match(String(res.headers['content-type']), /^text\/plain; version=0\.0\.4/);
	for (const line of res.text.trimEnd().split('\n'))
		assert.match(line, /^(# (HELP|TYPE) [a-z_:][\w:]* .+|[a-z_:][\w:]*(\{(\w+="[^"]*",?)+\})? (-?[\d.]+(e[+-]?\d+)?|[+-]Inf|NaN))$/, line);
	assert.match(res.text, /^[a-z_]*(subscribers|streams|connections)[a-z_]*(\{[^}]*\})? \d/m, 'the daemon\'s readers');
	assert.match(res.text, /^[a-z_]*requests[a-z_]*(\{[^}]*\})? \d/m, 'the workers\' requests');
	assert.match(res.text, /^[a-z_]*expir[a-z_]*(\{[^}]*\})? \d/m, 'the expiry');
	const samples = res.text.split('\n').filter((l) => l && !l.startsWith('#')).map((l) => l.replace(/ [^ ]*$/, ''));
	assert.equal(new Set(samples).size, samples.length, 'no sample twice');
});

test('the metrics count holds and sales, whichever worker made them', async () => {
	const read = async () => {
		const { text } = await anyone.get('/metrics');
		const sum = (/** @type {RegExp} */ name) => text.split('\n').filter((l) => name.test(l) && !l.startsWith('#')).reduce((n, l) => n + Number(l.split(' ').pop()), 0);

		return { holds: sum(/^lastpair_\w*(holds|reserv)\w*[ {]/), sales: sum(/^lastpair_\w*(sales|purchases)\w*[ {]/) };
	};
	const before = await read();
	const drop = await newDrop({ totalStock: 10, maxPerUser: 10 });
	const { api } = await person();

	for (let i = 0; i < 3; i++)
		await purchase(api, (await reserve(api, drop.id)).id);
	const after = await read();
	assert.ok(after.holds >= before.holds + 3, JSON.stringify([before, after]));
	assert.ok(after.sales >= before.sales + 3, JSON.stringify([before, after]));
});

test('a client cannot say that it is somebody else by a header', async () => {
	/* ./run trusts no proxy, so what X-Forwarded-For says must not count: loopback stays loopback */
	assert.equal((await anyone.get('/metrics', { 'X-Forwarded-For': '203.0.113.9', 'X-Real-IP': '203.0.113.9' })).status, 200);
});

test('an address on loopback is never limited: a burst of 400 requests is answered', async () => {
	const { api } = await person();
	const drop = await newDrop();
	const all = await Promise.all(Array.from({ length: 400 }, (_, i) => (i % 2
		? api.post(`/api/drops/${drop.id}/reservations`, {}) : anyone.get('/api/drops?limit=1'))));

	assert.deepEqual([...new Set(all.map((res) => res.status))].sort(), [200, 201, 409]);
});

/* ---- the pages ---- */

test('the page is served with a strict policy and no inline script or style', async () => {
	const res = await anyone.get('/');

	assert.equal(res.status, 200);
	assert.match(String(res.headers['content-type']), /^text\/html; charset=utf-8/i);
	const policy = Object.fromEntries(String(res.headers['content-security-policy']).split(/; */).map((d) => {
		const [name, ...values] = d.split(' ');

		return [name, values];
	}));
	assert.ok(policy['default-src']?.join() === "'self'" || policy['default-src']?.join() === "'none'");
	assert.doesNotMatch(String(res.headers['content-security-policy']), /unsafe-inline|unsafe-eval|\*/);
	assert.deepEqual(policy['object-src'] ?? policy['default-src'], ["'none'"]);
	assert.deepEqual(policy['base-uri'], ["'none'"]);
	assert.deepEqual(policy['frame-ancestors'], ["'none'"]);
	assert.deepEqual(policy['require-trusted-types-for'], ["'script'"]);
	assert.deepEqual(policy['trusted-types'], ["'none'"]);
	assert.equal(res.headers['x-content-type-options'], 'nosniff');
	assert.ok(res.headers['referrer-policy']);
	assert.doesNotMatch(res.text, /<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|\sstyle=|javascript:/i);
});

test('the page answers at each of its own addresses, also when asked for again by its ETag', async () => {
	const { text } = await anyone.get('/');

	for (const path of ['/', '/?status=live&size=43', '/drops/7', '/drops/123456789012345678?x=1', '/me', '/console', '/console/new', '/console/drops/7', '/console/actions?drop=7']) {
		const res = await anyone.get(path);

		assert.equal(res.status, 200, path);
		assert.equal(res.text, text, path);
		assert.match(String(res.headers['content-type']), /^text\/html; charset=utf-8/i, path);
		assert.equal(res.headers['cache-control'], 'no-cache', path);
		assert.match(String(res.headers['content-security-policy']), /require-trusted-types-for 'script'/, path);
		assert.equal((await anyone.call('HEAD', path)).status, 200, path);
		assert.equal((await anyone.get(path, { 'If-None-Match': res.headers.etag })).status, 304, path);
	}
});

test('no other address is one of the page, and none takes a form', async () => {
	for (const path of ['/drops', '/drops/', '/drops/0', '/drops/x', '/drops/7/', '/drops/7/x', '/drops/1234567890123456789', '/me/', '/mex', '/console/', '/console/x', '/console/drops',
		'/console/drops/x', '/console/actions/1', '/consolex', '/Console', '/nothing'])
		assert.equal((await anyone.get(path)).status, 404, path);
	for (const path of ['/me', '/drops/7', '/console/new'])
		assertProblem(await anyone.post(path, {}), 405, 'method_not_allowed');
});

test('page, scripts, styles and pictures are compressed, and asked for again by their ETag', async () => {
	for (const path of ['/', '/drops/7', '/js/main.js', '/css/base.css', '/img/kiln-90.svg']) {
		const asked = { 'Accept-Encoding': 'gzip' };
		const res = await anyone.get(path, asked);

		assert.equal(res.headers['content-encoding'], 'gzip', path);
		assert.match(String(res.headers.vary), /Accept-Encoding/i, path);
		assert.ok(res.headers.etag, path);
		const again = await anyone.get(path, { ...asked, 'If-None-Match': res.headers.etag });
		assert.deepEqual([again.status, again.raw.length], [304, 0], path);
	}
});

test('a listing that the page asks for ahead and the one that its script asks for are one to the workers', async () => {
	const ahead = { Accept: '*/*', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty', 'Sec-Fetch-Site': 'same-origin', Referer: 'http://127.0.0.1/' };
	const scripts = { ...ahead, Accept: 'application/json', 'Accept-Language': 'ar' };

	await waitFor('two within a second', async () => {
		const one = await anyone.get('/api/drops?limit=199', ahead);
		const two = await anyone.get('/api/drops?limit=199', scripts);

		assert.deepEqual([one.status, two.status], [200, 200]);
		return one.body.serverTime === two.body.serverTime;
	}, 4000);
});

test('every file that the page names is there, with its type', async () => {
	const { text } = await anyone.get('/');
	const names = [...text.matchAll(/(?:src|href)="(\/?[^"#:]+)"/g)].map(([, name]) => (String(name).startsWith('/') ? String(name) : `/${name}`));

	assert.ok(names.some((name) => name.endsWith('.js')) && names.some((name) => name.endsWith('.css')), names.join(' '));
	for (const name of names) {
		const res = await anyone.get(name);
		const type = name.endsWith('.js') ? /javascript/ : name.endsWith('.css') ? /^text\/css/ : /./;

		assert.equal(res.status, 200, name);
		assert.match(String(res.headers['content-type']), type, name);
		assert.equal(res.headers['x-content-type-options'], 'nosniff', name);
	}
});

test('pages are asked for again each time and answered 304 by their ETag', async () => {
	const first = await anyone.get('/');
	const again = await anyone.get('/', { 'If-None-Match': first.headers.etag });

	assert.match(String(first.headers['cache-control']), /no-cache|max-age=0/);
	assert.equal(again.status, 304);
});

test('what is not a page is 404: hidden files, folders up, the settings', async () => {
	for (const path of ['/.git/config', '/.htaccess', '/js/.hidden', '/nothing', '/lastpair.conf', '/js/', '/%2e%2e/lastpair.conf', '/js/../../lastpair.conf', '/..%2f..%2fetc/passwd'])
		assert.ok([400, 404].includes((await anyone.get(path)).status), path);
});

test('no answer tells nginx\'s version', async () => {
	for (const path of ['/', '/api/nothing', '/nothing'])
		assert.doesNotMatch(JSON.stringify((await anyone.get(path)).headers) + (await anyone.get(path)).text, /nginx\/\d/);
});

test('answers of the API carry the safe headers and are never sniffed', async () => {
	const { api } = await person();

	for (const res of [await anyone.get('/api/drops'), await api.get('/api/reservations'), await anyone.get('/api/nothing')]) {
		assert.equal(res.headers['x-content-type-options'], 'nosniff');
		assert.equal(res.headers['set-cookie'], undefined);
	}
});

/* ---- nginx's own refusals ---- */

test('an address that is too long is refused as a problem document', async () => {
	const res = await anyone.get(`/api/drops?cursor=${'x'.repeat(20_000)}`);

	assertProblem(res, 414, 'uri_too_long');
});

test('headers that are too large are refused as a problem document', async () => {
	const res = await anyone.get('/api/drops', { 'X-Large': 'x'.repeat(10_000) });

	assert.ok([400, 431].includes(res.status), `${res.status}`);
	assertProblem(res, res.status, res.body?.code);
});

test('an address that nginx cannot read is refused as a problem document', async () => {
	for (const path of ['/api/drops/%00', '/api/%2e%2e/%2e%2e/etc/passwd', '/api/drops/%zz'])
		assertProblem(await anyone.get(path), 400, 'bad_request');
});

test('what is not HTTP is refused as a problem document', async () => {
	const answer = await rawRequest(stack.port, 'GET /api/drops HTTP/1.1\r\nConnection: close\r\nno colon here\r\n\r\n');
	const noHost = await rawRequest(stack.port, 'GET /api/drops HTTP/1.1\r\nConnection: close\r\n\r\n');

	assert.match(noHost, /^HTTP\/1\.1 400 /);
	assert.match(noHost, /application\/problem\+json/);
	assert.match(answer, /^HTTP\/1\.1 400 /);
});

test('the answers are compressed when asked, and still whole', async () => {
	const { promisify } = await import('node:util');
	const { gunzip } = await import('node:zlib');
	const res = await anyone.get('/js/main.js', { 'Accept-Encoding': 'gzip' });

	assert.equal(res.headers['content-encoding'], 'gzip');
	assert.match(String(await promisify(gunzip)(res.raw)), /import/);
});

test('a connection kept open carries many requests', async () => {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	const ports = new Set();

	for (let i = 0; i < 20; i++)
		await new Promise((resolve, reject) => {
			http.get({ host: '127.0.0.1', port: stack.port, path: '/api/drops?limit=1', agent }, (res) => {
				ports.add(res.socket.localPort);
				res.resume().on('end', resolve);
			}).on('error', reject);
		});
	agent.destroy();
	assert.equal(ports.size, 1);
});

test('idle connections kept open to nginx keep no worker from others', async () => {
	const agent = new http.Agent({ keepAlive: true });
	const ask = () => new Promise((resolve, reject) => {
		http.get({ host: '127.0.0.1', port: stack.port, path: '/api/drops/999999999', agent }, (res) => res.resume().on('end', resolve)).on('error', reject);
	});

	await Promise.all(Array.from({ length: 200 }, ask));	/* two hundred kept connections */
	const start = Date.now();
	await Promise.all(Array.from({ length: 100 }, () => anyone.get('/api/drops/999999999')));
	assert.ok(Date.now() - start < 4000, `${Date.now() - start} ms`);
	agent.destroy();
});

test('every request leaves one line in the log, with its id and without any token', async () => {
	const fs = await import('node:fs');
	const { api } = await person();
	const id = `find-me-${Date.now()}`;

	await api.get('/api/reservations', { 'X-Request-Id': id });
	const logs = await waitFor('the line', () => {
		const all = fs.readdirSync(`${stack.dir}/log`).filter((name) => fs.statSync(`${stack.dir}/log/${name}`).isFile())
			.map((name) => [name, fs.readFileSync(`${stack.dir}/log/${name}`, 'utf8')]);

		return all.some(([name, text]) => name !== 'access.log' && text?.includes(id)) && all;
	});
	const lines = logs.filter(([name]) => name !== 'access.log').flatMap(([, text]) => String(text).split('\n')).filter((l) => l.includes(id));
	assert.equal(lines.length, 1, lines.join('\n'));
	assert.match(String(lines[0]), /200/);
	assert.ok(logs.every(([, text]) => !text?.includes(String(api.token))), 'no log holds the token');
});
