// Handshakes and refusals: each fault alone, faults in pairs for their order, and CORS.

import {
    answer, conversation, ended, get, handshake, http, open, post, receive, remember, send, session, settle, start, upgrade,
} from '../steps.mjs';

const engine = (id, ...steps) => conversation(`engineio/${id}`, 'engineio', steps);
const without = (query, rest = {}) => http('GET', { query, ...rest });

const handshakes = [
    engine('handshake/polling', handshake()),
    engine('handshake/websocket', open(), receive(), settle()),
    engine('handshake/real-client', without('sessionId=s1&artifactId=a1&EIO=4&transport=polling&t=P2abc')),
    engine('handshake/b64', without('EIO=4&transport=polling&b64=1')),
    engine('handshake/empty-sid', without('EIO=4&transport=polling&sid=')),
    engine('handshake/encoded-parameters', without('E%49O=4&transport=p%6flling')),
    engine('handshake/last-of-two-transports', without('EIO=4&transport=none&transport=polling')),
    engine('handshake/last-of-two-transports-unknown', without('EIO=4&transport=polling&transport=none')),
    engine('handshake/last-of-two-versions', without('EIO=3&EIO=4&transport=polling')),
    engine('handshake/two-sessions', handshake(), remember, handshake(), post('4second'), get(), http('GET', { query: 'EIO=4&transport=polling&sid=$other', ms: 300 })),
    engine('handshake/prefixed-path', without('EIO=4&transport=polling', { path: '/engine.io/more' })),
    engine('handshake/no-slash', without('EIO=4&transport=polling', { path: '/engine.io' })),
    engine('handshake/body-on-get', http('GET', { query: 'EIO=4&transport=polling', body: '4ignored' }), post('4a'), get()),
    engine('handshake/get-with-unknown-headers', handshake({ headers: { Cookie: 'io=abc', 'X-Any': 'thing', 'User-Agent': 'x' } })),
    engine('handshake/user-agent-of-old-browsers', handshake({ headers: { 'User-Agent': 'Mozilla/5.0 (compatible;MSIE 9.0; Trident/5.0)' } })),
    engine('handshake/websocket-with-origin', open({ headers: { Origin: 'http://example.com' } }), receive(), settle()),
    engine('handshake/websocket-with-subprotocol', open({ headers: { 'Sec-WebSocket-Protocol': 'chat' } }), receive(), settle()),
    engine('handshake/websocket-offers-deflate', open({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' } }), receive(), settle()),
];

const transports = { missing: '', unknown: '&transport=abc', webtransport: '&transport=webtransport', proto: '&transport=__proto__', constructor: '&transport=constructor', empty: '&transport=', capitals: '&transport=Polling' };
const versions = { missing: '', 3: 'EIO=3&', 5: 'EIO=5&', text: 'EIO=abc&', '04': 'EIO=04&', empty: 'EIO=&' };
const sids = { unknown: 'abcdefghijklmnopqrst', proto: '__proto__', constructor: 'constructor', short: 'a', long: 'a'.repeat(300), encoded: '%00%ff', unicode: '%F0%9F%98%80' };
const methods = ['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD'];

const refusals = [
    ...Object.entries(transports).flatMap(([name, query]) => [
        engine(`refusal/transport-${name}`, without(`EIO=4${query}`)),
        engine(`refusal/transport-${name}-websocket`, open({ query: `EIO=4${query}` })),
    ]),
    ...Object.entries(versions).flatMap(([name, query]) => [
        engine(`refusal/version-${name}`, without(`${query}transport=polling`)),
        engine(`refusal/version-${name}-websocket`, open({ query: `${query}transport=websocket` }), settle()),
    ]),
    ...Object.entries(sids).flatMap(([name, sid]) => [
        engine(`refusal/sid-${name}`, without(`EIO=4&transport=polling&sid=${sid}`)),
        engine(`refusal/sid-${name}-post`, http('POST', { query: `EIO=4&transport=polling&sid=${sid}`, body: '4a' })),
        engine(`refusal/sid-${name}-websocket`, open({ query: `EIO=4&transport=websocket&sid=${sid}` })),
    ]),
    ...methods.map((method) => engine(`refusal/handshake-by-${method.toLowerCase()}`, http(method, { query: 'EIO=4&transport=polling' }))),
    engine('refusal/handshake-by-post-with-body', http('POST', { query: 'EIO=4&transport=polling', body: '4a' })),
    engine('refusal/websocket-without-upgrade', without('EIO=4&transport=websocket')),
    engine('refusal/websocket-without-upgrade-post', http('POST', { query: 'EIO=4&transport=websocket', body: '4a' })),
    engine('refusal/polling-with-upgrade', open({ query: 'EIO=4&transport=polling' }), settle()),
    engine('refusal/session-of-polling-asked-as-websocket', handshake(), http('GET', { query: 'EIO=4&transport=websocket&sid=$sid' }), post('4a'), get()),
    engine('refusal/session-of-websocket-asked-as-polling', session(), get(), post('4a'), send('4b'), settle()),
    engine('refusal/polling-session-with-version-3', handshake(), http('GET', { query: 'EIO=3&transport=polling&sid=$sid' }), post('4a'), get()),
    engine('refusal/polling-session-without-version', handshake(), http('GET', { query: 'transport=polling&sid=$sid' }), post('4a'), get()),
    engine('refusal/upgrade-with-version-3', handshake(), upgrade({ query: 'EIO=3&transport=websocket&sid=$sid' }), post('4a'), get()),
    engine('refusal/upgrade-of-polling-transport', handshake(), upgrade({ query: 'EIO=4&transport=polling&sid=$sid' }), settle(), post('4a'), get()),
    engine('refusal/origin-with-delete', handshake({ headers: { Origin: 'a\x7fb' } })),
    engine('refusal/origin-with-delete-websocket', open({ headers: { Origin: 'a\x7fb' } })),
    engine('refusal/origin-latin1', handshake({ headers: { Origin: 'http://\xe9.example' } })),
    engine('refusal/origin-with-tab', handshake({ headers: { Origin: 'a\tb' } })),
    engine('refusal/origin-empty', handshake({ headers: { Origin: '' } })),
    engine('refusal/last-of-two-sids', handshake(), http('POST', { query: 'EIO=4&transport=polling&sid=none&sid=$sid', body: '4a' })),
    engine('refusal/last-of-two-sids-unknown', handshake(), http('POST', { query: 'EIO=4&transport=polling&sid=$sid&sid=none', body: '4a' })),
];

// Two faults in one request: the answer tells which is looked at first.
const pairs = {
    'transport-before-sid': 'EIO=4&transport=none&sid=unknown',
    'transport-before-version': 'EIO=3&transport=none',
    'transport-before-method': ['POST', 'EIO=4&transport=none'],
    'sid-before-transport-mismatch': 'EIO=4&transport=websocket&sid=unknown',
    'sid-before-version': 'EIO=3&transport=polling&sid=unknown',
    'sid-before-method': ['PUT', 'EIO=4&transport=polling&sid=unknown'],
    'method-before-upgrade': ['POST', 'EIO=4&transport=websocket'],
    'method-before-version': ['POST', 'EIO=3&transport=polling'],
    'upgrade-before-version': 'EIO=3&transport=websocket',
};
const orders = [
    ...Object.entries(pairs).map(([name, request]) => {
        const [method, query] = Array.isArray(request) ? request : ['GET', request];
        return engine(`order/${name}`, http(method, { query, body: method === 'GET' ? undefined : '4a' }));
    }),
    engine('order/transport-before-origin', without('EIO=4&transport=none', { headers: { Origin: 'a\x7fb' } })),
    engine('order/origin-before-sid', without('EIO=4&transport=polling&sid=unknown', { headers: { Origin: 'a\x7fb' } })),
    engine('order/origin-before-version', without('EIO=3&transport=polling', { headers: { Origin: 'a\x7fb' } })),
    engine('order/mismatch-before-version', session(), http('GET', { query: 'EIO=3&transport=polling&sid=$sid' })),
    engine('order/mismatch-before-method', session(), http('PUT', { query: 'EIO=4&transport=polling&sid=$sid' }), send('4a'), settle()),
];

const origin = 'http://example.com';
const cors = [
    engine('cors/get', handshake({ headers: { Origin: origin } })),
    engine('cors/get-and-post', handshake({ headers: { Origin: origin } }), post('4a', { headers: { Origin: origin, 'Content-Type': 'text/plain;charset=UTF-8' } }), get({ headers: { Origin: origin } })),
    engine('cors/refusal', without('EIO=4&transport=none', { headers: { Origin: origin } })),
    engine('cors/no-origin', handshake()),
    engine('cors/null-origin', handshake({ headers: { Origin: 'null' } })),
    engine('cors/null-origin-websocket', open({ headers: { Origin: 'null' } }), receive(), settle()),
    engine('cors/preflight-post', http('OPTIONS', { query: 'EIO=4&transport=polling', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' } })),
    engine('cors/preflight-get-with-header', http('OPTIONS', { query: 'EIO=4&transport=polling', headers: { Origin: origin, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization,x-one' } })),
    engine('cors/preflight-without-headers', http('OPTIONS', { query: 'EIO=4&transport=polling', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } })),
    engine('cors/preflight-with-sid', handshake(), http('OPTIONS', { headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' } }), post('4a'), get()),
    engine('cors/options-without-origin', http('OPTIONS', { query: 'EIO=4&transport=polling' })),
];

const webSocketFaults = {
    'no-key': { 'Sec-WebSocket-Key': undefined },
    'short-key': { 'Sec-WebSocket-Key': 'c2hvcnQ=' },
    'no-version': { 'Sec-WebSocket-Version': undefined },
    'version-8': { 'Sec-WebSocket-Version': '8' },
    'version-7': { 'Sec-WebSocket-Version': '7' },
    'upgrade-h2c': { Upgrade: 'h2c' },
    'upgrade-in-capitals': { Upgrade: 'WEBSOCKET', Connection: 'keep-alive, UPGRADE' },
    'no-upgrade-header': { Upgrade: undefined, Connection: undefined },
};
const webSockets = Object.entries(webSocketFaults).map(([name, headers]) => engine(`websocket-handshake/${name}`, open({ headers })));

export default [
    ...handshakes, ...refusals, ...orders, ...cors, ...webSockets,
    engine('websocket-handshake/post', handshake(), start('get', get()), post('4a'), answer('get'), upgrade(), send('4not the probe'), ended(), post('4b'), get()),
];
