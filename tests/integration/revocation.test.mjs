// A session or connection that is taken away while it is in use.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { run, Server, slowness } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const soon = 1000 * slowness;

const remove = async (path) => assert.equal((await server.http('DELETE', `/api/v1/sessions${path}`)).status, 204);
const command = async (...args) => {
    const { code, stderr } = await run([...args, '--config', server.configFile, '--dev'], { dataDir: server.dataDir });
    assert.equal(code, 0, stderr);
};

/// What ends the sessions of the first user of a company, and whether that of the second too.
const forms = {
    'DELETE of the session': { end: ({ sessionId }) => remove(`/${sessionId}`) },
    'DELETE of all of a user': { end: ({ user, company }) => remove(`?userId=${user}&companyId=${company}`) },
    'DELETE of all of a company': { end: ({ company }) => remove(`?companyId=${company}`), ofAll: true },
    'session revoke': { end: ({ sessionId }) => command('session', 'revoke', sessionId) },
    'session revoke --user': { end: ({ user, company }) => command('session', 'revoke', '--company', company, '--user', user) },
    'session revoke --company': { end: ({ company }) => command('session', 'revoke', '--company', company), ofAll: true },
    'company delete': { end: ({ company }) => command('company', 'delete', company), ofAll: true },
};

let companies = 0;
for (const [form, { end, ofAll }] of Object.entries(forms)) {
    for (const transports of [['websocket'], ['polling']]) {
        test(`${form}: its connections are told and closed within a second, over ${transports}`, async () => {
            const company = `revoked-${++companies}`;
            const member = { ...await server.member({ user: 'first', company }), user: 'first', company };
            const clients = [await server.connected(member, { transports }), await server.connected(member, { transports })];
            const second = await server.connected(await server.member({ user: 'second', company }), { transports });
            const bystander = await server.connected(await server.member({ user: 'first', company: `${company}0` }), { transports });
            await end(member);
            for (const client of ofAll ? [...clients, second] : clients) {
                assert.deepEqual((await client.system('sessionRevoked', soon)).data, { reason: 'revoked' });
                const { reason } = await client.disconnected(soon);
                assert.notEqual(reason, 'io server disconnect', 'the stock client must come back by itself');
            }
            for (const client of ofAll ? [bystander] : [bystander, second]) assert.equal((await client.request('system.ping')).type, 'RESPONSE');
        });
    }
}

test('the client that comes back hears the final cause', async () => {
    const member = await server.member({ user: 'returning' });
    const client = await server.connected(member, { reconnection: true });
    await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`);
    const { error } = await client.events.find(({ event }) => event === 'connect_error', 'connect_error', 10_000 * slowness);
    assert.equal(error.data.code, 'SESSION_INVALID');
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
