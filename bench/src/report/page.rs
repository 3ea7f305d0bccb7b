//! The page with the last figures, and the hand-written notes below them.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::Error;

/// Separates the generated part of the page from the notes.
const MARKER: &str = "<!-- `make bench` keeps the text below this line. -->";

const HEAD: &str = "\
# Performance

Throughput and latency of the service beside those of a service written by hand and of pgbench with the same SQL, on the
same database in the same run. The ratios can be compared between machines. The services are release binaries, called
over HTTP. The code in `bench/` shows which requests are sent, and in which order.

`make bench` measures and rewrites this page down to the marker. The first run loads the data sets; later runs reuse
them. `make bench BENCH=--quick` is a smoke test, and `BENCH=\"--only verify,append\"` measures only these operations. Both
do not write this page. Run nothing else on the machine meanwhile.

";

const NOTES: &str = "\n\n## What limits each row\n";

/// Writes the report to the page and creates the page if it is missing.
pub(crate) fn write(page: &Path, report: &str) -> Result<(), Error> {
    let old = match fs::read_to_string(page) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::file(page)(error)),
    };
    if let Some(directory) = page.parent() {
        fs::create_dir_all(directory).map_err(Error::file(directory))?;
    }
    fs::write(page, rewritten(&old, report)).map_err(Error::file(page))
}

fn rewritten(old: &str, report: &str) -> String {
    let notes = old.split_once(MARKER).map_or(NOTES, |(_, notes)| notes);
    format!("{HEAD}{report}\n{MARKER}{notes}")
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn the_notes_are_kept() {
        let first = rewritten("", "one\n");
        let second = rewritten(&format!("{first}The disk.\n"), "two\n");
        assert!(second.contains("two") && !second.contains("one\n"));
        assert!(second.ends_with("## What limits each row\nThe disk.\n"));
    }
}
