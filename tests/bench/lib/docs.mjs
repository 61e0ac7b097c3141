/** docs/performance.md's table, between two marks, and its charts: all made from the results. */
import fs from 'node:fs';
import path from 'node:path';
import { TOP } from '../../lib/stack.mjs';
import { chartsOf } from './chart.mjs';
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
	const charts = chartsOf(results);
	const old = fs.readdirSync(path.join(TOP, 'docs')).filter((name) => /^bench-.*\.svg$/.test(name));

	for (const name of old)
		fs.rmSync(path.join(TOP, 'docs', name));
	for (const { file, svg } of charts)
		fs.writeFileSync(path.join(TOP, 'docs', file), svg);
	const picture = (/** @type {string} */ name) => charts.filter(({ file }) => file === `bench-${name}.svg`)
		.map(({ file, title }) => `![${title}](${file})`).join('');
	const text = [
		`Machine: ${machineText(results.machine)}`, '',
		picture('summary'), '',
		tableMarkdown(results, picture),
	].join('\n');

	fs.writeFileSync(PAGE, between(fs.readFileSync(PAGE, 'utf8'), text));
}
