/** /metrics: each figure rises by what happens, and by nothing else. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { figures, parseFigures, promtool, rises } from '../lib/metrics.mjs';
import { run } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import { Stream } from '../lib/sse.mjs';
import { anyone, newDrop as makeDrop, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const RESERVE = 'method="POST",route="/api/drops/{id}/reservations"';
const BUY = 'method="POST",route="/api/reservations/{id}/purchase"';

/** A drop whose holds do not lapse while these tests run. @param {Record<string, any>} [fields] */
const newDrop = (fields) => makeDrop({ holdSeconds: 3600, ...fields });

/** What rose while something was done, without what rises by itself and by looking.
 * @param {() => Promise<any>} what @returns {Promise<Record<string, number>>} */
async function risesOf(what) {
	const before = await figures();

	await what();
	const all = rises(before, await figures());

	for (const series of Object.keys(all))
		if (/route="\/(metrics|healthz)"|_wait_seconds|_duration_seconds|^lastpair_sse_(?!event_lag_seconds_count)|_sweep|sse_event_lag/.test(series))
			delete all[series];
	return all;
}

test('promtool has nothing to say of what is told', async () => {
	await reserve((await person()).api, (await newDrop()).id);
	const { text } = await anyone.get('/metrics');
	const { code, stdout, stderr } = await promtool(['check', 'metrics'], text);

	assert.equal(code, 0, stdout + stderr);
	assert.equal(stdout + stderr, '');
});

test('a hold, a sale and a hold given back raise their own figures by one, and nothing else', async () => {
	const drop = await newDrop({ totalStock: 5, maxPerUser: 5 });
	const { api } = await person();
	/** @type {any} */
	let held;

	assert.deepEqual(await risesOf(async () => { held = await reserve(api, drop.id); }), {
		[`lastpair_requests_total{${RESERVE},status="201"}`]: 1,
		lastpair_holds_total: 1,
		lastpair_reserve_calls_total: 1,
		lastpair_reserve_members_total: 1,
	});
	assert.deepEqual(await risesOf(() => purchase(api, held.id)), {
		[`lastpair_requests_total{${BUY},status="201"}`]: 1,
		lastpair_sales_total: 1,
	});
	held = await reserve(api, drop.id);
	assert.deepEqual(await risesOf(() => api.call('DELETE', `/api/reservations/${held.id}`)), {
		'lastpair_requests_total{method="DELETE",route="/api/reservations/{id}",status="200"}': 1,
		lastpair_releases_total: 1,
	});
});

test('a purchase said again is a request, and no second sale', async () => {
	const drop = await newDrop();
	const { api } = await person();
	const { id } = await reserve(api, drop.id);

	await purchase(api, id);
	assert.deepEqual(await risesOf(() => api.post(`/api/reservations/${id}/purchase`, {})), {
		[`lastpair_requests_total{${BUY},status="200"}`]: 1,
	});
});

test('refusals count by their status, and what is sold out besides', async () => {
	const drop = await newDrop({ totalStock: 1 });
	const [first, second] = await people(2);

	assert.ok(first && second);
	await reserve(first.api, drop.id);
	assert.deepEqual(await risesOf(async () => {
		for (let i = 0; i < 3; i++)
			assert.equal((await second.api.post(`/api/drops/${drop.id}/reservations`, {})).body.code, 'sold_out');
		assert.equal((await first.api.post(`/api/drops/${drop.id}/reservations`, {})).body.code, 'already_reserved');
		assert.equal((await second.api.post(`/api/drops/${drop.id}/reservations`, { colour: 'red' })).status, 400);
	}), {
		[`lastpair_requests_total{${RESERVE},status="409"}`]: 4,
		[`lastpair_requests_total{${RESERVE},status="400"}`]: 1,
		lastpair_sold_out_total: 3,
		lastpair_reserve_calls_total: 4,
		lastpair_reserve_members_total: 4,
	});
});

test('another process counts into the same figures: sign-in has workers of its own', async () => {
	const before = await figures();

	assert.deepEqual(await risesOf(async () => {	/* refused before a password is hashed, which may take long */
		for (const call of ['register', 'login'])
			assert.equal((await anyone.post(`/api/auth/${call}`, { colour: 'red' })).status, 400);
	}), {
		'lastpair_requests_total{method="POST",route="/api/auth/register",status="400"}': 1,
		'lastpair_requests_total{method="POST",route="/api/auth/login",status="400"}': 1,
	});
	assert.equal(rises(before, await figures())['lastpair_thread_wait_seconds_count{pool="auth"}'], 2, 'by the pool called auth');
});

test('no address, id or path of a caller becomes a label', async () => {
	const { api } = await person();
	const before = await figures();

	for (let i = 0; i < 20; i++) {
		await api.get(`/api/no/such/${unique('path')}`);
		await api.get(`/api/drops/${900000 + i}`);
		await api.call('PUT', `/api/drops/${i}`);
		await api.call(`BREW${i}`, '/api/drops');
	}
	const after = await figures();
	const added = [...after.keys()].filter((series) => !before.has(series));
	const labels = [...after.keys()].join('\n');

	assert.doesNotMatch(labels, /900000|BREW|such|\bpath-|"\/api\/drops\/\d/);
	assert.equal(rises(before, after)['lastpair_requests_total{method="GET",route="/api/drops/{id}",status="404"}'], 20);
	assert.ok((rises(before, after)['lastpair_requests_total{method="",route="none",status="404"}'] ?? 0) >= 20);
	assert.ok(added.length < 60, `few new series, whatever is asked: ${added.length}\n${added.join('\n')}`);
});

test('each histogram counts what it is about: its buckets grow to its count', async () => {
	const { api } = await person();
	const drop = await newDrop({ totalStock: 100 });
	const before = await figures();

	await reserve(api, drop.id);
	await api.get('/api/purchases');
	const after = await figures();
	const rise = rises(before, after);

	assert.equal(rise[`lastpair_request_duration_seconds_count{${RESERVE}}`], 1);
	assert.equal(rise['lastpair_request_duration_seconds_count{method="GET",route="/api/purchases"}'], 1);
	assert.equal(rise.lastpair_reserve_wait_seconds_count, 1);
	assert.ok((rise['lastpair_thread_wait_seconds_count{pool="api"}'] ?? 0) >= 1, 'the listing took a thread');
	assert.ok((rise.lastpair_connection_wait_seconds_count ?? 0) >= 2, 'both took a connection');
	const took = rise[`lastpair_request_duration_seconds_sum{${RESERVE}}`] ?? 0;

	assert.ok(took > 0 && took < 10, `${took} s`);
	/** @type {Map<string, number[]>} */
	const buckets = new Map();

	for (const [series, value] of after) {
		const name = series.replace(/,?le="[^"]*"/, '').replace('_bucket', '').replace('{}', '');

		if (series.includes('_bucket{'))
			buckets.set(name, [...buckets.get(name) ?? [], value]);
	}
	assert.ok(buckets.size >= 7);
	for (const [name, values] of buckets) {
		const count = after.get(name.includes('{') ? name.replace('{', '_count{') : `${name}_count`);

		assert.deepEqual(values, [...values].sort((a, b) => a - b), `${name} grows`);
		assert.equal(values.at(-1), count, `${name} ends with its count`);
	}
	for (const [series, value] of after) {
		const labels = series.match(/^lastpair_request_duration_seconds_count\{(.*)\}$/)?.[1];

		if (labels !== undefined && !labels.includes('/metrics')) {
			const answered = [...after].filter(([s]) => s.startsWith(`lastpair_requests_total{${labels},`)).reduce((sum, [, n]) => sum + n, 0);

			assert.equal(value, answered, `${labels}: every answer was timed`);
		}
	}
});

test('a stream counts while it is open, and each change of stock has its age when it is written', async () => {
	const drop = await newDrop();
	const { api } = await person();

	await waitFor('streams of other tests to be gone', async () => (await figures()).get('lastpair_sse_subscribers') === 0);
	const stream = await Stream.open(stack.port);

	await waitFor('the stream to be counted', async () => (await figures()).get('lastpair_sse_subscribers') === 1);
	await waitFor('the new drop to be known', () => stream.events.some(({ event, data }) => (event === 'snapshot' ? data.drops : [data.drop ?? data])
		.some((/** @type {{id?: number, dropId?: number}} */ d) => d.id === drop.id || d.dropId === drop.id)));
	const ages = async () => (await figures()).get('lastpair_sse_event_lag_seconds_count');
	await waitFor('whatever else was on its way', async () => {
		const some = await ages();

		await pause(500);
		return await ages() === some;
	});
	const before = await figures();

	await reserve(api, drop.id);
	await waitFor('the change to be sent', () => stream.events.some(({ event, data }) => event === 'stock:update' && data.dropId === drop.id));
	const rise = rises(before, await waitFor('its age', async () => {
		const now = await figures();

		return (now.get('lastpair_sse_event_lag_seconds_count') ?? 0) > (before.get('lastpair_sse_event_lag_seconds_count') ?? 0) && now;
	}));

	assert.equal(rise.lastpair_sse_event_lag_seconds_count, 1);
	const lag = rise.lastpair_sse_event_lag_seconds_sum ?? -1;

	assert.ok(lag > 0 && lag < 5, `${lag} s`);
	stream.close();
	await waitFor('it to be gone', async () => (await figures()).get('lastpair_sse_subscribers') === 0);
});

test('the daemon tells the pairs of the open drops as they are', async () => {
	const stock = async () => {
		const all = await figures();

		return [...['available', 'reserved', 'sold'].map((state) => all.get(`lastpair_sse_pairs{state="${state}"}`) ?? 0), all.get('lastpair_sse_drops_without_pair') ?? 0];
	};
	const [free = 0, held = 0, sold = 0, without = 0] = await stock();
	const drop = await newDrop({ totalStock: 2, maxPerUser: 2 });
	const { api } = await person();
	const is = (/** @type {number[]} */ ...wanted) => waitFor(`pairs to be ${wanted}`, async () => String(await stock()) === String(wanted));

	await is(free + 2, held, sold, without);
	const { id } = await reserve(api, drop.id);

	await is(free + 1, held + 1, sold, without);
	await purchase(api, id);
	await reserve(api, drop.id);
	await is(free, held + 1, sold + 1, without + 1);
});

test('a lapsed hold counts once when the expiry returns it, with how late it was; until then it is overdue', async () => {
	const cron = path.join(stack.dir, 'service/cron');
	const drop = await newDrop({ holdSeconds: 1 });

	await run('sv', ['-w', '10', 'down', cron]);
	try {
		const before = await figures();

		await reserve((await person()).api, drop.id);
		await waitFor('the hold to be overdue', async () => ((await figures()).get('lastpair_expiry_overdue_seconds') ?? 0) >= 1);
		assert.equal(rises(before, await figures()).lastpair_expired_total, undefined);
		await run('sv', ['-w', '10', 'up', cron]);
		const rise = rises(before, await waitFor('the hold to be returned', async () => {
			const now = await figures();

			return (now.get('lastpair_expired_total') ?? 0) > (before.get('lastpair_expired_total') ?? 0) && now;
		}));

		assert.equal(rise.lastpair_expired_total, 1);
		assert.equal(rise.lastpair_expiry_lag_seconds_count, 1);
		assert.ok((rise.lastpair_expiry_lag_seconds_sum ?? 0) >= 1, 'as late as it was kept waiting');
		const now = await figures();

		assert.equal(now.get('lastpair_expiry_overdue_seconds'), 0);
		assert.ok(Math.abs((now.get('lastpair_expiry_last_sweep_timestamp_seconds') ?? 0) - Date.now() / 1000) < 10);
	} finally {
		await run('sv', ['-w', '10', 'up', cron]);
	}
});

test('what was counted survives its processes, and figures come without database and daemon too', async () => {
	const before = await figures();

	stack.kill('lastpair-api');
	await stack.whole();
	const after = await figures();

	for (const name of ['lastpair_holds_total', 'lastpair_sales_total'])
		assert.equal(after.get(name), before.get(name), name);
	assert.equal(after.get('lastpair_database_up'), 1);
	assert.equal(after.get('lastpair_sse_up'), 1);
	const services = ['postgres', 'sse'].map((name) => path.join(stack.dir, 'service', name));

	await run('sv', ['-w', '20', 'down', ...services]);
	try {
		const { status, text } = await anyone.get('/metrics');
		const alone = parseFigures(text);

		assert.equal(status, 200);
		assert.equal(alone.get('lastpair_database_up'), 0);
		assert.equal(alone.get('lastpair_sse_up'), 0);
		assert.equal(alone.get('lastpair_holds_total'), before.get('lastpair_holds_total'));
		assert.equal(alone.has('lastpair_expiry_overdue_seconds'), false, 'nobody knows');
		const { code, stdout, stderr } = await promtool(['check', 'metrics'], text);

		assert.equal(code, 0, stdout + stderr);
	} finally {
		await run('sv', ['-w', '20', 'up', ...services]);
		await pause(100);
		await stack.whole();
	}
});
