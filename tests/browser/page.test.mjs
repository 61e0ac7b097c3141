/** The page in a real browser: what two people see of each other, and all that one can do. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { card, connected, openPage, quit, shows } from '../lib/browser.mjs';
import { admin, auditClean, counts, dropNow, newDrop, PASSWORD, people, person, reserve, unique } from '../lib/store.mjs';
import { run } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { waitFor } from '../lib/wait.mjs';

after(quit);

const id = (/** @type {string} */ name) => `[data-testid=${name}]`;
const holdOf = (/** @type {any} */ page, /** @type {number} */ drop) => page.locator(`${id('hold')}[data-hold-drop="${drop}"]`);

/** What a button does when it is pressed by hand. @param {any} locator */
async function press(locator) {
	await locator.scrollIntoViewIfNeeded();
	await locator.click();
}

test('two people see one reserve without reloading', async (t) => {
	const drop = await newDrop({ totalStock: 3 });
	const [one, two] = await people(2);

	assert.ok(one && two);
	const [mine, theirs] = [await openPage(t, { as: one }), await openPage(t, { as: two })];
	await shows(theirs, drop.id, 'available', 3);
	await press(card(mine, drop.id).locator(id('reserve')));
	await shows(mine, drop.id, 'available', 2);
	await shows(theirs, drop.id, 'available', 2);
	await shows(theirs, drop.id, 'reserved', 1);
	await holdOf(mine, drop.id).waitFor();
	assert.equal(await holdOf(theirs, drop.id).count(), 0, 'the hold itself is its holder\'s alone');
});

test('somebody who is not signed in sees the stock move as well', async (t) => {
	const drop = await newDrop({ totalStock: 3 });
	const page = await openPage(t);

	await shows(page, drop.id, 'available', 3);
	await reserve((await person()).api, drop.id);
	await shows(page, drop.id, 'available', 2);
});

test('a hold counts down, lapses, and its pair is back in every page', async (t) => {
	const drop = await newDrop({ totalStock: 1, holdSeconds: 5 });
	const [one, two] = await people(2);

	assert.ok(one && two);
	const [mine, theirs] = [await openPage(t, { as: one }), await openPage(t, { as: two })];
	await press(card(mine, drop.id).locator(id('reserve')));
	const countdown = holdOf(mine, drop.id).locator(id('hold-countdown'));
	await countdown.waitFor();
	const seen = new Set();
	await waitFor('the countdown to move', async () => seen.add(await countdown.textContent()).size >= 3);
	await shows(theirs, drop.id, 'available', 0);
	await shows(theirs, drop.id, 'available', 1, 10_000);
	await shows(mine, drop.id, 'available', 1);
	await holdOf(mine, drop.id).waitFor({ state: 'detached' });
	assert.deepEqual(counts(await dropNow(drop.id)), [1, 0, 0]);
});

test('a hold is bought, in this page and in the other of the same user', async (t) => {
	const drop = await newDrop({ totalStock: 2 });
	const who = await person();
	const [page, tab] = [await openPage(t, { as: who }), await openPage(t, { as: who })];

	await press(card(page, drop.id).locator(id('reserve')));
	await holdOf(tab, drop.id).waitFor();
	await press(holdOf(page, drop.id).locator(id('buy')));
	await shows(page, drop.id, 'sold', 1);
	await shows(tab, drop.id, 'sold', 1);
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
	await holdOf(tab, drop.id).waitFor({ state: 'detached' });
	await page.locator(`${id('my-purchases')} li[data-id]`).waitFor({ state: 'attached' });
	await waitFor('the buyer\'s name', async () => (await card(page, drop.id).locator(id('buyers')).textContent())?.includes(who.username));
	assert.equal((await who.api.get('/api/purchases')).body.purchases.length, 1);
});

test('a hold is given back', async (t) => {
	const drop = await newDrop({ totalStock: 1 });
	const who = await person();
	const page = await openPage(t, { as: who });

	await press(card(page, drop.id).locator(id('reserve')));
	await press(holdOf(page, drop.id).locator(id('give-back')));
	await shows(page, drop.id, 'available', 1);
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
	assert.equal((await who.api.get('/api/reservations')).body.reservations[0].status, 'released');
});

test('a hold is still there, with its time, after a reload', async (t) => {
	const drop = await newDrop({ totalStock: 1 });
	const who = await person();

	await reserve(who.api, drop.id);
	const page = await openPage(t, { as: who });
	await holdOf(page, drop.id).locator(id('hold-countdown')).waitFor();
	await page.reload();
	await connected(page);
	await holdOf(page, drop.id).locator(id('hold-countdown')).waitFor();
});

test('a size is chosen, and that one is held', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 1 }, { size: '43', totalStock: 2 }] });
	const who = await person();
	const page = await openPage(t, { as: who });

	await press(card(page, drop.id).locator(`${id('size-option')}[data-size="43"]`));
	await press(card(page, drop.id).locator(id('reserve')));
	await holdOf(page, drop.id).waitFor();
	assert.equal((await who.api.get('/api/reservations')).body.reservations[0].size, '43');
});

test('the last pair gone, the other page says so and its button cannot act', async (t) => {
	const drop = await newDrop({ totalStock: 1 });
	const page = await openPage(t, { as: await person() });

	await reserve((await person()).api, drop.id);
	await shows(page, drop.id, 'available', 0);
	await waitFor('the button', async () => await card(page, drop.id).locator(id('reserve')).getAttribute('aria-disabled') === 'true');
});

test('signing up, out and in again through the forms', async (t) => {
	const username = unique('Form');
	const email = `${username.toLowerCase()}@test.example`;
	const page = await openPage(t, { tolerate: /status of 401 .*\/api\/auth\/login$/ });

	await press(page.locator(id('sign-in-open')));
	await press(page.locator(id('show-sign-up')));
	const up = page.locator(id('sign-up-form'));
	await up.locator('[name=username]').fill(username);
	await up.locator('[name=email]').fill(email);
	await up.locator('[name=password]').fill(PASSWORD);
	await press(up.locator('[type=submit]'));
	await waitFor('the name', async () => (await page.locator(id('signed-in-user')).textContent())?.includes(username));
	await page.reload();
	await waitFor('the name after a reload', async () => (await page.locator(id('signed-in-user')).textContent())?.includes(username));
	await press(page.locator(id('sign-out')));
	await page.locator(id('sign-in-open')).waitFor();
	await press(page.locator(id('sign-in-open')));
	const sign = page.locator(id('sign-in-form'));
	await sign.locator('[name=email]').fill(email);
	await sign.locator('[name=password]').fill('not that one at all');
	await press(sign.locator('[type=submit]'));
	await waitFor('a refusal to be told', async () => /match/i.test(await page.locator('dialog[open]').textContent() ?? ''));
	await sign.locator('[name=password]').fill(PASSWORD);
	await press(sign.locator('[type=submit]'));
	await waitFor('the name', async () => (await page.locator(id('signed-in-user')).textContent())?.includes(username));
	const scriptSees = await page.evaluate('document.cookie');
	assert.equal(scriptSees, '', 'no script can read the session');
});

test('pressing reserve without being signed in leads to the form, and then it works', async (t) => {
	const drop = await newDrop({ totalStock: 2 });
	const who = await person();
	const page = await openPage(t);

	await press(card(page, drop.id).locator(id('reserve')));
	const form = page.locator(id('sign-in-form'));
	await form.locator('[name=email]').fill(who.email);
	await form.locator('[name=password]').fill(PASSWORD);
	await press(form.locator('[type=submit]'));
	await page.locator(id('signed-in-user')).waitFor();
	if (!await holdOf(page, drop.id).count())
		await press(card(page, drop.id).locator(id('reserve')));
	await holdOf(page, drop.id).waitFor();
});

test('an administrator creates a drop, and it appears in another page by itself', async (t) => {
	const boss = await openPage(t, { as: { api: await admin() } });
	const other = await openPage(t);
	const name = unique('Fresh from the form');

	await press(boss.locator(id('admin-create-open')));
	const form = boss.locator(id('admin-create-form'));
	await form.locator('[name=name]').fill(name);
	await form.locator('[name=priceCents]').fill('129.50');
	const single = form.locator('[name=sizing][value=one]');
	if (await single.count())
		await single.check();
	await form.locator('[name=totalStock]').fill('7');
	await press(form.locator('[type=submit]'));
	const made = await waitFor('the drop', async () => (await (await admin()).get('/api/drops?limit=1')).body.drops.find((/** @type {any} */ d) => d.name === name));
	assert.deepEqual([made.priceCents, made.totalStock], [12950, 7]);
	await card(other, made.id).waitFor();
	assert.ok((await card(other, made.id).textContent())?.includes(name));
	await shows(other, made.id, 'available', 7);
});

test('an administrator pauses, resumes and restocks, and other pages follow', async (t) => {
	const drop = await newDrop({ totalStock: 2 });
	const boss = await openPage(t, { as: { api: await admin() } });
	const other = await openPage(t, { as: await person() });
	const status = (/** @type {string} */ s) => other.locator(`[data-drop="${drop.id}"][data-status=${s}]`).waitFor();

	await press(card(boss, drop.id).locator(id('admin-pause')));
	await status('paused');
	await press(card(boss, drop.id).locator(id('admin-pause')));
	await status('live');
	await press(card(boss, drop.id).locator(id('admin-restock')));
	const form = boss.locator(id('admin-restock-form'));
	await form.locator('[name=quantity]').fill('5');
	await press(form.locator('[type=submit]'));
	await shows(other, drop.id, 'available', 7);
	for (const name of ['admin-create-open', 'admin-pause', 'admin-restock'])
		assert.equal(await other.locator(`${id(name)}:visible`).count(), 0, 'nothing of this is offered to others');
});

test('a drop that opens while one looks on becomes live by itself', async (t) => {
	const drop = await newDrop({ totalStock: 2, dropStartsAt: new Date(Date.now() + 5000).toISOString() });
	const page = await openPage(t, { as: await person() });
	const status = (/** @type {string} */ s) => page.locator(`[data-drop="${drop.id}"][data-status=${s}]`).waitFor();

	await status('upcoming');
	await status('live');
	await press(card(page, drop.id).locator(id('reserve')));
	await holdOf(page, drop.id).waitFor();
});

test('names with markup are shown as they are and run nothing', async (t) => {
	const name = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>${unique()}`;
	const drop = await newDrop({ name, description: '<svg onload=window.pwned=1>', sizes: [{ size: '<b>42</b>', totalStock: 2 }] });
	const page = await openPage(t, { as: await person() });

	await card(page, drop.id).waitFor();
	assert.ok((await card(page, drop.id).textContent())?.includes(name));
	await press(card(page, drop.id).locator(id('size-option')).first());
	await press(card(page, drop.id).locator(id('reserve')));
	await holdOf(page, drop.id).waitFor();
	assert.equal(await page.evaluate('window.pwned'), undefined);
	assert.equal(await page.locator('img[src="x"], [onerror], [onload], main b').count(), 0);
});

test('the indicator tells when the stream is away, and the page is right once it is back', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const page = await openPage(t, { tolerate: /Failed to load resource|ERR_|api\/events|EventSource/ });

	await shows(page, drop.id, 'available', 5);
	const service = `${stack.dir}/service/sse`;
	await run('sv', ['-w', '10', 'down', service]);
	try {
		await page.locator(`${id('connection')}:not([data-state=live])`).waitFor({ state: 'attached' });
		await reserve((await person()).api, drop.id);
		await page.locator(`${id('connection')}[data-state=offline]`).waitFor({ state: 'attached', timeout: 20_000 });
	} finally {
		await run('sv', ['up', service]);
	}
	await stack.whole();
	const back = Date.now();
	await shows(page, drop.id, 'available', 4, 6000);
	await connected(page);
	assert.ok(Date.now() - back < 6000, `${Date.now() - back} ms after all parts were up`);
});

test('the daemon killed, the page is right within five seconds of its return', { timeout: 90_000 }, async (t) => {
	const drop = await newDrop({ totalStock: 5 });
	const page = await openPage(t, { tolerate: /Failed to load resource|ERR_|api\/events|EventSource/ });
	const old = stack.kill('lastpair-sse');

	await reserve((await person()).api, drop.id);
	await waitFor('another daemon', () => stack.pids('lastpair-sse').some((pid) => !old.includes(pid)));
	await stack.whole();
	await shows(page, drop.id, 'available', 4, 5000);
});

test('signing out takes the holds away and ends the session', async (t) => {
	const drop = await newDrop();
	const who = await person();

	await reserve(who.api, drop.id);
	const page = await openPage(t, { as: who });
	await holdOf(page, drop.id).waitFor();
	await press(page.locator(id('sign-out')));
	await page.locator(id('sign-in-open')).waitFor();
	await holdOf(page, drop.id).waitFor({ state: 'detached' });
	assert.equal((await who.api.get('/api/auth/me')).status, 401);
});

for (const width of [390, 320, 1280]) {
	test(`at ${width} pixels nothing needs scrolling sideways, signed in and with a hold`, async (t) => {
		const drop = await newDrop({ name: `${unique('A-very-long-name-without-any-place-to-break')}-${'x'.repeat(40)}`,
			sizes: Array.from({ length: 14 }, (_, i) => ({ size: `EU ${36 + i}`, totalStock: 2 })) });
		const who = await person();

		await reserve(who.api, drop.id, 'EU 40');
		const page = await openPage(t, { as: who, width, height: 844 });
		await holdOf(page, drop.id).waitFor();
		const sideways = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
		assert.equal(await sideways(), 0);
		await card(page, drop.id).scrollIntoViewIfNeeded();
		const box = await card(page, drop.id).boundingBox();
		assert.ok(box && box.x >= 0 && box.x + box.width <= width, JSON.stringify(box));
	});
}

test('at 390 pixels one can sign in, reserve and buy', async (t) => {
	const drop = await newDrop({ totalStock: 2 });
	const who = await person();
	const page = await openPage(t, { width: 390, height: 844 });

	await press(page.locator(id('sign-in-open')));
	const form = page.locator(id('sign-in-form'));
	await form.locator('[name=email]').fill(who.email);
	await form.locator('[name=password]').fill(PASSWORD);
	await press(form.locator('[type=submit]'));
	await page.locator(id('signed-in-user')).waitFor({ state: 'attached' });
	await press(card(page, drop.id).locator(id('reserve')));
	await press(holdOf(page, drop.id).locator(id('buy')));
	await shows(page, drop.id, 'sold', 1);
});

test('with the keyboard alone one reserves, and the focus stays where it was', async (t) => {
	const drop = await newDrop({ totalStock: 2 });
	const page = await openPage(t, { as: await person() });
	const button = card(page, drop.id).locator(id('reserve'));

	await button.focus();
	await page.keyboard.press('Enter');
	await holdOf(page, drop.id).waitFor();
	assert.ok(await page.evaluate('document.activeElement !== document.body'), 'the focus is not lost');
});

test('after all of it the audit is clean', async () => {
	await auditClean();
});
