//! The customer's receipt: a short code of the sheet's hash to read out, and a QR code to photograph.
//!
//! Invariant: the code is made from the hash alone. Its check symbol catches every single wrong symbol and every
//! two that changed places.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;

use crate::ids::SheetHash;

/// Crockford's base-32 digits: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols of the code before its check symbol: 80 bits of the hash.
const SYMBOLS: usize = 16;
/// Symbols of a whole hash.
const HASH_SYMBOLS: usize = 52;

/// What the customer takes with him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Receipt {
    /// Sixteen symbols and the check symbol, in groups.
    pub code: String,
    /// What the QR code says: `GONGDAN:1:`, the whole hash in base 32, and the code without its hyphens.
    pub content: String,
    /// The QR code as an SVG image.
    pub svg: String,
}

/// The receipt of a sheet.
pub fn receipt(hash: SheetHash) -> Receipt {
    let code = code(hash);
    let content = format!("GONGDAN:1:{}:{}", base32(&hash.0), code.replace('-', ""));
    let drawn = QrCode::with_error_correction_level(&content, EcLevel::M)
        .expect("eighty alphanumeric symbols fit a QR code");
    let svg = drawn
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build();
    Receipt { code, content, svg }
}

/// The short code of a sheet's hash: `XXXX-XXXX-XXXX-XXXXC`.
pub fn code(hash: SheetHash) -> String {
    let all = base32(&hash.0);
    let mut symbols: Vec<u8> = all.bytes().take(SYMBOLS).collect();
    let check = times_two(horner(symbols.iter().map(|s| digit(*s).unwrap_or(0))));
    symbols.push(DIGITS[usize::from(check)]);
    let mut out = String::with_capacity(SYMBOLS + 4);
    for (place, symbol) in symbols.into_iter().enumerate() {
        if place > 0 && place % 4 == 0 && place < SYMBOLS {
            out.push('-');
        }
        out.push(char::from(symbol));
    }
    out
}

/// Reads a code that a person typed: case, spaces and hyphens do not matter, O is 0, I and L are 1.
/// `None` where it is none, its check symbol included.
pub fn normalise(typed: &str) -> Option<String> {
    let mut digits = Vec::with_capacity(SYMBOLS + 1);
    for symbol in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
        let symbol = match symbol.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        digits.push(digit(u8::try_from(symbol).ok()?)?);
    }
    if digits.len() != SYMBOLS + 1 || horner(digits.iter().copied()) != 0 {
        return None;
    }
    let mut out = String::with_capacity(SYMBOLS + 4);
    for (place, digit) in digits.into_iter().enumerate() {
        if place > 0 && place % 4 == 0 && place < SYMBOLS {
            out.push('-');
        }
        out.push(char::from(DIGITS[usize::from(digit)]));
    }
    Some(out)
}

/// The symbols as a polynomial over GF(32) at the primitive element 2.
fn horner(digits: impl Iterator<Item = u8>) -> u8 {
    digits.fold(0, |value, digit| times_two(value) ^ digit)
}

/// Twice `value` in GF(32), modulo x⁵ + x² + 1.
const fn times_two(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 0x20 == 0 {
        doubled
    } else {
        doubled ^ 0x25
    }
}

fn digit(symbol: u8) -> Option<u8> {
    let place = DIGITS.iter().position(|digit| *digit == symbol)?;
    u8::try_from(place).ok()
}

/// Five bits a symbol, the highest first; the last symbol is padded with zeros.
fn base32(hash: &[u8; 32]) -> String {
    let bit = |n: usize| hash.get(n / 8).map_or(0, |byte| byte >> (7 - n % 8) & 1);
    (0..HASH_SYMBOLS)
        .map(|symbol| (0..5).fold(0u8, |value, n| value << 1 | bit(5 * symbol + n)))
        .map(|value| char::from(DIGITS[usize::from(value)]))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_code_reads_back_and_every_slip_is_caught() {
        let hash = SheetHash(std::array::from_fn(|n| (n * 37 + 11) as u8));
        let code = code(hash);
        assert_eq!(normalise(&code).unwrap(), code);
        assert_eq!(
            normalise(&code.to_lowercase().replace('-', " ")).unwrap(),
            code
        );
        let symbols: Vec<char> = code.chars().filter(|c| *c != '-').collect();
        assert_eq!(symbols.len(), SYMBOLS + 1);
        for at in 0..symbols.len() {
            for digit in DIGITS {
                let mut typed = symbols.clone();
                typed[at] = char::from(*digit);
                let same = typed == symbols;
                assert_eq!(normalise(&typed.iter().collect::<String>()).is_some(), same);
            }
            for other in 0..at {
                let mut typed = symbols.clone();
                typed.swap(at, other);
                let same = typed == symbols;
                assert_eq!(normalise(&typed.iter().collect::<String>()).is_some(), same);
            }
        }
        assert_eq!(normalise(""), None);
        assert_eq!(normalise("0000-0000-0000-0000"), None);
        assert_eq!(
            normalise("0000-0000-0000-00000").unwrap(),
            "0000-0000-0000-00000"
        );
        assert_eq!(
            normalise("OOOO-oooo-0000-00000").unwrap(),
            "0000-0000-0000-00000"
        );
    }

    #[test]
    fn a_receipt_says_the_whole_hash_and_the_code() {
        let (zeros, code) = ("0".repeat(52), "0".repeat(17));
        let receipt = receipt(SheetHash([0; 32]));
        assert_eq!(receipt.code, "0000-0000-0000-00000");
        assert_eq!(receipt.content, format!("GONGDAN:1:{zeros}:{code}"));
        assert!(receipt.svg.contains("<svg"));
    }

    #[test]
    fn base_32_writes_the_highest_bits_first() {
        assert_eq!(base32(&[0xff; 32]), format!("{}G", "Z".repeat(51)));
        let mut one = [0; 32];
        one[0] = 0b0000_1000;
        assert!(base32(&one).starts_with("10"));
        (one[0], one[1]) = (0x00, 0x44);
        assert!(base32(&one).starts_with("0120"));
    }
}
