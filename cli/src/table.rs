//! Formats responses as tables: one row for each item of a list, or one line for each property of an object.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use serde_json::{Map, Value};

use crate::printable::Printable;

/// The property that holds the items of a list.
const ITEMS: &str = "items";

/// The width of output that is not a terminal.
const DEFAULT_WIDTH: u16 = 80;

/// Longer words are broken if they do not fit. UUIDs and times are shorter.
const LONGEST_WORD: u16 = 40;

/// The columns that people need most. If there is not enough room, these are shown before all others.
const IMPORTANT: [&str; 9] = [
    "id",
    "key",
    "slug",
    "action",
    "product",
    "name",
    "status",
    "enabled",
    "created_at",
];

/// A formatted response.
pub(crate) struct Rendered {
    /// The table, with a trailing newline.
    pub(crate) text: String,
    /// The columns that do not fit and are not part of the table.
    pub(crate) hidden: Vec<String>,
}

/// The width of the terminal.
pub(crate) fn terminal_width() -> u16 {
    Table::new().width().unwrap_or(DEFAULT_WIDTH)
}

/// Formats a response in lines of at most `width` characters. `chosen` are the columns to show; if it is empty, those that fit
/// are shown.
pub(crate) fn render(response: &Value, chosen: &[String], width: u16) -> Rendered {
    let Value::Object(properties) = response else {
        return whole(format!("{}\n", cell(response)));
    };
    let Some(Value::Array(items)) = properties.get(ITEMS) else {
        return whole(lines(properties, chosen, width));
    };
    let Rendered { mut text, hidden } = rows(items, chosen, width);
    let others: Map<String, Value> = properties
        .iter()
        .filter(|(name, _)| *name != ITEMS)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !others.is_empty() {
        text.push_str(&lines(&others, &[], width));
    }
    Rendered { text, hidden }
}

fn whole(text: String) -> Rendered {
    Rendered {
        text,
        hidden: Vec::new(),
    }
}

fn table(width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    table
}

/// A column of a list: its name and the text of each row.
struct Column {
    name: String,
    cells: Vec<String>,
}

impl Column {
    fn new(name: &str, items: &[&Map<String, Value>]) -> Self {
        Self {
            name: Printable(name).to_string(),
            cells: items
                .iter()
                .map(|item| match item.get(name) {
                    None | Some(Value::Null) => String::new(),
                    Some(value) => cell(value),
                })
                .collect(),
        }
    }

    /// The width that the column needs at least, including padding and border.
    fn needed_width(&self) -> u16 {
        minimum_width(self.cells.iter().chain([&self.name])).saturating_add(3)
    }
}

/// The width of the longest word that must not be broken.
fn minimum_width<'a>(cells: impl IntoIterator<Item = &'a String>) -> u16 {
    let words = cells.into_iter().flat_map(|cell| cell.split_whitespace());
    let widths = words.map(|word| u16::try_from(word.chars().count()).unwrap_or(u16::MAX));
    widths.max().unwrap_or_default().min(LONGEST_WORD)
}

/// A table with a row for each item.
fn rows(items: &[Value], chosen: &[String], width: u16) -> Rendered {
    let items: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    if items.is_empty() {
        return whole("(none)\n".to_owned());
    }
    let (columns, hidden) = if chosen.is_empty() {
        fit(columns_with_values(&items), width)
    } else {
        let columns = chosen.iter().map(|name| Column::new(name, &items));
        (columns.collect(), Vec::new())
    };
    let mut table = table(width);
    table.set_header(columns.iter().map(|column| &column.name));
    for row in 0..items.len() {
        table.add_row(columns.iter().filter_map(|column| column.cells.get(row)));
    }
    table.set_constraints(columns.iter().map(|column| {
        // Without the border.
        ColumnConstraint::LowerBoundary(Width::Fixed(column.needed_width() - 1))
    }));
    Rendered {
        text: format!("{table}\n"),
        hidden,
    }
}

/// A column for each property that has a value in at least one item.
fn columns_with_values(items: &[&Map<String, Value>]) -> Vec<Column> {
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in items.iter().copied().flatten() {
        if !value.is_null() && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| Column::new(name, items)).collect()
}

/// The columns that fit, in their order, and the names of the others.
fn fit(columns: Vec<Column>, width: u16) -> (Vec<Column>, Vec<String>) {
    let importance = |column: &Column| {
        let place = IMPORTANT.iter().position(|name| column.name == *name);
        place.unwrap_or(IMPORTANT.len())
    };
    let mut by_importance: Vec<&Column> = columns.iter().collect();
    by_importance.sort_by_key(|column| importance(column));
    // The border on the left.
    let mut used: u16 = 1;
    let mut hidden = Vec::new();
    for column in by_importance {
        let with_column = used.saturating_add(column.needed_width());
        if with_column <= width || used == 1 {
            used = with_column;
        } else {
            hidden.push(column.name.clone());
        }
    }
    let shown = columns.into_iter().filter(|column| !hidden.contains(&column.name));
    (shown.collect(), hidden)
}

/// A table with a line for each property.
fn lines(properties: &Map<String, Value>, chosen: &[String], width: u16) -> String {
    let mut lines = Vec::new();
    add_lines(&mut lines, "", properties);
    if !chosen.is_empty() {
        lines.retain(|[name, _]| chosen.contains(name));
    }
    let names = minimum_width(lines.iter().map(|[name, _]| name));
    let mut table = table(width);
    table.add_rows(&lines);
    table.set_constraints([ColumnConstraint::LowerBoundary(Width::Fixed(names.saturating_add(2)))]);
    format!("{table}\n")
}

/// Nested objects are flattened: `outer.inner`.
fn add_lines(lines: &mut Vec<[String; 2]>, prefix: &str, properties: &Map<String, Value>) {
    for (name, value) in properties {
        let name = format!("{prefix}{}", Printable(name));
        if let Value::Object(inner) = value
            && !inner.is_empty()
        {
            add_lines(lines, &format!("{name}."), inner);
        } else {
            lines.push([name, cell(value)]);
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

    use super::Rendered;

    fn render(response: &serde_json::Value) -> String {
        super::render(response, &[], 80).text
    }

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

    const ID: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120002";
    const TIME: &str = "2026-11-23T09:30:00.123456Z";

    fn tenants() -> serde_json::Value {
        let tenant = json!({
            "id": ID, "slug": "blue-sky", "name": "A name of several words, too long for its column", "kind": "customer",
            "status": "active", "plan": "starter", "erp_customer_id": "x".repeat(60), "created_at": TIME,
        });
        json!({ "items": [tenant, tenant] })
    }

    #[test]
    fn a_table_fits_and_breaks_no_id() {
        for width in [60, 80, 120, 200] {
            let Rendered { text, hidden } = super::render(&tenants(), &[], width);
            for line in text.lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {text}");
            }
            assert_eq!(text.matches(ID).count(), 2, "{width}: {text}");
            assert_eq!(hidden.is_empty(), width == 200, "{width}: {hidden:?}");
        }
        let hidden = super::render(&tenants(), &[], 80).hidden;
        assert!(hidden.contains(&"erp_customer_id".to_owned()) && !hidden.contains(&"slug".to_owned()));
        let one = super::render(
            &json!({ "id": ID, "user_agent": "word ".repeat(60), "hash": "x".repeat(300) }),
            &[],
            80,
        );
        assert!(one.text.lines().all(|line| line.chars().count() <= 80), "{}", one.text);
        assert!(one.text.contains(ID));
    }

    #[test]
    fn chosen_columns_are_shown_in_their_order() {
        let chosen = ["created_at", "id"].map(str::to_owned);
        let Rendered { text, hidden } = super::render(&tenants(), &chosen, 80);
        assert_eq!(words(&text), [vec!["created_at", "id"], vec![TIME, ID], vec![TIME, ID]]);
        assert_eq!(hidden, [""; 0]);
        let one = json!({ "api_key": { "id": ID, "name": "ci" }, "plaintext": "p" });
        let text = super::render(&one, &["api_key.id".to_owned()], 80).text;
        assert_eq!(words(&text), [["api_key.id", ID]]);
    }
}
