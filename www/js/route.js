/**
 * Where one is in the page, as its address says: the History API, and links that stay links. A press on a
 * link of the page's own becomes a move without a reload; with a modifier, or to elsewhere, it is the browser's.
 *
 *   /  (?status=live|upcoming|past&size=43)     /drops/ID     /me
 *   /console     /console/new     /console/drops/ID     /console/actions
 *
 * @typedef {import('./types.js').Route} Route
 */

const STATUSES = new Set(['live', 'upcoming', 'past']);
/** As long a size as the store takes. */
const LONGEST_SIZE = 32;

/**
 * @param {string} pathname @param {string} search @returns {Route|null} null when the address is not the page's
 */
export function parseRoute(pathname, search) {
	const path = pathname.replace(/\/+$/, '') || '/';
	const drop = /^(\/console)?\/drops\/([1-9]\d{0,15})$/.exec(path);

	if (drop) {
		const dropId = Number(drop[2]);

		return drop[1] ? { view: 'console', page: 'drop', dropId } : { view: 'drop', dropId };
	}
	switch (path) {
	case '/': return floorRoute(new URLSearchParams(search));
	case '/me': return { view: 'mine' };
	case '/console': return { view: 'console', page: 'list' };
	case '/console/new': return { view: 'console', page: 'new' };
	case '/console/actions': return { view: 'console', page: 'actions' };
	default: return null;
	}
}

/** @param {URLSearchParams} query @returns {Route} */
function floorRoute(query) {
	const status = query.get('status') ?? '';
	const size = (query.get('size') ?? '').slice(0, LONGEST_SIZE);

	return { view: 'floor', status: STATUSES.has(status) ? /** @type {any} */ (status) : 'all', size };
}

/** @param {Route} route @returns {string} */
export function urlOf(route) {
	switch (route.view) {
	case 'floor': return floorUrl(route.status, route.size);
	case 'drop': return `/drops/${route.dropId}`;
	case 'mine': return '/me';
	default: return route.page === 'drop' ? `/console/drops/${route.dropId}`
		: route.page === 'list' ? '/console' : `/console/${route.page}`;
	}
}

/** @param {string} status @param {string} size */
function floorUrl(status, size) {
	const query = new URLSearchParams();

	if (status !== 'all')
		query.set('status', status);
	if (size)
		query.set('size', size);
	return query.size ? `/?${query}` : '/';
}

/**
 * @param {object} options
 * @param {(route: Route, how: 'go'|'back'|'stay') => void} options.onRoute  `back`: by the browser's own buttons;
 *   `stay`: the same view in another light, as a filter is
 */
export function openRoutes({ onRoute }) {
	let timer = 0;

	history.scrollRestoration = 'manual';
	document.addEventListener('click', followed);
	addEventListener('popstate', () => {
		const route = here();

		if (route)
			onRoute(route, 'back');
		else
			location.reload();
	});
	addEventListener('scroll', () => {
		clearTimeout(timer);
		timer = setTimeout(keepScroll, 120);
	}, { passive: true });
	addEventListener('pagehide', keepScroll);

	/** @param {MouseEvent} event */
	function followed(event) {
		if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
			return;
		const link = event.target instanceof Element ? event.target.closest('a[href]') : null;

		if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download') ||
		    link.origin !== location.origin || link.hash)
			return;
		const route = parseRoute(link.pathname, link.search);

		if (route) {
			event.preventDefault();
			go(urlOf(route));
		}
	}

	/** Where this entry was scrolled to, for when one comes back to it. */
	function keepScroll() {
		history.replaceState({ ...history.state, y: scrollY }, '');
	}

	/** @param {string} url */
	function go(url) {
		const route = parseRoute(new URL(url, location.href).pathname, new URL(url, location.href).search);

		if (!route)
			return location.assign(url);
		clearTimeout(timer);
		keepScroll();
		if (url !== location.pathname + location.search)
			history.pushState({ y: 0 }, '', url);
		onRoute(route, 'go');
	}

	/** The same view in another light, as a filter shows it; one step back takes it off. @param {Route} route */
	function adjust(route) {
		keepScroll();
		history.pushState({ y: scrollY }, '', urlOf(route));
		onRoute(route, 'stay');
	}

	return { go, adjust, scrollY: () => Number(history.state?.y) || 0 };
}

/** Where the page was opened. */
export function here() {
	return parseRoute(location.pathname, location.search);
}
