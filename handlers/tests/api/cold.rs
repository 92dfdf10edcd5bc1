//! The cold start of a function: what it fetches, how often, and that it waits for all of it at the same time.
//!
//! The key server and Secrets Manager are stand-ins, each of which answers only once the other was asked as well: a function that
//! fetched one after the other would get neither in time, and ask twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::IntoResponse,
    routing::any,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::{StatusCode, Url};
use serde_json::json;
use specwright_runtime::local::issuer::KEY_ID;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    lambda::Function,
    support::{Service, issuer},
};

const KEYS: &str = "keys";
const SECRET: &str = "secret";

/// The stand-ins: what each answers, how often each was asked, and whether both were.
#[derive(Clone)]
struct StandIns {
    answers: Arc<HashMap<&'static str, String>>,
    asked: Arc<Mutex<Vec<String>>>,
    both: watch::Sender<bool>,
}

impl StandIns {
    /// Returns the address too.
    async fn start(keys: String, secret: String) -> (Self, String) {
        let answers = Arc::new(HashMap::from([(KEYS, keys), (SECRET, secret)]));
        let stand_ins = Self { answers, asked: Arc::default(), both: watch::Sender::new(false) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        // The SDK adds the slash.
        let router = Router::new().route("/{of}", any(answer)).route("/{of}/", any(answer));
        let router = router.with_state(stand_ins.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (stand_ins, address)
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

async fn answer(State(stand_ins): State<StandIns>, Path(of): Path<String>, headers: HeaderMap) -> impl IntoResponse {
    let asked = {
        let mut asked = stand_ins.asked.lock().unwrap();
        asked.push(of.clone());
        asked.len()
    };
    if asked == 2 {
        stand_ins.both.send_replace(true);
    }
    stand_ins.both.subscribe().wait_for(|both| *both).await.unwrap();
    let media_type =
        if headers.contains_key("x-amz-target") { "application/x-amz-json-1.1" } else { "application/json" };
    ([("content-type", media_type)], stand_ins.answers[of.as_str()].clone())
}

#[tokio::test]
async fn the_secret_and_the_keys_are_fetched_once_and_at_the_same_time() {
    let service = Service::start().await;
    let database = Url::parse(&service.database_url).unwrap();
    let credentials = json!({ "username": database.username(), "password": database.password().unwrap() }).to_string();
    let secret = json!({ "Name": "database", "SecretString": credentials }).to_string();
    let (stand_ins, address) = StandIns::start(json!({ "keys": [key()] }).to_string(), secret).await;

    let function = Function::start_with([
        ("DATABASE_HOST", "127.0.0.1".to_owned()),
        ("DATABASE_PORT", database.port().unwrap().to_string()),
        ("DATABASE_NAME", database.path().trim_start_matches('/').to_owned()),
        ("DATABASE_SSLMODE", "disable".to_owned()),
        ("DATABASE_SECRET_ARN", "database".to_owned()),
        ("AWS_ENDPOINT_URL", format!("{address}/{SECRET}")),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("CLERK_JWKS_URL", format!("{address}/{KEYS}")),
    ])
    .await;
    // The first answer needs a key; the second the database.
    for target in ["/me", "/tasks"] {
        let reply = function.call("GET", "$default", target, "", &[], None).await;
        assert_eq!(reply.status(), StatusCode::OK, "{target}: {reply:?}");
    }
    assert_eq!(stand_ins.asked(), [KEYS, SECRET]);
}

/// The issuer's public key as a JWK.
fn key() -> serde_json::Value {
    let body = issuer().public_key().lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = STANDARD.decode(body).unwrap();
    // A 2048-bit SubjectPublicKeyInfo: 33 bytes of frame, the modulus, and the exponent 65537.
    assert_eq!((der.len(), &der[289..]), (294, [2, 3, 1, 0, 1].as_slice()));
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": URL_SAFE_NO_PAD.encode(&der[33..289]), "e": "AQAB" })
}
