/** The grid of drops. A card keeps its place while the page is open, so that nothing moves under a finger. */

import { el, keyed, once, show, text } from '../dom.js';
import { cardOf, floorPlace } from '../state.js';
import * as card from './card.js';

/** @typedef {import('../types.js').CardModel} CardModel */

/** @param {HTMLElement} root @param {import('../types.js').State} state @param {import('../types.js').Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));

	show(parts.waiting, !state.loaded && !state.loadProblem);
	show(parts.problem, Boolean(state.loadProblem) && !state.loaded);
	text(parts.problemText, state.loadProblem ?? '');
	show(parts.empty, state.loaded && state.drops.size === 0);

	keyed(parts.grid, inPlace(parts.places, state), (drop) => String(drop.id),
		() => el('article', { 'class': 'card' }),
		(element, drop) => {
			const model = cardOf(state, drop);

			if (!same(parts.shown.get(element), model)) {
				parts.shown.set(element, model);
				card.render(element, { ...model, now: state.now }, actions);
			}
		});
}

/**
 * A drop's place is decided when it first appears.
 * @param {Map<number, [number, number, number]>} places
 * @param {import('../types.js').State} state
 */
function inPlace(places, state) {
	const drops = [...state.drops.values()];

	for (const drop of drops) {
		if (!places.has(drop.id))
			places.set(drop.id, floorPlace(drop, state.now));
	}
	return drops.sort((a, b) => compare(places.get(a.id) ?? [], places.get(b.id) ?? []));
}

/** @param {number[]} a @param {number[]} b */
function compare(a, b) {
	const at = a.findIndex((n, i) => n !== b[i]);

	return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** @param {CardModel|undefined} a @param {CardModel} b */
function same(a, b) {
	return a !== undefined && Object.entries(b)
		.every(([key, value]) => a[/** @type {keyof CardModel} */ (key)] === value);
}

/** @param {HTMLElement} root @param {import('../types.js').Actions} actions */
function build(root, actions) {
	const grid = el('div', { 'class': 'grid' });
	const waiting = el('div', { 'class': 'grid', 'aria-hidden': 'true' },
		...Array.from({ length: 3 }, () => el('div', { 'class': 'card card-waiting' })));
	const problemText = el('p');
	const problem = el('div', { 'class': 'notice' }, problemText,
		el('button', { 'type': 'button', 'class': 'button', 'click': actions.reload }, 'Try again'));
	const empty = el('p', { 'class': 'notice' }, 'No drops yet. The next one appears here by itself.');

	root.replaceChildren(waiting, problem, empty, grid);
	return {
		grid, waiting, problem, problemText, empty,
		/** @type {Map<number, [number, number, number]>} */
		places: new Map(),
		/** @type {WeakMap<HTMLElement, CardModel>} */
		shown: new WeakMap(),
	};
}
