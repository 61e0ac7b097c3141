/** The trail: who did what to which drop and when, each with what was before and what became of it. */

import { attr, el, keyed, show, text } from '../dom.js';
import { deeds as read, makeList } from '../console-api.js';
import { preciseTime, told, valueText, withNodes } from '../console-text.js';
import { hasText, refusalText, t } from '../text.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 * @typedef {import('../console-api.js').Deed} Deed
 */

/** @param {Actions} actions @returns {import('./console.js').ConsolePage} */
export function make(actions) {
	const select = el('select', { 'aria-label': t('c.trail.which'), 'data-testid': 'trail-drop', 'change': choose });
	const trail = makeTrail(actions, () => Number(select.value) || undefined);
	let named = '';

	function choose() {
		trail.restart();
	}
	return {
		node: el('div', {},
			el('header', { 'class': 'console-head' }, el('h1', { 'tabindex': '-1' }, t('c.trail.title')),
				el('div', { 'class': 'console-tools' }, select)),
			trail.node),
		render(state) {
			const drops = [...state.drops.values()].sort((a, b) => b.id - a.id);
			const names = JSON.stringify(drops.map(({ id, name }) => [id, name]));

			if (names !== named) {
				const chosen = select.value;

				named = names;
				select.replaceChildren(el('option', { 'value': '' }, t('c.trail.all')),
					...drops.map(({ id, name }) => el('option', { 'value': String(id) }, name)));
				select.value = chosen;
			}
			trail.render(state, drops.map(keyOf).join());
		},
		close: trail.close,
	};
}

/** Moves when an action of an administrator has changed the drop. @param {import('../types.js').Drop} drop */
export function keyOf(drop) {
	return `${drop.id}.${drop.revision ?? drop.version}.${drop.totalStock}`;
}

/**
 * A list of actions that grows by itself.
 * @param {Actions} actions @param {() => number|undefined} dropOf  the one drop it is about, if it is
 * @param {number} [limit]  so many at a time
 */
export function makeTrail(actions, dropOf, limit) {
	const list = makeList((cursor) => read(dropOf(), cursor, limit), actions.redraw);
	const parts = build(() => list.load(), () => list.more());
	let seen = '';

	list.load();
	return {
		node: parts.node,
		close: list.close,
		restart() {
			list.forget();
			list.load();
		},
		/** @param {State} state @param {string} key  what the stream has told of the drops */
		render(state, key) {
			if (seen && key !== seen)
				list.soon();
			seen = key;
			const items = list.value?.items ?? [];

			attr(parts.node, 'aria-busy', list.busy ? 'true' : null);
			show(parts.problem, list.problem !== null);
			text(parts.problemText, list.problem ? refusalText(list.problem) : '');
			show(parts.none, items.length === 0 && list.problem === null);
			text(parts.none, list.value ? t('c.trail.none') : t('c.loading'));
			show(parts.more, Boolean(list.value?.nextCursor));
			keyed(parts.rows, items, ({ id }) => String(id), (deed) => buildDeed(deed, state, dropOf() !== undefined), () => {});
		},
	};
}

/** A deed never changes. @param {Deed} deed @param {State} state @param {boolean} ofOne */
function buildDeed(deed, state, ofOne) {
	const { key, changes } = told(deed);
	const drop = deed.dropId === null ? undefined : state.drops.get(deed.dropId);
	const currency = deed.after?.['currency'] ?? deed.before?.['currency'] ?? drop?.currency ?? 'EUR';
	const name = deed.dropName ?? t('c.trail.some-drop');
	const sentence = withNodes(key, {
		who: el('bdi', { 'class': deed.actor ? 'deed-who' : 'deed-who deed-machine' }, deed.actor?.username ?? t('c.trail.machine')),
		drop: ofOne || deed.dropId === null ? el('bdi', {}, name)
			: el('a', { 'href': `/console/drops/${deed.dropId}`, 'dir': 'auto' }, name),
	});

	return el('li', { 'class': 'deed', 'data-action-id': String(deed.id), 'data-action': deed.action },
		el('time', { 'datetime': deed.at }, preciseTime(deed.at)),
		el('div', {}, el('p', { 'class': 'deed-what' }, ...sentence),
			...changes.length ? [el('ul', { 'class': 'deed-changes' }, ...changes.map((change) => changeLine(change, deed, currency)))] : []));
}

/** @param {import('../console-text.js').Change} change @param {Deed} deed @param {string} currency */
function changeLine({ field, before, after }, deed, currency) {
	const label = hasText(`c.field.${field}`) ? t(`c.field.${field}`) : field;
	const is = el('ins', {}, valueText(field, after, currency));
	const added = deed.action === 'update' && field === 'sizes';

	if (deed.action === 'create' || added)
		return el('li', {}, `${label} `, is);
	return el('li', {}, `${label} `, el('del', {}, valueText(field, before, deed.before?.['currency'] ?? currency)),
		el('span', { 'class': 'arrow', 'aria-label': t('c.trail.became') }, ' → '), is);
}

/** @param {() => void} again @param {() => void} goOn */
function build(again, goOn) {
	const rows = el('ol', { 'class': 'deeds' });
	const none = el('p', { 'class': 'none' });
	const problemText = el('p');
	const problem = el('div', { 'class': 'none', 'role': 'alert', 'hidden': true }, problemText,
		el('button', { 'type': 'button', 'class': 'button button-small', 'click': again }, t('c.again')));
	const more = el('button', { 'type': 'button', 'class': 'button button-small', 'click': goOn, 'hidden': true }, t('c.more'));

	return { rows, none, problem, problemText, more, node: el('div', { 'class': 'trail', 'data-testid': 'trail' }, problem, rows, none, more) };
}
