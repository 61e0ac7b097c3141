/**
 * Many tabs on one connection: node streams.mjs PORT COUNT opens COUNT streams in one HTTP/2 session over TLS, and prints,
 * as JSON, how many of them got their snapshot and how many a change that comes after `{"ready":N}` was printed.
 */
import http2 from 'node:http2';
import { waitFor } from '../lib/wait.mjs';

const [port, count] = process.argv.slice(2).map(Number);
const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, servername: 'shop.example' });
const all = Array.from({ length: Number(count) }, () => {
	const stream = session.request({ ':path': '/api/events', ':authority': 'shop.example' });
	const one = { status: 0, text: '' };

	stream.on('response', (headers) => { one.status = Number(headers[':status']); });
	stream.setEncoding('utf8').on('data', (chunk) => { one.text += chunk; });
	stream.on('error', (error) => { one.text += `\n${error}`; });
	return one;
});
const having = (/** @type {string} */ text) => all.filter((one) => one.status === 200 && one.text.includes(text)).length;

try {
	await waitFor('every snapshot', () => having('event: snapshot') === count);
	console.log(JSON.stringify({ ready: count }));
	await waitFor('every change', () => having('event: drop:created') === count, 20_000);
} catch (error) {
	console.error(String(error));
}
console.log(JSON.stringify({ snapshots: having('event: snapshot'), changes: having('event: drop:created') }));
session.destroy();
