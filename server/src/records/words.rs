//! The words by which tenants are searched for.
//!
//! Postgres splits and folds the words of stored tenants in the same way, by the function `search_words` of the migrations.
//! The suite compares the two for every character.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// The characters of a text that are split into words. Texts that were stored before contract 2.0 may be longer.
const TEXT_MAX: usize = 1024;

/// The characters of a word that are compared. A word of a search has no more.
const WORD_MAX: usize = 256;

/// The letters of Unicode 15 that differ from their lowercase, each followed by it. They are listed, because the standard
/// library and Postgres know different versions of Unicode.
static CASE_FOLDING: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let pairs = include_str!("case_folding.txt").split_whitespace();
    pairs
        .filter_map(|pair| {
            let mut letters = pair.chars();
            Some((letters.next()?, letters.next()?))
        })
        .collect()
});

/// The different words of the texts, in lowercase.
pub fn search_words<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for text in texts {
        let folded: String = text.chars().take(TEXT_MAX).map(fold_case).collect();
        let split = folded.split(separates_words).filter(|word| !word.is_empty());
        words.extend(split.map(|word| word.chars().take(WORD_MAX).collect::<String>()));
    }
    words
}

fn fold_case(letter: char) -> char {
    if letter.is_ascii() {
        letter.to_ascii_lowercase()
    } else {
        CASE_FOLDING.get(&letter).copied().unwrap_or(letter)
    }
}

/// White space, punctuation and symbols of the common blocks of Unicode, and the last character, which the Postgres store
/// uses as an upper bound.
fn separates_words(character: char) -> bool {
    match character {
        '\0'..='\u{7f}' => !character.is_ascii_alphanumeric(),
        '\u{80}'..='\u{a9}'
        | '\u{ab}'..='\u{b1}'
        | '\u{b4}'
        | '\u{b6}'..='\u{b8}'
        | '\u{bb}'
        | '\u{bf}'
        | '\u{d7}'
        | '\u{f7}'
        | '\u{1680}'
        | '\u{2000}'..='\u{206f}'
        | '\u{3000}'..='\u{3003}'
        | '\u{3008}'..='\u{301f}'
        | '\u{feff}'
        | char::MAX => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::search_words;

    #[test]
    fn words_are_split_at_punctuation_and_in_lowercase() {
        let words = |text| search_words([text]).into_iter().collect::<Vec<_>>();
        assert_eq!(
            words("Blue-Sky Ltd. (2026), blue\u{a0}SKY"),
            ["2026", "blue", "ltd", "sky"]
        );
        assert_eq!(
            words("MÜLLER & Söhne – ΟΔΥΣΣΕΥΣ İş"),
            ["iş", "müller", "söhne", "οδυσσευσ"]
        );
        assert_eq!(words("cus_NffrFeUfNV2Hib"), ["cus", "nffrfeufnv2hib"]);
        assert!(words(" -\t").is_empty());
    }

    #[test]
    fn long_words_and_texts_are_cut() {
        let words = search_words([format!("{} late", "x".repeat(1020)).as_str()]);
        assert_eq!(
            words.into_iter().collect::<Vec<_>>(),
            ["lat".to_owned(), "x".repeat(256)]
        );
    }
}
