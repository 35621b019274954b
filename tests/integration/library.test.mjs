// The public C++ API of a Socket.IO server, used by tests/programs/socketio_features.cc at the wish of
// stock clients, which the kernel spreads over the shards.

import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { io } from 'socket.io-client';
import { EchoServer } from './echo.mjs';
import { eventually, Inbox, patience, shards, within } from './harness.mjs';

const server = await EchoServer.start('tests/socketio_features', { endpoint: '/socket.io/' });
after(() => server.stop());

const open = new Set();
afterEach(() => {
    for (const socket of open) socket.disconnect();
    open.clear();
});

/// A client whose events are in `inbox` as [name, …arguments].
function client({ namespace = '', answer, ...options } = {}) {
    const socket = io(server.url + namespace, { forceNew: true, reconnection: false, transports: ['websocket'], ...options });
    open.add(socket);
    socket.inbox = new Inbox();
    socket.onAny((...event) => {
        const callback = typeof event.at(-1) === 'function' ? event.pop() : undefined;
        if (callback && answer) callback(...answer(...event));
        socket.inbox.push(event);
    });
    socket.on('disconnect', (reason) => socket.inbox.push(['disconnect', reason]));
    socket.on('connect_error', (error) => socket.inbox.push(['connect_error', error]));
    socket.ask = (...event) => within(patience, `the ack of ${event[0]}`, socket.emitWithAck(...event));
    socket.askForAll = (...event) => within(patience, `the ack of ${event[0]}`, new Promise((resolve) => socket.emit(...event, (...given) => resolve(given))));
    socket.hears = (name, ...args) => socket.inbox.take((event) => event[0] === name && args.every((a, i) => event[i + 1] === a), `event ${name} ${args}`);
    socket.heard = (name) => socket.inbox.items.filter((event) => event[0] === name);
    return socket;
}

async function connected(options) {
    const socket = client(options);
    await within(patience, 'connect', new Promise((resolve) => socket.once('connect', resolve)));
    return socket;
}

const several = (count, options) => Promise.all(Array.from({ length: count }, () => connected(options)));

/// Nothing more of what was sent before can arrive afterwards: the server sends in order.
const settle = (...sockets) => Promise.all(sockets.map((socket) => socket.ask('who', socket.id)));

test('rooms: in the words of Socket.IO, across shards', async () => {
    const [a, b, c, d] = await several(4);
    assert.deepEqual((await a.askForAll('join', 'red')).sort(), [a.id, 'red'].sort());
    await b.ask('join', 'red');
    await b.ask('join', 'blue');
    await c.ask('join', 'blue');

    a.emit('to-room', 'red');
    await b.hears('news', 'to-room');

    d.emit('in-rooms', 'red', 'blue');
    for (const socket of [a, b, c]) await socket.hears('news', 'in-rooms');

    a.emit('except-room', 'red');
    for (const socket of [c, d]) await socket.hears('news', 'except-room');

    assert.deepEqual((await b.askForAll('leave', 'red')).sort(), [b.id, 'blue'].sort());
    a.emit('in-rooms', 'red', 'nothing');
    await a.hears('news', 'in-rooms');

    await settle(a, b, c, d);
    // Nobody got anything twice, nor what was for others.
    for (const socket of [a, b, c, d]) assert.deepEqual(socket.heard('news'), []);
});

test('broadcasts: to all, and to all others', async () => {
    const all = await several(3);
    const binary = { deep: [Buffer.from([1, 2, 3])] };
    all[0].emit('to-all', 'x', 1, binary);
    for (const socket of all) {
        const [, ...args] = await socket.hears('news', 'x', 1);
        assert.deepEqual(args[2], binary);
    }
    all[0].emit('broadcast', 'y');
    for (const socket of all.slice(1)) await socket.hears('news', 'y');
    await settle(...all);
    assert.deepEqual(all[0].heard('news'), []);
});

test('one socket: events, binary, volatile ones and handlers for any event', async () => {
    const socket = await connected();
    socket.emit('to-me', 'a', { b: Buffer.from('bytes') }, null);
    const [, ...args] = await socket.hears('mine');
    assert.deepEqual(args, ['a', { b: Buffer.from('bytes') }, null]);
    socket.emit('volatile', 'v');
    await socket.hears('news', 'v');
    socket.emit('unknown');
    await socket.hears('any', 'unknown');
    assert.equal(await socket.ask('once'), 'once');
    await assert.rejects(socket.timeout(100).emitWithAck('once'));
});

test('acks: an answer, a time-out, the end of the socket', async () => {
    const answering = await connected({ answer: (...event) => ['yes', event.length] });
    assert.equal(await answering.ask('ask-me', 1, 2), '"yes",3');
    const silent = await connected();
    assert.equal(await silent.ask('ask-me'), 'timeout');
    silent.emit('ask-me-for-ever');
    await silent.hears('question');
    silent.disconnect();
    await answering.hears('outcome', 'disconnected');
});

test('broadcasts with acks: all answers, or those until the time-out', async () => {
    const answering = await several(3, { answer: () => ['here'] });
    for (const socket of answering) await socket.ask('join', 'poll');
    const asking = await connected();
    assert.deepEqual(await asking.askForAll('ask-room', 'poll'), ['"here";"here";"here";', '3']);
    assert.deepEqual(await asking.askForAll('ask-room', 'nobody'), ['', '0']);
    const silent = await connected();
    await silent.ask('join', 'poll');
    assert.deepEqual(await asking.askForAll('ask-room', 'poll'), ['"here";"here";"here";', '4']);
    assert.equal(silent.heard('question').length, 1);
});

test('sockets of a room: told, joined to another, fetched, disconnected', async () => {
    const [a, b, outside] = await several(3);
    for (const socket of [a, b]) await socket.ask('join', 'group');
    await a.ask('name', 'Ada');
    const who = async (room) => (await outside.askForAll('who', room)).sort();
    assert.deepEqual(await who('group'), [`${a.id} 2 Ada`, `${b.id} 2 `].sort());
    await outside.ask('sockets-join', 'group', 'more');
    assert.deepEqual(await who('more'), [`${a.id} 3 Ada`, `${b.id} 3 `].sort());
    await outside.ask('sockets-leave', 'more', 'group');
    assert.deepEqual(await who('group'), []);
    outside.emit('kick-room', 'more');
    await a.hears('disconnect', 'io server disconnect');
    await b.hears('disconnect', 'io server disconnect');
    assert.deepEqual(await who('more'), []);
});

test('leaving: told while in its rooms, then gone, with the reason', async () => {
    const [leaving, staying] = await several(2);
    const { id } = leaving;
    await leaving.ask('join', 'lobby');
    await staying.ask('join', 'lobby');
    leaving.disconnect();
    await staying.hears('leaving', 'lobby');
    await staying.hears('left', id, 'client namespace disconnect');
    const dropped = await connected();
    const droppedId = dropped.id;
    dropped.io.engine.close();
    await staying.hears('left', droppedId, 'transport close');
});

test('disconnect: the namespace, or the whole connection', async () => {
    const socket = await connected();
    const watching = await connected();
    const { id } = socket;
    socket.emit('kick-me', 'namespace');
    await socket.hears('disconnect', 'io server disconnect');
    await watching.hears('left', id, 'server namespace disconnect');
    const whole = await connected();
    const closed = new Promise((resolve) => whole.io.once('close', resolve));
    whole.emit('kick-me', 'transport');
    await within(patience, 'the end of the transport', closed);
});

test('middleware: may be slow, may refuse with data, counts once', async () => {
    const refused = client({ namespace: '/guarded' });
    const [, error] = await refused.hears('connect_error');
    assert.deepEqual([error.message, error.data], ['not you', { code: 401 }]);

    const thrown = client({ namespace: '/guarded', auth: { user: 1, thrower: 1 } });
    const [, internal] = await thrown.hears('connect_error');
    assert.equal(internal.message, 'Internal error');

    const accepted = await connected({ namespace: '/guarded', auth: { user: 1 } });
    assert.deepEqual(await accepted.askForAll('state'), [accepted.id, 'new', 'guarded', '1']);
});

test('namespaces: what is sent in one is not heard in another', async () => {
    const guarded = await connected({ namespace: '/guarded', auth: { user: 1 } });
    const plain = await connected();
    guarded.emit('to-all', 'guarded');
    await guarded.hears('news', 'guarded');
    await settle(plain);
    assert.deepEqual(plain.heard('news'), []);
});

test('namespaces of a predicate come to be when a client names them', async () => {
    const auth = { opener: 1 };
    const unknown = client({ namespace: '/room-1' });
    assert.equal((await unknown.hears('connect_error'))[1].message, 'Invalid namespace');
    for (const [namespace, given] of [['/other-1', auth], [`/room-${'x'.repeat(300)}`, auth], ['/room-broken', auth]]) {
        const [, error] = await client({ namespace, auth: given }).hears('connect_error');
        assert.equal(error.message, 'Invalid namespace', namespace);
    }
    const first = await several(3, { namespace: '/room-1', auth });
    const second = await connected({ namespace: '/room-2', auth });
    for (const socket of first) await socket.hears('welcome', '/room-1');
    await second.hears('welcome', '/room-2');
    // Now that it is there, everybody may come whom its middlewares let in.
    const late = await connected({ namespace: '/room-1' });
    await late.hears('welcome', '/room-1');
    const [, error] = await client({ namespace: '/room-1', auth: { banned: 1 } }).hears('connect_error');
    assert.equal(error.message, 'banned');

    first[0].emit('to-nsp', 'one');
    for (const socket of [...first, late]) await socket.hears('news', 'one');
    second.emit('to-all-rooms', 'all');
    for (const socket of [...first, late, second]) await socket.hears('news', 'all');
    assert.deepEqual(await second.askForAll('rooms'), ['/room-1', '/room-2']);
    assert.deepEqual(second.heard('news'), [], 'what was for the other one');
});

test('no more of them than dynamic_namespaces_max', async () => {
    const crowded = await EchoServer.start('tests/socketio_features', { endpoint: '/socket.io/' });
    const join = async (n) => {
        const socket = io(`${crowded.url}/room-${n}`, { forceNew: true, reconnection: false, transports: ['websocket'], auth: { opener: 1 } });
        open.add(socket);
        return within(patience, 'an answer', new Promise((resolve) => {
            socket.once('connect', () => resolve('connected'));
            socket.once('connect_error', (error) => resolve(error.message));
        }));
    };
    for (let n = 0; n < 20; ++n) assert.equal(await join(n), 'connected');
    assert.equal(await join(20), 'Invalid namespace');
    assert.equal(await join(7), 'connected');
    await crowded.stop();
});

test('middleware of a socket: lets events through, later too, or refuses them', async () => {
    const socket = await connected();
    await socket.ask('judge');
    assert.equal(await socket.ask('slow', 1), 1);
    await socket.hears('second', 1);
    socket.emit('unlawful');
    await eventually('the report', () => server.output.includes('a handler threw: unlawful'));
    await socket.ask('listen-for-errors');
    socket.emit('unlawful', 'x');
    await socket.hears('refused', 'unlawful', 'unlawful', '{"code":451}');
    socket.emit('monstrous');
    await eventually('the report', () => server.output.includes("a handler threw: of an event's middleware"));
    socket.emit('never');
    socket.emit('unknown');
    await socket.hears('any', 'unknown');
    await settle(socket);
    assert.deepEqual(socket.heard('heard'), []);
});

test('a client with too many events that middlewares have not decided is disconnected', async () => {
    const socket = await connected();
    await socket.ask('judge');
    for (let i = 0; i < 1023; ++i) socket.emit('keep', i);
    await settle(socket);
    socket.emit('keep', 1023);
    socket.emit('unknown');
    await socket.hears('disconnect', 'transport close');
});

test('long-polling answers are compressed from the threshold on, and the handshake sets the cookie', async () => {
    const opened = await server.http('EIO=4&transport=polling');
    const { sid } = JSON.parse(opened.text.slice(1));
    assert.equal(opened.headers.get('set-cookie'), `node=${sid}; Path=/; HttpOnly; SameSite=Strict`);
    const known = `EIO=4&transport=polling&sid=${sid}`;
    await server.http(known, { method: 'POST', body: '40' });
    await server.http(known);
    for (const [length, coding] of [[300, null], [600, 'gzip']]) {
        await server.http(known, { method: 'POST', body: `42["to-me","${'x'.repeat(length)}"]` });
        const { headers, text } = await server.http(known, { headers: { 'accept-encoding': 'gzip' } });
        assert.equal(headers.get('content-encoding'), coding);
        assert.ok(text.startsWith('42["mine","xxx'), text);
    }
});

test('handshake: auth, query, headers and address', async () => {
    const socket = await connected({ auth: { token: 'ü' }, query: { color: 'a b' }, extraHeaders: { 'X-Test': 'yes' } });
    assert.deepEqual(await socket.askForAll('handshake'), [{ token: 'ü' }, 'a b', 'yes', '127.0.0.1']);
});

test('messages are compressed for clients that offer it', async () => {
    const socket = await connected({ perMessageDeflate: { threshold: 0 } });
    assert.equal(socket.io.engine.transport.ws.extensions, 'permessage-deflate');
    const text = 'x'.repeat(100_000);
    socket.emit('to-me', text);
    await socket.hears('mine', text);
});

test('other threads: emits arrive in the order of their calls', async () => {
    const socket = await connected();
    assert.equal(await socket.ask('from-thread'), 'counted');
    await socket.hears('count', 19);
    assert.deepEqual(socket.heard('count').map(([, n]) => n), Array.from({ length: 19 }, (_, n) => n));
});

test('server-side events reach every shard', async () => {
    const socket = await connected();
    socket.emit('gossip', 'g');
    for (let i = 0; i < shards; ++i) await socket.hears('gossip-heard', 'g');
    await settle(socket);
    assert.deepEqual(socket.heard('gossip-heard'), []);
});

test('the end of the server is told over both transports', async () => {
    const ending = await EchoServer.start('tests/socketio_features', { endpoint: '/socket.io/' });
    const all = [];
    for (const transports of [['websocket'], ['polling']]) {
        const socket = io(ending.url, { forceNew: true, reconnection: false, transports });
        open.add(socket);
        await within(patience, 'connect', new Promise((resolve) => socket.once('connect', resolve)));
        all.push(within(patience, `the end over ${transports}`, new Promise((resolve) => socket.once('disconnect', resolve))));
    }
    await ending.stop();
    assert.deepEqual(await Promise.all(all), ['transport close', 'transport close']);
});

test('a handler that throws harms nobody', async () => {
    const socket = await connected();
    socket.emit('throw');
    await settle(socket);
    await eventually('the report', () => server.output.includes('a handler threw: of a handler'));
});
