/** Many clients at once, by the load clients of tests/bench in C. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { BUILD, run } from './stack.mjs';
import { newDrop, people } from './store.mjs';

/** @typedef {{count: number, p50: number, p90: number, p99: number, max: number}} Times  milliseconds
 * @typedef {{sent: number, seconds: number, statuses: Record<string, number>, broken: number, missing: number, strange: number,
 *   accepted: Times, refused: Times, other: Times}} Rush  broken: connections that ended; missing: no answer in time; strange: a
 *   503 or 429 that is no problem document with Retry-After */

/** Builds a load client if need be. @param {string} name @returns {Promise<string>} its path */
export async function tool(name) {
	const { code, stderr, stdout } = await run('make', ['-s', '-C', BUILD, `tests/bench/load/${name}`]);

	assert.equal(code, 0, stdout + stderr);
	return path.join(BUILD, 'tests/bench/load', name);
}

/** Starts a load client; its output is gathered. @param {string} file @param {string[]} args */
export function startTool(file, args) {
	const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
	const started = { child, text: '', done: /** @type {Promise<number|null>} */ (Promise.resolve(0)) };
	const endWithMe = () => child.kill();

	process.on('exit', endWithMe);
	child.stdin.on('error', () => {});
	child.stdout.setEncoding('utf8').on('data', (text) => { started.text += text; });
	started.done = new Promise((resolve) => child.on('close', (code) => {
		process.off('exit', endWithMe);
		resolve(code);
	}));
	return started;
}

/** Buyers with as many drops as it takes for each reserve to be somebody's first of that drop. */
export class Crowd {
	/** @param {import('./stack.mjs').Stack} stack @param {number} users */
	static async make(stack, users) {
		const all = await people(users, 'user', stack);
		const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-crowd-'));
		const file = path.join(folder, 'tokens');

		fs.writeFileSync(file, all.map(({ api }) => `${api.token}\n`).join(''), { mode: 0o600 });
		process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
		return new Crowd(await tool('crowd'), stack, file, users);
	}

	/** @param {string} program @param {import('./stack.mjs').Stack} stack @param {string} tokens @param {number} users */
	constructor(program, stack, tokens, users) {
		this.program = program;
		this.stack = stack;
		this.tokens = tokens;
		this.users = users;
	}

	/** @param {{connections: number, rate?: number, seconds: number, reserves: number}} load  `reserves`: for how many there have to
	 *   be drops @returns {Promise<Rush>} */
	async rush({ connections, rate = 0, seconds, reserves }) {
		const drops = [];

		for (let i = 0; i * this.users < reserves; i++)
			drops.push((await newDrop({ totalStock: 1_000_000, holdSeconds: 300 })).id);
		const started = startTool(this.program, ['--connect', String(this.stack.port), '--tokens', this.tokens, '--drops', drops.join(' '),
			'--connections', String(connections), '--rate', String(rate), '--seconds', String(seconds)]);

		assert.equal(await started.done, 0, started.text);
		return parse(started.text);
	}
}

/** The client tells tenths of a millisecond. @param {string} text @returns {Rush} */
function parse(text) {
	const told = JSON.parse(text);

	for (const kind of ['accepted', 'refused', 'other'])
		for (const name of ['p50', 'p90', 'p99', 'max'])
			told[kind][name] /= 10;
	return told;
}
