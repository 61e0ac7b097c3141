/** Drops: listed, looked at, made. */
import express from 'express';
import { Op } from 'sequelize';
import { Refusal } from './problem.mjs';
import { dropShape } from './shapes.mjs';
import { adminOnly } from './token.mjs';

const MOST = 100;	/* a page of the listing, and what it has when nothing is said */
const DEFAULT_PAGE = 50;

/** A number that a path names, or nothing there. @param {string} text */
export function idOf(text) {
	if (!/^[1-9]\d{0,8}$/.test(text))
		throw new Refusal('not_found');
	return Number(text);
}

/** @param {{Drop: any}} store @param {ReturnType<import('./token.mjs').openTokens>} tokens */
export function dropRoutes({ Drop }, tokens) {
	const routes = express.Router();

	routes.get('/', async (req, res) => {
		const limit = whole(req.query.limit ?? String(DEFAULT_PAGE), 1, MOST);
		const cursor = req.query.cursor === undefined ? undefined : whole(req.query.cursor, 1, 1e9);

		if (limit === undefined || (req.query.cursor !== undefined && cursor === undefined))
			throw new Refusal('invalid', ['limit', 'cursor']);
		const drops = await Drop.findAll({
			where: cursor ? { id: { [Op.lt]: cursor } } : {}, order: [['id', 'DESC']], limit: limit + 1, raw: true,
		});
		const more = drops.length > limit;
		const now = new Date();

		res.json({
			drops: drops.slice(0, limit).map((drop) => dropShape(drop, now)),
			nextCursor: more ? String(drops[limit - 1].id) : null,
			serverTime: now,
		});
	});

	routes.get('/:id', async (req, res) => {
		const drop = await Drop.findByPk(idOf(req.params.id), { raw: true });
		const now = new Date();

		if (!drop)
			throw new Refusal('not_found');
		res.json({ drop: dropShape(drop, now), serverTime: now });
	});

	routes.post('/', tokens.signedIn, adminOnly, async (req, res) => {
		const made = await Drop.create(newDrop(req.body ?? {}));
		const drop = await Drop.findByPk(made.id, { raw: true });

		res.status(201).location(`/api/drops/${drop.id}`).json({ drop: dropShape(drop, new Date()) });
	});

	return routes;
}

/** @param {unknown} value @param {number} min @param {number} max */
function whole(value, min, max) {
	const n = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;

	return typeof n === 'number' && Number.isInteger(n) && n >= min && n <= max ? n : undefined;
}

/** The row that a body asks for; a drop has one size here. */
function newDrop(body) {
	const wrong = [];
	const take = (field, value) => {
		if (value === undefined)
			wrong.push(field);
		return value;
	};
	const text = (field, max, otherwise) => {
		const value = body[field] ?? otherwise;

		return take(field, typeof value === 'string' && value.length <= max ? value : undefined);
	};
	const number = (field, min, max, otherwise) => take(field, whole(body[field] ?? otherwise, min, max));
	const time = (field, otherwise) => {
		const value = body[field] === undefined ? otherwise : new Date(body[field]);

		return take(field, value === null || !Number.isNaN(value.getTime()) ? value : undefined);
	};
	const totalStock = number('totalStock', 1, 1_000_000);
	const row = {
		name: text('name', 120),
		description: text('description', 2000, ''),
		priceCents: number('priceCents', 0, 1e11),
		currency: text('currency', 3, 'USD'),
		imageUrl: text('imageUrl', 500, ''),
		totalStock,
		availableStock: totalStock,
		reservedStock: 0,
		soldStock: 0,
		version: 1,
		dropStartsAt: time('dropStartsAt', new Date()),
		dropEndsAt: time('dropEndsAt', null),
		holdSeconds: number('holdSeconds', 1, 86400, 60),
		maxPerUser: number('maxPerUser', 1, 1000, 1),
		isActive: body.isActive ?? true,
		recentPurchasers: [],
	};

	if (typeof row.isActive !== 'boolean')
		wrong.push('isActive');
	if (wrong.length)
		throw new Refusal('invalid', wrong);
	return row;
}
