/** Reading /metrics, and what promtool says of files. */
import { run } from './stack.mjs';
import { anyone } from './store.mjs';

/** @typedef {Map<string, number>} Figures  by the series as it stands there, labels and all */

/** @param {string} text @returns {Figures} */
export function parseFigures(text) {
	/** @type {Figures} */
	const all = new Map();

	for (const line of text.split('\n')) {
		const at = line.lastIndexOf(' ');

		if (line && !line.startsWith('#'))
			all.set(line.slice(0, at), Number(line.slice(at + 1)));
	}
	return all;
}

/** @returns {Promise<Figures>} */
export async function figures() {
	return parseFigures((await anyone.get('/metrics')).text);
}

/** How much each series rose; those that did not are left out.
 * @param {Figures} before @param {Figures} after @returns {Record<string, number>} */
export function rises(before, after) {
	/** @type {Record<string, number>} */
	const all = {};

	for (const [series, value] of after) {
		const rise = value - (before.get(series) ?? 0);

		if (rise !== 0)
			all[series] = rise;
	}
	return all;
}

/** The names that Prometheus would know: of a histogram its three.
 * @param {string} text @returns {Set<string>} */
export function namesOf(text) {
	return new Set([...parseFigures(text).keys()].map((series) => series.replace(/\{.*/, '')));
}

/** The names of the store's figures in an expression. @param {string} expression */
export const namesIn = (expression) => expression.match(/\blastpair_\w+/g) ?? [];

/** promtool(1). @param {string[]} args @param {string} [input] */
export async function promtool(args, input) {
	try {
		return await run('promtool', args, { input });
	} catch (error) {
		throw new Error(`promtool (of Debian's package prometheus) can't be run: ${error}`);
	}
}
