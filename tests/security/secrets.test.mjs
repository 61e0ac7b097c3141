/** Secrets: in files of their own, and nowhere else. OWASP API Top 10 2023: API8; ASVS 5.0: 13.3, 14.2, 16.2. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { assertDiscreet } from '../lib/shapes.mjs';
import { commands } from '../lib/stack.mjs';
import { anyone, newDrop, PASSWORD, person, tokens, unique } from '../lib/store.mjs';
import { stack } from '../lib/suite-stack.mjs';
import test from '../lib/test.mjs';

const secret = () => fs.readFileSync(path.join(stack.dir, 'secrets/signing.key'), 'utf8').trim().split(' ')[1] ?? '';

/** Every file below a folder. @param {string} folder @returns {string[]} */
const below = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
	const name = path.join(folder, entry.name);

	return entry.isDirectory() ? below(name) : entry.isFile() ? [name] : [];
});

test('API8: secrets are files that only the store\'s own user reads (0600, in a folder of 0700)', () => {
	const folder = path.join(stack.dir, 'secrets');
	const files = below(folder);
	const owner = fs.statSync(stack.dir).uid;

	assert.ok(files.length >= 1);
	assert.equal(fs.statSync(folder).mode & 0o777, 0o700);
	for (const file of files) {
		const { mode, uid } = fs.statSync(file);

		assert.equal(mode & 0o777, 0o600, file);
		assert.equal(uid, owner, file);
	}
	for (const file of ['run', 'log', 'pgdata', 'redis'].map((name) => path.join(stack.dir, name)).filter((name) => fs.existsSync(name)))
		assert.equal(fs.statSync(file).mode & 0o007, 0, `${file} is closed to others`);
	assert.equal(fs.statSync(stack.dir).mode & 0o007, 0);
	console.log(`# ${files.length} secret files, all 0600`);
});

test('API8: no password, token, hash or key in a log, a process list, an environment or a refusal', async () => {
	const username = unique('quiet');
	const password = unique('a very own password');
	const email = `${username}@test.example`;
	const made = await anyone.post('/api/auth/register', { username, email, password });
	const who = await person();
	const [token = ''] = await tokens([who.email]);
	const drop = await newDrop();

	assert.equal(made.status, 201);
	const refusals = [
		await anyone.post('/api/auth/register', { username, email, password }), await anyone.post('/api/auth/login', { email, password: `${password}!` }),
		await anyone.post('/api/auth/login', { email, password, extra: password }), await anyone.post('/api/auth/register', { username: unique(), email: 'x', password }),
		await anyone.get('/api/auth/me', { Authorization: `Bearer ${made.body.token}x` }), await anyone.get(`/api/auth/me?token=${made.body.token}`),
		await anyone.call('POST', '/api/auth/login', { raw: `{"email":"${email}","password":"${password}"`, headers: { 'Content-Type': 'application/json' } }),
		await anyone.post(`/api/drops/${drop.id}/reservations`, {}, { 'Idempotency-Key': 'x', 'Authorization': `Bearer ${token}` }),
		await anyone.post(`/api/drops/${drop.id}/reservations`, { size: "' OR 1=1; --" }, { Authorization: `Bearer ${token}` }),
	];
	const secrets = [password, made.body.token.split('.')[2], token.split('.')[2], secret(), PASSWORD,
		...(await stack.sql(`SELECT password_hash FROM lastpair.users WHERE email = '${email}'`)).split('\n')].map(String);

	assert.ok(secrets.every((s) => s.length >= 12));
	for (const res of refusals) {
		assert.ok(res.status >= 400, res.asked);
		assertDiscreet(res.text);
		for (const s of secrets)
			assert.ok(!(res.text + JSON.stringify(res.headers)).includes(s), res.asked);
	}
	const logs = below(path.join(stack.dir, 'log'));
	assert.ok(logs.length >= 3);
	for (const file of logs) {
		const text = fs.readFileSync(file, 'utf8');

		/* what a client puts in an address of its own, the access log shows: no token is taken there */
		const lines = text.split('\n').filter((line) => !line.includes('?token='));
		for (const s of secrets)
			assert.ok(!lines.some((line) => line.includes(s)), `${path.basename(file)} holds a secret`);
	}
	let looked = 0;
	for (const { pid, argv } of commands().filter(({ argv }) => argv.some((word) => word.includes(stack.dir)))) {
		const read = (/** @type {string} */ name) => { try { return fs.readFileSync(`/proc/${pid}/${name}`, 'utf8'); } catch { return ''; } };

		looked++;
		for (const s of secrets)
			assert.ok(!argv.join(' ').includes(s) && !read('environ').includes(s), `process ${argv[0]} shows a secret`);
	}
	assert.ok(looked >= 5, `${looked} processes`);
	const settings = ['lastpair.conf', 'lastpairctl'].map((name) => fs.readFileSync(path.join(stack.dir, name), 'utf8')).join('');
	assert.ok(secrets.every((s) => !settings.includes(s)));
	console.log(`# ${secrets.length} secrets looked for in ${refusals.length} refusals, ${logs.length} logs, ${looked} processes: none found`);
});
