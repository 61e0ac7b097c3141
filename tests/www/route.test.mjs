/** Where one is in the page: every address leads to one view, and back to itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseRoute, urlOf } from '../../www/js/route.js';

const PLACES = ['/', '/?status=live', '/?status=past&size=43', '/?size=EU+43', '/drops/7', '/me', '/console', '/console/new',
	'/console/drops/12', '/console/actions'];

test('each address of the page is a view, and the view is that address', () => {
	for (const place of PLACES) {
		const { pathname, search } = new URL(place, 'http://x');

		assert.equal(urlOf(parseRoute(pathname, search)), place);
	}
});

test('what is no address of the page is none of its views', () => {
	for (const place of ['/drops', '/drops/', '/drops/0', '/drops/07', '/drops/x', '/drops/1/2', '/console/drops', '/consoles',
		'/api/drops', '/drops/12345678901234567'])
		assert.equal(parseRoute(place, ''), null, place);
});

test('a filter nobody offers is no filter, and a slash at the end is nothing', () => {
	assert.deepEqual(parseRoute('/', '?status=gone&size='), { view: 'floor', status: 'all', size: '' });
	assert.deepEqual(parseRoute('/me/', ''), { view: 'mine' });
});
