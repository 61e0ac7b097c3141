import { Store } from '../lib/store.mjs';

export const about = 'whether reserves slow down as a store grows';

const WITHIN = { atLeast: 0.85 };
const DROPS = 500;
const OLD = 10_000_000;
const FEW = 1000;
const MANY = 1_000_000;
const SIGNED_IN = 100_000;

/** @param {import('../lib/bench.mjs').Bench} bench */
export async function run(bench) {
	const small = await Store.start(bench, { name: 'a small store' });

	await small.warmUp();
	await moreDrops(bench, small);
	await oldReservations(bench, small);
	await small.audit('the rush');
	small.stop();
	await moreUsers(bench);
}

/** @param {Store} store */
const rush = async (store) => (await store.reserves()).perSecond;

/** Each request goes to the next of as many fresh drops. @param {Store} store */
const spread = async (store) => (await store.reserves({ drops: await store.drops(DROPS), stay: 1 })).perSecond;

/** The small store has a drop for each measurement, the other as many and 500 more.
 * @param {import('../lib/bench.mjs').Bench} bench @param {Store} small */
async function moreDrops(bench, small) {
	const large = await Store.start(bench, { name: `a store of ${DROPS} drops` });

	bench.step(`making ${DROPS} drops`);
	await large.drops(DROPS);
	await large.warmUp();
	await bench.pair({
		row: `reserves/s on one drop, 1 → ${DROPS} drops on sale`, unit: '1/s', want: WITHIN,
		left: { name: `${DROPS} drops`, measure: () => rush(large) },
		right: { name: '1 drop', measure: () => rush(small) },
	});
	await bench.pair({
		row: `reserves/s spread over ${DROPS} drops, against one drop alone`, unit: '1/s',
		left: { name: `over ${DROPS} drops`, measure: () => spread(large) },
		right: { name: 'on 1 drop', measure: () => rush(small) },
	});
	await large.audit('the rush');
	large.stop();
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} small */
async function oldReservations(bench, small) {
	const large = await Store.start(bench, { name: 'a store with a past' });
	const past = await large.drop({ name: 'Past', dropStartsAt: '2024-01-01T00:00:00.000Z', dropEndsAt: '2025-01-01T00:00:00.000Z' });

	bench.step(`adding ${OLD.toLocaleString('en-US')} old reservations`);
	await addOld(large, past.id);
	for (const store of [large, small])
		await store.checkpoint();
	await large.warmUp();
	await bench.pair({
		row: `reserves/s on one drop, 0 → ${(OLD / 1e6)} million old reservations`, unit: '1/s', want: WITHIN,
		left: { name: `${OLD / 1e6} million old`, measure: () => rush(large) },
		right: { name: 'none', measure: () => rush(small) },
	});
	bench.note(`the ${OLD / 1e6} million were neither vacuumed nor analyzed by hand; by the end autovacuum had done so ${await visits(large)}`);
	await large.audit('the rush');
	large.stop();
}

/** Reservations that ended long ago, evenly over the users and over all ids there can be. They come in the order of both, so
 * that filling the indexes takes one minute and not three. @param {Store} store @param {number} drop */
async function addOld(store, drop) {
	const apart = Math.floor(2 ** 32 / OLD);

	await store.sql(`INSERT INTO lastpair.reservations (id, drop_id, size, user_id, status,
			price_cents, currency, created_at, expires_at, closed_at)
		SELECT (lpad(to_hex(i * ${apart}), 8, '0') || '-0000-4000-8000-000000000000')::uuid, ${drop}, '', u.first + i / (${OLD} / u.count),
		       CASE WHEN i % 2 = 0 THEN 'expired' ELSE 'released' END, 12900, 'USD', t.at, t.at + interval '60 s',
		       t.at + interval '60 s'
		  FROM generate_series(0::bigint, ${OLD - 1}) i
		 CROSS JOIN (SELECT min(id) AS first, count(*) AS count FROM lastpair.users WHERE username LIKE 'u%') u
		 CROSS JOIN LATERAL (SELECT timestamptz '2024-01-01' + i % (${OLD} / u.count) * interval '1 day' AS at) t`);
}

/** @param {Store} store */
async function visits(store) {
	return store.sql("SELECT autovacuum_count || ' and ' || autoanalyze_count || ' times' || CASE WHEN EXISTS " +
		"(SELECT FROM pg_stat_progress_vacuum) THEN ', and was at it' ELSE '' END FROM pg_stat_user_tables WHERE relname = 'reservations'");
}

/** Both sides turn to another drop every 1,000 requests, since a thousand users can hold no more of one.
 * @param {import('../lib/bench.mjs').Bench} bench */
async function moreUsers(bench) {
	const few = await Store.start(bench, { name: `a store of ${FEW.toLocaleString('en-US')} users`, users: FEW });
	const many = await Store.start(bench, { name: `a store of ${MANY.toLocaleString('en-US')} users`, users: 0 });

	bench.step(`adding ${MANY.toLocaleString('en-US')} users and their sessions`);
	await fillWithUsers(many);
	for (const store of [few, many]) {
		await store.checkpoint();
		await turning(store);	/* so that each user's row is met for the first time before */
	}
	await bench.pair({
		row: `reserves/s, ${FEW.toLocaleString('en-US')} → ${MANY.toLocaleString('en-US')} users`, unit: '1/s', want: WITHIN,
		left: { name: `${MANY.toLocaleString('en-US')} users`, measure: () => turning(many) },
		right: { name: `${FEW.toLocaleString('en-US')} users`, measure: () => turning(few) },
	});
	for (const store of [few, many])
		await store.audit('the rush');
}

/** Every tenth of the many takes part in the rush. @param {Store} store */
async function fillWithUsers(store) {
	const every = MANY / SIGNED_IN;

	await store.sql(`INSERT INTO lastpair.users (username, email, password_hash)
		SELECT 'u' || i, 'u' || i || '@load.example', (SELECT password_hash FROM lastpair.users LIMIT 1)
		  FROM generate_series(0, ${MANY - 1}) i`);
	await store.sql(`INSERT INTO lastpair.sessions SELECT gen_random_uuid(), id, now(), now() + interval '1 day'
		FROM lastpair.users WHERE username LIKE 'u%' AND id % ${every} > 0`);
	await store.signIn(Array.from({ length: SIGNED_IN }, (_, i) => `u${i * every}@load.example`));
}

/** @param {Store} store */
async function turning(store) {
	const threads = 2;
	const drops = await store.drops(2 * SIGNED_IN / FEW);	/* more than a rush gets through */

	return (await store.reserves({ drops, stay: FEW / threads })).perSecond;
}
