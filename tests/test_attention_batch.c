// SPDX-License-Identifier: MIT
// Attention over sequences of their own lengths, in a batch or packed, is attention over each of
// them alone.
#include "attention_alone.h"
#include "cases/attention_rows.h"
#include "on_devices.h"

#define BATCH                                                                                      \
    .n_batch = 5, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64, .is_causal = true,                \
    .align = GYRE_ALIGN_END, .has_nan_beyond = true, .has_lse = true
// Single tokens, prompts and nothing: 1, 5, 33, 40 and 1 queries of 300, 70, 129, 40 and no keys.
#define PACKED                                                                                     \
    .n_batch = 5, .q_len = 80, .kv_len = 539, .cu_q_lens = LIST(0, 1, 6, 39, 79, 80),              \
    .cu_kv_lens = LIST(0, 300, 370, 499, 539, 539), GROUPS, .has_lse = true
#define PACKED_DECODE                                                                              \
    .n_batch = 4, .q_len = 4, .kv_len = 830, .max_q_len = 1, .cu_q_lens = LIST(0, 1, 2, 3, 4),     \
    .cu_kv_lens = LIST(0, 600, 601, 700, 830), GROUPS, .has_lse = true

static const struct batch_case {
    struct attention_case row;
    // On the CPU both take the same steps. Not where a cache is divided by its own length, or where
    // the height of tiles, which the batch decides, says at which key of a window they begin.
    bool is_exact;
} batch_cases[] = {
    {{"prefill", BATCH, .q_len = 70, .kv_len = 200, .kv_lens = LIST(1, 200, 33, 128, 70)}, true},
    {{"decode", BATCH, .q_len = 1, .kv_len = 300, .kv_lens = LIST(1, 300, 33, 128, 299)}, true},
    {{"decode_long", BATCH, .q_len = 1, .kv_len = 2100, .kv_lens = LIST(9, 2100, 513, 1024, 1999)},
     false},
    {{"speculate", BATCH, .q_len = 5, .kv_len = 300, .kv_lens = LIST(1, 300, 3, 128, 299)}, true},
    {{"starts", BATCH, .q_len = 40, .kv_len = 90, .kv_lens = LIST(1, 90, 33, 64, 70),
      .q_starts = LIST(0, -20, 5, -100, 1)},
     true},
    {{"window", BATCH, .q_len = 70, .kv_len = 200, .kv_lens = LIST(1, 200, 33, 128, 70),
      .window_left = 20, .window_keep = 3, .n_prefix = 30},
     false},
    {{"alibi", BATCH, .q_len = 40, .kv_len = 90, .kv_lens = LIST(1, 90, 33, 64, 70),
      .has_alibi = true},
     true},
    {{"sinks", BATCH, .q_len = 40, .kv_len = 90, .kv_lens = LIST(1, 90, 33, 64, 70),
      .has_sinks = true},
     true},
    {{"mask", BATCH, .q_len = 40, .kv_len = 90, .kv_lens = LIST(1, 90, 33, 64, 70),
      .mask = ATTENTION_MASK_F32, .mask_axes = MASK_BATCH | MASK_QUERY},
     true},
    {{"own_decode", BATCH, .q_len = 2, .kv_len = 300, .kv_lens = LIST(1, 300, 33, 128, 299),
      .q_starts = LIST(0, -20, 5, -100, 1), .has_alibi = true, .has_sinks = true},
     true},
    {{"packed", PACKED, CAUSAL_AT_END}, false},
    {{"packed_both_ways", PACKED}, false},
    {{"packed_max", PACKED, .max_q_len = 33, .max_kv_len = 200, CAUSAL_AT_END}, false},
    {{"packed_window", PACKED, CAUSAL_AT_END, .window_left = 20, .window_keep = 3, .n_prefix = 30},
     false},
    {{"packed_own", PACKED, CAUSAL_AT_END, .q_starts = LIST(0, -20, 5, -100, 1), .has_alibi = true,
      .has_sinks = true},
     false},
    {{"packed_mask", PACKED, .max_q_len = 40, .max_kv_len = 300, .mask = ATTENTION_MASK_F32,
      .mask_axes = MASK_BATCH | MASK_QUERY},
     false},
    {{"packed_bits", PACKED, .max_q_len = 40, .max_kv_len = 300, .mask = ATTENTION_MASK_BITS,
      .mask_axes = MASK_BATCH | MASK_HEAD | MASK_QUERY},
     false},
    {{"packed_positions", PACKED, CAUSAL_AT_END, .k_positions = ATTENTION_RING}, false},
    {{"packed_relative", PACKED, CAUSAL_AT_END, .n_relative = 9}, false},
    {{"packed_rotated", PACKED, CAUSAL_AT_END, .rotates_q = true, .rotates_k = true}, false},
    {{"packed_second", PACKED, CAUSAL_AT_END, .dim2 = 32, .n_kv_heads2 = 1}, false},
    {{"packed_decode", PACKED_DECODE, CAUSAL_AT_END}, false},
    {{"packed_q", .n_batch = 4, .q_len = 78, .cu_q_lens = LIST(0, 5, 5, 38, 78), .kv_len = 150,
      .kv_lens = LIST(150, 33, 129, 20), GROUPS, CAUSAL_AT_END, .has_nan_beyond = true,
      .has_lse = true},
     false},
    {{"packed_k", .n_batch = 4, .kv_len = 170, .cu_kv_lens = LIST(0, 40, 40, 169, 170), .q_len = 20,
      .kv_lens = LIST(33, 9, 1000, -1), GROUPS, CAUSAL_AT_END, .has_nan_beyond = true,
      .has_lse = true},
     false},
};
enum { N_CASES = sizeof(batch_cases) / sizeof(batch_cases[0]) };

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    static const unsigned dtypes[] = {CASE_F32, CASE_F16, CASE_KV_BF16};
    (void)context;
    bool is_cpu = session->info->backend == GYRE_BACKEND_CPU;
    for (size_t i = 0; i < N_CASES * 3; i++) {
        const struct batch_case *c = &batch_cases[i / 3];
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_run *run =
            attention_prepare(session, &c->row, case_dtypes_of(dtypes[i % 3]), 1, &result);
        if (run != NULL)
            compare_with_alone(run, false, is_cpu && c->is_exact, &result);
        attention_run_destroy(run);
        report(session, c->row.name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, N_CASES);
}

TEST_EACH_BACKEND(attention_batch, run)
