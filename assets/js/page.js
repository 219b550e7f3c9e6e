// page.js: small comforts of every page. Nothing here is needed to finish a task.
(function () {
  'use strict';
  var doc = document, all = function (q, root) { return [].slice.call((root || doc).querySelectorAll(q)); };

  // A form is sent once: the second click is ignored here, and by the idempotency key on the server.
  doc.addEventListener('submit', function (e) {
    var form = e.target, button = e.submitter || form.querySelector('button[type=submit]');
    if (e.defaultPrevented || form.method !== 'post' || form.hasAttribute('data-download')) return;
    if (form.hasAttribute('data-sent')) { e.preventDefault(); return; }
    form.setAttribute('data-sent', '');
    if (!button || !button.classList.contains('btn')) return;
    var label = button.querySelector('span') || button;
    button.setAttribute('data-label', label.innerHTML);
    // After the browser has taken the button's own value into the request.
    setTimeout(function () { button.setAttribute('aria-disabled', 'true'); label.textContent = '正在提交…'; }, 0);
  });
  window.addEventListener('pageshow', function (e) {
    if (!e.persisted) return;
    all('form[data-sent]').forEach(function (form) { form.removeAttribute('data-sent'); });
    all('[data-label]').forEach(function (button) {
      (button.querySelector('span') || button).innerHTML = button.getAttribute('data-label');
      button.removeAttribute('aria-disabled'); button.removeAttribute('data-label');
    });
  });

  // The error summary and the question of a confirm page are heard first.
  var first = doc.querySelector('.errors[role=alert]') || doc.querySelector('h1[tabindex="-1"]');
  if (first && !location.hash) first.focus();

  all('[data-copy]').forEach(function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(button.getAttribute('data-copy')).then(function () {
        var was = button.innerHTML; button.textContent = '已复制';
        setTimeout(function () { button.innerHTML = was; }, 2000);
      });
    });
  });

  // 隐藏: the balance on a phone in a queue. Remembered on this device only.
  var hide = doc.querySelector('[data-hide]');
  if (hide) {
    var amount = doc.getElementById(hide.getAttribute('data-hide')), shown = amount.innerHTML;
    var draw = function (hidden) {
      amount.innerHTML = hidden ? '••••' : shown;
      hide.textContent = hidden ? '显示' : '隐藏';
      hide.setAttribute('aria-pressed', String(hidden));
    };
    hide.hidden = false;
    draw(localStorage.getItem('anju-hide') === '1');
    hide.addEventListener('click', function () {
      var hidden = hide.getAttribute('aria-pressed') !== 'true';
      localStorage.setItem('anju-hide', hidden ? '1' : '0'); draw(hidden);
    });
  }

  // What a member of staff has unmasked covers itself again.
  all('[data-mask-after]').forEach(function (shown) {
    setTimeout(function () { shown.textContent = shown.getAttribute('data-masked'); }, 1000 * shown.getAttribute('data-mask-after'));
  });

  all('[data-auto]').forEach(function (select) {
    all('[data-auto-button]', select.form).forEach(function (button) { button.hidden = true; });
    select.addEventListener('change', function () { select.form.submit(); });
  });

  all('[data-print]').forEach(function (button) { button.hidden = false; button.addEventListener('click', function () { print(); }); });

  // 朗读本页: the browser's own voice, stopped by a second press.
  all('[data-read]').forEach(function (button) {
    if (!window.speechSynthesis) return;
    button.hidden = false;
    button.addEventListener('click', function () {
      if (speechSynthesis.speaking) { speechSynthesis.cancel(); return; }
      var said = new SpeechSynthesisUtterance(doc.getElementById('main').innerText);
      said.lang = 'zh-CN'; said.rate = .9; speechSynthesis.speak(said);
    });
  });
})();
