/** Holds every answer that a suite gets from its store against the OpenAPI document, and notes which there were. */
import fs from 'node:fs';
import { watchAnswers } from './http.mjs';
import { assertEvent, disagreement, promised } from './openapi.mjs';
import { watchStreams } from './sse.mjs';

/**
 * Answers of the document that no test of the api suite brings about, each with the reason.
 * @type {Record<string, string>}
 */
const UNSEEN = {
	'GET /api/events 307': 'only with sse_listen: the suites sse and browser have such a store',
	'GET /api/events 400 bad_request': 'only with sse_listen: the suite sse',
	'GET /api/events 403 cross_site': 'only with sse_listen: the suite sse',
	'GET /api/events 408 too_slow': 'only with sse_listen: the suite sse',
	'GET /api/events 431 head_too_long': 'only with sse_listen: the suite sse',
	'OPTIONS /api/events 204': 'only with sse_listen: the suite sse',
	'OPTIONS /api/events 403 cross_site': 'only with sse_listen: the suite sse',
	'GET /api/events 503 at_capacity': 'takes a store of its own with few streams: the suite sse',
	'GET /api/events 503 unavailable': 'a moment after the start of the daemon',
	'GET /healthz 503': 'takes a database that is away: the suite faults',
	'GET /metrics 403 forbidden': 'takes a caller from elsewhere than loopback',
	'POST /api/auth/login 429 too_many_requests': 'no address on loopback is limited',
	'any 505 version_not_supported': 'no client library sends it: tests/api/openapi does, byte by byte',
	'any 408 request_timeout': 'takes ten seconds of silence',
	'any 411 length_required': 'nginx asks for it of no method that is known here; its page stands by in case',
	'any 429 too_many_requests': 'no address on loopback is limited',
	'any 500 internal': 'takes a defect',
	'any 503 unavailable': 'takes a part of the store that is away: the suite faults',
};

/** @param {{dir: string}} stack */
const notes = (stack) => `${stack.dir}.seen`;

/** @param {{dir: string, port: number}} stack */
export function watchApi(stack) {
	/** @type {Set<string>} */
	const seen = new Set();

	watchAnswers((call, answer) => {
		const why = disagreement({ ...call, sent: parsed(call.sent) }, answer, (which) => seen.add(which));

		if (why)
			throw new Error(`not as the OpenAPI document says: ${why}: ${answer.asked}`);
	});
	watchStreams({
		opened: ({ status }) => status === 200 && seen.add('GET /api/events 200'),
		event: assertEvent,
	});
	process.on('exit', () => {
		if (fs.existsSync(stack.dir))
			fs.appendFileSync(notes(stack), [...seen].map((line) => `${line}\n`).join(''));
	});
}

/** @param {string} [text] */
function parsed(text) {
	try {
		return text ? JSON.parse(text) : undefined;
	} catch {
		return undefined;
	}
}

/** What the document promises and no test of a whole suite has seen, but for what has a reason; and reasons that are
 * none any more. @param {{dir: string}} stack @returns {string[]} */
export function unseen(stack) {
	const seen = new Set(fs.existsSync(notes(stack)) ? fs.readFileSync(notes(stack), 'utf8').split('\n') : []);
	const all = promised();

	return [
		...all.filter((which) => !seen.has(which) && !UNSEEN[which]).map((which) => `no test has seen: ${which}`),
		...Object.keys(UNSEEN).filter((which) => !all.includes(which)).map((which) => `not in the document: ${which}`),
		...Object.keys(UNSEEN).filter((which) => seen.has(which)).map((which) => `was seen after all: ${which}`),
	];
}
