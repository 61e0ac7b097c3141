/** Signing in, or up, without leaving what one was doing. */

import { attr, el, enable, once, show, svg, text } from '../dom.js';
import { t } from '../text.js';
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
		text(parts.heading, t(signIn ? 'account.sign_in' : 'account.sign_up'));
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
		for (const { form } of [parts.signIn, parts.signUp]) {
			form.reset();
			form.querySelectorAll('.field').forEach((box) => box.dispatchEvent(new Event('hide')));
		}
	}
	toggle(root, signIn || signUp);
}

/** @param {HTMLDialogElement} root @param {Actions} actions */
function build(root, actions) {
	const { head, heading } = dialogHead('account-title', t('account.sign_in'), actions.closeDialog);
	const note = el('p', { 'class': 'dialog-note' });
	const signIn = buildForm('sign-in-form', t('account.sign_in'), [email('username'), password('current-password')],
		(form) => actions.signIn({ email: valueOf(form, 'email').trim(), password: valueOf(form, 'password') }),
		swap(t('account.new'), t('account.sign_up'), 'show-sign-up', () => actions.openDialog({ kind: 'sign-up' })), actions);
	const signUp = buildForm('sign-up-form', t('account.create'), [
		field(t('form.username'), el('input', {
			'name': 'username', 'type': 'text', 'autocomplete': 'nickname', 'required': true,
			'autocapitalize': 'none', 'spellcheck': 'false', 'maxlength': '40',
		}), t('form.username.hint')),
		email('email'), password('new-password'),
	], (form) => actions.signUp({
		username: valueOf(form, 'username').trim(), email: valueOf(form, 'email').trim(), password: valueOf(form, 'password'),
	}), swap(t('account.old'), t('account.sign_in'), 'show-sign-in', () => actions.openDialog({ kind: 'sign-in' })), actions);

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
			errors[input.name] = t(`form.needed.${input.name}`);
	}
	return errors;
}

/** @param {string} autocomplete */
function email(autocomplete) {
	return field(t('form.email'), el('input', {
		'name': 'email', 'type': 'email', 'autocomplete': autocomplete, 'inputmode': 'email', 'required': true,
		'autocapitalize': 'none', 'spellcheck': 'false', 'dir': 'ltr',
	}));
}

/** Can be looked at, and is hidden again once the form is gone. @param {string} autocomplete */
function password(autocomplete) {
	const input = el('input', {
		'name': 'password', 'type': 'password', 'autocomplete': autocomplete, 'required': true,
		'autocapitalize': 'none', 'spellcheck': 'false', 'dir': 'ltr',
	});
	const box = field(t('form.password'), input, autocomplete === 'new-password' ? t('form.password.hint') : '');
	const toggle = el('button', {
		'type': 'button', 'class': 'reveal', 'data-testid': 'show-password', 'aria-pressed': 'false',
		'aria-label': t('form.password.show'), 'click': () => reveal(input.type === 'password'),
	}, svg('svg', { 'viewBox': '0 0 24 24', 'aria-hidden': 'true' },
		svg('path', { 'd': 'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12Z' }),
		svg('circle', { 'cx': '12', 'cy': '12', 'r': '3' }),
		svg('path', { 'class': 'reveal-slash', 'd': 'M4 20 20 4' })));
	const inputBox = el('div', { 'class': 'with-reveal' });

	/** @param {boolean} visible */
	function reveal(visible) {
		input.type = visible ? 'text' : 'password';
		attr(toggle, 'aria-pressed', String(visible));
	}
	input.replaceWith(inputBox);
	inputBox.append(input, toggle);
	box.addEventListener('hide', () => reveal(false));
	return box;
}

/** @param {string} question @param {string} label @param {string} testid @param {() => void} go */
function swap(question, label, testid, go) {
	return el('p', { 'class': 'swap' }, `${question} `,
		el('button', { 'type': 'button', 'class': 'quiet', 'data-testid': testid, 'click': go }, label));
}
