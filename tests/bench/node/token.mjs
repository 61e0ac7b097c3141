/** Tokens: stateless, so that no request asks the database who its caller is. */
import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { Refusal } from './problem.mjs';

const LIFE_SECONDS = 12 * 3600;

/** @param {string} secret */
export function openTokens(secret) {
	const key = createSecretKey(Buffer.from(secret));	/* once, not for each request */
	const options = { algorithm: /** @type {const} */ ('HS256'), expiresIn: LIFE_SECONDS, issuer: 'node' };
	const checks = { algorithms: [/** @type {const} */ ('HS256')], issuer: 'node' };

	/** @returns {{id: number, role: string}|undefined} whose token it is, if it is good */
	function userOf(token) {
		try {
			const { sub, role } = jwt.verify(token, key, checks);

			return { id: Number(sub), role };
		} catch {
			return undefined;
		}
	}

	return {
		/** @returns {{token: string, expiresAt: Date}} */
		issue: ({ id, role }) => ({
			token: jwt.sign({ role }, key, { ...options, subject: String(id) }),
			expiresAt: new Date(Date.now() + LIFE_SECONDS * 1000),
		}),

		userOf,

		/** Middleware: sets req.user, or refuses. */
		signedIn(req, _res, next) {
			const header = req.headers.authorization;

			req.user = header?.startsWith('Bearer ') ? userOf(header.slice(7)) : undefined;
			if (!req.user)
				throw new Refusal('unauthenticated');
			next();
		},
	};
}

/** Middleware, after signedIn. */
export function adminOnly(req, _res, next) {
	if (req.user.role !== 'admin')
		throw new Refusal('forbidden');
	next();
}
