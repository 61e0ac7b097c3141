/**
 * The page of the store. This file wires: answers and events change the state, the state is drawn, and
 * what a visitor presses becomes a call (actions.js). Start reading at start(). Its hooks for browser tests are
 * listed in tests/lib/browser.mjs.
 */

import { asRefusal, makeActions, pairName } from './actions.js';
import { api, onServerTime } from './api.js';
import { measured, serverNow } from './clock.js';
import { attr } from './dom.js';
import { openEvents } from './events.js';
import { number } from './format.js';
import { here, openRoutes, urlOf } from './route.js';
import {
	isBehind, lapsedAt, stockOf, withDrops, withEvent, withExpired, withPurchases, withReservations, withUser, withoutMissing,
} from './state.js';
import { get, onChange, say, set } from './store.js';
import { LOOK_MS, openShared } from './stream-share.js';
import { loadMoreTexts, loadTexts, ownLanguage, pairText, t, tn } from './text.js';
import * as floor from './views/floor.js';
import * as masthead from './views/masthead.js';
import * as toasts from './views/toasts.js';

/**
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Route} Route
 * @typedef {import('./types.js').Reservation} Reservation
 */

const TICK_MS = 250;
const POLL_MS = 6000;
/** More unknown drops than this are cheaper as one listing. */
const FEW_DROPS = 4;
/** Of a pair that came back right after one's own hold of it ended, one knows. */
const OWN_MS = 3000;
/** What could not be fetched is asked for again after so long. */
const AGAIN_MS = 3000;
const OPENED_AT = Date.now();

/** @type {import('./clock.js').Clock|null} */
let clock = null;
/** Drops being fetched, and those that are not there. @type {Set<number>} */
const fetching = new Set();
/** Tells this browser's other tabs that the account changed. */
const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('lastpair') : null;

onServerTime((serverTime, sentAt, heardAt, staleMs) => {
	clock = measured(clock, serverTime, sentAt, heardAt, staleMs);
});

const stream = openShared({
	openStream: openEvents,
	onEvent: heard,
	onConnection: connected,
	onRole: (role) => attr(document.documentElement, 'data-stream', role),
	onCatchUp: () => setTimeout(loadOwn, Math.random() * 500),
	snapshot: stockAtHand,
	locks: navigator.locks,
	channel: 'BroadcastChannel' in window ? new BroadcastChannel('lastpair-stream') : null,
});

/** Nothing is said before there are words for it. */
const texts = loadTexts(ownLanguage()).catch(() => loadTexts('en'));

async function start() {
	loadDrops();
	loadAccount();
	await texts;
	set({ ...get(), route: here() ?? get().route });
	onChange(changed);
	tick();
	setInterval(tick, TICK_MS);
	setInterval(poll, POLL_MS);
	setInterval(stream.look, LOOK_MS);
	document.addEventListener('visibilitychange', stream.look);
	document.addEventListener('freeze', stream.doze);
	document.addEventListener('resume', stream.wake);
	addEventListener('pageshow', (event) => {
		if (event.persisted)
			stream.wake();
	});
	tabs?.addEventListener('message', loadAccount);
}

/** Every tab is another's from now on. */
function accountChanged() {
	stream.reopen(get().user?.id ?? null);
	tabs?.postMessage('account');
}

/* ---- where one is ---- */

/** What is to happen once the view one moved to is drawn. @type {(() => void)|null} */
let arrive = null;
let arrived = false;
/** Where the focus was in each place one left. @type {Map<string, Element|null>} */
const focusedAt = new Map();

const routes = openRoutes({
	onRoute(route, how) {
		if (urlOf(route) === urlOf(get().route))
			return;
		const y = how === 'back' ? routes.scrollY() : 0;
		const before = how === 'back' ? focusedAt.get(urlOf(route)) : undefined;

		focusedAt.set(urlOf(get().route), document.activeElement);
		if (how !== 'stay') {
			arrive = () => {
				scrollTo(0, y);
				if (before instanceof HTMLElement && before !== document.body && before.isConnected)
					before.focus({ preventScroll: true });
				else
					focusView();
			};
		}
		set({ ...get(), route });
	},
});

/** The view one moved to has not come yet. */
let owesFocus = false;

/** A move is like a new page to those who listen to it: its heading is read. */
function focusView() {
	const place = SECTIONS[get().route.view];
	const heading = [...place.querySelectorAll('h1')].find((h) => !h.closest('[hidden]'));

	owesFocus = !heading;
	/** @type {HTMLElement} */ (heading ?? place).focus({ preventScroll: true });
}

/* ---- drawing ---- */

/** @typedef {(root: any, state: State, actions: import('./types.js').Actions) => void} Render */

const MAIN = /** @type {HTMLElement} */ (document.getElementById('main'));
const MINE = /** @type {HTMLElement} */ (document.getElementById('mine'));
/** One of these is in the page at a time, so that a drop is in it once; My pairs only hides. */
const SECTIONS = {
	floor: /** @type {HTMLElement} */ (document.getElementById('floor')),
	drop: section('drop'),
	mine: MINE,
	console: section('console'),
};
/**
 * What the first view does not show comes when it is first needed.
 * @type {Record<string, {from: string, css?: string, needed: (state: State) => boolean}>}
 */
const LATER = {
	drop: { from: './views/drop.js', needed: ({ route }) => route.view === 'drop' },
	console: { from: './views/console.js', needed: ({ route }) => route.view === 'console' },
	mine: { from: './views/mine.js', needed: ({ route, user }) => Boolean(user) || route.view === 'mine' },
	holds: { from: './views/holds.js', needed: ({ user }) => Boolean(user) },
	account: { from: './views/account.js', needed: ({ dialog }) => dialog?.kind === 'sign-in' || dialog?.kind === 'sign-up' },
	receipt: { from: './views/receipt.js', needed: ({ dialog }) => dialog?.kind === 'receipt' },
	restock: { from: './views/restock.js', needed: ({ dialog }) => dialog?.kind === 'restock' },
};
/** @type {Record<string, Render>} */
const RENDER = { floor: floor.render, tools: masthead.render, stale: masthead.renderStale, toasts: toasts.render };
const ASIDE = ['tools', 'stale', 'mine', 'holds', 'toasts', 'account', 'receipt', 'restock'];

/** @param {string} id */
function section(id) {
	const element = document.createElement('section');

	element.id = id;
	element.className = `view view-${id}`;
	element.tabIndex = -1;
	attr(element, 'data-testid', id === 'drop' ? 'drop-view' : id);
	return element;
}

/** Parts on their way. @type {Set<string>} */
const coming = new Set();

let drawing = false;
let noted = get();

/** What follows from a change without being asked for. */
function changed() {
	const [before, after] = [noted, get()];

	noted = after;
	for (const hold of before.reservations) {
		if (hold.status === 'active' && after.reservations.find((r) => r.id === hold.id)?.status !== 'active')
			parted.set(hold.dropId, after.now);
	}
	heed(before, after);
	drawSoon();
}

/** When one last held a pair of a drop, ms. @type {Map<number, number>} */
const parted = new Map();

/** What is said by itself of what moves (notices.js) comes once there is something one looks at.
 *  @type {(before: State, after: State) => void} */
let heed = (_, after) => {
	if (!coming.has('notices') && (after.route.view === 'drop' || after.user || Object.keys(after.picked).length))
		fetchNotices();
};

async function fetchNotices() {
	coming.add('notices');
	try {
		const [{ cameBack, makeAnnouncer }] = await Promise.all([import('./notices.js'), texts]);
		const announcer = makeAnnouncer(announce, {
			stock: (d) => t('announce.stock', {
				name: d.name, left: number(d.availableStock), held: number(d.reservedStock), sold: number(d.soldStock),
			}),
			open: (d) => t('announce.open', { name: d.name }),
			left: (seconds, hold) => tn('announce.left', seconds, { pair: pairName(hold) }),
		});

		heed = (before, after) => {
			announcer.heed(before, after);
			for (const { dropId, size, available } of cameBack(before, after)) {
				const pair = pairText(after.drops.get(dropId)?.name ?? '', size);

				if (after.now - (parted.get(dropId) ?? -Infinity) > OWN_MS)
					say('info', tn('say.back', available, { pair }), { code: 'back_in_stock', offer: { dropId, size } });
			}
		};
	} catch (error) {
		console.warn(error);
		setTimeout(() => coming.delete('notices'), AGAIN_MS);
	}
}

/** @param {string} words */
function announce(words) {
	const place = document.getElementById('announcer');

	if (place)
		place.textContent = words;
}

function drawSoon() {
	if (drawing)
		return;
	drawing = true;
	/* frames stop while a page is hidden; its tests and titles should not */
	if (document.hidden)
		setTimeout(draw);
	else
		requestAnimationFrame(draw);
}

function draw() {
	const state = get();
	const { view } = state.route;

	drawing = false;
	attr(document.documentElement, 'data-view', view);
	for (const [name, element] of Object.entries(SECTIONS)) {
		if (element === MINE)
			MINE.hidden = view !== 'mine';
		else if (name !== view)
			element.remove();
		else if (!element.isConnected)
			MAIN.append(element);
	}
	for (const id of ASIDE)
		renderPart(id, /** @type {HTMLElement} */ (document.getElementById(id)), state);
	if (view !== 'mine')
		renderPart(view, SECTIONS[view], state);
	document.title = titleOf(state);
	if (arrive) {
		arrive();
		arrive = null;
	} else if (!arrived && state.loaded) {
		scrollTo(0, routes.scrollY());
	}
	arrived ||= state.loaded;
}

/** @param {State} state */
function titleOf({ route, drops }) {
	const name = route.view === 'drop' ? drops.get(route.dropId)?.name : undefined;

	return name ? t('title.drop', { name }) : t(`title.${route.view === 'drop' ? 'floor' : route.view}`);
}

/** @param {string} name @param {HTMLElement} root @param {State} state */
function renderPart(name, root, state) {
	const render = RENDER[name];

	if (render)
		render(root, state, actions);
	else if (LATER[name]?.needed(state) && !coming.has(name))
		fetchPart(name);
}

/** A part that cannot be had is asked for again after a while. @param {string} name */
async function fetchPart(name) {
	const part = LATER[name];

	coming.add(name);
	try {
		const [module] = await Promise.all([import(String(part?.from)), worded(), dressed()]);

		RENDER[name] = module.render;
		drawSoon();
		if (owesFocus && name === get().route.view)
			requestAnimationFrame(focusView);
	} catch (error) {
		console.warn(error);
		say('bad', t('refusal.network'), { code: 'network' });
		await new Promise((resolve) => {
			setTimeout(resolve, AGAIN_MS);
		});
	}
	coming.delete(name);
}

/** @type {Promise<void>|undefined} */
let wording;

/** The texts of all that the first view does not show. */
function worded() {
	wording ??= texts.then(() => loadMoreTexts('more-')).catch((error) => {
		wording = undefined;
		throw error;
	});
	return wording;
}

/** @type {Promise<void>|undefined} */
let dressing;

/** The style of all that the first view does not show. */
function dressed() {
	dressing ??= new Promise((resolve) => {
		const link = document.createElement('link');

		link.rel = 'stylesheet';
		link.onload = link.onerror = () => resolve();
		link.href = '/css/panels.css';
		document.head.append(link);
	});
	return dressing;
}

/* ---- time ---- */

function now() {
	return serverNow(clock, Date.now());
}

/** Often, and at the very moment at which a drop opens. */
function tick() {
	const at = now();

	set({ ...get(), now: at });
	for (const { dropStartsAt } of get().drops.values()) {
		const left = Date.parse(dropStartsAt) - at;

		if (left > 0 && left < TICK_MS)
			setTimeout(() => set({ ...get(), now: now() }), left + 1);
	}
	for (const hold of lapsedAt(get(), get().now)) {
		if (!get().busy.has(`hold:${hold.id}`))
			ranOut(hold);
	}
}

/* ---- the stream ---- */

/** @param {string} name @param {any} data @param {number} askedAt */
function heard(name, data, askedAt) {
	const before = get();

	if (name === 'snapshot') {
		clock = measured(clock, data.serverTime, askedAt, Date.now());
		onSnapshot(data.drops);
	}
	set({ ...withEvent(before, name, data), now: now() });
	if (name === 'reservation:update')
		tellOfHold(before, data.reservation);
	if (name === 'reservation:expired')
		tellOfExpiry(before, data.reservationId);
	fetchMissing();
}

let snapshots = 0;

/**
 * A later snapshot means that something was missed, and a snapshot carries stock only: the rest is read again.
 * @param {import('./types.js').Stock[]} stocks
 */
function onSnapshot(stocks) {
	const later = snapshots++ > 0;

	if (later || isBehind(get(), stocks))
		loadDropsSoon();
	if (later && get().user)
		setTimeout(loadOwn, Math.random() * 500);
}

/** Once the cache of listings has turned over, and not every page at the same moment. */
function loadDropsSoon() {
	setTimeout(loadDrops, 1100 + Math.random() * 1500);
}

/** @param {import('./types.js').Connection} connection */
function connected(connection) {
	set({ ...get(), connection });
	if (connection === 'live' && get().user)
		actions.takeUp();
}

/** What another tab may begin with: the newest stock this one was told. */
function stockAtHand() {
	const { loaded, drops, missing } = get();

	if (!snapshots || !loaded)
		return null;
	return {
		serverTime: new Date(now()).toISOString(),
		drops: [...missing.values(), ...[...drops.values()].map(stockOf)].filter((stock) => stock !== null),
	};
}

/** While the stream cannot be had, the listing is still better than nothing; without either, hope. */
function poll() {
	if ((get().connection === 'offline' || !get().loaded) && !document.hidden)
		setTimeout(loadDrops, Math.random() * POLL_MS / 2);
}

/** A change of one's hold that another tab made. @param {State} before @param {Reservation} reservation */
function tellOfHold(before, reservation) {
	const known = before.reservations.find((r) => r.id === reservation.id);

	if (get().busy.has(`hold:${reservation.id}`) || get().busy.has(`reserve:${reservation.dropId}`) ||
	    known?.status === reservation.status)
		return;
	if (reservation.status === 'active' && !known)
		say('info', t('say.tab.held', { pair: pairName(reservation) }));
	if (known?.status === 'active' && reservation.status === 'completed') {
		say('ok', t('say.tab.bought', { pair: pairName(reservation) }));
		loadOwn();
	}
	if (known?.status === 'active' && reservation.status === 'released')
		say('info', t('say.tab.given_back', { pair: pairName(reservation) }));
}

/** @param {State} before @param {string} id */
function tellOfExpiry(before, id) {
	const hold = before.reservations.find((r) => r.id === id && r.status === 'active');

	if (hold && !get().busy.has(`hold:${id}`))
		ranOut(hold);
}

/** Told once, and not of what was over before the page was opened. @param {Reservation} hold */
function ranOut(hold) {
	set(withExpired(get(), hold.id));
	if (Date.parse(hold.expiresAt) > serverNow(clock, OPENED_AT))
		say('info', t('say.ran_out', { pair: pairName(hold) }));
}

/* ---- reading ---- */

async function loadDrops() {
	try {
		const drops = await api.drops();	/* first, for the state moves on meanwhile */

		if (drops.some((drop) => (get().missing.get(drop.id)?.version ?? 0) > drop.version))
			loadDropsSoon();
		set({ ...withDrops(get(), drops), loaded: true, loadProblem: null, now: now() });
	} catch (error) {
		set({ ...get(), loadProblem: asRefusal(error) });
	}
}

async function fetchMissing() {
	const ids = [...get().missing.keys()].filter((id) => !fetching.has(id));

	if (!get().loaded || !ids.length)
		return;
	ids.forEach((id) => fetching.add(id));
	if (ids.length > FEW_DROPS)
		await loadDrops();
	else
		await Promise.all(ids.map(loadDrop));
	set(withoutMissing(get(), ids));
	ids.forEach((id) => fetching.delete(id));
}

/** @param {number} id */
async function loadDrop(id) {
	try {
		const { drop } = await api.drop(id);

		set(withDrops(get(), [drop]));
	} catch {
		/* gone again, or out of reach: the next event of it asks anew */
	}
}

async function loadAccount() {
	const before = get().user?.id;

	try {
		const { user } = await api.me();

		signedIn(user, before);
		await Promise.all([loadOwn(), texts]);
		actions.takeUp();
	} catch (error) {
		if (asRefusal(error).status === 401 || get().user === undefined)
			signedIn(null, before);
	}
}

/**
 * The stream of another account is another one; so is that of another session of the same.
 * @param {import('./types.js').User|null} user @param {number|undefined} before
 */
function signedIn(user, before) {
	const known = get().user !== undefined;

	set(withUser(get(), user));
	if (known && user?.id !== before)
		stream.reopen(user?.id ?? null);
	else
		stream.setAccount(user?.id ?? null);
}

async function loadOwn() {
	try {
		const [held, bought] = await Promise.all([api.reservations(), api.purchases()]);

		set(withPurchases(withReservations(get(), held.reservations), bought.purchases));
	} catch (error) {
		if (asRefusal(error).status === 401)
			set(withUser(get(), null));
	}
}

const actions = makeActions({
	now, routes, loadOwn,
	async reload() {
		set({ ...get(), loadProblem: null });
		await loadDrops();
		fetchMissing();
	},
	accountChanged,
});

start();
