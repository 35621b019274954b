// Who may watch which artifact where an API decides it: each company's user by artifact. It changes its mind at
// random and takes its time; the server knows when it has asked again.

import { once } from 'node:events';
import http from 'node:http';
import { pause, serviceKey } from '../integration/harness.mjs';
import { now } from './clock.mjs';
import { Versions } from './history.mjs';

const recheckMs = 2000;
/// docs/permissions.md: authorize_recheck, the time of the answer, and a second.
const countsAfterMs = recheckMs + 1000;
const slowestMs = 150;
const keyOf = (companyId, userId, artifactId) => JSON.stringify([companyId, userId, artifactId]);

/// Nobody is asked.
export class NoOpinions {
    config = '';

    async start() {}

    stop() {}

    /// Possible answers between the two times.
    possible() {
        return [false];
    }
}

export class Opinions {
    asked = 0;
    #known = new Map();

    /// @param initial  [{company, user, artifact, allowed}]
    constructor(random, initial) {
        this.random = random;
        for (const { company, user, artifact, allowed } of initial) this.#known.set(keyOf(company.id, user, artifact), new Versions(allowed));
    }

    async start() {
        this.server = http.createServer((request, response) => this.#answer(request, response)).listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        this.config = `authorize_url = "http://127.0.0.1:${this.server.address().port}/"\nauthorize_key = "${serviceKey}"\n`
            + `authorize_cache = "0s"\nauthorize_recheck = "${recheckMs}ms"\nauthorize_per_second = 0\n`;
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }

    async #answer(request, response) {
        let body = '';
        for await (const chunk of request) body += chunk;
        ++this.asked;
        const { userId, companyId, artifactId } = JSON.parse(body);
        const allowed = this.#known.get(keyOf(companyId, userId, artifactId))?.last.value ?? false;
        if (this.random.chance(0.2)) await pause(this.random.below(slowestMs));
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ allowed }));
    }

    /// @return {from, sure}: what is watched ends when the answer about it is too old
    change({ company, user, artifact, allowed }) {
        const entry = this.#known.get(keyOf(company.id, user, artifact)).begin(allowed);
        entry.sure = now() + countsAfterMs;
        return entry;
    }

    possible({ company, user }, artifact, from, to) {
        return this.#known.get(keyOf(company.id, user, artifact))?.possible(from, to) ?? [false];
    }
}
