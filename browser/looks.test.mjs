// 看得见的毛病: the main pages of everybody on phone, tablet and desk, light, dark and in large text. Each is measured for what a
// person would see as broken, and its picture is left in screenshots/ to be looked at.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, looks, outside, server } from './lib.mjs';
import { rowOf, save, sessionOf, town, workbook } from './town.mjs';

const { people: { long, owner, tenant, newcomer }, done, paid } = town.shown;

let browser;
before(async () => {
  browser = await launch();
  for (const who of ['tenant', 'long', 'owner', 'shownClerk', 'otherClerk', 'teller', 'accountant', 'admin', 'manager', 'founder', 'collector', 'policy']) await sessionOf(browser, who);
});
after(async () => {
  save();
  await browser.close();
});

/** One page of somebody: an address, or the way to it. */
const pages = [];
const page = (name, who, show, options) => pages.push({ name, who, show, options });

/** A page that is answered with another status than 200. */
const answered = (address, status) => async (at) => {
  assert.equal((await at.goto(server + address)).status(), status, address);
};

page('site-home', null, '/');
page('site-guides', null, '/guides');
page('site-found', null, '/guides?q=租房');
page('site-guide', null, '/guides/withdraw-rent');
page('site-policy', null, '/policy/withdraw-rent');
page('site-outlets', null, '/outlets');
page('site-speed', null, '/speed');
page('site-privacy', null, '/privacy');
page('site-accessibility', null, '/accessibility');
page('site-verify', null, '/verify', { elder: false });
page('site-document', null, '/verify-document');
page('site-document-unknown', null, answered('/verify-document?code=ABCD2345EFGH6789', 404));
page('site-settings', null, '/settings');
page('site-not-found', null, answered('/nowhere', 404));
page('login', null, '/login');
page('login-unit', null, '/login/unit');
page('login-staff', null, '/login/staff');
page('login-code', null, async (at) => {
  await at.goto(`${server}/login`);
  await at.fill('#id_no', owner.id);
  await at.click('main button[type=submit]');
  await at.waitForSelector('#code');
});

page('my-home', 'tenant', '/my');
page('my-home-done', 'long', '/my');
page('my-withdraw', 'tenant', '/my/withdraw');
page('my-check', 'tenant', '/my/do/withdraw-rent');
page('my-refused', 'owner', '/my/do/withdraw-rent');
page('my-refused-why', 'owner', '/my/do/withdraw-rent/why');
page('my-cases', 'long', '/my/cases');
page('my-case', 'long', `/my/cases/${done}`);
page('my-why', 'long', `/my/cases/${done}/why`);
page('my-receipt', 'long', `/my/cases/${done}/receipt`);
page('my-account', 'long', '/my/account');
page('my-years', 'long', '/my/years');
page('my-statement', 'long', async (at) => {
  await at.goto(`${server}/my/years`);
  await at.locator('main table a').first().click();
  await at.waitForLoadState();
});
page('my-papers', 'long', '/my/papers');
page('my-transfer', 'tenant', '/my/transfer');
page('my-agreements', 'long', '/my/agreements');
page('my-agreement-sign', 'long', '/my/do/withdraw-sign-commercial');
page('my-flexible', 'long', '/my/flexible');
page('my-credit', 'long', '/my/credit');
page('my-credit-apply', 'long', '/my/do/employee-credit-referral');
page('my-flexible-sign', 'long', '/my/do/flexible-contributor-open');
page('my-messages', 'long', '/my/messages');
page('my-me', 'long', '/my/me');
page('my-change-phone', 'tenant', '/my/me/change/mobile-change');
page('my-change-card', 'tenant', '/my/me/change/personal-card-change');
page('my-change-data', 'tenant', '/my/me/change/personal-info-maintain');
page('my-change-code', 'long', async (at) => {
  await at.goto(`${server}/my/me/change/personal-info-maintain`);
  await at.fill('#address', '渝中区人民路 1 号');
  await at.click('main button[type=submit]');
  await at.waitForSelector('#step_code');
});
page('my-changes', 'long', '/my/me/changes');
page('my-standing', 'long', '/my/standing');
page('my-estates', 'long', '/my/estates');
page('my-report', 'long', '/my/report');
page('my-access', 'long', '/my/me/access');
page('my-proofs', 'long', '/my/me/proofs');
page('my-consents', 'long', '/my/consents');
page('my-sessions', 'long', '/my/me/sessions');
page('my-not-found', 'owner', answered(`/my/cases/${done}`, 404));

/** A roster as a clerk's office writes it. */
const roster = async (rows) => ({
  name: '名册.xlsx',
  mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  buffer: Buffer.from(await workbook(rows)),
});
const upload = (rows, sign) => async (at) => {
  await at.goto(`${server}/unit/roster`);
  await at.setInputFiles('#roster', await roster(rows));
  await at.waitForSelector(sign);
};

page('unit-home', 'shownClerk', '/unit');
page('unit-roster', 'otherClerk', '/unit/roster');
page('unit-mistakes', 'otherClerk', upload([
  rowOf({ ...long, id: long.id.slice(0, 17) + (long.id.endsWith('1') ? '2' : '1') }),
  rowOf({ ...owner, baseYuan: '8,0OO' }, { 变更: '调走' }),
], '.errors'));
page('unit-preview', 'otherClerk', upload([rowOf(newcomer)], 'button:has-text("登记")'));
page('unit-people', 'shownClerk', '/unit/people');
page('unit-person', 'shownClerk', async (at) => {
  await at.goto(`${server}/unit/people`);
  await at.locator('main table a').first().click();
  await at.waitForLoadState();
});
page('unit-new', 'otherClerk', '/unit/people/new');
page('unit-transfer', 'shownClerk', '/unit/transfer');
page('unit-ratio', 'otherClerk', '/unit/ratio');
page('unit-cards', 'shownClerk', '/unit/cards');
page('unit-pay', 'shownClerk', '/unit/pay');
page('unit-debit', 'otherClerk', '/unit/debit');
page('unit-notices', 'shownClerk', '/unit/notices');
page('unit-arrivals', 'shownClerk', '/unit/arrivals');
page('unit-papers', 'shownClerk', '/unit/papers');
page('unit-cases', 'shownClerk', '/unit/cases');
page('unit-subsidy', 'shownClerk', '/unit/subsidy');
page('unit-credit', 'shownClerk', async (at) => {
  await at.goto(`${server}/unit/do/employer-credit-referral`);
  await at.selectOption('#bank', 'B1');
  await at.fill('#months', '6');
  await at.click('button[value=preview]');
  await at.waitForSelector('text=这样办下来');
});
page('unit-deferral', 'shownClerk', async (at) => {
  await at.goto(`${server}/unit/do/employer-deferral`);
  await at.fill('#months', '3');
  await at.selectOption('#ground', 'LOSS');
  await at.fill('#audit_report_no', '渝会审〔2026〕8号');
  await at.fill('#reason', '订单减少，半年内恢复');
  await at.fill('#resolution_no', '职代会〔2026〕3号');
  await at.click('button[value=preview]');
  await at.waitForSelector('text=这样办下来');
});
page('unit-reduction', 'shownClerk', '/unit/do/employer-ratio-reduction');
page('unit-refund', 'shownClerk', '/unit/do/employer-refund');
page('unit-suspense-refund', 'shownClerk', '/unit/do/employer-suspense-refund');
page('unit-close', 'shownClerk', '/unit/do/employer-close-account');
page('unit-sessions', 'shownClerk', '/unit/sessions');
page('unit-employer', 'shownClerk', '/unit/employer');
page('unit-confirm', 'shownClerk', async (at) => {
  await at.goto(`${server}/unit/employer`);
  await at.fill('#clerk_name', newcomer.name);
  await at.fill('#id_no', newcomer.id);
  await at.fill('#phone', '13900008888');
  await at.getByRole('button', { name: '授权', exact: true }).click();
  await at.waitForSelector('#code');
}, { dark: false, elder: false }); // each look sends a code
page('unit-arrival', 'shownClerk', `/unit/arrivals/${paid[0].remittance_id}`);

const identify = async (at) => {
  await at.goto(`${server}/desk/identify`);
  await at.fill('#id_no', long.id);
  await at.fill('#name', long.name);
  await at.click('main .btn-primary');
  await at.waitForSelector('text=打开这位客户');
};
/** A page behind the identification of a person at the window. */
const afterIdentifying = (link) => async (at) => {
  await identify(at);
  await at.click('text=打开这位客户');
  await at.waitForURL(/\/desk\/people\//);
  if (link) {
    await at.locator(`main a[href*="${link}"]`).first().click();
    await at.waitForLoadState();
  }
};

page('desk-tasks', 'teller', '/desk/tasks');
page('desk-papers', 'teller', '/desk/papers');
page('desk-identify', 'teller', '/desk/identify');
page('desk-identified', 'teller', identify);
page('desk-customer', 'teller', afterIdentifying());
page('desk-case', 'teller', afterIdentifying('/desk/cases/'));
page('desk-employer-open', 'teller', '/desk/employers/open');
page('desk-keys', 'teller', '/desk/keys');
page('desk-taken-in', 'teller', '/desk/tasks?view=mine');
page('desk-sessions', 'teller', '/desk/sessions');
page('desk-styleguide', 'teller', '/desk/styleguide');
page('desk-forbidden', 'teller', answered('/desk/books/close', 403));
page('desk-arrears', 'collector', '/desk/arrears');
page('desk-entitled', 'manager', '/desk/entitled');
page('desk-clues', 'collector', '/desk/enforcement?state=clue');
page('desk-suspense', 'accountant', '/desk/suspense');
page('desk-corrections', 'accountant', '/desk/corrections');
page('desk-relief', 'accountant', '/desk/relief');
page('desk-credit', 'accountant', '/desk/credit');
page('desk-credit-list', 'accountant', '/desk/credit/list?kind=1');
page('desk-employers', 'teller', '/desk/employers');
page('desk-relief-list', 'accountant', '/desk/relief/list?kind=1');
page('desk-agreements', 'teller', '/desk/agreements');
page('desk-transfers', 'teller', '/desk/transfers');
page('desk-suspense-old', 'accountant', '/desk/suspense/old');
page('desk-suspense-closed', 'accountant', '/desk/suspense/closed');
page('desk-trial-balance', 'accountant', '/desk/books/trial-balance');
page('desk-subject', 'accountant', '/desk/books/subject?code=201');
page('desk-journals', 'accountant', '/desk/books/journals?code=201');
page('desk-branches', 'accountant', '/desk/branches');
page('desk-close', 'accountant', '/desk/books/close');
page('unit-base', 'clerk', '/unit/base');
page('desk-interest', 'accountant', '/desk/books/interest');
page('desk-flexible', 'accountant', '/desk/flexible');
page('desk-ops', 'admin', '/desk/ops');
page('desk-sources', 'admin', '/desk/sources');
page('desk-source', 'admin', '/desk/sources/D01');
page('desk-source-files', 'admin', '/desk/sources/D05');
page('desk-source-given', 'admin', '/desk/sources/D15');
page('desk-deaths', 'teller', '/desk/deaths');
page('desk-court', 'teller', '/desk/court');
page('desk-court-new', 'teller', '/desk/court/new?kind=freeze');
/** An order for an amount of somebody whom nobody else of the town looks at, sent over the court's line. */
const ordered = async (at) => {
  await fetch(`${outside}/control/court/orders`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      kzdh: 'KZ-LOOKS-1', xzlx: '01', bzxrxm: tenant.name, bzxrzjhm: tenant.id, fymc: '重庆市渝中区人民法院', ah: '（2026）渝0103执1234号',
      wsh: '（2026）渝0103执1234号之一', wszy: 'ab'.repeat(32), xzje: '100.00', jsrq: orderUntil(),
      zxry: [
        { xm: '周正', zjhm: '110101199003070134', gzzh: '渝法执0012' },
        { xm: '吴明', zjhm: '110101199003070097', gzzh: '渝法执0034' },
      ],
    }),
  });
  await at.goto(`${server}/desk/court`);
  await at.locator('main table a').first().click();
  await at.waitForLoadState();
};
const orderUntil = () => new Date(Date.now() + 150 * 86400e3).toISOString().slice(0, 10).replaceAll('-', '');
page('desk-court-order', 'teller', ordered);
page('desk-holds', 'teller', '/desk/holds');
page('desk-blacklist', 'teller', '/desk/blacklist');
page('desk-recoveries', 'teller', '/desk/recoveries');
page('desk-estates', 'teller', '/desk/estates');
page('desk-policy', 'policy', '/desk/policy');
/** A draft of a lower rent cap. */
const cap = { title: '下调租房提取限额', parameter: 'rent_cap_monthly', value: '1,000.00', from: '2023-02-01', region: 'central' };
/** A draft of a lower limit of the base: what is contributed changes. */
const limit = { title: '下调缴存基数上限', parameter: 'base_upper_fen', value: '9,000.00', from: new Date().toISOString().slice(0, 8) + '01' };
/** A draft, tried on the past year. */
const tried = (then = '', { title, parameter, value, from, region } = cap) => async (at) => {
  await at.goto(`${server}/desk/policy`);
  const known = at.locator('#changes-region a, main table a').filter({ hasText: title });
  if (await known.count()) {
    await known.first().click();
  } else {
    await at.fill('#title', title);
    await at.getByRole('button', { name: '从现行政策起草' }).click();
    await at.goto(`${at.url()}?parameter=${parameter}`);
    await at.fill('#value', value);
    await at.fill('#from', from);
    if (region) await at.fill('#test_region', region);
    await at.fill('#source', '中心 2026 年第 9 号通知');
    await at.getByRole('button', { name: '写进草案' }).click();
    await at.getByRole('button', { name: '模拟这一稿' }).click();
  }
  await at.waitForLoadState();
  const change = new URL(at.url()).pathname;
  while (!await at.getByText('已模拟').count()) {
    await at.waitForTimeout(500);
    await at.goto(`${server}${change}`);
  }
  await at.goto(`${server}${change}${then}`);
};
page('desk-policy-change', 'policy', tried());
page('desk-policy-simulation', 'policy', tried('/simulation'));
page('desk-policy-levy', 'policy', tried('/simulation', limit));
page('desk-policy-people', 'policy', tried('/people'));
page('desk-policy-notice', 'policy', tried('/notice'));
page('desk-environment', 'manager', '/desk/environment');
page('desk-services', 'manager', '/desk/services?period=twelve');
/** The cases of a month, today's among them; none where nothing was measured yet. */
page('desk-services-list', 'manager', async (at) => {
  const day = (days) => new Date(Date.now() + days * 86400e3).toISOString().slice(0, 10);
  await at.goto(`${server}/desk/services/list?which=begun&from=${day(-30)}&to=${day(1)}`);
});

page('outside', null, outside, { dark: false, elder: false });
page('outside-people', null, `${outside}/people`, { dark: false, elder: false });
page('outside-licence', null, async (at) => { await at.goto(`${server}/login/licence`); }, { dark: false, elder: false });
page('unit-open', 'founder', '/unit/open');
// 柜面代办: an employer's pages as the teller has them who acts for it.
page('unit-counter', 'teller', async (at) => {
  await at.goto(`${server}/desk/employers`);
  await at.fill('#q', town.shown.house.uscc);
  await at.click('text=找单位');
  await at.selectOption('#who', 'letter');
  await at.selectOption('#seen', 'yes');
  await at.click('text=开始办理');
  await at.waitForSelector('text=柜面代办');
});

// Each page is a browser profile of its own; two at once keep two processors busy.
describe('what is seen', { concurrency: 2 }, () => {
  for (const { name, who, show, options } of pages) {
    test(name, async () => { await looks(browser, show, name, who && await sessionOf(browser, who), options); });
  }
});
