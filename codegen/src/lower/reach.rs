//! Who uses a type: which tags, requests or responses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use openapiv3::{Content, ParameterSchemaOrContent};

use super::Lowerer;
use super::operation::Listed;
use super::shape::Shape;
use crate::document::schema::SchemaId;

impl Lowerer<'_, '_> {
    /// Finds out what is in requests and what in responses, and gives each named type its module: the tag that alone
    /// uses it; a type that several tags use, or none, is not in the result.
    pub(super) fn reach_types(&mut self, operations: &[Listed<'_>]) -> HashMap<SchemaId, String> {
        let mut by_tag: BTreeMap<&str, Vec<SchemaId>> = BTreeMap::new();
        let (mut requests, mut responses) = (Vec::new(), Vec::new());
        for listed in operations {
            let (asked, answered) = (requests.len(), responses.len());
            for parameter in listed.parameters() {
                self.format_roots(&parameter.parameter_data_ref().format, &mut requests);
            }
            if let Some(body) = listed.request_body() {
                self.content_roots(&body.content, &mut requests);
            }
            for (_, response) in listed.responses() {
                self.content_roots(&response.content, &mut responses);
                for header in response.headers.values().filter_map(|header| header.as_item()) {
                    self.format_roots(&header.format, &mut responses);
                }
            }
            by_tag.entry(&listed.module).or_default().extend(requests[asked..].iter().chain(&responses[answered..]));
        }
        self.in_requests = self.reach(requests);
        self.in_responses = self.reach(responses);
        let mut modules: HashMap<SchemaId, Option<String>> = HashMap::new();
        for (tag, roots) in by_tag {
            for id in self.reach(roots) {
                modules.entry(id).and_modify(|module| *module = None).or_insert_with(|| Some(tag.to_owned()));
            }
        }
        modules.into_iter().filter_map(|(id, module)| Some((id, module?))).collect()
    }

    fn format_roots(&self, format: &ParameterSchemaOrContent, roots: &mut Vec<SchemaId>) {
        match format {
            ParameterSchemaOrContent::Schema(schema) => roots.extend(self.document.schema_of(schema)),
            ParameterSchemaOrContent::Content(content) => self.content_roots(content, roots),
        }
    }

    fn content_roots(&self, content: &Content, roots: &mut Vec<SchemaId>) {
        roots.extend(content.values().filter_map(|media| self.document.schema_of(media.schema.as_ref()?)));
        roots.extend(content.values().filter_map(crate::document::item_schema));
    }

    /// Everything that values of these schemas are made of.
    fn reach(&mut self, roots: Vec<SchemaId>) -> BTreeSet<SchemaId> {
        let mut reached = BTreeSet::new();
        let mut waiting = roots;
        while let Some(id) = waiting.pop() {
            if !reached.insert(id) {
                continue;
            }
            match &*self.shapes.shape(id) {
                Shape::Struct(object) => {
                    waiting.extend(object.fields.iter().map(|field| field.schema));
                    waiting.extend(object.additional.flatten());
                }
                Shape::Array(Some(inner)) | Shape::Map(Some(inner)) | Shape::Same(inner) => waiting.push(*inner),
                Shape::Union(union) => waiting.extend(&union.members),
                Shape::Tuple(tuple) => waiting.extend(tuple.elements()),
                _ => {}
            }
        }
        reached
    }
}
