//! Answers as tables: a row for each item of a list, a line for each property of all else.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Map, Value};

use crate::printable::Printable;

/// The property of the lists.
const ITEMS: &str = "items";

/// The text, which ends with a newline.
pub(crate) fn of(answer: &Value) -> String {
    let Value::Object(properties) = answer else {
        return format!("{}\n", cell(answer));
    };
    let Some(Value::Array(items)) = properties.get(ITEMS) else {
        return lines(properties);
    };
    let mut text = rows(items);
    let others: Map<String, Value> = properties
        .iter()
        .filter(|(name, _)| *name != ITEMS)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !others.is_empty() {
        text.push_str(&lines(&others));
    }
    text
}

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// A column for each property that any item has.
fn rows(items: &[Value]) -> String {
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    let mut columns: Vec<&str> = Vec::new();
    for (name, value) in objects.iter().copied().flatten() {
        if !value.is_null() && !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    if columns.is_empty() {
        return "(none)\n".to_owned();
    }
    let mut table = table();
    table.set_header(&columns);
    for object in objects {
        table.add_row(columns.iter().map(|name| match object.get(*name) {
            None | Some(Value::Null) => String::new(),
            Some(value) => cell(value),
        }));
    }
    format!("{table}\n")
}

fn lines(properties: &Map<String, Value>) -> String {
    let mut table = table();
    add_lines(&mut table, "", properties);
    format!("{table}\n")
}

/// Objects within are spread out, as `outer.inner`.
fn add_lines(table: &mut Table, prefix: &str, properties: &Map<String, Value>) {
    for (name, value) in properties {
        let name = format!("{prefix}{}", Printable(name));
        if let Value::Object(inner) = value
            && !inner.is_empty()
        {
            add_lines(table, &format!("{name}."), inner);
        } else {
            table.add_row([name, cell(value)]);
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => Printable(text).to_string(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Printable(&value.to_string()).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    /// The words of each line.
    fn words(text: &str) -> Vec<Vec<&str>> {
        let is_border = |character: char| ('\u{2500}'..='\u{257f}').contains(&character);
        text.lines()
            .map(|line| {
                line.split(|it| is_border(it) || it == ' ')
                    .filter(|it| !it.is_empty())
                    .collect()
            })
            .filter(|words: &Vec<&str>| !words.is_empty())
            .collect()
    }

    #[test]
    fn a_list_has_a_row_for_each_item_and_no_empty_columns() {
        let answer = json!({
            "items": [{ "id": 2, "none": null }, { "id": 1, "name": "b", "scopes": ["r", "w"] }],
            "next_cursor": 7,
        });
        let text = of(&answer);
        assert_eq!(
            words(&text),
            [
                vec!["id", "name", "scopes"],
                vec!["2"],
                vec!["1", "b", "r,", "w"],
                vec!["next_cursor", "7"]
            ]
        );
        assert_eq!(of(&json!({ "items": [] })), "(none)\n");
    }

    #[test]
    fn an_object_has_a_line_for_each_property() {
        let answer = json!({ "key": { "id": "k", "at": null }, "config": {} });
        assert_eq!(
            words(&of(&answer)),
            [vec!["key.id", "k"], vec!["key.at", "-"], vec!["config", "{}"]]
        );
    }

    #[test]
    fn nothing_in_a_cell_reaches_the_terminal_as_a_command() {
        let text = of(&json!({ "name": "\u{1b}[31mred\u{7}\n\u{9b}2J" }));
        assert!(text.contains("\\u{1b}[31mred\\u{7}\\n\\u{9b}2J"), "{text}");
        assert!(text.chars().all(|it| it == '\n' || !it.is_control()));
    }
}
