// drop.js: drag a roster onto the page. The label with its file input works without it.
(function () {
  'use strict';
  [].forEach.call(document.querySelectorAll('.drop'), function (drop) {
    var input = drop.querySelector('input[type=file]'), says = drop.querySelector('span');
    function over(e) { e.preventDefault(); drop.classList.add('over'); }
    function sent() {
      if (!input.files.length) return;
      says.textContent = '正在读 ' + input.files[0].name;
      input.form.requestSubmit ? input.form.requestSubmit() : input.form.submit();
    }
    drop.addEventListener('dragenter', over);
    drop.addEventListener('dragover', over);
    drop.addEventListener('dragleave', function () { drop.classList.remove('over'); });
    drop.addEventListener('drop', function (e) {
      e.preventDefault(); drop.classList.remove('over');
      input.files = e.dataTransfer.files; sent();
    });
    input.addEventListener('change', sent);
  });
})();
