//! A secured operation over HTTP, with Clerk sessions: who is let in, and what the others are told.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use specwright_runtime::{
    auth::{
        AuthError, Authenticator, Caller, CallerParts, Credential, Organization, OrganizationCaller, UserId,
        clerk::ClerkVerifier,
    },
    local::{
        guard::prove,
        issuer::{LocalIssuer, TokenRequest},
    },
    operation::{Operation, SchemeKind, SecurityScheme},
    reply::{Reply, Respond},
    schema::Schema,
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
static FRESH: Operation = Operation {
    id: "fresh",
    path: "/fresh",
    security: &[&[(&SESSION, &["feature:export", "plan:org:pro", "reverification:strict"])]],
    ..PUBLIC
};
static OWN: Operation =
    Operation { id: "own", path: "/own", security: &[&[(&SESSION, &["reverification:multi_factor:30"])]], ..PUBLIC };
static MEMBER: Operation =
    Operation { id: "member", path: "/member", security: &[&[(&SESSION, &["organization"])]], ..PUBLIC };
static TYPO: Operation =
    Operation { id: "typo", path: "/typo", security: &[&[(&SESSION, &["reverification:strct"])]], ..PUBLIC };
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

/// What Clerk's front-end answers by asking the user to verify again, and what anybody else reads as a problem.
#[tokio::test]
async fn whoever_must_verify_again_is_told_how() {
    let issuer = open("issuer");
    let router = router(issuer.verifier().build().unwrap());
    let answer = async |path: &str, request: TokenRequest| {
        let token = issuer.mint(&request).unwrap();
        let (parts, body) = get(&router, path, Some(&format!("Bearer {token}"))).await;
        (parts, serde_json::from_str::<serde_json::Value>(&body).unwrap_or_default())
    };
    let rich = || TokenRequest::new("user_1").feature("u:export").plan("o:pro");
    assert_eq!(answer("/fresh", rich().factors(Some(5), Some(9))).await.0.status, 200);
    let (parts, problem) = answer("/fresh", rich().factors(Some(5), Some(10))).await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["content-type"]),
        (403, &"application/problem+json".parse().unwrap())
    );
    assert_eq!(
        problem["clerk_error"],
        serde_json::json!({"type": "forbidden", "reason": "reverification-error", "metadata": {"reverification": "strict"}})
    );
    assert_eq!((&problem["status"], &problem["title"]), (&403.into(), &"Forbidden".into()));
    assert_eq!(parts.headers["www-authenticate"], "Bearer error=\"insufficient_user_authentication\", max_age=\"600\"");
    let (_, problem) = answer("/own", rich().factors(Some(5), Some(30))).await;
    let asked = &problem["clerk_error"]["metadata"]["reverification"];
    assert_eq!((&asked["level"], asked["afterMinutes"].as_f64()), (&"multi_factor".into(), Some(30.0)));
    // To verify again would not help whoever lacks the plan.
    let (parts, problem) =
        answer("/fresh", TokenRequest::new("user_1").feature("u:export").factors(Some(60), None)).await;
    assert_eq!(parts.status, 403);
    assert!(problem.get("clerk_error").is_none() && problem["detail"].as_str().unwrap().contains("plan:org:pro"));
    // The plan must be the organization's.
    let of_user = TokenRequest::new("user_1").feature("u:export").plan("u:pro").factors(Some(0), Some(0));
    assert_eq!(answer("/fresh", of_user).await.0.status, 403);
    assert_eq!(
        answer("/typo", rich().factors(Some(0), Some(0))).await.0.status,
        403,
        "what means nothing holds for nobody"
    );
}

/// A type that only a session in an organization can make.
#[tokio::test]
async fn an_organization_is_proved() {
    let issuer = open("issuer");
    let router = router(issuer.verifier().build().unwrap());
    let inside = issuer.mint(&TokenRequest::new("user_1").organization(Organization::new("org_1"))).unwrap();
    let outside = issuer.mint(&TokenRequest::new("user_1")).unwrap();
    assert_eq!(get(&router, "/member", Some(&format!("Bearer {inside}"))).await.1, "org_1");
    let (parts, body) = get(&router, "/member", Some(&format!("Bearer {outside}"))).await;
    assert_eq!(parts.status, 403);
    assert!(body.contains("organization"), "{body}");
}

/// The helper that services use finds doors that are open, and finds none in a router that is right.
#[tokio::test]
async fn every_door_is_tried() {
    let issuer = open("issuer");
    let router = router(issuer.verifier().build().unwrap());
    let operations = [&WHO, &MANAGE, &FRESH, &OWN, &MEMBER, &MAYBE];
    let proved = prove(&router, &operations, "clerkSession", &issuer).await.unwrap();
    // 5 secured without a credential, 6 times 5 bad ones, 4 with scopes without any, and each of their 2 + 3 + 1 + 1 scopes alone.
    assert_eq!((proved.secured, proved.open, proved.scopes, proved.admitted), (5, 1, 7, 6));
    assert_eq!(proved.refused, 5 + 30 + 4 + 7);
    // Nobody passes this one.
    let wrong = prove(&router, &[&TYPO], "clerkSession", &issuer).await.unwrap_err();
    assert_eq!(wrong.len(), 1, "{wrong:?}");

    struct Open;
    impl Authenticator for Open {
        fn authenticate<'a>(
            &'a self,
            _credential: Credential<'a>,
            scheme: &'static SecurityScheme,
            _scopes: &'a [&'static str],
            _parts: &'a http::request::Parts,
        ) -> BoxFuture<'a, Result<Caller, AuthError>> {
            let organization = Organization::new("org_1");
            let mut parts = CallerParts::new(UserId::from_verified("user_1").unwrap(), scheme.name);
            parts.organization = Some(organization);
            Box::pin(async move { Ok(Caller::new(parts)) })
        }
    }
    let open = router_of(Arc::new(Open));
    let wrong = prove(&open, &operations, "clerkSession", &issuer).await.unwrap_err();
    // Everything that was refused above, but for what was sent without a credential.
    assert_eq!(wrong.len(), 30 + 4 + 7, "{wrong:#?}");
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
        reply.status(StatusCode::OK).text("text/plain", &Schema::ANY, name)
    }
}

struct Says(String);

impl Respond for Says {
    fn respond(self, reply: Reply) -> Response {
        reply.status(StatusCode::OK).text("text/plain", &Schema::ANY, self.0)
    }
}

fn router(verifier: ClerkVerifier) -> Router {
    router_of(Arc::new(verifier))
}

fn router_of(authenticator: Arc<dyn Authenticator>) -> Router {
    let service = Service::builder().authenticator("clerkSession", authenticator).build();
    service.check(&[&WHO, &MANAGE, &FRESH, &OWN, &MEMBER, &TYPO, &MAYBE]).unwrap();
    let mut routes = service.routes(Arc::new(()));
    routes.add(&MEMBER, |_api, incoming| async move {
        let caller: OrganizationCaller = incoming.decoder().caller()?;
        Ok(Says(caller.organization().id.clone()))
    });
    for operation in [&WHO, &MANAGE, &FRESH, &OWN, &TYPO] {
        routes.add(operation, |_api, incoming| async move { Ok(Who(Some(incoming.decoder().caller()?))) });
    }
    routes.add(&MAYBE, |_api, incoming| async move { Ok(Who(incoming.decoder().optional_caller()?)) });
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
