// Connections that break and come back: the stock client behind a proxy that cuts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, describe, test } from 'node:test';
import { Client, eventually, patience, pause, Server, within } from './harness.mjs';

/// TCP between a client and the server, which can break it.
class Proxy {
    pairs = new Set();

    static async before(server) {
        const proxy = new Proxy();
        proxy.listener = net.createServer((client) => proxy.#join(client, server));
        proxy.listener.listen(0, '127.0.0.1');
        await once(proxy.listener, 'listening');
        proxy.wsUrl = `ws://127.0.0.1:${proxy.listener.address().port}`;
        return proxy;
    }

    #join(client, server) {
        if (this.down) return client.on('error', () => {}).destroy();
        const upstream = net.connect(server.port, server.host);
        const pair = { client, upstream };
        this.pairs.add(pair);
        client.on('error', () => {}).on('close', () => this.#end(pair)).pipe(upstream);
        upstream.on('error', () => {}).on('close', () => this.#end(pair)).pipe(client);
    }

    #end(pair) {
        if (pair.half) return pair.client.destroy();
        this.pairs.delete(pair);
        pair.client.destroy();
        pair.upstream.destroy();
    }

    /// The client hears of the end; the server does ('fin') or goes on believing in it ('half').
    /// Nobody gets through any more until `down` is false.
    cut(how) {
        this.down = true;
        for (const pair of [...this.pairs]) {
            if (pair.half) continue;
            if (how === 'half') {
                pair.half = true;
                pair.client.unpipe(pair.upstream);
                pair.upstream.unpipe(pair.client);
                pair.upstream.pause();
            }
            pair.client.destroy();
        }
    }

    close() {
        for (const { client, upstream } of this.pairs) {
            client.destroy();
            upstream.destroy();
        }
        this.listener.close();
    }
}

/// A client behind a proxy of its own, which comes back by itself.
class Traveller extends Client {
    seen = [];
    offsets = [];

    static async start(server, member, { transports = ['websocket'], ...options } = {}) {
        const proxy = await Proxy.before(server);
        const client = new Traveller({ wsUrl: proxy.wsUrl }, member, {
            transports, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...options,
        });
        client.proxy = proxy;
        server.clients.add(client);
        client.socket.on('message', (message, offset) => {
            const { action, requestId, kind, data } = typeof message === 'string' ? JSON.parse(message) : message;
            client.offsets.push(offset);
            client.seen.push(kind === 'push' ? action : kind === 'status' ? `${requestId}:${data.seq}` : kind === 'system' ? action : requestId);
        });
        await client.connect();
        return client;
    }

    /// Breaks it, runs `meanwhile` before it is back, and waits until it is.
    async broken(how, meanwhile = () => {}) {
        const { socket } = this;
        const gone = once(socket, 'disconnect');
        const held = this.#hold();
        if (typeof how === 'function') await how(); else this.proxy.cut(how);
        await within(patience, 'the break', gone);
        await meanwhile();
        this.proxy.down = false;
        held.release();
        await this.welcomed();
        return socket.recovered;
    }

    /// Keeps the client from coming back.
    #hold() {
        const { io } = this.socket;
        const reconnect = io.reconnect;
        let asked = false;
        io.reconnect = () => { asked = true; };
        return { release: () => { io.reconnect = reconnect; if (asked) io.reconnect(); } };
    }

    async welcomed() {
        this.welcome = await this.system('connected');
        return this.welcome.data;
    }

    /// Names of what came since the last call.
    names() {
        return this.seen.splice(0);
    }

    close() {
        super.close();
        this.proxy.close();
    }
}

const server = await Server.start({ config: '[limits]\nviolations_before_close = 5\n' });
after(() => server.stop());
const publish = (action, more = {}) => server.publish({ companyId: 'c1', action, ...more });
const metric = async (name) => {
    const { text } = await server.http('GET', '/metrics');
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)[1]);
};

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    for (const how of ['fin', 'half']) {
        test(`what was missed comes once, in order, over ${transports} after a cut: ${how}`, async () => {
            const client = await Traveller.start(server, await server.member(), { transports });
            const { id } = client.socket;
            await publish('before');
            await client.update('before');
            await client.request('echo', 1);
            client.names();
            const recovered = await client.broken(how, async () => {
                for (let i = 0; i < 20; ++i) await publish(`meanwhile${i}`);
                await publish('not for it', { audience: { users: ['somebody-else'] } });
                await publish('never kept', { volatile: true });
            });
            assert.equal(recovered, true);
            assert.equal(client.socket.id, id);
            assert.equal(client.welcome.data.recovered, true);
            assert.equal(client.welcome.data.connectionId, id);
            assert.deepEqual(client.names(), [...Array.from({ length: 20 }, (_, i) => `meanwhile${i}`), 'system.connected']);
            await publish('after');
            await client.update('after');
            assert.deepEqual(client.names(), ['after']);
            assert.equal(new Set(client.offsets).size, client.offsets.length, 'each message has its own offset');
            client.close();
        });
    }
}

test('a close by the server is recovered from, too', async () => {
    const client = await Traveller.start(server, await server.member());
    client.names();
    const recovered = await client.broken(() => { for (let i = 0; i < 5; ++i) client.socket.emit('message', '{'); }, () => publish('a'));
    assert.equal(recovered, true);
    assert.equal(client.welcome.data.lastClose.code, 'INVALID_MESSAGE');
    assert.deepEqual(client.names().filter((name) => name !== '' && name !== 'system.limitWarning'), ['a', 'system.connected']);
});

test('many breaks lose and double nothing', async () => {
    const client = await Traveller.start(server, await server.member());
    let published = 0;
    let publishing = true;
    const publisher = (async () => {
        while (publishing) await publish(`n${published++}`);
    })();
    for (let i = 0; i < 12; ++i) {
        await pause(20);
        assert.equal(await client.broken(i % 2 ? 'fin' : 'half', () => pause(10 * (i % 3))), true);
    }
    publishing = false;
    await publisher;
    await client.update(`n${published - 1}`);
    const numbers = client.seen.filter((name) => /^n\d/.test(name)).map((name) => Number(name.slice(1)));
    assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
    assert.equal(numbers.at(-1), published - 1);
});

test('artifacts come back, those that were left do not', async () => {
    const client = await Traveller.start(server, await server.member(), { artifactId: 'at-connect' });
    await client.request('artifact.subscribe', { artifactId: 'kept' });
    await client.request('artifact.subscribe', { artifactId: 'left' });
    await client.request('artifact.unsubscribe', { artifactId: 'left' });
    client.names();
    const toAll = async (action) => {
        for (const artifactId of ['kept', 'left', 'at-connect']) await publish(`${action} ${artifactId}`, { artifactId });
    };
    assert.equal(await client.broken('half', () => toAll('one')), true);
    await toAll('two');
    await client.update('two at-connect');
    assert.deepEqual(client.names(), ['one kept', 'one at-connect', 'system.connected', 'two kept', 'two at-connect']);
});

for (const how of ['fin', 'half']) {
    test(`a task that runs across a cut ends once, with all its statuses: ${how}`, async () => {
        const client = await Traveller.start(server, await server.member());
        client.names();
        const task = client.send('longTask', { steps: 6, ms: 600 });
        await client.inbox.find((m) => m.requestId === task && m.data?.seq === 3, 'a first progress');
        assert.equal(await client.broken(how, () => pause(150)), true);
        await client.final(task);
        const expected = [1, 2, 3, 4, 5, 6, 7, 8].map((seq) => `${task}:${seq}`);
        assert.deepEqual(client.names().filter((name) => name.startsWith(task)), [...expected, task]);
    });
}

test('a client may decline', async () => {
    for (const options of [{ query: { recovery: 0 } }, { auth: { recovery: '0' } }]) {
        const client = await Traveller.start(server, await server.member(), options);
        await publish('one argument');
        await client.update('one argument');
        assert.deepEqual(client.offsets, [undefined, undefined]);
        assert.equal(await client.broken('fin', () => publish('missed')), undefined);
        assert.equal(client.welcome.data.recovered, false);
        assert.ok(!client.seen.includes('missed'));
    }
});

test('objects carry offsets as well', async () => {
    const client = await Traveller.start(server, await server.member(), { auth: { format: 'object' } });
    client.names();
    assert.equal(await client.broken('half', () => publish('missed', { data: { n: 1 } })), true);
    assert.deepEqual(client.names(), ['missed', 'system.connected']);
    assert.equal(typeof client.inbox.items.at(-1).raw, 'object');
});

test('a revoked session is not recovered', async () => {
    const member = await server.member();
    const client = await Traveller.start(server, member);
    client.proxy.cut('half');
    await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`);
    client.proxy.down = false;
    const isFinal = ({ event, error }) => event === 'connect_error' && error.data;
    const { error } = await client.events.find(isFinal, 'a final refusal');
    assert.equal(error.data.code, 'SESSION_INVALID');
});

test('a pid is worth nothing to others, and an offset of nonsense nothing at all', async () => {
    const victim = await Traveller.start(server, await server.member());
    const pid = victim.socket._pid;
    const thief = await Traveller.start(server, await server.member({ user: 'thief' }));
    thief.socket._pid = pid;
    assert.ok(!await thief.broken('fin'));
    assert.notEqual(thief.socket.id, victim.socket.id);
    assert.ok(victim.socket.connected);
    for (const offset of ['nonsense', '', 'x'.repeat(10_000), `${victim.offsets[0].split('-')[0]}-99999999`]) {
        const client = await Traveller.start(server, await server.member());
        client.socket._lastOffset = offset;
        assert.ok(!await client.broken('fin', () => publish('a')), JSON.stringify(offset).slice(0, 50));
        assert.ok(!client.seen.includes('a'));
        await publish('b');
        await client.update('b');
    }
});

test('an old offset with a new pid begins where the pid does', async () => {
    const client = await Traveller.start(server, await server.member());
    client.names();
    const { _pid: pid } = client.socket;
    await publish('a');
    await client.update('a');
    client.names();
    client.socket._lastOffset = 'abcdef-1.7';
    assert.equal(await client.broken('fin', () => publish('b')), true);
    assert.equal(client.socket._pid, pid);
    assert.deepEqual(client.names(), ['a', 'b', 'system.connected']);
});

test('a connection that says goodbye is not kept', async () => {
    const client = await Traveller.start(server, await server.member());
    const { id } = client.socket;
    client.socket.disconnect();
    client.socket.connect();
    assert.equal((await client.welcomed()).recovered, false);
    assert.notEqual(client.socket.id, id);
});

test('counts what it recovers, and gives all of it back', async () => {
    assert.ok(await metric('signalbox_connections_recovered_total') > 10);
    assert.ok(await metric('signalbox_connections_superseded_total') > 3);
    assert.ok(await metric('signalbox_recoveries_failed_total') > 3);
});

describe('with small bounds', () => {
    let small;
    const start = async () => {
        small ??= await Server.start({
            config: '[recovery]\nlog_bytes_max = 4000\nprivate_bytes_max = 2000\nmax_disconnection = "1500ms"\n',
        });
        return small;
    };
    after(() => small?.stop());

    test('what the log has forgotten is not passed over in silence', async () => {
        const tiny = await start();
        const client = await Traveller.start(tiny, await tiny.member());
        client.names();
        const flood = async () => {
            for (let i = 0; i < 30; ++i) await tiny.publish({ companyId: 'c1', action: `n${i}` });
        };
        assert.ok(!await client.broken('fin', flood));
        assert.equal(client.welcome.data.recovered, false);
        assert.deepEqual(client.names(), ['system.connected']);
    });

    test('nor are answers that the ring has forgotten', async () => {
        const tiny = await start();
        const client = await Traveller.start(tiny, await tiny.member());
        const task = client.send('longTask', { steps: 40, ms: 400 });
        await client.inbox.find((m) => m.requestId === task && m.data?.seq === 2, 'running');
        assert.ok(!await client.broken('fin', () => pause(900)));
    });

    test('waits no longer than it says', async () => {
        const tiny = await start();
        const client = await Traveller.start(tiny, await tiny.member());
        assert.ok(!await client.broken('fin', () => pause(1700)));
        await eventually('memory to be given back', async () => {
            const { text } = await tiny.http('GET', '/metrics');
            return /^signalbox_update_log_bytes 0$/m.test(text) && /^signalbox_connections_parked 0$/m.test(text);
        }, patience);
    });
});

test('can be switched off', async () => {
    const off = await Server.start({ config: '[recovery]\nenabled = false\n' });
    const client = await Traveller.start(off, await off.member());
    assert.equal(client.socket._pid, undefined);
    assert.ok(!await client.broken('fin'));
    assert.deepEqual(client.offsets, [undefined, undefined]);
    await off.stop();
});
