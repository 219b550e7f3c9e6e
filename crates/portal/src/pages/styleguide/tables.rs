//! Rows, tables, charts and keys of the guide.

use crate::components::{
    Cell, Chart, ChartKind, Column, Keys, Line, Pager, Point, Row, Rows, Series, State, Table, Tabs,
};

use super::{Part, part, yuan};

pub(super) fn parts() -> Vec<Part> {
    let columns = || {
        vec![
            Column::words("科目"),
            Column::figures("借方（元）"),
            Column::figures("贷方（元）"),
        ]
    };
    let point = |label: &str, value| Point {
        label: label.into(),
        value,
    };
    vec![
        part(
            "rows",
            "行 rows empty",
            vec![
                (
                    "行",
                    Rows::new(vec![
                        Row::to("#rows", "提取").icon("card").value("1 项可办"),
                        Row::to("#rows", "成都转入，正在核对")
                            .note("最迟 11月26日")
                            .sign(&State::wait("")),
                    ])
                    .boxed()
                    .to_string(),
                ),
                (
                    "空",
                    "<p class=\"card\">还没有办件。要办事，从<a href=\"#rows\">办事</a>开始。</p>"
                        .to_owned(),
                ),
            ],
        ),
        part(
            "table",
            "表格 table pager tabs",
            vec![
                (
                    "有行",
                    Table::new(
                        "sg-table",
                        "示例，单位：元",
                        columns(),
                        vec![
                            Line::new(vec![
                                Cell::new("10101 活期"),
                                Cell::amount(yuan(7_200)),
                                Cell::none(),
                            ])
                            .current(true),
                            Line::new(vec![
                                Cell::new("21903 不明来款"),
                                Cell::unverified(),
                                Cell::amount(yuan(7_200)),
                            ]),
                        ],
                    )
                    .totals(vec![Line::new(vec![
                        Cell::new("合计"),
                        Cell::amount(yuan(7_200)),
                        Cell::amount(yuan(7_200)),
                    ])])
                    .pager(Pager {
                        note: "没有更多了".into(),
                        before: None,
                        after: None,
                    })
                    .to_string(),
                ),
                (
                    "没有行",
                    Table::new("sg-empty", "空的", columns(), Vec::new())
                        .empty("这一天没有发生额。")
                        .to_string(),
                ),
                (
                    "分页签",
                    Tabs {
                        label: "示例".into(),
                        tabs: vec![
                            ("#table".into(), "我的".into(), true),
                            ("#table".into(), "岗位池".into(), false),
                        ],
                    }
                    .to_string(),
                ),
            ],
        ),
        part(
            "chart",
            "图 chart",
            vec![
                (
                    "折线，缺一个月",
                    Chart {
                        id: "sg-chart",
                        finding: "三个月里余额从 2.4 万元到 3.6 万元".into(),
                        source: "万元，每月末。示例数据".into(),
                        kind: ChartKind::Lines,
                        series: vec![Series {
                            name: "余额".into(),
                            points: vec![
                                point("8月", Some(2_400_000)),
                                point("9月", Some(2_900_000)),
                                point("10月", None),
                                point("11月", Some(3_600_000)),
                            ],
                        }],
                        printed_unit: 1_000_000,
                        table: Table::new(
                            "sg-chart-table",
                            "示例，单位：元",
                            vec![Column::words("月份"), Column::figures("余额（元）")],
                            vec![Line::new(vec![
                                Cell::new("8月"),
                                Cell::amount(yuan(24_000)),
                            ])],
                        ),
                    }
                    .to_string(),
                ),
                (
                    "两边的条：得到更多、得到更少",
                    Chart {
                        id: "sg-both-ways",
                        finding: "渝北变化最大，多支付 2.4 万元".into(),
                        source: "万元。示例数据".into(),
                        kind: ChartKind::Diverging,
                        series: vec![
                            Series {
                                name: "得到更多".into(),
                                points: vec![
                                    point("渝北", Some(2_400_000)),
                                    point("綦江", Some(300_000)),
                                ],
                            },
                            Series {
                                name: "得到更少".into(),
                                points: vec![point("渝北", None), point("綦江", Some(-900_000))],
                            },
                        ],
                        printed_unit: 1_000_000,
                        table: Table::new(
                            "sg-both-ways-table",
                            "示例，单位：元",
                            vec![Column::words("区县"), Column::figures("增减（元）")],
                            vec![Line::new(vec![
                                Cell::new("渝北"),
                                Cell::amount(yuan(24_000)),
                            ])],
                        ),
                    }
                    .to_string(),
                ),
            ],
        ),
        part(
            "keys",
            "快捷键 keys",
            vec![(
                "一行",
                Keys::new(&[("j k", "移动"), ("Enter", "打开")]).to_string(),
            )],
        ),
    ]
}
