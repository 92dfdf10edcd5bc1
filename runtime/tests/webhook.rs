//! Messages of Clerk: whose are accepted, and what is read out of them.

#![cfg(feature = "clerk")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::hmac;
use axum::{Router, body::Body};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use specwright_runtime::{
    failure::Failure,
    service::Service,
    webhook::{self, Event, Message, Receipt, Receiver, Refusal, Verifier},
};
use tower::ServiceExt as _;

/// The example of Svix's documentation.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: u64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[test]
fn the_documented_example_is_signed_as_documented() {
    // It is no message of Clerk, which is found out after the signature.
    let verifier = at(TIME, &[SECRET]);
    let headers = headers("svix", ID, TIME, SIGNATURE);
    assert_eq!(verifier.verify(&headers, BODY.as_bytes()).unwrap_err(), Refusal::Body);
    assert_eq!(verifier.verify(&headers, b"{\"test\": 2432232315}").unwrap_err(), Refusal::Signature);
}

#[test]
fn only_what_was_signed_counts() {
    let verifier = at(TIME, &[SECRET]);
    let body = user("user.updated", 1_000);
    let signature = sign(SECRET, ID, TIME, &body);
    let wrong = |headers: &HeaderMap, body: &str| verifier.verify(headers, body.as_bytes()).unwrap_err();
    for prefix in ["svix", "webhook"] {
        assert!(verifier.verify(&headers(prefix, ID, TIME, &signature), body.as_bytes()).is_ok());
    }
    assert_eq!(wrong(&headers("svix", "msg_other", TIME, &signature), &body), Refusal::Signature);
    assert_eq!(wrong(&headers("svix", ID, TIME + 1, &signature), &body), Refusal::Signature);
    assert_eq!(wrong(&headers("svix", ID, TIME, &signature), &body.replace("ada", "eve")), Refusal::Signature);
    let other = sign("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ID, TIME, &body);
    for signatures in [
        "",
        "v1,",
        "v1",
        &other,
        &signature.replace("v1,", "v2,"),
        &signature.replace("v1,", ""),
        &signature[..signature.len() - 4],
        &signature.replace(',', " "),
    ] {
        assert_eq!(wrong(&headers("svix", ID, TIME, signatures), &body), Refusal::Signature, "{signatures}");
    }
    // A dot in the id must not move the border between what is signed.
    let moved = sign(SECRET, &format!("{ID}.{TIME}"), TIME, &body);
    assert_eq!(wrong(&headers("svix", ID, TIME, &moved), &body), Refusal::Signature);
}

#[test]
fn secrets_are_rotated_without_a_gap() {
    let (old, new) = (SECRET, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let body = user("user.updated", 1_000);
    let (by_old, by_new) = (sign(old, ID, TIME, &body), sign(new, ID, TIME, &body));
    let both = format!("v1a,AAAA {by_old} {by_new}");
    for (secrets, signatures, accepted) in [
        (&[old][..], by_old.as_str(), true),
        (&[old], &by_new, false),
        (&[old], &both, true),
        (&[new], &both, true),
        (&[old, new], &by_old, true),
        (&[old, new], &by_new, true),
        (&["C2FVsBQIhrscChlQIMV+b5sSYspob7oD"], &by_new, true),
    ] {
        let outcome = at(TIME, secrets).verify(&headers("svix", ID, TIME, signatures), body.as_bytes());
        assert_eq!(outcome.is_ok(), accepted, "{secrets:?} {signatures}");
    }
    for secrets in [&[][..], &[""], &["whsec_"], &["whsec_AAAA"], &[SECRET, "whsec_!"]] {
        assert!(Verifier::new(secrets).is_err(), "{secrets:?}");
    }
    assert!(!format!("{:?}", at(TIME, &[SECRET])).contains("MfKQ"));
}

#[test]
fn the_variable_holds_one_secret_or_several() {
    let body = user("user.updated", 1_000);
    let good = |value: &str| {
        let verifier = Verifier::from_variables(|name| {
            assert_eq!(name, "CLERK_WEBHOOK_SIGNING_SECRET");
            Some(value.to_owned())
        });
        let verifier = verifier.unwrap().unwrap().clock(|| UNIX_EPOCH + Duration::from_secs(TIME));
        verifier.verify(&headers("svix", ID, TIME, &sign(SECRET, ID, TIME, &body)), body.as_bytes()).is_ok()
    };
    assert!(good(SECRET));
    assert!(good(&format!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD, {SECRET}")));
    assert!(!good("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
    for unset in [None, Some(" ".to_owned())] {
        assert!(Verifier::from_variables(|_| unset.clone()).unwrap().is_none());
    }
    assert!(Verifier::from_variables(|_| Some("nonsense".to_owned())).is_err());
}

#[test]
fn a_message_is_good_for_five_minutes_either_way() {
    let body = user("user.updated", 1_000);
    let signed = headers("svix", ID, TIME, &sign(SECRET, ID, TIME, &body));
    for (now, accepted) in [(TIME - 301, false), (TIME - 300, true), (TIME + 300, true), (TIME + 301, false)] {
        let outcome = at(now, &[SECRET]).verify(&signed, body.as_bytes());
        assert_eq!(outcome.is_ok(), accepted, "{now}");
        assert!(accepted || outcome.unwrap_err() == Refusal::Time);
    }
}

#[test]
fn headers_mean_one_thing() {
    let body = user("user.updated", 1_000);
    let good = headers("svix", ID, TIME, &sign(SECRET, ID, TIME, &body));
    let verifier = at(TIME, &[SECRET]);
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        let mut missing = good.clone();
        missing.remove(name);
        assert!(matches!(verifier.verify(&missing, body.as_bytes()), Err(Refusal::Header(_))), "{name}");
        let mut twice = good.clone();
        twice.append(name, twice[name].clone());
        assert_eq!(verifier.verify(&twice, body.as_bytes()).unwrap_err(), Refusal::Header(name));
    }
    for time in ["", "+1614265330", "1614265330.0", "-1", "99999999999999999999", "now"] {
        let mut odd = good.clone();
        odd.insert("svix-timestamp", time.parse().unwrap());
        assert_eq!(verifier.verify(&odd, body.as_bytes()).unwrap_err(), Refusal::Header("svix-timestamp"), "{time}");
    }
    for id in ["", "a b", &"x".repeat(257)] {
        let signed = headers("svix", id, TIME, &sign(SECRET, id, TIME, &body));
        assert_eq!(verifier.verify(&signed, body.as_bytes()).unwrap_err(), Refusal::Header("svix-id"), "{id}");
    }
}

#[test]
fn users_are_read() {
    let read = |kind: &str, data: Value| {
        let body = json!({"type": kind, "object": "event", "data": data}).to_string();
        let signed = headers("svix", ID, TIME, &sign(SECRET, ID, TIME, &body));
        at(TIME, &[SECRET]).verify(&signed, body.as_bytes())
    };
    let data = json!({
        "id": "user_1", "first_name": "Ada", "last_name": "", "username": null, "image_url": "https://img.example/1",
        "primary_email_address_id": "idn_2",
        "email_addresses": [
            {"id": "idn_1", "email_address": "old@example.org"}, {"id": "idn_2", "email_address": "ada@example.org"},
        ],
        "created_at": 1_614_265_330_000_i64, "updated_at": 1_614_265_330_123_i64,
        "public_metadata": {"team": "core"},
    });
    let message = read("user.created", data.clone()).unwrap();
    assert_eq!((message.id.as_str(), message.kind.as_str()), (ID, "user.created"));
    let Event::UserCreated(user) = message.event else { panic!("{message:?}") };
    assert_eq!((user.email.as_deref(), user.name().as_deref()), (Some("ada@example.org"), Some("Ada")));
    assert_eq!((user.username.as_deref(), user.banned), (None, false));
    assert_eq!(user.updated_at.timestamp_millis(), 1_614_265_330_123);
    assert_eq!(user.data["public_metadata"]["team"], "core");
    assert!(
        matches!(read("user.deleted", json!({"id": "user_1", "deleted": true})).unwrap().event, Event::UserDeleted { id } if id == "user_1")
    );
    assert!(
        matches!(read("organization.created", json!({"id": "org_1"})).unwrap().event, Event::Other { data } if data["id"] == "org_1")
    );
    // Without a primary address, none is the user's.
    let mut nameless = data.clone();
    nameless["primary_email_address_id"] = Value::Null;
    let Event::UserUpdated(user) = read("user.updated", nameless).unwrap().event else { panic!() };
    assert_eq!(user.email, None);
    // What must be there is there.
    for member in ["id", "updated_at"] {
        let mut poor = data.clone();
        poor.as_object_mut().unwrap().remove(member);
        assert_eq!(read("user.updated", poor).unwrap_err(), Refusal::Body, "{member}");
    }
    assert_eq!(read("user.deleted", json!({"id": "a\u{0}b"})).unwrap_err(), Refusal::Body);
}

#[tokio::test]
async fn the_route_takes_in_what_is_signed() {
    let inbox = Arc::new(Inbox::default());
    let router = {
        let service = Service::builder().build();
        let verifier = Arc::new(Verifier::new([SECRET]).unwrap());
        let routes = webhook::routes(&service, "/webhooks/clerk", verifier, Arc::clone(&inbox));
        service.finish(Router::new()).merge(routes)
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let send = async |id: &str, body: &str, signature: &str| {
        let mut request = Request::post("/webhooks/clerk");
        *request.headers_mut().unwrap() = headers("svix", id, now, signature);
        let response = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key("x-request-id"));
        (parts.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    };
    let body = user("user.updated", 1_000);
    let signed = |id: &str, body: &str| sign(SECRET, id, now, body);
    assert_eq!(send("msg_1", &body, &signed("msg_1", &body)).await, (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(send("msg_1", &body, &signed("msg_1", &body)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(*inbox.0.lock().unwrap(), ["msg_1"]);
    let (status, text) = send("msg_2", &body, &signed("msg_1", &body)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("\"instance\":\"urn:request:") && !text.contains("no signature"), "{text}");
    assert_eq!(send("fail", &body, &signed("fail", &body)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let padded = |length: usize| format!("{}{body}", " ".repeat(length - body.len()));
    let (most, more) = (padded(512 * 1024), padded(512 * 1024 + 1));
    assert_eq!(send("msg_3", &more, &signed("msg_3", &more)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(*inbox.0.lock().unwrap(), ["msg_1"]);
    assert_eq!(send("msg_4", &most, &signed("msg_4", &most)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(*inbox.0.lock().unwrap(), ["msg_1", "msg_4"]);
}

#[derive(Default)]
struct Inbox(Mutex<Vec<String>>);

impl Receiver for Inbox {
    async fn receive(&self, message: Message) -> Result<Receipt, Failure> {
        if message.id == "fail" {
            return Err(Failure::unavailable("as intended"));
        }
        let mut known = self.0.lock().unwrap();
        if known.contains(&message.id) {
            return Ok(Receipt::Duplicate);
        }
        known.push(message.id);
        Ok(Receipt::Processed)
    }
}

fn at(seconds: u64, secrets: &[&str]) -> Verifier {
    Verifier::new(secrets).unwrap().clock(move || UNIX_EPOCH + Duration::from_secs(seconds))
}

fn user(kind: &str, updated_at: i64) -> String {
    json!({"type": kind, "data": {"id": "user_ada", "first_name": "Ada", "updated_at": updated_at}}).to_string()
}

fn headers(prefix: &str, id: &str, time: u64, signatures: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("id", id), ("timestamp", &time.to_string()), ("signature", signatures)] {
        let name: http::HeaderName = format!("{prefix}-{name}").parse().unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

fn sign(secret: &str, id: &str, time: u64, body: &str) -> String {
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, format!("{id}.{time}.{body}").as_bytes())))
}
