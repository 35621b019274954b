// HTTP/1.1 and WebSocket over plain TCP, so that exactly the bytes of a conversation are sent and
// everything that comes back is seen. Each request has a TCP connection of its own.

import net from 'node:net';

const headEnd = Buffer.from('\r\n\r\n');

/// How long a connection may stay silent when something is expected.
export const patience = 8000 * Number(process.env.SIGNALBOX_TEST_SLOWNESS ?? 1);

/// The bytes of a request. `headers` are [name, value] pairs or an object; `host` is added.
export function requestBytes(method, target, headers = {}, body) {
    const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
    const lines = [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...pairs.map(([name, value]) => `${name}: ${value}`)];
    const named = pairs.map(([name]) => name.toLowerCase());
    const content = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
    if (body !== undefined && !named.includes('content-length') && !named.includes('transfer-encoding')) {
        lines.push(`Content-Length: ${content.length}`);
    }
    return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content]);
}

function parseHead(text) {
    const [first, ...lines] = text.split('\r\n');
    const headers = lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { status: Number(first.split(' ')[1]), headers };
}

const headerOf = (head, name) => head.headers.find(([key]) => key === name)?.[1];

/// The content of a chunked body, or undefined while it is incomplete.
function dechunk(bytes) {
    const parts = [];
    for (let at = 0; ;) {
        const lineEnd = bytes.indexOf('\r\n', at);
        if (lineEnd < 0) return undefined;
        const size = parseInt(bytes.toString('latin1', at, lineEnd), 16);
        const begin = lineEnd + 2;
        if (bytes.length < begin + size + 2) return undefined;
        if (size === 0) return Buffer.concat(parts);
        parts.push(bytes.subarray(begin, begin + size));
        at = begin + size + 2;
    }
}

function bodyOf(head, bytes, method, ended) {
    if (method === 'HEAD' || head.status === 204 || head.status === 304 || head.status === 101) return Buffer.alloc(0);
    if (headerOf(head, 'transfer-encoding') === 'chunked') return dechunk(bytes);
    const length = headerOf(head, 'content-length');
    if (length === undefined) return ended ? bytes : undefined;
    return bytes.length >= Number(length) ? bytes.subarray(0, Number(length)) : undefined;
}

/// One HTTP request, sent at once.
export class Exchange {
    /// @param bytes  of the request; `method` says whether its answer can have a body
    constructor(port, method, bytes) {
        this.method = method;
        this.received = Buffer.alloc(0);
        this.socket = net.connect(port, '127.0.0.1');
        this.socket.on('error', () => {});
        /// {status, headers, body}, or undefined when the connection ended without an answer.
        this.response = new Promise((resolve) => {
            this.settle = resolve;
        });
        this.socket.on('data', (chunk) => {
            this.received = Buffer.concat([this.received, chunk]);
            this.#read(false);
        });
        this.socket.on('close', () => {
            this.#read(true);
            this.settle(undefined);
        });
        /// When the kernel has all of the request, or the connection has ended.
        this.sent = new Promise((resolve) => {
            this.socket.write(bytes, resolve);
        });
    }

    #read(ended) {
        const at = this.received.indexOf(headEnd);
        if (at < 0) return;
        const head = parseHead(this.received.toString('latin1', 0, at));
        if (head.status === 100) {
            this.received = this.received.subarray(at + 4);
            return this.#read(ended);
        }
        const body = bodyOf(head, this.received.subarray(at + 4), this.method, ended);
        if (body === undefined) return;
        this.settle({ ...head, body });
        this.socket.destroy();
    }

    /// More of a request that was begun.
    write(bytes) {
        this.socket.write(bytes);
    }

    cut() {
        this.socket.destroy();
    }
}

const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/// A masked frame. `first` is its first byte: FIN, RSV and opcode.
export function frame(first, payload) {
    const content = Buffer.from(payload);
    const masked = content.map((byte, i) => byte ^ mask[i % 4]);
    let length;
    if (content.length < 126) {
        length = Buffer.from([0x80 | content.length]);
    } else if (content.length < 65536) {
        length = Buffer.from([0x80 | 126, content.length >> 8, content.length & 255]);
    } else {
        length = Buffer.alloc(9);
        length[0] = 0x80 | 127;
        length.writeBigUInt64BE(BigInt(content.length), 1);
    }
    return Buffer.concat([Buffer.from([first]), length, mask, masked]);
}

function readLength(bytes) {
    const short = bytes[1] & 0x7f;
    if (short < 126) return { length: short, at: 2 };
    if (short === 126) return bytes.length < 4 ? undefined : { length: bytes.readUInt16BE(2), at: 4 };
    return bytes.length < 10 ? undefined : { length: Number(bytes.readBigUInt64BE(2)), at: 10 };
}

/// {first, payload, rest} of the first frame in `bytes`, or undefined while it is incomplete.
function readFrame(bytes) {
    const header = bytes.length < 2 ? undefined : readLength(bytes);
    if (header === undefined || bytes.length < header.at + header.length) return undefined;
    const end = header.at + header.length;
    return { first: bytes[0], payload: bytes.subarray(header.at, end), rest: bytes.subarray(end) };
}

const kinds = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };

/// A WebSocket. What arrives is a queue of {kind, payload, at}, with the time of arrival; the kinds are text, binary, ping, pong,
/// close, and `end` for a TCP connection that ended without a close frame.
export class WebSocketWire {
    queue = [];
    waiting = [];
    ended = false;

    constructor(port, bytes) {
        this.received = Buffer.alloc(0);
        this.socket = net.connect(port, '127.0.0.1');
        this.socket.on('error', () => {});
        /// The answer to the opening request: {status, headers, body}, or undefined.
        this.response = new Promise((resolve) => {
            this.answer = resolve;
        });
        this.socket.on('data', (chunk) => {
            this.received = Buffer.concat([this.received, chunk]);
            this.#read(false);
        });
        this.socket.on('close', () => {
            this.#read(true);
            this.answer(undefined);
            this.#push({ kind: 'end' });
        });
        this.socket.write(bytes);
    }

    #read(ended) {
        if (this.head === undefined && !this.#readHead(ended)) return;
        if (this.head.status !== 101) return;
        for (let next = readFrame(this.received); next; next = readFrame(this.received)) {
            this.received = next.rest;
            this.#push({ kind: kinds[next.first & 15] ?? 'unknown', first: next.first, payload: next.payload });
            if ((next.first & 15) === 8) this.#answerClose(next.payload);
        }
    }

    #readHead(ended) {
        const at = this.received.indexOf(headEnd);
        if (at < 0) return false;
        const head = parseHead(this.received.toString('latin1', 0, at));
        const body = bodyOf(head, this.received.subarray(at + 4), 'GET', ended);
        if (body === undefined) return false;
        this.head = head;
        this.received = this.received.subarray(at + 4);
        this.answer({ ...head, body });
        return true;
    }

    #answerClose(payload) {
        if (!this.socket.destroyed) this.socket.end(frame(0x88, payload.subarray(0, 2)));
    }

    #push(event) {
        if (this.ended) return;
        this.ended = event.kind === 'close' || event.kind === 'end';
        event.at = performance.now();
        const wait = this.waiting.shift();
        if (wait) wait(event);
        else this.queue.push(event);
    }

    /// The next event, or undefined when none comes within `ms`.
    async next(ms = patience) {
        if (this.queue.length > 0) return this.queue.shift();
        if (this.ended) return { kind: 'ended' };
        let timer;
        let resolveEvent;
        const event = new Promise((resolve) => {
            resolveEvent = resolve;
            this.waiting.push(resolve);
        });
        const late = new Promise((resolve) => {
            timer = setTimeout(resolve, ms, undefined);
        });
        const result = await Promise.race([event, late]);
        clearTimeout(timer);
        if (result === undefined) this.waiting = this.waiting.filter((wait) => wait !== resolveEvent);
        return result;
    }

    write(bytes) {
        if (!this.socket.destroyed) this.socket.write(bytes);
    }

    /// Ends the TCP connection without a close frame.
    cut() {
        this.socket.destroy();
    }
}
