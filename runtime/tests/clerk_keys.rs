//! Fetched signing keys: how often they are fetched, and what an outage does.
//!
//! A key server on 127.0.0.1 counts its requests; the verifier's clock is the test's.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body, extract::State, response::Response, routing::get};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use specwright_runtime::{
    auth::{
        AuthError, Authenticator, Credential,
        clerk::{ClerkVerifier, ClerkVerifierBuilder, VerifyError},
    },
    local::issuer::LocalIssuer,
    operation::{SchemeKind, SecurityScheme},
};

#[tokio::test]
async fn a_thousand_cold_requests_are_one_fetch() {
    let key = Key::new();
    let test = Arc::new(Test::start(keys(&[("a", &key)])).await);
    test.server.answer(|answer| answer.delay = Duration::from_millis(100));
    let token = key.token("a", test.now());
    let requests = (0..1_000).map(|_| {
        let (test, token) = (Arc::clone(&test), token.clone());
        tokio::spawn(async move { test.verifier.verify(&token).await.map(drop) })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap().unwrap();
    }
    assert_eq!(test.server.fetches(), 1);
    test.verifier.verify(&token).await.unwrap();
    assert_eq!(test.server.fetches(), 1, "a warm request fetches nothing");
}

#[tokio::test]
async fn random_key_ids_are_one_fetch_per_window() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    let good = key.token("a", test.now());
    test.verifier.verify(&good).await.unwrap();
    // One token under 10,000 names: a signature is not looked at before its key is found.
    let (_, unsigned) = good.split_once('.').unwrap();
    for window in 1..=3 {
        for number in 0..10_000 {
            let header = json!({"alg": "RS256", "typ": "JWT", "kid": format!("unknown-{window}-{number}")});
            let token = format!("{}.{unsigned}", URL_SAFE_NO_PAD.encode(header.to_string()));
            assert_eq!(test.rejected(&token).await, "jwk-kid-mismatch");
        }
        test.verifier.verify(&good).await.unwrap();
        assert_eq!(test.server.fetches(), 1 + window);
        test.advance(31);
    }
    // Nor are they more where nobody has asked for a key before.
    let test = Test::start(keys(&[("a", &key)])).await;
    for number in 0..100 {
        assert_eq!(test.rejected(&key.token(&format!("unknown-{number}"), test.now())).await, "jwk-kid-mismatch");
    }
    test.verifier.verify(&good).await.unwrap();
    assert_eq!(test.server.fetches(), 1);
    test.advance(29);
    test.rejected(&key.token("unknown", test.now())).await;
    assert_eq!(test.server.fetches(), 1);
    test.advance(1);
    test.rejected(&key.token("unknown", test.now())).await;
    assert_eq!(test.server.fetches(), 2);
}

/// What no key can make good is refused before a key is looked for.
#[tokio::test]
async fn rubbish_is_no_fetch() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    let claims = json!({"sub": "user_1", "exp": seconds(test.now()) + 60});
    let headers = [
        json!({"alg": "none", "kid": "a"}),
        json!({"alg": "HS256", "kid": "a"}),
        json!({"alg": "RS256", "kid": "a", "typ": "at+jwt"}),
        json!({"alg": "RS256", "kid": "a", "cat": "cl_B7d4PD333AAA"}),
        json!({"alg": "RS256", "kid": "a", "crit": ["exp"]}),
        json!({"alg": "RS256", "kid": 1}),
        json!({"alg": "RS256"}),
    ];
    for header in headers {
        let token = key.issuer.sign(&header, &claims).unwrap();
        test.rejected(&token).await;
    }
    for token in ["", "a.b.c", "bnVsbA.e30.AAAA", &"x".repeat(200_000)] {
        test.rejected(token).await;
    }
    assert_eq!(test.server.fetches(), 0);
}

#[tokio::test]
async fn a_rotation_takes_one_request() {
    let (old, new) = (Key::new(), Key::named("stranger"));
    let test = Test::start(keys(&[("old", &old)])).await;
    test.verifier.verify(&old.token("old", test.now())).await.unwrap();
    test.server.answer(|answer| answer.body = keys(&[("old", &old), ("new", &new)]));
    test.verifier.verify(&new.token("new", test.now())).await.unwrap();
    assert_eq!(test.server.fetches(), 2);
    test.verifier.verify(&old.token("old", test.now())).await.unwrap();
    assert_eq!(test.server.fetches(), 2);
    // The old key is withdrawn: gone with the next refresh, which the first request after the soft life makes.
    test.server.answer(|answer| answer.body = keys(&[("new", &new)]));
    test.advance(301);
    assert_eq!(test.rejected(&old.token("old", test.now())).await, "jwk-kid-mismatch");
    test.verifier.verify(&new.token("new", test.now())).await.unwrap();
    assert_eq!(test.server.fetches(), 3);
}

/// A token that was verified a moment ago is good without its key, for a minute at most; then a withdrawn key is noticed.
#[tokio::test]
async fn a_remembered_token_needs_no_key_for_a_minute() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    let header = json!({"alg": "RS256", "kid": "a", "typ": "JWT"});
    let start = seconds(test.now());
    let token = |life: u64| key.issuer.sign(&header, &json!({"sub": "user_1", "exp": start + life})).unwrap();
    let (long, short, unseen) = (token(3_600), token(30), token(3_601));
    let is_good = async |token: &str| authenticates(&test.verifier, token).await;
    assert!(is_good(&long).await && is_good(&short).await);
    test.server.answer(|answer| answer.body = keys(&[("b", &key)]));
    test.advance(29);
    assert!(is_good(&short).await && is_good(&long).await);
    // Never beyond `exp`: from here on it is Clerk's skew of 5 seconds that lets it pass, by a whole verification.
    test.advance(1);
    assert!(is_good(&short).await);
    test.advance(4);
    assert!(is_good(&short).await);
    test.advance(1);
    assert!(!is_good(&short).await);
    test.advance(24);
    assert!(is_good(&long).await);
    assert_eq!(test.server.fetches(), 1);
    // The keys are five minutes old, and what was remembered a minute: the next request fetches, and finds the key gone.
    test.advance(300);
    assert!(!is_good(&long).await);
    assert_eq!(test.server.fetches(), 2);
    assert!(!is_good(&unseen).await);
}

/// What is not remembered is verified each time, and so a withdrawn key is noticed at once.
#[tokio::test]
async fn nothing_is_remembered_on_demand() {
    let key = Key::new();
    let server = Server::start(String::new()).await;
    let of_variable = |value: &str| {
        let (url, value) = (server.url.clone(), value.to_owned());
        ClerkVerifierBuilder::from_variables(move |name| match name {
            "CLERK_JWKS_URL" => Some(url.clone()),
            "CLERK_TOKEN_CACHE" => Some(value.clone()),
            _ => None,
        })
    };
    let of_number = |tokens: usize| ClerkVerifier::builder().jwks(server.url.clone()).remember_tokens(tokens);
    for (builder, remembers) in [
        (of_number(0), false),
        (of_number(1), true),
        (of_variable(" false "), false),
        (of_variable("true"), true),
        (of_variable(""), true),
    ] {
        server.answer(|answer| answer.body = keys(&[("a", &key)]));
        // Refreshed by each request.
        let verifier = builder.key_lives(Duration::ZERO, Duration::from_hours(1)).build().unwrap();
        let token = key.token("a", SystemTime::now());
        assert!(authenticates(&verifier, &token).await);
        server.answer(|answer| answer.body = keys(&[("b", &key)]));
        assert_eq!(authenticates(&verifier, &token).await, remembers);
    }
}

/// The start of a function fetches the keys, so that its first request need not.
#[tokio::test]
async fn keys_are_fetched_ahead_on_demand() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    test.server.answer(|answer| answer.status = 404);
    assert!(matches!(test.verifier.prefetch().await, Err(VerifyError::Unavailable { .. })));
    test.server.answer(|answer| answer.status = 200);
    test.verifier.prefetch().await.unwrap();
    test.verifier.prefetch().await.unwrap();
    assert_eq!(test.server.fetches(), 2);
    test.server.answer(|answer| answer.status = 500);
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    assert_eq!(test.server.fetches(), 2);
    // Keys that were given are there.
    let given = ClerkVerifier::builder().jwt_key(key.issuer.public_key()).build().unwrap();
    given.prefetch().await.unwrap();
}

/// Refusals are not remembered: a token that is not yet good is good when its time comes.
#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    let header = json!({"alg": "RS256", "kid": "a", "typ": "JWT"});
    let start = seconds(test.now());
    let claims = json!({"sub": "user_1", "exp": start + 600, "nbf": start + 60});
    let token = key.issuer.sign(&header, &claims).unwrap();
    assert!(!authenticates(&test.verifier, &token).await);
    test.advance(60);
    assert!(authenticates(&test.verifier, &token).await);
    // A clock that is set back forgets.
    test.clock.store(start, Ordering::SeqCst);
    assert!(!authenticates(&test.verifier, &token).await);
}

#[tokio::test]
async fn an_outage_within_the_hard_life_is_no_failure() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    test.server.answer(|answer| answer.status = 503);
    test.advance(299);
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    assert_eq!(test.server.fetches(), 1, "fresh for 5 minutes");
    test.advance(1);
    for expected in [3, 3, 3, 5, 5] {
        for _request in 0..10 {
            test.verifier.verify(&key.token("a", test.now())).await.unwrap();
        }
        assert_eq!(test.server.fetches(), expected, "one refresh, of two attempts, in 30 seconds");
        test.advance(10);
    }
    // On to the last second of the hour.
    for _ in 0..10 {
        test.advance(324);
        test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    }
    test.advance(9);
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    test.advance(1);
    let (error, retry_after) = test.unavailable(&key.token("a", test.now())).await;
    assert!(error.contains("503"), "{error}");
    assert!(retry_after >= Duration::from_secs(1));
    test.server.answer(|answer| answer.status = 200);
    test.advance(9);
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
}

/// With keys at hand nobody waits for a server that hangs.
#[tokio::test]
async fn a_hanging_server_costs_one_request_half_a_second() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    test.server.answer(|answer| answer.delay = Duration::from_secs(60));
    test.advance(301);
    let token = key.token("a", test.now());
    let start = Instant::now();
    test.verifier.verify(&token).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..20 {
        test.verifier.verify(&token).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    // An unknown key id cannot be judged now, and is not worth another fetch either.
    test.unavailable(&key.token("unknown", test.now())).await;
    assert_eq!(test.server.fetches(), 2);
}

#[tokio::test]
async fn without_keys_an_outage_is_503_never_401() {
    type Fault = fn(&mut Answer);
    let key = Key::new();
    let cases: [(&str, Fault, usize); 8] = [
        ("500", |answer| answer.status = 500, 2),
        ("401", |answer| answer.status = 401, 1),
        ("404", |answer| answer.status = 404, 1),
        ("302", |answer| answer.status = 302, 1),
        ("RSA", |answer| answer.body = "<html>".to_owned(), 1),
        ("RSA", |answer| answer.body = r#"{"keys":[]}"#.to_owned(), 1),
        ("longer", |answer| answer.body = " ".repeat(400_000), 1),
        ("timed out", |answer| answer.delay = Duration::from_secs(60), 2),
    ];
    for (text, fault, attempts) in cases {
        let test = Test::start(keys(&[("a", &key)])).await;
        test.server.answer(fault);
        let token = key.token("a", test.now());
        let start = Instant::now();
        let (error, _) = test.unavailable(&token).await;
        assert!(error.contains(text), "{text}: {error}");
        assert!(start.elapsed() < Duration::from_secs(15), "{text}: {:?}", start.elapsed());
        // A moment of silence: all who waited get the same answer.
        for _ in 0..50 {
            test.unavailable(&token).await;
        }
        assert_eq!(test.server.fetches(), attempts, "{text}");
        test.server.answer(|answer| *answer = Answer::new(keys(&[("a", &key)])));
        test.advance(2);
        test.verifier.verify(&token).await.unwrap();
    }
}

/// In one part or several: a key set of 256 KiB is read, and no larger one.
#[tokio::test]
async fn a_key_set_has_a_limit() {
    let key = Key::new();
    let body = keys(&[("a", &key)]);
    for (length, fits) in [(256 * 1024, true), (256 * 1024 + 1, false)] {
        let test = Test::start(format!("{body}{}", " ".repeat(length - body.len()))).await;
        let token = key.token("a", test.now());
        match fits {
            true => drop(test.verifier.verify(&token).await.unwrap()),
            false => assert!(test.unavailable(&token).await.0.contains("longer")),
        }
    }
}

/// Where a fetch takes its full time-out, only a few requests may pay for it.
#[tokio::test]
async fn a_long_outage_is_asked_about_less_and_less() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    test.server.answer(|answer| answer.status = 401);
    let token = key.token("a", test.now());
    for (seconds, fetches) in [(0, 1), (1, 2), (1, 2), (1, 3), (3, 3), (1, 4), (7, 4), (1, 5), (7, 5), (1, 6)] {
        test.advance(seconds);
        test.unavailable(&token).await;
        assert_eq!(test.server.fetches(), fetches);
    }
    test.server.answer(|answer| answer.status = 200);
    test.advance(8);
    test.verifier.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_when_is_left_alone_until_then() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    test.server.answer(|answer| (answer.status, answer.retry_after) = (429, Some(7)));
    let (_, retry_after) = test.unavailable(&key.token("a", test.now())).await;
    assert_eq!(retry_after, Duration::from_secs(7));
    test.server.answer(|answer| answer.status = 200);
    test.advance(6);
    test.unavailable(&key.token("a", test.now())).await;
    assert_eq!(test.server.fetches(), 1);
    test.advance(2);
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_503() {
    static SCHEME: SecurityScheme = SecurityScheme { name: "clerkSession", kind: SchemeKind::Bearer { format: None } };
    // Bound and dropped: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let verifier = ClerkVerifier::builder().jwks(format!("http://{address}/jwks")).build().unwrap();
    let token = Key::new().token("a", SystemTime::now());
    let (parts, ()) = http::Request::new(()).into_parts();
    match verifier.authenticate(Credential::Bearer(&token), &SCHEME, &[], &parts).await {
        Err(AuthError::Unavailable { source, .. }) => {
            assert!(source.to_string().contains("cannot be reached"), "{source}");
        }
        outcome => panic!("{outcome:?}"),
    }
}

/// A key set may hold keys that are not for us; they must not become keys for us.
#[tokio::test]
async fn only_rsa_signing_keys_count() {
    let key = Key::new();
    let variants = [
        ("use", json!("enc"), false),
        ("use", json!("sig"), true),
        ("use", Value::Null, false),
        ("alg", json!("RS512"), false),
        ("alg", json!("RS256"), true),
        ("kty", json!("oct"), false),
        ("kid", json!(1), false),
        ("e", json!("AQ"), false),
        ("n", json!(URL_SAFE_NO_PAD.encode([0xff; 128])), false),
        ("n", json!(URL_SAFE_NO_PAD.encode([0xfe; 256])), false),
        ("n", json!(URL_SAFE_NO_PAD.encode([&[0x7f][..], &[0xff; 255]].concat())), false),
        ("n", json!("?"), false),
        ("x5c", json!(["MIIB"]), true),
    ];
    for (name, value, usable) in variants {
        let mut jwk = key.jwk("a");
        jwk[name] = value.clone();
        let other = key.jwk("other");
        let test = Test::start(json!({"keys": [other, jwk]}).to_string()).await;
        let token = key.token("a", test.now());
        if usable {
            test.verifier.verify(&token).await.unwrap();
        } else {
            assert_eq!(test.rejected(&token).await, "jwk-kid-mismatch", "{name} {value}");
        }
    }
}

/// A clock that was set back must not make old keys young for ever.
#[tokio::test]
async fn a_clock_set_back_fetches_again() {
    let key = Key::new();
    let test = Test::start(keys(&[("a", &key)])).await;
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    test.clock.fetch_sub(86_400, Ordering::SeqCst);
    test.verifier.verify(&key.token("a", test.now())).await.unwrap();
    assert_eq!(test.server.fetches(), 2);
}

/// A verifier, its clock, and the server that it fetches keys from.
struct Test {
    verifier: ClerkVerifier,
    clock: Arc<AtomicU64>,
    server: Server,
}

impl Test {
    async fn start(body: String) -> Self {
        let server = Server::start(body).await;
        let clock = Arc::new(AtomicU64::new(1_768_478_400));
        let read = Arc::clone(&clock);
        let verifier = ClerkVerifier::builder()
            .jwks(server.url.clone())
            .clock(move || UNIX_EPOCH + Duration::from_secs(read.load(Ordering::SeqCst)))
            .build()
            .unwrap();
        Self { verifier, clock, server }
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.clock.load(Ordering::SeqCst))
    }

    fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn rejected(&self, token: &str) -> &'static str {
        match self.verifier.verify(token).await {
            Err(VerifyError::Rejected(reason)) => reason.as_str(),
            outcome => panic!("{outcome:?}"),
        }
    }

    async fn unavailable(&self, token: &str) -> (String, Duration) {
        match self.verifier.verify(token).await {
            Err(VerifyError::Unavailable { source, retry_after }) => (source.to_string(), retry_after),
            outcome => panic!("{outcome:?}"),
        }
    }
}

async fn authenticates(verifier: &ClerkVerifier, token: &str) -> bool {
    static BEARER: SecurityScheme = SecurityScheme { name: "session", kind: SchemeKind::Bearer { format: None } };
    let (parts, ()) = http::Request::new(()).into_parts();
    match verifier.authenticate(Credential::Bearer(token), &BEARER, &[], &parts).await {
        Ok(_) => true,
        Err(AuthError::Invalid { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// A key server. Ends with the test's runtime.
struct Server {
    url: String,
    state: Arc<ServerState>,
}

struct ServerState {
    fetches: AtomicUsize,
    answer: Mutex<Answer>,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    body: String,
    delay: Duration,
    retry_after: Option<u64>,
}

impl Answer {
    fn new(body: String) -> Self {
        Self { status: 200, body, delay: Duration::ZERO, retry_after: None }
    }
}

impl Server {
    async fn start(body: String) -> Self {
        let state = Arc::new(ServerState { fetches: AtomicUsize::new(0), answer: Mutex::new(Answer::new(body)) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        let router = Router::new().route("/.well-known/jwks.json", get(serve)).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    fn answer(&self, change: impl FnOnce(&mut Answer)) {
        change(&mut self.state.answer.lock().unwrap());
    }

    fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }
}

async fn serve(State(state): State<Arc<ServerState>>) -> Response {
    state.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = state.answer.lock().unwrap().clone();
    tokio::time::sleep(answer.delay).await;
    let mut response = Response::builder().status(answer.status).header("location", "/elsewhere");
    if let Some(seconds) = answer.retry_after {
        response = response.header("retry-after", seconds.to_string());
    }
    response.body(Body::from(answer.body)).unwrap()
}

/// A signing key of the instance.
struct Key {
    issuer: LocalIssuer,
}

impl Key {
    fn new() -> Self {
        Self::named("issuer")
    }

    /// Made once and shared with other tests; `open` is safe against that.
    fn named(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clerk").join(name);
        Self { issuer: LocalIssuer::open(&folder).unwrap() }
    }

    fn token(&self, id: &str, now: SystemTime) -> String {
        let header = json!({"alg": "RS256", "kid": id, "typ": "JWT"});
        self.issuer.sign(&header, &json!({"sub": "user_1", "exp": seconds(now) + 60})).unwrap()
    }

    fn jwk(&self, id: &str) -> Value {
        let body = self.issuer.public_key().lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let der = STANDARD.decode(body).unwrap();
        // A 2048-bit SubjectPublicKeyInfo: 33 bytes of frame, the modulus, and the exponent 65537.
        assert_eq!((der.len(), &der[289..]), (294, [2, 3, 1, 0, 1].as_slice()));
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": URL_SAFE_NO_PAD.encode(&der[33..289]), "e": "AQAB"})
    }
}

fn keys(keys: &[(&str, &Key)]) -> String {
    json!({"keys": keys.iter().map(|(id, key)| key.jwk(id)).collect::<Vec<_>>()}).to_string()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}
