// Roles that change under open connections, artifact rules, and the explanation of both.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { eventually, Server, slowness, userToken } from './harness.mjs';

const roles = (more = '') => `[auth.roles]\nsender = ["updates:send", "artifact:plan:watch"]\n${more}`;
const server = await Server.start({ config: `[auth.artifacts]\nrules = ["permission"]\n${roles()}` });
after(() => server.stop());
const api = '/api/v1';

async function reload(change) {
    const count = () => server.output.split('configuration.reloaded').length;
    const before = count();
    writeFileSync(server.configFile, change(readFileSync(server.configFile, 'utf8')));
    server.child.kill('SIGHUP');
    await eventually('the reload in the log', () => count() > before);
}
const withoutRole = (text) => text.replace('\nsender =', '\nformer =');
const withRole = (text) => text.replace('\nformer =', '\nsender =');

for (const transports of [['websocket'], ['polling']]) {
    test(`a role that is taken away ends what it allowed, and comes back, over ${transports}`, async () => {
        const member = await server.member({ user: 'sender', roles: ['sender'] });
        const plain = await server.member({ user: 'plain', permissions: ['artifact:plan:watch'] });
        const client = await server.connected(member, { transports, artifactId: 'plan' });
        const other = await server.connected(plain, { transports, artifactId: 'plan' });
        await reload(withoutRole);
        const { data } = await client.system('permissionsChanged', 1000 * slowness);
        assert.deepEqual(data, { cause: 'roles', permissions: [], endedSubscriptions: ['plan'] });
        assert.equal((await client.request('updates.send', { action: 'x' })).error.code, 'FORBIDDEN');
        assert.equal((await client.request('artifact.subscribe', { artifactId: 'plan' })).error.code, 'ARTIFACT_FORBIDDEN');
        await server.publish([{ companyId: 'c1', artifactId: 'plan', action: 'hidden' }, { companyId: 'c1', action: 'seen' }]);
        await client.update('seen');
        assert.ok(!client.pushed.some(({ action }) => action === 'hidden'));
        await other.update('hidden');
        assert.ok(!other.inbox.items.some(({ action }) => action === 'system.permissionsChanged'));

        await reload(withRole);
        const again = await client.system('permissionsChanged', 1000 * slowness);
        assert.deepEqual(again.data.permissions, ['artifact:plan:watch', 'updates:send']);
        assert.equal((await client.request('updates.send', { action: 'x' })).type, 'RESPONSE');
        assert.equal((await client.request('artifact.subscribe', { artifactId: 'plan' })).type, 'RESPONSE');
    });
}

test('a broken connection comes back with the rights of now', async () => {
    const member = await server.member({ user: 'broken', roles: ['sender'] });
    const client = await server.connected(member, { artifactId: 'plan', reconnection: true, reconnectionDelay: 1500 });
    await server.publish({ companyId: 'c1', action: 'first' });
    await client.update('first');
    client.socket.io.opts.query.artifactId = undefined;
    delete client.socket.io.opts.query.artifactId;
    client.socket.io.engine.close();
    await client.events.find(({ event }) => event === 'disconnect');
    await reload(withoutRole);
    await server.publish([{ companyId: 'c1', artifactId: 'plan', action: 'hidden' }, { companyId: 'c1', action: 'missed' }]);
    await client.update('missed', 10_000 * slowness);
    const welcome = await client.system('connected');
    const { data } = await client.system('permissionsChanged');
    assert.equal(welcome.data.recovered, true);
    assert.deepEqual(data.endedSubscriptions, ['plan']);
    assert.ok(!client.pushed.some(({ action }) => action === 'hidden'));
    await reload(withRole);
});

describe('every action is judged alike over both doors', () => {
    const people = {
        nothing: {},
        literal: { permissions: ['updates:send'] },
        wildcard: { permissions: ['updates:*'] },
        everything: { permissions: ['*'] },
        any: { permissions: ['updates:send:any'] },
        role: { roles: ['sender'] },
        strangers: { roles: ['nobody'], permissions: ['updates'] },
    };
    const inputs = {
        'updates.send': { action: 'x' }, 'execution.cancel': { requestId: 'x' }, processData: { input: 1 }, slow: { ms: 1 }, longTask: { steps: 1, ms: 1 },
    };
    const ofConnections = ['artifact.subscribe', 'artifact.unsubscribe', 'auth.refresh'];
    for (const [what, claims] of Object.entries(people)) {
        test(what, async () => {
            const member = await server.member({ user: `p-${what}`, ...claims });
            const client = await server.connected(member);
            const headers = { 'x-session-id': member.sessionId };
            const explainer = userToken({ user: member.user, ...claims, permissions: [...(claims.permissions ?? []), 'permissions:explain'] });
            const all = await server.http('GET', `${api}/actions`, { token: (await server.member({ permissions: ['*', 'updates:send:any'] })).token });
            const own = (await server.http('GET', `${api}/actions`, { token: member.token })).body.actions.map(({ name }) => name);
            assert.ok(all.body.actions.length >= 12);
            for (const { name } of all.body.actions.filter((action) => !ofConnections.includes(action.name))) {
                const bySocket = await client.request(name, inputs[name]);
                const { body: byRest } = await server.http('POST', `${api}/actions/${name}`, { token: member.token, headers, body: { data: inputs[name] } });
                assert.equal(bySocket.type, byRest.type, name);
                assert.equal(bySocket.error?.code, byRest.error?.code, name);
                const { body: why } = await server.http('GET', `${api}/permissions/explain?action=${name}`, { token: explainer });
                assert.equal(why.allowed, bySocket.error?.code !== 'FORBIDDEN', `${name}: ${JSON.stringify(why)}`);
                assert.equal(own.includes(name), why.allowed, name);
            }
        });
    }
});

test('explain names the rule, and needs its permission', async () => {
    const explain = (query, claims) => server.http('GET', `${api}/permissions/explain?${query}`, { token: userToken(claims) });
    const why = async (query, claims) => (await explain(query, { ...claims, permissions: [...(claims.permissions ?? []), 'permissions:explain'] })).body;
    assert.deepEqual((await why('action=updates.send', { roles: ['sender'] })), {
        action: 'updates.send', allowed: true, permission: 'updates:send',
        rule: { kind: 'literal', grant: 'updates:send', from: 'role', role: 'sender' },
    });
    assert.deepEqual((await why('artifact=plan', { permissions: ['artifact:*'] })).rule, { kind: 'wildcard', grant: 'artifact:*', from: 'token' });
    assert.deepEqual((await why('artifact=plan', {})).rule, { kind: 'not_claimed' });
    assert.equal((await explain('action=echo', {})).status, 403);
    assert.equal((await server.http('GET', `${api}/permissions/explain?action=echo`)).status, 403);
});
