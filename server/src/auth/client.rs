//! What a browser brings along at sign-in: where it comes from, what it calls itself, and whether it signed
//! somebody in before.
//!
//! Invariant: a known browser's mark is signed by the server for one name; it opens nothing, it only keeps
//! strangers' failures from delaying that person on that browser.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use gongdan_core::sync::request_auth::{base64url, unbase64url};

use super::extract::cookie;
use super::identity::ServerKeys;
use super::sign_in::Counted;
use crate::AppState;
use crate::host::Host;

/// Name of the cookie that marks a browser as known.
pub const KNOWN_COOKIE: &str = "gongdan_known";
/// How long a browser stays known, in seconds.
pub const KNOWN_SECONDS: i64 = 180 * 24 * 3600;

/// The other end of a connection, with TLS or without.
#[derive(Debug, Clone, Copy)]
pub struct Peer(IpAddr);

impl Peer {
    /// The one at an address.
    pub(crate) const fn at(address: IpAddr) -> Self {
        Self(address)
    }
}

/// Who knocks, before anybody knows who it is.
pub struct Client {
    /// Where the request comes from; nothing where the server cannot tell.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: String,
    known: Option<String>,
    /// The session cookie it had.
    pub session: Option<String>,
}

impl Client {
    /// What failures to sign `name` in are counted under.
    pub fn counted(&self, name: &str, keys: &ServerKeys) -> Vec<Counted> {
        let known = self
            .known
            .as_deref()
            .and_then(|mark| known_browser(mark, name, keys));
        match known {
            // A browser that signed this person in is no stranger at its address either.
            Some(browser) => vec![Counted::Browser(name.to_owned(), browser)],
            None => std::iter::once(Counted::Account(name.to_owned()))
                .chain(self.address.clone().map(Counted::Address))
                .collect(),
        }
    }
}

impl FromRequestParts<AppState> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Self::Rejection> {
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let peer = parts
            .extensions
            .get::<ConnectInfo<Peer>>()
            .map(|ConnectInfo(Peer(peer))| *peer);
        Ok(Self {
            address: peer.map(|peer| address(peer, &parts.headers)),
            agent: text(header::USER_AGENT).unwrap_or_default().to_owned(),
            known: cookie(&parts.headers, KNOWN_COOKIE).map(str::to_owned),
            session: super::extract::session_cookie(&parts.headers).map(str::to_owned),
        })
    }
}

/// The address that counts: the peer's, or what a proxy on this machine says of its own peer. Of IPv6 the
/// network of 64 bits, which is one subscriber's.
fn address(peer: IpAddr, headers: &HeaderMap) -> String {
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    match forwarded.filter(|_| peer.is_loopback()).unwrap_or(peer) {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            address
                .to_ipv4_mapped()
                .map_or(format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"), |v4| v4.to_string())
        }
        IpAddr::V4(address) => address.to_string(),
    }
}

/// A mark for a browser that just signed `name` in.
pub fn mark(name: &str, keys: &ServerKeys, host: &Host) -> String {
    let browser = host.random::<16>();
    let signature = keys.key.sign(&signed(name, &browser));
    base64url(&[&browser[..], &signature].concat())
}

fn known_browser(mark: &str, name: &str, keys: &ServerKeys) -> Option<[u8; 16]> {
    let bytes = unbase64url(mark)?;
    let (browser, signature) = bytes.split_first_chunk::<16>()?;
    let signature = signature.try_into().ok()?;
    let holds = keys.public().verifies(&signed(name, browser), signature);
    holds.then_some(*browser)
}

fn signed(name: &str, browser: &[u8; 16]) -> Vec<u8> {
    [b"gongdan known browser v1\n", &browser[..], name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use gongdan_core::sync::keys::DeviceKey;

    #[test]
    fn a_mark_serves_its_own_name_on_its_own_server() {
        let keys = |seed| ServerKeys {
            device: "019abcde-0000-7000-8000-000000000001".parse().unwrap(),
            key: DeviceKey::from_bytes(&[seed; 32]),
        };
        let mark = mark("G1001", &keys(1), &Host::system());
        assert!(known_browser(&mark, "G1001", &keys(1)).is_some());
        assert!(known_browser(&mark, "G1002", &keys(1)).is_none());
        assert!(known_browser(&mark, "G1001", &keys(2)).is_none());
        assert!(known_browser("", "G1001", &keys(1)).is_none());
    }

    #[test]
    fn only_a_proxy_on_this_machine_says_where_requests_come_from() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "10.0.0.9, 203.0.113.5".parse().unwrap());
        let of = |peer: &str| address(peer.parse().unwrap(), &headers);
        assert_eq!(of("127.0.0.1"), "203.0.113.5");
        assert_eq!(of("198.51.100.1"), "198.51.100.1");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("::ffff:198.51.100.1"), "198.51.100.1");
    }
}
