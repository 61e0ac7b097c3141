/** Workers that are told to end, by whoever supervises them, first answer what they have in hand. */
import assert from 'node:assert/strict';
import { auditClean, closeGate, newDrop, person, waitingAtGate } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

test('a restart of the workers answers the reserve that waits for its turn, and buyers go on with the new ones', async () => {
	const [drop, who] = [await newDrop(), await person()];
	const before = stack.pids('lastpair-api');
	const open = await closeGate(drop.id);
	const reserve = who.api.post(`/api/drops/${drop.id}/reservations`, {});

	try {
		await waitFor('the reserve to wait at the gate', async () => await waitingAtGate(drop.id) === 1);
		process.kill(stack.pid('api'), 'SIGTERM');	/* as a restart of the service does */
		await Promise.race([reserve, pause(500)]);
	} finally {
		await open();
	}
	const res = await reserve;

	assert.equal(res.status, 201, res.asked);
	await waitFor('the old workers of the pool to have gone', () => stack.pids('lastpair-api').filter((pid) => !before.includes(pid)).length >= 1);
	await stack.whole();
	assert.equal((await who.api.post(`/api/reservations/${res.body.reservation.id}/purchase`, {})).status, 201);
	await auditClean();
});
