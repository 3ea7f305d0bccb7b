//! The argon2id hash function, on memory that is reused from hash to hash.

use super::HashError;
use allocator_api2::alloc::System;
use allocator_api2::vec::Vec;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tenant_registry_contract::types::ApiKeyPlaintext;

/// The memory of one hash, in KiB.
const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
const ARGON2_ITERATIONS: u32 = 1;
const ARGON2_LANES: u32 = 4;
pub(super) const ARGON2_OUTPUT_BYTES: usize = 32;

/// The 64 MiB that a hash fills. Allocating them takes longer than the hash itself (every page faults), so a thread keeps
/// them while there is work.
///
/// They come from the system's allocator, which maps an allocation of this size by itself and unmaps it when it is freed.
/// The allocator of the program would keep the pages.
pub(super) struct Memory(Vec<Block, System>);

impl Memory {
    pub(super) fn new() -> Self {
        Self(Vec::new_in(System))
    }

    /// Returns the memory to the system, with what the last hash left in it, which would allow guesses at its plaintext.
    pub(super) fn release(&mut self) {
        self.0 = Vec::new_in(System);
    }
}

/// Hashes with the parameters of the tag `argon2id`.
pub(super) fn argon2id(
    plaintext: &ApiKeyPlaintext,
    salt: &[u8],
    memory: &mut Memory,
) -> Result<[u8; ARGON2_OUTPUT_BYTES], HashError> {
    let output_bytes = Some(ARGON2_OUTPUT_BYTES);
    let parameters =
        Params::new(ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_LANES, output_bytes).map_err(HashError::Argon2)?;
    let Memory(blocks) = memory;
    blocks.resize(parameters.block_count(), Block::new());
    let mut hash = [0; ARGON2_OUTPUT_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into_with_memory(
            plaintext.expose_secret().as_bytes(),
            salt,
            &mut hash,
            blocks.as_mut_slice(),
        )
        .map_err(HashError::Argon2)?;
    Ok(hash)
}
