/**
 * What happens to a drop while an operator looks on: the stream's stock becomes moves (pairs held, bought, given
 * back), and moves carry on what the store told of the past. Pure.
 *
 * The stream says how much stock there is, not what was done: a hold and a return of the same size within one tick
 * cancel out. The store's own count, read again now and then, puts that right.
 *
 * @typedef {import('./types.js').Drop} Drop
 *
 * @typedef {object} Move        what changed from one look to the next
 * @property {number} at         the server's time, ms
 * @property {number} held       pairs newly held (or bought within the same tick)
 * @property {number} bought
 * @property {number} back       pairs given back, or whose time ran out
 *
 * @typedef {object} Point       how a drop stood at a moment
 * @property {number} at
 * @property {number} sold
 * @property {number} held
 *
 * @typedef {object} Bucket
 * @property {string} at
 * @property {number} held
 * @property {number} bought
 * @property {number} released
 * @property {number} lapsed
 *
 * @typedef {object} Figures     GET /api/admin/drops/{id}/figures
 * @property {string} serverTime
 * @property {number} bucketSeconds
 * @property {Bucket[]} buckets
 * @property {{made: number, active: number, bought: number, released: number, lapsed: number}} holds
 * @property {number|null} medianSecondsToBuy
 */

/** A rate is taken over this long. */
export const RATE_MS = 10_000;
/** More points than this are thinned out: nobody sees them. */
const MOST_POINTS = 960;
/** Changes nearer to each other than this are drawn as one. */
const GRAIN_MS = 250;

/**
 * Size by size, so that a hold of one does not hide the return of another.
 * @param {Pick<Drop, 'sizes'>} before @param {Pick<Drop, 'sizes'>} after @param {number} at
 * @returns {Move|null} null when nothing was held, bought or given back
 */
export function moveBetween(before, after, at) {
	const known = new Map(before.sizes.map((s) => [s.size, s]));
	const move = { at, held: 0, bought: 0, back: 0 };

	for (const s of after.sizes) {
		const old = known.get(s.size) ?? { reservedStock: 0, soldStock: 0 };
		const taken = s.reservedStock + s.soldStock - old.reservedStock - old.soldStock;

		move.bought += Math.max(0, s.soldStock - old.soldStock);
		move.held += Math.max(0, taken);
		move.back += Math.max(0, -taken);
	}
	return move.held || move.bought || move.back ? move : null;
}

/**
 * How many a second, over the last ten, or over as long as one has looked on.
 * @param {readonly Move[]} moves @param {'held'|'bought'} what @param {number} now @param {number} since  when one began to look
 */
export function rate(moves, what, now, since) {
	const spanMs = Math.min(RATE_MS, Math.max(1000, now - since));
	const sum = moves.reduce((n, move) => n + (move.at > now - RATE_MS && move.at <= now ? move[what] : 0), 0);

	return sum * 1000 / spanMs;
}

/**
 * Moves that may still count for a rate, or that the store's figures do not know of yet.
 * @param {readonly Move[]} moves @param {number} now @param {number} knownUntil
 */
export function recent(moves, now, knownUntil) {
	return moves.filter((move) => move.at > now - RATE_MS || move.at > knownUntil);
}

/**
 * What became of the drop's holds: the store's count, and what the stream has told since.
 * @param {Figures} figures @param {readonly Move[]} moves
 */
export function tally(figures, moves) {
	const after = moves.filter((move) => move.at > Date.parse(figures.serverTime));
	const sum = (/** @type {'held'|'bought'|'back'} */ what) => after.reduce((n, move) => n + move[what], 0);
	const { made, bought, released, lapsed } = figures.holds;

	return { made: made + sum('held'), bought: bought + sum('bought'), back: released + lapsed + sum('back') };
}

/**
 * Of the holds that are over, the share that was bought.
 * @param {{bought: number, back: number}} counted @returns {number|null} 0 to 1; null while none is over
 */
export function conversion({ bought, back }) {
	return bought + back > 0 ? bought / (bought + back) : null;
}

/**
 * The store's buckets as running totals: how the drop stood at the end of each, and at both ends of a quiet time.
 * @param {Figures} figures @returns {Point[]} oldest first
 */
export function pointsOf(figures) {
	const until = Date.parse(figures.serverTime);
	const widthMs = figures.bucketSeconds * 1000;
	let sold = 0;
	let held = 0;
	/** @type {Point[]} */
	const points = [];

	for (const bucket of figures.buckets) {
		const at = Date.parse(bucket.at);

		if (at > (points.at(-1)?.at ?? -Infinity))
			points.push({ at, sold, held });
		sold += bucket.bought;
		held = Math.max(0, held + bucket.held - bucket.bought - bucket.released - bucket.lapsed);
		points.push({ at: Math.min(at + widthMs, Math.max(at, until)), sold, held });
	}
	return points;
}

/**
 * The past with one more look at the drop. One that comes right after the last takes its place, so that a rush
 * does not pile up points.
 * @param {readonly Point[]} points @param {Point} point @returns {readonly Point[]} the same when it tells nothing new
 */
export function withPoint(points, point) {
	const last = points.at(-1);
	const before = points.at(-2);

	if (last && last.sold === point.sold && last.held === point.held)
		return points;
	if (!last)
		return [point];
	const near = before && point.at - before.at < GRAIN_MS ? points.slice(0, -1) : points;
	const kept = near.length < MOST_POINTS ? near : near.filter((_, i) => i % 2 === 0);

	return [...kept, { ...point, at: Math.max(point.at, last.at) }];
}

/* ---- scales ---- */

/**
 * Round steps from nothing to `most`, at most `count` of them; whole numbers, for there are no half pairs.
 * @param {number} most @param {number} [count] @returns {number[]} the last is not below `most`
 */
export function countTicks(most, count = 4) {
	const rough = Math.max(1, most / count);
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = Math.max(1, [1, 2, 2.5, 5, 10].map((n) => n * power)
		.find((n) => n >= rough - 1e-9 && Number.isInteger(n)) ?? Math.ceil(rough));
	const ticks = [0];

	while ((ticks.at(-1) ?? 0) < most)
		ticks.push((ticks.at(-1) ?? 0) + step);
	return ticks;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE,
	15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY];

/**
 * Round moments of a zone's clock between two moments.
 * @param {number} from @param {number} to @param {number} count  at most so many
 * @param {(ms: number) => number} offset  how far the zone is ahead of UTC at a moment
 * @returns {{at: number[], stepMs: number}}
 */
export function timeTicks(from, to, count, offset) {
	const stepMs = STEPS.find((step) => (to - from) / step <= count) ?? 364 * DAY;
	const ahead = offset(from);
	const at = [];

	for (let wall = Math.ceil((from + ahead) / stepMs) * stepMs; wall - ahead <= to + DAY; wall += stepMs) {
		/* on the far side of a change of the clocks the same wall time is another moment */
		const ms = wall - offset(wall - ahead);

		if (ms >= from && ms <= to)
			at.push(ms);
	}
	return { at, stepMs };
}
