/** One release forward and back again, with the programs of the first selling all the while: docs/upgrade.md has the rules. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { TOP } from '../lib/stack.mjs';
import { auditClean, newDrop, people } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';
import { sqlFolder, treeFiles } from './old-store.mjs';

/** The next release, made up: a table, a column, an index, and a purchase that writes a note.
 * @returns {string} its folder */
function nextRelease() {
	const functions = treeFiles('functions');
	const purchase = functions['purchase.sql'] ?? '';
	const noted = purchase.replace(/^\tRETURN ROW\(201, NULL, v_body,/m, '\tINSERT INTO notes VALUES (p.id);\n$&');

	assert.notEqual(noted, purchase, 'there is something to change');
	return sqlFolder('next', {
		...treeFiles('migrations'),
		'9998_notes.sql': 'CREATE TABLE lastpair.notes (purchase_id uuid PRIMARY KEY);\nALTER TABLE lastpair.reservations ADD COLUMN colour text NOT NULL DEFAULT \'\';\n',
		'9999_colours.sql': '-- concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS reservations_colour ON lastpair.reservations (colour, drop_id);\n',
	}, { ...functions, 'purchase.sql': noted });
}

/** Sells until it is told to end: each buyer one pair after the other. */
async function openSale() {
	const drop = await newDrop({ totalStock: 100_000, maxPerUser: 1000 });
	const buyers = await people(4);
	/** @type {string[]} */
	const bought = [];
	/** @type {string[]} */
	const refused = [];
	let [over, gap, last] = [false, 0, performance.now()];
	const all = Promise.all(buyers.map(async ({ api }) => {
		while (!over) {
			const held = await api.post(`/api/drops/${drop.id}/reservations`, {});
			const sold = held.status === 201 ? await api.post(`/api/reservations/${held.body.reservation.id}/purchase`, {}) : held;

			if (sold.status !== 201) {
				refused.push(sold.asked);
				continue;
			}
			gap = Math.max(gap, performance.now() - last);
			last = performance.now();
			bought.push(sold.body.purchase.id);
		}
	}));

	return {
		bought,
		refused,
		/** Until so many more are sold. @param {number} n */
		more(n) {
			const wanted = bought.length + n;

			return waitFor(`${wanted} sales, or a refusal`, () => bought.length >= wanted || refused.length, 30_000);
		},
		async end() {
			over = true;
			await all;
			return Math.round(gap);
		},
	};
}

test('the schema goes one release forward and its functions back, and the programs of the first sell on', async () => {
	const next = nextRelease();
	const sale = await openSale();
	const notes = async () => Number(await stack.sql('SELECT count(*) FROM lastpair.notes'));

	await sale.more(20);
	const forward = await stack.ctl(['migrate', '--sql', next]);

	assert.equal(forward.code, 0, forward.stderr);
	assert.match(forward.stdout, /^9998_notes\.sql\n9999_colours\.sql\n/);
	await sale.more(20);
	const noted = await notes();

	assert.ok(noted > 0, 'the new functions are at work');
	const back = await stack.ctl(['migrate']);

	assert.equal(back.code, 0, back.stderr);
	assert.equal(back.stdout, "9998_notes.sql is a later release's, and stays\n9999_colours.sql is a later release's, and stays\nthe schema is up to date\n");
	await sale.more(20);	/* those in hand while it changed are through */
	const then = await notes();

	await sale.more(20);
	assert.equal(await notes(), then, 'the old ones are at work again');
	const again = await stack.ctl(['migrate', '--sql', next]);

	assert.equal(again.code, 0, again.stderr);
	await sale.more(20);
	assert.ok(await notes() > then, 'and forward once more');
	await stack.ctl(['migrate']);
	const gap = await sale.end();

	console.log(`# longest time between two sales ${gap} ms (${sale.bought.length} sales)`);
	assert.deepEqual(sale.refused, [], 'nobody was refused');
	assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.purchases WHERE id IN ('${sale.bought.join("','")}')`), String(sale.bought.length));
	await auditClean();
});

test('what programs of the last release call is still there, as they call it', async () => {
	const file = path.join(TOP, 'tests/data/signatures.txt');
	const known = fs.readFileSync(file, 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
	const now = (await stack.sql(`SELECT p.oid::regprocedure || ' -> ' || pg_get_function_result(p.oid) FROM pg_proc p
		WHERE pronamespace = 'api'::regnamespace ORDER BY 1`)).split('\n');
	const gone = known.filter((line) => !now.includes(line));
	const fresh = now.filter((line) => !known.includes(line));

	assert.ok(known.length > 20, file);
	assert.deepEqual(gone, [], 'a function that programs call stays as it was for one more release: make another beside it (docs/upgrade.md)');
	assert.deepEqual(fresh, [], `new functions are named in ${path.relative(TOP, file)}`);
});
