//! Emits the types of enums, integers and values with a format.

use crate::emit::rust;
use crate::model::{Format, IntegerRules};
use crate::names;
use crate::print::docs;

/// An enum of the spec.
pub(super) fn enumeration(name: &str, documentation: &str, values: &[String]) -> String {
    let variant = |value: &String| names::type_name(value);
    let variants: String = values
        .iter()
        .map(|value| format!("/// `{value}`.\n#[serde(rename = {value:?})]\n{},\n", variant(value)))
        .collect();
    let all: String = values.iter().map(|it| format!("Self::{},", variant(it))).collect();
    let texts: String = values.iter().map(|it| format!("{it:?},")).collect();
    let arms: String = values
        .iter()
        .map(|it| format!("Self::{} => {it:?},\n", variant(it)))
        .collect();
    let count = values.len();
    format!(
        r#"
        {documentation}
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub enum {name} {{
            {variants}
        }}

        impl {name} {{
            /// All values, in the order of the spec.
            pub const ALL: [Self; {count}] = [{all}];

            /// The value as the spec writes it.
            pub fn as_str(self) -> &'static str {{
                match self {{
                    {arms}
                }}
            }}
        }}

        impl fmt::Display for {name} {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                f.write_str(self.as_str())
            }}
        }}

        impl FromStr for {name} {{
            type Err = ConstraintError;

            fn from_str(text: &str) -> Result<Self, ConstraintError> {{
                Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or_else(|| {{
                    ConstraintError::NotOneOf {{ allowed: &[{texts}], value: Quoted::shown(text) }}
                }})
            }}
        }}
        {}
        "#,
        from_text(name)
    )
}

/// An integer with bounds, or a name for an integer.
pub(super) fn integer(name: &str, documentation: &str, rules: &IntegerRules) -> String {
    let integer = rust::integer(rules.width);
    let mut sentences = Vec::new();
    if let Some(minimum) = rules.minimum {
        sentences.push(format!("At least {minimum}."));
    }
    if let Some(maximum) = rules.maximum {
        sentences.push(format!("At most {maximum}."));
    }
    let documentation = format!("{documentation}{}", rules_documentation(&sentences));
    let widened = match integer {
        "i64" => "number",
        _ => "i64::from(number)",
    };
    let bound = |bound: Option<i64>, function: &str| {
        bound.map_or_else(String::new, |bound| {
            format!("constraint::check_{function}({widened}, {bound})?;")
        })
    };
    let (from_number, attribute) = if rules.is_unconstrained() {
        (
            format!(
                r#"
                impl From<{integer}> for {name} {{
                    fn from(number: {integer}) -> Self {{
                        Self(number)
                    }}
                }}
                "#
            ),
            "transparent".to_owned(),
        )
    } else {
        (
            format!(
                r#"
                impl TryFrom<{integer}> for {name} {{
                    type Error = ConstraintError;

                    fn try_from(number: {integer}) -> Result<Self, ConstraintError> {{
                        {}
                        {}
                        Ok(Self(number))
                    }}
                }}
                "#,
                bound(rules.minimum, "minimum"),
                bound(rules.maximum, "maximum"),
            ),
            format!("try_from = {integer:?}"),
        )
    };
    let bound_or = |bound: Option<i64>, end: &str| bound.map_or_else(|| extreme(integer, end), |it| it.to_string());
    let (least, most) = (bound_or(rules.minimum, "MIN"), bound_or(rules.maximum, "MAX"));
    let finish = if rules.is_unconstrained() {
        "Ok(Self(number))"
    } else {
        "Self::try_from(number)"
    };
    format!(
        r#"
        {documentation}
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde({attribute})]
        pub struct {name}(pub(super) {integer});

        impl {name} {{
            /// The number.
            pub fn get(self) -> {integer} {{
                self.0
            }}
        }}
        {from_number}
        impl FromStr for {name} {{
            type Err = ConstraintError;

            fn from_str(text: &str) -> Result<Self, ConstraintError> {{
                let number: {integer} = text.parse().map_err(|_| ConstraintError::NotAnInteger {{
                    minimum: {least},
                    maximum: {most},
                    value: Quoted::shown(text),
                }})?;
                {finish}
            }}
        }}

        impl From<{name}> for {integer} {{
            fn from(value: {name}) -> Self {{
                value.0
            }}
        }}

        impl fmt::Display for {name} {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                self.0.fmt(f)
            }}
        }}
        "#
    )
}

/// A value that is text with a format.
pub(super) fn formatted(name: &str, documentation: &str, format: Format) -> String {
    let inner = rust::formatted(format);
    let (attribute, display) = match format {
        Format::Uuid | Format::Date => ("", "self.0.fmt(f)"),
        Format::DateTime => (
            "#[serde(serialize_with = \"encode::date_time\")] ",
            "f.write_str(&encode::rfc3339(self.0))",
        ),
    };
    format!(
        r#"
        {documentation}
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct {name}({attribute}pub(super) {inner});

        impl From<{inner}> for {name} {{
            fn from(value: {inner}) -> Self {{
                Self(value)
            }}
        }}

        impl From<{name}> for {inner} {{
            fn from(value: {name}) -> Self {{
                value.0
            }}
        }}

        impl fmt::Display for {name} {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                {display}
            }}
        }}

        impl FromStr for {name} {{
            type Err = ConstraintError;

            fn from_str(text: &str) -> Result<Self, ConstraintError> {{
                Format::parse(text).map(Self)
            }}
        }}
        {}
        "#,
        from_text(name)
    )
}

/// `TryFrom` text by way of `FromStr`.
fn from_text(name: &str) -> String {
    format!(
        r#"
        impl TryFrom<&str> for {name} {{
            type Error = ConstraintError;

            fn try_from(text: &str) -> Result<Self, ConstraintError> {{
                text.parse()
            }}
        }}

        impl TryFrom<String> for {name} {{
            type Error = ConstraintError;

            fn try_from(text: String) -> Result<Self, ConstraintError> {{
                text.parse()
            }}
        }}
        "#
    )
}

/// The bound of the type itself, where the spec sets none.
fn extreme(integer: &str, end: &str) -> String {
    match integer {
        "i64" => format!("i64::{end}"),
        _ => format!("i64::from({integer}::{end})"),
    }
}

/// The paragraph that says the rules of a type.
pub(super) fn rules_documentation(sentences: &[String]) -> String {
    if sentences.is_empty() {
        String::new()
    } else {
        format!("///\n{}", docs(&sentences.join(" ")))
    }
}
