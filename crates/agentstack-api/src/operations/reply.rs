//! The forms of an answer.

use serde_json::Value;

use super::Reply;

impl Reply {
    /// The answer as JSON. It conforms to the operation's output schema.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // A view has string names only and no number that JSON lacks, so this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What was recalled as one text, every content within its fence (S17), if the caller asked for that; what came from
    /// outside in any case.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::GetMemory(view) => view.text.as_deref(),
            Self::SearchMemory(view) => view.text.as_deref(),
            Self::RunAgent(view) => view.text.as_deref(),
            Self::CreateIssue(view) => Some(&view.text),
            Self::ListIssues(view) => Some(&view.text),
            Self::GetIssue(view) => Some(&view.text),
            Self::CreatePullRequest(view) => Some(&view.text),
            Self::ListPullRequests(view) => Some(&view.text),
            Self::GetPullRequest(view) => Some(&view.text),
            Self::RepositoryInfo(view) => Some(&view.text),
            Self::CallPlugin(view) => Some(&view.text),
            _ => None,
        }
    }
}
