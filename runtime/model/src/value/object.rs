//! Reading the properties of an object into the fields of a struct: what `#[derive(Deserialize)]` of generated types calls.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

/// A struct that is read property by property.
pub trait Object<'de>: Sized {
    /// Its name.
    const NAME: &'static str;
    /// The properties that have a field.
    const PROPERTIES: &'static [&'static str];

    /// Reads them.
    ///
    /// # Errors
    ///
    /// Those of the values; a property that is there twice, or not at all and has to be.
    fn read<A: MapAccess<'de>>(object: Properties<'de, A>) -> Result<Self, A::Error>;
}

/// Reads a struct.
///
/// # Errors
///
/// Where the input is no object, and as [`Object::read`].
pub fn object<'de, D: Deserializer<'de>, T: Object<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_struct(T::NAME, T::PROPERTIES, Reader(PhantomData))
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "struct {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read(Properties { map, names: T::PROPERTIES, seen: Seen::default(), failure: None })
    }
}

/// The properties of an object that have not been read yet. The first error ends them, and is said by [`done`](Self::done).
#[derive(Debug)]
pub struct Properties<'de, A: MapAccess<'de>> {
    map: A,
    names: &'static [&'static str],
    seen: Seen,
    failure: Option<A::Error>,
}

impl<'de, A: MapAccess<'de>> Properties<'de, A> {
    /// The index of the next property among those with a field; where it has none, their number.
    pub fn next_index(&mut self) -> Option<usize> {
        self.next_name(None)
    }

    /// The same, where properties without a field go to a map.
    pub fn next_index_or_rest<T: Deserialize<'de>>(&mut self, rest: &mut BTreeMap<String, T>) -> Option<usize> {
        let mut name = String::new();
        while let Some(index) = self.next_name(Some(&mut name)) {
            if index < self.names.len() {
                return Some(index);
            }
            let value = self.map.next_value();
            self.kept(value).map(|value| rest.insert(std::mem::take(&mut name), value));
        }
        None
    }

    /// Reads the value of a property.
    pub fn read<T: Deserialize<'de>>(&mut self, index: usize, slot: &mut Option<T>) {
        self.read_as(index, slot, std::convert::identity);
    }

    /// The same, by another type.
    pub fn read_as<T, R: Deserialize<'de>>(&mut self, index: usize, slot: &mut Option<T>, of: impl FnOnce(R) -> T) {
        let value = if self.seen.mark(index) {
            self.map.next_value()
        } else {
            Err(A::Error::custom("a property is there twice"))
        };
        *slot = self.kept(value).map(of);
    }

    /// Goes past the value of a property without a field.
    pub fn skip(&mut self) {
        let value = self.map.next_value::<IgnoredAny>();
        self.kept(value);
    }

    /// What was made of the properties.
    ///
    /// # Errors
    ///
    /// Those of the input and of the values; a property that is there twice.
    pub fn done<T>(self, object: T) -> Result<T, A::Error> {
        self.failure.map_or(Ok(object), Err)
    }

    /// Why nothing can be made of them: what went wrong, else the first of those that have to be there and are not.
    pub fn incomplete(self, required: &[usize]) -> A::Error {
        let missing = required.iter().find(|index| !self.seen.has(**index)).map_or("", |index| self.names[*index]);
        self.failure.unwrap_or_else(|| A::Error::missing_field(missing))
    }

    fn next_name(&mut self, rest: Option<&mut String>) -> Option<usize> {
        if self.failure.is_some() {
            return None;
        }
        let name = self.map.next_key_seed(Name { names: self.names, rest });
        self.kept(name).flatten()
    }

    fn kept<T>(&mut self, read: Result<T, A::Error>) -> Option<T> {
        read.map_err(|error| self.failure = Some(error)).ok()
    }
}

/// Which properties were there.
#[derive(Debug, Default)]
struct Seen {
    first: u64,
    /// From the 64th on.
    more: Vec<u64>,
}

impl Seen {
    /// Whether it is there for the first time.
    fn mark(&mut self, index: usize) -> bool {
        let (word, bit) = (index / 64, 1 << (index % 64));
        if word > self.more.len() {
            self.more.resize(word, 0);
        }
        let word = if word == 0 { &mut self.first } else { &mut self.more[word - 1] };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn has(&self, index: usize) -> bool {
        let word = if index < 64 { Some(&self.first) } else { self.more.get(index / 64 - 1) };
        word.is_some_and(|word| word & (1 << (index % 64)) != 0)
    }
}

/// Finds a property by its name; one without a field is kept as text where somebody takes it.
struct Name<'a> {
    names: &'static [&'static str],
    rest: Option<&'a mut String>,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a property")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        let found = self.names.iter().position(|known| *known == name);
        if let (None, Some(rest)) = (found, self.rest) {
            name.clone_into(rest);
        }
        Ok(found.unwrap_or(self.names.len()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use serde_json::{Value, from_str, json};

    use crate::value::{Deserialize, Patch};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Task {
        id: u64,
        #[serde(rename = "the \"type\"")]
        r#type: String,
        note: Option<String>,
        #[serde(default)]
        due: Patch<u8>,
        #[serde(default = "Task::one", skip_serializing_if = "Option::is_none")]
        priority: Option<u8>,
        #[serde(default, deserialize_with = "crate::value::present")]
        anything: Option<Value>,
    }

    impl Task {
        fn one() -> Option<u8> {
            Some(1)
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Open {
        name: Name,
        #[serde(flatten)]
        others: BTreeMap<String, u8>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Name(String);

    fn message<T: std::fmt::Debug + for<'de> Deserialize<'de>>(text: &str) -> String {
        from_str::<T>(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_absent_is_its_default() {
        let task: Task = from_str(r#"{"unknown": {"a": [1]}, "note": null, "the \"type\"": "x", "id": 1}"#).unwrap();
        let due = Patch::Absent;
        assert_eq!(task, Task { id: 1, r#type: "x".into(), note: None, due, priority: Some(1), anything: None });
    }

    #[test]
    fn null_is_a_value_where_it_is_one() {
        let all = json!({"id": 1, "the \"type\"": "", "note": "n", "due": null, "priority": null, "anything": null});
        let task: Task = serde_json::from_value(all).unwrap();
        assert_eq!((task.due, task.priority, task.anything), (Patch::Null, None, Some(Value::Null)));
    }

    #[test]
    fn what_has_to_be_there_is_missed_and_what_is_there_twice_refused() {
        assert!(message::<Task>(r#"{"id": 1, "the \"type\"": ""}"#).starts_with("missing field `note`"));
        assert!(message::<Task>(r#"{"id": 1, "id": 2}"#).starts_with("a property is there twice"));
        assert!(message::<Task>(r#"{"id": "1"}"#).starts_with("invalid type: string"));
        assert!(message::<Task>("[1]").starts_with("invalid type: sequence, expected struct Task"));
    }

    #[test]
    fn every_other_property_goes_to_the_map() {
        let open: Open = from_str(r#"{"a": 1, "name": "n", "b": 2}"#).unwrap();
        assert_eq!(open, Open { name: Name("n".into()), others: [("a".into(), 1), ("b".into(), 2)].into() });
        assert!(message::<Open>(r#"{"name": "n", "a": "x"}"#).starts_with("invalid type: string"));
    }
}
