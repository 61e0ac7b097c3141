/**
 * The store's OpenAPI document, held against what is really asked and answered: see watchApi(). Objects of answers
 * have the members that the document names and no others (clients pass over what they don't know; tests don't).
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

const FILE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../www/api/openapi.json');
const ANY_CALL = '#/components/responses/AnyCall/content/application~1problem+json/schema';

/** @type {any} */
export const document = JSON.parse(fs.readFileSync(FILE, 'utf8'));

const ajv = new Ajv2020({ strict: false, allErrors: false, validateSchema: false });

addFormats(ajv);
ajv.addSchema(closed(document), 'api');

/** A copy in which each object schema takes no members but its own. @param {any} node @returns {any} */
function closed(node) {
	if (Array.isArray(node))
		return node.map(closed);
	if (node === null || typeof node !== 'object')
		return node;
	const copy = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));

	if (copy.type === 'object' && copy.properties && !('additionalProperties' in copy))
		copy.additionalProperties = false;
	return copy;
}

/** @type {Map<string, import('ajv').ValidateFunction>} */
const compiled = new Map();

/** What is wrong with a value by the schema at a JSON pointer of the document; '' when nothing is.
 * @param {string} pointer @param {unknown} value */
function wrong(pointer, value) {
	let validate = compiled.get(pointer);

	if (!validate) {
		validate = ajv.compile({ $ref: `api${pointer}` });
		compiled.set(pointer, validate);
	}
	return validate(value) ? '' : ajv.errorsText(validate.errors, { dataVar: 'it' });
}

/** The value has the shape of a schema of the document's components. @param {string} name @param {unknown} value */
export function assertSchema(name, value) {
	const why = wrong(`#/components/schemas/${name}`, value);

	if (why)
		throw new Error(`not a ${name}: ${why}: ${JSON.stringify(value)?.slice(0, 500)}`);
}

/** Follows a $ref. @param {any} node @param {string} pointer @returns {[any, string]} the node, and its pointer */
function follow(node, pointer) {
	if (node?.$ref === undefined)
		return [node, pointer];
	const to = node.$ref.split('/').slice(1).reduce((/** @type {any} */ at, /** @type {string} */ name) => at[unescaped(name)], document);

	return [to, node.$ref];
}

const escaped = (/** @type {string} */ name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
const unescaped = (/** @type {string} */ name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~');

const templates = Object.keys(document.paths).map((template) => ({
	template,
	pattern: new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/**
 * What the document says of a call: '' when all is as it says. `seen` is told which of its answers this was.
 * @param {{method: string, path: string, sent?: unknown}} call  `sent`: the body, parsed
 * @param {{status: number, headers: Record<string, any>, body: any, raw: {length: number}}} answer
 * @param {(answer: string) => void} [seen]
 * @returns {string}
 */
export function disagreement({ method, path: target, sent }, answer, seen = () => {}) {
	const where = resolved(target);

	if (!/^\/(api(\/|$)|healthz$|metrics$)/.test(where))
		return '';
	const template = templates.find(({ template: t }) => t === where)?.template
		?? templates.find(({ pattern }) => pattern.test(where))?.template;
	const operation = document.paths[template ?? '']?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
	const told = operation && ofOperation(`#/paths/${escaped(String(template))}/${method === 'HEAD' ? 'get' : method.toLowerCase()}`, operation, method, sent, answer);

	if (told === '') {
		if (method !== 'HEAD')
			seen(`${method} ${template} ${answer.status} ${answer.status >= 400 ? answer.body?.code ?? '' : ''}`.trimEnd());
		return '';
	}
	if (answer.status < 400)
		return told || 'the document has no such call';
	const why = method === 'HEAD' ? '' : wrong(ANY_CALL, answer.body);

	if (!why)
		seen(`any ${answer.status} ${answer.body?.code ?? ''}`.trimEnd());
	return why && (told || `the document has no such call, and ${why}`);
}

/** The path that nginx makes of what was asked for: without dot segments, be they written as %2e.
 * @param {string} target */
function resolved(target) {
	return new URL(target.startsWith('/') ? `http://x${target.replace(/^\/{2,}/, '/')}` : target, 'http://x').pathname;
}

/** @param {string} pointer @param {any} operation @param {string} method @param {unknown} sent @param {any} answer */
function ofOperation(pointer, operation, method, sent, answer) {
	if (!(answer.status in operation.responses))
		return `the document has no answer ${answer.status} of it`;
	const [response, at] = follow(operation.responses[answer.status], `${pointer}/responses/${answer.status}`);

	return ofHeaders(response.headers ?? {}, answer) || (method === 'HEAD' ? '' : ofContent(response.content, at, answer))
		|| (answer.status < 300 && sent !== undefined ? ofRequest(operation, pointer, sent) : '');
}

/** @param {Record<string, any>} headers @param {any} answer */
function ofHeaders(headers, answer) {
	for (const [name, given] of Object.entries(headers)) {
		const [header] = follow(given, '');
		const value = answer.headers[name.toLowerCase()];

		if (value === undefined && header.required)
			return `there is no header ${name}`;
		if (value === undefined)
			continue;
		const text = String(value);
		const why = header.schema.type === 'integer' && !/^\d+$/.test(text) ? 'no number'
			: 'const' in header.schema && header.schema.const !== text ? `not ${header.schema.const}` : '';

		if (why)
			return `the header ${name} is ${text}: ${why}`;
	}
	return '';
}

/** @param {Record<string, any>|undefined} content @param {string} pointer @param {any} answer */
function ofContent(content, pointer, answer) {
	const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';

	if (!content)
		return answer.raw.length ? 'the document says that it has no body' : '';
	if (!(type in content))
		return `the document has no body of the type '${type}' for a ${answer.status}`;
	return /json$/.test(type) ? wrong(`${pointer}/content/${escaped(type)}/schema`, answer.body) : '';
}

/** What was taken must be what may be sent. @param {any} operation @param {string} pointer @param {unknown} sent */
function ofRequest(operation, pointer, sent) {
	if (!operation.requestBody)
		return '';
	const why = wrong(`${pointer}/requestBody/content/application~1json/schema`, sent);

	return why && `a body was taken that the document does not allow: ${why}`;
}

/** Every answer that the document promises: `METHOD PATH STATUS CODE` of the calls, `any STATUS CODE` of what
 * any call may be refused with. @returns {string[]} */
export function promised() {
	/** @type {string[]} */
	const all = [];

	for (const [template, item] of Object.entries(document.paths))
		for (const [method, operation] of Object.entries(/** @type {Record<string, any>} */ (item)))
			for (const [status, given] of Object.entries(operation.responses ?? {})) {
				const [response] = follow(given, '');
				const codes = response.content?.['application/problem+json']?.schema.properties?.code.enum ?? [''];

				if (status !== 'default')
					all.push(...codes.map((/** @type {string} */ code) => `${method.toUpperCase()} ${template} ${status} ${code}`.trimEnd()));
			}
	const any = document.components.responses.AnyCall.content['application/problem+json'].schema.anyOf;

	all.push(...any.map((/** @type {any} */ { properties: p }) => `any ${p.status.const} ${p.code.const}`));
	return all;
}

/** The schema of each event's data, by the table of docs/stream.md. @type {Map<string, string>} */
export const events = new Map([...fs.readFileSync(path.join(path.dirname(FILE), '../../docs/stream.md'), 'utf8')
	.matchAll(/^\| ((?:`[a-z:]+`(?:, )?)+) \| `(\w+)` \|/gm)]
	.flatMap(([, names = '', schema = '']) => names.split(', ').map((name) => /** @type {[string, string]} */ ([name.slice(1, -1), schema]))));

/** An event is in the table and its data has the shape that this says. @param {{event: string, data: any}} event */
export function assertEvent({ event, data }) {
	const schema = events.get(event);

	if (!schema)
		throw new Error(`docs/stream.md has no event ${event}`);
	assertSchema(schema, data);
}
