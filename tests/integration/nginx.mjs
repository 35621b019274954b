// nginx in front of a server: the front door passes each request to the next of several lanes, and
// each lane keeps connections of its own to the server. So the requests of one client go round robin
// over many kept-alive connections, whatever connection they came on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually, slowness } from './harness.mjs';

export const nginxBinary = process.env.SIGNALBOX_NGINX ?? '/usr/sbin/nginx';
export const hasNginx = existsSync(nginxBinary);

const lanes = 6;

async function freePorts(count) {
    const listeners = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
    await Promise.all(listeners.map((listener) => once(listener, 'listening')));
    const ports = listeners.map((listener) => listener.address().port);
    await Promise.all(listeners.map((listener) => new Promise((closed) => listener.close(closed))));
    return ports;
}

const proxying = (upstream) => `
            proxy_pass http://${upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $upgrade_or_keep_alive;
            proxy_buffering off;
            proxy_next_upstream off;`;

const lane = (port, i, target) => `
    upstream server${i} { server 127.0.0.1:${target}; keepalive 16; }
    server {
        listen 127.0.0.1:${port};
        access_log off;
        location / {${proxying(`server${i}`)}
        }
    }`;

const configuration = (folder, front, ports, target) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n    ')}
    map $http_upgrade $upgrade_or_keep_alive { default upgrade; '' ''; }
    log_format lanes '$arg_sid $upstream_addr $status $request_method';
    upstream lanes {${ports.map((port) => ` server 127.0.0.1:${port};`).join('')} keepalive 64; }
    server {
        listen 127.0.0.1:${front};
        access_log ${folder}/access.log lanes;
        client_max_body_size 2m;
        location / {${proxying('lanes')}
        }
    }${ports.map((port, i) => lane(port, i, target)).join('')}
}
`;

/// A running nginx with a folder of its own; stop it by stop().
export class Nginx {
    /// @param target  the server's port
    static async start(target) {
        const nginx = new Nginx();
        nginx.folder = mkdtempSync(path.join(tmpdir(), 'signalbox-nginx-'));
        chmodSync(nginx.folder, 0o755);
        mkdirSync(path.join(nginx.folder, 'logs'));
        const [front, ...ports] = await freePorts(lanes + 1);
        const file = path.join(nginx.folder, 'nginx.conf');
        writeFileSync(file, configuration(nginx.folder, front, ports, target));
        Object.assign(nginx, { port: front, url: `http://127.0.0.1:${front}`, wsUrl: `ws://127.0.0.1:${front}` });
        nginx.child = spawn(nginxBinary, ['-p', nginx.folder, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
        nginx.child.stderr.on('data', (chunk) => (nginx.output += chunk));
        nginx.exited = once(nginx.child, 'exit');
        await nginx.#listening();
        return nginx;
    }

    output = '';

    #listening() {
        return eventually('nginx to listen', () => {
            if (this.child.exitCode !== null) throw new Error(`nginx ended: ${this.output}`);
            return new Promise((resolve) => {
                const probe = net.connect(this.port, '127.0.0.1');
                probe.once('connect', () => resolve(probe.destroy()));
                probe.once('error', () => resolve(undefined));
            });
        }, 10_000 * slowness);
    }

    /// What was passed on: [{sid, lane, status, method}].
    requests() {
        const lines = readFileSync(path.join(this.folder, 'access.log'), 'utf8').trim().split('\n');
        return lines.filter((line) => line !== '').map((line) => {
            const [sid, passedTo, status, method] = line.split(' ');
            return { sid, lane: passedTo, status: Number(status), method };
        });
    }

    /// What nginx complained about.
    errors() {
        return readFileSync(path.join(this.folder, 'error.log'), 'utf8');
    }

    async stop() {
        if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
        await this.exited;
        rmSync(this.folder, { recursive: true, force: true });
    }
}
