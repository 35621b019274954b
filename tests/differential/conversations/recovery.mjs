// Connection state recovery: pids, offsets, and what comes back after a cut.

import { conversation, cut, joined, receive, remember, send, session, settle } from '../steps.mjs';

const recovering = (id, ...steps) => conversation(`recovery/${id}`, 'socketio', steps, { settings: 'recovery' });
const back = (auth) => [...session(), send(auth), settle()];

export default [
    recovering('connect', session(), send('40'), settle()),
    recovering('connect-with-auth', session(), send('40{"a":1}'), settle()),
    recovering('event-carries-an-offset', joined(), send('42["message","a"]'), settle()),
    recovering('ack-carries-none', joined(), send('421["message-with-ack","a"]'), settle()),
    recovering('binary-event', joined(), send('451-["message",{"_placeholder":true,"num":0}]', Buffer.from([1])), settle()),
    recovering('custom-namespace', session(), send('40/custom,'), settle()),
    recovering('after-a-cut', joined(), send('42["message","a"]'), receive(), cut('ws'), back('40{"pid":"$pid","offset":"$offset"}'), send('42["message","b"]'), settle()),
    recovering('after-a-cut-from-the-first-event', joined(), cut('ws'), back('40{"pid":"$pid","offset":"$offset"}')),
    recovering('without-offset', joined(), cut('ws'), back('40{"pid":"$pid"}')),
    recovering('unknown-pid', joined(), cut('ws'), back('40{"pid":"unknown","offset":"$offset"}')),
    recovering('unknown-offset', joined(), cut('ws'), back('40{"pid":"$pid","offset":"unknown"}')),
    recovering('numeric-pid', joined(), cut('ws'), back('40{"pid":1,"offset":"$offset"}')),
    recovering('numeric-offset', joined(), cut('ws'), back('40{"pid":"$pid","offset":1}')),
    recovering('after-disconnect', joined(), send('41'), settle(), cut('ws'), back('40{"pid":"$pid","offset":"$offset"}')),
    recovering('after-parse-error', joined(), send('42{}'), settle(), back('40{"pid":"$pid","offset":"$offset"}')),
    recovering('predecessor-alive', joined(), remember, session({ as: 'second' }), send({ on: 'second' }, '40{"pid":"$pid","offset":"$offset"}'), settle('second')),
    recovering('auth-goes-along', joined(), cut('ws'), back('40{"pid":"$pid","offset":"$offset","token":"x"}')),
];
