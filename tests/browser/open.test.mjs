/** A drop opens: by itself, by the server's clock, and without everybody asking at the same moment. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { browserWithTabs, card, freeze, hasStatus, holdOf, id, isAble, openPage, openTab, press, pressReserve, quit, shows } from '../lib/browser.mjs';
import { admin, counts, dropNow, newDrop, people, person } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const soon = (/** @type {number} */ ms) => new Date(Date.now() + ms).toISOString();
const buttonOf = (/** @type {Page} */ page, /** @type {number} */ drop) => card(page, drop).locator(id('reserve'));

/** Notes in the page when a drop's status becomes live there. @param {Page} page @param {number} drop */
const noteOpening = (page, drop) => page.evaluate(`{
	window.sameDocument = true;
	const look = () => {
		if (!window.armedAt && document.querySelector('[data-drop="${drop}"][data-status=live]'))
			window.armedAt = Date.now();
	};
	new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: ['data-status'] });
}`);

/** Makes a page's clock wrong by that much. @param {number} ms @returns {(page: Page) => Promise<unknown>} */
const clockOff = (ms) => (page) => page.addInitScript(`{
	const right = Date.now.bind(Date);
	Date.now = () => right() + ${ms};
}`);

test('it opens without a reload, and nobody asks the store anything at that moment', async (t) => {
	const drop = await newDrop({ totalStock: 5, dropStartsAt: soon(12_000) });
	const opensAt = Date.parse(drop.dropStartsAt);
	const first = await openPage(t, { as: await person(), path: `/drops/${drop.id}` });
	const pages = [first, await openTab(t, first, { path: `/drops/${drop.id}` }), await openPage(t)];
	/** @type {{at: number, url: string}[]} */
	const asked = [];

	for (const page of pages) {
		page.on('request', (request) => asked.push({ at: Date.now() - opensAt, url: request.url() }));
		await hasStatus(page, drop.id, 'upcoming');
		await isAble(buttonOf(page, drop.id), false);
		await noteOpening(page, drop.id);
	}
	assert.ok(Date.now() < opensAt - 500, 'there is time to look');
	await Promise.all(pages.map((page) => hasStatus(page, drop.id, 'live', 14_000)));
	const armed = await Promise.all(pages.map(async (page) => Number(await page.evaluate('armedAt')) - opensAt));
	assert.ok(armed.every((ms) => ms >= -250 && ms < 2000), `armed ${armed} ms after its time`);
	await Promise.all(pages.map((page) => isAble(buttonOf(page, drop.id), true)));
	await waitFor('the moment to be over', () => Date.now() > opensAt + 2500);
	for (const page of pages)
		assert.equal(await page.evaluate('window.sameDocument'), true);
	assert.deepEqual(asked.filter(({ at }) => Math.abs(at) < 300), [], 'no request at the very moment');
	assert.ok(asked.length <= pages.length, `at most one a page, later: ${JSON.stringify(asked)}`);
	await pressReserve(first, drop.id);
	await holdOf(first, drop.id).waitFor();
});

for (const [name, off] of /** @type {[string, number][]} */ ([['an hour fast', 3_600_000], ['an hour slow', -3_600_000]])) {
	test(`a clock that is ${name} changes nothing about when it opens`, async (t) => {
		const page = await openPage(t, { as: await person(), before: clockOff(off) });
		const drop = await newDrop({ totalStock: 5, dropStartsAt: soon(8000) });
		const opensAt = Date.parse(drop.dropStartsAt);

		await hasStatus(page, drop.id, 'upcoming');
		await isAble(buttonOf(page, drop.id), false);
		assert.ok(Date.now() < opensAt);
		await hasStatus(page, drop.id, 'live', 10_000);
		assert.ok(Math.abs(Date.now() - opensAt) < 2000, `${Date.now() - opensAt} ms off`);
		await pressReserve(page, drop.id);
		await holdOf(page, drop.id).waitFor();
	});
}

test('a page that slept through the opening wakes to an open drop', { timeout: 90_000 }, async (t) => {
	const openIn = await browserWithTabs(t, { as: await person() });
	const page = await openIn();
	const drop = await newDrop({ totalStock: 5, dropStartsAt: soon(5000) });

	await hasStatus(page, drop.id, 'upcoming');
	await openIn({ path: 'about:blank', live: false });
	const thaw = await freeze(page);
	await waitFor('the opening', () => Date.now() > Date.parse(drop.dropStartsAt) + 500);
	await thaw();
	await page.bringToFront();
	await hasStatus(page, drop.id, 'live', 2000);
	await pressReserve(page, drop.id);
	await holdOf(page, drop.id).waitFor();
});

test('an opening that is put off is told by the stream, and the button waits for the new time', async (t) => {
	const page = await openPage(t, { as: await person() });
	const drop = await newDrop({ totalStock: 5, dropStartsAt: soon(3000) });

	await hasStatus(page, drop.id, 'upcoming');
	const later = soon(6000);
	const res = await (await admin()).patch(`/api/drops/${drop.id}`, { dropStartsAt: later });
	assert.equal(res.status, 200, res.asked);
	await waitFor('the first time to be over', () => Date.now() > Date.parse(drop.dropStartsAt) + 700);
	await hasStatus(page, drop.id, 'upcoming', 100);
	await hasStatus(page, drop.id, 'live', 6000);
	assert.ok(Math.abs(Date.now() - Date.parse(later)) < 1000);
});

test('an operator\'s drop opens in five seconds, and of two who race for its last pair exactly one holds it', { timeout: 90_000 }, async (t) => {
	const [one, two] = await people(2);

	assert.ok(one && two);
	const boss = await openPage(t, { as: { api: await admin() } });
	const buyers = [await openPage(t, { as: one, tolerate: /status of 409/ }), await openPage(t, { as: two, tolerate: /status of 409/ })];
	const name = `Last one ${Date.now()}`;

	await press(boss.locator(id('admin-create-open')));
	const form = boss.locator(id('admin-create-form'));
	await form.locator('[name=name]').fill(name);
	await form.locator('[name=priceCents]').fill('180.00');
	await form.locator('[name=sizing][value=one]').check();
	await form.locator('[name=totalStock]').fill('1');
	/* the field takes whole seconds of the operator's own clock */
	const opensAt = Math.ceil(Date.now() / 1000 + 5) * 1000;
	await form.locator('[name=dropStartsAt]').fill(await boss.evaluate((at) => {
		const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);

		return local.toISOString().slice(0, 19);
	}, opensAt));
	await press(form.locator('[type=submit]'));
	const made = await waitFor('the drop', async () =>
		(await (await admin()).get('/api/drops?limit=1')).body.drops.find((/** @type {any} */ d) => d.name === name));
	assert.equal(Date.parse(made.dropStartsAt), opensAt);

	for (const buyer of buyers) {
		await hasStatus(buyer, made.id, 'upcoming');
		await card(buyer, made.id).scrollIntoViewIfNeeded();
	}
	/* whoever is slower may find the button gone again: the pair is held by then */
	await Promise.allSettled(buyers.map(async (buyer) => {
		await isAble(buttonOf(buyer, made.id), true);
		await buttonOf(buyer, made.id).click({ timeout: 3000 });
	}));
	await waitFor('one hold', async () =>
		(await Promise.all(buyers.map((buyer) => holdOf(buyer, made.id).count()))).sort().join() === '0,1');
	await Promise.all([boss, ...buyers].map((page) => page.goto(`${stack.url}/drops/${made.id}`)));
	await Promise.all([boss, ...buyers].map((page) => shows(page, made.id, 'available', 0)));
	assert.deepEqual(counts(await dropNow(made.id)), [0, 1, 0]);
	assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.reservations WHERE drop_id = ${made.id}`), '1');
	const winner = await Promise.all(buyers.map(async (buyer) => await holdOf(buyer, made.id).count() === 1));
	const buyer = buyers[winner.indexOf(true)];
	assert.ok(buyer);
	await press(holdOf(buyer, made.id).locator(id('buy')));
	await Promise.all(buyers.map((each) => hasStatus(each, made.id, 'sold_out')));
});
