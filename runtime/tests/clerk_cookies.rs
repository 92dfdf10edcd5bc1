//! The session cookie: when it counts, and which of several.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{body::Body, response::Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use specwright_runtime::{
    auth::{
        AuthError, Authenticator, Caller, Credential,
        clerk::{ClerkVerifier, ConfigError, PublishableKey},
    },
    local::issuer::{AUTHORIZED_PARTY, LocalIssuer, TokenRequest},
    operation::{Location, Operation, SchemeKind, SecurityScheme},
    reply::{Reply, Respond},
    schema::Schema,
    service::Service,
};
use tower::ServiceExt as _;

static BEARER: SecurityScheme = SecurityScheme { name: "clerkSession", kind: SchemeKind::Bearer { format: None } };
static COOKIE: SecurityScheme =
    SecurityScheme { name: "clerkCookie", kind: SchemeKind::ApiKey { location: Location::Cookie, name: "__session" } };

const LIVE: &str = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k";
const TEST: &str = "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k";
const NOW: u64 = 1_768_478_400;

/// A cookie travels with requests that other pages cause, so it counts only on demand, and only where `azp` is checked.
#[tokio::test]
async fn a_cookie_counts_on_demand_only() {
    let issuer = issuer();
    let builder = || ClerkVerifier::builder().jwt_key(issuer.public_key()).clock(now).publishable_key(LIVE);
    let strict = || builder().authorized_parties([AUTHORIZED_PARTY]);
    assert!(matches!(builder().session_cookie().build(), Err(ConfigError::SessionCookie)), "no authorized parties");
    let no_key = issuer.verifier().session_cookie().build();
    assert!(matches!(no_key, Err(ConfigError::SessionCookie)), "no publishable key");

    let request = TokenRequest::new("user_1").claim("iss", json!("https://clerk.example.com"));
    let token = issuer.mint_at(&request, now()).unwrap();
    let answer = async |verifier: ClerkVerifier, cookies: String| {
        let request = Request::builder().header("cookie", cookies).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        match verifier.authenticate(Credential::ApiKey("ignored"), &COOKIE, &[], &parts).await {
            Ok(caller) => caller.user_id().to_string(),
            Err(AuthError::Invalid { reason }) => reason,
            Err(error) => panic!("{error}"),
        }
    };
    let signed_in = format!("a=b; __session={token}; __client_uat={}", NOW - 5);
    let verifier = || strict().session_cookie().build().unwrap();
    assert_eq!(answer(verifier(), signed_in.clone()).await, "user_1");
    assert_ne!(answer(strict().build().unwrap(), signed_in.clone()).await, "user_1");
    assert_eq!(
        answer(verifier(), format!("__session={token}; __client_uat=0")).await,
        "session-token-iat-before-client-uat"
    );
    assert_eq!(answer(verifier(), "a=b".to_owned()).await, "session-token-missing");
    // On one host, two applications share the plain cookie; the one with our suffix is ours.
    let request_elsewhere = TokenRequest::new("user_elsewhere").claim("iss", json!("https://clerk.elsewhere.com"));
    // The newer of the two, to no avail.
    let elsewhere = issuer.mint_at(&request_elsewhere, now() + Duration::from_secs(3)).unwrap();
    let since = NOW - 5;
    let shared = format!("__session={elsewhere}; __client_uat={since}; {}", suffixed("naoXFJnI", &token, since));
    assert_eq!(answer(verifier(), shared).await, "user_1");
    assert_eq!(answer(verifier(), suffixed("naoXFJnI", &token, since)).await, "user_1");
    assert_eq!(answer(verifier(), suffixed("AAAAAAAA", &token, since)).await, "session-token-missing");
    let (parts, ()) = Request::new(()).into_parts();
    let other = verifier().authenticate(Credential::Other(&token), &BEARER, &[], &parts).await;
    assert!(matches!(other, Err(AuthError::Invalid { .. })), "{other:?}");
    // Other cookies are none of ours; of several with one name the first counts, and an empty one is none.
    let plain = TokenRequest::new("user_plain").claim("iss", json!("https://clerk.example.com"));
    let as_new = issuer.mint_at(&plain, now()).unwrap();
    let newer = issuer.mint_at(&plain, now() + Duration::from_secs(3)).unwrap();
    let nameless = issuer.mint_at(&plain.clone().claim("iss", json!("")), now()).unwrap();
    let of_suffix = format!("__session_naoXFJnI={token}");
    let uat = format!("__client_uat={since}");
    for (cookies, expected) in [
        (format!("x=1; {of_suffix}"), "session-token-missing"),
        (format!("__session={token}; __session={elsewhere}; {uat}"), "user_1"),
        (format!("__session=; __session={token}; {uat}"), "user_1"),
        (format!("__session={token}; __client_uat=0; __client_uat_naoXFJnI={since}"), "session-token-missing"),
        // Since the moment of the token, and since the one after.
        (format!("__session={token}; __client_uat={NOW}"), "user_1"),
        (format!("__session={token}; __client_uat={}", NOW + 1), "session-token-iat-before-client-uat"),
        // Signed out by one of the two: the other counts.
        (format!("__session={token}; {uat}; __client_uat_naoXFJnI=0"), "user_1"),
        (format!("__session={newer}; __client_uat=0; {}", suffixed("naoXFJnI", &token, since)), "user_1"),
        // By neither: the newer one, and ours of two that are equally new.
        (format!("__session={newer}; {uat}; {}", suffixed("naoXFJnI", &token, since)), "user_plain"),
        (format!("__session={as_new}; {uat}; {}", suffixed("naoXFJnI", &token, since)), "user_1"),
        // A plain one that names no issuer counts first, and in vain.
        (format!("__session={nameless}; {uat}; {}", suffixed("naoXFJnI", &token, since)), "token-invalid-issuer"),
    ] {
        assert_eq!(answer(verifier(), cookies.clone()).await, expected, "{cookies}");
    }
    // In development, where the plain cookie says signed out and the one with our suffix has expired, the plain one counts.
    let suffix = PublishableKey::parse(TEST).unwrap();
    let development = || {
        let builder = ClerkVerifier::builder().jwt_key(issuer.public_key()).clock(now).publishable_key(TEST);
        builder.authorized_parties([AUTHORIZED_PARTY]).session_cookie().build().unwrap()
    };
    let old = issuer.mint_at(&request, now() - Duration::from_hours(2)).unwrap();
    for (plain, token, since, expected) in [
        ("0", &token, NOW - 5, "user_1"),
        ("0", &old, NOW - 9_000, "session-token-missing"),
        ("1", &old, NOW - 9_000, "token-expired"),
    ] {
        let cookies = format!("__client_uat={plain}; {}", suffixed(suffix.cookie_suffix(), token, since));
        assert_eq!(answer(development(), cookies).await, expected, "{plain} {since}");
    }
    let cookies = format!("__client_uat=0; {}", suffixed("naoXFJnI", &old, NOW - 9_000));
    assert_eq!(answer(verifier(), cookies).await, "token-expired", "in production ours counts all the same");
    // The opt-out is for bearer tokens: a cookie without `azp` stays out.
    let opted_out = || strict().session_cookie().allow_missing_azp_on_bearer().build().unwrap();
    let without = issuer.mint_at(&request.authorized_party(None), now()).unwrap();
    let (parts, ()) = Request::new(()).into_parts();
    assert!(opted_out().authenticate(Credential::Bearer(&without), &BEARER, &[], &parts).await.is_ok());
    let cookies = format!("__session={without}; __client_uat={}", NOW - 5);
    assert_eq!(answer(opted_out(), cookies).await, "token-invalid-authorized-parties");
}

/// Over HTTP, where the contract lets in both: who says who they are is not taken for whom the browser knows, and the instance's
/// own cookie needs no plain one beside it.
#[tokio::test]
async fn a_header_counts_before_a_cookie() {
    static OPERATION: Operation = Operation {
        id: "who",
        method: "GET",
        path: "/who",
        tag: "auth",
        security: &[&[(&BEARER, &[])], &[(&COOKIE, &[])]],
        produces: &["text/plain"],
        deprecated: false,
    };
    let issuer = issuer();
    let builder = ClerkVerifier::builder().jwt_key(issuer.public_key()).clock(now).publishable_key(LIVE);
    let verifier = Arc::new(builder.authorized_parties([AUTHORIZED_PARTY]).session_cookie().build().unwrap());
    let service = Service::builder().authenticator("clerkSession", Arc::clone(&verifier) as Arc<dyn Authenticator>);
    let service = service.authenticator("clerkCookie", verifier).build();
    let mut routes = service.routes(Arc::new(()));
    routes.add(&OPERATION, |_api, incoming| async move { Ok(Who(incoming.decoder().caller()?)) });
    let router = service.finish(routes.into_router());

    let of = |user: &str| {
        let request = TokenRequest::new(user).claim("iss", json!("https://clerk.example.com"));
        issuer.mint_at(&request, now()).unwrap()
    };
    let (said, known) = (of("user_said"), of("user_known"));
    let since = NOW - 5;
    let plain = format!("__session={known}; __client_uat={since}");
    let own = suffixed("naoXFJnI", &known, since);
    let twice = format!("__session={known}; {plain}");
    let elsewhere = suffixed("AAAAAAAA", &known, since);
    for (authorization, cookies, expected) in [
        (None, plain.as_str(), Ok("user_known")),
        (None, &own, Ok("user_known")),
        (None, &twice, Ok("user_known")),
        (None, &elsewhere, Err("Bearer")),
        (None, "", Err("Bearer")),
        (Some(format!("Bearer {said}")), &plain, Ok("user_said")),
        (Some(format!("bearer {said}")), &own, Ok("user_said")),
        (Some("Bearer nonsense".to_owned()), &plain, Err("Bearer error=\"invalid_token\"")),
        (Some("bEARER nonsense".to_owned()), &own, Err("Bearer error=\"invalid_token\"")),
        (Some(" nonsense ".to_owned()), &plain, Err("Bearer error=\"invalid_token\"")),
        (Some(said.clone()), &plain, Err("Bearer error=\"invalid_token\"")),
        // Nobody says who they are here.
        (Some("Basic dXNlcjpwYXNz".to_owned()), &plain, Ok("user_known")),
        (Some("  ".to_owned()), &plain, Ok("user_known")),
    ] {
        let mut request = Request::get("/who").header("cookie", cookies);
        if let Some(authorization) = &authorization {
            request = request.header("authorization", authorization);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let outcome = match parts.status {
            StatusCode::OK => Ok(body.as_str()),
            StatusCode::UNAUTHORIZED => Err(parts.headers["www-authenticate"].to_str().unwrap()),
            status => panic!("{status}: {body}"),
        };
        assert_eq!(outcome, expected, "{authorization:?} {cookies}");
    }
}

struct Who(Caller);

impl Respond for Who {
    fn respond(self, reply: Reply) -> Response {
        reply.status(StatusCode::OK).text("text/plain", &Schema::ANY, self.0.user_id().to_string())
    }
}

fn suffixed(suffix: &str, token: &str, since: u64) -> String {
    format!("__session_{suffix}={token}; __client_uat_{suffix}={since}")
}

fn issuer() -> &'static LocalIssuer {
    static ISSUER: LazyLock<LocalIssuer> = LazyLock::new(|| {
        LocalIssuer::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clerk").join("issuer")).unwrap()
    });
    &ISSUER
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}
