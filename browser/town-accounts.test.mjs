// 会计 and 审计: the books are equal and can be taken away.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { check, launch, photograph, server } from './lib.mjs';
import { pageAs, save } from './town.mjs';

let browser;
let page;
before(async () => {
  browser = await launch();
  page = await pageAs(browser, 'accountant');
});
after(async () => {
  save();
  await browser.close();
});

test('the trial balance is equal, and the csv sums up to the same', async () => {
  await page.goto(`${server}/desk/books/trial-balance`);
  const words = await page.locator('main').innerText();
  assert.match(words, /借贷相等/);
  assert.match(words, /差 0\.00/);
  await check(page, '试算平衡');
  await photograph(page, 'desk-trial-balance');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'csv' }).click()]);
  const [, ...lines] = (await readFile(await download.path(), 'utf8')).trim().split('\r\n').map((line) => line.split(','));
  const fen = (yuan) => BigInt(yuan.replace('.', ''));
  const sum = (column) => lines.reduce((total, line) => total + fen(line[column]), 0n);
  assert.equal(sum(3), sum(4), '借方发生额等于贷方发生额');
});

test('an auditor reads the books and has no button that books anything', async () => {
  const auditor = await pageAs(browser, 'auditor');
  for (const address of ['/desk/suspense', '/desk/books/close']) {
    await auditor.goto(server + address);
    assert.equal(await auditor.locator('main form[method=post] .btn-primary').count(), 0, address);
    await check(auditor, address);
  }
  await auditor.context().close();
});
