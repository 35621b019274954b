// All decisions of a run, from its seed alone: who exists, and what happens one after the other. What the
// server makes of it, and when, changes nothing here: the plan only knows what it meant to do.

import { Random } from '../random.mjs';
import { hostileIds } from './ids.mjs';
import { watchPermission } from './rights.mjs';

const companyCount = 12;
const slotsPerCompany = 12;
const usersPerCompany = 3;
const shortTtl = 3;

const ofSlots = { open: { subscribe: 28, unsubscribe: 6, refresh: 18, badRefresh: 3, say: 20, call: 10, recover: 12, reconnect: 5, leave: 2 }, closed: { connect: 88, intrude: 12 } };

export class Plan {
    /// @param options  {seed, events, perSecond, asksTheApi, asksAboutArtifacts}
    constructor({ seed, events, perSecond, asksTheApi, asksAboutArtifacts }) {
        Object.assign(this, { events, perSecond, asksTheApi, asksAboutArtifacts, random: new Random(seed) });
        const { random } = this;
        this.artifacts = hostileIds(random, 8);
        this.users = hostileIds(random, usersPerCompany + 1);
        this.companies = hostileIds(random, companyCount).map((id) => this.#company(id));
        this.slots = this.companies.flatMap(({ slots }) => slots);
        this.logins = this.companies.flatMap(({ logins }) => logins);
        this.config = this.#config();
        this.opinions = asksAboutArtifacts ? this.companies.flatMap((company) => this.#opinions(company)) : [];
    }

    /// What the API thinks in the beginning.
    #opinions(company) {
        return this.users.flatMap((user) => this.artifacts.map((artifact) => ({ company, user, artifact, allowed: this.random.chance(0.6) })));
    }

    #company(id) {
        const { random } = this;
        const company = { id };
        const users = this.users.slice(random.below(2)).slice(0, usersPerCompany);
        company.logins = users.flatMap((user) => random.times(1, 2, () => ({ company, user })));
        company.logins.forEach((login, n) => {
            login.id = `${company.id.slice(0, 40)}:${login.user.slice(0, 40)}:${n}`;
            login.sameId = random.chance(0.6);
            login.ttl = random.chance(0.1) ? shortTtl : undefined;
        });
        company.slots = Array.from({ length: slotsPerCompany }, (_, n) => ({
            company, login: random.pick(company.logins), transport: n % 2 ? 'polling' : 'websocket', state: 'closed', quietUntil: 0,
        }));
        return company;
    }

    #config() {
        const { random } = this;
        const rules = this.asksAboutArtifacts
            ? random.pick([['authorizer'], ['authorizer'], ['permission', 'authorizer'], ['claim', 'authorizer'], ['claim', 'permission', 'authorizer'], ['company', 'authorizer']])
            : random.pick([['company'], ['company'], ['company'], ['claim', 'permission'], ['permission'], ['claim'], ['company', 'permission']]);
        const watcher = random.chance(0.2) ? ['artifact:*'] : random.some(this.artifacts, 0.6).map(watchPermission);
        return { rules, roles: { watcher, publisher: random.pick([['updates:send'], ['updates:*'], [], ['updates:sent', 'updates']]) } };
    }

    #claims() {
        const { random } = this;
        const near = ['updates:sen', 'updates:send:', 'updates', 'artifact:', ...this.artifacts.map((id) => `artifact:${id}:watch`)];
        const permissions = [
            ...random.some(['updates:send'], 0.4), ...random.some(['updates:*', '*', 'artifact:*'], 0.06),
            ...random.some(this.artifacts.map(watchPermission), 0.25), ...random.some(near, 0.1),
        ];
        const patterns = [...random.some(this.artifacts, 0.5), ...random.some(['a*', '*b', '*:*', '*'], 0.15)];
        return { permissions, roles: random.some(['watcher', 'publisher', '__proto__'], 0.5), ...(random.chance(0.35) && { artifacts: patterns }) };
    }

    /// Claims, and now and then so short that the token ends unless it is refreshed.
    #token() {
        return { ...this.#claims(), ...(this.random.chance(0.06) && { ttl: shortTtl }) };
    }

    #selection(company) {
        const { random } = this;
        const slots = random.chance(0.2) ? this.slots : company.slots;
        const kind = random.weighted({ users: 3, sessions: 3, connections: 3, artifacts: 3 });
        const make = { users: () => random.pick(this.users), sessions: () => random.pick(slots).login, connections: () => random.pick(slots), artifacts: () => random.pick(this.artifacts) };
        return { [kind]: random.times(1, 3, make[kind]) };
    }

    #audience(company) {
        const { random } = this;
        const kind = random.weighted({ company: 25, artifact: 50, some: 17, mixed: 4, except: 6 });
        if (kind === 'artifact') return { artifactId: random.pick(this.artifacts) };
        if (kind === 'some') return this.#selection(company);
        if (kind === 'mixed') return { ...this.#selection(company), ...this.#selection(company) };
        if (kind === 'except') return { ...(random.chance(0.5) && this.#selection(company)), except: this.#selection(company) };
        return {};
    }

    #update(company) {
        return { company, audience: this.#audience(company), isVolatile: this.random.chance(0.04) };
    }

    /// Who sends says of which company: now and then of one that is not the sender's.
    #ownUpdates(slot) {
        const { random } = this;
        const company = random.chance(0.1) ? random.pick(this.companies) : slot.company;
        return random.times(1, 2, () => this.#update(company));
    }

    #ofSlot(at) {
        const { random } = this;
        const slot = random.pick(this.slots);
        if (slot.quietUntil > at) return this.#publish();
        if (slot.quietUntil > 0) Object.assign(slot, { quietUntil: 0, state: 'closed' });
        const kind = random.weighted(ofSlots[slot.state]);
        return { kind, slot, ...this.#details(kind, slot, at) };
    }

    #details(kind, slot, at) {
        const { random } = this;
        const artifact = random.pick(this.artifacts);
        if (kind === 'connect' || kind === 'reconnect') return this.#entry(slot, at);
        if (kind === 'intrude') return { how: random.pick(['session', 'company', 'signature', 'expired', 'nobody', 'pid', 'algorithm']), other: random.pick(this.slots) };
        if (kind === 'subscribe' || kind === 'unsubscribe') return { artifact };
        if (kind === 'refresh') return { token: this.#lasting(slot, at, this.#token()) };
        if (kind === 'badRefresh') return { how: random.pick(['user', 'company', 'session', 'signature', 'expired']), other: random.pick(this.slots), token: { permissions: ['*'] } };
        if (kind === 'say') return { updates: this.#ownUpdates(slot) };
        if (kind === 'call') return { updates: this.#ownUpdates(slot), withSession: random.chance(0.5) || this.asksTheApi };
        if (kind === 'recover') return { afterMs: random.below(random.chance(0.3) ? 3500 : 500) };
        slot.state = 'closed';
        return {};
    }

    #entry(slot, at) {
        const { random } = this;
        slot.state = 'open';
        const entry = {
            token: this.#lasting(slot, at, this.#token()), artifact: random.chance(0.7) ? random.pick(this.artifacts) : undefined,
            format: random.pick([undefined, 'string', 'object']), recovery: random.chance(0.85), inAuth: random.chance(0.5),
        };
        if (slot.login.ttl) this.#quiet(slot, at, slot.login.ttl);
        return entry;
    }

    /// Lets a short token end instead of working on, half of the time.
    #lasting(slot, at, token) {
        if (token.ttl && this.random.chance(0.7)) this.#quiet(slot, at, token.ttl);
        return token;
    }

    #quiet(slot, at, seconds) {
        slot.quietUntil = at + this.perSecond * (seconds + 4);
    }

    #publish() {
        const { random } = this;
        return { kind: 'publish', updates: random.times(1, random.chance(0.1) ? 8 : 1, () => this.#update(random.pick(this.companies))) };
    }

    #revoke() {
        const { random } = this;
        const kind = random.weighted({ revokeLogin: 40, revokeUser: 12, revokeCompany: 4, removeConnection: 40 });
        const slot = random.pick(this.slots);
        const { company, login } = slot;
        for (const other of company.slots) {
            const ended = { revokeLogin: other.login === login, revokeUser: other.login.user === login.user, revokeCompany: true, removeConnection: other === slot };
            if (ended[kind]) other.state = 'closed';
        }
        return { kind, slot, company, login };
    }

    #decide() {
        const { company, login } = this.random.pick(this.slots);
        return { kind: 'decide', company, login, permissions: this.#claims().permissions };
    }

    #opine() {
        const { random } = this;
        const { company, login } = random.pick(this.slots);
        return { kind: 'opine', company, user: login.user, artifact: random.pick(this.artifacts), allowed: random.chance(0.5) };
    }

    /// An event counts as many as it has updates.
    *decisions() {
        const { random } = this;
        const reloadEvery = this.perSecond * 4;
        let nextReload = reloadEvery;
        for (let at = 0; at < this.events;) {
            let decision;
            if (at >= nextReload) {
                decision = { kind: 'reload', config: this.#config() };
                nextReload = at + reloadEvery;
            } else {
                const kind = at < this.slots.length ? 'slot' : random.weighted({ publish: 92, slot: 7.4, revoke: 0.6, ...(this.asksTheApi && { decide: 0.3 }), ...(this.asksAboutArtifacts && { opine: 1 }) });
                decision = { publish: () => this.#publish(), slot: () => this.#ofSlot(at), revoke: () => this.#revoke(), decide: () => this.#decide(), opine: () => this.#opine() }[kind]();
            }
            yield { ...decision, at };
            at += decision.updates?.length ?? 1;
        }
    }
}
