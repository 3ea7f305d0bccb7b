//! Compares generated code without its documentation.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use tenant_registry_codegen::GeneratedFile;

/// The generated file that contains the spec as JSON.
const DOCUMENT: &str = "generated/openapi.json";

/// The generated code without documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StrippedCode(Vec<(String, String)>);

impl StrippedCode {
    pub(crate) fn from_files(files: &[GeneratedFile]) -> Self {
        // The served document always differs.
        let code = files.iter().filter(|file| file.path != DOCUMENT);
        let stripped = code.map(|file| {
            let text = match syn::parse_file(&file.text) {
                Ok(mut parsed) => {
                    Strip.visit_file_mut(&mut parsed);
                    parsed.to_token_stream().to_string()
                }
                // A file that cannot be parsed is compared in full.
                Err(_) => file.text.clone(),
            };
            (file.path.clone(), text)
        });
        Self(stripped.collect())
    }
}

struct Strip;

impl VisitMut for Strip {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
    }

    /// Texts for the OpenAPI document that dropshot can generate, which the service does not use.
    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        let is_text = matches!(&field.member, syn::Member::Named(name) if name == "description" || name == "summary");
        if is_text {
            field.expr = syn::Expr::Verbatim(proc_macro2::TokenStream::new());
        }
        visit_mut::visit_field_value_mut(self, field);
    }

    /// The same texts in a chain of builder calls.
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

    /// The fingerprint of the spec always differs.
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

    use super::StrippedCode;

    const SPEC: &str = include_str!("../../spec/openapi.yaml");

    /// Changes every summary and description.
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
    fn only_documentation_is_stripped() {
        let original = StrippedCode::from_files(&generate(SPEC, &[]).unwrap());
        let mut document = to_json(SPEC).unwrap();
        reword(&mut document);
        assert!(StrippedCode::from_files(&generate(&document.to_string(), &[]).unwrap()) == original);
        let renamed = SPEC.replace("sales_owner", "account_owner");
        assert!(StrippedCode::from_files(&generate(&renamed, &[]).unwrap()) != original);
    }
}
