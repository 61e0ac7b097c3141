/** Log files: moved away by whoever keeps them small, and nothing is lost. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import { anyone, unique } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

/** @param {string} name */
const file = (name) => path.join(stack.dir, 'log', name);
/** @param {string} name */
const read = (name) => (fs.existsSync(file(name)) ? fs.readFileSync(file(name), 'utf8') : '');

/** Asks for something; its id is in the logs then. */
async function ask() {
	const id = unique('log');

	assert.equal((await anyone.get('/api/auth/me', { 'X-Request-Id': id })).status, 401);
	return id;
}

/** @param {string} name @param {string} id */
const told = (name, id) => waitFor(`${id} to be in ${name}`, () => read(name).includes(id));

/** As whoever runs the store does it each minute. @param {number} bytes */
async function rotate(bytes) {
	const owner = fs.statSync(stack.dir).uid;
	const script = '. ../common.sh; rotate_logs "$1"';
	const { code, stderr } = await run('setpriv', ['--reuid', String(owner), '--clear-groups', 'sh', '-c', script, 'sh', String(bytes)],
		{ cwd: path.join(stack.dir, 'service/cron') });

	assert.equal(code, 0, stderr);
}

test('a log that was moved away goes on under its name, without a signal', async () => {
	const before = await ask();

	await told('api.log', before);
	fs.renameSync(file('api.log'), file('api.log.moved'));
	await waitFor('a new file with what came since', async () => {
		const id = await ask();

		return read('api.log').includes(id);
	});
	assert.ok(read('api.log.moved').includes(before), 'the old one keeps what it had');
	fs.rmSync(file('api.log.moved'));
});

/** Whether a process has not yet taken a signal: of two that wait, the one of the lower number comes first. @param {number} pid @param {number} signal */
const pends = (pid, signal) => (BigInt(`0x${fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(/^ShdPnd:\s*(\w+)/m)?.[1]}`) >> BigInt(signal - 1) & 1n) === 1n;

test('SIGUSR1 has it opened again with the very next line, in workers and daemon', async () => {
	for (const [name, program] of [['api.log', 'lastpair-api'], ['sse.log', 'lastpair-sse']]) {
		assert.ok(name && program);
		fs.renameSync(file(name), file(`${name}.moved`));
		const pids = stack.kill(program, 'SIGUSR1');
		await waitFor('the signal to be taken', () => pids.every((pid) => !pends(pid, os.constants.signals.SIGUSR1)));
		await pause(100);	/* from there to the log */
		stack.kill(program, 'SIGHUP');	/* something to say */
		await waitFor(`${name} anew`, () => read(name).includes('settings: read again'));
		fs.rmSync(file(`${name}.moved`));
	}
	assert.equal((await stack.health()).httpStatus, 200);
});

test('a store keeps its logs small: one old copy of each, nobody loses a line, everybody writes on', async () => {
	const seen = await ask();

	await told('api.log', seen);
	await told('access.log', seen);
	await stack.sql('DO $$ BEGIN RAISE LOG \'a line of before\'; END $$');
	await told('postgres.log', 'a line of before');
	await rotate(1);
	assert.ok(read('api.log.1').includes(seen) && !read('api.log').includes(seen));
	assert.ok(read('access.log.1').includes(seen) && !read('access.log').includes(seen));
	assert.ok(read('postgres.log.1').includes('a line of before') && !read('postgres.log').includes('a line of before'));
	await waitFor('workers and nginx to write on', async () => {
		const id = await ask();

		await told('access.log', id);
		return read('api.log').includes(id);
	});
	await stack.sql('DO $$ BEGIN RAISE LOG \'a line of after\'; END $$');
	await told('postgres.log', 'a line of after');
	assert.doesNotMatch(read('postgres.log'), /\0/, 'it goes on at its beginning');
	for (const name of fs.readdirSync(path.join(stack.dir, 'log')))
		assert.match(name, /^\w+\.log(\.1)?$/);
});

test('a log that is small stays where it is', async () => {
	const id = await ask();

	await told('api.log', id);
	await rotate(1 << 26);
	assert.ok(read('api.log').includes(id));
});

test('what a log_dir that is not there stops is said', async () => {
	const conf = path.join(stack.dir, 'run', 'wrong.conf');

	fs.writeFileSync(conf, 'log_dir = /nonexistent/folder\n');
	const { code, stderr } = await run(path.join(stack.dir, 'lastpairctl'), ['config', '--check', conf]);

	assert.equal(code, 0, stderr);	/* it is a name like any other, until a program opens it */
	const built = fs.readFileSync(path.join(stack.dir, 'lastpairctl'), 'utf8').match(/'([^']*)\/lastpairctl'/)?.[1] ?? '';
	const started = await run(path.join(built, 'lastpair-expire'), ['-c', conf, '--once']);

	fs.rmSync(conf);
	assert.equal(started.code, 1);
	assert.match(started.stderr, /^lastpair-expire: \/nonexistent\/folder\/expire\.log: No such file or directory; is log_dir right\?$/m);
});
