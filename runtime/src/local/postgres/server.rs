//! The processes: `initdb`, the server, and the shell that ends the server when its owner is gone.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Account, Binaries, Error, START_PATIENCE, failed};

/// Runs the server and waits for one of two ends: the server's, or that of the pipe, which closes when the owner closes it or
/// dies. A shell does what safe Rust cannot: a child that outlives its parent for as long as it takes to clean up.
///
/// The server gets no descriptor of the pipe, and `wait` reports its exit status. What a server leaves that failed is left to
/// its owner, who wants to read why.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( read -r _ <&3; kill -INT "$server" 2>/dev/null ) &
watcher=$!
exec 3<&- </dev/null
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
if [ "$code" -eq 0 ] && [ -n "$SPECWRIGHT_REMOVE" ]; then rm -rf -- "$SPECWRIGHT_REMOVE"; fi
exit "$code"
"#;

/// What a server is started with.
pub(super) struct Launch<'a> {
    pub(super) binaries: &'a Binaries,
    pub(super) data: &'a Path,
    pub(super) log: &'a Path,
    pub(super) port: u16,
    pub(super) durable: bool,
    /// With the files that [`install`] put there.
    pub(super) tls: bool,
    pub(super) account: Option<Account>,
    /// A folder that goes when the server has ended well.
    pub(super) remove: Option<&'a Path>,
}

impl Launch<'_> {
    /// Returns when the server takes connections. Where it does not come up, it is gone.
    pub(super) async fn run(&self) -> Result<(Child, ChildStdin), Error> {
        let io = |source| Error::Io { path: self.log.to_owned(), source };
        let log = File::options().create(true).read(true).append(true).open(self.log).map_err(io)?;
        let before = log.metadata().map_err(io)?.len();
        let mut supervisor =
            self.command(log).spawn().map_err(|error| failed("starting Postgres", &error.to_string()))?;
        let leash = supervisor.stdin.take().expect("stdin is a pipe");
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if Running::read(self.data).is_some_and(|running| running.ready && running.port == self.port) {
                return Ok((supervisor, leash));
            }
            if !matches!(supervisor.try_wait(), Ok(None)) {
                let text = self.log_since(before);
                return Err(match text.contains("could not create any TCP/IP sockets") {
                    true => Error::Port { port: self.port },
                    false => failed("starting Postgres", &text),
                });
            }
            if Instant::now() >= deadline {
                // Dropping the leash ends the server; the shell is waited for, so that it leaves no zombie.
                drop(leash);
                let _ = tokio::task::spawn_blocking(move || supervisor.wait()).await;
                return Err(failed("starting Postgres", "it is not ready after 60 s"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn command(&self, log: File) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "specwright-postgres"]).arg(self.binaries.program("postgres"));
        command.arg("-D").arg(self.data);
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        // A group of its own: Ctrl-C on the terminal is for the service, which stops the server after its last request.
        command.process_group(0).current_dir("/").env("LC_ALL", "C").env_remove("SPECWRIGHT_REMOVE");
        // Variables meant for clients would reach the server's own tools.
        command.env_remove("PGDATA").env_remove("PGPORT").env_remove("PGOPTIONS");
        if let Some(remove) = self.remove {
            command.env("SPECWRIGHT_REMOVE", remove);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        if let Some(account) = self.account {
            account.run(&mut command);
        }
        command
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            // Sockets have paths of at most 107 bytes, and nothing here needs one.
            "unix_socket_directories=".into(),
            "max_connections=200".into(),
            "password_encryption=scram-sha-256".into(),
            "logging_collector=off".into(),
            // A crash of the machine may lose the last moments, never consistency.
            "synchronous_commit=off".into(),
            "jit=off".into(),
        ];
        if self.tls {
            settings.push("ssl=on".into());
        }
        if !self.durable {
            settings.extend(["fsync=off".into(), "full_page_writes=off".into()]);
        }
        settings
    }

    fn log_since(&self, start: u64) -> String {
        let text = fs::read(self.log).unwrap_or_default();
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(text.len());
        String::from_utf8_lossy(&text[start..]).into_owned()
    }
}

/// Copies a file of TLS to where the server looks for it; Postgres takes no key that others may read.
pub(super) fn install(file: &Path, name: &str, data: &Path, account: Option<Account>) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let copy = data.join(name);
    let installed = fs::copy(file, &copy)
        .and_then(|_| fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)))
        .and_then(|()| account.map_or(Ok(()), |account| account.own(&copy)));
    installed.map_err(|source| Error::Io { path: file.to_owned(), source })
}

/// Makes a data folder, replacing what an interrupted start left.
pub(super) async fn initialise(
    binaries: &Binaries,
    data: &Path,
    password_file: &Path,
    account: Option<Account>,
) -> Result<(), Error> {
    // Sorting by code point on every machine, with case rules for all of Unicode where the machine has them.
    let locales: &[&[&str]] = if binaries.major >= 17 {
        &[&["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    } else {
        &[&["--locale=C.UTF-8"], &["--locale=C"]]
    };
    let mut last = None;
    for locale in locales {
        let io = |source| Error::Io { path: data.to_owned(), source };
        match fs::remove_dir_all(data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        fs::create_dir(data).map_err(io)?;
        if let Some(account) = account {
            account.own(data).map_err(io)?;
        }
        let mut command = Command::new(binaries.program("initdb"));
        command.arg("-D").arg(data).arg("--pwfile").arg(password_file);
        command.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]).args(*locale);
        command.current_dir("/").env("LC_ALL", "C").env_remove("PGDATA").stdin(Stdio::null());
        if let Some(account) = account {
            account.run(&mut command);
        }
        match output(command, "initdb", Duration::from_secs(120)).await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("there is at least one locale to try"))
}

/// Runs a program to its end: what it printed, or an error with that on one line.
pub(super) async fn output(command: Command, what: &str, patience: Duration) -> Result<String, Error> {
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    match tokio::time::timeout(patience, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(Ok(output)) => {
            let text = [output.stdout, output.stderr].concat();
            Err(failed(what, &String::from_utf8_lossy(&text)))
        }
        Ok(Err(error)) => Err(failed(what, &error.to_string())),
        Err(_) => Err(failed(what, &format!("it runs for more than {} s", patience.as_secs()))),
    }
}

/// What `postmaster.pid` says (PostgreSQL documentation, "Database File Layout").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) port: u16,
    pub(super) ready: bool,
}

impl Running {
    pub(super) fn file(data: &Path) -> PathBuf {
        data.join("postmaster.pid")
    }

    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(Self::file(data)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            // The file grows as the server comes up.
            port: lines.get(3).and_then(|line| line.parse().ok()).unwrap_or(0),
            ready: lines.get(7) == Some(&"ready"),
        })
    }

    /// Whether the process exists and is the Postgres of this folder: after a crash its number may belong to something else,
    /// which must come to no harm.
    pub(super) fn serves(self, data: &Path) -> bool {
        // A server works in its data folder.
        if let Ok(directory) = fs::read_link(format!("/proc/{}/cwd", self.pid)) {
            return directory == data && self.is_postgres();
        }
        self.is_postgres()
    }

    fn is_postgres(self) -> bool {
        let name = match fs::read_to_string(format!("/proc/{}/comm", self.pid)) {
            Ok(name) => name,
            Err(_) if Path::new("/proc/self/comm").exists() => return false,
            Err(_) => match Command::new("ps").args(["-o", "comm=", "-p", &self.pid.to_string()]).output() {
                Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
                Err(_) => return false,
            },
        };
        let name = Path::new(name.trim()).file_name();
        name.is_some_and(|name| name == "postgres" || name == "postmaster")
    }

    /// Sends a signal, by the shell's own `kill`: small images have no other.
    pub(super) fn signal(self, signal: &str) {
        let _ = Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", signal, &self.pid.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_at_every_stage_of_a_start() {
        assert_eq!(Running::parse(""), None);
        assert_eq!(Running::parse("x\n"), None);
        let starting = Running { pid: 12, port: 0, ready: false };
        assert_eq!(Running::parse("12\n/data\n"), Some(starting));
        let text = "12\n/data\n1795000000\n5433\n\n127.0.0.1\n  1  2\nstarting\n";
        assert_eq!(Running::parse(text), Some(Running { port: 5433, ..starting }));
        let text = text.replace("starting", "ready   ");
        assert_eq!(Running::parse(&text), Some(Running { port: 5433, ready: true, ..starting }));
    }
}
