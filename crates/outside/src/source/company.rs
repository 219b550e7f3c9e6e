//! 企业开办: the regulator founds a company, changes it or strikes it off, and says so to whom the founder ticked. Tax and social insurance are on
//! the same platform: what one form says stands in their registers at the same moment.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Registers;
use super::control::{self, Setting, Settings};
use super::told;
use crate::World;
use crate::control::{Body, Problem};
use crate::licence::{Holder, HolderRole, LicenceChange};

const SOURCE: &str = "D06";
const REGISTRATION: &str = "market.registration";
/// 企业开办一网通办: the message that opens an account.
const FOUNDED: &str = "market.founded";
const STATUS_CHANGE: &str = "market.status_change";

/// Registers of the others on the platform that hold a company by its credit code.
const TAX: (&str, &str) = ("D07", "tax.registration");
const INSURANCE: (&str, &str) = ("D05", "hrss.social_insurance");

/// 企业类型 in the regulator's codes.
const KINDS: [(&str, &str); 5] = [
    ("国企", "110"),
    ("私企", "150"),
    ("外企", "200"),
    ("社会组织", "700"),
    ("其他", "900"),
];

/// The control door's routes.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/control/companies", post(found))
        .route("/control/companies/{uscc}", get(everywhere))
        .route("/control/companies/{uscc}/change", post(change))
        .route("/control/companies/{uscc}/cancel", post(cancel))
}

/// A founder's form.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Founding {
    pub(crate) uscc: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) address: Option<String>,
    #[serde(default)]
    pub(crate) region: Option<String>,
    pub(crate) legal_person: Representative,
    /// 开立住房公积金账户.
    #[serde(default)]
    pub(crate) open_hpf: bool,
}

/// 法定代表人.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Representative {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) id_no: String,
    #[serde(default)]
    pub(crate) phone: String,
}

impl World {
    /// Enters the company, issues its licence, and tells the centre if that box was ticked.
    pub(crate) async fn found_company(&self, founding: Founding) -> Result<Option<u64>, Problem> {
        let uscc = anju_domain::uscc::Uscc::parse(&founding.uscc)
            .map_err(|error| Problem::unprocessable(format!("信用代码不对：{error}")))?;
        let kind = founding.kind.as_deref().unwrap_or("私企");
        let kind_code = KINDS
            .iter()
            .find(|(word, _)| *word == kind)
            .map(|(_, code)| *code)
            .ok_or_else(|| Problem::unprocessable(format!("没有「{kind}」这种企业")))?;
        let region = founding.region.as_deref().unwrap_or("500103");
        let address = founding.address.as_deref().unwrap_or("重庆市渝中区");
        let today = self.clock.today();
        let representative = &founding.legal_person;
        self.register(
            uscc.as_str(),
            json!({
                "name": founding.name, "kind": kind, "state": "open", "founded": today.to_string(), "region": region,
                "address": address, "legal_person": { "name": representative.name },
            }),
        )
        .await?;
        let company = json!({ "name": founding.name, "address": address, "legal_representative": representative.name });
        let mut taxpayer = company.clone();
        taxpayer["state"] = "open".into();
        taxpayer["authority"] = "主管税务局".into();
        self.enter_at(TAX, uscc.as_str(), taxpayer).await?;
        let mut insured = company;
        insured["months_paid"] = 0.into();
        insured["people"] = 0.into();
        insured["region"] = region.into();
        self.enter_at(INSURANCE, uscc.as_str(), insured).await?;
        let holder = Holder {
            name: representative.name.clone(),
            id_no: representative.id_no.clone(),
            phone: representative.phone.clone(),
            role: HolderRole::LegalRep,
            powers: Vec::new(),
            minutes: None,
        };
        let licence = LicenceChange {
            holders: Some(vec![holder]),
            revoked: Some(false),
        };
        self.issue(uscc.as_str(), licence).await?;
        if !founding.open_hpf {
            return Ok(None);
        }
        let params = json!({
            "tyshxydm": uscc.as_str(), "qymc": founding.name, "qylx": kind_code, "zs": address, "djjgxzqh": region,
            "fddbr": representative.name, "clrq": today.format("%Y%m%d").to_string(), "gjjkh": "1",
        });
        self.push(SOURCE, FOUNDED, params).await.map(Some)
    }

    /// A credit code that no company has yet, for the founder's form.
    pub(crate) async fn unused_uscc(&self) -> Result<String, Problem> {
        let first = self.clock.now().timestamp() % 1_000_000_000;
        Ok(self
            .departments
            .store
            .read(|registers| {
                (first..first + 1000)
                    .filter_map(|number| {
                        anju_domain::uscc::Uscc::complete(&format!("91500103{number:09}")).ok()
                    })
                    .find(|uscc| registers.company_name(uscc.as_str()).is_none())
                    .map(|uscc| uscc.as_str().to_owned())
                    .unwrap_or_default()
            })
            .await?)
    }

    async fn registered(&self, uscc: &str) -> Result<Map<String, Value>, Problem> {
        let rows = &self.departments.store;
        let known = rows.read(|registers| control::shown_of(registers, SOURCE, REGISTRATION, uscc));
        match known.await? {
            Value::Object(known) => Ok(known),
            _ => Err(Problem::not_found("登记里没有这个单位")),
        }
    }

    async fn register(&self, uscc: &str, value: Value) -> Result<(), Problem> {
        self.enter_at((SOURCE, REGISTRATION), uscc, value).await
    }

    /// What changed of a company reaches the others on the platform that hold it.
    async fn pass_on(&self, uscc: &str, changed: &Map<String, Value>) -> Result<(), Problem> {
        for (source, fact_type) in [TAX, INSURANCE] {
            let rows = &self.departments.store;
            let known = rows
                .read(|registers| control::shown_of(registers, source, fact_type, uscc))
                .await?;
            let Value::Object(mut known) = known else {
                continue;
            };
            known.extend(changed.clone());
            self.enter_at((source, fact_type), uscc, Value::Object(known))
                .await?;
        }
        Ok(())
    }

    async fn enter_at(
        &self,
        (source, fact_type): (&str, &str),
        uscc: &str,
        value: Value,
    ) -> Result<(), Problem> {
        control::enter(
            self,
            source,
            fact_type,
            Settings::One(Setting {
                subject: uscc.to_owned(),
                value,
            }),
        )
        .await
        .map(drop)
    }
}

async fn found(
    State(world): State<Arc<World>>,
    Body(founding): Body<Founding>,
) -> Result<Json<Value>, Problem> {
    match world.found_company(founding).await? {
        Some(push) => Ok(Json(world.push_answer(push).await?)),
        None => Ok(Json(json!({ "push": null }))),
    }
}

/// A company as market, tax and social insurance hold it, and what each has been told of its housing fund account.
pub(crate) fn held_everywhere(registers: &Registers, uscc: &str) -> Value {
    let of = |(source, fact_type)| control::shown_of(registers, source, fact_type, uscc);
    json!({
        "uscc": uscc, "told": told::told_of(registers, uscc),
        "registers": { SOURCE: of((SOURCE, REGISTRATION)), TAX.0: of(TAX), INSURANCE.0: of(INSURANCE) },
    })
}

async fn everywhere(
    State(world): State<Arc<World>>,
    Path(uscc): Path<String>,
) -> Result<Json<Value>, Problem> {
    let rows = &world.departments.store;
    Ok(Json(
        rows.read(|registers| held_everywhere(registers, &uscc))
            .await?,
    ))
}

/// What of a company changes.
#[derive(Debug, Default, Deserialize)]
struct Change {
    name: Option<String>,
    address: Option<String>,
    legal_person: Option<Representative>,
}

async fn change(
    State(world): State<Arc<World>>,
    Path(uscc): Path<String>,
    Body(change): Body<Change>,
) -> Result<Json<Value>, Problem> {
    let mut known = world.registered(&uscc).await?;
    let day = world.clock.today().format("%Y%m%d").to_string();
    let mut params = json!({ "tyshxydm": uscc, "bglx": "1", "bgrq": day });
    let mut changed = Map::new();
    if let Some(name) = &change.name {
        changed.insert("name".to_owned(), name.as_str().into());
        params["qymc"] = name.as_str().into();
    }
    if let Some(address) = &change.address {
        changed.insert("address".to_owned(), address.as_str().into());
        params["zs"] = address.as_str().into();
    }
    if let Some(representative) = &change.legal_person {
        known.insert(
            "legal_person".to_owned(),
            json!({ "name": representative.name }),
        );
        let name = representative.name.as_str();
        changed.insert("legal_representative".to_owned(), name.into());
        params["fddbr"] = name.into();
        let holder = Holder {
            name: representative.name.clone(),
            id_no: representative.id_no.clone(),
            phone: representative.phone.clone(),
            role: HolderRole::LegalRep,
            powers: Vec::new(),
            minutes: None,
        };
        let licence = LicenceChange {
            holders: Some(vec![holder]),
            revoked: None,
        };
        world.issue(&uscc, licence).await?;
    }
    for name in ["name", "address"] {
        known.extend(
            changed
                .get(name)
                .map(|text| (name.to_owned(), text.clone())),
        );
    }
    world.register(&uscc, Value::Object(known)).await?;
    world.pass_on(&uscc, &changed).await?;
    let push = world.push(SOURCE, STATUS_CHANGE, params).await?;
    Ok(Json(world.push_answer(push).await?))
}

async fn cancel(
    State(world): State<Arc<World>>,
    Path(uscc): Path<String>,
) -> Result<Json<Value>, Problem> {
    let mut known = world.registered(&uscc).await?;
    let struck = Map::from_iter([("state".to_owned(), Value::from("cancelled"))]);
    known.extend(struck.clone());
    world.register(&uscc, Value::Object(known)).await?;
    world.pass_on(&uscc, &struck).await?;
    let day = world.clock.today().format("%Y%m%d").to_string();
    let params = json!({ "tyshxydm": uscc, "bglx": "2", "bgrq": day });
    let push = world.push(SOURCE, STATUS_CHANGE, params).await?;
    Ok(Json(world.push_answer(push).await?))
}
