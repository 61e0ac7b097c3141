/**
 * What the page knows, and how each message changes it. Pure: no clock, no network, no DOM. Every
 * function takes a state and gives the next one, or the very same object when nothing changed.
 *
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Drop} Drop
 * @typedef {import('./types.js').Stock} Stock
 * @typedef {import('./types.js').SizeStock} SizeStock
 * @typedef {import('./types.js').Buyer} Buyer
 * @typedef {import('./types.js').Reservation} Reservation
 * @typedef {import('./types.js').Purchase} Purchase
 * @typedef {import('./types.js').CardModel} CardModel
 */

const NEWEST_BUYERS = 3;
/** How late the news of a lapsed hold may be. */
const GRACE_MS = 3000;

/** @returns {State} */
export function initialState() {
	return {
		now: 0,
		route: { view: 'floor', status: 'all', size: '' },
		loaded: false,
		loadProblem: null,
		connection: 'connecting',
		drops: new Map(),
		missing: new Map(),
		user: undefined,
		reservations: [],
		purchases: [],
		picked: {},
		busy: new Set(),
		waits: {},
		dialog: null,
		toasts: [],
	};
}

/**
 * One event of the stream. Names it does not know change nothing.
 * @param {State} state @param {string} name @param {any} data @returns {State}
 */
export function withEvent(state, name, data) {
	switch (name) {
	case 'snapshot': return withSnapshot(state, data.drops);
	case 'stock:update': return withStock(state, data);
	case 'drop:created':
	case 'drop:updated': return withDrops(state, [data.drop]);
	case 'purchase:completed': return withBuyer(state, data);
	case 'reservation:expired': return withExpired(state, data.reservationId);
	case 'reservation:update': return withReservation(state, data.reservation);
	default: return state;
	}
}

/* ---- drops and stock ---- */

/**
 * Full drops, from an answer or an event; each may be older than what is known.
 * @param {State} state @param {readonly Drop[]} drops @returns {State}
 */
export function withDrops(state, drops) {
	const next = new Map(state.drops);
	const missing = new Map(state.missing);
	let changed = false;

	for (const drop of drops) {
		const known = next.get(drop.id);
		const merged = known ? mergeDrop(known, drop, state.now) : firstSight(drop, missing.get(drop.id), state.now);

		changed = missing.delete(drop.id) || changed;
		if (merged !== known) {
			next.set(drop.id, merged);
			changed = true;
		}
	}
	return changed ? { ...state, drops: next, missing } : state;
}

/**
 * A snapshot is the whole truth about stock at its moment: it replaces what was known, even by a
 * lower version (the server may have started again from an older state).
 * @param {State} state @param {readonly Stock[]} stocks @returns {State}
 */
export function withSnapshot(state, stocks) {
	const drops = new Map(state.drops);
	const missing = new Map(state.missing);

	for (const stock of stocks) {
		const known = drops.get(stock.dropId);

		if (known)
			drops.set(known.id, { ...known, ...figures(stock, stock.sizes), version: stock.version, movedAt: state.now });
		else
			missing.set(stock.dropId, stock);
	}
	return { ...state, drops, missing };
}

/**
 * Whether a snapshot tells of changes that the descriptions at hand may lack.
 * @param {State} state @param {readonly Stock[]} stocks
 */
export function isBehind(state, stocks) {
	return stocks.some((stock) => (state.drops.get(stock.dropId)?.version ?? Infinity) < stock.version);
}

/** @param {State} state @param {Stock} stock @returns {State} */
export function withStock(state, stock) {
	const known = state.drops.get(stock.dropId);

	if (!known) {
		return (state.missing.get(stock.dropId)?.version ?? -1) >= stock.version
			? state : { ...state, missing: new Map(state.missing).set(stock.dropId, stock) };
	}
	const merged = mergeStock(known, stock, state.now);

	return merged === known ? state : putDrop(state, merged);
}

/** @param {State} state @param {{dropId: number} & Buyer} sale @returns {State} */
export function withBuyer(state, { dropId, username, purchasedAt }) {
	const known = state.drops.get(dropId);

	if (!known) {
		return state.missing.has(dropId)
			? state : { ...state, missing: new Map(state.missing).set(dropId, null) };
	}
	const recentPurchasers = mergeBuyers(known.recentPurchasers, [{ username, purchasedAt }]);

	return sameBuyers(known.recentPurchasers, recentPurchasers)
		? state : putDrop(state, { ...known, recentPurchasers });
}

/**
 * Drops that were asked for and do not exist (any more) are not asked for again.
 * @param {State} state @param {readonly number[]} ids @returns {State}
 */
export function withoutMissing(state, ids) {
	const missing = new Map(state.missing);

	for (const id of ids)
		missing.delete(id);
	return { ...state, missing };
}

/** @param {State} state @param {Drop} drop @returns {State} */
function putDrop(state, drop) {
	return { ...state, drops: new Map(state.drops).set(drop.id, drop) };
}

/**
 * A drop's answer may come from a cache, and be older than what the stream had said meanwhile.
 * @param {Drop} drop @param {Stock|null|undefined} heard @param {number} now @returns {Drop}
 */
function firstSight(drop, heard, now) {
	const tidy = { ...drop, recentPurchasers: mergeBuyers([], drop.recentPurchasers ?? []), movedAt: now };

	return heard ? mergeStock(tidy, heard, now) : tidy;
}

/**
 * Stock, description and buyers each by its own rule, so that no part of an older answer undoes a
 * newer one.
 * @param {Drop} known @param {Drop} incoming @param {number} now @returns {Drop}
 */
function mergeDrop(known, incoming, now) {
	const stock = mergeStock(known, incoming, now);
	const buyers = mergeBuyers(known.recentPurchasers, incoming.recentPurchasers ?? []);
	const newer = known.revision !== undefined && incoming.revision !== undefined
		? incoming.revision > known.revision : incoming.version > known.version;

	if (stock === known && !newer && sameBuyers(known.recentPurchasers, buyers))
		return known;
	const { version, sizes, movedAt } = stock;

	return {
		...(newer ? incoming : known),
		...figures(stock, sizes),
		version,
		movedAt,
		recentPurchasers: buyers,
	};
}

/**
 * Size by size the newest version wins, because two sizes may move at once and their messages cross;
 * without versions a size, the drop's own decides for all.
 * @param {Drop} known
 * @param {Pick<Stock, 'version'|'totalStock'|'availableStock'|'reservedStock'|'soldStock'|'sizes'>} incoming
 * @param {number} now @returns {Drop}
 */
function mergeStock(known, incoming, now) {
	const versioned = incoming.sizes.length > 0 && known.sizes.length > 0 &&
		[...known.sizes, ...incoming.sizes].every((s) => s.version !== undefined);

	if (!versioned) {
		return incoming.version > known.version
			? { ...known, ...figures(incoming, incoming.sizes), version: incoming.version, movedAt: now } : known;
	}
	const sizes = mergeSizes(known.sizes, incoming.sizes);
	const version = Math.max(known.version, incoming.version);

	if (sizes === known.sizes)
		return version === known.version ? known : { ...known, version };
	return { ...known, ...figures(sum(sizes), sizes), version, movedAt: now };
}

/** @param {SizeStock[]} known @param {SizeStock[]} incoming @returns {SizeStock[]} */
function mergeSizes(known, incoming) {
	const bySize = new Map(known.map((s) => [s.size, s]));
	let changed = false;

	for (const s of incoming) {
		const old = bySize.get(s.size);

		if (!old || (s.version ?? 0) > (old.version ?? 0)) {
			bySize.set(s.size, s);
			changed = true;
		}
	}
	return changed ? [...bySize.values()] : known;
}

/** @param {readonly SizeStock[]} sizes */
function sum(sizes) {
	const total = { totalStock: 0, availableStock: 0, reservedStock: 0, soldStock: 0 };

	for (const s of sizes) {
		total.totalStock += s.totalStock;
		total.availableStock += s.availableStock;
		total.reservedStock += s.reservedStock;
		total.soldStock += s.soldStock;
	}
	return total;
}

/** A drop's stock, as an event tells it. @param {Drop} drop @returns {Stock} */
export function stockOf(drop) {
	return { dropId: drop.id, version: drop.version, ...figures(drop, drop.sizes) };
}

/**
 * @param {Pick<Stock, 'totalStock'|'availableStock'|'reservedStock'|'soldStock'>} from
 * @param {SizeStock[]} sizes
 */
function figures({ totalStock, availableStock, reservedStock, soldStock }, sizes) {
	return { totalStock, availableStock, reservedStock, soldStock, sizes };
}

/** @param {readonly Buyer[]} a @param {readonly Buyer[]} b @returns {Buyer[]} */
function mergeBuyers(a, b) {
	const seen = new Map();

	for (const buyer of [...a, ...b])
		seen.set(`${Date.parse(buyer.purchasedAt)} ${buyer.username}`, buyer);
	return [...seen.values()]
		.sort((x, y) => Date.parse(y.purchasedAt) - Date.parse(x.purchasedAt) ||
			x.username.localeCompare(y.username))
		.slice(0, NEWEST_BUYERS);
}

/** @param {readonly Buyer[]} a @param {readonly Buyer[]} b */
function sameBuyers(a, b) {
	return a.length === b.length && a.every((x, i) =>
		x.username === b[i]?.username && x.purchasedAt === b[i]?.purchasedAt);
}

/**
 * A drop's status at a moment of the server's clock: the first that holds.
 * @param {Drop} drop @param {number} now @returns {import('./types.js').DropStatus}
 */
export function statusOf(drop, now) {
	if (drop.dropEndsAt && Date.parse(drop.dropEndsAt) <= now)
		return 'ended';
	if (!drop.isActive)
		return 'paused';
	if (Date.parse(drop.dropStartsAt) > now)
		return 'upcoming';
	return drop.soldStock >= drop.totalStock ? 'sold_out' : 'live';
}

/**
 * What a size looks like to a buyer: free, last (one or two), held by others, or gone.
 * @param {SizeStock} size @returns {'free'|'last'|'held'|'gone'}
 */
export function sizeState(size) {
	if (size.availableStock > 2)
		return 'free';
	if (size.availableStock > 0)
		return 'last';
	return size.reservedStock > 0 ? 'held' : 'gone';
}

/* ---- the account's own ---- */

/**
 * Another account, or none, begins with nothing of the previous one's.
 * @param {State} state @param {import('./types.js').User|null} user @returns {State}
 */
export function withUser(state, user) {
	if (state.user === user || (user && state.user && user.id === state.user.id && user.role === state.user.role))
		return state;
	return { ...state, user, reservations: [], purchases: [] };
}

/**
 * The server's list of this account's holds; what is known to be over stays over.
 * @param {State} state @param {readonly Reservation[]} list @returns {State}
 */
export function withReservations(state, list) {
	return list.reduce((s, r) => withReservation(s, r), state);
}

/** @param {State} state @param {Reservation} incoming @returns {State} */
export function withReservation(state, incoming) {
	const known = state.reservations.find((r) => r.id === incoming.id);

	if (known && (known.status === incoming.status || known.status === 'completed' || incoming.status === 'active'))
		return state;
	const reservations = [incoming, ...state.reservations.filter((r) => r !== known)]
		.sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));

	return { ...state, reservations };
}

/** @param {State} state @param {string} id @returns {State} */
export function withExpired(state, id) {
	const known = state.reservations.find((r) => r.id === id);

	return known ? withReservation(state, { ...known, status: 'expired' }) : state;
}

/** @param {State} state @param {readonly Purchase[]} list @returns {State} */
export function withPurchases(state, list) {
	const byId = new Map([...list, ...state.purchases].map((p) => [p.id, p]));
	const purchases = [...byId.values()]
		.sort((a, b) => Date.parse(b.purchasedAt) - Date.parse(a.purchasedAt));

	return { ...state, purchases };
}

/**
 * A purchase just made, which also completes its hold.
 * @param {State} state @param {Purchase} purchase @returns {State}
 */
export function withPurchase(state, purchase) {
	const hold = state.reservations.find((r) => r.id === purchase.reservationId);
	const next = withPurchases(state, [purchase]);

	return hold ? withReservation(next, { ...hold, status: 'completed' }) : next;
}

/**
 * Holds that still run by the server's clock, the first to end first.
 * @param {Pick<State, 'reservations'>} state @param {number} now @returns {Reservation[]}
 */
export function holdsAt(state, now) {
	return state.reservations
		.filter((r) => r.status === 'active' && Date.parse(r.expiresAt) > now)
		.sort((a, b) => Date.parse(a.expiresAt) - Date.parse(b.expiresAt));
}

/**
 * Holds that have run out by the server's clock although nothing has said so yet.
 * @param {Pick<State, 'reservations'>} state @param {number} now @returns {Reservation[]}
 */
export function lapsedAt(state, now) {
	return state.reservations.filter((r) => r.status === 'active' && Date.parse(r.expiresAt) <= now);
}

/* ---- the page itself ---- */

/** @param {State} state @param {string} key @param {boolean} on @returns {State} */
export function withBusy(state, key, on) {
	if (state.busy.has(key) === on)
		return state;
	const busy = new Set(state.busy);

	if (on)
		busy.add(key);
	else
		busy.delete(key);
	return { ...state, busy };
}

/**
 * When what is busy will be asked again, by the server's clock; null: it is not waiting.
 * @param {State} state @param {string} key @param {number|null} at ms @returns {State}
 */
export function withWait(state, key, at) {
	if ((state.waits[key] ?? null) === at)
		return state;
	const { [key]: _, ...waits } = state.waits;

	return { ...state, waits: at === null ? waits : { ...waits, [key]: at } };
}

/** @param {State} state @param {number} dropId @param {string} size @returns {State} */
export function withPick(state, dropId, size) {
	return state.picked[dropId] === size ? state
		: { ...state, picked: { ...state.picked, [dropId]: size } };
}

/**
 * The size a press on Reserve would ask for: the only one there is, or the one chosen.
 * @param {State} state @param {Drop} drop @returns {string|null} null when one must be chosen first
 */
export function pickedSize(state, drop) {
	const only = drop.sizes.length === 1 ? drop.sizes[0] : undefined;
	const chosen = state.picked[drop.id];

	if (only)
		return only.size;
	return chosen !== undefined && drop.sizes.some((s) => s.size === chosen) ? chosen : null;
}

/**
 * All that the card of one drop shows at the state's moment.
 * @param {State} state @param {Drop} drop @returns {CardModel}
 */
export function cardOf(state, drop) {
	const status = statusOf(drop, state.now);
	const hold = state.reservations.find((r) => r.dropId === drop.id && r.status === 'active' &&
		Date.parse(r.expiresAt) > state.now) ?? null;
	const awaited = hold ? hold.expiresAt : status === 'upcoming' ? drop.dropStartsAt : null;

	return {
		drop,
		status,
		hold,
		owned: state.purchases.reduce((n, p) => n + (p.dropId === drop.id ? 1 : 0), 0),
		picked: pickedSize(state, drop),
		busy: state.busy.has(`reserve:${drop.id}`),
		again: Math.max(0, Math.ceil(((state.waits[`reserve:${drop.id}`] ?? 0) - state.now) / 1000)),
		admin: state.user?.role === 'admin',
		adminBusy: state.busy.has(`admin:${drop.id}`),
		seconds: awaited ? Math.ceil((Date.parse(awaited) - state.now) / 1000) : 0,
		overdue: state.now - (drop.movedAt ?? state.now) > drop.holdSeconds * 1000 + GRACE_MS,
		moment: drop.recentPurchasers.length ? Math.floor(state.now / 10000) : 0,
	};
}

const DAY_MS = 86_400_000;

/**
 * Until when a card stays as it is by itself: only an event changes it before.
 * @param {CardModel} model @param {number} now @returns {number} ms
 */
export function settledUntil({ drop, status, hold, again, overdue, moment }, now) {
	const moments = [Infinity];

	if (hold || again)
		moments.push(now + 250);
	if (status === 'upcoming')
		moments.push(nextSecond(Date.parse(drop.dropStartsAt), now));
	if (drop.dropEndsAt && status !== 'ended')
		moments.push(Date.parse(drop.dropEndsAt));
	if (status === 'live' && !overdue)
		moments.push((drop.movedAt ?? now) + drop.holdSeconds * 1000 + GRACE_MS + 1);
	if (moment)
		moments.push((moment + 1) * 10_000);
	return Math.min(...moments);
}

/** When a countdown changes next; one of days is not counted by the second. @param {number} target @param {number} now */
function nextSecond(target, now) {
	const left = target - now;

	if (left > DAY_MS + 60_000)
		return now + 30_000;
	return target - (Math.ceil(left / 1000) - 1) * 1000;
}

/** @type {Record<import('./types.js').DropStatus, number>} */
const RANK = { live: 0, paused: 1, upcoming: 2, sold_out: 3, ended: 4 };

/** About to open is as good as open. */
const SOON_MS = 10_000;

/**
 * Where a drop belongs on the floor: what can be bought, then what comes next, then what is gone.
 * @param {Drop} drop @param {number} now @returns {[number, number, number]} compared in turn, ascending
 */
export function floorPlace(drop, now) {
	const status = statusOf(drop, now + SOON_MS);
	const start = Date.parse(drop.dropStartsAt);

	return [RANK[status], status === 'upcoming' ? start : -start, -drop.id];
}

/* ---- which drops are shown ---- */

/** The group a drop belongs to. @param {Drop} drop @param {number} now @returns {'live'|'upcoming'|'past'} */
export function groupOf(drop, now) {
	const status = statusOf(drop, now);

	if (status === 'upcoming')
		return 'upcoming';
	return status === 'live' || status === 'paused' ? 'live' : 'past';
}

/** `EU 43` and `43` are the same to those who look for theirs. @param {string} size */
export function sizeKey(size) {
	return size.replace(/^EU\s+/i, '');
}

/**
 * @param {Drop} drop @param {{status: string, size: string}} filter @param {number} now
 */
export function fitsFilter(drop, { status, size }, now) {
	return (status === 'all' || groupOf(drop, now) === status) &&
		(size === '' || drop.sizes.some((s) => sizeKey(s.size) === sizeKey(size)));
}

/** Every size there is, in the order people look for them. @param {Iterable<Drop>} drops @returns {string[]} */
export function sizesOf(drops) {
	const keys = new Set();

	for (const drop of drops) {
		for (const { size } of drop.sizes)
			keys.add(sizeKey(size));
	}
	keys.delete('');
	return [...keys].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** So long the drop one waited for stays in sight once it is open. */
const LINGERS_MS = 5 * 60_000;

/**
 * The drop to watch: the next to open, else the freshest live one. The one that was waited for stays a while.
 * @param {Iterable<Drop>} drops @param {number} now @param {number|null} [kept]  the id shown until now
 * @returns {Drop|null}
 */
export function heroOf(drops, now, kept = null) {
	/** @type {Drop|null} */
	let next = null;
	/** @type {Drop|null} */
	let fresh = null;

	for (const drop of drops) {
		const status = statusOf(drop, now);
		const start = Date.parse(drop.dropStartsAt);

		if (drop.id === kept && status === 'live' && drop.availableStock > 0 && now - start < LINGERS_MS)
			return drop;
		if (status === 'upcoming' && (!next || start < Date.parse(next.dropStartsAt)))
			next = drop;
		if (status === 'live' && (!fresh || start > Date.parse(fresh.dropStartsAt)))
			fresh = drop;
	}
	return next ?? fresh;
}

/* ---- holds ---- */

/** From when on a hold is urgent, ms before its end; each is announced once. */
export const SOON_LEFT_MS = 20_000;
export const LAST_LEFT_MS = 5_000;

/** @param {number} leftMs @returns {'calm'|'soon'|'last'} */
export function urgencyOf(leftMs) {
	if (leftMs > SOON_LEFT_MS)
		return 'calm';
	return leftMs > LAST_LEFT_MS ? 'soon' : 'last';
}
