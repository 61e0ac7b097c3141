/** Signing in, or up, without leaving what one was doing. */

import { attr, el, enable, once, show, text } from '../dom.js';
import { dialogHead, dismissable, field, focusFirst, renderProblems, toggle, valueOf } from './forms.js';

/** @typedef {import('../types.js').Actions} Actions */

/** @param {HTMLDialogElement} root @param {import('../types.js').State} state @param {Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));
	const { dialog } = state;
	const signIn = dialog?.kind === 'sign-in';
	const signUp = dialog?.kind === 'sign-up';
	const busy = state.busy.has('account');

	if (dialog && (signIn || signUp)) {
		text(parts.heading, signIn ? 'Sign in' : 'Create an account');
		text(parts.note, dialog.note ?? '');
		show(parts.note, Boolean(dialog.note));
		const turned = root.open && parts.signIn.form.hidden === signIn;

		show(parts.signIn.form, signIn);
		show(parts.signUp.form, signUp);
		for (const { form, problem, submit } of [parts.signIn, parts.signUp]) {
			renderProblems(form, problem, form.hidden ? { kind: dialog.kind } : dialog);
			enable(submit, !busy);
			attr(submit, 'aria-busy', busy ? 'true' : null);
		}
		if (turned)
			focusFirst(root);
	} else if (root.open) {
		parts.signIn.form.reset();
		parts.signUp.form.reset();
	}
	toggle(root, signIn || signUp);
}

/** @param {HTMLDialogElement} root @param {Actions} actions */
function build(root, actions) {
	const { head, heading } = dialogHead('account-title', 'Sign in', actions.closeDialog);
	const note = el('p', { 'class': 'dialog-note' });
	const signIn = buildForm('sign-in-form', 'Sign in', [email('email'), password('current-password')],
		(form) => actions.signIn({ email: valueOf(form, 'email'), password: valueOf(form, 'password') }),
		swap('New here?', 'Create an account', 'show-sign-up', () => actions.openDialog({ kind: 'sign-up' })), actions);
	const signUp = buildForm('sign-up-form', 'Create account', [
		field('Name', el('input', {
			'name': 'username', 'type': 'text', 'autocomplete': 'username', 'required': true,
			'autocapitalize': 'none', 'spellcheck': 'false',
		}), 'shown when you buy'),
		email('email'), password('new-password'),
	], (form) => actions.signUp({
		username: valueOf(form, 'username'), email: valueOf(form, 'email'), password: valueOf(form, 'password'),
	}), swap('Have an account?', 'Sign in', 'show-sign-in', () => actions.openDialog({ kind: 'sign-in' })), actions);

	dismissable(root, actions);
	root.append(head, note, signIn.form, signUp.form);
	return { heading, note, signIn, signUp };
}

/**
 * @param {string} testid @param {string} label @param {HTMLElement[]} fields
 * @param {(form: HTMLFormElement) => void} send @param {HTMLElement} foot @param {Actions} actions
 */
function buildForm(testid, label, fields, send, foot, actions) {
	const problem = el('p', { 'class': 'form-problem', 'role': 'alert', 'hidden': true });
	const submit = el('button', { 'type': 'submit', 'class': 'button button-solid button-wide' }, label);
	const form = el('form', {
		'class': 'form', 'data-testid': testid, 'novalidate': true,
		'submit': (/** @type {SubmitEvent} */ event) => {
			event.preventDefault();
			if (submit.hasAttribute('aria-disabled'))
				return;
			const errors = missing(form);

			if (Object.keys(errors).length)
				actions.formProblem('', errors);
			else
				send(form);
		},
	}, ...fields, problem, submit, foot);

	return { form, problem, submit };
}

/** Only what is plainly missing: the server judges the rest. @param {HTMLFormElement} form */
function missing(form) {
	/** @type {Record<string, string>} */
	const errors = {};

	for (const input of form.querySelectorAll('input[required]')) {
		if (input instanceof HTMLInputElement && !input.value.trim())
			errors[input.name] = 'Needed.';
	}
	return errors;
}

/** @param {string} name */
function email(name) {
	return field('E-mail', el('input', {
		'name': name, 'type': 'email', 'autocomplete': 'email', 'inputmode': 'email', 'required': true,
	}));
}

/** @param {string} autocomplete */
function password(autocomplete) {
	return field('Password', el('input', {
		'name': 'password', 'type': 'password', 'autocomplete': autocomplete, 'required': true,
	}));
}

/** @param {string} question @param {string} label @param {string} testid @param {() => void} go */
function swap(question, label, testid, go) {
	return el('p', { 'class': 'swap' }, `${question} `,
		el('button', { 'type': 'button', 'class': 'quiet', 'data-testid': testid, 'click': go }, label));
}
