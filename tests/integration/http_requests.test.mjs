// Requests by which proxies and servers have been brought to disagree, and malformed ones: each with the one
// answer that it gets. Behind each another request stands in the same bytes. After a refusal it must not be
// answered: where it begins is what the two disagree about.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Server, tcp } from './harness.mjs';

const server = await Server.start({ config: '[server]\nheader_timeout = "2s"\nbody_timeout = "2s"\nidle_timeout = "2s"\n' });
after(() => server.stop());

const behind = 'GET /behind HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const get = (fields = '', { target = '/healthz', version = '1.1', host = 'Host: x\r\n' } = {}) => `GET ${target} HTTP/${version}\r\n${host}${fields}\r\n`;
const post = (fields, body = '', more = '') => `POST /healthz HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body}${more}`;
const chunked = (body, field = 'Transfer-Encoding: chunked\r\n') => post(field, body);

// A refusal: this status, then the end.
const refused = {
    'Request line': [
        ['text', 'hello\r\n\r\n', 400],
        ['nothing but a method', 'GET\r\n\r\n', 400],
        ['HTTP/0.9', 'GET /healthz\r\n\r\n', 400],
        ['HTTP/1.2', get('', { version: '1.2' }), 400],
        ['HTTP/2.0', get('', { version: '2.0' }), 400],
        ['HTTP/1', get('', { version: '1' }), 400],
        ['HTTP/01.1', get('', { version: '01.1' }), 400],
        ['http/1.1 in small letters', 'GET /healthz http/1.1\r\nHost: x\r\n\r\n', 400],
        ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
        ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
        ['two spaces behind the method', 'GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['two spaces before the version', 'GET /healthz  HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a tab for a space', 'GET\t/healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a space behind the version', 'GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n', 400],
        ['a space before the method', ' GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a method that is no token', 'G@T /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a NUL in the method', 'G\0T /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a NUL in the target', 'GET /heal\0thz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a space in the target', 'GET /heal thz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a bare LF at its end', 'GET /healthz HTTP/1.1\nHost: x\r\n\r\n', 400],
        ['a bare CR in it', 'GET /healthz HTTP/1.1\rX: y\r\nHost: x\r\n\r\n', 400],
        ['a relative target', 'GET healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['a target with another scheme', 'GET file:///healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['an absolute target without a host', 'GET http:///healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['an asterisk for GET', 'GET * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 405],
        ['TRACE', 'TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 405],
        ['a target of 17 KB', get('', { target: `/${'a'.repeat(17_000)}` }), 431],
    ],
    'Header fields': [
        ['no Host', get('', { host: '' }), 400],
        ['two Hosts', get('Host: y\r\n'), 400],
        ['two Hosts alike', get('Host: x\r\n'), 400],
        ['a Host with a path', get('', { host: 'Host: x/y\r\n' }), 400],
        ['a Host with a user', get('', { host: 'Host: a@x\r\n' }), 400],
        ['a list of Hosts', get('', { host: 'Host: x, y\r\n' }), 400],
        ['a Host with a space', get('', { host: 'Host: x y\r\n' }), 400],
        ['a space before the colon', get('X-A : b\r\n'), 400],
        ['a tab before the colon', get('X-A\t: b\r\n'), 400],
        ['a space before the first field', 'GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n', 400],
        ['a folded field', get('X-A: b\r\n c\r\n'), 400],
        ['a field folded by a tab', get('X-A: b\r\n\tc\r\n'), 400],
        ['a folded Transfer-Encoding', chunked('0\r\n\r\n', 'Transfer-Encoding:\r\n chunked\r\n'), 400],
        ['no colon', get('broken\r\n'), 400],
        ['no name', get(': b\r\n'), 400],
        ['a name that is no token', get('X(A): b\r\n'), 400],
        ['a NUL in a name', get('X\0A: b\r\n'), 400],
        ['a NUL in a value', get('X-A: b\0c\r\n'), 400],
        ['a control character in a value', get('X-A: b\x01c\r\n'), 400],
        ['DEL in a value', get('X-A: b\x7fc\r\n'), 400],
        ['a bare CR in a value', get('X-A: b\rX-B: c\r\n'), 400],
        ['a bare LF behind a field', get('X-A: b\nX-B: c\r\n'), 400],
        ['a bare LF as the last line', 'GET /healthz HTTP/1.1\r\nHost: x\r\n\n', 400],
        ['CR CR LF', get('X-A: b\r\r\n'), 400],
        ['bytes over 16 KiB', get(`X: ${'a'.repeat(17_000)}\r\n`), 431],
        ['101 fields', get('X: y\r\n'.repeat(100)), 431],
        ['another expectation', post('Expect: 200-ok\r\nContent-Length: 0\r\n'), 417],
    ],
    'Content-Length': [
        ['two', post('Content-Length: 5\r\nContent-Length: 6\r\n', 'abcde'), 400],
        ['two alike', post('Content-Length: 5\r\nContent-Length: 5\r\n', 'abcde'), 400],
        ['a list', post('Content-Length: 5, 6\r\n', 'abcde'), 400],
        ['a list of two alike', post('Content-Length: 5, 5\r\n', 'abcde'), 400],
        ['with a plus', post('Content-Length: +5\r\n', 'abcde'), 400],
        ['with a minus', post('Content-Length: -5\r\n', 'abcde'), 400],
        ['minus zero', post('Content-Length: -0\r\n'), 400],
        ['hexadecimal', post('Content-Length: 0x5\r\n', 'abcde'), 400],
        ['a fraction', post('Content-Length: 5.0\r\n', 'abcde'), 400],
        ['an exponent', post('Content-Length: 5e0\r\n', 'abcde'), 400],
        ['a space inside', post('Content-Length: 1 5\r\n', 'abcde'), 400],
        ['empty', post('Content-Length: \r\n'), 400],
        ['over 64 bits', post('Content-Length: 18446744073709551616\r\n', 'abcde'), 400],
        ['64 bits', post('Content-Length: 18446744073709551615\r\n', 'abcde'), 413],
        ['over the limit', post('Content-Length: 1000001\r\n', 'abcde'), 413],
        ['with a space before the colon', post('Content-Length : 5\r\n', 'abcde'), 400],
        ['with chunks, before', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
        ['with chunks, behind', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), 400],
        ['zero, with chunks', post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
        ['with chunks, of a GET', get('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), 400],
    ],
    'Transfer-Encoding': [
        ['with a space before the colon', chunked('0\r\n\r\n', 'Transfer-Encoding : chunked\r\n'), 400],
        ['unknown', chunked('0\r\n\r\n', 'Transfer-Encoding: xchunked\r\n'), 501],
        ['identity', chunked('0\r\n\r\n', 'Transfer-Encoding: identity\r\n'), 501],
        ['gzip, then chunked', chunked('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked\r\n'), 501],
        ['chunked, then identity', chunked('0\r\n\r\n', 'Transfer-Encoding: chunked, identity\r\n'), 501],
        ['chunked twice in a list', chunked('0\r\n\r\n', 'Transfer-Encoding: chunked, chunked\r\n'), 501],
        ['chunked twice', chunked('0\r\n\r\n', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), 501],
        ['chunked, then another field of it', chunked('0\r\n\r\n', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n'), 501],
        ['with a parameter', chunked('0\r\n\r\n', 'Transfer-Encoding: chunked;q=1\r\n'), 501],
        ['in quotes', chunked('0\r\n\r\n', 'Transfer-Encoding: "chunked"\r\n'), 501],
        ['behind a vertical tab', chunked('0\r\n\r\n', 'Transfer-Encoding: \x0bchunked\r\n'), 400],
        ['before a NUL', chunked('0\r\n\r\n', 'Transfer-Encoding: chunked\0\r\n'), 400],
        ['empty', chunked('0\r\n\r\n', 'Transfer-Encoding: \r\n'), 501],
        ['in HTTP/1.0', 'POST /healthz HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ],
    'Chunks': [
        ['a size that is none', chunked('zz\r\nabcde\r\n0\r\n\r\n'), 400],
        ['no size', chunked('\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a size with a plus', chunked('+5\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a size with a minus', chunked('-5\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a size with 0x', chunked('0x5\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a size over 64 bits', chunked('10000000000000005\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a size over the limit', chunked('f4241\r\nabcde\r\n0\r\n\r\n'), 413],
        ['a space before the size', chunked(' 5\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a bare LF behind the size', chunked('5\nabcde\r\n0\r\n\r\n'), 400],
        ['a bare CR behind the size', chunked('5\rabcde\r\n0\r\n\r\n'), 400],
        ['more than its size', chunked('5\r\nabcdefg\r\n0\r\n\r\n'), 400],
        ['a bare LF behind the bytes', chunked('5\r\nabcde\n0\r\n\r\n'), 400],
        ['a NUL in an extension', chunked('5;a=\0\r\nabcde\r\n0\r\n\r\n'), 400],
        ['a bare LF in an extension', chunked('5;a\nb\r\nabcde\r\n0\r\n\r\n'), 400],
        ['an extension of 17 KB', chunked(`5;a=${'b'.repeat(17_000)}\r\nabcde\r\n0\r\n\r\n`), 400],
        ['a trailer without a colon', chunked('0\r\nbroken\r\n\r\n'), 400],
        ['a trailer with a bare LF', chunked('0\r\nX: y\n\r\n'), 400],
        ['a length as trailer', chunked('0\r\nContent-Length: 7\r\n\r\n'), 400],
        ['a folded trailer', chunked('0\r\nX: y\r\n z\r\n\r\n'), 400],
        ['trailers of 17 KB', chunked(`0\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`), 400],
    ],
};

// What is right: this status, and the request behind is answered.
const taken = {
    'Taken': [
        ['an empty line before', `\r\n\r\n${get()}`, 200],
        ['an absolute target', get('', { target: 'http://x/healthz' }), 200],
        ['an absolute target in capitals', get('', { target: 'HTTP://x:80/healthz?a' }), 200],
        ['an empty Host', get('', { host: 'Host:\r\n' }), 200],
        ['a Host with a port', get('', { host: 'Host: [::1]:8080\r\n' }), 200],
        ['white space around a value', get('X-A: \t b \t\r\n'), 200],
        ['bytes over 127 in a value', get('X-A: \xe4\xff\r\n'), 200],
        ['100 fields', get('X: y\r\n'.repeat(99)), 200],
        ['a length with zeros in front', post('Content-Length: 005\r\n', 'abcde'), 405],
        ['chunked in capitals', chunked('5\r\nabcde\r\n0\r\n\r\n', 'Transfer-Encoding: CHUNKED\r\n'), 405],
        ['chunk sizes with zeros in front', chunked('0005\r\nabcde\r\n000\r\n\r\n'), 405],
        ['chunk sizes in capitals', chunked('A\r\nabcdeabcde\r\n0\r\n\r\n'), 405],
        ['chunk extensions', chunked('5;a=b;c="d\\"e"\r\nabcde\r\n0;x\r\n\r\n'), 405],
        ['trailers, which mean nothing', chunked('5\r\nabcde\r\n0\r\nX-A: b\r\nHost: y\r\n\r\n'), 405],
        ['another method', 'BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 405],
        ['a method in small letters is another one', 'get /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 405],
        ['a body of a GET', get('Content-Length: 5\r\n').concat('abcde'), 200],
    ],
};

const statuses = (received) => (received.match(/HTTP\/1\.1 \d+/g) ?? []).map((line) => Number(line.slice(9)));

for (const [group, rows] of Object.entries(refused)) {
    describe(`${group}, refused`, () => {
        for (const [name, bytes, status] of rows) {
            test(`${name}: ${status}`, async () => {
                const { received, ended } = await tcp(server, Buffer.from(bytes + behind, 'latin1'));
                assert.deepEqual(statuses(received), [status]);
                assert.match(received, /^connection: close\r$/im);
                assert.ok(ended, 'closed by the server');
            });
        }
    });
}

for (const [group, rows] of Object.entries(taken)) {
    describe(group, () => {
        for (const [name, bytes, status] of rows) {
            test(`${name}: ${status}`, async () => {
                const { received } = await tcp(server, Buffer.from(bytes + behind, 'latin1'));
                assert.deepEqual(statuses(received), [status, 404]);
            });
        }
    });
}

describe('The end of a connection', () => {
    test('what was pipelined before a refusal is answered first', async () => {
        const { received } = await tcp(server, Buffer.from(get() + get() + post('Content-Length: x\r\n') + behind, 'latin1'));
        assert.deepEqual(statuses(received), [200, 200, 400]);
    });

    for (const [name, bytes] of [
        ['HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n'],
        ['HTTP/1.0 with keep-alive', 'GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
        ['Connection: close', get('Connection: close\r\n')],
    ]) {
        test(`nothing is answered behind ${name}`, async () => {
            const { received, ended } = await tcp(server, Buffer.from(bytes + behind, 'latin1'));
            assert.deepEqual(statuses(received), [200]);
            assert.ok(ended);
        });
    }

    test('the refusal of a HEAD and of what comes behind it has a body', async () => {
        const head = 'HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
        const { received } = await tcp(server, `${head}broken\r\n\r\n`);
        assert.deepEqual(statuses(received), [200, 400]);
        assert.match(received, /\{"error":/);
    });
});
