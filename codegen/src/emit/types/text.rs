//! Emits the types of text: newtypes that check their rules, and secrets.

use super::scalars::rules_documentation;
use crate::model::TextRules;

/// Text with rules, or a name for text.
pub(super) fn text(name: &str, documentation: &str, rules: &TextRules) -> String {
    let documentation = format!("{documentation}{}", rules_documentation(&text_rules(rules)));
    let conversions = conversions(name, rules, "Quoted::shown");
    let from = if rules.is_unconstrained() {
        "Ok(Self::from(text))"
    } else {
        "Self::try_from(text)"
    };
    format!(
        r#"
        {documentation}
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde({})]
        pub struct {name}(pub(super) String);

        impl {name} {{
            /// The text.
            pub fn as_str(&self) -> &str {{
                &self.0
            }}
        }}
        {conversions}
        impl FromStr for {name} {{
            type Err = ConstraintError;

            fn from_str(text: &str) -> Result<Self, ConstraintError> {{
                {from}
            }}
        }}

        impl From<{name}> for String {{
            fn from(value: {name}) -> Self {{
                value.0
            }}
        }}

        impl fmt::Display for {name} {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                f.write_str(&self.0)
            }}
        }}
        "#,
        reading(rules)
    )
}

/// Text that must not be shown: without `Display`, and with a `Debug` that hides it.
pub(super) fn secret(name: &str, documentation: &str, rules: &TextRules) -> String {
    let documentation = format!(
        "{documentation}{}///\n/// A secret: `Debug` hides it.\n",
        rules_documentation(&text_rules(rules))
    );
    let conversions = conversions(name, rules, "|_| Quoted::hidden()");
    format!(
        r#"
        {documentation}
        #[derive(Clone, Serialize, Deserialize)]
        #[serde({})]
        pub struct {name}(pub(super) String);

        impl {name} {{
            /// The secret itself: keep it out of logs, errors and comparisons that stop early.
            pub fn expose_secret(&self) -> &str {{
                &self.0
            }}
        }}
        {conversions}
        impl fmt::Debug for {name} {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                f.write_str("{name}(***)")
            }}
        }}
        "#,
        reading(rules)
    )
}

/// From plain text: without fail where any is allowed. `quote` says how a message shows what was refused.
fn conversions(name: &str, rules: &TextRules, quote: &str) -> String {
    if rules.is_unconstrained() {
        format!(
            r#"
            impl From<String> for {name} {{
                fn from(text: String) -> Self {{
                    Self(text)
                }}
            }}

            impl From<&str> for {name} {{
                fn from(text: &str) -> Self {{
                    Self(text.to_owned())
                }}
            }}
            "#
        )
    } else {
        format!(
            r#"
            {}

            impl TryFrom<&str> for {name} {{
                type Error = ConstraintError;

                fn try_from(text: &str) -> Result<Self, ConstraintError> {{
                    Self::try_from(text.to_owned())
                }}
            }}
            "#,
            checked(name, rules, quote)
        )
    }
}

/// `TryFrom<String>`, with every rule.
fn checked(name: &str, rules: &TextRules, quote: &str) -> String {
    let minimum = rules.minimum_length.map_or_else(String::new, |it| {
        format!("constraint::check_minimum_length(&text, {it})?;")
    });
    let maximum = rules.maximum_length.map_or_else(String::new, |it| {
        format!("constraint::check_maximum_length(&text, {it})?;")
    });
    let pattern = rules.pattern.as_ref().map_or_else(String::new, |pattern| {
        format!(
            "static PATTERN: LazyLock<CompiledPattern> = LazyLock::new(|| CompiledPattern::new({}));\n\
             PATTERN.check(&text, {quote})?;",
            literal(pattern)
        )
    });
    format!(
        r#"
        impl TryFrom<String> for {name} {{
            type Error = ConstraintError;

            fn try_from(text: String) -> Result<Self, ConstraintError> {{
                {minimum}
                {maximum}
                {pattern}
                Ok(Self(text))
            }}
        }}
        "#
    )
}

/// How serde reads text with these rules.
fn reading(rules: &TextRules) -> &'static str {
    if rules.is_unconstrained() {
        "transparent"
    } else {
        "try_from = \"String\""
    }
}

/// A string literal that shows a pattern as the spec writes it.
fn literal(pattern: &str) -> String {
    let hashes = "#".repeat(
        (0..)
            .find(|count| !pattern.contains(&format!("\"{}", "#".repeat(*count))))
            .unwrap_or_default(),
    );
    format!("r{hashes}\"{pattern}\"{hashes}")
}

fn text_rules(rules: &TextRules) -> Vec<String> {
    let mut sentences = Vec::new();
    match (rules.minimum_length, rules.maximum_length) {
        (Some(minimum), Some(maximum)) => {
            sentences.push(format!("{minimum} to {maximum} characters."));
        }
        (Some(minimum), None) => sentences.push(format!("At least {minimum} characters.")),
        (None, Some(maximum)) => sentences.push(format!("At most {maximum} characters.")),
        (None, None) => {}
    }
    if let Some(pattern) = &rules.pattern {
        sentences.push(format!("Matches `{pattern}`."));
    }
    sentences
}
