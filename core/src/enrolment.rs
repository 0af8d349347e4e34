//! A phone becomes one of the organisation's: what it asks, what the server tells it, what a QR code says.
//!
//! Invariant: an answer whose certificate does not hold for its device is none.

use serde::{Deserialize, Serialize};

use crate::exchange::Request;
use crate::fault::Fault;
use crate::ids::{DeviceId, PersonId};
use crate::replica::{Identity, OwnCertificate};
use crate::sync::certificate::DeviceCertificate;
use crate::sync::keys::PublicKey;
use crate::sync::request_auth::{base64url, unbase64url};

/// What the server tells a device at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub person: PersonId,
    /// The server's public key, 32 bytes in base64url.
    pub server_key: String,
    /// Name of the organisation, where one is loaded.
    pub organisation: Option<String>,
    /// The organisation's public key, 32 bytes in base64url; a server before certificates gave none.
    #[serde(default)]
    pub organisation_key: Option<String>,
    /// The device's certificate in base64url, which verifies by that key.
    #[serde(default)]
    pub certificate: Option<String>,
}

/// What an invitation's QR code says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// The server's address, such as `https://service.example.com`.
    pub server: String,
    /// The one-time code.
    pub code: String,
}

#[derive(Serialize)]
struct Application<'a> {
    code: &'a str,
    public_key: String,
    device_name: &'a str,
}

/// The request by which a device enrols. The same code with the same key again gets the same answer.
///
/// # Errors
/// [`Fault::Unfit`] where the texts cannot be sent.
pub fn application(code: &str, key: &PublicKey, device_name: &str) -> Result<Request, Fault> {
    let application = Application {
        code,
        public_key: base64url(key.as_bytes()),
        device_name,
    };
    Ok(Request {
        method: "POST".to_owned(),
        path: "/v1/enrol".to_owned(),
        authorization: None,
        content_type: "application/json".to_owned(),
        body: serde_json::to_vec(&application).map_err(|_| Fault::unfit("invalid_id"))?,
    })
}

impl Enrolment {
    /// As the server answers.
    ///
    /// # Errors
    /// [`Fault::Answer`] with `malformed`.
    pub fn from_json(body: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(body).map_err(|_| Fault::answer("malformed"))
    }

    /// What the replica keeps of it, with the certificate where there is one.
    ///
    /// # Errors
    /// [`Fault::Answer`] with `malformed`.
    pub fn identity(&self) -> Result<(Identity, Option<OwnCertificate>), Fault> {
        let server_key = unbase64url(&self.server_key).and_then(|bytes| bytes.try_into().ok());
        let identity = Identity {
            device: self.device,
            person: self.person.clone(),
            server_key: server_key.ok_or_else(|| Fault::answer("malformed"))?,
        };
        let (Some(key), Some(certificate)) = (&self.organisation_key, &self.certificate) else {
            return Ok((identity, None));
        };
        let own = own_certificate(key, certificate, self.device)?;
        Ok((identity, Some(own)))
    }
}

/// A certificate as the server writes it, if it holds for `device`.
pub(crate) fn own_certificate(
    organisation_key: &str,
    certificate: &str,
    device: DeviceId,
) -> Result<OwnCertificate, Fault> {
    let malformed = || Fault::answer("malformed");
    let organisation_key = unbase64url(organisation_key)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(malformed)?;
    let bytes = unbase64url(certificate).ok_or_else(malformed)?;
    let own = OwnCertificate {
        organisation_key,
        certificate: DeviceCertificate::from_bytes(&bytes).map_err(|_| malformed())?,
    };
    let holds = PublicKey::from_bytes(organisation_key)
        .and_then(|key| own.certificate.verify(&key).ok())
        .is_some_and(|certified| certified.device() == device);
    holds.then_some(own).ok_or_else(malformed)
}

/// Reads what a QR code says: `gongdan://enrol?server=…&code=…`.
///
/// # Errors
/// [`Fault::Unfit`] with `invalid_id` where it is no invitation.
pub fn parse_invitation(uri: &str) -> Result<Invitation, Fault> {
    let query = uri
        .trim()
        .strip_prefix("gongdan://enrol?")
        .ok_or_else(invalid_id)?;
    let value = |name: &str| {
        let found = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found
            .and_then(unescape)
            .filter(|text| !text.is_empty())
            .ok_or_else(invalid_id)
    };
    Ok(Invitation {
        server: value("server")?,
        code: value("code")?,
    })
}

fn invalid_id() -> Fault {
    Fault::unfit("invalid_id")
}

/// Reads percent-encoded bytes (RFC 3986 §2.1).
fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_reads_back_and_other_texts_are_refused() {
        let uri = "gongdan://enrol?server=http%3A%2F%2F127.0.0.1%3A8420&code=ABCD-EF01";
        let invitation = parse_invitation(uri).expect("it is one");
        assert_eq!(invitation.server, "http://127.0.0.1:8420");
        assert_eq!(invitation.code, "ABCD-EF01");
        for bad in [
            "",
            "https://example.com",
            "gongdan://enrol?server=x",
            "gongdan://enrol?server=%zz&code=A",
            "gongdan://enrol?server=%e4&code=A",
            "gongdan://enrol?server=a%&code=A",
            "gongdan://enrol?server=&code=A",
        ] {
            assert!(parse_invitation(bad).is_err(), "{bad}");
        }
    }
}
