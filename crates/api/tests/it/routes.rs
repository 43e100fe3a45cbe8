//! The table of routes: every row answers, and refuses whom it must refuse.

use serde_json::json;
use slipstream_access::{Class, Route};

use crate::app::{Answer, App, Who, ask, root, who};

const ID: &str = "00000000-0000-0000-0000-000000000001";

async fn call(app: &App, route: &Route, caller: Option<&Who>, query: &str) -> Answer {
    let path = format!("{}{query}", route.path.replace("{id}", ID));
    let headers: Vec<(&str, &str)> = caller.iter().map(|who| ("authorization", who.0.as_str())).collect();
    let body = json!({
        "subject": "x", "description": "y", "status": "OPEN", "ticket_ids": [ID], "name": "x", "query": {}, "entity_type": "x", "entity_id": "y", "action": "z",
    })
    .to_string();
    ask(&app.router, route.method, &path, &headers, &body).await
}

/// A caller of just this class.
fn just(class: Class) -> Who {
    match class {
        Class::SuperAdmin => root(),
        Class::Public => who("acme", &[]),
        other => who("acme", &[other.as_str()]),
    }
}

#[tokio::test]
async fn no_route_answers_a_stranger() {
    let app = App::new().await;
    for route in slipstream_api::ROUTES.iter() {
        let refused = if route.path.starts_with("/copilot") { 403 } else { 401 };
        assert_eq!(call(&app, route, None, "").await.code(), (refused, "auth_required"), "{route:?}");
        let stranger = Who("Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA".into());
        assert_eq!(call(&app, route, Some(&stranger), "").await.code(), (refused, "auth_invalid"), "{route:?}");
    }
}

#[tokio::test]
async fn every_route_refuses_the_class_below_its_own() {
    let app = App::new().await;
    let rising = [Class::Public, Class::User, Class::Reader, Class::Writer, Class::Admin, Class::SuperAdmin];
    for route in slipstream_api::ROUTES.iter() {
        for class in rising {
            let answer = call(&app, route, Some(&just(class)), "?account_id=acme").await;
            assert_eq!(answer.status == 403, class < route.class, "{route:?} for {class:?}: {answer:?}");
        }
    }
}

/// A filter with a typing error must not look as if it narrowed. The product's own routes take anything, as their contract says.
#[tokio::test]
async fn every_route_names_the_parameters_that_it_does_not_take() {
    let app = App::new().await;
    for route in slipstream_api::ROUTES.iter() {
        let answer = call(&app, route, Some(&just(route.class)), "?account_id=acme&severty=error&%20limit=7&severty=secret").await;
        if route.path.starts_with("/copilot") {
            assert_ne!(answer.status, 422, "{route:?}: {answer:?}");
            continue;
        }
        let fields: Vec<_> = answer.body["fields"].as_array().into_iter().flatten().map(|fault| (fault["field"].as_str(), fault["code"].as_str())).collect();
        let unknown = Some("unknown_parameter");
        assert_eq!((answer.code(), fields), ((422, "validation"), vec![(Some(" limit"), unknown), (Some("severty"), unknown)]), "{route:?}");
        assert!(!answer.body.to_string().contains("secret"), "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn other_methods_are_405() {
    let app = App::new().await;
    let answer = ask(&app.router, "PATCH", "/copilot/support-tickets", &[], "").await;
    assert_eq!((answer.code(), answer.body["detail"].as_str()), ((405, "method_not_allowed"), Some("Method Not Allowed")));
}

#[test]
fn the_table_names_no_route_twice() {
    let mut seen = std::collections::HashSet::new();
    assert!(slipstream_api::ROUTES.iter().all(|route| seen.insert((route.method, route.path))));
}
