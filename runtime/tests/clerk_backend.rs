//! The client of Clerk's Backend API: whose secret it sends, and what it takes for an answer.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::State, response::Response};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::json;
use specwright_runtime::{
    auth::{
        AuthError, Authenticator as _, Caller, Credential,
        clerk::{BackendApi, BackendApiBuilder, ClerkVerifier, MachineVerifier},
    },
    local::issuer::LocalIssuer,
    operation::{SchemeKind, SecurityScheme},
};

static SCHEME: SecurityScheme = SecurityScheme { name: "key", kind: SchemeKind::Bearer { format: None } };

/// The most bytes of an answer that are read.
const MOST: usize = 256 * 1024;

/// Stands in for Clerk: says what it is told to, in parts, and notes the secrets that it sees.
#[derive(Clone, Default)]
struct Clerk(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    status: StatusCode,
    parts: Vec<String>,
    secrets: Vec<String>,
}

impl Clerk {
    /// Returns the address too.
    async fn start() -> (Self, String) {
        let clerk = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(clerk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (clerk, url)
    }

    fn say(&self, status: StatusCode, parts: &[&str]) {
        let mut state = self.0.lock().unwrap();
        (state.status, state.parts) = (status, parts.iter().map(|part| (*part).to_owned()).collect());
    }

    fn secrets(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().secrets)
    }
}

async fn answer(State(clerk): State<Clerk>, headers: HeaderMap) -> Response {
    let (status, parts) = {
        let mut state = clerk.0.lock().unwrap();
        state.secrets.push(headers[header::AUTHORIZATION].to_str().unwrap().to_owned());
        (state.status, state.parts.clone())
    };
    // With a pause between them, so that they arrive one by one.
    let parts = stream::iter(parts).then(|part| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(part)
    });
    Response::builder().status(status).body(Body::from_stream(parts)).unwrap()
}

async fn ask(verifier: &MachineVerifier, text: &str) -> Result<Caller, AuthError> {
    let parts = Request::new(()).into_parts().0;
    verifier.authenticate(Credential::Bearer(text), &SCHEME, &[], &parts).await
}

fn keys(builder: BackendApiBuilder) -> MachineVerifier {
    MachineVerifier::api_keys(Arc::new(builder.build().unwrap())).remember_nothing()
}

/// What Clerk says about a credential that is good.
fn good(subject: &str) -> String {
    json!({ "id": "id_1", "subject": subject, "scopes": [], "revoked": false, "expired": false }).to_string()
}

#[tokio::test]
async fn an_answer_has_a_limit() {
    let (clerk, url) = Clerk::start().await;
    let keys = keys(BackendApi::builder("sk_1").url(url));
    let user = good("user_1");
    let (head, tail) = user.split_at(40);
    let padded = |length: usize| format!("{user}{}", " ".repeat(length - user.len()));
    let (most, more) = (padded(MOST), padded(MOST + 1));
    let middle = " ".repeat(MOST / 2);
    for (parts, fits) in [
        (&[user.as_str()][..], true),
        // Where the parts' lengths were multiplied, these would be too much.
        (&[head, tail, &" ".repeat(10_000)], true),
        (&[&most], true),
        (&[&more], false),
        (&[&user, &middle, &middle], false),
    ] {
        clerk.say(StatusCode::OK, parts);
        match ask(&keys, "ak_1").await {
            Ok(caller) if fits => assert_eq!(caller.user_id().as_str(), "user_1"),
            Err(AuthError::Unavailable { source, .. }) if !fits => assert!(source.to_string().contains("longer")),
            outcome => panic!("{} parts: {outcome:?}", parts.len()),
        }
    }
}

#[tokio::test]
async fn a_machine_has_a_secret_of_its_own() {
    let (clerk, url) = Clerk::start().await;
    let folder = tempfile::tempdir().unwrap();
    let verifier: Arc<ClerkVerifier> = Arc::new(LocalIssuer::open(folder.path()).unwrap().verifier().build().unwrap());
    let builder = || BackendApi::builder("sk_instance").url(&url);
    let machines = |builder: BackendApiBuilder| {
        let backend = Arc::new(builder.build().unwrap());
        MachineVerifier::m2m(Arc::clone(&verifier)).backend(backend).remember_nothing()
    };
    clerk.say(StatusCode::OK, &[&good("mch_1")]);
    ask(&machines(builder()), "mt_1").await.unwrap();
    ask(&machines(builder().machine_secret_key("sk_machine")), "mt_1").await.unwrap();
    clerk.say(StatusCode::OK, &[&good("user_1")]);
    ask(&keys(builder().machine_secret_key("sk_machine")), "ak_1").await.unwrap();
    assert_eq!(clerk.secrets(), ["Bearer sk_instance", "Bearer sk_machine", "Bearer sk_instance"]);
}

/// Nobody looks for a wrong secret unless the log says so.
#[tokio::test]
async fn a_refused_secret_is_named() {
    let (clerk, url) = Clerk::start().await;
    let keys = keys(BackendApi::builder("sk_1").url(url));
    for (status, expected) in [(401, "CLERK_SECRET_KEY"), (403, "CLERK_SECRET_KEY"), (418, "418")] {
        clerk.say(StatusCode::from_u16(status).unwrap(), &[]);
        match ask(&keys, "ak_1").await {
            Err(AuthError::Unavailable { source, .. }) => assert!(source.to_string().contains(expected), "{source}"),
            outcome => panic!("{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn variables_name_the_secrets_and_the_address() {
    let (clerk, url) = Clerk::start().await;
    let of = |secret: Option<&str>| {
        BackendApi::from_variables(|name| match name {
            "CLERK_SECRET_KEY" => secret.map(str::to_owned),
            "CLERK_MACHINE_SECRET_KEY" => Some(String::new()),
            "CLERK_API_URL" => Some(format!(" {url} ")),
            _ => None,
        })
    };
    assert!(of(None).unwrap().is_none() && of(Some(" ")).unwrap().is_none());
    let backend = of(Some(" sk_1 ")).unwrap().unwrap();
    clerk.say(StatusCode::OK, &[&good("user_1")]);
    ask(&MachineVerifier::api_keys(Arc::new(backend)), "ak_1").await.unwrap();
    assert_eq!(clerk.secrets(), ["Bearer sk_1"]);
}
