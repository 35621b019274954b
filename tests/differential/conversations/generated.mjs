// Conversations made from a seed: the same seed, the same bytes.
//
// What is known to differ is not generated, or every seed would find it again: JSON that a
// JavaScript program would print differently than it was written, base64 that is none, text that is
// not UTF-8, `1` on a WebSocket (docs/protocol/deviations.md has a fixed conversation for each).

import { Random } from '../../random.mjs';
import { frame } from '../wire.mjs';
import { bytes, conversation, get, handshake, http, joined, post, receive, send, session, settle, upgrade } from '../steps.mjs';

function json(random, depth = 0) {
    const makers = [
        () => random.below(2000) - 1000,
        () => (random.below(2000) - 1000) / 8,
        () => random.text(12),
        () => random.pick([true, false, null]),
        () => random.times(0, 3, () => json(random, depth + 1)),
        () => Object.fromEntries(random.times(0, 3, () => [`k${random.text(3)}`, json(random, depth + 1)])),
    ];
    return random.pick(depth > 3 ? makers.slice(0, 4) : makers)();
}

// Engine.IO

const goodPackets = [
    (random) => `4${random.text(20)}`,
    (random) => `b${random.bytes(9).toString('base64')}`,
    (random) => random.pick(['0', '5', '6', '3', '6x', '3probe', '5x', '0{}']),
];
const badPackets = [(random) => random.pick(['', '7', '8a', '9', 'x', ' ', '-', 'a4', '/', '\n4', '2', '2probe', '1'])];

function payload(random) {
    const packets = random.times(1, 6, () => random.pick(random.chance(0.06) ? badPackets : goodPackets)(random));
    return packets.join('\x1e');
}

function pollingTalk(random) {
    return [handshake(), ...random.times(1, 4, () => [post(payload(random)), post('4end'), get()])];
}

function webSocketPacket(random) {
    if (random.chance(0.04)) return badPackets[0](random).replace(/^1$/, '9');
    if (random.chance(0.3)) return random.bytes(300);
    return random.pick([goodPackets[0], goodPackets[2]])(random);
}

/// The frames of one message, cut anywhere, with pings in between.
function fragments(random, message) {
    const content = Buffer.from(message);
    const opcode = typeof message === 'string' ? 1 : 2;
    const cuts = random.times(0, 3, () => random.below(content.length + 1)).sort((a, b) => a - b);
    const parts = [...cuts, content.length].map((cut, i) => content.subarray(i === 0 ? 0 : cuts[i - 1], cut));
    return parts.flatMap((part, i) => {
        const first = (i === 0 ? opcode : 0) | (i === parts.length - 1 ? 0x80 : 0);
        return random.chance(0.2) ? [frame(0x89, random.bytes(5)), frame(first, part)] : [frame(first, part)];
    });
}

function webSocketTalk(random) {
    const messages = random.times(1, 6, () => webSocketPacket(random));
    return [session(), ...messages.flatMap((message) => [bytes(Buffer.concat(fragments(random, message))), settle()])];
}

/// Messages over polling and WebSocket around an upgrade that always comes to its end.
function upgradeTalk(random) {
    const over = () => random.times(0, 2, () => post(random.times(1, 3, () => random.pick(goodPackets.slice(0, 2))(random)).join('\x1e')));
    const between = random.chance(0.5) ? [get()] : [];
    const direct = random.times(0, 3, () => send(random.chance(0.5) ? random.bytes(20) : `4${random.text(9)}`));
    return [
        handshake(), over(), upgrade(), over(), send('2probe'), receive(), over(), between, over(), send('5'), direct, settle(), get(), settle(),
    ];
}

function requestTalk(random) {
    const some = (name, values) => (random.chance(0.8) ? [`${name}=${random.pick(values)}`] : []);
    const query = [
        ...some('EIO', ['4', '4', '4', '3', '5', '']), ...some('transport', ['polling', 'polling', 'websocket', 'none', '']),
        ...(random.chance(0.3) ? [`sid=${random.pick(['unknown', '', '%20', 'toString'])}`] : []), ...some('t', ['abc', 'x%26y', '']),
    ];
    const shuffled = query.map((part) => [random.next(), part]).sort(([a], [b]) => a - b).map(([, part]) => part).join('&');
    const method = random.pick(['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH']);
    return [http(method, { query: shuffled, body: method === 'GET' ? undefined : random.text(9) })];
}

// Socket.IO

/// Some arguments with `count` placeholders among them, numbered as they stand.
function binaryArguments(random, count) {
    const values = random.times(0, 3, () => json(random));
    const places = Array.from({ length: count }, () => random.below(values.length + 1)).sort((a, b) => a - b);
    places.forEach((place, num) => {
        const placeholder = { _placeholder: true, num };
        values.splice(place + num, 0, random.pick([placeholder, { deep: [placeholder] }]));
    });
    return values;
}

function event(random) {
    const attachments = random.chance(0.3) ? random.times(1, 3, () => random.bytes(9)) : [];
    const withAck = random.chance(0.5);
    const values = [withAck ? 'message-with-ack' : 'message', ...binaryArguments(random, attachments.length)];
    const type = attachments.length > 0 ? `5${attachments.length}-` : '2';
    const namespace = random.pick(['', '', '/,']);
    return [`4${type}${namespace}${withAck ? random.below(100) : ''}${JSON.stringify(values)}`, ...attachments];
}

const mutations = [
    (random, text) => text.slice(0, random.below(text.length)),
    (random, text) => {
        const at = random.below(text.length);
        return text.slice(0, at) + text.slice(at + 1);
    },
    (random, text) => {
        const at = random.below(text.length + 1);
        return text.slice(0, at) + random.pick([...'0123456789-,/[]{}":.e']) + text.slice(at);
    },
    (random, text) => {
        const at = 1 + random.below(Math.min(8, text.length - 1));
        return text.slice(0, at) + random.pick([...'0123456789-,/[{"']) + text.slice(at + 1);
    },
];

/// Whether both servers would have to print the JSON of this packet as it stands.
function canonical(packet) {
    const [head] = /^4[0-6]?(\d*-)?(\/[^,]*,?)?\d*/.exec(packet) ?? [''];
    const text = packet.slice(head.length);
    try {
        return text === '' || JSON.stringify(JSON.parse(text)) === text;
    } catch {
        return !/\s/.test(head + text.charAt(0));
    }
}

/// Whether each attachment still has its own placeholder, in order, or a placeholder has none.
function placeholdersAreTold(packet, attachments) {
    const nums = [...packet.matchAll(/\{"_placeholder":true,"num":(-?[\d.]+)\}/g)].map(([, num]) => Number(num));
    return nums.some((num) => !(num in attachments)) || (nums.length === attachments.length && nums.every((num, i) => num === i));
}

function mutated(random) {
    for (;;) {
        const [packet, ...attachments] = event(random);
        const other = random.pick(mutations)(random, packet);
        const told = canonical(other) && placeholdersAreTold(other, attachments);
        if (other.startsWith('4') && other.length > 1 && told && !/^4[56]\d*[.ex]/.test(other)) return [other, ...attachments];
    }
}

function eventTalk(random) {
    return [joined(JSON.stringify({ k: json(random) })), ...random.times(1, 5, () => [send(...event(random)), settle()])];
}

function mutatedTalk(random) {
    return [joined(), send(...event(random)), settle(), send(...mutated(random)), settle()];
}

function namespaceTalk(random) {
    const packets = ['40', '40', '40/custom,', '40/custom,', '40/none,', '41', '41/custom,', '42["message",1]', '421["message-with-ack",1]', '431[]', '42/custom,["x"]', '6'];
    return [session(), ...random.times(2, 6, () => [send(random.pick(packets)), settle()])];
}

function pollingEvents(random) {
    const body = () => event(random).map((part) => (typeof part === 'string' ? part : `b${part.toString('base64')}`)).join('\x1e');
    return [handshake(), post('40'), get(), ...random.times(1, 3, () => [post(`${body()}\x1e420["message-with-ack"]`), get()])];
}

const kinds = [
    ['polling', 'engineio', pollingTalk], ['websocket', 'engineio', webSocketTalk], ['upgrade', 'engineio', upgradeTalk], ['request', 'engineio', requestTalk],
    ['event', 'socketio', eventTalk], ['mutated', 'socketio', mutatedTalk], ['mutated-too', 'socketio', mutatedTalk], ['namespace', 'socketio', namespaceTalk], ['polling-event', 'socketio', pollingEvents],
];

export function generate(seed, count) {
    return Array.from({ length: count }, (_, i) => {
        const [name, server, make] = kinds[i % kinds.length];
        const random = new Random(Math.imul(seed, 2654435761) + i);
        return conversation(`generated/${name}/${seed}-${i}`, server, make(random));
    });
}
