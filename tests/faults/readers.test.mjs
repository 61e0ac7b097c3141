/** Readers who have stopped reading, and very many who read: the daemon's memory is bounded, and the others notice nothing. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { startTool, tool } from '../lib/crowd.mjs';
import { Stream } from '../lib/sse.mjs';
import { metric, newDrop, people, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const STOPPED = 500;
const IDLE = Number(process.env.LASTPAIR_TEST_READERS ?? 10_000);
const CHANGES = 150;
const TOLD_MS = 10_000;	/* the tick widens to a second at most, and this machine may have other work */
const GREEDY = 300;
const GREEDY_KIB = 100 * 1024;	/* 16 MiB of what they have to take yet, beside what everybody's costs */
const KIB_EACH = 64;	/* that a stopped reader may cost at most: what the sockets hold is the kernel's */

/** Memory of the daemon itself, in KiB. */
function rss() {
	const [pid] = stack.pids('lastpair-sse');

	return Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)?.[1]);
}

/** @param {number[]} all */
function times(all) {
	all.sort((a, b) => a - b);
	return { p50: all[all.length >> 1] ?? 0, max: all.at(-1) ?? 0 };
}

/** @param {ReturnType<typeof times>} t */
const say = ({ p50, max }) => `${Math.round(p50)} ms (p50), ${Math.round(max)} ms (at most)`;

/** Changes a drop again and again; gives how late, in milliseconds, a reader hears of it each time, and how long each call took.
 * @param {Stream} stream @param {import('../lib/store.mjs').Person[]} users @param {number} [rest]  between two changes, in milliseconds */
async function delays(stream, users, rest = 0) {
	const drop = await newDrop({ totalStock: 10_000, holdSeconds: 300 });
	/** @type {number[]} */
	const told = [];
	/** @type {number[]} */
	const called = [];

	for (const { api } of users) {
		if (rest)
			await pause(rest);
		const asked = performance.now();
		const hold = await reserve(api, drop.id);
		const answered = Date.now();

		called.push(performance.now() - asked);
		assert.ok(hold.id);
		const event = await stream.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.reservedStock > told.length, { ms: 10_000 });

		told.push(Math.max(0, event.at - answered));
	}
	return { told: times(told), called: times(called) };
}

/** Opens so many streams with one client, and waits until the daemon has them.
 * @param {import('node:test').TestContext} t @param {number} n @param {{to?: string, path?: string}} [where] */
async function open(t, n, { to = String(stack.port), path: address = '/api/events' } = {}) {
	const before = await metric('lastpair_sse_subscribers');
	const client = startTool(await tool('readers'), ['--connect', to, '--path', address, '--readers', String(n), '--rate', '2000']);

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
	t.diagnostic(`a change is at the others after ${say(late.told)}; without them ${say(calm.told)}`);
	t.diagnostic(`a reserve takes ${say(late.called)}; without them ${say(calm.called)}`);
	assert.ok(grown < STOPPED * KIB_EACH, `${grown} KiB more`);
	assert.ok(late.told.p50 < calm.told.p50 * 10 + 1000, 'the others are told in time');
	assert.equal(watcher.ended, false);
});

test('300 readers who ask for a hundred large drops by number and take nothing: bounded memory, and nobody else notices', { timeout: 120_000 }, async (t) => {
	const sizes = Array.from({ length: 100 }, (_, i) => ({ size: `${i}`, totalStock: 100 }));
	const ids = [];

	for (let i = 0; i < 100; i++)
		ids.push((await newDrop({ name: 'x'.repeat(100), sizes })).id);
	const watcher = await Stream.open(stack.port);

	t.after(async () => {
		watcher.close();
		/* or every reader of the tests to come would be shown them */
		await stack.sql(`UPDATE lastpair.drops SET starts_at = clock_timestamp() - interval '3 hours', ends_at = clock_timestamp() - interval '2 hours' WHERE id IN (${ids.join()})`);
	});
	await watcher.next('snapshot');
	const before = rss();
	/* straight to the daemon, as through a web server that takes no more than its client does */
	const all = Array.from({ length: GREEDY }, () => net.connect(`${stack.dir}/run/sse.sock`).on('error', () => {}).pause());

	t.after(() => all.forEach((socket) => socket.destroy()));
	all.forEach((socket) => socket.write(`GET /api/events?drops=${ids.join(',')} HTTP/1.1\r\nHost: a\r\n\r\n`));
	let most = 0;
	const until = Date.now() + 5000;

	while (Date.now() < until) {
		most = Math.max(most, rss() - before);
		await pause(20);
	}
	const [one] = await people(1);

	const hold = await reserve(/** @type {any} */ (one).api, ids[0], '1');
	await watcher.next((e) => e.event === 'stock:update' && e.data.dropId === ids[0], { ms: 10_000 });
	t.diagnostic(`${GREEDY} such readers: the daemon had at most ${Math.round(most / 1024)} MiB more`);
	assert.ok(most < GREEDY_KIB, `${most} KiB more`);
	assert.equal(watcher.ended, false);
	await /** @type {any} */ (one).api.del(`/api/reservations/${hold.id}`);
});

for (const [who, narrow] of /** @type {[string, boolean][]} */ ([['of a drop that rests', true], ['of everything', false]])) {
	test(`${IDLE.toLocaleString('en-US')} idle readers ${who}: bounded memory, and a change is at the others ${narrow ? 'as before' : 'within what the tick widens to'}`, { timeout: 180_000 }, async (t) => {
		const users = await people(140);
		const watcher = await Stream.open(stack.port);
		const quiet = await newDrop();
		const path = narrow ? `/api/events?drops=${quiet.id}` : '/api/events';

		t.after(() => watcher.close());
		await watcher.next('snapshot');
		await delays(watcher, users.slice(0, 10));
		const [calm, before] = [await delays(watcher, users.slice(10, 50)), rss()];

		/* nginx has two descriptors for each of its half, and one of its processes may have them all */
		await Promise.all([open(t, IDLE / 2, { path }), open(t, IDLE / 2, { path, to: `${stack.dir}/run/sse.sock` })]);
		const paced = await delays(watcher, users.slice(50, 60), 1000);
		const late = await delays(watcher, users.slice(60, 100));
		const grown = rss() - before;

		t.diagnostic(`${IDLE} idle readers ${who}: the daemon has ${Math.round(rss() / 1024)} MiB, ${(grown / IDLE).toFixed(1)} KiB for each of them`);
		t.diagnostic(`a change is at the others after ${say(late.told)}, one a second ${say(paced.told)}; without them ${say(calm.told)}`);
		t.diagnostic(`a reserve takes ${say(late.called)}, one a second ${say(paced.called)}; without them ${say(calm.called)}`);
		assert.ok(grown < IDLE * 16 + 4096, `${grown} KiB more`);
		assert.ok(late.told.p50 < (narrow ? calm.told.p50 * 10 + 1000 : TOLD_MS), 'the others are told in time');
		assert.equal(watcher.ended, false);
	});
}
