// What the people of the browser tests are made of: numbers with check digits, what departments hold of somebody, employers that are
// opened over the doors, logins of the staff. `town.mjs` and `story.mjs` tell who they are.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { control, home, server } from './lib.mjs';

/** The key of the demo centre's doors. */
export const key = readFileSync(path.join(home, 'demo-key'), 'utf8').trim();

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const anju = process.env.ANJU_BIN ?? path.resolve(root, process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'anju');

/** One call of the public doors; refused calls fail the test. */
export async function door(method, where, body) {
  const isFile = body instanceof Uint8Array;
  const answer = await fetch(`${server}/open/v1${where}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'idempotency-key': randomUUID(),
      'content-type': isFile ? 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' : 'application/json',
    },
    body: body === undefined || isFile ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${where}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** GB 11643: the ID number of 17 digits with its check digit. */
export function completeId(body) {
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((total, weight, place) => total + weight * Number(body[place]), 0);
  return body + '10X98765432'[sum % 11];
}

/** A card number with its Luhn digit, from a number of at most twelve digits. */
export function cardOf(number) {
  const body = `622848${String(number).padStart(12, '0')}`;
  const sum = [...body].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return body + String((10 - (sum % 10)) % 10);
}

/** GB 32100: a unified social credit code, from a number of at most nine digits. */
export function creditCodeOf(number) {
  const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
  const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
  const body = `91500103${String(number).padStart(9, '0')}`;
  const sum = weights.reduce((total, weight, place) => total + weight * alphabet.indexOf(body[place]), 0);
  return body + alphabet[(31 - (sum % 31)) % 31];
}

/** What a department holds of somebody. */
export const fact = (source, type, subject, value) => control('POST', `/facts/${source}/${type}/set`, { subject, value });

/** Tells police, civil registry and card network of a person: unmarried, with an own debit card. */
export async function register({ name, id, card }) {
  await fact('D01', 'police.identity', id, { name, match: true, alive: true });
  await fact('D02', 'civil.marriage', id, { state: 'single', since: '2000-01-01' });
  await fact('D18', 'unionpay.card_auth', id, { name, card, match: true, card_type: 'debit-1', bank: 'B4' });
}

/** Files a lease of 1,200.00 a month for a person. */
export const rents = ({ id }) => fact('D04', 'housing.rental_filing', id, {
  filed: true, lease_no: `ZL${id.slice(6, 17)}`, district: '500103', from: '2020-01-01', to: '2039-12-31', rent_fen_month: 120_000, kind: 'market',
});

/** Opens an employer of 12 % + 12 % whom the market regulator knows; its clerk has a phone. */
export async function openEmployer({ name, uscc, clerk, first }) {
  await fact('D06', 'market.registration', uscc, {
    name, kind: 'company', state: 'open', founded: '2015-06-01', region: '500103', address: '重庆市渝中区', legal_person: { name: '陈立' },
  });
  const { employer_no: no } = await door('POST', '/employers', {
    name, uscc, kind: '私企', ratio_employer_bp: 1200, ratio_employee_bp: 1200, legal_representative: '陈立', first_month: first, payday: 10, clerk,
  });
  return { name, uscc, no, clerk };
}

/** `2026-11` moved by months. */
export function monthsFrom(month, count) {
  const [year, number] = month.split('-').map(Number);
  const index = year * 12 + number - 1 + count;
  return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`;
}

/** The centre's month of today. */
export async function thisMonth() {
  const { now } = await control('GET', '/clock');
  return now.slice(0, 7);
}

/** Name, password and the code of this half minute of a staff number. */
export function loginOf(number) {
  const { staff } = JSON.parse(execFileSync(anju, ['logins', '--json'], { encoding: 'utf8' }));
  return staff.find((one) => one.number === number);
}
