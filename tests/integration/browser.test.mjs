// In a real browser: the guide's client code, and the test client from the link that --dev prints.
// Leaves screenshots in tests/output/.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { patience, root, Server, slowness } from './harness.mjs';

const executablePath = process.env.SIGNALBOX_CHROMIUM ?? '/usr/bin/chromium';
const output = path.join(root, 'tests/output');
mkdirSync(output, { recursive: true });

const server = await Server.start();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
after(async () => {
    await browser.close();
    await server.stop();
});

const screenshot = (page, name, options) => page.screenshot({ path: path.join(output, `${name}.png`), ...options });

const { url: link } = await server.testClientLink();

async function openPage(options = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
        if (/Content.Security.Policy/i.test(message.text())) faults.push(message.text());
    });
    return { page, faults, close: () => context.close() };
}

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
    const connect = async (page) => {
        await page.getByRole('button', { name: 'Connect', exact: true }).click();
        await page.getByText(/^Connected ·/).waitFor();
        await page.waitForFunction(() => document.getElementById('action').options.length > 5);
    };
    const runAction = async (page, name) => {
        await page.getByLabel('Action', { exact: true }).selectOption(name);
        await page.getByRole('button', { name: 'Send', exact: true }).click();
    };
    const allLogged = (page, kind, begin) =>
        page.locator(`#log li[data-kind=${kind}]`).filter({ has: page.locator('.what', { hasText: new RegExp(`^${begin}`) }) });
    const logged = (...args) => allLogged(...args).first();

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

    test('each transport connects', async () => {
        const { page, close } = await openPage();
        await page.goto(link);
        for (const [choice, transport] of [['websocket', 'websocket'], ['polling', 'polling'], ['polling,websocket', 'websocket']]) {
            await page.getByLabel('Transports').selectOption(choice);
            await page.getByRole('button', { name: /^Connect( again)?$/ }).click();
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
