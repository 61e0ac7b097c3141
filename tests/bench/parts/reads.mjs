import fs from 'node:fs';
import path from 'node:path';
import { request } from '../../lib/http.mjs';
import { Floor } from '../lib/floor.mjs';
import { wrk } from '../lib/load.mjs';
import { noteProcessorTime } from '../lib/processor.mjs';
import { newFolder, Store } from '../lib/store.mjs';

export const about = 'what a crowd asks for in vain, and what it only looks at';

const LISTED = 50;
const CONNECTIONS = 64;
const LISTING = '/api/drops';
const FILE = '/bench/listing.json';

/** @param {import('../lib/bench.mjs').Bench} bench */
export async function run(bench) {
	const folder = newFolder();

	bench.defer(() => fs.rmSync(folder, { recursive: true, force: true }));
	/* by the store's own nginx, so with the same headers, the same log and the same processes */
	const store = await Store.start(bench, { name: 'lastpair', site: `location = ${FILE} { alias ${folder}/listing.json; }\n` });

	await soldOut(bench, store);
	await listing(bench, store, path.join(folder, 'listing.json'));
	await store.audit();
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} store */
async function soldOut(bench, store) {
	const floor = await Floor.start(bench, store);

	await store.warmUp();
	await bench.pairs({
		left: { name: 'lastpair', measure: () => store.refusals({ connections: CONNECTIONS }) },
		right: { name: 'trivial FastCGI', measure: () => floor.rush({ connections: CONNECTIONS }) },
		rows: [
			{ row: `sold-out answers/s, ${CONNECTIONS} connections, against a trivial FastCGI answer`, unit: '1/s',
				of: (load) => load.perSecond, want: { atLeast: 0.5 } },
			{ row: `p99 of a sold-out answer, ${CONNECTIONS} connections`, unit: 'ms', of: (load) => load.p99 },
		],
	});
	await noteProcessorTime(bench, store, `a sold-out answer, ${CONNECTIONS} connections`, () => store.refusals({ connections: CONNECTIONS }));
}

/** @param {import('../lib/bench.mjs').Bench} bench @param {Store} store @param {string} file */
async function listing(bench, store, file) {
	await store.drops(LISTED, { description: 'One of the fifty that the listing shows.' });
	const listed = await request({ port: store.stack.port, path: LISTING });

	fs.writeFileSync(file, listed.raw);
	const same = await request({ port: store.stack.port, path: FILE });

	bench.check('the file is as long and of the same type as the listing, and neither is compressed',
		listed.body.drops.length === LISTED && same.status === 200 && same.raw.equals(listed.raw) &&
		same.headers['content-type'] === listed.headers['content-type'] &&
		same.headers['content-encoding'] === undefined && listed.headers['content-encoding'] === undefined,
		JSON.stringify([listed.headers, same.headers]));
	bench.note(`the listing of ${LISTED} drops has ${listed.raw.length} bytes`);
	await bench.pairs({
		left: { name: 'lastpair', measure: () => read(store.url + LISTING) },
		right: { name: 'static file', measure: () => read(store.url + FILE) },
		rows: [
			{ row: `anonymous listings/s, ${CONNECTIONS} connections, against a static file of that size`, unit: '1/s',
				of: (load) => load.perSecond, want: { atLeast: 0.7 } },
			{ row: `p99 of a listing, ${CONNECTIONS} connections`, unit: 'ms', of: (load) => load.p99 },
		],
	});
}

/** @param {string} url */
async function read(url) {
	const load = await wrk({ url, connections: CONNECTIONS });

	if (load.refused || load.broken)
		throw new Error(`${url}: ${load.refused} answers were refusals, ${load.broken} connections broke`);
	return load;
}
