/** What is held for this account, always in view while it lasts. */

import { attr, el, enable, keyed, once, show, text } from '../dom.js';
import { countdown, money } from '../format.js';
import { holdsAt } from '../state.js';
import { sizeName } from '../text.js';

const HURRY_S = 15;

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 * @typedef {import('../types.js').Reservation} Reservation
 */

/** @param {HTMLElement} root @param {State} state @param {Actions} actions */
export function render(root, state, actions) {
	/* the whole second that every countdown of the page shows */
	const holds = shown(state);
	const hadFocus = root.contains(document.activeElement);
	const focusedDrop = document.activeElement?.closest('.hold')?.getAttribute('data-hold-drop');

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

	attr(parts.picture, 'src', drop?.imageUrl || '/img/no-picture.svg');
	text(parts.name, drop?.name ?? 'Your pair');
	text(parts.size, sizeName(hold.size));
	text(parts.left, countdown(leftMs / 1000));
	text(parts.price, drop ? money(drop.priceCents, drop.currency) : '');
	attr(root, 'data-hurry', leftMs < HURRY_S * 1000);
	parts.fuse.style.setProperty('--left', String(Math.min(1, leftMs / lengthMs)));
	attr(parts.buy, 'aria-busy', busy ? 'true' : null);
	enable(parts.buy, !busy);
	enable(parts.giveBack, !busy);
}

/** Where a keyboard goes on once its panel is gone. @param {string|null|undefined} dropId */
function focusDrop(dropId) {
	const button = dropId && document.querySelector(`[data-drop="${Number(dropId)}"] .reserve`);

	if (button instanceof HTMLElement)
		button.focus({ preventScroll: true });
}

/** @param {HTMLElement} root @param {Reservation} hold @param {Actions} actions */
function build(root, hold, actions) {
	const picture = el('img', { 'alt': '', 'width': '96', 'height': '72' });
	const name = el('h2');
	const size = el('p', { 'class': 'hold-size' });
	const left = el('span', { 'class': 'hold-left', 'role': 'timer', 'aria-label': 'Time left', 'data-testid': 'hold-countdown' });
	const fuse = el('div', { 'class': 'fuse', 'aria-hidden': 'true' });
	const price = el('span', { 'class': 'hold-price' });
	const buy = el('button', {
		'type': 'button', 'class': 'button button-buy', 'data-testid': 'buy',
		'click': () => able(buy) && actions.buy(hold.id),
	}, 'Buy ', price);
	const giveBack = el('button', {
		'type': 'button', 'class': 'button button-bare', 'data-testid': 'give-back',
		'click': () => able(giveBack) && actions.giveBack(hold.id),
	}, 'Give back');

	attr(root, 'data-hold-drop', String(hold.dropId));
	root.append(fuse, picture, el('div', { 'class': 'hold-what' }, name, size), left,
		el('div', { 'class': 'hold-do' }, giveBack, buy));
	return { picture, name, size, left, fuse, price, buy, giveBack };
}

/** @param {HTMLButtonElement} button */
function able(button) {
	return !button.hasAttribute('aria-disabled');
}
