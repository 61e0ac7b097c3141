/** The suite's daemon, started anew, also with other settings for a while. */
import fs from 'node:fs';
import path from 'node:path';
import { metric } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import { waitFor } from '../lib/wait.mjs';

const conf = path.join(stack.dir, 'lastpair.conf');

/** Kills the daemon and waits for the next one. */
export async function restartDaemon() {
	const [old] = stack.kill('lastpair-sse');

	await waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => pid !== old), 10_000);
	await stack.whole();
}

/** Starts the daemon with these settings besides. @param {string} lines @returns {Promise<() => Promise<void>>} what undoes it */
export async function withSettings(lines) {
	const kept = fs.readFileSync(conf);

	fs.appendFileSync(conf, `${lines}\n`);
	await restartDaemon();
	return async () => {
		fs.writeFileSync(conf, kept);
		await restartDaemon();
	};
}

/** One of the daemon's figures, by the end of its name. @param {string} name */
export function figure(name) {
	return metric(`lastpair_sse_${name}`);
}
