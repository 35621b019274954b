// What is measured, with the budget where there is one. `load` becomes the generator's command line;
// `quick` replaces parts of it for script/bench --quick. A budget is a ratio to the floor in the same
// round (`floor`), or a number in the scenario's own unit (`most`).

export const metrics = {
    cpu: { member: 'cpuMicrosecondsPerOperation', unit: 'µs CPU', digits: 2 },
    memory: { member: 'bytesPerConnection', unit: 'KB', digits: 2, scale: 1 / 1024 },
    tail: { member: 'p99Microseconds', unit: 'µs p99', digits: 0 },
};

const manyConnections = { connections: 1000 };

export const scenarios = {
    'request-1': {
        title: 'request, 1 in flight on 200 connections', program: 'request', operation: 'request',
        budget: { floor: 1.2 },
    },
    'request-16': {
        title: 'request, 16 in flight on 200 connections', program: 'request', operation: 'request',
        load: { 'in-flight': 16 }, budget: { floor: 2 },
    },
    'request-companies': {
        title: 'request, 1 in flight on 200 connections of 10 companies', program: 'request', operation: 'request',
        companies: 10,
    },
    'fanout-1': {
        title: 'fan-out to 1,000, 1 update out', program: 'fanout', operation: 'delivery',
        load: manyConnections, budget: { floor: 1.05 },
    },
    'fanout-16': {
        title: 'fan-out to 1,000, 16 updates out', program: 'fanout', operation: 'delivery',
        load: { ...manyConnections, 'in-flight': 16 },
    },
    companies: {
        title: 'fan-out in 50 companies of 20', program: 'fanout', operation: 'delivery', companies: 50,
        load: manyConnections,
    },
    connect: {
        title: 'connect over WebSocket', program: 'connect', operation: 'connection',
        load: { connections: 2000 }, quick: { connections: 500 },
        // 45 µs on a machine where the floor took 14.
        budget: { floor: 3.2 },
    },
    'connect-stock': {
        title: 'connect as the stock client: polling, then upgrade', program: 'stock-connect', operation: 'connection',
        load: { connections: 500 }, quick: { connections: 100 },
    },
    'connect-tls': {
        title: 'connect over WebSocket and TLS', program: 'connect', operation: 'connection', tls: true,
        load: { connections: 500 }, quick: { connections: 100 },
    },
    idle: {
        title: 'memory of an idle connection', program: 'idle', operation: 'connection', metric: 'memory',
        load: { connections: 5000 }, quick: { connections: 2000 }, budget: { most: 2 },
    },
    'idle-tls': {
        title: 'memory of an idle connection with TLS', program: 'idle', operation: 'connection', metric: 'memory', tls: true,
        load: { connections: 2000 }, quick: { connections: 600 }, budget: { most: 18 },
    },
    polling: {
        title: 'request over long-polling, 200 clients', program: 'polling', operation: 'request',
    },
    'payload-64k': {
        title: 'request of 64 KiB on 20 connections', program: 'request', operation: 'request',
        load: { connections: 20, 'data-bytes': 65536 },
    },
    deflate: {
        title: 'request of 4 KiB with permessage-deflate on 50 connections', program: 'request', operation: 'request',
        deflate: true, load: { connections: 50, 'data-bytes': 4096 },
    },
    'request-tls': {
        title: 'request over TLS, 1 in flight on 200 connections', program: 'request', operation: 'request', tls: true,
    },
    latency: {
        title: 'latency of requests at half of saturation', program: 'latency', operation: 'request', metric: 'tail',
        budget: { floor: 2 },
    },
};
