// Long-polling: payloads, malformed packets, overlapping and aborted requests, limits.

import {
    answer, conversation, cut, drain, get, handshake, http, more, post, start, startPost, unanswered,
} from '../steps.mjs';

const engine = (id, ...steps) => conversation(`polling/${id}`, 'engineio', [handshake(), ...steps]);
const small = (id, ...steps) => conversation(`polling/${id}`, 'engineio', [handshake(), ...steps], { settings: 'small' });

// What a POST echoes.
const echoed = {
    'text': '4hello',
    'empty-message': '4',
    'two': '4one\x1e4two',
    'unicode': '4é€😀\u{10ffff}',
    'line-ends': '4a\r\nb\nc\td',
    'control-characters': '4\x00\x01\x1f\x7f',
    'binary': 'bAQIDBA==',
    'binary-empty': 'b',
    'binary-of-all-lengths': 'bAQ==\x1ebAQI=\x1ebAQID\x1ebAQIDBA==',
    'binary-and-text': '4a\x1ebAQID\x1e4b',
    'digits': '4444',
    'looks-like-binary': '4bAQID',
    'looks-like-json': '4{"sid":"x"}',
    'many': Array.from({ length: 200 }, (_, i) => `4m${i}`).join('\x1e'),
    'base64-without-padding': 'bAQIDBA',
    'open-ignored': '0{"sid":"x"}\x1e4after',
    'open-bare-ignored': '0\x1e4after',
    'upgrade-ignored': '5\x1e4after',
    'noop-ignored': '6\x1e4after',
    'unsolicited-pong-ignored': '3\x1e4after',
    'unsolicited-pong-with-data-ignored': '3probe\x1e4after',
    'byte-order-mark': '4\ufeffx\x1e4after',
};

// What ends the session; some of it after good packets.
const ends = {
    'empty': '',
    'separator': '\x1e',
    'trailing-separator': '4a\x1e',
    'leading-separator': '\x1e4a',
    'double-separator': '4a\x1e\x1e4b',
    'type-7': '7',
    'type-8': '8x',
    'type-9': '9',
    'type-letter': 'x4',
    'type-space': ' 4a',
    'type-minus': '-1',
    'bad-after-good': '4a\x1e4b\x1ex\x1e4c',
    'ping': '2',
    'ping-probe': '2probe',
    'ping-after-good': '4a\x1e2\x1e4b',
    'byte-order-mark-first': '\ufeff4a',
};

const strangeBase64 = { 'url-safe': 'b-_-_', 'not-base64': 'b!!!!', 'one-digit': 'bA', 'with-spaces': 'bAQ ID', 'data-after-padding': 'bAQ==AQ==', 'too-much-padding': 'bAQID====', 'padding-only': 'b====', 'line-ends': 'bAQ\nID' };

const payloads = [
    ...Object.entries(echoed).map(([name, body]) => engine(`echo/${name}`, post(body), get())),
    ...Object.entries(ends).flatMap(([name, body]) => [
        engine(`end/${name}`, post(body), get()),
        engine(`end-while-held/${name}`, start('held', get()), post(body), answer('held'), get()),
    ]),
    ...Object.entries(strangeBase64).map(([name, body]) => engine(`base64/${name}`, post(`${body}\x1e4after`), get())),
    engine('echo/held', start('held', get()), post('4a'), answer('held'), post('4b'), get()),
    engine('echo/held-twice', start('held', get()), unanswered('held'), post('4a'), answer('held'), start('again', get()), post('4b'), answer('again')),
    engine('echo/several-into-a-held-get', start('held', get()), post('4a\x1e4b\x1e4c'), answer('held')),
    engine('echo/several-at-once', post('4a\x1e4b\x1e4c'), start('held', get()), answer('held'), post('4d'), drain('4d')),
    engine('echo/order-over-posts', post('4a'), post('4b\x1ebAQID'), post('4c'), get()),
    engine('echo/100-kilobytes', post(`4${'x'.repeat(100_000)}`), get()),
    engine('invalid-utf-8', post(Buffer.from([0x34, 0x61, 0xff, 0x62])), get()),
    engine('invalid-utf-8-cut-short', post(Buffer.from([0x34, 0x61, 0xe2, 0x82])), get()),
    engine('invalid-utf-8-surrogate', post(Buffer.from([0x34, 0xed, 0xa0, 0x80])), get()),
];

const closes = [
    engine('close/while-held', start('held', get()), post('1'), answer('held'), get()),
    engine('close/nothing-held', post('1'), get()),
    engine('close/with-data', start('held', get()), post('1bye'), answer('held'), get()),
    engine('close/after-messages', post('4a\x1e1'), get()),
    engine('close/before-messages', post('1\x1e4a'), get()),
    engine('close/while-held-after-message', start('held', get()), post('4a\x1e1'), answer('held'), get()),
    engine('close/twice', post('1'), post('1')),
];

const types = { 'form': 'application/x-www-form-urlencoded', 'json': 'application/json', 'binary-with-parameter': 'application/octet-stream; a=b', 'capitals': 'TEXT/PLAIN' };
const requests = [
    ...['PUT', 'DELETE', 'PATCH', 'HEAD'].map((method) => engine(`method/${method.toLowerCase()}`, http(method), post('4a'), get())),
    engine('method/put-while-held', start('held', get()), http('PUT', { body: '4x' }), post('4a'), answer('held')),
    ...Object.entries(types).map(([name, type]) => engine(`content-type/${name}`, post('4a', { headers: { 'Content-Type': type } }), get())),
    engine('content-type/none', http('POST', { body: '4a' }), get()),
    engine('content-type/octet-stream', post('4a', { headers: { 'Content-Type': 'application/octet-stream' } }), get()),
    engine('content-type/octet-stream-while-held', start('held', get()), post('4a', { headers: { 'Content-Type': 'application/octet-stream' } }), answer('held'), get()),
    engine('overlap/get', start('first', get()), get(), answer('first'), get()),
    engine('overlap/get-and-post', start('first', get()), get(), answer('first'), post('4a')),
    engine('overlap/post', startPost('first', '4a', 4), post('4b')),
    engine('abort/held-get', start('held', get()), cut('held'), get()),
    engine('abort/held-get-then-post', start('held', get()), cut('held'), post('4a')),
    engine('abort/post', startPost('part', '4abc', 10), cut('part'), get()),
    engine('slow-post', startPost('slow', '4ab', 6), more('slow', 'c'), more('slow', 'de'), answer('slow'), get()),
    engine('chunked-post', post('5\r\n4abcd\r\n2\r\nef\r\n0\r\n\r\n', { headers: { 'Transfer-Encoding': 'chunked', 'Content-Type': 'text/plain' } }), get()),
    engine('real-client-query', http('POST', { query: 'sessionId=s&EIO=4&transport=polling&t=abc&sid=$sid', body: '4a' }), http('GET', { query: 'sessionId=s&EIO=4&transport=polling&t=abd&sid=$sid' })),
];

const message = (bytes) => `4${'x'.repeat(bytes - 1)}`;
const chunked = (body) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const chunkedHeaders = { 'Transfer-Encoding': 'chunked', 'Content-Type': 'text/plain' };
const limits = [
    ...[998, 999, 1000].map((bytes) => small(`limit/${bytes}-bytes`, post(message(bytes)), get())),
    ...[1001, 1002, 5000].map((bytes) => small(`limit/${bytes}-bytes`, post(message(bytes)), post('4still here'), get())),
    small('limit/1001-bytes-in-characters-of-two', post(`4${'é'.repeat(500)}`), post('4still here'), get()),
    small('limit/1000-bytes-in-characters-of-three', post(`4${'€'.repeat(333)}`), get()),
    small('limit/1000-bytes-chunked', post(chunked(message(1000)), { headers: chunkedHeaders }), get()),
    small('limit/1001-bytes-chunked', post(chunked(message(1001)), { headers: chunkedHeaders }), post('4still here'), get()),
    small('limit/1001-bytes-while-held', start('held', get()), post(message(1001)), unanswered('held'), post('4still here'), answer('held')),
    small('limit/answer-may-be-larger', post(message(900)), post(message(900)), get()),
    engine('limit/1000000-bytes', post(message(1_000_000)), get()),
    engine('limit/1000001-bytes', post(message(1_000_001)), post('4still here'), get()),
];

export default [...payloads, ...closes, ...requests, ...limits];
