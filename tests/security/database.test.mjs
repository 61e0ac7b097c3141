/** What is left to somebody who has taken over a worker, and what the source may not do. OWASP API Top 10 2023: API8; ASVS 5.0: 1.2.4, 13.3, 16.2. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { run, TOP } from '../lib/stack.mjs';
import { newDrop, person, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

/** A statement in the worker's role, with the worker's own rights. @param {string} statement */
const asWorker = (statement) => run('psql', ['-h', path.join(stack.dir, 'run'), '-U', 'lastpair_api', '-d', 'lastpair', '-AtqX', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-c', statement]);

test('API8: the worker\'s database role reads no table, password hashes first of all, and writes none', async () => {
	const role = await asWorker('SELECT current_user');
	assert.equal(role.stdout.trim(), 'lastpair_api', role.stderr);
	const tables = (await stack.sql("SELECT relname FROM pg_class WHERE relnamespace = 'lastpair'::regnamespace AND relkind = 'r' ORDER BY 1")).split('\n');
	let tried = 0;

	assert.ok(tables.includes('users') && tables.includes('admin_actions') && tables.includes('stock'));
	for (const table of tables) {
		const column = (await stack.sql(`SELECT attname FROM pg_attribute WHERE attrelid = 'lastpair.${table}'::regclass AND attnum = 1`)).trim();

		for (const statement of [`SELECT * FROM lastpair.${table} LIMIT 1`, `SELECT count(*) FROM lastpair.${table}`, `INSERT INTO lastpair.${table} SELECT * FROM lastpair.${table}`,
			`UPDATE lastpair.${table} SET "${column}" = "${column}"`, `DELETE FROM lastpair.${table}`, `TRUNCATE lastpair.${table}`,
			`ALTER TABLE lastpair.${table} OWNER TO lastpair_api`, `COPY lastpair.${table} TO STDOUT`]) {
			const { code, stderr } = await asWorker(statement);

			assert.notEqual(code, 0, statement);
			assert.match(stderr, /42501/, `${statement}: ${stderr}`);
			tried++;
		}
	}
	for (const statement of ['SELECT password_hash FROM lastpair.users', "SELECT rolpassword FROM pg_authid", 'SET ROLE lastpair_owner', 'CREATE TABLE api.x ()', 'CREATE TABLE public.x ()',
		'CREATE FUNCTION api.x() RETURNS void LANGUAGE sql AS $$$$', "SELECT pg_read_file('PG_VERSION')", "COPY (SELECT 1) TO PROGRAM 'true'", 'SELECT lastpair.drop_make(\'{}\')',
		'DROP FUNCTION api.reserve', "SELECT pg_terminate_backend(pg_backend_pid()) FROM lastpair.users"]) {
		const { code, stderr } = await asWorker(statement);

		assert.notEqual(code, 0, statement);
		assert.match(stderr, /42501/, `${statement}: ${stderr}`);
		tried++;
	}
	console.log(`# ${tried} statements on ${tables.length} tables, all refused with 42501`);
});

test('API8: what one account may read or do, the worker\'s role may only by that account\'s session', async () => {
	const { email } = await person();
	const started = await asWorker(`SELECT * FROM api.login_start('${email}', '192.0.2.9', 10, 300)`);

	/* the one hash that a worker has to compare; asked for too often, it gets none */
	assert.match(started.stdout, /^0\|\d+\|\$2b\$10\$/);
	let given = 1;
	for (; given < 40; given++)
		if (!(await asWorker(`SELECT password_hash FROM api.login_start('${email}', '192.0.2.9', 10, 300)`)).stdout.includes('$2b$'))
			break;
	assert.equal(given, 10);
	const hold = await reserve((await person()).api, (await newDrop()).id);
	const bought = await asWorker(`SELECT code FROM api.purchase(gen_random_uuid(), '${hold.id}', gen_random_uuid(), NULL, NULL)`);
	assert.equal(bought.stdout.trim(), 'unauthenticated');
});

test('API8: the trail of administrators\' actions can be changed by nobody, its owner included', async () => {
	await newDrop();
	const before = await stack.sql('SELECT count(*), md5(string_agg(a::text, \'\' ORDER BY id)) FROM lastpair.admin_actions a');
	const as = { worker: asWorker, owner: (/** @type {string} */ s) => stack.ctl(['db', '-Atqc', s]) };
	let tried = 0;

	for (const [who, ask] of Object.entries(as)) {
		for (const statement of ["UPDATE lastpair.admin_actions SET actor_name = 'nobody'", 'DELETE FROM lastpair.admin_actions', 'TRUNCATE lastpair.admin_actions']) {
			assert.notEqual((await ask(statement)).code, 0, `${who}: ${statement}`);
			tried++;
		}
	}
	assert.equal(await stack.sql('SELECT count(*), md5(string_agg(a::text, \'\' ORDER BY id)) FROM lastpair.admin_actions a'), before);
	console.log(`# ${tried} tries, not a row changed`);
});

/** @param {string} folder @param {string} end @returns {string[]} */
const sources = (folder, end) => fs.readdirSync(path.join(TOP, folder), { recursive: true }).map(String).filter((name) => name.endsWith(end)).map((name) => path.join(folder, name));

test('API8: SQL takes values as $n parameters alone: no statement is put together', () => {
	let statements = 0;

	for (const file of ['lib', 'cgi-bin', 'sse', 'cron', 'ctl'].flatMap((folder) => sources(folder, '.c'))) {
		const text = fs.readFileSync(path.join(TOP, file), 'utf8');

		/* text that is formatted, printed or joined is no statement */
		for (const [call] of text.matchAll(/\b(?:v?s?n?printf|asprintf|arena_printf|arena_join|buf_printf|buf_puts|strcat)\s*\([^;]*?;/gs))
			assert.doesNotMatch(call, /"\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|COPY|ALTER|CREATE|SET)\s/, `${file}: ${call.slice(0, 100)}`);
		/* what is given to libpq is a literal, or a name that is; what looks the same with a file's own text is a migration */
		for (const [call, statement = ''] of text.matchAll(/\bPQ(?:exec|execParams|sendQuery|sendQueryParams|prepare|sendPrepare)\s*\(([^;]*?)\)\s*;/gs)) {
			statements++;
			assert.doesNotMatch(statement, /printf|join|\+/, `${file}: ${call.slice(0, 100)}`);
		}
	}
	for (const file of sources('sql/functions', '.sql')) {
		const text = fs.readFileSync(path.join(TOP, file), 'utf8').replace(/--.*$/gm, '').replace(/GRANT EXECUTE|EXECUTE FUNCTION/g, '');

		assert.doesNotMatch(text, /\bEXECUTE\b/, `${file} runs SQL that it has put together`);
		statements++;
		if (text.includes('SECURITY DEFINER'))
			assert.match(text, /SET search_path = lastpair, pg_temp/, file);
	}
	assert.ok(statements > 60, `${statements}`);
	console.log(`# ${statements} places looked at`);
});
