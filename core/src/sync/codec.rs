//! Bytes on the wire: strict CBOR and bounded frames.
//!
//! Invariant: what does not encode back to the same bytes is refused, so there is one encoding of
//! everything; nothing is decompressed past a limit, and nothing decoded that [`strict`] has not passed.
//!
//! ```text
//! frame: 'G' 'D' | version 1 | form 0 plain, 1 zstd over `hanzi` | length of the structured section (LEB128)
//!        | structured section | raw section
//! ```
//! The raw section holds what does not compress (hashes, signatures, salts): left out of the
//! compressor, it does not spoil the statistics of what does.

use std::io::Read;

use super::{hanzi, strict};
use crate::limits;

/// Why bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a frame of this protocol, or of a version not known here.
    #[error("decode body: not a frame")]
    Frame,
    /// Larger than the limit.
    #[error("decode body: too large")]
    TooLarge,
    /// Not the CBOR that was to come.
    #[error("decode body: not of its form")]
    Form,
    /// CBOR, but not the one encoding of its value.
    #[error("decode body: not canonical")]
    NotCanonical,
    /// A reference to something that is not there.
    #[error("decode body: a reference to nothing")]
    Reference,
}

/// Encodes a value.
pub fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to memory does not fail")
}

/// Decodes a value that is all of `bytes`, in the one encoding of it.
pub fn decode<T>(bytes: &[u8]) -> Result<T, Malformed>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    decode_within(bytes, limits::REQUEST_ITEMS_MAX)
}

/// The same for a value of at most `items_max` data items.
pub fn decode_within<T>(bytes: &[u8], items_max: usize) -> Result<T, Malformed>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    strict::check(bytes, items_max)?;
    let value: T = minicbor::decode(bytes).map_err(|_| Malformed::Form)?;
    if encode(&value) == bytes {
        Ok(value)
    } else {
        Err(Malformed::NotCanonical)
    }
}

/// zstd's level for exchanges of commands.
pub const LEVEL_EXCHANGE: i32 = 3;
/// zstd's level for pages with snapshots.
pub const LEVEL_SNAPSHOTS: i32 = 9;
/// Structured sections below this many bytes travel as they are.
const COMPRESS_FROM_BYTES: usize = 160;

/// Builds a frame.
pub fn frame(structured: &[u8], raw: &[u8], level: i32) -> Vec<u8> {
    let packed = (structured.len() >= COMPRESS_FROM_BYTES)
        .then(|| {
            let rewritten = hanzi::rewrite(structured);
            let packed = compress(&rewritten, level);
            // A reader takes what swells too much for a bomb.
            (rewritten.len() <= swells_to_max(packed.len())).then_some(packed)
        })
        .flatten()
        .filter(|packed| packed.len() < structured.len());
    let (form, section) = packed
        .as_deref()
        .map_or((0, structured), |packed| (1, packed));
    framed(form, section, raw)
}

/// The bytes of a frame of this form, whatever its sections hold.
pub fn framed(form: u8, section: &[u8], raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(section.len() + raw.len() + 8);
    out.extend_from_slice(&[b'G', b'D', 1, form]);
    let mut length = section.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(section);
    out.extend_from_slice(raw);
    out
}

/// What a zstd frame of this length may stand for.
fn swells_to_max(packed_bytes: usize) -> usize {
    packed_bytes
        .saturating_mul(limits::RATIO_MAX)
        .saturating_add(limits::RATIO_FREE_BYTES)
}

fn compress(plain: &[u8], level: i32) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(level).expect("a level of zstd");
    // Length and checksum are elsewhere: in the frame, and in the signatures.
    for parameter in [
        zstd::zstd_safe::CParameter::ContentSizeFlag(false),
        zstd::zstd_safe::CParameter::ChecksumFlag(false),
        zstd::zstd_safe::CParameter::WindowLog(limits::ZSTD_WINDOW_LOG_MAX),
    ] {
        compressor
            .set_parameter(parameter)
            .expect("a parameter of zstd");
    }
    compressor
        .compress(plain)
        .expect("memory for a bounded body")
}

/// How large a body may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// As it travels.
    bytes_max: usize,
    /// Its structured section, decompressed.
    plain_bytes_max: usize,
    /// Data items of that.
    items_max: usize,
}

impl Bounds {
    /// Of what devices send.
    pub const REQUEST: Self = Self {
        bytes_max: limits::REQUEST_BYTES_MAX,
        plain_bytes_max: limits::REQUEST_PLAIN_BYTES_MAX,
        items_max: limits::REQUEST_ITEMS_MAX,
    };
    /// Of what the server answers.
    pub const RESPONSE: Self = Self {
        bytes_max: limits::RESPONSE_BYTES_MAX,
        plain_bytes_max: limits::RESPONSE_BYTES_MAX,
        items_max: limits::RESPONSE_ITEMS_MAX,
    };
}

/// Takes a body apart: the message of its structured section, and its raw section.
pub fn open<T>(body: &[u8], bounds: Bounds) -> Result<(T, &[u8]), Malformed>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    let (structured, raw) = unframe(body, bounds)?;
    Ok((decode_within(&structured, bounds.items_max)?, raw))
}

/// Takes a frame apart: the structured section, decompressed, and the raw one.
pub fn unframe(body: &[u8], bounds: Bounds) -> Result<(Vec<u8>, &[u8]), Malformed> {
    if body.len() > bounds.bytes_max {
        return Err(Malformed::TooLarge);
    }
    let [b'G', b'D', 1, form, rest @ ..] = body else {
        return Err(Malformed::Frame);
    };
    let (length, rest) = take_length(rest)?;
    if length > rest.len() {
        return Err(Malformed::Frame);
    }
    let (section, raw) = rest.split_at(length);
    let structured = match form {
        0 if section.len() > bounds.plain_bytes_max => return Err(Malformed::TooLarge),
        0 => section.to_vec(),
        1 => hanzi::restore(
            &decompress(section, bounds.plain_bytes_max)?,
            bounds.plain_bytes_max,
        )?,
        _ => return Err(Malformed::Frame),
    };
    Ok((structured, raw))
}

fn take_length(bytes: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let mut value = 0usize;
    for (i, byte) in bytes.iter().enumerate().take(4) {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            // One encoding of every length: no padding by a last zero byte.
            return if i > 0 && *byte == 0 {
                Err(Malformed::NotCanonical)
            } else {
                Ok((value, &bytes[i + 1..]))
            };
        }
    }
    Err(Malformed::Frame)
}

/// Decompresses what may come to `plain_bytes_max` once it is restored; the rewriting may be twice as long.
fn decompress(section: &[u8], plain_bytes_max: usize) -> Result<Vec<u8>, Malformed> {
    let limit = (2 * plain_bytes_max).min(swells_to_max(section.len())) as u64;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(section)
        .map_err(|_| Malformed::Frame)?
        .single_frame();
    decoder
        .window_log_max(limits::ZSTD_WINDOW_LOG_MAX)
        .map_err(|_| Malformed::Frame)?;
    let mut out = Vec::new();
    decoder
        .by_ref()
        .take(limit + 1)
        .read_to_end(&mut out)
        .map_err(|_| Malformed::Frame)?;
    if out.len() as u64 > limit {
        return Err(Malformed::TooLarge);
    }
    if decoder.finish().is_empty() {
        Ok(out)
    } else {
        Err(Malformed::Frame)
    }
}

/// Reads fixed-size pieces off a raw section.
pub(crate) struct RawReader<'a>(pub(crate) &'a [u8]);

impl RawReader<'_> {
    /// The next `N` bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed::Form)?;
        self.0 = rest;
        Ok(*head)
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed::NotCanonical)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn frames_come_apart_as_they_were_put_together() {
        for (structured, raw) in [
            (vec![], vec![]),
            (vec![7; 100], vec![1, 2]),
            (vec![7; 100_000], vec![9; 640]),
        ] {
            let body = frame(&structured, &raw, LEVEL_EXCHANGE);
            let apart = unframe(&body, Bounds::REQUEST).unwrap();
            assert_eq!(apart, (structured, raw.as_slice()));
        }
    }

    #[test]
    fn a_frame_that_swells_past_the_limit_is_refused() {
        // Not one byte over and over: that is the next test's.
        let swelling = |length: usize| -> Vec<u8> {
            (0..length)
                .map(|at| (((at as u64 * 0x9e37_79b9) >> 24) % 7) as u8)
                .collect()
        };
        for bounds in [Bounds::REQUEST, Bounds::RESPONSE] {
            let at = swelling(bounds.plain_bytes_max);
            let body = frame(&at, &[], 3);
            assert!(body.len() < at.len() / 2, "it swells");
            assert_eq!(unframe(&body, bounds).unwrap().0.len(), at.len());
            let past = frame(&swelling(bounds.plain_bytes_max + 1), &[], 3);
            assert_eq!(unframe(&past, bounds), Err(Malformed::TooLarge));
        }
    }

    #[test]
    fn a_frame_that_swells_past_the_ratio_is_refused_before_it_is_whole() {
        let free = vec![0; limits::RATIO_FREE_BYTES];
        let body = frame(&free, &[], 3);
        assert_eq!(unframe(&body, Bounds::REQUEST).unwrap().0, free);
        let plain = vec![0; limits::REQUEST_PLAIN_BYTES_MAX];
        let packed = compress(&plain, 3);
        assert!(packed.len() < 1_000, "it swells");
        assert_eq!(
            decompress(&packed, plain.len()),
            Err(Malformed::TooLarge),
            "{} bytes",
            packed.len()
        );
        // Ours does not send such.
        let body = frame(&plain[..plain.len() - 10], &[], 3);
        assert!(unframe(&body, Bounds::REQUEST).is_ok());
    }

    #[test]
    fn an_uncompressed_section_past_the_limit_is_refused() {
        let frame_of = |length: usize| {
            let mut body = vec![b'G', b'D', 1, 0];
            let leb = [
                length & 0x7f,
                length >> 7 & 0x7f,
                length >> 14 & 0x7f,
                length >> 21,
            ];
            body.extend(
                leb.iter()
                    .enumerate()
                    .map(|(n, b)| *b as u8 | if n < 3 { 0x80 } else { 0 }),
            );
            body.resize(body.len() + length, 0);
            body
        };
        let within = Bounds {
            bytes_max: usize::MAX,
            ..Bounds::REQUEST
        };
        assert!(unframe(&frame_of(limits::REQUEST_PLAIN_BYTES_MAX), within).is_ok());
        let past = frame_of(limits::REQUEST_PLAIN_BYTES_MAX + 1);
        assert_eq!(unframe(&past, within), Err(Malformed::TooLarge));
    }

    #[test]
    fn other_bytes_are_no_frame() {
        for bad in [
            &b""[..],
            b"GD",
            b"GD\x02\x00\x00",
            b"GD\x01\x05\x00",
            b"GD\x01\x00\x05ab",
            b"GD\x01\x01\x03abc",
            b"GD\x01\x00\x80\x00",
        ] {
            assert!(unframe(bad, Bounds::REQUEST).is_err(), "{bad:?}");
        }
        let mut trailing = frame(&[7; 1000], &[], 3);
        let length = trailing.len();
        trailing[4] += 1;
        trailing.push(0);
        assert!(
            trailing.len() == length + 1 && unframe(&trailing, Bounds::REQUEST).is_err(),
            "bytes after the zstd frame"
        );
    }

    #[test]
    fn there_is_one_encoding_of_everything() {
        assert_eq!(decode::<u32>(&[0x05]), Ok(5));
        assert_eq!(decode::<u32>(&[0x18, 0x05]), Err(Malformed::NotCanonical));
        assert_eq!(decode::<u32>(&[0x05, 0x00]), Err(Malformed::NotCanonical));
        assert_eq!(
            decode::<Vec<u32>>(&[0x9f, 0x05, 0xff]),
            Err(Malformed::NotCanonical),
            "indefinite length"
        );
    }
}
