// The paths of employer, employee, teller and accountant through the pages, in a real browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { check, control, launch, outside, pageOf, server, widths } from './lib.mjs';
import { employee, employer, logInClerk, logInPerson, month, pay, payment, roster, rowOf } from './story.mjs';
import { pageAs, save } from './town.mjs';

// A JPEG of one grey point: the simulated police compare the number, not the face.
const picture = {
  name: 'face.jpg',
  mimeType: 'image/jpeg',
  buffer: Buffer.from(
    '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP////////////////////////////////////////////////////////////////////////////'
    + '//////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z',
    'base64',
  ),
};

let browser;
let house;
let li;
let wang;
before(async () => {
  browser = await launch();
  li = await employee('李梅', 10_000);
  wang = await employee('王强', 6_543);
  house = await employer(await month(-3));
});
after(async () => {
  save();
  await browser.close();
});

/** Sends one month's roster through the pages, which take a file as soon as it is chosen, and pays it. */
async function contribute(page, people) {
  await page.goto(`${server}/unit/roster`);
  await page.setInputFiles('#roster', await roster(people.map(rowOf)));
  await page.click('button:has-text("登记")');
  await page.waitForURL(`${server}/unit/pay`);
  const { account, reference, fen } = await payment(page);
  await page.click('text=已经转了，看到账');
  await pay(account, fen, reference, house.name);
}

test('the outside world answers and its page opens in a browser', async () => {
  const clock = await control('GET', '/clock');
  assert.match(clock.now, /\+08:00$/);
  const page = await pageOf(browser);
  const answer = await page.goto(outside);
  assert.ok(answer.status() < 500);
  await page.context().close();
});

test('a clerk sees every mistake of a roster, mends it in the page, pays, and the page says when it is allocated', async () => {
  const page = await pageOf(browser);
  await logInClerk(page, house);
  await page.goto(`${server}/unit/roster`);
  await check(page, 'unit-upload');
  const wrong = `${wang.id.slice(0, 17)}${wang.id.endsWith('1') ? '2' : '1'}`;
  await page.setInputFiles('#roster', await roster([
    [li.name, li.id, '10,0OO', li.phone], [wang.name, wrong, wang.base, wang.phone],
  ]));
  await page.waitForSelector('.errors');
  assert.equal(await page.locator('.errors li').count(), 2);
  assert.match(await page.locator('.errors').textContent(), /第 2 行“缴存基数”.*第 3 行“证件号码”/s);
  assert.match(await page.title(), /^出错：/);
  await check(page, 'unit-errors');
  await page.fill('#r2c2', '10000');
  await page.fill('#r3c1', wang.id);
  await page.click('text=重新核对 2 处');
  assert.match(await page.locator('h1').textContent(), /没有错，应付/);
  assert.equal((await page.locator('.amount').first().textContent()).trim(), '3,970.00 元');
  await check(page, 'unit-preview');
  await page.click('button:has-text("登记")');
  await page.waitForURL(`${server}/unit/pay`);
  await check(page, 'unit-pay');
  const { account, reference, fen } = await payment(page);
  assert.equal(fen, 397_000);
  await page.click('text=已经转了，看到账');
  await pay(account, fen, reference, house.name);
  // Nobody reloads: the page follows the money.
  await page.waitForSelector('text=已分配给 2 人', { timeout: 20_000 });
  await check(page, 'unit-arrival');
  for (let left = 2; left > 0; left -= 1) {
    await contribute(page, [li, wang]);
    await page.waitForSelector('text=已分配给 2 人', { timeout: 20_000 });
  }
  await page.goto(`${server}/unit`);
  await check(page, 'unit-home');
  await page.context().close();
});

test('an employee checks what is known, shows the face once and has the money on the card', async () => {
  const page = await pageOf(browser, { width: widths.phone });
  await logInPerson(page, li);
  assert.equal((await page.locator('#balance').textContent()).trim(), '7,200.00 元');
  await check(page, 'my-home');
  await page.goto(`${server}/my/do/withdraw-rent`);
  assert.equal((await page.locator('.amount').first().textContent()).trim(), '3,600.00 元');
  await check(page, 'my-check');
  await page.fill('#card_no', li.card);
  await page.click('main .btn-primary');
  assert.match(await page.locator('h1').textContent(), /拍一张/);
  await check(page, 'my-face');
  await page.setInputFiles('#picture', picture);
  await page.click('main .btn-primary');
  await page.waitForSelector('text=钱已到账', { timeout: 20_000 });
  await check(page, 'my-progress');
  const address = page.url();
  await page.goto(`${address}/why`);
  assert.match(await page.locator('h1').textContent(), /通过，可提取 3,600.00 元/);
  assert.equal(await page.locator('.conds .fail, .conds .unknown').count(), 0);
  await page.goto(`${server}/my/account`);
  assert.match(await page.locator('main').textContent(), /提取.*−3,600.00/s);
  // A second wish in the same year is refused with its reason and without a button.
  await page.goto(`${server}/my/do/withdraw-rent`);
  assert.equal(await page.locator('main .btn-primary').count(), 0);
  assert.match(await page.locator('.flash').textContent(), /12 ?个月/);
  await page.context().close();
});

test('a teller serves the person at the window without scripts, and the person can read who looked', async () => {
  const page = await pageAs(browser, 'teller', { javaScript: false });
  await page.goto(`${server}/desk/identify`);
  await page.fill('#id_no', wang.id);
  await page.fill('#name', wang.name);
  await page.click('main .btn-primary');
  await page.click('text=打开这位客户');
  const customer = await page.locator('main').textContent();
  assert.match(customer, /王\*/);
  assert.ok(!customer.includes(wang.id), 'the whole ID number stands on the page before it was asked for');
  await page.click('text=显示 60 秒');
  assert.ok((await page.locator('.person').textContent()).includes(wang.id));
  await page.getByRole('link', { name: /租房提取/ }).first().click();
  await page.fill('#card_no', wang.card);
  await page.click('main .btn-primary');
  await page.waitForURL(/\/desk\/cases\//);
  await page.context().close();

  const own = await pageOf(browser, { width: widths.phone, javaScript: false });
  await logInPerson(own, wang);
  await own.goto(`${server}/my/me/access`);
  assert.match(await own.locator('main').textContent(), /周\*（1001）.*完整证件号和手机号/s);
  await own.context().close();
});

test('money that nobody named is claimed by two hands, and two hands close the day', async () => {
  const clerk = await pageOf(browser);
  await logInClerk(clerk, house);
  await contribute(clerk, [li, wang]);
  await clerk.waitForSelector('text=已分配给 2 人', { timeout: 20_000 });
  await clerk.context().close();

  const payer = `重庆无名商贸有限公司${Date.now() % 1e6}`;
  const account = await fundAccount();
  await pay(account, 123_400, '公积金', payer);
  const first = await pageAs(browser, 'accountant');
  const row = first.locator('tr', { hasText: payer });
  for (let tries = 0; tries < 20 && (await row.count()) === 0; tries += 1) {
    await first.goto(`${server}/desk/suspense`);
    await first.waitForTimeout(500);
  }
  await row.locator('a').click();
  await first.check('input[name=to][value=""]');
  await first.fill('#employer', house.no);
  await first.fill('#reason', '单位来函，转账时漏写缴款码');
  await first.click('text=提出认领');
  assert.match(await first.locator('aside').textContent(), /不能自己复核/);
  await check(first, 'desk-suspense');

  // The second hand finds what waits for him by the keyboard.
  const second = await pageAs(browser, 'chief');
  await second.goto(`${server}/desk/books/close`);
  await second.keyboard.press('g');
  await second.keyboard.press('s');
  await second.waitForURL(`${server}/desk/suspense`);
  await second.click('text=等复核');
  await second.locator('tr', { hasText: payer }).locator('a').click();
  await second.click('text=复核通过');
  await second.waitForLoadState();
  assert.equal(await second.locator('tr', { hasText: payer }).count(), 0);

  await first.goto(`${server}/desk/books/close`);
  const day = await first.locator('h1').textContent();
  await first.click('text=核对并提出日结');
  assert.match(await first.locator('aside').first().textContent(), /要另一位会计确认/);
  await check(first, 'desk-close-proposed');
  await second.goto(`${server}/desk/books/close`);
  await second.click('form[action$=confirm] button');
  assert.notEqual(await second.locator('h1').textContent(), day);
  await second.goto(`${server}/desk/books/trial-balance`);
  assert.match(await second.locator('main').textContent(), /借贷相等/);
  await first.context().close();
  await second.context().close();
});

/** The centre's account that this employer pays into, as the pay page of a new month names it. */
async function fundAccount() {
  const other = await employer(await month(-1));
  const page = await pageOf(browser);
  await logInClerk(page, other);
  const somebody = await employee('赵敏', 2_330);
  await page.goto(`${server}/unit/roster`);
  await page.setInputFiles('#roster', await roster([rowOf(somebody)]));
  await page.click('button:has-text("登记")');
  await page.waitForURL(`${server}/unit/pay`);
  const { account } = await payment(page);
  await page.context().close();
  return account;
}
