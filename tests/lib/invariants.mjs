/**
 * What must be true after whatever was broken: the log of a load (load.mjs) against what the database holds and what
 * the readers were told. Pure, so that tests can show of each of these that it can fail.
 */

/**
 * A change that the load asked for until it had an answer.
 * @typedef {object} Entry
 * @property {'reserve'|'purchase'|'release'|'restock'} kind
 * @property {string} user
 * @property {number} dropId
 * @property {string} size
 * @property {string} key  '' for a release, which has none
 * @property {number} status  of the answer that settled it; 0: none ever came
 * @property {string} code    of a refusal
 * @property {boolean} unsure  an attempt before that had no answer, or a 5xx
 * @property {string} [reservationId]  reserved, bought or given back
 * @property {string} [purchaseId]
 * @property {number} [quantity]  restocked
 * @property {number} [heldUntil]  of a reserve that was refused: the end of the hold that the user had of this drop, 0 where there was none
 * @property {number} [asked]  when the last attempt was sent
 *
 * @typedef {{dropId: number, size: string, total: number, available: number, reserved: number, sold: number, version: number}} StockRow
 * @typedef {{id: string, dropId: number, size: string, user: string, status: string, createdAt: number, expiresAt: number, closedAt: number|null}} HoldRow
 * @typedef {{id: string, reservationId: string, dropId: number, size: string, user: string, purchasedAt: number}} SaleRow
 * @typedef {{user: string, key: string, status: number, reservationId: string|null, purchaseId: string|null}} KeyRow
 * @typedef {{id: number, sizes: Record<string, number>, plenty: boolean}} LoadDrop  as it was made
 *
 * @typedef {object} Evidence
 * @property {Entry[]} log
 * @property {LoadDrop[]} drops
 * @property {StockRow[]} stock
 * @property {HoldRow[]} holds
 * @property {SaleRow[]} sales
 * @property {KeyRow[]} keys
 * @property {Pick<import('./reader.mjs').Reader, 'name'|'told'|'known'>[]} readers
 */

/** Every breach, in words; none is what is wanted. @param {Evidence} e @returns {string[]} */
export function breaches(e) {
	return [...stockIsSound(e), ...holdsAreSound(e), ...salesAreSound(e), ...answersAreThere(e), ...nothingElseIs(e),
		...refusalsAreTrue(e), ...versionsRise(e), ...readersAgree(e)];
}

const acknowledged = (/** @type {Entry} */ a) => a.status >= 200 && a.status < 300;
const place = (/** @type {{dropId: number, size: string}} */ x) => `${x.dropId}/${x.size}`;

/** @template T @param {T[]} list @param {(item: T) => string} by @returns {Map<string, T[]>} */
function grouped(list, by) {
	const groups = new Map();

	for (const item of list) {
		const name = by(item);
		const group = groups.get(name);

		if (group)
			group.push(item);
		else
			groups.set(name, [item]);
	}
	return groups;
}

/** Conserved by size, held = active holds, sold = purchases, all that was restocked there once. @param {Evidence} e */
function stockIsSound({ stock, holds, sales, log, drops }) {
	const held = grouped(holds.filter((h) => h.status === 'active'), place);
	const sold = grouped(sales, place);
	const added = grouped(log.filter((a) => a.kind === 'restock' && acknowledged(a)), place);
	const out = [];

	for (const s of stock) {
		const where = `stock ${place(s)}`;
		const total = (drops.find((d) => d.id === s.dropId)?.sizes[s.size] ?? 0) +
			(added.get(place(s)) ?? []).reduce((sum, a) => sum + (a.quantity ?? 0), 0);

		if (s.available + s.reserved + s.sold !== s.total || Math.min(s.available, s.reserved, s.sold) < 0)
			out.push(`${where}: not conserved: ${s.available} + ${s.reserved} + ${s.sold} of ${s.total}`);
		if (s.total !== total)
			out.push(`${where}: there are ${s.total} pairs; made and restocked were ${total}`);
		if (s.reserved !== (held.get(place(s))?.length ?? 0))
			out.push(`${where}: ${s.reserved} are held, and ${held.get(place(s))?.length ?? 0} holds are active`);
		if (s.sold !== (sold.get(place(s))?.length ?? 0))
			out.push(`${where}: ${s.sold} are sold, and there are ${sold.get(place(s))?.length ?? 0} purchases`);
	}
	if (stock.length !== drops.reduce((n, d) => n + Object.keys(d.sizes).length, 0))
		out.push(`stock: ${stock.length} sizes are there`);
	return out;
}

/** When a hold no longer kept a pair from anybody. @param {HoldRow} h */
const endOf = (h) => Math.min(h.closedAt ?? Infinity, h.expiresAt);

/** At most one at a time a user and drop, now and at any moment before. @param {Evidence} e */
function holdsAreSound({ holds }) {
	const out = [];

	for (const [who, all] of grouped(holds, (h) => `${h.user} of drop ${h.dropId}`)) {
		const active = all.filter((h) => h.status === 'active');

		if (active.length > 1)
			out.push(`${who}: ${active.length} active holds`);
		all.sort((a, b) => a.createdAt - b.createdAt);
		for (const [i, h] of all.entries()) {
			const before = all[i - 1];

			if (before && endOf(before) > h.createdAt)
				out.push(`${who}: hold ${h.id} begins ${endOf(before) - h.createdAt} ms before ${before.id} is over`);
		}
	}
	for (const h of holds)
		if (h.status === 'expired' && (h.closedAt ?? 0) < h.expiresAt)
			out.push(`hold ${h.id}: expired ${h.expiresAt - (h.closedAt ?? 0)} ms before its time`);
	return out;
}

/** One purchase a hold, and none of a hold that was over. @param {Evidence} e */
function salesAreSound({ holds, sales }) {
	const byId = new Map(holds.map((h) => [h.id, h]));
	const out = [];

	for (const [id, all] of grouped(sales, (s) => s.reservationId))
		if (all.length > 1)
			out.push(`hold ${id}: bought ${all.length} times`);
	for (const s of sales) {
		const hold = byId.get(s.reservationId);

		if (!hold || hold.user !== s.user || place(hold) !== place(s) || hold.status !== 'completed')
			out.push(`purchase ${s.id}: its hold is ${hold ? `${hold.status}, of ${hold.user}, ${place(hold)}` : 'missing'}`);
		else if (s.purchasedAt >= hold.expiresAt)
			out.push(`purchase ${s.id}: bought ${s.purchasedAt - hold.expiresAt} ms after its hold lapsed`);
	}
	return out;
}

/** Whatever was acknowledged is there once, as it was told, and so is its key. @param {Evidence} e */
function answersAreThere({ log, holds, sales, keys }) {
	const hold = new Map(holds.map((h) => [h.id, h]));
	const sale = grouped(sales, (s) => s.id);
	const key = grouped(keys, (k) => `${k.user} ${k.key}`);
	const out = [];

	for (const a of log) {
		const what = `${a.kind} by ${a.user} of ${place(a)}`;
		const kept = key.get(`${a.user} ${a.key}`) ?? [];

		if (a.status === 0 || a.status >= 500)
			out.push(`${what}: never settled (${a.status} ${a.code})`);
		if (!acknowledged(a)) {
			if (a.key && kept.length)
				out.push(`${what}: refused as ${a.code}, and its key is kept`);
			continue;
		}
		const h = hold.get(a.reservationId ?? '');

		if (a.key && kept.length !== 1)
			out.push(`${what}: acknowledged, and its key is there ${kept.length} times`);
		if (a.kind === 'reserve') {
			if (!h || h.user !== a.user || place(h) !== place(a))
				out.push(`${what}: acknowledged as ${a.reservationId}, which is ${h ? `${h.user}'s, ${place(h)}` : 'missing'}`);
			if (kept[0] && kept[0].reservationId !== a.reservationId)
				out.push(`${what}: acknowledged as ${a.reservationId}, and the key is kept for ${kept[0].reservationId}`);
		} else if (a.kind === 'purchase') {
			const s = sale.get(a.purchaseId ?? '') ?? [];

			if (s.length !== 1 || s[0]?.reservationId !== a.reservationId || s[0]?.user !== a.user)
				out.push(`${what}: acknowledged as ${a.purchaseId}, which is there ${s.length} times`);
			if (kept[0] && kept[0].purchaseId !== a.purchaseId)
				out.push(`${what}: acknowledged as ${a.purchaseId}, and the key is kept for ${kept[0].purchaseId}`);
		} else if (a.kind === 'release' && h?.status !== 'released') {
			out.push(`${what}: acknowledged, and hold ${a.reservationId} is ${h?.status ?? 'missing'}`);
		}
	}
	return out;
}

/** Nothing that nobody was told of: each user asks until there is an answer. @param {Evidence} e */
function nothingElseIs({ log, holds, sales }) {
	const done = log.filter(acknowledged);
	const reserved = grouped(done.filter((a) => a.kind === 'reserve'), (a) => a.reservationId ?? '');
	const bought = new Set(done.filter((a) => a.kind === 'purchase').map((a) => a.purchaseId));
	/* a release whose answer was lost finds its hold given back, and is told that it is not active */
	const released = new Set(log.filter((a) => a.kind === 'release' && (acknowledged(a) || a.unsure)).map((a) => a.reservationId));
	const out = [];

	for (const [id, all] of reserved)
		if (all.length > 1)
			out.push(`hold ${id}: given to ${all.length} reserves`);
	for (const h of holds) {
		if (!reserved.has(h.id))
			out.push(`hold ${h.id} of ${h.user}: nobody was told of it`);
		if (h.status === 'released' && !released.has(h.id))
			out.push(`hold ${h.id} of ${h.user}: released, and nobody asked for it`);
	}
	for (const s of sales)
		if (!bought.has(s.id))
			out.push(`purchase ${s.id} of ${s.user}: nobody was told of it`);
	return out;
}

/** No `sold_out` where there is plenty, and no `already_reserved` for who holds nothing. @param {Evidence} e */
function refusalsAreTrue({ log, drops }) {
	const plenty = new Set(drops.filter((d) => d.plenty).map((d) => d.id));
	const out = [];

	for (const a of log) {
		if (a.kind !== 'reserve' || acknowledged(a))
			continue;
		if (a.code === 'sold_out' && plenty.has(a.dropId))
			out.push(`reserve by ${a.user} of ${place(a)}: told "sold out" where there is plenty`);
		if (a.code === 'already_reserved' && (a.heldUntil ?? 0) < (a.asked ?? 0))
			out.push(`reserve by ${a.user} of ${place(a)}: told "already reserved" ${a.heldUntil ? 'after its hold was over' : 'without a hold'}`);
	}
	return out;
}

/** For each reader and drop, as long as an epoch lasts. @param {Evidence} e */
function versionsRise({ readers }) {
	const out = [];

	for (const reader of readers) {
		/** @type {Map<number, import('./reader.mjs').Told>} */
		const last = new Map();

		for (const told of reader.told) {
			const before = last.get(told.dropId);
			const wrong = before && before.epoch === told.epoch &&
				(told.event === 'snapshot' ? told.version < before.version : told.version <= before.version);

			if (wrong)
				out.push(`reader ${reader.name}: drop ${told.dropId}: version ${told.version} (${told.event}) after ${before.version}`);
			last.set(told.dropId, told);
		}
	}
	return out;
}

/** Each shows the stock that the database holds. @param {Pick<Evidence, 'readers'|'stock'|'drops'>} e @returns {string[]} */
export function readersAgree({ readers, stock, drops }) {
	const byDrop = grouped(stock, (s) => String(s.dropId));
	const out = [];

	for (const drop of drops) {
		const rows = byDrop.get(String(drop.id)) ?? [];
		const version = rows.reduce((sum, s) => sum + s.version, 0);
		const is = shown(rows.map((s) => [s.size, s.total, s.available, s.reserved, s.sold]));

		for (const reader of readers) {
			const known = reader.known.get(drop.id);
			const shows = shown((known?.sizes ?? []).map((s) => [s.size, s.totalStock, s.availableStock, s.reservedStock, s.soldStock]));

			if (known?.version !== version || shows !== is)
				out.push(`reader ${reader.name}: drop ${drop.id}: shows ${shows} (version ${known?.version}); the database has ${is} (${version})`);
		}
	}
	return out;
}

/** @param {(string|number)[][]} sizes */
const shown = (sizes) => sizes.map((s) => s.join(':')).sort().join(' ');
