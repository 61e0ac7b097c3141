/** Our own stored functions called by pgbench alone: no worker, no nginx, no JSON to read. */
import { pgbench } from './load.mjs';

/** A session whose id can be told from a number, since a script of pgbench has no table to look in. */
const SESSION = (/** @type {string} */ n) => `('00000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

/** Gives each user of the load such a session. @param {import('./store.mjs').Store} store */
export async function signInByNumber(store) {
	await store.sql(`INSERT INTO lastpair.sessions SELECT ${SESSION('n')}, id, now(), now() + interval '1 day'
		FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM lastpair.users WHERE username LIKE 'u%') u`);
}

/** The columns that a worker asks for. */
const CALL = "SELECT status, code, body, array_to_string(events, E'\\n') FROM api.reserve";
const NONE = (/** @type {number} */ size) => `array_fill(NULL::text, ARRAY[${size}])`;

/** 7919 has no factor in common with the number of users, so the users come in no order, and none twice. */
const one = (/** @type {number} */ users) => `\\set n :n + 1
\\set u (:n * 7919) % ${users}
\\startpipeline
${CALL}(:drop, ARRAY[gen_random_uuid()], ARRAY[${SESSION(':u')}], ${NONE(1)}, ${NONE(1)}, ${NONE(1)});
SELECT api.durable();
\\endpipeline
`;

const batch = (/** @type {number} */ size, /** @type {number} */ clients) => `\\set b (:n * ${clients} + :client_id) * ${size}
\\set n :n + 1
${CALL}(:drop, (SELECT array_agg(gen_random_uuid()) FROM generate_series(1, ${size})),
	(SELECT array_agg(${SESSION(':b + i')}) FROM generate_series(0, ${size - 1}) i),
	${NONE(size)}, ${NONE(size)}, ${NONE(size)});
SELECT api.durable();
`;

/** Runs a script on a fresh drop, and looks whether as many pairs are held as it reserved.
 * @param {import('./store.mjs').Store} store @param {string} script @param {number} size
 * @param {{clients: number, seconds?: number, transactions?: number}} load */
async function onFreshDrop(store, script, size, load) {
	const drop = await store.drop();
	const got = await pgbench({ host: store.sockets, script, define: { drop: drop.id, n: 0 }, ...load });
	const held = await store.held([drop.id]);

	if (held !== got.transactions * size)
		throw new Error(`pgbench reserved ${got.transactions} times ${size} pairs, but the database holds ${held}`);
	return got;
}

/** One reserve after the other, and api.durable() with it in one round trip. Unlike a worker's pipeline pgbench's has no
 * sync point between the two, so they are one transaction: a little less work than the worker's two.
 * @param {import('./store.mjs').Store} store @param {number} [seconds] */
export function bareReserves(store, seconds = 4) {
	return onFreshDrop(store, one(store.users), 1, { clients: 1, seconds });
}

/** Batches of `size`, two clients, each user once.
 * @param {import('./store.mjs').Store} store @param {number} size @returns {Promise<number>} reserves a second */
export async function bareBatches(store, size) {
	const clients = 2;
	const transactions = Math.floor(store.users / size / clients);
	const { perSecond } = await onFreshDrop(store, batch(size, clients), size, { clients, transactions });

	return perSecond * size;
}
