/** Clients who take their time, very many of them, and the daemon's own door: each is cut off in time, and others notice nothing. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { exchange, RawConnection } from '../lib/raw.mjs';
import { Stream } from '../lib/sse.mjs';
import { freePort } from '../lib/stack.mjs';
import { anyone, auditClean, newDrop, people, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause } from '../lib/wait.mjs';
import { withSettings } from '../sse/daemon.mjs';

const EACH = 200;	/* of each kind of slow client */
const PATIENCE_MS = 10_000;	/* of nginx's site and of the daemon, with a head or between two pieces of a body */
const EARLY_MS = 500;
const LATE_MS = 10_000;	/* as much as a machine with other work to do may be late */

const port = await freePort();
/** @type {() => Promise<void>} */
let undo;

before(async () => {
	undo = await withSettings(`sse_listen = 127.0.0.1:${port}`);
});
after(async () => {
	await undo();
	await auditClean();
	await stack.whole();
});

/** More than may be on their way at once (max_conns in nginx's site). */
const DRIPPING = 600;

/** Opens so many connections, sends each its beginning, and sees how each ends.
 * @param {number} to @param {string} beginning @param {number} [trickleMs]  a byte more each so many milliseconds */
async function slow(to, beginning, trickleMs = 0) {
	const all = await Promise.all(Array.from({ length: EACH }, () => RawConnection.open(to)));

	all.forEach((connection) => connection.write(beginning));
	const timer = trickleMs ? setInterval(() => all.forEach((c) => c.ended || c.write('a')), trickleMs) : undefined;

	await Promise.all(all.map((connection) => connection.over));
	clearInterval(timer);
	return all;
}

/** Buys something every now and then until told to stop; gives how long the slowest call took. @param {() => boolean} over */
async function shop(over) {
	const drop = await newDrop({ totalStock: 1000, maxPerUser: 1000 });
	const [one] = await people(1);
	const took = [];

	assert.ok(one);
	while (!over()) {
		const began = performance.now();
		const hold = await reserve(one.api, drop.id);

		await purchase(one.api, hold.id);
		assert.equal((await anyone.get('/')).status, 200);
		took.push(performance.now() - began);
		await pause(100);
	}
	took.sort((a, b) => a - b);
	return { count: took.length, p50: Math.round(took[took.length >> 1] ?? 0), max: Math.round(took[took.length - 1] ?? 0) };
}

/** @param {RawConnection[]} all @param {string} what */
function endedInTime(all, what) {
	const after = all.map((c) => c.endedAfterMs);

	assert.ok(Math.min(...after) >= PATIENCE_MS - EARLY_MS, `${what}: the first was cut off after ${Math.min(...after)} ms`);
	assert.ok(Math.max(...after) < PATIENCE_MS + LATE_MS, `${what}: the last was cut off after ${Math.max(...after)} ms`);
	return `${Math.min(...after)} to ${Math.max(...after)} ms`;
}

test('API4: eight hundred clients with slow heads and slow bodies are cut off after ten seconds, and others buy as ever', async (t) => {
	let over = false;
	const shopping = shop(() => over);
	const [silent, trickling, noBody, halfBody] = await Promise.all([
		slow(stack.port, 'GET /api/drops HTTP/1.1\r\nHost: a\r\n'),
		slow(stack.port, 'GET /api/drops HTTP/1.1\r\nHost: a\r\nX-Slow: ', 1000),
		slow(stack.port, 'POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n'),
		slow(stack.port, 'POST /api/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{"email"'),
	]);

	over = true;
	const told = await shopping;

	t.diagnostic(`heads that never end: cut off after ${endedInTime(silent, 'silent')}; a byte a second: ${endedInTime(trickling, 'trickling')}`);
	t.diagnostic(`bodies that never come: ${endedInTime(noBody, 'no body')}; that stop half way: ${endedInTime(halfBody, 'half a body')}`);
	t.diagnostic(`others: ${told.count} times reserved, bought and looked at the page meanwhile, p50 ${told.p50} ms, at most ${told.max} ms`);
	for (const all of [silent, trickling, noBody, halfBody])
		assert.deepEqual(all.filter((c) => c.text !== '' && !c.text.startsWith('HTTP/1.1 408 ')), [], 'nothing else was answered');
	assert.ok(told.count > 10 && told.max < 5000, 'others were served all the while');
	assert.equal((await anyone.get('/healthz')).status, 200);
});

test('API4: six hundred reserves whose bodies come a byte a second keep no other reserve out', { timeout: 60_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 100 });
	const users = await people(20);
	const all = await Promise.all(Array.from({ length: DRIPPING }, () => RawConnection.open(stack.port)));
	const drip = setInterval(() => all.forEach((connection) => connection.write(' ')), 1000);

	t.after(() => {
		clearInterval(drip);
		all.forEach((connection) => connection.close());
	});
	all.forEach((connection) => connection.write(`POST /api/drops/${drop.id}/reservations HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n{`));
	await pause(1000);
	const took = [];

	for (const { api } of users) {
		const began = performance.now();

		await reserve(api, drop.id);
		took.push(performance.now() - began);
		await pause(100);
	}
	assert.deepEqual(all.filter((connection) => connection.ended || connection.text), [], 'all of them were there all the while');
	t.diagnostic(`${DRIPPING} such reserves on their way: ${users.length} of ${users.length} others got their pair, in ${Math.round(Math.max(...took))} ms at most`);
});

test('API4: at the daemon\'s own door two hundred slow heads keep nobody out', async (t) => {
	const first = performance.now();
	const slowHeads = slow(port, 'GET /api/events HTTP/1.1\r\nX-Slow: ', 1000);

	await pause(1500);	/* 192 may take their time; beyond that each has a second */
	const stream = await Stream.open(port);

	t.after(() => stream.close());
	await stream.next('snapshot');
	t.diagnostic(`a reader who came among them had its snapshot ${Math.round(performance.now() - first - 1500)} ms later`);
	const all = await slowHeads;

	assert.deepEqual(all.filter((c) => !c.text.startsWith('HTTP/1.1 408 ')), [], 'each was told 408');
	assert.ok(Math.max(...all.map((c) => c.endedAfterMs)) < PATIENCE_MS + LATE_MS);
	assert.equal(stream.ended, false);
});

/** What the daemon's own door answers: one problem document, then the end. */
test('API8: at the daemon\'s own door each hostile shape has exactly one answer', async () => {
	const head = (/** @type {string} */ line, more = '') => `${line}\r\nHost: a\r\n${more}\r\n`;
	const good = 'GET /api/events HTTP/1.1';
	/** @type {[string, string, number, string][]} */
	const cases = [
		['no version', head('GET /api/events'), 400, 'bad_request'],
		['HTTP/0.9', 'GET /api/events\r\n\r\n', 400, 'bad_request'],
		['HTTP/2.0', head('GET /api/events HTTP/2.0'), 400, 'bad_request'],
		['a version in small letters', head('GET /api/events http/1.1'), 400, 'bad_request'],
		['two blanks', head('GET  /api/events HTTP/1.1'), 400, 'bad_request'],
		['a tab', head('GET\t/api/events HTTP/1.1'), 400, 'bad_request'],
		['an address with a host', head('GET http://evil.example/api/events HTTP/1.1'), 400, 'bad_request'],
		['the asterisk', head('OPTIONS * HTTP/1.1'), 400, 'bad_request'],
		['CONNECT', head('CONNECT evil.example:80 HTTP/1.1'), 400, 'bad_request'],
		['an empty line first', `\r\n${head(good)}`, 400, 'bad_request'],
		['the beginning of TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n', 400, 'bad_request'],
		['a NUL in the line', head('GET /api/ev\0ents HTTP/1.1'), 400, 'bad_request'],
		['a NUL in a value', head(good, 'X-A: a\0b\r\n'), 400, 'bad_request'],
		['a NUL in a name', head(good, 'X\0A: a\r\n'), 400, 'bad_request'],
		['a carriage return in a value', head(good, 'X-A: a\rX-B: b\r\n'), 400, 'bad_request'],
		['a line feed in a value', head(good, 'X-A: a\nX-B: b\r\n'), 400, 'bad_request'],
		['a folded line', head(good, 'X-A: a\r\n b\r\n'), 400, 'bad_request'],
		['a blank before the colon', head(good, 'Origin : http://a\r\n'), 400, 'bad_request'],
		['no colon', head(good, 'nothing\r\n'), 400, 'bad_request'],
		['no name', head(good, ': a\r\n'), 400, 'bad_request'],
		['two tokens', head(good, 'Authorization: Bearer a\r\nAuthorization: Bearer b\r\n'), 400, 'bad_request'],
		['two ids', head(good, 'Last-Event-ID: a\r\nLast-Event-ID: b\r\n'), 400, 'bad_request'],
		['two origins', head(good, 'Origin: http://a\r\nOrigin: http://b\r\n'), 400, 'bad_request'],
		['a large header', head(good, `X-A: ${'a'.repeat(9000)}\r\n`), 431, 'head_too_long'],
		['a large address', head(`GET /api/events?last=${'a'.repeat(9000)} HTTP/1.1`), 431, 'head_too_long'],
		['a megabyte', `GET /${'a'.repeat(1 << 20)}`, 431, 'head_too_long'],
		['another method', head('POST /api/events HTTP/1.1', 'Content-Length: 2\r\n').concat('{}'), 405, 'method_not_allowed'],
		['another method, with chunks and a length', head('POST /api/events HTTP/1.1', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n').concat('0\r\n\r\n'), 405, 'method_not_allowed'],
		['another address', head('GET /api/drops HTTP/1.1'), 404, 'not_found'],
		['dots', head('GET /api/../api/events HTTP/1.1'), 404, 'not_found'],
		['escaped line ends in an id', head('GET /api/events?drops=%0d%0aX-Evil:%20y HTTP/1.1'), 400, 'invalid'],
		['UTF-8 longer than it must be', head('GET /api/events?drops=%c0%b1 HTTP/1.1'), 400, 'invalid'],
	];

	for (const [what, bytes, status, code] of cases) {
		const { answers, text, ended } = await exchange(port, bytes);

		/* of what is so long that it is not read to its end, the kernel may tell with a reset */
		if (bytes.length > 100_000 && text === '') {
			assert.equal(ended, 'reset', what);
			continue;
		}
		assert.equal(answers.length, 1, `${what}: ${JSON.stringify(text.slice(0, 200))}`);
		assert.equal(answers[0]?.status, status, `${what}: ${text.slice(0, 300)}`);
		assert.equal(answers[0]?.json.code, code, what);
		assert.equal(answers[0]?.headers.connection, 'close', what);
		assert.deepEqual(Object.keys(answers[0]?.headers ?? {}).filter((name) => name === 'x-evil'), [], what);
	}
	const stream = await Stream.open(port);

	await stream.next('snapshot');
	stream.close();
});

test('API8: of two requests in one piece the daemon answers the first, and what is behind a stream\'s head is not carried out', async () => {
	const connection = await RawConnection.open(port);

	connection.write('GET /api/events HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nGET /api/nothing HTTP/1.1\r\nHost: a\r\n\r\n');
	await pause(1000);
	assert.match(connection.text, /^HTTP\/1\.1 200 OK\r\n/);
	assert.equal(connection.text.match(/HTTP\/1\.1/g)?.length, 1, 'one answer');
	assert.match(connection.text, /event: snapshot/);
	connection.close();
});
