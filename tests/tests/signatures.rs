//! Signatures through our own wrapper: the vectors of RFC 8032 and of Project Wycheproof. (The second verifier,
//! in `tests/evidence`, checks what we sign with OpenSSL.)
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::sync::keys::{DeviceKey, PublicKey};
use gongdan_tests::expect;

fn unhex(text: &str) -> Vec<u8> {
    let text = if text == "-" { "" } else { text };
    (0..text.len() / 2)
        .map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
        .collect()
}

/// Whether it verifies; a key or a signature of another length does not.
fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(PublicKey::from_bytes);
    let signature: Option<[u8; 64]> = signature.try_into().ok();
    key.zip(signature)
        .is_some_and(|(key, signature)| key.verifies(message, &signature))
}

/// RFC 8032 §7.1: secret key, public key, message, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "-",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

#[test]
fn we_sign_and_verify_as_rfc_8032_says() {
    for [secret, public, message, signature] in RFC_8032 {
        let key = DeviceKey::from_bytes(&unhex(secret).try_into().unwrap());
        let message = unhex(message);
        assert_eq!(key.public().as_bytes().to_vec(), unhex(public));
        assert_eq!(key.sign(&message).to_vec(), unhex(signature));
        assert!(verifies(&unhex(public), &message, &unhex(signature)));
    }
}

#[test]
fn every_vector_of_wycheproof_comes_out_as_it_should() {
    let text = std::fs::read_to_string(expect::path("vectors/wycheproof-ed25519.txt")).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [number, result, key, message, signature] = fields[..] else {
            panic!("a line of five: {line}")
        };
        let holds = verifies(&unhex(key), &unhex(message), &unhex(signature));
        assert_eq!(holds, result == "valid", "test {number}");
        *if holds { &mut valid } else { &mut invalid } += 1;
    }
    assert_eq!((valid, invalid), (88, 63));
}
