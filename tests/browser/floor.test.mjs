/** The floor: the next drop in large, filters, and a place of its own for each drop. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { card, connected, hasStatus, id, openPage, press, quit, shows } from '../lib/browser.mjs';
import { admin, anyone, listed, newDrop, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const soon = (/** @type {number} */ ms) => new Date(Date.now() + ms).toISOString();
const seen = (/** @type {Page} */ page) => page.locator('[data-drop]:visible').evaluateAll((cards) => cards.map((c) => Number(c.getAttribute('data-drop'))));
const statusButton = (/** @type {Page} */ page, /** @type {string} */ status) => page.locator(`${id('filter-status')}[data-status=${status}]`);
const viewIs = (/** @type {Page} */ page, /** @type {string} */ view) => page.locator(`html[data-view=${view}]`).waitFor({ state: 'attached' });

/** Whether any of it is where one sees it. @param {import('playwright-core').Locator} node */
const inView = (node) => node.evaluate((/** @type {Element} */ it) => {
	const { top, bottom } = it.getBoundingClientRect();

	return bottom > 0 && top < innerHeight;
});

/** Runs in the page before anything else does: what moves, by how much. */
function watchShifts() {
	const shifts = /** @type {any} */ (window).shifts = [];

	new PerformanceObserver((list) => {
		for (const { value, sources } of /** @type {any[]} */ (list.getEntries()))
			shifts.push([value, ...sources.map((/** @type {any} */ { node }) => node?.className ?? node?.nodeName)]);
	}).observe({ type: 'layout-shift', buffered: true });
}

/** Ends what would open earlier than a test's own drop. */
async function nothingUpcoming() {
	for (const drop of (await anyone.get('/api/drops?status=upcoming&limit=200')).body.drops)
		await (await admin()).patch(`/api/drops/${drop.id}`, { dropStartsAt: soon(-1000) });
}

test('the next drop to open is the hero, with its countdown, and keeps its card; another takes over once there is nothing left of it', async (t) => {
	await nothingUpcoming();
	const next = await newDrop({ dropStartsAt: soon(6000), totalStock: 1 });
	const later = await newDrop({ dropStartsAt: soon(3_600_000) });
	const page = await openPage(t);
	const hero = (/** @type {number} */ drop) => page.locator(`${id('hero')}[data-hero-drop="${drop}"]`);

	await hero(next.id).waitFor();
	assert.ok((await hero(next.id).textContent())?.includes(next.name));
	const digits = new Set();
	await waitFor('the countdown to move', async () => digits.add(await hero(next.id).locator(id('hero-countdown')).textContent()).size >= 2);
	await card(page, next.id).waitFor();
	assert.equal(await card(page, next.id).count(), 1);
	await hasStatus(page, next.id, 'live', 8000);
	await hero(next.id).waitFor();	/* it has just opened */
	await reserve((await person()).api, next.id);
	await hero(later.id).waitFor();
	await (await admin()).patch(`/api/drops/${later.id}`, { dropStartsAt: soon(-1000) });
	await waitFor('a live drop as the hero', async () => {
		const shown = Number(await page.locator(id('hero')).getAttribute('data-hero-drop'));

		return (await card(page, shown).getAttribute('data-status')) === 'live';
	});
	await press(page.locator(id('hero-link')));
	await viewIs(page, 'drop');
	assert.match(page.url(), /\/drops\/\d+$/);
});

test('filters by state show what they say, stand in the address, and survive reload and back', async (t) => {
	const live = await newDrop();
	const upcoming = await newDrop({ dropStartsAt: soon(600_000) });
	const past = await newDrop({ dropEndsAt: soon(3000) });
	await waitFor('one to be over', async () => (await (await admin()).get(`/api/drops/${past.id}`)).body.drop.status === 'ended');
	const page = await openPage(t);

	for (const [status, [yes, ...no]] of /** @type {[string, [number, ...number[]]][]} */ ([
		['live', [live.id, upcoming.id, past.id]], ['upcoming', [upcoming.id, live.id, past.id]], ['past', [past.id, live.id, upcoming.id]]])) {
		await press(statusButton(page, status));
		await waitFor(`the address to say ${status}`, () => new URL(page.url()).searchParams.get('status') === status);
		await waitFor('what fits alone', async () => {
			const shown = await seen(page);

			return shown.includes(yes) && no.every((drop) => !shown.includes(drop));
		});
		assert.equal(await statusButton(page, status).getAttribute('aria-pressed'), 'true');
		assert.equal(await statusButton(page, 'all').getAttribute('aria-pressed'), 'false');
	}
	await page.reload();
	await connected(page);
	await waitFor('the same after a reload', async () => (await seen(page)).includes(past.id) && !(await seen(page)).includes(live.id));
	await page.goBack();
	await waitFor('the filter before', async () => (await seen(page)).includes(upcoming.id) && !(await seen(page)).includes(past.id));
	await press(statusButton(page, 'all'));
	await waitFor('all of them', async () => {
		const shown = await seen(page);

		return [live.id, upcoming.id, past.id].every((drop) => shown.includes(drop));
	});
	assert.equal(new URL(page.url()).searchParams.get('status'), null);
});

test('filtered by size, the drops that have it are left', async (t) => {
	const size = unique('S').slice(-12);
	const has = await newDrop({ sizes: [{ size, totalStock: 2 }, { size: '43', totalStock: 2 }] });
	const hasNot = await newDrop({ sizes: [{ size: '43', totalStock: 2 }] });
	const page = await openPage(t);

	await page.locator(id('filter-size')).selectOption(size);
	await waitFor('that one alone', async () => (await seen(page)).join() === String(has.id));
	assert.equal(new URL(page.url()).searchParams.get('size'), size);
	const direct = await openPage(t, { path: `/?size=43&status=live` });
	await waitFor('both', async () => {
		const shown = await seen(direct);

		return shown.includes(has.id) && shown.includes(hasNot.id);
	});
	assert.equal(await direct.locator(id('filter-size')).inputValue(), '43');
});

test('a drop has an address: linked from its card, opened directly, reloaded, left by the back button', async (t) => {
	const drop = await newDrop({ description: 'Stitched twice.', sizes: [{ size: '42', totalStock: 2 }, { size: '43', totalStock: 1 }] });
	const page = await openPage(t);

	await page.evaluate('window.sameDocument = true');
	await card(page, drop.id).scrollIntoViewIfNeeded();
	await press(card(page, drop.id).locator(id('drop-link')).first());
	await viewIs(page, 'drop');
	assert.equal(new URL(page.url()).pathname, `/drops/${drop.id}`);
	const panel = page.locator(id('drop-view'));
	await panel.locator(`[data-drop="${drop.id}"]`).waitFor();	/* its view may still be on its way */
	assert.equal(await card(page, drop.id).count(), 1);
	for (const text of [drop.name, 'Stitched twice.'])
		assert.ok((await panel.textContent())?.includes(text), text);
	assert.ok((await page.title()).includes(drop.name), await page.title());
	await shows(page, drop.id, 'available', 3);
	await page.goBack();
	await viewIs(page, 'floor');
	assert.equal(await page.evaluate('window.sameDocument'), true, 'without loading the page again');
	await waitFor('the card that one left in view again', () => inView(card(page, drop.id)));
	await page.goForward();
	await viewIs(page, 'drop');
	await page.reload();
	await connected(page);
	await viewIs(page, 'drop');
	await shows(page, drop.id, 'available', 3);
	const direct = await openPage(t, { path: `/drops/${drop.id}` });
	await shows(direct, drop.id, 'available', 3);
	const { api } = await person();
	const hold = await reserve(api, drop.id, '42');
	await purchase(api, hold.id);
	await shows(direct, drop.id, 'sold', 1);
});

test('a drop that is not there is said to be not there', async (t) => {
	const page = await openPage(t, { path: '/drops/999999', tolerate: /status of 404/ });

	await viewIs(page, 'drop');
	assert.equal(await page.locator('[data-drop]').count(), 0);
	assert.ok((await page.locator('main h1:visible').innerText()).trim().length > 5);
	await press(page.locator('main a[href="/"]').first());
	await viewIs(page, 'floor');
});

test('the page\'s addresses are served, and no others', async () => {
	for (const path of ['/', '/?status=live&size=43', '/drops/1', '/me', '/console', '/console/new', '/console/drops/1', '/console/actions']) {
		const res = await anyone.get(path);

		assert.equal(res.status, 200, res.asked);
		assert.match(res.headers['content-type'], /^text\/html/);
	}
	for (const path of ['/drops', '/drops/', '/drops/x', '/drops/1/x', '/me/x', '/console/x', '/nothing', '/js/nothing.js', '/../etc/passwd'])
		assert.equal((await anyone.get(path)).status, path.startsWith('/..') ? 400 : 404, path);
});

test('on a card each size says whether it is free, of the last, held by others or gone', async (t) => {
	const drop = await newDrop({ sizes: ['free', 'last', 'held', 'gone'].map((size, i) => ({ size, totalStock: i ? 1 : 4 })) });
	const [holder, buyer] = [await person(), await person()];
	const page = await openPage(t);

	await reserve(holder.api, drop.id, 'held');
	await purchase(buyer.api, (await reserve(buyer.api, drop.id, 'gone')).id);
	for (const state of ['free', 'last', 'held', 'gone'])
		await card(page, drop.id).locator(`${id('size-option')}[data-size=${state}][data-state=${state}]`).waitFor();
	await waitFor('the newest buyer', async () => (await card(page, drop.id).locator(id('buyers')).textContent())?.includes(buyer.username));
});

test('what the page shows before the stream is there is useful', async (t) => {
	const drop = await newDrop({ totalStock: 7 });

	await listed(drop.id);	/* this page asks once */
	const page = await openPage(t, { live: false, tolerate: /./, before: (page) => page.route(/\/api\/events/, () => {}) });

	await shows(page, drop.id, 'available', 7);
	assert.notEqual(await page.locator('html').getAttribute('data-connection'), 'live');
	await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('the stock bar follows the stock: what is free, what is held', async (t) => {
	const drop = await newDrop({ totalStock: 4 });
	const who = await person();
	const page = await openPage(t);
	const bar = card(page, drop.id).locator('.bar');
	const shares = () => bar.evaluate((node) => ['--free', '--held'].map((name) => node.style.getPropertyValue(name)));

	await shows(page, drop.id, 'available', 4);
	assert.deepEqual(await shares(), ['100%', '100%']);
	const hold = await reserve(who.api, drop.id);
	await waitFor('a quarter to be held', async () => (await shares()).join() === '75%,100%');
	await purchase(who.api, hold.id);
	await waitFor('a quarter to be sold', async () => (await shares()).join() === '75%,75%');
});

test('the first view is light, and nothing in it moves once it is there', async (t) => {
	await newDrop({ sizes: [{ size: '42', totalStock: 3 }] });
	/** @type {Map<string, {url: string, type: string, bytes: number}>} */
	const requests = new Map();
	const page = await openPage(t, { before: async (page) => {
		const session = await page.context().newCDPSession(page);

		await session.send('Network.enable');
		session.on('Network.requestWillBeSent', ({ requestId, request, type }) => {
			if (!request.url.startsWith('data:'))
				requests.set(requestId, { url: request.url, type: String(type), bytes: 0 });
		});
		session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
			Object.assign(requests.get(requestId) ?? {}, { bytes: encodedDataLength });
		});
		await page.addInitScript(watchShifts);
	} });
	const counted = () => [...requests.values()].filter(({ url, type }) => type !== 'Image' && type !== 'EventSource' && !/\/api\/drops/.test(url));

	await waitFor('every answer', () => counted().every(({ bytes }) => bytes > 0));
	const bytes = counted().reduce((sum, request) => sum + request.bytes, 0);
	console.log(`# ${bytes} bytes with their headers in ${counted().length} answers, without listing, pictures and stream`);
	/* 50 drops are two thousand more: together less than 60,000 */
	assert.ok(bytes < 57_800, `${bytes} bytes: ${counted().map((r) => `${new URL(r.url).pathname} ${r.bytes}`).join(', ')}`);
	assert.deepEqual(await page.evaluate('shifts'), []);
});

test('nor does anything move where there are many drops, which are built a few at a time', async (t) => {
	const { drop } = (await anyone.get(`/api/drops/${(await newDrop()).id}`)).body;
	const drops = Array.from({ length: 130 }, (_, i) => ({ ...drop, id: drop.id + 1_000_000 + i, name: `One of many ${i}` }));
	const page = await openPage(t, { live: false, tolerate: /./, before: async (page) => {
		await page.addInitScript(watchShifts);
		await page.route(/\/api\/events/, () => {});
		await page.route(/\/api\/drops/, (route) => route.fulfill({ json: { drops, nextCursor: null, serverTime: new Date().toISOString() } }));
	} });

	await waitFor('every card', async () => await page.locator('[data-drop]').count() === drops.length);
	await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))');
	assert.deepEqual(await page.evaluate('shifts'), []);
	await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('an empty store says so', async (t) => {
	const page = await openPage(t, { live: false, before: (page) => page.route(/\/api\/(drops|events)/, (route) => (route.request().url().includes('/api/drops')
		? route.fulfill({ json: { drops: [], nextCursor: null, serverTime: new Date().toISOString() } })
		: route.fulfill({ contentType: 'text/event-stream', body: `event: snapshot\ndata: {"serverTime":"${new Date().toISOString()}","drops":[]}\n\n` }))), tolerate: /./ });

	await waitFor('a word', async () => (await page.locator('#floor').innerText()).trim().length > 10);
	assert.equal(await page.locator(id('hero')).locator('visible=true').count(), 0);
	assert.equal(await page.locator('[data-drop]').count(), 0);
});

test('a listing that fails is said to have failed, and can be asked for again', async (t) => {
	let fails = true;
	const drop = await newDrop();
	const page = await openPage(t, { live: false, tolerate: /./, before: (page) => page.route(/\/api\/drops/, (route) => (fails
		? route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"status":500,"title":"","code":"internal"}' }) : route.continue())) });

	const again = page.locator('#floor .notice:visible button').first();
	await again.waitFor();
	fails = false;
	await again.click();
	await card(page, drop.id).waitFor();
	assert.equal(new URL(page.url()).origin, stack.url);
});
