//! Limits on what callers can use: requests per second, running requests, memory, pages, and connections.

mod active_callers;
mod background;
pub mod descriptors;
mod keyed_limiter;
mod page_turns;
pub mod request_rate;
mod shares;
mod turns;

pub(crate) use background::Background;
pub(crate) use keyed_limiter::KeyedLimiter;
pub(crate) use page_turns::{PageTurn, PageTurns};
pub(crate) use shares::{NoShare, Shares, Taken};
pub(crate) use turns::Turns;
