"""What hcexport promises, and the tests that hold it to each promise; a test checks that they are there."""

from __future__ import annotations

from dataclasses import dataclass

_NETWORK = tuple(f"faults/test_network_{state}.py::test_fault" for state in ("fresh", "old_file", "resumed"))


@dataclass(frozen=True)
class Promise:
    """One promise; ``tests`` are pytest's ids below ``tests/``, without parameters."""

    number: int
    words: str
    tests: tuple[str, ...]


def _promise(number: int, words: str, *tests: str) -> Promise:
    return Promise(number, words, tests)


PROMISES = (
    _promise(1, "no corrupt file", *_NETWORK),
    _promise(2, "no silent failure", *_NETWORK, "faults/test_control.py::test_control_fails"),
    _promise(
        3,
        "an old file survives a failure",
        "faults/test_network_old_file.py::test_fault",
        "faults/test_disk.py::test_a_full_disk",
        "faults/test_disk.py::test_a_limit_on_file_sizes",
    ),
    _promise(4, "kills tear nothing", "faults/test_kills.py::test_kills_tear_nothing_and_the_next_run_completes"),
    _promise(
        5,
        "resuming saves work and never splices",
        "faults/test_resume.py::test_a_resumed_run_fetches_the_rest_and_no_more",
        "faults/test_resume.py::test_a_changed_item_is_never_spliced",
    ),
    _promise(6, "durable order", "faults/test_durable.py::test_order_of_a_publish"),
    _promise(
        7,
        "writers at once, with locks and without",
        "faults/test_writers.py::test_writers_at_once",
        "faults/test_writers.py::test_writers_that_all_inherit_one_part",
    ),
    _promise(
        8,
        "exactly one export",
        "faults/test_submit.py::test_lost_answer_of_a_job_that_runs_is_adopted",
        "faults/test_submit.py::test_lost_answer_without_a_job_is_an_unknown_outcome",
        "faults/test_submit.py::test_never_more_than_one_export_an_invocation",
    ),
    _promise(
        9,
        "bounded time, names included",
        "faults/test_deadline.py::test_a_timeout_holds",
        "faults/test_deadline.py::test_a_silent_resolver_holds_nobody_up",
    ),
    _promise(
        10,
        "a keyring that hangs holds nobody up",
        "functional/test_keyring_service.py::TestWithoutAnAnswer::test_a_command_in_cron",
        "functional/test_keyring_service.py::test_a_process_left_over_would_be_seen",
    ),
    _promise(
        11,
        "no plaintext that nobody chose",
        "unit/test_store_keyring.py::TestRefused::test_plaintext_that_keyring_found_by_itself",
        "unit/test_store_keyring.py::TestRefused::test_those_that_keep_nothing_even_when_named",
    ),
    _promise(
        12,
        "no secret leaks",
        *_NETWORK,
        "functional/test_secrets.py::test_on_good_and_bad_days",
        "functional/test_secrets.py::test_on_the_way_to_a_refusal",
        "functional/test_secrets.py::test_the_search_finds_what_is_there",
    ),
    _promise(
        13,
        "a token stays with its origin",
        "faults/test_origin.py::test_no_other_origin_hears_of_the_token",
        "functional/test_secrets.py::TestOtherServers::test_what_it_points_to_gets_nothing",
    ),
    _promise(
        14,
        "nothing in clear",
        "faults/test_origin.py::test_no_token_goes_out_in_clear",
        "functional/test_tls_trust.py::TestTrusting::test_insecure_is_said_each_time_and_never_stored",
    ),
    _promise(
        15,
        "no account is locked out",
        "functional/test_auth_ways.py::TestRefusedPassword::test_50_runs_with_a_wrong_one_send_it_once",
        "functional/test_auth_renewal.py::TestAtOnce::test_20_processes_make_at_most_2_sign_ins",
    ),
    _promise(
        16,
        "hostile text is inert",
        "faults/test_hostile_text.py::test_on_a_terminal",
        "faults/test_hostile_text.py::test_into_a_pipe",
        "faults/test_hostile_text.py::test_no_cell_is_a_formula",
        "faults/test_hostile_text.py::test_no_name_leads_out_of_the_folder",
    ),
    _promise(
        17,
        "bounded memory",
        "faults/test_memory.py::test_memory_does_not_grow_with_the_file",
        "faults/test_memory.py::test_a_bomb_stays_packed",
    ),
    _promise(
        18,
        "never a traceback",
        *_NETWORK,
        "faults/test_ends.py::test_a_result_that_goes_nowhere_is_an_error",
        "faults/test_ends.py::test_a_user_that_does_not_exist",
        "faults/test_ends.py::test_an_odd_proxy_environment_is_no_crash",
    ),
    _promise(
        19,
        "private by default",
        "faults/test_disk.py::test_what_is_ours_is_private_and_what_is_saved_follows_the_umask",
        "functional/test_auth_ways.py::TestPasswordFile::test_one_that_others_can_read_is_refused_and_not_sent",
        "unit/test_store_credentials.py::TestSession::test_is_private",
    ),
    _promise(
        20,
        "reproducible, and nothing undeclared",
        "functional/test_wheel.py::test_two_builds_make_the_same_bytes_and_so_does_the_source_distribution",
        "test_layers.py::test_nothing_else_is_imported_than_what_is_declared",
        "unit/test_contract_of_libraries.py::TestHttpx::test_truncation_without_a_length_goes_unnoticed",
    ),
)
