// permessage-deflate of the gateway, through stock clients.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Server } from './harness.mjs';

const server = await Server.start({ config: '[server]\ncompression = true\ncompression_threshold = 500\n' });
after(() => server.stop());
const member = await server.member({ permissions: ['*'] });

const options = { perMessageDeflate: { threshold: 100 } };
const extensionsOf = (client) => client.socket.io.engine.transport.ws.extensions;
const large = { text: 'again and again, '.repeat(500), n: 1 };

test('requests and answers pass compressed', async () => {
    const client = await server.connected(member, options);
    assert.match(extensionsOf(client), /^permessage-deflate/);
    assert.deepEqual((await client.request('echo', large)).data, large);
    assert.equal((await client.request('echo', 'short')).data, 'short');
});

test('an update reaches clients with and without compression, after an upgrade too', async () => {
    const clients = [
        await server.connected(member, options),
        await server.connected(member, { perMessageDeflate: false }),
        await server.connected(member, { ...options, transports: ['polling', 'websocket'] }),
        await server.connected(member, options),
    ];
    assert.equal(extensionsOf(clients[1]), '');
    await server.publish({ companyId: member.company, action: 'large', data: large });
    for (const client of clients) {
        assert.deepEqual((await client.inbox.find(({ action }) => action === 'large')).data, large);
    }
});

test('what inflates to more than the payload limit closes that connection alone', async () => {
    const client = await server.connected(member, options);
    client.socket.emit('message', 'x'.repeat(2_000_000));
    await client.disconnected();
    const next = await server.connected(member, options);
    assert.equal(next.welcome.data.lastClose?.code, 'PAYLOAD_TOO_LARGE');
});
