//! Request bodies: JSON, forms, multipart, text and streams; and all violations of a request in one answer.
#![cfg(feature = "server")]
#![allow(missing_docs, clippy::unwrap_used, clippy::needless_pass_by_value)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{body::Body, extract::Request, response::Response};
use common::service::{Answer, send, service};
use http::{Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use specwright_runtime::{
    decode::{Decoder, Incoming, Invalid, Multipart, Part, PartKind, Rejection},
    operation::{Operation, Parameter},
    schema::{Number, Schema, Types},
    value::Patch,
};

static TITLE: Schema = Schema { types: Types::STRING, min_length: Some(1), max_length: Some(5), ..Schema::ANY };
static TASK: Schema = Schema {
    types: Types::OBJECT,
    required: &["title", "id"],
    properties: &[
        ("title", &TITLE),
        ("id", &Schema { types: Types::STRING, read_only: true, ..Schema::ANY }),
        (
            "priority",
            &Schema { types: Types::INTEGER.or(Types::NULL), maximum: Some(Number::Integer(9)), ..Schema::ANY },
        ),
        ("tags", &Schema { types: Types::ARRAY, items: Some(&TITLE), ..Schema::ANY }),
        ("owner", &Schema { types: Types::OBJECT, properties: &[("name", &TITLE)], ..Schema::ANY }),
    ],
    additional_properties: Some(&Schema::NEVER),
    ..Schema::ANY
};
static TEXT: Schema = Schema { types: Types::STRING, max_length: Some(10), ..Schema::ANY };

static LIMIT: Parameter = Parameter::query("limit", &Schema::INTEGER).required();

const POST: Operation =
    Operation { id: "post", method: "POST", path: "/", tag: "t", security: &[], produces: &[], deprecated: false };
static JSON: Operation = Operation { id: "json", path: "/json", ..POST };
static OPTIONAL: Operation = Operation { id: "optional", path: "/optional", ..POST };
static PATCHED: Operation = Operation { id: "patched", path: "/patched", ..POST };
static FORM: Operation = Operation { id: "form", path: "/form", ..POST };
static PLAIN: Operation = Operation { id: "text", path: "/text", ..POST };
static BINARY: Operation = Operation { id: "binary", path: "/binary", ..POST };
static SEVERAL: Operation = Operation { id: "several", path: "/several", ..POST };
static UPLOAD: Operation = Operation { id: "upload", path: "/upload", ..POST };
static STREAMED: Operation = Operation { id: "streamed", path: "/streamed", ..POST };
static EVERYTHING: Operation = Operation { id: "everything", path: "/everything", ..POST };

static UPLOAD_PARTS: Multipart = Multipart {
    schema: &Schema {
        types: Types::OBJECT,
        required: &["file", "title"],
        properties: &[
            ("file", &Schema { types: Types::STRING, min_length: Some(1), ..Schema::ANY }),
            ("more", &Schema { types: Types::ARRAY, items: Some(&TEXT), max_items: Some(2), ..Schema::ANY }),
            ("title", &TITLE),
            ("count", &Schema { types: Types::INTEGER, ..Schema::ANY }),
            ("meta", &TASK),
        ],
        additional_properties: Some(&Schema::NEVER),
        ..Schema::ANY
    },
    parts: &[
        Part {
            content_types: &["image/*", "text/plain"],
            headers: &[Parameter::header("X-Sum", &COUNT)],
            ..Part::new("file", PartKind::File)
        },
        Part { many: true, ..Part::new("more", PartKind::File) },
        Part::new("title", PartKind::Text),
        Part::new("count", PartKind::Text),
        Part::new("meta", PartKind::Json),
    ],
};
static COUNT: Schema = Schema { types: Types::INTEGER, ..Schema::ANY };

const BODY_LIMIT: usize = 2000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    priority: Patch<i64>,
}

fn ok(body: Value) -> Response {
    Response::new(Body::from(body.to_string()))
}

fn taken(decoder: &mut Decoder, value: Result<Value, Invalid>) -> Result<Response, Rejection> {
    decoder.finish()?;
    Ok(ok(value?))
}

fn app() -> axum::Router {
    let service = service().body_limit(BODY_LIMIT).body_limit_of("streamed", 20_000_000).form_memory(3000).build();
    let mut routes = service.routes(Arc::new(()));
    routes.add(&JSON, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let value = decoder.json(&TASK).await;
        Ok(taken(&mut decoder, value)?)
    });
    routes.add(&OPTIONAL, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let value = decoder.optional_json::<Value>(&TASK).await.map(|value| json!({ "sent": value.is_some() }));
        Ok(taken(&mut decoder, value)?)
    });
    routes.add(&PATCHED, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let task = decoder.json::<Task>(&Schema { types: Types::OBJECT, ..Schema::ANY }).await;
        let value = task.map(|task| json!([format!("{:?}", task.priority), task.title]));
        Ok(taken(&mut decoder, value)?)
    });
    routes.add(&FORM, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let value = decoder.form(&TASK).await;
        Ok(taken(&mut decoder, value)?)
    });
    routes.add(&PLAIN, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let value = decoder.text(&TEXT).await.map(Value::String);
        Ok(taken(&mut decoder, value)?)
    });
    routes.add(&BINARY, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let body = decoder.binary();
        decoder.finish()?;
        let read = axum::body::to_bytes(body.map_err(Rejection::from)?, usize::MAX).await;
        Ok(ok(json!({ "length": read.map(|bytes| bytes.len()).ok() })))
    });
    routes.add(&SEVERAL, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let _ = decoder.required::<i64>(&LIMIT);
        let index =
            decoder.required_media_type(&["application/json", "application/merge-patch+json", "image/*"]).await?;
        decoder.finish()?;
        Ok(ok(json!(index)))
    });
    routes.add(&UPLOAD, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let form = decoder.multipart(&UPLOAD_PARTS).await;
        decoder.finish()?;
        let mut form = form.map_err(Rejection::from)?;
        let mut answer = json!({
            "more": 0,
            "title": form.field::<String>("title")?,
            "count": form.optional_field::<i64>("count")?,
            "meta": form.optional_field::<Value>("meta")?,
        });
        let mut files = form.files(&[("file", false), ("more", true)]);
        while let Some((is_more, mut file)) = files.next().await? {
            if is_more {
                answer["more"] = json!(answer["more"].as_i64().unwrap() + 1);
            } else {
                let length = file.bytes().await?.len();
                answer["file"] = json!([file.file_name, file.content_type, length]);
            }
        }
        Ok(ok(answer))
    });
    routes.add(&STREAMED, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let form = decoder.multipart(&UPLOAD_PARTS).await;
        decoder.finish()?;
        let mut form = form.map_err(Rejection::from)?;
        let mut answer = vec![json!(form.field::<String>("title")?)];
        let mut files = form.files(&[("file", "file"), ("more", "more")]);
        while let Some((part, mut file)) = files.next().await? {
            let (mut length, mut ahead) = (0, 0);
            while let Some(chunk) = file.chunk().await? {
                // What was taken from the sender and not handed out before.
                ahead = ahead.max(SENT.load(Ordering::SeqCst).saturating_sub(length));
                length += chunk.len();
            }
            answer.push(json!([part, length, ahead < 50_000]));
        }
        Ok(ok(json!(answer)))
    });
    routes.add(&EVERYTHING, |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let limit = decoder.required::<i64>(&LIMIT);
        let body = decoder.json::<Value>(&TASK).await;
        decoder.finish()?;
        Ok(ok(json!([limit.map_err(Rejection::from)?, body.map_err(Rejection::from)?])))
    });
    service.finish(routes.into_router())
}

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request {
    let mut request = Request::new(body.into());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap();
    if !content_type.is_empty() {
        request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    }
    request
}

/// A body without a length.
fn unannounced(pieces: &[&str]) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>((*piece).to_owned())).collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

async fn check(path: &str, content_type: &str, body: impl Into<Body>, expected: Value) {
    let answer = send(app(), post(path, content_type, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body, expected);
}

async fn check_refused(path: &str, content_type: &str, body: impl Into<Body>, expected: &[&str]) -> Answer {
    let answer = send(app(), post(path, content_type, body)).await;
    assert_eq!(answer.violations(), expected, "{}", answer.text);
    answer
}

async fn check_status(path: &str, content_type: &str, body: impl Into<Body>, status: u16) -> Answer {
    let answer = send(app(), post(path, content_type, body)).await;
    answer.is_problem(status);
    answer
}

#[tokio::test]
async fn json_bodies() {
    check(
        "/json",
        "application/json",
        r#"{"title":"a","id":"ignored","priority":null}"#,
        json!({ "title": "a", "priority": null }),
    )
    .await;
    check("/json", "application/json; charset=UTF-8", r#"{"title":"a"}"#, json!({ "title": "a" })).await;
    check("/json", "application/merge-patch+json", r#"{"title":"a\u0000"}"#, json!({ "title": "a\0" })).await;
    check_refused(
        "/json",
        "application/json",
        r#"{"title":"","priority":10,"x":1}"#,
        &["/body/priority maximum", "/body/title minLength", "/body/x additionalProperties"],
    )
    .await;
    check_refused("/json", "application/json", "{}", &["/body/title required"]).await;
    check_refused("/json", "application/json", "[]", &["/body type"]).await;
    let answer = check_refused("/json", "application/json", "{\n \"title\": }", &["/body json"]).await;
    assert_eq!(answer.body["errors"][0]["detail"], "must be JSON: expected value at line 2 column 11");
    assert_eq!(answer.body["detail"], "/body must be JSON: expected value at line 2 column 11");
    check_refused("/json", "application/json", "{\"title\":\"\u{1}\"}", &["/body json"]).await;
    check_refused("/json", "application/json", vec![b'"', 0xff, b'"'], &["/body json"]).await;
    check_refused("/json", "application/json", "[".repeat(1000), &["/body json"]).await;
    check_refused("/json", "application/json", "", &["/body required"]).await;
    check_refused("/json", "application/json", unannounced(&[]), &["/body required"]).await;
    check_refused("/json", "", unannounced(&["", ""]), &["/body required"]).await;
    check("/json", "application/json", unannounced(&["", "{\"title\"", ":\"a\"}"]), json!({ "title": "a" })).await;
    check_refused("/json", "", "", &["/body required"]).await;
    check_status("/json", "", "{}", 415).await;
    check_status("/json", "text/plain", "{}", 415).await;
    check_status("/json", "application/json; charset=latin1", "{}", 415).await;
    check_status("/json", "nonsense", "{}", 415).await;
    let mut twice = post("/json", "application/json", "{}");
    twice.headers_mut().append(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    send(app(), twice).await.is_problem(415);
    check("/optional", "", "", json!({ "sent": false })).await;
    // Many clients send a content type with every request.
    check("/optional", "application/json", "", json!({ "sent": false })).await;
    check("/optional", "", unannounced(&[""]), json!({ "sent": false })).await;
    check_status("/optional", "", unannounced(&["", "{"]), 415).await;
    check("/optional", "application/json", r#"{"title":"a"}"#, json!({ "sent": true })).await;
    check_refused("/optional", "application/json", "null", &["/body type"]).await;
}

#[tokio::test]
async fn patches_tell_absent_from_null() {
    for (sent, read) in [("{}", "Absent"), (r#"{"priority":null}"#, "Null"), (r#"{"priority":1}"#, "Value(1)")] {
        check("/patched", "application/merge-patch+json", sent, json!([read, null])).await;
    }
    // A type that is narrower than its schema refuses too.
    check_refused("/patched", "application/json", r#"{"priority":"high"}"#, &["/body type"]).await;
}

#[tokio::test]
async fn bodies_are_limited() {
    let long = format!("{{\"title\":\"{}\"}}", "a".repeat(BODY_LIMIT));
    let answer = check_status("/json", "application/json", long.clone(), 413).await;
    assert_eq!(answer.body["title"], "Content Too Large");
    // Without an announced length, too.
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(long.clone()), Ok(long.clone())]);
    check_status("/json", "application/json", Body::from_stream(pieces), 413).await;
    check_status("/form", "application/x-www-form-urlencoded", long.clone(), 413).await;
    check_status("/text", "text/plain", long.clone(), 413).await;
    check_status("/binary", "application/octet-stream", long.clone(), 413).await;
    check_status("/upload", "multipart/form-data; boundary=b", long.clone(), 413).await;
    let piece = |text: &str| Ok::<_, std::io::Error>(text.to_owned());
    let parts = futures_util::stream::iter([
        piece("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"),
        piece(&long),
        piece("\r\n--b--\r\n"),
    ]);
    check_status("/upload", "multipart/form-data; boundary=b", Body::from_stream(parts), 413).await;
    // A stream is cut off where it passes the limit.
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(long.clone()), Ok(long)]);
    check("/binary", "application/octet-stream", Body::from_stream(pieces), json!({ "length": null })).await;
    check("/binary", "application/octet-stream", vec![0_u8; BODY_LIMIT], json!({ "length": BODY_LIMIT })).await;
}

#[tokio::test]
async fn forms() {
    const FORM: &str = "application/x-www-form-urlencoded";
    check(
        "/form",
        FORM,
        "title=a+b&priority=3&tags=x&tags=y&owner[name]=z",
        json!({ "title": "a b", "priority": 3, "tags": ["x", "y"], "owner": { "name": "z" } }),
    )
    .await;
    check("/form", FORM, "title=%C3%A9&tags[]=x", json!({ "title": "é", "tags": ["x"] })).await;
    check_refused(
        "/form",
        FORM,
        "priority=x&z=1",
        &["/body/title required", "/body/priority type", "/body/z additionalProperties"],
    )
    .await;
    check_refused("/form", FORM, "", &["/body/title required"]).await;
    check_refused("/form", FORM, "title=%FF", &["/body/title encoding"]).await;
    // An object as JSON, which is what a form sends by default (OpenAPI, Encoding Object).
    let sent = "title=a&owner=%7B%22name%22%3A%22z%22%7D";
    check("/form", FORM, sent, json!({ "title": "a", "owner": { "name": "z" } })).await;
    check_refused("/form", FORM, "title=a&owner=z", &["/body/owner type"]).await;
    check_refused("/form", FORM, "title=a&title=b", &["/body/title type"]).await;
    check_status("/form", "application/json", "{}", 415).await;
}

#[tokio::test]
async fn texts() {
    check("/text", "text/plain", "é", json!("é")).await;
    check_refused("/text", "text/plain", "a".repeat(11), &["/body maxLength"]).await;
    check_refused("/text", "text/plain", vec![0xff], &["/body encoding"]).await;
    check_refused("/text", "", "", &["/body required"]).await;
}

#[tokio::test]
async fn several_media_types() {
    check("/several?limit=1", "application/json", "{}", json!(0)).await;
    check("/several?limit=1", "application/merge-patch+json", "{}", json!(1)).await;
    check("/several?limit=1", "image/png", "x", json!(2)).await;
    let answer = check_status("/several?limit=1", "text/csv", "x", 415).await;
    assert_eq!(
        answer.body["detail"],
        "the content-type must be application/json or application/merge-patch+json or image/*"
    );
    check_status("/several?limit=1", "application/xml+json", "x", 415).await;
    check_refused("/several?limit=x", "", "", &["/query/limit type", "/body required"]).await;
}

fn part(disposition: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
}

fn form(parts: &[String]) -> String {
    format!("{}--b--\r\n", parts.concat())
}

#[tokio::test]
async fn multipart_bodies() {
    const FORM: &str = "multipart/form-data; boundary=b";
    let file = || part("name=\"file\"; filename=\"../a.png\"\r\nContent-Type: image/png", "\0\0");
    let title = || part("name=\"title\"", "t");
    let sent =
        form(&[file(), title(), part("name=\"count\"", "3"), part("name=\"meta\"", r#"{"title":"m","id":"i"}"#)]);
    let expected =
        json!({ "file": ["../a.png", "image/png", 2], "more": 0, "title": "t", "count": 3, "meta": { "title": "m" } });
    check("/upload", FORM, sent, expected).await;
    let more = || part("name=\"more\"; filename=\"m\"", "x");
    let sent = form(&[file(), title(), more(), more()]);
    check(
        "/upload",
        FORM,
        sent,
        json!({ "file": ["../a.png", "image/png", 2], "more": 2, "title": "t", "count": null, "meta": null }),
    )
    .await;

    check_refused("/upload", FORM, form(&[title()]), &["/body/file required"]).await;
    check_refused("/upload", FORM, form(&[file(), file(), title()]), &["/body/file repeated"]).await;
    check_refused("/upload", FORM, form(&[file(), title(), more(), more(), more()]), &["/body/more maxItems"]).await;
    let wrong = [
        file(),
        part("name=\"title\"", "too long"),
        part("name=\"count\"", "x"),
        part("name=\"meta\"", "{}"),
        part("name=\"z\"", ""),
    ];
    let violations =
        ["/body/count type", "/body/meta/title required", "/body/title maxLength", "/body/z additionalProperties"];
    check_refused("/upload", FORM, form(&wrong), &violations).await;
    check_refused("/upload", FORM, form(&[file(), title(), part("name=\"meta\"", "{")]), &["/body/meta json"]).await;
    check_refused("/upload", FORM, "nonsense", &["/body multipart"]).await;
    check_refused("/upload", "multipart/form-data", "x", &["/body multipart"]).await;
    check_refused("/upload", "", "", &["/body required"]).await;
    check_status("/upload", "application/json", "{}", 415).await;
}

#[tokio::test]
async fn parts_have_heads() {
    const FORM: &str = "multipart/form-data; boundary=b";
    let title = part("name=\"title\"", "t");
    let file = |head: &str| part(&format!("name=\"file\"; filename=\"f\"{head}"), "x");
    for head in ["\r\nContent-Type: image/webp", "\r\nContent-Type: text/plain; charset=utf-8", "\r\nX-Sum: 1", ""] {
        assert_eq!(send(app(), post("/upload", FORM, form(&[title.clone(), file(head)]))).await.status, 200, "{head}");
    }
    for (head, expected) in [
        ("\r\nContent-Type: text/html", "/body/file contentType"),
        ("\r\nContent-Type: nonsense", "/body/file contentType"),
        ("\r\nX-Sum: one", "/body/file type"),
    ] {
        check_refused("/upload", FORM, form(&[title.clone(), file(head)]), &[expected]).await;
    }
    let many = form(&vec![part("name=\"more\"", ""); 1001]);
    check_refused("/streamed", FORM, many, &["/body multipart"]).await;
}

/// Bytes that a body has handed out.
static SENT: AtomicUsize = AtomicUsize::new(0);

/// A body that is always ready with more.
fn eager(parts: &[String], large: usize) -> Body {
    SENT.store(0, Ordering::SeqCst);
    let pieces: Vec<String> = parts.to_vec();
    let pieces = pieces.into_iter().flat_map(move |piece| {
        let copies = if piece == "LARGE" { large } else { 1 };
        let text = if piece == "LARGE" { "x".repeat(1000) } else { piece };
        std::iter::repeat_n(text, copies)
    });
    Body::from_stream(futures_util::stream::iter(pieces.map(|piece| {
        if piece.starts_with("xxx") {
            SENT.fetch_add(piece.len(), Ordering::SeqCst);
        }
        Ok::<_, std::io::Error>(piece)
    })))
}

#[tokio::test]
async fn large_files_are_not_held() {
    const FORM: &str = "multipart/form-data; boundary=b";
    let text = |text: &str| text.to_owned();
    let open = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
    let (file, more, large, end) = (open("file"), open("more"), text("LARGE"), text("\r\n"));
    let (title, last) = (part("name=\"title\"", "t"), text("--b--\r\n"));
    let all = [&title, &file, &large, &end, &more, &end, &last].map(Clone::clone);
    check("/streamed", FORM, eager(&all, 10_000), json!(["t", ["file", 10_000_000, true], ["more", 0, true]])).await;
    // A small file may come first.
    let early = [&more, &end, &title, &file, &large, &end, &last].map(Clone::clone);
    check("/streamed", FORM, eager(&early, 9), json!(["t", ["more", 0, true], ["file", 9000, true]])).await;

    // What has to be known before a large file is not.
    let late = [&file, &large, &end, &title, &last].map(Clone::clone);
    check_refused("/streamed", FORM, eager(&late, 9), &["/body/title required"]).await;
    // What comes too late, is there twice, or is missing at the end, is found while the handler reads.
    let count = part("name=\"count\"", "1");
    let late = [&title, &file, &large, &end, &count, &last].map(Clone::clone);
    check_refused("/streamed", FORM, eager(&late, 9), &["/body/count multipart"]).await;
    let twice = [&title, &file, &large, &end, &file, &end, &last].map(Clone::clone);
    check_refused("/streamed", FORM, eager(&twice, 9), &["/body/file repeated"]).await;
    let missing = [&title, &more, &large, &end, &last].map(Clone::clone);
    check_refused("/streamed", FORM, eager(&missing, 9), &["/body/file required"]).await;
    let unknown = [&title, &file, &large, &end, &part("name=\"z\"", ""), &last].map(Clone::clone);
    check_refused("/streamed", FORM, eager(&unknown, 9), &["/body/z additionalProperties"]).await;
    let cut = [&title, &file, &large].map(Clone::clone);
    check_refused("/streamed", FORM, eager(&cut, 9), &["/body multipart"]).await;
    let endless = [&title, &file, &large].map(Clone::clone);
    check_status("/streamed", FORM, eager(&endless, 30_000), 413).await;
    // Fields are held, all of them.
    let long = [part("name=\"title\"", &"x".repeat(3001)), last].concat();
    check_status("/streamed", FORM, long, 413).await;
}

#[tokio::test]
async fn all_violations_are_in_one_answer() {
    let answer = check_refused(
        "/everything",
        "application/json",
        r#"{"title":""}"#,
        &["/query/limit required", "/body/title minLength"],
    )
    .await;
    assert_eq!(answer.body["detail"], "2 parts of the request break the contract");
    check("/everything?limit=2", "application/json", r#"{"title":"a"}"#, json!([2, { "title": "a" }])).await;
}
