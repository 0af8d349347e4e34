//! An authenticator in software: one ES256 key that signs what WebAuthn asks for, and knows its user.

use gongdan_core::sync::request_auth::base64url;
use minicbor::Encoder;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

pub(crate) struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    user: Value,
    pub(crate) origin: String,
    /// Whether it asks its user for a finger or a PIN.
    pub(crate) verifies_user: bool,
}

impl Authenticator {
    pub(crate) fn new(seed: u8, origin: String) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            id: vec![seed; 20],
            user: Value::Null,
            origin,
            verifies_user: true,
        }
    }

    /// What `navigator.credentials.create` would give.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        self.user = options["user"]["id"].clone();
        let client = self.client_data("webauthn.create", options);
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut key = Encoder::new(Vec::new());
        key.map(5).unwrap();
        key.i8(1).unwrap().i8(2).unwrap();
        key.i8(3).unwrap().i8(-7).unwrap();
        key.i8(-1).unwrap().i8(1).unwrap();
        key.i8(-2).unwrap().bytes(point.x().unwrap()).unwrap();
        key.i8(-3).unwrap().bytes(point.y().unwrap()).unwrap();
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), WITH_KEY);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(key.into_writer());
        let mut object = Encoder::new(Vec::new());
        object.map(3).unwrap();
        object.str("fmt").unwrap().str("none").unwrap();
        object.str("attStmt").unwrap().map(0).unwrap();
        object.str("authData").unwrap().bytes(&data).unwrap();
        json!({
            "id": base64url(&self.id), "rawId": base64url(&self.id), "type": "public-key",
            "response": {
                "attestationObject": base64url(&object.into_writer()), "clientDataJSON": base64url(&client),
            },
        })
    }

    /// What `navigator.credentials.get` would give.
    pub(crate) fn get(&self, options: &Value) -> Value {
        let client = self.client_data("webauthn.get", options);
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let signed = [&data[..], &Sha256::digest(&client)].concat();
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": base64url(&self.id), "rawId": base64url(&self.id), "type": "public-key",
            "response": {
                "authenticatorData": base64url(&data), "clientDataJSON": base64url(&client),
                "signature": base64url(signature.to_der().as_bytes()), "userHandle": self.user,
            },
        })
    }

    fn data(&self, relying_party: &str, flags: u8) -> Vec<u8> {
        let verified = if self.verifies_user { VERIFIED } else { 0 };
        let mut data = Sha256::digest(relying_party).to_vec();
        data.push(flags | PRESENT | verified);
        data.extend([0; 4]);
        data
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        serde_json::to_vec(&data).unwrap()
    }
}
