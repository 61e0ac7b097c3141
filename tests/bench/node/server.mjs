/** The Node side of the bench: one process, or one a processor. See README.md beside it. */
import cluster from 'node:cluster';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import express from 'express';
import { authRoutes } from './auth.mjs';
import { dropRoutes } from './drops.mjs';
import { openLive } from './live.mjs';
import { Refusal, answerProblem } from './problem.mjs';
import { openReservations, reservationRoutes } from './reservations.mjs';
import { openStore } from './store.mjs';
import { openTokens } from './token.mjs';

const EXPIRY_MS = 1000;

const { values: options } = parseArgs({
	options: {
		port: { type: 'string' },
		'postgres-socket': { type: 'string' },	/* its folder */
		database: { type: 'string' },
		user: { type: 'string' },
		'redis-socket': { type: 'string' },
		'secret-file': { type: 'string' },
		processes: { type: 'string', default: '1' },	/* more than one: a cluster, which needs Redis */
	},
});
const processes = Number(options.processes);

function main() {
	if (processes > 1 && cluster.isPrimary)
		lead();
	else
		serve();
}

/** Starts the processes that serve, again where one ends; the first of them also does the expiry. */
function lead() {
	const start = (doesExpiry) => {
		const worker = cluster.fork({ DOES_EXPIRY: doesExpiry ? '1' : '' });

		worker.on('exit', () => start(doesExpiry));
	};

	for (let i = 0; i < processes; i++)
		start(i === 0);
	process.on('SIGTERM', () => process.exit(0));	/* their channel closes, and they end */
}

function serve() {
	const tokens = openTokens(fs.readFileSync(options['secret-file'], 'utf8').trim());
	const store = openStore({ socketDir: options['postgres-socket'], database: options.database, user: options.user },
		processes);
	const app = express();
	const server = createServer({ keepAliveTimeout: 65_000 }, app);
	const live = openLive(server, { redisSocket: processes > 1 ? options['redis-socket'] : undefined, tokens });
	const reservations = openReservations(store, live);

	app.disable('x-powered-by');
	app.disable('etag');	/* nothing here is asked for twice; a digest of every answer costs time */
	app.set('query parser', 'simple');
	app.use(express.json({ limit: '64kb' }));
	app.get('/healthz', async (_req, res) => {
		await store.sequelize.authenticate();
		res.json({ status: 'ok' });
	});
	app.use('/api', reservationRoutes(reservations, tokens));
	app.use('/api/drops', dropRoutes(store, tokens));
	app.use('/api/auth', authRoutes(store, tokens));
	app.use(() => { throw new Refusal('not_found'); });
	app.use(answerProblem);

	if (processes === 1 || process.env.DOES_EXPIRY)
		repeat(reservations.expire);
	server.listen({ port: Number(options.port), host: '127.0.0.1', backlog: 4096 });
	process.on('SIGTERM', () => process.exit(0));
}

/** Every second, one at a time, whatever happens to one. @param {() => Promise<void>} work */
function repeat(work) {
	let isBusy = false;

	setInterval(async () => {
		if (isBusy)
			return;
		isBusy = true;
		await work().catch((error) => console.error(error));
		isBusy = false;
	}, EXPIRY_MS);
}

main();
