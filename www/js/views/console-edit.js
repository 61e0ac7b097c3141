/**
 * A drop's details, to be changed. Only what was typed is sent; what somebody else changes meanwhile appears in
 * the fields that were left alone.
 */

import { el, show, text } from '../dom.js';
import { Refusal } from '../api.js';
import { changeDrop } from '../console-api.js';
import { endsTooEarly, valuesOf, WRONG } from '../console-fields.js';
import { withDrops } from '../state.js';
import { get, say, set } from '../store.js';
import { fieldTexts, refusalText, t } from '../text.js';
import { makeForm } from './console-form.js';
import { makePreview, previewOf } from './console-preview.js';

/**
 * @typedef {import('../types.js').Drop} Drop
 * @typedef {import('../types.js').Actions} Actions
 */

/** @param {Actions} actions @param {number} id @param {import('./console-form.js').Typed} [typed]  in another language */
export function make(actions, id, typed) {
	const preview = makePreview();
	const form = makeForm({
		testid: 'admin-edit-form', submit: t('c.edit.submit'), isNew: false, changed: actions.redraw,
		send: () => send(),
	});
	const unsaved = el('p', { 'class': 'form-unsaved', 'role': 'status', 'hidden': true }, t('c.edit.unsaved'));
	/** @type {Drop|null} */
	let drop = null;
	let filledBy = -1;
	let now = 0;

	form.form.querySelector('.form-foot')?.append(unsaved);

	async function send() {
		const known = drop;

		if (!known)
			return;
		const { given, errors } = form.judge(form.dirty(), sizesOf(known));

		if (given['dropStartsAt'] === null)
			errors['dropStartsAt'] = t('c.wrong.needed');
		if (!errors['dropEndsAt'] && endsTooEarly(given, known, now))
			errors['dropEndsAt'] = t('c.wrong.ends');
		if (Object.keys(errors).length)
			return form.refuse('', errors);
		if (!Object.keys(given).length)
			return say('info', t('c.edit.nothing'));
		form.setBusy(true);
		try {
			const { drop: newer } = await changeDrop(id, given);

			form.settle();
			form.refuse('', {});
			set(withDrops(get(), [newer]));
			say('ok', t('c.edit.done', { drop: newer.name }));
		} catch (error) {
			refuse(error);
		} finally {
			form.setBusy(false);
		}
	}
	/** @param {unknown} error */
	function refuse(error) {
		if (!(error instanceof Refusal))
			throw error;
		const field = { below_committed: 'maxPerUser', currency_in_use: 'currency', ends_before_start: 'dropEndsAt' }[error.code];
		const errors = field ? { [field]: refusalText(error) }
			: fieldTexts(error.errors, WRONG);

		form.refuse(Object.keys(errors).length ? '' : refusalText(error), errors);
	}

	return {
		node: el('section', { 'class': 'ledger', 'aria-labelledby': 'edit-title' },
			el('header', { 'class': 'ledger-head' }, el('h2', { 'id': 'edit-title' }, t('c.edit.title'))),
			el('div', { 'class': 'write' }, form.form, preview.node)),
		focus: form.focus,
		typed: () => form.typed(false),
		/** @param {Drop} next @param {number} at */
		render(next, at) {
			const revision = next.revision ?? next.version;

			drop = next;
			now = at;
			if (revision !== filledBy) {
				filledBy = revision;
				form.fill(valuesOf(next, form.zone));
				form.setTaken(sizesOf(next));
			}
			if (typed) {
				form.goOn(typed);
				typed = undefined;
			}
			show(unsaved, Object.keys(form.dirty()).length > 0 || (form.rows() ?? []).some(({ size }) => size.trim() !== ''));
			text(unsaved, t('c.edit.unsaved'));
			preview.render(previewOf(form.values(), form.rows(), '', form.zone, now, next), now);
		},
	};
}

/** @param {Drop} drop */
function sizesOf(drop) {
	return drop.sizes.map(({ size }) => size);
}
