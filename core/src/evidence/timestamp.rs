//! Time-stamps of an authority (RFC 3161) over a sheet's name: asked for by the server, kept in the file.
//!
//! Invariant: a token is kept in one form ([`normal`]): one signer, its certificate and nothing else that is not
//! under its signature, everything else fixed. So no byte of it can be changed unseen, though CMS would allow it.
//!
//! ```text
//! sheet's name ─▶ request ─▶ authority ─▶ response ─▶ token ──normal──▶ kept
//!                                             TSTInfo ◀─ digest ─ signed attributes ◀─ signature ─ certificate
//! ```

mod asn1;
#[cfg(any(test, feature = "testing"))]
pub mod samples;
mod signature;

use std::fmt;

use chrono::NaiveDateTime;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode, Encode, Tag, Tagged};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectKeyIdentifier};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::tree::Hash;
use crate::clock::Timestamp;
use crate::sync::codec::{self, Malformed};
use asn1::{Imprint, Request, Response, SigningCertificate, TstInfo};
use signature::Digest;

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// Bytes of a response; a real one is a few thousand.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Why a response or a token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not what RFC 3161 describes.
    #[error("read time-stamp: not of its form")]
    Malformed,
    /// The authority answered that it gives none.
    #[error("read time-stamp: the authority refused")]
    Refused,
    /// It is over something else.
    #[error("check time-stamp: of something else")]
    Imprint,
    /// It answers another request.
    #[error("check time-stamp: of another request")]
    Nonce,
    /// The signer's certificate is not here, is not bound by the signature, or is not for time-stamps.
    #[error("check time-stamp: no certificate for it")]
    Certificate,
    /// The signature does not hold, or is of a kind that is not known here.
    #[error("check time-stamp: the signature does not hold")]
    Signature,
}

impl Fault {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Imprint => "imprint",
            Self::Nonce => "nonce",
            Self::Certificate => "certificate",
            Self::Signature => "signature",
        }
    }
}

impl From<der::Error> for Fault {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

/// A token as it is kept: with the number of the request that it answers.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Kept {
    /// A CMS `ContentInfo` in DER, in its normal form.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub token: Vec<u8>,
    /// The request's.
    #[n(1)]
    pub nonce: u64,
}

impl Kept {
    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it back; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

/// What a token that holds says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// The authority's time, rounded down to the second.
    pub at: Timestamp,
    /// The subject of its certificate.
    pub authority: String,
    certificate: Certificate,
}

impl Stamped {
    /// Whether the authority is one of these certificates, or one of these issued its certificate. In DER; one
    /// that cannot be read is none.
    pub fn is_of(&self, known: &[Vec<u8>]) -> bool {
        let mut known = known
            .iter()
            .filter_map(|der| Certificate::from_der(der).ok());
        known.any(|known| {
            known == self.certificate
                || (known.tbs_certificate().subject()
                    == self.certificate.tbs_certificate().issuer()
                    && signature::issued(&known, &self.certificate))
        })
    }
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

fn number(value: u64) -> Result<Int, Fault> {
    let bytes = value.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let mut own = bytes[skipped..].to_vec();
    if own[0] & 0x80 != 0 {
        own.insert(0, 0);
    }
    Ok(Int::new(&own)?)
}

/// The request for a time-stamp over a sheet's name, in DER. `nonce` is random.
///
/// # Errors
/// None in practice: what is encoded is small.
pub fn request(sheet: &Hash, nonce: u64) -> Result<Vec<u8>, Fault> {
    let request = Request {
        version: 1,
        imprint: Imprint {
            algorithm: algorithm(SHA256),
            hash: OctetString::new(sheet.to_vec())?,
        },
        nonce: number(nonce)?,
        certificate_wanted: true,
    };
    Ok(request.to_der()?)
}

/// The token of a response, in its normal form, if it holds for the request of this nonce.
///
/// # Errors
/// [`Fault`] says what does not hold.
pub fn accept(response: &[u8], sheet: &Hash, nonce: u64) -> Result<Kept, Fault> {
    if response.len() > RESPONSE_BYTES_MAX {
        return Err(Fault::Malformed);
    }
    let response = Response::from_der(response)?;
    let token = match (response.status.status, response.token) {
        (0 | 1, Some(token)) => token,
        _ => return Err(Fault::Refused),
    };
    let kept = Kept {
        token: normal(&signed_data(&token)?)?,
        nonce,
    };
    check(&kept, sheet)?;
    Ok(kept)
}

/// Checks a kept token over a sheet's name.
///
/// # Errors
/// [`Fault`] says what does not hold.
pub fn check(kept: &Kept, sheet: &Hash) -> Result<Stamped, Fault> {
    let data = signed_data(&ContentInfo::from_der(&kept.token)?)?;
    if normal(&data)? != kept.token {
        return Err(Fault::Malformed);
    }
    let (signer, certificate) = signer(&data)?;
    let content = content(&data)?;
    let info = TstInfo::from_der(content)?;
    let time = time(&info.time)?;
    if info.version != 1
        || info.imprint.algorithm.oid != SHA256
        || info.imprint.hash.as_bytes() != sheet
    {
        return Err(Fault::Imprint);
    }
    if info.nonce != Some(number(kept.nonce)?) {
        return Err(Fault::Nonce);
    }
    let digest = attribute::<OctetString>(signer, MESSAGE_DIGEST)?;
    let by = Digest::of_length(digest.as_bytes().len()).ok_or(Fault::Signature)?;
    if attribute::<ObjectIdentifier>(signer, CONTENT_TYPE)? != TST_INFO
        || by.of(content) != digest.as_bytes()
    {
        return Err(Fault::Signature);
    }
    if !is_bound(signer, certificate)? || !is_for_time_stamps(certificate, time) {
        return Err(Fault::Certificate);
    }
    let attributes = signer.signed_attrs.as_ref().ok_or(Fault::Malformed)?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    if !signature::verifies(key, by, &attributes.to_der()?, signer.signature.as_bytes()) {
        return Err(Fault::Signature);
    }
    Ok(Stamped {
        at: time,
        authority: certificate.tbs_certificate().subject().to_string(),
        certificate: certificate.clone(),
    })
}

fn signed_data(token: &ContentInfo) -> Result<SignedData, Fault> {
    if token.content_type != SIGNED_DATA {
        return Err(Fault::Malformed);
    }
    Ok(token.content.decode_as()?)
}

fn content(data: &SignedData) -> Result<&[u8], Fault> {
    let info = &data.encap_content_info;
    match &info.econtent {
        Some(content) if info.econtent_type == TST_INFO && content.tag() == Tag::OctetString => {
            Ok(content.value())
        }
        _ => Err(Fault::Malformed),
    }
}

/// The one signer, and his certificate.
fn signer(data: &SignedData) -> Result<(&SignerInfo, &Certificate), Fault> {
    let [signer] = data.signer_infos.0.as_slice() else {
        return Err(Fault::Malformed);
    };
    let all = data
        .certificates
        .as_ref()
        .map_or(&[][..], |all| all.0.as_slice());
    let mut all = all.iter().filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    let certificate = all.find(|certificate| {
        let own = certificate.tbs_certificate();
        match &signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(id) => {
                id.issuer == *own.issuer() && id.serial_number == *own.serial_number()
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => {
                let known = own.get_extension::<SubjectKeyIdentifier>();
                known.is_ok_and(|known| known.is_some_and(|(_, known)| known == *id))
            }
        }
    });
    Ok((signer, certificate.ok_or(Fault::Certificate)?))
}

/// The token with its one signer's certificate and without anything that is not signed; every choice that CMS
/// leaves open is made: the signer by issuer and serial, no parameters of digests, `rsaEncryption` for RSA.
///
/// # Errors
/// There is not one signer with a certificate and signed attributes.
fn normal(data: &SignedData) -> Result<Vec<u8>, Fault> {
    let (signer, certificate) = signer(data)?;
    let digest = attribute::<OctetString>(signer, MESSAGE_DIGEST)?;
    let by = Digest::of_length(digest.as_bytes().len()).ok_or(Fault::Signature)?;
    let own = certificate.tbs_certificate();
    let signed = signature::algorithm(own.subject_public_key_info(), by).ok_or(Fault::Signature)?;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: own.issuer().clone(),
            serial_number: own.serial_number().clone(),
        }),
        digest_alg: algorithm(by.oid()),
        signed_attrs: signer.signed_attrs.clone(),
        signature_algorithm: signed,
        signature: signer.signature.clone(),
        unsigned_attrs: None,
    };
    let content = OctetString::new(content(data)?)?;
    let data = SignedData {
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(by.oid())])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: TST_INFO,
            econtent: Some(Any::encode_from(&content)?),
        },
        certificates: Some(CertificateSet::try_from(vec![
            CertificateChoices::Certificate(certificate.clone()),
        ])?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    };
    let token = ContentInfo {
        content_type: SIGNED_DATA,
        content: Any::encode_from(&data)?,
    };
    Ok(token.to_der()?)
}

/// The one value of a signed attribute that stands once.
fn attribute<T>(signer: &SignerInfo, oid: ObjectIdentifier) -> Result<T, Fault>
where
    T: for<'a> Decode<'a, Error = der::Error>,
{
    let all = signer.signed_attrs.as_ref().ok_or(Fault::Malformed)?;
    let mut of = all.iter().filter(|attribute| attribute.oid == oid);
    match (of.next().map(|found| found.values.as_slice()), of.next()) {
        (Some([value]), None) => Ok(T::from_der(&value.to_der()?)?),
        _ => Err(Fault::Malformed),
    }
}

/// Whether the certificate is the one that the signer signed for (RFC 5816): the first of the attribute.
fn is_bound(signer: &SignerInfo, certificate: &Certificate) -> Result<bool, Fault> {
    let named = attribute::<SigningCertificate>(signer, SIGNING_CERTIFICATE)
        .map_err(|_| Fault::Certificate)?;
    let Some(first) = named.certificates.first() else {
        return Ok(false);
    };
    let by = match &first.algorithm {
        None => Some(Digest::Sha256),
        Some(algorithm) => Digest::by_oid(algorithm.oid),
    };
    let der = certificate.to_der()?;
    Ok(by.is_some_and(|by| by.of(&der) == first.hash.as_bytes()))
}

/// Whether it may sign time-stamps, and nothing else (RFC 3161 §2.3), and could at this time.
fn is_for_time_stamps(certificate: &Certificate, at: Timestamp) -> bool {
    let own = certificate.tbs_certificate();
    let usage = own.get_extension::<ExtendedKeyUsage>();
    let may = matches!(usage, Ok(Some((true, usage))) if usage.0 == [TIME_STAMPING]);
    let seconds = |time: &x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    };
    let validity = own.validity();
    may && (seconds(&validity.not_before)..=seconds(&validity.not_after)).contains(&at.seconds())
}

/// `GeneralizedTime` with or without fractions of a second, which `der` does not read.
fn time(value: &Any) -> Result<Timestamp, Fault> {
    let text = std::str::from_utf8(value.value()).map_err(|_| Fault::Malformed)?;
    let text = text.strip_suffix('Z').ok_or(Fault::Malformed)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if value.tag() != Tag::GeneralizedTime
        || whole.len() != 14
        || !digits(whole)
        || !digits(fraction)
    {
        return Err(Fault::Malformed);
    }
    let at = NaiveDateTime::parse_from_str(whole, "%Y%m%d%H%M%S").map_err(|_| Fault::Malformed)?;
    Ok(at.and_utc().into())
}

impl fmt::Display for Stamped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.at, self.authority)
    }
}
