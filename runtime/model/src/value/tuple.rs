//! Arrays of which each element has a type of its own (`prefixItems` of JSON Schema 2020-12).
//!
//! A list of a fixed length is a tuple of Rust. But `prefixItems` alone promises nothing: without `minItems` a list may be
//! shorter, and without `items: false` it may go on. [`Tuple`] holds all of that.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
    ser::{Error as _, SerializeSeq},
};

/// A list that begins with elements of known types and may be shorter or longer than those.
///
/// `Tuple<(i64, String), (Option<bool>,), Value>`: an integer and a string, then perhaps a Boolean, then anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuple<Required, Optional, Rest> {
    /// The elements that are always there.
    pub required: Required,
    /// Those that may be missing, the last ones first: one that is there cannot come after one that is not.
    pub optional: Optional,
    /// What comes after them.
    pub rest: Vec<Rest>,
}

/// An element that does not exist: the rest of a list that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Never {}

/// Tuples of up to twelve elements that are all there.
pub trait RequiredElements<'de>: Sized {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// Where the list is shorter, or an element is not of its type.
    fn read<A: SeqAccess<'de>>(sequence: &mut A) -> Result<Self, A::Error>;
}

/// Tuples of up to twelve `Option`s.
pub trait OptionalElements<'de>: Sized {
    /// Reads as many as there are.
    ///
    /// # Errors
    ///
    /// Where an element is not of its type.
    fn read<A: SeqAccess<'de>>(sequence: &mut A) -> Result<Self, A::Error>;
}

/// Writes the elements of a tuple, and says whether the list may go on.
trait Write {
    fn write<S: SerializeSeq>(&self, sequence: &mut S) -> Result<bool, S::Error>;
}

/// Tells the two ways to write apart.
struct Required<'a, T>(&'a T);
struct Optional<'a, T>(&'a T);

macro_rules! elements {
    ($($name:ident)*) => {
        #[allow(unused_variables, non_snake_case, reason = "the tuple of no elements")]
        impl<'de, $($name: Deserialize<'de>),*> RequiredElements<'de> for ($($name,)*) {
            fn read<Access: SeqAccess<'de>>(sequence: &mut Access) -> Result<Self, Access::Error> {
                Ok(($(sequence
                    .next_element::<$name>()?
                    .ok_or_else(|| Access::Error::custom("the list has too few elements"))?,)*))
            }
        }

        #[allow(unused_variables, non_snake_case, reason = "the tuple of no elements")]
        impl<'de, $($name: Deserialize<'de>),*> OptionalElements<'de> for ($(Option<$name>,)*) {
            fn read<Access: SeqAccess<'de>>(sequence: &mut Access) -> Result<Self, Access::Error> {
                Ok(($(sequence.next_element::<$name>()?,)*))
            }
        }

        #[allow(unused_variables, non_snake_case, reason = "the tuple of no elements")]
        impl<$($name: Serialize),*> Write for Required<'_, ($($name,)*)> {
            fn write<Sequence: SerializeSeq>(&self, sequence: &mut Sequence) -> Result<bool, Sequence::Error> {
                let ($($name,)*) = self.0;
                $(sequence.serialize_element($name)?;)*
                Ok(true)
            }
        }

        #[allow(unused_variables, unused_mut, non_snake_case, reason = "the tuple of no elements")]
        impl<$($name: Serialize),*> Write for Optional<'_, ($(Option<$name>,)*)> {
            fn write<Sequence: SerializeSeq>(&self, sequence: &mut Sequence) -> Result<bool, Sequence::Error> {
                let ($($name,)*) = self.0;
                let mut goes_on = true;
                $(match $name {
                    Some(element) if goes_on => sequence.serialize_element(element)?,
                    Some(_) => return Err(gap()),
                    None => goes_on = false,
                })*
                Ok(goes_on)
            }
        }
    };
}

elements!();
elements!(A);
elements!(A B);
elements!(A B C);
elements!(A B C D);
elements!(A B C D E);
elements!(A B C D E F);
elements!(A B C D E F G);
elements!(A B C D E F G H);
elements!(A B C D E F G H I);
elements!(A B C D E F G H I J);
elements!(A B C D E F G H I J K);
elements!(A B C D E F G H I J K L);

fn gap<E: serde::ser::Error>() -> E {
    E::custom("an element of a list is there although one before it is not")
}

impl<R, O, T> Serialize for Tuple<R, O, T>
where
    for<'a> Required<'a, R>: Write,
    for<'a> Optional<'a, O>: Write,
    T: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        Required(&self.required).write(&mut sequence)?;
        let goes_on = Optional(&self.optional).write(&mut sequence)?;
        if !goes_on && !self.rest.is_empty() {
            return Err(S::Error::custom("a list goes on although elements before are missing"));
        }
        for element in &self.rest {
            sequence.serialize_element(element)?;
        }
        sequence.end()
    }
}

impl<'de, R, O, T> Deserialize<'de> for Tuple<R, O, T>
where
    R: RequiredElements<'de>,
    O: OptionalElements<'de>,
    T: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<R, O, T>(PhantomData<(R, O, T)>);

        impl<'de, R: RequiredElements<'de>, O: OptionalElements<'de>, T: Deserialize<'de>> Visitor<'de> for List<R, O, T> {
            type Value = Tuple<R, O, T>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let required = R::read(&mut sequence)?;
                let optional = O::read(&mut sequence)?;
                let mut rest = Vec::new();
                while let Some(element) = sequence.next_element()? {
                    rest.push(element);
                }
                Ok(Tuple { required, optional, rest })
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl Serialize for Never {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("the list has too many elements"))
    }
}
