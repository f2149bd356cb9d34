//! Randomness from the operating system.

/// Fills an array with bytes from the operating system's generator.
///
/// # Errors
/// When the operating system has no randomness to give. Nothing may go on without it.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomnessUnavailable> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| RandomnessUnavailable)?;
    Ok(bytes)
}

/// 128 random bits as 32 hexadecimal digits: a text that nobody can guess.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn nonce() -> Result<String, RandomnessUnavailable> {
    Ok(format!("{:032x}", u128::from_be_bytes(bytes()?)))
}

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomnessUnavailable;
