/** Numbers, money and times as the visitor reads them. Words are text.js's. */

/** Numbers follow the visitor's own locale; phrases follow the page's language. */
const NUMBERS = typeof navigator === 'undefined' ? 'en' : navigator.language;
const WORDS = typeof document === 'undefined' ? 'en' : document.documentElement.lang || 'en';

const integer = new Intl.NumberFormat(NUMBERS);
const moment = new Intl.DateTimeFormat(NUMBERS, {
	weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit',
});
const ago = new Intl.RelativeTimeFormat(WORDS, { style: 'short', numeric: 'auto' });
/** @type {Map<string, Intl.NumberFormat>} */
const currencies = new Map();

/** @param {number} n */
export function number(n) {
	return integer.format(n);
}

/** @param {string} currency */
function currencyFormat(currency) {
	let format = currencies.get(currency);

	if (!format) {
		format = new Intl.NumberFormat(NUMBERS, { style: 'currency', currency });
		currencies.set(currency, format);
	}
	return format;
}

/**
 * Hundredths of the currency as money.
 * @param {number} cents @param {string} currency
 */
export function money(cents, currency) {
	return currencyFormat(currency).format(cents / 100);
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
 * `0:09`, `12:00`, `3:07:09`, `2d 03:07:09`.
 * @param {number} seconds
 */
export function countdown(seconds) {
	const s = Math.max(0, Math.ceil(seconds));
	const days = Math.floor(s / 86400);
	const hours = Math.floor(s / 3600) % 24;
	const minutes = Math.floor(s / 60) % 60;
	const clock = `${two(minutes)}:${two(s % 60)}`;

	if (days)
		return `${days}d ${two(hours)}:${clock}`;
	return hours ? `${hours}:${clock}` : clock.replace(/^0/, '');
}

/** @param {number} n */
function two(n) {
	return String(n).padStart(2, '0');
}

/** @param {string} time */
export function dateTime(time) {
	return moment.format(new Date(time));
}

/**
 * @param {string} time @param {number} now
 */
export function since(time, now) {
	const seconds = Math.min(0, Math.round((Date.parse(time) - now) / 1000));

	if (seconds > -60)
		return ago.format(Math.ceil(seconds / 10) * 10 || 0, 'second');
	if (seconds > -3600)
		return ago.format(Math.ceil(seconds / 60), 'minute');
	if (seconds > -86400)
		return ago.format(Math.ceil(seconds / 3600), 'hour');
	return ago.format(Math.ceil(seconds / 86400), 'day');
}
