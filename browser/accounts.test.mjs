// 会计: whose money it is, said by one and checked by another; the books; the day's close by two hands.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { check, launch, looks, photograph, server } from './lib.mjs';
import { door, pageAs, pay, person, rowOf, save, sessionOf, town, until, workbook } from './town.mjs';

let browser;
let one;
let other;
before(async () => {
  browser = await launch();
  one = await pageAs(browser, 'accountant');
  other = await pageAs(browser, 'chief');
});
after(async () => {
  save();
  await browser.close();
});

const main = (page) => page.locator('main').innerText();

/** Presses and waits for the answer of the form. */
async function press(page, button) {
  await Promise.all([
    page.waitForResponse((answer) => answer.request().method() === 'POST'),
    page.getByRole('button', { name: button }).click(),
  ]);
  await page.waitForLoadState();
}

test('money without a code is claimed by one, checked by another, and allocated', async () => {
  const { other: employer, month } = town;
  const newcomer = await person('郑青', { baseYuan: 4_321 });
  const { roster_id: roster } = await door('POST', `/employers/${employer.no}/rosters?month=${month}`, await workbook([rowOf(newcomer)]));
  const registered = await door('POST', `/employers/${employer.no}/remittances`, { roster_id: roster, month });
  await pay(registered, registered.amount_fen, '十一月公积金');
  await until(async () => {
    await one.goto(`${server}/desk/suspense`);
    return /十一月公积金/.test(await main(one));
  }, '暂收待查里有这一笔');
  await one.locator('table a[href*="receipt="]').first().click();
  await one.waitForLoadState();
  await check(one, '暂收待查');
  await photograph(one, 'desk-suspense');
  const candidate = one.locator(`input[type=radio][name=to][value="${employer.no}"]`);
  if (await candidate.count() > 0) await candidate.check();
  else await one.locator('input[name=employer]').fill(employer.no);
  await one.locator('[name=reason]').fill('付款人户名和金额都对得上');
  await press(one, /认领/);
  assert.match(await main(one), /不能自己复核|等.*复核|复核池/);
  assert.equal(await one.getByRole('button', { name: /复核通过/ }).count(), 0, '经办人没有复核的按钮');
  const receipt = new URL(one.url()).searchParams.get('receipt');
  await other.goto(`${server}/desk/suspense?receipt=${receipt}`);
  assert.match(await main(other), /付款人户名和金额都对得上/);
  await check(other, '暂收待查，复核');
  await press(other, /复核通过/);
  await until(async () => (await door('GET', `/remittances/${registered.remittance_id}`)).state === 'allocated', '认领的钱分配');
  await check(other, '暂收待查，复核过');
});

test('the trial balance is equal, and the csv says the same', async () => {
  await one.goto(`${server}/desk/books/trial-balance`);
  assert.match(await main(one), /借贷相等/);
  assert.match(await main(one), /差 0\.00/);
  await check(one, '试算平衡');
  await photograph(one, 'desk-trial-balance');
  const [download] = await Promise.all([
    one.waitForEvent('download'),
    one.getByRole('link', { name: 'csv' }).click(),
  ]);
  assert.equal(download.suggestedFilename().endsWith('.csv'), true);
});

test('the day is proposed by one and confirmed by another, never by the same', async () => {
  await one.goto(`${server}/desk/books/close`);
  await check(one, '日结');
  await press(one, /核对并提出日结/);
  const words = await main(one);
  await photograph(one, 'desk-close-proposed');
  assert.match(words, /账银相符|相符/);
  assert.equal(await one.getByRole('button', { name: /确认日结/ }).count(), 0, '提出的人没有确认的按钮');
  assert.match(words, /不能自己|另一位|换一个人|第二人/);
  await check(one, '日结，已提出');
  await other.goto(`${server}/desk/books/close`);
  assert.match(await main(other), /何\*/);
  const status = await other.evaluate(async () => document.querySelectorAll('form[action$="/close/confirm"]').length);
  assert.equal(status, 1);
  await press(other, /确认/);
  assert.match(await main(other), /11月|日结/);
  await check(other, '日结，已确认');
  await photograph(other, 'desk-close-confirmed');
});

test('the pages hold on every screen, dark and in large text', async () => {
  const accountant = await sessionOf(browser, 'accountant');
  for (const [address, name] of [['/desk/suspense', 'desk-suspense'], ['/desk/books/trial-balance', 'desk-trial-balance'], ['/desk/books/close', 'desk-close']]) {
    await looks(browser, address, name, accountant);
  }
});
