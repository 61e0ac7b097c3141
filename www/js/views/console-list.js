/** Every drop in one table, its stock moving, with what one does most often to it. */

import { attr, el, enable, keyed, show, text } from '../dom.js';
import { dateTime, money, number } from '../format.js';
import { floorPlace, statusOf } from '../state.js';
import { refusalText, t, tn } from '../text.js';
import { buildPicture, renderPicture } from './card.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 * @typedef {import('../types.js').Drop} Drop
 */

const NO_PICTURE = '/img/no-picture.svg';

/** @param {Actions} actions @returns {import('./console.js').ConsolePage} */
export function make(actions) {
	const parts = build(actions);
	/** A row keeps its place while the page is open. @type {Map<number, readonly number[]>} */
	const places = new Map();
	/** What each row shows. @type {WeakMap<HTMLElement, string>} */
	const shown = new WeakMap();
	/** @type {WeakMap<HTMLElement, Drop>} */
	const shownDrop = new WeakMap();

	return {
		node: parts.node,
		render(state) {
			const wanted = parts.search.value.trim().toLocaleLowerCase();
			const drops = inPlace([...state.drops.values()], places, state.now)
				.filter((drop) => !wanted || drop.name.toLocaleLowerCase().includes(wanted) || String(drop.id) === wanted);

			show(parts.table, drops.length > 0);
			show(parts.note, drops.length === 0);
			text(parts.noteText, noteOf(state, wanted));
			show(parts.again, !state.loaded && state.loadProblem !== null);
			text(parts.count, state.loaded ? tn('c.list.count', drops.length) : '');
			keyed(parts.rows, drops, (drop) => String(drop.id), (drop) => buildRow(drop.id, actions), (row, drop) => {
				const status = statusOf(drop, state.now);
				const key = `${status} ${state.busy.has(`admin:${drop.id}`)}`;

				if (shownDrop.get(row) !== drop || shown.get(row) !== key) {
					shownDrop.set(row, drop);
					shown.set(row, key);
					renderRow(row, drop, status, state.busy.has(`admin:${drop.id}`));
				}
			});
		},
	};
}

/** @param {State} state @param {string} wanted */
function noteOf(state, wanted) {
	if (!state.loaded)
		return state.loadProblem ? refusalText(state.loadProblem) : t('c.loading');
	return wanted ? t('c.list.none-found') : t('c.list.none');
}

/** @param {Drop[]} drops @param {Map<number, readonly number[]>} places @param {number} now */
function inPlace(drops, places, now) {
	for (const drop of drops) {
		if (!places.has(drop.id))
			places.set(drop.id, floorPlace(drop, now));
	}
	return drops.sort((a, b) => compare(places.get(a.id) ?? [], places.get(b.id) ?? []));
}

/** @param {readonly number[]} a @param {readonly number[]} b */
function compare(a, b) {
	const at = a.findIndex((n, i) => n !== b[i]);

	return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** @type {WeakMap<HTMLElement, ReturnType<typeof rowParts>>} */
const partsOf = new WeakMap();

/** @param {HTMLElement} row @param {Drop} drop @param {import('../types.js').DropStatus} status @param {boolean} busy */
function renderRow(row, drop, status, busy) {
	const parts = /** @type {ReturnType<typeof rowParts>} */ (partsOf.get(row));

	attr(row, 'data-status', status);
	renderPicture(parts.picture, drop.imageUrl || NO_PICTURE);
	text(parts.name, drop.name);
	text(parts.price, money(drop.priceCents, drop.currency));
	text(parts.status, t(`status.${status}`));
	renderBar(parts.bar, drop);
	for (const [node, n] of /** @type {[HTMLElement, number][]} */ ([
		[parts.available, drop.availableStock], [parts.reserved, drop.reservedStock], [parts.sold, drop.soldStock]])) {
		attr(node, 'data-value', String(n));
		text(node, number(n));
	}
	text(parts.total, number(drop.totalStock));
	text(parts.starts, dateTime(drop.dropStartsAt));
	attr(parts.starts, 'datetime', drop.dropStartsAt);
	text(parts.pause, drop.isActive ? t('c.pause') : t('c.resume'));
	attr(parts.pause, 'data-active', String(drop.isActive));
	attr(parts.pause, 'aria-label', t('c.act-on', { act: t(drop.isActive ? 'c.pause' : 'c.resume'), drop: drop.name }));
	attr(parts.restock, 'aria-label', t('c.act-on', { act: t('c.restock'), drop: drop.name }));
	enable(parts.pause, !busy && status !== 'ended');
	enable(parts.restock, !busy);
}

/** @param {HTMLElement} bar @param {Pick<Drop, 'totalStock'|'availableStock'|'reservedStock'>} drop */
export function renderBar(bar, { totalStock, availableStock, reservedStock }) {
	const total = Math.max(1, totalStock);

	bar.style.setProperty('--free', `${100 * availableStock / total}%`);
	bar.style.setProperty('--held', `${100 * (availableStock + reservedStock) / total}%`);
}

/** @param {number} id @param {Actions} actions */
function buildRow(id, actions) {
	const parts = rowParts(id, actions);

	partsOf.set(parts.row, parts);
	return parts.row;
}

/** @param {number} id @param {Actions} actions */
function rowParts(id, actions) {
	const picture = buildPicture('lazy');
	const name = el('a', { 'href': `/console/drops/${id}`, 'dir': 'auto' });
	const price = el('span', { 'class': 'sub' });
	const status = el('span', { 'class': 'state', 'data-testid': 'drop-status' });
	const bar = el('div', { 'class': 'bar bar-thin', 'aria-hidden': 'true' });
	const available = el('td', { 'class': 'num', 'data-testid': 'available', 'data-label': t('c.col.available') });
	const reserved = el('td', { 'class': 'num', 'data-testid': 'reserved', 'data-label': t('c.col.held') });
	const sold = el('td', { 'class': 'num', 'data-testid': 'sold', 'data-label': t('c.col.sold') });
	const total = el('td', { 'class': 'num', 'data-label': t('c.col.total') });
	const starts = el('time');
	const pause = el('button', {
		'type': 'button', 'class': 'button button-small', 'data-testid': 'admin-pause',
		'click': () => {
			if (!pause.hasAttribute('aria-disabled'))
				actions.setActive(id, pause.dataset['active'] !== 'true');
		},
	});
	const restock = el('button', {
		'type': 'button', 'class': 'button button-small', 'data-testid': 'admin-restock',
		'click': () => {
			if (!restock.hasAttribute('aria-disabled'))
				actions.openDialog({ kind: 'restock', dropId: id });
		},
	}, t('c.restock'));
	const row = el('tr', { 'data-console-drop': String(id) },
		el('th', { 'scope': 'row', 'class': 'cell-drop' }, el('div', { 'class': 'drop-name' }, picture, el('span', {}, name, price))),
		el('td', { 'class': 'cell-status' }, status),
		el('td', { 'class': 'cell-bar' }, bar), available, reserved, sold, total,
		el('td', { 'class': 'cell-when', 'data-label': t('c.col.opens') }, starts),
		el('td', { 'class': 'cell-do' }, el('div', { 'class': 'row-do' }, pause, restock)));

	return { row, picture, name, price, status, bar, available, reserved, sold, total, starts, pause, restock };
}

/** @param {Actions} actions */
function build(actions) {
	const search = el('input', {
		'type': 'search', 'placeholder': t('c.list.search'), 'aria-label': t('c.list.search'), 'autocomplete': 'off',
		'data-testid': 'console-search', 'input': actions.redraw,
	});
	const count = el('p', { 'class': 'count', 'role': 'status' });
	const rows = el('tbody');
	const head = /** @type {[string, string][]} */ ([['c.col.drop', ''], ['c.col.status', ''], ['c.col.stock', ''], ['c.col.available', 'num'],
		['c.col.held', 'num'], ['c.col.sold', 'num'], ['c.col.total', 'num'], ['c.col.opens', ''], ['c.col.actions', '']]);
	const table = el('table', { 'class': 'table table-drops' },
		el('caption', { 'class': 'unseen' }, t('c.list.title')),
		el('thead', {}, el('tr', {}, ...head.map(([key, name]) => el('th', { 'scope': 'col', 'class': name || null }, t(key))))), rows);
	const noteText = el('p');
	const again = el('button', { 'type': 'button', 'class': 'button', 'click': actions.reload }, t('c.again'));
	const note = el('div', { 'class': 'none' }, noteText, again);

	return {
		search, count, rows, table, note, noteText, again,
		node: el('div', {},
			el('header', { 'class': 'console-head' }, el('h1', { 'tabindex': '-1' }, t('c.list.title')), count,
				el('div', { 'class': 'console-tools' }, search,
					el('a', { 'class': 'button button-solid', 'href': '/console/new' }, t('c.new')))),
			table, note),
	};
}
