// What a sender's data becomes: the same bytes, and to JSON.parse the same value.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from './harness.mjs';

const server = await Server.start();
after(() => server.stop());
const member = await server.member();

const kept = [
    '0.11935319286735585',
    '5e-324',
    '1.7976931348623157e308',
    '-0',
    '-0.0',
    '1.0',
    '1E2',
    '1e+2',
    '100000000000000000000.5',
    '9007199254740993',
    '18446744073709551615',
    '-9223372036854775808',
    '{"a":1,"a":2}',
    '{"b":1,"a":{"z":[],"y":{}}}',
    '{"":"empty name","__proto__":{"x":1}}',
    '"\u2028\u2029"',
    '"\\u2028\\u0000\\u001f"',
    '"\\/ \\b\\f\\n\\r\\t \\" \\\\"',
    '"\\ud83d\\ude00 😀 \\u00e9 é"',
    '[1,null,true,false,"",[],{}]',
    '"RESPONSE\\",\\"data\\":1"',
    '{"data":{"data":"\\"data\\":"}}',
];

const refused = ['1e400', '-1e400', '99999999999999999999', '-9223372036854775809', '"\\ud800"', '"\\udc00\\ud800"', '01', '+1', '1.', '.5', 'NaN', "'a'", '[1,]', '{"a":1,}', '"\t"', '/**/1', '\ufeff1'];

const request = (data) => `{"type":"REQUEST","requestId":"j","action":"echo","data":${data}}`;
const forms = {
    'a string': (data) => JSON.stringify(request(data)),
    'an object': request,
};

async function joined(format) {
    const raw = server.raw({ query: `&sessionId=${member.sessionId}&format=${format}` });
    await raw.join(member);
    return raw;
}

/// The bytes after `"data":` up to the envelope's end, for an envelope whose last member is data.
const dataBytes = (envelope) => envelope.slice(envelope.indexOf('"data":') + 7, -1);

for (const format of ['string', 'object']) {
    for (const [form, write] of Object.entries(forms)) {
        describe(`sent as ${form}, answered as ${format}`, () => {
            let raw;
            before(async () => {
                raw = await joined(format);
            });

            for (const data of kept) {
                test(`${data} arrives as it was sent`, async () => {
                    const answer = await raw.exchange(write(data));
                    assert.deepEqual(JSON.parse(answer).data, JSON.parse(data));
                    assert.ok(Object.is(JSON.parse(answer).data, JSON.parse(data)) || typeof JSON.parse(data) === 'object');
                    assert.equal(dataBytes(answer), data);
                });
            }
        });
    }
}

describe('refused', () => {
    let raw;
    before(async () => {
        raw = await joined('string');
    });

    for (const data of refused) {
        test(`${JSON.stringify(data)} is INVALID_MESSAGE`, async () => {
            const answer = JSON.parse(await raw.exchange(forms['a string'](data)));
            assert.equal(answer.type, 'ERROR');
            assert.equal(answer.error.code, 'INVALID_MESSAGE');
        });
    }

    // Valid JSON that is beyond our limits; as an object it is part of the packet itself.
    for (const data of ['1e400', '99999999999999999999', '"\\ud800"']) {
        test(`${data} in an object is INVALID_MESSAGE`, async () => {
            const answer = JSON.parse(await raw.exchange(forms['an object'](data)));
            assert.equal(answer.error.code, 'INVALID_MESSAGE');
        });
    }
});

test('updates pass their data on as it was sent', async () => {
    const raw = await joined('string');
    const data = '{"n":0.11935319286735585,"big":18446744073709551615,"a":1,"a":2,"s":"\\u2028\u2028"}';
    const { status, text } = await server.http('POST', '/api/v1/updates', {
        body: `{"companyId":"c1","action":"exact","data":${data}}`,
    });
    assert.equal(status, 202, text);
    assert.ok((await raw.message()).includes(`"data":${data}`));
});

test('REST answers pass data on as it was sent', async () => {
    for (const data of kept) {
        const { status, text } = await server.http('POST', `/api/v1/actions/echo?sessionId=${member.sessionId}`, {
            token: member.token, body: `{"data":${data}}`,
        });
        assert.equal(status, 200, text);
        assert.ok(text.includes(`"data":${data}`), text);
    }
});
