/** Webhooks: what is delivered, signed how, in which order, and what becomes of a receiver that fails. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after } from 'node:test';
import { BUILD, freePort, run } from '../lib/stack.mjs';
import { admin, closeGate, metric, newDrop, people, person, purchase, reserve, unique, waitingAtGate } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';
import { Receiver, signed } from './receiver.mjs';

const CONF = path.join(stack.dir, 'lastpair.conf');
const PROGRAM = 'lastpair-webhooks';

/** Adds an endpoint that the end of the test removes. @param {import('node:test').TestContext} t @param {string} url @param {string} [events] */
async function endpoint(t, url, events) {
	const { code, stdout, stderr } = await stack.ctl(['webhook', 'add', url, ...(events ? ['--events', events] : [])]);
	const [, id, secret] = stdout.match(/^endpoint (\d+)\nsecret (whsec_[0-9a-f]{64})\n$/) ?? [];

	assert.equal(code, 0, stderr);
	assert.ok(id && secret, stdout);
	t.after(() => stack.ctl(['webhook', 'remove', id]));
	return { id, secret };
}

/** What the database says of an event on its way. @param {string} id @param {string} column */
const delivery = (id, column) => stack.sql(`SELECT ${column} FROM lastpair.webhook_deliveries WHERE event_id = '${id}'`);

/** Its next try is now, and nothing of the endpoint waits. @param {string} endpointId */
const dueNow = (endpointId) => stack.sql(`UPDATE lastpair.webhook_deliveries SET next_at = clock_timestamp() WHERE endpoint_id = ${endpointId} AND status = 'pending';
	UPDATE lastpair.webhook_endpoints SET next_at = clock_timestamp() WHERE id = ${endpointId}`);

/** One person after the other holds and buys a pair. @param {any} drop @param {number} n */
async function sell(drop, n) {
	const sold = [];

	for (const { api } of await people(n))
		sold.push(await purchase(api, (await reserve(api, drop.id)).id));
	return sold;
}

/** With cron stopped there is no deliverer but those that a test starts. @param {import('node:test').TestContext} t */
async function withoutCron(t) {
	await run('sv', ['-w', '10', 'down', path.join(stack.dir, 'service/cron')]);
	t.after(() => run('sv', ['up', path.join(stack.dir, 'service/cron')]));
	await waitFor('the deliverer to be gone', () => stack.pids(PROGRAM).length === 0);
}

/** A deliverer of the test's own. @param {string[]} [args] */
const deliver = (args = ['--once']) => run(path.join(BUILD, PROGRAM), ['-c', CONF, ...args]);

after(async () => assert.equal((await stack.audit()).clean, true));

/* ---- what is delivered ---- */

test('a store without endpoints writes no event', async () => {
	const [before, drop] = [await stack.sql('SELECT count(*) FROM lastpair.webhook_events'), await newDrop({ totalStock: 1 })];

	await sell(drop, 1);
	await pause(700);
	assert.equal(await stack.sql('SELECT count(*) FROM lastpair.webhook_events'), before);
});

test('opening, sales and the last sale of a drop are delivered in their order, as the document says, each signed', async (t) => {
	const receiver = await Receiver.start(t);
	const { secret } = await endpoint(t, receiver.url);
	const drop = await newDrop({ totalStock: 3 });
	const sold = await sell(drop, 3);

	await receiver.count(5);
	assert.deepEqual(receiver.got.map(({ body }) => body.type), ['drop_opened', 'sale', 'sale', 'sale', 'sold_out']);
	assert.deepEqual(receiver.faults, []);
	assert.deepEqual(receiver.of('sale').map(({ body }) => body.data.purchase), sold);
	const [opened, last] = [receiver.of('drop_opened')[0]?.body.data.drop, receiver.of('sold_out')[0]?.body.data.drop];

	assert.deepEqual([opened.id, opened.status, last.id, last.status, last.soldStock], [drop.id, 'live', drop.id, 'sold_out', 3]);
	for (const got of receiver.got) {
		assert.ok(signed(got, secret), 'signed by the secret');
		assert.ok(!signed(got, `${secret}0`), 'and by no other');
		assert.ok(!signed({ ...got, text: got.text.replace('"id"', '"iD"') }, secret), 'another body is not');
		assert.match(String(got.headers['user-agent']), /^lastpair-webhooks\/\d/);
	}
	assert.equal(receiver.most, 1, 'one after the other');
});

test('an endpoint gets the events that it was added for', async (t) => {
	const [all, some] = [await Receiver.start(t), await Receiver.start(t)];

	await endpoint(t, all.url);
	await endpoint(t, some.url, 'sold_out');
	await sell(await newDrop({ totalStock: 2 }), 2);
	await all.count(4);
	await some.count(1);
	assert.deepEqual(some.got.map(({ body }) => body.type), ['sold_out']);
	assert.equal(some.got[0]?.body.id, all.of('sold_out')[0]?.body.id, 'it is the same event');
});

test('a drop that opens later is told then, once, by whoever looks first; one that is paused when it is resumed', async (t) => {
	const receiver = await Receiver.start(t);

	await endpoint(t, receiver.url, 'drop_opened');
	const later = await newDrop({ dropStartsAt: new Date(Date.now() + 1500).toISOString() });
	const paused = await newDrop({ isActive: false });

	await receiver.count(1);
	assert.equal(receiver.got[0]?.body.data.drop.id, later.id);
	assert.ok(Date.parse(receiver.got[0]?.body.createdAt) >= Date.parse(later.dropStartsAt), 'not before its time');
	assert.equal((await (await admin()).patch(`/api/drops/${paused.id}`, { isActive: true })).status, 200);
	await receiver.count(2);
	assert.equal((await (await admin()).patch(`/api/drops/${paused.id}`, { isActive: false })).status, 200);
	assert.equal((await (await admin()).patch(`/api/drops/${paused.id}`, { isActive: true })).status, 200);
	await pause(1200);
	assert.deepEqual(receiver.got.map(({ body }) => body.data.drop.id), [later.id, paused.id]);
});

test('two that deliver at once deliver nothing twice: one waits', async (t) => {
	const receiver = await Receiver.start(t);

	await endpoint(t, receiver.url, 'sale,sold_out');
	const started = [deliver([]), deliver([])];

	await waitFor('three of them', () => stack.pids(PROGRAM).length >= 3);
	/* one is on its way for as long as each of them would look three times */
	receiver.answer = (_, res) => void setTimeout(() => res.writeHead(200).end(), receiver.got.length === 1 ? 1800 : 0);
	await sell(await newDrop({ totalStock: 5 }), 5);
	await receiver.count(6);
	await pause(1200);
	assert.equal(new Set(receiver.got.map(({ body }) => body.id)).size, 6);
	assert.equal(receiver.got.length, 6);
	assert.equal(receiver.most, 1);
	stack.kill(PROGRAM, 'SIGTERM');
	for (const { code, stderr } of await Promise.all(started))
		assert.equal(code, 0, stderr);
	await withoutCron(t);	/* and with it again at the end, a new one starts */
});

/* ---- the transaction ---- */

test('an event is there if the sale is, and not if it is not', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	const { id } = await endpoint(t, receiver.url, 'sale');
	const drop = await newDrop();
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	const events = () => stack.sql(`SELECT count(*) FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`);

	/* a sale that gets as far as its event, and is rolled back */
	assert.equal(await stack.sql(`BEGIN; WITH p AS (SELECT gen_random_uuid() AS id, drop_id, user_id FROM lastpair.reservations WHERE id = '${hold.id}')
		SELECT count(*) FROM p, LATERAL lastpair.webhook_sale(ROW(p.id, '${hold.id}', p.drop_id, '', p.user_id, 1, 'USD', clock_timestamp())::lastpair.purchases,
		(SELECT u FROM lastpair.users u WHERE u.id = p.user_id), clock_timestamp());
		SELECT count(*) FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}; ROLLBACK`), '1\n1');
	assert.equal(await events(), '0', 'nothing is left of it');
	const bought = await Promise.all([1, 2, 3].map(() => api.post(`/api/reservations/${hold.id}/purchase`, {})));

	assert.deepEqual(bought.map(({ status }) => status).sort(), [200, 200, 201]);
	assert.equal(await events(), '1', 'one sale is one event, however often it was asked for');
	assert.equal((await deliver()).code, 0);
	assert.deepEqual(receiver.got.map(({ body }) => body.data.purchase), [bought[0]?.body.purchase]);
});

test('a sale whose worker dies while it waits leaves no event, or the sale and its event', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	const { id } = await endpoint(t, receiver.url, 'sale');
	const drop = await newDrop();
	const { api } = await person();
	const hold = await reserve(api, drop.id);
	const open = await closeGate(drop.id);
	const asked = api.post(`/api/reservations/${hold.id}/purchase`, {}).catch(() => undefined);

	await waitFor('the purchase to wait', async () => await waitingAtGate(drop.id) > 0);
	stack.kill('lastpair-api');
	await open();
	await asked;
	await stack.whole();
	await waitFor('the database to have no more to do with it', async () => await waitingAtGate(drop.id) === 0);
	assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`),
		await stack.sql(`SELECT count(*) FROM lastpair.purchases WHERE reservation_id = '${hold.id}'`));
});

/* ---- receivers that fail ---- */

test('what a receiver refuses comes again, the same event with the same body, and is signed anew', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	const { id, secret } = await endpoint(t, receiver.url, 'sale');
	const statuses = [500, 503, 429, 404, 302, 200];

	receiver.answer = (_, res) => void res.writeHead(statuses[receiver.got.length - 1] ?? 200, { Location: receiver.url }).end();
	await sell(await newDrop(), 1);
	for (const [i, status] of statuses.entries()) {
		await dueNow(id);
		assert.equal((await deliver()).code, 0);
		assert.equal(receiver.got.length, i + 1, 'one try, and no redirect is followed');
		const event = receiver.got[0]?.body.id;

		assert.equal(await delivery(event, `status || ' ' || tries || ' ' || answer`), `${status === 200 ? 'delivered' : 'pending'} ${i + 1} ${status}`);
		assert.ok(signed(/** @type {any} */ (receiver.got[i]), secret));
		if (i < 3)	/* away: 1 to 2 s, 2 to 4 s, 4 to 8 s */
			assert.match(await stack.sql(`SELECT next_at - failing_since < make_interval(secs => 2 ^ ${i + 1} + 60) AND next_at > clock_timestamp() - interval '60 s',
				failures FROM lastpair.webhook_endpoints WHERE id = ${id}`), new RegExp(`^t\\|${i + 1}$`));
	}
	assert.equal(new Set(receiver.got.map(({ text }) => text)).size, 1);
});

test('a pause grows from two seconds to five minutes, by chance between half of it and the whole', async () => {
	const pauses = (/** @type {number} */ n) => stack.sql(`SELECT bool_and(p BETWEEN least(300, 2 ^ ${n}) / 2 AND least(300, 2 ^ ${n})), count(DISTINCT p) > 50
		FROM (SELECT extract(epoch FROM lastpair.webhook_pause(${n}, '2 s', '5 minutes')) AS p FROM generate_series(1, 100)) x`);

	for (const n of [1, 2, 7, 9, 40])
		assert.equal(await pauses(n), 't|t', `${n}`);
});

test('while a receiver is away what comes waits in its order; then all of it comes', async (t) => {
	const [port, receiver] = [await freePort(), await Receiver.start(t)];
	const away = await Receiver.start(t);
	const { id } = await endpoint(t, `http://127.0.0.1:${port}/`, 'sale');

	await endpoint(t, receiver.url, 'sale');
	const sold = await sell(await newDrop(), 5);

	await receiver.count(5);	/* another receiver's absence is not its business */
	const failed = await waitFor('a try', async () => await stack.sql(`SELECT failures FROM lastpair.webhook_endpoints WHERE id = ${id} AND failures > 0`));

	assert.ok(Number(failed) < 5, 'it is not tried for each of them');
	assert.match(await stack.sql(`SELECT answer FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id} AND tries > 0 LIMIT 1`), /connect/i);
	await stack.sql(`UPDATE lastpair.webhook_endpoints SET url = '${away.url}', next_at = clock_timestamp() WHERE id = ${id}`);
	await away.count(5);
	assert.deepEqual(away.got.map(({ body }) => body.data.purchase), sold);
	await waitFor('it to be well again', async () => await stack.sql(`SELECT failures FROM lastpair.webhook_endpoints WHERE id = ${id}`) === '0');
});

test('an event that its receiver refuses keeps no other; after eight tries it steps aside for those behind it', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	const { id } = await endpoint(t, receiver.url, 'sale');
	let poison = '';

	receiver.answer = ({ body }, res) => void res.writeHead(body.id === poison ? 422 : 200).end();
	const drop = await newDrop();

	await sell(drop, 3);
	poison = (await stack.sql(`SELECT event_id FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id} ORDER BY number`)).split('\n')[0] ?? '';
	assert.equal((await deliver()).code, 0);
	assert.deepEqual(receiver.got.map(({ body }) => body.id === poison), [true, false, false]);
	assert.equal(await stack.sql(`SELECT failures FROM lastpair.webhook_endpoints WHERE id = ${id}`), '0', 'the receiver is there');

	receiver.answer = ({ body }, res) => void res.writeHead(body.id === poison ? 500 : 200).end();
	await stack.sql(`UPDATE lastpair.webhook_deliveries SET late = false, tries = 0 WHERE event_id = '${poison}'`);
	await sell(drop, 1);
	for (let i = 0; i < 8; i++) {
		assert.equal(receiver.got.length, 3 + i);
		await dueNow(id);
		await deliver();
	}
	assert.equal(await delivery(poison, 'late'), 't');
	await dueNow(id);
	await deliver();
	assert.equal(receiver.got.slice(-2).findIndex(({ body }) => body.id === poison), 1, 'the other came first');
});

test('a receiver that never answers delays nobody else', async (t) => {
	const deaf = net.createServer((socket) => void socket.on('error', () => {}).resume());
	const receiver = await Receiver.start(t);

	await new Promise((resolve) => deaf.listen(0, '127.0.0.1', () => resolve(undefined)));
	t.after(() => deaf.close());
	const port = /** @type {net.AddressInfo} */ (deaf.address()).port;
	const { id } = await endpoint(t, `http://127.0.0.1:${port}/`, 'sale');
	let meanwhile = -1;

	await withoutCron(t);
	await endpoint(t, receiver.url, 'sale');
	await sell(await newDrop(), 4);
	deaf.on('connection', (socket) => socket.on('close', () => { meanwhile = receiver.got.length; }));
	fs.writeFileSync(`${stack.dir}/brief.conf`, `${fs.readFileSync(CONF, 'utf8')}\nwebhook_timeout_seconds = 5\n`);
	t.after(() => fs.rmSync(`${stack.dir}/brief.conf`));
	assert.equal((await run(path.join(BUILD, PROGRAM), ['-c', `${stack.dir}/brief.conf`, '--once'])).code, 0);
	assert.equal(meanwhile, 4, 'by the time it was given up the other had everything');
	assert.match(await stack.sql(`SELECT answer FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id} AND tries = 1`), /time/i);
});

test('an answer without end is cut off; its status counts', async (t) => {
	const receiver = await Receiver.start(t);
	let written = 0;

	await endpoint(t, receiver.url, 'sale');
	receiver.answer = (_, res) => {
		const more = () => {
			while (!res.destroyed && res.write(Buffer.alloc(65536)))
				written += 65536;
		};

		res.writeHead(200).on('error', () => {}).on('drain', more);
		more();
	};
	await sell(await newDrop(), 2);
	await receiver.count(2);
	await waitFor('both to be delivered', async () => await delivery(receiver.got[1]?.body.id, 'status') === 'delivered');
	assert.ok(written < 64 << 20, `${written} bytes were taken`);
	assert.equal(receiver.got.length, 2);
});

test('killed between the delivery and its mark, it delivers again, the same event', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);

	await endpoint(t, receiver.url, 'sale');
	await sell(await newDrop(), 1);
	receiver.answer = (_, res) => {
		stack.kill(PROGRAM, 'SIGSTOP');	/* it will not read the answer */
		res.writeHead(200).end();
	};
	const first = deliver();

	await receiver.count(1);
	assert.equal(stack.kill(PROGRAM).length, 1);
	await first;
	assert.equal(await delivery(receiver.got[0]?.body.id, 'status'), 'pending');
	receiver.answer = (_, res) => void res.writeHead(204).end();
	assert.equal((await deliver()).code, 0);
	assert.deepEqual(receiver.got.map(({ body }) => body.id), [receiver.got[0]?.body.id, receiver.got[0]?.body.id]);
	assert.equal(await delivery(receiver.got[0]?.body.id, 'status'), 'delivered');
});

test('what does not arrive in three days is given up, kept, shown, and delivered again by hand', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	const { id } = await endpoint(t, receiver.url, 'sale');

	receiver.answer = (_, res) => void res.writeHead(500).end();
	await sell(await newDrop(), 2);
	await deliver();
	const old = async (/** @type {string} */ hours) => stack.sql(`UPDATE lastpair.webhook_deliveries SET since = clock_timestamp() - interval '${hours} hours' WHERE endpoint_id = ${id};
		UPDATE lastpair.webhook_endpoints SET failing_since = failing_since - interval '${hours} hours' WHERE id = ${id}`);
	const statuses = () => stack.sql(`SELECT string_agg(status, ' ') FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`);

	await old('71');
	await dueNow(id);
	await deliver();
	assert.equal(await statuses(), 'pending pending');
	await old('73');
	await dueNow(id);
	await deliver();
	assert.equal(await statuses(), 'failed failed', 'with the first all that waited as long behind it');
	assert.equal(receiver.got.length, 3, 'the second was never sent');
	const { stdout } = await stack.ctl(['webhook', 'list', id]);

	assert.equal(stdout.split('\n').filter((line) => /\tfailed\t/.test(line)).length, 2, stdout);
	assert.match((await stack.ctl(['webhook', 'list'])).stdout, new RegExp(`^${id}\t.*\t0\t0\t2\t`, 'm'));
	receiver.answer = (_, res) => void res.writeHead(200).end();
	assert.equal((await stack.ctl(['webhook', 'replay', id])).stdout, '2 to be delivered again\n');
	await deliver();
	assert.equal(await statuses(), 'delivered delivered');
	const event = receiver.got.at(-1)?.body.id;

	assert.equal((await stack.ctl(['webhook', 'replay', id, event])).stdout, '1 to be delivered again\n');
	await deliver();
	assert.equal(receiver.got.at(-1)?.body.id, event);
	assert.equal(receiver.got.length, 6);
});

test('what was delivered is kept for its days, and then deleted', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	const { id } = await endpoint(t, receiver.url, 'sale');

	await sell(await newDrop(), 3);
	await deliver();
	await receiver.count(3);
	const [first, second, third] = receiver.got.map(({ body }) => body.id);
	const age = (/** @type {string} */ event, /** @type {number} */ days) =>
		stack.sql(`UPDATE lastpair.webhook_events SET created_at = created_at - interval '${days} days' WHERE id = '${event}'`);

	await age(first, 31);
	await age(second, 29);
	await age(third, 31);
	await stack.sql(`UPDATE lastpair.webhook_deliveries SET status = 'pending', next_at = 'infinity' WHERE event_id = '${third}'`);
	await deliver();	/* keeps house once in its life */
	assert.equal(await stack.sql(`SELECT string_agg(event_id::text, ' ' ORDER BY number) FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`), `${second} ${third}`,
		'neither what is younger, nor what waits still');
});

/* ---- endpoints ---- */

test('while a secret is being changed both sign; then the new one alone', async (t) => {
	const receiver = await Receiver.start(t);
	const { id, secret } = await endpoint(t, receiver.url, 'sale');
	const { stdout } = await stack.ctl(['webhook', 'rotate', id]);
	const fresh = stdout.match(/^secret (whsec_[0-9a-f]{64})\n$/)?.[1] ?? '';

	assert.ok(fresh && fresh !== secret);
	const drop = await newDrop();

	await sell(drop, 1);
	const [both] = await receiver.count(1);

	assert.ok(both && signed(both, secret) && signed(both, fresh));
	await stack.sql(`UPDATE lastpair.webhook_endpoints SET old_secret_until = clock_timestamp() - interval '1 s' WHERE id = ${id}`);
	await sell(drop, 1);
	const later = (await receiver.count(2))[1];

	assert.ok(later && !signed(later, secret) && signed(later, fresh));
});

test('lastpairctl webhook test says what came of it; remove ends it', async (t) => {
	const receiver = await Receiver.start(t);
	const { id } = await endpoint(t, receiver.url);
	const { code, stdout } = await stack.ctl(['webhook', 'test', id]);

	assert.equal(code, 0);
	assert.match(stdout, /^event [0-9a-f-]{36} delivered: 200\n$/);
	assert.deepEqual([receiver.got.map(({ body }) => body.type), receiver.faults], [['test'], []]);
	receiver.answer = (_, res) => void res.writeHead(403).end();
	const refused = await stack.ctl(['webhook', 'test', id]);

	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /: 403; it is tried again/);
	assert.equal((await stack.ctl(['webhook', 'remove', id])).code, 0);
	assert.equal(await stack.sql(`SELECT count(*) FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`), '0');
	for (const command of ['remove', 'rotate', 'test', 'replay', 'list'])
		assert.match((await stack.ctl(['webhook', command, id])).stderr, /there is no endpoint \d+; lastpairctl webhook list/, command);
});

test('what is no address for events is refused with a sentence, and nothing is kept', async () => {
	const before = await stack.sql('SELECT count(*) FROM lastpair.webhook_endpoints');

	for (const [args, why] of /** @type {[string[], RegExp][]} */ ([
		[['http://example.com/'], /https:\/\//], [['ftp://example.com/'], /https:\/\//], [['example.com'], /no URL/], [['https://'], /no URL/],
		[['https://a:b@example.com/'], /no user name or password/], [['https://example.com/#x'], /#/], [['https://example.com/ä'], /ASCII/], [['https://example.com/a b'], /ASCII/],
		[[''], /1 to 2000/], [[`https://example.com/${'x'.repeat(2000)}`], /1 to 2000/],
		[['https://example.com/', '--events', 'sale,gone'], /no event 'gone'/], [['https://example.com/', '--events', ''], /name one event/], [['https://example.com/', '--events', ','], /no event ''/],
	])) {
		const { code, stderr } = await stack.ctl(['webhook', 'add', ...args]);

		assert.equal(code, 1, args.join(' '));
		assert.match(stderr, why, args.join(' '));
	}
	assert.equal((await stack.ctl(['webhook', 'add', 'https://example.com/', '--event', 'sale'])).code, 2);
	assert.equal((await stack.ctl(['webhook', 'list', 'x'])).code, 1);
	assert.equal(await stack.sql('SELECT count(*) FROM lastpair.webhook_endpoints'), before);
});

test('nothing is sent to private networks, whatever a name leads to, unless a setting allows it', async (t) => {
	await withoutCron(t);
	const receiver = await Receiver.start(t);
	/* made by hand: a name of this machine that does not say so, and addresses behind which there may be anything */
	const { id } = await endpoint(t, receiver.url, 'sale');
	const address = (/** @type {string} */ url) => stack.sql(`UPDATE lastpair.webhook_endpoints SET url = '${url}' WHERE id = ${id}`);
	const answer = () => stack.sql(`SELECT answer FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`);

	await sell(await newDrop(), 1);
	for (const url of ['https://10.0.0.1/', 'https://[fd00::1]/', 'https://169.254.169.254/latest/', 'https://192.168.1.1/', 'https://[::ffff:10.0.0.1]/']) {
		await address(url);
		await dueNow(id);
		await deliver();
		assert.match(await answer(), /private network/, url);
	}
	await address(`https://localhost.localdomain:${receiver.port}/`);
	await dueNow(id);
	await deliver();
	assert.match(await answer(), /private network|resolve/i);
	await address(`ftp://127.0.0.1:${receiver.port}/`);
	await dueNow(id);
	await deliver();
	assert.match(await answer(), /protocol/i);
	assert.equal(receiver.got.length, 0);

	fs.writeFileSync(`${stack.dir}/private.conf`, `${fs.readFileSync(CONF, 'utf8')}\nwebhook_private = yes\nwebhook_timeout_seconds = 1\n`);
	t.after(() => fs.rmSync(`${stack.dir}/private.conf`));
	await address(`http://0x7f000001:${receiver.port}/`);	/* this machine, said in another way */
	await dueNow(id);
	await run(path.join(BUILD, PROGRAM), ['-c', `${stack.dir}/private.conf`, '--once']);
	assert.equal(receiver.got.length, 1, await answer());
});

test('over TLS a receiver has to be who its certificate says, by the authorities that are named', async (t) => {
	await withoutCron(t);
	const https = await import('node:https');
	const folder = fs.mkdtempSync(path.join(stack.dir, 'tls-'));

	t.after(() => fs.rmSync(folder, { recursive: true }));
	const made = await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
		'-keyout', `${folder}/key.pem`, '-out', `${folder}/cert.pem`]);

	assert.equal(made.code, 0, made.stderr);
	const receiver = await Receiver.start(t, https.createServer({ key: fs.readFileSync(`${folder}/key.pem`), cert: fs.readFileSync(`${folder}/cert.pem`) }));
	const { id, secret } = await endpoint(t, `https://localhost:${receiver.port}/`, 'sale');
	const answer = () => stack.sql(`SELECT answer FROM lastpair.webhook_deliveries WHERE endpoint_id = ${id}`);

	await sell(await newDrop(), 1);
	await deliver();
	assert.match(await answer(), /certificate/i);
	fs.writeFileSync(`${folder}/own.conf`, `${fs.readFileSync(CONF, 'utf8')}\nwebhook_ca_file = ${folder}/cert.pem\n`);
	for (const [host, delivered] of /** @type {[string, number][]} */ ([['127.0.0.1', 0], ['localhost', 1]])) {
		await stack.sql(`UPDATE lastpair.webhook_endpoints SET url = 'https://${host}:${receiver.port}/' WHERE id = ${id}`);
		await dueNow(id);
		await run(path.join(BUILD, PROGRAM), ['-c', `${folder}/own.conf`, '--once']);
		assert.equal(receiver.got.length, delivered, `${host}: ${await answer()}`);
	}
	assert.ok(signed(/** @type {any} */ (receiver.got[0]), secret));
});

test('a proxy of the environment is not asked', async (t) => {
	await withoutCron(t);
	const [receiver, proxy] = [await Receiver.start(t), await Receiver.start(t)];

	await endpoint(t, receiver.url, 'sale');
	await sell(await newDrop(), 1);
	const env = { ...process.env, http_proxy: `http://127.0.0.1:${proxy.port}`, all_proxy: `http://127.0.0.1:${proxy.port}` };

	assert.equal((await run(path.join(BUILD, PROGRAM), ['-c', CONF, '--once'], { env })).code, 0);
	assert.deepEqual([receiver.got.length, proxy.got.length], [1, 0]);
});

test('secrets are for the owner and for who delivers, and in no log', async (t) => {
	const receiver = await Receiver.start(t);
	const { secret } = await endpoint(t, receiver.url);

	await sell(await newDrop({ totalStock: 1 }), 1);
	await receiver.count(3);
	for (const [role, may] of /** @type {[string, string][]} */ ([['lastpair_api', 'f'], ['lastpair_sse', 'f'], ['lastpair_hooks', 't']]))
		assert.equal(await stack.sql(`SELECT has_function_privilege('${role}', 'api.webhook_due(bigint[], integer)', 'EXECUTE')`), may, role);
	for (const name of fs.readdirSync(`${stack.dir}/log`))
		assert.ok(!fs.readFileSync(`${stack.dir}/log/${name}`, 'utf8').includes(secret), name);
	assert.doesNotMatch((await stack.ctl(['webhook', 'list'])).stdout, /whsec_/);
});

test('the metrics tell what was delivered, what failed and what waits', async (t) => {
	const receiver = await Receiver.start(t);
	const before = [await metric('lastpair_webhooks_delivered_total'), await metric('lastpair_webhook_failures_total')];

	await endpoint(t, receiver.url, 'sale');
	await sell(await newDrop(), 2);
	await receiver.count(2);
	await waitFor('both to be counted', async () => await metric('lastpair_webhooks_delivered_total') >= (before[0] ?? 0) + 2);
	receiver.answer = (_, res) => void res.writeHead(500).end();
	await sell(await newDrop(), 1);
	await waitFor('the failure to be counted', async () => await metric('lastpair_webhook_failures_total') > (before[1] ?? 0));
	await waitFor('what waits to be counted', async () => await metric('lastpair_webhook_backlog') === 1, 20_000);
	await waitFor('and how long', async () => await metric('lastpair_webhook_oldest_seconds') >= 1, 20_000);
	assert.ok(await metric('lastpair_webhook_sweeps_total') > 1);
});

test('lastpair-webhooks by wrong use exits 2, without its database 1', async () => {
	const conf = `${stack.dir}/nowhere-${unique()}.conf`;

	assert.equal((await deliver(['--twice'])).code, 2);
	fs.writeFileSync(conf, `${fs.readFileSync(CONF, 'utf8')}\ndatabase = host=/nowhere dbname=lastpair\nlog_dir =\n`);
	const { code, stderr } = await run(path.join(BUILD, PROGRAM), ['-c', conf, '--once']);

	fs.rmSync(conf);
	assert.equal(code, 1);
	assert.match(stderr, /can't reach PostgreSQL/);
});
