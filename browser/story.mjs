// The people of the browser tests: an employer with his clerk, employees whom the departments know.
// Nobody's numbers are those of another run, so that the tests can be run again on the same centre.

import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import ExcelJS from 'exceljs';

import { codeOn, codesOn, control, outside, server } from './lib.mjs';
import { cardOf, completeId, creditCodeOf, monthsFrom, openEmployer, register, rents, thisMonth } from './people.mjs';

const seed = Math.floor(Date.now() / 1000);
let drawn = 0;

/** A citizen ID number that no other run has. */
function idNumber(number) {
  const day = new Date(86_400_000 * (Math.floor(number / 1000) % 12_000)).toISOString().slice(0, 10).replaceAll('-', '');
  return completeId(`500103${day}${String(number % 1000).padStart(3, '0')}`);
}

/** An employee whom police, civil registry, card network and housing registry know; unmarried, without a home, renting. */
export async function employee(name, base) {
  drawn += 1;
  const number = seed * 10 + drawn;
  const person = {
    name, base,
    id: idNumber(number), card: cardOf(number % 1e12),
    phone: `1${3 + (drawn % 7)}${String(number).slice(-9)}`,
  };
  await register(person);
  await rents(person);
  return person;
}

/** `YYYY-MM` of a month counted from the centre's today. */
export const month = async (offset) => monthsFrom(await thisMonth(), offset);

/** An employer of 12 % + 12 % with a clerk, opened over the door for machines. */
export async function employer(first) {
  drawn += 1;
  const number = seed + drawn * 1_000_003;
  return openEmployer({
    name: `重庆山屿科技有限公司${number % 1e6}`,
    uscc: creditCodeOf(number % 1e9),
    clerk: { name: '陈芳', phone: `19${String(number).slice(-9)}` },
    first,
  });
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
  const { length: known } = await codesOn(phone);
  await page.click('main button[type=submit]');
  await page.fill('#code', await codeOn(phone, known));
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
