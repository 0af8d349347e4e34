//! A phone becomes one of the organisation's: a one-time code for a place among the devices.
//!
//! Invariant: the key is saved before it is shown to the server, so that an answer lost on the way is
//! asked for again with the same key and the same code.

use std::sync::Arc;

use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::replica::{Identity, OwnCertificate};
use gongdan_core::sync::certificate::DeviceCertificate;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use serde::{Deserialize, Serialize};

use crate::error::PhoneError;
use crate::exchange::{Request, send};
use crate::host::{KeyStore, Observer, Transport, device_key};
use crate::phone::Phone;

/// What the server tells a device at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, uniffi::Record)]
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
    #[uniffi(default = None)]
    pub organisation_key: Option<String>,
    /// The device's certificate in base64url, which verifies by that key.
    #[serde(default)]
    #[uniffi(default = None)]
    pub certificate: Option<String>,
}

/// What an invitation's QR code says.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
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

impl TryFrom<Enrolment> for Identity {
    type Error = PhoneError;
    fn try_from(enrolment: Enrolment) -> Result<Self, PhoneError> {
        let server_key = unbase64url(&enrolment.server_key).and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            device: enrolment.device,
            person: enrolment.person,
            server_key: server_key.ok_or_else(|| PhoneError::answer("malformed"))?,
        })
    }
}

/// The certificate of an enrolment, where there is one.
pub(crate) fn certificate(enrolment: &Enrolment) -> Result<Option<OwnCertificate>, PhoneError> {
    let (Some(key), Some(certificate)) = (&enrolment.organisation_key, &enrolment.certificate)
    else {
        return Ok(None);
    };
    own_certificate(key, certificate, enrolment.device).map(Some)
}

/// A certificate as the server writes it, if it holds for `device`.
pub(crate) fn own_certificate(
    organisation_key: &str,
    certificate: &str,
    device: DeviceId,
) -> Result<OwnCertificate, PhoneError> {
    let malformed = || PhoneError::answer("malformed");
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
/// [`PhoneError::Unfit`] with `invalid_id` where it is no invitation.
#[uniffi::export]
pub fn parse_invitation(uri: String) -> Result<Invitation, PhoneError> {
    let query = uri
        .trim()
        .strip_prefix("gongdan://enrol?")
        .ok_or_else(PhoneError::invalid_id)?;
    let value = |name: &str| {
        let found = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found
            .and_then(unescape)
            .filter(|text| !text.is_empty())
            .ok_or_else(PhoneError::invalid_id)
    };
    Ok(Invitation {
        server: value("server")?,
        code: value("code")?,
    })
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

/// Asks the server to enrol this device; the key is made and saved where there is none. The same code
/// with the same key again gives the same answer.
///
/// # Errors
/// [`PhoneError::Server`] (`invalid_enrolment_code`, `key_already_enrolled`, `invalid_device_name`),
/// [`PhoneError::Network`], [`PhoneError::Key`], [`PhoneError::Answer`].
#[uniffi::export]
pub async fn request_enrolment(
    transport: Arc<dyn Transport>,
    code: String,
    device_name: String,
    key_store: Arc<dyn KeyStore>,
) -> Result<Enrolment, PhoneError> {
    let key = device_key(&*key_store, true)?;
    let application = Application {
        code: &code,
        public_key: base64url(key.public().as_bytes()),
        device_name: &device_name,
    };
    let request = Request {
        method: "POST".to_owned(),
        path: "/v1/enrol".to_owned(),
        authorization: None,
        content_type: "application/json".to_owned(),
        body: serde_json::to_vec(&application).expect("texts are JSON"),
    };
    let body = send(&*transport, request).await?.success()?;
    serde_json::from_slice(&body).map_err(|_| PhoneError::answer("malformed"))
}

#[uniffi::export]
impl Phone {
    /// Enrols this device with a one-time code and opens the phone at `path`.
    ///
    /// # Errors
    /// As [`request_enrolment`] and [`Phone::enrol`].
    #[uniffi::constructor(default(observer = None))]
    pub async fn enrol_with(
        path: String,
        transport: Arc<dyn Transport>,
        code: String,
        device_name: String,
        key_store: Arc<dyn KeyStore>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, PhoneError> {
        let enrolment = request_enrolment(transport, code, device_name, key_store.clone()).await?;
        Self::enrol(path, enrolment, key_store, observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_reads_back_and_other_texts_are_refused() {
        let uri = "gongdan://enrol?server=http%3A%2F%2F127.0.0.1%3A8420&code=ABCD-EF01";
        let invitation = parse_invitation(uri.to_owned()).expect("it is one");
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
            assert!(parse_invitation(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
