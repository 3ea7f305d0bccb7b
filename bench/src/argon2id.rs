//! Bare argon2id with the service's parameters and reused memory: the limit for a verification, and the hashes of the
//! data set.

use std::thread;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::error::Error;
use crate::process;

const MEMORY_KIB: u32 = 64 * 1024;
const ITERATIONS: u32 = 1;
const LANES: u32 = 4;
const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// Memory of one hash in MiB.
pub(crate) const MEMORY_MIB: f64 = 64.0;

/// Hashes plaintexts in the same memory.
struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Hasher {
    fn new() -> Result<Self, Error> {
        let parameters = Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(OUTPUT_BYTES)).map_err(Error::Argon2)?;
        let memory = vec![Block::default(); parameters.block_count()];
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters),
            memory,
        })
    }

    /// The form that the service stores: `argon2id|<salt>|<hash>`.
    fn stored_hash(&mut self, plaintext: &str) -> Result<String, Error> {
        let salt: [u8; SALT_BYTES] = std::array::from_fn(|_| fastrand::u8(..));
        let mut hash = [0; OUTPUT_BYTES];
        self.argon2
            .hash_password_into_with_memory(plaintext.as_bytes(), &salt, &mut hash, &mut self.memory)
            .map_err(Error::Argon2)?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!("argon2id|{salt}|{hash}"))
    }
}

/// The stored hash of each plaintext, computed on this many threads.
pub(crate) fn stored_hashes(plaintexts: &[String], threads: usize) -> Result<Vec<String>, Error> {
    let share = plaintexts.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = plaintexts
            .chunks(share)
            .map(|plaintexts| {
                scope.spawn(move || {
                    let mut hasher = Hasher::new()?;
                    let hashes = plaintexts.iter().map(|plaintext| hasher.stored_hash(plaintext));
                    hashes.collect::<Result<Vec<_>, _>>()
                })
            })
            .collect();
        let shares: Result<Vec<_>, _> = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Error::Panicked)?)
            .collect();
        Ok(shares?.concat())
    })
}

/// Processor time of one hash in milliseconds while this many threads hash, as in the service. Nothing else may run
/// in this process meanwhile.
pub(crate) fn processor_time(plaintexts: &[String], threads: usize) -> Result<f64, Error> {
    let before = process::processor_time(std::process::id())?;
    stored_hashes(plaintexts, threads)?;
    let after = process::processor_time(std::process::id())?;
    #[expect(clippy::cast_precision_loss, reason = "there are hundreds of them")]
    let count = plaintexts.len() as f64;
    Ok((after - before).as_secs_f64() * 1000.0 / count)
}
