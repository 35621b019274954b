// The work that Signalbox does, as its users would write it on Node: token, session, envelope.
//
// Environment: BENCH_SECRET (HS256), BENCH_CREDENTIALS (file of lines "company session token"),
// BENCH_TLS_KEY and BENCH_TLS_CERTIFICATE (PEM files; none: plain), BENCH_DEFLATE=1.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

const secret = process.env.BENCH_SECRET;
export const deflate = process.env.BENCH_DEFLATE === '1';
export const tls = process.env.BENCH_TLS_KEY && {
    keyFile: process.env.BENCH_TLS_KEY,
    certificateFile: process.env.BENCH_TLS_CERTIFICATE,
};

/// Sessions are looked up in memory: the cheapest store that a peer could have.
const sessions = new Map(
    readFileSync(process.env.BENCH_CREDENTIALS, 'utf8').trim().split('\n')
        .map((line) => line.split(' '))
        .map(([company, session]) => [session, { company, user: 'bench' }]),
);

function verify(token) {
    const [header, payload, signature] = token.split('.');
    const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest();
    const given = Buffer.from(signature, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    if (JSON.parse(Buffer.from(header, 'base64url')).alg !== 'HS256') return null;
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    return claims.exp > Date.now() / 1000 ? claims : null;
}

/// @return who this is and the rooms to join, or null
export function authenticate(token, query) {
    const claims = token && verify(token);
    const session = sessions.get(query.sessionId);
    if (!claims || !session) return null;
    if (session.user !== claims.sub || session.company !== claims.companyId) return null;
    const company = claims.companyId;
    return {
        company,
        permissions: claims.permissions ?? [],
        rooms: [
            `company:${company}`, `user:${company}:${claims.sub}`, `session:${company}:${query.sessionId}`,
            ...(query.artifactId ? [`artifact:${company}:${query.artifactId}`] : []),
        ],
    };
}

const mayPublish = ({ permissions }) => permissions.includes('updates:send') || permissions.includes('*');
let position = 0;

/// Runs one message. @param publish  called with (room, text) @return the answer's text
export function answer(text, principal, publish) {
    const { type, requestId, action, data } = JSON.parse(text);
    const refuse = (code) => JSON.stringify({ type: 'ERROR', requestId, action, error: { code, message: code, retryable: false } });
    if (type !== 'REQUEST' || typeof requestId !== 'string') return refuse('INVALID_MESSAGE');
    if (action === 'echo') return JSON.stringify({ type: 'RESPONSE', requestId, action, data });
    if (action !== 'updates.send') return refuse('ACTION_NOT_FOUND');
    if (!mayPublish(principal) || data.companyId !== principal.company) return refuse('FORBIDDEN');
    position += 1;
    publish(`company:${principal.company}`, JSON.stringify({
        type: 'UPDATE', requestId: data.requestId, action: data.action, data: data.data,
        kind: 'push', time: new Date().toISOString(), position: `1-${position}`,
    }));
    return JSON.stringify({ type: 'RESPONSE', requestId, action, data: { accepted: 1, positions: [`1-${position}`] } });
}

export const announce = (port) => console.log(`listening ${port}`);
