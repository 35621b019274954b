// What the public Engine.IO v3 protocol test suite demands, on engineio_echo with --allow-eio3, where
// it differs from v4; without the flag version 3 is refused.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EchoServer, pingInterval, pingTimeout, suiteFlags } from './echo.mjs';
import { pause } from './harness.mjs';

// What is no matter of time is asked of a server that can wait.
const server = await EchoServer.start('engineio_echo', { flags: ['--allow-eio3'] });
const beating = await EchoServer.start('engineio_echo', { flags: [...suiteFlags, '--allow-eio3'] });
after(() => Promise.all([server.stop(), beating.stop()]));

const polling = 'EIO=3&transport=polling';
const base64Polling = `${polling}&b64=1`;
const websocket = 'EIO=3&transport=websocket';

const isHandshake = (json, upgrades) => {
    const { sid, maxPayload, ...rest } = JSON.parse(json);
    assert.match(sid, /^[\w-]{20}$/);
    assert.ok(maxPayload === undefined || maxPayload === 1_000_000);
    assert.deepEqual(rest, { upgrades, pingInterval, pingTimeout });
};

async function probed(session) {
    const wire = await server.wire(`${websocket}&sid=${session.sid}`).open();
    assert.equal(await wire.send('2probe').next(), '3probe');
    return wire;
}

test('handshake, polling: one packet with its length before it', async () => {
    const { status, text } = await beating.http(base64Polling);
    assert.equal(status, 200);
    const [, length, packet] = /^(\d+):(0.*)$/.exec(text);
    assert.equal(Number(length), packet.length);
    isHandshake(packet.slice(1), ['websocket']);
});

test('handshake, polling: what is refused in v4 is refused', async () => {
    for (const query of ['transport=polling', 'EIO=abc&transport=polling', 'EIO=3', 'EIO=3&transport=abc']) {
        assert.equal((await server.http(query)).status, 400, query);
    }
    for (const method of ['POST', 'PUT']) {
        assert.equal((await server.http(polling, { method })).status, 400, method);
    }
});

test('handshake, WebSocket: an open packet without upgrades', async () => {
    const wire = beating.wire(websocket);
    isHandshake((await wire.next()).slice(1), []);
    wire.drop();
});

test('handshake, WebSocket: what is refused in v4 is refused', async () => {
    for (const query of ['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=3', 'EIO=3&transport=abc']) {
        const wire = server.wire(query);
        assert.equal(await wire.opened, false, query);
        await wire.end();
    }
});

for (const [what, payload] of [
    ['one text packet', '6:4hello'],
    ['several text packets', '6:4test16:4test26:4test3'],
    ['text and binary in base64', '6:4hello10:b4AQIDBA=='],
]) {
    test(`message, polling: a payload of ${what}`, async () => {
        const session = await server.session(base64Polling);
        const posted = await session.post(payload);
        assert.deepEqual([posted.status, posted.text], [200, 'ok']);
        const got = await session.get();
        assert.deepEqual([got.status, got.text], [200, payload]);
    });
}

test('message, polling: a payload with binary is binary for clients that take it', async () => {
    const session = await server.session(polling);
    assert.equal((await session.post('6:4hello10:b4AQIDBA==')).status, 200);
    const { status, bytes } = await session.get();
    assert.equal(status, 200);
    const text = [0, 6, 255, ...Buffer.from('4hello')];
    assert.deepEqual([...bytes], [...text, 1, 5, 255, 4, 1, 2, 3, 4]);
});

test('message, polling: what is no payload ends the session', async () => {
    const session = await server.session(base64Polling);
    await session.post('abc').catch(() => {});
    assert.equal((await session.get()).status, 400);
});

test('message, polling: a second GET beside the first ends the session', async () => {
    const session = await server.session(base64Polling);
    // Whichever comes first is held.
    const answers = await Promise.all([session.get(), session.get()]);
    const [held, second] = answers.sort((a, b) => a.status - b.status);
    assert.deepEqual([held.status, held.text, second.status], [200, '1:1', 400]);
    assert.equal((await session.get()).status, 400);
});

test('message, WebSocket: text', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    assert.equal(await wire.send('4hello').next(), '4hello');
    wire.drop();
});

test('message, WebSocket: binary carries its type byte', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    const packet = Buffer.from([4, 1, 2, 3, 4]);
    assert.deepEqual(await wire.send(packet).next(), packet);
    wire.drop();
});

test('message, WebSocket: an unknown packet type ends the session', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    await wire.send('abc').end();
});

test('heartbeat, polling: the client pings', async () => {
    const session = await beating.session(base64Polling);
    for (let i = 0; i < 3; ++i) {
        assert.equal((await session.post('1:2')).status, 200);
        const { status, text } = await session.get();
        assert.deepEqual([status, text], [200, '1:3']);
    }
});

test('heartbeat, polling: a ping after interval and time-out comes too late', async () => {
    const session = await beating.session(base64Polling);
    await pause(pingInterval + pingTimeout);
    assert.equal((await session.post('1:2')).status, 400);
});

test('heartbeat, WebSocket: the client pings', async () => {
    const wire = beating.wire(websocket);
    await wire.next();
    for (let i = 0; i < 3; ++i) assert.equal(await wire.send('2').next(), '3');
    wire.drop();
});

test('heartbeat, WebSocket: it closes when the client does not ping', async () => {
    const wire = beating.wire(websocket);
    await wire.next();
    await wire.end();
});

test('close, polling: the held GET is released and the session gone', async () => {
    const session = await server.session(base64Polling);
    const [held] = await Promise.all([session.get(), session.post('1:1')]);
    // On a connection of its own the close may overtake the GET, which then finds no session.
    if (held.status === 200) assert.equal(held.text, '1:6');
    else assert.equal(held.status, 400);
    assert.equal((await session.get()).status, 400);
});

test('close, WebSocket', async () => {
    const wire = server.wire(websocket);
    await wire.next();
    await wire.send('1').end();
});

test('upgrade: probe, noop for the GET, then the WebSocket carries on', async () => {
    const session = await server.session(base64Polling);
    const wire = await probed(session);
    const released = await session.get();
    assert.deepEqual([released.status, released.text], [200, '1:6']);
    assert.equal(await wire.send('5', '4hello').next(), '4hello');
    wire.drop();
});

test('upgrade: other requests and WebSockets of the session are refused afterwards', async () => {
    const session = await server.session(base64Polling);
    const wire = await probed(session);
    assert.equal(await wire.send('5', '4first').next(), '4first');
    assert.equal((await session.get()).status, 400);
    await server.wire(`${websocket}&sid=${session.sid}`).end();
    assert.equal(await wire.send('4hello').next(), '4hello');
    wire.drop();
});

test('version 3 is refused where it is not allowed', async () => {
    const strict = await EchoServer.start('engineio_echo');
    const { status, text } = await strict.http(polling);
    assert.deepEqual([status, text], [400, '{"code":5,"message":"Unsupported protocol version"}']);
    await strict.stop();
});
