//! Entity tags of tasks (RFC 9110, section 8.8.3), and the two conditions that clients build on them.
//!
//! A tag is the version of the row in quotes, and strong: the representation changes with the version only.

/// The entity tag of a version.
pub fn entity_tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether `If-Match` lets a change go ahead: `*`, or a list that has the current tag. Weak tags never match (RFC 9110, section
/// 13.1.1), and neither does what is no list of tags.
pub fn if_match(header: &str, version: i64) -> bool {
    let current = entity_tag(version);
    header.trim() == "*" || tags(header).any(|tag| tag == current)
}

/// Whether `If-None-Match` says that the client already has the current version; weak tags count (RFC 9110, section 13.1.2).
pub fn if_none_match(header: &str, version: i64) -> bool {
    let current = entity_tag(version);
    header.trim() == "*" || tags(header).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == current)
}

/// The tags of a list. A comma within the quotes is legal in general but never in a tag of ours, so splitting at commas can only
/// miss tags that would not match.
fn tags(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_as_the_rfc_says() {
        let cases = [
            ("*", true, true),
            (r#""3""#, true, true),
            (r#""2", "3""#, true, true),
            (r#""2","3","4""#, true, true),
            (r#"W/"3""#, false, true),
            (r#""4""#, false, false),
            ("3", false, false),
            ("", false, false),
        ];
        for (header, matches, none_matches) in cases {
            assert_eq!(if_match(header, 3), matches, "If-Match: {header}");
            assert_eq!(if_none_match(header, 3), none_matches, "If-None-Match: {header}");
        }
    }
}
