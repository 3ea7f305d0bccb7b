//! Emits the types of text: newtypes that check their rules, and secrets.

use std::str::FromStr;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::scalars::documentation;
use crate::model::TextRules;
use crate::print::is_invisible;

/// Text with rules, or a name for text.
pub(super) fn text(name: &Ident, description: &str, rules: &TextRules) -> TokenStream {
    let documentation = documentation(description, &sentences(rules));
    let attribute = serde_attribute(rules);
    let conversions = conversions(name, rules, &quote! { super::constraint::Quoted::shown });
    let from_text = if rules.is_unconstrained() {
        quote! { Ok(Self::from(text)) }
    } else {
        quote! { Self::try_from(text) }
    };
    quote! {
        #documentation
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #attribute
        pub struct #name(pub(super) String);

        impl #name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        #conversions

        impl ::std::str::FromStr for #name {
            type Err = super::constraint::ConstraintError;

            fn from_str(text: &str) -> Result<Self, super::constraint::ConstraintError> {
                #from_text
            }
        }

        impl From<#name> for String {
            fn from(value: #name) -> Self {
                value.0
            }
        }

        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    }
}

/// Secret text: it has no `Display`, and its `Debug` hides it.
pub(super) fn secret(name: &Ident, description: &str, rules: &TextRules) -> TokenStream {
    let documentation = documentation(description, &sentences(rules));
    let attribute = serde_attribute(rules);
    let conversions = conversions(name, rules, &quote! { |_| super::constraint::Quoted::hidden() });
    let hidden = format!("{name}(***)");
    quote! {
        #documentation
        ///
        /// A secret: `Debug` hides it.
        #[derive(Clone, ::serde::Serialize, ::serde::Deserialize)]
        #attribute
        pub struct #name(pub(super) String);

        impl #name {
            /// Returns the secret. Keep it out of logs and errors, and compare it in constant time.
            pub fn expose_secret(&self) -> &str {
                &self.0
            }
        }

        #conversions

        impl ::std::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(#hidden)
            }
        }
    }
}

/// Conversions from text: `From` if the schema allows any text, else `TryFrom`. `quote` is the function that shows a
/// rejected value in a message.
fn conversions(name: &Ident, rules: &TextRules, quote: &TokenStream) -> TokenStream {
    if rules.is_unconstrained() {
        return quote! {
            impl From<String> for #name {
                fn from(text: String) -> Self {
                    Self(text)
                }
            }

            impl From<&str> for #name {
                fn from(text: &str) -> Self {
                    Self(text.to_owned())
                }
            }
        };
    }
    let minimum = rules.minimum_length.map(Literal::usize_unsuffixed).into_iter();
    let maximum = rules.maximum_length.map(Literal::usize_unsuffixed).into_iter();
    let pattern = rules.pattern.as_deref().map(raw_literal).into_iter();
    quote! {
        impl TryFrom<String> for #name {
            type Error = super::constraint::ConstraintError;

            fn try_from(text: String) -> Result<Self, super::constraint::ConstraintError> {
                #( super::constraint::check_minimum_length(&text, #minimum)?; )*
                #( super::constraint::check_maximum_length(&text, #maximum)?; )*
                #(
                    static PATTERN: ::std::sync::LazyLock<super::constraint::CompiledPattern> =
                        ::std::sync::LazyLock::new(|| super::constraint::CompiledPattern::new(#pattern));
                    PATTERN.check(&text, #quote)?;
                )*
                Ok(Self(text))
            }
        }

        impl TryFrom<&str> for #name {
            type Error = super::constraint::ConstraintError;

            fn try_from(text: &str) -> Result<Self, super::constraint::ConstraintError> {
                Self::try_from(text.to_owned())
            }
        }
    }
}

/// How serde reads text with these rules.
fn serde_attribute(rules: &TextRules) -> TokenStream {
    if rules.is_unconstrained() {
        quote! { #[serde(transparent)] }
    } else {
        quote! { #[serde(try_from = "String")] }
    }
}

/// A string literal that shows a pattern as the spec writes it.
fn raw_literal(pattern: &str) -> Literal {
    if pattern.chars().any(|it| it.is_control() || is_invisible(it)) {
        return Literal::string(pattern);
    }
    let mut hashes = String::new();
    while pattern.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    Literal::from_str(&format!("r{hashes}\"{pattern}\"{hashes}")).unwrap_or_else(|_| Literal::string(pattern))
}

/// The rules as sentences.
fn sentences(rules: &TextRules) -> Vec<String> {
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
