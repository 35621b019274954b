// Forms of the test client, made from JSON Schemas (draft-07). They give JSON text, so that numbers go out
// as they were typed, and say at each field what the server found wrong with it. What a form cannot
// show, it asks for as JSON.

'use strict';

// JSON text whose tokens stay as they are written: 1.50, and integers of more digits than JavaScript keeps.
window.jsonText = (() => {
    const blank = /[ \t\n\r]*/y;
    const quoted = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*/y; // but for its end
    const token = new RegExp(`${quoted.source}"|${/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\]:,]/.source}`, 'y');
    const values = { '{': ['name', '}'], '[': ['value', ']'] }; // what may follow the bracket

    const matchAt = (pattern, text, at) => {
        pattern.lastIndex = at;
        return pattern.exec(text)?.[0];
    };

    const named = { value: 'a value', name: 'a name in quotes', end: 'nothing more' };
    const nameOf = (kind) => named[kind] ?? `“${kind}”`;

    /// Whether `found` is one of what is `wanted` here: a kind of token, or the token itself.
    function fits(found, wanted) {
        if (wanted.includes(found)) return true;
        if (wanted.includes('name') && found.startsWith('"')) return true;
        return wanted.includes('value') && !'}]:,'.includes(found);
    }

    /// What may come behind `found`, where brackets are open as in `open`, which this keeps.
    function next(found, open, wanted) {
        if (found in values) {
            open.push(values[found][1]);
            return values[found];
        }
        if (found === ':') return ['value'];
        if (found === ',') return open.at(-1) === '}' ? ['name'] : ['value'];
        if (wanted.includes('name') && found !== '}') return [':'];
        if (found === '}' || found === ']') open.pop();
        return open.length === 0 ? ['end'] : [',', open.at(-1)];
    }

    /// What is wrong at `at`, where `found` is a token in the wrong place, or none.
    function faultAt(text, at, wanted, found) {
        const expected = `expected ${wanted.map(nameOf).join(' or ')}`;
        if (at === text.length) return { at, message: `the JSON ends too early, ${expected}.` };
        if (found === undefined && text[at] === '"') {
            const end = at + matchAt(quoted, text, at).length;
            const why = end === text.length ? 'the text in quotes has no end' : text[end] === '\\' ? 'JSON has no such escape' : 'a text in quotes cannot have this character: line breaks are \\n, tabs \\t';
            return { at: end, message: `${why}.` };
        }
        return { at, message: `${expected}, found “${(found ?? /^[\w.+-]+|^[^]/u.exec(text.slice(at))[0]).slice(0, 20)}”.` };
    }

    /// Reads `text` token by token. @return {tokens} or {at, message} of the first fault
    function scan(text) {
        const tokens = [];
        const open = [];
        let wanted = ['value'];
        for (let at = matchAt(blank, text, 0).length; ; at += matchAt(blank, text, at).length) {
            if (at === text.length && wanted[0] === 'end') return { tokens };
            const found = at === text.length ? undefined : matchAt(token, text, at);
            if (found === undefined || !fits(found, wanted)) return faultAt(text, at, wanted, found);
            wanted = next(found, open, wanted);
            tokens.push(found);
            at += found.length;
        }
    }

    /// Where and why the text is no JSON, or undefined when it is.
    function fault(text) {
        const { at, message } = scan(text);
        if (message === undefined) return undefined;
        const before = text.slice(0, at);
        return `Line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}: ${message}`;
    }

    /// JSON text laid out anew, in lines that are indented.
    function pretty(text) {
        let laid = '';
        let depth = 0;
        const line = () => `\n${'  '.repeat(depth)}`;
        scan(text).tokens.forEach((one, index, all) => {
            const empty = '}]'.includes(one) && '{['.includes(all[index - 1]);
            if ('}]'.includes(one)) --depth;
            if (!empty && ('}]'.includes(one) || '[{,'.includes(all[index - 1]))) laid += line();
            laid += one === ':' ? ': ' : one;
            if ('{['.includes(one)) ++depth;
        });
        return laid;
    }

    const exact = typeof JSON.rawJSON === 'function';
    const isRaw = (value) => exact && JSON.isRawJSON(value);

    /// Like JSON.parse(), but numbers that it would change become what JSON.stringify() gives back as written.
    function parse(text) {
        return JSON.parse(text, (_, value, { source } = {}) =>
            (exact && typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value));
    }

    /// Whether parse() forgets nothing of the numbers in `text`.
    const keeps = (text) => exact || scan(text).tokens.every((one) => !/^[-\d]/.test(one) || String(Number(one)) === one);

    return { fault, pretty, parse, keeps, isRaw };
})();

window.schemaForm = (() => {
    const depthMax = 12;
    let lastId = 0;

    /// An element with properties, attributes and children (text is never markup).
    function element(name, { attributes = {}, ...properties } = {}, ...children) {
        const made = Object.assign(document.createElement(name), properties);
        for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
        made.append(...children);
        return made;
    }

    const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && !jsonText.isRaw(value);
    const typesOf = (schema) => (schema.type === undefined ? [] : [schema.type].flat());
    const escaped = (name) => name.replaceAll('~', '~0').replaceAll('/', '~1');

    // ---- What a schema asks for

    function target(reference, root) {
        if (!reference.startsWith('#')) return true;
        const names = reference.slice(1).split('/').slice(1).map((name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'));
        return names.reduce((at, name) => at?.[name], root) ?? true;
    }

    /// The schema without references at its top, and with what all of `allOf` says about objects.
    function resolved(schema, root, depth = 0) {
        if (!isObject(schema) || depth > depthMax) return {};
        if (typeof schema.$ref === 'string') {
            const { title, description } = schema;
            const meant = resolved(target(schema.$ref, root), root, depth + 1);
            return { ...meant, ...(title && { title }), ...(description && { description }) };
        }
        if (!Array.isArray(schema.allOf)) return schema;
        const { allOf, ...whole } = schema;
        for (const part of allOf.map((one) => resolved(one, root, depth + 1))) {
            for (const [name, value] of Object.entries(part)) {
                if (name === 'properties') whole.properties = { ...value, ...whole.properties };
                else if (name === 'required') whole.required = [...new Set([...(whole.required ?? []), ...value])];
                else whole[name] ??= value;
            }
        }
        return whole;
    }

    /// Schemas of which the data has to match one; none when there is no choice that a form could offer.
    function choicesOf(schema, root) {
        if (schema.if !== undefined && schema.then !== undefined && schema.else !== undefined) return [schema.else, schema.then];
        const list = schema.oneOf ?? schema.anyOf ?? [];
        return list.filter((one) => kindOf(resolved(one, root), root) !== 'json');
    }

    function kindOf(schema, root) {
        if (!isObject(schema)) return 'json';
        if (schema.const !== undefined) return 'constant';
        if (Array.isArray(schema.enum)) return 'enum';
        const types = typesOf(schema).filter((type) => type !== 'null');
        if (isObject(schema.properties) && (types.length === 0 || types.includes('object'))) {
            if (Object.keys(schema.properties).length > 0) return 'object';
            return typesOf(schema).includes('null') ? 'nothing' : 'json';
        }
        if (types.length === 0 && choicesOf(schema, root).length > 0) return 'choice';
        if (types.includes('string')) return 'string';
        if (types.length !== 1) return types.length === 0 && isObject(schema.items) ? 'list' : 'json';
        const [type] = types;
        if (type === 'array') return Array.isArray(schema.items) ? 'json' : 'list';
        return { integer: 'number', number: 'number', boolean: 'boolean' }[type] ?? 'json';
    }

    // ---- Fields
    //
    // A field has `element`; text(problems, indent), its JSON text, undefined when it has none (indent
    // undefined: in one line); set(value), undefined empties it; and for faults its path, say(message) and
    // children.

    /// The same place with something else about it.
    const derived = (at, more) => Object.assign(Object.create(at), more);

    /// Label, hint and the place for faults around a control.
    function labelled(at, control, { wide = false, label = 'label' } = {}) {
        const id = `form-${++lastId}`;
        control.id = id;
        const problem = element('p', { className: 'problem', id: `${id}-problem`, attributes: { role: 'status' } });
        const hint = at.schema.description ? [element('p', { className: 'hint', id: `${id}-hint`, textContent: at.schema.description })] : [];
        control.setAttribute('aria-describedby', [...hint.map((one) => one.id), problem.id].join(' '));
        if (at.required) control.setAttribute('aria-required', 'true');
        const caption = element(label, { className: 'label' }, ...captionOf(at));
        if (label === 'label') caption.htmlFor = id;
        const say = (message) => {
            problem.textContent = message;
            control.setAttribute('aria-invalid', String(Boolean(message)));
        };
        control.addEventListener('input', () => say(''));
        const shown = at.name === '' && !at.schema.title ? [] : [caption];
        if (shown.length === 0) control.setAttribute('aria-label', 'Data');
        return { element: element('div', { className: wide ? 'field wide' : 'field' }, ...shown, control, ...hint, problem), say, control };
    }

    const alike = (title, name) => title.toLowerCase() === name.toLowerCase();

    function captionOf({ schema, name, required, marked = required }) {
        const title = schema.title ?? name;
        const parts = [title];
        if (name && !alike(title, name)) parts.push(' ', element('code', { textContent: name }));
        if (marked) parts.push(element('span', { className: 'needed', textContent: ' *', title: 'required', attributes: { 'aria-hidden': 'true' } }));
        return parts;
    }

    const placeholderOf = (schema) => (Array.isArray(schema.examples) && schema.examples.length > 0 ? String(schema.examples[0]) : '');

    function stringField(at) {
        const { schema } = at;
        const secret = schema.writeOnly || schema.format === 'password';
        const long = !secret && ((schema.maxLength ?? 0) > 500 || schema.contentMediaType !== undefined);
        const control = long ? element('textarea', { rows: 3 }) : element('input', { type: schema.format === 'date' ? 'date' : secret ? 'password' : 'text' });
        control.placeholder = placeholderOf(schema) || (schema.format === 'date-time' ? '2026-01-31T12:00:00Z' : '');
        control.spellcheck = false;
        const { element: whole, say } = labelled(at, control, { wide: long });
        // An empty text is a text where one is needed and it may be empty.
        const text = () => (control.value !== '' || (at.required && !schema.minLength) ? JSON.stringify(control.value) : undefined);
        return { element: whole, say, text, set: (value) => { control.value = value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value); } };
    }

    function numberField(at) {
        const control = element('input', { type: 'number', step: typesOf(at.schema).includes('number') ? 'any' : '1' });
        for (const [name, keyword] of [['min', 'minimum'], ['max', 'maximum']]) if (at.schema[keyword] !== undefined) control[name] = at.schema[keyword];
        control.placeholder = placeholderOf(at.schema);
        const { element: whole, say } = labelled(at, control);
        const text = (problems) => {
            const typed = control.value.replace(/^(-?)0+(?=\d)/, '$1').replace(/^(-?)\./, '$10.').replace(/\.(?=e|$)/i, '');
            if (control.validity.badInput) problems.push({ path: at.path, message: 'is not a number' });
            return typed === '' ? undefined : typed;
        };
        return { element: whole, say, text, set: (value) => { control.value = typeof value === 'number' || jsonText.isRaw(value) ? JSON.stringify(value) : ''; } };
    }

    /// A list of values to choose from, each with its JSON text.
    function selectField(at, options) {
        const fixed = at.required && at.schema.const !== undefined;
        const unset = fixed ? [] : [element('option', { value: '', textContent: '–' })];
        const control = element('select', {}, ...unset, ...options.map((value) => element('option', {
            value: JSON.stringify(value), textContent: typeof value === 'string' ? value : JSON.stringify(value),
        })));
        const { element: whole, say } = labelled(at, control);
        const set = (value) => {
            control.value = value === undefined ? '' : JSON.stringify(value);
            if (control.selectedIndex < 0) control.selectedIndex = 0;
        };
        return { element: whole, say, text: () => control.value || undefined, set };
    }

    function jsonField(at) {
        const control = element('textarea', { rows: 3, spellcheck: false, className: 'mono', placeholder: 'JSON' });
        const { element: whole, say } = labelled(at, control, { wide: true });
        const text = (problems, indent) => {
            const typed = control.value.trim();
            if (typed === '') return undefined;
            const fault = jsonText.fault(control.value);
            if (fault) problems.push({ path: at.path, message: fault });
            return indent === undefined ? typed : typed.replaceAll('\n', `\n${indent}`);
        };
        return { element: whole, say, text, set: (value) => { control.value = value === undefined ? '' : JSON.stringify(value, null, 2); } };
    }

    /// Text for a list or object out of the texts of its parts.
    function joined(parts, [open, close], indent) {
        if (parts.length === 0) return open + close;
        if (indent === undefined) return open + parts.join(',') + close;
        return `${open}\n${parts.map((part) => `${indent}  ${part}`).join(',\n')}\n${indent}${close}`;
    }
    const inner = (indent) => (indent === undefined ? undefined : `${indent}  `);

    function groupOf(at, body) {
        const problem = element('p', { className: 'problem', attributes: { role: 'status' } });
        const hint = at.schema.description && at.name !== '' ? [element('p', { className: 'hint', textContent: at.schema.description })] : [];
        const legend = at.name === '' ? [] : [element('legend', { className: 'label' }, ...captionOf(at))];
        const whole = element(at.name === '' ? 'div' : 'fieldset', { className: at.name === '' ? '' : 'wide group' }, ...legend, ...hint, problem, body);
        return { whole, say: (message) => { problem.textContent = message; } };
    }

    /// Members that have no field of their own: shown, as JSON, while there are some.
    function othersField(at, isOwn, root) {
        const title = 'Other members';
        const field = build({ schema: { title }, name: title, path: `${at.path}/~others`, required: false, depth: at.depth + 1 }, root);
        field.element.hidden = true;
        const members = (problems) => {
            const faults = [];
            const text = field.text(faults);
            const value = text === undefined || faults.length > 0 ? {} : jsonText.parse(text);
            const twice = isObject(value) ? Object.keys(value).find(isOwn) : undefined;
            if (!isObject(value)) faults.push({ path: field.path, message: 'must be a JSON object' });
            if (twice !== undefined) faults.push({ path: field.path, message: `“${twice}” has a field of its own` });
            problems.push(...faults);
            return faults.length > 0 ? [] : Object.entries(value);
        };
        const set = (given) => {
            const others = Object.fromEntries(Object.entries(given).filter(([name]) => !isOwn(name)));
            const some = Object.keys(others).length > 0;
            field.element.hidden = !some;
            field.set(some ? others : undefined);
        };
        return { field, members, set };
    }

    function objectField(at, root) {
        const { schema } = at;
        const required = new Set(schema.required ?? []);
        const names = Object.keys(schema.properties);
        const fields = new Map(names.map((name) => [name, build({
            schema: schema.properties[name], name, path: `${at.path}/${escaped(name)}`, required: required.has(name), depth: at.depth + 1,
        }, root)]));
        const others = othersField(at, (name) => fields.has(name), root);
        const all = [...fields.values(), others.field];
        const { whole, say } = groupOf(at, element('div', { className: 'fields' }, ...all.map((field) => field.element)));
        const text = (problems, indent) => {
            const parts = [];
            for (const [name, field] of fields) {
                const value = field.text(problems, inner(indent));
                if (value !== undefined) parts.push(`${JSON.stringify(name)}:${indent === undefined ? '' : ' '}${value}`);
            }
            for (const [name, value] of others.members(problems)) parts.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
            return joined(parts, '{}', indent);
        };
        const set = (value) => {
            const given = isObject(value) ? value : {};
            for (const [name, field] of fields) field.set(Object.hasOwn(given, name) ? given[name] : undefined);
            others.set(given);
        };
        return { element: whole, say, text, set, children: () => all };
    }

    function listField(at, root) {
        const rows = element('div', { className: 'rows' });
        const add = element('button', { type: 'button', className: 'small', textContent: 'Add' });
        const { whole, say } = groupOf(derived(at, { name: at.name || 'List' }), element('div', {}, rows, add));
        let items = [];
        const shown = () => {
            rows.replaceChildren(...items.map((item) => item.row));
            items.forEach((item, index) => item.place(index));
        };
        const append = () => {
            const place = { schema: at.schema.items ?? true, name: '1', path: '', required: true, marked: false, depth: at.depth + 1 };
            const item = { field: build(place, root) };
            const remove = element('button', { type: 'button', className: 'small', textContent: '×' });
            item.row = element('div', { className: 'row-item' }, item.field.element, remove);
            item.place = (index) => {
                item.field.move(`${at.path}/${index}`);
                remove.setAttribute('aria-label', `Remove ${index + 1}`);
                const caption = item.field.element.querySelector('.label');
                if (caption?.firstChild) caption.firstChild.textContent = `${index + 1}`;
            };
            remove.addEventListener('click', () => {
                items = items.filter((one) => one !== item);
                shown();
                add.focus();
            });
            items.push(item);
            shown();
            return item.field;
        };
        add.setAttribute('aria-label', `Add to ${at.schema.title ?? (at.name || 'the list')}`);
        add.addEventListener('click', () => append().element.querySelector('input, select, textarea')?.focus());
        const text = (problems, indent) => {
            if (items.length === 0 && !at.required) return undefined;
            return joined(items.map(({ field }) => field.text(problems, inner(indent)) ?? 'null'), '[]', indent);
        };
        const set = (value) => {
            items = [];
            const given = Array.isArray(value) ? value : at.required ? Array(Math.min(at.schema.minItems ?? 0, 10)).fill(undefined) : [];
            for (const one of given.slice(0, 200)) {
                const field = append();
                if (one !== undefined) field.set(one);
            }
            shown();
        };
        set(undefined);
        return { element: whole, say, text, set, children: () => items.map(({ field }) => field) };
    }

    /// One of several schemas, chosen by hand.
    function choiceField(at, root) {
        const choices = choicesOf(at.schema, root);
        const nameOf = (schema, index) => schema.title ?? (typesOf(schema).join(' or ') || { list: 'list', object: 'object' }[kindOf(schema, root)] || `variant ${index + 1}`);
        const select = element('select', {}, ...choices.map((one, index) => element('option', { value: String(index), textContent: nameOf(resolved(one, root), index) })));
        select.setAttribute('aria-label', `Kind of ${at.name || 'data'}`);
        const place = element('div');
        const { whole, say } = groupOf(at, element('div', {}, element('div', { className: 'field' }, select), place));
        const made = new Map();
        const chosen = () => {
            if (!made.has(select.value)) {
                made.set(select.value, build({ schema: choices[Number(select.value)], name: '', path: at.path, required: true, depth: at.depth + 1 }, root));
            }
            return made.get(select.value);
        };
        const shown = () => place.replaceChildren(chosen().element);
        select.addEventListener('change', shown);
        const set = (value) => {
            const wanted = choices.findIndex((one) => (kindOf(resolved(one, root), root) === 'list') === Array.isArray(value));
            if (value !== undefined && wanted >= 0) select.value = String(wanted);
            chosen().set(value);
            shown();
        };
        shown();
        return { element: whole, say, text: (problems, indent) => chosen().text(problems, indent), set, children: () => [chosen()] };
    }

    /// A part that need not be there: it is made when it is wanted, so that schemas may contain themselves.
    function optionalField(at, root) {
        const { schema: { title: said = at.name }, name } = at;
        const title = alike(said, name) ? said : `${said} (${name})`;
        const add = element('button', { type: 'button', className: 'small', textContent: `Add ${title}` });
        const remove = element('button', { type: 'button', className: 'small', textContent: `Leave ${title} out` });
        const whole = element('div', { className: 'wide optional' });
        let field;
        const shown = () => whole.replaceChildren(...(field ? [field.element, remove] : [add]));
        const make = () => {
            field ??= buildKind(derived(at, { required: true, marked: false }), root);
            shown();
        };
        add.addEventListener('click', () => {
            make();
            whole.querySelector('input, select, textarea, button')?.focus();
        });
        remove.addEventListener('click', () => {
            field = undefined;
            shown();
            add.focus();
        });
        shown();
        const set = (value) => {
            if (value === undefined) field = undefined;
            else make();
            field?.set(value);
            shown();
        };
        const say = (message) => {
            if (message && !field) make();
            field?.say(message);
        };
        return { element: whole, say, set, text: (problems, indent) => field?.text(problems, indent), children: () => (field ? [field] : []) };
    }

    /// `null` beside a kind of its own: a box to tick.
    function nullableField(at, root) {
        const field = buildKind(at, root);
        const box = element('input', { type: 'checkbox' });
        const label = element('label', { className: 'check null' }, box, ' null');
        box.addEventListener('change', () => field.element.classList.toggle('is-null', box.checked));
        field.element.append(label);
        return {
            ...field,
            text: (problems, indent) => (box.checked ? 'null' : field.text(problems, indent)),
            set: (value) => {
                box.checked = value === null;
                field.element.classList.toggle('is-null', box.checked);
                field.set(value === null ? undefined : value);
            },
        };
    }

    function buildKind(at, root) {
        switch (kindOf(at.schema, root)) {
            case 'constant': return selectField(at, [at.schema.const]);
            case 'enum': return selectField(at, at.schema.enum);
            case 'boolean': return selectField(at, [true, false]);
            case 'object': return objectField(at, root);
            case 'list': return listField(at, root);
            case 'choice': return choiceField(at, root);
            case 'string': return stringField(at);
            case 'number': return numberField(at);
            default: return jsonField(at);
        }
    }

    function build({ schema: given, ...rest }, root) {
        const at = { ...rest, schema: resolved(given, root) };
        const kind = at.depth > depthMax ? 'json' : kindOf(at.schema, root);
        const nested = ['object', 'list', 'choice'].includes(kind);
        const nullable = typesOf(at.schema).includes('null') && !['json', 'enum', 'constant'].includes(kind);
        const make = at.name !== '' && nested && !at.required ? optionalField : nullable && at.required && at.name !== '' ? nullableField : buildKind;
        const field = make(at, root);
        if (at.schema.default !== undefined) field.set(at.schema.default);
        return Object.defineProperties(field, { at: { value: at }, path: { get: () => at.path }, move: { value: (path) => move(field, path) } });
    }

    /// Gives a field and all below it another place.
    function move(field, path) {
        const from = field.path.length;
        for (const { at } of [...fieldsOf(field)]) if (at) at.path = path + at.path.slice(from);
    }

    function* fieldsOf(field) {
        yield field;
        for (const child of field.children?.() ?? []) yield* fieldsOf(child);
    }

    /// The path that a fault is about: of a member that is missing, its own.
    function placeOf({ path, message }) {
        const missing = /^must have the member ("(?:[^"\\]|\\.)*")/.exec(message);
        return missing ? `${path}/${escaped(JSON.parse(missing[1]))}` : path;
    }

    /// Whether all of `value` is in `whole`, which may have more members.
    function holds(whole, value) {
        if (typeof whole !== 'object' || typeof value !== 'object' || whole === null || value === null) return whole === value;
        if (Array.isArray(whole) !== Array.isArray(value) || (Array.isArray(value) && whole.length !== value.length)) return false;
        return Object.keys(value).every((name) => Object.hasOwn(whole, name) && holds(whole[name], value[name]));
    }

    /// A form for the schema, or undefined where only JSON will do.
    /// @return {element, isEmpty, read(indent), set(value), take(text), showFaults(list)}
    function make(schema) {
        const root = schema;
        const whole = resolved(schema, root);
        const kind = kindOf(whole, root);
        if (kind === 'json') return undefined;
        if (kind === 'nothing') {
            return { element: element('p', { className: 'hint', textContent: 'This action needs no data.' }), isEmpty: true, read: () => ({ text: '', good: true }), set() {}, take: () => true, showFaults: (list) => list };
        }
        const top = build({ schema, name: '', path: '', required: true, depth: 0 }, root);
        const showFaults = (list) => {
            const fields = [...fieldsOf(top)];
            for (const field of fields) field.say?.('');
            const left = [];
            for (const fault of list) {
                const place = placeOf(fault);
                const around = fields.filter(({ path }) => path !== '' && `${place}/`.startsWith(`${path}/`));
                const field = around.reduce((best, one) => (one.path.length >= (best?.path.length ?? 0) ? one : best), undefined);
                const rest = place.slice(field?.path.length);
                if (field?.path === place && place !== fault.path) field.say('is required');
                else if (field) field.say(`${place === fault.path ? rest : ''} ${fault.message}`.trim());
                else left.push(fault);
            }
            top.element.querySelector('[aria-invalid=true]')?.focus();
            return left;
        };
        const read = (indent) => {
            const problems = [];
            const text = top.text(problems, indent) ?? '';
            const left = showFaults(problems);
            return { text, good: problems.length === 0, left };
        };
        /// @return false when the form cannot hold the JSON: a text where it has a number, too many items,
        /// numbers that this browser cannot keep as they are written.
        const take = (text) => {
            const value = text === '' ? undefined : jsonText.parse(text);
            top.set(value);
            if (value === undefined) return true;
            const { text: held, good } = read();
            return good && held !== '' && holds(jsonText.parse(held), value) && jsonText.keeps(text);
        };
        return { element: top.element, isEmpty: false, read, set: (value) => top.set(value), take, showFaults };
    }

    return { make };
})();
