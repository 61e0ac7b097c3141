/** One stream a browser: who has it, what becomes of it, and that no number is shown as live that isn't so. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after } from 'node:test';
import { AWAY, browserWithTabs, card, connected, freeze, holdOf, id, openPage, openTab, press, quit, shows } from '../lib/browser.mjs';
import { listed, metric, newDrop, person, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

after(quit);

/** @typedef {import('playwright-core').Page} Page */

const streams = () => metric('lastpair_sse_subscribers');
const role = (/** @type {Page} */ page) => page.locator('html').getAttribute('data-stream');
const becomes = (/** @type {Page} */ page, /** @type {string} */ name) => page.locator(`html[data-stream=${name}]`).waitFor({ state: 'attached' });
const isNot = (/** @type {Page} */ page, /** @type {string} */ state) => page.locator(`${id('connection')}:not([data-state=${state}])`).waitFor({ state: 'attached' });

/** Keeps each state of the connection that the page shows from now on, however short; gives what tells them. @param {Page} page */
async function statesOf(page) {
	await page.evaluate((connection) => {
		/** @type {(string|null)[]} */
		const seen = [];

		new MutationObserver(() => seen.push(document.querySelector(connection)?.getAttribute('data-state') ?? null))
			.observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state'] });
		Object.assign(window, { seenStates: seen });
	}, id('connection'));
	return () => page.evaluate(() => /** @type {any} */ (window).seenStates);
}

/** @param {number} n */
const haveStreams = (n) => waitFor(`${n} streams at the daemon`, async () => await streams() === n);

/** Whoever leads first, then the others. @param {Page[]} tabs @returns {Promise<[Page, ...Page[]]>} */
async function byRole(tabs) {
	const roles = await Promise.all(tabs.map(role));
	const leaders = tabs.filter((_, i) => roles[i] === 'leader');

	assert.equal(leaders.length, 1, `one leads: ${roles}`);
	return [/** @type {Page} */ (leaders[0]), ...tabs.filter((tab) => tab !== leaders[0])];
}

test('three tabs of a browser share one stream, and each shows what it says within a second', async (t) => {
	await haveStreams(0);
	const drop = await newDrop({ totalStock: 5 });
	const here = { path: `/drops/${drop.id}` };
	const first = await openPage(t, here);
	const tabs = [first, await openTab(t, first, here), await openTab(t, first, here)];

	await haveStreams(1);
	const [, ...others] = await byRole(tabs);
	assert.deepEqual(await Promise.all(others.map(role)), ['follower', 'follower']);
	await reserve((await person()).api, drop.id);
	await Promise.all(tabs.map((tab) => shows(tab, drop.id, 'available', 4, 1000)));
	assert.equal(await streams(), 1);
	const apart = await openPage(t);
	await haveStreams(2);
	assert.equal(await role(apart), 'leader', 'a private window has its own');
});

test('the tab that leads is closed, another leads, and nothing was missed', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const first = await openPage(t);
	const tabs = [first, await openTab(t, first), await openTab(t, first)];
	const [leader, ...others] = await byRole(tabs);
	const { api } = await person();

	await leader.close();
	await reserve(api, drop.id);
	await Promise.all(others.map((tab) => shows(tab, drop.id, 'available', 4)));
	await waitFor('one to lead', async () => (await Promise.all(others.map(role))).sort().join() === 'follower,leader');
	await haveStreams(1);
	await Promise.all(others.map(connected));
});

test('the tab that leads is frozen, another takes its place; thawed it follows and is right', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const openIn = await browserWithTabs(t);
	const first = await openIn();
	await becomes(first, 'leader');
	const second = await openIn();
	await becomes(second, 'follower');
	const thaw = await freeze(first);

	await reserve((await person()).api, drop.id);
	await becomes(second, 'leader');
	await shows(second, drop.id, 'available', 4);
	await connected(second);
	await thaw();
	await first.bringToFront();
	await becomes(first, 'follower');
	await shows(first, drop.id, 'available', 4);
	await connected(first);
	await haveStreams(1);
});

test('a page that slept shows no old number as live, not for a moment', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const openIn = await browserWithTabs(t);
	const page = await openIn();

	await shows(page, drop.id, 'available', 5);
	await page.evaluate(`{
		const seen = window.seen = [];
		const painted = new MessageChannel();	/* a message sent in a frame comes once it is painted */
		painted.port1.onmessage = () => {
			seen.push(document.querySelector('[data-testid=connection]').dataset.state + ' ' +
				document.querySelector('[data-drop="${drop.id}"] [data-testid=available]').dataset.value);
			requestAnimationFrame(frame);
		};
		const frame = () => painted.port2.postMessage('');
		document.addEventListener('resume', () => requestAnimationFrame(frame));
	}`);
	await openIn({ path: 'about:blank', live: false });	/* something else in front */
	const thaw = await freeze(page);
	const hung = stack.kill('lastpair-sse', 'SIGSTOP');	/* its connection is as good as dead, without a sign of it */
	try {
		await reserve((await person()).api, drop.id);
		await thaw();
		await page.bringToFront();
		await waitFor('some frames', async () => Number(await page.evaluate('seen.length')) > 10);
	} finally {
		hung.forEach((pid) => process.kill(pid, 'SIGCONT'));
	}
	await shows(page, drop.id, 'available', 4);
	await connected(page);
	const seen = new Set(await page.evaluate('window.seen'));
	assert.ok(seen.has('connecting 5') || seen.has('offline 5'), [...seen].join());
	assert.ok(!seen.has('live 5'), [...seen].join());
});

test('the daemon killed, each tab and a private window are right within five seconds of its return', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const first = await openPage(t, { tolerate: AWAY });
	const pages = [first, await openTab(t, first, { tolerate: AWAY }), await openPage(t, { tolerate: AWAY })];
	const states = await Promise.all(pages.map(statesOf));
	const old = stack.kill('lastpair-sse');

	await reserve((await person()).api, drop.id);
	await waitFor('each to have noticed', async () => (await Promise.all(states.map((seen) => seen()))).every((all) => all.some((state) => state !== 'live')));
	await waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => !old.includes(pid)));
	await stack.whole();
	await Promise.all(pages.map((page) => shows(page, drop.id, 'available', 4, 5000)));
	await Promise.all(pages.map(connected));
	await haveStreams(2);
});

test('without a network the page says so, and with it again is right within five seconds', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const page = await openPage(t, { tolerate: AWAY });
	const tab = await openTab(t, page, { tolerate: AWAY });

	await page.context().setOffline(true);
	for (const each of [page, tab])
		await each.locator(`${id('connection')}[data-state=offline]`).waitFor({ state: 'attached' });
	await reserve((await person()).api, drop.id);
	assert.equal(await card(page, drop.id).locator(id('available')).getAttribute('data-value'), '5', 'the last that is known stays');
	await page.context().setOffline(false);
	await Promise.all([page, tab].map((each) => shows(each, drop.id, 'available', 4, 5000)));
	await Promise.all([page, tab].map(connected));
});

test('a stream that was cut goes on where it was', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const page = await openPage(t, { tolerate: AWAY });

	await reserve((await person()).api, drop.id);
	await shows(page, drop.id, 'available', 4);
	const [resumed, given] = [await metric('lastpair_sse_resumed_total'), await metric('lastpair_sse_snapshots_total')];
	await page.context().setOffline(true);
	await page.locator(`${id('connection')}[data-state=offline]`).waitFor({ state: 'attached' });
	await reserve((await person()).api, drop.id);
	await page.context().setOffline(false);
	await shows(page, drop.id, 'available', 3);
	await connected(page);
	assert.ok(await metric('lastpair_sse_resumed_total') > resumed, 'it named the last event it had');
	assert.equal(await metric('lastpair_sse_snapshots_total'), given, 'and needed no snapshot');
});

test('a stream refused with 503 is asked for again, with pauses that differ', { timeout: 90_000 }, async (t) => {
	/** @type {number[]} */
	const asked = [];
	const drop = await newDrop({ totalStock: 5 });
	const page = await openPage(t, { tolerate: AWAY, live: false, before: (page) => page.route(/\/api\/events/, (route) => {
		asked.push(Date.now());
		return asked.length < 4 ? route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, body: '' }) : route.continue();
	}) });

	await shows(page, drop.id, 'available', 5);	/* useful before there is a stream */
	await isNot(page, 'live');
	await page.locator(`${id('connection')}[data-state=live]`).waitFor({ state: 'attached', timeout: 20_000 });
	const gaps = asked.slice(1).map((at, i) => at - /** @type {number} */ (asked[i]));
	assert.ok(gaps.every((gap) => gap >= 100), `no flood: ${gaps}`);
	assert.ok(new Set(gaps.map((gap) => Math.round(gap / 10))).size > 1, `jittered: ${gaps}`);
});

/** The way between browser and store, where streams can be held up without a sign: nothing comes, and nothing is closed.
 * @param {import('node:test').TestContext} t */
async function wayWithHolds(t) {
	/** @type {Set<net.Socket>} */
	const sockets = new Set();
	/** @type {net.Socket[]} */
	const streams = [];
	const way = net.createServer((near) => {
		const far = net.connect(stack.port, '127.0.0.1');

		for (const [from, to] of /** @type {[net.Socket, net.Socket][]} */ ([[near, far], [far, near]])) {
			sockets.add(from);
			from.on('error', () => to.destroy()).on('close', () => to.destroy());
			from.pipe(to);
		}
		near.on('data', (bytes) => bytes.includes('GET /api/events') && streams.push(far));
	});

	await new Promise((done) => way.listen(0, '127.0.0.1', () => done(undefined)));
	t.after(() => {
		way.close();
		sockets.forEach((socket) => socket.destroy());
	});
	const { port } = /** @type {net.AddressInfo} */ (way.address());

	return { url: `http://127.0.0.1:${port}`, streams, hold: () => streams.forEach((far) => far.unpipe().pause()) };
}

test('a stream that is dead without a sign is found out, and what was missed is shown', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });

	await listed(drop.id);	/* else the page asks for the listing once more */
	const way = await wayWithHolds(t);
	const page = await openPage(t, { path: `${way.url}/drops/${drop.id}`, tolerate: AWAY });

	await shows(page, drop.id, 'available', 5);
	way.hold();
	await reserve((await person()).api, drop.id);
	const start = Date.now();

	await shows(page, drop.id, 'available', 4, 20_000);
	t.diagnostic(`right again ${Date.now() - start} ms after the way was cut without a sign`);
	await connected(page);
	assert.equal(way.streams.length, 2, 'by one stream more');
});

test('a quiet stream is left alone', { timeout: 60_000 }, async (t) => {
	const way = await wayWithHolds(t);
	const page = await openPage(t, { path: way.url, tolerate: AWAY });

	await pause(22_000);
	assert.equal(way.streams.length, 1);
	await connected(page);
});

test('where streams never come through, the listing is asked for instead, and said to be no live one', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });

	await listed(drop.id);
	const page = await openPage(t, { live: false, tolerate: AWAY, before: (page) => page.route(/\/api\/events/, () => {}) });

	await shows(page, drop.id, 'available', 5);
	await reserve((await person()).api, drop.id);
	await shows(page, drop.id, 'available', 4, 35_000);
	await page.locator(`${id('connection')}[data-state=offline]`).waitFor({ state: 'attached' });
	await page.unrouteAll({ behavior: 'ignoreErrors' });
});

for (const missing of ['locks', 'BroadcastChannel']) {
	test(`where a browser has no ${missing}, each tab has a stream of its own`, async (t) => {
		await haveStreams(0);
		const drop = await newDrop({ totalStock: 5 });
		const without = { before: (/** @type {Page} */ page) => page.addInitScript(missing === 'locks'
			? 'Object.defineProperty(Navigator.prototype, "locks", { value: undefined })' : 'delete window.BroadcastChannel') };
		const page = await openPage(t, without);
		const tab = await openTab(t, page, without);

		await haveStreams(2);
		assert.deepEqual([await role(page), await role(tab)], ['alone', 'alone']);
		await reserve((await person()).api, drop.id);
		await Promise.all([page, tab].map((each) => shows(each, drop.id, 'available', 4, 1000)));
	});
}

test('what is one\'s own is shown in each tab of the account, and in none after signing out', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const who = await person();
	const here = { path: `/drops/${drop.id}` };
	const first = await openPage(t, { as: who, ...here });
	const tabs = [first, await openTab(t, first, here), await openTab(t, first, here)];
	const stranger = await openPage(t);

	const hold = await reserve(who.api, drop.id);
	await Promise.all(tabs.map((tab) => holdOf(tab, drop.id).waitFor({ timeout: 1000 })));
	await who.api.del(`/api/reservations/${hold.id}`);
	await Promise.all(tabs.map((tab) => holdOf(tab, drop.id).waitFor({ state: 'detached', timeout: 1000 })));
	await reserve(who.api, drop.id);
	await Promise.all(tabs.map((tab) => holdOf(tab, drop.id).waitFor({ timeout: 1000 })));
	await press(first.locator(id('sign-out')));
	await Promise.all(tabs.map((tab) => tab.locator(id('sign-in-open')).waitFor()));
	await Promise.all(tabs.map((tab) => holdOf(tab, drop.id).waitFor({ state: 'detached' })));
	assert.equal(await holdOf(stranger, drop.id).count(), 0);
});

test('a tab behind others for long is right at once when it comes to the front', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const openIn = await browserWithTabs(t);
	const page = await openIn();
	await openIn();
	const { api } = await person();

	await reserve(api, drop.id);
	await pause(2500);	/* long enough for timers behind to be slowed */
	await page.bringToFront();
	await shows(page, drop.id, 'available', 4, 1000);
	await connected(page);
});
