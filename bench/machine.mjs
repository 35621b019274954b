// Where and with what it was measured.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build, root } from './servers.mjs';

function ask(command, ...args) {
    try {
        return execFileSync(command, args, { encoding: 'utf8', cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).trim().split('\n')[0];
    } catch {
        return 'unknown';
    }
}

const peerVersion = (name) => JSON.parse(readFileSync(path.join(root, 'bench/peers/node_modules', name, 'package.json'), 'utf8')).version;
const debianVersion = (name) => ask('dpkg-query', '-W', '-f=${Version}', name);

export function describeMachine(cores) {
    const cpu = os.cpus();
    const commit = ask('git', 'rev-parse', '--short', 'HEAD');
    const changed = ask('git', 'status', '--porcelain', '--untracked-files=no', 'src', 'include') !== '';
    const machine = {
        time: new Date().toISOString(),
        commit: changed ? `${commit}-changed` : commit,
        cpu: cpu[0].model.trim(),
        cores: cpu.length,
        memoryMiB: Math.round(os.totalmem() / 2 ** 20),
        kernel: os.release(),
        load: os.loadavg()[0],
        pinned: cores,
        versions: {
            signalbox: ask(path.join(build, 'signalbox'), '--version'),
            compiler: ask('clang++-19', '--version'),
            node: process.version,
            'socket.io': peerVersion('socket.io'),
            ws: peerVersion('ws'),
            'uWebSockets.js': peerVersion('@trufflesuite/uws-js-unofficial'),
            'python3-socketio': debianVersion('python3-socketio'),
            'python3-aiohttp': debianVersion('python3-aiohttp'),
            'python3-uvloop': debianVersion('python3-uvloop'),
        },
    };
    const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
    machine.text = [
        `Measured ${machine.time} at commit ${machine.commit} on ${machine.cores} × ${machine.cpu}, ${machine.memoryMiB} MiB, Linux ${machine.kernel};`,
        `server on core ${cores.server}, generator on core ${cores.load}; load average before: ${machine.load.toFixed(2)}.`,
        `${versions.join(', ')}.`,
    ].join('\n');
    return machine;
}
