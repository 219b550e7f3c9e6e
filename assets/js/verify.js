// verify.js: checks a proof bundle in the browser, with no network (docs/evidence.md). It stands whole inside verify.html.
(function () {
  'use strict';
  var subtle = window.crypto && window.crypto.subtle;

  // A file as text: UTF-8 without a byte order mark, which Blob.text() would take away unseen.
  function decoded(file, what) {
    var text = file;
    if (typeof file !== 'string') {
      try { text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file); } catch (_) { throw Error(what + '不是 UTF-8 文本'); }
    }
    if (text[0] === '\ufeff') throw Error(what + '开头有字节顺序标记（BOM），请另存为不带 BOM 的 UTF-8');
    return text;
  }

  // A number that is not written in digits alone. In a record it is its value; a place or a size it is not.
  function Written(value) { this.value = value; }
  Written.prototype.toJSON = function () { return this.value; };
  function plain(value) { return value instanceof Written ? value.value : value; }

  // Strict JSON: no name twice, whole numbers that a double holds exactly, at most 100 levels, the bundle's own braces being the first.
  function parse(text) {
    var at = 0, token = /[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;
    function wrong() { return Error('不是凭据文件：不是 JSON，第 ' + (at + 1) + ' 个字符附近'); }
    function next() {
      token.lastIndex = at;
      var found = token.exec(text);
      if (!found) throw wrong();
      at = token.lastIndex;
      return found;
    }
    function peek() { var from = at, found = next(); at = from; return found; }
    function string(quoted) {
      var said = JSON.parse(quoted);
      if (/[\ud800-\udbff](?![\udc00-\udfff])|(?:^|[^\ud800-\udbff])[\udc00-\udfff]/.test(said)) throw wrong(); // half a character
      return said;
    }
    function value(found, depth) {
      if (found[2]) return string(found[2]);
      if (found[3]) {
        var literal = JSON.parse(found[3]);
        if (typeof literal !== 'number') return literal;
        if (!Number.isFinite(literal)) throw wrong();
        if (Number.isInteger(literal) && !Number.isSafeInteger(literal)) throw Error('不是凭据文件：整数超过 2^53−1');
        return /^(?:0|[1-9]\d*)$/.test(found[3]) ? literal : new Written(literal);
      }
      var all, close, more;
      if (/[{[]/.test(found[1]) && depth === 100) throw Error('不是凭据文件：嵌套超过 100 层');
      if (found[1] === '[') {
        all = [];
        if (peek()[1] === ']') { next(); return all; }
        do { all.push(value(next(), depth + 1)); more = next()[1]; } while (more === ',');
        close = ']';
      } else if (found[1] === '{') {
        all = Object.create(null);
        if (peek()[1] === '}') { next(); return all; }
        do {
          var name = next();
          if (!name[2] || next()[1] !== ':') throw wrong();
          name = string(name[2]);
          if (name in all) throw Error('不是凭据文件：「' + name + '」出现两次');
          all[name] = value(next(), depth + 1); more = next()[1];
        } while (more === ',');
        close = '}';
      }
      if (!close || more !== close) throw wrong();
      return all;
    }
    var whole = value(next(), 0);
    if (/[^ \t\r\n]/.test(text.slice(at))) throw wrong();
    return whole;
  }

  // RFC 8785: names in the order of their UTF-16 units, numbers and strings as ECMAScript writes them.
  function canonical(value) {
    if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']';
    if (value && typeof value === 'object' && !(value instanceof Written)) {
      return '{' + Object.keys(value).sort().map(function (name) { return JSON.stringify(name) + ':' + canonical(value[name]); }).join(',') + '}';
    }
    return JSON.stringify(plain(value));
  }

  function bytes(text) { return new TextEncoder().encode(text); }
  function join() {
    var parts = [].slice.call(arguments), all = new Uint8Array(parts.reduce(function (sum, part) { return sum + part.length; }, 0)), at = 0;
    parts.forEach(function (part) { all.set(part, at); at += part.length; });
    return all;
  }
  // Bits that nobody reads must be zero, or two texts would mean the same.
  function base64(text, wrong, length) {
    var raw;
    try { raw = atob(text); } catch (_) { throw Error(wrong); }
    if (btoa(raw) !== text || (length && raw.length !== length)) throw Error(wrong);
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function sha256(data) { return subtle.digest('SHA-256', data).then(function (hash) { return new Uint8Array(hash); }); }
  function same(a, b) { return a.length === b.length && a.every(function (byte, i) { return byte === b[i]; }); }
  function hex(data) { return [].map.call(data, function (byte) { return (byte < 16 ? '0' : '') + byte.toString(16); }).join(''); }
  function be64(number) { var out = new Uint8Array(8); for (var i = 7; i >= 0; i--) { out[i] = number % 256; number = Math.floor(number / 256); } return out; }
  function node(left, right) { return sha256(join([1], left, right)); }
  function leaf(entry) { return sha256(join([0], entry)); }

  // The members of an object, as docs/evidence.md names them; `within` stands before their names in what is said of them.
  function only(object, must, may, what, within) {
    function wrong(said) { throw Error('不是凭据文件：' + said); }
    if (!object || typeof object !== 'object' || Array.isArray(object) || object instanceof Written) wrong(what + '应是一个 JSON 对象');
    must.forEach(function (name) { if (!(name in object)) wrong('缺少「' + within + name + '」'); });
    Object.keys(object).forEach(function (name) { if (must.concat(may).indexOf(name) < 0) wrong('有多余的「' + within + name + '」'); });
  }
  function string(value, name) { if (typeof value !== 'string') throw Error('不是凭据文件：「' + name + '」应是字符串'); return value; }
  function whole(value, name) {
    if (!Number.isSafeInteger(value)) throw Error('不是凭据文件：「' + name + '」应是只用数字写的整数，最大 2^53−1');
    return value;
  }
  function hash(value, name) {
    var wrong = '不是凭据文件：「' + name + '」应是 32 字节的 Base64';
    if (typeof value !== 'string') throw Error(wrong);
    return base64(value, wrong, 32);
  }
  function path(value, name) {
    if (!Array.isArray(value)) throw Error('不是凭据文件：「' + name + '」应是列表');
    if (value.length > 64) throw Error('不是凭据文件：「' + name + '」最多 64 步');
    return value.map(function (text, step) { return hash(text, name + '[' + step + ']'); });
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

  // Whether 64 bytes are a point of the curve of SM2 (GB/T 32918.5), x and y.
  function onSm2(point) {
    var p = BigInt('0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF');
    var b = BigInt('0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93');
    var x = BigInt('0x' + hex(point.slice(0, 32))), y = BigInt('0x' + hex(point.slice(32)));
    return x < p && y < p && (y * y - x * x * x + 3n * x - b) % p === 0n;
  }
  // The points of Ed25519 whose order is at most 8, in every way to write them but the sign, which is the first bit of the last byte.
  var SMALL = ['0000000000000000000000000000000000000000000000000000000000000000', '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'];
  function small(point) { var y = point.slice(); y[31] &= 127; return SMALL.indexOf(hex(y)) >= 0; }
  // S below the order of the group, or one signature could be written in several ways.
  function reduced(s) { return BigInt('0x' + hex(s.slice().reverse())) < 2n ** 252n + 27742317777372353535851937790883648493n; }

  function isName(name) { return name !== '' && !/[\p{White_Space}+]/u.test(name); }
  function startOf(line) {
    var all = Array.from(line);
    return (all.length <= 60 ? line : all.slice(0, 59).join('') + '…').replace(/\p{Cc}/gu, '\ufffd');
  }
  // A key file's line; `what` says which it is.
  async function readKey(line, what) {
    function wrong(said) { return Error(what + said + '：' + startOf(line)); }
    if (/^[{[]/.test(line)) throw wrong('这是凭据，不是公钥；请检查两个文件是不是给反了');
    var parts = line.split('+'), name = parts[0], typed;
    if (parts.length < 3) throw wrong('不是公钥行，应为「名称+编号+Base64」');
    if (!isName(name)) throw wrong('公钥的名称是空的，或含有空格');
    typed = base64(parts.slice(2).join('+'), wrong('公钥不是规范的 Base64').message);
    var kind = typed[0] === 1 ? 'log' : typed[0] === 4 ? 'witness' : same(typed.slice(0, 8), join([255], bytes('sm2-sm3'))) ? 'sm2' : null;
    if (!kind) throw wrong('公钥的类型不认识，应是 Ed25519（01）、见证人（04）或 SM2（ff 和 sm2-sm3）');
    var key = typed.slice(kind === 'sm2' ? 8 : 1), long = kind === 'sm2' ? 65 : 32;
    if (key.length !== long) throw wrong('公钥的长度不对，是 ' + key.length + ' 字节，应是 ' + long + ' 字节');
    if (kind === 'sm2' && !(key[0] === 4 && onSm2(key.slice(1)))) throw wrong('SM2 公钥不是曲线上的点（04‖x‖y）');
    var id = (await sha256(join(bytes(name + '\n'), typed))).slice(0, 4);
    if (hex(id) !== parts[1]) throw wrong('公钥的编号不对，按名称和公钥算出来是 ' + hex(id));
    return { name: name, kind: kind, id: id, public: key, until: Infinity };
  }
  function equal(a, b) { return a.kind === b.kind && a.name === b.name && same(a.public, b.public); }

  // A note's text, and its signature lines: name, key id, signature (C2SP signed-note). Nothing for what is none.
  function noteOf(note) {
    var cut = note.lastIndexOf('\n\n');
    if (cut < 0 || note[note.length - 1] !== '\n' || /[\u0000-\u0009\u000b-\u001f]/.test(note)) return null;
    var lines = note.slice(cut + 2, -1).split('\n').map(function (line) {
      var parts = line.split(' '), blob;
      if (parts.length !== 3 || parts[0] !== '\u2014' || !isName(parts[1])) return null;
      try { blob = base64(parts[2], ''); } catch (_) { return null; }
      return blob.length > 4 ? { name: parts[1], id: blob.slice(0, 4), rest: blob.slice(4) } : null;
    });
    return lines.indexOf(null) < 0 ? { text: note.slice(0, cut + 1), lines: lines } : null;
  }

  // A change of the log's keys: its former and its next keys have signed it (docs/evidence.md, Change of keys).
  async function readTransition(line, what) {
    function wrong(said) { return Error(what + said + '：' + startOf(line)); }
    var form = '密钥交接书的形式不对', note, told = { former: [], next: [] };
    try { note = noteOf(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(base64(line.slice(11), ''))); } catch (_) { throw wrong(form); }
    var found = note && /^anju-key-transition\/1\n([^\n]+)\nformer ([^\n]+)\nformer ([^\n]+)\nnext ([^\n]+)\nnext ([^\n]+)\nfrom (0|[1-9]\d*)\nuntil (0|[1-9]\d*)\n$/.exec(note.text);
    if (!found) throw wrong(form);
    for (var i = 2; i < 6; i++) {
      var key;
      try { key = await readKey(found[i], ''); } catch (_) { throw wrong(form); }
      if (key.name !== found[1] || key.kind !== (i % 2 ? 'sm2' : 'log')) throw wrong(form);
      told[i < 4 ? 'former' : 'next'].push(key);
    }
    var from = Number(found[6]);
    told.until = Number(found[7]);
    if (from > told.until || !Number.isSafeInteger(told.until) || equal(told.former[0], told.next[0])) throw wrong(form);
    var signers = [told.former[0], told.next[0]];
    for (var s = 0; s < signers.length; s++) {
      var good = false;
      for (var e = 0; e < note.lines.length && !good; e++) {
        var end = note.lines[e];
        good = end.name === signers[s].name && same(end.id, signers[s].id) && await signed(signers[s], note.text, end.rest);
      }
      if (!good) throw wrong('密钥交接书没有由旧、新两把密钥签名');
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
    var keys = [], transitions = [], lines = text.split('\n');
    for (var i = 0; i < lines.length; i++) {
      // Spaces, tabs and the carriage returns of other systems do not belong to a line.
      var what = '公钥文件第 ' + (i + 1) + ' 行：', line = lines[i].replace(/^[ \t\r]+|[ \t\r]+$/g, '');
      if (line.indexOf('transition ') === 0) transitions.push({ what: what, line: line, told: await readTransition(line, what) });
      else if (line) keys.push(await readKey(line, what));
    }
    for (var before = -1; transitions.length !== before && transitions.length;) {
      before = transitions.length;
      transitions = transitions.filter(function (one) { return !follow(one.told, keys); });
    }
    if (transitions.length) throw Error(transitions[0].what + '密钥交接书不是您信任的任何一把密钥签的：' + startOf(transitions[0].line));
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
    if (signature.length !== 64 || small(key.public) || small(signature.slice(0, 32)) || !reduced(signature.slice(32))) return false;
    var imported = await subtle.importKey('raw', key.public, { name: 'Ed25519' }, false, ['verify']);
    return subtle.verify({ name: 'Ed25519' }, imported, signature, message);
  }

  async function openNote(note, keys) {
    note = noteOf(note);
    if (!note) throw Error('检查点不是签名文本（C2SP signed-note）的形式');
    var text = note.text, head = text.split('\n'), form = '签名文本不是检查点（名称、片数、树根；片数最大 2^53−1）';
    if (head.slice(3, -1).indexOf('') >= 0 || head.length < 4 || !head[0] || !/^(0|[1-9]\d*)$/.test(head[1]) || !Number.isSafeInteger(Number(head[1]))) throw Error(form);
    var found = { origin: head[0], size: Number(head[1]), root: base64(head[2], form, 32), log: false, sm2: false, witnesses: [] }, signers = [];
    for (var i = 0; i < note.lines.length; i++) {
      var line = note.lines[i], rest = line.rest;
      for (var k = 0; k < keys.length; k++) {
        var key = keys[k], name = key.name === line.name, number = same(key.id, line.id);
        if (key.kind === 'sm2') { if (name && number) found.sm2 = true; continue; }
        if (!name && !number) continue;
        var good = await signed(key, text, rest);
        if (name && number && !good) throw Error(key.name + ' 的签名不成立');
        if (!(name && number)) { if (good) throw Error(key.name + ' 的签名行被改动过'); continue; }
        if (key.kind === 'witness') {
          if (keys.some(function (log) { return log.kind === 'log' && same(log.public, key.public); })) continue; // the log does not witness itself
          var at = 0; rest.slice(0, 8).forEach(function (byte) { at = at * 256 + byte; });
          found.witnesses.push({ key: key, name: key.name, at: at });
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

  // What a record is about, in the words of `anju verify` (crates/evidence/src/about.rs): nothing that the record does not say.
  var STEPS = { submitted: '提交', gathering: '开始核对', decided: '判定', approved: '通过', refused: '不通过', reviewing: '转人工', executing: '执行',
    paid: '银行已付', payment_unknown: '付款结果未知', payment_rejected: '银行拒付', payment_returned: '退票', credited_back: '退回账户',
    account_closed: '结息销户', withdrawn: '撤回', failed: '没有办成', done: '办结' };
  function civil(written) { return written.replace(/^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?\+08:00$/, function (_, year, month, day, clock) { return year + '年' + Number(month) + '月' + Number(day) + '日 ' + clock; }); }
  // Seconds since 1970 in civil time of Shanghai.
  function instant(seconds) {
    var there = new Date((seconds + 28800) * 1000);
    return isNaN(there) ? String(seconds) : civil(there.toISOString().slice(0, -1) + '+08:00');
  }
  function about(record) {
    var missing = '（未写明）';
    function shown(value) {
      value = plain(value);
      if (typeof value === 'string') return Array.from(value).slice(0, 60).join('').replace(/\p{Cc}/gu, '\ufffd');
      return Number.isSafeInteger(value) ? String(value) : missing;
    }
    function yuan(value) {
      value = plain(value);
      if (!Number.isSafeInteger(value)) return missing;
      var fen = Math.abs(value), cents = fen % 100;
      return (value < 0 ? '-' : '') + (fen - cents) / 100 + '.' + (cents < 10 ? '0' : '') + cents;
    }
    function stepped(what, number, steps) {
      var detail = record.detail, amount = detail && !Array.isArray(detail) && typeof detail === 'object' ? detail.amount_fen : undefined;
      return what + ' ' + shown(number) + ' 的第 ' + shown(record.seq) + ' 步（' + steps + '），' + civil(shown(record.at)) + (yuan(amount) === missing ? '' : '，金额 ' + yuan(amount) + ' 元');
    }
    if (typeof record.kind !== 'string') return '没有写明种类的记录';
    switch (record.kind) {
      case 'case': return stepped('办件', record.case, (Array.isArray(record.steps) ? record.steps : []).map(function (step) { return Object.hasOwn(STEPS, step) ? STEPS[step] : shown(step); }).join('、'));
      case 'policy': return stepped('政策变更', record.change, shown(record.step));
      case 'blacklist': return stepped('失信记录', record.entry, shown(record.step));
      case 'remittance': return '汇缴 ' + shown(record.remittance) + '，单位 ' + shown(record.employer) + '，' + shown(record.month) + '，' + shown(record.people) + ' 人，共 ' + yuan(record.amount_fen) + ' 元，' + civil(shown(record.allocated_at)) + ' 分配';
      case 'allocation': return '汇缴 ' + shown(record.remittance) + ' 里账户 ' + shown(record.account) + ' 的一行，' + shown(record.month) + '，单位 ' + yuan(record.employer_fen) + ' 元、个人 ' + yuan(record.employee_fen) + ' 元，' + civil(shown(record.allocated_at)) + ' 分配';
      case 'day': return shown(record.date) + ' 的日结，凭证 ' + shown(record.journals) + ' 笔，借方发生额 ' + yuan(record.debit_fen) + ' 元';
      case 'journal': return shown(record.date) + ' 的凭证 ' + shown(record.journal) + '，会计事件 ' + shown(record.event) + '，' + shown(record.lines) + ' 行';
      case 'key-transition': return '日志签名密钥的交接，第 ' + shown(record.generation) + ' 代';
      default: return '种类是「' + shown(record.kind) + '」的记录';
    }
  }

  // Both files as bytes or as text. Returns the checks that hold, with the first that does not, if there is one.
  async function verify(bundleFile, keysFile) {
    var checks = [], bundle, digest;
    function holds(name, detail) { checks.push({ good: true, name: name, detail: detail }); }
    try {
      if (!subtle) throw Error('这个浏览器不能计算摘要，请换用新的浏览器');
      var keys = await readKeys(decoded(keysFile, '公钥文件'));
      if ((typeof bundleFile === 'string' ? bytes(bundleFile) : bundleFile).byteLength > 1048576) throw Error('凭据太大，最多 1 MB');
      bundle = parse(decoded(bundleFile, '不是凭据文件：'));
      if (bundle && typeof bundle.format === 'string' && bundle.format !== 'anju-proof/1') throw Error('凭据的格式是「' + bundle.format + '」，本程序只认 anju-proof/1');
      only(bundle, ['format', 'record', 'salt', 'index', 'path', 'checkpoint'], ['batch'], '凭据', '');
      string(bundle.format, 'format');
      only(bundle.record, [], Object.keys(bundle.record || {}), '「record」', '');
      string(bundle.checkpoint, 'checkpoint');
      var salt = hash(bundle.salt, 'salt'), index = whole(bundle.index, 'index'), steps = path(bundle.path, 'path');
      digest = await sha256(join(salt, bytes(canonical(bundle.record))));
      var entry = join([1], digest);
      holds('记录的内容算出了摘要', 'sha256 ' + hex(digest));
      if ('batch' in bundle) {
        only(bundle.batch, ['index', 'size', 'path'], [], '「batch」', 'batch.');
        var place = whole(bundle.batch.index, 'batch.index'), count = whole(bundle.batch.size, 'batch.size');
        var root = await climb(await leaf(entry), place, count, path(bundle.batch.path, 'batch.path'));
        if (!root) throw Error('批内第 ' + place + ' 条（从 0 数起）的路径与批的大小不符');
        entry = join([2], be64(count), root);
        holds('它是一批 ' + count + ' 条里的第 ' + place + ' 条（从 0 数起）', '批的根 ' + hex(root));
      }
      var note = await openNote(bundle.checkpoint, keys);
      if (index >= note.size) throw Error('第 ' + index + ' 片叶子（从 0 数起）不在有 ' + note.size + ' 片的树里');
      var top = await climb(await leaf(entry), index, note.size, steps);
      if (!top || !same(top, note.root)) throw Error('从第 ' + index + ' 片叶子（从 0 数起）算不到检查点的树根：记录、盐、位置或路径被改动过');
      holds('从这片叶子一层层算到根，' + steps.length + ' 步，得到同一个根', '第 ' + index + ' 片（从 0 数起），树有 ' + note.size + ' 片；树根 ' + hex(note.root));
      holds('树根由中心的日志签名（Ed25519）', note.origin + (note.sm2 ? '；SM2 签名请用 anju verify 核对' : ''));
      if (!note.witnesses.length) throw Error('没有一个见证人的签名成立：公钥文件里要有至少一个签过这个检查点的见证人');
      var seen = new Set(note.witnesses.map(function (w) { return w.key; }));
      holds(seen.size + ' 个见证人也签了', note.witnesses.map(function (w) { return w.name + '，' + instant(w.at); }).join('；'));
    } catch (error) {
      checks.push({ good: false, name: error.message || String(error), detail: '这份凭据不能证明什么，请不要采信。' });
    }
    var good = checks.every(function (check) { return check.good; });
    // What does not hold is about nothing.
    return { good: good, checks: checks, about: good ? about(bundle.record) : '', record: bundle && bundle.record, digest: digest };
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
    var said = outcome.good ? [element('p', { class: 'nogap' }, ['凭据说的是：' + outcome.about])] : [];
    var verdict = element('div', { class: 'verdict ' + tone }, [icon(outcome.good ? 'check' : 'cross'), element('div', {}, said.concat(element('h2', { class: 'h1' }, [title])))]);
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
    draw(await verify(await bundle.arrayBuffer(), await keys.arrayBuffer()));
  });
})();
