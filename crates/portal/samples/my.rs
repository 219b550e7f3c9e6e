use anju_portal::components::{
    Button, ButtonLook, Cell, Chart, ChartKind, Column, Device, Devices, Facts, Line, Pager, Point,
    Row, Rows, Series, State, Summary, SummaryRow, Table, Text,
};
use anju_portal::frame::MyTab;
use anju_portal::pages::my::{
    AccessPage, AccountPage, CasesPage, ChangesPage, ConsentPage, Entry, HomePage, MePage,
    MessagesPage, Offer, Offered, ProofsPage, SessionsPage, WithdrawPage,
};
use anju_portal::security::Visit;

use super::{drawn, fen, my_frame};

pub fn all(visit: &Visit) -> Vec<(&'static str, String)> {
    vec![
        ("my-home", drawn(&home(visit))),
        ("my-withdraw", drawn(&withdraw(visit))),
        ("my-check", drawn(&super::service::check(visit))),
        ("my-face", drawn(&super::service::face(visit))),
        ("my-confirm", drawn(&super::service::confirm(visit))),
        ("my-progress", drawn(&super::service::progress(visit))),
        ("my-decision", drawn(&super::service::decision(visit))),
        ("my-receipt", drawn(&super::service::receipt(visit))),
        ("my-cases", drawn(&cases(visit))),
        ("my-messages", drawn(&messages(visit))),
        ("my-account", drawn(&account(visit))),
        ("my-me", drawn(&me(visit))),
        ("my-sessions", drawn(&sessions(visit))),
        ("my-changes", drawn(&changes(visit))),
        ("my-consents", drawn(&consents(visit))),
        ("my-access", drawn(&access(visit))),
        ("my-proofs", drawn(&proofs(visit))),
    ]
}

fn take(amount: i64) -> Text {
    Text::new().say("提取 ").money(fen(amount))
}

fn home(visit: &Visit) -> HomePage {
    HomePage {
        frame: my_frame(visit, "首页", MyTab::Home, None),
        name: "李梅".into(),
        balance: Some(fen(3_846_072)),
        balance_note: Text::new()
            .say("截至今天 ")
            .time("09:12")
            .say(" · 比 10月末 ")
            .movement(fen(240_000))
            .say("（11月汇缴） ")
            .link("/my/account", "明细"),
        flash: None,
        offer: Some(Offer {
            name: "租房提取".into(),
            title: "您现在可以办".into(),
            reason: Text::new()
                .say("8–10月备案租金 ")
                .money(fen(360_000))
                .say("，条件 8 项都符合。只要核对一次，一般 3 秒出结果。"),
            why: Some("/my/do/withdraw-rent/why".into()),
            button: Button::go(take(360_000), "/my/do/withdraw-rent").wide(),
        }),
        doing: Rows::new(vec![
            Row::to("/my/cases/c1", "成都转入，正在核对")
                .note(Text::new().say("等成都中心回复，最迟 ").time("11月26日"))
                .sign(&State::wait("")),
        ]),
        usual: Rows::new(vec![
            Row::to("/my/withdraw", "提取")
                .icon("card")
                .value("1 项可办"),
            Row::to("/my/account", "账户明细和证明")
                .icon("doc")
                .value("缴至 11月"),
            Row::to("/my/messages", "消息").icon("bell").value("3 条"),
        ]),
        seen: Text::new()
            .say("最近 30 天有 1 次：11月3日 14:20，渝北办事处因您来柜台改手机号看过。")
            .link("/my/me/access", "看全部"),
    }
}

fn withdraw(visit: &Visit) -> WithdrawPage {
    let unmet =
        |name: &str, why: &str, lacks: &str| Row::to("/my/do/x/why", name).note(why).value(lacks);
    WithdrawPage {
        frame: my_frame(visit, "提取", MyTab::Services, Some(("/my", "首页"))),
        offered: vec![Offered {
            name: "租房提取".into(),
            amount: fen(360_000),
            reason: Text::new()
                .say("备案租金每月 ")
                .money(fen(120_000))
                .say("，8、9、10 三个月。上限是每月 ")
                .money(fen(150_000))
                .say("，没有超过。"),
            why: "/my/do/withdraw-rent/why".into(),
            button: Button::go(
                Text::new().say("核对并提取 ").money(fen(360_000)),
                "/my/do/withdraw-rent",
            )
            .wide(),
        }],
        doing: Rows::new(Vec::new()),
        flight: None,
        closing: vec![
            Row::to("/my/do/withdraw-retire", "退休提取")
                .note("先查退休信息")
                .value(State::unknown("点一下核验")),
        ],
        later: vec![
            Row::to("/my/do/x/why", "还贷提取")
                .note("距上次还贷提取不满 12 个月；这一条 2027年3月1日 起符合。")
                .value("最早 2027年3月1日"),
        ],
        watch: vec![(
            "短信告诉我".into(),
            "找到您能办的，发一条短信，同一件事不发第二次。".into(),
            Button::send("不要短信", anju_portal::components::ButtonLook::Plain)
                .value("tell", "off"),
        )],
        unknown: vec![
            Row::to("/my/do/x/why", "家庭困难提取（低保）")
                .note("民政部门还没有回复，10:20 再问一次。可以先交申请")
                .value(State::unknown("等回复")),
        ],
        unmet: vec![
            unmet("全款购房提取", "近 24 个月没有查到购房合同", "差 1 条"),
            unmet("商贷首付提取", "没有查到购房合同和商业贷款", "差 2 条"),
            unmet("还贷提取", "名下没有住房贷款", "差 1 条"),
            unmet("约定提取签约", "名下没有住房贷款", "差 1 条"),
            unmet("重大疾病提取", "近 24 个月没有查到大病结算", "差 1 条"),
            unmet("退休提取", "还没到法定退休年龄，到时提醒您", "差 1 条"),
            unmet("离职提取", "还在缴存", "差 2 条"),
            unmet("出境定居提取", "没有查到注销户口", "差 1 条"),
        ],
        more: Rows::new(vec![
            Row::to("/my/agreements", "约定提取").note("签一次约，每期还了住房贷款自动提取到卡"),
        ]),
        elsewhere: vec![
            Row::to("/guides/withdraw-build", "建造翻建提取")
                .note("在手机 APP、微信、支付宝、渝快办、自助终端、网点柜台办"),
        ],
        none: None,
        taken: Rows::new(Vec::new()),
    }
}

fn cases(visit: &Visit) -> CasesPage {
    CasesPage {
        frame: my_frame(visit, "进度", MyTab::Cases, Some(("/my", "首页"))),
        living: Rows::new(vec![
            Row::to("/my/cases/c1", "租房提取 3,600.00 元")
                .note("等民政部门回复，最迟 11月25日 18:00")
                .sign(&State::unknown("等部门回复")),
        ]),
        ended: Rows::new(vec![
            Row::to("/my/cases/c2", "手机号变更")
                .note("11月3日 14:24")
                .value(State::pass("办好了")),
        ]),
        pager: None,
    }
}

fn messages(visit: &Visit) -> MessagesPage {
    MessagesPage {
        frame: my_frame(visit, "消息", MyTab::Me, Some(("/my/me", "我的"))),
        messages: vec![(
            "今天 10:02，短信已送达".into(),
            "【安居】您的租房提取已到账 3,600.00 元，建设银行尾号 1234。办件 2611-0482。".into(),
        )],
        pager: None,
    }
}

fn account(visit: &Visit) -> AccountPage {
    let months = ["6月", "7月", "8月", "9月", "10月", "11月"];
    let balances = [
        2_406_072, 2_646_072, 2_886_072, 3_126_072, 3_366_072, 3_606_072,
    ];
    AccountPage {
        frame: my_frame(visit, "账户明细", MyTab::Me, Some(("/my", "首页"))),
        account_no: "2501-0031".into(),
        balance: fen(3_846_072),
        facts: Facts(vec![
            ("单位".into(), "重庆渝桥软件有限公司".into()),
            ("基数和比例".into(), "10,000.00 元，12% + 12%".into()),
            ("缴至".into(), "2026年11月".into()),
            ("冻结".into(), "0.00 元".into()),
        ]),
        frozen: Facts(Vec::new()),
        chart: Some(Chart {
            id: "bal",
            finding: "半年里余额从 24,060.72 元到 36,060.72 元".into(),
            source: "万元，每月末。来源：本中心账簿，截至 11月24日".into(),
            kind: ChartKind::Lines,
            series: vec![Series {
                name: String::new(),
                points: months
                    .iter()
                    .zip(balances)
                    .map(|(label, value)| Point {
                        label: (*label).into(),
                        value: Some(value),
                    })
                    .collect(),
            }],
            printed_unit: 1_000_000,
            table: Table::new(
                "bal-table",
                "每月末余额，单位：元",
                vec![Column::words("月份"), Column::figures("余额（元）")],
                months
                    .iter()
                    .zip(balances)
                    .map(|(label, value)| {
                        Line::new(vec![Cell::new(*label), Cell::amount(fen(value))])
                    })
                    .collect(),
            ),
        }),
        entries: vec![
            Entry {
                what: "租房提取".into(),
                note: "今天 · 建设银行尾号 1234".into(),
                amount: fen(-360_000),
                balance: fen(3_486_072),
                href: Some("/my/cases/c1".into()),
            },
            Entry {
                what: "11月汇缴".into(),
                note: "11月20日 · 重庆渝桥软件有限公司".into(),
                amount: fen(240_000),
                balance: fen(3_846_072),
                href: None,
            },
        ],
        pager: Some(Pager {
            note: "2026年".into(),
            before: None,
            after: Some("/my/account?after=k".into()),
        }),
        download: Some("/my/account.csv".into()),
    }
}

fn me(visit: &Visit) -> MePage {
    MePage {
        frame: my_frame(visit, "我的", MyTab::Me, None),
        info: Summary::new(vec![
            SummaryRow::new("姓名", "李梅").source("公安登记"),
            SummaryRow::new("证件号", Text::new().num("500***********1234")),
            SummaryRow::new("手机", Text::new().num("138****5678")).source("结果发到这里"),
            SummaryRow::new("收款卡", Text::new().say("建设银行 ").tail("1234")),
        ]),
        more: Rows::new(vec![
            Row::to("/my/messages", "消息").icon("bell"),
            Row::to("/my/me/access", "谁看过我的信息")
                .icon("eye")
                .value("30 天 1 次"),
            Row::to("/my/consents", "授权").icon("key"),
            Row::to("/my/me/sessions", "登录的设备")
                .icon("mobile")
                .value("2 台"),
            Row::to("/settings?back=/my/me", "设置").icon("gear"),
        ]),
    }
}

fn sessions(visit: &Visit) -> SessionsPage {
    SessionsPage {
        frame: my_frame(visit, "登录的设备", MyTab::Me, Some(("/my/me", "我的"))),
        devices: devices(visit, "/my/me/sessions/end"),
    }
}

pub fn devices(visit: &Visit, action: &str) -> Devices {
    let device = |name: &str, note: &str, end| Device {
        name: name.to_owned(),
        note: note.into(),
        end,
    };
    Devices {
        action: action.to_owned(),
        hidden: ("csrf", visit.csrf.clone()),
        devices: vec![
            device("这台设备", "今天 09:10 登录", None),
            device(
                "Windows 上的 Edge",
                "11月20日 登录，昨天用过",
                Some(Button::send("结束", ButtonLook::Plain).value("session", "s2")),
            ),
        ],
    }
}

fn consents(visit: &Visit) -> ConsentPage {
    ConsentPage {
        frame: my_frame(visit, "授权", MyTab::Me, Some(("/my/me", "我的"))),
        consents: vec![(
            "查询婚姻登记".into(),
            "为租房提取 2611-0482，至 12月31日".into(),
            Some(Button::send("收回", ButtonLook::Plain).value("consent", "c2")),
        )],
        askers: vec![
            (
                "市大数据发展局可以查我的缴存情况".into(),
                "只有连续缴存月数、缴存基数、账户状态；同意后 365 天内有效".into(),
                Some(
                    Button::send("同意", ButtonLook::Plain).value("allow", "D14/hpf.contribution"),
                ),
            ),
            (
                "住建部全国平台可以查我的缴存情况".into(),
                "只有连续缴存月数、缴存基数、账户状态，法定职责（住房公积金管理条例第七条），不用您同意"
                    .into(),
                None,
            ),
        ],
        flash: None,
        enquiries: Rows::new(vec![
            Row::of("市民政局 · 婚姻登记")
                .note("11月24日 10:02，为租房提取")
                .value(Text::new().state(&State::pass("有记录"))),
        ]),
        disputes: Rows::new(vec![
            Row::of("市规划和自然资源局 · 不动产登记")
                .note("11月24日 10:05提出，2026-12-01前答复，工单 D03-GD-00001")
                .value(Text::new().state(&State::wait("来源正在核实"))),
        ]),
        doubtable: vec![(1, "市民政局 · 婚姻登记（11月24日 10:02）".to_owned())],
    }
}

fn proofs(visit: &Visit) -> ProofsPage {
    ProofsPage {
        frame: my_frame(visit, "我的凭证", MyTab::Me, Some(("/my/me", "我的"))),
        cases: Rows::new(vec![
            Row::to("/my/cases/c1/proof.json", "租房提取")
                .note("11月24日 10:02，办好了")
                .icon("download"),
        ]),
        months: Rows::new(vec![
            Row::to("/my/me/proofs/r1/proof.json", "2026年10月缴存")
                .note("重庆山城软件有限公司 2,400.00 元，11月6日 09:14入账")
                .icon("download"),
        ]),
        pager: None,
    }
}

fn changes(visit: &Visit) -> ChangesPage {
    ChangesPage {
        frame: my_frame(visit, "信息变更记录", MyTab::Me, Some(("/my/me", "我的"))),
        changes: Rows::new(vec![
            Row::to("/my/cases/2611-0482", "手机号：138****5678 → 137****0001")
                .note("11月24日 10:05，本人，手机 APP"),
        ]),
        pager: None,
    }
}

fn access(visit: &Visit) -> AccessPage {
    AccessPage {
        frame: my_frame(visit, "谁看过我的信息", MyTab::Me, Some(("/my/me", "我的"))),
        looks: Rows::new(vec![
            Row::of("渝北办事处 张*（3021）")
                .note("11月24日 10:05，因办件 2611-0482 看过您的证件号")
                .icon("eye"),
        ]),
        pager: None,
    }
}
