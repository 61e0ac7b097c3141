/**
 * One stream for all tabs of a browser. The tab that holds a Web Lock leads: it alone has the stream, and tells the
 * others by a BroadcastChannel what it hears. A follower asks whenever it has heard nothing for a moment; a leader
 * that doesn't answer (frozen, hung) has its lock stolen, one that is gone leaves it to the next in the queue.
 * Where a browser lacks either, each tab has a stream of its own.
 *
 * What a follower shows as live was heard, or answered for, within SILENT_MS. What is private goes to tabs of the
 * very same account only.
 *
 * @typedef {import('./types.js').Connection} Connection
 */

const LOCK = 'lastpair-stream';
const PRIVATE = new Set(['reservation:expired', 'reservation:update']);

/** After this long without a word a follower asks, no longer calls itself live, and takes over. */
const ASK_MS = 1200;
const SILENT_MS = 3000;
const STEAL_MS = 5000;
const STEAL_SPREAD_MS = 1500;
/** Looked at this often. A longer gap means that this tab itself slept. */
export const LOOK_MS = 400;
const SLEPT_MS = 4000;
/** After this the leader's connection may be dead without a sign. */
const ASLEEP_MS = 15_000;

/** @param {import('./types.js').ShareOptions} options */
export function openShared(options) {
	const { locks, channel, onEvent, onConnection, onRole, onCatchUp, snapshot, openStream,
		now = Date.now, random = Math.random, hidden = () => document.hidden } = options;
	const me = `${now()}-${random()}`;
	/** @type {import('./types.js').Stream|null} */
	let stream = null;
	/** @type {'leader'|'follower'|'alone'} */
	let role = locks && channel ? 'follower' : 'alone';
	/** @type {Connection} */
	let connection = 'connecting';
	/** undefined until it is known. @type {number|null|undefined} */
	let account;

	/* as a leader */
	let seq = 0;
	/** Gives the lock back. @type {() => void} */
	let resign = () => {};
	/** Leaves the queue for it. */
	let waiting = new AbortController();

	/* as a follower: of whom, and what was heard of it */
	let leader = '';
	let term = 0;
	let heardSeq = -1;
	let lastId = '';
	/** Nothing was heard before the first state. */
	let hasState = false;
	let heardAt = now();
	let askedAt = 0;
	let lookedAt = now();
	let patience = STEAL_MS + random() * STEAL_SPREAD_MS;
	/** The account that the leader's stream is of. @type {number|null|undefined} */
	let theirs;

	/** @param {Connection} next */
	function become(next) {
		if (next !== connection) {
			connection = next;
			onConnection(next);
		}
	}

	/** @param {'leader'|'follower'} next */
	function play(next) {
		role = next;
		onRole(next);
	}

	/* ---- leading ---- */

	/** @param {boolean} steal */
	function queue(steal) {
		let led = false;
		const held = () => new Promise((resolve) => {
			led = true;
			resign = () => resolve(undefined);
			lead();
		});
		/* whom it is stolen from is told by a rejection, perhaps long after */
		const over = () => {
			if (led)
				follow();
		};

		waiting.abort();
		waiting = new AbortController();
		locks?.request(LOCK, steal ? { steal: true } : { signal: waiting.signal }, held).then(over, over);
	}

	function lead() {
		term++;
		leader = me;
		seq = 0;
		play('leader');
		become('connecting');
		stream = openStream({
			lastId: hasState ? lastId : '',
			onEvent: (name, data, at, id) => {
				lastId = id;
				hasState = true;
				onEvent(name, data, at);
				tell({ kind: 'event', seq: ++seq, name, data, lastId });
			},
			onConnection: (next) => {
				become(next);
				tell({ kind: 'beat', seq });
			},
		});
		tell({ kind: 'beat', seq });
	}

	/** @param {Record<string, unknown>} message */
	function tell(message) {
		if (role === 'leader')
			channel?.postMessage({ ...message, from: me, term, account, connection });
	}

	/** One that led, and was taken for gone, is one of the others from now on. */
	function follow() {
		if (role !== 'leader')
			return;
		stream?.close();
		stream = null;
		play('follower');
		hasState = false;
		heardAt = now();
		become('connecting');
		queue(false);
		ask();
	}

	/* ---- following ---- */

	/** @param {boolean} [slept]  the leader's connection may be dead as well */
	function ask(slept = false) {
		askedAt = now();
		channel?.postMessage({ kind: hasState ? 'ask' : 'hello', from: me, term, slept });
	}

	/** @param {MessageEvent<any>} event */
	function heard({ data: message }) {
		if (message.kind === 'ask' || message.kind === 'hello')
			return answer(message);
		if (message.term < term || (message.term === term && message.from < leader && leader !== me))
			return;
		if (role === 'leader') {
			if (message.term > term)
				resign();
			return;
		}
		if (message.from !== leader || message.term !== term) {
			leader = message.from;
			term = message.term;
			heardSeq = -1;
			hasState = false;
		}
		heardAt = now();
		patience = STEAL_MS + random() * STEAL_SPREAD_MS;
		noteAccount(message.account);
		if (message.kind === 'event')
			onTold(message);
		else if (message.kind === 'state')
			onState(message);
		else if (message.seq !== heardSeq)
			lost();
		if (hasState)
			become(message.connection);
		else if (message.kind === 'beat' && now() - askedAt > ASK_MS / 2)
			ask();
	}

	/** @param {{from: string, kind: string, term: number, slept: boolean}} message */
	function answer({ kind, slept, term: theirTerm }) {
		/* one whose own clock stands still had better be taken for gone */
		if (role !== 'leader' || (!hidden() && now() - lookedAt > SLEPT_MS))
			return;
		/* there were others before, of whom this tab never heard */
		term = theirTerm > term ? theirTerm + 1 : term;
		if (slept)
			stream?.wake();
		const known = kind === 'hello' ? snapshot() : null;

		if (known)
			tell({ kind: 'state', seq, lastId, snapshot: known });
		else
			tell({ kind: 'beat', seq });
	}

	/** @param {{seq: number, name: string, data: any, lastId: string, account: unknown}} message */
	function onTold({ seq: told, name, data, lastId: id }) {
		if (!hasState && name !== 'snapshot')
			return;
		if (hasState && told !== heardSeq + 1 && name !== 'snapshot')
			return lost();
		heardSeq = told;
		lastId = id;
		hasState = true;
		/* what the leader measured is its own to use; here a snapshot may have waited */
		if (!PRIVATE.has(name) || (typeof theirs === 'number' && theirs === account))
			onEvent(name, name === 'snapshot' ? { ...data, serverTime: '' } : data, now());
	}

	/** @param {{seq: number, lastId: string, snapshot: any}} message */
	function onState({ seq: told, lastId: id, snapshot: known }) {
		if (hasState) {		/* another tab had asked */
			if (told !== heardSeq)
				lost();
			return;
		}
		heardSeq = told;
		lastId = id;
		hasState = true;
		onEvent('snapshot', known, askedAt);
	}

	/** Something was missed: the whole state is asked for. */
	function lost() {
		hasState = false;
		become('connecting');
		ask();
	}

	/** @param {number|null|undefined} next */
	function noteAccount(next) {
		const before = theirs;

		theirs = next;
		if (before !== undefined && before !== next && typeof next === 'number' && next === account)
			onCatchUp();
		if (before === undefined && typeof next === 'number' && next === account && hasState)
			onCatchUp();
	}

	/* ---- time ---- */

	/** To be called every LOOK_MS, and when the tab comes into sight. */
	function look() {
		const at = now();
		const gap = at - lookedAt;

		lookedAt = at;
		/* a hidden tab's timers are slowed: only what one in sight misses is sleep */
		if (gap > (role === 'follower' ? SLEPT_MS : ASLEEP_MS) && !hidden())
			return wake(gap > ASLEEP_MS);
		if (role !== 'follower')
			return;
		const silent = at - heardAt;

		if (silent > SILENT_MS)
			become('connecting');
		if (silent > patience && !hidden())
			return steal();
		if ((silent > ASK_MS || !hasState) && at - askedAt > ASK_MS)
			ask();
	}

	function steal() {
		heardAt = now();
		patience = STEAL_MS + random() * STEAL_SPREAD_MS;
		queue(true);
	}

	/** Nothing it shows is known to be so any more. @param {boolean} [all]  the whole machine slept, the leader, too */
	function wake(all = true) {
		lookedAt = now();
		if (role !== 'follower') {
			stream?.wake();
			return;
		}
		heardAt = now();
		hasState = false;
		become('connecting');
		ask(all);
	}

	if (role === 'alone') {
		onRole('alone');
		stream = openStream({ lastId: '', onEvent, onConnection: become });
	} else if (channel) {
		onRole('follower');
		channel.onmessage = heard;
		queue(false);
		ask();
	}

	return {
		look,
		wake: () => wake(),
		/** The tab is being frozen: what it shows when it thaws is not live. */
		doze() {
			become('connecting');
			resign();
			follow();
		},
		/** The session changed: the stream of the new one begins, of whoever leads. @param {number|null|undefined} user */
		reopen(user) {
			account = user;
			stream?.reopen();
			tell({ kind: 'beat', seq });
		},
		/** Whose tab this is, once the server said. @param {number|null|undefined} user */
		setAccount(user) {
			if (account === user)
				return;
			account = user;
			tell({ kind: 'beat', seq });
		},
	};
}
