/** A disk is full: the store says so clearly, does nothing by halves, and goes on by itself once there is room. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { assertClear } from '../lib/faults.mjs';
import { Caller } from '../lib/http.mjs';
import { startLoad, told } from '../lib/load.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { onSmallDisks, whyNot } from '../lib/small-disks.mjs';
import { people } from '../lib/store.mjs';
import { run } from '../lib/stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const MAYBE = { skip: whyNot || false, timeout: 120_000 };
const FULL_MS = 5000;
const RECOVERY_MS = 60_000;	/* as long as an arbitrarily slow machine may take; what it took is told */

/** @type {Awaited<ReturnType<typeof onSmallDisks>>} */
let small;

before(async () => {
	if (!whyNot)
		small = await onSmallDisks();
});
after(() => small?.end());

/** What the database's superuser may. @param {string} statement */
async function asSuperuser(statement) {
	const superuser = (await run('stat', ['-c', '%U', small.stack.dir])).stdout.trim();

	return run('psql', ['-h', `${small.stack.dir}/run`, '-U', superuser, '-d', 'lastpair', '-Atqc', statement]);
}

/**
 * Fills a disk under load until changes are refused for it, keeps it so, and makes room.
 * @param {import('node:test').TestContext} t @param {'data'|'wal'} which @param {() => Promise<any>} [press]  what uses the disk besides
 */
async function full(t, which, press = async () => {}) {
	const { stack } = small;
	const disk = small[which];
	const load = await startLoad({ stack });

	t.after(() => load.stop());
	await pause(1000);
	const filledAt = Date.now();
	disk.fill();
	try {
		await waitFor('a change to be refused', async () => {
			await press();
			disk.fill();	/* what was freed meanwhile */
			return load.attempts.some((a) => a.at > filledAt && a.status === 503);
		}, 40_000);
		const refusedAt = Date.now();
		const [one] = await people(1, 'user', stack).catch(() => []);	/* by lastpairctl, which may fail as well */
		const anonymous = new Caller(stack.port);
		/** @type {string[]} */
		const wrong = [];

		for (let i = 0; Date.now() - refusedAt < FULL_MS; i++) {
			disk.fill();
			const listing = await anonymous.get(`/api/drops?limit=${1 + i % 200}`);
			const page = await anonymous.get('/');

			if (listing.status !== 200)
				assertProblem(listing, 503, 'unavailable');
			if (listing.status === 503 && !/^[1-9]/.test(String(listing.headers['retry-after'])))
				wrong.push('a listing without Retry-After');
			if (which === 'data' && listing.status !== 200)
				wrong.push(`a listing was answered ${listing.status}`);
			if (page.status !== 200)
				wrong.push(`the page was answered ${page.status}`);
			await pause(50);
		}
		assert.deepEqual(wrong, [], String(one?.username));
	} finally {
		disk.relieve();
	}
	const roomAt = Date.now();
	const again = await load.success('reserve', { after: roomAt, ms: RECOVERY_MS });

	await stack.whole(RECOVERY_MS);
	await pause(1000);
	await load.settle();
	const figures = await load.verify();

	t.diagnostic(`answers while the ${which} disk was full: ${JSON.stringify(load.answers(filledAt, roomAt))}`);
	t.diagnostic(`a reserve succeeded ${again} ms after there was room`);
	told(figures).forEach((line) => t.diagnostic(line));
	assertClear(load);
}

test('the data disk full: reading goes on, changes are refused with 503 and Retry-After, and it recovers by itself', MAYBE, async (t) => {
	await full(t, 'data');
});

test('the disk of the write-ahead log full: PostgreSQL stops, the store says 503, and all of it comes back by itself', MAYBE, async (t) => {
	await full(t, 'wal', () => asSuperuser('SELECT pg_switch_wal()'));
});
