//! Escapes untrusted text for terminals.

use std::fmt;

/// Displays untrusted text with special characters escaped, so that it cannot move the cursor, change colors, or change
/// the order in which other text is read.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_special(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// Whether a terminal interprets the character: controls, marks of bidirectional text, and separators of lines.
pub(crate) fn is_special(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Escapes special characters in JSON as `\uXXXX`. The value of the JSON remains the same. Newlines remain, because in JSON
/// they occur only between values.
pub(crate) fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_special(character) && character != '\n' {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Printable, json};

    const TEXT: &str = "\u{1b}[31m \u{9b}2J \u{7f} \u{202e}gpj.exe \u{2066}a\u{2069} \u{200f} \u{2028} ä😀";

    #[test]
    fn controls_and_bidirectional_marks_are_escaped() {
        assert_eq!(
            Printable(TEXT).to_string(),
            "\\u{1b}[31m \\u{9b}2J \\u{7f} \\u{202e}gpj.exe \\u{2066}a\\u{2069} \\u{200f} \\u{2028} ä😀"
        );
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let value = serde_json::json!({ TEXT: [TEXT] });
        for plain in [value.to_string(), format!("{value:#}")] {
            let escaped = json(&plain);
            assert!(
                !escaped.contains(|it: char| it != '\n' && super::is_special(it)),
                "{escaped}"
            );
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
        }
    }
}
