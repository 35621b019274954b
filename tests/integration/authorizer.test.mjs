// Artifacts about which the API is asked (auth.artifacts.rules = ["authorizer"]): by the artifact of the connect, by
// artifact.subscribe and by the explanation over HTTP; an API that is right, refuses, is slow, down, or talks garbage.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { eventually, pause, Server, slowness, userToken } from './harness.mjs';

/// Allows what the test has in `allowed`, as "user artifact"; `behave` says how it answers.
class Authorizer {
    allowed = new Set();
    asked = [];
    behave = 'well';

    static async start() {
        const api = new Authorizer();
        api.server = http.createServer((request, response) => api.#answer(request, response)).listen(0, '127.0.0.1');
        await new Promise((resolve) => api.server.once('listening', resolve));
        api.url = `http://127.0.0.1:${api.server.address().port}/may-watch`;
        return api;
    }

    async #answer(request, response) {
        let body = '';
        for await (const chunk of request) body += chunk;
        const question = JSON.parse(body);
        this.asked.push({ ...question, key: request.headers.authorization, url: request.url });
        const verdict = JSON.stringify({ allowed: this.allowed.has(`${question.userId} ${question.artifactId}`) });
        const answers = {
            well: () => response.setHeader('content-type', 'application/json').end(verdict),
            slow: () => setTimeout(() => response.end(verdict), 3000),
            failing: () => response.writeHead(500).end(verdict),
            garbage: () => response.end('{"allowed":"yes"}'),
            huge: () => response.end(`{"allowed":true,"x":"${'x'.repeat(100_000)}"}`),
            cut: () => request.socket.destroy(),
            redirecting: () => response.writeHead(302, { location: '/elsewhere' }).end(verdict),
        };
        answers[this.behave]();
    }

    about(artifactId) {
        return this.asked.filter((question) => question.artifactId === artifactId);
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }
}

const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-authorizer-'));
const auditFile = path.join(folder, 'audit.log');
const audited = (event, has) => eventually(`${event} ${JSON.stringify(has)}`, () =>
    readFileSync(auditFile, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line))
        .find((one) => one.event === event && Object.entries(has).every(([name, value]) => one[name] === value)));

describe('artifacts about which the API is asked', async () => {
    const api = await Authorizer.start();
    const config = (more = '') => `[log]\naudit_file = "${auditFile}"\n[auth.artifacts]\nrules = ["permission", "authorizer"]\nauthorize_url = "${api.url}"\n`
        + `authorize_key = "for-the-api"\nauthorize_timeout = "500ms"\nauthorize_cache = "200ms"\nauthorize_recheck = "1s"\nauthorize_stale = "1s"\n${more}`;
    const server = await Server.start({ config: config() });
    after(async () => {
        await server.stop();
        api.stop();
        rmSync(folder, { recursive: true, force: true });
    });
    beforeEach(() => {
        api.behave = 'well';
    });
    let people = 0;
    const person = async (...artifacts) => {
        const user = `p${++people}`;
        for (const artifact of artifacts) api.allowed.add(`${user} ${artifact}`);
        return server.member({ user, company: 'acme' });
    };
    const subscribe = (client, artifactId) => client.request('artifact.subscribe', { artifactId });

    test('subscribe asks with the key; what is allowed is heard, by one question', async () => {
        const member = await person('plan');
        const client = await server.connected(member), other = await server.connected(member);
        assert.deepEqual((await subscribe(client, 'plan')).data, { artifactId: 'plan', subscribed: true });
        assert.equal((await subscribe(other, 'plan')).type, 'RESPONSE');
        assert.deepEqual(api.about('plan')[0], {
            action: 'watch', artifactId: 'plan', userId: member.user, companyId: 'acme', sessionId: member.sessionId,
            permissions: [], key: 'Bearer for-the-api', url: '/may-watch',
        });
        await server.publish({ companyId: 'acme', artifactId: 'plan', action: 'changed' });
        await Promise.all([client.update('changed'), other.update('changed')]);
    });

    test('what is refused is not heard, and is in the audit', async () => {
        const member = await person('mine');
        const client = await server.connected(member);
        assert.equal((await subscribe(client, 'secret')).error.code, 'ARTIFACT_FORBIDDEN');
        const line = await audited('action.refused', { actor: member.user, artifactId: 'secret' });
        assert.deepEqual([line.code, line.action, line.actorCompany], ['ARTIFACT_FORBIDDEN', 'artifact.subscribe', 'acme']);
        assert.match(line.reason, /the API does not allow it/);
        await subscribe(client, 'mine');
        await server.publish({ companyId: 'acme', artifactId: 'secret', action: 'of secret' });
        await server.publish({ companyId: 'acme', artifactId: 'mine', action: 'of mine' });
        await client.update('of mine');
        assert.deepEqual(client.pushed, []);
    });

    for (const transports of [['websocket'], ['polling']]) {
        test(`the artifact of the connect is asked about too, over ${transports}`, async () => {
            const member = await person('at-connect');
            const client = await server.connected(member, { transports, artifactId: 'at-connect' });
            await server.publish({ companyId: 'acme', artifactId: 'at-connect', action: 'hello' });
            await client.update('hello');
            const refusal = await server.client(member, { transports, artifactId: 'another' }).refusal();
            assert.equal(refusal.code, 'ARTIFACT_FORBIDDEN');
            const line = await audited('connection.refused', { ref: refusal.data.ref });
            assert.deepEqual([line.userId, line.code], [member.user, 'ARTIFACT_FORBIDDEN']);
        });

        test(`what is withdrawn ends, over ${transports}`, async () => {
            const artifact = `withdrawn-${transports}`;
            const member = await person(artifact);
            const client = await server.connected(member, { transports });
            await subscribe(client, artifact);
            api.allowed.delete(`${member.user} ${artifact}`);
            const { data } = await client.system('permissionsChanged', 4000 * slowness);
            assert.deepEqual(data, { cause: 'authorizer', permissions: [], endedSubscriptions: [artifact] });
            await server.publish({ companyId: 'acme', artifactId: artifact, action: 'too late' });
            assert.equal((await client.request('echo', 1)).data, 1);
            assert.deepEqual(client.pushed, []);
            assert.equal((await audited('subscription.ended', { artifactId: artifact })).actor, member.user);
        });
    }

    test('a permission needs no question', async () => {
        const member = await person();
        const token = userToken({ user: member.user, company: 'acme', permissions: ['artifact:by-permission:watch'] });
        const client = await server.connected({ ...member, token });
        assert.equal((await subscribe(client, 'by-permission')).type, 'RESPONSE');
        assert.deepEqual(api.about('by-permission'), []);
    });

    test('the explanation over HTTP says that the API decided', async () => {
        const member = await person('explained');
        const token = userToken({ user: member.user, company: 'acme', permissions: ['permissions:explain'] });
        const explain = (artifact) => server.http('GET', `/api/v1/permissions/explain?artifact=${artifact}`, { token });
        assert.deepEqual((await explain('explained')).body,
            { artifact: 'explained', allowed: true, permission: 'artifact:explained:watch', rule: { kind: 'authorizer' } });
        assert.deepEqual((await explain('unheard-of')).body,
            { artifact: 'unheard-of', allowed: false, permission: 'artifact:unheard-of:watch', rule: { kind: 'authorizer_refused' } });
        api.behave = 'failing';
        const { status, body } = await explain('nobody-knows');
        assert.deepEqual([status, body.error.code], [503, 'UPSTREAM_UNAVAILABLE']);
    });

    for (const behave of ['failing', 'garbage', 'huge', 'cut', 'redirecting', 'slow']) {
        test(`nobody begins to watch while the API is ${behave}`, async () => {
            const artifact = `while-${behave}`;
            const member = await person(artifact);
            const client = await server.connected(member);
            api.behave = behave;
            const { error } = await subscribe(client, artifact);
            assert.deepEqual([error.code, error.retryable], ['UPSTREAM_UNAVAILABLE', true]);
            assert.equal(api.asked.some(({ url }) => url === '/elsewhere'), false);
            api.behave = 'well';
            await eventually('the answer', async () => (await subscribe(client, artifact)).type === 'RESPONSE');
        });
    }

    test('what is watched outlives a short outage; a long one ends it, and is in the log and the metrics', async () => {
        const member = await person('through-outage');
        const client = await server.connected(member);
        await subscribe(client, 'through-outage');
        api.behave = 'failing';
        await pause(1000);
        await server.publish({ companyId: 'acme', artifactId: 'through-outage', action: 'still heard' });
        await client.update('still heard');
        const { data } = await client.system('permissionsChanged', 8000 * slowness);
        assert.deepEqual(data.endedSubscriptions, ['through-outage']);
        assert.equal(client.socket.connected, true);
        await server.logs(/warn +authorizer\.failed reason="?the answer's status is 500/);
        const metrics = (await server.http('GET', '/metrics')).text;
        const of = (outcome) => Number(new RegExp(`signalbox_artifact_questions_total\\{outcome="${outcome}"\\} (\\d+)`).exec(metrics)[1]);
        assert.ok(of('yes') > 0 && of('no') > 0 && of('failed') > 0, metrics);
    });

    test('a connect waits through an outage, and comes in when the API is back', async () => {
        const member = await person('patience');
        api.behave = 'cut';
        const client = server.client(member, { artifactId: 'patience', reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 200 });
        client.socket.connect();
        await eventually('a question', () => api.about('patience').length > 0);
        await pause(1500);
        assert.equal(client.socket.connected, false);
        assert.deepEqual(client.events.items.filter(({ error }) => error?.data), [], 'no refusal that the client would not retry');
        api.behave = 'well';
        await client.system('connected', 20_000 * slowness);
    });

    test('no secret of the API is in the log or the audit', () => {
        assert.doesNotMatch(server.output + readFileSync(auditFile, 'utf8'), /for-the-api/);
    });

    test('a reload changes the API that is asked', async () => {
        const member = await person('moving');
        const client = await server.connected(member);
        const before = readFileSync(server.configFile, 'utf8');
        writeFileSync(server.configFile, before.replace('/may-watch', '/moved'));
        server.child.kill('SIGHUP');
        await eventually('the new place', async () => {
            await subscribe(client, 'moving');
            return api.about('moving').some(({ url }) => url === '/moved');
        });
    });
});
