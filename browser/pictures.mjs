// Takes the three pictures of the README from a running demo centre: `npm run pictures` in this folder.
// Small on purpose: each address in the width that suits its user, the visible part only.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch, pageOf, server, widths } from './lib.mjs';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'pictures');

/** What is shown; `enter` logs in and leaves the page where the picture is taken. */
const pictures = [
  { name: 'site', width: widths.desk, enter: (page) => page.goto(`${server}/`) },
];

await mkdir(folder, { recursive: true });
const browser = await launch();
for (const { name, width, enter } of pictures) {
  const page = await pageOf(browser, { width });
  await enter(page);
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled', scale: 'css' });
  await page.context().close();
}
await browser.close();
