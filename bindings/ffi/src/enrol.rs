//! A phone becomes one of the organisation's: a one-time code for a place among the devices.
//!
//! Invariant: the key is saved before it is shown to the server, so that an answer lost on the way is
//! asked for again with the same key and the same code.

use std::sync::Arc;

use gongdan_core::enrolment;
use gongdan_core::ids::{DeviceId, PersonId};

use crate::error::PhoneError;
use crate::exchange::send;
use crate::host::{KeyStore, Observer, Transport, device_key};
use crate::phone::Phone;

/// What the server tells a device at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
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
    #[uniffi(default = None)]
    pub organisation_key: Option<String>,
    /// The device's certificate in base64url, which verifies by that key.
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

impl From<enrolment::Enrolment> for Enrolment {
    fn from(told: enrolment::Enrolment) -> Self {
        Self {
            device: told.device,
            person: told.person,
            server_key: told.server_key,
            organisation: told.organisation,
            organisation_key: told.organisation_key,
            certificate: told.certificate,
        }
    }
}

impl From<Enrolment> for enrolment::Enrolment {
    fn from(told: Enrolment) -> Self {
        Self {
            device: told.device,
            person: told.person,
            server_key: told.server_key,
            organisation: told.organisation,
            organisation_key: told.organisation_key,
            certificate: told.certificate,
        }
    }
}

/// Reads what a QR code says: `gongdan://enrol?server=…&code=…`.
///
/// # Errors
/// [`PhoneError::Unfit`] with `invalid_id` where it is no invitation.
#[uniffi::export]
pub fn parse_invitation(uri: String) -> Result<Invitation, PhoneError> {
    let enrolment::Invitation { server, code } = enrolment::parse_invitation(&uri)?;
    Ok(Invitation { server, code })
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
    let request = enrolment::application(&code, &key.public(), &device_name)?;
    let body = send(&*transport, request.into()).await?.success()?;
    Ok(enrolment::Enrolment::from_json(&body)?.into())
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
