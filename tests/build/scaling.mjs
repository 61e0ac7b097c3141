/**
 * What docs/scaling.md works out on paper comes to what it says, from figures that their pages have. Speaks TAP.
 *
 *     node tests/build/scaling.mjs
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { TOP } from '../lib/stack.mjs';

const read = (/** @type {string} */ name) => fs.readFileSync(path.join(TOP, name), 'utf8');
const paper = read('docs/scaling.md').split('## A million browsers, on paper')[1] ?? '';
/** @type {Record<string, number>} */
const UNITS = { us: 1e-6, ms: 1e-3, KB: 1e3, GB: 1e9, KiB: 1024, Gbit: 1e9 / 8 };
let count = 0;

/** @param {string} name @param {() => unknown} body */
function check(name, body) {
	count++;
	try {
		body();
		console.log(`ok ${count} - ${name}`);
	} catch (error) {
		console.log(`not ok ${count} - ${name}\n# ${String(error instanceof Error ? error.message : error).replaceAll('\n', '\n# ')}`);
		process.exitCode = 1;
	}
}

/** The rows of the table with that head, as cells. @param {string} head */
function rows(head) {
	const lines = paper.split('\n');
	const first = lines.indexOf(head) + 2;
	const table = lines.slice(first, lines.indexOf('', first));

	assert.ok(first > 1 && table.length > 5, `there is a table ${head}`);
	return table.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

/** A sum in numbers with units. @param {string} text @returns {number} */
function value(text) {
	const plain = text.replace(/(\d),(?=\d{3})/g, '$1').replace(/([\d.]+) ([a-zA-Z]+)/g, (_, number, unit) => {
		assert.ok(unit in UNITS, `${text}: what is ${unit}?`);
		return `(${number} * ${UNITS[unit]})`;
	}).replaceAll('×', '*');

	assert.match(plain, /^[\d.e+*/() -]+$/, text);
	return Function(`return ${plain}`)();
}

/** Half of the last digit that a figure is told with. @param {string} text */
function rounding(text) {
	const [, digits = '', unit] = text.match(/^([\d.,]+) ?(\w*)$/) ?? [];
	const decimals = digits.split('.')[1]?.length ?? 0;

	return 0.5001 * 10 ** -decimals * (unit ? UNITS[unit] ?? NaN : 1);
}

check('each figure of the bench stands in its page', () => {
	const performance = read('docs/performance.md');

	for (const [what, figure = '', command = ''] of rows('| figure | | command |')) {
		const part = command.match(/tests\/bench\/bench (\w+)/)?.[1];
		const page = part ? performance.split(`\n### ${part}: `)[1]?.split('\n### ')[0] : command.includes('bench-www') ? read('README.md') : figure;
		const [, number = ''] = figure.match(/^([\d.,]+)/) ?? [];

		assert.ok(new RegExp(`(^|[^\\d.,])${number.replace('.', '\\.')}([^\\d.,]|[.,](?!\\d)|$)`).test(page ?? ''), `${what}: ${figure} is not what ${command} says`);
	}
});

check('each sum comes to what is said', () => {
	for (const [what, sum = '', result = ''] of rows('| | arithmetic | comes to |'))
		assert.ok(Math.abs(value(sum) - value(result)) <= rounding(result), `${what}: ${sum} = ${value(sum)}, not ${result}`);
});
console.log(`1..${count}`);
