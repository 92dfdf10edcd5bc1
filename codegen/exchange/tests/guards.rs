//! Security of every kind: what the client sends is what the authenticator judges, before the body is read.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use futures::future::BoxFuture;
use specwright_exchange::{
    guards::{client, server},
    serve,
};
use specwright_runtime::{
    auth::{AuthError, Authenticator, Caller, CallerParts, Credential, UserId},
    failure::Failure,
    http::request::Parts,
    operation::SecurityScheme,
    service::Service,
};

use client::{Client, Credentials, Error, ResponseValue};

/// Lets in whoever names the scheme as its secret, under the name of the scheme.
struct Doorman;

impl Authenticator for Doorman {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        scopes: &'a [&'static str],
        _: &'a Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        Box::pin(async move {
            let (user, secret) = match credential {
                Credential::Bearer(token) => ("bearer".to_owned(), token.to_owned()),
                Credential::Basic { user, password } => (user, password.expose().to_owned()),
                Credential::ApiKey(key) => ("key".to_owned(), key.to_owned()),
                Credential::Other(rest) => ("other".to_owned(), rest.to_owned()),
                _ => return Err(AuthError::Missing),
            };
            if secret == "limited" {
                let missing = scopes.iter().map(|scope| (*scope).to_owned()).collect();
                return Err(AuthError::Forbidden { reason: "limited".into(), missing });
            }
            if secret != format!("{} secret: é", scheme.name) && secret != format!("{}-secret", scheme.name) {
                return Err(AuthError::Invalid { reason: secret });
            }
            let user = UserId::from_verified(&format!("{user}@{}", scheme.name)).unwrap();
            Ok(Caller::new(CallerParts::new(user, scheme.name)))
        })
    }
}

struct House;

macro_rules! doors {
    ($($method:ident, $request:ident, $response:ident;)*) => {
        impl server::doors::DoorsApi for House {
            $(async fn $method(&self, request: server::doors::$request) -> Result<server::doors::$response, Failure> {
                Ok(server::doors::$response::Ok(request.caller.user_id().to_string()))
            })*

            async fn public(&self, _: server::doors::PublicRequest) -> Result<server::doors::PublicResponse, Failure> {
                Ok(server::doors::PublicResponse::NoContent)
            }

            async fn optional(
                &self,
                request: server::doors::OptionalRequest,
            ) -> Result<server::doors::OptionalResponse, Failure> {
                let caller = request.caller.map_or("nobody".to_owned(), |caller| caller.user_id().to_string());
                Ok(server::doors::OptionalResponse::Ok(caller))
            }
        }
    };
}

doors! {
    by_default, ByDefaultRequest, ByDefaultResponse;
    by_digest, ByDigestRequest, ByDigestResponse;
    by_header, ByHeaderRequest, ByHeaderResponse;
    by_query, ByQueryRequest, ByQueryResponse;
    by_cookie, ByCookieRequest, ByCookieResponse;
    by_oauth, ByOauthRequest, ByOauthResponse;
    by_open_id, ByOpenIdRequest, ByOpenIdResponse;
    by_both, ByBothRequest, ByBothResponse;
    by_either, ByEitherRequest, ByEitherResponse;
}

async fn house() -> String {
    let mut service = Service::builder();
    for scheme in ["basic", "digest", "header", "query", "cookie", "oauth", "openId"] {
        service = service.authenticator(scheme, Arc::new(Doorman));
    }
    serve(server::router(House, &service.build()).unwrap()).await
}

fn who(answer: Result<ResponseValue<String>, Error<()>>) -> Result<String, u16> {
    answer
        .map(ResponseValue::into_inner)
        .map_err(|error| error.status().unwrap_or_else(|| panic!("{error:?}")).as_u16())
}

#[tokio::test]
async fn each_kind_of_credential_is_sent_and_judged() {
    let base = house().await;
    let everything = Credentials::none()
        .basic("Ada Lovelace", "basic secret: é")
        .digest("digest-secret")
        .header("header-secret")
        .query("query secret: é")
        .cookie("cookie-secret")
        .oauth("oauth-secret")
        .open_id("openId-secret");
    let client = Client::new(&base, everything).unwrap();
    assert_eq!(who(client.by_default().await).unwrap(), "Ada Lovelace@basic");
    assert_eq!(who(client.by_digest().await).unwrap(), "other@digest");
    assert_eq!(who(client.by_header().await).unwrap(), "key@header");
    assert_eq!(who(client.by_query().await).unwrap(), "key@query");
    assert_eq!(who(client.by_cookie().await).unwrap(), "key@cookie");
    assert_eq!(who(client.by_oauth().await).unwrap(), "bearer@oauth");
    assert_eq!(who(client.by_open_id().await).unwrap(), "bearer@openId");
    assert_eq!(who(client.by_both(&1).await).unwrap(), "key@header");
    client.public().await.unwrap();

    let nobody = Client::new(&base, Credentials::none()).unwrap();
    for refused in [
        nobody.by_default().await,
        nobody.by_digest().await,
        nobody.by_header().await,
        nobody.by_query().await,
        nobody.by_cookie().await,
        nobody.by_oauth().await,
        nobody.by_open_id().await,
        nobody.by_both(&1).await,
        nobody.by_either().await,
    ] {
        assert_eq!(who(refused), Err(401));
    }
    nobody.public().await.unwrap();
    let limited = Client::new(&base, Credentials::none().oauth("limited")).unwrap();
    match limited.by_oauth().await {
        Err(Error::UnexpectedResponse(response)) => {
            assert_eq!(response.status().as_u16(), 403);
            let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
            assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"read write\"");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn and_takes_all_or_takes_any_and_nothing_takes_nobody() {
    let base = house().await;
    let with = |credentials: Credentials| Client::new(&base, credentials).unwrap();
    let (header, cookie) = ("header-secret", "cookie-secret");
    let basic = |credentials: Credentials| credentials.basic("ada", "basic-secret");

    assert_eq!(who(with(Credentials::none().header(header)).by_both(&1).await), Err(401));
    assert_eq!(who(with(basic(Credentials::none())).by_both(&1).await), Err(401));
    assert_eq!(who(with(basic(Credentials::none()).header("wrong")).by_both(&1).await), Err(401));
    assert_eq!(who(with(basic(Credentials::none()).header(header)).by_both(&1).await).unwrap(), "key@header");

    assert_eq!(who(with(basic(Credentials::none())).by_either().await).unwrap(), "ada@basic");
    let pair = Credentials::none().header(header).cookie(cookie);
    assert_eq!(who(with(pair).by_either().await).unwrap(), "key@header");
    assert_eq!(who(with(Credentials::none().header(header)).by_either().await), Err(401));
    // One alternative that fails leaves the other.
    let half = basic(Credentials::none()).header(header).cookie("wrong");
    let sent = reqwest::Client::new()
        .get(format!("{base}/either"))
        .header("X-Key", header)
        .header("Cookie", "session=wrong")
        .basic_auth("ada", Some("basic-secret"));
    assert_eq!(sent.send().await.unwrap().text().await.unwrap(), "\"ada@basic\"");
    drop(half);

    assert_eq!(who(with(Credentials::none()).optional().await).unwrap(), "nobody");
    assert_eq!(who(with(basic(Credentials::none())).optional().await).unwrap(), "ada@basic");
    // Whoever claims to be somebody must be.
    assert_eq!(who(with(Credentials::none().basic("ada", "wrong")).optional().await), Err(401));
}

#[tokio::test]
async fn the_door_comes_before_the_body() {
    let base = house().await;
    let answer = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let post = || reqwest::Client::new().post(format!("{base}/both")).header("Content-Type", "application/json");
    assert_eq!(answer(post().body("{ no JSON")).await, 401);
    let known = || post().header("X-Key", "header-secret").basic_auth("ada", Some("basic-secret"));
    assert_eq!(answer(known().body("{ no JSON")).await, 400);
    assert_eq!(answer(known().body("1")).await, 200);
}

#[tokio::test]
async fn what_cannot_be_a_credential_is_none() {
    let base = house().await;
    let get = |path: &str| reqwest::Client::new().get(format!("{base}/{path}"));
    for (what, request) in [
        ("basic that is not Base64", get("default").header("Authorization", "Basic !!!")),
        ("basic without a colon", get("default").header("Authorization", "Basic YWRh")),
        ("another scheme", get("default").header("Authorization", "Bearer basic-secret")),
        (
            "two authorizations",
            get("default").basic_auth("a", Some("basic-secret")).header("Authorization", "Basic YTpi"),
        ),
        ("two keys in headers", get("header").header("X-Key", "header-secret").header("X-Key", "header-secret")),
        ("two keys in the query", get("query?api%20key=query-secret&api+key=query-secret")),
        ("two cookies", get("cookie").header("Cookie", "session=cookie-secret; session=cookie-secret")),
        ("an empty key", get("header").header("X-Key", "")),
        ("the key elsewhere", get("header?X-Key=header-secret")),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{what}");
        assert!(answer.headers().contains_key("www-authenticate"), "{what}");
    }
    // The scheme's name is case-insensitive, and the empty user and the colon in a password are allowed (RFC 7617).
    let request = get("default").header("Authorization", "bAsIc OmJhc2ljIHNlY3JldDogw6k=");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "\"@basic\"");
}
