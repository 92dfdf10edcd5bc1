//! A secured operation over HTTP, with Clerk sessions: who is let in, and what the others are told.

#![cfg(feature = "local")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use specwright_runtime::{
    auth::{Caller, Organization, clerk::ClerkVerifier},
    local::issuer::{LocalIssuer, TokenRequest},
    operation::{Operation, SchemeKind, SecurityScheme},
    reply::{Reply, Respond},
    service::Service,
};
use tower::ServiceExt as _;

static SESSION: SecurityScheme =
    SecurityScheme { name: "clerkSession", kind: SchemeKind::Bearer { format: Some("JWT") } };
static WHO: Operation = Operation { id: "who", path: "/who", security: &[&[(&SESSION, &[])]], ..PUBLIC };
static MANAGE: Operation = Operation {
    id: "manage",
    path: "/manage",
    security: &[&[(&SESSION, &["org:projects:manage", "role:admin"])]],
    ..PUBLIC
};
static MAYBE: Operation = Operation { id: "maybe", path: "/maybe", security: &[&[(&SESSION, &[])], &[]], ..PUBLIC };
const PUBLIC: Operation = Operation {
    id: "",
    method: "GET",
    path: "",
    tag: "auth",
    security: &[],
    produces: &["text/plain"],
    deprecated: false,
};

#[tokio::test]
async fn statuses() {
    let issuer = open("issuer");
    let router = router(issuer.verifier().build().unwrap());
    let mint = |request: TokenRequest| issuer.mint(&request).unwrap();
    let user = || TokenRequest::new("user_1");
    let member = || Organization::new("org_1").with_role("member").with_permission("projects:manage");
    let good = mint(user());
    let cases = [
        ("/who", Some(format!("Bearer {good}")), 200, "user_1", None),
        ("/who", Some(format!("bearer {good}")), 200, "user_1", None),
        ("/who", None, 401, "needs a credential", Some("Bearer")),
        ("/who", Some("Basic dXNlcjpwYXNz".to_owned()), 401, "needs a credential", Some("Bearer")),
        ("/who", Some(good.clone()), 401, "needs a credential", Some("Bearer")),
        ("/who", Some(format!("Bearer {good} more")), 401, "not valid", Some("Bearer error=\"invalid_token\"")),
        // This header alone is a 500 with Clerk's plug-in for Fastify.
        ("/who", Some("Bearer bnVsbA.e30.AAAA".to_owned()), 401, "not valid", Some("Bearer error=\"invalid_token\"")),
        (
            "/who",
            Some(format!("Bearer {}", mint(user().pending()))),
            401,
            "not valid",
            Some("Bearer error=\"invalid_token\""),
        ),
        ("/maybe", None, 200, "nobody", None),
        ("/maybe", Some(format!("Bearer {good}")), 200, "user_1", None),
        ("/maybe", Some("Bearer x".to_owned()), 401, "not valid", Some("Bearer error=\"invalid_token\"")),
        (
            "/manage",
            Some(format!("Bearer {good}")),
            403,
            "org:projects:manage",
            Some("Bearer error=\"insufficient_scope\", scope=\"org:projects:manage role:admin\""),
        ),
        (
            "/manage",
            Some(format!("Bearer {}", mint(user().organization(member())))),
            403,
            "role:admin",
            Some("Bearer error=\"insufficient_scope\", scope=\"role:admin\""),
        ),
        (
            "/manage",
            Some(format!("Bearer {}", mint(user().organization(member().with_role("admin"))))),
            200,
            "user_1",
            None,
        ),
    ];
    for (path, authorization, status, text, challenge) in cases {
        let (parts, body) = get(&router, path, authorization.as_deref()).await;
        assert_eq!(parts.status, status, "{path} {authorization:?}: {body}");
        assert!(body.contains(text), "{path} {authorization:?}: {body}");
        let sent = parts.headers.get("www-authenticate").map(|value| value.to_str().unwrap());
        assert_eq!(sent, challenge, "{path} {authorization:?}");
        if status >= 400 {
            assert_eq!(parts.headers["content-type"], "application/problem+json");
        }
    }
}

/// The reason is in the log. A client that reads it learns how to get further, and what time it is here.
#[tokio::test]
async fn a_refusal_does_not_say_why() {
    let issuer = open("issuer");
    let stranger = open("stranger");
    let router = router(issuer.verifier().build().unwrap());
    let expired = issuer.mint(&TokenRequest::new("user_1").expires_in(Duration::ZERO).claim("exp", 1.into())).unwrap();
    let forged = stranger.mint(&TokenRequest::new("user_1")).unwrap();
    let elsewhere =
        issuer.mint(&TokenRequest::new("user_1").authorized_party(Some("https://x.example".to_owned()))).unwrap();
    let mut bodies = Vec::new();
    for token in [expired, forged, elsewhere] {
        let (parts, body) = get(&router, "/who", Some(&format!("Bearer {token}"))).await;
        assert_eq!(parts.status, StatusCode::UNAUTHORIZED);
        let mut problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        // The request's id.
        problem.as_object_mut().unwrap().remove("instance");
        bodies.push(problem);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
}

#[tokio::test]
async fn an_outage_is_503() {
    let issuer = open("issuer");
    // Bound and dropped: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let router = router(ClerkVerifier::builder().jwks(format!("http://{address}/jwks")).build().unwrap());
    let token = issuer.mint(&TokenRequest::new("user_1")).unwrap();
    let (parts, body) = get(&router, "/who", Some(&format!("Bearer {token}"))).await;
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(parts.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    assert!(!parts.headers.contains_key("www-authenticate"));
    assert!(!body.contains("127.0.0.1"), "{body}");
}

struct Who(Option<Caller>);

impl Respond for Who {
    fn respond(self, reply: Reply) -> Response {
        let name = self.0.map_or_else(|| "nobody".to_owned(), |caller| caller.user_id().to_string());
        reply.status(StatusCode::OK).text("text/plain", name)
    }
}

fn router(verifier: ClerkVerifier) -> Router {
    let service = Service::builder().authenticator("clerkSession", Arc::new(verifier)).build();
    service.check(&[&WHO, &MANAGE, &MAYBE]).unwrap();
    let mut routes = service.routes(Arc::new(()));
    for operation in [&WHO, &MANAGE] {
        routes.add(operation, |_api, incoming| async move { Ok(Who(Some(incoming.decoder().caller()?))) });
    }
    routes.add(&MAYBE, |_api, incoming| async move { Ok(Who(incoming.decoder().optional_caller())) });
    service.finish(routes.into_router())
}

async fn get(router: &Router, path: &str, authorization: Option<&str>) -> (http::response::Parts, String) {
    let mut request = Request::builder().uri(path);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// The key is made once and shared with other tests; `open` is safe against that.
fn open(name: &str) -> LocalIssuer {
    LocalIssuer::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clerk").join(name)).unwrap()
}
