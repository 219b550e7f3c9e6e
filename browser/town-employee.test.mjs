// 职工 on a phone: log in, see the balance, withdraw for rent, follow it to the end, know why and who looked.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { check, launch, outside, pageOf, photograph, server, widths } from './lib.mjs';
import { askForCode, identityNumber, pageAs, patiently, save, town, until } from './town.mjs';

let browser;
let page;
before(async () => {
  browser = await launch();
  page = await pageAs(browser, 'wang', { width: widths.phone });
});
after(async () => {
  save();
  await browser.close();
});

const main = (of = page) => of.locator('main').innerText();
// A picture as a camera sends it; the police's comparison of the outside world sees the person whom the number names.
const picture = {
  name: 'me.png',
  mimeType: 'image/png',
  buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
};

test('a number that nobody has is answered like one that is known', async () => {
  const stranger = await pageOf(browser, { width: widths.phone });
  await stranger.goto(`${server}/login`);
  await check(stranger, '登录');
  await patiently(stranger, () => askForCode(stranger, identityNumber(1950)));
  assert.match(await main(stranger), /填验证码/);
  await check(stranger, '填验证码');
  await stranger.context().close();
});

test('home shows the balance and what may be done', async () => {
  await page.goto(`${server}/my`);
  const words = await main();
  assert.match(words, /王小兰，您的账户余额/);
  assert.match(words, /[\d,]+\.\d\d 元/);
  assert.match(words, /租房提取/);
  await check(page, '我的首页');
  await page.goto(`${server}/my/withdraw`);
  assert.match(await main(), /租房提取/);
  await check(page, '提取');
});

test('the check page is filled from the departments; a wrong card comes back with the place and the way out', async () => {
  await page.goto(`${server}/my/do/withdraw-rent`);
  const words = await main();
  assert.match(words, /请核对，无误就提取/);
  assert.match(words, /3,600\.00 元/);
  for (const source of ['市公安局', '市民政局', '中国银联', '市住房城乡建委']) assert.match(words, new RegExp(source));
  await check(page, '核对');
  await photograph(page, 'my-check-phone');
  await page.getByLabel('收款银行卡号').fill('6228480000000000001');
  await page.getByRole('button', { name: /提取 3,600\.00 元/ }).click();
  await page.waitForLoadState();
  assert.match(await main(), /卡号/);
  assert.equal(await page.getByLabel('收款银行卡号').inputValue(), '6228480000000000001', '填的还在');
  await check(page, '核对，卡号错');
});

test('face, a double tap, progress, done: one case', async () => {
  await page.getByLabel('收款银行卡号').fill(town.people.wang.card);
  await page.getByRole('button', { name: /提取 3,600\.00 元/ }).click();
  await page.getByRole('heading', { name: '请正对镜头拍一张' }).waitFor();
  await check(page, '本人核对');
  await page.locator('input[name=picture]').setInputFiles(picture);
  await page.getByRole('button', { name: /核对是我本人/ }).dblclick();
  await page.waitForURL(/\/my\/cases\/[^/]+$/);
  await check(page, '进度');
  await until(async () => /钱已到账：3,600\.00 元/.test(await main()), '到账');
  await check(page, '办好了');
  await photograph(page, 'my-done-phone');
  town.case = new URL(page.url()).pathname.split('/').at(-1);
  save();
  await page.goto(`${server}/my/cases`);
  assert.equal(await page.locator('main a[href^="/my/cases/"]').count(), 1, '一个办件');
  await check(page, '办件列表');
  const card = await (await fetch(`${outside}/control/banks/B4/accounts/${town.people.wang.card}`)).json();
  assert.equal(card.balance_fen, 360_000, '付了一次');
});

test('why: each condition with its source and law, how the amount came about', async () => {
  await page.goto(`${server}/my/cases/${town.case}/why`);
  // The conditions that are met are folded; they stand on the page all the same.
  const words = await page.locator('main').textContent();
  assert.match(words, /项条件都符合/);
  assert.match(words, /不动产登记/);
  assert.match(words, /条例|办法|细则|渝/);
  await check(page, '为什么');
  await photograph(page, 'my-why-phone');
});

test('the receipt says the amount in figures and in words', async () => {
  await page.goto(`${server}/my/cases/${town.case}/receipt`);
  assert.match(await main(), /3,600\.00/);
  assert.match(await main(), /叁仟陆佰元整/);
  await check(page, '凭据');
});

test('account, messages, consents, devices: what is there and what can be ended', async () => {
  await page.goto(`${server}/my/account`);
  assert.match(await main(), /提取[\s\S]*−3,600\.00/);
  await check(page, '账户明细');
  for (const [address, words] of [['/my/messages', /3,600\.00/], ['/my/consents', /租房提取/], ['/my/me', /证件号/], ['/my/me/access', /谁看过/]]) {
    await page.goto(server + address);
    assert.match(await main(), words, address);
    await check(page, address);
  }
  await page.goto(`${server}/my/me/sessions`);
  assert.match(await main(), /这台设备/);
  await check(page, '登录的设备');
});

test('a refusal names the condition, the facts and the remedy', async () => {
  const zhao = await pageAs(browser, 'zhao', { width: widths.phone });
  await zhao.goto(`${server}/my/do/withdraw-rent`);
  assert.match(await main(zhao), /现在还不能提取/);
  assert.match(await main(zhao), /1 套/);
  await check(zhao, '不能提取');
  await zhao.getByRole('link', { name: '怎样就会通过' }).click();
  await zhao.waitForLoadState();
  const words = await main(zhao);
  assert.match(words, /不符合/);
  assert.match(words, /不动产登记/);
  await check(zhao, '不能提取，为什么');
  await photograph(zhao, 'my-refused-phone');
  const foreign = await zhao.goto(`${server}/my/cases/${town.case}`);
  assert.equal(foreign.status(), 404, '别人的办件不存在');
  await zhao.context().close();
});

test('without scripts the whole way can be gone', async () => {
  const plain = await pageAs(browser, 'li', { width: widths.phone, javaScript: false });
  await plain.goto(`${server}/my`);
  await plain.goto(`${server}/my/do/withdraw-rent`);
  await plain.getByLabel('收款银行卡号').fill(town.people.li.card);
  // Nobody has filed a lease of hers: she promises it herself, in words that stand beside the box.
  await plain.getByLabel(/承诺/).check();
  await plain.locator('main form button[type=submit]').click();
  await plain.locator('input[name=picture]').setInputFiles(picture);
  await plain.getByRole('button', { name: /核对是我本人/ }).click();
  await plain.waitForURL(/\/my\/cases\/[^/]+$/);
  await until(async () => {
    await plain.reload();
    return /钱已到账/.test(await main(plain));
  }, '到账');
  await plain.goto(`${plain.url()}/receipt`);
  assert.match(await main(plain), /元整|角|分/);
  await plain.goto(`${server}/my/me`);
  await plain.getByRole('button', { name: /退出/ }).click();
  await plain.goto(`${server}/my`);
  assert.match(plain.url(), /\/login/);
  delete town.sessions.li;
  save();
  await plain.context().close();
});
