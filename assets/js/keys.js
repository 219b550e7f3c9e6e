// keys.js: desk shortcuts. Only adds speed: every row and action is a real link or button.
// Sleeps in inputs and while Chinese characters are being chosen; can be switched off in 设置 (WCAG 2.1.4).
(function () {
  'use strict';
  var doc = document, rows = [].slice.call(doc.querySelectorAll('[data-row]')), waiting = '', timer = 0;
  var at = Math.max(0, rows.findIndex(function (row) { return row.hasAttribute('aria-current'); }));
  var off = doc.documentElement.getAttribute('data-keys') === 'off';

  function move(to) {
    if (!rows.length) return;
    at = Math.min(rows.length - 1, Math.max(0, to));
    rows.forEach(function (row, i) { i === at ? row.setAttribute('aria-current', 'true') : row.removeAttribute('aria-current'); });
    var link = rows[at].querySelector('a'); if (link) link.focus();
  }
  function press(key) {
    var named = doc.querySelector('[data-key="' + key.replace(/["\\]/g, '') + '"]');
    if (named) { named.click(); return true; }
    return false;
  }
  doc.addEventListener('keydown', function (e) {
    if (e.isComposing || e.keyCode === 229) return;
    var box = doc.getElementById('cmd'), typing = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== 'checkbox';
    if (e.ctrlKey && e.key === 'k' || !off && !typing && e.key === '/') { if (box) { e.preventDefault(); box.focus(); box.select(); } return; }
    if (typing) { if (e.key === 'Escape') e.target.blur(); return; }
    if (off || e.ctrlKey || e.altKey || e.metaKey) return;
    if (waiting) { var pair = waiting + ' ' + e.key; waiting = ''; clearTimeout(timer); if (press(pair)) e.preventDefault(); return; }
    if (e.key === 'g') { waiting = 'g'; timer = setTimeout(function () { waiting = ''; }, 1500); return; }
    if (e.key === 'j' || e.key === 'ArrowDown' && rows.length) { e.preventDefault(); move(at + 1); return; }
    if (e.key === 'k' || e.key === 'ArrowUp' && rows.length) { e.preventDefault(); move(at - 1); return; }
    if (press(e.key)) e.preventDefault();
  });
})();
