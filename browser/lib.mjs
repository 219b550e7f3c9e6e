// What the browser tests share: a browser, a page as one kind of user sees it, the accessibility check, pictures.
// The server is the one of ANJU_URL, its outside world that of ANJU_OUTSIDE_URL; `./test` starts both.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { ownDoor } from './address.mjs';
import { faultsInSight } from './sight.mjs';

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
      '--disable-component-update', '--disable-sync', '--lang=zh-CN', '--hide-scrollbars',
    ],
  });
}

/** A page as somebody sees it: on a screen, logged in (`as`: the state of another page's context), or in large text. Who is not yet
 *  logged in comes from an address of his own. */
export async function pageOf(browser, { width = widths.desk, dark = false, elder = false, javaScript = true, as } = {}) {
  const door = as ? undefined : await ownDoor();
  const context = await browser.newContext({
    proxy: door?.proxy,
    viewport: { width, height: width < 600 ? 844 : 900 },
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    javaScriptEnabled: javaScript,
    storageState: as,
  });
  if (door) context.on('close', door.close);
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
  // A live line is cut when its page is left.
  page.on('requestfailed', (request) => {
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') page.faults.push(`${request.failure()?.errorText}: ${request.url()}`);
  });
  page.on('response', (answer) => {
    if (answer.status() >= 400 && !answer.request().isNavigationRequest()) page.faults.push(`${answer.status()} ${answer.url()}`);
    if (answer.status() >= 500) page.faults.push(`${answer.status()} ${answer.url()}`);
  });
  return page;
}

/** What axe-core finds on a page against WCAG 2.2 AA and good practice. */
async function violations(page) {
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axeSource);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      resultTypes: ['violations'],
    }),
  );
  return found.violations.map(({ id, help, nodes }) =>
    `${id}: ${help}\n${nodes.slice(0, 3).map((node) => `    ${node.html.slice(0, 160)}`).join('\n')}`,
  );
}

/** No violation of WCAG 2.2 AA or of good practice, nothing wider than the screen, no script error, no 5xx. */
export async function check(page, name) {
  const found = await violations(page);
  assert.deepEqual(found, [], `${name}（${page.url()}）：\n${found.join('\n')}`);
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(tooWide <= 0, `${name}: ${tooWide} px wider than the screen`);
  assert.deepEqual(page.faults, [], name);
}

await mkdir(screenshots, { recursive: true });

/** A picture of the page as it stands, kept out of the repository; none with `ANJU_PICTURES=no`, since no test reads it. */
export async function photograph(page, name) {
  if (process.env.ANJU_PICTURES === 'no') return;
  // The whole page in one screen, so that a bar at the bottom stands at the end and not across the middle.
  const seen = page.viewportSize();
  await page.setViewportSize({ ...seen, height: await page.evaluate(() => document.documentElement.scrollHeight) });
  await page.screenshot({ path: path.join(screenshots, `${name}.png`), animations: 'disabled' });
  await page.setViewportSize(seen);
}

/** The looks that every page is seen in: three widths, dark on the smallest and the largest, large text on the phone. */
const screens = [
  { kind: 'phone', width: widths.phone, isChecked: true },
  { kind: 'tablet', width: widths.tablet },
  { kind: 'desk', width: widths.desk },
  { kind: 'desk-dark', width: widths.desk, dark: true, isChecked: true },
  { kind: 'phone-dark', width: widths.phone, dark: true },
];
const large = [{ kind: 'phone-elder', width: widths.phone, elder: true }];

/** How high what can be pressed must be: a finger on the phone, a mouse elsewhere and at the desk. It is as wide as its words. */
function touchOf(place, { width, elder }) {
  if (width > widths.phone || place === 'desk') return { wide: 24, high: 24 };
  return { wide: 24, high: elder ? 60 : 44 };
}

/**
 * Every look of one page: what `open` shows (or what stands at an address) is checked, measured and photographed.
 * All faults of all looks come in one answer.
 */
export async function looks(browser, show, name, as, { dark = true, elder = true } = {}) {
  const open = typeof show === 'function' ? show : async (page) => {
    const answer = await page.goto(new URL(show, server).href);
    assert.equal(answer.status(), 200, show);
  };
  const found = [];
  for (const seen of [screens.filter((one) => dark || !one.dark), elder ? large : []]) {
    if (seen.length === 0) continue;
    const page = await pageOf(browser, { ...seen[0], as });
    await open(page);
    await page.waitForLoadState();
    const place = await page.evaluate(() => document.documentElement.dataset.place);
    for (const look of seen) {
      await page.setViewportSize({ width: look.width, height: look.width < 600 ? 844 : 900 });
      await page.emulateMedia({ colorScheme: look.dark ? 'dark' : 'light', reducedMotion: 'reduce' });
      const faults = await page.evaluate(faultsInSight, { touch: touchOf(place, look), dark: look.dark ?? false });
      if (look.isChecked) faults.push(...await violations(page));
      found.push(...faults.map((fault) => `${look.kind}: ${fault}`));
      await photograph(page, `${name}-${look.kind}`);
    }
    found.push(...page.faults);
    await page.context().close();
  }
  assert.ok(found.length === 0, `${name}：\n${found.join('\n')}`);
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
