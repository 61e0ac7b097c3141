/**
 * Runs one suite: node lib/suite.mjs NAME [WORD...]. Starts a store for it (but for those that need none), runs its
 * files (or those with a WORD in their names) one after another, each in a process of its own, and adds
 * `passed failed skipped` as a line to the file named by LASTPAIR_TEST_RESULT.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run, Stack, TOP } from './stack.mjs';
import { unseen } from './watch-api.mjs';

const WITHOUT_STACK = new Set(['www', 'bench', 'cluster']);
/** Whose tests spend most of their time waiting: so many stores, and the files shared out among them. Two browsers at once would
 * take each other's processor, and a page has a second to be right. @type {Record<string, number>} */
const STORES = { faults: 2 };
/** Machines take their time to notice that another is gone. */
const FILE_LIMIT_MS = process.argv[2] === 'cluster' ? 900_000 : 360_000;
/** Hashing stands back behind all else, a browser as well: there, it is to take next to nothing. */
const settings = process.argv[2] === 'browser' ? 'bcrypt_cost = 4' : '';
/** Where a browser's own timing has a say: a file in which something failed is run once more. */
const TWICE = new Set(['browser']);
const SANITIZER = /AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:/;
/** What it says of an error begins so; what it counts at its end, and where it looked, does not. */
const VALGRIND = /^==\d+== (?:Invalid |Conditional jump|Use of uninit|Uninitialised|Syscall param|Source and destination|Mismatched|Process terminating|Jump to|ERROR SUMMARY: [1-9]|.* definitely lost in loss record)/;

const suite = process.argv[2] ?? '';
const label = [suite, process.env.LASTPAIR_BUILD, process.env.LASTPAIR_WRAP].filter((word) => word).map((word) => path.basename(word ?? '')).join('-');
const total = { pass: 0, fail: 0, skipped: 0, unsteady: 0 };

/** @param {string} text */
const say = (text) => process.stdout.write(`${text}\n`);

/** @param {string} why */
function failed(why) {
	total.fail++;
	say(`not ok: ${why}`);
}

/** One file, and what came of it: how many tests, and the names of those that failed. What it says is said at once, or in
 * one piece when others speak meanwhile.
 * @param {string} file @param {NodeJS.ProcessEnv} env @param {boolean} together */
async function runOnce(file, env, together) {
	const tap = path.join(os.tmpdir(), `lastpair-tap-${process.pid}-${path.basename(file)}`);
	const heading = `# ${path.relative(TOP, file)}`;
	const out = together ? 'pipe' : 'inherit';
	const child = spawn(process.execPath, [
		'--test-reporter=spec', '--test-reporter-destination=stdout',
		'--test-reporter=tap', `--test-reporter-destination=${tap}`, file,
	], { env, stdio: ['ignore', out, out] });
	let said = `${heading}\n`;

	if (!together)
		say(heading);
	for (const stream of [child.stdout, child.stderr])
		stream?.setEncoding('utf8').on('data', (text) => { said += text; });
	const timer = setTimeout(() => child.kill('SIGTERM'), FILE_LIMIT_MS);
	const endWithMe = () => {
		child.kill('SIGTERM');
		fs.rmSync(tap, { force: true });
	};

	process.on('exit', endWithMe);
	const code = await new Promise((resolve) => child.on('close', resolve));

	clearTimeout(timer);
	process.off('exit', endWithMe);
	if (together)
		say(said);
	const counted = count(fs.existsSync(tap) ? fs.readFileSync(tap, 'utf8') : '');
	let wrong = '';

	fs.rmSync(tap, { force: true });
	if (counted.pass + counted.fail + counted.skipped === 0)
		wrong = `${path.basename(file)} ran no test (exit ${code})`;
	else if (code !== 0 && counted.fail === 0)
		wrong = `${path.basename(file)} ended with ${code} though no test failed`;
	return { ...counted, wrong };
}

/** One file, twice where that is allowed and something failed: then the second time counts, and what failed in the first
 * alone is told by name. @param {string} file @param {NodeJS.ProcessEnv} env @param {boolean} together */
async function runFile(file, env, together) {
	let ran = await runOnce(file, env, together);

	if (TWICE.has(suite) && (ran.fail || ran.wrong)) {
		const first = ran;

		say(`# ${path.relative(TOP, file)} once more, since something failed`);
		ran = await runOnce(file, env, together);
		for (const name of [...first.names, ...(first.wrong ? [first.wrong] : [])].filter((name) => !ran.names.includes(name) && name !== ran.wrong)) {
			total.unsteady++;
			say(`unsteady: ${name}`);
		}
	}
	total.pass += ran.pass;
	total.fail += ran.fail;
	total.skipped += ran.skipped;
	if (ran.wrong)
		failed(ran.wrong);
}

/**
 * The pgTAP files, by pg_prove, as the cluster's superuser: each rolls back what it did. PostgreSQL has to be
 * alone for it (the expiry's lock is one of the things under test), and pgTAP in a schema that is none of the
 * store's (what may be called there is another).
 * @param {Stack} stack
 */
async function runPgProve(stack) {
	const superuser = spawnSync('stat', ['-c', '%U', stack.dir], { encoding: 'utf8' }).stdout.trim();
	const where = ['-h', path.join(stack.dir, 'run'), '-U', superuser, '-d', 'lastpair'];

	await run('sv', ['-w', '10', 'down', ...['nginx', 'cron', 'api', 'auth', 'sse'].map((name) => path.join(stack.dir, 'service', name))]);
	const made = await run('psql', [...where, '-Atqc', 'CREATE SCHEMA pgtap; CREATE EXTENSION pgtap SCHEMA pgtap', '-c', 'SHOW search_path']);

	if (made.code !== 0)
		throw new Error(`pgTAP could not be made: ${made.stderr}`);
	const env = { ...process.env, PGOPTIONS: `-c search_path=${made.stdout.trim().replaceAll(' ', '')},pgtap` };
	const child = spawn('pg_prove', [...where, '--verbose', '--nocolor', ...files], { cwd: TOP, env, stdio: ['ignore', 'pipe', 'inherit'] });
	let tap = '';

	child.stdout.setEncoding('utf8').on('data', (text) => {
		tap += text;
		process.stdout.write(text);
	});
	const code = await new Promise((resolve) => child.on('close', resolve));
	const lines = tap.split('\n');
	const skipped = lines.filter((line) => /^ok .*# skip/i.test(line)).length;
	const bad = lines.filter((line) => line.startsWith('not ok ')).length;

	total.pass += lines.filter((line) => line.startsWith('ok ')).length - skipped;
	total.skipped += skipped;
	total.fail += bad;
	if (code !== 0 && !bad)
		failed(`pg_prove ended with ${code} though no test failed`);
}

/** @param {string} tap */
function count(tap) {
	const number = (/** @type {string} */ name) => Number(tap.match(new RegExp(`^# ${name} (\\d+)`, 'm'))?.[1] ?? 0);
	const names = [...tap.matchAll(/^not ok \d+ - (.*)$/gm)].map(([, name = '']) => name);

	return { pass: number('pass'), fail: number('fail') + number('cancelled') + number('todo'), skipped: number('skipped'), names };
}

/** @param {Stack} stack */
function lookForReports(stack) {
	const logs = path.join(stack.dir, 'log');
	let ended = 0;

	for (const name of fs.readdirSync(logs)) {
		const file = path.join(logs, name);

		if (!fs.statSync(file).isFile())
			continue;
		const lines = fs.readFileSync(file, 'utf8').split('\n');
		const at = lines.findIndex((line) => SANITIZER.test(line) || VALGRIND.test(line));

		if (at >= 0)
			failed(`a fault is reported in ${name}:\n${lines.slice(at, at + 40).join('\n')}`);
		ended += lines.filter((line) => /^==\d+== ERROR SUMMARY: 0 errors/.test(line)).length;
	}
	if (process.env.LASTPAIR_WRAP) {
		say(`# ${ended} processes ended under valgrind without an error`);
		if (ended < 4)	/* two workers, the daemon and the expiry at the least */
			failed('valgrind has not said enough');
	}
}

/** @param {string} folder */
function showLogs(folder) {
	say(`The store's logs are kept in ${path.relative(TOP, folder)}. Their last lines:`);
	for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
		const file = path.join(entry.path ?? entry.parentPath, entry.name);

		if (!entry.isFile())
			continue;
		const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-12);

		say(`--- ${entry.name}\n${lines.join('\n')}`);
	}
}

const folder = path.join(TOP, 'tests', suite);
const only = process.argv.slice(3);
const files = (fs.existsSync(folder) ? fs.readdirSync(folder) : [])
	.filter((name) => name.endsWith(suite === 'sql' ? '.sql' : '.test.mjs'))
	.filter((name) => !only.length || only.some((word) => name.includes(word)))
	.sort()
	.map((name) => path.join(folder, name));

const queue = [...files];
/** @type {Stack[]} */
const stacks = [];

/** Takes files until none is left. @param {Stack|undefined} stack @param {boolean} together */
async function work(stack, together) {
	const env = { ...process.env };

	if (stack)
		env.LASTPAIR_TEST_STACK = `${stack.dir}|${stack.port}`;
	for (let file = queue.shift(); file; file = queue.shift())
		await runFile(file, env, together);
}

try {
	const wanted = WITHOUT_STACK.has(suite) ? 0 : Math.min(STORES[suite] ?? 1, files.length);

	while (stacks.length < wanted)
		stacks.push(await Stack.start(undefined, undefined, settings));
	if (suite === 'sql' && stacks[0] && files.length)
		await runPgProve(stacks[0]);
	else if (stacks.length)
		await Promise.all(stacks.map((stack) => work(stack, stacks.length > 1)));
	else
		await work(undefined, false);
} catch (error) {
	failed(`the suite ${suite} could not run: ${error instanceof Error ? error.message : error}`);
}
if (!files.length)
	failed(`the suite ${suite} has no test`);
if (suite === 'api' && !only.length && stacks[0]) {
	const missed = unseen(stacks[0]);

	if (missed.length)
		failed(`each answer of the OpenAPI document was seen once:\n${missed.join('\n')}`);
	else
		total.pass++;
}
for (const [i, stack] of stacks.entries()) {
	const stopped = stack.halt();

	if (stopped.status !== 0)
		failed(`./run --stop ended with ${stopped.status}: ${stopped.stderr}`);
	lookForReports(stack);
	if (total.fail)
		showLogs(stack.keepLogs(i ? `${label}-${i + 1}` : label));
	stack.stop();
}
if (process.env.LASTPAIR_TEST_RESULT)
	fs.appendFileSync(process.env.LASTPAIR_TEST_RESULT, `${total.pass} ${total.fail} ${total.skipped} ${total.unsteady}\n`);
say(`# ${label}: ${total.pass} passed, ${total.fail} failed, ${total.skipped} skipped${total.unsteady ? `, ${total.unsteady} unsteady` : ''}`);
process.exitCode = total.fail ? 1 : 0;
