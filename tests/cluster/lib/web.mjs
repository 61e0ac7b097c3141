/** A web host: nginx, workers, the event daemon and the expiry, by the very settings that an installation uses. */
import fs from 'node:fs';
import path from 'node:path';
import { BUILD, TOP } from '../../lib/stack.mjs';

/** @typedef {import('./net.mjs').Machine} Machine */

export const PORT = 8080;

/** A file of the tree with its @NAMES@ filled in. @param {string} file @param {Record<string, string|number>} values */
function fill(file, values) {
	return fs.readFileSync(path.join(TOP, file), 'utf8').replace(/@([A-Z_]+)@/g, (_, name) => {
		if (values[name] === undefined)
			throw new Error(`${file}: nothing to fill in for ${name}`);
		return String(values[name]);
	});
}

/** @param {Machine} m */
function nginxSettings(m) {
	const run = path.join(m.dir, 'run');

	m.write('nginx-site.conf', fill('nginx/lastpair.site.in', {
		LISTEN: `${m.address}:${PORT}`, SERVER_NAME: '_', WWWDIR: path.join(TOP, 'www'), CACHEDIR: path.join(m.dir, 'cache'),
		SITE_INCLUDE: path.join(m.dir, 'site.d'), API_SOCKET: `${run}/api.sock`, AUTH_SOCKET: `${run}/auth.sock`, SSE_SOCKET: `${run}/sse.sock`,
	}));
	fs.mkdirSync(path.join(m.dir, 'site.d'), { recursive: true });
	m.write('site.d/proxy.conf', 'set_real_ip_from 10.77.0.1;\nreal_ip_header X-Forwarded-For;\n', 0o644);
	return m.write('nginx.conf', fill('nginx/nginx.conf.in', { DIR: m.dir, NGINX_WORKERS: 1, NOFILE: 4096, CONNECTIONS: 4000, CACHEDIR: path.join(m.dir, 'cache') }));
}

/** Starts all of it. @param {Machine} m @param {string} settings lastpair.conf, but for what is the host's own */
export function startWeb(m, settings) {
	const run = path.join(m.dir, 'run');
	const conf = m.write('lastpair.conf', `${settings}metrics_file = ${run}/metrics\nsse_socket = ${run}/sse.sock\nsse_admin_socket = ${run}/sse-admin.sock\n`);

	for (const pool of ['api', 'auth']) {
		fs.rmSync(`${run}/${pool}.sock`, { force: true });
		m.start(pool, ['spawn-fcgi', '-n', '-s', `${run}/${pool}.sock`, '-M', '0660', '-b', '1024', '--',
			'/usr/bin/multiwatch', '-f', '1', '-r', '20', '-t', '2000', '-s', 'TERM', '--', path.join(BUILD, 'lastpair-api'), '-c', conf, '--pool', pool]);
	}
	m.start('sse', [path.join(BUILD, 'lastpair-sse'), '-c', conf]);
	m.start('expire', ['sh', '-c', `while :; do ${path.join(BUILD, 'lastpair-expire')} -c ${conf} & sleep 60; done`]);
	m.start('front', ['nginx', '-e', path.join(m.dir, 'log/nginx.log'), '-p', `${m.dir}/`, '-c', nginxSettings(m)]);
}

/** The balancer stands where the browsers are. A host that does not answer is left out for two seconds; a stream that is
 * silent for longer than the daemon's heartbeat is ended, and its browser comes back to the other host.
 * @param {Machine[]} hosts @param {number} port */
export function balancerSettings(hosts, port) {
	const servers = (/** @type {string} */ fails) => hosts.map((m) => `server ${m.address}:${PORT} ${fails};`).join(' ');

	return `daemon off;
worker_processes 1;
worker_rlimit_nofile 4096;
events { worker_connections 4000; }
http {
	access_log off;
	upstream api { ${servers('max_fails=1 fail_timeout=2s')} keepalive 64; }
	# A host that has failed is well again for nginx when a request to it has ended, which streams do not: it would get
	# one every two seconds. So each tries for itself.
	upstream streams { least_conn; ${servers('max_fails=0')} }
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	proxy_set_header Host $host;
	proxy_set_header X-Forwarded-For $remote_addr;
	proxy_connect_timeout 1s;
	proxy_read_timeout 12s;
	proxy_next_upstream error timeout;	# what may have been done, POST and DELETE, is never sent twice
	proxy_next_upstream_tries 2;
	error_page 502 504 =503 @unavailable;
	server {
		listen 127.0.0.1:${port} backlog=1024;
		location / { proxy_pass http://api; }
		location = /api/events {
			proxy_pass http://streams;
			proxy_buffering off;
			proxy_read_timeout 3s;
		}
		location @unavailable {
			default_type application/problem+json;
			add_header Retry-After 1 always;
			return 503 '{"status":503,"title":"Service Unavailable","code":"unavailable","detail":"The store cannot answer right now; try again in a moment."}';
		}
	}
}
`;
}
