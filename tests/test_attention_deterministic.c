// SPDX-License-Identifier: MIT
// With is_deterministic the bits of a sequence's results are the same whatever comes with it, and
// on however many threads.
#include <stdlib.h>
#include <string.h>

#include "attention_alone.h"
#include "cases/attention_rows.h"
#include "on_devices.h"

#define FIXED .is_deterministic = true, .has_lse = true
#define BATCH                                                                                      \
    .n_batch = 5, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64, CAUSAL_AT_END, FIXED,             \
    .has_nan_beyond = true
// Single tokens, prompts and nothing: 1, 5, 33, 129 and 1 queries of 1200, 70, 129, 140 and no
// keys.
#define PACKED                                                                                     \
    .n_batch = 5, .q_len = 169, .kv_len = 1539, .cu_q_lens = LIST(0, 1, 6, 39, 168, 169),          \
    .cu_kv_lens = LIST(0, 1200, 1270, 1399, 1539, 1539), GROUPS, CAUSAL_AT_END, FIXED
#define PACKED_DECODE                                                                              \
    .n_batch = 4, .q_len = 4, .kv_len = 1430, .max_q_len = 1, .cu_q_lens = LIST(0, 1, 2, 3, 4),    \
    .cu_kv_lens = LIST(0, 1200, 1201, 1300, 1430), GROUPS, CAUSAL_AT_END, FIXED

static const struct attention_case rows[] = {
    {"decode", BATCH, .q_len = 1, .kv_len = 300, .kv_lens = LIST(1, 300, 33, 128, 299)},
    {"decode_long", BATCH, .q_len = 1, .kv_len = 2100, .kv_lens = LIST(9, 2100, 513, 1024, 1999)},
    {"decode_window", BATCH, .q_len = 1, .kv_len = 900, .kv_lens = LIST(1, 900, 33, 512, 899),
     .window_left = 200, .window_keep = 3},
    {"speculate", BATCH, .q_len = 5, .kv_len = 900, .kv_lens = LIST(1, 900, 3, 128, 899)},
    {"prefill", BATCH, .q_len = 70, .kv_len = 200, .kv_lens = LIST(1, 200, 33, 128, 70)},
    {"prefill_long", BATCH, .q_len = 200, .kv_len = 900, .kv_lens = LIST(1, 900, 33, 512, 290)},
    {"window", BATCH, .q_len = 70, .kv_len = 300, .kv_lens = LIST(1, 300, 33, 128, 70),
     .window_left = 20, .window_keep = 3, .n_prefix = 30},
    {"own", BATCH, .q_len = 40, .kv_len = 90, .kv_lens = LIST(1, 90, 33, 64, 70),
     .q_starts = LIST(0, -20, 5, -100, 1), .has_alibi = true, .has_sinks = true, .softcap = 4},
    {"mask", BATCH, .q_len = 40, .kv_len = 90, .kv_lens = LIST(1, 90, 33, 64, 70),
     .mask = ATTENTION_MASK_F32, .mask_axes = MASK_BATCH | MASK_QUERY},
    {"one_kv_head", .n_batch = 3, .q_len = 2, .kv_len = 1500, .kv_lens = LIST(1500, 700, 3),
     .n_heads = 40, .n_kv_heads = 1, .head_dim = 64, CAUSAL_AT_END, FIXED},
    {"positions", .n_batch = 3, .q_len = 40, .kv_len = 300, GROUPS, CAUSAL_AT_END,
     .k_positions = ATTENTION_RING, FIXED},
    {"relative", .n_batch = 3, .q_len = 40, .kv_len = 300, GROUPS, CAUSAL_AT_END, .n_relative = 9,
     FIXED},
    {"rotated", .n_batch = 3, .q_len = 40, .kv_len = 300, GROUPS, CAUSAL_AT_END, .rotates_q = true,
     .rotates_k = true, FIXED},
    {"rotated_decode", .n_batch = 3, .q_len = 1, .kv_len = 900, GROUPS, CAUSAL_AT_END, .dim2 = 32,
     .rotates_q = true, .rotates_k = true, FIXED},
    {"sums", .n_batch = 3, .q_len = 70, .kv_len = 300, GROUPS, CAUSAL_AT_END, .has_key_sums = true,
     .n_sum_queries = 40, FIXED},
    {"packed", PACKED},
    {"packed_window", PACKED, .window_left = 20, .window_keep = 3, .n_prefix = 30},
    {"packed_own", PACKED, .q_starts = LIST(0, -20, 5, -100, 1), .has_alibi = true,
     .has_sinks = true},
    {"packed_mask", PACKED, .max_q_len = 129, .max_kv_len = 1200, .mask = ATTENTION_MASK_BITS,
     .mask_axes = MASK_BATCH | MASK_QUERY},
    {"packed_positions", PACKED, .k_positions = ATTENTION_RING},
    {"packed_relative", PACKED, .n_relative = 9},
    {"packed_rotated", PACKED, .rotates_q = true, .rotates_k = true},
    {"packed_sums", PACKED, .has_key_sums = true},
    {"packed_decode", PACKED_DECODE},
    {"packed_one_kv_head", .n_batch = 3, .q_len = 4, .kv_len = 2210, .cu_q_lens = LIST(0, 1, 2, 4),
     .cu_kv_lens = LIST(0, 700, 710, 2210), .n_heads = 40, .n_kv_heads = 1, .head_dim = 64,
     CAUSAL_AT_END, FIXED},
    {"packed_k", .n_batch = 4, .kv_len = 1170, .cu_kv_lens = LIST(0, 40, 40, 1169, 1170),
     .q_len = 2, GROUPS, CAUSAL_AT_END, FIXED},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const unsigned dtypes[] = {CASE_F32, CASE_F16, CASE_KV_BF16};
enum { N_DTYPES = sizeof(dtypes) / sizeof(dtypes[0]) };

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (size_t i = 0; i < N_ROWS * N_DTYPES; i++) {
        const struct attention_case *row = &rows[i / N_DTYPES];
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_run *run =
            attention_prepare(session, row, case_dtypes_of(dtypes[i % N_DTYPES]), 1, &result);
        if (run != NULL)
            compare_with_alone(run, true, true, &result);
        attention_run_destroy(run);
        report(session, row->name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, N_ROWS);
}

TEST_EACH_BACKEND(attention_deterministic, run)

// --- threads

static void open_threads(struct session *session, uint32_t n_threads)
{
    memset(session, 0, sizeof(*session));
    const struct gyre_device_params params = {
        .name = "cpu", .log = log_into(&session->log), .n_threads = n_threads};
    cr_assert(gyre_device_open(&params, &session->device) == GYRE_OK, "%s", session->log.text);
    session->info = gyre_device_get_info(session->device);
    cr_assert(gyre_stream_create(session->device, &session->stream) == GYRE_OK);
}

// Values of out and lse, one behind the other.
static double *results_of(struct session *session, const struct attention_case *row, unsigned dtype,
                          size_t *n)
{
    struct result result = {.outcome = OUTCOME_PASS};
    struct attention_run *run = attention_prepare(session, row, case_dtypes_of(dtype), 1, &result);
    cr_assert(run != NULL && attention_run_enqueue(run) == GYRE_OK, "%s: %s", row->name,
              session->log.text);
    cr_assert(gyre_stream_finish(session->stream) == GYRE_OK);
    guarded_read(session, &run->out, &result);
    guarded_read(session, &run->lse, &result);
    cr_assert(result.outcome == OUTCOME_PASS, "%s: %s", row->name, result.text);
    size_t n_out = guarded_count(&run->out), n_lse = guarded_count(&run->lse);
    double *values = malloc((n_out + n_lse) * sizeof(*values));
    memcpy(values, run->out.values, n_out * sizeof(*values));
    memcpy(values + n_out, run->lse.values, n_lse * sizeof(*values));
    *n = n_out + n_lse;
    attention_run_destroy(run);
    return values;
}

Test(attention_deterministic, threads)
{
    static const uint32_t n_threads[] = {1, 2, 3, 16};
    for (size_t i = 0; i < N_ROWS; i++) {
        double *first = NULL;
        for (size_t t = 0; t < sizeof(n_threads) / sizeof(n_threads[0]); t++) {
            struct session session;
            size_t n;
            open_threads(&session, n_threads[t]);
            double *values = results_of(&session, &rows[i], CASE_F32, &n);
            if (first == NULL)
                first = values;
            cr_assert(memcmp(first, values, n * sizeof(*values)) == 0, "%s on %u threads",
                      rows[i].name, n_threads[t]);
            if (values != first)
                free(values);
            session_close(&session);
        }
        free(first);
    }
}
