//! TLS to the database: which servers each `sslmode` accepts.

use crate::harness::cases::process_cases;
use crate::harness::process::run;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::Write;
use std::process::Command;
use tempfile::NamedTempFile;
use test_support::postgres::{Cluster, ClusterSettings};

process_cases![
    ; postgres:
    each_sslmode_accepts_the_right_servers,
];

/// A certificate authority of the tests.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Connects to the database and checks that the connection is encrypted.
async fn connects_encrypted(url: &str) -> Result<(), String> {
    let output = run(&|command: &mut Command| command.arg("migrate").env("DATABASE_URL", url)).await;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

async fn each_sslmode_accepts_the_right_servers() {
    let authority = authority();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    let settings = ClusterSettings {
        settings: vec![
            "ssl=on".to_owned(),
            "ssl_cert_file={files}/server.crt".to_owned(),
            "ssl_key_file={files}/server.key".to_owned(),
            "hba_file={files}/hba".to_owned(),
        ],
        files: vec![
            ("server.crt".to_owned(), certificate.pem()),
            ("server.key".to_owned(), key.serialize_pem()),
            // The server rejects unencrypted connections.
            ("hba".to_owned(), "hostssl all all 127.0.0.1/32 trust\n".to_owned()),
        ],
    };
    let cluster = Cluster::start(settings).unwrap();
    let right = file(authority.pem().as_str());
    let wrong = file(self::authority().pem().as_str());
    let url = |host: &str, mode: &str, authorities: Option<&NamedTempFile>| {
        let authorities = authorities.map(|file| format!("&sslrootcert={}", file.path().display()));
        let port = cluster.port();
        format!(
            "postgres://postgres@{host}:{port}/postgres?sslmode={mode}{}",
            authorities.unwrap_or_default()
        )
    };

    for (host, mode, authorities) in [
        ("127.0.0.1", "prefer", None),
        ("127.0.0.1", "require", None),
        ("127.0.0.1", "verify-ca", Some(&right)),
        ("localhost", "verify-full", Some(&right)),
    ] {
        connects_encrypted(&url(host, mode, authorities)).await.unwrap();
    }
    for (host, mode, authorities, message) in [
        ("127.0.0.1", "disable", None, "no encryption"),
        ("localhost", "verify-ca", Some(&wrong), "invalid peer certificate"),
        ("localhost", "verify-full", Some(&wrong), "invalid peer certificate"),
        ("127.0.0.1", "verify-full", Some(&right), "not valid for name"),
        // The operating system does not trust the authority of the tests.
        ("localhost", "verify-full", None, "error"),
    ] {
        let output = connects_encrypted(&url(host, mode, authorities)).await.unwrap_err();
        assert!(
            output.contains(message) && output.lines().count() == 1,
            "{mode} {host}: {output}"
        );
    }
}
