//! `GET /open/openapi.json`: OpenAPI 3.1 of the doors for machines. The forms of services are drawn from their definitions, so that a
//! service that is policy alone stands here, too.

use anju_policy::{InputType, ServiceDefinition};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::Open;

/// The document.
pub async fn document(State(open): State<Open>) -> Json<Value> {
    let policy = open.engine.office.policy();
    let forms: Map<String, Value> = policy
        .set
        .services()
        .map(|service| (format!("Form-{}", service.id), form(service)))
        .collect();
    let form_names: Vec<Value> = forms
        .keys()
        .map(|name| json!({ "$ref": format!("#/components/schemas/{name}") }))
        .collect();
    let service_ids: Vec<&str> = policy
        .set
        .services()
        .map(|service| service.id.as_str())
        .collect();
    let mut schemas = schemas();
    schemas.extend(forms);
    schemas.insert("CaseSubmission".to_owned(), json!({
        "type": "object",
        "required": ["service", "applicant", "form"],
        "properties": {
            "service": { "type": "string", "enum": service_ids },
            "applicant": { "type": "string", "description": "person_id 或 employer_no" },
            "form": if form_names.is_empty() { json!({ "type": "object" }) } else { json!({ "anyOf": form_names }) },
            "channel": { "type": "string", "description": "渠道代码", "default": "APP" },
        },
        "example": {
            "service": "withdraw-rent", "applicant": "P0000000000000", "form": { "card_no": "6222020000000000000" }, "channel": "APP",
        },
    }));
    schemas.insert("ShareCard".to_owned(), json!({
        "type": "object",
        "required": ["card_no"],
        "properties": { "card_no": { "type": "string", "description": "收款人本人名下的一类借记卡" } },
    }));
    Json(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "安居 开放接口",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "金额是以分为单位的整数（字段以 _fen 结尾）；日期 YYYY-MM-DD，月份 YYYY-MM，时刻 RFC 3339。每个写操作带 Idempotency-Key：同一个键、同一个请求永远得到同一个回答。错误是 application/problem+json（RFC 9457）。",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "parameters": {
                "IdempotencyKey": {
                    "name": "Idempotency-Key", "in": "header", "required": true,
                    "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
                    "example": "0197c2f2-7f7a-7c3e-9d55-3b2f6a6f7a11",
                },
            },
            "responses": {
                "Problem": {
                    "description": "没有办成：说明在哪里、怎么了、怎么办",
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
            "schemas": schemas,
        },
    }))
}

/// The form of a service.
fn form(service: &ServiceDefinition) -> Value {
    let properties: Map<String, Value> = service
        .inputs
        .iter()
        .map(|input| {
            let mut schema = match input.input_type {
                InputType::Fen | InputType::Bp | InputType::Int => json!({ "type": "integer", "minimum": 0 }),
                InputType::Bool => json!({ "type": "boolean" }),
                InputType::Month => json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}$" }),
                InputType::Date => json!({ "type": "string", "format": "date" }),
                InputType::Enum => {
                    json!({ "type": "string", "enum": input.options.iter().map(|choice| &choice.value).collect::<Vec<_>>() })
                }
                _ => json!({ "type": "string" }),
            };
            schema["title"] = input.label.clone().into();
            if !input.hint.is_empty() {
                schema["description"] = input.hint.clone().into();
            }
            (input.name.clone(), schema)
        })
        .collect();
    let required: Vec<&str> = service
        .inputs
        .iter()
        .filter(|input| input.required)
        .map(|input| input.name.as_str())
        .collect();
    json!({ "type": "object", "title": service.name_zh, "properties": properties, "required": required })
}

struct Operation {
    path: &'static str,
    method: &'static str,
    summary: &'static str,
    id: &'static str,
    query: &'static [(&'static str, &'static str, bool)],
    body: Body,
    answer: &'static str,
    created: bool,
    accepted: bool,
    open_to_all: bool,
    /// What is answered where `answer` names no schema.
    media: &'static str,
}

enum Body {
    None,
    Json(&'static str),
    Xlsx,
    Empty,
}

const GET: Operation = Operation {
    path: "",
    method: "get",
    summary: "",
    id: "",
    query: &[],
    body: Body::None,
    answer: "",
    created: false,
    accepted: false,
    open_to_all: false,
    media: "text/plain",
};

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/open/v1/employers",
        method: "post",
        summary: "单位缴存登记",
        id: "openEmployer",
        body: Body::Json("EmployerOpening"),
        answer: "EmployerOpened",
        created: true,
        accepted: true,
        ..GET
    },
    Operation {
        path: "/open/v1/employers/{no}/rosters",
        method: "post",
        summary: "上传并核对缴存清册",
        id: "uploadRoster",
        query: &[
            ("month", "月份 YYYY-MM", true),
            ("mode", "complete 或 changes", false),
        ],
        body: Body::Xlsx,
        answer: "Roster",
        created: true,
        ..GET
    },
    Operation {
        path: "/open/v1/employers/{no}/remittances",
        method: "post",
        summary: "登记汇缴",
        id: "registerRemittance",
        body: Body::Json("RemittanceRegistration"),
        answer: "RemittanceRegistered",
        created: true,
        ..GET
    },
    Operation {
        path: "/open/v1/remittances/{id}",
        summary: "汇缴的进度",
        id: "showRemittance",
        answer: "Remittance",
        ..GET
    },
    Operation {
        path: "/open/v1/people",
        method: "post",
        summary: "登记还没有账户的人",
        id: "registerPerson",
        body: Body::Json("PersonRegistration"),
        answer: "RegisteredPerson",
        created: true,
        ..GET
    },
    Operation {
        path: "/open/v1/people/lookup",
        method: "post",
        summary: "按证件号码查找职工",
        id: "lookUpPerson",
        body: Body::Json("PersonLookup"),
        answer: "Person",
        ..GET
    },
    Operation {
        path: "/open/v1/people/{person_id}/accounts",
        summary: "职工的账户",
        id: "listAccounts",
        answer: "Accounts",
        ..GET
    },
    Operation {
        path: "/open/v1/accounts/{no}/entries",
        summary: "账户明细",
        id: "listEntries",
        query: &[
            ("from", "起始日期", false),
            ("to", "截止日期", false),
            ("limit", "每页条数", false),
            ("after", "上一页的 next", false),
        ],
        answer: "Entries",
        ..GET
    },
    Operation {
        path: "/open/v1/services",
        summary: "事项目录",
        id: "listServices",
        answer: "Services",
        ..GET
    },
    Operation {
        path: "/open/v1/services/{id}/precheck",
        summary: "资格预审，不产生办件",
        id: "precheck",
        query: &[("applicant", "申请人 person_id", true)],
        answer: "Decision",
        ..GET
    },
    Operation {
        path: "/open/v1/cases",
        method: "post",
        summary: "提交办件",
        id: "submitCase",
        query: &[("wait", "等待办结的时间，如 3s", false)],
        body: Body::Json("CaseSubmission"),
        answer: "CaseSubmitted",
        created: true,
        ..GET
    },
    Operation {
        path: "/open/v1/cases/{id}",
        summary: "办件的决定、经过和付款",
        id: "showCase",
        answer: "Case",
        ..GET
    },
    Operation {
        path: "/open/v1/cases/{id}/withdraw",
        method: "post",
        summary: "撤回办件",
        id: "withdrawCase",
        body: Body::Empty,
        answer: "CaseSubmitted",
        ..GET
    },
    Operation {
        path: "/open/v1/cases/{id}/payments/{place}",
        method: "post",
        summary: "一案多付的办件：给没有付成的一份换卡重付；正文 {card_no}",
        id: "payShareAgain",
        body: Body::Json("ShareCard"),
        answer: "Case",
        ..GET
    },
    Operation {
        path: "/open/v1/cases/{id}/proof",
        summary: "办件的存证凭据；封存之前回答 202，日志与见证人不一致或见证人久不签名时 503（E-EVID-02、E-EVID-03），记录与存证不一致时 500（E-EVID-04）",
        id: "proveCase",
        query: &[("event", "第几步，从 1 数起；默认最后一步", false)],
        answer: "Proof",
        accepted: true,
        ..GET
    },
    Operation {
        path: "/open/v1/cases/{id}/document",
        summary: "办件出具的证明，PDF；format=json 时是证明的内容、摘要和是否有效",
        id: "showDocument",
        query: &[
            ("format", "pdf（默认）或 json", false),
            ("mask", "true 时内容里的姓名和号码只留头尾", false),
        ],
        media: "application/pdf",
        answer: "",
        ..GET
    },
    Operation {
        path: "/open/v1/query/{id}",
        summary: "查询：事项目录里 verb 是 query 的每一项，回答随事项而定",
        id: "query",
        query: &[
            (
                "subject",
                "个人 person_id、账户、单位或办件的编号，不能是证件号码",
                false,
            ),
            (
                "period",
                "年 2026、月 2026-11，或 2026-01-01..2026-06-30",
                false,
            ),
            ("limit", "每页条数，最多 200", false),
            ("after", "上一页的 next", false),
            (
                "on",
                "query-basic-info、query-employer-info：看以前哪一天营业终了时的样子，如 2026-05-01",
                false,
            ),
            ("mask", "false 时姓名、手机、卡号不遮盖；默认遮盖", false),
            (
                "view",
                "query-employer-info：profile、members、remittances 或 arrears",
                false,
            ),
            ("code", "verify-document：证明上的 16 位校验码", false),
        ],
        answer: "QueryAnswer",
        ..GET
    },
    Operation {
        path: "/open/v1/remittances/{id}/proof",
        summary: "汇缴的存证凭据；封存之前回答 202，日志与见证人不一致或见证人久不签名时 503（E-EVID-02、E-EVID-03），记录与存证不一致时 500（E-EVID-04）",
        id: "proveRemittance",
        query: &[("account", "个人账号：只要其中这一行", false)],
        answer: "Proof",
        accepted: true,
        ..GET
    },
    Operation {
        path: "/open/v1/books/days/{date}/proof",
        summary: "日结的存证凭据；封存之前回答 202，日志与见证人不一致或见证人久不签名时 503（E-EVID-02、E-EVID-03），记录与存证不一致时 500（E-EVID-04）",
        id: "proveDay",
        query: &[("journal", "凭证号：只要其中这一张凭证", false)],
        answer: "Proof",
        accepted: true,
        ..GET
    },
    Operation {
        path: "/open/v1/books/days/{date}/journals/{journal}",
        summary: "一张凭证的分录原文；它的 SHA-256 就是凭据里记的那一个",
        id: "showJournal",
        answer: "",
        ..GET
    },
    Operation {
        path: "/open/v1/books/trial-balance",
        summary: "试算平衡",
        id: "trialBalance",
        query: &[
            ("date", "会计日期，默认当前开账日", false),
            ("branch", "网点编号：只看这个网点的账；不填是全中心", false),
        ],
        answer: "TrialBalance",
        ..GET
    },
    Operation {
        path: "/open/v1/sources",
        summary: "28 个数据来源现在的状态和一天里的质量",
        id: "sources",
        answer: "Sources",
        ..GET
    },
    Operation {
        path: "/tlog/checkpoint",
        summary: "存证日志最新的检查点（C2SP tlog-checkpoint）",
        id: "tlogCheckpoint",
        answer: "",
        open_to_all: true,
        ..GET
    },
    Operation {
        path: "/tlog/keys",
        summary: "存证日志和见证人的公钥（C2SP vkey，每行一个），和日志换密钥的交接书（transition 行）",
        id: "tlogKeys",
        answer: "",
        open_to_all: true,
        ..GET
    },
    Operation {
        path: "/tlog/keys/{generation}/proof",
        summary: "日志换到第几代密钥的存证凭据；封存之前回答 202，日志与见证人不一致或见证人久不签名时 503（E-EVID-02、E-EVID-03），记录与存证不一致时 500（E-EVID-04）",
        id: "proveLogKeys",
        answer: "Proof",
        accepted: true,
        open_to_all: true,
        ..GET
    },
    Operation {
        path: "/tlog/tile/{level}/{index}",
        summary: "存证日志的瓦片（C2SP tlog-tiles；level 为 entries 时是叶子原文）",
        id: "tlogTile",
        answer: "",
        open_to_all: true,
        media: "application/octet-stream",
        ..GET
    },
    Operation {
        path: "/healthz",
        summary: "进程存活",
        id: "healthz",
        answer: "",
        open_to_all: true,
        ..GET
    },
    Operation {
        path: "/readyz",
        summary: "可以写入",
        id: "readyz",
        answer: "",
        open_to_all: true,
        ..GET
    },
    Operation {
        path: "/metrics",
        summary: "运行指标（Prometheus）",
        id: "metrics",
        answer: "",
        open_to_all: true,
        ..GET
    },
];

fn paths() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let mut parameters: Vec<Value> = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        parameters.extend(operation.query.iter().map(|(name, description, required)| {
            json!({ "name": name, "in": "query", "required": required, "description": description, "schema": { "type": "string" } })
        }));
        let writes = matches!(operation.body, Body::Json(_) | Body::Xlsx | Body::Empty)
            && operation.id != "lookUpPerson";
        if writes {
            parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        }
        let mut drawn = json!({ "operationId": operation.id, "summary": operation.summary, "parameters": parameters });
        match operation.body {
            Body::Json(schema) => {
                drawn["requestBody"] = json!({
                    "required": true,
                    "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
                });
            }
            Body::Xlsx => {
                drawn["requestBody"] = json!({
                    "required": true,
                    "content": {
                        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {
                            "schema": { "type": "string", "format": "binary" },
                        },
                    },
                });
            }
            Body::None | Body::Empty => {}
        }
        let content = if operation.answer.is_empty() {
            json!({ operation.media: { "schema": { "type": "string" } } })
        } else {
            json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{}", operation.answer) } } })
        };
        let mut responses = Map::new();
        let good = json!({ "description": "好", "content": content });
        if operation.created {
            responses.insert("201".to_owned(), good.clone());
        }
        responses.insert("200".to_owned(), good);
        if operation.accepted {
            let waiting = json!({ "application/json": { "schema": { "type": "object" } } });
            responses.insert(
                "202".to_owned(),
                json!({ "description": if operation.created { "等部门回复：办件号和承诺的时间" } else { "还在封存，约一秒后再取" }, "content": waiting }),
            );
        }
        if operation.open_to_all {
            drawn["security"] = json!([]);
            if operation.path.starts_with("/tlog/") {
                let none = json!({ "description": "日志里没有，或地址不是这个形式" });
                responses.insert("default".to_owned(), none);
            }
        } else {
            responses.insert(
                "default".to_owned(),
                json!({ "$ref": "#/components/responses/Problem" }),
            );
        }
        drawn["responses"] = Value::Object(responses);
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = drawn;
    }
    Value::Object(paths)
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn schemas() -> Map<String, Value> {
    let (text, fen, month, instant) = (
        json!({ "type": "string" }),
        json!({ "type": "integer" }),
        json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}$" }),
        json!({ "type": "string", "format": "date-time" }),
    );
    let list = json!({ "type": "array", "items": { "type": "object" } });
    let all = json!({
        "Problem": object(&["status", "code", "title", "detail"], json!({
            "status": { "type": "integer" }, "code": text, "title": text, "detail": text,
            "errors": { "type": "array", "items": object(&["code", "message"], json!({
                "row": { "type": ["integer", "null"] }, "column": { "type": ["string", "null"] }, "code": text, "message": text,
            })) },
        })),
        "EmployerOpening": object(
            &["name", "uscc", "kind", "ratio_employer_bp", "ratio_employee_bp", "legal_representative"],
            json!({
                "name": text, "uscc": text, "kind": { "type": "string", "enum": anju_business::contribution::opening_rules::KINDS },
                "ratio_employer_bp": { "type": "integer", "example": 1200 }, "ratio_employee_bp": { "type": "integer", "example": 1200 },
                "legal_representative": text, "district": { "type": "string", "default": "500103" }, "first_month": month,
                "payday": { "type": "integer", "minimum": 1, "maximum": 31 },
                "clerk": object(&["name", "phone"], json!({ "name": text, "phone": text })), "address": text,
            }),
        ),
        "EmployerOpened": object(&["employer_no"], json!({ "employer_no": text, "notices": { "type": "array", "items": object(&["code", "message"], json!({ "code": text, "message": text })) } })),
        "Roster": object(&["roster_id", "digest", "lines", "total_fen", "changes"], json!({
            "roster_id": text, "digest": text, "lines": { "type": "integer" }, "total_fen": fen,
            "changes": { "type": "object" }, "differences": list, "notices": list, "equation": { "type": "object" },
        })),
        "RemittanceRegistration": object(&["roster_id", "month"], json!({
            "roster_id": text, "month": month, "pay_method": { "type": "string", "enum": ["transfer", "debit", "cash-desk"] },
        })),
        "RemittanceRegistered": object(&["remittance_id", "reference", "amount_fen", "payee_bank", "payee_account", "state"], json!({
            "remittance_id": text, "reference": text, "amount_fen": fen, "payee_bank": text, "payee_account": text, "state": text,
        })),
        "Remittance": object(&["state", "amount_fen", "received_fen", "allocated_fen"], json!({
            "state": { "type": "string", "enum": ["awaiting", "part_received", "allocated", "cancelled"] },
            "amount_fen": fen, "received_fen": fen, "allocated_fen": fen, "allocated_at": { "type": ["string", "null"] },
            "reference": text, "payee_bank": text, "payee_account": text, "payee_name": text,
        })),
        "PersonRegistration": object(&["name", "id_no"], json!({ "name": text, "id_no": text, "phone": text })),
        "RegisteredPerson": object(&["person_id", "name_masked"], json!({ "person_id": text, "name_masked": text })),
        "PersonLookup": object(&["id_no"], json!({ "id_no": text })),
        "Person": object(&["person_id", "name_masked", "memberships"], json!({ "person_id": text, "name_masked": text, "memberships": list })),
        "Accounts": { "type": "array", "items": object(&["account_no", "kind", "state", "balance_fen", "frozen_fen"], json!({
            "account_no": text, "kind": text, "state": text, "balance_fen": fen, "frozen_fen": fen,
        })) },
        "Entries": object(&["items", "next"], json!({
            "items": { "type": "array", "items": object(&["at", "business_date", "event", "amount_fen", "balance_fen"], json!({
                "at": instant, "business_date": text, "event": text, "month": month, "amount_fen": fen, "balance_fen": fen, "case_id": text,
            })) },
            "next": { "type": ["string", "null"] },
        })),
        "Services": { "type": "array", "items": object(&["id", "name_zh", "verb", "group", "login", "channels", "inputs", "facts", "promise"], json!({ "id": text })) },
        "Decision": object(&["outcome", "conditions", "policy"], json!({
            "outcome": { "type": "string", "enum": ["approved", "refused", "waiting", "review"] },
            "amount_fen": { "type": ["integer", "null"] }, "subsidy_fen": fen, "conditions": list, "policy": { "type": "object" },
        })),
        "CaseSubmitted": object(&["case_id", "state"], json!({ "case_id": text, "state": text, "decision": { "$ref": "#/components/schemas/Decision" } })),
        "Case": object(&["case_id", "state", "events", "legs"], json!({
            "case_id": text,
            "state": { "type": "string", "enum": ["submitted", "gathering", "decided", "reviewing", "executing", "done", "refused", "withdrawn", "failed"] },
            "decision": { "$ref": "#/components/schemas/Decision" }, "events": list, "payment": { "type": "object" }, "legs": list,
            "document": object(&["kind", "code", "state", "digest", "href"], json!({
                "kind": text, "code": text, "state": { "type": "string", "enum": ["valid", "replaced", "expired", "revoked"] },
                "issued_at": instant, "valid_until": { "type": ["string", "null"] }, "digest": text, "href": text,
            })),
        })),
        "QueryAnswer": {
            "type": "object",
            "description": "有多行的是 {items, next}；verify-document 是 {state: valid、replaced、expired 或 revoked, issued_at, valid_until, digest, content, case_id, proof}",
            "properties": { "items": list, "next": { "type": ["string", "null"] } },
        },
        "Proof": object(&["format", "record", "salt", "index", "path", "checkpoint"], json!({
            "format": { "const": "anju-proof/1" }, "record": { "type": "object" }, "salt": text,
            "batch": object(&["index", "size", "path"], json!({
                "index": { "type": "integer" }, "size": { "type": "integer" }, "path": { "type": "array", "items": text },
            })),
            "index": { "type": "integer" }, "path": { "type": "array", "items": text }, "checkpoint": text,
        })),
        "Sources": object(&["items"], json!({ "items": list })),
        "TrialBalance": object(&["date", "sealed", "subjects"], json!({ "date": text, "sealed": { "type": "boolean" }, "subjects": list })),
    });
    match all {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
