// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention_expect.h"
#include "harness/compare.h"

static struct comparison comparison_of(const struct guarded *output, const double *want)
{
    struct comparison c = {.name = output->name, .got = output->values, .want = want};
    memcpy(c.shape, output->layout.shape, sizeof(c.shape));
    return c;
}

static void compare_output(const struct guarded *output, const double *want, double scale,
                           struct result *result)
{
    struct comparison comparison = comparison_of(output, want);
    compare_whole(&comparison, bounds_of_sums(output->layout.dtype), scale, result);
}

// --- where scores may be off by more than f32 makes them

// Each result then has a bound of its own. LSE is off by no more than the scores of its row, and
// its probabilities are, all together, by no more than that, or 2.

// Frees the bounds; NULL: there was no memory for them.
static void compare_bounded(const struct guarded *output, const double *want, double *bound,
                            struct result *result)
{
    struct comparison comparison = comparison_of(output, want);
    if (bound != NULL)
        compare_each(&comparison, bound, result);
    else
        result_fail(result, "no memory for bounds");
    free(bound);
}

// The row of LSE that belongs to a row of out.
static size_t lse_row(const struct attention_case *row, size_t i)
{
    size_t token = i / row->n_heads, head = i % row->n_heads;
    return (token / row->q_len * row->n_heads + head) * row->q_len + token % row->q_len;
}

static void compare_loose_out(const struct attention_run *run, const struct attention_expected *e,
                              double scale, struct result *result)
{
    const double max = bounds_of_sums(run->out.layout.dtype).max;
    size_t n = guarded_count(&run->out);
    double *bound = malloc((n + 1) * sizeof(*bound));
    for (size_t i = 0; bound != NULL && i < n; i++)
        bound[i] = scale * (max + fmin(2, e->slack[lse_row(&run->row, i / run->row.v_dim)]));
    compare_bounded(&run->out, e->out, bound, result);
}

static void compare_loose_lse(const struct attention_run *run, const struct attention_expected *e,
                              double scale, struct result *result)
{
    size_t n = guarded_count(&run->lse);
    double *bound = malloc((n + 1) * sizeof(*bound));
    for (size_t i = 0; bound != NULL && i < n; i++)
        bound[i] = scale * bounds_of_sums(GYRE_F32).max + e->slack[i];
    compare_bounded(&run->lse, e->lse, bound, result);
}

// --- key sums

// Bounds of one key's sum, as the header gives them, and of adding it to what was there. An error
// of the exponent of p = exp(s - L) is as large a relative error of p. L and s are off by 2^-23 of
// their sizes, |s| is at most |L| + |log p|, and p |log p| is below 0.37; the 8 are left for
// products of small numbers, for the exponential and for the sum. A key that no query sees adds
// nothing at all. `slack` is what L may be off besides.
static double sum_bound(double sum, double n, double largest_lse, double slack, double want)
{
    if (isnan(want) || n == 0)
        return 0;
    return ((8 + largest_lse) * 0x1p-22 + expm1(slack)) * sum + 1e-7 * n +
           bounds_half_ulp(GYRE_F32, want);
}

static void compare_sums(const struct attention_run *run, const struct attention_expected *e,
                         struct result *result)
{
    size_t n = guarded_count(&run->key_sums), n_lse = guarded_count(&run->q) / run->row.head_dim;
    double *want = malloc((n + 1) * sizeof(*want)), *bound = malloc((n + 1) * sizeof(*bound));
    double largest_lse = compare_scale(e->lse, n_lse), slack = compare_scale(e->slack, n_lse);
    struct comparison comparison = comparison_of(&run->key_sums, want);
    if (want == NULL || bound == NULL)
        result_fail(result, "no memory for the reference");
    for (size_t i = 0; want != NULL && bound != NULL && i < n; i++) {
        bool is_left = isnan(e->n_sums[i]);
        double before = run->sums_before != NULL ? run->sums_before[i] : is_left ? NAN : 0;
        want[i] = before + (is_left ? 0 : e->sums[i]);
        bound[i] = sum_bound(e->sums[i], e->n_sums[i], largest_lse, slack, want[i]);
    }
    if (want != NULL && bound != NULL)
        compare_each(&comparison, bound, result);
    free(want);
    free(bound);
}

// --- all

// Errors of out are over the largest |v|; of probabilities over 1; of scores and of LSE, which is
// one, over the largest score or 1.
static void compare_all(const struct attention_run *run, const struct attention_expected *e,
                        struct result *result)
{
    const struct attention_case *row = &run->row;
    size_t n_v = row->has_no_v ? 0 : guarded_count(&run->k) / row->head_dim * row->v_dim;
    const double v_scale = compare_scale(e->v, n_v);
    const double lse_scale = fmax(1, compare_scale(e->lse, guarded_count(&run->lse)));
    const bool is_loose = run->dtypes.precision == GYRE_ATTENTION_F16_SUMS;
    if (!row->has_no_out && is_loose)
        compare_loose_out(run, e, v_scale, result);
    else if (!row->has_no_out)
        compare_output(&run->out, e->out, v_scale, result);
    if (row->has_lse && is_loose)
        compare_loose_lse(run, e, lse_scale, result);
    else if (row->has_lse)
        compare_output(&run->lse, e->lse, lse_scale, result);
    if (row->has_scores) {
        double scale = fmax(1, compare_scale(e->scores, guarded_count(&run->scores)));
        compare_output(&run->scores, e->scores, scale, result);
    }
    if (row->has_key_sums)
        compare_sums(run, e, result);
}

// Sets the rows of a result that are not compared to NaN, which is wanted there.
static void forget_rows(struct guarded *output, size_t axis, uint32_t step)
{
    const uint64_t *shape = output->layout.shape;
    size_t n_inner = 1;
    for (size_t i = axis + 1; i < 4; i++)
        n_inner *= (size_t)shape[i];
    for (size_t i = 0; output->image != NULL && i < guarded_count(output); i++)
        if (i / n_inner % shape[axis] % step != 0)
            output->values[i] = NAN;
}

void attention_run_check(struct attention_run *run, struct result *result)
{
    struct guarded *all[ATTENTION_N_TENSORS];
    struct attention_expected expected;
    attention_run_tensors(run, all);
    for (size_t i = 0; i < ATTENTION_N_TENSORS; i++)
        if (all[i]->image != NULL)
            guarded_read(run->session, all[i], result);
    forget_rows(&run->out, 1, run->row.check_step);
    forget_rows(&run->lse, 2, run->row.check_step);
    forget_rows(&run->scores, 2, run->row.check_step);
    if (attention_expect(run, &expected))
        compare_all(run, &expected, result);
    else
        result_fail(result, "no memory for the reference");
    attention_expected_free(&expected);
}
