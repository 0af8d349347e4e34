//! What can go wrong, and which of it does in a run.
//!
//! Invariant: swarm configuration. Each seed turns each fault fully on or off, so that a fault is also seen
//! without those that would hide it.

use gongdan_tests::random::Random;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As the table calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    /// A request is lost on its way.
    LosesRequest => "request lost",
    /// The server gets the request; its answer is lost.
    LosesAnswer => "answer lost",
    /// The request arrives, and once more later.
    DuplicatesRequest => "request twice",
    /// The request arrives after later ones.
    DelaysRequest => "request late",
    /// The answer arrives after the phone went on.
    DelaysAnswer => "answer late",
    /// The answer arrives twice.
    DuplicatesAnswer => "answer twice",
    /// The request breaks off after some bytes.
    CutsRequest => "request cut",
    /// The answer breaks off after some bytes.
    CutsAnswer => "answer cut",
    /// There is no link for hours.
    Offline => "no link",
    /// The app dies at an operation of its store, or just after a commit.
    PhoneDies => "phone dies",
    /// The phone's disk is full for a while.
    PhoneFull => "phone full",
    /// The phone's clock jumps, by years too.
    PhoneClock => "phone's clock",
    /// The phone is put back to a backup.
    PhoneRestored => "phone restored",
    /// The server dies in the middle of a transaction.
    ServerDies => "server dies",
    /// The server's disk is full for a while.
    ServerFull => "server full",
    /// The server is restarted.
    ServerRestarts => "server restarts",
    /// The server's clock jumps.
    ServerClock => "server's clock",
    /// The server is of an older version than some phones, until it is upgraded.
    OldServer => "older server",
    /// Some phones are of an older version than the server, until they are upgraded.
    OldPhone => "older phone",
    /// A form is sent that was opened long before.
    StaleForm => "stale form",
    /// A ticket goes to another crew.
    Reassignment => "reassigned",
    /// A phone is revoked.
    Revocation => "revoked",
    /// A person's roles change.
    PolicyChange => "roles change",
    /// A new version of the catalogue.
    CatalogueChange => "catalogue change",
    /// A person works on two phones.
    TwoPhones => "two phones",
    /// A phone is copied with all that is on it, and both live on.
    PhoneCloned => "phone copied",
    /// The server is put back to an old backup.
    ServerRestored => "server restored",
    /// What waits on a phone is brought in by another phone, or by the office.
    RescueFile => "rescue file",
    /// The server's answers hold next to nothing.
    SmallPages => "small pages",
}

/// Faults that break promises still: drawn only where they are named, and where defects are looked for.
pub const NOT_YET: &[Fault] = &[Fault::SmallPages];

/// Which faults a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swarm(u32);

impl Swarm {
    /// Half of them, as the seed says.
    pub fn of(random: &mut Random) -> Self {
        NOT_YET
            .iter()
            .fold(Self::of_all(random), |drawn, fault| drawn.without(*fault))
    }

    /// The same of all there are.
    pub fn of_all(random: &mut Random) -> Self {
        let drawn = u32::try_from(random.number() >> 32).unwrap_or(0);
        Self(drawn & ((1 << Fault::ALL.len()) - 1))
    }

    /// What a seed draws, and these; nothing where there are none, so that the seed itself draws.
    pub fn drawn_with(seed: u64, with: &[Fault]) -> Option<Self> {
        let drawn = Self::of(&mut Random::new(seed));
        let all = with.iter().fold(drawn, |swarm, fault| swarm.with(*fault));
        (!with.is_empty()).then_some(all)
    }

    /// None.
    pub const fn none() -> Self {
        Self(0)
    }

    /// Whether a fault is on.
    pub const fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    /// The same with one.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self(self.0 | (1 << fault as u32))
    }

    /// The same without one.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Fault> {
        let mut all = Fault::ALL.iter();
        all.find(|fault| fault.name() == name).copied()
    }

    /// The faults that are on.
    pub fn names(self) -> Vec<&'static str> {
        let on = Fault::ALL.iter().filter(|fault| self.has(**fault));
        on.map(|fault| fault.name()).collect()
    }
}

/// How often each fault happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts([u64; Fault::ALL.len()]);

impl Counts {
    /// It happened.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often.
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}
