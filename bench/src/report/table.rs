//! A Markdown table with aligned columns.

/// Formats a heading and rows. The first column is text, the others are numbers.
pub(super) fn table<const COLUMNS: usize>(heading: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&heading.map(str::to_owned), &widths);
    text.push('|');
    for (column, width) in widths.into_iter().enumerate() {
        let dashes = "-".repeat(width + 1);
        text.push_str(&if column == 0 {
            format!("{dashes}-|")
        } else {
            format!("{dashes}:|")
        });
    }
    text.push('\n');
    for row in rows {
        text.push_str(&line(row, &widths));
    }
    text
}

fn line<const COLUMNS: usize>(cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let mut text = String::from("|");
    for (column, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        text.push_str(&if column == 0 {
            format!(" {cell:<width$} |")
        } else {
            format!(" {cell:>width$} |")
        });
    }
    text.push('\n');
    text
}

/// A number with this many decimal places, or a dash for `None`.
pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::{number, table};

    #[test]
    fn a_table_is_aligned_markdown() {
        let rows = [
            ["append".to_owned(), number(Some(1.25), 1)],
            ["–".to_owned(), number(None, 1)],
        ];
        assert_eq!(
            table(["operation", "ms"], &rows),
            "| operation |  ms |\n|-----------|----:|\n| append    | 1.2 |\n| –         |   – |\n"
        );
    }
}
