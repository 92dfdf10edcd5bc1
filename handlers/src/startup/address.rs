//! Where to listen: `ADDRESS` is an IP address or a name of this machine, with or without a port.

use std::net::{IpAddr, SocketAddr};

use specwright_runtime::serve;
use tokio::net::{TcpListener, lookup_host};

use super::{Error, configuration};

/// Listens where the two variables say.
///
/// # Errors
///
/// [`Error::Configuration`] where they say nothing sensible, [`Error::Listen`] where the place is not to be had.
pub(super) async fn listen(address: Option<String>, port: Option<String>) -> Result<TcpListener, Error> {
    let (host, port) = read(address.as_deref(), port.as_deref()).map_err(configuration)?;
    let unknown = || configuration([format!("ADDRESS is {host:?}, which is no address and no name of this machine")]);
    let mut refusal = None;
    // `localhost` may be ::1 as well as 127.0.0.1, and a machine may have only one of them.
    for address in lookup_host((host.as_str(), port)).await.map_err(|_| unknown())? {
        match serve::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.map_or_else(unknown, Error::Listen))
}

/// Host and port, or one line for each problem.
fn read(address: Option<&str>, port: Option<&str>) -> Result<(String, u16), Vec<String>> {
    let (host, own_port) = split(address.unwrap_or("127.0.0.1"));
    let mut problems = Vec::new();
    if host.is_empty() || host.parse::<IpAddr>().is_err() && host.contains([':', '/', ' ']) {
        problems.push(format!("ADDRESS is {host:?}, not an address such as 0.0.0.0, localhost or localhost:8080"));
    }
    let port = port.map(|port| port.parse::<u16>().map_err(|_| port));
    let port = match (own_port, port) {
        (Some(own), Some(Ok(port))) if own != port => {
            problems.push(format!("ADDRESS has the port {own} and PORT is {port}: set one of them"));
            own
        }
        (_, Some(Err(port))) => {
            problems.push(format!("PORT is {port:?}, not a number up to 65535"));
            0
        }
        (Some(port), _) | (None, Some(Ok(port))) => port,
        (None, None) => 8080,
    };
    if problems.is_empty() { Ok((host.to_owned(), port)) } else { Err(problems) }
}

/// `::1` is all host; `[::1]:80`, `127.0.0.1:80` and `localhost:80` have a port.
fn split(address: &str) -> (&str, Option<u16>) {
    let bare = |host| str::trim_end_matches(str::trim_start_matches(host, '['), ']');
    if address.parse::<IpAddr>().is_ok() {
        return (address, None);
    }
    if let Some((host, port)) = address.rsplit_once(':')
        && let Ok(port) = port.parse::<u16>()
        && (!host.contains(':') || address.parse::<SocketAddr>().is_ok())
    {
        return (bare(host), Some(port));
    }
    (bare(address), None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_is_a_host_with_or_without_a_port() {
        let place = |address, port| read(address, port).map(|(host, port)| format!("{host} {port}"));
        for (address, port, expected) in [
            (None, None, "127.0.0.1 8080"),
            (None, Some("0"), "127.0.0.1 0"),
            (Some("0.0.0.0"), Some("80"), "0.0.0.0 80"),
            (Some("localhost"), None, "localhost 8080"),
            (Some("localhost:9090"), None, "localhost 9090"),
            (Some("localhost:9090"), Some("9090"), "localhost 9090"),
            (Some("127.0.0.1:81"), None, "127.0.0.1 81"),
            (Some("::1"), None, "::1 8080"),
            (Some("::1:80"), None, "::1:80 8080"),
            (Some("[::1]"), Some("82"), "::1 82"),
            (Some("[::1]:83"), None, "::1 83"),
        ] {
            assert_eq!(place(address, port).as_deref(), Ok(expected), "{address:?} {port:?}");
        }
        for (address, port, problems) in [
            (Some("http://localhost"), None, 1),
            (Some("localhost:many"), None, 1),
            (Some(":80"), None, 1),
            (Some("localhost:70000"), Some("many"), 2),
            (Some("localhost:80"), Some("81"), 1),
            (None, Some("65536"), 1),
        ] {
            assert_eq!(read(address, port).unwrap_err().len(), problems, "{address:?} {port:?}");
        }
    }
}
