//! A reversible rewriting of bytes that makes Chinese text smaller under a byte-wise compressor.
//!
//! UTF-8 spends three bytes on a Chinese character, and a compressor that codes byte by byte spends
//! more than four bits too much on each. Here a character of GB 2312 becomes its two bytes there, in
//! which common characters stand together; everything else stays, with an escape before the bytes that
//! would be taken for such a character.
//!
//! Invariant: `restore(rewrite(x)) == x` for all bytes `x`, text or not.
//!
//! ```text
//! A1–F7, A1–FE   a character of GB 2312 whose UTF-8 has three bytes
//! F8, x          the byte x, where x is one of A1–F8
//! other bytes    themselves
//! ```

use std::sync::OnceLock;

use super::codec::Malformed;

const ESCAPE: u8 = 0xf8;
const FIRST: u8 = 0xa1;
const LEAD_LAST: u8 = 0xf7;
const TRAIL_LAST: u8 = 0xfe;
const TRAILS: usize = (TRAIL_LAST - FIRST) as usize + 1;

struct Tables {
    /// Code by code point of the basic plane; 0 for none.
    codes: Vec<u16>,
    /// UTF-8 by (lead, trail); zeros for none.
    texts: Vec<[u8; 3]>,
}

fn tables() -> &'static Tables {
    static MADE: OnceLock<Tables> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut made = Tables {
            codes: vec![0; 0x1_0000],
            texts: vec![[0; 3]; place(LEAD_LAST, TRAIL_LAST) + 1],
        };
        for lead in FIRST..=LEAD_LAST {
            for trail in FIRST..=TRAIL_LAST {
                let pair = [lead, trail];
                let Some(text) =
                    encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(&pair)
                else {
                    continue;
                };
                let mut chars = text.chars();
                let (Some(c), None) = (chars.next(), chars.next()) else {
                    continue;
                };
                let mut utf8 = [0; 3];
                if c.len_utf8() != 3 || made.codes[c as usize] != 0 {
                    continue;
                }
                c.encode_utf8(&mut utf8);
                made.codes[c as usize] = u16::from_be_bytes(pair);
                made.texts[place(lead, trail)] = utf8;
            }
        }
        made
    })
}

fn place(lead: u8, trail: u8) -> usize {
    usize::from(lead - FIRST) * TRAILS + usize::from(trail - FIRST)
}

/// The code of the character that begins here.
fn code_at(tables: &Tables, bytes: &[u8]) -> Option<[u8; 2]> {
    let [a @ 0xe0..=0xef, b @ 0x80..=0xbf, c @ 0x80..=0xbf, ..] = *bytes else {
        return None;
    };
    let point = usize::from(a & 0x0f) << 12 | usize::from(b & 0x3f) << 6 | usize::from(c & 0x3f);
    let code = tables.codes[point].to_be_bytes();
    // An overlong form would come back as another.
    (code != [0, 0] && point >= 0x800).then_some(code)
}

/// Rewrites bytes; at most twice as long.
pub fn rewrite(bytes: &[u8]) -> Vec<u8> {
    let tables = tables();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(code) = code_at(tables, rest) {
            out.extend_from_slice(&code);
            rest = &rest[3..];
            continue;
        }
        if (FIRST..=ESCAPE).contains(byte) {
            out.push(ESCAPE);
        }
        out.push(*byte);
        rest = after;
    }
    out
}

/// The bytes that were rewritten; at most half as long again, and never more than `bytes_max`.
pub fn restore(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Malformed> {
    let tables = tables();
    let mut out = Vec::with_capacity((bytes.len() + bytes.len() / 2).min(bytes_max));
    let mut rest = bytes;
    loop {
        if out.len() > bytes_max {
            return Err(Malformed::TooLarge);
        }
        match *rest {
            [] => return Ok(out),
            [ESCAPE, byte @ FIRST..=ESCAPE, ..] => {
                out.push(byte);
                rest = &rest[2..];
            }
            [lead @ FIRST..=LEAD_LAST, trail @ FIRST..=TRAIL_LAST, ..] => {
                let text = tables.texts[place(lead, trail)];
                if text == [0; 3] {
                    return Err(Malformed::NotCanonical);
                }
                out.extend_from_slice(&text);
                rest = &rest[2..];
            }
            [FIRST..=ESCAPE, ..] => return Err(Malformed::NotCanonical),
            [byte, ..] => {
                out.push(byte);
                rest = &rest[1..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn all_bytes_come_back() {
        let mut state = 1u32;
        let mut noise: Vec<u8> = (0..100_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        noise.extend_from_slice("空调不制冷,室外机有异响。𠮷堃Ärger한글\u{feff}".as_bytes());
        noise.extend_from_slice(&[0xe0, 0x80, 0xaf, 0xed, 0xa0, 0x80, 0xe4, 0xb8]);
        assert_eq!(restore(&rewrite(&noise), usize::MAX / 2).unwrap(), noise);
        for c in '\u{800}'..='\u{ffff}' {
            let mut utf8 = [0; 3];
            let text = c.encode_utf8(&mut utf8).as_bytes();
            assert_eq!(restore(&rewrite(text), 3).unwrap(), text);
        }
    }

    #[test]
    fn chinese_takes_two_bytes_a_character() {
        assert_eq!(rewrite("空调。".as_bytes()).len(), 6);
    }

    #[test]
    fn bytes_that_no_rewriting_gives_are_refused() {
        for bad in [&[0xb0u8][..], &[0xb0, 0x20], &[ESCAPE], &[ESCAPE, 0x20]] {
            assert!(restore(bad, 10).is_err(), "{bad:?}");
        }
    }
}
