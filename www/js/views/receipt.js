/** The receipt of one purchase: on paper there is nothing else. */

import { attr, el, once, text } from '../dom.js';
import { exactTime, money, number } from '../format.js';
import { sizeName, t } from '../text.js';
import { dialogHead, dismissable, toggle } from './forms.js';

/** @typedef {import('../types.js').Actions} Actions */

/** @param {HTMLDialogElement} root @param {import('../types.js').State} state @param {Actions} actions */
export function render(root, state, actions) {
	const { dialog } = state;
	const purchase = dialog?.kind === 'receipt' ? state.purchases.find((p) => p.id === dialog.purchaseId) : undefined;

	if (purchase) {
		const parts = once(root, () => build(root, actions));
		const total = money(purchase.priceCents, purchase.currency);

		text(parts.name, state.drops.get(purchase.dropId)?.name ?? t('mine.drop', { id: purchase.dropId }));
		text(parts.size, sizeName(purchase.size));
		text(parts.quantity, number(1));
		text(parts.total, total);
		text(parts.buyer, state.user?.username ?? '');
		text(parts.email, state.user?.email ?? '');
		text(parts.when, exactTime(purchase.purchasedAt));
		attr(parts.when, 'datetime', purchase.purchasedAt);
		text(parts.id, purchase.id);
	}
	attr(document.documentElement, 'data-receipt', purchase !== undefined);
	toggle(root, purchase !== undefined);
}

/** @param {HTMLDialogElement} root @param {Actions} actions */
function build(root, actions) {
	const { head } = dialogHead('receipt-title', t('receipt.title'), actions.closeDialog);
	const name = el('bdi');
	const size = el('dd', { 'dir': 'auto' });
	const quantity = el('dd');
	const total = el('dd');
	const buyer = el('bdi');
	const email = el('bdi', { 'class': 'receipt-email' });
	const when = el('time');
	const id = el('dd', { 'class': 'receipt-id', 'dir': 'ltr' });
	const row = (/** @type {string} */ key, /** @type {HTMLElement} */ value) => el('div', {}, el('dt', {}, t(`receipt.${key}`)), value);

	dismissable(root, actions);
	root.append(head, el('div', { 'class': 'receipt' },
		el('p', { 'class': 'receipt-shop' }, 'Lastpair'),
		el('p', { 'class': 'receipt-name' }, name),
		el('dl', {}, row('size', size), row('quantity', quantity), row('bought', el('dd', {}, when)),
			row('buyer', el('dd', {}, buyer, email)), row('number', id)),
		el('dl', { 'class': 'receipt-total' }, row('total', total)),
		el('p', { 'class': 'receipt-thanks' }, t('receipt.thanks'))),
	el('button', {
		'type': 'button', 'class': 'button button-solid button-wide', 'data-testid': 'receipt-print', 'click': () => print(),
	}, t('receipt.print')));
	return { name, size, quantity, total, buyer, email, when, id };
}
