//! What a contract says about an operation, as far as the proof needs it: generated code holds one `static` each.

use crate::client::Encoding;
use crate::operation::{Operation, Parameter};
use crate::schema::Schema;

/// An operation to prove.
#[derive(Debug)]
pub struct Plan {
    /// The operation of the server crate.
    pub operation: &'static Operation,
    /// Whether it is for machines alone.
    pub machine: bool,
    /// Parameters, in the contract's order.
    pub parameters: &'static [Parameter],
    /// Whether a body must be there.
    pub body_required: bool,
    /// The media types of the body; empty where there is none.
    pub bodies: &'static [Body],
    /// Every documented response with each of its media types.
    pub answers: &'static [Answer],
}

/// A body.
#[derive(Debug)]
pub struct Body {
    /// Its media type or range, as the contract has it.
    pub media_type: &'static str,
    /// What it holds.
    pub content: Content,
}

/// What a body holds.
#[derive(Debug)]
pub enum Content {
    /// JSON.
    Json(&'static Schema),
    /// A form (`application/x-www-form-urlencoded`), with the members that are spelled in a way of their own: in a style, or (`None`)
    /// as JSON.
    Form(&'static Schema, &'static [(&'static str, Option<Encoding>)]),
    /// Text.
    Text(&'static Schema),
    /// Bytes.
    Bytes,
    /// Items, one by one: the schema of an item.
    Items(&'static Schema),
    /// Parts (`multipart/form-data`), with the schema of the whole.
    Parts(&'static Schema, &'static [Part]),
    /// Something that the proof does not make: it is counted, with the reason.
    Unproved(&'static str),
}

/// A part of a multipart body.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// The schema of its value; `None` for a file.
    pub schema: Option<&'static Schema>,
    /// Whether it may be there several times.
    pub many: bool,
    /// How its value is written.
    pub spelling: Spelling,
    /// The media type that it is sent with.
    pub media_type: &'static str,
}

/// How the value of a part is written.
#[derive(Clone, Copy, Debug)]
pub enum Spelling {
    /// As text.
    Text,
    /// As JSON.
    Json,
    /// As JSON, a part for each item.
    JsonItems,
    /// In the style of a parameter.
    Styled(Encoding),
}

/// A documented response with one of its media types.
#[derive(Debug)]
pub struct Answer {
    /// Which statuses.
    pub status: Status,
    /// The body; `None` where there is none.
    pub body: Option<Body>,
    /// The headers.
    pub headers: &'static [Header],
}

/// Which statuses a response is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// One.
    Exact(u16),
    /// `4XX`: the first digit.
    Class(u16),
    /// `default`.
    Other,
}

/// A header of a response.
#[derive(Debug)]
pub struct Header {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What its value must be like.
    pub schema: &'static Schema,
}
