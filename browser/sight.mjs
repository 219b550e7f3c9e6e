// What a person would see as broken, measured in the page: runs inside the browser, knows nothing of the tests.

/**
 * Everything on the page as it stands that is too wide, cut off, squeezed, overlapping, hidden under a bar, or too small to be
 * touched; each as a line of words. `touch`: how many pixels high and wide what can be pressed must be. `dark`: is a dark page wanted?
 */
export function faultsInSight({ touch, dark }) {
  const faults = [];
  const say = (what, element, more = '') => {
    const words = (element.innerText ?? element.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 24);
    const name = element.tagName.toLowerCase() + [...element.classList].map((one) => `.${one}`).join('');
    faults.push(`${what}: ${name}${element.id ? `#${element.id}` : ''} “${words}” ${more}`.trim());
  };
  const px = Math.round;
  const unseen = '.vh,.skip,[aria-hidden="true"] text';
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest(unseen);
  const style = (element) => getComputedStyle(element);
  const ancestor = (element, is) => {
    for (let one = element; one && one !== document.documentElement; one = one.parentElement) if (is(one)) return one;
    return null;
  };
  const scrolls = (element) => /auto|scroll/.test(style(element).overflowX) && element.scrollWidth > element.clientWidth;
  const all = [...document.body.querySelectorAll('*')].filter(isSeen);

  // The frame.
  if (document.documentElement.lang !== 'zh-CN') faults.push(`lang: ${document.documentElement.lang}`);
  const heads = document.querySelectorAll('h1').length;
  if (heads !== 1) faults.push(`${heads} × h1`);
  const [red, green, blue] = style(document.body).backgroundColor.match(/\d+/g).map(Number);
  if ((red + green + blue < 3 * 128) !== dark) faults.push(`the ground is rgb(${red}, ${green}, ${blue})`);
  const tooWide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (tooWide > 0) faults.push(`the page is ${tooWide} px wider than the screen`);

  for (const element of all) {
    const box = element.getBoundingClientRect();
    const { overflowX, overflowY } = style(element);
    // Wider than the screen, but where a region of its own can be moved sideways.
    if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !ancestor(element.parentElement, scrolls)) {
      say('out of the screen', element, `${px(box.left)}…${px(box.right)} of ${innerWidth}`);
    }
    // Cut off; what is one pixel wide is kept for readers.
    if (box.width <= 1) continue;
    if (/hidden|clip/.test(overflowX) && element.scrollWidth > element.clientWidth + 1) {
      say('cut off at the side', element, `${element.scrollWidth} > ${element.clientWidth}`);
    }
    if (/hidden|clip/.test(overflowY) && element.scrollHeight > element.clientHeight + 1) {
      say('cut off below', element, `${element.scrollHeight} > ${element.clientHeight}`);
    }
    if (scrolls(element) && !element.matches('[tabindex="0"],nav,nav *,input,textarea') && !element.querySelector('a,button')) {
      say('moves sideways, but not by keyboard', element);
    }
    if (element.matches('input:not([type=hidden],[type=checkbox],[type=radio],[type=file]),select')) {
      const { font, paddingLeft, paddingRight } = style(element);
      const pen = document.createElement('canvas').getContext('2d');
      pen.font = font;
      const words = element.tagName === 'SELECT' ? element.selectedOptions[0]?.text : element.value || element.placeholder;
      const arrow = element.tagName === 'SELECT' ? 16 : 0;
      const room = element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - arrow;
      const wanted = pen.measureText(words ?? '').width;
      if (wanted > room + 1) say(`“${words}” is cut off`, element, `${px(wanted)} > ${px(room)}`);
    }
    if (element.tagName === 'IMG' && !(element.complete && element.naturalWidth > 0)) say('not loaded', element, element.src);
    if (element.tagName === 'use' && element.getBBox().width === 0) say('an icon that is not there', element, element.getAttribute('href'));
  }

  // Text, line by line: the boxes of the letters, not of the line height.
  const lines = [];
  const reader = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (reader.nextNode()) {
    const node = reader.currentNode;
    const element = node.parentElement;
    const words = node.data.trim();
    if (!words || !isSeen(element) || element.closest('svg,option,script,style')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const size = parseFloat(style(element).fontSize);
    const scroller = ancestor(element, scrolls);
    const window_ = scroller?.getBoundingClientRect();
    const rows = [];
    for (const { left, right, top, bottom } of range.getClientRects()) {
      const middle = (top + bottom) / 2;
      const row = { left, right, top: middle - size / 2, bottom: middle + size / 2 };
      if (window_) {
        row.left = Math.max(row.left, window_.left);
        row.right = Math.min(row.right, window_.right);
        row.top = Math.max(row.top, window_.top);
        row.bottom = Math.min(row.bottom, window_.bottom);
      }
      if (right - left > 0.5) rows.push(row);
    }
    const kept = rows.filter((row) => row.right - row.left > 1 && row.bottom - row.top > 1);
    const stuck = ancestor(element, (one) => /sticky|fixed/.test(style(one).position));
    for (const row of kept) lines.push({ ...row, element, words, layer: stuck?.closest('thead,tfoot') ?? stuck });
    // Squeezed: a short word over several lines, or a column of letters.
    const tops = new Set(rows.map((row) => px(row.top))).size;
    const inSentence = style(element).display === 'inline'
      && [...element.parentElement.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim());
    const alone = !inSentence && element.childNodes.length === 1;
    if (alone && tops > 1 && words.length <= 6) say(`${words.length} letters on ${tops} lines`, element);
    else if (tops > 2 && words.length / tops < 3) say(`a column of letters, ${tops} lines`, element);
    else if (tops > 2 && element.closest('.btn')) say(`the words of a button on ${tops} lines`, element);
  }
  for (let at = 0; at < lines.length; at += 1) {
    for (let other = at + 1; other < lines.length; other += 1) {
      const [a, b] = [lines[at], lines[other]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 2 && a.layer === b.layer && !(a.element === b.element && a.words === b.words)) {
        say('overlaps', a.element, `with “${b.words.slice(0, 24)}” by ${px(wide)} × ${px(high)}`);
      }
    }
  }

  // What can be pressed, where it stands alone; a link inside a sentence is as high as its line.
  const pressed = all.filter((element) => element.matches('a[href],button,summary,select,input:not([type=hidden])'));
  const standsAlone = (element) => !(style(element).display.startsWith('inline')
    && [...element.parentElement.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && /[\p{L}\p{N}]/u.test(one.data)));
  const areaOf = (element) => (element.matches('[type=radio],[type=checkbox],[type=file]') && element.closest('label')) || element;
  for (const element of pressed.filter(standsAlone)) {
    const { width, height } = areaOf(element).getBoundingClientRect();
    if (height > 0 && (height < touch.high - 0.5 || width < touch.wide - 0.5)) {
      say('too small to touch', element, `${px(width)} × ${px(height)}, at least ${touch.wide} × ${touch.high}`);
    }
  }

  // A bar at the bottom covers nothing that cannot be moved from under it.
  for (const bar of all.filter((element) => style(element).position === 'fixed' && element.getBoundingClientRect().bottom >= innerHeight - 1)) {
    const box = bar.getBoundingClientRect();
    if (box.height > innerHeight / 2) continue;
    const end = document.documentElement.scrollHeight - scrollY - box.height;
    const last = lines.filter((line) => !line.layer).reduce((most, line) => (line.bottom > (most?.bottom ?? 0) ? line : most), null);
    if (last && last.bottom > end + 1) say('covers the end of the page', bar, `“${last.words.slice(0, 24)}”`);
  }
  return [...new Set(faults)];
}
