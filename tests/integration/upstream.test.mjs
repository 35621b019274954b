// Actions behind HTTP: the example backends, and a service that is down, slow, cut off or hostile.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { eventually, Inbox, root, secret, Server, slowness, within } from './harness.mjs';

const signingSecret = 'only-the-upstream-tests-know-this-secret';

/// An example backend on a port of its own.
class Backend {
    static async start(command, file, env) {
        const backend = new Backend();
        backend.child = spawn(command, [`${root}/examples/upstream/${file}`, '0'], {
            env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'],
        });
        const [line] = await within(20_000 * slowness, file, once(backend.child.stdout, 'data'));
        [backend.url] = /http:\/\/\S+/.exec(line.toString());
        return backend;
    }

    async stop() {
        this.child.kill();
        await once(this.child, 'exit');
    }
}

const entry = (name, url, more = '') =>
    `[[actions.upstream]]\nname = "${name}"\nurl = "${url}"\npermission = ""\n${more}\n`;

describe('the example backends', () => {
    let server, orders, reports;

    before(async () => {
        orders = await Backend.start(process.execPath, 'orders-api.mjs', { ORDERS_JWT_SECRET: secret });
        reports = await Backend.start('/usr/bin/python3', 'reports.py', { SIGNALBOX_ACTIONS_SIGNING_SECRET: signingSecret });
        const config = readFileSync(`${root}/examples/upstream/signalbox.toml`, 'utf8')
            .replaceAll('http://127.0.0.1:3000', orders.url)
            .replaceAll('http://127.0.0.1:3001', reports.url);
        server = await Server.start({ config, env: { SIGNALBOX_ACTIONS_SIGNING_SECRET: signingSecret } });
    });
    after(async () => {
        await server?.stop();
        await orders?.stop();
        await reports?.stop();
    });

    const writer = { permissions: ['orders:write', 'reports:read'] };

    test('an ordinary REST API is called as it is, with the caller\'s own token', async () => {
        const client = await server.connected(await server.member({ user: 'w', ...writer }));
        const made = await client.request('orders.create', { item: 'tea', quantity: 2 });
        assert.deepEqual(made.data, { id: made.data.id, item: 'tea', quantity: 2 });
        const { id } = made.data;
        assert.deepEqual((await client.request('orders.get', { id })).data, made.data);
        assert.equal((await client.request('orders.change', { id, quantity: 5 })).data.quantity, 5);
        assert.deepEqual((await client.request('orders.list', { item: 'tea' })).data.orders.map((o) => o.id), [id]);
        assert.deepEqual((await client.request('orders.list')).data.orders.length, 1);
        const removed = await client.request('orders.remove', { id });
        assert.deepEqual([removed.type, removed.data], ['RESPONSE', null]);
        assert.equal((await client.request('orders.get', { id })).error.code, 'NOT_FOUND');
    });

    test('the API decides: its 401, 403 and 422 are told as what they mean', async () => {
        const reader = await server.connected(await server.member({ user: 'r' }));
        assert.equal((await reader.request('orders.create', { item: 'tea' })).error.code, 'FORBIDDEN');
        const client = await server.connected(await server.member({ user: 'w', ...writer }));
        assert.equal((await client.request('orders.create', {})).error.code, 'VALIDATION_FAILED');
        const service = await server.http('POST', '/api/v1/actions/orders.list', { body: {} });
        assert.deepEqual([service.status, service.body.error.code], [401, 'INVALID_TOKEN']);
    });

    test('other companies\' orders are not seen', async () => {
        const ours = await server.connected(await server.member({ user: 'w', ...writer }));
        const { id } = (await ours.request('orders.create', { item: 'ours' })).data;
        const theirs = await server.connected(await server.member({ user: 'x', company: 'c2' }));
        assert.equal((await theirs.request('orders.get', { id })).error.code, 'NOT_FOUND');
    });

    test('data that cannot stand in the URL is refused before anybody is asked', async () => {
        const client = await server.connected(await server.member({ user: 'w', ...writer }));
        for (const data of [{}, { id: '../reports' }, { id: '..' }, { id: null }]) {
            const { error } = await client.request('orders.get', data);
            assert.equal(error.code, 'VALIDATION_FAILED', JSON.stringify(data));
        }
        const { error } = await client.request('orders.list', { colour: 'red' });
        assert.equal(error.details[0].path, '/colour');
    });

    test('progress arrives line by line, over the socket and over REST', async () => {
        const member = await server.member({ user: 'w', ...writer });
        const client = await server.connected(member);
        const id = client.send('reports.build', { pages: 3, seconds: 0.02 });
        const { data } = await client.final(id);
        assert.deepEqual(data, { pages: 3, for: 'w', company: 'c1' });
        assert.deepEqual(client.statuses(id).map((m) => m.data.progress ?? m.data.status),
            ['accepted', 'running', { page: 1, pages: 3 }, { page: 2, pages: 3 }, { page: 3, pages: 3 }]);
        const { text } = await server.http('POST', '/api/v1/actions/reports.build', {
            token: member.token, body: { data: { pages: 1, seconds: 0 } },
            headers: { 'x-session-id': member.sessionId, accept: 'text/event-stream' },
        });
        assert.match(text, /event: update\ndata: .*"progress":\{"page": 1, "pages": 1\}/);
        assert.match(text, /event: response\ndata: .*"action":"reports\.build","data":\{"pages": 1/);
    });

    test('an error of the API\'s own reaches the caller, and a prefix covers all its actions', async () => {
        const client = await server.connected(await server.member({ user: 'w', ...writer }));
        assert.deepEqual((await client.request('reports.titles')).data, ['Sales', 'Stock']);
        assert.deepEqual((await client.request('reports.build', { pages: 1000 })).error,
            { code: 'TOO_MANY_PAGES', message: '1 to 100 pages', retryable: false, details: { pages: 1000 } });
        assert.equal((await client.request('reports.none')).error.code, 'NOT_FOUND');
        assert.equal((await client.request('reports.')).error.code, 'ACTION_NOT_FOUND');
        const stranger = await server.connected(await server.member({ user: 'r' }));
        assert.equal((await stranger.request('reports.titles')).error.code, 'FORBIDDEN');
        assert.equal((await client.socket.emitWithAck('reports.titles')).data[0], 'Sales');
    });
});

/// A service that does what the path says.
class Oddity {
    requests = new Inbox();
    sent = 0;
    open = 0;

    async start() {
        this.server = http.createServer((request, response) => this.serve(request, response));
        this.server.keepAliveTimeout = 60_000;
        this.raw = net.createServer((socket) => {
            socket.on('error', () => {});
            socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
        });
        for (const one of [this.server, this.raw]) await new Promise((done) => one.listen(0, '127.0.0.1', done));
        this.url = `http://127.0.0.1:${this.server.address().port}`;
        this.rawUrl = `http://127.0.0.1:${this.raw.address().port}`;
        const closed = net.createServer();
        await new Promise((done) => closed.listen(0, '127.0.0.1', done));
        this.downUrl = `http://127.0.0.1:${closed.address().port}`;
        await new Promise((done) => closed.close(done));
        return this;
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
        this.raw.close();
    }

    async serve(request, response) {
        ++this.open;
        response.on('close', () => --this.open);
        response.on('error', () => {});
        let body = '';
        try {
            for await (const chunk of request) body += chunk;
        } catch {
            return;
        }
        const path = request.url.split('?')[0];
        const seen = { path, url: request.url, headers: request.headers, body, closed: false };
        response.on('close', () => (seen.closed = true));
        this.requests.push(seen);
        const json = { 'content-type': 'application/json' };
        switch (path) {
            case '/slow': return;
            case '/reset': return request.socket.resetAndDestroy();
            case '/half':
                response.writeHead(200, { ...json, 'content-length': 100 });
                response.write('{"half":');
                return setTimeout(() => request.socket.destroy(), 5);
            case '/half-lines':
                response.writeHead(200, { 'content-type': 'application/x-ndjson' });
                response.write('{"progress":1}\n{"resu');
                return setTimeout(() => request.socket.destroy(), 5);
            case '/huge': return this.flood(response.writeHead(200, json));
            case '/huge-line': return this.flood(response.writeHead(200, { 'content-type': 'application/x-ndjson' }));
            case '/huge-said':
                response.writeHead(200, { ...json, 'content-length': 500_000_000 });
                return response.write('[');
            case '/text': return response.end('<html>hello</html>');
            case '/lines':
                response.writeHead(200, { 'content-type': 'application/x-ndjson' });
                return response.end('{"progress":1}\nnonsense\n');
            case '/echo': return response.writeHead(200, json).end(JSON.stringify(seen));
            default: {
                const [, status, code] = path.split('/');
                const error = code && { error: { code, message: 'as asked' } };
                return response.writeHead(Number(status), json).end(JSON.stringify(error ?? { secret: 'stack trace' }));
            }
        }
    }

    /// 500 MB, as long as somebody takes them.
    flood(response) {
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const total = 500_000_000;
        const more = () => {
            while (!response.destroyed && this.sent < total) {
                this.sent += chunk.length;
                if (!response.write(chunk)) return response.once('drain', more);
            }
            response.end();
        };
        this.sent = 0;
        more();
    }

    /// The next request for that path that comes after `begin`.
    next(path, begin) {
        this.requests.items.length = 0;
        begin();
        return this.requests.take((request) => request.path === path, path);
    }
}

describe('a service in trouble', () => {
    let server, oddity, client;
    const descriptors = () => readdirSync(`/proc/${server.child.pid}/fd`).length;

    before(async () => {
        oddity = await new Oddity().start();
        const odd = (name, path, more = '') => entry(name, oddity.url + path, `breaker_failures = 0\n${more}`);
        const config = [
            entry('down', oddity.downUrl, 'retries = 1\nbreaker_failures = 0'),
            entry('garbage', oddity.rawUrl, 'breaker_failures = 0'),
            odd('late', '/slow', 'timeout = "300ms"'),
            odd('endless', '/slow', 'timeout = "60s"'),
            ...['reset', 'half', 'half-lines', 'huge', 'huge-line', 'huge-said', 'text', 'lines', 'echo']
                .map((name) => odd(`odd.${name}`, `/${name}`)),
            odd('get', '/{status}/{code}', 'mode = "rest"\nmethod = "GET"\nretries = 0'),
            odd('retried', '/503/{code}', 'mode = "rest"\nmethod = "GET"\nretries = 2'),
            odd('unsafe', '/503/{code}', 'mode = "rest"\nretries = 2'),
            odd('one', '/slow', 'max_concurrency = 1\nmax_waiting = 0\ntimeout = "60s"'),
            entry('breaking', `${oddity.url}/502`, 'breaker_failures = 3\nbreaker_pause = "1s"'),
        ].join('\n');
        server = await Server.start({
            config: `[limits]\nmessages_per_second = 0\nin_flight_per_connection = 0\nin_flight_per_user = 0\n${config}`,
            env: { SIGNALBOX_ACTIONS_SIGNING_SECRET: signingSecret },
            args: [],
        });
        client = await server.connected(await server.member());
    });
    after(async () => {
        await server?.stop();
        oddity?.stop();
    });

    const codeOf = async (action, data) => (await client.request(action, data)).error?.code;

    test('each trouble is told as what it is, in time, with nothing of the answer', async () => {
        const expected = {
            down: 'UPSTREAM_UNAVAILABLE', garbage: 'UPSTREAM_ERROR', late: 'TIMEOUT',
            'odd.reset': 'UPSTREAM_ERROR', 'odd.half': 'UPSTREAM_ERROR', 'odd.half-lines': 'UPSTREAM_ERROR',
            'odd.huge': 'UPSTREAM_ERROR', 'odd.huge-line': 'UPSTREAM_ERROR', 'odd.huge-said': 'UPSTREAM_ERROR',
            'odd.text': 'UPSTREAM_ERROR', 'odd.lines': 'UPSTREAM_ERROR',
        };
        for (const [action, code] of Object.entries(expected)) {
            const begun = Date.now();
            const { error } = await client.request(action);
            assert.equal(error?.code, code, action);
            assert.ok(Date.now() - begun < 2000 * slowness, `${action}: ${Date.now() - begun} ms`);
            assert.doesNotMatch(error.message, /html|SSH|half|xxx/);
            if (code === 'UPSTREAM_ERROR') {
                const line = await eventually('the log line', () =>
                    server.output.split('\n').find((one) => one.includes(error.ref)));
                assert.match(line, /upstream\.failed/);
            }
        }
    });

    test('500 MB cost no more than the limit', async () => {
        const before = await server.residentBytes();
        for (const action of ['odd.huge', 'odd.huge-line']) {
            assert.equal(await codeOf(action), 'UPSTREAM_ERROR');
            await eventually('the request is closed', () => oddity.requests.items.at(-1).closed);
            assert.ok(oddity.sent < 40_000_000, `${oddity.sent} bytes were sent`);
        }
        const grown = await server.residentBytes() - before;
        assert.ok(grown < 20_000_000, `${grown} bytes more`);
    });

    test('every status is mapped, and an own error wins', async () => {
        const rows = [
            [400, 'UPSTREAM_ERROR', 502], [401, 'UPSTREAM_ERROR', 502], [403, 'FORBIDDEN', 403], [404, 'NOT_FOUND', 404],
            [408, 'TIMEOUT', 504], [409, 'UPSTREAM_ERROR', 502], [422, 'VALIDATION_FAILED', 422],
            [429, 'RATE_LIMITED', 429], [500, 'UPSTREAM_ERROR', 502], [502, 'UPSTREAM_ERROR', 502],
            [503, 'UPSTREAM_UNAVAILABLE', 503], [504, 'TIMEOUT', 504],
        ];
        const member = await server.member({ user: 'rest' });
        const headers = { 'x-session-id': member.sessionId };
        for (const [status, code, told] of rows) {
            const plain = await server.http('POST', '/api/v1/actions/get', {
                token: member.token, headers, body: { data: { status, code: 'not-a-code' } },
            });
            assert.deepEqual([plain.status, plain.body.error.code], [told, code], `${status}`);
            assert.doesNotMatch(plain.text, /stack trace/);
            if ([429, 503].includes(status)) assert.ok(plain.headers.get('retry-after'), `${status}`);
            assert.equal(await codeOf('get', { status, code: 'SOLD_OUT' }), 'SOLD_OUT', `${status}`);
            assert.equal(await codeOf('get', { status, code: 'TOKEN_EXPIRED' }), code, `${status}`);
        }
    });

    test('what is safe is tried again, what is not is not', async () => {
        const asked = (code) => oddity.requests.items.filter((one) => one.path === `/503/${code}`).length;
        assert.equal(await codeOf('retried', { code: 'safe' }), 'UPSTREAM_UNAVAILABLE');
        assert.equal(asked('safe'), 3);
        assert.equal(await codeOf('unsafe', { code: 'unsafe' }), 'UPSTREAM_UNAVAILABLE');
        assert.equal(asked('unsafe'), 1);
    });

    test('a cancelled execution closes its request', async () => {
        let id;
        const request = await oddity.next('/slow', () => (id = client.send('endless')));
        assert.equal(request.closed, false);
        assert.equal((await client.request('execution.cancel', { requestId: id })).data.cancelled, 1);
        assert.equal((await client.final(id)).error.code, 'CANCELLED');
        await eventually('the request is closed', () => request.closed);
    });

    test('an entry runs as often at a time as it may', async () => {
        let id;
        await oddity.next('/slow', () => (id = client.send('one')));
        assert.equal(await codeOf('one'), 'OVERLOADED');
        await client.request('execution.cancel', { requestId: id });
        await client.final(id);
    });

    test('a breaker asks nobody while it is open, and closes again', async () => {
        for (let i = 0; i < 3; ++i) assert.equal(await codeOf('breaking'), 'UPSTREAM_ERROR');
        const asked = () => oddity.requests.items.filter((one) => one.path === '/502').length;
        const before = asked();
        const { error } = await client.request('breaking');
        assert.deepEqual([error.code, error.retryable], ['UPSTREAM_UNAVAILABLE', true]);
        assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 1000);
        assert.equal(asked(), before);
        await eventually('one request tries', async () => (await codeOf('breaking')) === 'UPSTREAM_ERROR');
        assert.equal(asked(), before + 1);
    });

    test('an envelope is signed, traced and says who asks', async () => {
        const { data: seen } = await client.request('odd.echo', { n: 1 }, { idempotencyKey: 'key-1', timeoutMs: 5000 });
        const [, moment, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(seen.headers['signalbox-signature']);
        assert.equal(createHmac('sha256', signingSecret).update(`${moment}.${seen.body}`).digest('hex'), hex);
        assert.match(seen.headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
        assert.equal(seen.headers.authorization, undefined);
        const envelope = JSON.parse(seen.body);
        assert.ok(envelope.timeoutMs > 4000 && envelope.timeoutMs <= 5000);
        assert.deepEqual([envelope.action, envelope.data, envelope.idempotencyKey], ['odd.echo', { n: 1 }, 'key-1']);
        const { connectionId, sessionId } = client.welcome.data;
        assert.deepEqual(envelope.context, { userId: 'u1', companyId: 'c1', sessionId, connectionId, permissions: [] });

        const member = await server.member({ user: 'rest' });
        const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
        const { body } = await server.http('POST', '/api/v1/actions/odd.echo', {
            token: member.token, body: {},
            headers: { 'x-session-id': member.sessionId, traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'idempotency-key': 'key-2' },
        });
        assert.match(body.data.headers.traceparent, new RegExp(`^00-${trace}-`));
        assert.equal(JSON.parse(body.data.body).idempotencyKey, 'key-2');
    });

    test('nothing is left behind by hundreds of troubles', async () => {
        const actions = ['down', 'garbage', 'late', 'odd.reset', 'odd.half', 'odd.half-lines', 'odd.huge-said', 'odd.text', 'odd.lines'];
        const round = async (times) => {
            for (let i = 0; i < times; ++i) await Promise.all(actions.map((action) => client.request(action)));
            await eventually('all requests are closed', () => oddity.open === 0);
        };
        await round(5);
        // What is kept for later requests may stay, no more.
        const kept = 16;
        const [fds, bytes] = [descriptors(), await server.residentBytes()];
        await round(15);
        await eventually('the descriptors are flat', () => descriptors() <= fds + kept);
        const grown = await server.residentBytes() - bytes;
        assert.ok(grown < 16_000_000 * slowness, `${grown} bytes more`);
        const { text } = await server.http('GET', '/metrics');
        assert.match(text, /signalbox_upstream_requests_running 0\n/);
        for (const outcome of ['failed', 'timed_out', 'unavailable', 'refused', 'succeeded', 'given_up', 'not_sent'])
            assert.match(text, new RegExp(`signalbox_upstream_requests_total{outcome="${outcome}"} [1-9]`), outcome);
        assert.match(text, /signalbox_upstream_retries_total [1-9]/);
    });

    test('others are served while a service does not answer', async () => {
        const ids = Array.from({ length: 100 }, () => client.send('endless'));
        const begun = Date.now();
        for (let i = 0; i < 20; ++i) assert.equal((await client.request('echo', i)).data, i);
        assert.ok(Date.now() - begun < 2000 * slowness);
        for (const id of ids) client.send('execution.cancel', { requestId: id });
        for (const id of ids) assert.equal((await client.final(id)).error.code, 'CANCELLED');
    });
});

test('SIGHUP changes the actions under what runs', async () => {
    const oddity = await new Oddity().start();
    const server = await Server.start({ config: entry('stuck', `${oddity.url}/slow`) + entry('echo2', `${oddity.url}/echo`) });
    try {
        const member = await server.member();
        const client = await server.connected(member);
        const reload = async (change) => {
            const events = () => server.output.split('configuration.').length;
            const before = events();
            writeFileSync(server.configFile, change(readFileSync(server.configFile, 'utf8')));
            server.child.kill('SIGHUP');
            await eventually('the reload in the log', () => events() > before);
        };
        let running;
        const request = await oddity.next('/slow', () => (running = client.send('stuck')));
        await reload((text) => text.replace('name = "stuck"', 'name = "other"').replace('/echo"', '/404"'));
        assert.doesNotMatch(server.output, /restart_needed|configuration\.refused/);
        assert.equal((await client.request('stuck')).error.code, 'ACTION_NOT_FOUND');
        assert.equal((await client.request('echo2')).error.code, 'NOT_FOUND');
        const names = (await client.request('actions.list')).data.actions.map(({ name }) => name);
        assert.ok(names.includes('other') && !names.includes('stuck'));
        assert.equal(request.closed, false);
        assert.equal((await client.request('execution.cancel', { requestId: running })).data.cancelled, 1);
        assert.equal((await client.final(running)).error.code, 'CANCELLED');

        await reload((text) => text.replace('url = "', 'url = "ftp://'));
        await server.logs(/configuration\.refused .*actions\.upstream/);
        assert.equal((await client.request('echo2')).error.code, 'NOT_FOUND');

        // Tokens are kept from when the first action forwards them.
        await reload((text) => text.replace('ftp://', '')
            .replace('/404"', '/echo"').replace('permission = ""', 'permission = ""\nforward_authorization = true')
            .replace('name = "other"\n', 'name = "forwarding"\n').replace('/slow"', '/echo"'));
        assert.equal((await client.request('forwarding')).error.code, 'INVALID_TOKEN');
        assert.equal((await client.request('auth.refresh', { token: member.token })).type, 'RESPONSE');
        const { data } = await client.request('forwarding');
        assert.equal(data.headers.authorization, `Bearer ${member.token}`);
        assert.equal(client.socket.connected, true);
    } finally {
        await server.stop();
        oddity.stop();
    }
});
