/** Where the processors' time goes: each of the store's parts, around a load. */
import { cpuSeconds, processTree } from './load.mjs';

/**
 * Runs a load and notes what a request of it took of the processors, part by part.
 * @param {import('./bench.mjs').Bench} bench @param {import('./store.mjs').Store} store @param {string} what
 * @param {() => Promise<import('./figures.mjs').Load>} measure
 */
export async function noteProcessorTime(bench, store, what, measure) {
	const { stack } = store;
	/** @type {Record<string, number[]>} */
	const parts = {
		nginx: processTree([stack.pid('nginx')]),
		workers: stack.pids('lastpair-api'),
		PostgreSQL: processTree([stack.pid('postgres')]),
		Redis: [stack.pid('redis')],
		'the daemon': stack.pids('lastpair-sse'),
	};
	const read = () => Object.values(parts).map(cpuSeconds);
	const before = read();
	const { answers } = await measure();
	const us = read().map((seconds, i) => (seconds - Number(before[i])) * 1e6 / answers);
	const sum = us.reduce((a, b) => a + b, 0);

	bench.note(`processor time of ${what}: ${Object.keys(parts).map((name, i) => `${name} ${us[i]?.toFixed(1)}`).join(', ')}, in all ${sum.toFixed(0)} us`);
}
