/**
 * A database beside the suite's own, on the same server: made by the migrations up to one of them, filled, and then
 * migrated further while somebody does in it what a sale does.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BUILD, run, TOP } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import { waitFor } from '../lib/wait.mjs';

export const SQL = path.join(TOP, 'sql');
export const MIGRATIONS = fs.readdirSync(path.join(SQL, 'migrations')).filter((name) => name.endsWith('.sql')).sort();

const superuser = (await run('stat', ['-c', '%U', stack.dir])).stdout.trim();
const settings = fs.readFileSync(path.join(stack.dir, 'lastpair.conf'), 'utf8');
const SOCKETS = settings.match(/^database = host='(.*?)'/m)?.[1] ?? '';
/** The store's own user has to read it. */
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-sql-'));

fs.chmodSync(folder, 0o755);
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

/** psql as the server's superuser. @param {string} database @param {...string} statements */
export async function superSql(database, ...statements) {
	const { code, stdout, stderr } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', SOCKETS, '-U', superuser, '-d', database,
		...statements.flatMap((s) => ['-c', s])]);

	assert.equal(code, 0, `${statements}\n${stderr}`);
	return stdout.trimEnd();
}

/** A folder of migrations and functions for --sql. @param {string} name @param {Record<string, string>} migrations  text by file name
 * @param {Record<string, string>} [functions] */
export function sqlFolder(name, migrations, functions = { 'none.sql': 'SELECT 1;\n' }) {
	const dir = path.join(folder, name);

	for (const [kind, files] of /** @type {[string, Record<string, string>][]} */ ([['migrations', migrations], ['functions', functions]])) {
		fs.rmSync(path.join(dir, kind), { recursive: true, force: true });
		fs.mkdirSync(path.join(dir, kind), { recursive: true });
		for (const [file, text] of Object.entries(files))
			fs.writeFileSync(path.join(dir, kind, file), text);
	}
	return dir;
}

/** The tree's own files. @param {string} kind @param {(name: string) => boolean} [which] @returns {Record<string, string>} */
export function treeFiles(kind, which = () => true) {
	return Object.fromEntries(fs.readdirSync(path.join(SQL, kind)).filter((name) => name.endsWith('.sql') && which(name))
		.map((name) => [name, fs.readFileSync(path.join(SQL, kind, name), 'utf8')]));
}

export class OldStore {
	/** @param {string} name @param {string} [template]  a database to copy */
	static async make(name, template = 'template1') {
		await superSql('postgres', `DROP DATABASE IF EXISTS ${name} (FORCE)`, `CREATE DATABASE ${name} TEMPLATE ${template}`);
		const made = await run('psql', ['-Xq', '-h', SOCKETS, '-U', superuser, '-d', name, '-f', path.join(SQL, 'bootstrap.sql')]);

		assert.equal(made.code, 0, made.stderr);
		return new OldStore(name);
	}

	/** @param {string} name */
	constructor(name) {
		this.name = name;
		this.conf = path.join(folder, `${name}.conf`);
		fs.writeFileSync(this.conf, `${settings.replace(/dbname=\S+/, `dbname=${name}`)}database_user_owner = ${superuser}\n`);
	}

	/** @param {...string} statements */
	sql(...statements) {
		return superSql(this.name, ...statements);
	}

	/** `lastpairctl migrate`, as the schema's owner. @param {string} dir @param {...string} more */
	migrate(dir, ...more) {
		const who = process.getuid?.() === 0 ? ['setpriv', '--reuid', superuser, '--clear-groups', '--'] : [];
		const [file = '', ...args] = [...who, path.join(BUILD, 'lastpairctl'), '-c', this.conf, 'migrate', '--sql', dir, ...more];

		return run(file, args, { cwd: '/' });
	}

	drop() {
		return superSql('postgres', `DROP DATABASE IF EXISTS ${this.name} (FORCE)`);
	}
}

/** What a sale reads and writes, of tables that have been there from the first release. */
const SALE = `BEGIN;
SELECT count(*) FROM lastpair.users u JOIN lastpair.sessions s ON s.user_id = u.id WHERE u.id = 1 \\g /dev/null
SELECT pg_advisory_xact_lock(1) \\g /dev/null
SELECT price_cents FROM lastpair.drops WHERE id = 1 \\g /dev/null
INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status, price_cents, currency, created_at, expires_at, closed_at)
	SELECT gen_random_uuid(), 1, '', 1, 'completed', 1, 'USD', t, t + interval '1 min', t FROM clock_timestamp() t RETURNING id \\gset
UPDATE lastpair.stock SET version = version + 1 WHERE drop_id = 1 AND size = '';
INSERT INTO lastpair.purchases (id, reservation_id, drop_id, size, user_id, price_cents, currency, purchased_at)
	VALUES (gen_random_uuid(), :'id', 1, '', 1, 1, 'USD', clock_timestamp());
COMMIT;
\\echo sold
`;

/** Sells in a database while something is done. @param {OldStore} store @param {() => Promise<any>} during
 * @returns {Promise<{gap: number, sales: number, result: any}>} the longest time between two sales, in ms */
export async function selling(store, during) {
	const psql = spawn('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', SOCKETS, '-U', superuser, '-d', store.name], { stdio: ['pipe', 'pipe', 'pipe'] });
	let [sales, gap, last, errors, over] = [0, 0, 0, '', false];
	const ended = new Promise((resolve) => psql.on('close', resolve));

	psql.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
	psql.stdin.on('error', () => {});
	psql.stdout.setEncoding('utf8').on('data', () => {
		const now = performance.now();

		gap = last ? Math.max(gap, now - last) : 0;
		last = now;
		sales++;
		if (over)
			psql.stdin.end();
		else
			setTimeout(() => psql.stdin.write(SALE), 2);
	});
	psql.stdin.write(SALE);
	const more = async (/** @type {number} */ n) => waitFor('sales', () => sales >= n || errors, 30_000);

	await more(10);
	const result = await during();

	await more(sales + 10);
	over = true;
	await ended;
	assert.equal(errors, '', 'every sale went through');
	return { gap: Math.round(gap), sales, result };
}

/** Somebody reads a table for a long time: as long as a reader stays, nobody gets a lock on it that keeps readers out.
 * @param {OldStore} store @param {string} table @returns {Promise<() => Promise<void>>} what sends the reader away */
export async function reader(store, table) {
	const psql = spawn('psql', ['-XAtq', '-h', SOCKETS, '-U', superuser, '-d', store.name], { stdio: ['pipe', 'pipe', 'inherit'] });
	const ended = new Promise((resolve) => psql.on('close', resolve));

	psql.stdin.write(`BEGIN; SELECT count(*) FROM ${table};\n`);
	await new Promise((resolve) => psql.stdout.once('data', resolve));
	return async () => {
		psql.stdin.end('COMMIT;\n');
		await ended;
	};
}
