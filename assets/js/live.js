// live.js: a progress page follows its case by server-sent events. Without it, the link 查看最新进展 does the same.
(function () {
  'use strict';
  var box = document.querySelector('[data-live]'), said = document.getElementById('said');
  if (!box || !window.EventSource) return;
  var source = new EventSource(box.getAttribute('data-live')), busy = false, again = false, spoken = 0, timer = 0;

  // One sentence at most every five seconds, so that a screen reader is not talked over.
  function say(text) {
    clearTimeout(timer);
    timer = setTimeout(function () {
      if (said && said.textContent !== text) { said.textContent = text; spoken = Date.now(); }
    }, Math.max(0, spoken + 5000 - Date.now()));
  }
  function draw() {
    if (busy) { again = true; return; }
    busy = true;
    fetch(location.href, { credentials: 'same-origin' }).then(function (answer) {
      if (!answer.ok || answer.redirected) { location.reload(); throw new Error('moved'); }
      return answer.text();
    }).then(function (html) {
      var fresh = new DOMParser().parseFromString(html, 'text/html'), main = fresh.getElementById('main');
      if (!main) return;
      document.getElementById('main').replaceWith(main);
      document.title = fresh.title;
      var line = main.querySelector('[data-say]');
      if (line) say(line.textContent.trim());
      if (!main.querySelector('[data-live]')) source.close();
    }).catch(function () {}).then(function () {
      busy = false;
      if (again) { again = false; draw(); }
    });
  }
  source.addEventListener('moved', draw);
  source.addEventListener('ended', function () { source.close(); draw(); });
})();
