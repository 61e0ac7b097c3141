/** Numbers, money and times as the visitor reads them. Words are text.js's. */

/** @type {Formats} */
let formats = makeFormats('en', 'en');
/** @type {Map<string, Intl.NumberFormat>} */
const currencies = new Map();

/** @typedef {ReturnType<typeof makeFormats>} Formats */

/**
 * @param {string} locale  of numbers and dates
 * @param {string} words   the language of phrases
 */
function makeFormats(locale, words) {
	return {
		locale,
		rtl: /^(ar|fa|he|ur)\b/.test(words),
		integer: new Intl.NumberFormat(locale),
		two: new Intl.NumberFormat(locale, { minimumIntegerDigits: 2, useGrouping: false }),
		percent: new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }),
		moment: new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }),
		exact: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'medium' }),
		ago: new Intl.RelativeTimeFormat(words, { style: 'short', numeric: 'auto' }),
		days: new Intl.NumberFormat(locale, { style: 'unit', unit: 'day', unitDisplay: 'narrow' }),
		hours: new Intl.NumberFormat(locale, { style: 'unit', unit: 'hour', unitDisplay: 'narrow' }),
		spans: ['second', 'minute', 'hour'].map((unit) => ({
			long: new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }),
			short: new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }),
		})),
	};
}

/** @param {string} locale @param {string} words */
export function useLocale(locale, words) {
	formats = makeFormats(locale, words);
	currencies.clear();
}

/** The one in use, e.g. for a chart's axis. */
export function locale() {
	return formats.locale;
}

/** @param {number} n */
export function number(n) {
	return formats.integer.format(n);
}

/** @param {number} share  0 to 1 */
export function percent(share) {
	return formats.percent.format(share);
}

/** @param {string} currency */
function currencyFormat(currency) {
	let format = currencies.get(currency);

	if (!format) {
		format = new Intl.NumberFormat(formats.locale, { style: 'currency', currency });
		currencies.set(currency, format);
	}
	return format;
}

/**
 * Hundredths of the currency as money. In a language that runs the other way a sign like `US$` keeps its own order.
 * @param {number} cents @param {string} currency
 */
export function money(cents, currency) {
	return currencyFormat(currency).formatToParts(cents / 100)
		.map(({ type, value }) => (type === 'currency' && formats.rtl ? isolate(value) : value)).join('');
}

/** Keeps its own direction in the midst of a text. @param {string} text */
export function isolate(text) {
	return `\u2068${text}\u2069`;
}

/**
 * How long something lasts, in the largest unit that says it in whole numbers, up to two hours as minutes.
 * @param {number} seconds @param {'long'|'short'} [width]
 */
export function duration(seconds, width = 'long') {
	const unit = seconds >= 7200 && seconds % 3600 === 0 ? 2 : seconds >= 120 && seconds % 60 === 0 ? 1 : 0;

	return /** @type {Formats['spans'][number]} */ (formats.spans[unit])[width].format(seconds / 60 ** unit);
}

/**
 * `129`, `129.9` or `129,90` in whole cents, without ever being a float.
 * @param {string} text @returns {number|null} null when it is not an amount
 */
export function parseCents(text) {
	const match = /^\s*(\d{1,9})(?:[.,](\d{1,2}))?\s*$/.exec(text);

	return match ? Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0')) : null;
}

/**
 * `0:09`, `12:00`, `3:07:09`; from a day on `2d 3h`, which nobody counts down by the second.
 * @param {number} seconds
 */
export function countdown(seconds) {
	const s = Math.max(0, Math.ceil(seconds));
	const days = Math.floor(s / 86400);
	const hours = Math.floor(s / 3600) % 24;
	const minutes = Math.floor(s / 60) % 60;
	const { two, integer } = formats;

	if (days)
		return `${formats.days.format(days)} ${formats.hours.format(hours)}`;
	if (hours)
		return `${integer.format(hours)}:${two.format(minutes)}:${two.format(s % 60)}`;
	return `${integer.format(minutes)}:${two.format(s % 60)}`;
}

/** @param {string} time */
export function dateTime(time) {
	return formats.moment.format(new Date(time));
}

/** To the second, as on a receipt. @param {string} time */
export function exactTime(time) {
	return formats.exact.format(new Date(time));
}

/**
 * @param {string} time @param {number} now
 */
export function since(time, now) {
	const { ago } = formats;
	const seconds = Math.min(0, Math.round((Date.parse(time) - now) / 1000));

	if (seconds > -60)
		return ago.format(Math.ceil(seconds / 10) * 10 || 0, 'second');
	if (seconds > -3600)
		return ago.format(Math.ceil(seconds / 60), 'minute');
	if (seconds > -86400)
		return ago.format(Math.ceil(seconds / 3600), 'hour');
	return ago.format(Math.ceil(seconds / 86400), 'day');
}
