// An API whose work has a side effect that is counted where no crash of the server reaches it.

import { once } from 'node:events';
import http from 'node:http';
import { pause } from './harness.mjs';

const entry = (name, url, more = '') =>
    `[[actions.upstream]]\nname = "${name}"\nurl = "${url}"\npermission = ""\nmode = "rest"\nmethod = "POST"\n${more}\n`;

/// The actions count.now, count.slow (0.4 s, counted before) and count.safe (the same, safe to retry)
/// take {id, ms?} and answer {ran: id}; `ms` is how long they take instead.
export class CountingApi {
    #counts = new Map();
    #failures = new Map();

    static async start() {
        const api = new CountingApi();
        api.server = http.createServer((request, response) => api.#answer(request, response));
        api.server.listen(0, '127.0.0.1');
        await once(api.server, 'listening');
        const url = `http://127.0.0.1:${api.server.address().port}`;
        api.config = entry('count.now', `${url}/now`) + entry('count.slow', `${url}/slow`)
            + entry('count.safe', `${url}/slow`, 'safe_to_retry = true\nretries = 0');
        return api;
    }

    count(id) {
        return this.#counts.get(id) ?? 0;
    }

    /// Requests for that id fail with `status`; 0: no more.
    fail(id, status) {
        this.#failures.set(id, status);
    }

    async #answer(request, response) {
        let body = '';
        for await (const chunk of request) body += chunk;
        const { id, ms = request.url === '/slow' ? 400 : 0 } = JSON.parse(body);
        const failure = this.#failures.get(id);
        if (failure) return response.writeHead(failure).end();
        this.#counts.set(id, this.count(id) + 1);
        if (ms > 0) await pause(ms);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ran: id }));
    }

    async stop() {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, 'close');
    }
}
