// What the public Engine.IO v4 protocol test suite demands, on engineio_echo: a test here for each
// of its 25.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EchoServer, pingInterval, pingTimeout, suiteFlags } from './echo.mjs';
import { pause, tcp } from './harness.mjs';

// What is no matter of time is asked of a server whose pings do not come in between.
const server = await EchoServer.start('engineio_echo');
const beating = await EchoServer.start('engineio_echo', { flags: suiteFlags });
after(() => Promise.all([server.stop(), beating.stop()]));

const polling = 'EIO=4&transport=polling';
const websocket = 'EIO=4&transport=websocket';

const isOpenPacket = (packet, upgrades) => {
    assert.equal(packet[0], '0');
    const { sid, ...rest } = JSON.parse(packet.slice(1));
    assert.match(sid, /^[\w-]{20}$/);
    assert.deepEqual(rest, { upgrades, pingInterval, pingTimeout, maxPayload: 1_000_000 });
};

/// An upgrade up to the `3probe`.
async function probed(session) {
    const wire = await server.wire(`${websocket}&sid=${session.sid}`).open();
    assert.equal(await wire.send('2probe').next(), '3probe');
    return wire;
}

async function upgraded(session) {
    return (await probed(session)).send('5');
}

test('handshake, polling: an open packet with exactly its five members', async () => {
    const { status, text } = await beating.http(polling);
    assert.equal(status, 200);
    isOpenPacket(text, ['websocket']);
});

test('handshake, polling: no EIO, or one that is no number', async () => {
    for (const query of ['transport=polling', 'EIO=abc&transport=polling']) {
        assert.equal((await server.http(query)).status, 400, query);
    }
});

test('handshake, polling: no transport, or an unknown one', async () => {
    for (const query of ['EIO=4', 'EIO=4&transport=abc']) {
        assert.equal((await server.http(query)).status, 400, query);
    }
});

test('handshake, polling: other methods than GET', async () => {
    for (const method of ['POST', 'PUT']) {
        assert.equal((await server.http(polling, { method })).status, 400, method);
    }
});

test('handshake, WebSocket: an open packet without upgrades', async () => {
    const wire = beating.wire(websocket);
    isOpenPacket(await wire.next(), []);
    wire.drop();
});

test('handshake, WebSocket: no EIO, or one that is no number', async () => {
    for (const query of ['transport=websocket', 'EIO=abc&transport=websocket']) {
        const wire = server.wire(query);
        assert.equal(await wire.opened, false, query);
        await wire.end();
    }
});

test('handshake, WebSocket: no transport, or an unknown one', async () => {
    for (const query of ['EIO=4', 'EIO=4&transport=abc']) {
        const wire = server.wire(query);
        assert.equal(await wire.opened, false, query);
        await wire.end();
    }
});

for (const [what, payload] of [
    ['one text packet', '4hello'],
    ['several text packets', '4test1\x1e4test2\x1e4test3'],
    ['text and binary', '4hello\x1ebAQIDBA=='],
]) {
    test(`message, polling: a payload of ${what}`, async () => {
        const session = await server.session();
        const posted = await session.post(payload);
        assert.deepEqual([posted.status, posted.text], [200, 'ok']);
        const got = await session.get();
        assert.deepEqual([got.status, got.text], [200, payload]);
    });
}

test('message, polling: an unknown packet type ends the session', async () => {
    const session = await server.session();
    await session.post('abc').catch(() => {});
    assert.equal((await session.get()).status, 400);
});

test('message, polling: a second GET beside the first ends the session', async () => {
    const session = await server.session();
    // Whichever comes first is held.
    const answers = await Promise.all([session.get(), session.get()]);
    const [held, second] = answers.sort((a, b) => a.status - b.status);
    assert.deepEqual([held.status, held.text, second.status], [200, '1', 400]);
    assert.equal((await session.get()).status, 400);
});

test('message, polling: a cancelled GET ends the session', async () => {
    const session = await server.session();
    const request = `GET ${server.endpoint}?${polling}&sid=${session.sid} HTTP/1.1\r\nHost: test\r\n\r\n`;
    const connection = await tcp(server, request, { keepOpen: true });
    connection.socket.end();
    assert.equal(await connection.closed, true);
    assert.equal((await session.get()).status, 400);
});

test('message, WebSocket: text', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    assert.equal(await wire.send('4hello').next(), '4hello');
    wire.drop();
});

test('message, WebSocket: binary', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    assert.deepEqual(await wire.send(Buffer.from([1, 2, 3, 4])).next(), Buffer.from([1, 2, 3, 4]));
    wire.drop();
});

test('message, WebSocket: an unknown packet type ends the session', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    await wire.send('abc').end();
});

test('heartbeat, polling: a ping an interval, each answered', async () => {
    const session = await beating.session();
    for (let i = 0; i < 3; ++i) {
        const { status, text } = await session.get();
        assert.deepEqual([status, text], [200, '2']);
        assert.equal((await session.post('3')).status, 200);
    }
});

test('heartbeat, polling: without a pong the session is gone when the time-out ends, not later', async () => {
    const session = await beating.session();
    await pause(pingInterval + pingTimeout);
    assert.equal((await session.get()).status, 400);
});

test('heartbeat, WebSocket: a ping an interval, each answered', async () => {
    const wire = beating.wire(websocket);
    await wire.next();
    for (let i = 0; i < 3; ++i) {
        assert.equal(await wire.next(), '2');
        wire.send('3');
    }
    wire.drop();
});

test('heartbeat, WebSocket: without a pong it closes', async () => {
    const wire = beating.wire(websocket);
    await wire.next();
    const opened = performance.now();
    await wire.end();
    assert.ok(performance.now() - opened >= pingInterval + pingTimeout - 20);
});

test('close, polling: the held GET is released and the session gone', async () => {
    const session = await server.session();
    const [held] = await Promise.all([session.get(), session.post('1')]);
    // On a connection of its own the close may overtake the GET, which then finds no session.
    if (held.status === 200) assert.equal(held.text, '6');
    else assert.equal(held.status, 400);
    assert.equal((await session.get()).status, 400);
});

test('close, WebSocket', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    await wire.send('1').end();
});

test('upgrade: probe, noop for the GET, then the WebSocket carries on', async () => {
    const session = await server.session();
    const wire = await probed(session);
    const released = await session.get();
    assert.deepEqual([released.status, released.text], [200, '6']);
    assert.equal(await wire.send('5', '4hello').next(), '4hello');
    wire.drop();
});

test('upgrade: HTTP requests of the session are refused afterwards', async () => {
    const session = await server.session();
    const wire = await upgraded(session);
    assert.equal(await wire.send('4first').next(), '4first');
    assert.equal((await session.get()).status, 400);
    assert.equal(await wire.send('4hello').next(), '4hello');
    wire.drop();
});

test('upgrade: a second WebSocket of the session is closed and the first unharmed', async () => {
    const session = await server.session();
    const wire = await upgraded(session);
    await server.wire(`${websocket}&sid=${session.sid}`).end();
    assert.equal(await wire.send('4hello').next(), '4hello');
    wire.drop();
});
