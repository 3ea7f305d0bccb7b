//! Formats JSON text. Numbers stay as they were written, which they would not as a `serde_json::Value`.

use serde_json::Value;

use crate::failure::Failure;

/// The JSON, indented as `serde_json` does.
pub(crate) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut previous = "";
    let tokens: Vec<&str> = Tokens(json).collect();
    for (index, token) in tokens.iter().enumerate() {
        let is_empty = matches!(tokens.get(index + 1), Some(&("}" | "]")));
        match *token {
            "{" | "[" => {
                text.push_str(token);
                depth += 1;
                if !is_empty {
                    new_line(&mut text, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                if !matches!(previous, "{" | "[") {
                    new_line(&mut text, depth);
                }
                text.push_str(token);
            }
            "," => {
                text.push(',');
                new_line(&mut text, depth);
            }
            ":" => text.push_str(": "),
            token => text.push_str(token),
        }
        previous = token;
    }
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

/// The JSON as a value for people: a number that the value could not hold is a string.
pub(crate) fn displayed(json: &str) -> Result<Value, Failure> {
    let text: String = Tokens(json)
        .map(|token| {
            let is_number = token.starts_with(|it: char| it == '-' || it.is_ascii_digit());
            if is_number && !is_kept(token) {
                format!("\"{token}\"")
            } else {
                token.to_owned()
            }
        })
        .collect();
    serde_json::from_str(&text).map_err(|error| Failure::Format(error.to_string()))
}

/// Whether a `Value` keeps the number as it is written.
fn is_kept(number: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(number).is_ok_and(|kept| kept.to_string() == number)
}

/// The tokens of valid JSON.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_ascii_start();
        let length = match rest.as_bytes().first()? {
            b'"' => string_length(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest
                .find(|it: char| matches!(it, ',' | ':' | '}' | ']') || it.is_ascii_whitespace())
                .unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(token)
    }
}

/// The length of the string at the start of the text, with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return index + 1,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{displayed, indented};

    #[test]
    fn is_indented_like_a_value() {
        for value in [
            json!({}),
            json!([]),
            json!({ "a": [], "b": {}, "c": [1, "x, {y: \"z\"}", [null, true]], "d": { "e": -1.5, "": "\\" } }),
        ] {
            assert_eq!(indented(&value.to_string()), format!("{value:#}"));
        }
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        let text = r#"{"w":-0,"x":1e-400,"y":18446744073709551616,"z":[1E400,0.10]}"#;
        let kept: String = indented(text).split_whitespace().collect();
        assert_eq!(kept, text);
        let expected: Value = json!({ "w": "-0", "x": "1e-400", "y": "18446744073709551616", "z": ["1E400", "0.10"] });
        assert_eq!(displayed(text).unwrap(), expected);
        assert_eq!(displayed("[1,-2,1.5]").unwrap(), json!([1, -2, 1.5]));
    }
}
