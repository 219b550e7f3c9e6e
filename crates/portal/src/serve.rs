//! 入口: the router of all pages. Every route here stands in the table of [`crate::authorization`].

use std::sync::Arc;

use anju_engine::Engine;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::frame::Centre;
use crate::licence::{self, LicenceDoor};
use crate::pages::settings;
use crate::papers::{Printer, check};
use crate::security::{Door, Shield, pages, throttle};
use crate::unit::Uploads;
use crate::unsent::Forms;
use crate::{assets, authorization, desk, login, look, my, site, unit, verify};

/// What handlers work with. Every layer and handler of a request has a clone of its own, so it is one pointer.
#[derive(Clone)]
pub struct Portal(Arc<Parts>);

/// The parts of a portal.
pub struct Parts {
    /// Office, sources, banks.
    pub engine: Engine,
    /// Cookies, tokens, rates.
    pub shield: Shield,
    /// Rosters that clerks are mending.
    pub(crate) uploads: Arc<Uploads>,
    /// Forms whose session had ended.
    pub(crate) unsent: Forms,
    /// Sets papers.
    pub(crate) printer: Printer,
    /// The log-in by electronic business licence.
    pub(crate) licence: Arc<LicenceDoor>,
}

impl std::ops::Deref for Portal {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Portal {
    /// The portal of an engine. `secure` where the public address is https.
    #[must_use]
    pub fn new(engine: Engine, secure: bool, printer: Printer, licence: LicenceDoor) -> Portal {
        let office = &engine.office;
        let centre = Centre {
            name: office.centre.name.clone(),
            hotline: "12329".to_owned(),
            filing: if office.centre.demo {
                "演示系统，人和数据都不是真的".to_owned()
            } else {
                "服务热线 12329".to_owned()
            },
        };
        let shield = Shield::new(&office.vault, Arc::new(centre), secure);
        Portal(Arc::new(Parts {
            engine,
            shield,
            uploads: Arc::new(Uploads::default()),
            unsent: Forms::default(),
            printer,
            licence: Arc::new(licence),
        }))
    }
}

/// All pages and their assets. The server is to be run with
/// `into_make_service_with_connect_info::<SocketAddr>()`, so that rates know the address.
pub fn router(portal: Portal) -> Router {
    let shield = portal.shield.clone();
    let slow = |door| from_fn_with_state(shield.limit(door), throttle);
    let routes = Router::new()
        .route("/settings", get(settings::show))
        .route("/verify", get(verify::page))
        .route("/verify-document", get(check::page).post(check::file))
        .route("/verify-document/proof.json", get(check::proof))
        .route("/verify-document/seal.pem", get(check::seal))
        .route("/look", post(look::keep))
        .route(
            "/login",
            get(login::employee_page)
                .post(login::employee)
                .layer(slow(Door::Message)),
        )
        .route(
            "/login/code",
            post(login::employee_code).layer(slow(Door::LogIn)),
        )
        .route(
            "/login/unit",
            get(login::clerk_page)
                .post(login::clerk)
                .layer(slow(Door::Message)),
        )
        .route(
            "/login/unit/code",
            post(login::clerk_code).layer(slow(Door::LogIn)),
        )
        .route("/login/licence", get(licence::begin))
        .route(
            "/login/licence/return",
            get(licence::finish).layer(slow(Door::LogIn)),
        )
        .route(
            "/login/staff",
            get(login::staff_page)
                .post(login::staff)
                .layer(slow(Door::LogIn)),
        )
        .route("/logout", post(login::out))
        .route("/desk/search", post(desk::find).layer(slow(Door::Search)))
        .merge(site::routes())
        .merge(my::routes())
        .merge(unit::routes())
        .merge(desk::routes())
        .route_layer(from_fn_with_state(portal.clone(), authorization::gate))
        .with_state(portal);
    pages(routes, &shield).merge(assets::routes())
}
