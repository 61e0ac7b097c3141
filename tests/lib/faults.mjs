/** Hurting a store under load: what the tests of faults and the soak share. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { startLoad, told } from './load.mjs';
import { run } from './stack.mjs';
import { newDrop, person, purchase, reserve } from './store.mjs';
import { stack } from './suite-stack.mjs';
import { waitFor } from './wait.mjs';

/** @typedef {import('./stack.mjs').Stack} Stack */
/** @typedef {import('node:test').TestContext} Test */

/** By so much a machine with other work to do may miss a promise of time before a test fails; the figure is told anyway. */
const SLACK = 5;

/**
 * Lets the load buy while `hurt` is at work, then compares all that it was told with what there is.
 * @param {Test} t
 * @param {(load: import('./load.mjs').Load) => Promise<any>} hurt
 * @param {Partial<import('./load.mjs').Options>} [options]
 */
export async function underLoad(t, hurt, options = {}) {
	const load = await startLoad({ stack, ...options });

	t.after(() => load.stop());
	await hurt(load);
	await load.settle();
	const figures = await load.verify();

	for (const line of told(figures))
		t.diagnostic(line);
	return { load, figures };
}

/** Tells a time and what was promised of it. @param {Test} t @param {string} what @param {number} ms @param {number} limitMs */
export function promised(t, what, ms, limitMs) {
	t.diagnostic(`${what}: ${Math.round(ms)} ms (promised: ${limitMs})`);
	assert.ok(ms <= limitMs * SLACK, `${what}: ${ms} ms, where ${limitMs} are promised`);
}

/** Every failure while it was away is one that says so: a problem document of 503 with Retry-After, or a connection that ended.
 * @param {import('./load.mjs').Load} load @param {{cut?: boolean}} [options]  cut: connections may have ended */
export function assertClear(load, { cut = false } = {}) {
	const strange = load.attempts.filter((a) => a.status === 0 || a.status >= 500)
		.filter((a) => !(a.status === 503 && a.why === 'unavailable') && !(cut && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(a.why)));

	assert.deepEqual(strange.map((a) => `${a.kind}: ${a.status} ${a.why} after ${Math.round(a.ms)} ms`).slice(0, 10), []);
}

/** `sv VERB` of a part of the stack, and until it is so: sv itself may be content with what was before, where a part has just
 * been started or has just crashed. @param {string} verb @param {string} name @param {Stack} [on] */
export async function service(verb, name, on = stack) {
	const folder = path.join(on.dir, 'service', name);
	const status = async () => (await run('sv', ['status', folder])).stdout;
	const pid = (/** @type {string} */ text) => text.match(/^run: .*?\(pid (\d+)\)/)?.[1];
	const before = pid(await status());
	const { code, stdout } = await run('sv', ['-w', '15', verb, folder]);

	assert.equal(code, 0, stdout);
	if (verb === 'down')	/* an `up` that comes before runsv has read the `down` would be lost */
		await waitFor(`runsv to leave ${name} down`, async () => !(await status()).includes('want up'));
	if (verb === 'restart') {
		await waitFor(`another process of ${name}`, async () => {
			const now = pid(await status());

			return now !== undefined && now !== before;
		}, 15_000);
	}
}

/** Until every part is up and somebody can reserve and buy. @param {string} after @param {number} [ms] */
export async function sells(after, ms = 30_000) {
	await waitFor(`a sale after ${after}`, async () => {
		const drop = await newDrop({ totalStock: 1 });
		const { api } = await person();

		return purchase(api, (await reserve(api, drop.id)).id);
	}, ms);
	await stack.whole(ms);
}

/** Kills what a pid file names and waits for the next one. @param {string} name */
export async function replaced(name) {
	const [old] = stack.kill(name);

	await waitFor(`another ${name}`, () => stack.pid(name) !== old, 20_000);
}

/** Ends the connections to the database that a query names, as only a superuser may.
 * @param {string} pids  a query @param {Stack} [on] @returns {Promise<number>} how many */
export async function cut(pids, on = stack) {
	const superuser = await run('stat', ['-c', '%U', on.dir]);
	const { code, stdout, stderr } = await run('psql', ['-h', path.join(on.dir, 'run'), '-U', superuser.stdout.trim(), '-d', 'lastpair', '-Atqc',
		`SELECT count(pg_terminate_backend(pid)) FROM (${pids}) q`]);

	assert.equal(code, 0, stderr);
	return Number(stdout);
}
