/** Clients in C that keep many connections open and count what comes: load/readers.c and load/sio_readers.c. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { end, start, tool } from './load.mjs';

export class Listeners {
	/** @param {import('node:child_process').ChildProcess} child */
	constructor(child) {
		this.child = child;
		this.lines = createInterface({ input: /** @type {any} */ (child.stdout) })[Symbol.asyncIterator]();
		this.complaint = '';
		child.stderr?.setEncoding('utf8').on('data', (text) => { this.complaint += text; });
	}

	/** Opens them all; fails when one is refused. @param {string} program @param {string[]} args */
	static async start(program, args) {
		const listeners = new Listeners(start(tool(program), args));
		const { wanted, open } = await listeners.#line();

		if (open !== wanted) {
			await end(listeners.child);
			throw new Error(`${program}: ${open} of ${wanted} were let in`);
		}
		return listeners;
	}

	/** What has come so far. @returns {Promise<{open: number, lost: number, frames: number, bytes: number, cpu: number}>} */
	mark() {
		this.child.stdin?.write('mark\n');
		return this.#line();
	}

	/** Ends them and tells what has come. @returns {Promise<{open: number, lost: number, frames: number, bytes: number, cpu: number}>} */
	async end() {
		this.child.stdin?.end('end\n');
		const told = await this.#line();

		if (this.child.exitCode === null)
			await once(this.child, 'exit');
		return told;
	}

	async #line() {
		const { value, done } = await this.lines.next();

		if (done)
			throw new Error(`the listeners have ended: ${this.complaint}`);
		return JSON.parse(value);
	}
}
