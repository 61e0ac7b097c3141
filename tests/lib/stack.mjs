/**
 * A whole store for the tests: `./run --detach` on a data folder of its own, reached only through what the
 * contract names.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from './http.mjs';
import { waitFor } from './wait.mjs';

export const TOP = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BUILD = path.resolve(TOP, process.env.LASTPAIR_BUILD ?? 'build');
export const ADMIN = { email: 'admin@test.example', password: 'correct horse battery' };

const OWN_MARK = fs.readFileSync(path.join(TOP, 'run'), 'utf8').match(/^own_mark='(.*)'$/m)?.[1];
const START_LIMIT_MS = 300_000;	/* it may have to build first */

/** Runs a program to its end. @param {string} file @param {string[]} args
 * @param {{input?: string|Buffer, env?: NodeJS.ProcessEnv, cwd?: string}} [options]
 * @returns {Promise<{code: number|null, stdout: string, stderr: string}>} */
export function run(file, args, { input = '', env = process.env, cwd = TOP } = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(file, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
		let stdout = '';
		let stderr = '';

		child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text; });
		child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text; });
		child.stdin.on('error', () => {});	/* it may end without reading */
		child.on('error', reject);
		child.on('close', (code) => resolve({ code, stdout, stderr }));
		child.stdin.end(input);
	});
}

/** @returns {Promise<number>} a port of loopback that nobody listens on */
export function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();

		server.on('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const address = server.address();

			server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
		});
	});
}

export class Stack {
	/** @param {string} dir @param {number} port @param {NodeJS.ProcessEnv} [env] of ./run, beside this process's own */
	constructor(dir, port, env = {}) {
		this.env = env;
		this.dir = dir;
		this.port = port;
		this.url = `http://127.0.0.1:${port}`;
	}

	/** @param {string[]} [args] @param {(dir: string) => NodeJS.ProcessEnv} [env] @param {string} [settings]  lines for lastpair.conf
	 * @returns {Promise<Stack>} */
	static async start(args = ['--no-demo'], env = () => ({}), settings = '') {
		const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-test-'));

		fs.chmodSync(parent, 0o755);	/* the database's own user must get through */
		const dir = path.join(parent, 'store');
		const stack = new Stack(dir, await freePort(), env(dir));

		live.add(stack);
		note(stack.dir);
		if (settings) {	/* what is below its mark ./run keeps */
			fs.mkdirSync(dir);
			fs.writeFileSync(path.join(dir, 'lastpair.conf'), `${OWN_MARK}\n${settings}\n`);
		}
		const { code, stdout, stderr } = await stack.#run(args);

		if (code !== 0) {
			stack.keepLogs('start');
			stack.stop();
			throw new Error(`./run failed with ${code}:\n${stdout}\n${stderr}`);
		}
		await stack.whole();
		return stack;
	}

	/** @param {string[]} args */
	#run(args) {
		const command = ['--data', this.dir, '--port', String(this.port),
			'--admin', `${ADMIN.email}:${ADMIN.password}`, '--detach', ...args];

		return new Promise((resolve, reject) => {
			const log = `${this.dir}.out`;
			const out = fs.openSync(log, 'a');
			/* files, not pipes: what is detached keeps them open */
			const child = spawn(path.join(TOP, 'run'), command, { cwd: TOP, env: { ...process.env, ...this.env }, stdio: ['ignore', out, out] });
			const timer = setTimeout(() => child.kill('SIGTERM'), START_LIMIT_MS);

			fs.closeSync(out);
			child.on('error', reject);
			child.on('exit', (code) => {
				clearTimeout(timer);
				resolve({ code, stdout: fs.readFileSync(log, 'utf8'), stderr: '' });
			});
		});
	}

	/** Starts it again on the data it has. @param {string[]} [args] */
	async again(args = ['--no-demo']) {
		const { code, stdout } = await this.#run(args);

		if (code !== 0)
			throw new Error(`./run failed with ${code}:\n${stdout}`);
	}

	/** Stops its processes and leaves its data. */
	halt() {
		return spawnSync(path.join(TOP, 'run'), ['--stop', '--data', this.dir], { cwd: TOP, encoding: 'utf8', timeout: 60_000 });
	}

	/** Stops it and removes all that it had. Synchronous, so that an exit can do it. */
	stop() {
		live.delete(this);
		const stopped = fs.existsSync(this.dir) ? this.halt() : { status: 0, stdout: '', stderr: '' };

		fs.rmSync(path.dirname(this.dir), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
		return stopped;
	}

	/** Copies the logs to where they outlive the stack. @param {string} name @returns {string} the folder */
	keepLogs(name) {
		const to = path.join(BUILD, 'test-logs', name);

		fs.rmSync(to, { recursive: true, force: true });
		fs.mkdirSync(to, { recursive: true });
		for (const from of [path.join(this.dir, 'log'), `${this.dir}.out`])
			if (fs.existsSync(from))
				fs.cpSync(from, path.join(to, path.basename(from)), { recursive: true });
		return to;
	}

	/** `DIR/lastpairctl ...`. @param {string[]} args @param {string|Buffer} [input] */
	ctl(args, input) {
		return run(path.join(this.dir, 'lastpairctl'), args, { input });
	}

	/** What one statement answers, as psql's plain text, by the store's owner. @param {string} statement */
	async sql(statement) {
		const { code, stdout, stderr } = await this.ctl(['db', '-Atqc', statement]);

		if (code !== 0)
			throw new Error(`psql failed with ${code}: ${stderr}\n${statement}`);
		return stdout.replace(/\n$/, '');
	}

	/** `lastpairctl audit`: all of it, and whether it found nothing. */
	async audit() {
		const { code, stdout, stderr } = await this.ctl(['audit']);

		return { code, clean: code === 0, text: stdout + stderr };
	}

	/** Process ids of one of the project's programs in this stack, by its command line.
	 * @param {string} program  e.g. `lastpair-api` @returns {number[]} */
	pids(program) {
		const conf = path.join(this.dir, 'lastpair.conf');

		return commands()
			.filter(({ argv }) => isRun(argv, program) && argv.includes(conf))
			.map(({ pid }) => pid);
	}

	/** The process id in DIR/run/NAME.pid. @param {string} name @returns {number} */
	pid(name) {
		return Number(fs.readFileSync(path.join(this.dir, 'run', `${name}.pid`), 'utf8').split('\n')[0]);
	}

	/** Kills the processes of a program, or the one of a pid file, at once and without a word.
	 * @param {string} name @param {NodeJS.Signals} [signal] @returns {number[]} */
	kill(name, signal = 'SIGKILL') {
		const pids = name.startsWith('lastpair-') ? this.pids(name) : [this.pid(name)];

		for (const pid of pids)
			send(pid, signal);
		return pids;
	}

	/** Kills every process of the stack, supervisors and all, none of which sees another die: all are frozen first.
	 * @returns {number} how many they were */
	cutPower() {
		const frozen = new Set();

		for (;;) {
			const more = processesOf(this.dir).filter((pid) => !frozen.has(pid));

			if (!more.length)
				break;
			for (const pid of more) {
				send(pid, 'SIGSTOP');
				frozen.add(pid);
			}
		}
		for (const pid of frozen)
			send(pid, 'SIGKILL');
		return frozen.size;
	}

	/** @returns {Promise<any>} what /healthz says, or undefined where nothing sensible answers */
	async health() {
		try {
			const { status, body } = await request({ port: this.port, path: '/healthz' });

			return { httpStatus: status, ...body };
		} catch {
			return undefined;
		}
	}

	/** Until every part says it is well. @param {number} [ms] */
	whole(ms = 20_000) {
		return waitFor('every part of the store to be up', async () => {
			const h = await this.health();

			return h?.httpStatus === 200 && [h.database, h.redis, h.sse].every((part) => part === 'ok');
		}, ms);
	}
}

/** Whether a command line is the program's, by itself or under valgrind. @param {string[]} argv @param {string} program */
function isRun(argv, program) {
	const [first = ''] = argv;

	return path.basename(first) === program || (first.includes('valgrind') && argv.some((word) => path.basename(word) === program));
}

/** Every process that this user may look at. @param {boolean} [nameless]  with those that have no command line (any more) */
export function commands(nameless = false) {
	const found = [];

	for (const name of fs.readdirSync('/proc')) {
		if (!/^\d+$/.test(name))
			continue;
		try {
			const argv = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1);

			if (argv.length || nameless)
				found.push({ pid: Number(name), argv });
		} catch {
			/* it ended meanwhile */
		}
	}
	return found;
}

/** @param {number} pid @param {NodeJS.Signals} signal */
function send(pid, signal) {
	try {
		process.kill(pid, signal);
	} catch (error) {
		if (/** @type {any} */ (error).code !== 'ESRCH')	/* it has just ended by itself */
			throw error;
	}
}

/** Every process of a stack: those of its supervisor's session, and its workers of sign-in, which have sessions of their own.
 * @param {string} dir  the data folder @returns {number[]} */
export function processesOf(dir) {
	const session = fs.readFileSync(path.join(dir, 'run', 'supervisor.pid'), 'utf8').trim();
	const conf = path.join(dir, 'lastpair.conf');

	return commands(true).filter(({ pid, argv }) => {
		try {
			const [state, , , sid] = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');

			return state !== 'Z' && (sid === session || (argv[0]?.includes('lastpair-') && argv.includes(conf)));
		} catch {
			return false;	/* it ended meanwhile */
		}
	}).map(({ pid }) => pid);
}

/** @type {Set<Stack>} stacks that this process has to stop */
const live = new Set();

/** Leaves the folder's name for `check`, which stops what a killed test left behind. @param {string} dir */
function note(dir) {
	if (process.env.LASTPAIR_TEST_NOTES)
		fs.appendFileSync(process.env.LASTPAIR_TEST_NOTES, `${dir}\n`);
}

process.on('exit', () => {
	for (const stack of [...live])
		stack.stop();
});
for (const [signal, code] of /** @type {[NodeJS.Signals, number][]} */ ([['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]))
	process.on(signal, () => process.exit(code));
