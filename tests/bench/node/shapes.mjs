/** What the API and the live updates show: the outside contract's JSON, made from rows. */

/** The stock of a drop, as `stock:update` carries it. */
export function stockOf(drop) {
	const counts = {
		totalStock: drop.totalStock,
		availableStock: drop.availableStock,
		reservedStock: drop.reservedStock,
		soldStock: drop.soldStock,
	};

	return { ...counts, sizes: [{ size: '', ...counts }], version: Number(drop.version) };
}

export function dropShape(drop, now) {
	return {
		id: drop.id,
		name: drop.name,
		description: drop.description,
		priceCents: Number(drop.priceCents),
		currency: drop.currency,
		imageUrl: drop.imageUrl,
		...stockOf(drop),
		dropStartsAt: drop.dropStartsAt,
		dropEndsAt: drop.dropEndsAt,
		isActive: drop.isActive,
		status: statusOf(drop, now),
		holdSeconds: drop.holdSeconds,
		maxPerUser: drop.maxPerUser,
		recentPurchasers: drop.recentPurchasers,
	};
}

function statusOf(drop, now) {
	if (drop.dropEndsAt && drop.dropEndsAt <= now)
		return 'ended';
	if (!drop.isActive)
		return 'paused';
	if (drop.dropStartsAt > now)
		return 'upcoming';
	return drop.soldStock === drop.totalStock ? 'sold_out' : 'live';
}

export function reservationShape({ id, dropId, status, createdAt, expiresAt }) {
	return { id, dropId, size: '', status, createdAt, expiresAt };
}

export function purchaseShape(p) {
	return {
		id: p.id,
		dropId: p.dropId,
		reservationId: p.reservationId,
		size: '',
		priceCents: Number(p.priceCents),
		currency: p.currency,
		purchasedAt: p.purchasedAt,
	};
}

export const userShape = ({ id, username, email, role }) => ({ id, username, email, role });
