/** The contract's shapes, exactly: every field there, of its type, and no other. */
import assert from 'node:assert/strict';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** @typedef {(value: any) => boolean} Is */
const whole = (/** @type {any} */ v) => Number.isSafeInteger(v);
const count = (/** @type {any} */ v) => whole(v) && v >= 0;
const positive = (/** @type {any} */ v) => whole(v) && v > 0;
const text = (/** @type {any} */ v) => typeof v === 'string';
const yesno = (/** @type {any} */ v) => typeof v === 'boolean';
const uuid = (/** @type {any} */ v) => text(v) && UUID.test(v);
const orNull = (/** @type {Is} */ is) => (/** @type {any} */ v) => v === null || is(v);
const oneOf = (/** @type {any[]} */ ...all) => (/** @type {any} */ v) => all.includes(v);

export const isTime = (/** @type {any} */ v) => text(v) && TIME.test(v) && !Number.isNaN(Date.parse(v));

/** @param {any} value @param {Record<string, Is>} fields @param {string} what */
export function assertShape(value, fields, what) {
	assert.ok(value !== null && typeof value === 'object' && !Array.isArray(value), `${what} is an object: ${JSON.stringify(value)}`);
	assert.deepEqual(Object.keys(value).sort(), Object.keys(fields).sort(), `the fields of ${what}`);
	for (const [name, is] of Object.entries(fields))
		assert.ok(is(value[name]), `${what}.${name} is ${JSON.stringify(value[name])}`);
}

/** @param {any} user */
export function assertUser(user) {
	assertShape(user, { id: positive, username: text, email: text, role: oneOf('user', 'admin') }, 'user');
}

const STOCK = { totalStock: count, availableStock: count, reservedStock: count, soldStock: count };

/** @param {any} stock @param {string} what */
function assertCounts(stock, what) {
	assert.equal(stock.availableStock + stock.reservedStock + stock.soldStock, stock.totalStock, `${what}: stock is conserved`);
}

/** @param {any[]} sizes @param {any} whole */
function assertSizes(sizes, whole) {
	assert.ok(Array.isArray(sizes) && sizes.length > 0, 'sizes');
	for (const size of sizes) {
		assertShape(size, { size: text, ...STOCK, version: count }, 'size');
		assertCounts(size, `size ${size.size}`);
	}
	for (const name of Object.keys(STOCK))
		assert.equal(sizes.reduce((sum, size) => sum + size[name], 0), whole[name], `${name} is the sum of the sizes'`);
}

/** @param {any} drop */
export function assertDrop(drop) {
	assertShape(drop, {
		id: positive, name: text, description: orNull(text), priceCents: count,
		currency: (v) => text(v) && /^[A-Z]{3}$/.test(v), imageUrl: orNull(text), ...STOCK, sizes: Array.isArray,
		dropStartsAt: isTime, dropEndsAt: orNull(isTime), isActive: yesno,
		status: oneOf('upcoming', 'live', 'sold_out', 'paused', 'ended'), holdSeconds: positive,
		coolDownSeconds: count, maxPerUser: positive, version: count, revision: count, recentPurchasers: Array.isArray,
	}, 'drop');
	assertCounts(drop, 'drop');
	assertSizes(drop.sizes, drop);
	assert.ok(drop.recentPurchasers.length <= 3, 'the newest three buyers');
	for (const buyer of drop.recentPurchasers)
		assertShape(buyer, { username: text, purchasedAt: isTime }, 'buyer');
}

/** @param {any} stock  of a `stock:update` or a snapshot */
export function assertStock(stock) {
	assertShape(stock, { dropId: positive, version: count, ...STOCK, sizes: Array.isArray, at: isTime }, 'stock');
	assertCounts(stock, 'stock');
	assertSizes(stock.sizes, stock);
}

/** @param {any} reservation */
export function assertReservation(reservation) {
	assertShape(reservation, {
		id: uuid, dropId: positive, size: text, status: oneOf('active', 'expired', 'completed', 'released'),
		createdAt: isTime, expiresAt: isTime,
	}, 'reservation');
}

/** @param {any} purchase */
export function assertPurchase(purchase) {
	assertShape(purchase, {
		id: uuid, dropId: positive, reservationId: uuid, size: text, priceCents: count,
		currency: text, purchasedAt: isTime,
	}, 'purchase');
}

/**
 * A refusal as the contract has it (RFC 9457), which tells nothing of what is inside.
 * @param {import('./http.mjs').Answer} res @param {number} status @param {string} code
 * @param {string[]} [fields]  that it finds fault with, where it names any
 */
export function assertProblem(res, status, code, fields) {
	assert.equal(res.status, status, `the status of a ${code}: ${res.asked}`);
	assert.match(String(res.headers['content-type']), /^application\/problem\+json\b/, res.asked);
	assert.equal(res.body.code, code, res.asked);
	assert.equal(res.body.status, status);
	assert.ok(text(res.body.title) && res.body.title !== '', 'a title');
	assert.ok(text(res.body.detail) && res.body.detail !== '', 'a detail');
	if (res.body.errors !== undefined) {
		assert.ok(Array.isArray(res.body.errors));
		for (const error of res.body.errors)
			assertShape(error, { field: text, message: (v) => text(v) && v !== '' }, 'error');
	}
	if (fields)
		assert.deepEqual(res.body.errors?.map((/** @type {any} */ e) => e.field), fields, res.asked);
	assertDiscreet(res.text);
}

/** No SQL, no path, no stack. @param {string} answer */
export function assertDiscreet(answer) {
	assert.doesNotMatch(answer, /\b(select|insert|update|delete from|violates|constraint|relation|pg_|psql|libpq|sqlstate)\b/i);
	assert.doesNotMatch(answer, /\/(tmp|usr|var|etc|home|work|root)\//);
	assert.doesNotMatch(answer, /\.(c|sql|h):\d+/);
}
