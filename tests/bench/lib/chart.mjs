/** Charts of the results as SVG: bars from zero and the range of the rounds, nothing that is not in the JSON. */
import { holds, short, wantText, withUnit } from './figures.mjs';

/** @typedef {import('./bench.mjs').Row} Row
 * @typedef {import('./bench.mjs').Measured} Measured */

const WIDTH = 860;
const NAMES = 270;	/* where bars begin: names stand before */
const BARS = 420;	/* the longest bar; its figure stands behind */
const LINE = 20;

/* An SVG in a page is asked for light or dark as the page is. */
const STYLE = `
	text { font: 13px system-ui, sans-serif; fill: #24292f }
	.title { font-weight: 600; font-size: 15px }
	.row { font-weight: 600 }
	.name { text-anchor: end }
	.ours { fill: #0969da } .theirs { fill: #8c959f } .missed { fill: #cf222e }
	.range, .mark { stroke: #24292f; stroke-width: 1.5; fill: none }
	@media (prefers-color-scheme: dark) {
		text { fill: #e6edf3 } .ours { fill: #58a6ff } .theirs { fill: #6e7681 } .missed { fill: #ff7b72 }
		.range, .mark { stroke: #e6edf3 }
	}
`;

/** @param {string|number} text */
export const escape = (text) => String(text)
	.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** @param {number} n */
const px = (n) => Number(n.toFixed(1));

/** @param {number} x @param {number} y @param {string} cls @param {string} content */
const text = (x, y, cls, content) => `<text x="${px(x)}" y="${px(y)}" class="${cls}">${escape(content)}</text>`;

/** @param {string} title @param {string} said  for those who do not see it @param {number} height @param {string[]} body */
function svg(title, said, height, body) {
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escape(title)}</title>
<desc>${escape(said)}</desc>
<style>${STYLE}</style>
${text(10, 22, 'title', title)}
${body.join('\n')}
</svg>
`;
}

/** From the least to the most of the rounds. @param {number[]} values @param {(v: number) => number} x @param {number} y  its middle */
function range(values, x, y) {
	const [from, to] = [x(Math.min(...values)), x(Math.max(...values))].map(px);

	return `<path class="range" d="M${from} ${y - 4}v8M${from} ${y}H${to}M${to} ${y - 4}v8"/>`;
}

/** One side's bar: its median, the range of its rounds, its figure.
 * @param {Measured} m @param {string} unit @param {string} cls @param {number} max @param {number} y  of its top */
function bar(m, unit, cls, max, y) {
	const x = (/** @type {number} */ v) => NAMES + v / max * BARS;
	const end = Math.max(...m.values);

	return [
		text(NAMES - 8, y + 13, 'name', m.name),
		`<rect x="${NAMES}" y="${y + 2}" width="${px(x(m.median) - NAMES)}" height="14" class="${cls}"/>`,
		range(m.values, x, y + 9),
		text(x(end) + 8, y + 13, 'figure', withUnit(m.median, unit)),
	];
}

/** A part's pairs: two bars a row, which have a scale of their own. @param {any} part */
export function partChart(part) {
	const rows = /** @type {Row[]} */ (part.rows).filter((row) => row.left && row.right);
	const body = [];
	let y = 36;

	for (const { row, unit, left, right, ratio, want } of rows) {
		const sides = /** @type {[Measured, string][]} */ ([[left, 'ours'], [right, 'theirs']]);
		const max = Math.max(...sides.flatMap(([m]) => m.values));
		const verdict = want ? `, wanted ${wantText(want)}` : '';

		y += LINE;
		body.push(text(10, y, 'row', `${row}: ${short(ratio ?? NaN)}${verdict}`));
		y += 6;
		for (const [m, cls] of sides) {
			body.push(...bar(m, unit, cls, max, y));
			y += LINE;
		}
		y += 8;
	}
	return svg(`${part.name}: ${part.about}`, 'Each row has two bars, medians of the rounds, on a scale of its own that begins ' +
		'at zero; the thin line is the range of the rounds.', y + 8, body);
}

/** How many times better than wanted a ratio is: under 1 it does not hold.
 * @param {number} ratio @param {import('./figures.mjs').Want} want */
export const margin = (ratio, want) => (want.atLeast !== undefined ? ratio / want.atLeast : (want.atMost ?? NaN) / ratio);

/** Every ratio that something is wanted of, on one logarithmic scale. @param {any} results */
export function summaryChart(results) {
	const rows = results.parts.flatMap((/** @type {any} */ part) => part.rows)
		.filter((/** @type {Row} */ row) => row.want && row.ratios);
	const margins = rows.flatMap((/** @type {Row} */ row) => row.ratios?.map((r) => margin(r, row.want ?? {})) ?? []);
	const reach = Math.max(Math.log2(4), ...margins.map((/** @type {number} */ m) => Math.abs(Math.log2(m))));
	const [from, to] = [30, WIDTH - 130];
	const x = (/** @type {number} */ m) => (from + to) / 2 + Math.log2(m) / reach * (to - from) / 2;
	const body = [];
	let y = 44;

	for (const row of rows) {
		const of = (/** @type {number} */ ratio) => margin(ratio, row.want);
		const good = holds(row.ratio, row.want);

		body.push(text(10, y + 13, 'row', row.row), `<path class="mark" d="M${px(x(1))} ${y + 17}v18"/>`, range(row.ratios.map(of), x, y + 26),
			`<circle cx="${px(x(of(row.ratio)))}" cy="${y + 26}" r="5" class="${good ? 'ours' : 'missed'}"/>`,
			text(to + 10, y + 30, 'figure', `${short(row.ratio)} (${wantText(row.want)})`));
		y += 42;
	}
	body.push(text(x(1) + 6, y + 14, 'figure', 'the mark: as wanted; better to the right (logarithmic scale)'));
	return svg('Ratios against what is wanted of them', 'One point a row: right of the mark it holds. The thin line is the range of ' +
		'the rounds. Logarithmic scale.', y + 28, body);
}

/** All charts that the results give. @param {any} results @returns {{file: string, title: string, svg: string}[]} */
export function chartsOf(results) {
	const parts = results.parts.filter((/** @type {any} */ part) => part.rows.some((/** @type {Row} */ row) => row.left && row.right));

	return [
		{ file: 'bench-summary.svg', title: 'Ratios against what is wanted of them', svg: summaryChart(results) },
		...parts.map((/** @type {any} */ part) => (
			{ file: `bench-${part.name}.svg`, title: `${part.name}: ${part.about}`, svg: partChart(part) })),
	];
}
