/**
 * Holds: made, bought, given back, lapsed. Whoever changes a drop's stock locks the drop's row first, so that
 * there is one lock order, and tells everybody once it is committed.
 */
import { randomUUID } from 'node:crypto';
import express from 'express';
import { Op, UniqueConstraintError } from 'sequelize';
import { idOf } from './drops.mjs';
import { Refusal } from './problem.mjs';
import { dropShape, purchaseShape, reservationShape } from './shapes.mjs';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Makes the calls on a store. @param {any} store @param {ReturnType<import('./live.mjs').openLive>} live */
export function openReservations({ sequelize, User, Drop, Reservation, Purchase }, live) {
	/** The drop, locked to the end of the transaction. */
	const lockDrop = (id, transaction) => Drop.findByPk(id, { transaction, lock: transaction.LOCK.UPDATE, raw: true });

	/** Writes counts of a locked drop, which are known exactly; `drop` then has them too. */
	async function changeStock(drop, counts, transaction) {
		const values = { ...counts, version: Number(drop.version) + 1 };

		await Drop.update(values, { where: { id: drop.id }, transaction, hooks: false, validate: false });
		Object.assign(drop, values);
	}

	function refuseUnlessOpen(drop, now) {
		if (!drop)
			throw new Refusal('not_found');
		if (drop.dropEndsAt && drop.dropEndsAt <= now)
			throw new Refusal('ended');
		if (!drop.isActive)
			throw new Refusal('paused');
		if (drop.dropStartsAt > now)
			throw new Refusal('not_started');
	}

	/** One transaction: lock, look, insert, count. That a user has one active hold is the unique index's to say. */
	async function reserve(dropId, userId) {
		const answer = await sequelize.transaction(async (transaction) => {
			const drop = await lockDrop(dropId, transaction);
			const now = new Date();

			refuseUnlessOpen(drop, now);
			const bought = await Purchase.count({ where: { userId, dropId }, transaction });

			if (bought >= drop.maxPerUser)
				throw new Refusal('limit_reached');
			if (drop.availableStock === 0)
				throw new Refusal('sold_out');
			const reservation = {
				id: randomUUID(), dropId, userId, status: 'active', createdAt: now,
				expiresAt: new Date(now.getTime() + drop.holdSeconds * 1000),
			};

			await Reservation.create(reservation, { transaction, returning: false, hooks: false, validate: false });
			await changeStock(drop, { availableStock: drop.availableStock - 1, reservedStock: drop.reservedStock + 1 }, transaction);
			return { reservation, drop };
		}).catch((error) => {
			if (error instanceof UniqueConstraintError)
				throw new Refusal('already_reserved');
			throw error;
		});

		live.stock(answer.drop);
		return answer;
	}

	/** The caller's own hold, not locked. */
	async function ownHold(id, userId) {
		const hold = UUID.test(id) ? await Reservation.findOne({ where: { id, userId }, raw: true }) : null;

		if (!hold)
			throw new Refusal('not_found');
		return hold;
	}

	const purchaseOf = (reservationId) => Purchase.findOne({ where: { reservationId }, raw: true });

	/** Ends an active hold behind the drop's lock, or says why not. @returns {Promise<any>} the drop */
	async function closeHold(hold, status, now, transaction) {
		const drop = await lockDrop(hold.dropId, transaction);
		const [closed] = await Reservation.update({ status }, {
			where: { id: hold.id, status: 'active', expiresAt: { [Op.gt]: now } }, transaction, hooks: false, validate: false,
		});

		if (closed === 0) {
			const { status: is } = await Reservation.findByPk(hold.id, { transaction, raw: true });

			throw new Refusal(status === 'completed' && (is === 'active' || is === 'expired') ? 'reservation_expired' : 'not_active');
		}
		hold.status = status;
		return drop;
	}

	async function release(id, userId) {
		const hold = await ownHold(id, userId);
		const drop = await sequelize.transaction(async (transaction) => {
			const locked = await closeHold(hold, 'released', new Date(), transaction);

			await changeStock(locked, {
				availableStock: locked.availableStock + 1, reservedStock: locked.reservedStock - 1,
			}, transaction);
			return locked;
		});

		live.stock(drop);
		return hold;
	}

	/** @returns {Promise<{purchase: any, isNew: boolean}>} the same purchase when asked again */
	async function purchase(id, userId) {
		const hold = await ownHold(id, userId);

		if (hold.status === 'completed')
			return { purchase: await purchaseOf(id), isNew: false };
		const { username } = await User.findByPk(userId, { attributes: ['username'], raw: true });
		const now = new Date();
		const made = await sequelize.transaction(async (transaction) => {
			const drop = await closeHold(hold, 'completed', now, transaction);
			const bought = {
				id: randomUUID(), reservationId: id, dropId: drop.id, userId,
				priceCents: drop.priceCents, currency: drop.currency, purchasedAt: now,
			};

			await Purchase.create(bought, { transaction, returning: false, hooks: false, validate: false });
			await changeStock(drop, {
				reservedStock: drop.reservedStock - 1, soldStock: drop.soldStock + 1,
				recentPurchasers: [{ username, purchasedAt: now }, ...drop.recentPurchasers].slice(0, 3),
			}, transaction);
			return { drop, purchase: bought };
		}).catch(async (error) => {
			const earlier = error instanceof Refusal && await purchaseOf(id);	/* by the same call, at the same time */

			if (!earlier)
				throw error;
			return { purchase: earlier };
		});

		if (!made.drop)
			return { purchase: made.purchase, isNew: false };
		live.stock(made.drop);
		live.purchase({ dropId: made.drop.id, username, purchasedAt: now });
		return { purchase: made.purchase, isNew: true };
	}

	/** Puts lapsed holds back, drop by drop. */
	async function expire() {
		const due = { status: 'active', expiresAt: { [Op.lte]: new Date() } };
		const drops = await Reservation.findAll({ attributes: ['dropId'], where: due, group: ['dropId'], raw: true });

		for (const { dropId } of drops) {
			const { drop, lapsed } = await sequelize.transaction(async (transaction) => {
				const locked = await lockDrop(dropId, transaction);
				const [, rows] = await Reservation.update({ status: 'expired' }, {
					where: { ...due, dropId }, transaction, returning: ['id', 'user_id'], hooks: false, validate: false,
				});

				await changeStock(locked, {
					availableStock: locked.availableStock + rows.length, reservedStock: locked.reservedStock - rows.length,
				}, transaction);
				return { drop: locked, lapsed: rows };
			});

			live.stock(drop);
			for (const { id, userId } of lapsed)
				live.expired(userId, { reservationId: id, dropId });
		}
	}

	return { reserve, release, purchase, expire };
}

/** @param {ReturnType<typeof openReservations>} calls @param {ReturnType<import('./token.mjs').openTokens>} tokens */
export function reservationRoutes(calls, tokens) {
	const routes = express.Router();

	routes.post('/drops/:id/reservations', tokens.signedIn, async (req, res) => {
		const size = req.body?.size;

		if (size !== undefined && typeof size !== 'string')
			throw new Refusal('invalid', ['size']);
		if (size)
			throw new Refusal('unknown_size');
		const { reservation, drop } = await calls.reserve(idOf(req.params.id), req.user.id);
		const now = reservation.createdAt;

		res.status(201).location(`/api/reservations/${reservation.id}`).json({
			reservation: reservationShape(reservation), drop: dropShape(drop, now), serverTime: now,
		});
	});

	routes.delete('/reservations/:id', tokens.signedIn, async (req, res) => {
		res.json({ reservation: reservationShape(await calls.release(req.params.id, req.user.id)) });
	});

	routes.post('/reservations/:id/purchase', tokens.signedIn, async (req, res) => {
		const { purchase, isNew } = await calls.purchase(req.params.id, req.user.id);

		res.status(isNew ? 201 : 200).json({ purchase: purchaseShape(purchase) });
	});

	return routes;
}
