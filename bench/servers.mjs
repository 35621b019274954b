// Starts the servers that are measured, one at a time, and stops exactly what it started.

import { execFileSync, spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const build = path.join(root, 'build/release');
const peers = path.join(root, 'bench/peers');
const startPatience = 180_000;
const stopPatience = 15_000;

const secret = 'a-secret-that-only-the-benchmark-knows-0123456789';
const serviceKey = `sbk_${'B'.repeat(43)}`;

const base64url = (text) => Buffer.from(text).toString('base64url');

function signToken(company) {
    const claims = { sub: 'bench', companyId: company, permissions: ['updates:send'], exp: Math.floor(Date.now() / 1000) + 86_400 };
    const signed = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export function makeCertificate(folder) {
    const keyFile = path.join(folder, 'key.pem');
    const certificateFile = path.join(folder, 'certificate.pem');
    execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', '/CN=127.0.0.1', '-keyout', keyFile, '-out', certificateFile,
    ], { stdio: 'ignore' });
    return { keyFile, certificateFile };
}

/// A folder of one measurement: credentials, configuration, data.
export class Workspace {
    constructor(companies, certificate) {
        this.folder = mkdtempSync(path.join(tmpdir(), 'signalbox-bench-'));
        this.certificate = certificate;
        this.companies = Array.from({ length: companies }, (_, i) => `company-${i}`);
        this.credentials = path.join(this.folder, 'credentials');
        writeFileSync(this.credentials, this.companies.map((c) => `${c} session-of-${c} ${signToken(c)}\n`).join(''));
    }

    remove() {
        rmSync(this.folder, { recursive: true, force: true });
    }
}

const limits = [
    'messages_per_second', 'messages_burst', 'user_messages_per_second', 'company_messages_per_second',
    'handshakes_per_second', 'handshakes_burst', 'connections_per_user', 'connections_per_company',
    'in_flight_per_connection', 'in_flight_per_user', 'in_flight_max', 'subscriptions_per_connection', 'violations_before_close',
];

/// Defaults, but for the limits, which are off, and the log, which the peers do not have either.
/// --dev brings the action `echo`.
function signalboxConfig({ folder, certificate }, { tls }) {
    return `
[auth.jwt]
secret = "${secret}"
[[auth.service_keys]]
id = "bench"
sha256 = "${createHash('sha256').update(serviceKey).digest('hex')}"
permissions = ["sessions:manage:any"]
[limits]
${limits.map((name) => `${name} = 0`).join('\n')}
outbound_bytes_max = 0
[log]
level = "warn"
[data]
dir = "${path.join(folder, 'data')}"
${tls ? `[server.tls]\ncertificate_file = "${certificate.certificateFile}"\nkey_file = "${certificate.keyFile}"\n` : ''}
`;
}

function put(url, body) {
    return new Promise((resolve, reject) => {
        const request = (url.protocol === 'https:' ? https : http).request(url, {
            method: 'PUT',
            rejectUnauthorized: false,
            headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/json' },
        });
        request.on('error', reject);
        request.on('response', (response) => {
            let text = '';
            response.on('data', (chunk) => (text += chunk));
            response.on('end', () => (response.statusCode < 300 ? resolve(text) : reject(new Error(`${response.statusCode} ${text}`))));
        });
        request.end(JSON.stringify(body));
    });
}

async function makeSessions(port, { companies }, { tls }) {
    for (const company of companies) {
        const url = new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${port}/api/v1/sessions/session-of-${company}`);
        await put(url, { userId: 'bench', companyId: company });
    }
}

function startSignalbox(workspace, scenario) {
    const file = path.join(workspace.folder, 'signalbox.toml');
    writeFileSync(file, signalboxConfig(workspace, scenario));
    return {
        command: process.env.SIGNALBOX_BIN ?? path.join(build, 'signalbox'),
        args: ['serve', '--dev', '--config', file, '--host', '127.0.0.1', '--port', '0', '--shards', '1'],
    };
}

async function freePort() {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    await once(probe.close(), 'close');
    return port;
}

/// nginx as one process that ends TLS and passes everything on, also upgrades.
function nginxConfig({ certificate }, port, upstream) {
    return `
daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events { worker_connections 16000; multi_accept on; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    upstream signalbox { server 127.0.0.1:${upstream}; keepalive 64; }
    server {
        listen 127.0.0.1:${port} ssl backlog=4096;
        ssl_certificate ${certificate.certificateFile};
        ssl_certificate_key ${certificate.keyFile};
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {
            proxy_pass http://signalbox;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_buffering off;
        }
    }
}
`;
}

async function startNginx(workspace, upstream) {
    const port = await freePort();
    const file = path.join(workspace.folder, 'nginx.conf');
    writeFileSync(file, nginxConfig(workspace, port, upstream));
    return { command: '/usr/sbin/nginx', args: ['-p', workspace.folder, '-c', file, '-e', 'stderr'], port };
}

const node = (...args) => ({ command: process.execPath, args });

/// What can be measured. `cannot` names scenarios that a server has no answer to, with the reason.
export const servers = {
    floor: {
        title: 'bare epoll echo (floor)',
        dialect: 'floor',
        start: () => ({ command: path.join(build, 'bench/signalbox_bench_floor'), args: [] }),
        cannot: (scenario) =>
            (scenario.program === 'stock-connect' || scenario.program === 'polling') && 'it knows WebSocket alone'
            || scenario.tls && 'it has no TLS'
            || scenario.deflate && 'it does not compress',
    },
    signalbox: {
        title: 'Signalbox',
        dialect: 'socketio',
        start: startSignalbox,
        prepare: makeSessions,
    },
    nginx: {
        title: 'nginx ends TLS before Signalbox',
        dialect: 'socketio',
        start: (workspace, scenario) => startSignalbox(workspace, { ...scenario, tls: false }),
        prepare: (port, workspace, scenario) => makeSessions(port, workspace, { ...scenario, tls: false }),
        before: startNginx,
        cannot: (scenario) => !scenario.tls && 'it is there for TLS',
    },
    'socketio-uws': {
        title: 'socket.io on uWebSockets.js',
        dialect: 'socketio',
        start: () => node(path.join(peers, 'socketio.mjs'), 'uws'),
    },
    'socketio-ws': {
        title: 'socket.io on ws',
        dialect: 'socketio',
        start: () => node(path.join(peers, 'socketio.mjs'), 'ws'),
    },
    ws: {
        title: 'ws alone',
        dialect: 'websocket',
        start: () => node(path.join(peers, 'ws.mjs')),
        cannot: (scenario) => (scenario.program === 'stock-connect' || scenario.program === 'polling') && 'it knows WebSocket alone',
    },
    'python-socketio': {
        title: 'python-socketio on uvloop',
        dialect: 'socketio',
        start: () => ({ command: '/usr/bin/python3', args: [path.join(peers, 'python_socketio.py')] }),
    },
};

const childEnvironment = ({ credentials, certificate }, { tls, deflate }) => ({
    PATH: process.env.PATH,
    HOME: tmpdir(),
    NODE_ENV: 'production',
    BENCH_SECRET: secret,
    BENCH_CREDENTIALS: credentials,
    ...(tls && { BENCH_TLS_KEY: certificate.keyFile, BENCH_TLS_CERTIFICATE: certificate.certificateFile }),
    ...(deflate && { BENCH_DEFLATE: '1', SIGNALBOX_SERVER_COMPRESSION: 'true' }),
});

const within = (ms, what, promise) => {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)));
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

class Child {
    /// @param wrapper  command that runs it, as a list: `taskset -c 0`
    constructor(name, { command, args }, wrapper, workspace, scenario) {
        this.name = name;
        this.output = '';
        this.process = spawn(wrapper[0], [...wrapper.slice(1), command, ...args], {
            cwd: workspace.folder, env: childEnvironment(workspace, scenario), stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.exited = once(this.process, 'exit');
        this.failed = this.exited.then(([code]) => { throw new Error(`${name} ended with ${code}:\n${this.output.slice(-2000)}`); });
        this.failed.catch(() => {});
        for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (chunk) => (this.output += chunk));
    }

    /// @return what `sign()` gives as soon as it is not empty
    async sees(what, sign) {
        const found = new Promise((resolve) => {
            const look = async () => {
                const value = await sign();
                if (value) resolve(value);
                else if (this.process.exitCode === null) setTimeout(look, 10);
            };
            look();
        });
        return within(startPatience, `${this.name} ${what}`, Promise.race([found, this.failed]));
    }

    async stop() {
        if (this.process.exitCode !== null || this.process.signalCode !== null) return;
        this.process.kill('SIGTERM');
        await within(stopPatience, `${this.name} ends`, this.exited).catch(() => this.process.kill('SIGKILL'));
    }
}

const accepts = (port) => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
});

/// @return a running server: {pids, port, stop()}
export async function startServer(name, workspace, scenario, wrapper) {
    const { start, prepare, before } = servers[name];
    const children = [];
    const launch = (title, what) => children[children.push(new Child(title, what, wrapper, workspace, scenario)) - 1];
    const stop = async () => {
        for (const child of children.reverse()) await child.stop();
    };
    try {
        const server = launch(name, start(workspace, scenario));
        let port = Number(await server.sees('listens', () => /listening (?:on https?:\/\/\S+:)?(\d+)/.exec(server.output)?.[1]));
        await prepare?.(port, workspace, scenario);
        if (before) {
            const proxy = await before(workspace, port);
            await launch(`proxy of ${name}`, proxy).sees('listens', () => accepts(proxy.port));
            port = proxy.port;
        }
        return { pids: children.map((child) => child.process.pid), port, stop };
    } catch (error) {
        await stop();
        throw error;
    }
}
