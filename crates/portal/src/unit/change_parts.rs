//! The forms of 职工变动: what each asks, and what it says of the person or employer.

use anju_business::contribution::base_year::Owes;
use anju_business::contribution::people;
use anju_casework::Office;
use anju_casework::employer::Employer;
use anju_casework::membership::state;
use anju_domain::calendar::chinese_day;
use uuid::Uuid;

use crate::components::{Button, ButtonLook, Facts, Field, FieldKind, Text};
use crate::pages::unit::ChangePart;
use crate::unit::change::{SUPPLEMENT, Typed, typed};
use crate::unit::people::{number, shown};
use crate::unit::transfer::SERVICE as TRANSFER;
use crate::unit::waiting;

pub(super) fn ratios(employer: &Employer) -> Facts {
    let percent = |bp: i32| Text::from(anju_domain::rate::Bp::new(bp).to_string());
    Facts(vec![
        ("现在单位比例".into(), percent(employer.ratio_employer_bp)),
        ("现在个人比例".into(), percent(employer.ratio_employee_bp)),
    ])
}

pub(super) fn facts(office: &Office, member: &people::Member) -> Facts {
    let mut facts = vec![
        (
            "个人账号".into(),
            Text::new().num(number(office, member.account_id)),
        ),
        ("状态".into(), shown(member).into()),
        ("缴存基数".into(), Text::new().money(member.base)),
        (
            "月缴存额".into(),
            if member.state == anju_casework::membership::state::ACTIVE {
                Text::new().money(member.monthly)
            } else {
                "不缴（已封存）".into()
            },
        ),
    ];
    if let Some((day, reason)) = &member.sealed {
        let why = reason.as_deref().unwrap_or("封存");
        facts.push((
            "封存".into(),
            format!("{}，{why}", chinese_day(*day)).into(),
        ));
    }
    Facts(facts)
}

pub(super) type Filled<'a> = dyn Fn(Field, &str) -> Field + 'a;

fn key() -> String {
    Uuid::now_v7().to_string()
}

pub(super) fn new_part(filled: &Filled<'_>) -> ChangePart {
    ChangePart {
        id: "add",
        name: "这名职工",
        lead: Text::new()
            .say("姓名和证件号码会和公安人口库核对。已在别的单位封存的，账户会转过来；还在别的单位缴存的，")
            .link("/unit/transfer", "请办理调入")
            .say("。"),
        action: "/unit/people/new".to_owned(),
        key: key(),
        service: "employee-account-open",
        fields: vec![
            filled(Field::new("name", "姓名", FieldKind::Text), "name"),
            filled(
                Field::new("id_no", "证件号码", FieldKind::IdNumber),
                "id_no",
            ),
            filled(
                Field::new("base", "缴存基数（元）", FieldKind::Money)
                    .hint("第一次工作的，是进单位那个月的工资"),
                "base",
            ),
            filled(
                Field::new("phone", "手机号", FieldKind::Phone).optional(),
                "phone",
            ),
        ],
        button: Button::submit("新增"),
    }
}

pub(super) fn ratio_part(employer: &Employer, fields: &Typed, filled: &Filled<'_>) -> ChangePart {
    let now = |name: &str, label: &str, bp: i32| {
        let field = filled(Field::new(name, label, FieldKind::Digits), name);
        if fields.is_empty() {
            field.value((bp / 100).to_string())
        } else {
            field
        }
    };
    ChangePart {
        id: "ratio",
        name: "新的比例",
        lead: "对全部在缴职工一并生效，一个缴存年度一次。请留好职工代表大会或工会讨论通过的决议。"
            .into(),
        action: "/unit/ratio".to_owned(),
        key: key(),
        service: "ratio-adjust",
        fields: vec![
            now("employer", "单位比例（%）", employer.ratio_employer_bp),
            now("employee", "个人比例（%）", employer.ratio_employee_bp),
        ],
        button: Button::submit("调整"),
    }
}

pub(super) fn member_parts(
    office: &Office,
    member: &people::Member,
    fields: &Typed,
    filled: &Filled<'_>,
) -> Vec<ChangePart> {
    let action = format!("/unit/people/{}", number(office, member.account_id));
    let here = typed(fields, "do");
    let base = |service: &str| {
        let field = Field::new("base", "缴存基数（元）", FieldKind::Money);
        if here == service {
            filled(field, "base")
        } else {
            field.value(member.base.to_string().replace(',', ""))
        }
    };
    if member.state != state::ACTIVE {
        return vec![
            ChangePart {
                id: "unseal",
                name: "启封",
                lead: "回来了，恢复缴存。".into(),
                action,
                key: key(),
                service: "employee-account-unseal",
                fields: vec![base("employee-account-unseal")],
                button: Button::submit("启封"),
            },
            out_part(office, member, filled),
            supplement_part(office, member, filled),
        ];
    }
    let reason = Field::select(
        "reason",
        "原因",
        choices(office, "employee-account-seal", |_| true),
    );
    let why = Field::new("why", "更正原因", FieldKind::Text)
        .hint("每年 7 月、8 月调整；别的时候要写原因")
        .optional();
    vec![
        ChangePart {
            id: "seal",
            name: "封存",
            lead: "离职或停缴。账户和余额都还在，照常计息。".into(),
            action: action.clone(),
            key: key(),
            service: "employee-account-seal",
            fields: vec![reason],
            button: Button::send("封存", ButtonLook::Plain),
        },
        ChangePart {
            id: "base-change",
            name: "调整基数",
            lead: Text::new(),
            action,
            key: key(),
            service: "base-adjust",
            fields: vec![base("base-adjust"), filled(why, "why")],
            button: Button::submit("调整基数"),
        },
        out_part(office, member, filled),
        supplement_part(office, member, filled),
    ]
}

/// Of all forms the one of the base, once more, with what it would make the employer owe; the button carries the sum that was seen.
pub(super) fn asks_again(office: &Office, part: &mut ChangePart, owes: &Owes) -> bool {
    if part.id != "base-change" {
        return false;
    }
    part.lead = waiting::owes(office, owes);
    part.button = Button::submit(Text::new().say("调整基数，登记补缴 ").money(owes.amount))
        .value("seen", owes.amount.fen().to_string());
    true
}

fn out_part(office: &Office, member: &people::Member, filled: &Filled<'_>) -> ChangePart {
    ChangePart {
        id: "out",
        name: "转到新单位",
        lead: "知道新单位的单位号时，直接把账户转过去，不用再等对方申请。".into(),
        action: format!("/unit/people/{}", number(office, member.account_id)),
        key: key(),
        service: TRANSFER,
        fields: vec![filled(
            Field::new("to_employer_no", "新单位的单位号", FieldKind::Text).hint("E 开头"),
            "to_employer_no",
        )],
        button: Button::send("转出", ButtonLook::Plain),
    }
}

fn supplement_part(office: &Office, member: &people::Member, filled: &Filled<'_>) -> ChangePart {
    // The amounts of a decision are not computed: its months come through the doors.
    let causes = choices(office, SUPPLEMENT, |value| value != "ENFORCED");
    let cause = Field::select("cause", "原因", causes);
    ChangePart {
        id: "supplement",
        name: "补缴",
        lead: "补以前没有缴或少缴的月份。登记后去付款，到账马上分配。".into(),
        action: format!("/unit/people/{}", number(office, member.account_id)),
        key: key(),
        service: SUPPLEMENT,
        fields: vec![
            filled(cause, "cause"),
            filled(Field::new("from", "从哪个月", FieldKind::Month), "from"),
            filled(Field::new("to", "到哪个月", FieldKind::Month), "to"),
            filled(
                Field::new("owed", "应有的基数（元）", FieldKind::Money)
                    .hint("补差额时填；不填时，基数补差按现在的基数，其他按那个月的基数")
                    .optional(),
                "owed",
            ),
        ],
        button: Button::send("登记补缴", ButtonLook::Plain),
    }
}

/// What a service's `reason` may be, as its definition lists it.
fn choices(office: &Office, service: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let policy = office.policy();
    let inputs = policy.set.service(service).map(|service| &service.inputs);
    inputs
        .into_iter()
        .flatten()
        .filter(|input| input.name == "reason")
        .flat_map(|input| &input.options)
        .filter(|choice| wanted(&choice.value))
        .map(|choice| (choice.value.clone(), choice.label.clone()))
        .collect()
}
