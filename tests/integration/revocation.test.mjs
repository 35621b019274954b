// A session or connection that is taken away while it is in use.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Server, slowness } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const soon = 1000 * slowness;

for (const transports of [['websocket'], ['polling']]) {
    test(`a deleted session's connections are told and closed within a second over ${transports}`, async () => {
        const member = await server.member({ user: 'revoked' });
        const clients = [await server.connected(member, { transports }), await server.connected(member, { transports })];
        const bystander = await server.connected(await server.member({ user: 'revoked' }), { transports });
        assert.equal((await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`)).status, 204);
        for (const client of clients) {
            await client.system('sessionRevoked', soon);
            const { reason } = await client.disconnected(soon);
            assert.notEqual(reason, 'io server disconnect', 'the stock client must come back by itself');
        }
        assert.equal((await bystander.request('system.ping')).type, 'RESPONSE');
    });
}

test('the client that comes back hears the final cause', async () => {
    const member = await server.member({ user: 'returning' });
    const client = await server.connected(member, { reconnection: true });
    await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`);
    const { error } = await client.events.find(({ event }) => event === 'connect_error', 'connect_error', 10_000 * slowness);
    assert.equal(error.data.code, 'SESSION_INVALID');
});

test('all sessions of a user at once', async () => {
    const first = await server.connected(await server.member({ user: 'all' }));
    const second = await server.connected(await server.member({ user: 'all' }));
    const other = await server.connected(await server.member({ user: 'other' }));
    const { status } = await server.http('DELETE', '/api/v1/sessions?userId=all&companyId=c1');
    assert.equal(status, 204);
    await first.system('sessionRevoked', soon);
    await second.system('sessionRevoked', soon);
    assert.equal((await other.request('system.ping')).type, 'RESPONSE');
});

test('a deleted connection gets a server DISCONNECT, alone', async () => {
    const member = await server.member({ user: 'kicked' });
    const client = await server.connected(member);
    const other = await server.connected(member);
    assert.equal((await server.http('DELETE', `/api/v1/connections/${client.socket.id}`)).status, 204);
    assert.equal((await client.disconnected()).reason, 'io server disconnect');
    assert.equal((await other.request('system.ping')).type, 'RESPONSE');
});

test('a revoked session stays revoked after a restart, others stay valid', async () => {
    const own = await Server.start();
    try {
        const gone = await own.member();
        const kept = await own.member();
        await own.http('DELETE', `/api/v1/sessions/${gone.sessionId}`);
        await own.restart();
        assert.equal((await own.client(gone).refusal()).code, 'SESSION_INVALID');
        await own.connected(kept);
    } finally {
        await own.stop();
    }
});
