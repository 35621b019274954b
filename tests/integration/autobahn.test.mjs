// The cases of the Autobahn test suite, by their numbers, against websocket_echo: behaviour "strict".
// Groups 9, 12 and 13, which are about size and speed, run as a share of their cases.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EchoProgram } from './echo_program.mjs';
import {
    binary, close, deflate, FIN, fragments, frame, opcodes, pieces, ping, pong, RawWebSocket, RSV1, text,
} from './raw_websocket.mjs';

const plain = await EchoProgram.start('websocket_echo');
const compressing = await EchoProgram.start('websocket_echo', ['--compression']);
after(() => Promise.all([plain.stop(), compressing.stop()]));

const hex = (string) => Buffer.from(string.replaceAll(' ', ''), 'hex');
const bytewise = (bytes) => pieces(Buffer.concat([bytes].flat()), 1);
const { text: TEXT, binary: BINARY, pong: PONG } = opcodes;

/// Sends `chunks`, one write each, and expects these answers and this close code from the server.
/// Without a code the exchange ends with our own close 1000 and its echo.
async function run(chunks, answers, code) {
    const socket = await RawWebSocket.open(plain.port);
    await socket.send(...chunks, ...(code === undefined ? [close(1000)] : []));
    const { messages, closeCode } = await socket.rest();
    assert.deepEqual(
        messages.map(({ opcode, payload }) => [opcode, payload.toString('latin1')]),
        answers.map(([opcode, payload]) => [opcode, Buffer.from(payload).toString('latin1')]),
    );
    assert.equal(closeCode, code ?? 1000);
}

/// {number: [chunks, answers, close code]}
function cases(table) {
    for (const [number, parts] of Object.entries(table)) test(number, () => run(...parts));
}

describe('1 framing', () => {
    const sizes = [0, 125, 126, 127, 128, 65535, 65536];
    sizes.forEach((size, i) => {
        const payload = Buffer.alloc(size, '*');
        const bytes = Buffer.alloc(size, 0xfe);
        cases({
            [`1.1.${i + 1}`]: [[text(payload)], [[TEXT, payload]]],
            [`1.2.${i + 1}`]: [[binary(bytes)], [[BINARY, bytes]]],
        });
    });
    const large = Buffer.alloc(65536, '*');
    cases({
        '1.1.8': [pieces(text(large), 997), [[TEXT, large]]],
        '1.2.8': [pieces(binary(large), 997), [[BINARY, large]]],
    });
});

describe('2 pings and pongs', () => {
    const odd = hex('00fffefdfcfb00ff');
    const longest = Buffer.alloc(125, 0xfe);
    const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
    cases({
        2.1: [[ping()], [[PONG, '']]],
        2.2: [[ping('Hello, world!')], [[PONG, 'Hello, world!']]],
        2.3: [[ping(odd)], [[PONG, odd]]],
        2.4: [[ping(longest)], [[PONG, longest]]],
        2.5: [[ping(Buffer.alloc(126, 0xfe))], [], 1002],
        2.6: [bytewise(ping(longest)), [[PONG, longest]]],
        2.7: [[pong()], []],
        2.8: [[pong('unsolicited pong payload')], []],
        2.9: [[pong('unsolicited pong payload'), ping('ping payload')], [[PONG, 'ping payload']]],
        '2.10': [ten.map(ping), ten.map((payload) => [PONG, payload])],
        2.11: [bytewise(ten.map(ping)), ten.map((payload) => [PONG, payload])],
    });
});

describe('3 reserved bits', () => {
    const wrong = (rsv, opcode = TEXT) => frame(FIN | (rsv << 4) | opcode, opcode < 8 ? 'small' : '');
    const around = (rsv) => [text('Hello'), wrong(rsv), ping()];
    const heard = [[TEXT, 'Hello']];
    cases({
        3.1: [[wrong(1)], [], 1002],
        3.2: [[Buffer.concat(around(2))], heard, 1002],
        3.3: [around(3), heard, 1002],
        3.4: [bytewise(around(4)), heard, 1002],
        3.5: [[wrong(5, BINARY)], [], 1002],
        3.6: [[wrong(6, opcodes.ping)], [], 1002],
        3.7: [[wrong(7, opcodes.close)], [], 1002],
    });
});

describe('4 reserved opcodes', () => {
    [3, 11].forEach((first, group) => {
        const reserved = (i, payload) => frame(FIN | (first + i), payload);
        const around = (i, payload) => [text('Hello'), reserved(i, payload), ping()];
        const heard = [[TEXT, 'Hello']];
        cases({
            [`4.${group + 1}.1`]: [[reserved(0)], [], 1002],
            [`4.${group + 1}.2`]: [[reserved(1, 'reserved opcode payload')], [], 1002],
            [`4.${group + 1}.3`]: [[Buffer.concat(around(2))], heard, 1002],
            [`4.${group + 1}.4`]: [[Buffer.concat(around(3, 'payload'))], heard, 1002],
            [`4.${group + 1}.5`]: [bytewise(around(4, 'payload')), heard, 1002],
        });
    });
});

describe('5 fragmentation', () => {
    const whole = (frames) => [Buffer.concat(frames)];
    const two = fragments(TEXT, ['fragment1', 'fragment2']);
    const joined = [TEXT, 'fragment1fragment2'];
    const withPing = [two[0], ping('ping'), two[1]];
    const nothingToContinue = (bits) => [frame(bits, 'non-continuation payload'), text('Hello, world!')];
    const afterMessage = [...two, frame(0, 'non-continuation payload'), text('Hello, world!')];
    const repeated = (bits) => [0, 1].flatMap(() => [frame(bits, 'fragment1'), frame(TEXT, 'fragment2'), frame(FIN, 'fragment3')]);
    const five = fragments(TEXT, ['fragment1', 'fragment2', 'fragment3', 'fragment4', 'fragment5']);
    const interleaved = [five[0], five[1], ping('pongme 1!'), five[2], five[3], ping('pongme 2!'), five[4]];
    const heard = [[PONG, 'pongme 1!'], [PONG, 'pongme 2!'], [TEXT, 'fragment1fragment2fragment3fragment4fragment5']];
    cases({
        5.1: [fragments(opcodes.ping, ['fragment1', 'fragment2']), [], 1002],
        5.2: [fragments(opcodes.pong, ['fragment1', 'fragment2']), [], 1002],
        5.3: [whole(two), [joined]],
        5.4: [two, [joined]],
        5.5: [bytewise(two), [joined]],
        5.6: [whole(withPing), [[PONG, 'ping'], joined]],
        5.7: [withPing, [[PONG, 'ping'], joined]],
        5.8: [bytewise(withPing), [[PONG, 'ping'], joined]],
        5.9: [whole(nothingToContinue(FIN)), [], 1002],
        '5.10': [nothingToContinue(FIN), [], 1002],
        5.11: [bytewise(nothingToContinue(FIN)), [], 1002],
        5.12: [whole(nothingToContinue(0)), [], 1002],
        5.13: [nothingToContinue(0), [], 1002],
        5.14: [bytewise(nothingToContinue(0)), [], 1002],
        5.15: [whole(afterMessage), [joined], 1002],
        5.16: [repeated(0), [], 1002],
        5.17: [repeated(FIN), [], 1002],
        5.18: [[frame(TEXT, 'fragment1'), frame(FIN | TEXT, 'fragment2')], [], 1002],
        5.19: [whole(interleaved), heard],
        '5.20': [bytewise(interleaved), heard],
    });
});

describe('6 UTF-8', () => {
    const kosme = '\u03ba\u1f79\u03c3\u03bc\u03b5';
    const greeting = 'Hello-µ@ßöäüàá-UTF-8!!';
    const surrogate = Buffer.concat([Buffer.from(kosme), hex('eda080'), Buffer.from('edited')]);
    const letters = (string) => fragments(TEXT, bytewise(Buffer.from(string)));
    const beyond = Buffer.concat([Buffer.from(kosme), hex('f4908080'), Buffer.from('edited')]);
    const cut = Buffer.byteLength(kosme);
    const oneFrame = text(beyond);
    const header = oneFrame.length - beyond.length;
    cases({
        '6.1.1': [[text()], [[TEXT, '']]],
        '6.1.2': [fragments(TEXT, ['', '', '']), [[TEXT, '']]],
        '6.1.3': [fragments(TEXT, ['', 'middle frame payload', '']), [[TEXT, 'middle frame payload']]],
        '6.2.1': [[text(greeting)], [[TEXT, greeting]]],
        '6.2.2': [fragments(TEXT, ['Hello-µ@ßöä', 'üàá-UTF-8!!']), [[TEXT, greeting]]],
        '6.2.3': [letters(greeting), [[TEXT, greeting]]],
        '6.2.4': [letters(kosme), [[TEXT, kosme]]],
        '6.3.1': [[text(surrogate)], [], 1007],
        '6.3.2': [letters(surrogate), [], 1007],
        // Fail fast: what would come after the impossible byte is never sent.
        '6.4.1': [[frame(TEXT, kosme), frame(0, hex('f4908080'))], [], 1007],
        '6.4.2': [[frame(TEXT, beyond.subarray(0, cut + 1)), frame(0, hex('90'))], [], 1007],
        '6.4.3': [[oneFrame.subarray(0, header + cut), oneFrame.subarray(header + cut, header + cut + 4)], [], 1007],
        '6.4.4': [[oneFrame.subarray(0, header + cut + 1), oneFrame.subarray(header + cut + 1, header + cut + 2)], [], 1007],
    });

    /// Each sequence whole in a text message; those marked true must come back.
    function sequences(group, list) {
        list.forEach(([sequence, valid], i) => {
            const payload = Buffer.from(sequence);
            cases({ [`${group}.${i + 1}`]: valid ? [[text(payload)], [[TEXT, payload]]] : [[text(payload)], [], 1007] });
        });
    }
    const valid = (...list) => list.map((sequence) => [sequence, true]);
    const invalid = (...list) => list.map((sequence) => [hex(sequence), false]);
    const bytesOf = (from, to, after) => Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16) + after).join('');
    const spaced = (from, to) => bytesOf(from, to, '20');

    sequences('6.5', valid('hello$world', 'hello¢world', 'hello€world', 'hello𤭢world', kosme));
    const boundaries = new Set([2, 5, 7, 9, 11]);
    sequences('6.6', Array.from({ length: 11 }, (_, i) => [Buffer.from(kosme).subarray(0, i + 1), boundaries.has(i + 1)]));
    sequences('6.7', valid('\0', '\u0080', '\u0800', '\u{10000}'));
    sequences('6.8', invalid('f888808080', 'fc8480808080'));
    sequences('6.9', valid('\x7f', '\u07ff', '\uffff', '\u{10ffff}'));
    sequences('6.10', invalid('f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf'));
    sequences('6.11', [...valid('\ud7ff', '\ue000', '\ufffd', '\u{10ffff}'), ...invalid('f4908080')]);
    sequences('6.12', invalid('80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf', bytesOf(0x80, 0xbf, '')));
    sequences('6.13', invalid(spaced(0xc0, 0xdf), spaced(0xe0, 0xef), spaced(0xf0, 0xf7), spaced(0xf8, 0xfb), spaced(0xfc, 0xfd)));
    const cutShort = ['c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'];
    sequences('6.14', invalid(...cutShort));
    sequences('6.15', invalid(cutShort.join('')));
    sequences('6.16', invalid('fe', 'ff', 'fefeffff'));
    sequences('6.17', invalid('c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af'));
    sequences('6.18', invalid('c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'));
    sequences('6.19', invalid('c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080'));
    sequences('6.20', invalid('eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf'));
    sequences('6.21', invalid('eda080edb080', 'eda080edbfbf', 'edadbfedb080', 'edadbfedbfbf',
        'edae80edb080', 'edae80edbfbf', 'edafbfedb080', 'edafbfedbfbf'));
    const planes = Array.from({ length: 17 }, (_, plane) => plane * 0x10000);
    sequences('6.22', valid(...planes.flatMap((plane) => [String.fromCodePoint(plane + 0xfffe), String.fromCodePoint(plane + 0xffff)])));
    sequences('6.23', valid('\ufff9', '\ufffa', '\ufffb', '\ufffc', '\ufffd', '\ufffe', '\uffff'));
});

describe('7 closing', () => {
    const fragment = fragments(TEXT, ['fragment1', 'fragment2']);
    const large = Buffer.alloc(256 * 1024, 'BAsd7&jh23');
    const longest = '*'.repeat(123);
    cases({
        '7.1.1': [[text('Hello World!'), close(1000)], [[TEXT, 'Hello World!']], 1000],
        '7.1.2': [[close(1000), close(1000)], [], 1000],
        '7.1.3': [[close(1000), ping()], [], 1000],
        '7.1.4': [[close(1000), text('Hello World!')], [], 1000],
        '7.1.5': [[fragment[0], close(1000), fragment[1]], [], 1000],
        '7.1.6': [[text(large), close(1000), ping()], [[TEXT, large]], 1000],
        '7.3.1': [[close()], [], 'none'],
        '7.3.2': [[frame(FIN | opcodes.close, 'a')], [], 1002],
        '7.3.3': [[close(1000)], [], 1000],
        '7.3.4': [[close(1000, 'Hello World!')], [], 1000],
        '7.3.5': [[close(1000, longest)], [], 1000],
        '7.3.6': [[close(1000, `${longest}*`)], [], 1002],
        '7.5.1': [[close(1000, Buffer.concat([Buffer.from('κόσμε'), hex('eda080'), Buffer.from('edited')]))], [], 1007],
    });
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].forEach((code, i) => {
        cases({ [`7.7.${i + 1}`]: [[close(code)], [], code] });
    });
    [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].forEach((code, i) => {
        cases({ [`7.9.${i + 1}`]: [[close(code)], [], 1002] });
    });
    cases({
        '7.13.1': [[close(5000)], [], 1002],
        '7.13.2': [[close(65535)], [], 1002],
    });
});

/// Sends each of `chunks`, expects one message back, and says whether it was compressed.
async function exchange(socket, chunks, opcode, payload, windowBits) {
    const [answer] = await Promise.all([socket.message(windowBits), socket.send(...chunks)]);
    assert.equal(answer.opcode, opcode);
    assert.ok(answer.payload.equals(payload), `${payload.length} bytes came back as they were`);
    return answer.compressed;
}

async function closeNormally(socket) {
    await socket.send(close(1000));
    assert.equal((await socket.rest()).closeCode, 1000);
}

describe('9 limits and performance', () => {
    const sized = (number, opcode, size, cut) => test(number, async () => {
        const payload = Buffer.alloc(size, 'BAsd7&jh23');
        const socket = await RawWebSocket.open(plain.port);
        await exchange(socket, cut(opcode, payload), opcode, payload);
        await closeNormally(socket);
    });
    const whole = (opcode, payload) => [frame(FIN | opcode, payload)];
    const inFragments = (size) => (opcode, payload) => [Buffer.concat(fragments(opcode, pieces(payload, size)))];
    const inChops = (size) => (opcode, payload) => pieces(frame(FIN | opcode, payload), size);
    const KiB = 1024;
    for (const [group, opcode] of [[1, TEXT], [2, BINARY]]) {
        sized(`9.${group}.1`, opcode, 64 * KiB, whole);
        sized(`9.${group}.3`, opcode, 1024 * KiB, whole);
        sized(`9.${group}.6`, opcode, 16 * 1024 * KiB, whole);
        sized(`9.${group + 2}.1`, opcode, 4096 * KiB, inFragments(64));
        sized(`9.${group + 2}.5`, opcode, 4096 * KiB, inFragments(16 * KiB));
        sized(`9.${group + 4}.1`, opcode, 1024 * KiB, inChops(64));
        sized(`9.${group + 4}.6`, opcode, 1024 * KiB, inChops(2048));
        for (const [i, size] of [[1, 0], [3, 64], [6, 4096]]) {
            test(`9.${group + 6}.${i}`, async () => {
                const payload = Buffer.alloc(size, '*');
                const socket = await RawWebSocket.open(plain.port);
                for (let n = 0; n < 1000; ++n) await exchange(socket, whole(opcode, payload), opcode, payload);
                await closeNormally(socket);
            });
        }
    }
});

test('10.1.1 a message in fragments of 1300 bytes', async () => {
    const payload = Buffer.alloc(65536, '*');
    const socket = await RawWebSocket.open(plain.port);
    await exchange(socket, fragments(TEXT, pieces(payload, 1300)), TEXT, payload);
    await closeNormally(socket);
});

/// Something that compresses about as JSON does, and is different in each message.
function document(size, seed) {
    let out = '';
    for (let i = seed * 7919; out.length < size; i += 104729) out += `{"id":${i % 999983},"name":"item ${(i * 31) % 97}","state":"${i % 3 ? 'open' : 'closed'}"},`;
    return Buffer.from(out.slice(0, size));
}

const sizes = [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072, 8192, 16384, 32768, 65536, 131072, 8192, 16384, 131072];
const fragmentSizes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 256, 512, 1024, 2048, 4096, 1024, 2048, 16384];

/// Case i (from 1) of a subgroup: messages of one size, compressed, in fragments.
function compressedCase(number, i, opcode, extensions, count, windowBits = 15) {
    test(number, async () => {
        const socket = await RawWebSocket.open(compressing.port, { extensions });
        assert.match(socket.extensions, /^permessage-deflate; server_no_context_takeover; client_no_context_takeover/);
        const size = sizes[i - 1];
        for (let n = 0; n < count; ++n) {
            const payload = document(size, n);
            const deflated = deflate(payload);
            const cut = pieces(deflated, fragmentSizes[i - 1] || deflated.length);
            const compressed = await exchange(socket, fragments(opcode, cut, RSV1), opcode, payload, windowBits);
            assert.equal(compressed, size >= 1024, 'from the threshold on');
        }
        await closeNormally(socket);
    });
}

describe('12 compression', () => {
    for (let i = 1; i <= sizes.length; ++i) {
        const count = sizes[i - 1] <= 1024 ? 200 : 10;
        compressedCase(`12.1.${i}`, i, TEXT, 'permessage-deflate; client_max_window_bits', count);
        if (i % 3 === 1) compressedCase(`12.2.${i}`, i, BINARY, 'permessage-deflate', count);
    }
});

describe('13 compression parameters', () => {
    const accepts = 'client_no_context_takeover; client_max_window_bits';
    const offer = (...parameters) => ['permessage-deflate', accepts, ...parameters].join('; ');
    const noTakeover = 'server_no_context_takeover';
    const narrow = 'server_max_window_bits=9';
    const wide = 'server_max_window_bits=15';
    const offers = [
        [offer(), 15],
        [offer(noTakeover), 15],
        [offer(narrow), 9],
        [offer(wide), 15],
        [offer(noTakeover, narrow), 9],
        [offer(noTakeover, wide), 15],
        [[offer(noTakeover, narrow), offer(noTakeover), offer()].join(', '), 9],
    ];
    offers.forEach(([extensions, windowBits], group) => {
        for (const i of [1, 4, 7, 10, 14]) compressedCase(`13.${group + 1}.${i}`, i, TEXT, extensions, 5, windowBits);
    });
});
