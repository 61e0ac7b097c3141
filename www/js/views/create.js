/** An administrator's new drop. */

import { attr, el, enable, once, show } from '../dom.js';
import { parseCents } from '../format.js';
import { dialogHead, dismissable, field, renderProblems, toggle, valueOf } from './forms.js';

/** @typedef {import('../types.js').Actions} Actions */

const PICTURES = ['tidemark-low', 'halyard-high', 'cinder-runner', 'moss-trail', 'pavilion-slip', 'kiln-90'];
const USUAL_SIZES = ['40', '41', '42', '43', '44', '45'];

/** @param {HTMLDialogElement} root @param {import('../types.js').State} state @param {Actions} actions */
export function render(root, state, actions) {
	const parts = once(root, () => build(root, actions));
	const open = state.dialog?.kind === 'create';
	const busy = state.busy.has('create');

	if (open && !root.open)
		parts.reset();
	if (open && state.dialog)
		renderProblems(parts.form, parts.problem, state.dialog);
	enable(parts.submit, !busy);
	attr(parts.submit, 'aria-busy', busy ? 'true' : null);
	toggle(root, open);
}

/** @param {HTMLDialogElement} root @param {Actions} actions */
function build(root, actions) {
	const { head } = dialogHead('create-title', 'New drop', actions.closeDialog);
	const problem = el('p', { 'class': 'form-problem', 'role': 'alert', 'hidden': true });
	const submit = el('button', { 'type': 'submit', 'class': 'button button-solid button-wide' }, 'Open the drop');
	const stock = buildStock();
	const form = el('form', {
		'class': 'form form-columns', 'data-testid': 'admin-create-form', 'novalidate': true,
		'submit': (/** @type {SubmitEvent} */ event) => {
			event.preventDefault();
			if (!submit.hasAttribute('aria-disabled'))
				send(form, actions);
		},
	}, ...fields(), stock.box, problem, submit);

	dismissable(root, actions);
	root.append(head, form);
	return {
		form, problem, submit,
		reset() {
			form.reset();
			stock.reset();
		},
	};
}

function fields() {
	const pictures = el('datalist', { 'id': 'pictures' },
		...PICTURES.map((name) => el('option', { 'value': `/img/${name}.svg` })));

	return [
		wide(field('Name', el('input', { 'name': 'name', 'autocomplete': 'off', 'required': true }))),
		wide(field('Description', el('textarea', { 'name': 'description', 'rows': '2' }), 'optional')),
		field('Price', el('input', { 'name': 'priceCents', 'inputmode': 'decimal', 'autocomplete': 'off', 'placeholder': '129.00', 'required': true })),
		field('Currency', el('select', { 'name': 'currency' },
			...['EUR', 'USD', 'GBP'].map((c) => el('option', { 'value': c }, c)))),
		wide(field('Picture', el('input', { 'name': 'imageUrl', 'list': 'pictures', 'autocomplete': 'off', 'placeholder': '/img/tidemark-low.svg' }), 'address; optional')),
		pictures,
		field('Opens', el('input', { 'name': 'dropStartsAt', 'type': 'datetime-local', 'step': '1' }), 'empty: now'),
		field('Ends', el('input', { 'name': 'dropEndsAt', 'type': 'datetime-local', 'step': '1' }), 'optional'),
		field('Hold, seconds', el('input', { 'name': 'holdSeconds', 'type': 'number', 'min': '1', 'value': '60' })),
		field('Pairs a person', el('input', { 'name': 'maxPerUser', 'type': 'number', 'min': '1', 'value': '1' })),
	];
}

/** @param {HTMLElement} node */
function wide(node) {
	node.classList.add('field-wide');
	return node;
}

/** One size with a total, or several each with its own. */
function buildStock() {
	const total = field('Pairs', el('input', { 'name': 'totalStock', 'type': 'number', 'min': '1', 'value': '20' }));
	const rows = el('div', { 'class': 'size-rows' });
	const several = el('div', { 'class': 'several', 'data-field': 'sizes' }, rows,
		el('p', { 'class': 'field-error', 'hidden': true }),
		el('button', {
			'type': 'button', 'class': 'button button-small', 'data-testid': 'admin-add-size',
			'click': () => /** @type {HTMLElement|null} */ (rows.appendChild(sizeRow('', '10')).querySelector('input'))?.focus(),
		}, 'Add a size'));
	const one = el('input', { 'type': 'radio', 'name': 'sizing', 'value': 'one', 'checked': true, 'change': choose });
	const many = el('input', { 'type': 'radio', 'name': 'sizing', 'value': 'several', 'change': choose });

	function choose() {
		show(total, one.checked);
		show(several, many.checked);
	}
	function reset() {
		rows.replaceChildren(...USUAL_SIZES.map((size) => sizeRow(size, '10')));
		choose();
	}
	reset();
	return {
		reset,
		box: el('fieldset', { 'class': 'field-wide stock-box' }, el('legend', {}, 'Stock'),
			el('div', { 'class': 'choice' },
				el('label', {}, one, ' One size'), el('label', {}, many, ' Several sizes')),
			total, several),
	};
}

/** @param {string} size @param {string} pairs */
function sizeRow(size, pairs) {
	const row = el('div', { 'class': 'size-row', 'data-testid': 'admin-size-row' },
		el('input', { 'name': 'size', 'aria-label': 'Size', 'placeholder': 'Size', 'autocomplete': 'off', 'value': size }),
		el('input', { 'name': 'sizeStock', 'type': 'number', 'min': '0', 'aria-label': 'Pairs of this size', 'value': pairs }),
		el('button', { 'type': 'button', 'class': 'dialog-close', 'aria-label': 'Remove this size', 'click': () => row.remove() }, '×'));

	return row;
}

/** @param {HTMLFormElement} form @param {Actions} actions */
function send(form, actions) {
	const priceCents = parseCents(valueOf(form, 'priceCents'));
	/** @type {Record<string, string>} */
	const errors = {};

	if (!valueOf(form, 'name').trim())
		errors['name'] = 'Needed.';
	if (priceCents === null)
		errors['priceCents'] = 'An amount like 129.00.';
	if (priceCents === null || Object.keys(errors).length)
		return actions.formProblem('', errors);
	actions.createDrop({
		name: valueOf(form, 'name').trim(),
		priceCents,
		currency: valueOf(form, 'currency'),
		...optional(form),
		...stockOf(form),
	});
}

/** @param {HTMLFormElement} form */
function optional(form) {
	/** @type {Partial<import('../types.js').NewDrop>} */
	const given = {};
	const description = valueOf(form, 'description').trim();
	const imageUrl = valueOf(form, 'imageUrl').trim();
	const starts = valueOf(form, 'dropStartsAt');
	const ends = valueOf(form, 'dropEndsAt');
	const holdSeconds = valueOf(form, 'holdSeconds');
	const maxPerUser = valueOf(form, 'maxPerUser');

	if (description)
		given.description = description;
	if (imageUrl)
		given.imageUrl = imageUrl;
	if (starts)
		given.dropStartsAt = new Date(starts).toISOString();
	if (ends)
		given.dropEndsAt = new Date(ends).toISOString();
	if (holdSeconds)
		given.holdSeconds = Number(holdSeconds);
	if (maxPerUser)
		given.maxPerUser = Number(maxPerUser);
	return given;
}

/** @param {HTMLFormElement} form @returns {Partial<import('../types.js').NewDrop>} */
function stockOf(form) {
	const data = new FormData(form);

	if (data.get('sizing') === 'one')
		return { totalStock: Number(data.get('totalStock')) };
	const pairs = data.getAll('sizeStock');

	return {
		sizes: data.getAll('size')
			.map((size, i) => ({ size: String(size).trim(), totalStock: Number(pairs[i]) }))
			.filter(({ size }) => size !== ''),
	};
}
