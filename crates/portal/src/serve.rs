//! 入口: the router of all pages. Every route here stands in the table of [`crate::authorization`].

use anju_engine::Engine;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::security::{Door, Shield, pages, throttle};
use crate::{assets, authorization, desk, login, look, my, site, unit};
use crate::pages::settings;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    /// Office, sources, banks.
    pub engine: Engine,
    /// Cookies, tokens, rates.
    pub shield: Shield,
}

/// All pages and their assets. The server is to be run with
/// `into_make_service_with_connect_info::<SocketAddr>()`, so that rates know the address.
pub fn router(portal: Portal) -> Router {
    let shield = portal.shield.clone();
    let slow = |door| from_fn_with_state(shield.limit(door), throttle);
    let routes = Router::new()
        .route("/settings", get(settings::show))
        .route("/look", post(look::keep))
        .route("/login", get(login::employee_page).post(login::employee).layer(slow(Door::Message)))
        .route("/login/code", post(login::employee_code).layer(slow(Door::LogIn)))
        .route("/login/unit", get(login::clerk_page).post(login::clerk).layer(slow(Door::Message)))
        .route("/login/unit/code", post(login::clerk_code).layer(slow(Door::LogIn)))
        .route("/login/staff", get(login::staff_page).post(login::staff).layer(slow(Door::LogIn)))
        .route("/logout", post(login::out))
        .route("/desk", get(async || Redirect::to("/desk/tasks")))
        .merge(site::routes())
        .merge(my::routes())
        .merge(unit::routes())
        .merge(desk::routes(slow(Door::Search)))
        .route_layer(from_fn_with_state(portal.clone(), authorization::gate))
        .with_state(portal);
    pages(routes, &shield).merge(assets::routes())
}
