/** The head of the page: how fresh the page is, who is signed in. */

import { attr, el, once, show, text } from '../dom.js';
import { CONNECTION } from '../text.js';

/** @param {HTMLElement} root @param {import('../types.js').State} state @param {import('../types.js').Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));
	const { user } = state;

	attr(document.documentElement, 'data-connection', state.connection);
	attr(parts.connection, 'data-state', state.connection);
	text(parts.connectionText, CONNECTION[state.connection]);

	show(parts.signIn, user === null);
	show(parts.account, Boolean(user));
	show(parts.create, user?.role === 'admin');
	text(parts.name, user?.username ?? '');
}

/** @param {HTMLElement} root @param {import('../types.js').Actions} actions */
function build(root, actions) {
	const connectionText = el('span');
	const connection = el('p', {
		'class': 'connection',
		'data-testid': 'connection',
		'title': 'Whether the stock shown is live',
	}, el('span', { 'class': 'connection-dot', 'aria-hidden': 'true' }), connectionText);
	const create = el('button', {
		'type': 'button',
		'class': 'button button-small',
		'data-testid': 'admin-create-open',
		'click': () => actions.openDialog({ kind: 'create' }),
	}, 'New drop');
	const signIn = el('button', {
		'type': 'button',
		'class': 'button button-small button-solid',
		'data-testid': 'sign-in-open',
		'click': () => actions.openDialog({ kind: 'sign-in' }),
	}, 'Sign in');
	const name = el('span', { 'class': 'account-name', 'data-testid': 'signed-in-user' });
	const account = el('div', { 'class': 'account' },
		name,
		el('a', { 'class': 'quiet', 'href': '#mine' }, 'My pairs'),
		el('button', {
			'type': 'button', 'class': 'quiet', 'data-testid': 'sign-out', 'click': actions.signOut,
		}, 'Sign out'));

	root.replaceChildren(connection, create, signIn, account);
	return { connection, connectionText, create, signIn, account, name };
}
