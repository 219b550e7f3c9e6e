// verify.js: checks a proof bundle in the browser, with no network (docs/evidence.md). It stands whole inside verify.html.
(function () {
  'use strict';
  var subtle = window.crypto && window.crypto.subtle;

  // Strict JSON: no name twice, whole numbers that a double holds exactly.
  function parse(text) {
    var at = 0, token = /[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;
    function next() {
      token.lastIndex = at;
      var found = token.exec(text);
      if (!found) throw Error('不是 JSON，第 ' + (at + 1) + ' 个字符附近');
      at = token.lastIndex;
      return found;
    }
    function peek() { var from = at, found = next(); at = from; return found; }
    function value(found) {
      if (found[2]) return JSON.parse(found[2]);
      if (found[3]) {
        var plain = JSON.parse(found[3]);
        if (Number.isInteger(plain) && !Number.isSafeInteger(plain)) throw Error('整数超过 2^53−1');
        return plain;
      }
      var all, close, more;
      if (found[1] === '[') {
        all = [];
        if (peek()[1] === ']') { next(); return all; }
        do { all.push(value(next())); more = next()[1]; } while (more === ',');
        close = ']';
      } else if (found[1] === '{') {
        all = Object.create(null);
        if (peek()[1] === '}') { next(); return all; }
        do {
          var name = next();
          if (!name[2] || next()[1] !== ':') throw Error('不是 JSON 对象');
          name = JSON.parse(name[2]);
          if (name in all) throw Error('「' + name + '」出现两次');
          all[name] = value(next()); more = next()[1];
        } while (more === ',');
        close = '}';
      }
      if (!close || more !== close) throw Error('不是 JSON，第 ' + at + ' 个字符附近');
      return all;
    }
    var whole = value(next());
    if (/[^ \t\r\n]/.test(text.slice(at))) throw Error('JSON 之后还有别的内容');
    return whole;
  }

  // RFC 8785: names in the order of their UTF-16 units, numbers and strings as ECMAScript writes them.
  function canonical(value) {
    if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']';
    if (value && typeof value === 'object') {
      return '{' + Object.keys(value).sort().map(function (name) { return JSON.stringify(name) + ':' + canonical(value[name]); }).join(',') + '}';
    }
    if (typeof value === 'string' && /[\ud800-\udbff](?![\udc00-\udfff])|(?:^|[^\ud800-\udbff])[\udc00-\udfff]/.test(value)) throw Error('记录里有残缺的字符');
    return JSON.stringify(value);
  }

  function bytes(text) { return new TextEncoder().encode(text); }
  function join() {
    var parts = [].slice.call(arguments), all = new Uint8Array(parts.reduce(function (sum, part) { return sum + part.length; }, 0)), at = 0;
    parts.forEach(function (part) { all.set(part, at); at += part.length; });
    return all;
  }
  function base64(text, what, length) {
    var raw;
    try { raw = atob(text); } catch (_) { throw Error(what + '不是 Base64'); }
    // Bits that nobody reads must be zero, or two texts would mean the same.
    if (btoa(raw) !== text || (length && raw.length !== length)) throw Error(what + '不是 ' + (length || '') + ' 字节的 Base64');
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function sha256(data) { return subtle.digest('SHA-256', data).then(function (hash) { return new Uint8Array(hash); }); }
  function same(a, b) { return a.length === b.length && a.every(function (byte, i) { return byte === b[i]; }); }
  function hex(data) { return [].map.call(data, function (byte) { return (byte < 16 ? '0' : '') + byte.toString(16); }).join(''); }
  function be64(number) { var out = new Uint8Array(8); for (var i = 7; i >= 0; i--) { out[i] = number % 256; number = Math.floor(number / 256); } return out; }
  function node(left, right) { return sha256(join([1], left, right)); }
  function leaf(entry) { return sha256(join([0], entry)); }

  function only(object, must, may, what) {
    if (!object || typeof object !== 'object' || Array.isArray(object)) throw Error(what + '不是 JSON 对象');
    Object.keys(object).forEach(function (name) { if (must.concat(may).indexOf(name) < 0) throw Error(what + '里有多余的「' + name + '」'); });
    must.forEach(function (name) { if (!(name in object)) throw Error(what + '缺少「' + name + '」'); });
  }
  function whole(value, what) { if (!Number.isSafeInteger(value) || value < 0) throw Error(what + '不是自然数'); return value; }
  function path(value, what) {
    if (!Array.isArray(value) || value.length > 64) throw Error(what + '不是路径');
    return value.map(function (text) { if (typeof text !== 'string') throw Error(what + '不是路径'); return base64(text, what, 32); });
  }

  // RFC 9162 §2.1.3.2.
  async function climb(hash, index, size, steps) {
    if (index >= size) return null;
    var last = size - 1;
    for (var i = 0; i < steps.length; i++) {
      if (last === 0) return null;
      if (index % 2 === 1 || index === last) {
        hash = await node(steps[i], hash);
        while (index % 2 === 0 && index !== 0) { index = Math.floor(index / 2); last = Math.floor(last / 2); }
      } else {
        hash = await node(hash, steps[i]);
      }
      index = Math.floor(index / 2); last = Math.floor(last / 2);
    }
    return last === 0 ? hash : null;
  }

  async function readKey(line, what) {
    var parts = line.split('+'), name = parts[0], typed, kind;
    if (parts.length < 3 || !name || /\s/.test(name)) throw Error(what + '不是公钥');
    typed = base64(parts.slice(2).join('+'), what);
    kind = typed[0] === 1 && typed.length === 33 ? 'log' : typed[0] === 4 && typed.length === 33 ? 'witness' : typed[0] === 255 ? 'other' : null;
    var id = (await sha256(join(bytes(name + '\n'), typed))).slice(0, 4);
    if (!kind || hex(id) !== parts[1]) throw Error(what + '不是公钥');
    return { name: name, kind: kind, id: id, public: typed.slice(1), until: Infinity };
  }
  function equal(a, b) { return a.kind === b.kind && a.name === b.name && same(a.public, b.public); }

  // A change of the log's keys: its former and its next keys have signed it (docs/evidence.md, Change of keys).
  async function readTransition(line, what) {
    var wrong = what + '的密钥交接书的形式不对', note;
    try { note = new TextDecoder('utf-8', { fatal: true }).decode(base64(line.slice(11), what)); } catch (_) { throw Error(wrong); }
    var cut = note.lastIndexOf('\n\n'), text = note.slice(0, cut + 1), lines = text.split('\n'), told = { former: [], next: [] };
    var form = /^anju-key-transition\/1\n[^\n]+\nformer [^\n]+\nformer [^\n]+\nnext [^\n]+\nnext [^\n]+\nfrom (0|[1-9]\d*)\nuntil (0|[1-9]\d*)\n$/.exec(text);
    if (cut < 0 || !form) throw Error(wrong);
    for (var i = 2; i < 6; i++) {
      var key = await readKey(lines[i].replace(/^(former|next) /, ''), what);
      if (key.name !== lines[1] || key.kind !== (i % 2 ? 'other' : 'log')) throw Error(wrong);
      told[i < 4 ? 'former' : 'next'].push(key);
    }
    told.until = Number(form[2]);
    if (Number(form[1]) > told.until || equal(told.former[0], told.next[0])) throw Error(wrong);
    var signers = [told.former[0], told.next[0]];
    for (var s = 0; s < signers.length; s++) {
      var good = false, ends = note.slice(cut + 2).split('\n');
      for (var e = 0; e < ends.length && !good; e++) {
        var found = /^\u2014 (\S+) (\S+)$/.exec(ends[e]);
        if (!found || found[1] !== signers[s].name) continue;
        var blob = base64(found[2], '签名', 0);
        good = same(blob.slice(0, 4), signers[s].id) && await signed(signers[s], text, blob.slice(4));
      }
      if (!good) throw Error(what + '的密钥交接书没有由旧、新两把密钥签名');
    }
    return told;
  }
  function follow(told, keys) {
    function known(key) { return keys.find(function (one) { return equal(one, key); }); }
    if (!known(told.former[0]) && !known(told.next[0])) return false;
    told.former.concat(told.next).forEach(function (key) { if (!known(key)) keys.push(key); });
    told.former.forEach(function (key) { var one = known(key); one.until = Math.min(one.until, told.until); });
    return true;
  }

  async function readKeys(text) {
    var keys = [], transitions = [], lines = text.split(/\r?\n/).map(function (line) { return line.trim(); }).filter(Boolean);
    for (var i = 0; i < lines.length; i++) {
      var what = '公钥文件第 ' + (i + 1) + ' 行';
      if (lines[i].indexOf('transition ') === 0) transitions.push(await readTransition(lines[i], what));
      else keys.push(await readKey(lines[i], what));
    }
    for (var before = -1; transitions.length !== before && transitions.length;) {
      before = transitions.length;
      transitions = transitions.filter(function (told) { return !follow(told, keys); });
    }
    if (transitions.length) throw Error('密钥交接书不是您信任的任何一把密钥签的');
    if (!keys.length) throw Error('公钥文件里没有公钥');
    return keys;
  }
  async function signed(key, text, blob) {
    var message = bytes(text), signature = blob;
    if (key.kind === 'witness') {
      if (blob.length !== 72 || blob[0] > 127) return false; // tlog-cosignature: at most 2^63 − 1
      var time = 0n; blob.slice(0, 8).forEach(function (byte) { time = time * 256n + BigInt(byte); });
      message = bytes('cosignature/v1\ntime ' + time + '\n' + text); signature = blob.slice(8);
    }
    if (signature.length !== 64) return false;
    var imported = await subtle.importKey('raw', key.public, { name: 'Ed25519' }, false, ['verify']);
    return subtle.verify({ name: 'Ed25519' }, imported, signature, message);
  }

  async function openNote(note, keys) {
    var cut = note.lastIndexOf('\n\n');
    if (cut < 0 || note[note.length - 1] !== '\n' || /[\u0000-\u0009\u000b-\u001f]/.test(note)) throw Error('检查点不是签名文本（C2SP signed-note）的形式');
    var text = note.slice(0, cut + 1), head = text.split('\n');
    if (head.slice(3, -1).indexOf('') >= 0 || head.length < 4 || !head[0] || !/^(0|[1-9]\d*)$/.test(head[1])) throw Error('签名文本不是检查点（名称、片数、树根）');
    var found = { origin: head[0], size: whole(Number(head[1]), '树的片数'), root: base64(head[2], '树根', 32), log: false, sm2: false, witnesses: [] }, signers = [];
    var lines = note.slice(cut + 2, -1).split('\n');
    for (var i = 0; i < lines.length; i++) {
      var line = /^\u2014 (\S+) (\S+)$/.exec(lines[i]);
      if (!line || line[1].indexOf('+') >= 0) throw Error('检查点不是签名文本（C2SP signed-note）的形式');
      var blob = base64(line[2], '签名', 0), id = blob.slice(0, 4), rest = blob.slice(4);
      for (var k = 0; k < keys.length; k++) {
        var key = keys[k], name = key.name === line[1], number = same(key.id, id);
        if (key.kind === 'other') { if (name && number) found.sm2 = true; continue; }
        if (!name && !number) continue;
        var good = await signed(key, text, rest);
        if (name && number && !good) throw Error(key.name + ' 的签名不成立');
        if (!(name && number)) { if (good) throw Error(key.name + ' 的签名行被改动过'); continue; }
        if (key.kind === 'witness') {
          if (keys.some(function (log) { return log.kind === 'log' && same(log.public, key.public); })) continue; // the log does not witness itself
          var at = 0; rest.slice(0, 8).forEach(function (byte) { at = at * 256 + byte; });
          found.witnesses.push({ name: key.name, at: at });
        } else if (key.name === found.origin) signers.push(key);
      }
    }
    // A key that had ended when the first witness looked vouches for nothing.
    var seen = Math.min.apply(null, found.witnesses.map(function (w) { return w.at; }));
    found.log = signers.some(function (key) { return !found.witnesses.length || seen <= key.until; });
    if (!found.log && signers.length) throw Error('日志 ' + found.origin + ' 的这把签名密钥已经停用，见证人看到这个检查点时它已不作数，现行的密钥没有签名');
    if (!found.log) throw Error('没有日志 ' + found.origin + ' 的签名：公钥文件里没有它的公钥，或者检查点没有由它签名。中心换过签名密钥的，请把它公布的 transition 行加进您的公钥文件');
    return found;
  }

  // Returns the checks that hold, with the first that does not, if there is one.
  async function verify(bundleText, keysText) {
    var checks = [], bundle, digest;
    function holds(name, detail) { checks.push({ good: true, name: name, detail: detail }); }
    try {
      if (!subtle) throw Error('这个浏览器不能计算摘要，请换用新的浏览器');
      var keys = await readKeys(keysText);
      bundle = parse(bundleText);
      only(bundle, ['format', 'record', 'salt', 'index', 'path', 'checkpoint'], ['batch'], '凭据');
      if (bundle.format !== 'anju-proof/1') throw Error('凭据的格式不是 anju-proof/1');
      only(bundle.record, [], Object.keys(bundle.record || {}), '记录');
      if (typeof bundle.checkpoint !== 'string' || typeof bundle.salt !== 'string') throw Error('凭据不是 anju-proof/1 的形式');
      var index = whole(bundle.index, '叶子的位置'), steps = path(bundle.path, '路径');
      digest = await sha256(join(base64(bundle.salt, '盐', 32), bytes(canonical(bundle.record))));
      var entry = join([1], digest);
      holds('办件的内容算出了摘要', 'sha256 ' + hex(digest));
      if ('batch' in bundle) {
        only(bundle.batch, ['index', 'size', 'path'], [], '批');
        var place = whole(bundle.batch.index, '批内位置'), count = whole(bundle.batch.size, '批的大小');
        var root = await climb(await leaf(entry), place, count, path(bundle.batch.path, '批内路径'));
        if (!root) throw Error('批内第 ' + place + ' 条的路径与批的大小不符');
        entry = join([2], be64(count), root);
        holds('它是一批 ' + count + ' 条里的第 ' + (place + 1) + ' 条', '批的根 ' + hex(root));
      }
      var note = await openNote(bundle.checkpoint, keys);
      if (index >= note.size) throw Error('第 ' + index + ' 片叶子不在有 ' + note.size + ' 片的树里');
      var top = await climb(await leaf(entry), index, note.size, steps);
      if (!top || !same(top, note.root)) throw Error('从第 ' + index + ' 片叶子算不到检查点的树根：记录、盐、位置或路径被改动过');
      holds('从这片叶子一层层算到根，' + steps.length + ' 步，得到同一个根', '第 ' + index + ' 片，树有 ' + note.size + ' 片；树根 ' + hex(note.root));
      holds('树根由中心的日志签名（Ed25519）', note.origin + (note.sm2 ? '；SM2 签名请用 anju verify 核对' : ''));
      if (!note.witnesses.length) throw Error('没有一个见证人的签名成立：公钥文件里要有至少一个签过这个检查点的见证人');
      holds(note.witnesses.length + ' 个见证人也签了', note.witnesses.map(function (w) { return w.name + '，' + new Date(w.at * 1000).toLocaleString('zh-CN', { timeZone: 'Asia/Shanghai' }); }).join('；'));
    } catch (error) {
      checks.push({ good: false, name: error.message || String(error), detail: '这份凭据不能证明什么，请不要采信。' });
    }
    return { good: checks.every(function (check) { return check.good; }), checks: checks, record: bundle && bundle.record, digest: digest };
  }

  function element(name, attributes, children) {
    var made = document.createElement(name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    (children || []).forEach(function (child) { made.append(child); });
    return made;
  }
  function icon(name, more) {
    var svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    svg.setAttribute('class', 'i' + (more || '')); svg.setAttribute('aria-hidden', 'true'); use.setAttribute('href', '#i-' + name); svg.append(use);
    return svg;
  }
  function draw(outcome) {
    var result = document.getElementById('result'), tone = outcome.good ? 'pass' : 'fail';
    var title = outcome.good ? '这份凭据是真的，没有被改过' : '这份凭据不成立';
    var verdict = element('div', { class: 'verdict ' + tone }, [icon(outcome.good ? 'check' : 'cross'), element('div', {}, [element('h2', { class: 'h1' }, [title])])]);
    var list = element('ol', { class: 'conds gap-top' }, outcome.checks.map(function (check) {
      var state = element('span', { class: 'st ' + (check.good ? 'pass' : 'fail') }, [icon(check.good ? 'check' : 'cross'), check.good ? '成立' : '不成立']);
      var details = element('details', {}, [
        element('summary', {}, [state, element('span', { class: 'name' }, [check.name]), icon('down', ' go')]),
        element('div', { class: 'body' }, [element('p', { class: 'digest nogap' }, [check.detail])])]);
      if (!check.good) details.open = true;
      return element('li', check.good ? {} : { class: 'not' }, [details]);
    }));
    result.replaceChildren(verdict, list);
    if (outcome.good) {
      var code = hex(outcome.digest).slice(0, 16).toUpperCase().match(/.{4}/g).join(' ');
      result.append(
        element('p', { class: 'gap-top' }, ['短码 ', element('span', { class: 'code' }, [code]), '，应与纸上印的一样。']),
        element('details', { class: 'gap-top' }, [element('summary', {}, ['凭据里的记录']), element('pre', { class: 'digest' }, [JSON.stringify(outcome.record, null, 2)])]));
    }
    result.focus();
  }

  window.anjuVerify = verify;
  [].forEach.call(document.querySelectorAll('.drop'), function (drop) {
    var input = drop.querySelector('input');
    ['dragenter', 'dragover'].forEach(function (name) { drop.addEventListener(name, function (e) { e.preventDefault(); drop.classList.add('over'); }); });
    drop.addEventListener('dragleave', function () { drop.classList.remove('over'); });
    drop.addEventListener('drop', function (e) { e.preventDefault(); drop.classList.remove('over'); input.files = e.dataTransfer.files; });
  });
  document.getElementById('form').addEventListener('submit', async function (e) {
    e.preventDefault();
    // What was said of the proof before is no answer to this one.
    document.getElementById('result').replaceChildren();
    var bundle = document.getElementById('bundle').files[0], keys = document.getElementById('keys').files[0];
    if (!bundle || !keys) {
      draw({ good: false, checks: [{ good: false, name: bundle ? '还没有选公钥文件' : '还没有选凭据文件', detail: '两个文件都要：凭据，和您信任的公钥。' }] });
      return;
    }
    if (bundle.size > 1048576) {
      draw({ good: false, checks: [{ good: false, name: '凭据太大，最多 1 MB', detail: bundle.name }] });
      return;
    }
    draw(await verify(await bundle.text(), await keys.text()));
  });
})();
