#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sha2::{Digest, Sha256};

use super::stream::PIECE_BYTES;
use super::*;
use crate::testing;

const PASSPHRASE: &str = "十二个字以上的一句话才行";
const ENTROPY: FileEntropy = FileEntropy {
    salt: [1; 16],
    nonce: [2; 19],
};

fn blobs() -> Vec<Vec<u8>> {
    [0, 1, PIECE_BYTES, 3 * PIECE_BYTES + 7]
        .map(|length| (0..length).map(|n| (n % 253) as u8).collect())
        .into()
}

fn manifest(blobs: &[Vec<u8>]) -> Manifest {
    Manifest {
        device: DeviceId::from_bytes([1; 16]),
        person: testing::person("W001"),
        at: testing::at(0),
        changesets: Vec::new(),
        blobs: blobs
            .iter()
            .map(|bytes| RescuedBlob {
                hash: BlobHash(Sha256::digest(bytes).into()),
                ticket: testing::ticket(1),
                media_type: "image/jpeg".to_owned(),
                bytes: bytes.len() as u64,
            })
            .collect(),
    }
}

fn file(blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), PASSPHRASE, ENTROPY, &manifest(blobs)).unwrap();
    for bytes in blobs {
        writer.blob_bytes(bytes).unwrap();
    }
    writer.finish().unwrap()
}

fn read(file: &[u8], passphrase: &str) -> Result<(Manifest, Vec<Vec<u8>>), RescueError> {
    let mut reader = Reader::open(file, passphrase)?;
    let mut blobs = Vec::new();
    while let Some((_, bytes)) = reader.next_blob()? {
        blobs.push(bytes);
    }
    Ok((reader.manifest().clone(), blobs))
}

#[test]
fn a_file_reads_back_with_its_passphrase_alone() {
    let blobs = blobs();
    let file = file(&blobs);
    assert_eq!(read(&file, PASSPHRASE).unwrap(), (manifest(&blobs), blobs));
    let other = read(&file, "十二个字以上的一句话不行");
    assert!(matches!(other, Err(RescueError::WrongPassphrase)));
}

#[test]
fn a_file_that_was_cut_off_lengthened_or_changed_is_refused() {
    let blobs = blobs();
    let whole = file(&blobs);
    // In the header, in each piece, at the borders of pieces, at the end.
    let piece = PIECE_BYTES + 16;
    for at in [
        0,
        20,
        60,
        56 + piece,
        56 + piece - 1,
        56 + 2 * piece,
        whole.len() - 1,
    ] {
        assert!(read(&whole[..at], PASSPHRASE).is_err(), "cut at {at}");
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(read(&changed, PASSPHRASE).is_err(), "changed at {at}");
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert!(read(&longer, PASSPHRASE).is_err());
    let mut swapped = whole.clone();
    swapped[56..56 + piece].copy_from_slice(&whole[56 + piece..56 + 2 * piece]);
    assert!(read(&swapped, PASSPHRASE).is_err());
}

#[test]
fn what_is_no_rescue_file_or_costs_too_much_is_refused_before_the_work() {
    assert!(matches!(read(b"", PASSPHRASE), Err(RescueError::NotOne)));
    assert!(matches!(
        read(&[7; 100], PASSPHRASE),
        Err(RescueError::NotOne)
    ));
    let mut file = file(&[]);
    file[8] = 2;
    assert!(matches!(
        read(&file, PASSPHRASE),
        Err(RescueError::Version(2))
    ));
    file[8] = 1;
    file[9] = 0xff;
    assert!(matches!(
        read(&file, PASSPHRASE),
        Err(RescueError::TooLarge)
    ));
}

#[test]
fn a_passphrase_of_eleven_characters_is_too_short() {
    let write = |passphrase| Writer::new(Vec::new(), passphrase, ENTROPY, &manifest(&[])).err();
    assert!(
        write("十二个字以上的一句话才").is_some_and(|e| matches!(e, RescueError::WeakPassphrase))
    );
    assert!(write(PASSPHRASE).is_none());
}

#[test]
fn bytes_that_the_manifest_does_not_name_are_not_written_and_none_are_left_out() {
    let blobs = vec![vec![1, 2, 3]];
    let mut writer = Writer::new(Vec::new(), PASSPHRASE, ENTROPY, &manifest(&blobs)).unwrap();
    writer.blob_bytes(&[1, 2]).unwrap();
    assert!(writer.blob_bytes(&[3, 4]).is_err());
    let mut writer = Writer::new(Vec::new(), PASSPHRASE, ENTROPY, &manifest(&blobs)).unwrap();
    writer.blob_bytes(&[1, 2]).unwrap();
    assert!(writer.finish().is_err());
}
