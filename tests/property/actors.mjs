// Carries out what the plan decides, and notes what may and what must come of it.

import { nowSeconds, pause, signToken, userToken } from '../integration/harness.mjs';
import { now } from './clock.mjs';
import { settle } from './history.mjs';
import { Listener } from './listener.mjs';
import { Life } from './logins.mjs';
import { maySend } from './rights.mjs';
import { Lane, updateOf } from './world.mjs';

const ofSelection = ({ users, sessions, connections, artifacts }) => ({
    ...(users && { users }), ...(artifacts && { artifacts }),
    ...(sessions && { sessions: sessions.map((login) => login.life?.id ?? login.id) }),
    ...(connections && { connections: connections.map((slot) => slot.listener?.id ?? 'nobody') }),
});

/// The plan names slots and logins; their ids are those of now.
function resolved({ artifactId, except, ...only }) {
    return { ...(artifactId !== undefined && { artifactId }), ...ofSelection(only), ...(except && { except: ofSelection(except) }) };
}

export class Actors {
    constructor(world) {
        this.world = world;
        for (const company of world.plan.companies) company.lane = new Lane();
        for (const slot of world.plan.slots) slot.lane = new Lane();
    }

    /// Slots do one thing after the other; all else happens beside.
    carryOut(decision) {
        const act = () => this[decision.kind](decision);
        this.world.count(decision.kind);
        const isOfSlot = decision.slot && !decision.company;
        return isOfSlot ? decision.slot.lane.run(act) : act();
    }

    #messages(updates) {
        return updates.map(({ company, audience, isVolatile }) => this.world.message(company, resolved(audience), isVolatile));
    }

    async publish({ updates }) {
        const messages = this.#messages(updates);
        const body = messages.map(updateOf);
        const { status } = await this.world.asService('POST', '/updates', body.length === 1 ? body[0] : body);
        this.world.conclude(messages, status === 202);
        if (status !== 202) this.world.count(`updates answered ${status}`);
    }

    /// Who may not watch the artifact asks again without it.
    async connect({ artifact, ...decision }) {
        const outcome = await this.#enter(decision, artifact);
        if (outcome.refused === 'ARTIFACT_FORBIDDEN') await this.#enter(decision, undefined);
    }

    async #enter({ slot, token, format, recovery, inAuth }, artifact) {
        const { world } = this;
        slot.listener?.leave();
        const { company, login, transport } = slot;
        const life = await world.life(login);
        const listener = new Listener(world, { company, user: login.user, life, transport, format, recovery, token: world.token(company, login.user, token) });
        slot.listener = listener;
        if (artifact !== undefined) listener.watching(artifact).note('maybe', listener.started);
        const connecting = listener.connect({ artifactId: artifact, inAuth });
        life.connecting.add(connecting);
        const outcome = await connecting;
        life.connecting.delete(connecting);
        this.#judgeEntry(listener, outcome, artifact);
        return outcome;
    }

    #judgeEntry(listener, outcome, artifact) {
        const { world } = this;
        const may = artifact === undefined ? () => true : listener.mayWatch(artifact);
        if (outcome.ok) {
            if (listener.hardEnd + settle < world.fairly(listener.started)) world.fault('let in without a right', listener, listener.ends);
            if (!listener.ever(may, listener.started)) world.fault('lets in to an artifact that may not be watched', listener, artifact);
            if (artifact !== undefined && listener.always(may, listener.started)) listener.watching(artifact).note('yes');
            return;
        }
        world.count(`connects answered ${outcome.refused ?? 'with an end'}`);
        const isForbidden = outcome.refused === 'ARTIFACT_FORBIDDEN';
        const hasExpired = outcome.refused === 'TOKEN_EXPIRED' && listener.token.claims.expires <= now() + 50;
        const explained = isForbidden ? !listener.always(may, listener.started) : hasExpired || listener.softEnd <= now();
        if (!explained) world.fault('not let in without a reason', listener, { outcome, artifact });
    }

    async reconnect(decision) {
        await this.connect(decision);
    }

    async leave({ slot }) {
        slot.listener?.leave();
    }

    async recover({ slot, afterMs }) {
        const { listener } = slot;
        if (!listener?.isOpen || !listener.pid) return;
        listener.break();
        await pause(afterMs);
        const begun = now();
        const outcome = await listener.recover();
        const wasOver = listener.hardEnd + settle < this.world.fairly(begun);
        if (outcome.recovered && wasOver) this.world.fault('recovered without a right', listener, listener.ends);
        if (outcome.recovered) return this.world.count('recovered');
        // Who is connected has a grace after the token's end, who comes has none.
        const { expires } = listener.claims.last.value;
        if (outcome.refused === 'TOKEN_EXPIRED' && expires <= now() + 50) listener.causes.push({ what: 'token, at a recovery', from: expires, sure: now() });
        if (listener.softEnd > now()) this.world.fault('not recovered without a reason', listener, outcome);
        listener.leave();
    }

    /// @return the answer, or null when the connection has gone
    async #ask(listener, action, data, mayBe) {
        const begun = now();
        const answer = await listener.request(action, data);
        if (!answer) return null;
        const done = answer.type === 'RESPONSE';
        const fairly = this.world.fairly(begun);
        const late = answer.error?.code === 'TOKEN_EXPIRED' && listener.claims.last.value.expires <= now() + 50;
        if (done && !listener.ever(mayBe, fairly)) this.world.fault(`${action} without a right`, listener, { data, claims: listener.claims.last, config: this.world.config.last });
        if (!done && !late && listener.always(mayBe, begun)) this.world.fault(`${action} refused without a reason`, listener, { data, answer });
        if (done && listener.hardEnd + settle < fairly) this.world.fault(`${action} after the end`, listener, listener.ends);
        return answer;
    }

    async subscribe({ slot, artifact }) {
        const { listener } = slot;
        if (!listener?.isOpen) return;
        const watching = listener.watching(artifact);
        const begun = now();
        if (watching.state === 'no') watching.note('maybe');
        const answer = await this.#ask(listener, 'artifact.subscribe', { artifactId: artifact }, listener.mayWatch(artifact));
        if (answer?.type === 'RESPONSE' && listener.always(listener.mayWatch(artifact), begun)) watching.note('yes');
        if (answer?.error?.code === 'ARTIFACT_FORBIDDEN') watching.note('no');
    }

    async unsubscribe({ slot, artifact }) {
        const { listener } = slot;
        if (!listener?.isOpen) return;
        const watching = listener.watching(artifact);
        if (watching.state !== 'no') watching.note('maybe');
        const answer = await this.#ask(listener, 'artifact.unsubscribe', { artifactId: artifact }, () => true);
        if (answer?.type === 'RESPONSE') watching.note('no');
    }

    async refresh({ slot, token }) {
        const { listener } = slot;
        if (!listener?.isOpen) return;
        const made = this.world.token(listener.company, listener.user, token);
        const entry = listener.claims.begin(made.claims);
        listener.changing = entry.from;
        listener.rightsMayChange();
        const answer = await listener.request('auth.refresh', { token: made.text });
        if (!answer) return;
        if (answer.type === 'RESPONSE') {
            listener.token = made;
            entry.sure = now();
            return this.world.settleRights([listener], entry);
        }
        listener.claims.withdraw(entry);
        if (listener.softEnd > now()) this.world.fault('auth.refresh refused without a reason', listener, answer);
    }

    /// A token that is no reason to give anything.
    #badToken(slot, how, other, claims) {
        const { company, login } = slot;
        const of = (more) => userToken({ user: login.user, company: company.id, ...claims, ...more });
        if (how === 'user') return of({ user: `${login.user}x` });
        if (how === 'company') return of({ company: other.company === company ? `${company.id}:` : other.company.id });
        if (how === 'session') return of({ sessionId: `${login.id}x` });
        if (how === 'expired') return of({ exp: nowSeconds() - 1 });
        const header = { alg: how === 'algorithm' ? 'none' : 'HS256', typ: 'JWT' };
        return signToken({ sub: login.user, companyId: company.id, ...claims, exp: nowSeconds() + 3600 }, { header, key: 'a-secret-that-is-not-the-one-of-the-server' });
    }

    async badRefresh({ slot, how, other, token }) {
        const { listener } = slot;
        if (!listener?.isOpen) return;
        const answer = await listener.request('auth.refresh', { token: this.#badToken(slot, how, other, token) });
        if (answer && answer.type !== 'ERROR') this.world.fault(`auth.refresh with a bad ${how}`, listener, answer);
    }

    /// The login that an intruder names, and the token.
    async #disguise(slot, how, other) {
        const { world } = this;
        const { company, login } = slot;
        const nobodys = new Life(`${login.id}:nobody`);
        const isForeign = other.company !== company || other.login.user !== login.user;
        const own = world.token(company, login.user, {});
        if (how === 'session') return { life: (isForeign && other.login.life) || nobodys, token: own };
        if (how === 'nobody') return { life: nobodys, token: own };
        const life = await world.life(login);
        return { life, token: how === 'pid' ? own : { ...own, text: this.#badToken(slot, how, other, {}) } };
    }

    /// Comes with what is not its own. With somebody's pid it is let in, as a stranger to that pid.
    async intrude({ slot, how, other }) {
        const { world } = this;
        const { company, login, transport } = slot;
        const disguise = await this.#disguise(slot, how, other);
        const intruder = new Listener(world, { company, user: login.user, transport, recovery: true, ...disguise });
        const { pid, offset } = (other.login !== login && other.listener) || {};
        const outcome = await intruder.connect({ claim: how === 'pid' && pid ? { pid, offset } : {} });
        if (how !== 'pid' && outcome.ok) world.fault(`let in with a bad ${how}`, intruder, disguise.token.text);
        if (outcome.recovered) world.fault('somebody else\'s connection recovered', intruder, other.login.id);
        world.count(`intruders answered ${outcome.ok ? 'as strangers' : outcome.refused ?? 'with an end'}`);
        intruder.leave();
    }

    async say({ slot, updates }) {
        const { listener } = slot;
        if (!listener?.isOpen) return;
        const messages = this.#messages(updates);
        const may = (claims, config) => messages.every(({ company }) => company === listener.company) && maySend(claims, config);
        const answer = await this.#ask(listener, 'updates.send', messages.map(updateOf), may);
        this.world.conclude(messages, answer ? answer.type === 'RESPONSE' : 'maybe');
    }

    /// With the token alone, or with the session too.
    async call({ slot, updates, withSession }) {
        const { listener } = slot;
        if (!listener?.token) return;
        const { world } = this;
        const { life, token } = listener;
        const begun = now();
        const messages = this.#messages(updates);
        const body = messages.map(updateOf);
        const { status } = await world.http.call('POST', '/api/v1/updates', token.text, body, withSession ? { 'x-session-id': Buffer.from(life.id).toString('latin1') } : {});
        world.conclude(messages, status === 202);
        const fairly = world.fairly(begun);
        const own = messages.every(({ company }) => company === listener.company);
        const rights = world.config.possible(fairly, now()).flatMap((config) => life.says.possible(fairly, now())
            .map((permissions) => own && maySend(permissions ? { permissions } : token.claims, config)));
        const ends = [token.claims.expires, ...(withSession ? life.ends.map(({ from }) => from) : [])];
        const over = token.claims.expires + 1000 < fairly || (withSession && life === slot.login.life && life.ends.some(({ sure }) => sure + settle < fairly));
        if (status === 202 && (over || !rights.some(Boolean))) world.fault('an update over HTTP without a right', listener, { own, over, token: token.claims });
        if (status !== 202 && rights.every(Boolean) && ends.every((end) => end > now() + 50)) world.fault('an update over HTTP refused without a reason', listener, { status, withSession });
    }

    revokeLogin({ login }) {
        return this.world.revokeLogin(login);
    }

    revokeUser({ company, login }) {
        return this.world.revokeAll(company, login.user);
    }

    revokeCompany({ company }) {
        return this.world.revokeAll(company);
    }

    async removeConnection({ slot }) {
        if (slot.listener?.isOpen) await this.world.removeConnection(slot.listener);
    }

    decide({ login, permissions }) {
        return this.world.decide(login, permissions);
    }

    async opine(decision) {
        this.world.opine(decision);
    }

    reload({ config }) {
        return this.world.reload(config);
    }
}
