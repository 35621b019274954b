// python3-socketio, as Debian has it: against the echo program and against the gateway.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { EchoServer } from './echo.mjs';
import { root, Server, slowness, within } from './harness.mjs';

const server = await Server.start();
const echo = await EchoServer.start('socketio_echo');
after(() => server.stop());
after(() => echo.stop());

/// Runs a dialogue of python_client.py. @return its result; `ready` is called when it says so
async function python(task, ready = async () => {}) {
    const child = spawn('/usr/bin/python3', [path.join(root, 'tests/integration/python_client.py')]);
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.stdin.end(`${JSON.stringify(task)}\n`);
    const exited = once(child, 'exit');
    const killer = setTimeout(() => child.kill('SIGKILL'), 40_000 * slowness);
    try {
        for await (const line of createInterface({ input: child.stdout })) {
            const said = JSON.parse(line);
            if (!said.ready) return said;
            await ready();
        }
        await exited;
        throw new Error(`no result: ${errors}`);
    } finally {
        clearTimeout(killer);
        child.kill();
        await within(5000 * slowness, 'the end of python', exited);
    }
}

const bytes = (...list) => ({ bytes: list });

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    describe(`python3-socketio over ${transports.join(' and ')}`, () => {
        test('talks to the echo program, binary and namespaces included', async () => {
            const result = await python({ dialogue: 'echo', url: echo.url, path: 'socket.io', transports, auth: { from: 'python' } });
            assert.deepEqual(result, {
                auth: [{ from: 'python' }],
                custom: [{ from: 'python' }],
                back: [['a', 1], [bytes(1, 2, 255)], [{ deep: [bytes(7), null] }], ['ü😀']],
                ack: ['x', bytes(9)],
                transport: transports.at(-1),
            });
        });

        for (const [handler, query] of [['one', '&recovery=0'], ['any', '']]) {
            const name = handler === 'one' ? 'one argument, without recovery' : 'any arguments, with recovery';
            test(`talks to the gateway with a handler of ${name}`, async () => {
                const member = await server.member({ user: `python-${handler}`, company: `python-${transports.length}${transports[0]}${handler}` });
                const task = {
                    dialogue: 'gateway', handler, url: `${server.url}?sessionId=${member.sessionId}${query}`, path: 'realtime',
                    transports, auth: { token: member.token },
                };
                const result = await python(task, () => server.publish({ companyId: member.company, action: 'news', data: [1, 'ü'] }));
                assert.equal(result.connected.data.sessionId, member.sessionId);
                assert.deepEqual([result.response.type, result.response.data], ['RESPONSE', { text: 'ü😀' }]);
                assert.deepEqual([result.ack.type, result.ack.data], ['RESPONSE', { n: 1 }]);
                assert.deepEqual(result.update.data, [1, 'ü']);
                assert.equal(result.transport, transports.at(-1));
                assert.deepEqual(new Set(result.arguments), new Set([handler === 'one' ? 1 : 2]));
            });
        }
    });
}
