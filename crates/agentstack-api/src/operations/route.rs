//! Where REST has an operation.

/// The methods of HTTP that the operations use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Method {
    /// Whether a request with it has its arguments in a body, and not in the query.
    #[must_use]
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    /// The method as it stands in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Where REST has an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path under [`Route::BASE`]. A part in braces stands for the argument of that name.
    pub path: &'static str,
    /// An argument that the path says by itself, and what it says.
    pub says: Option<(&'static str, &'static str)>,
}

impl Route {
    /// What every path begins with.
    pub const BASE: &'static str = "/api/v1";

    /// The arguments that stand in the path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    pub(super) const fn get(path: &'static str) -> Self {
        Self { method: Method::Get, path, says: None }
    }

    pub(super) const fn post(path: &'static str) -> Self {
        Self { method: Method::Post, path, says: None }
    }

    pub(super) const fn put(path: &'static str) -> Self {
        Self { method: Method::Put, path, says: None }
    }

    pub(super) const fn patch(path: &'static str) -> Self {
        Self { method: Method::Patch, path, says: None }
    }

    /// The same route, which says an argument by itself.
    pub(super) const fn saying(self, argument: &'static str, value: &'static str) -> Self {
        Self { says: Some((argument, value)), ..self }
    }

    pub(super) const fn delete(path: &'static str) -> Self {
        Self { method: Method::Delete, path, says: None }
    }
}
