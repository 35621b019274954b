// In a real browser: the test client shows the connection as it is, sends what it shows, says why a
// connect fails, and can be used with the keyboard on a small screen.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { allLogged, chooseAction, clickConnect, clickSend, connect, launchBrowser, logged, openPage, runAction, screenshot } from './browser.mjs';
import { eventually, patience, root, Server, userToken } from './harness.mjs';

const server = await Server.start({ config: '[auth]\nexpiry_grace = "20s"\n[auth.jwt]\nleeway = "0s"\n' });
const browser = await launchBrowser();
after(async () => {
    await browser.close();
    await server.stop();
});

const linkOf = (at, values) => `${at}/test-client#${new URLSearchParams(values)}`;
const details = (page, name) => page.locator(`#details dt:text-is("${name}") + dd`);
const chips = (page) => page.locator('#artifacts .chip').evaluateAll((all) => all.map((chip) => chip.firstChild.textContent).sort());
const chipsBecome = (page, wanted) => eventually(`${wanted} watched`, async () => JSON.stringify(await chips(page)) === JSON.stringify(wanted));

/// Opens the page filled in for a member, runs `use` with it, and closes it.
async function withPage(member, use, options) {
    const { page, faults, close } = await openPage(browser, options);
    await page.goto(linkOf(server.url, { token: member.token, sessionId: member.sessionId, ...(member.artifactId && { artifactId: member.artifactId }) }));
    await use(page);
    assert.deepEqual(faults, []);
    await close();
}

const onPage = (name, use, options) => test(name, async () => withPage(await server.member({ user: 'tester', permissions: ['updates:send'] }), async (page) => {
    await connect(page);
    await use(page);
}, options));

/// The text of the newest request's entry.
const lastRequest = (page, name) => logged(page, 'requests', name).locator('pre').textContent();
const asJson = (page) => page.getByRole('button', { name: 'JSON', exact: true }).click();
const asForm = (page) => page.getByRole('button', { name: 'Form', exact: true }).click();

describe('what is sent is what is shown', () => {
    onPage('“Form” in the form leaves what was typed', async (page) => {
        await chooseAction(page, 'longTask');
        await page.getByLabel('Steps').fill('7');
        await asForm(page);
        assert.equal(await page.getByLabel('Steps').inputValue(), '7');
        await clickSend(page);
        const { data } = JSON.parse(await lastRequest(page, 'longTask'));
        assert.equal(data.steps, 7);
        assert.ok(!('key' in data), JSON.stringify(data));
    });

    onPage('members that the form has no field for are shown, and can be taken out', async (page) => {
        await chooseAction(page, 'longTask');
        await asJson(page);
        await page.locator('#data').fill('{"steps":2,"other":[1.50]}');
        await asForm(page);
        const others = page.getByLabel('Other members');
        assert.deepEqual(JSON.parse(await others.inputValue()), { other: [1.5] });
        await clickSend(page);
        assert.match(await lastRequest(page, 'longTask'), /"other": \[\s*1\.50\s*\]/);
        await others.fill('{"steps":3}');
        await clickSend(page);
        await page.getByText('“steps” has a field of its own').waitFor();
        await others.fill('');
        await clickSend(page);
        assert.deepEqual(JSON.parse(await lastRequest(page, 'longTask')).data, { steps: 2 });
        await chooseAction(page, 'slow');
        assert.equal(await others.isVisible(), false);
    });

    onPage('“Format” changes white space only, and the log shows numbers as they are', async (page) => {
        await chooseAction(page, 'echo');
        const text = '{"b":12345678901234567890,"2":1.50 ,"a":[ ],"c":{},\n"d":[-0,1E+2,"\\u00e9 : [1,  2]\\/"],"a":null}';
        const formatted = '{\n  "b": 12345678901234567890,\n  "2": 1.50,\n  "a": [],\n  "c": {},\n  "d": [\n    -0,\n    1E+2,\n    "\\u00e9 : [1,  2]\\/"\n  ],\n  "a": null\n}';
        await page.locator('#data').fill(text);
        await page.getByRole('button', { name: 'Format' }).click();
        assert.equal(await page.locator('#data').inputValue(), formatted);
        await page.locator('#data').fill('[ 1.50 , 0.30 ]');
        await clickSend(page);
        for (const kind of ['requests', 'responses']) {
            assert.match(await logged(page, kind, 'echo').locator('pre').textContent(), /"data": \[\s*1\.50,\s*0\.30\s*\]/);
        }
    });

    onPage('faults in JSON are told with line and column, and only faults are', async (page) => {
        await chooseAction(page, 'echo');
        const told = async (text) => {
            await page.locator('#data').fill(text);
            return page.locator('#data-problem').textContent();
        };
        assert.match(await told('{\n  "a": 1,\n  "b" 2\n}'), /^Line 3, column 7: /);
        assert.match(await told('{"a": tru}'), /^Line 1, column 7: /);
        assert.match(await told('\n\n {'), /^Line 3, column 3: .*ends/);
        assert.match(await told('{"a":"x\ny"}'), /^Line 1, column 8: /);
        assert.equal(await told('  [1]\n'), '');
        const differing = await page.evaluate(() => {
            const parts = ['{', '}', '[', ']', ':', ',', '"a"', '1', '-', '0', '.', 'e1', 'true', 'null', ' ', '\n', '"\\u00e9"', '"\\x"', '01', "'"];
            let state = 1;
            const next = (below) => (state = (state * 48271) % 2147483647) % below;
            const parses = (text) => {
                try { return [JSON.parse(text)].length > 0; } catch { return false; }
            };
            const wrong = [];
            for (let i = 0; i < 50000; ++i) {
                const text = Array.from({ length: 1 + next(9) }, () => parts[next(parts.length)]).join('');
                if ((jsonText.fault(text) === undefined) !== parses(text)) wrong.push(text);
                else if (parses(text) && JSON.stringify(JSON.parse(jsonText.pretty(text))) !== JSON.stringify(JSON.parse(text))) wrong.push(text);
            }
            return wrong;
        });
        assert.deepEqual(differing, []);
    });

    onPage('Ctrl+Enter sends from fields and text areas, once', async (page) => {
        await chooseAction(page, 'longTask');
        await page.getByLabel('Steps').press('Control+Enter');
        await logged(page, 'responses', 'longTask').waitFor();
        await page.getByLabel('Time-out').press('Control+Enter');
        await asJson(page);
        await page.locator('#data').press('Control+Enter');
        await chooseAction(page, 'updates.send');
        await asForm(page);
        await page.getByLabel('Action', { exact: true }).press('Control+Enter');
        await page.locator('#data-form textarea').first().press('Control+Enter');
        await logged(page, 'requests', 'updates.send').waitFor();
        assert.equal(await allLogged(page, 'requests', 'longTask').count(), 3);
        assert.equal(await allLogged(page, 'requests', 'updates.send').count(), 2);
    });
});

describe('artifacts that are watched', () => {
    test('stay in the list over a recovery, also without the first', async () => {
        await withPage({ ...await server.member({ user: 'back' }), artifactId: 'first' }, async (page) => {
            const breakAndRecover = async () => {
                await page.evaluate(() => socket.io.engine.close());
                await page.getByText(/^Connected ·/).waitFor();
                await details(page, 'Recovered').filter({ hasText: 'yes' }).waitFor({ timeout: 4 * patience });
            };
            await connect(page);
            await page.getByLabel('Artifact id to watch').fill('second');
            await page.getByRole('button', { name: 'Subscribe' }).click();
            await chipsBecome(page, ['first', 'second']);
            await page.evaluate(() => socket.io.engine.close());
            await details(page, 'Recovered').filter({ hasText: 'yes' }).waitFor({ timeout: 4 * patience });
            assert.deepEqual(await chips(page), ['first', 'second']);
            await page.getByLabel('Stop watching first').click();
            await chipsBecome(page, ['second']);
            await breakAndRecover();
            assert.deepEqual(await chips(page), ['second']);
        });
    });

    test('go from the list when rights to them end', async () => {
        const rights = { user: 'less', artifacts: ['*'] };
        const member = await server.member(rights);
        await withPage({ ...member, artifactId: 'plan' }, async (page) => {
            await connect(page);
            await page.getByLabel('Artifact id to watch').fill('draft');
            await page.getByRole('button', { name: 'Subscribe' }).click();
            await chipsBecome(page, ['draft', 'plan']);
            await chooseAction(page, 'auth.refresh');
            await page.locator('#data-form input').fill(userToken({ ...rights, artifacts: ['d*'] }));
            await clickSend(page);
            await logged(page, 'system', 'system.permissionsChanged').waitFor();
            await chipsBecome(page, ['draft']);
        });
    });

    onPage('follow the actions that are run by hand, answered by message or ack', async (page) => {
        for (const ack of [false, true]) {
            await page.getByLabel('Answer by ack').setChecked(ack);
            await chooseAction(page, 'artifact.subscribe');
            await page.locator('#data-form input').fill('by-hand');
            await clickSend(page);
            await chipsBecome(page, ['by-hand']);
            await chooseAction(page, 'artifact.unsubscribe');
            await page.locator('#data-form input').fill('by-hand');
            await clickSend(page);
            await chipsBecome(page, []);
        }
    });
});

describe('what is said of the connection', () => {
    test('a refresh shows its new end, and its token is not readable', async () => {
        await withPage(await server.member({ user: 'fresh', ttl: 120 }), async (page) => {
            await connect(page);
            assert.match(await details(page, 'Expires').textContent(), /^(2 min|1 min \d+ s)/);
            const token = userToken({ user: 'fresh', ttl: 7200 });
            await chooseAction(page, 'auth.refresh');
            const field = page.locator('#data-form input');
            assert.equal(await field.getAttribute('type'), 'password');
            await field.fill(token);
            await page.getByRole('button', { name: /^Raw packets/ }).click();
            await clickSend(page);
            await logged(page, 'responses', 'auth.refresh').waitFor();
            assert.match(await details(page, 'Expires').textContent(), /^(2 h|1 h 59 min)/);
            const log = await page.locator('#log').textContent();
            assert.match(log, /"token": "‹token, \d+ characters›"/);
            assert.ok(!log.includes(token));
        });
    });

    const ends = {
        'a DISCONNECT of the server': async ({ id }) => server.http('DELETE', `/api/v1/connections/${id}`),
        'a revocation': async ({ member }) => server.http('DELETE', `/api/v1/sessions/${member.sessionId}`),
        'a click on Disconnect': async ({ page }) => page.getByRole('button', { name: 'Disconnect' }).click(),
    };
    for (const [name, end] of Object.entries(ends)) {
        test(`after ${name} nothing looks alive`, async () => {
            const member = { ...await server.member({ user: 'ended' }), artifactId: 'plan' };
            await withPage(member, async (page) => {
                await connect(page);
                assert.equal(await page.locator('#details-title').textContent(), 'This connection');
                const id = await details(page, 'Connection').textContent();
                await end({ id, member, page });
                await page.locator('#status[data-state=off], #status[data-state=refused]').waitFor({ timeout: 4 * patience });
                assert.equal(await page.locator('#details-title').textContent(), 'Last connection (ended)');
                assert.equal(await details(page, 'Connection').textContent(), id);
                assert.equal(await details(page, 'Expires').count(), 0);
                assert.deepEqual(await chips(page), []);
                await screenshot(page, `test-client-after-${name.split(' ').at(-1)}`);
            });
        });
    }
});

describe('why a connect fails', () => {
    const causes = {
        'the server is not there': {
            prepare: (page) => page.route('**/realtime/**', (route) => route.abort('connectionrefused')),
            told: [/No answer/, /running/],
        },
        'its origin is refused': {
            prepare: (page) => page.route('**/realtime/**', (route) => route.fulfill({ status: 403, contentType: 'application/json', body: '{"code":4,"message":"Forbidden"}' })),
            told: [/403/, /Forbidden/, /server\.allowed_origins/],
        },
        'nothing is at the path': {
            prepare: (page) => page.route('**/realtime/**', (route) => route.fulfill({ status: 404, contentType: 'text/html', body: '<h1>nginx</h1>' })),
            told: [/404/, /\/realtime/],
        },
        'the server goes down': {
            prepare: (page) => page.route('**/realtime/**', (route) => route.fulfill({
                status: 503, contentType: 'application/json', headers: { 'retry-after': '2' },
                body: '{"type":"ERROR","requestId":"","error":{"code":"SHUTTING_DOWN","message":"the server is going down","retryable":true}}',
            })),
            told: [/503/, /SHUTTING_DOWN/, /the server is going down/],
        },
    };
    for (const [name, { prepare, told }] of Object.entries(causes)) {
        test(name, async () => {
            await withPage(await server.member(), async (page) => {
                await prepare(page);
                await clickConnect(page);
                await logged(page, 'errors', '').waitFor();
                const note = await page.locator('#connection-note').textContent();
                for (const one of told) assert.match(note, one);
                assert.doesNotMatch(await logged(page, 'errors', '').textContent(), /"description": "0"/);
                await screenshot(page, `test-client-cause-${Object.keys(causes).indexOf(name)}`);
                await page.unrouteAll();
            });
        });
    }

    test('too many handshakes, a server of another origin, https without TLS, a server that has stopped', async (t) => {
        const strict = await Server.start({ config: '[server]\nallowed_origins = ["https://app.example"]\n[limits]\nhandshakes_per_second = 0.01\nhandshakes_burst = 1\n' });
        t.after(() => strict.stop());
        const { page, close } = await openPage(browser);
        const note = page.locator('#connection-note');
        const { url: link } = await strict.testClientLink();
        await page.goto(link);
        await clickConnect(page);
        await page.getByText(/^Connected ·/).waitFor();
        assert.equal(await note.isHidden(), true);
        await clickConnect(page);
        await note.filter({ hasText: 'RATE_LIMITED' }).filter({ hasText: '429' }).filter({ hasText: 'limits.handshakes_per_second' }).waitFor();

        await page.goto(pathToFileURL(path.join(root, 'tests/websocket/test-client.html')).href);
        await page.getByLabel('Server', { exact: true }).fill(strict.url);
        await clickConnect(page);
        await note.filter({ hasText: 'server.allowed_origins' }).waitFor();
        await page.getByLabel('Server', { exact: true }).fill(strict.url.replace('http:', 'https:'));
        await clickConnect(page);
        await note.filter({ hasText: 'https' }).filter({ hasText: 'TLS' }).waitFor();
        await strict.terminate();
        await page.getByLabel('Server', { exact: true }).fill(strict.url);
        await clickConnect(page);
        await note.filter({ hasText: 'running' }).waitFor();
        await page.getByLabel('Transports').selectOption('websocket');
        await clickConnect(page);
        await note.filter({ hasText: 'websocket error' }).filter({ hasText: 'running' }).filter({ hasText: 'Polling only' }).waitFor();
        await close();
    });
});

describe('on the screen', () => {
    onPage('a log whose entries are all filtered out says so', async (page) => {
        for (const kind of ['Requests', 'Responses', 'Updates', 'Errors', 'System']) await page.getByRole('button', { name: new RegExp(`^${kind} \\d`) }).click();
        await page.locator('#log-empty', { hasText: 'The filters hide' }).waitFor();
        await page.getByRole('button', { name: 'Clear' }).click();
        assert.equal(await page.locator('#log-empty').textContent(), 'Nothing yet.');
    });

    onPage('the name of another action begins where the text of other fields does', async (page) => {
        await chooseAction(page, '');
        const begin = (selector) => page.locator(selector).evaluate((field) =>
            field.getBoundingClientRect().left + parseFloat(getComputedStyle(field).borderLeftWidth) + parseFloat(getComputedStyle(field).paddingLeft)
            - field.closest('.field').getBoundingClientRect().left);
        assert.ok(Math.abs(await begin('#custom-action') - await begin('#session')) <= 1);
    });

    for (const colorScheme of ['light', 'dark']) {
        onPage(`fields stand out from what is around them, ${colorScheme}`, async (page) => {
            await page.getByText('Send an update', { exact: true }).click();
            const contrasts = await page.evaluate(() => {
                const canvas = document.createElement('canvas').getContext('2d');
                const luminance = (color) => {
                    canvas.fillStyle = color;
                    canvas.fillRect(0, 0, 1, 1);
                    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                const seen = [...document.querySelectorAll('input:not([type=checkbox]), select, textarea, .prefixed')].filter((field) => field.checkVisibility() && !field.closest('.prefixed > *'));
                return seen.map((field) => {
                    const around = luminance(getComputedStyle(field.closest('.card')).backgroundColor);
                    return [field.id || field.className, contrast(luminance(getComputedStyle(field).borderTopColor), around)];
                });
            });
            assert.ok(contrasts.length > 10);
            for (const [name, contrast] of contrasts) assert.ok(contrast >= 3, `${name}: ${contrast.toFixed(2)}`);
        }, { colorScheme });
    }

    onPage('at 390 px the keyboard goes from top to bottom, and back in two columns after a resize', async (page) => {
        const cards = () => page.locator('main .card').evaluateAll((all) => all.map((card) => {
            const { left, top } = card.getBoundingClientRect();
            return { id: card.id, left: Math.round(left), top: Math.round(top + scrollY) };
        }));
        const phone = await cards();
        assert.deepEqual(phone.map(({ id }) => id), [...phone].sort((a, b) => a.top - b.top).map(({ id }) => id));
        assert.deepEqual(phone.slice(0, 3).map(({ id }) => id), ['connection', 'request', 'log-card']);
        await page.setViewportSize({ width: 1280, height: 900 });
        await page.waitForFunction(() => document.querySelector('.column > #request'));
        const wide = await cards();
        assert.deepEqual(wide.map(({ id }) => id), [...wide].sort((a, b) => a.left - b.left || a.top - b.top).map(({ id }) => id));
        assert.equal(wide.length, phone.length);
    }, { viewport: { width: 390, height: 844 } });

    onPage('at 390 px the focus ring of the log is whole', async (page) => {
        await logged(page, 'responses', 'actions.list').locator('summary').press('Enter');
        const sides = await page.evaluate(() => {
            const summary = document.activeElement;
            const [own, list] = [summary.getBoundingClientRect(), document.getElementById('log').getBoundingClientRect()];
            const { outlineOffset, outlineWidth, outlineStyle } = getComputedStyle(summary);
            const reach = parseFloat(outlineOffset) + parseFloat(outlineWidth);
            return { outlineStyle, left: own.left - reach - list.left, right: list.right - own.right - reach };
        });
        assert.equal(sides.outlineStyle, 'solid');
        assert.ok(sides.left >= 0 && sides.right >= 0, JSON.stringify(sides));
    }, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
});
