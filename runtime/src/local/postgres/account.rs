//! Postgres refuses to run as root. Where we are root, as in most containers, it runs as `postgres`, else as `nobody`, or as
//! whoever owns the data already.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::Error;

/// Where the data goes when the user that Postgres runs as cannot enter the folder that was asked for (a home of root).
const PUBLIC: &str = "/var/lib/specwright";

/// A user of this machine. It needs an entry in `/etc/passwd`: `initdb` looks itself up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

/// Whom to run Postgres as: `None` is ourselves.
pub(super) fn choose(data: &Path) -> Result<Option<Account>, Error> {
    if !is_root() {
        return Ok(None);
    }
    if let Ok(owner) = fs::metadata(data.join("PG_VERSION"))
        && owner.uid() != 0
    {
        return Ok(Some(Account { uid: owner.uid(), gid: owner.gid() }));
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = ["postgres", "nobody"].iter().find_map(|name| find(&users, name));
    account.map(Some).ok_or(Error::Root)
}

/// A folder below a public one, named after the folder that was asked for.
pub(super) fn public_directory(wanted: &Path) -> PathBuf {
    let name: String = wanted.to_string_lossy().trim_matches('/').replace('/', "-");
    let start = name.char_indices().rev().nth(199).map_or(0, |(index, _)| index);
    Path::new(PUBLIC).join(&name[start..])
}

impl Account {
    /// Makes a command run as this user, without our groups.
    pub(super) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    pub(super) fn own(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    /// Asks the system instead of reading permission bits: lists of access rights and mounts have a say too.
    pub(super) fn can_enter(self, directory: &Path) -> bool {
        let mut command = Command::new("sh");
        command.args(["-c", "cd -- \"$0\""]).arg(directory).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.run(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

pub(in crate::local) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_comes_from_the_list_of_users() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:x,,,:/var/lib/postgresql:/bin/bash\nbad:x:a:b:::\n";
        assert_eq!(find(users, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find(users, "root"), None);
        assert_eq!(find(users, "bad"), None);
        assert_eq!(find(users, "nobody"), None);
    }

    #[test]
    fn a_public_directory_is_named_after_the_one_asked_for() {
        assert_eq!(public_directory(Path::new("/srv/a/.b")), Path::new("/var/lib/specwright/srv-a-.b"));
        let long = format!("/{}", "é".repeat(300));
        assert!(public_directory(Path::new(&long)).file_name().is_some_and(|name| name.len() == 400));
    }
}
