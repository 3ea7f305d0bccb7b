//! Names in place of IDs, and the commands that people use with them.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::harness::{TestServer, on_memory, on_stores};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_stores("a_tenant_is_given_by_its_slug", a_tenant_is_given_by_its_slug),
        on_stores("a_project_is_given_by_its_slug", a_project_is_given_by_its_slug),
        on_stores("a_key_is_rotated_by_its_name", a_key_is_rotated_by_its_name),
        on_memory("an_unknown_name_is_not_found", an_unknown_name_is_not_found),
        on_memory("a_malformed_name_is_rejected", a_malformed_name_is_rejected),
        on_memory("a_plaintext_is_never_repeated", a_plaintext_is_never_repeated),
        on_memory("a_plaintext_is_written_to_a_file", a_plaintext_is_written_to_a_file),
        on_stores("a_tenant_is_shown_with_what_it_has", a_tenant_is_shown_with_what_it_has),
        on_memory(
            "the_help_shows_that_names_are_accepted",
            the_help_shows_that_names_are_accepted,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn blue_sky(service: &TestServer) -> Value {
    let create = ["tenant", "create", "--slug", "blue-sky", "--name", "Blue Sky"];
    service.json(&create).await
}

async fn create_key(service: &TestServer, tenant: &str, name: &str) -> Value {
    service
        .json(&["key", "create", "--tenant", tenant, "--name", name])
        .await
}

async fn a_tenant_is_given_by_its_slug(service: TestServer) {
    let created = blue_sky(&service).await;
    let id = text(&created["id"]);
    let by_name = service.json(&["tenant", "get", "blue-sky"]).await;
    assert_eq!(by_name, service.json(&["tenant", "get", id]).await);
    let updated = service.json(&["tenant", "update", "blue-sky", "--plan", "team"]).await;
    assert_eq!((&updated["id"], &updated["plan"]), (&created["id"], &json!("team")));
    // Both names of the option, and two names in one command line.
    for option in ["--tenant", "--tenant-id"] {
        let append = ["audit", "append", "--action", "a", option, "blue-sky"];
        assert_eq!(service.json(&append).await["tenant_id"], created["id"]);
    }
    let events = service.json(&["audit", "list", "--tenant", "blue-sky"]).await;
    assert_eq!(events["items"].as_array().unwrap().len(), 4);
    let set = ["entitlement", "set", "blue-sky", "insights", "--source", "override"];
    assert_eq!(service.json(&set).await["tenant_id"], created["id"]);
}

async fn a_project_is_given_by_its_slug(service: TestServer) {
    blue_sky(&service).await;
    for slug in ["website", "mobile-app"] {
        service
            .json(&[
                "project", "create", "--tenant", "blue-sky", "--slug", slug, "--name", slug,
            ])
            .await;
    }
    let project = service.json(&["project", "get", "blue-sky/website"]).await;
    assert_eq!(project["slug"], "website");
    let tenant_id = text(&project["tenant_id"]);
    let by_id = format!("{tenant_id}/website");
    assert_eq!(service.json(&["project", "get", &by_id]).await, project);
    let create = ["key", "create", "--tenant", "blue-sky", "--name", "ci"];
    let key = service
        .json(&[create.as_slice(), &["--project", "blue-sky/website"]].concat())
        .await;
    assert_eq!(key["api_key"]["project_id"], project["id"]);
}

async fn a_key_is_rotated_by_its_name(service: TestServer) {
    blue_sky(&service).await;
    let (created, other) = (
        create_key(&service, "blue-sky", "ci").await,
        create_key(&service, "blue-sky", "other").await,
    );
    let rotated = service.json(&["key", "rotate", "blue-sky/ci"]).await;
    assert_eq!(rotated["api_key"]["rotated_from"], created["api_key"]["id"]);
    // Both keys have the name and are usable until the overlap ends.
    let ambiguous = service.run(&["key", "revoke", "blue-sky/ci"]).await;
    let (old, new) = (text(&created["api_key"]["prefix"]), text(&rotated["api_key"]["prefix"]));
    ambiguous.assert_failed(2, &["2 API keys", old, new, text(&created["api_key"]["id"])]);
    let by_prefix = format!("blue-sky/{old}");
    assert_eq!(service.json(&["key", "revoke", &by_prefix]).await, Value::Null);
    let revoked = service.json(&["key", "get", &by_prefix]).await;
    assert_eq!(
        (&revoked["id"], revoked["revoked_at"].is_string()),
        (&created["api_key"]["id"], true)
    );
    // Only one of them is usable now.
    let current = service.json(&["key", "get", "blue-sky/ci"]).await;
    assert_eq!(current["id"], rotated["api_key"]["id"]);
    let untouched = service.json(&["key", "get", "blue-sky/other"]).await;
    assert_eq!(untouched, other["api_key"]);
}

async fn an_unknown_name_is_not_found(service: TestServer) {
    for (arguments, words) in [
        (["tenant", "get", "nobody"], ["nobody", "request ID"]),
        (["project", "get", "nobody/website"], ["nobody", "request ID"]),
        (["project", "get", "acme/nothing"], ["no project", "`nothing`"]),
        (["key", "get", "acme/nothing"], ["no API key", "`nothing`"]),
    ] {
        service.run(&arguments).await.assert_failed(4, &words);
    }
}

async fn a_malformed_name_is_rejected(service: TestServer) {
    for (arguments, words) in [
        (
            ["tenant", "get", "No Slug"],
            "or the slug of a tenant, which must match",
        ),
        (["project", "get", "website"], "as in `acme/website`"),
        (["project", "get", "acme/No Slug"], "the slug of the project must match"),
        (["key", "get", "ci"], "its tenant and its prefix or name"),
    ] {
        service.run(&arguments).await.assert_failed(2, &[words]);
    }
}

async fn a_plaintext_is_never_repeated(service: TestServer) {
    let created = create_key(&service, "acme", "ci").await;
    let plaintext = text(&created["plaintext"]);
    for key in [plaintext.to_owned(), format!("acme/{plaintext}")] {
        let ended = service.run(&["key", "revoke", &key]).await;
        ended.assert_failed(2, &["the plaintext of an API key", "first 11 characters"]);
        assert!(!format!("{ended:?}").contains(plaintext), "{ended:?}");
    }
}

async fn a_plaintext_is_written_to_a_file(service: TestServer) {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let create = [
        "key",
        "create",
        "--tenant",
        "acme",
        "--name",
        "ci",
        "--plaintext-file",
        first,
    ];
    let created = service.json(&create).await;
    assert_eq!((&created["name"], created.get("plaintext")), (&json!("ci"), None));
    let rotated = service
        .json(&["key", "rotate", "acme/ci", "--plaintext-file", second])
        .await;
    assert_eq!(rotated["rotated_from"], created["id"]);
    for (file, key) in [(first, &created), (second, &rotated)] {
        let verified = service.json(&["key", "verify", "--key-file", file]).await;
        assert_eq!(verified["api_key_id"], key["id"]);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(first).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Neither an existing file nor a missing directory costs a key.
    let missing = directory.path().join("missing").join("file");
    service.run(&create).await.assert_failed(2, &[first, "exists"]);
    let nowhere = [&create[..create.len() - 1], &[missing.to_str().unwrap()]].concat();
    service.run(&nowhere).await.assert_failed(1, &["cannot write"]);
    let keys = service.json(&["key", "list", "--tenant", "acme"]).await;
    assert_eq!(keys["items"].as_array().unwrap().len(), 2);
    // Nothing is left of a request that failed.
    let unknown = [
        "key",
        "create",
        "--tenant",
        "0190b8a5-0000-7000-8000-000000000000",
        "--name",
        "n",
    ];
    let third = directory.path().join("third");
    let failed = [unknown.as_slice(), &["--plaintext-file", third.to_str().unwrap()]].concat();
    service.run(&failed).await.assert_failed(4, &["no tenant has the id"]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

async fn a_tenant_is_shown_with_what_it_has(service: TestServer) {
    blue_sky(&service).await;
    service
        .json(&[
            "project", "create", "--tenant", "blue-sky", "--slug", "website", "--name", "Website",
        ])
        .await;
    service
        .json(&["entitlement", "set", "blue-sky", "insights", "--source", "override"])
        .await;
    create_key(&service, "blue-sky", "ci").await;
    create_key(&service, "blue-sky", "old").await;
    service.json(&["key", "revoke", "blue-sky/old"]).await;
    let shown = service.json(&["tenant", "show", "blue-sky"]).await;
    assert_eq!(shown["tenant"], service.json(&["tenant", "get", "blue-sky"]).await);
    let only = |list: &str, name: &str| {
        let items = shown[list]["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{shown}");
        items[0][name].clone()
    };
    assert_eq!(only("entitlements", "product"), "insights");
    assert_eq!(only("projects", "slug"), "website");
    assert_eq!(only("api_keys", "name"), "ci");
    let table = service.run(&["tenant", "show", "blue-sky"]).await;
    for part in [
        "Tenant\n",
        "Entitlements\n",
        "Projects\n",
        "Usable API keys\n",
        "website",
        "insights",
    ] {
        assert!(table.stdout.contains(part), "{part}: {table:?}");
    }
    assert!(!table.stdout.contains("old"), "{table:?}");
}

async fn the_help_shows_that_names_are_accepted(service: TestServer) {
    for (arguments, word) in [
        (["help", "tenant", "get"], "<ID|SLUG>"),
        (["help", "project", "get"], "<ID|TENANT/SLUG>"),
        (["help", "api-key", "rotate"], "<ID|TENANT/KEY>"),
        (["help", "key", "list"], "[alias: --tenant]"),
        (["help", "key", "rotate"], "--plaintext-file"),
        (["help", "tenant", "show"], "usable API keys"),
    ] {
        let help = service.run(&arguments).await;
        assert!(help.stdout.contains(word), "{word}: {help:?}");
    }
    let help = service.run(&["help"]).await.stdout;
    assert!(
        help.contains("Names in place of IDs:") && help.contains("acme/website"),
        "{help}"
    );
}
