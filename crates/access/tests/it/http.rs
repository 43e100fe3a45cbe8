//! The extractors and the error shape, through a real router.

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Request, StatusCode, header};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use slipstream_access::copilot::{self, Accounts, Call};
use slipstream_access::{Access, Admin, Config, Issuer, Json, Preset, Problem, Query, Reader, Revocations, Secret, Streamer, SuperAdmin, Writer, request_id};
use tower::ServiceExt;

use crate::keys::{hs256, soon};

#[derive(Clone)]
struct App(Access);

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

fn app(query_token: bool) -> Router {
    let copilot = Issuer { exp_required: false, ..Issuer::hmac("copilot", Preset::Copilot, Secret::new("cp")) };
    let issuers = vec![Issuer::slipstream("own", Secret::new("s")), copilot];
    let access = Access::new(&Config { issuers, query_token }, Revocations::none()).unwrap();
    Router::new()
        .route("/reader", get(async |reader: Reader| reader.tenant().to_string()))
        .route("/writer", get(async |writer: Writer| writer.tenant().to_string()))
        .route("/admin", get(async |admin: Admin| admin.tenant().to_string()))
        .route("/super", get(async |caller: SuperAdmin| caller.principal().issuer.to_string()))
        .route("/stream", get(async |streamer: Streamer| streamer.tenant().to_string()))
        .route("/json", post(async |Json(value): Json<Vec<u8>>| Json(value)))
        .route("/copilot/list", get(list))
        .route("/copilot/write", post(write))
        .route("/copilot/super", get(async |caller: copilot::SuperAdmin| caller.actor().user_id.clone()))
        .route("/copilot/user", get(async |caller: copilot::User| caller.actor().user_id.clone()))
        .fallback(async || Problem::not_found())
        .with_state(App(access))
        .layer(axum::middleware::from_fn(request_id::assign))
}

async fn list(caller: copilot::Reader, query: Query) -> Result<String, Problem> {
    Ok(match caller.accounts(query.text("account_id"))? {
        Accounts::All => "all".into(),
        Accounts::One(tenant) => tenant.to_string(),
    })
}

async fn write(call: Call<copilot::kind::Admin>) -> Result<String, Problem> {
    let body = call.body.object()?;
    let account = call.caller.account_or_mismatch(body.get("account_id").and_then(Value::as_str))?;
    Ok(format!("{account} {}", call.caller.actor().on_behalf_of.clone().unwrap_or_default()))
}

/// Status, text, and headers of an answer.
async fn ask(app: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, String, http::HeaderMap) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(), parts.headers)
}

async fn code(app: &Router, path: &str, token: Option<&str>) -> (u16, String) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let (status, text, _) = ask(app, "GET", path, &headers, "").await;
    let code = serde_json::from_str::<Value>(&text).ok().and_then(|problem| problem["code"].as_str().map(str::to_owned));
    (status.as_u16(), code.unwrap_or(text))
}

fn own(more: Value) -> String {
    let mut claims = json!({"sub": "u1", "exp": soon(60)});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    hs256(b"s", &claims)
}

fn copilot_token(claims: Value) -> String {
    hs256(b"cp", &claims)
}

fn is(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

#[tokio::test]
async fn platform_routes_fail_closed() {
    let app = app(false);
    for path in ["/reader", "/writer", "/admin", "/super", "/stream"] {
        assert_eq!(code(&app, path, None).await, is(401, "auth_required"), "{path}");
        assert_eq!(code(&app, path, Some("nonsense")).await, is(401, "auth_invalid"), "{path}");
        assert_eq!(code(&app, path, Some(&own(json!({"tenant": "acme", "exp": soon(-60)})))).await, is(401, "token_expired"), "{path}");
        let roleless = code(&app, path, Some(&own(json!({"tenant": "acme"})))).await;
        assert_eq!(roleless, is(403, if path == "/super" { "super_admin_required" } else { "role_forbidden" }), "{path}");
    }
    assert_eq!(code(&app, "/reader", Some(&own(json!({"roles": ["admin"]})))).await, is(403, "tenant_context_missing"));
}

#[tokio::test]
async fn classes_hold_the_lower_ones() {
    let app = app(false);
    let table = [("reader", [200, 403, 403, 200]), ("writer", [200, 200, 403, 200]), ("admin", [200, 200, 200, 200]), ("user", [403, 403, 403, 403])];
    for (role, want) in table {
        let token = own(json!({"tenant": "acme", "roles": [role]}));
        for (path, want) in ["/reader", "/writer", "/admin", "/stream"].into_iter().zip(want) {
            assert_eq!(code(&app, path, Some(&token)).await.0, want, "{role} {path}");
        }
        assert_eq!(code(&app, "/super", Some(&token)).await.0, 403);
    }
    let scoped = own(json!({"tenant": "acme", "scopes": ["events:write"]}));
    assert_eq!((code(&app, "/writer", Some(&scoped)).await.0, code(&app, "/reader", Some(&scoped)).await.0), (200, 403));
}

#[tokio::test]
async fn the_tenant_is_the_tokens_and_a_super_admin_names_it() {
    let app = app(false);
    let member = own(json!({"tenant": "acme", "roles": ["reader"]}));
    assert_eq!(code(&app, "/reader?account_id=acme", Some(&member)).await, is(200, "acme"));
    assert_eq!(code(&app, "/reader?account_id=other", Some(&member)).await, is(403, "account_mismatch"));
    let root = own(json!({"super_admin": true, "tenant": "acme"}));
    assert_eq!(code(&app, "/reader", Some(&root)).await, is(400, "account_required"));
    assert_eq!(code(&app, "/reader?account_id=other", Some(&root)).await, is(200, "other"));
    assert_eq!(code(&app, "/reader?account_id=a.b", Some(&root)).await, is(400, "account_invalid"));
    assert_eq!(code(&app, "/reader?account_id=a&account_id=b", Some(&root)).await, is(400, "account_ambiguous"));
    let (status, text, _) = ask(&app, "GET", "/reader", &[("authorization", &format!("bearer {root}")), ("x-account-id", "third")], "").await;
    assert_eq!((status.as_u16(), text.as_str()), (200, "third"));
}

#[tokio::test]
async fn tokens_in_the_query_are_for_streams_and_can_be_switched_off() {
    let token = own(json!({"tenant": "acme", "roles": ["reader"]}));
    let path = |route: &str| format!("{route}?token={token}");
    assert_eq!(code(&app(true), &path("/stream"), None).await, is(200, "acme"));
    assert_eq!(code(&app(true), &path("/reader"), None).await, is(401, "auth_required"));
    assert_eq!(code(&app(false), &path("/stream"), None).await, is(401, "auth_required"));
    assert_eq!(code(&app(true), &path("/stream"), Some("nonsense")).await, is(401, "auth_invalid"), "the header wins");
    let (status, _, _) = ask(&app(true), "GET", "/stream", &[("cookie", &format!("token={token}"))], "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "cookies are refused");
}

#[tokio::test]
async fn product_routes_answer_403_with_their_codes() {
    let app = app(false);
    let (admin, viewer) =
        (copilot_token(json!({"account_id": "acc-1", "user_role": "owner"})), copilot_token(json!({"account_id": "acc-1", "user_role": "viewer"})));
    let (guest, stray, root) = (
        copilot_token(json!({"account_id": "acc-1", "user_role": "guest"})),
        copilot_token(json!({"user_role": "owner"})),
        copilot_token(json!({"is_super_admin": true})),
    );
    assert_eq!(code(&app, "/copilot/list", None).await, is(403, "auth_required"));
    assert_eq!(code(&app, "/copilot/list", Some("x")).await, is(403, "auth_invalid"));
    assert_eq!(code(&app, "/copilot/list", Some(&stray)).await, is(403, "auth_required"));
    assert_eq!(code(&app, "/copilot/list", Some(&guest)).await, is(403, "role_forbidden"));
    assert_eq!(code(&app, "/copilot/super", Some(&admin)).await, is(403, "super_admin_required"));
    assert_eq!(code(&app, "/copilot/user", Some(&guest)).await.0, 200);
    assert_eq!(code(&app, "/copilot/list?account_id=other", Some(&viewer)).await, is(200, "acc-1"), "a foreign account is ignored");
    assert_eq!(code(&app, "/copilot/list", Some(&root)).await, is(200, "all"));
    assert_eq!(code(&app, "/copilot/list?account_id=acc-2", Some(&root)).await, is(200, "acc-2"));
    assert_eq!(code(&app, "/copilot/list?account_id=platform", Some(&root)).await, is(404, "account_not_found"));
    let (status, text, _) = ask(&app, "GET", "/copilot/list", &[("cookie", &format!("a=b; token={admin}"))], "").await;
    assert_eq!((status.as_u16(), text.as_str()), (200, "acc-1"));
}

#[tokio::test]
async fn bad_json_comes_before_the_caller_and_the_caller_before_the_fields() {
    let app = app(false);
    let post = async |token: &str, body: &str| {
        let headers = [("authorization", token), ("content-type", "application/json"), ("x-on-behalf-of", "u9")];
        let (status, text, _) = ask(&app, "POST", "/copilot/write", &headers, body).await;
        let problem: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        (status.as_u16(), problem["code"].as_str().map_or(text, str::to_owned))
    };
    let (root, viewer) = (copilot_token(json!({"is_super_admin": true})), copilot_token(json!({"account_id": "acc-1", "user_role": "viewer"})));
    assert_eq!(post("nobody", "{").await, is(422, "validation"));
    assert_eq!(post("nobody", "[]").await, is(403, "auth_invalid"));
    assert_eq!(post(&viewer, "").await, is(403, "role_forbidden"));
    assert_eq!(post(&root, "").await, is(422, "validation"));
    assert_eq!(post(&root, "[]").await, is(422, "validation"));
    assert_eq!(post(&root, "{}").await, is(400, "account_required"));
    assert_eq!(post(&root, r#"{"account_id":"acc-9"}"#).await, is(200, "acc-9 "), "a person cannot act for another");
    let admin = copilot_token(json!({"account_id": "acc-1", "user_role": "admin"}));
    assert_eq!(post(&admin, r#"{"account_id":"acc-9"}"#).await, is(403, "account_mismatch"));
}

#[tokio::test]
async fn a_problem_has_the_one_shape() {
    let app = app(false);
    let (status, text, headers) = ask(&app, "GET", "/nowhere", &[("x-request-id", "req-7")], "").await;
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem, json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found", "code": "not_found", "request_id": "req-7"}));
    assert_eq!((headers[header::CONTENT_TYPE].to_str().unwrap(), headers["x-request-id"].to_str().unwrap()), ("application/problem+json", "req-7"));
    let (_, _, headers) = ask(&app, "GET", "/reader", &[], "").await;
    assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!(headers["x-request-id"].to_str().unwrap().len(), 36);
    let secret = own(json!({"tenant": "acme", "exp": soon(-60)}));
    let (_, text, headers) = ask(&app, "GET", "/reader", &[("authorization", &format!("Bearer {secret}"))], "").await;
    assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
    assert!(!text.contains(&secret[..20]), "no credential in an answer");
}

#[tokio::test]
async fn json_bodies_are_checked() {
    let app = app(false);
    let json = [("content-type", "application/json")];
    let post = async |headers: &[(&str, &str)], body: &str| {
        let (status, text, _) = ask(&app, "POST", "/json", headers, body).await;
        (status.as_u16(), serde_json::from_str::<Value>(&text).unwrap())
    };
    assert_eq!(post(&json, "[1,2]").await, (200, json!([1, 2])));
    assert_eq!(post(&[], "[1]").await.0, 415);
    assert_eq!(post(&json, "[1").await.0, 400);
    let (status, problem) = post(&json, "[1,\"x\"]").await;
    assert_eq!((status, &problem["fields"][0]["field"]), (422, &json!("[1]")));
    assert_eq!(post(&json, &format!("[{}1]", " ".repeat(300 * 1024))).await.0, 413);
}

#[test]
fn problems_carry_what_they_are_given() {
    let problem = Problem::unavailable("storage_unavailable", "the database does not answer").with("items", json!([1]));
    let response = axum::response::IntoResponse::into_response(problem.clone());
    assert_eq!((response.status().as_u16(), response.headers()[header::RETRY_AFTER].to_str().unwrap()), (503, "2"));
    assert_eq!(problem.body()["items"], json!([1]));
}
