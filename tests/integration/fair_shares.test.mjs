// Companies take turns where actions wait. The order in which an API is asked shows it; no clock is needed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { eventually, Inbox, Server } from './harness.mjs';

/// An API that answers when it is told to.
class HeldApi {
    asked = new Inbox();

    static async start() {
        const api = new HeldApi();
        api.server = http.createServer(async (request, response) => {
            let body = '';
            for await (const chunk of request) body += chunk;
            const answer = () => response.writeHead(200, { 'content-type': 'application/json' }).end('1');
            api.asked.push({ company: JSON.parse(body).context.companyId, answer });
        }).listen(0, '127.0.0.1');
        await once(api.server, 'listening');
        api.url = `http://127.0.0.1:${api.server.address().port}/`;
        return api;
    }

    /// Answers one request after another. @return whose they were
    async answer(count) {
        const companies = [];
        for (let i = 0; i < count; ++i) {
            const { company, answer } = await this.asked.take(() => true, 'a request');
            companies.push(company);
            answer();
        }
        return companies;
    }

    async stop() {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, 'close');
    }
}

describe('fair shares', () => {
    let server, api, flood, quiet;

    before(async () => {
        api = await HeldApi.start();
        const entry = (name, more) => `[[actions.upstream]]\nname = "${name}"\nurl = "${api.url}"\npermission = ""\n${more}\n`;
        server = await Server.start({
            config: `
[limits]
messages_per_second = 0
[http_client]
requests_per_origin_max = 2
${entry('narrow', 'max_concurrency = 1')}
${entry('short', 'max_concurrency = 1\nmax_waiting = 4')}
${entry('wide', '')}
`,
        });
        flood = await server.connected(await server.member({ company: 'flood' }));
        quiet = await server.connected(await server.member({ company: 'quiet' }));
    });
    after(async () => {
        await server?.stop();
        await api?.stop();
    });

    const metric = async (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await server.http('GET', '/metrics')).text)[1]);
    const waiting = (count) => eventually(`${count} wait`, async () => (await metric('signalbox_executions_waiting')) === count);

    test('a quiet company has its turn before what another has sent before it', async () => {
        const ids = Array.from({ length: 10 }, () => flood.send('narrow', {}));
        await waiting(9);
        const id = quiet.send('narrow', {});
        await waiting(10);
        assert.deepEqual(await api.answer(11), ['flood', 'flood', 'quiet', ...Array(8).fill('flood')]);
        for (const each of ids) assert.equal((await flood.final(each)).data, 1);
        assert.equal((await quiet.final(id)).data, 1);
        assert.equal(await metric('signalbox_executions_waiting'), 0);
        assert.ok((await metric('signalbox_executions_waited_total')) >= 10);
    });

    test('a company that has filled its part of the queue leaves the other for others', async () => {
        const ids = Array.from({ length: 3 }, () => flood.send('short', {}));
        await waiting(2);
        const { error } = await flood.request('short', {});
        assert.deepEqual([error.code, error.retryable, error.retryAfterMs > 0], ['OVERLOADED', true, true]);
        const id = quiet.send('short', {});
        await waiting(3);
        assert.deepEqual(await api.answer(4), ['flood', 'flood', 'quiet', 'flood']);
        for (const each of ids) await flood.final(each);
        await quiet.final(id);
    });

    test('what waits is cancelled at once, and asks nobody', async () => {
        const first = flood.send('narrow', {});
        const second = flood.send('narrow', {});
        await waiting(1);
        assert.equal((await flood.request('execution.cancel', { requestId: second })).data.cancelled, 1);
        assert.equal((await flood.final(second)).error.code, 'CANCELLED');
        await waiting(0);
        assert.deepEqual(await api.answer(1), ['flood']);
        await flood.final(first);
    });

    test('requests to one server take turns too', async () => {
        const ids = Array.from({ length: 10 }, () => flood.send('wide', {}));
        await eventually('they run', async () => (await metric('signalbox_upstream_requests_running')) === 10);
        const id = quiet.send('wide', {});
        await eventually('all run', async () => (await metric('signalbox_upstream_requests_running')) === 11);
        const order = await api.answer(11);
        assert.ok(order.indexOf('quiet') <= 3, order.join(' '));
        for (const each of ids) assert.equal((await flood.final(each)).data, 1);
        assert.equal((await quiet.final(id)).data, 1);
    });
});
