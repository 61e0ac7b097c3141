/**
 * Chromium with pages of the store, whose console is watched, and what tests do with them by hand.
 *
 * Hooks of the page, kept stable:
 *   html[data-view=floor|drop|mine|console][data-connection=live|connecting|offline][data-stream=leader|follower|alone]
 *   data-drop=ID and data-status on the card of a drop, or on its panel in its own view (data-testid drop-view around
 *   it): one of the two, once; inside it data-testid drop-status, drop-link, available, reserved, sold (each with
 *   data-value, the plain number), size-option (data-size, data-state=free|last|held|gone, aria-pressed; none where the
 *   only size is ""), reserve, buyers,
 *   admin-pause (data-active), admin-restock
 *   hero (data-hero-drop) with hero-countdown, hero-link; filter-status (data-status=all|live|upcoming|past,
 *   aria-pressed), filter-size
 *   connection (data-state=live|connecting|offline), toast (data-kind=ok|bad|info, data-code on a refusal, and
 *   back_in_stock), announcer
 *   hold (data-reservation, data-hold-drop, data-urgency=calm|soon|last) with hold-countdown, hold-ring, buy, give-back
 *   sign-in-open, sign-in-form (email, password), show-sign-up, sign-up-form (username, email, password), show-sign-in,
 *   show-password (aria-pressed), signed-in-user, sign-out, language
 *   on /me my-reservations, my-purchases (rows: li[data-id][data-status], in it receipt-open), dialog receipt with
 *   receipt-print
 *   console-open, admin-create-open, admin-restock-form (size, quantity); the console's own: views/console.js
 * A button that cannot act now has aria-disabled="true" and keeps its focus.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { disagreement } from './openapi.mjs';
import { stack } from './suite-stack.mjs';
import { waitFor } from './wait.mjs';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];
const BINARY = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => existsSync(file)) ?? 'chromium';

/** Asking who one is, and being told "nobody", is no fault, but Chromium's console lists every 401. */
const NOBODY_YET = /status of 401 .*\/api\/auth\/me$/;
/** What Chromium's console says of a refusal that a test provokes. */
export const REFUSED = /Failed to load resource: the server responded with a status of 4\d\d/;
/** What it says of a store, or a network, that is away. */
export const AWAY = /Failed to load resource|ERR_|api\/events|EventSource/;

/** @type {Promise<import('playwright-core').Browser>|undefined} */
let browser;

/** @returns {Promise<import('playwright-core').Browser>} */
export function launch() {
	browser ??= chromium.launch({ executablePath: BINARY, args: ARGS });
	return browser;
}

/** To be called once all is done: an open browser keeps the process. */
export async function quit() {
	await (await browser)?.close();
}

/**
 * @typedef {import('playwright-core').Page & {faults: string[]}} WatchedPage
 * @typedef {{as?: {api: {token?: string}}, width?: number, height?: number, tolerate?: RegExp, path?: string,
 *   context?: import('playwright-core').BrowserContextOptions, before?: (page: import('playwright-core').Page) => Promise<unknown>,
 *   live?: boolean}} PageOptions
 *   `context`: more of Playwright's own options; `before`: done ahead of the first request; `live: false`: don't wait for the stream
 */

/**
 * Opens the store as somebody, in a browser of their own, and waits for it to be live. When the test ends, the
 * page must have had no error in its console, no script error and no breach of its policy.
 * @param {import('node:test').TestContext} t @param {PageOptions} [options]
 * @returns {Promise<WatchedPage>}
 */
export async function openPage(t, options = {}) {
	const { as, width = 1280, height = 900, context: more = {} } = options;
	const context = await (await launch()).newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...more });

	if (as)
		await signIn(context, as.api.token);
	t.after(() => context.close());
	return watched(t, context, options);
}

/**
 * Another tab of the browser that has this one, in a window of its own beside it: of a tab behind another Chromium
 * draws a frame a second.
 * @param {import('node:test').TestContext} t @param {import('playwright-core').Page} page @param {PageOptions} [options]
 * @returns {Promise<WatchedPage>}
 */
export async function openTab(t, page, options = {}) {
	const context = page.context();
	const [ofPage, ofBrowser] = [await context.newCDPSession(page), await (await launch()).newBrowserCDPSession()];
	const { targetInfo } = await ofPage.send('Target.getTargetInfo');
	const opened = context.waitForEvent('page');

	await ofBrowser.send('Target.createTarget', { url: 'about:blank', newWindow: true, browserContextId: targetInfo.browserContextId });
	await Promise.all([ofPage.detach(), ofBrowser.detach()]);
	return watched(t, context, options, await opened);
}

/** @param {import('playwright-core').BrowserContext} context @param {string|undefined} token */
function signIn(context, token) {
	return context.addCookies([{ name: 'lastpair_session', value: String(token), url: stack.url, httpOnly: true, sameSite: 'Lax' }]);
}

/** @param {import('node:test').TestContext} t @param {import('playwright-core').BrowserContext} context @param {PageOptions} options
 * @param {import('playwright-core').Page} [fresh]  where there is one already */
async function watched(t, context, { tolerate, path = '/', before, live = true }, fresh) {
	const page = /** @type {WatchedPage} */ (fresh ?? await context.newPage());

	page.faults = [];
	page.setDefaultTimeout(10_000);
	page.on('pageerror', (error) => page.faults.push(`script: ${error.message}`));
	page.on('console', (message) => {
		const text = `${message.text()} ${message.location().url}`;

		if (message.type() === 'error' && !NOBODY_YET.test(text) && !tolerate?.test(text))
			page.faults.push(`console: ${text}`);
	});
	page.on('response', (response) => void lookAt(page, response));
	await page.addInitScript(() => {
		addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
	});
	t.after(() => assert.deepEqual(page.faults, [], 'the page had no fault'));
	await before?.(page);
	await page.goto(new URL(path, stack.url).href);
	if (live)
		await connected(page);
	return page;
}

/** What the store answered the page, by the OpenAPI document; a made-up answer of a test has no id of a request.
 * @param {WatchedPage} page @param {import('playwright-core').Response} response */
async function lookAt(page, response) {
	const { pathname, search } = new URL(response.url());
	const headers = await response.allHeaders().catch(() => undefined);	/* the page may have gone meanwhile */

	if (!headers || !response.url().startsWith(stack.url) || !pathname.startsWith('/api/') || pathname === '/api/events' || !headers['x-request-id'])
		return;
	const raw = await response.body().catch(() => undefined);

	if (!raw)
		return;
	const body = /json\b/.test(headers['content-type'] ?? '') && raw.length ? JSON.parse(raw.toString('utf8')) : undefined;
	const why = disagreement({ method: response.request().method(), path: pathname + search }, { status: response.status(), headers, raw, body });

	if (why)
		page.faults.push(`not as the OpenAPI document says: ${why}: ${response.request().method()} ${pathname} ${response.status()}`);
}

/** @param {import('playwright-core').Page} page */
export const connected = (page) => page.locator('[data-testid=connection][data-state=live]').waitFor({ state: 'attached' });

/** @param {string} name */
export const id = (name) => `[data-testid=${name}]`;

/** The card of a drop, or its panel where it has a view of its own. @param {import('playwright-core').Page} page @param {number} drop */
export const card = (page, drop) => page.locator(`[data-drop="${drop}"]`);

/** @param {import('playwright-core').Page} page @param {number} drop */
export const holdOf = (page, drop) => page.locator(`${id('hold')}[data-hold-drop="${drop}"]`);

/** @param {import('playwright-core').Page} page @param {string} [code] */
export const toast = (page, code) => page.locator(id('toast') + (code ? `[data-code="${code}"]` : '')).last();

/** Waits until a number on a card is as said. @param {import('playwright-core').Page} page @param {number} drop
 * @param {string} name  available, reserved or sold @param {number} value @param {number} [timeout] */
export const shows = (page, drop, name, value, timeout = 5000) =>
	card(page, drop).locator(`[data-testid=${name}][data-value="${value}"]`).waitFor({ timeout, state: 'attached' });

/** Waits until a drop has a status. @param {import('playwright-core').Page} page @param {number} drop @param {string} status
 * @param {number} [timeout] */
export const hasStatus = (page, drop, status, timeout = 5000) =>
	page.locator(`[data-drop="${drop}"][data-status=${status}]`).waitFor({ timeout, state: 'attached' });

/** What a button does when it is pressed by hand. @param {import('playwright-core').Locator} locator */
export async function press(locator) {
	await locator.scrollIntoViewIfNeeded();
	await locator.click();
}

/** @param {import('playwright-core').Page} page @param {number} drop @param {string} [size] */
export async function pressReserve(page, drop, size) {
	if (size !== undefined)
		await press(card(page, drop).locator(`${id('size-option')}[data-size="${size}"]`));
	await press(card(page, drop).locator(id('reserve')));
}

/** Waits until a button can act, or cannot. @param {import('playwright-core').Locator} button @param {boolean} able */
export const isAble = (button, able) => waitFor(`the button to be ${able ? 'able' : 'unable'} to act`,
	async () => (await button.getAttribute('aria-disabled') === 'true') !== able);

/** Fills in the form for signing in, which is open. @param {import('playwright-core').Page} page @param {string} email @param {string} password */
export async function fillSignIn(page, email, password) {
	const form = page.locator(id('sign-in-form'));

	await form.locator('[name=email]').fill(email);
	await form.locator('[name=password]').fill(password);
	await press(form.locator('[type=submit]'));
}

/**
 * Keeps the page's next call of that kind on the way until `work` is done: what the page knew when it asked is then old.
 * @param {import('playwright-core').Page} page @param {string} method @param {RegExp} url @param {() => Promise<unknown>} work
 */
export async function onTheWay(page, method, url, work) {
	let taken = false;

	await page.route(url, async (route) => {
		if (taken || route.request().method() !== method)
			return route.fallback();
		taken = true;
		await work();
		await route.continue();
	});
}

/**
 * Loses the answers of the page's calls of that kind: each reaches the store, and the page never hears of it, until
 * `found()` is called. The calls' Idempotency-Keys are gathered.
 * @param {import('playwright-core').Page} page @param {string} method @param {RegExp} url
 * @param {{arrives?: boolean, times?: number}} [options]  `arrives: false`: they don't even reach the store
 * @returns {Promise<{keys: string[], found: () => void}>}
 */
export async function loseAnswers(page, method, url, { arrives = true, times = Infinity } = {}) {
	/** @type {string[]} */
	const keys = [];
	let lost = times;

	await page.route(url, async (route) => {
		if (route.request().method() !== method)
			return route.fallback();
		keys.push(route.request().headers()['idempotency-key'] ?? '');
		if (lost-- <= 0)
			return route.continue();
		if (arrives)
			await route.fetch();
		await route.abort('connectionreset');
	});
	return { keys, found: () => { lost = 0; } };
}

/** How far the page can be scrolled sideways. @param {import('playwright-core').Page} page @returns {Promise<number>} */
export const sideways = (page) => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/**
 * A browser in which tabs are what they are to people: only the one in front is visible, and those behind it can be
 * frozen. Playwright's own pages are all in front at once.
 * @param {import('node:test').TestContext} t @param {PageOptions} [options]
 * @returns {Promise<(options?: PageOptions) => Promise<WatchedPage>>} what opens a tab, in front of the others
 */
export async function browserWithTabs(t, { as, width = 1280, height = 900, ...others } = {}) {
	const profile = mkdtempSync(path.join(os.tmpdir(), 'lastpair-profile-'));
	const child = spawn(BINARY, [...ARGS, '--headless', `--window-size=${width},${height}`, '--force-prefers-reduced-motion',
		'--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
	const ended = new Promise((resolve) => child.on('close', resolve));
	/** @type {import('playwright-core').Browser|undefined} */
	let connection;

	t.after(async () => {
		await connection?.close();
		child.kill('SIGKILL');
		await ended;
		rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	});
	const address = await new Promise((resolve) => {
		let said = '';

		child.stderr.setEncoding('utf8').on('data', (text) => {
			said += text;
			const found = said.match(/ws:\/\/\S+/);

			if (found)
				resolve(found[0]);
		});
	});
	connection = await chromium.connectOverCDP(address, { noDefaults: true });
	const [context] = connection.contexts();

	assert.ok(context);
	if (as)
		await signIn(context, as.api.token);
	return async (options = {}) => {
		const page = await watched(t, context, { ...others, ...options, live: false, before: async (tab) => {
			await tab.bringToFront();
			await options.before?.(tab);
		} });

		if (options.live !== false)
			await connected(page);
		return page;
	};
}

/**
 * Freezes a tab that is behind another, as browsers do with those long unseen.
 * @param {import('playwright-core').Page} page @returns {Promise<() => Promise<void>>} what thaws it
 */
export async function freeze(page) {
	const session = await page.context().newCDPSession(page);
	const asked = 'document.visibilityState';

	await waitFor('the tab to be hidden', async () => await page.evaluate(asked) === 'hidden');
	await session.send('Page.setWebLifecycleState', { state: 'frozen' });
	return async () => {
		await session.send('Page.setWebLifecycleState', { state: 'active' });
		await session.detach();
	};
}
