// Behind a keep-alive proxy that spreads the requests of one session over many connections, and so
// over the shards: no session is lost, whatever connection a request takes.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { eventually, Polling, Server } from './harness.mjs';
import { hasNginx, Nginx } from './nginx.mjs';

const shardCount = 3;
const clients = 24;
const messages = 25;
const options = { skip: hasNginx ? false : 'nginx is not installed (script/bootstrap --test)' };

let server;
let nginx;
before(async () => {
    if (!hasNginx) return;
    server = await Server.start({ shardCount, config: '[server]\ntrusted_proxies = ["127.0.0.1"]\n' });
    nginx = await Nginx.start(server.port);
});
after(async () => {
    await nginx?.stop();
    await server?.stop();
});

/// A server as the harness's clients want it, reached through nginx.
const behind = () => Object.assign(Object.create(server), { url: nginx.url, wsUrl: nginx.wsUrl, port: nginx.port });

/// Sends requests from many stock clients at once; each must be answered once, in order.
async function talk(transports, { whileUpgrading = false } = {}) {
    const proxied = behind();
    await Promise.all(Array.from({ length: clients }, async (_, n) => {
        const client = proxied.client(await server.member({ user: `${transports}-${n}` }), { transports });
        client.socket.connect();
        await client.events.find(({ event }) => event === 'connect');
        const ids = [];
        for (let i = 0; i < messages; ++i) {
            ids.push(client.send('echo', { n, i }));
            if (i % 5 === 4) await client.inbox.find((m) => m.requestId === ids[i] && m.type === 'RESPONSE');
        }
        if (whileUpgrading) {
            await eventually('the upgrade', () => client.socket.io.engine.transport.name === 'websocket');
            assert.equal((await client.request('echo', 'upgraded')).data, 'upgraded');
        }
        const answered = client.inbox.items.filter((m) => ids.includes(m.requestId)).map((m) => m.requestId);
        assert.deepEqual(answered, ids);
        assert.deepEqual(client.events.items.filter(({ event }) => event !== 'connect'), []);
        client.close();
    }));
}

describe('stock clients', options, () => {
    test('over long-polling', () => talk(['polling']));
    test('over WebSocket', () => talk(['websocket']));
    test('that upgrade while they send', () => talk(['polling', 'websocket'], { whileUpgrading: true }));

    test('took connections of several lanes with each session, and none was refused', () => {
        const requests = nginx.requests();
        const lanesOf = new Map();
        for (const { sid, lane } of requests) lanesOf.set(sid, (lanesOf.get(sid) ?? new Set()).add(lane));
        const busy = [...lanesOf].filter(([sid]) => sid !== '-' && requests.filter((r) => r.sid === sid).length >= 8);
        assert.ok(busy.length > 0, 'some session had eight requests');
        for (const [sid, lanes] of busy) assert.ok(lanes.size >= 3, `${sid} was seen on ${lanes.size} lanes`);
        assert.deepEqual(requests.filter(({ status }) => status >= 400), []);
        assert.equal(nginx.errors(), '');
    });
});

/// One HTTP request over a connection of the agent's: {status, text}.
function request(agent, method, url, body) {
    return new Promise((resolve, reject) => {
        const headers = body === undefined ? {} : { 'content-type': 'text/plain;charset=UTF-8', 'content-length': Buffer.byteLength(body) };
        const sent = http.request(url, { agent, method, headers }, (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (chunk) => (text += chunk));
            response.on('end', () => resolve({ status: response.statusCode, text }));
        });
        sent.on('error', reject);
        sent.end(body);
    });
}

/// A polling client whose GETs and POSTs race each other over kept-alive connections.
class Racer {
    packets = [];

    constructor(agent, member) {
        this.agent = agent;
        this.member = member;
        this.url = `${nginx.url}/realtime/?EIO=4&transport=polling&sessionId=${member.sessionId}`;
    }

    async open() {
        const { text } = await this.send('GET');
        this.url += `&sid=${JSON.parse(text.slice(1)).sid}`;
        await this.send('POST', `40${JSON.stringify({ token: this.member.token })}`);
    }

    async send(method, body) {
        const { status, text } = await request(this.agent, method, this.url, body);
        assert.equal(status, 200, `${method}: ${text}`);
        return { text };
    }

    async poll(until) {
        while (!until(this.packets)) this.packets.push(...(await this.send('GET')).text.split('\x1e'));
    }

    async post() {
        for (let i = 0; i < messages; ++i) {
            const envelope = JSON.stringify({ type: 'REQUEST', requestId: `q${i}`, action: 'echo', data: i });
            await this.send('POST', `42["message",${JSON.stringify(envelope)}]`);
        }
    }

    answers() {
        return this.packets.flatMap((packet) => /RESPONSE\\",\\"requestId\\":\\"(q\d+)/.exec(packet)?.[1] ?? []);
    }
}

describe('raw long-polling', options, () => {
    test('GETs and POSTs of many clients race, and each answer comes once and in order', async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 40 });
        await Promise.all(Array.from({ length: clients }, async (_, n) => {
            const racer = new Racer(agent, await server.member({ user: `racer-${n}` }));
            await racer.open();
            await Promise.all([racer.poll(() => racer.answers().length >= messages), racer.post()]);
            assert.deepEqual(racer.answers(), Array.from({ length: messages }, (__, i) => `q${i}`));
        }));
        agent.destroy();
    });

    test('an unknown session stays unknown on every connection', async () => {
        const polling = new Polling(behind());
        polling.sid = '00000000000000000000';
        for (let i = 0; i < 12; ++i) assert.equal((await polling.get()).status, 400);
    });

    test('bodies of any size pass', async () => {
        const client = await behind().connected(await server.member({ user: 'large' }), { transports: ['polling'] });
        const large = await client.request('echo', 'x'.repeat(200_000));
        assert.equal(large.data.length, 200_000);
        client.close();
    });
});

describe('X-Forwarded-For', options, () => {
    async function addressOf(extraHeaders, transports) {
        const client = await behind().connected(await server.member({ user: 'forwarded' }), { extraHeaders, transports });
        const { body } = await server.http('GET', '/api/v1/connections');
        const { address } = body.connections.find(({ connectionId }) => connectionId === client.welcome.data.connectionId);
        client.close();
        return address;
    }

    for (const transports of [['polling'], ['websocket']]) {
        test(`names the client through two proxies, over ${transports}`, async () => {
            assert.match(await addressOf({ 'X-Forwarded-For': '203.0.113.9' }, transports), /^203\.0\.113\.9/);
            assert.match(await addressOf({ 'X-Forwarded-For': '198.51.100.1, 203.0.113.9' }, transports), /^203\.0\.113\.9/);
        });
    }
});
