/** Every refusal says what happened and what to do now, in each language. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { AWAY, card, connected, fillSignIn, holdOf, id, onTheWay, openPage, press, pressReserve, quit, REFUSED, shows, toast } from '../lib/browser.mjs';
import { admin, dropNow, newDrop, PASSWORD, people, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const RESERVE = /\/reservations$/;
const BUY = /\/purchase$/;
const TOLERATE = { tolerate: new RegExp(`${REFUSED.source}|${AWAY.source}`) };
const LANGUAGES = ['en', 'de', 'ar'];

/** What was said of each refusal, by language. @type {Map<string, Set<string>>} */
const said = new Map();

/**
 * Somebody in each language, at the same time.
 * @param {import('node:test').TestContext} t @param {(page: Page, who: import('../lib/store.mjs').Person) => Promise<void>} work
 */
async function inEach(t, work) {
	const crowd = await people(LANGUAGES.length);

	await Promise.all(LANGUAGES.map(async (lang, i) => {
		const who = /** @type {import('../lib/store.mjs').Person} */ (crowd[i]);
		const page = await openPage(t, { as: who, ...TOLERATE, context: { locale: lang } });

		await waitFor(`the page in ${lang}`, () => page.evaluate(`document.documentElement.lang === '${lang}'`));
		await work(page, who);
	}));
}

/**
 * Waits for what is said of a refusal: a sentence about what happened, and one about what to do now.
 * @param {Page} page @param {string} code @param {string} [drop]  a drop's name, which says nothing by itself
 */
async function isSaid(page, code, drop = '') {
	const text = ((await toast(page, code).locator('p').first().textContent()) ?? '').replace(drop, '').trim();

	assert.ok(text.length > 20, `${code}: ${text}`);
	assert.ok(!/undefined|NaN|[{}_]|\w\.\w/.test(text), `${code}: ${text}`);
	said.set(code, (said.get(code) ?? new Set()).add(text));
}

/** What happens while a reserve is on its way, by the refusal that comes of it.
 * @type {Record<string, {fields?: Record<string, any>, meanwhile: (drop: any, who: import('../lib/store.mjs').Person) => Promise<unknown>}>} */
const RESERVES = {
	sold_out: { fields: { totalStock: 1 }, meanwhile: async (drop) => reserve((await person()).api, drop.id) },
	already_reserved: { fields: { maxPerUser: 3 }, meanwhile: (drop, who) => reserve(who.api, drop.id) },
	limit_reached: { meanwhile: async (drop, who) => purchase(who.api, (await reserve(who.api, drop.id)).id) },
	paused: { meanwhile: async (drop) => (await admin()).patch(`/api/drops/${drop.id}`, { isActive: false }) },
	not_started: { meanwhile: async (drop) => (await admin()).patch(`/api/drops/${drop.id}`, { dropStartsAt: new Date(Date.now() + 60_000).toISOString() }) },
	ended: { meanwhile: async (drop) => {
		await (await admin()).patch(`/api/drops/${drop.id}`, { dropEndsAt: new Date(Date.now() + 300).toISOString() });
		await waitFor('its end', async () => (await dropNow(drop.id)).status === 'ended');
	} },
};

for (const [code, { fields = {}, meanwhile }] of Object.entries(RESERVES)) {
	test(`a reserve refused with ${code} says so, in each language`, async (t) => {
		await inEach(t, async (page, who) => {
			const drop = await newDrop(fields);

			await shows(page, drop.id, 'available', drop.totalStock);
			await onTheWay(page, 'POST', RESERVE, () => meanwhile(drop, who));
			await pressReserve(page, drop.id);
			await isSaid(page, code, drop.name);
		});
		assert.equal(said.get(code)?.size, LANGUAGES.length, 'a text in each');
	});
}

test('who let holds lapse again and again is told to wait, and how long, in each language', async (t) => {
	const drop = await newDrop({ totalStock: 5 });

	await inEach(t, async (page) => {
		await page.route(`**/api/drops/${drop.id}/reservations`, (route) => route.fulfill({
			status: 409, contentType: 'application/problem+json', headers: { 'Retry-After': '42' },
			body: JSON.stringify({ status: 409, title: 'Cooling down', code: 'cooling_down', detail: 'x' }),
		}));
		await page.goto(`${stack.url}/drops/${drop.id}`);
		await connected(page);
		await pressReserve(page, drop.id);
		await isSaid(page, 'cooling_down', drop.name);
		assert.match(String(await toast(page, 'cooling_down').textContent()), /42|٤٢/);
	});
});

test('a purchase that comes too late says so, in each language', async (t) => {
	await inEach(t, async (page, who) => {
		const drop = await newDrop({ holdSeconds: 5 });

		await reserve(who.api, drop.id);
		await onTheWay(page, 'POST', BUY, () => waitFor('the hold to lapse', async () => (await dropNow(drop.id)).reservedStock === 0));
		await press(holdOf(page, drop.id).locator(id('buy')));
		await isSaid(page, 'reservation_expired', drop.name);
		await holdOf(page, drop.id).waitFor({ state: 'detached' });
	});
	assert.equal(said.get('reservation_expired')?.size, LANGUAGES.length);
});

test('a hold given back in another place cannot be given back again, and that is said', async (t) => {
	const drop = await newDrop();
	const who = await person();
	const page = await openPage(t, { as: who, ...TOLERATE });
	const hold = await reserve(who.api, drop.id);

	await onTheWay(page, 'DELETE', /\/reservations\/[^/]+$/, () => who.api.del(`/api/reservations/${hold.id}`));
	await press(holdOf(page, drop.id).locator(id('give-back')));
	await isSaid(page, 'not_active', drop.name);
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
});

/** Answers the page's next reserves with a refusal, then lets them through. @param {Page} page @param {number} status @param {string} code
 * @param {number} times @param {number} retryAfterS */
async function refusing(page, status, code, times, retryAfterS) {
	const log = { asked: /** @type {number[]} */ ([]), keys: new Set() };

	await page.route(RESERVE, (route) => {
		if (route.request().method() !== 'POST')
			return route.fallback();
		log.asked.push(Date.now());
		log.keys.add(route.request().headers()['idempotency-key']);
		return log.asked.length > times ? route.continue() : route.fulfill({
			status, headers: { 'Retry-After': String(retryAfterS) }, contentType: 'application/problem+json',
			body: JSON.stringify({ status, title: 'Refused', code }),
		});
	});
	return log;
}

for (const [status, code] of /** @type {[number, string][]} */ ([[429, 'too_many_requests'], [503, 'unavailable']])) {
	test(`a reserve refused once with ${status} is tried again after the time that was named, and holds`, async (t) => {
		const drop = await newDrop();
		const page = await openPage(t, { as: await person(), ...TOLERATE });
		const log = await refusing(page, status, code, 1, 1);

		await pressReserve(page, drop.id);
		await holdOf(page, drop.id).waitFor();
		assert.equal(log.asked.length, 2);
		assert.ok(Number(log.asked[1]) - Number(log.asked[0]) >= 1000, 'not before the time');
		assert.equal(log.keys.size, 1, 'with its key');
	});

	test(`a reserve refused again and again with ${status} ends with a word, and is not tried for ever`, { timeout: 120_000 }, async (t) => {
		await inEach(t, async (page) => {
			const drop = await newDrop();
			const log = await refusing(page, status, code, Infinity, 1);

			await pressReserve(page, drop.id);
			await toast(page, code).waitFor({ timeout: 15_000 });
			await waitFor('the last word', async () => await card(page, drop.id).locator(id('reserve')).getAttribute('aria-busy') !== 'true');
			await isSaid(page, code, drop.name);
			assert.ok(log.asked.length <= 4, `${log.asked.length} attempts`);
		});
		assert.ok(Number(said.get(code)?.size) >= LANGUAGES.length, 'a text in each');
	});
}

test('offline, a press says so; nothing was held, and with the network it works', async (t) => {
	await inEach(t, async (page) => {
		const drop = await newDrop();

		await shows(page, drop.id, 'available', 5);
		await page.context().setOffline(true);
		await page.locator(`${id('connection')}[data-state=offline]`).waitFor({ state: 'attached' });
		await pressReserve(page, drop.id);
		const bad = page.locator(`${id('toast')}[data-kind=bad]`).last();
		await bad.waitFor({ timeout: 15_000 });
		const code = String(await bad.getAttribute('data-code'));
		assert.match(code, /^(offline|network)$/);
		await isSaid(page, code, drop.name);
		said.set('away', (said.get('away') ?? new Set()).add(await bad.locator('p').first().textContent()));
		assert.equal((await dropNow(drop.id)).reservedStock, 0);
		await page.context().setOffline(false);
		await page.locator(`${id('connection')}[data-state=live]`).waitFor({ state: 'attached' });
		await waitFor('the press not to be under way', async () => await card(page, drop.id).locator(id('reserve')).getAttribute('aria-busy') !== 'true', 15_000);
		if (!await holdOf(page, drop.id).count())
			await pressReserve(page, drop.id);
		await holdOf(page, drop.id).waitFor();
		assert.equal((await dropNow(drop.id)).reservedStock, 1);
	});
	assert.equal(said.get('away')?.size, LANGUAGES.length);
});

test('signed out elsewhere, a press asks to sign in, and then goes on', async (t) => {
	const drop = await newDrop();
	const who = await person();
	const page = await openPage(t, { as: who, ...TOLERATE });

	await shows(page, drop.id, 'available', 5);
	await stack.ctl(['user', 'revoke', who.email]);
	await pressReserve(page, drop.id);
	await page.locator(id('sign-in-form')).waitFor();
	await fillSignIn(page, who.email, PASSWORD);
	await holdOf(page, drop.id).waitFor();
});
