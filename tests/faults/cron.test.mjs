/** The expiry: away for a while, and two of it at once. What has lapsed is free at once, never sold, and returned once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { service, underLoad } from '../lib/faults.mjs';
import { BUILD, run } from '../lib/stack.mjs';
import { auditClean, counts, dropNow, newDrop, people } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const AWAY_MS = 10_000;
const ROUNDS = 100;

/** With cron stopped, and the expiry that it started. @param {() => Promise<any>} during */
async function withoutExpiry(during) {
	await service('down', 'cron');
	for (const pid of stack.pids('lastpair-expire'))
		process.kill(pid, 'SIGKILL');
	await waitFor('the expiry to be gone', () => stack.pids('lastpair-expire').length === 0);
	try {
		return await during();
	} finally {
		await service('up', 'cron');
	}
}

/** Reserves a pair for each, and waits until the last of these holds has lapsed.
 * @param {import('../lib/store.mjs').Person[]} users @param {number} dropId */
async function letLapse(users, dropId) {
	const holds = await Promise.all(users.map(({ api }) => api.post(`/api/drops/${dropId}/reservations`, {})));

	assert.deepEqual([...new Set(holds.map((res) => res.status))], [201]);
	const last = Math.max(...holds.map((res) => Date.parse(res.body.reservation.expiresAt)));

	await pause(last - Date.now() + 2);
	return holds.map((res) => String(res.body.reservation.id));
}

test('cron off for a while under load: no lapsed hold is sold, and what lapsed is there for the next at once', async (t) => {
	const drop = await newDrop({ totalStock: 30, holdSeconds: 1 });
	const users = await people(60);

	const { figures } = await underLoad(t, (load) => withoutExpiry(async () => {
		const until = Date.now() + AWAY_MS;
		const lapsed = await letLapse(users.slice(0, 30), drop.id);
		const began = Date.now();
		const sold = await Promise.all(lapsed.map((id, i) => users[i]?.api.post(`/api/reservations/${id}/purchase`, {})));
		const next = await Promise.all(users.slice(30).map(({ api }) => api.post(`/api/drops/${drop.id}/reservations`, {})));

		t.diagnostic(`30 lapsed pairs, with no expiry: tried in vain to be bought, then reserved by 30 others, all within ${Date.now() - began} ms`);
		assert.deepEqual([...new Set(sold.map((res) => res?.status))], [410]);
		assert.deepEqual([...new Set(next.map((res) => res.status))], [201]);
		await pause(until - Date.now());
		assert.ok((await load.success('reserve')) >= 0);
		assert.deepEqual(stack.pids('lastpair-expire'), [], 'there really was no expiry');
	}));

	assert.equal(figures.unknown, 0, JSON.stringify(figures.answers));
	await waitFor('cron to return what was left', async () => counts(await dropNow(drop.id)).join() === '30,0,0', 15_000);
});

/** Runs two of the expiry at the same moment; gives how many holds each says it returned. */
async function twoAtOnce() {
	const conf = path.join(stack.dir, 'run/twice.conf');

	fs.writeFileSync(conf, `${fs.readFileSync(path.join(stack.dir, 'lastpair.conf'), 'utf8')}\nlog_dir =\n`);	/* so that they say it here */
	return Promise.all([1, 2].map(async () => {
		const { code, stderr } = await run(path.join(BUILD, 'lastpair-expire'), ['-c', conf, '--once']);

		assert.equal(code, 0, stderr);
		return [...stderr.matchAll(/returned (\d+) lapsed holds/g)].reduce((n, [, count]) => n + Number(count), 0);
	}));
}

/** Hears what is published, as the daemon does. @param {import('node:test').TestContext} t */
function listen(t) {
	const child = spawn('redis-cli', ['-s', path.join(stack.dir, 'run/redis.sock'), 'subscribe', 'lastpair'], { stdio: ['ignore', 'pipe', 'inherit'] });
	const heard = { text: '' };

	child.stdout.setEncoding('utf8').on('data', (text) => { heard.text += text; });
	t.after(() => child.kill());
	return heard;
}

test('two expiry binaries at once, a hundred times: each lapsed hold is returned and told once', { timeout: 120_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 100_000, holdSeconds: 1 });
	const users = await people(300);
	const heard = listen(t);

	await waitFor('the subscription', () => heard.text.includes('subscribe'));
	await withoutExpiry(async () => {
		let turn = 0;
		let over = false;
		/** @type {string[]} */
		const made = [];
		/* 100 a second lapse while the two are at work, each user's once: nobody cools down */
		const reserving = (async () => {
			for (; !over && turn < users.length; turn++) {
				const res = await users[turn]?.api.post(`/api/drops/${drop.id}/reservations`, {});

				assert.equal(res?.status, 201);
				made.push(res?.body.reservation.id);
				await pause(10);
			}
		})();
		let [both, returned] = [0, 0];

		for (let i = 0; i < ROUNDS; i++) {
			const [a = 0, b = 0] = await twoAtOnce();

			returned += a + b;
			both += Number(a > 0 && b > 0);
		}
		over = true;
		await reserving;
		await pause(1100);
		returned += (await twoAtOnce()).reduce((n, m) => n + m);
		const expired = (await stack.sql(`SELECT id FROM lastpair.reservations WHERE drop_id = ${drop.id} AND status = 'expired' AND closed_at >= expires_at`)).split('\n');
		const told = [...heard.text.matchAll(/reservation:expired [^\n]*?"reservationId" ?: ?"([0-9a-f-]{36})"/g)].map(([, id]) => String(id)).filter((id) => made.includes(id));

		t.diagnostic(`${made.length} holds lapsed; ${returned} of them returned by the two, in ${both} rounds by both; ${told.length} messages said so`);
		assert.deepEqual(expired.sort(), [...made].sort(), 'all have lapsed, and were returned after their time');
		assert.deepEqual(told.sort(), [...made].sort(), 'each was told once');
		assert.ok(returned > 0 && returned <= made.length, 'by the two, or by a reserve that came before them');
		assert.deepEqual(counts(await dropNow(drop.id)), [100_000, 0, 0]);
		await auditClean();
	});
});
