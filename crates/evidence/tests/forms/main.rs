//! The forms that docs/evidence.md allows and refuses, as one table for all verifiers: `../forms.json`, which `anju verify` (crates/anju/tests/town/proof_forms.rs),
//! this crate and the page `/verify` (browser/verify.test.mjs) walk. Goal: they never disagree. Method: the table is made here from fixed keys, so
//! that it is the same each time; `ANJU_WRITE_FORMS=1` writes it anew.

use std::fs;
use std::path::Path;

use anju_evidence::MAX_WHOLE;
use anju_evidence::note::{KeyKind, VerifierKey, cosigned};
use anju_evidence::proof::{Bundle, FORMAT};
use anju_evidence::record::sha256;
use anju_evidence::transition::read_keys_and_transitions;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use kit::{Kit, LOG, TIME};

mod kit;

#[derive(Default)]
struct Table(Vec<Value>);

impl Table {
    fn add(&mut self, name: &str, holds: bool, says: &str, files: Value) {
        let mut case = json!({ "name": name, "holds": holds, "says": says });
        let files = files.as_object().expect("files").clone();
        case.as_object_mut().expect("a case").extend(files);
        self.0.push(case);
    }

    fn holds(&mut self, name: &str, says: &str, bundle: impl ToString) {
        self.add(name, true, says, json!({ "bundle": bundle.to_string() }));
    }

    fn refused(&mut self, name: &str, says: &str, bundle: impl ToString) {
        self.add(name, false, says, json!({ "bundle": bundle.to_string() }));
    }

    fn keys(&mut self, name: &str, holds: bool, says: &str, bundle: &str, keys: impl ToString) {
        let files = json!({ "bundle": bundle, "keys": keys.to_string() });
        self.add(name, holds, says, files);
    }
}

fn written(bundle: &Bundle) -> String {
    serde_json::to_string(bundle).expect("JSON")
}

fn case() -> Value {
    json!({
        "kind": "case", "case": "A6127104356766", "seq": 2, "at": "2026-12-02T07:37:22.249+08:00", "steps": ["decided", "approved", "executing"],
        "detail": { "amount_fen": 150_000, "legs": [{ "leg": "decision", "ms": 0 }] },
    })
}

const CASE: &str =
    "办件 A6127104356766 的第 2 步（判定、通过、执行），2026年12月2日 07:37:22，金额 1500.00 元";

/// What each kind of record is said to be about.
fn records(kit: &Kit, table: &mut Table) {
    let at = "2026-12-02T07:37:22.249+08:00";
    for (record, about) in [
        (
            json!({ "kind": "remittance", "remittance": "R1", "employer": "U2", "month": "2026-11", "people": 13, "amount_fen": 93_600_005, "reference": "x", "allocated_at": at }),
            "汇缴 R1，单位 U2，2026-11，13 人，共 936000.05 元，2026年12月2日 07:37:22 分配",
        ),
        (
            json!({ "kind": "allocation", "remittance": "R1", "month": "2026-11", "account": "G3", "employer_fen": 36_000, "employee_fen": 36_001, "allocated_at": at }),
            "汇缴 R1 里账户 G3 的一行，2026-11，单位 360.00 元、个人 360.01 元，2026年12月2日 07:37:22 分配",
        ),
        (
            json!({ "kind": "day", "date": "2026-12-01", "journals": 14, "debit_fen": 1, "vouchers": 3, "subjects": [] }),
            "2026-12-01 的日结，凭证 14 笔，借方发生额 0.01 元",
        ),
        (
            json!({ "kind": "journal", "date": "2026-12-01", "journal": "A4", "event": "E05", "lines": 3, "sha256": "00" }),
            "2026-12-01 的凭证 A4，会计事件 E05，3 行",
        ),
        (
            json!({ "kind": "key-transition", "generation": 2, "transition": "x" }),
            "日志签名密钥的交接，第 2 代",
        ),
        (
            json!({ "kind": "policy", "change": "P5", "seq": 1, "at": at, "actor": 1, "step": "proposed", "detail": null }),
            "政策变更 P5 的第 1 步（proposed），2026年12月2日 07:37:22",
        ),
        (
            json!({ "kind": "blacklist", "entry": "B6", "seq": 1, "at": at, "actor": 1, "step": "entered", "detail": {} }),
            "失信记录 B6 的第 1 步（entered），2026年12月2日 07:37:22",
        ),
        (
            json!({ "kind": "case", "case": "A6", "actor": "P7", "seq": 1, "at": at, "steps": ["submitted"], "detail": { "service": "withdraw-rent" } }),
            "办件 A6 的第 1 步（提交），2026年12月2日 07:37:22",
        ),
        (
            json!({ "kind": "case", "seq": "1\n成立", "steps": ["rare", 1, null], "detail": { "amount_fen": -5 } }),
            "办件 （未写明） 的第 1\u{fffd}成立 步（rare、1、（未写明）），（未写明），金额 -0.05 元",
        ),
        (json!({ "kind": "other" }), "种类是「other」的记录"),
        (json!({ "kind": 1 }), "没有写明种类的记录"),
        (json!({}), "没有写明种类的记录"),
    ] {
        let kind = format!("a record: {record}");
        table.holds(&kind, about, written(&kit.at(record, 0, 1, None)));
    }
}

/// Ways to write the JSON.
fn json_forms(kit: &Kit, table: &mut Table) {
    let bundle = kit.at(case(), 1, 2, Some((0, 2)));
    let text = written(&bundle);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    table.holds("as it is", CASE, &text);
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    table.holds("in another order and with spaces", CASE, pretty);
    for (name, from, to) in [
        ("a whole amount with a fraction", "150000", "150000.0"),
        ("a whole amount with an exponent", "150000", "1.5e5"),
        ("minus nothing in the record", "\"ms\":0", "\"ms\":-0"),
        (
            "too small for a number in the record",
            "\"ms\":0",
            "\"ms\":1e-400",
        ),
        ("an escaped letter", "\"salt\"", "\"s\\u0061lt\""),
    ] {
        table.holds(name, CASE, text.replacen(from, to, 1));
    }
    let object = value.as_object().expect("an object");
    for name in object.keys() {
        let mut less = object.clone();
        less.remove(name);
        // Without its batch it is another leaf.
        let says = if name == "batch" {
            "算不到"
        } else {
            &format!("缺少「{name}」")
        };
        table.refused(&format!("without {name}"), says, Value::Object(less));
    }
    for name in ["index", "size", "path"] {
        let mut less = value.clone();
        less["batch"].as_object_mut().expect("a batch").remove(name);
        table.refused(
            &format!("without batch.{name}"),
            &format!("缺少「batch.{name}」"),
            less,
        );
    }
    let with = |pointer: &str, wrong: Value| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).expect("a member") = wrong;
        value
    };
    let (list, hash) = (object["path"].clone(), object["salt"].clone());
    for (name, says, wrong) in [
        (
            "the whole as a list",
            "凭据应是一个 JSON 对象",
            json!([
                FORMAT,
                case(),
                hash,
                object["batch"],
                1,
                list,
                bundle.checkpoint
            ]),
        ),
        (
            "the batch as a list",
            "「batch」应是一个 JSON 对象",
            with("/batch", json!([0, 2, object["batch"]["path"]])),
        ),
        (
            "no batch, said",
            "「batch」应是一个 JSON 对象",
            with("/batch", Value::Null),
        ),
        (
            "the record as a list",
            "「record」应是一个 JSON 对象",
            with("/record", json!([case()])),
        ),
        (
            "the record as a text",
            "「record」应是一个 JSON 对象",
            with("/record", json!("case")),
        ),
        (
            "another version",
            "凭据的格式是「anju-proof/2」",
            with("/format", json!("anju-proof/2")),
        ),
        (
            "a format that is no text",
            "「format」应是字符串",
            with("/format", json!(1)),
        ),
        (
            "a checkpoint that is no text",
            "「checkpoint」应是字符串",
            with("/checkpoint", json!(1)),
        ),
        (
            "a place as a text",
            "「index」应是只用数字写的整数",
            with("/index", json!("1")),
        ),
        (
            "a place below nothing",
            "「index」应是只用数字写的整数",
            with("/index", json!(-1)),
        ),
        (
            "a place that is nothing",
            "「index」应是只用数字写的整数",
            with("/index", Value::Null),
        ),
        (
            "a salt of 31 bytes",
            "「salt」应是 32 字节的 Base64",
            with("/salt", json!(BASE64.encode([7; 31]))),
        ),
        (
            "a salt without padding",
            "「salt」应是 32 字节的 Base64",
            with("/salt", json!(BASE64.encode([7; 32]).trim_end_matches('='))),
        ),
        (
            "a salt with bits that no byte uses",
            "「salt」应是 32 字节的 Base64",
            with("/salt", json!(BASE64.encode([7; 32]).replace("c=", "d="))),
        ),
        (
            "a path that is no list",
            "「path」应是列表",
            with("/path", json!({})),
        ),
        (
            "a step that is a number",
            "「path[0]」应是 32 字节的 Base64",
            with("/path/0", json!(1)),
        ),
        (
            "a step of 31 bytes",
            "「batch.path[0]」应是 32 字节的 Base64",
            with("/batch/path/0", json!(BASE64.encode([7; 31]))),
        ),
        (
            "a path of 65",
            "「path」最多 64 步",
            with("/path", json!(vec![BASE64.encode([7; 32]); 65])),
        ),
    ] {
        table.refused(name, says, wrong);
    }
    let large = (MAX_WHOLE + 1).to_string();
    let twice = text.replacen("{\"format\"", "{\"index\":1,\"format\"", 1);
    for (name, says, wrong) in [
        (
            "a place with a fraction",
            "「index」应是只用数字写的整数",
            text.replace("\"index\":1,", "\"index\":1.0,"),
        ),
        (
            "a place with an exponent",
            "「index」应是只用数字写的整数",
            text.replace("\"index\":1,", "\"index\":1e0,"),
        ),
        (
            "a place of minus nothing",
            "「batch.index」应是只用数字写的整数",
            text.replace("\"index\":0,", "\"index\":-0,"),
        ),
        (
            "a batch's size with a fraction",
            "「batch.size」应是只用数字写的整数",
            text.replace("\"size\":2", "\"size\":2.0"),
        ),
        (
            "a member more",
            "有多余的「note」",
            text.replacen('{', "{\"note\":1,", 1),
        ),
        (
            "a member more in the batch",
            "有多余的「batch.note」",
            text.replace("{\"index\":0", "{\"note\":1,\"index\":0"),
        ),
        ("a member twice", "「index」出现两次", twice),
        (
            "a member of the record twice",
            "「seq」出现两次",
            text.replace("\"seq\":2", "\"seq\":2,\"s\\u0065q\":2"),
        ),
        (
            "a whole number above 2^53−1",
            "整数超过 2^53−1",
            text.replace("150000", &large),
        ),
        (
            "the same with an exponent",
            "整数超过 2^53−1",
            text.replace("150000", "1e16"),
        ),
        (
            "the same below nothing",
            "整数超过 2^53−1",
            text.replace("150000", &format!("-{large}")),
        ),
        (
            "an infinite number",
            "不是 JSON",
            text.replace("150000", "1e400"),
        ),
        ("no number", "不是 JSON", text.replace("150000", "NaN")),
        (
            "a number with a nought before it",
            "不是 JSON",
            text.replace("150000", "0150000"),
        ),
        (
            "half a character",
            "不是 JSON",
            text.replace("decided", "deci\\ud800ded"),
        ),
        (
            "a tab in a text",
            "不是 JSON",
            text.replace("decided", "deci\tded"),
        ),
        (
            "a comma too many",
            "不是 JSON",
            format!("{},}}", text.trim_end_matches('}')),
        ),
        ("something after it", "不是 JSON", format!("{text}x")),
        ("cut off", "不是 JSON", text[..text.len() / 2].to_owned()),
        ("nothing", "不是 JSON", String::new()),
        ("a byte order mark", "BOM", format!("\u{feff}{text}")),
    ] {
        table.refused(name, says, wrong);
    }
    for (size, holds) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        let says = if holds { CASE } else { "凭据太大" };
        table.add(
            &format!("filled up to {size} bytes"),
            holds,
            says,
            json!({ "bundle": text, "filled_to": size }),
        );
    }
    let bytes = text.replace("decided", "deci\u{e9}ded").into_bytes();
    let latin: Vec<u8> = bytes.into_iter().filter(|byte| *byte != 0xc3).collect();
    table.add(
        "a byte that is no UTF-8",
        false,
        "不是 UTF-8 文本",
        json!({ "bundle_base64": BASE64.encode(latin) }),
    );
    // The bundle's braces are the first level, the record's the second.
    for (levels, holds) in [(100, true), (101, false), (127, false), (5_000, false)] {
        let deep = format!("{}0{}", "[".repeat(levels - 2), "]".repeat(levels - 2));
        let text = if holds {
            let deep: Value = serde_json::from_str(&deep).expect("JSON");
            written(&kit.at(json!({ "deep": deep }), 0, 1, None))
        } else {
            written(&kit.at(json!({ "deep": 0 }), 0, 1, None))
                .replace("\"deep\":0", &format!("\"deep\":{deep}"))
        };
        let says = if holds {
            "没有写明种类的记录"
        } else {
            "嵌套超过 100 层"
        };
        table.add(
            &format!("nested {levels} deep"),
            holds,
            says,
            json!({ "bundle": text }),
        );
    }
}

/// Large trees, and the checkpoint's own form.
fn note_forms(kit: &Kit, table: &mut Table) {
    let plain = |index, size, batch| written(&kit.at(case(), index, size, batch));
    let (most, more) = (MAX_WHOLE, MAX_WHOLE + 1);
    table.holds("a tree of 2^53−1 leaves", CASE, plain(most - 1, most, None));
    table.holds(
        "a batch of 2^53−1",
        CASE,
        plain(0, 1, Some((most - 1, most))),
    );
    table.refused(
        "a tree of 2^53 leaves",
        "片数最大 2^53−1",
        plain(0, more, None),
    );
    table.refused(
        "a tree of 2^63 leaves",
        "片数最大 2^53−1",
        plain(0, 1 << 63, None),
    );
    table.refused(
        "a place of 2^53",
        "整数超过 2^53−1",
        plain(more, 1 << 60, None),
    );
    table.refused(
        "a batch of 2^53",
        "整数超过 2^53−1",
        plain(0, 1, Some((0, more))),
    );
    table.refused(
        "a batch of 2^63",
        "整数超过 2^53−1",
        plain(0, 1, Some((0, 1 << 63))),
    );
    let bundle = kit.at(case(), 0, 1, None);
    let outside = Bundle {
        index: 1,
        ..bundle.clone()
    };
    table.refused(
        "a place that is not in the tree",
        "第 1 片叶子（从 0 数起）不在有 1 片的树里",
        written(&outside),
    );

    let (text, lines) = bundle.checkpoint.rsplit_once("\n\n").expect("a note");
    let text = format!("{text}\n");
    let signed = |text: &str| written(&kit.under(&bundle, text));
    let noted = |note: String| {
        written(&Bundle {
            checkpoint: note,
            ..bundle.clone()
        })
    };
    let also = |line: &str| noted(format!("{text}\n{lines}{line}\n"));
    table.holds(
        "lines of extension",
        CASE,
        signed(&format!("{text}\u{2014} more\n")),
    );
    table.holds(
        "a line of a stranger",
        CASE,
        also("\u{2014} stranger AAAAAAAA"),
    );
    table.holds(
        "a stranger's name with a character of no width",
        CASE,
        also("\u{2014} stran\u{200b}ger AAAAAAAA"),
    );
    table.holds(
        "a stranger's name with U+FEFF",
        CASE,
        also("\u{2014} stran\u{feff}ger AAAAAAAA"),
    );
    table.holds(
        "a witness twice, at two times",
        CASE,
        also(kit.seen(&text, TIME + 1).trim_end()),
    );
    let is_no_note = "检查点不是签名文本";
    for (name, line) in [
        ("a line of 4 bytes", "\u{2014} stranger AAAAAA=="),
        ("a name with U+0085", "\u{2014} stran\u{85}ger AAAAAAAA"),
        ("a name with U+00A0", "\u{2014} stran\u{a0}ger AAAAAAAA"),
        ("a name with U+3000", "\u{2014} stran\u{3000}ger AAAAAAAA"),
        ("a name with a plus", "\u{2014} stran+ger AAAAAAAA"),
        ("a line without a name", "\u{2014}  AAAAAAAA"),
        ("a line with a hyphen", "- stranger AAAAAAAA"),
        (
            "a line with a space at its end",
            "\u{2014} stranger AAAAAAAA ",
        ),
        (
            "a line with bits that no byte uses",
            "\u{2014} stranger AAAAAAB=",
        ),
        ("an empty line after all", ""),
    ] {
        table.refused(name, is_no_note, also(line));
    }
    table.refused(
        "no newline at the end",
        is_no_note,
        noted(bundle.checkpoint.trim_end().to_owned()),
    );
    table.refused(
        "a tab in the text",
        is_no_note,
        signed(&format!("{text}a\tb\n")),
    );
    for (name, altered) in [
        (
            "a number of leaves with a nought before it",
            text.replace("\n1\n", "\n01\n"),
        ),
        (
            "a number of leaves with a sign",
            text.replace("\n1\n", "\n+1\n"),
        ),
        ("no number of leaves", text.replace("\n1\n", "\nx\n")),
        ("a root without padding", text.replace("=\n", "\n")),
        ("a checkpoint without a name", text.replace(LOG, "")),
    ] {
        table.refused(name, "签名文本不是检查点", signed(&altered));
    }

    let [own, sm2] = Kit::by(&kit.former, &text);
    let without_witness = format!("{text}\n{own}{sm2}");
    table.refused(
        "no witness",
        "没有一个见证人的签名成立",
        noted(without_witness.clone()),
    );
    let late = [
        &(1_u64 << 63).to_be_bytes()[..],
        &kit.witness.sign(cosigned(&text, 1 << 63).as_bytes()),
    ]
    .concat();
    table.refused(
        "a time of 2^63",
        "w.example/w 的签名不成立",
        noted(format!(
            "{without_witness}{}",
            kit.witness_key().line(&late)
        )),
    );
    // S and S + L are the same to a verifier that does not look.
    let mut signature = kit.former.0.sign(text.as_bytes());
    let order = (
        1_u128 << 124,
        27_742_317_777_372_353_535_851_937_790_883_648_493_u128,
    );
    let (low, high) = signature[32..].split_at(16);
    let (low, high) = (
        u128::from_le_bytes(low.try_into().expect("16 bytes")),
        u128::from_le_bytes(high.try_into().expect("16 bytes")),
    );
    let (low, carry) = low.overflowing_add(order.1);
    let high = high + order.0 + u128::from(carry);
    signature[32..48].copy_from_slice(&low.to_le_bytes());
    signature[48..].copy_from_slice(&high.to_le_bytes());
    let [ed25519, _] = Kit::pair(&kit.former);
    let again = format!(
        "{text}\n{}{}",
        ed25519.line(&signature),
        kit.seen(&text, TIME)
    );
    table.refused(
        "S above the order",
        "anju/0badcafe 的签名不成立",
        noted(again),
    );
    // The identity as key and as R, and S of nothing: it "signs" all texts.
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = VerifierKey::new("weak", KeyKind::Witness, &identity);
    let nothing = [&TIME.to_be_bytes()[..], &identity, &[0; 32]].concat();
    let weakly = noted(format!("{without_witness}{}", weak.line(&nothing)));
    table.keys(
        "a key of small order",
        false,
        "weak 的签名不成立",
        &weakly,
        format!("{}{weak}\n", kit.keys()),
    );
    // A log does not witness another one either, where the reader knows it as a log.
    let other = VerifierKey::new("other/log", KeyKind::Ed25519, &kit.witness.public());
    table.keys(
        "a witness that is a log of the reader's",
        false,
        "没有一个见证人的签名成立",
        &written(&bundle),
        format!("{}{other}\n", kit.keys()),
    );
}

/// The reader's own file.
fn key_forms(kit: &Kit, table: &mut Table) {
    let bundle = written(&kit.at(case(), 0, 1, None));
    let keys = kit.keys();
    let line = |name: &str, typed: &[u8]| {
        let id = &sha256(&[name.as_bytes(), b"\n", typed].concat())[..4];
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name}+{id}+{}", BASE64.encode(typed))
    };
    let sm2 = |point: &[u8]| line("x", &[b"\xffsm2-sm3", point].concat());
    let (point, public) = (kit.former.1.public(), kit.former.0.public());
    let mut off = point.clone();
    off[64] ^= 1;
    for (name, text) in [
        ("keys with carriage returns", keys.replace('\n', "\r\n")),
        (
            "keys with spaces, tabs and empty lines",
            keys.replace('\n', " \t\n\n  "),
        ),
        ("keys without a last newline", keys.trim_end().to_owned()),
        ("each key twice", keys.clone() + &keys),
        (
            "keys without SM2",
            keys.lines()
                .filter(|line| !line.contains("+/"))
                .fold(String::new(), |all, line| all + line + "\n"),
        ),
        (
            "a name with U+FEFF inside",
            format!(
                "{keys}{}\n",
                line("x\u{feff}y", &[&[1][..], &public].concat())
            ),
        ),
    ] {
        table.keys(name, true, CASE, &bundle, text);
    }
    let fifth = [&[5][..], &point[1..]].concat();
    for (name, says, wrong) in [
        (
            "an SM2 key that begins with 05",
            "SM2 公钥不是曲线上的点",
            sm2(&fifth),
        ),
        (
            "an SM2 key off the curve",
            "SM2 公钥不是曲线上的点",
            sm2(&off),
        ),
        (
            "an SM2 key of 33 bytes",
            "公钥的长度不对，是 33 字节，应是 65 字节",
            sm2(&[2; 33]),
        ),
        (
            "an Ed25519 key of 31 bytes",
            "公钥的长度不对，是 31 字节，应是 32 字节",
            line("x", &[1; 32]),
        ),
        (
            "a witness's key of 33 bytes",
            "公钥的长度不对，是 33 字节，应是 32 字节",
            line("x", &[4; 34]),
        ),
        ("an unknown type", "公钥的类型不认识", line("x", &[2; 33])),
        (
            "another type of 0xff",
            "公钥的类型不认识",
            line("x", b"\xffsm2-sm4"),
        ),
        (
            "another id",
            "公钥的编号不对",
            line("x", &[1; 33]).replacen("x+", "y+", 1),
        ),
        (
            "an id in capitals",
            "公钥的编号不对",
            line("y", &[1; 33])
                .to_uppercase()
                .replacen("Y+", "y+", 1)
                .split('+')
                .take(2)
                .collect::<Vec<_>>()
                .join("+")
                + "+"
                + &BASE64.encode([1; 33]),
        ),
        (
            "a key that is no Base64",
            "公钥不是规范的 Base64",
            line("x", &[1; 33]) + "=",
        ),
        (
            "a name with a space",
            "公钥的名称是空的，或含有空格",
            line("x y", &[1; 33]),
        ),
        (
            "a name with U+0085 inside",
            "公钥的名称是空的，或含有空格",
            line("x\u{85}y", &[1; 33]),
        ),
        (
            "no name",
            "公钥的名称是空的，或含有空格",
            line("", &[1; 33]),
        ),
        (
            "a comment",
            "不是公钥行，应为「名称+编号+Base64」",
            "# 公钥".to_owned(),
        ),
        (
            "an ideographic space around",
            "公钥的名称是空的，或含有空格",
            format!("\u{3000}{}", line("x", &[1; 33])),
        ),
    ] {
        table.keys(name, false, says, &bundle, format!("{keys}{wrong}\n"));
        table.0.last_mut().expect("a case")["says_too"] = json!("公钥文件第 4 行");
    }
    table.keys(
        "a byte order mark before the keys",
        false,
        "BOM",
        &bundle,
        format!("\u{feff}{keys}"),
    );
    table.keys("no keys", false, "里没有公钥", &bundle, "\n");
    table.keys(
        "the bundle as keys",
        false,
        "这是凭据，不是公钥",
        &bundle,
        &bundle,
    );

    let after = |from: u64, until: u64| format!("{keys}{}", kit.transition(from, until));
    table.keys("a change of keys", true, CASE, &bundle, after(TIME, TIME));
    table.keys(
        "a change of keys until 2^53−1",
        true,
        CASE,
        &bundle,
        after(0, MAX_WHOLE),
    );
    table.keys(
        "a key that has ended",
        false,
        "已经停用",
        &bundle,
        after(0, TIME - 1),
    );
    let is_no_transition = "密钥交接书的形式不对";
    table.keys(
        "a change of keys until 2^53",
        false,
        is_no_transition,
        &bundle,
        after(0, MAX_WHOLE + 1),
    );
    table.keys(
        "a change of keys until 2^64",
        false,
        is_no_transition,
        &bundle,
        after(0, u64::MAX),
    );
    table.keys(
        "a change of keys backwards",
        false,
        is_no_transition,
        &bundle,
        after(TIME + 1, TIME),
    );
    table.keys(
        "a transition that is none",
        false,
        is_no_transition,
        &bundle,
        format!("{keys}transition AAAA\n"),
    );
    table.keys(
        "a transition with two spaces",
        false,
        is_no_transition,
        &bundle,
        after(0, TIME).replace("transition ", "transition  "),
    );
    let strange = format!("{}\n{}", kit.witness_key(), kit.transition(0, TIME));
    table.keys(
        "a transition that nothing leads to",
        false,
        "密钥交接书不是您信任的任何一把密钥签的",
        &bundle,
        strange,
    );
    let [ed25519, sm2] = Kit::pair(&kit.next);
    let next = format!("{ed25519}\n{sm2}\n{}\n", kit.witness_key());
    table.keys(
        "the next key alone",
        false,
        "没有日志 anju/0badcafe 的签名",
        &bundle,
        &next,
    );
    let files = json!({ "bundle": bundle, "keys": next, "transitions": format!("hello\n {}", kit.transition(TIME, TIME)) });
    table.add(
        "the next key, and the transition from another file",
        true,
        CASE,
        files,
    );
}

fn table() -> Value {
    let kit = Kit::new();
    let mut table = Table::default();
    json_forms(&kit, &mut table);
    records(&kit, &mut table);
    note_forms(&kit, &mut table);
    key_forms(&kit, &mut table);
    json!({ "keys": kit.keys(), "cases": table.0 })
}

/// What the crate says of a case: what the record is about, or why it is refused.
fn judged(case: &Value, keys: &str) -> Result<String, String> {
    let text = |name: &str| case[name].as_str();
    let mut bytes = match text("bundle_base64") {
        Some(bytes) => BASE64.decode(bytes).expect("Base64"),
        None => text("bundle").expect("a bundle").as_bytes().to_vec(),
    };
    if let Some(size) = case["filled_to"].as_u64() {
        bytes.resize(usize::try_from(size).expect("small"), b' ');
    }
    let keys = text("keys").unwrap_or(keys);
    let keys = read_keys_and_transitions(keys, text("transitions").unwrap_or_default())
        .map_err(|error| error.to_string())?;
    if keys.is_empty() {
        return Err("文件里没有公钥".to_owned());
    }
    Bundle::parse(&bytes)
        .and_then(|bundle| bundle.verify(&keys))
        .map(|verified| verified.about)
        .map_err(|error| error.to_string())
}

#[test]
fn what_the_document_allows_is_read_and_what_it_refuses_is_refused_with_the_reason() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forms.json");
    let table = table();
    let made = serde_json::to_string_pretty(&table).expect("JSON") + "\n";
    if std::env::var_os("ANJU_WRITE_FORMS").is_some() {
        fs::write(&file, &made).expect("written");
    }
    let keys = table["keys"].as_str().expect("keys");
    let cases = table["cases"].as_array().expect("cases");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let outcome = judged(case, keys);
            let (Ok(said) | Err(said)) = &outcome;
            let says = |name: &str| said.contains(case[name].as_str().unwrap_or_default());
            let right = outcome.is_ok() == case["holds"].as_bool().expect("a verdict");
            (!right || !says("says") || !says("says_too"))
                .then(|| format!("{}: {outcome:?}", case["name"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let kept = fs::read_to_string(&file).expect("the table");
    assert!(kept == made, "write the table anew: ANJU_WRITE_FORMS=1");
}
