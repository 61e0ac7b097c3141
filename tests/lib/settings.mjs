/** A store with other settings, for the length of a test. */
import fs from 'node:fs';
import path from 'node:path';
import { stack } from './suite-stack.mjs';
import { waitFor } from './wait.mjs';

/** Ends workers and daemon, and waits until others are in their places and serve. @param {'ok'|'down'} redis  how they find Redis then */
export async function restartPrograms(redis = 'ok') {
	const programs = ['lastpair-api', 'lastpair-sse'];
	const before = programs.map((name) => stack.kill(name, 'SIGTERM'));

	await waitFor('new workers and a new daemon', () => programs.every((name, i) => {
		const now = stack.pids(name);

		return now.length >= (before[i]?.length ?? 0) && !now.some((pid) => before[i]?.includes(pid));
	}), 30_000);
	await waitFor('them to serve', async () => {
		const h = await stack.health();

		return h?.httpStatus === 200 && h.database === 'ok' && h.sse === 'ok' && h.redis === redis;
	}, 30_000);
}

/** Runs the store's workers and its daemon with a setting more until the test is over. @param {any} t @param {string} line */
export async function withSetting(t, line) {
	const confFile = path.join(stack.dir, 'lastpair.conf');
	const conf = fs.readFileSync(confFile, 'utf8');

	t.after(async () => {
		fs.writeFileSync(confFile, conf);
		await restartPrograms();
	});
	fs.writeFileSync(confFile, `${conf}\n${line}\n`);
	await restartPrograms();
}
