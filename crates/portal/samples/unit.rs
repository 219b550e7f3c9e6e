use anju_portal::components::{
    Button, Cell, Column, Drop, ErrTable, ErrorSummary, Event, Fault, Formula, FormulaLine, Line,
    Mend, Mistake, Promise, Repaired, Row, Rows, State, Step, Summary, SummaryRow, Table, Text,
    Timeline, Track, When,
};
use anju_portal::frame::UnitTab;
use anju_portal::pages::unit::{
    ArrivalPage, ArrivalsPage, ErrorsPage, HomePage, Next, PayPage, PreviewPage, SessionsPage,
    UploadPage,
};
use anju_portal::security::Visit;

use super::{drawn, fen, unit_frame};

pub fn all(visit: &Visit) -> Vec<(&'static str, String)> {
    vec![
        ("unit-home", drawn(&home(visit))),
        ("unit-upload", drawn(&upload(visit))),
        ("unit-errors", drawn(&errors(visit))),
        ("unit-preview", drawn(&preview(visit))),
        ("unit-pay", drawn(&pay(visit))),
        ("unit-arrivals", drawn(&arrivals(visit))),
        ("unit-arrival", drawn(&arrival(visit))),
        (
            "unit-sessions",
            drawn(&SessionsPage {
                frame: unit_frame(visit, "登录的设备", UnitTab::Other),
                devices: super::my::devices(visit, "/unit/sessions/end"),
            }),
        ),
    ]
}

fn pays(amount: i64) -> Text {
    Text::new().say("付 ").money(fen(amount))
}

fn difference() -> Formula {
    Formula {
        caption: "本月与上月的差额".into(),
        lines: vec![
            FormulaLine::new(Text::new().say("10月 ").hint("126 人"), fen(30_240_000)),
            FormulaLine::change("新增 3 人", fen(720_000)),
            FormulaLine::change("李*", fen(295_200)).part(),
            FormulaLine::change("赵**", fen(230_400)).part(),
            FormulaLine::change("冉**", fen(194_400)).part(),
            FormulaLine::change("封存 1 人", fen(-240_000)),
            FormulaLine::used(Text::new().say("11月 ").hint("128 人"), fen(30_720_000)),
        ],
    }
}

fn months() -> Table {
    let line = |month: &str, people: &str, amount: i64, at: &str, done: &str, took: &str| {
        Line::new(vec![
            Cell::new(month).link("/unit/arrivals/r1"),
            Cell::new(people),
            Cell::amount(fen(amount)),
            Cell::digits(at),
            Cell::digits(done),
            Cell::new(took),
        ])
    };
    Table::new(
        "months",
        "最近几个月的汇缴，单位：元",
        vec![
            Column::words("月份"),
            Column::figures("人数"),
            Column::figures("金额（元）"),
            Column::words("到账"),
            Column::words("分配完成"),
            Column::words("用时"),
        ],
        vec![
            line(
                "2026年10月",
                "126",
                30_240_000,
                "10月27日 10:31:07",
                "10:31:08",
                "0.9 秒",
            ),
            line(
                "2026年9月",
                "126",
                30_240_000,
                "9月25日 15:02:44",
                "15:02:45",
                "0.8 秒",
            ),
            line(
                "2026年8月",
                "125",
                29_990_400,
                "8月26日 09:47:10",
                "09:47:11",
                "0.9 秒",
            ),
        ],
    )
    .cards()
}

fn home(visit: &Visit) -> HomePage {
    HomePage {
        frame: unit_frame(visit, "11月还差一步", UnitTab::Home),
        employer: "重庆山屿科技有限公司".into(),
        employer_no: "0731".into(),
        months: vec![
            ("2026-11".into(), "2026年11月".into(), true),
            ("2026-10".into(), "2026年10月".into(), false),
        ],
        flash: None,
        next: Next {
            title: "11月还差一步：付款".into(),
            amount: Some(fen(30_720_000)),
            note: Text::new()
                .say("128 人，名册已核对。最迟 ")
                .strong("11月30日 24:00")
                .say(" 前到账，现在还有 6 天。"),
            button: Some(Button::go(pays(30_720_000), "/unit/pay/r1")),
            track: Track(vec![
                Step::new(When::Done, "名册", "128 人，新增 3，封存 1"),
                Step::new(When::Done, "核对", "今天 09:31，错误 0 处"),
                Step::new(When::Now, "付款", "等您付款"),
                Step::new(When::Expected, "分配到个人", "到账后约 1 分钟"),
            ]),
        },
        todo: Rows::new(vec![
            Row::to("/unit/people/p1", "张* 的证件号与公安登记不一致")
                .note("不影响本月汇缴；不改的话，他自己办不了提取")
                .sign(&State::wait("").with_icon("alert"))
                .value("去改"),
        ])
        .boxed(),
        todo_count: 1,
        past: months(),
        difference_title: "11月和上月比".into(),
        difference: Some(difference()),
        offers_debit: true,
        note: "每一项差额都有名有据，付款前可以点开看。".into(),
    }
}

fn drop() -> Drop {
    Drop {
        name: "roster",
        words: "把 Excel 拖到这里，或选择文件",
    }
}

fn upload(visit: &Visit) -> UploadPage {
    UploadPage {
        frame: unit_frame(visit, "11月名册", UnitTab::Roster),
        title: "11月名册".into(),
        lead: "10月有 126 人。最迟 11月30日 付款。".into(),
        flash: None,
        month: "2026-11".into(),
        key: "k".into(),
        drop: drop(),
        mode: anju_portal::components::Field::select(
            "mode",
            "这份表里有谁",
            vec![
                ("complete".into(), "全部职工".into()),
                ("changes".into(), "只含变更".into()),
            ],
        ),
        has_last: true,
    }
}

fn errors(visit: &Visit) -> ErrorsPage {
    let fault = |row, column: &str, was: Text, problem: &str, guess: &str| Fault {
        row: Some(row),
        column: Some(column.into()),
        was,
        problem: problem.into(),
        mends: vec![Mend {
            field: format!("r{row}"),
            place: format!("第 {row} 行，"),
            label: format!("{column}改成"),
            value: guess.into(),
            ..Mend::default()
        }],
        drop: None,
    };
    let mut frame = unit_frame(visit, "11月名册", UnitTab::Roster);
    frame.head.failed = true;
    ErrorsPage {
        action: "/unit/roster",
        frame,
        title: "11月名册".into(),
        file: "11月名册.xlsx · 已读 128 / 128 行 · 用时 0.2 秒".into(),
        upload_no: "u1".into(),
        errors: ErrorSummary::of(vec![
            Mistake::at(
                "r17",
                "第 17 行“缴存基数”填的是“12,3OO”，第 4、5 位是字母 O，请改成数字",
            ),
            Mistake::at(
                "r42",
                "第 42 行“证件号码”最后一位对不上，请对照身份证再看一遍",
            ),
            Mistake::at("r63", "第 63 行“姓名”与公安登记的不一致，请对照身份证改"),
        ])
        .expect("three")
        .note("改完之前，这份名册不会提交。已填的内容都留着。"),
        table: ErrTable {
            caption: "在这里改，不用重新传文件",
            faults: vec![
                fault(
                    17,
                    "缴存基数",
                    Text::new().say("12,3").mark("OO"),
                    "第 4、5 位是字母 O，应为数字",
                    "12,300",
                ),
                fault(
                    42,
                    "证件号码",
                    Text::new().say("500***********001").mark("X"),
                    "最后一位校验不对，请对照证件",
                    "",
                ),
                fault(63, "姓名", "王小明".into(), "与公安登记的姓名不一致", ""),
            ],
            repaired: vec![Repaired {
                row: 29,
                column: "缴存基数".into(),
                was: "9,600元".into(),
                read_as: "已去掉“元”字，按 9,600.00 算".into(),
            }],
        },
        mendable: true,
        button: Button::submit("重新核对 3 处"),
        tiles: vec![
            (
                "不变".into(),
                "121".into(),
                "人".into(),
                "与 10月 完全相同".into(),
            ),
            (
                "新增".into(),
                "3".into(),
                "人".into(),
                "李*、赵**、冉**".into(),
            ),
            (
                "自动改正".into(),
                "1".into(),
                "处".into(),
                "第 29 行去掉“元”字".into(),
            ),
        ],
        right_rows: 124,
        drop: drop(),
        mode: None,
        month: "2026-11".into(),
        key: "k".into(),
        has_sheet: true,
    }
}

fn preview(visit: &Visit) -> PreviewPage {
    let line = |name: &str, change: State, detail: &str, amount: &str| {
        Line::new(vec![
            Cell::new(name),
            Cell::state(&change),
            Cell::new(detail),
            Cell::new(amount),
        ])
    };
    PreviewPage {
        frame: unit_frame(visit, "11月名册，核对好了", UnitTab::Roster),
        title: "11月名册".into(),
        file: "11月名册.xlsx · 128 行 · 用时 0.2 秒".into(),
        total: fen(30_720_000),
        note: "128 人 · 单位 153,600.00，个人 153,600.00（比例 12% + 12%）".into(),
        notices: vec!["第 29 行“9,600元”去掉了“元”字，按 9,600.00 算".into()],
        formula: difference(),
        differences: Table::new(
            "diff",
            "和上月比变了的人，单位：元",
            vec![
                Column::words("姓名"),
                Column::words("变更"),
                Column::words("从什么到什么"),
                Column::figures("本月差额（元）"),
            ],
            vec![
                line(
                    "李*",
                    State::wait("新增").with_icon("people"),
                    "基数 12,300.00，12% + 12%",
                    "+2,952.00",
                ),
                line("周*", State::idle("封存"), "10月 缴完，不再缴", "−2,400.00"),
            ],
        )
        .cards(),
        hidden: vec![("csrf", visit.csrf.clone()), ("key", "k".into())],
        months: None,
        also: None,
        button: Button::submit(Text::new().say("登记 11月汇缴 ").money(fen(30_720_000))),
    }
}

fn pay(visit: &Visit) -> PayPage {
    PayPage {
        others: Rows::new(Vec::new()),
        frame: unit_frame(visit, "11月汇缴付款", UnitTab::Pay),
        what: "重庆山屿科技有限公司 · 11月汇缴".into(),
        amount: fen(30_720_000),
        note: Text::new()
            .say("128 人 · 名册今天 09:31 已核对 · ")
            .link("/unit", "看名册和差额"),
        flash: None,
        account: Summary::new(vec![
            SummaryRow::new("收款户名", "重庆市住房公积金管理中心")
                .copy("重庆市住房公积金管理中心"),
            SummaryRow::new(
                "收款账号（建设银行）",
                Text::new().num("5000 1023 6000 5030 0731"),
            )
            .copy("5000102360005030 0731"),
            SummaryRow::new("附言，写缴款码", Text::new().num("HJ2611 0731 28"))
                .copy("HJ2611073128"),
            SummaryRow::new("金额", Text::new().money(fen(30_720_000)))
                .source("多付或少付都不会丢：我们先记在您单位名下，再告诉您差多少")
                .copy("307200.00"),
        ])
        .boxed(),
        watch: "/unit/arrivals/r1".into(),
        after: "最迟 11月30日 24:00 前到账。到账后约 1 分钟分配到 128 人，您和每位职工都收到短信。"
            .into(),
        formula: difference(),
        steps: Timeline(vec![
            Event::new(When::Now, "您付款", "银行扣款一般 5 秒"),
            Event::new(When::Expected, "到账", "按缴款码对上，不用您通知"),
            Event::new(
                When::Expected,
                "分配到 128 人",
                "预计到账后 1 分钟内；上月用了 0.9 秒",
            ),
            Event::new(When::Expected, "凭证和明细", "当天可下载，含电子回单"),
        ]),
    }
}

fn arrivals(visit: &Visit) -> ArrivalsPage {
    ArrivalsPage {
        frame: unit_frame(visit, "到账与分配", UnitTab::Arrivals),
        flash: None,
        table: months(),
    }
}

fn arrival(visit: &Visit) -> ArrivalPage {
    ArrivalPage {
        frame: unit_frame(visit, "11月汇缴", UnitTab::Arrivals),
        title: "2026年11月汇缴".into(),
        promise: Promise {
            state: State::pass("已分配"),
            headline: "307,200.00 元已分配给 128 人，用时 0.9 秒".into(),
            note: "每位职工都收到短信，从自己的账户里也能看到。".into(),
        },
        live: None,
        due: fen(30_720_000),
        received: fen(30_720_000),
        allocated: fen(30_720_000),
        timeline: Timeline(vec![
            Event::new(When::Done, "登记汇缴", "11月24日 09:31:02 · 陈*"),
            Event::new(
                When::Done,
                "到账 307,200.00",
                "11月24日 09:40:11 · 建设银行",
            ),
            Event::new(When::Done, "分配到 128 人", "11月24日 09:40:12"),
        ]),
        cancel: None,
        people: Some(
            Table::new(
                "people",
                "分配到的人，单位：元",
                vec![
                    Column::words("姓名"),
                    Column::figures("基数（元）"),
                    Column::figures("单位（元）"),
                    Column::figures("个人（元）"),
                    Column::figures("合计（元）"),
                ],
                vec![Line::new(vec![
                    Cell::new("李*"),
                    Cell::amount(fen(1_230_000)),
                    Cell::amount(fen(147_600)),
                    Cell::amount(fen(147_600)),
                    Cell::amount(fen(295_200)),
                ])],
            )
            .cards(),
        ),
        proof: Some("/unit/arrivals/r1/proof".into()),
    }
}
