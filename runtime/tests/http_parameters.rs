//! Parameters of every style, by the table of the OpenAPI specification (4.8.12.4, Style Examples) and beyond it.
#![cfg(feature = "server")]
#![allow(missing_docs, clippy::unwrap_used, clippy::type_complexity)]

mod common;
#[path = "../model/tests/load/mod.rs"]
mod load;

use std::sync::Arc;

use axum::{body::Body, extract::Request, response::Response};
use common::service::{get, send, service};
use http::HeaderValue;
use load::load;
use serde_json::{Value, json};
use specwright_runtime::{
    decode::Incoming,
    operation::{Location, Operation, Parameter, Style},
    schema::{Literal, Number, Schema},
    service::RouteError,
};

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[derive(Clone, Copy)]
struct Spelling {
    location: Location,
    style: Style,
    explode: bool,
}

const QUERY: Spelling = Spelling { location: Location::Query, style: Style::Form, explode: true };

fn parameter(spelling: Spelling, schema: &'static Schema) -> Parameter {
    Parameter { location: spelling.location, ..Parameter::query("color", schema) }
        .style(spelling.style)
        .explode(spelling.explode)
}

/// The value of a parameter, `null` where it is absent, or its violations.
async fn decode(parameter: Parameter, request: Request, refuses_unknown: bool) -> Result<Value, Vec<String>> {
    let parameter = leak(parameter);
    let path = if parameter.location == Location::Path { "/x/{color}" } else { "/x" };
    let operation =
        leak(Operation { id: "o", method: "GET", path, tag: "t", security: &[], produces: &[], deprecated: false });
    let service = service().refuse_unknown_query(refuses_unknown).build();
    let mut routes = service.routes(Arc::new(()));
    routes.add(operation, move |_, incoming: Incoming| async move {
        let mut decoder = incoming.decoder();
        let value = if parameter.required {
            decoder.required::<Value>(parameter)
        } else {
            decoder.optional::<Value>(parameter).map(Option::unwrap_or_default)
        };
        decoder.finish()?;
        let value =
            value.map_err(|_| RouteError::Failure(specwright_runtime::failure::Failure::internal("not reported")))?;
        Ok(Response::new(Body::from(json!({ "value": value }).to_string())))
    });
    let answer = send(service.finish(routes.into_router()), request).await;
    match answer.status {
        200 => Ok(answer.body["value"].clone()),
        _ => Err(answer.violations()),
    }
}

async fn check(spelling: Spelling, schema: Value, sent: &str, expected: Result<Value, &[&str]>) {
    let request = match spelling.location {
        Location::Path => get(&format!("/x/{sent}")),
        Location::Query => get(&if sent.is_empty() { "/x".to_owned() } else { format!("/x?{sent}") }),
        Location::Header | Location::Cookie => {
            let mut request = get("/x");
            let name = if spelling.location == Location::Header { "color" } else { "cookie" };
            request.headers_mut().insert(name, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
            request
        }
    };
    let actual = decode(parameter(spelling, load(&schema)), request, false).await;
    let expected = expected.map_err(|violations| violations.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(actual, expected, "{sent} by {schema}");
}

fn strings() -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}

fn colors() -> Value {
    json!({ "type": "object", "properties": { "R": { "type": "integer" }, "G": { "type": "integer" }, "B": { "type": "integer" } } })
}

fn spelling(location: Location, style: Style, explode: bool) -> Spelling {
    Spelling { location, style, explode }
}

#[tokio::test]
async fn the_examples_of_the_specification() {
    let string = json!({ "type": "string" });
    let array = Ok(json!(["blue", "black", "brown"]));
    let object = Ok(json!({ "R": 100, "G": 200, "B": 150 }));
    let rows: &[(Location, Style, bool, Option<&str>, Option<&str>, Option<&str>)] = &[
        (
            Location::Path,
            Style::Matrix,
            false,
            Some(";color=blue"),
            Some(";color=blue,black,brown"),
            Some(";color=R,100,G,200,B,150"),
        ),
        (
            Location::Path,
            Style::Matrix,
            true,
            Some(";color=blue"),
            Some(";color=blue;color=black;color=brown"),
            Some(";R=100;G=200;B=150"),
        ),
        (Location::Path, Style::Label, false, Some(".blue"), Some(".blue,black,brown"), Some(".R,100,G,200,B,150")),
        (Location::Path, Style::Label, true, Some(".blue"), Some(".blue.black.brown"), Some(".R=100.G=200.B=150")),
        (Location::Path, Style::Simple, false, Some("blue"), Some("blue,black,brown"), Some("R,100,G,200,B,150")),
        (Location::Path, Style::Simple, true, Some("blue"), Some("blue,black,brown"), Some("R=100,G=200,B=150")),
        (Location::Header, Style::Simple, false, Some("blue"), Some("blue, black,brown"), Some("R,100,G,200,B,150")),
        (Location::Header, Style::Simple, true, Some("blue"), Some("blue,black,brown"), Some("R=100, G=200,B=150")),
        (
            Location::Query,
            Style::Form,
            false,
            Some("color=blue"),
            Some("color=blue,black,brown"),
            Some("color=R,100,G,200,B,150"),
        ),
        (
            Location::Query,
            Style::Form,
            true,
            Some("color=blue"),
            Some("color=blue&color=black&color=brown"),
            Some("R=100&G=200&B=150"),
        ),
        (
            Location::Cookie,
            Style::Form,
            false,
            Some("color=blue"),
            Some("a=b; color=blue,black,brown"),
            Some("color=R,100,G,200,B,150"),
        ),
        (
            Location::Cookie,
            Style::Form,
            true,
            Some("x=y;color=blue"),
            Some("color=blue; color=black; color=brown"),
            Some("R=100; G=200; B=150"),
        ),
        (
            Location::Query,
            Style::SpaceDelimited,
            false,
            None,
            Some("color=blue%20black+brown"),
            Some("color=R%20100%20G%20200%20B%20150"),
        ),
        (
            Location::Query,
            Style::PipeDelimited,
            false,
            None,
            Some("color=blue|black%7Cbrown"),
            Some("color=R%7C100%7CG%7C200%7CB%7C150"),
        ),
        (Location::Query, Style::SpaceDelimited, true, None, Some("color=blue&color=black&color=brown"), None),
        (Location::Query, Style::DeepObject, true, None, None, Some("color%5BR%5D=100&color[G]=200&color[B]=150")),
    ];
    for (location, style, explode, as_string, as_array, as_object) in rows {
        let spelling = spelling(*location, *style, *explode);
        if let Some(sent) = as_string {
            check(spelling, string.clone(), sent, Ok(json!("blue"))).await;
        }
        if let Some(sent) = as_array {
            check(spelling, strings(), sent, array.clone()).await;
        }
        if let Some(sent) = as_object {
            check(spelling, colors(), sent, object.clone()).await;
        }
    }
}

#[tokio::test]
async fn texts_become_the_type_that_the_schema_asks_for() {
    let integer = json!({ "type": "integer", "minimum": 1 });
    check(QUERY, integer.clone(), "color=7", Ok(json!(7))).await;
    check(QUERY, integer.clone(), "color=0", Err(&["/query/color minimum"])).await;
    for wrong in ["seven", "7.5", "+7", "0x7", " 7", "", "1e999", "-"] {
        check(
            QUERY,
            integer.clone(),
            &format!("color={}", wrong.replace(' ', "%20").replace('+', "%2B")),
            Err(&["/query/color type"]),
        )
        .await;
    }
    check(QUERY, integer, "", Ok(Value::Null)).await;
    check(QUERY, json!({ "type": "number" }), "color=-1.5e3", Ok(json!(-1500))).await;
    check(QUERY, json!({ "type": "number" }), "color=NaN", Err(&["/query/color type"])).await;
    check(QUERY, json!({ "type": "boolean" }), "color=true", Ok(json!(true))).await;
    check(QUERY, json!({ "type": "boolean" }), "color=1", Err(&["/query/color type"])).await;
    check(QUERY, json!({ "type": "string" }), "color=7", Ok(json!("7"))).await;
    check(QUERY, json!({}), "color=7", Ok(json!("7"))).await;
    check(QUERY, json!({ "type": ["integer", "null"] }), "color=null", Ok(Value::Null)).await;
    // Several types: the first reading that the schema takes.
    check(
        QUERY,
        json!({ "anyOf": [{ "type": "string", "pattern": "^a" }, { "type": "integer" }] }),
        "color=7",
        Ok(json!(7)),
    )
    .await;
    check(QUERY, json!({ "type": ["integer", "string"], "enum": ["7"] }), "color=7", Ok(json!("7"))).await;
    check(QUERY, json!({ "enum": [1, 2] }), "color=2", Ok(json!(2))).await;
    check(
        QUERY,
        json!({ "allOf": [{ "$ref": "#/$defs/n" }], "$defs": { "n": { "type": "integer" } } }),
        "color=2",
        Ok(json!(2)),
    )
    .await;
    check(QUERY, json!({ "oneOf": [{ "type": "string" }, strings()] }), "color=a", Ok(json!("a"))).await;
    check(QUERY, json!({ "oneOf": [{ "type": "string" }, strings()] }), "color=a&color=b", Ok(json!(["a", "b"]))).await;
    check(
        QUERY,
        json!({ "type": "array", "items": { "type": "integer" } }),
        "color=1&color=x",
        Err(&["/query/color/1 type"]),
    )
    .await;
}

#[tokio::test]
async fn each_element_of_a_delimited_array_is_judged() {
    let sizes = json!({ "type": "array", "items": { "enum": ["small", "large"] } });
    let spellings = [
        (Location::Query, Style::Form, "color=", ","),
        (Location::Query, Style::SpaceDelimited, "color=", "%20"),
        (Location::Query, Style::PipeDelimited, "color=", "|"),
        (Location::Path, Style::Simple, "", ","),
        (Location::Header, Style::Simple, "", ","),
        (Location::Cookie, Style::Form, "color=", ","),
    ];
    for (location, style, prefix, delimiter) in spellings {
        let spelling = spelling(location, style, false);
        let right = format!("{prefix}small{delimiter}large");
        check(spelling, sizes.clone(), &right, Ok(json!(["small", "large"]))).await;
        let wrong = format!("/{}/color/1 enum", location_name(location));
        check(spelling, sizes.clone(), &format!("{prefix}small{delimiter}huge"), Err(&[&wrong])).await;
    }
}

fn location_name(location: Location) -> &'static str {
    match location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Cookie => "cookie",
    }
}

#[tokio::test]
async fn encodings() {
    let string = json!({ "type": "string" });
    let exploded = spelling(Location::Query, Style::Form, false);
    check(QUERY, string.clone(), "color=a+b%20c%2Bd", Ok(json!("a b c+d"))).await;
    check(QUERY, string.clone(), "c%6Flor=x", Ok(json!("x"))).await;
    check(QUERY, string.clone(), "color=%C3%A9%00", Ok(json!("é\0"))).await;
    check(QUERY, string.clone(), "color=%zz", Err(&["/query/color encoding"])).await;
    check(QUERY, string.clone(), "color=%C3", Err(&["/query/color encoding"])).await;
    check(QUERY, string.clone(), "color=%", Err(&["/query/color encoding"])).await;
    check(QUERY, string.clone(), "color", Ok(json!(""))).await;
    check(QUERY, string.clone(), "color=a=b", Ok(json!("a=b"))).await;
    check(QUERY, string.clone(), "color=a&color=b", Err(&["/query/color repeated"])).await;
    check(QUERY, string.clone(), "&&color=a&", Ok(json!("a"))).await;
    check(exploded, strings(), "color=a%2Cb,c", Ok(json!(["a,b", "c"]))).await;
    check(exploded, strings(), "color=", Ok(json!([]))).await;
    check(exploded, strings(), "color=a&color=b", Err(&["/query/color repeated"])).await;
    let path = spelling(Location::Path, Style::Simple, false);
    check(path, string.clone(), "a%2Fb+c", Ok(json!("a/b+c"))).await;
    check(path, strings(), "a%2Cb,c", Ok(json!(["a,b", "c"]))).await;
    check(path, string.clone(), "%FF", Err(&["/path/color encoding"])).await;
    check(path, json!({ "type": "string", "format": "uuid" }), "x", Err(&["/path/color format"])).await;
    check(spelling(Location::Path, Style::Matrix, false), string.clone(), ";colour=a", Err(&["/path/color style"]))
        .await;
    check(spelling(Location::Path, Style::Label, false), string.clone(), "a", Err(&["/path/color style"])).await;
    let header = spelling(Location::Header, Style::Simple, false);
    check(header, string.clone(), "a%20b, c", Ok(json!("a%20b, c"))).await;
    check(header, string.clone(), "é", Ok(json!("é"))).await;
    let cookie = spelling(Location::Cookie, Style::Form, true);
    check(cookie, string.clone(), "color=\"a%20b\"", Ok(json!("a b"))).await;
    check(cookie, string.clone(), "color=100%", Ok(json!("100%"))).await;
    check(cookie, string, "colors=a", Ok(Value::Null)).await;
}

#[tokio::test]
async fn objects() {
    let deep = spelling(Location::Query, Style::DeepObject, true);
    let filter = json!({
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": strings(),
            "due": { "type": "object", "properties": { "after": { "type": "string", "format": "date" } } },
            "limit": { "type": "integer" }
        },
        "additionalProperties": false
    });
    let sent = "color[status]=a&color[status]=b&color[due][after]=2026-01-31&color[limit]=3&other=1";
    let expected = json!({ "status": ["a", "b"], "due": { "after": "2026-01-31" }, "limit": 3 });
    check(deep, filter.clone(), sent, Ok(expected)).await;
    check(deep, filter.clone(), "color[status][]=a&color[status][]=b", Ok(json!({ "status": ["a", "b"] }))).await;
    check(deep, filter.clone(), "color[status][1]=b&color[status][0]=a", Ok(json!({ "status": ["a", "b"] }))).await;
    check(deep, filter.clone(), "", Ok(Value::Null)).await;
    let wrong = "color[due][after]=x&color[limit]=y&color[z]=1";
    let violations = [
        "/query/color/status required",
        "/query/color/due/after format",
        "/query/color/limit type",
        "/query/color/z additionalProperties",
    ];
    check(deep, filter.clone(), wrong, Err(&violations)).await;
    check(deep, filter, "color[limit]=1&color[limit]=2&color[status]=a", Err(&["/query/color/limit type"])).await;
    let map = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    check(QUERY, map.clone(), "a=1&b=2", Ok(json!({ "a": 1, "b": 2 }))).await;
    check(QUERY, map, "a=x", Err(&["/query/color/a type"])).await;
    check(spelling(Location::Query, Style::Form, false), colors(), "color=R,1,G", Err(&["/query/color style"])).await;
    check(spelling(Location::Path, Style::Simple, true), colors(), "R=1,G", Err(&["/path/color style"])).await;
}

#[tokio::test]
async fn presence() {
    let schema = load(&json!({ "type": "integer", "maximum": 9 }));
    let required = Parameter { required: true, ..parameter(QUERY, schema) };
    assert_eq!(decode(required, get("/x"), false).await, Err(vec!["/query/color required".to_owned()]));
    let default = Some(Literal::Number(Number::Integer(5)));
    let defaulted = Parameter { required: true, default, ..parameter(QUERY, schema) };
    assert_eq!(decode(defaulted, get("/x"), false).await, Ok(json!(5)));
    let defaulted = Parameter { required: true, default, ..parameter(QUERY, schema) };
    assert_eq!(decode(defaulted, get("/x?color=99"), false).await, Err(vec!["/query/color maximum".to_owned()]));
    let empty = Parameter { allow_empty_value: true, default, ..parameter(QUERY, schema) };
    assert_eq!(decode(empty, get("/x?color"), false).await, Ok(json!(5)));
    let content =
        Parameter { content: Some("application/json"), ..parameter(QUERY, load(&json!({ "type": "object" }))) };
    assert_eq!(decode(content, get("/x?color=%7B%22a%22:[1]%7D"), false).await, Ok(json!({ "a": [1] })));
    let content =
        Parameter { content: Some("application/json"), ..parameter(QUERY, load(&json!({ "type": "object" }))) };
    assert_eq!(decode(content, get("/x?color=%7B"), false).await, Err(vec!["/query/color json".to_owned()]));
}

#[tokio::test]
async fn unknown_query_parameters_are_refused_on_demand() {
    let schema = load(&json!({ "type": "string" }));
    let request = || get("/x?color=a&colour=b&a/b=c");
    assert_eq!(decode(parameter(QUERY, schema), request(), false).await, Ok(json!("a")));
    let refused = ["/query/colour additionalProperties", "/query/a~1b additionalProperties"];
    assert_eq!(decode(parameter(QUERY, schema), request(), true).await, Err(refused.map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn a_header_may_be_folded_only_where_it_is_a_list() {
    let header = spelling(Location::Header, Style::Simple, false);
    let request = || {
        let mut request = get("/x");
        request.headers_mut().append("color", "a, b".parse().unwrap());
        request.headers_mut().append("color", "c".parse().unwrap());
        request
    };
    assert_eq!(decode(parameter(header, load(&strings())), request(), false).await, Ok(json!(["a", "b", "c"])));
    let scalar = parameter(header, load(&json!({ "type": "string" })));
    assert_eq!(decode(scalar, request(), false).await, Err(vec!["/header/color repeated".to_owned()]));
}

/// What the generated client sends is what the generated server reads, in every style, with every awkward character
/// that the style can carry.
#[cfg(feature = "client")]
#[tokio::test]
async fn the_client_and_the_server_are_each_others_inverse() {
    use specwright_runtime::client::{Call, Encoding};

    let string = json!({ "type": "string" });
    let awkward = json!({ "type": "object", "properties": { "a b": { "type": "string" }, "n": { "type": "number" } } });
    let scalars = [json!("blue"), json!("a b&c=d/e?f#g%20;h,i|j+k"), json!("é漢🦀")];
    let arrays = [json!(["blue"]), json!(["blue", "bl,ack", "br&own=;", "é"])];
    let objects = [json!({ "a b": "x,y=z", "n": 1.5 })];
    let plain_arrays = [json!(["blue", "black", "é"])];
    let plain_objects = [json!({ "R": 100, "G": 200, "B": 150 })];
    let rows: Vec<(Location, Style, bool, Encoding, Vec<(&Value, &[Value])>)> = vec![
        (Location::Path, Style::Simple, false, Encoding::SIMPLE, vec![(&string, &scalars), (&awkward, &objects)]),
        (
            Location::Path,
            Style::Simple,
            true,
            Encoding::SIMPLE_EXPLODED,
            vec![(&string, &scalars), (&awkward, &objects)],
        ),
        (Location::Path, Style::Label, false, Encoding::LABEL, vec![(&string, &scalars), (&awkward, &objects)]),
        (Location::Path, Style::Matrix, false, Encoding::MATRIX, vec![(&string, &scalars), (&awkward, &objects)]),
        (
            Location::Path,
            Style::Matrix,
            true,
            Encoding::MATRIX_EXPLODED,
            vec![(&string, &scalars), (&awkward, &objects)],
        ),
        (Location::Query, Style::Form, false, Encoding::FORM, vec![(&string, &scalars), (&awkward, &objects)]),
        (Location::Query, Style::Form, true, Encoding::FORM_EXPLODED, vec![(&string, &scalars), (&awkward, &objects)]),
        (Location::Query, Style::DeepObject, true, Encoding::DEEP_OBJECT, vec![(&awkward, &objects)]),
        (Location::Cookie, Style::Form, false, Encoding::FORM, vec![(&string, &scalars)]),
        (Location::Header, Style::Simple, false, Encoding::SIMPLE, vec![(&string, &scalars[..2])]),
    ];
    let (strings, colors) = (strings(), colors());
    let mut cases: Vec<(Spelling, Encoding, &Value, &Value)> = Vec::new();
    for (location, style, explode, encoding, values) in &rows {
        for (schema, values) in values {
            cases.extend(values.iter().map(|value| (spelling(*location, *style, *explode), *encoding, *schema, value)));
        }
        // deepObject is for objects alone, and a header's list cannot hold commas.
        let arrays: &[Value] = match location {
            _ if *style == Style::DeepObject => &[],
            Location::Header => &plain_arrays,
            _ => &arrays,
        };
        cases.extend(arrays.iter().map(|value| (spelling(*location, *style, *explode), *encoding, &strings, value)));
    }
    for (style, encoding) in
        [(Style::SpaceDelimited, Encoding::SPACE_DELIMITED), (Style::PipeDelimited, Encoding::PIPE_DELIMITED)]
    {
        cases.push((spelling(Location::Query, style, false), encoding, &strings, &plain_arrays[0]));
        cases.push((spelling(Location::Query, style, false), encoding, &colors, &plain_objects[0]));
    }

    for (spelling, encoding, schema, value) in cases {
        let mut call =
            Call::new(reqwest::Method::GET, if spelling.location == Location::Path { "/x/{color}" } else { "/x" });
        match spelling.location {
            Location::Path => call.path("color", encoding, value),
            Location::Query => call.query("color", encoding, value),
            Location::Header => call.header("color", encoding, value),
            Location::Cookie => call.cookie("color", encoding, value),
        }
        let sent = call.build(&reqwest::Client::new(), "http://127.0.0.1:1").unwrap();
        let target = &sent.url().as_str()[url_path(sent.url().as_str())..];
        let mut request = get(target);
        request.headers_mut().extend(sent.headers().clone());

        let read = decode(parameter(spelling, load(schema)), request, false).await;

        let (style, explode) = (spelling.style, spelling.explode);
        assert_eq!(read, Ok(value.clone()), "{target} {:?} {style:?} explode={explode}", sent.headers());
    }
}

/// Where the path of an absolute URL starts.
#[cfg(feature = "client")]
fn url_path(url: &str) -> usize {
    url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at)
}
