/** Every sentence the page says that depends on what happened. */

/** @type {Record<string, string>} What the store refused, and what to do now. */
const REFUSALS = {
	sold_out: 'Just missed it: nobody has put one back yet. If a hold lapses, the pair shows up here at once.',
	already_reserved: 'You already hold a pair of this drop. Buy it or give it back first.',
	limit_reached: 'You have bought as many pairs of this drop as one person may.',
	not_started: 'This drop has not opened yet. The button arms by itself when it does.',
	ended: 'This drop is over.',
	paused: 'This drop is paused for the moment. It goes on here by itself.',
	unknown_size: 'That size is not part of this drop. Choose another.',
	reservation_expired: 'Time ran out, and the pair went back on the shelf. Reserve again if one is left.',
	not_active: 'That hold was already settled, perhaps in another tab.',
	unauthenticated: 'You are signed out. Sign in to go on.',
	forbidden: 'Only an administrator may do that.',
	not_found: 'That is no longer here.',
	below_committed: 'Those pairs are already held or sold. Take away fewer.',
	bad_credentials: 'That e-mail and password do not match.',
	too_many_attempts: 'Too many attempts.',
	email_taken: 'There is an account with this e-mail already. Sign in instead?',
	username_taken: 'Someone has this name. Choose another.',
	invalid: 'Something in there is not right.',
	key_reused: 'That press got mixed up with another. Try again.',
	cross_site: 'Your browser sent this as if from another site. Reload the page and try again.',
	network: 'No answer from the store. Check your connection, then try again: nothing is bought twice.',
	too_many_requests: 'Too many requests from your network at once. Try again in a moment.',
	payload_too_large: 'That is too long. Shorten it.',
	unavailable: 'The store cannot be reached right now. It will be back: try again in a moment.',
	other: 'That did not work. Try again in a moment.',
};

/** @type {Record<string, string>} Refusals that concern one field of a form. */
export const FIELD_OF = { email_taken: 'email', username_taken: 'username' };

/** @param {import('./api.js').Refusal} refusal */
export function refusalText(refusal) {
	const sentence = REFUSALS[refusal.code] ?? refusalByStatus(refusal.status);

	return refusal.retryAfterS ? `${sentence} ${waitText(refusal.retryAfterS)}` : sentence;
}

/** @param {number} status @returns {string} */
function refusalByStatus(status) {
	const code = status === 429 ? 'too_many_requests' : status >= 502 && status <= 504 ? 'unavailable' : 'other';

	return REFUSALS[code] ?? '';
}

/** @param {number} seconds */
function waitText(seconds) {
	return seconds < 90 ? `Wait ${seconds} s.` : `Wait ${Math.ceil(seconds / 60)} minutes.`;
}

/** @type {Record<import('./types.js').DropStatus, string>} */
export const STATUS = {
	live: 'Live',
	upcoming: 'Soon',
	paused: 'Paused',
	sold_out: 'Sold out',
	ended: 'Ended',
};

/** @type {Record<import('./types.js').Connection, string>} */
export const CONNECTION = {
	live: 'Live',
	connecting: 'Catching up',
	offline: 'Offline',
};

/** @type {Record<import('./types.js').Reservation['status'], string>} */
export const RESERVATION = {
	active: 'Held',
	completed: 'Bought',
	released: 'Given back',
	expired: 'Ran out',
};

/** `Size 42`, but `EU 42` as it is. @param {string} size */
export function sizeName(size) {
	if (size === '')
		return 'One size';
	return /^\d/.test(size) ? `Size ${size}` : size;
}

/** A pair in the midst of a sentence. @param {string} name @param {string} size */
export function pairText(name, size) {
	return size ? `${name}, ${sizeName(size).replace(/^Size/, 'size')}` : name;
}
