/** One drop on the floor, laid out like the label of a shoe box. */

import { attr, el, enable, keyed, once, show, text } from '../dom.js';
import { countdown, dateTime, money, number, since } from '../format.js';
import { sizeState } from '../state.js';
import { STATUS } from '../text.js';

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
}

/** @param {HTMLElement} root @param {Parts} parts @param {Model} model */
function renderLabel(root, parts, { drop, status }) {
	attr(root, 'data-status', status);
	renderPicture(parts.picture, drop.imageUrl || NO_PICTURE);
	text(parts.status, STATUS[status]);
	text(parts.name, drop.name);
	text(parts.price, money(drop.priceCents, drop.currency));
	text(parts.description, drop.description ?? '');
	text(parts.when, whenText(drop, status));
	text(parts.terms, drop.maxPerUser === 1 ? 'One a person' : `${number(drop.maxPerUser)} a person`);
}

/**
 * One that cannot be had gives way to the stand-in, and is not asked for again.
 * @param {HTMLImageElement} picture @param {string} url
 */
function renderPicture(picture, url) {
	if (picture.dataset['url'] === url)
		return;
	picture.dataset['url'] = url;
	picture.src = url;
}

/** @param {import('../types.js').Drop} drop @param {import('../types.js').DropStatus} status */
function whenText(drop, status) {
	if (status === 'upcoming')
		return `Opens ${dateTime(drop.dropStartsAt)}`;
	if (drop.dropEndsAt)
		return `${status === 'ended' ? 'Ended' : 'Until'} ${dateTime(drop.dropEndsAt)}`;
	return `Since ${dateTime(drop.dropStartsAt)}`;
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
	text(parts.total, `of ${number(drop.totalStock)}`);
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
			enable(/** @type {HTMLButtonElement} */ (button), state !== 'gone' && status !== 'ended');
			text(/** @type {Node} */ (button.lastChild), sizeNote(s.availableStock, state));
		});
}

/** @param {number} dropId @param {string} size @param {Actions} actions */
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
	}, el('span', { 'class': 'size-name' }, size), ' ', el('span', { 'class': 'size-note' }));

	return button;
}

/** @param {number} available @param {'free'|'last'|'held'|'gone'} state */
function sizeNote(available, state) {
	switch (state) {
	case 'free': return `${number(available)} left`;
	case 'last': return available === 1 ? 'last one' : 'last two';
	case 'held': return 'all held';
	default: return 'gone';
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
function pressOf({ drop, status, hold, owned, picked, seconds, overdue }) {
	if (hold)
		return { label: 'Held for you', note: countdown(seconds), able: true, tone: 'mine' };
	if (status === 'upcoming')
		return { label: 'Opens in', note: countdown(seconds), able: false, tone: 'off' };
	if (status !== 'live')
		return { label: STATUS[status], note: status === 'paused' ? 'back soon' : '', able: false, tone: 'off' };
	if (owned >= drop.maxPerUser)
		return { label: 'Yours', note: 'limit reached', able: false, tone: 'off' };
	if (picked === null && drop.availableStock > 0)
		return { label: 'Choose a size', note: '', able: true, tone: 'calm' };

	const size = drop.sizes.find((s) => s.size === picked);
	const available = size ? size.availableStock : drop.availableStock;

	if (available > 0)
		return { label: 'Reserve', note: `held ${drop.holdSeconds} s`, able: true, tone: 'go' };
	return size && sizeState(size) === 'gone'
		? { label: 'Size gone', note: 'choose another', able: false, tone: 'off' }
		: { label: 'All held', note: overdue ? 'try for one' : 'one may come back', able: overdue && picked !== null, tone: 'calm' };
}

/** @param {Parts} parts @param {Model} model */
function renderBuyers(parts, { drop, now }) {
	const buyers = drop.recentPurchasers;

	attr(parts.buyers, 'data-empty', buyers.length === 0);
	text(parts.buyersTitle, buyers.length ? 'Just bought' : 'No buyers yet');
	keyed(parts.buyerList, buyers, (b) => `${b.purchasedAt} ${b.username}`,
		(b) => el('li', {}, el('strong', {}, b.username), ' ', el('span')),
		(li, b) => text(/** @type {Node} */ (li.lastChild), since(b.purchasedAt, now)));
}

/** @param {Parts} parts @param {Model} model */
function renderOffice(parts, { admin, adminBusy, drop, status }) {
	show(parts.office, admin);
	text(parts.pause, drop.isActive ? 'Pause' : 'Resume');
	attr(parts.pause, 'data-active', String(drop.isActive));
	enable(parts.pause, !adminBusy && status !== 'ended');
	enable(parts.restock, !adminBusy);
	text(parts.hidden, drop.isActive ? '' : 'Buyers see this drop as paused.');
}

/** @typedef {ReturnType<typeof build>} Parts */

/** @param {HTMLElement} root @param {number} id @param {Actions} actions */
function build(root, id, actions) {
	const label = buildLabel(id);
	const stock = buildStock();
	const sizeList = el('div', { 'class': 'size-list' });
	const sizes = el('div', { 'class': 'sizes', 'role': 'group', 'aria-label': 'Size' }, sizeList);
	const press = buildReserve(id, actions, sizeList);
	const buyers = buildBuyers();
	const office = buildOffice(id, actions);

	attr(root, 'data-drop', String(id));
	attr(root, 'aria-labelledby', `drop-${id}`);
	root.append(label.frame,
		el('div', { 'class': 'card-body' },
			label.head, label.description, label.line, stock.bar, stock.figures,
			sizes, press.reserve, buyers.buyers, office.office));
	return { ...label, ...stock, sizes, sizeList, ...press, ...buyers, ...office };
}

/** @param {number} id */
function buildLabel(id) {
	const picture = el('img', { 'alt': '', 'width': '800', 'height': '600', 'loading': 'lazy', 'decoding': 'async' });
	const status = el('span', { 'class': 'status', 'data-testid': 'drop-status' });
	const name = el('h2', { 'id': `drop-${id}` });
	const price = el('p', { 'class': 'price' });
	const when = el('span');
	const terms = el('span');

	picture.addEventListener('error', () => attr(picture, 'src', NO_PICTURE));
	return {
		picture, status, name, price, when, terms,
		frame: el('div', { 'class': 'frame' }, picture, status),
		head: el('header', { 'class': 'card-head' }, name, price),
		description: el('p', { 'class': 'description' }),
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
			el('div', {}, el('dt', {}, 'left'), available),
			el('div', {}, el('dt', {}, 'held'), reserved),
			el('div', {}, el('dt', {}, 'sold'), sold)), total),
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
	}, 'Restock');
	const hidden = el('span', { 'class': 'office-note' });

	return {
		pause, restock, hidden,
		office: el('div', { 'class': 'office', 'role': 'group', 'aria-label': 'Administration' }, pause, restock, hidden),
	};
}
