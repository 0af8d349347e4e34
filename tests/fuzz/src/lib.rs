//! What is fed with hostile bytes, one function a target: `run(&[u8])`, which panics where a promise is broken.
//!
//! Invariant: a target says the same of the same bytes every time, and leaves nothing behind that the next run
//! could see. cargo-fuzz (`cargo xtask fuzz TARGET`) and the replay of the kept corpora (`tests/replay.rs`)
//! run the same functions.

pub mod damage;
pub mod intents;
pub mod targets;

/// cargo-fuzz ends the program at every panic, before anybody can catch it. One raised in the sources of this
/// library is left to the code under test, which promises to contain it; what it does not still ends the run.
pub fn leave_panics_of(library: &'static str) {
    #[cfg(feature = "libfuzzer")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            let end = std::panic::take_hook();
            let folder = format!("/{library}-");
            std::panic::set_hook(Box::new(move |panic| {
                if !panic
                    .location()
                    .is_some_and(|at| at.file().contains(&folder))
                {
                    end(panic);
                }
            }));
        });
    }
    #[cfg(not(feature = "libfuzzer"))]
    let _ = library;
}

/// A target by its name, which is that of its folder below `corpus/` too.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Runs it once.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),*) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: targets::$name::run }),*];
    };
}

targets!(
    request,
    response,
    changeset,
    gate,
    phone_store,
    server_store,
    import_csv,
    import_xlsx,
    tus
);
