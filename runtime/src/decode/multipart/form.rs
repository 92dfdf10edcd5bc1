//! A form as generated code takes it apart: fields by name, then the files.

use std::collections::{BTreeMap, VecDeque};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    File, Files, Multipart,
    file::{Source, Wire},
    part_error, refused,
};
use crate::decode::Rejection;

/// A multipart body whose fields satisfy the schema.
#[derive(Debug)]
pub struct Form {
    spec: &'static Multipart,
    values: Map<String, Value>,
    held: Held,
    wire: Option<Wire>,
}

/// Files in memory, each with the index of its part.
#[derive(Debug, Default)]
pub(super) struct Held(pub(super) VecDeque<(usize, File<'static>)>);

impl Held {
    pub(super) fn push(&mut self, index: usize, file: File<'static>) {
        self.0.push_back((index, file));
    }
}

impl Form {
    pub(super) fn new(spec: &'static Multipart, values: Map<String, Value>, held: Held, wire: Option<Wire>) -> Self {
        Self { spec, values, held, wire }
    }

    /// A field.
    ///
    /// # Errors
    ///
    /// 400 where it is absent or does not fit the type.
    pub fn field<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Rejection> {
        self.optional_field(name)?.ok_or_else(|| refuse(name, "required", "is required".to_owned()))
    }

    /// A field that may be absent.
    ///
    /// # Errors
    ///
    /// 400 where it does not fit the type.
    pub fn optional_field<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Rejection> {
        let Some(mut value) = self.values.remove(name) else { return Ok(None) };
        crate::value::whole_numbers(&mut value);
        serde_json::from_value(value)
            .map(Some)
            .map_err(|error| refuse(name, "type", format!("cannot be represented: {error}")))
    }

    /// The fields that have not been asked for by name.
    ///
    /// # Errors
    ///
    /// 400 where one does not fit the type.
    pub fn additional_fields<T: DeserializeOwned>(&mut self) -> Result<BTreeMap<String, T>, Rejection> {
        let names: Vec<String> = self.values.keys().cloned().collect();
        names.into_iter().map(|name| self.field(&name).map(|value| (name, value))).collect()
    }

    /// The file of a form that can have one only.
    ///
    /// # Errors
    ///
    /// 400 where it is absent.
    pub fn file(&mut self, name: &str) -> Result<File<'static>, Rejection> {
        self.optional_file(name).ok_or_else(|| refuse(name, "required", "is required".to_owned()))
    }

    /// The file of a form that can have one only, where it is there.
    pub fn optional_file(&mut self, name: &str) -> Option<File<'static>> {
        if let Some(position) = self.held.0.iter().position(|(index, _)| self.spec.parts[*index].name == name) {
            return self.held.0.remove(position).map(|(_, file)| file);
        }
        self.wire.take().map(File::last)
    }

    /// All files, in the order of the wire. `names` says what each part is called by the handler.
    pub fn files<K: Copy>(&mut self, names: &'static [(&'static str, K)]) -> Files<K> {
        let held = std::mem::take(&mut self.held.0);
        Files::new(names, self.spec, held, self.wire.take().map(Source::First))
    }
}

fn refuse(name: &str, keyword: &'static str, detail: String) -> Rejection {
    refused(vec![part_error(name, keyword, detail)])
}
