//! One pass over CBOR before anything is decoded: whether it is the one encoding of a value of our kind, and
//! small enough to be worth decoding.
//!
//! Invariant: it allocates nothing, visits every byte once, and its stack is bounded by [`NESTING_MAX`], so
//! that what it refuses costs no more than the bytes are long. Decoding what it passes makes at most
//! `items_max` values, however few bytes each took.
//!
//! Ours are unsigned and negative integers, byte and text strings, arrays, `false`, `true` and `null` of
//! RFC 8949, each in its preferred serialization (§4.1): no maps, tags, floats, undefined or other simple
//! values, nothing of indefinite length.

use super::codec::Malformed;
use crate::limits::NESTING_MAX;

/// Checks that `bytes` are exactly one such value of at most `items_max` data items.
///
/// # Errors
/// [`Malformed::Form`] where it is no such value, [`Malformed::NotCanonical`] where it is one encoded
/// otherwise or followed by more, [`Malformed::TooLarge`] past a bound.
pub fn check(bytes: &[u8], items_max: usize) -> Result<(), Malformed> {
    // Items still to come, in the array at each depth; the outermost is the value itself.
    let mut open = [0u64; NESTING_MAX + 1];
    open[0] = 1;
    let (mut depth, mut rest, mut items) = (0, bytes, 0usize);
    loop {
        while open[depth] == 0 {
            if depth == 0 {
                return if rest.is_empty() {
                    Ok(())
                } else {
                    Err(Malformed::NotCanonical)
                };
            }
            depth -= 1;
        }
        open[depth] -= 1;
        items += 1;
        if items > items_max {
            return Err(Malformed::TooLarge);
        }
        let (major, argument, after) = head(rest)?;
        rest = after;
        match major {
            0 | 1 | 7 => {}
            2 | 3 => {
                let length = usize::try_from(argument).map_err(|_| Malformed::Form)?;
                let (content, after) = rest.split_at_checked(length).ok_or(Malformed::Form)?;
                if major == 3 && std::str::from_utf8(content).is_err() {
                    return Err(Malformed::Form);
                }
                rest = after;
            }
            4 => {
                // An item has a byte at least: what is claimed past that is not there.
                if argument > rest.len() as u64 {
                    return Err(Malformed::Form);
                }
                if depth == NESTING_MAX {
                    return Err(Malformed::TooLarge);
                }
                depth += 1;
                open[depth] = argument;
            }
            _ => return Err(Malformed::Form),
        }
    }
}

/// Major type, argument, and what follows the head.
fn head(bytes: &[u8]) -> Result<(u8, u64, &[u8]), Malformed> {
    let (first, rest) = bytes.split_first().ok_or(Malformed::Form)?;
    let (major, short) = (first >> 5, first & 0x1f);
    if major == 7 {
        // false, true, null
        return if matches!(short, 20..=22) {
            Ok((major, 0, rest))
        } else {
            Err(Malformed::Form)
        };
    }
    let width = match short {
        0..=23 => return Ok((major, short.into(), rest)),
        24..=27 => 1usize << (short - 24),
        31 => return Err(Malformed::NotCanonical),
        _ => return Err(Malformed::Form),
    };
    let (argument, rest) = rest.split_at_checked(width).ok_or(Malformed::Form)?;
    let argument = argument
        .iter()
        .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let least = if width == 1 { 24 } else { 1u64 << (4 * width) };
    if argument < least {
        Err(Malformed::NotCanonical)
    } else {
        Ok((major, argument, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_and_length_has_one_form() {
        for (bytes, word) in [
            (&[0x17][..], Ok(())),
            (&[0x18, 0x18], Ok(())),
            (&[0x18, 0x17], Err(Malformed::NotCanonical)),
            (&[0x19, 0x01, 0x00], Ok(())),
            (&[0x19, 0x00, 0xff], Err(Malformed::NotCanonical)),
            (&[0x1a, 0x00, 0x01, 0x00, 0x00], Ok(())),
            (
                &[0x1a, 0x00, 0x00, 0xff, 0xff],
                Err(Malformed::NotCanonical),
            ),
            (&[0x3b, 0, 0, 0, 1, 0, 0, 0, 0], Ok(())),
            (
                &[0x3b, 0, 0, 0, 0, 255, 255, 255, 255],
                Err(Malformed::NotCanonical),
            ),
            (&[0x58, 0x01, 0x00], Err(Malformed::NotCanonical)),
            (&[0x5f, 0xff], Err(Malformed::NotCanonical)),
            (&[0x9f, 0xff], Err(Malformed::NotCanonical)),
            (&[0x05, 0x05], Err(Malformed::NotCanonical)),
            (&[0x1c], Err(Malformed::Form)),
            (&[], Err(Malformed::Form)),
        ] {
            assert_eq!(check(bytes, 10), word, "{bytes:02x?}");
        }
    }

    #[test]
    fn maps_tags_floats_and_broken_text_are_not_ours() {
        for bytes in [
            &[0xa0][..],
            &[0xc0, 0x00],
            &[0xf9, 0, 0],
            &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0xf7],
            &[0xf8, 0x20],
            &[0x61, 0xff],
            &[0x62, 0x41],
        ] {
            assert_eq!(check(bytes, 10), Err(Malformed::Form), "{bytes:02x?}");
        }
        for bytes in [&[0xf4][..], &[0xf5], &[0xf6], &[0x63, 0xe5, 0xb7, 0xa5]] {
            assert_eq!(check(bytes, 10), Ok(()));
        }
    }

    #[test]
    fn nesting_and_items_are_taken_at_the_limit_and_no_further() {
        let nested = |depth: usize| {
            let mut bytes = vec![0x81; depth];
            bytes.push(0);
            bytes
        };
        assert_eq!(check(&nested(NESTING_MAX), 1_000), Ok(()));
        assert_eq!(
            check(&nested(NESTING_MAX + 1), 1_000),
            Err(Malformed::TooLarge)
        );
        assert_eq!(
            check(&nested(4_000_000), usize::MAX),
            Err(Malformed::TooLarge)
        );
        assert_eq!(check(&[0x82, 0, 0], 3), Ok(()));
        assert_eq!(check(&[0x82, 0, 0], 2), Err(Malformed::TooLarge));
        // Four thousand million items are claimed, and none is there.
        assert_eq!(
            check(&[0x9a, 0xff, 0xff, 0xff, 0xff], usize::MAX),
            Err(Malformed::Form)
        );
    }
}
