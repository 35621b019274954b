// What a client of the actions in contracts.test.mjs writes, and what it must not: where a line says that an
// error is expected, tsc has to find one.

import { io, type Socket } from 'socket.io-client';
import type {
    ActionInput, ActionOutput, ActionRequest, ClientToServerEvents, ErrorCode, ServerMessage, ServerToClientEvents, SystemUpdate,
} from './actions.js';

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io('ws://localhost', { path: '/realtime' });

const order: ActionInput<'orders.create'> = {
    item: 'tea', size: null, place: [1, 2], address: { street: 'x' }, 'odd-name "x"': true, labels: { a: 'b' },
};
// @ts-expect-error  item is required
const without: ActionInput<'orders.create'> = { quantity: 1 };
// @ts-expect-error  nothing else is taken
const more: ActionInput<'orders.create'> = { item: 'tea', other: 1 };
// @ts-expect-error  two numbers
const short: ActionInput<'orders.create'> = { item: 'tea', place: [1] };
// @ts-expect-error  none of the sizes
const large: ActionInput<'orders.create'> = { item: 'tea', size: 'xl' };

const tree: ActionOutput<'orders.tree'> = { label: 'a', children: [{ label: 'b', children: [] }] };
// @ts-expect-error  all the way down
const broken: ActionOutput<'orders.tree'> = { label: 'a', children: [{ label: 'b', children: [{}] }] };

async function calls(): Promise<number> {
    const answer = await socket.emitWithAck('orders.create', order);
    if (answer.type === 'ERROR') {
        const code: ErrorCode | string = answer.error.code;
        return code.length;
    }
    const item: string = answer.data.item;
    // @ts-expect-error  an integer or nothing
    const quantity: string = answer.data.quantity;
    await socket.emitWithAck('system.ping');
    await socket.emitWithAck('orders-create');
    await socket.emitWithAck('orders-create', 'text');
    // @ts-expect-error  needs data
    await socket.emitWithAck('orders.create');
    // @ts-expect-error  no such action
    await socket.emitWithAck('orders.destroy', order);
    await socket.emitWithAck('reports.monthly', { any: 'thing' });
    await socket.emitWithAck('reports.weekly.sales', {});
    const weekly: ActionInput<'reports.weekly.sales'> = { key: 1 };
    // @ts-expect-error  an object, unlike other reports
    const text: ActionInput<'reports.weekly.sales'> = 'text';
    const any: ActionInput<'reports.monthly'> = 'text';
    return item.length + [quantity, weekly, text, any].length;
}

const request: ActionRequest<'orders.create'> = { type: 'REQUEST', requestId: '1', action: 'orders.create', data: order };
socket.emit('message', request);
socket.emit('message', JSON.stringify(request));
// @ts-expect-error  data of another action
const mixed: ActionRequest = { type: 'REQUEST', requestId: '1', action: 'orders.create', data: 'text' };

socket.on('message', (text) => {
    const message: ServerMessage = typeof text === 'string' ? (JSON.parse(text) as ServerMessage) : text;
    switch (message.type) {
        case 'RESPONSE': return message.action;
        case 'ERROR': return message.error.retryAfterMs?.toFixed();
        case 'UPDATE':
            if (message.kind === 'status') return message.data.seq;
            if (message.kind === 'push') return message.position;
            if (message.action === 'system.connected') return message.data.connectionId;
            return message.action;
    }
});
const expiring = (update: SystemUpdate<'system.tokenExpiring'>): string => update.data.expiresAt;

export { broken, calls, expiring, large, mixed, more, short, tree, without };
