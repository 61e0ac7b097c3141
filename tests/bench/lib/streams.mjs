/** The event stream's instruments as calls: readers, the bare loop, steady changes, nchan, Socket.IO. */
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { BUILD, run, TOP } from '../../lib/stack.mjs';
import { pause, waitFor } from '../../lib/wait.mjs';
import { cpuSeconds, end, processTree, start, tool } from './load.mjs';
import { freePort, newFolder } from './store.mjs';

/** @typedef {import('./bench.mjs').Bench} Bench */
/** @typedef {import('./store.mjs').Store} Store */

const NGINX = '/usr/sbin/nginx';

/** A program that takes lines on standard input and prints lines of JSON: see load/readers.c. */
class Instrument {
	/** @param {string} name @param {string[]} args */
	constructor(name, args) {
		this.name = name;
		this.child = start(tool(name), args);
		this.errors = '';
		this.child.stderr?.setEncoding('utf8').on('data', (text) => { this.errors += text; });
		if (!this.child.stdout)
			throw new Error(`${name} has no output`);
		this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
	}

	/** @returns {Promise<any>} the next line it prints */
	async next() {
		const { value, done } = await this.lines.next();

		if (done) {
			await end(this.child);
			throw new Error(`${this.name} has ended with ${this.child.exitCode ?? this.child.signalCode}: ${this.errors}`);
		}
		return JSON.parse(value);
	}

	/** @param {string} line */
	tell(line) {
		this.child.stdin?.write(`${line}\n`);
	}

	/** How it stands. @returns {Promise<any>} */
	mark() {
		this.tell('mark');
		return this.next();
	}

	/** Ends it. @returns {Promise<any>} what it says last */
	async end() {
		this.tell('end');
		const last = await this.next();

		await end(this.child);
		return last;
	}
}

/** Readers of a stream: load/readers.c, or load/sio_readers.c for Socket.IO. */
export class Readers extends Instrument {
	/**
	 * Opens them all, or fails.
	 * @param {Bench} bench @param {string|number} address
	 * @param {{readers: number, program?: string, check?: boolean, rate?: number, drops?: number, arrivals?: string, path?: string}} options
	 *   but for `program` and `check`, the program's own
	 */
	static async open(bench, address, { readers, program = 'readers', check = false, ...rest }) {
		const options = Object.entries(rest).flatMap(([name, value]) => [`--${name}`, String(value)]);
		const all = new Readers(program, ['--connect', String(address), '--readers', String(readers), ...(check ? ['--check'] : []),
			...options]);

		bench.defer(() => end(all.child));
		const { open } = await all.next();

		if (open !== readers) {
			await all.end();
			throw new Error(`${open} of ${readers} readers were let in at ${address}`);
		}
		return all;
	}
}

/** The bare loop: load/stream_floor.c. */
export class Floor extends Instrument {
	/** @param {Bench} bench @param {string|number} address @returns {Promise<Floor>} */
	static async start(bench, address) {
		const floor = new Floor('stream_floor', ['--listen', String(address)]);

		bench.defer(() => end(floor.child));
		await floor.mark();	/* it listens by then */
		return floor;
	}

	get pids() {
		return [Number(this.child.pid)];
	}
}

/** Steady changes: load/changes.c. They go on until end(). */
export class Changes extends Instrument {
	/** Holds made and given back through the store's API, drop by drop in turn.
	 * @param {Store} store @param {{rate: number, drops: any[], connections?: number}} load */
	static through(store, { rate, drops, connections = 8 }) {
		return new Changes('changes', ['--connect', String(store.stack.port), '--rate', String(rate), '--tokens', store.tokens,
			'--drops', drops.map(({ id }) => id).join(','), '--connections', String(connections)]);
	}

	/** Messages like the store's, posted to another publisher.
	 * @param {Bench} bench @param {number} port @param {{rate: number, path: string}} load */
	static posted(bench, port, { rate, path: to }) {
		const made = new Changes('changes', ['--connect', String(port), '--rate', String(rate), '--post', to, '--connections', '4']);

		bench.defer(() => end(made.child, 'SIGKILL'));
		return made;
	}

	/** Ends them; fails when one of them did not happen. @returns {Promise<any>} */
	async end() {
		const told = await super.end();

		if (told.refused || told.failed)
			throw new Error(`${told.refused} changes were refused and ${told.failed} failed: ${this.errors}`);
		return told;
	}
}

/** Where a daemon is reached without nginx: its own port where the build has one, else its Unix socket. */
export class Direct {
	/** @param {Record<string, string|number>} settings @param {(store: Store) => string} address @param {() => Promise<string>} like
	 * @param {string} kind */
	constructor(settings, address, like, kind) {
		/** for Store.start() */
		this.settings = settings;
		this.address = address;
		/** a place of the same kind for whoever is compared with it */
		this.like = like;
		this.kind = kind;
	}

	/** @returns {Promise<Direct>} */
	static async find() {
		const { stdout } = await run(path.join(BUILD, 'lastpair-sse'), ['--help']);

		if (/^\s+sse_listen = /m.test(stdout)) {
			const port = await freePort();

			return new Direct({ sse_listen: `127.0.0.1:${port}` }, () => String(port), async () => String(await freePort()), 'TCP');
		}
		return new Direct({}, (store) => path.join(store.sockets, 'sse.sock'),
			async () => path.join(newFolder(), 'floor.sock'), 'a Unix socket');
	}
}

/** The daemon's processes. @param {Store} store */
export const daemonPids = (store) => store.stack.pids('lastpair-sse');

/** nginx's processes. @param {Store} store */
export const nginxPids = (store) => processTree([store.stack.pid('nginx')]);

/** One figure of /metrics. @param {Store} store @param {string} name @returns {Promise<number>} */
export async function metric(store, name) {
	const text = await (await fetch(`${store.url}/metrics`)).text();
	const value = text.match(new RegExp(`^${name} (\\S+)$`, 'm'))?.[1];

	if (value === undefined)
		throw new Error(`/metrics does not tell ${name}`);
	return Number(value);
}

/**
 * Puts another server behind the store's nginx, in the same way as the daemon: a copy of the stream's location.
 * @param {Store} store @param {string} socket @returns {Promise<string>} its path
 */
export async function behindNginx(store, socket) {
	const site = fs.readFileSync(path.join(store.stack.dir, 'nginx-site.conf'), 'utf8');
	const location = site.match(/\n\tlocation = \/api\/events \{\n[^]*?\n\t\}\n/)?.[0];
	const folder = path.join(store.stack.dir, 'site.d');
	const where = '/floor/events';

	if (!location?.includes('http://lastpair_sse;'))
		throw new Error('the site has no location of the stream as this bench knows it');
	fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
	fs.writeFileSync(path.join(folder, 'floor.conf'), location.replace('/api/events', where)
		.replace('http://lastpair_sse;', `http://unix:${socket};`));
	process.kill(store.stack.pid('nginx'), 'SIGHUP');
	await waitFor('the bare loop to answer through nginx', async () => {
		const answer = await fetch(`${store.url}${where}`);

		await answer.body?.cancel();
		return answer.status === 200;
	});
	return where;
}

/** nchan as nchan/nginx.conf.in sets it up. */
export class Nchan {
	/** @param {Bench} bench @param {string} address  a port, or a Unix socket's path @returns {Promise<Nchan>} */
	static async start(bench, address) {
		const nchan = new Nchan();
		const folder = newFolder();
		const listen = address.startsWith('/') ? [`unix:${address}`] : [`127.0.0.1:${address}`];
		const template = fs.readFileSync(path.join(TOP, 'tests/bench/nchan/nginx.conf.in'), 'utf8');

		nchan.port = await freePort();	/* to publish at, and for readers where `address` is not one */
		nchan.address = address;
		listen.push(`127.0.0.1:${nchan.port}`);
		fs.writeFileSync(path.join(folder, 'nginx.conf'), template.replaceAll('@DIR@', folder)
			.replace(/^(\s*)listen @LISTEN@(.*)$/m, (_, indent, rest) => listen.map((at) => `${indent}listen ${at}${rest}`).join('\n')));
		nchan.child = start(NGINX, ['-e', `${folder}/error.log`, '-p', folder, '-c', `${folder}/nginx.conf`], { log: `${folder}/out` });
		bench.defer(async () => {
			await nchan.stop();
			fs.rmSync(folder, { recursive: true, force: true });
		});
		await waitFor('nchan to answer', async () => (await fetch(`http://127.0.0.1:${nchan.port}/`)).status === 404)
			.catch((error) => { throw new Error(`${error.message} ${fs.readFileSync(`${folder}/error.log`, 'utf8')}`); });
		return nchan;
	}

	get pids() {
		return processTree([Number(this.child?.pid)]);
	}

	/** Ends it, its worker too: killed, a master leaves that behind. @param {NodeJS.Signals} [signal] */
	async stop(signal) {
		if (!this.child)
			return;

		const workers = signal ? this.pids.filter((pid) => pid !== this.child?.pid) : [];

		await end(this.child, signal);
		for (const pid of workers)
			process.kill(pid, signal);
	}
}

/** A bare Socket.IO server: node/broadcast.mjs. */
export class SocketIo {
	/** @param {Bench} bench @returns {Promise<SocketIo>} */
	static async start(bench) {
		const server = new SocketIo();

		server.port = await freePort();
		server.child = start('node', [path.join(TOP, 'tests/bench/node/broadcast.mjs'), String(server.port)],
			{ env: { NODE_ENV: 'production' } });
		bench.defer(() => server.stop());
		await waitFor('the Socket.IO server to answer', async () => (await fetch(`http://127.0.0.1:${server.port}/`)).status === 404);
		return server;
	}

	/** So many messages a second, from now on. @param {number} rate */
	send(rate) {
		this.child?.stdin?.write(`${rate}\n`);
	}

	get pids() {
		return [Number(this.child?.pid)];
	}

	/** @param {NodeJS.Signals} [signal] */
	async stop(signal) {
		if (this.child)
			await end(this.child, signal);
	}
}

/**
 * Processor seconds that some processes spend on a million deliveries, counted at the readers, while `rate` changes a
 * second go on. Every change has to reach every reader by itself, but for one in twenty, or one at the edge of the time: where
 * more were merged or lost, a delivery would not be the same thing on all sides, and the measurement fails.
 * @param {Readers} readers @param {() => number[]} pids @param {{rate: number, seconds: number}} load
 */
export async function perMillion(readers, pids, { rate, seconds }) {
	const { each, cpu, frames, lost } = await window(readers, pids, seconds);

	if (lost || Math.abs(each - rate * seconds) > Math.max(1, rate * seconds * 0.05))
		throw new Error(`${each.toFixed(1)} changes reached a reader where ${rate * seconds} were made; ${lost} readers were lost`);
	return cpu * 1e6 / frames;
}

/** Processor seconds of these processes so far, as finely as the kernel knows them: /proc/PID/stat counts in hundredths, which is
 * too coarse for a few seconds of a light load. @param {number[]} pids */
function fineCpuSeconds(pids) {
	try {
		const threads = pids.flatMap((pid) => fs.readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}/schedstat`));

		return threads.reduce((sum, file) => sum + Number(fs.readFileSync(file, 'utf8').split(' ')[0]) / 1e9, 0);
	} catch {
		return cpuSeconds(pids);	/* a kernel without it */
	}
}

/** What came in some seconds, and what it cost. @param {Readers} readers @param {() => number[]} pids @param {number} seconds */
export async function window(readers, pids, seconds) {
	const before = await readers.mark();
	const cpuBefore = fineCpuSeconds(pids());

	await pause(seconds * 1000);
	const cpu = fineCpuSeconds(pids()) - cpuBefore;
	const after = await readers.mark();

	return {
		cpu, frames: after.frames - before.frames, bytes: after.bytes - before.bytes, seconds: (after.at - before.at) / 1000,
		each: (after.frames - before.frames) / after.open, lost: after.lost, readersCpu: after.cpu - before.cpu,
	};
}

/** The stock of drops as the database has it. @param {Store} store @param {any[]} drops */
export async function stockOf(store, drops) {
	const lines = await store.sql(`SELECT drop_id, sum(version), sum(available), sum(reserved), sum(sold) FROM lastpair.stock ` +
		`WHERE drop_id IN (${drops.map(({ id }) => id).join(',')}) GROUP BY drop_id ORDER BY drop_id`);

	return lines.split('\n').map((line) => {
		const [id, version, available, reserved, sold] = line.split('|').map(Number);

		return { id, version, available, reserved, sold };
	});
}

const STOCK = ['version', 'available', 'reserved', 'sold'];

/** Whether every reader holds what the database holds, of every drop; a text says where not.
 * @param {any} told  what readers with `check` say @param {any[]} stock  of stockOf() */
export function agreement(told, stock) {
	const wrong = [];

	for (const drop of stock) {
		const seen = told.drops.find((/** @type {any} */ d) => d.id === drop.id);

		if (!seen || seen.agree !== told.wanted || STOCK.some((k) => seen[k] !== drop[k]))
			wrong.push(`drop ${drop.id}: the database has ${JSON.stringify(drop)}, readers ${JSON.stringify(seen)}`);
	}
	if (told.open !== told.wanted)
		wrong.push(`${told.lost} readers were lost`);
	if (told.backwards || told.unsound)
		wrong.push(`${told.backwards} states went backwards, ${told.unsound} did not add up`);
	return { all: wrong.length === 0, text: wrong.join('\n') };
}
