// The server is killed with SIGKILL at random moments while actions with keys run: none that is not safe
// to retry may run twice, and no outcome that a client was told may be lost. SIGNALBOX_CRASHES is how
// often (script/crashes: hundreds), SIGNALBOX_SEED makes a run choose the same moments.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CountingApi } from './counting_api.mjs';
import { pause, Server, shards } from './harness.mjs';

const crashes = Number(process.env.SIGNALBOX_CRASHES ?? 6);
const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 1_000_000);
const callers = 4 * shards;

/// mulberry32
let state = seed;
function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const upTo = (n) => Math.floor(random() * n);

/// One key and what clients were told of it.
class Order {
    constructor(key, action) {
        Object.assign(this, { key, action, data: { id: key, ms: upTo(25) }, told: null, unknown: false });
    }

    /// @param known  whether an outcome was told before this was asked
    hear(envelope, known) {
        const { type, error, data } = envelope;
        if (error?.retryable) return;
        if (error?.code === 'OUTCOME_UNKNOWN') {
            assert.equal(this.told, null, `${this.key}: an outcome that was told is lost`);
            this.unknown = true;
            return;
        }
        assert.deepEqual([type, data], ['RESPONSE', { ran: this.key }], `${this.key}: ${JSON.stringify(envelope)}`);
        assert.equal(this.unknown, false, `${this.key}: an unknown outcome became known`);
        if (known) assert.equal(envelope.replayed, true, `${this.key}: ran after its outcome was told`);
        this.told = data;
    }
}

let server, api;
before(async () => {
    api = await CountingApi.start();
    const config = `[actions]\nkeys_per_user = 0\n${api.config}[limits]\nmessages_per_second = 0\nin_flight_per_user = 0\nhandshakes_per_second = 0\n`;
    server = await Server.start({ config });
});
after(async () => {
    await server?.stop();
    await api?.stop();
});

async function overHttp(member, order) {
    const known = order.told !== null;
    const { body } = await server.http('POST', `/api/v1/actions/${order.action}`, {
        token: member.token, body: { data: order.data },
        headers: { 'x-session-id': member.sessionId, 'idempotency-key': order.key },
    });
    order.hear(body, known);
}

async function overSocket(client, order) {
    const known = order.told !== null;
    order.hear(await client.request(order.action, order.data, { idempotencyKey: order.key }), known);
}

test(`${crashes} crashes, seed ${seed}`, { timeout: 60_000 + crashes * 3_000 }, async (t) => {
    const members = [];
    for (let i = 0; i < callers; ++i) members.push(await server.member({ user: `u${i}`, company: `c${i % 3}` }));
    const orders = [];

    /// Sends new orders, some twice at once, until the server is gone.
    async function load(member, index, round) {
        const client = await Promise.race([server.connected(member), death]).catch(() => null);
        for (let n = 0; client !== null && !killed; ++n) {
            const order = new Order(`r${round}-${index}-${n}`, upTo(4) === 0 ? 'count.safe' : 'count.now');
            order.member = member;
            orders.push(order);
            const sent = [upTo(2) ? overSocket(client, order) : overHttp(member, order)];
            if (upTo(3) === 0) sent.push(overHttp(member, order));
            const results = await Promise.allSettled(sent.map((one) => Promise.race([one, death])));
            const broken = results.find(({ reason }) => reason instanceof assert.AssertionError);
            if (broken) throw broken.reason;
        }
    }

    let killed, death;
    for (let round = 0; round < crashes; ++round) {
        killed = false;
        death = server.exited.then(() => Promise.reject(new Error('killed')));
        death.catch(() => {});
        const loads = members.map((member, i) => load(member, i, round));
        await pause(50 + upTo(250));
        killed = true;
        server.child.kill('SIGKILL');
        await server.exited;
        await Promise.all(loads);
        for (const client of server.clients) client.close();
        server.clients.clear();
        await server.launch(server.port);
        // Whatever was sent is sent again, until there is an answer.
        for (const order of orders.filter((one) => one.round === undefined)) {
            order.round = round;
            await overHttp(order.member, order);
            await overHttp(order.member, order);
            assert.ok(order.told !== null || order.unknown, `${order.key}: no answer`);
        }
        for (const order of orders) {
            if (order.action === 'count.safe') continue;
            const ran = api.count(order.key);
            assert.ok(ran <= 1, `${order.key} ran ${ran} times`);
            assert.ok(order.told === null || ran === 1, `${order.key} did not run`);
        }
    }
    // Each once more: what was told long ago is there yet.
    for (const order of orders) await overHttp(order.member, order);
    const unknown = orders.filter((one) => one.unknown).length;
    t.diagnostic(`${orders.length} keys, ${unknown} outcomes unknown`);
    assert.ok(orders.every((one) => one.action === 'count.safe' ? !one.unknown : api.count(one.key) <= 1));
});
