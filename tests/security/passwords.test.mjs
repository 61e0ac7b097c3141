/** Passwords and the throttling of sign-in. OWASP API Top 10 2023: API2, API4. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { RawConnection } from '../lib/raw.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { anyone, HASH, PASSWORD, people, person, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const signUp = (/** @type {string} */ password) => {
	const username = unique('pw');

	return anyone.post('/api/auth/register', { username, email: `${username}@test.example`, password });
};
const signIn = (/** @type {string} */ email, /** @type {string} */ password, headers = {}) => anyone.post('/api/auth/login', { email, password }, headers);

test('API2: a password of 8 to 64 characters and more is taken as it is, in any script, without rules of composition', async () => {
	const good = ['kettle q', '        ', '日本語のパスワード', 'пароль от магазина', 'ÅÄÖåäöéß', '👟'.repeat(64), 'lower case only words', '90817264',
		'x'.repeat(64), 'ab'.repeat(512), '"\'; DROP TABLE users; --'];

	for (const password of good.filter((p) => p.trim() !== '')) {
		const res = await signUp(password);

		assert.equal(res.status, 201, `${password.slice(0, 30)}: ${res.text}`);
		assert.equal((await signIn(res.body.user.email, password)).status, 200, password.slice(0, 30));
	}
	assertProblem(await signUp('seven c'), 400, 'invalid', ['password']);
	assertProblem(await signUp('👟'.repeat(7)), 400, 'invalid', ['password']);
	assertProblem(await signUp('x'.repeat(1025)), 400, 'invalid', ['password']);
});

test('API2: every byte of a password counts: nothing is cut at the 72 that bcrypt looks at', async () => {
	for (const [long, others] of /** @type {[string, string[]][]} */ ([
		['p'.repeat(72), ['p'.repeat(71), 'p'.repeat(73)]],
		['p'.repeat(100), ['p'.repeat(72), 'p'.repeat(99), `${'p'.repeat(99)}q`, 'p'.repeat(101)]],
		['日'.repeat(64), ['日'.repeat(24), `${'日'.repeat(63)}本`]],
	])) {
		const res = await signUp(long);

		assert.equal(res.status, 201, res.text);
		for (const other of others)
			assertProblem(await signIn(res.body.user.email, other), 401, 'bad_credentials');
		assert.equal((await signIn(res.body.user.email, long)).status, 200);
		const kept = await stack.sql(`SELECT password_hash FROM lastpair.users WHERE id = ${Number(res.body.user.id)}`);
		assert.match(kept, /^hmac-sha256\$2b\$11\$/);
	}
});

test('API2: hashes of another system keep working as that system made them', async () => {
	const { email } = await person();	/* imported with HASH */

	assert.equal(await stack.sql(`SELECT password_hash FROM lastpair.users WHERE email = '${email}'`), HASH);
	assert.equal((await signIn(email, PASSWORD)).status, 200);
	assertProblem(await signIn(email, `${PASSWORD}x`), 401, 'bad_credentials');
});

test('API2: the commonest passwords are refused to whoever signs up', async () => {
	const common = ['password', 'Password1', 'PASSWORD123', 'p@ssw0rd', '12345678', '123456789', 'qwertyuiop', '1q2w3e4r', 'iloveyou', 'sunshine1',
		'letmein123', 'welcome1', 'admin123', 'football', 'baseball1', 'superman', 'trustno1', 'Summer2024!', 'michael1', '11111111', 'abcabcabc'];
	const all = await Promise.all(common.map(signUp));

	for (const res of all)
		assertProblem(res, 400, 'invalid', ['password']);
	console.log(`# ${all.length} of ${common.length} refused`);
});

test('API2: an unknown user and a wrong password get the same answer in the same time', { timeout: 300_000 }, async () => {
	const known = await people(12);
	const workers = stack.pids('lastpair-api').filter((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0auth\0'));
	/* what the clock shows is all that the machine does meanwhile; the workers' own time is what a guesser on a quiet one sees */
	const processorMs = () => workers.flatMap((pid) => fs.readdirSync(`/proc/${pid}/task`).map((task) => Number(fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6))
		.reduce((a, b) => a + b, 0);
	/** @param {string} email */
	const timed = async (email) => {
		const [start, before] = [process.hrtime.bigint(), processorMs()];
		const res = await signIn(email, 'not this one');

		return { clock: Number(process.hrtime.bigint() - start) / 1e6, ms: processorMs() - before, res };
	};
	/** @type {{known: number[], imported: number[], unknown: number[]}} */
	const ms = { known: [], imported: [], unknown: [] };
	const clocks = { known: Infinity, imported: Infinity, unknown: Infinity };
	const answers = new Set();

	/* the imported ones have hashes that take half as long */
	const own = [];

	while (own.length < known.length) {	/* one at a time: hashing stands back behind all else */
		const made = await signUp('an own password');

		assert.equal(made.status, 201, made.asked);
		own.push(made);
	}
	for (let i = 0; i < 24; i++) {
		const person = own[i % own.length]?.body.user.email;

		for (const [kind, email] of /** @type {['known'|'imported'|'unknown', string][]} */ ([['known', person], ['imported', String(known[i % known.length]?.email)], ['unknown', `${unique('nobody')}@test.example`]])) {
			const { ms: spent, clock, res } = await timed(email);
			const { 'x-request-id': id, date, ...headers } = res.headers;

			assert.ok(id && date);
			assert.equal(res.status, 401);
			answers.add(JSON.stringify([res.status, headers, res.text]));
			ms[kind].push(spent);
			clocks[kind] = Math.min(clocks[kind], clock);
		}
	}
	const median = (/** @type {number[]} */ of) => of.sort((a, b) => a - b)[of.length >> 1] ?? NaN;
	const [k, m, u] = [median(ms.known), median(ms.imported), median(ms.unknown)];

	console.log(`# wrong password ${k.toFixed(1)} ms, of an imported account ${m.toFixed(1)} ms, unknown user ${u.toFixed(1)} ms of a worker's processor time (the median of 24; by the clock ${Object.values(clocks).map((n) => n.toFixed(0)).join(', ')} at best); ${answers.size} kind of answer`);
	assert.equal(answers.size, 1, [...answers].join('\n'));
	assert.ok(workers.length > 0 && k > 5, `${k} ms`);
	assert.ok(Math.max(k, m, u) - Math.min(k, m, u) < 0.25 * Math.max(k, m, u), `${k}, ${m} and ${u} ms`);
});

/* ---- throttling ---- */

/** nginx believes X-Forwarded-For from loopback while `body` runs, as behind a proxy that is trusted. @param {() => Promise<void>} body */
async function behindProxy(body) {
	const file = path.join(stack.dir, 'site.d', 'proxy.conf');
	const reload = () => process.kill(stack.pid('nginx'), 'SIGHUP');
	const isTrusted = async () => (await anyone.get('/metrics', { 'X-Forwarded-For': '203.0.113.250' })).status === 403;

	fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
	fs.writeFileSync(file, 'set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\n');
	reload();
	try {
		await waitFor('the proxy to be trusted', isTrusted);
		await body();
	} finally {
		fs.rmSync(file);
		reload();
		await waitFor('no proxy to be trusted', async () => !(await isTrusted()));
	}
}

const from = (/** @type {string} */ address) => ({ 'X-Forwarded-For': address });

test('API4: wrong passwords for an account are throttled from one address, and from many, without locking its owner out', { timeout: 180_000 }, () => behindProxy(async () => {
	const owner = await person();
	const HOME = '198.51.100.20';
	let tried = 0;

	assert.equal((await signIn(owner.email, PASSWORD, from(HOME))).status, 200);
	for (; tried < 20; tried++)
		if ((await signIn(owner.email, 'wrong', from('203.0.113.1'))).status === 429)
			break;
	assert.equal(tried, 10, 'ten tries from one address');
	/* the rest of the window's hundred from elsewhere, as the guesser's other machines would have used them up */
	await stack.sql(`UPDATE lastpair.sign_in_failures SET failures = 99 WHERE email = '${owner.email}' AND address = ''`);
	assertProblem(await signIn(owner.email, 'wrong', from('203.0.113.2')), 401, 'bad_credentials');
	const refused = await signIn(owner.email, PASSWORD, from('203.0.113.3'));
	assertProblem(refused, 429, 'too_many_attempts');
	assert.match(String(refused.headers['retry-after']), /^[1-9]\d*$/);
	assert.equal((await signIn(owner.email, PASSWORD, from(HOME))).status, 200, 'the owner, at home');
	console.log(`# from one address ${tried} tries, from all that the owner never used 100, in 300 s; the owner at home: 200`);
}));

test('API4: guesses at many accounts from one address are throttled', { timeout: 180_000 }, () => behindProxy(async () => {
	const address = '203.0.113.77';

	assertProblem(await signIn(`${unique('spray')}@test.example`, 'wrong', from(address)), 401, 'bad_credentials');
	await stack.sql(`UPDATE lastpair.sign_in_failures SET failures = 99 WHERE email = '' AND address = '${address}'`);
	assertProblem(await signIn(`${unique('spray')}@test.example`, 'wrong', from(address)), 401, 'bad_credentials');
	assertProblem(await signIn(`${unique('spray')}@test.example`, 'wrong', from(address)), 429, 'too_many_attempts');
	assertProblem(await signIn(`${unique('spray')}@test.example`, 'wrong', from('203.0.113.78')), 401, 'bad_credentials');
	/* and nginx lets nobody ask that often */
	const burst = await Promise.all(Array.from({ length: 120 }, () => anyone.post('/api/auth/login', {}, from('203.0.113.79'))));
	const let_in = burst.filter((res) => res.status === 400).length;
	assert.ok(let_in >= 60 && let_in <= 75, `${let_in}`);
	assert.ok(burst.every((res) => res.status === 400 || (res.status === 429 && Number(res.headers['retry-after']) > 0)));
	console.log(`# 100 wrong passwords from one address in 300 s; of a burst of 120 sign-ins ${let_in} reach a worker`);
}));

test('API4: reserves are limited by address, and other addresses are not hurt', { timeout: 120_000 }, () => behindProxy(async () => {
	const { api } = await person();
	const burst = await Promise.all(Array.from({ length: 300 }, () => api.post('/api/drops/1000000/reservations', {}, from('203.0.113.90'))));
	const let_in = burst.filter((res) => res.status === 404).length;

	assert.ok(let_in >= 150 && let_in < 250, `${let_in}`);
	assert.ok(burst.every((res) => res.status === 404 || (res.status === 429 && Number(res.headers['retry-after']) > 0)));
	assertProblem(await api.post('/api/drops/1000000/reservations', {}, from('203.0.113.91')), 404, 'not_found');
	console.log(`# of a burst of 300 reserves from one address ${let_in} reach a worker`);
}));

test('API4: of IPv6 a /64 is one address, and an IPv4 address written as IPv6 is that address', { timeout: 120_000 }, () => behindProxy(async () => {
	const { api } = await person();
	/** @param {(i: number) => string} address */
	const burst = async (address) => (await Promise.all(Array.from({ length: 300 }, (_, i) => api.post('/api/drops/1000000/reservations', {}, from(address(i))))))
		.filter((res) => res.status === 404).length;
	const of64 = await burst((i) => `2001:db8:0:7:${i.toString(16)}::${(i * 97).toString(16)}`);
	const ofMany = await burst((i) => `2001:db8:1:${i.toString(16)}::1`);
	const ofIPv4 = await burst((i) => `::ffff:198.18.${i >> 8}.${i & 255}`);

	assert.ok(of64 >= 150 && of64 < 250, `${of64}`);
	assert.deepEqual([ofMany, ofIPv4], [300, 300], 'others are not counted together');
	console.log(`# of 300 reserves from as many addresses of one /64 ${of64} reach a worker; from 300 of them ${ofMany}, from 300 of IPv4 ${ofIPv4}`);
}));

test('API4: streams are limited by address, and other addresses are not hurt', { timeout: 120_000 }, () => behindProxy(async () => {
	const call = (/** @type {RawConnection} */ line, /** @type {string} */ address) => line.write(`GET /api/events?drops=1 HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${address}\r\n\r\n`);
	const status = (/** @type {RawConnection} */ line) => line.text.slice(9, 12);
	const all = await Promise.all(Array.from({ length: 1050 }, () => RawConnection.open(stack.port)));
	const other = await RawConnection.open(stack.port);

	try {
		all.forEach((line) => call(line, '203.0.113.120'));
		await waitFor('all to be answered', () => all.every(status), 60_000);
		call(other, '203.0.113.121');
		await waitFor('another address to be answered', () => status(other));
		const [open, refused] = ['200', '429'].map((wanted) => all.filter((line) => status(line) === wanted));

		assert.deepEqual([open?.length, refused?.length, status(other)], [1000, 50, '200']);
		assert.ok(refused?.every((line) => /\r\nRetry-After: [1-9]/.test(line.text)));
		console.log(`# of ${all.length} streams from one address ${open?.length}; from another as ever`);
	} finally {
		[...all, other].forEach((line) => line.close());
	}
}));

test('API8: headers by which a client says where it comes from do not count', async () => {
	const { email } = await person();
	let tried = 0;

	for (; tried < 30; tried++) {
		const claim = `203.0.113.${tried}`;
		const res = await signIn(email, 'wrong', { 'X-Forwarded-For': claim, 'X-Real-IP': claim, 'Forwarded': `for=${claim}`, 'X-Client-IP': claim,
			'True-Client-IP': claim, 'CF-Connecting-IP': claim, 'Remote-Addr': claim, 'Remote_Addr': claim, 'X-Originating-IP': claim });

		if (res.status === 429)
			break;
	}
	assert.equal(tried, 10, 'the tries count together');
	const host = `127.0.0.1:${stack.port}`;
	for (const claim of [{ 'X-Forwarded-Proto': 'https' }, { 'HTTPS': 'on' }, { 'Forwarded': 'proto=https' }, { 'X-Forwarded-Host': 'evil.example' }])
		assertProblem(await signIn(email, 'x', { Host: host, Origin: 'HTTPS' in claim || 'X-Forwarded-Host' in claim ? 'https://evil.example' : `https://${host}`, ...claim }), 403, 'cross_site');
});
