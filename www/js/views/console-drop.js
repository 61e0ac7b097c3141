/** One drop: its head with what can be done to it, its board, its sales, its part of the trail, its details. */

import { attr, el, enable, show, text } from '../dom.js';
import { Refusal } from '../api.js';
import { changeDrop } from '../console-api.js';
import { preciseTime } from '../console-text.js';
import { money } from '../format.js';
import { statusOf, withDrops } from '../state.js';
import { get, say, set } from '../store.js';
import { refusalText, t } from '../text.js';
import { buildPicture, renderPicture } from './card.js';
import { keyOf, makeTrail } from './console-actions.js';
import * as board from './console-board.js';
import * as edit from './console-edit.js';
import * as sales from './console-purchases.js';

/**
 * @typedef {import('../types.js').State} State
 * @typedef {import('../types.js').Drop} Drop
 * @typedef {import('../types.js').Actions} Actions
 */

const TRAIL_ROWS = 10;
const NO_PICTURE = '/img/no-picture.svg';

/** @param {Actions} actions @param {number} id @param {import('./console-form.js').Typed} [typed]  in another language
 * @returns {import('./console.js').ConsolePage} */
export function make(actions, id, typed) {
	const live = board.make(actions, id);
	const purchases = sales.make(actions, id);
	const trail = makeTrail(actions, () => id, TRAIL_ROWS);
	const form = edit.make(actions, id, typed);
	const parts = build(id, actions, form.focus, endNow);
	let now = 0;
	let ending = false;

	parts.page.append(live.node,
		el('div', { 'class': 'board-row board-row-wide' }, purchases.node,
			el('section', { 'class': 'ledger', 'aria-labelledby': 'trail-title' },
				el('header', { 'class': 'ledger-head' }, el('h2', { 'id': 'trail-title' }, t('c.trail.title'))), trail.node)),
		form.node);

	async function endNow() {
		if (ending)
			return;
		ending = true;
		actions.redraw();
		try {
			const { drop } = await changeDrop(id, { dropEndsAt: new Date(now).toISOString() });

			set(withDrops(get(), [drop]));
			say('ok', t('c.end.done', { drop: drop.name }));
		} catch (error) {
			if (!(error instanceof Refusal))
				throw error;
			say('bad', refusalText(error), { code: error.code });
		} finally {
			ending = false;
			actions.redraw();
		}
	}

	return {
		node: parts.node,
		typed: form.typed,
		close() {
			live.close();
			purchases.close();
			trail.close();
		},
		render(state) {
			const drop = state.drops.get(id);

			now = state.now;
			show(parts.page, drop !== undefined);
			show(parts.missing, drop === undefined);
			text(parts.missing, missingText(state));
			if (!drop)
				return;
			renderHead(parts, drop, state, ending);
			live.render(drop, state);
			purchases.render(drop);
			trail.render(state, keyOf(drop));
			form.render(drop, state.now);
		},
	};
}

/** @param {State} state */
function missingText({ loaded, loadProblem }) {
	if (loaded)
		return t('c.drop.missing');
	return loadProblem ? refusalText(loadProblem) : t('c.loading');
}

/** @param {ReturnType<typeof build>} parts @param {Drop} drop @param {State} state @param {boolean} ending */
function renderHead(parts, drop, state, ending) {
	const status = statusOf(drop, state.now);
	const busy = ending || state.busy.has(`admin:${drop.id}`);

	attr(parts.node, 'data-status', status);
	renderPicture(parts.picture, drop.imageUrl || NO_PICTURE);
	text(parts.name, drop.name);
	text(parts.status, t(`status.${status}`));
	text(parts.facts, [
		money(drop.priceCents, drop.currency),
		t(status === 'upcoming' ? 'c.drop.opens' : 'c.drop.since', { time: preciseTime(drop.dropStartsAt) }),
		drop.dropEndsAt ? t(status === 'ended' ? 'c.drop.ended' : 'c.drop.until', { time: preciseTime(drop.dropEndsAt) }) : '',
	].filter(Boolean).join(' · '));
	text(parts.pause, t(drop.isActive ? 'c.pause' : 'c.resume'));
	attr(parts.pause, 'data-active', String(drop.isActive));
	enable(parts.pause, !busy && status !== 'ended');
	enable(parts.restock, !busy);
	/* what has not begun cannot end: pausing keeps it shut */
	enable(parts.end, !busy && status !== 'ended' && Date.parse(drop.dropStartsAt) < state.now);
	text(parts.endText, t('c.end.text', { drop: drop.name }));
}

/** @param {number} id @param {Actions} actions @param {() => void} editIt @param {() => void} endNow */
function build(id, actions, editIt, endNow) {
	const picture = buildPicture('eager');
	const name = el('h1', { 'dir': 'auto', 'tabindex': '-1' });
	const status = el('span', { 'class': 'state', 'data-testid': 'drop-status' });
	const facts = el('p', { 'class': 'sub' });
	const pause = button('admin-pause', '', () => actions.setActive(id, pause.dataset['active'] !== 'true'));
	const restock = button('admin-restock', t('c.restock'), () => actions.openDialog({ kind: 'restock', dropId: id }));
	const change = button('admin-edit-open', t('c.edit'), editIt);
	const end = button('admin-end', t('c.end'), () => dialog.showModal());
	const { dialog, endText } = buildEndDialog(endNow);
	const missing = el('p', { 'class': 'notice' });
	const page = el('div', {},
		el('header', { 'class': 'drop-head' }, picture,
			el('div', { 'class': 'drop-title' },
				el('p', { 'class': 'way-back' }, el('a', { 'href': '/console' }, t('c.drop.all'))),
				el('div', { 'class': 'drop-line' }, name, status), facts),
			el('div', { 'class': 'console-tools' },
				el('a', { 'class': 'quiet', 'href': `/drops/${id}` }, t('c.drop.as-buyer')), change, restock, pause, end)),
		dialog);

	return { picture, name, status, facts, pause, restock, end, endText, missing, page, node: el('div', { 'data-testid': 'board' }, missing, page) };
}

/** @param {string} testid @param {string} label @param {() => void} press */
function button(testid, label, press) {
	const node = el('button', {
		'type': 'button', 'class': 'button button-small', 'data-testid': testid,
		'click': () => {
			if (!node.hasAttribute('aria-disabled'))
				press();
		},
	}, label);

	return node;
}

/** What cannot be taken back by the same press is asked about first. @param {() => void} endNow */
function buildEndDialog(endNow) {
	const endText = el('p', { 'class': 'dialog-note' });
	const dialog = el('dialog', {
		'class': 'dialog', 'data-testid': 'admin-end-dialog', 'aria-labelledby': 'end-title',
		'click': (/** @type {Event} */ event) => event.target === dialog && dialog.close(),
	}, el('header', { 'class': 'dialog-head' }, el('h2', { 'id': 'end-title' }, t('c.end.title'))), endText,
	el('div', { 'class': 'dialog-do' },
		el('button', { 'type': 'button', 'class': 'button', 'click': () => dialog.close() }, t('c.end.cancel')),
		el('button', {
			'type': 'button', 'class': 'button button-solid', 'data-testid': 'admin-end-confirm',
			'click': () => {
				dialog.close();
				endNow();
			},
		}, t('c.end.confirm'))));

	return { dialog, endText };
}
