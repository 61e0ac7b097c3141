/** The card of a drop that is being written, drawn by the very view that buyers see; nothing in it can be pressed. */

import { el } from '../dom.js';
import { instantOf } from '../console-time.js';
import { readFields, readSizes } from '../console-fields.js';
import { cardOf, initialState, statusOf } from '../state.js';
import { t } from '../text.js';
import * as card from './card.js';

/** @typedef {import('../types.js').Drop} Drop */

/** Nothing of it acts. @type {any} */
const NO_ACTIONS = new Proxy({}, { get: () => () => {} });
/** What tests and pages find real cards by. */
const MARKS = ['data-testid', 'data-drop', 'id'];

export function makePreview() {
	const root = el('article', { 'class': 'card' });
	let shown = '';

	return {
		node: el('aside', { 'class': 'preview', 'data-testid': 'admin-preview', 'aria-label': t('c.preview.label') },
			el('p', { 'class': 'preview-mark' }, t('c.preview.mark')),
			el('div', { 'class': 'preview-card', 'inert': true }, root)),
		/** @param {Drop} drop @param {number} now */
		render(drop, now) {
			const model = cardOf({ ...initialState(), now }, drop);
			const key = JSON.stringify([model, Math.floor(now / 60_000)]);

			if (key === shown)
				return;
			shown = key;
			card.render(root, { ...model, now }, NO_ACTIONS);
			for (const node of [root, ...root.querySelectorAll('*')])
				MARKS.forEach((name) => node.removeAttribute(name));
		},
	};
}

/**
 * The drop that the form's values would make, as far as they can be read.
 * @param {import('../console-fields.js').Values} values
 * @param {import('../console-fields.js').SizeRow[]|null} rows @param {string} total
 * @param {string} zone @param {number} now @param {Drop} [known]  the drop that is being changed
 * @returns {Drop}
 */
export function previewOf(values, rows, total, zone, now, known) {
	const { given } = readFields(values, zone);
	const starts = instantOf(values['dropStartsAt'] ?? '', zone)?.ms ?? now - 1000;
	const ends = instantOf(values['dropEndsAt'] ?? '', zone);
	/** @type {Drop} */
	const drop = {
		id: 0,
		name: values['name']?.trim() || t('c.preview.name'),
		description: given['description'] ?? '',
		priceCents: given['priceCents'] ?? 0,
		currency: values['currency'] || 'EUR',
		imageUrl: given['imageUrl'] ?? '',
		...stockOf(rows, total, known),
		dropStartsAt: new Date(starts).toISOString(),
		dropEndsAt: ends ? new Date(ends.ms).toISOString() : null,
		isActive: known?.isActive ?? true,
		status: 'live',
		holdSeconds: given['holdSeconds'] ?? 60,
		coolDownSeconds: given['coolDownSeconds'] ?? 60,
		maxPerUser: given['maxPerUser'] ?? 1,
		version: 0,
		recentPurchasers: known?.recentPurchasers ?? [],
		movedAt: now,
	};

	return { ...drop, status: statusOf(drop, now) };
}

/** @param {import('../console-fields.js').SizeRow[]|null} rows @param {string} total @param {Drop} [known] */
function stockOf(rows, total, known) {
	const fresh = rows ? readSizes(rows, known?.sizes.map(({ size }) => size)).sizes
		: [{ size: '', totalStock: readFields({ totalStock: total }, 'UTC').given['totalStock'] ?? 0 }];
	const sizes = [...known?.sizes ?? [], ...(known && !rows ? [] : fresh)
		.map(({ size, totalStock }) => ({ size, totalStock, availableStock: totalStock, reservedStock: 0, soldStock: 0 }))];
	const sum = (/** @type {'totalStock'|'availableStock'|'reservedStock'|'soldStock'} */ what) => sizes.reduce((n, s) => n + s[what], 0);

	return {
		sizes: sizes.length ? sizes : [{ size: '', totalStock: 0, availableStock: 0, reservedStock: 0, soldStock: 0 }],
		totalStock: sum('totalStock'), availableStock: sum('availableStock'), reservedStock: sum('reservedStock'), soldStock: sum('soldStock'),
	};
}
