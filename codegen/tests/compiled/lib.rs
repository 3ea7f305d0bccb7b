//! The code of the specs in `cases/`, and of random ones, each in a module: server, client and commands.
//!
//! `RANDOM_SPECS` is the number of random specs, and `RANDOM_SEED` the seed of the first one. Both are read when this crate is
//! built: `RANDOM_SPECS=200 RANDOM_SEED=7 cargo check -p compiled-specs`.

include!(concat!(env!("OUT_DIR"), "/specs.rs"));
