// Where sessions live: in the server's store, or in an API that it asks. Both make and end them, and say
// when the server surely knows of it.

import { once } from 'node:events';
import http from 'node:http';
import { serviceKey } from '../integration/harness.mjs';
import { now } from './clock.mjs';
import { Versions } from './history.mjs';

const encoded = encodeURIComponent;

/// One life of a session: ends with its revocation or its time; its id may live again.
export class Life {
    ends = [];
    connecting = new Set();
    /// The permissions that count instead of the token's; undefined: the token's do.
    says = new Versions(undefined);

    constructor(id) {
        this.id = id;
    }
}

export class StoredLogins {
    config = '';
    reusesIds = true;

    constructor(world) {
        this.world = world;
    }

    async start() {}

    stop() {}

    /// @return when it ends, in milliseconds
    async make(login, id) {
        const { status, body } = await this.world.asService('PUT', `/sessions/${encoded(id)}`, {
            userId: login.user, companyId: login.company.id, ...(login.ttl && { ttlSeconds: login.ttl }),
        });
        if (status > 201) this.world.fault('a session that is not made', null, { login: login.id, status, body });
        return Date.parse(body?.expiresAt);
    }

    /// @param target  what to DELETE; undefined: each life itself. @return since when; undefined: there is none
    async end(lives, target = `/sessions/${encoded(lives[0].id)}`) {
        const { status, body } = await this.world.asService('DELETE', target);
        if (status === 204) return now();
        if (status !== 404) this.world.fault('a revocation that is refused', null, { target, status, body });
        return undefined;
    }
}

const recheckMs = 1000;
/// docs/sessions.md: introspect_recheck, the time of the answer, and a second.
const countsAfterMs = recheckMs + 1000;

/// The API knows at once, the server when it has asked again.
export class AskedLogins {
    reusesIds = false;
    #verdicts = new Map();

    constructor(world) {
        this.world = world;
    }

    async start() {
        this.server = http.createServer((request, response) => this.#answer(request, response)).listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        const url = `http://127.0.0.1:${this.server.address().port}/`;
        this.config = `[auth.sessions]\nmode = "introspect"\nintrospect_url = "${url}"\nintrospect_key = "${serviceKey}"\n`
            + `introspect_cache = "0s"\nintrospect_recheck = "${recheckMs}ms"\nintrospect_per_second = 0\n`;
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }

    async #answer(request, response) {
        let body = '';
        for await (const chunk of request) body += chunk;
        const { sessionId, userId, companyId } = JSON.parse(body);
        const known = this.#verdicts.get(sessionId);
        const isTheirs = known?.login.user === userId && known.login.company.id === companyId;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(isTheirs ? known.verdict : { active: false }));
    }

    async make(login, id) {
        const expires = login.ttl && now() + login.ttl * 1000;
        const verdict = { active: true, ...(expires && { expiresAt: new Date(expires).toISOString() }) };
        this.#verdicts.set(id, { login, verdict });
        return expires;
    }

    async end(lives) {
        for (const { id } of lives) this.#verdicts.delete(id);
        return now() + countsAfterMs;
    }

    /// Other permissions from now on. @return since when they surely count
    decide(life, permissions) {
        Object.assign(this.#verdicts.get(life.id)?.verdict ?? {}, { permissions });
        return now() + countsAfterMs;
    }
}
