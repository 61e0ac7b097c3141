/**
 * Writes the README's pictures, docs/page-wide.png and docs/page-phone.png, from a demo store in which a few
 * people have held and bought pairs: node tests/browser/screenshots.mjs
 */
import fs from 'node:fs';
import path from 'node:path';
import { Stack, TOP } from '../lib/stack.mjs';

const stack = await Stack.start([]);

process.env.LASTPAIR_TEST_STACK = `${stack.dir}|${stack.port}`;
const { launch, quit, connected } = await import('../lib/browser.mjs');
const { anyone, HASH, reserve, purchase } = await import('../lib/store.mjs');
const { Caller } = await import('../lib/http.mjs');
const { waitFor } = await import('../lib/wait.mjs');

const NAMES = ['maren', 'tobias', 'aiko', 'yusuf', 'ines', 'pavel'];

/** @returns {Promise<import('../lib/http.mjs').Caller[]>} people with names that look well in a picture */
async function neighbours() {
	await stack.ctl(['user', 'import', '-'], NAMES.map((name) => `${name},${name}@test.example,${HASH},user\n`).join(''));
	const { stdout } = await stack.ctl(['token', '-'], NAMES.map((name) => `${name}@test.example\n`).join(''));

	return stdout.trim().split('\n').map((token) => new Caller(stack.port, { token }));
}

/** @param {any} size */
const free = (size) => size.availableStock > 0;

try {
	const people = await neighbours();
	const { drops } = (await anyone.get('/api/drops')).body;
	const live = drops.filter((/** @type {any} */ d) => d.status === 'live');
	const [me, ...others] = people;

	for (const [i, who] of others.entries())
		for (const drop of live.slice(0, 2 + i % 3)) {
			const hold = await reserve(who, drop.id, drop.sizes.filter(free)[i % drop.sizes.filter(free).length].size).catch(() => null);

			if (hold && i % 2)
				await purchase(who, hold.id);
		}
	const mine = live.find((/** @type {any} */ d) => d.sizes.length > 3);
	if (me && mine)
		await reserve(me, mine.id, mine.sizes[2].size);

	fs.mkdirSync(path.join(TOP, 'docs'), { recursive: true });
	for (const [name, width, height] of /** @type {[string, number, number][]} */ ([['wide', 1280, 860], ['phone', 390, 844]])) {
		const context = await (await launch()).newContext({ viewport: { width, height }, colorScheme: 'light', reducedMotion: 'reduce' });

		await context.addCookies([{ name: 'lastpair_session', value: String(me?.token), url: stack.url }]);
		const page = await context.newPage();
		await page.goto(stack.url);
		await connected(page);
		await page.locator('[data-testid=hold]').first().waitFor();
		await waitFor('every picture', () => page.evaluate(
			'[...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)'));
		await page.screenshot({ path: path.join(TOP, 'docs', `page-${name}.png`) });
		await context.close();
	}
} finally {
	await quit();
	stack.stop();
}
