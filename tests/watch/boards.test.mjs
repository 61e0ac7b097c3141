/** The dashboard and the alerts that are shipped: what they ask for is there, and they work. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { namesIn, namesOf, promtool } from '../lib/metrics.mjs';
import { TOP } from '../lib/stack.mjs';
import { anyone, newDrop, person, reserve } from '../lib/store.mjs';
import test from '../lib/test.mjs';

const RULES = path.join(TOP, 'dist/prometheus/alerts.yml');
const CASES = path.join(TOP, 'tests/watch/alerts.test.yml');
const board = JSON.parse(fs.readFileSync(path.join(TOP, 'dist/grafana/lastpair.json'), 'utf8'));
const rules = fs.readFileSync(RULES, 'utf8');
/** @type {any[]} */
const panels = board.panels.filter((/** @type {any} */ p) => p.type !== 'row');
/** @type {string[]} */
const expressions = panels.flatMap((p) => p.targets.map((/** @type {any} */ t) => t.expr));

/** Every name there is in a store that has answered something of each kind. */
async function names() {
	await reserve((await person()).api, (await newDrop({ holdSeconds: 3600 })).id);
	return namesOf((await anyone.get('/metrics')).text);
}

test('the dashboard asks for figures that exist', async () => {
	const known = await names();

	assert.ok(expressions.length > 40);
	for (const expr of [...expressions, board.templating.list[1].query.query]) {
		assert.ok(namesIn(expr).length > 0, expr);
		for (const name of namesIn(expr))
			assert.ok(known.has(name), `${name} in ${expr}`);
	}
});

test('its expressions are PromQL, its panels have names, places and explanations of their own', async () => {
	const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-board-')), 'rules.yml');
	const groups = [{ name: 'board', rules: expressions.map((expr, i) => ({ record: `board:${i}`, expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*') })) }];

	fs.writeFileSync(file, JSON.stringify({ groups }));	/* JSON is YAML */
	const { code, stdout, stderr } = await promtool(['check', 'rules', file]);

	fs.rmSync(path.dirname(file), { recursive: true });
	assert.equal(code, 0, stdout + stderr);
	assert.equal(new Set(board.panels.map((/** @type {any} */ p) => p.id)).size, board.panels.length);
	assert.equal(new Set(panels.map((p) => p.title)).size, panels.length);
	/** @type {Set<string>} */
	const taken = new Set();

	for (const { title, description, gridPos: { x, y, w, h } } of panels) {
		assert.ok(description, title);
		assert.ok(x + w <= 24, title);
		for (let i = x; i < x + w; i++) {
			for (let k = y; k < y + h; k++) {
				assert.ok(!taken.has(`${i},${k}`), `${title} lies on another`);
				taken.add(`${i},${k}`);
			}
		}
	}
});

test('the alerts are rules that promtool takes, and ask for figures that exist', async () => {
	const { code, stdout, stderr } = await promtool(['check', 'rules', RULES]);
	const known = await names();

	assert.equal(code, 0, stdout + stderr);
	for (const name of namesIn(rules))
		assert.ok(known.has(name) || known.has(`${name}_bucket`), name);
});

test('each alert comes when it should, and a store that is well has none (promtool test rules)', async () => {
	const { code, stdout, stderr } = await promtool(['test', 'rules', CASES]);
	const cases = fs.readFileSync(CASES, 'utf8');

	assert.equal(code, 0, stdout + stderr);
	for (const [, alert] of rules.matchAll(/- alert: (\w+)/g))
		assert.ok(cases.includes(`alertname="${alert}"`), `${alert} is tried`);
});
