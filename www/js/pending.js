/**
 * Presses whose answer has not come: each with its Idempotency-Key, kept for this tab, so that pressing again,
 * or a reload, asks about the same press and not for another pair.
 *
 * @typedef {import('./types.js').Press} Press
 */

const KEPT_AS = 'lastpair.presses';
/** A pair pressed for so long ago is nothing one still waits for; a purchase is to be known of. */
const LASTS_MS = { reserve: 2 * 60_000, buy: 30 * 60_000 };

/**
 * @param {Pick<Storage, 'getItem'|'setItem'>|null} storage  null when it is refused: then for as long as the page
 * @param {() => number} now @param {() => string} newKey
 */
export function makePending(storage, now, newKey) {
	/** @type {Press[]} */
	let presses = read();

	/** @returns {Press[]} */
	function read() {
		try {
			const kept = JSON.parse(storage?.getItem(KEPT_AS) ?? '[]');

			return Array.isArray(kept) ? kept.filter(isPress) : [];
		} catch {
			return [];
		}
	}

	/** @param {Press[]} next */
	function write(next) {
		presses = next.filter((press) => now() - press.at < LASTS_MS[press.kind]);
		try {
			storage?.setItem(KEPT_AS, JSON.stringify(presses));
		} catch {
			/* full or refused: the page still has them */
		}
	}

	return {
		/**
		 * The same press again has the same key. Another size of the same drop is another press, and takes
		 * the place of the one before.
		 * @param {Omit<Press, 'key'|'at'>} wanted @returns {Press}
		 */
		keep(wanted) {
			write(presses);
			const known = presses.find((press) => press.user === wanted.user && press.target === wanted.target);

			if (known)
				return known;
			const press = { ...wanted, key: newKey(), at: now() };

			write([...presses.filter((p) => p.user !== press.user || p.kind !== press.kind || p.dropId !== press.dropId ||
				p.hold !== press.hold), press]);
			return press;
		},
		/** Its answer has come. @param {Press} press */
		settle: (press) => write(presses.filter((p) => p.key !== press.key)),
		/** @param {number} user @returns {readonly Press[]} */
		unanswered(user) {
			write(presses);
			return presses.filter((press) => press.user === user);
		},
	};
}

/** @param {any} press @returns {press is Press} */
function isPress(press) {
	return typeof press?.key === 'string' && typeof press.target === 'string' && Number.isFinite(press.at) &&
		(press.kind === 'reserve' ? Number.isInteger(press.dropId) && typeof press.size === 'string'
			: press.kind === 'buy' && typeof press.hold === 'string');
}

/** This tab's own storage, when it may be used. @returns {Storage|null} */
export function tabStorage() {
	try {
		return sessionStorage;
	} catch {
		return null;
	}
}
