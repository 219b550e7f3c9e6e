// A citizen takes a proof home: the page that checks it is opened from a disk, without a network, and finds every alteration.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { launch, server } from './lib.mjs';
import { sessionOf, town } from './town.mjs';

let browser, page, folder, bundle, keys;

const fetched = async (from, address) => {
  for (let tries = 0; tries < 20; tries += 1) {
    const answer = await from.request.get(server + address);
    if (answer.status() === 200) return answer.text();
    assert.equal(answer.status(), 202, address);
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error(`${address} 没有封存`);
};

before(async () => {
  browser = await launch();
  folder = await mkdtemp(path.join(os.tmpdir(), 'anju-proof-'));
  const citizen = await browser.newContext({ storageState: await sessionOf(browser, 'long') });
  bundle = await fetched(citizen, `/my/cases/${town.shown.done}/proof.json`);
  keys = await fetched(citizen, '/tlog/keys');
  await writeFile(path.join(folder, 'verify.html'), await fetched(citizen, '/verify'));
  await writeFile(path.join(folder, 'proof.json'), bundle);
  await writeFile(path.join(folder, 'keys.txt'), keys);
  await citizen.close();
  const offline = await browser.newContext({ offline: true });
  page = await offline.newPage();
  await page.goto(`file://${folder}/verify.html`);
});
after(() => browser?.close());

const shown = async (proof, trusted) => {
  await page.setInputFiles('#bundle', proof);
  await page.setInputFiles('#keys', trusted);
  await page.click('button[type=submit]');
  await page.waitForSelector('#result .verdict');
  return page.textContent('#result');
};

test('the proof is true, and the page says why', async () => {
  const said = await shown(path.join(folder, 'proof.json'), path.join(folder, 'keys.txt'));
  for (const words of ['这份凭据是真的', '2 个见证人也签了', 'audit.example', '短码']) assert.ok(said.includes(words), said);
});

test('one digit more in the amount, and it is not', async () => {
  const altered = path.join(folder, 'altered.json');
  await writeFile(altered, bundle.replace('"seq":', '"seq":1'));
  const said = await shown(altered, path.join(folder, 'keys.txt'));
  assert.ok(said.includes('这份凭据不成立') && said.includes('片叶子（从 0 数起）算不到'), said);
});

// The verdict alone does not say whose proof it is: a genuine one of another case is genuine.
test('what the proof is about stands before the verdict', async () => {
  const said = await shown(path.join(folder, 'proof.json'), path.join(folder, 'keys.txt'));
  const about = said.indexOf(`凭据说的是：办件 ${JSON.parse(bundle).record.case} 的第 `);
  assert.ok(about >= 0 && about < said.indexOf('这份凭据是真的'), said);
});

test('a byte order mark is refused in either file, though the browser would take it away', async () => {
  const marked = path.join(folder, 'marked');
  for (const [text, first] of [[bundle, true], [keys, false]]) {
    await writeFile(marked, `\ufeff${text}`);
    const said = await shown(first ? marked : path.join(folder, 'proof.json'), first ? path.join(folder, 'keys.txt') : marked);
    assert.ok(said.includes('这份凭据不成立') && said.includes('BOM'), said);
  }
});

// Goal: the page and `anju verify` never disagree on what a proof is. Method: the table of crates/evidence/tests/forms/main.rs, which the command walks too.
test('the page reads the forms of proofs that the document allows, and no other', async () => {
  const file = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'crates', 'evidence', 'tests', 'forms.json');
  const wrong = await page.evaluate(async (table) => {
    const bytes = (text) => new TextEncoder().encode(text), found = [];
    for (const one of table.cases) {
      let proof = one.bundle_base64 ? Uint8Array.from(atob(one.bundle_base64), (c) => c.charCodeAt(0)) : bytes(one.bundle);
      if (one.filled_to) proof = new Uint8Array([...proof, ...new Array(one.filled_to - proof.length).fill(32)]);
      // The page has one file of keys; who was told of a change puts its line there.
      const told = (one.transitions ?? '').split('\n').filter((line) => line.trim().startsWith('transition '));
      const outcome = await window.anjuVerify(proof, bytes([one.keys ?? table.keys, ...told].join('\n')));
      const said = outcome.good ? outcome.about : outcome.checks.at(-1).name;
      if (outcome.good !== one.holds || !said.includes(one.says) || !said.includes(one.says_too ?? '')) found.push(`${one.name}: ${said}`);
    }
    return found;
  }, JSON.parse(await readFile(file, 'utf8')));
  assert.deepEqual(wrong, []);
});

test('without a witness in the keys it proves nothing', async () => {
  const own = path.join(folder, 'own.txt');
  await writeFile(own, keys.split('\n').slice(0, 2).join('\n'));
  const said = await shown(path.join(folder, 'proof.json'), own);
  assert.ok(said.includes('没有一个见证人'), said);
});

test('any one byte changed is found, but for the SM2 line, which the command line checks', async () => {
  const seed = Number(process.env.ANJU_SEED ?? Date.now());
  console.log(`ANJU_SEED=${seed}`);
  const accepted = await page.evaluate(async ([text, trusted, start]) => {
    let state = BigInt(start), wrong = [];
    const below = (limit) => { state = (state * 6364136223846793005n + 1442695040888963407n) % (1n << 64n); return Number((state >> 33n) % BigInt(limit)); };
    const lines = text.slice(text.indexOf('"checkpoint"')).split('\\n').filter((line) => line.startsWith('\u2014'));
    const sm2 = text.indexOf(lines[1]), end = sm2 + lines[1].length;
    for (let round = 0; round < 200; round += 1) {
      const at = below(text.length);
      if (at >= sm2 && at < end) continue;
      const other = String.fromCharCode(text.charCodeAt(at) ^ (1 << below(6)));
      const outcome = await window.anjuVerify(text.slice(0, at) + other + text.slice(at + 1), trusted);
      // A witness's line that is changed beyond recognition is one that is not there, and the page says so.
      if (outcome.good && !outcome.checks.at(-1).name.startsWith('1 个')) wrong.push([at, text[at], other]);
    }
    return wrong;
  }, [bundle, keys, seed]);
  assert.deepEqual(accepted, []);
  const whole = await page.evaluate(([text, trusted]) => window.anjuVerify(text, trusted), [bundle, keys]);
  assert.ok(whole.good, JSON.stringify(whole.checks));
});

// docs/evidence.md, Change of keys: what a reader sees who holds the former key, the next one, or either with the transition.
test('after a change of keys old proofs hold, new ones hold by the transition, and a key that has ended vouches for nothing', async () => {
  const seen = await page.evaluate(async () => {
    const bytes = (text) => new TextEncoder().encode(text);
    const join = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
    const sha = async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', join(...parts)));
    const base64 = (data) => btoa(String.fromCharCode(...data));
    const line = async (name, typed) => {
      const id = (await sha(bytes(`${name}\n`), typed)).slice(0, 4);
      return { name, id, line: `${name}+${[...id].map((byte) => byte.toString(16).padStart(2, '0')).join('')}+${base64(typed)}` };
    };
    const pair = async (name, type) => {
      const made = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
      const raw = new Uint8Array(await crypto.subtle.exportKey('raw', made.publicKey));
      const sign = async (data) => new Uint8Array(await crypto.subtle.sign('Ed25519', made.privateKey, data));
      return { ...await line(name, join([type], raw)), sign };
    };
    // Points of the curve (GB/T 32918.5): its base point, and the one on the other side.
    const x = '32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7', y = BigInt('0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0');
    const p = BigInt('0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff');
    const sm2 = (name, y) => line(name, join([255], bytes('sm2-sm3'), [4], `${x}${y.toString(16).padStart(64, '0')}`.match(/../g).map((byte) => parseInt(byte, 16))));
    const under = async (key, text) => `\u2014 ${key.name} ${base64(join(key.id, await key.sign(bytes(text))))}\n`;
    const log = 'anju/00000000';
    const [former, next, witness, former2, next2] = [await pair(log, 1), await pair(log, 1), await pair('w.example/w', 4), await sm2(log, y), await sm2(log, p - y)];
    const text = `anju-key-transition/1\n${log}\nformer ${former.line}\nformer ${former2.line}\nnext ${next.line}\nnext ${next2.line}\nfrom 1000\nuntil 2000\n`;
    const told = `transition ${base64(bytes(`${text}\n${await under(former, text)}${await under(next, text)}`))}\n`;
    const salt = new Uint8Array(32).fill(5);
    const leaf = await sha([0], [1], await sha(salt, bytes('{"kind":"case"}')));
    const bundle = async (signers, time) => {
      const tree = `${log}\n1\n${base64(leaf)}\n`, at = new Uint8Array(8);
      new DataView(at.buffer).setBigUint64(0, BigInt(time));
      let note = `${tree}\n`;
      for (const key of signers) note += await under(key, tree);
      const seal = await witness.sign(bytes(`cosignature/v1\ntime ${time}\n${tree}`));
      note += `\u2014 ${witness.name} ${base64(join(witness.id, at, seal))}\n`;
      return JSON.stringify({ format: 'anju-proof/1', record: { kind: 'case' }, salt: base64(salt), index: 0, path: [], checkpoint: note });
    };
    const proofs = [await bundle([former], 900), await bundle([former, next], 2000), await bundle([next], 2001), await bundle([former], 2001)];
    const old = `${former.line}\n${former2.line}\n${witness.line}\n`, fresh = `${next.line}\n${next2.line}\n${witness.line}\n`;
    const rows = [];
    for (const file of [old, fresh, old + told, told + fresh, `${witness.line}\n${told}`]) {
      const row = [];
      for (const proof of proofs) row.push((await window.anjuVerify(proof, file)).good);
      rows.push(row);
    }
    rows.push((await window.anjuVerify(proofs[3], old + told)).checks.at(-1).name.includes('已经停用'));
    return rows;
  });
  assert.deepEqual(seen, [
    [true, true, false, true],
    [false, true, true, false],
    [true, true, true, false],
    [true, true, true, false],
    [false, false, false, false],
    true,
  ]);
});
