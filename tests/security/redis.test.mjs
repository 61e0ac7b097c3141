/** A Redis that asks who calls. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { restartPrograms, withSetting } from '../lib/settings.mjs';
import { Stream } from '../lib/sse.mjs';
import { run } from '../lib/stack.mjs';
import { metric, newDrop, person, reserve } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

/* what the man page says it needs, and nothing more */
const MAY = ['resetchannels', '&lastpair', '+publish', '+subscribe', '+ping', '+role'];
const RIGHT = 'lastpair open-sesame';

/** @param {string[]} words */
async function redis(words) {
	const { code, stdout } = await run('redis-cli', ['-s', path.join(stack.dir, 'run/redis.sock'), '--user', 'admin', '-a', 'for the test', '--no-auth-warning', ...words]);

	assert.ok(code === 0 && stdout.trim() === 'OK', `${words.join(' ')}: ${stdout}`);
}

const read = (/** @type {string} */ name) => fs.readFileSync(path.join(stack.dir, 'log', name), 'utf8');

test('API2: a Redis with a password is told it, and one that refuses costs browsers a second and the store nothing', { timeout: 120_000 }, async (t) => {
	const file = path.join(stack.dir, 'secrets/redis.password');
	const { uid, gid } = fs.statSync(path.join(stack.dir, 'secrets/signing.key'));
	const write = (/** @type {string} */ line) => {
		fs.writeFileSync(file, `${line}\n`, { mode: 0o600 });
		fs.chownSync(file, uid, gid);
	};

	assert.equal((await run('redis-cli', ['-s', path.join(stack.dir, 'run/redis.sock'), 'ACL', 'SETUSER', 'admin', 'on', '>for the test', '~*', '&*', '+@all'])).stdout.trim(), 'OK');
	t.after(async () => {
		await redis(['ACL', 'SETUSER', 'default', 'on', 'nopass']);
		await redis(['ACL', 'DELUSER', 'lastpair']).catch(() => {});	/* says how many */
	});
	await redis(['ACL', 'SETUSER', 'lastpair', 'on', '>open-sesame', ...MAY]);
	write(RIGHT);
	await withSetting(t, `redis_password_file = ${file}`);
	await redis(['ACL', 'SETUSER', 'default', 'off']);
	await restartPrograms();

	const drop = await newDrop({ totalStock: 5 });
	const stream = await Stream.open(stack.port);
	const seen = (/** @type {number} */ available, ms = 5000) => stream.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.availableStock === available, { ms });
	const lost = await metric('lastpair_publish_dropped_total');

	t.after(() => stream.close());
	await reserve((await person()).api, drop.id);
	await seen(4);
	assert.equal(await metric('lastpair_publish_dropped_total'), lost);

	write('lastpair not-this-one');
	await restartPrograms('down');
	const back = await Stream.open(stack.port);

	t.after(() => back.close());
	await reserve((await person()).api, drop.id);
	await back.next((e) => e.event === 'stock:update' && e.data.dropId === drop.id && e.data.availableStock === 3);
	await waitFor('the publisher to say why', () => /Redis does not take messages \(NOAUTH/.test(read('api.log')));
	await waitFor('the daemon to say why', () => /Redis: WRONGPASS/.test(read('sse.log')));
	for (const name of ['api.log', 'sse.log'])
		assert.ok(!/sesame|not-this-one/.test(read(name)), `${name} tells no password`);

	write('three words each');
	stack.kill('lastpair-sse', 'SIGTERM');
	await waitFor('the daemon to say what is wrong with the file', () => read('sse.log').includes(`redis_password_file ${file}: it wants one line`));
	write(RIGHT);
	await restartPrograms();
});
