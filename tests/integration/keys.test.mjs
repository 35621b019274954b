// Tokens of a provider that publishes its keys: rotation under load, and a source that is down, slow,
// huge, malformed or not who it says.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { eventually, nowSeconds, patience, pause, Server, userToken } from './harness.mjs';

const kinds = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    EdDSA: () => generateKeyPairSync('ed25519'),
};
const base64url = (value) => Buffer.from(value).toString('base64url');

/// A key of the provider: signs tokens, and says how the set shows it.
class ProviderKey {
    constructor(kid, alg = 'ES256') {
        Object.assign(this, { kid, alg, ...kinds[alg]() });
        this.jwk = { ...this.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
    }

    token({ user = 'u1', company = 'c1', ...more } = {}) {
        const claims = { sub: user, companyId: company, exp: nowSeconds() + 600, ...more };
        const text = `${base64url(JSON.stringify({ alg: this.alg, kid: this.kid }))}.${base64url(JSON.stringify(claims))}`;
        const key = { key: this.privateKey, dsaEncoding: 'ieee-p1363' };
        const signature = sign(this.alg === 'EdDSA' ? null : 'sha256', Buffer.from(text), key);
        return `${text}.${signature.toString('base64url')}`;
    }
}

/// Publishes a key set, well or badly.
class Provider {
    static async start({ keys = [], tls } = {}) {
        const provider = new Provider();
        provider.keys = keys;
        const answer = (request, response) => provider.answer(request, response);
        provider.server = tls ? https.createServer(tls, answer) : http.createServer(answer);
        await once(provider.server.listen(0, '127.0.0.1'), 'listening');
        provider.url = `${tls ? 'https' : 'http'}://127.0.0.1:${provider.server.address().port}/keys`;
        return provider;
    }

    requests = 0;
    fault = null;

    answer(request, response) {
        this.requests += 1;
        if (this.fault) return this.fault(response);
        const body = JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) });
        response.setHeader('cache-control', 'max-age=3600');
        response.end(body);
    }

    async stop() {
        this.server.closeAllConnections?.();
        await new Promise((resolve) => this.server.close(resolve));
    }
}

const configOf = (url, more = '') => `[auth.jwt]\njwks_url = "${url}"\n${more}`;

async function status(server, token, sessionId) {
    const { status: code, body } = await server.http('GET', '/api/v1/actions', { token, headers: { 'x-session-id': sessionId } });
    return body?.error?.code ?? code;
}

test('tokens of every kind of key are accepted on both doors, and the metrics say what was fetched', async () => {
    const keys = Object.keys(kinds).map((alg) => new ProviderKey(`key-${alg}`, alg));
    const provider = await Provider.start({ keys });
    const server = await Server.start({ config: configOf(provider.url) });
    try {
        const sessionId = await server.session();
        for (const key of keys) {
            assert.equal(await status(server, key.token(), sessionId), 200, key.alg);
            const client = await server.connected({ token: key.token(), sessionId });
            assert.equal(client.socket.connected, true);
        }
        assert.equal(await status(server, userToken(), sessionId), 200, 'the secret counts too');
        const { text } = await server.http('GET', '/metrics');
        assert.match(text, /signalbox_jwks_keys 3\n/);
        assert.match(text, /signalbox_jwks_fetches_total\{outcome="changed"\} 1\n/);
        assert.match(text, /signalbox_jwks_age_seconds \d/);
        await server.logs(/jwks\.changed .*keys=3/);
        assert.doesNotMatch(server.output, /jwks\.failed/);
    } finally {
        await server.stop();
        await provider.stop();
    }
});

test('no good token is refused while keys rotate under load', async () => {
    let current = new ProviderKey('k0');
    const provider = await Provider.start({ keys: [current] });
    // It is to be the keys that refuse, not the rate at which one address connects.
    const server = await Server.start({ config: configOf(provider.url, '[limits]\nhandshakes_per_second = 0\n') });
    try {
        const members = await Promise.all([...Array(6).keys()].map(async (i) => ({ user: `u${i}`, sessionId: await server.session({ user: `u${i}` }) })));
        let running = true;
        const outcomes = new Map();
        const count = (outcome) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        const callers = members.map(async ({ user, sessionId }) => {
            while (running) count(await status(server, current.token({ user, jti: String(Math.random()) }), sessionId));
        });
        const connecting = (async () => {
            while (running) {
                const { user, sessionId } = members[0];
                const client = await server.connected({ token: current.token({ user }), sessionId });
                client.close();
                count('connected');
            }
        })();
        for (let i = 1; i <= 4; ++i) {
            await pause(1500);
            const next = new ProviderKey(`k${i}`);
            provider.keys = [next, ...provider.keys];
            current = next;
        }
        await eventually('a call with the last key', () => provider.requests >= 3, 15_000);
        await pause(1000);
        running = false;
        await Promise.all([...callers, connecting]);
        assert.deepEqual([...outcomes.keys()].sort(), [200, 'connected'], JSON.stringify([...outcomes]));
        assert.ok(outcomes.get(200) > 50, `${outcomes.get(200)} calls`);
        assert.equal(await status(server, current.token({ user: 'u0' }), members[0].sessionId), 200);
    } finally {
        await server.stop();
        await provider.stop();
    }
});

test('a flood of invented kids costs the provider a bounded rate of requests', async () => {
    const key = new ProviderKey('k');
    const provider = await Provider.start({ keys: [key] });
    const server = await Server.start({ config: configOf(provider.url) });
    try {
        const sessionId = await server.session();
        const begin = Date.now();
        const forged = new ProviderKey('x');
        const answers = await Promise.all([...Array(200).keys()].map((i) => {
            forged.kid = `../../k${i}`;
            return status(server, forged.token(), sessionId);
        }));
        assert.deepEqual([...new Set(answers)], ['INVALID_TOKEN']);
        assert.ok(provider.requests <= 2 + 2 * Math.ceil((Date.now() - begin) / 6000), `${provider.requests} requests`);
        assert.equal(await status(server, key.token(), sessionId), 200);
    } finally {
        await server.stop();
        await provider.stop();
    }
});

const faults = {
    refusing: (response) => response.destroy(),
    slow: () => {},
    huge: (response) => response.end(`{"keys":[${' '.repeat(300_000)}]}`),
    malformed: (response) => response.end('{"keys":[{"kty":"RSA"'),
    'of another content': (response) => response.setHeader('content-type', 'text/html').end('<html>Sign in</html>'),
    empty: (response) => response.end('{"keys":[]}'),
    failing: (response) => response.writeHead(500).end('{"keys":[]}'),
    redirecting: (response) => response.writeHead(302, { location: '/other' }).end(),
};

for (const [name, fault] of Object.entries(faults)) {
    test(`with a source that is ${name} the old keys count, new ones are told to come back`, async () => {
        const [old, fresh] = [new ProviderKey('old'), new ProviderKey('fresh')];
        const provider = await Provider.start({ keys: [old] });
        const server = await Server.start({ config: configOf(provider.url) });
        try {
            const sessionId = await server.session();
            assert.equal(await status(server, old.token(), sessionId), 200);
            provider.fault = fault;
            provider.keys = [old, fresh];
            assert.equal(await status(server, fresh.token(), sessionId), 'UPSTREAM_UNAVAILABLE');
            assert.equal(await status(server, old.token(), sessionId), 200);
            await server.logs(/jwks\.failed/);
            provider.fault = null;
            await eventually('the new key', async () => await status(server, fresh.token(), sessionId) === 200, 20_000 + patience);
        } finally {
            await server.stop();
            await provider.stop();
        }
    });
}

test('a server that starts before its source of keys lets nobody in, and everybody once it is there', async () => {
    const key = new ProviderKey('k');
    const provider = await Provider.start({ keys: [key] });
    provider.fault = faults.refusing;
    const server = await Server.start({ config: configOf(provider.url) });
    try {
        const sessionId = await server.session();
        assert.equal(await status(server, key.token(), sessionId), 'UPSTREAM_UNAVAILABLE');
        provider.fault = null;
        const client = await server.connected({ token: key.token(), sessionId }).catch(() => null);
        client?.close();
        await eventually('the keys', async () => await status(server, key.token(), sessionId) === 200, 20_000 + patience);
    } finally {
        await server.stop();
        await provider.stop();
    }
});

test('a source with an unknown authority is not believed, with the configured one it is', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-keys-'));
    const [certFile, keyFile] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
        '-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
    const key = new ProviderKey('k');
    const provider = await Provider.start({ keys: [key], tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) } });
    try {
        for (const [more, expected] of [['', 'UPSTREAM_UNAVAILABLE'], [`[http_client]\nca_file = "${certFile}"\n`, 200]]) {
            const server = await Server.start({ config: configOf(provider.url, more) });
            try {
                assert.equal(await status(server, key.token(), await server.session()), expected);
            } finally {
                await server.stop();
            }
        }
        assert.equal(provider.requests, 1);
    } finally {
        await provider.stop();
        rmSync(folder, { recursive: true, force: true });
    }
});

test('a key set in a file is read again by SIGHUP, and a broken one changes nothing', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-keys-'));
    const file = path.join(folder, 'keys.json');
    const [first, second] = [new ProviderKey('first', 'RS256'), new ProviderKey('second', 'EdDSA')];
    const publish = (...keys) => writeFileSync(file, JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
    publish(first);
    const server = await Server.start({ config: `[auth.jwt]\njwks_file = "${file}"\n`, env: { SIGNALBOX_AUTH_JWT_SECRET: '' } });
    const reload = async () => {
        const events = () => server.output.split('configuration.re').length;
        const before = events();
        server.child.kill('SIGHUP');
        await eventually('the reload in the log', () => events() > before);
    };
    try {
        const sessionId = await server.session();
        assert.equal(await status(server, first.token(), sessionId), 200);
        assert.equal(await status(server, second.token(), sessionId), 'INVALID_TOKEN');
        assert.equal(await status(server, userToken(), sessionId), 'INVALID_TOKEN', 'no secret was set');
        publish(second);
        await reload();
        assert.equal(await status(server, second.token(), sessionId), 200);
        assert.equal(await status(server, first.token(), sessionId), 'INVALID_TOKEN');
        writeFileSync(file, '{"keys":');
        await reload();
        await server.logs(/configuration\.refused .*key set/);
        assert.equal(await status(server, second.token(), sessionId), 200);
    } finally {
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
    }
});
