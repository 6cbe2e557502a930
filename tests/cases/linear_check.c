// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/linear_run.h"
#include "harness/compare.h"
#include "oracle/linear_attention.h"

// What a sum over so many keys may be off by, of its terms' sizes: rounding of features, of
// products over a head, and of a running sum in f32, which wanders off by the square root of its
// length.
static double slack_of_sums(double n_keys)
{
    return 0x1p-24 * (16 + sqrt(n_keys));
}

// What a result should be, dense, and how far each element may be off.
struct expected {
    double *want, *bound;
};

static bool expected_alloc(size_t n, struct expected *e)
{
    e->want = calloc(n + 1, sizeof(double));
    e->bound = calloc(n + 1, sizeof(double));
    return e->want != NULL && e->bound != NULL;
}

static void expected_free(struct expected *e)
{
    free(e->want);
    free(e->bound);
}

// The past of every element of the batch, where one serves all. NULL: no memory.
static double *spread(const struct linear_run *run, const double *past, size_t n)
{
    size_t n_batch = run->row.n_batch;
    double *all = malloc((n_batch * n + 1) * sizeof(double));
    for (size_t b = 0; all != NULL && b < n_batch; b++)
        memcpy(all + b * n, past + (run->row.is_past_shared ? 0 : b * n), n * sizeof(double));
    return all;
}

static int64_t q_start_of(const struct linear_case *row)
{
    int64_t at_end = (int64_t)row->k_start + row->kv_len - row->q_len;
    return row->q_start + (row->align == GYRE_ALIGN_END ? at_end : 0);
}

static struct oracle_rope rope_of(const struct linear_run *run)
{
    return (struct oracle_rope){
        .head_dim = run->row.head_dim,
        .rotary_dim = run->row.rotary_dim,
        .rotary_offset = run->row.rotary_offset,
        .is_interleaved = run->row.pairing == GYRE_ROPE_INTERLEAVED,
        .inv_freq = run->inv_freq,
    };
}

static struct oracle_linear definition_of(const struct linear_run *run,
                                          const struct oracle_rope *rope)
{
    const struct linear_case *row = &run->row;
    return (struct oracle_linear){
        .n_batch = row->n_batch,
        .q_len = row->q_len,
        .kv_len = row->kv_len,
        .n_heads = row->n_heads,
        .n_kv_heads = row->n_kv_heads,
        .head_dim = row->head_dim,
        .v_dim = row->v_dim,
        .q = run->q.values,
        .k = run->k.values,
        .v = run->v.values,
        .rope = row->has_rope ? rope : NULL,
        .amplitude = row->amplitude,
        .is_causal = row->is_causal,
        .q_start = q_start_of(row),
        .k_start = row->k_start,
    };
}

static double bound_of(const struct linear_run *run, enum gyre_dtype dtype, double want,
                       double size)
{
    double slack = slack_of_sums(run->row.kv_len) * size;
    return isfinite(want) ? bounds_half_ulp(dtype, fabs(want) + slack) + slack : 0;
}

static void compare(const struct guarded *output, const struct expected *e, struct result *result)
{
    struct comparison comparison = {.name = output->name, .got = output->values, .want = e->want};
    memcpy(comparison.shape, output->layout.shape, sizeof(comparison.shape));
    compare_each(&comparison, e->bound, result);
}

// Rows that are not compared count as equal.
static void expect_out(struct linear_run *run, const struct oracle_linear *definition,
                       struct expected *e)
{
    const struct linear_case *row = &run->row;
    size_t at = 0;
    for (size_t b = 0; b < row->n_batch; b++)
        for (size_t i = 0; i < row->q_len; i++)
            for (size_t h = 0; h < row->n_heads; h++, at += row->v_dim) {
                if (i % row->check_step != 0) {
                    memset(run->out.values + at, 0, row->v_dim * sizeof(double));
                    continue;
                }
                oracle_linear_row(definition, b, h, i, e->want + at, e->bound + at);
                for (size_t c = at; c < at + row->v_dim; c++)
                    e->bound[c] = bound_of(run, run->dtypes.out, e->want[c], e->bound[c]);
            }
}

static void expect_sums(const struct linear_run *run, const struct oracle_linear *definition,
                        struct expected *state, struct expected *norm)
{
    const struct linear_case *row = &run->row;
    size_t n_heads = (size_t)row->n_batch * row->n_kv_heads, dim = row->head_dim;
    for (size_t h = 0; h < n_heads; h++)
        oracle_linear_sums(definition, h / row->n_kv_heads, h % row->n_kv_heads,
                           state->want + h * dim * row->v_dim, state->bound + h * dim * row->v_dim,
                           norm->want + h * dim);
    for (size_t i = 0; i < n_heads * dim * row->v_dim; i++)
        state->bound[i] = bound_of(run, GYRE_F32, state->want[i], state->bound[i]);
    for (size_t i = 0; i < n_heads * dim; i++)
        norm->bound[i] = bound_of(run, GYRE_F32, norm->want[i], norm->want[i]);
}

static void check_sums(const struct linear_run *run, const struct oracle_linear *definition,
                       struct result *result)
{
    const struct guarded *state = run->row.is_in_place ? &run->past_state : &run->state;
    const struct guarded *norm = run->row.is_in_place ? &run->past_norm : &run->norm;
    struct expected states = {0}, norms = {0};
    if (expected_alloc(guarded_count(state), &states) &&
        expected_alloc(guarded_count(norm), &norms)) {
        expect_sums(run, definition, &states, &norms);
        compare(state, &states, result);
        compare(norm, &norms, result);
    } else {
        result_fail(result, "no memory for the reference");
    }
    expected_free(&states);
    expected_free(&norms);
}

static void check_out(struct linear_run *run, const struct oracle_linear *definition,
                      struct result *result)
{
    struct expected out = {0};
    if (expected_alloc(guarded_count(&run->out), &out)) {
        expect_out(run, definition, &out);
        compare(&run->out, &out, result);
    } else {
        result_fail(result, "no memory for the reference");
    }
    expected_free(&out);
}

// Compares with the past that the run began with.
static void check_all(struct linear_run *run, struct oracle_linear *definition,
                      struct result *result)
{
    const struct linear_case *row = &run->row;
    size_t n_norm = (size_t)row->n_kv_heads * row->head_dim;
    double *state = NULL, *norm = NULL;
    if (row->has_past) {
        definition->past_state = state = spread(run, run->before[0], n_norm * row->v_dim);
        definition->past_norm = norm = spread(run, run->before[1], n_norm);
    }
    if (row->has_past && (state == NULL || norm == NULL)) {
        result_fail(result, "no memory for the past");
    } else {
        if (!row->has_no_out)
            check_out(run, definition, result);
        if (row->has_state)
            check_sums(run, definition, result);
    }
    free(state);
    free(norm);
}

void linear_run_check(struct linear_run *run, struct result *result)
{
    struct guarded *all[LINEAR_N_TENSORS];
    struct oracle_rope rope = rope_of(run);
    linear_run_tensors(run, all);
    for (size_t i = 0; i < LINEAR_N_TENSORS; i++)
        if (all[i]->image != NULL)
            guarded_read(run->session, all[i], result);
    struct oracle_linear definition = definition_of(run, &rope);
    check_all(run, &definition, result);
}
