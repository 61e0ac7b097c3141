/**
 * `make soak`: the load of the fault tests for long, with faults drawn by lot, the same for the same SEED. Ends at the first thing
 * that is not as promised.
 *
 *     DURATION=60 SEED=7 make soak        minutes (10), and what the faults are drawn by
 *
 * In a tree that was configured with --enable-failpoints, workers end at fail points as well.
 */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BUILD, processesOf, run, Stack } from '../lib/stack.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const MINUTES = Number(process.env.DURATION || 10);
const SEED = Number(process.env.SEED || crypto.randomInt(1e9));
const ROUND_MS = 120_000;	/* then everything is compared, and a new load begins */
const CALM_MS = 6000;		/* between two faults, on average half of it */
const WHOLE_MS = 15_000;	/* for a sale after a fault; 5 s are promised, and this machine may be busy */
const BEHIND_MS = 10_000;	/* for a reader while the daemon is well; 2 s are promised */

const failpoints = fs.readFileSync(path.join(BUILD, 'lastpair-api')).includes('LASTPAIR_FAILPOINT');
const stack = await Stack.start(['--no-demo'], (dir) => (failpoints ? { LASTPAIR_FAILPOINT: path.join(dir, 'run', 'failpoint') } : {}));

process.env.LASTPAIR_TEST_STACK = `${stack.dir}|${stack.port}`;
const { cut, service } = await import('../lib/faults.mjs');
const { random, startLoad, told } = await import('../lib/load.mjs');
const draw = random(SEED);
const between = (/** @type {number} */ a, /** @type {number} */ b) => a + draw() * (b - a);
const say = (/** @type {string} */ text) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

/** Another process than before has the name. @param {string} name @param {NodeJS.Signals} signal */
async function restarted(name, signal) {
	const [old] = stack.kill(name, signal);

	await waitFor(`another ${name}`, () => stack.pid(name) !== old, 30_000);
}

/** PostgreSQL with it: what is promised begins with its return, and how long its recovery takes is the disk's to say.
 * @param {NodeJS.Signals} signal */
async function recovered(signal) {
	await restarted('postgres', signal);
	await waitFor('PostgreSQL to take connections', () => stack.sql('SELECT 1'), 120_000);
}

/** @param {string} name @param {number} ms */
async function away(name, ms) {
	await service('down', name, stack);
	await pause(ms);
	await service('up', name, stack);
}

/** @param {string} name @param {number} ms */
async function frozen(name, ms) {
	const pid = stack.pid(name);

	process.kill(pid, 'SIGSTOP');
	await pause(ms);
	process.kill(pid, 'SIGCONT');
}

/** What may happen; `blind`: while it lasts browsers may be behind. @type {[string, () => Promise<any>, {blind?: boolean}?][]} */
const faults = [
	['every worker killed', async () => { stack.kill('lastpair-api'); }],
	['one worker killed', async () => { process.kill(/** @type {number} */ (stack.pids('lastpair-api')[0]), 'SIGKILL'); }],
	['workers told to end', async () => { stack.kill('lastpair-api', 'SIGTERM'); }],
	['PostgreSQL stopped at once', () => recovered('SIGQUIT'), { blind: true }],
	['PostgreSQL killed', () => recovered('SIGKILL'), { blind: true }],
	['PostgreSQL away', async () => {
		await away('postgres', between(1000, 10_000));
		await waitFor('PostgreSQL to take connections', () => stack.sql('SELECT 1'), 120_000);
	}, { blind: true }],
	['connections cut', async () => {
		for (let i = 0; i < 10; i++)
			await cut("SELECT pid FROM pg_stat_activity WHERE usename = 'lastpair_api'", stack);
	}],
	['Redis killed', () => restarted('redis', 'SIGKILL')],
	['Redis away', () => away('redis', between(5000, 30_000))],
	['Redis frozen', () => frozen('redis', between(2000, 15_000))],
	['the daemon killed', () => restarted('sse', 'SIGKILL'), { blind: true }],
	['the daemon replaced', () => restarted('sse', 'SIGTERM'), { blind: true }],
	['the daemon frozen', () => frozen('sse', between(1000, 8000)), { blind: true }],
	['nginx reloaded', async () => { stack.kill('nginx', 'SIGHUP'); }, { blind: true }],
	['nginx killed', () => restarted('nginx', 'SIGKILL'), { blind: true }],
	['the expiry killed', async () => { stack.kill('lastpair-expire'); }],
	['cron away', () => away('cron', between(5000, 20_000))],
	['two expiry programs at once', async () => {
		const program = [path.join(BUILD, 'lastpair-expire'), '-c', path.join(stack.dir, 'lastpair.conf')];
		const owner = (await run('stat', ['-c', '%U', stack.dir])).stdout.trim();

		await Promise.all([1, 2].map(() => run('timeout', ['5', 'runuser', '-u', owner, '--', ...program])));
	}],
	['the power cut', async () => {
		stack.cutPower();
		await waitFor('nothing of it to live', () => processesOf(stack.dir).length === 0);
		await stack.again();
	}, { blind: true }],
];

if (failpoints)
	for (const [point, where] of [['executed', 'reserve'], ['sent', 'reserve'], ['committed', 'reserve'], ['reply', '/api/drops/{id}/reservations'],
		['publish', '/api/drops/{id}/reservations'], ['executed', 'purchase'], ['sent', 'purchase'], ['committed', 'purchase'], ['sent', 'release'],
		['reply', '/api/reservations/{id}/purchase'], ['publish', '/api/reservations/{id}/purchase'], ['executed', 'durable']])
		faults.push([`a worker ended at ${point} of ${where}`, async () => {
			const file = path.join(stack.dir, 'run', 'failpoint');

			fs.writeFileSync(`${file}.new`, `${point} ${where} ${1 + Math.floor(draw() * 3)}\n`, { mode: 0o644 });
			fs.renameSync(`${file}.new`, file);
			await waitFor('a worker to come to the point', () => !fs.existsSync(file), 20_000);
		}]);

const until = Date.now() + MINUTES * 60_000;
const total = { faults: 0, rounds: 0, acknowledged: 0, unknown: 0, foundAgain: 0, slowest: 0 };

say(`seed ${SEED}: ${MINUTES} minutes, ${faults.length} kinds of fault${failpoints ? '' : ', none of them a fail point (see --enable-failpoints)'}`);
while (Date.now() < until) {
	const load = await startLoad({ stack, seed: Math.floor(draw() * 1e9), giveUpMs: 120_000 });
	const roundEnds = Math.min(until, Date.now() + ROUND_MS);
	/** @type {[number, number][]} */
	const calm = [];

	await pause(2000);
	for (let since = Date.now(); Date.now() < roundEnds; since = Date.now()) {
		const [what, hurt, { blind = false } = {}] = /** @type {typeof faults[number]} */ (faults[Math.floor(draw() * faults.length)]);
		const ms = between(0, CALM_MS);

		await hurt();
		const over = Date.now();
		const sale = await load.success('purchase', { after: over, ms: WHOLE_MS }).catch((error) => {
			say(`${what} (${over - since} ms): no sale after it; its logs are in ${stack.keepLogs('soak')}`);
			throw error;
		});

		await stack.whole(30_000);
		await waitFor('every reader to be back', () => load.readers.every((r) => r.ready), 30_000);
		if (blind)
			calm.push([since, Date.now() + 1000]);
		total.faults++;
		total.slowest = Math.max(total.slowest, sale);
		say(`${what} (${over - since} ms); the next sale after ${sale} ms`);
		await pause(ms);
	}
	await load.settle();
	const figures = await load.verify();
	const ends = [load.startedAt, ...calm.flat(), Date.now()];
	const behind = ends.reduce((worst, from, i) => (i % 2 ? worst : Math.max(worst, load.lag(from, ends[i + 1]).max)), 0);

	for (const line of told(figures))
		say(line);
	say(`readers behind an answer while the daemon and what is before it were well: at most ${behind} ms`);
	assert.ok(behind <= BEHIND_MS, 'browsers are right in time');
	load.stop();
	total.rounds++;
	total.unknown += figures.unknown;
	total.foundAgain += figures.foundAgain;
	total.acknowledged += Object.values(figures.acknowledged).reduce((sum, n) => sum + n, 0);
}
say(`seed ${SEED}: ${total.faults} faults in ${total.rounds} rounds; ${total.acknowledged} changes acknowledged and each there once; `
	+ `${total.unknown} attempts without a known outcome, ${total.foundAgain} of those changes acknowledged later; the slowest next sale ${total.slowest} ms`);
stack.stop();
