//! A sync response as the phone takes it apart, before its signature is checked.
//!
//! Promises: no panic; what is decoded encodes back to a body that decodes to the same.

use gongdan_core::ids::DeviceId;
use gongdan_core::limits;
use gongdan_core::sync::protocol::DeviceRecord;
use gongdan_core::sync::wire::{decode_response, encode_response};
use gongdan_core::testing;

/// The devices that the phone knows.
pub fn device(index: u64) -> Option<DeviceRecord> {
    (index <= 3).then(|| DeviceRecord {
        index,
        device: DeviceId::from_bytes([index as u8; 16]),
        person: testing::person("W001"),
        key: [7; 32],
        attestation: None,
    })
}

/// Runs it once.
pub fn run(data: &[u8]) {
    let Ok(response) = decode_response(data, device) else {
        return;
    };
    // A run of verdicts stands for many: what comes of a body stays bounded.
    assert!(response.verdicts.len() <= limits::RESPONSE_VERDICTS_MAX);
    let again = encode_response(&response, 1);
    assert_eq!(decode_response(&again, device).as_ref(), Ok(&response));
}
