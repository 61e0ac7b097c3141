/** Signing in without losing what one was doing, and what one has bought on paper. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { card, fillSignIn, holdOf, id, openPage, press, pressReserve, quit, REFUSED } from '../lib/browser.mjs';
import { newDrop, PASSWORD, person, purchase, reserve, unique } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const TOLERATE = { tolerate: REFUSED };
const focusedName = (/** @type {Page} */ page) => page.evaluate('document.activeElement.getAttribute("name")');

/** The message beside a field, by what the field names as its description. @param {import('playwright-core').Locator} field */
async function errorOf(field) {
	return field.evaluate((input) => (input.getAttribute('aria-invalid') !== 'true' ? '' :
		`${input.getAttribute('aria-describedby') ?? ''} ${input.getAttribute('aria-errormessage') ?? ''}`.trim().split(/\s+/)
			.map((name) => document.getElementById(name)).filter((e) => e && e.checkVisibility()).map((e) => e?.textContent).join(' ').trim()));
}

for (const start of ['/', 'its own page']) {
	test(`a reserve pressed on ${start === '/' ? 'the floor' : start} goes on by itself after signing in, with the size that was chosen`, async (t) => {
		const drop = await newDrop({ sizes: [{ size: '42', totalStock: 2 }, { size: '43', totalStock: 2 }] });
		const who = await person();
		const page = await openPage(t, { path: start === '/' ? '/' : `/drops/${drop.id}` });

		await pressReserve(page, drop.id, '43');
		await page.locator(id('sign-in-form')).waitFor();
		await fillSignIn(page, who.email, PASSWORD);
		await holdOf(page, drop.id).waitFor();
		const [hold] = (await who.api.get('/api/reservations')).body.reservations;
		assert.deepEqual([hold.dropId, hold.size, hold.status], [drop.id, '43', 'active']);
		assert.equal(new URL(page.url()).pathname, start === '/' ? '/' : `/drops/${drop.id}`);
	});
}

test('it also goes on after making an account', async (t) => {
	const drop = await newDrop();
	const page = await openPage(t);
	const username = unique('New');

	await pressReserve(page, drop.id);
	await press(page.locator(id('show-sign-up')));
	const form = page.locator(id('sign-up-form'));
	await form.locator('[name=username]').fill(username);
	await form.locator('[name=email]').fill(`${username.toLowerCase()}@test.example`);
	await form.locator('[name=password]').fill(PASSWORD);
	await press(form.locator('[type=submit]'));
	await holdOf(page, drop.id).waitFor();
	assert.ok((await page.locator(id('signed-in-user')).textContent())?.includes(username));
});

test('a dialog that is dismissed reserves nothing, also not later', async (t) => {
	const [drop, other] = [await newDrop(), await newDrop()];
	const who = await person();
	const page = await openPage(t);

	await pressReserve(page, drop.id);
	await page.locator(id('sign-in-form')).waitFor();
	await page.keyboard.press('Escape');
	await page.locator(id('sign-in-form')).waitFor({ state: 'hidden' });
	await press(page.locator(id('sign-in-open')));
	await fillSignIn(page, who.email, PASSWORD);
	await page.locator(id('signed-in-user')).waitFor();
	await pressReserve(page, other.id);
	await holdOf(page, other.id).waitFor();
	assert.deepEqual((await who.api.get('/api/reservations')).body.reservations.map((/** @type {any} */ r) => r.dropId), [other.id]);
});

test('password managers find what they look for', async (t) => {
	const page = await openPage(t);
	const auto = (/** @type {string} */ form, /** @type {string} */ name) => page.locator(`${id(form)} [name=${name}]`).getAttribute('autocomplete');

	await press(page.locator(id('sign-in-open')));
	assert.match(String(await auto('sign-in-form', 'email')), /^(username|email)( webauthn)?$/);
	assert.match(String(await auto('sign-in-form', 'password')), /^current-password/);
	assert.equal(await page.locator(`${id('sign-in-form')} [name=password]`).getAttribute('type'), 'password');
	await press(page.locator(id('show-sign-up')));
	assert.equal(await auto('sign-up-form', 'email'), 'email');
	assert.match(String(await auto('sign-up-form', 'username')), /^(username|nickname)$/);
	assert.equal(await auto('sign-up-form', 'password'), 'new-password');
});

for (const [form, open] of /** @type {[string, string[]][]} */ ([['sign-in-form', []], ['sign-up-form', ['show-sign-up']]])) {
	test(`the password can be shown and hidden again in the ${form}`, async (t) => {
		const page = await openPage(t);

		for (const name of ['sign-in-open', ...open])
			await press(page.locator(id(name)));
		const field = page.locator(`${id(form)} [name=password]`);
		const button = page.locator(`${id(form)} ${id('show-password')}`);

		await field.fill('secret words');
		for (const shown of ['true', 'false']) {
			await press(button);
			assert.equal(await button.getAttribute('aria-pressed'), shown);
			assert.equal(await field.getAttribute('type'), shown === 'true' ? 'text' : 'password');
			assert.equal(await field.inputValue(), 'secret words');
		}
		await press(button);
		await page.keyboard.press('Escape');
		await press(page.locator(id('sign-in-open')));
		assert.equal(await page.locator(`${id('sign-in-form')} [name=password]`).getAttribute('type'), 'password', 'it is not shown when one comes back');
	});
}

test('what is wrong is said beside its field, and the focus goes to the first of them', async (t) => {
	const taken = await person();
	const page = await openPage(t, TOLERATE);

	await press(page.locator(id('sign-in-open')));
	const sign = page.locator(id('sign-in-form'));
	await press(sign.locator('[type=submit]'));
	for (const name of ['email', 'password'])
		await waitFor(`the error of ${name}`, async () => (await errorOf(sign.locator(`[name=${name}]`))).length > 3);
	assert.equal(await focusedName(page), 'email');
	await sign.locator('[name=email]').fill('somebody@test.example');
	await waitFor('the error to go', async () => await errorOf(sign.locator('[name=email]')) === '');

	await press(page.locator(id('show-sign-up')));
	const up = page.locator(id('sign-up-form'));
	await up.locator('[name=username]').fill(unique('Other'));
	await up.locator('[name=email]').fill(taken.email);
	await up.locator('[name=password]').fill(PASSWORD);
	await press(up.locator('[type=submit]'));
	await waitFor('the address to be taken', async () => (await errorOf(up.locator('[name=email]'))).length > 3);
	assert.equal(await focusedName(page), 'email');
	assert.equal(await up.locator('[name=password]').inputValue(), PASSWORD, 'nothing typed is lost');
	await up.locator('[name=email]').fill('not an address');
	await up.locator('[name=password]').fill('short');
	await press(up.locator('[type=submit]'));
	for (const name of ['email', 'password'])
		await waitFor(`the error of ${name}`, async () => (await errorOf(up.locator(`[name=${name}]`))).length > 3);
});

test('the dialog keeps the focus inside, and gives it back to what opened it', async (t) => {
	const page = await openPage(t);
	const inside = () => page.evaluate('document.activeElement === document.body || document.activeElement.closest("dialog[open]") !== null');

	await page.locator(id('sign-in-open')).focus();
	await page.keyboard.press('Enter');
	await page.locator(id('sign-in-form')).waitFor();
	for (let i = 0; i < 12; i++) {
		await page.keyboard.press('Tab');
		assert.ok(await inside());
	}
	await page.keyboard.press('Escape');
	await waitFor('the focus to be back', () => page.evaluate('document.activeElement.dataset.testid === "sign-in-open"'));
});

test('what is bought and held is listed under /me, and nobody else\'s', async (t) => {
	const drop = await newDrop({ maxPerUser: 2 });
	const [who, other] = [await person(), await person()];
	const bought = await purchase(who.api, (await reserve(who.api, drop.id)).id);
	const hold = await reserve(who.api, drop.id);
	const [page, others] = [await openPage(t, { as: who, path: '/me' }), await openPage(t, { as: other, path: '/me' })];

	await page.locator(`${id('my-purchases')} li[data-id="${bought.id}"]`).waitFor();
	const row = page.locator(`${id('my-reservations')} li[data-id="${hold.id}"]`);
	await row.waitFor();
	assert.equal(await row.getAttribute('data-status'), 'active');
	await who.api.del(`/api/reservations/${hold.id}`);
	await page.locator(`${id('my-reservations')} li[data-id="${hold.id}"][data-status=released]`).waitFor();
	assert.equal(await others.locator('li[data-id]').count(), 0);
	const nobody = await openPage(t, { path: '/me' });
	assert.equal(await nobody.locator('li[data-id]').count(), 0);
	await nobody.locator(`main ${id('sign-in-open')}, ${id('sign-in-open')}`).first().waitFor();
});

test('a receipt names what was bought, and prints alone, in black on white', async (t) => {
	const drop = await newDrop({ name: unique('Printed'), priceCents: 12950, currency: 'EUR', sizes: [{ size: '43', totalStock: 2 }] });
	const who = await person();
	const bought = await purchase(who.api, (await reserve(who.api, drop.id, '43')).id);
	const page = await openPage(t, { as: who, path: '/me', context: { colorScheme: 'dark' } });

	await page.evaluate('window.print = () => { window.printed = (window.printed ?? 0) + 1; }');
	await press(page.locator(`${id('my-purchases')} li[data-id="${bought.id}"] ${id('receipt-open')}`));
	const receipt = page.locator(id('receipt'));
	await receipt.waitFor();
	const text = String(await receipt.textContent());
	for (const part of [drop.name, '43', '129.50', who.username, bought.id])
		assert.ok(text.includes(part), `${part} in: ${text}`);
	await press(receipt.locator(id('receipt-print')));
	assert.equal(await page.evaluate('window.printed'), 1);

	await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
	const seen = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((e) => e instanceof HTMLElement && e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
		[...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent?.trim()) && e.getClientRects().length > 0)
		.map((e) => ({ inside: e.closest('[data-testid=receipt]') !== null, text: e.textContent?.trim().slice(0, 40), color: getComputedStyle(e).color })));
	assert.ok(seen.length > 3);
	assert.deepEqual(seen.filter(({ inside }) => !inside), [], 'only the receipt');
	for (const { color, text: what } of seen) {
		const [r, g, b] = (color.match(/[\d.]+/g) ?? []).map(Number);

		assert.ok(Number(r) + Number(g) + Number(b) < 3 * 110, `${what}: ${color} is dark enough`);
	}
	assert.equal(await receipt.locator(id('receipt-print')).isVisible(), false, 'no buttons on paper');
	const pdf = await page.pdf({ format: 'A4' });
	assert.equal((pdf.toString('latin1').match(/\/Type\s*\/Page\b/g) ?? []).length, 1, 'one sheet');
	await page.emulateMedia({ media: null });
	await page.keyboard.press('Escape');
	await receipt.waitFor({ state: 'hidden' });
	await waitFor('the focus to be back', () => page.evaluate('document.activeElement.dataset.testid === "receipt-open"'));
	assert.equal(await card(page, drop.id).count(), 0);
});
