// The documents made from the registry: OpenAPI, AsyncAPI and TypeScript, judged by the formats' own
// validators, and what the server says held against what they promise.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import SwaggerParser from '@apidevtools/swagger-parser';
import { Parser } from '@asyncapi/parser';
import { Ajv } from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { eventually, root, run, Server, serviceKey, slowness, userToken } from './harness.mjs';

const tree = {
    type: 'object', description: 'Ends */ early, `${x}` and \\ too.',
    properties: { label: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } },
    required: ['label'], additionalProperties: false,
};
const order = {
    type: 'object',
    properties: {
        item: { type: 'string', minLength: 1, description: 'What it is.' },
        quantity: { type: 'integer', minimum: 1, default: 1 },
        size: { enum: ['s', 'm', 'l', null] },
        place: { type: 'array', items: [{ type: 'number' }, { type: 'number' }], minItems: 2, additionalItems: false },
        address: { $ref: '#/definitions/address' },
        'odd-name "x"': { type: ['boolean', 'null'] },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
    },
    required: ['item'], additionalProperties: false,
    dependencies: { place: ['address'] },
    definitions: { address: { type: 'object', properties: { street: { type: 'string' } }, required: ['street'] } },
};
const upstreams = (url) => [
    { name: 'orders.create', permission: 'orders:write', description: 'Makes an order. */ `', input_schema: order, output_schema: order },
    { name: 'orders.tree', permission: '', input_schema: tree, output_schema: tree, deprecated: true },
    { name: 'orders-create', permission: '', input_schema: { type: ['string', 'null'] } },
    { name: 'reports.*', permission: '', input_schema: true, output_schema: { type: 'object' } },
    { name: 'reports.weekly.*', permission: '', input_schema: { type: 'object' } },
    { name: 'liar', permission: '', input_schema: true },
].map(({ input_schema, output_schema, ...entry }) => [
    '[[actions.upstream]]', `url = "${url}"`,
    ...Object.entries(entry).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
    `input_schema = '''${JSON.stringify(input_schema)}'''`,
    ...(output_schema ? [`output_schema = '''${JSON.stringify(output_schema)}'''`] : []),
].join('\n')).join('\n') + '\n';

/// Answers every action with its data.
async function startBackend() {
    const backend = http.createServer(async (request, response) => {
        let text = '';
        for await (const chunk of request) text += chunk;
        const { action, data } = JSON.parse(text);
        response.setHeader('content-type', 'application/json');
        response.end(action === 'liar' ? 'no JSON' : JSON.stringify(data ?? {}));
    });
    await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
    return backend;
}

const clone = (value) => JSON.parse(JSON.stringify(value));

/// What `pointer` of the document takes: the faults of a value, or null.
function judgeOf(document, ajv) {
    addFormats(ajv);
    ajv.addSchema(document, 'doc:');
    return (pointer, value) => {
        const validate = ajv.compile({ $ref: `doc:${pointer}` });
        return validate(value) ? null : JSON.stringify(validate.errors);
    };
}
const lax = { strict: false, allErrors: true, validateSchema: false, logger: false };
const escaped = (name) => name.replaceAll('~', '~0').replaceAll('/', '~1');

describe('a server\'s documents', () => {
    let backend, server, member, openapi, asyncapi;

    before(async () => {
        backend = await startBackend();
        server = await Server.start({ config: upstreams(`http://127.0.0.1:${backend.address().port}/`) });
        member = await server.member({ permissions: ['orders:write'] });
        openapi = (await server.http('GET', '/openapi.json', { token: null })).body;
        asyncapi = (await server.http('GET', '/asyncapi.json', { token: null })).body;
    });
    after(async () => {
        await server?.stop();
        backend?.close();
    });

    test('swagger-parser finds nothing wrong with the OpenAPI document', async () => {
        assert.equal(openapi.openapi, '3.1.0');
        const api = await SwaggerParser.validate(clone(openapi));
        assert.ok(api.paths['/api/v1/actions/orders.create'].post);
    });

    test('the AsyncAPI parser finds nothing wrong with the AsyncAPI document', { timeout: 120_000 * slowness }, async () => {
        const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncapi));
        assert.deepEqual(diagnostics.filter(({ severity }) => severity <= 1).map(({ message, path: at }) => [message, at.join('/')]), []);
        assert.ok(document.operations().all().some((operation) => operation.id() === 'orders.create.run'));
    });

    test('every schema of both is one by its own metaschema', () => {
        const modern = new Ajv2020.default({ strict: false });
        for (const [name, schema] of Object.entries(openapi.components.schemas))
            assert.ok(modern.validateSchema(schema), `${name}: ${JSON.stringify(modern.errors)}`);
        const old = new Ajv({ strict: false });
        for (const [name, schema] of Object.entries(asyncapi.components.schemas))
            assert.ok(old.validateSchema(schema), `${name}: ${JSON.stringify(old.errors)}`);
    });

    describe('over HTTP', () => {
        /// Calls and holds the answer against what the document says of its path, method and status.
        async function checked(method, route, target, options = {}) {
            const judge = judgeOf(openapi, new Ajv2020.default(lax));
            const answer = await server.http(method, target, options);
            const operation = openapi.paths[route][method.toLowerCase()];
            let at = `#/paths/${escaped(route)}/${method.toLowerCase()}/responses/${answer.status}`;
            const described = operation.responses[answer.status];
            assert.ok(described, `${method} ${route} answered ${answer.status}: ${answer.text}`);
            if (described.$ref) at = described.$ref;
            const { content, headers } = at.split('/').slice(1).reduce((node, key) => node[key.replaceAll('~1', '/')], openapi);
            const type = answer.headers.get('content-type')?.split(';')[0];
            if (answer.text) assert.ok(content?.[type], `${method} ${route}: ${type}`);
            for (const name of Object.keys(headers ?? {})) assert.ok(answer.headers.get(name), `${method} ${route} ${answer.status}: no ${name}`);
            if (type === 'application/json') assert.equal(judge(`${at}/content/${escaped(type)}/schema`, answer.body), null, answer.text);
            return answer;
        }
        const action = (name, body, { route = name, ...options } = {}) => checked('POST', `/api/v1/actions/${route}`, `/api/v1/actions/${name}`, {
            token: member.token, headers: { 'x-session-id': member.sessionId, ...options.headers }, body, ...options,
        });

        test('actions answer as they promise', async () => {
            assert.equal((await action('echo', { data: { x: 1 } })).status, 200);
            assert.equal((await action('processData', { data: { input: [1] } })).status, 200);
            assert.equal((await action('system.ping', undefined)).status, 200);
            assert.equal((await action('orders.create', { data: { item: 'tea', quantity: 2, size: null } })).status, 200);
            assert.equal((await action('orders.tree', { data: { label: 'a', children: [{ label: 'b' }] } })).status, 200);
            assert.equal((await action('reports.monthly', { data: {} }, { route: 'reports.{rest}' })).status, 200);
            assert.equal((await action('actions.list', {})).status, 200);
            const stream = await action('longTask', { data: { steps: 1, ms: 0 } }, { headers: { 'x-session-id': member.sessionId, accept: 'text/event-stream' } });
            assert.match(stream.text, /^event: update\n/);
        });

        test('so do their failures, each with its status', async () => {
            const faults = await action('orders.create', { data: { quantity: 0, size: 'xl', other: 1 } });
            assert.equal(faults.status, 422);
            assert.deepEqual(faults.body.error.details.map(({ path: at }) => at).sort(), ['', '/other', '/quantity', '/size']);
            const judge = judgeOf(openapi, new Ajv2020.default(lax));
            for (const fault of faults.body.error.details) assert.equal(judge('#/components/schemas/Fault', fault), null);
            assert.equal((await action('echo', '{')).status, 400);
            assert.equal((await action('echo', {}, { token: null })).status, 401);
            assert.equal((await action('echo', {}, { token: userToken({ ttl: -100 }) })).status, 401);
            const poor = await server.member({ user: 'u2' });
            assert.equal((await action('orders.create', { data: { item: 'x' } }, { token: poor.token, headers: { 'x-session-id': poor.sessionId } })).status, 403);
            assert.equal((await action('nothing.such', {}, { route: '{name}' })).status, 404);
            assert.equal((await action('echo', { data: 'x'.repeat(270_000) })).status, 413);
            assert.equal((await action('fail', { data: { code: 'SOLD_OUT' } })).status, 422);
            assert.equal((await action('liar', { data: 1 })).status, 502);
            assert.equal((await action('slow', { data: { ms: 5000 }, timeoutMs: 20 })).status, 504);
            const keyed = (data) => action('echo', { data }, { headers: { 'x-session-id': member.sessionId, 'idempotency-key': 'contract-1' } });
            assert.equal((await keyed(1)).status, 200);
            assert.equal((await keyed(2)).status, 409);
        });

        test('the other routes answer as they promise', async () => {
            const own = { token: member.token, headers: { 'x-session-id': member.sessionId } };
            const expect = async (status, ...call) => assert.equal((await checked(...call)).status, status, call.slice(0, 3).join(' '));
            await expect(200, 'GET', '/healthz', '/healthz', { token: null });
            await expect(200, 'GET', '/readyz', '/readyz', { token: null });
            await expect(200, 'GET', '/metrics', '/metrics', { token: null });
            await expect(200, 'GET', '/openapi.json', '/openapi.json');
            await expect(200, 'GET', '/asyncapi.json', '/asyncapi.json');
            await expect(200, 'GET', '/api/v1/actions', '/api/v1/actions', own);
            await expect(200, 'GET', '/api/v1/executions/{idempotencyKey}', '/api/v1/executions/contract-1', own);
            await expect(204, 'DELETE', '/api/v1/executions/{idempotencyKey}', '/api/v1/executions/contract-1', own);
            await expect(404, 'GET', '/api/v1/executions/{idempotencyKey}', '/api/v1/executions/contract-1', own);
            await expect(202, 'POST', '/api/v1/updates', '/api/v1/updates', { body: { companyId: 'c1', action: 'x' } });
            await expect(422, 'POST', '/api/v1/updates', '/api/v1/updates', { body: { companyId: 'c1' } });
            await expect(201, 'POST', '/api/v1/sessions', '/api/v1/sessions', { body: { userId: 'u9', companyId: 'c1' } });
            await expect(201, 'PUT', '/api/v1/sessions/{sessionId}', '/api/v1/sessions/s9', { body: { userId: 'u9', companyId: 'c1' } });
            await expect(200, 'PUT', '/api/v1/sessions/{sessionId}', '/api/v1/sessions/s9', { body: { userId: 'u9', companyId: 'c1' } });
            await expect(200, 'GET', '/api/v1/sessions', '/api/v1/sessions?companyId=c1&limit=1');
            await expect(400, 'GET', '/api/v1/sessions', '/api/v1/sessions?limit=0');
            await expect(200, 'GET', '/api/v1/sessions/{sessionId}', '/api/v1/sessions/s9');
            await expect(204, 'DELETE', '/api/v1/sessions/{sessionId}', '/api/v1/sessions/s9');
            await expect(404, 'GET', '/api/v1/sessions/{sessionId}', '/api/v1/sessions/s9');
            await expect(204, 'DELETE', '/api/v1/sessions', '/api/v1/sessions?userId=u9&companyId=c1');
            await expect(400, 'DELETE', '/api/v1/sessions', '/api/v1/sessions');
            await expect(403, 'GET', '/api/v1/permissions/explain', '/api/v1/permissions/explain?action=echo', own);
            const client = await server.connected(member);
            await expect(200, 'GET', '/api/v1/connections', '/api/v1/connections?companyId=c1');
            await expect(204, 'DELETE', '/api/v1/connections/{connectionId}', `/api/v1/connections/${client.socket.id}`);
            await expect(404, 'DELETE', '/api/v1/connections/{connectionId}', '/api/v1/connections/nobody');
        });

        test('the caller\'s document tells of the caller\'s actions, and If-None-Match spares sending it again', async () => {
            const read = (token, headers = {}) => server.http('GET', '/openapi.json', { token, headers });
            const poor = await read(userToken({ user: 'u2' }));
            assert.equal(poor.body.paths['/api/v1/actions/orders.create'], undefined);
            assert.equal(poor.text.includes('orders:write'), false);
            const rich = await read(member.token);
            assert.ok(rich.body.paths['/api/v1/actions/orders.create']);
            const again = await read(member.token, { 'if-none-match': rich.headers.get('etag') });
            assert.deepEqual([again.status, again.text], [304, '']);
        });
    });

    test('what comes over the socket is what the AsyncAPI document promises', async () => {
        const judge = judgeOf(asyncapi, new Ajv(lax));
        const is = (message, payload, channel = 'message') => assert.equal(
            judge(`#/channels/${channel}/messages/${message}/payload`, payload), null, JSON.stringify(payload));
        const client = await server.connected(member);
        is('system.connected', client.welcome);
        is('orders.create.response', await client.request('orders.create', { item: 'tea' }));
        is('reports.any-response', await client.request('reports.monthly', {}));
        is('error', await client.request('orders.create', {}));
        await client.request('longTask', { steps: 1, ms: 0 });
        is('status', await client.inbox.find((m) => m.data?.status === 'accepted'));
        is('status', await client.inbox.find((m) => m.data?.status === 'progress'));
        is('response', await client.socket.emitWithAck('system.ping'), 'acknowledgement');
        await server.publish({ companyId: 'c1', action: 'news', data: { n: 1 } });
        is('update', await client.inbox.find((m) => m.action === 'news'));
        const request = { type: 'REQUEST', requestId: '1', action: 'orders.create', data: { item: 'tea' } };
        is('orders.create.request', request);
        assert.notEqual(judge('#/channels/message/messages/orders.create.request/payload', { ...request, data: {} }), null);
        assert.notEqual(judge('#/channels/message/messages/orders.create.request/payload', { ...request, data: undefined }), null);
        assert.notEqual(judge('#/channels/message/messages/reports.any-request/payload', { ...request, action: 'report.x' }), null);
        await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`);
        is('system.sessionRevoked', await client.inbox.find((m) => m.action === 'system.sessionRevoked'));
        const refused = server.client({ ...member, token: 'nonsense' });
        refused.socket.connect();
        const { error } = await refused.events.find((event) => event.event === 'connect_error');
        is('refused', { message: error.message, data: error.data }, 'connection');
        member = await server.member({ permissions: ['orders:write'] });
    });

    test('SIGHUP makes both anew', async () => {
        const tag = async () => (await server.http('GET', '/asyncapi.json', { token: null })).headers.get('etag');
        const before = await tag();
        const config = readFileSync(server.configFile, 'utf8');
        writeFileSync(server.configFile, config.replace('name = "liar"', 'name = "liar.new"'));
        server.child.kill('SIGHUP');
        await eventually('another document', async () => (await tag()) !== before);
        const { body } = await server.http('GET', '/openapi.json', { token: null });
        assert.ok(body.paths['/api/v1/actions/liar.new']);
        assert.equal(body.paths['/api/v1/actions/liar'], undefined);
    });
});

test('without --dev both documents need a token', async () => {
    const server = await Server.start({ mode: [] });
    try {
        for (const target of ['/openapi.json', '/asyncapi.json']) {
            assert.equal((await server.http('GET', target, { token: null })).status, 401);
            assert.equal((await server.http('GET', target, { token: serviceKey })).status, 200);
        }
    } finally {
        await server.stop();
    }
});

describe('on the command line', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-contracts-'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const print = async (what, config) => {
        const file = path.join(folder, 'signalbox.toml');
        writeFileSync(file, config);
        const { code, stdout, stderr } = await run(['actions', what, '--dev', '--config', file], { dataDir: folder });
        assert.equal(code, 0, stderr);
        return stdout;
    };
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const compile = (...files) => {
        writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({
            compilerOptions: {
                strict: true, noEmit: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true,
                target: 'es2022', module: 'nodenext', types: [],
            },
            files,
        }));
        try {
            execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', cwd: folder });
        } catch (error) {
            assert.fail(error.stdout);
        }
    };

    test('the TypeScript declarations are what tsc --strict wants, and what a client needs', { timeout: 120_000 * slowness }, async () => {
        const types = await print('types', upstreams('http://127.0.0.1:1/'));
        assert.equal(types, await print('types', upstreams('http://127.0.0.1:1/')), 'always the same');
        writeFileSync(path.join(folder, 'actions.d.ts'), types);
        const client = createRequire(import.meta.url).resolve('socket.io-client/package.json');
        writeFileSync(path.join(folder, 'use.mts'), readFileSync(path.join(root, 'tests/integration/contracts_use.mts'), 'utf8')
            .replace("'socket.io-client'", JSON.stringify(path.join(path.dirname(client), 'build/esm/index.js'))));
        compile('actions.d.ts', 'use.mts');
    });

    const suite = '/usr/share/json-schema-test-suite/tests/draft7';
    test('schemas of the official test suite keep their meaning in OpenAPI, and are types', { skip: !existsSync(suite), timeout: 240_000 * slowness }, async () => {
        const groups = readdirSync(suite).filter((file) => file.endsWith('.json') && file !== 'refRemote.json')
            .flatMap((file) => JSON.parse(readFileSync(path.join(suite, file), 'utf8')).map((group) => ({ file, ...group })));
        const config = groups.map(({ schema }, i) => [
            '[[actions.upstream]]', `name = "suite.n${i}"`, 'url = "http://127.0.0.1:1/"', 'permission = ""',
            `input_schema = ${JSON.stringify(JSON.stringify(schema))}`].join('\n')).join('\n') + '\n';
        const openapi = JSON.parse(await print('openapi', config));
        const ajv = new Ajv2020.default(lax);
        ajv.addSchema(openapi, 'doc:');
        const differs = [];
        groups.forEach(({ file, description, tests }, i) => {
            const validate = ajv.compile({ $ref: `doc:#/components/schemas/suite.n${i}.input` });
            for (const { description: what, data, valid } of tests)
                if (validate(data) !== valid) differs.push(`${file}: ${description}: ${what}`);
        });
        assert.deepEqual(differs, []);
        writeFileSync(path.join(folder, 'suite.d.ts'), await print('types', config));
        compile('suite.d.ts');
    });
});
