/** Workers killed, ended and flooded. The worst moments to end at are in failpoints.test.mjs. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { FcgiConnection } from '../lib/fcgi.mjs';
import { assertClear, promised, sells, service, underLoad } from '../lib/faults.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { auditClean, closeGate, counts, dropNow, newDrop, people } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

test('every worker killed at once, again and again under load: they are back at once, and what was acknowledged is there', async (t) => {
	/** @type {number[]} */
	const back = [];
	const { load, figures } = await underLoad(t, async (l) => {
		await waitFor('workers of both pools', () => stack.pids('lastpair-api').length >= 2);
		for (let i = 0; i < 8; i++) {
			const before = stack.kill('lastpair-api');
			const killed = Date.now();

			back.push(await l.success('reserve', { after: killed }));
			await waitFor('all of them', () => stack.pids('lastpair-api').filter((pid) => !before.includes(pid)).length >= before.length, 15_000);
			await pause(300);
		}
	});

	assertClear(load, { cut: true });
	promised(t, `killed ${back.length} times; the slowest reserve acknowledged after that`, Math.max(...back), 1000);
	promised(t, 'the browsers were behind at most', figures.lag.max, 2000);
	await stack.whole();
});

test('one worker killed again and again during a rush: what was promised stands, and nothing is sold twice', async () => {
	const drop = await newDrop({ totalStock: 40, holdSeconds: 300 });
	const users = await people(120);
	let over = false;
	const killer = (async () => {
		for (let i = 0; i < 6 && !over; i++) {
			const [pid] = stack.pids('lastpair-api');

			if (pid)
				process.kill(pid, 'SIGKILL');
			await pause(150);
		}
	})();
	const all = await Promise.all(users.map(async ({ api }) => {
		const key = crypto.randomBytes(12).toString('hex');

		/* as the page does it: the same key again until there is an answer */
		return waitFor('an answer', async () => {
			const res = await api.post(`/api/drops/${drop.id}/reservations`, {}, { 'Idempotency-Key': key });

			return res.status < 500 && res;
		}, 30_000);
	}));
	over = true;
	await killer;
	const won = all.filter((res) => res.status === 201);
	assert.equal(won.length, 40);
	assert.ok(all.every((res) => res.status === 201 || res.body.code === 'sold_out'), 'nobody is told "already_reserved" about a hold of this very key');
	const active = await stack.sql(`SELECT string_agg(id::text, ' ' ORDER BY id) FROM lastpair.reservations WHERE drop_id = ${drop.id} AND status = 'active'`);
	assert.equal(active, won.map((res) => res.body.reservation.id).sort().join(' '), 'each hold is its caller\'s');
	await auditClean();
});

test('a worker told to end answers the request it has in hand', async () => {
	const drop = await newDrop({ totalStock: 500, holdSeconds: 300 });
	const users = await people(150);
	const calls = users.map(({ api }) => api.post(`/api/drops/${drop.id}/reservations`, {}).then((res) => res.status, () => 0));

	stack.kill('lastpair-api', 'SIGTERM');
	const all = await Promise.all(calls);
	assert.deepEqual([...new Set(all)], [201], 'nobody was dropped');
	await sells('the workers were told to end', 15_000);
	await auditClean();
});

/** For how long nginx may still use a connection to a worker that takes no new ones: the longest that one is used, and then
 * kept idle, by its own settings. */
function usableMs() {
	const site = fs.readFileSync(path.join(stack.dir, 'nginx-site.conf'), 'utf8');
	const pools = [...site.matchAll(/keepalive_time (\d+)ms;\s+keepalive_timeout (\d+)ms;/g)];

	assert.equal(pools.length, 3, 'each upstream of workers has these settings');
	return Math.max(...pools.map(([, time, idle]) => Number(time) + Number(idle)));
}

/** Has every worker told to end, asks on connections that it keeps, and says what became of them. The last request of each is
 * sent at the last moment that nginx may. @param {string} token */
async function askToTheLast(token) {
	const folder = path.join(stack.dir, 'socketdir');
	const sockets = fs.existsSync(folder) ? fs.readFileSync(folder, 'utf8').trim() : path.join(stack.dir, 'run');
	const me = { REQUEST_METHOD: 'GET', DOCUMENT_URI: '/api/auth/me', HTTP_AUTHORIZATION: `Bearer ${token}`, CONTENT_LENGTH: '0' };
	const kept = await Promise.all(['api', 'auth'].flatMap((pool) => Array.from({ length: 4 }, () => FcgiConnection.open(path.join(sockets, `${pool}.sock`)))));
	const busy = kept.filter((_, i) => i % 2);
	const before = stack.pids('lastpair-api');
	/** @type {number[]} */
	const statuses = await Promise.all(kept.map((c) => c.ask(me)));

	await pause(600);	/* the others have then been idle for longer than a worker that ends would wait */
	const told = performance.now();
	const lastMoment = told + usableMs() - 50;
	stack.kill('lastpair-api', 'SIGTERM');
	while (performance.now() < lastMoment) {
		await pause(Math.min(100, lastMoment - performance.now()));
		if (performance.now() < lastMoment)
			statuses.push(...await Promise.all(busy.map((c) => c.ask(me))));
	}
	const last = kept.map((c) => c.ask(me));
	const sentMs = performance.now() - told;
	statuses.push(...await Promise.all(last));
	await waitFor('the workers to have ended', () => !stack.pids('lastpair-api').some((pid) => before.includes(pid)), 5000);
	for (const c of kept)
		c.close();
	return { statuses, inTime: sentMs <= usableMs() };
}

test('a worker told to end answers on the connections that nginx keeps for as long as nginx may use them, and then ends', async (t) => {
	const [who] = await people(1);
	let tries = 0;
	let all;

	assert.ok(who);
	do	/* a machine that is too busy to ask in time shows nothing */
		all = await askToTheLast(who.api.token);
	while (!all.inTime && ++tries < 5);
	assert.ok(all.inTime, 'the last requests were sent in time, in one of five tries');
	t.diagnostic(`${all.statuses.length} requests, the last ones ${usableMs() - 50} ms after the signal`);
	assert.deepEqual([...new Set(all.statuses)], [200], 'no connection was closed before');
	await sells('the workers were told to end', 15_000);
});

test('more reserves than may wait are answered 503 with Retry-After at once, and the others get theirs', async () => {
	const conf = path.join(stack.dir, 'lastpair.conf');
	const kept = fs.readFileSync(conf);
	const drop = await newDrop({ totalStock: 100, holdSeconds: 300 });
	const users = await people(60);
	const restart = async () => {
		await service('restart', 'api');
		await stack.whole();
	};

	fs.appendFileSync(conf, 'reserve_queue = 4\n');
	try {
		await restart();
		const workers = stack.pids('lastpair-api').length;
		const open = await closeGate(drop.id);
		const began = Date.now();
		let slowest = 0;
		const asked = users.map(({ api }) => api.post(`/api/drops/${drop.id}/reservations`, {}).then((res) => {
			if (res.status === 503)
				slowest = Math.max(slowest, Date.now() - began);
			return res;
		}));

		await pause(1000);
		await open();
		const all = await Promise.all(asked);
		const away = all.filter((res) => res.status === 503);
		const held = all.filter((res) => res.status === 201);
		assert.equal(away.length + held.length, 60);
		assert.ok(held.length >= 5 && held.length <= 5 * workers, `${held.length} got theirs`);
		for (const res of away) {
			assertProblem(res, 503, 'unavailable');
			assert.match(res.headers['retry-after'] ?? '', /^[1-9]/);
		}
		assert.ok(slowest < 1000, `the last was told after ${slowest} ms, before the gate was opened`);
		assert.deepEqual(counts(await dropNow(drop.id)), [100 - held.length, held.length, 0]);
	} finally {
		fs.writeFileSync(conf, kept);
		await restart();
	}
	await auditClean();
});
