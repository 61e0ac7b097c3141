/** What a buyer meets: filters and the hero, urgency, presses that are kept, waits, and what is said by itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isUnanswered, pauseMs } from '../../www/js/api.js';
import { cameBack, makeAnnouncer } from '../../www/js/notices.js';
import { makePending } from '../../www/js/pending.js';
import {
	cardOf, fitsFilter, groupOf, heroOf, initialState, settledUntil, sizesOf, urgencyOf, withDrops, withEvent, withPick,
	withReservation, withWait,
} from '../../www/js/state.js';

const NOON = Date.parse('2030-05-01T12:00:00.000Z');
const at = (seconds) => new Date(NOON + seconds * 1000).toISOString();
const size = (name, available, reserved, sold, version = 1) => ({
	size: name, totalStock: available + reserved + sold, availableStock: available, reservedStock: reserved, soldStock: sold, version,
});

function drop(id, sizes, more = {}) {
	const sum = (key) => sizes.reduce((n, s) => n + s[key], 0);

	return {
		id, name: `Drop ${id}`, priceCents: 100, currency: 'EUR', dropStartsAt: at(-600), dropEndsAt: null, isActive: true,
		status: 'live', holdSeconds: 60, coolDownSeconds: 30, maxPerUser: 1, revision: 1, version: 1, recentPurchasers: [], sizes,
		totalStock: sum('totalStock'), availableStock: sum('availableStock'), reservedStock: sum('reservedStock'),
		soldStock: sum('soldStock'), ...more,
	};
}
const page = (...drops) => ({ ...withDrops({ ...initialState(), now: NOON }, drops), now: NOON });
const one = [size('', 3, 0, 0)];
const upcoming = (id, seconds) => drop(id, one, { dropStartsAt: at(seconds) });
const hold = (id, more = {}) => ({ id, dropId: 1, size: '', status: 'active', createdAt: at(0), expiresAt: at(60), ...more });

test('each drop is live, upcoming or past', () => {
	const drops = [drop(1, one), drop(2, one, { isActive: false }), upcoming(3, 60), drop(4, [size('', 0, 0, 3)]), drop(5, one, { dropEndsAt: at(-1) })];

	assert.deepEqual(drops.map((d) => groupOf(d, NOON)), ['live', 'live', 'upcoming', 'past', 'past']);
});

test('a filter takes state and size together, and EU 43 is 43', () => {
	const shoe = drop(1, [size('EU 43', 1, 0, 0), size('EU 44', 0, 0, 1)]);

	assert.ok(fitsFilter(shoe, { status: 'live', size: '43' }, NOON));
	assert.ok(fitsFilter(shoe, { status: 'all', size: 'EU 44' }, NOON));
	assert.ok(!fitsFilter(shoe, { status: 'past', size: '43' }, NOON));
	assert.ok(!fitsFilter(shoe, { status: 'all', size: '4' }, NOON));
	assert.deepEqual(sizesOf([shoe, drop(2, [size('9', 1, 0, 0)]), drop(3, one)]), ['9', '43', '44']);
});

test('the hero is the next to open, else the freshest live one, and nothing when all is past', () => {
	const live = [drop(1, one, { dropStartsAt: at(-900) }), drop(2, one, { dropStartsAt: at(-60) })];

	assert.equal(heroOf([...live, upcoming(3, 900), upcoming(4, 60)], NOON)?.id, 4);
	assert.equal(heroOf(live, NOON)?.id, 2);
	assert.equal(heroOf([drop(1, one, { dropEndsAt: at(-1) })], NOON), null);
});

test('the drop one waited for stays the hero for a while once it is open, unless nothing is left', () => {
	const drops = [upcoming(1, 60), upcoming(2, 900)];

	assert.equal(heroOf(drops, NOON + 61_000, 1)?.id, 1);
	assert.equal(heroOf(drops, NOON + 61_000, null)?.id, 2);
	assert.equal(heroOf(drops, NOON + 60_000 + 301_000, 1)?.id, 2);
	assert.equal(heroOf([drop(1, [size('', 0, 3, 0)], { dropStartsAt: at(0) }), upcoming(2, 900)], NOON + 1000, 1)?.id, 2);
});

test('a hold is calm, then soon from twenty seconds, then last from five', () => {
	assert.deepEqual([60_000, 20_001, 20_000, 5001, 5000, 0].map(urgencyOf), ['calm', 'calm', 'soon', 'soon', 'last', 'last']);
});

test('a card is left alone until the moment it changes by itself', () => {
	const until = (d, more = {}) => settledUntil(cardOf({ ...page(d), ...more }, d), NOON) - NOON;

	assert.equal(until(drop(1, one, { dropStartsAt: at(-600) }), { drops: new Map() }), 63_001);
	assert.equal(until(upcoming(1, 90.25)), 250);
	assert.equal(until(upcoming(1, 3 * 86_400)), 30_000);
	assert.equal(until(drop(1, [size('', 0, 0, 3)])), Infinity);
	assert.equal(until(drop(1, one), { reservations: [hold('a')] }), 250);
	assert.equal(until(drop(1, [size('', 0, 0, 3)], { dropEndsAt: at(7) })), 7000);
});

/* ---- presses ---- */

function makeStorage() {
	const kept = new Map();

	return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}
const reserve = (dropId, sizeName, user = 1) => ({ kind: 'reserve', target: `${dropId} ${sizeName}`, user, dropId, size: sizeName });

test('the same press has the same key until it is answered, also after a reload', () => {
	const storage = makeStorage();
	let n = 0;
	const open = () => makePending(storage, () => NOON, () => `key-${++n}`);
	const first = open().keep(reserve(1, '42'));
	const reloaded = open();

	assert.equal(reloaded.keep(reserve(1, '42')).key, first.key);
	assert.deepEqual(reloaded.unanswered(1).map((p) => p.key), [first.key]);
	reloaded.settle(first);
	assert.deepEqual(open().unanswered(1), []);
	assert.notEqual(open().keep(reserve(1, '42')).key, first.key);
});

test('another size is another press in place of the first; another account has its own', () => {
	const pending = makePending(makeStorage(), () => NOON, () => String(Math.random()));
	const first = pending.keep(reserve(1, '42'));

	pending.keep(reserve(1, '43'));
	pending.keep(reserve(2, '42'));
	assert.deepEqual(pending.unanswered(1).map((p) => p.target), ['1 43', '2 42']);
	assert.notEqual(pending.keep(reserve(1, '42', 2)).key, first.key);
	assert.deepEqual(pending.unanswered(1).map((p) => p.target), ['1 43', '2 42']);
});

test('a press of long ago is nothing one still waits for, and broken storage is none', () => {
	let now = NOON;
	const storage = makeStorage();
	const pending = makePending(storage, () => now, () => 'k');

	pending.keep(reserve(1, '42'));
	now += 121_000;
	assert.deepEqual(pending.unanswered(1), []);
	storage.setItem('lastpair.presses', '{"no": "list"');
	assert.deepEqual(makePending(storage, () => now, () => 'k').unanswered(1), []);
	storage.setItem('lastpair.presses', '[{"kind":"reserve","key":5}]');
	assert.deepEqual(makePending(storage, () => now, () => 'k').unanswered(1), []);
	assert.equal(makePending(null, () => now, () => 'k').keep(reserve(1, '')).key, 'k');
});

test('a store that names a time is asked twice more, after it and not all at once; silence four times', () => {
	const busy = { status: 503, code: 'unavailable', retryAfterS: 2 };

	assert.deepEqual([pauseMs(busy, 1, 0), pauseMs(busy, 2, 0.5), pauseMs(busy, 3, 0)], [2000, 2500, null]);
	assert.equal(pauseMs({ status: 429, code: 'too_many_requests', retryAfterS: 60 }, 1, 0), null, 'too long to wait unasked');
	assert.equal(pauseMs({ status: 429, code: 'too_many_attempts', retryAfterS: 5 }, 1, 0), null, 'not a password again');
	assert.ok(Number(pauseMs({ status: 0, code: 'network', retryAfterS: 0 }, 3, 0.5)) > 0);
	assert.equal(pauseMs({ status: 0, code: 'network', retryAfterS: 0 }, 4, 0.5), null);
	assert.equal(pauseMs({ status: 0, code: 'offline', retryAfterS: 0 }, 1, 0.5), null);
	assert.equal(pauseMs({ status: 409, code: 'sold_out', retryAfterS: 0 }, 1, 0.5), null);
	assert.deepEqual([0, 503, 409, 401].map((status) => isUnanswered({ status })), [true, true, false, false]);
});

test('a wait is counted down on the card, and is over when it is over', () => {
	const state = withWait(page(drop(1, one)), 'reserve:1', NOON + 2300);

	assert.equal(cardOf(state, state.drops.get(1)).again, 3);
	assert.equal(withWait(state, 'reserve:1', NOON + 2300), state);
	assert.equal(cardOf(withWait(state, 'reserve:1', null), state.drops.get(1)).again, 0);
});

/* ---- what is said by itself ---- */

const stock = (id, version, sizes) => ({ ...drop(id, sizes), dropId: id, version });
const gone = [size('41', 0, 1, 1), size('42', 0, 2, 0)];

test('a pair that comes back is told to who looks at its size, wherever they are', () => {
	const before = withPick(page(drop(1, gone)), 1, '42');
	const back = (sizes) => withEvent(before, 'stock:update', stock(1, 2, sizes));

	assert.deepEqual(cameBack(before, back([size('41', 0, 1, 1), size('42', 1, 1, 0, 2)])), [{ dropId: 1, size: '42', available: 1 }]);
	assert.deepEqual(cameBack(before, back([size('41', 1, 0, 1, 2), size('42', 0, 2, 0)])), []);
	assert.deepEqual(cameBack(page(drop(1, gone)), back([size('41', 1, 0, 1, 2), size('42', 0, 2, 0)])), []);
});

test('in a drop\'s own view every size counts while none is chosen and nothing is left', () => {
	const route = { view: 'drop', dropId: 1 };
	const before = { ...page(drop(1, gone)), route };
	const after = withEvent(before, 'stock:update', stock(1, 2, [size('41', 1, 0, 1, 2), size('42', 0, 2, 0)]));
	const some = { ...page(drop(1, [size('41', 0, 1, 1), size('42', 1, 1, 0)])), route };

	assert.deepEqual(cameBack(before, after).map((b) => b.size), ['41']);
	assert.deepEqual(cameBack(some, withEvent(some, 'stock:update', stock(1, 2, [size('41', 1, 0, 1, 2), size('42', 1, 1, 0)]))), []);
});

test('nobody is told of a pair in a drop they hold one of, or that is paused', () => {
	const news = stock(1, 2, [size('41', 0, 1, 1), size('42', 1, 1, 0, 2)]);
	const holding = withReservation(withPick(page(drop(1, gone)), 1, '42'), hold('a'));
	const paused = withPick(page(drop(1, gone, { isActive: false })), 1, '42');

	assert.deepEqual(cameBack(holding, withEvent(holding, 'stock:update', news)), []);
	assert.deepEqual(cameBack(paused, withEvent(paused, 'stock:update', news)), []);
});

/** An announcer, and the state it is told of moment by moment. */
function listen(start) {
	const said = [];
	let state = start;
	const announcer = makeAnnouncer((words) => said.push([state.now - NOON, words]), {
		stock: (d) => `${d.id}: ${d.availableStock}`, open: (d) => `${d.id} open`, left: (s) => `${s} s`,
	});

	return {
		said,
		to(ms, change = (s) => s) {
			const next = change({ ...state, now: NOON + ms });
			const before = state;

			state = next;
			announcer.heed(before, next);
		},
	};
}
const sell = (version, left) => (state) => withEvent(state, 'stock:update', stock(1, version, [size('', left, 0, 3 - left, version)]));

test('stock is announced at most every four seconds, with the last word of that time, of the drop in view only', () => {
	const inView = listen({ ...page(drop(1, one), drop(2, one)), route: { view: 'drop', dropId: 1 } });

	inView.to(1000, sell(2, 2));
	inView.to(1500, sell(3, 1));
	inView.to(2000, sell(4, 0));
	inView.to(4900);
	inView.to(5000);
	inView.to(20_000);
	inView.to(20_100, (s) => withEvent(s, 'stock:update', stock(2, 2, [size('', 0, 0, 3, 2)])));
	assert.deepEqual(inView.said, [[1000, '1: 2'], [5000, '1: 0']]);

	const floor = listen(page(drop(1, one)));

	floor.to(1000, sell(2, 2));
	assert.deepEqual(floor.said, []);
});

test('a hold is announced at twenty and at five seconds, once each, and stock keeps out of the way', () => {
	const held = listen(withReservation(page(drop(1, one)), hold('a')));

	for (let ms = 0; ms <= 61_000; ms += 250)
		held.to(ms, ms === 37_000 ? sell(2, 2) : undefined);
	assert.deepEqual(held.said, [[40_000, '20 s'], [44_000, '1: 2'], [55_000, '5 s']]);
});

test('two holds that reach their moments at once are announced together', () => {
	const both = [hold('a', { expiresAt: at(30) }), hold('b', { dropId: 2, expiresAt: at(15) })];
	const held = listen(both.reduce(withReservation, page(drop(1, one), drop(2, one))));

	held.to(9900);
	held.to(10_150);
	assert.deepEqual(held.said, [[10_150, '5 s 20 s']]);
});

test('a page opened in the last seconds of a hold does not announce what is past', () => {
	const late = listen(withReservation(page(drop(1, one)), hold('a', { expiresAt: at(12) })));

	late.to(100);
	late.to(6000);
	assert.deepEqual(late.said, []);
	late.to(7000);
	assert.deepEqual(late.said, [[7000, '5 s']]);
});

test('that the drop in view is open is announced', () => {
	const waiting = listen({ ...page(upcoming(1, 5)), route: { view: 'drop', dropId: 1 } });

	waiting.to(4900);
	waiting.to(5000);
	waiting.to(5250);
	assert.deepEqual(waiting.said, [[5000, '1 open']]);
});
