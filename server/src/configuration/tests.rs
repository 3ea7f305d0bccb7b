//! Tests of reading settings from arguments.

use super::{Cli, Command, Configuration, error_line};
use crate::auth::AccessSettings;
use clap::CommandFactory;
use std::io::Write;

fn serve(arguments: &[&str]) -> Result<Configuration, String> {
    let arguments = ["tenant-registry", "serve"].iter().chain(arguments);
    match Cli::read(arguments) {
        Ok(Cli {
            command: Command::Serve(configuration),
        }) => Ok(*configuration),
        Ok(Cli {
            command: Command::Migrate(_) | Command::Audit { .. } | Command::Distribute(_) | Command::Openapi,
        }) => panic!("expected the command `serve`"),
        Err(error) => Err(error_line(&error).unwrap()),
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_error_for_an_invalid_value_is_one_line_with_flag_and_variable() {
    let bad_values: &[(&[&str], &str)] = &[
        (&["--bind-address", "8090"], "--bind-address <BIND_ADDR>"),
        (&["--log-level", "loud"], "--log-level <LOG_LEVEL>"),
        (&["--log-format", "xml"], "[possible values: auto, json, text]"),
        (
            &["--otel-exporter-otlp-endpoint", "127.0.0.1:4318"],
            "not a URL such as",
        ),
        (&["--otel-exporter-otlp-endpoint", "grpc://x"], "http:// or https://"),
        (
            &["--otel-exporter-otlp-endpoint", "http://u:p@x"],
            "OTEL_EXPORTER_OTLP_HEADERS",
        ),
        (&["--otel-traces-sampler-arg", "2"], "must be a number from 0 to 1"),
        (&["--body-limit", "10"], "--body-limit <BODY_LIMIT>"),
        (
            &["--trusted-proxies", "10.0.0.0/8,"],
            "neither an IP address nor a network",
        ),
        (
            &["--trusted-proxies", "proxy.example"],
            "neither an IP address nor a network",
        ),
        (&["--allowed-origins", "*"], "list the origins"),
        (
            &["--allowed-origins", "https://a.example,https://b.example/"],
            "browsers send this origin as `https://b.example`; use that form",
        ),
        (
            &["--oidc-issuer", "http://sso.example.com"],
            "--oidc-issuer <OIDC_ISSUER>': must begin with https://",
        ),
        (&["--oidc-leeway", "301"], "--oidc-leeway <OIDC_LEEWAY>"),
        (&["--oidc-roles", "support=tenants:read,operator"], "role=scope+scope"),
        (
            &["--oidc-roles", "support=tenants:own"],
            "unknown scope `tenants:own`; the scopes are tenants:read, tenants:write,",
        ),
        (&["--shutdown-timeout", "0"], "--shutdown-timeout <SHUTDOWN_TIMEOUT>"),
        (&["--hash-permits", "0"], "--hash-permits <HASH_PERMITS>"),
        (&["--retry-after", "0"], "must be at least 1"),
        (&["--no-such-flag"], "--no-such-flag"),
    ];
    for (arguments, expected) in bad_values {
        let line = serve(arguments).unwrap_err();
        assert!(line.starts_with("error: ") && line.contains(expected), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

#[test]
fn proxies_are_addresses_and_networks() {
    let configuration = serve(&["--trusted-proxies", "10.0.0.0/8, 192.0.2.1,2001:db8::/32"]).unwrap();
    let networks: Vec<_> = configuration.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
}

#[test]
fn open_access_from_other_machines_requires_a_flag() {
    let issuer = ["--oidc-issuer", "https://sso.example.com/realms/platform"];
    for exposed in ["0.0.0.0:8090", "[::]:8090", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let bind = ["--bind-address", exposed];
        let line = serve(&bind).unwrap_err();
        assert!(
            line.contains(exposed) && line.contains("OIDC_ISSUER") && line.contains("--insecure-no-auth"),
            "{line}"
        );
        let open = serve(&[&bind[..], &["--insecure-no-auth", "--in-memory"]].concat()).unwrap();
        assert!(matches!(open.access(), Ok(AccessSettings::Open)));
        let closed = serve(&[&bind[..], &issuer, &["--in-memory"]].concat()).unwrap();
        assert!(matches!(closed.access(), Ok(AccessSettings::Issuer(_))));
    }
    for loopback in ["127.0.0.1:0", "127.0.0.53:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        assert!(serve(&["--bind-address", loopback]).is_ok(), "{loopback}");
    }
    let line = serve(&[&issuer[..], &["--insecure-no-auth"]].concat()).unwrap_err();
    assert!(line.contains("cannot be used together"), "{line}");
}

#[test]
fn the_in_memory_store_requires_a_flag_beyond_a_first_look() {
    let issuer = ["--oidc-issuer", "https://sso.example.com/realms/platform"];
    let exposed = ["--bind-address", "0.0.0.0:0", "--insecure-no-auth"];
    let internal = ["--internal-address", "[::]:0", "--insecure-no-auth"];
    let database = ["--database-url", "postgres://u@db/x"];
    let (no_migrate, in_memory) = (["--no-migrate"], ["--in-memory"]);
    for serious in [&issuer[..], &exposed, &internal, &no_migrate] {
        for empty in [&[][..], &["--database-url", ""]] {
            let line = serve(&[serious, empty].concat()).unwrap_err();
            assert!(line.contains("DATABASE_URL") && line.contains("--in-memory"), "{line}");
        }
        assert!(serve(&[serious, &in_memory].concat()).is_ok(), "{serious:?}");
        assert!(serve(&[serious, &database].concat()).is_ok(), "{serious:?}");
    }
    for first_look in [&[][..], &["--metrics-address", "0.0.0.0:0"]] {
        assert!(serve(first_look).is_ok(), "{first_look:?}");
    }
    let line = serve(&[&database[..], &in_memory].concat()).unwrap_err();
    assert!(
        line.contains("--in-memory") && line.contains("cannot be used with"),
        "{line}"
    );
}

#[test]
fn invisible_characters_are_rejected_in_every_setting() {
    let mut command = Cli::command();
    let settings = command.find_subcommand_mut("serve").unwrap().get_arguments();
    let flags: Vec<String> = settings
        .filter(|setting| setting.get_env().is_some())
        .filter_map(|setting| setting.get_long().map(|flag| format!("--{flag}")))
        .collect();
    assert!(flags.len() > 35, "{flags:?}");
    for flag in flags {
        for (value, expected) in [
            (" 1", "white space"),
            ("1 ", "white space"),
            ("1\n", "white space"),
            ("1\u{a0}", "white space"),
            ("a\u{0}b", "U+0000"),
            ("a\u{202e}b", "U+202E"),
        ] {
            for given in [&[flag.as_str(), value][..], &[&format!("{flag}={value}")]] {
                let line = serve(given).unwrap_err();
                assert!(
                    line.starts_with(&format!("error: {flag} ")) && line.contains(expected),
                    "{line}"
                );
                assert_eq!(line.lines().count(), 1, "{line}");
            }
        }
    }
}

#[test]
fn names_must_not_be_quoted() {
    for flag in [
        "--oidc-audience",
        "--oidc-tenant-claim",
        "--oidc-all-tenants-role",
        "--otel-service-name",
    ] {
        for quoted in ["\"name\"", "'name'", "“name”"] {
            let line = serve(&[flag, quoted]).unwrap_err();
            assert!(line.contains(flag) && line.contains("must not be quoted"), "{line}");
        }
        let line = serve(&[flag, ""]).unwrap_err();
        assert!(line.contains(flag), "{line}");
    }
    let line = serve(&["--oidc-roles", "'operator'=*"]).unwrap_err();
    assert!(
        line.contains("--oidc-roles") && line.contains("must not be quoted"),
        "{line}"
    );
}

#[test]
fn every_secret_can_come_from_a_file() {
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut("serve").unwrap();
    let is_secret = |setting: &&clap::Arg| setting.is_hide_env_values_set();
    let secrets: Vec<_> = serve.get_arguments().filter(is_secret).cloned().collect();
    assert_eq!(secrets.len(), 3);
    for secret in secrets {
        let (flag, variable) = (secret.get_long().unwrap(), secret.get_env().unwrap());
        let file = format!("{flag}-file");
        let file = serve
            .get_arguments()
            .find(|other| other.get_long() == Some(&file))
            .unwrap();
        let expected = format!("{}_FILE", variable.to_str().unwrap());
        assert_eq!(file.get_env().unwrap(), expected.as_str());
    }
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn settings_of_etcd_that_have_no_effect_are_rejected() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let (authorities, identity, password) = (
        file(&certificate.pem()),
        file(&format!("{}{}", certificate.pem(), key.serialize_pem())),
        file("swordfish"),
    );
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    let (authorities, identity, password) = (path(&authorities), path(&identity), path(&password));
    let database = ["--database-url", "postgres://u@one,two/x"];
    let urls = ["--database-etcd-urls", "https://etcd1:2379, https://etcd2:2379"];
    let plain = ["--database-etcd-urls", "https://etcd1:2379,http://etcd2:2379"];
    let authorities = ["--database-etcd-ca-file", &authorities];
    let identity = ["--database-etcd-certificate-file", &identity];
    let user = ["--database-etcd-user", "registry"];
    let password = ["--database-etcd-password-file", &password];

    let all = serve(&[database, urls, authorities, identity, user, password].concat()).unwrap();
    let settings = all.etcd_settings().unwrap().unwrap();
    assert_eq!(
        (settings.member.to_string(), settings.other_members.len()),
        ("https://etcd1:2379".to_owned(), 1)
    );
    assert_eq!(settings.login.unwrap().password, "swordfish");
    assert!(!format!("{all:?}").contains("swordfish"));
    assert!(serve(&database).unwrap().etcd_settings().unwrap().is_none());
    assert!(serve(&[database, plain, user, password].concat()).is_ok());

    for (arguments, expected) in [
        (urls.to_vec(), "no effect without --database-url <DATABASE_URL>"),
        (
            [database, authorities].concat(),
            "--database-etcd-ca-file <DATABASE_ETCD_CA_FILE> has no effect without --database-etcd-urls",
        ),
        (
            [database, identity].concat(),
            "<DATABASE_ETCD_CERTIFICATE_FILE> has no effect",
        ),
        ([database, user].concat(), "<DATABASE_ETCD_USER> has no effect"),
        (
            [database, password].concat(),
            "<DATABASE_ETCD_PASSWORD_FILE> has no effect",
        ),
        ([database, urls, user].concat(), "set both or none"),
        ([database, urls, password].concat(), "set both or none"),
        ([database, plain, authorities].concat(), "no effect on an http:// URL"),
        ([database, plain, identity].concat(), "no effect on an http:// URL"),
        (
            [database, urls, ["--database-etcd-ca-file", password[1]]].concat(),
            "there is no certificate",
        ),
        (
            [database, urls, ["--database-etcd-certificate-file", authorities[1]]].concat(),
            "--database-etcd-certificate-file <DATABASE_ETCD_CERTIFICATE_FILE>",
        ),
    ] {
        let line = serve(&arguments).unwrap_err();
        assert!(
            line.contains(expected) && line.lines().count() == 1 && !line.contains("swordfish"),
            "{line}"
        );
    }
}

#[test]
fn a_secret_is_read_from_its_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"postgres://u:secret@db/x\n").unwrap();
    let path = file.path().to_str().unwrap();
    let configuration = serve(&["--database-url-file", path]).unwrap();
    assert_eq!(
        configuration.database.url(),
        "postgres://u:secret@db/x".parse().map(Some)
    );
    assert!(!format!("{configuration:?}").contains("secret"));

    let line = serve(&["--database-url-file", path, "--database-url", "postgres://u@db/x"]).unwrap_err();
    assert!(line.contains("cannot be used with"), "{line}");
    let line = serve(&["--database-url-file", "/no/such/file"]).unwrap_err();
    assert!(
        line.contains("--database-url-file <DATABASE_URL_FILE>") && line.contains("cannot read the file"),
        "{line}"
    );
}

#[test]
fn errors_do_not_quote_secrets() {
    for arguments in [
        &["--oidc-issuer", "https://user:swordfish@sso.example.com"][..],
        &["--oidc-issuer", "https://sso.example.com/?token=swordfish"],
        &["--otel-exporter-otlp-endpoint", "http://user:swordfish@collector"],
        &["--otel-exporter-otlp-endpoint", "http://collector/?token=swordfish"],
        &["--allowed-origins", "https://user:swordfish@console.example.com"],
        &["--trusted-proxies", "user:swordfish@10.0.0.1"],
        &[
            "--bind-address",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzd29yZGZpc2gifQ.swordfish",
        ],
        &["--log-level", "bp_swordfishswordfish"],
        &["postgres://user:swordfish@db/x"],
        &["authorization=swordfish"],
        &["--database-urll=postgres://user:swordfish@db/x"],
        &["--database-urll", "postgres://user:swordfish@db/x"],
        &["--database-url=swordfish", " "],
        &["--database-url", "swordfish", "--database-url-file", "/no/such/file"],
        &["--database-url", "swordfish", "--database-url", "swordfish"],
        &["--database-url", "swordfish", "--in-memory"],
        &["--database-etcd-urls", "http://root:swordfish@etcd1:2379"],
        &["--otel-exporter-otlp-headers", " swordfish"],
    ] {
        let line = serve(arguments).unwrap_err();
        assert!(!line.contains("swordfish"), "{line}");
    }
    let line = match Cli::read(["tenant-registry", "postgres://user:swordfish@db/x"]) {
        Ok(cli) => panic!("{cli:?}"),
        Err(error) => error_line(&error).unwrap(),
    };
    assert!(!line.contains("swordfish"), "{line}");
}

#[test]
fn debug_hides_secrets() {
    let database = ["--database-url", "postgres://u:secret@db/x"];
    let headers = ["--otel-exporter-otlp-headers", "authorization=secret"];
    let configuration = serve(&[database, headers].concat()).unwrap();
    assert!(!format!("{configuration:?}").contains("secret"));
}

#[test]
fn the_old_name_of_a_setting_still_works_with_a_warning() {
    let configuration = serve(&["--hash-memory", "1000", "--operations-address=127.0.0.1:9090"]).unwrap();
    assert_eq!(configuration.hashing.hash_cache_keys, 1000);
    assert_eq!(
        configuration.listeners.metrics_address,
        Some("127.0.0.1:9090".parse().unwrap())
    );
    let warnings: Vec<_> = configuration.renamed_settings.iter().map(ToString::to_string).collect();
    assert!(
        warnings[0].starts_with("--operations-address was renamed to --metrics-address;"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].starts_with("--hash-memory was renamed to --hash-cache-keys;"),
        "{warnings:?}"
    );
    assert_eq!(warnings.len(), 2);

    let new_name = serve(&["--hash-cache-keys", "1000"]).unwrap();
    assert!(new_name.renamed_settings.is_empty());
}

#[test]
fn both_names_of_a_setting_must_have_the_same_value() {
    let same = serve(&["--hash-memory=1000", "--hash-cache-keys=1000"]).unwrap();
    assert_eq!((same.hashing.hash_cache_keys, same.renamed_settings.len()), (1000, 1));

    let line = serve(&["--hash-memory=1000", "--hash-cache-keys=2000"]).unwrap_err();
    assert_eq!(
        line,
        "error: --hash-memory is the old name of --hash-cache-keys, and both are set, to different values: remove \
         --hash-memory"
    );
}

#[test]
fn an_invalid_value_under_the_old_name_is_an_error_with_the_new_name() {
    let line = serve(&["--hash-memory", "0"]).unwrap_err();
    assert!(line.contains("'0' for '--hash-cache-keys <HASH_CACHE_KEYS>'"), "{line}");
}

#[test]
fn old_names_are_not_in_the_help() {
    let mut command = Cli::command();
    let help = command
        .find_subcommand_mut("serve")
        .unwrap()
        .render_long_help()
        .to_string();
    assert!(!help.contains("hash-memory") && !help.contains("OPERATIONS_ADDR"));
}
