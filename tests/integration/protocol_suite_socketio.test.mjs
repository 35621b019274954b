// What the public Socket.IO v5 protocol test suite demands of Socket.IO itself, on socketio_echo: a
// test here for each of those 16. Its 16 of Engine.IO are among those of
// protocol_suite_engineio.test.mjs; the first test here says that they hold at this path too.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EchoServer, pingInterval, pingTimeout, suiteFlags } from './echo.mjs';

// What is no matter of time is asked of a server whose pings do not come in between.
const server = await EchoServer.start('socketio_echo');
const beating = await EchoServer.start('socketio_echo', { flags: suiteFlags });
const impatient = await EchoServer.start('socketio_echo', { flags: ['--connect-timeout', '500'] });
after(() => Promise.all([server.stop(), beating.stop(), impatient.stop()]));

const websocket = 'EIO=4&transport=websocket';
const twoPlaceholders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
const attachments = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];

async function opened(at = server) {
    const wire = at.wire(websocket);
    assert.equal((await wire.next())[0], '0');
    return wire;
}

/// Sends the CONNECT `packet`: @return the two packets that answer it
async function connect(wire, packet) {
    wire.send(packet);
    return [await wire.packet(), await wire.packet()];
}

/// In the main namespace.
async function joined(at = server) {
    const wire = await opened(at);
    await connect(wire, '40');
    return wire;
}

test('handshake, heartbeat, close and upgrade are as on a plain Engine.IO server', async () => {
    const handshake = await beating.http('EIO=4&transport=polling');
    const { sid, ...rest } = JSON.parse(handshake.text.slice(1));
    assert.deepEqual(rest, { upgrades: ['websocket'], pingInterval, pingTimeout, maxPayload: 1_000_000 });

    const wire = await opened(beating);
    assert.equal(await wire.next(), '2');
    await wire.send('3', '1').end();

    const session = await server.session();
    const upgrade = await server.wire(`${websocket}&sid=${session.sid}`).open();
    assert.equal(await upgrade.send('2probe').next(), '3probe');
    upgrade.send('5', '40');
    assert.match(await upgrade.next(), /^40\{"sid"/);
    assert.equal((await session.get()).status, 400);
    upgrade.drop();
});

for (const [what, packet, prefix, auth] of [
    ['the main namespace', '40', '40', '42["auth",{}]'],
    ['the main namespace with a payload', '40{"token":"123"}', '40', '42["auth",{"token":"123"}]'],
    ['a custom namespace', '40/custom,', '40/custom,', '42/custom,["auth",{}]'],
    ['a custom namespace with a payload', '40/custom,{"token":"abc"}', '40/custom,', '42/custom,["auth",{"token":"abc"}]'],
]) {
    test(`connect: ${what}`, async () => {
        const wire = await opened();
        const [answer, event] = await connect(wire, packet);
        assert.ok(answer.startsWith(prefix), answer);
        const { sid, ...rest } = JSON.parse(answer.slice(prefix.length));
        assert.match(sid, /^[\w-]{20}$/);
        assert.deepEqual(rest, {});
        assert.equal(event, auth);
        wire.drop();
    });
}

test('connect: an unknown namespace is refused and the transport stays', async () => {
    const wire = await opened();
    assert.equal(await wire.send('40/random').packet(), '44/random,{"message":"Invalid namespace"}');
    await connect(wire, '40');
    wire.drop();
});

test('connect: what is no packet closes', async () => {
    await (await opened()).send('4abc').end();
});

test('connect: a client that joins nothing is closed when the connect time-out ends', async () => {
    const wire = await opened(impatient);
    const start = performance.now();
    await wire.end();
    assert.ok(performance.now() - start > 400);
});

test('disconnect: leaving the main namespace leaves the transport, which pings', async () => {
    const wire = await joined(beating);
    assert.equal(await wire.send('41').next(), '2');
    wire.drop();
});

test('disconnect: leaving a custom namespace leaves the main one', async () => {
    const wire = await joined();
    await connect(wire, '40/custom');
    wire.send('41/custom', '42["message","message to main namespace"]');
    assert.equal(await wire.packet(), '42["message-back","message to main namespace"]');
    wire.drop();
});

for (const [what, sent, back] of [
    ['an event', ['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']],
    [
        'an event with binary',
        [`452-["message",${twoPlaceholders}]`, ...attachments],
        [`452-["message-back",${twoPlaceholders}]`, ...attachments],
    ],
    ['an event with an ack', ['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']],
    [
        'an event with binary and an ack',
        [`452-789["message-with-ack",${twoPlaceholders}]`, ...attachments],
        [`462-789[${twoPlaceholders}]`, ...attachments],
    ],
]) {
    test(`message: ${what}`, async () => {
        const wire = await joined();
        wire.send(...sent);
        for (const expected of back) assert.deepEqual(await wire.packet(), expected);
        wire.drop();
    });
}

for (const [what, packet] of [
    ['an unknown packet type', '4abc'],
    ['an event that is an object', '42{}'],
    ['an ack id that is no number', '42abc["message-with-ack",1,"2",{"3":[false]}]'],
]) {
    test(`message: ${what} closes`, async () => {
        await (await joined()).send(packet).end();
    });
}
