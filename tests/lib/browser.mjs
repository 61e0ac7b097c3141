/** Chromium with pages of the store, each in a profile of its own, whose console is watched. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { stack } from './suite-stack.mjs';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];
const BINARY = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => existsSync(file)) ?? 'chromium';

/** Asking who one is, and being told "nobody", is no fault, but Chromium's console lists every 401. */
const NOBODY_YET = /status of 401 .*\/api\/auth\/me$/;

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
 *
 * Opens the store as somebody, in a browser of their own, and waits for it to be live. When the test ends, the
 * page must have had no error in its console, no script error and no breach of its policy.
 * @param {import('node:test').TestContext} t
 * @param {{as?: {api: {token?: string}}, width?: number, height?: number, tolerate?: RegExp, path?: string}} [options]
 * @returns {Promise<WatchedPage>}
 */
export async function openPage(t, { as, width = 1280, height = 900, tolerate, path = '/' } = {}) {
	const context = await (await launch()).newContext({ viewport: { width, height }, reducedMotion: 'reduce' });

	if (as)
		await context.addCookies([{ name: 'lastpair_session', value: String(as.api.token), url: stack.url, httpOnly: true, sameSite: 'Lax' }]);
	const page = /** @type {WatchedPage} */ (await context.newPage());

	page.faults = [];
	page.setDefaultTimeout(10_000);
	page.on('pageerror', (error) => page.faults.push(`script: ${error.message}`));
	page.on('console', (message) => {
		const text = `${message.text()} ${message.location().url}`;

		if (message.type() === 'error' && !NOBODY_YET.test(text) && !tolerate?.test(text))
			page.faults.push(`console: ${text}`);
	});
	await page.addInitScript(() => {
		addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
	});
	t.after(async () => {
		await context.close();
		assert.deepEqual(page.faults, [], 'the page had no fault');
	});
	await page.goto(stack.url + path);
	await connected(page);
	return page;
}

/** @param {import('playwright-core').Page} page */
export const connected = (page) => page.locator('[data-testid=connection][data-state=live]').waitFor({ state: 'attached' });

/** The card of a drop. @param {import('playwright-core').Page} page @param {number} id */
export const card = (page, id) => page.locator(`[data-drop="${id}"]`);

/** Waits until a number on a card is as said. @param {import('playwright-core').Page} page @param {number} id
 * @param {string} name  available, reserved or sold @param {number} value @param {number} [timeout] */
export const shows = (page, id, name, value, timeout = 5000) =>
	card(page, id).locator(`[data-testid=${name}][data-value="${value}"]`).waitFor({ timeout, state: 'attached' });
