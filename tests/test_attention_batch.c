// SPDX-License-Identifier: MIT
// Attention over a batch of sequences of their own lengths is attention over each of them alone.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "cases/attention_run.h"
#include "harness/compare.h"
#include "on_devices.h"

#define BATCH                                                                                      \
    .n_batch = 5, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64, .is_causal = true,                \
    .align = GYRE_ALIGN_END, .has_nan_beyond = true, .has_lse = true
#define LIST(...)                                                                                  \
    (const int32_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

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
};
enum { N_CASES = sizeof(batch_cases) / sizeof(batch_cases[0]) };

// One sequence of a tensor; masks may have only one.
static struct gyre_tensor sequence_of(struct gyre_tensor tensor, uint64_t b)
{
    if (tensor.shape[0] > 1)
        tensor.offset += b * tensor.stride[0] * gyre_dtype_size(tensor.dtype);
    tensor.shape[0] = tensor.buffer != NULL;
    return tensor;
}

// The call for one sequence, whose tensors end where it does.
static struct gyre_attention_params params_alone(const struct attention_run *run, uint32_t b,
                                                 const struct guarded *out,
                                                 const struct guarded *lse)
{
    const struct attention_case *row = &run->row;
    struct gyre_attention_params one = run->params;
    struct gyre_tensor *tensors[] = {&one.q, &one.k, &one.v, &one.mask, &one.out, &one.lse};
    one.out = out->tensor;
    one.lse = lse->tensor;
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        *tensors[i] = sequence_of(*tensors[i], b);
    one.k.shape[1] = one.v.shape[1] = (uint64_t)row->kv_lens[b];
    if (one.mask.buffer != NULL)
        one.mask.shape[3] = one.k.shape[1];
    one.q_start += row->q_starts != NULL ? row->q_starts[b] : 0;
    one.kv_lens = one.q_starts = (struct gyre_tensor){0};
    return one;
}

static enum gyre_status attend_alone(struct attention_run *run, struct guarded *out,
                                     struct guarded *lse)
{
    enum gyre_status status = guarded_create(run->session, "out", &run->out.layout, NULL, out);
    if (status == GYRE_OK)
        status = guarded_create(run->session, "lse", &run->lse.layout, NULL, lse);
    for (uint32_t b = 0; b < run->row.n_batch && status == GYRE_OK; b++) {
        struct gyre_attention_params one = params_alone(run, b, out, lse);
        status = gyre_attention(run->session->stream, &one);
    }
    return status == GYRE_OK ? gyre_stream_finish(run->session->stream) : status;
}

static void compare(struct attention_run *run, bool is_exact, struct guarded *together,
                    struct guarded *alone, struct result *result)
{
    guarded_read(run->session, together, result);
    guarded_read(run->session, alone, result);
    size_t n = guarded_count(alone);
    struct comparison comparison = {
        .name = alone->name, .got = together->values, .want = alone->values};
    memcpy(comparison.shape, alone->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds_of_sums(alone->layout.dtype),
                  fmax(1, compare_scale(alone->values, n)), result);
    if (is_exact && memcmp(together->values, alone->values, n * sizeof(double)) != 0)
        result_fail(result, "%s differs in its last places", alone->name);
}

static void compare_with_alone(struct attention_run *run, bool is_exact, struct result *result)
{
    struct guarded out = {0}, lse = {0};
    enum gyre_status status = attention_run_enqueue(run);
    if (status == GYRE_OK)
        status = attend_alone(run, &out, &lse);
    if (status == GYRE_OK) {
        compare(run, is_exact, &run->out, &out, result);
        compare(run, is_exact, &run->lse, &lse, result);
    } else {
        result_fail_status(result, "gyre_attention", status, run->session->log.text);
    }
    guarded_destroy(&out);
    guarded_destroy(&lse);
}

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
            compare_with_alone(run, is_cpu && c->is_exact, &result);
        attention_run_destroy(run);
        report(session, c->row.name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, 3 * N_CASES);
}

TEST_EACH_BACKEND(attention_batch, run)
