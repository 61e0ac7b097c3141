/**
 * Measures the page in Chromium, on a store of its own: node tests/bench/www.mjs, or `make bench-www`.
 *
 * First the page as a visitor meets it, with nothing in the cache and 50 drops on the floor; the median of five loads, here and
 * as on a phone with a slow network. Then 500 drops of which 50 change a second, while one scrolls. Prints a table, writes
 * BUILD/bench/www.json, and exits 1 only where something could not be measured.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BUILD, Stack } from '../lib/stack.mjs';
import { pause, waitFor } from '../lib/wait.mjs';
import { median } from './lib/figures.mjs';

const LOADS = 5;
const FEW = 50;
const MANY = 500;
const SCROLL_S = 15;
const CHANGES_A_SECOND = 50;
const CHANGERS = 10;
const QUIET_MS = 1500;
const VIEWPORT = { width: 1440, height: 900 };
const PICTURES = ['cinder-runner', 'halyard-high', 'kiln-90', 'moss-trail', 'pavilion-slip', 'tidemark-low'];
const SIZES = ['38', '39', '40', '41', '42', '43', '44', '45'];

/** What the network and the processor are made to be; Lighthouse's phone is the second. */
const PLACES = [
	{ place: 'here', slower: 1, network: null },
	{ place: 'slow phone', slower: 4, network: { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 } },
];

/** Runs in the page before anything else does. */
function watchLoad() {
	const seen = /** @type {any} */ (window).measured = { stockMs: NaN, paintMs: NaN, shift: 0 };

	new PerformanceObserver((list) => {
		for (const entry of /** @type {any[]} */ (list.getEntries()))
			seen.shift += entry.hadRecentInput ? 0 : entry.value;
	}).observe({ type: 'layout-shift', buffered: true });
	new PerformanceObserver((list) => {
		for (const entry of list.getEntriesByName('first-contentful-paint'))
			seen.paintMs = entry.startTime;
	}).observe({ type: 'paint', buffered: true });
	const observer = new MutationObserver(() => {
		if (!document.querySelector('[data-drop] [data-testid=available][data-value]'))
			return;
		observer.disconnect();
		/* in the frame after this one it has been painted */
		requestAnimationFrame(() => setTimeout(() => { seen.stockMs = performance.now(); }));
	});

	observer.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-value'] });
}

/** Runs in the page: scrolls for so long, up and down, and watches what that costs. @param {number} seconds */
function scrollAndWatch(seconds) {
	return new Promise((resolve) => {
		/** @type {number[]} */
		const long = [];
		const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)));
		const [start, root] = [performance.now(), document.documentElement];
		let [frames, last, longestGap, step] = [0, start, 0, 16];

		observer.observe({ type: 'longtask' });
		function frame(/** @type {number} */ at) {
			frames++;
			longestGap = Math.max(longestGap, at - last);
			last = at;
			if (at - start >= seconds * 1000) {
				long.push(...observer.takeRecords().map((entry) => entry.duration));
				return resolve({ frames, seconds: (at - start) / 1000, longestGap, long });
			}
			const end = root.scrollHeight - root.clientHeight;

			if (root.scrollTop >= end - 1 || (root.scrollTop <= 0 && step < 0))
				step = root.scrollTop <= 0 ? Math.abs(step) : -Math.abs(step);
			scrollBy(0, step);
			requestAnimationFrame(frame);
		}
		requestAnimationFrame(frame);
	});
}

/** @param {import('../lib/store.mjs')} store @param {number} from @param {number} to */
async function makeDrops(store, from, to) {
	for (let i = from; i < to; i++)
		await store.newDrop({
			name: `Runner No. ${i}`, description: 'Suede over mesh, on a sole that was poured and not glued.', imageUrl: `/img/${PICTURES[i % PICTURES.length]}.svg`,
			priceCents: 9900 + 500 * (i % 20), sizes: SIZES.map((size) => ({ size, totalStock: 12 })), maxPerUser: 10,
		});
}

/** One load with an empty cache. @param {import('playwright-core').Browser} browser @param {string} url @param {typeof PLACES[number]} where */
async function load(browser, url, { slower, network }) {
	const context = await browser.newContext({ viewport: VIEWPORT });
	const page = await context.newPage();
	const session = await context.newCDPSession(page);
	/** @type {Map<string, {type: string, listing: boolean, bytes: number, body: number}>} */
	const requests = new Map();

	try {
		await session.send('Network.enable');
		session.on('Network.requestWillBeSent', ({ requestId, type, request }) => {
			if (!request.url.startsWith('data:'))
				requests.set(requestId, { type: type ?? 'Other', listing: request.url.includes('/api/drops?'), bytes: 0, body: 0 });
		});
		session.on('Network.dataReceived', ({ requestId, dataLength, encodedDataLength }) => {
			const request = requests.get(requestId);

			if (request)
				request.body += encodedDataLength;

			if (request?.type === 'EventSource')	/* never finishes, and is not compressed */
				request.bytes += dataLength;
		});
		session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
			const request = requests.get(requestId);

			if (request)
				request.bytes = encodedDataLength;
		});
		if (network)
			await session.send('Network.emulateNetworkConditions', network);
		await session.send('Emulation.setCPUThrottlingRate', { rate: slower });
		await page.addInitScript(watchLoad);
		await page.goto(url);
		await page.locator('[data-testid=connection][data-state=live]').waitFor({ state: 'attached' });
		await waitFor('every card', () => page.evaluate(`document.querySelectorAll('[data-drop]').length >= ${FEW}`), 30_000);
		await pause(QUIET_MS);	/* shifts may come late */
		const measured = await page.evaluate('measured');
		const all = [...requests.values()];
		const bytes = (/** @type {(type: string) => boolean} */ wanted) => all.filter(({ type }) => wanted(type)).reduce((sum, request) => sum + request.bytes, 0);

		return {
			...measured,
			listingKib: all.filter(({ listing }) => listing).reduce((sum, request) => sum + request.bytes, 0) / 1024,
			kib: bytes((type) => type !== 'Image' && type !== 'EventSource') / 1024,
			bodiesKib: all.filter(({ type }) => type !== 'Image' && type !== 'EventSource').reduce((sum, { body }) => sum + body, 0) / 1024,
			streamKib: bytes((type) => type === 'EventSource') / 1024,
			requests: all.filter(({ type }) => type !== 'Image').length,
		};
	} finally {
		await context.close();
	}
}

/** Holds and gives back, all together so often a second, until told to stop. @param {import('../lib/store.mjs')} store @param {number[]} drops */
async function changes(store, drops) {
	const people = await store.people(CHANGERS);
	const stop = { now: false };
	let made = 0;

	const work = people.map(async ({ api }, i) => {
		const between = 1000 * CHANGERS / CHANGES_A_SECOND;
		let next = performance.now() + between * i / CHANGERS;
		const turn = async () => {
			await pause(Math.max(0, next - performance.now()));
			next += between;
		};

		while (!stop.now) {
			const drop = drops[Math.floor(Math.random() * drops.length)];

			await turn();
			const held = await api.post(`/api/drops/${drop}/reservations`, { size: SIZES[Math.floor(Math.random() * SIZES.length)] });
			made += Number(held.status === 201);
			await turn();
			if (held.status === 201)
				made += Number((await api.del(`/api/reservations/${held.body.reservation.id}`)).status === 200);
		}
	});

	return {
		/** @returns {number} how many changes there have been */
		soFar: () => made,
		end: async () => {
			stop.now = true;
			await Promise.all(work);
		},
	};
}

/** @param {import('playwright-core').Browser} browser @param {string} url @param {import('../lib/store.mjs')} store */
async function scrolling(browser, url, store) {
	const context = await browser.newContext({ viewport: VIEWPORT });
	const page = await context.newPage();
	const session = await context.newCDPSession(page);
	/** @type {number[]} */
	const ids = (await store.anyone.get('/api/drops?limit=200')).body.drops.map((/** @type {any} */ drop) => drop.id);
	let heard = 0;

	await page.goto(url);
	await page.locator('[data-testid=connection][data-state=live]').waitFor({ state: 'attached' });
	await waitFor('every card', () => page.evaluate(`document.querySelectorAll('[data-drop]').length >= ${MANY}`), 60_000);
	await session.send('Network.enable');
	session.on('Network.eventSourceMessageReceived', ({ eventName }) => { heard += Number(eventName === 'stock:update'); });
	const under = await changes(store, ids);

	await waitFor('the changes to flow', () => heard > CHANGES_A_SECOND);
	await pause(QUIET_MS);
	const [madeBefore, heardBefore] = [under.soFar(), heard];
	const { frames, seconds, longestGap, long } = await page.evaluate(scrollAndWatch, SCROLL_S);
	const [made, told] = [under.soFar() - madeBefore, heard - heardBefore];

	await under.end();
	await context.close();
	return { frames: frames / seconds, longestGap, made: made / seconds, told: told / seconds, long: long.length, longest: Math.max(0, ...long) };
}

/** @typedef {{row: string, unit: string, values: number[], median: number}} Row */

/** @param {string} row @param {string} unit @param {number[]} values @returns {Row} */
function rowOf(row, unit, values) {
	return { row, unit, values, median: values.length ? median(values) : NaN };
}

/** @param {number} value */
const short = (value) => (Number.isFinite(value) ? value.toFixed(value < 1 ? 3 : value < 100 ? 1 : 0).replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : zeros)) : 'not measured');

/** @param {Row[]} rows */
function table(rows) {
	const cells = rows.map(({ row, unit, median: middle, values }) =>
		[row, `${short(middle)} ${unit}`.trim(), values.length > 1 ? `${short(Math.min(...values))} to ${short(Math.max(...values))}` : '']);
	const widths = [0, 1].map((i) => Math.max(...cells.map((line) => String(line[i]).length)));

	return cells.map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()).join('\n');
}

const stack = await Stack.start();

process.env.LASTPAIR_TEST_STACK = `${stack.dir}|${stack.port}`;
const { launch, quit } = await import('../lib/browser.mjs');
const store = await import('../lib/store.mjs');
/** @type {Row[]} */
const rows = [];
let version = '';

try {
	const browser = await launch();

	version = browser.version();
	await makeDrops(store, 0, FEW);
	await load(browser, stack.url, PLACES[0]).catch(() => {});	/* the first start of a browser is nobody's load */
	for (const where of PLACES) {
		const loads = [];

		for (let i = 0; i < LOADS; i++)
			loads.push(await load(browser, stack.url, where));
		const row = (/** @type {string} */ name, /** @type {string} */ unit, /** @type {string} */ key) =>
			rows.push(rowOf(`${name}, ${FEW} drops, ${where.place}`, unit, loads.map((each) => each[key])));

		row('time to stock shown', 'ms', 'stockMs');
		row('first contentful paint', 'ms', 'paintMs');
		row('cumulative layout shift', '', 'shift');
		if (where === PLACES[0]) {
			row('transferred without pictures and stream', 'KiB', 'kib');
			row('of these, what is not headers', 'KiB', 'bodiesKib');
			row('of these, the listing', 'KiB', 'listingKib');
			row('the stream\'s first snapshot, not compressed', 'KiB', 'streamKib');
			row('requests without pictures', '', 'requests');
		}
	}
	await makeDrops(store, FEW, MANY);
	const scrolled = await scrolling(browser, stack.url, store);
	const name = (/** @type {string} */ what) => `${what}, ${MANY} drops, scrolling ${SCROLL_S} s`;

	rows.push(rowOf(name('changes a second'), '', [scrolled.made]), rowOf(name('updates heard a second'), '', [scrolled.told]),
		rowOf(name('frames a second'), '', [scrolled.frames]), rowOf(name('longest time between frames'), 'ms', [scrolled.longestGap]),
		rowOf(name('tasks over 50 ms'), '', [scrolled.long]), rowOf(name('the longest of them'), 'ms', [scrolled.longest]));
} finally {
	await quit();
	stack.stop();
}

const folder = path.join(BUILD, 'bench');

fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(path.join(folder, 'www.json'), `${JSON.stringify({
	at: new Date().toISOString(), chromium: version, machine: `${os.cpus().length} processors, ${os.cpus()[0]?.model ?? 'unknown'}`, rows,
}, null, '\t')}\n`);
process.stdout.write(`${table(rows)}\n`);
if (rows.some((row) => !row.values.length || !row.values.every(Number.isFinite))) {
	process.stderr.write('lastpair: not everything could be measured\n');
	process.exitCode = 1;
}
