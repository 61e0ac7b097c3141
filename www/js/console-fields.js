/**
 * What an operator types about a drop, and what the API takes: judged here as the store judges it, so that each
 * error is said beside its field and in the operator's language. Pure.
 *
 * @typedef {Record<string, string>} Values   as the controls hold them, by the API's names
 * @typedef {{size: string, pairs: string}} SizeRow
 * @typedef {Record<string, string>} Errors   a text's key, field by field
 */

import { parseCents } from './format.js';
import { instantOf, wallOf } from './console-time.js';

const LONGEST_NAME = 120;
const LONGEST_DESCRIPTION = 2000;
const LONGEST_SIZE = 20;
const LONGEST_URL = 500;
const MOST_SIZES = 100;
export const MOST_PAIRS = 1_000_000;
const MOST_HOLD_S = 86_400;
const MOST_COOL_DOWN_S = 3600;
const MOST_A_PERSON = 1000;

/** What is wrong with a field that the store does not take. @type {Readonly<Record<string, string>>} */
export const WRONG = {
	priceCents: 'c.wrong.price', imageUrl: 'c.wrong.picture', dropStartsAt: 'c.wrong.time', dropEndsAt: 'c.wrong.time',
	holdSeconds: 'c.wrong.hold', coolDownSeconds: 'c.wrong.cool-down', maxPerUser: 'c.wrong.limit', totalStock: 'c.wrong.pairs',
	sizes: 'c.wrong.size-pairs',
};

/** Whole cents as `129.00`, by their digits. @param {number} cents */
export function centsText(cents) {
	const digits = String(cents).padStart(3, '0');

	return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** @param {string} text @param {number} least @param {number} most @returns {number|null} */
export function wholeNumber(text, least, most) {
	const n = /^\s*\d{1,7}\s*$/.test(text) ? Number(text) : NaN;

	return n >= least && n <= most ? n : null;
}

/**
 * What the controls hold to show a drop.
 * @param {import('./types.js').Drop} drop @param {string} zone @returns {Values}
 */
export function valuesOf(drop, zone) {
	return {
		name: drop.name,
		description: drop.description ?? '',
		priceCents: centsText(drop.priceCents),
		currency: drop.currency,
		imageUrl: drop.imageUrl ?? '',
		dropStartsAt: wallOf(drop.dropStartsAt, zone),
		dropEndsAt: wallOf(drop.dropEndsAt, zone),
		holdSeconds: String(drop.holdSeconds),
		coolDownSeconds: String(drop.coolDownSeconds),
		maxPerUser: String(drop.maxPerUser),
	};
}

/**
 * @param {Values} values  only the fields that are to be sent
 * @param {string} zone
 * @returns {{given: Record<string, any>, errors: Errors}}
 */
export function readFields(values, zone) {
	/** @type {Record<string, any>} */
	const given = {};
	/** @type {Errors} */
	const errors = {};

	for (const [field, text] of Object.entries(values)) {
		const { value, wrong } = readField(field, text, zone);

		if (wrong)
			errors[field] = wrong;
		else if (value !== undefined)
			given[field] = value;
	}
	return { given, errors };
}

/** @param {string} field @param {string} text @param {string} zone @returns {{value?: any, wrong?: string}} */
function readField(field, text, zone) {
	const trimmed = text.trim();

	switch (field) {
	case 'name':
		return trimmed === '' ? { wrong: 'c.wrong.needed' } : upTo(trimmed, LONGEST_NAME);
	case 'description':
		return upTo(trimmed, LONGEST_DESCRIPTION);
	case 'priceCents':
		return number(parseCents(text), WRONG[field]);
	case 'imageUrl':
		return /^$|^\/(?!\/)\S*$|^https:\/\/\S+$/.test(trimmed) ? upTo(trimmed, LONGEST_URL) : { wrong: WRONG[field] };
	case 'dropStartsAt':
	case 'dropEndsAt':
		return readTime(trimmed, zone);
	case 'holdSeconds':
		return number(wholeNumber(text, 1, MOST_HOLD_S), WRONG[field]);
	case 'coolDownSeconds':
		return number(wholeNumber(text, 0, MOST_COOL_DOWN_S), WRONG[field]);
	case 'maxPerUser':
		return number(wholeNumber(text, 1, MOST_A_PERSON), WRONG[field]);
	case 'totalStock':
		return number(wholeNumber(text, 0, MOST_PAIRS), WRONG[field]);
	default:
		return { value: trimmed };
	}
}

/** @param {number|null} value @param {string} [wrong] */
function number(value, wrong) {
	return value === null ? { wrong } : { value };
}

/** By characters, as the store counts. @param {string} value @param {number} most */
function upTo(value, most) {
	return [...value].length > most ? { wrong: 'c.wrong.long' } : { value };
}

/** Nothing is null: no end, or a start at once. @param {string} text @param {string} zone */
function readTime(text, zone) {
	if (text === '')
		return { value: null };
	const instant = instantOf(text, zone);

	if (!instant)
		return { wrong: 'c.wrong.time' };
	return instant.happens === 'never' ? { wrong: 'c.wrong.skipped' } : { value: new Date(instant.ms).toISOString() };
}

/**
 * The rows of sizes; empty ones do not count.
 * @param {readonly SizeRow[]} rows
 * @param {readonly string[]} [taken]  sizes that the drop has already
 * @returns {{sizes: {size: string, totalStock: number}[], wrong: string}}  wrong: a text's key, or ''
 */
export function readSizes(rows, taken = []) {
	const names = new Set(taken);
	const sizes = [];

	for (const row of rows) {
		const size = row.size.trim();
		const totalStock = wholeNumber(row.pairs, 0, MOST_PAIRS);

		if (size === '')
			continue;
		if (totalStock === null)
			return { sizes: [], wrong: 'c.wrong.size-pairs' };
		if ([...size].length > LONGEST_SIZE)
			return { sizes: [], wrong: 'c.wrong.size-long' };
		if (names.has(size))
			return { sizes: [], wrong: 'c.wrong.size-twice' };
		names.add(size);
		sizes.push({ size, totalStock });
	}
	return { sizes, wrong: names.size > MOST_SIZES ? 'c.wrong.sizes-many' : '' };
}

/**
 * A start at or after the end is refused before it is sent.
 * @param {Record<string, any>} given @param {{dropStartsAt?: string|null, dropEndsAt?: string|null}} known @param {number} now
 */
export function endsTooEarly(given, known, now) {
	const of = (/** @type {'dropStartsAt'|'dropEndsAt'} */ field) => field in given ? given[field] : known[field];
	const ends = of('dropEndsAt');

	if (!ends || !('dropStartsAt' in given || 'dropEndsAt' in given))
		return false;
	const starts = of('dropStartsAt');

	return Date.parse(ends) <= (starts ? Date.parse(starts) : now);
}
