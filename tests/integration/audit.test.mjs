// The audit: who managed what, who was refused and why, in a stream of its own and in the log; no secrets in it.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { eventually, pause, run, secret, Server, serviceKey, tcp, userToken } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-audit-'));
const auditFile = path.join(folder, 'audit.log');
const secretFile = path.join(folder, 'secret');
writeFileSync(secretFile, `${secret}\n`);
const server = await Server.start({
    config: `[log]\nlevel = "error"\naudit_file = "${auditFile}"\n[auth.jwt]\nsecret_file = "${secretFile}"\n[server]\nallowed_origins = ["https://good.example"]\n`,
    env: { SIGNALBOX_AUTH_JWT_SECRET: undefined },
});
after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
});

const lines = () => readFileSync(auditFile, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
const line = (event, has = {}) => eventually(`${event} ${JSON.stringify(has)}`, () =>
    lines().find((one) => one.event === event && Object.entries(has).every(([name, value]) => one[name] === value)));
const command = (...args) => run([...args, '--config', server.configFile, '--dev'], { dataDir: server.dataDir, env: { SIGNALBOX_AUTH_JWT_SECRET: undefined } });

test('which keys count', async () => {
    const loaded = await line('keys.loaded');
    assert.deepEqual([loaded.serviceKeys, loaded.algorithms, loaded.level], ['tests', 'HS256', 'audit']);
});

test('who managed sessions and connections', async () => {
    const member = await server.member({ user: 'ada', company: 'acme' });
    const made = await line('session.put', { userId: 'ada' });
    assert.deepEqual([made.actor, made.peer, made.companyId, made.sessionId], ['key:tests', '127.0.0.1', 'acme', member.sessionId]);

    const client = await server.connected(member);
    const { id } = client.socket;
    await server.http('DELETE', `/api/v1/connections/${id}`);
    assert.deepEqual([(await line('connection.ended', { connectionId: id })).userId], ['ada']);

    const manager = userToken({ user: 'boss', company: 'acme', permissions: ['sessions:manage'] });
    await server.http('DELETE', `/api/v1/sessions/${member.sessionId}`, { token: manager });
    assert.equal((await line('session.deleted', { sessionId: member.sessionId })).actor, 'boss');

    await server.session({ user: 'bob', company: 'acme' });
    await server.http('DELETE', '/api/v1/sessions?userId=bob', { token: manager });
    assert.equal((await line('sessions.deleted', { userId: 'bob' })).count, 1);

    const { stdout } = await command('session', 'create', '--user', 'eve', '--company', 'acme');
    assert.equal((await line('session.put', { actor: 'control' })).sessionId, stdout.trim());
});

test('who was refused, and why', async () => {
    const member = await server.member({ user: 'ada', company: 'acme' });
    const stranger = server.client({ ...member, token: 'no.token.atall' });
    stranger.socket.connect();
    const { error } = await stranger.events.find(({ event }) => event === 'connect_error', 'a refusal');
    const refused = await line('connection.refused', { ref: error.data.ref });
    assert.equal(refused.code, 'INVALID_TOKEN');

    await server.http('GET', '/api/v1/sessions', { token: 'wrong' });
    assert.deepEqual([(await line('call.refused', { code: 'INVALID_TOKEN' })).path], ['/api/v1/sessions']);
    await server.http('GET', '/api/v1/sessions', { token: member.token });
    assert.equal((await line('call.refused', { code: 'FORBIDDEN' })).actor, 'ada');

    const client = await server.connected(member);
    await client.final(client.send('updates.send', { action: 'x' }));
    assert.deepEqual([(await line('action.refused', { code: 'FORBIDDEN' })).action], ['updates.send']);

    await server.http('GET', '/realtime/?EIO=4&transport=polling', { headers: { origin: 'https://bad.example' } });
    await line('origin.refused', { origin: 'https://bad.example' });
});

test('the log has the lines too, whatever its level', async () => {
    await server.logs(/ audit session\.put actor=key:tests /);
    assert.doesNotMatch(server.output, /connection\.accepted/);
});

test('a flood is counted instead', async () => {
    const one = 'GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer flood\r\n';
    await tcp(server, `${one}\r\n`.repeat(300) + `${one}Connection: close\r\n\r\n`);
    const flood = lines().filter(({ code }) => code === 'INVALID_TOKEN').length;
    assert.ok(flood < 250, `${flood} of 301`);
    await pause(1100);
    await server.http('GET', '/api/v1/sessions', { token: 'flood' });
    assert.ok((await line('audit.suppressed', { of: 'strangers' })).refusals > 0);
});

test('SIGHUP begins a new file when the old one was moved away', async () => {
    renameSync(auditFile, `${auditFile}.1`);
    server.child.kill('SIGHUP');
    await eventually('the file', () => existsSync(auditFile));
    await line('keys.loaded');
    const before = readFileSync(`${auditFile}.1`, 'utf8').length;
    await server.session({ user: 'late', company: 'acme' });
    await line('session.put', { userId: 'late' });
    assert.equal(readFileSync(`${auditFile}.1`, 'utf8').length, before);
});

test('no secret in it, nor in the log, nor printed', async () => {
    const checked = await command('check-config');
    assert.equal(checked.code, 0, checked.stderr);
    writeFileSync(secretFile, 'short-and-secret');
    const weak = await command('check-config', '--json');
    writeFileSync(secretFile, `${secret}\n`);
    // Beside its log --dev prints a link with a token, which is meant to be seen.
    const logged = server.output.split('\n').filter((one) => /^\d{4}-/.test(one)).join('\n');
    const said = [readFileSync(auditFile, 'utf8'), readFileSync(`${auditFile}.1`, 'utf8'), logged, checked.stdout, checked.stderr, weak.stdout, weak.stderr].join('\n');
    for (const one of [secret, serviceKey, 'short-and-secret']) assert.ok(!said.includes(one), one);
    assert.doesNotMatch(said, /eyJ[A-Za-z0-9_-]{10,}\./, 'a token');
});

test('a secret from a file and one besides exclude each other', async () => {
    const both = await run(['check-config', '--config', server.configFile, '--dev'], { dataDir: server.dataDir });
    assert.equal(both.code, 2);
    assert.match(both.stderr, /auth\.jwt\.secret_file: excludes auth\.jwt\.secret/);
    const byEnvironment = { SIGNALBOX_AUTH_JWT_SECRET: undefined, SIGNALBOX_AUTH_JWT_SECRET_FILE: secretFile };
    const token = await run(['token', 'create', '--dev', '--user', 'a', '--company', 'b'], { dataDir: folder, env: byEnvironment });
    assert.equal(token.code, 0, token.stderr);
    assert.equal((await server.http('GET', '/api/v1/actions', { token: token.stdout.trim() })).status, 200);
});
