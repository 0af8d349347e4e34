//! The browser's private file system as SQLite sees it: a pool of files that this worker alone holds open.
//!
//! Invariant: one pool and one connection a worker; a second worker of the origin cannot open the pool.

use std::cell::RefCell;
use std::ffi::CStr;

use gongdan_core::fault::Fault;
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_rs::vfs::VfsFilesManager;
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};

const VFS: &CStr = c"gongdan";
/// The database, its journal, and room for what SQLite makes on the way.
const FILES: usize = 4;

thread_local! {
    static POOL: RefCell<Option<OpfsSAHPoolUtil>> = const { RefCell::new(None) };
}

/// Takes the pool of `path` for this worker.
pub(super) async fn take(path: &str) -> Result<(), Fault> {
    if POOL.with_borrow(Option::is_some) {
        return Ok(());
    }
    let options = OpfsSAHPoolCfgBuilder::new()
        .vfs_name(&VFS.to_string_lossy())
        .directory(path)
        .initial_capacity(FILES)
        .build();
    let pool = install::<WasmOsCallback>(&options, false)
        .await
        .map_err(|_| Fault::store("unusable"))?;
    POOL.set(Some(pool));
    Ok(())
}

fn with<T>(
    work: impl FnOnce(&OpfsSAHPoolUtil) -> Result<T, sqlite_wasm_vfs::sahpool::OpfsSAHError>,
) -> Result<T, Fault> {
    POOL.with_borrow(|pool| match pool {
        Some(pool) => work(pool).map_err(|_| Fault::store("unusable")),
        None => Err(Fault::store("unusable")),
    })
}

const DATABASE: &str = "phone.db";

/// Whether there is a database.
pub(super) fn has_database() -> Result<bool, Fault> {
    with(|pool| pool.contains(DATABASE))
}

/// The database under its key; made where there is none.
pub(super) fn open(key: [u8; 32]) -> Result<SqliteStore, Fault> {
    Ok(SqliteStore::open_on(
        VFS,
        DATABASE,
        &StoreKey::from_bytes(key),
    )?)
}

/// Deletes the database: without its key it is noise already.
pub(super) fn clear() -> Result<(), Fault> {
    with(VfsFilesManager::clear)
}
