//! What is read of a generated type.

use std::iter::Peekable;

use proc_macro::{Delimiter, Group, TokenStream, TokenTree, token_stream::IntoIter};

/// A type.
pub(crate) struct Item {
    /// As it is written, `r#` included.
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

/// What a type is made of.
pub(crate) enum Shape {
    /// A struct with named fields.
    Object(Vec<Field>),
    /// A struct around one value.
    Around,
    /// The names of the variants of an enum, each around one value.
    Union(Vec<String>),
}

/// A field, as its attributes say.
pub(crate) struct Field {
    /// As it is written, `r#` included.
    pub(crate) name: String,
    /// The property, as a literal.
    pub(crate) wire: String,
    pub(crate) ty: String,
    pub(crate) absent: Absent,
    /// The function that reads it.
    pub(crate) reads: Option<String>,
    /// The function that says whether it is left out.
    pub(crate) skipped_if: Option<String>,
    pub(crate) flatten: bool,
}

/// What stands for a property that is not there.
pub(crate) enum Absent {
    Error,
    Default,
    /// What a function returns.
    Value(String),
}

type Tokens = Peekable<IntoIter>;

impl Item {
    /// Reads `struct` or `enum`.
    pub(crate) fn read(input: TokenStream) -> Result<Self, String> {
        let mut tokens = input.into_iter().peekable();
        attributes(&mut tokens);
        visibility(&mut tokens);
        let keyword = word(&mut tokens)?;
        let name = word(&mut tokens)?;
        let Some(TokenTree::Group(body)) = tokens.next() else {
            return Err("generated types have no parameters, and something inside".to_owned());
        };
        let shape = match (keyword.as_str(), body.delimiter()) {
            ("struct", Delimiter::Brace) => Shape::Object(each(&body, Field::read)?),
            ("struct", Delimiter::Parenthesis) if each(&body, value)?.len() == 1 => Shape::Around,
            ("enum", Delimiter::Brace) => Shape::Union(each(&body, variant)?),
            _ => return Err("only structs with named fields, and those and enums around one value".to_owned()),
        };
        Ok(Self { name, shape })
    }
}

impl Field {
    fn read(tokens: &mut Tokens) -> Result<Self, String> {
        let attributes = attributes(tokens);
        visibility(tokens);
        let name = word(tokens)?;
        let mut field = Self {
            wire: format!("{:?}", name.trim_start_matches("r#")),
            name,
            ty: String::new(),
            absent: Absent::Error,
            reads: None,
            skipped_if: None,
            flatten: false,
        };
        for attribute in attributes {
            field.told(&attribute)?;
        }
        // Behind the colon.
        field.ty = until_comma(tokens).into_iter().skip(1).collect::<TokenStream>().to_string();
        Ok(field)
    }

    /// What an attribute says, where it is `serde`'s.
    fn told(&mut self, attribute: &Group) -> Result<(), String> {
        let mut tokens = attribute.stream().into_iter();
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(arguments))) = (tokens.next(), tokens.next()) else {
            return Ok(());
        };
        if name.to_string() != "serde" {
            return Ok(());
        }
        for (name, value) in each(&arguments, argument)? {
            match (name.as_str(), value) {
                ("rename", Some(literal)) => self.wire = literal,
                ("deserialize_with", Some(literal)) => self.reads = Some(path(&literal)),
                ("skip_serializing_if", Some(literal)) => self.skipped_if = Some(path(&literal)),
                ("default", Some(literal)) => self.absent = Absent::Value(path(&literal)),
                ("default", None) => self.absent = Absent::Default,
                ("flatten", None) => self.flatten = true,
                (other, _) => return Err(format!("`{other}` is not an attribute of generated types")),
            }
        }
        Ok(())
    }
}

/// `name` or `name = literal`.
fn argument(tokens: &mut Tokens) -> Result<(String, Option<String>), String> {
    let name = word(tokens)?;
    let value = match until_comma(tokens).as_slice() {
        [] => None,
        [TokenTree::Punct(equals), TokenTree::Literal(literal)] if equals.as_char() == '=' => Some(literal.to_string()),
        _ => return Err(format!("`{name}` of serde is followed by no text")),
    };
    Ok((name, value))
}

/// The path that a literal holds: generated ones have nothing to be escaped.
fn path(literal: &str) -> String {
    literal.trim_matches('"').to_owned()
}

/// A value of a struct around one.
fn value(tokens: &mut Tokens) -> Result<(), String> {
    let ty = until_comma(tokens);
    if ty.is_empty() { Err("a type".to_owned()) } else { Ok(()) }
}

/// A variant around one value.
fn variant(tokens: &mut Tokens) -> Result<String, String> {
    attributes(tokens);
    let name = word(tokens)?;
    match until_comma(tokens).as_slice() {
        [TokenTree::Group(body)] if body.delimiter() == Delimiter::Parenthesis && each(body, value)?.len() == 1 => {
            Ok(name)
        }
        _ => Err(format!("the variant {name} is not around one value")),
    }
}

/// Reads what commas separate. `read` takes all tokens up to the comma.
fn each<T>(group: &Group, read: fn(&mut Tokens) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut tokens = group.stream().into_iter().peekable();
    let mut all = Vec::new();
    while tokens.peek().is_some() {
        all.push(read(&mut tokens)?);
        // The comma, where it is not the end.
        tokens.next();
    }
    Ok(all)
}

/// The tokens before the next comma that is not between angle brackets.
fn until_comma(tokens: &mut Tokens) -> Vec<TokenTree> {
    let mut depth = 0_usize;
    let mut taken = Vec::new();
    while let Some(token) = tokens.next_if(|token| depth > 0 || !is_punct(token, ',')) {
        if is_punct(&token, '<') {
            depth += 1;
        } else if is_punct(&token, '>') {
            depth = depth.saturating_sub(1);
        }
        taken.push(token);
    }
    taken
}

/// What stands in the brackets of `#[..]`, as often as it comes.
fn attributes(tokens: &mut Tokens) -> Vec<Group> {
    let mut all = Vec::new();
    while tokens.next_if(|token| is_punct(token, '#')).is_some() {
        if let Some(TokenTree::Group(group)) = tokens.next() {
            all.push(group);
        }
    }
    all
}

/// `pub` and `pub(..)`.
fn visibility(tokens: &mut Tokens) {
    let is_pub = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word.to_string() == "pub");
    if tokens.next_if(is_pub).is_some() {
        tokens.next_if(|token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis));
    }
}

fn word(tokens: &mut Tokens) -> Result<String, String> {
    match tokens.next() {
        Some(TokenTree::Ident(word)) => Ok(word.to_string()),
        other => Err(format!("a name, not {}", other.map_or_else(String::new, |token| token.to_string()))),
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}
