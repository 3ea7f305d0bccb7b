//! Emits `cli/`: a command for each operation, in groups by resource, with an argument for each parameter and property.
//!
//! The files are made for `crate::generated` of a program that stands on the generated client and brings, besides,
//! `crate::failure::Failure` (why there is nothing to show) with `From<tenant_registry_client::Error>`.
//!
//! progenitor generates commands too, but knows no more of a body than its schema in the lowered document: no secret that
//! must not be an argument, no `null`, no words of a constraint.

mod arguments;
mod groups;
mod send;

use self::arguments::Argument;
use self::groups::{Command, Group};
use super::rust;
use super::template::prune;
use crate::client::fingerprint;
use crate::model::{Api, Operation};
use crate::print::{plain_docs, rust_source};
use crate::{Error, GeneratedFile, names};

const ARGUMENTS: &str = include_str!("../../templates/cli_arguments.rs");

/// All files of `cli/`. `text` is the spec that `api` was read from.
pub(crate) fn emit(api: &Api, text: &str) -> Result<Vec<GeneratedFile>, Error> {
    let groups = groups::from_api(api)?;
    let mut code = String::new();
    let mut files = Vec::new();
    for group in &groups {
        let (path, text) = (format!("cli/{}.rs", group.name), group_file(api, group)?);
        code.push_str(&text);
        files.push(GeneratedFile::new(path, text));
    }
    let has_values = code.contains("arguments::");
    if has_values {
        let (arguments, _) = prune(ARGUMENTS, &code)?;
        files.push(GeneratedFile::new("cli/arguments.rs", arguments));
    }
    let root = root(api, &groups, has_values, text)?;
    files.push(GeneratedFile::new("cli/mod.rs", root));
    Ok(files)
}

fn root(api: &Api, groups: &[Group<'_>], has_values: bool, text: &str) -> Result<String, Error> {
    let fingerprint = fingerprint::fnv_1a(text);
    let per_group = |line: &dyn Fn(&Group<'_>) -> String| groups.iter().map(line).collect::<String>();
    let modules = per_group(&|group| format!("pub(crate) mod {};\n", group.name));
    let arguments = if has_values { "mod arguments;\n" } else { "" };
    let variants = per_group(&|group| {
        let Group { name, about, .. } = group;
        let (documentation, variant) = (plain_docs(about), names::type_name(name));
        format!("{documentation}#[command(subcommand)]\n{variant}({name}::Command),\n")
    });
    let arms = per_group(&|group| {
        format!(
            "Self::{}(command) => command.send(client).await,\n",
            names::type_name(&group.name)
        )
    });
    let answers: String = answers(api).map(|name| format!("{name}(types::{name}),\n")).collect();
    let types = if answers.is_empty() {
        ""
    } else {
        "use tenant_registry_client::types;"
    };
    let nothing = api
        .operations
        .iter()
        .any(|operation| send::success(operation).is_none());
    let nothing = if nothing {
        "/// The status says all.\nNothing,\n"
    } else {
        ""
    };
    rust_source(
        "The commands of the operations: a group for each resource, in it a command for each operation.",
        &format!(
            r#"
            use clap::Subcommand;
            use serde::Serialize;
            use tenant_registry_client::Client;
            {types}
            use crate::failure::Failure;

            {arguments}{modules}

            /// Tells the spec that these files were generated from: FNV-1a, 64 bits, of its bytes.
            pub(crate) const SPEC_FINGERPRINT: u64 = {fingerprint};

            /// A command that stands for an operation.
            #[derive(Clone, Debug, Subcommand)]
            pub(crate) enum OperationCommand {{
                {variants}
            }}

            impl OperationCommand {{
                /// Sends the request.
                pub(crate) async fn send(self, client: &Client) -> Result<Answer, Failure> {{
                    match self {{ {arms} }}
                }}
            }}

            /// What the service answers to a success.
            #[derive(Clone, Debug, Serialize)]
            #[serde(untagged)]
            pub(crate) enum Answer {{
                {answers}{nothing}
            }}
            "#
        ),
    )
}

/// The types of all successes, each once, in the order of the operations.
fn answers(api: &Api) -> impl Iterator<Item = String> {
    let mut seen = std::collections::BTreeSet::new();
    api.operations
        .iter()
        .filter_map(send::success)
        .map(names::type_name)
        .filter(move |name| seen.insert(name.clone()))
}

fn group_file(api: &Api, group: &Group<'_>) -> Result<String, Error> {
    let mut variants = String::new();
    let mut arms = String::new();
    let mut structs = String::new();
    for Command { name, operation } in &group.commands {
        let (variant, ty) = (names::type_name(name), names::type_name(&operation.id));
        variants.push_str(&format!("{variant}({ty}),\n"));
        arms.push_str(&match send::success(operation).map(names::type_name) {
            Some(answer) => format!("Self::{variant}(request) => Answer::{answer}(request.send(client).await?),\n"),
            None => format!("Self::{variant}(request) => {{ request.send(client).await?; Answer::Nothing }}\n"),
        });
        structs.push_str(&request(api, operation)?);
    }
    let code = format!(
        r#"
        /// The commands of the group.
        #[derive(Clone, Debug, Subcommand)]
        pub(crate) enum Command {{
            {variants}
        }}

        impl Command {{
            /// Sends the request.
            pub(crate) async fn send(self, client: &Client) -> Result<Answer, Failure> {{
                let answer = match self {{ {arms} }};
                Ok(answer)
            }}
        }}

        {structs}
        "#
    );
    let imports = rust::imports(
        &code,
        &[
            ("Args)]", "clap::Args"),
            ("Subcommand)]", "clap::Subcommand"),
            ("NaiveDate", "chrono::NaiveDate"),
            ("DateTime<", "chrono::DateTime"),
            ("Utc>", "chrono::Utc"),
            ("Uuid", "uuid::Uuid"),
            ("FromStr>", "std::str::FromStr"),
            ("&Client", "tenant_registry_client::Client"),
            ("types::", "tenant_registry_client::types"),
            ("Format>", "tenant_registry_client::types::Format"),
            ("arguments::", "super::arguments"),
            ("Body::", "super::arguments::Body"),
            ("Input>", "super::arguments::Input"),
            ("Json>", "super::arguments::Json"),
            ("Nullable<", "super::arguments::Nullable"),
            ("Failure>", "crate::failure::Failure"),
            ("Answer", "super::Answer"),
        ],
    );
    rust_source(
        &format!("The commands of the group `{}`.", group.word()),
        &format!("{imports}{code}"),
    )
}

/// The arguments of an operation, and how they become its request.
fn request(api: &Api, operation: &Operation) -> Result<String, Error> {
    let arguments = arguments::from_operation(api, operation)?;
    let fields: String = arguments.iter().map(Argument::field).collect();
    let mut about = operation.summary.clone();
    if let Some(description) = &operation.description {
        about.push_str("\n\n");
        about.push_str(description);
    }
    Ok(format!(
        r#"
        {documentation}
        #[derive(Clone, Debug, Args)]
        pub(crate) struct {name} {{
            {fields}
        }}

        impl {name} {{
            /// Sends the request.
            pub(crate) async fn send(self, client: &Client) -> Result<{success}, Failure> {{
                {send}
            }}
        }}
        "#,
        documentation = plain_docs(&about),
        name = names::type_name(&operation.id),
        success = send::success(operation)
            .map_or_else(|| "()".to_owned(), |name| format!("types::{}", names::type_name(name))),
        send = send::body(operation, &arguments),
    ))
}
