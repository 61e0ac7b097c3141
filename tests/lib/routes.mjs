/** The API's own table of its routes (cgi-bin/routes.c), so that a test that goes through all of them notices a new one. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { TOP } from './stack.mjs';

/** @typedef {{method: string, path: string, access: string}} Route */

/** @type {Route[]} */
export const ROUTES = [...fs.readFileSync(path.join(TOP, 'cgi-bin/routes.c'), 'utf8').matchAll(/^\t\{ ([A-Z]+),\s*"([^"]+)",\s*([A-Z_]+),/gm)]
	.map(([, method = '', where = '', access = '']) => ({ method, path: where, access }));

/** None of those routes is missing among what was tried. @param {(route: Route) => boolean} which @param {readonly (readonly [string, string, ...any[]])[]} tried */
export function assertAllTried(which, tried) {
	const wanted = ROUTES.filter(which);
	const fits = (/** @type {Route} */ route) => tried.some(([method, where]) => method === route.method
		&& new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll('{id}', '[^/]+')}$`).test(where.split('?')[0] ?? ''));

	assert.ok(ROUTES.length >= 20 && wanted.length, `${ROUTES.length} routes are known`);
	assert.deepEqual(wanted.filter((route) => !fits(route)).map(({ method, path: where }) => `${method} ${where}`), [], 'routes that are not tried');
}
