use anju_portal::components::*;
use anju_portal::frame::MyTab;
use anju_portal::security::Visit;
use anju_portal::service::*;
use chrono::{DateTime, TimeDelta, Utc};

use super::{fen, my_frame};

fn take(amount: i64) -> Text {
    Text::new().say("提取 ").money(fen(amount))
}

pub fn check(visit: &Visit) -> CheckPage {
    CheckPage {
        frame: my_frame(
            visit,
            "租房提取，核对",
            MyTab::Services,
            Some(("/my/withdraw", "提取")),
        ),
        sheet: sheet(visit),
    }
}

pub fn sheet(visit: &Visit) -> CheckSheet {
    CheckSheet {
        step: "租房提取 · 第 1 步，共 1 步".into(),
        question: "请核对，无误就提取".into(),
        errors: None,
        flash: None,
        amount: Some(AmountHead {
            label: "提取金额".into(),
            amount: fen(360_000),
            note: Text::new()
                .say("每月 ")
                .money(fen(120_000))
                .say(" × 3 个月（8–10月），到账后余额 ")
                .money(fen(3_486_072)),
        }),
        summary: Summary::new(vec![
            SummaryRow::new("收款卡", Text::new().say("建设银行 ").tail("1234"))
                .source("本人一类卡，中国银联今天 09:12 核过")
                .action("更换", "/my/do/withdraw-rent?edit=card"),
            SummaryRow::new("租住的房子", "渝北区龙山街道")
                .source("备案合同 ZL2026-118730，市住房城乡建委 · 今天 09:12")
                .action("更改", "/my/do/withdraw-rent?edit=home"),
            SummaryRow::new(
                "租期和租金",
                Text::new()
                    .time("8月1日")
                    .say("起，每月 ")
                    .money(fen(120_000)),
            )
            .source("同一份备案合同，租到 2027年7月31日")
            .action("有误", "/my/wrong"),
            SummaryRow::new("婚姻", "已婚，配偶 王*")
                .source("市民政局 · 今天 09:12")
                .action("有误", "/my/wrong"),
            SummaryRow::new("本市住房", "您和配偶 0 套")
                .source("不动产登记中心 · 今天 09:12")
                .action("有误", "/my/wrong"),
            SummaryRow::new("连续缴存", "16 个月，缴至 2026年11月").source("本中心账簿"),
        ]),
        fields: Vec::new(),
        more: vec![Field::new("amount_fen", "申请金额", FieldKind::Money).hint("不填则按可提取的最高金额")],
        groups: Vec::new(),
            consent: "提取即同意我们再向 4 个部门核对一次：不动产登记、住房城乡建委、民政、全国公积金监管平台。只为这笔提取，结果保存在您的办件里。".into(),
        action: "/my/do/withdraw-rent".into(),
        hidden: vec![("csrf", visit.csrf.clone()), ("key", "b7f0-2c51".into())],
        button: Button::submit(take(360_000).say(" 到").tail("1234")).wide(),
        after: "一般 3 秒出结果。付款后不能撤回；付款前可以随时撤回。".into(),
    }
}

pub fn face(visit: &Visit) -> FacePage {
    FacePage {
        frame: my_frame(
            visit,
            "本人核对",
            MyTab::Services,
            Some(("/my/withdraw", "提取")),
        ),
        step: "租房提取 · 最后一步".into(),
        error: Some("照片和公安登记的不像，请在亮处正对镜头再拍一张。".into()),
        action: "/my/do/withdraw-rent/face".into(),
        hidden: vec![("csrf".into(), visit.csrf.clone())],
        button: Button::submit(Text::new().say("核对是我本人，提取到").tail("1234")).wide(),
    }
}

pub fn confirm(visit: &Visit) -> ConfirmPage {
    ConfirmPage {
        frame: my_frame(
            visit,
            "撤回租房提取",
            MyTab::Cases,
            Some(("/my/cases/c1", "办件")),
        ),
        confirm: Confirm {
            question: "撤回这次租房提取吗？".into(),
            amount: Some(fen(360_000)),
            capitals: true,
            note: "还没有付款。撤回后随时可以再来，条件不变就能再提。".into(),
            action: "/my/cases/c1/withdraw".into(),
            hidden: vec![("csrf", visit.csrf.clone()), ("key", "k".into())],
            button: Button::send("撤回这次申请", ButtonLook::Danger),
            back: "/my/cases/c1".into(),
        },
    }
}

pub fn progress(visit: &Visit) -> ProgressPage {
    ProgressPage {
        frame: my_frame(
            visit,
            "办件进度，等部门回复",
            MyTab::Cases,
            Some(("/my", "首页")),
        ),
        service: "租房提取".into(),
        case_no: "2611-0482".into(),
        promise: Promise {
            state: State::unknown("等民政部门回复"),
            headline: "最迟明天（11月25日）18:00 给您结果".into(),
            note: Text::new()
                .say("结果发短信到 ")
                .num("138****5678")
                .say("。可以关闭本页，不用再提交。"),
        },
        live: Some("/my/cases/c1/live".into()),
        heirs: None,
        shares: None,
        sources: Some(Sources(vec![
            Source::answered("不动产登记中心", "已回复 0.4 秒"),
            Source::answered("市住房城乡建委", "已回复 0.9 秒"),
            Source::asked("全国公积金监管平台"),
            Source::silent(
                "市民政局（婚姻登记）",
                "09:14:06 起问过 2 次。下次 09:24，之后每 10 分钟一次",
            ),
        ])),
        ways: Some(Rows::new(vec![
            Row::to("/my/cases/c1/papers", "上传结婚证")
                .note("工作人员 1 个工作日内看（11月25日 18:00 前）")
                .icon("upload"),
            Row::to("/my/cases/c1/withdraw", "撤回这次申请")
                .note("还没有付款，撤回后随时可以再来")
                .icon("cross"),
        ])),
        results: None,
        timeline: Timeline(vec![
            Event::new(
                When::Done,
                Text::new()
                    .say("您提交了申请，")
                    .money(fen(360_000))
                    .say(" 到")
                    .tail("1234"),
                "今天 09:14:01，手机",
            ),
            Event::new(When::Done, "3 个部门已核对", "今天 09:14:03"),
            Event::new(When::Unknown, "等民政部门回复婚姻登记", "今天 09:14:06 起"),
            Event::new(When::Expected, "出结果", "预计今天，最迟 11月25日 18:00"),
            Event::new(When::Expected, "到账，短信通知", "预计通过后 10 秒内"),
        ]),
        flight: flight(),
        button: Some(
            Button::go("查看最新进展", "/my/cases/c1")
                .icon("refresh")
                .wide(),
        ),
        note: "有问题打 023-12329，报办件号就行。超过承诺时间，我们会主动打给您。".into(),
    }
}

pub fn flight() -> Option<Flight> {
    let began: DateTime<Utc> = "2026-11-24T01:14:01Z".parse().expect("an instant");
    let leg = |name: &str, after: i64, ms: i64| Leg {
        name: name.to_owned(),
        started_at: began + TimeDelta::milliseconds(after),
        ms,
    };
    Flight::new(
        began,
        vec![
            leg("收到申请", 0, 4),
            leg("向部门核对", 4, 610),
            leg("按规则判定", 614, 3),
            leg("银行付款", 640, 420),
            leg("到卡", 640, 380),
        ],
    )
}

pub fn conditions() -> Vec<Condition> {
    let facts = |lines: &[(&str, &str)]| {
        Facts(
            lines
                .iter()
                .map(|(term, value)| ((*term).to_owned(), Text::from(*value)))
                .collect(),
        )
    };
    vec![
        Condition {
            state: State::pass("符合"),
            name: "连续足额缴存满 3 个月".into(),
            facts: facts(&[
                ("查到", "连续 41 个月，缴至 2026年11月"),
                ("来源", "本中心账簿"),
                ("依据", "建金〔2015〕19号 第一条"),
            ]),
            remedy: None,
        },
        Condition {
            state: State::fail("不符合"),
            name: "您和配偶在本市无自有住房".into(),
            facts: facts(&[
                ("查到", "本人 0 套，配偶 1 套：南岸区，2024年5月登记，住宅"),
                ("来源", "市规划和自然资源局（不动产登记）"),
                ("时间", "11月24日 09:14:02"),
                (
                    "依据",
                    "建金〔2015〕19号 第一条；《住房公积金管理条例》第二十四条第六项",
                ),
            ]),
            remedy: Some("按您和配偶的同意，这里只显示区县和登记年月。".into()),
        },
        Condition {
            state: State::unknown("还不知道"),
            name: "至少有 1 个月没有在别的中心提取过".into(),
            facts: facts(&[
                ("情况", "全国住房公积金监管服务平台没有回复，09:24 再问"),
                ("影响", "不影响这次结果：上一条已经不符合"),
            ]),
            remedy: None,
        },
    ]
}

pub fn decision(visit: &Visit) -> DecisionPage {
    DecisionPage {
        settled: Vec::new(),
        frame: my_frame(
            visit,
            "为什么没有通过",
            MyTab::Cases,
            Some(("/my/cases/c1", "办件")),
        ),
        verdict: Verdict {
            state: State::fail("没有通过"),
            title: "这次没有通过".into(),
            why: "租房提取要求您和配偶在本市都没有住房。登记信息显示，配偶 陈* 在本市有 1 套。"
                .into(),
        },
        remedy: Some(Remedy {
            title: "怎样就会通过".into(),
            lead: Text::new()
                .say("只差这一条。住房变成 0 套以后，")
                .strong("当天")
                .say("就能再申请，可提 ")
                .money(fen(1_800_000))
                .say("。"),
            ways: vec![
                Text::new()
                    .strong("房子已经卖掉或不是配偶的：")
                    .say("请到不动产登记中心更正登记。更正后我们会收到，并发短信告诉您。"),
                Text::new()
                    .strong("房子还在：")
                    .say("现在不能办租房提取。如果这套房有贷款，您和配偶可以看 ")
                    .link("/my/withdraw", "还贷提取")
                    .say("。"),
            ],
            actions: vec![
                Button::go("登记有误，去更正", "/my/wrong"),
                Button::link("请人工复核", ButtonLook::Plain, "/my/cases/c1/review"),
            ],
            note: Some("人工复核由渝北办事处做，最迟 11月26日 18:00 答复。".into()),
        }),
        conditions: conditions(),
        formula_title: "如果符合，能提多少".into(),
        formula: Some(Formula {
            caption: "金额取较小的一个".into(),
            lines: vec![
                FormulaLine::new("账户可用余额", fen(5_231_806)),
                FormulaLine::new("中心城区上限 1,500.00 × 12 个月", fen(1_800_000)),
                FormulaLine::used("取较小的", fen(1_800_000)),
            ],
        }),
        policy_version: "2026-07".into(),
        policy_digest: "7c1e 90ab 44d2 f613".into(),
        case_no: Some("2611-0479".into()),
        proof: Some("/my/cases/c1/proof".into()),
        policy_text: "/policy/withdraw-rent".into(),
    }
}

pub fn receipt(visit: &Visit) -> ReceiptPage {
    let address = "https://anju.example/verify/K7QF2M9T4RWX";
    ReceiptPage {
        frame: my_frame(visit, "凭据", MyTab::Cases, Some(("/my/cases/c1", "办件"))),
        receipt: Receipt {
            service: "租房提取".into(),
            person: "李*　500***********1234".into(),
            amount: Some(fen(360_000)),
            state: State::pass("办好了"),
            rows: vec![
                ("办件".into(), Text::new().num("2611-0482")),
                ("到账".into(), Text::new().time("2026年11月24日 10:02:07")),
                ("收款卡".into(), Text::new().say("建设银行 ").tail("1234")),
                ("规则版本".into(), "2026-07".into()),
            ],
            proof: Some(ProofAddress {
                code: ProofAddress::code_of(address),
                address: address.into(),
                short_code: "K7QF 2M9T 4RWX".into(),
            }),
        },
        pdf: Button::link(
            "下载 PDF 回单",
            ButtonLook::Plain,
            "/my/cases/c1/receipt.pdf",
        )
        .icon("download"),
    }
}
