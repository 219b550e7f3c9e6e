// 单位经办人 sends the month's roster, pays, and sees it reach everybody.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import ExcelJS from 'exceljs';

import { check, control, launch, photograph, server } from './lib.mjs';
import { pageAs, person, rowOf, save, town, until, workbook } from './town.mjs';

let browser;
let page;
let newcomer;
before(async () => {
  browser = await launch();
  page = await pageAs(browser, 'clerk');
  newcomer = await person('周新', { baseYuan: 5_000 });
});
after(async () => {
  save();
  await browser.close();
});

const file = async (rows) => ({
  name: '十一月名册.xlsx',
  mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  buffer: Buffer.from(await workbook(rows)),
});

/** Choosing a file sends it. */
async function send(rows) {
  await Promise.all([
    page.waitForResponse((answer) => answer.request().method() === 'POST'),
    file(rows).then((chosen) => page.locator('input[type=file][name=roster]').setInputFiles(chosen)),
  ]);
  await page.waitForLoadState();
}

const main = () => page.locator('main').innerText();

test('a roster with mistakes shows every mistake by row and column, and changes nothing', async () => {
  const { wang, zhao, li, sun } = town.people;
  await page.goto(`${server}/unit`);
  await check(page, '单位首页');
  await page.getByRole('link', { name: /^交\d+月名册$/ }).click();
  await check(page, '传名册');
  const last = wang.id.endsWith('1') ? '2' : '1';
  await send([
    rowOf({ ...wang, id: wang.id.slice(0, 17) + last }),
    rowOf({ ...zhao, baseYuan: '8,0OO' }),
    rowOf(li, { 变更: '调走' }),
    rowOf(sun),
  ]);
  const words = await main();
  for (const place of [/第 2 行.*证件号码|证件号码.*第 2 行/, /第 3 行.*缴存基数|缴存基数.*第 3 行/, /第 4 行.*变更|变更.*第 4 行/]) {
    assert.match(words, place);
  }
  assert.match(words, /什么都没有改变/);
  assert.match(await page.title(), /^出错：/);
  assert.ok(!words.includes(zhao.id), '完整证件号不在页面上');
  await check(page, '名册有错');
  await photograph(page, 'unit-mistakes');
});

test('the marked Excel notes the wrong cells', async () => {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: '下载标注好的 Excel' }).click(),
  ]);
  const book = new ExcelJS.Workbook();
  await book.xlsx.readFile(await download.path());
  const noted = [];
  book.worksheets[0].eachRow((row) => row.eachCell((cell) => { if (cell.note) noted.push(cell.address); }));
  assert.ok(noted.length >= 3, `标注的格：${noted}`);
});

test('the right roster shows what changes for whom, and is registered', async () => {
  const { wang, zhao, li, sun } = town.people;
  await send([
    rowOf(wang), rowOf(zhao), rowOf(li), rowOf(sun), rowOf(newcomer, { 变更: '新增' }),
  ]);
  await page.waitForURL(/\/unit\/roster\/[^/]+$/);
  const words = await main();
  assert.match(words, /没有错，应付/);
  assert.match(words, /周\*[\s\S]*新增[\s\S]*1,200\.00/);
  assert.match(words, /8,770\.00/);
  await check(page, '名册预览');
  await photograph(page, 'unit-preview');
  await page.getByRole('button', { name: /^登记.*汇缴/ }).click();
  await page.waitForURL(/\/unit\/pay$/);
});

test('the payment page names account and code; what is paid there is allocated', async () => {
  const words = await main();
  assert.match(words, /收款户名[\s\S]*收款账号[\s\S]*附言，写缴款码/);
  const reference = /HJ\d{4} ?\d{4} ?\d{2}/.exec(words)?.[0];
  assert.ok(reference, words);
  await check(page, '付款');
  await photograph(page, 'unit-pay');
  const [{ payee_bank: bank, payee_account: account }] = town.paid;
  await control('POST', `/banks/${bank}/payments`, { from: '6500999000001', to: account, amount_fen: 877_000, reference, payer: town.sunshine.name });
  await page.getByRole('link', { name: '已经转了，看到账' }).click();
  await until(async () => /已分配给 5 人/.test(await main()), '到账页自己变成已分配');
  assert.match(await main(), /8,770\.00 元已分配给 5 人/);
  assert.match(await main(), /王\*/);
  await check(page, '到账');
  await photograph(page, 'unit-arrival');
});

test('an employer cannot read another one\'s month', async () => {
  const foreign = await pageAs(browser, 'otherClerk');
  const answer = await foreign.goto(`${server}/unit/arrivals/${town.paid[0].remittance_id}`);
  assert.equal(answer.status(), 404);
});
