// The server under test with its companies, logins, tokens and configuration: what was asked of it,
// when, and what it said. Nothing is judged here but answers that are wrong at once.

import { readFileSync, writeFileSync } from 'node:fs';
import { eventually, nowSeconds, pause, Server, serviceKey, userToken } from '../integration/harness.mjs';
import { Random } from '../random.mjs';
import { Http } from '../integration/wire.mjs';
import { now, Starvation } from './clock.mjs';
import { settle, Versions } from './history.mjs';
import { AskedLogins, Life, StoredLogins } from './logins.mjs';
import { NoOpinions, Opinions } from './opinions.mjs';

const api = '/api/v1';
const encoded = encodeURIComponent;

const tomlList = (list) => `[${list.map((one) => JSON.stringify(one)).join(', ')}]`;

function configText({ rules, roles }, opinions) {
    const lines = Object.entries(roles).map(([role, permissions]) => `${role} = ${tomlList(permissions)}`);
    return `[auth.artifacts]\nrules = ${tomlList(rules)}\n${opinions.config}[auth.roles]\n${lines.join('\n')}\n`;
}

const fixed = `
[auth]
expiry_warning = "1s"
expiry_grace = "1s"
[auth.jwt]
leeway = "0s"
[limits]
messages_per_second = 0
handshakes_per_second = 0
connections_per_user = 0
violations_before_close = 0
`;

/// One after the other.
export class Lane {
    #last = Promise.resolve();
    waiting = 0;

    run(task) {
        ++this.waiting;
        const result = this.#last.then(task).finally(() => --this.waiting);
        this.#last = result.catch(() => {});
        return result;
    }
}

export class World {
    graceMs = 1000;
    listeners = [];
    messages = [];
    faults = [];
    effects = new Map();  // what → milliseconds
    counts = new Map();
    #reloads = new Lane();

    static async start(plan, shardCount) {
        const world = new World();
        world.plan = plan;
        world.config = new Versions(plan.config);
        world.logins = new (plan.asksTheApi ? AskedLogins : StoredLogins)(world);
        world.opinions = plan.asksAboutArtifacts ? new Opinions(new Random(plan.opinions.length), plan.opinions) : new NoOpinions();
        await Promise.all([world.logins.start(), world.opinions.start()]);
        world.server = await Server.start({ config: fixed + world.logins.config + configText(plan.config, world.opinions), shardCount });
        world.starvation = new Starvation(world.server.child.pid);
        world.http = new Http(world.server);
        return world;
    }

    async stop() {
        this.starvation.stop();
        for (const listener of this.listeners) listener.leave();
        await pause(300);
        this.http.close();
        await this.server.stop();
        this.logins.stop();
        this.opinions.stop();
    }

    count(what) {
        this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    }

    fault(what, listener, detail) {
        this.count('faults');
        if (this.faults.length >= 20) return;
        const who = listener && { company: listener.company?.id, user: listener.user, session: listener.life?.id, transport: listener.transport, connection: listener.id };
        this.faults.push({ what, at: now(), who, detail });
    }

    /// The time that it was at `at` for those whom the machine let run all through the second before.
    fairly(at) {
        let begin = at - settle;
        for (let kept = this.starvation.between(begin, at); at - settle - kept < begin; kept = this.starvation.between(begin, at)) {
            begin = at - settle - kept;
        }
        return begin + settle;
    }

    /// When a second is over for those whom the machine let run all through it.
    aSecondAfter(at) {
        let end = at + settle;
        for (let kept = this.starvation.between(at, end); at + settle + kept > end; kept = this.starvation.between(at, end)) {
            end = at + settle + kept;
        }
        return end;
    }

    /// How long something took from its being asked for until a client felt it.
    measure(what, transport, ms) {
        const key = `${what}, ${transport}`;
        if (!this.effects.has(key)) this.effects.set(key, []);
        this.effects.get(key).push(ms);
    }

    token(company, user, { ttl = 3600, ...claims }) {
        const expires = nowSeconds() + ttl;
        const companyId = company.id === '42' ? 42 : company.id;
        const text = userToken({ user, company: companyId, ...claims, exp: expires });
        return { text, claims: { ...claims, expires: expires * 1000 } };
    }

    asService(method, target, body) {
        return this.http.call(method, api + target, serviceKey, body);
    }

    /// The login's session of now; makes one when the last has ended.
    life(login) {
        return login.company.lane.run(async () => {
            if (login.life && !this.isOver(login.life)) return login.life;
            await Promise.allSettled(login.life?.connecting ?? []);
            const keepsId = login.sameId && !login.ttl && this.logins.reusesIds;
            const life = new Life(keepsId ? login.id : `${login.id}~${login.lives = (login.lives ?? 0) + 1}`);
            const begun = now();
            const expires = await this.logins.make(login, life.id);
            if (login.ttl) life.ends.push({ what: 'session', from: begun + login.ttl * 1000 - 50, sure: expires });
            return (login.life = life);
        });
    }

    /// A login whose end is near counts as over.
    isOver(life) {
        return life.ends.some(({ from }) => from <= now() + 200);
    }

    /// What is being ended ends when `end` says; undefined: it was none.
    async #end(what, targets, end) {
        const cause = { what, asked: true, from: now(), sure: Infinity };
        for (const { ends } of targets) ends.push(cause);
        const since = await end();
        if (since !== undefined) return (cause.sure = since);
        for (const { ends } of targets) ends.splice(ends.indexOf(cause), 1);
    }

    revokeLogin(login) {
        return login.company.lane.run(() => login.life && this.#end('session revoked', [login.life], () => this.logins.end([login.life])));
    }

    /// @param user  undefined: all of the company
    revokeAll(company, user) {
        const what = user === undefined ? 'company revoked' : 'user revoked';
        const query = `?companyId=${encoded(company.id)}${user === undefined ? '' : `&userId=${encoded(user)}`}`;
        return company.lane.run(() => {
            const lives = company.logins.filter((login) => login.life && (user ?? login.user) === login.user).map(({ life }) => life);
            return this.#end(what, lives, () => this.logins.end(lives, `/sessions${query}`));
        });
    }

    removeConnection(listener) {
        const target = { ends: listener.causes };
        return this.#end('connection removed', [target], async () => {
            const { status } = await this.asService('DELETE', `/connections/${encoded(listener.id)}`);
            return status === 204 ? now() : undefined;
        });
    }

    /// The API gives a login other permissions than its tokens.
    decide(login, permissions) {
        return login.company.lane.run(() => {
            const { life } = login;
            if (!life || this.isOver(life)) return;
            const entry = life.says.begin(permissions);
            const listeners = this.listeners.filter((listener) => listener.life === life);
            for (const listener of listeners) listener.rightsMayChange();
            entry.sure = this.logins.decide(life, permissions);
            this.settleRights(listeners, entry);
        });
    }

    /// The API thinks otherwise about who may watch an artifact.
    opine(opinion) {
        const entry = this.opinions.change(opinion);
        const listeners = this.listeners.filter(({ company, user }) => company === opinion.company && user === opinion.user);
        for (const listener of listeners) {
            if (!opinion.allowed) listener.opined = { artifact: opinion.artifact, from: entry.from };
            listener.rightsMayChange();
        }
        this.settleRights(listeners, entry);
    }

    /// SIGHUP with other roles and rules.
    reload(config) {
        return this.#reloads.run(async () => {
            const { server } = this;
            const text = readFileSync(server.configFile, 'utf8');
            const replaced = text.replace(/\[auth\.artifacts\][^]*?\n(?=\n|\[\[)/, configText(config, this.opinions));
            writeFileSync(server.configFile, replaced);
            server.output = '';
            const entry = this.config.begin(config);
            for (const listener of this.listeners) listener.rightsMayChange();
            server.child.kill('SIGHUP');
            await this.#reloaded();
            entry.sure = now();
            this.settleRights(this.listeners, entry);
        });
    }

    /// The log is read in pieces, and is long: it is forgotten at each reload.
    async #reloaded() {
        const { server } = this;
        await eventually('the reload in the log', () => server.output.includes('configuration.reloaded')).catch((error) => {
            throw new Error(`${error.message}:\n${server.output.slice(-2000)}`);
        });
    }

    settleRights(listeners, { sure }) {
        setTimeout(() => {
            for (const listener of listeners) listener.rightsHaveChanged(sure + settle);
        }, sure - now() + settle + 5);
    }

    /// A message that is being sent: {company, audience, from, until, accepted}.
    message(company, audience, isVolatile) {
        const message = { number: this.messages.length, company, audience, isVolatile, from: now(), until: Infinity, accepted: 'maybe' };
        this.messages.push(message);
        return message;
    }

    conclude(messages, accepted) {
        for (const message of messages) Object.assign(message, { until: now(), accepted });
    }
}

/// As POST /updates and updates.send take it.
export function updateOf({ number, company, audience, isVolatile }) {
    const { artifactId, ...chosen } = audience;
    return {
        companyId: company.id, action: 'probe', data: { message: number }, ...(isVolatile && { volatile: true }),
        ...(artifactId !== undefined && { artifactId }), ...(Object.keys(chosen).length > 0 && { audience: chosen }),
    };
}
