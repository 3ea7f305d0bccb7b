//! Is the difference between two states of the generated code one of documentation alone?

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use tenant_registry_codegen::GeneratedFile;

/// The spec in JSON, among the generated files.
const DOCUMENT: &str = "generated/openapi.json";

/// The generated code without what is there for readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Substance(Vec<(String, String)>);

impl Substance {
    pub(crate) fn of(files: &[GeneratedFile]) -> Self {
        // The document that is served is the changed one, whatever the change is.
        let code = files.iter().filter(|file| file.path != DOCUMENT);
        let substance = code.map(|file| {
            let text = match syn::parse_file(&file.text) {
                Ok(mut parsed) => {
                    Strip.visit_file_mut(&mut parsed);
                    parsed.to_token_stream().to_string()
                }
                // Then all of it counts.
                Err(_) => file.text.clone(),
            };
            (file.path.clone(), text)
        });
        Self(substance.collect())
    }
}

struct Strip;

impl VisitMut for Strip {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
    }

    /// What dropshot would put into a document of its own; nobody asks it for one.
    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        let is_text = matches!(&field.member, syn::Member::Named(name) if name == "description" || name == "summary");
        if is_text {
            field.expr = syn::Expr::Verbatim(proc_macro2::TokenStream::new());
        }
        visit_mut::visit_field_value_mut(self, field);
    }

    /// The same, of an endpoint that is made step by step.
    fn visit_expr_method_call_mut(&mut self, call: &mut syn::ExprMethodCall) {
        if call.method == "description" || call.method == "summary" {
            call.args.clear();
        }
        visit_mut::visit_expr_method_call_mut(self, call);
    }

    fn visit_expr_assign_mut(&mut self, assignment: &mut syn::ExprAssign) {
        let is_text = matches!(
            &*assignment.left,
            syn::Expr::Field(field)
                if matches!(&field.member, syn::Member::Named(name) if name == "description" || name == "summary")
        );
        if is_text {
            *assignment.right = syn::Expr::Verbatim(proc_macro2::TokenStream::new());
        }
        visit_mut::visit_expr_assign_mut(self, assignment);
    }

    /// The spec's fingerprint differs whatever the change is.
    fn visit_item_const_mut(&mut self, item: &mut syn::ItemConst) {
        if item.ident == "SPEC_FINGERPRINT" {
            *item.expr = syn::Expr::Verbatim(proc_macro2::TokenStream::new());
        }
        visit_mut::visit_item_const_mut(self, item);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tenant_registry_codegen::{generate, to_json};

    use super::Substance;

    const SPEC: &str = include_str!("../../spec/openapi.yaml");

    /// Puts a word before every text that is for readers alone.
    fn reword(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if let Value::String(text) = member
                        && (name == "description" || name == "summary")
                    {
                        *text = format!("Otherwise: {text}");
                    } else {
                        reword(member);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(reword),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn other_words_are_no_other_substance() {
        let original = Substance::of(&generate(SPEC).unwrap());
        let mut document = to_json(SPEC).unwrap();
        reword(&mut document);
        assert!(Substance::of(&generate(&document.to_string()).unwrap()) == original);
        let renamed = SPEC.replace("sales_owner", "account_owner");
        assert!(Substance::of(&generate(&renamed).unwrap()) != original);
    }
}
