/**
 * The event stream: the only file that opens an EventSource. It always comes back by itself, after a
 * jittered pause and from where it was (`?last=`), also where EventSource alone would stop for good
 * (any answer but 200). Which tab has one, and when the machine slept, is stream-share.js's.
 *
 * @typedef {import('./types.js').Connection} Connection
 */

const URL = '/api/events';
const NAMES = ['snapshot', 'stock:update', 'drop:created', 'drop:updated', 'purchase:completed',
	'reservation:expired', 'reservation:update'];

/** Never longer, so that a page is right again within five seconds of the store. */
const LONGEST_PAUSE_MS = 3500;
const FIRST_PAUSE_MS = 400;
/** A resumed stream with nothing new says nothing: after this it counts as caught up. */
const CAUGHT_UP_MS = 400;
const TRIES_UNTIL_OFFLINE = 3;
/** A connection may be dead, or held back by something on the way, without a sign: that long nothing may be heard,
 *  in terms of the time between the store's beats. */
const PATIENCE = 1.5;
/** Before the store has said how often they come. */
const FIRST_BEAT_MS = 10_000;
const LOOK_MS = 1000;

/** @param {import('./types.js').EventsOptions} options */
export function openEvents({ onEvent, onConnection, lastId: from = '' }) {
	/** @type {EventSource|null} */
	let source = null;
	/** @type {Connection} */
	let connection = 'connecting';
	let lastId = from;
	let failures = 0;
	let askedAt = 0;
	let retryTimer = 0;
	let caughtUpTimer = 0;
	let heardAt = 0;
	let beatMs = FIRST_BEAT_MS;

	/** @param {Connection} next */
	function become(next) {
		if (next !== connection) {
			connection = next;
			onConnection(next);
		}
	}

	function drop() {
		clearTimeout(retryTimer);
		clearTimeout(caughtUpTimer);
		source?.close();
		source = null;
	}

	function open() {
		drop();
		if (connection === 'live')
			become('connecting');
		askedAt = heardAt = Date.now();
		/* a store may send the page on to another origin of its own: the session goes along */
		source = new EventSource(`${URL}?beats=1${lastId ? `&last=${encodeURIComponent(lastId)}` : ''}`, { withCredentials: true });
		source.onopen = () => {
			heardAt = Date.now();
			become('connecting');
			if (lastId)
				caughtUpTimer = setTimeout(live, CAUGHT_UP_MS);
		};
		source.onerror = retry;
		for (const name of NAMES)
			source.addEventListener(name, heard);
		source.addEventListener('beat', beat);
	}

	/** Tells nothing of what was missed, so it makes nothing live. @param {MessageEvent<string>} message */
	function beat(message) {
		heardAt = Date.now();
		beatMs = JSON.parse(message.data).everySeconds * 1000;
	}

	function look() {
		if (!source || Date.now() - heardAt <= PATIENCE * beatMs)
			return;
		if (connection !== 'live')	/* so long without a stream: the listing is better than nothing */
			failures = TRIES_UNTIL_OFFLINE;
		retry();
	}

	/** @param {MessageEvent<string>} message */
	function heard(message) {
		heardAt = Date.now();
		if (message.lastEventId)
			lastId = message.lastEventId;
		onEvent(message.type, JSON.parse(message.data), askedAt, lastId);
		live();
	}

	function live() {
		failures = 0;
		clearTimeout(caughtUpTimer);
		become('live');
	}

	function retry() {
		drop();
		failures++;
		become(failures >= TRIES_UNTIL_OFFLINE ? 'offline' : 'connecting');
		const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);

		retryTimer = setTimeout(open, longest * (0.3 + 0.7 * Math.random()));
	}

	const listening = new AbortController();

	addEventListener('online', open, { signal: listening.signal });
	/* a machine without a network may still reach a store of its own: say so, and keep trying */
	addEventListener('offline', () => {
		failures = TRIES_UNTIL_OFFLINE;
		retry();
	}, { signal: listening.signal });
	const looking = setInterval(look, LOOK_MS);

	open();

	return {
		/** Connects anew, as after signing in: the stream of that account begins. */
		reopen: open,
		/** A connection may be dead without a sign after sleep. A fresh snapshot also tells the time. */
		wake() {
			lastId = '';
			open();
		},
		close() {
			listening.abort();
			clearInterval(looking);
			drop();
		},
	};
}
