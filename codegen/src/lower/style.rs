//! Styles for values that OpenAPI gives them no meaning for ("Style Values" and "Style Examples": the rows that say `n/a`).
//!
//! Contracts have them all the same. They get the reading that is nearest, which server and client share, and a warning, since
//! nobody else has to read them so.

use super::Lowerer;
use super::shape::Shape;
use crate::diagnostic::Diagnostic;
use crate::document::schema::SchemaId;
use crate::ir::Style;

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
        self.report.add(match self.shapes.schema(id).node {
            Some(node) => warning.at(node),
            None => warning,
        });
    }
}
