//! Requests that were damaged on the way: whatever arrives, the decoders answer it, and nothing panics.
//!
//! A valid request is taken and its path, query, headers and body are damaged at random places. Some of it is still valid, so that the
//! handler may be reached; what must not be is a panic, an answer of 500 by anybody but the handler, or no answer.

use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderValue};

use super::drive::Ground;
use super::given::Request;
use super::plan::Plan;
use super::report::Report;
use super::requests::raw;

/// Damaged requests for each operation, where `SPECWRIGHT_FUZZ_REQUESTS` does not say how many.
const REQUESTS: usize = 40;

/// What is put into a request.
const PIECES: &[&str] = &[
    "%",
    "%0",
    "%00",
    "%ff",
    "%2F",
    "%5B",
    "[",
    "]",
    "[]",
    "{",
    "}",
    "&",
    "=",
    "&&",
    ";",
    ",",
    ".",
    "..",
    "/",
    "//",
    "+",
    "-",
    "null",
    "true",
    "1e400",
    "-0",
    "0x1",
    "9223372036854775808",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\n",
    "\r\n\r\n",
    "\t",
    "é",
    "\u{1f600}",
    "\u{0}",
    "--",
    "content-disposition: form-data",
    "data: ",
    "\u{1e}",
];

/// What panicked in this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Panics(Arc<Mutex<Vec<String>>>);

impl Panics {
    /// Notes each panic from now on, and prints none.
    pub(super) fn watch() -> Self {
        let panics = Self::default();
        let noted = panics.clone();
        std::panic::set_hook(Box::new(move |panic| noted.noted().push(panic.to_string())));
        panics
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What panicked since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.noted())
    }
}

/// Sends damaged requests.
pub(super) async fn noise(plan: &'static Plan, ground: &Ground, valid: &[Request], report: &mut Report) {
    let number = std::env::var("SPECWRIGHT_FUZZ_REQUESTS").ok().and_then(|number| number.parse().ok());
    let seed = plan.operation.path.bytes().fold(1_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mut random = Rng::with_seed(seed);
    for turn in 0..number.unwrap_or(REQUESTS) {
        let Ok(mut request) = raw(plan, &valid[turn % valid.len()], &ground.http, &ground.base_url) else { continue };
        damage(&mut request, &mut random);
        let what = format!("damaged request {turn}, {} {}", request.method(), request.url());
        ground.stage.with(|scene| {
            scene.reached = false;
            scene.faults.clear();
        });
        report.damaged += 1;
        let answered = ground.http.execute(request).await;
        let reached = ground.stage.with(|scene| std::mem::take(&mut scene.reached));
        for panic in ground.panics.take() {
            report.failures.push(format!("{what}: {panic}"));
        }
        match answered {
            Ok(response) if response.status() == 500 && !reached => {
                report.failures.push(format!("{what}: answered with 500, and not by the handler"));
            }
            Ok(_) => {}
            Err(error) => report.failures.push(format!("{what}: no response: {error:?}")),
        }
    }
}

/// Damages one to four places.
fn damage(request: &mut reqwest::Request, random: &mut Rng) {
    for _ in 0..random.usize(1..=4) {
        match random.u8(0..4) {
            0 => address(request, random),
            1 => header(request, random),
            _ => body(request, random),
        }
    }
}

fn address(request: &mut reqwest::Request, random: &mut Rng) {
    let url = request.url().as_str();
    // Behind the slash that the path begins with.
    let Some(start) = url.char_indices().filter(|(_, one)| *one == '/').nth(2).map(|(at, _)| at + 1) else { return };
    let at = random.usize(start..=url.len());
    let end = if random.bool() { at } else { random.usize(at..=url.len().min(at + 3)) };
    let damaged = format!("{}{}{}", &url[..at], piece(random), &url[end..]);
    if let Ok(url) = damaged.parse() {
        *request.url_mut() = url;
    }
}

fn header(request: &mut reqwest::Request, random: &mut Rng) {
    let names: Vec<_> = request.headers().keys().cloned().collect();
    let Some(name) = random.choice(&names) else { return };
    if [AUTHORIZATION, CONTENT_LENGTH, HOST].contains(name) {
        return;
    }
    let mut bytes = request.headers()[name].as_bytes().to_vec();
    edit(&mut bytes, random);
    if let Ok(value) = HeaderValue::from_bytes(&bytes) {
        request.headers_mut().insert(name, value);
    }
}

fn body(request: &mut reqwest::Request, random: &mut Rng) {
    // A form that is streamed is left as it is.
    let Some(bytes) = request.body().and_then(|body| body.as_bytes()) else { return };
    let mut bytes = bytes.to_vec();
    edit(&mut bytes, random);
    request.headers_mut().remove(CONTENT_LENGTH);
    *request.body_mut() = Some(bytes.into());
}

fn edit(bytes: &mut Vec<u8>, random: &mut Rng) {
    let at = random.usize(0..=bytes.len());
    let end = random.usize(at..=bytes.len().min(at + 8));
    match random.u8(0..5) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        3 => {
            bytes.splice(at..at, [random.u8(..)]);
        }
        _ => {
            bytes.splice(at..end, piece(random).bytes());
        }
    }
}

fn piece(random: &mut Rng) -> &'static str {
    random.choice(PIECES).copied().unwrap_or_default()
}
