/** Says so when what is shown is not what is: the stream is away, and not just for a moment. */

import { show, text } from '../dom.js';
import { t } from '../text.js';

/** Shorter than this it is only catching up, which the head of the page shows. */
const MOMENT_MS = 2500;
let liveAt = 0;

/** @param {HTMLElement} root @param {import('../types.js').State} state */
export function render(root, { connection, loaded }) {
	const now = performance.now();

	if (connection === 'live')
		liveAt = now;
	show(root, loaded && (connection === 'offline' || now - liveAt > MOMENT_MS) && connection !== 'live');
	text(root, connection === 'live' ? '' : t(`connection.old.${connection}`));
}
