//! A minimal HTTP server for the issuer: GET only, one request per connection.

use super::State;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// The maximum time to wait for a request on a connection.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Responds to requests on a thread until the issuer is stopped.
pub(super) fn serve(listener: TcpListener, state: Arc<State>) {
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            if state.is_stopped.load(Ordering::Relaxed) {
                return;
            }
            if state.is_down.load(Ordering::Relaxed) {
                continue;
            }
            let state = Arc::clone(&state);
            // A client that hangs up gets no response.
            thread::spawn(move || respond(&connection, &state));
        }
    });
}

/// Wakes the thread of [`serve`], so that it sees that the issuer is stopped.
pub(super) fn wake(url: &str) {
    if let Some(address) = url.split('/').nth(2) {
        let _ = TcpStream::connect(address);
    }
}

fn respond(connection: &TcpStream, state: &State) -> std::io::Result<()> {
    connection.set_read_timeout(Some(READ_TIMEOUT))?;
    let mut lines = BufReader::new(connection).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match state.document(path) {
        Some(document) => ("200 OK", document.to_string()),
        None => ("404 Not Found", "{}".to_owned()),
    };
    let mut writer = connection;
    write!(
        writer,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
