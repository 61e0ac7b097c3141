/** Sign-up and sign-in. */
import bcrypt from 'bcrypt';
import express from 'express';
import { UniqueConstraintError } from 'sequelize';
import { Refusal } from './problem.mjs';
import { userShape } from './shapes.mjs';

const COST = 11;	/* as Lastpair's */
const NOBODY = bcrypt.hashSync('nobody at all', COST);	/* so that an unknown address takes as long as a known one */

/** @param {{User: any}} store @param {ReturnType<import('./token.mjs').openTokens>} tokens */
export function authRoutes({ User }, tokens) {
	const routes = express.Router();

	routes.post('/register', async (req, res) => {
		const { username, email, password } = req.body ?? {};
		const wrong = [
			typeof username === 'string' && /^\S.{0,39}$/u.test(username) || 'username',
			typeof email === 'string' && /^[^@\s]+@[^@\s]+$/.test(email) && email.length <= 254 || 'email',
			typeof password === 'string' && password.length >= 8 && Buffer.byteLength(password) <= 72 || 'password',
		].filter((field) => field !== true);

		if (wrong.length)
			throw new Refusal('invalid', wrong);
		const user = await User.create({
			username, email: email.toLowerCase(), passwordHash: await bcrypt.hash(password, COST), role: 'user', createdAt: new Date(),
		}).catch(async (error) => {
			if (!(error instanceof UniqueConstraintError))
				throw error;
			throw new Refusal(await User.count({ where: { email: email.toLowerCase() } }) ? 'email_taken' : 'username_taken');
		});

		res.status(201).json({ user: userShape(user), ...tokens.issue(user) });
	});

	routes.post('/login', async (req, res) => {
		const { email, password } = req.body ?? {};

		if (typeof email !== 'string' || typeof password !== 'string')
			throw new Refusal('invalid', ['email', 'password']);
		const user = await User.findOne({ where: { email: email.toLowerCase() }, raw: true });
		const fits = await bcrypt.compare(password, user?.passwordHash ?? NOBODY);

		if (!user || !fits)
			throw new Refusal('bad_credentials');
		res.json({ user: userShape(user), ...tokens.issue(user) });
	});

	return routes;
}
