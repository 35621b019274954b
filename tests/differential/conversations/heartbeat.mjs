// Heartbeats with an interval of 300 ms and a time-out of 200 ms.

import {
    answer, conversation, ended, get, handshake, pause, post, receive, receiveBetween, send, session, settle, start, upgrade,
} from '../steps.mjs';

const timed = (id, ...steps) => conversation(`heartbeat/${id}`, 'engineio', steps, { settings: 'fast', timed: true });
// The server's clock and ours are read at different times: 100 ms before, as much as a busy machine needs after.
const ping = receiveBetween(200, 900);
const late = receiveBetween(100, 900);
/// A ping that was due before the upgrade began.
const due = receiveBetween(0, 900);

export default [
    timed('websocket', session(), ping, send('3'), ping, send('3'), settle()),
    timed('websocket-without-pong', session(), ping, late, ended()),
    timed('websocket-pong-restarts-the-interval', session(), ping, pause(100), send('3'), ping, send('3'), settle()),
    timed('websocket-pong-with-data', session(), ping, send('3data'), settle(), ping),
    timed('websocket-client-ping', session(), ping, send('2'), settle()),
    timed('websocket-protocol-ping-is-no-pong', session(), ping, settle(), late, ended()),
    timed('websocket-unsolicited-pong-before', session(), send('3'), ping, send('3'), settle()),
    timed('websocket-two-pongs', session(), ping, send('3', '3'), ping, send('3'), settle()),
    timed('websocket-message-then-pong', session(), ping, send('4a'), receive(), send('3'), settle()),
    timed('polling', handshake(), get(), post('3'), get(), post('3'), post('4a'), get()),
    timed('polling-without-pong', handshake(), get(), start('held', get()), answer('held', 1500), get()),
    timed('polling-silent', handshake(), pause(700), get()),
    timed('polling-silent-post', handshake(), pause(700), post('4a')),
    timed('polling-silent-upgrade', handshake(), pause(700), upgrade()),
    timed('polling-ping-waits-for-the-get', handshake(), pause(380), get(), post('3'), post('4a'), get()),
    timed('polling-no-get-but-pong', handshake(), get(), post('3'), pause(700), get()),
    timed('upgrade-keeps-the-rhythm', handshake(), upgrade(), send('2probe'), receive(), send('5'), due, send('3'), ping),
    timed('upgrade-then-silence', handshake(), upgrade(), send('2probe'), receive(), send('5'), due, late, ended()),
    timed('upgrade-between-ping-and-pong', handshake(), get(), upgrade(), send('2probe'), receive(), send('5', '3'), ping, send('3'), settle()),
    timed('upgrade-between-ping-and-silence', handshake(), get(), upgrade(), send('2probe'), receive(), send('5'), ended('ws', 600)),
];
