// What surrounds the payloads of polling answers: compression and the cookie.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';
import { gunzipSync, inflateSync } from 'node:zlib';
import { Polling, Server } from './harness.mjs';

const server = await Server.start({ config: '[engineio.cookie]\nname = "io"\n' });
after(() => server.stop());

/// A GET that decodes nothing: {headers, body}.
function get(url, headers) {
    return new Promise((resolve, reject) => {
        http.get(url, { headers }, (response) => {
            const parts = [];
            response.on('data', (part) => parts.push(part));
            response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
        }).on('error', reject);
    });
}

/// The answer to a GET that finds an echo of `size` bytes.
async function answerOf(size, headers) {
    const member = await server.member({ user: 'poller' });
    const polling = new Polling(server, { query: `&sessionId=${member.sessionId}` });
    await polling.open();
    await polling.post(`40${JSON.stringify({ token: member.token })}`);
    let seen = '';
    while (!seen.includes('system.connected')) seen += (await polling.packets()).join();
    const request = { type: 'REQUEST', requestId: 'r', action: 'echo', data: 'x'.repeat(size) };
    await polling.post(`42["message",${JSON.stringify(JSON.stringify(request))}]`);
    return get(`${polling.url}&sid=${polling.sid}`, headers);
}

for (const [coding, decode] of [['gzip', gunzipSync], ['deflate', inflateSync]]) {
    test(`${coding} for those who ask`, async () => {
        const { headers, body } = await answerOf(20_000, { 'accept-encoding': `${coding}, br` });
        assert.equal(headers['content-encoding'], coding);
        assert.match(headers.vary, /Accept-Encoding/);
        assert.equal(Number(headers['content-length']), body.length);
        assert.ok(body.length < 1000, `${body.length} bytes`);
        assert.match(decode(body).toString(), /x{20000}/);
    });
}

test('nothing for those who do not, and small answers as they are', async () => {
    const plain = await answerOf(20_000, {});
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.match(plain.body.toString(), /x{20000}/);
    const small = await answerOf(100, { 'accept-encoding': 'gzip' });
    assert.equal(small.headers['content-encoding'], undefined);
    assert.equal(small.headers.vary, undefined);
});

test('a page of another origin is told what the answer varies by', async () => {
    const { headers } = await answerOf(20_000, { 'accept-encoding': 'gzip', origin: 'https://app.example' });
    assert.equal(headers['content-encoding'], 'gzip');
    assert.match(headers.vary, /Accept-Encoding/);
    assert.match(headers.vary, /Origin/);
});

test('the handshake sets the cookie', async () => {
    const { headers, body } = await get(`${server.url}/realtime/?EIO=4&transport=polling`, {});
    const { sid } = JSON.parse(body.subarray(1));
    assert.deepEqual(headers['set-cookie'], [`io=${sid}; Path=/; HttpOnly; SameSite=Lax`]);
});
