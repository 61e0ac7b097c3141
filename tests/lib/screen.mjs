/** A terminal for a program under test: script(1) gives it one, and what it draws is kept as the text one would see. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { run } from './stack.mjs';
import { waitFor } from './wait.mjs';

const WIDE = /[\u3040-\u9fff]/g;	/* two columns each */

/** @param {string} line */
export const columnsOf = (line) => [...line].length + (line.match(WIDE) ?? []).length;

/** A line as a terminal of that many columns shows it. One that is full leaves the cursor on its last column, so that
 * what wipes the rest of the line wipes that one. @param {string} line @param {number} columns */
function shown(line, columns) {
	let text = '';

	for (const part of line.split(/(\x1b\[[0-9;?]*[A-Za-z])/))
		if (part === '\x1b[K' && columnsOf(text) >= columns)
			text = [...text].slice(0, -1).join('');
		else if (!part.startsWith('\x1b'))
			text += part;
	return text;
}

export class Screen {
	/** Runs a shell command in a terminal of that size. @param {string} command
	 * @param {{columns?: number, rows?: number, env?: Record<string, string>}} [options] */
	constructor(command, { columns = 90, rows = 24, env = {} } = {}) {
		this.raw = '';
		this.columns = columns;
		/** @type {number|null|undefined} its exit status; undefined while it runs */
		this.code = undefined;
		this.child = spawn('script', ['-qfec', `stty cols ${columns} rows ${rows}; tty; ${command}`, '/dev/null'],
			{ env: { ...process.env, TERM: 'xterm', LC_ALL: 'C.UTF-8', NO_COLOR: '', ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
		this.child.stdout.setEncoding('utf8').on('data', (text) => { this.raw += text; });
		this.child.on('close', (code) => { this.code = code; });
	}

	/** @param {string} keys */
	press(keys) {
		this.child.stdin.write(keys);
	}

	/** The terminal's file. */
	tty() {
		return waitFor('the terminal', () => this.raw.match(/^(\/dev\/pts\/\d+)\r$/m)?.[1]);
	}

	/** Another size, as when a window is dragged. @param {number} columns @param {number} rows */
	async resize(columns, rows) {
		this.columns = columns;
		await run('stty', ['-F', await this.tty(), 'cols', String(columns), 'rows', String(rows)]);
	}

	/** The process of that name in this terminal. @param {string} name */
	async pid(name) {
		const tty = await this.tty();

		return waitFor(`${name} on ${tty}`, () => fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map(Number).find((pid) => {
			try {
				return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name && fs.readlinkSync(`/proc/${pid}/fd/1`) === tty;
			} catch {
				return false;	/* it ended meanwhile */
			}
		}));
	}

	/** How many frames were begun, and the last whole one as lines. */
	frames() {
		return this.raw.split('\x1b[?2026h').length - 1;
	}

	/** @returns {string[]} */
	lines() {
		const whole = this.raw.slice(0, this.raw.lastIndexOf('\x1b[?2026l'));
		const frame = whole.slice(whole.lastIndexOf('\x1b[?2026h'));

		return frame.split(/\r*\n/).map((line) => shown(line, this.columns));	/* the kernel adds a \r of its own */
	}

	/** Waits for a frame that is as it should be. @param {string} what @param {(lines: string[]) => any} is */
	async shows(what, is) {
		return waitFor(what, () => this.frames() > 0 && is(this.lines())).catch((error) => {
			throw new Error(`${error.message}\n${this.lines().join('\n')}`);
		});
	}

	/** @returns {Promise<number|null>} its exit status */
	async ended() {
		await waitFor('the program to end', () => this.code !== undefined);
		return this.code ?? null;
	}

	kill() {
		this.child.kill('SIGKILL');
	}
}
