//! Ink: what counts as a signature, its picture, and the picture as SVG.
//!
//! Invariant: the picture is made of points chosen by shape alone, never by time, so that the spacing of its
//! points does not give away how fast the hand moved: that is biometric data, and goes sealed (`dynamics`).

use std::fmt::Write;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::ticket::Ink;
use crate::ticket::command::InkPoint;

/// The longer side of the drawing has at least this, in hundredths of a CSS pixel: below it is a dot.
const SIDE_MIN: i64 = 1_200;
/// The path has at least this length, in hundredths of a CSS pixel: below it nobody has written a name.
const PATH_MIN: i64 = 6_000;
/// What the picture may be off the ink, in hundredths of a CSS pixel.
const TOLERANCE: i64 = 30;

/// Why ink is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum InkFault {
    /// Nothing was drawn.
    #[error("take ink: nothing was drawn")]
    Empty,
    /// A dot, or a few.
    #[error("take ink: a dot")]
    Dot,
    /// Too short to be a name.
    #[error("take ink: too short")]
    TooShort,
    /// Points outside the canvas, or a canvas without area: the screen was turned while drawing.
    #[error("take ink: outside the canvas")]
    Outside,
    /// Time runs backwards.
    #[error("take ink: time runs backwards")]
    Backwards,
    /// More than is kept.
    #[error("take ink: too much")]
    TooMuch,
}

impl InkFault {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::Empty,
        Self::Dot,
        Self::TooShort,
        Self::Outside,
        Self::Backwards,
        Self::TooMuch,
    ];

    /// Its stable code, by which a text for people is chosen.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "ink_empty",
            Self::Dot => "ink_dot",
            Self::TooShort => "ink_too_short",
            Self::Outside => "ink_outside",
            Self::Backwards => "ink_backwards",
            Self::TooMuch => "ink_too_much",
        }
    }
}

/// The drawing without its dynamics: what is shown and printed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Picture {
    /// Width of the canvas in hundredths of a CSS pixel.
    #[n(0)]
    pub width: u32,
    /// Height of the canvas, likewise.
    #[n(1)]
    pub height: u32,
    /// Strokes: x and y of the first point, then of every next one what is added to the one before.
    #[n(2)]
    pub strokes: Vec<Vec<i64>>,
}

/// Whether it can be a signature.
///
/// # Errors
/// [`InkFault`] says why not.
pub fn check(ink: &Ink) -> Result<(), InkFault> {
    let points: usize = ink.strokes.iter().map(Vec::len).sum();
    if points == 0 {
        return Err(InkFault::Empty);
    }
    if ink.strokes.len() > limits::STROKES_MAX || points > limits::STROKE_POINTS_MAX {
        return Err(InkFault::TooMuch);
    }
    let all = || ink.strokes.iter().flatten();
    let inside = |p: &InkPoint| {
        (0..=i64::from(ink.width)).contains(&i64::from(p.x))
            && (0..=i64::from(ink.height)).contains(&i64::from(p.y))
    };
    if ink.width == 0 || ink.height == 0 || !all().all(inside) {
        return Err(InkFault::Outside);
    }
    if all().zip(all().skip(1)).any(|(a, b)| b.millis < a.millis) {
        return Err(InkFault::Backwards);
    }
    let side = |of: fn(&InkPoint) -> i32| {
        let (least, most) = all().fold((i32::MAX, i32::MIN), |(least, most), p| {
            (least.min(of(p)), most.max(of(p)))
        });
        i64::from(most) - i64::from(least)
    };
    if side(|p| p.x).max(side(|p| p.y)) < SIDE_MIN {
        return Err(InkFault::Dot);
    }
    let length: i64 = ink.strokes.iter().map(|stroke| path_length(stroke)).sum();
    if length < PATH_MIN {
        return Err(InkFault::TooShort);
    }
    Ok(())
}

fn path_length(stroke: &[InkPoint]) -> i64 {
    stroke
        .windows(2)
        .map(|pair| squared(pair[0], pair[1]).isqrt())
        .sum()
}

fn squared(a: InkPoint, b: InkPoint) -> i64 {
    let (x, y) = (
        i64::from(b.x) - i64::from(a.x),
        i64::from(b.y) - i64::from(a.y),
    );
    x * x + y * y
}

/// The picture of checked ink.
pub fn picture(ink: &Ink) -> Picture {
    let strokes = ink.strokes.iter().filter(|stroke| !stroke.is_empty());
    Picture {
        width: ink.width,
        height: ink.height,
        strokes: strokes.map(|stroke| deltas(&outline(stroke))).collect(),
    }
}

fn deltas(points: &[InkPoint]) -> Vec<i64> {
    let (mut x, mut y) = (0, 0);
    let mut out = Vec::with_capacity(2 * points.len());
    for point in points {
        out.extend([i64::from(point.x) - x, i64::from(point.y) - y]);
        (x, y) = (i64::from(point.x), i64::from(point.y));
    }
    out
}

/// The points that a line needs to look the same within [`TOLERANCE`] (Ramer, Douglas and Peucker), in integers.
fn outline(stroke: &[InkPoint]) -> Vec<InkPoint> {
    let mut keep = vec![false; stroke.len()];
    (keep[0], keep[stroke.len() - 1]) = (true, true);
    let mut open = vec![(0, stroke.len() - 1)];
    while let Some((first, last)) = open.pop() {
        let farthest = (first + 1..last)
            .map(|at| (off(stroke[first], stroke[last], stroke[at]), at))
            .max();
        if let Some((off, at)) = farthest
            && off > i128::from(TOLERANCE * TOLERANCE)
        {
            keep[at] = true;
            open.extend([(first, at), (at, last)]);
        }
    }
    let kept = stroke.iter().zip(keep).filter(|(_, keep)| *keep);
    kept.map(|(point, _)| *point).collect()
}

/// Square of the distance of `p` from the line through `a` and `b`.
fn off(a: InkPoint, b: InkPoint, p: InkPoint) -> i128 {
    let base = i128::from(squared(a, b));
    if base == 0 {
        return i128::from(squared(a, p));
    }
    let wide = |n: i32| i128::from(n);
    let cross = (wide(b.x) - wide(a.x)) * (wide(p.y) - wide(a.y))
        - (wide(b.y) - wide(a.y)) * (wide(p.x) - wide(a.x));
    cross * cross / base
}

impl Picture {
    /// Whether anything is drawn, in whole points.
    pub fn is_drawn(&self) -> bool {
        !self.strokes.is_empty()
            && self
                .strokes
                .iter()
                .all(|stroke| !stroke.is_empty() && stroke.len() % 2 == 0)
    }

    /// The drawing as an SVG image of its own, black on nothing.
    pub fn svg(&self) -> String {
        let mut path = String::new();
        for stroke in &self.strokes {
            for (place, step) in stroke.chunks_exact(2).enumerate() {
                let letter = if place == 0 { 'M' } else { 'l' };
                // Writing to a string does not fail.
                let _ = write!(path, "{letter}{} {}", step[0], step[1]);
            }
            if stroke.len() == 2 {
                path.push_str("l0 0");
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\"><path d=\"{path}\" fill=\"none\" \
             stroke=\"#000\" stroke-width=\"200\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>",
            self.width, self.height
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(strokes: &[&[(i32, i32)]]) -> Ink {
        let mut millis = 0;
        let strokes = strokes.iter().map(|stroke| {
            stroke
                .iter()
                .map(|(x, y)| {
                    millis += 8;
                    InkPoint {
                        x: *x,
                        y: *y,
                        millis,
                        pressure: Some(500),
                    }
                })
                .collect()
        });
        Ink {
            width: 32_000,
            height: 16_000,
            strokes: strokes.collect(),
        }
    }

    #[test]
    fn what_is_no_signature_is_refused_with_a_word_why() {
        assert_eq!(check(&ink(&[])), Err(InkFault::Empty));
        assert_eq!(check(&ink(&[&[]])), Err(InkFault::Empty));
        assert_eq!(check(&ink(&[&[(100, 100)]])), Err(InkFault::Dot));
        // Scribbled over and over within a finger's width.
        let dot: Vec<_> = (0..400).map(|n| (500 + n % 2 * 1_100, 500)).collect();
        assert_eq!(check(&ink(&[&dot])), Err(InkFault::Dot));
        assert_eq!(
            check(&ink(&[&[(0, 0), (SIDE_MIN as i32, 0)]])),
            Err(InkFault::TooShort)
        );
        assert_eq!(
            check(&ink(&[&[(0, 0), (PATH_MIN as i32 - 1, 0)]])),
            Err(InkFault::TooShort)
        );
        assert_eq!(check(&ink(&[&[(0, 0), (PATH_MIN as i32, 0)]])), Ok(()));
        assert_eq!(
            check(&ink(&[&[(0, 0), (32_001, 0)]])),
            Err(InkFault::Outside)
        );
        let mut turned = ink(&[&[(0, 0), (9_000, 0)]]);
        turned.width = 0;
        assert_eq!(check(&turned), Err(InkFault::Outside));
        let mut back = ink(&[&[(0, 0), (9_000, 0)]]);
        back.strokes[0][1].millis = 1;
        assert_eq!(check(&back), Err(InkFault::Backwards));
        let long: Vec<_> = (0..=limits::STROKE_POINTS_MAX as i32)
            .map(|n| (n % 30_000, 0))
            .collect();
        assert_eq!(check(&ink(&[&long])), Err(InkFault::TooMuch));
    }

    #[test]
    fn the_picture_stays_within_the_tolerance_and_knows_no_time() {
        let wave: Vec<_> = (0..300)
            .map(|n: i32| (n * 100, 8_000 + (n * n * 37) % 900))
            .collect();
        let mut drawn = ink(&[&wave]);
        let before = picture(&drawn);
        for (n, point) in drawn.strokes[0].iter_mut().enumerate() {
            point.millis = (n * n) as u32;
            point.pressure = None;
        }
        assert_eq!(picture(&drawn), before);
        // A straight line, however slowly drawn, is its two ends.
        let line: Vec<_> = (0..=1_000).map(|n| (n * 10, n * 5)).collect();
        assert_eq!(picture(&ink(&[&line])).strokes, [[0, 0, 10_000, 5_000]]);
        let far = ink(&[&[(0, 0), (5_000, 31), (10_000, 0)]]);
        assert_eq!(picture(&far).strokes[0].len(), 6);
        let near = ink(&[&[(0, 0), (5_000, 30), (10_000, 0)]]);
        assert_eq!(picture(&near).strokes[0].len(), 4);
    }

    #[test]
    fn the_svg_draws_every_stroke() {
        let svg = picture(&ink(&[&[(0, 0), (9_000, 100)], &[(50, 50)]])).svg();
        assert!(svg.contains("M0 0l9000 100M50 50l0 0"), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 32000 16000\""));
    }
}
