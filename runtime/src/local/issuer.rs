//! A token issuer for the developer's machine: mints what Clerk would, with a key of its own.
//!
//! The key pair is made once and kept in a data folder, readable by its owner only. A service trusts it only where it was
//! given the public key, as `cargo run` does; nothing deployed contains this module (feature `local`). Tokens pass the same
//! verifier as Clerk's, so local development skips no check.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};

use crate::auth::{
    Organization,
    clerk::{ClerkVerifier, ClerkVerifierBuilder},
};

/// The issuer (`iss`) of locally minted tokens. The name resolves nowhere outside this machine (RFC 6761, section 6.3).
pub const ISSUER: &str = "https://issuer.localhost";
/// The origin (`azp`) of locally minted tokens.
pub const AUTHORIZED_PARTY: &str = "http://localhost";
/// The key id (`kid`) of locally minted tokens.
pub const KEY_ID: &str = "ins_local";

const KEY_FILE: &str = "token-signing-key.pem";

/// Mints tokens. See the module's text.
pub struct LocalIssuer {
    key: KeyPair,
    public_key: String,
    key_file: PathBuf,
}

/// What a token shall say.
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenRequest {
    user: String,
    session: String,
    organization: Option<Organization>,
    expires_in: Duration,
    authorized_party: Option<String>,
    pending: bool,
    actor: Option<String>,
    features: Vec<String>,
    plans: Vec<String>,
    factors: (Option<u32>, Option<u32>),
    claims: Map<String, Value>,
}

/// Why there is no key or no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The key file cannot be read or written.
    #[error("the signing key {path} cannot be read or written")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: io::Error,
    },
    /// The key file is there and is no key. It is left as it is: somebody may still need it.
    #[error("{path} is not a PKCS#8 RSA key in PEM; delete it to get a new one")]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The machine cannot make keys.
    #[error("the cryptographic library failed to make or use a key")]
    Crypto,
    /// A permission that no token can carry.
    #[error("{permission:?} is not a permission: it looks like org:projects:manage, without commas and spaces")]
    Permission {
        /// As asked for.
        permission: String,
    },
}

impl LocalIssuer {
    /// Opens the issuer whose key is in a folder; makes the folder and the key where they are missing. Safe against a second
    /// process that does the same.
    ///
    /// # Errors
    ///
    /// [`IssuerError::KeyFile`] and [`IssuerError::NotAKey`] name the file.
    pub fn open(folder: &Path) -> Result<Self, IssuerError> {
        let key_file = folder.join(KEY_FILE);
        let failed = |source| IssuerError::KeyFile { path: key_file.clone(), source };
        let text = match fs::read_to_string(&key_file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(failed)?;
                create_once(&key_file, &new_key()?).map_err(failed)?;
                fs::read_to_string(&key_file).map_err(failed)?
            }
            text => text.map_err(failed)?,
        };
        keep_private(&key_file).map_err(failed)?;
        let not_a_key = || IssuerError::NotAKey { path: key_file.clone() };
        let key = from_pem(&text).and_then(|der| KeyPair::from_pkcs8(&der).ok()).ok_or_else(not_a_key)?;
        let public: PublicKeyX509Der = key.public_key().as_der().map_err(|_| IssuerError::Crypto)?;
        let public_key = to_pem("PUBLIC KEY", public.as_ref());
        Ok(Self { key, public_key, key_file })
    }

    /// The public key, PEM: what a verifier calls `CLERK_JWT_KEY`.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Where the private key is kept.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// A verifier that accepts this issuer's tokens and no others.
    pub fn verifier(&self) -> ClerkVerifierBuilder {
        ClerkVerifier::builder().jwt_key(&self.public_key).issuer(ISSUER).authorized_parties([AUTHORIZED_PARTY])
    }

    /// Mints a session token (version 2) that is valid from now.
    ///
    /// # Errors
    ///
    /// [`IssuerError::Permission`] where a permission cannot be put in a token.
    pub fn mint(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        self.mint_at(request, SystemTime::now())
    }

    /// As [`mint`](Self::mint), at another time.
    ///
    /// # Errors
    ///
    /// As [`mint`](Self::mint).
    pub fn mint_at(&self, request: &TokenRequest, now: SystemTime) -> Result<String, IssuerError> {
        let header = json!({ "alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": KEY_ID, "typ": "JWT" });
        self.sign(&header, &request.to_claims(now)?)
    }

    /// Signs any header and claims, whether they make sense or not: for tests of verifiers.
    ///
    /// # Errors
    ///
    /// [`IssuerError::Crypto`], which no known input causes.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String, IssuerError> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| IssuerError::Crypto)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl TokenRequest {
    /// A session of this user for an hour, without organization. Clerk's own tokens live for a minute; a developer's terminal
    /// does not refresh them.
    pub fn new(user: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            session: "sess_local".to_owned(),
            organization: None,
            expires_in: Duration::from_hours(1),
            authorized_party: Some(AUTHORIZED_PARTY.to_owned()),
            pending: false,
            actor: None,
            features: Vec::new(),
            plans: Vec::new(),
            factors: (Some(0), None),
            claims: Map::new(),
        }
    }

    /// The session's id (`sid`); `sess_local` unless set.
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = id.into();
        self
    }

    /// The organization that the session acts in, with the user's role and permissions there.
    pub fn organization(mut self, organization: Organization) -> Self {
        self.organization = Some(organization);
        self
    }

    /// How long the token is valid, in whole seconds.
    pub fn expires_in(mut self, duration: Duration) -> Self {
        self.expires_in = duration;
        self
    }

    /// The origin (`azp`), or none; [`AUTHORIZED_PARTY`] unless set.
    pub fn authorized_party(mut self, origin: Option<String>) -> Self {
        self.authorized_party = origin;
        self
    }

    /// Makes it a session with tasks left to do (`sts` is `pending`), which counts as signed out.
    pub fn pending(mut self) -> Self {
        self.pending = true;
        self
    }

    /// Who acts in the user's name (`act.sub`).
    pub fn actor(mut self, subject: impl Into<String>) -> Self {
        self.actor = Some(subject.into());
        self
    }

    /// Adds a feature with its scope, for example `u:basic`.
    pub fn feature(mut self, feature: impl Into<String>) -> Self {
        self.features.push(feature.into());
        self
    }

    /// Adds a plan with its scope, for example `o:pro`.
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.plans.push(plan.into());
        self
    }

    /// How many minutes ago the factors were verified (`fva`); `None` for one that is not enrolled. The first factor just now,
    /// and no second, unless set.
    pub fn factors(mut self, first: Option<u32>, second: Option<u32>) -> Self {
        self.factors = (first, second);
        self
    }

    /// Sets a claim; wins over all others.
    pub fn claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.claims.insert(name.into(), value);
        self
    }

    fn to_claims(&self, now: SystemTime) -> Result<Value, IssuerError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", ISSUER.into());
        set("sub", self.user.as_str().into());
        set("sid", self.session.as_str().into());
        set("jti", uuid::Uuid::new_v4().simple().to_string().into());
        set("iat", now.into());
        // As Clerk does, for clocks that run behind.
        set("nbf", now.saturating_sub(10).into());
        set("exp", now.saturating_add(self.expires_in.as_secs()).into());
        set("sts", if self.pending { "pending" } else { "active" }.into());
        set("v", 2.into());
        let minutes = |factor: Option<u32>| factor.map_or(-1, i64::from);
        set("fva", json!([minutes(self.factors.0), minutes(self.factors.1)]));
        if let Some(origin) = &self.authorized_party {
            set("azp", origin.as_str().into());
        }
        if let Some(subject) = &self.actor {
            set("act", json!({ "iss": ISSUER, "sub": subject, "sid": "sess_actor" }));
        }
        if !self.plans.is_empty() {
            set("pla", self.plans.join(",").into());
        }
        let mut features = Vec::new();
        if let Some(organization) = &self.organization {
            let packed = Packed::new(&organization.permissions)?;
            features.extend(packed.features.iter().map(|feature| format!("o:{feature}")));
            let mut claim = Map::new();
            claim.insert("id".to_owned(), organization.id.as_str().into());
            if let Some(slug) = &organization.slug {
                claim.insert("slg".to_owned(), slug.as_str().into());
            }
            if let Some(role) = &organization.role {
                claim.insert("rol".to_owned(), role.strip_prefix("org:").unwrap_or(role).into());
            }
            if !packed.names.is_empty() {
                claim.insert("per".to_owned(), packed.names.join(",").into());
                claim.insert("fpm".to_owned(), packed.bit_sets.join(",").into());
            }
            set("o", claim.into());
        }
        features.extend(self.features.iter().cloned());
        if !features.is_empty() {
            set("fea", features.join(",").into());
        }
        claims.extend(self.claims.clone());
        Ok(claims.into())
    }
}

/// Permissions as version 2 packs them: for each feature a bit set, in decimal, over the list of names.
struct Packed {
    features: Vec<String>,
    names: Vec<String>,
    bit_sets: Vec<String>,
}

impl Packed {
    fn new(permissions: &[String]) -> Result<Self, IssuerError> {
        let pairs = permissions.iter().map(|permission| split(permission)).collect::<Result<Vec<_>, _>>()?;
        let features = pairs.iter().map(|(feature, _)| *feature).collect::<BTreeSet<_>>();
        let names = pairs.iter().map(|(_, name)| *name).collect::<BTreeSet<_>>();
        let bit_sets = features
            .iter()
            .map(|feature| decimal(names.iter().map(|name| pairs.contains(&(*feature, *name)))))
            .collect();
        let owned = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect();
        Ok(Self { features: owned(features), names: owned(names), bit_sets })
    }
}

/// `org:projects:manage` to feature and name.
fn split(permission: &str) -> Result<(&str, &str), IssuerError> {
    let plain = |text: &str| {
        !text.is_empty() && !text.contains(|character: char| character == ',' || character.is_whitespace())
    };
    permission
        .strip_prefix("org:")
        .and_then(|rest| rest.split_once(':'))
        .filter(|(feature, name)| plain(feature) && plain(name))
        .ok_or_else(|| IssuerError::Permission { permission: permission.to_owned() })
}

/// Bits, lowest first, as a decimal number of any length.
fn decimal(bits: impl DoubleEndedIterator<Item = bool>) -> String {
    let mut digits = vec![0_u8];
    for bit in bits.rev() {
        let mut carry = u8::from(bit);
        for digit in &mut digits {
            let value = *digit * 2 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        if carry > 0 {
            digits.push(carry);
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

fn new_key() -> Result<String, IssuerError> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| IssuerError::Crypto)?;
    let der: Pkcs8V1Der = key.as_der().map_err(|_| IssuerError::Crypto)?;
    Ok(to_pem("PRIVATE KEY", der.as_ref()))
}

/// Puts a whole file in place unless there is one: whoever comes second keeps the first one's.
fn create_once(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", uuid::Uuid::new_v4().simple()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // Best effort: the outcome that counts is the link's.
    let _ = fs::remove_file(&temporary);
    linked
}

/// Takes back what others could read, as after a copy.
#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Elsewhere the folder's own access list decides.
#[cfg(not(unix))]
fn keep_private(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + &format!("-----END {label}-----\n")
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let body = text.split_once("-----BEGIN PRIVATE KEY-----")?.1.split_once("-----END PRIVATE KEY-----")?.0;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.debug_struct("LocalIssuer").field("key_file", &self.key_file).finish_non_exhaustive()
    }
}
