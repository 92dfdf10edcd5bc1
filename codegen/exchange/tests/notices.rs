//! Webhooks and callbacks, to a receiver on this machine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use specwright_exchange::{
    notices::{client, types},
    serve,
};
use specwright_runtime::axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
};

use client::{Error, Exchange, ExpressionError, Sender, callbacks::Callbacks, webhooks::Webhooks};

type Received = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

/// A receiver that notes what it gets and says 410 to whatever is older than nine years.
async fn receiver() -> (String, Received) {
    let received = Received::default();
    let noted = Arc::clone(&received);
    let router = Router::new().fallback(move |request: Request| {
        let noted = Arc::clone(&noted);
        async move {
            let (parts, body) = request.into_parts();
            let body = String::from_utf8(to_bytes(body, 65_536).await.unwrap().to_vec()).unwrap();
            let target = format!("{} {}", parts.method, parts.uri);
            let answer = match (parts.uri.path(), body.contains("\"age\":10")) {
                ("/pets", true) => {
                    (StatusCode::GONE, [("content-type", "application/json")], "{\"since\":\"2020\"}").into_response()
                }
                ("/pets", false) => ([("x-seen", "3")], "").into_response(),
                ("/me/data", _) => StatusCode::ACCEPTED.into_response(),
                _ => StatusCode::NO_CONTENT.into_response(),
            };
            noted.lock().unwrap().push((target, parts.headers, body));
            answer
        }
    });
    (serve(router).await, received)
}

fn pet(name: &str, age: Option<i64>) -> types::Pet {
    types::Pet { name: name.to_owned(), age }
}

#[tokio::test]
async fn webhooks_are_sent_and_their_answers_are_typed() {
    let (base, received) = receiver().await;
    let sender = Sender::with_client(reqwest::Client::new()).prepare(|request| {
        let length = request.body().and_then(reqwest::Body::as_bytes).map_or(0, <[u8]>::len);
        request.headers_mut().insert("x-signature", length.to_string().parse().map_err(|_| "no header")?);
        Ok(())
    });
    let webhooks = Webhooks::new(sender);
    let url = format!("{base}/pets?token=a");

    let noted = webhooks.new_pet(&url, "d-1", &pet("Rex", None)).await.unwrap();
    assert_eq!((noted.status(), noted.x_seen), (StatusCode::OK, Some(3)));
    match webhooks.new_pet(&url, "d-2", &pet("Rex", Some(10))).await {
        Err(Error::ErrorResponse(gone)) => assert_eq!((gone.status().as_u16(), gone.since.as_str()), (410, "2020")),
        other => panic!("{other:?}"),
    }
    webhooks.say_gone(&format!("{base}/gone#now"), 7).await.unwrap();
    // A body that breaks the contract stays here.
    let refused = webhooks.new_pet(&url, "d-3", &pet("", None)).await;
    assert!(matches!(&refused, Err(Error::InvalidRequest(reason)) if reason.contains("/name")), "{refused:?}");

    let received = received.lock().unwrap();
    let targets: Vec<&str> = received.iter().map(|(target, ..)| target.as_str()).collect();
    assert_eq!(targets, ["POST /pets?token=a", "POST /pets?token=a", "DELETE /gone?id=7"]);
    let (_, headers, body) = &received[0];
    assert_eq!(body, "{\"name\":\"Rex\"}");
    assert_eq!((&headers["x-delivery"], &headers["x-signature"]), (&"d-1".parse().unwrap(), &"14".parse().unwrap()));
    assert_eq!(headers["content-type"], "application/json");
}

#[tokio::test]
async fn callbacks_go_where_the_request_said() {
    let (base, received) = receiver().await;
    let exchange = Exchange::new("POST", format!("https://api.example/streams?callbackUrl={base}/me"))
        .request_body(&serde_json::json!({ "failed": format!("{base}/failures") }));
    let callbacks = Callbacks::new(Sender::with_client(reqwest::Client::new()));

    let url = Callbacks::subscribe_on_data_url(&exchange).unwrap();
    assert_eq!(url, format!("{base}/me/data"));
    let reading = types::Reading { at: None, value: Some(21.5) };
    let taken = callbacks.subscribe_on_data(&url, &reading).await.unwrap();
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    let wild = types::Reading { at: None, value: Some(101.0) };
    assert!(matches!(callbacks.subscribe_on_data(&url, &wild).await, Err(Error::InvalidRequest(_))));

    let url = Callbacks::tell_failure_url(&exchange).unwrap();
    callbacks.tell_failure(&url, "no data").await.unwrap();
    let nothing = Exchange::new("POST", "https://api.example/streams");
    assert_eq!(
        Callbacks::subscribe_on_data_url(&nothing),
        Err(ExpressionError::Missing("$request.query.callbackUrl".into()))
    );

    let received = received.lock().unwrap();
    let got: Vec<(&str, &str)> = received.iter().map(|(target, _, body)| (target.as_str(), body.as_str())).collect();
    assert_eq!(got, [("POST /me/data", "{\"value\":21.5}"), ("PUT /failures", "no data")]);
}

#[tokio::test]
async fn nothing_goes_where_it_may_not() {
    let (base, received) = receiver().await;
    let guarded = Webhooks::new(Sender::new().unwrap());
    let listed = Webhooks::new(Sender::with_client(reqwest::Client::new()).allow(|url| url.scheme() == "https"));
    for webhooks in [guarded, listed] {
        let refused = webhooks.new_pet(&format!("{base}/pets"), "d", &pet("Rex", None)).await;
        assert!(matches!(&refused, Err(Error::InvalidRequest(reason)) if reason.contains("127.0.0.1")), "{refused:?}");
    }
    assert!(received.lock().unwrap().is_empty());
}
