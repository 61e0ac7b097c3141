/** Outcomes, said once and politely. */

import { el, keyed } from '../dom.js';

/** @param {HTMLElement} root @param {import('../types.js').State} state @param {import('../types.js').Actions} actions */
export function render(root, state, actions) {
	keyed(root, state.toasts, (t) => String(t.id),
		(t) => el('div', { 'class': 'toast', 'data-testid': 'toast', 'data-kind': t.kind, 'data-code': t.code },
			el('p', {}, t.text),
			el('button', { 'type': 'button', 'class': 'toast-close', 'aria-label': 'Dismiss', 'click': () => actions.dismiss(t.id) }, '×')),
		() => {});
}
