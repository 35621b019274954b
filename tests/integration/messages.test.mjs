// Envelopes: both formats, acks, named events, and every way to get one wrong.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Polling, Server } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const member = await server.member();
const client = await server.connected(member);

describe('formats', () => {
    const asked = {
        'by default': [{}, 'string'],
        'with auth.format object': [{ auth: { format: 'object' } }, 'object'],
        'with query format object': [{ query: { format: 'object' } }, 'object'],
    };
    for (const [name, [options, type]] of Object.entries(asked)) {
        test(`messages are ${type}s ${name}; both are understood`, async () => {
            const client = await server.connected(member, options);
            assert.equal(typeof client.welcome.raw, type);
            const request = { type: 'REQUEST', requestId: 'f', action: 'echo', data: { n: 1 } };
            for (const sent of [request, JSON.stringify(request)]) {
                client.socket.emit('message', sent);
                const answer = await client.final('f');
                assert.equal(typeof answer.raw, type);
                assert.deepEqual(answer, { type: 'RESPONSE', requestId: 'f', action: 'echo', data: { n: 1 } });
            }
        });
    }

    test('system.connected says who and how much', async () => {
        const { data, time, type } = (await server.connected(member)).welcome;
        assert.equal(type, 'UPDATE');
        assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.match(data.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(data.sessionId, member.sessionId);
        assert.equal(data.companyId, member.company);
        assert.equal(data.recovered, false);
        assert.equal(typeof data.limits, 'object');
    });
});

describe('acks', () => {
    const ack = (client, ...args) =>
        new Promise((resolve) => client.socket.emit(...args, (...answers) => resolve(answers)));

    test('the final envelope goes to the ack, as one object, and nowhere else', async () => {
        const request = { type: 'REQUEST', requestId: 'a1', action: 'echo', data: [1] };
        for (const sent of [request, JSON.stringify(request)]) {
            const answers = await ack(client, 'message', sent);
            assert.deepEqual(answers, [{ type: 'RESPONSE', requestId: 'a1', action: 'echo', data: [1] }]);
        }
        await client.request('system.ping');
        assert.ok(!client.inbox.items.some((m) => m.requestId === 'a1'));
    });

    test('an ERROR too', async () => {
        const [answer] = await ack(client, 'message', '{"type":"REQUEST","requestId":"a2","action":"nope"}');
        assert.equal(answer.type, 'ERROR');
        assert.equal(answer.requestId, 'a2');
        assert.equal(answer.error.code, 'ACTION_NOT_FOUND');
    });

    test('and that of a broken message', async () => {
        const [answer] = await ack(client, 'message', '{"type":');
        assert.equal(answer.error.code, 'INVALID_MESSAGE');
    });

    test('status UPDATEs go to message all the same', async () => {
        const request = { type: 'REQUEST', requestId: 'a3', action: 'echo', data: 1, progress: true };
        await ack(client, 'message', JSON.stringify(request));
        await client.inbox.find((m) => m.requestId === 'a3' && m.data.status === 'running');
    });
});

describe('named events', () => {
    const ask = (...args) => client.socket.timeout(5000).emitWithAck(...args);

    test('with an ack, the name is the action and the argument its data', async () => {
        const answer = await ask('processData', { input: 'value' });
        assert.equal(answer.type, 'RESPONSE');
        assert.equal(answer.action, 'processData');
        assert.equal(typeof answer.requestId, 'string');
        assert.ok(answer.requestId.length > 0);
        assert.ok('output' in answer.data);
    });

    test('data may be left out', async () => {
        assert.equal((await ask('system.ping')).type, 'RESPONSE');
    });

    test('more arguments are INVALID_MESSAGE', async () => {
        assert.equal((await ask('echo', 1, 2)).error.code, 'INVALID_MESSAGE');
    });

    test('binary is INVALID_MESSAGE', async () => {
        assert.equal((await ask('echo', Buffer.from([1, 2]))).error.code, 'INVALID_MESSAGE');
    });

    test('without an ack, an ERROR on message names the fix', async () => {
        client.socket.emit('echo', { n: 1 });
        const error = await client.inbox.take((m) => m.type === 'ERROR', 'ERROR');
        assert.equal(error.error.code, 'INVALID_MESSAGE');
        assert.match(error.error.message, /ack/i);
    });
});

describe('INVALID_MESSAGE', () => {
    const envelope = (change) => JSON.stringify({ type: 'REQUEST', requestId: 'x', action: 'echo', ...change });
    const deep = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const withData = (text) => `{"type":"REQUEST","requestId":"x","action":"echo","data":${text}}`;
    const broken = {
        'not JSON': ['{', ''],
        'empty text': ['', ''],
        'text after the end': [`${envelope()} x`, undefined],
        'an array': ['[]', ''],
        'a number': ['1', ''],
        'null': ['null', ''],
        'no members': ['{}', ''],
        'no type': [envelope({ type: undefined }), 'x'],
        'type UPDATE': [envelope({ type: 'UPDATE' }), 'x'],
        'type of a number': [envelope({ type: 1 }), 'x'],
        'no requestId': [envelope({ requestId: undefined }), ''],
        'a numeric requestId': [envelope({ requestId: 7 }), ''],
        'an empty requestId': [envelope({ requestId: '' }), ''],
        'a requestId of 129 characters': [envelope({ requestId: 'x'.repeat(129) }), undefined],
        'no action': [envelope({ action: undefined }), 'x'],
        'an action that is an object': [envelope({ action: {} }), 'x'],
        'timeoutMs as text': [envelope({ timeoutMs: '5' }), 'x'],
        'a negative timeoutMs': [envelope({ timeoutMs: -1 }), 'x'],
        'progress as a number': [envelope({ progress: 1 }), 'x'],
        'a duplicate member': ['{"type":"REQUEST","requestId":"x","action":"echo","action":"fail"}', undefined],
        'nesting of 10,000': [withData(deep(10_000)), undefined],
        'nesting of 130': [withData(deep(130)), undefined],
        '1e400': [withData('1e400'), undefined],
        'an integer over 64 bits': [withData('99999999999999999999'), undefined],
        'a lone surrogate': [withData('"\\ud800"'), undefined],
    };
    // undefined: whether the requestId could be read is the server's affair.
    for (const [name, [text, requestId]] of Object.entries(broken)) {
        test(name, async () => {
            client.socket.emit('message', text);
            const error = await client.inbox.take((m) => m.type === 'ERROR', 'ERROR');
            assert.equal(error.error.code, 'INVALID_MESSAGE', JSON.stringify(error));
            assert.equal(error.error.retryable, false);
            if (requestId !== undefined) assert.equal(error.requestId, requestId);
        });
    }

    test('no argument, binary, two arguments', async () => {
        for (const args of [[], [Buffer.from([1])], [envelope(), envelope()]]) {
            client.socket.emit('message', ...args);
            const error = await client.inbox.take((m) => m.type === 'ERROR', `ERROR to ${args.length} arguments`);
            assert.equal(error.error.code, 'INVALID_MESSAGE');
        }
    });

    test('the connection has stayed through all of it', async () => {
        assert.equal((await client.request('system.ping')).type, 'RESPONSE');
    });
});

test('a requestId of 128 characters is echoed back', async () => {
    const requestId = 'ü'.repeat(128);
    client.socket.emit('message', JSON.stringify({ type: 'REQUEST', requestId, action: 'echo' }));
    assert.equal((await client.final(requestId)).type, 'RESPONSE');
});

test('nesting of 100 passes', async () => {
    const data = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`);
    assert.deepEqual((await client.request('echo', data)).data, data);
});

describe('sizes', () => {
    const limit = 256 * 1024;
    const textOf = (bytes) => 'x'.repeat(bytes - JSON.stringify({ type: 'REQUEST', requestId: 'big', action: 'echo', data: '' }).length);
    const send = (bytes) => client.socket.emit('message', JSON.stringify({ type: 'REQUEST', requestId: 'big', action: 'echo', data: textOf(bytes) }));

    test('a message of the limit passes', async () => {
        send(limit);
        assert.equal((await client.final('big')).data.length, textOf(limit).length);
    });

    test('over it: PAYLOAD_TOO_LARGE, and the connection stays', async () => {
        send(limit + 1);
        const error = await client.inbox.take((m) => m.type === 'ERROR', 'ERROR');
        assert.equal(error.error.code, 'PAYLOAD_TOO_LARGE');
        assert.equal((await client.request('system.ping')).type, 'RESPONSE');
    });

    test('over maxPayload a WebSocket is closed with 1009, and lastClose tells', async () => {
        const member = await server.member({ user: 'big' });
        const raw = server.raw({ query: `&sessionId=${member.sessionId}` });
        await raw.join(member);
        raw.send(`42["message","${'x'.repeat(1_000_001)}"]`);
        assert.equal(await raw.closed, 1009);
        const again = await server.connected(member);
        assert.equal(again.welcome.data.lastClose.code, 'PAYLOAD_TOO_LARGE');
    });

    test('over maxPayload a POST gets 413 and the session stays', async () => {
        const polling = new Polling(server, { query: `&sessionId=${member.sessionId}` });
        await polling.open();
        assert.equal((await polling.post(`4${'x'.repeat(1_000_000)}`)).status, 413);
        assert.equal((await polling.post(`40${JSON.stringify({ token: member.token })}`)).status, 200);
        assert.match((await polling.packets())[0], /^40\{"sid"/);
    });
});
