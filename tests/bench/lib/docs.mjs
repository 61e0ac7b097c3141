/** docs/performance.md's table, between two marks: all made from the results. */
import fs from 'node:fs';
import path from 'node:path';
import { TOP } from '../../lib/stack.mjs';
import { tableMarkdown } from './table.mjs';

const PAGE = path.join(TOP, 'docs/performance.md');
const BEGIN = '<!-- results: made by tests/bench/bench --docs -->';
const END = '<!-- end of the results -->';

/** @param {any} m */
function machineText(m) {
	return `${m.cores} cores (${m.cpu}), ${m.memoryGb} GB, ${m.system}, Linux ${m.kernel}, data on ${m.disk}, ` +
		`PostgreSQL ${m.postgres}, nginx ${m.nginx}, Redis ${m.redis}, Node ${m.node} (for the comparison and to start things).`;
}

/** Puts text between the marks. @param {string} page @param {string} text @returns {string} */
export function between(page, text) {
	const begin = page.indexOf(BEGIN);
	const end = page.indexOf(END);

	if (begin < 0 || end < begin)
		throw new Error(`docs/performance.md has lost its marks ${BEGIN} and ${END}`);
	return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

/** @param {any} results */
export function writeDocs(results) {
	const text = [
		`Machine: ${machineText(results.machine)}`, '',
		tableMarkdown(results),
	].join('\n');

	fs.writeFileSync(PAGE, between(fs.readFileSync(PAGE, 'utf8'), text));
}
