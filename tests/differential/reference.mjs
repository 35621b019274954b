// The reference implementation from npm behind the command line of our echo programs:
//
//     node reference.mjs engineio|socketio [--port P] [--path PATH] [--ping-interval MS] …

import http from 'node:http';
import { parseArgs } from 'node:util';
import { Server as EngineServer } from 'engine.io';
import { Server as SocketServer } from 'socket.io';

const { positionals: [kind], values } = parseArgs({
    allowPositionals: true,
    options: {
        port: { type: 'string', default: '0' },
        path: { type: 'string' },
        'ping-interval': { type: 'string', default: '25000' },
        'ping-timeout': { type: 'string', default: '20000' },
        'connect-timeout': { type: 'string', default: '45000' },
        'max-payload': { type: 'string', default: '1000000' },
        'allow-eio3': { type: 'boolean', default: false },
        recovery: { type: 'boolean', default: false },
    },
});

// Longer than the runner waits for silence, which is stretched too.
const upgradeTimeout = 10_000 * Number(process.env.SIGNALBOX_TEST_SLOWNESS ?? 1);

const options = {
    path: values.path ?? (kind === 'engineio' ? '/engine.io' : '/socket.io'),
    pingInterval: Number(values['ping-interval']),
    pingTimeout: Number(values['ping-timeout']),
    upgradeTimeout,
    connectTimeout: Number(values['connect-timeout']),
    maxHttpBufferSize: Number(values['max-payload']),
    allowEIO3: values['allow-eio3'],
    serveClient: false,
    cors: openToAll,
};

/// As open as the echo programs: any origin, named in the answer; nothing without one.
function openToAll(request, decide) {
    const { origin, 'access-control-request-method': methods = [] } = request.headers;
    const open = { origin: true, methods, maxAge: 600, exposedHeaders: 'Retry-After, Location' };
    decide(null, origin === undefined ? { origin: false } : open);
}

function echoEngine(httpServer) {
    const engine = new EngineServer(options);
    engine.attach(httpServer, { path: options.path });
    engine.on('connection', (socket) => socket.on('message', (message) => socket.send(message)));
}

/// The arguments of an event without the ack callback that may stand at their end.
function split(args) {
    const ack = typeof args.at(-1) === 'function' ? args.at(-1) : undefined;
    return { values: ack ? args.slice(0, -1) : args, ack };
}

function echoSockets(httpServer) {
    const recovery = values.recovery ? { connectionStateRecovery: {} } : {};
    const io = new SocketServer(httpServer, { ...options, ...recovery });
    io.on('connection', (socket) => {
        socket.emit('auth', socket.handshake.auth);
        socket.on('message', (...args) => socket.emit('message-back', ...split(args).values));
        socket.on('message-with-ack', (...args) => {
            const { values, ack } = split(args);
            ack?.(...values);
        });
    });
    io.of('/custom').on('connection', (socket) => socket.emit('auth', socket.handshake.auth));
}

const httpServer = http.createServer((request, response) => response.writeHead(404).end());
(kind === 'engineio' ? echoEngine : echoSockets)(httpServer);
httpServer.listen(Number(values.port), '127.0.0.1', () => {
    console.log(`${kind}_reference listening on http://127.0.0.1:${httpServer.address().port}`);
});
process.on('SIGTERM', () => process.exit(0));
