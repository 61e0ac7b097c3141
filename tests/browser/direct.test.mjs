/** A store that sends its pages to the event daemon itself: they notice nothing. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { openPage, quit, shows } from '../lib/browser.mjs';
import { anyone, newDrop, people, reserve } from '../lib/store.mjs';
import { freePort } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';
import { figure, withSettings } from '../sse/daemon.mjs';

after(quit);

test('a page is live, and its holder\'s own, on a stream straight from the daemon', async (t) => {
	const port = await freePort();
	const site = path.join(stack.dir, 'site.d', 'events.conf');
	const reload = () => process.kill(stack.pid('nginx'), 'SIGHUP');
	const undo = await withSettings(`sse_listen = 127.0.0.1:${port}\nsse_origins = ${stack.url}`);

	t.after(undo);
	fs.mkdirSync(path.dirname(site), { recursive: true, mode: 0o755 });
	fs.writeFileSync(site, `set $lastpair_events_origin "http://127.0.0.1:${port}";\n`);
	t.after(() => {
		fs.rmSync(site);
		reload();
	});
	reload();
	await waitFor('nginx to send pages over', async () => (await anyone.get('/api/events')).status === 307);

	const drop = await newDrop({ totalStock: 3 });
	const [one, two] = await people(2);
	assert.ok(one && two);
	const [mine, theirs] = [await openPage(t, { as: one }), await openPage(t, { as: two })];
	assert.equal(await figure('members'), 2, 'their sessions went along');
	const hold = await reserve(one.api, drop.id);	/* as in another tab */
	await mine.locator(`[data-testid=hold][data-hold-drop="${drop.id}"]`).waitFor();
	await shows(mine, drop.id, 'available', 2);
	await shows(theirs, drop.id, 'available', 2);
	assert.equal(await theirs.locator('[data-testid=hold]').count(), 0);
	await one.api.del(`/api/reservations/${hold.id}`);
	await shows(theirs, drop.id, 'available', 3);
});
