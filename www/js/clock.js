/**
 * The server's clock, as far as its answers tell. Each answer bounds how far it is from ours: the server
 * wrote its time after we asked and before we heard. Bounds that agree are narrowed together; when they
 * do not (our clock was set, the machine slept) the newest are right. Pure.
 *
 * @typedef {{low: number, high: number, at: number}} Clock  bounds of (server - local) in ms; local time measured
 */

/** Clocks drift: bounds widen by this much for each ms that passes. */
const DRIFT = 0.0005;

/**
 * @param {Clock|null} clock
 * @param {string} serverTime  RFC 3339, from the answer
 * @param {number} sentAt      local ms when it was asked for
 * @param {number} heardAt     local ms when it came
 * @param {number} [staleMs]   how old a cache may have made it
 * @returns {Clock|null} the same clock when the time cannot be read
 */
export function measured(clock, serverTime, sentAt, heardAt, staleMs = 0) {
	const server = Date.parse(serverTime);

	if (!Number.isFinite(server) || heardAt < sentAt)
		return clock;
	const fresh = { low: server - heardAt, high: server - sentAt + staleMs, at: heardAt };

	if (!clock)
		return fresh;
	const slack = Math.abs(heardAt - clock.at) * DRIFT;
	const low = Math.max(fresh.low, clock.low - slack);
	const high = Math.min(fresh.high, clock.high + slack);

	return low <= high ? { low, high, at: heardAt } : fresh;
}

/**
 * Signed: positive when the server is ahead of us.
 * @param {Clock|null} clock @returns {number} ms
 */
export function offsetMs(clock) {
	return clock ? (clock.low + clock.high) / 2 : 0;
}

/** @param {Clock|null} clock @param {number} localMs @returns {number} ms */
export function serverNow(clock, localMs) {
	return localMs + offsetMs(clock);
}
