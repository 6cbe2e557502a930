// SPDX-License-Identifier: MIT
// The memory that attention takes beside its tensors: counted, told, and never a matrix of scores.
#include <stdlib.h>
#include <string.h>

#include "cases/attention_rows.h"
#include "on_devices.h"

// In ascending order of scratch: a stream keeps the largest.
static const struct attention_case rows[] = {
    {"prefill", .q_len = 200, .kv_len = 900, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .is_causal = true},
    {"decode", .q_len = 1, .kv_len = 2048, .n_heads = 8, .n_kv_heads = 2, .head_dim = 64},
    {"relative_packed", .n_batch = 8, .q_len = 512, .kv_len = 512,
     .cu_q_lens = LIST(0, 64, 128, 192, 256, 320, 384, 448, 512),
     .cu_kv_lens = LIST(0, 64, 128, 192, 256, 320, 384, 448, 512), .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .n_relative = 9},
    {"decode_of_batches", .n_batch = 4, .q_len = 2, .kv_len = 4096, .n_heads = 8, .n_kv_heads = 2,
     .head_dim = 64},
};
enum { N_ROWS = sizeof(rows) / sizeof(*rows) };

// What the explanation tells, in bytes; 0 where it says that there is none.
static uint64_t explained(struct session *session, const struct attention_run *run)
{
    char text[4096];
    cr_assert_eq(
        gyre_attention_explain(session->device, attention_run_params(run), text, sizeof(text)),
        GYRE_OK);
    const char *line = strstr(text, "  scratch: ");
    cr_assert_not_null(line, "%s", text);
    const char *bytes = strchr(line, '(');
    return bytes != NULL ? strtoull(bytes + 1, NULL, 10) : 0;
}

static void check(const struct attention_case *row, uint64_t before, uint64_t wanted, uint64_t got,
                  struct result *result)
{
    uint64_t n_batch = row->n_batch != 0 ? row->n_batch : 1;
    uint64_t scores = n_batch * row->n_heads * row->q_len * row->kv_len * sizeof(float);
    if (got != (wanted > before ? wanted : before))
        result_fail(result, "%llu bytes of scratch; explained were %llu, and before it had %llu",
                    (unsigned long long)got, (unsigned long long)wanted,
                    (unsigned long long)before);
    if (wanted >= scores)
        result_fail(result, "%llu bytes of scratch, and the scores are %llu",
                    (unsigned long long)wanted, (unsigned long long)scores);
    // Products with relative keys are one a query, head and distance, however queries are packed.
    uint64_t relative = (uint64_t)row->n_heads * row->q_len * row->n_relative * sizeof(float);
    if (row->n_relative != 0 && (wanted < relative || wanted > relative + 4096))
        result_fail(result, "%llu bytes of scratch for %llu", (unsigned long long)wanted,
                    (unsigned long long)relative);
    if (row->q_len <= 2 && wanted == 0)
        result_fail(result, "no scratch for partial results");
}

static void check_run(struct session *session, const struct attention_case *row,
                      const struct attention_run *run, struct result *result)
{
    uint64_t before = gyre_stream_scratch_size(session->stream), wanted = explained(session, run);
    cr_assert_eq(gyre_attention(session->stream, attention_run_params(run)), GYRE_OK);
    cr_assert_eq(gyre_stream_finish(session->stream), GYRE_OK);
    check(row, before, wanted, gyre_stream_scratch_size(session->stream), result);
}

static void run_rows(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    cr_assert_eq(gyre_stream_scratch_size(NULL), 0);
    cr_assert_eq(gyre_stream_scratch_size(session->stream), 0);
    for (int i = 0; i < N_ROWS; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_run *run =
            attention_prepare(session, &rows[i], case_dtypes_of(CASE_F32), 1, &result);
        if (run != NULL)
            check_run(session, &rows[i], run, &result);
        report(session, rows[i].name, &result, tally);
        attention_run_destroy(run);
    }
}

static void run(enum gyre_backend_kind backend)
{
    // No shader for relative keys is embedded.
    run_on_devices(backend, run_rows, NULL, N_ROWS - 1);
}

TEST_EACH_BACKEND(scratch, run)
