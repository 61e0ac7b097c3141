/** Sign-up, sign-in, sign-out, and the cookie. */
import assert from 'node:assert/strict';
import { Caller } from '../lib/http.mjs';
import { assertProblem, assertShape, assertUser, isTime } from '../lib/shapes.mjs';
import { ADMIN } from '../lib/stack.mjs';
import { anyone, newDrop, PASSWORD, person, reserve, tokens, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { SLOW } from '../lib/wait.mjs';

const text = (/** @type {any} */ v) => typeof v === 'string' && v !== '';

/** @param {any} body */
function assertSession(body) {
	assertShape(body, { user: (v) => typeof v === 'object', token: text, expiresAt: isTime }, 'session');
	assertUser(body.user);
	assert.ok(Date.parse(body.expiresAt) > Date.now(), 'it lasts for a while');
}

/** @param {any} res @returns {{name: string, value: string, attributes: string[]}} */
function cookieOf(res) {
	const all = res.headers['set-cookie'] ?? [];

	assert.equal(all.length, 1, 'one cookie');
	const [pair, ...attributes] = all[0].split(/; */);
	const [name, value] = pair.split('=');

	return { name, value, attributes: attributes.map((/** @type {string} */ a) => a.toLowerCase()) };
}

const signUp = (/** @type {any} */ fields) => anyone.post('/api/auth/register', fields);
const signIn = (/** @type {any} */ fields, headers = {}) => anyone.post('/api/auth/login', fields, headers);

test('signing up answers 201 with the user, a token and its end', async () => {
	const username = unique('ann');
	const res = await signUp({ username, email: `${username}@test.example`, password: 'a fine password' });

	assert.equal(res.status, 201, res.asked);
	assertSession(res.body);
	assert.deepEqual([res.body.user.username, res.body.user.email, res.body.user.role],
		[username, `${username}@test.example`, 'user']);
	const me = await new Caller(stack.port, { token: res.body.token }).get('/api/auth/me');
	assert.equal(me.status, 200);
	assert.deepEqual(me.body, { user: res.body.user });
});

test('a password is stored as a bcrypt hash and found nowhere else', async () => {
	const username = unique('hash');
	const password = unique('secret-words');

	assert.equal((await signUp({ username, email: `${username}@test.example`, password })).status, 201);
	const dump = await stack.sql("SELECT table_schema || '.' || table_name FROM information_schema.tables "
		+ "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')");
	let hashes = 0;
	for (const table of dump.split('\n')) {
		const rows = await stack.sql(`SELECT t::text FROM ${table} t WHERE t::text LIKE '%${username}%' OR t::text LIKE '%${password}%'`);

		assert.ok(!rows.includes(password), `${table} holds the password`);
		hashes += /\$2[aby]\$\d\d\$/.test(rows) ? 1 : 0;
	}
	assert.equal(hashes, 1, 'one table holds its hash');
});

test('signing up with an e-mail that has an account is refused as email_taken', async () => {
	const { email } = await person();

	assertProblem(await signUp({ username: unique(), email, password: PASSWORD }), 409, 'email_taken');
});

test('an e-mail is the same account in upper and lower case', async () => {
	const { email } = await person();

	assertProblem(await signUp({ username: unique(), email: email.toUpperCase(), password: PASSWORD }), 409, 'email_taken');
	assert.equal((await signIn({ email: email.toUpperCase(), password: PASSWORD })).status, 200);
});

test('signing up with a user name that somebody has is refused as username_taken', async () => {
	const { username } = await person();

	assertProblem(await signUp({ username, email: `${unique()}@test.example`, password: PASSWORD }), 409, 'username_taken');
});

test('twenty sign-ups with one e-mail at once make one account', async () => {
	const email = `${unique('once')}@test.example`;
	const many = SLOW > 1 ? 4 : 20;	/* each waits ten seconds for its turn, and no longer */
	const all = await Promise.all(Array.from({ length: many }, () => signUp({ username: unique(), email, password: PASSWORD })));
	const made = all.filter((res) => res.status === 201);

	assert.equal(made.length, 1, all.map((res) => res.status).join(' '));
	const late = all.filter((res) => res.status === 503);	/* a machine that is busy with else */

	assert.ok(late.length < many / 2, all.map((res) => res.status).join(' '));
	for (const res of all)
		if (res.status !== 201 && !late.includes(res))
			assertProblem(res, 409, 'email_taken');
	assert.equal((await signIn({ email, password: PASSWORD })).status, 200);
});

test('what is wrong with a sign-up is named field by field', async () => {
	const good = { username: unique(), email: `${unique()}@test.example`, password: PASSWORD };

	assertProblem(await signUp({ ...good, username: '' }), 400, 'invalid', ['username']);
	assertProblem(await signUp({ ...good, username: 'a'.repeat(41) }), 400, 'invalid', ['username']);
	assertProblem(await signUp({ ...good, username: 'a\u202eb' }), 400, 'invalid', ['username']);
	assertProblem(await signUp({ ...good, username: 12 }), 400, 'invalid', ['username']);
	assertProblem(await signUp({ ...good, email: 'not an address' }), 400, 'invalid', ['email']);
	assertProblem(await signUp({ ...good, email: null }), 400, 'invalid', ['email']);
	assertProblem(await signUp({ ...good, password: 'short' }), 400, 'invalid', ['password']);
	assertProblem(await signUp({ ...good, password: ['a long enough one'] }), 400, 'invalid', ['password']);
	const none = await signUp({});
	assertProblem(none, 400, 'invalid');
	assert.deepEqual(none.body.errors.map((/** @type {any} */ e) => e.field).sort(), ['email', 'password', 'username']);
	assertProblem(await signUp({ ...good, role: 'admin' }), 400, 'invalid', ['role']);
});

test('signing in answers 200 with the user, a token and its end', async () => {
	const { email, username } = await person();
	const res = await signIn({ email, password: PASSWORD });

	assert.equal(res.status, 200, res.asked);
	assertSession(res.body);
	assert.equal(res.body.user.username, username);
	assert.equal(res.headers['cache-control']?.includes('no-store'), true, 'an answer with a token is never stored');
});

test('the administrator that ./run was told of signs in with that password', async () => {
	const res = await signIn(ADMIN);

	assert.equal(res.status, 200, res.asked);
	assert.equal(res.body.user.role, 'admin');
});

test('a wrong password and an unknown e-mail are refused alike as bad_credentials', async () => {
	const { email } = await person();
	const wrong = await signIn({ email, password: 'not this one' });
	const unknown = await signIn({ email: `${unique()}@test.example`, password: 'not this one' });

	assertProblem(wrong, 401, 'bad_credentials');
	assertProblem(unknown, 401, 'bad_credentials');
	assert.equal(wrong.body.detail, unknown.body.detail, 'it does not tell who has an account');
});

test('an unknown e-mail costs as much time as a wrong password', async () => {
	const { email } = await person();
	const timed = async (/** @type {string} */ who) => {
		const start = process.hrtime.bigint();

		await signIn({ email: who, password: 'not this one' });
		return Number(process.hrtime.bigint() - start) / 1e6;
	};
	let [unknown, known] = [Infinity, Infinity];

	for (let i = 0; i < 5; i++) {	/* the best of each: a machine may have else to do */
		unknown = Math.min(unknown, await timed(`nobody-${i}@test.example`));
		known = Math.min(known, await timed(email));
	}

	/* a hash of the lowest cost in use takes tens of milliseconds: nothing else here does */
	assert.ok(unknown > known / 5, `${unknown} ms for an unknown e-mail, ${known} ms for a wrong password`);
});

test('after too many wrong passwords an account must wait, and others need not', async () => {
	const { email } = await person();
	const other = await person();
	let refused;

	for (let i = 0; i < 40 && !refused; i++) {
		const res = await signIn({ email, password: `wrong ${i}` });

		if (res.status === 429)
			refused = { res, after: i };
		else
			assertProblem(res, 401, 'bad_credentials');
	}
	assert.ok(refused, 'refused at last');
	assert.ok(refused.after >= 3, `not before the fourth (after ${refused.after})`);
	assertProblem(refused.res, 429, 'too_many_attempts');
	assert.match(String(refused.res.headers['retry-after']), /^[1-9]\d*$/);
	assertProblem(await signIn({ email, password: PASSWORD }), 429, 'too_many_attempts');
	assert.equal((await signIn({ email: other.email, password: PASSWORD })).status, 200);
});

test('a burst of wrong passwords at once cannot slip past the limit', async () => {
	const { email } = await person();
	const all = await Promise.all(Array.from({ length: 40 }, (_, i) => signIn({ email, password: `wrong ${i}` })));
	let tried = all.filter((res) => res.status === 401).length;

	/* on a machine that is busy with else, some are refused untried (503), and the limit is still ahead */
	for (let status = 0; status !== 429 && tried <= 20; tried += Number(status === 401))
		({ status } = await signIn({ email, password: `wrong ${tried + 100}` }));
	assert.ok(tried <= 20, `${tried} of 40 were tried`);
	assertProblem(await signIn({ email, password: PASSWORD }), 429, 'too_many_attempts');
});

test('signing in gives a cookie that scripts cannot read and other sites cannot send', async () => {
	const { email } = await person();
	const { name, value, attributes } = cookieOf(await signIn({ email, password: PASSWORD }));

	assert.match(name, /lastpair/);
	assert.ok(value);
	assert.ok(attributes.includes('httponly'), attributes.join('; '));
	assert.ok(attributes.some((a) => /^samesite=(lax|strict)$/.test(a)), attributes.join('; '));
	assert.ok(attributes.includes('path=/'), attributes.join('; '));
	assert.ok(attributes.some((a) => /^max-age=\d+$/.test(a) || a.startsWith('expires=')), 'it outlives the browser, as the token does');
	assert.ok(!attributes.some((a) => a.startsWith('domain=')), 'for this host alone');
	const me = await new Caller(stack.port, { cookie: `theme=dark; ${name}=${value}; other=1` }).get('/api/auth/me');
	assert.equal(me.status, 200, me.asked);
	assert.equal(me.body.user.email, email);
});

test('signing up gives the cookie too', async () => {
	const username = unique('cook');
	const res = await signUp({ username, email: `${username}@test.example`, password: PASSWORD });
	const { name, value } = cookieOf(res);

	assert.equal((await new Caller(stack.port, { cookie: `${name}=${value}` }).get('/api/auth/me')).status, 200);
});

test('signing out answers 204, ends the token everywhere and takes the cookie back', async () => {
	const { email } = await person();
	const signed = await signIn({ email, password: PASSWORD });
	const { name, value } = cookieOf(signed);
	const byToken = new Caller(stack.port, { token: signed.body.token });
	const byCookie = new Caller(stack.port, { cookie: `${name}=${value}` });
	const drop = await newDrop();

	assert.equal((await byCookie.get('/api/auth/me')).status, 200);
	const out = await byToken.post('/api/auth/logout');
	assert.equal(out.status, 204);
	assert.equal(out.text, '');
	for (const caller of [byToken, byCookie]) {
		assertProblem(await caller.get('/api/auth/me'), 401, 'unauthenticated');
		assertProblem(await caller.get('/api/reservations'), 401, 'unauthenticated');
		assertProblem(await caller.get('/api/purchases'), 401, 'unauthenticated');
		assertProblem(await caller.post(`/api/drops/${drop.id}/reservations`, {}), 401, 'unauthenticated');
		assertProblem(await caller.post('/api/auth/logout'), 401, 'unauthenticated');
	}
});

test('signing out by cookie clears the cookie', async () => {
	const { email } = await person();
	const { name, value } = cookieOf(await signIn({ email, password: PASSWORD }));
	const out = await new Caller(stack.port, { cookie: `${name}=${value}` }).post('/api/auth/logout');
	const cleared = cookieOf(out);

	assert.equal(out.status, 204);
	assert.equal(cleared.name, name);
	assert.equal(cleared.value, '');
	assert.ok(cleared.attributes.some((a) => a === 'max-age=0' || a.startsWith('expires=thu, 01 jan 1970')), cleared.attributes.join('; '));
	assert.ok(cleared.attributes.includes('path=/'));
});

test('signing out of one session leaves the others signed in', async () => {
	const { email } = await person();
	const [first, second] = (await tokens([email, email])).map((token) => new Caller(stack.port, { token }));

	assert.ok(first && second);
	assert.equal((await first.post('/api/auth/logout')).status, 204);
	assert.equal((await second.get('/api/auth/me')).status, 200);
});

test('signing out without being signed in is refused as unauthenticated', async () => {
	assertProblem(await anyone.post('/api/auth/logout'), 401, 'unauthenticated');
});

test('who am I is refused as unauthenticated to nobody, and says so in WWW-Authenticate', async () => {
	const res = await anyone.get('/api/auth/me');

	assertProblem(res, 401, 'unauthenticated');
	assert.match(String(res.headers['www-authenticate']), /^Bearer\b/);
});

test('revoking a user ends every session of theirs and nobody else\'s', async () => {
	const victim = await person();
	const other = await person();
	const [again] = await tokens([victim.email]);

	assert.equal((await victim.api.get('/api/auth/me')).status, 200);
	const { code, stderr } = await stack.ctl(['user', 'revoke', victim.email]);
	assert.equal(code, 0, stderr);
	assertProblem(await victim.api.get('/api/auth/me'), 401, 'unauthenticated');
	assertProblem(await new Caller(stack.port, { token: again }).get('/api/reservations'), 401, 'unauthenticated');
	assert.equal((await other.api.get('/api/auth/me')).status, 200);
	assert.equal((await signIn({ email: victim.email, password: PASSWORD })).status, 200, 'the account itself stays');
});

/* ---- cross_site ---- */

/** Somebody signed in by cookie. */
async function browser() {
	const one = await person();
	const { name, value } = cookieOf(await signIn({ email: one.email, password: PASSWORD }));

	return { ...one, token: one.api.token, cookie: new Caller(stack.port, { cookie: `${name}=${value}` }) };
}

const HOST = `127.0.0.1:${stack.port}`;
const OURS = { Origin: `http://${HOST}`, Host: HOST, 'Sec-Fetch-Site': 'same-origin' };

test('a change by cookie from the store\'s own page is done', async () => {
	const { cookie } = await browser();
	const drop = await newDrop();
	const res = await cookie.post(`/api/drops/${drop.id}/reservations`, {}, OURS);

	assert.equal(res.status, 201, res.asked);
	assert.equal((await cookie.del(`/api/reservations/${res.body.reservation.id}`, OURS)).status, 200);
});

test('a change by cookie from another origin is refused as cross_site and changes nothing', async () => {
	const { cookie, api } = await browser();
	const drop = await newDrop();
	const path = `/api/drops/${drop.id}/reservations`;
	const origins = ['https://evil.example', 'null', `https://${HOST}`, `http://${HOST}.evil.example`, `http://127.0.0.1:${stack.port + 1}`];

	for (const Origin of origins)
		assertProblem(await cookie.post(path, {}, { Host: HOST, Origin }), 403, 'cross_site');
	for (const site of ['cross-site', 'same-site'])
		assertProblem(await cookie.post(path, {}, { Host: HOST, 'Sec-Fetch-Site': site }), 403, 'cross_site');
	assertProblem(await cookie.post('/api/auth/logout', undefined, { Origin: 'https://evil.example' }), 403, 'cross_site');
	assert.equal((await api.get('/api/reservations')).body.reservations.length, 0);
	const held = await reserve(cookie, drop.id);
	assertProblem(await cookie.post(`/api/reservations/${held.id}/purchase`, {}, { Origin: 'https://evil.example' }), 403, 'cross_site');
	assertProblem(await cookie.del(`/api/reservations/${held.id}`, { Origin: 'https://evil.example' }), 403, 'cross_site');
	assert.equal((await cookie.get('/api/reservations')).body.reservations[0].status, 'active');
});

test('reading by cookie from another origin changes nothing and is answered', async () => {
	const { cookie } = await browser();
	const res = await cookie.get('/api/reservations', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' });

	assert.equal(res.status, 200);
	assert.equal(res.headers['access-control-allow-origin'], undefined, 'and no other origin may read it');
});

test('a change by bearer token is done from any origin', async () => {
	const { api } = await browser();
	const drop = await newDrop();
	const res = await api.post(`/api/drops/${drop.id}/reservations`, {}, { Origin: 'https://shop.example', 'Sec-Fetch-Site': 'cross-site' });

	assert.equal(res.status, 201, res.asked);
});

test('another site cannot sign a browser in to an account of its own by a form', async () => {
	const { email } = await person();
	const fields = { email, password: PASSWORD };
	const form = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };

	/* all that a browser sends elsewhere without asking first; what asks first is told nothing */
	for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
		const res = await anyone.call('POST', '/api/auth/login', { raw: JSON.stringify(fields), headers: { ...form, 'Content-Type': type } });

		assert.ok(res.status >= 400 && !res.headers['set-cookie'], `${type}: ${res.asked}`);
	}
	const asks = await anyone.call('OPTIONS', '/api/auth/login', { headers: { ...form, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' } });
	assert.equal(asks.headers['access-control-allow-origin'], undefined);
});

test('a form of another site, which can only send text or form data, changes nothing', async () => {
	const { cookie, api } = await browser();
	const drop = await newDrop();
	const res = await cookie.call('POST', `/api/drops/${drop.id}/reservations`,
		{ raw: '{}', headers: { 'Content-Type': 'text/plain', Origin: 'https://evil.example' } });

	assert.ok(res.status >= 400, `${res.status}`);
	assert.equal((await api.get('/api/reservations')).body.reservations.length, 0);
});
