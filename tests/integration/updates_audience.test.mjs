// Who gets an update: exactly its audience.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { run, Server } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
let sentinels = 0;

/// What each client was pushed since the last call. Updates of a company arrive in order, so that
/// after a last one to the whole company nothing before it is still on its way.
async function received(clients) {
    const action = `sentinel${++sentinels}`;
    const companies = new Set(Object.values(clients).map(({ welcome }) => welcome.data.companyId));
    for (const companyId of companies) await server.publish({ companyId, action });
    const result = {};
    for (const [name, client] of Object.entries(clients)) {
        await client.update(action);
        result[name] = client.pushed.map((m) => m.action);
        client.inbox.items.length = 0;
    }
    return result;
}

/// Asserts that of `clients` exactly those named in `expected` get `update`, once.
async function assertReaches(clients, update, expected) {
    await server.publish({ action: 'probe', ...update });
    const got = await received(clients);
    const who = Object.keys(got).filter((name) => got[name].length > 0);
    assert.deepEqual(who.sort(), [...expected].sort(), JSON.stringify(update));
    for (const name of who) assert.deepEqual(got[name], ['probe'], `${name} gets it once`);
}

describe('one company', () => {
    const clients = {};
    let bobs;
    before(async () => {
        const alice = await server.member({ user: 'alice', company: 'one' });
        const bob = await server.member({ user: 'bob', company: 'one' });
        bobs = bob;
        const stranger = await server.member({ user: 'alice', company: 'two' });
        clients.aliceOnX = await server.connected(alice, { artifactId: 'x' });
        clients.alice = await server.connected(alice, { transports: ['polling'] });
        clients.bobOnX = await server.connected(bob, { artifactId: 'x', auth: { format: 'object' } });
        clients.bobOnY = await server.connected(bob, { artifactId: 'y' });
        clients.stranger = await server.connected(stranger, { artifactId: 'x' });
    });

    test('a company update reaches all of it and no other', async () => {
        await assertReaches(clients, { companyId: 'one' }, ['aliceOnX', 'alice', 'bobOnX', 'bobOnY']);
        await assertReaches(clients, { companyId: 'two' }, ['stranger']);
        await assertReaches(clients, { companyId: 'three' }, []);
    });

    test('an artifact update reaches those who watch it, not the equal id of another company', async () => {
        await assertReaches(clients, { companyId: 'one', artifactId: 'x' }, ['aliceOnX', 'bobOnX']);
        await assertReaches(clients, { companyId: 'two', artifactId: 'x' }, ['stranger']);
        await assertReaches(clients, { companyId: 'one', artifactId: 'z' }, []);
    });

    test('users, sessions, connections, artifacts', async () => {
        const to = (audience) => ({ companyId: 'one', audience });
        await assertReaches(clients, to({ users: ['alice'] }), ['aliceOnX', 'alice']);
        await assertReaches(clients, to({ users: ['alice', 'bob'] }), ['aliceOnX', 'alice', 'bobOnX', 'bobOnY']);
        await assertReaches(clients, to({ sessions: [bobs.sessionId] }), ['bobOnX', 'bobOnY']);
        await assertReaches(clients, to({ connections: [clients.alice.socket.id] }), ['alice']);
        await assertReaches(clients, to({ artifacts: ['x', 'y'] }), ['aliceOnX', 'bobOnX', 'bobOnY']);
    });

    test('who is in several of them gets it once', async () => {
        const audience = { users: ['alice'], artifacts: ['x'], connections: [clients.alice.socket.id] };
        await assertReaches(clients, { companyId: 'one', audience }, ['aliceOnX', 'alice', 'bobOnX']);
    });

    test('an audience never leaves its company', async () => {
        const audience = { users: ['alice'], connections: [clients.stranger.socket.id] };
        await assertReaches(clients, { companyId: 'one', audience }, ['aliceOnX', 'alice']);
    });

    test('except leaves out', async () => {
        const without = (except, more = {}) => ({ companyId: 'one', audience: { ...more, except } });
        const id = clients.aliceOnX.socket.id;
        await assertReaches(clients, without({ connections: [id] }), ['alice', 'bobOnX', 'bobOnY']);
        await assertReaches(clients, without({ users: ['bob'] }), ['aliceOnX', 'alice']);
        await assertReaches(clients, without({ connections: [id] }, { artifacts: ['x'] }), ['bobOnX']);
    });

    test('subscribing and unsubscribing changes it', async () => {
        await clients.alice.request('artifact.subscribe', { artifactId: 'z' });
        await assertReaches(clients, { companyId: 'one', artifactId: 'z' }, ['alice']);
        await clients.alice.request('artifact.unsubscribe', { artifactId: 'z' });
        await assertReaches(clients, { companyId: 'one', artifactId: 'z' }, []);
        await clients.bobOnX.request('artifact.unsubscribe', { artifactId: 'x' });
        await assertReaches(clients, { companyId: 'one', artifactId: 'x' }, ['aliceOnX']);
        await clients.bobOnX.request('artifact.subscribe', { artifactId: 'x' });
    });

    test('subscribing twice delivers once', async () => {
        await clients.alice.request('artifact.subscribe', { artifactId: 'twice' });
        await clients.alice.request('artifact.subscribe', { artifactId: 'twice' });
        await assertReaches(clients, { companyId: 'one', artifactId: 'twice' }, ['alice']);
    });
});

describe('ids that look alike when joined', () => {
    const pairs = [['c', 'a:b'], ['c:a', 'b'], ['c', 'a%3Ab'], ['c%3Aa', 'b'], ['c', 'ab'], ['C', 'a:b'], ['c', 'ä/..?#'], ['c', '__proto__']];

    test('each gets only its own', async () => {
        const clients = {};
        for (const [companyId, artifactId] of pairs) {
            const member = await server.member({ company: companyId });
            clients[`${companyId} ${artifactId}`] = await server.connected(member, { artifactId });
        }
        for (const [companyId, artifactId] of pairs) {
            await assertReaches(clients, { companyId, artifactId }, [`${companyId} ${artifactId}`]);
        }
    });

    test('an artifact called like a user, session or connection reaches none of these', async () => {
        const member = await server.member({ company: 'names', user: 'x' });
        const clients = { x: await server.connected(member) };
        for (const artifactId of ['x', member.sessionId, clients.x.socket.id, 'user:x', 'names:x']) {
            await assertReaches(clients, { companyId: 'names', artifactId }, []);
        }
    });
});

describe('envelope', () => {
    let client;
    before(async () => {
        client = await server.connected(await server.member({ company: 'env' }), { artifactId: 'x' });
    });

    test('carries what was sent, kind push, time, artifact and position', async () => {
        await server.publish({ companyId: 'env', artifactId: 'x', action: 'statusChange', requestId: 'update-1', data: { status: 'completed' } });
        const { position, time, ...rest } = await client.update('statusChange');
        assert.deepEqual(rest, {
            type: 'UPDATE', requestId: 'update-1', action: 'statusChange', data: { status: 'completed' }, kind: 'push', artifactId: 'x',
        });
        assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.ok(position);
    });

    test('has a requestId even when none was given, and no data when there was none', async () => {
        await server.publish({ companyId: 'env', action: 'bare' });
        const update = await client.update('bare');
        assert.ok(update.requestId.length > 0);
        assert.ok(!('data' in update) && !('artifactId' in update));
    });

    test('a list arrives in order, its positions are those of the answer', async () => {
        const list = Array.from({ length: 100 }, (_, data) => ({ companyId: 'env', action: 'listed', data }));
        const { accepted, positions } = await server.publish(list);
        assert.equal(accepted, 100);
        for (let n = 0; n < 100; ++n) {
            const update = await client.update('listed');
            assert.equal(update.data, n);
            assert.equal(update.position, positions[n]);
        }
        assert.equal(new Set(positions).size, 100);
    });

    test('volatile ones arrive at who is there', async () => {
        await server.publish({ companyId: 'env', action: 'fleeting', data: 1, volatile: true });
        assert.equal((await client.update('fleeting')).data, 1);
    });
});

describe('refusals', () => {
    const bad = {
        'no company': [{ action: 'x' }, [400, 422]],
        'no action': [{ companyId: 'c1' }, [400, 422]],
        'an action that begins system.': [{ companyId: 'c1', action: 'system.connected' }, [400, 403, 422]],
        'a company id with white space': [{ companyId: 'c 1', action: 'x' }, [400, 422]],
        'artifact and audience': [{ companyId: 'c1', action: 'x', artifactId: 'a', audience: { users: ['u'] } }, [400, 422]],
        '101 updates': [Array.from({ length: 101 }, () => ({ companyId: 'c1', action: 'x' })), [400, 413, 422]],
        'an empty list': [[], [400, 422]],
        'a text': ['"x"', [400, 422]],
        'no JSON': ['{', [400]],
    };
    for (const [name, [body, statuses]] of Object.entries(bad)) {
        test(name, async () => {
            const answer = await server.http('POST', '/api/v1/updates', { body });
            assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text}`);
            assert.match(answer.body.error.code, /^[A-Z_]+$/);
        });
    }

    test('a list with one bad update is refused whole', async () => {
        const client = await server.connected(await server.member({ company: 'whole' }));
        const { status } = await server.http('POST', '/api/v1/updates', {
            body: [{ companyId: 'whole', action: 'good' }, { companyId: 'whole', action: 'system.bad' }],
        });
        assert.ok(status >= 400);
        assert.deepEqual(await received({ client }), { client: [] });
    });
});

describe('other doors', () => {
    test('updates.send takes the same', async () => {
        const sender = await server.connected(await server.member({ company: 'doors', permissions: ['updates:send'] }), { artifactId: 'x' });
        const answer = await sender.request('updates.send', [{ companyId: 'doors', action: 'one' }, { companyId: 'doors', artifactId: 'x', action: 'two', data: 2 }]);
        assert.equal(answer.data.accepted, 2);
        assert.equal((await sender.update('one')).kind, 'push');
        assert.equal((await sender.update('two')).data, 2);
    });

    test('the command line reaches the running server', async () => {
        const client = await server.connected(await server.member({ company: 'shell' }), { artifactId: 'x' });
        const sent = await run(['update', 'send', '--dev', '--company', 'shell', '--artifact', 'x', '--action', 'fromShell', '--data', '{"n":1.50}'], { dataDir: server.dataDir });
        assert.equal(sent.code, 0, sent.stderr);
        const update = await client.update('fromShell');
        assert.ok(update.raw.includes('"data":{"n":1.50}'));
        assert.equal(update.artifactId, 'x');
    });
});
