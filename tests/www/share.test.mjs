/** One stream for several tabs: who leads, who follows, and what happens when a leader is gone, hangs or slept. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LOOK_MS, openShared } from '../../www/js/stream-share.js';

/** A browser: its clock, its lock, its channel. Time passes when the test says so. */
function makeBrowser() {
	const browser = { now: 1_000_000, tabs: [], streams: 0, holder: null, queue: [] };
	const settle = async () => {
		for (let i = 0; i < 20; i++)
			await Promise.resolve();
	};

	const locks = {
		request(_name, { steal = false, signal } = {}, work) {
			return new Promise((resolve, reject) => {
				const wanted = {
					grant() {
						browser.holder = wanted;
						Promise.resolve(work()).then((value) => {
							wanted.release();
							resolve(value);
						});
					},
					release() {
						if (browser.holder === wanted) {
							browser.holder = null;
							browser.queue.shift()?.grant();
						}
					},
					robbed: () => reject(new Error('AbortError')),
				};

				signal?.addEventListener('abort', () => {
					browser.queue = browser.queue.filter((w) => w !== wanted);
					reject(new Error('AbortError'));
				});
				if (steal) {
					browser.holder?.robbed();
					wanted.grant();
				} else if (browser.holder) {
					browser.queue.push(wanted);
				} else {
					wanted.grant();
				}
			});
		},
	};

	/** A tab, with what its stream is told by hand. */
	browser.open = async (account = null, { hidden = false } = {}) => {
		const tab = { events: [], connection: 'connecting', role: '', caughtUp: 0, frozen: false, gone: false, hidden, streams: [], waiting: [] };
		const channel = {
			onmessage: null,
			postMessage(data) {
				for (const other of browser.tabs) {
					if (other !== tab && !other.gone)
						other.waiting.push(structuredClone(data));
				}
				for (const other of browser.tabs)
					other.deliver();
			},
		};

		let delivering = false;
		tab.deliver = () => {
			if (delivering || tab.frozen || tab.gone)
				return;
			delivering = true;
			while (tab.waiting.length)
				channel.onmessage?.({ data: tab.waiting.shift() });
			delivering = false;
		};
		browser.tabs.push(tab);
		tab.share = openShared({
			locks, channel, now: () => browser.now, random: () => 0.5, hidden: () => tab.hidden,
			onEvent: (name, data) => tab.events.push([name, data]),
			onConnection: (connection) => { tab.connection = connection; },
			onRole: (role) => { tab.role = role; },
			onCatchUp: () => { tab.caughtUp++; },
			snapshot: () => ({ serverTime: 'now', drops: ['of', tab.events.length] }),
			openStream({ onEvent, onConnection, lastId }) {
				const stream = {
					lastId, open: true, woken: 0, reopened: 0,
					tell: (name, data, id) => onEvent(name, data, browser.now, id),
					be: onConnection,
					reopen: () => { stream.reopened++; },
					wake: () => { stream.woken++; },
					close: () => { stream.open = false; },
				};

				tab.streams.push(stream);
				return stream;
			},
		});
		tab.share.setAccount(account);
		await settle();
		return tab;
	};
	browser.close = async (tab) => {
		tab.gone = true;
		browser.tabs = browser.tabs.filter((other) => other !== tab);
		if (tab.role === 'leader')
			browser.holder?.release();
		await settle();
	};
	browser.pass = async (ms) => {
		for (let t = 0; t < ms; t += LOOK_MS) {
			browser.now += LOOK_MS;
			for (const tab of browser.tabs) {
				if (!tab.frozen)
					tab.share.look();
			}
			await settle();
		}
	};
	browser.streamsOpen = () => browser.tabs.flatMap((tab) => tab.streams).filter((stream) => stream.open).length;
	return browser;
}

const streamOf = (tab) => tab.streams.at(-1);
const names = (tab) => tab.events.map(([name]) => name);

/** Two tabs, the first of which leads and is live. */
async function pair(account = null) {
	const browser = makeBrowser();
	const lead = await browser.open(account);

	streamOf(lead).tell('snapshot', { serverTime: 'x', drops: [] }, 'e-1');
	streamOf(lead).be('live');
	const other = await browser.open(account);

	return { browser, lead, other };
}

test('the first tab leads, the next follows and begins with what the first knows', async () => {
	const { browser, lead, other } = await pair();

	assert.deepEqual([lead.role, other.role, browser.streamsOpen()], ['leader', 'follower', 1]);
	assert.deepEqual([names(other), other.connection], [['snapshot'], 'live']);
	assert.deepEqual(other.events[0][1].drops, ['of', 1]);
});

test('what the leader hears the follower hears, in order, and how it is connected', async () => {
	const { lead, other } = await pair();

	streamOf(lead).tell('stock:update', { dropId: 1, version: 2 }, 'e-2');
	streamOf(lead).tell('stock:update', { dropId: 1, version: 3 }, 'e-3');
	assert.deepEqual(other.events.slice(1).map(([, data]) => data.version), [2, 3]);
	streamOf(lead).be('offline');
	assert.equal(other.connection, 'offline');
});

test('a leader that is closed leaves it to the next, who goes on from the last event', async () => {
	const { browser, lead, other } = await pair();

	streamOf(lead).tell('stock:update', {}, 'e-9');
	await browser.close(lead);
	assert.deepEqual([other.role, streamOf(other).lastId, other.connection], ['leader', 'e-9', 'connecting']);
});

test('a leader that hangs is first not believed, then replaced within eight seconds; waking, it follows', async () => {
	const { browser, lead, other } = await pair();

	lead.frozen = true;
	await browser.pass(3200);
	assert.deepEqual([other.role, other.connection], ['follower', 'connecting']);
	await browser.pass(4000);
	assert.equal(other.role, 'leader');
	streamOf(other).be('live');
	streamOf(other).tell('stock:update', { version: 7 }, 'e-7');

	lead.frozen = false;
	lead.deliver();
	await browser.pass(LOOK_MS * 5);
	assert.deepEqual([lead.role, lead.connection, lead.streams[0].open, browser.streamsOpen()], ['follower', 'live', false, 1]);
	streamOf(other).tell('stock:update', { version: 8 }, 'e-8');
	assert.deepEqual(lead.events.at(-1), ['stock:update', { version: 8 }]);
});

test('a hidden tab takes over from nobody', async () => {
	const { browser, lead, other } = await pair();

	other.hidden = true;
	lead.frozen = true;
	await browser.pass(12_000);
	assert.deepEqual([other.role, other.connection], ['follower', 'connecting']);
});

test('a quiet leader is asked, and its word keeps a follower live', async () => {
	const { browser, lead, other } = await pair();

	await browser.pass(60_000);
	assert.deepEqual([lead.role, other.role, other.connection, lead.streams.length], ['leader', 'follower', 'live', 1]);
});

test('a follower that slept shows nothing as live until it was told anew', async () => {
	const { browser, lead, other } = await pair();

	other.frozen = true;
	streamOf(lead).tell('stock:update', { version: 5 }, 'e-5');
	browser.now += 30_000;
	lead.share.look();		/* the leader was awake */
	other.waiting.length = 0;	/* and what it said is lost */
	other.frozen = false;
	const seen = other.events.length;

	other.share.look();
	assert.deepEqual([other.events.length, other.events.at(-1)[0], other.connection], [seen + 1, 'snapshot', 'live']);
	assert.ok(streamOf(lead).woken >= 1, 'the leader\'s connection is not trusted either');
});

test('an event that got lost between tabs is noticed at the next, and the state asked for', async () => {
	const { browser, lead, other } = await pair();

	other.frozen = true;
	streamOf(lead).tell('stock:update', { version: 2 }, 'e-2');
	other.waiting.length = 0;
	other.frozen = false;
	streamOf(lead).tell('stock:update', { version: 3 }, 'e-3');
	await browser.pass(LOOK_MS);
	assert.deepEqual([names(other).at(-1), other.connection], ['snapshot', 'live']);
});

test('private events reach tabs of the very same account, and no others', async () => {
	const { lead, other } = await pair(7);
	const event = ['reservation:update', { reservation: { id: 'a' } }];

	streamOf(lead).tell(...event, 'e-2');
	assert.deepEqual(other.events.at(-1), event);
	other.share.setAccount(null);
	streamOf(lead).tell(...event, 'e-3');
	streamOf(lead).tell('stock:update', {}, 'e-4');
	assert.deepEqual(names(other), ['snapshot', 'reservation:update', 'stock:update']);
});

test('a follower whose account the leader only now has asks for its own once', async () => {
	const { lead, other } = await pair(null);

	other.share.reopen(7);
	assert.equal(other.caughtUp, 0);
	lead.share.reopen(7);
	assert.deepEqual([other.caughtUp, streamOf(lead).reopened], [1, 1]);
	streamOf(lead).be('connecting');
	assert.equal(other.caughtUp, 1);
});

test('a frozen leader gives the lead away by itself', async () => {
	const { browser, lead, other } = await pair();

	lead.share.doze();
	lead.frozen = true;
	await browser.pass(LOOK_MS);
	assert.deepEqual([lead.role, other.role, browser.streamsOpen()], ['follower', 'leader', 1]);
});

test('without locks or a channel each tab has a stream of its own', () => {
	const roles = [];
	let opened = 0;

	for (const missing of [{ locks: undefined, channel: {} }, { locks: {}, channel: null }]) {
		openShared({
			...missing, hidden: () => false, onEvent() {}, onConnection() {}, onRole: (role) => roles.push(role), onCatchUp() {},
			snapshot: () => null, openStream: () => ({ reopen() {}, wake() {}, close() {}, n: opened++ }),
		});
	}
	assert.deepEqual([roles, opened], [['alone', 'alone'], 2]);
});
