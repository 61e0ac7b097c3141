/**
 * The page of the store. This file wires: answers and events change the state, the state is drawn, and
 * what a visitor presses becomes a call. Start reading at start().
 *
 * Hooks for browser tests, kept stable:
 *   data-drop=ID and data-status on each card; inside it data-testid drop-status, available, reserved, sold (each with
 *   data-value, the plain number), size-option (data-size, data-state=free|last|held|gone, aria-pressed; none where the
 *   only size is ""), reserve, buyers,
 *   admin-pause (data-active), admin-restock
 *   connection (data-state=live|connecting|offline), toast (data-kind=ok|bad|info, data-code on a refusal)
 *   hold (data-reservation, data-hold-drop) with hold-countdown, buy, give-back
 *   sign-in-open, sign-in-form (email, password), show-sign-up, sign-up-form (username, email, password), show-sign-in,
 *   signed-in-user, sign-out, my-reservations, my-purchases (rows: li[data-id][data-status])
 *   admin-create-open, admin-create-form (name, description, priceCents as 129.00, currency, imageUrl, dropStartsAt,
 *   dropEndsAt, holdSeconds, maxPerUser, sizing=one|several, totalStock; per admin-size-row: size, sizeStock), admin-add-size,
 *   admin-restock-form (size, quantity)
 * A button that cannot act now has aria-disabled="true" and keeps its focus.
 */

import { makeApi, Refusal } from './api.js';
import { measured, serverNow } from './clock.js';
import { openEvents } from './events.js';
import { money } from './format.js';
import {
	initialState, isBehind, lapsedAt, pickedSize, withBusy, withDrops, withEvent, withExpired, withPick, withPurchase, withPurchases,
	withReservation, withReservations, withUser, withoutMissing,
} from './state.js';
import { FIELD_OF, pairText, refusalText } from './text.js';
import * as account from './views/account.js';
import * as create from './views/create.js';
import * as floor from './views/floor.js';
import * as holds from './views/holds.js';
import * as masthead from './views/masthead.js';
import * as mine from './views/mine.js';
import * as restock from './views/restock.js';
import * as toasts from './views/toasts.js';

/**
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Dialog} Dialog
 * @typedef {import('./types.js').Reservation} Reservation
 */

const TICK_MS = 250;
const POLL_MS = 6000;
const TOAST_MS = 6000;
const MOST_TOASTS = 2;
/** More unknown drops than this are cheaper as one listing. */
const FEW_DROPS = 4;
const OPENED_AT = Date.now();

let state = initialState();
/** @type {import('./clock.js').Clock|null} */
let clock = null;
let drawing = false;
let toastIds = 0;
/** What goes on by itself after signing in. @type {(() => void)|null} */
let afterSignIn = null;
/** Drops being fetched. @type {Set<number>} */
const fetching = new Set();
/** Tells this browser's other tabs that the account changed. */
const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('lastpair') : null;

const api = makeApi((serverTime, sentAt, heardAt, staleMs) => {
	clock = measured(clock, serverTime, sentAt, heardAt, staleMs);
});

function start() {
	const stream = openEvents({ onEvent: heard, onConnection: connected });

	tick();
	actions.reload();
	loadAccount();
	tabs?.addEventListener('message', () => accountChanged(false));
	setInterval(tick, TICK_MS);
	setInterval(poll, POLL_MS);

	/** @param {boolean} tell */
	function accountChanged(tell) {
		stream.reopen();
		if (tell)
			tabs?.postMessage('account');
		else
			loadAccount();
	}
	onAccountChange = accountChanged;
}

/** @type {(tell: boolean) => void} */
let onAccountChange = () => {};

/* ---- drawing ---- */

/** @type {[string, (root: any, state: State, actions: import('./types.js').Actions) => void][]} */
const VIEWS = [
	['tools', masthead.render], ['floor', floor.render], ['mine', mine.render], ['holds', holds.render],
	['toasts', toasts.render], ['account', account.render], ['create', create.render], ['restock', restock.render],
];

/** @param {State} next */
function set(next) {
	if (next === state)
		return;
	state = next;
	if (!drawing) {
		drawing = true;
		/* frames stop while a page is hidden; its tests and titles should not */
		if (document.hidden)
			setTimeout(draw);
		else
			requestAnimationFrame(draw);
	}
}

function draw() {
	drawing = false;
	for (const [id, render] of VIEWS)
		render(document.getElementById(id), state, actions);
}

function now() {
	return serverNow(clock, Date.now());
}

function tick() {
	set({ ...state, now: now() });
	for (const hold of lapsedAt(state, state.now)) {
		if (!state.busy.has(`hold:${hold.id}`))
			ranOut(hold);
	}
}

/* ---- the stream ---- */

/** @param {string} name @param {any} data @param {number} askedAt */
function heard(name, data, askedAt) {
	const before = state;

	if (name === 'snapshot') {
		clock = measured(clock, data.serverTime, askedAt, Date.now());
		onSnapshot(data.drops);
	}
	set({ ...withEvent(state, name, data), now: now() });
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

	if (later || isBehind(state, stocks))
		loadDropsSoon();
	if (later && state.user)
		setTimeout(loadOwn, Math.random() * 500);
}

/** Once the cache of listings has turned over, and not every page at the same moment. */
function loadDropsSoon() {
	setTimeout(loadDrops, 1100 + Math.random() * 1500);
}

/** @param {import('./types.js').Connection} connection */
function connected(connection) {
	set({ ...state, connection });
}

/** While the stream cannot be had, the listing is still better than nothing; without either, hope. */
function poll() {
	if ((state.connection === 'offline' || !state.loaded) && !document.hidden)
		setTimeout(loadDrops, Math.random() * POLL_MS / 2);
}

/** A change of one's hold that another tab made. @param {State} before @param {Reservation} reservation */
function tellOfHold(before, reservation) {
	const known = before.reservations.find((r) => r.id === reservation.id);

	if (state.busy.has(`hold:${reservation.id}`) || state.busy.has(`reserve:${reservation.dropId}`) ||
	    known?.status === reservation.status)
		return;
	if (reservation.status === 'active' && !known)
		say('info', `Held in another tab: ${pairName(reservation)}.`);
	if (known?.status === 'active' && reservation.status === 'completed') {
		say('ok', `Bought in another tab: ${pairName(reservation)}.`);
		loadOwn();
	}
	if (known?.status === 'active' && reservation.status === 'released')
		say('info', `Given back in another tab: ${pairName(reservation)}.`);
}

/** @param {State} before @param {string} id */
function tellOfExpiry(before, id) {
	const hold = before.reservations.find((r) => r.id === id && r.status === 'active');

	if (hold && !state.busy.has(`hold:${id}`))
		ranOut(hold);
}

/** Told once, and not of what was over before the page was opened. @param {Reservation} hold */
function ranOut(hold) {
	set(withExpired(state, hold.id));
	if (Date.parse(hold.expiresAt) > serverNow(clock, OPENED_AT))
		say('info', `Time ran out for ${pairName(hold)}. It went back on the shelf.`);
}

/* ---- reading ---- */

async function loadDrops() {
	try {
		const drops = await api.drops();	/* first, for the state moves on meanwhile */

		if (drops.some((drop) => (state.missing.get(drop.id)?.version ?? 0) > drop.version))
			loadDropsSoon();
		set({ ...withDrops(state, drops), loaded: true, loadProblem: null, now: now() });
	} catch (error) {
		set({ ...state, loadProblem: refusalText(asRefusal(error)) });
	}
}

async function fetchMissing() {
	const ids = [...state.missing.keys()].filter((id) => !fetching.has(id));

	if (!state.loaded || !ids.length)
		return;
	ids.forEach((id) => fetching.add(id));
	if (ids.length > FEW_DROPS)
		await loadDrops();
	else
		await Promise.all(ids.map(loadDrop));
	set(withoutMissing(state, ids));
	ids.forEach((id) => fetching.delete(id));
}

/** @param {number} id */
async function loadDrop(id) {
	try {
		const { drop } = await api.drop(id);

		set(withDrops(state, [drop]));
	} catch {
		/* gone again, or out of reach: the next event of it asks anew */
	}
}

async function loadAccount() {
	try {
		const { user } = await api.me();

		set(withUser(state, user));
		await loadOwn();
	} catch (error) {
		if (asRefusal(error).status === 401 || state.user === undefined)
			set(withUser(state, null));
	}
}

async function loadOwn() {
	try {
		const [held, bought] = await Promise.all([api.reservations(), api.purchases()]);

		set(withPurchases(withReservations(state, held.reservations), bought.purchases));
	} catch (error) {
		if (asRefusal(error).status === 401)
			set(withUser(state, null));
	}
}

/* ---- what a visitor can do ---- */

/** @type {import('./types.js').Actions} */
const actions = {
	async reload() {
		set({ ...state, loadProblem: null });
		await loadDrops();
		fetchMissing();
	},
	redraw: () => set({ ...state }),
	pick: (dropId, size) => set(withPick(state, dropId, size)),
	dismiss: (id) => set({ ...state, toasts: state.toasts.filter((t) => t.id !== id) }),

	openDialog: (dialog) => set({ ...state, dialog: { note: state.dialog?.note, ...dialog } }),
	closeDialog() {
		afterSignIn = null;
		set({ ...state, dialog: null });
	},
	formProblem(problem, errors) {
		const attempt = (state.dialog?.attempt ?? 0) + 1;

		set({ ...state, dialog: state.dialog && { ...state.dialog, problem, errors, attempt } });
	},
	fieldTouched(name) {
		if (state.dialog?.errors?.[name])
			set({ ...state, dialog: { ...state.dialog, errors: { ...state.dialog.errors, [name]: '' } } });
	},

	reserve(dropId) {
		const drop = state.drops.get(dropId);
		const size = drop ? pickedSize(state, drop) : null;

		if (!drop || size === null)
			return;
		withAccount(() => press(`reserve:${dropId}`, async () => {
			const { reservation, drop: newer } = await api.reserve(dropId, size);

			set(withDrops(withReservation(state, reservation), [newer]));
			say('ok', `${pairName(reservation)} is yours for ${drop.holdSeconds} seconds. Buy it before the time is up.`);
		}));
	},
	showHold(dropId) {
		/** @type {HTMLElement|null} */ (document.querySelector(`[data-hold-drop="${dropId}"] [data-testid="buy"]`))?.focus();
	},
	buy: (id) => press(`hold:${id}`, async () => {
		const { purchase } = await api.buy(id);

		set(withPurchase(state, purchase));
		say('ok', `Yours: ${pairName(purchase)}, ${money(purchase.priceCents, purchase.currency)}.`);
	}),
	giveBack: (id) => press(`hold:${id}`, async () => {
		const { reservation } = await api.giveBack(id);

		set(withReservation(state, reservation));
		say('info', `Given back: ${pairName(reservation)}. Thank you, someone is waiting for it.`);
	}),

	signIn: (fields) => enter(() => api.signIn(fields)),
	signUp: (fields) => enter(() => api.signUp(fields)),
	signOut: () => press('account', async () => {
		try {
			await api.signOut();
		} catch (error) {
			if (asRefusal(error).status !== 401)
				throw error;
		}
		set(withUser(state, null));
		onAccountChange(true);
		say('info', 'Signed out.');
	}),

	setActive: (dropId, isActive) => press(`admin:${dropId}`, async () => {
		const { drop } = await api.changeDrop(dropId, { isActive });

		set(withDrops(state, [drop]));
		say('ok', isActive ? `${drop.name} goes on.` : `${drop.name} is paused.`);
	}),
	restock: (dropId, size, quantity) => submit(`admin:${dropId}`, async () => {
		const { drop } = await api.restock(dropId, size, quantity);

		set({ ...withDrops(state, [drop]), dialog: null });
		say('ok', `${drop.name}: ${quantity > 0 ? '+' : '−'}${Math.abs(quantity)}.`);
	}),
	createDrop: (fields) => submit('create', async () => {
		const { drop } = await api.createDrop(fields);

		set({ ...withDrops(state, [drop]), dialog: null });
		say('ok', `${drop.name} is on the floor.`);
	}),
};

/** Does it now, or right after signing in. @param {() => void} action */
function withAccount(action) {
	if (state.user)
		return action();
	set({ ...state, dialog: { kind: 'sign-in', note: 'Sign in, and your reservation goes straight on.' } });
	afterSignIn = action;
}

/** @param {() => Promise<{user: import('./types.js').User}>} call */
function enter(call) {
	return submit('account', async () => {
		const { user } = await call();
		const next = afterSignIn;

		afterSignIn = null;
		set({ ...withUser(state, user), dialog: null });
		onAccountChange(true);
		await loadOwn();
		next?.();
	});
}

/**
 * One press: a second one while the first is under way does nothing; a refusal is said.
 * @param {string} key @param {() => Promise<void>} work
 */
async function press(key, work) {
	await guarded(key, work, (refusal) => {
		if (refusal.code === 'unauthenticated') {
			set(withUser(state, null));
			set({ ...state, dialog: { kind: 'sign-in', note: refusalText(refusal) } });
			return;
		}
		say('bad', refusalText(refusal), refusal.code);
		/* what we believed of our own holds was wrong: ask */
		if (key.startsWith('hold:') || refusal.code === 'already_reserved' || refusal.code === 'limit_reached')
			loadOwn();
	});
}

/**
 * One form: what the server refuses is shown in it.
 * @param {string} key @param {() => Promise<void>} work
 */
async function submit(key, work) {
	await guarded(key, work, (refusal) => {
		const field = FIELD_OF[refusal.code];
		const errors = field ? { [field]: refusalText(refusal) }
			: Object.fromEntries(refusal.errors.map((e) => [e.field, e.message]));

		actions.formProblem(Object.keys(errors).length ? '' : refusalText(refusal), errors);
	});
}

/** @param {string} key @param {() => Promise<void>} work @param {(refusal: Refusal) => void} refused */
async function guarded(key, work, refused) {
	if (state.busy.has(key))
		return;
	set(withBusy(state, key, true));
	try {
		await work();
	} catch (error) {
		refused(asRefusal(error));
	} finally {
		set(withBusy(state, key, false));
	}
}

/** @param {'ok'|'bad'|'info'} kind @param {string} text @param {string} [code] */
function say(kind, text, code) {
	const id = ++toastIds;

	set({ ...state, toasts: [...state.toasts.slice(1 - MOST_TOASTS), { id, kind, text, code }] });
	setTimeout(() => actions.dismiss(id), TOAST_MS);
}

/** @param {{dropId: number, size: string}} pair */
function pairName({ dropId, size }) {
	return pairText(state.drops.get(dropId)?.name ?? 'your pair', size);
}

/** @param {unknown} error */
function asRefusal(error) {
	if (error instanceof Refusal)
		return error;
	console.error(error);
	return new Refusal(0, 'other');
}

start();
