//! Defects that the proof plants on purpose, to see that the simulator finds them.
//!
//! Invariant: without the feature `planted` none is ever there: [`is`] is `false` and what it guards is
//! compiled out. With it, one thread at a time chooses one for itself.

/// A defect that somebody might make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it is by `Defect::about`")]
pub enum Defect {
    AcknowledgedBeforeCommit,
    ActorReused,
    VerdictLost,
    EvictedBeforeSent,
    HeldNeverJudgedAgain,
    CursorOffByOne,
    NoDeduplication,
    InboxRowDropped,
    WrongBaseAnew,
    QuarantinedDeleted,
    NumberReused,
    NumberSkipped,
    ActSplit,
    CrewChangeNotSeen,
    ForgottenNotNoticed,
    StaleInMemory,
    AdmissionTooEarly,
    WantForgotten,
    CommandIdNotKept,
    UnjudgedAfterCrash,
    MemoryBeforeDisk,
    SealedLost,
    ChainNotStored,
    AnswerNotBound,
    ReadModelStale,
    OfficePartSent,
    EvictionForgotten,
    UnknownRefused,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::AcknowledgedBeforeCommit,
        Self::ActorReused,
        Self::VerdictLost,
        Self::EvictedBeforeSent,
        Self::HeldNeverJudgedAgain,
        Self::CursorOffByOne,
        Self::NoDeduplication,
        Self::InboxRowDropped,
        Self::WrongBaseAnew,
        Self::QuarantinedDeleted,
        Self::NumberReused,
        Self::NumberSkipped,
        Self::ActSplit,
        Self::CrewChangeNotSeen,
        Self::ForgottenNotNoticed,
        Self::StaleInMemory,
        Self::AdmissionTooEarly,
        Self::WantForgotten,
        Self::CommandIdNotKept,
        Self::UnjudgedAfterCrash,
        Self::MemoryBeforeDisk,
        Self::SealedLost,
        Self::ChainNotStored,
        Self::AnswerNotBound,
        Self::ReadModelStale,
        Self::OfficePartSent,
        Self::EvictionForgotten,
        Self::UnknownRefused,
    ];

    /// What is wrong.
    pub const fn about(self) -> &'static str {
        match self {
            Self::AcknowledgedBeforeCommit => "an act is called saved though its commit failed",
            Self::ActorReused => "the actor is the same at every opening of the store",
            Self::VerdictLost => "a duplicate verdict is not taken over",
            Self::EvictedBeforeSent => "a ticket is evicted with its outbox before that was sent",
            Self::HeldNeverJudgedAgain => "what is held is not judged again after an upgrade",
            Self::CursorOffByOne => "the first entry after the cursor is passed over",
            Self::NoDeduplication => "a command id is admitted as often as it comes",
            Self::InboxRowDropped => "what is held is dropped from the inbox",
            Self::WrongBaseAnew => "re-authoring names the heads after it as its base",
            Self::QuarantinedDeleted => "the phone deletes what is quarantined",
            Self::NumberReused => "a ticket's number is given twice",
            Self::NumberSkipped => "a ticket's number is skipped, and no ledger says so",
            Self::ActSplit => "the members of an act are admitted each by itself",
            Self::CrewChangeNotSeen => "a new crew does not change who may hold the ticket",
            Self::ForgottenNotNoticed => "a restored phone does not notice what it forgot",
            Self::StaleInMemory => "documents in memory outlive an answer that changed them",
            Self::AdmissionTooEarly => "an admission is told before the entries before it",
            Self::WantForgotten => "a snapshot that is wanted is not asked for",
            Self::CommandIdNotKept => "re-authoring gives a command another name",
            Self::UnjudgedAfterCrash => "what a crash left unjudged is never judged",
            Self::MemoryBeforeDisk => "the document in memory is changed before the disk is",
            Self::SealedLost => "an act's sealed changesets are not stored",
            Self::ChainNotStored => "the device's sequence is not stored",
            Self::AnswerNotBound => "an answer is taken over whatever it answers",
            Self::ReadModelStale => "the read model does not follow the customer's part",
            Self::OfficePartSent => "phones are sent the office's part",
            Self::EvictionForgotten => "an eviction that must wait is forgotten",
            Self::UnknownRefused => "a command of a later version is refused",
        }
    }
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// Plants a defect in this thread; nothing: takes it out again.
#[cfg(feature = "planted")]
pub fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}

/// Whether this defect is planted.
#[cfg(feature = "planted")]
pub fn is(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

/// Whether this defect is planted: never in this build.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn is(_: Defect) -> bool {
    false
}
