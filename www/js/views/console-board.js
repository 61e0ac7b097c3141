/**
 * One drop as it sells: what is there, how fast it goes, what becomes of holds, and how it came to this. The past
 * is the store's; what happens while one looks on is told by the stream.
 */

import { attr, el, keyed, show, text } from '../dom.js';
import { figures as readFigures, makeSource } from '../console-api.js';
import { conversion, moveBetween, pointsOf, rate, recent, tally, withPoint } from '../console-flow.js';
import { decimal, secondsText } from '../console-text.js';
import { duration, number, percent } from '../format.js';
import { sizeState, statusOf } from '../state.js';
import { refusalText, sizeName, t } from '../text.js';
import * as chart from './console-chart.js';
import { renderBar } from './console-list.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Drop} Drop
 * @typedef {import('../console-flow.js').Figures} Figures
 * @typedef {import('../console-flow.js').Move} Move
 * @typedef {import('../console-flow.js').Point} Point
 */

/** The store counts again at most this often. */
const FIGURES_REST_MS = 10_000;
const SHORTEST_MS = 60_000;
/** How far back the drawing reaches. @type {[string, number][]} */
const RANGES = [['all', Infinity], ['hour', 3_600_000], ['minutes', 600_000]];

/** @param {import('../types.js').Actions} actions @param {number} id */
export function make(actions, id) {
	const source = makeSource(() => readFigures(id), actions.redraw, FIGURES_REST_MS);
	const drawing = chart.make();
	const parts = build(drawing.node, (range) => {
		rangeMs = range;
		actions.redraw();
	}, () => source.load());
	/** @type {Drop|null} */
	let seen = null;
	let seenLive = false;
	/** When the rates' window begins. */
	let since = 0;
	/** @type {Move[]} */
	let moves = [];
	/** @type {readonly Point[]} */
	let tail = [];
	/** @type {readonly Point[]} */
	let past = [];
	/** @type {Figures|null} */
	let counted = null;
	let rangeMs = Infinity;

	source.load();

	/** What the stream has told since the last look. @param {Drop} drop @param {State} state */
	function look(drop, state) {
		const live = state.connection === 'live';

		if (!live || !seenLive || !since)
			since = state.now;	/* what was missed did not happen just now */
		if (seen && drop !== seen) {
			const move = live && seenLive ? moveBetween(seen, drop, state.now) : null;

			if (move)
				moves.push(move);
			if (move || !live || drop.soldStock !== seen.soldStock || drop.reservedStock !== seen.reservedStock)
				source.soon();
		}
		seen = drop;
		seenLive = live;
		tail = withPoint(tail, { at: state.now, sold: drop.soldStock, held: drop.reservedStock });
		if (source.value && source.value !== counted)
			takeFigures(source.value);
		moves = recent(moves, state.now, counted ? Date.parse(counted.serverTime) : 0);
	}
	/** @param {Figures} value */
	function takeFigures(value) {
		const until = Date.parse(value.serverTime);

		counted = value;
		past = pointsOf(value);
		tail = tail.filter(({ at }) => at > until);
	}

	return {
		node: parts.node,
		close() {
			source.close();
			drawing.close();
		},
		/** @param {Drop} drop @param {State} state */
		render(drop, state) {
			look(drop, state);
			renderTiles(parts.tiles, drop, counted, moves, state.now, since);
			renderSizes(parts, drop);
			attr(parts.node, 'aria-busy', source.busy ? 'true' : null);
			show(parts.problem, source.problem !== null);
			text(parts.problemText, source.problem ? refusalText(source.problem) : '');
			drawing.render(frame([...past, ...tail], drop, state.now, rangeMs));
		},
	};
}

/**
 * What the drawing shows: up to now while the drop sells, else up to its last change.
 * @param {readonly Point[]} points @param {Drop} drop @param {number} now @param {number} rangeMs
 */
export function frame(points, drop, now, rangeMs) {
	const over = ['ended', 'sold_out'].includes(statusOf(drop, now));
	const moved = points.filter(({ at }) => at <= now).at(-1)?.at ?? now;
	const first = points[0]?.at ?? Date.parse(drop.dropStartsAt);
	const end = over ? Math.min(now, moved + Math.max(2000, (moved - first) * .04)) : now;
	const whole = Math.min(first - (end - first) * .02, end - SHORTEST_MS);

	return {
		points, total: drop.totalStock, from: Math.max(whole, end - rangeMs), to: end,
		last: { at: end, sold: drop.soldStock, held: drop.reservedStock },
	};
}

/**
 * @param {Tiles} tiles @param {Drop} drop @param {Figures|null} counted @param {readonly Move[]} moves
 * @param {number} now @param {number} since
 */
function renderTiles(tiles, drop, counted, moves, now, since) {
	const sums = counted ? tally(counted, moves) : null;
	const share = sums ? conversion(sums) : null;
	const median = counted?.medianSecondsToBuy ?? null;
	const of = (/** @type {number} */ n) => t('c.board.of', { share: percent(drop.totalStock ? n / drop.totalStock : 0), total: number(drop.totalStock) });
	const holds = rate(moves, 'held', now, since);
	const sales = rate(moves, 'bought', now, since);

	tile(tiles.available, String(drop.availableStock), number(drop.availableStock), of(drop.availableStock));
	tile(tiles.held, String(drop.reservedStock), number(drop.reservedStock), holdNote(drop));
	tile(tiles.sold, String(drop.soldStock), number(drop.soldStock), of(drop.soldStock));
	tile(tiles.holdsRate, holds.toFixed(1), decimal(holds), t('c.board.last-ten'));
	tile(tiles.salesRate, sales.toFixed(1), decimal(sales), t('c.board.last-ten'));
	tile(tiles.conversion, share === null ? '' : String(Math.round(share * 100)), share === null ? t('c.nothing') : percent(share),
		sums ? t('c.board.conversion-of', { bought: number(sums.bought), over: number(sums.bought + sums.back) }) : '');
	tile(tiles.median, median === null ? '' : String(median), median === null ? t('c.nothing') : secondsText(median), t('c.board.median-note'));
}

/** How long a hold lasts, and a wait after lapses. @param {Drop} drop */
function holdNote(drop) {
	const length = t('c.board.hold-length', { time: duration(drop.holdSeconds, 'short') });

	return drop.coolDownSeconds ? `${length} · ${t('c.board.cool-down', { time: duration(drop.coolDownSeconds, 'short') })}` : length;
}

/** @param {Tile} parts @param {string} value @param {string} shown @param {string} note */
function tile(parts, value, shown, note) {
	attr(parts.value, 'data-value', value);
	text(parts.value, shown);
	text(parts.note, note);
}

/** @param {ReturnType<typeof build>} parts @param {Drop} drop */
function renderSizes(parts, drop) {
	keyed(parts.sizes, drop.sizes, (s) => s.size,
		(s) => el('tr', { 'data-size': s.size }, el('th', { 'scope': 'row' }, el('bdi', {}, sizeName(s.size))),
			el('td', { 'class': 'cell-bar' }, el('div', { 'class': 'bar bar-thin', 'aria-hidden': 'true' })),
			el('td', { 'class': 'num' }), el('td', { 'class': 'num' }), el('td', { 'class': 'num' }), el('td', { 'class': 'num' })),
		(row, s) => {
			renderBar(/** @type {HTMLElement} */ (row.querySelector('.bar')), s);
			[s.availableStock, s.reservedStock, s.soldStock, s.totalStock]
				.forEach((n, i) => text(/** @type {Node} */ (row.children[i + 2]), number(n)));
			attr(row, 'data-gone', sizeState(s) === 'gone');
		});
}

/** @typedef {ReturnType<typeof buildTile>} Tile */
/** @typedef {ReturnType<typeof build>['tiles']} Tiles */

/** @param {string} name @param {string} testid @param {string} [tone] */
function buildTile(name, testid, tone) {
	const value = el('dd', { 'class': 'tile-value', 'data-testid': testid });
	const note = el('dd', { 'class': 'tile-note' });

	return { value, note, node: el('div', { 'class': 'tile', 'data-tone': tone }, el('dt', {}, t(name)), value, note) };
}

/** @param {HTMLElement} drawing @param {(rangeMs: number) => void} choose @param {() => void} again */
function build(drawing, choose, again) {
	const tiles = {
		available: buildTile('c.board.available', 'board-available', 'free'),
		held: buildTile('c.board.held', 'board-held', 'held'),
		sold: buildTile('c.board.sold', 'board-sold', 'sold'),
		holdsRate: buildTile('c.board.holds-rate', 'board-holds-rate'),
		salesRate: buildTile('c.board.sales-rate', 'board-sales-rate'),
		conversion: buildTile('c.board.conversion', 'board-conversion'),
		median: buildTile('c.board.median', 'board-median'),
	};
	const buttons = RANGES.map(([name, ms]) => el('button', {
		'type': 'button', 'class': 'range', 'aria-pressed': String(ms === Infinity),
		'click': (/** @type {Event} */ event) => {
			buttons.forEach((button) => attr(button, 'aria-pressed', String(button === event.currentTarget)));
			choose(ms);
		},
	}, t(`c.range.${name}`)));
	const sizes = el('tbody');
	const problemText = el('p');
	const problem = el('div', { 'class': 'none', 'role': 'alert', 'hidden': true }, problemText,
		el('button', { 'type': 'button', 'class': 'button button-small', 'click': again }, t('c.again')));
	const columns = /** @type {[string, string|null][]} */ ([['c.col.size', null], ['c.col.stock', null], ['c.col.available', 'num'],
		['c.col.held', 'num'], ['c.col.sold', 'num'], ['c.col.total', 'num']]);

	return {
		tiles, sizes, problem, problemText,
		node: el('div', { 'class': 'board' },
			el('dl', { 'class': 'tiles' }, ...Object.values(tiles).map(({ node }) => node)),
			el('div', { 'class': 'board-row' },
				el('section', { 'class': 'ledger', 'aria-labelledby': 'chart-title' },
					el('header', { 'class': 'ledger-head' }, el('h2', { 'id': 'chart-title' }, t('c.chart.title')),
						el('div', { 'class': 'ranges', 'role': 'group', 'aria-label': t('c.range.label') }, ...buttons)),
					problem, drawing),
				el('section', { 'class': 'ledger', 'aria-labelledby': 'sizes-title' },
					el('header', { 'class': 'ledger-head' }, el('h2', { 'id': 'sizes-title' }, t('c.sizes.title'))),
					el('table', { 'class': 'table table-sizes' },
						el('thead', {}, el('tr', {}, ...columns.map(([key, name]) => el('th', { 'scope': 'col', 'class': name }, t(key))))),
						sizes)))),
	};
}
