/** The load with nothing broken: what the other files compare with, and a check of the load itself. */
import assert from 'node:assert/strict';
import { startLoad, told } from '../lib/load.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const KINDS = ['reserve', 'purchase', 'release', 'restock'];
const CODES = ['sold_out', 'reservation_expired', 'already_reserved'];

test('with nothing broken, all that is acknowledged is there, and nobody has to ask twice', async (t) => {
	const load = await startLoad({ stack });

	t.after(() => load.stop());
	await pause(4000);
	await waitFor('some of everything', () => KINDS.every((kind) => load.log.some((a) => a.kind === kind && a.status >= 200 && a.status < 300))
		&& CODES.every((code) => load.log.some((a) => a.code === code)), 30_000);
	await load.settle();
	const figures = await load.verify();

	told(figures).forEach((line) => t.diagnostic(line));
	assert.equal(figures.unknown, 0, JSON.stringify(figures.answers));
});
