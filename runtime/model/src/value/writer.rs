//! Writing the fields of a struct as the properties of an object: what `#[derive(Serialize)]` of generated types calls.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// Writes an object. `properties` puts all that are there, and is called twice: some formats begin an object with their number.
///
/// # Errors
///
/// Those of the values and of the output.
pub fn write<S: Serializer>(
    serializer: S,
    properties: impl Fn(&mut Writer<'_, S::SerializeMap>),
) -> Result<S::Ok, S::Error> {
    let mut counter = Writer { number: 0, output: None };
    properties(&mut counter);
    let mut output = serializer.serialize_map(Some(counter.number));
    properties(&mut Writer { number: 0, output: Some(&mut output) });
    output?.end()
}

/// An object that is being written. What follows an error is not written.
pub struct Writer<'a, M: SerializeMap> {
    number: usize,
    output: Option<&'a mut Result<M, M::Error>>,
}

impl<M: SerializeMap> Writer<'_, M> {
    /// Puts a property.
    pub fn put<T: Serialize>(&mut self, name: &str, value: &T) {
        self.number += 1;
        if let Some(output) = &mut self.output
            && let Ok(map) = output
            && let Err(error) = map.serialize_entry(name, value)
        {
            **output = Err(error);
        }
    }

    /// Puts a property that may be absent.
    pub fn put_unless<T: Serialize>(&mut self, is_absent: bool, name: &str, value: &T) {
        if !is_absent {
            self.put(name, value);
        }
    }

    /// Puts properties that have no field of their own.
    pub fn rest<T: Serialize>(&mut self, rest: &BTreeMap<String, T>) {
        for (name, value) in rest {
            self.put(name, value);
        }
    }
}

impl<M: SerializeMap> fmt::Debug for Writer<'_, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use serde_json::{json, to_string, to_value};

    use crate::value::{Patch, Serialize};

    #[derive(Default, Serialize)]
    struct Task {
        #[serde(rename = "the \"type\"", skip_serializing_if = "Option::is_none")]
        r#type: Option<String>,
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        due: Patch<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        keys: Option<BTreeMap<Key, u8>>,
        #[serde(flatten)]
        others: BTreeMap<String, u8>,
    }

    #[derive(Serialize)]
    struct Nothing {}

    #[derive(Serialize)]
    #[serde(transparent)]
    struct Name(String);

    #[derive(Serialize)]
    #[serde(untagged)]
    enum Either {
        Name(Name),
        Number(Box<u8>),
    }

    /// JSON has no such name of a property.
    #[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Key {
        part: u8,
    }

    #[test]
    fn a_property_is_written_where_it_is_there() {
        assert_eq!(to_string(&Task::default()).unwrap(), "{}");
        assert_eq!(to_string(&Nothing {}).unwrap(), "{}");
        let others = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let task = Task { r#type: Some("x".into()), due: Patch::Null, keys: None, others };
        assert_eq!(to_string(&task).unwrap(), r#"{"the \"type\"":"x","due":null,"a":1,"b":2}"#);
        assert_eq!(to_value(&task).unwrap(), json!({"the \"type\"": "x", "due": null, "a": 1, "b": 2}));
    }

    #[test]
    fn what_surrounds_a_value_is_the_value() {
        let values = [Either::Name(Name("n".into())), Either::Number(Box::new(1))];
        assert_eq!(to_value(values).unwrap(), json!(["n", 1]));
    }

    #[test]
    fn the_first_error_is_the_one() {
        let keys = Some(BTreeMap::from([(Key { part: 1 }, 1)]));
        let error = to_string(&Task { keys, due: Patch::Value(1), ..Task::default() }).unwrap_err();
        assert_eq!(error.to_string(), "key must be a string");
        assert_eq!(to_value(Key { part: 1 }).unwrap(), json!({ "part": 1 }));
    }
}
