//! Emits the types of enums, integers and values with a format.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use crate::emit::rust;
use crate::model::{Format, IntegerRules, Type, Width};
use crate::names;
use crate::print::doc;

/// An enum of the spec.
pub(super) fn enumeration(name: &Ident, description: &str, values: &[String]) -> TokenStream {
    let documentation = doc(description);
    let variants: Vec<Ident> = values
        .iter()
        .map(|value| format_ident!("{}", names::variant(value)))
        .collect();
    let variant_documentation = values.iter().map(|value| doc(&format!("`{value}`.")));
    let count = Literal::usize_unsuffixed(values.len());
    let from_text = try_from_text(name);
    quote! {
        #documentation
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(try_from = "String")]
        pub enum #name {
            #( #variant_documentation #[serde(rename = #values)] #variants, )*
        }

        impl #name {
            /// All values, in the order of the spec.
            pub const ALL: [Self; #count] = [#(Self::#variants),*];

            /// Returns the value as the spec writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    #( Self::#variants => #values, )*
                }
            }
        }

        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for #name {
            type Err = super::constraint::ConstraintError;

            fn from_str(text: &str) -> Result<Self, super::constraint::ConstraintError> {
                Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or_else(|| {
                    super::constraint::ConstraintError::NotOneOf {
                        allowed: &[#(#values),*],
                        value: super::constraint::Quoted::shown(text),
                    }
                })
            }
        }

        #from_text
    }
}

/// An integer with bounds, or a name for an integer.
pub(super) fn integer(name: &Ident, description: &str, rules: &IntegerRules) -> TokenStream {
    let mut sentences = Vec::new();
    if let Some(minimum) = rules.minimum {
        sentences.push(format!("At least {minimum}."));
    }
    if let Some(maximum) = rules.maximum {
        sentences.push(format!("At most {maximum}."));
    }
    let documentation = documentation(description, &sentences);
    let integer = rust::integer(rules.width);
    let (attribute, conversion, from_number) = if rules.is_unconstrained() {
        let conversion = quote! {
            impl From<#integer> for #name {
                fn from(number: #integer) -> Self {
                    Self(number)
                }
            }
        };
        (quote! { transparent }, conversion, quote! { Ok(Self(number)) })
    } else {
        let text = integer.to_string();
        (
            quote! { try_from = #text },
            checked_integer(name, rules),
            quote! { Self::try_from(number) },
        )
    };
    let minimum = bound_or(rules.minimum, rules.width, &quote! { MIN });
    let maximum = bound_or(rules.maximum, rules.width, &quote! { MAX });
    quote! {
        #documentation
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(#attribute)]
        pub struct #name(pub(super) #integer);

        impl #name {
            /// Returns the number.
            pub fn get(self) -> #integer {
                self.0
            }
        }

        #conversion

        impl ::std::str::FromStr for #name {
            type Err = super::constraint::ConstraintError;

            fn from_str(text: &str) -> Result<Self, super::constraint::ConstraintError> {
                let number: #integer = super::constraint::parse_integer(text, #minimum, #maximum)?;
                #from_number
            }
        }

        impl From<#name> for #integer {
            fn from(value: #name) -> Self {
                value.0
            }
        }

        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }
    }
}

/// `TryFrom` the number, checking the bounds.
fn checked_integer(name: &Ident, rules: &IntegerRules) -> TokenStream {
    let integer = rust::integer(rules.width);
    let widened = match rules.width {
        Width::I32 => quote! { i64::from(number) },
        Width::I64 => quote! { number },
    };
    let minimum = rules.minimum.map(Literal::i64_unsuffixed).into_iter();
    let maximum = rules.maximum.map(Literal::i64_unsuffixed).into_iter();
    quote! {
        impl TryFrom<#integer> for #name {
            type Error = super::constraint::ConstraintError;

            fn try_from(number: #integer) -> Result<Self, super::constraint::ConstraintError> {
                #( super::constraint::check_minimum(#widened, #minimum)?; )*
                #( super::constraint::check_maximum(#widened, #maximum)?; )*
                Ok(Self(number))
            }
        }
    }
}

/// The bound as an `i64`; `extreme` is the constant of the type that applies if the spec sets none.
fn bound_or(bound: Option<i64>, width: Width, extreme: &TokenStream) -> TokenStream {
    match (bound.map(Literal::i64_unsuffixed), width) {
        (Some(bound), _) => quote! { #bound },
        (None, Width::I64) => quote! { i64::#extreme },
        (None, Width::I32) => quote! { i64::from(i32::#extreme) },
    }
}

/// A value that the spec writes as text with a format.
pub(super) fn formatted(name: &Ident, description: &str, format: Format) -> TokenStream {
    let documentation = doc(description);
    let inner = rust::rust_type(&Type::Formatted(format), &quote! { super });
    let from_text = try_from_text(name);
    quote! {
        #documentation
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(try_from = "String")]
        pub struct #name(pub(super) #inner);

        impl From<#inner> for #name {
            fn from(value: #inner) -> Self {
                Self(value)
            }
        }

        impl From<#name> for #inner {
            fn from(value: #name) -> Self {
                value.0
            }
        }

        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ::std::str::FromStr for #name {
            type Err = super::constraint::ConstraintError;

            fn from_str(text: &str) -> Result<Self, super::constraint::ConstraintError> {
                super::decode::Format::parse(text).map(Self)
            }
        }

        #from_text
    }
}

/// `TryFrom` text through `FromStr`.
fn try_from_text(name: &Ident) -> TokenStream {
    quote! {
        impl TryFrom<&str> for #name {
            type Error = super::constraint::ConstraintError;

            fn try_from(text: &str) -> Result<Self, super::constraint::ConstraintError> {
                text.parse()
            }
        }

        impl TryFrom<String> for #name {
            type Error = super::constraint::ConstraintError;

            fn try_from(text: String) -> Result<Self, super::constraint::ConstraintError> {
                text.parse()
            }
        }
    }
}

/// The description of a type, followed by a paragraph with its rules.
pub(super) fn documentation(description: &str, rules: &[String]) -> TokenStream {
    if rules.is_empty() {
        doc(description)
    } else {
        doc(&format!("{}\n\n{}", description.trim(), rules.join(" ")))
    }
}
