/** Crashes, lost messages and a full house: what the readers see. */
import assert from 'node:assert/strict';
import { assertProblem } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { anyone, dropNow, newDrop, person, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';
import { restartDaemon, withSettings } from './daemon.mjs';

/** Until the stream's newest state of the drop is the database's. @param {Stream} stream @param {number} id @param {number} ms */
const agrees = (stream, id, ms) => waitFor('the stream to show what the database holds', async () => {
	const drop = await dropNow(id);
	const told = stream.stock(id);

	return told && told.version === drop.version && told.availableStock === drop.availableStock;
}, ms);

test('the daemon killed, a reader that comes back gets a snapshot equal to the database', async (t) => {
	const drop = await newDrop();
	const before = await Stream.open(stack.port);

	t.after(() => before.close());
	await before.next('snapshot');
	await restartDaemon();
	await waitFor('the old stream to end', () => before.ended);
	await reserve((await person()).api, drop.id);
	const after = await Stream.open(stack.port, { headers: { 'Last-Event-ID': before.lastId } });
	t.after(() => after.close());
	const snapshot = await after.next('snapshot');
	assert.equal(after.events[0], snapshot, 'ids of the daemon before are unknown to the next');
	await agrees(after, drop.id, 5000);
	assert.equal(after.stock(drop.id).availableStock, 4);
});

test('Redis killed while pairs are reserved: every open stream is right within five seconds of its return', async (t) => {
	const drop = await newDrop({ totalStock: 30 });
	const stream = await Stream.open(stack.port);

	t.after(() => stream.close());
	await stream.next('snapshot');
	const old = stack.kill('redis')[0];
	const users = await Promise.all(Array.from({ length: 3 }, person));
	for (const { api } of users)
		await reserve(api, drop.id);	/* sales go on */
	await waitFor('Redis to be back', async () => stack.pid('redis') !== old && (await stack.health())?.redis === 'ok', 15_000);
	await agrees(stream, drop.id, 5000);
	assert.equal(stream.stock(drop.id).availableStock, 27);
	assert.equal(stream.ended, false, 'and nobody was let go');
	/* and events flow again as they did */
	const from = stream.events.length;
	await reserve((await person()).api, drop.id);
	await stream.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id, { from });
});

test('a message that was never sent is made good by the daemon itself, within five seconds', async (t) => {
	const drop = await newDrop({ totalStock: 10 });
	const stream = await Stream.open(stack.port);

	t.after(() => stream.close());
	await stream.next('snapshot');
	/* as if the worker had died after its commit: the change is in the database, and nobody said so */
	await stack.sql(`UPDATE lastpair.stock SET total = total + 7, available = available + 7, version = version + 1 WHERE drop_id = ${drop.id}`);
	await agrees(stream, drop.id, 5000);
	assert.equal(stream.stock(drop.id).totalStock, 17);
});

test('a drop whose announcement was lost reaches the readers as well', async (t) => {
	const stream = await Stream.open(stack.port);

	t.after(() => stream.close());
	await stream.next('snapshot');
	const old = stack.kill('redis')[0];
	const drop = await newDrop();
	await waitFor('Redis to be back', () => stack.pid('redis') !== old, 15_000);
	await waitFor('the drop to be known', () => stream.events.some((e) => (e.data.drop?.id ?? e.data.dropId) === drop.id) || stream.stock(drop.id), 8000);
});

test('PostgreSQL killed: open streams stay or come back, and are right within five seconds of its return', async (t) => {
	const drop = await newDrop({ totalStock: 10 });
	let stream = await Stream.open(stack.port);

	t.after(() => stream.close());
	await stream.next('snapshot');
	const { api } = await person();
	stack.kill('postgres');
	await waitFor('the store to answer again', async () => (await api.post(`/api/drops/${drop.id}/reservations`, {})).status === 201, 30_000);
	await stack.whole();
	if (stream.ended)
		stream = await Stream.open(stack.port, { headers: { 'Last-Event-ID': stream.lastId } });
	await agrees(stream, drop.id, 5000);
	assert.equal(stream.stock(drop.id).availableStock, 9);
});

/* last: it changes the settings for a while */
test('at capacity one more reader is refused with 503 and Retry-After, and nobody connected is let go', async (t) => {
	const drop = await newDrop();

	const undo = await withSettings('sse_max_subscribers = 3');
	try {
		const streams = [];

		for (let i = 0; i < 3; i++) {
			const stream = await Stream.open(stack.port);

			t.after(() => stream.close());
			assert.equal(stream.status, 200);
			await stream.next('snapshot');
			streams.push(stream);
		}
		for (let i = 0; i < 3; i++) {
			const res = await anyone.get('/api/events');

			assertProblem(res, 503, res.body?.code);
			assert.match(String(res.headers['retry-after']), /^[1-9]\d*$/);
		}
		await reserve((await person()).api, drop.id);
		for (const stream of streams) {
			assert.equal(stream.ended, false);
			await agrees(stream, drop.id, 5000);
		}
		assert.equal((await anyone.get('/healthz')).status, 200, 'a full house still sells');
		streams[0]?.close();
		await waitFor('the place that came free', async () => {
			const stream = await Stream.open(stack.port);

			t.after(() => stream.close());
			return stream.status === 200;
		});
	} finally {
		await undo();
	}
});
