// Idempotency keys over both doors, attaching, cancelling, forgetting, and the stock client's retries.
// What ran is counted outside of the server, by an API of this test.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CountingApi } from './counting_api.mjs';
import { eventually, Server, shards } from './harness.mjs';

const header = (key) => ({ 'idempotency-key': key });

describe('at most once', () => {
    let server, api;

    before(async () => {
        api = await CountingApi.start();
        server = await Server.start({ config: api.config });
    });
    after(async () => {
        await server?.stop();
        await api?.stop();
    });

    const post = (member, name, body, key) => server.http('POST', `/api/v1/actions/${name}`, {
        token: member.token, body, headers: { 'x-session-id': member.sessionId, ...header(key) },
    });
    const execution = (method, member, key) => server.http(method, `/api/v1/executions/${encodeURIComponent(key)}`, {
        token: member.token, headers: { 'x-session-id': member.sessionId },
    });
    let nextKey = 0;
    const newKey = () => `key-${nextKey++}`;

    test('runs once over both doors and several connections', async () => {
        const member = await server.member({ user: 'once' });
        const key = newKey();
        const data = { id: key, lines: [{ item: 'tea', count: 2 }] };
        const first = await (await server.connected(member)).request('count.now', data, { idempotencyKey: key });
        assert.deepEqual([first.type, first.data.ran, first.replayed], ['RESPONSE', key, undefined]);
        const same = { lines: [{ count: 2.0, item: 'tea' }], id: key };
        for (let i = 0; i < 2 * shards; ++i) {
            const again = await (await server.connected(member)).request('count.now', same, { idempotencyKey: key });
            assert.deepEqual([again.type, again.data, again.replayed], ['RESPONSE', first.data, true]);
        }
        const rest = await post(member, 'count.now', { data: same, requestId: 'mine' }, key);
        assert.deepEqual([rest.status, rest.body.requestId, rest.body.data, rest.body.replayed], [200, 'mine', first.data, true]);
        const quoted = await post(member, 'count.now', { data }, `"${key}"`);
        assert.equal(quoted.body.replayed, true);
        assert.equal(api.count(key), 1);
    });

    test('refuses the key for another action or other data, and keys that are none', async () => {
        const member = await server.member({ user: 'reuse' });
        const key = newKey();
        await post(member, 'count.now', { data: { id: key } }, key);
        const other = await post(member, 'count.now', { data: { id: 'other' } }, key);
        assert.deepEqual([other.status, other.body.error.code], [409, 'IDEMPOTENCY_KEY_REUSED']);
        assert.equal((await post(member, 'count.slow', { data: { id: key } }, key)).status, 409);
        for (const bad of ['a b', 'x'.repeat(129)]) {
            assert.equal((await post(member, 'count.now', { data: { id: key } }, bad)).status, 422);
        }
        assert.deepEqual([api.count(key), api.count('other')], [1, 0]);
    });

    test('many callers at the same moment are one execution', async () => {
        const member = await server.member({ user: 'crowd' });
        const key = newKey();
        const clients = await Promise.all(Array.from({ length: 6 }, () => server.connected(member)));
        const answers = await Promise.all([
            ...clients.map((client) => client.request('count.slow', { id: key }, { idempotencyKey: key })),
            ...Array.from({ length: 6 }, () => post(member, 'count.slow', { data: { id: key } }, key).then(({ body }) => body)),
        ]);
        assert.deepEqual(answers.map(({ type, data }) => [type, data?.ran]), answers.map(() => ['RESPONSE', key]));
        assert.equal(api.count(key), 1);
    });

    test('a second caller sees the statuses with their seq, one that attaches what it missed', async () => {
        const member = await server.member({ user: 'watch' });
        const key = newKey();
        const data = { steps: 10, ms: 1500 };
        const first = await server.connected(member);
        const id = first.send('longTask', data, { idempotencyKey: key });
        await first.inbox.find((m) => m.requestId === id && m.data?.seq === 5);
        const second = await server.connected(member);
        const secondId = second.send('longTask', data, { idempotencyKey: key });
        const third = await server.connected(member);
        const thirdId = third.send('execution.attach', { idempotencyKey: key, lastSeq: 4 });
        const ends = await Promise.all([first.final(id), second.final(secondId), third.final(thirdId)]);
        assert.deepEqual(ends.map((end) => [end.type, end.data, end.replayed]), ends.map(() => ['RESPONSE', { steps: 10 }, undefined]));
        const seqs = (client, requestId) => client.statuses(requestId).map((m) => m.data.seq);
        const all = Array.from({ length: 12 }, (_, i) => i + 1);
        assert.deepEqual(seqs(first, id), all);
        assert.deepEqual(seqs(second, secondId), all);
        assert.deepEqual(seqs(third, thirdId), all.slice(4));
    });

    test('a client that lost its connection attaches again and gets the end', async () => {
        const member = await server.member({ user: 'back' });
        const key = newKey();
        const first = await server.connected(member, { query: { recovery: '0' } });
        const id = first.send('longTask', { steps: 5, ms: 1000 }, { idempotencyKey: key });
        await first.inbox.find((m) => m.requestId === id && m.data?.seq === 3);
        first.close();
        const second = await server.connected(member);
        const end = await second.request('execution.attach', { idempotencyKey: key, lastSeq: 3 });
        assert.deepEqual(end.data, { steps: 5 });
        const late = await second.request('execution.attach', { idempotencyKey: key });
        assert.deepEqual([late.data, late.replayed], [{ steps: 5 }, true]);
        assert.equal((await second.request('execution.attach', { idempotencyKey: 'none' })).error.code, 'NOT_FOUND');
    });

    test('cancels by key from elsewhere, and replays that', async () => {
        const member = await server.member({ user: 'cancel' });
        const key = newKey();
        const first = await server.connected(member);
        const id = first.send('slow', { ms: 30_000 }, { idempotencyKey: key });
        const running = await eventually('running', async () => {
            const { body } = await execution('GET', member, key);
            return body.state === 'running' && body.updates.length === 2 && body;
        });
        assert.deepEqual([running.action, running.outcome, running.updates[1].data], ['slow', null, { status: 'running', seq: 2 }]);
        assert.equal((await execution('DELETE', member, key)).status, 409);
        const answer = await post(member, 'execution.cancel', { data: { idempotencyKey: key } }, newKey());
        assert.deepEqual(answer.body.data, { cancelled: 1 });
        assert.equal((await first.final(id)).error.code, 'CANCELLED');
        const again = await post(member, 'slow', { data: { ms: 30_000 } }, key);
        assert.deepEqual([again.status, again.body.error.code, again.body.replayed], [499, 'CANCELLED', true]);
    });

    test('describes and forgets', async () => {
        const member = await server.member({ user: 'forget' });
        const key = 'order/17-ä';
        assert.equal((await execution('GET', member, key)).status, 404);
        const client = await server.connected(member);
        await client.request('count.now', { id: key }, { idempotencyKey: key, requestId: 'the-first' });
        const { status, body } = await execution('GET', member, key);
        assert.deepEqual([status, body.state, body.action, body.updates], [200, 'succeeded', 'count.now', []]);
        assert.deepEqual([body.outcome.type, body.outcome.requestId, body.outcome.data], ['RESPONSE', 'the-first', { ran: key }]);
        const stranger = await server.member({ user: 'stranger' });
        assert.equal((await execution('GET', stranger, key)).status, 404);
        assert.equal((await execution('DELETE', stranger, key)).status, 404);
        assert.equal((await execution('DELETE', member, key)).status, 204);
        assert.equal((await execution('DELETE', member, key)).status, 404);
        await client.request('count.now', { id: key }, { idempotencyKey: key });
        assert.equal(api.count(key), 2);
        assert.equal((await server.http('GET', '/api/v1/executions/x', { token: member.token })).status, 401);
        assert.equal((await execution('GET', member, 'a b')).status, 400);
    });

    test('an update with a key is sent once, over both doors', async () => {
        const service = await server.member({ user: 'publisher', permissions: ['updates:send'] });
        const watcher = await server.connected(await server.member({ user: 'watcher' }));
        const publish = (body, more = {}) => server.http('POST', '/api/v1/updates', { token: service.token, body, headers: more });
        const update = { action: 'news', data: { n: 1 }, idempotencyKey: newKey() };
        const first = await publish(update);
        assert.deepEqual([first.status, first.body.accepted, first.body.positions.length], [202, 1, 1], first.text);
        const again = await publish({ idempotencyKey: update.idempotencyKey, data: { n: 1 }, action: 'news' });
        assert.deepEqual([again.status, again.body], [202, first.body]);
        const bySocket = await (await server.connected(service)).request('updates.send', update);
        assert.deepEqual([bySocket.data, bySocket.replayed], [first.body, true]);
        const other = await publish({ ...update, data: { n: 2 } });
        assert.deepEqual([other.status, other.body.error.code], [409, 'IDEMPOTENCY_KEY_REUSED']);

        const list = [{ action: 'news', data: { n: 3 } }, { action: 'news', data: { n: 4 } }];
        const key = header(newKey());
        const whole = await publish(list, key);
        assert.deepEqual((await publish(list, key)).body, whole.body);
        const keyed = await publish(list.map((one) => ({ ...one, idempotencyKey: newKey() })));
        assert.deepEqual([keyed.status, keyed.body.error.details.map(({ path }) => path)], [422, ['/0/idempotencyKey', '/1/idempotencyKey']]);
        assert.equal((await publish(list, header('a b'))).status, 422);

        // Refused, and therefore not kept.
        const foreign = { ...update, companyId: 'c2', idempotencyKey: newKey() };
        assert.equal((await publish(foreign)).status, 403);
        assert.equal((await publish({ ...foreign, companyId: 'c1' })).status, 202);
        await watcher.inbox.find(() => watcher.pushed.length === 4, 'four updates');
        await watcher.request('system.ping');
        assert.deepEqual(watcher.pushed.map(({ data }) => data.n), [1, 3, 4, 1]);
    });

    test('a service\'s keys are its own', async () => {
        const update = { companyId: 'c1', action: 'news', data: 1, idempotencyKey: newKey() };
        const { body: first } = await server.http('POST', '/api/v1/updates', { body: update });
        const { body: again } = await server.http('POST', '/api/v1/updates', { body: update });
        assert.deepEqual(again, first);
    });

    test('an end that says "try again" frees the key', async () => {
        const member = await server.member({ user: 'again' });
        const key = newKey();
        api.fail(key, 503);
        const refused = await post(member, 'count.now', { data: { id: key } }, key);
        assert.deepEqual([refused.status, refused.body.error.retryable], [503, true]);
        api.fail(key, 0);
        const done = await post(member, 'count.now', { data: { id: key } }, key);
        assert.deepEqual([done.status, done.body.replayed], [200, undefined]);
    });

    test('a service has keys of its own', async () => {
        const key = newKey();
        const call = () => server.http('POST', '/api/v1/actions/count.now', { body: { data: { id: key } }, headers: header(key) });
        assert.equal((await call()).body.replayed, undefined);
        assert.equal((await call()).body.replayed, true);
        assert.equal(api.count(key), 1);
    });

    test('the stock client\'s retries attach to the first', async () => {
        const member = await server.member({ user: 'retries' });
        const client = await server.connected(member, { retries: 5, ackTimeout: 150 });
        const key = newKey();
        const request = { type: 'REQUEST', requestId: key, action: 'count.slow', data: { id: key } };
        const answer = await new Promise((resolve, reject) => {
            client.socket.emit('message', JSON.stringify(request), (error, envelope) => (error ? reject(error) : resolve(envelope)));
        });
        assert.deepEqual([answer.type, answer.data], ['RESPONSE', { ran: key }]);
        assert.equal(api.count(key), 1);
    });

    test('what was stored survives a restart', async () => {
        const member = await server.member({ user: 'restart' });
        const key = newKey();
        const before = await post(member, 'count.now', { data: { id: key } }, key);
        await server.restart();
        const after = await post(member, 'count.now', { data: { id: key } }, key);
        assert.deepEqual([after.body.data, after.body.replayed], [before.body.data, true]);
        assert.equal(api.count(key), 1);
    });

    test('after a crash nobody knows, and it does not run again', async () => {
        const member = await server.member({ user: 'crash' });
        const [key, safeKey] = [newKey(), newKey()];
        const answers = [post(member, 'count.slow', { data: { id: key } }, key), post(member, 'count.safe', { data: { id: safeKey } }, safeKey)];
        for (const answer of answers) answer.catch(() => {});
        await eventually('both ran', () => api.count(key) === 1 && api.count(safeKey) === 1);
        server.child.kill('SIGKILL');
        await server.exited;
        await server.launch(server.port);
        const again = await post(member, 'count.slow', { data: { id: key } }, key);
        assert.deepEqual([again.status, again.body.error.code], [409, 'OUTCOME_UNKNOWN']);
        assert.equal((await execution('GET', member, key)).body.state, 'unknown');
        assert.equal(api.count(key), 1);
        const safe = await post(member, 'count.safe', { data: { id: safeKey } }, safeKey);
        assert.deepEqual([safe.status, safe.body.replayed], [200, undefined]);
        assert.equal(api.count(safeKey), 2);
        assert.equal((await execution('DELETE', member, key)).status, 204);
        assert.equal((await post(member, 'count.slow', { data: { id: key } }, key)).status, 200);
    });
});
