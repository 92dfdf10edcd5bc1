//! `routes.json`: what a gateway in front of the server has to know, as data for whatever sets the gateway up.
//!
//! A gateway that knows the routes turns away what the contract does not document before anything is started for it.
//! Which gateway that is, nothing here knows: extensions (`x-...`) of the contract are passed on as they are, and mean
//! what their reader says.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::File;
use crate::Error;
use crate::ir::{Api, Location, Operation};

/// Name of the file, beside the folders of the generated crates.
const NAME: &str = "routes.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    generated: String,
    title: &'a str,
    version: &'a str,
    /// Path of the first server; the routes do not contain it.
    base_path: &'a str,
    extensions: &'a BTreeMap<String, Value>,
    routes: Vec<Route<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Route<'a> {
    operation_id: &'a str,
    method: &'a str,
    path: &'a str,
    /// Whether nobody gets in without credentials.
    secured: bool,
    /// Alternatives, each with the schemes that it needs together, and their scopes.
    security: Vec<BTreeMap<&'a str, &'a [String]>>,
    request_headers: Vec<&'a str>,
    request_media_types: Vec<&'a str>,
    response_headers: Vec<&'a str>,
    extensions: &'a BTreeMap<String, Value>,
}

/// Prints the routes.
///
/// # Errors
///
/// [`Error::Bug`] where they are not JSON.
pub fn file(api: &Api) -> Result<File, Error> {
    let manifest = Manifest {
        generated: format!("by specwright from {}; do not edit", api.contract),
        title: &api.title,
        version: &api.version,
        base_path: &api.base_path,
        extensions: &api.extensions,
        routes: api.operations().map(route).collect(),
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| Error::Bug(format!("{NAME}: {error}")))?;
    Ok(File::new(NAME, text + "\n"))
}

fn route(operation: &Operation) -> Route<'_> {
    let headers = operation.parameters.iter().filter(|parameter| parameter.location == Location::Header);
    let mut response_headers = Vec::new();
    for header in operation.responses.iter().flat_map(|response| &response.headers) {
        if !response_headers.contains(&header.name.wire.as_str()) {
            response_headers.push(header.name.wire.as_str());
        }
    }
    Route {
        operation_id: &operation.name.wire,
        method: &operation.method,
        path: &operation.path,
        secured: operation.requires_caller(),
        security: operation
            .security
            .iter()
            .map(|all| {
                all.iter().map(|requirement| (requirement.scheme.as_str(), requirement.scopes.as_slice())).collect()
            })
            .collect(),
        request_headers: headers.map(|parameter| parameter.name.wire.as_str()).collect(),
        request_media_types: operation
            .body
            .iter()
            .flat_map(|body| &body.media)
            .map(|media| media.media_type.as_str())
            .collect(),
        response_headers,
        extensions: &operation.extensions,
    }
}
