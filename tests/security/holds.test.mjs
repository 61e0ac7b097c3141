/** A pair can't be kept from others for ever. OWASP API Top 10 2023: API6 (sensitive business flows). */
import assert from 'node:assert/strict';
import { assertProblem } from '../lib/shapes.mjs';
import { admin, auditClean, newDrop, people, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

/** The hold is over now, as if its time had passed. @param {string} id */
const lapse = (id) => stack.sql(`UPDATE lastpair.reservations SET created_at = created_at - interval '61 s', expires_at = expires_at - interval '61 s' WHERE id = '${id}'`);

test('API6: one user\'s back-to-back holds of a scarce drop end: after two lapses others go first', async () => {
	const [hoarder, honest] = await people(2);
	const drop = await newDrop({ totalStock: 1 });
	const path = `/api/drops/${drop.id}/reservations`;

	assert.ok(hoarder && honest);
	await lapse((await reserve(hoarder.api, drop.id)).id);
	const second = await waitFor('the next hold', async () => {
		const res = await hoarder.api.post(path, {});

		return res.status === 201 && res.body.reservation;	/* a first lapse costs nothing */
	});
	await lapse(second.id);
	const refused = await waitFor('the refusal', async () => {
		const res = await hoarder.api.post(path, {});

		return res.body.code === 'cooling_down' && res;
	});
	assertProblem(refused, 409, 'cooling_down');
	const wait = Number(refused.headers['retry-after']);
	assert.ok(wait > 50 && wait <= 60, `${wait}`);
	const hold = await reserve(honest.api, drop.id);
	assertProblem(await hoarder.api.post(path, {}), 409, 'sold_out');
	assert.equal((await honest.api.del(`/api/reservations/${hold.id}`)).status, 200);
	assertProblem(await hoarder.api.post(path, {}), 409, 'cooling_down');
	await stack.sql(`UPDATE lastpair.lapses SET last_at = last_at - interval '60 s' WHERE drop_id = ${Number(drop.id)}`);
	await reserve(hoarder.api, drop.id);
	await auditClean();
	console.log(`# refused after 2 lapses of 60 s, for ${wait} s; to another the pair was free at once`);
});

test('API6: nor does it help to give each back at the last moment and to take the next at once', async () => {
	const [hoarder, honest] = await people(2);
	const drop = await newDrop({ totalStock: 1 });
	const path = `/api/drops/${drop.id}/reservations`;
	let kept = 0;

	assert.ok(hoarder && honest);
	for (; kept < 10; kept++) {
		const res = await hoarder.api.post(path, {});

		if (res.status !== 201) {
			assertProblem(res, 409, 'cooling_down');
			assert.ok(Number(res.headers['retry-after']) > 50, String(res.headers['retry-after']));
			break;
		}
		await stack.sql(`UPDATE lastpair.reservations SET created_at = created_at - interval '59 s' WHERE id = '${res.body.reservation.id}'`);
		assert.equal((await hoarder.api.del(`/api/reservations/${res.body.reservation.id}`)).status, 200);
	}
	assert.equal(kept, 3, 'holds, the last of which was one too many');
	await reserve(honest.api, drop.id);
	await auditClean();
	console.log(`# refused after ${kept} holds of 59 s that were given back; to another the pair was free at once`);
});

test('API6: the cool-down is a setting of the drop, and a change of mind or buying never leads to it', async () => {
	const [one] = await people(1);
	const drop = await newDrop({ totalStock: 1, coolDownSeconds: 0 });
	const careful = await newDrop({ totalStock: 1 });

	assert.ok(one);
	for (let i = 0; i < 4; i++)
		await lapse((await waitFor('a hold', async () => (await one.api.post(`/api/drops/${drop.id}/reservations`, {})).body.reservation)).id);
	for (let i = 0; i < 6; i++)
		assert.equal((await one.api.del(`/api/reservations/${(await reserve(one.api, careful.id)).id}`)).status, 200);
	assertProblem(await (await admin()).patch(`/api/drops/${drop.id}`, { coolDownSeconds: 3601 }), 400, 'invalid', ['coolDownSeconds']);
	assert.equal((await (await admin()).patch(`/api/drops/${drop.id}`, { coolDownSeconds: 5 })).status, 200);
	const { actions } = (await (await admin()).get(`/api/admin/actions?drop=${drop.id}`)).body;
	assert.deepEqual([actions[0].before, actions[0].after], [{ coolDownSeconds: 0 }, { coolDownSeconds: 5 }]);
});

test('API6: a user holds one pair of a drop at a time, however many calls come at once', async () => {
	const [one] = await people(1);
	const drop = await newDrop({ totalStock: 50, maxPerUser: 9 });

	assert.ok(one);
	const all = await Promise.all(Array.from({ length: 50 }, () => one.api.post(`/api/drops/${drop.id}/reservations`, {})));
	const held = all.filter((res) => res.status === 201).length;

	assert.equal(held, 1);
	console.log(`# ${all.length} reserves of one user at once: ${held} hold`);
});
