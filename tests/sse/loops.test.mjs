/** Several event loops: a reader can't tell which of them it is on. And what a round of writes costs. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { assertProblem } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { anyone, dropNow, newDrop, people, person, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';
import { figure, withSettings } from './daemon.mjs';

const THREADS = 3;
const MOST = 14;

/** @type {() => Promise<void>} */
let undo;
before(async () => { undo = await withSettings(`sse_threads = ${THREADS}\nsse_max_subscribers = ${MOST}`); });
after(() => undo());

/** @param {import('node:test').TestContext} t @param {object} [options] */
async function open(t, options) {
	const stream = await waitFor('a place', async () => {
		const one = await Stream.open(stack.port, options);

		return one.status === 200 ? one : undefined;	/* the test before may still be leaving */
	});

	t.after(() => stream.close());
	return stream;
}

/** @param {import('node:test').TestContext} t @param {object} [options] */
async function listen(t, options) {
	const stream = await open(t, options);

	await stream.next('snapshot');
	return stream;
}

/** @param {Stream} stream @param {number} id */
const agrees = (stream, id) => waitFor('the stream to show what the database holds', async () => {
	const now = await dropNow(id);
	const told = stream.stock(id);

	return told?.version === now.version && told.availableStock === now.availableStock;
});

/** Until the readers of the test before have all left. */
const alone = () => waitFor('the others to leave', async () => await figure('subscribers') === 0);

test('readers on all loops are told the same events in the same order under the same ids', async (t) => {
	await alone();
	assert.equal(await figure('threads'), THREADS);
	const drop = await newDrop({ totalStock: 30 });
	const streams = await Promise.all(Array.from({ length: 4 * THREADS }, () => listen(t)));
	const users = await people(10);

	for (const { api } of users)
		await purchase(api, (await reserve(api, drop.id)).id);
	const isLast = (/** @type {any} */ e) => e.event === 'purchase:completed' && e.data.username === users[9]?.username;
	for (const stream of streams)
		await stream.next(isLast);
	const told = streams.map((stream) => {
		const events = stream.events.slice(1);
		/* its first state is in the snapshot of some */
		const from = events.findIndex((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.version > 1);

		return events.slice(from, events.findIndex(isLast) + 1).map((e) => `${e.id} ${e.event} ${JSON.stringify(e.data)}`);
	});
	assert.ok((told[0]?.length ?? 0) > users.length, 'a purchase each, and the stock');
	for (const events of told)
		assert.deepEqual(events, told[0]);
	for (const stream of streams)
		await agrees(stream, drop.id);
});

test('a reader that comes back to another loop goes on where it stopped', async (t) => {
	await alone();
	const drop = await newDrop({ totalStock: 30 });
	const users = await people(2 * THREADS);
	/* one stream a loop; each that ends leaves the next newcomer its loop */
	const streams = await Promise.all(Array.from({ length: THREADS }, () => listen(t)));
	let stream = streams[0];

	for (const [i, { api, username }] of users.entries()) {
		assert.ok(stream);
		await stream.next((e) => e.event !== 'snapshot' || i === 0);
		const last = stream.lastId;
		stream.close();
		streams[(i + 1) % THREADS]?.close();
		await waitFor('them to be gone', async () => await figure('subscribers') <= THREADS - 1);
		await purchase(api, (await reserve(api, drop.id)).id);
		stream = await open(t, { headers: { 'Last-Event-ID': last } });
		await stream.next((e) => e.event === 'purchase:completed' && e.data.username === username);
		assert.ok(!stream.events.some((e) => e.event === 'snapshot'), 'with nothing missed');
		assert.equal(stream.events.filter((e) => e.event === 'purchase:completed').length, 1, 'and nothing told again');
	}
	assert.ok(stream);
	await agrees(stream, drop.id);
});

test('private events find their holder on every loop, nobody else, and end with the session', async (t) => {
	await alone();
	const drop = await newDrop({ totalStock: 9, maxPerUser: 9 });
	const [holder, other] = await people(2);

	assert.ok(holder && other);
	const mine = await Promise.all(Array.from({ length: 2 * THREADS }, () => listen(t, { token: holder.api.token })));
	const others = await Promise.all(Array.from({ length: THREADS }, () => listen(t, { token: other.api.token })));
	const hold = await reserve(holder.api, drop.id);

	for (const stream of mine)
		await stream.next((e) => e.event === 'reservation:update' && e.data.reservation.id === hold.id);
	await reserve(other.api, drop.id);
	for (const stream of others) {
		await stream.next((e) => e.event === 'reservation:update');
		assert.ok(!stream.text.includes(hold.id));
	}
	await holder.api.post('/api/auth/logout');
	await stack.sql(`UPDATE lastpair.reservations SET expires_at = clock_timestamp() WHERE id = '${hold.id}'`);
	for (const stream of mine)
		await waitFor('the pair to be back', () => stream.stock(drop.id)?.reservedStock === 1, 8000);
	assert.ok(!mine.some((stream) => stream.events.some((e) => e.event === 'reservation:expired')), 'not a word to a session that ended');
});

test('the number of streams is one for all loops', async (t) => {
	await alone();
	const streams = [];

	for (let i = 0; i < MOST; i++) {
		const stream = await Stream.open(stack.port);

		t.after(() => stream.close());
		assert.equal(stream.status, 200, `the ${i + 1}. of ${MOST}`);
		streams.push(stream);
	}
	const refused = await anyone.get('/api/events');

	assertProblem(refused, 503, 'at_capacity');
	await waitFor('the figures', async () => await figure('subscribers') === MOST);
	streams[3]?.close();
	await open(t);
});

test('the daemon killed, all loops begin again with the database\'s state', async (t) => {
	await alone();
	const drop = await newDrop();
	const [old] = stack.kill('lastpair-sse');

	await reserve((await person()).api, drop.id);
	await waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => pid !== old), 10_000);
	await stack.whole();
	for (let i = 0; i < 2 * THREADS; i++) {
		const stream = await listen(t);

		assert.equal(stream.stock(drop.id)?.availableStock, 4);
	}
});

/** Of one moment. */
async function figures() {
	const { text } = await anyone.get('/metrics');
	const one = (/** @type {string} */ name) => Number(text.match(new RegExp(`^lastpair_sse_${name}_total (\\d+)$`, 'm'))?.[1]);

	return { rounds: one('rounds'), writes: one('writes'), beats: one('beats') };
}

test('a round is one write for each reader, however many changes it brings', async (t) => {
	await alone();
	const drop = await newDrop({ totalStock: 100 });
	const users = await people(60);
	const streams = await Promise.all(Array.from({ length: 10 }, (_, i) => listen(t, { token: users[i]?.api.token })));
	const warm = await newDrop({ totalStock: 20 });

	/* once each has had an event of its own, no session is still to be confirmed */
	await Promise.all(users.slice(0, streams.length).map(({ api }) => reserve(api, warm.id)));
	for (const stream of streams)
		await stream.next('reservation:update');
	await pause(300);	/* a loop tells its figures each tenth of a second */
	const before = await figures();

	await Promise.all(users.map(({ api }) => reserve(api, drop.id)));
	for (const stream of streams) {
		await agrees(stream, drop.id);
		await stream.next((e) => e.event === 'reservation:update' && e.data.reservation.dropId === drop.id);
	}
	await pause(300);
	const now = await figures();
	const rounds = now.rounds - before.rounds;
	const writes = now.writes - before.writes - (now.beats - before.beats);
	const each = streams.length / THREADS;	/* a round of one loop writes to its share */

	assert.ok(rounds > 0 && writes >= streams.length);
	assert.ok(writes <= rounds * Math.ceil(each), `${writes} writes in ${rounds} rounds of ${THREADS} loops`);
	const [stream] = streams;
	const told = stream?.events.filter((e) => e.event === 'stock:update' && e.data.dropId === drop.id) ?? [];
	assert.ok(told.length < users.length, `${told.length} events for ${users.length} changes`);
});
