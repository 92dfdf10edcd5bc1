//! Styles for values that OpenAPI gives them no meaning for ("Style Values" and "Style Examples": the rows that say `n/a`).
//!
//! Contracts have them all the same. They get the reading that is nearest, which server and client share, and a warning, since
//! nobody else has to read them so.

use super::Lowerer;
use super::shape::Shape;
use crate::diagnostic::Diagnostic;
use crate::document::schema::SchemaId;
use crate::ir::{Location, Parameter, Style};

/// What OpenAPI does not say about the style of such a value, and what is done with it instead.
pub(super) fn undefined(style: Style, explode: Option<bool>, shape: &Shape) -> Option<(&'static str, &'static str)> {
    let is_object = matches!(shape, Shape::Map(_) | Shape::Struct(_));
    let is_list = matches!(shape, Shape::Array(_) | Shape::Tuple(_));
    // One of several may be any of them.
    let is_open = matches!(shape, Shape::Json | Shape::Union(_) | Shape::Same(_));
    match style {
        _ if is_open => None,
        Style::DeepObject if explode == Some(false) => {
            Some(("`style: deepObject` with `explode: false`", "it is spelled as with `explode: true`"))
        }
        Style::DeepObject if is_list => {
            Some(("`style: deepObject` for a list", "the elements are `name[0]=a&name[1]=b`"))
        }
        Style::DeepObject if !is_object => {
            Some(("`style: deepObject` for a single value", "it is spelled as with `style: form`"))
        }
        Style::SpaceDelimited | Style::PipeDelimited if explode == Some(true) => {
            Some(("a delimited style with `explode: true`", "it is spelled as with `style: form`"))
        }
        Style::SpaceDelimited | Style::PipeDelimited if !is_list && !is_object => {
            Some(("a delimited style for a single value", "it is spelled as with `style: form`"))
        }
        _ => None,
    }
}

impl Lowerer<'_, '_> {
    /// Warns of a style that OpenAPI leaves undefined for the value.
    pub(super) fn check_style(&mut self, name: &str, style: Style, explode: Option<bool>, id: SchemaId) {
        let shape = self.shapes.final_shape(id);
        let Some((what, instead)) = undefined(style, explode, &shape) else { return };
        let warning = Diagnostic::warning("undefined-style", format!("OpenAPI gives {what} no meaning"))
            .help(format!("the parameter `{name}`: {instead}"));
        self.report.add(warning.at_any(self.shapes.schema(id).node));
    }

    /// Exploded objects spell their members as keys of the query, where other parameters are too: which key is whose.
    pub(super) fn tell_members_from_parameters(&mut self, parameters: &mut [Parameter], ids: &[SchemaId]) {
        let objects: Vec<Option<Members>> =
            parameters.iter().zip(ids).map(|(parameter, id)| self.exploded_members(parameter, *id)).collect();
        for index in 0..parameters.len() {
            let Some(own) = &objects[index] else { continue };
            let mut others = Vec::new();
            for (other, members) in objects.iter().enumerate().filter(|(other, _)| *other != index) {
                if parameters[other].location != Location::Query {
                    continue;
                }
                match members {
                    None => others.push(parameters[other].name.wire.clone()),
                    // Of two objects with the same member, the first has it.
                    Some(members) if other < index || own.open => others.extend(members.names.iter().cloned()),
                    Some(_) => {}
                }
            }
            others.retain(|name| own.open || own.names.contains(name));
            let shared: Vec<String> = own.names.iter().filter(|name| others.contains(name)).cloned().collect();
            let earlier =
                objects[..index].iter().position(|members| members.as_ref().is_some_and(|members| members.open));
            let name = &parameters[index].name.wire;
            if let Some(member) = shared.first() {
                let message = format!(
                    "`{member}` of the exploded object `{name}` is another parameter as well; it is read as that"
                );
                self.ambiguous(ids[index], &message);
            }
            if let Some(earlier) = earlier.filter(|_| own.open) {
                let first = &parameters[earlier].name.wire;
                let message = format!(
                    "`{first}` and `{name}` both take any key of the query; `{first}` gets those that are declared nowhere"
                );
                self.ambiguous(ids[index], &message);
            }
            parameters[index].except = others;
        }
    }

    /// Warns of a value that begins with a mark of its own (`.png`, `;a=1`) in a segment with other variables: matching knows no
    /// styles, so what stands before the last literal text is the other variable's.
    pub(super) fn check_segments(&self, path: &str, parameters: &[Parameter], ids: &[SchemaId]) {
        for (parameter, id) in parameters.iter().zip(ids) {
            let marked =
                parameter.location == Location::Path && matches!(parameter.style, Style::Label | Style::Matrix);
            let variable = format!("{{{}}}", parameter.name.wire);
            let shared = path.split('/').any(|part| part.contains(&variable) && part.matches('{').count() > 1);
            if marked && shared {
                let name = &parameter.name.wire;
                let message =
                    format!("`{name}` has a style with a mark of its own, beside another variable of the same segment");
                let warning = Diagnostic::warning("ambiguous-path", message)
                    .note("where one variable ends and the other begins is told by literal text alone")
                    .help("give it a segment of its own, or `style: simple`");
                self.report.add(warning.at_any(self.shapes.schema(*id).node));
            }
        }
    }

    /// The members of an exploded object in the query.
    fn exploded_members(&mut self, parameter: &Parameter, id: SchemaId) -> Option<Members> {
        let exploded = parameter.location == Location::Query
            && parameter.style == Style::Form
            && parameter.explode
            && parameter.content.is_none();
        if !exploded {
            return None;
        }
        match &*self.shapes.final_shape(id) {
            Shape::Map(_) => Some(Members { names: Vec::new(), open: true }),
            Shape::Struct(object) => {
                let names = object.fields.iter().map(|field| self.shapes.property(field).name.clone()).collect();
                Some(Members { names, open: object.additional.is_some() })
            }
            _ => None,
        }
    }

    fn ambiguous(&self, id: SchemaId, message: &str) {
        let warning = Diagnostic::warning("ambiguous-query", message)
            .note("`style: form` with `explode: true` spells the members of an object without its name")
            .help("`style: deepObject` tells them apart");
        self.report.add(warning.at_any(self.shapes.schema(id).node));
    }
}

/// What an exploded object takes of a query.
struct Members {
    names: Vec<String>,
    /// Whether it takes keys that are no names of its own.
    open: bool,
}
