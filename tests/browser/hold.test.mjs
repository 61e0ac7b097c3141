/** Reserve, hold, buy: one press is one pair, whatever is lost, reloaded, pressed twice or slept through. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import {
	AWAY, browserWithTabs, card, connected, freeze, holdOf, id, loseAnswers, onTheWay, openPage, press, pressReserve, quit, REFUSED,
	shows, toast,
} from '../lib/browser.mjs';
import { counts, dropNow, newDrop, person, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

/** How many holds of a drop the database has, of any status. @param {number} drop */
const holdsIn = async (drop) => Number(await stack.sql(`SELECT count(*) FROM lastpair.reservations WHERE drop_id = ${drop}`));
const salesIn = async (/** @type {number} */ drop) => Number(await stack.sql(`SELECT count(*) FROM lastpair.purchases WHERE drop_id = ${drop}`));

const RESERVE = /\/reservations$/;
const BUY = /\/purchase$/;

/** @param {Page} page @param {number} drop @param {string} urgency */
const isUrgent = (page, drop, urgency) => page.locator(`[data-hold-drop="${drop}"][data-urgency=${urgency}]`).waitFor({ timeout: 5000 });

test('the hold stays in view in every view, whether one scrolls or walks back and forth', async (t) => {
	const [drop, other] = [await newDrop(), await newDrop()];
	const who = await person();
	const page = await openPage(t, { as: who, path: `/drops/${drop.id}` });
	const inView = async () => {
		const box = await holdOf(page, drop.id).locator(id('buy')).boundingBox();
		const { width, height } = /** @type {{width: number, height: number}} */ (page.viewportSize());

		assert.ok(box && box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, JSON.stringify(box));
	};

	await pressReserve(page, drop.id);
	await holdOf(page, drop.id).waitFor();
	await inView();
	for (const path of ['/', '/me', `/drops/${other.id}`, `/drops/${drop.id}`]) {
		await page.goto(stack.url + path);
		await holdOf(page, drop.id).waitFor();
		await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
		await inView();
	}
	await page.goBack();
	await page.goBack();
	await page.locator('html[data-view=mine]').waitFor({ state: 'attached' });
	await holdOf(page, drop.id).waitFor();
	await page.goForward();
	await page.locator('html[data-view=drop]').waitFor({ state: 'attached' });
	await holdOf(page, drop.id).waitFor();
	await inView();
});

test('digits and ring count down; at twenty and at five seconds it is told, once each', async (t) => {
	const [long, short] = [await newDrop({ holdSeconds: 23 }), await newDrop({ holdSeconds: 8 })];
	const who = await person();
	const page = await openPage(t, { as: who });

	await page.evaluate(`{
		const told = window.told = [];
		const region = document.querySelector('[data-testid=announcer]');
		let last = '';
		new MutationObserver(() => {
			const text = region.textContent.trim();
			if (text && text !== last) told.push(text);
			last = text;
		}).observe(region, { childList: true, characterData: true, subtree: true });
	}`);
	await Promise.all([reserve(who.api, long.id), reserve(who.api, short.id)]);
	await isUrgent(page, long.id, 'calm');
	await isUrgent(page, short.id, 'soon');
	const ring = holdOf(page, long.id).locator(id('hold-ring'));
	const drawn = () => ring.evaluate((element) => [element, ...element.querySelectorAll('*')].map((part) => getComputedStyle(part).strokeDashoffset).join());
	const [atFirst, digits] = [await drawn(), new Set()];
	await isUrgent(page, short.id, 'last');
	await waitFor('the digits to move', async () => digits.add(await holdOf(page, short.id).locator(id('hold-countdown')).textContent()).size >= 2);
	assert.notEqual(await drawn(), atFirst, 'the ring moves');
	await isUrgent(page, long.id, 'soon');
	assert.equal(await holdOf(page, long.id).locator('[role=timer]').count(), 1);
	await holdOf(page, short.id).waitFor({ state: 'detached' });
	await waitFor('both thresholds to be told', async () => (await page.evaluate('told.length')) >= 2);
	const told = /** @type {string[]} */ (await page.evaluate('told'));
	for (const [{ name }, seconds] of /** @type {[any, RegExp][]} */ ([[long, /\b20\b/], [short, /\b5\b/]]))
		assert.equal(told.filter((text) => text.includes(name) && seconds.test(text.replace(name, ''))).length, 1, told.join(' | '));
});

test('a double click reserves once, and buys once', async (t) => {
	const drop = await newDrop({ totalStock: 5, maxPerUser: 5 });
	const page = await openPage(t, { as: await person() });
	let asked = 0;

	page.on('request', (request) => { asked += Number(request.method() === 'POST' && /reservations/.test(request.url())); });
	await card(page, drop.id).locator(id('reserve')).dblclick();
	await holdOf(page, drop.id).waitFor();
	await shows(page, drop.id, 'reserved', 1);
	assert.equal(asked, 1);
	await holdOf(page, drop.id).locator(id('buy')).dblclick();
	await shows(page, drop.id, 'sold', 1);
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
	assert.equal(asked, 2);
	assert.deepEqual([await holdsIn(drop.id), await salesIn(drop.id)], [1, 1]);
});

test('the answer to a reserve is lost: it is sent again with its key, and one pair is held', async (t) => {
	const drop = await newDrop({ totalStock: 5, maxPerUser: 5 });
	const page = await openPage(t, { as: await person(), tolerate: AWAY });
	const { keys } = await loseAnswers(page, 'POST', RESERVE, { times: 1 });

	await pressReserve(page, drop.id);
	await holdOf(page, drop.id).waitFor();
	await waitFor('the second attempt', () => keys.length === 2);
	assert.match(keys[0] ?? '', /^\S{8,128}$/);
	assert.equal(keys[0], keys[1]);
	assert.equal(await holdsIn(drop.id), 1);
	await shows(page, drop.id, 'reserved', 1);
});

test('the answer to a purchase is lost: it is bought once, and said so', async (t) => {
	const drop = await newDrop({ totalStock: 5, maxPerUser: 5 });
	const who = await person();
	const page = await openPage(t, { as: who, tolerate: AWAY });
	const { keys } = await loseAnswers(page, 'POST', BUY, { times: 1 });

	await reserve(who.api, drop.id);
	await press(holdOf(page, drop.id).locator(id('buy')));
	await page.locator(`${id('toast')}[data-kind=ok]`).first().waitFor();
	await waitFor('the second attempt', () => keys.length === 2);
	assert.equal(keys[0], keys[1]);
	assert.equal(await salesIn(drop.id), 1);
	assert.deepEqual(counts(await dropNow(drop.id)), [4, 0, 1]);
});

for (const arrives of [true, false]) {
	test(`reloaded while a reserve ${arrives ? 'has no answer' : 'has not got through'}, the page sends it again with its key`, async (t) => {
		const drop = await newDrop({ totalStock: 5, maxPerUser: 5 });
		const page = await openPage(t, { as: await person(), tolerate: AWAY });
		const { keys, found } = await loseAnswers(page, 'POST', RESERVE, { arrives });

		await pressReserve(page, drop.id);
		await waitFor('an attempt', () => keys.length > 0);
		await page.reload();
		found();
		await connected(page);
		await holdOf(page, drop.id).waitFor();
		const before = keys.length;
		await waitFor('the hold in the database', async () => await holdsIn(drop.id) === 1);
		assert.ok(before > 1 || arrives, 'it was sent again by itself');
		assert.equal(new Set(keys).size, 1, `one key: ${keys}`);
		await shows(page, drop.id, 'reserved', 1);
	});
}

test('reloaded while a purchase has no answer, the pair is bought once and listed', async (t) => {
	const drop = await newDrop({ totalStock: 5, maxPerUser: 5 });
	const who = await person();
	const page = await openPage(t, { as: who, tolerate: AWAY });
	const { keys, found } = await loseAnswers(page, 'POST', BUY, { arrives: false });

	await reserve(who.api, drop.id);
	await press(holdOf(page, drop.id).locator(id('buy')));
	await waitFor('an attempt', () => keys.length > 0);
	await page.reload();
	found();
	await connected(page);
	await waitFor('the sale', async () => await salesIn(drop.id) === 1);
	assert.equal(new Set(keys).size, 1, `one key: ${keys}`);
	await shows(page, drop.id, 'sold', 1);
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
});

test('a laptop asleep through the end of a hold wakes to a shelf with the pair, and no button to buy it', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 5 });
	const who = await person();
	const openIn = await browserWithTabs(t, { as: who });
	const page = await openIn();

	await reserve(who.api, drop.id);
	await holdOf(page, drop.id).waitFor();
	await openIn({ path: 'about:blank', live: false });
	const thaw = await freeze(page);
	await waitFor('the hold to lapse', async () => (await dropNow(drop.id)).availableStock === 1);
	await thaw();
	await page.bringToFront();
	await holdOf(page, drop.id).waitFor({ state: 'detached', timeout: 2000 });
	await shows(page, drop.id, 'available', 1);
});

test('a laptop asleep within a hold wakes to it, with the time it has left', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 60 });
	const who = await person();
	const openIn = await browserWithTabs(t, { as: who });
	const page = await openIn();
	const hold = await reserve(who.api, drop.id);

	await holdOf(page, drop.id).waitFor();
	await openIn({ path: 'about:blank', live: false });
	const thaw = await freeze(page);
	const frozenAt = Date.now();
	await waitFor('some seconds to pass', () => Date.now() - frozenAt > 3000);
	await thaw();
	await page.bringToFront();
	await waitFor('the time that is left', async () => {
		const [minutes, seconds] = (await holdOf(page, drop.id).locator(id('hold-countdown')).textContent() ?? '').split(':').map(Number);
		const shown = Number(minutes) * 60 + Number(seconds);
		const left = (Date.parse(hold.expiresAt) - Date.parse((await who.api.get('/api/reservations')).body.serverTime)) / 1000;

		return Math.abs(shown - left) <= 1.5;
	}, 2000);
	await press(holdOf(page, drop.id).locator(id('buy')));
	await shows(page, drop.id, 'sold', 1);
});

test('away to another site and back, the hold is there and the stock is right', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const who = await person();
	const page = await openPage(t, { as: who });

	await pressReserve(page, drop.id);
	await holdOf(page, drop.id).waitFor();
	await page.goto('data:text/html,<title>elsewhere</title>');
	await reserve((await person()).api, drop.id);
	await page.goBack();
	await connected(page);
	await holdOf(page, drop.id).waitFor();
	await shows(page, drop.id, 'available', 3);
});

test('a pair that comes back is told to who looks at its sold-out size, and not to others', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 1 }] });
	const holder = await person();
	const hold = await reserve(holder.api, drop.id, '42');
	const looks = await openPage(t, { path: `/drops/${drop.id}` });
	const passes = await openPage(t);

	await press(card(looks, drop.id).locator(`${id('size-option')}[data-size="42"]`));
	await shows(passes, drop.id, 'available', 1);
	await holder.api.del(`/api/reservations/${hold.id}`);
	await toast(looks, 'back_in_stock').waitFor();
	await shows(passes, drop.id, 'available', 2);
	assert.equal(await passes.locator(`${id('toast')}[data-code=back_in_stock]`).count(), 0);
});

test('at the sold-out boundary both press at once, one holds and the other is told', async (t) => {
	const drop = await newDrop({ totalStock: 1 });
	const pages = [await openPage(t, { as: await person(), tolerate: REFUSED }), await openPage(t, { as: await person(), tolerate: REFUSED })];
	/** @type {() => void} */
	let go = () => {};
	const both = new Promise((resolve) => { go = () => resolve(undefined); });
	let there = 0;

	for (const page of pages)
		await onTheWay(page, 'POST', RESERVE, async () => {
			if (++there === 2)
				go();
			await both;
		});
	await Promise.all(pages.map((page) => pressReserve(page, drop.id)));
	await waitFor('a hold and a refusal', async () => {
		const holds = await Promise.all(pages.map((page) => holdOf(page, drop.id).count()));
		const refused = await Promise.all(pages.map((page) => page.locator(`${id('toast')}[data-code=sold_out]`).count()));

		return holds.reduce((a, b) => a + b) === 1 && refused.every((n, i) => n === 1 - /** @type {number} */ (holds[i]));
	});
	assert.equal(await holdsIn(drop.id), 1);
});
