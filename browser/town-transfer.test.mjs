// 转移: two clerks on phones without scripts. One asks for somebody who is not sealed yet, the other finds it on its first page and seals.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';

import { check, launch, pageOf, photograph, server, widths } from './lib.mjs';
import { creditCodeOf, door, monthsFrom, openEmployer, thisMonth } from './people.mjs';
import { contribute, logInClerk, person, save } from './town.mjs';

let browser;
const there = {};
const phone = { width: widths.phone, javaScript: false };

before(async () => {
  browser = await launch();
  const first = monthsFrom(await thisMonth(), -1);
  const clerk = (name) => ({ name, phone: `199${String(randomInt(1e8)).padStart(8, '0')}` });
  there.moves = await person('李换岗');
  there.stays = await person('王留任');
  there.colleague = await person('赵同事');
  const employer = (name, who) => openEmployer({ name, uscc: creditCodeOf(randomInt(1e9)), clerk: clerk(who), first });
  there.old = await employer(`重庆旧址机电设备安装工程有限公司${randomInt(1e6)}`, '陈旧');
  there.next = await employer(`重庆新港供应链管理有限公司${randomInt(1e6)}`, '刘新');
  await contribute(there.old.no, first, [there.moves, there.stays]);
  await contribute(there.next.no, first, [there.colleague]);
  const { person_id: id } = await door('POST', '/people/lookup', { id_no: there.moves.id });
  there.account = (await door('GET', `/people/${id}/accounts`))[0].account_no;
});
after(async () => {
  save();
  await browser.close();
});

test('who is not sealed yet is waited for, and comes over when his old employer seals him', async () => {
  const next = await pageOf(browser, phone);
  await logInClerk(next, there.next);
  await next.goto(`${server}/unit/people`);
  await next.getByRole('link', { name: '调入、合并' }).click();
  await next.getByLabel('个人账号').fill(there.account);
  await next.getByRole('button', { name: '调入', exact: true }).click();
  await next.getByText('已通知原单位，最迟').first().waitFor();
  await photograph(next, 'transfer-waits-phone');
  const waits = next.url();
  await next.goto(`${server}/unit/transfer`);
  await next.getByRole('heading', { name: '在等原单位' }).waitFor();
  await photograph(next, 'transfer-by-us-phone');

  const old = await pageOf(browser, phone);
  await logInClerk(old, there.old);
  await old.goto(`${server}/unit`);
  await photograph(old, 'transfer-home-phone');
  await old.goto(`${server}/unit/transfer`);
  await photograph(old, 'transfer-of-us-phone');
  await old.goto(`${server}/unit`);
  await old.getByRole('link', { name: /已到别的单位/ }).click();
  await photograph(old, 'transfer-person-phone');
  await old.getByRole('button', { name: '封存', exact: true }).click();
  await old.getByText('已封存。').waitFor();

  await next.goto(waits);
  await next.getByText('账户已转移').waitFor();
  await photograph(next, 'transfer-done-phone');
  await next.goto(`${server}/unit/people`);
  await next.getByText('李**').first().waitFor();
  for (const page of [next, old]) assert.deepEqual(page.faults, []);
});

test('an employer is not merged by one press', async () => {
  const page = await pageOf(browser, { width: widths.phone });
  await logInClerk(page, there.old);
  await page.goto(`${server}/unit/transfer`);
  await check(page, 'unit-transfer');
  await page.getByLabel('并入单位的单位号').fill(there.next.no);
  await page.getByRole('button', { name: '合并', exact: true }).click();
  await page.getByText('合并以后本单位销户').first().waitFor();
  await photograph(page, 'merge-unsure-phone');
  await page.getByLabel('确认合并并销户').selectOption('yes');
  await page.getByRole('button', { name: '合并', exact: true }).click();
  // A month may be due by now: then both go to the counter, and nothing has changed.
  await page.getByText(/单位已合并|带双方签署的合并协议/).first().waitFor();
  await check(page, 'unit-merged');
  await photograph(page, 'merge-phone');
});
