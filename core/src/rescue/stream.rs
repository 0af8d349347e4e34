//! A stream of bytes under a passphrase: Argon2id (RFC 9106) gives the key, XChaCha20-Poly1305 in the STREAM
//! construction encrypts pieces of 64 KiB, of which the last is marked as such.
//!
//! ```text
//! 'GDRESCUE' | version 1 | memory KiB (4) | passes (4) | lanes (4) | salt (16) | nonce (19) | pieces
//! ```
//! All but the pieces is authenticated with each of them. Numbers are big-endian.

use std::io::{self, Read, Write};

use aead_stream::{DecryptorBE32, EncryptorBE32};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::Payload;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::{FileEntropy, RescueError};

const MAGIC: &[u8; 8] = b"GDRESCUE";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 8 + 1 + 12 + 16 + 19;
/// Plain bytes of a piece.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

/// Cost of the derivation: 64 MiB, 3 passes, what RFC 9106 gives for little memory.
const COST: Cost = Cost {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 4,
};
/// What a reader does at most for a file that it knows nothing of.
const COST_MAX: Cost = Cost {
    memory_kib: 256 * 1024,
    passes: 10,
    lanes: 8,
};

#[derive(Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

fn cipher(passphrase: &str, salt: &[u8], cost: Cost) -> Result<XChaCha20Poly1305, RescueError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| RescueError::Malformed)?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key)
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    Ok(XChaCha20Poly1305::new(&key.into()))
}

fn header(cost: Cost, entropy: FileEntropy) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8] = VERSION;
    header[9..13].copy_from_slice(&cost.memory_kib.to_be_bytes());
    header[13..17].copy_from_slice(&cost.passes.to_be_bytes());
    header[17..21].copy_from_slice(&cost.lanes.to_be_bytes());
    header[21..37].copy_from_slice(&entropy.salt);
    header[37..].copy_from_slice(&entropy.nonce);
    header
}

/// Encrypts what is written to it.
pub(super) struct Sealer<W: Write> {
    out: W,
    header: [u8; HEADER_BYTES],
    cipher: EncryptorBE32<XChaCha20Poly1305>,
    /// Plain bytes of the piece that is being filled; a full one waits, for it may be the last.
    piece: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    pub(super) fn new(
        mut out: W,
        passphrase: &str,
        entropy: FileEntropy,
    ) -> Result<Self, RescueError> {
        let header = header(COST, entropy);
        let cipher = cipher(passphrase, &entropy.salt, COST)?;
        out.write_all(&header)?;
        Ok(Self {
            out,
            header,
            cipher: EncryptorBE32::from_aead(cipher, &entropy.nonce.into()),
            piece: Vec::with_capacity(PIECE_BYTES),
        })
    }

    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.piece.len() == PIECE_BYTES {
                let payload = Payload {
                    msg: &self.piece,
                    aad: &self.header,
                };
                let sealed = self.cipher.encrypt_next(payload).map_err(too_long)?;
                self.out.write_all(&sealed)?;
                self.piece.clear();
            }
            let (now, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        let payload = Payload {
            msg: &self.piece,
            aad: &self.header,
        };
        let sealed = self.cipher.encrypt_last(payload).map_err(too_long)?;
        self.out.write_all(&sealed)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn too_long(_: aead_stream::aead::Error) -> io::Error {
    io::Error::from(io::ErrorKind::FileTooLarge)
}

/// Gives out what a [`Sealer`] was given, piece by authenticated piece.
pub(super) struct Opener<R: Read> {
    input: R,
    header: [u8; HEADER_BYTES],
    /// Nothing after the last piece.
    cipher: Option<DecryptorBE32<XChaCha20Poly1305>>,
    /// The encrypted piece that was read ahead: what follows it tells whether it is the last.
    ahead: Vec<u8>,
    piece: Vec<u8>,
    /// Bytes of `piece` given out.
    given: usize,
}

impl<R: Read> Opener<R> {
    pub(super) fn new(mut input: R, passphrase: &str) -> Result<Self, RescueError> {
        let mut header = [0; HEADER_BYTES];
        input
            .read_exact(&mut header)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => RescueError::NotOne,
                _ => error.into(),
            })?;
        if header[..8] != *MAGIC {
            return Err(RescueError::NotOne);
        }
        if header[8] != VERSION {
            return Err(RescueError::Version(header[8]));
        }
        let number = |at: usize| {
            let bytes = header[at..at + 4].try_into().unwrap_or_default();
            u32::from_be_bytes(bytes)
        };
        let cost = Cost {
            memory_kib: number(9),
            passes: number(13),
            lanes: number(17),
        };
        if cost.memory_kib > COST_MAX.memory_kib
            || cost.passes > COST_MAX.passes
            || cost.lanes > COST_MAX.lanes
        {
            return Err(RescueError::TooLarge);
        }
        let cipher = cipher(passphrase, &header[21..37], cost)?;
        let nonce: [u8; 19] = header[37..]
            .try_into()
            .map_err(|_| RescueError::Malformed)?;
        let ahead = read_piece(&mut input)?;
        Ok(Self {
            input,
            header,
            cipher: Some(DecryptorBE32::from_aead(cipher, &nonce.into())),
            ahead,
            piece: Vec::new(),
            given: 0,
        })
    }

    /// Fills `piece` with the next one; `false` after the last.
    fn advance(&mut self) -> Result<bool, RescueError> {
        let Some(mut cipher) = self.cipher.take() else {
            return Ok(false);
        };
        let next = read_piece(&mut self.input)?;
        let sealed = std::mem::replace(&mut self.ahead, next);
        let payload = Payload {
            msg: &sealed,
            aad: &self.header,
        };
        self.piece = if self.ahead.is_empty() {
            cipher.decrypt_last(payload)
        } else {
            let opened = cipher.decrypt_next(payload);
            self.cipher = Some(cipher);
            opened
        }
        .map_err(|_| RescueError::WrongPassphrase)?;
        self.given = 0;
        Ok(true)
    }

    pub(super) fn take_exact(&mut self, out: &mut [u8]) -> Result<(), RescueError> {
        let mut filled = 0;
        while filled < out.len() {
            if self.given == self.piece.len() {
                if !self.advance()? {
                    return Err(RescueError::Malformed);
                }
                continue;
            }
            let now = (out.len() - filled).min(self.piece.len() - self.given);
            out[filled..filled + now].copy_from_slice(&self.piece[self.given..self.given + now]);
            filled += now;
            self.given += now;
        }
        Ok(())
    }

    /// Nothing may be left, and the last piece must have been seen.
    pub(super) fn expect_end(&mut self) -> Result<(), RescueError> {
        while self.given == self.piece.len() {
            if !self.advance()? {
                return Ok(());
            }
        }
        Err(RescueError::Malformed)
    }
}

fn read_piece(input: &mut impl Read) -> Result<Vec<u8>, RescueError> {
    let mut piece = Vec::with_capacity(PIECE_BYTES + TAG_BYTES);
    let limit = (PIECE_BYTES + TAG_BYTES) as u64;
    input.by_ref().take(limit).read_to_end(&mut piece)?;
    Ok(piece)
}
