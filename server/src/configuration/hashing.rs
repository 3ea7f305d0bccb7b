//! The settings of checking API keys.

use super::parsers::whole_number;
use super::secret::read_digest_keys;
use crate::api_key_hash::{DigestKeys, HashLimits, PrefixBudget};
use clap::Args;
use std::num::NonZeroU32;
use std::thread::available_parallelism;

/// How API keys are checked: by a digest, or by a hash, which is slow.
#[derive(Args, Clone, Debug)]
pub struct HashConfiguration {
    /// File with the keys for digests of API keys, each on a line of its own: an ID, a space, and 32 random bytes in base64. An
    /// API key with a digest is verified without a hash, on every replica and from its first verification on. The first key
    /// makes new digests, and the others are for digests that were made earlier. If not set, each API key is hashed once on
    /// each replica. If the file is lost, all API keys remain valid.
    #[arg(
        long,
        env = "API_KEY_DIGEST_KEY_FILE",
        value_name = "API_KEY_DIGEST_KEY_FILE",
        value_parser = read_digest_keys
    )]
    pub api_key_digest_key_file: Option<DigestKeys>,

    /// Maximum number of API keys that are hashed at once, from 1 to 256. The default is the number of processors. Each
    /// hash uses 64 MiB and a processor. Too high: hashing takes both from all other work. Too low: verifications wait.
    #[arg(
        long,
        env = "HASH_PERMITS",
        value_name = "HASH_PERMITS",
        value_parser = whole_number::<u16>("hashes", 1, 256, 2)
    )]
    pub hash_permits: Option<u16>,

    /// Maximum number of callers that wait for a hash, up to 65535. Keys with the same prefix can use a quarter of it, and
    /// each tenant and each caller has a share. When there is no room, callers are told at once to try again. Too low: short
    /// bursts are rejected. Too high: during a flood, every caller waits.
    #[arg(
        long,
        env = "HASH_QUEUE",
        value_name = "HASH_QUEUE",
        default_value_t = 64,
        value_parser = whole_number::<u16>("callers", 0, u16::MAX.into(), 64)
    )]
    pub hash_queue: u16,

    /// Maximum number of API keys in the cache of verified keys, from 1 to 10000000, at about 100 bytes each. A cached key
    /// is verified without a hash. Too low for the keys in use: every verification of the other keys computes a hash.
    #[arg(
        long,
        env = "HASH_CACHE_KEYS",
        value_name = "HASH_CACHE_KEYS",
        default_value_t = 65_536,
        value_parser = whole_number::<u32>("keys", 1, 10_000_000, 65_536)
    )]
    pub hash_cache_keys: u32,

    /// Maximum number of hashes per minute for the keys of one prefix, at least 1, with a burst of ten. A cached key needs
    /// no hash. Too high: a caller that knows a prefix can use up the processors with wrong secrets. Too low: after such a
    /// flood, the correct key is unavailable for longer on replicas that have not cached it.
    #[arg(
        long,
        env = "HASH_PREFIX_PER_MINUTE",
        value_name = "HASH_PREFIX_PER_MINUTE",
        default_value = "10",
        value_parser = whole_number::<NonZeroU32>("hashes", 1, u32::MAX.into(), 10)
    )]
    pub hash_prefix_per_minute: NonZeroU32,
}

impl HashConfiguration {
    /// The keys for digests.
    pub fn digest_keys(&self) -> DigestKeys {
        self.api_key_digest_key_file.clone().unwrap_or_default()
    }

    /// The limits of the hasher.
    pub fn limits(&self) -> HashLimits {
        let processors = || available_parallelism().map_or(1, usize::from);
        HashLimits {
            max_running: self.hash_permits.map_or_else(processors, usize::from),
            max_waiting: usize::from(self.hash_queue),
            cached_keys: self.hash_cache_keys as usize,
            prefix_budget: PrefixBudget {
                per_minute: self.hash_prefix_per_minute,
                ..PrefixBudget::default()
            },
        }
    }
}
