// Behind a proxy that passes on bytes: the header of the PROXY protocol says who a connection is from.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, describe, test } from 'node:test';
import { io } from 'socket.io-client';
import { patience, Server, tcp, within } from './harness.mjs';

const config = (more = '') => `[server]\nproxy_protocol = "required"\ntrusted_proxies = ["127.0.0.1"]\n${more}`;
const server = await Server.start({ config: config(), args: ['--host', '127.0.0.1'] });
after(() => server.stop());

const signature = '\r\n\r\n\0\r\nQUIT\n';
const uint16 = (n) => String.fromCharCode(n >> 8, n & 255);
const header = (head, rest = '') => signature + head + uint16(rest.length) + rest;
const from = (address, more = '') => header('\x21\x11', String.fromCharCode(...address.split('.').map(Number), 10, 0, 0, 1, 0xd4, 0x31, 0x01, 0xbb) + more);
const local = header('\x20\x00');
const health = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const bytes = (text) => Buffer.from(text, 'latin1');

/// A proxy that puts `greeting` before each connection to `to`.
async function proxy(greeting, to = server) {
    const listener = net.createServer((client) => {
        const upstream = net.connect(to.port, '127.0.0.1');
        upstream.write(bytes(greeting));
        for (const [one, other] of [[client, upstream], [upstream, client]]) one.on('error', () => other.destroy()).pipe(other);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return Object.assign(listener, { url: `http://127.0.0.1:${listener.address().port}` });
}

test('requests behind a header are answered, whatever it is cut into', async () => {
    for (const greeting of [local, from('192.0.2.7'), from('192.0.2.7', '\x20\x00\x05\x01\0\0\0\0'), header('\x21\x31', 'u'.repeat(216)), header('\x21\x00')]) {
        const { received } = await tcp(server, bytes(greeting + health));
        assert.match(received, /^HTTP\/1\.1 200 /);
    }
    const slow = await tcp(server, '', { keepOpen: true });
    for (const byte of bytes(from('192.0.2.7') + health)) {
        slow.socket.write(Buffer.from([byte]));
        await new Promise(setImmediate);
    }
    await slow.closed;
    assert.match(slow.received, /^HTTP\/1\.1 200 /);
});

describe('what is no header is closed without an answer', () => {
    for (const [name, greeting] of Object.entries({
        'none': health,
        'version 1': `PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n${health}`,
        'a wrong version': header('\x31\x11', 'x'.repeat(12)) + health,
        'too short for its addresses': header('\x21\x11', 'x') + health,
        'an extension beyond its end': from('192.0.2.7', '\x01\x00\x09x') + health,
        'over 4 KiB': `${signature}\x21\x11\xff\xff${health}`,
    })) {
        test(name, async () => {
            const { received, ended } = await tcp(server, bytes(greeting));
            assert.equal(received, '');
            assert.ok(ended);
        });
    }
});

test('the address of the header is the client\'s, for both transports', async () => {
    const front = await proxy(from('192.0.2.77'));
    const member = await memberThrough(front);
    for (const transports of [['websocket'], ['polling']]) {
        const socket = io(front.url, { path: '/realtime', transports, auth: { token: member.token }, query: { sessionId: member.sessionId }, forceNew: true, reconnection: false });
        await within(patience, 'connect', once(socket, 'connect'));
        socket.disconnect();
    }
    await server.logs(/peer=192\.0\.2\.77.*peer=192\.0\.2\.77/s);
    front.close();
});

/// A member, its session made through `front`.
async function memberThrough(front) {
    const through = Object.assign(Object.create(server), { url: front.url });
    return through.member();
}

test('who is no trusted proxy is closed at once', async () => {
    const other = await Server.start({ config: config().replace('127.0.0.1', '192.0.2.1') });
    const { received, ended } = await tcp(other, bytes(from('192.0.2.7') + health));
    assert.deepEqual([received, ended], ['', true]);
    await other.stop();
});

test('the internal listener does without', async () => {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    const inner = await Server.start({ config: config(`internal_listen = "127.0.0.1:${port}"\n`) });
    const { received } = await tcp({ port, host: '127.0.0.1' }, bytes('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    assert.match(received, /^HTTP\/1\.1 200 /);
    assert.match(received, /signalbox_proxy_faults_total 0/);
    await tcp(inner, bytes(health));
    const again = await tcp({ port, host: '127.0.0.1' }, bytes('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    assert.match(again.received, /signalbox_proxy_faults_total 1/);
    await inner.stop();
});
