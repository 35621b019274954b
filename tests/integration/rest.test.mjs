// Every HTTP route, its statuses and its refusals.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server, serverFor, sha256, userToken } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const api = '/api/v1';
const member = await server.member({ permissions: ['orders:read'] });

const asUser = (more = {}) => ({ token: member.token, headers: { 'x-session-id': member.sessionId }, ...more });

function assertError(answer, status, code) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.type, 'ERROR');
    assert.equal(answer.body.error.code, code);
    assert.equal(typeof answer.body.error.message, 'string');
    assert.equal(typeof answer.body.error.retryable, 'boolean');
}

describe('actions', () => {
    test('GET /actions lists the caller\'s own', async () => {
        const { status, body } = await server.http('GET', `${api}/actions`, asUser());
        assert.equal(status, 200);
        const names = body.actions.map(({ name }) => name);
        assert.ok(names.includes('echo') && !names.includes('updates.send'));
    });

    test('POST /actions/{name} answers the RESPONSE envelope', async () => {
        const answer = await server.http('POST', `${api}/actions/echo`, asUser({ body: { data: { n: 1 }, requestId: 'r1' } }));
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.body, { type: 'RESPONSE', requestId: 'r1', action: 'echo', data: { n: 1 } });
    });

    test('the session may come in the query; the requestId is made when missing; the body may be empty', async () => {
        const answer = await server.http('POST', `${api}/actions/system.ping?sessionId=${member.sessionId}`, { token: member.token });
        assert.equal(answer.status, 200, answer.text);
        assert.ok(answer.body.requestId.length > 0);
    });

    test('errors are the ERROR envelope with the status of its code', async () => {
        const post = (name, data, more = {}) => server.http('POST', `${api}/actions/${name}`, asUser({ body: { data, ...more } }));
        assertError(await post('no.such.action', {}), 404, 'ACTION_NOT_FOUND');
        assertError(await post('processData', {}), 422, 'VALIDATION_FAILED');
        assertError(await post('fail', { code: 'OUT_OF_STOCK' }), 422, 'OUT_OF_STOCK');
        assertError(await post('slow', { ms: 10_000 }, { timeoutMs: 50 }), 504, 'TIMEOUT');
        assertError(await post('updates.send', { companyId: 'c1', action: 'x' }), 403, 'FORBIDDEN');
    });

    test('no JSON is INVALID_MESSAGE, too much is PAYLOAD_TOO_LARGE', async () => {
        const post = (body) => server.http('POST', `${api}/actions/echo`, asUser({ body }));
        assertError(await post('{'), 400, 'INVALID_MESSAGE');
        assertError(await post('[]'), 400, 'INVALID_MESSAGE');
        assertError(await post('{"data":1e400}'), 400, 'INVALID_MESSAGE');
        assertError(await post({ data: 'x'.repeat(300_000) }), 413, 'PAYLOAD_TOO_LARGE');
    });

    test('as text/event-stream: updates, then the response', async () => {
        const answer = await server.http('POST', `${api}/actions/longTask`, asUser({
            body: { data: { steps: 2, ms: 100 } }, headers: { 'x-session-id': member.sessionId, accept: 'text/event-stream' },
        }));
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
        const events = answer.text.trim().split('\n\n').filter((text) => /^event:/m.test(text)).map((text) => ({
            event: /^event: ?(.*)$/m.exec(text)[1], data: JSON.parse(/^data: ?(.*)$/m.exec(text)[1]),
        }));
        assert.deepEqual(events.map(({ event }) => event), ['update', 'update', 'update', 'update', 'response']);
        assert.deepEqual(events.slice(0, 4).map(({ data }) => data.data.status), ['accepted', 'running', 'progress', 'progress']);
        assert.equal(events[4].data.type, 'RESPONSE');
    });
});

describe('who may', () => {
    test('no token, a bad one, an expired one', async () => {
        assertError(await server.http('GET', `${api}/actions`, { token: null }), 401, 'INVALID_TOKEN');
        assertError(await server.http('GET', `${api}/actions`, { token: 'bad' }), 401, 'INVALID_TOKEN');
        assertError(await server.http('GET', `${api}/actions`, { token: userToken({ ttl: -60 }) }), 401, 'TOKEN_EXPIRED');
        assertError(await server.http('GET', `${api}/connections`, { token: `sbk_${'X'.repeat(43)}` }), 401, 'INVALID_TOKEN');
    });

    test('an action needs a session that is the caller\'s', async () => {
        const call = (token, sessionId) => server.http('POST', `${api}/actions/echo${sessionId ? `?sessionId=${sessionId}` : ''}`, { token, body: {} });
        assertError(await call(member.token), 401, 'SESSION_REQUIRED');
        assertError(await call(member.token, 'unknown'), 401, 'SESSION_INVALID');
        assertError(await call(userToken({ user: 'u2' }), member.sessionId), 401, 'SESSION_INVALID');
    });

    test('management needs its permission', async () => {
        for (const target of ['/sessions', '/connections']) {
            assertError(await server.http('GET', api + target, asUser()), 403, 'FORBIDDEN');
        }
        assertError(await server.http('POST', `${api}/updates`, asUser({ body: { companyId: 'c1', action: 'x' } })), 403, 'FORBIDDEN');
        assertError(await server.http('POST', `${api}/sessions`, asUser({ body: { userId: 'u', companyId: 'c1' } })), 403, 'FORBIDDEN');
    });

    test('a user with the permission acts in the own company only', async () => {
        const token = userToken({ permissions: ['sessions:manage', 'updates:send'] });
        const own = await server.http('POST', `${api}/sessions`, { token, body: { userId: 'x', companyId: 'c1' } });
        assert.equal(own.status, 201, own.text);
        assertError(await server.http('POST', `${api}/sessions`, { token, body: { userId: 'x', companyId: 'c2' } }), 403, 'FORBIDDEN');
        assertError(await server.http('POST', `${api}/updates`, { token, body: { companyId: 'c2', action: 'x' } }), 403, 'FORBIDDEN');
    });
});

describe('sessions', () => {
    const session = (id) => `${api}/sessions/${encodeURIComponent(id)}`;
    const body = { userId: 'su', companyId: 'sc' };

    test('POST makes one, GET shows it, DELETE removes it', async () => {
        const made = await server.http('POST', `${api}/sessions`, { body: { ...body, ttlSeconds: 60 } });
        assert.equal(made.status, 201);
        const { sessionId, expiresAt } = made.body;
        assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 60_000) < 10_000);
        const shown = await server.http('GET', session(sessionId));
        assert.equal(shown.status, 200);
        assert.deepEqual([shown.body.sessionId, shown.body.userId, shown.body.companyId, shown.body.expiresAt], [sessionId, 'su', 'sc', expiresAt]);
        assert.equal((await server.http('DELETE', session(sessionId))).status, 204);
        assertError(await server.http('GET', session(sessionId)), 404, 'NOT_FOUND');
        assertError(await server.http('DELETE', session(sessionId)), 404, 'NOT_FOUND');
    });

    test('PUT is idempotent', async () => {
        for (const id of ['chosen', 'a:b', 'ü%2F']) {
            const first = await server.http('PUT', session(id), { body });
            assert.ok([200, 201].includes(first.status), first.text);
            assert.equal(first.body.sessionId, id);
            const second = await server.http('PUT', session(id), { body });
            assert.ok([200, 201].includes(second.status), second.text);
        }
    });

    test('PUT of another\'s session is refused and changes nothing', async () => {
        await server.http('PUT', session('taken'), { body });
        const { status } = await server.http('PUT', session('taken'), { body: { userId: 'thief', companyId: 'sc' } });
        assert.ok([401, 403, 404, 409].includes(status), String(status));
        assert.equal((await server.http('GET', session('taken'))).body.userId, 'su');
    });

    test('GET /sessions lists them', async () => {
        await server.http('PUT', session('listed'), { body });
        const { status, body: list } = await server.http('GET', `${api}/sessions?companyId=sc&userId=su`);
        assert.equal(status, 200);
        assert.ok(list.sessions.some(({ sessionId }) => sessionId === 'listed'), JSON.stringify(list));
    });

    test('bad bodies are refused', async () => {
        for (const bad of [{}, { userId: 'u' }, { ...body, userId: 'a b' }, { ...body, ttlSeconds: -1 }, { ...body, ttlSeconds: 'x' }, { ...body, sessionId: '' }, []]) {
            const { status } = await server.http('POST', `${api}/sessions`, { body: bad });
            assert.ok([400, 422].includes(status), `${status} for ${JSON.stringify(bad)}`);
        }
    });
});

describe('connections', () => {
    test('GET lists, DELETE of an unknown one is 404', async () => {
        const client = await server.connected(member, { artifactId: 'x' });
        const { status, body } = await server.http('GET', `${api}/connections?companyId=c1`);
        assert.equal(status, 200);
        const mine = body.connections.find(({ connectionId }) => connectionId === client.socket.id);
        assert.deepEqual([mine.userId, mine.companyId, mine.sessionId], ['u1', 'c1', member.sessionId]);
        assertError(await server.http('DELETE', `${api}/connections/nobody`), 404, 'NOT_FOUND');
    });
});

describe('outside the API', () => {
    test('health and readiness', async () => {
        assert.equal((await server.http('GET', '/healthz', { token: null })).status, 200);
        assert.equal((await server.http('GET', '/readyz', { token: null })).status, 200);
    });

    test('metrics for the loopback', async () => {
        const { status, text, headers } = await server.http('GET', '/metrics', { token: null });
        assert.equal(status, 200);
        assert.match(headers.get('content-type'), /^text\/plain/);
        assert.match(text, /^# TYPE signalbox_\w+ (counter|gauge)/m);
    });

    test('the test client and the client library that it loads', async () => {
        const page = await server.http('GET', '/test-client', { token: null });
        assert.equal(page.status, 200);
        assert.match(page.headers.get('content-type'), /^text\/html/);
        const script = await server.http('GET', '/test-client/socket.io.min.js', { token: null });
        assert.equal(script.status, 200);
        assert.match(script.headers.get('content-type'), /javascript/);
        assert.match(script.text, /Socket\.IO v4/);
    });

    test('unknown paths and methods', async () => {
        assertError(await server.http('GET', `${api}/nothing`), 404, 'NOT_FOUND');
        const answer = await server.http('PATCH', `${api}/sessions`);
        assertError(answer, 405, 'METHOD_NOT_ALLOWED');
        assert.match(answer.headers.get('allow'), /GET/);
        assert.match(answer.headers.get('allow'), /POST/);
    });

    test('HEAD answers as GET without a body', async () => {
        const { status, text } = await server.http('HEAD', '/healthz', { token: null });
        assert.equal(status, 200);
        assert.equal(text, '');
    });

    test('errors of an open connection do not end it: keep-alive goes on', async () => {
        for (let i = 0; i < 20; ++i) {
            assert.equal((await server.http('GET', `${api}/nothing`)).status, 404);
            assert.equal((await server.http('GET', '/healthz')).status, 200);
        }
    });
});

describe('with a base path, own origins and an internal listener', () => {
    const config = `
[server]
base_path = "/gateway"
allowed_origins = ["https://app.example.com"]
path_aliases = ["/ws"]
`;
    const other = serverFor({ before, after }, { config });

    test('base_path moves all but the socket', async () => {
        assert.equal((await fetch(`${other.url}/gateway/healthz`)).status, 200);
        assert.equal((await fetch(`${other.url}/healthz`)).status, 404);
        assert.equal((await fetch(`${other.url}/realtime/?EIO=4&transport=polling`)).status, 200);
        assert.equal((await fetch(`${other.url}/ws/?EIO=4&transport=polling`)).status, 200);
        assert.equal((await fetch(`${other.url}/socket.io/?EIO=4&transport=polling`)).status, 404);
    });

    test('only listed origins, over both transports', async () => {
        const poll = (origin) => fetch(`${other.url}/realtime/?EIO=4&transport=polling`, { headers: { origin } });
        const good = await poll('https://app.example.com');
        assert.equal(good.status, 200);
        assert.equal(good.headers.get('access-control-allow-origin'), 'https://app.example.com');
        const bad = await poll('https://evil.example');
        assert.ok(bad.status === 400 || bad.status === 403, String(bad.status));
        assert.equal(bad.headers.get('access-control-allow-origin'), null);
        const refused = await other.raw({ headers: { origin: 'https://evil.example' } }).refused;
        assert.ok(refused.status === 400 || refused.status === 403);
        await other.raw({ headers: { origin: 'https://app.example.com' } }).packet('0{');
    });

    test('a preflight is answered', async () => {
        const answer = await fetch(`${other.url}/realtime/?EIO=4&transport=polling`, {
            method: 'OPTIONS',
            headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-custom' },
        });
        assert.equal(answer.status, 204);
        assert.match(answer.headers.get('access-control-allow-headers'), /x-custom/i);
    });
});

test('a service key counts only for its companies', async () => {
    const key = `sbk_${'L'.repeat(43)}`;
    const config = `[[auth.service_keys]]\nid = "limited"\nsha256 = "${sha256(key)}"\npermissions = ["updates:send"]\ncompanies = ["c1"]\n`;
    const limited = await Server.start({ config });
    try {
        const publish = (companyId) => limited.http('POST', `${api}/updates`, { token: key, body: { companyId, action: 'x' } });
        assert.equal((await publish('c1')).status, 202);
        assertError(await publish('c2'), 403, 'FORBIDDEN');
        assertError(await limited.http('GET', `${api}/sessions`, { token: key }), 403, 'FORBIDDEN');
    } finally {
        await limited.stop();
    }
});
