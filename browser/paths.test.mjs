// The paths of employer, employee, teller and accountant through the pages, in a real browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { control, launch, outside, pageOf } from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

test('the outside world answers and its page opens in a browser', async () => {
  const clock = await control('GET', '/clock');
  assert.match(clock.now, /\+08:00$/);
  const page = await pageOf(browser);
  const answer = await page.goto(outside);
  assert.ok(answer.status() < 500);
  await page.context().close();
});
