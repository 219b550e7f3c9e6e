// Takes the three pictures of the README from a running demo centre: `npm run pictures` in this folder.
// Small on purpose: each place in the width that suits its user, the visible part only.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch, server, widths } from './lib.mjs';
import { pageAs, save } from './town.mjs';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'pictures');

/** The file's name, who looks, at what; `asked`: where the departments are asked before, so that the offer is known. */
const pictures = [
  { name: 'my', who: 'wang', width: widths.phone, address: '/my', asked: '/my/do/withdraw-rent' },
  { name: 'unit', who: 'clerk', width: 1024, address: '/unit' },
  { name: 'desk', who: 'accountant', width: 1366, address: '/desk/books/trial-balance' },
];

await mkdir(folder, { recursive: true });
const browser = await launch();
for (const { name, who, width, address, asked } of pictures) {
  const page = await pageAs(browser, who, { width });
  if (asked) await page.goto(server + asked);
  await page.goto(server + address);
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled', scale: 'css' });
  await page.context().close();
}
save();
await browser.close();
