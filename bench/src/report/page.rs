//! The page that keeps the last figures, and what was written by hand below them.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::Error;

/// What stands below it is not the bench's to write.
const MARKER: &str = "<!-- Below this line is written by hand; `make bench` keeps it. -->";

const HEAD: &str = "\
# Performance

How fast the service is, as ratios to limits that are measured in the same run, so that they can be compared between
machines: pgbench with the same SQL on the same database, and bare argon2id. The service is the release binary, asked
over HTTP; what it is asked, in which order and against what, is in `bench/`.

`make bench` measures and rewrites this page down to the marker. The first run loads the data sets, which later runs
use again; `make bench BENCH=--quick` is a smoke test that writes nothing here. Let nothing else run meanwhile.

";

const BY_HAND: &str = "\n\n## What bounds each row\n";

/// Writes the report to the page, which is made where it is missing.
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
    let by_hand = old.split_once(MARKER).map_or(BY_HAND, |(_, by_hand)| by_hand);
    format!("{HEAD}{report}\n{MARKER}{by_hand}")
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn what_is_written_by_hand_is_kept() {
        let first = rewritten("", "one\n");
        let second = rewritten(&format!("{first}The disk.\n"), "two\n");
        assert!(second.contains("two") && !second.contains("one\n"));
        assert!(second.ends_with("## What bounds each row\nThe disk.\n"));
    }
}
