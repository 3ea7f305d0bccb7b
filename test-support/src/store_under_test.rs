//! The stores that a run of the tests covers.

use std::fmt;

/// The environment variable that limits a run to one store.
const SELECTION: &str = "TEST_STORE";

/// A store that the service runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreUnderTest {
    /// The in-memory store.
    Memory,
    /// The Postgres store.
    Postgres,
}

impl StoreUnderTest {
    /// The stores of this run: both, or the one that `TEST_STORE` names (`memory` or `postgres`). `TEST_STORE=memory`
    /// leaves out every case that needs Postgres.
    ///
    /// # Panics
    /// If `TEST_STORE` has another value.
    #[expect(clippy::panic, reason = "a run must not silently cover another store")]
    pub fn selected() -> Vec<Self> {
        match std::env::var(SELECTION).unwrap_or_default().as_str() {
            "" | "both" => vec![Self::Memory, Self::Postgres],
            "memory" => vec![Self::Memory],
            "postgres" => vec![Self::Postgres],
            other => panic!("{SELECTION} must be `memory`, `postgres` or `both`, not `{other}`"),
        }
    }

    /// Whether this run covers the store.
    pub fn is_selected(self) -> bool {
        Self::selected().contains(&self)
    }
}

impl fmt::Display for StoreUnderTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "memory",
            Self::Postgres => "postgres",
        })
    }
}
