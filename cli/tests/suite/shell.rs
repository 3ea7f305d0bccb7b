//! The program in a shell: help, completions, pipes.

use libtest_mimic::Trial;
use serde_json::Value;
use tokio::process::Command;

use crate::harness::{TestServer, ended, on_memory};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_memory("help_has_the_texts_of_the_spec", help_has_the_texts_of_the_spec),
        on_memory("completions_are_scripts", completions_are_scripts),
        on_memory("a_broken_pipe_is_not_an_error", a_broken_pipe_is_not_an_error),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn help_has_the_texts_of_the_spec(service: TestServer) {
    let help = service.run(&["help"]).await;
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    for word in [
        "tenant",
        "api-key",
        "Exit codes:",
        "  7  `api-key verify`",
        "TENANT_REGISTRY_URL",
    ] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
    let spec: Value = serde_json::from_str(tenant_registry_contract::OPENAPI_JSON).unwrap();
    let create = service.run(&["tenant", "create", "--help"]).await.stdout;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let create = words(&create);
    let operation = &spec["paths"]["/v1/tenants"]["post"];
    for said in [
        operation["description"].as_str().unwrap(),
        spec["components"]["schemas"]["TenantSlug"]["description"]
            .as_str()
            .unwrap(),
        "[possible values: customer, demo]",
        "Default: `starter`",
    ] {
        assert!(create.contains(words(said).trim_end_matches('.')), "{said}: {create}");
    }
    let audit = service.run(&["audit", "--help"]).await.stdout;
    for command in ["append", "list", "tail", "export"] {
        assert!(audit.contains(&format!("\n  {command}")), "{command}: {audit}");
    }
    let export = service.run(&["audit", "export", "--help"]).await.stdout;
    assert!(
        export.contains("--tenant-id") && !export.contains("--cursor"),
        "{export}"
    );
    let nothing = service.run(&[]).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""));
}

async fn completions_are_scripts(service: TestServer) {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = service.run(&["completions", shell]).await;
        assert_eq!((script.code, script.stderr.as_str()), (0, ""), "{shell}");
        for word in ["get-by-slug", "verify", "tail", "key-file"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
        if shell == "bash" {
            let read = ended(piped("bash").args(["-n"]), &script.stdout).await;
            assert_eq!((read.code, read.stderr.as_str()), (0, ""));
            let complete = format!(
                "{}\nCOMP_WORDS=(registry api-key rev); COMP_CWORD=2; _registry registry rev api-key; echo \"${{COMPREPLY[@]}}\"",
                script.stdout
            );
            let completed = ended(piped("bash").args(["-s"]), &complete).await;
            assert_eq!(completed.stdout, "revoke\n", "{completed:?}");
        }
    }
}

fn piped(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    command
}

async fn a_broken_pipe_is_not_an_error(service: TestServer) {
    // More than a pipe buffers, so that the program is still writing when the reader closes the pipe.
    for _ in 0..4 {
        let metadata = format!(r#"{{"text": "{}"}}"#, "x".repeat(50_000));
        service
            .json(&["audit", "append", "--action", "a", "--metadata", &metadata])
            .await;
    }
    let pipe = format!(
        "set -o pipefail; {} audit export | head -c 10 > /dev/null",
        env!("CARGO_BIN_EXE_registry")
    );
    let mut command = piped("bash");
    command.args(["-c", &pipe]).env("TENANT_REGISTRY_URL", &service.url);
    let piped = ended(&mut command, "").await;
    assert_eq!((piped.code, piped.stderr.as_str()), (0, ""));
}
