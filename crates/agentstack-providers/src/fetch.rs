//! One request to the host of an outlet, on somebody else's account: what a plugin asks for.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use tokio::time::Instant;

use crate::reply::{Reply, within};
use crate::{EgressProblem, Outlet, Phase, ProviderError};

/// Most headers of a request, and of an answer.
const HEADERS: usize = 64;
/// Longest headers of a request, names and values, in bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// What is for the connection to say, or would lead elsewhere.
const NOT_THEIRS: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The method: `GET`, `POST` and so on.
    pub method: &'static str,
    /// The whole address, which has to be of the outlet's host, scheme and port.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
}

/// What was answered, whatever the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The status code.
    pub status: u16,
    /// Names and values, as far as they are text.
    pub headers: Vec<(String, String)>,
    /// What came.
    pub body: Vec<u8>,
}

impl Outlet {
    /// Asks once. A redirect is an answer like others, and not followed.
    ///
    /// # Errors
    /// When the request cannot be made, leads elsewhere, or has no answer within the outlet's limits.
    pub async fn fetch(&self, fetch: Fetch) -> Result<Fetched, ProviderError> {
        let request = self.request_of(fetch)?;
        let until = Instant::now() + self.limits.total;
        let sent = self.client().await?.execute(request);
        let response = within(until, self.limits.first_byte, Phase::FirstByte, sent).await?;
        let response = response.map_err(ProviderError::from_client)?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let headers = headers.take(HEADERS).collect();
        let body = Reply::new(response, &self.limits, until).whole().await?;
        Ok(Fetched { status, headers, body })
    }

    fn request_of(&self, fetch: Fetch) -> Result<Request, ProviderError> {
        let refused = || ProviderError::BadRequest { status: 0, kind: None };
        let url = Url::parse(&fetch.url).map_err(|_| EgressProblem::Url)?;
        if url.origin() != self.base.join("/")?.origin()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(EgressProblem::OtherHost.into());
        }
        let method = Method::from_bytes(fetch.method.as_bytes()).map_err(|_| refused())?;
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers_of(&fetch.headers).ok_or_else(refused)?;
        *request.body_mut() = fetch.body.map(Into::into);
        Ok(request)
    }
}

fn headers_of(given: &[(String, String)]) -> Option<HeaderMap> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if given.len() > HEADERS || bytes > HEADER_BYTES {
        return None;
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        if NOT_THEIRS.contains(&name) {
            return None;
        }
        headers.append(name, HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}
