/** Who bought a drop, newest first: found by name, e-mail or number, and taken away as CSV. */

import { attr, el, keyed, show, text } from '../dom.js';
import { csvUrl, makeList, purchases } from '../console-api.js';
import { preciseTime } from '../console-text.js';
import { money } from '../format.js';
import { refusalText, sizeName, t, tn } from '../text.js';

/** @typedef {import('../console-api.js').Sale} Sale */

/** Typing goes on for this long. */
const TYPING_MS = 250;

/** @param {import('../types.js').Actions} actions @param {number} id */
export function make(actions, id) {
	let asked = '';
	let timer = 0;
	let sold = -1;
	const list = makeList((cursor) => purchases(id, asked, cursor), actions.redraw);
	const parts = build(id, { typed, again: () => list.load(), more: () => list.more() });

	function typed() {
		clearTimeout(timer);
		timer = setTimeout(() => {
			if (parts.search.value.trim() === asked)
				return;
			asked = parts.search.value.trim();
			list.forget();
			list.load();
		}, TYPING_MS);
	}
	list.load();
	return {
		node: parts.node,
		close() {
			clearTimeout(timer);
			list.close();
		},
		/** @param {import('../types.js').Drop} drop */
		render(drop) {
			if (sold >= 0 && drop.soldStock !== sold)
				list.soon();
			sold = drop.soldStock;
			const items = list.value?.items ?? [];

			attr(parts.node, 'aria-busy', list.busy ? 'true' : null);
			show(parts.problem, list.problem !== null);
			text(parts.problemText, list.problem ? refusalText(list.problem) : '');
			text(parts.count, list.value ? tn(asked ? 'c.sales.found' : 'c.sales.count', list.value.total) : '');
			show(parts.table, items.length > 0);
			show(parts.none, items.length === 0 && list.problem === null);
			text(parts.none, list.value ? t(asked ? 'c.sales.none-found' : 'c.sales.none') : t('c.loading'));
			show(parts.more, Boolean(list.value?.nextCursor));
			keyed(parts.rows, items, (sale) => sale.id, buildRow, () => {});
		},
	};
}

/** A sale never changes. @param {Sale} sale */
function buildRow(sale) {
	return el('tr', { 'data-id': sale.id },
		el('td', { 'class': 'cell-when' }, el('time', { 'datetime': sale.purchasedAt }, preciseTime(sale.purchasedAt))),
		el('th', { 'scope': 'row', 'class': 'cell-who' }, el('bdi', {}, sale.username)),
		el('td', { 'class': 'cell-mail' }, el('bdi', {}, sale.email)),
		el('td', { 'class': 'cell-size' }, sizeName(sale.size)),
		el('td', { 'class': 'num cell-price' }, money(sale.priceCents, sale.currency)),
		el('td', { 'class': 'cell-id', 'title': sale.id }, el('bdi', {}, sale.id.slice(0, 13))));
}

/** @param {number} id @param {{typed: () => void, again: () => void, more: () => void}} on */
function build(id, { typed, again, more: goOn }) {
	const search = el('input', {
		'type': 'search', 'autocomplete': 'off', 'placeholder': t('c.sales.search'), 'aria-label': t('c.sales.search'),
		'data-testid': 'board-search', 'input': typed,
	});
	const csv = el('a', { 'class': 'button button-small', 'href': csvUrl(id), 'download': true, 'data-testid': 'board-csv' }, t('c.sales.csv'));
	const count = el('span', { 'class': 'count', 'role': 'status' });
	const rows = el('tbody');
	const head = /** @type {[string, string|null][]} */ ([['c.col.time', null], ['c.col.buyer', null], ['c.col.mail', null], ['c.col.size', null],
		['c.col.price', 'num'], ['c.col.id', null]]);
	const table = el('table', { 'class': 'table table-sales', 'data-testid': 'board-purchases' },
		el('caption', { 'class': 'unseen' }, t('c.sales.title')),
		el('thead', {}, el('tr', {}, ...head.map(([key, name]) => el('th', { 'scope': 'col', 'class': name }, t(key))))), rows);
	const none = el('p', { 'class': 'none' });
	const problemText = el('p');
	const problem = el('div', { 'class': 'none', 'role': 'alert', 'hidden': true }, problemText,
		el('button', { 'type': 'button', 'class': 'button button-small', 'click': again }, t('c.again')));
	const more = el('button', { 'type': 'button', 'class': 'button button-small', 'click': goOn, 'hidden': true }, t('c.more'));

	return {
		search, count, rows, table, none, problem, problemText, more,
		node: el('section', { 'class': 'ledger', 'aria-labelledby': 'sales-title' },
			el('header', { 'class': 'ledger-head' }, el('h2', { 'id': 'sales-title' }, t('c.sales.title')), count,
				el('div', { 'class': 'console-tools' }, search, csv)),
			problem, table, none, more),
	};
}
