/** What a visitor can do. What takes an account is deeds.js's, which comes once there is one, or somebody asks for it. */

import { Refusal } from './api.js';
import { pickedSize, withPick } from './state.js';
import { get, hush, say, set } from './store.js';
import { pairText, speak, t } from './text.js';

/** @typedef {import('./types.js').Deeds} Deeds */

/** @param {import('./types.js').Wiring} wiring */
export function makeActions(wiring) {
	const { reload, routes } = wiring;
	/** What goes on by itself after signing in. @type {{signIn: (() => void)|null}} */
	const after = { signIn: null };
	/** @type {Promise<Deeds>|undefined} */
	let coming;

	function deeds() {
		coming ??= import('./deeds.js').then(({ makeDeeds }) => makeDeeds(wiring, after, actions.formProblem)).catch((error) => {
			coming = undefined;
			throw error;
		});
		return coming;
	}

	/** @template {keyof Deeds} T @param {T} name @returns {(...args: Parameters<Deeds[T]>) => Promise<void>} */
	function later(name) {
		return async (...args) => {
			const all = await deeds().catch(() => say('bad', t('refusal.network'), { code: 'network' }));

			if (all)
				await /** @type {(...args: any[]) => unknown} */ (all[name])(...args);
		};
	}

	const reserve = later('reserve');
	/** @type {import('./types.js').Actions} */
	const actions = {
		reload,
		redraw: () => set({ ...get() }),
		go: routes.go,
		filter(filter) {
			const { route } = get();

			if (route.view === 'floor')
				routes.adjust({ ...route, ...filter });
		},
		async speak(lang) {
			try {
				await speak(lang);
			} catch {
				say('bad', t('refusal.network'), { code: 'network' });
			}
			actions.redraw();
		},
		pick: (dropId, size) => set(withPick(get(), dropId, size)),
		dismiss: hush,

		openDialog(dialog) {
			deeds().catch(() => {});	/* what is sent from it will be wanted */
			set({ ...get(), dialog: { note: get().dialog?.note, ...dialog } });
		},
		closeDialog() {
			after.signIn = null;
			set({ ...get(), dialog: null });
		},
		formProblem(problem, errors) {
			const { dialog } = get();

			set({ ...get(), dialog: dialog && { ...dialog, problem, errors, attempt: (dialog.attempt ?? 0) + 1 } });
		},
		fieldTouched(name) {
			const { dialog } = get();

			if (dialog?.errors?.[name])
				set({ ...get(), dialog: { ...dialog, errors: { ...dialog.errors, [name]: '' } } });
		},

		reserve(dropId, wanted) {
			const drop = get().drops.get(dropId);
			const size = wanted ?? (drop ? pickedSize(get(), drop) : null);

			if (!drop || size === null)
				return;
			/* what one asked for is what one looks at from now on */
			set(withPick(get(), dropId, size));
			if (get().user) {
				reserve(dropId, size);
			} else {
				actions.openDialog({ kind: 'sign-in', note: t('account.goes_on') });
				after.signIn = () => reserve(dropId, size);
			}
		},
		showHold(dropId) {
			/** @type {HTMLElement|null} */ (document.querySelector(`[data-hold-drop="${dropId}"] [data-testid="buy"]`))?.focus();
		},
		buy: later('buy'),
		giveBack: later('giveBack'),
		takeUp: later('takeUp'),
		signIn: later('signIn'),
		signUp: later('signUp'),
		signOut: later('signOut'),
		setActive: later('setActive'),
		restock: later('restock'),
		say,
	};
	return actions;
}

/** @param {{dropId: number, size: string}} pair */
export function pairName({ dropId, size }) {
	return pairText(get().drops.get(dropId)?.name ?? t('hold.yours'), size);
}

/** @param {unknown} error */
export function asRefusal(error) {
	if (error instanceof Refusal)
		return error;
	console.error(error);
	return new Refusal(0, 'other');
}
