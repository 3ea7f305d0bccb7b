//! The life of a note: starts the service as a process, and calls it through the generated client.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use notebook_client::Client;
use notebook_client::types::{Colour, NewNote, NoteNumber, Text};

/// The running service, which ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The service, and its URL.
fn start() -> (Service, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_notebook"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    (Service(child), url.to_owned())
}

#[tokio::test]
async fn a_note_is_added_found_and_removed() {
    let (_service, url) = start();
    let client = Client::new(&url);
    let text = Text::try_from("Buy milk").unwrap();
    let added = client.note_add().body(NewNote::new(text.clone())).send().await.unwrap();
    assert_eq!((added.number.get(), &added.text), (1, &text));
    assert!(added.colour == Colour::Yellow, "the default of the spec");
    let found = client.note_list().colour(Colour::Yellow).send().await.unwrap();
    assert_eq!(found.notes.len(), 1);
    let others = client.note_list().colour(Colour::Pink).send().await.unwrap();
    assert!(others.notes.is_empty());
    client.note_remove().number(added.number).send().await.unwrap();
    let gone = client.note_get().number(added.number).send().await.unwrap_err();
    let (status, error) = gone.response().unwrap();
    assert_eq!((status, error.message.as_str()), (404, "there is no note 1"));
}

#[tokio::test]
async fn the_rules_of_the_spec_hold_on_both_sides() {
    let (_service, url) = start();
    let client = Client::new(&url);
    assert!(NoteNumber::try_from(0).is_err());
    let error = client.note_list().limit(101).send().await.unwrap_err();
    assert!(error.to_string().contains("at most 100"), "{error}");
    let response = reqwest::get(format!("{url}/notes?limit=101")).await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("must be at most 100, but is 101")
    );
}
