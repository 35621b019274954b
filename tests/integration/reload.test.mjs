// SIGHUP: keys, limits and the log level change under open connections; a broken file changes nothing.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually, Server } from './harness.mjs';

async function reload(server, change) {
    const events = () => server.output.split('configuration.').length;
    const before = events();
    writeFileSync(server.configFile, change(readFileSync(server.configFile, 'utf8')));
    server.child.kill('SIGHUP');
    await eventually('the reload in the log', () => events() > before);
}

test('SIGHUP says which changed keys need a restart, and reports no success when a key is bad', async () => {
    const server = await Server.start();
    try {
        await reload(server, (text) => `${text}\n[server]\nallowed_origins = ["https://app.example.com"]\n[limits]\noutbound_bytes_max = 5000\n`);
        await server.logs(/configuration\.restart_needed .*server\.allowed_origins/);
        assert.doesNotMatch(server.output, /restart_needed .*(limits|jwt)/);
        await server.logs(/configuration\.reloaded/);
    } finally {
        await server.stop();
    }
});

test('SIGHUP changes limits and keys and drops no connection', async () => {
    const server = await Server.start({ config: '[limits]\nmessages_per_second = 50\n' });
    try {
        const member = await server.member();
        const client = await server.connected(member);
        await reload(server, (text) => text.replace(
            'messages_per_second = 50', 'messages_per_second = 1\nmessages_burst = 1'));
        client.send('echo', 1);
        const refused = await client.final(client.send('echo', 2));
        assert.equal(refused.error?.code, 'RATE_LIMITED');

        await reload(server, (text) => text.replace('messages_burst = 1', 'messages_burst = "many"'));
        await server.logs(/configuration\.refused .*messages_burst/);
        assert.equal(client.socket.connected, true);
    } finally {
        await server.stop();
    }
});
