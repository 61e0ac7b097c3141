/** Two databases of drops behind a directory of accounts, by PL/Proxy: the calls that a worker sends find their shard. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BUILD, run, TOP } from '../lib/stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const NAMES = ['directory', 'shard0', 'shard1'];
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-shards-'));
const AS = ['--reuid=postgres', '--regid=postgres', '--init-groups', 'env', 'PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin'];

process.on('exit', () => {
	for (const name of NAMES)
		spawnSync('setpriv', [...AS, 'pg_ctl', '-D', path.join(dir, name), '-m', 'immediate', 'stop']);
	fs.rmSync(dir, { recursive: true, force: true });
});

/** As the databases' own user, to its end. @param {string[]} command @param {string} [input] */
async function as(command, input = '') {
	const { code, stdout, stderr } = await run('setpriv', [...AS, ...command], { input });

	assert.equal(code, 0, `${command.join(' ')}: ${stderr}${stdout}`);
	return stdout.trim();
}

const conninfo = (/** @type {string} */ name) => `host=${dir}/${name} dbname=lastpair`;
const psql = (/** @type {string} */ name, /** @type {string[]} */ args, user = 'postgres') =>
	as(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-U', user, '-d', conninfo(name), ...args]);

/** @param {string} name */
async function makeDatabase(name) {
	const at = path.join(dir, name);
	const conf = path.join(dir, `${name}.conf`);

	await as(['initdb', '-N', '-D', at, '--locale=C.UTF-8', '--encoding=UTF8', '-U', 'postgres', '--auth=trust']);
	await as(['pg_ctl', '-w', '-D', at, '-l', `${at}.log`, '-o', `-c listen_addresses= -c unix_socket_directories=${at} -c wal_level=logical -c fsync=off`, 'start']);
	await as(['createdb', '-h', at, '-U', 'postgres', 'lastpair']);
	await psql(name, ['-f', path.join(TOP, 'sql/bootstrap.sql')]);
	fs.writeFileSync(conf, `database = ${conninfo(name)}\nsql_dir = ${path.join(TOP, 'sql')}\nredis_socket =\nsigning_key_file = ${dir}/key\n`);
	await ctl(name, ['migrate']);
}

/** @param {string} name @param {string[]} args @param {string} [input] */
const ctl = (name, args, input) => as([path.join(BUILD, 'lastpairctl'), '-c', path.join(dir, `${name}.conf`), ...args], input);

fs.chmodSync(dir, 0o777);
fs.writeFileSync(path.join(dir, 'key'), `k1 ${crypto.randomBytes(32).toString('hex')}\n`, { mode: 0o644 });
await Promise.all(NAMES.map(makeDatabase));
await psql('directory', ['-v', `shard0=${conninfo('shard0')}`, '-v', `shard1=${conninfo('shard1')}`, '-f', path.join(TOP, 'tests/cluster/shards.sql')]);
for (const n of [0, 1])
	await psql(`shard${n}`, ['-v', `shard=${n}`, '-v', `first=${n === 0 ? 2 : 1}`, '-v', `slot=shard${n}`, '-v', `directory=${conninfo('directory')}`, '-f', path.join(TOP, 'tests/cluster/shard.sql')]);

/** A user and a session, made where they belong: at the directory. @returns {Promise<{session: string, email: string}>} */
async function signIn() {
	const session = crypto.randomUUID();
	const email = `${session}@test.example`;

	await ctl('directory', ['user', 'create', email, '--username', session.slice(0, 30)], 'a password of some length\n');
	await psql('directory', ['-c', `INSERT INTO lastpair.sessions SELECT '${session}', id, now(), now() + interval '1 day' FROM lastpair.users WHERE email = '${email}'`]);
	return { session, email };
}

/** @param {string} session @param {number} n of a shard */
const known = (session, n) => waitFor(`shard ${n} to know the session`, async () => await psql(`shard${n}`, ['-c', `SELECT count(*) FROM lastpair.sessions WHERE id = '${session}'`]) === '1');

/** What db.c sends, as the worker's role, to the directory. @param {string} call */
const worker = (call) => psql('directory', ['-c', call, '-c', 'SELECT api.durable()'], 'lastpair_api');

/** @param {number} drop @param {string} session @returns {Promise<string>} the hold's id, or the refusal's code */
async function reserve(drop, session) {
	const id = crypto.randomUUID();
	const said = await worker(`SELECT code FROM api.reserve(${drop}, '{${id}}', '{${session}}', '{NULL}', '{NULL}', '{NULL}', false) LIMIT 1`);

	return said.split('\n')[0] === 'held' ? id : said.split('\n')[0] ?? '';
}

/** @param {string} session @param {string} hold */
const purchase = async (session, hold) => (await worker(`SELECT status || coalesce(code, '') FROM api.purchase('${session}', '${hold}', '${crypto.randomUUID()}', NULL, NULL)`)).split('\n')[0];

/** @param {number} n @param {number} pairs */
async function makeDrop(n, pairs) {
	const said = await ctl(`shard${n}`, ['drop', 'create', '-'], JSON.stringify({ name: 'A drop', priceCents: 100, totalStock: pairs }));

	return Number(said.match(/\d+/)?.[0]);
}

test('each drop lives on one shard: reserved and bought there, by the same calls to the directory', async (/** @type {any} */ t) => {
	const buyers = [await signIn(), await signIn()];
	const drops = [await makeDrop(0, 1), await makeDrop(1, 1)];

	assert.deepEqual(drops.map((id) => id % 2), [0, 1]);
	for (const { session } of buyers)
		for (const n of [0, 1])
			await known(session, n);
	for (const [n, id] of drops.entries()) {
		const [ann, bob] = buyers.map((b) => b.session);

		assert.ok(ann && bob);
		const hold = await reserve(id, ann);
		assert.match(hold, /^[0-9a-f-]{36}$/);
		assert.equal(await reserve(id, bob), 'sold_out');
		assert.equal(await purchase(bob, hold), '0not_found', 'another\'s hold');
		assert.equal(await purchase(ann, hold), '201');
		assert.equal(await purchase(ann, hold), '200', 'the same again');
		assert.equal(await psql(`shard${n}`, ['-c', `SELECT sold FROM lastpair.stock WHERE drop_id = ${id}`]), '1');
		assert.equal(await psql(`shard${1 - n}`, ['-c', `SELECT count(*) FROM lastpair.stock WHERE drop_id = ${id}`]), '0');
	}
	for (const n of [0, 1])
		await ctl(`shard${n}`, ['audit']);
	t.diagnostic('two shards, a drop of one pair each: bought once each, audit clean on both');
});

test('a session that the directory ends is over on every shard at once, though a shard still has it', async () => {
	const { session, email } = await signIn();
	const id = await makeDrop(1, 5);

	await known(session, 1);
	await psql('shard1', ['-c', 'ALTER SUBSCRIPTION accounts DISABLE']);
	try {
		await ctl('directory', ['user', 'revoke', email]);
		assert.equal(await reserve(id, session), 'unauthenticated');
		assert.equal(await psql('shard1', ['-c', `SELECT count(*) FROM lastpair.sessions WHERE id = '${session}'`]), '1', 'that shard really had it');
	} finally {
		await psql('shard1', ['-c', 'ALTER SUBSCRIPTION accounts ENABLE']);
	}
});

test('a shard that is away takes its own drops with it and no other', async () => {
	const { session } = await signIn();
	const [here, there] = [await makeDrop(0, 5), await makeDrop(1, 5)];

	await known(session, 0);
	await known(session, 1);
	await as(['pg_ctl', '-w', '-D', path.join(dir, 'shard1'), '-m', 'immediate', 'stop']);
	const call = (/** @type {number} */ drop) => psql('directory', ['-c', `SELECT code FROM api.reserve(${drop}, '{${crypto.randomUUID()}}', '{${session}}', '{NULL}', '{NULL}', '{NULL}', false) LIMIT 1`], 'lastpair_api');

	assert.equal(await call(here), 'held');
	await assert.rejects(call(there), /shard1|connect|connection/);
});
