//! The argon2id hash function, on memory that is reused from hash to hash.

use super::HashError;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tenant_registry_contract::types::ApiKeyPlaintext;
use zeroize::Zeroize;

/// The memory of one hash, in KiB.
const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
const ARGON2_ITERATIONS: u32 = 1;
const ARGON2_LANES: u32 = 4;
pub(super) const ARGON2_OUTPUT_BYTES: usize = 32;

/// The 64 MiB that a hash fills. Allocating them takes longer than the hash itself (every page faults), so a thread keeps
/// them while there is work.
#[derive(Default)]
pub(super) struct Memory {
    blocks: Vec<Block>,
    is_dirty: bool,
}

impl Memory {
    /// Overwrites what the last hash left. It would allow guesses at its plaintext.
    pub(super) fn zero(&mut self) {
        if self.is_dirty {
            self.blocks.iter_mut().for_each(Zeroize::zeroize);
            self.is_dirty = false;
        }
    }

    /// Overwrites the memory and returns it to the system.
    pub(super) fn release(&mut self) {
        self.zero();
        self.blocks = Vec::new();
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.zero();
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
    memory.blocks.resize(parameters.block_count(), Block::new());
    memory.is_dirty = true;
    let mut hash = [0; ARGON2_OUTPUT_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into_with_memory(
            plaintext.expose_secret().as_bytes(),
            salt,
            &mut hash,
            memory.blocks.as_mut_slice(),
        )
        .map_err(HashError::Argon2)?;
    Ok(hash)
}
