/** The bench's own arithmetic, its reading of other tools' output, and its charts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Bench } from './lib/bench.mjs';
import { chartsOf, escape, margin } from './lib/chart.mjs';
import { between } from './lib/docs.mjs';
import {
	compareRounds, holds, median, parsePgbench, parsePgbenchLog, parseWrk, percentile, short, unservedOf, wantText, withUnit,
} from './lib/figures.mjs';
import { cpuSeconds, memory, processTree } from './lib/load.mjs';
import { verify } from './lib/store.mjs';
import { tableMarkdown, tableText } from './lib/table.mjs';

test('a median is the middle one, or between the two in the middle, and sorts by value', () => {
	assert.equal(median([10, 9, 100]), 10);
	assert.equal(median([4, 1, 3, 2]), 2.5);
	assert.throws(() => median([]));
});

test('a percentile is a value that was measured', () => {
	const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);

	assert.equal(percentile(hundred, 0.5), 50);
	assert.equal(percentile(hundred, 0.99), 99);
	assert.equal(percentile([7], 0.99), 7);
});

test('rounds are compared one by one, and the median of the ratios is no ratio of medians', () => {
	const { ratios, ratio } = compareRounds([10, 40, 20], [5, 4, 1]);

	assert.deepEqual(ratios, [2, 10, 20]);
	assert.equal(ratio, 10);
	assert.equal(median([10, 40, 20]) / median([5, 4, 1]), 5);
	assert.throws(() => compareRounds([1, 2], [1]));
});

test('what is wanted holds at its bound and not beyond it, and never for what is no number', () => {
	assert.equal(holds(2.5, { atLeast: 2.5 }), true);
	assert.equal(holds(2.49, { atLeast: 2.5 }), false);
	assert.equal(holds(3.01, { atMost: 3 }), false);
	assert.equal(holds(NaN, { atMost: 3 }), false);
	assert.equal(holds(Infinity, { atLeast: 3 }), false);
	assert.equal(holds(1, undefined), null);
	assert.equal(wantText({ atLeast: 2.5 }), '≥ 2.5');
});

test('numbers are shown with three digits, or whole', () => {
	assert.equal(short(0.123456), '0.123');
	assert.equal(short(2.5), '2.5');
	assert.equal(short(12345.6), '12,346');
	assert.equal(withUnit(12345.6, '1/s'), '12,346/s');
	assert.equal(withUnit(1.5, 'ms'), '1.5 ms');
});

test("wrk's answers, refusals and times are read from its last line", () => {
	const load = parseWrk('Running 4s test\nbench: {"answers":8000,"us":4000000,"refused":3,"broken":1,' +
		'"mean":900,"p50":800,"p90":1500,"p99":9000,"max":12000}\n');

	assert.deepEqual(load, { perSecond: 2000, answers: 8000, refused: 3, broken: 1, mean: 0.9, p50: 0.8, p90: 1.5, p99: 9, max: 12 });
	assert.throws(() => parseWrk('unable to connect'));
});

test("pgbench's summary and log are read, and a failed transaction is an error", () => {
	const summary = (/** @type {number} */ failed) => [
		'number of transactions actually processed: 1200', `number of failed transactions: ${failed} (0.000%)`,
		'latency average = 1.6 ms', 'initial connection time = 3.1 ms', 'tps = 601.25 (without initial connection time)', ''].join('\n');

	assert.deepEqual(parsePgbench(summary(0)), { perSecond: 601.25, transactions: 1200 });
	assert.throws(() => parsePgbench(summary(2)));
	assert.throws(() => parsePgbench('connection to server failed'));
	assert.deepEqual(parsePgbenchLog('0 1 1500 0 1700000000 5\n0 2 900 0 1700000000 900\n'), [1.5, 0.9]);
});

test('a rush that was refused, or that the database does not know of, is no measurement', () => {
	const load = { perSecond: 1, answers: 1000, refused: 0, broken: 0, mean: 1, p50: 1, p90: 1, p99: 1, max: 1 };

	verify(load, 1000, 64);
	verify(load, 1064, 64);
	assert.throws(() => verify(load, 999, 64), /999/);
	assert.throws(() => verify(load, 1065, 64));
	assert.throws(() => verify({ ...load, refused: 1 }, 1000, 64));
	assert.throws(() => verify({ ...load, broken: 1 }, 1000, 64));
});

test('requests that nobody answered are found in the access log', () => {
	const line = (/** @type {number} */ status, /** @type {number} */ time) =>
		`2030-01-01T00:00:00+00:00 127.0.0.1 "POST /api/drops/1/reservations HTTP/1.1" ${status} 0 id=x time=${time} upstream=- cache=-\n`;

	assert.equal(unservedOf(line(499, 4.001) + line(499, 0.02) + line(201, 3) + line(499, 2), 2), 2);
});

test('the processor time and memory of a process and its children are found', async () => {
	assert.ok(processTree([process.ppid]).includes(process.pid));
	const before = cpuSeconds([process.pid]);

	for (const until = Date.now() + 100; Date.now() < until;);
	const took = cpuSeconds([process.pid]) - before;

	assert.ok(took >= 0.02 && took < 1, `${took} s`);
	const { rss, pss, own } = memory([process.pid]);

	assert.ok(rss >= pss && pss > own && own > 2 ** 20, JSON.stringify({ rss, pss, own }));
});

/** A part with a row that holds, one that does not, one that informs, and one that failed. */
async function somePart() {
	const bench = new Bench('some', 'rows <of> "all" kinds & more');
	const order = /** @type {string[]} */ ([]);
	const side = (/** @type {string} */ name, /** @type {number} */ value) =>
		({ name, measure: async () => { order.push(name); return value; } });

	const broken = { name: 'b', measure: async () => { throw new Error('no b'); } };

	await bench.run(async () => {
		await bench.pair({ row: 'good <row>', unit: '1/s', left: side('a', 6), right: side('b', 2), want: { atLeast: 2.5 }, rounds: 3 });
		await bench.pair({ row: 'bad', unit: 'ms', left: side('a', 6), right: side('b', 2), want: { atMost: 1.3 }, rounds: 3 });
		await bench.figure({ row: 'one', unit: 's', measure: async () => 7, rounds: 2 });
		await bench.pair({ row: 'broken', unit: 's', left: side('a', 1), right: broken, rounds: 1 });
		bench.check('something', true);
	});
	return { bench, order, results: { parts: [{ name: 'some', about: bench.about, at: '2030-01-01T00:00:00.000Z', tree: 'abc', seconds: 1,
		rows: bench.rows, checks: bench.checks, notes: bench.notes }] } };
}

test('sides are measured in turn, and a row that cannot be measured does not hold', async () => {
	const { bench, order } = await somePart();

	assert.deepEqual(order.slice(0, 6), ['a', 'b', 'b', 'a', 'a', 'b']);
	assert.deepEqual(bench.rows.map((row) => row.holds), [true, false, null, false]);
	assert.deepEqual(bench.rows.map((row) => row.ratio), [3, 3, undefined, undefined]);
	assert.equal(bench.rows[3].error, 'no b');
	assert.equal(bench.holds, false);
});

test('a part that fails is cleaned up behind, last first, and does not hold', async () => {
	const bench = new Bench('some', '');
	const done = /** @type {string[]} */ ([]);

	await bench.run(async () => {
		bench.defer(() => done.push('first'));
		bench.defer(() => done.push('second'));
		throw new Error('it broke');
	});
	assert.deepEqual(done, ['second', 'first']);
	assert.equal(bench.holds, false);
});

test('the table shows what holds and what does not', async () => {
	const { results } = await somePart();
	const text = tableText(results);

	assert.match(text, /good <row> .* 3 .* ≥ 2\.5 .* yes/);
	assert.match(text, /bad .* NO/);
	assert.match(text, /not measured: broken: no b/);
	assert.match(tableMarkdown(results, () => ''), /^\| bad \| 6 ms \(a\) \| 2 ms \(b\) \| 3 \| ≤ 1\.3 \| NO \|$/m);
});

/** Elements open and close in order, attributes are quoted, and no bare & or < is in the text. @param {string} svg */
function assertWellFormed(svg) {
	const open = /** @type {string[]} */ ([]);
	const rest = svg.replace(/<(\/?)([a-z]+)((?: [a-zA-Z:]+="[^"<]*")*)(\/?)>/g, (_, close, name, attributes, empty) => {
		assert.doesNotMatch(attributes, /&(?!(amp|lt|gt|quot);)|NaN|Infinity|undefined/);
		if (close)
			assert.equal(open.pop(), name);
		else if (!empty)
			open.push(name);
		return '';
	});

	assert.deepEqual(open, []);
	assert.doesNotMatch(rest, /[<>]|&(?!(amp|lt|gt|quot);)|NaN|undefined/);
}

test('charts are well formed and say only what was measured', async () => {
	const { results } = await somePart();
	const charts = chartsOf(results);

	assert.deepEqual(charts.map(({ file }) => file), ['bench-summary.svg', 'bench-some.svg']);
	for (const { svg } of charts)
		assertWellFormed(svg);
	assert.ok(charts[1].svg.includes(escape('good <row>: 3, wanted ≥ 2.5')));
	assert.throws(() => assertWellFormed('<svg><g></svg>'));
});

test('a margin is above 1 on the side that holds, whichever way a row is wanted', () => {
	assert.equal(margin(5, { atLeast: 2.5 }), 2);
	assert.equal(margin(6, { atMost: 3 }), 0.5);
});

test('the page keeps what stands outside its marks', () => {
	const page = 'before <!-- results: made by tests/bench/bench --docs --> old <!-- end of the results --> after';

	assert.equal(between(page, 'new'),
		'before <!-- results: made by tests/bench/bench --docs -->\n\nnew\n\n<!-- end of the results --> after');
	assert.throws(() => between('no marks', 'new'));
});
