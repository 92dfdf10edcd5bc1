//! Files of a form: in memory, or still on their way.

use std::{collections::VecDeque, fmt, marker::PhantomData};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::{MOST_PARTS, Multipart, fault, head_faults, judge, part_error, refused};
use crate::{decode::Rejection, schema::additional_of};

/// A file of a multipart body. Its content may still be on its way: it is read once, in order, and never held as a whole.
///
/// ```ignore
/// while let Some(chunk) = file.chunk().await? {
///     target.write_all(&chunk).await.map_err(Failure::internal)?;
/// }
/// ```
pub struct File<'a> {
    /// The name that the client gave, as sent: it may hold path separators and must not be used as a path.
    pub file_name: Option<String>,
    /// The content type that the client gave, as sent.
    pub content_type: Option<String>,
    /// All headers of the part.
    pub headers: HeaderMap,
    content: Content,
    /// The next file is behind this one.
    next: PhantomData<&'a mut ()>,
}

/// The files of a form, in the order of the wire. Each is read, or dropped, before the next: the body is one stream.
///
/// ```ignore
/// while let Some((part, mut file)) = request.body.files.next().await? {
///     store(part, file.bytes().await?).await?;
/// }
/// ```
pub struct Files<K: 'static> {
    names: &'static [(&'static str, K)],
    spec: &'static Multipart,
    held: VecDeque<(usize, File<'static>)>,
    source: Option<Source>,
}

/// Files that are not in memory.
pub(super) enum Source {
    /// The one that did not fit, and what is behind it.
    First(Wire),
    /// What is behind the files so far.
    Behind(Rest),
}

/// A file whose begin has been read.
pub(super) struct Wire {
    pub(super) index: usize,
    pub(super) head: Bytes,
    pub(super) field: Box<multer::Field<'static>>,
    pub(super) rest: Rest,
}

/// What is behind a file.
pub(super) struct Rest {
    multipart: multer::Multipart<'static>,
    spec: &'static Multipart,
    values: Map<String, Value>,
    /// How often each part has been there.
    counts: Vec<usize>,
    /// How many parts there have been.
    parts: usize,
    limit: usize,
}

enum Content {
    Held(Bytes),
    Wire { head: Bytes, field: Box<multer::Field<'static>>, limit: usize, rest: Option<Box<Rest>> },
    Read,
}

impl File<'_> {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// 413 where the body passes the limit, 400 where it breaks off, or where what follows the last file breaks the contract. A
    /// handler hands it on with `?`.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Rejection> {
        loop {
            match &mut self.content {
                Content::Read => return Ok(None),
                Content::Held(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.content = Content::Read;
                    return Ok((!bytes.is_empty()).then_some(bytes));
                }
                Content::Wire { head, .. } if !head.is_empty() => return Ok(Some(std::mem::take(head))),
                Content::Wire { field, limit, .. } => {
                    match field.chunk().await.map_err(|error| fault(&error, *limit))? {
                        Some(chunk) if chunk.is_empty() => {}
                        Some(chunk) => return Ok(Some(chunk)),
                        None => {
                            let content = std::mem::replace(&mut self.content, Content::Read);
                            let Content::Wire { rest: Some(mut rest), field, .. } = content else { return Ok(None) };
                            drop(field);
                            // This is the form's only file: what is behind it is judged here.
                            rest.next().await?;
                            return Ok(None);
                        }
                    }
                }
            }
        }
    }

    /// The content, or what has not been read of it, in memory: at most as much as the body's limit.
    ///
    /// # Errors
    ///
    /// As [`File::chunk`].
    pub async fn bytes(&mut self) -> Result<Bytes, Rejection> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl<'a> File<'a> {
    /// The content as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Rejection>> + Send + 'a {
        stream::try_unfold(self, |mut file| async move { Ok(file.chunk().await?.map(|chunk| (chunk, file))) })
    }

    fn new(headers: &HeaderMap, file_name: Option<&str>, content: Content) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self {
            file_name: file_name.map(str::to_owned),
            content_type: content_type.map(str::to_owned),
            headers: headers.clone(),
            content,
            next: PhantomData,
        }
    }

    pub(super) fn held(headers: &HeaderMap, file_name: Option<&str>, content: Bytes) -> Self {
        Self::new(headers, file_name, Content::Held(content))
    }

    /// The form's only file.
    pub(super) fn last(wire: Wire) -> Self {
        let Wire { head, field, rest, .. } = wire;
        Self::wire(head, field, rest.limit, Some(Box::new(rest)))
    }

    fn wire(head: Bytes, field: Box<multer::Field<'static>>, limit: usize, rest: Option<Box<Rest>>) -> Self {
        let (headers, name) = (field.headers().clone(), field.file_name().map(str::to_owned));
        Self::new(&headers, name.as_deref(), Content::Wire { head, field, limit, rest })
    }
}

impl<K: Copy> Files<K> {
    pub(super) fn new(
        names: &'static [(&'static str, K)],
        spec: &'static Multipart,
        held: VecDeque<(usize, File<'static>)>,
        source: Option<Source>,
    ) -> Self {
        Self { names, spec, held, source }
    }

    /// The next file and which part it is; `None` when all of the body has been read and judged.
    ///
    /// # Errors
    ///
    /// As [`File::chunk`].
    pub async fn next(&mut self) -> Result<Option<(K, File<'_>)>, Rejection> {
        let (index, file) = match self.held.pop_front() {
            Some(held) => held,
            None => match self.source.take() {
                None => return Ok(None),
                Some(Source::First(Wire { index, head, field, rest })) => {
                    let limit = rest.limit;
                    self.source = Some(Source::Behind(rest));
                    (index, File::wire(head, field, limit, None))
                }
                Some(Source::Behind(mut rest)) => {
                    let Some((index, field)) = rest.next().await? else { return Ok(None) };
                    let limit = rest.limit;
                    self.source = Some(Source::Behind(rest));
                    (index, File::wire(Bytes::new(), Box::new(field), limit, None))
                }
            },
        };
        let name = self.spec.parts[index].name;
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, kind)) => Ok(Some((*kind, file))),
            // Generated code names every part that is a file.
            None => Ok(None),
        }
    }
}

impl Rest {
    pub(super) fn new(
        multipart: multer::Multipart<'static>,
        spec: &'static Multipart,
        values: Map<String, Value>,
        counts: Vec<usize>,
        parts: usize,
        limit: usize,
    ) -> Self {
        Self { multipart, spec, values, counts, parts, limit }
    }

    /// The next file. At the end the form is judged as a whole.
    async fn next(&mut self) -> Result<Option<(usize, multer::Field<'static>)>, Rejection> {
        loop {
            let field = self.multipart.next_field().await.map_err(|error| fault(&error, self.limit))?;
            let Some(field) = field else {
                let errors = judge(self.spec, &self.values, &self.counts, true);
                return if errors.is_empty() { Ok(None) } else { Err(refused(errors)) };
            };
            self.parts += 1;
            let name = field.name().unwrap_or_default().to_owned();
            let position = self.spec.position(&name);
            match position.filter(|_| self.spec.is_file(&name)) {
                _ if self.parts > MOST_PARTS => {
                    let detail = format!("must have at most {MOST_PARTS} parts");
                    return Err(refused(vec![part_error(&name, "multipart", detail)]));
                }
                Some(index) => {
                    let part = &self.spec.parts[index];
                    self.counts[index] += 1;
                    let mut errors = head_faults(part, field.headers());
                    if !part.many && self.counts[index] > 1 {
                        errors.push(part_error(&name, "repeated", "must be given once".to_owned()));
                    }
                    return if errors.is_empty() { Ok(Some((index, field))) } else { Err(refused(errors)) };
                }
                // It would be lost: the handler has the fields already.
                None if position.is_some() || takes_others(self.spec) => {
                    let detail = "must come before the files, which are read as they arrive".to_owned();
                    return Err(refused(vec![part_error(&name, "multipart", detail)]));
                }
                // Nobody asks for it; whether it may be there is judged at the end.
                None => {
                    self.values.entry(name).or_insert_with(|| Value::String(String::new()));
                }
            }
        }
    }
}

/// Whether the handler is given parts that the contract does not name.
fn takes_others(spec: &Multipart) -> bool {
    additional_of(spec.schema).is_some_and(|schema| !schema.never)
}

impl fmt::Debug for File<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("File")
            .field("file_name", &self.file_name)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl<K> fmt::Debug for Files<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Files").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Wire").field("index", &self.index).finish_non_exhaustive()
    }
}
