//! Webhooks and callbacks: operations that the service asks of somebody else.

use super::paths::{METHODS, slots};
use super::{Outbound, Reader};
use crate::diagnostic::Diagnostic;
use crate::source::{Entry, Node};

impl<'a> Reader<'a> {
    /// `webhooks` of the contract (OpenAPI 3.1).
    pub(super) fn webhooks(&mut self, root: &'a Node) {
        for entry in root.get("webhooks").map(Node::entries).unwrap_or_default() {
            if !entry.key.starts_with("x-") {
                self.outbound(entry, &entry.key, None);
            }
        }
    }

    /// `callbacks` of an operation.
    pub(super) fn callbacks(&mut self, entry: &'a Entry, template: &str) {
        let node = &entry.value;
        for callback in node.get("callbacks").map(Node::entries).unwrap_or_default() {
            if callback.key.starts_with("x-") {
                continue;
            }
            if self.in_callback {
                self.report.add(
                    Diagnostic::warning(
                        "nested-callback",
                        format!("nothing is generated for `{}`: it is the callback of a callback", callback.key),
                    )
                    .at_key(callback),
                );
                continue;
            }
            let owner = node.get("operationId").and_then(Node::as_str).map(str::to_owned);
            let owner = owner.unwrap_or_else(|| crate::naming::made_up(&entry.key.to_ascii_uppercase(), template));
            let Some(expressions) = self.resolver.follow(&callback.value).map(|found| found.node) else { continue };
            for (index, expression) in
                expressions.entries().iter().filter(|expression| !expression.key.starts_with("x-")).enumerate()
            {
                if !is_expression(&expression.key) {
                    self.report.add(
                        Diagnostic::warning(
                            "invalid-expression",
                            format!(
                                "`{}` is no runtime expression, so that its URL cannot be worked out",
                                expression.key
                            ),
                        )
                        .at_key(expression)
                        .help(
                            "write an expression such as `{$request.body#/callbackUrl}` (OpenAPI, Runtime Expressions)",
                        ),
                    );
                }
                let number = if index == 0 { String::new() } else { format!(" {}", index + 1) };
                self.in_callback = true;
                self.outbound(expression, &format!("{owner} {}{number}", callback.key), Some(&expression.key));
                self.in_callback = false;
            }
        }
    }

    fn outbound(&mut self, entry: &'a Entry, name: &str, expression: Option<&str>) {
        let before = self.extra.len();
        let was = std::mem::replace(&mut self.in_callback, true);
        // Their URL is known when they are sent, so that there is no template.
        let item = self.path_item(entry, "");
        self.in_callback = was;
        let extra = self.extra.split_off(before);
        let Some(mut item) = item else { return };
        let known = METHODS
            .iter()
            .zip(slots(&mut item))
            .filter_map(|(method, slot)| Some((method.to_ascii_uppercase(), slot.take()?)));
        let all: Vec<_> = known.chain(extra.into_iter().map(|extra| (extra.method, extra.operation))).collect();
        let several = all.len() > 1;
        for (method, operation) in all {
            if operation.security.as_ref().is_some_and(|security| security.iter().any(|all| !all.is_empty())) {
                self.report.add(
                    Diagnostic::warning(
                        "outbound-security",
                        format!("what `{name}` must prove to its receiver is not generated"),
                    )
                    .at_key(entry)
                    .help("sign or authenticate the request with `Sender::prepare`"),
                );
            }
            let name = match &operation.operation_id {
                Some(id) => id.clone(),
                None if several => format!("{name} {}", method.to_ascii_lowercase()),
                None => name.to_owned(),
            };
            self.outbound.push(Outbound { name, expression: expression.map(str::to_owned), method, operation });
        }
    }
}

/// Whether a text is a runtime expression, or has some in braces (OpenAPI 3.1, section 4.8.20.4).
fn is_expression(text: &str) -> bool {
    let is_single = |expression: &str| {
        let source = expression.strip_prefix("$request.").or_else(|| expression.strip_prefix("$response."));
        matches!(expression, "$url" | "$method" | "$statusCode")
            || source.is_some_and(|source| {
                ["header.", "query.", "path."].iter().any(|kind| source.len() > kind.len() && source.starts_with(kind))
                    || source == "body"
                    || source.starts_with("body#/")
            })
    };
    if text.starts_with('$') {
        return is_single(text);
    }
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((expression, after)) = after.split_once('}') else { return false };
        if before.contains('}') || !is_single(expression) {
            return false;
        }
        rest = after;
    }
    !rest.contains('}')
}
