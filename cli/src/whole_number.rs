//! Parses numbers in arguments, with errors that say what is expected.

/// Returns a parser of whole numbers in a range. `unit` and `example` are for the error.
pub(crate) fn whole_number(
    unit: &'static str,
    minimum: u64,
    maximum: u64,
    example: u64,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |argument| {
        let number = argument.parse().ok();
        number
            .filter(|it| (minimum..=maximum).contains(it))
            .ok_or_else(|| format!("must be a whole number of {unit} from {minimum} to {maximum}, such as {example}"))
    }
}
