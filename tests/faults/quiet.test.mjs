/** The load with nothing broken: what the other files compare with, and a check of the load itself. */
import assert from 'node:assert/strict';
import { startLoad, told } from '../lib/load.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause } from '../lib/wait.mjs';

test('with nothing broken, all that is acknowledged is there, and nobody has to ask twice', async (t) => {
	const load = await startLoad({ stack });

	t.after(() => load.stop());
	await pause(5000);
	await load.settle();
	const figures = await load.verify();

	told(figures).forEach((line) => t.diagnostic(line));
	assert.equal(figures.unknown, 0, JSON.stringify(figures.answers));
	for (const kind of ['reserve', 'purchase', 'release', 'restock'])
		assert.ok((figures.acknowledged[kind] ?? 0) > 0, `there were some of ${kind}`);
	for (const code of ['sold_out', 'reservation_expired', 'already_reserved'])
		assert.ok((figures.refused[code] ?? 0) > 0, `some were told ${code}`);
});
