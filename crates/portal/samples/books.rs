use anju_portal::components::*;
use anju_portal::pages::desk::{
    Candidate, DayClosePage, SuspensePage, SuspenseSide, TrialBalancePage,
};
use anju_portal::security::Visit;

use super::{desk_frame, fen};

pub fn suspense(visit: &Visit) -> SuspensePage {
    let line = |at: &str,
                bank: &str,
                payer: &str,
                note: &str,
                amount: i64,
                days: &str,
                clue: State,
                who: &str| {
        Line::new(vec![
            Cell::digits(at).link("/desk/suspense/s1"),
            Cell::new(bank),
            Cell::new(payer),
            Cell::new(note),
            Cell::amount(fen(amount)),
            Cell::new(days),
            Cell::state(&clue),
            Cell::new(who),
        ])
    };
    SuspensePage {
        frame: desk_frame(visit, "暂收待查", "/desk/suspense", "刘*（2007）会计"),
        flash: None,
        tabs: Tabs {
            label: "科目".into(),
            tabs: vec![
                (
                    "?s=21903".into(),
                    Text::new().say("不明来款 ").num("21903　5"),
                    true,
                ),
                (
                    "?s=21901".into(),
                    Text::new().say("待分配 ").num("21901　3"),
                    false,
                ),
            ],
        },
        figures: vec![
            ("30 天以内，4 笔（元）".into(), "1,281,600.00".into()),
            ("31–90 天，0 笔（元）".into(), "0.00".into()),
            ("90 天以上，1 笔（元）".into(), "12,000.00".into()),
        ],
        table: Table::new(
            "suspense",
            "不明来款，按到账时间从近到远，单位：元",
            vec![
                Column::words("到账"),
                Column::words("银行"),
                Column::words("付款人"),
                Column::words("附言"),
                Column::figures("金额（元）"),
                Column::figures("天数"),
                Column::words("线索"),
                Column::words("谁在查"),
            ],
            vec![
                line(
                    "11-24 10:02",
                    "建设银行",
                    "重庆江屿餐饮管理",
                    "11月公积金",
                    720_000,
                    "0",
                    State::pass("三项都对上"),
                    "刘*",
                )
                .current(true),
                line(
                    "11-21 15:40",
                    "工商银行",
                    "重庆嘉木家具",
                    "HJ2611 0317 28",
                    8_640_000,
                    "3",
                    State::wait("缴款码像是 0371"),
                    "刘*",
                ),
                line(
                    "08-20 16:22",
                    "邮储银行",
                    "（户名空）",
                    "（空）",
                    1_200_000,
                    "96",
                    State::fail("超过 90 天，待复核").with_icon("alert"),
                    "主管 秦*",
                ),
            ],
        )
        .totals(vec![Line::new(vec![
            Cell::new("合计 5 笔，与总账 21903 期末余额相等").span(4),
            Cell::amount(fen(129_360_000)),
            Cell::new(""),
            Cell::state(&State::pass("相等")).span(2),
        ])])
        .dense(" queue")
        .keys(),
        side: Some(SuspenseSide {
            receipt_no: "s1".into(),
            when: "11-24 10:02 · 建设银行".into(),
            tag: State::pass("三项都对上").tag(),
            payer: "重庆江屿餐饮管理有限公司".into(),
            amount: fen(720_000),
            facts: Facts(vec![
                ("附言".into(), "11月公积金（没有缴款码）".into()),
                ("付款账号".into(), Text::new().tail("6120")),
            ]),
            candidates: vec![
                Candidate {
                    value: "e1".into(),
                    title: "0713 江屿餐饮 11月汇缴".into(),
                    note: "应缴 7,200.00，3 人".into(),
                    signs: vec![State::pass("金额相同"), State::pass("户名相同")],
                    chosen: true,
                },
                Candidate {
                    value: "e2".into(),
                    title: "1120 江屿酒店管理 补缴".into(),
                    note: "待补 7,200.00".into(),
                    signs: vec![State::pass("金额相同"), State::fail("户名不同")],
                    chosen: false,
                },
            ],
            fields: Vec::new(),
            entry: Some(Formula {
                caption: "认领后的分录".into(),
                lines: vec![
                    FormulaLine::new("借 21903 不明来款", fen(720_000)),
                    FormulaLine::new("贷 21901 待分配缴存", fen(720_000)),
                ],
            }),
            claim: Some(
                Button::submit(Text::new().say("认领 ").money(fen(720_000)).say(" 到 0713"))
                    .wide()
                    .key("c"),
            ),
            hands: None,
            hidden: vec![("csrf", visit.csrf.clone()), ("key", "k".into())],
            note: "认领要另一人复核。复核后马上分配到 3 人，并短信告诉单位：下次请写缴款码。"
                .into(),
        }),
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开"), ("c", "认领")]),
        download: Some("/desk/suspense.csv".into()),
    }
}

pub fn trial_balance(visit: &Visit) -> TrialBalancePage {
    let row = |level: &'static str,
               code: &str,
               name: &str,
               opening: i64,
               debit: Option<i64>,
               credit: Option<i64>,
               closing: i64,
               side: &str| {
        Line::level(
            level,
            vec![
                Cell::new(Text::new().code(code).say(name)).link(format!("/desk/books/{code}")),
                Cell::amount(fen(opening)),
                Cell::maybe(debit.map(fen)),
                Cell::maybe(credit.map(fen)),
                Cell::amount(fen(closing)),
                Cell::new(side),
            ],
        )
    };
    TrialBalancePage {
        frame: desk_frame(
            visit,
            "试算平衡",
            "/desk/books/trial-balance",
            "刘*（2007）会计",
        ),
        day: "11月24日，还没有日结".into(),
        tags: vec![
            State::pass("借贷相等").tag(),
            State::wait("与银行对账：1 笔未达").with_icon("alert").tag(),
        ],
        filters: vec![
            Field::select(
                "date",
                "日期",
                vec![
                    ("2026-11-24".into(), "本日 11月24日".into()),
                    ("2026-11-23".into(), "上日 11月23日".into()),
                ],
            )
            .bare(),
        ],
        hide_zero: true,
        table: Table::new(
            "tb",
            "11月24日试算平衡表，单位：元",
            vec![
                Column::words("科目"),
                Column::figures("期初余额（元）"),
                Column::figures("本期借方（元）"),
                Column::figures("本期贷方（元）"),
                Column::figures("期末余额（元）"),
                Column::words("方向"),
            ],
            vec![
                row(
                    "first",
                    "101",
                    "住房公积金存款",
                    443_642_031_855,
                    Some(1_906_968_890),
                    Some(1_806_380_233),
                    443_742_620_512,
                    "借",
                ),
                row(
                    "sub",
                    "10101",
                    "活期",
                    128_642_031_855,
                    Some(1_906_968_890),
                    Some(1_806_380_233),
                    128_742_620_512,
                    "借",
                ),
                row(
                    "sub",
                    "10102",
                    "定期",
                    315_000_000_000,
                    None,
                    None,
                    315_000_000_000,
                    "借",
                ),
                row(
                    "first",
                    "201",
                    "住房公积金",
                    1_391_631_678_697,
                    Some(861_740_233),
                    Some(1_241_295_000),
                    1_392_011_233_464,
                    "贷",
                ),
                row(
                    "first",
                    "219",
                    "其他应付款",
                    613_500_000,
                    Some(2_102_675_233),
                    Some(2_148_297_233),
                    659_122_000,
                    "贷",
                ),
                row(
                    "sub",
                    "21901",
                    "待分配缴存",
                    481_260_000,
                    Some(1_241_295_000),
                    Some(1_284_637_000),
                    524_602_000,
                    "贷",
                ),
                row(
                    "sub",
                    "21903",
                    "不明来款",
                    128_640_000,
                    None,
                    Some(720_000),
                    129_360_000,
                    "贷",
                ),
            ],
        )
        .totals(vec![
            Line::new(vec![
                Cell::new("合计　借方"),
                Cell::amount(fen(1_436_001_626_129)),
                Cell::amount(fen(5_816_384_356)),
                Cell::amount(fen(5_816_384_356)),
                Cell::amount(fen(1_436_426_802_896)),
                Cell::state(&State::pass("相等")),
            ]),
            Line::new(vec![
                Cell::new("合计　贷方"),
                Cell::amount(fen(1_436_001_626_129)),
                Cell::new(""),
                Cell::new(""),
                Cell::amount(fen(1_436_426_802_896)),
                Cell::new("差 0.00"),
            ]),
        ])
        .dense(" tb")
        .fits()
        .keys(),
        flash: Some(
            Flash::new(
                Tone::Wait,
                Text::new()
                    .strong("现在不能日结：")
                    .say("银行已付、账上未付 1 笔，")
                    .money(fen(360_000))
                    .say("（提取待付，办件 2611-0482，银行回单还没有到）。"),
            )
            .next("去日结", "/desk/books/close"),
        ),
        keys: Keys::new(&[("Enter", "看明细账"), ("p", "打印")]),
        downloads: vec![("csv".into(), "/desk/books/trial-balance.csv".into())],
        taken: "取数 10:24:31 · 9 类分录 9,299 笔 · 总账与明细相符".into(),
    }
}

pub fn day_close(visit: &Visit) -> DayClosePage {
    let matched = |name: &str, count: &str, amount: i64| {
        let mut cells = vec![Cell::new(name)];
        for _ in 0..3 {
            cells.push(Cell::new(count));
            cells.push(Cell::amount(fen(amount)));
        }
        cells.push(Cell::state(&State::pass("相符")));
        Line::new(cells)
    };
    let bank = |name: &str, balance: i64| {
        Line::new(vec![
            Cell::new(name),
            Cell::amount(fen(balance)),
            Cell::amount(fen(balance)),
            Cell::amount(fen(0)),
            Cell::new("0 笔").faint(),
            Cell::state(&State::pass("相符")),
        ])
    };
    let pair = || [Column::figures("笔"), Column::figures("元")];
    let mut columns = vec![Column::words("类别")];
    columns.extend(pair());
    columns.extend(pair());
    columns.extend(pair());
    columns.push(Column::words("结果"));
    DayClosePage {
        frame: desk_frame(visit, "日结", "/desk/books/close", "秦*（2001）会计主管"),
        day: "11月24日，周二".into(),
        tags: vec![
            State::pass("三方相符").tag(),
            State::pass("借贷相等").tag(),
            State::pass("17 条恒等式都成立").tag(),
        ],
        flash: None,
        match_title: "办件、账、银行，三方逐类相符".into(),
        match_note: Text::new()
            .say("银行流水 8 / 8 家已收齐，")
            .time("18:00:04"),
        matches: Table::new(
            "match",
            "三方核对，单位：元",
            columns,
            vec![
                matched("收　汇缴到账", "412", 1_284_637_000),
                matched("收　不明来款", "1", 720_000),
                matched("付　提取付款", "2,392", 861_740_233),
            ],
        )
        .groups(vec![
            ("办件与指令".into(), 2),
            ("账（10101）".into(), 2),
            ("银行流水".into(), 2),
        ])
        .dense(" match"),
        bank_title: "八家银行，账上余额与银行余额".into(),
        bank_note: "期初 1,286,420,318.55 ＋ 收 19,069,688.90 − 付 18,067,402.33".into(),
        banks: Table::new(
            "banks",
            "银行余额核对，单位：元",
            vec![
                Column::words("银行"),
                Column::figures("账上余额（元）"),
                Column::figures("银行余额（元）"),
                Column::figures("差（元）"),
                Column::words("未达"),
                Column::words("结果"),
            ],
            vec![
                bank("建设银行", 36_562_801_985),
                bank("工商银行", 25_233_483_060),
            ],
        ),
        hands: hands(visit),
        note: "日结后这一天不能再记账，只能冲正到以后的日子。证据根会请见证人联签。".into(),
        steps_title: "日终 7 步，第 7 步等两人签".into(),
        steps: Timeline(vec![
            Event::new(When::Done, "停收当日业务，之后的记到 11月25日", "18:00:00"),
            Event::new(When::Done, "银行流水逐笔对上，未达 0 笔", "18:00:04"),
            Event::new(When::Now, "封账：日合计、证据根、开 11月25日", "等第二人"),
        ]),
    }
}

fn hands(visit: &Visit) -> Hands {
    Hands {
        hands: vec![
            Hand::signed(
                Text::new()
                    .say("刘*（2007）会计")
                    .br()
                    .time("18:03:20")
                    .say(" · 核对了三方、余额、凭证"),
            ),
            Hand::mine("第二人：您，秦*（2001）会计主管", ""),
        ],
        changes: Vec::new(),
        barred: None,
        action: Some("/desk/books/close/sign".into()),
        hidden: vec![("csrf", visit.csrf.clone()), ("key", "k".into())],
        fields: vec![
            Field::new("net", "复录当日收付净额（元）", FieldKind::Money)
                .hint("合计收减合计付，收大于付不写符号。"),
        ],
        buttons: vec![Button::submit("日结 11月24日").wide()],
    }
}
