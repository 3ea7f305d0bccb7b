//! The notebook: implements the generated trait in memory, and serves it.
//!
//! `cargo run -p notebook` listens on 127.0.0.1:8091, or on the address in the first argument.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dropshot::{ConfigDropshot, ServerBuilder};
use notebook::http::{AllowedOrigins, Limits, ServerContext, api_description};
use notebook::server::{
    NoteAddResponse, NoteGetParams, NoteGetResponse, NoteListParams, NoteListResponse, NoteRemoveParams,
    NoteRemoveResponse, Notes, RequestMetadata,
};
use notebook::types::{self, ErrorCode, NewNote, Note, NoteList, NoteNumber};

/// The notes, by their numbers.
#[derive(Debug, Default)]
struct Notebook(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    notes: BTreeMap<NoteNumber, Note>,
    /// The number of the last note, which stays taken when the note is removed.
    last: i64,
}

impl Notebook {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Each change is a single insertion or removal, so the notes are complete even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(error: ErrorCode, message: impl ToString) -> types::Error {
    types::Error {
        error,
        message: message.to_string(),
        errors: None,
    }
}

fn not_found(number: NoteNumber) -> types::Error {
    error(ErrorCode::NotFound, format!("there is no note {number}"))
}

impl Notes for Notebook {
    async fn note_list(&self, _metadata: RequestMetadata, params: NoteListParams) -> NoteListResponse {
        let NoteListParams { colour, limit } = params;
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let pages = self.pages();
        let fitting = pages
            .notes
            .values()
            .rev()
            .filter(|note| colour.is_none_or(|colour| note.colour == colour));
        NoteListResponse::Ok(NoteList {
            notes: fitting.take(limit).cloned().collect(),
        })
    }

    async fn note_add(&self, _metadata: RequestMetadata, body: NewNote) -> NoteAddResponse {
        let NewNote { text, colour } = body;
        let mut pages = self.pages();
        let number = match NoteNumber::try_from(pages.last + 1) {
            Ok(number) => number,
            Err(full) => return NoteAddResponse::BadRequest(error(ErrorCode::InvalidInput, full)),
        };
        let note = Note { number, text, colour };
        pages.last = number.get();
        pages.notes.insert(number, note.clone());
        NoteAddResponse::Created(note)
    }

    async fn note_get(&self, _metadata: RequestMetadata, params: NoteGetParams) -> NoteGetResponse {
        let NoteGetParams { number } = params;
        match self.pages().notes.get(&number) {
            Some(note) => NoteGetResponse::Ok(note.clone()),
            None => NoteGetResponse::NotFound(not_found(number)),
        }
    }

    async fn note_remove(&self, _metadata: RequestMetadata, params: NoteRemoveParams) -> NoteRemoveResponse {
        let NoteRemoveParams { number } = params;
        match self.pages().notes.remove(&number) {
            Some(_) => NoteRemoveResponse::NoContent,
            None => NoteRemoveResponse::NotFound(not_found(number)),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8091").parse()?;
    let limits = Limits {
        body_size: 64 * 1024,
        body_time: Duration::from_secs(10),
    };
    let context = Arc::new(ServerContext::new(
        Notebook::default(),
        limits,
        AllowedOrigins::default(),
        (),
    ));
    let config = ConfigDropshot {
        bind_address: address,
        ..ConfigDropshot::default()
    };
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let server = ServerBuilder::new(api_description(|_| true)?, context, log)
        .config(config)
        .start()?;
    writeln!(io::stdout(), "listening on http://{}", server.local_addr())?;
    server.await?;
    Ok(())
}
