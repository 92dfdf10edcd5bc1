//! What server-sent events hold (OpenAPI 3.2, "Special Considerations for Server-Sent Events").

use std::collections::HashSet;

use super::normalise::Schemas;
use super::schema::SchemaId;
use crate::diagnostic::Diagnostic;

impl Schemas<'_> {
    /// Lets the `data` of events be what its text spells: where `contentSchema` describes that, it takes the place of the
    /// text's own schema. Called when all schemas are complete; every other `contentSchema` is reported.
    pub(super) fn type_events(&mut self, events: &[SchemaId]) {
        let mut waiting = events.to_vec();
        let mut seen = HashSet::new();
        let mut read = HashSet::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            let schema = &self.arena[id.0];
            waiting.extend(schema.reference.iter().chain(&schema.all_of).chain(&schema.any_of).chain(&schema.one_of));
            let Some(index) = schema.properties.iter().position(|property| property.name == "data") else { continue };
            let data = &self.arena[schema.properties[index].schema.0];
            let is_json = data.content_media_type.as_deref().is_none_or(|media_type| {
                media_type.starts_with("application/json")
                    || media_type.split(';').next().is_some_and(|name| name.ends_with("+json"))
            });
            if let Some(content) = data.content_schema.filter(|_| is_json && data.content_encoding.is_none()) {
                read.insert(content);
                self.arena[id.0].properties[index].schema = content;
            }
        }
        for (entry, _) in std::mem::take(&mut self.content_schemas).into_iter().filter(|(_, id)| !read.contains(id)) {
            self.report().add(
                Diagnostic::warning(
                    "annotation",
                    "`contentSchema` says what a string holds; the string is not decoded to check it",
                )
                .at_key(entry),
            );
        }
    }
}
