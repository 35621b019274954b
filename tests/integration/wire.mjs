// Engine.IO clients without a library, light enough for hundreds in one process: one interface for
// both transports. And HTTP calls that share their TCP connections with the polling ones.
//
// A wire gives onPacket every packet that is no heartbeat, and onClose once, unless it was close()d or
// broken here.

import http from 'node:http';
import WebSocket from 'ws';

const separator = '\x1e';

/// HTTP/1.1 with kept connections. With several shards a request lands on any of them.
export class Http {
    agent = new http.Agent({ keepAlive: true });

    constructor(server) {
        this.server = server;
    }

    /// @return {status, text}; rejects when the connection breaks
    send(method, target, { headers = {}, body, onRequest } = {}) {
        return new Promise((resolve, reject) => {
            const request = http.request({
                agent: this.agent, host: this.server.host, port: this.server.port, method, path: target,
                headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
            }, (response) => {
                let text = '';
                response.setEncoding('utf8');
                response.on('data', (chunk) => (text += chunk));
                response.on('end', () => resolve({ status: response.statusCode, text }));
                response.on('error', reject);
            });
            request.on('error', reject);
            onRequest?.(request);
            request.end(body);
        });
    }

    /// One call with a token and JSON. @return {status, body}
    async call(method, target, token, body, headers = {}) {
        const { status, text } = await this.send(method, target, {
            headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
            body: body && Buffer.from(JSON.stringify(body)),
        });
        return { status, body: text ? JSON.parse(text) : null };
    }

    close() {
        this.agent.destroy();
    }
}

class Wire {
    over = false;

    receive(packet) {
        if (this.over) return;
        if (packet === '2') return this.send('3');
        if (packet === '1') return this.end();
        this.onPacket(packet);
    }

    end() {
        if (this.over) return;
        this.over = true;
        this.drop();
        this.onClose();
    }

    /// The server is not told, and has to find out.
    break() {
        this.over = true;
        this.drop();
    }
}

class WebSocketWire extends Wire {
    constructor(http, query, handlers) {
        super();
        Object.assign(this, handlers);
        this.socket = new WebSocket(`${http.server.wsUrl}/realtime/?EIO=4&transport=websocket${query}`, { perMessageDeflate: false });
        this.socket.on('error', () => {});
        this.socket.on('message', (data) => this.receive(data.toString()));
        this.socket.on('close', () => this.end());
    }

    send(packet) {
        if (this.socket.readyState === WebSocket.OPEN) this.socket.send(packet);
    }

    close() {
        this.over = true;
        this.socket.close();
    }

    drop() {
        this.socket.terminate();
    }
}

class PollingWire extends Wire {
    outgoing = [];
    requests = new Set();

    constructor(http, query, handlers) {
        super();
        Object.assign(this, handlers);
        this.http = http;
        this.target = `/realtime/?EIO=4&transport=polling${query}`;
        this.poll();
    }

    /// What the server still says after a refusal is its reason to close.
    async poll() {
        while (!this.over) {
            const text = await this.exchange('GET');
            if (text === undefined) return this.end();
            for (const packet of text.split(separator)) {
                if (packet.startsWith('0{')) this.target += `&sid=${JSON.parse(packet.slice(1)).sid}`;
                this.receive(packet);
            }
        }
    }

    /// @return the body, or undefined when the session has ended
    async exchange(method, body) {
        let mine;
        const onRequest = (request) => this.requests.add(mine = request);
        try {
            const { status, text } = await this.http.send(method, this.target, {
                body, onRequest, headers: body === undefined ? {} : { 'content-type': 'text/plain;charset=UTF-8' },
            });
            return status === 200 ? text : undefined;
        } catch {
            return undefined;
        } finally {
            this.requests.delete(mine);
        }
    }

    send(packet) {
        this.outgoing.push(packet);
        this.flushing ??= this.flush().finally(() => (this.flushing = undefined));
    }

    async flush() {
        while (this.outgoing.length > 0 && !this.over) {
            await this.exchange('POST', this.outgoing.splice(0).join(separator));
        }
    }

    close() {
        this.over = true;
        const { target } = this;
        this.drop();
        this.http.send('POST', target, { body: '1', headers: { 'content-type': 'text/plain;charset=UTF-8' } }).catch(() => {});
    }

    drop() {
        for (const request of this.requests) request.destroy();
    }
}

export const transports = { websocket: WebSocketWire, polling: PollingWire };
