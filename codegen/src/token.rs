//! `specwright token`: a session token of the local issuer, for `curl` and scripts.
//!
//! The key is the one that `cargo run` uses, in the data folder of the workspace. Nothing deployed trusts it.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use specwright_runtime::auth::{InvalidUserId, Organization, UserId};
use specwright_runtime::local::issuer::{LocalIssuer, TokenRequest};

/// What the token shall say.
#[derive(Args)]
pub(crate) struct Options {
    /// The user, for example `user_1`.
    #[arg(long, value_parser = user)]
    user: String,
    /// The organization that the session acts in: a slug such as acme, or an id such as `org_acme`.
    #[arg(long)]
    org: Option<String>,
    /// A permission in the organization, for example org:projects:manage; may be given several times.
    #[arg(long, requires = "org")]
    permission: Vec<String>,
    /// The user's role in the organization, for example admin.
    #[arg(long, requires = "org")]
    role: Option<String>,
    /// A feature with its scope, u: (user) or o: (organization), for example o:export; may be given several times.
    #[arg(long, value_parser = scoped)]
    feature: Vec<String>,
    /// A plan with its scope, for example o:pro; may be given several times.
    #[arg(long, value_parser = scoped)]
    plan: Vec<String>,
    /// Who acts in the user's name (impersonation), for example `user_support`.
    #[arg(long)]
    actor: Option<String>,
    /// Minutes since the first factor was verified.
    #[arg(long, default_value_t = 0)]
    verified: u32,
    /// Minutes since the second factor was verified; without, there is no second factor.
    #[arg(long)]
    second_factor: Option<u32>,
    /// How long it is valid: a number with s, m, h or d.
    #[arg(long, default_value = "1h", value_parser = duration)]
    expires: Duration,
    /// The folder with the issuer's key; `SPECWRIGHT_DATA`, else .specwright in the workspace.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Mints the token.
///
/// # Errors
///
/// The key cannot be read or made, or a permission is none.
pub(crate) fn mint(options: &Options) -> Result<String, Box<dyn Error>> {
    let data = match (&options.data, env::var_os("SPECWRIGHT_DATA").filter(|value| !value.is_empty())) {
        (Some(data), _) => data.clone(),
        (None, Some(data)) => data.into(),
        (None, None) => workspace(&env::current_dir()?)?.join(".specwright"),
    };
    let issuer = LocalIssuer::open(&data.join("issuer"))?;
    let mut request = TokenRequest::new(&options.user)
        .expires_in(options.expires)
        .factors(Some(options.verified), options.second_factor);
    if let Some(name) = &options.org {
        let slug = name.strip_prefix("org_").unwrap_or(name);
        let mut organization = Organization::new(format!("org_{slug}")).with_slug(slug);
        if let Some(role) = &options.role {
            organization = organization.with_role(role);
        }
        for permission in &options.permission {
            organization = organization.with_permission(permission);
        }
        request = request.organization(organization);
    }
    request = options.feature.iter().fold(request, TokenRequest::feature);
    request = options.plan.iter().fold(request, TokenRequest::plan);
    if let Some(actor) = &options.actor {
        request = request.actor(actor);
    }
    Ok(issuer.mint(&request)?)
}

/// The workspace around a folder: where a data folder is, else where Cargo's lock file is.
fn workspace(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let has = |name: &str| folder.ancestors().find(|folder| folder.join(name).exists());
    let found = has(".specwright").or_else(|| has("Cargo.lock"));
    found
        .map(Path::to_owned)
        .ok_or_else(|| "there is no workspace around this folder; --data names the folder with the issuer's key".into())
}

fn user(text: &str) -> Result<String, InvalidUserId> {
    UserId::from_verified(text).map(|user| user.to_string())
}

fn scoped(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("u" | "o" | "uo" | "ou", id)) if !id.is_empty() && !id.contains([',', ' ']) => Ok(text.to_owned()),
        _ => Err("write the scope in front: u:NAME for the user's, o:NAME for the organization's".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number with s, m, h or d, for example 90m".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text[..text.len() - 1].parse::<u32>().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}
