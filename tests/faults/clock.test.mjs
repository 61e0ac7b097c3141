/** The clock of the machine that the workers, the daemon and the expiry run on is moved by five minutes: deadlines follow the database alone. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { Caller } from '../lib/http.mjs';
import { underLoad } from '../lib/faults.mjs';
import { whyNot, withMovableClock } from '../lib/moved-clock.mjs';
import { Stream } from '../lib/sse.mjs';
import { anyone, auditClean, counts, dropNow, newDrop, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const FIVE_MINUTES = 300;
const MOVES = [FIVE_MINUTES, -FIVE_MINUTES];
const MAYBE = { skip: whyNot || false };

/** @type {Awaited<ReturnType<typeof withMovableClock>>} */
let clock;

const conf = path.join(stack.dir, 'lastpair.conf');
const kept = fs.readFileSync(conf);

before(async () => {
	fs.appendFileSync(conf, 'bcrypt_cost = 4\n');	/* hashing stands back behind all else: on a busy machine it would take long */
	if (!whyNot)
		clock = await withMovableClock(stack);
});
after(async () => {
	fs.writeFileSync(conf, kept);
	if (!whyNot)
		await clock.undo();
	await auditClean();
});

/** By how many seconds the worker's own clock, which its log shows, is ahead. */
async function seen() {
	const id = unique('clock');
	const log = path.join(stack.dir, 'log/api.log');

	await anyone.get('/api/drops/999999999', { 'X-Request-Id': id });
	const line = await waitFor('the line of a request', () => fs.readFileSync(log, 'utf8').split('\n').find((l) => l.includes(id)));

	return Math.round((Date.parse(line.slice(0, 24)) - Date.now()) / 1000);
}

/** @param {number} seconds */
async function move(seconds) {
	clock.move(seconds);
	await waitFor('the workers to see it', async () => Math.abs(await seen() - seconds) <= 2);
}

/** How far a time is from the true one, in milliseconds. @param {string} time */
const off = (time) => Math.abs(Date.parse(time) - Date.now());

/** Everything that has to do with time, as a buyer meets it. @param {string} when */
async function live(when) {
	const name = unique('clock');
	const signUp = await anyone.post('/api/auth/register', { username: name, email: `${name}@test.example`, password: 'correct horse battery' });

	assert.equal(signUp.status, 201, `${when}: ${signUp.asked}`);
	const api = new Caller(stack.port, { token: signUp.body.token });
	const stream = await Stream.open(stack.port, { token: signUp.body.token });

	try {
		const snapshot = await stream.next('snapshot');

		assert.ok(off(snapshot.data.serverTime) < 5000, `${when}: the stream says it is ${snapshot.data.serverTime}`);
		const drop = await newDrop({ totalStock: 2, holdSeconds: 2, maxPerUser: 2 });
		const [bought, lapsing] = [await api.post(`/api/drops/${drop.id}/reservations`, {}), await person()];

		assert.equal(bought.status, 201, `${when}: a token just given: ${bought.asked}`);
		assert.ok(off(bought.body.serverTime) < 5000, when);
		await purchase(api, bought.body.reservation.id);
		await stream.next((e) => e.event === 'reservation:update' && e.data.reservation.status === 'completed');
		const hold = await reserve(lapsing.api, drop.id);

		assert.ok(Math.abs(off(hold.expiresAt) - 2000) < 1900, `${when}: a hold of two seconds ends ${hold.expiresAt}`);
		await pause(Math.max(0, Date.parse(hold.expiresAt) - Date.now() - 700));
		assert.equal((await dropNow(drop.id)).reservedStock, 1, `${when}: it stands until its time`);
		await waitFor(`${when}: the pair to come back`, async () => counts(await dropNow(drop.id)).join() === '1,0,1', 10_000);
		const [expired, closed] = (await stack.sql(`SELECT expires_at <= closed_at, extract(epoch FROM closed_at - expires_at) FROM lastpair.reservations WHERE id = '${hold.id}'`)).split('|');

		assert.equal(expired, 't', `${when}: not before`);
		assert.equal((await lapsing.api.post(`/api/reservations/${hold.id}/purchase`, {})).status, 410, when);
		return Number(closed);
	} finally {
		stream.close();
	}
}

for (const seconds of MOVES)
	test(`the clock moved by ${seconds} s while the store is open: sign-in, holds, streams and the expiry go by the database`, MAYBE, async (t) => {
		await move(0);
		const old = await person();

		assert.equal((await old.api.get('/api/auth/me')).status, 200);
		await move(seconds);
		assert.equal((await old.api.get('/api/auth/me')).status, 200, 'who was signed in is');
		const late = await live(`moved by ${seconds} s`);

		t.diagnostic(`a hold of two seconds was returned ${Math.round(late * 1000)} ms after its time`);
		assert.equal(await seen(), seconds, 'the workers did see a moved clock');
	});

for (const seconds of MOVES)
	test(`started with a clock that is ${seconds} s off: the same`, MAYBE, async () => {
		await move(seconds);
		await clock.restart();
		assert.ok(Math.abs(await seen() - seconds) <= 2, 'the workers do see a moved clock');
		await live(`started ${seconds} s off`);
	});

test('the clock moved to and fro under load: nothing is lost, and nobody is signed out', { ...MAYBE, timeout: 90_000 }, async (/** @type {import('node:test').TestContext} */ t) => {
	await move(0);
	const { figures } = await underLoad(t, async () => {
		for (const seconds of [...MOVES, ...MOVES, 0]) {
			clock.move(seconds);
			await pause(1200);
		}
	});

	assert.equal(figures.unknown, 0, JSON.stringify(figures.answers));
	assert.equal(figures.refused['unauthenticated'], undefined, 'nobody was signed out');
});

const [KEY_ID = '', SECRET = ''] = fs.readFileSync(path.join(stack.dir, 'secrets/signing.key'), 'utf8').trim().split(' ');

/** A token of a session that stands, with other times. @param {string} token @param {Record<string, number>} times */
function timed(token, times) {
	const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
	const text = [{ alg: 'HS256', typ: 'JWT', kid: KEY_ID }, { ...claims, ...times }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

	return `${text}.${crypto.createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

test('a token may be 30 s early or late by the database\'s clock, wherever the worker\'s is, and no more', MAYBE, async () => {
	const { api } = await person();
	const status = async (/** @type {Record<string, number>} */ times) =>
		(await new Caller(stack.port, { token: timed(String(api.token), times) }).get('/api/auth/me')).status;

	for (const seconds of [0, ...MOVES]) {
		await move(seconds);
		const now = Math.floor(Date.now() / 1000);

		assert.equal(await status({ nbf: now + 20 }), 200, `${seconds}: begins in 20 s`);
		assert.equal(await status({ nbf: now + 45 }), 401, `${seconds}: begins in 45 s`);
		assert.equal(await status({ exp: now - 15 }), 200, `${seconds}: ended 15 s ago`);
		assert.equal(await status({ exp: now - 40 }), 401, `${seconds}: ended 40 s ago`);
	}
});
