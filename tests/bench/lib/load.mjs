/** The load clients (wrk, pgbench, our own in C) as calls, and what processes take of the machine. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD } from '../../lib/stack.mjs';
import { parsePgbench, parsePgbenchLog, parseWrk, percentile } from './figures.mjs';

/** wrk's scripts and the sources of the clients in C. */
export const SCRIPTS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../load');

/** A client or comparison side in C, as the build made it. @param {string} name */
export const tool = (name) => path.join(BUILD, 'tests/bench/load', name);

const PGBENCH = '/usr/lib/postgresql/15/bin/pgbench';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

process.on('exit', () => {
	for (const child of running)
		child.kill('SIGTERM');
});

/**
 * Starts a program that does not outlive the bench. Its output goes to `log` where one is named, else to pipes.
 * @param {string} file @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string, log?: string, uid?: number, gid?: number}} [options]
 */
export function start(file, args, { env = {}, cwd, log, uid, gid } = {}) {
	const out = log === undefined ? 'pipe' : fs.openSync(log, 'a');
	const child = spawn(file, args, { cwd, uid, gid, env: { ...process.env, ...env }, stdio: ['pipe', out, out] });

	if (typeof out === 'number')
		fs.closeSync(out);
	running.add(child);
	child.on('close', () => running.delete(child));
	child.stdin?.on('error', () => {});	/* it may end without reading */
	return child;
}

/** Runs a program to its end and gives what it printed; fails unless it exits with 0.
 * @param {string} file @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string, input?: string}} [options] @returns {Promise<string>} */
export function output(file, args, { input = '', ...options } = {}) {
	return new Promise((resolve, reject) => {
		const child = start(file, args, options);
		let out = '';
		let err = '';

		child.stdout?.setEncoding('utf8').on('data', (text) => { out += text; });
		child.stderr?.setEncoding('utf8').on('data', (text) => { err += text; });
		child.on('error', reject);
		child.on('close', (code, signal) => (code === 0 ? resolve(out) :
			reject(new Error(`${path.basename(file)} ended with ${code ?? signal}: ${err || out}`))));
		child.stdin?.end(input);
	});
}

/** Ends a program that start() gave, and waits for it. @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} [signal] */
export function end(child, signal = 'SIGTERM') {
	return new Promise((resolve) => {
		if (child.exitCode !== null || child.signalCode !== null)
			return resolve(undefined);
		child.on('exit', resolve);
		child.kill(signal);
	});
}

/**
 * A run of wrk, by default with as many threads as the load was always measured with here: two.
 * @param {{url: string, connections: number, seconds?: number, threads?: number, script?: string,
 *   env?: Record<string, string>}} load  `script`: of load/, given its orders by the environment
 */
export async function wrk({ url, connections, seconds = 4, threads = Math.min(2, connections), script = 'get.lua', env = {} }) {
	return parseWrk(await output('wrk', [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, '--timeout', '10s',
		'-s', path.join(SCRIPTS, script), url], { env: { ...env, BENCH_SCRIPTS: SCRIPTS } }));
}

/**
 * A run of pgbench with a script of ours: for some seconds, or as many transactions a client as said.
 * @param {{host: string, user?: string, script: string, clients?: number, seconds?: number, transactions?: number,
 *   define?: Record<string, number|string>}} load  `host`: the folder of the server's socket
 * @returns {Promise<{perSecond: number, transactions: number, p50: number, p99: number}>} times in milliseconds
 */
export async function pgbench({ host, user = 'lastpair_api', script, clients = 1, seconds = 4, transactions, define = {} }) {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-pgbench-'));
	const file = path.join(folder, 'script.sql');

	try {
		fs.writeFileSync(file, script);
		const told = parsePgbench(await output(PGBENCH, ['-h', host, '-p', '5432', '-U', user, '-n', '-M', 'prepared',
			'-c', String(clients), '-j', String(clients), ...(transactions ? ['-t', String(transactions)] : ['-T', String(seconds)]),
			'-f', file, '--log', '--log-prefix', path.join(folder, 'log'),
			...Object.entries(define).flatMap(([name, value]) => ['-D', `${name}=${value}`]), 'lastpair'], { cwd: folder }));
		const times = fs.readdirSync(folder).filter((name) => name.startsWith('log'))
			.flatMap((name) => parsePgbenchLog(fs.readFileSync(path.join(folder, name), 'utf8')));

		return { ...told, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
	} finally {
		fs.rmSync(folder, { recursive: true, force: true });
	}
}

/** The processes named and all that descend from them. @param {number[]} pids @returns {number[]} */
export function processTree(pids) {
	/** @type {Map<number, number[]>} */
	const children = new Map();

	for (const name of fs.readdirSync('/proc')) {
		const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;

		if (stat)
			children.set(Number(stat[1]), [...(children.get(Number(stat[1])) ?? []), Number(name)]);
	}
	const found = new Set(pids);

	for (const pid of found)	/* a Set's iteration goes on through what is added to it */
		for (const child of children.get(pid) ?? [])
			found.add(child);
	return [...found];
}

/** The fields of /proc/PID/stat from the state on, which follows the name; undefined when it has ended.
 * @param {number} pid @returns {string[]|undefined} */
function readStat(pid) {
	try {
		const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');

		return text.slice(text.lastIndexOf(')') + 2).split(' ');
	} catch {
		return undefined;
	}
}

const TICKS_PER_SECOND = 100;	/* USER_HZ, on every Linux that Debian runs on */

/** Processor seconds, user's and system's, that these processes have taken so far. A process that has ended counts
 * no more, so ask for those that stay. @param {number[]} pids @returns {number} */
export function cpuSeconds(pids) {
	let ticks = 0;

	for (const pid of pids) {
		const stat = readStat(pid);

		if (stat)
			ticks += Number(stat[11]) + Number(stat[12]);
	}
	return ticks / TICKS_PER_SECOND;
}

/** Memory of these processes together, in bytes: `rss` counts shared pages for each, `pss` shares them out, `own` is
 * what none but that one process has. @param {number[]} pids @returns {{rss: number, pss: number, own: number}} */
export function memory(pids) {
	const total = { rss: 0, pss: 0, own: 0 };

	for (const pid of pids) {
		const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
		const bytes = (/** @type {string} */ name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))?.[1] ?? 0) * 1024;

		total.rss += bytes('Rss');
		total.pss += bytes('Pss');
		total.own += bytes('Private_Clean') + bytes('Private_Dirty');
	}
	return total;
}
