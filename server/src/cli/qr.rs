//! A QR code in the terminal: two modules a character, by half blocks.

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Modules of quiet zone around the code (ISO/IEC 18004).
const QUIET: i32 = 4;

/// Draws `text`, light on dark as most terminals are: a block is a light module, so that scanners see a
/// dark code on a light ground.
pub(super) fn draw(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let width = i32::try_from(code.width()).expect("a QR code has at most 177 modules a side");
    let light = |x: i32, y: i32| {
        let inside = (0..width).contains(&x) && (0..width).contains(&y);
        !inside || code[(x.unsigned_abs() as usize, y.unsigned_abs() as usize)] == Color::Light
    };
    let mut out = String::new();
    for y in (-QUIET..width + QUIET).step_by(2) {
        for x in -QUIET..width + QUIET {
            out.push(match (light(x, y), light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push('\n');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_drawing_is_square_and_quiet_at_the_edge() {
        let text = "gongdan://enrol?server=https%3A%2F%2Fexample.org&code=ABCD-EFGH";
        let drawn = draw(text).unwrap();
        let side = QrCode::with_error_correction_level(text, EcLevel::M)
            .unwrap()
            .width()
            + 2 * 4;
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        assert_eq!(lines.len(), side.div_ceil(2));
        assert!(
            lines
                .iter()
                .all(|line| line.len() == side && line[..4] == ['█'; 4])
        );
        // The finder pattern's corner: dark above dark.
        assert_eq!(lines[2][4], ' ');
    }
}
