/** The drop to watch, large: the next to open with its countdown, else the freshest that is live. */

import { attr, el, once, show, text } from '../dom.js';
import { countdown, dateTime, money, number } from '../format.js';
import { heroOf, statusOf } from '../state.js';
import { t } from '../text.js';
import { buildPicture, renderPicture, whenText } from './card.js';

/** @param {HTMLElement} root @param {import('../types.js').State} state */
export function render(root, state) {
	const parts = once(root, () => build(root));
	const kept = Number(root.getAttribute('data-hero-drop')) || null;
	const drop = heroOf(state.drops.values(), state.now, kept);

	attr(root, 'data-hero-drop', drop ? String(drop.id) : null);
	attr(root, 'data-waiting', !state.loaded);
	show(root, drop !== null || (!state.loaded && !state.loadProblem));
	if (!drop)
		return;
	const status = statusOf(drop, state.now);
	const opens = status === 'upcoming';
	const target = opens ? drop.dropStartsAt : drop.dropEndsAt;
	const left = target ? (Date.parse(target) - state.now) / 1000 : 0;

	attr(root, 'data-status', status);
	renderPicture(parts.picture, drop.imageUrl || '/img/no-picture.svg');
	text(parts.eyebrow, t(opens ? 'hero.next' : 'hero.live'));
	text(parts.when, opens ? dateTime(drop.dropStartsAt) : whenText(drop, status));
	text(parts.name, drop.name);
	text(parts.description, drop.description ?? '');
	text(parts.price, money(drop.priceCents, drop.currency));
	text(parts.pairs, `${number(drop.availableStock)} ${t('stock.left')} ${t('stock.of', { n: number(drop.totalStock) })}`);
	show(parts.clock, Boolean(target));
	text(parts.clockName, t(opens ? 'hero.opens' : 'hero.ends'));
	text(parts.countdown, countdown(left));
	attr(parts.link, 'href', `/drops/${drop.id}`);
	text(parts.link, t(opens ? 'hero.look' : 'hero.get'));
}

/** @param {HTMLElement} root */
function build(root) {
	const picture = buildPicture('eager', true);
	const eyebrow = el('span', { 'class': 'hero-state' });
	const when = el('span', { 'class': 'hero-when' });
	const name = el('bdi');
	const description = el('p', { 'class': 'hero-description', 'dir': 'auto' });
	const price = el('span', { 'class': 'hero-price' });
	const pairs = el('span', { 'class': 'hero-pairs' });
	const clockName = el('span', { 'class': 'hero-clock-name' });
	const counted = el('span', { 'class': 'hero-digits', 'role': 'timer', 'data-testid': 'hero-countdown' });
	const clock = el('p', { 'class': 'hero-clock' }, clockName, ' ', counted);
	const link = el('a', { 'class': 'button button-hot hero-link', 'data-testid': 'hero-link' });

	root.append(
		el('div', { 'class': 'hero-words' },
			el('p', { 'class': 'hero-eyebrow' }, eyebrow, ' ', when),
			el('h2', { 'class': 'hero-name' }, name), description,
			el('p', { 'class': 'hero-terms' }, price, ' ', pairs), clock, link),
		el('div', { 'class': 'hero-picture' }, picture));
	return { picture, eyebrow, when, name, description, price, pairs, clock, clockName, countdown: counted, link };
}
