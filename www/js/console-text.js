/**
 * The console's words: its own table of texts, fetched with it, and the sentences of the trail.
 *
 * @typedef {import('./console-api.js').Deed} Deed
 *
 * @typedef {object} Change      one line of what an action changed
 * @property {string} field      by the API's name
 * @property {any} before
 * @property {any} after
 *
 * @typedef {object} Told        an action, as it is said
 * @property {string} key        of the sentence, which has {who} and {drop} in it
 * @property {Change[]} changes  what the sentence does not say itself
 */

import { dateTime, duration, locale, money, number } from './format.js';
import { sizeName, t, tn } from './text.js';

/* ---- numbers and times ---- */

/** One digit after the point: pairs a second. @param {number} n */
export function decimal(n) {
	return new Intl.NumberFormat(locale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(n);
}

/** @param {number} s */
export function secondsText(s) {
	return new Intl.NumberFormat(locale(), { style: 'unit', unit: 'second', unitDisplay: 'narrow', maximumFractionDigits: s < 10 ? 1 : 0 })
		.format(s);
}

/**
 * Moments on an axis, as fine as the distance between them asks for.
 * @param {number} stepMs
 */
export function clockFormat(stepMs) {
	if (stepMs >= 86_400_000)
		return new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short' });
	if (stepMs >= 6 * 3_600_000)
		return new Intl.DateTimeFormat(locale(), { weekday: 'short', hour: 'numeric', minute: '2-digit' });
	return new Intl.DateTimeFormat(locale(), {
		hour: 'numeric', minute: '2-digit', ...stepMs < 60_000 ? { second: '2-digit' } : {},
	});
}

/** A moment of the last weeks to the second. @param {string|number} time */
export function preciseTime(time) {
	return new Intl.DateTimeFormat(locale(), {
		day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit', second: '2-digit',
	}).format(new Date(time));
}

/** @param {number} ms */
export function utcText(ms) {
	return new Intl.DateTimeFormat(locale(), {
		day: 'numeric', month: 'short', year: 'numeric', hour: 'numeric', minute: '2-digit', second: '2-digit',
		timeZone: 'UTC', timeZoneName: 'short',
	}).format(ms);
}

/* ---- the trail ---- */

/** In this order; what an action does not name is left out. */
const FIELDS = ['name', 'priceCents', 'currency', 'dropStartsAt', 'dropEndsAt', 'sizes', 'holdSeconds', 'coolDownSeconds', 'maxPerUser',
	'isActive', 'imageUrl', 'description'];
/** What is worth saying of a drop that is new. */
const OF_NEW = new Set(['priceCents', 'dropStartsAt', 'dropEndsAt', 'sizes']);
/** An end this near to the action was set to "now". */
const NOW_MS = 5000;

/**
 * Which sentence tells of an action. Pure.
 * @param {Deed} deed @returns {Told}
 */
export function told(deed) {
	const after = deed.after ?? {};
	const changes = changesOf(deed);
	const without = (/** @type {string} */ field) => changes.filter((change) => change.field !== field);

	if (deed.action === 'create')
		return { key: 'c.deed.create', changes: changes.filter(({ field, after: value }) => OF_NEW.has(field) && value !== null) };
	if (deed.action === 'restock')
		return { key: pairsMoved(changes) < 0 ? 'c.deed.take' : 'c.deed.restock', changes };
	if (typeof after['isActive'] === 'boolean')
		return { key: after['isActive'] ? 'c.deed.resume' : 'c.deed.pause', changes: without('isActive') };
	if (after['dropEndsAt'] && Date.parse(after['dropEndsAt']) <= Date.parse(deed.at) + NOW_MS)
		return { key: 'c.deed.end', changes: without('dropEndsAt') };
	return { key: 'c.deed.change', changes };
}

/** @param {Deed} deed @returns {Change[]} */
function changesOf({ before, after }) {
	const fields = Object.keys({ ...before, ...after });

	return FIELDS.filter((field) => fields.includes(field)).concat(fields.filter((field) => !FIELDS.includes(field)))
		.map((field) => ({ field, before: before?.[field], after: after?.[field] }));
}

/** @param {Change[]} changes */
function pairsMoved(changes) {
	const sum = (/** @type {any} */ sizes) => Array.isArray(sizes)
		? sizes.reduce((n, /** @type {any} */ { totalStock }) => n + totalStock, 0) : 0;

	return changes.reduce((n, { field, before, after }) => n + (field === 'sizes' ? sum(after) - sum(before) : 0), 0);
}

/**
 * A value of a field in words.
 * @param {string} field @param {any} value @param {string} currency
 */
export function valueText(field, value, currency) {
	if (value === null || value === undefined || value === '')
		return t('c.nothing');
	switch (field) {
	case 'priceCents': return money(value, currency);
	case 'dropStartsAt':
	case 'dropEndsAt': return dateTime(value);
	case 'holdSeconds':
	case 'coolDownSeconds': return duration(value);
	case 'isActive': return t(value ? 'c.on-sale' : 'c.off-sale');
	case 'sizes': return sizesText(value);
	default: return typeof value === 'number' ? number(value) : String(value);
	}
}

/** @param {unknown} sizes */
function sizesText(sizes) {
	if (!Array.isArray(sizes) || !sizes.length)
		return t('c.nothing');
	const each = sizes.map(({ size, totalStock }) => size === '' ? tn('drop.pairs', totalStock)
		: t('c.size-pairs', { size: sizeName(size), n: number(totalStock) }));

	return new Intl.ListFormat(locale(), { style: 'short', type: 'unit' }).format(each);
}

/**
 * A text with nodes in the places of its parameters: each keeps its own direction.
 * @param {string} key @param {Record<string, Node>} nodes @returns {(Node|string)[]}
 */
export function withNodes(key, nodes) {
	return t(key).split(/(\{\w+\})/).map((part) => nodes[part.slice(1, -1)] ?? part).filter((part) => part !== '');
}
