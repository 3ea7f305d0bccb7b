//! Characters that people cannot see in a text, although programs act on them.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Returns whether a character is a control character, or changes only how other characters are displayed, such as their
/// direction. White space counts only where it ends a line.
pub(crate) fn is_invisible(character: char) -> bool {
    // Most text is ASCII, which needs no table.
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

#[cfg(test)]
mod tests {
    use super::is_invisible;

    #[test]
    fn controls_and_marks_of_direction_are_invisible() {
        for invisible in [
            '\0',
            '\n',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert!(is_invisible(invisible), "{invisible:?}");
        }
        for visible in [
            'a', ' ', '"', '\u{a0}', 'é', '\u{301}', 'ü', 'א', 'ع', '漢', '🦀', '\u{fffd}',
        ] {
            assert!(!is_invisible(visible), "{visible:?}");
        }
    }
}
