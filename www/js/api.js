/**
 * The store's API: the only file that fetches. Answers are parsed JSON; a refusal, or a server that does
 * not answer, is thrown as a Refusal with the contract's code.
 *
 * A press that changes something carries one Idempotency-Key for all its attempts, so that an attempt
 * whose answer was lost is safely sent again.
 */

const TIMEOUT_MS = 10_000;
const ATTEMPTS = 4;
/** A store that says when to come back is taken at its word this often, and when it is soon. */
const MOST_WAITS = 2;
const LONGEST_WAIT_S = 15;
const GATEWAY = new Set([502, 503, 504]);

export class Refusal extends Error {
	/**
	 * @param {number} status  0 when no answer came
	 * @param {string} code
	 * @param {{detail?: string, errors?: {field: string, message: string}[], retryAfterS?: number}} [more]
	 */
	constructor(status, code, { detail = '', errors = [], retryAfterS = 0 } = {}) {
		super(detail || code);
		this.status = status;
		this.code = code;
		this.detail = detail;
		this.errors = errors;
		this.retryAfterS = retryAfterS;
	}
}

/** @type {(serverTime: string, sentAt: number, heardAt: number, staleMs: number) => void} */
let heedTime = () => {};

/** Who sets a clock by the answers. @param {typeof heedTime} heed */
export function onServerTime(heed) {
	heedTime = heed;
}

/** @param {string} method @param {string} path @param {import('./types.js').Call} [options] @returns {Promise<any>} */
export async function call(method, path, { body, keyed = false, key = '', repeat = true, staleMs = 0, onWait } = {}) {
	/** @type {Record<string, string>} */
	const headers = {};

	if (body !== undefined)
		headers['Content-Type'] = 'application/json';
	if (key || keyed)
		headers['Idempotency-Key'] = key || newKey();

	for (let attempt = 1; ; attempt++) {
		try {
			const sentAt = Date.now();
			const answer = await once(method, path, headers, body);

			if (answer?.serverTime)
				heedTime(answer.serverTime, sentAt, Date.now(), staleMs);
			return answer;
		} catch (error) {
			const refusal = asRefusal(error);
			const waitMs = repeat ? pauseMs(refusal, attempt, Math.random()) : null;

			if (waitMs === null)
				throw refusal;
			onWait?.(waitMs, refusal);
			await pause(waitMs);
		}
	}
}

/**
 * How long to wait before a call is sent again, or null when it is not. A store that names a time is
 * asked at most twice more, and not at the same moment by everyone.
 * @param {Pick<Refusal, 'status'|'code'|'retryAfterS'>} refusal @param {number} attempt  how often it was sent
 * @param {number} random  0 to 1 @returns {number|null} ms
 */
export function pauseMs({ status, code, retryAfterS }, attempt, random) {
	if (code === 'too_many_attempts' || code === 'offline')
		return null;
	if (status === 429 || (GATEWAY.has(status) && retryAfterS)) {
		const named = retryAfterS || 1;

		return attempt <= MOST_WAITS && named <= LONGEST_WAIT_S ? (named + random) * 1000 : null;
	}
	if (status !== 0 && !GATEWAY.has(status))
		return null;
	return attempt < ATTEMPTS ? (0.5 + random / 2) * 250 * 2 ** attempt : null;
}

/** Whether the store may have done it although no word came back. @param {Refusal} refusal */
export function isUnanswered({ status }) {
	return status === 0 || GATEWAY.has(status);
}

export const api = {
	/** Every drop, page by page. The first page's address stands in index.html, too. @returns {Promise<import('./types.js').Drop[]>} */
	async drops() {
		const drops = [];
		let cursor = '';

		do {
			const more = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
			const page = await call('GET', `/api/drops?limit=200${more}`, { staleMs: 1000 });

			drops.push(...page.drops);
			cursor = page.nextCursor ?? '';
		} while (cursor);
		return drops;
	},
	/** @param {number} id */
	drop: (id) => call('GET', `/api/drops/${id}`, { staleMs: 1000 }),

	me: () => call('GET', '/api/auth/me'),
	/** @param {{email: string, password: string}} fields */
	signIn: (fields) => call('POST', '/api/auth/login', { body: fields }),
	/** @param {{username: string, email: string, password: string}} fields */
	signUp: (fields) => call('POST', '/api/auth/register', { body: fields, repeat: false }),
	signOut: () => call('POST', '/api/auth/logout'),

	reservations: () => call('GET', '/api/reservations'),
	purchases: () => call('GET', '/api/purchases'),
	/** @param {number} dropId @param {string} size @param {Pick<import('./types.js').Call, 'key'|'onWait'>} press */
	reserve: (dropId, size, press) =>
		call('POST', `/api/drops/${dropId}/reservations`, { body: size ? { size } : {}, ...press }),
	/** @param {string} id @param {Pick<import('./types.js').Call, 'key'|'onWait'>} press */
	buy: (id, press) => call('POST', `/api/reservations/${encodeURIComponent(id)}/purchase`, { body: {}, ...press }),
	/** @param {string} id */
	giveBack: (id) => call('DELETE', `/api/reservations/${encodeURIComponent(id)}`),

	/** @param {number} id @param {object} changes */
	changeDrop: (id, changes) => call('PATCH', `/api/drops/${id}`, { body: changes }),
	/** @param {number} id @param {string|undefined} size @param {number} quantity */
	restock: (id, size, quantity) =>
		call('POST', `/api/drops/${id}/restock`, { body: size ? { size, quantity } : { quantity }, keyed: true }),
};

/** @param {string} method @param {string} path @param {Record<string, string>} headers @param {unknown} body */
async function once(method, path, headers, body) {
	const response = await fetch(path, {
		method,
		headers,
		body: body === undefined ? undefined : JSON.stringify(body),
		credentials: 'same-origin',
		signal: AbortSignal.timeout(TIMEOUT_MS),
	});
	const text = await response.text();

	if (!response.ok)
		throw refusalOf(response, text);
	return text ? JSON.parse(text) : null;
}

/** @param {Response} response @param {string} text */
function refusalOf(response, text) {
	const retryAfterS = Number(response.headers.get('Retry-After')) || 0;
	let problem;

	try {
		problem = JSON.parse(text);
	} catch {
		problem = null;	/* not ours: something between us and the store */
	}
	return new Refusal(response.status, String(problem?.code ?? `http_${response.status}`), {
		detail: typeof problem?.detail === 'string' ? problem.detail : '',
		errors: Array.isArray(problem?.errors) ? problem.errors : [],
		retryAfterS,
	});
}

/** @param {unknown} error */
function asRefusal(error) {
	return error instanceof Refusal ? error : new Refusal(0, navigator.onLine === false ? 'offline' : 'network');
}

/** 32 hex digits; randomUUID() is missing where the page is not served securely. */
export function newKey() {
	return [...crypto.getRandomValues(new Uint8Array(16))]
		.map((b) => b.toString(16).padStart(2, '0')).join('');
}

/** @param {number} ms */
function pause(ms) {
	return new Promise((resolve) => {
		setTimeout(resolve, ms);
	});
}
