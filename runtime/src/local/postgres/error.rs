//! Why there is no Postgres.

use std::{io, path::PathBuf};

/// Why there is no Postgres. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No Postgres on this machine, and none to be had.
    #[error(
        "no Postgres was found ({reason}): install it (Debian: apt install postgresql, macOS: brew install postgresql), or set DATABASE_URL"
    )]
    Missing {
        /// What was tried.
        reason: String,
    },
    /// The data was written by another major version.
    #[error("the data in {} was written by Postgres {data}, and this machine has {found}: install Postgres {data}, or move the folder away to start afresh", .directory.display())]
    Version {
        /// The folder of the data.
        directory: PathBuf,
        /// The version that wrote it.
        data: u32,
        /// The versions that are here.
        found: String,
    },
    /// Postgres refuses to run as root, and there is nobody to run it as.
    #[error(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as: run this as another user, or set DATABASE_URL"
    )]
    Root,
    /// Another server uses the folder and does not answer to its password.
    #[error("another Postgres (process {pid}) uses {} and does not answer: stop it, or use another folder", .directory.display())]
    Busy {
        /// Its process id.
        pid: u32,
        /// The folder.
        directory: PathBuf,
    },
    /// The port that was asked for belongs to another program.
    #[error("port {port} of 127.0.0.1 is taken: stop what uses it, or leave the choice of a port to the server")]
    Port {
        /// The port.
        port: u16,
    },
    /// A program failed.
    #[error("{what} failed: {detail}")]
    Failed {
        /// The program or the step.
        what: String,
        /// What it printed, on one line.
        detail: String,
    },
    /// A name that cannot be a database's.
    #[error("`{name}` is no name for a database here: lower-case letters, digits and underscores, at most 63")]
    Name {
        /// The name.
        name: String,
    },
    /// A file or a folder cannot be used.
    #[error("{} cannot be used", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server runs and refuses a statement of this module.
    #[error("the local Postgres refuses to {what}")]
    Sql {
        /// What it was asked to do.
        what: String,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
}
