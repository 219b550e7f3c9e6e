//! `/desk/styleguide`: every component in its states, with sample words. What screenshot tests photograph.

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, ButtonLook, Choice, Choices, Condition, Drop, ErrTable, ErrorSummary, Event, Facts,
    Fault, Field, FieldKind, Flash, Formula, FormulaLine, Hand, Hands, Masked, Mend, Mistake,
    Promise, Source, Sources, State, Step, Summary, SummaryRow, Text, Timeline, Tone, Track, When,
    filters,
};
use crate::frame::DeskFrame;

mod tables;

/// One component.
struct Part {
    id: &'static str,
    name: &'static str,
    /// Each state: what it is, and the drawing.
    states: Vec<(&'static str, String)>,
}

/// The guide.
#[derive(Template, WebTemplate)]
#[template(path = "desk/styleguide.html")]
pub struct StyleGuidePage {
    frame: DeskFrame,
    parts: Vec<Part>,
}

fn part(id: &'static str, name: &'static str, states: Vec<(&'static str, String)>) -> Part {
    Part { id, name, states }
}

fn yuan(yuan: i64) -> Fen {
    Fen::yuan(yuan)
}

/// Draws the guide in a frame of the desk.
#[must_use]
pub fn draw(frame: DeskFrame) -> StyleGuidePage {
    let mut parts = words();
    parts.extend(forms());
    parts.extend(progress());
    parts.extend(tables::parts());
    StyleGuidePage { frame, parts }
}

fn words() -> Vec<Part> {
    vec![
        part(
            "money",
            "金额 money",
            vec![
                (
                    "句中",
                    Text::new().say("可提 ").money(yuan(3_600)).to_string(),
                ),
                ("转入", Text::new().movement(yuan(2_400)).to_string()),
                ("转出", Text::new().movement(-yuan(3_600)).to_string()),
                ("大写", yuan(15_000).capitals()),
            ],
        ),
        part(
            "masked",
            "遮挡 masked",
            vec![
                (
                    "证件号",
                    Masked::ready("500***********1234", "证件号").to_string(),
                ),
                ("手机号", Masked::ready("138****5678", "手机号").to_string()),
            ],
        ),
        part(
            "state",
            "状态 st tag",
            vec![
                ("符合", State::pass("符合").to_string()),
                ("不符合", State::fail("不符合").to_string()),
                ("还不知道", State::unknown("还不知道").to_string()),
                ("在办", State::wait("正在付款").to_string()),
                ("预计", State::idle("预计").to_string()),
                (
                    "标签",
                    State::wait("待补充材料")
                        .with_icon("alert")
                        .tag()
                        .to_string(),
                ),
            ],
        ),
        part(
            "btn",
            "按钮 btn",
            vec![
                (
                    "次要",
                    Button::send("请人工复核", ButtonLook::Plain).to_string(),
                ),
                (
                    "安静",
                    Button::link("先不付", ButtonLook::Quiet, "#btn").to_string(),
                ),
                (
                    "不能撤销",
                    Button::send("退回", ButtonLook::Danger).to_string(),
                ),
                (
                    "带键",
                    Button::send("打印", ButtonLook::Plain)
                        .icon("print")
                        .key("p")
                        .to_string(),
                ),
            ],
        ),
        part(
            "flash",
            "说明 flash",
            vec![
                (
                    "成",
                    Flash::new(Tone::Pass, "钱已到账：3,600.00 元，建设银行尾号 1234。")
                        .next("看凭据", "#flash")
                        .to_string(),
                ),
                (
                    "等",
                    Flash::new(Tone::Wait, "超过了我们承诺的时间。正由渝北办事处处理。")
                        .to_string(),
                ),
                (
                    "未知",
                    Flash::new(
                        Tone::Unknown,
                        "银行还没有告诉我们付款结果。我们正在查询，不会重复付款。",
                    )
                    .to_string(),
                ),
                (
                    "错",
                    Flash::new(
                        Tone::Fail,
                        "我们这边出错了，没有扣款，也没有办成。编号 7Q4K。",
                    )
                    .to_string(),
                ),
            ],
        ),
    ]
}

fn forms() -> Vec<Part> {
    let choice = |value: &str, title: &str, note: &str, chosen| Choice {
        value: value.into(),
        title: title.into(),
        note: note.into(),
        chosen,
    };
    vec![
        part(
            "field",
            "填写 field choice",
            vec![
                (
                    "提示",
                    Field::new("g1", "手机号", FieldKind::Phone)
                        .hint("收结果短信用")
                        .value("13800005678")
                        .to_string(),
                ),
                (
                    "有错",
                    Field::new("g2", "缴存基数（元）", FieldKind::Money)
                        .value("12,3OO")
                        .error(Some("第 4、5 位是字母 O，请改成数字"))
                        .to_string(),
                ),
                (
                    "选填",
                    Field::new("g3", "补充说明", FieldKind::Long)
                        .optional()
                        .to_string(),
                ),
                (
                    "选一种",
                    Choices {
                        name: "card",
                        legend: "收到钱的卡".into(),
                        choices: vec![
                            choice("1", "建设银行 尾号 1234", "本人一类卡", true),
                            choice("2", "换一张卡", "要核对一次是不是您的卡", false),
                        ],
                    }
                    .to_string(),
                ),
            ],
        ),
        part(
            "errors",
            "错误 errors err",
            vec![
                (
                    "总览",
                    ErrorSummary::of(vec![Mistake::at(
                        "g2",
                        "“缴存基数”第 4、5 位是字母 O，请改成数字",
                    )])
                    .map_or_else(String::new, |errors| errors.to_string()),
                ),
                (
                    "改错表",
                    ErrTable {
                        caption: "在这里改，不用重新传文件",
                        faults: vec![Fault {
                            row: Some(17),
                            column: Some("缴存基数".into()),
                            was: Text::new().say("12,3").mark("OO"),
                            problem: "第 4、5 位是字母 O，应为数字".into(),
                            mends: vec![Mend {
                                field: "r17".into(),
                                place: "第 17 行，".into(),
                                label: "缴存基数改成".into(),
                                value: "12,300".into(),
                                ..Mend::default()
                            }],
                            drop: None,
                        }],
                        repaired: Vec::new(),
                    }
                    .to_string(),
                ),
            ],
        ),
        part(
            "drop",
            "拖放 drop",
            vec![(
                "静",
                Drop {
                    name: "dz",
                    words: "把 Excel 拖到这里，或选择文件",
                }
                .to_string(),
            )],
        ),
        part(
            "summary",
            "核对 summary facts",
            vec![
                (
                    "核对",
                    Summary::new(vec![
                        SummaryRow::new("收款卡", Text::new().say("建设银行 ").tail("1234"))
                            .source("中国银联 · 今天 09:12")
                            .action("更换", "#summary"),
                    ])
                    .boxed()
                    .to_string(),
                ),
                (
                    "事实",
                    Facts(vec![
                        ("查到".into(), "配偶 1 套，南岸区".into()),
                        ("来源".into(), "不动产登记中心".into()),
                    ])
                    .to_string(),
                ),
            ],
        ),
    ]
}

fn progress() -> Vec<Part> {
    let condition = |state, name: &str| Condition {
        state,
        name: name.into(),
        facts: Facts(vec![("查到".into(), "16 个月".into())]),
        remedy: None,
    };
    vec![
        part(
            "waiting",
            "等待 promise sources",
            vec![
                (
                    "承诺",
                    Promise {
                        state: State::unknown("等民政部门回复"),
                        headline: "最迟明天（11月25日）18:00 给您结果".into(),
                        note: "可以关闭本页。".into(),
                    }
                    .to_string(),
                ),
                (
                    "来源",
                    Sources(vec![
                        Source::answered("不动产登记中心", "已回复 0.8 秒"),
                        Source::asked("市公安局"),
                        Source::silent("市民政局", "10 分钟后再问"),
                    ])
                    .to_string(),
                ),
            ],
        ),
        part(
            "timeline",
            "时间线 timeline track",
            vec![
                (
                    "经过",
                    Timeline(vec![
                        Event::new(When::Done, "您提交了申请", "今天 09:14:01"),
                        Event::new(When::Now, "建设银行正在付款", "今天 10:02:04"),
                        Event::new(When::Expected, "到账，短信通知", "预计 10:20 前"),
                    ])
                    .to_string(),
                ),
                (
                    "步骤",
                    Track(vec![
                        Step::new(When::Done, "名册", "128 人"),
                        Step::new(When::Now, "付款", "等您付款"),
                        Step::new(When::Expected, "分配", "到账后马上"),
                    ])
                    .to_string(),
                ),
            ],
        ),
        part(
            "decision",
            "结果 conds formula",
            vec![
                (
                    "条件",
                    format!(
                        "<ul class=\"conds\">{}{}{}</ul>",
                        condition(State::fail("不符合"), "您和配偶在本市无自有住房"),
                        condition(State::unknown("还不知道"), "婚姻情况与登记一致"),
                        condition(State::pass("符合"), "连续足额缴存满 3 个月")
                    ),
                ),
                (
                    "算式",
                    Formula {
                        caption: "金额取较小的一个".into(),
                        lines: vec![
                            FormulaLine::new("账户可用余额", yuan(38_460)),
                            FormulaLine::used("1,200.00 × 3 个月", yuan(3_600)),
                        ],
                    }
                    .to_string(),
                ),
            ],
        ),
        part(
            "hands",
            "两人 hands",
            vec![(
                "经办人自己看",
                Hands {
                    hands: vec![
                        Hand::signed("刘*（2007）会计，18:03:20"),
                        Hand::awaited("第二人：还没有", ""),
                    ],
                    changes: Vec::new(),
                    barred: Some("您是这笔业务的经办人，不能自己复核。已放进复核池。".into()),
                    action: None,
                    hidden: Vec::new(),
                    fields: Vec::new(),
                    buttons: Vec::new(),
                }
                .to_string(),
            )],
        ),
    ]
}

impl StyleGuidePage {
    /// Every icon of the sprite.
    fn icons(&self) -> Vec<&'static str> {
        include_str!("../../../../assets/icons.svg")
            .split("id=\"i-")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect()
    }
}
