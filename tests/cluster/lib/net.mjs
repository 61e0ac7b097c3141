/**
 * Machines for a test: network namespaces, each with a link of its own to one bridge. The whole is to be started in
 * namespaces of its own (see ../README.md), so that nothing here is seen outside and all of it ends with the test.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const NET = '10.77.0';
/** The services' user: PostgreSQL refuses to be root's. */
const USER = 'postgres';

/** @param {string} file @param {string[]} args */
function must(file, args) {
	const { status, stderr, error } = spawnSync(file, args, { encoding: 'utf8' });

	if (status !== 0)
		throw new Error(`${file} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** A disk of its own for the machines, in memory: on a real one, five machines would wait for each other where the test
 * machine is busy, and what a lost machine loses is the same. @param {string} dir */
export function makeDisk(dir) {
	must('mount', ['-t', 'tmpfs', '-o', 'size=4g,mode=755', 'none', dir]);
}

/** @param {string} line */
const ip = (line) => must('ip', line.split(' '));

/** The bridge, with the world's own address NET.1 on it. */
export function makeBridge() {
	if (process.getuid?.() !== 0 || process.pid > 100)
		throw new Error('tests/cluster makes network namespaces: start it as root by `./check cluster`');
	must('mount', ['--make-rprivate', '/']);
	fs.mkdirSync('/run/netns', { recursive: true });
	must('mount', ['-t', 'tmpfs', 'none', '/run/netns']);
	ip('link set lo up');
	ip('link add br0 type bridge');
	ip(`addr add ${NET}.1/24 dev br0`);
	ip('link set br0 up');
}

/** One machine: an address, a folder, and the processes in it. */
export class Machine {
	/** @param {string} name @param {number} number its address is NET.number @param {string} parent a folder */
	constructor(name, number, parent) {
		this.name = name;
		this.address = `${NET}.${number}`;
		this.dir = path.join(parent, name);
		fs.mkdirSync(this.dir);
		for (const folder of ['', 'run', 'log', 'cache', 'cache/listings']) {
			fs.mkdirSync(path.join(this.dir, folder), { recursive: true });
			must('chown', [`${USER}:`, path.join(this.dir, folder)]);
		}
		ip(`netns add ${name}`);
		ip(`link add v-${name} type veth peer name eth0 netns ${name}`);
		ip(`link set v-${name} master br0`);
		ip(`link set v-${name} up`);
		ip(`-n ${name} link set lo up`);
		ip(`-n ${name} addr add ${this.address}/24 dev eth0`);
		ip(`-n ${name} link set eth0 up`);
	}

	/** Writes a file of the machine. @param {string} name @param {string} text @param {number} [mode] */
	write(name, text, mode = 0o640) {
		const file = path.join(this.dir, name);

		fs.writeFileSync(file, text, { mode });
		fs.chmodSync(file, mode);
		must('chown', [`${USER}:`, file]);
		return file;
	}

	/** Starts a service, which runs until it ends or is killed; what it says is in log/NAME.log.
	 * @param {string} name @param {string[]} command */
	start(name, command) {
		const log = fs.openSync(path.join(this.dir, 'log', `${name}.log`), 'a');
		const child = spawn('ip', ['netns', 'exec', this.name, 'setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--init-groups',
			'--inh-caps=-all', 'env', '-i', 'PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8', `HOME=${this.dir}`,
			...command], { stdio: ['ignore', log, log], cwd: this.dir });

		fs.closeSync(log);
		child.unref();
	}

	/** Every process of the machine. */
	pids() {
		return spawnSync('ip', ['netns', 'pids', this.name], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean).map(Number);
	}

	/** Those whose command line has the word. @param {RegExp} word */
	pidsOf(word) {
		return this.pids().filter((pid) => {
			try {
				return word.test(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
			} catch {
				return false;
			}
		});
	}

	/** Kills them at once and without a word. @param {RegExp} [word] */
	kill(word = /./) {
		const pids = this.pidsOf(word);

		for (const pid of pids)
			try {
				process.kill(pid, 'SIGKILL');
			} catch {
				/* it went with another */
			}
		return pids.length;
	}

	/** Pulls the cable: nothing gets in or out, and nobody is told. */
	cut() {
		ip(`link set v-${this.name} down`);
	}

	mend() {
		ip(`link set v-${this.name} up`);
	}
}
