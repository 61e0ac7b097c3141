/** The programs on the command line: lastpairctl above all. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Caller } from '../lib/http.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { BUILD, run } from '../lib/stack.mjs';
import { anyone, auditClean, dropNow, HASH, newDrop, PASSWORD, person, purchase, reserve, tokens, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

const CONF = path.join(stack.dir, 'lastpair.conf');
const PROGRAMS = ['lastpair-api', 'lastpair-sse', 'lastpair-expire', 'lastpair-webhooks', 'lastpairctl'];
const program = (/** @type {string} */ name) => path.join(BUILD, name);
const signIn = (/** @type {string} */ email, password = PASSWORD) => anyone.post('/api/auth/login', { email, password });

/** @param {{code: number|null, stdout: string, stderr: string}} result @param {number} code @param {RegExp} [said] */
function assertExit(result, code, said) {
	assert.equal(result.code, code, `${result.stdout}\n${result.stderr}`);
	if (said)
		assert.match(result.stderr, said);
	if (code !== 0)
		assert.notEqual(result.stderr.trim(), '', 'it says why, on standard error');
}

/* ---- every program ---- */

for (const name of PROGRAMS) {
	test(`${name} --help tells its use and its settings, --version its version`, async () => {
		const help = await run(program(name), ['--help']);
		const version = await run(program(name), ['--version']);

		assertExit(help, 0);
		assert.match(help.stdout, new RegExp(`\\b${name}\\b`));
		assert.match(help.stdout, /-c FILE/);
		assert.match(help.stdout, /database/);
		assert.equal(help.stderr, '');
		assertExit(version, 0);
		assert.match(version.stdout, new RegExp(`^${name}\\b.* \\d+\\.\\d+`));
	});

	test(`${name} used wrongly ends with 2 and says how it is used`, async () => {
		assertExit(await run(program(name), ['--bogus']), 2, /--help/);
		assertExit(await run(program(name), ['-c']), 2, /--help/);
		assertExit(await run(program(name), ['-c', CONF, '--bogus']), 2, /--help/);
	});

	test(`${name} without its settings file, or with a wrong one, ends with 1 and names the fault`, async () => {
		const args = name === 'lastpairctl' ? ['audit'] : [];
		const wrong = path.join(path.dirname(stack.dir), `wrong-${name}.conf`);

		assertExit(await run(program(name), ['-c', '/nowhere/lastpair.conf', ...args]), 1, /\/nowhere\/lastpair\.conf/);
		for (const [text, said] of /** @type {[string, RegExp][]} */ ([
			['bogus = 1\n', /:1:.*bogus/], ['# fine\nbcrypt_cost = many\n', /:2:.*bcrypt_cost/], ['bcrypt_cost = 99\n', /bcrypt_cost/], ['no equals sign\n', /:1:/],
		])) {
			fs.writeFileSync(wrong, text);
			assertExit(await run(program(name), ['-c', wrong, ...args]), 1, said);
		}
		fs.rmSync(wrong);
	});
}

test('each program has a man page', () => {
	for (const name of PROGRAMS)
		assert.ok([1, 5, 8].some((section) => fs.existsSync(path.join(BUILD, '..', 'man', `${name}.${section}`))), name);
});

test('programs that need the signing key refuse to start with one that is short, malformed or not there', async () => {
	const conf = path.join(path.dirname(stack.dir), 'short-key.conf');
	const key = path.join(path.dirname(stack.dir), 'short.key');
	const settings = fs.readFileSync(CONF, 'utf8').replace(/^signing_key_file.*$/m, `signing_key_file = ${key}`);

	fs.writeFileSync(conf, settings);
	for (const text of ['k1 tooshort\n', `k1 ${'x'.repeat(31)}\n`, 'x'.repeat(64), '', '\n']) {
		fs.writeFileSync(key, text);
		assertExit(await run(program('lastpairctl'), ['-c', conf, 'token', '-'], { input: '' }), 1, /32|key/);
		/* a worker wants a listening socket before anything else */
		assertExit(await run('spawn-fcgi', ['-n', '-s', `${conf}.sock`, '--', program('lastpair-api'), '-c', conf, '--pool', 'api']), 1, /32|key/);
	}
	fs.rmSync(key);
	fs.rmSync(`${conf}.sock`, { force: true });
	assertExit(await run(program('lastpairctl'), ['-c', conf, 'token', '-'], { input: 'admin@test.example\n' }), 1, /short\.key/);
	fs.rmSync(conf);
});

test('the store\'s secrets are for its own user\'s eyes only', () => {
	const key = fs.statSync(path.join(stack.dir, 'secrets/signing.key'));

	assert.equal((key.mode & 0o777).toString(8), '600');
});

/* ---- lastpairctl ---- */

test('lastpairctl without a command, or with one that there is not, ends with 2', async () => {
	for (const args of [[], ['bogus'], ['user'], ['user', 'bogus'], ['user', 'create'], ['user', 'revoke'], ['user', 'import'], ['drop'], ['drop', 'bogus'], ['audit', 'extra'], ['token']])
		assertExit(await stack.ctl(args), 2, /--help|usage/i);
	assertExit(await stack.ctl(['user']), 2, /create, import, revoke/);
	assertExit(await stack.ctl(['user', 'create', '--admin']), 2, /e-mail address is missing/);
});

test('lastpairctl user create makes someone who can sign in, with the password from standard input', async () => {
	const username = unique('ctl');
	const email = `${username}@test.example`;

	assertExit(await stack.ctl(['user', 'create', email, '--username', username], `${PASSWORD}\n`), 0);
	const res = await signIn(email);
	assert.equal(res.status, 200, res.asked);
	assert.deepEqual([res.body.user.username, res.body.user.role], [username, 'user']);
});

test('lastpairctl user create --admin makes an administrator', async () => {
	const email = `${unique('boss')}@test.example`;

	assertExit(await stack.ctl(['user', 'create', '--admin', email], PASSWORD), 0);
	const res = await signIn(email);
	assert.equal(res.status, 200, res.asked);
	assert.equal(res.body.user.role, 'admin');
});

test('lastpairctl user create refuses what the sign-up would refuse', async () => {
	const { email, username } = await person();

	assertExit(await stack.ctl(['user', 'create', email, '--username', unique()], PASSWORD), 1);
	assertExit(await stack.ctl(['user', 'create', `${unique()}@test.example`, '--username', username], PASSWORD), 1);
	assertExit(await stack.ctl(['user', 'create', 'no address'], PASSWORD), 1);
	assertExit(await stack.ctl(['user', 'create', `${unique()}@test.example`], 'short'), 1);
	assertExit(await stack.ctl(['user', 'create', `${unique()}@test.example`], ''), 1);
	assertExit(await stack.ctl(['user', 'create', `${unique()}@test.example`], 'x'.repeat(1025)), 1);
	assertExit(await stack.ctl(['user', 'create', `${unique()}@test.example`], 'x'.repeat(2000)), 1);
	assertExit(await stack.ctl(['user', 'create', `${unique()}@test.example`, '--username', ' '], PASSWORD), 1);
});

const line = (/** @type {string} */ name, hash = HASH, role = 'user') => `${name},${name}@test.example,${hash},${role}`;
const usersNamed = (/** @type {string} */ prefix) => stack.sql(`SELECT count(*) FROM lastpair.users WHERE username LIKE '${prefix}%'`);

test('lastpairctl user import takes users as another system kept them, and they sign in', async () => {
	const name = unique('imp');
	const lines = [line(`${name}-b`), line(`${name}-y`, HASH.replace('$2b$', '$2y$')), line(`${name}-a`, HASH.replace('$2b$', '$2a$'), 'admin'),
		`"${name}, quoted ""Q""",${name}-q@test.example,${HASH},user`];

	assertExit(await stack.ctl(['user', 'import', '-'], `${lines.join('\r\n')}\r\n`), 0);
	for (const [suffix, role] of [['b', 'user'], ['y', 'user'], ['a', 'admin'], ['q', 'user']]) {
		const res = await signIn(`${name}-${suffix}@test.example`);

		assert.equal(res.status, 200, `${suffix}: ${res.text}`);
		assert.equal(res.body.user.role, role);
		if (suffix === 'q')
			assert.equal(res.body.user.username, `${name}, quoted "Q"`);
	}
});

test('lastpairctl user import reads a file as well, with a head if it has one', async () => {
	const name = unique('file');
	const file = path.join(path.dirname(stack.dir), 'users.csv');

	fs.writeFileSync(file, `username,email,password_hash,role\n${line(name)}\n`);
	assertExit(await stack.ctl(['user', 'import', file]), 0);
	assert.equal(await usersNamed(name), '1');
	fs.rmSync(file);
	assertExit(await stack.ctl(['user', 'import', file]), 1, /users\.csv/);
});

test('lastpairctl user import is all or nothing, and names the bad line', async () => {
	const taken = await person();
	/** @type {[string, string][]} */
	const cases = [
		['DES hash', 'x,x@test.example,abJnggxhB/yWI,user'], ['no hash', 'x,x@test.example,,user'], ['plain password', 'x,x@test.example,correct horse battery,user'],
		['hash too short', line('x', HASH.slice(0, -1))], ['MD5 hash', 'x,x@test.example,$1$abcdefgh$abcdefghijklmnopqrstuv,user'], ['unknown role', line('x', HASH, 'root')],
		['no role', `x,x@test.example,${HASH}`], ['a field too many', `${line('x')},more`], ['no address', `x,x,${HASH},user`],
		['no name', `,x@test.example,${HASH},user`], ['an open quote', `"x,x@test.example,${HASH},user`],
		['address taken', `x,${taken.email},${HASH},user`], ['name taken', `${taken.username},x@test.example,${HASH},user`],
		['control character', `x\u0007,x@test.example,${HASH},user`],
	];

	for (const [what, bad] of cases) {
		const name = unique('all');
		const csv = `${line(`${name}-1`)}\n${line(`${name}-2`)}\n${bad.replace(/\bx\b(?=@|,)/g, `${name}-x`)}\n${line(`${name}-3`)}\n`;
		const result = await stack.ctl(['user', 'import', '-'], csv);

		assert.equal(result.code, 1, `${what}: ${result.stdout} ${result.stderr}`);
		assert.match(result.stderr, /\b(line )?3\b/, `${what}: ${result.stderr}`);
		assert.equal(await usersNamed(name), '0', what);
	}
	const name = unique('twice');
	assertExit(await stack.ctl(['user', 'import', '-'], `${line(name)}\n${line(name)}\n`), 1, /2/);
	assert.equal(await usersNamed(name), '0');
});

test('lastpairctl token gives a token for each address, in order, and refuses unknown ones', async () => {
	const [one, two] = [await person(), await person()];
	const [a, b, again] = await tokens([one.email, two.email, one.email]);

	for (const [token, who] of /** @type {[string, any][]} */ ([[a, one], [b, two], [again, one]]))
		assert.equal((await new Caller(stack.port, { token }).get('/api/auth/me')).body.user.email, who.email);
	assert.notEqual(a, again, 'fresh each');
	const result = await stack.ctl(['token', '-'], `${one.email}\nnobody@test.example\n`);
	assertExit(result, 1, /nobody@test\.example/);
});

test('lastpairctl user revoke of nobody ends with 1', async () => {
	assertExit(await stack.ctl(['user', 'revoke', 'nobody@test.example']), 1, /nobody@test\.example/);
});

test('lastpairctl drop create and drop list do as the API does', async () => {
	const name = unique('From the shell');
	const usage = await run(program('lastpairctl'), ['--help']);
	const created = await createDrop(name, usage.stdout);

	assertExit(created, 0);
	const id = await stack.sql(`SELECT id FROM lastpair.drops WHERE name = '${name}'`);
	const drop = await dropNow(Number(id));
	assert.deepEqual([drop.name, drop.priceCents, drop.totalStock, drop.status], [name, 5000, 7, 'live']);
	const list = await stack.ctl(['drop', 'list']);
	assertExit(list, 0);
	assert.ok(list.stdout.includes(name), list.stdout);
});

/** Creates a drop in the way that the help tells: the API's JSON on standard input.
 * @param {string} name @param {string} help */
function createDrop(name, help) {
	assert.match(help, /drop create/);
	return stack.ctl(['drop', 'create', '-'], JSON.stringify({ name, priceCents: 5000, totalStock: 7 }));
}

test('lastpairctl drop create refuses what the API refuses', async () => {
	for (const bad of ['{}', '{"name":"x","priceCents":1.5,"totalStock":1}', '{"name":"","priceCents":1,"totalStock":1}', 'x', ''])
		assertExit(await stack.ctl(['drop', 'create', '-'], bad), 1);
});

test('lastpairctl db is psql as the store\'s owner', async () => {
	assert.equal(await stack.sql('SELECT current_user'), 'lastpair_owner');
	const result = await stack.ctl(['db', '-v', 'ON_ERROR_STOP=1', '-Atq'], 'SELECT 40 + 2;\nSELECT broken;\n');

	assert.equal(result.stdout, '42\n');
	assert.equal(result.code, 3);
});

test('lastpairctl migrate is safe twice, and twice at once, and leaves the data alone', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	const state = () => stack.sql('SELECT count(*) FROM lastpair.drops');
	const before = await state();

	assertExit(await stack.ctl(['migrate']), 0);
	for (const result of await Promise.all(Array.from({ length: 4 }, () => stack.ctl(['migrate']))))
		assertExit(result, 0);
	assert.equal(await state(), before);
	await purchase(api, hold.id);
});

test('migrating while the store sells refuses nobody', async () => {
	const drop = await newDrop({ totalStock: 1000, maxPerUser: 1000 });
	const { api } = await person();
	let done = false;
	const migrations = Promise.all([1, 2, 3].map(() => stack.ctl(['migrate']))).finally(() => { done = true; });
	let sold = 0;

	while (!done || sold < 5) {
		await purchase(api, (await reserve(api, drop.id)).id);
		sold++;
	}
	for (const result of await migrations)
		assertExit(result, 0);
});

/* ---- audit ---- */

test('lastpairctl audit prints every check with its figure and ends with 0', async () => {
	const { code, text } = await stack.audit();

	assert.equal(code, 0, text);
	const lines = text.trimEnd().split('\n');
	assert.ok(lines.length >= 6, text);
	for (const word of [/stock/i, /hold|reserved/i, /purchase|sold/i, /active/i, /maxPerUser|limit/i])
		assert.match(text, word);
	assert.ok(lines.filter((l) => /\d/.test(l)).length >= 6, 'figures');
});

/** Breaks the data by hand inside what the constraints allow; the audit must see it; then mends it.
 * @param {string} harm @param {string} repair @param {RegExp} seen */
async function auditSees(harm, repair, seen) {
	try {
		await stack.sql(harm);
		const { code, text } = await stack.audit();

		assert.equal(code, 1, `${harm}\n${text}`);
		assert.match(text, seen);
	} finally {
		await stack.sql(repair);
	}
	await auditClean();
}

test('lastpairctl audit finds a pair that is held by nobody, and one that nobody bought', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const set = (/** @type {string} */ to) => `UPDATE lastpair.stock SET ${to} WHERE drop_id = ${drop.id}`;

	await auditSees(set('available = 2, reserved = 1'), set('available = 3, reserved = 0'), /held|hold|reserved/i);
	await auditSees(set('available = 2, sold = 1'), set('available = 3, sold = 0'), /sold|purchase/i);
});

test('lastpairctl audit finds a purchase too many for one user', async () => {
	const drop = await newDrop({ totalStock: 3, maxPerUser: 2 });
	const { api } = await person();
	const set = (/** @type {number} */ n) => `UPDATE lastpair.drops SET max_per_user = ${n} WHERE id = ${drop.id}`;

	await purchase(api, (await reserve(api, drop.id)).id);
	await purchase(api, (await reserve(api, drop.id)).id);
	await auditSees(set(1), set(2), /maxPerUser|limit/i);
});

test('lastpairctl audit finds a completed hold without its purchase, and a hold that was sold and still stands', async () => {
	const drop = await newDrop({ totalStock: 3 });
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	const set = (/** @type {string} */ to) => `UPDATE lastpair.reservations SET ${to} WHERE id = '${hold.id}'`;

	await auditSees(set("status = 'completed', closed_at = clock_timestamp()"), set("status = 'active', closed_at = NULL"), /completed|purchase/i);
	const bought = await purchase(api, hold.id);
	await auditSees(set("status = 'active', closed_at = NULL"), set("status = 'completed', closed_at = clock_timestamp()"), /completed|purchase/i);
	await auditSees(set(`expires_at = '${bought.purchasedAt}'`), set(`expires_at = '${hold.expiresAt}'`), /over|expire|after/i);
});

test('the workers\' and the daemon\'s roles may not touch the tables', async () => {
	for (const role of ['lastpair_api', 'lastpair_sse']) {
		const result = await run('psql', ['-h', path.join(stack.dir, 'run'), '-U', role, '-d', 'lastpair', '-Atqc', 'UPDATE lastpair.stock SET available = available']);

		assert.notEqual(result.code, 0, role);
		assert.match(result.stderr, /permission denied/, role);
	}
});

test('lastpair-expire --once by hand does no harm beside the one that cron runs', async () => {
	const drop = await newDrop({ totalStock: 5, holdSeconds: 1 });

	await reserve((await person()).api, drop.id);
	for (const result of await Promise.all([1, 2, 3].map(() => run(program('lastpair-expire'), ['-c', CONF, '--once']))))
		assertExit(result, 0);
	await auditClean();
});

test('an unknown token never reaches past the sign-in check of any call', async () => {
	const nobody = new Caller(stack.port, { token: 'x.y.z' });

	for (const path of ['/api/auth/me', '/api/reservations', '/api/purchases', '/api/admin/drops/1/purchases.csv'])
		assertProblem(await nobody.get(path), 401, 'unauthenticated');
});
