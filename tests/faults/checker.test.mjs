/** That the checker of the load (lib/invariants.mjs) sees each breach it is for: sound evidence, and one thing wrong in it. */
import assert from 'node:assert/strict';
import { breaches } from '../lib/invariants.mjs';
import test from '../lib/test.mjs';

/** Of one drop of three pairs: one bought by ann, one held by bob, one given back by cid and lapsed for dan; one restocked. */
function sound() {
	/** @type {any} */
	const entry = { dropId: 1, size: '', code: '', unsure: false };
	/** @type {any[]} */
	const log = [
		{ ...entry, kind: 'reserve', user: 'ann', key: 'a1', status: 201, reservationId: 'h-ann' },
		{ ...entry, kind: 'purchase', user: 'ann', key: 'a2', status: 201, reservationId: 'h-ann', purchaseId: 'p-ann' },
		{ ...entry, kind: 'reserve', user: 'bob', key: 'b1', status: 201, reservationId: 'h-bob', unsure: true },
		{ ...entry, kind: 'reserve', user: 'cid', key: 'c1', status: 201, reservationId: 'h-cid' },
		{ ...entry, kind: 'release', user: 'cid', key: '', status: 200, reservationId: 'h-cid' },
		{ ...entry, kind: 'reserve', user: 'dan', key: 'd1', status: 201, reservationId: 'h-dan' },
		{ ...entry, kind: 'reserve', user: 'bob', key: 'b2', status: 409, code: 'already_reserved', heldUntil: 90_000, asked: 2000 },
		{ ...entry, kind: 'restock', user: 'adm', key: 'r1', status: 200, quantity: 1 },
	];
	/** @type {any} */
	const hold = { dropId: 1, size: '', createdAt: 1000, expiresAt: 61_000 };
	const known = new Map([[1, { epoch: 'e', version: 8, sizes: [{ size: '', totalStock: 4, availableStock: 2, reservedStock: 1, soldStock: 1 }] }]]);
	const told = [3, 5, 8].map((version, i) => ({ at: i, dropId: 1, epoch: 'e', version, event: i ? 'stock:update' : 'snapshot' }));

	return {
		log,
		drops: [{ id: 1, sizes: { '': 3 }, plenty: false }],
		stock: [{ dropId: 1, size: '', total: 4, available: 2, reserved: 1, sold: 1, version: 8 }],
		holds: [
			{ ...hold, id: 'h-ann', user: 'ann', status: 'completed', closedAt: 1500 },
			{ ...hold, id: 'h-bob', user: 'bob', status: 'active', closedAt: null },
			{ ...hold, id: 'h-cid', user: 'cid', status: 'released', closedAt: 1600 },
			{ ...hold, id: 'h-dan', user: 'dan', status: 'expired', closedAt: 61_500 },
		],
		sales: [{ id: 'p-ann', reservationId: 'h-ann', dropId: 1, size: '', user: 'ann', purchasedAt: 1500 }],
		keys: [
			{ user: 'ann', key: 'a1', status: 201, reservationId: 'h-ann', purchaseId: null },
			{ user: 'ann', key: 'a2', status: 201, reservationId: null, purchaseId: 'p-ann' },
			{ user: 'bob', key: 'b1', status: 201, reservationId: 'h-bob', purchaseId: null },
			{ user: 'cid', key: 'c1', status: 201, reservationId: 'h-cid', purchaseId: null },
			{ user: 'dan', key: 'd1', status: 201, reservationId: 'h-dan', purchaseId: null },
			{ user: 'adm', key: 'r1', status: 200, reservationId: null, purchaseId: null },
		],
		readers: [{ name: '1', told, known }],
	};
}

test('sound evidence has no breach', () => {
	assert.deepEqual(breaches(sound()), []);
});

/** What is done to the evidence, and what must be said about it. @type {[string, (e: any) => void, RegExp][]} */
const cases = [
	['a pair too many on the shelf', (e) => e.stock[0].available++, /not conserved/],
	['a pair below nothing', (e) => { e.stock[0].available = -1; e.stock[0].reserved = 4; }, /not conserved/],
	['a restock done twice', (e) => { e.stock[0].total++; e.stock[0].available++; }, /made and restocked were 4/],
	['a restock that was acknowledged and is lost', (e) => { e.stock[0].total--; e.stock[0].available--; }, /made and restocked were 4/],
	['a held pair without a hold', (e) => { e.stock[0].reserved++; e.stock[0].available--; }, /2 are held, and 1 holds/],
	['a sold pair without a purchase', (e) => { e.stock[0].sold++; e.stock[0].available--; }, /2 are sold, and there are 1/],
	['a size that is gone', (e) => e.stock.pop(), /0 sizes are there/],
	['two active holds of a user', (e) => e.holds.push({ ...e.holds[1], id: 'h-2' }), /bob of drop 1: 2 active holds/],
	['two holds of a user at one time, since closed', (e) => e.holds.push({ ...e.holds[3], id: 'h-2', createdAt: 60_000 }), /begins 1000 ms before/],
	['a hold that expired before its time', (e) => { e.holds[3].closedAt = 60_990; }, /expired 10 ms before its time/],
	['a hold bought twice', (e) => e.sales.push({ ...e.sales[0], id: 'p-2' }), /h-ann: bought 2 times/],
	['a lapsed hold that was sold', (e) => { e.sales[0].purchasedAt = 61_000; }, /bought 0 ms after its hold lapsed/],
	['a purchase without its hold', (e) => { e.sales[0].reservationId = 'h-none'; }, /its hold is missing/],
	['a purchase of a hold that was given back', (e) => { e.holds[0].status = 'released'; }, /its hold is released/],
	['somebody else\'s purchase', (e) => { e.sales[0].user = 'bob'; }, /its hold is completed, of ann/],
	['an acknowledged purchase that is lost', (e) => e.sales.pop(), /acknowledged as p-ann, which is there 0 times/],
	['an acknowledged hold that is lost', (e) => e.holds.splice(3, 1), /acknowledged as h-dan, which is missing/],
	['a hold that is another\'s', (e) => { e.holds[3].user = 'eve'; }, /which is eve's/],
	['a key that is lost', (e) => e.keys.pop(), /its key is there 0 times/],
	['a key that is there twice', (e) => e.keys.push(e.keys[0]), /its key is there 2 times/],
	['a key kept for another hold', (e) => { e.keys[0].reservationId = 'h-bob'; }, /the key is kept for h-bob/],
	['a key kept for another purchase', (e) => { e.keys[1].purchaseId = 'p-2'; }, /the key is kept for p-2/],
	['a key kept for a refusal', (e) => e.keys.push({ user: 'bob', key: 'b2', status: 201, reservationId: 'h-bob', purchaseId: null }), /refused as already_reserved, and its key is kept/],
	['a release that was undone', (e) => { e.holds[2].status = 'expired'; e.holds[2].closedAt = 61_000; }, /acknowledged, and hold h-cid is expired/],
	['a change that never had an answer', (e) => { e.log[3].status = 503; }, /never settled/],
	['a hold that nobody was told of', (e) => e.holds.push({ ...e.holds[3], id: 'h-eve', user: 'eve' }), /hold h-eve of eve: nobody was told/],
	['one hold told to two', (e) => e.log.push({ ...e.log[5], key: 'd2' }), /h-dan: given to 2 reserves/],
	['a purchase that nobody was told of', (e) => e.sales.push({ ...e.sales[0], id: 'p-bob', reservationId: 'h-bob', user: 'bob' }), /purchase p-bob of bob: nobody was told/],
	['a hold given back that nobody gave back', (e) => { e.log.splice(4, 1); }, /released, and nobody asked for it/],
	['"sold out" where there is plenty', (e) => { e.drops[0].plenty = true; e.log.push({ ...e.log[6], code: 'sold_out' }); }, /"sold out" where there is plenty/],
	['"already reserved" for who holds nothing', (e) => { e.log[6].heldUntil = 0; }, /"already reserved" without a hold/],
	['"already reserved" after the hold was over', (e) => { e.log[6].heldUntil = 1999; }, /"already reserved" after its hold was over/],
	['a version that comes twice', (e) => { e.readers[0].told[1].version = 3; }, /version 3 \(stock:update\) after 3/],
	['a version that goes back', (e) => { e.readers[0].told[2].version = 4; }, /version 4 \(stock:update\) after 5/],
	['a snapshot that goes back', (e) => e.readers[0].told.push({ ...e.readers[0].told[0], version: 7 }), /version 7 \(snapshot\) after 8/],
	['a reader that shows other stock', (e) => { e.readers[0].known.get(1).sizes[0].availableStock = 3; }, /reader 1: drop 1: shows/],
	['a reader that was left behind', (e) => { e.readers[0].known.get(1).version = 7; }, /version 7\); the database has/],
	['a reader that knows nothing', (e) => e.readers[0].known.clear(), /shows {2}\(version undefined\)/],
];

for (const [what, doctor, said] of cases)
	test(`seen: ${what}`, () => {
		const evidence = sound();

		doctor(evidence);
		const all = breaches(evidence);

		assert.ok(all.some((line) => said.test(line)), `${said} in:\n${all.join('\n') || 'nothing'}`);
	});

test('a lower version in a new epoch is no breach: the database may have lost what was never acknowledged', () => {
	const evidence = sound();

	evidence.readers[0]?.told.unshift({ at: 0, dropId: 1, epoch: 'd', version: 9, event: 'stock:update' });
	assert.deepEqual(breaches(evidence), []);
});

test('a release whose answer was lost may find its hold given back', () => {
	const evidence = sound();

	Object.assign(evidence.log[4], { status: 409, code: 'not_active', unsure: true });
	assert.deepEqual(breaches(evidence), []);
});
