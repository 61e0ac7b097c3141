/**
 * What a browser costs the web host it comes to over TLS: the handshake, the stream through nginx by HTTP/2, and the kernel's
 * part of a socket. docs/scaling.md sizes hosts from these. The other ends are node's: they only open connections and hold them.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { pause, waitFor } from '../../lib/wait.mjs';
import { cpuSeconds, memory, output } from '../lib/load.mjs';
import { daemonPids, metric, nginxPids } from '../lib/streams.mjs';
import { freePort, newFolder, Store } from '../lib/store.mjs';

export const about = 'what a browser costs its web host: handshake, a stream over TLS, a socket';

const STREAMS = 1000;
const SOCKETS = 4000;
const HANDSHAKE_SECONDS = 5;
const SETTLE_MS = 1000;

/** @typedef {import('../lib/bench.mjs').Bench} Bench */

/** A key and a certificate of its own. */
function certificate() {
	const folder = newFolder();
	const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));

	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
	fs.chmodSync(key, 0o644);	/* the store's own user reads it */
	return { folder, key, cert };
}

/** nginx's processor time of a full TLS 1.3 handshake with one small request, in ms.
 * @param {Store} store @param {number} port */
async function handshake(store, port) {
	const pids = nginxPids(store);
	const before = cpuSeconds(pids);
	const said = await output('openssl', ['s_time', '-connect', `127.0.0.1:${port}`, '-new', '-tls1_3', '-www', '/favicon.ico', '-time', String(HANDSHAKE_SECONDS)]);
	const count = Number(said.match(/^(\d+) connections in \d+ real seconds/m)?.[1]);

	if (!(count > 100))
		throw new Error(`openssl made too few connections: ${said}`);
	return (cpuSeconds(pids) - before) * 1000 / count;
}

/** Has nginx begin with new processes: what one has taken once it keeps. @param {Store} store */
async function renew(store) {
	const old = nginxPids(store).slice(1);

	process.kill(store.stack.pid('nginx'), 'SIGHUP');
	await waitFor('nginx to have new processes alone', () => {
		const now = nginxPids(store);

		return now.length > 1 && !old.some((pid) => now.includes(pid));
	}, 30_000);
}

/** Opens streams, each on a connection of its own. @param {number} port @param {number} count */
function open(port, count) {
	return Array.from({ length: count }, () => {
		const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });

		session.on('error', () => {});
		session.request({ ':path': '/api/events' }).on('error', () => {}).resume();
		return session;
	});
}

/** Memory of nginx that a stream takes, in KB. @param {Store} store @param {number} port */
async function stream(store, port) {
	await renew(store);
	const pids = nginxPids(store);
	const before = memory(pids).own;
	const sessions = open(port, STREAMS);

	try {
		await waitFor('the streams to be open', async () => await metric(store, 'lastpair_sse_subscribers') === STREAMS, 60_000);
		await pause(SETTLE_MS);
		return (memory(pids).own - before) / STREAMS / 1000;
	} finally {
		for (const session of sessions)
			session.destroy();
		await waitFor('the streams to end', async () => await metric(store, 'lastpair_sse_subscribers') === 0, 60_000);
	}
}

/** Kernel memory of an idle TCP socket, in KB: of both ends of loopback connections, halved. */
async function socket() {
	const slab = () => Number(fs.readFileSync('/proc/meminfo', 'utf8').match(/^Slab:\s+(\d+) kB/m)?.[1]) * 1024;
	/** @type {net.Socket[]} */
	const ends = [];
	const server = net.createServer((end) => ends.push(end)).listen(0, '127.0.0.1', 4096);

	await waitFor('a port', () => server.listening);
	const before = slab();

	for (let i = 0; i < SOCKETS / 2; i++)
		ends.push(net.connect(/** @type {net.AddressInfo} */ (server.address()).port, '127.0.0.1'));
	await waitFor('the connections', () => ends.length === SOCKETS && ends.every((end) => !end.connecting), 60_000);
	await pause(SETTLE_MS);
	const grown = slab() - before;

	for (const end of ends)
		end.destroy();
	server.close();
	await pause(SETTLE_MS);
	return grown / SOCKETS / 1000;
}

/** @param {Bench} bench */
export async function run(bench) {
	const { folder, key, cert } = certificate();
	const port = await freePort();
	const store = await Store.start(bench, {
		name: 'lastpair', users: 0,
		site: `listen 127.0.0.1:${port} ssl http2 backlog=4096;\nssl_certificate "${cert}";\nssl_certificate_key "${key}";\n` +
			'ssl_protocols TLSv1.3;\nssl_session_tickets off;\n',
	});

	bench.defer(() => fs.rmSync(folder, { recursive: true, force: true }));
	await store.drops(5);
	await bench.figure({ row: 'a TLS 1.3 handshake (P-256) with a small request: nginx\'s processor time', unit: 'ms', measure: () => handshake(store, port) });
	await bench.figure({ row: `a stream over TLS by HTTP/2, ${STREAMS} of them: nginx's memory`, unit: 'KB', measure: () => stream(store, port) });
	await bench.figure({ row: `an idle TCP socket, ${SOCKETS} of them: the kernel's memory`, unit: 'KB', measure: socket });
	bench.note(`the daemon takes ${(memory(daemonPids(store)).rss / 1e6).toFixed(1)} MB afterwards; sockets of streams are 3 a browser: its own, and nginx's to the daemon with both ends`);
}
