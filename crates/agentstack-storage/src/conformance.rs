//! The suite that every backend runs: what the sentences of [`crate::contract`] promise, one fact a case.
//!
//! A backend's tests call [`conformance_tests!`](crate::conformance_tests) with a function that opens a new store; each case becomes a
//! test of its own. Scopes come from an [`agentstack_access::Authorizer`] over the store under test, as in the product.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test suite: it may panic, and the names of its cases are facts"
)]

pub mod agents;
pub mod audit;
pub mod coordination;
pub mod drift;
pub mod embedding;
pub mod forget;
pub mod identities;
pub mod imports;
pub mod listing;
pub mod memory;
pub mod plugins;
pub mod search;
pub mod sessions;
pub mod spawned;
pub mod tasks;
pub mod tokens;
pub mod trust;
pub mod versions;
pub mod world;

pub use world::{Call, Opened, World};

/// Makes a test of each case. `$open` is an async function that returns an [`Opened`].
#[macro_export]
macro_rules! conformance_tests {
    ($open:path) => {
        $crate::conformance_tests! { @each $open;
            memory {
                an_entry_is_read_back_as_it_was_stored
                a_store_answers_what_a_get_then_shows
                storing_again_makes_the_next_version
                if_version_must_be_the_current_version
                a_refused_store_changes_nothing
                deletion_leaves_nothing_to_find
                deleting_what_is_not_there_is_false
                a_key_that_was_deleted_begins_anew
                the_same_key_in_two_namespaces_is_two_entries
                a_shared_namespace_is_everyones_and_outlives_a_session
                s19_the_longest_content_is_stored_found_and_deleted
                a_closed_store_answers_nothing
            }
            forget {
                what_an_origin_wrote_is_nowhere_any_more
                a_principal_is_forgotten_with_what_is_its_own
                an_agent_is_forgotten_with_its_tasks
                who_was_shown_something_of_an_origin_is_known
            }
            versions {
                history_is_newest_first_with_the_current_one
                every_version_can_be_read
                the_oldest_version_goes_first
                a_restored_version_is_the_next_one_with_its_own_label
                restoring_what_is_not_there_is_none
                only_the_current_version_is_searched
                the_history_of_nothing_is_empty
            }
            agents {
                a_bound_caller_sees_its_own_and_common_entries
                a_bound_caller_changes_a_common_entry_without_taking_it
                a_key_of_another_agent_is_taken
                a_bound_caller_neither_deletes_nor_restores_anothers
                a_past_version_of_another_agent_is_hidden
                in_a_shared_namespace_agents_are_no_border
                a_filter_keeps_to_an_agent
            }
            listing {
                lists_are_newest_first
                an_update_moves_an_entry_to_the_front
                pages_hold_every_entry_once
                a_cursor_is_not_moved_by_new_entries
                an_entry_must_have_all_the_tags
                a_list_may_take_in_all_shared_namespaces
                the_total_is_that_of_the_whole_list
            }
            search {
                any_all_phrase_and_prefix_find_what_they_say
                words_of_many_scripts_are_found
                a_plain_question_is_answered_best_first
                a_key_counts_more_than_a_content
                equals_are_newest_first
                results_are_cut_by_limit_offset_and_threshold
                results_must_have_the_tags
                a_search_takes_in_shared_namespaces_and_names_them
                s31_any_string_is_a_legal_query
                long_contents_are_cut_in_results
                s05_a_foreign_session_changes_no_byte_of_an_answer
                s05_a_shared_namespace_is_ranked_by_itself
            }
            sessions {
                a_session_begins_as_asked
                s09_an_idle_session_expires
                s09_use_keeps_a_session_alive
                s09_an_old_session_expires_however_busy
                s02_foreign_ended_expired_and_unknown_are_the_same
                a_scope_ends_with_its_session
                a_scope_expires_with_its_session
                a_resume_token_makes_another_holder
                a_resume_token_of_no_live_session_is_none
                s07_the_end_removes_everything_of_the_session_and_nothing_else
                s09_an_operator_sees_and_ends_any_session
                active_sessions_are_the_callers_own_newest_first
                expired_sessions_are_shown_to_operators
                status_counts_the_entries
                status_counts_agents_and_tasks_that_go_on
                s07_the_end_records_each_agent_and_task_that_goes_on
                figures_are_of_what_there_is_of_everybodys
            }
            spawned {
                an_agent_is_read_back_as_it_was_spawned
                a_name_is_taken_until_its_agent_stops
                s19_no_more_agents_are_live_than_may_be
                s19_a_session_has_so_many_agents_and_no_more
                an_agent_comes_into_the_states_it_can
                agents_are_listed_newest_first
                s02_agents_of_another_session_do_not_exist
                a_session_that_is_gone_has_no_agents
                an_agent_is_spawned_with_an_active_identity_of_ones_own
                every_record_of_an_agent_is_an_operation_of_it
                what_names_no_agent_of_the_session_counts_for_none
                what_was_refused_counts_for_none
                a_new_allowance_begins_with_nothing
                tokens_are_counted_with_a_change_and_not_without
            }
            identities {
                an_identity_is_read_back_as_it_was_made
                s02_identities_belong_to_a_principal_by_name
                an_operator_knows_all_by_their_ids
                a_name_is_taken_until_its_identity_retires
                s19_a_principal_has_so_many_identities_and_no_more
                an_identity_comes_into_the_states_it_can
                a_change_leaves_what_it_does_not_name
                identities_are_listed_newest_first_page_by_page
                the_log_can_be_asked_for_an_identity
            }
            tasks {
                a_task_is_read_back_as_it_was_made
                s19_the_longest_texts_are_kept
                tasks_are_listed_newest_first_page_by_page
                s19_tasks_are_no_more_and_no_deeper_than_may_be
                what_a_new_task_names_must_be_there
                s02_tasks_of_another_session_do_not_exist
                a_session_that_is_gone_has_no_tasks
                a_task_is_given_to_one_agent
                of_two_agents_at_once_one_gets_the_task
                a_task_waits_for_those_it_depends_on
                a_task_ends_once
                an_output_is_stored_with_the_end_of_its_task_or_neither_happens
                parts_of_an_assigned_task_count_as_subtasks_of_its_agent
                relationships_are_shown_from_both_ends_in_order
                a_lineage_goes_from_a_task_to_its_root
            }
            drift {
                without_a_comparison_there_are_no_figures
                figures_are_of_all_comparisons_in_the_session
                a_task_that_is_not_made_is_not_compared
                a_session_that_is_gone_compares_nothing
            }
            tokens {
                a_token_stands_for_what_was_granted
                a_token_ends_when_it_was_to
                a_revoked_token_is_unknown_from_then_on
                tokens_are_listed_newest_first_page_by_page
                a_limited_credential_reads_its_shared_namespaces_only
            }
            imports {
                an_imported_entry_is_unverified_and_keeps_when_it_was_first_stored
                past_versions_come_before_their_entry
                what_is_there_stays_as_it_is
                s16_what_is_imported_and_held_back_is_on_no_read_path
                s02_an_imported_session_is_entered_with_its_token_alone
                imported_tasks_are_of_their_session_and_within_its_bounds
                imported_identities_belong_to_the_owner_they_name
                s19_no_more_is_imported_than_there_may_be
                an_import_goes_on_from_where_it_was_and_from_nowhere_else
                a_trial_changes_nothing
                what_is_wished_of_an_imported_entry_is_done
            }
            plugins {
                a_plugin_is_read_back_as_it_was_registered
                a_change_is_made_to_what_was_seen_and_to_nothing_else
                plugins_are_listed_by_name
                a_load_is_noted_of_the_version_that_is_there
                s19_no_more_plugins_are_registered_than_may_be
            }
            trust {
                s12_whatever_is_written_begins_unverified
                s16_what_is_held_back_is_on_no_read_path
                s16_what_was_there_stays_current
                operators_see_what_is_held_back
                s13_an_approved_version_goes_where_its_number_says
                s13_a_version_is_approved_and_no_other
                a_rejected_version_leaves_what_was_before
                what_is_held_back_goes_with_its_entry_and_its_session
                only_what_is_trusted_is_found_if_asked
                s21_what_is_derived_from_a_revoked_origin_is_held_back
                s21_an_origin_may_be_an_agent_and_from_a_time_on
                s21_an_origin_may_be_a_tool_or_a_family_of_tools
                s21_what_was_read_outside_of_a_session_counts_for_its_holder
                to_restore_a_version_is_to_read_it
                s20_what_nobody_has_verified_in_time_goes
                who_is_new_among_the_writers_of_a_shared_namespace_is_known
                a_session_that_is_gone_is_shown_nothing
            }
            embedding {
                what_is_wished_for_waits_in_the_order_of_its_entries
                s41_vectors_are_operators_business
                the_beginning_of_a_long_content_is_embedded
                a_meaning_finds_what_has_no_word_in_common
                a_page_goes_on_where_the_one_before_ended
                s41_vectors_of_different_models_never_mix
                s41_a_vector_goes_with_its_version
                s41_vectors_end_with_their_session
                what_is_declined_or_failed_is_not_tried
                s16_what_is_held_back_is_found_by_no_meaning
                s41_a_vector_of_another_dimension_than_its_model_is_none
                others_get_their_turn_while_all_entries_are_to_be_embedded_again
                what_is_declined_is_so_too_when_it_comes_back
                s05_a_meaning_is_answered_from_what_its_caller_may_read
                filters_hold_for_meanings_too
                one_worker_embeds_at_a_time
            }
            audit {
                s45_each_mutation_writes_one_record
                s45_what_did_not_happen_writes_none
                records_are_appended_in_order
                s44_the_log_verifies_with_its_checkpoints
                s44_a_key_follows_another_which_signs_no_later_record
                an_empty_log_has_no_checkpoint
                the_log_is_shown_to_operators_only
                counts_are_the_callers_own
                housekeeping_takes_nothing_away
                a_store_says_what_it_is
            }
        }
    };
    (@each $open:path; $($module:ident { $($case:ident)* })*) => {
        $(
            mod $module {
                $(
                    #[tokio::test]
                    async fn $case() {
                        let world = $crate::conformance::World::new($open().await);
                        $crate::conformance::$module::$case(&world).await;
                    }
                )*
            }
        )*

        #[test]
        fn every_case_of_the_suite_is_run() {
            $crate::conformance::assert_complete(&[$($((stringify!($module), stringify!($case))),*),*]);
        }
    };
}

/// Fails if a case is not in the list of [`conformance_tests!`](crate::conformance_tests), given as pairs of module and case.
pub fn assert_complete(listed: &[(&str, &str)]) {
    let modules = [
        ("agents", include_str!("conformance/agents.rs")),
        ("audit", include_str!("conformance/audit.rs")),
        ("drift", include_str!("conformance/drift.rs")),
        ("embedding", include_str!("conformance/embedding.rs")),
        ("identities", include_str!("conformance/identities.rs")),
        ("imports", include_str!("conformance/imports.rs")),
        ("spawned", include_str!("conformance/spawned.rs")),
        ("tasks", include_str!("conformance/tasks.rs")),
        ("listing", include_str!("conformance/listing.rs")),
        ("memory", include_str!("conformance/memory.rs")),
        ("plugins", include_str!("conformance/plugins.rs")),
        ("search", include_str!("conformance/search.rs")),
        ("sessions", include_str!("conformance/sessions.rs")),
        ("tokens", include_str!("conformance/tokens.rs")),
        ("trust", include_str!("conformance/trust.rs")),
        ("versions", include_str!("conformance/versions.rs")),
    ];
    for (module, source) in modules {
        let cases = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split_once("(world: &World)"));
        for (case, _) in cases {
            assert!(listed.contains(&(module, case)), "{module}::{case} is not listed");
        }
    }
}
