//! Damage to a file: what a disk, a broken copy or somebody with an editor does to it.

use arbitrary::{Result, Unstructured};

const PAGE: usize = 4096;

/// A damaged copy of `sound`, and what lies beside it as its write-ahead log, if anything.
pub fn damaged(sound: &[u8], data: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut bytes = sound.to_vec();
    let mut u = Unstructured::new(data);
    let mut log = None;
    // Bytes that run out end the damage.
    let _ended = strike(&mut bytes, &mut log, &mut u);
    (bytes, log)
}

fn strike(bytes: &mut Vec<u8>, log: &mut Option<Vec<u8>>, u: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..16 {
        if u.is_empty() || bytes.is_empty() {
            break;
        }
        let kind: u8 = u.int_in_range(0..=7)?;
        let at = u.arbitrary::<u32>()? as usize % bytes.len();
        let page = at / PAGE * PAGE..(at / PAGE * PAGE + PAGE).min(bytes.len());
        match kind {
            0..=2 => bytes[at] ^= u.arbitrary::<u8>()?.max(1),
            3 => {
                let new = u.bytes(u.len().min(32))?;
                let end = (at + new.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&new[..end - at]);
            }
            4 => bytes[page].fill(0),
            5 => {
                let from = u.arbitrary::<u32>()? as usize % bytes.len() / PAGE * PAGE;
                let other = bytes[from..(from + page.len()).min(bytes.len())].to_vec();
                bytes[page.start..page.start + other.len()].copy_from_slice(&other);
            }
            6 => bytes.truncate(at),
            _ => *log = Some(u.bytes(u.len().min(4 * PAGE))?.to_vec()),
        }
    }
    Ok(())
}
