// The people of the browser tests: an employer with his clerk, employees whom the departments know, staff of the demo centre.
// Nobody's numbers are those of another run, so that the tests can be run again on the same centre.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ExcelJS from 'exceljs';

import { control, home, outside, server } from './lib.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const anju = process.env.ANJU_BIN
  ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(here, '..', 'target'), 'release', 'anju');

const seed = Math.floor(Date.now() / 1000);
let drawn = 0;

/** GB 11643: a citizen ID number that no other run has. */
function idNumber(number) {
  const day = new Date(86_400_000 * (Math.floor(number / 1000) % 12_000)).toISOString().slice(0, 10).replaceAll('-', '');
  const body = `500103${day}${String(number % 1000).padStart(3, '0')}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((all, weight, at) => all + weight * Number(body[at]), 0);
  return body + '10X98765432'[sum % 11];
}

/** A card number with its Luhn digit. */
function cardNumber(number) {
  const body = `622848${String(number).padStart(12, '0')}`;
  const sum = [...body].reverse().reduce((all, digit, at) => {
    const value = Number(digit) * (at % 2 === 0 ? 2 : 1);
    return all + (value > 9 ? value - 9 : value);
  }, 0);
  return body + String((10 - (sum % 10)) % 10);
}

/** GB 32100: a unified social credit code. */
function creditCode(number) {
  const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
  const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
  const body = `91500103${String(number % 1e9).padStart(9, '0')}`;
  const sum = weights.reduce((all, weight, at) => all + weight * alphabet.indexOf(body[at]), 0);
  return body + alphabet[(31 - (sum % 31)) % 31];
}

const fact = (source, type, subject, value) => control('POST', `/facts/${source}/${type}/set`, { subject, value });

/** An employee whom police, civil registry, card network and housing registry know; unmarried, without a home, renting. */
export async function employee(name, base) {
  drawn += 1;
  const number = seed * 10 + drawn;
  const person = {
    name, base,
    id: idNumber(number), card: cardNumber(number % 1e12),
    phone: `1${3 + (drawn % 7)}${String(number).slice(-9)}`,
  };
  await fact('D01', 'police.identity', person.id, { name, match: true, alive: true });
  await fact('D02', 'civil.marriage', person.id, { state: 'single', since: '2000-01-01' });
  await fact('D18', 'unionpay.card_auth', person.id, { name, card: person.card, match: true, card_type: 'debit-1', bank: 'B4' });
  await fact('D04', 'housing.rental_filing', person.id, {
    filed: true, lease_no: `ZL${person.id.slice(6, 17)}`, district: '500103', from: '2020-01-01', to: '2039-12-31',
    rent_fen_month: 120_000, kind: 'market',
  });
  return person;
}

/** `YYYY-MM` of a month counted from the centre's today. */
export async function month(offset) {
  const { now } = await control('GET', '/clock');
  const [year, number] = now.split('-').map(Number);
  const index = year * 12 + number - 1 + offset;
  return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`;
}

/** An employer of 12 % + 12 % with a clerk, opened over the door for machines. */
export async function employer(first) {
  drawn += 1;
  const number = seed + drawn * 1_000_003;
  const uscc = creditCode(number);
  const name = `重庆山屿科技有限公司${number % 1e6}`;
  const phone = `19${String(number).slice(-9)}`;
  await fact('D06', 'market.registration', uscc, {
    name, kind: 'company', state: 'open', founded: '2015-06-01', region: '500103', address: '重庆市渝中区',
    legal_person: { name: '陈立' },
  });
  const key = (await readFile(path.join(home, 'demo-key'), 'utf8')).trim();
  const answer = await fetch(`${server}/open/v1/employers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'idempotency-key': crypto.randomUUID(), 'content-type': 'application/json' },
    body: JSON.stringify({
      name, uscc, kind: '私企', ratio_employer_bp: 1200, ratio_employee_bp: 1200, legal_representative: '陈立',
      first_month: first, payday: 10, clerk: { name: '陈芳', phone },
    }),
  });
  assert.ok(answer.ok, await answer.clone().text());
  const { employer_no: no } = await answer.json();
  return { no, name, uscc, clerk: { phone } };
}

/** A roster as a clerk makes it: rows of name, ID number, base and phone. */
export async function roster(rows) {
  const book = new ExcelJS.Workbook();
  const sheet = book.addWorksheet('名册');
  sheet.addRow(['姓名', '证件号码', '缴存基数', '手机号']);
  rows.forEach((row) => sheet.addRow(row));
  const file = path.join(await mkdtemp(path.join(os.tmpdir(), 'anju-roster-')), '名册.xlsx');
  await book.xlsx.writeFile(file);
  return file;
}

export const rowOf = (person) => [person.name, person.id, person.base, person.phone];

/** Pays into one of the centre's accounts as an outsider, whichever bank it is at. */
export async function pay(to, fen, reference, payer) {
  for (const { bank } of await control('GET', '/banks')) {
    const answer = await fetch(`${outside}/control/banks/${bank}/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ from: '5000102030', to, amount_fen: fen, reference, payer }),
    });
    if (answer.ok) return;
  }
  assert.fail(`no bank knows the account ${to}`);
}

/** What the pay page offers to be copied: account, reference and amount in fen. */
export async function payment(page) {
  const copied = await page.locator('[data-copy]').evaluateAll((all) => all.map((one) => one.dataset.copy));
  const [, account, reference, yuan] = copied;
  return { account, reference, fen: Math.round(Number(yuan) * 100) };
}

/** Asks for a code by the form in sight and types the one that comes to this phone because of it. */
async function passCode(page, phone) {
  const codes = async () => (await control('GET', `/phones/${phone}/messages`))
    .map((message) => /\b\d{6}\b/.exec(message.text)?.[0])
    .filter(Boolean);
  const before = (await codes()).length;
  await page.click('main button[type=submit]');
  const until = Date.now() + 10_000;
  let all = await codes();
  while (all.length <= before) {
    assert.ok(Date.now() < until, `no code came to ${phone}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    all = await codes();
  }
  await page.fill('#code', all.at(-1));
  await page.click('main .btn-primary');
}

export async function logInClerk(page, who) {
  await page.goto(`${server}/login/unit`);
  await page.fill('#employer', who.uscc);
  await page.fill('#phone', who.clerk.phone);
  await passCode(page, who.clerk.phone);
  await page.waitForURL(`${server}/unit`);
}

export async function logInPerson(page, who) {
  await page.goto(`${server}/login`);
  await page.fill('#id_no', who.id);
  await passCode(page, who.phone);
  await page.waitForURL(`${server}/my`);
}

/** Logs staff in; a code that another run has used up is waited over. */
export async function logInStaff(page, number) {
  const until = Date.now() + 70_000;
  for (;;) {
    const logins = JSON.parse(execFileSync(anju, ['logins', '--json'], { encoding: 'utf8' }));
    const staff = logins.staff.find((one) => one.number === number);
    await page.goto(`${server}/login/staff`);
    await page.fill('#staff_no', number);
    await page.fill('#password', staff.password);
    await page.fill('#code', staff.code);
    await page.click('main .btn-primary');
    await page.waitForLoadState();
    if (page.url().startsWith(`${server}/desk`)) return;
    assert.ok(Date.now() < until, `工号 ${number}: ${await page.locator('.errors').textContent()}`);
    // Two wrong tries of five; the next code comes within half a minute.
    await new Promise((resolve) => { setTimeout(resolve, 31_000); });
  }
}
