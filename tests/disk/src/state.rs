//! What a disk holds: of each file what programs see, what is durable, and the writes between the two.
//!
//! Invariant: `visible` is `durable` with everything in `unsynced` done, but for what a sync that failed has lost.

use std::collections::BTreeMap;

use crate::locks::Locks;

/// Names a file beyond its name's life.
pub(crate) type FileId = u64;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes; the seed decides what of the unsynced writes survives.
    PowerCut(u64),
    /// This one operation fails; a write may have been done in part, a sync may have lost any of its writes for good.
    Error(u64),
    /// From here on no file grows any more, until [`crate::Disk::disarm`].
    Full,
}

/// Operations that could be struck.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Points {
    /// Writes.
    pub writes: u64,
    /// Truncations.
    pub truncations: u64,
    /// Syncs.
    pub syncs: u64,
    /// Deletions of a file.
    pub deletions: u64,
}

impl Points {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.writes + self.truncations + self.syncs + self.deletions
    }
}

/// Why an operation was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    Off,
    Error,
    Full,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write(to, *at, bytes),
            Self::Truncate { length } => to.truncate(*length),
        }
    }
}

fn write(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[at..end].copy_from_slice(bytes);
}

/// A region of shared memory; SQLite wants it aligned and never moved.
pub(crate) type Region = Box<[u64]>;

/// A file.
#[derive(Default)]
pub(crate) struct File {
    pub(crate) visible: Vec<u8>,
    durable: Vec<u8>,
    /// Its name survives a power cut.
    named: bool,
    unsynced: Vec<Change>,
    pub(crate) locks: Locks,
    pub(crate) memory: Vec<Region>,
}

/// A disk.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<FileId, File>,
    names: BTreeMap<String, FileId>,
    /// Deletions that nothing made durable.
    deleted: BTreeMap<String, FileId>,
    next: FileId,
    off: bool,
    /// Power cuts so far: what was opened before the last is broken.
    pub(crate) generation: u64,
    armed: Option<(u64, Fault)>,
    struck: bool,
    full: bool,
    points: Points,
    /// Shared memory of before a power cut: connections of then may still look at it.
    old_memory: Vec<Region>,
}

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % n.max(1) as u64).unwrap_or_default()
    }
}

/// How much of the unsynced writes a power cut or a failed sync leaves.
#[derive(Clone, Copy)]
enum Survives {
    Nothing,
    All,
    Some,
}

impl File {
    /// What is left of the unsynced writes is durable, the rest is lost for good.
    fn decide(&mut self, survives: Survives, random: &mut Random) {
        for change in std::mem::take(&mut self.unsynced) {
            let fate = match survives {
                Survives::Nothing => 0,
                Survives::All => 1,
                Survives::Some => random.below(3),
            };
            match (fate, change) {
                (0, _) => {}
                (2, Change::Write { at, bytes }) => {
                    let torn = random.below(bytes.len());
                    write(&mut self.durable, at, &bytes[..torn]);
                }
                (_, change) => change.apply(&mut self.durable),
            }
        }
    }
}

impl State {
    /// The named files as they are now, all of it durable, under names that begin with `to` instead of `from`.
    pub(crate) fn copied(&self, from: &str, to: &str) -> Self {
        let mut copy = Self::default();
        for (name, id) in &self.names {
            let (Some(file), Some(rest)) = (self.files.get(id), name.strip_prefix(from)) else {
                continue;
            };
            let id = copy.create(Some(&format!("{to}{rest}")));
            let new = File {
                visible: file.visible.clone(),
                durable: file.visible.clone(),
                named: true,
                ..File::default()
            };
            copy.files.insert(id, new);
        }
        copy
    }

    pub(crate) fn arm(&mut self, at: u64, fault: Fault) {
        self.points = Points::default();
        self.armed = Some((at, fault));
        self.struck = false;
    }

    pub(crate) fn disarm(&mut self) -> Points {
        self.armed = None;
        self.full = false;
        self.points
    }

    pub(crate) fn has_struck(&self) -> bool {
        self.struck
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off
    }

    /// The file of this name.
    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    /// A new, empty file; without a name it is nobody's but its opener's.
    pub(crate) fn create(&mut self, name: Option<&str>) -> FileId {
        self.next += 1;
        self.files.insert(self.next, File::default());
        if let Some(name) = name {
            self.deleted.remove(name);
            self.names.insert(name.to_owned(), self.next);
        }
        self.next
    }

    /// What happens now, one point further.
    fn strike(&mut self) -> Option<Fault> {
        let (at, fault) = self.armed?;
        if self.points.all() < at || (self.struck && fault != Fault::Full) {
            return None;
        }
        if fault == Fault::Full {
            self.full = true;
            return None;
        }
        self.struck = true;
        Some(fault)
    }

    /// Writes to a file whose operations are points.
    pub(crate) fn write(&mut self, id: FileId, at: usize, bytes: &[u8]) -> Result<(), Failed> {
        self.points.writes += 1;
        let fault = self.strike();
        let file = self.files.get_mut(&id).ok_or(Failed::Error)?;
        let grows = at + bytes.len() > file.visible.len();
        let (done, result) = match fault {
            Some(Fault::Error(seed)) => {
                let torn = Random(seed).below(bytes.len() + 1);
                (&bytes[..torn], Err(Failed::Error))
            }
            _ if self.full && grows => {
                self.struck = true;
                return Err(Failed::Full);
            }
            _ => (bytes, Ok(())),
        };
        write(&mut file.visible, at, done);
        file.unsynced.push(Change::Write {
            at,
            bytes: done.to_vec(),
        });
        self.cut_by(fault)?;
        result
    }

    /// Cuts a file that is longer.
    pub(crate) fn truncate(&mut self, id: FileId, length: usize) -> Result<(), Failed> {
        self.points.truncations += 1;
        let fault = self.strike();
        if matches!(fault, Some(Fault::Error(_))) {
            return Err(Failed::Error);
        }
        let file = self.files.get_mut(&id).ok_or(Failed::Error)?;
        file.visible.truncate(length);
        file.unsynced.push(Change::Truncate { length });
        self.cut_by(fault)
    }

    /// Makes a file durable.
    pub(crate) fn sync(&mut self, id: FileId) -> Result<(), Failed> {
        self.points.syncs += 1;
        let fault = self.strike();
        self.cut_by(fault)?;
        let file = self.files.get_mut(&id).ok_or(Failed::Error)?;
        if let Some(Fault::Error(seed)) = fault {
            // As systems do it: what could not be written is not tried again, and reads as if it were there.
            file.decide(Survives::Some, &mut Random(seed));
            return Err(Failed::Error);
        }
        for change in std::mem::take(&mut file.unsynced) {
            change.apply(&mut file.durable);
        }
        if !std::mem::replace(&mut file.named, true) {
            // SQLite syncs the folder with a file that it made: what its names are now they stay.
            self.deleted.clear();
            for id in self.names.values() {
                if let Some(file) = self.files.get_mut(id) {
                    file.named = true;
                }
            }
        }
        Ok(())
    }

    /// Takes a name away; `durably` says whether the folder is synced.
    pub(crate) fn delete(&mut self, name: &str, durably: bool) -> Result<(), Failed> {
        self.points.deletions += 1;
        let fault = self.strike();
        if matches!(fault, Some(Fault::Error(_))) {
            return Err(Failed::Error);
        }
        if let Some(id) = self.names.remove(name)
            && !durably
        {
            self.deleted.insert(name.to_owned(), id);
        }
        self.cut_by(fault)
    }

    fn cut_by(&mut self, fault: Option<Fault>) -> Result<(), Failed> {
        match fault {
            Some(Fault::PowerCut(seed)) => {
                self.cut(seed);
                Err(Failed::Off)
            }
            _ => Ok(()),
        }
    }

    fn cut(&mut self, seed: u64) {
        let mut random = Random(seed);
        let survives = match random.below(4) {
            0 => Survives::Nothing,
            1 => Survives::All,
            _ => Survives::Some,
        };
        self.off = true;
        for (name, id) in std::mem::take(&mut self.deleted) {
            if random.below(2) == 0 {
                self.names.insert(name, id);
            }
        }
        for file in self.files.values_mut() {
            file.decide(survives, &mut random);
        }
        let files = &self.files;
        self.names.retain(|_, id| {
            files
                .get(id)
                .is_some_and(|file| file.named || random.below(2) == 0)
        });
    }

    pub(crate) fn restore_power(&mut self) {
        self.off = false;
        self.generation += 1;
        let kept: Vec<FileId> = self.names.values().copied().collect();
        for (id, file) in &mut self.files {
            self.old_memory.append(&mut file.memory);
            file.locks = Locks::default();
            if kept.contains(id) {
                file.visible = file.durable.clone();
            }
        }
        self.files.retain(|id, _| kept.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(survivors: impl Fn(u64) -> Vec<u8>) -> Vec<Vec<u8>> {
        let mut seen: Vec<Vec<u8>> = (0..200).map(survivors).collect();
        seen.sort();
        seen.dedup();
        seen
    }

    fn cut_after(seed: u64, synced: bool) -> Vec<u8> {
        let mut state = State::default();
        let id = state.create(Some("a"));
        state.write(id, 0, b"old").expect("a write");
        state.sync(id).expect("a sync");
        state.arm(if synced { 3 } else { 2 }, Fault::PowerCut(seed));
        state.write(id, 0, b"new").expect("a write");
        let cut = if synced {
            state.sync(id).expect("a sync");
            state.write(id, 3, b"!")
        } else {
            state.sync(id)
        };
        assert_eq!(cut, Err(Failed::Off));
        state.restore_power();
        state.files[&id].visible.clone()
    }

    #[test]
    fn what_is_not_synced_survives_whole_torn_or_not_at_all() {
        let seen = written(|seed| cut_after(seed, false));
        // Torn is 'n', 'ne' or nothing of it over what was there.
        assert_eq!(seen, [b"ned", b"new", b"nld", b"old"].map(|s| s.to_vec()));
    }

    #[test]
    fn what_is_synced_survives() {
        let seen = written(|seed| cut_after(seed, true));
        assert!(seen.iter().all(|bytes| bytes.starts_with(b"new")));
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn a_sync_that_failed_may_have_lost_its_writes_though_they_are_read() {
        let lost = |seed| {
            let mut state = State::default();
            let id = state.create(Some("a"));
            state.sync(id).expect("a sync");
            state.arm(2, Fault::Error(seed));
            state.write(id, 0, b"new").expect("a write");
            assert_eq!(state.sync(id), Err(Failed::Error));
            assert_eq!(state.files[&id].visible, b"new");
            state.sync(id).expect("a sync");
            state.arm(1, Fault::PowerCut(1));
            assert_eq!(state.sync(id), Err(Failed::Off));
            state.restore_power();
            state.files[&id].visible.clone()
        };
        assert_eq!(written(lost).first().map(Vec::len), Some(0));
    }

    #[test]
    fn a_copy_is_durable_and_goes_its_own_way() {
        let mut state = State::default();
        let id = state.create(Some("/a/db"));
        state.write(id, 0, b"old").expect("a write");
        let mut copy = state.copied("/a", "/b");
        assert_eq!(copy.find("/a/db"), None);
        let id = copy.find("/b/db").expect("the copied file");
        copy.arm(1, Fault::PowerCut(3));
        assert_eq!(copy.sync(id), Err(Failed::Off));
        copy.restore_power();
        assert_eq!(copy.files[&id].visible, b"old");
        copy.write(id, 0, b"new").expect("a write");
        assert_eq!(state.files[&1].visible, b"old");
    }

    #[test]
    fn a_full_disk_takes_what_does_not_grow() {
        let mut state = State::default();
        let id = state.create(Some("a"));
        state.write(id, 0, b"abc").expect("a write");
        state.arm(1, Fault::Full);
        assert_eq!(state.write(id, 0, b"xyz"), Ok(()));
        assert_eq!(state.write(id, 1, b"xyz"), Err(Failed::Full));
        state.disarm();
        assert_eq!(state.write(id, 1, b"xyz"), Ok(()));
    }
}
