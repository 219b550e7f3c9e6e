//! 登录: an employee by ID number and a code on the registered phone, an employer's clerk likewise, staff by number,
//! password and authenticator. One form a page; a wrong code says how many tries are left, never which part was wrong.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, ButtonLook, ErrorSummary, Field, FieldKind, Mistake, Row, Rows, Text, filters,
};
use crate::frame::PlainFrame;
use crate::pages::error::back_in_query;
use crate::security::Visit;

/// A log-in page: one short form.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "login/form.html")]
pub struct LogInPage {
    frame: PlainFrame,
    title: String,
    lead: Text,
    errors: Option<ErrorSummary>,
    action: &'static str,
    hidden: Vec<(&'static str, String)>,
    fields: Vec<Field>,
    button: Button,
    again: Option<Button>,
    others: Rows,
}

/// What was typed and what was wrong with it, when a form comes back.
#[derive(Debug, Clone, Default)]
pub struct Returned {
    /// What stood in the fields, by name; never a password or a code.
    pub typed: Vec<(String, String)>,
    /// What was wrong, by field.
    pub mistakes: Vec<Mistake>,
}

impl Returned {
    fn fill(&self, field: Field, name: &str) -> Field {
        let typed = self
            .typed
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
            .unwrap_or("");
        let error = self
            .mistakes
            .iter()
            .find_map(|mistake| (mistake.field == name).then_some(mistake.words.clone()));
        field.value(typed).error(error)
    }
}

/// Words that differ between the three doors.
struct Door {
    place: &'static str,
    place_name: &'static str,
    title: &'static str,
    lead: &'static str,
    action: &'static str,
}

impl LogInPage {
    /// 个人登录, first step: `POST /login` with `id_no`, `back`.
    #[must_use]
    pub fn employee(visit: &Visit, back: &str, returned: &Returned) -> LogInPage {
        let door = Door {
            place: "my",
            place_name: "个人登录",
            title: "登录",
            lead: "输入证件号，我们发验证码到您登记的手机。",
            action: "/login",
        };
        let id_no = returned.fill(
            Field::new("id_no", "证件号码", FieldKind::IdNumber).hint("18 位，最后一位可以是 X"),
            "id_no",
        );
        let page = LogInPage::of(visit, &door, back, returned, vec![id_no]);
        LogInPage {
            button: Button::submit("发验证码到我的手机").wide(),
            others: Rows::new(vec![
                Row::to("/login/unit", "单位经办人登录").icon("building"),
                Row::to("/outlets", "没有登记手机，去网点办")
                    .note("带上身份证，工作人员现场核身")
                    .icon("pin"),
            ])
            .boxed(),
            ..page
        }
    }

    /// 个人登录, second step: `POST /login/code` with `code`, `challenge`, `back`. The page is the same for a number that nobody has.
    #[must_use]
    pub fn employee_code(
        visit: &Visit,
        back: &str,
        challenge: &str,
        returned: &Returned,
    ) -> LogInPage {
        let door = Door {
            place: "my",
            place_name: "个人登录",
            title: "填验证码",
            lead: "",
            action: "/login/code",
        };
        LogInPage::code(visit, &door, back, challenge, returned, "/login")
    }

    /// 单位登录, first step: `POST /login/unit` with `employer`, `phone`, `back`.
    #[must_use]
    pub fn clerk(visit: &Visit, back: &str, returned: &Returned) -> LogInPage {
        let door = Door {
            place: "unit",
            place_name: "单位登录",
            title: "单位登录",
            lead: "输入单位和您在单位登记的手机号，我们发验证码给您。",
            action: "/login/unit",
        };
        let fields = vec![
            returned.fill(
                Field::new("employer", "单位号或统一社会信用代码", FieldKind::IdNumber)
                    .hint("18 位信用代码，或我们给单位的单位号"),
                "employer",
            ),
            returned.fill(
                Field::new("phone", "您登记的手机号", FieldKind::Phone),
                "phone",
            ),
        ];
        let page = LogInPage::of(visit, &door, back, returned, fields);
        LogInPage {
            button: Button::submit("发验证码到我的手机").wide(),
            others: Rows::new(vec![
                Row::to(
                    format!("/login/licence?back={}", back_in_query(back)),
                    "用电子营业执照登录",
                )
                .note("法定代表人和授权的经办人，扫码即可；没有账户的单位也从这里开户")
                .icon("building"),
                Row::to("/login", "个人登录").icon("user"),
            ])
            .boxed(),
            ..page
        }
    }

    /// 单位登录, second step: `POST /login/unit/code` with `code`, `challenge`, `back`.
    #[must_use]
    pub fn clerk_code(
        visit: &Visit,
        back: &str,
        challenge: &str,
        returned: &Returned,
    ) -> LogInPage {
        let door = Door {
            place: "unit",
            place_name: "单位登录",
            title: "填验证码",
            lead: "",
            action: "/login/unit/code",
        };
        LogInPage::code(visit, &door, back, challenge, returned, "/login/unit")
    }

    /// 柜面登录: `POST /login/staff` with `staff_no`, `password`, `code`, `back`.
    #[must_use]
    pub fn staff(visit: &Visit, back: &str, returned: &Returned) -> LogInPage {
        let door = Door {
            place: "desk",
            place_name: "柜面登录",
            title: "工作人员登录",
            lead: "",
            action: "/login/staff",
        };
        let fields = vec![
            returned.fill(
                Field::new("staff_no", "工号", FieldKind::UserName),
                "staff_no",
            ),
            returned.fill(
                Field::new("password", "口令", FieldKind::Password),
                "password",
            ),
            returned.fill(
                Field::new("code", "动态码", FieldKind::Code)
                    .hint("认证器上的 6 位数字，30 秒一换"),
                "code",
            ),
        ];
        let page = LogInPage::of(visit, &door, back, returned, fields);
        LogInPage {
            button: Button::submit("登录柜面").wide(),
            ..page
        }
    }

    fn of(
        visit: &Visit,
        door: &Door,
        back: &str,
        returned: &Returned,
        fields: Vec<Field>,
    ) -> LogInPage {
        let head = visit.head(door.title).failed(!returned.mistakes.is_empty());
        LogInPage {
            hidden: vec![head.hidden(), ("back", back.to_owned())],
            frame: PlainFrame {
                head,
                place: door.place,
                place_name: door.place_name,
                back: None,
            },
            title: door.title.to_owned(),
            lead: door.lead.into(),
            errors: ErrorSummary::of(returned.mistakes.clone()),
            action: door.action,
            fields,
            button: Button::submit("登录"),
            again: None,
            others: Rows::new(Vec::new()),
        }
    }

    fn code(
        visit: &Visit,
        door: &Door,
        back: &str,
        challenge: &str,
        returned: &Returned,
        first: &'static str,
    ) -> LogInPage {
        let field = returned.fill(
            Field::new("code", "短信验证码", FieldKind::Code).hint("6 位数字，5 分钟内有效"),
            "code",
        );
        let mut page = LogInPage::of(visit, door, back, returned, vec![field]);
        page.lead = "如果刚才填的登记过手机，验证码已经发到那个手机上。".into();
        page.hidden.push(("challenge", challenge.to_owned()));
        page.frame.back = Some((first.to_owned(), "重新输入".to_owned()));
        LogInPage {
            button: Button::submit("登录").wide(),
            again: Some(Button::link(
                "没有收到，回上一步重发",
                ButtonLook::Quiet,
                first,
            )),
            ..page
        }
    }
}
