//! Our verdicts against Clerk's own, for tokens, requests, claims and publishable keys.
//!
//! The rows were made by running Clerk's SDK with a fixed clock. The folder is named by `CLERK_VECTORS`, default
//! `../shared/clerk` beside the workspace; where it is missing the tests say so and pass, except with `CI=true`.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use specwright_runtime::{
    auth::{
        AuthError, Authenticator, Caller, Check, Credential, Level, Reverification,
        clerk::{ClerkVerifier, ClerkVerifierBuilder, ConfigError, MachineVerifier, PublishableKey, VerifyError},
    },
    local::issuer::LocalIssuer,
    operation::{Location, Operation, SchemeKind, SecurityScheme},
    reply::{Reply, Respond},
    service::Service,
};
use tower::ServiceExt as _;

static SCHEME: SecurityScheme =
    SecurityScheme { name: "clerkSession", kind: SchemeKind::Bearer { format: Some("JWT") } };
static COOKIE: SecurityScheme =
    SecurityScheme { name: "clerkCookie", kind: SchemeKind::ApiKey { location: Location::Cookie, name: "__session" } };

/// Rules, from the vectors' own page: our verdict is `recommended`; where both refuse, the reason is Clerk's, except where the
/// operator's key is at fault (we do not start then) and where Clerk's code throws.
#[tokio::test]
async fn tokens() {
    let Some(folder) = folder() else { return };
    let (mut accepted, mut rejected, mut same_reason, mut no_reason) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for row in rows(&folder, "vectors.jsonl") {
        let outcome = match configured(&folder, &row["options"], time(&row)) {
            Ok(verifier) => verifier.verify(row["token"].as_str().unwrap()).await.map_err(|error| match error {
                VerifyError::Rejected(reason) => Some(reason.as_str()),
                error => panic!("{}: no network is involved, but {error:?}", row["name"]),
            }),
            // The service does not start.
            Err(_) => Err(None),
        };
        let name = row["name"].as_str().unwrap();
        match (&outcome, row["recommended"].as_str().unwrap()) {
            (Ok(caller), "accept") => {
                accepted += 1;
                if row["oracle"]["verdict"] == "accept" && row["oracle"]["sub"] != caller.user_id().as_str() {
                    wrong.push(format!("{name}: another subject, {}", caller.user_id()));
                }
            }
            (Err(reason), "reject") => {
                rejected += 1;
                match (reason, row["oracle"]["reason"].as_str()) {
                    (Some(ours), Some(theirs)) if *ours == theirs => same_reason += 1,
                    (Some(ours), Some(theirs)) => wrong.push(format!("{name}: {ours}, not {theirs}")),
                    (None, _) | (_, None) => no_reason += 1,
                }
            }
            (outcome, recommended) => wrong.push(format!("{name}: {outcome:?}, not {recommended}")),
        }
    }
    say(&format!(
        "tokens: {accepted} accepted, {rejected} rejected; of these {same_reason} with Clerk's reason, {no_reason} where \
         Clerk accepts or throws, or where we do not start"
    ));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), accepted + rejected + wrong.len(), wrong.join("\n"));
    assert!(accepted > 50 && rejected > 50 && same_reason > 50, "the file is not what it was");
}

/// The rows of whole requests with one bearer token where a session is asked for: the verdict, the reason and the caller. Cookies and
/// machine tokens are other tests'; how the header is cut is `requests_over_http`'s.
#[tokio::test]
async fn requests() {
    let Some(folder) = folder() else { return };
    let (mut checked, mut left_out) = (0, 0);
    let mut wrong = Vec::new();
    for row in rows(&folder, "requests.jsonl") {
        let name = row["name"].as_str().unwrap();
        let accepts = row["options"].get("acceptsToken");
        let session_asked = accepts.is_none_or(|kinds| {
            *kinds == "session_token" || *kinds == "any" || kinds.to_string().contains("session_token")
        });
        let header = row["request"]["headers"]["authorization"].as_str().unwrap_or_default();
        let Some(token) = header.strip_prefix("Bearer ").filter(|token| !token.is_empty() && !token.contains(' '))
        else {
            left_out += 1;
            continue;
        };
        // Rows about Clerk's configuration: it cannot do without its secret key, we can.
        if !session_asked || name.starts_with("config-") {
            left_out += 1;
            continue;
        }
        let verifier = configured(&folder, &row["config"], time(&row)).unwrap();
        let (parts, ()) = http::Request::new(()).into_parts();
        let outcome = verifier.authenticate(Credential::Bearer(token), &SCHEME, &[], &parts).await;
        let oracle = &row["oracle"];
        let is_session = oracle["tokenType"] == "session_token";
        let expected = match name {
            // Clerk lets the empty user in.
            _ if name.starts_with("class-empty-sub") => false,
            // Clerk's code throws at a claim that it does not even need; we grant no permission and go on.
            _ if name.starts_with("class-fea-malformed") => true,
            _ => is_session && oracle["auth"]["isAuthenticated"] == true,
        };
        checked += 1;
        match outcome {
            Ok(caller) if expected => {
                if oracle.get("throws").is_none() {
                    wrong.extend(
                        differences(&caller, &oracle["auth"]).into_iter().map(|text| format!("{name}: {text}")),
                    );
                }
            }
            Err(AuthError::Invalid { reason }) if !expected => {
                let theirs = oracle["reason"].as_str().map(|reason| match reason {
                    "session-token-nbf" => "token-not-active-yet",
                    "session-token-iat-in-the-future" => "token-iat-in-the-future",
                    reason if reason.starts_with("session-token-expired") => "token-expired",
                    reason => reason,
                });
                // Where Clerk goes on with a machine token, or stumbles, its reason says nothing about sessions.
                let comparable = accepts.is_none() && theirs != Some("unexpected-error");
                if comparable && theirs.is_some_and(|theirs| theirs != reason) {
                    wrong.push(format!("{name}: {reason}, not {theirs:?}"));
                }
            }
            outcome => wrong.push(format!("{name}: {outcome:?}, expected {expected}")),
        }
    }
    say(&format!(
        "requests: {checked} checked, {left_out} left out (cookies, machine tokens, header spelling, Clerk's configuration)"
    ));
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 10, "the file is not what it was");
}

/// The rows where a session is asked for, over HTTP and by a contract that lets in a bearer token or the cookie. Where Clerk reads
/// the header otherwise than RFC 9110 (section 11.6.2), ours is the RFC's: the scheme's case says nothing, and a token has a scheme
/// before it and nothing after.
#[tokio::test]
async fn requests_over_http() {
    let Some(folder) = folder() else { return };
    let (mut checked, mut accepted, mut wrong) = (0, 0, Vec::new());
    for row in rows(&folder, "requests.jsonl") {
        let name = row["name"].as_str().unwrap();
        let (headers, config) = (&row["request"]["headers"], &row["config"]);
        let (header, cookies) = (headers["authorization"].as_str(), headers["cookie"].as_str());
        // A development instance adds a cookie of the browser's handshake, which is not ours.
        let of_handshake = cookies.is_some() && config["publishableKey"].as_str().unwrap().starts_with("pk_test_");
        if row["options"].get("acceptsToken").is_some() || name.starts_with("config-") || of_handshake {
            continue;
        }
        let now = time(&row);
        let key = config["jwtKey"].as_str().unwrap().strip_prefix("@keys/").unwrap();
        let mut builder = ClerkVerifier::builder()
            .jwt_key(fs::read_to_string(folder.join("keys").join(key)).unwrap())
            .publishable_key(config["publishableKey"].as_str().unwrap())
            .clock(move || now);
        let parties = config["authorizedParties"].as_array().into_iter().flatten();
        let mut parties = parties.map(|party| party.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        if cookies.is_some() {
            // Clerk takes cookies from everywhere unless told; we insist.
            if parties.is_empty() {
                parties.push("https://app.example.com".to_owned());
            }
            builder = builder.session_cookie();
        }
        let verifier = Arc::new(builder.authorized_parties(parties).build().unwrap());
        let words = header.unwrap_or_default().split(' ').collect::<Vec<_>>();
        let expected = match words.as_slice() {
            [scheme, token] if scheme.eq_ignore_ascii_case("bearer") && *scheme != "Bearer" => {
                verifier.verify(token).await.is_ok()
            }
            // Without a scheme, or with something after the token.
            [token] if !token.is_empty() => false,
            [_, _, _, ..] => false,
            // Clerk lets the empty user in, and reads a claim that it stumbles over.
            _ if name.starts_with("class-empty-sub") || name == "cookie-azp-missing-no-parties" => false,
            _ if name.starts_with("class-fea-malformed") => true,
            _ => row["oracle"]["auth"]["isAuthenticated"] == true,
        };
        let mut request = http::Request::get("/who");
        for (name, value) in [("authorization", header), ("cookie", cookies)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        let status = who(verifier).oneshot(request).await.unwrap().status().as_u16();
        checked += 1;
        accepted += usize::from(status == 204);
        if status != if expected { 204 } else { 401 } {
            wrong.push(format!("{name}: {status}, expected {expected}"));
        }
    }
    say(&format!("requests over HTTP: {checked} checked, {accepted} accepted"));
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(accepted > 5 && checked > 15, "the file is not what it was");
}

/// A service of one operation, for a bearer token or the session cookie.
fn who(verifier: Arc<ClerkVerifier>) -> axum::Router {
    static OPERATION: Operation = Operation {
        id: "who",
        method: "GET",
        path: "/who",
        tag: "auth",
        security: &[&[(&SCHEME, &[])], &[(&COOKIE, &[])]],
        produces: &[],
        deprecated: false,
    };
    struct Nothing;
    impl Respond for Nothing {
        fn respond(self, reply: Reply) -> axum::response::Response {
            reply.status(http::StatusCode::NO_CONTENT).empty()
        }
    }
    let service = Service::builder().authenticator("clerkSession", Arc::clone(&verifier) as Arc<dyn Authenticator>);
    let service = service.authenticator("clerkCookie", verifier).build();
    let mut routes = service.routes(Arc::new(()));
    routes.add(&OPERATION, |_api, incoming| async move {
        let _: Caller = incoming.decoder().caller()?;
        Ok(Nothing)
    });
    service.finish(routes.into_router())
}

/// The rows where machine or OAuth tokens are asked for. No network was there when Clerk answered them, so opaque tokens count as
/// refused; `clerk_machines.rs` has a stand-in for them.
#[tokio::test]
async fn machines() {
    static MACHINE: SecurityScheme = SecurityScheme { name: "machine", kind: SchemeKind::Bearer { format: None } };
    let Some(folder) = folder() else { return };
    let (mut checked, mut accepted, mut wrong) = (0, 0, Vec::new());
    for row in rows(&folder, "requests.jsonl") {
        let name = row["name"].as_str().unwrap();
        let header = row["request"]["headers"]["authorization"].as_str().unwrap_or_default();
        let Some(token) = header.strip_prefix("Bearer ") else { continue };
        let mut options = row["config"].clone();
        options.as_object_mut().unwrap().extend(row["options"].as_object().unwrap().clone());
        let oracle = &row["oracle"];
        for kind in ["m2m_token", "oauth_token"] {
            let accepts = row["options"].get("acceptsToken").map(Value::to_string).unwrap_or_default();
            if !accepts.contains(kind) && accepts != "\"any\"" {
                continue;
            }
            let verifier = configured(&folder, &options, time(&row)).unwrap().into();
            let verifier =
                if kind == "m2m_token" { MachineVerifier::m2m(verifier) } else { MachineVerifier::oauth(verifier) };
            let (parts, ()) = http::Request::new(()).into_parts();
            let outcome = verifier.authenticate(Credential::Bearer(token), &MACHINE, &[], &parts).await;
            let expected = oracle["tokenType"] == kind && oracle["auth"]["isAuthenticated"] == true;
            checked += 1;
            match outcome {
                Ok(caller) if expected => {
                    accepted += 1;
                    let auth = &oracle["auth"];
                    let id = auth["id"].as_str().filter(|id| !id.is_empty());
                    if auth["subject"] != caller.user_id().as_str()
                        || auth["scopes"] != json!(caller.scopes())
                        || id != caller.credential_id()
                    {
                        wrong.push(format!("{name}: {caller:?}, not {auth}"));
                    }
                }
                Err(AuthError::Invalid { .. }) if !expected => {}
                outcome => wrong.push(format!("{name}: {outcome:?}, expected {expected}")),
            }
        }
    }
    say(&format!("machine tokens: {checked} checked, {accepted} accepted"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted > 3 && checked > 15, "the file is not what it was");
}

/// The rows with cookies and without an `Authorization` header, of a production instance. Development instances add a cookie
/// of the browser's handshake, which is not ours.
#[tokio::test]
async fn cookies() {
    let Some(folder) = folder() else { return };
    let (mut checked, mut accepted, mut wrong) = (0, 0, Vec::new());
    for row in rows(&folder, "requests.jsonl") {
        let name = row["name"].as_str().unwrap();
        let headers = &row["request"]["headers"];
        let Some(cookies) = headers["cookie"].as_str() else { continue };
        let options = row["options"].as_object().unwrap();
        let key = row["config"]["publishableKey"].as_str().unwrap_or_default();
        if headers.get("authorization").is_some() || !key.starts_with("pk_live_") || !options.is_empty() {
            continue;
        }
        let now = time(&row);
        let jwt_key = row["config"]["jwtKey"].as_str().unwrap().strip_prefix("@keys/").unwrap();
        let parties = match &row["config"]["authorizedParties"] {
            Value::Array(parties) => parties.iter().map(|party| party.as_str().unwrap().to_owned()).collect(),
            // Clerk takes cookies from everywhere unless told; we insist.
            _ => vec!["https://app.example.com".to_owned()],
        };
        let verifier = ClerkVerifier::builder()
            .jwt_key(fs::read_to_string(folder.join("keys").join(jwt_key)).unwrap())
            .publishable_key(key)
            .authorized_parties(parties)
            .session_cookie()
            .clock(move || now)
            .build()
            .unwrap();
        let (parts, ()) = http::Request::builder().header("cookie", cookies).body(()).unwrap().into_parts();
        let outcome = verifier.authenticate(Credential::ApiKey(""), &COOKIE, &[], &parts).await;
        let expected = row["oracle"]["auth"]["isAuthenticated"] == true && name != "cookie-azp-missing-no-parties";
        checked += 1;
        match outcome {
            Ok(caller) if expected => {
                accepted += 1;
                wrong.extend(
                    differences(&caller, &row["oracle"]["auth"]).into_iter().map(|text| format!("{name}: {text}")),
                );
            }
            Err(AuthError::Invalid { .. }) if !expected => {}
            outcome => wrong.push(format!("{name}: {outcome:?}, expected {expected}")),
        }
    }
    say(&format!("cookies: {checked} checked, {accepted} accepted"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted > 1 && checked > 5, "the file is not what it was");
}

/// Claims to user, organization and permissions, and the answers of `has()`.
#[tokio::test]
async fn authorization() {
    let Some(folder) = folder() else { return };
    let keys = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(keys.path()).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(1_768_478_400);
    let verifier = ClerkVerifier::builder().jwt_key(issuer.public_key()).clock(move || now).build().unwrap();
    let (mut sets, mut checks) = (0, 0);
    let mut wrong = Vec::new();
    for row in rows(&folder, "authz.jsonl") {
        let name = row["name"].as_str().unwrap();
        let token = issuer.sign(&json!({"alg": "RS256", "typ": "JWT"}), &row["claims"]).unwrap();
        let caller = match verifier.verify(&token).await {
            Ok(caller) => caller,
            // Clerk lets the empty user verify, and then treats it as nobody.
            Err(VerifyError::Rejected(_)) if row["auth"]["userId"].as_str().unwrap_or_default().is_empty() => {
                sets += 1;
                assert!(row["has"].as_array().unwrap().iter().all(|row| row[1] == false), "{name}");
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        sets += 1;
        if row.get("throws").is_some() {
            if caller.organization().is_some_and(|organization| !organization.permissions.is_empty()) {
                wrong.push(format!("{name}: permissions out of malformed claims"));
            }
            continue;
        }
        wrong.extend(differences(&caller, &row["auth"]).into_iter().map(|text| format!("{name}: {text}")));
        for pair in row["has"].as_array().unwrap() {
            checks += 1;
            // What our types cannot even ask is a question that never holds.
            let ours = check(&pair[0]).is_some_and(|check| caller.has(&check));
            if pair[1] != ours {
                wrong.push(format!("{name}: has({}) is {ours}", pair[0]));
            }
            if let Some(permission) = pair[0].get("permission").and_then(Value::as_str)
                && pair[0].as_object().unwrap().len() == 1
            {
                assert_eq!(pair[1], caller.has_permission(permission), "{name}: {permission}");
            }
        }
    }
    say(&format!("authorization: {sets} claim sets, {checks} checks"));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(sets > 10 && checks > 100, "the file is not what it was");
}

#[test]
fn publishable_keys() {
    let Some(folder) = folder() else { return };
    let mut checked = 0;
    for row in rows(&folder, "pk.jsonl") {
        let text = row["key"].as_str().unwrap();
        let ours = PublishableKey::parse(text);
        // Clerk takes any text with a dot for a host.
        let host = row["parsed"]["frontendApi"].as_str().filter(|host| {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
                && !host.ends_with('.')
        });
        checked += 1;
        match (&ours, host) {
            (Ok(key), Some(host)) => {
                assert_eq!(key.frontend_api(), host, "{text}");
                assert_eq!(key.is_production(), row["parsed"]["instanceType"] == "production", "{text}");
                assert_eq!(row["issuer"], key.issuer(), "{text}");
                assert_eq!(row["jwks"], key.jwks(), "{text}");
                // Clerk hashes white space along; we drop it.
                if text == text.trim() {
                    assert_eq!(row["cookie_suffix"], key.cookie_suffix(), "{text}");
                }
            }
            (Err(ConfigError::PublishableKey { .. }), None) => {}
            (ours, host) => panic!("{text:?}: {ours:?}, expected {host:?}"),
        }
    }
    say(&format!("publishable keys: {checked}"));
    assert!(checked > 10, "the file is not what it was");
}

/// Every spelling of the operator's key is either a key or one clear line; none is a stream of 401.
#[test]
fn key_files() {
    let Some(folder) = folder() else { return };
    let mut checked = 0;
    for entry in fs::read_dir(folder.join("keys")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        let built = ClerkVerifier::builder().jwt_key(fs::read_to_string(&path).unwrap()).build();
        checked += 1;
        let usable = name.starts_with("rsa_") && !name.contains(".priv.");
        match built {
            Ok(_) => assert!(usable, "{name} is taken for a key"),
            Err(ConfigError::JwtKey { problem }) => assert!(!usable && !problem.is_empty(), "{name}: {problem}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    say(&format!("key files: {checked}"));
    assert!(checked > 10, "the folder is not what it was");
}

/// A row's options as Clerk's SDK names them. An option that the SDK treats as not given is not given here.
fn configured(folder: &Path, options: &Value, now: SystemTime) -> Result<ClerkVerifier, ConfigError> {
    let list = |name: &str| match &options[name] {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect(),
        _ => Vec::new(),
    };
    let mut builder: ClerkVerifierBuilder = ClerkVerifier::builder().clock(move || now);
    if let Some(key) = options["jwtKey"].as_str().filter(|key| !key.is_empty()) {
        builder = builder.jwt_key(match key.strip_prefix("@keys/") {
            Some(file) => fs::read_to_string(folder.join("keys").join(file)).unwrap(),
            None => key.to_owned(),
        });
    }
    for issuer in if options["issuer"] == "" { Vec::new() } else { list("issuer") } {
        builder = builder.issuer(issuer);
    }
    if let Some(skew) = options["clockSkewInMs"].as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
        let skew = skew as i64;
        builder = builder.clock_skew_ms(skew);
    }
    let audience = if options["audience"] == "" { Vec::new() } else { list("audience") };
    builder.authorized_parties(list("authorizedParties")).audience(audience).header_types(list("headerType")).build()
}

/// Where a caller is not what Clerk makes of the same token.
fn differences(caller: &Caller, auth: &Value) -> Vec<String> {
    let organization = caller.organization();
    // Clerk hands out a role without an organization, which no check of its own honours.
    let without_organization = auth["orgId"].as_str().is_none_or(str::is_empty);
    let organization_field = |value: Option<Value>, name: &str| {
        if without_organization {
            (Value::Null, Value::Null)
        } else {
            (value.unwrap_or(Value::Null), string_or_null(&auth[name]))
        }
    };
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    let permissions = organization.map(|organization| json!(organization.permissions));
    let theirs = match &auth["orgPermissions"] {
        permissions @ Value::Array(_) => permissions.clone(),
        // Clerk copies whatever stands there; no check of its own honours it.
        _ => json!([]),
    };
    let compared = [
        ("user", (text(Some(caller.user_id().as_str())), auth["userId"].clone())),
        ("session", (text(caller.session_id()), string_or_null(&auth["sessionId"]))),
        ("status", (text(caller.status()), string_or_null(&auth["sessionStatus"]))),
        (
            "organization",
            (text(organization.map(|organization| organization.id.as_str())), string_or_null(&auth["orgId"])),
        ),
        (
            "slug",
            organization_field(
                organization.and_then(|organization| organization.slug.clone()).map(Value::from),
                "orgSlug",
            ),
        ),
        (
            "role",
            organization_field(
                organization.and_then(|organization| organization.role.clone()).map(Value::from),
                "orgRole",
            ),
        ),
        (
            "permissions",
            if without_organization {
                (Value::Null, Value::Null)
            } else {
                (permissions.unwrap_or(Value::Null), theirs)
            },
        ),
    ];
    compared
        .into_iter()
        .filter(|(_, (ours, theirs))| ours != theirs)
        .map(|(what, (ours, theirs))| format!("{what} is {ours}, not {theirs}"))
        .collect()
}

/// Clerk copies claims of any type; ours count as absent where they are no text.
fn string_or_null(value: &Value) -> Value {
    if value.is_string() { value.clone() } else { Value::Null }
}

fn check(asked: &Value) -> Option<Check> {
    let mut check = Check::new();
    for (name, value) in asked.as_object()? {
        check = match name.as_str() {
            "role" => check.role(value.as_str()?),
            "permission" => check.permission(value.as_str()?),
            "feature" => check.feature(value.as_str()?),
            "plan" => check.plan(value.as_str()?),
            "reverification" => check.reverification(match value.as_str() {
                Some("strict_mfa") => Reverification::STRICT_MFA,
                Some("strict") => Reverification::STRICT,
                Some("moderate") => Reverification::MODERATE,
                Some("lax") => Reverification::LAX,
                Some(_) => return None,
                None => Reverification {
                    level: match value["level"].as_str()? {
                        "first_factor" => Level::FirstFactor,
                        "second_factor" => Level::SecondFactor,
                        "multi_factor" => Level::MultiFactor,
                        _ => return None,
                    },
                    after_minutes: value["afterMinutes"].as_f64()?,
                },
            }),
            other => panic!("a check that the vectors did not have before: {other}"),
        };
    }
    Some(check)
}

fn time(row: &Value) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(row["now_ms"].as_u64().unwrap())
}

fn rows(folder: &Path, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Past the harness, which keeps to itself what a passing test prints: how much was compared is to be seen in every run.
fn say(counts: &str) {
    let _ = writeln!(std::io::stdout(), "{counts}");
}

fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = std::env::var_os("CLERK_VECTORS").map_or_else(|| workspace.join("../shared/clerk"), PathBuf::from);
    if folder.join("vectors.jsonl").is_file() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CLERK_VECTORS does not name the folder of Clerk's vectors");
    let _ = writeln!(std::io::stderr(), "skipped: no Clerk vectors in {} (set CLERK_VECTORS)", folder.display());
    None
}
