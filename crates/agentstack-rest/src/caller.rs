//! From a request to who sends it.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use agentstack_access::{Caller, Principal, Unauthenticated};
use agentstack_api::ErrorBody;
use agentstack_core::{ApiToken, RequestId};
use agentstack_engine::Engine;
use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, header};

use crate::oauth::ResourceServer;

/// How many client addresses are remembered before those that were not heard of lately are forgotten.
const REMEMBERED: usize = 10_000;

/// The address that a request comes from. Known to whoever asks for it as an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Finds out who calls.
pub(crate) struct Doorkeeper {
    engine: Arc<Engine>,
    failures: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, MonotonicClock>,
    behind_proxy: bool,
    oauth: Option<Arc<ResourceServer>>,
}

impl Doorkeeper {
    pub(crate) fn new(
        engine: Arc<Engine>,
        failures_per_minute: u32,
        behind_proxy: bool,
        oauth: Option<Arc<ResourceServer>>,
    ) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(failures_per_minute).unwrap_or(NonZeroU32::MIN));
        let failures = RateLimiter::new(quota, DefaultKeyedStateStore::default(), MonotonicClock);
        Self { engine, failures, behind_proxy, oauth }
    }

    /// Who sends a request with these headers. A token is taken from the header `Authorization` and nowhere else
    /// (S26). A good one is let in however many bad ones came from the same address: there is nothing to guess, and
    /// nobody shall lock out his neighbours.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        from: ClientAddress,
        request: RequestId,
    ) -> Result<Caller, ErrorBody> {
        let found = match bearer(headers) {
            Ok(token) => self.principal(token).await,
            Err(refusal) => Err(refusal),
        };
        let refusal = match found {
            Ok(principal) => return Ok(Caller { principal: Arc::new(principal), request }),
            Err(refusal) => refusal,
        };
        if let Err(not_until) = self.failures.check_key(&self.network(headers, from)) {
            let wait = not_until.wait_time_from(MonotonicClock.now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            return Err(self.engine.turn_away_credential(request, seconds));
        }
        if self.failures.len() > REMEMBERED {
            self.failures.retain_recent();
        }
        Err(self.engine.refuse_credential(refusal, request).await)
    }

    /// A token that has our form is looked up among ours, and one that has not is the issuer's if there is one.
    async fn principal(&self, token: &str) -> Result<Principal, Unauthenticated> {
        match &self.oauth {
            Some(oauth) if !token.starts_with(ApiToken::PREFIX) => {
                oauth.principal(token, self.engine.now()).await
            }
            _ => self.engine.find_principal(token).await,
        }
    }

    /// The network by which failures are counted: an IPv4 address, or the half of an IPv6 address that is one
    /// subscriber's.
    fn network(&self, headers: &HeaderMap, from: ClientAddress) -> IpAddr {
        let forwarded = self.behind_proxy.then(|| forwarded_for(headers)).flatten();
        match forwarded.unwrap_or(from.0).to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        }
    }
}

/// The address that the proxy next to us saw: the last of the list, which it wrote itself.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// The token of the one header `Authorization`.
fn bearer(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Unauthenticated::Missing)?;
    let text = value.to_str().map_err(|_| Unauthenticated::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Unauthenticated::Malformed)?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && values.next().is_none();
    if is_bearer { Ok(token.trim_start_matches(' ')) } else { Err(Unauthenticated::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn s26_a_token_comes_in_one_header_of_one_scheme() {
        let of = |pairs: &[(&'static str, &str)]| {
            let headers = headers(pairs);
            bearer(&headers).map(str::to_owned).map_err(|refusal| refusal.reason())
        };
        assert_eq!(of(&[("authorization", "Bearer x")]).as_deref(), Ok("x"));
        assert_eq!(of(&[("authorization", "bearer  x")]).as_deref(), Ok("x"));
        assert_eq!(of(&[]), Err("token_missing"));
        for bad in ["Basic x", "Bearer", "x", ""] {
            assert_eq!(of(&[("authorization", bad)]), Err("token_malformed"), "{bad}");
        }
        let two = of(&[("authorization", "Bearer x"), ("authorization", "Bearer y")]);
        assert_eq!(two, Err("token_malformed"));
    }

    #[test]
    fn the_last_forwarder_is_believed_and_no_other() {
        let of = |pairs: &[(&'static str, &str)]| forwarded_for(&headers(pairs));
        assert_eq!(of(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2")]), "2.2.2.2".parse().ok());
        assert_eq!(of(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "::1")]), "::1".parse().ok());
        assert_eq!(of(&[("x-forwarded-for", "unknown")]), None);
    }
}
