// After all the other tests: nobody's numbers stand in the server's log or in an address that a browser asked for.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { home } from './lib.mjs';
import { town } from './town.mjs';

const secrets = [
  ...Object.values({ ...town.people, ...town.shown.people }).flatMap(({ id, card, phone }) => [id, card, phone]),
  town.sunshine.clerk.phone, town.other.clerk.phone, town.shown.house.clerk.phone,
].filter(Boolean);

test('no ID number, card or phone in an address', () => {
  assert.ok(town.visited.length > 0, '没有记下任何地址');
  const found = town.visited.filter((address) => secrets.some((secret) => decodeURIComponent(address).includes(secret)));
  assert.deepEqual(found, []);
});

test('no ID number, card or phone in the log of the server', () => {
  // `./run` writes it into the home, `./test` beside it.
  const log = [path.join(home, 'serve.log'), path.join(home, '..', 'serve.log')].find(existsSync);
  assert.ok(log, '没有找到服务的日志');
  const lines = readFileSync(log, 'utf8').split('\n');
  assert.deepEqual(lines.filter((line) => secrets.some((secret) => line.includes(secret))), []);
});
