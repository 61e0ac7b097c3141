/** Redis carries hints: without it sales go on as fast, and browsers follow by the daemon's own reading. */
import assert from 'node:assert/strict';
import { assertClear, promised, service, underLoad } from '../lib/faults.mjs';
import { newDrop, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const BEFORE_MS = 5000;
const AWAY_MS = 30_000;

/** What Redis's absence cost: nobody is refused, reserves are as fast, browsers right.
 * @param {import('node:test').TestContext} t @param {(load: import('../lib/load.mjs').Load) => Promise<any>} hurt */
async function costsNothing(t, hurt) {
	let from = 0;
	let to = 0;
	const { load } = await underLoad(t, async (l) => {
		await pause(BEFORE_MS);
		from = Date.now();
		await hurt(l);
		to = Date.now();
		await stack.whole();
		await pause(1000);
	});
	const before = load.latency(0, from);
	const during = load.latency(from, to);

	assert.deepEqual(load.attempts.filter((a) => a.status === 0 || a.status >= 500), [], 'nobody was refused for it');
	assertClear(load);
	t.diagnostic(`reserve before: p50 ${before.p50} ms, p99 ${before.p99} ms of ${before.n}; meanwhile: p50 ${during.p50} ms, p99 ${during.p99} ms of ${during.n}`);
	promised(t, 'p99 of reserve rose by', Math.max(0, during.p99 - before.p99), 100);
	promised(t, 'the longest time without a success', load.longestGap(from, to), 1000);
	promised(t, 'the browsers were behind at most', load.lag(from).max, 2000);
}

test('killed and started again four times', async (t) => {
	await costsNothing(t, async (load) => {
		for (let i = 0; i < 4; i++) {
			const [old] = stack.kill('redis');

			await load.success('reserve');
			await waitFor('another', () => stack.pid('redis') !== old, 20_000);
			await pause(1000);
		}
	});
});

test('away for 30 s', { timeout: 90_000 }, async (t) => {
	await costsNothing(t, async () => {
		await service('down', 'redis');
		await pause(AWAY_MS);
		await service('up', 'redis');
	});
});

test('frozen for 8 s', { timeout: 90_000 }, async (t) => {
	await costsNothing(t, async () => {
		const pid = stack.pid('redis');

		process.kill(pid, 'SIGSTOP');
		try {
			await pause(8000);
		} finally {
			process.kill(pid, 'SIGCONT');
		}
	});
});

test('with Redis stopped the store sells and says in /healthz what is missing', async () => {
	const drop = await newDrop({ totalStock: 20, maxPerUser: 20 });
	const { api } = await person();

	await service('down', 'redis');
	try {
		await purchase(api, (await reserve(api, drop.id)).id);
		const health = await waitFor('it to be noticed', async () => {
			const h = await stack.health();

			return h.redis !== 'ok' && h;
		});
		assert.equal(health.httpStatus, 200, 'it can sell');
		assert.equal(health.database, 'ok');
	} finally {
		await service('up', 'redis');
	}
	await stack.whole();
});
