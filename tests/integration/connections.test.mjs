// Connections that cost the server more than they should be able to.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { eventually, patience, serverFor, within } from './harness.mjs';

const connectSilently = async (server) => {
    const socket = net.connect(server.port, server.host);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
};

describe('out of descriptors', () => {
    const server = serverFor({ before, after }, { descriptors: 60 });
    const sockets = [];
    after(() => sockets.forEach((socket) => socket.destroy()));

    test('silent connections of one address keep nobody out', async () => {
        for (let i = 0; i < 150; ++i) sockets.push(await connectSilently(server));
        for (let i = 0; i < 5; ++i) {
            const { status } = await within(patience, 'an answer', server.http('GET', '/healthz', { token: null }));
            assert.equal(status, 200);
        }
    });

    test('nor do clients that leave while their action runs', async () => {
        const member = await server.member();
        const body = '{"data":{"ms":8000}}';
        for (let i = 0; i < 100; ++i) {
            const socket = await connectSilently(server);
            socket.write(`POST /api/v1/actions/slow?sessionId=${member.sessionId} HTTP/1.1\r\nHost: h\r\n` +
                `Authorization: Bearer ${member.token}\r\nContent-Type: application/json\r\n` +
                `Content-Length: ${body.length}\r\n\r\n${body}`);
            socket.end();
        }
        const { status } = await within(patience, 'an answer', server.http('GET', '/healthz', { token: null }));
        assert.equal(status, 200);
    });
});

describe('limits.connections_per_address', () => {
    const server = serverFor({ before, after }, { config: '[limits]\nconnections_per_address = 2\n' });

    test('more connections of an address are closed at once, until one ends', async () => {
        // Which one it is depends on the shard that accepts first.
        const sockets = await Promise.all([1, 2, 3].map(() => connectSilently(server)));
        const closed = sockets.map((socket) => once(socket, 'close'));
        await within(patience, 'one of three to be closed', Promise.race(closed));
        sockets.forEach((socket) => socket.destroy());
        await eventually('room for another', async () => {
            const answer = await server.http('GET', '/healthz', { token: null }).catch(() => undefined);
            return answer?.status === 200;
        });
    });
});

describe('more in one turn than may wait for a slow client', () => {
    const server = serverFor({ before, after }, { config: '[limits]\noutbound_bytes_max = 300000\nmessage_bytes_max = 1000000\n' });

    for (const transport of ['websocket', 'polling']) {
        test(`reaches a client that reads, over ${transport}`, async () => {
            const member = await server.member();
            const client = await server.connected(member, { transports: [transport] });
            const update = { companyId: 'c1', action: 'big', data: 'x'.repeat(140_000) };
            await server.publish(Array(6).fill(update));
            await client.inbox.find(() => client.inbox.items.filter((m) => m.action === 'big').length === 6, 'six updates');
            assert.equal((await client.request('echo', 1)).type, 'RESPONSE');
        });
    }
});
