// Actions over the socket: answers, statuses, time-outs, cancelling, permissions.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { nowSeconds, Server, signToken } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const client = await server.connected(await server.member());

describe('development actions', () => {
    for (const action of ['echo', 'someAction']) {
        test(`${action} answers its data`, async () => {
            for (const data of [{ key: 'value' }, [1, 2], 'text', 0, false, null, {}]) {
                const answer = await client.request(action, data);
                assert.equal(answer.type, 'RESPONSE');
                assert.deepEqual(answer.data, data);
            }
        });
    }

    test('processData gives output and processedAt', async () => {
        const { data } = await client.request('processData', { input: 'value' });
        assert.ok('output' in data);
        assert.match(data.processedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });

    test('processData without input is VALIDATION_FAILED, with the place', async () => {
        const { error } = await client.request('processData', {});
        assert.equal(error.code, 'VALIDATION_FAILED');
        assert.ok(error.details.length > 0);
        for (const fault of error.details) {
            assert.match(fault.path, /^(\/|$)/);
            assert.ok(fault.message.length > 0);
        }
    });

    test('fail gives the code that it is asked for', async () => {
        const { error, action } = await client.request('fail', { code: 'OUT_OF_STOCK' });
        assert.equal(action, 'fail');
        assert.equal(error.code, 'OUT_OF_STOCK');
        assert.equal(error.retryable, false);
        assert.match((await client.request('fail', {})).error.code, /^[A-Z][A-Z0-9_]*$/);
    });
});

describe('statuses', () => {
    test('longTask: accepted, running, progress…, then one RESPONSE', async () => {
        const requestId = client.send('longTask', { steps: 3, ms: 150 });
        const answer = await client.final(requestId);
        assert.equal(answer.type, 'RESPONSE');
        const statuses = client.statuses(requestId);
        assert.deepEqual(statuses.map(({ data }) => data.status), ['accepted', 'running', 'progress', 'progress', 'progress']);
        assert.deepEqual(statuses.map(({ data }) => data.seq), [1, 2, 3, 4, 5]);
        for (const { type, kind, action, time } of statuses) {
            assert.deepEqual([type, kind, action], ['UPDATE', 'status', 'longTask']);
            assert.match(time, /Z$/);
        }
        assert.ok(statuses.at(-1).data.progress !== undefined);
    });

    test('5 steps in about 2 seconds by default', async () => {
        const begun = Date.now();
        const requestId = client.send('longTask', {});
        await client.final(requestId);
        assert.equal(client.statuses(requestId).length, 7);
        assert.ok(Date.now() - begun > 1000);
    });

    test('any action announces itself when progress is asked for', async () => {
        const requestId = client.send('echo', 1, { progress: true });
        await client.final(requestId);
        assert.deepEqual(client.statuses(requestId).map(({ data }) => [data.status, data.seq]), [['accepted', 1], ['running', 2]]);
    });

    test('and does not otherwise', async () => {
        const requestId = client.send('echo', 1);
        await client.final(requestId);
        assert.deepEqual(client.statuses(requestId), []);
    });
});

describe('ends', () => {
    test('timeoutMs ends in TIMEOUT', async () => {
        const { error } = await client.request('slow', { ms: 10_000 }, { timeoutMs: 100 });
        assert.equal(error.code, 'TIMEOUT');
        assert.equal(error.retryable, false);
    });

    test('execution.cancel ends it in CANCELLED, once', async () => {
        const requestId = client.send('slow', { ms: 10_000 });
        const cancel = await client.request('execution.cancel', { requestId });
        assert.deepEqual(cancel.data, { cancelled: 1 });
        assert.equal((await client.final(requestId)).error.code, 'CANCELLED');
        assert.deepEqual((await client.request('execution.cancel', { requestId })).data, { cancelled: 0 });
    });

    test('another connection cannot cancel it', async () => {
        const other = await server.connected(await server.member());
        const requestId = client.send('slow', { ms: 500 });
        assert.deepEqual((await other.request('execution.cancel', { requestId })).data, { cancelled: 0 });
        assert.equal((await client.final(requestId)).type, 'RESPONSE');
    });

    test('executions run side by side and end in their own time', async () => {
        const late = client.send('slow', { ms: 600 });
        const early = client.send('slow', { ms: 100 });
        await client.final(early);
        assert.ok(!client.inbox.items.some((m) => m.requestId === late));
        await client.final(late);
    });

    test('ACTION_NOT_FOUND names the action', async () => {
        const answer = await client.request('no.such.action', {});
        assert.equal(answer.type, 'ERROR');
        assert.equal(answer.action, 'no.such.action');
        assert.equal(answer.error.code, 'ACTION_NOT_FOUND');
    });
});

describe('permissions', () => {
    const names = (answer) => answer.data.actions.map(({ name }) => name);

    test('actions.list has what the caller may run, described', async () => {
        const list = await client.request('actions.list');
        for (const name of ['echo', 'longTask', 'artifact.subscribe', 'artifact.unsubscribe', 'execution.cancel', 'actions.list', 'system.ping']) {
            assert.ok(names(list).includes(name), name);
        }
        for (const action of list.data.actions) {
            assert.equal(typeof action.description, 'string');
            assert.equal(typeof action.timeoutMs, 'number');
            assert.equal(typeof action.safeToRetry, 'boolean');
            assert.equal(typeof action.progress, 'boolean');
            assert.ok('inputSchema' in action && 'permission' in action);
        }
        assert.equal(list.data.actions.find(({ name }) => name === 'longTask').progress, true);
    });

    test('updates.send is listed and allowed only with its permission', async () => {
        assert.ok(!names(await client.request('actions.list')).includes('updates.send'));
        const refused = await client.request('updates.send', { companyId: 'c1', action: 'x' });
        assert.equal(refused.error.code, 'FORBIDDEN');
        for (const permission of ['updates:send', 'updates:*', '*']) {
            const sender = await server.connected(await server.member({ user: 'sender', permissions: [permission] }));
            assert.ok(names(await sender.request('actions.list')).includes('updates.send'), permission);
            const sent = await sender.request('updates.send', { companyId: 'c1', action: 'x', data: permission });
            assert.equal(sent.data.accepted, 1);
            assert.equal(sent.data.positions.length, 1);
        }
    });

    test('another company needs the literal permission', async () => {
        const update = { companyId: 'other', action: 'x' };
        for (const permissions of [['updates:send'], ['*'], ['updates:send:*'], ['updates:*', 'any']]) {
            const sender = await server.connected(await server.member({ user: 'sender', permissions }));
            assert.equal((await sender.request('updates.send', update)).error?.code, 'FORBIDDEN', permissions.join());
        }
        const any = await server.connected(await server.member({ user: 'sender', permissions: ['updates:send', 'updates:send:any'] }));
        assert.equal((await any.request('updates.send', update)).data.accepted, 1);
    });

    test('permissions come from scope where there is no claim permissions', async () => {
        const sessionId = await server.session({ user: 'scoped' });
        const token = signToken({ sub: 'scoped', companyId: 'c1', scope: 'orders:read updates:send', exp: nowSeconds() + 600 });
        const sender = await server.connected({ token, sessionId });
        assert.equal((await sender.request('updates.send', { companyId: 'c1', action: 'x' })).data.accepted, 1);
    });
});

test('system.ping answers', async () => {
    const answer = await client.request('system.ping');
    assert.equal(answer.type, 'RESPONSE');
    assert.equal(answer.action, 'system.ping');
});
