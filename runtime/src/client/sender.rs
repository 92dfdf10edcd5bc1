//! Requests to addresses that somebody else chose: webhooks and callbacks.
//!
//! A subscriber names the URL, so that a sender is a way into the network that it stands in (server-side request forgery).
//! [`Sender::new`] therefore sends to public addresses only: it looks at the addresses that a name resolves to, not at the name,
//! follows no redirect and uses no proxy. An allow-list of one's own goes on top with [`Sender::allow`].
//!
//! What proves to the receiver who sent it, such as a signature over the body, is put in by [`Sender::prepare`]. Nothing is sent
//! a second time: what to do where a receiver is down is for the caller to decide, who knows whether it matters.

use std::{
    error::Error as StdError,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use progenitor_client::Error;
use reqwest::{
    Request, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use super::{BufferedResponse, Call};

type Allows = dyn Fn(&Url) -> bool + Send + Sync;
type Prepares = dyn Fn(&mut Request) -> Result<(), String> + Send + Sync;

/// Sends webhooks and callbacks. Cloning is cheap: clones share one connection pool.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    public_only: bool,
    allows: Vec<Arc<Allows>>,
    prepares: Vec<Arc<Prepares>>,
}

impl Sender {
    /// Sends to public addresses only, with time-outs of 15 seconds.
    ///
    /// # Errors
    ///
    /// When the system's TLS configuration cannot be loaded.
    pub fn new() -> Result<Self, reqwest::Error> {
        let timeout = Duration::from_secs(15);
        let client = reqwest::Client::builder()
            .connect_timeout(timeout)
            .timeout(timeout)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(PublicOnly))
            .build()?;
        Ok(Self { public_only: true, ..Self::with_client(client) })
    }

    /// Sends wherever this client reaches: for receivers in the same network, and for tests.
    pub fn with_client(client: reqwest::Client) -> Self {
        Self { client, public_only: false, allows: Vec::new(), prepares: Vec::new() }
    }

    /// Sends only where `allows` says so, for example to `https` and to registered hosts.
    #[must_use]
    pub fn allow(mut self, allows: impl Fn(&Url) -> bool + Send + Sync + 'static) -> Self {
        self.allows.push(Arc::new(allows));
        self
    }

    /// Changes each request before it is sent, for example signs it. An error's text becomes [`Error::Custom`].
    #[must_use]
    pub fn prepare(mut self, prepares: impl Fn(&mut Request) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.prepares.push(Arc::new(prepares));
        self
    }

    /// Sends a request to a URL and waits for the whole response.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn send<E>(&self, call: Call, url: &str) -> Result<BufferedResponse, Error<E>> {
        Ok(BufferedResponse::of(self.open(call, url).await?).await)
    }

    /// Sends a request to a URL and waits for the beginning of the response.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] where the request cannot be made or may not be sent there, [`Error::CommunicationError`] where
    /// it does not arrive.
    pub async fn open<E>(&self, call: Call, url: &str) -> Result<Response, Error<E>> {
        let mut request = call.build_for(&self.client, url)?;
        let url = request.url();
        // An address in place of a name is not resolved; the URL has it in its usual form, however it was written.
        let literal = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_public = !self.public_only || literal.is_none_or(is_public);
        if !is_web || !is_public || !self.allows.iter().all(|allows| allows(url)) {
            return Err(Error::InvalidRequest(format!(
                "nothing may be sent to {}",
                url.host_str().unwrap_or_default()
            )));
        }
        for prepare in &self.prepares {
            prepare(&mut request).map_err(Error::Custom)?;
        }
        Ok(self.client.execute(request).await?)
    }
}

/// What `Authorization: Basic` holds after the scheme's name (RFC 7617), in UTF-8.
pub fn basic(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

/// Resolves names to their public addresses.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Box::<dyn StdError + Send + Sync>::from(format!(
                    "{} has no public address",
                    name.as_str()
                )));
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is reachable from everywhere (the registries of RFC 6890), as far as IPv4 goes inside of IPv6 too.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !(reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., high, low] = segments;
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Of the global unicast space, 2000::/3, what is set aside for documentation and protocols.
        [first, second, ..] => {
            (0x2000..0x4000).contains(&first) && !(first == 0x2001 && (second == 0xdb8 || second < 0x200))
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Sender").field("public_only", &self.public_only).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{IpAddr, Sender, is_public};
    use crate::client::{Call, Error};

    #[test]
    fn addresses() {
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:0101:0101::1"] {
            assert!(is_public(public.parse::<IpAddr>().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:0001::1",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
        ] {
            assert!(!is_public(private.parse::<IpAddr>().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_into_the_own_network() {
        let sender = Sender::new().unwrap();
        for url in [
            "http://127.0.0.1:9/",
            "http://[::1]:9/",
            "http://2130706433:9/",
            "http://0x7f.1:9/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data",
        ] {
            let refused = sender.send::<()>(Call::new(reqwest::Method::POST, ""), url).await;
            assert!(
                matches!(refused, Err(Error::InvalidRequest(_) | Error::CommunicationError(_))),
                "{url}: {refused:?}"
            );
        }
        // A name is judged by where it leads.
        let refused = sender.send::<()>(Call::new(reqwest::Method::POST, ""), "http://localhost:9/").await;
        let Err(Error::CommunicationError(error)) = refused else { panic!("{refused:?}") };
        assert!(format!("{error:?}").contains("no public address"), "{error:?}");
    }

    #[tokio::test]
    async fn an_allow_list_has_the_last_word() {
        let sender = Sender::with_client(reqwest::Client::new()).allow(|url| url.host_str() == Some("hooks.example"));
        let refused = sender.send::<()>(Call::new(reqwest::Method::POST, ""), "http://127.0.0.1:9/").await;
        assert!(matches!(&refused, Err(Error::InvalidRequest(reason)) if reason.contains("127.0.0.1")), "{refused:?}");
    }
}
