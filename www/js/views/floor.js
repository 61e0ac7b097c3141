/**
 * The floor: the drop to watch, and the grid of all of them. A card keeps its place while the page is open, so that
 * nothing moves under a finger; many are built a few a frame, and only those that changed are drawn.
 */

import { attr, el, keyed, once, show, text } from '../dom.js';
import { number } from '../format.js';
import { cardOf, fitsFilter, floorPlace, groupOf, settledUntil, sizesOf } from '../state.js';
import { refusalText, t } from '../text.js';
import * as card from './card.js';
import * as hero from './hero.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Drop} Drop
 * @typedef {import('../types.js').CardModel} CardModel
 * @typedef {import('../types.js').Actions} Actions
 */

/** @type {readonly ('all'|'live'|'upcoming'|'past')[]} */
const GROUPS = ['all', 'live', 'upcoming', 'past'];
/** New cards a frame: more would hold up a press or a scroll. */
const CARDS_A_FRAME = 12;
/** Drops with a card. In another language theirs are built at once, so that what one looks at stays in its place. @type {Set<number>} */
const made = new Set();
/** From so many on, those out of sight are left out of the layout, at the price of a guessed height. */
const MANY = 60;

/** @param {HTMLElement} root @param {State} state @param {Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));
	const filter = state.route.view === 'floor' ? state.route : { status: 'all', size: '' };

	show(parts.waiting, !state.loaded && !state.loadProblem);
	show(parts.problem, Boolean(state.loadProblem) && !state.loaded);
	text(parts.problemText, state.loadProblem ? refusalText(state.loadProblem) : '');
	show(parts.empty, state.loaded && state.drops.size === 0);
	show(parts.filters, !state.loaded || state.drops.size > 0);

	hero.render(parts.hero, state);
	renderFilters(parts, state, filter);

	const fitting = fits(parts, state, filter);
	const some = aFew(fitting);

	show(parts.none, state.drops.size > 0 && fitting.length === 0);
	attr(parts.grid, 'data-many', fitting.length > MANY);	/* from the first card on: nothing moves once it is there */
	renderGrid(parts, some, state, actions);
	if (some.length < fitting.length)
		actions.redraw();
}

/** @param {Parts} parts @param {readonly Drop[]} drops @param {State} state @param {Actions} actions */
function renderGrid({ grid, shown, own }, drops, state, actions) {
	const mine = [state.reservations, state.purchases, state.picked, state.busy, state.waits, state.user];
	const same = mine.every((part, i) => part === own.parts[i]);

	own.parts = mine;
	keyed(grid, drops, (drop) => String(drop.id),
		(drop) => {
			made.add(drop.id);
			return el('article', { 'class': 'card' });
		},
		(element, drop) => {
			const before = shown.get(element);

			if (same && before?.drop === drop && state.now < before.until && state.now >= before.at)
				return;
			const model = cardOf(state, drop);

			shown.set(element, { drop, model, at: state.now, until: settledUntil(model, state.now) });
			if (!before || !equal(before.model, model))
				card.render(element, { ...model, now: state.now }, actions);
		});
}

/** @param {CardModel} a @param {CardModel} b */
function equal(a, b) {
	for (const key in b) {
		if (a[/** @type {keyof CardModel} */ (key)] !== b[/** @type {keyof CardModel} */ (key)])
			return false;
	}
	return true;
}

/** What there is already, and a few more. @param {readonly Drop[]} drops */
function aFew(drops) {
	let more = CARDS_A_FRAME;

	return drops.filter((drop) => made.has(drop.id) || more-- > 0);
}

/**
 * In the place where each first appeared. What fitted the filter when it was chosen stays, though it opened meanwhile.
 * @param {Parts} parts @param {State} state @param {{status: string, size: string}} filter
 */
function fits(parts, state, filter) {
	const chosen = `${filter.status} ${filter.size}`;

	if (parts.own.chosen !== chosen) {
		parts.own.chosen = chosen;
		parts.kept.clear();
	}
	if (parts.own.drops !== state.drops || parts.own.sorted.length !== state.drops.size) {
		parts.own.drops = state.drops;
		parts.own.sorted = inPlace(parts.places, state);
	}
	return parts.own.sorted.filter((drop) => {
		if (!parts.kept.has(drop.id) && fitsFilter(drop, filter, state.now))
			parts.kept.add(drop.id);
		return parts.kept.has(drop.id);
	});
}

/**
 * A drop's place is decided when it first appears.
 * @param {Map<number, [number, number, number]>} places @param {State} state
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

/** @param {Parts} parts @param {State} state @param {{status: string, size: string}} filter */
function renderFilters({ filters, buttons, size, sizeBox }, state, filter) {
	/** @type {Record<string, number>} */
	const counts = { all: state.drops.size, live: 0, upcoming: 0, past: 0 };

	for (const drop of state.drops.values()) {
		const group = groupOf(drop, state.now);

		counts[group] = (counts[group] ?? 0) + 1;
	}
	attr(filters, 'data-waiting', !state.loaded);	/* how wide they are is their counts' to say */
	for (const [status, { button, count }] of Object.entries(buttons)) {
		attr(button, 'aria-pressed', String(filter.status === status));
		text(count, state.loaded ? number(counts[status] ?? 0) : '');
	}
	const sizes = sizesOf(state.drops.values());

	/* one asked for that nobody makes is still what is asked for */
	if (filter.size && !sizes.includes(filter.size))
		sizes.push(filter.size);
	show(sizeBox, !state.loaded || sizes.length > 0);
	keyed(size, ['', ...sizes], (s) => s,
		(s) => el('option', { 'value': s }, s || t('filter.any')), () => {});
	if (size.value !== filter.size)
		size.value = filter.size;
}

/** @typedef {ReturnType<typeof build>} Parts */

/** @param {HTMLElement} root @param {Actions} actions */
function build(root, actions) {
	const grid = el('div', { 'class': 'grid' });
	const waiting = el('div', { 'class': 'grid', 'aria-hidden': 'true' },
		...Array.from({ length: 3 }, () => el('div', { 'class': 'card card-waiting' })));
	const problemText = el('p');
	const problem = el('div', { 'class': 'notice' }, problemText,
		el('button', { 'type': 'button', 'class': 'button', 'click': actions.reload }, t('page.retry')));
	const empty = el('div', { 'class': 'notice notice-large' },
		el('p', { 'class': 'notice-title' }, t('floor.empty.title')), el('p', {}, t('floor.empty')));
	const none = el('div', { 'class': 'notice' }, el('p', {}, t('floor.none')),
		el('button', {
			'type': 'button', 'class': 'button', 'click': () => actions.filter({ status: 'all', size: '' }),
		}, t('floor.clear')));
	const heroBox = el('section', { 'class': 'hero', 'data-testid': 'hero', 'aria-label': t('hero.label') });
	const filters = buildFilters(actions);

	root.append(el('h1', { 'class': 'unseen', 'tabindex': '-1' }, t('floor.title')), heroBox, filters.filters,
		waiting, problem, empty, none, grid);
	return {
		grid, waiting, problem, problemText, empty, none, hero: heroBox, ...filters,
		/** @type {Map<number, [number, number, number]>} */
		places: new Map(),
		/** @type {WeakMap<HTMLElement, {drop: Drop, model: CardModel, at: number, until: number}>} */
		shown: new WeakMap(),
		/** Drops that fit, or did when the filter was chosen. @type {Set<number>} */
		kept: new Set(),
		own: {
			chosen: '',
			/** @type {unknown} */
			drops: null,
			/** @type {Drop[]} */
			sorted: [],
			/** @type {unknown[]} */
			parts: [],
		},
	};
}

/** @param {Actions} actions */
function buildFilters(actions) {
	/** @type {Record<string, {button: HTMLButtonElement, count: HTMLElement}>} */
	const buttons = {};

	for (const status of GROUPS) {
		const count = el('span', { 'class': 'count' });

		buttons[status] = {
			count,
			button: el('button', {
				'type': 'button', 'class': 'chip', 'data-testid': 'filter-status', 'data-status': status,
				'click': () => actions.filter({ status }),
			}, t(`filter.${status}`), ' ', count),
		};
	}
	const size = el('select', {
		'data-testid': 'filter-size', 'id': 'filter-size', 'change': () => actions.filter({ size: size.value }),
	});
	const sizeBox = el('div', { 'class': 'filter-size' },
		el('label', { 'for': 'filter-size' }, t('filter.size')), size);

	return {
		buttons, size, sizeBox,
		filters: el('div', { 'class': 'filters' },
			el('div', { 'class': 'chips', 'role': 'group', 'aria-label': t('filter.label') },
				...Object.values(buttons).map(({ button }) => button)), sizeBox),
	};
}
