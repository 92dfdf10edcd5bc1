//! The verifier on tokens of our own issuer: needs nothing but this folder.
//!
//! A case is a line of `vectors/clerk.jsonl`: what differs from a good token, and the verdict. The clock stands at
//! 2026-01-15T12:00:00Z.

#![cfg(feature = "issuer")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use specwright_runtime::{
    auth::{
        AuthError, Authenticator, Caller, Check, Credential, Factors, Level, Organization, Reverification, Secret,
        UserId,
        clerk::{ClerkVerifier, ClerkVerifierBuilder, ConfigError, VerifyError},
    },
    local::issuer::{AUTHORIZED_PARTY, ISSUER, IssuerError, KEY_ID, LocalIssuer, TokenRequest},
    operation::{SchemeKind, SecurityScheme},
};

static BEARER: SecurityScheme =
    SecurityScheme { name: "clerkSession", kind: SchemeKind::Bearer { format: Some("JWT") } };

const LIVE: &str = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k";
/// A SubjectPublicKeyInfo of another kind.
const ED25519: &str = "MCowBQYDK2VwAyEASZ/kyqYbl38m/UgqWUhEslXGTmfLgl4iaHgNpOdISp8=";
const NOW: u64 = 1_768_478_400;

#[tokio::test]
async fn vectors() {
    let issuer = issuer();
    let stranger = stranger();
    let mut wrong = Vec::new();
    let text = include_str!("vectors/clerk.jsonl");
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let mut header = json!({"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": KEY_ID, "typ": "JWT"});
        let mut claims = json!({
            "iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "sid": "sess_1", "sts": "active", "v": 2,
            "iat": NOW, "nbf": NOW - 10, "exp": NOW + 60,
        });
        change(&mut header, &row["header"], &row["without_header"]);
        change(&mut claims, &row["claims"], &row["without"]);
        let good = issuer.sign(&header, &claims).unwrap();
        let (message, _) = good.rsplit_once('.').unwrap();
        let token = match row["signature"].as_str() {
            None => row["raw"].as_str().map_or(good.clone(), str::to_owned),
            Some("empty") => format!("{message}."),
            Some("other") => stranger.sign(&header, &claims).unwrap(),
            Some("more") => format!("{good}.AAAA"),
            Some("padded") => format!("{good}=="),
            Some("swapped") => {
                let other = issuer.sign(&header, &json!({"sub": "user_2"})).unwrap();
                format!("{message}.{}", other.rsplit_once('.').unwrap().1)
            }
            Some(other) => panic!("a signature that no code makes: {other}"),
        };
        let mut builder = issuer.verifier().clock(now);
        if row["options"]["allow_missing_azp"] == true {
            builder = builder.allow_missing_azp_on_bearer();
        }
        if let Some(audience) = row["options"]["audience"].as_array() {
            builder = builder.audience(audience.iter().map(|audience| audience.as_str().unwrap()));
        }
        let verdict = match builder.build().unwrap().verify(&token).await {
            Ok(_) => "accept",
            Err(VerifyError::Rejected(reason)) => {
                assert_eq!(VerifyError::Rejected(reason).to_string(), reason.as_str());
                reason.as_str()
            }
            Err(error) => panic!("{error}"),
        };
        if row["expect"] != verdict {
            wrong.push(format!("{}: {verdict}, not {}", row["name"], row["expect"]));
        }
    }
    println!("{} vectors", text.lines().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where types are listed, one of them has to be there.
#[tokio::test]
async fn listed_header_types_count() {
    let issuer = issuer();
    let claims = json!({"iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "exp": NOW + 60});
    for (listed, sent, accepted) in [
        (&["custom+jwt"][..], "custom+jwt", true),
        (&["custom+jwt"], "JWT", false),
        (&["custom+jwt", "JWT"], "JWT", true),
        (&["custom+jwt", "JWT"], "other+jwt", false),
    ] {
        let token = issuer.sign(&json!({"alg": "RS256", "kid": KEY_ID, "typ": sent}), &claims).unwrap();
        let verifier = issuer.verifier().clock(now).header_types(listed.iter().copied()).build().unwrap();
        assert_eq!(verifier.verify(&token).await.is_ok(), accepted, "{sent} of {listed:?}");
    }
}

/// Times are compared to the millisecond, five seconds of skew allowed.
#[tokio::test]
async fn milliseconds_count() {
    let issuer = issuer();
    let header = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let claims = json!({"iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "nbf": NOW, "exp": NOW + 60});
    let token = issuer.sign(&header, &claims).unwrap();
    for (early, accepted) in [(4_501, true), (4_999, true), (5_000, true), (5_001, false)] {
        let clock = move || now() - Duration::from_millis(early);
        let verdict = issuer.verifier().clock(clock).build().unwrap().verify(&token).await;
        assert_eq!(verdict.is_ok(), accepted, "{early} ms early");
    }
}

/// One token has one spelling: no other text within a character of it, and no part of it, is accepted.
#[tokio::test]
async fn every_character_counts() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let good = issuer.mint_at(&TokenRequest::new("user_1"), now()).unwrap();
    assert!(verifier.verify(&good).await.is_ok());
    for position in 0..good.len() {
        let (head, tail) = good.split_at(position);
        let rest = &tail[1..];
        let flipped = if tail.starts_with('A') { "B" } else { "A" };
        for text in [flipped, "", "=", "\u{e9}", "\0", "."] {
            let other = format!("{head}{text}{rest}");
            if other != good {
                assert!(verifier.verify(&other).await.is_err(), "{other}");
            }
        }
        assert!(verifier.verify(head).await.is_err(), "{head}");
    }
}

#[tokio::test]
async fn a_token_has_a_limit() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let of_length = |length: usize| {
        let padded = |header: usize, claims: usize| {
            let header = json!({"alg": "RS256", "typ": "JWT", "kid": "k".repeat(header)});
            let claims = json!({
                "iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "exp": NOW + 60, "pad": "p".repeat(claims),
            });
            issuer.sign(&header, &claims).unwrap()
        };
        let near = (length - padded(0, 0).len()) / 4 * 3;
        // Base64 leaves out every fourth length, so both parts grow.
        let paddings = (0..3).flat_map(|header| (0..6).map(move |less| (header, near - less)));
        let mut tokens = paddings.map(|(header, claims)| padded(header, claims));
        tokens.find(|token| token.len() == length).unwrap()
    };
    assert!(verifier.verify(&of_length(64 * 1024)).await.is_ok());
    let longer = verifier.verify(&of_length(64 * 1024 + 1)).await.unwrap_err().to_string();
    assert_eq!(longer, "token-invalid");
}

/// A signed token may still say anything. Nothing panics, and nothing odd grants a permission.
#[tokio::test]
async fn no_claim_is_too_odd() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let names =
        ["sub", "sid", "exp", "nbf", "iat", "iss", "azp", "aud", "sts", "v", "o", "fea", "pla", "fva", "act", "org_id"];
    let inner = ["id", "slg", "rol", "per", "fpm"];
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!(",,:,o:,:o"),
        json!("9".repeat(3_000)),
        json!([]),
        json!([null, "x", [], {}]),
        json!({"id": {}, "sub": [], "per": 1}),
    ];
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let (mut accepted, mut refused) = (0, 0);
    for value in &values {
        for name in names.iter().chain(&inner) {
            let mut claims = json!({
                "iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "v": 2, "exp": NOW + 60,
                "fea": "o:projects", "o": {"id": "org_1", "per": "read", "fpm": "1"},
            });
            let target = if inner.contains(name) { &mut claims["o"] } else { &mut claims };
            target[*name] = value.clone();
            let Ok(caller) = verifier.verify(&issuer.sign(&header, &claims).unwrap()).await else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let permissions = caller.organization().map_or(0, |organization| organization.permissions.len());
            assert!(permissions <= 1, "{claims}: {:?}", caller.organization());
            for check in [Check::new().feature("x").plan("x"), Check::new().reverification(Reverification::LAX)] {
                assert!(!caller.has(&check), "{claims}");
            }
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} {refused}");
}

#[tokio::test]
async fn a_minted_token_says_what_was_asked_for() {
    let issuer = issuer();
    let organization = Organization::new("org_1")
        .with_slug("acme")
        .with_role("admin")
        .with_permission("org:projects:manage")
        .with_permission("org:projects:read")
        .with_permission("teams:read");
    let request = TokenRequest::new("user_1")
        .session("sess_9")
        .organization(organization)
        .feature("u:basic")
        .plan("o:pro")
        .actor("user_support")
        .claim("plan_seats", json!(5))
        .claim("plan_trial", json!([true, null, -1, 0.5, "\u{e9}\n"]));
    let caller = verified(issuer, &request).await;
    assert_eq!(caller.user_id().as_str(), "user_1");
    assert_eq!(caller.session_id(), Some("sess_9"));
    assert_eq!(caller.expires(), Some(i64::try_from(NOW).unwrap() + 3_600));
    assert_eq!(caller.factors(), Some(Factors { first: Some(0.0), second: None }));
    assert_eq!(caller.actor().unwrap().subject, "user_support");
    assert_eq!(caller.claims()["plan_seats"], 5);
    assert_eq!(caller.claims()["plan_trial"], json!([true, null, -1, 0.5, "\u{e9}\n"]));
    let organization = caller.organization().unwrap();
    assert_eq!((organization.id.as_str(), organization.slug.as_deref()), ("org_1", Some("acme")));
    assert_eq!(organization.role.as_deref(), Some("org:admin"));
    assert_eq!(organization.permissions, ["org:projects:manage", "org:projects:read", "org:teams:read"]);
    assert!(caller.has_permission("projects:manage") && !caller.has_permission("org:teams:manage"));
    assert!(caller.has_role("admin") && !caller.has_role("org:member"));
    assert!(caller.has(&Check::new().feature("basic").plan("org:pro").reverification(Reverification::STRICT)));
    assert!(!caller.has(&Check::new()), "nothing asked is not allowed");
}

/// The map is made when a handler asks for it, and then it is all of the token: also from one that was remembered, and for a
/// caller that was handed on.
#[tokio::test]
async fn claims_are_those_of_the_token() {
    let issuer = issuer();
    let odd = json!({
        "text": "a\"\\/\u{8}\u{e9}\u{1f600}", "$serde_json::private::RawValue": "1", "": [null, true, {"b": {}, "a": []}],
        "numbers": [0, -0.0, 1.0, 1e300, -1, 0.1, 9_007_199_254_740_993_u64, u64::MAX, i64::MIN],
    });
    let mut claims =
        json!({"iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "exp": NOW + 60, "iat": NOW, "odd": odd});
    for number in 0..100 {
        claims[format!("claim_{number}")] = json!({"number": number});
    }
    let token = issuer.sign(&json!({"alg": "RS256", "typ": "JWT"}), &claims).unwrap();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let (parts, ()) = http::Request::new(()).into_parts();
    let first = verifier.authenticate(Credential::Bearer(&token), &BEARER, &[], &parts).await.unwrap();
    let second = verifier.authenticate(Credential::Bearer(&token), &BEARER, &[], &parts).await.unwrap();
    assert!(std::ptr::eq(first.claims(), second.claims()), "the second was remembered");
    let elsewhere = tokio::spawn(async move { second.clone().claims().clone() }).await.unwrap();
    let direct = verifier.verify(&token).await.unwrap();
    for read in [first.claims(), &elsewhere, direct.claims()] {
        assert_eq!(Value::Object(read.clone()).to_string(), claims.to_string());
    }
}

#[test]
fn a_caller_can_be_sent_and_shared() {
    fn is_sent_and_shared<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is_sent_and_shared::<Caller>();
}

/// 64 bits would be one cliff and 128 the next.
#[tokio::test]
async fn permissions_beyond_every_machine_word() {
    let issuer = issuer();
    let mut organization = Organization::new("org_1");
    let expected = (0..300).filter(|number| number % 3 == 0).map(|number| format!("org:f{}:p{number:03}", number % 2));
    let mut expected = expected.collect::<Vec<_>>();
    for permission in &expected {
        organization = organization.with_permission(permission);
    }
    let caller = verified(issuer, &TokenRequest::new("user_1").organization(organization)).await;
    let mut permissions = caller.organization().unwrap().permissions.clone();
    permissions.sort();
    expected.sort();
    assert_eq!(permissions, expected);
}

/// Digits have a limit, since reading them takes their square: at it all is read, beyond it nothing is granted.
#[tokio::test]
async fn a_bit_map_beyond_any_organization_grants_nothing() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    for (digits, granted) in [(1_204, 1), (1_205, 1), (1_206, 0)] {
        // Odd, so that the lowest bit is set.
        let claims = json!({
            "iss": ISSUER, "azp": AUTHORIZED_PARTY, "sub": "user_1", "v": 2, "exp": NOW + 60,
            "fea": "o:projects", "o": {"id": "org_1", "per": "read", "fpm": "1".repeat(digits)},
        });
        let token = issuer.sign(&json!({"alg": "RS256"}), &claims).unwrap();
        let caller = verifier.verify(&token).await.unwrap();
        assert_eq!(caller.organization().unwrap().permissions.len(), granted, "{digits}");
    }
}

/// Minutes since a verification that lie in the future would be younger than any limit.
#[tokio::test]
async fn odd_verifications_are_none() {
    let issuer = issuer();
    for (minutes, known) in [
        (json!([0, -1]), true),
        (json!([5, 0.5]), true),
        (json!([-1, -1]), true),
        (json!([-5, -1]), false),
        (json!([0, -0.5]), false),
        (json!([0]), false),
        (json!([0, 0, 0]), false),
        (json!(["0", 0]), false),
        (json!("0,0"), false),
    ] {
        let caller = verified(issuer, &TokenRequest::new("user_1").claim("fva", minutes.clone())).await;
        assert_eq!(caller.factors().is_some(), known, "{minutes}");
    }
}

/// A number that is none would compare as younger than everything.
#[tokio::test]
async fn minutes_without_end_never_hold() {
    let caller = verified(issuer(), &TokenRequest::new("user_1").factors(Some(0), Some(0))).await;
    for (after_minutes, holds) in
        [(10.0, true), (0.5, true), (0.0, false), (-1.0, false), (f64::INFINITY, false), (f64::NAN, false)]
    {
        for level in [Level::FirstFactor, Level::SecondFactor, Level::MultiFactor] {
            let check = Check::new().reverification(Reverification { level, after_minutes });
            assert_eq!(caller.has(&check), holds, "{level:?} {after_minutes}");
        }
    }
}

#[tokio::test]
async fn variables_mean_what_they_say() {
    let issuer = issuer();
    let token = |party: Option<&str>| {
        let request = TokenRequest::new("user_1").authorized_party(party.map(str::to_owned));
        issuer.mint_at(&request, now()).unwrap()
    };
    for (parties, missing, party, accepted) in [
        ("https://a.example, ,https://b.example", "", Some("https://a.example"), true),
        ("https://a.example, ,https://b.example", "", Some("https://b.example"), true),
        ("https://a.example, ,https://b.example", "", Some("https://c.example"), false),
        ("https://a.example", "", None, false),
        ("https://a.example", "false", None, false),
        ("https://a.example", " true ", None, true),
        ("https://a.example", "true", Some("https://c.example"), false),
        (" ", "", None, true),
    ] {
        let builder = ClerkVerifierBuilder::from_variables(|name| match name {
            "CLERK_JWT_KEY" => Some(issuer.public_key().to_owned()),
            "CLERK_AUTHORIZED_PARTIES" => Some(parties.to_owned()),
            "CLERK_ALLOW_MISSING_AZP" => Some(missing.to_owned()),
            _ => None,
        });
        let verdict = builder.clock(now).build().unwrap().verify(&token(party)).await;
        assert_eq!(verdict.is_ok(), accepted, "{parties} {missing} {party:?}");
    }
}

#[test]
fn a_permission_that_no_token_can_carry_is_refused() {
    let issuer = issuer();
    for permission in ["org:projects", "org:a b:c", "org:a:b,c", "org::x", "org:x:"] {
        let mut organization = Organization::new("org_1");
        organization.permissions.push(permission.to_owned());
        let outcome = issuer.mint(&TokenRequest::new("user_1").organization(organization));
        assert!(matches!(outcome, Err(IssuerError::Permission { .. })), "{permission}");
    }
}

#[tokio::test]
async fn scopes_are_permissions_and_roles() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let member = Organization::new("org_1").with_role("member").with_permission("org:projects:read");
    let inside = issuer.mint_at(&TokenRequest::new("user_1").organization(member), now()).unwrap();
    let outside = issuer.mint_at(&TokenRequest::new("user_1"), now()).unwrap();
    assert_eq!(missing(&verifier, &inside, &[]).await, Ok(()));
    assert_eq!(missing(&verifier, &inside, &["org:projects:read", "role:member"]).await, Ok(()));
    assert_eq!(
        missing(&verifier, &inside, &["org:projects:read", "role:admin"]).await,
        Err(vec!["role:admin".to_owned()])
    );
    assert_eq!(missing(&verifier, &outside, &[]).await, Ok(()));
    assert_eq!(missing(&verifier, &outside, &["org:projects:read"]).await, Err(vec!["org:projects:read".to_owned()]));
}

#[tokio::test]
async fn a_pending_session_is_signed_out() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let token = issuer.mint_at(&TokenRequest::new("user_1").pending(), now()).unwrap();
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(refusal(&verifier, Credential::Bearer(&token), &BEARER).await, "session-pending");
}

/// Genuine, and not a session: the reason says so before anything else is looked at.
#[tokio::test]
async fn other_classes_of_token_are_no_session() {
    let issuer = issuer();
    let verifier = issuer.verifier().clock(now).build().unwrap();
    let classes = [
        (json!({"alg": "RS256", "typ": "at+jwt"}), "user_1"),
        (json!({"alg": "RS256", "cat": "cl_B7d4PD222AAA"}), "user_1"),
        (json!({"alg": "RS256", "cat": "cl_B7d4PD333AAA"}), "user_1"),
        (json!({"alg": "RS256"}), "mch_1"),
    ];
    for (header, subject) in classes {
        let token = issuer.sign(&header, &json!({"sub": subject, "exp": NOW + 60})).unwrap();
        assert_eq!(refusal(&verifier, Credential::Bearer(&token), &BEARER).await, "token-type-mismatch", "{header}");
    }
}

#[tokio::test]
async fn several_keys_serve_a_rotation() {
    let (old, new) = (issuer(), stranger());
    let pems = format!("{}{}", old.public_key(), new.public_key());
    let verifier = ClerkVerifier::builder().jwt_key(pems).clock(now).build().unwrap();
    for issuer in [old, new] {
        let token = issuer.mint_at(&TokenRequest::new("user_1"), now()).unwrap();
        assert!(verifier.verify(&token).await.is_ok());
    }
}

#[test]
fn the_key_is_made_once_and_kept_private() {
    let folder = tempfile::tempdir().unwrap();
    let nested = folder.path().join("data/keys");
    let openers = (0..4).map(|_| {
        let nested = nested.clone();
        std::thread::spawn(move || LocalIssuer::open(&nested).unwrap().public_key().to_owned())
    });
    let keys = openers.collect::<Vec<_>>().into_iter().map(|opener| opener.join().unwrap()).collect::<Vec<_>>();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "two processes that start together agree on a key");
    let issuer = LocalIssuer::open(&nested).unwrap();
    assert_eq!(issuer.public_key(), keys[0]);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(issuer.key_file()), 0o600);
    assert_eq!(std::fs::read_dir(&nested).unwrap().count(), 1, "no temporary file is left");
    std::fs::set_permissions(issuer.key_file(), PermissionsExt::from_mode(0o644)).unwrap();
    LocalIssuer::open(&nested).unwrap();
    assert_eq!(mode(issuer.key_file()), 0o600, "a key that others could read is taken back");
    std::fs::write(issuer.key_file(), "not a key").unwrap();
    assert!(matches!(LocalIssuer::open(&nested), Err(IssuerError::NotAKey { .. })));
}

#[test]
fn a_wrong_configuration_does_not_start() {
    let issuer = issuer();
    let build = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables = variables.collect::<HashMap<_, _>>();
        ClerkVerifierBuilder::from_variables(|name| variables.get(name).cloned()).build()
    };
    let private = std::fs::read_to_string(issuer.key_file()).unwrap();
    let cut = &issuer.public_key()[..200];
    let says = |variables: &[(&str, &str)]| build(variables).unwrap_err().to_string();
    assert!(says(&[]).contains("CLERK_JWT_KEY"));
    assert!(says(&[("CLERK_JWT_KEY", "  ")]).contains("no Clerk key"), "an empty variable is an unset one");
    assert!(says(&[("CLERK_JWT_KEY", "not a key")]).contains("neither a PEM public key"));
    assert!(says(&[("CLERK_JWT_KEY", &STANDARD.encode("not a key"))]).contains("neither a PEM public key"));
    let public = issuer.public_key().lines().filter(|line| !line.starts_with('-')).collect::<String>();
    for length in [0, 1, 2, 4, 30, 100, 293] {
        let short = STANDARD.encode(&STANDARD.decode(&public).unwrap()[..length]);
        assert!(build(&[("CLERK_JWT_KEY", &short)]).is_err(), "{length} bytes of a key");
    }
    assert!(says(&[("CLERK_JWT_KEY", &private)]).contains("private key"));
    assert!(says(&[("CLERK_JWT_KEY", cut)]).contains("cut off"));
    // The same without its label, and what stands inside: a PKCS#1 private key, after 26 bytes of PKCS#8.
    let bare = private.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let inner = STANDARD.encode(&STANDARD.decode(&bare).unwrap()[26..]);
    assert!(says(&[("CLERK_JWT_KEY", &bare)]).contains("private key"));
    assert!(says(&[("CLERK_JWT_KEY", &inner)]).contains("private key"));
    assert!(says(&[("CLERK_JWT_KEY", ED25519)]).contains("not an RSA key"));
    assert!(says(&[("CLERK_JWT_KEY", "sk_test_abc")]).contains("API key"));
    assert!(says(&[("CLERK_PUBLISHABLE_KEY", "pk_live_xxx")]).contains("CLERK_PUBLISHABLE_KEY"));
    assert!(says(&[("CLERK_PUBLISHABLE_KEY", "sk_live_xxx")]).contains("secret key"));
    assert!(says(&[("CLERK_PUBLISHABLE_KEY", "xxx")]).contains("starts with neither"));
    assert!(
        says(&[("CLERK_PUBLISHABLE_KEY", LIVE), ("CLERK_ISSUER", "https://clerk.other.com")])
            .contains("clerk.example.com")
    );
    assert!(says(&[("CLERK_JWKS_URL", "http://clerk.example.com/jwks")]).contains("https"));
    assert!(says(&[("CLERK_JWKS_URL", "clerk")]).contains("CLERK_JWKS_URL"));
    assert!(build(&[("CLERK_PUBLISHABLE_KEY", LIVE), ("CLERK_ISSUER", "https://clerk.example.com")]).is_ok());
    assert!(build(&[("CLERK_JWKS_URL", "http://127.0.0.1:9/jwks")]).is_ok());
    let escaped = issuer.public_key().replace('\n', "\\n");
    assert!(
        build(&[("CLERK_JWT_KEY", &escaped), ("CLERK_AUTHORIZED_PARTIES", "https://a.example, https://b.example")])
            .is_ok()
    );
    for error in [build(&[("CLERK_JWT_KEY", &private)]).unwrap_err(), ConfigError::NoKey] {
        assert!(!error.to_string().contains('\n'), "one line");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let credentials = [
        format!("{:?}", Credential::Bearer("hush")),
        format!("{:?}", Credential::ApiKey("hush")),
        format!("{:?}", Credential::Other("hush")),
        format!("{:?}", Credential::Basic { user: "hush".to_owned(), password: Secret::new("hush") }),
        format!("{:?}", Secret::new("hush")),
    ];
    for text in credentials {
        assert!(!text.contains("hush"), "{text}");
    }
    let issuer = issuer();
    assert!(!format!("{issuer:?} {:?}", issuer.verifier().build().unwrap()).contains("MII"));
    let fetching = ClerkVerifier::builder().jwks("http://127.0.0.1:9/jwks").build().unwrap();
    assert!(format!("{fetching:?}").contains("from http://127.0.0.1:9/jwks"));
    assert_eq!(format!("{:?}", UserId::from_verified("user_1").unwrap()), "UserId(user_1)");
    assert!(!format!("{:?}", Caller::for_tests("user_1")).contains("claims"));
}

async fn verified(issuer: &LocalIssuer, request: &TokenRequest) -> Caller {
    let token = issuer.mint_at(request, now()).unwrap();
    issuer.verifier().clock(now).build().unwrap().verify(&token).await.unwrap()
}

/// The scopes that do not hold.
async fn missing(verifier: &ClerkVerifier, token: &str, scopes: &[&'static str]) -> Result<(), Vec<String>> {
    let (parts, ()) = http::Request::new(()).into_parts();
    match verifier.authenticate(Credential::Bearer(token), &BEARER, scopes, &parts).await {
        Ok(caller) => {
            assert_eq!(caller.scheme(), "clerkSession");
            Ok(())
        }
        Err(AuthError::Forbidden { missing, .. }) => Err(missing),
        Err(error) => panic!("{error}"),
    }
}

async fn refusal(verifier: &ClerkVerifier, credential: Credential<'_>, scheme: &'static SecurityScheme) -> String {
    let (parts, ()) = http::Request::new(()).into_parts();
    match verifier.authenticate(credential, scheme, &[], &parts).await {
        Err(AuthError::Invalid { reason }) => reason,
        outcome => panic!("{outcome:?}"),
    }
}

fn change(value: &mut Value, set: &Value, remove: &Value) {
    let members = value.as_object_mut().unwrap();
    for (name, value) in set.as_object().into_iter().flatten() {
        members.insert(name.clone(), value.clone());
    }
    for name in remove.as_array().into_iter().flatten() {
        members.remove(name.as_str().unwrap());
    }
}

/// Made once, since a key takes a moment; `open` is safe against other tests that do the same.
fn issuer() -> &'static LocalIssuer {
    static ISSUER: LazyLock<LocalIssuer> = LazyLock::new(|| open("issuer"));
    &ISSUER
}

/// An issuer of the same kind, whose key nobody trusts.
fn stranger() -> &'static LocalIssuer {
    static STRANGER: LazyLock<LocalIssuer> = LazyLock::new(|| open("stranger"));
    &STRANGER
}

fn open(name: &str) -> LocalIssuer {
    LocalIssuer::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clerk").join(name)).unwrap()
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}
