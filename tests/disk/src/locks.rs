//! Locks on a file and on the slots of its shared memory, as `xLock` and `xShmLock` define them.
//!
//! Invariant: a handle that is gone holds nothing.

use rusqlite::ffi;

/// Slots of a write-ahead log's shared memory.
const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// Names an open file.
pub(crate) type HandleId = u64;

/// Who holds what on one file.
#[derive(Default)]
pub(crate) struct Locks {
    levels: Vec<(HandleId, i32)>,
    slots: [Slot; SLOTS],
}

#[derive(Default)]
struct Slot {
    exclusive: Option<HandleId>,
    shared: Vec<HandleId>,
}

impl Locks {
    fn level(&self, who: HandleId) -> i32 {
        let mine = self.levels.iter().find(|(id, _)| *id == who);
        mine.map_or(ffi::SQLITE_LOCK_NONE, |(_, level)| *level)
    }

    fn set(&mut self, who: HandleId, level: i32) {
        self.levels.retain(|(id, _)| *id != who);
        if level > ffi::SQLITE_LOCK_NONE {
            self.levels.push((who, level));
        }
    }

    /// The highest level that somebody else holds.
    fn others(&self, who: HandleId) -> i32 {
        let others = self.levels.iter().filter(|(id, _)| *id != who);
        others.map(|(_, level)| *level).max().unwrap_or_default()
    }

    /// Raises to `level`; false where somebody else is in the way.
    pub(crate) fn raise(&mut self, who: HandleId, level: i32) -> bool {
        if self.level(who) >= level {
            return true;
        }
        let others = self.others(who);
        let free = match level {
            ffi::SQLITE_LOCK_SHARED => others < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => others < ffi::SQLITE_LOCK_RESERVED,
            _ => others == ffi::SQLITE_LOCK_NONE,
        };
        if free {
            self.set(who, level);
        } else if level == ffi::SQLITE_LOCK_EXCLUSIVE && others < ffi::SQLITE_LOCK_PENDING {
            // Nobody new comes in while it waits for those that read.
            self.set(who, ffi::SQLITE_LOCK_PENDING);
        }
        free
    }

    /// Lowers to `level`.
    pub(crate) fn lower(&mut self, who: HandleId, level: i32) {
        if self.level(who) > level {
            self.set(who, level);
        }
    }

    /// Whether anybody means to write.
    pub(crate) fn is_reserved(&self) -> bool {
        let mut levels = self.levels.iter();
        levels.any(|(_, level)| *level >= ffi::SQLITE_LOCK_RESERVED)
    }

    /// Takes or gives back `count` slots from `first`, by the flags of `xShmLock`; false where somebody else is
    /// in the way.
    pub(crate) fn slots(&mut self, who: HandleId, first: usize, count: usize, flags: i32) -> bool {
        let slots = &mut self.slots[first..first + count];
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            for slot in slots {
                slot.free(who, exclusive);
            }
            return true;
        }
        if !slots.iter().all(|slot| slot.is_free_for(who, exclusive)) {
            return false;
        }
        for slot in slots {
            if exclusive {
                slot.exclusive = Some(who);
            } else if !slot.shared.contains(&who) {
                slot.shared.push(who);
            }
        }
        true
    }

    /// All that `who` holds is free.
    pub(crate) fn forget(&mut self, who: HandleId) {
        self.set(who, ffi::SQLITE_LOCK_NONE);
        for slot in &mut self.slots {
            slot.free(who, true);
            slot.free(who, false);
        }
    }
}

impl Slot {
    fn is_free_for(&self, who: HandleId, exclusive: bool) -> bool {
        self.exclusive.is_none_or(|id| id == who)
            && (!exclusive || self.shared.iter().all(|id| *id == who))
    }

    fn free(&mut self, who: HandleId, exclusive: bool) {
        if exclusive {
            self.exclusive = self.exclusive.filter(|id| *id != who);
        } else {
            self.shared.retain(|id| *id != who);
        }
    }
}
