/* The console's pure parts: time zones, what the stream tells of a drop, scales, the trail's sentences, fields. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { joined } from '../../www/js/console-api.js';
import { centsText, endsTooEarly, readFields, readSizes, valuesOf, wholeNumber } from '../../www/js/console-fields.js';
import {
	conversion, countTicks, moveBetween, pointsOf, rate, recent, tally, timeTicks, withPoint,
} from '../../www/js/console-flow.js';
import { told, valueText } from '../../www/js/console-text.js';
import { instantOf, offsetAt, wallOf, zoneText } from '../../www/js/console-time.js';
import { useTexts } from '../../www/js/text.js';
import { frame } from '../../www/js/views/console-board.js';
import ar from '../../www/js/texts/console-ar.js';
import de from '../../www/js/texts/console-de.js';
import en from '../../www/js/texts/console-en.js';

const NOON = Date.parse('2030-05-01T12:00:00.000Z');
const at = (seconds) => new Date(NOON + seconds * 1000).toISOString();
const utc = (instant) => instant && [new Date(instant.ms).toISOString(), instant.happens];
const size = (name, available, reserved, sold) => ({
	size: name, totalStock: available + reserved + sold, availableStock: available, reservedStock: reserved, soldStock: sold,
});

/* ---- time zones ---- */

test('a time is read in the operator\'s zone, in winter and in summer', () => {
	assert.deepEqual(utc(instantOf('2026-01-15T10:00', 'Europe/Berlin')), ['2026-01-15T09:00:00.000Z', 'once']);
	assert.deepEqual(utc(instantOf('2026-07-15T10:00:30', 'Europe/Berlin')), ['2026-07-15T08:00:30.000Z', 'once']);
	assert.deepEqual(utc(instantOf('2026-07-15T10:00', 'Asia/Kolkata')), ['2026-07-15T04:30:00.000Z', 'once']);
	assert.deepEqual(utc(instantOf('2026-07-15T10:00', 'UTC')), ['2026-07-15T10:00:00.000Z', 'once']);
});

test('a time that the clocks skip is known, and what follows it', () => {
	assert.deepEqual(utc(instantOf('2026-03-29T02:30', 'Europe/Berlin')), ['2026-03-29T01:30:00.000Z', 'never']);
	assert.deepEqual(utc(instantOf('2026-03-29T01:59:59', 'Europe/Berlin')), ['2026-03-29T00:59:59.000Z', 'once']);
	assert.deepEqual(utc(instantOf('2026-03-29T03:00', 'Europe/Berlin')), ['2026-03-29T01:00:00.000Z', 'once']);
	assert.deepEqual(utc(instantOf('2026-03-08T02:00', 'America/New_York')), ['2026-03-08T07:00:00.000Z', 'never']);
});

test('of a time that comes twice the first is meant', () => {
	assert.deepEqual(utc(instantOf('2026-10-25T02:30', 'Europe/Berlin')), ['2026-10-25T00:30:00.000Z', 'twice']);
	assert.deepEqual(utc(instantOf('2026-10-25T03:00', 'Europe/Berlin')), ['2026-10-25T02:00:00.000Z', 'once']);
	assert.deepEqual(utc(instantOf('2026-04-05T01:45', 'Australia/Lord_Howe')), ['2026-04-04T14:45:00.000Z', 'twice']);
});

test('what is no date is none', () => {
	for (const wall of ['', '2026-02-30T10:00', '2026-13-01T10:00', '2026-01-01T24:30', '10:00', '2026-01-01'])
		assert.equal(instantOf(wall, 'Europe/Berlin'), null, wall);
});

test('a moment goes into an input and comes back the same, in every hour of a year', () => {
	for (const zone of ['Europe/Berlin', 'America/St_Johns', 'Pacific/Chatham', 'Africa/Casablanca', 'UTC']) {
		for (let ms = Date.parse('2026-01-01T00:30:00Z'); ms < Date.parse('2027-01-01T00:00:00Z'); ms += 3_600_000) {
			const back = instantOf(wallOf(new Date(ms).toISOString(), zone), zone);

			assert.ok(back && back.happens !== 'never', `${zone} ${new Date(ms).toISOString()}`);
			if (back.happens === 'once')
				assert.equal(back.ms, ms, `${zone} ${new Date(ms).toISOString()}`);
		}
	}
});

test('an input shows seconds, and nothing for no time', () => {
	assert.equal(wallOf('2026-01-15T09:00:05.750Z', 'Europe/Berlin'), '2026-01-15T10:00:05');
	assert.equal(wallOf(null, 'Europe/Berlin'), '');
	assert.equal(offsetAt(Date.parse('2026-01-15T09:00:00.123Z'), 'Europe/Berlin'), 3_600_000);
});

test('a zone is named with its distance from UTC at that moment', () => {
	assert.equal(zoneText('Europe/Berlin', Date.parse('2026-01-15T09:00:00Z')), 'Europe/Berlin, GMT+1');
	assert.equal(zoneText('America/New_York', Date.parse('2026-07-15T09:00:00Z')), 'America/New York, GMT-4');
});

/* ---- what the stream tells ---- */

test('stock that moves is pairs held, bought and given back, size by size', () => {
	const before = { sizes: [size('42', 5, 1, 0), size('43', 3, 2, 1)] };

	assert.deepEqual(moveBetween(before, { sizes: [size('42', 4, 2, 0), size('43', 4, 1, 1)] }, 7),
		{ at: 7, held: 1, bought: 0, back: 1 }, 'one held, one of another size back');
	assert.deepEqual(moveBetween(before, { sizes: [size('42', 5, 0, 1), size('43', 3, 2, 1)] }, 7),
		{ at: 7, held: 0, bought: 1, back: 0 }, 'a hold that is bought is no new hold');
	assert.deepEqual(moveBetween(before, { sizes: [size('42', 4, 1, 1), size('43', 3, 2, 1)] }, 7),
		{ at: 7, held: 1, bought: 1, back: 0 }, 'held and bought at once');
});

test('pairs put on the shelf are no move, and a size that is new is not one either', () => {
	const before = { sizes: [size('42', 5, 1, 0)] };

	assert.equal(moveBetween(before, { sizes: [size('42', 9, 1, 0)] }, 7), null);
	assert.equal(moveBetween(before, { sizes: [size('42', 5, 1, 0), size('43', 4, 0, 0)] }, 7), null);
});

test('a rate is that of the last ten seconds, or of as long as one looks on', () => {
	const moves = [{ at: 1000, held: 50, bought: 5, back: 0 }, { at: 15_000, held: 20, bought: 10, back: 0 }];

	assert.equal(rate(moves, 'held', 20_000, 0), 2);
	assert.equal(rate(moves, 'bought', 20_000, 0), 1);
	assert.equal(rate(moves, 'held', 16_000, 12_000), 5, 'four seconds so far');
	assert.equal(rate(moves, 'held', 30_000, 0), 0);
	assert.equal(rate([{ at: 100, held: 3, bought: 0, back: 0 }], 'held', 200, 0), 3, 'not thirty a second after a tenth of one');
});

test('moves are kept while a rate, or the store\'s count, lacks them', () => {
	const moves = [1000, 5000, 14_000].map((ms) => ({ at: ms, held: 1, bought: 0, back: 0 }));

	assert.deepEqual(recent(moves, 16_000, 20_000).map((m) => m.at), [14_000]);
	assert.deepEqual(recent(moves, 30_000, 4000).map((m) => m.at), [5000, 14_000]);
});

const FIGURES = {
	serverTime: at(100), bucketSeconds: 10,
	buckets: [{ at: at(0), held: 4, bought: 1, released: 1, lapsed: 0 }, { at: at(60), held: 2, bought: 2, released: 0, lapsed: 1 }],
	holds: { made: 6, active: 1, bought: 3, released: 1, lapsed: 1 }, medianSecondsToBuy: 12.5,
};

test('the store\'s count is carried on by what came after it, and by nothing before it', () => {
	const moves = [{ at: NOON + 99_000, held: 9, bought: 9, back: 9 }, { at: NOON + 101_000, held: 2, bought: 1, back: 1 }];

	assert.deepEqual(tally(FIGURES, moves), { made: 8, bought: 4, back: 3 });
	assert.equal(conversion({ bought: 3, back: 1 }), 0.75);
	assert.equal(conversion({ bought: 0, back: 0 }), null, 'nothing is over yet');
});

test('buckets become running totals that keep still between them', () => {
	assert.deepEqual(pointsOf(FIGURES).map((p) => [(p.at - NOON) / 1000, p.sold, p.held]),
		[[0, 0, 0], [10, 1, 2], [60, 1, 2], [70, 3, 1]]);
	assert.deepEqual(pointsOf({ ...FIGURES, buckets: [] }), []);
});

test('the bucket that is still filling reaches no further than the store\'s clock', () => {
	const points = pointsOf({ ...FIGURES, serverTime: at(63) });

	assert.equal(points.at(-1)?.at, NOON + 63_000);
});

test('a drawing that goes on for long keeps few points, and its newest', () => {
	/** @type {readonly import('../../www/js/console-flow.js').Point[]} */
	let points = [];

	for (let i = 0; i <= 50_000; i++)
		points = withPoint(points, { at: NOON + i * 100, sold: i, held: 0 });
	assert.ok(points.length < 1000, `${points.length} points`);
	assert.deepEqual([points[0]?.sold, points.at(-1)?.sold], [0, 50_000]);
	assert.equal(withPoint(points, { at: NOON + 1e9, sold: 50_000, held: 0 }), points, 'the same again is no point');
	assert.ok(points.every((p, i) => i === 0 || p.at >= (points[i - 1]?.at ?? 0)));
});

test('the drawing ends now while a drop sells, and at its last change once it is over', () => {
	const points = [{ at: NOON, sold: 0, held: 0 }, { at: NOON + 100_000, sold: 5, held: 0 }];
	const drop = {
		dropStartsAt: at(-10), dropEndsAt: null, isActive: true, totalStock: 10, soldStock: 5, reservedStock: 1, sizes: [],
	};
	const now = NOON + 1_000_000;

	assert.equal(frame(points, /** @type {any} */ (drop), now, Infinity).to, now);
	assert.equal(frame(points, /** @type {any} */ (drop), now, 600_000).from, now - 600_000);
	const over = frame(points, /** @type {any} */ ({ ...drop, soldStock: 10 }), now, Infinity);
	assert.ok(over.to > NOON + 100_000 && over.to < NOON + 120_000);
	assert.ok(over.from <= NOON);
});

/* ---- scales ---- */

test('steps of pairs are whole, round and few', () => {
	assert.deepEqual(countTicks(0), [0]);
	assert.deepEqual(countTicks(1), [0, 1]);
	assert.deepEqual(countTicks(3), [0, 1, 2, 3]);
	assert.deepEqual(countTicks(10), [0, 5, 10]);
	assert.deepEqual(countTicks(100), [0, 25, 50, 75, 100]);
	assert.deepEqual(countTicks(700), [0, 200, 400, 600, 800]);
	for (let n = 1; n < 3000; n += 7) {
		const ticks = countTicks(n);

		assert.ok(ticks.length <= 6 && ticks.every(Number.isInteger) && (ticks.at(-1) ?? 0) >= n, `${n}: ${ticks}`);
	}
});

test('moments on an axis are round ones of the zone\'s own clock', () => {
	const kolkata = () => 5.5 * 3_600_000;
	const { at: hours, stepMs } = timeTicks(Date.parse('2026-01-01T00:10:00Z'), Date.parse('2026-01-01T04:10:00Z'), 4, kolkata);

	assert.equal(stepMs, 3_600_000);
	assert.deepEqual(hours.map((ms) => new Date(ms).toISOString().slice(11, 16)), ['00:30', '01:30', '02:30', '03:30']);
	assert.deepEqual(timeTicks(NOON, NOON + 60_000, 6, () => 0).at.length, 5 + 2, 'both ends, by ten or fifteen seconds');
});

test('days stay at midnight across a change of the clocks', () => {
	const berlin = (/** @type {number} */ ms) => offsetAt(ms, 'Europe/Berlin');
	const { at: days } = timeTicks(Date.parse('2026-03-27T12:00:00Z'), Date.parse('2026-03-31T12:00:00Z'), 5, berlin);

	assert.deepEqual(days.map((ms) => wallOf(new Date(ms).toISOString(), 'Europe/Berlin')),
		['2026-03-28T00:00:00', '2026-03-29T00:00:00', '2026-03-30T00:00:00', '2026-03-31T00:00:00']);
});

/* ---- the trail ---- */

const deed = (action, before, after) => ({ id: 1, at: at(0), actor: { id: 1, username: 'maren' }, action, dropId: 7, dropName: 'Cinder', before, after });
const sizes = (...pairs) => ({ sizes: pairs.map(([name, n]) => ({ size: name, totalStock: n })) });

test('each action has its sentence', () => {
	const keyOf = (...args) => told(/** @type {any} */ (deed(...args))).key;

	assert.equal(keyOf('create', null, { name: 'Cinder', ...sizes(['', 5]) }), 'c.deed.create');
	assert.equal(keyOf('update', { isActive: true }, { isActive: false }), 'c.deed.pause');
	assert.equal(keyOf('update', { isActive: false }, { isActive: true }), 'c.deed.resume');
	assert.equal(keyOf('update', { dropEndsAt: null }, { dropEndsAt: at(0) }), 'c.deed.end');
	assert.equal(keyOf('update', { dropEndsAt: null }, { dropEndsAt: at(3600) }), 'c.deed.change');
	assert.equal(keyOf('update', { dropEndsAt: at(-9) }, { dropEndsAt: null }), 'c.deed.change');
	assert.equal(keyOf('update', { priceCents: 1 }, { priceCents: 2 }), 'c.deed.change');
	assert.equal(keyOf('restock', sizes(['43', 5]), sizes(['43', 8])), 'c.deed.restock');
	assert.equal(keyOf('restock', sizes(['43', 8]), sizes(['43', 5])), 'c.deed.take');
});

test('a sentence does not repeat what it says, and leaves nothing else out', () => {
	const fieldsOf = (...args) => told(/** @type {any} */ (deed(...args))).changes.map((c) => c.field);

	assert.deepEqual(fieldsOf('update', { isActive: true }, { isActive: false }), []);
	assert.deepEqual(fieldsOf('update', { isActive: true, priceCents: 1 }, { isActive: false, priceCents: 2 }), ['priceCents']);
	assert.deepEqual(fieldsOf('update', { shade: 1, priceCents: 1, name: 'a' }, { shade: 2, priceCents: 2, name: 'b' }),
		['name', 'priceCents', 'shade'], 'also a field that this page has never heard of');
	assert.deepEqual(fieldsOf('create', null, { name: 'a', priceCents: 5, dropEndsAt: null, holdSeconds: 60, ...sizes(['', 5]) }),
		['priceCents', 'sizes']);
});

test('values are told in words', () => {
	useTexts('en', { ...en, 'size.name': 'Size {size}', 'size.one': 'One size', 'drop.pairs.one': '{n} pair', 'drop.pairs.other': '{n} pairs' });
	assert.equal(valueText('priceCents', 12900, 'EUR'), '€129.00');
	assert.equal(valueText('holdSeconds', 60, 'EUR'), '60 seconds');
	assert.equal(valueText('holdSeconds', 900, 'EUR'), '15 minutes');
	assert.equal(valueText('dropEndsAt', null, 'EUR'), 'none');
	assert.equal(valueText('description', '', 'EUR'), 'none');
	assert.equal(valueText('coolDownSeconds', 90, 'EUR'), valueText('holdSeconds', 90, 'EUR'));
	assert.equal(valueText('maxPerUser', 2, 'EUR'), '2');
	assert.equal(valueText('sizes', [{ size: '43', totalStock: 5 }], 'EUR'), 'Size 43: 5');
	assert.equal(valueText('sizes', [{ size: '', totalStock: 5 }], 'EUR'), '5 pairs');
	assert.equal(valueText('sizes', [{ size: '', totalStock: 1 }], 'EUR'), '1 pair');
	assert.equal(valueText('name', '<b>', 'EUR'), '<b>');
});

/* ---- fields ---- */

test('cents are shown and read without ever being a float', () => {
	for (const cents of [0, 5, 50, 100, 12900, 12905, 1999, 435, 99999999999])
		assert.equal(centsText(cents), (cents / 100).toFixed(2));
	for (const cents of [0, 1, 29, 57, 1001, 12900, 128990])
		assert.equal(readFields({ priceCents: centsText(cents) }, 'UTC').given['priceCents'], cents);
	assert.deepEqual(readFields({ priceCents: '12,5' }, 'UTC').given, { priceCents: 1250 });
	assert.deepEqual(readFields({ priceCents: '1e3' }, 'UTC').errors, { priceCents: 'c.wrong.price' });
});

test('fields are judged as the store judges them', () => {
	const { given, errors } = readFields({
		name: '  ', priceCents: 'free', imageUrl: 'javascript:alert(1)', dropStartsAt: '2026-03-29T02:30', holdSeconds: '0',
		coolDownSeconds: '3601', maxPerUser: '2.5', description: ' fine ', currency: 'EUR',
	}, 'Europe/Berlin');

	assert.deepEqual(errors, {
		name: 'c.wrong.needed', priceCents: 'c.wrong.price', imageUrl: 'c.wrong.picture', dropStartsAt: 'c.wrong.skipped',
		holdSeconds: 'c.wrong.hold', coolDownSeconds: 'c.wrong.cool-down', maxPerUser: 'c.wrong.limit',
	});
	assert.deepEqual(given, { description: 'fine', currency: 'EUR' });
	for (const url of ['', '/img/kiln-90.svg', 'https://cdn.example/a.png'])
		assert.deepEqual(readFields({ imageUrl: url }, 'UTC').errors, {}, url);
	for (const url of ['//evil.example/a.png', 'http:/x', 'data:image/png;base64,x', '/a b'])
		assert.ok(readFields({ imageUrl: url }, 'UTC').errors['imageUrl'], url);
	assert.deepEqual(readFields({ name: '👟'.repeat(120) }, 'UTC').errors, {}, 'characters, not code units');
	assert.deepEqual(readFields({ name: 'x'.repeat(121) }, 'UTC').errors, { name: 'c.wrong.long' });
});

test('times are sent in UTC, and none as null', () => {
	assert.deepEqual(readFields({ dropStartsAt: '2026-07-15T10:00', dropEndsAt: '' }, 'Europe/Berlin').given,
		{ dropStartsAt: '2026-07-15T08:00:00.000Z', dropEndsAt: null });
});

test('an end before the start is noticed, whichever of the two is typed', () => {
	const known = { dropStartsAt: at(0), dropEndsAt: at(60) };

	assert.equal(endsTooEarly({ dropStartsAt: at(60) }, known, NOON), true);
	assert.equal(endsTooEarly({ dropStartsAt: at(59) }, known, NOON), false);
	assert.equal(endsTooEarly({ dropEndsAt: at(-1) }, known, NOON), true);
	assert.equal(endsTooEarly({ dropEndsAt: null, dropStartsAt: at(90) }, known, NOON), false);
	assert.equal(endsTooEarly({ dropEndsAt: at(-1) }, {}, NOON), true, 'a drop that starts at once');
	assert.equal(endsTooEarly({ name: 'x' }, { dropStartsAt: at(9), dropEndsAt: at(3) }, NOON), false, 'not of this press');
});

test('sizes are named once and counted whole', () => {
	const row = (name, pairs) => ({ size: name, pairs });

	assert.deepEqual(readSizes([row(' 42 ', '5'), row('', '9'), row('43', '0')]),
		{ sizes: [{ size: '42', totalStock: 5 }, { size: '43', totalStock: 0 }], wrong: '' });
	assert.equal(readSizes([row('42', '5'), row('42', '6')]).wrong, 'c.wrong.size-twice');
	assert.equal(readSizes([row('42', '5')], ['42']).wrong, 'c.wrong.size-twice');
	assert.equal(readSizes([row('42', '5.5')]).wrong, 'c.wrong.size-pairs');
	assert.equal(readSizes([row('x'.repeat(21), '5')]).wrong, 'c.wrong.size-long');
	assert.equal(readSizes(Array.from({ length: 101 }, (_, i) => row(`s${i}`, '1'))).wrong, 'c.wrong.sizes-many');
	assert.equal(wholeNumber('1000001', 0, 1_000_000), null);
	assert.equal(wholeNumber(' 7 ', 0, 9), 7);
});

test('a drop goes into the form and comes out as it was', () => {
	const drop = {
		name: 'Cinder', description: null, priceCents: 12905, currency: 'EUR', imageUrl: '', dropStartsAt: '2026-07-15T08:00:00.000Z',
		dropEndsAt: null, holdSeconds: 60, coolDownSeconds: 30, maxPerUser: 2,
	};
	const { given, errors } = readFields(valuesOf(/** @type {any} */ (drop), 'Asia/Tokyo'), 'Asia/Tokyo');

	assert.deepEqual(errors, {});
	assert.deepEqual(given, { ...drop, description: '' });
});

/* ---- lists that grow at their newest end ---- */

test('the newest page joins what was read before, where the two meet', () => {
	const page = (ids, nextCursor, deeper) => ({ items: ids.map((id) => ({ id })), nextCursor, deeper });
	const ids = ({ items }) => items.map(({ id }) => id);

	const known = page([5, 4, 3, 2], '2', true);
	const next = joined(known, page([7, 6, 5, 4], '4'));
	assert.deepEqual([ids(next), next.nextCursor], [[7, 6, 5, 4, 3, 2], '2']);
	const gap = joined(known, page([19, 18, 17, 16], '16'));
	assert.deepEqual([ids(gap), gap.nextCursor], [[19, 18, 17, 16], '16'], 'a gap is not papered over');
	const shallow = joined(page([5, 4], '4', false), page([6, 5], '5'));
	assert.deepEqual([ids(shallow), shallow.nextCursor], [[6, 5], '5'], 'as long as it was');
});

/* ---- texts ---- */

const PLURAL = /\.(zero|one|two|few|many|other)$/;
const stems = (table) => [...new Set(Object.keys(table).map((key) => key.replace(PLURAL, '.#')))].sort();

test('each language has the same texts, with the same places to fill in', () => {
	for (const [name, table] of [['de', de], ['ar', ar]]) {
		assert.deepEqual(stems(table), stems(en), name);
		for (const [key, text] of Object.entries(en)) {
			if (PLURAL.test(key))
				continue;
			const places = (/** @type {string} */ s) => (s.match(/\{\w+\}/g) ?? []).sort();

			assert.deepEqual(places(table[key]), places(text), `${name} ${key}`);
		}
	}
});

test('each text that the console asks for is in its table, and each in the table is asked for', () => {
	const root = new URL('../../www/js/', import.meta.url);
	const files = ['.', 'views'].flatMap((folder) => readdirSync(new URL(`${folder}/`, root))
		.filter((name) => /^console.*\.js$/.test(name)).map((name) => readFileSync(new URL(`${folder}/${name}`, root), 'utf8')));
	const source = files.join('\n');
	const asked = new Set([...source.matchAll(/'(c\.[\w.-]+)'/g)].map((match) => match[1]));
	const made = [...source.matchAll(/`(c\.[\w.-]+)\$\{/g)].map((match) => match[1] ?? '');
	const has = (/** @type {string} */ key) => Object.hasOwn(en, key) || Object.hasOwn(en, `${key}.other`);

	assert.ok(asked.size > 100 && made.length > 0);
	assert.deepEqual([...asked].filter((key) => !has(String(key))), []);
	assert.deepEqual(Object.keys(en).filter((key) => !asked.has(key.replace(PLURAL, '')) && !asked.has(key) &&
		!made.some((stem) => key.startsWith(stem))), []);
});
