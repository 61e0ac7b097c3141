/** The page's one state, and what is said of it in passing. */

import { initialState } from './state.js';

/**
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Toast} Toast
 */

const TOAST_MS = 6000;
const MOST_TOASTS = 2;

let state = initialState();
let toastIds = 0;
/** @type {() => void} */
let changed = () => {};

export function get() {
	return state;
}

/** @param {State} next */
export function set(next) {
	if (next === state)
		return;
	state = next;
	changed();
}

/** @param {() => void} then  called after each change */
export function onChange(then) {
	changed = then;
}

/**
 * @param {'ok'|'bad'|'info'} kind @param {string} text
 * @param {{code?: string, offer?: Toast['offer']}} [more]
 */
export function say(kind, text, more = {}) {
	const id = ++toastIds;

	set({ ...state, toasts: [...state.toasts.slice(1 - MOST_TOASTS), { id, kind, text, ...more }] });
	setTimeout(() => hush(id), more.offer ? 2 * TOAST_MS : TOAST_MS);
}

/** @param {number} id */
export function hush(id) {
	if (state.toasts.some((toast) => toast.id === id))
		set({ ...state, toasts: state.toasts.filter((toast) => toast.id !== id) });
}

/** What was said of it is no longer so. @param {readonly string[]} codes */
export function hushCodes(codes) {
	if (state.toasts.some(({ code }) => code && codes.includes(code)))
		set({ ...state, toasts: state.toasts.filter(({ code }) => !code || !codes.includes(code)) });
}
