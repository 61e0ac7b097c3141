/**
 * Sell-through as a drawing: pairs sold as a solid ground, held ones hatched on top of it, up to the line of all
 * there are. Time runs from left to right in every language. A table beside it says the same in words.
 */

import { attr, el, show, text } from '../dom.js';
import { countTicks, timeTicks } from '../console-flow.js';
import { clockFormat } from '../console-text.js';
import { offsetAt, ownZone } from '../console-time.js';
import { number, percent } from '../format.js';
import { t } from '../text.js';

/** @typedef {import('../console-flow.js').Point} Point */

/**
 * @typedef {object} ChartModel
 * @property {readonly Point[]} points  oldest first
 * @property {Point} last               how it stands now
 * @property {number} total
 * @property {number} from
 * @property {number} to
 */

const HEIGHT = 260;
const TOP = 14;
const BOTTOM = 28;
const LEFT = 44;
const RIGHT = 12;
/** As many rows as a listener can bear. */
const TABLE_ROWS = 12;

/** @param {string} tag @param {Record<string, string|number>} [attributes] @param {...Node} children */
function svg(tag, attributes = {}, ...children) {
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag);

	for (const [name, value] of Object.entries(attributes))
		node.setAttribute(name, String(value));
	node.append(...children);
	return node;
}

export function make() {
	const parts = build();
	/** @type {ChartModel|null} */
	let model = null;
	let drawn = '';
	/** Where the pointer looks at. @type {number|null} */
	let probeX = null;

	const watch = new ResizeObserver(() => draw());

	function draw() {
		const width = Math.floor(parts.box.clientWidth);

		if (!model || width < 80)
			return;
		const scale = scaleOf(model, width);
		const key = JSON.stringify([width, model.total, model.last, model.points.length, Math.round(scale.x(model.last.at)),
			Math.round((model.to - model.from) / (width * 250))]);

		if (key !== drawn) {
			drawn = key;
			drawAxes(parts, model, scale);
			drawAreas(parts, model, scale);
			drawTable(parts, model);
		}
		drawProbe(parts, model, scale, probeX);
	}

	parts.svg.addEventListener('pointermove', (event) => {
		probeX = /** @type {PointerEvent} */ (event).clientX - parts.svg.getBoundingClientRect().left;
		draw();
	});
	parts.svg.addEventListener('pointerleave', () => {
		probeX = null;
		draw();
	});
	watch.observe(parts.box);
	return {
		node: parts.node,
		/** @param {ChartModel} next */
		render(next) {
			model = next;
			draw();
		},
		close: () => watch.disconnect(),
	};
}

/** @typedef {ReturnType<typeof scaleOf>} Scale */

/** @param {ChartModel} model @param {number} width */
function scaleOf({ from, to, total }, width) {
	const counts = countTicks(Math.max(1, total));
	const most = Math.max(1, total);
	const spanMs = Math.max(1, to - from);
	const bottom = HEIGHT - BOTTOM;

	return {
		width, counts, bottom, right: width - RIGHT,
		x: (/** @type {number} */ at) => LEFT + (Math.min(to, Math.max(from, at)) - from) / spanMs * (width - LEFT - RIGHT),
		y: (/** @type {number} */ n) => bottom - Math.min(1, n / most) * (bottom - TOP),
		at: (/** @type {number} */ x) => from + (x - LEFT) / (width - LEFT - RIGHT) * spanMs,
	};
}

/** @param {Parts} parts @param {ChartModel} model @param {Scale} scale */
function drawAxes(parts, { from, to, total }, scale) {
	const zone = ownZone();
	const ticks = timeTicks(from, to, Math.max(2, Math.floor(scale.width / 110)), (ms) => offsetAt(ms, zone));
	const format = clockFormat(ticks.stepMs);

	attr(parts.svg, 'viewBox', `0 0 ${scale.width} ${HEIGHT}`);
	attr(parts.svg, 'width', String(scale.width));
	attr(parts.svg, 'height', String(HEIGHT));
	parts.axes.replaceChildren(
		...scale.counts.filter((n) => n < total * .88).flatMap((n) => [
			line('chart-grid', LEFT, scale.right, scale.y(n)), label(LEFT - 8, scale.y(n) + 4, 'end', number(n)),
		]),
		line('chart-total', LEFT, scale.right, scale.y(total)), label(LEFT - 8, scale.y(total) + 4, 'end', number(total)),
		...ticks.at.flatMap((at) => [
			svg('line', { 'class': 'chart-tick', x1: scale.x(at), x2: scale.x(at), y1: scale.bottom, y2: scale.bottom + 5 }),
			label(within(scale.x(at), scale), HEIGHT - 8, 'middle', format.format(at)),
		]));
}

/** A label at the edge keeps clear of it. @param {number} x @param {Scale} scale */
function within(x, scale) {
	return Math.min(scale.width - 30, Math.max(LEFT, x));
}

/** @param {string} name @param {number} x1 @param {number} x2 @param {number} y */
function line(name, x1, x2, y) {
	return svg('line', { 'class': name, x1, x2, y1: y, y2: y });
}

/** @param {number} x @param {number} y @param {string} anchor @param {string} words */
function label(x, y, anchor, words) {
	const node = svg('text', { 'class': 'chart-label', x, y, 'text-anchor': anchor });

	node.textContent = words;
	return node;
}

/** @param {Parts} parts @param {ChartModel} model @param {Scale} scale */
function drawAreas(parts, model, scale) {
	const seen = visible(model);
	const sold = steps(seen, ({ sold: n }) => scale.y(n), scale);
	const held = steps(seen, ({ sold: n, held: more }) => scale.y(n + more), scale);

	attr(parts.sold, 'd', `${sold.path}V${scale.bottom}H${sold.first}Z`);
	attr(parts.held, 'd', `${held.path}${sold.back}Z`);
	attr(parts.edge, 'd', sold.path);
}

/**
 * What falls between the edges, with how it stood at the first of them.
 * @param {ChartModel} model @returns {Point[]}
 */
function visible({ points, last, from, to }) {
	const before = points.findLast(({ at }) => at <= from);
	const inside = points.filter(({ at }) => at > from && at < Math.min(to, last.at));

	return [...before ? [{ ...before, at: from }] : [], ...inside, { ...last, at: Math.min(last.at, to) }];
}

/**
 * A path that keeps its height until it changes, and the way back along it.
 * @param {readonly Point[]} points @param {(point: Point) => number} height @param {Scale} scale
 */
function steps(points, height, scale) {
	const corners = points.map((point) => [scale.x(point.at), height(point)]);
	const [first = [LEFT, scale.bottom]] = corners;
	let path = `M${r(first[0])},${r(first[1])}`;
	let back = '';

	for (let i = 1; i < corners.length; i++)
		path += `H${r(corners[i]?.[0])}V${r(corners[i]?.[1])}`;
	for (let i = corners.length - 1; i >= 0; i--)
		back += i === corners.length - 1 ? `V${r(corners[i]?.[1])}` : `V${r(corners[i]?.[1])}H${r(corners[i]?.[0])}`;
	return { path, back: backward(corners), first: r(first[0]) };
}

/** The same steps from the last corner to the first. @param {number[][]} corners */
function backward(corners) {
	let way = '';

	for (let i = corners.length - 1; i >= 0; i--) {
		way += `${i === corners.length - 1 ? 'L' : 'H'}${r(corners[i]?.[0])}`;
		way += i === corners.length - 1 ? `,${r(corners[i]?.[1])}` : '';
		if (i > 0)
			way += `V${r(corners[i - 1]?.[1])}`;
	}
	return way;
}

/** @param {number|undefined} n */
function r(n) {
	return Math.round((n ?? 0) * 10) / 10;
}

/** @param {Parts} parts @param {ChartModel} model @param {Scale} scale @param {number|null} x */
function drawProbe(parts, model, scale, x) {
	const inside = x !== null && x >= LEFT && x <= scale.right;
	const at = inside ? scale.at(x) : model.last.at;
	const point = inside && at < model.last.at
		? [...model.points].reverse().find((p) => p.at <= at) ?? { at, sold: 0, held: 0 } : model.last;

	attr(parts.probe, 'visibility', inside ? 'visible' : 'hidden');
	attr(parts.probe, 'x1', String(r(inside ? x : 0)));
	attr(parts.probe, 'x2', String(r(inside ? x : 0)));
	text(parts.when, inside ? clockFormat(1000).format(at) : t('c.chart.now'));
	text(parts.soldText, t('c.chart.sold', { n: number(point.sold), share: percent(share(point.sold, model.total)) }));
	text(parts.heldText, t('c.chart.held', { n: number(point.held) }));
}

/** @param {number} n @param {number} total */
function share(n, total) {
	return total ? n / total : 0;
}

/** The same for those who cannot see it: some moments, evenly chosen. @param {Parts} parts @param {ChartModel} model */
function drawTable(parts, model) {
	const all = [...model.points, model.last];
	const rows = all.filter((_, i) => i === all.length - 1 || i % Math.ceil(all.length / TABLE_ROWS) === 0);
	const format = clockFormat(1000);

	parts.rows.replaceChildren(...rows.map((point) => el('tr', {},
		el('th', { 'scope': 'row' }, format.format(point.at)),
		el('td', {}, number(point.sold)), el('td', {}, number(point.held)),
		el('td', {}, percent(share(point.sold, model.total))))));
	attr(parts.svg, 'aria-label', t('c.chart.label', {
		sold: number(model.last.sold), total: number(model.total), share: percent(share(model.last.sold, model.total)),
	}));
	show(parts.node, true);
}

/** @typedef {ReturnType<typeof build>} Parts */

function build() {
	const axes = svg('g');
	const sold = svg('path', { 'class': 'chart-sold' });
	const held = svg('path', { 'class': 'chart-held', 'fill': 'url(#chart-hatch)' });
	const edge = svg('path', { 'class': 'chart-edge' });
	const probe = svg('line', { 'class': 'chart-probe', y1: TOP, y2: HEIGHT - BOTTOM, visibility: 'hidden' });
	const hatch = svg('pattern', { id: 'chart-hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(35)' },
		svg('rect', { 'class': 'chart-hatch', width: 2, height: 5 }));
	const drawing = svg('svg', { 'class': 'chart', 'role': 'img', 'data-testid': 'board-chart' }, svg('defs', {}, hatch),
		sold, held, edge, axes, probe);
	const when = el('span', { 'class': 'chart-when' });
	const soldText = el('span');
	const heldText = el('span');
	const rows = el('tbody');
	const box = el('div', { 'class': 'chart-box' }, drawing);
	const table = el('table', { 'class': 'table' },
		el('thead', {}, el('tr', {}, ...['c.chart.time', 'c.chart.col-sold', 'c.chart.col-held', 'c.chart.col-share']
			.map((key) => el('th', { 'scope': 'col' }, t(key))))), rows);

	return {
		axes, sold, held, edge, probe, box, when, soldText, heldText, rows,
		svg: drawing,
		node: el('figure', { 'class': 'chart-figure' },
			el('figcaption', { 'class': 'chart-legend' }, when,
				el('span', { 'class': 'chart-key chart-key-sold', 'aria-hidden': 'true' }), soldText,
				el('span', { 'class': 'chart-key chart-key-held', 'aria-hidden': 'true' }), heldText),
			box,
			el('details', { 'class': 'chart-table' }, el('summary', {}, t('c.chart.as-table')), table)),
	};
}
