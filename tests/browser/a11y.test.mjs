/** WCAG 2.2 AA as far as a program can judge it, on every view and dialog; and what only time shows: what is announced, what moves. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { AWAY, card, connected, holdOf, id, openPage, press, pressReserve, quit, REFUSED, shows, sideways } from '../lib/browser.mjs';
import { admin, newDrop, people, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** What each language is looked at in: every scheme with every size in one; in the others by turns, view by view.
 * @type {Record<string, {scheme: 'light'|'dark', size: {width: number, height: number}}[]>} */
const LOOKS = {
	en: [{ scheme: 'light', size: DESK }, { scheme: 'dark', size: DESK }, { scheme: 'dark', size: PHONE }, { scheme: 'light', size: PHONE }],
	de: [{ scheme: 'dark', size: DESK }, { scheme: 'light', size: PHONE }],
	ar: [{ scheme: 'light', size: DESK }, { scheme: 'dark', size: PHONE }],
};

/** What nobody can see of a page: each breach by its rule, and where. @param {Page} page @returns {Promise<string[]>} */
async function breaches(page) {
	if (!await page.evaluate('"axe" in window'))
		await page.evaluate(AXE);
	return page.evaluate(async (tags) => {
		const { violations } = await /** @type {any} */ (window).axe.run({ runOnly: tags, resultTypes: ['violations'] });

		return violations.flatMap((/** @type {any} */ v) => v.nodes.slice(0, 3).map((/** @type {any} */ node) =>
			`${v.id}: ${node.target} ${node.html.slice(0, 160)} ${node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? ''}`));
	}, TAGS);
}

/** In every look of its language there is no breach, and at 320 pixels, at twice the size and on a tablet nothing sticks out.
 * @param {Page} page @param {string} lang @param {string} what @param {number} turn @param {string[]} found  what is wrong is added to it */
async function look(page, lang, what, turn, found) {
	const looks = LOOKS[lang] ?? [];

	for (const { scheme, size } of lang === 'en' ? looks : looks.slice(turn % looks.length, turn % looks.length + 1)) {
		await page.emulateMedia({ colorScheme: scheme });
		await page.setViewportSize(size);
		await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
		found.push(...(await breaches(page)).map((line) => `${what}, ${lang}, ${scheme}, ${size.width} px: ${line}`));
	}
	/* 640 is what 1280 pixels are at 200 %, 768 a tablet */
	for (const width of [320, 640, 768]) {
		await page.setViewportSize({ width, height: 700 });
		const by = await waitFor('the layout', async () => ({ by: await sideways(page) }));

		if (by.by)
			found.push(`${what}, ${lang}: ${by.by} pixels stick out at ${width}`);
	}
	await page.setViewportSize(DESK);
}

/** A view, or a dialog in it: where it is, how it is reached from there, and how it is left where another address is not enough.
 * @typedef {{path: string, reach?: (page: Page) => Promise<unknown>, leave?: (page: Page) => Promise<unknown>}} View
 * @param {import('node:test').TestContext} t @param {Record<string, View>} views @param {{api: {token?: string}}} [as] */
async function lookAtAll(t, views, as) {
	/** @type {string[]} */
	const found = [];

	await Promise.all(Object.keys(LOOKS).map(async (lang) => {
		const page = await openPage(t, { as, context: { locale: lang }, tolerate: new RegExp(`${REFUSED.source}|${AWAY.source}`), ...DESK });

		await waitFor(`the page in ${lang}`, () => page.evaluate(`document.documentElement.lang === '${lang}'`));
		for (const [turn, [what, { path, reach }]] of Object.entries(views).entries()) {
			await page.goto(stack.url + path);
			await connected(page);
			await reach?.(page);
			await look(page, lang, what, turn, found);
			await views[what]?.leave?.(page);
		}
	}));
	assert.deepEqual(found, []);
}

const LONG = { timeout: 150_000 };

/** What the views show: one drop of each kind, few enough to be looked at often. */
const shelf = {
	live: await newDrop({ name: 'Cinder Runner', description: 'Suede over mesh.', imageUrl: '/img/cinder-runner.svg', holdSeconds: 600, maxPerUser: 3,
		sizes: [{ size: '41', totalStock: 9 }, { size: '42', totalStock: 1 }, { size: '43', totalStock: 1 }, { size: '44', totalStock: 2 }] }),
	upcoming: await newDrop({ name: 'Kiln 90', dropStartsAt: new Date(Date.now() + 3_600_000).toISOString(), totalStock: 90 }),
	soldOut: await newDrop({ name: 'Tidemark Low', totalStock: 1 }),
	held: await newDrop({ name: 'Moss Trail', totalStock: 1, holdSeconds: 600 }),
	paused: await newDrop({ name: 'Pavilion Slip' }),
};
const [buyer, other] = await people(2);

assert.ok(buyer && other);
await purchase(other.api, (await reserve(other.api, shelf.soldOut.id)).id);
await reserve(other.api, shelf.held.id);
await purchase(other.api, (await reserve(other.api, shelf.live.id, '43')).id);
await reserve(other.api, shelf.live.id, '42');
await purchase(buyer.api, (await reserve(buyer.api, shelf.live.id, '44')).id);
await buyer.api.del(`/api/reservations/${(await reserve(buyer.api, shelf.live.id, '41')).id}`);
await (await admin()).patch(`/api/drops/${shelf.paused.id}`, { isActive: false });

test('what anybody may see has no breach, in any language, light or dark, on a desk or a phone', LONG, async (t) => {
	const openSignIn = (/** @type {Page} */ page) => press(page.locator(id('sign-in-open')).first());
	const sendEmpty = (/** @type {Page} */ page, /** @type {string} */ form) => press(page.locator(`${id(form)} [type=submit]`));

	await lookAtAll(t, {
		'the floor': { path: '/', reach: (page) => card(page, shelf.live.id).waitFor() },
		'the floor, offline': {
			path: '/',
			reach: async (page) => {
				await card(page, shelf.live.id).waitFor();
				await page.context().setOffline(true);
				await page.locator('html[data-connection=offline]').waitFor({ state: 'attached' });
			},
			leave: (page) => page.context().setOffline(false),
		},
		'a filter that leaves nothing': { path: '/?status=past&size=none' },
		'an open drop': { path: `/drops/${shelf.live.id}`, reach: (page) => card(page, shelf.live.id).waitFor() },
		'a drop that comes': { path: `/drops/${shelf.upcoming.id}`, reach: (page) => card(page, shelf.upcoming.id).waitFor() },
		'a drop that is gone': { path: `/drops/${shelf.soldOut.id}`, reach: (page) => card(page, shelf.soldOut.id).waitFor() },
		'a drop that is paused': { path: `/drops/${shelf.paused.id}`, reach: (page) => card(page, shelf.paused.id).waitFor() },
		'a drop that is not there': { path: '/drops/999999' },
		'one\'s own, signed out': { path: '/me' },
		'the console, signed out': { path: '/console', reach: (page) => page.locator(`${id('console')} h1`).waitFor() },
		'signing in, with what is wrong': { path: '/', reach: async (page) => {
			await openSignIn(page);
			await sendEmpty(page, 'sign-in-form');
			await page.locator(`${id('sign-in-form')} [aria-invalid=true]`).first().waitFor();
		} },
		'signing up, with what is wrong': { path: '/', reach: async (page) => {
			await openSignIn(page);
			await press(page.locator(id('show-sign-up')));
			await sendEmpty(page, 'sign-up-form');
			await page.locator(`${id('sign-up-form')} [aria-invalid=true]`).first().waitFor();
		} },
	});
});

test('what a buyer sees has no breach either', LONG, async (t) => {
	await reserve(buyer.api, shelf.live.id, '41');
	await lookAtAll(t, {
		'the floor, with a hold': { path: '/', reach: (page) => holdOf(page, shelf.live.id).waitFor() },
		'a drop, with a hold': { path: `/drops/${shelf.live.id}`, reach: (page) => holdOf(page, shelf.live.id).waitFor() },
		'one\'s own': { path: '/me', reach: (page) => page.locator(`${id('my-purchases')} li[data-id]`).first().waitFor() },
		'a receipt': { path: '/me', reach: async (page) => {
			await press(page.locator(id('receipt-open')).first());
			await page.locator(id('receipt')).waitFor();
		} },
		'the console, refused': { path: '/console', reach: (page) => page.locator(`${id('console')} h1`).waitFor() },
	}, buyer);
});

test('what an operator sees has no breach either', LONG, async (t) => {
	const console = (/** @type {Page} */ page) => page.locator(id('console')).waitFor();
	const here = `/console/drops/${shelf.live.id}`;

	await lookAtAll(t, {
		'the floor': { path: '/', reach: (page) => card(page, shelf.live.id).locator(id('admin-pause')).waitFor() },
		'restocking': { path: '/', reach: async (page) => {
			await press(card(page, shelf.live.id).locator(id('admin-restock')));
			await page.locator(id('admin-restock-form')).waitFor();
		} },
		'the console': { path: '/console', reach: (page) => page.locator(`[data-console-drop="${shelf.live.id}"]`).waitFor() },
		'a new drop, with what is wrong': { path: '/console/new', reach: async (page) => {
			await press(page.locator(`${id('admin-create-form')} [type=submit]`));
			await page.locator(`${id('admin-create-form')} [aria-invalid=true]`).first().waitFor();
		} },
		'the board': { path: here, reach: async (page) => {
			await console(page);
			await page.locator(`${id('board-purchases')} tr[data-id]`).first().waitFor();
		} },
		'ending a drop': { path: here, reach: async (page) => {
			await press(page.locator(id('admin-end')));
			await page.locator('dialog[open]').waitFor();
		} },
		'restocking in the console': { path: here, reach: async (page) => {
			await press(page.locator(`${id('console')} ${id('admin-restock')}`));
			await page.locator(id('admin-restock-form')).waitFor();
		} },
		'the trail': { path: '/console/actions', reach: (page) => page.locator('[data-action-id]').first().waitFor() },
	}, { api: await admin() });
});

test('a hold in its last seconds has no breach, light or dark', async (t) => {
	const drop = await newDrop({ holdSeconds: 5 });
	const who = await person();
	const page = await openPage(t, { as: who, path: `/drops/${drop.id}` });
	/** @type {string[]} */
	const found = [];

	await page.evaluate(AXE);
	for (const scheme of /** @type {('light'|'dark')[]} */ (['light', 'dark'])) {
		await page.emulateMedia({ colorScheme: scheme });
		await reserve(who.api, drop.id);
		await page.locator(`${id('hold')}[data-urgency=last]`).waitFor();
		found.push(...await breaches(page));
		assert.equal(await page.locator(`${id('hold')}[data-urgency=last]`).count(), 1, 'it was looked at in time');
		await holdOf(page, drop.id).waitFor({ state: 'detached' });
	}
	assert.deepEqual(found, []);
});

test('changes of the drop in view are told politely, not more often than every few seconds, and those of others not at all', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 50, maxPerUser: 50 });
	const elsewhere = await newDrop({ totalStock: 50, maxPerUser: 50 });
	const page = await openPage(t, { path: `/drops/${drop.id}` });
	const region = page.locator(id('announcer'));
	const crowd = await people(12);

	assert.equal(await region.getAttribute('aria-live'), 'polite');
	await shows(page, drop.id, 'available', 50);
	await page.evaluate(`{
		const told = window.told = [];
		let last = '';
		new MutationObserver(() => {
			const text = document.querySelector('[data-testid=announcer]').textContent.trim();
			if (text && text !== last) told.push({ at: performance.now(), text });
			last = text;
		}).observe(document.querySelector('[data-testid=announcer]'), { childList: true, characterData: true, subtree: true });
	}`);
	const start = Date.now();
	for (const [i, { api }] of crowd.entries()) {
		await waitFor('the next moment', () => Date.now() >= start + i * 500);
		await reserve(api, i === 0 ? elsewhere.id : drop.id);
	}
	await waitFor('the last of it to be told', async () => /** @type {any[]} */ (await page.evaluate('told')).some(({ text }) => /\b39\b/.test(text)));
	const told = /** @type {{at: number, text: string}[]} */ (await page.evaluate('told'));
	assert.ok(told.length >= 2 && told.length <= 4, JSON.stringify(told));
	for (const [i, { at, text }] of told.entries()) {
		assert.ok(i === 0 || at - Number(told[i - 1]?.at) >= 3500, JSON.stringify(told));
		assert.ok(!text.includes(elsewhere.name), text);
	}
});

test('who asks for less motion gets none', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const page = await openPage(t, { as: await person(), context: { reducedMotion: 'reduce' } });
	const moving = () => page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running' &&
		Number(a.effect?.getComputedTiming().activeDuration) > 50).map((a) => /** @type {any} */ (a.effect)?.target?.className));

	await pressReserve(page, drop.id);
	for (let i = 0; i < 5; i++) {
		assert.deepEqual(await moving(), []);
		await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
	}
	await holdOf(page, drop.id).waitFor();
	assert.deepEqual(await moving(), []);
	assert.equal(await page.evaluate('getComputedStyle(document.documentElement).scrollBehavior'), 'auto');
});

test('countdowns are timers that say nothing by themselves', async (t) => {
	const drop = await newDrop();
	const who = await person();
	const page = await openPage(t, { as: who });

	await reserve(who.api, drop.id);
	await holdOf(page, drop.id).waitFor();
	const ticking = page.locator(`${id('hold-countdown')}, ${id('hero-countdown')}`);
	for (const timer of await ticking.all())
		assert.ok(await timer.evaluate((e) => {
			const region = e.closest('[role=timer], [aria-live]');

			return region !== null && (region.getAttribute('aria-live') ?? 'off') === 'off';
		}));
});
