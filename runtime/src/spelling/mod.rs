//! How values are spelled in parameters and headers: both directions, for the server and the client alike.
//!
//! Writing ([`encode`]) and reading ([`expand`], [`text`]) are each other's inverse. Where a style has no spelling for a value,
//! such as a comma inside an element of a header's list, writing refuses it; nothing is sent that would be read as another value.

#[cfg_attr(not(feature = "client"), allow(dead_code, unreachable_pub, reason = "the server writes headers only"))]
pub(crate) mod encode;
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "the client reads headers only"))]
pub(crate) mod expand;
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "the client reads headers only"))]
pub(crate) mod query;
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "the client reads headers only"))]
pub(crate) mod text;

/// Why a text has no value: keyword and message of the violation.
pub(crate) type Fault = (&'static str, String);

/// Whether a value of this media type is JSON text; any other is a text of its own.
pub(crate) fn is_json(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "text/json") || media_type.ends_with("+json")
}

/// The name of a part inside the quotes of `Content-Disposition`, as browsers write it (HTML, "multipart/form-data encoding
/// algorithm"; RFC 7578, section 4.2).
#[cfg(feature = "client")]
pub(crate) fn escape_part_name(name: std::borrow::Cow<'static, str>) -> std::borrow::Cow<'static, str> {
    if name.contains(['"', '\r', '\n']) {
        name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A").into()
    } else {
        name
    }
}

/// The name that [`escape_part_name`] wrote.
#[cfg(feature = "server")]
pub(crate) fn unescape_part_name(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}
