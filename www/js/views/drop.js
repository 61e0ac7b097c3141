/** One drop in a view of its own, as `/drops/ID` leads to. */

import { el, keyed, once, show } from '../dom.js';
import { cardOf } from '../state.js';
import { t } from '../text.js';
import * as card from './card.js';

/** @param {HTMLElement} root @param {import('../types.js').State} state @param {import('../types.js').Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root));
	const id = state.route.view === 'drop' ? state.route.dropId : 0;
	const drop = state.drops.get(id);

	show(parts.waiting, !drop && !state.loaded);
	show(parts.missing, !drop && state.loaded && !state.missing.has(id));
	keyed(parts.place, drop ? [drop] : [], (d) => String(d.id),
		() => el('article', { 'class': 'card panel', 'data-panel': true }),
		(element, d) => card.render(element, { ...cardOf(state, d), now: state.now }, actions));
}

/** @param {HTMLElement} root */
function build(root) {
	const waiting = el('div', { 'class': 'card panel card-waiting', 'aria-hidden': 'true' });
	const missing = el('div', { 'class': 'notice notice-large' },
		el('h1', { 'class': 'notice-title', 'tabindex': '-1' }, t('drop.missing.title')),
		el('p', {}, t('drop.missing')));
	const place = el('div', { 'class': 'panel-place' });

	root.append(el('p', { 'class': 'back' }, el('a', { 'href': '/', 'class': 'quiet' }, t('drop.back'))),
		waiting, missing, place);
	return { waiting, missing, place };
}
