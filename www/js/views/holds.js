/** What is held for this account, in view wherever one is, for as long as it lasts. */

import { attr, el, enable, keyed, once, show, svg, text } from '../dom.js';
import { countdown, money } from '../format.js';
import { holdsAt, urgencyOf } from '../state.js';
import { sizeName, t } from '../text.js';
import { buildPicture, renderPicture } from './card.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 * @typedef {import('../types.js').Reservation} Reservation
 */

/** @param {HTMLElement} root @param {State} state @param {Actions} actions */
export function render(root, state, actions) {
	if (!watched)
		watchHeight(root);

	/* the whole second that every countdown of the page shows */
	const holds = shown(state);
	const hadFocus = root.contains(document.activeElement);
	const focusedDrop = document.activeElement?.closest('.hold')?.getAttribute('data-hold-drop');

	attr(root, 'aria-label', t('hold.label'));
	show(root, holds.length > 0);
	attr(document.documentElement, 'data-holding', holds.length > 0);
	keyed(root, holds, (r) => r.id,
		(r) => el('section', { 'class': 'hold', 'data-testid': 'hold', 'data-reservation': r.id }),
		(element, r) => renderHold(element, r, state, actions));
	if (hadFocus && !root.contains(document.activeElement))
		focusDrop(focusedDrop);
}

/**
 * Running holds, and those whose purchase is still on its way when they end.
 * @param {State} state
 */
function shown(state) {
	const running = holdsAt(state, state.now);
	const deciding = state.reservations.filter((r) =>
		r.status === 'active' && state.busy.has(`hold:${r.id}`) && !running.includes(r));

	return [...running, ...deciding];
}

/** @param {HTMLElement} root @param {Reservation} hold @param {State} state @param {Actions} actions */
function renderHold(root, hold, state, actions) {
	const parts = once(root, () => build(root, hold, actions));
	const drop = state.drops.get(hold.dropId);
	const leftMs = Math.max(0, Date.parse(hold.expiresAt) - state.now);
	const lengthMs = Math.max(1, Date.parse(hold.expiresAt) - Date.parse(hold.createdAt));
	const busy = state.busy.has(`hold:${hold.id}`);
	const urgency = urgencyOf(leftMs);

	renderPicture(parts.picture, drop?.imageUrl || '/img/no-picture.svg');
	text(parts.name, drop?.name ?? t('hold.yours'));
	text(parts.size, sizeName(hold.size));
	text(parts.hint, t(`hold.hint.${urgency}`));
	text(parts.left, countdown(leftMs / 1000));
	text(parts.price, drop ? money(drop.priceCents, drop.currency) : '');
	attr(root, 'data-urgency', urgency);
	parts.ring.style.setProperty('--left', String(Math.min(1, leftMs / lengthMs)));
	attr(parts.buy, 'aria-busy', busy ? 'true' : null);
	enable(parts.buy, !busy);
	enable(parts.giveBack, !busy);
}

/** Where a keyboard goes on once its panel is gone. @param {string|null|undefined} dropId */
function focusDrop(dropId) {
	const button = (dropId && document.querySelector(`[data-drop="${Number(dropId)}"] .reserve`)) ||
		document.querySelector('#main h1');

	if (button instanceof HTMLElement)
		button.focus({ preventScroll: true });
}

let watched = false;

/** The page keeps as much room below as the panel takes. @param {HTMLElement} root */
function watchHeight(root) {
	watched = true;
	new ResizeObserver(() => {
		document.documentElement.style.setProperty('--holds', `${Math.round(root.getBoundingClientRect().height)}px`);
	}).observe(root);
}

/** @param {HTMLElement} root @param {Reservation} hold @param {Actions} actions */
function build(root, hold, actions) {
	const picture = buildPicture('eager');
	const name = el('bdi');
	const size = el('span', { 'class': 'hold-size', 'dir': 'auto' });
	const hint = el('span', { 'class': 'hold-hint' });
	const left = el('span', { 'class': 'hold-left', 'role': 'timer', 'aria-label': t('hold.left'), 'data-testid': 'hold-countdown' });
	const ring = svg('circle', { 'class': 'ring-left', 'cx': '32', 'cy': '32', 'r': '28', 'pathLength': '1' });
	const price = el('span', { 'class': 'hold-price' });
	const buy = el('button', {
		'type': 'button', 'class': 'button button-buy', 'data-testid': 'buy',
		'click': () => able(buy) && actions.buy(hold.id),
	}, t('hold.buy'), ' ', price);
	const giveBack = el('button', {
		'type': 'button', 'class': 'button button-bare', 'data-testid': 'give-back',
		'click': () => able(giveBack) && actions.giveBack(hold.id),
	}, t('hold.give_back'));

	attr(root, 'data-hold-drop', String(hold.dropId));
	root.append(
		el('div', { 'class': 'hold-clock' },
			svg('svg', { 'class': 'ring', 'viewBox': '0 0 64 64', 'data-testid': 'hold-ring', 'aria-hidden': 'true' },
				svg('circle', { 'class': 'ring-all', 'cx': '32', 'cy': '32', 'r': '28' }), ring), left),
		picture,
		el('div', { 'class': 'hold-what' },
			el('h2', {}, el('a', { 'href': `/drops/${hold.dropId}` }, name)),
			el('p', { 'class': 'hold-line' }, size, ' ', hint)),
		el('div', { 'class': 'hold-do' }, giveBack, buy));
	return { picture, name, size, hint, left, ring, price, buy, giveBack };
}

/** @param {HTMLButtonElement} button */
function able(button) {
	return !button.hasAttribute('aria-disabled');
}
