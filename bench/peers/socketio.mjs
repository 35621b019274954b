// socket.io, on `ws` or on uWebSockets.js: node socketio.mjs ws|uws

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Server } from 'socket.io';
import { announce, answer, authenticate, deflate, tls } from './gateway.mjs';

const engine = process.argv[2];
const io = new Server({ path: '/realtime', perMessageDeflate: deflate, httpCompression: deflate, serveClient: false });

io.use((socket, next) => {
    socket.data = authenticate(socket.handshake.auth.token, socket.handshake.query);
    next(socket.data ? undefined : new Error('INVALID_TOKEN'));
});
io.on('connection', (socket) => {
    socket.join(socket.data.rooms);
    const publish = (room, text) => io.to(room).emit('message', text);
    socket.on('message', (text) => socket.emit('message', answer(text, socket.data, publish)));
});

if (engine === 'uws') {
    const uws = (await import('@trufflesuite/uws-js-unofficial')).default;
    const app = tls ? uws.SSLApp({ key_file_name: tls.keyFile, cert_file_name: tls.certificateFile }) : uws.App();
    io.attachApp(app, { path: '/realtime', ...(deflate && { compression: uws.SHARED_COMPRESSOR }) });
    app.listen('127.0.0.1', 0, (socket) => announce(uws.us_socket_local_port(socket)));
} else {
    const server = tls
        ? https.createServer({ key: readFileSync(tls.keyFile), cert: readFileSync(tls.certificateFile) })
        : http.createServer();
    io.attach(server);
    server.listen(0, '127.0.0.1', () => announce(server.address().port));
}
