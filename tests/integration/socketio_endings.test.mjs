// What ends a whole Socket.IO connection and what is tolerated: docs/protocol/socketio.md, "Life of a
// session", byte by byte on socketio_echo, over both transports.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EchoServer } from './echo.mjs';

const server = await EchoServer.start('socketio_echo');
after(() => server.stop());

const event = '2["message","x"]';
const back = '42["message-back","x"]';
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const bytes = Buffer.from([1]);

/// [what, messages without Engine.IO's own type digit; Buffers are binary]. Each client has joined `/`.
const endings = [
    ['an empty message', ['']],
    ['an unknown type', ['7']],
    ['a higher unknown type', ['9["x"]']],
    ['a letter as type', ['abc']],
    ['a second CONNECT', ['0']],
    ['a second CONNECT with auth', ['0{}']],
    ['EVENT in a namespace that was not joined', ['2/custom,["message"]']],
    ['EVENT in a namespace that does not exist', ['2/nowhere,["message"]']],
    ['ACK in a namespace that was not joined', ['3/custom,0[]']],
    ['DISCONNECT of a namespace that was not joined', ['1/custom']],
    ['CONNECT_ERROR from a client', ['4{"message":"x"}']],
    ['CONNECT with an array', ['0/custom,[]']],
    ['CONNECT with a string', ['0/custom,"x"']],
    ['CONNECT with null', ['0/custom,null']],
    ['CONNECT with a number', ['0/custom,-1']],
    ['CONNECT with broken JSON', ['0/custom,{']],
    ['CONNECT with a bare word', ['0custom']],
    ['DISCONNECT with a payload', ['1{}']],
    ['EVENT with an object', ['2{}']],
    ['EVENT with an empty array', ['2[]']],
    ['EVENT with an object first', ['2[{}]']],
    ['EVENT with null first', ['2[null]']],
    ['EVENT with broken JSON', ['2["message"']],
    ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'].map((name) => [
        `the reserved event ${name}`,
        [`2["${name}"]`],
    ]),
    ['a fractional ack id', ['21.5["message"]']],
    ['an ack id that is a word', ['2abc["message"]']],
    ['ACK with an object', ['31{}']],
    ['ACK with broken JSON', ['31[']],
    ['no attachments in a binary packet', ['50-["message"]']],
    ['an attachment count over ten', ['511-["message"]']],
    ['a negative attachment count', ['5-1-["message"]']],
    ['an attachment count without its dash', [`51["message",${placeholder(0)}]`]],
    ['a binary packet without a count', ['5["message"]']],
    ['text while an attachment is outstanding', [`51-["message",${placeholder(0)}]`, event]],
    ['binary while none is', [bytes]],
    ['a placeholder beyond the attachments', [`51-["message",${placeholder(1)}]`, bytes]],
    ['a placeholder with a negative number', [`51-["message",${placeholder(-1)}]`, bytes]],
    ['a placeholder with a string', [`51-["message",${placeholder('"0"')}]`, bytes]],
    ['a placeholder without a number', ['51-["message",{"_placeholder":true}]', bytes]],
];

/// [what, messages, what comes back before the echo of the event that follows].
const tolerated = [
    ['EVENT without a payload', ['2'], []],
    ['ACK without id and payload', ['3'], []],
    ['an ack that nobody waits for', ['312[1]'], []],
    ['an id on CONNECT', ['0/custom,7{}'], [/^40\/custom,\{"sid":"[\w-]{20}"\}$/, '42/custom,["auth",{}]']],
    ['an unknown namespace', ['0/nowhere'], ['44/nowhere,{"message":"Invalid namespace"}']],
    ['an unknown namespace, twice', ['0/x,', '0/x,'], Array(2).fill('44/x,{"message":"Invalid namespace"}')],
    ['leading zeros of an ack id', ['2007["message-with-ack"]'], ['437[]']],
    ['leading zeros of a count', [`501-["message",${placeholder(0)}]`, bytes], [`451-["message-back",${placeholder(0)}]`, bytes]],
    ['an attachment that nothing names', ['51-["message"]', bytes], ['451-["message-back"]', bytes]],
    [
        'an attachment that is named twice',
        [`51-["message",${placeholder(0)},${placeholder(0)}]`, bytes],
        [`451-["message-back",${placeholder(0)},${placeholder(0)}]`, bytes],
    ],
    ['a placeholder in a text event', [`2["message",${placeholder(0)}]`], [`42["message-back",${placeholder(0)}]`]],
    ['white space around a payload', ['2 ["message",1] '], ['42["message-back",1]']],
    ['an event that nobody handles', ['2["nobody"]'], []],
    ['an event with a number as name', ['2[5]'], []],
    ['leaving a namespace and coming back', ['0/custom,', '1/custom,', '0/custom,'], [
        /^40\/custom,/, '42/custom,["auth",{}]', /^40\/custom,/, '42/custom,["auth",{}]',
    ]],
];

class WebSocketClient {
    static async join() {
        const client = new WebSocketClient();
        client.wire = server.wire('EIO=4&transport=websocket');
        await client.wire.next();
        client.send(['0']);
        assert.match(await client.packet(), /^40/);
        assert.equal(await client.packet(), '42["auth",{}]');
        return client;
    }
    send(messages) {
        for (const message of messages) this.wire.send(typeof message === 'string' ? `4${message}` : message);
    }
    packet() {
        return this.wire.packet();
    }
    ended() {
        return this.wire.end();
    }
    drop() {
        this.wire.drop();
    }
}

class PollingClient {
    #arrived = [];
    static async join() {
        const client = new PollingClient();
        client.session = await server.session();
        await client.send(['0']);
        assert.match(await client.packet(), /^40/);
        assert.equal(await client.packet(), '42["auth",{}]');
        return client;
    }
    async send(messages) {
        const packets = messages.map((m) => (typeof m === 'string' ? `4${m}` : `b${m.toString('base64')}`));
        const { status, text } = await this.session.post(packets.join('\x1e'));
        assert.deepEqual([status, text], [200, 'ok']);
    }
    async packet() {
        if (this.#arrived.length === 0) {
            const { status, text } = await this.session.get();
            assert.equal(status, 200);
            this.#arrived = text.split('\x1e').map((p) => (p[0] === 'b' ? Buffer.from(p.slice(1), 'base64') : p));
        }
        return this.#arrived.shift();
    }
    /// The close packet waits for the next GET; after it the session is unknown.
    async ended() {
        const { status, text } = await this.session.get();
        assert.ok(status === 400 || text === '1', text);
        assert.equal((await this.session.get()).status, 400);
    }
    drop() {}
}

for (const [transport, Client] of [['WebSocket', WebSocketClient], ['polling', PollingClient]]) {
    test(`ends the whole connection, ${transport}`, async (t) => {
        for (const [what, messages] of endings) {
            await t.test(what, async () => {
                const client = await Client.join();
                await client.send(messages);
                await client.ended();
            });
        }
    });

    test(`is tolerated, ${transport}`, async (t) => {
        for (const [what, messages, answers] of tolerated) {
            await t.test(what, async () => {
                const client = await Client.join();
                await client.send([...messages, event]);
                for (const answer of [...answers, back]) {
                    const packet = await client.packet();
                    if (answer instanceof RegExp) assert.match(packet, answer);
                    else assert.deepEqual(packet, answer);
                }
                client.drop();
            });
        }
    });
}

test('one end takes every namespace of the connection along', async () => {
    const client = await WebSocketClient.join();
    client.send(['0/custom,', '2/custom,{}']);
    await client.ended();
});
