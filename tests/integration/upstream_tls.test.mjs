// Upstream actions over HTTPS: certificates of the configured authority for the right name in their time are
// taken, others are UPSTREAM_UNAVAILABLE, with the reason in the log alone, and nothing of the request is sent.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-upstream-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name) => path.join(folder, name);
const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
const newKey = (name) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(`${name}.key`)];

function makeAuthority(name) {
    openssl('req', '-x509', ...newKey(name), '-days', '2', '-subj', `/CN=${name}`, '-out', file(`${name}.pem`));
}

/// @return {key, cert} for node's server
function makeCertificate(name, { authority = 'trusted', alternative = 'IP:127.0.0.1', days = 2 } = {}) {
    writeFileSync(file(`${name}.ext`), `subjectAltName=${alternative}`);
    openssl('req', '-new', ...newKey(name), '-subj', `/CN=${name}`, '-out', file(`${name}.csr`));
    openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}.key`),
        '-CAcreateserial', '-days', String(days), '-extfile', file(`${name}.ext`), '-out', file(`${name}.pem`));
    return { key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}.pem`)) };
}

/// An API that answers with what it was asked for, and counts.
class Api {
    requests = 0;

    static async start(certificate) {
        const api = new Api();
        api.server = https.createServer(certificate, (request, response) => {
            ++api.requests;
            request.resume();
            response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ path: request.url, tls: request.socket.getProtocol() }));
        }).listen(0, '127.0.0.1');
        api.server.on('tlsClientError', () => {});
        await once(api.server, 'listening');
        api.port = api.server.address().port;
        return api;
    }

    async stop() {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, 'close');
    }
}

describe('an API over HTTPS', () => {
    const apis = {};
    let server, client, member;

    before(async () => {
        makeAuthority('trusted');
        makeAuthority('foreign');
        const certificates = {
            good: makeCertificate('good'),
            named: makeCertificate('named', { alternative: 'DNS:localhost' }),
            foreign: makeCertificate('of-foreign', { authority: 'foreign' }),
            elsewhere: makeCertificate('elsewhere', { alternative: 'DNS:api.example.com' }),
            expired: makeCertificate('expired', { days: -1 }),
        };
        for (const [name, certificate] of Object.entries(certificates)) apis[name] = await Api.start(certificate);
        const entry = (name, url) =>
            `[[actions.upstream]]\nname = "${name}"\nurl = "${url}"\nmode = "rest"\nmethod = "GET"\npermission = ""\nretries = 0\nbreaker_failures = 0\n`;
        const config = [
            '[http_client]', `ca_file = "${file('trusted.pem')}"`,
            ...Object.entries(apis).map(([name, { port }]) => entry(name, `https://127.0.0.1:${port}/${name}`)),
            entry('by-name', `https://localhost:${apis.named.port}/by-name`),
            entry('plain', `https://127.0.0.1:1/`),
        ].join('\n');
        server = await Server.start({ config });
        member = await server.member();
        client = await server.connected(member);
    });
    after(async () => {
        await server?.stop();
        for (const api of Object.values(apis)) await api.stop();
    });

    test('is asked when its certificate is of the configured authority', async () => {
        const { data } = await client.request('good', {});
        assert.equal(data.path, '/good');
        assert.match(data.tls, /^TLSv1\.[23]$/);
        assert.equal((await client.request('by-name', {})).data.path, '/by-name');
    });

    const refusals = {
        foreign: 'of an authority that is not trusted',
        elsewhere: 'for another name',
        expired: 'past its end',
        named: 'for a name, where an address is asked',
    };
    for (const [name, what] of Object.entries(refusals)) {
        test(`with a certificate ${what} is unavailable, and hears nothing`, async () => {
            const before = apis[name].requests;
            const { error } = await client.request(name, {});
            assert.deepEqual([error.code, error.retryable, error.retryAfterMs > 0], ['UPSTREAM_UNAVAILABLE', true, true]);
            assert.doesNotMatch(JSON.stringify(error), /certificate|SSL|127\.0\.0\.1|example/i);
            await server.logs(new RegExp(`upstream\\.failed .*action=${name} code=UPSTREAM_UNAVAILABLE ref=${error.ref} reason=.*(certificate|SSL)`, 'i'));
            const rest = await server.http('POST', `/api/v1/actions/${name}`, {
                token: member.token, body: {}, headers: { 'x-session-id': member.sessionId },
            });
            assert.deepEqual([rest.status, rest.body.error.code], [503, 'UPSTREAM_UNAVAILABLE']);
            assert.match(rest.headers.get('retry-after'), /^[1-9]\d*$/);
            assert.equal(apis[name].requests, before);
        });
    }

    test('where nobody speaks TLS is unavailable', async () => {
        assert.equal((await client.request('plain', {})).error.code, 'UPSTREAM_UNAVAILABLE');
    });
});
