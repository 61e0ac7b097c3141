/** Three languages, one of them written from right to left: chosen by the browser's preference or by hand. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after } from 'node:test';
import { card, connected, holdOf, id, openPage, openTab, press, pressReserve, quit, sideways } from '../lib/browser.mjs';
import { newDrop, person, purchase, reserve } from '../lib/store.mjs';
import { TOP } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const WRITTEN = { en: 'ltr', de: 'ltr', ar: 'rtl' };
const html = (/** @type {Page} */ page) => page.evaluate('[document.documentElement.lang, document.documentElement.dir || "ltr"].join()');
const speaks = (/** @type {Page} */ page, /** @type {keyof WRITTEN} */ lang) =>
	waitFor(`the page in ${lang}`, async () => await html(page) === `${lang},${WRITTEN[lang]}`);
const choose = (/** @type {Page} */ page, /** @type {string} */ lang) => page.locator(id('language')).selectOption(lang);

for (const [locale, lang] of /** @type {[string, keyof WRITTEN][]} */ ([['en-US', 'en'], ['de-AT', 'de'], ['ar-EG', 'ar'], ['fr-FR', 'en']])) {
	test(`a browser that prefers ${locale} gets ${lang}, and its texts alone`, async (t) => {
		/** @type {string[]} */
		const tables = [];
		const page = await openPage(t, { context: { locale }, before: async (page) => {
			page.on('request', (request) => {
				const table = request.url().match(/\/js\/texts\/(.+)\.js/)?.[1];

				if (table)
					tables.push(table);
			});
		} });

		await speaks(page, lang);
		assert.deepEqual([...new Set(tables)], [lang]);
		assert.equal(await page.locator(id('language')).inputValue(), lang);
	});
}

test('the language is switched by hand and stays chosen, also in the next tab', async (t) => {
	const drop = await newDrop();
	const page = await openPage(t);
	const button = card(page, drop.id).locator(id('reserve'));
	const words = new Set();
	const keys = Object.keys((await import(path.join(TOP, 'www/js/texts/en.js'))).default);

	assert.ok(keys.length > 100);
	for (const lang of /** @type {(keyof WRITTEN)[]} */ (['de', 'ar', 'en', 'ar'])) {
		await choose(page, lang);
		await speaks(page, lang);
		words.add(await waitFor('a button with a word', async () => (await button.textContent())?.trim()));
		const text = await page.locator('body').innerText();
		assert.deepEqual(keys.filter((key) => key.includes('.') && text.includes(key)), [], 'a text for each key');
		assert.doesNotMatch(text, /undefined|NaN|\{[a-z]+\}/);
	}
	assert.equal(words.size, 3, [...words].join(' | '));
	await page.reload();
	await connected(page);
	await speaks(page, 'ar');
	await speaks(await openTab(t, page), 'ar');
});

test('prices, counts and times are written as the language writes them', async (t) => {
	const drop = await newDrop({ priceCents: 123450, currency: 'EUR', totalStock: 1234 });
	const page = await openPage(t, { context: { locale: 'de-DE' } });
	const text = async () => (await card(page, drop.id).innerText()).replaceAll(/[\u00a0\u202f]/g, ' ');

	await speaks(page, 'de');
	await waitFor('the price as in German', async () => (await text()).includes('1.234,50 €'));
	await waitFor('the count as in German', async () => (await text()).includes('1.234'));
	await choose(page, 'en');
	await speaks(page, 'en');
	await waitFor('the price as in English', async () => (await text()).includes('€1,234.50'));
	await choose(page, 'ar');
	await speaks(page, 'ar');
	const wanted = await page.evaluate(() => new Intl.NumberFormat(document.documentElement.lang, { style: 'currency', currency: 'EUR' }).formatToParts(1234.5)
		.filter((p) => p.type === 'integer' || p.type === 'group').map((p) => p.value).join(''));
	await waitFor(`the price as in Arabic: ${wanted}`, async () => (await text()).includes(wanted));
});

for (const lang of /** @type {(keyof WRITTEN)[]} */ (['de', 'ar'])) {
	test(`in ${lang} one signs in, reserves, buys and finds it under one's own, with nothing sticking out at 320 pixels`, async (t) => {
		const drop = await newDrop({ sizes: [{ size: '42', totalStock: 2 }, { size: '43', totalStock: 2 }] });
		const who = await person();
		const page = await openPage(t, { as: who, width: 320, height: 700, path: `/drops/${drop.id}`, context: { locale: lang } });

		await speaks(page, lang);
		await pressReserve(page, drop.id, '43');
		await holdOf(page, drop.id).waitFor();
		assert.equal(await sideways(page), 0);
		await press(holdOf(page, drop.id).locator(id('buy')));
		await holdOf(page, drop.id).waitFor({ state: 'detached' });
		await page.goto(`${stack.url}/me`);
		await page.locator(`${id('my-purchases')} li[data-id]`).waitFor();
		assert.equal(await sideways(page), 0);
		await page.goto(`${stack.url}/`);
		await card(page, drop.id).waitFor();
		assert.equal(await sideways(page), 0);
	});
}

test('what is shown in Arabic begins at the right, and names of drops keep their own direction', async (t) => {
	const drop = await newDrop({ name: 'Runner No. 7 (low)' });
	const page = await openPage(t, { context: { locale: 'ar' }, path: `/drops/${drop.id}` });

	await speaks(page, 'ar');
	const logo = await page.locator('.wordmark').boundingBox();
	const language = await page.locator(id('language')).boundingBox();
	assert.ok(logo && language && logo.x > language.x, 'the mark is to the right of what follows it');
	await page.locator(id('drop-view')).waitFor();
	const isolated = await page.evaluate((name) => [...document.querySelectorAll('h1, h2')].filter((e) => e.textContent?.trim() === name)
		.map((e) => e.querySelector('bdi') !== null || e.getAttribute('dir') === 'auto' || getComputedStyle(e).unicodeBidi !== 'normal'), drop.name);
	assert.ok(isolated.length > 0 && isolated.some(Boolean), JSON.stringify(isolated));
});

test('a receipt is written in the language of the page', async (t) => {
	const drop = await newDrop();
	const who = await person();
	const bought = await purchase(who.api, (await reserve(who.api, drop.id)).id);
	const page = await openPage(t, { as: who, path: '/me' });
	const texts = new Set();

	for (const lang of /** @type {(keyof WRITTEN)[]} */ (['en', 'de', 'ar'])) {
		await choose(page, lang);
		await speaks(page, lang);
		await press(page.locator(`${id('my-purchases')} li[data-id="${bought.id}"] ${id('receipt-open')}`));
		const receipt = page.locator(id('receipt'));
		await receipt.waitFor();
		texts.add((await receipt.locator('button').allInnerTexts()).join());
		await page.keyboard.press('Escape');
		await receipt.waitFor({ state: 'hidden' });
	}
	assert.equal(texts.size, 3, [...texts].join(' | '));
});
