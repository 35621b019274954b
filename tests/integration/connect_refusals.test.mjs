// Who may connect, and how each refusal looks to the stock client.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, nowSeconds, pause, secret, Server, serverFor, signToken, slowness, userToken } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());

async function assertRefused(member, code, options) {
    const client = server.client(member, options);
    const refusal = await client.refusal();
    assert.equal(refusal.code, code, refusal.message);
    assert.equal(refusal.data.retryable, false);
    assert.ok(refusal.message.length > 0);
    assert.ok(refusal.data.ref, 'a ref that leads to the log');
    client.close();
    return refusal;
}

const claims = (more) => ({ sub: 'u1', companyId: 'c1', exp: nowSeconds() + 600, ...more });

describe('tokens', () => {
    const bad = {
        'no token': () => undefined,
        'an empty token': () => '',
        'text that is no token': () => 'not-a-token',
        'another secret': () => signToken(claims(), { key: 'another-secret-of-more-than-32-characters' }),
        'algorithm none': () => signToken(claims(), { header: { alg: 'none', typ: 'JWT' } }),
        'algorithm HS512 under a HS256 key': () => signToken(claims(), { header: { alg: 'HS512' } }),
        'no exp': () => signToken({ sub: 'u1', companyId: 'c1' }),
        'no sub': () => signToken({ ...claims(), sub: undefined }),
        'no companyId': () => signToken({ ...claims(), companyId: undefined }),
        'a sub with white space': () => signToken(claims({ sub: 'u 1' })),
        'nbf in the future': () => signToken(claims({ nbf: nowSeconds() + 300 })),
        'an unknown crit': () => signToken(claims(), { header: { alg: 'HS256', crit: ['x'], x: 1 } }),
        'a duplicate member': () => signToken(`{"sub":"u1","sub":"u2","companyId":"c1","exp":${nowSeconds() + 600}}`),
    };
    for (const [name, token] of Object.entries(bad)) {
        test(`INVALID_TOKEN: ${name}`, async () => {
            const { sessionId } = await server.member();
            await assertRefused({ token: token(), sessionId }, 'INVALID_TOKEN');
        });
    }

    test('TOKEN_EXPIRED: exp is past by more than the leeway', async () => {
        const { sessionId } = await server.member();
        await assertRefused({ token: userToken({ ttl: -60 }), sessionId }, 'TOKEN_EXPIRED');
    });

    test('integer claims count as their decimal text', async () => {
        const sessionId = await server.session({ user: '42', company: '7' });
        const client = await server.connected({ token: signToken(claims({ sub: 42, companyId: 7 })), sessionId });
        assert.equal(client.welcome.data.companyId, '7');
    });

    test('a Bearer prefix is tolerated', async () => {
        const member = await server.member();
        await server.connected({ ...member, token: `Bearer ${member.token}` });
    });

    test('the Authorization header serves when auth has no token', async () => {
        const { token, sessionId } = await server.member();
        await server.connected({ sessionId }, { extraHeaders: { authorization: `Bearer ${token}` } });
    });

    test('the first token present decides, even when another is good', async () => {
        const { token, sessionId } = await server.member();
        const extraHeaders = { authorization: `Bearer ${token}` };
        await assertRefused({ token: 'bad', sessionId }, 'INVALID_TOKEN', { extraHeaders });
    });

    test('a token in the query is not accepted by default', async () => {
        const { token, sessionId } = await server.member();
        await assertRefused({ sessionId }, 'INVALID_TOKEN', { query: { token } });
    });
});

describe('sessions', () => {
    test('SESSION_REQUIRED without one', async () => {
        await assertRefused({ token: userToken() }, 'SESSION_REQUIRED');
    });

    test('sessionId may come in auth', async () => {
        const { token, sessionId } = await server.member();
        const client = await server.connected({ token }, { auth: { sessionId } });
        assert.equal(client.welcome.data.sessionId, sessionId);
    });

    test('SESSION_INVALID: unknown', async () => {
        await assertRefused({ token: userToken(), sessionId: 'no-such-session' }, 'SESSION_INVALID');
    });

    test('SESSION_INVALID: of another user', async () => {
        const sessionId = await server.session({ user: 'someone-else' });
        await assertRefused({ token: userToken(), sessionId }, 'SESSION_INVALID');
    });

    test('SESSION_INVALID: of another company', async () => {
        const sessionId = await server.session({ company: 'c2' });
        await assertRefused({ token: userToken(), sessionId }, 'SESSION_INVALID');
    });

    test('SESSION_INVALID: revoked', async () => {
        const member = await server.member();
        assert.equal((await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`)).status, 204);
        await assertRefused(member, 'SESSION_INVALID');
    });

    test('SESSION_EXPIRED: its time is over', async () => {
        const sessionId = await server.session({ ttl: 1 });
        await pause(1500);
        await assertRefused({ token: userToken(), sessionId }, 'SESSION_EXPIRED');
    });
});

test('a refused client may try again on the same transport', async () => {
    const member = await server.member();
    const raw = server.raw({ query: `&sessionId=${member.sessionId}` });
    await raw.packet('0{');
    raw.send('40{"token":"bad"}');
    const refusal = JSON.parse((await raw.packet('44')).slice(2));
    assert.equal(refusal.data.code, 'INVALID_TOKEN');
    raw.send(`40{"token":"${member.token}"}`);
    assert.ok(JSON.parse((await raw.packet('40')).slice(2)).sid);
});

test('ref stands in the log, and no token does', async () => {
    const { sessionId } = await server.member();
    const token = signToken(claims(), { key: 'another-secret-of-more-than-32-characters' });
    const { data } = await assertRefused({ token, sessionId }, 'INVALID_TOKEN');
    await eventually('the log line', () => server.output.includes(data.ref));
    assert.ok(!server.output.includes(token));
    assert.ok(!server.output.includes(secret));
});

describe('with 1 handshake a second and a burst of 3', () => {
    const limited = serverFor({ before, after }, { config: '[limits]\nhandshakes_per_second = 1\nhandshakes_burst = 3\n' });

    test('RATE_LIMITED is 429 with Retry-After, and the stock client gets in later by itself', async () => {
        const member = await limited.member();
        const poll = () => fetch(`${limited.url}/realtime/?EIO=4&transport=polling`);
        for (let i = 0; i < 3; ++i) assert.equal((await poll()).status, 200);
        const refused = await poll();
        assert.equal(refused.status, 429);
        assert.match(refused.headers.get('retry-after'), /^[1-9]\d*$/);

        const upgrade = await limited.raw().refused;
        assert.equal(upgrade.status, 429);
        assert.match(upgrade.headers['retry-after'], /^[1-9]\d*$/);

        const client = limited.client(member, { reconnection: true });
        client.socket.connect();
        await client.system('connected', 15_000 * slowness);
    });
});

describe('with 2 connections a user', () => {
    const config = '[limits]\nconnections_per_user = 2\n';
    const crowded = serverFor({ before, after }, { config });

    test('the same session evicts its most silent connection', async () => {
        const member = await crowded.member({ user: 'evictor' });
        const silent = await crowded.connected(member);
        const talking = await crowded.connected(member);
        await talking.request('system.ping');
        await crowded.connected(member);
        await silent.disconnected();
        assert.equal((await talking.request('system.ping')).type, 'RESPONSE');
    });

    test('another session is held, closed, and told why when it gets in', async () => {
        const first = await crowded.member({ user: 'crowd' });
        const holders = [await crowded.connected(first), await crowded.connected(first)];
        const second = await crowded.member({ user: 'crowd' });

        const raw = crowded.raw({ query: `&sessionId=${second.sessionId}` });
        await raw.packet('0{');
        raw.send(`40{"token":"${second.token}"}`);
        await Promise.race([raw.closed, pause(12_000 * slowness).then(() => assert.fail('still open after 12 s'))]);
        assert.ok(!raw.packets.items.some((packet) => packet.startsWith('4')), 'no answer to CONNECT');

        for (const holder of holders) holder.close();
        // The closes above are known to the server a moment later than here.
        const client = crowded.client(second, { reconnection: true });
        client.socket.connect();
        const welcome = await client.system('connected', 25_000 * slowness);
        assert.equal(welcome.data.lastClose.code, 'TOO_MANY_CONNECTIONS');
        assert.ok(!Number.isNaN(Date.parse(welcome.data.lastClose.time)));
    });
});

test('claim mode needs no store: the token names the session', async () => {
    const claim = await Server.start({ config: '[auth.sessions]\nmode = "claim"\n' });
    try {
        const client = await claim.connected({ token: userToken({ sid: 'from-the-token' }) });
        assert.equal(client.welcome.data.sessionId, 'from-the-token');
        const bare = await claim.client({ token: userToken() }).refusal();
        assert.equal(bare.code, 'SESSION_REQUIRED');
        const foreign = await claim.client({ token: userToken({ sid: 'a' }), sessionId: 'b' }).refusal();
        assert.equal(foreign.code, 'SESSION_INVALID');
    } finally {
        await claim.stop();
    }
});
