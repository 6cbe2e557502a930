// SPDX-License-Identifier: MIT
// Facts that hold for attention whatever the numbers, on every device: where in memory keys stand
// does not matter, and probabilities sum to one.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention_rows.h"
#include "cases/attention_run.h"
#include "harness/compare.h"
#include "on_devices.h"

static void compare_values(const struct guarded *got, const double *want, double scale,
                           struct result *result)
{
    struct comparison comparison = {.name = got->name, .got = got->values, .want = want};
    memcpy(comparison.shape, got->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds_of_sums(got->layout.dtype), scale, result);
}

// --- rings

static const struct attention_case rings[] = {
    {"ring", .n_batch = 2, .q_len = 40, .kv_len = 170, GROUPS, CAUSAL_AT_END,
     .k_positions = ATTENTION_RING, .are_k_positions_shared = true, .has_lse = true},
    {"ring_window", .q_len = 40, .kv_len = 170, GROUPS, CAUSAL_AT_END, .window_left = 30,
     .window_keep = 4, .n_prefix = 10, .k_positions = ATTENTION_RING, .has_alibi = true,
     .has_lse = true},
    {"ring_decode", .q_len = 1, .kv_len = 600, GROUPS, CAUSAL_AT_END, .window_left = 400,
     .k_positions = ATTENTION_RING, .has_sinks = true, .has_lse = true},
    {"ring_rotated", .q_len = 3, .kv_len = 300, GROUPS, CAUSAL_AT_END, .rotates_q = true,
     .rotates_k = true, .k_positions = ATTENTION_RING, .has_lse = true},
    {"ring_relative", .q_len = 40, .kv_len = 170, GROUPS, CAUSAL_AT_END, .n_relative = 9,
     .k_positions = ATTENTION_RING, .has_lse = true},
    {"backwards", .q_len = 40, .kv_len = 170, GROUPS, .q_start = 50, .window_left = 30,
     .window_right = 20, .k_positions = ATTENTION_BACKWARDS, .has_lse = true},
};
enum { N_RINGS = sizeof(rings) / sizeof(rings[0]) };

// Keys or values in the order of their positions, which are 0, 1, 2, ... in another order.
static enum gyre_status put_in_order(struct attention_run *run, const struct guarded *heads,
                                     struct guarded *ordered)
{
    const uint64_t *shape = heads->layout.shape;
    const size_t n_row = (size_t)(shape[2] * shape[3]), n = (size_t)shape[1];
    double *values = malloc((guarded_count(heads) + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t b = 0; b < shape[0]; b++)
        for (size_t j = 0; j < n; j++) {
            size_t at = (size_t)run->k_positions.values[j];
            memcpy(values + (b * n + at) * n_row, heads->values + (b * n + j) * n_row,
                   n_row * sizeof(*values));
        }
    enum gyre_status status =
        guarded_create(run->session, heads->name, &heads->layout, values, ordered);
    free(values);
    return status;
}

// Enqueues the run's call with keys and values in order, and without positions.
static enum gyre_status attend_in_order(struct attention_run *run, const struct guarded *k,
                                        const struct guarded *v)
{
    struct gyre_attention_params params = run->params;
    params.k = k->tensor;
    params.v = v->tensor;
    params.k_positions = (struct gyre_tensor){0};
    enum gyre_status status = gyre_attention(run->session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(run->session->stream) : status;
}

// Values of out and lse in either order are read from the same tensors, one run after the other.
static void compare_orders(struct attention_run *run, const struct guarded *k,
                           const struct guarded *v, struct result *result)
{
    struct guarded *results[] = {&run->out, &run->lse};
    double *ringed[2] = {NULL, NULL};
    enum gyre_status status = attention_run_enqueue(run);
    for (int i = 0; i < 2 && status == GYRE_OK; i++) {
        size_t n = guarded_count(results[i]);
        guarded_read(run->session, results[i], result);
        ringed[i] = malloc((n + 1) * sizeof(double));
        if (ringed[i] != NULL)
            memcpy(ringed[i], results[i]->values, n * sizeof(double));
        else
            status = GYRE_NO_MEMORY;
    }
    if (status == GYRE_OK)
        status = attend_in_order(run, k, v);
    if (status != GYRE_OK)
        result_fail_status(result, "gyre_attention", status, run->session->log.text);
    for (int i = 0; i < 2 && status == GYRE_OK; i++) {
        guarded_read(run->session, results[i], result);
        double scale = i == 0 ? compare_scale(v->values, guarded_count(v)) : 8;
        compare_values(results[i], ringed[i], scale, result);
    }
    free(ringed[0]);
    free(ringed[1]);
}

static void check_ring(struct attention_run *run, struct result *result)
{
    struct guarded k = {0}, v = {0};
    enum gyre_status status = put_in_order(run, &run->k, &k);
    if (status == GYRE_OK)
        status = put_in_order(run, &run->v, &v);
    if (status == GYRE_OK)
        compare_orders(run, &k, &v, result);
    else
        result_fail_status(result, "making keys in order", status, run->session->log.text);
    guarded_destroy(&k);
    guarded_destroy(&v);
}

// --- sums over queries

static const struct attention_case sums[] = {
    {"sums", .n_batch = 2, .q_len = 40, .kv_len = 170, GROUPS, .has_key_sums = true,
     .has_lse = true},
    {"sums_start", .q_len = 70, .kv_len = 170, GROUPS, .is_causal = true, .q_start = -20,
     .window_left = 30, .has_key_sums = true, .has_lse = true},
    {"sums_mask", .n_batch = 2, .q_len = 70, .kv_len = 77, GROUPS, .mask = ATTENTION_MASK_BITS,
     .mask_axes = MASK_BATCH | MASK_QUERY, .has_hidden_rows = true, .has_key_sums = true,
     .has_lse = true},
    {"sums_lens", .n_batch = 3, .q_len = 40, .kv_len = 170, .kv_lens = LIST(0, 33, 170), GROUPS,
     CAUSAL_AT_END, .has_key_sums = true, .has_lse = true},
    {"sums_decode", .n_batch = 2, .q_len = 1, .kv_len = 600, GROUPS, CAUSAL_AT_END,
     .has_key_sums = true, .has_lse = true},
    {"sums_rotated", .q_len = 40, .kv_len = 170, GROUPS, CAUSAL_AT_END, .softcap = 4,
     .has_alibi = true, .rotates_q = true, .rotates_k = true, .has_key_sums = true,
     .has_lse = true},
};
enum { N_SUMS = sizeof(sums) / sizeof(sums[0]) };

// Over all keys, the sums of a head are as many as its queries that see something.
static void check_sums(struct attention_run *run, struct result *result)
{
    const size_t n_keys = run->row.kv_len, n_queries = run->row.q_len;
    const size_t n_heads = guarded_count(&run->lse) / n_queries;
    enum gyre_status status = attention_run_enqueue(run);
    if (status != GYRE_OK) {
        result_fail_status(result, "gyre_attention", status, run->session->log.text);
        return;
    }
    guarded_read(run->session, &run->lse, result);
    guarded_read(run->session, &run->key_sums, result);
    double largest_lse = compare_scale(run->lse.values, guarded_count(&run->lse));
    for (size_t h = 0; h < n_heads; h++) {
        double sum = 0, n_seeing = 0;
        for (size_t i = 0; i < n_queries; i++)
            n_seeing += run->lse.values[h * n_queries + i] != -INFINITY;
        for (size_t j = 0; j < n_keys; j++)
            sum += run->key_sums.values[h * n_keys + j];
        double bound = (8 + largest_lse) * 0x1p-22 * n_seeing;
        if (!(fabs(sum - n_seeing) <= bound))
            result_fail(result, "head %zu: sums of %.9g for %g queries, bound %.3g", h, sum,
                        n_seeing, bound);
    }
}

// ---

static void run_rows(struct session *session, const struct attention_case *rows, size_t n,
                     void (*check)(struct attention_run *run, struct result *result),
                     struct tally *tally)
{
    static const unsigned dtypes[] = {CASE_F32, CASE_F16};
    for (size_t i = 0; i < n * 2; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_run *run =
            attention_prepare(session, &rows[i / 2], case_dtypes_of(dtypes[i % 2]), 1, &result);
        if (run != NULL)
            check(run, &result);
        attention_run_destroy(run);
        report(session, rows[i / 2].name, &result, tally);
    }
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    run_rows(session, rings, N_RINGS, check_ring, tally);
    run_rows(session, sums, N_SUMS, check_sums, tally);
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, N_RINGS + N_SUMS);
}

TEST_EACH_BACKEND(attention_facts, run)
