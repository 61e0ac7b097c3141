/**
 * Buyers and readers of an installed store, until SIGTERM: node load.mjs PORT DROP TOKENS-FILE. Every buyer reserves and gives
 * back again and again, one signs in, readers go on where their stream ended. What was answered otherwise than it should
 * have been is told at the end, as JSON, with the counts. As by the page, a call is sent anew, with its key, where a connection that
 * had carried others was closed without an answer: nginx closes idle ones when it is reloaded, perhaps just as a call comes.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { request } from '../lib/http.mjs';
import { Stream } from '../lib/sse.mjs';
import { pause } from '../lib/wait.mjs';

const [port, drop] = process.argv.slice(2, 4).map(Number);
const tokens = fs.readFileSync(process.argv[4] ?? '', 'utf8').split('\n').filter(Boolean);
const READERS = 4;
const agent = new http.Agent({ keepAlive: true });
const told = { calls: 0, holds: 0, signIns: 0, streams: 0, resumed: 0, resent: 0, slowestMs: 0, /** @type {string[]} */ failed: [] };
let over = false;

process.on('SIGTERM', () => { over = true; });
if (!port || !drop || !tokens.length)
	throw new Error('usage: load.mjs PORT DROP TOKENS-FILE');

/** @param {any} what */
async function send(what) {
	const all = { port: Number(port), path: '/', timeoutMs: 20_000, ...what, headers: { ...what.headers, 'Idempotency-Key': randomUUID() } };

	try {
		return await request({ ...all, agent });
	} catch (error) {
		if (!(/** @type {any} */ (error).reused))
			throw error;
		told.resent++;
		return request(all);
	}
}

/** One call that must end in one of these ways. @param {number[]} right @param {object} what */
async function call(right, what) {
	const began = Date.now();

	told.calls++;
	try {
		const res = await send(what);

		told.slowestMs = Math.max(told.slowestMs, Date.now() - began);
		if (right.includes(res.status))
			return res;
		told.failed.push(res.asked);
	} catch (error) {
		told.failed.push(`${JSON.stringify(what).slice(0, 80)}: ${error}`);
	}
	return undefined;
}

/** @param {string} token */
async function buyer(token) {
	const headers = { Authorization: `Bearer ${token}` };

	while (!over) {
		const res = await call([201], { method: 'POST', path: `/api/drops/${drop}/reservations`, headers, body: {} });

		if (res) {
			told.holds++;
			await call([200], { method: 'DELETE', path: `/api/reservations/${res.body.reservation.id}`, headers });
		}
		await pause(10);
	}
}

async function signIn() {
	while (!over) {
		const res = await call([200], { method: 'POST', path: '/api/auth/login', body: { email: 'admin@shop.example', password: 'correct horse battery' } });

		told.signIns += res ? 1 : 0;
		await pause(50);
	}
}

async function reader() {
	let last = '';

	while (!over) {
		try {
			const stream = await Stream.open(Number(port), last ? { headers: { 'Last-Event-ID': last } } : {});

			told.streams++;
			if (stream.status !== 200)
				told.failed.push(`the stream was answered ${stream.status}`);
			while (!over && !stream.ended)
				await pause(20);
			told.resumed += last && stream.events.length ? 1 : 0;
			last = stream.lastId || last;
			stream.close();
		} catch (error) {
			told.failed.push(`the stream: ${error}`);
		}
		await pause(20);
	}
}

console.log('begun');
await Promise.all([...tokens.map(buyer), signIn(), ...Array.from({ length: READERS }, reader)]);
agent.destroy();
console.log(JSON.stringify(told));
