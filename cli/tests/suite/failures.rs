//! Errors: messages and exit codes.

use libtest_mimic::Trial;
use tokio::net::TcpListener;

use crate::harness::{TestServer, ended, on_memory, program};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_memory(
            "each_kind_of_failure_has_its_exit_code",
            each_kind_of_failure_has_its_exit_code,
        ),
        on_memory(
            "invalid_arguments_name_what_to_change",
            invalid_arguments_name_what_to_change,
        ),
        on_memory(
            "an_unavailable_service_has_its_own_exit_code",
            an_unavailable_service_has_its_own_exit_code,
        ),
        on_memory("empty_variables_are_unset", empty_variables_are_unset),
        on_memory(
            "invisible_characters_in_settings_are_rejected",
            invisible_characters_in_settings_are_rejected,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const UNKNOWN: &str = "0190b8a5-7b1c-7c3e-9d52-0242ac120099";

async fn each_kind_of_failure_has_its_exit_code(service: TestServer) {
    let acme = service.json(&["tenant", "get-by-slug", "acme"]).await;
    let id = acme["id"].as_str().unwrap();
    let backwards = [
        "tenant",
        "activate",
        id,
        "--contract-start",
        "2027-01-01",
        "--contract-end",
        "2026-01-01",
    ];
    let failed = service.run(&backwards).await;
    failed.assert_failed(3, &["error: invalid_input (400 Bad Request): ", "\nrequest ID: "]);
    assert_eq!(failed.stdout, "");
    let unknown = service.run(&["tenant", "get", UNKNOWN]).await;
    unknown.assert_failed(4, &["error: not_found (404 Not Found): "]);
    let taken = service
        .run(&["tenant", "create", "--slug", "acme", "--name", "Acme"])
        .await;
    taken.assert_failed(5, &["error: conflict (409 Conflict): "]);
    let bad = service.run_with_input(
        &["api-key", "verify", "--key-file", "-", "--output", "json"],
        "no key\n",
    );
    let bad = bad.await;
    bad.assert_failed(7, &["error: the API key is not valid: malformed"]);
    assert!(bad.stdout.contains("\"valid\": false"), "{bad:?}");
}

async fn invalid_arguments_name_what_to_change(service: TestServer) {
    let cases: [(&[&str], &[&str]); 19] = [
        (
            &["tenant", "create", "--slug", "Blue Sky", "--name", "x"],
            &["--slug", "must match the pattern"],
        ),
        (&["tenant", "create", "--name", "x"], &["--slug"]),
        (
            &["tenant", "create", "--slug", "abc", "--name", "x", "--kind", "pet"],
            &["pet", "customer, demo"],
        ),
        (&["tenant", "get", "7"], &["must be a UUID such as"]),
        (
            &["tenant", "activate", UNKNOWN, "--contract-end", "2026-1-2"],
            &["must be a date such as 2026-11-23"],
        ),
        (
            &["audit", "list", "--limit", "501"],
            &["must be at most 500, but is 501"],
        ),
        (
            &["audit", "list", "--since", "yesterday"],
            &["must be a time such as", "a date such as", "how long ago, such as 30s"],
        ),
        (
            &["audit", "list", "--since", "2026-1-1"],
            &["a date such as 2026-11-23"],
        ),
        (&["audit", "list", "--since", "+1h"], &["how long ago, such as 30s"]),
        (
            &["audit", "tail", "--interval", "1s"],
            &["must be a whole number of seconds from 1 to 3600, such as 5"],
        ),
        (
            &["audit", "tail", "--overlap", "90000"],
            &["must be a whole number of seconds from 1 to 86400, such as 30"],
        ),
        (
            &["--timeout", "30s", "health", "get"],
            &["must be a whole number of seconds from 1 to 3600, such as 30"],
        ),
        (
            &["--base-url", "localhost:8090", "health", "get"],
            &["it must start with http:// or https://, such as https://registry.example.com"],
        ),
        (
            &["audit", "append", "--action", "a", "--metadata", "{"],
            &["--metadata", "must be JSON such as", "EOF while parsing"],
        ),
        (
            &["audit", "append", "--action", "a", "--metadata", "[]"],
            &["`metadata`: must be a JSON object, but is `[]`"],
        ),
        (
            &["audit", "append", "--body-file", "no/such.json"],
            &["cannot read no/such.json: No such file"],
        ),
        (
            &["audit", "tail", "--until", "2026-11-23T09:30:00Z"],
            &["--until", "runs until it is stopped"],
        ),
        (&["audit", "export", "--cursor", "7"], &["--cursor", "reads all pages"]),
        (
            &["--base-url", "ftp://nowhere", "health", "get"],
            &["it must start with http:// or https://"],
        ),
    ];
    for (arguments, words) in cases {
        let ended = service.run(arguments).await;
        ended.assert_failed(2, words);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    let twice = ["audit", "append", "--body-file", "-", "--metadata", "@-"];
    let ended = service.run_with_input(&twice, "{}").await;
    ended.assert_failed(2, &["only one argument can be read from standard input"]);
}

async fn an_unavailable_service_has_its_own_exit_code(_: TestServer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let away = ended(program().args(["--base-url", &url, "health", "get"]), "").await;
    away.assert_failed(6, &["error: no response from the Tenant Registry", "refused"]);
}

async fn empty_variables_are_unset(service: TestServer) {
    let mut command = service.command();
    command.args(["health", "get"]).env("TENANT_REGISTRY_OUTPUT", "json");
    assert_eq!(ended(&mut command, "").await.stdout, "{\n  \"status\": \"ok\"\n}\n");
    command.args(["--output", "table"]);
    assert!(
        !ended(&mut command, "").await.stdout.starts_with('{'),
        "a flag goes before a variable"
    );
    let mut command = service.command();
    for variable in ["OUTPUT", "TOKEN", "TOKEN_FILE", "TIMEOUT"] {
        command.env(format!("TENANT_REGISTRY_{variable}"), "");
    }
    assert_eq!(ended(command.args(["health", "get"]), "").await.code, 0);
}

async fn invisible_characters_in_settings_are_rejected(service: TestServer) {
    for (variable, flag) in [
        ("TENANT_REGISTRY_URL", "--base-url"),
        ("TENANT_REGISTRY_TOKEN_FILE", "--token-file"),
        ("TENANT_REGISTRY_TIMEOUT", "--timeout"),
        ("TENANT_REGISTRY_OUTPUT", "--output"),
    ] {
        for (value, reason) in [
            (" swordfish", "begins or ends with white space"),
            ("swordfish\n", "begins or ends with white space"),
            ("sword\u{202e}fish", "contains an invisible character"),
        ] {
            let mut command = service.command();
            let by_variable = ended(command.args(["health", "get"]).env(variable, value), "").await;
            let by_flag = service.run(&["health", "get", flag, value]).await;
            let by_one_argument = service.run(&["health", "get", &format!("{flag}={value}")]).await;
            for (failed, name) in [(by_variable, variable), (by_flag, flag), (by_one_argument, flag)] {
                failed.assert_failed(2, &[&format!("error: {name} {reason}")]);
                assert!(!failed.stderr.contains("fish"), "{failed:?}");
            }
        }
    }
    // Other arguments are data.
    let created = service
        .run(&["tenant", "create", "--slug", "white-space", "--name", " a "])
        .await;
    assert_eq!(created.code, 0, "{created:?}");
}
