// Clients that come and are never heard of again. That every byte of them is returned is measured in
// src/engineio/abandoned_sessions_test.cc; here, that real sockets and the process follow.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import WebSocket from 'ws';
import { eventually, Polling, Server, slowness } from './harness.mjs';

const server = await Server.start({
    config: `
[engineio]
ping_interval = "300ms"
ping_timeout = "200ms"
upgrade_timeout = "300ms"

[limits]
handshakes_per_second = 0
`,
});
after(() => server.stop());

const metric = async (name) => {
    const { text } = await server.http('GET', '/metrics');
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]);
};

/// A WebSocket that says nothing unless told; resolves when it has opened.
function silent(query, say) {
    const socket = new WebSocket(`${server.wsUrl}/realtime/?EIO=4&transport=websocket${query}`);
    socket.on('error', () => {});
    return new Promise((resolve) => {
        socket.on('open', () => {
            if (say) socket.send(say);
            resolve(socket);
        });
    });
}

async function abandon(count) {
    const sids = [];
    const sockets = [];
    for (let i = 0; i < count; ++i) {
        const polling = new Polling(server);
        sids.push((await polling.open()).sid);
        if (i % 3 === 1) sockets.push(await silent(`&sid=${polling.sid}`, '2probe'));
        if (i % 3 === 2) sockets.push(await silent('', '40{"token":"no"}'));
    }
    await Promise.all(sockets.map((socket) => eventually('the end of a silent WebSocket', () => socket.readyState === WebSocket.CLOSED)));
    for (const sid of sids) {
        const polling = new Polling(server);
        polling.sid = sid;
        await eventually('the end of an abandoned session', async () => (await polling.get()).status === 400);
    }
    assert.equal(await metric('signalbox_websocket_connections'), 0);
}

test('abandoned sessions end, and memory does not grow with them', async () => {
    const rounds = 6;
    const perRound = 200;
    await abandon(perRound);
    const before = await server.residentBytes();
    for (let round = 1; round < rounds; ++round) await abandon(perRound);
    const growth = await server.residentBytes() - before;
    assert.ok(growth < (8 << 20) * slowness, `${growth} bytes for ${(rounds - 1) * perRound} sessions`);
});
