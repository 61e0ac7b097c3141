/** The event stream as a browser sees it, and a little more: headers, ids, comments. */
import assert from 'node:assert/strict';
import { assertDrop, assertProblem, assertReservation, assertShape, assertStock, isTime } from '../lib/shapes.mjs';
import { Stream } from '../lib/sse.mjs';
import { admin, anyone, counts, dropNow, newDrop, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

/** A stream that ends with its test. @param {import('node:test').TestContext} t @param {object} [options] */
async function open(t, options) {
	const stream = await Stream.open(stack.port, options);

	t.after(() => stream.close());
	return stream;
}

/** A stream past its snapshot. @param {import('node:test').TestContext} t @param {object} [options] */
async function listen(t, options) {
	const stream = await open(t, options);

	assert.equal(stream.status, 200);
	await stream.next('snapshot');
	return stream;
}

const stockOf = (/** @type {number} */ id) => (/** @type {any} */ e) => e.event === 'stock:update' && e.data.dropId === id;
const numbers = (/** @type {any} */ drop) => [drop.totalStock, ...counts(drop)];

/** Until the stream's newest state of the drop is the database's. @param {Stream} stream @param {number} id @param {number} [ms] */
const agrees = (stream, id, ms = 5000) => waitFor('the stream to show what the database holds', async () => {
	const drop = await dropNow(id);
	const told = stream.stock(id);

	return told && told.version === drop.version && numbers(told).join() === numbers(drop).join();
}, ms);

/* ---- the beginning ---- */

test('a stream begins with retry and one snapshot of the stock of every open drop', async (t) => {
	const witness = await open(t);
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 2 }, { size: '43', totalStock: 1 }] });

	await witness.next((e) => e.event === 'drop:created' && e.data.drop.id === drop.id);
	const stream = await open(t);
	const snapshot = await stream.next('snapshot');

	assert.equal(stream.status, 200);
	assert.match(String(stream.headers['content-type']), /^text\/event-stream\b/);
	assert.match(String(stream.headers['cache-control']), /no-(cache|store)/);
	assert.equal(stream.headers['content-encoding'], undefined);
	assert.equal(stream.headers['x-accel-buffering'], 'no');
	assert.match(stream.retry, /^\d+$/);
	assert.equal(stream.fields[0], 'retry', 'the time to come back stands first');
	assert.equal(stream.events[0], snapshot);
	assertShape(snapshot.data, { serverTime: isTime, drops: Array.isArray }, 'snapshot');
	assert.ok(Math.abs(Date.parse(snapshot.data.serverTime) - Date.now()) < 5000);
	snapshot.data.drops.forEach(assertStock);
	assert.ok(snapshot.id, 'it has an id to come back with');
	const told = stream.stock(drop.id);
	assert.ok(told, 'a drop made a moment ago is in it');
	assert.deepEqual(numbers(told), [3, 3, 0, 0]);
});

test('the daemon takes HEAD and refuses POST', async () => {
	assert.equal((await anyone.call('HEAD', '/api/events')).status, 200);
	assert.equal((await anyone.post('/api/events', {})).status, 405);
});

/* ---- stock ---- */

test('reserve, give back, buy, lapse and restock each bring a stock:update, with rising versions', async (t) => {
	const drop = await newDrop({ totalStock: 5, holdSeconds: 2, maxPerUser: 5 });
	const { api } = await person();
	const stream = await listen(t);
	let version = stream.stock(drop.id).version;
	const step = async (/** @type {number[]} */ expected, /** @type {number} */ ms = 3000) => {
		const { data, id } = await stream.next((e) => stockOf(drop.id)(e) && e.data.version > version && numbers(e.data).join() === expected.join(), { ms });

		assertStock(data);
		assert.ok(id, 'an id');
		version = data.version;
	};

	const first = await reserve(api, drop.id);
	await step([5, 4, 1, 0]);
	await api.del(`/api/reservations/${first.id}`);
	await step([5, 5, 0, 0]);
	const second = await reserve(api, drop.id);
	await step([5, 4, 1, 0]);
	await purchase(api, second.id);
	await step([5, 4, 0, 1]);
	const third = await reserve(api, drop.id);
	await step([5, 3, 1, 1]);
	await step([5, 4, 0, 1], 7000);	/* by itself */
	assert.ok(Date.now() - Date.parse(third.expiresAt) < 5000, 'within five seconds of the deadline');
	await (await admin()).post(`/api/drops/${drop.id}/restock`, { quantity: 3 });
	await step([8, 7, 0, 1]);
	const versions = stream.events.filter(stockOf(drop.id)).map((e) => e.data.version);
	assert.deepEqual(versions, [...new Set(versions)].sort((a, b) => a - b), 'versions only grow');
});

test('a change is seen by everyone soon after it was answered', async (t) => {
	const drop = await newDrop({ totalStock: 50 });
	const stream = await listen(t);
	const late = /** @type {number[]} */ ([]);

	for (const { api } of await people(10)) {
		const before = stream.events.length;

		await reserve(api, drop.id);
		const answered = Date.now();
		late.push((await stream.next(stockOf(drop.id), { from: before })).at - answered);
	}
	/* generous: it is far below the second after which the daemon would look by itself */
	late.sort((a, b) => a - b);
	assert.ok((late[5] ?? 0) < 500, `half of them later than ${late[5]} ms`);
});

test('a burst of 200 reserves ends with an event that equals the database, however many were merged', async (t) => {
	const drop = await newDrop({ totalStock: 150, holdSeconds: 300 });
	const users = await people(200);
	const streams = [await listen(t), await listen(t), await listen(t)];
	const all = await Promise.all(users.map(({ api }) => api.post(`/api/drops/${drop.id}/reservations`, {})));

	assert.equal(all.filter((res) => res.status === 201).length, 150);
	for (const stream of streams) {
		await agrees(stream, drop.id);
		assert.deepEqual(numbers(stream.stock(drop.id)), [150, 0, 150, 0]);
		const versions = stream.events.filter(stockOf(drop.id)).map((e) => e.data.version);
		assert.deepEqual(versions, [...versions].sort((a, b) => a - b));
		assert.ok(versions.length < 150, `changes within a tick are merged (${versions.length} events for 150 holds)`);
	}
});

test('two sizes moving at once end with both right', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 40 }, { size: '43', totalStock: 40 }] });
	const users = await people(60);
	const stream = await listen(t);

	await Promise.all(users.map(({ api }, i) => api.post(`/api/drops/${drop.id}/reservations`, { size: i % 2 ? '42' : '43' })));
	await agrees(stream, drop.id);
	const told = stream.stock(drop.id);
	const now = await dropNow(drop.id);
	assert.deepEqual(told.sizes.map((/** @type {any} */ s) => [s.size, s.reservedStock, s.version]), now.sizes.map((/** @type {any} */ s) => [s.size, s.reservedStock, s.version]));
});

/* ---- drops and purchases ---- */

test('a new drop is announced as drop:created, whole', async (t) => {
	const stream = await listen(t);
	const drop = await newDrop({ name: unique('Announced') });
	const { data, id } = await stream.next((e) => e.event === 'drop:created' && e.data.drop.id === drop.id);

	assertShape(data, { drop: (v) => typeof v === 'object' }, 'drop:created');
	assertDrop(data.drop);
	assert.deepEqual(data.drop, drop);
	assert.ok(id);
});

test('a changed drop is announced as drop:updated, whole', async (t) => {
	const drop = await newDrop();
	const stream = await listen(t);
	const name = unique('Renamed');

	await (await admin()).patch(`/api/drops/${drop.id}`, { name, isActive: false });
	const { data } = await stream.next((e) => e.event === 'drop:updated' && e.data.drop.id === drop.id);
	assertShape(data, { drop: (v) => typeof v === 'object' }, 'drop:updated');
	assertDrop(data.drop);
	assert.deepEqual([data.drop.name, data.drop.status], [name, 'paused']);
});

test('a purchase is told to everyone, by user name', async (t) => {
	const drop = await newDrop();
	const { api, username } = await person();
	const stream = await listen(t);
	const bought = await purchase(api, (await reserve(api, drop.id)).id);
	const { data } = await stream.next((e) => e.event === 'purchase:completed' && e.data.dropId === drop.id);

	assertShape(data, { dropId: Number.isInteger, username: (v) => v === username, purchasedAt: isTime }, 'purchase:completed');
	assert.equal(data.purchasedAt, bought.purchasedAt);
});

/* ---- one's own holds ---- */

test('holds made, given back, bought and lapsed are told to their holder alone', async (t) => {
	const drop = await newDrop({ totalStock: 10, holdSeconds: 2, maxPerUser: 5 });
	const [holder, other] = await people(2);

	assert.ok(holder && other);
	const mine = await listen(t, { token: holder.api.token });
	const tab = await listen(t, { token: holder.api.token });
	const others = [await listen(t, { token: other.api.token }), await listen(t), await listen(t, { token: (await admin()).token })];
	const told = async (/** @type {Stream} */ stream, /** @type {string} */ id, /** @type {string} */ status) =>
		(await stream.next((e) => e.event === 'reservation:update' && e.data.reservation.id === id && e.data.reservation.status === status)).data;

	const first = await reserve(holder.api, drop.id);
	for (const stream of [mine, tab]) {
		const data = await told(stream, first.id, 'active');

		assertShape(data, { reservation: (v) => typeof v === 'object' }, 'reservation:update');
		assertReservation(data.reservation);
		assert.deepEqual(data.reservation, first);
	}
	await holder.api.del(`/api/reservations/${first.id}`);
	await told(mine, first.id, 'released');
	const second = await reserve(holder.api, drop.id);
	await purchase(holder.api, second.id);
	await told(mine, second.id, 'completed');
	const third = await reserve(holder.api, drop.id);
	for (const stream of [mine, tab]) {
		const { data } = await stream.next((e) => e.event === 'reservation:expired' && e.data.reservationId === third.id, { ms: 8000 });

		assert.deepEqual(data, { reservationId: third.id, dropId: drop.id });
	}
	/* what everyone gets after it shows that nothing private is still on its way */
	await reserve(other.api, drop.id);
	for (const stream of others) {
		await agrees(stream, drop.id);
		const theirs = stream.events.filter((e) => e.event.startsWith('reservation:') && JSON.stringify(e.data).match(`${first.id}|${second.id}|${third.id}`));

		assert.deepEqual(theirs, []);
	}
	assert.ok(others.every((stream) => !stream.text.includes(first.id) && !stream.text.includes(third.id)), 'not a trace of them');
});

test('a stream opened by cookie is its user\'s as well', async (t) => {
	const drop = await newDrop();
	const { api } = await person();
	const stream = await listen(t, { cookie: `lastpair_session=${api.token}` });
	const hold = await reserve(api, drop.id);

	await stream.next((e) => e.event === 'reservation:update' && e.data.reservation.id === hold.id);
});

test('a token that is not good opens no private stream', async (t) => {
	const { api } = await person();
	const stream = await open(t, { token: `${api.token?.slice(0, -4)}AAAA` });

	if (stream.status !== 200) {
		assert.equal(stream.status, 401);
		return;
	}
	await stream.next('snapshot');
	const drop = await newDrop();
	await reserve(api, drop.id);
	await agrees(stream, drop.id);
	assert.ok(!stream.events.some((e) => e.event.startsWith('reservation:')));
});

test('a token in the address opens no private stream', async (t) => {
	const drop = await newDrop();
	const { api } = await person();
	const stream = await listen(t, { query: `?token=${api.token}&access_token=${api.token}` });

	await reserve(api, drop.id);
	await agrees(stream, drop.id);
	assert.ok(!stream.events.some((e) => e.event.startsWith('reservation:')));
});

for (const [how, end] of /** @type {[string, (who: any) => Promise<any>][]} */ ([
	['signing out', (who) => who.api.post('/api/auth/logout')],
	['being revoked', (who) => stack.ctl(['user', 'revoke', who.email])],
])) {
	test(`${how} ends the private events of a stream that is open`, async (t) => {
		const drop = await newDrop({ holdSeconds: 3 });
		const who = await person();
		const stream = await listen(t, { token: who.api.token });
		const hold = await reserve(who.api, drop.id);

		await stream.next((e) => e.event === 'reservation:update');
		await end(who);
		/* the hold lapses after the session has ended: its end is private, the stock is not */
		const fresh = await listen(t);
		await waitFor('the pair to come back', async () => (await dropNow(drop.id)).reservedStock === 0);
		await agrees(fresh, drop.id);
		if (!stream.ended)
			await agrees(stream, drop.id);
		assert.ok(!stream.events.some((e) => e.event === 'reservation:expired'), `the end of ${hold.id} was told`);
	});
}

/* ---- ?drops= ---- */

test('?drops= narrows the snapshot and the events to those drops', async (t) => {
	const [one, two, three] = [await newDrop(), await newDrop(), await newDrop()];
	const users = await people(3);
	const stream = await listen(t, { query: `?drops=${one.id},${three.id}` });

	assert.deepEqual(stream.events[0]?.data.drops.map((/** @type {any} */ d) => d.dropId).sort(), [one.id, three.id].sort());
	await Promise.all([one, two, three].map((drop, i) => users[i]?.api.post(`/api/drops/${drop.id}/reservations`, {})));
	await purchase(/** @type {any} */ (users[1]).api, (await /** @type {any} */ (users[1]).api.get('/api/reservations')).body.reservations[0].id);
	await (await admin()).patch(`/api/drops/${two.id}`, { name: unique() });
	await (await admin()).patch(`/api/drops/${three.id}`, { name: unique() });
	await stream.next((e) => e.event === 'drop:updated');
	await agrees(stream, one.id);
	await agrees(stream, three.id);
	assert.ok(!stream.events.some((e) => (e.data.dropId ?? e.data.drop?.id) === two.id), 'nothing of the other');
});

test('?drops= that names no drop is refused', async () => {
	for (const query of ['drops=abc', 'drops=1,,2', 'drops=-1', 'drops=1.5', 'drops=99999999999999999999', 'drops=%00', `drops=${'1,'.repeat(3000)}1`]) {
		const res = await anyone.get(`/api/events?${query}`);

		assertProblem(res, res.status, res.body?.code);
		assert.ok([400, 414].includes(res.status), `${query.slice(0, 40)}: ${res.status}`);
	}
});

/* ---- coming back ---- */

for (const [how, options] of /** @type {[string, (id: string) => object][]} */ ([
	['Last-Event-ID', (id) => ({ headers: { 'Last-Event-ID': id } })],
	['?last=', (id) => ({ query: `?last=${encodeURIComponent(id)}` })],
])) {
	test(`coming back with ${how} goes on where it stopped, with nothing missed and no snapshot`, async (t) => {
		const drop = await newDrop({ totalStock: 30 });
		const users = await people(6);
		const before = await listen(t);
		const own = async (/** @type {any} */ who) => purchase(who.api, (await reserve(who.api, drop.id)).id);

		await own(users[0]);
		await before.next((e) => e.event === 'purchase:completed' && e.data.dropId === drop.id);
		const last = before.lastId;
		before.close();
		const missed = users.slice(1).map((u) => u.username);
		for (const user of users.slice(1))
			await own(user);
		const made = await newDrop();
		const after = await open(t, options(last));
		await after.next((e) => e.event === 'drop:created' && e.data.drop.id === made.id);
		await agrees(after, drop.id);
		assert.equal(after.events.filter((e) => e.event === 'snapshot').length, 0, 'no snapshot was needed');
		const buyers = after.events.filter((e) => e.event === 'purchase:completed' && e.data.dropId === drop.id).map((e) => e.data.username);
		assert.deepEqual(buyers, missed, 'each missed event once, in order, and none from before');
	});
}

test('coming back with private events missed brings those as well', async (t) => {
	const drop = await newDrop();
	const [who, other] = await people(2);

	assert.ok(who && other);
	const before = await listen(t, { token: who.api.token });
	const last = before.lastId;
	before.close();
	const hold = await reserve(who.api, drop.id);
	await reserve(other.api, drop.id);
	const probe = await listen(t);
	await agrees(probe, drop.id);
	const mine = await open(t, { token: who.api.token, headers: { 'Last-Event-ID': last } });
	await mine.next((e) => e.event === 'reservation:update' && e.data.reservation.id === hold.id);
	const theirs = await open(t, { token: other.api.token, headers: { 'Last-Event-ID': last } });
	await theirs.next((e) => e.event === 'reservation:update');
	assert.ok(!theirs.text.includes(hold.id), 'and nobody else\'s');
});

test('coming back with an id that is unknown, old or no id begins with a snapshot', async (t) => {
	const drop = await newDrop();
	const first = await listen(t);
	await agrees(first, drop.id);	/* the daemon knows it */
	const [epoch = '', sequence = ''] = first.lastId.split(/[-:.]/);
	const separator = first.lastId.slice(epoch.length, epoch.length + 1);

	for (const id of ['1', 'abc', `${epoch}${separator}999999999`, `0${separator}${sequence}`, `${epoch}`, `${epoch}${separator}-1`, '-', `${epoch}${separator}${'9'.repeat(40)}`, 'x'.repeat(500)]) {
		const stream = await listen(t, { headers: { 'Last-Event-ID': id } });

		assert.ok(stream.stock(drop.id), id);
		const byQuery = await listen(t, { query: `?last=${encodeURIComponent(id)}` });
		assert.ok(byQuery.stock(drop.id), id);
	}
});

test('the header counts when both it and ?last= are there: it is the newer', async (t) => {
	const drop = await newDrop();
	const first = await listen(t);
	const old = first.lastId;
	const { api } = await person();

	await reserve(api, drop.id);
	await first.next((e) => stockOf(drop.id)(e) && e.data.availableStock === 4);
	const newer = first.lastId;
	const stream = await open(t, { query: `?last=${encodeURIComponent(old)}`, headers: { 'Last-Event-ID': newer } });
	const made = await newDrop();
	await stream.next((e) => e.event === 'drop:created' && e.data.drop.id === made.id);
	assert.ok(!stream.events.some(stockOf(drop.id)), 'what came before the newer id is not told again');
});

/* ---- heartbeats ---- */

test('a quiet stream has a comment at least every 15 seconds', async (t) => {
	const stream = await listen(t, { query: '?drops=999999999' });
	const start = Date.now();

	await waitFor('a second comment', () => stream.comments.length >= 2, 31_000);
	const [first, second] = stream.comments;
	assert.ok(first && second);
	assert.ok(first.at - start <= 15_500, `the first after ${first.at - start} ms`);
	assert.ok(second.at - first.at <= 15_500, `the second ${second.at - first.at} ms later`);
	assert.equal(stream.events.length, 1, 'a comment is no event');
});

test('a busy stream has comments just the same, along with its changes', async (t) => {
	const { id } = await newDrop();
	const streams = [await listen(t, { query: `?drops=${id}` }), await listen(t), await listen(t, { query: '?beats=1' })];
	const api = await admin();
	const told = () => streams.every(({ events }) => events.filter(stockOf(id)).length > 5);
	const start = Date.now();

	while ((streams.some(({ comments }) => comments.length < 2) || !told()) && Date.now() - start < 16_000) {
		await api.post(`/api/drops/${id}/restock`, { quantity: 1 });
		await pause(300);
	}
	for (const { comments } of streams)
		assert.ok(comments.length >= 2, `${comments.length} in ${Date.now() - start} ms`);
	assert.ok(told());
});

test('a quiet stream that asks for beats has an event instead: at its beginning, and as often as that says', async (t) => {
	const stream = await listen(t, { query: '?drops=999999999&beats=1' });
	const [first, second] = stream.events;

	assert.deepEqual([first?.event, second?.event], ['beat', 'snapshot']);
	assertShape(first?.data, { everySeconds: (v) => Number.isInteger(v) && v >= 1 && v <= 15 }, 'beat');
	const start = Date.now();

	await stream.next('beat', { from: 1, ms: 20_000 });
	const after = (Date.now() - start) / 1000;

	assert.ok(after <= Number(first?.data.everySeconds) + 0.5, `after ${after} s`);
	assert.deepEqual(stream.comments, []);
});

/* ---- many readers, and bad ones ---- */

test('200 readers all see the same change', async (t) => {
	const drop = await newDrop();
	const streams = await Promise.all(Array.from({ length: 200 }, () => listen(t)));

	await reserve((await person()).api, drop.id);
	await Promise.all(streams.map((stream) => stream.next((e) => stockOf(drop.id)(e) && e.data.availableStock === 4)));
	assert.deepEqual([...new Set(streams.map((s) => numbers(s.stock(drop.id)).join()))], ['5,4,1,0']);
});

test('a reader that has stopped reading slows nobody, and is right again when it reads or comes back', async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const boss = await admin();
	const stopped = await listen(t);
	const reading = await listen(t);
	const description = 'x'.repeat(2000);
	let worst = 0;

	stopped.pause();
	/* some megabytes: more than every buffer on the way, and than the daemon's log, can hold */
	for (let i = 0; i < 40; i++) {
		const before = reading.events.length;

		await Promise.all(Array.from({ length: 50 }, (_, n) => boss.patch(`/api/drops/${drop.id}`, { description: `${description.slice(10)}${i}-${n}` })));
		const start = Date.now();
		await reserveAndBack(drop.id);
		await reading.next(stockOf(drop.id), { from: before });
		worst = Math.max(worst, Date.now() - start);
	}
	assert.ok(worst < 3000, `${worst} ms`);
	await agrees(reading, drop.id);
	stopped.resume();
	const back = await waitFor('the stopped reader to be right again', async () => {
		if (stopped.ended)
			return Stream.open(stack.port, { headers: { 'Last-Event-ID': stopped.lastId } });
		const told = stopped.stock(drop.id);
		return told && told.version === (await dropNow(drop.id)).version && stopped;
	}, 15_000);
	t.after(() => back.close());
	await agrees(back, drop.id);
});

/** @param {number} id */
async function reserveAndBack(id) {
	const { api } = await waiter();

	await api.del(`/api/reservations/${(await reserve(api, id)).id}`);
}

/** @type {Promise<any>|undefined} */
let someone;
const waiter = () => (someone ??= person());

test('readers that come and go at once leave the daemon well', async (t) => {
	const drop = await newDrop();

	for (let round = 0; round < 5; round++)
		await Promise.all(Array.from({ length: 60 }, async () => {
			const stream = await Stream.open(stack.port);

			await pause(Math.random() * 20);
			stream.close();
		}));
	const stream = await listen(t);
	await reserve((await person()).api, drop.id);
	await stream.next(stockOf(drop.id));
	const { text } = await anyone.get('/metrics');
	const open = Number(text.match(/^lastpair_\w*(?:subscribers|streams)\w*(?:\{[^}]*\})? (\d+)/m)?.[1]);
	assert.ok(open >= 1 && open < 60, `${open} readers counted`);
});
