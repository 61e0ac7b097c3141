/** What the figures were measured on, and of. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { TOP } from '../../lib/stack.mjs';

/** What a program prints, on either channel; empty where there is none. @param {string} file @param {string[]} args */
function says(file, ...args) {
	const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', cwd: TOP });

	return `${stdout ?? ''}${stderr ?? ''}`.trim();
}

/** @param {string} text */
const version = (text) => text.match(/\d+(\.\d+)+/)?.[0] ?? '';

export async function describeMachine() {
	return {
		cpu: os.cpus()[0]?.model ?? '',
		cores: os.cpus().length,
		memoryGb: Math.round(os.totalmem() / 2 ** 30),
		kernel: os.release(),
		system: fs.readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1] ?? '',
		disk: says('df', '--output=fstype', os.tmpdir()).split('\n').at(-1),
		descriptors: says('bash', '-c', 'ulimit -Hn'),
		postgres: version(says('/usr/lib/postgresql/15/bin/postgres', '--version')),
		nginx: version(says('/usr/sbin/nginx', '-v')),
		redis: version(says('redis-server', '--version')),
		node: version(process.version),
	};
}

/** The revision that the figures are of; a plus says that the tree had changes. @returns {string} */
export function describeTree() {
	const { status, stdout } = spawnSync('git', ['describe', '--always', '--dirty=+'], { encoding: 'utf8', cwd: TOP });

	return status === 0 ? stdout.trim() : '';
}
