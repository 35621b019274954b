// Every code of docs/errors.md: how it is brought about, its HTTP status over REST and the code over the
// socket. A code that one of the doors cannot give says why.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { CountingApi } from './counting_api.mjs';
import { eventually, root, Server, slowness, userToken, within } from './harness.mjs';

/// [code, status, retryable] of each row of the table.
const registry = [...readFileSync(`${root}/docs/errors.md`, 'utf8').matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (yes|no) \|/gm)]
    .map(([, code, status, retry]) => ({ code, status: Number(status), retryable: retry === 'yes' }));

/// An API that answers each path in its way: /500 fails, /never does not answer.
class BadApi {
    static async start() {
        const api = new BadApi();
        api.server = http.createServer((request, response) => {
            request.resume();
            if (request.url !== '/never') response.writeHead(Number(request.url.slice(1))).end();
        }).listen(0, '127.0.0.1');
        await once(api.server, 'listening');
        api.url = `http://127.0.0.1:${api.server.address().port}`;
        return api;
    }

    async stop() {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, 'close');
    }
}

const upstream = (name, url, more = '') =>
    `[[actions.upstream]]\nname = "${name}"\nurl = "${url}"\npermission = ""\n${more}\n`;

let server, counting, bad;
let nextUser = 0;
/// Somebody in a company of his own.
const member = (more) => server.member({ user: 'u', company: `company-${++nextUser}`, ...more });

/// Runs an action over REST, over a connection of its own: a kept one would stay with its shard.
const call = (who, action, data, { key, ...more } = {}) => server.http('POST', `/api/v1/actions/${action}`, {
    token: who.token, body: { data, ...more },
    headers: { connection: 'close', ...(who.sessionId && { 'x-session-id': who.sessionId }), ...(key && { 'idempotency-key': key }) },
});

/// An action that runs until it is cancelled, as the first of its key.
async function occupied(who, action, data) {
    const client = await server.connected(who);
    client.send(action, data, { idempotencyKey: 'busy' });
    await eventually('it runs', async () => (await execution(who, 'busy')).body.updates?.length === 2);
    return client;
}
const execution = (who, key) => server.http('GET', `/api/v1/executions/${key}`, {
    token: who.token, headers: { 'x-session-id': who.sessionId },
});

/// The same request by both doors.
const both = (action, data, more = {}, permissions = []) => ({
    rest: async () => call(await member({ permissions }), action, data, more),
    socket: async () => {
        const { key, ...rest } = more;
        const client = await server.connected(await member({ permissions }));
        return client.request(action, data, { ...rest, ...(key && { idempotencyKey: key }) });
    },
});

/// What is refused before any action: over the socket at CONNECT.
const credentials = (make) => ({
    rest: async () => call(await make(), 'echo', 1),
    connect: async () => {
        const client = server.client(await make());
        const { data } = await client.refusal();
        client.close();
        return data;
    },
});

const afterTwo = (first, second, permissions) => ({
    rest: async () => {
        const who = await member({ permissions });
        await call(who, ...first);
        return call(who, ...second);
    },
    socket: async () => {
        const who = await member({ permissions });
        await call(who, ...first);
        const [action, data, { key }] = second;
        return (await server.connected(who)).request(action, data, { idempotencyKey: key });
    },
});

const expiredSession = async () => {
    const who = await member();
    const { body } = await server.http('POST', '/api/v1/sessions', { body: { userId: who.user, companyId: who.company, ttlSeconds: 1 } });
    const expired = { ...who, sessionId: body.sessionId };
    await eventually('the session ends', async () => (await call(expired, 'echo', 1)).status === 401);
    return expired;
};

/// Cancelled by its key, from elsewhere.
async function cancelled(answer) {
    const who = await member();
    const end = answer(who);
    await eventually('it runs', async () => (await execution(who, 'mine')).body.updates?.length === 2);
    await call(who, 'execution.cancel', { idempotencyKey: 'mine' });
    return end;
}

/// Of an execution that was running when the server was killed.
async function crashed() {
    const who = await member();
    const client = await server.connected(who);
    client.send('count.slow', { id: who.company, ms: 60_000 }, { idempotencyKey: 'crashed' });
    await eventually('it has begun', () => counting.count(who.company) === 1);
    client.close();
    server.child.kill('SIGKILL');
    await server.exited;
    await server.launch(server.port);
    return who;
}

/// Of a server that waits for an execution before it ends.
async function draining(ask) {
    const other = await Server.start({ config: '[server]\nshutdown_grace = "60s"\n' });
    try {
        const who = await other.member();
        const client = await other.connected(who);
        const id = client.send('slow', { ms: 60_000 });
        await client.request('system.ping');
        other.child.kill('SIGTERM');
        await client.system('serverShutdown');
        const answer = await ask(other, who, client);
        client.send('execution.cancel', { requestId: id });
        await within(10_000 * slowness, 'the end of the drain', other.exited);
        return answer;
    } finally {
        await other.stop();
    }
}

const rows = {
    INVALID_TOKEN: credentials(async () => ({ ...(await member()), token: 'none' })),
    TOKEN_EXPIRED: credentials(async () => {
        const who = await member();
        return { ...who, token: userToken({ ...who, ttl: -60 }) };
    }),
    SESSION_REQUIRED: credentials(async () => ({ ...(await member()), sessionId: undefined })),
    SESSION_INVALID: credentials(async () => ({ ...(await member()), sessionId: 'unknown' })),
    SESSION_EXPIRED: credentials(expiredSession),
    FORBIDDEN: both('updates.send', { action: 'news' }),
    ARTIFACT_FORBIDDEN: {
        rest: 'what changes a connection is done over that connection',
        socket: async () => (await server.connected(await member())).request('artifact.subscribe', { artifactId: 'secret' }),
    },
    INVALID_MESSAGE: {
        rest: async () => {
            const who = await member();
            return server.http('POST', '/api/v1/actions/echo', { token: who.token, headers: { 'x-session-id': who.sessionId }, body: '{' });
        },
        socket: async () => (await server.connected(await member())).broken('{'),
    },
    ACTION_NOT_FOUND: both('no.such.action', {}),
    NOT_FOUND: both('execution.attach', { idempotencyKey: 'none' }),
    METHOD_NOT_ALLOWED: {
        rest: async () => server.http('PATCH', '/api/v1/sessions'),
        socket: 'a socket has no methods',
    },
    IDEMPOTENCY_KEY_REUSED: afterTwo(['echo', 1, { key: 'k' }], ['echo', 2, { key: 'k' }]),
    OUTCOME_UNKNOWN: {
        rest: async () => {
            const who = await crashed();
            return call(who, 'count.slow', { id: who.company, ms: 60_000 }, { key: 'crashed' });
        },
        socket: async () => {
            const who = await crashed();
            return (await server.connected(who)).request('count.slow', { id: who.company, ms: 60_000 }, { idempotencyKey: 'crashed' });
        },
    },
    PAYLOAD_TOO_LARGE: both('echo', 'x'.repeat(300_000)),
    RATE_LIMITED: {
        // Not more than that many at a time, on each shard: one of a few calls comes to that one.
        rest: async () => {
            const who = await member();
            await occupied(who, 'slow', { ms: 60_000 });
            let answer;
            await eventually('a call comes to the same shard', async () => (answer = await call(who, 'slow', { ms: 1 })).status !== 200);
            return answer;
        },
        socket: async () => {
            const client = await occupied(await member(), 'slow', { ms: 60_000 });
            return client.request('slow', { ms: 1 });
        },
    },
    QUOTA_EXCEEDED: afterTwo(['echo', 1, { key: 'k' }], ['echo', 1, { key: 'another' }]),
    TOO_MANY_CONNECTIONS: {
        rest: 'only connections are counted',
        connect: async () => {
            const open = [];
            for (const user of ['a', 'b', 'c', 'd']) open.push(await server.connected(await server.member({ user, company: 'full' })));
            const who = await server.member({ user: 'e', company: 'full' });
            const late = server.client(who);
            late.socket.connect();
            await eventually('the transport closes', () => late.socket.io.engine?.readyState === 'closed', 15_000 * slowness);
            for (const client of open) client.close();
            const again = await eventually('there is room', () => server.connected(who).catch(() => undefined));
            return { ...again.welcome.data.lastClose, retryable: true };
        },
    },
    TIMEOUT: both('slow', { ms: 10_000 }, { timeoutMs: 20 }),
    CANCELLED: {
        rest: () => cancelled((who) => call(who, 'slow', { ms: 60_000 }, { key: 'mine' })),
        socket: () => cancelled(async (who) => (await server.connected(who)).request('slow', { ms: 60_000 }, { idempotencyKey: 'mine' })),
    },
    UPSTREAM_ERROR: both('upstream.broken', {}),
    UPSTREAM_UNAVAILABLE: both('upstream.down', {}),
    OVERLOADED: {
        rest: async () => {
            await occupied(await member(), 'upstream.one', {});
            return call(await member(), 'upstream.one', {});
        },
        socket: async () => {
            await occupied(await member(), 'upstream.two', {});
            return (await server.connected(await member())).request('upstream.two', {});
        },
    },
    SHUTTING_DOWN: {
        rest: () => draining((other, who) => other.http('POST', '/api/v1/actions/echo', {
            token: who.token, headers: { 'x-session-id': who.sessionId }, body: { data: 1 },
        })),
        socket: () => draining((other, who, client) => client.request('echo', 1)),
    },
    INTERNAL: both('fail', { code: 'INTERNAL' }),
    VALIDATION_FAILED: both('processData', {}),
};

describe('each code', { concurrency: false }, () => {
    before(async () => {
        counting = await CountingApi.start();
        bad = await BadApi.start();
        server = await Server.start({
            config: `
[actions]
keys_per_user = 1
[limits]
in_flight_per_connection = 0
in_flight_per_user = 1
connections_per_company = 4
[auth.artifacts]
rules = ["permission"]
[server]
shutdown_grace = "100ms"
${counting.config}
${upstream('upstream.broken', `${bad.url}/500`)}
${upstream('upstream.down', 'http://127.0.0.1:1/', 'retries = 0')}
${['one', 'two'].map((name) => upstream(`upstream.${name}`, `${bad.url}/never`, 'max_concurrency = 1\nmax_waiting = 0\ntimeout = "60s"')).join('')}
`,
        });
    });
    after(async () => {
        await server?.stop();
        await counting?.stop();
        await bad?.stop();
    });

    test('has its row', () => {
        assert.ok(registry.length > 20);
        assert.deepEqual(Object.keys(rows).sort(), registry.map(({ code }) => code).sort());
    });

    const assertError = (error, { code, retryable }) => {
        assert.equal(error.code, code);
        assert.equal(error.retryable, retryable);
        assert.equal(error.retryAfterMs > 0, retryable, 'retryAfterMs is there when a retry helps');
        assert.equal(typeof error.message, 'string');
        assert.equal(typeof error.ref === 'string', code === 'INTERNAL' || code.startsWith('UPSTREAM'), 'the log says more under ref');
        assert.equal(Array.isArray(error.details), code === 'VALIDATION_FAILED');
    };

    for (const entry of registry) {
        const { code, status, retryable } = entry;
        const { rest, socket, connect } = rows[code] ?? {};

        test(`${code} over REST${typeof rest === 'string' ? `: ${rest}` : ` is ${status}`}`, { skip: typeof rest === 'string' }, async () => {
            const answer = await rest();
            assert.equal(answer.status, status, answer.text);
            assert.equal(answer.body.type, 'ERROR');
            assertError(answer.body.error, entry);
            const retryAfter = answer.headers.get('retry-after');
            assert.equal(retryAfter !== null, retryable);
            if (retryable) assert.equal(Number(retryAfter), Math.ceil(answer.body.error.retryAfterMs / 1000));
        });

        if (connect) {
            test(`${code} over the socket refuses the connection`, async () => {
                const data = await connect();
                assert.deepEqual([data.code, data.retryable], [code, retryable]);
            });
        } else {
            test(`${code} over the socket${typeof socket === 'string' ? `: ${socket}` : ''}`, { skip: typeof socket === 'string' }, async () => {
                const answer = await socket();
                assert.equal(answer.type, 'ERROR');
                assertError(answer.error, entry);
            });
        }
    }

    test('a code of an action\'s own is 422 and its name', async () => {
        const { rest, socket } = both('fail', { code: 'OUT_OF_STOCK' });
        const overRest = await rest();
        assert.deepEqual([overRest.status, overRest.body.error.code, overRest.body.error.retryable], [422, 'OUT_OF_STOCK', false]);
        assert.equal((await socket()).error.code, 'OUT_OF_STOCK');
    });
});
