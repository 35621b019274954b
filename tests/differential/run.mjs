// Runs every conversation against the reference from npm and against our echo programs, and prints
// where the transcripts differ. Ends with 1 when a difference is neither gone nor a row of
// docs/protocol/deviations.md, and when a row no longer makes a difference. What measures time is not
// compared while the machine is too busy for it, which is printed.
//
//     node tests/differential/run.mjs [options]
//       --seed N        of the generated conversations; printed (default: by the clock)
//       --seeds N       this seed and those after it (default 1)
//       --generated N   how many of them for each seed (default 150)
//       --only GLOB     conversations with such an id alone; rows without use are no fault then
//       --against SIDE  reference: the reference twice, to test this program itself
//       --print         every transcript

import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import compression from './conversations/compression.mjs';
import engineio3 from './conversations/engineio3.mjs';
import engineioPolling from './conversations/engineio_polling.mjs';
import engineioRequests from './conversations/engineio_requests.mjs';
import engineioWebSocket from './conversations/engineio_websocket.mjs';
import { generate } from './conversations/generated.mjs';
import heartbeat from './conversations/heartbeat.mjs';
import recovery from './conversations/recovery.mjs';
import socketio from './conversations/socketio.mjs';
import { glob, readDeviations, unexplained } from './deviations.mjs';
import { normalise } from './normalise.mjs';
import { Peers } from './peers.mjs';
import { play } from './steps.mjs';

const { values } = parseArgs({
    options: {
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        seeds: { type: 'string', default: '1' },
        generated: { type: 'string', default: '150' },
        only: { type: 'string', default: '*' },
        against: { type: 'string', default: 'ours' },
        print: { type: 'boolean', default: false },
    },
});

const here = path.dirname(fileURLToPath(import.meta.url));
const table = path.resolve(here, '../../docs/protocol/deviations.md');
const atOnce = 8;

function generated() {
    const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.seed) + i);
    return seeds.flatMap((seed) => generate(seed, Number(values.generated)));
}

function chosen() {
    const all = [...engineioRequests, ...engineioPolling, ...engineioWebSocket, ...compression, ...heartbeat, ...engineio3, ...socketio, ...recovery, ...generated()];
    const ids = new Set();
    for (const { id } of all) {
        if (ids.has(id)) throw new Error(`two conversations are called ${id}`);
        ids.add(id);
    }
    const only = glob(values.only);
    return all.filter(({ id }) => only.test(id));
}

/// Runs `task` for each item, `count` at a time.
async function inParallel(items, count, task) {
    const queue = [...items];
    const worker = async () => {
        while (queue.length > 0) await task(queue.shift());
    };
    await Promise.all(Array.from({ length: count }, worker));
}

function print(conversation, hunks) {
    console.log(`\n${conversation.id} (${conversation.server}, ${conversation.settings})`);
    for (const { at, reference, ours } of hunks) {
        console.log(`  after line ${at}:`);
        for (const line of reference) console.log(`    reference  ${line}`);
        for (const line of ours) console.log(`    ours       ${line}`);
    }
}

async function compare(peers, rules, conversation) {
    const played = async (side) => {
        return play(conversation, await peers.get(side, conversation.server, conversation.settings));
    };
    const runs = await Promise.all([played('reference'), played(values.against)]);
    if (runs.some((run) => run.void)) return { conversation, isVoid: true, hunks: [] };
    const [reference, ours] = runs.map(normalise);
    if (values.print) console.log(`\n${conversation.id}\n${reference.map((line) => `  ${line}`).join('\n')}`);
    return { conversation, reference, hunks: unexplained(rules, conversation.id, reference, ours) };
}

/// Plays them all: those that wait for long beside the others, those that measure time at the end.
async function compareAll(peers, rules, conversations) {
    const results = [];
    const record = async (conversation) => results.push(await compare(peers, rules, conversation));
    const slow = inParallel(conversations.filter((one) => one.slow), 100, record);
    await inParallel(conversations.filter((one) => !one.slow && !one.timed), atOnce, record);
    await inParallel(conversations.filter((one) => one.timed), 4, record);
    await slow;
    return results.sort((a, b) => conversations.indexOf(a.conversation) - conversations.indexOf(b.conversation));
}

/// @return how many faults there were
function report(results, rules) {
    const different = results.filter(({ hunks }) => hunks.length > 0);
    for (const { conversation, hunks, reference } of different) {
        print(conversation, hunks);
        if (conversation.id.startsWith('generated/')) console.log(reference.map((line) => `      ${line}`).join('\n'));
    }
    const voids = results.filter(({ isVoid }) => isVoid).map(({ conversation }) => conversation.id);
    for (const id of voids) console.log(`\n${id}: not compared, the machine was too busy to measure time`);
    const couldNotShow = ({ where }) => voids.some((id) => where.some((pattern) => pattern.test(id)));
    const idle = values.only === '*' ? rules.filter((rule) => rule.uses === 0 && !couldNotShow(rule)) : [];
    for (const { id } of idle) console.log(`\ndeviations.md: ${id} makes no difference any more`);
    console.log(`\n${results.length} conversations, seed ${values.seed}: ${different.length} with differences not listed, ${idle.length} listed without difference, ${rules.length} deviations`);
    return different.length + idle.length;
}

const conversations = chosen();
const rules = values.against === 'ours' ? readDeviations(table) : [];
const peers = new Peers();
console.log(`${conversations.length} conversations, seed ${values.seed}`);
let faults = 1;
try {
    faults = report(await compareAll(peers, rules, conversations), rules);
} finally {
    const complaints = await peers.stop();
    for (const complaint of complaints) console.log(`\n${complaint}`);
    process.exitCode = faults + complaints.length === 0 ? 0 : 1;
}
