/** node:test's `test`, with a limit of time for each so that a hang is a failure with a name. */
import nodeTest from 'node:test';

const LIMIT_MS = 60_000;

/**
 * @param {string} name
 * @param {object|Function} options
 * @param {Function} [body]
 */
export default function test(name, options, body) {
	const [opts, fn] = typeof options === 'function' ? [{}, options] : [options, body];

	return nodeTest(name, { timeout: LIMIT_MS, ...opts }, fn);
}
