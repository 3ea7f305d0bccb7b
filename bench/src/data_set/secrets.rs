//! The API keys with a known plaintext.

use std::thread::available_parallelism;

use tokio_postgres::Client;

use super::{FIRST_SECRET, LAST_SECRET, with_numbers};
use crate::argon2id;
use crate::error::Error;

/// The number of characters after the prefix of a plaintext.
const SECRET_CHARACTERS: usize = 14;

/// URL-safe base64.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The start of every plaintext, before its number of eight digits.
const MARK: &str = "bp_";

/// The length of the prefix, which the service stores as plaintext.
const PREFIX_CHARACTERS: usize = 11;

/// Generates a plaintext with this number in its prefix.
pub(crate) fn plaintext(number: u64) -> String {
    let secret = (0..SECRET_CHARACTERS).map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())]));
    format!("{MARK}{number}{}", secret.collect::<String>())
}

/// Inserts the keys and stores their plaintexts.
pub(super) async fn load(client: &Client) -> Result<(), Error> {
    let plaintexts: Vec<String> = (FIRST_SECRET..=LAST_SECRET).map(plaintext).collect();
    let threads = available_parallelism().map_or(1, usize::from);
    let hashes = argon2id::stored_hashes(&plaintexts, threads)?;
    let prefixes: Vec<&str> = plaintexts.iter().map(|text| &text[..PREFIX_CHARACTERS]).collect();
    let insert = with_numbers(include_str!("../../sql/api_keys_with_secret.sql"));
    client.execute(&insert, &[&prefixes, &hashes, &plaintexts]).await?;
    Ok(())
}

/// The plaintexts, in the order of their numbers.
pub(super) async fn plaintexts(client: &Client) -> Result<Vec<String>, Error> {
    let rows = client
        .query("SELECT plaintext FROM bench.api_key_secrets ORDER BY number", &[])
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
