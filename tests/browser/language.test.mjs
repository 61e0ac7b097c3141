/** Three languages, one of them written from right to left: chosen by the browser's preference or by hand. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after } from 'node:test';
import { AWAY, card, connected, holdOf, id, openPage, openTab, press, pressReserve, quit, REFUSED, sideways, toast } from '../lib/browser.mjs';
import { admin, dropNow, newDrop, person, purchase, reserve } from '../lib/store.mjs';
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
/** @param {string} lang @returns {Promise<Record<string, string>>} */
const textsOf = async (lang) => Object.assign({}, ...await Promise.all(['', 'more-'].map(async (prefix) => (await import(path.join(TOP, `www/js/texts/${prefix}${lang}.js`))).default)));
const WRONG_PRICE = (await import(path.join(TOP, 'www/js/texts/console-de.js'))).default['c.wrong.price'];
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
	let word = await waitFor('a button with a word', async () => (await button.textContent())?.trim());
	const words = new Set([word]);
	const keys = Object.keys(await textsOf('en'));

	assert.ok(keys.length > 100);
	for (const lang of /** @type {(keyof WRITTEN)[]} */ (['de', 'ar', 'en', 'ar'])) {
		await choose(page, lang);
		await speaks(page, lang);
		word = await waitFor('the button to have another word', async () => {
			const now = (await button.textContent())?.trim();

			return now !== word && now;
		});
		words.add(word);
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

test('switching the language loses nothing: no reload, the size that was chosen, where one is, where one had scrolled to', async (t) => {
	const drop = await newDrop({ description: 'Suede over mesh.', sizes: [{ size: '42', totalStock: 2 }, { size: '43', totalStock: 2 }] });
	const who = await person();
	const page = await openPage(t, { as: who, path: `/drops/${drop.id}`, height: 500 });
	const size = card(page, drop.id).locator(`${id('size-option')}[data-size="43"]`);

	await pressReserve(page, drop.id, '42');
	await holdOf(page, drop.id).waitFor();
	await press(size);
	await page.evaluate('window.sameOne = true');
	for (const lang of /** @type {(keyof WRITTEN)[]} */ (['de', 'ar', 'en'])) {
		await page.locator(id('language')).focus();
		await page.evaluate('scrollTo(0, 120)');
		await choose(page, lang);
		await speaks(page, lang);
		const texts = await textsOf(lang);
		await waitFor('the button of the hold in it', async () => (await holdOf(page, drop.id).locator(id('give-back')).textContent()) === texts['hold.give_back']);
		assert.equal((await card(page, drop.id).locator('.details h2').textContent()), texts['drop.details']);
		assert.equal((await page.locator(`.masthead ${id('mine-open')}`).textContent()), texts['nav.mine']);
		assert.equal(await size.getAttribute('aria-pressed'), 'true', 'the size stays chosen');
		assert.equal(await page.evaluate('window.sameOne'), true, 'it is the same page');
		assert.equal(await page.evaluate('document.activeElement.dataset.testid'), 'language', 'the focus stays on the switch');
		assert.equal(await page.evaluate('scrollY'), 120);
	}
	assert.equal(await page.locator(id('hold')).count(), 1);
	assert.equal(await page.locator('.masthead nav').count(), 1);
});

test('switching the language in the console keeps what was typed, and says refused fields in it', async (t) => {
	const drop = await newDrop();
	const page = await openPage(t, { as: { api: await admin() }, path: '/console/new', tolerate: REFUSED });
	const form = page.locator(id('admin-create-form'));
	const own = async (/** @type {string} */ lang) => (await import(path.join(TOP, `www/js/texts/console-${lang}.js`))).default;

	await form.locator('[name=name]').fill('Half written');
	await form.locator('[name=priceCents]').fill('80');
	await form.locator('[name=sizing][value=several]').check();
	await form.locator('[name=size]').first().fill('39');
	await choose(page, 'de');
	await speaks(page, 'de');
	await page.locator('h1', { hasText: (await own('de'))['c.create.title'] }).waitFor();
	assert.equal(await form.locator('[name=name]').inputValue(), 'Half written');
	assert.equal(await form.locator('[name=priceCents]').inputValue(), '80');
	assert.equal(await form.locator('[name=size]').first().inputValue(), '39');
	assert.ok(await form.locator('[name=size]').first().isVisible(), 'several sizes are still what is wanted');

	await page.route('**/api/drops', (route) => (route.request().method() === 'POST' ? route.fulfill({
		status: 400, contentType: 'application/problem+json',
		body: JSON.stringify({ status: 400, title: 'Bad Request', code: 'invalid', detail: 'x', errors: [{ field: 'priceCents', message: 'in English' }, { field: 'name', message: 'in English' }] }),
	}) : route.fallback()));
	await press(form.locator('[type=submit]'));
	await waitFor('the price to be refused in German', async () => await form.locator('[data-field=priceCents] .field-error').textContent() === WRONG_PRICE);
	assert.doesNotMatch(await form.innerText(), /in English/);

	await page.goto(`${stack.url}/console/drops/${drop.id}`);
	const edit = page.locator(id('admin-edit-form'));
	await edit.locator('[name=name]').fill('Changed but not saved');
	await choose(page, 'ar');
	await speaks(page, 'ar');
	await page.locator('h2', { hasText: (await own('ar'))['c.edit.title'] }).waitFor();
	assert.equal(await edit.locator('[name=name]').inputValue(), 'Changed but not saved');
	await press(edit.locator('[type=submit]'));
	await waitFor('the change to be saved', async () => (await dropNow(drop.id)).name === 'Changed but not saved');
});

test('a language that cannot be had leaves the page in the one it is in, and says so', async (t) => {
	const page = await openPage(t, { tolerate: AWAY });

	await page.route('**/js/texts/de.js', (route) => route.abort());
	await choose(page, 'de');
	await toast(page, 'network').waitFor();
	assert.equal(await html(page), 'en,ltr');
	await waitFor('the switch to say so', async () => await page.locator(id('language')).inputValue() === 'en');
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
		for (const name of ['buy', 'give-back', 'hold-ring']) {
			const box = await holdOf(page, drop.id).locator(id(name)).boundingBox();
			assert.ok(box && box.x >= 0 && box.x + box.width <= 320, `${name} is in view: ${JSON.stringify(box)}`);
		}
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
