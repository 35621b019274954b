// The client code of the integration guide, as users have it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { io } from 'socket.io-client';
import { Inbox, root, Server } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const guideFile = path.resolve(root, '../shared/integration-guide.md');
const hasGuide = existsSync(guideFile);

const transportChoices = [['polling', 'websocket'], ['websocket'], ['polling']];

/// The guide's JavaScript client with its placeholders filled in, ready to be called with io and console.
function guideClient(member, artifactId) {
    const guide = readFileSync(guideFile, 'utf8');
    const [, block] = /```javascript\n([\s\S]*?)```/.exec(guide);
    const code = block
        .replace(/^import .*$/m, '')
        .replaceAll('ws://your-domain', server.wsUrl)
        .replaceAll('your-jwt-token', member.token)
        .replaceAll('your-session-id', member.sessionId)
        .replaceAll('optional-artifact-id', artifactId);
    return new Function('io', 'console', `${code}; return { socket, sendAction };`);
}

/// Runs it with one choice of transports; `lines` gets what it writes to its console.
async function runGuideClient(transports, body) {
    const member = await server.member({ user: `guide-${transports.join()}` });
    const lines = new Inbox();
    const write = (...line) => lines.push(line);
    const ioWith = (url, options) => io(url, { ...options, transports, forceNew: true });
    const { socket, sendAction } = guideClient(member, 'artifact-1')(ioWith, { log: write, error: write });
    try {
        await body({ socket, sendAction, lines, member });
    } finally {
        socket.close();
    }
}

for (const transports of transportChoices) {
    test(`the guide's client runs over ${transports.join(' and ')}`, { skip: !hasGuide }, () =>
        runGuideClient(transports, async ({ lines, socket, sendAction }) => {
            await lines.find(([text]) => text.startsWith('Connected'));
            const [, response] = await lines.find(([text]) => text.startsWith('Received response'));
            assert.equal(response.type, 'RESPONSE');
            assert.equal(response.action, 'someAction');
            assert.deepEqual(response.data, { key: 'value' });
            assert.match(response.requestId, /^\d+$/);

            sendAction(socket, 'no.such.action', {});
            const [, error] = await lines.find(([text]) => text.startsWith('Received error'));
            assert.equal(error.error.code, 'ACTION_NOT_FOUND');
            assert.equal(typeof error.error.message, 'string');
        }));

    test(`its company and artifact updates arrive over ${transports.join(' and ')}`, { skip: !hasGuide }, () =>
        runGuideClient(transports, async ({ lines }) => {
            await lines.find(([text, m]) => text.startsWith('Received update') && m.action === 'system.connected');
            await server.publish({ companyId: 'c1', action: 'companyUpdate', data: { n: 1 } });
            await server.publish({ companyId: 'c1', artifactId: 'artifact-1', action: 'artifactUpdate', data: { n: 2 } });
            const isUpdate = (action) => ([text, m]) => text.startsWith('Received update') && m.action === action;
            const [, company] = await lines.find(isUpdate('companyUpdate'));
            const [, artifact] = await lines.find(isUpdate('artifactUpdate'));
            assert.deepEqual(company.data, { n: 1 });
            assert.deepEqual(artifact.data, { n: 2 });
        }));

    test(`a client of that shape connects over ${transports.join(' and ')}`, async () => {
        const member = await server.member({ user: `shape-${transports.join()}` });
        const client = await server.connected(member, { transports, artifactId: 'artifact-1' });
        assert.equal(client.welcome.data.connectionId, client.socket.id);
        const answer = await client.request('processData', { input: 'value' });
        assert.equal(answer.type, 'RESPONSE');
        assert.equal(typeof answer.raw, 'string', 'the guide parses every message as JSON text');
    });
}

test('the transport upgrades from polling to WebSocket and stays usable', async () => {
    const member = await server.member({ user: 'upgrader' });
    const client = server.client(member, { transports: ['polling', 'websocket'] });
    const upgraded = new Promise((resolve) => {
        client.socket.io.on('open', () => client.socket.io.engine.once('upgrade', resolve));
    });
    await client.connect();
    await upgraded;
    assert.equal(client.socket.io.engine.transport.name, 'websocket');
    assert.deepEqual((await client.request('echo', { after: 'upgrade' })).data, { after: 'upgrade' });
});
