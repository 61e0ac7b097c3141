/** The stand-in for a power cut: kill -9 of every process of the stack at once, and a start on what is on the disk. */
import assert from 'node:assert/strict';
import { promised, sells, underLoad } from '../lib/faults.mjs';
import { processesOf } from '../lib/stack.mjs';
import { auditClean } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const ROUNDS = 2;	/* the soak goes on */

test('the power cut under load: every acknowledged hold and purchase is there after a start', { timeout: 200_000 }, async (t) => {
	/** @type {number[]} */
	const back = [];
	const { figures } = await underLoad(t, async (load) => {
		for (let i = 0; i < ROUNDS; i++) {
			await pause(2000 + Math.random() * 500);
			assert.ok(stack.cutPower() > 20, 'there was much to kill');
			await waitFor('nothing of it to live', () => processesOf(stack.dir).length === 0);
			const cut = Date.now();

			await stack.again();
			back.push(Date.now() - cut);
			await load.success('purchase');
		}
	});

	assert.ok(figures.unknown > 0, 'it was felt');
	promised(t, './run started it again in', Math.max(...back), 10_000);
	await stack.whole();
});

test('the supervised parts all killed at once come back', { timeout: 90_000 }, async (t) => {
	const { figures } = await underLoad(t, async (load) => {
		for (const name of ['lastpair-api', 'lastpair-sse', 'redis', 'postgres', 'nginx'])
			stack.kill(name);
		const killed = Date.now();

		promised(t, 'the first sale', await load.success('purchase', { after: killed, ms: 60_000 }), 10_000);
	});

	assert.ok(figures.unknown > 0, 'it was felt');
	await sells('everything was killed', 60_000);
	await auditClean();
});
