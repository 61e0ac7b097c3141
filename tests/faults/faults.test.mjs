/** What is killed comes back by itself, and meanwhile and afterwards the store sells and counts right. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { assertProblem } from '../lib/shapes.mjs';
import { run, Stack } from '../lib/stack.mjs';
import { anyone, auditClean, closeGate, counts, dropNow, newDrop, people, person, purchase, reserve, waitingAtGate } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const service = (/** @type {string} */ verb, /** @type {string} */ name) => run('sv', ['-w', '15', verb, path.join(stack.dir, 'service', name)]);

/** Until every part is up and somebody can reserve and buy. @param {string} after @param {number} [ms] */
async function sells(after, ms = 30_000) {
	await waitFor(`a sale after ${after}`, async () => {
		const drop = await newDrop({ totalStock: 1 });
		const { api } = await person();

		return purchase(api, (await reserve(api, drop.id)).id);
	}, ms);
	await stack.whole(ms);
}

/** Kills what a pid file names and waits for the next one. @param {string} name */
async function replaced(name) {
	const [old] = stack.kill(name);

	await waitFor(`another ${name}`, () => stack.pid(name) !== old, 20_000);
}

/** With cron stopped, and the expiry that it started. @param {() => Promise<void>} during */
async function withoutExpiry(during) {
	assert.equal((await service('down', 'cron')).code, 0);
	for (const pid of stack.pids('lastpair-expire'))
		process.kill(pid, 'SIGKILL');
	await waitFor('the expiry to be gone', () => stack.pids('lastpair-expire').length === 0);
	try {
		await during();
		assert.deepEqual(stack.pids('lastpair-expire'), [], 'there really was none');
	} finally {
		await service('up', 'cron');
	}
}

test('with cron stopped, a lapsed pair is reserved by the next caller at once', async () => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 2 });
	const [one, two, three] = await people(3);

	assert.ok(one && two && three);
	await withoutExpiry(async () => {
		const hold = await reserve(one.api, drop.id);

		assertProblem(await two.api.post(`/api/drops/${drop.id}/reservations`, {}), 409, 'sold_out');
		await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
		assertProblem(await one.api.post(`/api/reservations/${hold.id}/purchase`, {}), 410, 'reservation_expired');
		const next = await two.api.post(`/api/drops/${drop.id}/reservations`, {});
		assert.equal(next.status, 201, next.asked);
		assertProblem(await three.api.post(`/api/drops/${drop.id}/reservations`, {}), 409, 'sold_out');
		assert.deepEqual(counts(await dropNow(drop.id)), [0, 1, 0]);
		await purchase(two.api, next.body.reservation.id);
		assertProblem(await one.api.post(`/api/reservations/${hold.id}/purchase`, {}), 410, 'reservation_expired');
		await auditClean();
	});
});

test('with cron stopped, 60 callers for 10 lapsed pairs get 10', async () => {
	const drop = await newDrop({ totalStock: 10, holdSeconds: 2 });
	const users = await people(70);

	await withoutExpiry(async () => {
		const holds = await Promise.all(users.slice(0, 10).map(({ api }) => reserve(api, drop.id)));

		await waitFor('every deadline', () => holds.every((hold) => Date.now() >= Date.parse(hold.expiresAt) + 2));
		const all = await Promise.all(users.slice(10).map(({ api }) => api.post(`/api/drops/${drop.id}/reservations`, {})));
		assert.equal(all.filter((res) => res.status === 201).length, 10);
		assert.ok(all.every((res) => res.status === 201 || res.body.code === 'sold_out'));
		await auditClean();
	});
});

test('with cron stopped, whoever held a lapsed pair may reserve it again', async () => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 1 });
	const { api } = await person();

	await withoutExpiry(async () => {
		const hold = await reserve(api, drop.id);

		await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
		await reserve(api, drop.id);
		await auditClean();
	});
});

test('cron started again returns what lapsed meanwhile', async () => {
	const drop = await newDrop({ totalStock: 3, holdSeconds: 1 });

	await withoutExpiry(async () => {
		const hold = await reserve((await person()).api, drop.id);

		await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
	});
	await waitFor('the pair to come back', async () => counts(await dropNow(drop.id)).join() === '3,0,0', 10_000);
});

test('the expiry killed is started again within the minute, and meanwhile nothing is lost', { timeout: 100_000 }, async () => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 1 });

	stack.kill('lastpair-expire');
	const hold = await reserve((await person()).api, drop.id);
	await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
	const other = await reserve((await person()).api, drop.id);
	assert.ok(other.id);
	await waitFor('cron to start it', () => stack.pids('lastpair-expire').length > 0, 75_000);
	await waitFor('the pair to come back', async () => counts(await dropNow(drop.id)).join() === '1,0,0', 10_000);
});

test('every worker killed at once comes back, and the store sells on', async () => {
	const before = stack.kill('lastpair-api');

	assert.ok(before.length >= 2);
	await sells('the workers were killed', 15_000);
	await waitFor('all of them', () => stack.pids('lastpair-api').filter((pid) => !before.includes(pid)).length >= before.length, 15_000);
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

test('Redis killed: sales go on at once, and it comes back', async () => {
	const drop = await newDrop({ totalStock: 20, maxPerUser: 20 });
	const { api } = await person();
	const old = stack.kill('redis')[0];
	let slowest = 0;

	for (let i = 0; i < 10; i++) {
		const start = Date.now();

		await purchase(api, (await reserve(api, drop.id)).id);
		slowest = Math.max(slowest, Date.now() - start);
	}
	assert.ok(slowest < 2000, `the slowest reserve and purchase took ${slowest} ms`);
	await waitFor('Redis to be back', () => stack.pid('redis') !== old && stack.whole(1), 20_000);
	await auditClean();
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

test('a Redis that hangs costs a reserve no more than a moment', async () => {
	const drop = await newDrop({ totalStock: 50 });
	const users = await people(10);
	const pid = stack.pid('redis');

	process.kill(pid, 'SIGSTOP');
	try {
		for (const { api } of users) {
			const start = Date.now();

			await reserve(api, drop.id);
			assert.ok(Date.now() - start < 1500, `${Date.now() - start} ms`);
		}
	} finally {
		process.kill(pid, 'SIGCONT');
	}
	await stack.whole();
});

test('PostgreSQL killed comes back with all that was answered, and the store sells on', async () => {
	const drop = await newDrop({ totalStock: 400, holdSeconds: 300 });
	const users = await people(200);
	/** @type {string[]} */
	const promised = [];
	const calls = users.map(async ({ api }, i) => {
		await pause(i);
		const res = await api.post(`/api/drops/${drop.id}/reservations`, {}).catch(() => null);

		if (res?.status === 201)
			promised.push(res.body.reservation.id);
		else if (res)
			assert.ok(res.status >= 500, res.text);
	});

	await pause(60);
	stack.kill('postgres');
	await Promise.all(calls);
	await sells('PostgreSQL was killed', 40_000);
	const held = (await stack.sql(`SELECT id FROM lastpair.reservations WHERE drop_id = ${drop.id}`)).split('\n');
	const lost = promised.filter((id) => !held.includes(id));
	assert.ok(promised.length > 0);
	assert.deepEqual(lost, [], 'what was answered is there');
	await auditClean();
});

test('with PostgreSQL away the API answers 503 as a problem document in a bounded time, and /healthz 503', async () => {
	const { api } = await person();

	await service('down', 'postgres');
	try {
		const start = Date.now();
		const res = await api.get('/api/reservations');

		assertProblem(res, 503, res.body?.code);
		assert.ok(Date.now() - start < 12_000, `${Date.now() - start} ms`);
		const health = await anyone.get('/healthz');
		assert.equal(health.status, 503);
		assert.notEqual(health.body?.status, 'ok');
	} finally {
		await service('up', 'postgres');
	}
	await sells('PostgreSQL was away', 30_000);
});

/** Ends what a query names, as only a superuser may. @param {string} pids  a query @returns {Promise<number>} how many */
async function cut(pids) {
	const superuser = await run('stat', ['-c', '%U', stack.dir]);
	const { code, stdout, stderr } = await run('psql', ['-h', path.join(stack.dir, 'run'), '-U', superuser.stdout.trim(), '-d', 'lastpair', '-Atqc',
		`SELECT count(pg_terminate_backend(pid)) FROM (${pids}) q`]);

	assert.equal(code, 0, stderr);
	return Number(stdout);
}

test('its connections cut, a worker makes new ones and its callers notice nothing worse than a moment', async () => {
	const drop = await newDrop({ totalStock: 100 });
	const users = await people(20);

	for (const { api } of users) {
		await cut("SELECT pid FROM pg_stat_activity WHERE usename = 'lastpair_api'");
		await reserve(api, drop.id);
	}
	await auditClean();
});

test('a connection cut under a call of many: each of them has what it asked for, once', async () => {
	const drop = await newDrop({ totalStock: 100, holdSeconds: 300 });
	const users = await people(60);
	const open = await closeGate(drop.id);
	const asked = users.map(({ api }, i) => api.post(`/api/drops/${drop.id}/reservations`, {}, { 'Idempotency-Key': `cut-under-${i}` }));

	await waitFor('a call at the gate', async () => await waitingAtGate(drop.id) > 0);
	await pause(200);
	const lost = await cut("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");

	assert.ok(lost > 0, 'a call was lost');
	await waitFor('it to be sent again', async () => await waitingAtGate(drop.id) > 0);
	await open();
	const all = await Promise.all(asked);
	assert.deepEqual([...new Set(all.map((res) => res.status))], [201]);
	assert.equal(new Set(all.map((res) => res.body.reservation.id)).size, 60);
	assert.deepEqual(counts(await dropNow(drop.id)), [40, 60, 0]);
	await auditClean();
});

test('more reserves than may wait are answered 503 with Retry-After at once, and the others get theirs', async () => {
	const conf = path.join(stack.dir, 'lastpair.conf');
	const kept = fs.readFileSync(conf);
	const drop = await newDrop({ totalStock: 100, holdSeconds: 300 });
	const users = await people(60);
	const restart = async () => {
		assert.equal((await service('restart', 'api')).code, 0);
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

test('the daemon killed comes back', async () => {
	const old = stack.kill('lastpair-sse');

	await waitFor('another', () => stack.pids('lastpair-sse').some((pid) => !old.includes(pid)), 10_000);
	await stack.whole();
});

test('nginx killed comes back', async () => {
	await replaced('nginx');
	await sells('nginx was killed');
});

test('the supervised parts all killed at once come back', { timeout: 90_000 }, async () => {
	for (const name of ['lastpair-api', 'lastpair-sse', 'redis', 'postgres', 'nginx'])
		stack.kill(name);
	await sells('everything was killed', 60_000);
	await auditClean();
});

/* ---- ./run itself ---- */

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
	const other = await Stack.start();

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
