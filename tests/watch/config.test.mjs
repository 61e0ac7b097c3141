/** Settings: told as they are in force, refused by name and line, read again while the store runs. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BUILD, run } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import { Stream } from '../lib/sse.mjs';
import { metric, newDrop, people } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

const CONF = path.join(stack.dir, 'lastpair.conf');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-config-'));

process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

/** A settings file of its own. @param {string} text */
function file(text) {
	const name = path.join(folder, `${fs.readdirSync(folder).length}.conf`);

	fs.writeFileSync(name, text);
	return name;
}

/** `lastpairctl -c FILE config`, as value and place by name. @param {string} conf */
async function shown(conf) {
	const { code, stdout, stderr } = await run(path.join(BUILD, 'lastpairctl'), ['-c', conf, 'config']);

	assert.equal(code, 0, stderr);
	return new Map(stdout.trimEnd().split('\n').map((line) => {
		const [, name = '', value = '', from = ''] = line.match(/^(\w+) = (.*?) *# (.+)$/) ?? [];

		assert.ok(name, line);
		return [name, { value, from }];
	}));
}

test('every setting is told with its value, its unit and where it stands', async () => {
	const conf = file('# mine\nbcrypt_cost = 12\n\nsession_seconds = 3600\ncookie_secure = yes\nbcrypt_cost = 13\n');
	const all = await shown(conf);
	const { stdout: help } = await run(path.join(BUILD, 'lastpair-api'), ['--help']);
	const documented = [...help.matchAll(/^ {2}([a-z_]+) =/gm)].map(([, name]) => name);

	assert.deepEqual([...all.keys()], documented);
	assert.deepEqual(all.get('bcrypt_cost'), { value: '13', from: `${conf}:6` });
	assert.deepEqual(all.get('session_seconds'), { value: '3600 s', from: `${conf}:4` });
	assert.deepEqual(all.get('cookie_secure'), { value: 'yes', from: `${conf}:5` });
	assert.deepEqual(all.get('sse_tick_ms'), { value: '25 ms', from: 'default' });
	assert.deepEqual(all.get('log_level'), { value: 'info', from: 'default' });
	assert.deepEqual(all.get('sse_listen'), { value: '', from: 'default' });
});

test('no secret is told, in whatever form it stands', async () => {
	const secret = 'pA55\'w"ord';

	for (const conninfo of [
		"host=db.example dbname=shop password='pA55\\'w\"ord' sslmode=require",
		'postgresql://shop:pA55%27w%22ord@db.example/shop?sslmode=require',
		'host=db.example dbname=shop sslpassword=pA55\\\'w"ord sslmode=require',
		'password = pA55\\\'w"ord dbname=shop host=db.example sslmode=require',
	]) {
		const { value = '' } = (await shown(file(`database = ${conninfo}\n`))).get('database') ?? {};

		assert.ok(!value.includes('A55') && !value.includes(secret), value);
		assert.match(value, /password=\*{8}/);
		assert.match(value, /(^| )host=db\.example/);
		assert.match(value, /sslmode=require/);
	}
	const standbys = await shown(file('read_database = host=a,b password=pA55word\n'));

	assert.equal(standbys.get('read_database')?.value, 'password=******** host=a,b');
	/* what libpq can't read may hold one anywhere */
	const broken = await run(path.join(BUILD, 'lastpairctl'), ['-c', file('database = password=pA55word and more\n'), 'config']);

	assert.ok(broken.code === 1 && !broken.stderr.includes('A55'), broken.stderr);
});

test('config --check names each wrong line and exits 1; a file that is fine exits 0', async () => {
	const ctl = path.join(BUILD, 'lastpairctl');
	const good = file('worker_threads = 8\n');
	const bad = file('worker_threads = 8\nworker_queue = 0\nnonsense = 1\nlog_format = xml\nhello\ndatabase = dbname=x\n');
	const unreadable = file('\ndatabase = password=geheim and more\n');

	assert.deepEqual(await run(ctl, ['config', '--check', good]), { code: 0, stdout: `${good}: fine\n`, stderr: '' });
	const { code, stdout, stderr } = await run(ctl, ['config', '--check', bad]);

	assert.equal(code, 1);
	assert.equal(stdout, '');
	assert.deepEqual(stderr.split('\n'), [
		`${bad}:2: worker_queue is out of range (1 to 8192)`,
		`${bad}:3: there is no setting \`nonsense\``,
		`${bad}:4: log_format is none of its words (text or json)`,
		`${bad}:5: a line is \`name = value\``,
		'',
	]);
	const refused = await run(ctl, ['config', '--check', unreadable]);

	assert.equal(refused.code, 1);
	assert.ok(refused.stderr.startsWith(`${unreadable}:2: database is no connection string of libpq`), refused.stderr);
	assert.ok(!refused.stderr.includes('geheim'));
	assert.equal((await run(ctl, ['config', '--check'])).code, 2);
	assert.equal((await run(ctl, ['config', 'everything'])).code, 2);
});

test('a wrong setting stops the start of every program, with its line', async () => {
	const bad = file('\n\nsse_tick_ms = 4\n');

	for (const [program, ...args] of [['lastpair-api'], ['lastpair-sse'], ['lastpair-expire', '--once'], ['lastpairctl', 'audit']]) {
		const { code, stderr } = await run(path.join(BUILD, program ?? ''), ['-c', bad, ...args]);

		assert.equal(code, 1, program);
		assert.equal(stderr, `${bad}:3: sse_tick_ms is out of range (5 to 1000 ms)\n`, program);
	}
});

/** Sets lines of one's own in the running store's file. @param {string} lines */
function set(lines) {
	const text = fs.readFileSync(CONF, 'utf8');
	const mark = text.indexOf('# ---- your own settings');
	const end = text.indexOf('\n', mark) + 1;

	fs.writeFileSync(CONF, text.slice(0, end) + lines);
}

/** @param {string} name */
const log = (name) => fs.readFileSync(path.join(stack.dir, 'log', `${name}.log`), 'utf8');

/** Has the programs read it again, and waits until each has said what it made of it.
 * @param {NodeJS.Signals} signal @param {string} word @param {string[]} logs */
async function reload(signal, word, logs = ['api', 'auth', 'sse']) {
	const before = new Map(logs.map((name) => [name, log(name).length]));

	stack.kill('lastpair-api', signal);
	stack.kill('lastpair-sse', signal);
	/** @type {Record<string, string>} */
	const said = {};

	for (const name of logs)
		await waitFor(`${name} to say '${word}'`, () => {
			said[name] = log(name).slice(before.get(name));
			return said[name].includes(word);
		});
	return said;
}

test('SIGHUP brings what can change into force, and names what wants a restart', async () => {
	const pids = [...stack.pids('lastpair-api'), ...stack.pids('lastpair-sse')];

	try {
		set('sse_max_subscribers = 2\nsse_tick_ms = 40\nworker_threads = 3\n');
		const said = await reload('SIGHUP', 'settings: read again');

		for (const name of ['api', 'auth', 'sse']) {
			assert.match(said[name] ?? '', /settings: sse_max_subscribers = 2$/m);
			assert.match(said[name] ?? '', /settings: worker_threads is another now; that takes a restart$/m);
		}
		assert.equal(await metric('lastpair_sse_subscribers_max'), 2);
		const streams = [];

		await waitFor('no stream of before to be open', async () => await metric('lastpair_sse_subscribers') === 0);
		for (let i = 0; i < 3; i++)
			streams.push(await Stream.open(stack.port));
		assert.deepEqual(streams.map((s) => s.status), [200, 200, 503]);
		for (const s of streams)
			s.close();
		set('');
		await reload('SIGUSR2', 'settings: read again');	/* the signal that multiwatch passes on */
		assert.ok(await metric('lastpair_sse_subscribers_max') > 2);
		assert.deepEqual([...stack.pids('lastpair-api'), ...stack.pids('lastpair-sse')], pids, 'the same processes');
	} finally {
		set('');
	}
});

test('a limit of the workers changes while they sell', async () => {
	try {
		set('reserve_batch = 1\n');
		await reload('SIGHUP', 'settings: reserve_batch = 1', ['api']);
		const drop = await newDrop({ totalStock: 20, holdSeconds: 3600 });
		const crowd = await people(20);
		const [calls, members] = [await metric('lastpair_reserve_calls_total'), await metric('lastpair_reserve_members_total')];
		const statuses = await Promise.all(crowd.map(async ({ api }) => (await api.post(`/api/drops/${drop.id}/reservations`, {})).status));

		assert.deepEqual(new Set(statuses), new Set([201]));
		assert.equal(await metric('lastpair_reserve_members_total') - members, 20);
		assert.equal(await metric('lastpair_reserve_calls_total') - calls, 20, 'each went alone');
	} finally {
		set('');
		await reload('SIGHUP', 'settings: reserve_batch = 128', ['api']);
	}
});

test('with a wrong file a reload keeps the old settings and says so', async () => {
	try {
		const max = await metric('lastpair_sse_subscribers_max');

		set('sse_max_subscribers = 3\nworker_queue = none\n');
		const said = await reload('SIGHUP', 'the old ones stay in force');
		const line = fs.readFileSync(CONF, 'utf8').split('\n').indexOf('worker_queue = none') + 1;

		for (const name of ['api', 'auth', 'sse'])
			assert.ok(said[name]?.includes(`error: ${CONF}:${line}: worker_queue wants a whole number (1 to 8192)`), said[name]);
		assert.equal(await metric('lastpair_sse_subscribers_max'), max);
		assert.equal((await stack.health()).httpStatus, 200);
	} finally {
		set('');
	}
});

test('the level of the log changes while the store runs', async () => {
	const asked = async () => {
		const before = log('api').length;

		await newDrop({ holdSeconds: 3600 });
		return log('api').slice(before);
	};

	try {
		assert.match(await asked(), /POST \/api\/drops 201/);
		set('log_level = notice\n');
		await reload('SIGHUP', 'settings: log_level = notice');
		assert.equal(await asked(), '');
		set('log_format = json\n');
		await reload('SIGHUP', 'settings: read again');
		const line = JSON.parse((await asked()).trimEnd().split('\n').at(-1) ?? '');

		assert.equal(line.level, 'info');
		assert.equal(line.route, '/api/drops');
		assert.equal(line.status, 201);
		assert.ok(line.ms > 0 && line.program === 'lastpair-api' && line.pool === 'api');
	} finally {
		set('');
		await reload('SIGHUP', 'settings: log_format = text', ['api']);
	}
});
