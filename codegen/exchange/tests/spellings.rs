//! Parameters: what the generated client spells, the generated server reads, whatever the text. Values come from a fixed list of
//! awkward ones and from a generator with a fixed seed.
#![allow(missing_docs, clippy::unwrap_used)]

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use specwright_exchange::{
    serve,
    spellings::{client, server, types},
};
use specwright_runtime::{failure::Failure, service::Service};

use client::{Client, Error};
use server::echo::{
    EchoArraysRequest, EchoArraysResponse, EchoObjectsRequest, EchoObjectsResponse, EchoScalarsRequest,
    EchoScalarsResponse,
};

struct Echo;

impl server::echo::EchoApi for Echo {
    async fn echo_scalars(&self, it: EchoScalarsRequest) -> Result<EchoScalarsResponse, Failure> {
        Ok(EchoScalarsResponse::Ok(json!({
            "simple": it.simple, "label": it.label, "matrix": it.matrix, "name": it.name, "extension": it.extension,
            "flat": it.flat, "reserved": it.reserved, "empty": it.empty, "limit": it.limit, "json": it.json,
            "plain": it.plain, "X-Text": it.x_text, "form-cookie": it.form_cookie, "plain-cookie": it.plain_cookie,
        })))
    }

    async fn echo_arrays(&self, it: EchoArraysRequest) -> Result<EchoArraysResponse, Failure> {
        Ok(EchoArraysResponse::Ok(json!({
            "simple": it.simple, "label": it.label, "labels": it.labels, "matrix": it.matrix, "matrices": it.matrices,
            "flat": it.flat, "flats": it.flats, "spaces": it.spaces, "pipes": it.pipes, "deep": it.deep,
            "X-Numbers": it.x_numbers, "cookies": it.cookies, "cookie": it.cookie,
        })))
    }

    async fn echo_objects(&self, it: EchoObjectsRequest) -> Result<EchoObjectsResponse, Failure> {
        Ok(EchoObjectsResponse::Ok(json!({
            "simple": it.simple, "simples": it.simples, "label": it.label, "labels": it.labels, "matrix": it.matrix,
            "matrices": it.matrices, "flat": it.flat, "flats": it.flats, "deep": it.deep, "pipes": it.pipes,
            "X-Pair": it.x_pair, "X-Pairs": it.x_pairs,
        })))
    }
}

async fn echo() -> Client {
    Client::new(&serve(server::router(Echo, &Service::builder().build()).unwrap()).await).unwrap()
}

fn of<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// Numbers that are the same in every run (Knuth's constants for a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn text(&mut self) -> String {
        const SIGNS: &[char] = &[
            'a', 'Z', '0', '9', ' ', '.', ',', ';', ':', '=', '&', '?', '#', '/', '\\', '%', '+', '|', '-', '_', '~',
            '*', '\'', '"', '(', ')', '[', ']', '{', '}', '<', '>', '^', '`', '$', '!', '@', '\t', '\n', 'é', '漢',
            '💙', '\u{a0}', '\u{200b}',
        ];
        (0..self.roll(7)).map(|_| SIGNS[self.roll(SIGNS.len())]).collect()
    }

    fn texts(&mut self) -> Vec<String> {
        (0..self.roll(4)).map(|_| self.text()).collect()
    }
}

fn awkward() -> Vec<String> {
    let list = [
        "",
        " ",
        ".",
        "..",
        "...",
        "%2E",
        "%",
        "%2C",
        "a,b",
        ",",
        "a b",
        "a+b",
        "a|b",
        "a;b=c",
        "a&b=c",
        "x=y",
        "#",
        "/",
        "//",
        "../x",
        "null",
        "true",
        "0",
        "-",
        "[1]",
        "{\"a\":1}",
        "\"quoted\"",
        "é",
        "漢字",
        "💙",
        "{form}",
        "{simple}",
        "a.png",
        "\n",
        "a\tb",
    ];
    let mut dice = Dice(1);
    list.into_iter().map(str::to_owned).chain((0..300).map(|_| dice.text())).collect()
}

// What a place has no spelling for; the client refuses it, see below.
fn in_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

fn in_header(text: &str) -> bool {
    text.trim() == text && !text.chars().any(|character| character.is_control() && character != '\t')
}

fn in_cookie(text: &str) -> bool {
    text.trim() == text && !text.chars().any(|character| character.is_control() || ";,\"\\".contains(character))
}

#[tokio::test]
async fn scalars() {
    let client = echo().await;
    for text in awkward() {
        let or = |fits: bool| if fits { text.clone() } else { "other".to_owned() };
        let (path, label, header, cookie) =
            (or(in_segment(&text)), or(!matches!(text.as_str(), "" | ".")), or(in_header(&text)), or(in_cookie(&text)));
        let deep = json!({ "text": text, "list": [text], "range": { "after": 7 } });
        let echoed = client
            .echo_scalars(
                &path,
                &label,
                &text,
                &or(!text.is_empty()),
                &of(&json!("png")),
                Some(&header),
                Some(text.len() % 2 == 0),
                Some(&text),
                Some(&text),
                Some(&of::<types::Deep>(&deep)),
                None,
                Some(&text),
                Some(&cookie),
                Some(&text),
            )
            .await
            .unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
            .into_inner();
        let expected = json!({
            "simple": path, "label": label, "matrix": text, "name": or(!text.is_empty()), "extension": "png", "flat": text,
            "reserved": text, "empty": text.len() % 2 == 0, "limit": 20, "json": deep, "plain": text, "X-Text": header,
            "form-cookie": text, "plain-cookie": cookie,
        });
        assert_eq!(echoed, expected, "{text:?}");
    }
}

#[tokio::test]
async fn arrays() {
    let client = echo().await;
    let mut dice = Dice(2);
    let awkward = awkward();
    let mut lists: Vec<Vec<String>> = awkward.into_iter().map(|text| vec!["a".into(), text, String::new()]).collect();
    lists.extend((0..300).map(|_| dice.texts()));
    lists.push(Vec::new());
    for list in lists {
        // One empty text is spelled like no text where a delimiter separates.
        let or = |fits: bool| if fits { list.clone() } else { vec!["a".to_owned(), "b".to_owned()] };
        let delimited = list != [""];
        let joined = list.join(",");
        // Neither may the dot of a label make a segment of dots.
        let label = or(delimited && in_segment(&format!(".{joined}")));
        let labels = or(delimited && in_segment(&format!(".{}", list.join("."))));
        let (simple, matrix) = (or(delimited && in_segment(&joined)), or(delimited));
        let (forms, matrices) = (or(!list.is_empty()), or(!list.is_empty()));
        let spaces = or(delimited && !list.concat().contains(' '));
        let pipes = or(delimited && !list.concat().contains('|'));
        let numbers = [1.5, -2.0, 1e300];
        let echoed = client
            .echo_arrays(
                &simple,
                &label,
                &labels,
                &matrix,
                &matrices,
                Some(&numbers),
                Some(&[1, 2]),
                Some(&list),
                Some(&list),
                Some(&or(delimited)),
                &forms,
                Some(&pipes),
                Some(&spaces),
            )
            .await
            .unwrap_or_else(|error| panic!("{list:?}: {error:?}"))
            .into_inner();
        // An exploded style spells an empty array by nothing.
        let or_nothing = if list.is_empty() { Value::Null } else { json!(list) };
        let expected = json!({
            "simple": simple, "label": label, "labels": labels, "matrix": matrix, "matrices": matrices, "flat": or(delimited),
            "flats": forms, "spaces": spaces, "pipes": pipes, "deep": or_nothing, "X-Numbers": numbers,
            "cookies": or_nothing, "cookie": [1, 2],
        });
        assert_eq!(echoed, expected, "{list:?}");
    }
}

#[tokio::test]
async fn objects() {
    let client = echo().await;
    let mut dice = Dice(3);
    for text in awkward() {
        let pair = if dice.roll(2) == 0 { json!({ "text": text }) } else { json!({ "text": text, "odd key/&=": -7 }) };
        let numbers = json!({ "a": 1.5, "b": true });
        let mut deep = json!({ "text": text, "range": { "before": 3, "after": -4 }, "pairs": [pair, { "text": "b" }] });
        let list = dice.texts();
        if !list.is_empty() {
            deep["list"] = json!(list);
        }
        let path: types::Pair = of(&pair);
        let echoed = client
            .echo_objects(
                &path,
                &path,
                &path,
                &path,
                &path,
                &path,
                Some(&of(&numbers)),
                Some(&of(&numbers)),
                Some(&of(&deep)),
                Some(&path),
                Some(&path),
                Some(&of(&numbers)),
            )
            .await
            .unwrap_or_else(|error| panic!("{pair} {deep}: {error:?}"))
            .into_inner();
        let expected = json!({
            "simple": pair, "simples": pair, "label": pair, "labels": pair, "matrix": pair, "matrices": pair, "flat": pair,
            "flats": pair, "deep": deep, "pipes": numbers, "X-Pair": numbers, "X-Pairs": numbers,
        });
        assert_eq!(echoed, expected, "{pair} {deep}");
    }
}

#[tokio::test]
async fn what_has_no_spelling_is_refused_and_not_sent_as_something_else() {
    let client = echo().await;
    let ok = "ok".to_owned();
    let scalar = async |path: &str, header: Option<&str>, cookie: Option<&str>| {
        let path = path.to_owned();
        let png = of(&json!("png"));
        client
            .echo_scalars(&path, &ok, &ok, &ok, &png, header, None, None, None, None, None, None, cookie, None)
            .await
            .map(|_| ())
    };
    scalar("a", Some("b"), Some("c")).await.unwrap();
    for (path, header, cookie) in [
        ("", None, None),
        (".", None, None),
        ("..", None, None),
        ("a", Some(" b"), None),
        ("a", Some("b\n"), None),
        ("a", None, Some("a;b")),
        ("a", None, Some("a,b")),
        ("a", None, Some("\"")),
    ] {
        let refused = scalar(path, header, cookie).await;
        assert!(matches!(refused, Err(Error::InvalidRequest(_))), "{path:?} {header:?} {cookie:?}: {refused:?}");
    }
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let plain = list(&["a", "b"]);
    let array = async |simple: &Vec<String>, forms: &Vec<String>, pipes: &Vec<String>, spaces: &Vec<String>| {
        client
            .echo_arrays(
                simple,
                &plain,
                &plain,
                &plain,
                &plain,
                None,
                None,
                None,
                None,
                None,
                forms,
                Some(pipes),
                Some(spaces),
            )
            .await
            .map(|_| ())
    };
    array(&plain, &plain, &plain, &plain).await.unwrap();
    for (simple, forms, pipes, spaces) in [
        (list(&[""]), plain.clone(), plain.clone(), plain.clone()),
        (list(&[]), plain.clone(), plain.clone(), plain.clone()),
        (plain.clone(), list(&[]), plain.clone(), plain.clone()),
        (plain.clone(), plain.clone(), list(&["a|b"]), plain.clone()),
        (plain.clone(), plain.clone(), plain.clone(), list(&["a b"])),
        (plain.clone(), plain.clone(), plain.clone(), list(&[""])),
    ] {
        let refused = array(&simple, &forms, &pipes, &spaces).await;
        assert!(
            matches!(refused, Err(Error::InvalidRequest(_))),
            "{simple:?} {forms:?} {pipes:?} {spaces:?}: {refused:?}"
        );
    }
}
