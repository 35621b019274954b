// Random companies, principals, artifacts, updates, revocations, changes of rights and refreshes against the
// server, with real sockets over both transports: no message ever crosses a company, none reaches a
// connection later than a second after its right ended, and whoever's rights did not change gets each one
// exactly once. What is decided comes from the seed alone; when it happens does not.
//
//     node tests/property/isolation.mjs [options]
//       --events N      (default 5000) an update, subscription, refresh, revocation … each
//       --seed N        printed (default: by the clock)
//       --per-second N  (default 600)
//       --introspect    the server asks an API about sessions; it ends them and changes permissions too
//       --authorizer    the server asks an API about artifacts, which changes its mind
//
// Environment: as tests/integration/harness.mjs, but SIGNALBOX_SHARDS is 2 when it is not set.

import { parseArgs } from 'node:util';
import { patience, pause, slowness, within } from '../integration/harness.mjs';
import { Actors } from './actors.mjs';
import { now } from './clock.mjs';
import { settle } from './history.mjs';
import { Judge } from './judge.mjs';
import { Plan } from './plan.mjs';
import { World } from './world.mjs';

const { values } = parseArgs({
    options: {
        events: { type: 'string', default: '5000' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        introspect: { type: 'boolean', default: false },
        authorizer: { type: 'boolean', default: false },
        'per-second': { type: 'string', default: String(600 / slowness) },
    },
});
const [events, seed, perSecond] = [values.events, values.seed, values['per-second']].map(Number);
/// Decisions that may be under way; then the plan waits for the server.
const underWayMax = 500;

/// Each decision at its time, or later when the server is behind.
async function carryOut(plan, actors) {
    const begun = now();
    const underWay = new Set();
    for (const decision of plan.decisions()) {
        const wait = begun + (decision.at / perSecond) * 1000 - now();
        if (wait > 0) await pause(wait);
        while (underWay.size >= underWayMax) await Promise.race(underWay);
        const act = actors.carryOut(decision).finally(() => underWay.delete(act));
        underWay.add(act);
    }
    await within(10 * patience, 'the end of all that was begun', Promise.all(underWay));
    return (now() - begun) / 1000;
}

function percentiles(all) {
    all.sort((a, b) => a - b);
    const at = (share) => Math.round(all[Math.min(all.length - 1, Math.floor(all.length * share))]);
    return `${all.length} times, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, last ${at(1)} ms`;
}

function report(world, judge, seconds) {
    console.log(`${[...world.counts].sort().map(([what, n]) => `${n} ${what}`).join(', ')}`);
    for (const what of [...world.effects.keys()].sort()) console.log(`${what}: ${percentiles(world.effects.get(what))}`);
    console.log(`${events} events in ${seconds.toFixed(0)} s, ${world.server.options.shardCount} shards, seed ${seed}: ${world.messages.length} messages, `
        + `${world.listeners.length} connections, ${judge.came} deliveries, ${judge.owed} of them owed, ${judge.withheld} withheld, the last ${Math.max(0, judge.latest)} ms after the end of a right; `
        + `in its worst second the machine kept us waiting for ${world.starvation.worst} ms`);
    const brief = (key, value) => (value?.logins ? value.id : value);
    if (world.opinions.asked) console.log(`${world.opinions.asked} questions about artifacts`);
    for (const fault of world.faults) console.log(`\n${JSON.stringify(fault, brief)}`);
    const faults = world.counts.get('faults') ?? 0;
    console.log(`${faults} faults`);
    return faults;
}

console.log(`${events} events, seed ${seed}`);
const plan = new Plan({ seed, events, perSecond, asksTheApi: values.introspect, asksAboutArtifacts: values.authorizer });
const world = await World.start(plan, Number(process.env.SIGNALBOX_SHARDS ?? 2));
globalThis.__w = world;
let faults = 1;
try {
    const seconds = await carryOut(plan, new Actors(world));
    await pause(2 * settle);
    world.stoppedAt = now();
    const judge = new Judge(world);
    judge.run();
    faults = report(world, judge, seconds);
} finally {
    await world.stop();
}
process.exitCode = faults === 0 ? 0 : 1;
