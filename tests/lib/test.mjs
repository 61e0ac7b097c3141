/** node:test's `test`, with a limit of time for each so that a hang is a failure with a name. */
import nodeTest from 'node:test';
import { SLOW } from './wait.mjs';

const LIMIT_MS = 60_000;

/**
 * @param {string} name
 * @param {{timeout?: number, [more: string]: any}|Function} options
 * @param {Function} [body]
 */
export default function test(name, options, body) {
	const [opts, fn] = typeof options === 'function' ? [{}, options] : [options, body];

	return nodeTest(name, { ...opts, timeout: SLOW * (opts.timeout ?? LIMIT_MS) }, fn);
}
