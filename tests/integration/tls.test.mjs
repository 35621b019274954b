// TLS of the real server: what it takes, certificates and ticket keys that change with SIGHUP.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { eventually, patience, Server, within } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-tls-'));
const file = (name) => path.join(folder, name);
function certify(name) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
        '-subj', `/CN=${name}`, '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
}
certify('first');
writeFileSync(file('a'), randomBytes(80));
writeFileSync(file('b'), randomBytes(80));

const config = (tickets) => `[server.tls]\ncertificate_file = "${file('cert.pem')}"\nkey_file = "${file('key.pem')}"\nticket_key_files = [${tickets.map((name) => `"${file(name)}"`)}]\n`;
const server = await Server.start({ config: config(['a']) });
after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
});

/// What a handshake comes to, and a session to resume; over which /healthz was asked.
async function handshake({ port }, options = {}) {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'], ...options });
    let code;
    socket.on('error', (error) => (code = error.code));
    let session;
    socket.on('session', (given) => (session = given));
    let received = '';
    socket.on('data', (chunk) => (received += chunk));
    const done = new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
    await within(patience, 'the handshake', done);
    if (socket.destroyed) return { refused: true, code };
    const seen = { alpn: socket.alpnProtocol, protocol: socket.getProtocol(), subject: socket.getPeerCertificate().subject?.CN, resumed: socket.isSessionReused() };
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await within(patience, 'the end', once(socket, 'close'));
    assert.match(received, /^HTTP\/1\.1 200 /);
    return { ...seen, session };
}

async function reload() {
    const count = () => server.output.split('configuration.reloaded').length;
    const before = count();
    server.child.kill('SIGHUP');
    await eventually('the reload', () => count() > before);
}

test('TLS 1.2 and 1.3 with http/1.1, nothing older, no ciphers without forward secrecy', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const { alpn, protocol } = await handshake(server, { minVersion: version, maxVersion: version });
        assert.deepEqual([alpn, protocol], ['http/1.1', version]);
    }
    assert.ok((await handshake(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })).refused);
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'AES128-GCM-SHA256'])
        assert.ok((await handshake(server, { maxVersion: 'TLSv1.2', ciphers })).refused, ciphers);
});

test('without http/1.1 among what ALPN offers, the alert of RFC 7301; without ALPN, HTTP/1.1', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const { refused, code } = await handshake(server, { maxVersion: version, ALPNProtocols: ['h2'] });
        assert.deepEqual([refused, code], [true, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL']);
        assert.equal((await handshake(server, { maxVersion: version, ALPNProtocols: undefined })).alpn, false);
    }
});

test('SIGHUP: a new certificate for new connections; tickets go on where the keys do', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
        const { session } = await handshake(server, { maxVersion });
        certify('second');
        await reload();
        assert.equal((await handshake(server, { maxVersion })).subject, 'second');
        assert.equal((await handshake(server, { maxVersion, session })).resumed, true, 'the key is the same');
        certify('first');
        await reload();
    }
});

test('another server with the same key resumes, also while keys are rotated', async () => {
    const { session } = await handshake(server);
    for (const [keys, resumed] of [[['a'], true], [['b', 'a'], true], [['b'], false], [[], false]]) {
        const other = await Server.start({ config: config(keys) });
        assert.equal((await handshake(other, { session })).resumed, resumed, `keys ${keys}`);
        await other.stop();
    }
});

test('TLS begins with the byte behind a PROXY header', async () => {
    const proxied = await Server.start({ config: `[server]\nproxy_protocol = "required"\ntrusted_proxies = ["127.0.0.1"]\n${config([])}` });
    const socket = net.connect(proxied.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.cork();
    socket.write(Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x01\xbb', 'latin1'));
    setImmediate(() => socket.uncork());
    assert.equal((await handshake(proxied, { socket })).alpn, 'http/1.1');
    await proxied.stop();
});

test('a bad certificate or ticket key changes nothing', async () => {
    for (const [name, bytes] of [['cert.pem', 'none'], ['a', 'short']]) {
        const good = readFileSync(file(name));
        writeFileSync(file(name), bytes);
        server.child.kill('SIGHUP');
        await eventually('the report', () => new RegExp(`configuration.refused .*${file(name)}`).test(server.output));
        assert.equal((await handshake(server)).subject, 'first');
        writeFileSync(file(name), good);
    }
});
