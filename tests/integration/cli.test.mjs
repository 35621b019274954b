// The command line: what it prints, its exit codes, with and without a running server.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { binary, run, secret, Server, signToken, userToken } from './harness.mjs';

const folders = [];
const folder = () => {
    const made = mkdtempSync(path.join(tmpdir(), 'signalbox-'));
    folders.push(made);
    return made;
};
after(() => folders.forEach((made) => rmSync(made, { recursive: true, force: true })));

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const server = await Server.start();
after(() => server.stop());
const dev = (args, more = {}) => run([...args, '--dev'], { dataDir: server.dataDir, ...more });

async function json(args, more) {
    const { code, stdout, stderr } = await dev([...args, '--json'], more);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
}

describe('token', () => {
    const asked = ['token', 'create', '--user', 'u1', '--company', 'c1', '--permissions', 'a,b:*', '--ttl', '2h', '--session', 's1'];

    test('create prints the bare token', async () => {
        const { code, stdout } = await dev(asked);
        assert.equal(code, 0);
        assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
        const claims = claimsOf(stdout);
        assert.deepEqual([claims.sub, claims.companyId, claims.sessionId, claims.permissions], ['u1', 'c1', 's1', ['a', 'b:*']]);
        assert.ok(Math.abs(claims.exp - Date.now() / 1000 - 7200) < 30);
    });

    test('create --json prints {token}', async () => {
        assert.equal(claimsOf((await json(asked)).token).sub, 'u1');
    });

    test('a token that it made connects', async () => {
        const { token } = await json(['token', 'create', '--user', 'cli', '--company', 'c1']);
        const sessionId = await server.session({ user: 'cli' });
        await server.connected({ token, sessionId });
    });

    test('check accepts a good one and names what is wrong with another', async () => {
        assert.equal((await dev(['token', 'check', userToken()])).code, 0);
        for (const bad of [userToken({ ttl: -60 }), signToken({ sub: 'u' }), 'x.y.z']) {
            const { code, stdout, stderr } = await dev(['token', 'check', bad]);
            assert.notEqual(code, 0);
            assert.ok((stdout + stderr).trim().length > 0);
        }
    });
});

/// The same session commands, through the server and on the file.
function sessionCommands(call) {
    test('create, list, revoke', async () => {
        const bare = await call(['session', 'create', '--user', 'cli', '--company', 'c1']);
        assert.equal(bare.code, 0, bare.stderr);
        assert.match(bare.stdout, /^\S+\n$/);
        const made = await call(['session', 'create', '--user', 'cli', '--company', 'c1', '--ttl', '1h', '--json']);
        const { sessionId, expiresAt } = JSON.parse(made.stdout);
        assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 3_600_000) < 60_000);

        const list = await call(['session', 'list']);
        assert.equal(list.code, 0, list.stderr);
        assert.ok(list.stdout.includes(sessionId) && list.stdout.includes(bare.stdout.trim()));
        assert.ok(JSON.stringify(JSON.parse((await call(['session', 'list', '--json'])).stdout)).includes(sessionId));

        assert.equal((await call(['session', 'revoke', sessionId])).code, 0);
        assert.ok(!(await call(['session', 'list'])).stdout.includes(sessionId));
        const again = await call(['session', 'revoke', sessionId]);
        assert.notEqual(again.code, 0);
        assert.ok(again.stderr.trim().length > 0);
    });
}

describe('session, through the running server', () => {
    sessionCommands(dev);

    test('one that was made connects, and revoking closes its connections', async () => {
        const { sessionId } = await json(['session', 'create', '--user', 'u1', '--company', 'c1']);
        const client = await server.connected({ token: userToken(), sessionId });
        assert.equal((await dev(['session', 'revoke', sessionId])).code, 0);
        await client.system('sessionRevoked');
        await client.disconnected();
    });

    test('the control socket is for its owner alone', () => {
        const { mode } = statSync(path.join(server.dataDir, 'control.sock'));
        assert.equal(mode & 0o777, 0o600);
    });
});

describe('session, without a server', () => {
    const dataDir = folder();
    sessionCommands((args) => run([...args, '--dev'], { dataDir }));

    test('a server that starts later knows it', async () => {
        const { stdout } = await run(['session', 'create', '--dev', '--user', 'u1', '--company', 'c1'], { dataDir });
        const later = await Server.start({ dataDir });
        try {
            await later.connected({ token: userToken(), sessionId: stdout.trim() });
        } finally {
            await later.stop();
        }
    });
});

describe('update send', () => {
    test('reaches clients', async () => {
        const client = await server.connected(await server.member({ company: 'cli' }));
        const sent = await dev(['update', 'send', '--company', 'cli', '--action', 'hello', '--data', '{"a":1}', '--json']);
        assert.equal(sent.code, 0, sent.stderr);
        JSON.parse(sent.stdout);
        assert.deepEqual((await client.update('hello')).data, { a: 1 });
    });

    test('without a server: exit 3', async () => {
        const { code, stderr } = await run(['update', 'send', '--dev', '--company', 'c1', '--action', 'x'], { dataDir: folder() });
        assert.equal(code, 3);
        assert.ok(stderr.trim().length > 0);
    });

    test('data that is no JSON is refused', async () => {
        assert.notEqual((await dev(['update', 'send', '--company', 'c1', '--action', 'x', '--data', '{'])).code, 0);
    });
});

describe('key create', () => {
    test('prints a key and the configuration for its hash, which then works', async () => {
        const { code, stdout } = await dev(['key', 'create', '--permissions', 'updates:send']);
        assert.equal(code, 0);
        const [key] = /sbk_[\w-]{43}/.exec(stdout);
        const hash = createHash('sha256').update(key).digest('hex');
        assert.ok(stdout.includes(hash));
        const config = stdout.slice(stdout.indexOf('[[auth.service_keys]]'));
        const other = await Server.start({ config: `${config}\n` });
        try {
            const { status, text } = await other.http('POST', '/api/v1/updates', { token: key, body: { companyId: 'c1', action: 'x' } });
            assert.equal(status, 202, text);
        } finally {
            await other.stop();
        }
    });
});

describe('what is asked of it', () => {
    test('neither --config nor --dev: exit 2', async () => {
        for (const args of [['serve'], ['check-config'], ['token', 'create', '--user', 'u', '--company', 'c'], ['session', 'list'], ['update', 'send', '--company', 'c', '--action', 'x']]) {
            const { code, stderr } = await run(args);
            assert.equal(code, 2, args.join(' '));
            assert.ok(stderr.trim().length > 0);
        }
    });

    test('unknown commands and missing options: exit 2', async () => {
        for (const args of [['fly'], ['token'], ['token', 'create', '--dev'], ['serve', '--dev', '--port', 'x'], ['serve', '--dev', '--shards', '0'], ['serve', '--dev', '--unknown']]) {
            assert.equal((await run(args)).code, 2, args.join(' '));
        }
    });

    test('unknown commands and options are named', async () => {
        for (const [args, told] of [[['serv', '--dev'], /"serv" \(did you mean "serve"\?\)/], [['serve', '--dev', '--prot', '9'], /--prot \(did you mean "--port"\?\)/]]) {
            const { code, stderr } = await run(args);
            assert.equal(code, 2);
            assert.match(stderr, told);
        }
    });

    test('--json tells failures in JSON', async () => {
        const { code, stdout, stderr } = await dev(['session', 'revoke', 'nobody', '--json']);
        assert.equal(code, 1);
        assert.deepEqual([JSON.parse(stdout).error.code, stderr], ['NOT_FOUND', '']);
    });

    test('--help and --version: exit 0', async () => {
        for (const args of [['--help'], ['serve', '--help'], ['--version']]) {
            const { code, stdout } = await run(args);
            assert.equal(code, 0, args.join(' '));
            assert.ok(stdout.length > 0);
        }
    });
});

describe('configuration', () => {
    const file = (text) => {
        const name = path.join(folder(), 'signalbox.toml');
        writeFileSync(name, text);
        return name;
    };

    test('generate-config prints one that check-config accepts', async () => {
        const { code, stdout } = await run(['generate-config', '--dev']);
        assert.equal(code, 0);
        const checked = await run(['check-config', '--config', file(stdout)]);
        assert.equal(checked.code, 0, checked.stderr);
    });

    test('all faults are reported at once, with file and line; exit 2', async () => {
        const config = file('[server]\nport = "many"\nspeed = 3\n[limits]\nmessages_per_second = -1\n');
        for (const command of ['check-config', 'serve']) {
            const { code, stderr } = await run([command, '--config', config]);
            assert.equal(code, 2);
            for (const [line, key] of [[2, 'server.port'], [3, 'server.speed'], [5, 'limits.messages_per_second']]) {
                assert.match(stderr, new RegExp(`signalbox\\.toml:${line}\\b.*${key.replace('.', '\\.')}`), stderr);
            }
        }
    });

    test('broken TOML and a missing file: exit 2', async () => {
        assert.equal((await run(['check-config', '--config', file('[server\n')])).code, 2);
        assert.equal((await run(['check-config', '--config', '/no/such/file.toml'])).code, 2);
    });

    test('the environment is read and checked, and never shows a secret', async () => {
        const { code, stderr } = await run(['check-config', '--dev'], { env: { SIGNALBOX_LIMITS_MESSAGES_PER_SECOND: 'fast' } });
        assert.equal(code, 2);
        assert.match(stderr, /SIGNALBOX_LIMITS_MESSAGES_PER_SECOND/);
        assert.ok(!stderr.includes(secret));
    });

    test('an HS secret under 32 bytes: exit 2, with --dev a warning', async () => {
        const env = { SIGNALBOX_AUTH_JWT_SECRET: 'short' };
        assert.equal((await run(['check-config', '--config', file('')], { env })).code, 2);
        const { code, stderr, stdout } = await run(['check-config', '--dev'], { env });
        assert.equal(code, 0);
        assert.match(stderr + stdout, /32/);
    });

    test('--dev refuses other hosts unless allowed', async () => {
        const { code, stderr } = await run(['serve', '--dev', '--host', '0.0.0.0', '--port', '0']);
        assert.equal(code, 2);
        assert.match(stderr, /--dev-allow-remote/);
    });

    test('flags beat the environment, which beats the file', async () => {
        const own = await Server.start({ config: '[limits]\nmessages_per_second = 1\nmessages_burst = 1\n', env: { SIGNALBOX_LIMITS_MESSAGES_BURST: '50', SIGNALBOX_SERVER_PORT: '1' } });
        try {
            const client = await own.connected(await own.member());
            const answers = await Promise.all(Array.from({ length: 20 }, () => client.request('echo')));
            assert.ok(answers.every(({ type }) => type === 'RESPONSE'));
        } finally {
            await own.stop();
        }
    });
});

describe('serve', () => {
    /// One clear sentence on stderr, exit 2.
    function assertRefused({ code, stderr }, pattern) {
        assert.equal(code, 2, stderr);
        assert.match(stderr, pattern);
        assert.ok(stderr.trim().split('\n').length <= 3, stderr);
    }

    test('a used port', async () => {
        const taken = net.createServer().listen(0, '127.0.0.1');
        await new Promise((resolve) => taken.once('listening', resolve));
        try {
            const { port } = taken.address();
            assertRefused(await run(['serve', '--dev', '--port', String(port)]), new RegExp(String(port)));
            // A second server of ours, whose listeners set SO_REUSEPORT, must be noticed as well.
            assertRefused(await run(['serve', '--dev', '--port', String(server.port)]), new RegExp(String(server.port)));
        } finally {
            taken.close();
        }
    });

    test('a locked directory', async () => {
        assertRefused(await run(['serve', '--dev', '--port', '0'], { dataDir: server.dataDir }), /lock|in use|running/i);
    });

    test('a database that is none', async () => {
        const dataDir = folder();
        const probe = await Server.start({ dataDir });
        await probe.stop();
        const database = readdirSync(dataDir).find((name) => /\.(db|sqlite3?)$/.test(name));
        assert.ok(database, readdirSync(dataDir).join());
        for (const name of readdirSync(dataDir).filter((name) => name.startsWith(database))) rmSync(path.join(dataDir, name));
        writeFileSync(path.join(dataDir, database), 'this is not a database, but some text that is long enough '.repeat(100));
        assertRefused(await run(['serve', '--dev', '--port', '0'], { dataDir }), /database|not a database/i);
    });

    test('a log file in a folder that is not there, which it does not make', async () => {
        const dataDir = folder();
        const config = path.join(dataDir, 'signalbox.toml');
        writeFileSync(config, `[log]\nfile = "${dataDir}/mistyped/x.log"\n`);
        for (const command of [['serve', '--port', '0'], ['check-config']]) {
            assertRefused(await run([...command, '--dev', '--config', config], { dataDir }), /signalbox\.toml:2: log\.file: .*mistyped" is no folder/);
        }
        assert.ok(!existsSync(path.join(dataDir, 'mistyped')));
    });

    test('a data directory that cannot be made', async () => {
        const blocked = path.join(folder(), 'file');
        writeFileSync(blocked, '');
        const { code } = await run(['serve', '--dev', '--port', '0'], { env: { SIGNALBOX_DATA_DIR: path.join(blocked, 'var') } });
        assert.equal(code, 2);
    });

    test('--dev makes a secret once and keeps it, and prints a link that is ready to use', async () => {
        const dataDir = folder();
        const start = () => Server.start({ dataDir, env: { SIGNALBOX_AUTH_JWT_SECRET: undefined } });
        const first = await start();
        let member;
        try {
            member = await first.testClientLink();
            await first.connected(member);
        } finally {
            await first.stop();
        }
        const second = await start();
        try {
            await second.connected(member);
        } finally {
            await second.stop();
        }
    });

    test('a program without its tree prints no link to the test client, and names the missing files plainly', async () => {
        const program = path.join(folder(), 'signalbox');
        copyFileSync(binary, program);
        const own = await Server.start({ program, cwd: folder() });
        try {
            await own.logs(/session +\S+\n/);
            await own.logs(/static\.missing/);
            assert.doesNotMatch(own.output, /test client|\/\.\.\//);
        } finally {
            await own.stop();
        }
    });

    test('a working directory that cannot be searched does not matter', async () => {
        const cwd = folder();
        symlinkSync('tests', path.join(cwd, 'tests'));
        const own = await Server.start({ cwd });
        try {
            assert.equal((await own.http('GET', '/test-client')).status, 200);
        } finally {
            await own.stop();
        }
    });

    test('a stale control socket does not stand in the way', async () => {
        const own = await Server.start();
        try {
            own.child.kill('SIGKILL');
            await own.exited;
            assert.ok(existsSync(path.join(own.dataDir, 'control.sock')));
            await own.launch(0);
            await own.connected(await own.member());
        } finally {
            await own.stop();
        }
    });
});
