/**
 * Writes the README's pictures to docs/, from a demo store of its own in which a few people have held and bought pairs:
 *
 *   node tests/browser/screenshots.mjs [NAME...]
 *
 *   page-wide  page-phone  page-dark    the floor
 *   page-drop                           one drop, and a pair of it held
 *   page-console                        the operator's board of one drop
 *
 * Who does what, and in which order, is the same each time; times and the stream's own pace are not.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Stack, TOP } from '../lib/stack.mjs';

const stack = await Stack.start([]);

process.env.LASTPAIR_TEST_STACK = `${stack.dir}|${stack.port}`;
const { launch, quit, connected, id } = await import('../lib/browser.mjs');
const { admin, anyone, HASH, reserve, purchase } = await import('../lib/store.mjs');
const { Caller } = await import('../lib/http.mjs');
const { pause, waitFor } = await import('../lib/wait.mjs');

const NAMES = ['maren', 'tobias', 'aiko', 'yusuf', 'ines', 'pavel', 'noor', 'lucia', 'emeka', 'hanna', 'jonas', 'priya', 'mateo', 'signe', 'kofi', 'elif'];
const MOST_BYTES = 300 * 1024;
/** How long there is life in the store before the console is looked at. */
const LIFE_S = 20;

/** @typedef {{name: string, width: number, height: number, scheme: 'light'|'dark', by: 'buyer'|'operator', path: (drop: any) => string, ready: string}} Picture */

/** @type {Picture[]} */
const PICTURES = [
	{ name: 'wide', width: 1280, height: 1120, scheme: 'light', by: 'buyer', path: () => '/', ready: id('hold') },
	{ name: 'dark', width: 1280, height: 1120, scheme: 'dark', by: 'buyer', path: () => '/', ready: id('hold') },
	{ name: 'phone', width: 390, height: 844, scheme: 'light', by: 'buyer', path: () => '/', ready: id('hold') },
	{ name: 'drop', width: 1280, height: 860, scheme: 'light', by: 'buyer', path: (drop) => `/drops/${drop.id}`, ready: id('hold') },
	{ name: 'console', width: 1280, height: 1000, scheme: 'light', by: 'operator', path: (drop) => `/console/drops/${drop.id}`, ready: `${id('board-purchases')} tr[data-id]` },
];

/** @typedef {import('../lib/http.mjs').Caller} Somebody */

/** @returns {Promise<Somebody[]>} people with names that look well in a picture */
async function neighbours() {
	await stack.ctl(['user', 'import', '-'], NAMES.map((name) => `${name},${name}@test.example,${HASH},user\n`).join(''));
	const { stdout } = await stack.ctl(['token', '-'], NAMES.map((name) => `${name}@test.example\n`).join(''));

	return stdout.trim().split('\n').map((token) => new Caller(stack.port, { token }));
}

/** Takes a pair of a drop, of the size whose turn it is, and does with it what is said, after a while. @param {Somebody} who
 * @param {number} drop @param {number} turn @param {'buys'|'keeps'|'returns'} does @param {number} [afterMs] */
async function takes(who, drop, turn, does, afterMs = 0) {
	const { sizes } = (await who.get(`/api/drops/${drop}`)).body.drop;
	const free = sizes.filter((/** @type {any} */ size) => size.availableStock > 0);

	if (!free.length)
		return;
	/** @type {any} */
	const hold = await reserve(who, drop, free[turn % free.length].size).catch(() => null);	/* has one already */

	if (!hold)
		return;
	await pause(afterMs);
	if (does === 'buys')
		await purchase(who, hold.id);
	if (does === 'returns')
		await who.del(`/api/reservations/${hold.id}`);
}

/** @param {Somebody} who @param {Picture} picture @param {any} drop */
async function take(who, { name, width, height, scheme, path: at, ready }, drop) {
	const context = await (await launch()).newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Europe/Berlin' });
	const file = path.join(TOP, 'docs', `page-${name}.png`);

	await context.addCookies([{ name: 'lastpair_session', value: String(who.token), url: stack.url }]);
	const page = await context.newPage();
	await page.goto(stack.url + at(drop));
	await connected(page);
	await page.locator(ready).first().waitFor();
	await waitFor('every picture', () => page.evaluate(
		'[...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)'));
	await page.evaluate('document.fonts.ready.then(() => true)');
	await page.screenshot({ path: file, scale: 'css', animations: 'disabled' });
	await context.close();
	const { size } = fs.statSync(file);

	process.stdout.write(`${path.relative(TOP, file)}: ${Math.round(size / 1024)} KiB\n`);
	if (size > MOST_BYTES)
		throw new Error(`${file} is larger than ${MOST_BYTES / 1024} KiB`);
}

const only = process.argv.slice(2).map((name) => name.replace(/^page-/, ''));
const wanted = PICTURES.filter(({ name }) => !only.length || only.includes(name));

try {
	const [me, ...others] = await neighbours();
	const { drops } = (await anyone.get('/api/drops')).body;
	const live = drops.filter((/** @type {any} */ d) => d.status === 'live' && d.availableStock > 0);
	const mine = live.find((/** @type {any} */ d) => d.sizes.length > 3);

	if (!me || !mine)
		throw new Error('the demo store has nothing that looks well');
	await (await admin()).patch(`/api/drops/${mine.id}`, { maxPerUser: 4 });	/* a few people have to do for a crowd */
	for (const [i, who] of others.entries())
		for (const drop of live.slice(0, 2 + i % 3))
			await takes(who, drop.id, i, i % 2 ? 'buys' : 'keeps');
	if (wanted.some(({ by }) => by === 'operator')) {
		const deeds = [];	/* a curve that was lived through, for the board */

		for (let s = 0; s < LIFE_S; s++) {
			deeds.push(takes(/** @type {Somebody} */ (others[s % others.length]), mine.id, s, s % 5 ? 'buys' : 'returns', 1500 + 700 * (s % 4)));
			await pause(1000);
		}
		await Promise.all(deeds);
	}
	await reserve(me, mine.id, mine.sizes[2].size);

	fs.mkdirSync(path.join(TOP, 'docs'), { recursive: true });
	for (const picture of wanted)
		await take(picture.by === 'operator' ? await admin() : me, picture, mine);
} finally {
	await quit();
	stack.stop();
}
