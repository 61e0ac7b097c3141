/** This account's pairs: what it bought, each with its receipt, and what became of its holds. */

import { el, keyed, once, show, text } from '../dom.js';
import { dateTime, money, number } from '../format.js';
import { pairText, sizeName, t } from '../text.js';
import { buildPicture, renderPicture } from './card.js';

/** As many rows as are shown before asking for all. */
const FEW = 8;

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 * @typedef {import('../types.js').Reservation} Reservation
 * @typedef {import('../types.js').Purchase} Purchase
 * @typedef {{name: string, size: string, when: string, what: string, tone: string, picture: string}} Row
 */

/** @param {HTMLElement} root @param {State} state @param {Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));

	show(parts.lists, Boolean(state.user));
	show(parts.signedOut, state.user === null);
	renderList(parts.purchases, state.purchases, (p) => ({
		...nameOf(state, p.dropId),
		size: sizeName(p.size),
		when: dateTime(p.purchasedAt),
		what: money(p.priceCents, p.currency),
		tone: 'completed',
	}));
	renderList(parts.reservations, state.reservations, (r) => {
		const status = r.status === 'active' && Date.parse(r.expiresAt) <= state.now ? 'expired' : r.status;

		return {
			...nameOf(state, r.dropId),
			size: sizeName(r.size),
			when: dateTime(r.createdAt),
			what: t(`reservation.${status}`),
			tone: status,
		};
	});
}

/** @param {State} state @param {number} dropId */
function nameOf(state, dropId) {
	const drop = state.drops.get(dropId);

	return { name: drop?.name ?? t('mine.drop', { id: dropId }), picture: drop?.imageUrl || '/img/no-picture.svg' };
}

/**
 * @template {Reservation|Purchase} T
 * @param {List} list @param {readonly T[]} items @param {(item: T) => Row} rowOf
 */
function renderList(list, items, rowOf) {
	const all = list.more.getAttribute('aria-expanded') === 'true';

	text(list.count, number(items.length));
	show(list.empty, items.length === 0);
	show(list.more, items.length > FEW);
	text(list.more, all ? t('mine.few') : t('mine.all', { n: number(items.length) }));
	keyed(list.rows, all ? items : items.slice(0, FEW), (item) => item.id,
		(item) => el('li', { 'class': 'row', 'data-id': item.id }),
		(li, item) => renderRow(li, rowOf(item), item, list));
}

/** @param {HTMLElement} li @param {Row} row @param {Reservation|Purchase} item @param {List} list */
function renderRow(li, row, item, list) {
	const parts = once(li, () => buildRow(li, item, list));

	li.dataset['status'] = row.tone;
	renderPicture(parts.picture, row.picture);
	text(parts.name, row.name);
	text(parts.size, row.size);
	text(parts.when, row.when);
	text(parts.what, row.what);
	if (parts.receipt)
		parts.receipt.setAttribute('aria-label', t('receipt.open.label', { pair: pairText(row.name, item.size) }));
}

/** @param {HTMLElement} li @param {Reservation|Purchase} item @param {List} list */
function buildRow(li, item, list) {
	const picture = buildPicture('lazy');
	const name = el('bdi');
	const size = el('span', { 'class': 'row-size', 'dir': 'auto' });
	const when = el('span', { 'class': 'row-when' });
	const what = el('span', { 'class': 'row-what' });
	const receipt = list.receipts ? el('button', {
		'type': 'button', 'class': 'quiet row-receipt', 'data-testid': 'receipt-open',
		'click': () => list.actions.openDialog({ kind: 'receipt', purchaseId: item.id }),
	}, t('receipt.open')) : null;

	li.append(picture, el('a', { 'class': 'row-name', 'href': `/drops/${item.dropId}` }, name), size, what, when,
		...(receipt ? [receipt] : []));
	return { picture, name, size, when, what, receipt };
}

/** @typedef {ReturnType<typeof buildList>} List */

/** @param {HTMLElement} root @param {Actions} actions */
function build(root, actions) {
	const purchases = buildList('bought', 'my-purchases', true, actions);
	const reservations = buildList('holds', 'my-reservations', false, actions);
	const lists = el('div', { 'class': 'mine-lists' }, purchases.section, reservations.section);
	const signedOut = el('div', { 'class': 'notice' }, el('p', {}, t('mine.sign_in')),
		el('button', {
			'type': 'button', 'class': 'button button-solid', 'click': () => actions.openDialog({ kind: 'sign-in' }),
		}, t('account.sign_in')));

	root.append(el('h1', { 'id': 'mine-title', 'class': 'view-title', 'tabindex': '-1' }, t('mine.title')), signedOut, lists);
	return { purchases, reservations, lists, signedOut };
}

/** @param {string} key @param {string} testid @param {boolean} receipts @param {Actions} actions */
function buildList(key, testid, receipts, actions) {
	const count = el('span', { 'class': 'count' });
	const rows = el('ul', { 'class': 'rows' });
	const empty = el('p', { 'class': 'none' }, t(`mine.${key}.none`));
	const more = el('button', {
		'type': 'button', 'class': 'quiet', 'aria-expanded': 'false',
		'click': () => {
			more.setAttribute('aria-expanded', String(more.getAttribute('aria-expanded') !== 'true'));
			actions.redraw();
		},
	});

	return {
		count, rows, empty, more, receipts, actions,
		section: el('section', { 'class': 'list', 'data-testid': testid },
			el('h2', {}, t(`mine.${key}`), ' ', count), rows, empty, more),
	};
}
