// script/bench: measures Signalbox and its peers, interleaved, and reports. See docs/performance.md.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.mjs';
import { plot } from './plot.mjs';
import { budgetTable, resultTable, summarize } from './report.mjs';
import { scenarios } from './scenarios.mjs';
import { build, makeCertificate, root, servers, startServer, Workspace } from './servers.mjs';

const usage = 'usage: script/bench [--quick] [--scenario NAME]... [--server NAME]... [--runs N] [--micro]';
const loadPatience = 240_000;

function readOptions() {
    let values;
    try {
        ({ values } = parseArgs({
            options: {
                quick: { type: 'boolean', default: false },
                scenario: { type: 'string', multiple: true, default: Object.keys(scenarios) },
                server: { type: 'string', multiple: true, default: Object.keys(servers) },
                runs: { type: 'string' },
                results: { type: 'string', default: path.join(root, 'bench/results') },
            },
        }));
    } catch (error) {
        exit(`${error.message}\n${usage}`);
    }
    const runs = Number(values.runs ?? (values.quick ? 1 : 5));
    const unknown = [...values.scenario.filter((n) => !scenarios[n]), ...values.server.filter((n) => !servers[n])];
    if (unknown.length > 0) exit(`unknown: ${unknown.join(', ')}\nscenarios: ${Object.keys(scenarios).join(' ')}\nservers: ${Object.keys(servers).join(' ')}`);
    if (!Number.isInteger(runs) || runs < 1) exit(usage);
    return { ...values, runs };
}

function exit(message) {
    console.error(message);
    process.exit(2);
}

/// The server has one core and the generator another, where there are two.
const cores = os.cpus().length > 1 ? { server: 0, load: 1 } : { server: 0, load: 0 };

/// Ticks of all cores since boot: [stolen by the hypervisor, all].
function coreTicks() {
    const ticks = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
    return [ticks[7], ticks.reduce((sum, n) => sum + n, 0)];
}

async function runLoad(name, server, workspace, scenario, { quick }) {
    const options = {
        dialect: servers[name].dialect,
        port: server.port,
        credentials: workspace.credentials,
        'warm-up': quick ? 0.3 : 1,
        seconds: quick ? 0.7 : 2,
        tls: scenario.tls ? 1 : 0,
        deflate: scenario.deflate ? 1 : 0,
        ...scenario.load,
        ...(quick && scenario.quick),
    };
    const args = [
        ...server.pids.flatMap((pid) => ['--pid', String(pid)]),
        ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]),
    ];
    const child = spawn('taskset', ['-c', String(cores.load), path.join(build, 'bench/signalbox_bench_load'), scenario.program, ...args]);
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (output.stdout += chunk));
    child.stderr.on('data', (chunk) => (output.stderr += chunk));
    const killer = setTimeout(() => child.kill('SIGKILL'), loadPatience);
    const [code] = await once(child, 'close');
    clearTimeout(killer);
    if (code !== 0) throw new Error(output.stderr.trim().replace('signalbox_bench_load: ', '') || `the generator ended with ${code}`);
    return JSON.parse(output.stdout);
}

/// One number of one server: {…} of the generator, or {reason} why there is none.
async function measure(name, scenario, certificate, options) {
    const cannot = servers[name].cannot?.(scenario);
    if (cannot) return { reason: cannot };
    const workspace = new Workspace(scenario.companies ?? 1, certificate);
    let server;
    try {
        server = await startServer(name, workspace, scenario, ['taskset', '-c', String(cores.server)]);
        const [stolen, all] = coreTicks();
        const result = await runLoad(name, server, workspace, scenario, options);
        const [stolenAfter, allAfter] = coreTicks();
        return { ...result, stolen: (stolenAfter - stolen) / Math.max(allAfter - all, 1) };
    } catch (error) {
        return { reason: error.message.slice(0, 300) };
    } finally {
        await server?.stop();
        workspace.remove();
    }
}

function fileNames(folder, quick, machine) {
    mkdirSync(folder, { recursive: true });
    const stem = quick ? 'quick' : `${machine.time.slice(0, 16).replace(/[-:]/g, '').replace('T', '-')}-${machine.commit}`;
    return Object.fromEntries(['json', 'svg', 'md'].map((kind) => [kind, path.join(folder, `${stem}.${kind}`)]));
}

function write(files, machine, options, results) {
    const summaries = summarize(results);
    const { quick, runs } = options;
    writeFileSync(files.json, `${JSON.stringify({ machine, quick, runs, results }, null, 1)}\n`);
    writeFileSync(files.svg, plot(summaries, machine));
    const parts = [resultTable(summaries), budgetTable(summaries)].filter(Boolean);
    const text = `${machine.text}\n\n${parts.join('\n\n')}\n`;
    writeFileSync(files.md, text);
    return text;
}

async function main() {
    const options = readOptions();
    const machine = describeMachine(cores);
    const files = fileNames(options.results, options.quick, machine);
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'signalbox-bench-'));
    const certificate = makeCertificate(scratch);
    const results = {};
    let text = '';
    try {
        for (const id of options.scenario) {
            results[id] = Object.fromEntries(options.server.map((name) => [name, []]));
            for (let run = 1; run <= options.runs; ++run) {
                for (const name of options.server) {
                    const result = await measure(name, scenarios[id], certificate, options);
                    results[id][name].push(result);
                    console.error(`${id} ${run}/${options.runs} ${name}: ${result.reason ?? JSON.stringify(result)}`);
                }
            }
            text = write(files, machine, options, results);
        }
    } finally {
        rmSync(scratch, { recursive: true, force: true });
    }
    console.log(text);
    console.log(Object.values(files).map((file) => path.relative(process.cwd(), file)).join('\n'));
}

await main();
