//! The one place where identifiers are made.
//!
//! Words of the contract become words of ASCII letters and digits: symbols that stand alone or before a number are
//! spelled (`+1` is `Plus1`, `>=` is `GreaterThanOrEqual`), other symbols part words, and a letter beyond ASCII is its
//! code point (`é` is `u00e9`), since rustc warns about many of them. A word that would begin with a digit gets an `n`.
//! Keywords are raw (`r#type`); `self`, `Self`, `super` and `crate`, which cannot be raw, get a `_`.
//!
//! Two names that become one are told apart by [`Table`]: the first in the order of the contract keeps the name, the
//! next gets a 2, and so on.

use std::collections::HashSet;

use heck::{ToLowerCamelCase as _, ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};

/// Keywords of the 2024 edition, strict and reserved (the Rust Reference, "Keywords").
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be raw identifiers.
const NEVER_RAW: &[&str] = &["self", "Self", "super", "crate"];

/// Names of types that the prelude, or generated code, means something else by.
const RESERVED_TYPES: &[&str] = &[
    "Arc",
    "AsMut",
    "AsRef",
    "Authenticator",
    "BTreeMap",
    "Base64",
    "Body",
    "Box",
    "Bytes",
    "Caller",
    "Client",
    "Clone",
    "Context",
    "Copy",
    "DateTime",
    "Debug",
    "Decoder",
    "Default",
    "Deserialize",
    "Deserializer",
    "Discriminator",
    "Display",
    "DoubleEndedIterator",
    "Drop",
    "Duration",
    "Eq",
    "Err",
    "Error",
    "ExactSizeIterator",
    "Extend",
    "Failure",
    "File",
    "Fn",
    "FnMut",
    "FnOnce",
    "Form",
    "Format",
    "Formatter",
    "From",
    "FromIterator",
    "FromStr",
    "Future",
    "Hash",
    "HashMap",
    "Incoming",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Invalid",
    "Ipv4Addr",
    "Ipv6Addr",
    "Iterator",
    "Json",
    "Literal",
    "Location",
    "NaiveDate",
    "None",
    "Number",
    "Ok",
    "Operation",
    "Option",
    "Ord",
    "Parameter",
    "PartialEq",
    "PartialOrd",
    "Patch",
    "Pattern",
    "Rejection",
    "Reply",
    "Request",
    "Requirement",
    "Respond",
    "Response",
    "ResponseValue",
    "Result",
    "RouteError",
    "Router",
    "Schema",
    "SchemeKind",
    "SecurityScheme",
    "Send",
    "Serialize",
    "Serializer",
    "Service",
    "ServiceError",
    "Sized",
    "Some",
    "StatusCode",
    "String",
    "Style",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Types",
    "UnknownValue",
    "Unpin",
    "Utc",
    "Uuid",
    "Value",
    "Vec",
];

/// Names of modules that generated crates, or their dependencies, have.
const RESERVED_MODULES: &[&str] = &[
    "alloc",
    "api_client",
    "api_server",
    "api_types",
    "axum",
    "bytes",
    "chrono",
    "client",
    "common",
    "core",
    "credentials",
    "futures",
    "http",
    "lib",
    "main",
    "operations",
    "patterns",
    "progenitor_client",
    "regress",
    "reqwest",
    "schemas",
    "schemes",
    "serde",
    "serde_json",
    "specwright_model",
    "specwright_runtime",
    "std",
    "test",
    "tokio",
    "tower",
    "tracing",
    "types",
    "uuid",
];

/// Fields of a request that are not parameters, and names that the code around them uses.
const RESERVED_FIELDS: &[&str] =
    &["accept", "body", "caller", "context", "decoder", "form", "incoming", "media", "request", "self"];

/// Names in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    taken: HashSet<String>,
}

impl Table {
    /// The name itself, or with the first number from 2 that makes it unique; `separator` stands before the number.
    pub(crate) fn claim(&mut self, wanted: &str, separator: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2;
        // `Self_` and a number: an underscore within UpperCamelCase is a lint.
        let wanted = if separator.is_empty() { wanted.trim_end_matches('_') } else { wanted };
        while !self.taken.insert(name.clone()) {
            name = format!("{wanted}{separator}{number}");
            number += 1;
        }
        name
    }

    /// Whether a name is in use.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.taken.contains(name)
    }
}

/// The name of a type, such as `NewTask`.
pub(crate) fn type_name(text: &str) -> String {
    let name = camel(text);
    if RESERVED_TYPES.contains(&name.as_str()) || NEVER_RAW.contains(&name.as_str()) {
        format!("{name}Type")
    } else {
        name
    }
}

/// The part that a text adds to the name of a type, such as `Status` of `TaskStatus`.
pub(crate) fn type_part(text: &str) -> String {
    spelled(text).to_upper_camel_case()
}

/// The name of a variant, such as `InProgress`.
pub(crate) fn variant(text: &str) -> String {
    raw(&camel(text))
}

/// The name of a field or a method before it is told apart from others, such as `due_at` or `type`.
pub(crate) fn field(text: &str) -> String {
    let name = spelled(text).to_snake_case();
    if name.starts_with(|character: char| character.is_ascii_digit()) { format!("n{name}") } else { name }
}

/// The name of a field of a request struct, which has fields of its own.
pub(crate) fn request_field(text: &str) -> String {
    let name = field(text);
    if RESERVED_FIELDS.contains(&name.as_str()) { format!("{name}_parameter") } else { name }
}

/// The name of a constant or static, such as `NEW_TASK`.
pub(crate) fn constant(text: &str) -> String {
    let name = spelled(text).to_shouty_snake_case();
    if name.starts_with(|character: char| character.is_ascii_digit()) { format!("N{name}") } else { name }
}

/// An operationId for an operation that has none, from its words.
pub(crate) fn operation_id(words: &str) -> String {
    spelled(words).to_lower_camel_case()
}

/// The name of a module and its file, never raw.
pub(crate) fn module(text: &str) -> String {
    let name = field(text);
    let reserved = RESERVED_MODULES.contains(&name.as_str())
        || KEYWORDS.contains(&name.as_str())
        || NEVER_RAW.contains(&name.as_str());
    if reserved { format!("{name}_tag") } else { name }
}

/// The identifier for a name: raw or with a `_` where it is a keyword.
pub(crate) fn raw(name: &str) -> String {
    if NEVER_RAW.contains(&name) {
        format!("{name}_")
    } else if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// The singular of the last word of a type name, or the name with `Item`.
pub(crate) fn item(parent: &str) -> String {
    let is_plural = parent.ends_with('s')
        && parent.len() > 3
        && !["ss", "us", "is", "as", "os", "News", "Series", "Species"].iter().any(|end| parent.ends_with(end));
    if !is_plural {
        return format!("{parent}Item");
    }
    if let Some(stem) = parent.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for end in ["sses", "shes", "ches", "xes"] {
        if parent.ends_with(end) {
            return parent[..parent.len() - 2].to_owned();
        }
    }
    parent[..parent.len() - 1].to_owned()
}

fn camel(text: &str) -> String {
    let name = type_part(text);
    if name.starts_with(|character: char| character.is_ascii_digit()) { format!("N{name}") } else { name }
}

/// A text as words of ASCII letters and digits, at least one of them.
fn spelled(text: &str) -> String {
    if text.is_empty() {
        return "empty".into();
    }
    let has_words = text.chars().any(char::is_alphanumeric);
    let mut spelled = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut first = true;
    while let Some(character) = characters.next() {
        let before_number = first && characters.peek().is_some_and(char::is_ascii_digit);
        first = false;
        if character.is_ascii_alphanumeric() {
            spelled.push(character);
        } else if character.is_alphanumeric() {
            spelled.push_str(&format!("u{:04x}", u32::from(character)));
        } else if let Some(word) = symbol(character, characters.peek().copied())
            .filter(|_| !has_words || before_number && "+-<>=~".contains(character))
        {
            spelled.push(' ');
            spelled.push_str(word);
            spelled.push(' ');
            if characters.peek() == Some(&'=') && matches!(character, '<' | '>' | '!') {
                characters.next();
            }
        } else {
            spelled.push(' ');
        }
    }
    if spelled.trim().is_empty() {
        let codes: Vec<String> =
            text.chars().take(8).map(|character| format!("u{:04x}", u32::from(character))).collect();
        return codes.join(" ");
    }
    spelled
}

/// The word for a symbol, given what follows.
fn symbol(character: char, next: Option<char>) -> Option<&'static str> {
    Some(match (character, next) {
        ('>', Some('=')) => "greater than or equal",
        ('<', Some('=')) => "less than or equal",
        ('!', Some('=')) => "not equal",
        ('>', _) => "greater than",
        ('<', _) => "less than",
        ('=', _) => "equal",
        ('!', _) => "not",
        ('+', _) => "plus",
        ('-', _) => "minus",
        ('*', _) => "star",
        ('/', _) => "slash",
        ('%', _) => "percent",
        ('.', _) => "dot",
        (',', _) => "comma",
        (':', _) => "colon",
        (';', _) => "semicolon",
        ('?', _) => "question",
        ('&', _) => "and",
        ('|', _) => "or",
        ('^', _) => "caret",
        ('~', _) => "tilde",
        ('@', _) => "at",
        ('#', _) => "hash",
        ('$', _) => "dollar",
        ('_', _) => "underscore",
        (' ', _) => "space",
        _ => return None,
    })
}

/// `getReposByOwnerByRepo`.
pub(crate) fn made_up(method: &str, path: &str) -> String {
    let mut words = vec![method.to_ascii_lowercase()];
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        words.push(segment.replace('{', " by ").replace('}', " "));
    }
    operation_id(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, Table, constant, field, item, module, raw, request_field, type_name, variant};

    #[test]
    fn every_keyword_is_an_identifier() {
        for keyword in KEYWORDS {
            assert_eq!(raw(&field(keyword)), format!("r#{keyword}"));
            assert_eq!(module(keyword), format!("{keyword}_tag"));
        }
        for (name, expected) in [("self", "self_"), ("super", "super_"), ("crate", "crate_"), ("Self", "Self_")] {
            assert_eq!(raw(name), expected);
        }
        assert_eq!(variant("Self"), "Self_");
        assert_eq!(variant("self"), "Self_");
    }

    #[test]
    fn whatever_the_text_names_are_identifiers() {
        let hostile = [
            "", " ", "+1", "-1", ">", ">=", "<", "<=", "!=", "=", "1", "200", "a b", "é", "日本", "\u{202e}", "'",
            "\"#", "*/", "_", "__", "$ref", "@type", "a.b[c]", "🎉", "-", "--", "x-1",
        ];
        for text in hostile {
            for name in [
                raw(&field(text)),
                raw(&type_name(text)),
                variant(text),
                constant(text),
                module(text),
                raw(&request_field(text)),
            ] {
                assert!(syn::parse_str::<syn::Ident>(&name).is_ok(), "{text:?} became {name:?}");
            }
        }
    }

    #[test]
    fn variants_are_spelled() {
        for (text, expected) in [
            ("in_progress", "InProgress"),
            ("+1", "Plus1"),
            ("-1", "Minus1"),
            (">", "GreaterThan"),
            (">=", "GreaterThanOrEqual"),
            ("<", "LessThan"),
            ("!=", "NotEqual"),
            (".", "Dot"),
            ("", "Empty"),
            ("200", "N200"),
            ("é", "U00e9"),
            ("heavy-check", "HeavyCheck"),
        ] {
            assert_eq!(variant(text), expected, "{text:?}");
        }
    }

    #[test]
    fn fields_are_snake_case() {
        for (text, expected) in [
            ("dueAt", "due_at"),
            ("page-size", "page_size"),
            ("filter[name]", "filter_name"),
            ("X-Request-ID", "x_request_id"),
            ("1st", "n1st"),
        ] {
            assert_eq!(field(text), expected, "{text:?}");
        }
        assert_eq!(request_field("body"), "body_parameter");
        assert_eq!(request_field("limit"), "limit");
    }

    #[test]
    fn names_that_mean_something_else_are_kept_apart() {
        assert_eq!(type_name("Option"), "OptionType");
        assert_eq!(type_name("value"), "ValueType");
        assert_eq!(module("schemas"), "schemas_tag");
        assert_eq!(module("common"), "common_tag");
    }

    #[test]
    fn items_are_singular_where_that_is_safe() {
        for (parent, expected) in [
            ("PetTags", "PetTag"),
            ("Pet", "PetItem"),
            ("PetStatus", "PetStatusItem"),
            ("Categories", "Category"),
            ("Boxes", "Box"),
            ("Address", "AddressItem"),
        ] {
            assert_eq!(item(parent), expected);
        }
    }

    #[test]
    fn the_first_keeps_the_name() {
        let mut table = Table::default();
        assert_eq!(table.claim("Foo", ""), "Foo");
        assert_eq!(table.claim("Foo2", ""), "Foo2");
        assert_eq!(table.claim("Foo", ""), "Foo3");
    }
}
