/** The runbook docs/backup.md, run as it stands: its commands are read from its text. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { Stream } from '../lib/sse.mjs';
import { run, TOP } from '../lib/stack.mjs';
import { auditClean, dropNow, newDrop, people } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';
import { superSql } from './old-store.mjs';

const BACKUPS = `${stack.dir}.backups`;
const text = fs.readFileSync(path.join(TOP, 'docs/backup.md'), 'utf8');
const blocks = new Map([...text.matchAll(/^<!-- run: (\w+) -->\n```sh\n(.*?)^```$/gms)].map(([, name, body]) => [name, body ?? '']));

after(() => fs.rmSync(BACKUPS, { recursive: true, force: true }));

/** Runs one block of the runbook, behind that of the names. @param {string} name @param {Record<string, string>} [variables] */
async function follow(name, variables = {}) {
	const [names, block] = [blocks.get('names'), blocks.get(name)];

	assert.ok(names && block, `docs/backup.md has the blocks names and ${name}`);
	const alone = process.getuid?.() === 0 ? '' : 'as_postgres() { (cd / && "$@"); }';
	const { code, stdout, stderr } = await run('timeout', ['100', 'bash', '-c', ['set -eu -o pipefail', names, alone, block].join('\n')],
		{ env: { ...process.env, ...variables, DIR: stack.dir } });

	assert.equal(code, 0, `${name}: ${stdout}\n${stderr}`);
	return stdout;
}

/** Buys pair after pair, and notes of each when it was asked for and when it was acknowledged. A test that fails meanwhile
 * ends it. @param {import('node:test').TestContext} t @param {any} drop @param {import('../lib/store.mjs').Person[]} buyers */
function keepBuying(t, drop, buyers) {
	/** @type {{id: string, asked: number, told: number}[]} */
	const bought = [];
	let over = false;

	t.after(() => { over = true; });
	const all = Promise.all(buyers.map(async ({ api }) => {
		while (!over) {
			const asked = performance.now();
			const held = await api.post(`/api/drops/${drop.id}/reservations`, {}).catch(() => null);
			const sold = held?.status === 201 ? await api.post(`/api/reservations/${held.body.reservation.id}/purchase`, {}).catch(() => null) : null;

			if (sold?.status === 201)
				bought.push({ id: sold.body.purchase.id, asked, told: performance.now() });
			else
				await pause(100);
		}
	}));

	return {
		bought,
		more: (/** @type {number} */ n, wanted = bought.length + n) => waitFor(`${n} more sales`, () => bought.length >= wanted, 30_000),
		async end() {
			over = true;
			await all;
		},
	};
}

const purchasesOf = async (/** @type {number} */ drop) => new Set((await stack.sql(`SELECT id FROM lastpair.purchases WHERE drop_id = ${drop}`)).split('\n').filter(Boolean));

/** @param {import('node:test').TestContext} t @param {any} drop */
async function sellsOn(t, drop) {
	const sale = keepBuying(t, drop, await people(2));

	await sale.more(5);
	await sale.end();
	await auditClean();
}

test('a base backup and the archived log put a destroyed store back to a moment', { timeout: 150_000 }, async (t) => {
	await follow('archive');
	await stack.whole();
	const drop = await newDrop({ totalStock: 100_000, maxPerUser: 1000 });
	const sale = keepBuying(t, drop, await people(3));
	const browser = await Stream.open(stack.port);

	t.after(() => browser.close());

	await sale.more(10);
	await follow('base');
	await follow('prune');
	await pause(1100);	/* the names of base backups are whole seconds */
	await sale.more(30);
	const before = performance.now();
	const moment = await stack.sql('SELECT clock_timestamp()');
	const then = performance.now();

	await sale.more(30);
	await sale.end();
	const wal = await superSql('lastpair', 'SELECT pg_walfile_name(pg_current_wal_lsn())', 'SELECT pg_switch_wal()');
	const [name = ''] = wal.split('\n');

	await waitFor(`${name} to be archived`, () => fs.existsSync(path.join(BACKUPS, 'wal', name)), 30_000);
	const told = browser.events.length;
	const started = Date.now();

	stack.kill('postgres');
	fs.rmSync(path.join(stack.dir, 'pg'), { recursive: true, force: true, maxRetries: 50, retryDelay: 50 });
	const audit = await follow('restore', { moment });

	assert.match(audit, /^ok /m);
	assert.doesNotMatch(audit, /BREACH/);
	await follow('open');
	await stack.whole(30_000);
	console.log(`# destroyed, restored and open again within ${((Date.now() - started) / 1000).toFixed(1)} s`);

	const there = await purchasesOf(drop.id);
	const early = sale.bought.filter((p) => p.told < before);
	const late = sale.bought.filter((p) => p.asked > then);

	console.log(`# ${early.length} purchases acknowledged before the moment, ${late.length} asked for after it, ${there.size} restored`);
	assert.ok(early.length >= 30 && late.length >= 20);
	assert.deepEqual(early.filter(({ id }) => !there.has(id)), [], 'what was acknowledged before the moment is there');
	assert.deepEqual(late.filter(({ id }) => there.has(id)), [], 'nothing of later is');
	await auditClean();

	const { soldStock } = await dropNow(drop.id);

	assert.equal(soldStock, there.size);
	await browser.next((e) => e.event === 'snapshot' && e.data.drops.some((/** @type {any} */ d) => d.dropId === drop.id && d.soldStock === soldStock),
		{ from: told, ms: 15_000 });
	await sellsOn(t, drop);
	await follow('base');
});

test('a dump taken while the store sells is loaded beside it and takes its place', { timeout: 100_000 }, async (t) => {
	if (!fs.existsSync(BACKUPS))
		fs.mkdirSync(BACKUPS, { mode: 0o777 });
	const drop = await newDrop({ totalStock: 100_000, maxPerUser: 1000 });
	const sale = keepBuying(t, drop, await people(2));

	await sale.more(10);
	const early = sale.bought.map(({ id }) => id);

	await follow('dump');
	await sale.more(10);
	await sale.end();
	assert.match(await follow('load'), /^ok /m);
	await stack.whole(30_000);
	const there = await purchasesOf(drop.id);

	assert.deepEqual(early.filter((id) => !there.has(id)), [], 'what was sold before the dump is there');
	assert.ok(there.size < sale.bought.length, 'what was sold after it is not');
	await sellsOn(t, drop);
	assert.equal((await stack.ctl(['migrate'])).code, 0, 'it is the owner\'s');
});
