// Long-polling and WebSocket give a client the same.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Polling, Server } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());

/// Everything that a fixed dialogue brings, without what differs by nature (ids and times).
async function dialogue(transports) {
    const member = await server.member({ user: 'parity', company: `parity-${transports}` });
    const client = await server.connected(member, { transports, artifactId: 'a' });
    const seen = [Object.keys(client.welcome.data).sort()];
    const see = (m) => seen.push(JSON.parse(JSON.stringify(m, (key, value) => (/^(time|requestId|position|connectionId|ref)$/.test(key) ? 'X' : value))));
    see(await client.request('echo', { text: 'ünï 😀', n: 1.5 }));
    see(await client.request('nope'));
    see(await client.broken('{'));
    const id = client.send('longTask', { steps: 2, ms: 40 });
    see(await client.final(id));
    client.statuses(id).forEach(see);
    see(await client.request('artifact.subscribe', { artifactId: 'b' }));
    await server.publish([{ companyId: member.company, artifactId: 'b', action: 'one', data: 1 }, { companyId: member.company, action: 'two' }]);
    see(await client.update('one'));
    see(await client.update('two'));
    see(await client.socket.emitWithAck('echo', 1));
    const large = await client.request('echo', 'x'.repeat(200_000));
    assert.equal(large.data.length, 200_000);
    client.close();
    return seen;
}

test('the same dialogue, the same envelopes', async () => {
    assert.deepEqual(await dialogue(['polling']), await dialogue(['websocket']));
});

test('answers of one request arrive in order over both', async () => {
    for (const transports of [['websocket'], ['polling']]) {
        const client = await server.connected(await server.member({ user: 'order' }), { transports });
        const ids = Array.from({ length: 30 }, (_, n) => client.send('echo', n));
        for (const id of ids) await client.inbox.find((m) => m.requestId === id);
        const order = client.inbox.items.filter((m) => m.type === 'RESPONSE').map((m) => m.requestId);
        assert.deepEqual(order, ids);
    }
});

test('polling requests over other connections, thus other shards, reach their session', async () => {
    const member = await server.member({ user: 'wanderer' });
    // `connection: close` makes each request a connection of its own.
    const polling = new Polling(server, { query: `&sessionId=${member.sessionId}`, headers: { connection: 'close' } });
    await polling.open();
    await polling.post(`40${JSON.stringify({ token: member.token })}`);
    const arrived = await polling.packets();
    for (let i = 0; i < 20; ++i) {
        const posted = await polling.post(`42["message",${JSON.stringify(JSON.stringify({ type: 'REQUEST', requestId: `w${i}`, action: 'echo' }))}]`);
        assert.deepEqual([posted.status, posted.text], [200, 'ok']);
    }
    while (!arrived.some((packet) => packet.includes('w19'))) arrived.push(...(await polling.packets()));
    const answered = arrived.filter((packet) => packet.includes('RESPONSE')).length;
    assert.equal(answered, 20);
});

test('an unknown sid is refused in the words of the reference', async () => {
    const polling = new Polling(server);
    polling.sid = '00000000000000000000';
    const { status, text } = await polling.get();
    assert.equal(status, 400);
    assert.deepEqual(JSON.parse(text), { code: 1, message: 'Session ID unknown' });
});

test('the upgrade loses and doubles nothing', async () => {
    for (let round = 0; round < 10; ++round) {
        const client = server.client(await server.member({ user: 'upgrade' }), { transports: ['polling', 'websocket'] });
        client.socket.connect();
        await client.events.find(({ event }) => event === 'connect');
        const ids = Array.from({ length: 50 }, (_, n) => client.send('echo', n));
        for (const id of ids) await client.inbox.find((m) => m.requestId === id);
        assert.equal(client.inbox.items.filter((m) => m.type === 'RESPONSE').length, 50);
        client.close();
    }
});
