//! An authority for tests: its certificates are fixed, its tokens made here.

use cms::cert::CertificateChoices;
use cms::content_info::CmsVersion;
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode, Encode, Tag};
use ring::signature::Ed25519KeyPair;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use super::asn1::{CertificateId, Imprint, SigningCertificate, TstInfo};
use super::signature::Digest;
use super::{
    CONTENT_TYPE, Fault, Kept, MESSAGE_DIGEST, SHA256, SIGNING_CERTIFICATE, TST_INFO, algorithm,
    normal, number,
};
use crate::clock::Timestamp;
use crate::ids::SheetHash;

/// The authority's certificate, in DER, valid from 2020 to 2120: Ed25519, secret key 32 times `75`.
pub const AUTHORITY: &[u8] = include_bytes!("authority.der");
/// The certificate of who issued it.
pub const ISSUER: &[u8] = include_bytes!("issuer.der");
/// The request's number.
pub const NONCE: u64 = 0x8f00_1122_3344_5566;

/// A token over a sheet's name, in its normal form.
pub fn token(sheet: SheetHash, at: Timestamp) -> Kept {
    made(sheet, at, NONCE).expect("what is encoded is small")
}

fn made(sheet: SheetHash, at: Timestamp, nonce: u64) -> Result<Kept, Fault> {
    let time = at.to_utc().format("%Y%m%d%H%M%SZ").to_string();
    let info = TstInfo {
        version: 1,
        policy: ObjectIdentifier::new_unwrap("1.2.3.4"),
        imprint: Imprint {
            algorithm: algorithm(SHA256),
            hash: OctetString::new(sheet.0.to_vec())?,
        },
        serial: Int::new(&[42])?,
        time: Any::new(Tag::GeneralizedTime, time.into_bytes())?,
        accuracy: None,
        ordering: None,
        nonce: Some(number(nonce)?),
        authority: None,
    };
    let content = info.to_der()?;
    let named = SigningCertificate {
        certificates: vec![CertificateId {
            algorithm: None,
            hash: OctetString::new(Digest::Sha256.of(AUTHORITY))?,
            issuer: None,
        }],
        policies: None,
    };
    let digest = OctetString::new(Digest::Sha512.of(&content))?;
    let attributes = [
        (CONTENT_TYPE, Any::encode_from(&TST_INFO)?),
        (MESSAGE_DIGEST, Any::encode_from(&digest)?),
        (SIGNING_CERTIFICATE, Any::encode_from(&named)?),
    ];
    let mut set = SetOfVec::new();
    for (oid, value) in attributes {
        let values = SetOfVec::try_from(vec![value])?;
        set.insert(Attribute { oid, values })?;
    }
    let key = Ed25519KeyPair::from_seed_unchecked(&[0x75; 32]).expect("any seed is a key");
    let signature = key.sign(&set.to_der()?);
    let certificate = Certificate::from_der(AUTHORITY)?;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(cms::cert::IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate().issuer().clone(),
            serial_number: certificate.tbs_certificate().serial_number().clone(),
        }),
        digest_alg: algorithm(Digest::Sha512.oid()),
        signed_attrs: Some(set),
        signature_algorithm: algorithm(ObjectIdentifier::new_unwrap("1.3.101.112")),
        signature: OctetString::new(signature.as_ref())?,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(Digest::Sha512.oid())])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: TST_INFO,
            econtent: Some(Any::encode_from(&OctetString::new(content)?)?),
        },
        certificates: Some(CertificateSet::try_from(vec![
            CertificateChoices::Certificate(certificate),
        ])?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    };
    Ok(Kept {
        token: normal(&data)?,
        nonce,
    })
}
