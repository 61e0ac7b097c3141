/** A store whose own programs (workers, daemon, expiry) see a clock that a test moves; PostgreSQL sees the true one. */
import fs from 'node:fs';
import path from 'node:path';
import { service } from './faults.mjs';

const LIBRARY = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1']
	.find((file) => fs.existsSync(file));

/** Why it can't be done here; '' where it can. */
export const whyNot = LIBRARY ? '' : 'there is no libfaketime (Debian: faketime)';

const PARTS = ['api', 'auth', 'sse', 'cron'];

/** Starts those programs anew, with the library before all others: a file a variable in DIR/env.
 * @param {import('./stack.mjs').Stack} stack */
export async function withMovableClock(stack) {
	const env = path.join(stack.dir, 'env');
	const file = path.join(stack.dir, 'run/faketime');
	const restart = async () => {
		for (const part of PARTS)
			await service('restart', part, stack);
		await stack.whole();
	};
	/** @param {number} seconds  ahead of the true clock */
	const move = (seconds) => {
		fs.writeFileSync(`${file}.new`, `${seconds >= 0 ? '+' : ''}${seconds}\n`, { mode: 0o644 });
		fs.renameSync(`${file}.new`, file);	/* a program reads it whole, or the one before */
	};

	move(0);
	fs.mkdirSync(env, { mode: 0o755 });
	for (const [name, value] of Object.entries({
		LD_PRELOAD: String(LIBRARY), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1',
	}))
		fs.writeFileSync(path.join(env, name), `${value}\n`, { mode: 0o644 });
	await restart();
	return {
		move,
		restart,
		undo: async () => {
			fs.rmSync(env, { recursive: true });
			await restart();
			fs.rmSync(file);
		},
	};
}
