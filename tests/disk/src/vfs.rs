//! The disk as SQLite's virtual file system.
//!
//! Invariant: a pointer that SQLite hands in is what its interface promises (<https://sqlite.org/c3ref/vfs.html>,
//! <https://sqlite.org/c3ref/io_methods.html>): that is what every `unsafe` below rests on. Shared memory stays
//! where it is until its disk is gone, and a connection keeps its disk.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::ffi;

use crate::state::{Failed, FileId, Region, State};
use crate::{Shared, disk_of, lock};

/// Longest name of a file.
const NAME_BYTES_MAX: c_int = 1_024;
static NAME: &CStr = c"gongdan-disk";
static HANDLES: AtomicU64 = AtomicU64::new(1);

/// Makes the disks in memory the default of every connection that this process opens from now on.
///
/// # Panics
/// SQLite does not take it.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite is told of a structure that is never freed.
        let code = unsafe {
            ffi::sqlite3_initialize();
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            let mut vfs: ffi::sqlite3_vfs = std::mem::zeroed();
            vfs.iVersion = 2;
            vfs.szOsFile = c_int::try_from(size_of::<Handle>()).unwrap_or(c_int::MAX);
            vfs.mxPathname = NAME_BYTES_MAX;
            vfs.zName = NAME.as_ptr();
            // Time and randomness are the system's own.
            vfs.pAppData = system.cast();
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            vfs.xAccess = Some(access);
            vfs.xFullPathname = Some(full_path_name);
            vfs.xRandomness = Some(randomness);
            vfs.xSleep = Some(sleep);
            vfs.xCurrentTime = Some(current_time);
            vfs.xCurrentTimeInt64 = Some(current_time_millis);
            ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 1)
        };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes a file system");
    });
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock_file),
    xUnlock: Some(unlock_file),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// What SQLite keeps of an open file.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

struct Open {
    disk: Shared,
    file: FileId,
    id: u64,
    generation: u64,
    /// Its operations are points; those on temporary files are not.
    counts: bool,
}

impl Open {
    /// Works on the disk, if it has not lost power since this was opened.
    fn on<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, Failed> {
        let mut state = lock(&self.disk);
        if state.is_off() || state.generation != self.generation {
            return Err(Failed::Off);
        }
        Ok(work(&mut state))
    }
}

/// The open file behind what SQLite hands in.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a Open {
    // SAFETY: SQLite hands in what `open` filled, before `close`.
    unsafe { &*(*file.cast::<Handle>()).open }
}

unsafe fn text<'a>(name: *const c_char) -> &'a str {
    // SAFETY: SQLite's names end in a zero. Ours are UTF-8.
    unsafe { CStr::from_ptr(name) }.to_str().unwrap_or_default()
}

fn code(result: Result<(), Failed>, error: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Failed::Full) => ffi::SQLITE_FULL,
        Err(Failed::Error | Failed::Off) => error,
    }
}

fn place(offset: i64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: see the module.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let name = (!name.is_null()).then(|| text(name));
        let disk = disk_of(name.unwrap_or_default());
        let durable =
            ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
        let mut state = lock(&disk);
        if state.is_off() {
            return ffi::SQLITE_CANTOPEN;
        }
        let id = match name.and_then(|name| state.find(name)) {
            Some(id) => id,
            None if flags & ffi::SQLITE_OPEN_CREATE != 0 || name.is_none() => state.create(name),
            None => return ffi::SQLITE_CANTOPEN,
        };
        let open = Open {
            file: id,
            id: HANDLES.fetch_add(1, Ordering::Relaxed),
            generation: state.generation,
            counts: flags & durable != 0,
            disk: disk.clone(),
        };
        drop(state);
        let handle = file.cast::<Handle>();
        (*handle).open = Box::into_raw(Box::new(open));
        (*handle).base.pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see the module; SQLite closes a file once.
    let open = unsafe {
        (*file).pMethods = std::ptr::null();
        Box::from_raw((*file.cast::<Handle>()).open)
    };
    let _gone = open.on(|state| {
        if let Some(file) = state.files.get_mut(&open.file) {
            file.locks.forget(open.id);
        }
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    count: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: see the module: `to` has room for `count` bytes.
    let (open, to) = unsafe {
        let to = std::slice::from_raw_parts_mut(to.cast::<u8>(), count as usize);
        (opened(file), to)
    };
    let found = open.on(|state| {
        let bytes = state.files.get(&open.file).map(|file| &file.visible[..]);
        let rest = bytes.and_then(|bytes| bytes.get(place(offset)..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(to.len());
        to[..count].copy_from_slice(&rest[..count]);
        to[count..].fill(0);
        count
    });
    match found {
        Ok(count) if count == to.len() => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: see the module: `from` has `count` bytes.
    let (open, from) = unsafe {
        let from = std::slice::from_raw_parts(from.cast::<u8>(), count as usize);
        (opened(file), from)
    };
    let done = open.on(|state| {
        if open.counts {
            return state.write(open.file, place(offset), from);
        }
        let file = state.files.get_mut(&open.file).ok_or(Failed::Error)?;
        let (at, end) = (place(offset), place(offset) + from.len());
        if file.visible.len() < end {
            file.visible.resize(end, 0);
        }
        file.visible[at..end].copy_from_slice(from);
        Ok(())
    });
    code(done.flatten(), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let done = open.on(|state| {
        if open.counts {
            return state.truncate(open.file, place(length));
        }
        if let Some(file) = state.files.get_mut(&open.file) {
            file.visible.truncate(place(length));
        }
        Ok(())
    });
    code(done.flatten(), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let done = open.on(|state| match open.counts {
        true => state.sync(open.file),
        false => Ok(()),
    });
    code(done.flatten(), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let found = open.on(|state| {
        let file = state.files.get(&open.file);
        file.map_or(0, |file| file.visible.len())
    });
    match found {
        Ok(found) => {
            // SAFETY: see the module.
            unsafe { *size = i64::try_from(found).unwrap_or(i64::MAX) };
            ffi::SQLITE_OK
        }
        Err(_) => ffi::SQLITE_IOERR_FSTAT,
    }
}

unsafe extern "C" fn lock_file(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let free = open.on(|state| {
        let file = state.files.get_mut(&open.file);
        file.is_some_and(|file| file.locks.raise(open.id, level))
    });
    match free {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_BUSY,
        Err(_) => ffi::SQLITE_IOERR_LOCK,
    }
}

unsafe extern "C" fn unlock_file(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let _off = open.on(|state| {
        if let Some(file) = state.files.get_mut(&open.file) {
            file.locks.lower(open.id, level);
        }
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    reserved: *mut c_int,
) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let found = open.on(|state| {
        let file = state.files.get(&open.file);
        file.is_some_and(|file| file.locks.is_reserved())
    });
    // SAFETY: see the module.
    unsafe { *reserved = c_int::from(found == Ok(true)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4_096
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let (region, words) = (region as usize, (bytes as usize).div_ceil(8));
    let found = open.on(|state| {
        let memory = &mut state.files.get_mut(&open.file)?.memory;
        while extend != 0 && memory.len() <= region {
            let new: Region = vec![0; words].into_boxed_slice();
            memory.push(new);
        }
        let found = memory.get_mut(region)?;
        Some(found.as_mut_ptr().cast::<c_void>())
    });
    // SAFETY: see the module.
    unsafe { *out = found.ok().flatten().unwrap_or(std::ptr::null_mut()) };
    match found {
        Ok(_) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_IOERR_SHMMAP,
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: see the module.
    let open = unsafe { opened(file) };
    let free = open.on(|state| {
        let file = state.files.get_mut(&open.file);
        let slots = |locks: &mut crate::locks::Locks| {
            locks.slots(open.id, first as usize, count as usize, flags)
        };
        file.is_some_and(|file| slots(&mut file.locks))
    });
    match free {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_BUSY,
        Err(_) => ffi::SQLITE_IOERR_SHMLOCK,
    }
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // Its memory goes with its file.
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: see the module.
    let name = unsafe { text(name) };
    let disk = disk_of(name);
    let mut state = lock(&disk);
    if state.is_off() {
        return ffi::SQLITE_IOERR_DELETE;
    }
    if state.find(name).is_none() {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    code(state.delete(name, sync != 0), ffi::SQLITE_IOERR_DELETE)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: see the module.
    let name = unsafe { text(name) };
    let disk = disk_of(name);
    let state = lock(&disk);
    // SAFETY: see the module.
    unsafe { *found = c_int::from(state.find(name).is_some()) };
    match state.is_off() {
        true => ffi::SQLITE_IOERR_ACCESS,
        false => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn full_path_name(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: see the module: `out` has `room` bytes.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > room as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(name, out, bytes.len());
    }
    ffi::SQLITE_OK
}

/// The file system of before.
unsafe fn system<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a mut ffi::sqlite3_vfs {
    // SAFETY: `install` put it there, and nobody unregisters it.
    unsafe { &mut *(*vfs).pAppData.cast::<ffi::sqlite3_vfs>() }
}

unsafe extern "C" fn randomness(
    vfs: *mut ffi::sqlite3_vfs,
    count: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: see the module.
    unsafe {
        let system = system(vfs);
        system.xRandomness.map_or(0, |f| f(system, count, out))
    }
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    std::thread::sleep(Duration::from_micros(micros.unsigned_abs().into()));
    micros
}

unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: see the module.
    unsafe {
        let system = system(vfs);
        system
            .xCurrentTime
            .map_or(ffi::SQLITE_ERROR, |f| f(system, out))
    }
}

unsafe extern "C" fn current_time_millis(vfs: *mut ffi::sqlite3_vfs, out: *mut i64) -> c_int {
    // SAFETY: see the module.
    unsafe {
        let system = system(vfs);
        system
            .xCurrentTimeInt64
            .map_or(ffi::SQLITE_ERROR, |f| f(system, out))
    }
}
