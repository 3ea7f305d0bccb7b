//! Emits `cli/`: a command for each operation, in groups by resource, with an argument for each parameter and property.
//!
//! The files become a module of a program that has
//! `crate::client` (the crate of the generated client, or a module that exports the same) and `crate::failure::Failure` (why a
//! command failed) with `From<client::Error>`.
//!
//! progenitor can generate commands too, but it does not know the rules of a body: which properties are secrets, which can
//! be `null`, and which values an enum has.

mod arguments;
mod groups;
mod send;

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use self::arguments::Argument;
use self::groups::{Command, Group};
use super::rust;
use super::template::prune;
use crate::fingerprint::fnv_1a;
use crate::model::{Api, Operation};
use crate::print::{plain_doc, rust_file};
use crate::{Error, GeneratedFile, names};

const ARGUMENTS: &str = include_str!("../../templates/cli_arguments.rs");

/// All files of `cli/`. `spec` is the text that `api` was read from; `flags` are those of the program itself.
pub(crate) fn emit(api: &Api, spec: &str, flags: &[&str]) -> Result<Vec<GeneratedFile>, Error> {
    let groups = groups::from_api(api)?;
    let mut code = String::new();
    let mut files = Vec::new();
    for group in &groups {
        let (path, text) = (
            format!("{}.rs", names::module(&group.name)),
            group_file(api, group, flags)?,
        );
        code.push_str(&text);
        files.push(GeneratedFile::new(path, text));
    }
    let has_arguments = code.contains("arguments::");
    if has_arguments {
        let (arguments, _) = prune(ARGUMENTS, &code)?;
        files.push(GeneratedFile::new("arguments.rs", arguments));
    }
    let root = root(api, &groups, has_arguments, spec)?;
    files.push(GeneratedFile::new("mod.rs", root));
    Ok(files)
}

/// `mod.rs`.
fn root(api: &Api, groups: &[Group<'_>], has_arguments: bool, spec: &str) -> Result<String, Error> {
    let fingerprint = Literal::u64_unsuffixed(fnv_1a(spec));
    let arguments = has_arguments.then(|| quote! { mod arguments; });
    let modules: Vec<Ident> = groups.iter().map(|group| names::module(&group.name)).collect();
    let groups_documentation = groups.iter().map(|group| plain_doc(&group.about));
    let variants: Vec<Ident> = groups
        .iter()
        .map(|group| format_ident!("{}", names::variant(&group.name)))
        .collect();
    let responses = responses(api);
    let has_empty_response = api
        .operations
        .iter()
        .any(|operation| send::success(operation).is_none());
    let empty_response = has_empty_response.then(|| {
        quote! {
            /// A success without a body.
            Empty,
        }
    });
    rust_file(
        "The commands of the operations: a group for each resource, with a command for each operation.",
        quote! {
            #arguments
            #( pub(crate) mod #modules; )*

            /// Identifies the spec that these files were generated from: the 64-bit FNV-1a hash of its text.
            pub(crate) const SPEC_FINGERPRINT: u64 = #fingerprint;

            /// A command that calls an operation.
            #[derive(Clone, Debug, ::clap::Subcommand)]
            pub(crate) enum OperationCommand {
                #(
                    #groups_documentation
                    #[command(subcommand)]
                    #variants(#modules::Command),
                )*
            }

            impl OperationCommand {
                /// Sends the request.
                pub(crate) async fn send(
                    self,
                    client: &crate::client::Client,
                ) -> Result<Response, crate::failure::Failure> {
                    match self {
                        #( Self::#variants(command) => command.send(client).await, )*
                    }
                }
            }

            /// The body of a success.
            #[derive(Clone, Debug, ::serde::Serialize)]
            #[serde(untagged)]
            pub(crate) enum Response {
                #( #responses(crate::client::types::#responses), )*
                #empty_response
            }
        },
    )
}

/// The types of all successes, each once, in the order of the operations.
fn responses(api: &Api) -> Vec<Ident> {
    let mut seen = BTreeSet::new();
    let types = api.operations.iter().filter_map(send::success);
    types.filter(|ty| seen.insert(ty.clone())).collect()
}

fn group_file(api: &Api, group: &Group<'_>, flags: &[&str]) -> Result<String, Error> {
    let mut variants = Vec::new();
    let mut arms = Vec::new();
    let mut requests = Vec::new();
    for Command { name, operation } in &group.commands {
        let variant = format_ident!("{}", names::variant(name));
        let request = format_ident!("{}", names::operation_type(&operation.id));
        variants.push(quote! { #variant(#request) });
        arms.push(match send::success(operation) {
            Some(ty) => quote! {
                Self::#variant(request) => super::Response::#ty(request.send(client).await?)
            },
            None => quote! {
                Self::#variant(request) => {
                    request.send(client).await?;
                    super::Response::Empty
                }
            },
        });
        requests.push(self::request(api, operation, flags)?);
    }
    rust_file(
        &format!("The commands of the group `{}`.", group.word()),
        quote! {
            /// The commands of the group.
            #[derive(Clone, Debug, ::clap::Subcommand)]
            pub(crate) enum Command {
                #(#variants,)*
            }

            impl Command {
                /// Sends the request.
                pub(crate) async fn send(
                    self,
                    client: &crate::client::Client,
                ) -> Result<super::Response, crate::failure::Failure> {
                    let response = match self { #(#arms,)* };
                    Ok(response)
                }
            }

            #(#requests)*
        },
    )
}

/// The struct of an operation's arguments, and how they become its request.
fn request(api: &Api, operation: &Operation, flags: &[&str]) -> Result<TokenStream, Error> {
    let arguments = arguments::from_operation(api, operation, flags)?;
    let documentation = plain_doc(&rust::summary_and_description(operation));
    let name = format_ident!("{}", names::operation_type(&operation.id));
    let fields = arguments.iter().map(Argument::field);
    let success = match send::success(operation) {
        Some(ty) => quote! { crate::client::types::#ty },
        None => quote! { () },
    };
    let send = send::body(operation, &arguments);
    Ok(quote! {
        #documentation
        #[derive(Clone, Debug, ::clap::Args)]
        pub(crate) struct #name {
            #(#fields,)*
        }

        impl #name {
            /// Sends the request.
            pub(crate) async fn send(
                self,
                client: &crate::client::Client,
            ) -> Result<#success, crate::failure::Failure> {
                #send
            }
        }
    })
}
