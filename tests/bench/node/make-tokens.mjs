/** Prints a token a line: the administrator's, then those of the users numbered FIRST to LAST. */
import fs from 'node:fs';
import { openTokens } from './token.mjs';

const [secretFile, admin, first, last] = process.argv.slice(2);
const tokens = openTokens(fs.readFileSync(secretFile ?? '', 'utf8').trim());
const lines = [tokens.issue({ id: Number(admin), role: 'admin' }).token];

for (let id = Number(first); id <= Number(last); id++)
	lines.push(tokens.issue({ id, role: 'user' }).token);
process.stdout.write(`${lines.join('\n')}\n`);
