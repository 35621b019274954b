// `signalbox company delete`: sessions, connections and kept outcomes of a company are gone, those of others are not.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { run, Server, userToken } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const command = (...args) => run([...args, '--config', server.configFile, '--dev'], { dataDir: server.dataDir });
const ended = (client) => client.events.find(({ event }) => event === 'disconnect', 'the end');
const sessionsOf = async (company) => (await server.http('GET', `/api/v1/sessions?companyId=${company}`)).body.sessions.length;

test('of a running server: sessions go, connections close over both transports, others stay', async () => {
    const members = [await server.member({ user: 'a', company: 'going' }), await server.member({ user: 'b', company: 'going' })];
    const staying = await server.connected(await server.member({ company: 'going-on' }));
    const clients = [
        await server.connected(members[0], { transports: ['websocket'] }),
        await server.connected(members[1], { transports: ['polling'] }),
        await server.connected(members[1], { transports: ['websocket'] }),
    ];
    await server.session({ user: 'c', company: 'going' });
    for (const client of [clients[0], staying]) await client.request('echo', 1, { idempotencyKey: 'k' });
    const { code, stdout } = await command('company', 'delete', 'going', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { companyId: 'going', sessions: 3, connections: 3, executions: 1 });
    await Promise.all(clients.map(ended));
    assert.equal(await sessionsOf('going'), 0);
    assert.equal(await sessionsOf('going-on'), 1);
    assert.equal(staying.socket.connected, true);
    assert.equal((await staying.request('echo', 1, { idempotencyKey: 'k' })).replayed, true);
    await server.logs(/ audit company\.deleted actor=control companyId=going sessions=3 connections=3 executions=1/);

    const again = await command('company', 'delete', 'going');
    assert.deepEqual([again.code, again.stdout], [0, 'deleted 0 sessions, closed 0 connections, forgot 0 executions\n']);
    const late = server.client(members[0]);
    late.socket.connect();
    const { error } = await late.events.find(({ event }) => event === 'connect_error', 'a refusal');
    assert.equal(error.data.code, 'SESSION_INVALID');
});

test('recovery gives nothing back', async () => {
    const member = await server.member({ user: 'a', company: 'parked' });
    const raw = server.raw({ query: `&sessionId=${member.sessionId}` });
    await raw.join(member);
    raw.close();
    assert.equal((await command('company', 'delete', 'parked')).code, 0);
    const { text } = await server.http('GET', '/metrics');
    assert.match(text, /^signalbox_connections_parked 0$/m);
});

test('where sessions are claims, connections close', async () => {
    const claims = await Server.start({ config: '[auth.sessions]\nmode = "claim"\n' });
    const client = await claims.connected({ sessionId: 's1', token: userToken({ company: 'going', sid: 's1' }) });
    await client.request('echo', 1, { idempotencyKey: 'k' });
    const { stdout } = await run(['company', 'delete', 'going', '--config', claims.configFile, '--dev'], { dataDir: claims.dataDir });
    assert.equal(stdout, 'deleted 0 sessions, closed 1 connections, forgot 1 executions\n');
    await ended(client);
    await claims.stop();
});

test('without a server the database itself; a bad or missing id is a usage error', async () => {
    const cold = await Server.start();
    const client = await cold.connected(await cold.member({ company: 'going' }));
    await client.request('echo', 1, { idempotencyKey: 'k' });
    client.close();
    await cold.session({ company: 'staying' });
    await cold.terminate();
    const at = (...args) => run([...args, '--config', cold.configFile, '--dev'], { dataDir: cold.dataDir });
    assert.equal((await at('company', 'delete', 'going')).stdout, 'deleted 1 sessions, closed 0 connections, forgot 1 executions\n');
    const left = JSON.parse((await at('session', 'list', '--json')).stdout).sessions.map(({ companyId }) => companyId);
    assert.deepEqual([left.includes('staying'), left.includes('going')], [true, false]);
    assert.equal((await at('company', 'delete', 'a b')).code, 2);
    assert.equal((await at('company', 'delete')).code, 2);
    assert.equal((await at('company', 'delete', 'a', 'b')).code, 2);
    await cold.stop();
});
