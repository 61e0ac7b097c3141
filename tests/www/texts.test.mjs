/** The tables of texts: the same keys in each language, the same things put into them, and none missing or idle. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { countdown, duration, money } from '../../www/js/format.js';
import { fieldTexts, LANGUAGES, localeOf, preferred, refusalText, sizeName, t, tn, useTexts } from '../../www/js/text.js';

const WWW = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../www');
const tables = Object.fromEntries(await Promise.all(Object.keys(LANGUAGES).map(async (lang) =>
	[lang, { ...(await import(`../../www/js/texts/${lang}.js`)).default, ...(await import(`../../www/js/texts/more-${lang}.js`)).default }])));
const FORMS = /\.(zero|one|two|few|many|other)$/;

after(() => useTexts('en', tables.en));

/** Keys that depend on a number, without their form. */
const counted = (table) => new Set(Object.keys(table).filter((key) => FORMS.test(key)).map((key) => key.replace(FORMS, ''))
	.filter((key) => table[`${key}.one`] !== undefined && table[`${key}.other`] !== undefined));
const plain = (table) => Object.keys(table).filter((key) => !counted(table).has(key.replace(FORMS, ''))).sort();

test('each language has the same keys', () => {
	for (const table of Object.values(tables)) {
		assert.deepEqual(plain(table), plain(tables.en));
		assert.deepEqual([...counted(table)].sort(), [...counted(tables.en)].sort());
	}
});

test('a text that counts has each form its language needs', () => {
	for (const [lang, table] of Object.entries(tables)) {
		const forms = new Intl.PluralRules(lang).resolvedOptions().pluralCategories;

		for (const key of counted(table))
			assert.deepEqual(forms.filter((form) => !table[`${key}.${form}`]), [], `${lang} ${key}`);
	}
});

test('what is put into a text is put into it in each language', () => {
	const holes = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

	for (const table of Object.values(tables)) {
		for (const key of plain(tables.en))
			assert.deepEqual(holes(table[key]), holes(tables.en[key]), key);
		for (const key of counted(tables.en)) {
			/* "one pair" may go without its number, but not without its pair */
			const named = holes(tables.en[`${key}.other`]).filter((hole) => hole !== 'n');

			for (const form of Object.keys(table).filter((k) => k.replace(FORMS, '') === key))
				assert.deepEqual(holes(table[form]).filter((hole) => hole !== 'n'), named, form);
		}
	}
});

/** Every script of the page but the tables and the console's. */
function scripts(folder = path.join(WWW, 'js')) {
	return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		if (entry.isDirectory())
			return entry.name === 'texts' ? [] : scripts(path.join(folder, entry.name));
		return entry.name.endsWith('.js') ? [fs.readFileSync(path.join(folder, entry.name), 'utf8')] : [];
	});
}

test('every text the page asks for by name is there, and every one there is asked for', () => {
	const source = [...scripts(), fs.readFileSync(path.join(WWW, 'index.html'), 'utf8')].join('\n');
	const known = new Set([...plain(tables.en), ...counted(tables.en)]);
	const console_ = /^c\./;	/* the console's own: console.test.mjs looks after them */

	for (const [, key] of source.matchAll(/\bt\('([\w.]+)'/g))
		assert.ok(known.has(key) || console_.test(key), `t('${key}')`);
	for (const [, key] of source.matchAll(/\btn\('([\w.]+)'/g))
		assert.ok(counted(tables.en).has(key) || console_.test(key), `tn('${key}')`);

	/* a name may be put together: `status.${status}` asks for all that begin so */
	const asked = new Set([...source.matchAll(/['"`]([\w]+(?:\.[\w]+)*\.?)/g)].map((m) => m[1]));
	const isAsked = (key) => asked.has(key) || key.split('.').some((_, i, parts) => asked.has(`${parts.slice(0, i + 1).join('.')}.`));

	assert.deepEqual([...known].filter((key) => !isAsked(key)), []);
});

test('the kept choice comes first, then what the browser wants, then English', () => {
	assert.equal(preferred('de', ['ar']), 'de');
	assert.equal(preferred(null, ['fr-FR', 'ar-EG', 'de']), 'ar');
	assert.equal(preferred('klingon', ['fr']), 'en');
	assert.equal(preferred('toString', []), 'en');
});

test('numbers follow the visitor\'s region where it goes with the language', () => {
	assert.equal(localeOf('en', ['de-DE', 'en-GB']), 'en-GB');
	assert.equal(localeOf('de', ['en-US']), 'de');
	useTexts('de', tables.de, ['de-AT']);
	assert.match(money(1290000, 'EUR'), /12.?900,00/);
	useTexts('en', tables.en);
	assert.match(money(1290000, 'EUR'), /12,900\.00/);
});

test('a count takes the form its language has for it', () => {
	useTexts('ar', tables.ar);
	assert.notEqual(tn('drop.pairs', 3), tn('drop.pairs', 11));
	useTexts('en', tables.en);
	assert.equal(tn('drop.pairs', 1), '1 pair');
	assert.equal(tn('drop.pairs', 2), '2 pairs');
});

test('what is put into an Arabic sentence keeps its own direction', () => {
	useTexts('ar', tables.ar);
	assert.equal(t('pair.sized', { name: 'A', size: 'B' }).replace(/[^\u2068\u2069AB]/g, ''), '\u2068A\u2069\u2068B\u2069');
	useTexts('en', tables.en);
	assert.equal(t('pair.sized', { name: 'A', size: 'B' }), 'A, B');
});

test('braces in a name are no parameters', () => {
	useTexts('en', tables.en);
	assert.equal(t('pair.sized', { name: '{size}', size: '$&' }), '{size}, $&');
});

test('every refusal of the store says something in each language, a wait included', () => {
	const reply = fs.readFileSync(path.join(WWW, '../cgi-bin/reply.c'), 'utf8');
	const codes = [...reply.matchAll(/=\s*\{\s*\d{3},\s*"([a-z_]+)"/g)].map((m) => m[1]);

	assert.ok(codes.length > 15, String(codes.length));
	for (const [lang, table] of Object.entries(tables)) {
		useTexts(lang, table);
		for (const code of codes)
			assert.ok(refusalText({ code, status: 400, retryAfterS: 0 }).length > 8, `${lang} ${code}`);
		assert.notEqual(refusalText({ code: 'unavailable', status: 503, retryAfterS: 7 }),
			refusalText({ code: 'unavailable', status: 503, retryAfterS: 0 }));
	}
	useTexts('en', tables.en);
	assert.match(refusalText({ code: 'odd', status: 429, retryAfterS: 120 }), /Too many .* Wait 2 minutes\./);
});

test('money of another country keeps the order of its sign in Arabic', () => {
	useTexts('ar', tables.ar, ['ar']);
	assert.match(money(12900, 'USD'), /\u2068US\$\u2069/);
	assert.equal(money(12900, 'USD').replaceAll(/[\u2068\u2069]/g, ''), new Intl.NumberFormat('ar', { style: 'currency', currency: 'USD' }).format(129));
	useTexts('en', tables.en, ['en-US']);
	assert.equal(money(12900, 'USD'), '$129.00');
});

test('how long something lasts is said in the unit that fits', () => {
	useTexts('en', tables.en, ['en-US']);
	assert.deepEqual([1, 30, 60, 90, 120, 900, 3600, 5400, 7200, 86400].map((s) => duration(s)),
		['1 second', '30 seconds', '60 seconds', '90 seconds', '2 minutes', '15 minutes', '60 minutes', '90 minutes', '2 hours', '24 hours']);
	assert.equal(duration(900, 'short'), '15 min');
	useTexts('de', tables.de, ['de-DE']);
	assert.equal(duration(900), '15 Minuten');
	useTexts('en', tables.en);
});

test('what the store says of a field is said in the language of the page', () => {
	for (const [lang, table] of Object.entries(tables)) {
		useTexts(lang, table);
		const told = fieldTexts([{ field: 'email', message: 'English' }, { field: 'quantity', message: 'English' }, { field: 'never.heard', message: 'English' }]);

		assert.deepEqual(told, { 'email': table['form.invalid.email'], 'quantity': table['form.invalid.quantity'], 'never.heard': table['form.invalid'] });
	}
	useTexts('en', { ...tables.en, 'c.x': 'its own' });
	assert.deepEqual(fieldTexts([{ field: 'name' }], { name: 'c.x' }), { name: 'its own' });
	useTexts('en', tables.en);
});

test('sizes and countdowns read well', () => {
	assert.deepEqual(['', '42', 'EU 42'].map(sizeName), ['One size', 'Size 42', 'EU 42']);
	assert.equal(countdown(3 * 86400 + 7200), '3d 2h');
});
