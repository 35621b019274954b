// A new token for an open connection, and what happens when the old one ends.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Server, slowness, userToken } from './harness.mjs';

const server = await Server.start({ config: '[auth]\nexpiry_warning = "1h"\nexpiry_grace = "20s"\n[auth.jwt]\nleeway = "0s"\n' });
after(() => server.stop());

for (const transports of [['websocket'], ['polling']]) {
    describe(`over ${transports}`, () => {
        test('system.tokenExpiring, then auth.refresh, and the connection goes on', async () => {
            const member = await server.member({ user: 'refreshing', ttl: 3 });
            const client = await server.connected(member, { transports });
            const warning = await client.system('tokenExpiring');
            assert.equal(warning.data.expiresAt, client.welcome.data.expiresAt);
            const token = userToken({ user: 'refreshing', ttl: 7200 });
            const { data } = await client.request('auth.refresh', { token });
            assert.deepEqual(Object.keys(data), ['expiresAt', 'permissionsChanged']);
            assert.ok(data.expiresAt > warning.data.expiresAt);
            await new Promise((resolve) => setTimeout(resolve, 3500));
            assert.equal((await client.request('echo', 1)).data, 1);
        });

        test('an expired token runs auth.refresh and system.ping only, until it is refreshed', async () => {
            const member = await server.member({ user: 'late', ttl: 2 });
            const client = await server.connected(member, { transports });
            await new Promise((resolve) => setTimeout(resolve, 2500));
            assert.equal((await client.request('echo', 1)).error.code, 'TOKEN_EXPIRED');
            assert.equal((await client.request('system.ping')).type, 'RESPONSE');
            await server.publish({ companyId: 'c1', action: 'still' });
            await client.update('still');
            assert.equal((await client.request('auth.refresh', { token: userToken({ user: 'late' }) })).type, 'RESPONSE');
            assert.equal((await client.request('echo', 1)).data, 1);
        });

        test('a refresh cannot change user, company or session, and takes no bad token', async () => {
            const member = await server.member({ user: 'same' });
            const client = await server.connected(member, { transports });
            const refused = async (token) => (await client.request('auth.refresh', { token })).error?.code;
            assert.equal(await refused(userToken({ user: 'other' })), 'SESSION_INVALID');
            assert.equal(await refused(userToken({ user: 'same', company: 'c2' })), 'SESSION_INVALID');
            assert.equal(await refused(userToken({ user: 'same', sessionId: 'another' })), 'SESSION_INVALID');
            assert.equal(await refused(userToken({ user: 'same', ttl: -10 })), 'TOKEN_EXPIRED');
            assert.equal(await refused(`${member.token.slice(0, -4)}AAAA`), 'INVALID_TOKEN');
            assert.equal((await client.request('auth.refresh', {})).error.code, 'VALIDATION_FAILED');
            assert.equal((await client.request('echo', 1)).data, 1);
        });

        test('a refresh with fewer permissions ends what these allowed', async () => {
            const member = await server.member({ user: 'less', permissions: ['updates:send'] });
            const client = await server.connected(member, { transports, artifactId: 'a1' });
            assert.equal((await client.request('updates.send', { action: 'one' })).type, 'RESPONSE');
            await client.update('one');
            const token = userToken({ user: 'less', permissions: ['orders:read'], artifacts: ['b*'] });
            assert.equal((await client.request('auth.refresh', { token })).data.permissionsChanged, true);
            const { data } = await client.system('permissionsChanged');
            assert.deepEqual(data, { cause: 'token', permissions: ['orders:read'], endedSubscriptions: ['a1'] });
            assert.equal((await client.request('updates.send', { action: 'two' })).error.code, 'FORBIDDEN');
            await server.publish([{ companyId: 'c1', artifactId: 'a1', action: 'hidden' }, { companyId: 'c1', action: 'seen' }]);
            await client.update('seen');
            assert.ok(!client.pushed.some(({ action }) => action === 'hidden'));
        });
    });
}

test('over HTTP there is nothing to refresh', async () => {
    const member = await server.member();
    const { status, body } = await server.http('POST', '/api/v1/actions/auth.refresh', {
        token: member.token, headers: { 'x-session-id': member.sessionId }, body: { data: { token: member.token } },
    });
    assert.equal(status, 400);
    assert.equal(body.error.code, 'INVALID_MESSAGE');
});

test('a connection that was refreshed comes back with the old token too', async () => {
    const member = await server.member({ user: 'back', ttl: 4 });
    const client = await server.connected(member, { reconnection: true, reconnectionDelay: 10 });
    await client.request('auth.refresh', { token: userToken({ user: 'back' }) });
    await new Promise((resolve) => setTimeout(resolve, 4500));
    client.socket.io.engine.close();
    await client.events.find(({ event }) => event === 'disconnect');
    const welcome = await client.system('connected', 10_000 * slowness);
    assert.equal(welcome.data.recovered, true);
    assert.equal((await client.request('echo', 1)).data, 1);
});
