// Counts what one more request, delivery or connect costs the release build: instructions and calls
// of the allocator in user space, by callgrind; calls of recv and send, by the server's own metrics.
// No timing: the same on a busy machine.
//
//   node bench/instructions.mjs            prints them
//   node bench/instructions.mjs --check    fails when one is over 5 % above tests/instructions/figures.json
//   node bench/instructions.mjs --record   writes that file
//   node bench/instructions.mjs --profile NAME   keeps callgrind's profile of one, for callgrind_annotate

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, makeCertificate, root, startServer, Workspace } from './servers.mjs';

const figuresFile = path.join(root, 'tests/instructions/figures.json');
const margin = 1.05;
/// What fractions of a call vary by: a reply of TCP that comes in two parts, a table that grows.
const slack = 0.05;
const loadPatience = 240_000;

/// Each conversation is held twice; what the longer one has more, is `more` operations.
const conversations = {
    // TLS for the system calls: one recv and one send, whatever a request needs of records.
    'request over TLS': { program: 'lockstep', tls: true, short: { connections: 4, operations: 400 }, long: { connections: 4, operations: 2400 }, more: 2000 },
    request: { program: 'lockstep', short: { connections: 4, operations: 400 }, long: { connections: 4, operations: 2400 }, more: 2000 },
    'request of 16': {
        program: 'lockstep', short: { connections: 4, 'in-flight': 16, operations: 50 },
        long: { connections: 4, 'in-flight': 16, operations: 250 }, more: 3200,
    },
    delivery: { program: 'lockstep-fanout', short: { connections: 100, operations: 10 }, long: { connections: 100, operations: 410 }, more: 40_000 },
    connection: { program: 'lockstep-connect', short: { operations: 50 }, long: { operations: 450 }, more: 400 },
};

function talk(server, workspace, { program, tls }, options) {
    const all = {
        dialect: 'socketio', port: server.port, pid: server.pids[0], credentials: workspace.credentials, tls: tls ? 1 : 0, ...options,
    };
    const args = Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const { status, stderr } = spawnSync(path.join(build, 'bench/signalbox_bench_load'), [program, ...args], { encoding: 'utf8', timeout: loadPatience });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

const control = (server, ...args) => execFileSync('callgrind_control', [...args, String(server.pids[0])], { stdio: 'ignore' });

/// Instructions and allocator calls in callgrind's file.
function readProfile(file) {
    const text = readFileSync(file, 'utf8');
    const names = new Map();
    let callee = '';
    let allocations = 0;
    for (const line of text.split('\n')) {
        const named = /^c?fn=\((\d+)\)(?: (.*))?$/.exec(line);
        if (named?.[2]) names.set(named[1], named[2]);
        if (line.startsWith('cfn=')) callee = names.get(named[1]);
        const calls = /^calls=(\d+)/.exec(line);
        if (calls && /^(malloc|calloc|realloc|posix_memalign|aligned_alloc)$/.test(callee)) allocations += Number(calls[1]);
    }
    const summary = /^(?:totals|summary): (\d+)/m.exec(text);
    return { instructions: Number(summary[1]), allocations };
}

function newest(folder) {
    const dumps = readdirSync(folder).filter((name) => /^callgrind\.out\.\d+$/.test(name));
    return path.join(folder, dumps.sort((a, b) => Number(a.split('.')[2]) - Number(b.split('.')[2])).at(-1));
}

/// Calls of recv and send so far, the server's own count.
async function socketCalls({ port }, { tls }) {
    const [response] = await once((tls ? https : http).get({ host: '127.0.0.1', port, path: '/metrics', rejectUnauthorized: false, agent: false }), 'response');
    const text = (await response.setEncoding('utf8').toArray()).join('');
    const of = (call) => Number(new RegExp(`^signalbox_${call}_calls_total (\\d+)$`, 'm').exec(text)[1]);
    return { receives: of('recv'), sends: of('send') };
}

async function count(server, workspace, conversation, options, folder) {
    const before = await socketCalls(server, conversation);
    control(server, '-z');
    talk(server, workspace, conversation, options);
    control(server, '-d');
    const after = await socketCalls(server, conversation);
    return { ...readProfile(newest(folder)), receives: after.receives - before.receives, sends: after.sends - before.sends };
}

async function measure(name, profile) {
    const conversation = conversations[name];
    const folder = mkdtempSync(path.join(os.tmpdir(), 'signalbox-callgrind-'));
    const workspace = new Workspace(1, conversation.tls && makeCertificate(folder));
    const wrapper = ['valgrind', '--quiet', '--tool=callgrind', '--dump-line=no', `--callgrind-out-file=${path.join(folder, 'callgrind.out')}`];
    let server;
    try {
        server = await startServer('signalbox', workspace, { tls: conversation.tls }, wrapper);
        talk(server, workspace, conversation, conversation.long);
        const short = await count(server, workspace, conversation, conversation.short, folder);
        const long = await count(server, workspace, conversation, conversation.long, folder);
        if (profile) console.log(`callgrind_annotate ${newest(folder)}`);
        const perOperation = (what, digits) => Number(((long[what] - short[what]) / conversation.more).toFixed(digits));
        return {
            instructions: perOperation('instructions', 0), allocations: perOperation('allocations', 2),
            receives: perOperation('receives', 2), sends: perOperation('sends', 2),
        };
    } finally {
        await server?.stop();
        workspace.remove();
        if (!profile) rmSync(folder, { recursive: true, force: true });
    }
}

function check(counted) {
    const figures = JSON.parse(readFileSync(figuresFile, 'utf8'));
    const over = Object.entries(counted).flatMap(([name, now]) => Object.keys(now)
        .filter((what) => now[what] > figures[name][what] * margin + slack)
        .map((what) => `${name}: ${now[what]} ${what}, recorded are ${figures[name][what]}`));
    if (over.length === 0) return;
    console.error(`${over.join('\n')}\nWhen that is what it has to cost: node bench/instructions.mjs --record`);
    process.exitCode = 1;
}

/// valgrind 3.19 cannot read clang 19's line tables, and needs only the symbols.
const stripped = path.join(build, 'bench/signalbox-without-lines');
execFileSync('strip', ['--strip-debug', '-o', stripped, process.env.SIGNALBOX_BIN ?? path.join(build, 'signalbox')]);
process.env.SIGNALBOX_BIN = stripped;

const { values } = parseArgs({ options: { check: { type: 'boolean' }, record: { type: 'boolean' }, profile: { type: 'string' } } });
const counted = {};
for (const name of values.profile ? [values.profile] : Object.keys(conversations)) {
    counted[name] = await measure(name, values.profile);
    console.log(`${name}: ${Object.entries(counted[name]).map(([what, n]) => `${n} ${what}`).join(', ')}`);
}
if (values.record) writeFileSync(figuresFile, `${JSON.stringify(counted, null, 4)}\n`);
if (values.check) check(counted);
