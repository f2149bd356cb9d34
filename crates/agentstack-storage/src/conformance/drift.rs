//! What comparing tasks with their ancestors came to.

use agentstack_core::{DriftAction, Timestamp};

use super::coordination::{assert_gone, gone, new_task};
use super::world::{Call, TASK_CREATE, TASK_GET, World, draft, pending};
use crate::{Drift, DriftFigures, NewTask};

/// A comparison. The likenesses are such that their mean is exact, in whatever order it is made.
fn drift(similarity: f64, action: DriftAction) -> Drift {
    Drift { ancestor: new_task().id, similarity, action }
}

async fn figures(call: &Call<'_>, since: Option<Timestamp>) -> DriftFigures {
    let scope = call.scope(&TASK_GET).await;
    call.world.store.drift_figures(&scope, since).await.unwrap()
}

pub async fn without_a_comparison_there_are_no_figures(world: &World) {
    let ann = world.local("ann").start().await;
    ann.make(new_task()).await;
    assert_eq!(figures(&ann, None).await, DriftFigures::default());
}

pub async fn figures_are_of_all_comparisons_in_the_session(world: &World) {
    let (ann, other) = (world.local("ann").start().await, world.local("ann").start().await);
    let begun = world.now();
    for call in [&ann, &other] {
        call.make(NewTask { drift: Some(drift(0.25, DriftAction::Allowed)), ..new_task() }).await;
        call.make(NewTask { drift: Some(drift(0.75, DriftAction::Warned)), ..new_task() }).await;
    }
    let warned = DriftFigures {
        checks: 2,
        warned: 1,
        prevented: 0,
        mean_similarity: Some(0.5),
        greatest_similarity: Some(0.75),
        last_at: Some(begun),
    };
    assert_eq!(figures(&ann, None).await, warned);
    world.clock.advance_millis(1_000);
    let (records, tasks) = (world.records().await.len(), ann.status().await.tasks);
    let scope = ann.scope(&TASK_CREATE).await;
    let refused = drift(1.0, DriftAction::Prevented);
    world.store.note_drift(&scope, refused, draft(&scope)).await.unwrap();
    assert_eq!(world.records().await.len(), records + 1, "the refusal is recorded with it");
    assert_eq!(ann.status().await.tasks, tasks);
    let prevented = world.now();
    world.clock.advance_millis(1_000);
    ann.make(NewTask { drift: Some(drift(0.0, DriftAction::Allowed)), ..new_task() }).await;
    let expected = DriftFigures {
        checks: 4,
        warned: 1,
        prevented: 1,
        mean_similarity: Some(0.5),
        greatest_similarity: Some(1.0),
        last_at: Some(prevented),
    };
    assert_eq!(figures(&ann, None).await, expected);
    assert_eq!(figures(&other, None).await, warned, "another session has its own");
    let since = DriftFigures { checks: 2, warned: 0, ..expected };
    assert_eq!(figures(&ann, Some(prevented)).await, since, "from that time on, itself included");
    let last = DriftFigures {
        checks: 1,
        mean_similarity: Some(0.0),
        greatest_similarity: Some(0.0),
        ..DriftFigures::default()
    };
    assert_eq!(figures(&ann, Some(prevented.plus_millis(1))).await, last);
    assert_eq!(figures(&ann, Some(world.now().plus_millis(1))).await, DriftFigures::default());
}

pub async fn a_task_that_is_not_made_is_not_compared(world: &World) {
    let ann = world.local("ann").start().await;
    let orphan = NewTask { parent: Some(new_task().id), ..new_task() };
    let new = NewTask { drift: Some(drift(0.5, DriftAction::Warned)), ..orphan };
    assert!(ann.try_make(new).await.is_err());
    assert_eq!(figures(&ann, None).await.checks, 0);
}

pub async fn a_session_that_is_gone_compares_nothing(world: &World) {
    for scope in gone(world, &TASK_CREATE).await {
        let records = world.records().await.len();
        let noted = world.store.note_drift(&scope, drift(0.5, DriftAction::Prevented), draft(&scope)).await;
        assert_gone(noted);
        assert_gone(world.store.drift_figures(&scope, None).await);
        assert_gone(world.store.create_task(&scope, new_task(), pending(&scope)).await);
        assert_eq!(world.records().await.len(), records);
    }
}
