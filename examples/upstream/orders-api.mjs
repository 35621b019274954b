// An ordinary REST API, as a company has it already: it knows nothing of Signalbox. Orders in memory; a
// caller proves who it is with a JWT (HS256), reading is free to all of the company, writing needs the
// permission `orders:write`.
//
//   ORDERS_JWT_SECRET=... node examples/upstream/orders-api.mjs [PORT]     (0: the system picks one)

import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';

const secret = process.env.ORDERS_JWT_SECRET ?? '';
const orders = new Map();  // company/id → order
let lastId = 0;

class Refusal extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

/// The claims of a good token.
function claimsOf(request) {
    const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ');
    const [head, payload, signature = ''] = token.split('.');
    const expected = createHmac('sha256', secret).update(`${head}.${payload}`).digest();
    const given = Buffer.from(signature, 'base64url');
    const good = scheme === 'Bearer' && given.length === expected.length && timingSafeEqual(given, expected);
    if (!good) throw new Refusal(401, 'log in first');
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    if (claims.exp * 1000 < Date.now()) throw new Refusal(401, 'log in again');
    return claims;
}

async function bodyOf(request) {
    let text = '';
    for await (const chunk of request) {
        text += chunk;
        if (text.length > 100_000) throw new Refusal(413, 'too large');
    }
    try {
        return JSON.parse(text);
    } catch {
        throw new Refusal(400, 'this is no JSON');
    }
}

function checked({ item, quantity = 1 }) {
    if (typeof item !== 'string' || item === '') throw new Refusal(422, 'an order needs an item');
    if (!Number.isInteger(quantity) || quantity < 1) throw new Refusal(422, 'quantity must be 1 or more');
    return { item, quantity };
}

async function answer(request, url) {
    const { companyId, permissions = [] } = claimsOf(request);
    const [, collection, id, rest] = url.pathname.split('/');
    if (collection !== 'orders' || rest !== undefined) throw new Refusal(404, 'no such page');
    const key = `${companyId}/${id}`;
    const writes = request.method !== 'GET';
    if (writes && !permissions.includes('orders:write')) throw new Refusal(403, 'you may not do that');
    if (id !== undefined && !orders.has(key)) throw new Refusal(404, 'no such order');

    if (request.method === 'GET' && id === undefined) {
        const item = url.searchParams.get('item');
        const own = [...orders].filter(([name]) => name.startsWith(`${companyId}/`)).map(([, order]) => order);
        return [200, { orders: own.filter((order) => item === null || order.item === item) }];
    }
    if (request.method === 'GET') return [200, orders.get(key)];
    if (request.method === 'POST' && id === undefined) {
        const order = { id: String(++lastId), ...checked(await bodyOf(request)) };
        orders.set(`${companyId}/${order.id}`, order);
        return [201, order];
    }
    if (request.method === 'PATCH' && id !== undefined) {
        const before = orders.get(key);
        const order = { id, ...checked({ ...before, ...(await bodyOf(request)) }) };
        orders.set(key, order);
        return [200, order];
    }
    if (request.method === 'DELETE' && id !== undefined) {
        orders.delete(key);
        return [204, undefined];
    }
    throw new Refusal(405, 'not this way');
}

const server = http.createServer(async (request, response) => {
    let status, body;
    try {
        [status, body] = await answer(request, new URL(request.url, 'http://localhost'));
    } catch (error) {
        status = error.status ?? 500;
        body = { message: error.status ? error.message : 'something broke' };
    }
    response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
});
server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => {
    console.log(`orders listening on http://127.0.0.1:${server.address().port}`);
});
process.on('SIGTERM', () => process.exit(0));
