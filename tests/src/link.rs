//! The way between a phone and the server, as a list of what happens to the next exchanges.
//!
//! Invariant: what a link does is decided before the exchange; nothing depends on real time.

use std::collections::VecDeque;

/// What happens to one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Request and answer arrive.
    Arrives,
    /// The request is lost on its way.
    LosesRequest,
    /// The server gets the request; its answer is lost.
    LosesAnswer,
    /// The server gets the request twice; the phone hears the second answer.
    Duplicates,
    /// The request is kept somewhere and arrives after later ones; nobody waits for its answer any more.
    Delays,
}

/// A phone's link.
#[derive(Debug, Default)]
pub struct Link {
    /// No exchange is tried.
    pub cut: bool,
    /// Of the next exchanges; `Arrives` after the last.
    pub fates: VecDeque<Fate>,
    /// Requests that are still under way.
    pub under_way: Vec<Vec<u8>>,
}

impl Link {
    /// What happens to the next exchange.
    pub fn next_fate(&mut self) -> Fate {
        self.fates.pop_front().unwrap_or(Fate::Arrives)
    }
}
