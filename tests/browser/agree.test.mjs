/** Two tabs of one browser and a private window: after whatever happens to a drop, they agree within a second. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { card, hasStatus, holdOf, id, openPage, openTab, press, pressReserve, quit, shows } from '../lib/browser.mjs';
import { admin, counts, dropNow, newDrop, person, purchase, reserve } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

const AGREE_MS = 1000;

/** @typedef {import('playwright-core').Page} Page */

/** Somebody's two tabs, and a private window of somebody else, in different views. @param {import('node:test').TestContext} t @param {number} drop */
async function three(t, drop) {
	const who = await person();
	const tab = await openPage(t, { as: who, path: `/drops/${drop}` });

	return { who, tab, other: await openTab(t, tab, { path: `/drops/${drop}` }), apart: await openPage(t) };
}

/** @param {Page} page @param {RegExp} url */
const answered = (page, url) => page.waitForResponse((response) => url.test(response.url()) && response.request().method() !== 'GET');

/** @param {Page} page @param {number} drop */
const figures = async (page, drop) => Promise.all(['available', 'reserved', 'sold'].map(
	async (name) => Number(await card(page, drop).locator(id(name)).getAttribute('data-value'))));

/** Within a second from now each shows these figures, and they are the database's.
 * @param {Page[]} pages @param {number} drop @param {[number, number, number]} wanted */
async function agree(pages, drop, wanted) {
	await Promise.all(pages.map((page) => Promise.all(['available', 'reserved', 'sold'].map(
		(name, i) => shows(page, drop, name, /** @type {number} */ (wanted[i]), AGREE_MS)))));
	for (const page of pages)
		assert.deepEqual(await figures(page, drop), wanted);
	assert.deepEqual(counts(await dropNow(drop)), wanted);
}

test('after a reserve, a release and a purchase pressed in one tab', async (t) => {
	const drop = await newDrop({ totalStock: 3 });
	const { who, tab, other, apart } = await three(t, drop.id);
	const pages = [tab, other, apart];

	await agree(pages, drop.id, [3, 0, 0]);
	await Promise.all([answered(tab, /reservations$/), pressReserve(tab, drop.id)]);
	await agree(pages, drop.id, [2, 1, 0]);
	await holdOf(other, drop.id).waitFor();
	await Promise.all([answered(other, /reservations\/[^/]+$/), press(holdOf(other, drop.id).locator(id('give-back')))]);
	await agree(pages, drop.id, [3, 0, 0]);
	await Promise.all([answered(tab, /reservations$/), pressReserve(tab, drop.id)]);
	await agree(pages, drop.id, [2, 1, 0]);
	await Promise.all([answered(tab, /purchase$/), press(holdOf(tab, drop.id).locator(id('buy')))]);
	await agree(pages, drop.id, [2, 0, 1]);
	await Promise.all([tab, other].map((page) => holdOf(page, drop.id).waitFor({ state: 'detached', timeout: AGREE_MS })));
	for (const page of pages)
		await waitFor('the buyer\'s name', async () => (await card(page, drop.id).locator(id('buyers')).textContent())?.includes(who.username), AGREE_MS);
});

test('after a hold lapsed', async (t) => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 5 });
	const { who, tab, other, apart } = await three(t, drop.id);

	await reserve(who.api, drop.id);
	await agree([tab, other, apart], drop.id, [0, 1, 0]);
	await Promise.all([tab, other].map((page) => holdOf(page, drop.id).waitFor({ timeout: AGREE_MS })));
	await waitFor('the hold to lapse in the database', async () => (await dropNow(drop.id)).availableStock === 1);
	await agree([tab, other, apart], drop.id, [1, 0, 0]);
	await Promise.all([tab, other].map((page) => holdOf(page, drop.id).waitFor({ state: 'detached', timeout: AGREE_MS })));
});

test('after somebody else reserves, buys, and gives back', async (t) => {
	const drop = await newDrop({ totalStock: 3 });
	const { tab, other, apart } = await three(t, drop.id);
	const [pages, [one, two]] = [[tab, other, apart], [await person(), await person()]];

	const hold = await reserve(one.api, drop.id);
	await agree(pages, drop.id, [2, 1, 0]);
	await purchase(one.api, hold.id);
	await agree(pages, drop.id, [2, 0, 1]);
	const back = await reserve(two.api, drop.id);
	await agree(pages, drop.id, [1, 1, 1]);
	await two.api.del(`/api/reservations/${back.id}`);
	await agree(pages, drop.id, [2, 0, 1]);
});

test('after a restock of one size, up and down', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 2 }] });
	const { tab, other, apart } = await three(t, drop.id);
	const pages = [tab, other, apart];
	const sold = (/** @type {Page} */ page, /** @type {string} */ state) =>
		card(page, drop.id).locator(`${id('size-option')}[data-size="42"][data-state=${state}]`).waitFor({ timeout: AGREE_MS });

	await (await admin()).post(`/api/drops/${drop.id}/restock`, { size: '42', quantity: 5 });
	await agree(pages, drop.id, [8, 0, 0]);
	await Promise.all(pages.map((page) => sold(page, 'free')));
	await (await admin()).post(`/api/drops/${drop.id}/restock`, { size: '42', quantity: -6 });
	await agree(pages, drop.id, [2, 0, 0]);
	await Promise.all(pages.map((page) => sold(page, 'gone')));
});

test('after the drop is paused and goes on', async (t) => {
	const drop = await newDrop({ totalStock: 3 });
	const { tab, other, apart } = await three(t, drop.id);
	const pages = [tab, other, apart];

	for (const [isActive, status] of /** @type {[boolean, string][]} */ ([[false, 'paused'], [true, 'live']])) {
		await (await admin()).patch(`/api/drops/${drop.id}`, { isActive });
		await Promise.all(pages.map((page) => hasStatus(page, drop.id, status, AGREE_MS)));
		for (const page of pages)
			assert.equal(await card(page, drop.id).locator(id('reserve')).getAttribute('aria-disabled'), isActive ? null : 'true');
	}
});
