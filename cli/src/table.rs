//! Formats responses as tables: one row for each item of a list, or one line for each property of an object.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Map, Value};

use crate::printable::Printable;

/// The property that holds the items of a list.
const ITEMS: &str = "items";

/// Returns the table with a trailing newline.
pub(crate) fn render(response: &Value) -> String {
    let Value::Object(properties) = response else {
        return format!("{}\n", cell(response));
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

/// A table with a column for each property that has a value in at least one item.
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

/// A table with a line for each property.
fn lines(properties: &Map<String, Value>) -> String {
    let mut table = table();
    add_lines(&mut table, "", properties);
    format!("{table}\n")
}

/// Nested objects are flattened: `outer.inner`.
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

    use super::render;

    /// The words of each non-empty line, without borders.
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
        let response = json!({
            "items": [{ "id": 2, "none": null }, { "id": 1, "name": "b", "scopes": ["r", "w"] }],
            "next_cursor": 7,
        });
        let text = render(&response);
        assert_eq!(
            words(&text),
            [
                vec!["id", "name", "scopes"],
                vec!["2"],
                vec!["1", "b", "r,", "w"],
                vec!["next_cursor", "7"]
            ]
        );
        assert_eq!(render(&json!({ "items": [] })), "(none)\n");
    }

    #[test]
    fn an_object_has_a_line_for_each_property() {
        let response = json!({ "key": { "id": "k", "at": null }, "config": {} });
        assert_eq!(
            words(&render(&response)),
            [vec!["key.id", "k"], vec!["key.at", "-"], vec!["config", "{}"]]
        );
    }

    #[test]
    fn nothing_in_a_cell_reaches_the_terminal_as_a_command() {
        let text = render(&json!({ "name": "\u{1b}[31mred\u{7}\n\u{9b}2J" }));
        assert!(text.contains("\\u{1b}[31mred\\u{7}\\n\\u{9b}2J"), "{text}");
        assert!(text.chars().all(|it| it == '\n' || !it.is_control()));
    }
}
