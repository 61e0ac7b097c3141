/** Small helpers to build the page once and then change only what differs. Text is always text. */

import { language } from './text.js';

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string|boolean|null|undefined|((event: any) => void)>} [attributes]
 *   a function is a listener by its event's name
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === 'function')
			node.addEventListener(name, value);
		else
			attr(node, name, value);
	}
	node.append(...children);
	return node;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...children) {
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag);

	for (const [name, value] of Object.entries(attributes))
		node.setAttribute(name, value);
	node.append(...children);
	return node;
}

/** @param {Node} node @param {string} value */
export function text(node, value) {
	if (node.textContent !== value)
		node.textContent = value;
}

/**
 * Sets an attribute; true is present, false, null and undefined are absent.
 * @param {Element} node @param {string} name @param {string|boolean|null|undefined} value
 */
export function attr(node, name, value) {
	if (value === null || value === undefined || value === false)
		node.removeAttribute(name);
	else if (node.getAttribute(name) !== (value === true ? '' : value))
		node.setAttribute(name, value === true ? '' : value);
}

/** @param {HTMLElement} node @param {boolean} visible */
export function show(node, visible) {
	if (node.hidden === visible)
		node.hidden = !visible;
}

/**
 * A button that cannot act now keeps its place and focus, and says so.
 * @param {HTMLButtonElement} node @param {boolean} able
 */
export function enable(node, able) {
	attr(node, 'aria-disabled', able ? null : 'true');
}

/** @type {WeakMap<Element, {parts: any, language: string}>} */
const built = new WeakMap();
/** @type {WeakMap<Element, Map<string, HTMLElement>>} */
const children = new WeakMap();

/**
 * What build() made for this root, built at the first call only, and once more in another language.
 * @template T
 * @param {Element} root @param {() => T} build @returns {T}
 */
export function once(root, build) {
	let known = built.get(root);

	if (known?.language !== language()) {
		root.replaceChildren();
		children.delete(root);
		known = { parts: build(), language: language() };
		built.set(root, known);
	}
	return known.parts;
}

/**
 * Makes parent's children match items: each keeps its element for as long as its key is there, and
 * elements move only when the order changed. The focus stays where it was.
 * @template T
 * @param {HTMLElement} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} make
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function keyed(parent, items, keyOf, make, update) {
	const known = children.get(parent) ?? new Map();
	/** @type {Map<string, HTMLElement>} */
	const kept = new Map();
	const focused = document.activeElement;

	for (const item of items) {
		const key = keyOf(item);
		const element = known.get(key) ?? make(item);

		kept.set(key, element);
		update(element, item);
	}
	for (const [key, element] of known) {
		if (!kept.has(key))
			element.remove();
	}
	let at = parent.firstElementChild;

	for (const element of kept.values()) {
		if (element === at)
			at = at.nextElementSibling;
		else
			parent.insertBefore(element, at);
	}
	children.set(parent, kept);
	if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused))
		focused.focus({ preventScroll: true });
}
