//! What must never be, found to be.

/// A broken promise, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub kind: Kind,
    /// What shows it.
    pub text: String,
}

/// The promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was said to be saved is nowhere.
    Loss,
    /// A command took effect twice, or took none and is called admitted.
    Effect,
    /// Replicas with equal sets differ, or a read model is another than a rebuild's.
    Divergence,
    /// What should drain does not, and nothing says why.
    Stall,
    /// Something is where it has no right to be.
    Leak,
    /// A ticket's number served twice, or there is a gap that nobody wrote down.
    Number,
    /// A program failed where nothing was made to fail.
    Failure,
}

impl Kind {
    /// As the table calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Effect => "effect",
            Self::Divergence => "divergence",
            Self::Stall => "stall",
            Self::Leak => "leak",
            Self::Number => "number",
            Self::Failure => "failure",
        }
    }
}

impl Violation {
    /// Of this kind.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// Something failed that was not made to.
    pub fn failure(what: &str, why: impl std::fmt::Debug) -> Self {
        Self::new(Kind::Failure, format!("{what}: {why:?}"))
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.text)
    }
}
