// The program websocket_echo: its flags, its bounds, and a stock client with compression.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import WebSocket from 'ws';
import { EchoProgram } from './echo_program.mjs';
import { binary, patience, within } from './harness.mjs';
import { close, deflate, FIN, frame, opcodes, RawWebSocket, RSV1, text } from './raw_websocket.mjs';

const program = await EchoProgram.start('websocket_echo', ['--compression', '--shards', '2']);
after(() => program.stop());

async function answerOf(port, request) {
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk));
    socket.write(request);
    await within(patience, 'the end', once(socket, 'close'));
    return answer;
}

test('the stock client gets every message back, compressed both ways where it pays', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${program.port}/any/path?and=query`, { perMessageDeflate: { threshold: 0 } });
    await within(patience, 'open', once(client, 'open'));
    assert.match(client.extensions, /^permessage-deflate/);
    const messages = [
        '', 'a', 'κόσμε', 'long '.repeat(1000), Buffer.from([]), Buffer.from([0, 255]), Buffer.alloc(1 << 20, 'abc'),
        Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 31 + i) & 255)),
    ];
    const back = [];
    const all = new Promise((resolve) => client.on('message', (data, isBinary) => {
        back.push(isBinary ? data : data.toString());
        if (back.length === messages.length) resolve();
    }));
    for (const message of messages) client.send(message);
    await within(patience, 'all messages', all);
    assert.deepEqual(back, messages);
    client.close(4321, 'enough');
    const [code] = await within(patience, 'close', once(client, 'close'));
    assert.equal(code, 4321);
});

test('thousands of messages sent at once come back in order', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${program.port}`, { perMessageDeflate: false });
    await within(patience, 'open', once(client, 'open'));
    let next = 0;
    const all = new Promise((resolve, reject) => client.on('message', (data) => {
        if (data.toString() !== `message ${next++}`) reject(new Error(`message ${next - 1} was ${data}`));
        if (next === 20_000) resolve();
    }));
    for (let i = 0; i < 20_000; ++i) client.send(`message ${i}`);
    await within(patience, 'all messages', all);
    client.terminate();
});

test('--path lets only that path in; other requests are told what this is', async () => {
    const restricted = await EchoProgram.start('websocket_echo', ['--path', '/echo']);
    const good = await RawWebSocket.open(restricted.port, { path: '/echo?query=1' });
    assert.match(good.head, /^HTTP\/1\.1 101 /);
    const bad = await RawWebSocket.open(restricted.port, { path: '/other' });
    assert.match(bad.head, /^HTTP\/1\.1 404 /);
    assert.match(await answerOf(restricted.port, 'GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 426 /);
    good.destroy();
    bad.destroy();
    await restricted.stop();
});

test('--max-payload bounds a message, inflated too', async () => {
    const small = await EchoProgram.start('websocket_echo', ['--permessage-deflate', '--max-payload', '2000']);
    for (const [chunk, code] of [
        [text('x'.repeat(2000)), 1000],
        [text('x'.repeat(2001)), 1009],
        [frame(FIN | RSV1 | opcodes.text, deflate('x'.repeat(2000))), 1000],
        [frame(FIN | RSV1 | opcodes.text, deflate('x'.repeat(2001))), 1009],
        [frame(FIN | RSV1 | opcodes.text, 'no deflate stream'), 1007],
    ]) {
        const socket = await RawWebSocket.open(small.port, { extensions: 'permessage-deflate' });
        await socket.send(chunk, close(1000));
        assert.equal((await socket.rest()).closeCode, code);
    }
    await small.stop();
});

test('a client that sends and never reads is closed', async () => {
    const small = await EchoProgram.start('websocket_echo', ['--max-payload', '1000000']);
    const socket = await RawWebSocket.open(small.port);
    socket.socket.pause();
    const message = text('x'.repeat(1_000_000));
    const ended = new Promise((resolve) => socket.socket.once('error', resolve).once('close', resolve));
    const sending = (async () => {
        for (let i = 0; i < 200 && !socket.socket.destroyed; ++i) await socket.send(message);
    })();
    await Promise.race([sending, within(patience * 2, 'the end', ended)]);
    socket.destroy();
    await small.stop();
});

test('without the flag no compression is agreed on', async () => {
    const plain = await EchoProgram.start('websocket_echo');
    const socket = await RawWebSocket.open(plain.port, { extensions: 'permessage-deflate' });
    assert.equal(socket.extensions, '');
    // SIGTERM tells the clients.
    await plain.stop();
    assert.equal((await socket.rest()).closeCode, 1001);
});

test('a wrong flag and a used port end with 2', () => {
    const file = path.join(path.dirname(binary), 'websocket_echo');
    for (const args of [['--unknown'], ['--port', 'x'], ['--max-payload', '0'], ['--port', String(program.port)]]) {
        assert.equal(spawnSync(file, args).status, 2, args.join(' '));
    }
});
