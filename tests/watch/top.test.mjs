/** lastpairctl top: on a terminal, without one, and how it leaves. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { BUILD, run } from '../lib/stack.mjs';
import { columnsOf, Screen } from '../lib/screen.mjs';
import { stack } from '../lib/suite-stack.mjs';
import { Stream } from '../lib/sse.mjs';
import { newDrop, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const TOP = `'${stack.dir}/lastpairctl' top`;

/** @type {Set<Screen>} */
const screens = new Set();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-top-'));

after(() => {
	fs.rmSync(folder, { recursive: true });
	for (const screen of screens)
		screen.kill();
});

/** @param {string} command @param {ConstructorParameters<typeof Screen>[1]} [options] */
function open(command, options) {
	const screen = new Screen(command, options);

	screens.add(screen);
	return screen;
}

/** A drop with pairs held and sold. */
async function aDrop() {
	const name = unique('Kiln');
	const drop = await newDrop({ name, totalStock: 10, maxPerUser: 5, holdSeconds: 3600 });
	const crowd = await people(3);

	for (const { api } of crowd)
		await reserve(api, drop.id);
	const buyer = await person();

	await purchase(buyer.api, (await reserve(buyer.api, drop.id)).id);
	return { ...drop, name };
}

test('the board shows each open drop with its pairs, the parts, and what is going on', async () => {
	const drop = await aDrop();
	const stream = await Stream.open(stack.port);
	const screen = open(TOP, { columns: 100, rows: 30 });

	await screen.shows('the drop with what is free, held and sold', (lines) => lines.some((l) => new RegExp(`^ +${drop.id} +${drop.name.slice(0, 12)}\\S* +live +█+▒+░+ +6 +3 +1$`).test(l)));
	await screen.shows('the parts', ([head = '']) => /^Lastpair {2}database ok {2}workers ok {2}daemon ok {2}redis ok {2}expiry ok +\d\d:\d\d:\d\d$/.test(head));
	await screen.shows('the stream', (lines) => lines.some((l) => /^streams +[1-9]\d* .*of \d+/.test(l)));
	const { api } = await person();
	const more = await newDrop({ totalStock: 1000, maxPerUser: 1000, holdSeconds: 3600 });
	let done = false;
	const busy = (async () => {
		for (let i = 0; !done && i < 1000; i++, await pause(20))
			await purchase(api, (await reserve(api, more.id)).id);
	})();

	await screen.shows('holds and sales a second, with a line of bars', (lines) => ['holds/s', 'sales/s'].every((name) => lines.some((l) => new RegExp(`^${name} +[1-9]\\d* .*[▂-█].*\\d+ in all`).test(l))));
	done = true;
	await busy;
	stream.close();
	screen.press('q');
	assert.equal(await screen.ended(), 0);
});

test('it is as large as its terminal, whatever that becomes', async () => {
	const screen = open(TOP, { columns: 100, rows: 30 });

	await screen.shows('the board', (lines) => lines[0]?.startsWith('Lastpair'));
	const [first, began] = [screen.frames(), Date.now()];

	for (const [columns, rows] of /** @type {[number, number][]} */ ([[101, 30], [60, 12], [33, 24], [140, 50], [20, 4], [8, 2], [80, 24]])) {
		const before = screen.frames();

		await screen.resize(columns, rows);
		await waitFor(`a frame for ${columns} by ${rows}`, () => screen.frames() > before);
		await screen.shows(`nothing outside of ${columns} by ${rows}`, (lines) => lines.length <= rows && lines.every((l) => columnsOf(l) <= columns) && lines.some((l) => columnsOf(l) === columns));
	}
	assert.ok(screen.frames() - first >= 5 + (Date.now() - began) / 1000, 'it is drawn anew at once, besides each second');
	screen.press('q');
	assert.equal(await screen.ended(), 0);
});

test('a name in any script takes the columns it takes, and none of its characters moves the cursor', async () => {
	const drop = await newDrop({ name: `靴の限定 ${unique('é')}`, holdSeconds: 3600 });
	const screen = open(TOP, { columns: 80, rows: 40 });

	await screen.shows('the name', (lines) => lines.some((l) => l.includes(`${drop.id}  靴の限定 é`) && columnsOf(l) === 80));
	const wide = await newDrop({ name: '靴'.repeat(60), holdSeconds: 3600 });

	for (const columns of [110, 111]) {	/* half a character is none */
		await screen.resize(columns, 40);
		await screen.shows(`a wide name in ${columns} columns`, (lines) => lines.some((l) => l.includes(`${wide.id}  靴靴`) && columnsOf(l) === columns));
	}
	screen.press('q');
	assert.equal(await screen.ended(), 0);
	const plain = open(TOP, { columns: 80, rows: 40, env: { LC_ALL: 'C' } });

	await plain.shows('plain characters alone', (lines) => lines.some((l) => l.includes(`${drop.id}  ????`)) && lines.every((l) => /^[\x20-\x7e]*$/.test(l) && l.length <= 80));
	plain.press('q');
	assert.equal(await plain.ended(), 0);
});

test('what it cannot know is a dash, not a nought', async () => {
	const conf = path.join(folder, 'away.conf');

	fs.writeFileSync(conf, `metrics_file = ${folder}/none\nsse_admin_socket = ${folder}/none\ndatabase = host=${folder} dbname=lastpair\n`);
	const { code, stdout, stderr } = await run(path.join(BUILD, 'lastpairctl'), ['-c', conf, 'top', '-n', '1']);

	assert.equal(code, 0, stderr);
	assert.match(stdout.split('\n')[1] ?? '', /^\d\d:\d\d:\d\d( +-){11}$/);
});

test('it draws once a second, each frame over the one before, in one piece', async () => {
	const screen = open(`${TOP} -n 3`);

	assert.equal(await screen.ended(), 0);
	assert.equal(screen.frames(), 4, 'a first one, and three with rates');
	const body = screen.raw.slice(screen.raw.indexOf('\x1b[?2026h'), screen.raw.lastIndexOf('\x1b[?2026l'));

	assert.ok(!body.includes('\x1b[2J'), 'the screen is never emptied: that would flicker');
	assert.equal(body.split('\x1b[H').length, 5);
});

for (const [how, end, status] of /** @type {[string, (s: Screen) => any, number][]} */ ([
	['q', (s) => s.press('q'), 0],
	['Ctrl-C', (s) => s.press('\x03'), 0],
	['SIGTERM', async (s) => process.kill(await s.pid('lastpairctl'), 'SIGTERM'), 143],
])) {
	test(`after ${how} the terminal is as it was`, async () => {
		const screen = open(`echo "before $(stty -g)"; ${TOP}; status=$?; echo "after $(stty -g)"; exit $status`);

		await screen.shows('the board', (lines) => lines[0]?.startsWith('Lastpair'));
		assert.ok(screen.raw.includes('\x1b[?1049h') && screen.raw.includes('\x1b[?25l'));
		await end(screen);
		const code = await screen.ended();
		const [, before] = screen.raw.match(/before (\S+)/) ?? [];
		const [, after] = screen.raw.match(/after (\S+)/) ?? [];

		if (how !== 'Ctrl-C') {	/* which ends the shell around it as well */
			assert.equal(code, status);
			assert.ok(before);
			assert.equal(after, before, 'its modes');
		}
		assert.ok(screen.raw.lastIndexOf('\x1b[?1049l') > screen.raw.lastIndexOf('\x1b[?2026l'), 'its page');
		assert.ok(screen.raw.lastIndexOf('\x1b[?25h') > screen.raw.lastIndexOf('\x1b[?25l'), 'its cursor');
	});
}

test('stopped from the keyboard it gives the terminal back, and goes on when told', async () => {
	const screen = open(`${TOP}; exit $?`);	/* a shell between, or script(1) would stop as well */
	const pid = await screen.pid('lastpairctl');

	await screen.shows('the board', (lines) => lines[0]?.startsWith('Lastpair'));
	process.kill(pid, 'SIGTSTP');
	await waitFor('the terminal', () => screen.raw.lastIndexOf('\x1b[?1049l') > screen.raw.lastIndexOf('\x1b[?1049h'));
	const before = screen.frames();

	process.kill(pid, 'SIGCONT');
	await waitFor('the board again', () => screen.frames() > before && screen.raw.lastIndexOf('\x1b[?1049h') > screen.raw.lastIndexOf('\x1b[?1049l'));
	screen.press('q');
	assert.equal(await screen.ended(), 0);
});

test('without a terminal it is a line a second, as many as were asked for', async () => {
	const { code, stdout, stderr } = await stack.ctl(['top', '-n', '2']);
	const [head = '', ...lines] = stdout.trimEnd().split('\n');

	assert.equal(code, 0, stderr);
	assert.doesNotMatch(stdout, /\x1b/);
	assert.match(head, /^time +holds\/s +sales\/s/);
	assert.equal(lines.length, 2);
	for (const line of lines) {
		assert.match(line, /^\d\d:\d\d:\d\d( +(\d+(\.\d)?|-)){11}$/);
		assert.ok(line.split(/ +/).length === head.split(/ +/).length, 'a number under each word');
	}
});

test('its lines tell what happened in their second', async () => {
	const drop = await newDrop({ totalStock: 500, holdSeconds: 3600 });
	const crowd = await people(120);
	const child = spawn(path.join(stack.dir, 'lastpairctl'), ['top'], { stdio: ['ignore', 'pipe', 'inherit'] });
	let text = '';

	child.stdout.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
	const sum = () => text.split('\n').slice(1, -1).reduce((n, l) => n + Number(l.split(/ +/)[1]), 0);

	await waitFor('a first line', () => text.split('\n').length > 2);
	const before = sum();

	await Promise.all(crowd.map(({ api }) => reserve(api, drop.id)));
	await waitFor('the holds', () => sum() - before >= 100);
	assert.ok(sum() - before <= 140, `about as many as there were, by rates of seconds not quite even: ${text}`);
	child.kill('SIGTERM');
	await waitFor('its end', () => child.signalCode === 'SIGTERM');
});

test('a store whose parts are away is shown as it is, and the board goes on', async () => {
	const screen = open(TOP, { columns: 120, rows: 30 });
	const services = ['postgres', 'sse'].map((name) => path.join(stack.dir, 'service', name));

	await screen.shows('all of it', ([head = '']) => head.includes('database ok') && head.includes('daemon ok'));
	await run('sv', ['-w', '20', 'down', ...services]);
	try {
		await screen.shows('what is away', (lines) => lines[0]?.includes('database AWAY') && lines[0].includes('daemon AWAY') && lines.at(-1)?.startsWith('the database does not answer'));
	} finally {
		await run('sv', ['-w', '20', 'up', ...services]);
		await stack.whole();
	}
	await screen.shows('all of it again', ([head = '']) => head.includes('database ok') && head.includes('daemon ok'));
	screen.press('q');
	assert.equal(await screen.ended(), 0);
});

test('what it is not asked for is wrong use', async () => {
	for (const args of [['-n'], ['-n', '0'], ['-n', 'x'], ['-x', '1'], ['5']])
		assert.equal((await stack.ctl(['top', ...args])).code, 2, args.join(' '));
});
