//! Answers about origins and the audit log.

use agentstack_api::{Reply, view};
use agentstack_core::Timestamp;

use crate::support::SESSION;

/// The answers about the system, its tokens and what is held back.
pub(super) fn replies(full: bool) -> Vec<Reply> {
    vec![
        Reply::RevokeOrigin(view::RevokeOriginView {
            success: true,
            dry_run: full,
            revoked: 1,
            quarantined: 2,
            readers: if full {
                vec![view::ReaderView {
                    session_id: SESSION.parse().unwrap(),
                    holder: "local:ada/1".to_owned(),
                }]
            } else {
                vec![]
            },
            ended_readers: 0,
            reading_holders: if full { vec!["token:ci".to_owned()] } else { vec![] },
        }),
        Reply::ForgetOrigin(view::ForgetOriginView {
            success: true,
            dry_run: !full,
            versions: 1,
            sessions: 2,
            identities: 3,
            tokens: 4,
            agents: 5,
            tasks: 6,
            receipt: full.then(|| view::ReceiptView {
                form: view::ReceiptView::FORM,
                record: "{}".to_owned(),
                previous: "00".repeat(32),
                hash: "11".repeat(32),
                checkpoint: "agentstack-checkpoint:v1:…".to_owned(),
            }),
        }),
    ]
}

pub(super) fn audit_record(full: bool) -> view::AuditRecordView {
    view::AuditRecordView {
        sequence: 7,
        at: Timestamp::from_millis(1_768_464_000_000).to_string(),
        principal: "local:ada".to_owned(),
        agent_id: full.then(|| "coder".parse().unwrap()),
        identity_id: full.then(|| SESSION.parse().unwrap()),
        session_id: full.then(|| SESSION.parse().unwrap()),
        operation: "memory_delete".to_owned(),
        resource: full.then(|| "00".repeat(16)),
        decision: "allow".to_owned(),
        reason: "permitted".to_owned(),
        policy: "builtin-1".to_owned(),
        request_id: SESSION.parse().unwrap(),
        outcome: "ok".to_owned(),
        duration_us: 12,
        counts: if full { [("entries".to_owned(), 1)].into() } else { [].into() },
    }
}
