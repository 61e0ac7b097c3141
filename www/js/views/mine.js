/** This account's pairs: what it bought, and what became of its holds. */

import { el, keyed, once, show, text } from '../dom.js';
import { dateTime, money } from '../format.js';
import { RESERVATION, sizeName } from '../text.js';

/** As many rows as are shown before asking for all. */
const FEW = 6;

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Reservation} Reservation
 * @typedef {import('../types.js').Purchase} Purchase
 */

/** @param {HTMLElement} root @param {State} state @param {import('../types.js').Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));

	show(root, Boolean(state.user));
	renderList(parts.purchases, state.purchases, (p) => ({
		name: nameOf(state, p.dropId),
		size: sizeName(p.size),
		when: dateTime(p.purchasedAt),
		what: money(p.priceCents, p.currency),
		tone: 'completed',
	}));
	renderList(parts.reservations, state.reservations, (r) => {
		const status = r.status === 'active' && Date.parse(r.expiresAt) <= state.now ? 'expired' : r.status;

		return {
			name: nameOf(state, r.dropId),
			size: sizeName(r.size),
			when: dateTime(r.createdAt),
			what: RESERVATION[status],
			tone: status,
		};
	});
}

/** @param {State} state @param {number} dropId */
function nameOf(state, dropId) {
	return state.drops.get(dropId)?.name ?? `Drop ${dropId}`;
}

/**
 * @template {Reservation|Purchase} T
 * @param {List} list @param {readonly T[]} items
 * @param {(item: T) => {name: string, size: string, when: string, what: string, tone: string}} rowOf
 */
function renderList(list, items, rowOf) {
	const all = list.more.getAttribute('aria-expanded') === 'true';

	text(list.count, String(items.length));
	show(list.empty, items.length === 0);
	show(list.more, items.length > FEW);
	text(list.more, all ? 'Show fewer' : `Show all ${items.length}`);
	keyed(list.rows, all ? items : items.slice(0, FEW), (item) => item.id,
		(item) => el('li', { 'class': 'row', 'data-id': item.id },
			el('span', { 'class': 'row-name' }), el('span', { 'class': 'row-size' }),
			el('span', { 'class': 'row-when' }), el('span', { 'class': 'row-what' })),
		(li, item) => {
			const row = rowOf(item);

			li.dataset['status'] = row.tone;
			[row.name, row.size, row.when, row.what].forEach((value, i) => {
				text(/** @type {Node} */ (li.children[i]), value);
			});
		});
}

/** @typedef {ReturnType<typeof buildList>} List */

/** @param {HTMLElement} root @param {import('../types.js').Actions} actions */
function build(root, actions) {
	const purchases = buildList('Bought', 'my-purchases', 'Nothing yet. The first pair you buy is listed here.', actions);
	const reservations = buildList('Holds', 'my-reservations', 'No holds yet.', actions);

	root.append(el('h2', { 'id': 'mine-title', 'class': 'mine-title' }, 'My pairs'),
		el('div', { 'class': 'mine-lists' }, purchases.section, reservations.section));
	return { purchases, reservations };
}

/** @param {string} title @param {string} testid @param {string} none @param {import('../types.js').Actions} actions */
function buildList(title, testid, none, actions) {
	const count = el('span', { 'class': 'count' });
	const rows = el('ul', { 'class': 'rows' });
	const empty = el('p', { 'class': 'none' }, none);
	const more = el('button', {
		'type': 'button', 'class': 'quiet', 'aria-expanded': 'false',
		'click': () => {
			more.setAttribute('aria-expanded', String(more.getAttribute('aria-expanded') !== 'true'));
			actions.redraw();
		},
	});

	return {
		count, rows, empty, more,
		section: el('section', { 'class': 'list', 'data-testid': testid }, el('h3', {}, title, ' ', count), rows, empty, more),
	};
}
