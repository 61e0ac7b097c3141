/** Without a mouse: every step of buying a pair, with the focus in sight all the time. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { connected, holdOf, id, openPage, quit, shows } from '../lib/browser.mjs';
import { newDrop, PASSWORD, person } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

/** What has the focus: how to know it, whether one sees it, and whether it is in view. @param {Page} page */
const focused = (page) => page.evaluate(() => {
	const e = document.activeElement;

	if (!(e instanceof HTMLElement) || e === document.body)
		return null;
	const box = e.getBoundingClientRect();
	const style = getComputedStyle(e);
	/* a link may show it on what it covers */
	const marks = [style, getComputedStyle(e, '::after'), getComputedStyle(e, '::before'), getComputedStyle(e.closest('label, .field, .card') ?? e)];

	return {
		name: `${e.tagName} ${e.dataset['testid'] ?? ''} ${e.className} ${(e.textContent ?? '').trim().slice(0, 30)}`,
		shown: marks.some((s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1) || s.boxShadow !== 'none'),
		inView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0,
	};
});

/** Presses Tab until what is wanted has the focus; at each stop the focus is seen.
 * @param {Page} page @param {string} wanted a selector @param {string} [key] */
async function tabTo(page, wanted, key = 'Tab') {
	for (let i = 0; i < 60; i++) {
		await page.keyboard.press(key);
		const at = await focused(page);

		if (at) {
			assert.ok(at.shown, `the focus is seen on ${at.name}`);
			assert.ok(at.inView, `what has the focus is in view: ${at.name}`);
		}
		if (await page.evaluate((selector) => document.activeElement?.matches(selector), wanted))
			return;
	}
	throw new Error(`no way by ${key} to ${wanted}`);
}

test('with the keyboard alone one finds a drop, signs in, reserves a size, buys it and prints the receipt', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 2 }, { size: '43', totalStock: 2 }] });
	const who = await person();
	const page = await openPage(t, { path: `/drops/${drop.id}` });

	await tabTo(page, `[data-drop="${drop.id}"] ${id('size-option')}[data-size="43"]`);
	await page.keyboard.press('Enter');
	await waitFor('the size to be chosen', () => page.evaluate('document.activeElement.getAttribute("aria-pressed") === "true"'));
	await tabTo(page, `[data-drop="${drop.id}"] ${id('reserve')}`);
	await page.keyboard.press('Enter');
	await page.locator(id('sign-in-form')).waitFor();
	await waitFor('the focus in the dialog', () => page.evaluate('document.activeElement.name === "email"'));
	await page.keyboard.type(who.email);
	await tabTo(page, '[name=password]');
	await page.keyboard.type(PASSWORD);
	await page.keyboard.press('Enter');
	await holdOf(page, drop.id).waitFor();
	await waitFor('the focus back on the button, or on the hold', () => page.evaluate(
		'document.activeElement.matches("[data-testid=reserve]") || document.activeElement.closest("[data-testid=hold]") !== null'));
	if (!await page.evaluate('document.activeElement.matches("[data-testid=buy]")'))
		await tabTo(page, id('buy'));
	await page.keyboard.press('Enter');
	await shows(page, drop.id, 'sold', 1);
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
	await waitFor('the focus to be somewhere', () => page.evaluate('document.activeElement !== document.body'));
	assert.equal((await who.api.get('/api/purchases')).body.purchases[0].size, '43');

	await tabTo(page, 'a[href="/me"]', 'Shift+Tab');
	await page.keyboard.press('Enter');
	await page.locator('html[data-view=mine]').waitFor({ state: 'attached' });
	await waitFor('the focus on the new view', () => page.evaluate('document.activeElement.closest("main") !== null'));
	await tabTo(page, `${id('my-purchases')} ${id('receipt-open')}`);
	await page.keyboard.press('Enter');
	await page.locator(id('receipt')).waitFor();
	await tabTo(page, id('receipt-print'));
	await page.keyboard.press('Escape');
	await waitFor('the focus back on what opened it', () => page.evaluate('document.activeElement.dataset.testid === "receipt-open"'));
});

test('the link that skips the head is the first stop, and skips it', async (t) => {
	const page = await openPage(t);

	await page.keyboard.press('Tab');
	const at = await focused(page);
	assert.match(String(at?.name), /skip/);
	assert.ok(at?.shown && at.inView);
	await page.keyboard.press('Enter');
	await page.keyboard.press('Tab');
	assert.ok(await page.evaluate('document.activeElement.closest("main") !== null'));
});

test('a hold that is given back leaves the focus on its drop', async (t) => {
	const drop = await newDrop();
	const page = await openPage(t, { as: await person(), path: `/drops/${drop.id}` });

	await tabTo(page, `[data-drop="${drop.id}"] ${id('reserve')}`);
	await page.keyboard.press('Enter');
	await holdOf(page, drop.id).waitFor();
	await tabTo(page, id('give-back'));
	await page.keyboard.press(' ');
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
	await waitFor('the focus on the drop', () => page.evaluate(`document.activeElement.closest('[data-drop="${drop.id}"]') !== null`));
});

test('following a link puts the focus on the new view, and going back on where it was', async (t) => {
	const drop = await newDrop();
	const page = await openPage(t);
	const link = page.locator(`[data-drop="${drop.id}"] ${id('drop-link')}`).first();

	await link.focus();
	await page.keyboard.press('Enter');
	await page.locator('html[data-view=drop]').waitFor({ state: 'attached' });
	await waitFor('the focus in the view', () => page.evaluate('document.activeElement.closest("main") !== null && document.activeElement !== document.body'));
	await page.goBack();
	await page.locator('html[data-view=floor]').waitFor({ state: 'attached' });
	await waitFor('the focus on something of the floor', () => page.evaluate('document.activeElement !== document.body'));
	await connected(page);
});

test('filters and language work by keyboard', async (t) => {
	await newDrop();
	const page = await openPage(t);

	await tabTo(page, `${id('filter-status')}[data-status=live]`);
	await page.keyboard.press(' ');
	await waitFor('the filter', () => page.evaluate('location.search.includes("status=live")'));
	assert.ok(await page.evaluate('document.activeElement.dataset.status === "live"'), 'the focus stays');
	await page.locator(id('language')).focus();
	await page.keyboard.press('ArrowDown');
	await waitFor('the language', () => page.evaluate('document.documentElement.lang !== "en"'));
});
