/** Outcomes, said once and politely; some come with something to press. */

import { el, keyed } from '../dom.js';
import { t } from '../text.js';

/** @param {HTMLElement} root @param {import('../types.js').State} state @param {import('../types.js').Actions} actions */
export function render(root, state, actions) {
	keyed(root, state.toasts, (toast) => String(toast.id), (toast) => build(toast, actions), () => {});
}

/** @param {import('../types.js').Toast} toast @param {import('../types.js').Actions} actions */
function build({ id, kind, text, code, offer }, actions) {
	const box = el('div', { 'class': 'toast', 'data-testid': 'toast', 'data-kind': kind, 'data-code': code }, el('p', { 'dir': 'auto' }, text));

	if (offer) {
		box.append(el('button', {
			'type': 'button', 'class': 'button button-small button-solid', 'data-testid': 'toast-reserve',
			'click': () => {
				actions.dismiss(id);
				actions.reserve(offer.dropId, offer.size);
			},
		}, t('press.reserve')));
	}
	box.append(el('button', {
		'type': 'button', 'class': 'toast-close', 'aria-label': t('page.dismiss'), 'click': () => actions.dismiss(id),
	}, '×'));
	return box;
}
