/** The web's own floor: an nginx of the store's kind before a FastCGI worker that does nothing (load/fcgi_floor.c). */
import fs from 'node:fs';
import path from 'node:path';
import { request } from '../../lib/http.mjs';
import { waitFor } from '../../lib/wait.mjs';
import { end, start, tool } from './load.mjs';
import { freePort, newFolder, rush } from './store.mjs';

const PROCESSES = 2;
const THREADS = 32;	/* each serves one connection at a time, kept or not */
const KEPT = PROCESSES * THREADS / 2 / 2 + 1;	/* a process of nginx: half the threads, so that none waits behind an idle one */

/**
 * The floor's whole configuration. Two servers: one with no more than FastCGI needs, by Debian's own list of
 * parameters; and the store's own site, word for word, with the floor's socket in the place of its workers'. Both
 * log as the store does.
 * @param {{folder: string, port: number, site: string}} place
 */
const nginxText = ({ folder, port, site }) => `
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log warn;
worker_processes 2;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
	include /etc/nginx/mime.types;
	sendfile on;
	tcp_nopush on;
	client_body_temp_path ${folder}/body;
	proxy_temp_path ${folder}/proxy;
	fastcgi_temp_path ${folder}/fastcgi;
	uwsgi_temp_path ${folder}/uwsgi;
	scgi_temp_path ${folder}/scgi;
${site}
	access_log ${folder}/access.log lastpair buffer=64k flush=1s;
	upstream floor {
		server unix:${folder}/floor.sock max_fails=0;
		keepalive ${KEPT};
		keepalive_requests 100000;
		keepalive_timeout 20s;
	}
	server {
		listen 127.0.0.1:${port} backlog=4096;
		keepalive_requests 10000;
		location / {
			include /etc/nginx/fastcgi_params;
			fastcgi_keep_conn on;
			fastcgi_pass floor;
		}
	}
}
`;

export class Floor {
	/** Starts it, with the site of a store that runs. @param {import('./bench.mjs').Bench} bench
	 * @param {import('./store.mjs').Store} store @returns {Promise<Floor>} */
	static async start(bench, store) {
		const floor = new Floor(newFolder(), await freePort(), await freePort());

		floor.tokens = store.tokens;
		bench.step(`starting the floor on ports ${floor.port} and ${floor.sitePort}`);
		bench.defer(() => floor.stop());
		fs.mkdirSync(`${floor.folder}/cache`);
		fs.writeFileSync(`${floor.folder}/nginx.conf`, nginxText({ folder: floor.folder, port: floor.port, site: floor.#siteOf(store) }));
		floor.children.push(floor.#workers('floor'), floor.#workers('site'),
			start('/usr/sbin/nginx', ['-c', `${floor.folder}/nginx.conf`], { log: `${floor.folder}/nginx.out` }));
		for (const port of [floor.port, floor.sitePort])
			await waitFor('the floor to answer', async () => (await request({ port, path: '/api/x' })).status === 201);
		return floor;
	}

	/** @param {string} folder @param {number} port @param {number} sitePort */
	constructor(folder, port, sitePort) {
		this.folder = folder;
		this.port = port;
		this.sitePort = sitePort;
		this.url = `http://127.0.0.1:${port}`;
		this.siteUrl = `http://127.0.0.1:${sitePort}`;
		this.tokens = '';
		/** @type {import('node:child_process').ChildProcess[]} */
		this.children = [];
	}

	/** Workers on a socket of their own: connections that the one server keeps would else pin
	 * threads that the other needs. @param {string} name */
	#workers(name) {
		return start('spawn-fcgi', ['-n', '-s', `${this.folder}/${name}.sock`, '-M', '0666', '-b', '1024', '--',
			'/usr/bin/multiwatch', '-f', String(PROCESSES), '-s', 'TERM', '--',
			'/usr/bin/setpriv', '--pdeathsig', 'TERM', tool('fcgi_floor'), String(THREADS)], { log: `${this.folder}/${name}.log` });
	}

	/** @param {import('./store.mjs').Store} store */
	#siteOf(store) {
		const named = path.join(store.stack.dir, 'cachedir');
		const cache = fs.existsSync(named) ? fs.readFileSync(named, 'utf8').trim() : path.join(store.stack.dir, 'cache');

		return fs.readFileSync(path.join(store.stack.dir, 'nginx-site.conf'), 'utf8')
			.replaceAll(`${store.sockets}/api.sock`, `${this.folder}/site.sock`)
			.replaceAll(cache, path.join(this.folder, 'cache'))
			.replaceAll(`127.0.0.1:${store.stack.port}`, `127.0.0.1:${this.sitePort}`);
	}

	/** The rush, answered by nobody. @param {{connections?: number, seconds?: number, url?: string}} [load] */
	async rush({ url = this.url, ...load } = {}) {
		const got = await rush({ url, tokens: this.tokens, ids: [1], ...load });

		if (got.refused || got.broken)
			throw new Error(`the floor refused ${got.refused} requests and broke ${got.broken} connections`);
		return got;
	}

	async stop() {
		for (const child of this.children.reverse())
			await end(child);
		fs.rmSync(this.folder, { recursive: true, force: true });
	}
}
