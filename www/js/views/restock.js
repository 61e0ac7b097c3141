/** An administrator puts pairs on the shelf, or takes free ones off it. */

import { attr, el, enable, keyed, once, show, text } from '../dom.js';
import { number } from '../format.js';
import { sizeName, t } from '../text.js';
import { dialogHead, dismissable, field, renderProblems, toggle, valueOf } from './forms.js';

/** @typedef {import('../types.js').Actions} Actions */

/** @param {HTMLDialogElement} root @param {import('../types.js').State} state @param {Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));
	const { dialog } = state;
	const drop = dialog?.kind === 'restock' ? state.drops.get(dialog.dropId ?? 0) : undefined;
	const busy = drop !== undefined && state.busy.has(`admin:${drop.id}`);

	if (dialog && drop) {
		if (!root.open)
			parts.form.reset();
		attr(parts.form, 'data-restock-drop', String(drop.id));
		text(parts.name, drop.name);
		show(parts.sizeField, drop.sizes.length > 1);
		keyed(parts.size, drop.sizes, (s) => `${drop.id} ${s.size}`,
			(s) => el('option', { 'value': s.size }),
			(option, s) => text(option, t('restock.option', {
				size: sizeName(s.size), free: number(s.availableStock), total: number(s.totalStock),
			})));
		renderProblems(parts.form, parts.problem, dialog);
		enable(parts.submit, !busy);
		attr(parts.submit, 'aria-busy', busy ? 'true' : null);
	}
	toggle(root, drop !== undefined);
}

/** @param {HTMLDialogElement} root @param {Actions} actions */
function build(root, actions) {
	const { head } = dialogHead('restock-title', t('restock.title'), actions.closeDialog);
	const name = el('p', { 'class': 'dialog-note' });
	const size = el('select', { 'name': 'size' });
	const sizeField = field(t('restock.size'), size);
	const problem = el('p', { 'class': 'form-problem', 'role': 'alert', 'hidden': true });
	const submit = el('button', { 'type': 'submit', 'class': 'button button-solid button-wide' }, t('restock.do'));
	const form = el('form', {
		'class': 'form', 'data-testid': 'admin-restock-form', 'novalidate': true,
		'submit': (/** @type {SubmitEvent} */ event) => {
			event.preventDefault();
			if (!submit.hasAttribute('aria-disabled'))
				send(form, actions);
		},
	}, sizeField, field(t('restock.pairs'), el('input', {
		'name': 'quantity', 'type': 'number', 'step': '1', 'value': '10', 'required': true,
	}), t('restock.hint')), problem, submit);

	dismissable(root, actions);
	root.append(head, name, form);
	return { name, size, sizeField, problem, submit, form };
}

/** @param {HTMLFormElement} form @param {Actions} actions */
function send(form, actions) {
	const quantity = Number(valueOf(form, 'quantity'));

	if (!Number.isInteger(quantity) || quantity === 0)
		return actions.formProblem('', { quantity: t('form.invalid.quantity') });
	actions.restock(Number(form.dataset['restockDrop']), valueOf(form, 'size') || undefined, quantity);
}
