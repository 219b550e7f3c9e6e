//! The mistakes of a policy file in Chinese, for whoever changes the rules at a desk. What the loader says is one language for files,
//! command line and tests; the words for a person are drawn from it here.

use crate::file::LoadError;

/// A mistake as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mistake {
    /// `chongqing/withdraw-rent.toml`.
    pub file: String,
    /// 第 12 行; 条件 RENT-02，算式.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// Words of places.
const PLACES: [(&str, &str); 23] = [
    ("parameter ", "参数 "),
    ("condition ", "条件 "),
    ("define ", "公式 "),
    ("region ", "区域 "),
    ("fact ", "事实 "),
    ("calendar ", "日历 "),
    ("name ", "名称 "),
    ("needs ", "所需事实 "),
    ("agree ", "核对 "),
    ("amount", "金额"),
    ("service", "事项定义"),
    ("policy", "版本"),
    ("precedence", "来源的先后"),
    ("file", "文件"),
    ("review", "转人工的情形"),
    (", row ", "，取值第 "),
    (", when", "，算式"),
    (", from", "，施行日"),
    (", to", "，终止日"),
    (", only", "，适用范围"),
    (", input ", "，填写项 "),
    (", part ", "，分项 "),
    (" of ", "，对象 "),
];

/// Whole messages, and messages that begin or end with fixed words: what comes between stays.
const WHOLE: [(&str, &str); 28] = [
    ("no row", "没有取值"),
    ("no law", "没有写依据"),
    ("no source", "没有写来源"),
    ("no role", "没有写对象"),
    ("no `from`", "没有写从哪天起（from）"),
    ("no `value`", "没有写取值（value）"),
    ("no when", "没有写算式"),
    ("no refusal", "没有写不符合时对当事人说的话"),
    ("no remedy", "没有写怎样才会符合"),
    (
        "no mark: law, source, assumed or recalled",
        "没有写可靠程度（mark）：law、source、assumed 或 recalled",
    ),
    (
        "a row of the same date and the same where stands above",
        "上面已有同一天、同一适用范围的取值",
    ),
    ("declared twice", "写了两次"),
    ("defined twice", "写了两次"),
    ("declared in two ways", "同一个名字有两种意思"),
    ("stands twice for the same days", "同一段日子里写了两次"),
    (
        "stands in a file without a service",
        "所在的文件没有事项定义",
    ),
    (
        "has conditions, but no service includes it",
        "有条件，但没有事项引用这个文件",
    ),
    (
        "pays out, but has no [amount]",
        "要付款，却没有写金额（[amount]）",
    ),
    (
        "pays out, but has no withdraw_kind",
        "要付款，却没有写提取类型",
    ),
    ("a bracket is opened and never closed", "方括号没有配对"),
    ("a brace is opened and never closed", "花括号没有配对"),
    ("unknown fact type", "没有这种事实"),
    ("longer than eight characters", "超过八个字"),
    (
        "depends on the case, not on the service",
        "适用范围不能取决于具体办件",
    ),
    (
        "no file says [policy] version and centre",
        "没有文件写明版本和中心（[policy]）",
    ),
    ("[policy] stands in two files", "有两个文件写了 [policy]"),
    (
        "[precedence] stands in two files",
        "有两个文件写了 [precedence]",
    ),
    (
        "order does not name every level once",
        "order 要把每一级可靠程度各写一次",
    ),
];

const BEGINS: [(&str, &str); 9] = [
    ("cannot be read: ", "读不到，请看文件夹是否写对、能否进入："),
    ("unknown name ", "没有这个名字："),
    ("unknown region ", "没有这个区域："),
    ("unknown fact type ", "没有这种事实："),
    ("unknown function ", "没有这个函数："),
    ("unknown field ", "不认识的字段："),
    ("missing field ", "缺少字段："),
    ("no file ", "没有文件 "),
    ("centre is ", "写的中心不对："),
];

const ENDS: [(&str, &str); 5] = [
    (" is not a date", " 不是日期"),
    (" is not a district code", " 不是区县代码"),
    (" is itself a service", " 自己就是一个事项，不能引用"),
    (" is defined by itself", " 的算式里又用到它自己"),
    (
        " is no argument of it, or of another type",
        " 不是这个参数的自变量，或者类型不对",
    ),
];

/// Names of types, where a message ends with one.
const TYPES: [(&str, &str); 9] = [
    ("a list of months", "月份列表"),
    ("instant", "时刻"),
    ("month", "月份"),
    ("date", "日期"),
    ("bool", "是或否"),
    ("text", "文字"),
    ("int", "整数"),
    ("fen", "金额（分）"),
    ("bp", "比例（基点）"),
];

/// A mistake of the loader in Chinese.
pub fn in_chinese(error: &LoadError) -> Mistake {
    Mistake {
        file: error.file.clone(),
        place: place(&error.place),
        message: message(&error.message),
    }
}

fn place(place: &str) -> String {
    if let Some(line) = place.strip_prefix("line ") {
        return format!("第 {line} 行");
    }
    if place == "all files" {
        return "全部文件".into();
    }
    let mut words = place.to_owned();
    let row = words.contains(", row ");
    for (theirs, ours) in PLACES {
        words = words.replacen(theirs, ours, 1);
    }
    if row {
        words.push_str(" 行");
    }
    words
}

fn message(message: &str) -> String {
    if let Some((_, ours)) = WHOLE.iter().find(|(theirs, _)| *theirs == message) {
        return (*ours).to_owned();
    }
    for (theirs, ours) in BEGINS {
        if let Some(rest) = message.strip_prefix(theirs) {
            return format!("{ours}{rest}");
        }
    }
    for (theirs, ours) in ENDS {
        if let Some(rest) = message.strip_suffix(theirs) {
            return format!("{rest}{ours}");
        }
    }
    if let Some((found, wanted)) = message.split_once(" where ")
        && let Some(wanted) = wanted.strip_suffix(" is needed")
    {
        return format!("这里要{}，写的却是{}", kind(wanted), kind(found));
    }
    if let Some((value, ty)) = message.split_once(" is not ")
        && TYPES.iter().any(|(theirs, _)| *theirs == ty)
    {
        return format!("{value} 不是{}", kind(ty));
    }
    if let Some((left, right)) = message
        .strip_suffix(" do not go together")
        .and_then(|types| types.split_once(" and "))
    {
        return format!("{}和{}不能放在一起比较或计算", kind(left), kind(right));
    }
    format!("写法不对：{message}")
}

fn kind(ty: &str) -> &str {
    TYPES
        .iter()
        .find(|(theirs, _)| *theirs == ty)
        .map_or(ty, |(_, ours)| ours)
}
