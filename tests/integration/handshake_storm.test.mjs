// Two hundred stock clients that come at once to a server that lets ten a second in.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Server, slowness, within } from './harness.mjs';

const config = '[limits]\nhandshakes_per_second = 10\nhandshakes_burst = 20\nconnections_per_user = 0\n';
const server = await Server.start({ config });
after(() => server.stop());

test('all are connected within 30 seconds, by their own retries', { timeout: 120_000 }, async () => {
    const member = await server.member();
    const clients = Array.from({ length: 200 }, () => server.client(member, { reconnection: true }));
    let refused = 0;
    const all = clients.map((client) => {
        client.socket.io.on('reconnect_error', () => ++refused);
        client.socket.on('connect_error', () => ++refused);
        return client.system('connected', 35_000 * slowness);
    });
    clients.forEach((client) => client.socket.connect());
    await within(30_000 * slowness, '200 clients', Promise.all(all));
    assert.ok(refused > 0, 'the limit was felt');
});
