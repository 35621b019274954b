// What README.md says, done as printed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { io } from 'socket.io-client';
import { binary, eventually, patience, root, Server, slowness, within } from './harness.mjs';

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/// The code of the `language` blocks below a heading.
function blocksOf(heading, language) {
    const section = readme.split(`\n## ${heading}\n`)[1].split('\n## ')[0];
    return [...section.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code);
}

const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function shell(script) {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, SIGNALBOX_DATA_DIR: path.join(folder, 'var'), SIGNALBOX_SERVER_PORT: '0' },
    });
    child.output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (child.output += chunk));
    return child;
}

test('a client connects, with an artifact and without', async () => {
    const server = await Server.start();
    after(() => server.stop());
    const [code] = blocksOf('A client', 'js');
    const body = code.replace(/^import .*\n/, '').replace('ws://localhost:8080', server.wsUrl);
    for (const artifactId of [undefined, 'a1']) {
        const { token, sessionId } = await server.member();
        const names = { io, token, sessionId, artifactId, console: { log() {} } };
        const socket = new Function(...Object.keys(names), `${body}\nreturn socket;`)(...Object.values(names));
        const answer = new Promise((resolve) => {
            socket.on('message', (text) => JSON.parse(text).type === 'RESPONSE' && resolve(JSON.parse(text)));
        });
        assert.equal((await within(patience, 'the answer', answer)).data.output, 'value');
        const { body: { connections } } = await server.http('GET', '/api/v1/connections?companyId=c1');
        assert.deepEqual(connections.find((each) => each.sessionId === sessionId).artifacts, artifactId ? [artifactId] : []);
        socket.close();
    }
});

test('a service gets its key, makes a session and sends an update', async () => {
    const [prepare, use] = blocksOf('Your service', 'sh').map((code) => code.replaceAll('build/release/signalbox', binary));
    const server = shell(prepare.replace(/^(?=.* serve )/m, 'exec '));
    try {
        const [, port] = await eventually('the server', () => /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(server.output), 20_000 * slowness).catch((error) => {
            throw new Error(`${error.message}\n${server.output}`);
        });
        const service = shell(use.replaceAll('localhost:8080', `127.0.0.1:${port}`).replaceAll('curl ', 'curl --silent --show-error --fail '));
        const [code] = await once(service, 'close');
        assert.equal(code, 0, service.output);
        assert.match(service.output, /"sessionId":/);
        assert.match(service.output, /"accepted":1/);
    } finally {
        server.kill('SIGTERM');
        await once(server, 'exit');
    }
});
