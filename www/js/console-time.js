/**
 * Times as an operator types them, in a time zone of their own, and as the store keeps them, in UTC. Clocks that
 * are put forward skip an hour, and clocks that are put back repeat one: both are said, not guessed over. Pure.
 *
 * @typedef {object} Instant
 * @property {number} ms      the moment; where the zone skips that time, the first one after the gap
 * @property {'once'|'twice'|'never'} happens  how often the zone's clocks show that time; of two, `ms` is the first
 */

const DAY_MS = 86_400_000;
const WALL = /^(\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?$/;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** The zone of whoever sits here. */
export function ownZone() {
	return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/**
 * What the zone's clocks show at a moment, as if it were UTC.
 * @param {number} ms @param {string} zone
 */
function wallMs(ms, zone) {
	let format = formats.get(zone);

	if (!format) {
		format = new Intl.DateTimeFormat('en-US', {
			timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23',
			year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
		});
		formats.set(zone, format);
	}
	const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));

	return Date.UTC(part['year'] ?? 0, (part['month'] ?? 1) - 1, part['day'], part['hour'], part['minute'], part['second']);
}

/**
 * How far the zone is ahead of UTC at a moment.
 * @param {number} ms @param {string} zone
 */
export function offsetAt(ms, zone) {
	const second = Math.floor(ms / 1000) * 1000;

	return wallMs(second, zone) - second;
}

/**
 * The moment at which the zone's clocks show what a datetime-local input holds.
 * @param {string} wall  `2030-05-01T10:00` or with seconds
 * @param {string} zone
 * @returns {Instant|null} null when it is no date
 */
export function instantOf(wall, zone) {
	const shown = readWall(wall);

	if (shown === null)
		return null;
	const before = offsetAt(shown - DAY_MS, zone);
	const after = offsetAt(shown + DAY_MS, zone);
	const moments = [...new Set([before, after])]
		.map((offset) => shown - offset)
		.filter((ms) => ms + offsetAt(ms, zone) === shown)
		.sort((a, b) => a - b);
	const [first] = moments;

	if (first === undefined)
		return { ms: shown - before, happens: 'never' };
	return { ms: first, happens: moments.length > 1 ? 'twice' : 'once' };
}

/** @param {string} wall @returns {number|null} */
function readWall(wall) {
	const match = WALL.exec(wall.trim());

	if (!match)
		return null;
	const [year, month, day, hour, minute, second] = match.slice(1).map((digits) => Number(digits ?? 0));
	const ms = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
	const back = new Date(ms);

	/* the 30th of February would quietly become March */
	return back.getUTCMonth() + 1 === month && back.getUTCDate() === day && back.getUTCHours() === hour &&
		back.getUTCMinutes() === minute ? ms : null;
}

/**
 * What a datetime-local input has to hold to show a moment.
 * @param {string|null|undefined} time  RFC 3339; none gives ''
 * @param {string} zone
 */
export function wallOf(time, zone) {
	const ms = time ? Date.parse(time) : NaN;

	if (!Number.isFinite(ms))
		return '';
	return new Date(Math.floor(ms / 1000) * 1000 + offsetAt(ms, zone)).toISOString().slice(0, 19);
}

/**
 * The zone's name with its distance from UTC at a moment: `Europe/Berlin, GMT+1`.
 * @param {string} zone @param {number} ms @param {string} [locale]
 */
export function zoneText(zone, ms, locale = 'en') {
	const offset = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(ms)
		.find(({ type }) => type === 'timeZoneName')?.value;

	return [zone.replaceAll('_', ' '), offset === zone ? '' : offset].filter(Boolean).join(', ');
}
