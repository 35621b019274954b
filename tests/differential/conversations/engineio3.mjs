// Engine.IO 3, which a server must be told to allow.

import {
    answer, bytes, conversation, ended, get as poll, handshake, http, open, pause, post as push, receive, receiveBetween, send, session as join, settle, start, upgrade as raise,
} from '../steps.mjs';

const query = 'EIO=3&transport=polling&sid=$sid';
const get = (options) => poll({ query, ...options });
const post = (body, options) => push(body, { query, ...options });
const polling = handshake({ query: 'EIO=3&transport=polling&b64=1' });
const session = join({ query: 'EIO=3&transport=websocket' });
const upgrade = raise({ query: 'EIO=3&transport=websocket&sid=$sid' });
const binaryType = { headers: { 'Content-Type': 'application/octet-stream' } };

const engine = (id, ...steps) => conversation(`eio3/${id}`, 'engineio', steps, { settings: 'eio3' });
const timed = (id, ...steps) => conversation(`eio3/${id}`, 'engineio', steps, { settings: 'eio3fast', timed: true });
const socket = (id, ...steps) => conversation(`eio3/socketio/${id}`, 'socketio', steps, { settings: 'eio3' });

const payloads = {
    'text': '6:4hello',
    'two': '4:4one4:4two',
    'unicode-counts-utf-16-units': '3:4😀4:4é€x',
    'empty-message': '1:4',
    'binary-in-base64': '10:b4AQIDBA==',
    'binary-and-text': '2:4a10:b4AQIDBA==2:4b',
    'ping': '1:2',
    'ping-with-data': '6:2probe',
    'noop-and-upgrade-and-open': '1:61:51:02:4a',
    'length-with-leading-zeros': '0002:4a',
};
const broken = {
    'empty': '', 'no-length': ':4a', 'no-colon': '4a', 'not-a-number': 'x:4a', 'too-short': '9:4a', 'zero': '0:', 'negative': '-1:4', 'trailing': '2:4a7', 'pong': '1:3', 'unknown-type': '1:9', 'version-4-payload': '4a\x1e4b', 'length-too-small': '1:4a',
};
const binaryPayload = (...packets) => Buffer.concat(packets.map((packet) => {
    const content = Buffer.from(packet);
    return Buffer.from([typeof packet === 'string' ? 0 : 1, ...String(content.length).split('').map(Number), 0xff, ...content]);
}));

export default [
    engine('handshake/polling-base64', polling),
    engine('handshake/polling-binary', handshake({ query: 'EIO=3&transport=polling' })),
    engine('handshake/no-version-is-3', handshake({ query: 'transport=polling&b64=1' })),
    engine('handshake/version-5-is-3', handshake({ query: 'EIO=5&transport=polling&b64=1' })),
    engine('handshake/websocket', session, settle()),
    engine('handshake/version-4-too', handshake(), push('4a'), poll()),
    engine('version-4-on-a-session-of-3', polling, poll(), post('2:4a'), get()),
    ...Object.entries(payloads).map(([name, body]) => engine(`polling/${name}`, polling, post(body), get())),
    ...Object.entries(broken).map(([name, body]) => engine(`polling/broken/${name}`, polling, post(body), get())),
    engine('polling/held', polling, start('held', get()), post('2:4a'), answer('held')),
    engine('polling/close-while-held', polling, start('held', get()), post('1:1'), answer('held'), get()),
    engine('polling/overlap', polling, start('held', get()), get(), answer('held')),
    engine('polling/binary-body', polling, post(binaryPayload('4a', Buffer.from([4, 1, 2, 3]), '4b'), binaryType), get()),
    engine('polling/binary-answer', handshake({ query: 'EIO=3&transport=polling' }), post(binaryPayload('4a', Buffer.from([4, 1, 2, 3])), binaryType), get()),
    engine('polling/binary-answer-to-text', handshake({ query: 'EIO=3&transport=polling' }), post('2:4a'), get()),
    engine('websocket/text', session, send('4hello', '4é😀'), settle()),
    engine('websocket/binary', session, send(Buffer.from([4, 1, 2, 3])), settle()),
    engine('websocket/base64', session, send('b4AQID'), settle()),
    engine('websocket/ping', session, send('2', '2data'), settle()),
    engine('websocket/pong', session, send('3'), settle()),
    engine('websocket/close', session, send('1'), settle()),
    engine('websocket/unknown', session, send('9'), settle()),
    engine('websocket/empty', session, send(''), settle()),
    engine('upgrade', polling, upgrade, send('2probe'), receive(), send('5', '4a'), settle()),
    engine('upgrade-with-held-get', polling, start('held', get()), upgrade, send('2probe'), receive(), answer('held', 1000), send('5', '4a'), settle()),
    timed('heartbeat/server-is-silent', session, receive(1, { ms: 300 }), send('2'), settle(), pause(300), send('2'), settle()),
    timed('heartbeat/without-ping', session, receiveBetween(440, 1200), ended()),
    timed('heartbeat/ping-extends', session, pause(300), send('2'), receive(), receiveBetween(440, 1200), ended()),
    timed('heartbeat/after-an-upgrade', polling, upgrade, send('2probe'), receive(), send('5'), receiveBetween(300, 1200)),
    socket('polling', polling, get(), post('2:40'), get()),
    socket('connected-implicitly', session, receive(), settle()),
    socket('event', session, receive(2), send('42["message","a",1]'), settle()),
    socket('ack', session, receive(2), send('421["message-with-ack","a"]'), settle()),
    socket('binary', session, receive(2), send('451-["message",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2])), settle()),
    socket('namespace', session, receive(2), send('40/custom'), settle()),
    socket('namespace-with-query', session, receive(2), send('40/custom?a=1&b=x%20y'), settle()),
    socket('namespace-with-comma', session, receive(2), send('40/custom,'), settle()),
    socket('unknown-namespace', session, receive(2), send('40/none'), settle()),
    socket('disconnect', session, receive(2), send('41'), settle()),
    socket('second-connect', session, receive(2), send('40'), settle()),
    socket('connect-with-query', join({ query: 'EIO=3&transport=websocket&a=b' }), receive(2), settle()),
    engine('http-method', polling, http('PUT', { query }), post('2:4a'), get()),
    engine('websocket/frame-fault', session, bytes(Buffer.from([0x81, 2, 0x34, 0x61])), settle()),
    engine('handshake/websocket-upgrade-with-version-4', polling, open({ query: 'EIO=4&transport=websocket&sid=$sid' })),
];
