//! The responses of a connection that its caller has not received yet.

use bytes::Bytes;
use dropshot::Body;
use http::Response;
use hyper::body::{Frame, SizeHint};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Knows how long the caller has not received a response. hyper has no time limit for that, neither for a socket that takes no
/// more bytes nor for a stream of HTTP/2 whose window is empty.
#[derive(Debug, Default)]
pub(super) struct Unsent(Mutex<Since>);

#[derive(Debug, Default)]
struct Since {
    /// When each response was ready, with a number that makes it unique.
    responses: BTreeSet<(Instant, u64)>,
    next: u64,
}

impl Unsent {
    /// Counts a response as unsent until hyper has written its body, or given up.
    pub(super) fn track(self: &Arc<Self>, response: Response<Body>) -> Response<Body> {
        let mut since = self.since();
        let key = (Instant::now(), since.next);
        since.next += 1;
        since.responses.insert(key);
        drop(since);
        let entry = Entry {
            unsent: Arc::clone(self),
            key,
        };
        response.map(|body| {
            Body::wrap(TrackedBody {
                body,
                entry: Arc::new(entry),
            })
        })
    }

    /// Resolves when the caller has not received a response for this long.
    pub(super) async fn overdue(&self, limit: Duration) {
        loop {
            let oldest = self.since().responses.first().map(|(since, _)| *since);
            match oldest {
                // No response can be overdue earlier.
                None => sleep(limit).await,
                Some(since) if since.elapsed() >= limit => return,
                Some(since) => sleep_until(since + limit).await,
            }
        }
    }

    fn since(&self) -> MutexGuard<'_, Since> {
        // Each change is a single insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One response.
struct Entry {
    unsent: Arc<Unsent>,
    key: (Instant, u64),
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.unsent.since().responses.remove(&self.key);
    }
}

/// The body of a response, and its entry.
struct TrackedBody {
    body: Body,
    entry: Arc<Entry>,
}

impl hyper::body::Body for TrackedBody {
    type Data = Bytes;
    type Error = <Body as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map_ok(|frame| {
            frame.map_data(|bytes| {
                Bytes::from_owner(TrackedBytes {
                    bytes,
                    _entry: Arc::clone(&self.entry),
                })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes that hyper drops once it has written them.
struct TrackedBytes {
    bytes: Bytes,
    _entry: Arc<Entry>,
}

impl AsRef<[u8]> for TrackedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
