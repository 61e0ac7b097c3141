/**
 * The store's API: the only file that fetches. Answers are parsed JSON; a refusal, or a server that does
 * not answer, is thrown as a Refusal with the contract's code.
 *
 * A press that changes something carries one Idempotency-Key for all its attempts, so that an attempt
 * whose answer was lost is safely sent again.
 */

const TIMEOUT_MS = 10_000;
const ATTEMPTS = 4;
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

/**
 * @typedef {object} Call
 * @property {unknown} [body]
 * @property {boolean} [keyed]   carries an Idempotency-Key
 * @property {boolean} [repeat]  may be sent again when no answer came
 * @property {number} [staleMs]  how old a cached answer may be
 *
 * @param {(serverTime: string, sentAt: number, heardAt: number, staleMs: number) => void} onServerTime
 */
export function makeApi(onServerTime) {
	/** @param {string} method @param {string} path @param {Call} [call] @returns {Promise<any>} */
	async function send(method, path, { body, keyed = false, repeat = true, staleMs = 0 } = {}) {
		/** @type {Record<string, string>} */
		const headers = { Accept: 'application/json' };

		if (body !== undefined)
			headers['Content-Type'] = 'application/json';
		if (keyed)
			headers['Idempotency-Key'] = newKey();

		for (let attempt = 1; ; attempt++) {
			try {
				const sentAt = Date.now();
				const answer = await once(method, path, headers, body);

				if (answer?.serverTime)
					onServerTime(answer.serverTime, sentAt, Date.now(), staleMs);
				return answer;
			} catch (error) {
				const refusal = asRefusal(error);
				const lost = refusal.status === 0 || GATEWAY.has(refusal.status);

				if (!lost || !repeat || attempt === ATTEMPTS)
					throw refusal;
				await pause(backoffMs(attempt));
			}
		}
	}

	return {
		/** Every drop, page by page. @returns {Promise<import('./types.js').Drop[]>} */
		async drops() {
			const drops = [];
			let cursor = '';

			do {
				const more = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
				const page = await send('GET', `/api/drops?limit=200${more}`, { staleMs: 1000 });

				drops.push(...page.drops);
				cursor = page.nextCursor ?? '';
			} while (cursor);
			return drops;
		},
		/** @param {number} id */
		drop: (id) => send('GET', `/api/drops/${id}`, { staleMs: 1000 }),

		me: () => send('GET', '/api/auth/me'),
		/** @param {{email: string, password: string}} fields */
		signIn: (fields) => send('POST', '/api/auth/login', { body: fields }),
		/** @param {{username: string, email: string, password: string}} fields */
		signUp: (fields) => send('POST', '/api/auth/register', { body: fields, repeat: false }),
		signOut: () => send('POST', '/api/auth/logout'),

		reservations: () => send('GET', '/api/reservations'),
		purchases: () => send('GET', '/api/purchases'),
		/** @param {number} dropId @param {string} size */
		reserve: (dropId, size) =>
			send('POST', `/api/drops/${dropId}/reservations`, { body: size ? { size } : {}, keyed: true }),
		/** @param {string} id */
		buy: (id) => send('POST', `/api/reservations/${encodeURIComponent(id)}/purchase`, { body: {}, keyed: true }),
		/** @param {string} id */
		giveBack: (id) => send('DELETE', `/api/reservations/${encodeURIComponent(id)}`),

		/** @param {import('./types.js').NewDrop} drop */
		createDrop: (drop) => send('POST', '/api/drops', { body: drop, keyed: true }),
		/** @param {number} id @param {object} changes */
		changeDrop: (id, changes) => send('PATCH', `/api/drops/${id}`, { body: changes }),
		/** @param {number} id @param {string|undefined} size @param {number} quantity */
		restock: (id, size, quantity) =>
			send('POST', `/api/drops/${id}/restock`, { body: size ? { size, quantity } : { quantity }, keyed: true }),
	};
}

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
	return error instanceof Refusal ? error : new Refusal(0, 'network');
}

/** 32 hex digits; randomUUID() is missing where the page is not served securely. */
function newKey() {
	return [...crypto.getRandomValues(new Uint8Array(16))]
		.map((b) => b.toString(16).padStart(2, '0')).join('');
}

/** @param {number} attempt */
function backoffMs(attempt) {
	return (0.5 + Math.random() / 2) * 250 * 2 ** attempt;
}

/** @param {number} ms */
function pause(ms) {
	return new Promise((resolve) => {
		setTimeout(resolve, ms);
	});
}
