/** HTTP as nobody should write it, through nginx: each shape has exactly one answer, and the store works on after it. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { exchange } from '../lib/raw.mjs';
import { Caller } from '../lib/http.mjs';
import { assertDiscreet } from '../lib/shapes.mjs';
import { admin, anyone, auditClean, HASH, newDrop, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

const HOST = 'Host: shop.example\r\n';
const LAST = `${HOST}Connection: close\r\n`;
const NOWHERE = '/api/nothing';	/* 404 not_found, from a worker: what was asked has come through */
const FIELDS_MISSING = [400, 'invalid'];	/* from the sign-in's handler: its body has come through */

/** A GET that is to be the connection's last. @param {string} path @param {string} [more]  lines of its head */
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\n${LAST}${more}\r\n`;
/** A sign-in with a body of one's own. @param {string} more  lines of its head @param {string} body */
const post = (more, body) => `POST /api/auth/login HTTP/1.1\r\n${LAST}Content-Type: application/json\r\n${more}\r\n${body}`;
const sized = (/** @type {string} */ body) => post(`Content-Length: ${body.length}\r\n`, body);
const chunked = (/** @type {string} */ body, more = '') => post(`Transfer-Encoding: chunked\r\n${more}`, body);

/** @typedef {[what: string, bytes: string, status: number, code: string]} Case */

/** Sends each on a connection of its own; the answer is one problem document, and others are served after it.
 * @param {Case[]} cases */
async function eachIs(cases) {
	for (const [what, bytes, status, code] of cases) {
		const { answers, text, ended } = await exchange(stack.port, bytes);

		assert.equal(answers.length, 1, `${what}: one answer, not ${JSON.stringify(text.slice(0, 300))}`);
		const [answer] = answers;

		assert.ok(answer);
		assert.equal(answer.status, status, `${what}: ${answer.body.slice(0, 200)}`);
		assert.match(String(answer.headers['content-type']), /^application\/problem\+json\b/, what);
		assert.equal(answer.json.code, code, what);
		assert.equal(answer.json.status, status, what);
		assert.equal(ended, 'end', `${what}: the connection is over`);
		assertDiscreet(answer.body);
	}
	assert.equal((await anyone.get('/api/drops/999999999')).status, 404, 'the store works on');
}

after(async () => {
	await auditClean();
	await stack.whole();
});

test('API8: what is no request line is 400, a version from elsewhere 505, a method that is not taken 405', () => eachIs([
	['an empty verb', get('/api/drops').replace('GET', ''), 400, 'bad_request'],
	['a verb in small letters', get('/api/drops').replace('GET', 'get'), 400, 'bad_request'],
	['tabs for blanks', get('/api/drops').replace(/ /g, '\t'), 400, 'bad_request'],
	['a blank in the address', get('/api/drops x'), 400, 'bad_request'],
	['an address without a slash', get('api/drops'), 400, 'bad_request'],
	['backslashes', get('\\api\\drops'), 400, 'bad_request'],
	['a version in small letters', get('/api/drops').replace('HTTP', 'http'), 400, 'bad_request'],
	['the asterisk', `OPTIONS * HTTP/1.1\r\n${LAST}\r\n`, 400, 'bad_request'],
	['CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\n${LAST}\r\n`, 400, 'bad_request'],
	['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad_request'],
	['the beginning of TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n', 400, 'bad_request'],
	['zeros before it', `\0\0\0${get('/api/drops')}`, 400, 'bad_request'],
	['HTTP/2.0', get('/api/drops').replace('1.1', '2.0'), 505, 'version_not_supported'],
	['HTTP/3.0', get('/api/drops').replace('1.1', '3.0'), 505, 'version_not_supported'],
	['TRACE', get('/api/drops').replace('GET', 'TRACE'), 405, 'method_not_allowed'],
	['TRACE of the page', get('/').replace('GET', 'TRACE'), 405, 'method_not_allowed'],
	['a method nobody knows', get('/api/drops').replace('GET', 'BREW'), 405, 'method_not_allowed'],
]));

test('API8: without headers at all (HTTP/0.9) there is a body without headers, of a reading alone', async () => {
	const read = await exchange(stack.port, 'GET /api/drops?limit=1\r\n');
	const wrote = await exchange(stack.port, 'POST /api/auth/login\r\n');

	assert.ok(Array.isArray(JSON.parse(read.text).drops));
	assert.equal(JSON.parse(wrote.text).code, 'bad_request');
});

test('API8: an address with a host in it is that of this store, and a host that is none, two or missing is 400', async () => {
	await eachIs([
		['an address with a host', get(`http://evil.example${NOWHERE}`), 404, 'not_found'],
		['one with a user', get(`http://a@b${NOWHERE}`), 400, 'bad_request'],
		['one with a line end', get(`http://evil.example%0d%0a${NOWHERE}`), 400, 'bad_request'],
		['no host', `GET ${NOWHERE} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400, 'bad_request'],
		['an empty host', `GET ${NOWHERE} HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n`, 400, 'bad_request'],
		['two hosts', get(NOWHERE, 'Host: other.example\r\n'), 400, 'bad_request'],
		['a host with a slash', `GET ${NOWHERE} HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n`, 400, 'bad_request'],
	]);
	for (const path of ['/js', '/css', '/img']) {	/* folders: the only addresses that are sent on elsewhere */
		const { answers } = await exchange(stack.port, get(path).replace('shop.example', 'evil.example'));

		assert.equal(answers[0]?.status, 301, path);
		assert.equal(answers[0]?.headers.location, `${path}/`, 'no host of the client\'s choosing');
	}
});

test('API8: a length that is not one number is 400, one too large 413', () => eachIs([
	['the same length twice', post('Content-Length: 2\r\nContent-Length: 2\r\n', '{}'), 400, 'bad_request'],
	['two lengths', post('Content-Length: 2\r\nContent-Length: 30\r\n', '{}'), 400, 'bad_request'],
	['two in a line', post('Content-Length: 2, 2\r\n', '{}'), 400, 'bad_request'],
	['a plus', post('Content-Length: +2\r\n', '{}'), 400, 'bad_request'],
	['a minus', post('Content-Length: -2\r\n', '{}'), 400, 'bad_request'],
	['hexadecimal', post('Content-Length: 0x2\r\n', '{}'), 400, 'bad_request'],
	['more digits than a number has', post('Content-Length: 99999999999999999999\r\n', '{}'), 400, 'bad_request'],
	['more than the sign-in takes', sized(' '.repeat(4097)), 413, 'payload_too_large'],
	['more than anything takes', sized(' '.repeat(65_537)), 413, 'payload_too_large'],
	['more in chunks', chunked(`10001\r\n${' '.repeat(65_537)}\r\n0\r\n\r\n`), 413, 'payload_too_large'],
	['a chunk of 4 GiB announced', chunked('100000000\r\n{}'), 413, 'payload_too_large'],
	['as much as the sign-in takes, which is no JSON', sized(' '.repeat(4096)), 400, 'invalid'],
	['a body where none is taken', get('/api/drops', 'Content-Length: 3\r\n').concat('abc'), 400, 'invalid'],
]));

test('API8: chunks must be as they should, and come alone: not with a length, not in HTTP/1.0, not in another coding', () => eachIs([
	['good chunks', chunked('2\r\n{}\r\n0\r\n\r\n'), ...FIELDS_MISSING],
	['chunks with extensions and a trailer', chunked('2;a="b\\"c"\r\n{}\r\n0\r\nX-Trailer: x\r\n\r\n'), ...FIELDS_MISSING],
	['no number', chunked('zz\r\n{}\r\n0\r\n\r\n'), 400, 'bad_request'],
	['a negative one', chunked('-2\r\n{}\r\n0\r\n\r\n'), 400, 'bad_request'],
	['a number that overflows', chunked('fffffffffffffffff\r\n{}\r\n0\r\n\r\n'), 400, 'bad_request'],
	['no line end after a chunk', chunked('2\r\n{}XX0\r\n\r\n'), 400, 'bad_request'],
	['a length besides', post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400, 'bad_request'],
	['a length besides, after it', chunked('0\r\n\r\n', 'Content-Length: 2\r\n'), 400, 'bad_request'],
	['twice chunked', chunked('2\r\n{}\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n'), 400, 'bad_request'],
	['in HTTP/1.0', chunked('2\r\n{}\r\n0\r\n\r\n').replace('1.1', '1.0'), 400, 'bad_request'],
	['a blank before the colon', post('Transfer-Encoding : chunked\r\nContent-Length: 2\r\n', '{}'), 400, 'bad_request'],
	['a tab after it', post('Transfer-Encoding:\tchunked\r\n', '2\r\n{}\r\n0\r\n\r\n'), 501, 'not_implemented'],
	['gzip as well', post('Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'), 501, 'not_implemented'],
	['identity', post('Transfer-Encoding: identity\r\n', '{}'), 501, 'not_implemented'],
	['a word like it', post('Transfer-Encoding: xchunked\r\n', '2\r\n{}\r\n0\r\n\r\n'), 501, 'not_implemented'],
]));

test('API8: NULs, bare line ends, folded lines and names that are none', () => eachIs([
	['a NUL in the address', get('/api/dr\0ops'), 400, 'bad_request'],
	['an escaped one', get('/api/drops/%00'), 400, 'bad_request'],
	['a NUL in a value', get(NOWHERE, 'X-A: a\0b\r\n'), 400, 'bad_request'],
	['a NUL in a name', get(NOWHERE, 'X-\0A: ab\r\n'), 400, 'bad_request'],
	['a NUL in the body', sized('{\0}'), 400, 'invalid'],
	['a NUL escaped in the body', sized('{"email":"a\\u0000b","password":"cccccccc"}'), 400, 'invalid'],
	['a NUL after the body\'s JSON', sized('{}\0'), 400, 'invalid'],
	['a carriage return in a value', get(NOWHERE, 'X-A: a\rX-B: b\r\n'), 400, 'bad_request'],
	['a folded line', get(NOWHERE, 'X-A: a\r\n b\r\n'), 400, 'bad_request'],
	['a folded first line', get(NOWHERE).replace('Host', ' Host'), 400, 'bad_request'],
	['no name', get(NOWHERE, ': a\r\n'), 400, 'bad_request'],
	['blanks and no colon', get(NOWHERE, 'nothing at all\r\n'), 400, 'bad_request'],
	['a word and no colon is passed over', get(NOWHERE, 'nothing\r\n'), 404, 'not_found'],
	['line feeds alone end lines as well', get(NOWHERE).replace(/\r\n/g, '\n'), 404, 'not_found'],
	['empty lines before it are passed over', `\r\n\r\n${get(NOWHERE)}`, 404, 'not_found'],
]));

test('API8: UTF-8 longer than it must be opens no folder, and is no JSON', async () => {
	const wrong = ['\xc0\xaf', '\xe0\x80\xaf', '\xf0\x80\x80\xaf', '\xc1\x81', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\xff', '\x80'];

	await eachIs([
		['escaped', get('/api/drops/%c0%ae%c0%ae/%c0%af'), 404, 'not_found'],
		['as it is', get('/api/\xc0\xae\xc0\xae/x'), 404, 'not_found'],
		['in a cursor', get('/api/drops?cursor=%c0%af'), 400, 'invalid'],
		['dots upwards', get('/api/../../etc/passwd'), 400, 'bad_request'],
		...wrong.map((bytes) => /** @type {Case} */ ([`in JSON: ${Buffer.from(bytes, 'latin1').toString('hex')}`,
			sized(`{"email":"${bytes}","password":"cccccccc"}`), 400, 'invalid'])),
	]);
	for (const path of ['/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd', '/js/%c0%ae%c0%ae/index.html', '/js/..%c0%afindex.html'])
		assert.equal((await exchange(stack.port, get(path))).answers[0]?.status, 404, path);
});

test('API8: headers and addresses that are too large are 431 and 414', () => eachIs([
	['one large header', get(NOWHERE, `X-A: ${'a'.repeat(9000)}\r\n`), 431, 'headers_too_large'],
	['many middling ones', get(NOWHERE, `X-A: ${'a'.repeat(1000)}\r\n`.repeat(40)), 431, 'headers_too_large'],
	['very many small ones', get(NOWHERE, 'X: a\r\n'.repeat(2000)), 431, 'headers_too_large'],
	['a megabyte of them', get(NOWHERE, `X-A: ${'a'.repeat(1000)}\r\n`.repeat(1000)), 431, 'headers_too_large'],
	['a large cookie', get('/api/auth/me', `Cookie: lastpair_session=${'a'.repeat(9000)}\r\n`), 431, 'headers_too_large'],
	['a token longer than any', get('/api/auth/me', `Authorization: Bearer ${'a'.repeat(4000)}\r\n`), 401, 'unauthenticated'],
	['a large address', get(`/${'a'.repeat(9000)}`), 414, 'uri_too_long'],
	['a header that fits', get(NOWHERE, `X-A: ${'a'.repeat(7000)}\r\n`), 404, 'not_found'],
]));

test('API8: a header that came twice is never two minds\' choice', async () => {
	const [one, two] = await people(2);

	assert.ok(one && two);
	const bearer = (/** @type {{api: Caller}} */ who) => `Authorization: Bearer ${who.api.token}\r\n`;
	const cookie = (/** @type {{api: Caller}} */ who) => `Cookie: lastpair_session=${who.api.token}\r\n`;
	const me = async (/** @type {string} */ head) => (await exchange(stack.port, get('/api/auth/me', head))).answers[0];

	await eachIs([
		['two tokens', get('/api/auth/me', bearer(one) + bearer(two)), 400, 'bad_request'],
		['a token twice', get('/api/auth/me', bearer(one) + bearer(one)), 400, 'bad_request'],
		['a good cookie after a bad one', get('/api/auth/me', `Cookie: lastpair_session=x\r\n${cookie(one)}`), 401, 'unauthenticated'],
	]);
	assert.equal((await me(cookie(one) + cookie(two)))?.json.user.username, one.username, 'of two cookies the first');
	assert.equal((await me(bearer(one) + cookie(two)))?.json.user.username, one.username, 'a token before a cookie');

	const drop = await newDrop({ totalStock: 3 });
	const reserving = (/** @type {string} */ head) => `POST /api/drops/${drop.id}/reservations HTTP/1.1\r\n${LAST}${head}Content-Length: 2\r\n\r\n{}`;

	await eachIs([
		['two keys', reserving(`${bearer(one)}Idempotency-Key: first-of-two\r\nIdempotency-Key: second-of-two\r\n`), 400, 'invalid'],
		['a key twice', reserving(`${bearer(one)}Idempotency-Key: first-of-two\r\nIdempotency-Key: first-of-two\r\n`), 400, 'invalid'],
		['a key with a comma and a blank', reserving(`${bearer(one)}Idempotency-Key: first-of-two, second-of-two\r\n`), 400, 'invalid'],
		['two origins', reserving(`${cookie(one)}Origin: ${'http://shop.example'}\r\nOrigin: http://evil.example\r\n`), 403, 'cross_site'],
		['two sites', reserving(`${cookie(one)}Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n`), 403, 'cross_site'],
	]);
	const named = await exchange(stack.port, reserving(`${cookie(one)}Origin: http://shop.example\r\nIdempotency_Key: with-underscore\r\n`));

	assert.equal(named.answers[0]?.status, 201, 'once each is fine');
});

test('API8: requests in one piece are answered in their order, each its own', async () => {
	const { api } = await person();
	const drops = await Promise.all(Array.from({ length: 8 }, () => newDrop({ totalStock: 2 })));
	const token = `Authorization: Bearer ${api.token}\r\n`;
	const ask = (/** @type {any} */ drop, /** @type {number} */ i) => (i % 2
		? `POST /api/drops/${drop.id}/reservations HTTP/1.1\r\n${HOST}${token}X-Request-Id: piece-${i}\r\nContent-Length: 2\r\n\r\n{}`
		: `GET /api/drops/${drop.id} HTTP/1.1\r\n${HOST}${token}X-Request-Id: piece-${i}\r\n\r\n`);
	const { answers } = await exchange(stack.port, drops.map(ask).join('') + get(NOWHERE, 'X-Request-Id: piece-8\r\n'));

	assert.deepEqual(answers.map((a) => a.headers['x-request-id']), Array.from({ length: 9 }, (_, i) => `piece-${i}`));
	assert.deepEqual(answers.map((a) => a.status), [200, 201, 200, 201, 200, 201, 200, 201, 404]);
	assert.deepEqual(answers.slice(0, 8).map((a) => a.json.drop.id), drops.map((drop) => drop.id));
});

test('API8: a request in another\'s body, or behind a bad one, is never carried out', async () => {
	const [victim, drop] = [await person(), await newDrop({ totalStock: 3 })];
	const hidden = `POST /api/drops/${drop.id}/reservations HTTP/1.1\r\n${LAST}Authorization: Bearer ${victim.api.token}\r\nContent-Length: 2\r\n\r\n{}`;
	const refused = async (/** @type {string} */ what, /** @type {string} */ bytes, /** @type {number} */ status) => {
		const { answers } = await exchange(stack.port, bytes);

		assert.deepEqual(answers.map((a) => a.status), [status], what);
	};

	await refused('a body of that length', sized(hidden), 400);
	await refused('in a chunk', chunked(`${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`), 400);
	await refused('in a trailer', chunked(`2\r\n{}\r\n0\r\nX: a\r\n\r\n${hidden}`), 400);
	await refused('behind a request with both lengths', post(`Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${hidden}`), 400);
	await refused('behind a length of two minds', post(`Content-Length: 2\r\nContent-Length: ${hidden.length}\r\n`, `{}${hidden}`), 400);
	await refused('behind a coding nobody knows', post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${hidden}`), 501);
	await refused('behind a body too large', sized(' '.repeat(5000)) + hidden, 413);
	await refused('behind an upgrade to HTTP/2', get(NOWHERE, 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n') + hidden, 404);
	await refused('in the stream\'s body', `POST /api/events HTTP/1.1\r\n${LAST}Content-Length: ${hidden.length}\r\n\r\n${hidden}`, 405);
	await refused('in the stream\'s chunks', `POST /api/events HTTP/1.1\r\n${LAST}Transfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`, 405);
	assert.deepEqual((await victim.api.get('/api/reservations')).body.reservations, [], 'nothing of it was done');
});

/** What a client could hope to see as a header of an answer. */
const EVIL = /^x-evil$/;

test('API8: no value that a client chose breaks a line of an answer\'s head', async () => {
	const { api } = await person();
	const token = `Authorization: Bearer ${api.token}\r\n`;
	const tries = [];

	for (const end of ['%0d%0a', '%0a', '%0d', '%e5%98%8a%e5%98%8d', '%c4%8d%c4%8a', '%250d%250a', '\\r\\n']) {
		const value = `a${end}X-Evil:%20yes`;

		tries.push(get(`/api/drops/${value}`), get(`/api/reservations/${value}`, token), get(`/api/reservations/${value}/purchase`, token).replace('GET', 'POST'),
			get(`/api/drops?cursor=${value}`), get(`/api/drops?status=${value}`), get(`/api/events?last=${value}&drops=${value}`), get(`/${value}`), get(`/js${value}/`),
			get(`/api/admin/drops/${value}/purchases.csv`, `Authorization: Bearer ${(await admin()).token}\r\n`), get(NOWHERE, `X-Request-Id: ${value}\r\n`),
			get('/api/drops/999999999/reservations', `${token}Idempotency-Key: ${value}\r\nContent-Length: 2\r\n`).replace('GET', 'POST').concat('{}'));
	}
	for (const bytes of tries) {
		const { answers, text } = await exchange(stack.port, bytes);

		assert.equal(answers.length, 1, `${bytes} -> ${text.slice(0, 200)}`);
		assert.deepEqual(Object.keys(answers[0]?.headers ?? {}).filter((name) => EVIL.test(name)), [], bytes);
		assert.ok(Number(answers[0]?.status) >= 400, bytes);
		for (const value of Object.values(answers[0]?.headers ?? {}))
			assert.doesNotMatch(value, /[\r\n]/, `a header came twice or broke: ${bytes}`);
	}
});

test('API8: a name with a line end is no name, and what a head is made of is the store\'s own', async () => {
	for (const username of ['a\r\nX-Evil: yes', 'a\nb', 'a\rb', 'a\u2028b'])
		assert.equal((await anyone.post('/api/auth/register', { username, email: `${unique()}@test.example`, password: 'correct horse battery' })).status, 400, JSON.stringify(username));
	const imported = await stack.ctl(['user', 'import', '-'], `"a\r\nX-Evil: yes",${unique()}@test.example,${HASH},user\n`);

	assert.equal(imported.code, 1, 'nor does the import take it');
	const drop = await newDrop({ name: 'a"; filename="b' });
	const { api } = await person();
	const hold = await api.post(`/api/drops/${drop.id}/reservations`, {});

	assert.match(String(hold.headers.location), /^\/api\/reservations\/[0-9a-f-]{36}$/);
	await purchase(api, hold.body.reservation.id);
	const csv = await (await admin()).get(`/api/admin/drops/${drop.id}/purchases.csv`);

	assert.equal(csv.headers['content-disposition'], `attachment; filename="purchases-${drop.id}.csv"`);
	const late = await reserve(api, (await newDrop()).id);

	assert.match(late.id, /^[0-9a-f-]{36}$/);
});
