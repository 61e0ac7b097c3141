/**
 * Runs the bench: node bench.mjs [--docs | PART...]. Without a name all parts, which begin a new results.json; a named part's
 * results take the place of its former ones. Prints the table, and exits with 1 when something wanted does not hold.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { TOP } from '../lib/stack.mjs';
import { Bench } from './lib/bench.mjs';
import { writeDocs } from './lib/docs.mjs';
import { describeMachine, describeTree } from './lib/machine.mjs';
import { tableText } from './lib/table.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const RESULTS = path.join(TOP, 'build/bench/results.json');
const ORDER = ['reserves', 'floor', 'reads', 'signin', 'growth', 'streams', 'latency', 'capacity', 'hosts'];

/** @returns {string[]} the parts there are, in the order they are run in */
function partNames() {
	const place = (/** @type {string} */ name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

	return fs.readdirSync(path.join(HERE, 'parts')).filter((file) => file.endsWith('.mjs'))
		.map((file) => path.basename(file, '.mjs')).sort((a, b) => place(a) - place(b));
}

/** @param {string} name */
async function runPart(name) {
	const { about, run } = await import(`./parts/${name}.mjs`);
	const bench = new Bench(name, about);
	const began = Date.now();

	process.stderr.write(`\n${name}: ${about}\n`);
	execFileSync('sync');	/* what a build or the part before has left to be written is not this one's */
	await bench.run(run);
	return {
		name, about, at: new Date(began).toISOString(), tree: describeTree(), seconds: Math.round((Date.now() - began) / 1000),
		rows: bench.rows, checks: bench.checks, notes: bench.notes, holds: bench.holds,
	};
}

/** @param {any} results */
function save(results) {
	fs.mkdirSync(path.dirname(RESULTS), { recursive: true });
	fs.writeFileSync(`${RESULTS}.new`, `${JSON.stringify(results, null, '\t')}\n`);
	fs.renameSync(`${RESULTS}.new`, RESULTS);
}

/** @returns {any} */
function load() {
	return fs.existsSync(RESULTS) ? JSON.parse(fs.readFileSync(RESULTS, 'utf8')) : undefined;
}

/** @param {string[]} names */
async function main(names) {
	const all = partNames();
	const unknown = names.find((name) => !all.includes(name));

	if (unknown) {
		process.stderr.write(`lastpair: there is no part '${unknown}' of the bench; there are: ${all.join(' ')}\n`);
		return 2;
	}
	const results = { machine: await describeMachine(), at: new Date().toISOString(), parts: names.length ? load()?.parts ?? [] : [] };
	const fresh = [];

	for (const name of names.length ? names : all) {
		const part = await runPart(name);

		fresh.push(part);
		results.parts = [...results.parts.filter((/** @type {any} */ p) => p.name !== name), part]
			.sort((a, b) => all.indexOf(a.name) - all.indexOf(b.name));
		save(results);
	}
	process.stdout.write(`\n${tableText({ ...results, parts: fresh })}\n(all of it: ${path.relative(process.cwd(), RESULTS)})\n`);
	return fresh.every((part) => part.holds) ? 0 : 1;
}

const words = process.argv.slice(2);

if (words[0] === '--docs') {
	const results = load();

	if (!results) {
		process.stderr.write('lastpair: there are no results yet; run the bench first\n');
		process.exit(1);
	}
	writeDocs(results);
} else {
	process.exitCode = await main(words);
}
