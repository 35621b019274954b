// Engine.IO 3, as the stock client of Socket.IO 2 speaks it: off unless server.allow_eio3.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import io2 from 'socket.io-client-2';
import { Inbox, Polling, Server, within } from './harness.mjs';

const server = await Server.start({
    config: `
[server]
allow_eio3 = true

[auth]
token_sources = ["auth", "header", "query"]
`,
});
after(() => server.stop());

/// The stock client 2: envelopes in `inbox`, errors and ends in `events`.
function client2({ namespace = '', query, transports, ...more }) {
    const socket = io2(server.url + namespace, {
        path: '/realtime', transports, query, forceNew: true, reconnection: false, ...more,
    });
    const inbox = new Inbox();
    const events = new Inbox();
    socket.on('message', (message) => inbox.push(typeof message === 'string' ? JSON.parse(message) : message));
    for (const event of ['error', 'disconnect', 'connect_error']) {
        socket.on(event, (argument) => events.push({ event, argument }));
    }
    return { socket, inbox, events };
}

const welcome = ({ inbox }) => inbox.find(({ action }) => action === 'system.connected', 'system.connected');

async function dialogue(member, options) {
    const client = client2({ query: { token: member.token, sessionId: member.sessionId }, ...options });
    const { socket, inbox } = client;
    try {
        const { data } = await welcome(client);
        assert.equal(data.sessionId, member.sessionId);
        socket.emit('message', JSON.stringify({ type: 'REQUEST', requestId: 'r1', action: 'echo', data: 'ünï 😀' }));
        const answer = await inbox.find(({ requestId }) => requestId === 'r1');
        assert.deepEqual([answer.type, answer.data], ['RESPONSE', 'ünï 😀']);
        const acked = await within(5000, 'ack', new Promise((resolve) => {
            socket.emit('echo', { a: 1 }, resolve);
        }));
        assert.deepEqual([acked.type, acked.data], ['RESPONSE', { a: 1 }]);
        const refused = await within(5000, 'ack', new Promise((resolve) => {
            socket.emit('echo', Buffer.from([1, 2, 3]), resolve);
        }));
        assert.equal(refused.error.code, 'INVALID_MESSAGE', 'binary arrives, and is told to be out of place');
        await server.publish([{ companyId: member.company, action: 'news', data: 'x'.repeat(5000) }]);
        const update = await inbox.find(({ action }) => action === 'news');
        assert.equal(update.data.length, 5000);
    } finally {
        socket.close();
    }
}

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    test(`socket.io-client 2 over ${transports}`, async () => {
        const member = await server.member({ user: 'two', company: `two-${transports.length}${transports[0]}` });
        await dialogue(member, { transports });
    });
    test(`socket.io-client 2 over ${transports}, without binary transports`, async () => {
        const member = await server.member({ user: 'b64', company: `b64-${transports.length}${transports[0]}` });
        await dialogue(member, { transports, forceBase64: true });
    });
}

test('the namespace /realtime takes its credentials from the CONNECT', async () => {
    const member = await server.member({ user: 'ns' });
    await dialogue(member, { namespace: '/realtime', transports: ['websocket'] });
});

test('a token in the header of the handshake counts', async () => {
    const member = await server.member({ user: 'header' });
    const client = client2({
        query: { sessionId: member.sessionId },
        transports: ['websocket'],
        extraHeaders: { Authorization: `Bearer ${member.token}` },
    });
    await welcome(client);
    client.socket.close();
});

test('a refusal reaches the client as its error', async () => {
    const client = client2({ transports: ['polling'], query: {} });
    const { argument } = await client.events.find(({ event }) => event === 'error', 'error');
    assert.equal(argument.code, 'INVALID_TOKEN');
    assert.equal(argument.retryable, false);
    client.socket.close();
});

test('an unknown namespace is refused', async () => {
    const member = await server.member({ user: 'nowhere' });
    const client = client2({ namespace: '/nowhere', query: { token: member.token, sessionId: member.sessionId }, transports: ['websocket'] });
    const { argument } = await client.events.find(({ event }) => event === 'error', 'error');
    assert.equal(argument, 'Invalid namespace');
    client.socket.close();
});

test('without the option its handshakes are refused', async () => {
    const strict = await Server.start();
    try {
        const polling = new Polling(strict);
        polling.url = polling.url.replace('EIO=4', 'EIO=3');
        const { status, text } = await polling.get();
        assert.equal(status, 400);
        assert.deepEqual(JSON.parse(text), { code: 5, message: 'Unsupported protocol version' });
    } finally {
        await strict.stop();
    }
});
