/**
 * One drop, laid out like the label of a shoe box: as a card on the floor, and, with its root's data-panel, as the
 * panel of the drop's own view, with a larger picture and its details.
 */

import { attr, el, enable, keyed, once, show, text } from '../dom.js';
import { countdown, dateTime, duration, money, number, since } from '../format.js';
import { sizeState } from '../state.js';
import { t, tn } from '../text.js';

/**
 * @typedef {import('../types.js').CardModel & {now: number}} Model
 * @typedef {import('../types.js').Actions} Actions
 */

/** More pairs than this are drawn as one bar, fewer as one tick each. */
const MOST_TICKS = 60;
const NO_PICTURE = '/img/no-picture.svg';

/** @param {HTMLElement} root @param {Model} model @param {Actions} actions */
export function render(root, model, actions) {
	const parts = once(root, () => build(root, model.drop.id, actions));

	renderLabel(root, parts, model);
	renderStock(parts, model);
	renderSizes(parts, model, actions);
	renderReserve(parts, model);
	renderBuyers(parts, model);
	renderOffice(parts, model);
	if (parts.details)
		renderDetails(parts.details, model);
}

/** @param {HTMLElement} root @param {Parts} parts @param {Model} model */
function renderLabel(root, parts, { drop, status }) {
	attr(root, 'data-status', status);
	renderPicture(parts.picture, drop.imageUrl || NO_PICTURE);
	text(parts.status, t(`status.${status}`));
	text(parts.name, drop.name);
	text(parts.price, money(drop.priceCents, drop.currency));
	text(parts.description, drop.description ?? '');
	text(parts.when, whenText(drop, status));
	text(parts.terms, tn('terms', drop.maxPerUser));
}

/**
 * One that cannot be had gives way to the stand-in, and is not asked for again.
 * @param {HTMLImageElement} picture @param {string} url
 */
export function renderPicture(picture, url) {
	if (picture.dataset['url'] === url)
		return;
	picture.dataset['url'] = url;
	picture.src = url;
}

/** @param {string} loading @param {boolean} [large] */
export function buildPicture(loading, large = false) {
	const picture = el('img', { 'alt': '', 'width': '800', 'height': '600', 'loading': loading, 'decoding': 'async' });

	if (large)
		picture.fetchPriority = 'high';
	picture.addEventListener('error', () => attr(picture, 'src', NO_PICTURE));
	return picture;
}

/** @param {import('../types.js').Drop} drop @param {import('../types.js').DropStatus} status */
export function whenText(drop, status) {
	if (status === 'upcoming')
		return t('when.opens', { time: dateTime(drop.dropStartsAt) });
	if (drop.dropEndsAt)
		return t(status === 'ended' ? 'when.ended' : 'when.until', { time: dateTime(drop.dropEndsAt) });
	return t('when.since', { time: dateTime(drop.dropStartsAt) });
}

/** @param {Parts} parts @param {Model} model */
function renderStock(parts, { drop }) {
	const total = Math.max(1, drop.totalStock);

	parts.bar.style.setProperty('--free', `${100 * drop.availableStock / total}%`);
	parts.bar.style.setProperty('--held', `${100 * (drop.availableStock + drop.reservedStock) / total}%`);
	parts.bar.style.setProperty('--ticks', String(total));
	attr(parts.bar, 'data-ticks', total <= MOST_TICKS);
	figure(parts.available, drop.availableStock);
	figure(parts.reserved, drop.reservedStock);
	figure(parts.sold, drop.soldStock);
	text(parts.total, t('stock.of', { n: number(drop.totalStock) }));
}

/** @param {HTMLElement} node @param {number} n */
function figure(node, n) {
	attr(node, 'data-value', String(n));
	text(node, number(n));
}

/** @param {Parts} parts @param {Model} model @param {Actions} actions */
function renderSizes(parts, { drop, status, picked }, actions) {
	const named = drop.sizes.length > 1 || drop.sizes[0]?.size !== '';

	show(parts.sizes, named);
	keyed(parts.sizeList, named ? drop.sizes : [], (s) => s.size,
		(s) => sizeButton(drop.id, s.size, actions),
		(button, s) => {
			const state = sizeState(s);

			attr(button, 'data-state', state);
			attr(button, 'aria-pressed', String(picked === s.size));
			enable(/** @type {HTMLButtonElement} */ (button), status !== 'ended');
			text(/** @type {Node} */ (button.lastChild), sizeNote(s.availableStock, state));
		});
}

/**
 * Also one that is gone can be chosen: whoever looks at it is told when a pair comes back.
 * @param {number} dropId @param {string} size @param {Actions} actions
 */
function sizeButton(dropId, size, actions) {
	const button = el('button', {
		'type': 'button',
		'class': 'size',
		'data-testid': 'size-option',
		'data-size': size,
		'click': () => {
			if (!button.hasAttribute('aria-disabled'))
				actions.pick(dropId, size);
		},
	}, el('bdi', { 'class': 'size-name' }, size), ' ', el('span', { 'class': 'size-note' }));

	return button;
}

/** @param {number} available @param {'free'|'last'|'held'|'gone'} state */
function sizeNote(available, state) {
	switch (state) {
	case 'free': return tn('size.free', available);
	case 'last': return tn('size.last', available);
	default: return t(`size.${state}`);
	}
}

/** @param {Parts} parts @param {Model} model */
function renderReserve(parts, model) {
	const press = pressOf(model);

	text(parts.reserveText, press.label);
	text(parts.reserveNote, press.note);
	attr(parts.reserve, 'data-tone', press.tone);
	attr(parts.reserve, 'data-needs-size', press.able && press.tone === 'calm' && model.picked === null);
	attr(parts.reserve, 'aria-busy', model.busy ? 'true' : null);
	enable(parts.reserve, press.able && !model.busy);
}

/**
 * What the button says, and whether pressing it can do anything.
 * @param {Model} model
 * @returns {{label: string, note: string, able: boolean, tone: 'go'|'calm'|'off'|'mine'}}
 */
function pressOf({ drop, status, hold, owned, picked, busy, again, seconds, overdue }) {
	if (hold)
		return { label: t('press.held'), note: countdown(seconds), able: true, tone: 'mine' };
	if (busy && again)
		return { label: t('press.asking'), note: t('press.again', { n: number(again) }), able: false, tone: 'go' };
	if (status === 'upcoming')
		return { label: t('press.opens'), note: countdown(seconds), able: false, tone: 'off' };
	if (status !== 'live')
		return { label: t(`status.${status}`), note: status === 'paused' ? t('press.soon') : '', able: false, tone: 'off' };
	if (owned >= drop.maxPerUser)
		return { label: t('press.yours'), note: t('press.limit'), able: false, tone: 'off' };
	if (picked === null && drop.availableStock > 0)
		return { label: t('press.choose'), note: '', able: true, tone: 'calm' };

	const size = drop.sizes.find((s) => s.size === picked);
	const available = size ? size.availableStock : drop.availableStock;

	if (available > 0)
		return { label: t('press.reserve'), note: t('press.keeps', { time: duration(drop.holdSeconds, 'short') }), able: true, tone: 'go' };
	return size && sizeState(size) === 'gone'
		? { label: t('press.gone'), note: t('press.other'), able: false, tone: 'off' }
		: { label: t('press.all_held'), note: t(overdue ? 'press.try' : 'press.return'), able: overdue && picked !== null, tone: 'calm' };
}

/** @param {Parts} parts @param {Model} model */
function renderBuyers(parts, { drop, now }) {
	const buyers = drop.recentPurchasers;

	attr(parts.buyers, 'data-empty', buyers.length === 0);
	text(parts.buyersTitle, t(buyers.length ? 'buyers.some' : 'buyers.none'));
	keyed(parts.buyerList, buyers, (b) => `${b.purchasedAt} ${b.username}`,
		(b) => el('li', {}, el('bdi', {}, b.username), ' ', el('span')),
		(li, b) => text(/** @type {Node} */ (li.lastChild), since(b.purchasedAt, now)));
}

/** @param {Parts} parts @param {Model} model */
function renderOffice(parts, { admin, adminBusy, drop, status }) {
	show(parts.office, admin);
	text(parts.pause, t(drop.isActive ? 'office.pause' : 'office.resume'));
	attr(parts.pause, 'data-active', String(drop.isActive));
	enable(parts.pause, !adminBusy && status !== 'ended');
	enable(parts.restock, !adminBusy);
	text(parts.hidden, drop.isActive ? '' : t('office.note'));
}

/** @param {Details} details @param {Model} model */
function renderDetails(details, { drop, status }) {
	text(details.opensName, t(status === 'upcoming' ? 'drop.opens' : 'drop.opened'));
	text(details.opens, dateTime(drop.dropStartsAt));
	show(details.endsRow, Boolean(drop.dropEndsAt));
	text(details.endsName, t(status === 'ended' ? 'drop.ended' : 'drop.ends'));
	text(details.ends, drop.dropEndsAt ? dateTime(drop.dropEndsAt) : '');
	text(details.hold, duration(drop.holdSeconds));
	text(details.limit, tn('drop.pairs', drop.maxPerUser));
	text(details.made, tn('drop.pairs', drop.totalStock));
}

/** @typedef {ReturnType<typeof build>} Parts */
/** @typedef {ReturnType<typeof buildDetails>} Details */

/** @param {HTMLElement} root @param {number} id @param {Actions} actions */
function build(root, id, actions) {
	const panel = root.hasAttribute('data-panel');
	const label = buildLabel(id, panel);
	const stock = buildStock();
	const sizeList = el('div', { 'class': 'size-list' });
	const sizes = el('div', { 'class': 'sizes', 'role': 'group', 'aria-label': t('size.label') }, sizeList);
	const press = buildReserve(id, actions, sizeList);
	const buyers = buildBuyers();
	const office = buildOffice(id, actions);
	const details = panel ? buildDetails() : null;

	attr(root, 'data-drop', String(id));
	attr(root, 'aria-labelledby', `drop-${id}`);
	root.append(label.frame,
		el('div', { 'class': 'card-body' },
			label.head, label.description, label.line, stock.bar, stock.figures,
			sizes, press.reserve, buyers.buyers, ...(details ? [details.box] : []), office.office));
	return { ...label, ...stock, sizes, sizeList, ...press, ...buyers, ...office, details };
}

/** @param {number} id @param {boolean} panel */
function buildLabel(id, panel) {
	const picture = buildPicture(panel ? 'eager' : 'lazy', panel);
	const status = el('span', { 'class': 'status', 'data-testid': 'drop-status' });
	const link = el('a', { 'href': `/drops/${id}`, 'class': 'card-link', 'data-testid': 'drop-link' });
	const name = el('bdi', {});
	const price = el('p', { 'class': 'price' });
	const when = el('span');
	const terms = el('span');

	link.append(name);
	return {
		picture, status, name, price, when, terms,
		frame: el('div', { 'class': 'frame' }, picture, status),
		head: el('header', { 'class': 'card-head' },
			panel ? el('h1', { 'id': `drop-${id}`, 'tabindex': '-1' }, name) : el('h2', { 'id': `drop-${id}` }, link), price),
		description: el('p', { 'class': 'description', 'dir': 'auto' }),
		line: el('p', { 'class': 'fineprint' }, when, terms),
	};
}

function buildStock() {
	const available = el('dd', { 'data-testid': 'available' });
	const reserved = el('dd', { 'data-testid': 'reserved' });
	const sold = el('dd', { 'data-testid': 'sold' });
	const total = el('p', { 'class': 'total' });

	return {
		available, reserved, sold, total,
		bar: el('div', { 'class': 'bar', 'aria-hidden': 'true' }),
		figures: el('div', { 'class': 'figures' }, el('dl', {},
			el('div', {}, el('dt', {}, t('stock.left')), available),
			el('div', {}, el('dt', {}, t('stock.held')), reserved),
			el('div', {}, el('dt', {}, t('stock.sold')), sold)), total),
	};
}

/** @param {number} id @param {Actions} actions @param {HTMLElement} sizeList */
function buildReserve(id, actions, sizeList) {
	const reserveText = el('span');
	const reserveNote = el('span', { 'class': 'reserve-note' });
	const reserve = el('button', {
		'type': 'button',
		'class': 'reserve',
		'data-testid': 'reserve',
		'click': () => {
			if (reserve.hasAttribute('aria-disabled'))
				return;
			if (reserve.dataset['tone'] === 'mine')
				return actions.showHold(id);
			if (reserve.hasAttribute('data-needs-size'))
				return focusSize(sizeList);
			actions.reserve(id);
		},
	}, reserveText, ' ', reserveNote);

	return { reserve, reserveText, reserveNote };
}

/** @param {HTMLElement} sizeList */
function focusSize(sizeList) {
	const free = sizeList.querySelector('[data-state="free"], [data-state="last"]');

	if (free instanceof HTMLElement)
		free.focus();
}

function buildBuyers() {
	const buyersTitle = el('p');
	const buyerList = el('ul');

	return {
		buyersTitle, buyerList,
		buyers: el('div', { 'class': 'buyers', 'data-testid': 'buyers' }, buyersTitle, buyerList),
	};
}

function buildDetails() {
	const opensName = el('dt');
	const opens = el('dd');
	const endsName = el('dt');
	const ends = el('dd');
	const endsRow = el('div', {}, endsName, ends);
	const hold = el('dd');
	const limit = el('dd');
	const made = el('dd');

	return {
		opensName, opens, endsName, ends, endsRow, hold, limit, made,
		box: el('section', { 'class': 'details' }, el('h2', {}, t('drop.details')),
			el('dl', {},
				el('div', {}, opensName, opens), endsRow,
				el('div', {}, el('dt', {}, t('drop.made')), made),
				el('div', {}, el('dt', {}, t('drop.limit')), limit),
				el('div', {}, el('dt', {}, t('drop.hold')), hold))),
	};
}

/** @param {number} id @param {Actions} actions */
function buildOffice(id, actions) {
	const pause = el('button', {
		'type': 'button',
		'class': 'button button-small',
		'data-testid': 'admin-pause',
		'click': () => {
			if (!pause.hasAttribute('aria-disabled'))
				actions.setActive(id, pause.dataset['active'] !== 'true');
		},
	});
	const restock = el('button', {
		'type': 'button',
		'class': 'button button-small',
		'data-testid': 'admin-restock',
		'click': () => actions.openDialog({ kind: 'restock', dropId: id }),
	}, t('office.restock'));
	const hidden = el('span', { 'class': 'office-note' });

	return {
		pause, restock, hidden,
		office: el('div', { 'class': 'office', 'role': 'group', 'aria-label': t('office.label') }, pause, restock, hidden),
	};
}
