//! Closed sets of strings and of integers as Rust enums: what every one of them can do, said once.
//!
//! Generated code lists the variants and their values; [`string_enum!`](crate::string_enum) and
//! [`integer_enum!`](crate::integer_enum) make the enum of it, and what the enum can do.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::de::{Error, Unexpected, Visitor};

use super::UnknownValue;

/// An enum whose values are strings on the wire.
///
/// ```
/// specwright_model::string_enum! {
///     /// How far a task is.
///     pub enum Status {
///         /// Nobody works at it.
///         Open = "open",
///         /// Somebody does.
///         InProgress = "in-progress",
///     }
/// }
///
/// assert_eq!(Status::InProgress.as_str(), "in-progress");
/// assert_eq!("open".parse::<Status>()?, Status::Open);
/// assert_eq!(Status::ALL, [Status::Open, Status::InProgress]);
/// assert_eq!(serde_json::from_str::<Status>("\"open\"")?, Status::Open);
/// assert!("closed".parse::<Status>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! string_enum {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$variant_attribute:meta])* $variant:ident = $value:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_attribute])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::value::UnknownValue;

            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::value::UnknownValue> {
                $crate::value::known(Self::ALL, Self::as_str, ::std::stringify!($name), text)
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                deserializer.deserialize_str($crate::value::Text::new(::std::stringify!($name)))
            }
        }
    };
}

/// An enum whose values are integers on the wire.
///
/// ```
/// specwright_model::integer_enum! {
///     /// How urgent a task is.
///     pub enum Urgency {
///         /// 1.
///         V1 = 1,
///         /// 2.
///         V2 = 2,
///     }
/// }
///
/// assert_eq!(Urgency::V2.as_i64(), 2);
/// assert_eq!(Urgency::try_from(1)?, Urgency::V1);
/// assert_eq!(serde_json::to_string(&Urgency::V2)?, "2");
/// assert!(Urgency::try_from(3).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! integer_enum {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$variant_attribute:meta])* $variant:ident = $value:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_attribute])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value on the wire.
            pub const fn as_i64(self) -> i64 {
                const VALUES: &[i64] = &[$($value,)+];
                VALUES[self as usize]
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.as_i64(), formatter)
            }
        }

        impl ::std::convert::From<$name> for i64 {
            fn from(value: $name) -> Self {
                value.as_i64()
            }
        }

        impl ::std::convert::TryFrom<i64> for $name {
            type Error = $crate::value::UnknownValue;

            fn try_from(value: i64) -> ::std::result::Result<Self, $crate::value::UnknownValue> {
                let found = Self::ALL.iter().find(|one| one.as_i64() == value);
                found.copied().ok_or_else(|| $crate::value::UnknownValue::new(::std::stringify!($name), &value))
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.as_i64())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                deserializer.deserialize_i64($crate::value::Integer::new(::std::stringify!($name)))
            }
        }
    };
}

/// The value of an enum that has this text on the wire.
///
/// # Errors
///
/// None has.
#[doc(hidden)]
pub fn known<T: Copy>(
    all: &[T],
    as_str: fn(T) -> &'static str,
    type_name: &'static str,
    text: &str,
) -> Result<T, UnknownValue> {
    let found = all.iter().copied().find(|value| as_str(*value) == text);
    found.ok_or_else(|| UnknownValue::new(type_name, text))
}

/// Reads a string as the value that it is.
#[doc(hidden)]
#[derive(Debug)]
pub struct Text<T>(&'static str, PhantomData<T>);

/// Reads an integer as the value that it is.
#[doc(hidden)]
#[derive(Debug)]
pub struct Integer<T>(&'static str, PhantomData<T>);

impl<T> Text<T> {
    /// For the enum of this name.
    pub const fn new(type_name: &'static str) -> Self {
        Self(type_name, PhantomData)
    }
}

impl<T> Integer<T> {
    /// For the enum of this name.
    pub const fn new(type_name: &'static str) -> Self {
        Self(type_name, PhantomData)
    }
}

impl<T: FromStr<Err = UnknownValue>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value of {}", self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<T: TryFrom<i64, Error = UnknownValue>> Visitor<'_> for Integer<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value of {}", self.0)
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<T, E> {
        T::try_from(integer).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<T, E> {
        let signed = i64::try_from(integer).map_err(|_| E::invalid_value(Unexpected::Unsigned(integer), &self))?;
        self.visit_i64(signed)
    }
}
