// In a real browser: the guide's client code, and the test client from the link that --dev prints.
// Leaves screenshots in tests/output/.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { allLogged, clickConnect, connect, launchBrowser, logged, openPage as openPageIn, runAction, screenshot } from './browser.mjs';
import { patience, root, Server, slowness } from './harness.mjs';

const orderSchema = {
    type: 'object',
    properties: {
        item: { title: 'Item', description: 'What is ordered.', type: 'string', minLength: 1 },
        price: { title: 'Price', type: 'number', minimum: 0 },
        quantity: { title: 'Quantity', type: 'integer', minimum: 1, default: 1 },
        size: { title: 'Size', enum: ['small', 'large', null] },
        gift: { title: 'Gift', type: 'boolean' },
        lines: {
            title: 'Lines', type: 'array', minItems: 1,
            items: { type: 'object', properties: { sku: { type: 'string', minLength: 3 }, count: { type: 'integer' } }, required: ['sku'] },
        },
        address: { $ref: '#/definitions/address' },
        labels: { title: 'Labels', type: 'object', additionalProperties: { type: 'string' } },
    },
    required: ['item', 'lines'], additionalProperties: false,
    definitions: {
        address: {
            title: 'Address', type: 'object', required: ['street'],
            properties: { street: { type: 'string' }, billing: { $ref: '#/definitions/address' } },
        },
    },
};

/// Answers every action with its data; `heard` are the requests' texts.
const heard = [];
const backend = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    heard.push(text);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(JSON.parse(text).data ?? null));
});
await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
const upstream = (name, more) => `[[actions.upstream]]\nname = "${name}"\nurl = "http://127.0.0.1:${backend.address().port}/"\npermission = ""\n${more}\n`;

const server = await Server.start({
    config: upstream('orders.create', `description = "Makes an order."\ninput_schema = '''${JSON.stringify(orderSchema)}'''`) + upstream('reports.*', 'description = "Makes a report."'),
});
const browser = await launchBrowser();
const openPage = (options) => openPageIn(browser, options);
after(async () => {
    await browser.close();
    await server.stop();
    backend.close();
});

const { url: link } = await server.testClientLink();

describe('the guide\'s client in Chromium', () => {
    const guideFile = path.resolve(root, '../shared/integration-guide.md');

    for (const transports of [['polling', 'websocket'], ['websocket'], ['polling']]) {
        test(`over ${transports.join(' and ')}`, { skip: !existsSync(guideFile) }, async () => {
            const member = await server.member({ user: 'browser' });
            const [, block] = /```javascript\n([\s\S]*?)```/.exec(readFileSync(guideFile, 'utf8'));
            const code = block
                .replace(/^import .*$/m, '')
                .replaceAll('ws://your-domain', server.wsUrl)
                .replaceAll('your-jwt-token', member.token)
                .replaceAll('your-session-id', member.sessionId)
                .replaceAll('optional-artifact-id', 'artifact-1');
            // The guide's code is not the page's own: its policy would not let it run.
            const { page, close } = await openPage({ bypassCSP: true });
            const lines = [];
            page.on('console', async (message) => {
                lines.push(await Promise.all(message.args().map((arg) => arg.jsonValue().catch(() => null))));
            });
            // A page of the server's own origin that has loaded the client library.
            await page.goto(`${server.url}/test-client`);
            await page.evaluate(([text, list]) => {
                const element = document.createElement('script');
                element.textContent = `(() => { const realIo = window.io; const io = (url, options) => realIo(url, { ...options, transports: ${JSON.stringify(list)}, forceNew: true }); ${text} })();`;
                document.head.append(element);
            }, [code, transports]);
            const arrived = async (matches) => {
                const deadline = Date.now() + patience;
                while (!lines.some(matches)) {
                    assert.ok(Date.now() < deadline, JSON.stringify(lines));
                    await page.waitForTimeout(20);
                }
                return lines.find(matches);
            };
            const [, response] = await arrived(([text]) => text?.startsWith('Received response'));
            assert.deepEqual(response.data, { key: 'value' });
            await server.publish({ companyId: 'c1', artifactId: 'artifact-1', action: 'artifactUpdate', data: { n: 1 } });
            const [, update] = await arrived(([text, m]) => text?.startsWith('Received update') && m.action === 'artifactUpdate');
            assert.deepEqual(update.data, { n: 1 });
            await close();
        });
    }
});

describe('the test client', () => {
    test('opens filled in from the printed link, and takes the secrets out of the address', async () => {
        const { page, faults, close } = await openPage();
        await page.goto(link);
        assert.equal(page.url(), link.split('#')[0]);
        assert.ok((await page.getByLabel('Token (JWT)').inputValue()).split('.').length === 3);
        assert.ok((await page.getByLabel('Session id').inputValue()).length > 0);
        assert.deepEqual(faults, []);
        await close();
    });

    for (const [name, options] of Object.entries({
        'wide-light': { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
        'phone-dark': { viewport: { width: 375, height: 812 }, colorScheme: 'dark' },
    })) {
        test(`runs actions and shows updates (${name})`, async () => {
            const { page, faults, close } = await openPage(options);
            await page.goto(link);
            await connect(page);
            await runAction(page, 'echo');
            await logged(page, 'responses', 'echo').waitFor();
            await runAction(page, 'longTask');
            await logged(page, 'responses', 'longTask').waitFor();
            assert.ok((await allLogged(page, 'updates', 'longTask').count()) >= 3);

            const companyId = await page.locator('#details dt:text-is("Company") + dd').textContent();
            await server.publish({ companyId, action: 'fromOutside', data: { n: 1 } });
            await logged(page, 'updates', 'fromOutside').waitFor();

            await page.getByText('Send an update', { exact: true }).click();
            await page.getByRole('button', { name: 'Send update' }).click();
            await logged(page, 'updates', 'statusChange').waitFor();

            await page.getByLabel('Artifact id to watch').fill('chosen-here');
            await page.getByRole('button', { name: 'Subscribe' }).click();
            await page.getByLabel('Stop watching chosen-here').waitFor();

            await page.getByRole('button', { name: /^Raw packets/ }).click();
            await logged(page, 'packets', '← message').waitFor();
            await page.evaluate(() => scrollTo(0, 0));
            await screenshot(page, `test-client-${name}`);
            const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
            assert.ok(content <= window, `${content} px wide content in a window of ${window} px`);
            assert.deepEqual(faults, []);
            await close();
        });
    }

    for (const [name, options] of Object.entries({
        wide: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
        phone: { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
    })) {
        test(`asks for an action's data in a form, and shows at the fields what is wrong (${name})`, async () => {
            const { page, faults, close } = await openPage(options);
            const form = page.locator('#data-form');
            const problemOf = async (field) => page.locator(`#${await field.getAttribute('id')}-problem`);
            const wrong = async (field, text) => (await problemOf(field)).filter({ hasText: text }).waitFor();
            await page.goto(link);
            await connect(page);
            await runAction(page, 'orders.create');
            const item = form.getByLabel('Item');
            await wrong(item, 'is required');
            assert.equal(await item.evaluate((field) => field === document.activeElement), true);
            assert.equal(await form.getByLabel('Quantity').inputValue(), '1');

            await item.fill('tea');
            await form.getByLabel('Price').fill('1.50');
            await form.getByLabel('Size').selectOption('null');
            await form.getByLabel('Gift').selectOption('true');
            await form.getByLabel('sku').fill('ab');
            await form.getByRole('button', { name: 'Add to Lines' }).click();
            await form.getByLabel('sku').nth(1).fill('def');
            await form.getByRole('button', { name: 'Add Address' }).click();
            await form.getByLabel('street').fill('Main Street');
            await form.getByLabel('Labels').fill('{ "a": 1 }');
            await page.getByRole('button', { name: 'Send', exact: true }).click();
            await wrong(form.getByLabel('sku').first(), 'at least 3 characters');
            await wrong(form.getByLabel('Labels'), '/a must be a string');
            assert.equal(await (await problemOf(form.getByLabel('sku').nth(1))).textContent(), '');
            await page.evaluate(() => scrollTo(0, 0));
            await screenshot(page, `test-client-form-${name}`, { fullPage: true });

            await form.getByRole('button', { name: 'Remove 1' }).click();
            await form.getByLabel('Labels').fill('{');
            await page.getByRole('button', { name: 'Send', exact: true }).click();
            await wrong(form.getByLabel('Labels'), 'JSON');
            await form.getByLabel('Labels').fill('');
            await page.getByRole('button', { name: 'Send', exact: true }).click();
            await logged(page, 'responses', 'orders.create').waitFor();
            const sent = '{"item":"tea","price":1.50,"quantity":1,"size":null,"gift":true,"lines":[{"sku":"def"}],"address":{"street":"Main Street"}}';
            assert.ok(heard.at(-1).includes(sent), `${heard.at(-1)}: each number as it was typed`);

            await page.getByRole('button', { name: 'JSON', exact: true }).click();
            assert.deepEqual(JSON.parse(await page.locator('#data').inputValue()), JSON.parse(sent));
            await page.locator('#data').fill('{"item":["coffee"]}');
            await page.getByRole('button', { name: 'Form', exact: true }).click();
            await page.getByText('The form cannot show this data as it is.').waitFor();
            await page.locator('#data').fill('{"item":"coffee","lines":[{"sku":"x"},{"sku":"longer","count":2}]}');
            await page.getByRole('button', { name: 'Form', exact: true }).click();
            assert.equal(await item.inputValue(), 'coffee');
            assert.equal(await form.getByLabel('sku').nth(1).inputValue(), 'longer');
            assert.equal(await form.getByLabel('street').count(), 0);
            const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
            assert.ok(content <= window, `${content} px wide content in a window of ${window} px`);
            assert.deepEqual(faults, []);
            await close();
        });
    }

    test('a form gives back what it is given, and says when it cannot', async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        const person = { type: 'object', properties: { name: { type: 'string' }, friends: { type: 'array', items: { $ref: '#' } } }, required: ['name'] };
        const of = (properties, more) => ({ type: 'object', properties, ...more });
        const held = [
            [{ type: 'string' }, 'text'],
            [{ type: 'integer', minimum: 0 }, 7],
            [{ enum: ['a', 2, null, [1]] }, [1]],
            [{ type: 'array', items: { type: 'number' } }, [1, 2.5, -3]],
            [{ type: 'array', items: { type: 'array', items: { type: 'boolean' } } }, [[true], [], [false, true]]],
            [person, { name: 'a', friends: [{ name: 'b', friends: [{ name: 'c' }] }] }],
            [of({ a: { type: ['integer', 'null'] } }, { required: ['a'] }), { a: null }],
            [of({ a: { type: ['object', 'null'], properties: { b: { type: 'string' } } } }, { required: ['a'] }), { a: { b: 'x' } }],
            [of({ a: { items: [{ type: 'number' }] } }), { a: [1, 'x'] }],
            [of({ a: true }), { a: { any: ['thing', 1] }, other: [1] }],
            [{ if: { type: 'array' }, then: { items: { $ref: '#/definitions/one' } }, else: { $ref: '#/definitions/one' }, definitions: { one: person } }, [{ name: 'x' }]],
            [{ allOf: [{ $ref: '#/definitions/one' }, { properties: { age: { type: 'integer' } } }], definitions: { one: person } }, { name: 'x', age: 1 }],
            [of({ 'a/b~c': of({ '': { type: 'string' } }) }), { 'a/b~c': { '': 'x' } }],
        ];
        const asWritten = [
            [{ type: 'integer' }, '12345678901234567890'],
            [of({ a: { type: 'number' }, b: true, c: { enum: [1, 2] } }), '{"a":1.50,"b":[1E+2,-0],"c":2,"d":0.10}'],
        ];
        const refused = [
            [{ type: 'number', enum: [1, 2] }, '1.0'],
            [{ type: 'integer' }, '"7"'],
            [{ type: 'array', items: { type: 'string' } }, JSON.stringify(Array(300).fill('x'))],
            [of({ a: { type: 'boolean' } }), '{"a":"yes"}'],
        ];
        const results = await page.evaluate(([good, bad, same]) => [
            good.map(([schema, value]) => {
                const form = schemaForm.make(schema);
                document.getElementById('data-form').replaceChildren(form.element);
                return [form.take(JSON.stringify(value)), JSON.parse(form.read().text), JSON.parse(form.read('').text)];
            }),
            bad.map(([schema, text]) => schemaForm.make(schema).take(text)),
            same.map(([schema, text]) => {
                const form = schemaForm.make(schema);
                return form.take(text) && form.read().text.replace(/\s/g, '');
            }),
        ], [held, refused, asWritten]);
        held.forEach(([schema, value], i) => assert.deepEqual(results[0][i], [true, value, value], JSON.stringify(schema)));
        assert.deepEqual(results[1], refused.map(() => false));
        assert.deepEqual(results[2], asWritten.map(([, text]) => text));
        await close();
    });

    test('a fault finds its field after items before it have gone', async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        const said = await page.evaluate(() => {
            const inner = { type: 'object', properties: { tags: { type: 'array', items: { type: 'string' } } } };
            const form = schemaForm.make({ type: 'object', properties: { list: { type: 'array', items: inner } }, required: ['list'] });
            document.getElementById('data-form').replaceChildren(form.element);
            document.getElementById('data-form').hidden = false;
            form.take('{"list":[{},{},{"tags":["a","b"]}]}');
            form.element.querySelector('[aria-label="Remove 1"]').click();
            const left = form.showFaults([{ path: '/list/1/tags/1', message: 'is no good' }, { path: '/list/9', message: 'is not there' }, { path: '', message: 'is bad' }]);
            const field = [...form.element.querySelectorAll('input')].find((one) => one.value === 'b');
            return [document.getElementById(`${field.id}-problem`).textContent, left.map(({ path }) => path)];
        });
        assert.deepEqual(said, ['is no good', ['']]);
        await close();
    });

    test('of a prefix the rest of the name is typed', async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        await connect(page);
        await runAction(page, 'reports.*');
        await page.getByText('What comes after “reports.” is missing.').waitFor();
        await page.getByLabel('The rest of its name').fill('monthly');
        await page.getByRole('button', { name: 'Send', exact: true }).click();
        await logged(page, 'responses', 'reports.monthly').waitFor();
        await screenshot(page, 'test-client-prefix');
        await close();
    });

    test('actions have a form where their schema asks for something, and run as the form begins', async () => {
        const { page, faults, close } = await openPage();
        await page.goto(link);
        await connect(page);
        const names = await page.locator('#action option').evaluateAll((options) => options.map(({ value }) => value).filter(Boolean));
        const withForm = [];
        for (const name of names) {
            await page.getByLabel('Action', { exact: true }).selectOption(name);
            if (await page.locator('#data-form').isVisible()) withForm.push(name);
        }
        assert.deepEqual(withForm, names.filter((name) => !['echo', 'someAction', 'reports.*'].includes(name)));
        for (const name of ['system.ping', 'longTask', 'slow']) {
            await runAction(page, name);
            await logged(page, 'responses', name).waitFor();
        }
        assert.deepEqual(faults, []);
        await close();
    });

    test('each transport connects', async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        for (const [choice, transport] of [['websocket', 'websocket'], ['polling', 'polling'], ['polling,websocket', 'websocket']]) {
            await page.getByLabel('Transports').selectOption(choice);
            await clickConnect(page);
            await page.getByText(`Connected · ${transport}`).waitFor();
        }
        await close();
    });

    test('every error scenario goes as it says', { timeout: 120_000 * slowness }, async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        await page.getByText('Error scenarios').click();
        await page.getByRole('button', { name: 'Run all but the restart' }).click();
        await page.waitForFunction(() => !document.getElementById('run-all').disabled, null, { timeout: 90_000 * slowness });
        const outcomes = await page.evaluate(() => [...document.querySelectorAll('.scenario')].map((scenario) =>
            [scenario.querySelector('h3').textContent, scenario.querySelector('.outcome').textContent]));
        for (const [name, outcome] of outcomes.filter(([name]) => name !== 'Server restart')) {
            assert.match(outcome, /^✓ As expected/, name);
        }
        await screenshot(page, 'test-client-scenarios', { fullPage: true });
        await close();
    });

    test('a restart of the server is told, and the page comes back', { timeout: 120_000 * slowness }, async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        await connect(page);
        await page.getByText('Error scenarios').click();
        await page.getByRole('button', { name: 'Run: Server restart' }).click();
        await server.restart();
        const outcome = page.locator('.scenario').filter({ hasText: 'Server restart' }).locator('.outcome');
        await outcome.filter({ hasText: 'As expected' }).waitFor({ timeout: 60_000 * slowness });
        await screenshot(page, 'test-client-restart');
        await close();
    });
});
