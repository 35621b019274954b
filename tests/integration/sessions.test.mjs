// Sessions that end: all of a company, unused ones, and those that the API calls over.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { eventually, pause, Server, serviceKey, slowness, userToken } from './harness.mjs';

const soon = 1000 * slowness;

describe('all sessions of a company', async () => {
    const server = await Server.start();
    after(() => server.stop());
    const remove = (query) => server.http('DELETE', `/api/v1/sessions?${query}`);

    for (const transports of [['websocket'], ['polling']]) {
        test(`end, and their connections within a second, over ${transports}`, async () => {
            const company = `gone-${transports}`;
            const clients = [];
            for (const user of ['a', 'b', 'b']) {
                clients.push(await server.connected(await server.member({ user, company }), { transports }));
            }
            const bystander = await server.connected(await server.member({ user: 'a', company: 'kept' }), { transports });
            assert.equal((await remove(`companyId=${company}`)).status, 204);
            for (const client of clients) {
                assert.deepEqual((await client.system('sessionRevoked', soon)).data, { reason: 'revoked' });
                await client.disconnected(soon);
            }
            assert.equal((await bystander.request('system.ping')).type, 'RESPONSE');
            const { body } = await server.http('GET', `/api/v1/sessions?companyId=${company}`);
            assert.deepEqual(body.sessions, []);
        });
    }

    test('are never meant by a slip', async () => {
        await server.member({ company: 'slips' });
        for (const query of ['', 'userId=&companyId=slips', 'companyId=', 'userId=', 'userid=u1']) {
            const { status, body } = await remove(query);
            assert.equal(status, 400, query);
            assert.equal(body.error.code, 'INVALID_MESSAGE');
        }
        assert.equal((await server.http('GET', '/api/v1/sessions?companyId=slips')).body.sessions.length, 1);
    });

    test('need sessions:manage there', async () => {
        const own = await server.member({ company: 'mine', permissions: ['sessions:manage'] });
        const asUser = (query) => server.http('DELETE', `/api/v1/sessions?${query}`, { token: own.token });
        assert.equal((await asUser('companyId=slips')).status, 403);
        assert.equal((await asUser('companyId=mine')).status, 204);
        assert.equal((await server.client(own).refusal()).code, 'SESSION_INVALID');
    });
});

describe('a session that is registered', async () => {
    const server = await Server.start();
    after(() => server.stop());
    const put = (id, body) => server.http('PUT', `/api/v1/sessions/${id}`, { body: { companyId: 'c1', ...body } });

    test('stays its user\'s', async () => {
        assert.equal((await put('own', { userId: 'u1' })).status, 201);
        for (const other of [{ userId: 'u2' }, { userId: 'u1', companyId: 'c2' }]) {
            const { status, body, headers } = await put('own', other);
            assert.equal(status, 403);
            assert.equal(body.error.code, 'FORBIDDEN');
            assert.equal(headers.get('www-authenticate'), null);
        }
    });

    test('lives for a year at most, and as long as was said', async () => {
        const tooLong = await put('long', { userId: 'u1', ttlSeconds: 366 * 86_400 + 1 });
        assert.equal(tooLong.status, 422);
        assert.deepEqual(tooLong.body.error.details, [{ path: '/ttlSeconds', message: 'must be an integer from 1 to 31622400' }]);
        const { body } = await put('long', { userId: 'u1', ttlSeconds: 366 * 86_400 });
        assert.ok(Date.parse(body.expiresAt) - Date.now() > 365.9 * 86_400_000);
    });
});

test('a session that nobody uses ends, one with a connection or calls does not', async () => {
    const server = await Server.start({ config: '[auth.sessions]\nidle_timeout = "4s"\n' });
    try {
        const [connected, calling, unused] = [await server.member(), await server.member(), await server.member()];
        await server.connected(connected);
        const call = ({ token, sessionId }) => server.http('POST', '/api/v1/actions/echo', { token, headers: { 'x-session-id': sessionId }, body: {} });
        for (let i = 0; i < 10; ++i) {
            await pause(1000);
            assert.equal((await call(calling)).status, 200);
        }
        assert.equal((await call(unused)).body.error.code, 'SESSION_EXPIRED');
        assert.equal((await server.client(unused).refusal()).code, 'SESSION_EXPIRED');
        assert.equal((await call(connected)).status, 200);
        const { body } = await server.http('GET', '/api/v1/sessions?companyId=c1');
        assert.deepEqual(body.sessions.map(({ sessionId }) => sessionId).sort(), [connected.sessionId, calling.sessionId].sort());
    } finally {
        await server.stop();
    }
});

/// An API that says what the test has in `verdicts`, by session id.
class Api {
    verdicts = new Map();
    asked = [];
    status = 200;

    static async start() {
        const api = new Api();
        api.server = http.createServer(async (request, response) => {
            let body = '';
            for await (const chunk of request) body += chunk;
            const question = JSON.parse(body);
            api.asked.push({ ...question, key: request.headers.authorization });
            response.writeHead(api.status, { 'content-type': 'application/json' });
            response.end(JSON.stringify(api.verdicts.get(question.sessionId) ?? { active: false }));
        }).listen(0, '127.0.0.1');
        await new Promise((resolve) => api.server.once('listening', resolve));
        api.url = `http://127.0.0.1:${api.server.address().port}/introspect`;
        return api;
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }
}

describe('sessions that live in the API', async () => {
    const api = await Api.start();
    after(() => api.stop());
    const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-sessions-'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const auditFile = path.join(folder, 'audit.log');
    const server = await Server.start({
        config: `[log]\naudit_file = "${auditFile}"\n[auth.sessions]\nmode = "introspect"\nintrospect_url = "${api.url}"\nintrospect_key = "for-the-api"\n`
            + 'introspect_cache = "200ms"\nintrospect_recheck = "1s"\nintrospect_stale = "2s"\n',
    });
    after(() => server.stop());
    const member = (sessionId, verdict, claims = {}) => {
        api.verdicts.set(sessionId, verdict);
        return { sessionId, token: userToken(claims) };
    };

    test('are asked for with token and key; only active ones may connect', async () => {
        const good = member('good', { active: true });
        const client = await server.connected(good);
        const question = api.asked.find(({ sessionId }) => sessionId === 'good');
        assert.deepEqual(question, { token: good.token, sessionId: 'good', userId: 'u1', companyId: 'c1', key: 'Bearer for-the-api' });
        assert.equal((await client.request('echo', 1)).data, 1);
        assert.equal((await server.client({ ...good, sessionId: 'unknown' }).refusal()).code, 'SESSION_INVALID');
        assert.doesNotMatch(server.output, /for-the-api/);
    });

    for (const transports of [['websocket'], ['polling']]) {
        test(`end with the API's word, over ${transports}`, async () => {
            const user = member(`ending-${transports}`, { active: true, permissions: ['updates:send'] });
            const client = await server.connected(user, { transports });
            assert.equal((await client.request('updates.send', { action: 'x' })).type, 'RESPONSE');
            api.verdicts.set(user.sessionId, { active: true, permissions: [] });
            const { data } = await client.system('permissionsChanged', 3000 * slowness);
            assert.deepEqual(data, { cause: 'session', permissions: [], endedSubscriptions: [] });
            assert.equal((await client.request('updates.send', { action: 'x' })).error.code, 'FORBIDDEN');
            api.verdicts.set(user.sessionId, { active: false });
            await client.system('sessionRevoked', 3000 * slowness);
            await client.disconnected(soon);
        });
    }

    test('count over HTTP too, and are cached', async () => {
        const user = member('caller', { active: true });
        const call = () => server.http('POST', '/api/v1/actions/echo', { token: user.token, headers: { 'x-session-id': 'caller' }, body: {} });
        const before = api.asked.length;
        const answers = await Promise.all(Array.from({ length: 10 }, call));
        assert.ok(answers.every(({ status }) => status === 200));
        assert.ok(api.asked.slice(before).filter(({ sessionId }) => sessionId === 'caller').length <= 2);
        api.verdicts.delete('caller');
        await eventually('the refusal', async () => (await call()).body.error?.code === 'SESSION_INVALID');
    });

    test('outlive a short outage of the API; a long one closes and holds, until it is back', async () => {
        const user = member('outage', { active: true });
        const client = await server.connected(user, { reconnection: true, reconnectionDelay: 200, reconnectionDelayMax: 500 });
        api.status = 500;
        await pause(1500);
        assert.equal(client.socket.connected, true);
        await client.disconnected(10_000 * slowness);
        api.status = 200;
        await eventually('the way back', () => client.socket.connected, 20_000 * slowness);
    });

    test('refused are in the audit, and a silent API in the log and the metrics', async () => {
        const lines = () => readFileSync(auditFile, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
        const line = (event, has) => eventually(`${event} ${JSON.stringify(has)}`, () =>
            lines().find((one) => one.event === event && Object.entries(has).every(([name, value]) => one[name] === value)));
        const user = member('audited', { active: true }, { user: 'watched' });
        const client = await server.connected(user);
        api.verdicts.set('audited', { active: false });
        await client.disconnected(10_000 * slowness);
        const ended = await line('session.refused', { actor: 'watched' });
        assert.deepEqual([ended.actorCompany, ended.sessionId, ended.code], ['c1', 'audited', 'SESSION_INVALID']);
        const { data } = await server.client(user).refusal();
        assert.equal((await line('connection.refused', { ref: data.ref })).code, 'SESSION_INVALID');
        await server.http('POST', '/api/v1/actions/echo', { token: user.token, headers: { 'x-session-id': 'audited' }, body: {} });
        assert.equal((await line('call.refused', { code: 'SESSION_INVALID' })).path, '/api/v1/actions/echo');
        assert.doesNotMatch(readFileSync(auditFile, 'utf8'), /for-the-api|eyJ/);

        await server.logs(/warn +introspection\.failed reason="?the answer's status is 500/);
        await server.logs(/introspection\.recovered/);
        const { text } = await server.http('GET', '/metrics');
        assert.match(text, /signalbox_introspections_total\{outcome="failed"\} [1-9]/);
    });

    test('cannot be managed here', async () => {
        const { status } = await server.http('POST', '/api/v1/sessions', { token: serviceKey, body: { userId: 'u1', companyId: 'c1' } });
        assert.equal(status, 404);
    });
});
