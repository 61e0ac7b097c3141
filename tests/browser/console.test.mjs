/** The console in a real browser: an administrator at work, with buyers who see what comes of it. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { card, connected, launch, openPage, quit, shows } from '../lib/browser.mjs';
import { admin, auditClean, dropNow, newDrop, PASSWORD, people, person, purchase, reserve, unique } from '../lib/store.mjs';
import { ADMIN } from '../lib/stack.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';
import { pause, waitFor } from '../lib/wait.mjs';

after(quit);

const id = (/** @type {string} */ name) => `[data-testid=${name}]`;
const board = (/** @type {number} */ drop) => `/console/drops/${drop}`;

/** The console as the administrator. @param {any} t @param {string} path @param {object} [more] */
const office = async (t, path, more = {}) => openPage(t, { as: { api: await admin() }, path, ...more });

/** Waits until a figure of the board is as said. @param {any} page @param {string} name @param {string|number} value */
const reads = (page, name, value) => page.locator(`${id(`board-${name}`)}[data-value="${value}"]`).waitFor({ state: 'attached' });

/** The number of the drop that the page has gone to. @param {any} page @returns {Promise<number>} */
async function madeIn(page) {
	await page.waitForURL(/\/console\/drops\/\d+$/);
	return Number(page.url().split('/').at(-1));
}

/** @param {any} page @param {number} drop @param {string} status */
const status = (page, drop, status) => page.locator(`[data-drop="${drop}"][data-status=${status}]`).waitFor();

/** What a datetime-local input of that page holds for a moment this far from now. @param {any} page @param {number} ms */
const wallIn = (page, ms) => page.evaluate((/** @type {number} */ ahead) => {
	const at = new Date(Date.now() + ahead);

	return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace(/:00$/, '');	/* as the browser writes it */
}, ms);

test('a drop from its first line to its end, and a buyer sees every step', async (t) => {
	const boss = await office(t, '/console');
	const buyer = await openPage(t, { as: await person() });
	const name = unique('Whole life');

	await boss.locator(id('admin-create-open')).click();
	const form = boss.locator(id('admin-create-form'));
	await form.locator('[name=name]').fill(name);
	await form.locator('[name=priceCents]').fill('129.00');
	await form.locator('[name=sizing][value=several]').check();
	for (const row of await form.locator(id('admin-size-row')).all().then((rows) => rows.slice(2).reverse()))
		await row.locator('button').click();
	await form.locator('[name=dropStartsAt]').fill(await wallIn(boss, 4000));
	await form.locator('[type=submit]').click();
	const drop = await madeIn(boss);
	const made = await dropNow(drop);
	assert.deepEqual([made.priceCents, made.totalStock, made.sizes.length], [12900, 20, 2]);
	await status(buyer, drop, 'upcoming');
	await status(buyer, drop, 'live');

	const edit = boss.locator(id('admin-edit-form'));
	await edit.locator('[name=priceCents]').fill('139,50');
	await edit.locator('[name=description]').fill('Second thoughts.');
	await edit.locator('[type=submit]').click();
	await waitFor('the new price with the buyer', async () => (await card(buyer, drop).textContent())?.includes('139.50'));
	assert.equal((await dropNow(drop)).priceCents, 13950);

	await boss.locator(id('admin-pause')).click();
	await status(buyer, drop, 'paused');
	await boss.locator(`${id('admin-pause')}[data-active=false]`).click();
	await status(buyer, drop, 'live');

	await boss.locator(id('admin-restock')).click();
	const shelf = boss.locator(id('admin-restock-form'));
	await shelf.locator('[name=size]').selectOption('41');
	await shelf.locator('[name=quantity]').fill('5');
	await shelf.locator('[type=submit]').click();
	await shows(buyer, drop, 'available', 25);
	await reads(boss, 'available', 25);

	await boss.locator(id('admin-end')).click();
	await boss.locator(id('admin-end-confirm')).click();
	await status(buyer, drop, 'ended');
	await boss.locator(`${id('board')}[data-status=ended]`).waitFor();
	assert.equal(await boss.locator(id('admin-end')).getAttribute('aria-disabled'), 'true');

	const deeds = boss.locator('[data-action-id]');
	await waitFor('all of it in the trail', async () => await deeds.count() === 6);
	const told = await deeds.allTextContents();
	for (const [i, words] of [/ended/, /restocked.*41: 10.*41: 15/, /resumed/, /paused/, /changed.*129\.00.*139\.50.*Second thoughts/, /created.*129\.00/].entries())
		assert.match(String(told[i]), words);
	await boss.locator(id('console-trail')).click();
	await boss.locator(id('trail-drop')).selectOption(String(drop));
	await waitFor('the same in the trail of all', async () => (await deeds.allTextContents()).filter((line) => line.includes(name)).length === 6);
	assert.equal(await deeds.count(), 6, 'and of no other drop');
});

test('the board moves with what buyers do, and counts what becomes of holds', async (t) => {
	const drop = await newDrop({ totalStock: 10 });
	const [one, two, three] = await people(3);
	assert.ok(one && two && three);
	const boss = await office(t, board(drop.id));

	await reads(boss, 'available', 10);
	await reads(boss, 'conversion', '');
	const hold = await reserve(one.api, drop.id);
	await reads(boss, 'held', 1);
	await waitFor('holds a second', async () => Number(await boss.locator(id('board-holds-rate')).getAttribute('data-value')) > 0);
	await purchase(one.api, hold.id);
	await reads(boss, 'sold', 1);
	await waitFor('sales a second', async () => Number(await boss.locator(id('board-sales-rate')).getAttribute('data-value')) > 0);
	await reads(boss, 'conversion', 100);
	const given = await reserve(two.api, drop.id);
	await two.api.del(`/api/reservations/${given.id}`);
	await reads(boss, 'conversion', 50);
	await reserve(three.api, drop.id);
	await reads(boss, 'held', 1);
	await reads(boss, 'available', 8);
	await waitFor('the drawing', async () => /M.+V/.test(String(await boss.locator(`${id('board-chart')} .chart-sold`).getAttribute('d'))));
	assert.match(String(await boss.locator(id('board-chart')).getAttribute('aria-label')), /1 of 10/);
	const [label, listed] = [await boss.locator('.chart-legend').textContent(), await boss.locator('.chart-table tbody tr').last().textContent()];
	assert.match(String(label), /1 sold.*1 held/);
	assert.ok(String(listed).includes('10%'), 'the table ends as the drop stands');

	/* whoever comes later gets the past from the store */
	const later = await office(t, board(drop.id));
	await reads(later, 'conversion', 50);
	assert.ok(await later.locator('.chart-table tbody tr').count() >= 3);
});

test('purchases appear by themselves, are found, and taken away as CSV', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 30 }] });
	const buyers = await people(24);
	const boss = await office(t, board(drop.id));
	const rows = boss.locator(`${id('board-purchases')} tr[data-id]`);
	const search = boss.locator(id('board-search'));

	await Promise.all(buyers.map(async ({ api }) => purchase(api, (await reserve(api, drop.id, '42')).id)));
	await waitFor('the first page', async () => await rows.count() === 20);
	await boss.getByRole('button', { name: 'Show more' }).first().click();
	await waitFor('the rest', async () => await rows.count() === 24);
	const ids = await rows.evaluateAll((/** @type {Element[]} */ list) => list.map((row) => row.getAttribute('data-id')));
	assert.equal(new Set(ids).size, 24, 'each once');

	const wanted = buyers[7];
	await search.fill(String(wanted?.username).toUpperCase());
	await waitFor('the one', async () => await rows.count() === 1);
	assert.match(String(await rows.textContent()), new RegExp(`${wanted?.username}.*${wanted?.email}.*Size 42.*129`));
	await search.fill(String(ids[3]));
	await waitFor('the one by its number', async () => await rows.count() === 1 && await rows.getAttribute('data-id') === ids[3]);
	await search.fill('100%_\'');
	await boss.getByText('No purchase matches that.').waitFor();
	await search.fill('');
	await waitFor('all again', async () => await rows.count() === 20);

	const saved = boss.waitForEvent('download');
	await boss.locator(id('board-csv')).click();
	const file = await saved;
	assert.match(file.suggestedFilename(), /\.csv$/);
	assert.ok(boss.url().endsWith(board(drop.id)), 'the page stays where it is');
	const csv = await (await admin()).get(`/api/admin/drops/${drop.id}/purchases.csv`);
	assert.equal(csv.text.trim().split('\n').length, 25);
});

test('a refused form says why beside its field, and keeps what was typed', async (t) => {
	const boss = await office(t, '/console/new');
	const form = boss.locator(id('admin-create-form'));
	const errorOf = (/** @type {string} */ name) => form.locator(`[data-field=${name}] .field-error`);
	const name = unique('Kept');

	await form.locator('[name=name]').fill(name);
	await form.locator('[name=priceCents]').fill('dear');
	await form.locator('[name=imageUrl]').fill('ftp://elsewhere/a.png');
	await form.locator('[name=description]').fill('Two\nlines');
	await form.locator('[name=dropStartsAt]').fill('2030-05-01T10:00');
	await form.locator('[name=dropEndsAt]').fill('2030-05-01T09:00');
	await form.locator('[type=submit]').click();
	for (const field of ['priceCents', 'imageUrl', 'dropEndsAt'])
		await errorOf(field).waitFor();
	assert.equal(await errorOf('name').isVisible(), false);
	assert.equal(await boss.evaluate('document.activeElement.name'), 'priceCents', 'the first of them has the focus');
	assert.equal(await form.locator('[name=name]').inputValue(), name);

	/* also by way of another page and back */
	await boss.locator(id('console-trail')).click();
	await boss.locator(id('trail')).waitFor();
	await boss.goBack();
	assert.equal(await form.locator('[name=description]').inputValue(), 'Two\nlines');
	await form.locator('[name=priceCents]').fill('80');
	assert.equal(await errorOf('priceCents').isVisible(), false, 'the error goes with the first stroke');
	await form.locator('[name=imageUrl]').fill('/img/kiln-90.svg');
	await form.locator('[name=dropEndsAt]').fill('');
	await form.locator('[type=submit]').click();
	const drop = await dropNow(await madeIn(boss));
	assert.deepEqual([drop.name, drop.description, drop.priceCents, drop.imageUrl], [name, 'Two\nlines', 8000, '/img/kiln-90.svg']);
});

test('the preview is the card that buyers get, and nothing in it can be pressed', async (t) => {
	const boss = await office(t, '/console/new');
	const form = boss.locator(id('admin-create-form'));
	const preview = boss.locator(id('admin-preview'));
	const name = `<b>Bold</b> ${unique()}`;

	await form.locator('[name=name]').fill(name);
	await form.locator('[name=priceCents]').fill('75');
	await form.locator('.picture-choice').nth(2).click();
	await waitFor('the name', async () => (await preview.locator('h2').textContent()) === name);
	const words = await preview.locator('.card-body').textContent();
	assert.equal(await preview.locator('[inert]').count(), 1);
	assert.equal(await boss.locator('[data-drop]').count(), 0, 'it does not pass for a drop');
	assert.equal(await preview.locator('b').count(), 0);
	assert.match(String(await preview.locator('img').getAttribute('src')), /cinder-runner/);
	await form.locator('[type=submit]').click();
	const drop = await madeIn(boss);
	const buyer = await openPage(t);
	const strip = (/** @type {string|null} */ s) => String(s).replace(/Since .*?(?=One)/, '').replace(/PauseRestock.*/, '').replace(/\s+/g, ' ');
	assert.equal(strip(await card(buyer, drop).locator('.card-body').textContent()), strip(words));
});

test('times are the operator\'s own, through a change of the clocks', async (t) => {
	const context = await (await launch()).newContext({ timezoneId: 'America/New_York', reducedMotion: 'reduce' });
	t.after(() => context.close());
	await context.addCookies([{ name: 'lastpair_session', value: String((await admin()).token), url: stack.url }]);
	const page = await context.newPage();
	await page.goto(`${stack.url}/console/new`);
	const form = page.locator(id('admin-create-form'));
	const starts = form.locator('[data-field=dropStartsAt]');

	await form.locator('[name=name]').fill(unique('Clocks'));
	await form.locator('[name=priceCents]').fill('10');
	await starts.locator('input').fill('2031-03-09T02:30');	/* there is no such time */
	await form.locator('[type=submit]').click();
	await starts.locator('.field-error').waitFor();
	await starts.locator('input').fill('2031-03-09T03:30');
	await waitFor('the zone and UTC beside it', async () => /New York.*07:30:00|New York.*7:30:00/.test(String(await starts.textContent())));
	await form.locator('[name=dropEndsAt]').fill('2031-11-02T01:30');	/* comes twice */
	await waitFor('that it comes twice', async () => /twice/.test(String(await form.locator('[data-field=dropEndsAt]').textContent())));
	await form.locator('[type=submit]').click();
	const id_ = await madeIn(page);
	const drop = await dropNow(id_);
	assert.deepEqual([drop.dropStartsAt, drop.dropEndsAt], ['2031-03-09T07:30:00.000Z', '2031-11-02T05:30:00.000Z']);

	/* the second of two like times is left alone when something else is changed */
	await (await admin()).patch(`/api/drops/${id_}`, { dropEndsAt: '2031-11-02T06:30:00.250Z' });
	const edit = page.locator(id('admin-edit-form'));
	await edit.locator('[name=holdSeconds]').fill('45');
	await edit.locator('[type=submit]').click();
	await waitFor('the change', async () => (await dropNow(id_)).holdSeconds === 45);
	assert.equal((await dropNow(id_)).dropEndsAt, '2031-11-02T06:30:00.250Z');
});

test('the cool-down is set with a new drop, shown on its board, and changed there', async (t) => {
	const boss = await office(t, '/console/new');
	const form = boss.locator(id('admin-create-form'));

	await form.locator('[name=name]').fill(unique('Cool'));
	await form.locator('[name=priceCents]').fill('10');
	await form.locator('[name=coolDownSeconds]').fill('4000');
	await form.locator('[type=submit]').click();
	await form.locator('[data-field=coolDownSeconds] .field-error').waitFor();
	await form.locator('[name=coolDownSeconds]').fill('21');
	await form.locator('[type=submit]').click();
	const id_ = await madeIn(boss);
	assert.equal((await dropNow(id_)).coolDownSeconds, 21);
	const note = boss.locator(`.tile:has(${id('board-held')})`);
	const edit = boss.locator(id('admin-edit-form'));
	await waitFor('the wait on the board', async () => /\b21\s?s/.test(String(await note.textContent())));
	await waitFor('it in the form', async () => await edit.locator('[name=coolDownSeconds]').inputValue() === '21');
	await edit.locator('[name=coolDownSeconds]').fill('0');
	await edit.locator('[type=submit]').click();
	await waitFor('the change', async () => (await dropNow(id_)).coolDownSeconds === 0);
	await waitFor('none on the board', async () => !/\b21\s?s/.test(String(await note.textContent())));
	await waitFor('it in the trail', async () => (await boss.locator('[data-action-id]').allTextContents()).some((line) => /21\s?s/.test(line)));
});

test('what somebody else changes appears in the fields that were left alone', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 2 }] });
	const boss = await office(t, board(drop.id));
	const form = boss.locator(id('admin-edit-form'));
	const renamed = unique('Renamed');

	await form.locator('[name=description]').fill('Half a sen');
	await (await admin()).patch(`/api/drops/${drop.id}`, { name: renamed, description: 'Another\'s' });
	await waitFor('the new name', async () => await form.locator('[name=name]').inputValue() === renamed);
	assert.equal(await form.locator('[name=description]').inputValue(), 'Half a sen');
	await form.locator(id('admin-add-size')).click();
	await form.locator('[name=size]').fill('42');
	await form.locator('[type=submit]').click();
	await form.locator('[data-field=sizes] .field-error').waitFor();
	await form.locator('[name=size]').fill('44');
	await form.locator('[name=sizeStock]').fill('3');
	await form.locator('[type=submit]').click();
	await waitFor('the size', async () => (await dropNow(drop.id)).sizes.length === 2);
	const now = await dropNow(drop.id);
	assert.deepEqual([now.name, now.description, now.totalStock], [renamed, 'Half a sen', 5]);
	await boss.locator('.table-sizes tr[data-size="44"]').waitFor();
});

test('the list shows every drop, finds one, and its stock moves', async (t) => {
	const name = unique('Needle');
	const drop = await newDrop({ name, totalStock: 4 });
	const boss = await office(t, '/console');
	const row = boss.locator(`[data-console-drop="${drop.id}"]`);

	await row.locator(`${id('available')}[data-value="4"]`).waitFor();
	assert.ok(await boss.locator('[data-console-drop]').count() > 1);
	await boss.locator(id('console-search')).fill(name.toUpperCase());
	await waitFor('only that one', async () => await boss.locator('[data-console-drop]').count() === 1);
	await reserve((await person()).api, drop.id);
	await row.locator(`${id('reserved')}[data-value="1"]`).waitFor();
	await row.locator(id('admin-pause')).click();
	await boss.locator(`[data-console-drop="${drop.id}"][data-status=paused]`).waitFor();
	await row.getByRole('link', { name }).click();
	await boss.locator(`${id('board')}[data-status=paused]`).waitFor();
	assert.ok(boss.url().endsWith(board(drop.id)));
	await boss.reload();
	await boss.locator(`${id('board')}[data-status=paused]`).waitFor();
});

test('nobody else gets in, and an administrator who signs in there goes on there', async (t) => {
	const drop = await newDrop();
	const buyer = await openPage(t, { as: await person(), path: board(drop.id) });
	const stranger = await openPage(t, { path: '/console/actions' });

	await buyer.locator(id('console-stranger')).waitFor();
	assert.equal(await buyer.locator(`${id('board')}, ${id('console-open')}:visible`).count(), 0);
	await stranger.locator(id('console-stranger')).waitFor();
	await stranger.locator(`${id('console-stranger')} button`).click();
	const form = stranger.locator(id('sign-in-form'));
	await form.locator('[name=email]').fill(ADMIN.email);
	await form.locator('[name=password]').fill(ADMIN.password || PASSWORD);
	await form.locator('[type=submit]').click();
	await stranger.locator(id('trail')).waitFor();
});

test('a drop that is not there is said to be missing', async (t) => {
	const boss = await office(t, board(987654321), { tolerate: /404/ });

	await boss.getByText('There is no such drop.').waitFor();
});

test('a quiet board asks for nothing', async (t) => {
	const drop = await newDrop();
	const boss = await office(t, board(drop.id));
	/** @type {string[]} */
	const asked = [];

	await boss.getByText('Nobody has bought a pair yet.').waitFor();
	await boss.locator('[data-action-id]').waitFor();
	await reads(boss, 'conversion', '');
	boss.on('request', (/** @type {any} */ request) => asked.push(request.url()));
	await pause(3000);
	assert.deepEqual(asked.filter((url) => url.includes('/api/')), []);
});

test('what failed to load says so, and is asked again by a press', async (t) => {
	const drop = await newDrop();
	const boss = await office(t, '/console', { tolerate: /status of 500/ });
	let broken = true;

	await boss.route('**/api/admin/**', (/** @type {any} */ route) => broken
		? route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"status":500,"code":"internal"}' }) : route.continue());
	await boss.locator(`[data-console-drop="${drop.id}"] a`).click();
	await waitFor('three notices', async () => await boss.locator('#console [role=alert] button:visible').count() === 3);
	await reads(boss, 'available', 5);
	broken = false;
	for (let left = 3; left > 0; left--) {
		await boss.locator('#console [role=alert] button:visible').first().click();
		await waitFor('one fewer', async () => await boss.locator('#console [role=alert] button:visible').count() === left - 1);
	}
	await boss.locator('[data-action-id]').waitFor();
});

test('with the keyboard alone a drop is ended, or not', async (t) => {
	const drop = await newDrop();
	const boss = await office(t, board(drop.id));

	await boss.locator(id('admin-end')).focus();
	await boss.keyboard.press('Enter');
	await boss.locator(id('admin-end-confirm')).waitFor();
	await boss.keyboard.press('Escape');
	await waitFor('the dialog to close', async () => !await boss.locator(id('admin-end-confirm')).isVisible());
	assert.equal(await boss.evaluate('document.activeElement.dataset.testid'), 'admin-end', 'the focus is back where it was');
	assert.equal((await dropNow(drop.id)).status, 'live');
	await boss.keyboard.press('Enter');
	await boss.keyboard.press('Tab');
	await boss.keyboard.press('Enter');
	await boss.locator(`${id('board')}[data-status=ended]`).waitFor();
});

test('in Arabic the console runs the other way, on a phone as well, and nothing sticks out', async (t) => {
	const drop = await newDrop({ sizes: [{ size: '42', totalStock: 5 }] });
	const boss = await office(t, '/console', { width: 390 });

	await boss.evaluate('localStorage.setItem("lastpair.language", "ar")');
	for (const path of ['/console', '/console/new', board(drop.id), '/console/actions']) {
		await boss.goto(stack.url + path);
		await connected(boss);
		await boss.locator('.console-nav').waitFor();
		assert.equal(await boss.evaluate('document.documentElement.dir'), 'rtl');
		assert.ok(!/\bc\.[a-z]+[.-]/.test(String(await boss.locator('#console').textContent())), `a text is missing on ${path}`);
		await waitFor(`${path} as wide as the window`, () => boss.evaluate('document.documentElement.scrollWidth <= innerWidth'));
	}
});

test('after all of it the audit is clean', async () => {
	await auditClean();
});
