//! How a device proves that a request is its own: one signature over the request, no round trip before it.
//!
//! Invariant: phone and server build the signed bytes by [`signing_input`] and the header by
//! [`Authorization`], so that they cannot differ. The time says when the phone believes it is and is held
//! against no window, because phones' clocks are wrong and sync is idempotent: a request played again
//! changes nothing, and only tells its answer to somebody who could read the first one too.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::ids::{DeviceId, InvalidId};

/// First line of the signed bytes: what the signature is for, so that it serves for nothing else.
const CONTEXT: &str = "gongdan request v1";
/// The scheme of the `Authorization` header.
const SCHEME: &str = "Gongdan-Device";

/// The bytes that a device signs with its Ed25519 key for one HTTP request.
///
/// `method` is in capitals, `path` is the request target as sent: path, and `?` with the query if there is one.
pub fn signing_input(
    method: &str,
    path: &str,
    device: DeviceId,
    at: Timestamp,
    body: &[u8],
) -> Vec<u8> {
    let mut out = format!("{CONTEXT}\n{method}\n{path}\n{device}\n{}\n", at.seconds());
    for byte in Sha256::digest(body) {
        out.push_str(&format!("{byte:02x}"));
    }
    out.into_bytes()
}

/// The value of the `Authorization` header: `Gongdan-Device <device>:<unix seconds>:<base64url of the signature>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who says so.
    pub device: DeviceId,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// Ed25519 over [`signing_input`].
    pub signature: [u8; 64],
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME} {}:{}:", self.device, self.at.seconds())?;
        f.write_str(&base64url(&self.signature))
    }
}

impl FromStr for Authorization {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse(text).ok_or(InvalidId {
            kind: "device authorization",
            form: "Gongdan-Device device:seconds:signature",
        })
    }
}

fn parse(text: &str) -> Option<Authorization> {
    let (scheme, rest) = text.split_once(' ')?;
    let mut fields = rest.split(':');
    let (device, at, signature) = (fields.next()?, fields.next()?, fields.next()?);
    if !scheme.eq_ignore_ascii_case(SCHEME) || fields.next().is_some() {
        return None;
    }
    let at: i64 = at.parse().ok()?;
    let signature = unbase64url(signature)?.try_into().ok()?;
    Some(Authorization {
        device: device.parse().ok()?,
        at: Timestamp(at),
        signature,
    })
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for addresses (RFC 4648 §5), without padding.
pub fn base64url(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..=chunk.len() {
            out.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    out
}

/// Reads what [`base64url`] writes, and nothing else: no padding, no spare bits.
pub fn unbase64url(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for digit in chunk {
            bits = bits << 6 | u32::try_from(DIGITS.iter().position(|d| d == digit)?).ok()?;
        }
        bits <<= 6 * (4 - chunk.len());
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(&bytes[..chunk.len() - 1]);
    }
    (base64url(&out) == text).then_some(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn device() -> DeviceId {
        "019abcde-0000-7000-8000-000000000001".parse().unwrap()
    }

    #[test]
    fn the_signed_bytes_are_fixed() {
        let bytes = signing_input(
            "POST",
            "/v1/sync",
            device(),
            Timestamp(1_795_000_000),
            b"abc",
        );
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "gongdan request v1\nPOST\n/v1/sync\n019abcde-0000-7000-8000-000000000001\n1795000000\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_header_reads_back_and_other_forms_are_refused() {
        let header = Authorization {
            device: device(),
            at: Timestamp(-5),
            signature: [0xfb; 64],
        };
        let text = header.to_string();
        assert!(
            text.starts_with("Gongdan-Device 019abcde-0000-7000-8000-000000000001:-5:-_v7"),
            "{text}"
        );
        assert_eq!(text.parse::<Authorization>().unwrap(), header);
        for bad in [
            "",
            "Bearer x",
            &text[..text.len() - 1],
            &format!("{text}:1"),
            &format!("{text}="),
        ] {
            assert!(bad.parse::<Authorization>().is_err(), "{bad}");
        }
    }

    #[test]
    fn base64url_reads_back_only_its_own_form() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
        ] {
            assert_eq!(base64url(bytes), text);
            assert_eq!(unbase64url(text).unwrap(), bytes);
        }
        for bad in ["Z", "Zh", "Zg==", "Z g", "Zm9vY"] {
            assert_eq!(unbase64url(bad), None, "{bad}");
        }
    }
}
