// SIGTERM: clients are told, what runs may finish, and the program ends with 0.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, pause, Polling, Server, slowness } from './harness.mjs';

async function withServer(options, body) {
    const server = await Server.start(options);
    try {
        await body(server);
    } finally {
        await server.stop();
    }
}

test('clients are told when to come back, and the exit code is 0', () =>
    withServer({}, async (server) => {
        const member = await server.member();
        const clients = await Promise.all([
            server.connected(member), server.connected(member, { transports: ['polling'] }),
        ]);
        const begun = Date.now();
        const exit = server.terminate();
        for (const client of clients) {
            const { data } = await client.system('serverShutdown');
            assert.ok(Number.isInteger(data.reconnectAfterMs));
            assert.notEqual((await client.disconnected()).reason, 'io server disconnect');
        }
        assert.deepEqual(await exit, { code: 0, signal: null });
        assert.ok(Date.now() - begun < 5000 * slowness, 'with nothing running it does not wait for the grace');
    }));

test('an action that runs is answered before the connection closes', () =>
    withServer({}, async (server) => {
        const client = await server.connected(await server.member());
        const requestId = client.send('slow', { ms: 1500 }, { progress: true });
        await client.inbox.find((m) => m.requestId === requestId && m.data.status === 'running');
        const exit = server.terminate();
        await client.system('serverShutdown');
        assert.equal((await client.final(requestId)).type, 'RESPONSE');
        assert.equal((await exit).code, 0);
    }));

test('polling clients that never joined a namespace do not hold the end up', () =>
    withServer({}, async (server) => {
        const away = new Polling(server);
        await away.open();
        const waiting = new Polling(server);
        await waiting.open();
        const held = waiting.get();
        await pause(200 * slowness);
        const begun = Date.now();
        const exit = server.terminate();
        assert.equal((await held).text, '1');
        assert.deepEqual(await exit, { code: 0, signal: null });
        assert.ok(Date.now() - begun < 5000 * slowness);
    }));

test('over REST too', () =>
    withServer({}, async (server) => {
        const member = await server.member();
        const answer = server.http('POST', `/api/v1/actions/slow?sessionId=${member.sessionId}`, {
            token: member.token, body: { data: { ms: 1500 } },
        });
        await pause(500);
        const exit = server.terminate();
        assert.equal((await answer).status, 200);
        assert.equal((await exit).code, 0);
    }));

test('while draining, new work is refused as SHUTTING_DOWN', () =>
    withServer({}, async (server) => {
        const client = await server.connected(await server.member());
        const requestId = client.send('slow', { ms: 2000 }, { progress: true });
        await client.inbox.find((m) => m.requestId === requestId && m.data.status === 'running');
        const exit = server.terminate();
        await client.system('serverShutdown');
        const { error } = await client.request('echo', 1);
        assert.equal(error.code, 'SHUTTING_DOWN');
        assert.equal(error.retryable, true);
        assert.equal((await client.final(requestId)).type, 'RESPONSE');
        assert.equal((await exit).code, 0);
    }));

test('what outlasts the grace ends in SHUTTING_DOWN', () =>
    withServer({ config: '[server]\nshutdown_grace = "1s"\n' }, async (server) => {
        const client = await server.connected(await server.member());
        const requestId = client.send('slow', { ms: 60_000 }, { timeoutMs: 60_000, progress: true });
        await client.inbox.find((m) => m.requestId === requestId && m.data.status === 'running');
        const begun = Date.now();
        const exit = server.terminate();
        assert.equal((await client.final(requestId)).error.code, 'SHUTTING_DOWN');
        assert.equal((await exit).code, 0);
        assert.ok(Date.now() - begun < 5000 * slowness);
    }));

test('SIGINT does the same', () =>
    withServer({}, async (server) => {
        const client = await server.connected(await server.member());
        const exit = server.terminate('SIGINT');
        await client.system('serverShutdown');
        assert.equal((await exit).code, 0);
    }));

test('the stock client comes back to a restarted server by itself', () =>
    withServer({}, async (server) => {
        const client = await server.connected(await server.member(), { reconnection: true });
        const before = client.socket.id;
        await server.restart();
        const welcome = await client.system('connected', 20_000 * slowness);
        assert.notEqual(welcome.data.connectionId, before);
        await eventually('an answer', async () => (await client.request('echo', 1)).data === 1);
    }));

test('a client that is busy when the server stops still gets all that was sent to it', () =>
    withServer({ config: '[limits]\noutbound_bytes_max = 100000000\n' }, async (server) => {
        const client = await server.connected(await server.member());
        const socket = client.socket.io.engine.transport.ws._socket;
        socket.pause();
        // More than the kernel buffers for it.
        for (let i = 0; i < 40; ++i) {
            await server.publish({ companyId: 'c1', action: 'big', data: 'x'.repeat(200_000) });
        }
        const exit = server.terminate();
        await pause(1000);
        socket.resume();
        await client.system('serverShutdown');
        assert.equal((await exit).code, 0);
    }));
