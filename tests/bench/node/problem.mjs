/** Refusals: thrown anywhere, answered as problem documents (RFC 9457) in one place. */

/** @type {Record<string, [number, string]>} code: status, detail */
const REFUSALS = {
	invalid: [400, 'Some of what was sent is not right.'],
	bad_json: [400, 'The body is not JSON.'],
	unauthenticated: [401, 'Sign in first.'],
	bad_credentials: [401, 'That e-mail address and password do not fit together.'],
	forbidden: [403, 'Only an administrator may do that.'],
	not_found: [404, 'There is no such thing.'],
	email_taken: [409, 'Somebody has that e-mail address already.'],
	username_taken: [409, 'Somebody has that name already.'],
	unknown_size: [400, 'The drop has no such size.'],
	sold_out: [409, 'No pair is free.'],
	already_reserved: [409, 'You hold a pair of this drop already.'],
	limit_reached: [409, 'You have bought as many as one may.'],
	not_started: [409, 'The drop has not begun.'],
	ended: [409, 'The drop is over.'],
	paused: [409, 'The drop is paused.'],
	not_active: [409, 'The hold is no longer active.'],
	reservation_expired: [410, 'The hold has lapsed.'],
};
const TITLES = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 409: 'Conflict', 410: 'Gone' };

export class Refusal extends Error {
	/** @param {keyof typeof REFUSALS} code @param {string[]} [fields]  that are wrong */
	constructor(code, fields) {
		super(code);
		this.fields = fields;
	}
}

/** Express's last handler. */
export function answerProblem(error, _req, res, _next) {
	const code = error instanceof Refusal ? error.message : error.type === 'entity.parse.failed' ? 'bad_json' : undefined;

	res.type('application/problem+json');
	if (code === undefined) {
		console.error(error);
		res.status(500).send('{"status":500,"title":"Internal Server Error","code":"internal","detail":"Something went wrong here."}');
		return;
	}
	const [status, detail] = REFUSALS[code];
	const errors = error.fields?.map((field) => ({ field, message: 'is not right' }));

	res.status(status).send(JSON.stringify({ status, title: TITLES[status], code, detail, errors }));
}
