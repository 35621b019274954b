// How long a revocation and a change of rights take over many connections, half of them polling. Prints
// the figures. SIGNALBOX_CONNECTIONS: how many (default 1000).

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Inbox, Server, slowness, userToken, within } from './harness.mjs';
import { Http, transports } from './wire.mjs';

const count = Number(process.env.SIGNALBOX_CONNECTIONS ?? 1000);
const server = await Server.start({
    config: '[limits]\nhandshakes_per_second = 0\nconnections_per_user = 0\n'
        + '[auth.artifacts]\nrules = ["permission"]\n[auth.roles]\nwatcher = ["artifact:plan:watch"]\n',
    descriptors: 0,
});
const http = new Http(server);
after(async () => {
    http.close();
    await server.stop();
});

const perSession = 10;
const clients = [];

async function connect(transport, sessionId, token) {
    const packets = new Inbox();
    const wire = new transports[transport](http, `&sessionId=${sessionId}&artifactId=plan`, {
        onPacket: (packet) => (packet.startsWith('0{') ? wire.send(`40${JSON.stringify({ token })}`) : packets.push(packet)),
        onClose: () => packets.push('closed'),
    });
    await packets.find((packet) => packet.includes('system.connected'), 'system.connected', 30_000 * slowness);
    clients.push({ transport, packets });
}

/// One user's session and its connections.
async function connectSome(user) {
    const sessionId = await server.session({ user, company: 'c1' });
    const token = userToken({ user, company: 'c1', roles: ['watcher'] });
    for (let i = 0; i < perSession; ++i) await connect(i % 2 ? 'polling' : 'websocket', sessionId, token);
}

async function connectAll() {
    const users = Array.from({ length: Math.ceil(count / perSession) }, (_, i) => `u${i}`);
    await Promise.all(Array.from({ length: 20 }, async () => {
        while (users.length > 0) await connectSome(users.pop());
    }));
}

/// For each client, milliseconds from `begin` until a packet that holds `text`.
function delays(text, begin) {
    return Promise.all(clients.map(async ({ transport, packets }) => {
        await packets.find((packet) => packet.includes(text), text, 30_000 * slowness);
        return { transport, ms: performance.now() - begin };
    }));
}

/// Prints them, and asserts that of all that was measured 99 in 100 took less than a second.
function judge(what, all) {
    for (const transport of Object.keys(transports)) {
        const sorted = all.filter((one) => one.transport === transport).map(({ ms }) => ms).sort((a, b) => a - b);
        const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
        console.log(`${what}, ${sorted.length} of ${all.length} connections, ${transport}, ${server.options.shardCount} shards: `
            + `p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms, last ${at(1).toFixed(0)} ms`);
        assert.ok(at(0.99) < 1000 * slowness, what);
    }
}

test('rights and sessions of many connections end within a second', { timeout: 280_000 * slowness }, async () => {
    await within(200_000 * slowness, 'all connections', connectAll());
    assert.ok(clients.length >= count);

    let begin = performance.now();
    writeFileSync(server.configFile, readFileSync(server.configFile, 'utf8').replace('watcher =', 'former ='));
    server.child.kill('SIGHUP');
    judge('role taken away until told', await delays('permissionsChanged', begin));

    begin = performance.now();
    const [told, closed] = [delays('sessionRevoked', begin), delays('closed', begin)];
    assert.equal((await server.http('DELETE', '/api/v1/sessions?companyId=c1')).status, 204);
    judge('sessions of a company revoked until told', await told);
    judge('sessions of a company revoked until closed', await closed);
});
