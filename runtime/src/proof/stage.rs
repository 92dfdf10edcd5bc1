//! The server's side of a call: what the handler saw, and what it is to answer.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::given::{PartPayload, Payload, Place};
use super::plan::Plan;
use crate::failure::Failure;
use crate::sequence::{ItemSource, Items};

/// What stands between the two sides of a call. Calls are made one after the other.
#[derive(Clone, Debug, Default)]
pub struct Stage(Arc<Mutex<Scene>>);

#[derive(Debug, Default)]
pub(super) struct Scene {
    pub(super) plan: Option<&'static Plan>,
    /// Whether requests are sent without a credential.
    pub(super) anonymous: bool,
    /// Whether the handler was reached.
    pub(super) reached: bool,
    /// Index of the body's media type that the handler was given.
    pub(super) media: Option<usize>,
    pub(super) seen: BTreeMap<Place, Value>,
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) files: BTreeMap<String, Vec<Vec<u8>>>,
    pub(super) answer: AnswerGiven,
    /// The body and the headers that the handler answered with, as their `Debug` shows them.
    pub(super) body: Option<String>,
    pub(super) headers: Vec<String>,
    pub(super) faults: Vec<String>,
}

/// What a handler is to answer.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerGiven {
    pub(super) case: usize,
    pub(super) status: u16,
    pub(super) body: Payload,
    /// In the order of the plan; `Null` where a header is left out.
    pub(super) headers: Vec<Value>,
}

/// The answer that a handler is to give.
#[derive(Debug)]
pub struct Reply {
    stage: Stage,
    answer: AnswerGiven,
}

impl Stage {
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Scene) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn see(&self, place: Place, value: &impl Serialize) {
        let value = serde_json::to_value(value);
        self.with(|scene| match value {
            Ok(value) => {
                scene.seen.insert(place, value);
            }
            Err(error) => scene.faults.push(format!("{place:?} cannot be written as JSON: {error}")),
        });
    }

    /// The handler's value of a parameter, by its index in the plan.
    pub fn sees(&self, index: usize, value: &impl Serialize) {
        self.see(Place::Parameter(index), value);
    }

    /// The handler's body, and the index of its media type.
    pub fn sees_body(&self, media: usize, value: &impl Serialize) {
        self.with(|scene| scene.media = Some(media));
        self.see(Place::Body, value);
    }

    /// The handler's body where it is a stream.
    ///
    /// # Errors
    ///
    /// Where it breaks off.
    pub async fn sees_bytes(&self, media: usize, body: Body) -> Result<(), Failure> {
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(Failure::internal)?;
        self.with(|scene| {
            scene.media = Some(media);
            scene.bytes = Some(bytes.to_vec());
        });
        Ok(())
    }

    /// The handler's body where it is a sequence of items.
    ///
    /// # Errors
    ///
    /// Where it breaks off.
    pub async fn sees_items<T: DeserializeOwned + Serialize>(
        &self,
        media: usize,
        mut items: Items<T>,
    ) -> Result<(), Failure> {
        let mut all = Vec::new();
        while let Some(item) = items.try_next().await? {
            all.push(item);
        }
        self.sees_body(media, &all);
        Ok(())
    }

    /// The handler's form.
    pub fn sees_form(&self, media: usize) {
        self.with(|scene| scene.media = Some(media));
    }

    /// A part of the handler's form.
    pub fn sees_part(&self, name: &str, value: &impl Serialize) {
        self.see(Place::Part(name.to_owned()), value);
    }

    /// A file of the handler's form.
    pub fn sees_file(&self, name: &str, bytes: &[u8]) {
        self.with(|scene| scene.files.entry(name.to_owned()).or_default().push(bytes.to_vec()));
    }

    /// What to answer.
    pub fn reply(&self) -> Reply {
        let answer = self.with(|scene| {
            scene.reached = true;
            scene.answer.clone()
        });
        Reply { stage: self.clone(), answer }
    }
}

impl Reply {
    /// The index among the answers of the plan.
    pub fn case(&self) -> usize {
        self.answer.case
    }

    /// The status, where the contract leaves it open.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// Where a valid value does not fit the type that stands for its schema.
    pub fn body<T: DeserializeOwned + Debug>(&self) -> Result<T, Failure> {
        let value = match &self.answer.body {
            Payload::Value(value) => value,
            _ => &Value::Null,
        };
        let body: T = self.typed("the body", value)?;
        self.stage.with(|scene| scene.body = Some(format!("{body:?}")));
        Ok(body)
    }

    /// The body where it is a sequence of items.
    ///
    /// # Errors
    ///
    /// As [`Reply::body`].
    pub fn items<T: DeserializeOwned + Debug + Send + 'static>(&self) -> Result<ItemSource<T>, Failure> {
        self.body::<Vec<T>>().map(ItemSource::from)
    }

    /// The body where it is a stream.
    pub fn stream(&self) -> Body {
        match &self.answer.body {
            Payload::Bytes(bytes) => Body::from(bytes.clone()),
            _ => Body::empty(),
        }
    }

    /// A media type for a body whose contract has a range.
    pub fn content_type(&self) -> String {
        let plan = self.stage.with(|scene| scene.plan);
        let answer = plan.and_then(|plan| plan.answers.get(self.answer.case));
        let range = answer.and_then(|answer| answer.body.as_ref()).map_or("*/*", |body| body.media_type);
        range.replace("*/", "application/").replace('*', "x-proof")
    }

    /// A header, by its index in the plan.
    ///
    /// # Errors
    ///
    /// As [`Reply::body`].
    pub fn header<T: DeserializeOwned + Debug>(&self, index: usize) -> Result<T, Failure> {
        let value = self.answer.headers.get(index).unwrap_or(&Value::Null);
        let header: T = self.typed("a header", value)?;
        self.stage.with(|scene| scene.headers.push(format!("{header:?}")));
        Ok(header)
    }

    /// There is no such case.
    pub fn unknown(&self) -> Failure {
        Failure::internal(format!("the proof has no answer {}", self.answer.case))
    }

    fn typed<T: DeserializeOwned>(&self, what: &str, value: &Value) -> Result<T, Failure> {
        serde_json::from_value(value.clone()).map_err(|error| {
            let fault = format!("{what} does not fit its type: {value}: {error}");
            self.stage.with(|scene| scene.faults.push(fault.clone()));
            Failure::internal(fault)
        })
    }
}

/// Whether the files of a form are those that were sent.
pub(super) fn same_files(sent: &BTreeMap<String, PartPayload>, seen: &BTreeMap<String, Vec<Vec<u8>>>) -> bool {
    let wanted = sent.iter().filter_map(|(name, payload)| match payload {
        PartPayload::Files(files) if !files.is_empty() => Some((name, files)),
        _ => None,
    });
    wanted.clone().count() == seen.len() && wanted.into_iter().all(|(name, files)| seen.get(name) == Some(files))
}
