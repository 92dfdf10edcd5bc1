//! Requests that nobody would send: whatever arrives is answered, and never with a fault of the service's own.
//!
//! Paths, queries, headers and bodies of the contract are put together at random from valid, nearly valid and absurd
//! parts. Six seconds by default; `SPECWRIGHT_FUZZ_SECONDS` says how long instead.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;

use crate::support::{Answer, Sends as _, Service};

const PATHS: &[&str] = &[
    "/tasks",
    "/tasks/{}",
    "/tasks/{}/attachments",
    "/tasks/{}/attachments/{}",
    "/tasks/{}/attachments/{}/content",
    "/exports/tasks",
    "/projects",
    "/projects/{}",
    "/me",
    "/health",
    "/health/ready",
    "/",
    "/nothing",
    "//",
    "/tasks/",
];
const NAMES: &[&str] = &[
    "limit",
    "cursor",
    "status",
    "q",
    "dueBefore",
    "dueAfter",
    "labels",
    "priority",
    "projectId",
    "sort",
    "format",
    "unknown",
    "",
    "limit[]",
    "a[b]",
    "status[0]",
];
const TEXTS: &[&str] = &[
    "",
    "1",
    "0",
    "-1",
    "1.0",
    "1e2",
    "1e400",
    "99999999999999999999",
    "open",
    "done",
    "true",
    "null",
    "%00",
    "%ff",
    "%",
    "%zz",
    "%F0%9F%92%99",
    "2026-01-31T12:00:00Z",
    "2026-13-01",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "00000000-0000-0000-0000-000000000000",
    "AAAA",
    "..",
    "%2e%2e%2f",
    "a,b",
    "a%2Cb",
    "a|b",
    "+",
    "%20",
    "'",
    "\"",
    "%5B%5D",
    "-9223372036854775808",
    "%EF%BB%BF",
    "%ED%A0%80",
];
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "1.0",
    "1e3",
    "1e400",
    "-1",
    "0.1",
    "123456789012345678901234567890",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\ud83d\"",
    "\"💙\"",
    "\"2026-01-31T12:00:00Z\"",
    "\"+999999-01-01T00:00:00Z\"",
    "\"open\"",
    "\"high\"",
    "[]",
    "{}",
    "[[[[]]]]",
    "[null]",
    "{\"kind\":\"email\"}",
    "{\"kind\":\"webhook\",\"url\":\"https://a.example\",\"minutesBefore\":5}",
    "{\"\":{}}",
    "\"00000000-0000-0000-0000-000000000000\"",
    "[\"a\",\"a\"]",
];
const MEMBERS: &[&str] = &[
    "title",
    "notes",
    "description",
    "priority",
    "status",
    "dueAt",
    "labels",
    "projectId",
    "reminder",
    "key",
    "name",
    "id",
    "createdAt",
    "owner",
    "kind",
    "",
];
const TYPES: &[&str] = &[
    "application/json",
    "application/json; charset=utf-8",
    "application/merge-patch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/plain",
    "application/octet-stream",
    "*/*",
    "nonsense",
    "a/b;c",
    "",
];

#[tokio::test]
async fn no_request_is_a_fault_of_the_service() {
    let seconds = std::env::var("SPECWRIGHT_FUZZ_SECONDS").map_or(6, |seconds| seconds.parse().unwrap());
    let first: u64 = std::env::var("SPECWRIGHT_FUZZ_SEED").map_or(1, |seed| seed.parse().unwrap());
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let task = ada.create_task("Water the plants").await;
    let attachment = ada.upload(task, "a.txt", b"text").await;
    let ids = [task.to_string(), attachment.to_string()];
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut seed, mut good) = (first, 0);
    while Instant::now() < end || seed < first + 50 {
        let mut random = StdRng::seed_from_u64(seed);
        let (target, described, request) = request(&ada, &ids, &mut random);
        // What the client's own HTTP library refuses is not sent.
        if let Ok(response) = request.send().await {
            let status = response.status();
            assert!(status.as_u16() < 500 || status.as_u16() == 501, "seed {seed}: {target} {described}: {status}");
            good += usize::from(status.is_success());
            if status.is_client_error() {
                let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
                assert!(
                    response.content_length() == Some(0) || kind.as_deref() == Some("application/problem+json"),
                    "seed {seed}: {target} {described}: {status} with {kind:?}"
                );
            }
        }
        seed += 1;
    }
    println!("{} requests, {good} successful", seed - first);
    assert!(good > 0, "nothing was accepted");
    let answer: Answer = ada.send(Method::GET, "/tasks?limit=1").answer().await;
    assert_eq!(answer.status, 200, "the service is still there");
}

fn request(
    ada: &crate::support::Person,
    ids: &[String],
    random: &mut StdRng,
) -> (String, String, reqwest::RequestBuilder) {
    let mut target = String::new();
    for (index, part) in PATHS.choose(random).unwrap().split("{}").enumerate() {
        if index > 0 {
            let known = random.random_bool(0.6);
            target.push_str(if known { &ids[(index - 1).min(1)] } else { TEXTS.choose(random).unwrap() });
        }
        target.push_str(part);
    }
    for index in 0..random.random_range(0..4) {
        let separator = if index == 0 { '?' } else { '&' };
        let (name, text) = (NAMES.choose(random).unwrap(), TEXTS.choose(random).unwrap());
        target.push_str(&format!("{separator}{name}={text}"));
    }
    let methods =
        [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS];
    let method = methods.choose(random).unwrap().clone();
    let mut request = ada.send(method.clone(), &target);
    let kind = if random.random_bool(0.6) { TYPES[0] } else { TYPES.choose(random).unwrap() };
    for name in ["Idempotency-Key", "If-Match", "If-None-Match", "Accept", "Range", "X-Request-Id"] {
        if random.random_bool(0.15) {
            let text = ["*", "\"1\"", "W/\"x\"", "", "a b", "application/json", "text/csv;q=0", "\u{e9}", "bytes=0-"]
                .choose(random)
                .unwrap();
            request = request.header(name, *text);
        }
    }
    let body = body(kind, random);
    let described = format!("{method} {kind} {body:?}");
    if random.random_bool(0.7) {
        request = request.header("Content-Type", kind).body(body);
    }
    (target, described, request)
}

fn body(kind: &str, random: &mut StdRng) -> Vec<u8> {
    let mut bytes = if kind.starts_with("multipart") {
        let name = ["file", "description", "", "unknown"].choose(random).unwrap();
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\\\".txt\"\r\n\r\ntext\r\n--b--\r\n"
        )
    } else {
        let members: Vec<String> = (0..random.random_range(0..5))
            .map(|_| format!("\"{}\":{}", MEMBERS.choose(random).unwrap(), VALUES.choose(random).unwrap()))
            .collect();
        let title = if random.random_bool(0.5) { "\"title\":\"t\"," } else { "" };
        format!("{{{title}{}}}", members.join(",")).replace(",}", "}")
    }
    .into_bytes();
    if random.random_bool(0.1) && !bytes.is_empty() {
        let place = random.random_range(0..bytes.len());
        bytes[place] = random.random();
    }
    if random.random_bool(0.05) {
        bytes.truncate(bytes.len() / 2);
    }
    bytes
}
