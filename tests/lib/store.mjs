/** People and drops for a test: made in bulk and under names of their own, so that tests never meet. */
import assert from 'node:assert/strict';
import { Caller } from './http.mjs';
import { ADMIN } from './stack.mjs';
import { stack } from './suite-stack.mjs';
import { waitFor } from './wait.mjs';

/** bcrypt of PASSWORD, as another system would have stored it: no test has to spend time on hashing. */
export const PASSWORD = 'correct horse battery';
export const HASH = '$2b$10$abcdefghijklmnopqrstuuCj7fyLDJytXL.TfOiOeiv0fQvSOK1/2';

const RUN = `${Date.now().toString(36)}${process.pid.toString(36)}`;
let counter = 0;

/** A name nobody else has. @param {string} [word] */
export function unique(word = 'x') {
	return `${word}-${RUN}-${++counter}`;
}

/** @typedef {{username: string, email: string, api: Caller}} Person */

/** Fresh tokens of sign-ins, one for each address. @param {string[]} emails @param {import('./stack.mjs').Stack} [on] @returns {Promise<string[]>} */
export async function tokens(emails, on = stack) {
	const { code, stdout, stderr } = await on.ctl(['token', '-'], emails.map((e) => `${e}\n`).join(''));
	const lines = stdout.split('\n').filter(Boolean);

	assert.equal(code, 0, `lastpairctl token: ${stderr}`);
	assert.equal(lines.length, emails.length, 'a token for each address');
	return lines;
}

/** `n` new users who are signed in. @param {number} n @param {string} [role] @param {import('./stack.mjs').Stack} [on] @returns {Promise<Person[]>} */
export async function people(n, role = 'user', on = stack) {
	const names = Array.from({ length: n }, () => unique('u'));
	const list = names.map((username) => ({ username, email: `${username}@test.example` }));
	const csv = list.map(({ username, email }) => `${username},${email},${HASH},${role}\n`).join('');
	const { code, stderr } = await on.ctl(['user', 'import', '-'], csv);

	assert.equal(code, 0, `lastpairctl user import: ${stderr}`);
	const signed = await tokens(list.map(({ email }) => email), on);

	return list.map((person, i) => ({ ...person, api: new Caller(on.port, { token: signed[i] }) }));
}

/** @returns {Promise<Person>} */
export async function person() {
	const [one] = await people(1);

	assert.ok(one);
	return one;
}

/** Nobody in particular. */
export const anyone = new Caller(stack.port);

/** @type {Map<import('./stack.mjs').Stack, Caller>} */
const adminCallers = new Map();

/** The administrator that the stack was started with. @param {import('./stack.mjs').Stack} [on] @returns {Promise<Caller>} */
export async function admin(on = stack) {
	const known = adminCallers.get(on) ?? new Caller(on.port, { token: (await tokens([ADMIN.email], on))[0] });

	adminCallers.set(on, known);
	return known;
}

/** A drop that is live now, with as many pairs as said. @param {Record<string, any>} [fields] @param {import('./stack.mjs').Stack} [on]
 * @returns {Promise<any>} */
export async function newDrop(fields = {}, on = stack) {
	const body = { name: unique('Drop'), priceCents: 12900, ...(fields.sizes ? {} : { totalStock: 5 }), ...fields };
	const res = await (await admin(on)).post('/api/drops', body);

	assert.equal(res.status, 201, res.asked);
	return res.body.drop;
}

/** The drop as it is now: signed-in answers are never cached. @param {number} id @param {import('./stack.mjs').Stack} [on] @returns {Promise<any>} */
export async function dropNow(id, on = stack) {
	const res = await (await admin(on)).get(`/api/drops/${id}`);

	assert.equal(res.status, 200, res.asked);
	return res.body.drop;
}

/** Waits until a drop is in the listing that pages ask for: that of nobody in particular may be a second old. @param {number} id */
export async function listed(id) {
	await waitFor('the drop to be listed', async () => (await anyone.get('/api/drops?limit=200')).body.drops.some((/** @type {{id: number}} */ d) => d.id === id));
}

/** @param {{availableStock: number, reservedStock: number, soldStock: number}} drop */
export const counts = ({ availableStock, reservedStock, soldStock }) => [availableStock, reservedStock, soldStock];

/** Reserves, and expects to get it. @param {Caller} api @param {number} dropId @param {string} [size] */
export async function reserve(api, dropId, size) {
	const res = await api.post(`/api/drops/${dropId}/reservations`, size === undefined ? {} : { size });

	assert.equal(res.status, 201, res.asked);
	return res.body.reservation;
}

/** Buys what is held, and expects to. @param {Caller} api @param {string} reservationId */
export async function purchase(api, reservationId) {
	const res = await api.post(`/api/reservations/${reservationId}/purchase`, {});

	assert.equal(res.status, 201, res.asked);
	return res.body.purchase;
}

/** Every invariant holds in the database. @param {import('./stack.mjs').Stack} [on] */
export async function auditClean(on = stack) {
	const { clean, text } = await on.audit();

	assert.ok(clean, text);
}

/** Closes a drop's gate, behind which every change of it waits, until the function that this gives is called.
 * @param {number} dropId @param {import('./stack.mjs').Stack} [on] @returns {Promise<() => Promise<void>>} */
export async function closeGate(dropId, on = stack) {
	const name = unique('gate');
	const closed = on.ctl(['db', '-Atqc', `SET application_name = '${name}'; BEGIN; SELECT pg_advisory_xact_lock(${dropId}); SELECT pg_sleep(20)`]);

	await waitFor('the gate to be closed', async () => await on.sql(`SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE a.application_name = '${name}' AND l.locktype = 'advisory' AND l.granted`) === '1');
	return async () => {
		await on.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`);
		await closed;
	};
}

/** How many wait at a drop's gate, in the database. @param {number} dropId @param {import('./stack.mjs').Stack} [on] */
export async function waitingAtGate(dropId, on = stack) {
	return Number(await on.sql(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND (classid::bigint << 32 | objid::bigint) = ${dropId}`));
}

/** A figure of /metrics without labels; NaN where there is none. @param {string} name */
export async function metric(name) {
	const { text } = await anyone.get('/metrics');

	return Number(text.match(new RegExp(`^${name} (\\S+)$`, 'm'))?.[1]);
}

/** The cookie of a sign-in: its name, value and attributes. @param {import('./http.mjs').Answer} res */
export function cookieOf(res) {
	const all = res.headers['set-cookie'] ?? [];

	assert.equal(all.length, 1, 'one cookie');
	const [pair = '', ...attributes] = String(all[0]).split('; ');
	const [name = '', value = ''] = pair.split('=');

	return { name, value, attributes };
}
