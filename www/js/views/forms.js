/** What every dialog with a form shares: opening, fields with their error beside them, closing. */

import { attr, el, show, text } from '../dom.js';
import { t } from '../text.js';

/** What had the focus when a dialog opened. @type {WeakMap<HTMLDialogElement, Element|null>} */
const openers = new WeakMap();

/**
 * Opens or closes a dialog to match. The focus goes back to what opened it, or to what took its place.
 * @param {HTMLDialogElement} dialog @param {boolean} open
 */
export function toggle(dialog, open) {
	if (open && !dialog.open) {
		openers.set(dialog, document.activeElement);
		dialog.showModal();
		focusFirst(dialog);
	} else if (!open && dialog.open) {
		dialog.close();
		giveBackFocus(openers.get(dialog));
	}
}

/** @param {Element|null|undefined} opener */
function giveBackFocus(opener) {
	const seen = opener instanceof HTMLElement && opener.isConnected && opener !== document.body && opener.offsetParent !== null;
	const next = seen ? opener : document.querySelector('[data-testid="sign-out"]') ?? document.querySelector('#main h1');

	if (next instanceof HTMLElement)
		next.focus({ preventScroll: true });
}

/** @param {HTMLElement} root */
export function focusFirst(root) {
	const control = root.querySelector('form:not([hidden]) > :not([hidden]) :is(input, select)');

	/* a dialog without a form begins at its heading */
	/** @type {HTMLElement|null} */ (control ?? root.querySelector('h2'))?.focus();
}

/**
 * Escape, and a press outside, close it; typing in a field takes its error away.
 * @param {HTMLDialogElement} dialog @param {import('../types.js').Actions} actions
 */
export function dismissable(dialog, { closeDialog: close, fieldTouched }) {
	dialog.oninput = (event) => {
		const name = event.target instanceof Element && event.target.closest('[data-field]')?.getAttribute('data-field');

		if (name)
			fieldTouched(name);
	};
	dialog.oncancel = (event) => {
		event.preventDefault();
		close();
	};
	dialog.onpointerdown = (event) => {
		if (event.target === dialog)
			close();
	};
}

/** @param {string} id @param {string} title @param {() => void} close */
export function dialogHead(id, title, close) {
	const heading = el('h2', { 'id': id, 'tabindex': '-1' }, title);

	return {
		heading,
		head: el('header', { 'class': 'dialog-head' }, heading,
			el('button', { 'type': 'button', 'class': 'dialog-close', 'aria-label': t('page.close'), 'click': close }, '×')),
	};
}

let fieldIds = 0;

/**
 * A labelled control with room for its error.
 * @param {string} label
 * @param {HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint = '') {
	const id = `field-${++fieldIds}`;
	const error = el('p', { 'class': 'field-error', 'id': `${id}-error`, 'hidden': true });
	const note = el('span', { 'class': 'field-hint' }, hint);

	control.id = id;
	attr(control, 'aria-describedby', `${id}-error`);
	attr(control, 'aria-required', control.required ? 'true' : null);
	return el('div', { 'class': 'field', 'data-field': control.name },
		el('label', { 'for': id }, label, ' ', note), control, error);
}

/**
 * Shows each problem beside its field and puts the focus on the first, once for each new answer.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} whole  where a problem of no field goes
 * @param {import('../types.js').Dialog} dialog
 */
export function renderProblems(form, whole, dialog) {
	const errors = dialog.errors ?? {};
	const elsewhere = Object.entries(errors)
		.filter(([name, message]) => message && !form.querySelector(`[data-field="${CSS.escape(name)}"]`))
		.map(([name, message]) => name ? `${name}: ${message}` : message);
	const problem = [dialog.problem, ...elsewhere].filter(Boolean).join(' ');

	text(whole, problem);
	show(whole, problem !== '');
	for (const box of form.querySelectorAll('[data-field]')) {
		const message = errors[box.getAttribute('data-field') ?? ''] ?? '';
		const error = /** @type {HTMLElement} */ (box.querySelector('.field-error'));
		const control = box.querySelector('input, select, textarea');

		text(error, message);
		show(error, message !== '');
		if (control)
			attr(control, 'aria-invalid', message ? 'true' : null);
	}
	if (seen.get(form) !== dialog.attempt) {
		seen.set(form, dialog.attempt);
		/** @type {HTMLElement|null} */ (form.querySelector('[aria-invalid]'))?.focus();
	}
}

/** @type {WeakMap<HTMLFormElement, unknown>} */
const seen = new WeakMap();

/** @param {HTMLFormElement} form @param {string} name */
export function valueOf(form, name) {
	return String(new FormData(form).get(name) ?? '');
}
