// The installed package: builds examples/embedded against it alone, outside of this tree, and speaks to
// that program with stock clients; then the installed program itself.
//
// SIGNALBOX_BUILD is the complete build that is installed (default: the folder of the binary).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { binary, root, run, Server, slowness } from './harness.mjs';

const exec = promisify(execFile);
const buildTree = process.env.SIGNALBOX_BUILD ?? path.dirname(binary);
const folder = mkdtempSync(path.join(tmpdir(), 'signalbox-package-'));
const at = (...names) => path.join(folder, ...names);
const installed = at('prefix', 'bin', 'signalbox');
const embedded = at('build', 'embedded');
const compiler = 'clang++-19';
let server;

/// A tool of the toolchain; its output is the error when it fails.
async function tool(program, args, options = {}) {
    const { stdout } = await exec(program, args, { timeout: 240_000 * slowness, maxBuffer: 1 << 24, ...options })
        .catch((error) => assert.fail(`${program} ${args.join(' ')}\n${error.stdout}\n${error.stderr}`));
    return stdout.trim();
}

/// Relative paths, sorted.
async function filesBelow(top, name) {
    return (await tool('find', [top, '-type', 'f', '-name', name, '-printf', '%P\\n'])).split('\n').sort();
}

before(async () => {
    await tool('cmake', ['--install', buildTree, '--prefix', at('prefix')]);
    mkdirSync(at('examples'));
    for (const name of ['embedded.cc', 'embedded']) {
        cpSync(path.join(root, 'examples', name), at('examples', name), { recursive: true });
    }
    await tool('cmake', [
        '-G', 'Ninja', '-S', at('examples/embedded'), '-B', at('build'), `-DCMAKE_PREFIX_PATH=${at('prefix')}`,
        `-DCMAKE_CXX_COMPILER=${compiler}`, '-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror', '-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold',
    ]);
    await tool('cmake', ['--build', at('build')]);
    server = await Server.start({ program: embedded });
});
after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
});

test('the example has fewer than twenty lines', () => {
    const lines = readFileSync(path.join(root, 'examples/embedded.cc'), 'utf8').trimEnd().split('\n');
    assert.ok(lines.length < 20, `${lines.length} lines`);
});

test('its actions answer stock clients', async () => {
    const client = await server.connected(await server.member({ user: 'ada' }));
    const answer = await client.request('greet');
    assert.deepEqual([answer.type, answer.data], ['RESPONSE', 'Hello, ada']);
    assert.equal(await client.socket.emitWithAck('greet').then(({ data }) => data), 'Hello, ada');
});

test('its coroutine tells its progress, and sends an update to the company', async () => {
    const painter = await server.connected(await server.member({ user: 'ada', permissions: ['paint'] }));
    const other = await server.connected(await server.member({ user: 'eve' }));
    const stranger = await server.connected(await server.member({ user: 'max', company: 'c2' }));
    const requestId = painter.send('paint', { colour: 'red' });
    const answer = await painter.final(requestId);
    assert.deepEqual([answer.type, answer.data], ['RESPONSE', { colour: 'red' }]);
    assert.deepEqual(painter.statuses(requestId).filter(({ data }) => data.status === 'progress').map(({ data }) => data.progress), [0, 25, 50, 75]);
    assert.deepEqual((await other.update('painted')).data, { colour: 'red' });
    await stranger.request('system.ping');
    assert.deepEqual(stranger.pushed, []);
});

test('its actions have the permissions, the lists and the HTTP door of all others', async () => {
    const member = await server.member({ user: 'eve' });
    const client = await server.connected(member);
    assert.equal((await client.request('paint')).error.code, 'FORBIDDEN');
    const { data } = await client.request('actions.list');
    const names = data.actions.map(({ name }) => name);
    assert.ok(names.includes('greet') && names.includes('longTask') && !names.includes('paint'), names.join());
    const answer = await server.http('POST', `/api/v1/actions/greet?sessionId=${member.sessionId}`, { token: member.token, body: {} });
    assert.deepEqual([answer.status, answer.body.data], [200, 'Hello, eve']);
});

test('the program has the commands of signalbox', async () => {
    const { code, stdout } = await run(['token', 'create', '--dev', '--user', 'u', '--company', 'c'], { program: embedded });
    assert.equal(code, 0);
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    assert.equal((await run(['serve', '--dev', '--port', 'x'], { program: embedded })).code, 2);
    const types = await run(['actions', 'types', '--dev'], { program: embedded });
    assert.match(types.stdout, /\bpaint\b/);
});

test('pkg-config says how to build it without CMake', async () => {
    const [pkgconfig] = await filesBelow(at('prefix'), 'signalbox.pc');
    const env = { ...process.env, PKG_CONFIG_PATH: path.dirname(at('prefix', pkgconfig)) };
    const flags = (await tool('pkg-config', ['--cflags', '--libs', 'signalbox'], { env })).split(/\s+/);
    await tool(compiler, ['-std=c++23', '-fuse-ld=mold', at('examples/embedded.cc'), '-o', at('by-hand'), ...flags]);
    const { code, stdout } = await run(['--version'], { program: at('by-hand') });
    assert.deepEqual([code, stdout], [0, (await run(['--version'])).stdout]);
});

test('the package refuses to be another version', async () => {
    mkdirSync(at('newer'));
    writeFileSync(at('newer/CMakeLists.txt'), 'cmake_minimum_required(VERSION 3.25)\nproject(p CXX)\nfind_package(signalbox 0.99 CONFIG REQUIRED)\n');
    const failed = exec('cmake', ['-G', 'Ninja', '-S', at('newer'), '-B', at('newer/build'), `-DCMAKE_PREFIX_PATH=${at('prefix')}`, `-DCMAKE_CXX_COMPILER=${compiler}`]);
    await assert.rejects(failed, /requested\s+version "0\.99"/);
});

test('the installed program serves, with its test client', async () => {
    const own = await Server.start({ program: installed, cwd: folder });
    try {
        const client = await own.connected(await own.member());
        assert.equal((await client.request('echo', 1)).data, 1);
        const page = await fetch(`${own.url}/test-client`);
        assert.deepEqual([page.status, page.headers.get('content-type')?.split(';')[0]], [200, 'text/html']);
    } finally {
        await own.stop();
    }
    assert.ok(existsSync(at('prefix/share/doc/signalbox/LICENSE')));
});

test('nothing of the inside is installed', async () => {
    const headers = await filesBelow(at('prefix/include'), '*');
    assert.deepEqual(headers, await filesBelow(path.join(root, 'include'), '*'));
    assert.ok(headers.includes('signalbox/server.h'));
});
