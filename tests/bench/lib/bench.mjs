/** What a part of the bench works with: rows of interleaved measurements, checks, notes and cleaning up. */
import { compareRounds, holds, median, short, wantText, withUnit } from './figures.mjs';

/** One is enough to try a part, three are what a figure needs. */
export const ROUNDS = Number(process.env.LASTPAIR_BENCH_ROUNDS ?? 3);

/**
 * @typedef {import('./figures.mjs').Want} Want
 * @typedef {{name: string, measure: () => Promise<any>}} Side
 * @typedef {{name: string, values: number[], median: number}} Measured
 * @typedef {object} Row
 * @property {string} row
 * @property {string} unit       of the figures; a ratio has none
 * @property {Measured} [left]
 * @property {Measured} [right]  missing where the row is one figure and no ratio
 * @property {number[]} [ratios] left / right, round by round
 * @property {number} [ratio]    their median
 * @property {Want|null} want    of the ratio, or of the one figure's median
 * @property {boolean|null} holds  null: nothing is wanted, the row informs
 * @property {string} [error]    why it could not be measured
 * @typedef {{check: string, holds: boolean, detail: string}} Check
 */

export class Bench {
	/** @param {string} name  of the part @param {string} about */
	constructor(name, about) {
		this.name = name;
		this.about = about;
		/** @type {Row[]} */
		this.rows = [];
		/** @type {Check[]} */
		this.checks = [];
		/** @type {string[]} */
		this.notes = [];
		/** @type {(() => unknown)[]} */
		this.deferred = [];
	}

	/**
	 * One row from two sides measured in turn. `want` speaks of the median of the rounds' ratios left / right.
	 * @param {{row: string, unit: string, left: Side, right: Side, want?: Want, rounds?: number}} pair
	 */
	pair({ row, unit, left, right, want, rounds }) {
		return this.pairs({ left, right, rounds, rows: [{ row, unit, of: (m) => m, want }] });
	}

	/**
	 * Several rows from the same measurements of two sides, which then give objects.
	 * @param {{left: Side, right: Side, rounds?: number,
	 *   rows: {row: string, unit: string, of: (measured: any) => number, want?: Want}[]}} pairs
	 */
	pairs({ left, right, rounds, rows }) {
		return this.compare({
			sides: { left, right },
			rounds,
			rows: rows.map((row) => ({ left: 'left', right: 'right', ...row })),
		});
	}

	/**
	 * Rows from any number of sides, each of which is measured once a round; every other round goes through them
	 * backwards, so that none is always the one after another. A row names two of the sides, or only a left one.
	 * @param {{sides: Record<string, Side>, rounds?: number, rows: {row: string, unit: string, left: string,
	 *   right?: string, of?: (measured: any) => number, want?: Want}[]}} comparison
	 */
	async compare({ sides, rounds = ROUNDS, rows }) {
		const order = Object.keys(sides);
		/** @type {Record<string, any[]>} */
		const measured = Object.fromEntries(order.map((key) => [key, []]));

		try {
			for (let round = 0; round < rounds; round++) {
				for (const key of round % 2 ? [...order].reverse() : order) {
					this.step(`round ${round + 1} of ${rounds}: ${sides[key].name}`);
					measured[key].push(await sides[key].measure());
				}
			}
		} catch (error) {
			for (const { row, unit, want } of rows)
				this.#add({ row, unit, want: want ?? null, holds: false, error: tell(error) });
			return;
		}
		for (const { row, unit, left, right, of = (m) => m, want } of rows) {
			const values = (/** @type {string} */ key) => {
				const all = measured[key].map(of);

				return { name: sides[key].name, values: all, median: median(all) };
			};
			const l = values(left);

			if (right === undefined) {
				this.#add({ row, unit, left: l, want: want ?? null, holds: holds(l.median, want) });
				continue;
			}
			const r = values(right);
			const compared = compareRounds(l.values, r.values);

			this.#add({ row, unit, left: l, right: r, ...compared, want: want ?? null, holds: holds(compared.ratio, want) });
		}
	}

	/** A figure that is no ratio: the median of the rounds.
	 * @param {{row: string, unit: string, measure: () => Promise<number>, want?: Want, rounds?: number, name?: string}} figure */
	figure({ row, unit, measure, want, rounds, name = 'lastpair' }) {
		return this.compare({ sides: { left: { name, measure } }, rounds, rows: [{ row, unit, left: 'left', want }] });
	}

	/** Something that must be so, whatever the figures are. @param {string} check @param {boolean} is @param {string} [detail] */
	check(check, is, detail = '') {
		this.checks.push({ check, holds: is, detail });
		process.stderr.write(`  ${is ? 'holds' : 'DOES NOT HOLD'}: ${check}${is || !detail ? '' : `\n${detail}`}\n`);
	}

	/** @param {string} text */
	note(text) {
		this.notes.push(text);
		process.stderr.write(`  note: ${text}\n`);
	}

	/** @param {string} text */
	step(text) {
		process.stderr.write(`  [${this.name}] ${text}\n`);
	}

	/** To be done when the part ends, however it does; the last is done first. @param {() => unknown} action */
	defer(action) {
		this.deferred.push(action);
	}

	/** Runs the part and cleans up behind it. @param {(bench: Bench) => Promise<void>} part */
	async run(part) {
		try {
			await part(this);
		} catch (error) {
			this.check(`the part ${this.name} runs to its end`, false, tell(error));
		}
		for (const action of this.deferred.reverse()) {
			try {
				await action();
			} catch (error) {
				this.check(`the part ${this.name} cleans up behind itself`, false, tell(error));
			}
		}
	}

	/** Whether every row and check that wants something has it. */
	get holds() {
		return this.rows.every((row) => row.holds !== false) && this.checks.every((check) => check.holds);
	}

	/** @param {Row} row */
	#add(row) {
		this.rows.push(row);
		process.stderr.write(`  = ${row.row}: ${rowText(row)}\n`);
	}
}

/** A row's figures in a line. @param {Row} row @returns {string} */
export function rowText(row) {
	if (row.error !== undefined)
		return `not measured: ${row.error}`;
	const side = (/** @type {Measured|undefined} */ m) => (m ? `${m.name} ${withUnit(m.median, row.unit)}` : '');
	const verdict = row.holds === null ? '' : ` (${wantText(row.want ?? undefined)}: ${row.holds ? 'holds' : 'DOES NOT HOLD'})`;

	if (row.ratio === undefined)
		return `${side(row.left)}${verdict}`;
	return `${short(row.ratio)}${verdict}: ${side(row.left)}, ${side(row.right)}`;
}

/** @param {unknown} error */
function tell(error) {
	return error instanceof Error ? error.message : String(error);
}
