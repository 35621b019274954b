// The ways to write the endpoint: path, its slash, its alias, and the namespace of the same name.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Polling, Server } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());

const endpoints = {
    'path /realtime': { path: '/realtime' },
    'path /realtime/': { path: '/realtime/' },
    'path /realtime without the slash that the client adds': { path: '/realtime', addTrailingSlash: false },
    'path /socket.io, the default': { path: '/socket.io' },
    'namespace /realtime at path /socket.io': { path: '/socket.io', namespace: '/realtime' },
    'namespace /realtime at path /realtime': { path: '/realtime', namespace: '/realtime' },
};

for (const [name, options] of Object.entries(endpoints)) {
    for (const transports of [['websocket'], ['polling']]) {
        test(`${name} over ${transports}`, async () => {
            const member = await server.member();
            const client = await server.connected(member, { ...options, transports });
            assert.deepEqual((await client.request('echo', { n: 1 })).data, { n: 1 });
        });
    }
}

test('both namespaces belong to one audience', async () => {
    const member = await server.member({ company: 'both' });
    const plain = await server.connected(member);
    const named = await server.connected(member, { namespace: '/realtime' });
    await server.publish({ companyId: 'both', action: 'news', data: 1 });
    assert.equal((await plain.update('news')).data, 1);
    assert.equal((await named.update('news')).data, 1);
});

test('another namespace is refused in the words of the reference', async () => {
    const client = server.client(await server.member(), { namespace: '/elsewhere' });
    assert.equal((await client.refusal()).message, 'Invalid namespace');
});

test('the handshake offers what the protocol says', async () => {
    const polling = new Polling(server);
    const handshake = await polling.open();
    assert.deepEqual(Object.keys(handshake).sort(), ['maxPayload', 'pingInterval', 'pingTimeout', 'sid', 'upgrades']);
    assert.deepEqual(handshake.upgrades, ['websocket']);
    assert.equal(handshake.pingInterval, 25_000);
    assert.equal(handshake.pingTimeout, 20_000);
    assert.equal(handshake.maxPayload, 1_000_000);
    assert.equal(handshake.sid.length, 20);
});
