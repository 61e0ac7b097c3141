/**
 * The OpenAPI document is one, and names what the sources name: the calls of cgi-bin/routes.c with who may make them and
 * whether they take a body, the refusals of cgi-bin/reply.c, nginx and the event daemon. Speaks TAP.
 *
 *     node tests/build/api-document.mjs
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { document, promised } from '../lib/openapi.mjs';
import { TOP } from '../lib/stack.mjs';

const read = (/** @type {string} */ name) => fs.readFileSync(path.join(TOP, name), 'utf8');
/** Calls that no worker answers. */
const ELSEWHERE = ['GET /api/events', 'OPTIONS /api/events', 'GET /api/openapi.json'];
let count = 0;

/** @param {string} name @param {() => unknown} body */
async function check(name, body) {
	count++;
	try {
		await body();
		console.log(`ok ${count} - ${name}`);
	} catch (error) {
		console.log(`not ok ${count} - ${name}\n# ${String(error instanceof Error ? error.message : error).replaceAll('\n', '\n# ')}`);
		process.exitCode = 1;
	}
}

/** The calls of the document. @returns {Record<string, any>} */
function calls() {
	return Object.fromEntries(Object.entries(document.paths).flatMap(([where, item]) => Object.entries(/** @type {any} */ (item))
		.filter(([method]) => method !== 'parameters')
		.map(([method, operation]) => [`${method.toUpperCase()} ${where}`, operation])));
}

const routes = [...read('cgi-bin/routes.c').matchAll(/\{ (GET|POST|PATCH|DELETE),\s*"([^"]+)",\s*(OPEN|SIGNED_IN|ADMIN),\s*([^,]+),/g)]
	.map(([, method, where, access]) => ({ call: `${method} ${where}`, access }));

await check('the document is OpenAPI 3.1', async () => {
	const result = await new Validator().validate(structuredClone(document));

	assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
	assert.equal(document.openapi, '3.1.0');
});

await check('its calls are those of routes.c, and the few that are answered elsewhere', () => {
	assert.ok(routes.length > 15, 'the table was found');
	assert.deepEqual(Object.keys(calls()).sort(), [...routes.map(({ call }) => call), ...ELSEWHERE].sort());
});

await check('who may make a call is as in routes.c', () => {
	const all = calls();

	for (const { call, access } of routes) {
		assert.equal(all[call].security.length > 0, access !== 'OPEN', call);
		assert.equal(JSON.stringify(all[call].responses).includes('/Forbidden'), access === 'ADMIN', call);
		assert.equal('401' in all[call].responses, access !== 'OPEN' || call === 'POST /api/auth/login', call);
	}
});

await check('every call that changes something by POST takes an Idempotency-Key, but for the sign-out', () => {
	for (const [call, { parameters = [] }] of Object.entries(calls()))
		assert.equal(JSON.stringify(parameters).includes('IdempotencyKey'), call.startsWith('POST ') && call !== 'POST /api/auth/logout', call);
});

/** @param {string} text @param {RegExp} pattern  status first, then code */
const refusals = (text, pattern) => [...text.matchAll(pattern)].map(([, status, code]) => `${status} ${code}`);

await check('its refusals are those of reply.c, nginx and the event daemon, each with its status', () => {
	const own = refusals(read('cgi-bin/reply.c'), /\] = \{ (\d{3}), "(\w+)"/g);
	const nginx = refusals(read('nginx/lastpair.site.in'), /"status":(\d{3}),[^']*"code":"(\w+)"/g);
	const daemon = refusals(read('sse/server.c') + read('sse/door.c'), /(?:refuse_request\(v, &?c|turn_away\(\w+), (\d{3}), "(\w+)"/g);
	const named = promised().map((line) => line.match(/ ([45]\d\d) (\w+)$/)).filter(Boolean).map((found) => `${found?.[1]} ${found?.[2]}`);

	assert.ok(own.length >= 25 && nginx.length >= 13 && daemon.length >= 6, 'the tables were found');
	assert.deepEqual([...new Set(named)].sort(), [...new Set([...own, ...nginx, ...daemon])].sort());
});

await check('every operation has an id of its own and a tag that is explained', () => {
	const all = Object.values(calls());
	const tags = document.tags.map((/** @type {any} */ tag) => tag.name);

	assert.equal(new Set(all.map(({ operationId }) => operationId)).size, all.length);
	for (const operation of all)
		assert.ok(operation.tags.every((/** @type {string} */ tag) => tags.includes(tag)), operation.operationId);
});

console.log(`1..${count}`);
