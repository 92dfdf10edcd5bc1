//! File names: from an upload, where anything can be in them, to `Content-Disposition` of a download (RFC 6266, RFC 8187).

/// How many characters of a file name are kept, as the contract says.
const LONGEST_NAME: usize = 255;

/// The name under which an upload is kept: without directories (some clients send whole paths) and control characters.
pub fn file_name(sent: Option<&str>) -> String {
    let sent = sent.unwrap_or_default();
    let base = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = base.chars().filter(|character| !character.is_control()).take(LONGEST_NAME).collect();
    match name.trim() {
        "" | "." | ".." => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// `Content-Disposition` for saving under a name: in ASCII for old clients, and whole where it needs more than that.
pub fn attachment(name: &str) -> String {
    let plain = |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '%');
    let fallback: String = name.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    if fallback == name {
        return format!("attachment; filename=\"{name}\"");
    }
    // attr-char of RFC 8187, section 3.2.1.
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_uploads_are_harmless() {
        let cases = [
            (None, "unnamed"),
            (Some(""), "unnamed"),
            (Some("invoice.pdf"), "invoice.pdf"),
            (Some("../../etc/passwd"), "passwd"),
            (Some(r"C:\temp\a b.txt"), "a b.txt"),
            (Some(".."), "unnamed"),
            (Some("a\r\nSet-Cookie: x\0"), "aSet-Cookie: x"),
        ];
        for (sent, kept) in cases {
            assert_eq!(file_name(sent), kept, "{sent:?}");
        }
        assert_eq!(file_name(Some(&"ö".repeat(300))).chars().count(), 255);
    }

    #[test]
    fn names_of_downloads_cannot_leave_their_quotes() {
        assert_eq!(attachment("a b.txt"), r#"attachment; filename="a b.txt""#);
        assert_eq!(attachment(r#"a"b.txt"#), r#"attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt"#);
        assert_eq!(attachment("ö.txt"), r#"attachment; filename="_.txt"; filename*=UTF-8''%C3%B6.txt"#);
        assert_eq!(attachment("100%.txt"), r#"attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt"#);
    }
}
