//! The client's side of a call: the values that the generated method is called with, and what it returned.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use progenitor_client::{ByteStream, Error, ResponseValue};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::client::Upload;
use crate::sequence::{ItemSource, Items};

/// Why a call could not be made or its result not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A valid value does not fit the type that stands for its schema.
    Untyped(String),
    /// The client says that the value has no spelling in its place.
    Unsendable(String),
    /// The client failed otherwise.
    Failed(String),
}

/// What the client returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub(super) status: u16,
    pub(super) content: Received,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A typed value, as its `Debug` shows it.
    Value(String),
    Bytes(Vec<u8>),
}

/// A body to send.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Payload {
    #[default]
    Nothing,
    Value(Value),
    Bytes(Vec<u8>),
    Parts(BTreeMap<String, PartPayload>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum PartPayload {
    Value(Value),
    Files(Vec<Vec<u8>>),
}

/// The values of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Request {
    /// In the order of the plan; `None` where a parameter is left out.
    pub(super) parameters: Vec<Option<Value>>,
    /// Index of the body's media type; `None` without a body.
    pub(super) media: Option<usize>,
    pub(super) body: Payload,
}

/// A part of a request, of which the two sides must have the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Parameter(usize),
    Body,
    Part(String),
}

/// The values of one call.
#[derive(Clone, Debug)]
pub struct Given {
    request: Arc<Request>,
    accept: usize,
    /// The typed values as JSON.
    sent: Arc<Mutex<BTreeMap<Place, Value>>>,
}

/// An argument of a generated method: made of a JSON value, and turned back into one to compare.
///
/// References are to values that live as long as the process does, which is one proof.
pub trait Argument: Sized {
    /// The argument of a value; `None` where it is left out.
    ///
    /// # Errors
    ///
    /// Where the value does not fit the type.
    fn of(value: Option<Value>) -> Result<Self, serde_json::Error>;
    /// The value of the argument.
    fn json(&self) -> Result<Value, serde_json::Error>;
}

impl Given {
    pub(super) fn new(request: Arc<Request>, accept: usize) -> Self {
        Self { request, accept, sent: Arc::default() }
    }

    pub(super) fn sent(&self) -> BTreeMap<Place, Value> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, place: Place, value: Value) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(place, value);
    }

    fn typed<A: Argument>(&self, place: Place, value: Option<&Value>) -> Result<A, Fault> {
        let shown = value.unwrap_or(&Value::Null);
        let untyped = |error: serde_json::Error| Fault::Untyped(format!("{place:?}: {shown}: {error}"));
        let argument = A::of(value.cloned()).map_err(untyped)?;
        let json = argument.json().map_err(untyped)?;
        self.note(place, json);
        Ok(argument)
    }

    /// The argument of a parameter, by its index in the plan.
    ///
    /// # Errors
    ///
    /// [`Fault::Untyped`].
    pub fn argument<A: Argument>(&self, index: usize) -> Result<A, Fault> {
        let value = self.request.parameters.get(index).and_then(Option::as_ref);
        self.typed(Place::Parameter(index), value)
    }

    /// The index of the media type to ask for.
    pub fn accept(&self) -> usize {
        self.accept
    }

    /// The index of the media type of the body; `None` where none is sent.
    pub fn media(&self) -> Option<usize> {
        self.request.media
    }

    /// The body as an argument.
    ///
    /// # Errors
    ///
    /// [`Fault::Untyped`].
    pub fn body<A: Argument>(&self) -> Result<A, Fault> {
        let value = match &self.request.body {
            Payload::Value(value) => Some(value),
            _ => None,
        };
        self.typed(Place::Body, value)
    }

    /// The body as a value.
    ///
    /// # Errors
    ///
    /// [`Fault::Untyped`].
    pub fn owned<T: Serialize + DeserializeOwned>(&self) -> Result<T, Fault> {
        self.body::<Owned<T>>().map(|owned| owned.0)
    }

    /// The body as a sequence of items.
    ///
    /// # Errors
    ///
    /// [`Fault::Untyped`].
    pub fn items<T: Serialize + DeserializeOwned + Send + 'static>(&self) -> Result<ItemSource<T>, Fault> {
        self.owned::<Vec<T>>().map(ItemSource::from)
    }

    /// The body as bytes.
    pub fn bytes(&self) -> reqwest::Body {
        match &self.request.body {
            Payload::Bytes(bytes) => bytes.clone().into(),
            Payload::Value(Value::String(text)) => text.clone().into(),
            _ => reqwest::Body::default(),
        }
    }

    /// A part of the form.
    ///
    /// # Errors
    ///
    /// [`Fault::Untyped`].
    pub fn part<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        let value = match self.payload(name) {
            Some(PartPayload::Value(value)) => Some(value),
            _ => None,
        };
        self.typed::<Owned<T>>(Place::Part(name.to_owned()), value).map(|owned| owned.0)
    }

    /// A file of the form.
    ///
    /// # Errors
    ///
    /// Never: a file that must be there is always made.
    pub fn upload(&self, name: &str, media_type: &str) -> Result<Upload, Fault> {
        self.uploads(name, media_type).pop().ok_or_else(|| Fault::Failed(format!("no file {name} was made")))
    }

    /// A file of the form that may be absent.
    pub fn optional_upload(&self, name: &str, media_type: &str) -> Option<Upload> {
        self.uploads(name, media_type).pop()
    }

    /// The files of the form under one name.
    pub fn uploads(&self, name: &str, media_type: &str) -> Vec<Upload> {
        match self.payload(name) {
            Some(PartPayload::Files(files)) => files
                .iter()
                .map(|bytes| Upload::new(bytes.clone()).file_name("a \u{fc}.bin").content_type(media_type))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn payload(&self, name: &str) -> Option<&PartPayload> {
        match &self.request.body {
            Payload::Parts(parts) => parts.get(name),
            _ => None,
        }
    }

    /// What a method returned.
    ///
    /// # Errors
    ///
    /// [`Fault::Unsendable`] or [`Fault::Failed`] where it is neither a documented success nor a documented error.
    pub async fn arrived<T: Debug, E: Debug>(
        &self,
        result: Result<ResponseValue<T>, Error<E>>,
    ) -> Result<Arrived, Fault> {
        match result {
            Ok(value) => self.value(value.status(), &value.into_inner()),
            Err(error) => self.error(error).await,
        }
    }

    /// What a method returned whose success is a stream.
    ///
    /// # Errors
    ///
    /// As [`Given::arrived`].
    pub async fn arrived_stream<E: Debug>(
        &self,
        result: Result<ResponseValue<ByteStream>, Error<E>>,
    ) -> Result<Arrived, Fault> {
        match result {
            Ok(value) => {
                let status = value.status();
                self.stream(status, value.into_inner()).await
            }
            Err(error) => self.error(error).await,
        }
    }

    /// What a method returned whose success is a sequence of items.
    ///
    /// # Errors
    ///
    /// As [`Given::arrived`].
    pub async fn arrived_items<T: DeserializeOwned + Debug, E: Debug>(
        &self,
        result: Result<ResponseValue<Items<T>>, Error<E>>,
    ) -> Result<Arrived, Fault> {
        match result {
            Ok(value) => {
                let status = value.status();
                self.all_items(status, value.into_inner()).await
            }
            Err(error) => self.error(error).await,
        }
    }

    /// A success of items, read to its end.
    ///
    /// # Errors
    ///
    /// [`Fault::Failed`] where it breaks off.
    pub async fn all_items<T: DeserializeOwned + Debug>(
        &self,
        status: reqwest::StatusCode,
        mut items: Items<T>,
    ) -> Result<Arrived, Fault> {
        let mut all = Vec::new();
        loop {
            match items.try_next().await {
                Ok(Some(item)) => all.push(item),
                Ok(None) => return self.value(status, &all),
                Err(error) => return Err(Fault::Failed(format!("the sequence broke: {error}"))),
            }
        }
    }

    /// A typed success.
    ///
    /// # Errors
    ///
    /// None; the signature is that of its siblings.
    pub fn value(&self, status: reqwest::StatusCode, value: &dyn Debug) -> Result<Arrived, Fault> {
        Ok(Arrived { status: status.as_u16(), content: Received::Value(format!("{value:?}")) })
    }

    /// A success that is read to its end.
    ///
    /// # Errors
    ///
    /// [`Fault::Failed`] where it breaks off.
    pub async fn stream(&self, status: reqwest::StatusCode, stream: ByteStream) -> Result<Arrived, Fault> {
        let mut stream = stream.into_inner();
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend(chunk.map_err(|error| Fault::Failed(format!("the stream broke: {error}")))?);
        }
        Ok(Arrived { status: status.as_u16(), content: Received::Bytes(bytes) })
    }

    /// Anything but a success.
    ///
    /// # Errors
    ///
    /// As [`Given::arrived`].
    pub async fn error<E: Debug>(&self, error: Error<E>) -> Result<Arrived, Fault> {
        match error {
            Error::ErrorResponse(value) => self.value(value.status(), &value.into_inner()),
            Error::InvalidRequest(reason) => Err(Fault::Unsendable(reason)),
            Error::UnexpectedResponse(response) => {
                let (status, kind) = (response.status(), response.headers().get("content-type").cloned());
                let text: String = response.text().await.unwrap_or_default().chars().take(600).collect();
                Err(Fault::Failed(format!("an undocumented response: {status} {kind:?} {text}")))
            }
            other => Err(Fault::Failed(format!("{other:?}"))),
        }
    }
}

/// A value by itself.
struct Owned<T>(T);

impl<T: Serialize + DeserializeOwned> Argument for Owned<T> {
    fn of(value: Option<Value>) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value.unwrap_or_default()).map(Self)
    }

    fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(&self.0)
    }
}

macro_rules! by_value {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn of(value: Option<Value>) -> Result<Self, serde_json::Error> {
                serde_json::from_value(value.unwrap_or_default())
            }

            fn json(&self) -> Result<Value, serde_json::Error> {
                serde_json::to_value(self)
            }
        }
    )*};
}

by_value!(String, bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64);

impl Argument for &'static str {
    fn of(value: Option<Value>) -> Result<Self, serde_json::Error> {
        serde_json::from_value::<String>(value.unwrap_or_default()).map(|text| &*text.leak())
    }

    fn json(&self) -> Result<Value, serde_json::Error> {
        Ok(Value::from(*self))
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Argument for &'static T {
    fn of(value: Option<Value>) -> Result<Self, serde_json::Error> {
        serde_json::from_value::<T>(value.unwrap_or_default()).map(|value| &*Box::leak(Box::new(value)))
    }

    fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Argument for &'static [T] {
    fn of(value: Option<Value>) -> Result<Self, serde_json::Error> {
        serde_json::from_value::<Vec<T>>(value.unwrap_or_default()).map(|values| &*values.leak())
    }

    fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

impl<A: Argument> Argument for Option<A> {
    fn of(value: Option<Value>) -> Result<Self, serde_json::Error> {
        match value {
            None => Ok(None),
            // `Option<&Option<T>>` tells the body `null` from no body, `Option<&T>` has one spelling for both.
            Some(Value::Null) => Ok(A::of(Some(Value::Null)).ok()),
            Some(value) => A::of(Some(value)).map(Some),
        }
    }

    fn json(&self) -> Result<Value, serde_json::Error> {
        self.as_ref().map_or(Ok(Value::Null), A::json)
    }
}
