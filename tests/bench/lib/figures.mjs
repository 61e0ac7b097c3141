/** The bench's arithmetic and the reading of what its tools print; nothing here runs anything. */

/** @typedef {{atLeast?: number, atMost?: number}} Want */

/** @param {number[]} values  at least one @returns {number} */
export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length / 2;

	if (!sorted.length)
		throw new Error('there is no median of nothing');
	return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest value that at least a share of all are not above (nearest rank).
 * @param {number[]} values  at least one @param {number} share  0 to 1 @returns {number} */
export function percentile(values, share) {
	const sorted = [...values].sort((a, b) => a - b);

	if (!sorted.length)
		throw new Error('there is no percentile of nothing');
	return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** What each round's left is of its right; then the median of these, which one odd round does not move.
 * @param {number[]} left @param {number[]} right  as many @returns {{ratios: number[], ratio: number}} */
export function compareRounds(left, right) {
	if (left.length !== right.length)
		throw new Error(`${left.length} rounds on the left, ${right.length} on the right`);
	const ratios = left.map((value, i) => value / right[i]);

	return { ratios, ratio: median(ratios) };
}

/** Whether a figure is as wanted; null where nothing is. @param {number} value @param {Want} [want] */
export function holds(value, want) {
	if (!want)
		return null;
	return Number.isFinite(value) && value >= (want.atLeast ?? -Infinity) && value <= (want.atMost ?? Infinity);
}

/** @param {Want} [want] @returns {string} */
export function wantText(want) {
	if (!want)
		return '';
	return [want.atLeast !== undefined ? `≥ ${short(want.atLeast)}` : '', want.atMost !== undefined ? `≤ ${short(want.atMost)}` : '']
		.filter(Boolean).join(', ');
}

/** A number as one reads it: whole from a hundred up, else three digits that count. @param {number} value */
export function short(value) {
	if (!Number.isFinite(value))
		return String(value);
	if (Math.abs(value) >= 100)
		return Math.round(value).toLocaleString('en-US');
	return String(Number(value.toPrecision(3)));
}

/** The same with its unit; a rate of `1/s` reads as `12,345/s`. @param {number} value @param {string} unit */
export function withUnit(value, unit) {
	return unit.startsWith('1/') ? short(value) + unit.slice(1) : `${short(value)} ${unit}`;
}

/**
 * @typedef {object} Load  what a run of wrk came to
 * @property {number} perSecond  answers of any status
 * @property {number} answers
 * @property {number} refused    of them, those with a status of 400 and above
 * @property {number} broken     connections that failed or timed out
 * @property {number} mean       all times in milliseconds
 * @property {number} p50
 * @property {number} p90
 * @property {number} p99
 * @property {number} max
 *
 * Reads the line that load/report.lua prints at the end of a run. @param {string} output @returns {Load}
 */
export function parseWrk(output) {
	const line = output.split('\n').find((text) => text.startsWith('bench: '));

	if (!line)
		throw new Error(`wrk said nothing of its run:\n${output}`);
	const told = JSON.parse(line.slice('bench: '.length));

	return {
		perSecond: told.answers / (told.us / 1e6),
		answers: told.answers,
		refused: told.refused,
		broken: told.broken,
		mean: told.mean / 1000,
		p50: told.p50 / 1000,
		p90: told.p90 / 1000,
		p99: told.p99 / 1000,
		max: told.max / 1000,
	};
}

/** Requests in the store's access log that nobody had answered after some seconds, when their client went away (499).
 * @param {string} log @param {number} seconds @returns {number} */
export function unservedOf(log, seconds) {
	return [...log.matchAll(/" 499 .* time=([0-9.]+) /g)].filter((match) => Number(match[1]) >= seconds).length;
}

/** Reads pgbench's summary. @param {string} output @returns {{perSecond: number, transactions: number}} */
export function parsePgbench(output) {
	const transactions = output.match(/^number of transactions actually processed: (\d+)/m);
	const tps = output.match(/^tps = ([0-9.]+) \(without initial connection time\)/m);
	const failed = output.match(/^number of failed transactions: (\d+)/m);

	if (!transactions || !tps)
		throw new Error(`pgbench did not come to its end:\n${output}`);
	if (failed && Number(failed[1]) > 0)
		throw new Error(`${failed[1]} transactions of pgbench failed`);
	return { perSecond: Number(tps[1]), transactions: Number(transactions[1]) };
}

/** The third column of pgbench's log of transactions: how long each took, in milliseconds.
 * @param {string} log @returns {number[]} */
export function parsePgbenchLog(log) {
	return log.split('\n').filter(Boolean).map((line) => Number(line.split(' ')[2]) / 1000);
}
