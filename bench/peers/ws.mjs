// Plain `ws`: the same envelopes without Engine.IO and Socket.IO; the token is in the query.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { WebSocketServer } from 'ws';
import { announce, answer, authenticate, deflate, tls } from './gateway.mjs';

const server = tls
    ? https.createServer({ key: readFileSync(tls.keyFile), cert: readFileSync(tls.certificateFile) })
    : http.createServer();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: deflate });
const rooms = new Map();

function join(socket, names) {
    for (const name of names) {
        if (!rooms.has(name)) rooms.set(name, new Set());
        rooms.get(name).add(socket);
    }
    socket.on('close', () => {
        for (const name of names) rooms.get(name).delete(socket);
    });
}

function publish(room, text) {
    const bytes = Buffer.from(text);
    for (const socket of rooms.get(room) ?? []) socket.send(bytes, { binary: false });
}

server.on('upgrade', (request, stream, head) => {
    const query = Object.fromEntries(new URL(request.url, 'http://localhost').searchParams);
    const principal = authenticate(query.token, query);
    if (!principal) return stream.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
    sockets.handleUpgrade(request, stream, head, (socket) => {
        join(socket, principal.rooms);
        socket.on('error', () => {});
        socket.on('message', (bytes) => socket.send(answer(bytes.toString(), principal, publish)));
    });
});
server.listen(0, '127.0.0.1', () => announce(server.address().port));
