/** Readers who have stopped reading, and very many who read: the daemon's memory is bounded, and the others notice nothing. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { startTool, tool } from '../lib/crowd.mjs';
import { Stream } from '../lib/sse.mjs';
import { metric, newDrop, people, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const STOPPED = 500;
const IDLE = Number(process.env.LASTPAIR_TEST_READERS ?? 2000);
const CHANGES = 150;
const KIB_EACH = 64;	/* that a stopped reader may cost at most: what the sockets hold is the kernel's */

/** Memory of the daemon itself, in KiB. */
function rss() {
	const [pid] = stack.pids('lastpair-sse');

	return Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)?.[1]);
}

/** Changes a drop again and again; gives how late, in milliseconds, a reader hears of it each time.
 * @param {Stream} stream @param {import('../lib/store.mjs').Person[]} users */
async function delays(stream, users) {
	const drop = await newDrop({ totalStock: 10_000, holdSeconds: 300 });
	const all = [];

	for (const { api } of users) {
		const hold = await reserve(api, drop.id);
		const answered = Date.now();

		assert.ok(hold.id);
		const event = await stream.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.reservedStock >= all.length + 1, { ms: 10_000 });

		all.push(Math.max(0, event.at - answered));
	}
	all.sort((a, b) => a - b);
	return { p50: all[all.length >> 1] ?? 0, max: all[all.length - 1] ?? 0 };
}

/** Opens so many streams with one client, and waits until the daemon has them.
 * @param {import('node:test').TestContext} t @param {number} n */
async function open(t, n) {
	const before = await metric('lastpair_sse_subscribers');
	const client = startTool(await tool('readers'), ['--connect', String(stack.port), '--readers', String(n), '--rate', '2000']);

	t.after(() => {
		client.child.kill('SIGCONT');
		client.child.kill('SIGKILL');
		return client.done;
	});
	await waitFor(`${n} streams`, async () => await metric('lastpair_sse_subscribers') >= before + n, 60_000);
	return client;
}

test('500 readers who have stopped reading: bounded memory, and the others hear of everything as before', { timeout: 120_000 }, async (t) => {
	const users = await people(CHANGES);
	const watcher = await Stream.open(stack.port);

	t.after(() => watcher.close());
	await watcher.next('snapshot');
	const calm = await delays(watcher, users.slice(0, 50));
	const stopped = await open(t, STOPPED);
	const opened = rss();

	stopped.child.kill('SIGSTOP');
	/* much more than fits into the sockets of those who don't read: each of these is told to all */
	const loud = await Promise.all(Array.from({ length: 8 }, () => newDrop({ name: 'x'.repeat(100), sizes: Array.from({ length: 100 }, (_, i) => ({ size: `${i}`, totalStock: 100 })) })));

	for (let i = 0; i < 60; i++) {
		await Promise.all(loud.map((drop, j) => reserve(/** @type {any} */ (users[i]).api, drop.id, `${j}`)));
		await pause(30);
	}
	const late = await delays(watcher, users.slice(50, 100));
	const grown = rss() - opened;

	t.diagnostic(`${STOPPED} stopped readers: the daemon has ${Math.round(rss() / 1024)} MiB, ${Math.round(grown / 1024)} MiB more than when they came`);
	t.diagnostic(`a change is at the others after ${late.p50} ms (p50), ${late.max} ms (at most); without them ${calm.p50} and ${calm.max} ms`);
	assert.ok(grown < STOPPED * KIB_EACH, `${grown} KiB more`);
	assert.ok(late.p50 < calm.p50 * 10 + 1000, 'the others are told in time');
	assert.equal(watcher.ended, false);
});

test(`${IDLE.toLocaleString('en-US')} idle readers: bounded memory, and a change is at the others as before`, { timeout: 180_000 }, async (t) => {
	const users = await people(100);
	const watcher = await Stream.open(stack.port);

	t.after(() => watcher.close());
	await watcher.next('snapshot');
	const [calm, before] = [await delays(watcher, users.slice(0, 50)), rss()];

	await open(t, IDLE);
	const late = await delays(watcher, users.slice(50));
	const grown = rss() - before;

	t.diagnostic(`${IDLE} idle readers: the daemon has ${Math.round(rss() / 1024)} MiB, ${(grown / IDLE).toFixed(1)} KiB for each of them`);
	t.diagnostic(`a change is at the others after ${late.p50} ms (p50), ${late.max} ms (at most); without them ${calm.p50} and ${calm.max} ms`);
	assert.ok(grown < IDLE * 16 + 4096, `${grown} KiB more`);
	assert.ok(late.p50 < calm.p50 * 10 + 1000, 'the others are told in time');
	assert.equal(watcher.ended, false);
});
