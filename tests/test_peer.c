// SPDX-License-Identifier: MIT
// What the bench compares with does compute attention, and a difference is seen.
#include <criterion/criterion.h>
#include <stdlib.h>

#include <gyre/buffer.h>

#include "on_devices.h"
#include "peer.h"

static const struct attention_case rows[] = {
    {"causal", .q_len = 33, .kv_len = 33, .n_heads = 6, .n_kv_heads = 2, .head_dim = 16,
     .v_dim = 24, .is_causal = true},
    {"all", .n_batch = 3, .q_len = 7, .kv_len = 50, .n_heads = 4, .head_dim = 9},
    {"window", .n_batch = 2, .q_len = 20, .kv_len = 31, .n_heads = 2, .head_dim = 8,
     .align = GYRE_ALIGN_END, .window_left = 5, .window_right = 3},
    {"unseen", .q_len = 40, .kv_len = 9, .n_heads = 2, .head_dim = 8, .q_start = -4,
     .is_causal = true, .window_left = 6},
    {"decode", .n_batch = 2, .q_len = 1, .kv_len = 100, .n_heads = 8, .n_kv_heads = 2,
     .head_dim = 32, .is_causal = true, .align = GYRE_ALIGN_END},
};
enum { N_ROWS = sizeof(rows) / sizeof(*rows), N_COPIES = 3, N_THREADS = 3 };

struct fixture {
    struct session session;
    struct openblas *blas;
};

// Skips the test where OpenBLAS is not.
static void set_up(struct fixture *fixture)
{
    char why[256];
    fixture->blas = openblas_open(why, sizeof(why));
    if (fixture->blas == NULL)
        skip_test("no OpenBLAS:", why);
    cr_assert_eq(session_open(&fixture->session, "cpu"), GYRE_OK);
}

static void tear_down(struct fixture *fixture)
{
    session_close(&fixture->session);
    openblas_close(&fixture->blas);
}

// Runs the row on the CPU.
static struct attention_run *run_row(struct session *session, const struct attention_case *row)
{
    struct result result = {.outcome = OUTCOME_PASS};
    struct attention_run *run =
        attention_prepare(session, row, case_dtypes_of(CASE_F32), 1, &result);
    cr_assert_not_null(run, "%s: %s", row->name, result.text);
    cr_assert_eq(attention_run_enqueue(run), GYRE_OK);
    cr_assert_eq(gyre_stream_finish(session->stream), GYRE_OK);
    return run;
}

static struct peer *make_peer(struct fixture *fixture, const struct attention_run *run,
                              struct result *result)
{
    return peer_create(fixture->blas, &fixture->session, attention_run_params(run), N_COPIES,
                       N_THREADS, result);
}

Test(peer, agrees)
{
    struct fixture fixture;
    struct result result;
    set_up(&fixture);
    for (int i = 0; i < N_ROWS; i++) {
        struct attention_run *run = run_row(&fixture.session, &rows[i]);
        struct peer *peer = make_peer(&fixture, run, &result);
        cr_assert_not_null(peer, "%s: %s", rows[i].name, result.text);
        for (int n = 0; n < 2 * N_COPIES; n++)
            peer_run(peer);
        peer_destroy(&peer);
        cr_assert_null(peer);
        attention_run_destroy(run);
    }
    tear_down(&fixture);
}

Test(peer, a_wrong_result_is_refused)
{
    struct fixture fixture;
    struct result result;
    float value;
    set_up(&fixture);
    for (int i = 0; i < N_ROWS; i++) {
        struct attention_run *run = run_row(&fixture.session, &rows[i]);
        const struct gyre_tensor *out = &attention_run_params(run)->out;
        struct gyre_stream *stream = fixture.session.stream;
        cr_assert_eq(gyre_buffer_read(stream, out->buffer, out->offset, sizeof(value), &value),
                     GYRE_OK);
        value += 1e-3f;
        cr_assert_eq(gyre_buffer_write(stream, out->buffer, out->offset, sizeof(value), &value),
                     GYRE_OK);
        cr_assert_null(make_peer(&fixture, run, &result), "%s", rows[i].name);
        cr_assert_eq(result.outcome, OUTCOME_FAIL);
        attention_run_destroy(run);
    }
    tear_down(&fixture);
}

Test(peer, rows_without_one_are_told)
{
    const struct bench_row rope = {.rope = {.name = "rope"}};
    const struct bench_row plain = {.attention = {.name = "plain"}};
    const struct bench_row linear = {.linear = {.name = "linear"}};
    const struct bench_row merge = {.merge = {.name = "merge"}};
    const struct bench_row capped = {.attention = {.name = "capped", .softcap = 1}};
    const struct case_dtypes *f32 = case_dtypes_of(CASE_F32), *f16 = case_dtypes_of(CASE_F16);
    cr_assert_null(peer_refuse(&plain, f32));
    cr_assert_not_null(peer_refuse(&plain, f16));
    cr_assert_not_null(peer_refuse(&rope, f32));
    cr_assert_str_eq(peer_refuse(&linear, f32), "it has no linear attention");
    cr_assert_str_eq(peer_refuse(&merge, f32), "it has no merging");
    cr_assert_not_null(peer_refuse(&capped, f32));
}
