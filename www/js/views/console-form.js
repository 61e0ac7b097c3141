/** The form of a drop, for a new one and for changes, with the card as buyers will see it beside it. */

import { attr, el, enable, show, text } from '../dom.js';
import { readFields, readSizes } from '../console-fields.js';
import { utcText } from '../console-text.js';
import { instantOf, ownZone, zoneText } from '../console-time.js';
import { locale } from '../format.js';
import { t } from '../text.js';
import { field, renderProblems } from './forms.js';

/**
 * @typedef {import('../console-fields.js').Values} Values
 * @typedef {HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement} Control
 *
 * @typedef {object} Typed        what was typed into a form
 * @property {Values} values
 * @property {{several: boolean, total: string, rows: import('../console-fields.js').SizeRow[]}} stock
 *
 * @typedef {object} FormOptions
 * @property {string} testid
 * @property {string} submit       what the button says
 * @property {boolean} isNew
 * @property {() => void} changed  something was typed
 * @property {() => void} send
 */

const PICTURES = ['tidemark-low', 'halyard-high', 'cinder-runner', 'moss-trail', 'pavilion-slip', 'kiln-90'];
const USUAL_SIZES = ['40', '41', '42', '43', '44', '45'];
const CURRENCIES = ['EUR', 'USD', 'GBP', 'CHF', 'JPY'];
const TIMES = ['dropStartsAt', 'dropEndsAt'];

/** @param {FormOptions} options */
export function makeForm({ testid, submit: label, isNew, changed, send }) {
	const zone = ownZone();
	const controls = buildControls();
	const stock = buildStock(isNew, edited);
	const pictures = buildPictures(controls.imageUrl, edited);
	const times = Object.fromEntries(TIMES.map((name) => [name, el('p', { 'class': 'field-note' })]));
	const problem = el('p', { 'class': 'form-problem', 'role': 'alert', 'hidden': true });
	const submit = el('button', { 'type': 'submit', 'class': 'button button-solid' }, label);
	const form = el('form', {
		'class': 'form form-columns drop-form', 'data-testid': testid, 'novalidate': true,
		'input': (/** @type {Event} */ event) => edited(event.target),
		'submit': (/** @type {SubmitEvent} */ event) => {
			event.preventDefault();
			if (!submit.hasAttribute('aria-disabled'))
				send();
		},
	}, ...buildFields(controls, isNew, pictures.node, times), stock.node, problem, el('div', { 'class': 'form-foot' }, submit));
	/** @type {{kind: any, problem?: string, errors?: Record<string, string>, attempt: number}} */
	const dialog = { kind: 'create', attempt: 0 };
	/** What the store had when a field was last filled. @type {Values} */
	let stored = read();

	/** Its error is out of date then. @param {EventTarget|null} [target] */
	function edited(target) {
		const name = target instanceof Element ? target.closest('[data-field]')?.getAttribute('data-field') : null;

		if (name && dialog.errors?.[name]) {
			delete dialog.errors[name];
			renderProblems(form, problem, dialog);
		}
		renderTimes();
		pictures.render();
		changed();
	}
	/** @returns {Values} */
	function read() {
		return Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value]));
	}
	/** What each time is elsewhere, or what is odd about it. */
	function renderTimes() {
		for (const name of TIMES)
			text(/** @type {Node} */ (times[name]), timeNote(/** @type {any} */ (controls)[name].value, zone));
	}

	stock.reset();
	renderTimes();
	pictures.render();
	return {
		form, zone,
		values: read,
		rows: stock.rows,
		/** Only what was changed by hand. */
		dirty: () => Object.fromEntries(Object.entries(read()).filter(([name, value]) => value !== stored[name])),
		/** Shows what the store has, but where something else was typed. @param {Values} values */
		fill(values) {
			for (const [name, value] of Object.entries(values)) {
				const control = /** @type {Record<string, Control>} */ (controls)[name];

				if (!control || control.value !== stored[name])
					continue;
				if (name === 'currency' && ![...controls.currency.options].some((option) => option.value === value))
					controls.currency.append(el('option', { 'value': value }, value));
				control.value = value;
				stored = { ...stored, [name]: control.value };
			}
			renderTimes();
			pictures.render();
		},
		/** To go on with in another form. @param {boolean} [all]  or only what was changed by hand @returns {Typed} */
		typed: (all = true) => ({
			values: Object.fromEntries(Object.entries(read()).filter(([name, value]) => all || value !== stored[name])),
			stock: stock.typed(),
		}),
		/** @param {Typed} before */
		goOn(before) {
			for (const [name, value] of Object.entries(before.values))
				/** @type {any} */ (controls)[name].value = value;
			stock.goOn(before.stock);
			renderTimes();
			pictures.render();
		},
		/** All that was typed is the store's now. */
		settle() {
			stored = read();
			stock.reset();
		},
		/** Which sizes there are already, when there are: only others can be added. @param {readonly string[]} sizes */
		setTaken(sizes) {
			show(stock.node, isNew || !sizes.includes(''));
		},
		/** The whole form as the API takes it, or what is wrong with it. @param {Values} values @param {readonly string[]} taken */
		judge(values, taken) {
			const { given, errors } = readFields(values, zone);
			const sizes = stock.rows();

			if (sizes) {
				const { sizes: list, wrong } = readSizes(sizes, taken);

				if (wrong || (isNew && !list.length))
					errors['sizes'] = wrong || 'c.wrong.sizes-none';
				else if (list.length)
					given['sizes'] = list;
			} else {
				const total = readFields({ totalStock: stock.total.value }, zone);

				Object.assign(given, total.given);
				Object.assign(errors, total.errors);
			}
			return { given, errors: Object.fromEntries(Object.entries(errors).map(([name, key]) => [name, t(key)])) };
		},
		/** @param {string} whole @param {Record<string, string>} errors */
		refuse(whole, errors) {
			Object.assign(dialog, { problem: whole, errors, attempt: dialog.attempt + 1 });
			renderProblems(form, problem, dialog);
		},
		/** @param {boolean} busy */
		setBusy(busy) {
			enable(submit, !busy);
			attr(submit, 'aria-busy', busy ? 'true' : null);
		},
		focus: () => controls.name.focus(),
	};
}

/** @param {string} wall @param {string} zone */
function timeNote(wall, zone) {
	const instant = wall ? instantOf(wall, zone) : null;

	if (!instant)
		return zoneText(zone, Date.now(), locale());
	const where = zoneText(zone, instant.ms, locale());

	if (instant.happens === 'never')
		return t('c.form.skipped', { zone: where });
	return t(instant.happens === 'twice' ? 'c.form.twice' : 'c.form.elsewhere', { zone: where, utc: utcText(instant.ms) });
}

function buildControls() {
	return {
		name: el('input', { 'name': 'name', 'autocomplete': 'off', 'required': true, 'dir': 'auto' }),
		description: el('textarea', { 'name': 'description', 'rows': '3', 'dir': 'auto' }),
		priceCents: el('input', { 'name': 'priceCents', 'inputmode': 'decimal', 'autocomplete': 'off', 'placeholder': '129.00', 'required': true, 'dir': 'ltr' }),
		currency: el('select', { 'name': 'currency' }, ...CURRENCIES.map((code) => el('option', { 'value': code }, code))),
		imageUrl: el('input', { 'name': 'imageUrl', 'autocomplete': 'off', 'inputmode': 'url', 'placeholder': 'https://', 'dir': 'ltr' }),
		dropStartsAt: el('input', { 'name': 'dropStartsAt', 'type': 'datetime-local', 'step': '1' }),
		dropEndsAt: el('input', { 'name': 'dropEndsAt', 'type': 'datetime-local', 'step': '1' }),
		holdSeconds: el('input', { 'name': 'holdSeconds', 'type': 'number', 'min': '1', 'max': '86400', 'value': '60' }),
		coolDownSeconds: el('input', { 'name': 'coolDownSeconds', 'type': 'number', 'min': '0', 'max': '3600', 'value': '60' }),
		maxPerUser: el('input', { 'name': 'maxPerUser', 'type': 'number', 'min': '1', 'max': '1000', 'value': '1' }),
	};
}

/**
 * @param {ReturnType<typeof buildControls>} controls @param {boolean} isNew @param {HTMLElement} pictures
 * @param {Record<string, HTMLElement>} times
 */
function buildFields(controls, isNew, pictures, times) {
	const optional = t('c.form.optional');
	const timed = (/** @type {string} */ name, /** @type {HTMLElement} */ box) => {
		const note = /** @type {HTMLElement} */ (times[name]);
		const control = box.querySelector('input');

		note.id = `${control?.id}-note`;
		attr(/** @type {Element} */ (control), 'aria-describedby', `${note.id} ${control?.getAttribute('aria-describedby') ?? ''}`.trim());
		box.append(note);
		return box;
	};

	return [
		wide(field(t('c.field.name'), controls.name)),
		wide(field(t('c.field.description'), controls.description, optional)),
		field(t('c.field.priceCents'), controls.priceCents),
		field(t('c.field.currency'), controls.currency),
		wide(field(t('c.field.imageUrl'), controls.imageUrl, t('c.form.picture-hint'))),
		pictures,
		timed('dropStartsAt', field(t('c.field.dropStartsAt'), controls.dropStartsAt, isNew ? t('c.form.start-hint') : '')),
		timed('dropEndsAt', field(t('c.field.dropEndsAt'), controls.dropEndsAt, optional)),
		field(t('c.field.holdSeconds'), controls.holdSeconds, t('c.form.seconds')),
		field(t('c.field.coolDownSeconds'), controls.coolDownSeconds, t('c.form.cool-down-hint')),
		field(t('c.field.maxPerUser'), controls.maxPerUser),
	];
}

/** @param {HTMLElement} node */
function wide(node) {
	node.classList.add('field-wide');
	return node;
}

/** The shop's own pictures, to be taken with one press. @param {HTMLInputElement} input @param {(target: EventTarget) => void} edited */
function buildPictures(input, edited) {
	const buttons = PICTURES.map((name) => {
		const url = `/img/${name}.svg`;

		return el('button', {
			'type': 'button', 'class': 'picture-choice', 'data-url': url, 'aria-label': t('c.form.take-picture', { name: name.replaceAll('-', ' ') }),
			'click': () => {
				input.value = input.value === url ? '' : url;
				edited(input);
			},
		}, el('img', { 'src': url, 'alt': '', 'width': '96', 'height': '72', 'loading': 'lazy', 'decoding': 'async' }));
	});

	return {
		node: el('div', { 'class': 'field-wide picture-choices', 'role': 'group', 'aria-label': t('c.form.own-pictures') }, ...buttons),
		render() {
			for (const button of buttons)
				attr(button, 'aria-pressed', String(button.dataset['url'] === input.value.trim()));
		},
	};
}

/**
 * One size with a total, or several each with its own; of a drop that is there, only sizes to add.
 * @param {boolean} isNew @param {() => void} edited
 */
function buildStock(isNew, edited) {
	const total = el('input', { 'name': 'totalStock', 'type': 'number', 'min': '0', 'value': '20' });
	const totalField = field(t('c.form.pairs'), total);
	const list = el('div', { 'class': 'size-rows' });
	const several = el('div', { 'class': 'several', 'data-field': 'sizes' }, list,
		el('p', { 'class': 'field-error', 'hidden': true }),
		el('button', {
			'type': 'button', 'class': 'button button-small', 'data-testid': 'admin-add-size',
			'click': () => {
				/** @type {HTMLElement|null} */ (list.appendChild(sizeRow('', '10', edited)).querySelector('input'))?.focus();
				edited();
			},
		}, t('c.form.add-size')));
	const one = el('input', { 'type': 'radio', 'name': 'sizing', 'value': 'one', 'checked': true, 'change': choose });
	const many = el('input', { 'type': 'radio', 'name': 'sizing', 'value': 'several', 'change': choose });

	function choose() {
		show(totalField, isNew && one.checked);
		show(several, !isNew || many.checked);
	}
	function readRows() {
		return [...list.children].map((row) => {
			const [size, pairs] = row.querySelectorAll('input');

			return { size: size?.value ?? '', pairs: pairs?.value ?? '' };
		});
	}
	return {
		total,
		typed: () => ({ several: many.checked, total: total.value, rows: readRows() }),
		/** @param {Typed['stock']} before */
		goOn(before) {
			many.checked = before.several;
			one.checked = !before.several;
			total.value = before.total;
			list.replaceChildren(...before.rows.map(({ size, pairs }) => sizeRow(size, pairs, edited)));
			choose();
		},
		/** @returns {import('../console-fields.js').SizeRow[]|null} null when there is one size only */
		rows() {
			return isNew && one.checked ? null : readRows();
		},
		reset() {
			list.replaceChildren(...isNew ? USUAL_SIZES.map((size) => sizeRow(size, '10', edited)) : []);
			choose();
		},
		node: el('fieldset', { 'class': 'field-wide stock-box' },
			el('legend', {}, t(isNew ? 'c.form.stock' : 'c.form.new-sizes')),
			...isNew ? [el('div', { 'class': 'choice' },
				el('label', {}, one, ` ${t('c.form.one-size')}`), el('label', {}, many, ` ${t('c.form.several-sizes')}`))] : [],
			totalField, several),
	};
}

/** @param {string} size @param {string} pairs @param {() => void} edited */
function sizeRow(size, pairs, edited) {
	const row = el('div', { 'class': 'size-row', 'data-testid': 'admin-size-row' },
		el('input', { 'name': 'size', 'aria-label': t('c.col.size'), 'placeholder': t('c.col.size'), 'autocomplete': 'off', 'value': size }),
		el('input', { 'name': 'sizeStock', 'type': 'number', 'min': '0', 'aria-label': t('c.form.size-pairs'), 'value': pairs }),
		el('button', {
			'type': 'button', 'class': 'dialog-close', 'aria-label': t('c.form.remove-size'),
			'click': () => {
				row.remove();
				edited();
			},
		}, '×'));

	return row;
}
