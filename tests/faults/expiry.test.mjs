/** A hold is over at its time whether or not the expiry runs. */
import assert from 'node:assert/strict';
import { service } from '../lib/faults.mjs';
import { assertProblem } from '../lib/shapes.mjs';
import { auditClean, counts, dropNow, newDrop, people, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

/** With cron stopped, and the expiry that it started. @param {() => Promise<void>} during */
async function withoutExpiry(during) {
	await service('down', 'cron');
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

test('the expiry killed is started again at once, and meanwhile nothing is lost', async () => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 1 });

	for (const program of ['lastpair-webhooks', 'lastpair-expire']) {
		const old = stack.pids(program);

		assert.ok(old.length > 0, program);
		stack.kill(program);
		await waitFor(`another ${program}`, () => stack.pids(program).some((pid) => !old.includes(pid)), 5000);
	}
	const hold = await reserve((await person()).api, drop.id);
	await waitFor('the deadline', () => Date.now() >= Date.parse(hold.expiresAt) + 2);
	const other = await reserve((await person()).api, drop.id);
	assert.ok(other.id);
	await waitFor('the pair to come back', async () => counts(await dropNow(drop.id)).join() === '1,0,0', 10_000);
});
