//! The checksums that some tokens carry.

use agentstack_core::ApiToken;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many characters of a token of GitHub or npm are its checksum.
const DIGITS: usize = 6;

/// Whether what follows the prefix ends with its own CRC-32 in base 62, as GitHub and npm write it.
///
/// Source: GitHub's description of its token formats (2021), which npm follows.
pub(crate) fn crc32_base62(token: &str) -> bool {
    let Some((_, body)) = token.split_once('_') else { return false };
    let Some((random, check)) = body.len().checked_sub(DIGITS).and_then(|at| body.split_at_checked(at))
    else {
        return false;
    };
    let mut rest = crc32(random.as_bytes());
    check.bytes().rev().all(|digit| {
        let expected = BASE62.get(rest as usize % 62);
        rest /= 62;
        expected == Some(&digit)
    })
}

/// CRC-32 with the reversed polynomial of IEEE 802.3. Bit by bit: it is only asked for what already looks like a token.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

/// Whether it is one of our own API tokens, checksum and all.
pub(crate) fn agentstack(token: &str) -> bool {
    token.parse::<ApiToken>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32_in_base_62() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert!(crc32_base62("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"));
        assert!(!crc32_base62("ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"));
        assert!(!crc32_base62("ghp_"));
        assert!(!crc32_base62("é_é"));
    }
}
