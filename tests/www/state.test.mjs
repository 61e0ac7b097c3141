/* The page's pure parts: how messages change what it knows, and how it tells the server's time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { measured, offsetMs, serverNow } from '../../www/js/clock.js';
import { countdown, money, parseCents } from '../../www/js/format.js';
import {
	cardOf, floorPlace, holdsAt, initialState, isBehind, lapsedAt, pickedSize, sizeState, statusOf, withBusy, withDrops,
	withEvent, withPick, withPurchase, withReservation, withReservations, withUser, withoutMissing,
} from '../../www/js/state.js';

const NOON = Date.parse('2030-05-01T12:00:00.000Z');
const at = (seconds) => new Date(NOON + seconds * 1000).toISOString();

const size = (name, available, reserved, sold, version) => ({
	size: name, totalStock: available + reserved + sold, availableStock: available, reservedStock: reserved,
	soldStock: sold, version,
});

function stock(id, version, sizes) {
	const sum = (key) => sizes.reduce((n, s) => n + s[key], 0);

	return {
		dropId: id, version, sizes, totalStock: sum('totalStock'), availableStock: sum('availableStock'),
		reservedStock: sum('reservedStock'), soldStock: sum('soldStock'),
	};
}

function drop(id, version, sizes, more = {}) {
	const { dropId, ...figures } = stock(id, version, sizes);

	return {
		id: dropId, name: `Drop ${id}`, priceCents: 12900, currency: 'EUR', dropStartsAt: at(-60), dropEndsAt: null,
		isActive: true, status: 'live', holdSeconds: 60, coolDownSeconds: 30, maxPerUser: 1, revision: 1, recentPurchasers: [],
		...figures, ...more,
	};
}

const hold = (id, more = {}) => ({
	id, dropId: 1, size: '', status: 'active', createdAt: at(0), expiresAt: at(60), ...more,
});

const figures = (state, id = 1) => {
	const { availableStock, reservedStock, soldStock, totalStock } = state.drops.get(id);

	return [availableStock, reservedStock, soldStock, totalStock];
};

const page = (...drops) => ({ ...withDrops(initialState(), drops), now: NOON });

test('a stock update replaces the figures of a drop', () => {
	const state = withEvent(page(drop(1, 5, [size('', 10, 0, 0, 4)])), 'stock:update', stock(1, 6, [size('', 9, 1, 0, 5)]));

	assert.deepEqual(figures(state), [9, 1, 0, 10]);
	assert.equal(state.drops.get(1).version, 6);
});

test('an older or repeated stock update changes nothing at all', () => {
	const before = page(drop(1, 6, [size('', 9, 1, 0, 5)]));

	assert.equal(withEvent(before, 'stock:update', stock(1, 5, [size('', 10, 0, 0, 4)])), before);
	assert.equal(withEvent(before, 'stock:update', stock(1, 6, [size('', 9, 1, 0, 5)])), before);
});

test('two sizes that moved at once are merged size by size, in either order of arrival', () => {
	const start = page(drop(1, 3, [size('41', 5, 0, 0, 1), size('42', 5, 0, 0, 1)]));
	const first = stock(1, 4, [size('41', 4, 1, 0, 2), size('42', 5, 0, 0, 1)]);
	const second = stock(1, 4, [size('41', 5, 0, 0, 1), size('42', 4, 1, 0, 2)]);

	for (const order of [[first, second], [second, first]]) {
		const state = order.reduce((s, data) => withEvent(s, 'stock:update', data), start);

		assert.deepEqual(figures(state), [8, 2, 0, 10]);
		assert.deepEqual(state.drops.get(1).sizes.map((s) => s.size), ['41', '42']);
	}
});

test('sizes without versions are taken whole, by the version of the drop', () => {
	const bare = ({ version, ...s }) => s;
	const start = page(drop(1, 3, [bare(size('', 5, 0, 0, 0))]));

	assert.equal(withEvent(start, 'stock:update', stock(1, 3, [bare(size('', 4, 1, 0, 0))])), start);
	assert.deepEqual(figures(withEvent(start, 'stock:update', stock(1, 4, [bare(size('', 4, 1, 0, 0))]))), [4, 1, 0, 5]);
});

test('a snapshot is the truth even when its versions are lower', () => {
	const before = page(drop(1, 90, [size('', 1, 0, 9, 80)], { name: 'Kept' }));
	const state = withEvent(before, 'snapshot', { serverTime: at(0), drops: [stock(1, 12, [size('', 4, 0, 6, 10)])] });

	assert.deepEqual(figures(state), [4, 0, 6, 10]);
	assert.equal(state.drops.get(1).version, 12);
	assert.equal(state.drops.get(1).name, 'Kept');
	assert.deepEqual(figures(withEvent(state, 'stock:update', stock(1, 13, [size('', 3, 1, 6, 11)]))), [3, 1, 6, 10]);
});

test('drops that the page has never seen are noted for fetching, and forgotten once they came', () => {
	let state = withEvent(page(), 'snapshot', { serverTime: at(0), drops: [stock(1, 1, []), stock(2, 1, [])] });

	state = withEvent(state, 'stock:update', stock(3, 1, []));
	state = withEvent(state, 'purchase:completed', { dropId: 4, username: 'ada', purchasedAt: at(0) });
	assert.deepEqual([...state.missing.keys()], [1, 2, 3, 4]);
	state = withDrops(state, [drop(2, 1, [size('', 1, 0, 0, 1)])]);
	assert.deepEqual([...state.missing.keys()], [1, 3, 4]);
	assert.deepEqual([...withoutMissing(state, [1, 3]).missing.keys()], [4]);
});

test('what the stream said of a drop before it was fetched outlives a cached answer', () => {
	let state = withEvent(page(), 'snapshot', { serverTime: at(0), drops: [stock(1, 7, [size('', 6, 4, 0, 7)])] });

	state = withEvent(state, 'stock:update', stock(1, 8, [size('', 5, 5, 0, 8)]));
	state = withEvent(state, 'stock:update', stock(1, 6, [size('', 7, 3, 0, 6)]));
	state = withEvent(state, 'purchase:completed', { dropId: 1, username: 'ada', purchasedAt: at(0) });
	state = withDrops(state, [drop(1, 5, [size('', 8, 2, 0, 5)])]);
	assert.deepEqual(figures(state), [5, 5, 0, 10]);
});

test('a snapshot tells whether the descriptions at hand may be behind', () => {
	const state = page(drop(1, 5, [size('', 10, 0, 0, 5)]));

	assert.equal(isBehind(state, [stock(1, 5, []), stock(2, 9, [])]), false);
	assert.equal(isBehind(state, [stock(1, 6, [])]), true);
});

test('an older answer undoes neither stock nor description, but may still bring a buyer', () => {
	const known = drop(1, 9, [size('', 5, 0, 5, 7)], { revision: 2, isActive: false });
	const stale = drop(1, 8, [size('', 6, 0, 4, 6)], {
		revision: 1, recentPurchasers: [{ username: 'ada', purchasedAt: at(-5) }],
	});
	const merged = withDrops(page(known), [stale]).drops.get(1);

	assert.equal(merged.isActive, false);
	assert.equal(merged.soldStock, 5);
	assert.deepEqual(merged.recentPurchasers, [{ username: 'ada', purchasedAt: at(-5) }]);
});

test('a newer description is taken together with older stock left alone', () => {
	const known = drop(1, 9, [size('41', 4, 1, 0, 4), size('42', 5, 0, 0, 4)]);
	const changed = drop(1, 9, [size('41', 5, 0, 0, 3), size('42', 5, 0, 0, 4)], { revision: 2, name: 'New name' });
	const state = withEvent(page(known), 'drop:updated', { drop: changed });

	assert.equal(state.drops.get(1).name, 'New name');
	assert.deepEqual(figures(state), [9, 1, 0, 10]);
});

test('the newest three buyers are shown, each once', () => {
	let state = page(drop(1, 1, [size('', 9, 0, 0, 1)]));

	for (const [username, s] of [['a', 1], ['b', 2], ['b', 2], ['d', 4], ['c', 3], ['d', 4]])
		state = withEvent(state, 'purchase:completed', { dropId: 1, username, purchasedAt: at(s) });
	assert.deepEqual(state.drops.get(1).recentPurchasers.map((b) => b.username), ['d', 'c', 'b']);
	assert.equal(withEvent(state, 'purchase:completed', { dropId: 1, username: 'a', purchasedAt: at(1) }), state);
});

test('a status is the first that holds: ended, paused, upcoming, sold out, live', () => {
	const one = [size('', 1, 0, 0, 1)];
	const none = [size('', 0, 0, 1, 1)];

	assert.equal(statusOf(drop(1, 1, none, { dropEndsAt: at(0), isActive: false }), NOON), 'ended');
	assert.equal(statusOf(drop(1, 1, one, { isActive: false, dropStartsAt: at(9) }), NOON), 'paused');
	assert.equal(statusOf(drop(1, 1, none, { dropStartsAt: at(9) }), NOON), 'upcoming');
	assert.equal(statusOf(drop(1, 1, one, { dropStartsAt: at(9) }), NOON + 9000), 'live');
	assert.equal(statusOf(drop(1, 1, none), NOON), 'sold_out');
	assert.equal(statusOf(drop(1, 1, [size('', 0, 1, 0, 1)]), NOON), 'live');
});

test('a size is free, among the last, held by others, or gone', () => {
	assert.deepEqual([size('', 3, 0, 0), size('', 2, 9, 0), size('', 0, 1, 8), size('', 0, 0, 9)].map(sizeState),
		['free', 'last', 'held', 'gone']);
});

test('a hold that is over never becomes active again, whatever arrives late', () => {
	let state = withReservation(page(), hold('a'));

	state = withEvent(state, 'reservation:update', { reservation: hold('a', { status: 'released' }) });
	assert.equal(withReservations(state, [hold('a')]), state);
	assert.equal(state.reservations[0].status, 'released');
});

test('a purchase completes its hold, also one that seemed to have run out', () => {
	const state = withEvent(withReservation(page(), hold('a')), 'reservation:expired', { reservationId: 'a', dropId: 1 });
	const bought = withPurchase(state, {
		id: 'p', dropId: 1, reservationId: 'a', size: '', priceCents: 1, currency: 'EUR', purchasedAt: at(59),
	});

	assert.equal(state.reservations[0].status, 'expired');
	assert.equal(bought.reservations[0].status, 'completed');
	assert.equal(withEvent(bought, 'reservation:expired', { reservationId: 'a', dropId: 1 }), bought);
	assert.equal(bought.purchases.length, 1);
});

test('a hold runs until its moment by the server, then it has lapsed', () => {
	const state = withReservations(page(), [hold('a'), hold('b', { expiresAt: at(30) }), hold('c', { status: 'released' })]);

	assert.deepEqual(holdsAt(state, NOON).map((r) => r.id), ['b', 'a']);
	assert.deepEqual(holdsAt(state, NOON + 30_000).map((r) => r.id), ['a']);
	assert.deepEqual(lapsedAt(state, NOON + 30_000).map((r) => r.id), ['b']);
});

test('another account starts with nothing of the one before', () => {
	const ada = { id: 1, username: 'ada', email: 'a@x', role: 'user' };
	const state = withReservation(withUser(page(), ada), hold('a'));

	assert.equal(withUser(state, { ...ada }), state);
	assert.deepEqual(withUser(state, { ...ada, id: 2 }).reservations, []);
	assert.deepEqual(withUser(state, null).reservations, []);
});

test('the only size needs no choosing, several do', () => {
	const many = drop(1, 1, [size('41', 1, 0, 0, 1), size('42', 1, 0, 0, 1)]);

	assert.equal(pickedSize(page(), drop(1, 1, [size('', 1, 0, 0, 1)])), '');
	assert.equal(pickedSize(page(), many), null);
	assert.equal(pickedSize(withPick(page(), 1, '42'), many), '42');
	assert.equal(pickedSize(withPick(page(), 1, '47'), many), null);
});

test('a card counts down to the opening, then to the end of a hold', () => {
	const upcoming = drop(1, 1, [size('', 1, 0, 0, 1)], { dropStartsAt: at(90) });
	const live = drop(2, 1, [size('', 1, 0, 0, 1)]);
	const state = withReservation(page(upcoming, live), hold('a', { dropId: 2, expiresAt: at(12.2) }));

	assert.equal(cardOf(state, upcoming).seconds, 90);
	assert.equal(cardOf(state, live).seconds, 13);
	assert.equal(cardOf({ ...state, now: NOON + 13_000 }, live).hold, null);
	assert.equal(cardOf(withBusy(state, 'reserve:2', true), live).busy, true);
});

test('when nothing moved for longer than a hold lasts, whatever is held must have lapsed', () => {
	const later = (state, seconds) => cardOf({ ...state, now: NOON + seconds * 1000 }, state.drops.get(1)).overdue;
	const seen = withDrops({ ...initialState(), now: NOON }, [drop(1, 1, [size('', 0, 1, 0, 1)])]);
	const moved = withEvent({ ...seen, now: NOON + 64_000 }, 'stock:update', stock(1, 2, [size('', 0, 1, 0, 2)]));

	assert.equal(later(seen, 60), false);
	assert.equal(later(seen, 64), true);
	assert.equal(later(moved, 65), false);
	assert.equal(later(moved, 128), true);
});

test('the floor shows what can be bought, then what comes, then what is gone', () => {
	const one = [size('', 1, 0, 0, 1)];
	const drops = [
		drop(1, 1, one, { dropEndsAt: at(-1) }), drop(2, 1, one, { dropStartsAt: at(900) }),
		drop(3, 1, one, { dropStartsAt: at(300) }), drop(4, 1, [size('', 0, 0, 1, 1)]), drop(5, 1, one),
		drop(6, 1, one, { dropStartsAt: at(1) }),
	];
	const order = drops.sort((a, b) => {
		const [x, y] = [floorPlace(a, NOON), floorPlace(b, NOON)];
		const i = x.findIndex((n, at) => n !== y[at]);

		return x[i] - y[i];
	});

	assert.deepEqual(order.map((d) => d.id), [6, 5, 3, 2, 4, 1]);
});

test('an event of an unknown name changes nothing', () => {
	const state = page();

	assert.equal(withEvent(state, 'weather', {}), state);
});

test('the offset is signed, and lies in the middle of what one answer allows', () => {
	assert.equal(offsetMs(measured(null, at(10), NOON, NOON + 200)), 9900);
	assert.equal(offsetMs(measured(null, at(-10), NOON, NOON + 200)), -10100);
	assert.equal(serverNow(measured(null, at(10), NOON, NOON), NOON + 5), NOON + 10_005);
	assert.equal(serverNow(null, 7), 7);
});

test('answers that agree narrow the offset, a slow one does not spoil it', () => {
	const quick = measured(null, at(0), NOON - 10, NOON + 10);
	const both = measured(quick, at(5), NOON + 100, NOON + 9000);

	assert.ok(Math.abs(offsetMs(both)) <= 15, `${offsetMs(both)}`);
});

test('a cached answer may be old, and is not taken for a slow clock', () => {
	const clock = measured(null, at(-0.9), NOON - 10, NOON + 10, 1000);

	assert.ok(clock.low <= 0 && clock.high >= 0);
});

test('when the clock was set meanwhile the newest answer decides', () => {
	const before = measured(null, at(0), NOON, NOON + 20);
	const after = measured(before, at(60), NOON + 3_600_000, NOON + 3_600_020);

	assert.equal(offsetMs(after), 60_000 - 3_600_000 - 10);
});

test('a time that cannot be read is ignored', () => {
	assert.equal(measured(null, 'soon', NOON, NOON), null);
});

test('amounts are read as whole cents, or not at all', () => {
	assert.deepEqual(['129', '129.9', ' 0,05 ', '1.999', '-1', '', '1e3'].map(parseCents), [12900, 12990, 5, null, null, null, null]);
	assert.match(money(12990, 'EUR'), /129[.,]90/);
});

test('a countdown is as long as it needs to be', () => {
	assert.deepEqual([0, 8.2, 60, 725, 3661, 2 * 86400 + 61].map(countdown),
		['0:00', '0:09', '1:00', '12:05', '1:01:01', '2d 0h']);
});
