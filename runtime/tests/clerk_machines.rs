//! Callers that are no session: machines, OAuth clients and API keys, against a stand-in for Clerk's Backend API.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body, response::Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use specwright_runtime::{
    auth::{
        AnyCaller, AuthError, Authenticator, Caller, Credential, Machine,
        clerk::{ClerkVerifier, MachineVerifier},
    },
    local::{
        backend::LocalBackend,
        issuer::{LocalIssuer, TokenRequest},
    },
    operation::{Location, Operation, SchemeKind, SecurityScheme},
    reply::{Reply, Respond},
    service::Service,
};
use tower::ServiceExt as _;

static SESSION: SecurityScheme = SecurityScheme { name: "session", kind: SchemeKind::Bearer { format: None } };
static MACHINE: SecurityScheme = SecurityScheme { name: "machine", kind: SchemeKind::Bearer { format: None } };
static OAUTH: SecurityScheme = SecurityScheme { name: "oauth", kind: SchemeKind::OAuth2 };
static KEY: SecurityScheme =
    SecurityScheme { name: "key", kind: SchemeKind::ApiKey { location: Location::Header, name: "x-api-key" } };

const NOW: u64 = 1_768_478_400;

#[tokio::test]
async fn a_key_is_asked_about_once_in_half_a_minute() {
    let test = Test::start().await;
    test.backend.put("ak_good", "user_1", &["tasks:read"]);
    let keys = test.keys();
    for _ in 0..100 {
        let caller = test.ask(&keys, "ak_good", &["tasks:read"]).await.unwrap();
        assert_eq!((caller.user_id().as_str(), caller.scheme()), ("user_1", "key"));
        assert_eq!(caller.credential_id(), Some("id_1"));
    }
    assert_eq!(test.backend.calls(), 1);
    // Revoked: good until the half minute is over, and not a moment longer.
    test.backend.change("ak_good", "revoked", json!(true));
    test.clock.advance(29);
    assert!(test.ask(&keys, "ak_good", &[]).await.is_ok());
    test.clock.advance(1);
    assert_eq!(test.refusal(&keys, "ak_good").await, "token-revoked");
    assert_eq!(test.backend.calls(), 2);
    // Who wants to know at once, asks every time.
    let strict = test.keys().remember_nothing();
    for calls in 3..6 {
        assert_eq!(test.refusal(&strict, "ak_good").await, "token-revoked");
        assert_eq!(test.backend.calls(), calls);
    }
}

#[tokio::test]
async fn a_no_is_not_remembered() {
    let test = Test::start().await;
    let keys = test.keys();
    assert_eq!(test.refusal(&keys, "ak_new").await, "token-invalid");
    test.backend.put("ak_new", "user_1", &[]);
    assert!(test.ask(&keys, "ak_new", &[]).await.is_ok(), "the key was made a moment ago");
}

#[tokio::test]
async fn a_key_ends_when_clerk_says() {
    let test = Test::start().await;
    let keys = test.keys();
    test.backend.put("ak_short", "user_1", &[]);
    test.backend.change("ak_short", "expiration", json!((NOW + 10) * 1_000));
    let caller = test.ask(&keys, "ak_short", &[]).await.unwrap();
    assert_eq!(caller.expires(), Some(i64::try_from(NOW).unwrap() + 10));
    test.clock.advance(9);
    assert!(test.ask(&keys, "ak_short", &[]).await.is_ok());
    test.clock.advance(1);
    assert_eq!(test.refusal(&keys, "ak_short").await, "token-expired", "also where it is remembered");
    test.backend.put("ak_over", "user_1", &[]);
    test.backend.change("ak_over", "expired", json!(true));
    assert_eq!(test.refusal(&keys, "ak_over").await, "token-revoked");
    // An answer that does not say it is good says nothing good.
    test.backend.put("ak_odd", "user_1", &[]);
    test.backend.change("ak_odd", "revoked", Value::Null);
    assert_eq!(test.refusal(&keys, "ak_odd").await, "token-revoked");
}

#[tokio::test]
async fn a_key_is_of_a_user_or_of_an_organization() {
    let test = Test::start().await;
    let keys = test.keys();
    test.backend.put("ak_user", "user_1", &[]);
    test.backend.put("ak_org", "org_1", &[]);
    test.backend.put("ak_odd", "mch_1", &[]);
    let router = test.router();
    let who = async |key: &str| request(&router, "/any", &[("x-api-key", key)]).await;
    assert_eq!(who("ak_user").await, (200, "user user_1 in None".to_owned()));
    assert_eq!(who("ak_org").await, (200, "machine org_1 in Some(\"org_1\")".to_owned()));
    assert_eq!(test.refusal(&keys, "ak_odd").await, "token-verification-failed");
}

#[tokio::test]
async fn rubbish_costs_no_call() {
    let test = Test::start().await;
    let keys = test.keys();
    let long = format!("ak_{}", "x".repeat(600));
    for text in ["", "ak", "mt_1", "oat_1", "sk_live_x", "ak_ä", "ak_a b", "ak_\"", &long, &test.session("user_1")] {
        test.refusal(&keys, text).await;
    }
    assert_eq!(test.backend.calls(), 0);
}

/// A refused secret key, a limit, an outage: nothing of this is the client's fault, and a good key must not be thrown away.
#[tokio::test]
async fn an_outage_is_never_a_refusal() {
    let test = Test::start().await;
    test.backend.put("ak_good", "user_1", &[]);
    let keys = test.keys();
    let cases = [
        (401, None, 1),
        (403, None, 1),
        (429, Some(7), 7),
        (429, None, 1),
        (429, Some(100_000), 60),
        (500, None, 1),
        (503, Some(3), 3),
        (302, None, 1),
    ];
    for (status, retry_after, expected) in cases {
        test.backend.fail(Some((StatusCode::from_u16(status).unwrap(), retry_after)));
        match test.ask(&keys, "ak_good", &[]).await {
            Err(AuthError::Unavailable { retry_after, .. }) => {
                assert_eq!(retry_after.as_secs().max(1), expected, "{status}");
            }
            outcome => panic!("{status}: {outcome:?}"),
        }
    }
    // A server that failed is asked once more within the request, any other answer is taken as it is.
    assert_eq!(test.backend.calls(), cases.len() + 1);
    test.backend.fail(None);
    assert!(test.ask(&keys, "ak_good", &[]).await.is_ok(), "nothing of it was remembered");

    let router = test.router();
    test.backend.fail(Some((StatusCode::UNAUTHORIZED, None)));
    let (status, body) = request(&router, "/any", &[("x-api-key", "ak_other")]).await;
    assert_eq!(status, 503, "{body}");
    assert!(!body.contains("secret") && !body.contains("127.0.0.1"), "{body}");
    let Test { backend, verifier, clock } = test;
    drop(backend);
    let parts = Request::new(()).into_parts().0;
    drop((verifier, clock));
    let outcome = keys.authenticate(Credential::Bearer("ak_unheard_of"), &KEY, &[], &parts).await;
    assert!(matches!(outcome, Err(AuthError::Unavailable { .. })), "{outcome:?}");
}

#[tokio::test]
async fn machines_and_oauth_clients_send_jwts_or_opaque_tokens() {
    let test = Test::start().await;
    test.backend.put("mt_1", "mch_1", &["mch_2"]);
    test.backend.put("oat_1", "user_1", &["email"]);
    test.backend.put("mt_user", "user_1", &[]);
    test.backend.put("oat_machine", "mch_1", &[]);
    let machines = MachineVerifier::m2m(Arc::clone(&test.verifier)).backend(test.api());
    let oauth = MachineVerifier::oauth(Arc::clone(&test.verifier)).backend(test.api());
    let m2m = json!({"alg": "RS256", "typ": "JWT", "cat": "cl_B7d4PD333AAA"});
    let plain = json!({"alg": "RS256", "typ": "JWT"});
    let access = json!({"alg": "RS256", "typ": "at+jwt"});
    let machine = json!({"sub": "mch_1", "scopes": "mch_2 mch_3", "role": "worker"});
    let user = json!({"sub": "user_1", "scope": "email profile", "client_id": "client_1", "act": {"sub": "client_1"}});

    for header in [&m2m, &plain] {
        let token = test.sign(header, &machine);
        let caller = test.judge(&machines, &MACHINE, &token, &["mch_3"]).await.unwrap();
        assert_eq!(caller.scopes(), ["mch_2", "mch_3"]);
        assert_eq!(caller.claims().keys().collect::<Vec<_>>(), ["role", "scopes"], "the registered claims are apart");
    }
    // Without scopes, the audiences are what a machine may speak to.
    let token = test.sign(&m2m, &json!({"sub": "mch_1", "aud": ["mch_7"]}));
    assert_eq!(test.judge(&machines, &MACHINE, &token, &["mch_7"]).await.unwrap().scopes(), ["mch_7"]);
    let token = test.sign(&access, &user);
    let caller = test.judge(&oauth, &OAUTH, &token, &["email"]).await.unwrap();
    assert_eq!((caller.user_id().as_str(), caller.actor().unwrap().subject.as_str()), ("user_1", "client_1"));
    for claim in ["sub", "scope", "client_id", "act"] {
        assert_eq!(caller.claims()[claim], user[claim]);
    }
    assert!(test.judge(&machines, &MACHINE, "mt_1", &["mch_2"]).await.is_ok());
    assert!(test.judge(&oauth, &OAUTH, "oat_1", &["email"]).await.is_ok());

    // Each of its own class only, and never a session.
    let session_class = json!({"alg": "RS256", "typ": "JWT", "cat": "cl_B7d4PD111AAA"});
    let refused = [
        (&machines, &MACHINE, test.sign(&session_class, &machine)),
        (&machines, &MACHINE, test.sign(&m2m, &user)),
        (&machines, &MACHINE, test.sign(&access, &user)),
        (&machines, &MACHINE, test.session("user_1")),
        (&oauth, &OAUTH, test.sign(&plain, &user)),
        (&oauth, &OAUTH, test.sign(&access, &machine)),
        (&oauth, &OAUTH, test.session("user_1")),
        (&oauth, &OAUTH, "mt_1".to_owned()),
        (&machines, &MACHINE, "oat_1".to_owned()),
        // Whatever Clerk says whose they are.
        (&machines, &MACHINE, "mt_user".to_owned()),
        (&oauth, &OAUTH, "oat_machine".to_owned()),
    ];
    for (number, (verifier, scheme, token)) in refused.into_iter().enumerate() {
        let outcome = test.judge(verifier, scheme, &token, &[]).await;
        assert!(matches!(outcome, Err(AuthError::Invalid { .. })), "{number}: {outcome:?}");
    }
    // Claims are checked as a session's are.
    for change in [json!({"exp": NOW - 5}), json!({"nbf": NOW + 60}), json!({"iss": "https://other.example"})] {
        let mut claims = machine.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let outcome = test.judge(&machines, &MACHINE, &test.sign(&m2m, &claims), &[]).await;
        assert!(matches!(outcome, Err(AuthError::Invalid { .. })), "{change}: {outcome:?}");
    }
    let forged = test.sign(&m2m, &machine).replace('.', ".e");
    assert!(test.judge(&machines, &MACHINE, &forged, &[]).await.is_err());
    // What is lacking is said.
    match test.judge(&machines, &MACHINE, "mt_1", &["mch_2", "mch_9"]).await {
        Err(AuthError::Forbidden { missing, .. }) => assert_eq!(missing, ["mch_9"]),
        outcome => panic!("{outcome:?}"),
    }
    // Without a Backend API, opaque tokens are nobody's.
    let offline = MachineVerifier::m2m(Arc::clone(&test.verifier));
    assert!(matches!(test.judge(&offline, &MACHINE, "mt_1", &[]).await, Err(AuthError::Invalid { .. })));
    assert!(test.judge(&offline, &MACHINE, &test.sign(&m2m, &machine), &[]).await.is_ok());
}

/// Where audiences are configured, an OAuth token must name one: Clerk is strict here, too.
#[tokio::test]
async fn an_oauth_token_is_for_its_audience() {
    let test = Test::start().await;
    let now = test.clock.clone();
    let verifier = LOCAL.verifier().audience(["https://api.example.com"]).clock(move || now.now()).build().unwrap();
    let oauth = MachineVerifier::oauth(Arc::new(verifier)).backend(test.api());
    let access = json!({"alg": "RS256", "typ": "application/at+jwt"});
    for (number, (audience, expected)) in [
        (json!("https://api.example.com"), true),
        (json!(["a", "https://api.example.com"]), true),
        (json!("a"), false),
        (Value::Null, false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = json!({"sub": "user_1"});
        if !audience.is_null() {
            claims["aud"] = audience.clone();
        }
        let token = test.sign(&access, &claims);
        assert_eq!(test.judge(&oauth, &OAUTH, &token, &[]).await.is_ok(), expected, "{audience}");
        let opaque = format!("oat_{number}");
        test.backend.put(&opaque, "user_1", &[]);
        test.backend.change(&opaque, "aud", audience.clone());
        assert_eq!(test.judge(&oauth, &OAUTH, &opaque, &[]).await.is_ok(), expected, "opaque, {audience}");
    }
}

/// One bearer header, three schemes that read it: each token finds its own.
#[tokio::test]
async fn schemes_are_alternatives() {
    let test = Test::start().await;
    test.backend.put("mt_1", "mch_1", &[]);
    test.backend.put("ak_1", "user_2", &[]);
    test.backend.put("ak_org", "org_1", &[]);
    let router = test.router();
    let bearer =
        async |path: &str, token: &str| request(&router, path, &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(bearer("/any", &test.session("user_1")).await, (200, "user user_1 in None".to_owned()));
    assert_eq!(bearer("/any", "mt_1").await, (200, "machine mch_1 in None".to_owned()));
    assert_eq!(request(&router, "/any", &[("x-api-key", "ak_1")]).await.0, 200);
    assert_eq!(bearer("/any", "mt_unknown").await.0, 401);
    assert_eq!(request(&router, "/any", &[]).await.0, 401);
    assert_eq!(bearer("/machine", "mt_1").await, (200, "mch_1".to_owned()));
    assert_eq!(bearer("/machine", &test.session("user_1")).await.0, 401);
    let details = r#"machine mch_1 None Some("id_1") ["tasks:read"] {"team":"ops"}"#;
    test.backend.change("mt_1", "scopes", json!(["tasks:read"]));
    test.backend.change("mt_1", "claims", json!({"team": "ops"}));
    test.clock.advance(60);
    assert_eq!(bearer("/details", "mt_1").await, (200, details.to_owned()));
    let details = request(&router, "/details", &[("x-api-key", "ak_org")]).await.1;
    assert!(details.starts_with(r#"key org_1 Some("org_1") "#), "{details}");
    // A session and a key at once: the first alternative that holds.
    let both = [("authorization", "Bearer mt_1"), ("x-api-key", "ak_unknown")];
    assert_eq!(request(&router, "/any", &both).await.0, 200);
    // An authenticator that lets in more than the contract says does not make a machine a user.
    assert_eq!(bearer("/user", "mt_1").await.0, 403);
}

/// Where sessions are asked about, one that was ended is refused at once, and nothing is remembered.
#[tokio::test]
async fn an_ended_session_is_refused_at_once_on_demand() {
    let test = Test::start().await;
    let token = test.session("user_1");
    let now = test.clock.clone();
    let strict = LOCAL.verifier().clock(move || now.now()).check_sessions(test.api()).build().unwrap();
    test.backend.session("sess_local", "active");
    for calls in 1..4 {
        assert!(test.judge(&strict, &SESSION, &token, &[]).await.is_ok());
        assert_eq!(test.backend.calls(), calls);
    }
    for status in ["ended", "removed", "revoked", "replaced", "expired", "abandoned", "pending"] {
        test.backend.session("sess_local", status);
        let outcome = test.judge(&strict, &SESSION, &token, &[]).await;
        assert!(matches!(&outcome, Err(AuthError::Invalid { reason }) if reason == "session-ended"), "{outcome:?}");
    }
    test.backend.session("sess_local", "active");
    test.backend.fail(Some((StatusCode::INTERNAL_SERVER_ERROR, None)));
    let outcome = test.judge(&strict, &SESSION, &token, &[]).await;
    assert!(matches!(outcome, Err(AuthError::Unavailable { .. })), "{outcome:?}");
    // A token that names no session cannot be asked about.
    test.backend.fail(None);
    let nameless = test.sign(&json!({"alg": "RS256"}), &json!({"sub": "user_1", "azp": "http://localhost"}));
    let outcome = test.judge(&strict, &SESSION, &nameless, &[]).await;
    assert!(matches!(&outcome, Err(AuthError::Invalid { reason }) if reason == "session-ended"), "{outcome:?}");
}

#[tokio::test]
async fn a_secret_key_goes_over_tls_only_and_is_not_printed() {
    use specwright_runtime::auth::clerk::BackendApi;
    for (url, fits) in [
        ("https://api.clerk.com", true),
        ("http://127.0.0.1:1", true),
        ("http://api.clerk.com", false),
        ("ftp://127.0.0.1", false),
        ("api.clerk.com", false),
    ] {
        assert_eq!(BackendApi::builder("sk_live_secret").url(url).build().is_ok(), fits, "{url}");
    }
    for secret in ["", "sk live", "sk\n"] {
        assert!(BackendApi::builder(secret).build().is_err(), "{secret:?}");
    }
    assert!(BackendApi::builder("sk_1").machine_secret_key("").build().is_err());
    let api = BackendApi::builder("sk_live_secret").build().unwrap();
    assert!(!format!("{api:?}").contains("secret"));
}

struct Test {
    backend: LocalBackend,
    verifier: Arc<ClerkVerifier>,
    clock: Clock,
}

#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

static LOCAL: LazyLock<LocalIssuer> =
    LazyLock::new(|| LocalIssuer::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clerk").join("issuer")).unwrap());

impl Test {
    async fn start() -> Self {
        let clock = Clock(Arc::new(AtomicU64::new(NOW)));
        let now = clock.clone();
        let verifier = LOCAL.verifier().clock(move || now.now()).build().unwrap();
        Self { backend: LocalBackend::start().await.unwrap(), verifier: Arc::new(verifier), clock }
    }

    fn api(&self) -> Arc<specwright_runtime::auth::clerk::BackendApi> {
        let clock = self.clock.clone();
        Arc::new(self.backend.api().clock(move || clock.now()).build().unwrap())
    }

    fn keys(&self) -> MachineVerifier {
        MachineVerifier::api_keys(self.api())
    }

    fn session(&self, user: &str) -> String {
        LOCAL.mint_at(&TokenRequest::new(user), self.clock.now()).unwrap()
    }

    /// With the issuer, and a minute to live, unless the claims say otherwise.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut all = json!({"iss": "https://issuer.localhost", "exp": NOW + 60, "jti": "id_1"});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        LOCAL.sign(header, &all).unwrap()
    }

    async fn ask(&self, keys: &MachineVerifier, text: &str, scopes: &[&'static str]) -> Result<Caller, AuthError> {
        self.judge(keys, &KEY, text, scopes).await
    }

    async fn judge(
        &self,
        verifier: &dyn Authenticator,
        scheme: &'static SecurityScheme,
        text: &str,
        scopes: &[&'static str],
    ) -> Result<Caller, AuthError> {
        let parts = Request::new(()).into_parts().0;
        verifier.authenticate(Credential::Bearer(text), scheme, scopes, &parts).await
    }

    async fn refusal(&self, keys: &MachineVerifier, text: &str) -> String {
        match self.ask(keys, text, &[]).await {
            Err(AuthError::Invalid { reason }) => reason,
            outcome => panic!("{text}: {outcome:?}"),
        }
    }

    fn router(&self) -> Router {
        const GET: Operation = Operation {
            id: "",
            method: "GET",
            path: "",
            tag: "auth",
            security: &[],
            produces: &["text/plain"],
            deprecated: false,
        };
        static ANY: Operation = Operation {
            id: "any",
            path: "/any",
            security: &[&[(&SESSION, &[])], &[(&MACHINE, &[])], &[(&KEY, &[])]],
            ..GET
        };
        static ONLY: Operation = Operation { id: "machine", path: "/machine", security: &[&[(&MACHINE, &[])]], ..GET };
        static DETAILS: Operation =
            Operation { id: "details", path: "/details", security: &[&[(&MACHINE, &[])], &[(&KEY, &[])]], ..GET };
        static USER: Operation = Operation { id: "user", path: "/user", security: &[&[(&MACHINE, &[])]], ..GET };
        let service = Service::builder()
            .authenticator("session", Arc::clone(&self.verifier) as Arc<dyn Authenticator>)
            .authenticator("machine", Arc::new(MachineVerifier::m2m(Arc::clone(&self.verifier)).backend(self.api())))
            .authenticator("key", Arc::new(self.keys()))
            .build();
        let mut routes = service.routes(Arc::new(()));
        routes.add(&ANY, |_api, incoming| async move {
            let caller: AnyCaller = incoming.decoder().caller()?;
            let kind = if caller.user().is_some() { "user" } else { "machine" };
            Ok(Says(format!("{kind} {} in {:?}", caller.subject(), caller.organization_id())))
        });
        routes.add(&ONLY, |_api, incoming| async move {
            let machine: Machine = incoming.decoder().caller()?;
            Ok(Says(machine.subject().to_owned()))
        });
        routes.add(&DETAILS, |_api, incoming| async move {
            let caller: AnyCaller = incoming.decoder().caller()?;
            let scheme = caller.scheme();
            let AnyCaller::Machine(machine) = caller else { panic!("a user got in") };
            assert_eq!(machine.scheme(), scheme);
            Ok(Says(format!(
                "{scheme} {} {:?} {:?} {:?} {}",
                machine.subject(),
                machine.organization_id(),
                machine.credential_id(),
                machine.scopes(),
                serde_json::to_string(machine.claims()).unwrap()
            )))
        });
        routes.add(&USER, |_api, incoming| async move {
            let caller: Caller = incoming.decoder().caller()?;
            Ok(Says(caller.user_id().to_string()))
        });
        service.finish(routes.into_router())
    }
}

struct Says(String);

impl Respond for Says {
    fn respond(self, reply: Reply) -> Response {
        reply.status(StatusCode::OK).text("text/plain", &specwright_runtime::schema::Schema::ANY, self.0)
    }
}

async fn request(router: &Router, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status.as_u16(), String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}
