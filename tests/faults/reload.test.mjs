/** nginx is told to read its settings again, twenty times in the midst of sales. */
import assert from 'node:assert/strict';
import { request } from '../lib/http.mjs';
import { underLoad } from '../lib/faults.mjs';
import { run } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const RELOADS = 20;
const APART_MS = 400;

/** The processes of the store's nginx that serve, those about to end included. @returns {Promise<string[]>} */
const serving = async () => (await run('pgrep', ['-P', String(stack.pid('nginx'))])).stdout.split('\n').filter(Boolean);

/** Calls one after another, each on a connection of its own, until told to stop. @param {() => boolean} over */
async function knock(over) {
	/** @type {string[]} */
	const failed = [];
	let calls = 0;

	for (; !over(); calls++) {
		const why = await request({ port: stack.port, path: calls % 2 ? '/api/drops?limit=1' : '/healthz', timeoutMs: 10_000 })
			.then((res) => (res.status === 200 ? '' : `${res.status}`), (error) => error.code ?? error.message);

		if (why)
			failed.push(`call ${calls}: ${why}`);
		await pause(5);
	}
	return { calls, failed };
}

test('nginx reloaded twenty times under load: no call fails, no new connection is refused or cut', async (t) => {
	const { load, figures } = await underLoad(t, async () => {
		let over = false;
		const knocks = Promise.all([1, 2, 3].map(() => knock(() => over)));

		for (let i = 0; i < RELOADS; i++) {
			const before = await serving();

			process.kill(stack.pid('nginx'), 'SIGHUP');
			await waitFor('new processes of nginx', async () => (await serving()).some((pid) => !before.includes(pid)));
			await pause(APART_MS);
		}
		over = true;
		const all = await knocks;

		t.diagnostic(`${all.reduce((n, { calls }) => n + calls, 0)} calls beside it, each on a new connection`);
		assert.deepEqual(all.flatMap(({ failed }) => failed), []);
	});
	/* An idle connection is closed when the process that has it ends, and a call may just be on its way on it. Every
	   client of HTTP has to reckon with that (RFC 9112, section 9.3.1), and sends the call again, with its key. */
	const crossed = load.attempts.filter((a) => a.status === 0 && a.reused);

	t.diagnostic(`${crossed.length} of ${load.attempts.length} calls met the end of a kept connection, and were sent again`);
	assert.deepEqual(load.attempts.filter((a) => !crossed.includes(a) && (a.status === 0 || a.status >= 500)).map((a) => `${a.kind} ${a.status} ${a.why}`), []);
	assert.ok(crossed.length < load.attempts.length / 4, 'and those are few, on a busy machine as well');
	const cut = load.readers.flatMap((r) => r.connections.slice(0, -1));

	t.diagnostic(`${load.readers.length} streams, ${cut.length} times cut (after worker_shutdown_timeout), and resumed with nothing missed; ${figures.events} changes told`);
	assert.deepEqual(load.readers.flatMap((r) => r.refused), [], 'no stream was refused');
	for (const reader of load.readers)
		assert.deepEqual(reader.connections.slice(1).filter((c) => c.snapshot), [], 'each went on where it was, without a snapshot');
});
