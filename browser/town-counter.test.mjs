// 柜员 at the counter: log in, identify a person without a phone, withdraw for him, look at him with a reason that he can read.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { check, launch, photograph, server } from './lib.mjs';
import { door } from './people.mjs';
import { pageAs, save, town, until } from './town.mjs';

let browser;
let page;
before(async () => {
  browser = await launch();
  page = await pageAs(browser, 'teller');
});
after(async () => {
  save();
  await browser.close();
});

const main = (of = page) => of.locator('main').innerText();

/** Identifies a person at the window and opens the page of all that is known of him. */
async function identify(person, reason) {
  await page.goto(`${server}/desk/identify`);
  await page.getByLabel('证件号码').fill(person.id);
  await page.getByLabel('证件上的姓名').fill(person.name);
  await page.getByLabel('为什么来办').selectOption(reason);
  await page.getByRole('button', { name: '核对身份' }).click();
  await page.getByRole('link', { name: '打开这位客户' }).waitFor();
}

test('a wrong password is refused in words that do not tell what was wrong', async () => {
  const stranger = await pageAs(browser, 'teller');
  await stranger.context().clearCookies();
  await stranger.goto(`${server}/login/staff`);
  await check(stranger, '工作台登录');
  await stranger.getByLabel('工号').fill('1001');
  await stranger.getByLabel('口令').fill('不是这个');
  await stranger.getByLabel('动态码').fill('000000');
  await stranger.getByRole('button', { name: /登录/ }).click();
  await stranger.waitForLoadState();
  assert.match(stranger.url(), /\/login\/staff$/);
  assert.equal(await stranger.getByLabel('口令').inputValue(), '', '口令不回到页面上');
  await check(stranger, '工作台登录，填错');
  await stranger.context().close();
});

test('a name that is not the one of the number is refused', async () => {
  await page.goto(`${server}/desk/identify`);
  await check(page, '当面核身');
  await page.getByLabel('证件号码').fill(town.people.sun.id);
  await page.getByLabel('证件上的姓名').fill('孙禄');
  await page.getByRole('button', { name: '核对身份' }).click();
  await page.waitForLoadState();
  assert.match(await main(), /不一致/);
  assert.equal(await page.getByRole('link', { name: '打开这位客户' }).count(), 0);
  await check(page, '当面核身，不一致');
});

test('a person without a phone is identified; all that is known stands on one page', async () => {
  await identify(town.people.sun, 'no_phone');
  await check(page, '当面核身，一致');
  await photograph(page, 'desk-identify');
  await page.getByRole('link', { name: '打开这位客户' }).click();
  await page.waitForURL(/\/desk\/people\//);
  const words = await main();
  assert.match(words, /孙\*/);
  assert.match(words, /没有登记手机/);
  assert.match(words, /没有手机/);
  assert.ok(!words.includes(town.people.sun.id), '证件号没有遮住');
  await check(page, '客户');
  await photograph(page, 'desk-customer');
});

test('a rent withdrawal at the counter goes through to the payment', async () => {
  await page.getByRole('link', { name: /租房提取/ }).first().click();
  await page.waitForURL(/\/desk\/do\/withdraw-rent/);
  assert.match(await main(), /请核对，无误就提取/);
  await check(page, '柜面核对');
  await page.getByLabel('收款银行卡号').fill(town.people.sun.card);
  await page.getByRole('button', { name: /提取 .* 元/ }).click();
  await page.waitForURL(/\/desk\/cases\//);
  await until(async () => {
    await page.reload();
    return /办好了|已到账/.test(await main());
  }, '柜面办件办好');
  assert.match(await main(), /租房提取/);
  await check(page, '办件');
  await photograph(page, 'desk-case');
});

test('what is revealed is written down, and its person reads who looked and why', async () => {
  const { wang } = town.people;
  await identify(wang, 'ask');
  await page.getByRole('link', { name: '打开这位客户' }).click();
  await page.waitForURL(/\/desk\/people\//);
  await page.getByLabel('为什么要看全').selectOption('compare');
  await page.getByRole('button', { name: '显示 60 秒' }).click();
  await page.waitForLoadState();
  assert.match(await main(), new RegExp(wang.id));
  assert.match(await main(), /本次查看已记录，本人能看到/);
  await check(page, '客户，看全');
  const own = await pageAs(browser, 'wang');
  await own.goto(`${server}/my/me/access`);
  assert.match(await main(own), /周\*（1001）/);
  assert.match(await main(own), /因核对证件看过完整证件号和手机号/);
  assert.match(await main(own), /来问情况/);
  await check(own, '谁看过我的信息');
  await photograph(own, 'my-access');
  await own.context().close();
});

test('who does not stand at the window is not shown', async () => {
  const { person_id: foreign } = await door('POST', '/people/lookup', { id_no: town.people.li.id });
  const answer = await page.goto(`${server}/desk/people/${foreign}`);
  assert.equal(answer.status(), 403);
  assert.doesNotMatch(await page.locator('body').innerText(), /李/);
});
