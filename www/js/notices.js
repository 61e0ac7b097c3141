/**
 * What the page says by itself because the stock moved: a pair that came back while one looked at its size, and,
 * for those who listen instead of looking, the stock of the drop in view. Pure, but for the announcer's pace.
 *
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Drop} Drop
 */

import { holdsAt, LAST_LEFT_MS, SOON_LEFT_MS, statusOf } from './state.js';

/**
 * Sizes that were sold out, are looked at, and are free again. Looked at is the drop in a view of its own (the size
 * chosen there, or all while none is), and anywhere a size that was chosen or asked for.
 * @param {State} before @param {State} after @returns {{dropId: number, size: string, available: number}[]}
 */
export function cameBack(before, after) {
	if (before.drops === after.drops)
		return [];
	const inView = after.route.view === 'drop' ? after.route.dropId : 0;
	const watched = new Set([inView, ...Object.keys(after.picked).map(Number)]);

	return [...watched].flatMap((id) => {
		const [was, is] = [before.drops.get(id), after.drops.get(id)];

		if (!was || !is || was === is || statusOf(is, after.now) !== 'live' || isHolding(before, id) || isHolding(after, id))
			return [];
		const back = is.sizes.filter((s) => s.availableStock > 0 && isLookedAt(after, was, s.size, inView) &&
			was.sizes.some((old) => old.size === s.size && old.availableStock === 0));

		return back.map((s) => ({ dropId: id, size: s.size, available: s.availableStock }));
	});
}

/** @param {State} state @param {Drop} was @param {string} size @param {number} inView */
function isLookedAt({ picked }, was, size, inView) {
	const chosen = picked[was.id];

	if (chosen !== undefined)
		return chosen === size;
	return was.id === inView && was.availableStock === 0;
}

/** @param {State} state @param {number} dropId */
function isHolding({ reservations }, dropId) {
	return reservations.some((r) => r.dropId === dropId && r.status === 'active');
}

/* ---- the announcer ---- */

const PACE_MS = 4000;

/**
 * Speaks of the drop in view and of those held, not of others; of stock at most every four seconds, the last word of
 * that time; of a hold's last twenty and five seconds once each, with nothing in the way.
 * @param {(words: string) => void} speak
 * @param {{stock: (drop: Drop) => string, open: (drop: Drop) => string, left: (seconds: number, hold: import('./types.js').Reservation) => string}} words
 */
export function makeAnnouncer(speak, words) {
	/** @type {Map<number, string>} */
	const waiting = new Map();
	let spokeAt = -Infinity;
	let before = 0;

	/** @param {string} sentence @param {number} at */
	function say(sentence, at) {
		spokeAt = at;
		speak(sentence);
	}

	/** @param {State} was @param {State} state */
	function noteStock(was, state) {
		for (const id of spokenOf(state)) {
			const [old, drop] = [was.drops.get(id), state.drops.get(id)];

			if (!old || !drop)
				continue;
			if (statusOf(old, was.now) === 'upcoming' && statusOf(drop, state.now) === 'live')
				waiting.set(id, words.open(drop));
			else if (old.availableStock !== drop.availableStock || old.soldStock !== drop.soldStock)
				waiting.set(id, words.stock(drop));
		}
		for (const id of waiting.keys()) {
			if (!spokenOf(state).has(id))
				waiting.delete(id);
		}
	}

	return {
		/** After each change of the state. @param {State} was @param {State} state */
		heed(was, state) {
			const { now } = state;
			const due = [];
			let soon = false;

			noteStock(was, state);
			for (const hold of holdsAt(state, now)) {
				const left = Date.parse(hold.expiresAt) - now;
				const leftBefore = before ? Date.parse(hold.expiresAt) - before : left;

				for (const limit of [SOON_LEFT_MS, LAST_LEFT_MS]) {
					if (leftBefore > limit && left <= limit)
						due.push(words.left(limit / 1000, hold));
					soon ||= left > limit && left <= limit + PACE_MS;
				}
			}
			if (due.length)
				say(due.join(' '), now);
			if (waiting.size && !soon && now - spokeAt >= PACE_MS) {
				const sentence = [...waiting.values()].join(' ');

				waiting.clear();
				say(sentence, now);
			}
			before = now;
		},
	};
}

/** @param {State} state @returns {Set<number>} */
function spokenOf(state) {
	const ids = new Set(holdsAt(state, state.now).map((hold) => hold.dropId));

	if (state.route.view === 'drop')
		ids.add(state.route.dropId);
	return ids;
}
