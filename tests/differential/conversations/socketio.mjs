// Socket.IO packets on a WebSocket, each well formed or not, and the life of namespaces.

import {
    answer, bytes, conversation, cut, ended, get, handshake, joined, open, pause, post, receive, send, session, settle, start, upgrade,
} from '../steps.mjs';
import { frame } from '../wire.mjs';

const socket = (id, ...steps) => conversation(`socketio/${id}`, 'socketio', [joined(), ...steps]);
const fresh = (id, ...steps) => conversation(`socketio/${id}`, 'socketio', [session(), ...steps]);
const three = Buffer.from([1, 2, 3]);
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

// A CONNECT as the first packet.
const connects = {
    'empty-message': '4', 'bare': '40', 'empty-auth': '40{}', 'auth': '40{"token":"x","n":1,"deep":{"a":[null,true]}}', 'auth-unicode': '40{"é":"😀"}',
    'comma': '40,', 'slash': '40/,', 'slash-without-comma': '40/', 'slash-auth': '40/,{"a":1}',
    'custom': '40/custom,', 'custom-without-comma': '40/custom', 'custom-auth': '40/custom,{"a":1}', 'custom-auth-without-comma': '40/custom{"a":1}',
    'unknown': '40/none,', 'unknown-auth': '40/none,{"a":1}', 'unknown-without-comma': '40/none', 'custom-capitals': '40/Custom,', 'custom-more': '40/custom/more,', 'with-query': '40/custom?a=1,',
    'array': '40[]', 'array-of-object': '40[{"a":1}]', 'string': '40"x"', 'null': '40null', 'number': '405', 'number-then-object': '405{"a":1}', 'true': '40true', 'bad-json': '40{', 'bad-json-comma': '40{"a":1,}', 'text': '40custom', 'trailing': '40{}x', 'two-objects': '40{}{}',
    'custom-array': '40/custom,[]', 'custom-string': '40/custom,"x"', 'custom-null': '40/custom,null', 'custom-bad-json': '40/custom,{',
    'with-id': '4012{}', 'custom-with-id': '40/custom,12{}', 'auth-with-sid': '40{"sid":"abc"}', 'auth-with-proto': '40{"__proto__":{"a":1}}', 'auth-duplicate-keys': '40{"a":1,"a":2}',
};

// Packets to a client that joined `/` alone. Those that must be answered stand first.
const events = {
    'message': '42["message","a"]', 'message-of-all-types': '42["message",1,-1.5,"",null,true,false,[],{},[[1]],{"a":{"b":1}}]', 'message-alone': '42["message"]',
    'unicode': '42["message","é€😀\\u2028"]', 'escapes': '42["message","\\"\\\\\\n"]', 'unknown-event': '42["other",1]', 'ack': '421["message-with-ack","a",1]', 'ack-zero': '420["message-with-ack"]',
    'ack-large': '42999999999["message-with-ack"]', 'ack-leading-zeros': '42007["message-with-ack"]', 'ack-of-unknown-event': '421["other"]', 'ack-of-message': '421["message","a"]', 'ack-name-without-id': '42["message-with-ack","a"]',
    'slash': '42/,["message","a"]', 'slash-with-ack': '42/,5["message-with-ack","a"]', 'numeric-name': '42[5,"a"]', 'numeric-name-negative': '42[-1.5]', 'empty-name': '42[""]', 'name-proto': '42["__proto__"]', 'name-constructor': '42["constructor"]',
    'object-in-front-of-nothing': '42{}', 'empty-array': '42[]', 'object-first': '42[{}]', 'null-first': '42[null]', 'true-first': '42[true]', 'array-first': '42[["message"]]', 'string': '42"message"', 'null': '42null', 'number-json': '42/,5', 'bad-json': '42["message"', 'bad-json-quote': "42['message']", 'trailing': '42["message"]x', 'two-arrays': '42["message"]["message"]', 'text': '42message',
    'bare': '42', 'bare-with-id': '425', 'bare-with-namespace': '42/', 'bare-with-namespace-and-comma': '42/,',
    ...Object.fromEntries(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'].map((name) => [`reserved-${name}`, `42["${name}"]`])),
    'reserved-error-is-not': '42["error","x"]', 'reserved-ping-is-not': '42["ping"]',
    'ack-id-fraction': '421.5["message-with-ack"]', 'ack-id-negative': '42-1["message-with-ack"]', 'ack-id-letters': '421a["message-with-ack"]', 'ack-id-exponent': '421e1["message-with-ack"]', 'ack-id-of-20-digits': '4212345678901234567890["message-with-ack"]', 'space-before-payload': '42 ["message","a"]', 'space-before-payload-of-an-ack': '42 ["message-with-ack","a"]', 'space-after-payload': '42["message","a"] ', 'space-before-id': '42 1["message-with-ack"]', 'spaces-inside': '42[ "message" , 1.0 , 1e2 , "\\u0041" ]',
    'other-namespace': '42/custom,["message","a"]', 'unknown-namespace': '42/none,["message","a"]', 'namespace-without-comma': '42/custom["message"]',
    'json-lone-surrogate': '42["message","\\ud800"]', 'json-large-number': '42["message",1e400]', 'json-large-integer': '42["message",123456789012345678901]', 'json-control-character': '42["message","\x01"]', 'json-deep': `42["message",${'['.repeat(100)}${']'.repeat(100)}]`, 'json-deeper': `42["message",${'['.repeat(500)}${']'.repeat(500)}]`, 'json-duplicate-keys': '42["message",{"a":1,"a":2}]', 'json-negative-zero': '42["message",-0]', 'json-leading-zero': '42["message",01]', 'json-nan': '42["message",NaN]', 'json-proto': '42["message",{"__proto__":1}]',
    'large': `42["message","${'x'.repeat(50_000)}"]`,
};

const acks = {
    'unknown-id': '435["a"]', 'unknown-id-empty': '435[]', 'bare': '43', 'id-alone': '435', 'no-id': '43["a"]', 'object': '431{}', 'string': '431"a"', 'null': '431null', 'bad-json': '431[', 'fraction': '431.5["a"]', 'other-namespace': '43/custom,1["a"]', 'reserved-name': '431["connect"]',
};
const others = {
    'disconnect': '41', 'disconnect-slash': '41/', 'disconnect-slash-comma': '41/,', 'disconnect-object': '41{}', 'disconnect-array': '41[]', 'disconnect-id': '415', 'disconnect-unjoined': '41/custom,', 'disconnect-unknown': '41/none,',
    'connect-again': '40', 'connect-again-auth': '40{"a":1}', 'connect-custom': '40/custom,', 'connect-unknown': '40/none,', 'connect-error': '44{"message":"x"}', 'connect-error-string': '44"x"', 'connect-error-bare': '44', 'connect-error-array': '44[]', 'connect-error-custom': '44/custom,{"message":"x"}',
    'bare-message': '4', 'type-7': '47', 'type-8': '48[]', 'type-9': '49', 'type-letter': '4a', 'type-minus': '4-1', 'type-space': '4 2["message"]', 'type-10': '410["message"]', 'unexpected-binary': three, 'empty-binary': Buffer.alloc(0), 'engine-ping': '2', 'engine-close': '1', 'engine-unknown': '9',
};

const binary = {
    'one': [`451-["message",${placeholder(0)}]`, three],
    'two': [`452-["message",${placeholder(0)},"x",${placeholder(1)}]`, three, Buffer.from([4])],
    'order': [`452-["message",${placeholder(1)},${placeholder(0)}]`, Buffer.from([0]), Buffer.from([1])],
    'deep': [`451-["message",{"a":[{"b":${placeholder(0)}}]}]`, three],
    'empty-attachment': [`451-["message",${placeholder(0)}]`, Buffer.alloc(0)],
    'ten': [`4510-["message",${Array.from({ length: 10 }, (_, i) => placeholder(i)).join(',')}]`, ...Array.from({ length: 10 }, (_, i) => Buffer.from([i]))],
    'with-ack': [`451-7["message-with-ack",${placeholder(0)}]`, three],
    'with-namespace': [`451-/,["message",${placeholder(0)}]`, three],
    'with-namespace-and-ack': [`451-/,7["message-with-ack",${placeholder(0)}]`, three],
    'custom-namespace': [`451-/custom,["message",${placeholder(0)}]`, three],
    'unreferenced': ['451-["message","x"]', three],
    'referenced-twice': [`451-["message",${placeholder(0)},${placeholder(0)}]`, three],
    'one-of-two-referenced': [`452-["message",${placeholder(1)}]`, three, Buffer.from([4])],
    'placeholder-members-in-other-order': ['451-["message",{"num":0,"_placeholder":true}]', three],
    'placeholder-with-more-members': ['451-["message",{"_placeholder":true,"num":0,"x":1}]', three],
    'placeholder-false': ['451-["message",{"_placeholder":false,"num":0}]', three],
    'placeholder-text': ['451-["message",{"_placeholder":"true","num":0}]', three],
    'placeholder-in-plain-event': [`42["message",${placeholder(0)}]`],
    'leading-zero-count': [`4501-["message",${placeholder(0)}]`, three],
    'zero': ['450-["message"]'], 'eleven': ['4511-["message"]'], 'negative': ['45-1-["message"]'], 'no-dash': ['451["message"]'], 'no-count': ['45-["message"]'], 'no-count-no-dash': ['45["message"]'], 'fraction': ['451.5-["message"]'], 'hexadecimal': [`450x1-["message",${placeholder(0)}]`, three], 'exponent': [`451e0-["message",${placeholder(0)}]`, three], 'huge': ['4599999999999999999999-["message"]'], 'letters': ['45a-["message"]'], 'bare': ['45'], 'count-alone': ['451'], 'count-and-dash': ['451-'], 'space': [`45 1-["message",${placeholder(0)}]`, three],
    'num-missing': ['451-["message",{"_placeholder":true}]', three], 'num-text': ['451-["message",{"_placeholder":true,"num":"0"}]', three], 'num-negative': [`451-["message",${placeholder(-1)}]`, three], 'num-beyond': [`451-["message",${placeholder(1)}]`, three], 'num-fraction': [`451-["message",${placeholder(0.5)}]`, three], 'num-null': ['451-["message",{"_placeholder":true,"num":null}]', three], 'num-huge': [`451-["message",${placeholder('1e99')}]`, three],
    'object': ['451-{}', three], 'empty-array': ['451-[]', three], 'reserved': ['451-["connect"]', three], 'placeholder-as-name': [`451-[${placeholder(0)}]`, three], 'bad-json': ['451-["message"', three],
    'text-in-the-middle': [`452-["message",${placeholder(0)},${placeholder(1)}]`, three, '42["message"]'],
    'binary-event-in-the-middle': [`452-["message",${placeholder(0)},${placeholder(1)}]`, `451-["message",${placeholder(0)}]`],
    'text-instead': [`451-["message",${placeholder(0)}]`, '42["message"]'],
    'disconnect-in-the-middle': [`451-["message",${placeholder(0)}]`, '41'],
    'one-too-many': [`451-["message",${placeholder(0)}]`, three, three],
    'two-events': [`451-["message",${placeholder(0)}]`, three, `451-["message",${placeholder(0)}]`, Buffer.from([9])],
    'engine-packets-in-the-middle': [`451-["message",${placeholder(0)}]`, '6', '3', three],
    'ack-unknown': [`461-5[${placeholder(0)}]`, three], 'ack-object': ['461-5{}', three], 'ack-without-id': [`461-[${placeholder(0)}]`, three], 'ack-zero': ['460-5[]'], 'ack-no-dash': ['4615[]'], 'ack-bad-num': [`461-5[${placeholder(2)}]`, three],
    'base64-instead': [`451-["message",${placeholder(0)}]`, 'bAQID'],
};

const inNamespaces = [
    fresh('namespaces/custom-alone', send('40/custom,'), receive(2), send('42/custom,["message","a"]'), settle()),
    fresh('namespaces/both', send('40', '40/custom,{"a":1}'), settle(), send('42["message","a"]', '42/custom,["message","b"]', '421["message-with-ack"]'), settle()),
    fresh('namespaces/leave-one', send('40', '40/custom,'), settle(), send('41/custom,', '42["message","a"]'), settle()),
    fresh('namespaces/leave-main', send('40', '40/custom,'), settle(), send('41'), settle(), send('42/custom,1["x"]'), settle()),
    fresh('namespaces/leave-and-come-back', send('40'), receive(2), send('41'), settle(), send('40{"again":true}'), receive(2), send('42["message","a"]'), settle()),
    fresh('namespaces/event-after-leaving', send('40'), receive(2), send('41'), settle(), send('42["message","a"]'), settle()),
    fresh('namespaces/leave-twice', send('40'), receive(2), send('41'), settle(), send('41'), settle()),
    fresh('namespaces/refused-then-main', send('40/none,'), receive(), send('40'), receive(2), send('42["message","a"]'), settle()),
    fresh('namespaces/refused-twice', send('40/none,', '40/none,'), settle()),
    fresh('namespaces/event-to-a-refused-one', send('40/none,'), receive(), send('42/none,["message"]'), settle()),
    fresh('namespaces/event-before-connect', send('42["message","a"]'), settle()),
    fresh('namespaces/ack-before-connect', send('431["a"]'), settle()),
    fresh('namespaces/disconnect-before-connect', send('41'), settle()),
    fresh('namespaces/connect-error-before-connect', send('44{}'), settle()),
    fresh('namespaces/binary-before-connect', send(three), settle()),
    fresh('namespaces/event-right-after-connect', send('40'), receive(2), send('42["message","a"]'), settle()),
    fresh('namespaces/connect-and-event-at-once', bytes(Buffer.concat([frame(0x81, '40'), frame(0x81, '42["message","a"]')])), settle()),
    fresh('namespaces/connect-twice-at-once', bytes(Buffer.concat([frame(0x81, '40'), frame(0x81, '40')])), settle()),
    fresh('namespaces/connect-and-disconnect-at-once', bytes(Buffer.concat([frame(0x81, '40'), frame(0x81, '41')])), settle()),
    fresh('namespaces/twice', send('40/custom,'), receive(2), send('40/custom,'), settle()),
];

const overPolling = (id, ...steps) => conversation(`socketio/polling/${id}`, 'socketio', [handshake(), ...steps]);
const polled = [
    overPolling('connect', post('40'), get()),
    overPolling('connect-while-held', start('held', get()), post('40'), answer('held')),
    overPolling('both-namespaces', post('40\x1e40/custom,{"a":1}'), get()),
    overPolling('event', post('40'), get(), post('42["message","a"]\x1e421["message-with-ack","b"]'), get()),
    overPolling('binary', post('40'), get(), post(`451-["message",${placeholder(0)}]\x1ebAQID`), get()),
    overPolling('binary-over-two-posts', post('40'), get(), post(`451-["message",${placeholder(0)}]`), post('bAQID'), get()),
    overPolling('unexpected-binary', post('40'), get(), post('bAQID'), get()),
    overPolling('unexpected-binary-while-held', post('40'), get(), start('held', get()), post('bAQID'), answer('held'), get()),
    overPolling('parse-error', post('40'), get(), post('42{}'), get()),
    overPolling('parse-error-while-held', post('40'), get(), start('held', get()), post('42{}'), answer('held'), get()),
    overPolling('out-of-place-while-held', post('40'), get(), start('held', get()), post('42/custom,["a"]'), answer('held'), get()),
    overPolling('connect-with-array-while-held', start('held', get()), post('40[]'), answer('held'), get()),
    overPolling('disconnect', post('40'), get(), post('41'), post('40'), get()),
    overPolling('unknown-namespace', post('40/none,'), get()),
    overPolling('query-and-auth', post('40{"a":1}'), get()),
    overPolling('upgrade', post('40'), get(), upgrade(), send('2probe'), receive(), post('42["message","a"]'), send('5', '42["message","b"]'), settle()),
    overPolling('upgrade-between-event-and-attachment', post('40'), get(), post(`451-["message",${placeholder(0)}]`), upgrade(), send('2probe'), receive(), send('5', three), settle()),
];

const inTime = (id, ...steps) => conversation(`socketio/connect-timeout/${id}`, 'socketio', steps, { settings: 'impatient', timed: true });
const timeouts = [
    inTime('nothing-sent', session(), ended('ws', 2000)),
    inTime('refused', session(), send('40/none,'), receive(), ended('ws', 2000)),
    inTime('joined', session(), send('40'), receive(2), pause(700), send('42["message","a"]'), settle()),
    inTime('joined-and-left', session(), send('40'), receive(2), send('41'), pause(700), send('40'), receive(2), settle()),
    inTime('polling', handshake(), start('held', get()), answer('held', 2000), get()),
    inTime('messages-do-not-count', session(), send('6', '3'), ended('ws', 2000)),
];

const endings = [
    socket('end/close-frame', bytes(frame(0x88, [3, 232])), settle()),
    socket('end/cut', cut('ws'), open({ query: 'EIO=4&transport=websocket&sid=$sid' })),
];

const table = (folder, packets, make) => Object.entries(packets).map(([name, packet]) => make(`${folder}/${name}`, ...[packet].flat().map((one) => send(one)), settle()));

export default [
    ...table('connect', connects, fresh),
    ...table('event', events, socket),
    ...table('ack', acks, socket),
    ...table('packet', others, socket),
    ...table('binary', binary, socket),
    ...inNamespaces, ...polled, ...timeouts, ...endings,
];
