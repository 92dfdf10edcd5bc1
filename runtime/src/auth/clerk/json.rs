//! JSON as a token sends it: nothing copied, and nothing lost where an object repeats a member name.
//!
//! RFC 7519 (section 4) lets a reader reject repeated names or take the last; parsers differ in which one they take, and a token
//! that means one user to one reader and another user to the next is an attack. serde_json's [`Value`] takes the last in silence.
//! It also owns its texts and sorts its members, which costs more than all that a verification looks up in them.

use std::{borrow::Cow, fmt, slice};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// A JSON value. Texts are borrowed, except those with escapes.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Members<'a>),
}

/// The members of an object, as sent.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// Members that an object gets room for with its first: those of a session's claims, so that the list does not grow in steps.
const USUAL_MEMBERS: usize = 16;

/// Parses JSON text. `None` where it is none, or nests deeper than 128.
pub(super) fn parse(text: &str) -> Option<Json<'_>> {
    serde_json::from_str(text).ok()
}

impl<'a> Json<'a> {
    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { number.as_f64() } else { None }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(elements) = self { Some(elements) } else { None }
    }

    pub(super) fn as_object(&self) -> Option<&Members<'a>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    pub(super) fn into_object(self) -> Option<Members<'a>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The text, or the texts of the list: claims such as `aud` come as either.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.as_list().unwrap_or(slice::from_ref(self)).iter().filter_map(Self::as_str).collect()
    }

    /// Whether an object repeats a member name, at any depth.
    pub(super) fn has_duplicates(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
            Self::List(elements) => elements.iter().any(Self::has_duplicates),
            Self::Object(members) => {
                members.repeat_a_name() || members.0.iter().any(|(_, value)| value.has_duplicates())
            }
        }
    }
}

impl<'a> Members<'a> {
    /// The member of this name, the last of several.
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().rev().find(|(ours, _)| ours == name).map(|(_, value)| value)
    }

    /// The member of this name, where it is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The member of this name, where it is a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }

    /// Names that come in order need one look at each. Others are sorted first: a hostile token has room for thousands, too many
    /// to compare each with each.
    fn repeat_a_name(&self) -> bool {
        if self.0.is_sorted_by(|(left, _), (right, _)| left < right) {
            return false;
        }
        let mut names = self.0.iter().map(|(name, _)| name.as_ref()).collect::<Vec<&str>>();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => Self::Number(number),
            Json::Text(text) => Self::String(text.into_owned()),
            Json::List(elements) => elements.into_iter().collect(),
            Json::Object(members) => Self::Object(members.into()),
        }
    }
}

impl From<Members<'_>> for Map<String, Value> {
    fn from(members: Members<'_>) -> Self {
        members.0.into_iter().map(|(name, value)| (name.into_owned(), value.into())).collect()
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("a number of JSON is finite"))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(value.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some((Name(name), value)) = members.next_entry()? {
            if list.is_empty() {
                list.reserve(USUAL_MEMBERS);
            }
            list.push((name, value));
        }
        Ok(Json::Object(Members(list)))
    }
}

/// The name of a member: a `Cow` by itself copies the text.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// An object whose members have these names.
    fn object(names: impl IntoIterator<Item = String>) -> String {
        let members = names.into_iter().map(|name| format!("\"{name}\":0")).collect::<Vec<_>>();
        format!("{{{}}}", members.join(","))
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in [
            "null",
            " [ ] ",
            "{}",
            "\"\"",
            r#"{"b": true, "a": false, "": null}"#,
            r#"["a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00", "é😀", {"\u0061\n": "b"}]"#,
            "[0, -0, -0.0, 1.0, 1e3, 1E-3, 0.1, -1, 1.7976931348623157e308, 5e-324, 1e-400]",
            "[9007199254740993, 9223372036854775807, 9223372036854775808, 18446744073709551615, 18446744073709551616]",
            "[-9223372036854775808, -9223372036854775809, 123456789012345678901234567890]",
        ] {
            let ours = Value::from(parse(text).unwrap());
            assert_eq!(ours.to_string(), serde_json::from_str::<Value>(text).unwrap().to_string());
        }
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{1:2}",
            "{a:1}",
            "'a'",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e400",
            "-",
            "NaN",
            "nul",
            "1 2",
            "{} {}",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"",
            "\u{feff}{}",
        ] {
            assert!(parse(text).is_none(), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn it_nests_as_deep_as_serde_json() {
        for depth in [1, 127, 128, 20_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let text = format!("{}0{}", open.repeat(depth), close.repeat(depth));
                assert_eq!(parse(&text).is_some(), depth < 128, "{depth} {open}");
            }
        }
    }

    /// By which serde_json tells itself that a text is JSON in turn.
    #[test]
    fn no_name_is_special() {
        let text = r#"{"a":{"$serde_json::private::RawValue":"1"}}"#;
        assert_eq!(Value::from(parse(text).unwrap()).to_string(), text);
    }

    #[test]
    fn texts_are_borrowed_unless_they_have_escapes() {
        let json = parse(r#"{"name": "text", "n\u0061me2": "t\u0065xt"}"#).unwrap();
        let members = &json.as_object().unwrap().0;
        assert!(matches!(
            members[..],
            [(Cow::Borrowed("name"), Json::Text(Cow::Borrowed("text"))), (Cow::Owned(_), Json::Text(Cow::Owned(_)))]
        ));
        assert_eq!(json.as_object().unwrap().text("name2"), Some("text"));
    }

    #[test]
    fn a_repeated_name_is_found_at_any_depth() {
        for (text, expected) in [
            (r#"{"a":1,"b":2}"#, false),
            (r#"{"b":1,"a":2}"#, false),
            (r#"{"a":1,"a":1}"#, true),
            (r#"{"a":1,"b":2,"a":3}"#, true),
            (r#"{"b":1,"a":2,"c":3,"a":4}"#, true),
            (r#"{"":1,"":2}"#, true),
            (r#"{"a":1,"A":2,"a ":3,"á":4,"a\u0301":5}"#, false),
            (r#"{"a":1,"\u0061":2}"#, true),
            (r#"{"\u0061":1,"b":2,"a":3}"#, true),
            (r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#, false),
            (r#"{"a":{"b":{"c":1,"c":2}}}"#, true),
            (r#"{"a":[[],[0,{"b":[{"c":1,"d":2,"c":3}]}]]}"#, true),
            (r#"[{"a":1},{"a":1,"a":2}]"#, true),
            (r#"["a","a"]"#, false),
            ("0", false),
        ] {
            assert_eq!(parse(text).unwrap().has_duplicates(), expected, "{text}");
        }
    }

    #[test]
    fn a_repeated_name_is_found_among_thousands() {
        let names = || (0..5_000).map(|number| format!("{number:04}"));
        let has_duplicates = |names: Vec<String>| parse(&object(names)).unwrap().has_duplicates();
        assert!(!has_duplicates(names().collect()));
        assert!(!has_duplicates(names().rev().collect()));
        for name in ["0000", "2500", "4999"] {
            let again = || std::iter::once(name.to_owned());
            assert!(has_duplicates(names().chain(again()).collect()), "{name}");
            assert!(has_duplicates(again().chain(names()).collect()), "{name}");
            assert!(has_duplicates(again().chain(names().rev()).collect()), "{name}");
        }
    }

    #[test]
    fn the_last_of_several_counts() {
        let json = parse(r#"{"a":1,"b":"x","\u0061":3,"c":null}"#).unwrap();
        let members = json.as_object().unwrap();
        assert_eq!((members.number("a"), members.text("a")), (Some(3.0), None));
        assert_eq!((members.number("b"), members.text("b")), (None, Some("x")));
        assert!(matches!(members.get("c"), Some(Json::Null)) && members.get("d").is_none());
    }

    #[test]
    fn one_text_or_a_list_of_them() {
        for (text, texts) in [
            (r#""a""#, &["a"][..]),
            (r#"["a",1,null,["b"],"c"]"#, &["a", "c"]),
            ("[]", &[]),
            ("1", &[]),
            (r#"{"a":"b"}"#, &[]),
        ] {
            assert_eq!(parse(text).unwrap().texts(), texts, "{text}");
        }
    }
}
