/** Tokens that are not what they say: whatever was changed in one, it opens nothing. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Caller } from '../lib/http.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { admin, newDrop, person, tokens } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const [KEY_ID = '', SECRET = ''] = fs.readFileSync(path.join(stack.dir, 'secrets/signing.key'), 'utf8').trim().split(' ');
const HOUR = 3600;

const encode = (/** @type {any} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (/** @type {string} */ part) => JSON.parse(Buffer.from(part, 'base64url').toString());

/** @param {any} header @param {any} claims @param {{secret?: string|Buffer, hash?: string}} [by] */
function sign(header, claims, { secret = SECRET, hash = 'sha256' } = {}) {
	const text = `${encode(header)}.${encode(claims)}`;

	return `${text}.${crypto.createHmac(hash, secret).update(text).digest('base64url')}`;
}

/** A good token in its parts. */
async function genuine() {
	const { api } = await person();
	const token = String(api.token);
	const [header = '', claims = '', signature = ''] = token.split('.');

	return { token, header: decode(header), claims: decode(claims), parts: { header, claims, signature } };
}

/** @param {string} token @param {string} why */
async function assertRefused(token, why) {
	const res = await new Caller(stack.port, { token }).get('/api/auth/me');

	assert.equal(res.status, 401, `${why}: ${res.text}`);
	assertProblem(res, 401, 'unauthenticated');
	const byCookie = await new Caller(stack.port, { cookie: `lastpair_session=${token}` }).get('/api/auth/me');
	assert.equal(byCookie.status, 401, `${why}, as a cookie`);
}

test('API2: a token that these tests sign themselves with the store\'s key is taken, so the refusals below mean something', async () => {
	const { header, claims } = await genuine();
	const token = sign(header, claims);

	assert.equal(header.kid, KEY_ID);
	assert.equal((await new Caller(stack.port, { token }).get('/api/auth/me')).status, 200);
	assert.equal((await new Caller(stack.port, { cookie: `lastpair_session=${token}` }).get('/api/auth/me')).status, 200);
});

test('API2: a token without a signature (alg none) is refused', async () => {
	const { claims, header, parts } = await genuine();

	for (const alg of ['none', 'None', 'NONE']) {
		await assertRefused(`${encode({ ...header, alg })}.${parts.claims}.`, `alg ${alg}`);
		await assertRefused(`${encode({ ...header, alg })}.${parts.claims}`, `alg ${alg} in two parts`);
		await assertRefused(sign({ ...header, alg }, claims), `alg ${alg}, signed`);
	}
	await assertRefused(`${parts.header}.${parts.claims}.`, 'its signature cut off');
});

test('API2: a token signed with HS512 or HS384 and the right key is refused', async () => {
	const { header, claims } = await genuine();

	await assertRefused(sign({ ...header, alg: 'HS512' }, claims, { hash: 'sha512' }), 'HS512');
	await assertRefused(sign({ ...header, alg: 'HS384' }, claims, { hash: 'sha384' }), 'HS384');
	await assertRefused(sign({ ...header, alg: 'RS256' }, claims), 'RS256');
	await assertRefused(sign({ kid: header.kid, typ: 'JWT' }, claims), 'no alg');
});

test('API2: a token signed with another key, or with none, is refused', async () => {
	const { header, claims } = await genuine();

	await assertRefused(sign(header, claims, { secret: crypto.randomBytes(32).toString('hex') }), 'another key');
	await assertRefused(sign(header, claims, { secret: '' }), 'an empty key');
	await assertRefused(sign(header, claims, { secret: Buffer.from(SECRET, 'hex') }), 'the key read otherwise');
	await assertRefused(sign({ ...header, kid: 'other' }, claims, { secret: 'x'.repeat(32) }), 'a key it names itself');
});

test('API2: a token that has ended is refused, and one that has not begun', async () => {
	const { header, claims } = await genuine();
	const now = Math.floor(Date.now() / 1000);

	await assertRefused(sign(header, { ...claims, iat: now - 2 * HOUR, nbf: now - 2 * HOUR, exp: now - HOUR }), 'ended');
	await assertRefused(sign(header, { ...claims, nbf: now + HOUR, exp: now + 2 * HOUR }), 'not begun');
	await assertRefused(sign(header, { ...claims, exp: 0 }), 'ended in 1970');
	const { exp, ...endless } = claims;
	assert.ok(exp);
	await assertRefused(sign(header, endless), 'without an end');
	await assertRefused(sign(header, { ...claims, exp: String(exp) }), 'its end a text');
	await assertRefused(sign(header, { ...claims, exp: true }), 'its end a truth');
});

test('API2: a token meant for another audience or by another issuer is refused', async () => {
	const { header, claims } = await genuine();

	await assertRefused(sign(header, { ...claims, aud: 'elsewhere' }), 'audience');
	await assertRefused(sign(header, { ...claims, aud: undefined }), 'no audience');
	await assertRefused(sign(header, { ...claims, iss: 'elsewhere' }), 'issuer');
	await assertRefused(sign(header, { ...claims, iss: undefined }), 'no issuer');
});

test('API2: a token for a session that never was is refused, and one that names another user is never theirs', async () => {
	const { header, claims } = await genuine();
	const other = await genuine();

	await assertRefused(sign(header, { ...claims, jti: crypto.randomUUID() }), 'no such session');
	await assertRefused(sign(header, { ...claims, jti: 'x' }), 'no session id');
	const posing = await new Caller(stack.port, { token: sign(header, { ...claims, sub: other.claims.sub }) }).get('/api/auth/me');
	assert.ok(posing.status === 401 || String(posing.body.user.id) === String(claims.sub), posing.asked);
	await assertRefused(sign(header, { ...claims, sub: `${claims.sub} OR 1=1` }), 'no user id');
	await assertRefused(sign(header, { ...claims, sub: undefined }), 'nobody');
});

test('API2: a token changed in any of its parts is refused', async () => {
	const { header, claims, parts } = await genuine();

	await assertRefused(`${parts.header}.${encode({ ...claims, exp: claims.exp + 1 })}.${parts.signature}`, 'claims');
	await assertRefused(`${encode({ ...header, x: 1 })}.${parts.claims}.${parts.signature}`, 'header');
	const flipped = (parts.signature[0] === 'A' ? 'B' : 'A') + parts.signature.slice(1);
	await assertRefused(`${parts.header}.${parts.claims}.${flipped}`, 'signature');
	await assertRefused(`${parts.header}.${parts.claims}.${parts.signature}.x`, 'a part too many');
});

test('API2: what is no token at all is refused', async () => {
	for (const token of ['', ' ', 'x', '..', '...', 'null', 'a.b.c', '%00', `${'a'.repeat(5000)}.b.c`, '{}', 'Bearer'])
		await assertRefused(token, JSON.stringify(token.slice(0, 20)));
});

test('API2: a token of more than 2 KiB is refused although its signature is right', async () => {
	const { header, claims } = await genuine();

	await assertRefused(sign(header, { ...claims, pad: 'x'.repeat(2500) }), 'too long');
});

test('API2: other schemes of Authorization sign nobody in', async () => {
	const { token } = await genuine();
	const anyone = new Caller(stack.port);

	for (const value of [token, `Basic ${token}`, `Token ${token}`, 'Bearer', 'Bearer ', `Basic ${Buffer.from('a:b').toString('base64')}`])
		assertProblem(await anyone.get('/api/auth/me', { Authorization: value }), 401, 'unauthenticated');
	assert.equal((await anyone.get('/api/auth/me', { Authorization: `bearer ${token}` })).status, 200, 'the scheme has no case');
});

test('API2: a token in the address is not taken', async () => {
	const { token } = await genuine();
	const anyone = new Caller(stack.port);

	for (const name of ['token', 'access_token', 'lastpair_session'])
		assertProblem(await anyone.get(`/api/auth/me?${name}=${token}`), 401, 'unauthenticated');
});

test('API5: a role written into a token makes nobody an administrator: the database says who is', async () => {
	const { header, claims } = await genuine();
	const token = sign(header, { ...claims, role: 'admin', admin: true });
	const res = await new Caller(stack.port, { token }).post('/api/drops', { name: 'x', priceCents: 1, totalStock: 1 });

	assertProblem(res, 403, 'forbidden');
});

test('API5: an administrator who is made a user again is refused at once with the token at hand', async () => {
	const [one] = [await person()];
	const drop = await newDrop();
	const restock = () => one.api.post(`/api/drops/${drop.id}/restock`, { quantity: 1 });

	assertProblem(await restock(), 403, 'forbidden');
	await setRole(one.email, 'admin');
	assert.equal((await restock()).status, 200);
	await setRole(one.email, 'user');
	assertProblem(await restock(), 403, 'forbidden');
	assert.equal((await (await admin()).get('/api/auth/me')).body.user.role, 'admin');
});

/** Who is an administrator is a column next to the address, whatever its table is called.
 * @param {string} email @param {string} role */
async function setRole(email, role) {
	const table = await stack.sql("SELECT table_schema || '.' || table_name FROM information_schema.columns "
		+ "WHERE column_name IN ('email', 'role') AND table_schema NOT IN ('pg_catalog', 'information_schema') "
		+ 'GROUP BY 1 HAVING count(*) = 2');

	await stack.sql(`UPDATE ${table} SET role = '${role}' WHERE email = '${email}'`);
}

test('API2: the signing key is changed without signing anybody out: both keys verify, the new one signs, then the old one is gone', { timeout: 120_000 }, async (t) => {
	const keyFile = path.join(stack.dir, 'secrets/signing.key');
	const oldFile = path.join(stack.dir, 'secrets/previous.key');
	const confFile = path.join(stack.dir, 'lastpair.conf');
	const [key, conf] = [fs.readFileSync(keyFile), fs.readFileSync(confFile, 'utf8')];
	const { uid, gid } = fs.statSync(keyFile);
	const put = (/** @type {string} */ file, /** @type {string|Buffer} */ text) => {
		fs.writeFileSync(file, text, { mode: 0o600 });
		fs.chownSync(file, uid, gid);
	};
	const restart = async () => {
		const before = stack.kill('lastpair-api', 'SIGTERM');

		await waitFor('new workers', () => stack.pids('lastpair-api').length >= before.length && !stack.pids('lastpair-api').some((pid) => before.includes(pid)), 30_000);
		await stack.whole();
	};
	const works = async (/** @type {string|undefined} */ token) => (await new Caller(stack.port, { token }).get('/api/auth/me')).status;

	t.after(async () => {
		put(keyFile, key);
		fs.writeFileSync(confFile, conf);
		fs.rmSync(oldFile, { force: true });
		await restart();
	});
	const who = await person();

	put(oldFile, key);
	put(keyFile, `rotated ${crypto.randomBytes(32).toString('hex')}\n`);
	fs.writeFileSync(confFile, `${conf}\nsigning_key_previous_file = ${oldFile}\n`);
	await restart();
	assert.equal(await works(who.api.token), 200, 'a token of the old key still works');
	const [fresh = ''] = await tokens([who.email]);
	assert.equal(decode(fresh.split('.')[0] ?? '').kid, 'rotated');
	assert.equal(await works(fresh), 200, 'and one of the new key');
	fs.writeFileSync(confFile, conf);
	await restart();
	assert.equal(await works(who.api.token), 401, 'the old key taken away, its tokens are worth nothing');
	assert.equal(await works(fresh), 200);
});
