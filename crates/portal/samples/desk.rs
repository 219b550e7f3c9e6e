use anju_portal::components::{
    Button, ButtonLook, Cell, Column, Event, Facts, Field, FieldKind, Flash, Hand, Hands, Keys,
    Line, Masked, Pager, Row, Rows, State, Table, Tabs, Text, Timeline, Tone, When,
};
use anju_portal::pages::desk::{
    ApplyPage, AskWhy, CasePage, CustomerPage, HandedIn, IdentifyPage, KeysPage, Reveal,
    SearchPage, SessionsPage, TaskSide, TasksPage,
};
use anju_portal::security::Visit;

use super::{desk_frame, drawn, fen};

pub fn all(visit: &Visit) -> Vec<(&'static str, String)> {
    vec![
        ("desk-tasks", drawn(&tasks(visit))),
        ("desk-customer", drawn(&customer(visit))),
        (
            "desk-apply",
            drawn(&ApplyPage {
                frame: desk_frame(visit, "租房提取", "/desk/identify", "张*（3021）"),
                who: "李*".into(),
                customer: "/desk/people/p1".into(),
                sheet: super::service::sheet(visit),
            }),
        ),
        ("desk-case", drawn(&case(visit))),
        ("desk-suspense", drawn(&super::books::suspense(visit))),
        (
            "desk-trial-balance",
            drawn(&super::books::trial_balance(visit)),
        ),
        ("desk-day-close", drawn(&super::books::day_close(visit))),
        ("desk-identify", drawn(&identify(visit))),
        ("desk-search", drawn(&search(visit))),
        (
            "desk-sessions",
            drawn(&SessionsPage {
                frame: desk_frame(visit, "登录的设备", "", "张*（3021）"),
                devices: super::my::devices(visit, "/desk/sessions/end"),
            }),
        ),
        (
            "desk-styleguide",
            drawn(&anju_portal::pages::styleguide::draw(desk_frame(
                visit,
                "样式",
                "",
                "张*（3021）",
            ))),
        ),
        (
            "desk-keys",
            drawn(&KeysPage {
                frame: desk_frame(visit, "快捷键", "", "张*（3021）"),
            }),
        ),
    ]
}

fn tasks(visit: &Visit) -> TasksPage {
    let line = |left: State,
                no: &str,
                service: &str,
                who: &str,
                amount: Option<i64>,
                why: State,
                words: &str,
                maker: &str| {
        Line::new(vec![
            Cell::state(&left),
            Cell::digits(no).link(format!("/desk/cases/{no}")),
            Cell::new(service),
            Cell::new(who),
            Cell::maybe(amount.map(fen)),
            Cell::new(Text::new().sign(&why).say(" ").say(words)),
            Cell::new(maker),
        ])
    };
    let late = State::fail("超时 0:12").with_icon("alert");
    let soon = |words: &str| State::wait(words).with_icon("clock");
    let calm = |words: &str| State::idle(words).with_icon("clock");
    TasksPage {
        frame: desk_frame(visit, "任务", "/desk/tasks", "张*（3021）"),
        flash: None,
        tabs: Tabs {
            label: "任务范围".into(),
            tabs: vec![
                ("?mine".into(), Text::new().say("我的 ").num(12), true),
                ("?pool".into(), Text::new().say("岗位池 ").num(37), false),
                ("?late".into(), Text::new().say("超时 ").num(1), false),
            ],
        },
        filters: vec![
            Field::select(
                "group",
                "事项",
                vec![
                    ("".into(), "全部事项".into()),
                    ("withdraw".into(), "提取".into()),
                ],
            )
            .bare(),
        ],
        next: Some(Button::go("取下一件", "/desk/tasks/next").key("n")),
        table: Table::new(
            "tasks",
            "我的任务，先到先办，按承诺时间排序",
            vec![
                Column::words("还剩").sorted(),
                Column::words("办件"),
                Column::words("事项"),
                Column::words("谁"),
                Column::figures("金额（元）"),
                Column::words("为什么要人看"),
                Column::words("经办"),
            ],
            vec![
                line(
                    late,
                    "2611-0457",
                    "大病提取",
                    "周*",
                    Some(4_800_000),
                    State::unknown(""),
                    "医保没有回复，附有材料",
                    "系统",
                )
                .current(true),
                line(
                    soon("0:09"),
                    "2611-0460",
                    "商贷首付提取",
                    "吴*",
                    Some(32_000_000),
                    State::wait(""),
                    "金额超过自动上限 300,000.00",
                    "系统",
                ),
                line(
                    soon("0:26"),
                    "2611-0463",
                    "贷款申请",
                    "冯*",
                    Some(64_000_000),
                    State::wait(""),
                    "征信有 1 次逾期，按规定要人看",
                    "系统",
                ),
                line(
                    calm("1:40"),
                    "2611-0466",
                    "多缴退款",
                    "重庆云杉建材",
                    Some(720_000),
                    State::wait(""),
                    "待复核",
                    "张*（3021）",
                ),
                line(
                    calm("3:05"),
                    "2611-0471",
                    "贷款变更",
                    "郑*",
                    None,
                    State::unknown(""),
                    "还款卡户名没有核到",
                    "系统",
                ),
            ],
        )
        .dense(" queue")
        .keys()
        .pager(Pager {
            note: "先到先办，按承诺时间排序，不能挑".into(),
            before: None,
            after: Some("?after=k".into()),
        }),
        side: Some(TaskSide {
            case_no: "2611-0457".into(),
            tag: Some(State::fail("超时 12 分钟").with_icon("alert").tag()),
            title: "大病提取 · 周*".into(),
            amount: Some(fen(4_800_000)),
            reasons: vec![
                Text::new()
                    .state(&State::unknown("还不知道"))
                    .say("　诊断在规定的病种内。市医保局 09:58 起没有回复，问过 6 次"),
                Text::new().state(&State::pass("符合")).say("　其余 5 项"),
            ],
            papers: vec![
                Text::new()
                    .say("住院费用结算单 2 页　")
                    .link("/desk/papers/1", "打开"),
            ],
            can: vec![
                ("f".into(), "把材料转成事实，再判一次".into()),
                ("r".into(), "退回，写明原因".into()),
            ],
            note: "承诺 10:12，现在 10:24。已自动短信致歉，没有改承诺时间。".into(),
        }),
        keys: Keys::new(&[
            ("j k", "移动"),
            ("Enter", "打开"),
            ("x", "勾选"),
            ("n", "取下一件"),
            ("?", "全部快捷键"),
        ]),
    }
}

fn customer(visit: &Visit) -> CustomerPage {
    let mut frame = desk_frame(visit, "客户", "/desk/identify", "张*（3021）");
    frame.serving = Some(Text::new().say("叫号 ").strong("A032").say(" · 5 号窗"));
    let case = |no: &str, service: &str, amount: Cell, state: State, until: &str| {
        Line::new(vec![
            Cell::digits(no).link(format!("/desk/cases/{no}")),
            Cell::new(service),
            amount,
            Cell::state(&state),
            Cell::digits(until),
        ])
    };
    let entry = |day: &str, what: &str, into: Option<i64>, out: Option<i64>, balance: i64| {
        let side = |amount: Option<i64>| {
            amount.map_or_else(|| Cell::new(""), |amount| Cell::amount(fen(amount)))
        };
        Line::new(vec![
            Cell::digits(day),
            Cell::new(what),
            side(into),
            side(out),
            Cell::amount(fen(balance)),
        ])
    };
    CustomerPage {
        frame,
        flash: None,
        name: "李*".into(),
        about: "女，职工".into(),
        id_no: Masked::ready("500***********1234", "证件号"),
        phone: Some(Masked::ready("138****5678", "手机号")),
        identified: Text::new()
            .say("人脸核身 ")
            .state(&State::pass("已通过"))
            .say(" ")
            .time("10:04"),
        reveal: Some(Reveal {
            action: "/desk/people/p1/reveal".into(),
            reasons: vec![
                ("A032".into(), "A032 叫号办理".into()),
                ("case".into(), "办件 2611-0482".into()),
            ],
        }),
        figures: vec![
            ("余额（元）".into(), "38,460.72".into()),
            ("可用（元）".into(), "34,860.72".into()),
            ("提取占用（元）".into(), "3,600.00".into()),
            ("冻结（元）".into(), "0.00".into()),
            ("账户状态".into(), State::pass("正常").into()),
            ("缴至".into(), "2026-11".into()),
        ],
        likely: Rows::new(vec![
            Row::to("/desk/do/phone-change", "手机银行卡变更")
                .note("她刚在取号机选了这项")
                .key("1"),
            Row::to("/desk/cases/2611-0482", "看租房提取进度")
                .note("2611-0482 正在付款")
                .key("2"),
        ])
        .tight(),
        button: Some(Button::go("办理银行卡变更", "/desk/do/card-change").wide()),
        hold: None,
        on: Field::new("on", "看以前哪一天", FieldKind::Date),
        past: None,
        family: Facts(vec![
            ("配偶".into(), "王*，已授权查询，至 12月31日".into()),
            (
                "本市住房".into(),
                Text::new().say("两人 0 套 ").hint("登记中心 09:14"),
            ),
            ("收款卡".into(), Text::new().say("建设银行 ").tail("1234")),
        ]),
        cases: Table::new(
            "cases-table",
            "办件列表",
            vec![
                Column::words("办件"),
                Column::words("事项"),
                Column::figures("金额（元）"),
                Column::words("状态"),
                Column::words("承诺"),
            ],
            vec![
                case(
                    "2611-0482",
                    "租房提取",
                    Cell::amount(fen(360_000)),
                    State::wait("正在付款"),
                    "今天 10:20",
                ),
                case(
                    "2611-0177",
                    "异地转入（成都）",
                    Cell::unverified(),
                    State::unknown("等成都"),
                    "11-26 18:00",
                ),
                case(
                    "2611-0031",
                    "手机号变更",
                    Cell::none(),
                    State::pass("办好了"),
                    "11-03 14:24",
                ),
            ],
        ),
        account_no: "2501-0031".into(),
        account_note: "重庆渝桥软件有限公司 · 12% + 12% · 基数 10,000.00".into(),
        entries: Table::new(
            "entries",
            "账户明细",
            vec![
                Column::words("日期"),
                Column::words("摘要"),
                Column::figures("收（元）"),
                Column::figures("付（元）"),
                Column::figures("余额（元）"),
            ],
            vec![
                entry("2026-11-20", "11月汇缴", Some(240_000), None, 3_846_072),
                entry("2026-10-21", "10月汇缴", Some(240_000), None, 3_606_072),
            ],
        ),
        timeline: Timeline(vec![
            Event::new(
                When::Now,
                "租房提取 3,600.00，正在付款",
                "今天 10:02 · 建设银行 · 证据叶 88,214,037",
            ),
            Event::new(When::Done, "提交租房提取", "今天 09:14 · 手机"),
        ]),
        keys: Keys::new(&[("1", "开始办理"), ("e", "证据")])
            .note("查看原因：A032 叫号 · 本次查看已记录"),
        looks: Rows::new(vec![
            Row::of("渝北办事处 张*（3021）")
                .icon("eye")
                .note("今天 10:02，因当面核身，来办业务看过客户概况"),
        ])
        .tight(),
    }
}

fn case(visit: &Visit) -> CasePage {
    CasePage {
        frame: desk_frame(visit, "办件", "/desk/tasks", "张*（3021）"),
        flash: Some(Flash::new(
            Tone::Wait,
            "您是这笔业务的经办人，不能自己复核。已放进复核池。",
        )),
        proof: "/desk/cases/2611-0457/proof.json".into(),
        case_no: "2611-0457".into(),
        title: "大病提取 · 周*".into(),
        tag: State::wait("人工复核中").tag(),
        amount: Some(fen(4_800_000)),
        facts: Facts(vec![
            ("来自".into(), "手机，今天 09:58".into()),
            ("承诺".into(), "今天 10:12".into()),
            ("收款卡".into(), Text::new().say("建设银行 ").tail("1234")),
        ]),
        shares: None,
        estate: None,
        changed: None,
        sources: None,
        conditions: super::service::conditions(),
        formula: None,
        papers: vec![HandedIn {
            name: "医疗费用结算单".into(),
            href: "/desk/papers/1".into(),
            picture: "/desk/papers/1/picture".into(),
            drawn: true,
            tag: State::pass("已采用").tag(),
            read: Facts(vec![(
                "个人负担的医疗费用".into(),
                Text::new().money(fen(4_800_000)),
            )]),
        }],
        hand_over: None,
        hands: Some(Hands {
            hands: vec![
                Hand::signed("张*（3021）11月24日 10:02"),
                Hand::awaited("第二人：还没有", "复核池里的复核员会看"),
            ],
            barred: Some("您是经办人，不能复核。".into()),
            action: None,
            hidden: Vec::new(),
            fields: Vec::new(),
            buttons: vec![Button::send("退回", ButtonLook::Danger)],
            changes: Vec::new(),
        }),
        timeline: Timeline(vec![Event::new(When::Done, "提交", "今天 09:58 · 手机")]),
        flight: super::service::flight(),
        keys: Keys::new(&[("a", "去通过页"), ("r", "退回")]),
    }
}

fn identify(visit: &Visit) -> IdentifyPage {
    IdentifyPage {
        frame: desk_frame(visit, "当面核身", "/desk/identify", "张*（3021）"),
        errors: None,
        flash: None,
        fields: vec![
            Field::new("id_no", "证件号码", FieldKind::IdNumber),
            Field::new("name", "证件上的姓名", FieldKind::Text),
            Field::select(
                "reason",
                "为什么来办",
                vec![
                    ("no_phone".into(), "没有手机".into()),
                    ("new_phone".into(), "换了手机".into()),
                ],
            ),
        ],
        hidden: vec![("csrf", visit.csrf.clone())],
        button: Button::submit("核对身份"),
        checks: vec![
            (State::pass("符合"), "证件号校验位".into()),
            (State::wait("等待中"), "公安登记".into()),
        ],
        done: None,
    }
}

fn search(visit: &Visit) -> SearchPage {
    SearchPage {
        frame: desk_frame(visit, "找到的", "", "张*（3021）"),
        note: "查到的人都已记录这次查找，本人能看到。".into(),
        ask: Some(AskWhy {
            who: "李*　500***********1234".into(),
            action: "/desk/people/p1/serve".into(),
            reason: Field::select(
                "reason",
                "为什么来办",
                vec![("business".into(), "来办业务".into())],
            ),
            button: Button::submit("打开这位客户"),
        }),
        groups: vec![(
            "人".into(),
            Rows::new(vec![
                Row::to("/desk/people/p1", "李*　500***********1234").note("重庆渝桥软件有限公司"),
            ])
            .tight(),
        )],
    }
}
