// Compression of long-polling answers, from 1024 bytes.

import { answer, conversation, get, handshake, post, start } from '../steps.mjs';

const engine = (id, ...steps) => conversation(`compression/${id}`, 'engineio', [handshake(), ...steps]);

const accepted = ['gzip', 'deflate', 'gzip, deflate', 'deflate, gzip', 'gzip;q=0', 'gzip;q=0.5, deflate;q=0.9', 'identity', '*', 'br', 'gzip;q=0, *', 'identity;q=0, gzip', 'x-gzip'];
export default [
    ...accepted.map((encoding) => engine(`accept/${encoding.replace(/[^a-z0-9]+/g, '-')}`, post(`4${'y'.repeat(2000)}`), get({ headers: { 'Accept-Encoding': encoding } }))),
    engine('below-threshold', post(`4${'y'.repeat(1022)}`), get({ headers: { 'Accept-Encoding': 'gzip' } })),
    engine('at-threshold', post(`4${'y'.repeat(1023)}`), get({ headers: { 'Accept-Encoding': 'gzip' } })),
    engine('binary', post(`b${Buffer.alloc(2000, 7).toString('base64')}`), get({ headers: { 'Accept-Encoding': 'gzip' } })),
    engine('held', start('held', get({ headers: { 'Accept-Encoding': 'gzip' } })), post(`4${'y'.repeat(2000)}`), answer('held')),
    engine('several', post(`4${'y'.repeat(600)}\x1e4${'z'.repeat(600)}`), get({ headers: { 'Accept-Encoding': 'gzip' } })),
];
