/** The results as a table: plain for a terminal, and in Markdown. */
import { short, wantText, withUnit } from './figures.mjs';

/** @typedef {import('./bench.mjs').Row} Row */

/** A row's cells: what it is, both figures with their sides' names, the ratio, what is wanted, what came of it. @param {Row} row */
function cells(row) {
	const named = (/** @type {'left'|'right'} */ side) => {
		const m = row[side];

		return m ? `${withUnit(m.median, row.unit)} (${m.name})` : '';
	};

	return [
		row.row,
		row.error !== undefined ? 'not measured' : named('left'),
		named('right'),
		row.ratio === undefined ? '' : short(row.ratio),
		wantText(row.want ?? undefined),
		row.holds === null ? '' : row.holds ? 'yes' : 'NO',
	];
}

const HEAD = ['figure', 'measured', 'against', 'ratio', 'wanted', 'holds'];

/** @param {any} results @returns {string} */
export function tableText(results) {
	const lines = [];

	for (const part of results.parts) {
		const table = [HEAD, ...part.rows.map(cells)];
		const widths = HEAD.map((_, i) => Math.max(...table.map((row) => row[i].length)));

		lines.push(`${part.name}: ${part.about} (${part.seconds} s)`);
		for (const row of table)
			lines.push(`  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd()}`);
		for (const row of part.rows.filter((/** @type {Row} */ r) => r.error !== undefined))
			lines.push(`  not measured: ${row.row}: ${row.error}`);
		for (const { check, holds, detail } of part.checks)
			lines.push(`  ${holds ? 'yes' : 'NO '}  ${check}${holds ? '' : `: ${detail}`}`);
		for (const note of part.notes)
			lines.push(`  note: ${note}`);
		lines.push('');
	}
	return lines.join('\n').trimEnd();
}

/** @param {string} text */
const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** A section a part. @param {any} results @param {(part: string) => string} picture  what stands above its table @returns {string} */
export function tableMarkdown(results, picture) {
	const lines = [];

	for (const part of results.parts) {
		lines.push(`### ${part.name}: ${part.about}`, '', picture(part.name), '', `| ${HEAD.join(' | ')} |`, `|${' --- |'.repeat(HEAD.length)}`);
		for (const row of part.rows)
			lines.push(`| ${cells(row).map(escaped).join(' | ')} |`);
		lines.push('');
		for (const { check, holds } of part.checks)
			lines.push(`- ${holds ? 'yes' : '**no**'}: ${escaped(check)}`);
		for (const note of part.notes)
			lines.push(`- ${escaped(note)}`);
		const when = `${part.at.slice(0, 16).replace('T', ' ')} UTC`;

		lines.push('', `*${when}${part.tree ? `, revision ${part.tree}` : ''}, ${part.seconds} s*`, '');
	}
	return lines.join('\n').replace(/\n{3,}/g, '\n\n').trimEnd();
}
