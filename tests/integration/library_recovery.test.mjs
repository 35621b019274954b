// Connection state recovery of the plain C++ server: stock clients whose connection breaks, and the
// same in bytes, coming back to whatever shard the kernel chooses.

import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { io } from 'socket.io-client';
import { EchoServer } from './echo.mjs';
import { Inbox, patience, within } from './harness.mjs';

const server = await EchoServer.start('tests/socketio_features', { flags: ['--recovery'], endpoint: '/socket.io/' });
after(() => server.stop());

const open = new Set();
afterEach(() => {
    for (const socket of open) socket.disconnect();
    open.clear();
});

async function connected({ namespace = '', ...options } = {}) {
    const socket = io(server.url + namespace, { forceNew: true, reconnectionDelay: 10, transports: ['websocket'], ...options });
    open.add(socket);
    socket.inbox = new Inbox();
    socket.connects = new Inbox();
    socket.onAny((...event) => socket.inbox.push(event));
    socket.on('connect', () => socket.connects.push({ id: socket.id, recovered: socket.recovered }));
    await socket.connects.take(() => true, 'connect');
    socket.ask = (...event) => within(patience, `the ack of ${event[0]}`, new Promise((resolve) => socket.emit(...event, (...given) => resolve(given))));
    socket.hears = (name, ...args) => socket.inbox.take((event) => event[0] === name && args.every((a, i) => event[i + 1] === a), `event ${name} ${args}`);
    return socket;
}

/// Cuts the connection; `meanwhile` runs while the client is away. @return what its next connect is told
async function interrupted(socket, meanwhile = async () => {}) {
    socket.io.reconnection(false);
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    socket.io.engine.close();
    await gone;
    await meanwhile();
    socket.io.reconnection(true);
    socket.connect();
    return socket.connects.take(() => true, 'the next connect');
}

const numbers = (socket, name) => socket.inbox.items.filter((event) => event[0] === name).map((event) => event[1]);

test('id, rooms and data come back, and what was missed, in order and once', async () => {
    const away = await connected();
    const other = await connected();
    await away.ask('join', 'red');
    await away.ask('name', 'Ada');
    const { id } = away;
    const again = await interrupted(away, async () => {
        await other.hears('left', id, 'transport close');
        for (let i = 0; i < 20; ++i) other.emit('to-all', i);
        other.emit('to-room', 'red');
        other.emit('to-room', 'blue');
        await other.ask('state');
    });
    assert.deepEqual(again, { id, recovered: true });
    assert.deepEqual(await away.ask('state'), [id, 'recovered', 'Ada', '2']);
    assert.deepEqual(numbers(away, 'news'), [...Array(20).keys(), 'to-room']);
    other.emit('to-room', 'red');
    await away.ask('state');
    await away.inbox.find((event) => event[1] === 'to-room' && numbers(away, 'news').length === 22);
});

test('also for a client that no event has reached, in another namespace, with its middlewares', async () => {
    const away = await connected({ namespace: '/guarded', auth: { user: 1 } });
    const other = await connected({ namespace: '/guarded', auth: { user: 2 } });
    const { id } = away;
    const again = await interrupted(away, async () => {
        other.emit('to-all', 'first');
        await other.hears('news', 'first');
    });
    assert.deepEqual(again, { id, recovered: true });
    await away.hears('news', 'first');
    // The refusal of a middleware counts for those who come back as well.
    away.auth = { nobody: 1 };
    const refused = new Promise((resolve) => away.once('connect_error', resolve));
    interrupted(away).catch(() => {});
    assert.equal((await within(patience, 'the refusal', refused)).message, 'not you');
});

test('binary is replayed; volatile events and those with an ack are not', async () => {
    const away = await connected();
    const other = await connected();
    await away.ask('join', 'red');
    const again = await interrupted(away, async () => {
        other.emit('to-all', Buffer.from([7]));
        await other.ask('ask-room', 'red');
    });
    assert.equal(again.recovered, true);
    const [, bytes] = await away.hears('news');
    assert.deepEqual(bytes, Buffer.from([7]));
    assert.deepEqual(away.inbox.items.filter(([name]) => name === 'question'), []);
});

test('again and again, with events of every moment', async () => {
    const away = await connected();
    const other = await connected();
    const { id } = away;
    let next = 0;
    for (let round = 0; round < 10; ++round) {
        for (let i = 0; i < 5; ++i) other.emit('to-all', next++);
        const again = interrupted(away, async () => {
            for (let i = 0; i < 5; ++i) other.emit('to-all', next++);
        });
        for (let i = 0; i < 5; ++i) other.emit('to-all', next++);
        assert.deepEqual(await again, { id, recovered: true }, `round ${round}`);
    }
    await away.inbox.find((event) => event[1] === next - 1);
    assert.deepEqual(numbers(away, 'news'), [...Array(next).keys()]);
});

test('private events have offsets of their own', async () => {
    const away = await connected();
    for (let i = 0; i < 5; ++i) away.emit('to-me', i);
    await away.hears('mine', 4);
    const again = await interrupted(away);
    assert.equal(again.recovered, true);
    away.emit('to-me', 5);
    await away.hears('mine', 5);
    assert.deepEqual(numbers(away, 'mine'), [0, 1, 2, 3]);
});

/// A client in bytes that has not joined yet.
async function opened(at = server) {
    const wire = at.wire('EIO=4&transport=websocket');
    await wire.next();
    return wire;
}

/// The same, joined with the CONNECT payload `auth`: its wire, and what came up to the CONNECT answer.
async function joined(auth, at = server) {
    return joinedOn(await opened(at), auth);
}

async function joinedOn(wire, auth) {
    wire.send(`40${JSON.stringify(auth)}`);
    const before = [];
    for (;;) {
        const packet = await wire.packet();
        if (packet.startsWith('40')) return { wire, before, ...JSON.parse(packet.slice(2)) };
        before.push(packet);
    }
}

/// The next packet of an event, past those that tell of clients before.
async function event(wire, name) {
    for (;;) {
        const packet = await wire.packet();
        if (packet.startsWith(`42["${name}"`)) return packet;
    }
}

test('the missed events come before the CONNECT answer, which has the same sid and pid', async () => {
    const first = await joined({});
    first.wire.send('42["to-me",1]');
    const [, , offset] = JSON.parse((await event(first.wire, 'mine')).slice(2));
    first.wire.send('42["to-me",2]');
    assert.match(await event(first.wire, 'mine'), /^42\["mine",2,"/);
    first.wire.drop();
    const second = await joined({ pid: first.pid, offset });
    assert.deepEqual([second.sid, second.pid], [first.sid, first.pid]);
    const mine = second.before.filter((packet) => packet.includes('"mine"'));
    assert.equal(mine.length, 1);
    assert.match(mine[0], /^42\["mine",2,"/);
    second.wire.drop();
});

test('a connection that is still believed alive gives way', async () => {
    const first = await joined({});
    const second = await joined({ pid: first.pid });
    assert.deepEqual([second.sid, second.pid], [first.sid, first.pid]);
    await first.wire.end();
    second.wire.send('42["to-me",1]');
    assert.match(await event(second.wire, 'mine'), /^42\["mine",1,"/);
    second.wire.drop();
});

test('the CONNECT of an attempt that was given up for a later one takes nothing over', async () => {
    const first = await joined({});
    const abandoned = [await opened(), await opened()];
    const second = await joined({ pid: first.pid });
    assert.equal(second.sid, first.sid);
    const late = await joinedOn(abandoned[0], { pid: first.pid });
    assert.notEqual(late.sid, first.sid);
    second.wire.send('42["to-me",1]');
    assert.match(await event(second.wire, 'mine'), /^42\["mine",1,"/);
    second.wire.drop();
    await event(late.wire, 'left');
    assert.notEqual((await joinedOn(abandoned[1], { pid: first.pid })).sid, first.sid);
    const third = await joined({ pid: first.pid });
    assert.equal(third.sid, first.sid);
    for (const { wire } of [late, third]) wire.drop();
    abandoned[1].drop();
});

test('no pid of ours, one of a client that left for good, one of another namespace: a new connection', async () => {
    const left = await joined({});
    left.wire.send('41', '40');
    for (let packet = ''; !packet.startsWith('40'); packet = await left.wire.packet());
    for (const pid of ['nobody', '0~nobody', '999~x', '~', left.pid]) {
        const fresh = await joined({ pid, offset: '0-1' });
        assert.deepEqual([fresh.sid === left.sid, fresh.pid === pid, fresh.before], [false, false, []], pid);
        fresh.wire.drop();
    }
    left.wire.drop();
});

/// A server of one shard with a narrow bound, for the time of `use`.
async function bounded(name, value, use) {
    process.env[name] = String(value);
    const narrow = await EchoServer.start('tests/socketio_features', { flags: ['--recovery', '--shards', '1'], endpoint: '/socket.io/' });
    delete process.env[name];
    try {
        await use(narrow);
    } finally {
        await narrow.stop();
    }
}

/// Joins and is gone again, as the server knows.
async function cameAndWent(at) {
    const watching = await joined({}, at);
    const gone = await joined({}, at);
    gone.wire.drop();
    await event(watching.wire, 'left');
    return { gone, watching };
}

test('of too many clients that have gone the oldest is not recovered', () =>
    bounded('RECOVERY_SESSIONS_MAX', 2, async (narrow) => {
        const [first, second, third] = [await cameAndWent(narrow), await cameAndWent(narrow), await cameAndWent(narrow)];
        const sids = [];
        for (const { gone } of [first, second, third]) sids.push((await joined({ pid: gone.pid }, narrow)).sid === gone.sid);
        assert.deepEqual(sids, [false, true, true]);
    }));

test('who comes back too late is not recovered', () =>
    bounded('RECOVERY_DURATION_MS', 0, async (narrow) => {
        const { gone } = await cameAndWent(narrow);
        assert.notEqual((await joined({ pid: gone.pid }, narrow)).sid, gone.sid);
    }));

test('who has missed more than is kept is not recovered', () =>
    bounded('RECOVERY_LOG_BYTES_MAX', 10_000, async (narrow) => {
        for (const [bytes, recovered] of [[100, true], [20_000, false]]) {
            const { gone, watching } = await cameAndWent(narrow);
            watching.wire.send(`42["to-all","${'x'.repeat(bytes)}"]`);
            await event(watching.wire, 'news');
            assert.equal((await joined({ pid: gone.pid }, narrow)).sid === gone.sid, recovered);
        }
    }));

test('every event ends in an offset or in no string', async () => {
    const { wire } = await joined({});
    wire.send('42["to-me","a"]');
    assert.match(await event(wire, 'mine'), /^42\["mine","a","[\d-]+"\]$/);
    wire.send('42["volatile","a"]');
    assert.equal(await event(wire, 'news'), '42["news","a",null]');
    wire.drop();
});
