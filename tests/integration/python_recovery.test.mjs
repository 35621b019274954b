// Debian's python3-socketio: whose handlers of one argument want no offset.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { Inbox, root, Server } from './harness.mjs';

const python = '/usr/bin/python3';
const missing = spawnSync(python, ['-c', 'import socketio, aiohttp']).status !== 0;
const server = missing ? undefined : await Server.start();
after(() => server?.stop());

for (const mode of ['one-argument', 'two-arguments']) {
    test(`python3-socketio hears answers and updates: ${mode}`, { skip: missing && 'python3-socketio is not installed' }, async () => {
        const { token, sessionId } = await server.member({ user: mode });
        const script = path.join(root, 'tests/integration/python_recovery.py');
        const child = spawn(python, [script, server.url, token, sessionId, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
        let errors = '';
        child.stderr.on('data', (chunk) => (errors += chunk));
        const exited = once(child, 'exit');
        const heard = new Inbox();
        createInterface({ input: child.stdout }).on('line', (line) => heard.push(JSON.parse(line)));
        await heard.find(({ action }) => action === 'system.connected', `system.connected; ${errors}`);
        const answer = await heard.find(({ requestId }) => requestId === 'r1', 'the answer');
        assert.deepEqual(answer.data, { n: 1 });
        await server.publish({ companyId: 'c1', action: 'news', data: 'x' });
        await server.publish({ companyId: 'c1', action: 'fleeting', volatile: true });
        await server.publish({ companyId: 'c1', action: 'stop' });
        const [code] = await exited;
        assert.equal(code, 0, errors);
        assert.equal(errors.includes('Traceback'), false, errors);
        const offsets = heard.items.map(({ offset }) => offset);
        if (mode === 'one-argument') {
            assert.deepEqual(offsets, heard.items.map(() => []));
        } else {
            assert.ok(heard.items.every(({ action, offset: [only] }) => (action === 'fleeting' ? only === null : typeof only === 'string')), JSON.stringify(offsets));
        }
    });
}
