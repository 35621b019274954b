// How the server is reached: over TLS, behind a proxy, under a prefix, on an internal address.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { eventually, run, Server, serviceKey, userToken } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-doors-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function withServer(options, body) {
    const server = await Server.start(options);
    try {
        await body(server);
    } finally {
        await server.stop();
    }
}

/// Writes a self-signed certificate: {cert, key, config} with the files and their TOML.
function makeCertificate(name) {
    const cert = path.join(folder, `${name}.pem`);
    const key = path.join(folder, `${name}.key`);
    execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert,
    ], { stdio: 'pipe' });
    return { cert, key, config: `[server.tls]\ncertificate_file = "${cert}"\nkey_file = "${key}"\n` };
}

async function freePort() {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address();
    listener.close();
    await once(listener, 'close');
    return port;
}

describe('TLS', () => {
    const certificate = makeCertificate('first');

    async function memberByCommandLine(server) {
        const { code, stdout, stderr } = await run(
            ['session', 'create', '--dev', '--user', 'u1', '--company', 'c1'], { dataDir: server.dataDir });
        assert.equal(code, 0, stderr);
        return { token: userToken(), sessionId: stdout.trim() };
    }

    function get(server, target, options = {}) {
        return new Promise((resolve, reject) => {
            https.get(server.url + target, { ca: readFileSync(certificate.cert), ...options }, (answer) => {
                answer.resume();
                answer.on('end', () => resolve(answer.statusCode));
            }).on('error', reject);
        });
    }

    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
        test(`the stock client runs an action over ${transports.join(' and ')}`, async () => {
            await withServer({ config: certificate.config }, async (server) => {
                assert.match(server.url, /^https:/);
                const member = await memberByCommandLine(server);
                const ca = readFileSync(certificate.cert);
                const client = await server.connected(member, { transports, ca });
                const data = { text: 'x'.repeat(100_000) };
                assert.deepEqual((await client.request('echo', data)).data, data);
                if (transports.length === 2) {
                    await eventually('the upgrade', () => client.socket.io.engine.transport.name === 'websocket');
                    assert.deepEqual((await client.request('echo', data)).data, data);
                }
            });
        });
    }

    test('plain HTTP and old protocol versions on a TLS port are refused, others are served on', async () => {
        await withServer({ config: certificate.config }, async (server) => {
            const plain = net.connect(server.port, '127.0.0.1');
            plain.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
            const closed = once(plain, 'close');
            plain.on('error', () => {}).resume();
            await closed;
            await assert.rejects(get(server, '/healthz', {
                minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0',
            }));
            assert.equal(await get(server, '/healthz'), 200);
        });
    });

    test('SIGHUP serves a new certificate to new connections and keeps the old ones', async () => {
        const { cert, key, config } = makeCertificate('renewed');
        await withServer({ config }, async (server) => {
            const subject = async () => {
                const socket = tls.connect({ port: server.port, host: '127.0.0.1', ca: readFileSync(cert) });
                await once(socket, 'secureConnect');
                const { fingerprint256 } = socket.getPeerCertificate();
                socket.destroy();
                return fingerprint256;
            };
            const client = await server.connected(await memberByCommandLine(server), { ca: readFileSync(cert) });
            const before = await subject();
            const next = makeCertificate('next');
            execFileSync('cp', [next.cert, cert]);
            execFileSync('cp', [next.key, key]);
            server.child.kill('SIGHUP');
            await eventually('the reload', () => server.output.includes('configuration.reloaded'));
            assert.notEqual(await subject(), before);
            assert.equal((await client.request('echo', 1)).data, 1);
        });
    });

    test('a certificate that is not there is a start error', async () => {
        const config = '[server.tls]\ncertificate_file = "/nowhere.pem"\nkey_file = "/nowhere.key"\n';
        await assert.rejects(Server.start({ config }), /exit 2 .*nowhere\.pem/s);
    });
});

describe('trusted proxies', () => {
    async function addressSeen(server, headers) {
        const member = await server.member();
        const client = await server.connected(member, { extraHeaders: headers });
        const { body } = await server.http('GET', '/api/v1/connections');
        const { address } = body.connections.find(({ connectionId }) => connectionId === client.welcome.data.connectionId);
        client.close();
        return address;
    }

    test('the last address that no trusted proxy wrote is the client\'s', async () => {
        const config = '[server]\ntrusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]\n';
        await withServer({ config }, async (server) => {
            assert.match(await addressSeen(server, { 'X-Forwarded-For': '203.0.113.9' }), /^203\.0\.113\.9/);
            assert.match(
                await addressSeen(server, { 'X-Forwarded-For': '198.51.100.1, 203.0.113.9, 10.1.2.3' }), /^203\.0\.113\.9/);
            assert.match(await addressSeen(server, {}), /^127\.0\.0\.1/);
            assert.match(await addressSeen(server, { 'X-Forwarded-For': 'rubbish' }), /^127\.0\.0\.1/);
        });
    });

    test('the header of anybody else does not count', async () => {
        await withServer({}, async (server) => {
            assert.match(await addressSeen(server, { 'X-Forwarded-For': '203.0.113.9' }), /^127\.0\.0\.1/);
        });
    });

    test('each forwarded address has a handshake bucket of its own', async () => {
        const config = '[server]\ntrusted_proxies = ["127.0.0.1"]\n[limits]\nhandshakes_per_second = 1\nhandshakes_burst = 1\n';
        await withServer({ config }, async (server) => {
            const handshake = async (address) => (await server.http(
                'GET', '/realtime/?EIO=4&transport=polling', { headers: { 'X-Forwarded-For': address } })).status;
            assert.equal(await handshake('203.0.113.1'), 200);
            assert.equal(await handshake('203.0.113.1'), 429);
            assert.equal(await handshake('203.0.113.2'), 200);
        });
    });
});

test('internal_listen moves metrics and management, and leaves the rest', async () => {
    const port = await freePort();
    await withServer({ config: `[server]\ninternal_listen = "127.0.0.1:${port}"\n` }, async (server) => {
        const internal = async (method, target, options) => {
            const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
                method, headers: { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' },
                body: options.body && JSON.stringify(options.body),
            });
            return { status: answer.status, text: await answer.text() };
        };
        const managed = [['GET', '/metrics'], ['GET', '/api/v1/sessions'], ['GET', '/api/v1/connections']];
        for (const [method, target] of managed) {
            assert.equal((await server.http(method, target)).status, 404, `${target} outside`);
            assert.equal((await internal(method, target, { token: serviceKey })).status, 200, `${target} inside`);
        }
        const made = await internal('POST', '/api/v1/sessions', {
            token: serviceKey, body: { userId: 'u1', companyId: 'c1' } });
        assert.equal(made.status, 201, made.text);
        const client = await server.connected({ token: userToken(), sessionId: JSON.parse(made.text).sessionId });
        await server.publish({ companyId: 'c1', action: 'news' });
        await client.update('news');
        assert.equal((await server.http('GET', '/healthz', { token: null })).status, 200);
    });
});

test('base_path prefixes all but the socket; path_aliases replace the default', async () => {
    const config = '[server]\nbase_path = "/gateway"\npath_aliases = ["/live"]\n';
    await withServer({ config }, async (server) => {
        const status = async (target) => (await server.http('GET', target)).status;
        assert.equal(await status('/gateway/healthz'), 200);
        assert.equal(await status('/healthz'), 404);
        assert.equal(await status('/gateway/api/v1/sessions'), 200);
        assert.equal(await status('/api/v1/sessions'), 404);
        assert.equal(await status('/gateway/test-client'), 200);
        for (const path of ['/realtime', '/realtime/', '/live', '/live/']) {
            assert.equal(await status(`${path}?EIO=4&transport=polling`), 200, path);
        }
        assert.equal(await status('/socket.io/?EIO=4&transport=polling'), 404);
        assert.equal(await status('/gateway/realtime/?EIO=4&transport=polling'), 404);
        const page = await server.testClientLink();
        assert.match(page.url, /\/gateway\/test-client#/);
        const client = await server.connected(page, { path: '/live' });
        assert.equal((await client.request('echo', 'x')).data, 'x');
    });
});
