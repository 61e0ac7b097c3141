/** Waiting for conditions, so that no test sleeps for luck. */

/** How many times as long everything may take: where a tool looks at each instruction, say. */
export const SLOW = Number(process.env.LASTPAIR_SLOW ?? 1);

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks until the answer is truthy and returns it; the last error or answer is told when time is up.
 * @param {string} what  what is waited for, for the message
 * @param {() => any} condition  may be async, and may throw while it is not yet so
 * @param {number} [ms]
 */
export async function waitFor(what, condition, ms = 10_000) {
	const deadline = Date.now() + ms * SLOW;
	let last;

	for (;;) {
		try {
			last = await condition();
			if (last)
				return last;
		} catch (error) {
			last = error;
		}
		if (Date.now() > deadline)
			throw new Error(`waited ${ms * SLOW} ms in vain for: ${what} (last: ${tell(last)})`);
		await pause(25);
	}
}

/** @param {any} last */
function tell(last) {
	return last instanceof Error ? last.message : JSON.stringify(last);
}
