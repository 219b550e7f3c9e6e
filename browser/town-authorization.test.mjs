// 授权: every place × everybody, over the sessions that a browser holds. Foreign numbers do not exist.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, server } from './lib.mjs';
import { door } from './people.mjs';
import { save, sessionOf, town } from './town.mjs';

let browser;
const cookies = {};
const nobody = 'nobody';
const everybody = ['wang', 'zhao', 'clerk', 'otherClerk', 'teller', 'reviewer', 'accountant', 'chief', 'auditor', 'admin'];

before(async () => {
  browser = await launch();
  for (const who of everybody) {
    const { cookies: kept } = await sessionOf(browser, who);
    cookies[who] = kept.map(({ name, value }) => `${name}=${value}`).join('; ');
  }
});
after(async () => {
  save();
  await browser.close();
});

/** The status of a page for somebody; 303 stands for the way to the log-in. */
async function status(who, address) {
  const answer = await fetch(server + address, { redirect: 'manual', headers: { cookie: cookies[who] ?? '' } });
  return answer.status;
}

const persons = ['wang', 'zhao'];
const clerks = ['clerk', 'otherClerk'];
const staff = ['teller', 'reviewer', 'accountant', 'chief', 'auditor', 'admin'];
const books = ['accountant', 'chief', 'auditor'];

/** Address, who reads it; every other member of staff is forbidden, everybody else is sent to the log-in. */
const places = [
  ['/my', persons], ['/my/withdraw', persons], ['/my/transfer', persons], ['/my/do/withdraw-rent/why', persons], ['/my/cases', persons], ['/my/account', persons],
  ['/my/account.csv', persons], ['/my/messages', persons], ['/my/me', persons], ['/my/me/access', persons], ['/my/consents', persons],
  ['/my/me/sessions', persons], ['/my/standing', persons], ['/my/estates', persons],
  ['/unit', clerks], ['/unit/roster', clerks], ['/unit/roster/template.xlsx', clerks], ['/unit/arrivals', clerks], ['/unit/transfer', clerks],
  ['/desk/tasks', ['teller', 'reviewer', 'auditor']], ['/desk/identify', ['teller', 'reviewer']], ['/desk/keys', staff],
  ['/desk/transfers', ['teller', 'reviewer', 'auditor']],
  ['/desk/ops', ['auditor', 'admin']],
  ['/desk/sources', ['reviewer', 'auditor', 'admin']], ['/desk/sources/D02', ['reviewer', 'auditor', 'admin']],
  ['/desk/deaths', ['teller', 'reviewer', 'auditor']],
  ['/desk/court', ['teller', 'reviewer', 'auditor']],
  ['/desk/holds', ['teller', 'reviewer', 'auditor']],
  ['/desk/blacklist', ['teller', 'reviewer', 'auditor']],
  ['/desk/recoveries', ['teller', 'reviewer', 'auditor']],
  ['/desk/estates', ['teller', 'reviewer', 'auditor']],
  ['/desk/services', ['reviewer', 'auditor']], ['/desk/services.csv', ['reviewer', 'auditor']],
  ['/desk/suspense', books], ['/desk/books/trial-balance', books], ['/desk/books/trial-balance.csv', books], ['/desk/books/subject', books], ['/desk/books/journals', books],
  ['/desk/books/close', books],
];

for (const [address, readers] of places) {
  test(`${address}: ${readers.join(', ')} and nobody else`, async () => {
    for (const who of [nobody, ...everybody]) {
      const forbidden = address.startsWith('/desk') && staff.includes(who) ? 403 : 303;
      assert.equal(await status(who, address), readers.includes(who) ? 200 : forbidden, who);
    }
  });
}

test('what anyone may read, anyone reads', async () => {
  for (const address of ['/', '/guides', '/guides/withdraw-rent', '/policy/withdraw-rent', '/outlets', '/accessibility', '/privacy', '/settings', '/login', '/login/unit', '/login/staff']) {
    for (const who of [nobody, ...everybody]) assert.equal(await status(who, address), 200, `${who} ${address}`);
  }
});

test('foreign cases, months and people do not exist', async () => {
  const { person_id: zhao } = await door('POST', '/people/lookup', { id_no: town.people.zhao.id });
  const [{ remittance_id: month }] = town.paid;
  const { case_id: foreign } = await door('POST', '/cases', {
    service: 'withdraw-rent', applicant: zhao, form: { card_no: town.people.zhao.card }, channel: 'APP',
  });
  for (const tail of ['', '/why', '/receipt', '/withdraw', '/live?seen=0']) assert.equal(await status('wang', `/my/cases/${foreign}${tail}`), 404, tail);
  for (const tail of ['', '/live?seen=0']) assert.equal(await status('otherClerk', `/unit/arrivals/${month}${tail}`), 404, tail);
  assert.equal(await status('clerk', `/unit/arrivals/${month}`), 200);
  assert.equal(await status('zhao', `/my/cases/${foreign}`), 200);
  assert.equal(await status('otherClerk', `/my/cases/${foreign}`), 303);
});

test('a form without its token changes nothing', async () => {
  for (const [who, address] of [['wang', '/my/do/withdraw-rent'], ['clerk', '/unit/roster/register'], ['accountant', '/desk/books/close/propose'], ['teller', '/desk/identify']]) {
    const answer = await fetch(server + address, {
      method: 'POST', redirect: 'manual', headers: { cookie: cookies[who], 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b',
    });
    assert.ok(answer.status >= 400 && answer.status < 500, `${who} ${address}: ${answer.status}`);
  }
});

test('personal pages are kept by nobody', async () => {
  for (const [who, address] of [['wang', '/my'], ['clerk', '/unit'], ['teller', '/desk/tasks']]) {
    const answer = await fetch(server + address, { headers: { cookie: cookies[who] } });
    assert.match(answer.headers.get('cache-control'), /no-store/);
    assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
  }
});
