// What no client of good will sends: a defined answer or close, the process up, its memory flat.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { patience, pause, Polling, Server, slowness, tcp } from './harness.mjs';

const config = `
[server]
header_timeout = "1s"
body_timeout = "1s"
[auth]
connect_timeout = "2s"
[limits]
handshakes_per_second = 0
messages_per_second = 0
violations_before_close = 0
connections_per_user = 0
`;
const server = await Server.start({ config });
after(() => server.stop());
const member = await server.member();

const upgradeLines = (change = {}) => Object.entries({
    Host: 'localhost', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...change,
}).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}\r\n`).join('');
const upgrade = (change, target = '/realtime/?EIO=4&transport=websocket') => `GET ${target} HTTP/1.1\r\n${upgradeLines(change)}\r\n`;

async function assertAlive() {
    const client = await server.connected(member);
    assert.equal((await client.request('echo', 1)).data, 1);
    client.close();
}

describe('HTTP', () => {
    const refused = {
        'bytes that are not HTTP': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1\.1 400 |^$/],
        'text that is not HTTP': ['hello there\r\n\r\n', /^HTTP\/1\.1 400 /],
        'another version': ['GET / HTTP/3.0\r\n\r\n', /^HTTP\/1\.1 (400|505) /],
        'a header without a colon': ['GET /healthz HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n', /^HTTP\/1\.1 400 /],
        'a header over 16 KiB': [`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, /^HTTP\/1\.1 (400|431) /],
        'a target over 16 KiB': [`GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 (400|414|431) /],
        'two different lengths': ['POST /api/v1/updates HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde', /^HTTP\/1\.1 400 /],
        'a length and chunks': ['POST /api/v1/updates HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /^HTTP\/1\.1 (400|401) /],
        'a negative length': ['POST /api/v1/updates HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', /^HTTP\/1\.1 400 /],
        'an endless length': ['POST /api/v1/updates HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n', /^HTTP\/1\.1 (400|413) /],
        'a body over the limit': [`POST /realtime/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n${'a'.repeat(1000)}`, /^HTTP\/1\.1 (400|413) /],
        'a chunk size that is none': ['POST /api/v1/updates HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', /^HTTP\/1\.1 400 /],
    };
    for (const [name, [bytes, answer]] of Object.entries(refused)) {
        test(`${name}: an answer, and the connection closes`, async () => {
            const { received, ended } = await tcp(server, Buffer.from(bytes, 'latin1'));
            assert.match(received, answer);
            assert.ok(ended, 'closed by the server');
        });
    }

    test('slow headers and slow bodies are given up', async () => {
        for (const begin of ['GET /hea', 'GET /healthz HTTP/1.1\r\nHost: x\r\n', 'POST /api/v1/updates HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{']) {
            const { ended } = await tcp(server, begin);
            assert.ok(ended, JSON.stringify(begin));
        }
    });

    test('headers that trickle in do not extend their time', async () => {
        const trickle = await tcp(server, 'GET /healthz HTTP/1.1\r\nHost: x\r\n', { keepOpen: true });
        const timer = setInterval(() => trickle.socket.write('X: y\r\n'), 100);
        const ended = await Promise.race([trickle.closed, pause(patience).then(() => false)]);
        clearInterval(timer);
        trickle.socket.destroy();
        assert.ok(ended);
    });

    test('a request that comes byte by byte is answered', async () => {
        const slow = await tcp(server, '', { keepOpen: true });
        for (const byte of 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n') {
            slow.socket.write(byte);
            await new Promise(setImmediate);
        }
        await slow.closed;
        assert.match(slow.received, /^HTTP\/1\.1 200 /);
    });

    test('pipelined requests are answered in order', async () => {
        const one = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
        const last = 'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
        const { received } = await tcp(server, one.repeat(5) + last);
        assert.deepEqual(received.match(/HTTP\/1\.1 \d+/g), [...Array(5).fill('HTTP/1.1 200'), 'HTTP/1.1 404']);
    });
});

describe('WebSocket handshake', () => {
    const broken = {
        'no key': { 'Sec-WebSocket-Key': undefined },
        'a key of the wrong length': { 'Sec-WebSocket-Key': 'c2hvcnQ=' },
        'another version': { 'Sec-WebSocket-Version': '8' },
        'no Upgrade header': { Upgrade: undefined, Connection: undefined },
        'an Upgrade to something else': { Upgrade: 'h2c' },
    };
    for (const [name, change] of Object.entries(broken)) {
        test(`${name} is refused before the 101`, async () => {
            const { received } = await tcp(server, upgrade(change), { ms: 1000 });
            assert.match(received, /^HTTP\/1\.1 (400|426) /);
        });
    }

    test('an upgrade of another path is no WebSocket', async () => {
        const { received } = await tcp(server, upgrade({}, '/healthz'), { ms: 1000 });
        assert.doesNotMatch(received, /^HTTP\/1\.1 101/);
    });

    test('one that never says CONNECT is closed after auth.connect_timeout', async () => {
        const raw = server.raw();
        await raw.packet('0{');
        await Promise.race([raw.closed, pause(6000 * slowness).then(() => assert.fail('still open'))]);
    });
});

describe('WebSocket frames', () => {
    const mask = Buffer.from([1, 2, 3, 4]);
    const masked = (payload) => Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]));
    const frame = (first, payload) => Buffer.concat([
        payload.length < 126 ? Buffer.from([first, 0x80 | payload.length]) : Buffer.from([first, 0x80 | 126, payload.length >> 8, payload.length & 255]),
        mask, masked(payload),
    ]);
    const length64 = (first, high, low) => {
        const head = Buffer.from([first, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0, ...mask]);
        head.writeUInt32BE(high, 2);
        head.writeUInt32BE(low, 6);
        return head;
    };
    const bad = {
        'not masked': [Buffer.from([0x81, 1, 0x32]), 1002],
        'a reserved bit': [frame(0xc1, Buffer.from('2')), 1002],
        'a reserved opcode': [frame(0x83, Buffer.from('2')), 1002],
        'a fragmented control frame': [frame(0x09, Buffer.alloc(0)), 1002],
        'a control frame of 126 bytes': [frame(0x89, Buffer.alloc(126)), 1002],
        'a continuation of nothing': [frame(0x80, Buffer.from('2')), 1002],
        'a second beginning': [Buffer.concat([frame(0x01, Buffer.from('4')), frame(0x81, Buffer.from('2'))]), 1002],
        'a length of 2^63': [length64(0x81, 0x80000000, 0), 1002],
        'a length over the limit': [length64(0x81, 0, 1_000_001), 1009],
        'fragments over the limit': [Buffer.concat([frame(0x01, Buffer.alloc(60_000, 0x34)), ...Array(17).fill(frame(0x00, Buffer.alloc(60_000, 0x34)))]), 1009],
        'invalid UTF-8': [frame(0x81, Buffer.from([0x34, 0xff, 0xfe])), 1007],
        'a surrogate in UTF-8': [frame(0x81, Buffer.from([0x34, 0xed, 0xa0, 0x80])), 1007],
        'UTF-8 that stops short': [frame(0x81, Buffer.from([0x34, 0xe2, 0x82])), 1007],
        'a close code of 1005': [frame(0x88, Buffer.from([0x03, 0xed])), 1002],
        'a close frame of one byte': [frame(0x88, Buffer.from([0x03])), 1002],
    };
    for (const [name, [bytes, code]] of Object.entries(bad)) {
        test(`${name}: close ${code}`, async () => {
            const connection = await tcp(server, upgrade(), { keepOpen: true });
            while (!connection.received.includes('0{')) await pause(5);
            const before = connection.received.length;
            connection.socket.write(bytes);
            await Promise.race([connection.closed, pause(patience)]);
            connection.socket.destroy();
            const close = Buffer.from(connection.received.slice(before), 'latin1');
            const at = close.findIndex((byte) => byte === 0x88);
            assert.ok(at >= 0, `a close frame in ${close.toString('hex')}`);
            assert.equal(close.readUInt16BE(at + 2), code);
        });
    }

    test('a message in fragments cut anywhere arrives', async () => {
        const raw = server.raw({ query: `&sessionId=${member.sessionId}` });
        await raw.join(member);
        const text = `42["message",${JSON.stringify(JSON.stringify({ type: 'REQUEST', requestId: 'frag', action: 'echo', data: 'ü😀'.repeat(50) }))}]`;
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += 7) raw.socket.send(bytes.subarray(at, at + 7), { fin: at + 7 >= bytes.length, binary: false });
        assert.equal(JSON.parse(await raw.message()).requestId, 'frag');
    });
});

describe('Engine.IO and Socket.IO packets', () => {
    const ends = {
        'an unknown packet type': '9',
        'an empty message': '4',
        'a Socket.IO type of 7': '47',
        'an event that is an object': '42{}',
        'an event without a name': '42[]',
        'a reserved event name': '42["connect"]',
        'a broken ack id': '421.5["message"]',
        'an event of another namespace': '42/none,["message","x"]',
        'a second CONNECT': '40{}',
        'a client CONNECT_ERROR': '44{"message":"x"}',
        'attachments over the limit': '4511-["message",{"_placeholder":true,"num":0}]',
        'nesting of 10,000 in the packet': `42["message",${'['.repeat(10_000)}${']'.repeat(10_000)}]`,
        'a frame with no packet': '',
    };
    for (const [name, packet] of Object.entries(ends)) {
        test(`${name} ends the connection, or is answered with INVALID_MESSAGE`, async () => {
            const raw = server.raw({ query: `&sessionId=${member.sessionId}` });
            await raw.join(member);
            raw.send(packet);
            const invalid = raw.packets.find((p) => p.includes('INVALID_MESSAGE')).catch(() => 'nothing');
            const outcome = await Promise.race([raw.closed, invalid]);
            assert.notEqual(outcome, 'nothing');
        });
    }

    test('a CONNECT with an array, a text, null or bad JSON ends it', async () => {
        for (const auth of ['[]', '"x"', 'null', '{', 'custom']) {
            const raw = server.raw({ query: `&sessionId=${member.sessionId}` });
            await raw.packet('0{');
            raw.send(`40${auth}`);
            await Promise.race([raw.closed, pause(patience).then(() => assert.fail(`40${auth}`))]);
        }
    });

    test('bad polling bodies', async () => {
        for (const body of ['', 'x', '4\x1e', '\x1e', 'b!!!!']) {
            const polling = new Polling(server, { query: `&sessionId=${member.sessionId}` });
            await polling.open();
            const { status } = await polling.post(body);
            assert.ok([200, 400].includes(status), `${status} to ${JSON.stringify(body)}`);
            assert.notEqual((await polling.get()).text.slice(0, 2), '40');
        }
    });
});

test('memory stays flat through all kinds of it', { timeout: 240_000 }, async () => {
    const round = async () => {
        const raws = Array.from({ length: 20 }, () => server.raw({ query: `&sessionId=${member.sessionId}` }));
        await Promise.all(raws.map((raw) => raw.join(member)));
        for (const raw of raws) {
            for (const message of ['{', '[]', `"${'x'.repeat(50_000)}"`, '"{\\"type\\":1}"', `[${'['.repeat(5000)}${']'.repeat(5000)}]`]) raw.send(`42["message",${message}]`);
        }
        await Promise.all(raws.map((raw) => Promise.race([raw.closed, raw.packets.find((p) => p.includes('INVALID_MESSAGE'))])));
        raws.forEach((raw) => raw.close());
        await Promise.all(Array.from({ length: 10 }, async () => {
            const polling = new Polling(server);
            await polling.open();
            await polling.post('x'.repeat(300_000));
            await tcp(server, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`, { ms: 1000 });
        }));
    };
    for (let i = 0; i < 5; ++i) await round();
    const before = await server.residentBytes();
    for (let i = 0; i < 20; ++i) await round();
    const grown = (await server.residentBytes()) - before;
    assert.ok(grown < 16 * 1024 * 1024 * slowness, `grown by ${Math.round(grown / 1024)} KiB`);
    await assertAlive();
});
