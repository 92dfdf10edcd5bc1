//! The handlers of the proof: what they were given goes to the stage, and what the stage says is answered.

use std::fmt::Write as _;

use super::super::schema::Printer;
use super::super::server::{Imports, response};
use super::super::text;
use super::free;
use crate::ir::{Media, MediaKind, Operation, Part, PartKind, Status};

/// The method of the trait.
pub(super) fn handler(operation: &Operation, server: &str) -> String {
    let mut steps: Vec<String> = operation
        .parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| format!("self.0.sees({index}, &request.{});", parameter.name.rust))
        .collect();
    if let Some(body) = &operation.body {
        let read = match body.media.as_slice() {
            [media] => saw(0, media, operation, server),
            several => {
                let arms: String = several
                    .iter()
                    .enumerate()
                    .map(|(index, media)| {
                        let path = format!("{server}::{}Body::{}", operation.type_prefix, media.variant);
                        format!("{path}(body) => {{ {} }}\n", saw(index, media, operation, server))
                    })
                    .collect();
                format!("match body {{ {arms} }}")
            }
        };
        steps.push(if body.required {
            format!("let body = request.body;\n{read}")
        } else {
            format!("if let Some(body) = request.body {{ {read} }}")
        });
    }
    let request = if steps.is_empty() { "_" } else { "request" };
    let prefix = &operation.type_prefix;
    let answer = if operation.responses.is_empty() {
        "Err(self.0.reply().unknown())".to_owned()
    } else {
        format!("let reply = self.0.reply();\nOk(match reply.case() {{ {} }})", answers(operation, server))
    };
    format!(
        "async fn {}(&self, {request}: {server}::{prefix}Request) -> Result<{server}::{prefix}Response, Failure> {{
            {}
            {answer}
        }}\n\n",
        operation.name.rust,
        steps.join("\n")
    )
}

/// Shows a body to the stage.
fn saw(index: usize, media: &Media, operation: &Operation, server: &str) -> String {
    match &media.kind {
        MediaKind::Json { .. } | MediaKind::Form { .. } | MediaKind::Text { .. } => {
            format!("self.0.sees_body({index}, &body);")
        }
        MediaKind::Sequence { .. } => format!("self.0.sees_items({index}, body).await?;"),
        MediaKind::Binary => format!("self.0.sees_bytes({index}, body).await?;"),
        MediaKind::Multipart { parts, .. } => {
            let mut seen = saw_form(parts, &format!("{server}::{}File", operation.type_prefix));
            if parts.is_empty() {
                // Parts without names are not compared.
                seen.push_str("drop(body);\n");
            }
            format!("self.0.sees_form({index});\n{seen}")
        }
    }
}

/// Shows the parts of a form: the fields, then the files as they arrive.
fn saw_form(parts: &[Part], kinds: &str) -> String {
    let (files, fields): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| matches!(part.kind, PartKind::File));
    let wire = |part: &Part| text::string_literal(&part.name.wire);
    let mut seen: String =
        fields.iter().map(|part| format!("self.0.sees_part({}, &body.{});\n", wire(part), part.name.rust)).collect();
    match files.as_slice() {
        [] => {}
        [only] if !only.many => {
            let see = format!("{{ let bytes = file.bytes().await?; self.0.sees_file({}, &bytes); }}\n", wire(only));
            let field = &only.name.rust;
            seen.push_str(&if only.required {
                format!("let mut file = body.{field};\n{see}")
            } else {
                format!("if let Some(mut file) = body.{field} {see}")
            });
        }
        several => {
            let names: Vec<Part> = fields.into_iter().cloned().collect();
            let arms: String =
                several.iter().map(|part| format!("{kinds}::{} => {},\n", part.variant, wire(part))).collect();
            let _ = write!(
                seen,
                "let mut files = body.{};
                while let Some((part, mut file)) = files.next().await? {{
                    let name = match part {{ {arms} }};
                    let bytes = file.bytes().await?;
                    self.0.sees_file(name, &bytes);
                }}\n",
                free("files", &names)
            );
        }
    }
    seen
}

/// The arms that make each documented response.
fn answers(operation: &Operation, server: &str) -> String {
    let mut printer = Printer::new("", String::new());
    let (views, _) = response::views(operation, &mut printer, &mut Imports::default());
    let mut arms = String::new();
    let mut index = 0;
    for (response, view) in operation.responses.iter().zip(&views) {
        let media: Vec<Option<&Media>> =
            if response.media.is_empty() { vec![None] } else { response.media.iter().map(Some).collect() };
        for one in media {
            let mut values = Vec::new();
            if !matches!(response.status, Status::Exact(_)) {
                values.push("reply.status()".to_owned());
            }
            if let Some(media) = one {
                let range = media.media_type.contains('*');
                let body = match &media.kind {
                    MediaKind::Binary | MediaKind::Multipart { .. } => "reply.stream()",
                    MediaKind::Sequence { .. } => "reply.items()?",
                    _ => "reply.body()?",
                };
                if response.media.len() > 1 {
                    let path = format!("{server}::{}{}Body", operation.type_prefix, response.variant);
                    values.push(if range {
                        format!("{path}::{} {{ body: {body}, content_type: reply.content_type() }}", media.variant)
                    } else {
                        format!("{path}::{}({body})", media.variant)
                    });
                } else {
                    values.push(body.to_owned());
                    if range {
                        values.push("reply.content_type()".to_owned());
                    }
                }
            }
            values.extend((0..response.headers.len()).map(|header| format!("reply.header({header})?")));
            let content = if !view.fields.is_empty() {
                let fields = view.fields.iter().zip(&values).map(|(field, value)| format!("{}: {value}", field.name));
                format!(" {{ {} }}", fields.collect::<Vec<_>>().join(", "))
            } else if values.is_empty() {
                String::new()
            } else {
                format!("({})", values.join(", "))
            };
            let _ =
                writeln!(arms, "{index} => {server}::{}Response::{}{content},", operation.type_prefix, view.variant);
            index += 1;
        }
    }
    arms.push_str("_ => return Err(reply.unknown()),\n");
    arms
}
