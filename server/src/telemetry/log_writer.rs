//! Writes log lines to standard error without characters that change how a terminal or a viewer displays them.

use crate::invisible::is_invisible;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The format of the lines.
#[derive(Clone, Copy, Debug)]
pub(super) enum LineFormat {
    Json,
    Text,
}

/// Escapes invisible characters of a line, so that text of callers cannot hide or reorder what people read. The formatter
/// writes each line at once, and escapes only what its format demands.
#[derive(Debug)]
pub(super) struct LogWriter(pub(super) LineFormat);

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().lock().write_all(escaped(&text, self.0).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The line with invisible characters escaped, except for the line break at its end and the colours of the formatter.
fn escaped(line: &str, format: LineFormat) -> Cow<'_, str> {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    // In text, the formatter has escaped those of the values.
    let is_escaped = |character| is_invisible(character) && character != '\u{1b}';
    if !text.contains(is_escaped) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len());
    for character in text.chars() {
        if !is_escaped(character) {
            escaped.push(character);
            continue;
        }
        // Writing to a string cannot fail.
        let _ = match format {
            // JSON escapes in UTF-16. Invisible characters are inside of strings only, so the value stays the same.
            LineFormat::Json => character
                .encode_utf16(&mut [0; 2])
                .iter()
                .try_for_each(|unit| write!(escaped, "\\u{unit:04x}")),
            LineFormat::Text => write!(escaped, "{}", character.escape_unicode()),
        };
    }
    escaped.push_str(end);
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::{LineFormat, escaped};
    use serde_json::{Value, json};

    #[test]
    fn invisible_characters_are_escaped_and_the_value_stays() {
        let value = json!({ "message": "ä 漢 🦀", "uri": "/a\u{202e}b\u{2066}c\u{7f}d\u{9b}e\u{feff}f\u{e0041}g" });
        let line = format!("{value}\n");
        let written = escaped(&line, LineFormat::Json);
        assert_eq!(
            written,
            "{\"message\":\"ä 漢 🦀\",\"uri\":\"/a\\u202eb\\u2066c\\u007fd\\u009be\\ufefff\\udb40\\udc41g\"}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
    }

    #[test]
    fn text_lines_stay_single_and_keep_their_colours() {
        assert_eq!(
            escaped("\u{1b}[32mINFO\u{1b}[0m a\nINFO b\u{202e}\n", LineFormat::Text),
            "\u{1b}[32mINFO\u{1b}[0m a\\u{a}INFO b\\u{202e}\n"
        );
    }

    #[test]
    fn visible_lines_are_written_as_they_are() {
        for line in ["{\"a\":\"b\"}\n", "ä 漢\n", "", "no end"] {
            assert_eq!(escaped(line, LineFormat::Json), line);
        }
    }
}
