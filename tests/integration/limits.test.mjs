// Every limit of the configuration: where it lies and what happens beyond it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, pause, serverFor, slowness } from './harness.mjs';

const withLimits = (toml) => serverFor({ before, after }, { config: `[limits]\n${toml}\n` });
const codes = (answers) => answers.map((m) => m.error?.code ?? m.type);
const burst = (client, count, action = 'echo') => Promise.all(Array.from({ length: count }, (_, n) => client.request(action, n)));

describe('messages of a connection', () => {
    const server = withLimits('messages_per_second = 2\nmessages_burst = 5');

    test('beyond the burst: RATE_LIMITED with retryAfterMs; waiting that long helps', async () => {
        const client = await server.connected(await server.member());
        const answers = await burst(client, 8);
        assert.deepEqual(codes(answers.slice(0, 5)), Array(5).fill('RESPONSE'));
        const limited = answers.slice(5).filter((m) => m.error);
        assert.ok(limited.length >= 2);
        for (const { error } of limited) {
            assert.equal(error.code, 'RATE_LIMITED');
            assert.equal(error.retryable, true);
            assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 5000);
        }
        await pause(limited.at(-1).error.retryAfterMs + 50);
        assert.equal((await client.request('echo')).type, 'RESPONSE');
    });

    test('another connection has its own', async () => {
        const member = await server.member();
        await burst(await server.connected(member), 8);
        assert.deepEqual(codes(await burst(await server.connected(member), 5)), Array(5).fill('RESPONSE'));
    });
});

describe('messages of a user', () => {
    const server = withLimits('user_messages_per_second = 4');

    test('all connections and REST share them; other users do not', async () => {
        const member = await server.member({ user: 'busy' });
        const [first, second] = [await server.connected(member), await server.connected(member)];
        const answers = [...(await burst(first, 20)), ...(await burst(second, 20))];
        const refused = answers.filter((m) => m.error?.code === 'RATE_LIMITED').length;
        assert.ok(refused >= 20, `${refused} of 40 refused`);

        const rest = await Promise.all(Array.from({ length: 20 }, () =>
            server.http('POST', `/api/v1/actions/echo?sessionId=${member.sessionId}`, { token: member.token, body: {} })));
        const limited = rest.find(({ status }) => status === 429);
        assert.ok(limited, 'REST spends the same bucket');
        assert.match(limited.headers.get('retry-after'), /^[1-9]\d*$/);
        assert.equal(limited.body.error.code, 'RATE_LIMITED');

        const publisher = await server.member({ user: 'publisher', permissions: ['updates:send'] });
        const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await server.http(
            'POST', '/api/v1/updates', { token: publisher.token, body: { companyId: 'c1', action: 'news' } })).status));
        assert.ok(statuses.includes(429), 'other routes spend it too');

        const other = await server.connected(await server.member({ user: 'calm' }));
        assert.equal((await other.request('echo')).type, 'RESPONSE');
    });
});

describe('messages of a company', () => {
    const server = withLimits('company_messages_per_second = 4');

    test('all its users share them; other companies do not', async () => {
        const clients = [];
        for (const user of ['a', 'b']) clients.push(await server.connected(await server.member({ user, company: 'loud' })));
        const answers = (await Promise.all(clients.map((client) => burst(client, 20)))).flat();
        assert.ok(answers.filter((m) => m.error?.code === 'RATE_LIMITED').length >= 20);
        const other = await server.connected(await server.member({ company: 'quiet' }));
        assert.equal((await other.request('echo')).type, 'RESPONSE');
    });
});

describe('requests in flight', () => {
    const server = withLimits('in_flight_per_connection = 3');

    test('the fourth is refused, and room comes when one ends', async () => {
        const client = await server.connected(await server.member());
        const running = Array.from({ length: 3 }, () => client.send('slow', { ms: 700 }));
        const { error } = await client.request('slow', { ms: 1 });
        assert.equal(error.code, 'RATE_LIMITED');
        assert.equal(error.retryable, true);
        for (const id of running) assert.equal((await client.final(id)).type, 'RESPONSE');
        assert.equal((await client.request('slow', { ms: 1 })).type, 'RESPONSE');
    });
});

describe('subscriptions', () => {
    const server = withLimits('subscriptions_per_connection = 3');

    test('the fourth is refused; giving one up makes room', async () => {
        const client = await server.connected(await server.member());
        for (const artifactId of ['a', 'b', 'c', 'a']) {
            assert.equal((await client.request('artifact.subscribe', { artifactId })).type, 'RESPONSE');
        }
        const { error } = await client.request('artifact.subscribe', { artifactId: 'd' });
        assert.match(error.code, /^(RATE_LIMITED|QUOTA_EXCEEDED)$/);
        await client.request('artifact.unsubscribe', { artifactId: 'a' });
        assert.equal((await client.request('artifact.subscribe', { artifactId: 'd' })).type, 'RESPONSE');
    });
});

describe('connections', () => {
    const server = withLimits('connections_per_company = 2');

    test('a company that is full holds and closes the next', async () => {
        await server.connected(await server.member({ user: 'a' }));
        await server.connected(await server.member({ user: 'b' }));
        const late = await server.member({ user: 'c' });
        const client = server.client(late);
        client.socket.connect();
        await eventually('the transport to close', () => !client.socket.active || client.socket.io.engine.readyState === 'closed', 12_000 * slowness);
        assert.equal(client.events.items.filter(({ event }) => event === 'connect').length, 0);
        const elsewhere = await server.connected(await server.member({ company: 'other' }));
        assert.ok(elsewhere.socket.connected);
    });
});

describe('violations', () => {
    const server = withLimits('violations_before_close = 10');

    test('one too many within 10 seconds closes, and lastClose says so', async () => {
        const member = await server.member();
        const client = await server.connected(member);
        for (let i = 0; i < 12; ++i) client.socket.emit('message', '{');
        await client.disconnected();
        const again = await server.connected(member);
        assert.match(again.welcome.data.lastClose.code, /^(INVALID_MESSAGE|RATE_LIMITED)$/);
        assert.equal((await again.request('echo')).type, 'RESPONSE');
    });

    test('fewer do not', async () => {
        const client = await server.connected(await server.member());
        for (let i = 0; i < 8; ++i) await client.broken('{');
        assert.equal((await client.request('echo')).type, 'RESPONSE');
    });
});

describe('a slow consumer', () => {
    const server = withLimits('outbound_bytes_max = 131072');

    test('is closed when too much waits for it; others are not', async () => {
        const member = await server.member({ user: 'slow' });
        const slow = await server.connected(member);
        const quick = await server.connected(await server.member({ user: 'quick' }));
        slow.socket.io.engine.transport.ws._socket.pause();
        const data = 'x'.repeat(100_000);
        for (let i = 0; i < 120; ++i) await server.publish({ companyId: 'c1', action: 'flood', data });
        await quick.inbox.find(() => quick.pushed.length === 120, '120 updates', 20_000 * slowness);
        await eventually('the slow one to be gone', async () => {
            const { body } = await server.http('GET', '/api/v1/connections?companyId=c1');
            return !body.connections.some(({ connectionId }) => connectionId === slow.socket.id);
        });
        const again = await server.connected(member);
        assert.match(again.welcome.data.lastClose.code, /SLOW_CONSUMER|slow/i);
    });
});

describe('sizes', () => {
    const server = withLimits('message_bytes_max = 2000\npayload_bytes_max = 5000');

    test('message_bytes_max and payload_bytes_max are as configured', async () => {
        const client = await server.connected(await server.member());
        assert.equal((await client.request('echo', 'x'.repeat(1000))).type, 'RESPONSE');
        client.socket.emit('message', JSON.stringify({ type: 'REQUEST', requestId: 'p', action: 'echo', data: 'x'.repeat(2500) }));
        const error = await client.inbox.take((m) => m.type === 'ERROR', 'ERROR');
        assert.equal(error.error.code, 'PAYLOAD_TOO_LARGE');
        client.socket.emit('message', 'x'.repeat(6000));
        await client.disconnected();
    });
});
