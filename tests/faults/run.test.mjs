/** ./run itself: starting, stopping, two side by side, wrong use. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { BUILD, run, Stack, TOP } from '../lib/stack.mjs';
import { anyone, auditClean, counts, dropNow, newDrop, person, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

test('./run --stop ends every process of its stack, and a second ./run finds its data', { timeout: 120_000 }, async () => {
	const drop = await newDrop({ totalStock: 9 });
	const session = (await run('ps', ['-o', 'sid=', '-p', String(stack.pid('postgres'))])).stdout.trim();

	await reserve((await person()).api, drop.id);
	const stopped = stack.halt();
	const { stdout } = await run('ps', ['-o', 'pid=,stat=,args=', '-s', session]);
	const away = await anyone.get('/healthz').then(() => 'it answers', (error) => error.code);
	const again = stack.halt();

	await stack.again();
	await stack.whole();
	assert.match(session, /^\d+$/);
	assert.equal(stopped.status, 0, stopped.stderr);
	/* a zombie is only waiting for whoever reaps orphans on this machine */
	assert.deepEqual(stdout.split('\n').filter((line) => line && !/^ *\d+ Z/.test(line)), [], 'nothing of it was left');
	assert.equal(away, 'ECONNREFUSED');
	assert.equal(again.status, 0, 'stopping what is stopped is fine');
	assert.deepEqual(counts(await dropNow(drop.id)), [8, 1, 0]);
	await auditClean();
});

test('two stacks run side by side, and a port in use is one clear line and exit 1', { timeout: 120_000 }, async (t) => {
	const other = await Stack.start(undefined, () => ({ LASTPAIR_BUILD: path.relative(TOP, BUILD) }));	/* a relative path will do */

	t.after(() => other.stop());
	assert.equal((await anyone.get('/healthz')).status, 200);
	const third = new Stack(path.join(path.dirname(other.dir), 'third'), other.port);
	await assert.rejects(third.again(), /port \d+ is in use/);
	assert.deepEqual(stack.pids('lastpair-api').filter((pid) => other.pids('lastpair-api').includes(pid)), []);
	other.kill('lastpair-api');
	assert.equal((await anyone.get('/api/drops')).status, 200);
});

test('./run used wrongly ends with 2', async () => {
	for (const args of [['--bogus'], ['--port', 'abc'], ['--port', '0'], ['--port', '70000'], ['--port'], ['--workers', '0'], ['--admin', 'nobody']]) {
		const { code, stderr } = await run('./run', args);

		assert.equal(code, 2, args.join(' '));
		assert.notEqual(stderr, '');
	}
	assert.equal((await run('./run', ['--help'])).code, 0);
});
