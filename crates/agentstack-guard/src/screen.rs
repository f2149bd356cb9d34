//! Doing what the policy says, to everything that is to be kept (S50).
//!
//! Each text is looked at alone: the key, the content, each tag, and of the metadata each name and each value behind its
//! name, because `hunter2` is a password only behind *password*. What was redacted is looked at again until nothing is
//! left that would be.

mod desk;
mod object;

use agentstack_core::{Content, FindingField, FindingSummary, MemoryKey, Metadata, Namespace, Tag};
use serde_json::{Map, Value};

use crate::{Kind, Policy, redact};
use desk::{ALONE, Changed, Desk};

/// An entry that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Its key.
    pub key: &'a MemoryKey,
    /// Its text.
    pub content: &'a Content,
    /// The caller's object.
    pub metadata: &'a Metadata,
    /// Its tags.
    pub tags: &'a [Tag],
}

/// What is to be written in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Screened {
    /// The text, if something was taken out of it.
    pub content: Option<Content>,
    /// The object, if something was taken out of it. Names that would be the same are numbered.
    pub metadata: Option<Metadata>,
    /// The tags, if something was taken out of one. Those that are the same then are kept once.
    pub tags: Option<Vec<Tag>>,
    /// What was found, by field and then by kind.
    pub findings: Vec<FindingSummary>,
    /// Whether the entry is to be on no read path.
    pub quarantine: bool,
}

/// A text that is no entry, after it was looked at. It does not print itself.
pub struct ScreenedText {
    /// The text, if something was taken out of it. It may be longer than it was.
    pub text: Option<String>,
    /// What was found, as in a content.
    pub findings: Vec<FindingSummary>,
    /// Whether something was found that an entry would be quarantined for.
    pub quarantine: bool,
}

/// An object that is no entry's, after it was looked at. It does not print itself.
pub struct ScreenedObject {
    /// The object, if something was taken out of it. It may be larger than it was.
    pub object: Option<Map<String, Value>>,
    /// What was found, as in metadata.
    pub findings: Vec<FindingSummary>,
    /// Whether something was found that an entry would be quarantined for.
    pub quarantine: bool,
}

/// Nothing may be written: the policy refuses what was found, or it would be taken out of a key, or what is left
/// with the marks of redaction is longer than the limit of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it was found.
    pub field: FindingField,
    /// What it looks like.
    pub kind: Kind,
}

/// Looks at all of an entry and does what the policy says.
///
/// Screening what comes out of it takes out nothing more. Costs one scan for each text, and for each text that is
/// redacted one more for each round of it.
///
/// # Errors
/// The first field, in the order of the draft, that makes the write impossible.
pub fn screen(policy: &Policy, namespace: &Namespace, draft: &Draft<'_>) -> Result<Screened, Refused> {
    let mut desk = Desk::new(policy, namespace);
    // A redacted key would not be found again.
    if let Some(Changed { by, .. }) = desk.text(FindingField::Key, &ALONE, draft.key.as_str())? {
        return Err(Refused { field: FindingField::Key, kind: by });
    }
    let content = desk.text(FindingField::Content, &ALONE, draft.content.as_str())?;
    let content = content.map(|changed| changed.fit(FindingField::Content)).transpose()?;
    let metadata = desk.object(draft.metadata.as_object())?;
    let metadata = metadata.map(|changed| changed.fit(FindingField::Metadata)).transpose()?;
    let tags = tags(&mut desk, draft.tags)?;
    let (findings, quarantine) = desk.close();
    Ok(Screened { content, metadata, tags, findings, quarantine })
}

/// Looks at one text, as at a content.
///
/// # Errors
/// The policy refuses what was found.
pub fn screen_text(policy: &Policy, namespace: &Namespace, text: &str) -> Result<ScreenedText, Refused> {
    let mut desk = Desk::new(policy, namespace);
    let text = desk.text(FindingField::Content, &ALONE, text)?.map(|changed| changed.to);
    let (findings, quarantine) = desk.close();
    Ok(ScreenedText { text, findings, quarantine })
}

/// Looks at one object, as at metadata. The caller has bounded how deep it is.
///
/// # Errors
/// The policy refuses what was found.
pub fn screen_object(
    policy: &Policy,
    namespace: &Namespace,
    object: &Map<String, Value>,
) -> Result<ScreenedObject, Refused> {
    let mut desk = Desk::new(policy, namespace);
    let object = desk.object(object)?.map(|changed| changed.to);
    let (findings, quarantine) = desk.close();
    Ok(ScreenedObject { object, findings, quarantine })
}

fn tags(desk: &mut Desk<'_>, tags: &[Tag]) -> Result<Option<Vec<Tag>>, Refused> {
    let mut out: Vec<Tag> = Vec::with_capacity(tags.len());
    let mut is_changed = false;
    for tag in tags {
        let changed = desk.text(FindingField::Tags, &ALONE, tag.as_str())?;
        is_changed |= changed.is_some();
        out.push(changed.map_or_else(|| Ok(tag.clone()), tag_of)?);
    }
    if !is_changed {
        return Ok(None);
    }
    let mut seen = std::collections::HashSet::new();
    out.retain(|tag| seen.insert(tag.clone()));
    Ok(Some(out))
}

/// A tag with marks in it may be too long; then it is the mark alone.
fn tag_of(changed: Changed<String>) -> Result<Tag, Refused> {
    let by = changed.by;
    Tag::try_from(changed.to).or_else(|_| Changed { to: redact::mark(by), by }.fit(FindingField::Tags))
}
