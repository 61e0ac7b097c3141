/** The head of the page: where one can go, how fresh the page is, who is signed in; and the word that it is not fresh. */

import { attr, el, once, show, text } from '../dom.js';
import { LANGUAGES, language, t } from '../text.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Actions} Actions
 */

/** @param {HTMLElement} root @param {State} state @param {Actions} actions */
export function render(root, state, actions) {
	const hadFocus = root.contains(document.activeElement);
	const parts = once(root, () => build(root, actions));
	const { user, route } = state;

	if (hadFocus && !root.contains(document.activeElement))		/* built anew by a change of the language */
		parts.language.focus({ preventScroll: true });
	if (parts.language.value !== language())
		parts.language.value = language();

	attr(document.documentElement, 'data-connection', state.connection);
	attr(parts.connection, 'data-state', state.connection);
	text(parts.connectionText, t(`connection.${state.connection}`));

	for (const [view, link] of Object.entries(parts.links))
		attr(link, 'aria-current', view === placeOf(route) ? 'page' : null);
	show(parts.links.console, user?.role === 'admin');
	show(parts.links.new, user?.role === 'admin');
	/* its place is kept until it is known who one is */
	show(parts.signIn, !user);
	attr(parts.signIn, 'data-unknown', user === undefined);
	show(parts.account, Boolean(user));
	text(parts.name, user?.username ?? '');
}

/** @param {import('../types.js').Route} route */
function placeOf(route) {
	return route.view === 'console' && route.page === 'new' ? 'new' : route.view;
}

/** @param {HTMLElement} root @param {Actions} actions */
function build(root, actions) {
	const connectionText = el('span');
	const connection = el('p', {
		'class': 'connection',
		'data-testid': 'connection',
		'title': t('connection.title'),
	}, el('span', { 'class': 'connection-dot', 'aria-hidden': 'true' }), connectionText);
	const links = {
		floor: el('a', { 'href': '/', 'class': 'nav-link' }, t('nav.drops')),
		mine: el('a', { 'href': '/me', 'class': 'nav-link', 'data-testid': 'mine-open' }, t('nav.mine')),
		console: el('a', { 'href': '/console', 'class': 'nav-link', 'data-testid': 'console-open' }, t('nav.console')),
		new: el('a', { 'href': '/console/new', 'class': 'nav-link', 'data-testid': 'admin-create-open' }, t('nav.new')),
	};
	const signIn = el('button', {
		'type': 'button',
		'class': 'button button-small button-solid',
		'data-testid': 'sign-in-open',
		'click': () => actions.openDialog({ kind: 'sign-in' }),
	}, t('account.sign_in'));
	const name = el('bdi', { 'class': 'account-name', 'data-testid': 'signed-in-user' });
	const account = el('div', { 'class': 'account' }, name,
		el('button', {
			'type': 'button', 'class': 'quiet', 'data-testid': 'sign-out', 'click': actions.signOut,
		}, t('account.sign_out')));

	const speaks = buildLanguage(actions);

	root.append(
		el('nav', { 'class': 'nav', 'aria-label': t('nav.label') }, ...Object.values(links)),
		connection, speaks, signIn, account);
	return { links, connection, connectionText, language: speaks, signIn, account, name };
}

/** @param {Actions} actions */
function buildLanguage(actions) {
	const select = el('select', {
		'class': 'language', 'data-testid': 'language', 'aria-label': t('nav.language'),
		'change': () => actions.speak(select.value),
	}, ...Object.entries(LANGUAGES).map(([lang, name]) =>
		el('option', { 'value': lang, 'lang': lang, 'selected': lang === language() }, name)));

	return select;
}

/** Shorter than this it is only catching up, which the head of the page shows. */
const MOMENT_MS = 2500;
let liveAt = 0;

/** Says so when what is shown is not what is: the stream is away, and not just for a moment. @param {HTMLElement} root @param {State} state */
export function renderStale(root, { connection, loaded }) {
	const now = performance.now();

	if (connection === 'live')
		liveAt = now;
	show(root, loaded && (connection === 'offline' || now - liveAt > MOMENT_MS) && connection !== 'live');
	text(root, connection === 'live' ? '' : t(`connection.old.${connection}`));
}
