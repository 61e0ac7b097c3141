/**
 * The console: what administrators see and do. It is fetched when one of them first comes here, with its own
 * texts and stylesheet, and shows one of four pages: every drop, a new one, one drop's board, the trail.
 */

import { attr, el, once, show, text } from '../dom.js';
import { language, loadMoreTexts, t } from '../text.js';
import * as deeds from './console-actions.js';
import * as board from './console-drop.js';
import * as create from './console-create.js';
import * as list from './console-list.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 *
 * @typedef {object} ConsolePage
 * @property {HTMLElement} node
 * @property {(state: State) => void} render
 * @property {() => unknown} [typed]  what was typed into it, for the same page in another language
 * @property {() => void} [close]   stops what it has under way
 */

/** @type {Record<string, (actions: Actions, id: number, typed?: any) => ConsolePage>} */
const PAGES = { 'list': list.make, 'new': create.make, 'drop': board.make, 'actions': deeds.make };
const STYLE = '/css/console.css';

const RETRY_MS = 3000;

/** @type {'no'|'coming'|'yes'} */
let ready = 'no';
/** @type {{route: import('../types.js').Route, user: number|undefined, language: string, page: ConsolePage}|null} */
let current = null;

/** @param {HTMLElement} root @param {State} state @param {Actions} actions */
export function render(root, state, actions) {
	if (ready === 'no')
		prepare(actions);
	if (ready !== 'yes') {
		attr(root, 'aria-busy', ready === 'coming' ? 'true' : null);
		return;
	}
	const parts = once(root, () => build(root, actions));
	const { route, user } = state;
	const here = route?.view === 'console' && user?.role === 'admin' ? route : null;

	attr(root, 'aria-busy', null);
	show(parts.frame, here !== null);
	show(parts.stranger, here === null && user !== undefined && route?.view === 'console');
	if (!here) {
		close(parts);
		text(parts.strangerText, t(user ? 'c.only-admins' : 'c.sign-in-first'));
		show(parts.signIn, !user);
		return;
	}
	const same = current?.route === here && current.user === user?.id;	/* each move has a route of its own, also back to the same page */

	if (!same || current?.language !== language()) {
		const typed = same ? current?.page.typed?.() : undefined;

		close(parts);
		current = {
			route: here, user: user?.id, language: language(),
			page: (PAGES[here.page] ?? list.make)(actions, here.page === 'drop' ? here.dropId : 0, typed),
		};
		parts.body.replaceChildren(current.page.node);
	}
	for (const [page, link] of Object.entries(parts.links))
		attr(link, 'aria-current', page === here.page ? 'page' : null);
	current.page.render(state);
}

/** @param {ReturnType<typeof build>} parts */
function close(parts) {
	current?.page.close?.();
	current = null;
	parts.body.replaceChildren();
}

/** Texts and style first, so that nothing is shown half dressed. @param {Actions} actions */
async function prepare(actions) {
	ready = 'coming';
	try {
		await Promise.all([loadMoreTexts('console-'), styled()]);
		ready = 'yes';
	} catch (error) {
		console.error(error);
		setTimeout(() => {	/* not at once */
			ready = 'no';
			actions.redraw();
		}, RETRY_MS);
	}
	actions.redraw();
}

/** @returns {Promise<void>} */
function styled() {
	return new Promise((resolve) => {
		const link = el('link', { 'rel': 'stylesheet', 'href': STYLE, 'load': () => resolve(), 'error': () => resolve() });

		document.head.append(link);
	});
}

/** @param {HTMLElement} root @param {Actions} actions */
function build(root, actions) {
	const links = {
		'list': el('a', { 'href': '/console' }, t('c.nav.drops')),
		'new': el('a', { 'href': '/console/new', 'data-testid': 'console-new' }, t('c.nav.new')),
		'actions': el('a', { 'href': '/console/actions', 'data-testid': 'console-trail' }, t('c.nav.trail')),
	};
	const body = el('div', { 'class': 'console-body' });
	const frame = el('div', { 'hidden': true },
		el('nav', { 'class': 'console-nav', 'aria-label': t('c.nav.label') }, ...Object.values(links)), body);
	const strangerText = el('p');
	const signIn = el('button', {
		'type': 'button', 'class': 'button button-solid', 'click': () => actions.openDialog({ kind: 'sign-in' }),
	}, t('c.sign-in'));
	const stranger = el('div', { 'class': 'notice', 'data-testid': 'console-stranger', 'hidden': true },
		el('h1', { 'tabindex': '-1' }, t('c.title')), strangerText, signIn);

	root.append(stranger, frame);
	return { frame, links, body, stranger, strangerText, signIn };
}
