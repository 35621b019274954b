// Counts what one more request, delivery or connect costs the release build in user space:
// instructions and calls of the allocator, by callgrind. No timing: the same on a busy machine.
//
//   node bench/instructions.mjs            prints them
//   node bench/instructions.mjs --check    fails when one is over 5 % above tests/instructions/figures.json
//   node bench/instructions.mjs --record   writes that file
//   node bench/instructions.mjs --profile NAME   keeps callgrind's profile of one, for callgrind_annotate

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, root, startServer, Workspace } from './servers.mjs';

const figuresFile = path.join(root, 'tests/instructions/figures.json');
const margin = 1.05;
const loadPatience = 240_000;

/// Each conversation is held twice; what the longer one has more, is `more` operations.
const conversations = {
    request: { program: 'lockstep', short: { connections: 4, operations: 400 }, long: { connections: 4, operations: 2400 }, more: 2000 },
    'request of 16': {
        program: 'lockstep', short: { connections: 4, 'in-flight': 16, operations: 50 },
        long: { connections: 4, 'in-flight': 16, operations: 250 }, more: 3200,
    },
    delivery: { program: 'lockstep-fanout', short: { connections: 100, operations: 10 }, long: { connections: 100, operations: 60 }, more: 5000 },
    connection: { program: 'lockstep', short: { connections: 50, operations: 0 }, long: { connections: 250, operations: 0 }, more: 200 },
};

function talk(server, workspace, { program }, options) {
    const all = { dialect: 'socketio', port: server.port, pid: server.pid, credentials: workspace.credentials, ...options };
    const args = Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const { status, stderr } = spawnSync(path.join(build, 'bench/signalbox_bench_load'), [program, ...args], { encoding: 'utf8', timeout: loadPatience });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

const control = (server, ...args) => execFileSync('callgrind_control', [...args, String(server.pid)], { stdio: 'ignore' });

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

function count(server, workspace, conversation, options, folder) {
    control(server, '-z');
    talk(server, workspace, conversation, options);
    control(server, '-d');
    return readProfile(newest(folder));
}

async function measure(name, profile) {
    const conversation = conversations[name];
    const workspace = new Workspace(1);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'signalbox-callgrind-'));
    const wrapper = ['valgrind', '--quiet', '--tool=callgrind', '--dump-line=no', `--callgrind-out-file=${path.join(folder, 'callgrind.out')}`];
    let server;
    try {
        server = await startServer('signalbox', workspace, {}, wrapper);
        talk(server, workspace, conversation, conversation.long);
        const short = count(server, workspace, conversation, conversation.short, folder);
        const long = count(server, workspace, conversation, conversation.long, folder);
        if (profile) console.log(`callgrind_annotate ${newest(folder)}`);
        return {
            instructions: Math.round((long.instructions - short.instructions) / conversation.more),
            allocations: Number(((long.allocations - short.allocations) / conversation.more).toFixed(2)),
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
        .filter((what) => now[what] > figures[name][what] * margin)
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
    console.log(`${name}: ${counted[name].instructions} instructions, ${counted[name].allocations} allocations`);
}
if (values.record) writeFileSync(figuresFile, `${JSON.stringify(counted, null, 4)}\n`);
if (values.check) check(counted);
