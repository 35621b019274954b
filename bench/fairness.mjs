// script/fairness: how long quiet clients wait while another floods the same server, beside how long they
// wait without it, in the same run. See docs/performance.md, "Fair shares".

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, startServer, Workspace } from './servers.mjs';

const generator = path.join(build, 'bench/signalbox_bench_load');
const cores = os.cpus().length > 1 ? { server: '0', load: '1' } : { server: '0', load: '0' };
const quietCompanies = 9;

/// What is measured, what floods meanwhile, and how much longer the measured may wait.
const scenarios = {
    'slow-actions': {
        title: '200 slow actions at once on one connection; `echo` on another',
        measured: { connections: 1, rate: 200 }, measuredCompanies: 1,
        flood: { connections: 1, 'in-flight': 200, action: 'slow', data: '{"ms":1000}' },
        most: 2,
    },
    company: {
        title: 'a company floods with `echo` on 50 connections, 16 unanswered on each; `echo` in nine others',
        measured: { connections: quietCompanies, rate: 450 },
        flood: { connections: 50, 'in-flight': 16 },
        most: 1.5,
    },
    'company-many': {
        title: 'a company floods with `echo` on 500 connections, one unanswered on each; `echo` in nine others',
        measured: { connections: quietCompanies, rate: 450 },
        flood: { connections: 500, 'in-flight': 1 },
        most: 1.5,
    },
    'company-slow': {
        title: 'a company floods with 1,000 slow actions at a time; `echo` in nine others',
        measured: { connections: quietCompanies, rate: 450 },
        flood: { connections: 10, 'in-flight': 100, action: 'slow', data: '{"ms":100}' },
        most: 1.5,
    },
};

function readOptions() {
    const { values } = parseArgs({
        options: {
            rounds: { type: 'string', default: '7' },
            seconds: { type: 'string', default: '3' },
            scenario: { type: 'string', multiple: true, default: Object.keys(scenarios) },
        },
    });
    return { ...values, rounds: Number(values.rounds) };
}

/// Before everybody else on its core, where that is allowed: the flood comes from there too, and the
/// measured clients must not wait for it.
const first = spawnSync('chrt', ['-f', '1', 'true']).status === 0 ? ['chrt', '-f', '1'] : ['nice', '-n', '-10'];

function load(server, program, credentials, options, priority = []) {
    const all = { dialect: 'socketio', port: server.port, pid: server.pids[0], credentials, ...options };
    const args = Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const child = spawn('taskset', ['-c', cores.load, ...priority, generator, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (output.stdout += chunk));
    child.stderr.on('data', (chunk) => (output.stderr += chunk));
    const ended = once(child, 'close').then(([code]) => {
        if (code !== 0) throw new Error(`the generator ended with ${code}: ${output.stderr}`);
        return JSON.parse(output.stdout);
    });
    return { child, ended };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/// One round: {idle, flooded: of the measured, flood: of the flood}.
async function round(server, files, scenario, seconds) {
    const measured = { ...scenario.measured, seconds, 'warm-up': 0.5 };
    const idle = await load(server, 'paced', files.quiet, measured, first).ended;
    // It is up before the measured begin, and ends after them.
    const flood = load(server, 'request', files.flood, { ...scenario.flood, 'warm-up': 0.5, seconds: Number(seconds) + 2 });
    await pause(1000);
    const flooded = await load(server, 'paced', files.quiet, measured, first).ended;
    return { idle, flooded, flood: await flood.ended };
}

async function run(name, options) {
    const scenario = scenarios[name];
    const workspace = new Workspace(1 + quietCompanies);
    const lines = readFileSync(workspace.credentials, 'utf8').trim().split('\n');
    const quiet = lines.slice(1, 1 + (scenario.measuredCompanies ?? quietCompanies));
    const files = { flood: path.join(workspace.folder, 'flood'), quiet: path.join(workspace.folder, 'quiet') };
    writeFileSync(files.flood, `${lines[0]}\n`);
    writeFileSync(files.quiet, `${quiet.join('\n')}\n`);
    let server;
    try {
        server = await startServer('signalbox', workspace, {}, ['taskset', '-c', cores.server]);
        const rounds = [];
        for (let i = 0; i < options.rounds; ++i) {
            rounds.push(await round(server, files, scenario, options.seconds));
            const { idle, flooded, flood } = rounds.at(-1);
            console.error(`${name} ${i + 1}: p50 ${idle.p50Microseconds} → ${flooded.p50Microseconds} µs, p99 ${idle.p99Microseconds} → ${flooded.p99Microseconds} µs, flood ${flood.operationsPerSecond}/s`);
        }
        return rounds;
    } finally {
        await server?.stop();
        workspace.remove();
    }
}

async function main() {
    const options = readOptions();
    console.log('| scenario | p50 idle | p50 flooded | p99 idle | p99 flooded | p99 ratio, median (most) | of the flood a second |\n| --- | --- | --- | --- | --- | --- | --- |');
    let missed = 0;
    for (const name of options.scenario) {
        const rounds = await run(name, options);
        const of = (side, member) => median(rounds.map((one) => one[side][member])).toFixed(0);
        const ratio = median(rounds.map(({ idle, flooded }) => flooded.p99Microseconds / idle.p99Microseconds));
        if (ratio > scenarios[name].most) ++missed;
        const numbers = [
            of('idle', 'p50Microseconds'), of('flooded', 'p50Microseconds'), of('idle', 'p99Microseconds'), of('flooded', 'p99Microseconds'),
            `${ratio.toFixed(2)} (${scenarios[name].most})`, of('flood', 'operationsPerSecond'),
        ];
        console.log(`| ${scenarios[name].title} | ${numbers.join(' | ')} |`);
    }
    process.exitCode = missed === 0 ? 0 : 1;
}

await main();
