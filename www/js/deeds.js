/** What takes an account: each press becomes a call, and its answer a change of the state or a sentence. */

import { asRefusal, pairName } from './actions.js';
import { api, isUnanswered, newKey, Refusal } from './api.js';
import { duration, money, number } from './format.js';
import { makePending, tabStorage } from './pending.js';
import { withBusy, withDrops, withPurchase, withReservation, withUser, withWait } from './state.js';
import { get, hushCodes, say, set } from './store.js';
import { FIELD_OF, fieldTexts, refusalText, t } from './text.js';

/** @typedef {import('./types.js').Press} Press */

/** A press so close before the opening was made in good faith: our clock ran a little ahead. */
const NEARLY_MS = 3000;
const MOST_TRIES = 3;

/**
 * @param {Pick<import('./types.js').Wiring, 'loadOwn'|'accountChanged'|'now'>} wiring
 * @param {{signIn: (() => void)|null}} after  what goes on by itself after signing in
 * @param {import('./types.js').Actions['formProblem']} formProblem
 * @returns {import('./types.js').Deeds}
 */
export function makeDeeds({ loadOwn, accountChanged, now }, after, formProblem) {
	const pending = makePending(tabStorage(), Date.now, newKey);

	/** @param {number} dropId @param {string} size */
	async function doReserve(dropId, size) {
		const key = `reserve:${dropId}`;
		const press = pending.keep({ kind: 'reserve', target: `${dropId} ${size}`, user: get().user?.id ?? 0, dropId, size });
		const ask = () => settling(press, () => api.reserve(dropId, size, { key: press.key, onWait: waits(key) }));
		const { reservation, drop } = await patiently(dropId, ask);

		set(withDrops(withReservation(get(), reservation), [drop]));
		if (reservation.status === 'active' && Date.parse(reservation.expiresAt) > now())
			say('ok', t('say.held', { pair: pairName(reservation), time: duration(drop.holdSeconds) }));
	}

	/** @param {string} id */
	async function doBuy(id) {
		const press = pending.keep({ kind: 'buy', target: id, user: get().user?.id ?? 0, hold: id });
		const { purchase } = await settling(press, () => api.buy(id, { key: press.key, onWait: waits(`hold:${id}`) }));

		set(withPurchase(get(), purchase));
		say('ok', t('say.bought', { pair: pairName(purchase), price: money(purchase.priceCents, purchase.currency) }));
	}

	/** A refusal is an answer; silence is not. @template T @param {Press} press @param {() => Promise<T>} work */
	async function settling(press, work) {
		try {
			const answer = await work();

			pending.settle(press);
			hushCodes(['network', 'offline', 'unavailable', 'too_many_requests']);
			return answer;
		} catch (error) {
			if (error instanceof Refusal && !isUnanswered(error))
				pending.settle(press);
			throw error;
		}
	}

	/**
	 * The button armed a moment early by the store's clock: once more, by itself, a moment later.
	 * @template T @param {number} dropId @param {() => Promise<T>} ask @returns {Promise<T>}
	 */
	async function patiently(dropId, ask) {
		for (let attempt = 1; ; attempt++) {
			try {
				return await ask();
			} catch (error) {
				const startsAt = Date.parse(get().drops.get(dropId)?.dropStartsAt ?? '');

				if (!(error instanceof Refusal) || error.code !== 'not_started' || attempt === MOST_TRIES ||
				    Math.abs(startsAt - now()) > NEARLY_MS)
					throw error;
				await new Promise((resolve) => {
					setTimeout(resolve, 200 + Math.max(0, startsAt - now()) + Math.random() * 400);
				});
			}
		}
	}

	/** Shows the wait, and says once why. @param {string} key */
	function waits(key) {
		let told = false;

		return (/** @type {number} */ ms, /** @type {Refusal} */ refusal) => {
			set(withWait(get(), key, now() + ms));
			if (!told && refusal.status !== 0)
				say('info', t('say.again', { n: number(Math.ceil(ms / 1000)) }), { code: refusal.code });
			told = true;
		};
	}

	/** @param {() => Promise<{user: import('./types.js').User}>} call */
	function enter(call) {
		return submit('account', async () => {
			const { user } = await call();
			const next = after.signIn;

			after.signIn = null;
			set({ ...withUser(get(), user), dialog: null });
			accountChanged();
			await loadOwn();
			next?.();
		});
	}

	/**
	 * One press: a second one while the first is under way does nothing; a refusal is said. Whoever turns out to be
	 * signed out signs in, and it goes on.
	 * @param {string} key @param {() => Promise<void>} work
	 */
	async function press(key, work) {
		await guarded(key, work, (refusal) => {
			if (refusal.code === 'unauthenticated') {
				set({ ...withUser(get(), null), dialog: { kind: 'sign-in', note: refusalText(refusal) } });
				after.signIn = () => press(key, work);
				return;
			}
			say('bad', refusalText(refusal), { code: refusal.code });
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
			const errors = field ? { [field]: refusalText(refusal) } : fieldTexts(refusal.errors);

			formProblem(Object.keys(errors).length ? '' : refusalText(refusal), errors);
		});
	}

	/** @param {string} key @param {() => Promise<void>} work @param {(refusal: Refusal) => void} refused */
	async function guarded(key, work, refused) {
		if (get().busy.has(key))
			return;
		set(withBusy(get(), key, true));
		try {
			await work();
		} catch (error) {
			refused(asRefusal(error));
		} finally {
			set(withWait(withBusy(get(), key, false), key, null));
		}
	}

	return {
		reserve: (dropId, size) => press(`reserve:${dropId}`, () => doReserve(dropId, size)),
		buy: (id) => press(`hold:${id}`, () => doBuy(id)),
		giveBack: (id) => press(`hold:${id}`, async () => {
			const { reservation } = await api.giveBack(id);

			set(withReservation(get(), reservation));
			say('info', t('say.given_back', { pair: pairName(reservation) }));
		}),
		takeUp() {
			for (const kept of pending.unanswered(get().user?.id ?? 0)) {
				if (kept.kind === 'buy') {
					press(`hold:${kept.hold}`, () => doBuy(String(kept.hold)));
				} else if (!get().busy.has(`reserve:${kept.dropId}`)) {
					const pair = { dropId: Number(kept.dropId), size: String(kept.size) };

					say('info', t('say.picked_up', { pair: pairName(pair) }), { code: 'offline' });
					press(`reserve:${pair.dropId}`, () => doReserve(pair.dropId, pair.size));
				}
			}
		},

		signIn: (fields) => enter(() => api.signIn(fields)),
		signUp: (fields) => enter(() => api.signUp(fields)),
		signOut: () => press('account', async () => {
			try {
				await api.signOut();
			} catch (error) {
				if (asRefusal(error).status !== 401)
					throw error;
			}
			set(withUser(get(), null));
			accountChanged();
			say('info', t('say.signed_out'));
		}),

		setActive: (dropId, isActive) => press(`admin:${dropId}`, async () => {
			const { drop } = await api.changeDrop(dropId, { isActive });

			set(withDrops(get(), [drop]));
			say('ok', t(isActive ? 'say.goes_on' : 'say.paused', { name: drop.name }));
		}),
		restock: (dropId, size, quantity) => submit(`admin:${dropId}`, async () => {
			const { drop } = await api.restock(dropId, size, quantity);

			set({ ...withDrops(get(), [drop]), dialog: null });
			say('ok', t('say.restocked', { name: drop.name, n: `${quantity > 0 ? '+' : '−'}${number(Math.abs(quantity))}` }));
		}),
	};
}
