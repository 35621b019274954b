// Starts one of the small programs of examples/, which stand beside the program under test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { binary, slowness, within } from './harness.mjs';

export class EchoProgram {
    /// Resolves when it listens.
    static async start(name, args = []) {
        const program = new this();
        program.child = spawn(path.join(path.dirname(binary), name), ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
        program.exited = once(program.child, 'exit').then(([code, signal]) => ({ code, signal }));
        program.output = '';
        const listening = new Promise((resolve, reject) => {
            const read = (chunk) => {
                program.output += chunk;
                const found = /listening on \S+:(\d+)\s/.exec(program.output);
                if (found) resolve(Number(found[1]));
            };
            program.child.stdout.on('data', read);
            program.child.stderr.on('data', read);
            program.child.once('error', reject);
            program.exited.then(({ code }) => reject(new Error(`exit ${code} before listening:\n${program.output}`)));
        });
        program.port = await within(20_000 * slowness, `${name} listens`, listening);
        return program;
    }

    /// Fails unless SIGTERM ends it with exit code 0.
    async stop() {
        this.child.kill('SIGTERM');
        const exit = await within(20_000 * slowness, 'exit', this.exited);
        assert.deepEqual(exit, { code: 0, signal: null }, this.output);
    }
}
