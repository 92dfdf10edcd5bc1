//! The last word on layout: rustfmt, for every item that is not [`plain`].
//!
//! rustfmt takes a file from its standard input, and its start costs more than a thousand lines do. So texts are put
//! one behind the other, with a comment line between them, into a few batches of about the same size; each batch is
//! formatted by a process of its own, all at the same time, and taken apart again. Nothing is written to disk for it.
//! rustfmt runs in an empty folder with a configuration of ours, so a `rustfmt.toml` of the surrounding project cannot
//! change what a contract gives.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::File;
use super::plain::{self, Part};
use crate::Error;

/// What a generated file looks like, apart from rustfmt's defaults.
const CONFIGURATION: &str = "edition = \"2024\"\nmax_width = 120\nuse_small_heuristics = \"Max\"\n";

/// Parts the texts of a batch. Text of the contract never begins a line of source with it: there it is in a literal, in
/// which line breaks are escaped, or in a comment that begins otherwise.
const BOUNDARY: &str = "// ---- specwright: next file ----";

/// Bytes of source for which another process pays off.
const WORTH_A_PROCESS: usize = 200_000;

/// What is formatted together.
#[derive(Default)]
struct Batch<'a> {
    /// Each with its index, so that the order is found again.
    texts: Vec<(usize, &'a str)>,
    bytes: usize,
}

/// Formats the files of a crate: what is [`plain`] here, and what is not by rustfmt.
///
/// # Errors
///
/// [`Error::Rustfmt`] when rustfmt is not installed, [`Error::Bug`] when it does not take the text for Rust.
pub fn format(mut files: Vec<File>) -> Result<Vec<File>, Error> {
    let raw = || files.iter().enumerate().filter(|(_, file)| !file.formatted);
    let mut parts: Vec<(usize, Vec<Part>)> = raw().map(|(index, file)| (index, plain::parts(&file.text))).collect();
    let mut rest: Vec<&mut String> = parts
        .iter_mut()
        .flat_map(|(_, parts)| parts)
        .filter(|part| !part.laid_out)
        .map(|part| &mut part.text)
        .collect();
    let formatted = by_rustfmt(&rest.iter().map(|text| text.as_str()).collect::<Vec<_>>())?;
    for (text, formatted) in rest.iter_mut().zip(formatted) {
        **text = formatted;
    }
    for (index, parts) in parts {
        files[index].text = joined(&parts);
    }
    Ok(files)
}

/// Parts one behind the other again.
fn joined(parts: &[Part]) -> String {
    let mut text = String::with_capacity(parts.iter().map(|part| part.text.len() + 1).sum());
    for part in parts {
        if part.apart {
            text.push('\n');
        }
        text.push_str(&part.text);
    }
    text
}

/// Texts as rustfmt leaves them, in their order.
pub(super) fn by_rustfmt(texts: &[&str]) -> Result<Vec<String>, Error> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let folder = tempfile::Builder::new()
        .prefix("specwright-")
        .tempdir()
        .map_err(|source| Error::Io { path: std::env::temp_dir(), source })?;
    let configuration = folder.path().join("rustfmt.toml");
    fs::write(&configuration, CONFIGURATION).map_err(|source| Error::Io { path: configuration, source })?;

    let batches = batches(texts);
    let batches: Vec<Result<Vec<(usize, String)>, Error>> = thread::scope(|scope| {
        let running: Vec<_> =
            batches.iter().map(|batch| scope.spawn(|| format_batch(folder.path(), &batch.texts))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut formatted = vec![String::new(); texts.len()];
    for batch in batches {
        for (index, text) in batch? {
            formatted[index] = text;
        }
    }
    Ok(formatted)
}

/// Inner attributes can only begin a batch; all other texts go where the least is.
fn batches<'a>(texts: &[&'a str]) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    let mut others = Vec::new();
    for (index, text) in texts.iter().copied().enumerate() {
        if text.lines().any(|line| line.starts_with("#![")) {
            batches.push(Batch { texts: vec![(index, text)], bytes: text.len() });
        } else {
            others.push((index, text));
        }
    }
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    while batches.len() < processors.min(bytes / WORTH_A_PROCESS + 1) {
        batches.push(Batch::default());
    }
    others.sort_by_key(|(_, text)| std::cmp::Reverse(text.len()));
    for (index, text) in others {
        if let Some(batch) = batches.iter_mut().min_by_key(|batch| batch.bytes) {
            batch.texts.push((index, text));
            batch.bytes += text.len();
        }
    }
    batches.retain(|batch| !batch.texts.is_empty());
    batches
}

fn format_batch(folder: &Path, texts: &[(usize, &str)]) -> Result<Vec<(usize, String)>, Error> {
    let mut source = String::new();
    let mut heads = Vec::new();
    for (position, (_, text)) in texts.iter().enumerate() {
        // The first text keeps its head; in any other, inner documentation would stand in the middle of a file.
        let (head, body) = if position == 0 { ("", *text) } else { head_and_body(text) };
        if position > 0 {
            source.push_str(&format!("\n{BOUNDARY}\n\n"));
        }
        source.push_str(body);
        heads.push(head);
    }
    let formatted = run(folder, source)?;
    let mut bodies: Vec<String> = vec![String::new()];
    for line in formatted.split_inclusive('\n') {
        if line.trim_end() == BOUNDARY {
            bodies.push(String::new());
        } else if let Some(body) = bodies.last_mut() {
            body.push_str(line);
        }
    }
    if bodies.len() != texts.len() {
        return Err(Error::Bug(format!("rustfmt gave back {} of {} texts", bodies.len(), texts.len())));
    }
    Ok(texts
        .iter()
        .zip(heads)
        .zip(bodies)
        .map(|(((index, _), head), body)| (*index, rejoined(head, body.trim_matches('\n'))))
        .collect())
}

/// The comments and blank lines that a file begins with up to the end of its inner documentation, and what follows.
fn head_and_body(text: &str) -> (&str, &str) {
    let mut end = 0;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let is_comment = line.starts_with("//!") || line.starts_with("//") && !line.starts_with("///");
        if !is_comment && !line.trim().is_empty() {
            break;
        }
        position += line.len();
        if line.starts_with("//!") || end == 0 {
            end = position;
        }
    }
    text.split_at(end)
}

/// A head as rustfmt would have left it, and the formatted body.
fn rejoined(head: &str, body: &str) -> String {
    let mut text = String::with_capacity(head.len() + body.len() + 2);
    let mut blank = true;
    for line in head.lines().map(str::trim_end) {
        if line.is_empty() && blank {
            continue;
        }
        blank = line.is_empty();
        text.push_str(line);
        text.push('\n');
    }
    if !text.is_empty() && !blank && !body.is_empty() {
        text.push('\n');
    }
    text.push_str(body);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn run(folder: &Path, source: String) -> Result<String, Error> {
    let missing = |error: std::io::Error| {
        Error::Rustfmt(format!(
            "error: rustfmt could not be started ({error}); install it with `rustup component add rustfmt`"
        ))
    };
    let mut child = Command::new(program())
        .args(["--edition", "2024", "--quiet", "--emit", "stdout", "--config-path"])
        .arg(folder)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    let mut input = child.stdin.take();
    // rustfmt reads to the end before it writes, but a program that `RUSTFMT` names may not.
    let output = thread::scope(|scope| {
        scope.spawn(move || input.as_mut().map(|input| input.write_all(source.as_bytes())));
        child.wait_with_output()
    });
    let output = output.map_err(missing)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return String::from_utf8(output.stdout)
            .map_err(|_| Error::Bug("rustfmt gave back something other than text".into()));
    }
    if said.contains("is not installed") {
        let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Err(Error::Rustfmt(format!("error: {first}; install it with `rustup component add rustfmt`")));
    }
    Err(Error::Bug(format!("rustfmt refused the generated text:\n{}", said.trim_end())))
}

/// The program that `cargo fmt` would start too.
fn program() -> OsString {
    std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File::new(path, text.into())
    }

    #[test]
    fn files_come_back_in_their_order_with_their_heads() {
        let files = vec![
            file("a.rs", "// one\n\n//! Docs.\n//!\n//! More.  \n\nuse b::c;\nuse a::b;\nstruct   A;\n"),
            file("lib.rs", "// one\n//! Crate.\n#![allow( dead_code )]\n\nmod  a;\n"),
            file("b.rs", "// one\n\n\n//! Docs.\n\n\n/// Of it.\nfn b( )  {}\n"),
            file("empty.rs", "// one\n//! Nothing.\n"),
        ];
        let formatted = format(files).expect("rustfmt takes these");
        let texts: Vec<&str> = formatted.iter().map(|file| file.text.as_str()).collect();
        assert_eq!(texts[0], "// one\n\n//! Docs.\n//!\n//! More.\n\nuse a::b;\nuse b::c;\nstruct A;\n");
        assert_eq!(texts[1], "// one\n//! Crate.\n#![allow(dead_code)]\n\nmod a;\n");
        assert_eq!(texts[2], "// one\n\n//! Docs.\n\n/// Of it.\nfn b() {}\n");
        assert_eq!(texts[3], "// one\n//! Nothing.\n");
    }

    #[test]
    fn text_that_is_not_rust_is_refused() {
        let files = vec![file("lib.rs", "#![allow(dead_code)]\n"), file("a.rs", "fn a( {\n")];
        assert!(matches!(format(files), Err(Error::Bug(message)) if message.contains("refused")));
    }
}
