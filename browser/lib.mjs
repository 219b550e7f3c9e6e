// What the browser tests share: a browser, a page as one kind of user sees it, the accessibility check, pictures.
// The server is the one of ANJU_URL, its outside world that of ANJU_OUTSIDE_URL; `./test` starts both.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const here = path.dirname(fileURLToPath(import.meta.url));

export const server = process.env.ANJU_URL ?? 'http://127.0.0.1:8329';
export const outside = process.env.ANJU_OUTSIDE_URL ?? 'http://127.0.0.1:8330';
export const home = process.env.ANJU_HOME ?? path.join(here, '..', '.anju');
export const screenshots = path.join(here, '..', 'screenshots');

/** Phone, tablet, desk: the widths at which every page is looked at. */
export const widths = { phone: 390, tablet: 768, desk: 1440 };

/** Every address that a page of this process asked for. */
export const visited = new Set();

const axeSource = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

/** A headless browser with an empty profile that talks to nobody but the pages it is sent to. */
export async function launch() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  assert.ok(executablePath, '没有 Chromium：sudo apt-get install -y chromium');
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/** A page as somebody sees it: on a screen, logged in (`as`: the state of another page's context), or in large text. */
export async function pageOf(browser, { width = widths.desk, dark = false, elder = false, javaScript = true, as } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 900 },
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    javaScriptEnabled: javaScript,
    storageState: as,
  });
  if (elder) await context.addCookies([{ url: server, name: 'anju_look', value: 'elder' }]);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  // A refused form comes back with a 4xx, which the browser notes as an error: that page is looked at by its test.
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) page.faults.push(message.text());
  });
  page.on('request', (request) => {
    visited.add(request.url());
    if (/^https?:/.test(request.url()) && ![server, outside].includes(new URL(request.url()).origin)) {
      page.faults.push(`a request to another host: ${request.url()}`);
    }
  });
  page.on('response', (answer) => {
    if (answer.status() >= 500) page.faults.push(`${answer.status()} ${answer.url()}`);
  });
  return page;
}

/** No violation of WCAG 2.2 AA or of good practice, nothing wider than the screen, no script error, no 5xx. */
export async function check(page, name) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  const found = violations.map(({ id, help, nodes }) =>
    `${id}: ${help}\n${nodes.slice(0, 3).map((node) => `    ${node.html.slice(0, 160)}`).join('\n')}`,
  );
  assert.deepEqual(found, [], `${name}（${page.url()}）：\n${found.join('\n')}`);
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(tooWide <= 0, `${name}: ${tooWide} px wider than the screen`);
  assert.deepEqual(page.faults, [], name);
}

/** A picture of the page as it stands, kept out of the repository. */
export async function photograph(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true, animations: 'disabled' });
}

/** Every look of one address, checked and photographed: three widths, light and dark, large text on the phone. */
export async function looks(browser, address, name, as) {
  const screens = Object.entries(widths).flatMap(([screen, width]) => [
    { kind: screen, width },
    { kind: `${screen}-dark`, width, dark: true },
  ]);
  for (const { kind, ...seen } of [...screens, { kind: 'phone-elder', width: widths.phone, elder: true }]) {
    const page = await pageOf(browser, { ...seen, as });
    const answer = await page.goto(new URL(address, server).href);
    assert.equal(answer.status(), 200, address);
    await check(page, `${name}-${kind}`);
    await photograph(page, `${name}-${kind}`);
    await page.context().close();
  }
}

/** The control door of the outside world. */
export async function control(method, where, body) {
  const answer = await fetch(`${outside}/control${where}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, `${where}: ${answer.status} ${await answer.clone().text()}`);
  return answer.headers.get('content-type')?.includes('json') ? answer.json() : undefined;
}

/** The codes that a phone received by SMS, the newest last. */
export async function codesOn(phone) {
  const messages = await control('GET', `/phones/${phone}/messages`);
  return messages.map((message) => /\b\d{6}\b/.exec(message.text)?.[0]).filter(Boolean);
}

/** The newest code of a phone, once it has more than the `known` ones. */
export async function codeOn(phone, known = 0, patience = 10_000) {
  const until = Date.now() + patience;
  for (;;) {
    const codes = await codesOn(phone);
    if (codes.length > known) return codes.at(-1);
    assert.ok(Date.now() < until, `no code came to ${phone}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}
