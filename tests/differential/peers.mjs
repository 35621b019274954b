// Starts the servers that conversations run against: one process for each program and set of flags,
// when the first conversation needs it. Ours has $SIGNALBOX_SHARDS shards (default 1).

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const slowness = Number(process.env.SIGNALBOX_TEST_SLOWNESS ?? 1);

/// Our programs stand beside $SIGNALBOX_BIN, as for the integration tests.
const echoFolder = path.dirname(path.resolve(root, process.env.SIGNALBOX_BIN ?? 'build/release/signalbox'));

/// The default, stretched like what is waited for.
const calm = ['--ping-interval', String(25_000 * slowness)];

/// The sets of flags that a conversation can ask for by name.
export const settings = {
    plain: calm,
    fast: ['--ping-interval', '300', '--ping-timeout', '200'],
    small: [...calm, '--max-payload', '1000'],
    impatient: [...calm, '--connect-timeout', '300'],
    eio3: [...calm, '--allow-eio3'],
    eio3fast: ['--allow-eio3', '--ping-interval', '300', '--ping-timeout', '200'],
    recovery: [...calm, '--recovery'],
};

const commands = {
    reference: (program) => [process.execPath, [path.join(here, 'reference.mjs'), program]],
    ours: (program) => [path.join(echoFolder, `${program}_echo`), ['--shards', process.env.SIGNALBOX_SHARDS ?? '1']],
};

/// One server process.
export class Peer {
    static async start(side, program, setting) {
        const [command, first] = commands[side](program);
        if (!existsSync(command)) throw new Error(`no ${command}: build it, or name the program beside it in SIGNALBOX_BIN`);
        const peer = new Peer();
        peer.name = `${side} ${program} ${setting}`;
        peer.child = spawn(command, [...first, '--port', '0', ...settings[setting]], { stdio: ['ignore', 'pipe', 'pipe'] });
        await peer.#listening();
        return peer;
    }

    output = '';

    #listening() {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => this.#fail(reject, 'did not listen in time'), 20_000 * slowness);
            const read = (chunk) => {
                this.output = (this.output + chunk).slice(-8000);
                const found = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(this.output);
                if (!found || this.port !== undefined) return;
                this.port = Number(found[1]);
                clearTimeout(timer);
                resolve();
            };
            this.child.stdout.on('data', read);
            this.child.stderr.on('data', read);
            this.child.once('error', (error) => this.#fail(reject, error.message));
            this.exited = new Promise((done) => {
                this.child.once('exit', (code, signal) => {
                    clearTimeout(timer);
                    this.exit = { code, signal };
                    reject(new Error(`${this.name} ended with ${code ?? signal}:\n${this.output}`));
                    done();
                });
            });
        });
    }

    #fail(reject, why) {
        this.child.kill('SIGKILL');
        reject(new Error(`${this.name}: ${why}\n${this.output}`));
    }

    /// Whether each thread sleeps, and how often it did so far: Map of thread to {asleep, times}.
    #threads() {
        const tasks = `/proc/${this.child.pid}/task`;
        return new Map(readdirSync(tasks).map((thread) => {
            const status = readFileSync(`${tasks}/${thread}/status`, 'utf8');
            const [, times] = /^voluntary_ctxt_switches:\s*(\d+)/m.exec(status);
            return [thread, { asleep: /^State:\s*S/m.test(status), times: Number(times) }];
        }));
    }

    /// Waits until each thread of the process has slept since the call, so that it has seen what had
    /// arrived for it. Throws when one has not within `ms`.
    async sleeps(ms) {
        const deadline = performance.now() + ms;
        const awake = new Map([...this.#threads()].filter(([, { asleep }]) => !asleep));
        while (awake.size > 0) {
            if (performance.now() > deadline) throw new Error(`${this.name}: threads ${[...awake.keys()]} did not sleep for ${ms} ms`);
            await delay(1);
            const now = this.#threads();
            for (const [thread, { times }] of awake) {
                const state = now.get(thread);
                if (state === undefined || state.asleep || state.times !== times) awake.delete(thread);
            }
        }
    }

    /// Ends the process. @return what is wrong with how it ended, or undefined
    async stop() {
        const before = this.exit;
        if (before) return `${this.name} ended by itself (${before.code ?? before.signal}):\n${this.output}`;
        this.child.kill('SIGTERM');
        const killer = setTimeout(() => this.child.kill('SIGKILL'), 10_000 * slowness);
        await this.exited;
        clearTimeout(killer);
        if (this.exit.code !== 0) return `${this.name} ended with ${this.exit.code ?? this.exit.signal}:\n${this.output}`;
        return undefined;
    }
}

/// The peers of one run.
export class Peers {
    #started = new Map();

    get(side, program, setting) {
        const key = `${side} ${program} ${setting}`;
        if (!this.#started.has(key)) this.#started.set(key, Peer.start(side, program, setting));
        return this.#started.get(key);
    }

    /// @return the complaints of those that ended badly
    async stop() {
        const peers = await Promise.allSettled(this.#started.values());
        const ends = peers.map(({ status, value }) => (status === 'fulfilled' ? value.stop() : undefined));
        return (await Promise.all(ends)).filter((complaint) => complaint !== undefined);
    }
}
