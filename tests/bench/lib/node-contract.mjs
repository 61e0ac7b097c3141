/** Whether the Node side keeps the outside contract where the bench relies on it: what is fast by being wrong is no comparison. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Caller } from '../../lib/http.mjs';
import { waitFor } from '../../lib/wait.mjs';

const RIVALS = 50;
const PAIRS = 7;

/** Tries a server; throws where it does otherwise. @param {import('./node.mjs').NodeServer} server */
export async function tryContract(server) {
	const users = fs.readFileSync(server.side.tokens, 'utf8').split('\n').slice(0, RIVALS).map((token) => new Caller(server.port, { token }));

	await neverOversold(server, users);
	await oneHoldOnePurchase(server, users);
	await backOnSale(server, users);
	await refusals(server, users);
}

/** @param {number} id */
const reservationsOf = (id) => `/api/drops/${id}/reservations`;

/** @param {import('./node.mjs').NodeServer} server @param {Caller[]} users */
async function neverOversold(server, users) {
	const { id } = await server.drop({ totalStock: PAIRS });
	const answers = await Promise.all(users.map((user) => user.post(reservationsOf(id), {})));

	assert.equal(answers.filter(({ status }) => status === 201).length, PAIRS);
	assert.ok(answers.every(({ status, body }) => status === 201 || body.code === 'sold_out'));
}

/** @param {import('./node.mjs').NodeServer} server @param {Caller[]} users */
async function oneHoldOnePurchase(server, [user, other]) {
	const { id } = await server.drop();
	const tries = await Promise.all([1, 2, 3, 4].map(() => user.post(reservationsOf(id), {})));
	const holds = tries.filter(({ status }) => status === 201);

	assert.equal(holds.length, 1);
	assert.ok(tries.every(({ status, body }) => status === 201 || body.code === 'already_reserved'));
	const purchase = `/api/reservations/${holds[0].body.reservation.id}/purchase`;
	const bought = await Promise.all([1, 2, 3].map(() => user.post(purchase)));

	assert.deepEqual(bought.map(({ status }) => status).sort(), [200, 200, 201]);
	assert.equal(new Set(bought.map(({ text }) => text)).size, 1);
	assert.equal((await other.post(purchase)).status, 404);
	assert.equal((await user.post(reservationsOf(id), {})).body.code, 'limit_reached');
}

/** @param {import('./node.mjs').NodeServer} server @param {Caller[]} users */
async function backOnSale(server, [user]) {
	const { id } = await server.drop({ holdSeconds: 1 });
	const free = async () => (await user.get(`/api/drops/${id}`)).body.drop.availableStock;
	const hold = async () => `/api/reservations/${(await user.post(reservationsOf(id), {})).body.reservation.id}`;
	const all = await free();

	assert.equal((await user.del(await hold())).body.reservation.status, 'released');
	assert.equal(await free(), all);
	const lapsing = await hold();

	assert.equal(await free(), all - 1);
	await waitFor('the hold to lapse', async () => await free() === all);
	assert.equal((await user.post(`${lapsing}/purchase`)).body.code, 'reservation_expired');
}

/** @param {import('./node.mjs').NodeServer} server @param {Caller[]} users */
async function refusals(server, [user]) {
	const later = new Date(Date.now() + 3600e3);
	const reserve = async (/** @type {object} */ fields) => user.post(reservationsOf((await server.drop(fields)).id), {});

	assert.equal((await reserve({ dropStartsAt: later })).body.code, 'not_started');
	assert.equal((await reserve({ dropStartsAt: '2020-01-01T00:00:00Z', dropEndsAt: '2020-01-02T00:00:00Z' })).body.code, 'ended');
	assert.equal((await reserve({ isActive: false })).body.code, 'paused');
	assert.equal((await user.post(reservationsOf(999999999), {})).status, 404);
	assert.equal((await user.post('/api/drops', {})).status, 403);
	assert.equal((await new Caller(server.port).post(reservationsOf(1), {})).status, 401);
}
