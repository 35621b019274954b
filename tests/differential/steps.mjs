// The words that conversations are written in. A conversation is a list of steps; running it
// against a server gives a transcript, a list of lines: `> ` what was sent, `< ` what came back.
//
// $sid in a text stands for the Engine.IO sid of the last handshake, $socket and $pid for the ids of
// the last CONNECT answer, $offset for the last string argument of the last event.

import { gunzipSync, inflateSync } from 'node:zlib';
import { Exchange, frame, patience, requestBytes, WebSocketWire } from './wire.mjs';

/// How the transfer is framed, and when: not part of what is compared.
const framing = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding']);

const printable = (text) =>
    text.replaceAll('\x1e', '␞').replace(/[\x00-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

function shortened(text) {
    return text.length <= 400 ? text : `${text.slice(0, 60)}…${text.slice(-20)} (${text.length} characters)`;
}

const textLine = (text) => shortened(printable(text));
const hexLine = (bytes) => (bytes.length <= 64 ? `hex ${bytes.toString('hex')}` : `hex ${bytes.toString('hex', 0, 32)}… (${bytes.length} bytes)`);

function shown(content) {
    if (content === undefined || content.length === 0) return '';
    return typeof content === 'string' ? textLine(content) : hexLine(content);
}

/// What a conversation knows while it runs.
export class Run {
    lines = [];
    names = {};
    sockets = {};
    exchanges = {};
    /// What the normaliser replaces: [secret, kind].
    secrets = [];
    /// When the last packet was sent, or arrived.
    since = performance.now();
    /// By how many milliseconds at most this process or the server was late.
    late = 0;

    /// @param peer  the server: its port and its process
    constructor(peer, path) {
        this.peer = peer;
        this.port = peer.port;
        this.path = path;
    }

    say(line) {
        this.lines.push(line);
    }

    fill(value) {
        if (typeof value !== 'string') return value;
        return value.replace(/\$(sid|other|socket|pid|offset)\b/g, (whole, name) => this.names[name] ?? whole);
    }

    /// Takes ids out of what the server sent.
    learn(text) {
        const open = /(?:^|\d:)0\{"sid":"([^"]+)"/.exec(text) ?? /^[^4]*0\{"sid":"([^"]+)"/.exec(text);
        if (open) this.#know('sid', open[1]);
        for (const [, joined, , pid] of text.matchAll(/40(?:\/[^,]*,)?\{"sid":"([^"]+)"(,"pid":"([^"]+)")?\}/g)) {
            this.#know('socket', joined);
            if (pid !== undefined) this.#know('pid', pid);
        }
    }

    /// @param event  an EVENT packet of a server with recovery
    learnOffset(event) {
        const last = /,"([^"]+)"\]$/.exec(event);
        if (last) this.#know('offset', last[1]);
    }

    #know(name, secret) {
        this.names[name] = secret;
        this.secrets.push([secret, name]);
    }

    close() {
        for (const socket of Object.values(this.sockets)) socket.cut();
        for (const exchange of Object.values(this.exchanges)) exchange.cut();
    }
}

const step = (text, run) => ({ text, run });

// HTTP

function decoded({ headers, body }) {
    const coding = headers.find(([name]) => name === 'content-encoding')?.[1];
    if (coding === 'gzip') return gunzipSync(body);
    return coding === 'deflate' ? inflateSync(body) : body;
}

function sayResponse(run, response) {
    if (response === undefined) return run.say('< no answer');
    run.say(`< ${response.status}`);
    const compared = response.headers.filter(([name]) => !framing.has(name));
    for (const [name, value] of compared.sort(([a], [b]) => (a < b ? -1 : 1))) run.say(`<   ${name}: ${value}`);
    const body = decoded(response);
    if (body.length === 0) return undefined;
    const text = body.toString('utf8');
    const isText = Buffer.compare(Buffer.from(text), body) === 0 && !/[\x00-\x08]/.test(text);
    run.learn(isText ? text : body.toString('latin1'));
    return run.say(`<   ${isText ? textLine(text) : hexLine(body)}`);
}

async function awaited(exchange, ms = patience) {
    let timer;
    const late = new Promise((resolve) => {
        timer = setTimeout(resolve, ms, 'late');
    });
    const response = await Promise.race([exchange.response, late]);
    clearTimeout(timer);
    return response;
}

function sayAnswer(run, response) {
    if (response === 'late') run.say('< nothing yet');
    else sayResponse(run, response);
}

/// Any request. `options`: query, headers, body, path (instead of the server's), version 4 as EIO
/// and polling as transport only when `query` is not given.
export function http(method, options = {}) {
    const query = options.query ?? 'EIO=4&transport=polling&sid=$sid';
    const body = options.body;
    const headers = Object.entries(options.headers ?? {}).map(([name, value]) => ` ${name}: ${value}`).join(';');
    const text = `${method} ${options.path ?? ''}?${query}${headers}${body === undefined ? '' : ` ${shown(body)}`}`;
    const begin = (run) => {
        const target = `${options.path ?? `${run.path}/`}${query === '' ? '' : `?${run.fill(query)}`}`;
        return new Exchange(run.port, method, requestBytes(method, target, options.headers, run.fill(body)));
    };
    const finish = async (run) => {
        run.say(`> ${text}`);
        const exchange = begin(run);
        sayAnswer(run, await awaited(exchange, options.ms));
        exchange.cut();
    };
    return { ...step(text, finish), begin };
}

export const handshake = (options = {}) => http('GET', { query: 'EIO=4&transport=polling', ...options });
export const get = (options) => http('GET', options);
export const post = (body, options) => http('POST', { body, headers: { 'Content-Type': 'text/plain;charset=UTF-8' }, ...options });

/// Sends a request whose answer is looked at later, and goes on when the server has seen it.
export function start(name, request) {
    return step(`${name}: ${request.text}`, async (run) => {
        run.say(`> ${name}: ${request.text}`);
        run.exchanges[name] = request.begin(run);
        await run.exchanges[name].sent;
        await barrier(run);
    });
}

/// A request that changes nothing.
async function ask(run) {
    const exchange = new Exchange(run.port, 'GET', requestBytes('GET', `${run.path}/?transport=none`));
    await awaited(exchange);
    exchange.cut();
}

/// Waits until the server has seen all that was sent before. What one connection brings says nothing of
/// another, whose thread may not have had its turn; but a thread that sleeps has read what came. Twice,
/// for a request may be handed to the thread that has its session.
async function barrier(run) {
    await ask(run);
    await run.peer.sleeps(patience);
    await run.peer.sleeps(patience);
}

/// The answer to a request that was started.
export function answer(name, ms) {
    return step(`answer to ${name}`, async (run) => {
        run.say(`answer to ${name}`);
        sayAnswer(run, await awaited(run.exchanges[name], ms));
    });
}

/// Whether a started request is still without an answer.
export function unanswered(name) {
    return step(`no answer to ${name} yet`, async (run) => {
        await barrier(run);
        run.say(`answer to ${name}`);
        sayAnswer(run, await awaited(run.exchanges[name], 1));
    });
}

/// Begins a POST: its head and a part of its body.
export function startPost(name, part, length, headers = {}) {
    const text = `POST of ${length} bytes, begun with ${shown(part)}`;
    const begin = (run) => {
        const all = { 'Content-Type': 'text/plain;charset=UTF-8', 'Content-Length': length, ...headers };
        const target = `${run.path}/?EIO=4&transport=polling&sid=${run.names.sid}`;
        return new Exchange(run.port, 'POST', requestBytes('POST', target, all, part));
    };
    return start(name, { text, begin });
}

export function more(name, bytes) {
    return step(`${name}: ${shown(bytes)}`, async (run) => {
        run.say(`> ${name}: ${shown(bytes)}`);
        run.exchanges[name].write(bytes);
    });
}

/// Ends the TCP connection of a started request or of a WebSocket.
export function cut(name) {
    return step(`cut ${name}`, async (run) => {
        run.say(`cut ${name}`);
        (run.exchanges[name] ?? run.sockets[name]).cut();
        await barrier(run);
    });
}

/// Polls until a packet of the answers is `last`, and tells the packets without regard to how they
/// are spread over answers (docs/protocol/deviations.md, payload-boundaries).
export function drain(last) {
    return step(`GET until ${shown(last)}`, async (run) => {
        run.say(`GET until ${shown(last)}`);
        for (let packets = []; !packets.includes(last);) {
            const response = await awaited(get().begin(run));
            if (response === 'late' || response?.status !== 200) return sayAnswer(run, response);
            packets = response.body.toString().split('\x1e');
            packets.forEach((packet) => run.learn(packet));
            packets.forEach((packet) => run.say(`<   ${textLine(packet)}`));
        }
        return undefined;
    });
}

// WebSocket

const opening = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
};

/// The opening request of a WebSocket. Headers with the value undefined are left out.
export function open({ as = 'ws', query = 'EIO=4&transport=websocket', headers = {}, path, first = Buffer.alloc(0) } = {}) {
    const extra = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`).join(';');
    const text = `${as}: WebSocket ${path ?? ''}?${query}${extra}`;
    return step(text, async (run) => {
        run.say(`> ${text}`);
        const all = Object.entries({ ...opening, ...headers }).filter(([, value]) => value !== undefined);
        const target = `${path ?? `${run.path}/`}?${run.fill(query)}`;
        const socket = new WebSocketWire(run.port, Buffer.concat([requestBytes('GET', target, all), first]));
        run.sockets[as] = socket;
        sayAnswer(run, await awaited(socket));
    });
}

export const upgrade = (options = {}) => open({ query: 'EIO=4&transport=websocket&sid=$sid', ...options });

function closeLine(payload) {
    if (payload.length < 2) return '< close without a code';
    const reason = payload.toString('utf8', 2);
    return `< close ${payload.readUInt16BE(0)}${reason === '' ? '' : ` ${textLine(reason)}`}`;
}

/// One line for what came on a WebSocket.
function sayEvent(run, event) {
    run.since = event?.at ?? run.since;
    switch (event?.kind) {
        case undefined:
            return run.say('< nothing');
        case 'text': {
            const text = event.payload.toString();
            run.learn(text);
            if (run.recovers && /^4[25]/.test(text)) run.learnOffset(text);
            return run.say(`< ${textLine(text)}`);
        }
        case 'binary':
            return run.say(`< ${hexLine(event.payload)}`);
        case 'close':
            return run.say(closeLine(event.payload));
        case 'end':
            return run.say('< the connection ends');
        default:
            return run.say(`< ${event.kind} ${shown(event.payload)}`.trimEnd());
    }
}

function parseArguments(first, rest) {
    return typeof first === 'object' && !Buffer.isBuffer(first) ? [first.on, rest] : ['ws', [first, ...rest]];
}

/// Sends packets, one a frame: strings as text, Buffers as binary. on('name') first: on that WebSocket.
export function send(first, ...rest) {
    const [name, packets] = parseArguments(first, rest);
    return step(`${name}: ${packets.map(shown).join(' then ')}`, async (run) => {
        for (const packet of packets) {
            run.say(`> ${shown(packet)}`);
            run.since = performance.now();
            run.sockets[name].write(frame(typeof packet === 'string' ? 0x81 : 0x82, run.fill(packet)));
        }
    });
}

export const on = (name) => ({ on: name });

/// Sends bytes as they are: frames by hand.
export function bytes(content, name = 'ws') {
    return step(`${name}: ${hexLine(content)}`, async (run) => {
        run.say(`> ${hexLine(content)}`);
        run.sockets[name].write(content);
    });
}

/// The next `count` things that arrive.
export function receive(count = 1, { name = 'ws', ms } = {}) {
    return step(`${name}: receive ${count}`, async (run) => {
        for (let i = 0; i < count; ++i) {
            const event = await run.sockets[name].next(ms);
            if (event?.kind === 'ended') return;
            sayEvent(run, event);
        }
    });
}

/// All that the server has to say about what it was sent so far: what arrives until it has answered
/// two WebSocket pings one after the other, or closed.
export function settle(name = 'ws') {
    return step(`${name}: settle`, async (run) => {
        const socket = run.sockets[name];
        for (const round of ['r1', 'r2']) {
            socket.write(frame(0x89, round));
            for (;;) {
                const event = await socket.next();
                if (event?.kind === 'ended') return;
                if (event?.kind === 'pong' && event.payload.toString() === round) break;
                sayEvent(run, event);
                if (event === undefined || event.kind === 'close' || event.kind === 'end') return;
            }
        }
        run.say('open');
    });
}

/// Waits for the server to close.
export function ended(name = 'ws', ms = patience) {
    return step(`${name}: the end`, async (run) => {
        for (;;) {
            const event = await run.sockets[name].next(ms);
            if (event?.kind === 'ended') return;
            sayEvent(run, event);
            if (event === undefined) return;
        }
    });
}

/// Waits, and notes when that took longer than it should.
async function wait(run, ms) {
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    run.late = Math.max(run.late, performance.now() - begin - ms);
}

export function pause(ms) {
    return step(`wait ${ms} ms`, (run) => wait(run, ms));
}

/// Tells the next thing that arrives, and whether it did so `from` ms or more after the packet before
/// it, of either side. Nothing, after `to` ms.
export function receiveBetween(from, to, name = 'ws') {
    return step(`${name}: receive after ${from} to ${to} ms`, async (run) => {
        const event = await run.sockets[name].next(to);
        const after = (event?.at ?? performance.now()) - run.since;
        if (event?.kind !== 'ended') sayEvent(run, event);
        run.say(after < from ? 'too early' : 'in time');
    });
}

/// Keeps the present $sid as $other.
export const remember = step('remember $sid as $other', async (run) => {
    run.names.other = run.names.sid;
});

/// A new session over WebSocket with its open packet read.
export const session = (options) => [open(options), receive(1, { name: options?.as })];
/// A Socket.IO client that joined `/`.
export const joined = (auth = '') => [...session(), send(`40${auth}`), receive(2)];

/// @param server  engineio or socketio
/// @param options.settings  a name of peers.mjs's settings; `slow`: needs the machine's time alone
export function conversation(id, server, steps, options = {}) {
    return { id, server, steps: steps.flat(Infinity), settings: 'plain', ...options };
}

/// Asks the server something that changes nothing, again and again beside a conversation, so that the
/// run knows when the server or this process stood still.
async function watchTheClock(run) {
    while (!run.over) {
        await wait(run, 15);
        const begin = performance.now();
        await ask(run);
        run.late = Math.max(run.late, performance.now() - begin);
    }
}

/// Milliseconds: later than that, and time-outs of 200 ms may look like something else.
const latenessMax = 50;

async function playOnce(conversation, peer) {
    const run = new Run(peer, conversation.server === 'engineio' ? '/engine.io' : '/socket.io');
    run.recovers = conversation.settings === 'recovery';
    if (conversation.timed) watchTheClock(run);
    try {
        for (const { run: take } of conversation.steps) await take(run);
    } catch (error) {
        run.say(`the conversation broke: ${error.message}`);
    }
    run.over = true;
    run.close();
    return run;
}

/// Plays a conversation with a server of peers.mjs. One that measures time says nothing when the machine
/// stood still meanwhile: it is played again, and void when there was no quiet moment for it at all.
export async function play(conversation, peer) {
    for (let again = 0; ; ++again) {
        const run = await playOnce(conversation, peer);
        run.void = conversation.timed && run.late > latenessMax;
        if (!run.void || again === 5) return run;
    }
}
