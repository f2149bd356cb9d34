//! A JSON Web Token as it stands in the header: RFC 7515 compact form, read strictly (S30, RFC 8725).

use serde_json::{Map, Value};

use super::key_set::{Algorithm, KeySet, decode};

/// Longest token, in bytes.
const TOKEN_BYTES: usize = 16 * 1024;
/// Longest name of a key, in bytes.
const KEY_ID_BYTES: usize = 255;

/// A token of the right form, whose signature nobody has looked at yet.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    pub(crate) key_id: String,
    pub(crate) algorithm: Algorithm,
    /// What is signed: header and payload as they stand there.
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// The word for the audit log.
    pub(crate) fn read(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > TOKEN_BYTES {
            return Err("jwt_too_large");
        }
        let malformed = "jwt_malformed";
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (header, payload) =
            signed.split_once('.').filter(|(_, rest)| !rest.contains('.')).ok_or(malformed)?;
        let header = object(header).ok_or(malformed)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        // An extension that is to be understood (RFC 7515, section 4.1.11); we understand none.
        if header.contains_key("crit") {
            return Err("jwt_critical");
        }
        // What is no access token, an ID token first of all, is not taken for one (RFC 9068, section 4).
        let kind = text("typ").unwrap_or_default().to_ascii_lowercase();
        if !matches!(kind.as_str(), "at+jwt" | "application/at+jwt") {
            return Err("jwt_type");
        }
        let algorithm = text("alg").and_then(Algorithm::named).ok_or("jwt_algorithm")?;
        let key_id =
            text("kid").filter(|id| (1..=KEY_ID_BYTES).contains(&id.len())).ok_or("jwt_key")?.to_owned();
        let signature = decode(signature).ok_or(malformed)?;
        Ok(Self { key_id, algorithm, signed, payload, signature })
    }

    /// The claims, if a key of the set has signed them.
    ///
    /// # Errors
    /// The word for the audit log.
    pub(crate) fn verified(&self, keys: &KeySet) -> Result<Map<String, Value>, &'static str> {
        if !keys.has(&self.key_id, self.algorithm) {
            return Err(if keys.knows(&self.key_id) { "jwt_algorithm" } else { "jwt_key_unknown" });
        }
        if !keys.verifies(&self.key_id, self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err("jwt_signature");
        }
        object(self.payload).ok_or("jwt_malformed")
    }
}

/// A part that is a strict JSON object: a name that stands there twice would be read in two ways.
fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = decode(part)?;
    serde_json::from_str(agentstack_api::json::check(&bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str, rest: &str) -> Result<(), &'static str> {
        Jws::read(&format!("{}{rest}", URL_SAFE_NO_PAD.encode(header))).map(|_| ())
    }

    #[test]
    fn the_header_says_what_it_must_and_nothing_that_is_not_understood() {
        let good = r#"{"typ":"at+jwt","alg":"ES256","kid":"k"}"#;
        for rest in [".e30.AA", ".e30.", "..AA"] {
            assert_eq!(read(good, rest), Ok(()), "{rest}");
        }
        assert_eq!(read(r#"{"typ":"Application/AT+JWT","alg":"ES256","kid":"k","x":1}"#, ".e30.AA"), Ok(()));
        for rest in ["", ".e30", ".e30.AA.AA", ".e30.AA.", ".a.b.c.d", ".e30.AA=", ".e30.A+", ".e30.AB"] {
            assert_eq!(read(good, rest), Err("jwt_malformed"), "{rest}");
        }
        for (header, reason) in [
            ("", "jwt_malformed"),
            ("[]", "jwt_malformed"),
            ("{} x", "jwt_malformed"),
            (r#"{"typ":"at+jwt","alg":"ES256","alg":"none","kid":"k"}"#, "jwt_malformed"),
            (r#"{"typ":"at+jwt","alg":"ES256","kid":"k","crit":[]}"#, "jwt_critical"),
            (r#"{"typ":"at+jwt","alg":"ES256","kid":"k","crit":["exp"]}"#, "jwt_critical"),
            (r#"{"alg":"ES256","kid":"k"}"#, "jwt_type"),
            (r#"{"typ":"JWT","alg":"ES256","kid":"k"}"#, "jwt_type"),
            (r#"{"typ":["at+jwt"],"alg":"ES256","kid":"k"}"#, "jwt_type"),
            (r#"{"typ":"at+jwt","kid":"k"}"#, "jwt_algorithm"),
            (r#"{"typ":"at+jwt","alg":"none","kid":"k"}"#, "jwt_algorithm"),
            (r#"{"typ":"at+jwt","alg":"HS256","kid":"k"}"#, "jwt_algorithm"),
            (r#"{"typ":"at+jwt","alg":["ES256"],"kid":"k"}"#, "jwt_algorithm"),
            (r#"{"typ":"at+jwt","alg":"ES256"}"#, "jwt_key"),
            (r#"{"typ":"at+jwt","alg":"ES256","kid":""}"#, "jwt_key"),
            (r#"{"typ":"at+jwt","alg":"ES256","kid":1}"#, "jwt_key"),
        ] {
            assert_eq!(read(header, ".e30.AA"), Err(reason), "{header}");
        }
        let name =
            |length: usize| format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#, "k".repeat(length));
        assert_eq!((read(&name(255), ".e30.AA"), read(&name(256), ".e30.AA")), (Ok(()), Err("jwt_key")));
        assert_eq!(Jws::read(&"a".repeat(TOKEN_BYTES + 1)).map(|_| ()), Err("jwt_too_large"));
    }

    proptest! {
        #[test]
        fn no_text_panics_or_is_signed(text in ".{0,200}", header in "[ -~]{0,80}", rest in "[A-Za-z0-9_.-]{0,80}") {
            let header = URL_SAFE_NO_PAD.encode(header);
            let good = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"ES256","kid":"k"}"#);
            for token in [text, format!("{header}.{rest}"), format!("{good}.{rest}"), rest] {
                if let Ok(read) = Jws::read(&token) {
                    prop_assert_eq!(read.verified(&KeySet::default()), Err("jwt_key_unknown"));
                }
            }
        }
    }
}
