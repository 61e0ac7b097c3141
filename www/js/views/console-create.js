/** A new drop. What was typed stays, also when one looks elsewhere meanwhile, until the drop is made. */

import { el } from '../dom.js';
import { newKey, Refusal } from '../api.js';
import { createDrop } from '../console-api.js';
import { endsTooEarly, WRONG } from '../console-fields.js';
import { withDrops } from '../state.js';
import { get, say, set } from '../store.js';
import { fieldTexts, language, refusalText, t } from '../text.js';
import { makeForm } from './console-form.js';
import { makePreview, previewOf } from './console-preview.js';

/**
 * @typedef {import('../types.js').Actions} Actions
 * @typedef {import('./console-form.js').Typed} Typed
 */

/** @type {ReturnType<typeof makeDraft>|null} */
let draft = null;

/** @param {Actions} actions @returns {import('./console.js').ConsolePage} */
export function make(actions) {
	if (draft?.language !== language())
		draft = makeDraft(actions, draft?.typed());
	const { node, render } = draft;

	return { node, render };
}

/** @param {Actions} actions @param {Typed} [typed]  in another language */
function makeDraft(actions, typed) {
	const preview = makePreview();
	const form = makeForm({
		testid: 'admin-create-form', submit: t('c.create.submit'), isNew: true, changed: actions.redraw,
		send: () => send(),
	});
	let now = Date.now();
	let busy = false;
	/** One key for all presses with the same content: a lost answer makes no second drop. */
	let press = { body: '', key: '' };

	if (typed)
		form.goOn(typed);

	async function send() {
		const { given, errors } = form.judge(form.values(), []);

		if (!errors['dropEndsAt'] && endsTooEarly(given, {}, now))
			errors['dropEndsAt'] = t('c.wrong.ends');
		if (Object.keys(errors).length)
			return form.refuse('', errors);
		for (const name of ['description', 'imageUrl', 'dropStartsAt', 'dropEndsAt'])
			if (!given[name])
				delete given[name];
		const body = JSON.stringify(given);

		if (body !== press.body)
			press = { body, key: newKey() };
		setBusy(true);
		try {
			const { drop } = await createDrop(/** @type {any} */ (given), press.key);

			draft = null;
			set(withDrops(get(), [drop]));
			say('ok', t('c.create.done', { drop: drop.name }));
			actions.go(`/console/drops/${drop.id}`);
		} catch (error) {
			refuse(error);
		} finally {
			setBusy(false);
		}
	}
	/** @param {unknown} error */
	function refuse(error) {
		if (!(error instanceof Refusal))
			throw error;
		const errors = fieldTexts(error.errors, WRONG);

		form.refuse(Object.keys(errors).length ? '' : refusalText(error), errors);
		if (error.status === 401)
			actions.openDialog({ kind: 'sign-in', note: refusalText(error) });
	}
	/** @param {boolean} on */
	function setBusy(on) {
		busy = on;
		form.setBusy(busy);
	}

	return {
		language: language(),
		/** @returns {Typed} */
		typed: () => form.typed(),
		node: el('div', {},
			el('header', { 'class': 'console-head' }, el('h1', { 'tabindex': '-1' }, t('c.create.title'))),
			el('div', { 'class': 'write' }, form.form, preview.node)),
		/** @param {import('../types.js').State} state */
		render(state) {
			now = state.now;
			const rows = form.rows();

			preview.render(previewOf(form.values(), rows, totalOf(form.form), form.zone, now), now);
		},
	};
}

/** @param {HTMLFormElement} form */
function totalOf(form) {
	return String(new FormData(form).get('totalStock') ?? '');
}
