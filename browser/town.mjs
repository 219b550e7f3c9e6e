// The town of the browser tests: employers with clerks, people whom the departments know, three months paid in, and the staff of the
// demo centre. Everything is put there over the doors. It is made once a demo centre and shared by the test files, with the sessions,
// since a code of the authenticator is good once in half a minute.

import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ExcelJS from 'exceljs';

import { codeOn, codesOn, control, outside, pageOf, server, visited } from './lib.mjs';
import {
  cardOf, completeId, creditCodeOf, door, fact, key, loginOf, monthsFrom, openEmployer, register, rents, thisMonth,
} from './people.mjs';

const kept = path.join(os.tmpdir(), `anju-town-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);

/** An ID number with its check digit, which nobody has as long as nobody is told of it. */
export function identityNumber(year) {
  const body = `500103${year}${String(randomInt(1, 13)).padStart(2, '0')}${String(randomInt(1, 28)).padStart(2, '0')}${String(randomInt(1000)).padStart(3, '0')}`;
  return completeId(body);
}

const phoneNumber = () => `199${String(randomInt(1e8)).padStart(8, '0')}`;

/** A person whom police and card network know. */
export async function person(name, { phone = phoneNumber(), baseYuan = 10_000 } = {}) {
  const one = { name, id: identityNumber(randomInt(1975, 2000)), card: cardOf(randomInt(1e12)), phone, baseYuan };
  await register(one);
  return one;
}

/** The roster as a clerk writes it: one row an entry, values by column name. */
export async function workbook(rows) {
  const columns = ['姓名', '证件号码', '缴存基数', '单位比例', '个人比例', '变更', '月缴存额', '手机号'];
  const book = new ExcelJS.Workbook();
  const sheet = book.addWorksheet('缴存清册');
  sheet.addRow(columns);
  for (const row of rows) sheet.addRow(columns.map((column) => row[column] ?? null));
  sheet.getColumn(2).numFmt = '@';
  return new Uint8Array(await book.xlsx.writeBuffer());
}

/** The row of a person. */
export const rowOf = ({ name, id, baseYuan, phone }, more = {}) =>
  ({ 姓名: name, 证件号码: id, 缴存基数: baseYuan, 手机号: phone ?? null, ...more });

/** An employer that no other town has. */
const employer = (name, clerk, first) => openEmployer({ name, uscc: creditCodeOf(randomInt(1e9)), clerk, first });

/** Pays into the account that a registered month names, from a bank of the outside world. */
export const pay = (registered, amountFen, reference = registered.reference) =>
  control('POST', `/banks/${registered.payee_bank}/payments`, {
    from: '6500999000001', to: registered.payee_account, amount_fen: amountFen, reference, payer: '重庆向阳科技有限公司',
  });

/** Waits until the answer of `look` is true. */
export async function until(look, words, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const answer = await look();
    if (answer) return answer;
    assert.ok(Date.now() < end, `在 ${patience} 毫秒内没有等到：${words}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

/** Registers a month of these people, which is then to be paid. */
async function enrol(no, month, people) {
  const { roster_id: roster } = await door('POST', `/employers/${no}/rosters?month=${month}`, await workbook(people.map((one) => rowOf(one))));
  return door('POST', `/employers/${no}/remittances`, { roster_id: roster, month });
}

/** Registers, pays and allocates a month of these people. */
export async function contribute(no, month, people) {
  const registered = await enrol(no, month, people);
  await pay(registered, registered.amount_fen);
  await until(async () => (await door('GET', `/remittances/${registered.remittance_id}`)).state === 'allocated', `${month} 分配`);
  return registered;
}

/** Registers a home in this city for a person. */
const owns = ({ id }) => fact('D03', 'estate.ownership', id, {
  houses: [{ district: '500112', area_m2: '89.50', use: 'residential', share_bp: 10_000, acquired: '2018-05-01', title_hash: 'demo' }], count: 1,
});

async function build() {
  const month = await thisMonth();
  const first = monthsFrom(month, -3);
  const people = {
    wang: await person('王小兰'),
    zhao: await person('赵大海', { baseYuan: 8_000 }),
    li: await person('李静', { baseYuan: 6_543 }),
    sun: await person('孙福', { phone: null, baseYuan: 7_000 }),
  };
  for (const tenant of [people.wang, people.sun]) await rents(tenant);
  await owns(people.zhao);
  const sunshine = await employer(`重庆向阳科技有限公司${randomInt(1e6)}`, { name: '陈芳', phone: phoneNumber() }, first);
  const other = await employer(`重庆青山贸易有限公司${randomInt(1e6)}`, { name: '刘洋', phone: phoneNumber() }, month);
  const months = [first, monthsFrom(first, 1), monthsFrom(first, 2)];
  const paid = [];
  for (const one of months) paid.push(await contribute(sunshine.no, one, Object.values(people)));
  return { month, people, sunshine, other, paid, shown: await shown(months), sessions: {}, visited: [] };
}

/**
 * What is only looked at: an employer and people with long names and large amounts, three months paid in, the fourth registered and
 * not yet paid, a rent withdrawal that is done, one that is refused, and money that nobody named.
 */
async function shown(months) {
  const long = await person('买买提·阿卜杜热合曼·艾力', { baseYuan: 31_393 });
  const owner = await person('钱小雨', { baseYuan: 27_999 });
  const tenant = await person('冯程', { baseYuan: 10_000 });
  await rents(long);
  await rents(tenant);
  await owns(owner);
  const house = await employer(`重庆两江新区云山屿软件与信息技术服务有限公司${randomInt(1e6)}`, { name: '欧阳文静', phone: phoneNumber() }, months[0]);
  const paid = [];
  for (const one of months) paid.push(await contribute(house.no, one, [long, owner, tenant]));
  await enrol(house.no, monthsFrom(months[0], months.length), [long, owner, tenant]);
  await pay(paid[0], 123_456_789, '公积金');
  const { person_id: applicant } = await door('POST', '/people/lookup', { id_no: long.id });
  const { case_id: done } = await door('POST', '/cases', { service: 'withdraw-rent', applicant, form: { card_no: long.card }, channel: 'APP' });
  await until(async () => (await door('GET', `/cases/${done}`)).state === 'done', '租房提取办好');
  return { house, people: { long, owner, tenant, newcomer: await person('司马清如') }, paid, done };
}

const state = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : await build();
save();

/** The town. */
export const town = state;

/** Keeps what the town has become for the next test file. */
export function save() {
  state.visited = [...new Set([...state.visited, ...visited])];
  writeFileSync(kept, JSON.stringify(state), { mode: 0o600 });
}

/** Who sits at the desks of the demo centre. */
export const staff = { teller: '1001', otherTeller: '1002', reviewer: '1003', accountant: '1004', chief: '1005', auditor: '1006', manager: '1007', admin: '1009', collector: '1010', policy: '1008', reviewer2: '1013', reviewer3: '1014' };

/** Presses the button of a form; is it taken, or is its door full for now? */
async function isTaken(page, button) {
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.request().method() === 'POST'),
    page.getByRole('button', { name: button }).click(),
  ]);
  await page.waitForLoadState();
  return answer.status() !== 429;
}

/** A code of the authenticator is good once; the next one comes with the next half minute. */
const untilTheNextHalfMinute = (page) => page.waitForTimeout(30_500 - (Date.now() % 30_000));

/** Walks a log-in from its first page; where a door is full for now, waits and begins again. */
export async function patiently(page, walk) {
  for (let tries = 0; tries < 10; tries += 1) {
    if (await walk()) return;
    await untilTheNextHalfMinute(page);
  }
  assert.fail('登录的门一直是满的');
}

/** The first form of an employee's log-in. */
export async function askForCode(page, idNumber) {
  await page.goto(`${server}/login`);
  await page.getByLabel('证件号码').fill(idNumber);
  return isTaken(page, '发验证码到我的手机');
}

/** Asks for a code and types the one that comes because of it. */
async function passCode(page, phone, ask) {
  const { length: known } = await codesOn(phone);
  if (!await ask()) return false;
  await page.getByLabel('验证码').fill(await codeOn(phone, known));
  return isTaken(page, /登录/);
}

/** Logs a person in by ID number and the code on the phone. */
const logInPerson = (page, one) => patiently(page, () => passCode(page, one.phone, () => askForCode(page, one.id)));

/** Logs an employer's clerk in by credit code, phone and the code on it. */
export const logInClerk = (page, { uscc, clerk }) => patiently(page, () => passCode(page, clerk.phone, async () => {
  await page.goto(`${server}/login/unit`);
  await page.getByLabel('单位号或统一社会信用代码').fill(uscc);
  await page.getByLabel('您登记的手机号').fill(clerk.phone);
  return isTaken(page, '发验证码到我的手机');
}));

/** Logs staff in by number, password and the code of the authenticator; a code that has been used is waited over. */
const logInStaff = (page, who) => patiently(page, async () => {
  await page.goto(`${server}/login/staff`);
  const login = loginOf(staff[who]);
  await page.getByLabel('工号').fill(login.number);
  await page.getByLabel('口令').fill(login.password);
  await page.getByLabel('动态码').fill(login.code);
  return await isTaken(page, /登录/) && new URL(page.url()).pathname.startsWith('/desk');
});

/** Founds a company without an account and scans with its licence: the page that opens the account. */
const logInFounder = (page) => patiently(page, async () => {
  await page.goto(outside);
  const uscc = await page.locator('#c1').inputValue();
  await control('POST', '/companies', {
    uscc, name: '重庆新芽科技有限公司', legal_person: { name: '何立', id_no: '', phone: '13900006001' }, open_hpf: true,
  });
  await page.goto(`${server}/login/licence`);
  await page.getByLabel('统一社会信用代码').fill(uscc);
  await page.getByRole('button', { name: '出示执照' }).click();
  return isTaken(page, /法定代表人.*扫码/);
});

const logIn = {
  founder: logInFounder,
  wang: (page) => logInPerson(page, state.people.wang),
  zhao: (page) => logInPerson(page, state.people.zhao),
  li: (page) => logInPerson(page, state.people.li),
  clerk: (page) => logInClerk(page, state.sunshine),
  otherClerk: (page) => logInClerk(page, state.other),
  long: (page) => logInPerson(page, state.shown.people.long),
  owner: (page) => logInPerson(page, state.shown.people.owner),
  tenant: (page) => logInPerson(page, state.shown.people.tenant),
  shownClerk: (page) => logInClerk(page, state.shown.house),
};

/** The session of somebody of the town: logged in on the first call, then remembered. */
export async function sessionOf(browser, who) {
  if (!state.sessions[who]) {
    const page = await pageOf(browser);
    await (logIn[who] ?? ((one) => logInStaff(one, who)))(page);
    assert.doesNotMatch(page.url(), /\/login/, `${who} is not logged in`);
    state.sessions[who] = await page.context().storageState();
    await page.context().close();
    save();
  }
  return state.sessions[who];
}

/** A page of somebody of the town. */
export const pageAs = async (browser, who, look = {}) => pageOf(browser, { ...look, as: await sessionOf(browser, who) });
