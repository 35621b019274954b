// One Socket.IO connection as the company's client has it: what it was let in with, what it was told
// since, and what came. It outlives broken transports for as long as the server recovers it.

import { transports } from '../integration/wire.mjs';
import { now } from './clock.mjs';
import { Versions, Watching } from './history.mjs';
import { mayWatch } from './rights.mjs';

let requests = 0;

const endAt = (what, at) => ({ what, from: at - 50, sure: at });

export class Listener {
    causes = [];        // of its end: {what, from, sure}
    gaps = [];          // in which it had no transport: {from, to}
    watched = new Map();
    arrivals = new Map();  // message → {at, time}
    waiting = new Map();
    ids = [];           // as which it was known
    opened = Infinity;
    closed = Infinity;

    /// @param who  {company, user, life, transport, format, recovery, token: {text, claims, expires}}
    constructor(world, who) {
        Object.assign(this, who);
        this.world = world;
        this.claims = new Versions(who.token.claims);
        this.started = now();
        world.listeners.push(this);
        (who.company.listeners ??= []).push(this);
    }

    get isOpen() {
        return this.opened < Infinity && this.closed === Infinity && !this.broken;
    }

    watching(artifact) {
        let watching = this.watched.get(artifact);
        if (!watching) this.watched.set(artifact, watching = new Watching());
        return watching;
    }

    /// All claims and configurations that may have counted together between the times.
    #rights(from, to) {
        const configs = this.world.config.possible(from, to);
        const said = this.life.says.possible(from, to);
        return this.claims.possible(from, to)
            .flatMap((claims) => said.map((permissions) => (permissions ? { ...claims, permissions, roles: [] } : claims)))
            .flatMap((claims) => configs.map((config) => [claims, config]));
    }

    /// @param rule  gives what it comes to, or a list of all that it may come to
    always(rule, from, to = now()) {
        return this.#rights(from, to).flatMap(([claims, config]) => rule(claims, config, from, to)).every(Boolean);
    }

    ever(rule, from, to = now()) {
        return this.#rights(from, to).flatMap(([claims, config]) => rule(claims, config, from, to)).some(Boolean);
    }

    mayWatch(artifact) {
        return (claims, config, from, to) => mayWatch(claims, config, artifact) || this.#opinions(config, artifact, from, to);
    }

    #opinions(config, artifact, from, to) {
        return config.rules.includes('authorizer') && this.world.opinions.possible(this, artifact, from, to);
    }

    /// What it holds may be lost by what is being changed now.
    rightsMayChange() {
        for (const [artifact, watching] of this.watched) {
            if (watching.state !== 'no' && !this.always(this.mayWatch(artifact), now())) watching.note('maybe');
        }
    }

    /// What has been changed counts from `at` on, without doubt.
    rightsHaveChanged(at) {
        for (const [artifact, watching] of this.watched) {
            if (!this.ever(this.mayWatch(artifact), at + 1, at + 1)) watching.note('no', at);
        }
    }

    /// Everything that ends it: its own causes, its session's, its token's time.
    get ends() {
        return [...this.causes, ...this.life.ends, ...this.#expiry()];
    }

    #expiry() {
        const { entries } = this.claims;
        const grace = this.world.graceMs;
        return this.tokens.filter(({ from, expires }) => {
            const at = expires + grace;
            return from <= at && !entries.some((later) => later.from > from && later.from <= at + 1000);
        }).map(({ expires }) => endAt('token', expires + grace));
    }

    /// The tokens that it had, from when on.
    get tokens() {
        return this.claims.entries.map(({ from, value }, i) => ({ from: i === 0 ? this.started : from, expires: value.expires }));
    }

    /// When it surely has no right to anything any more.
    get hardEnd() {
        return Math.min(...this.ends.map(({ sure }) => sure));
    }

    /// From when on it may have none.
    get softEnd() {
        return Math.min(...this.ends.map(({ from }) => from));
    }

    /// @return {ok, recovered} or {refused: code} or {gone: true}
    async connect({ artifactId, inAuth, claim = {} } = {}) {
        const { token, life, format, recovery } = this;
        const where = { sessionId: life.id, ...(artifactId && { artifactId }), ...(format && { format }), ...(!recovery && { recovery: '0' }) };
        const query = inAuth ? '' : Object.entries(where).map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join('');
        const auth = { token: token.text, ...(inAuth && where), ...claim };
        this.broken = false;
        const answer = new Promise((resolve) => (this.answered = resolve));
        const wire = new transports[this.transport](this.world.http, query, {
            onPacket: (packet) => this.wire === wire && this.#onPacket(packet, auth),
            onClose: () => this.wire === wire && this.#onClose(),
        });
        this.wire = wire;
        return answer;
    }

    #onPacket(packet, auth) {
        if (packet.startsWith('0{')) return this.wire.send(`40${JSON.stringify(auth)}`);
        if (packet.startsWith('40')) return this.#onAccepted(JSON.parse(packet.slice(2)));
        if (packet.startsWith('44')) return this.#onRefused(JSON.parse(packet.slice(2)));
        if (packet.startsWith('41')) return this.wire.end();
        if (packet.startsWith('42')) return this.#onEvent(JSON.parse(packet.slice(2)));
        this.world.fault('an unknown packet', this, packet);
    }

    #onAccepted({ sid, pid }) {
        this.recoveredNow = sid === this.id;
        Object.assign(this, { id: sid, pid });
        this.ids.push(sid);
    }

    #onRefused({ data }) {
        this.closed = now();
        this.answered({ refused: data.code });
        this.wire.close();
    }

    #onClose() {
        this.closed = now();
        this.answered({ gone: true });
        for (const give of this.waiting.values()) give(null);
        this.waiting.clear();
    }

    #onEvent([, argument, offset]) {
        if (this.pid && typeof offset === 'string') this.offset = offset;
        const envelope = typeof argument === 'string' ? JSON.parse(argument) : argument;
        if (envelope.kind === 'push') return this.#onPush(envelope);
        if (envelope.kind === 'system') return this.#onSystem(envelope);
        const give = this.waiting.get(envelope.requestId);
        if (!give) return this.world.fault('an answer to somebody else', this, envelope);
        this.waiting.delete(envelope.requestId);
        give(envelope);
    }

    #onPush({ data, time }) {
        const message = this.world.messages[data.message];
        if (message.company !== this.company) this.world.fault('a message of another company', this, message);
        if (this.arrivals.has(message)) return this.world.fault('a message twice', this, message);
        this.arrivals.set(message, { at: now(), time: Date.parse(time) });
        message.time = Date.parse(time);
    }

    #onSystem({ action, data }) {
        if (action === 'system.connected') return this.#onWelcome(data);
        if (action === 'system.permissionsChanged' && this.gaps.length === 0) this.#noteChange(data);
        if (action === 'system.slowConsumer') this.world.fault('a slow consumer', this, data);
    }

    #noteChange({ cause, endedSubscriptions: ended }) {
        const since = { roles: this.world.config.last.from, session: this.life.says.last.from, token: this.changing, authorizer: ended.includes(this.opined?.artifact) && this.opined.from }[cause];
        if (since) this.world.measure(`permissions changed by ${cause}, until told`, this.transport, now() - since);
    }

    #onWelcome({ connectionId, sessionId, companyId, recovered }) {
        const mine = connectionId === this.id && sessionId === this.life.id && companyId === this.company.id;
        if (!mine) this.world.fault('a welcome for somebody else', this, { connectionId, sessionId, companyId });
        if (this.recoveredNow !== recovered) this.world.fault('another connection than it says', this, { recovered });
        this.opened = Math.min(this.opened, now());
        this.answered({ ok: true, recovered });
    }

    /// @return the answer's envelope; null when the connection has gone
    request(action, data) {
        if (!this.isOpen) return Promise.resolve(null);
        const requestId = `q${++requests}`;
        const answer = new Promise((resolve) => this.waiting.set(requestId, resolve));
        const envelope = { type: 'REQUEST', requestId, action, data };
        this.wire.send(`42${JSON.stringify(['message', this.format === 'object' ? envelope : JSON.stringify(envelope)])}`);
        return answer;
    }

    /// The client has enough.
    leave() {
        if (!this.isOpen) return;
        const at = now();
        this.causes.push({ what: 'client', from: at, sure: at });
        this.closed = at;
        this.wire.close();
    }

    /// The transport breaks, and the server is not told.
    break() {
        this.broken = true;
        this.gaps.push({ from: now(), to: Infinity });
        this.wire.break();
    }

    /// Comes back as the stock client does. @return as connect()
    async recover() {
        const outcome = await this.connect({ claim: { pid: this.pid, ...(this.offset && { offset: this.offset }) } });
        if (outcome.ok && outcome.recovered) this.gaps.at(-1).to = now();
        return outcome;
    }
}
