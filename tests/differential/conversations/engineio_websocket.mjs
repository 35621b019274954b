// WebSocket: messages, malformed packets and frames, limits; and the upgrade from long-polling.

import { frame } from '../wire.mjs';
import {
    answer, bytes, conversation, cut, ended, get, handshake, on, open, pause, post, receive, send, session, settle, start, unanswered, upgrade,
} from '../steps.mjs';

const engine = (id, ...steps) => conversation(`websocket/${id}`, 'engineio', [session(), ...steps]);
const small = (id, ...steps) => conversation(`websocket/${id}`, 'engineio', [session(), ...steps], { settings: 'small' });
const message = (length) => `4${'x'.repeat(length - 1)}`;

const packets = {
    'text': ['4hello'],
    'empty-message': ['4'],
    'unicode': ['4é€😀'],
    'control-characters': ['4\x00\x1e\x1f'],
    'binary': [Buffer.from([1, 2, 3, 4])],
    'binary-empty': [Buffer.alloc(0)],
    'binary-that-looks-like-a-packet': [Buffer.from('4hello')],
    'binary-of-all-bytes': [Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    'in-turn': ['4a', Buffer.from([1]), '4b', Buffer.from([2])],
    'open-ignored': ['0', '4after'],
    'open-with-data-ignored': ['0{"sid":"x"}', '4after'],
    'upgrade-ignored': ['5', '4after'],
    'noop-ignored': ['6', '4after'],
    'pong-ignored': ['3', '4after'],
    'pong-with-data-ignored': ['3probe', '4after'],
    'base64': ['bAQID'],
    'ping': ['2'],
    'ping-probe': ['2probe'],
    'close': ['1'],
    'close-with-data': ['1bye'],
    'messages-after-close': ['4a', '1', '4b'],
    'empty-frame': [''],
    'type-7': ['7'],
    'type-9': ['9x'],
    'type-letter': ['x'],
    'type-space': [' 4'],
    'type-minus': ['-4'],
    'bad-after-good': ['4a', 'x', '4b'],
    'several-in-a-frame': ['4a\x1e4b'],
    '300-messages': Array.from({ length: 300 }, (_, i) => `4m${i}`),
};

const text = (first, content) => frame(first, content);
const frames = {
    'fragments': [text(0x01, '4he'), text(0x00, 'l'), text(0x80, 'lo')],
    'fragments-binary': [frame(0x02, [1, 2]), frame(0x80, [3])],
    'ping-between-fragments': [text(0x01, '4he'), frame(0x89, 'p'), text(0x80, 'llo')],
    'empty-fragments': [text(0x01, ''), text(0x00, ''), text(0x80, '4x')],
    'pong-unasked': [frame(0x8a, 'x'), text(0x81, '4a')],
    'ping-with-data': [frame(0x89, 'x'.repeat(125))],
    'unmasked': [Buffer.from([0x81, 2, 0x34, 0x61])],
    'reserved-bit': [text(0xc1, '4a')],
    'reserved-bit-2': [text(0xa1, '4a')],
    'reserved-opcode': [text(0x83, '4a')],
    'reserved-control-opcode': [text(0x8b, '')],
    'ping-of-126': [frame(0x89, 'x'.repeat(126))],
    'ping-in-fragments': [frame(0x09, 'x')],
    'continuation-of-nothing': [text(0x80, '4a')],
    'new-message-within-fragments': [text(0x01, '4a'), text(0x81, '4b')],
    'invalid-utf-8': [frame(0x81, [0x34, 0xff])],
    'invalid-utf-8-across-fragments': [frame(0x01, [0x34, 0xe2]), frame(0x80, [0x28, 0xa1])],
    'utf-8-across-fragments': [frame(0x01, [0x34, 0xe2]), frame(0x80, [0x82, 0xac])],
    'utf-8-cut-short': [frame(0x81, [0x34, 0xe2, 0x82])],
    'surrogate': [frame(0x81, [0x34, 0xed, 0xa0, 0x80])],
    'length-of-2-to-the-63': [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
    'close-empty': [frame(0x88, '')],
    'close-1000': [frame(0x88, [3, 232])],
    'close-1001-with-reason': [frame(0x88, Buffer.concat([Buffer.from([3, 233]), Buffer.from('bye')]))],
    'close-3000': [frame(0x88, [11, 184])],
    'close-1005': [frame(0x88, [3, 237])],
    'close-999': [frame(0x88, [3, 231])],
    'close-of-one-byte': [frame(0x88, [3])],
    'close-with-bad-utf-8': [frame(0x88, [3, 232, 0xff])],
    'message-then-close': [text(0x81, '4a'), frame(0x88, [3, 232])],
};

const webSocket = [
    ...Object.entries(packets).map(([name, list]) => engine(`packet/${name}`, send(...list), settle())),
    ...Object.entries(frames).map(([name, list]) => engine(`frame/${name}`, bytes(Buffer.concat(list)), settle())),
    conversation('websocket/frame/after-the-request', 'engineio', [open({ first: text(0x81, '4early') }), receive(2), settle()]),
    engine('frame/byte-by-byte', ...[...text(0x81, '4slow')].map((byte) => bytes(Buffer.from([byte]))), settle()),
    engine('second-websocket', open({ as: 'second', query: 'EIO=4&transport=websocket&sid=$sid' }), ended('second'), send('4a'), settle()),
    engine('second-websocket-probes', open({ as: 'second', query: 'EIO=4&transport=websocket&sid=$sid' }), send(on('second'), '2probe'), ended('second'), send('4a'), settle()),
    engine('cut', cut('ws'), upgrade({ as: 'again' })),
    ...[999, 1000].map((length) => small(`limit/${length}-bytes`, send(message(length)), settle())),
    ...[1001, 5000].map((length) => small(`limit/${length}-bytes`, send(message(length)), settle())),
    small('limit/1001-bytes-binary', send(Buffer.alloc(1001)), settle()),
    small('limit/1000-bytes-binary', send(Buffer.alloc(1000)), settle()),
    small('limit/1001-bytes-in-fragments', bytes(Buffer.concat([text(0x01, message(600)), text(0x80, 'x'.repeat(401))])), settle()),
    small('limit/1000-bytes-in-fragments', bytes(Buffer.concat([text(0x01, message(600)), text(0x80, 'x'.repeat(400))])), settle()),
    small('limit/1001-bytes-in-characters-of-two', send(`4${'é'.repeat(500)}`), settle()),
    engine('limit/1000000-bytes', send(message(1_000_000)), settle()),
    engine('limit/1000001-bytes', send(message(1_000_001)), settle()),
];

/// When both have given up an upgrade: the reference's time is stretched (reference.mjs), ours not.
const upgradeEnds = 10_000 * Number(process.env.SIGNALBOX_TEST_SLOWNESS ?? 1);
const polling = (id, ...steps) => conversation(`upgrade/${id}`, 'engineio', [handshake(), ...steps]);
const probed = [upgrade(), send('2probe'), receive()];

const upgrades = [
    polling('complete', probed, send('5'), settle(), send('4a'), settle()),
    polling('http-afterwards', probed, send('5', '4a'), settle(), get(), post('4b'), send('4c'), settle()),
    polling('held-get-is-released', start('held', get()), probed, answer('held', 1000), send('5'), settle(), send('4a'), settle()),
    polling('next-get-is-released', probed, get(), send('5'), settle()),
    polling('get-twice-while-upgrading', probed, get(), get(), send('5'), settle()),
    polling('queued-before', post('4a\x1ebAQID\x1e4b'), probed, send('5'), settle()),
    polling('queued-while-upgrading', probed, post('4a'), post('4b'), send('5'), settle()),
    polling('get-takes-what-is-queued', probed, post('4a'), get(), post('4b'), send('5'), settle()),
    polling('messages-at-once', probed, send('5', '4a', '4b', Buffer.from([1])), settle()),
    polling('without-probe', upgrade(), send('5'), settle(), send('4a'), settle()),
    polling('without-probe-while-held', start('held', get()), upgrade(), send('5'), answer('held'), settle(), send('4a'), settle()),
    polling('probe-twice', probed, send('2probe'), settle(), send('5', '4a'), settle()),
    polling('second-websocket', probed, upgrade({ as: 'second' }), ended('second'), send('5', '4a'), settle()),
    polling('second-websocket-before-the-probe', upgrade(), upgrade({ as: 'second' }), ended('second'), send('2probe'), receive(), send('5', '4a'), settle()),
    polling('second-websocket-afterwards', probed, send('5'), settle(), upgrade({ as: 'second' }), ended('second'), send('4a'), settle()),
    polling('cut-before-the-probe', upgrade(), cut('ws'), post('4a'), get()),
    polling('cut-after-the-probe', probed, cut('ws'), post('4a'), get(), upgrade({ as: 'again' }), send(on('again'), '2probe'), receive(1, { name: 'again' }), send(on('again'), '5', '4b'), settle('again')),
    polling('closed-after-the-probe', probed, bytes(frame(0x88, [3, 232])), ended(), post('4a'), get()),
    polling('cut-afterwards', probed, send('5'), settle(), cut('ws'), get()),
    polling('close-by-post', probed, post('1'), settle(), get()),
    polling('close-by-post-while-held', start('held', get()), upgrade(), post('1'), answer('held'), settle(), get()),
    polling('parse-error-by-post', probed, post('x'), settle(), get()),
    polling('close-at-once-afterwards', probed, send('5', '1'), settle()),
    polling('too-late', post('1'), upgrade()),
    polling('held-get-cut-while-upgrading', upgrade(), start('held', get()), cut('held'), settle(), get()),
    ...Object.entries({
        'message': '4a', 'ping': '2', 'ping-other': '2other', 'pong': '3', 'open': '0', 'noop': '6', 'close': '1', 'unknown': '9', 'empty': '', 'binary': Buffer.from([1]), 'base64': 'bAQID', 'upgrade-with-data': '5x',
    }).flatMap(([name, packet]) => [
        polling(`instead-of-the-probe/${name}`, upgrade(), send(packet), settle(), post('4after'), get()),
        polling(`instead-of-the-upgrade/${name}`, probed, send(packet), settle(), post('4after'), get()),
    ]),
    polling('frame-fault-before-the-probe', upgrade(), bytes(frame(0xc1, '2probe')), settle(), post('4after'), get()),
    polling('frame-fault-after-the-probe', probed, bytes(frame(0x81, [0xff])), settle(), post('4after'), get()),
    polling('two-payloads-around', start('held', get()), post('4a'), answer('held'), start('next', get()), probed, answer('next', 1000), post('4b'), send('5', '4c'), settle()),
    polling('probe-with-the-request', upgrade({ first: frame(0x81, '2probe') }), receive(), send('5', '4a'), settle()),
    polling('probe-and-upgrade-with-the-request', upgrade({ first: Buffer.concat([frame(0x81, '2probe'), frame(0x81, '5'), frame(0x81, '4a')]) }), settle()),
    polling('held-get-stays-until-the-probe', start('held', get()), upgrade(), unanswered('held'), send('2probe'), receive(), answer('held', 1000)),
    conversation('upgrade/not-finished-in-time', 'engineio', [handshake(), upgrade(), send('2probe'), receive(), ended('ws', upgradeEnds + 2000), post('4a'), get()], { slow: true }),
    conversation('upgrade/not-begun-in-time', 'engineio', [handshake(), upgrade(), pause(9000), ended('ws', upgradeEnds - 7000), post('4a'), get()], { slow: true }),
];

export default [...webSocket, ...upgrades];
