/** A store on disks that a test can fill: its folder on one, its write-ahead log on another. Each is a small tmpfs, for which one has to be root. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { freePort, run, Stack } from './stack.mjs';

const DATA_MIB = 320;
const WAL_MIB = 160;
const BALLAST_MIB = 1;	/* a piece */

/** Why it can't be done here; '' where it can. */
export const whyNot = mountable();

/** @returns {string} */
function mountable() {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-mount-'));
	const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { encoding: 'utf8' });

	if (status === 0)
		spawnSync('umount', [folder]);
	fs.rmdirSync(folder);
	return status === 0 ? '' : `a tmpfs can't be mounted here: ${(stderr || String(error)).trim()}`;
}

class Disk {
	/** @param {string} folder @param {number} mib */
	constructor(folder, mib) {
		this.folder = folder;
		this.ballast = path.join(folder, 'ballast');
		fs.mkdirSync(folder, { recursive: true });
		const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=755`, 'tmpfs', folder], { encoding: 'utf8' });

		if (status !== 0)
			throw new Error(`mount: ${stderr}`);
	}

	/** Not a byte is left. */
	fill() {
		const piece = Buffer.alloc(BALLAST_MIB << 20);
		const file = fs.openSync(this.ballast, 'a');

		try {
			for (;;)
				fs.writeSync(file, piece);
		} catch (error) {
			if (/** @type {any} */ (error).code !== 'ENOSPC')
				throw error;
		} finally {
			fs.closeSync(file);
		}
	}

	/** What was filled is free again. */
	relieve() {
		fs.rmSync(this.ballast, { force: true });
	}

	unmount() {
		spawnSync('umount', ['-l', this.folder]);
	}
}

/** Starts such a store. `end` leaves nothing of it, and is called at this process's exit as well. */
export async function onSmallDisks() {
	const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-test-'));
	const stack = new Stack(path.join(parent, 'data/store'), await freePort());
	/** @type {Disk[]} */
	const disks = [];
	const end = () => {
		if (!fs.existsSync(parent))
			return;
		if (fs.existsSync(stack.dir))
			stack.halt();
		for (const disk of disks.reverse())
			disk.unmount();
		fs.rmSync(parent, { recursive: true, force: true });
	};

	process.once('exit', end);
	fs.chmodSync(parent, 0o755);
	const data = new Disk(path.join(parent, 'data'), DATA_MIB);
	disks.push(data);
	const wal = new Disk(path.join(parent, 'wal'), WAL_MIB);
	disks.push(wal);
	await stack.again();
	stack.halt();
	await moveLog(stack, path.join(wal.folder, 'pg_wal'));
	await stack.again();
	await stack.whole();
	return { stack, data, wal, end };
}

/** Gives the store's write-ahead log a folder elsewhere, and little of it. @param {Stack} stack @param {string} to */
async function moveLog(stack, to) {
	const from = path.join(stack.dir, 'pg/pg_wal');
	const { code, stderr } = await run('cp', ['-a', from, to]);

	if (code !== 0)
		throw new Error(`cp: ${stderr}`);
	fs.rmSync(from, { recursive: true });
	fs.symlinkSync(to, from);
	fs.appendFileSync(path.join(stack.dir, 'postgres.local.conf'), 'min_wal_size = 32MB\nmax_wal_size = 64MB\n');
}
