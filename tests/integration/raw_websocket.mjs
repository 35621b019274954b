// A WebSocket client that can send what no WebSocket client sends, and hears frames, not messages.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import zlib from 'node:zlib';
import { patience, within } from './harness.mjs';

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
export const FIN = 0x80;
export const RSV1 = 0x40;

const deflateTail = Buffer.from([0, 0, 0xff, 0xff]);

/// A message as it is in a compressed frame (RFC 7692 section 7.2.1).
export function deflate(message, windowBits = 15) {
    const flushed = zlib.deflateRawSync(message, { windowBits, finishFlush: zlib.constants.Z_SYNC_FLUSH });
    return flushed.subarray(0, flushed.length - deflateTail.length);
}

/// Throws when `payload` needs a larger window than `windowBits`.
export function inflate(payload, windowBits = 15) {
    return zlib.inflateRawSync(Buffer.concat([payload, deflateTail]), { windowBits, finishFlush: zlib.constants.Z_SYNC_FLUSH });
}

/// One masked frame of that first byte.
export function frame(firstByte, payload = '', mask = [0x37, 0xfa, 0x21, 0x3d]) {
    const body = Buffer.from(payload);
    const length = body.length;
    const head = length < 126 ? Buffer.from([firstByte, 0x80 | length])
        : length < 65536 ? Buffer.from([firstByte, 0xfe, length >> 8, length & 0xff])
            : Buffer.concat([Buffer.from([firstByte, 0xff, 0, 0, 0, 0]), uint32(length)]);
    const masked = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; ++i) masked[i] = body[i] ^ mask[i & 3];
    return Buffer.concat([head, Buffer.from(mask), masked]);
}

export const text = (payload = '') => frame(FIN | opcodes.text, payload);
export const binary = (payload = '') => frame(FIN | opcodes.binary, payload);
export const ping = (payload = '') => frame(FIN | opcodes.ping, payload);
export const pong = (payload = '') => frame(FIN | opcodes.pong, payload);
export const close = (code, reason = '') => frame(FIN | opcodes.close, code === undefined ? '' : Buffer.concat([uint16(code), Buffer.from(reason)]));

/// A message in fragments of these payloads; `bits` of the first frame besides opcode and FIN.
export function fragments(opcode, payloads, bits = 0) {
    return payloads.map((payload, i) => frame((i === 0 ? opcode | bits : 0) | (i === payloads.length - 1 ? FIN : 0), payload));
}

/// `bytes` in pieces of at most `size`.
export function pieces(bytes, size) {
    const out = [];
    for (let at = 0; at < bytes.length; at += size) out.push(bytes.subarray(at, at + size));
    return out.length > 0 ? out : [bytes];
}

function uint16(value) {
    return Buffer.from([value >> 8, value & 0xff]);
}

function uint32(value) {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(value);
    return out;
}

export class RawWebSocket {
    /// @param extensions  the header field's value, or a list of values
    static async open(port, { path = '/', extensions = [] } = {}) {
        const opened = new RawWebSocket();
        opened.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
        opened.socket.on('data', (chunk) => opened.#receive(chunk));
        opened.ended = new Promise((resolve) => {
            opened.socket.once('end', () => resolve('end'));
            opened.socket.once('error', (error) => resolve(error.code));
            opened.socket.once('close', () => resolve('close'));
        });
        opened.ended.then(() => opened.#wake());
        const offers = [extensions].flat().map((value) => `Sec-WebSocket-Extensions: ${value}\r\n`).join('');
        opened.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
            + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${offers}\r\n`);
        opened.head = await within(patience, 'the answer to the handshake', opened.#readHead());
        return opened;
    }

    #chunks = [];
    #buffered = 0;
    #waiting;

    /// The answer's extensions; '' when it has none.
    get extensions() {
        return /^sec-websocket-extensions: (.*)$/im.exec(this.head)?.[1].trim() ?? '';
    }

    /// Resolves when the kernel has taken the bytes.
    async send(...chunks) {
        for (const chunk of chunks) {
            if (!this.socket.write(chunk)) await Promise.race([once(this.socket, 'drain'), this.ended]);
        }
    }

    /// The next frame: {opcode, fin, rsv, payload}; undefined when the server has ended.
    read(ms = patience) {
        return within(ms, 'a frame', this.#readFrame());
    }

    /// The next message with its control frames before it, inflated; undefined at the end.
    async message(windowBits = 15) {
        const first = await this.read();
        if (first === undefined) return undefined;
        assert.equal(first.fin, true, 'the server sends whole messages');
        assert.ok(first.rsv === 0 || (first.rsv === 4 && first.opcode < 3), `reserved bits ${first.rsv}`);
        return { opcode: first.opcode, payload: first.rsv === 4 ? inflate(first.payload, windowBits) : first.payload, compressed: first.rsv === 4 };
    }

    /// Everything up to the close frame and the server's FIN, which must come before ours.
    async rest() {
        const messages = [];
        let closeCode;
        for (let next = await this.message(); next !== undefined; next = await this.message()) {
            assert.equal(closeCode, undefined, 'nothing follows a close frame');
            if (next.opcode === opcodes.close) closeCode = next.payload.length === 0 ? 'none' : next.payload.readUInt16BE(0);
            else messages.push(next);
        }
        assert.equal(await this.ended, 'end', 'the server closes the TCP connection, and orderly');
        this.destroy();
        return { messages, closeCode };
    }

    destroy() {
        this.socket.destroy();
    }

    #receive(chunk) {
        this.#chunks.push(chunk);
        this.#buffered += chunk.length;
        this.#wake();
    }

    #wake() {
        this.#waiting?.();
        this.#waiting = undefined;
    }

    /// False when the end comes before `count` bytes.
    async #has(count) {
        while (this.#buffered < count) {
            const more = new Promise((resolve) => (this.#waiting = () => resolve(true)));
            if (!(await Promise.race([more, this.ended.then(() => false)])) && this.#buffered < count) return false;
        }
        return true;
    }

    #take(count) {
        const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
        this.#chunks = count < all.length ? [all.subarray(count)] : [];
        this.#buffered -= count;
        return all.subarray(0, count);
    }

    async #readHead() {
        let head = '';
        while (!head.endsWith('\r\n\r\n')) {
            if (!(await this.#has(1))) return head;
            head += this.#take(1).toString('latin1');
        }
        return head;
    }

    async #readFrame() {
        if (!(await this.#has(2))) return undefined;
        const [first, second] = this.#take(2);
        assert.equal(second & 0x80, 0, 'the server does not mask');
        let length = second;
        if (second === 126) length = (await this.#has(2)) && this.#take(2).readUInt16BE(0);
        if (second === 127) length = (await this.#has(8)) && Number(this.#take(8).readBigUInt64BE(0));
        assert.ok(await this.#has(length), 'a whole frame');
        return { opcode: first & 15, fin: first >= 0x80, rsv: (first >> 4) & 7, payload: this.#take(length) };
    }
}
