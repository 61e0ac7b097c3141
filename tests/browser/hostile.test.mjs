/** What others wrote is text, whatever it says; and the browser is told to refuse the rest. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { card, holdOf, id, openPage, press, pressReserve, quit } from '../lib/browser.mjs';
import { admin, anyone, newDrop, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const IMG = '<img src=x onerror="window.pwned=1">';

/** Nothing of it ran, or became an element. @param {Page} page */
async function isHarmless(page) {
	assert.equal(await page.evaluate('window.pwned'), undefined);
	assert.equal(await page.locator('img[src="x"], [onerror], [onload], body script, main b, dialog b, iframe').count(), 0);
}

test('a drop named like an image shows its name: on its card, in its own view, as the hero, in a hold, on a receipt', async (t) => {
	const name = `${IMG}<script>window.pwned=1</script>${unique()}`;
	const fields = { name, description: '<svg onload=window.pwned=1>{{1+1}}', maxPerUser: 2 };
	const drop = await newDrop({ ...fields, sizes: [{ size: '<b>42</b>', totalStock: 3 }] });
	const who = await person();
	await purchase(who.api, (await reserve(who.api, drop.id, '<b>42</b>')).id);
	const page = await openPage(t, { as: who });

	await waitFor('the name on the card', async () => (await card(page, drop.id).innerText()).includes(name));
	await isHarmless(page);
	await press(card(page, drop.id).locator(id('drop-link')).first());
	const view = page.locator(id('drop-view'));
	await waitFor('the name in its view', async () => (await view.innerText()).includes(name));
	assert.ok((await view.innerText()).includes('<svg onload'));
	assert.ok((await page.title()).includes(IMG));
	await pressReserve(page, drop.id);
	await waitFor('the name in the hold', async () => (await holdOf(page, drop.id).textContent())?.includes(name));
	await isHarmless(page);
	await page.goto(`${stack.url}/me`);
	await press(page.locator(`${id('my-purchases')} ${id('receipt-open')}`).first());
	await waitFor('the name on the receipt', async () => (await page.locator(id('receipt')).textContent())?.includes(name));
	await isHarmless(page);
	await (await admin()).patch(`/api/drops/${drop.id}`, { dropStartsAt: new Date(Date.now() + 2500).toISOString() });
	const others = await openPage(t);
	await others.locator(`${id('hero')}[data-hero-drop="${drop.id}"]`).waitFor();
	assert.ok((await others.locator(id('hero')).innerText()).includes(name));
	await isHarmless(others);
});

test('a picture\'s address that is a script, or another site\'s page, runs nothing', async (t) => {
	for (const imageUrl of ['javascript:window.pwned=1', 'data:text/html,<script>window.pwned=1</script>', '"><img src=x onerror=window.pwned=1>']) {
		const res = await (await admin()).post('/api/drops', { name: unique(), priceCents: 1, totalStock: 1, imageUrl });

		assert.ok([201, 400].includes(res.status), res.asked);
		if (res.status === 201) {
			const page = await openPage(t, { path: `/drops/${res.body.drop.id}`, tolerate: /./ });

			await card(page, res.body.drop.id).waitFor();
			await isHarmless(page);
		}
	}
});

test('an address that carries markup shows none of it', async (t) => {
	const page = await openPage(t, { path: `/?status=${encodeURIComponent(IMG)}&size=${encodeURIComponent(IMG)}#${encodeURIComponent(IMG)}` });

	await isHarmless(page);
});

test('the policy lets no other script in, and no text become markup', async (t) => {
	for (const path of ['/', '/drops/1', '/me', '/console']) {
		const policy = String((await anyone.get(path)).headers['content-security-policy']);

		assert.match(policy, /default-src 'self'/);
		assert.match(policy, /require-trusted-types-for 'script'/);
		assert.match(policy, /trusted-types 'none'/);
		assert.match(policy, /frame-ancestors 'none'/);
		assert.doesNotMatch(policy, /unsafe|\*/);
	}
	const page = await openPage(t, { tolerate: /./ });
	const tried = /** @type {Record<string, string>} */ (await page.evaluate(() => {
		/** @type {Record<string, string>} */
		const results = {};
		const attempt = (/** @type {string} */ name, /** @type {() => unknown} */ work) => {
			try {
				work();
				results[name] = 'worked';
			} catch (error) {
				results[name] = /** @type {Error} */ (error).name;
			}
		};
		attempt('innerHTML', () => { document.createElement('p').innerHTML = '<b>x</b>'; });
		attempt('policy', () => /** @type {any} */ (window).trustedTypes.createPolicy('mine', {}));
		attempt('script', () => { document.createElement('script').src = '/js/main.js'; });
		return results;
	}));
	assert.deepEqual(tried, { innerHTML: 'TypeError', policy: 'TypeError', script: 'TypeError' });
	await page.evaluate(() => {
		const button = document.createElement('button');

		button.setAttribute('onclick', 'window.pwned = 1');
		document.body.append(button);
		button.click();
	}).catch(() => {});
	assert.equal(await page.evaluate('window.pwned'), undefined, 'no inline handler');
});
