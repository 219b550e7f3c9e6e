// After all the other tests: nobody's numbers or names stand in the server's log or in an address that a browser asked for.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { home } from './lib.mjs';
import { completeId } from './people.mjs';
import { town } from './town.mjs';

const people = Object.values({ ...town.people, ...town.shown.people });
const clerks = [town.sunshine.clerk, town.other.clerk, town.shown.house.clerk];
const numbers = people.flatMap(({ id, card, phone }) => [id, card, phone]).concat(clerks.map(({ phone }) => phone)).filter(Boolean);
const names = [...people, ...clerks].map(({ name }) => name).filter(Boolean);

/** Any ID number with a right check digit, also of people whom a single test made up. */
const anyId = (text) => (text.match(/(?<![0-9A-Za-z])[1-9]\d{16}[\dX](?![0-9A-Za-z])/g) ?? []).find((id) => completeId(id.slice(0, 17)) === id);

const personal = (text) => numbers.some((number) => text.includes(number)) || names.some((name) => text.includes(name)) || anyId(text);

test('the people whose traces are looked for are known', () => {
  assert.ok(numbers.length >= 9 && names.length >= 3, `${numbers.length} 个号码，${names.length} 个姓名`);
  assert.ok(people.every(({ id }) => anyId(`applicant=${id}`)));
  assert.equal(anyId('case=110105194912310021'), undefined);
});

test('no ID number, card, phone or name in an address', () => {
  assert.ok(town.visited.length > 0, '没有记下任何地址');
  assert.deepEqual(town.visited.filter((address) => personal(decodeURIComponent(address))), []);
});

test('no ID number, card, phone or name in the log of the server', () => {
  // `./run` writes it into the home, `./test` beside it.
  const log = [path.join(home, 'serve.log'), path.join(home, '..', 'serve.log')].find(existsSync);
  assert.ok(log, '没有找到服务的日志');
  const lines = readFileSync(log, 'utf8').split('\n');
  assert.ok(lines.length > 1, '日志是空的');
  assert.deepEqual(lines.filter(personal), []);
});
