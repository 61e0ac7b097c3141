/** Moving in: users, drops and purchases of a Node shop, as its tables are exported. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Caller } from '../lib/http.mjs';
import { TOP } from '../lib/stack.mjs';
import { admin, anyone, auditClean, counts, dropNow, HASH, PASSWORD, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { superSql } from './old-store.mjs';

/** @typedef {{users?: string, drops?: string, purchases?: string}} Files */

/** `lastpairctl import` of these texts. @param {Files} files */
async function bring(files) {
	const args = Object.entries(files).flatMap(([kind, text]) => {
		const file = path.join(path.dirname(stack.dir), `${kind}.csv`);

		fs.writeFileSync(file, text);
		return [`--${kind}`, file];
	});

	return stack.ctl(['import', ...args]);
}

/** @param {{code: number|null, stdout: string, stderr: string}} result @param {number} code @param {RegExp} [said] */
function assertExit(result, code, said = /^/) {
	assert.equal(result.code, code, result.stdout + result.stderr);
	assert.match(result.stdout + result.stderr, said);
}

/** A drop's number here. @param {string} oldId */
const dropOf = (oldId) => stack.sql(`SELECT new_id FROM lastpair.imports WHERE kind = 'drop' AND old_id = '${oldId}'`).then(Number);
const signIn = (/** @type {string} */ email) => anyone.post('/api/auth/login', { email, password: PASSWORD });

/** Three users, two drops, four purchases, as Sequelize's models name their fields. @param {string} tag  makes them unlike any others */
const shop = (tag) => ({
	users: `id,username,email,password,role,createdAt,updatedAt
${tag}1,${tag} Ada,${tag}ada@test.example,${HASH},admin,2024-03-01 09:00:00.000 +00:00,2024-03-01 09:00:00.000 +00:00
${tag}2,${tag}bob,${tag}bob@test.example,${HASH.replace('$2b$', '$2a$')},user,2024-03-02T10:00:00.123Z,
${tag}3,"${tag}cy, the third",${tag}cy@test.example,${HASH.replace('$2b$', '$2y$')},,2024-03-03 11:30:00+02,
`,
	drops: `id,name,description,price,totalStock,availableStock,imageUrl,startTime,isActive
${tag}7,"Tidemark ""Low""","First line.\r\nSecond.",129.90,10,6,/pictures/tidemark-low.svg,2024-04-01 10:00:00,1
${tag}8,Kiln 90,,99,5,5,,2024-05-01T10:00:00.000Z,false
`,
	purchases: `id,userId,dropId,price,createdAt
${tag}100,${tag}2,${tag}7,119.00,2024-04-01 10:00:03.250
${tag}101,${tag}3,${tag}7,,2024-04-01 10:00:04.500+00
${tag}102,${tag}2,${tag}7,129.9,2024-04-01T12:01:00+02:00
`,
});

test('a shop moves in: users sign in with their old passwords, and what was sold is sold', async () => {
	const tag = unique('a');
	const all = await bring(shop(tag));

	assertExit(all, 0);
	assert.equal(all.stdout.replaceAll(tag, '').replace(/\(\d+\)/g, '(N)'), `columns not used: updatedAt
users: 3 imported, 0 there already
drops: 2 imported, 0 there already
note: Tidemark "Low" (N): maxPerUser is 2 now, as somebody bought that many
note: Tidemark "Low" (N): pairs that were neither free nor sold and are free now: 1
purchases: 3 imported, 0 there already
`);
	for (const [name, username, role] of [['ada', `${tag} Ada`, 'admin'], ['bob', `${tag}bob`, 'user'], ['cy', `${tag}cy, the third`, 'user']]) {
		const res = await signIn(`${tag}${name}@test.example`);

		assert.equal(res.status, 200, res.asked);
		assert.deepEqual([res.body.user.username, res.body.user.role], [username, role]);
	}
	const [tidemark, kiln] = [await dropNow(await dropOf(`${tag}7`)), await dropNow(await dropOf(`${tag}8`))];

	assert.deepEqual(counts(tidemark), [7, 0, 3]);
	assert.deepEqual([tidemark.name, tidemark.description, tidemark.priceCents, tidemark.imageUrl, tidemark.dropStartsAt, tidemark.maxPerUser, tidemark.status],
		['Tidemark "Low"', 'First line.\nSecond.', 12990, '/pictures/tidemark-low.svg', '2024-04-01T10:00:00.000Z', 2, 'live']);
	assert.deepEqual(tidemark.recentPurchasers.map((/** @type {any} */ p) => [p.username, p.purchasedAt]), [
		[`${tag}bob`, '2024-04-01T10:01:00.000Z'], [`${tag}cy, the third`, '2024-04-01T10:00:04.500Z'], [`${tag}bob`, '2024-04-01T10:00:03.250Z']]);
	assert.deepEqual([...counts(kiln), kiln.status, kiln.priceCents], [5, 0, 0, 'paused', 9900]);
	const bob = new Caller(stack.port, { token: (await signIn(`${tag}bob@test.example`)).body.token });
	const { purchases } = (await bob.get('/api/purchases')).body;

	assert.deepEqual(purchases.map((/** @type {any} */ p) => [p.dropId, p.priceCents, p.currency, p.size]), [[tidemark.id, 12990, 'USD', ''], [tidemark.id, 11900, 'USD', '']]);
	assert.equal(await stack.sql(`SELECT created_at AT TIME ZONE 'UTC' FROM lastpair.users WHERE username = '${tag}cy, the third'`), '2024-03-03 09:30:00');
	const trail = (await (await admin()).get(`/api/admin/actions?drop=${tidemark.id}`)).body.actions;

	assert.deepEqual(trail.map((/** @type {any} */ a) => [a.action, a.actor, a.after.soldStock]), [['update', null, 3], ['create', null, undefined]]);
	await auditClean();
});

test('the same files again bring nothing, newer ones what is new, also into a drop that sells', async () => {
	const tag = unique('b');
	const files = shop(tag);

	assertExit(await bring(files), 0);
	const again = await bring(files);

	assertExit(again, 0, /users: 0 imported, 3 there already\ndrops: 0 imported, 2 there already\npurchases: 0 imported, 3 there already\n$/);
	const id = await dropOf(`${tag}7`);
	const { api } = await person();

	await purchase(api, (await reserve(api, id)).id);
	await reserve((await person()).api, id);
	assertExit(await bring({ users: `${files.users}${tag}4,${tag}di,${tag}di@test.example,${HASH},user,,\n`, purchases: `${files.purchases}${tag}103,${tag}4,${tag}7,,2024-04-02 10:00:00\n` }),
		0, /users: 1 imported, 3 there already\npurchases: 1 imported, 3 there already/);
	assert.deepEqual(counts(await dropNow(id)), [4, 1, 5]);
	await auditClean();
});

test('the tables of the bench\'s Node side move in as PostgreSQL exports them', async () => {
	const name = 'lastpair_node';
	const [tag, uuid] = [unique('c'), '4f9f7a52-7a0e-4c4f-9d8e-0d6b8d1f00'];
	const schema = fs.readFileSync(path.join(TOP, 'tests/bench/node/schema.sql'), 'utf8');
	const table = (/** @type {string} */ which) => superSql(name, `COPY (SELECT * FROM ${which} ORDER BY 1) TO STDOUT (FORMAT csv, HEADER)`);

	await superSql('postgres', `DROP DATABASE IF EXISTS ${name}`, `CREATE DATABASE ${name}`);
	try {
		await superSql(name, schema, `INSERT INTO users VALUES (900001, '${tag}', '${tag}@test.example', '${HASH}', 'user', now())`,
			`INSERT INTO drops VALUES (900002, 'Node drop', '', 12900, 'EUR', '', 10, 8, 1, 1, 5, now() - interval '1 day', NULL, 60, 1, true)`,
			`INSERT INTO reservations VALUES ('${uuid}01', 900002, 900001, 'completed', now(), now() + interval '1 min')`,
			`INSERT INTO purchases VALUES ('${uuid}02', '${uuid}01', 900002, 900001, 11100, 'EUR', now())`);
		const all = await bring({ users: await table('users'), drops: await table('drops'), purchases: await table('purchases') });

		assertExit(all, 0, /^columns not used: reserved_stock, sold_stock, version, recent_purchasers$/m);
		assertExit(all, 0, /neither free nor sold and are free now: 1$/m);
	} finally {
		await superSql('postgres', `DROP DATABASE ${name}`);
	}
	assert.equal((await signIn(`${tag}@test.example`)).status, 200);
	const drop = await dropNow(await dropOf('900002'));

	assert.deepEqual([...counts(drop), drop.priceCents, drop.currency], [9, 0, 1, 12900, 'EUR']);
	await auditClean();
});

test('an import is all or nothing, and names the bad line', async () => {
	const held = await person();
	/** The file, what is wrong, and how it is said. @type {[keyof ReturnType<typeof shop>, (tag: string) => string, RegExp][]} */
	const cases = [
		['users', (t) => `${t}4,${t}x,${t}x@test.example,abJnggxhB/yWI,user,,`, /bcrypt/],
		['users', (t) => `${t}4,${t}x,${t}x@test.example,hmac-sha256${HASH},user,,`, /bcrypt/],
		['users', (t) => `${t}4,${t}x,no address,${HASH},user,,`, /e-mail/],
		['users', (t) => `${t}4,,${t}x@test.example,${HASH},user,,`, /user name/],
		['users', (t) => `,${t}x,${t}x@test.example,${HASH},user,,`, /id/],
		['users', (t) => `${t}4,${t}x,${t}x@test.example,${HASH},root,,`, /role/],
		['users', (t) => `${t}4,${t}x,${t}x@test.example,${HASH},user,yesterday,`, /time/],
		['users', (t) => `${t}4,${t}x,${t}x@test.example,${HASH},user,`, /more or fewer fields/],
		['users', (t) => `${t}4,"${t}x,${t}x@test.example,${HASH},user,,`, /quote/],
		['users', (t) => `${t}4,${t}x,${held.email.toUpperCase()},${HASH},user,,`, /e-mail address is taken/],
		['users', (t) => `${t}4,${held.username},${t}x@test.example,${HASH},user,,`, /user name is taken/],
		['users', (t) => `${t}4,${t}x,${t}BOB@test.example,${HASH},user,,`, /e-mail address stands in line 3/],
		['users', (t) => `${t}1,${t}x,${t}x@test.example,${HASH},user,,`, /id stands in line 2/],
		['drops', (t) => `${t}9,,,1,1,1,,,`, /name/],
		['drops', (t) => `${t}9,X,,1.999,1,1,,,`, /price/],
		['drops', (t) => `${t}9,X,,-1,1,1,,,`, /price/],
		['drops', (t) => `${t}9,X,,,1,1,,,`, /priceCents/],
		['drops', (t) => `${t}9,X,,1,many,1,,,`, /totalStock/],
		['drops', (t) => `${t}9,X,,1,1000001,1,,,`, /totalStock/],
		['drops', (t) => `${t}9,X,,1,1,2,,,`, /available/],
		['drops', (t) => `${t}9,X,,1,1,some,,,`, /stock/],
		['drops', (t) => `${t}9,X,,1,1,1,javascript:alert(1),,`, /imageUrl/],
		['drops', (t) => `${t}9,X,,1,1,1,,2024-02-30 10:00:00,`, /dropStartsAt/],
		['drops', (t) => `${t}9,X,,1,1,1,,,maybe`, /isActive/],
		['drops', (t) => `${t}7,X,,1,1,1,,,`, /id stands in line 2/],
		['purchases', (t) => `${t}104,${t}99,${t}7,1,2024-04-02 10:00:00`, /no user .*99/],
		['purchases', (t) => `${t}104,${t}2,${t}99,1,2024-04-02 10:00:00`, /no drop .*99/],
		['purchases', (t) => `${t}104,${t}2,${t}7,1,`, /when it was bought/],
		['purchases', (t) => `${t}104,${t}2,${t}7,1,2124-04-02 10:00:00`, /future/],
		['purchases', (t) => `${t}104,${t}2,${t}7,a lot,2024-04-02 10:00:00`, /price/],
		['purchases', (t) => `${t}100,${t}2,${t}7,1,2024-04-02 10:00:00`, /id stands in line 2/],
	];
	const before = await stack.sql('SELECT (SELECT count(*) FROM lastpair.users), (SELECT count(*) FROM lastpair.drops), (SELECT count(*) FROM lastpair.imports), (SELECT count(*) FROM lastpair.admin_actions)');

	for (const [kind, bad, said] of cases) {
		const tag = unique('d');
		const files = shop(tag);
		const at = { users: 5, drops: 5, purchases: 5 }[kind];	/* the quoted description takes two lines */

		const result = await bring({ ...files, [kind]: `${files[kind]}${bad(tag)}\n` });

		assertExit(result, 1, said);
		assert.match(result.stderr, new RegExp(`${kind}\\.csv: line ${at}: .*; nothing was imported`), bad(tag));
	}
	assert.equal(await stack.sql('SELECT (SELECT count(*) FROM lastpair.users), (SELECT count(*) FROM lastpair.drops), (SELECT count(*) FROM lastpair.imports), (SELECT count(*) FROM lastpair.admin_actions)'), before);
});

test('more sold than there were, or drops without what was sold of them, is refused', async () => {
	const tag = unique('e');
	const files = shop(tag);
	const many = Array.from({ length: 8 }, (_, i) => `${tag}2${i},${tag}2,${tag}7,,2024-04-02 10:00:00\n`).join('');

	assertExit(await bring({ ...files, purchases: files.purchases + many }), 1, /line 12: the drop .* has 10 free pairs and 11 purchases here/);
	assertExit(await bring({ users: files.users, drops: files.drops }), 1, /line 2: not all pairs of this drop are free/);
	assertExit(await bring({ drops: files.drops.replace(',10,6,', ',10,10,') }), 0, /drops: 2 imported/);
	assertExit(await bring({ purchases: files.purchases }), 1, /line 2: there is no user/);
	assertExit(await bring({ users: files.users }), 0);
	assertExit(await bring({ purchases: files.purchases }), 0, /purchases: 3 imported/);
	assert.deepEqual(counts(await dropNow(await dropOf(`${tag}7`))), [7, 0, 3]);
	await auditClean();
});

test('import used wrongly says how it is used', async () => {
	for (const args of [[], ['--users'], ['users', 'x'], ['--users', 'a', '--users', 'b'], ['--users', '-', '--drops', '-']])
		assertExit(await stack.ctl(['import', ...args]), 2, /--help/);
	assertExit(await stack.ctl(['import', '--users', '/nowhere.csv']), 1, /nowhere/);
	assertExit(await bring({ users: '' }), 1, /first line/);
	assertExit(await bring({ users: 'id,name,email\n' }), 1, /line 1: a column is missing, called one of: passwordhash/);
});
