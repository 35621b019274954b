// Starts the program under test and speaks to it as clients do.
//
// Environment: SIGNALBOX_BIN (default build/release/signalbox), SIGNALBOX_SHARDS (default 1),
// SIGNALBOX_TEST_SLOWNESS (stretches every time-out; sanitizer builds set it).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import WebSocket from 'ws';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const binary = path.resolve(root, process.env.SIGNALBOX_BIN ?? 'build/release/signalbox');
export const shards = Number(process.env.SIGNALBOX_SHARDS ?? 1);
export const slowness = Number(process.env.SIGNALBOX_TEST_SLOWNESS ?? 1);
export const secret = 'a-secret-that-only-the-tests-know-0123456789';
export const serviceKey = `sbk_${'T'.repeat(43)}`;
export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/// How long a test waits for what must come.
export const patience = 5000 * slowness;
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const base64url = (value) => Buffer.from(value).toString('base64url');

/// A compact JWS. `claims` is an object, or JSON text where its exact bytes matter.
export function signToken(claims, { key = secret, header = { alg: 'HS256', typ: 'JWT' } } = {}) {
    const payload = typeof claims === 'string' ? claims : JSON.stringify(claims);
    const signed = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
    const signature = createHmac('sha256', key).update(signed).digest('base64url');
    return `${signed}.${signature}`;
}

export const nowSeconds = () => Math.floor(Date.now() / 1000);

export function userToken({ user = 'u1', company = 'c1', permissions = [], ttl = 3600, ...more } = {}) {
    return signToken({
        sub: user, companyId: company, permissions, iat: nowSeconds(), exp: nowSeconds() + ttl, ...more,
    });
}

/// Rejects with `what` unless `promise` settles in time.
export function within(ms, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// Polls `read` until it gives something truthy.
export async function eventually(what, read, ms = patience) {
    const deadline = Date.now() + ms;
    for (;;) {
        const value = await read();
        if (value) return value;
        if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
        await pause(20);
    }
}

const serviceKeyConfig = `
[[auth.service_keys]]
id = "tests"
sha256 = "${sha256(serviceKey)}"
permissions = ["updates:send", "sessions:manage", "connections:manage", "metrics", "admin"]
companies = []
`;

const childEnvironment = (dataDir, more) => ({
    PATH: process.env.PATH,
    HOME: dataDir,
    SIGNALBOX_DATA_DIR: dataDir,
    SIGNALBOX_AUTH_JWT_SECRET: secret,
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^[ATUL]\w*SAN_OPTIONS$/.test(name))),
    ...more,
});

/// Runs the program to its end: {code, signal, stdout, stderr}.
export async function run(args, { dataDir, env = {}, input, program = binary } = {}) {
    const folder = dataDir ?? mkdtempSync(path.join(tmpdir(), 'signalbox-'));
    const child = spawn(program, args, { cwd: folder, env: childEnvironment(folder, env) });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (output.stdout += chunk));
    child.stderr.on('data', (chunk) => (output.stderr += chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    const killer = setTimeout(() => child.kill('SIGKILL'), 20_000 * slowness);
    const [code, signal] = await once(child, 'close');
    clearTimeout(killer);
    if (dataDir === undefined) rmSync(folder, { recursive: true, force: true });
    return { code, signal, ...output };
}

/// A running server. Stop it: stop() fails unless the program ends with exit code 0, which is how
/// leaks and races found by sanitizers surface.
export class Server {
    /// @param options.config  TOML beside the tests' service key; tables only
    /// @param options.program  another program with the same command line
    /// @param options.descriptors  how many files the process may have open; 0: as many as this one
    static async start({ config = '', args = [], env = {}, dataDir, mode = ['--dev'], shardCount = shards, cwd = root, descriptors = 0, program = binary } = {}) {
        const server = new Server();
        server.ownsDataDir = dataDir === undefined;
        server.dataDir = dataDir ?? mkdtempSync(path.join(tmpdir(), 'signalbox-'));
        server.configFile = path.join(server.dataDir, 'signalbox.toml');
        writeFileSync(server.configFile, config + serviceKeyConfig);
        server.options = { args, env, mode, shardCount, cwd, descriptors, program };
        await server.launch(0);
        return server;
    }

    output = '';
    clients = new Set();

    async launch(port) {
        const { args, env, mode, shardCount, cwd, descriptors, program } = this.options;
        const limited = descriptors ? ['sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', program] : [program];
        this.child = spawn(
            limited[0],
            [...limited.slice(1), 'serve', ...mode, '--config', this.configFile, '--port', String(port), '--shards', String(shardCount), ...args],
            { cwd, env: childEnvironment(this.dataDir, env), stdio: ['ignore', 'pipe', 'pipe'] },
        );
        this.exited = once(this.child, 'exit').then(([code, signal]) => ({ code, signal }));
        const listening = new Promise((resolve, reject) => {
            const read = (chunk) => {
                this.output += chunk;
                const found = /signalbox listening on (https?:\/\/(\S+):(\d+))/.exec(this.output);
                if (found) resolve(found);
            };
            this.output = '';
            this.child.stdout.on('data', read);
            this.child.stderr.on('data', read);
            this.child.once('error', reject);
            this.exited.then(({ code }) => reject(new Error(`exit ${code} before listening:\n${this.output}`)));
        });
        const [, url, host, listenPort] = await within(20_000 * slowness, 'server start', listening).catch((error) => {
            this.child.kill('SIGKILL');
            throw error;
        });
        Object.assign(this, { url, host, port: Number(listenPort), wsUrl: url.replace('http', 'ws') });
    }

    /// Stops and starts again on the same port with the same data.
    async restart() {
        await this.terminate();
        await this.launch(this.port);
    }

    async terminate(signal = 'SIGTERM') {
        this.child.kill(signal);
        return within(30_000 * slowness, 'exit', this.exited).catch((error) => {
            this.child.kill('SIGKILL');
            throw error;
        });
    }

    async stop() {
        for (const client of this.clients) client.close();
        this.clients.clear();
        const running = this.child.exitCode === null && this.child.signalCode === null;
        const exit = running ? await this.terminate() : await this.exited;
        if (this.ownsDataDir) rmSync(this.dataDir, { recursive: true, force: true });
        assert.deepEqual(exit, { code: 0, signal: null }, `the server ended badly:\n${this.output.slice(-8000)}`);
    }

    /// Waits for a line of the log: it is written by a thread of its own, after what it tells of.
    async logs(pattern) {
        await eventually(`${pattern} in the log`, () => pattern.test(this.output));
    }

    /// Resident memory in bytes.
    async residentBytes() {
        const { readFile } = await import('node:fs/promises');
        const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
        return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
    }

    /// The link to the test client that --dev prints: {url, token, sessionId, …}.
    async testClientLink() {
        const url = await eventually('the printed link', () => /http:\/\/\S+\/test-client#\S+/.exec(this.output)?.[0]);
        return { url, ...Object.fromEntries(new URLSearchParams(new URL(url).hash.slice(1))) };
    }

    /// One HTTP call, with `token: null` as nobody. @return {status, headers, text, body: parsed JSON or text}
    async http(method, target, { token = serviceKey, body, headers = {} } = {}) {
        const answer = await fetch(this.url + target, {
            method,
            headers: {
                ...(token && { authorization: `Bearer ${token}` }),
                ...(body !== undefined && { 'content-type': 'application/json' }),
                ...headers,
            },
            body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
        });
        const text = await answer.text();
        const json = answer.headers.get('content-type')?.includes('json');
        return { status: answer.status, headers: answer.headers, text, body: json && text ? JSON.parse(text) : text };
    }

    async session({ user = 'u1', company = 'c1', session, ttl } = {}) {
        const { status, body, text } = await this.http('POST', '/api/v1/sessions', {
            body: { userId: user, companyId: company, ...(session && { sessionId: session }), ...(ttl && { ttlSeconds: ttl }) },
        });
        assert.equal(status, 201, text);
        return body.sessionId;
    }

    /// Someone who may connect: {user, company, token, sessionId}.
    async member({ user = 'u1', company = 'c1', session, ...token } = {}) {
        const sessionId = await this.session({ user, company, session });
        return { user, company, sessionId, token: userToken({ user, company, ...token }) };
    }

    /// Publishes as a service.
    async publish(update) {
        const answer = await this.http('POST', '/api/v1/updates', { body: update });
        assert.equal(answer.status, 202, answer.text);
        return answer.body;
    }

    /// A stock client that does not connect yet; see Client.
    client(member, options = {}) {
        const client = new Client(this, member, options);
        this.clients.add(client);
        return client;
    }

    async connected(member, options = {}) {
        return this.client(member, options).connect();
    }

    raw(options) {
        const socket = new RawSocket(this, options);
        this.clients.add(socket);
        return socket;
    }
}

/// Things that arrive, and waiting for them.
export class Inbox {
    items = [];
    #waiting = new Set();

    push(item) {
        this.items.push(item);
        for (const wait of [...this.#waiting]) wait();
    }

    /// The first item, of those already here or still to come, that `matches`; it stays in the inbox.
    find(matches, what = matches.toString(), ms = patience) {
        let check;
        const found = new Promise((resolve) => {
            check = () => {
                const item = this.items.find(matches);
                if (item === undefined) return;
                this.#waiting.delete(check);
                resolve(item);
            };
            this.#waiting.add(check);
            check();
        });
        return within(ms, `${what}; arrived: ${this.#summary()}`, found)
            .catch((error) => {
                throw new Error(`${error.message}; by then: ${this.#summary()}`);
            })
            .finally(() => this.#waiting.delete(check));
    }

    /// Like find(), and takes it out.
    async take(matches, what, ms) {
        const item = await this.find(matches, what, ms);
        this.items.splice(this.items.indexOf(item), 1);
        return item;
    }

    #summary() {
        return JSON.stringify(this.items).slice(0, 2000);
    }
}

let nextRequest = 1;

/// The stock Socket.IO client with what it was told: envelopes (parsed) in `inbox`, and
/// connect_error, disconnect and connect in `events`.
export class Client {
    inbox = new Inbox();
    events = new Inbox();

    constructor(server, member, { transports = ['websocket'], artifactId, query = {}, auth = {}, namespace = '', ...more } = {}) {
        this.socket = io(server.wsUrl + namespace, {
            path: '/realtime',
            transports,
            forceNew: true,
            reconnection: false,
            autoConnect: false,
            auth: { ...(member?.token !== undefined && { token: member.token }), ...auth },
            query: { ...(member?.sessionId !== undefined && { sessionId: member.sessionId }), ...(artifactId && { artifactId }), ...query },
            ...more,
        });
        this.socket.on('message', (message) => {
            const envelope = typeof message === 'string' ? JSON.parse(message) : message;
            Object.defineProperty(envelope, 'raw', { value: message });
            this.inbox.push(envelope);
        });
        this.socket.on('connect', () => this.events.push({ event: 'connect' }));
        this.socket.on('connect_error', (error) => this.events.push({ event: 'connect_error', error }));
        this.socket.on('disconnect', (reason) => this.events.push({ event: 'disconnect', reason }));
    }

    /// Resolves when system.connected is there.
    async connect() {
        const error = new Promise((_, reject) => this.socket.once('connect_error', reject));
        error.catch(() => {});
        this.socket.connect();
        this.welcome = await Promise.race([this.system('connected'), error]);
        return this;
    }

    /// The reason for which a connect is refused: {code, message, data}.
    async refusal() {
        this.socket.connect();
        const { error } = await this.events.find(({ event }) => event === 'connect_error', 'connect_error', 15_000 * slowness);
        return { code: error.data?.code, message: error.message, data: error.data, error };
    }

    disconnected(ms) {
        return this.events.find(({ event }) => event === 'disconnect', 'disconnect', ms);
    }

    system(name, ms) {
        return this.inbox.take(({ action, kind }) => action === `system.${name}` && kind === 'system', `system.${name}`, ms);
    }

    /// The next update of that action that was pushed.
    update(action, ms) {
        return this.inbox.take((m) => m.kind === 'push' && m.action === action, `update ${action}`, ms);
    }

    /// Sends as the guide does. @return the requestId
    send(action, data, more = {}) {
        const request = { type: 'REQUEST', requestId: `r${nextRequest++}`, action, ...(data !== undefined && { data }), ...more };
        this.socket.emit('message', JSON.stringify(request));
        return request.requestId;
    }

    /// The RESPONSE or ERROR for a requestId.
    final(requestId, ms) {
        const isFinal = (m) => m.requestId === requestId && m.type !== 'UPDATE';
        return this.inbox.take(isFinal, `answer to ${requestId}`, ms);
    }

    request(action, data, more) {
        return this.final(this.send(action, data, more));
    }

    /// Sends something that is no request; the ERROR for it.
    async broken(message, requestId = '') {
        this.socket.emit('message', message);
        return this.final(requestId);
    }

    statuses(requestId) {
        return this.inbox.items.filter((m) => m.requestId === requestId && m.kind === 'status');
    }

    get pushed() {
        return this.inbox.items.filter((m) => m.kind === 'push');
    }

    close() {
        this.socket.close();
    }
}

/// A WebSocket without a client library on top: Engine.IO packets as text.
export class RawSocket {
    packets = new Inbox();
    closed;

    constructor(server, { query = '', path: endpoint = '/realtime/', headers = {} } = {}) {
        this.socket = new WebSocket(`${server.wsUrl}${endpoint}?EIO=4&transport=websocket${query}`, { headers });
        this.closed = new Promise((resolve) => {
            this.socket.on('close', (code) => resolve(code));
        });
        this.refused = new Promise((resolve) => {
            this.socket.on('unexpected-response', (request, response) => {
                let body = '';
                response.on('data', (chunk) => (body += chunk));
                response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
            });
        });
        this.socket.on('error', () => {});
        this.socket.on('message', (data, isBinary) => this.packets.push(isBinary ? data : data.toString()));
    }

    send(packet) {
        this.socket.send(packet);
        return this;
    }

    packet(prefix, ms) {
        return this.packets.take((packet) => packet.startsWith?.(prefix), `packet ${prefix}`, ms);
    }

    /// Opens and joins the namespace. @return the CONNECT answer
    async join(member, more = {}) {
        await this.packet('0{');
        this.send(`40${JSON.stringify({ token: member.token, sessionId: member.sessionId, ...more })}`);
        const answer = await this.packets.take((p) => /^4[04]/.test(p), 'CONNECT answer');
        return answer;
    }

    /// Sends the text of one event argument as it is; the text of the next message envelope, unparsed.
    async exchange(jsonText) {
        this.send(`42["message",${jsonText}]`);
        return this.message();
    }

    /// The text of the next envelope that is not a system event.
    async message() {
        const packet = await this.packets.take(
            (p) => p.startsWith?.('42["message",') && !p.includes('system.'), 'message event');
        return messageText(packet);
    }

    close() {
        this.socket.terminate();
    }
}

/// The envelope's text in an EVENT packet, `42["message","…"]` or `42["message",{…}]`, with an offset
/// behind it or without.
export function messageText(packet) {
    const [, argument, offset] = JSON.parse(packet.slice(2));
    if (typeof argument === 'string') return argument;
    const end = offset === undefined ? packet.lastIndexOf(']') : packet.lastIndexOf(`,${JSON.stringify(offset)}]`);
    return packet.slice('42["message",'.length, end);
}

/// Engine.IO long-polling by hand.
export class Polling {
    constructor(server, { query = '', endpoint = '/realtime/', headers = {} } = {}) {
        this.url = `${server.url}${endpoint}?EIO=4&transport=polling${query}`;
        this.headers = headers;
    }

    async get() {
        const answer = await fetch(this.url + (this.sid ? `&sid=${this.sid}` : ''), { headers: this.headers });
        return { status: answer.status, headers: answer.headers, text: await answer.text() };
    }

    async post(body, headers = {}) {
        const answer = await fetch(`${this.url}&sid=${this.sid}`, {
            method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8', ...this.headers, ...headers },
        });
        return { status: answer.status, headers: answer.headers, text: await answer.text() };
    }

    async open() {
        const answer = await this.get();
        assert.equal(answer.status, 200, answer.text);
        this.handshake = JSON.parse(answer.text.slice(1));
        this.sid = this.handshake.sid;
        return this.handshake;
    }

    async packets() {
        const { status, text } = await this.get();
        assert.equal(status, 200, text);
        return text.split('\x1e');
    }
}

/// Sends bytes over TCP and collects what comes back until the server closes or `ms` pass.
export async function tcp(server, bytes, { ms = patience, keepOpen = false } = {}) {
    const socket = net.connect(server.port, server.host.replace(/[[\]]/g, ''));
    let received = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => (received += chunk));
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', () => resolve(true)));
    await once(socket, 'connect');
    if (bytes.length > 0) socket.write(bytes);
    const tell = { get received() { return received; }, socket, closed };
    if (keepOpen) return tell;
    tell.ended = await Promise.race([closed, pause(ms).then(() => false)]);
    socket.destroy();
    return tell;
}

/// Registers before/after hooks that give a test file its server.
export function serverFor({ before, after }, options = {}) {
    const holder = {};
    before(async () => {
        holder.server = await Server.start(options);
    });
    after(() => holder.server?.stop());
    return new Proxy({}, {
        get: (_, name) => {
            const value = holder.server[name];
            return typeof value === 'function' ? value.bind(holder.server) : value;
        },
    });
}
