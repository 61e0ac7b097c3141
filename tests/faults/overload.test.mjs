/** Ten times what can be served: who gets in is served soon, the others are told at once, and nobody waits out a time-out. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';
import { Crowd } from '../lib/crowd.mjs';
import { service } from '../lib/faults.mjs';
import { auditClean, newDrop, people, purchase, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

const USERS = 5000;
const TIMES = 10;
const SECONDS = 3;
/** What a machine with other work to do may take; what it took is told. */
const REFUSED_MS = 5000;
const ACCEPTED_MS = 5000;
const RECOVERY_MS = 10_000;

/** @type {Crowd} */
let crowd;

before(async () => {
	crowd = await Crowd.make(stack, USERS);
}, { timeout: 120_000 });

/** @param {import('../lib/crowd.mjs').Times} t */
const times = (t) => `${t.count}, p50 ${t.p50} ms, p99 ${t.p99} ms, at most ${t.max} ms`;

/** Nobody is without a clear answer in good time. @param {import('../lib/crowd.mjs').Rush} rush */
function assertClear(rush) {
	assert.deepEqual(Object.keys(rush.statuses).filter((status) => !['201', '503', '429'].includes(status)), [], `each holds a pair or is told to come back: ${JSON.stringify(rush.statuses)}`);
	assert.equal(rush.missing, 0, 'nobody waited out a time-out');
	assert.equal(rush.broken, 0, 'no connection was cut');
	assert.equal(rush.strange, 0, 'each refusal is a problem document with Retry-After');
	assert.ok(rush.refused.count > 0, 'it was more than it could take');
	assert.ok(rush.accepted.count > 0, 'and it went on selling');
	assert.ok(rush.refused.p99 < REFUSED_MS, `refusals took ${rush.refused.p99} ms`);
	assert.ok(rush.accepted.p99 < ACCEPTED_MS, `accepted reserves took ${rush.accepted.p99} ms`);
}

/** Some who hold a pair before the rush begins. */
async function early() {
	const drop = await newDrop({ totalStock: 1000, holdSeconds: 300 });
	const holders = [];

	for (const { api } of await people(8))
		holders.push({ api, hold: await reserve(api, drop.id) });
	return holders;
}

/** They buy it while the rush is on; gives how long the slowest took. @param {Awaited<ReturnType<typeof early>>} holders */
async function buy(holders) {
	const took = [];

	for (const { api, hold } of holders) {
		const began = performance.now();

		await purchase(api, hold.id);
		took.push(performance.now() - began);
		await pause(100);
	}
	return Math.max(...took);
}

/** The rush, and how it is right after it. @param {import('node:test').TestContext} t @param {Parameters<Crowd['rush']>[0]} load */
async function overload(t, load) {
	const holders = await early();
	const [rush, slowest] = await Promise.all([crowd.rush(load), buy(holders)]);
	const began = Date.now();
	const drop = await newDrop({ totalStock: 50 });
	const [one] = await people(1);

	await waitFor('somebody to be served', async () => (await one?.api.post(`/api/drops/${drop.id}/reservations`, {}))?.status === 201, RECOVERY_MS);
	t.diagnostic(`offered ${Math.round(rush.sent / rush.seconds)} reserves a second over ${load.connections} connections`);
	t.diagnostic(`accepted: ${times(rush.accepted)}`);
	t.diagnostic(`refused with 503 and Retry-After: ${times(rush.refused)} (wanted: p99 under 100 ms)`);
	t.diagnostic(`those who held a pair already bought it in at most ${Math.round(slowest)} ms`);
	t.diagnostic(`${Date.now() - began} ms after the last of it somebody new was served (wanted: 1000)`);
	assertClear(rush);
	return rush;
}

test('as much as this machine can offer, over 4,000 connections: refused early and clearly, or served', { timeout: 120_000 }, async (t) => {
	await crowd.rush({ connections: 64, seconds: 1, reserves: 20_000 });	/* warmed up */
	const calm = await crowd.rush({ connections: 64, seconds: 2, reserves: 60_000 });

	t.diagnostic(`with 64 connections: ${Math.round(calm.accepted.count / calm.seconds)} accepted a second, p99 ${calm.accepted.p99} ms`);
	const rush = await overload(t, { connections: 4000, seconds: SECONDS, reserves: 300_000 });

	t.diagnostic(`p99 of what was accepted: ${(rush.accepted.p99 / calm.accepted.p99).toFixed(1)} times that`);
	/* Little's law: they send anew as soon as they are answered, so only more answers a second could make any of them faster */
	t.diagnostic(`4,000 who never rest wait ${Math.round(4000 * 1000 * rush.seconds / rush.sent)} ms each on average at that many answers a second`);
	await auditClean();
});

test('ten times what it can serve, for three seconds', { timeout: 120_000 }, async (t) => {
	const conf = path.join(stack.dir, 'lastpair.conf');
	const kept = fs.readFileSync(conf);
	const restart = async () => {
		await service('restart', 'api');
		await stack.whole();
	};

	/* no client on the same machine can offer ten times what calls of many can do */
	fs.appendFileSync(conf, 'reserve_batch = 1\nreserve_wait_ms = 5\n');
	try {
		await restart();
		await crowd.rush({ connections: 4, seconds: 1, reserves: 4000 });
		const calm = await crowd.rush({ connections: 4, seconds: 2, reserves: 10_000 });
		const served = calm.accepted.count / calm.seconds;

		t.diagnostic(`one call a reserve, 4 connections: ${Math.round(served)} accepted a second, p99 ${calm.accepted.p99} ms`);
		const rush = await overload(t, { connections: 2000, rate: Math.round(TIMES * served), seconds: SECONDS, reserves: TIMES * served * SECONDS });

		t.diagnostic(`p99 of what was accepted: ${(rush.accepted.p99 / calm.accepted.p99).toFixed(1)} times that (wanted: 3)`);
	} finally {
		fs.writeFileSync(conf, kept);
		await restart();
	}
	await auditClean();
});
