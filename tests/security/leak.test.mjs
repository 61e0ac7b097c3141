/** What a hundred thousand requests of all kinds, and twenty thousand streams, leave behind in memory. OWASP API Top 10 2023: API4. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { test as nodeTest } from 'node:test';
import { request } from '../lib/http.mjs';
import { Stack } from '../lib/stack.mjs';
import { SLOW, waitFor } from '../lib/wait.mjs';

/** Of a password that nobody here types. */
const HASH = '$2b$10$abcdefghijklmnopqrstuuCj7fyLDJytXL.TfOiOeiv0fQvSOK1/2';
const CONNECTIONS = 12;
const WARM = 15_000;
const REQUESTS = 100_000;
const STREAMS = 20_000;
/** What may be more afterwards. A hundred bytes a request would be ten million. */
const SLACK = 5_000_000;

/** @typedef {{method: string, path: string, token?: string, body?: string, raw?: string}} Ask */

/** Bytes of a process that are in memory, and its share of what it shares. @param {number} pid */
function resident(pid) {
	const figure = (/** @type {string} */ file, /** @type {string} */ name) => 1024 * Number(fs.readFileSync(`/proc/${pid}/${file}`, 'utf8').match(new RegExp(`^${name}:\\s*(\\d+)`, 'm'))?.[1]);

	return { rss: figure('status', 'VmRSS'), pss: figure('smaps_rollup', 'Pss') };
}
const mb = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
const told = (/** @type {{rss: number, pss: number}} */ r) => `${mb(r.rss)} (share ${mb(r.pss)})`;

/** @param {Ask} ask */
function bytesOf({ method, path, token, body, raw = body }) {
	const headers = [`${method} ${path} HTTP/1.1`, 'Host: lastpair', ...(token ? [`Authorization: Bearer ${token}`] : []),
		...(raw === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(raw)}`])];

	return `${headers.join('\r\n')}\r\n\r\n${raw ?? ''}`;
}

/** One connection, kept; many requests at once and their answers in order. */
class Line {
	/** @param {number} port */
	constructor(port) {
		this.socket = net.connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
		this.text = '';
		this.error = /** @type {Error|undefined} */ (undefined);
		this.heard = () => {};
		this.socket.on('data', (text) => { this.text += text; this.heard(); });
		for (const event of ['error', 'close'])
			this.socket.on(event, (error) => { this.error ??= error instanceof Error ? error : new Error('the connection was closed'); this.heard(); });
	}

	/** @param {Ask[]} asks @returns {Promise<{status: number, body: string}[]>} */
	all(asks) {
		return new Promise((resolve, reject) => {
			const answers = /** @type {{status: number, body: string}[]} */ ([]);

			this.heard = () => {
				for (let answer = this.#take(); answer; answer = this.#take())
					answers.push(answer);
				if (answers.length === asks.length)
					resolve(answers);
				else if (this.error)
					reject(this.error);
			};
			this.socket.write(asks.map(bytesOf).join(''), 'latin1');
		});
	}

	#take() {
		const end = this.text.indexOf('\r\n\r\n');

		if (end < 0)
			return undefined;
		const head = this.text.slice(0, end);
		const length = Number(head.match(/content-length: (\d+)/i)?.[1] ?? 0);

		assert.doesNotMatch(head, /transfer-encoding/i);
		if (this.text.length < end + 4 + length)
			return undefined;
		const answer = { status: Number(head.slice(9, 12)), body: this.text.slice(end + 4, end + 4 + length) };

		this.text = this.text.slice(end + 4 + length);
		return answer;
	}
}

/** What one buyer asks in a round: to hold a pair, and much that is refused. @param {string} token @param {number} drop @param {number} gone @returns {Ask[]} */
const first = (token, drop, gone) => [
	{ method: 'POST', path: `/api/drops/${drop}/reservations`, token, body: '{}' },
	{ method: 'GET', path: '/api/drops?limit=5', token },
	{ method: 'GET', path: `/api/drops/${drop}`, token },
	{ method: 'POST', path: `/api/drops/${gone}/reservations`, token, body: '{}' },
	{ method: 'POST', path: `/api/drops/${drop}/reservations`, token, body: '{"size":"no such size"}' },
	{ method: 'POST', path: `/api/drops/${drop}/reservations`, token, raw: '{"size":' },
	{ method: 'POST', path: `/api/drops/${drop}/reservations`, token: `${token}x`, body: '{}' },
	{ method: 'GET', path: '/api/drops?limit=900', token },
	{ method: 'GET', path: '/api/nothing', token },
	{ method: 'DELETE', path: `/api/drops/${drop}`, token },
	{ method: 'GET', path: '/api/auth/me', token },
];

/** And then about the hold. @param {string} token @param {string} hold @param {boolean} buys @returns {Ask[]} */
const second = (token, hold, buys) => [
	buys ? { method: 'POST', path: `/api/reservations/${hold}/purchase`, token, body: '{}' } : { method: 'DELETE', path: `/api/reservations/${hold}`, token },
	{ method: 'DELETE', path: `/api/reservations/${hold}`, token },
	{ method: 'POST', path: `/api/reservations/${hold}/purchase`, token, body: '{"price":1}' },
	{ method: 'POST', path: '/api/reservations/x/purchase', token, body: '[]' },
	{ method: 'GET', path: '/api/drops/999999', token },
	{ method: 'GET', path: '/api/reservations?cursor=x', token },
	{ method: 'GET', path: '/api/admin/actions', token },
];
const SECOND = second('', '', false).length;

/** Rounds of all buyers until so many requests were answered; how many of which status. @param {number} port @param {string[]} tokens @param {number} drop @param {number} gone @param {number} wanted */
async function load(port, tokens, drop, gone, wanted) {
	const seen = /** @type {Record<string, number>} */ ({});
	let asked = 0;

	await Promise.all(tokens.map(async (token, n) => {
		const line = new Line(port);
		const note = (/** @type {{status: number, body: string}[]} */ answers) => {
			for (const { status } of answers)
				seen[status] = (seen[status] ?? 0) + 1;
			return answers;
		};

		for (let round = n; asked < wanted; round++) {
			const asks = first(token, drop, gone);

			asked += asks.length + SECOND;
			const [held] = note(await line.all(asks));
			const hold = JSON.parse(held?.body ?? '{}').reservation?.id;

			assert.equal(held?.status, 201, held?.body);
			note(await line.all(second(token, hold, round % 20 === 0)));
		}
		line.socket.destroy();
	}));
	return { seen, asked };
}

/** A stream that is left once its snapshot is there. @param {string} socket */
const look = (socket) => new Promise((resolve, reject) => {
	const stream = net.connect(socket, () => stream.write('GET /api/events HTTP/1.1\r\nHost: lastpair\r\n\r\n'));
	let text = '';

	stream.setEncoding('latin1').on('error', reject).on('close', () => reject(new Error(`a stream ended: ${text.slice(0, 200)}`))).on('data', (more) => {
		text += more;
		if (text.includes('event: snapshot')) {
			stream.removeAllListeners('close').destroy();
			resolve(undefined);
		}
	});
});

/** @param {string} socket @param {number} count */
async function streams(socket, count) {
	await Promise.all(Array.from({ length: 32 }, async (_, i) => {
		for (let n = i; n < count; n += 32)
			await look(socket);
	}));
}

nodeTest('API4: a worker keeps nothing of 100,000 requests, the daemon nothing of 20,000 streams', { timeout: 300_000 * SLOW }, async (t) => {
	const stack = await Stack.start(['--no-demo', '--workers', '1']);

	t.after(() => stack.stop());
	const emails = Array.from({ length: CONNECTIONS }, (_, i) => `buyer${i}@test.example`);
	const imported = await stack.ctl(['user', 'import', '-'], emails.map((email, i) => `buyer${i},${email},${HASH},user\n`).join(''));
	assert.equal(imported.code, 0, imported.stderr);
	const tokens = (await stack.ctl(['token', '-'], emails.map((email) => `${email}\n`).join(''))).stdout.trim().split('\n');
	const make = async (/** @type {any} */ drop) => Number((await stack.ctl(['drop', 'create', '-'], JSON.stringify({ priceCents: 100, ...drop }))).stdout.match(/\d+/)?.[0]);
	const drop = await make({ name: 'Plenty', totalStock: 1000000, maxPerUser: 1000 });
	const gone = await make({ name: 'Nothing', totalStock: 0 });
	const workers = stack.pids('lastpair-api').filter((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('api'));
	const [worker = 0] = workers;
	const started = Date.now();

	assert.equal(workers.length, 1);
	await load(stack.port, tokens, drop, gone, WARM);
	const warm = resident(worker);
	const half = await load(stack.port, tokens, drop, gone, REQUESTS / 2);
	const between = resident(worker);
	const { seen, asked } = await load(stack.port, tokens, drop, gone, REQUESTS / 2);
	const end = resident(worker);
	const took = (Date.now() - started) / 1000;

	console.log(`# ${half.asked + asked} requests to one worker in ${took.toFixed(0)} s (of the second half ${Object.entries(seen).map(([status, n]) => `${n} ${status}`).join(', ')}): ${
		told(warm)} after ${WARM}, ${told(between)} half way, ${told(end)} at the end`);
	assert.deepEqual(Object.keys(seen).sort(), ['200', '201', '400', '401', '403', '404', '405', '409']);
	assert.deepEqual(stack.pids('lastpair-api').includes(worker), true, 'it is the same process');
	assert.ok(end.rss - warm.rss < SLACK, `${mb(end.rss - warm.rss)} more after ${half.asked + asked} requests`);

	const socket = `${stack.dir}/run/sse.sock`;
	const [daemon = 0] = stack.pids('lastpair-sse');
	await streams(socket, STREAMS / 10);
	const before = resident(daemon);
	const began = Date.now();
	await streams(socket, STREAMS);
	await waitFor('the daemon to have let go of them', async () => /^lastpair_sse_subscribers 0$/m.test((await request({ port: stack.port, path: '/metrics' })).text));
	const after = resident(daemon);

	console.log(`# ${STREAMS} streams in ${((Date.now() - began) / 1000).toFixed(0)} s: ${told(before)} after ${STREAMS / 10}, ${told(after)} at the end`);
	assert.ok(after.rss - before.rss < SLACK / 5, `${mb(after.rss - before.rss)} more after ${STREAMS} streams`);
	assert.equal((await stack.audit()).clean, true);
});
