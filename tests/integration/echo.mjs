// Speaks to the echo programs of Engine.IO and Socket.IO in bytes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { EchoProgram } from './echo_program.mjs';
import { patience, shards, within } from './harness.mjs';

/// Those of the public protocol suites.
export const pingInterval = 300;
export const pingTimeout = 200;
export const suiteFlags = ['--ping-interval', String(pingInterval), '--ping-timeout', String(pingTimeout)];

/// A running `engineio_echo` or `socketio_echo`, or another program with their flags, with as many
/// shards as the tests of the server have.
export class EchoServer extends EchoProgram {
    static async start(name, { flags = [], endpoint = `/${name.replace('io_echo', '.io')}/` } = {}) {
        const server = await super.start(name, ['--shards', String(shards), ...flags]);
        return Object.assign(server, { endpoint, host: '127.0.0.1', url: `http://127.0.0.1:${server.port}` });
    }

    address(query, scheme = 'http') {
        return `${scheme}://127.0.0.1:${this.port}${this.endpoint}${query ? `?${query}` : ''}`;
    }

    async http(query, { method = 'GET', ...more } = {}) {
        const answer = await fetch(this.address(query), { method, ...more });
        const bytes = Buffer.from(await answer.arrayBuffer());
        return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() };
    }

    wire(query, options) {
        return new Wire(this.address(query, 'ws'), options);
    }

    /// A long-polling session: get() and post() with its sid.
    async session(query = 'EIO=4&transport=polling') {
        const { text } = await this.http(query);
        const { sid } = JSON.parse(text.slice(text.indexOf('{')));
        const known = `${query}&sid=${sid}`;
        return {
            sid,
            get: (more) => this.http(known, more),
            post: (body, more) => this.http(known, { method: 'POST', body, ...more }),
        };
    }
}

/// A WebSocket whose messages are read in order: text as strings, binary as Buffers.
export class Wire {
    #arrived = [];
    #reader;

    constructor(url, options) {
        this.socket = new WebSocket(url, options);
        this.socket.on('message', (data, isBinary) => this.#arrive(isBinary ? data : data.toString()));
        this.socket.on('error', () => {});
        this.opened = once(this.socket, 'open').then(() => true, () => false);
        this.ended = new Promise((resolve) => this.socket.once('close', resolve));
    }

    #arrive(message) {
        if (!this.#reader) return this.#arrived.push(message);
        const read = this.#reader;
        this.#reader = undefined;
        read(message);
    }

    async open() {
        assert.equal(await within(patience, 'open', this.opened), true);
        return this;
    }

    /// The next message, pings included.
    next(ms = patience) {
        if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
        return within(ms, 'a message', new Promise((resolve) => (this.#reader = resolve)));
    }

    /// The next message that is no ping.
    async packet() {
        for (;;) {
            const message = await this.next();
            if (message !== '2') return message;
        }
    }

    send(...messages) {
        for (const message of messages) this.socket.send(message);
        return this;
    }

    /// The close code, when the server ends or refuses it.
    end(ms = patience) {
        return within(ms, 'the end of the WebSocket', this.ended);
    }

    drop() {
        this.socket.terminate();
    }
}
