// The stock JavaScript clients against the echo program: the current one in Node and in a browser, and
// that of Socket.IO 2, which speaks Engine.IO 3.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { io } from 'socket.io-client';
import io2 from 'socket.io-client-2';
import { EchoServer } from './echo.mjs';
import { eventually, patience, root, within } from './harness.mjs';

const server = await EchoServer.start('socketio_echo', { flags: ['--allow-eio3'] });
after(() => server.stop());

const once = (socket, event) => within(patience, event, new Promise((resolve) => socket.once(event, (...args) => resolve(args))));

const everyTransport = [['websocket'], ['polling'], ['polling', 'websocket']];
const values = [1, -1.5, 'ü😀', null, true, [], {}, { deep: [{ a: [1, 'x'] }] }];

function opened(connect, namespace, options) {
    const socket = connect(server.url + namespace, { forceNew: true, ...options });
    after(() => socket.close());
    return socket;
}

for (const transports of everyTransport) {
    describe(`socket.io-client 4 over ${transports.join(' and ')}`, () => {
        const open = (namespace = '', options = {}) => opened(io, namespace, { transports, ...options });

        test('connects, and its auth is seen', async () => {
            assert.deepEqual(await once(open(), 'auth'), [{}]);
            assert.deepEqual(await once(open('', { auth: { token: 'x', n: [1] } }), 'auth'), [{ token: 'x', n: [1] }]);
            assert.deepEqual(await once(open('', { auth: (tell) => tell({ asked: true }) }), 'auth'), [{ asked: true }]);
        });

        test('events of every type come back', async () => {
            const socket = open();
            socket.emit('message', ...values);
            assert.deepEqual(await once(socket, 'message-back'), values);
            socket.emit('message');
            assert.deepEqual(await once(socket, 'message-back'), []);
        });

        test('binary comes back where it stood', async () => {
            const socket = open();
            const sent = [Buffer.from([1, 2, 3]), { deep: [Buffer.alloc(0), 'x', Buffer.from([255])] }];
            socket.emit('message', ...sent);
            assert.deepEqual(await once(socket, 'message-back'), sent);
        });

        test('acks carry arguments, binary too', async () => {
            const socket = open();
            assert.deepEqual(await socket.timeout(patience).emitWithAck('message-with-ack', 'a'), 'a');
            const answer = await new Promise((resolve) => socket.emit('message-with-ack', ...values, Buffer.from([7]), (...args) => resolve(args)));
            assert.deepEqual(answer, [...values, Buffer.from([7])]);
        });

        test('namespaces share one connection', async () => {
            const main = open();
            await once(main, 'auth');
            const custom = main.io.socket('/custom', { auth: { to: 'custom' } });
            assert.deepEqual(await once(custom, 'auth'), [{ to: 'custom' }]);
            assert.notEqual(custom.id, main.id);
            custom.disconnect();
            main.emit('message', 'still');
            assert.deepEqual(await once(main, 'message-back'), ['still']);
        });

        test('an unknown namespace is refused, and the connection stays', async () => {
            const main = open();
            await once(main, 'auth');
            const unknown = main.io.socket('/unknown');
            const [error] = await once(unknown, 'connect_error');
            assert.equal(error.message, 'Invalid namespace');
            main.emit('message', 'still');
            assert.deepEqual(await once(main, 'message-back'), ['still']);
        });

        test('300 messages stay in order, through an upgrade too', async () => {
            const socket = open();
            const arrived = [];
            socket.on('message-back', (n) => arrived.push(n));
            await once(socket, 'connect');
            for (let n = 0; n < 300; ++n) {
                socket.emit('message', n);
                if (n % 20 === 0) await new Promise(setImmediate);
            }
            await eventually('all answers', () => arrived.length >= 300);
            assert.deepEqual(arrived, Array.from({ length: 300 }, (_, n) => n));
        });

        test('disconnects and connects again as another socket', async () => {
            const socket = open();
            await once(socket, 'auth');
            const { id } = socket;
            socket.disconnect();
            socket.connect();
            await once(socket, 'auth');
            assert.notEqual(socket.id, id);
        });
    });

    describe(`socket.io-client 2 over ${transports.join(' and ')}`, () => {
        const open = (namespace = '', options = {}) => opened(io2, namespace, { transports, ...options });

        test('connects, and events of every type come back', async () => {
            const socket = open();
            await once(socket, 'connect');
            socket.emit('message', ...values);
            assert.deepEqual(await once(socket, 'message-back'), values);
        });

        test('binary and acks', async () => {
            const socket = open();
            socket.emit('message', Buffer.from([1, 2, 3]), 'x');
            assert.deepEqual(await once(socket, 'message-back'), [Buffer.from([1, 2, 3]), 'x']);
            const answer = await new Promise((resolve) => socket.emit('message-with-ack', 'a', Buffer.from([7]), (...args) => resolve(args)));
            assert.deepEqual(answer, ['a', Buffer.from([7])]);
        });

        test('namespaces, and one that does not exist', async () => {
            await once(open('/custom'), 'connect');
            assert.deepEqual(await once(open('/unknown'), 'error'), ['Invalid namespace']);
        });

        test('100 messages stay in order, through an upgrade too', async () => {
            const socket = open();
            const arrived = [];
            socket.on('message-back', (n) => arrived.push(n));
            await once(socket, 'connect');
            for (let n = 0; n < 100; ++n) {
                socket.emit('message', n);
                if (n % 20 === 0) await new Promise(setImmediate);
            }
            await eventually('all answers', () => arrived.length >= 100);
            assert.deepEqual(arrived, Array.from({ length: 100 }, (_, n) => n));
        });
    });
}

test('a client finds the server again after a restart', async () => {
    const own = await EchoServer.start('socketio_echo');
    const socket = io(own.url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
    await once(socket, 'auth');
    const gone = once(socket, 'disconnect');
    await own.stop();
    await gone;
    const next = await EchoServer.start('socketio_echo', { flags: ['--port', String(own.port)] });
    if (!socket.connected) await once(socket, 'connect');
    assert.equal(await socket.timeout(patience).emitWithAck('message-with-ack', 'again'), 'again');
    socket.close();
    await next.stop();
});

describe('in Chromium, on a page of another origin', async () => {
    const library = readFileSync(path.join(root, 'node_modules/socket.io-client/dist/socket.io.min.js'));
    const site = http.createServer((request, response) => {
        const script = request.url === '/socket.io.js';
        response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
        response.end(script ? library : '<!doctype html><title>echo</title><script src="/socket.io.js"></script>');
    });
    await new Promise((listening) => site.listen(0, '127.0.0.1', listening));
    const executablePath = process.env.SIGNALBOX_CHROMIUM ?? '/usr/bin/chromium';
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    after(async () => {
        await browser.close();
        site.close();
    });

    for (const [transports, protocols] of [...everyTransport.map((list) => [list]), [['websocket'], ['first', 'second']]]) {
        test(`over ${transports.join(' and ')}${protocols ? ', with subprotocols' : ''}`, async () => {
            const page = await browser.newPage();
            page.setDefaultTimeout(patience);
            await page.goto(`http://127.0.0.1:${site.address().port}/`);
            const seen = await within(patience * 2, 'the page', page.evaluate(async ([url, list, subprotocols]) => {
                const socket = window.io(url, { transports: list, auth: { from: 'page' }, protocols: subprotocols });
                const once = (event) => new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
                const auth = await once('auth');
                socket.emit('message', 'ü😀', new Uint8Array([1, 2, 255]), { deep: [null] });
                const [text, binary, object] = await once('message-back');
                const ack = await socket.emitWithAck('message-with-ack', new Uint8Array([9]).buffer);
                const cookies = document.cookie;
                if (list.length > 1) while (socket.io.engine.transport.name !== 'websocket') await new Promise((r) => setTimeout(r, 20));
                const transport = socket.io.engine.transport.name;
                const last = await socket.emitWithAck('message-with-ack', 'last');
                socket.close();
                return { auth, text, binary: [...new Uint8Array(binary)], object, ack: [...new Uint8Array(ack)], cookies, transport, last };
            }, [server.url, transports, protocols ?? []]));
            assert.deepEqual(seen, {
                auth: [{ from: 'page' }], text: 'ü😀', binary: [1, 2, 255], object: { deep: [null] }, ack: [9], cookies: '',
                transport: transports.at(-1), last: 'last',
            });
            await page.close();
        });
    }
});
