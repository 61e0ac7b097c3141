/** The daemon is stopped and killed, and who calls meanwhile waits and is not refused: the listening socket stays. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Stream } from '../lib/sse.mjs';
import { dropNow, newDrop, person, reserve } from '../lib/store.mjs';
import { freePort } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';
import { restartDaemon } from './daemon.mjs';

const REQUEST = 'GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** One call: its status line, or what went wrong. @param {net.NetConnectOpts} where @returns {Promise<string>} */
function call(where) {
	return new Promise((resolve) => {
		const socket = net.connect(where, () => socket.write(REQUEST));
		let text = '';

		socket.on('data', (chunk) => {
			text += chunk;
			if (text.includes('\r\n'))
				socket.destroy();
		});
		socket.on('error', (error) => resolve(/** @type {any} */ (error).code ?? error.message));
		socket.on('close', () => resolve(text.split('\r\n')[0] || 'closed without an answer'));
	});
}

/** Calls again and again until `during` is over; every answer that was not a stream. At least `least` calls are made.
 * @param {net.NetConnectOpts} where @param {() => Promise<void>} during @param {number} [least] */
async function refusedWhile(where, during, least = 50) {
	/** @type {Promise<string>[]} */
	const calls = [];
	let over = false;
	const calling = (async () => {
		while (!over || calls.length < least) {
			calls.push(call(where));
			await pause(5);
		}
	})();

	try {
		await during();
	} finally {
		over = true;
		await calling;
	}
	return (await Promise.all(calls)).filter((answer) => !answer.startsWith('HTTP/1.1 200'));
}

/** Ends the daemon with a signal and waits until another serves. @param {NodeJS.Signals} signal */
async function another(signal) {
	const [old] = stack.kill('lastpair-sse', signal);

	await waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => pid !== old), 10_000);
	await stack.whole();
}

const socket = { path: path.join(stack.dir, 'run', 'sse.sock') };
const inode = () => fs.statSync(socket.path).ino;

test('a daemon that is replaced by the next one refuses nobody', async () => {
	const before = inode();
	const refused = await refusedWhile(socket, async () => {
		for (let i = 0; i < 5; i++)
			await another('SIGTERM');
	});

	assert.deepEqual(refused, []);
	assert.equal(inode(), before, 'it is the same socket');
});

test('when a daemon is killed nobody is refused who calls afterwards', async () => {
	const before = inode();
	const [old] = stack.kill('lastpair-sse');
	const first = await call(socket);

	assert.match(first, /^HTTP\/1\.1 200/);
	await stack.whole();
	assert.ok(!stack.pids('lastpair-sse').includes(/** @type {number} */ (old)));
	assert.equal(inode(), before);
});

test('a stream that the old daemon cut goes on from the next, and shows what was sold meanwhile', async (t) => {
	const drop = await newDrop({ totalStock: 3 });
	const stream = await Stream.open(stack.port);

	t.after(() => stream.close());
	await stream.next('snapshot');
	await another('SIGTERM');
	await waitFor('the end of the stream', () => stream.ended);
	const { api } = await person();
	await reserve(api, drop.id);
	const next = await Stream.open(stack.port, { headers: { 'Last-Event-ID': stream.lastId } });
	t.after(() => next.close());
	assert.equal(next.status, 200);
	await waitFor('the stock of now', async () => next.stock(drop.id)?.version === (await dropNow(drop.id)).version);
	assert.equal(next.stock(drop.id).availableStock, 2);
});

test('the socket for browsers themselves stays too', async () => {
	const conf = path.join(stack.dir, 'lastpair.conf');
	const kept = fs.readFileSync(conf);
	const port = await freePort();
	const again = async () => {	/* the supervisor's parent, so that the sockets are made anew */
		const [old] = stack.pids('lastpair-sse');

		assert.ok(old);
		process.kill(parentOf(old), 'SIGTERM');
		await waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => pid !== old));
		await stack.whole();
	};

	fs.appendFileSync(conf, `sse_listen = 127.0.0.1:${port}\nsse_origins = ${stack.url}\n`);
	try {
		await again();
		assert.deepEqual(await refusedWhile({ host: '127.0.0.1', port }, () => another('SIGTERM')), []);
		assert.deepEqual(await refusedWhile(socket, () => another('SIGTERM')), []);
	} finally {
		fs.writeFileSync(conf, kept);
		await again();
	}
	assert.equal(await call({ host: '127.0.0.1', port }), 'ECONNREFUSED');
	await restartDaemon();
});

/** @param {number} pid */
function parentOf(pid) {
	return Number(fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
}
