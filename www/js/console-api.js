/**
 * What only an administrator asks of the store, and how the console keeps what it was told: nothing is asked
 * on a timer, only when the stream says that something has changed, and then with a rest and a jitter.
 *
 * @typedef {import('./types.js').Drop} Drop
 *
 * @typedef {object} Sale        a row of a drop's purchases
 * @property {string} id
 * @property {string} username
 * @property {string} email
 * @property {string} size
 * @property {number} priceCents
 * @property {string} currency
 * @property {string} purchasedAt
 *
 * @typedef {object} Deed        a row of the trail
 * @property {number} id
 * @property {string} at
 * @property {{id: number, username: string}|null} actor  null: by lastpairctl, on the machine
 * @property {'create'|'update'|'restock'} action
 * @property {number|null} dropId
 * @property {string|null} dropName
 * @property {Record<string, any>|null} before  only what changed
 * @property {Record<string, any>|null} after
 */

import { call, Refusal } from './api.js';

const PAGE = 50;
const SALES_PAGE = 20;

/** @param {Record<string, string|number|undefined>} fields */
function query(fields) {
	const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');

	return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

/** @param {import('./types.js').NewDrop} drop @param {string} key  the same for every press of the same form @returns {Promise<{drop: Drop}>} */
export const createDrop = (drop, key) => call('POST', '/api/drops', { body: drop, key });

/** @param {number} id @param {object} changes @returns {Promise<{drop: Drop}>} */
export const changeDrop = (id, changes) => call('PATCH', `/api/drops/${id}`, { body: changes });

/** @param {number} id @returns {Promise<import('./console-flow.js').Figures>} */
export const figures = (id) => call('GET', `/api/admin/drops/${id}/figures`);

/** @param {number} id */
export const csvUrl = (id) => `/api/admin/drops/${id}/purchases.csv`;

/**
 * @param {number} id @param {string} q @param {string} cursor
 * @returns {Promise<Page<Sale> & {total: number}>}
 */
export async function purchases(id, q, cursor) {
	const answer = await call('GET', `/api/admin/drops/${id}/purchases?${query({ q, limit: SALES_PAGE, cursor })}`);

	return { items: answer.purchases, nextCursor: answer.nextCursor, total: answer.total };
}

/** @param {number|undefined} drop @param {string} cursor @param {number} [limit] @returns {Promise<Page<Deed>>} */
export async function deeds(drop, cursor, limit = PAGE) {
	const answer = await call('GET', `/api/admin/actions?${query({ drop, limit, cursor })}`);

	return { items: answer.actions, nextCursor: answer.nextCursor };
}

/* ---- what is known of it ---- */

/**
 * @template T
 * @typedef {object} Source
 * @property {T|null} value
 * @property {Refusal|null} problem   why the last asking failed
 * @property {boolean} busy
 * @property {() => Promise<void>} load   asks now
 * @property {() => void} soon        asks after a rest; any number of calls until then are one
 * @property {() => void} forget      what comes from now on has nothing to do with what is known
 * @property {() => void} close
 */

/**
 * @template T
 * @param {(known: T|null) => Promise<T>} read
 * @param {() => void} changed       it is time to draw
 * @param {number} [restMs]          between two askings by itself
 * @returns {Source<T>}
 */
export function makeSource(read, changed, restMs = 1000) {
	let timer = 0;
	let asked = 0;
	let askedAt = -Infinity;
	let closed = false;

	/** @type {Source<T>} */
	const source = {
		value: null,
		problem: null,
		busy: false,
		async load() {
			const mine = ++asked;

			stopWaiting();
			askedAt = Date.now();
			source.busy = true;
			changed();
			try {
				const value = await read(source.value);

				if (mine === asked)
					Object.assign(source, { value, problem: null });
			} catch (error) {
				if (!(error instanceof Refusal))
					console.error(error);
				if (mine === asked)
					source.problem = error instanceof Refusal ? error : new Refusal(0, 'other');
			}
			if (mine === asked) {
				source.busy = false;
				changed();
			}
		},
		soon() {
			if (!timer && !closed)
				timer = setTimeout(awake, Math.max(250, askedAt + restMs - Date.now()) + Math.random() * 500);
		},
		forget() {
			asked++;
			source.value = null;
			source.problem = null;
		},
		close() {
			closed = true;
			asked++;
			stopWaiting();
		},
	};

	/** A page that nobody looks at asks once it is looked at again; an asking under way is not cut short. */
	function awake() {
		if (document.hidden) {
			document.addEventListener('visibilitychange', awake, { once: true });
		} else if (source.busy) {
			timer = 0;
			source.soon();
		} else {
			source.load();
		}
	}
	function stopWaiting() {
		clearTimeout(timer);
		timer = 0;
		document.removeEventListener('visibilitychange', awake);
	}
	return source;
}

/**
 * @template T
 * @typedef {object} Page
 * @property {readonly T[]} items      newest first
 * @property {string|null} nextCursor
 * @property {boolean} [deeper]        more than the first page has been read
 */

/**
 * A list that is read page by page from its newest end, and grows there.
 * @template {{id: string|number}} T
 * @template {Page<T>} P
 * @param {(cursor: string) => Promise<P>} read
 * @param {() => void} changed
 * @returns {Source<P> & {more: () => Promise<void>}}
 */
export function makeList(read, changed) {
	let goOn = false;
	/** @type {Source<P>} */
	const source = makeSource(async (known) => {
		if (goOn && known?.nextCursor) {
			const page = await read(known.nextCursor);

			return { ...page, items: [...known.items, ...page.items], deeper: true };
		}
		return joined(known, await read(''));
	}, changed);

	return Object.assign(source, {
		async more() {
			goOn = true;
			const done = source.load();

			goOn = false;
			await done;
		},
	});
}

/**
 * The newest page with what is known of the older ones, where the two meet. Pure.
 * @template {{id: string|number}} T
 * @template {Page<T>} P
 * @param {P|null} known @param {P} page @returns {P}
 */
export function joined(known, page) {
	const fresh = new Set(page.items.map(({ id }) => id));

	if (!known?.deeper || !known.items.some(({ id }) => fresh.has(id)))
		return page;
	return {
		...page,
		items: [...page.items, ...known.items.filter(({ id }) => !fresh.has(id))],
		nextCursor: known.nextCursor,
		deeper: true,
	};
}
