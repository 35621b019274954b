// Starts the echo programs of examples/ and speaks to them in bytes.
//
// They stand beside the program under test: SIGNALBOX_BIN names that one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import WebSocket from 'ws';
import { binary, patience, shards, slowness, within } from './harness.mjs';

/// Those of the public protocol suites.
export const pingInterval = 300;
export const pingTimeout = 200;
export const suiteFlags = ['--ping-interval', String(pingInterval), '--ping-timeout', String(pingTimeout)];

export const program = (name) => path.join(path.dirname(binary), name);

/// A running `engineio_echo` or `socketio_echo`. stop() fails unless it ends with exit code 0.
export class EchoServer {
    output = '';

    static start(name, { flags = [], endpoint = `/${name.replace('io_echo', '.io')}/` } = {}) {
        return EchoServer.launch(name, ['--port', '0', '--shards', String(shards), ...flags], endpoint);
    }

    /// Any program that says where it listens.
    static async launch(name, args, endpoint) {
        const server = new EchoServer();
        server.endpoint = endpoint;
        server.child = spawn(program(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
        server.exited = once(server.child, 'exit').then(([code, signal]) => ({ code, signal }));
        const listening = new Promise((resolve, reject) => {
            const read = (chunk) => {
                server.output += chunk;
                const found = /listening on http:\/\/\S+:(\d+)\n/.exec(server.output);
                if (found) resolve(Number(found[1]));
            };
            server.child.stdout.on('data', read);
            server.child.stderr.on('data', read);
            server.child.once('error', reject);
            server.exited.then(({ code }) => reject(new Error(`exit ${code}: ${server.output}`)));
        });
        server.port = await within(20_000 * slowness, `start of ${name}`, listening);
        server.url = `http://127.0.0.1:${server.port}`;
        return server;
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

    async stop() {
        this.child.kill('SIGTERM');
        const exit = await within(30_000 * slowness, 'exit', this.exited);
        assert.deepEqual(exit, { code: 0, signal: null }, this.output.slice(-8000));
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
