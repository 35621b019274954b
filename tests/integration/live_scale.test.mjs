// How long a revocation and a change of rights take over many connections. Prints the figures.
// SIGNALBOX_CONNECTIONS: how many (default 1000).

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Server, slowness, userToken, within } from './harness.mjs';

const count = Number(process.env.SIGNALBOX_CONNECTIONS ?? 1000);
const server = await Server.start({
    config: '[limits]\nhandshakes_per_second = 0\nconnections_per_user = 0\n'
        + '[auth.artifacts]\nrules = ["permission"]\n[auth.roles]\nwatcher = ["artifact:plan:watch"]\n',
    descriptors: 0,
});
after(() => server.stop());

const perSession = 10;
const clients = [];

/// One user's session and its connections.
async function connectSome(user) {
    const sessionId = await server.session({ user, company: 'c1' });
    const token = userToken({ user, company: 'c1', roles: ['watcher'] });
    for (let i = 0; i < perSession; ++i) {
        const client = server.raw({ query: `&sessionId=${sessionId}&artifactId=plan` });
        await client.join({ token });
        clients.push(client);
    }
}

async function connectAll() {
    const users = Array.from({ length: Math.ceil(count / perSession) }, (_, i) => `u${i}`);
    await Promise.all(Array.from({ length: 20 }, async () => {
        while (users.length > 0) await connectSome(users.pop());
    }));
}

/// Milliseconds from `begin` until each client got a packet that holds `text`.
async function delays(text, begin) {
    const all = await Promise.all(clients.map(async (client) => {
        await client.packets.find((packet) => packet.includes?.(text), text, 30_000 * slowness);
        return performance.now() - begin;
    }));
    return all.sort((a, b) => a - b);
}

function report(what, all) {
    const at = (share) => all[Math.min(all.length - 1, Math.floor(all.length * share))].toFixed(0);
    console.log(`${what}, ${all.length} connections, ${server.options.shardCount} shards: `
        + `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, last ${at(1)} ms`);
    return Number(at(0.99));
}

test('rights and sessions of many connections end within a second', { timeout: 280_000 * slowness }, async () => {
    await within(200_000 * slowness, 'all connections', connectAll());
    assert.ok(clients.length >= count);

    let begin = performance.now();
    writeFileSync(server.configFile, readFileSync(server.configFile, 'utf8').replace('watcher =', 'former ='));
    server.child.kill('SIGHUP');
    assert.ok(report('role taken away', await delays('permissionsChanged', begin)) < 1000 * slowness);

    begin = performance.now();
    const revoked = delays('sessionRevoked', begin);
    assert.equal((await server.http('DELETE', '/api/v1/sessions?companyId=c1')).status, 204);
    assert.ok(report('sessions of a company revoked', await revoked) < 1000 * slowness);
});
