// Chromium for tests: pages of their own, and the test client's controls. Screenshots go to tests/output/.
//
// Environment: SIGNALBOX_CHROMIUM (default /usr/bin/chromium).

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { patience, root } from './harness.mjs';

const executablePath = process.env.SIGNALBOX_CHROMIUM ?? '/usr/bin/chromium';
const output = path.join(root, 'tests/output');
mkdirSync(output, { recursive: true });

export const launchBrowser = () => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

export const screenshot = (page, name, options) => page.screenshot({ path: path.join(output, `${name}.png`), ...options });

/// A page in a context of its own; `faults` are its uncaught errors and what its policy refused.
export async function openPage(browser, options = {}) {
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

export const clickConnect = (page) => page.getByRole('button', { name: /^Connect( again)?$/ }).click();

export async function connect(page) {
    await clickConnect(page);
    await page.getByText(/^Connected ·/).waitFor();
    await page.waitForFunction(() => document.getElementById('action').options.length > 5);
}

export const chooseAction = (page, name) => page.getByLabel('Action', { exact: true }).selectOption(name);
export const clickSend = (page) => page.getByRole('button', { name: 'Send', exact: true }).click();

export async function runAction(page, name) {
    await chooseAction(page, name);
    await clickSend(page);
}

/// Entries of the log, the newest first.
export const allLogged = (page, kind, begin) =>
    page.locator(`#log li[data-kind=${kind}]`).filter({ has: page.locator('.what', { hasText: new RegExp(`^${begin}`) }) });
export const logged = (...args) => allLogged(...args).first();
