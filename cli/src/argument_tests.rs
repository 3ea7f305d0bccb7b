//! Tests of the generator's `cli_arguments` template, including the parts that the current spec does not use.

#[expect(dead_code, reason = "the tests of the commands cover the other functions")]
#[path = "../../codegen/src/templates/cli_arguments.rs"]
mod template;

use std::io::Write;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use tenant_registry_client::types::{Member, MemberContent, RequestObject};

use crate::failure::Failure;

use self::template::{Body, Input, Json, Nullable, finish, finish_unless_empty, nullable, patch, secret_json};

#[derive(Debug, Deserialize, PartialEq)]
struct Example {
    day: Option<i32>,
    #[serde(default)]
    absent: Option<i32>,
}

/// An object with a member that can be `null`, and objects below it.
#[derive(Debug, Deserialize, PartialEq)]
struct Nested {
    day: Value,
    #[serde(default)]
    examples: Vec<Example>,
}

fn member(name: &'static str) -> Member {
    Member {
        name,
        is_required: false,
        content: MemberContent::Value,
    }
}

impl RequestObject for Example {
    fn members() -> &'static [Member] {
        static MEMBERS: LazyLock<[Member; 2]> = LazyLock::new(|| [member("day"), member("absent")]);
        &*MEMBERS
    }
}

impl RequestObject for Nested {
    fn members() -> &'static [Member] {
        static MEMBERS: LazyLock<[Member; 2]> = LazyLock::new(|| {
            let examples = Member {
                is_required: false,
                name: "examples",
                content: MemberContent::Objects(Example::members),
            };
            [member("day"), examples]
        });
        &*MEMBERS
    }
}

#[test]
fn a_value_is_either_given_or_cleared() {
    let cleared = ["day".to_owned(), "other".to_owned()];
    assert!(matches!(patch("day", None::<i32>, &cleared), Ok(Some(Nullable::Null))));
    assert!(matches!(patch("day", None::<i32>, &[]), Ok(None)));
    assert!(matches!(patch("hour", Some(7), &cleared), Ok(Some(Nullable::Given(7)))));
    let Err(Failure::Usage(message)) = patch("day", Some(7), &cleared) else {
        panic!("both are given");
    };
    assert_eq!(message, "use either `--day` or `--clear day`");
}

#[test]
fn an_unknown_member_is_rejected_and_the_nearest_named() {
    for (text, expected) in [
        (r#"{"day": 1, "dya": 2}"#, "unknown member `dya`; did you mean `day`?"),
        (r#"{"dya": 2}"#, "unknown member `dya`; did you mean `day`?"),
        (
            r#"{"day": {"dya": 2}, "zzz": 1}"#,
            "unknown member `zzz`; known are `day`, `examples`",
        ),
        (
            r#"{"day": 1, "examples": [{"day": 1}, {"absend": 1}]}"#,
            "unknown member `examples[1].absend`; did you mean `absent`?",
        ),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let input = Input::from(file.path().as_os_str().to_owned());
        let body = Body::from_file(Some(input)).unwrap();
        match finish::<Nested>(body) {
            Err(Failure::Usage(message)) => assert_eq!(message, format!("invalid body: {expected}")),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn the_text_null_is_a_null_value() {
    let parse = nullable(<i32 as FromStr>::from_str);
    assert!(matches!(parse("null"), Ok(Nullable::Null)));
    assert!(matches!(parse("7"), Ok(Nullable::Given(7))));
    assert!(parse("Null").is_err());
    let mut body = Body::from_file(None).unwrap();
    body.set("day", parse("null").ok()).unwrap();
    body.set("absent", None::<i32>).unwrap();
    let read: Nested = finish(body).unwrap();
    assert_eq!(read.day, Value::Null);
}

#[test]
fn a_body_without_properties_is_none() {
    let mut body = Body::from_file(None).unwrap();
    body.set("day", None::<i32>).unwrap();
    assert_eq!(finish_unless_empty::<Example>(body).unwrap(), None);
    let mut body = Body::from_file(None).unwrap();
    body.set("day", Some(1)).unwrap();
    let expected = Example {
        day: Some(1),
        absent: None,
    };
    assert_eq!(finish_unless_empty::<Example>(body).unwrap(), Some(expected));
}

#[test]
fn a_secret_that_is_not_text_is_json_in_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[\"one\", \"two\"]\n").unwrap();
    let input = Input::from(file.path().as_os_str().to_owned());
    let read = secret_json(Some(input)).unwrap().unwrap();
    assert_eq!(read.get(), r#"["one", "two"]"#);
    assert!(matches!(Json::from_str("@-"), Ok(Json::From(Input::Standard))));
}
