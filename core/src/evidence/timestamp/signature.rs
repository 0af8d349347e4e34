//! Signatures of authorities and of those who certify them: RSA (PKCS #1 v1.5), ECDSA on P-256 and P-384,
//! Ed25519, by `ring`.

use der::Encode;
use der::asn1::ObjectIdentifier;
use ring::digest;
use ring::signature::{self as by, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::Certificate;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A digest of the SHA-2 family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    const fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// The one whose values are so long.
    pub(super) fn of_length(bytes: usize) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|own| own.algorithm().output_len() == bytes)
    }

    pub(super) fn by_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.oid() == oid)
    }

    pub(super) const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        })
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), bytes).as_ref().to_vec()
    }
}

/// What a key signs by.
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

fn kind(key: &SubjectPublicKeyInfoOwned) -> Option<Kind> {
    let of = &key.algorithm;
    let curve = || of.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
    match of.oid {
        RSA => Some(Kind::Rsa),
        ED25519 => Some(Kind::Ed25519),
        EC if curve() == Some(P256) => Some(Kind::P256),
        EC if curve() == Some(P384) => Some(Kind::P384),
        _ => None,
    }
}

/// How a signature by this key and digest is named: one way of those that are in use.
pub(super) fn algorithm(
    key: &SubjectPublicKeyInfoOwned,
    digest: Digest,
) -> Option<AlgorithmIdentifierOwned> {
    let (oid, parameters) = match (kind(key)?, digest) {
        (Kind::Rsa, _) => (RSA, Some(der::Any::null())),
        (Kind::P256 | Kind::P384, Digest::Sha256) => (oid("1.2.840.10045.4.3.2"), None),
        (Kind::P256 | Kind::P384, Digest::Sha384) => (oid("1.2.840.10045.4.3.3"), None),
        (Kind::Ed25519, Digest::Sha512) => (ED25519, None),
        _ => return None,
    };
    Some(AlgorithmIdentifierOwned { oid, parameters })
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Whether the key signed the message.
pub(super) fn verifies(
    key: &SubjectPublicKeyInfoOwned,
    digest: Digest,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match (kind(key), digest) {
        (Some(Kind::Rsa), Digest::Sha256) => &by::RSA_PKCS1_2048_8192_SHA256,
        (Some(Kind::Rsa), Digest::Sha384) => &by::RSA_PKCS1_2048_8192_SHA384,
        (Some(Kind::Rsa), Digest::Sha512) => &by::RSA_PKCS1_2048_8192_SHA512,
        (Some(Kind::P256), Digest::Sha256) => &by::ECDSA_P256_SHA256_ASN1,
        (Some(Kind::P256), Digest::Sha384) => &by::ECDSA_P256_SHA384_ASN1,
        (Some(Kind::P384), Digest::Sha256) => &by::ECDSA_P384_SHA256_ASN1,
        (Some(Kind::P384), Digest::Sha384) => &by::ECDSA_P384_SHA384_ASN1,
        (Some(Kind::Ed25519), Digest::Sha512) => &by::ED25519,
        _ => return false,
    };
    let key = key.subject_public_key.as_bytes();
    key.is_some_and(|key| {
        UnparsedPublicKey::new(algorithm, key)
            .verify(message, signature)
            .is_ok()
    })
}

/// Whether `issuer` signed the other's certificate.
pub(super) fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    let digest = match certificate.signature_algorithm().oid.to_string().as_str() {
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Digest::Sha256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Digest::Sha384,
        "1.2.840.113549.1.1.13" | "1.3.101.112" => Digest::Sha512,
        _ => return false,
    };
    let key = issuer.tbs_certificate().subject_public_key_info();
    let (Ok(message), Some(signature)) = (
        certificate.tbs_certificate().to_der(),
        certificate.signature().as_bytes(),
    ) else {
        return false;
    };
    verifies(key, digest, &message, signature)
}
