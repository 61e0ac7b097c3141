/**
 * Words. Every sentence the page says stands in a table, one a language, of which only the chosen one is
 * fetched: texts/en.js, texts/de.js, texts/ar.js; what the first view does not say stands in another, texts/more-en.js,
 * and the console's in texts/console-en.js. t() finds it there.
 *
 * @typedef {Record<string, string>} Table  flat keys; `{name}` in a text is replaced by the parameter of that name
 * @typedef {'en'|'de'|'ar'} Language
 */

import { isolate, number, useLocale } from './format.js';

/** Each in its own words, as a switch shows them. @type {Record<Language, string>} */
export const LANGUAGES = { en: 'English', de: 'Deutsch', ar: 'العربية' };

/** @type {ReadonlySet<Language>} */
const RTL = new Set(['ar']);
const KEPT_AS = 'lastpair.language';

/** @type {Table} */
let table = {};
/** @type {Language} */
let chosen = 'en';
/** What was asked for last. @type {Language} */
let wanted = 'en';
/** Tables of each language beside the page's own, by what their names begin with. @type {Set<string>} */
const extras = new Set();
let plurals = new Intl.PluralRules('en');

/** @param {unknown} lang @returns {lang is Language} */
function isLanguage(lang) {
	return typeof lang === 'string' && Object.hasOwn(LANGUAGES, lang);
}

/** The language the page is in. */
export function language() {
	return chosen;
}

/**
 * The kept choice, or the first of the browser's languages that the page speaks.
 * @param {string|null} kept @param {readonly string[]} wanted @returns {Language}
 */
export function preferred(kept, wanted) {
	return [kept, ...wanted.map((tag) => tag.toLowerCase().split('-')[0])].find(isLanguage) ?? 'en';
}

/**
 * Numbers and dates follow the visitor's own region where it goes with the language: en-GB for English.
 * @param {Language} lang @param {readonly string[]} wanted @returns {string}
 */
export function localeOf(lang, wanted) {
	return wanted.find((tag) => tag.toLowerCase().split('-')[0] === lang) ?? lang;
}

/** What this visitor reads. @returns {Language} */
export function ownLanguage() {
	let kept = null;

	try {
		kept = localStorage.getItem(KEPT_AS);
	} catch {
		/* storage is refused: the browser's preference it is */
	}
	return preferred(kept, navigator.languages ?? []);
}

/** From now on, and for this browser: kept, and drawn at the next drawing. @param {string} lang */
export async function speak(lang) {
	if (!isLanguage(lang))
		return;
	await loadTexts(lang);
	try {
		localStorage.setItem(KEPT_AS, lang);
	} catch {
		/* it lasts for as long as the page then */
	}
}

/** @param {Language} lang */
export async function loadTexts(lang) {
	wanted = lang;
	const tables = await Promise.all(['', ...extras].map((name) => import(`./texts/${name}${lang}.js`))).catch((error) => {
		wanted = chosen;
		throw error;
	});

	if (wanted !== lang)
		return;		/* another was asked for meanwhile */
	useTexts(lang, Object.assign({}, ...tables.map((each) => each.default)), typeof navigator === 'undefined' ? [] : navigator.languages ?? []);
	if (typeof document === 'undefined')
		return;
	document.documentElement.lang = lang;
	document.documentElement.dir = RTL.has(lang) ? 'rtl' : 'ltr';
	for (const node of document.querySelectorAll('[data-text]'))
		node.textContent = t(node.getAttribute('data-text') ?? '');
	for (const node of document.querySelectorAll('[data-label]'))
		node.setAttribute('aria-label', t(node.getAttribute('data-label') ?? ''));
}

/** @param {Language} lang @param {Table} texts @param {readonly string[]} wanted  the browser's languages */
export function useTexts(lang, texts, wanted = []) {
	chosen = lang;
	table = { ...texts };
	plurals = new Intl.PluralRules(lang);
	useLocale(localeOf(lang, wanted), lang);
}

/** One more table of the page's language, and of each that it is switched to: texts/PREFIXen.js. @param {string} prefix */
export async function loadMoreTexts(prefix) {
	extras.add(prefix);
	await loadTexts(wanted);
}

/** @param {string} key */
export function hasText(key) {
	return Object.hasOwn(table, key);
}

/**
 * The text of a key. In a language that runs the other way, what is put into it keeps its own direction.
 * @param {string} key @param {Record<string, string|number>} [params] @returns {string}
 */
export function t(key, params = {}) {
	return (table[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => {
		const value = params[name];

		if (value === undefined)
			return whole;
		return RTL.has(chosen) ? isolate(String(value)) : String(value);
	});
}

/**
 * A text that depends on a number: `key.one`, `key.few`, `key.other`, ... as the language has them. The number
 * itself is `{n}` in it.
 * @param {string} key @param {number} n @param {Record<string, string|number>} [params]
 */
export function tn(key, n, params = {}) {
	const form = `${key}.${plurals.select(n)}`;

	return t(hasText(form) ? form : `${key}.other`, { n: number(n), ...params });
}

/* ---- what the store refused ---- */

/** @type {Record<string, string>} Refusals that concern one field of a form. */
export const FIELD_OF = { email_taken: 'email', username_taken: 'username' };

/**
 * What is wrong with each field that the store refused, beside which it is said.
 * @param {readonly {field: string}[]} errors @param {Readonly<Record<string, string>>} [keys]  a text's key, by the field
 */
export function fieldTexts(errors, keys = {}) {
	return Object.fromEntries(errors.map(({ field }) => {
		const key = keys[field] ?? `form.invalid.${field}`;

		return [field, t(hasText(key) ? key : 'form.invalid')];
	}));
}

/**
 * What happened, and what to do now.
 * @param {Pick<import('./api.js').Refusal, 'code'|'status'|'retryAfterS'>} refusal
 */
export function refusalText({ code, status, retryAfterS }) {
	const sentence = t(hasText(`refusal.${code}`) ? `refusal.${code}` : `refusal.${codeOf(status)}`);

	return retryAfterS ? `${sentence} ${waitText(retryAfterS)}` : sentence;
}

/** @param {number} status */
function codeOf(status) {
	if (status === 429)
		return 'too_many_requests';
	return status >= 502 && status <= 504 ? 'unavailable' : 'other';
}

/** @param {number} seconds */
function waitText(seconds) {
	return seconds < 90 ? tn('wait.seconds', seconds) : tn('wait.minutes', Math.ceil(seconds / 60));
}

/* ---- pairs ---- */

/** `Size 42`, but `EU 42` as it is. @param {string} size */
export function sizeName(size) {
	if (size === '')
		return t('size.one');
	return /^\d/.test(size) ? t('size.name', { size }) : size;
}

/** A pair in the midst of a sentence. @param {string} name @param {string} size */
export function pairText(name, size) {
	if (!size)
		return name;
	return t('pair.sized', { name, size: /^\d/.test(size) ? t('size.inline', { size }) : size });
}

/* The table is on its way before the rest of the page has come. */
if (typeof document !== 'undefined')
	loadTexts(ownLanguage()).catch(() => {});
