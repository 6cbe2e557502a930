// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention_merge_run.h"
#include "harness/compare.h"
#include "oracle/attention_merge.h"

// What the results should be, dense: (batch, query, head, v_dim) and (batch, head, query).
struct expected {
    double *out, *lse;
};

// The part that a row of the merge, of query and head of a batch, reads. Batches may share it.
static struct oracle_part part_of(const struct attention_merge_run *run,
                                  const struct merge_part *part, size_t b, size_t query,
                                  size_t head)
{
    const struct attention_merge_case *row = &run->row;
    const size_t batch = b % part->lse.layout.shape[0];
    const size_t out = (batch * row->q_len + query) * row->n_heads + head;
    const size_t lse = (batch * row->n_heads + head) * row->q_len + query;
    return (struct oracle_part){part->out.values + out * row->v_dim, part->lse.values[lse]};
}

static void expect_row(const struct attention_merge_run *run, size_t b, size_t query, size_t head,
                       struct expected *e)
{
    const struct attention_merge_case *row = &run->row;
    struct oracle_part parts[MERGE_MAX_PARTS];
    for (size_t i = 0; i < row->n_parts; i++)
        parts[i] = part_of(run, &run->parts[i], b, query, head);
    const double sink = row->has_sinks ? run->sinks.values[head] : -INFINITY;
    double *out = e->out + ((b * row->q_len + query) * row->n_heads + head) * row->v_dim;
    e->lse[(b * row->n_heads + head) * row->q_len + query] =
        oracle_attention_merge(parts, row->n_parts, row->v_dim, sink, out);
}

static void expect_all(const struct attention_merge_run *run, struct expected *e)
{
    const struct attention_merge_case *row = &run->row;
    for (size_t b = 0; b < row->n_batch; b++)
        for (size_t query = 0; query < row->q_len; query++)
            for (size_t head = 0; head < row->n_heads; head++)
                expect_row(run, b, query, head, e);
}

static void read_all(struct attention_merge_run *run, struct result *result)
{
    struct guarded *all[2 * MERGE_MAX_PARTS + 3] = {&run->sinks, &run->out, &run->lse};
    for (size_t i = 0; i < MERGE_MAX_PARTS; i++) {
        all[2 * i + 3] = &run->parts[i].out;
        all[2 * i + 4] = &run->parts[i].lse;
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i]->image != NULL)
            guarded_read(run->session, all[i], result);
}

// Of what the parts hold: a merge is a mean of them.
static double largest_value(const struct attention_merge_run *run)
{
    double scale = 0;
    for (size_t i = 0; i < run->row.n_parts; i++) {
        const struct guarded *out = &run->parts[i].out;
        scale = fmax(scale, compare_scale(out->values, guarded_count(out)));
    }
    return scale;
}

static void compare_result(const struct guarded *got, const double *want, double scale,
                           struct result *result)
{
    struct comparison comparison = {.name = got->name, .got = got->values, .want = want};
    memcpy(comparison.shape, got->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds_of_sums(got->layout.dtype), scale, result);
}

// Errors of out are over the largest value of a part, those of LSE over the largest one or 1.
static void compare_all(struct attention_merge_run *run, const struct expected *e, double scale,
                        struct result *result)
{
    const struct guarded *out = attention_merge_out(run), *lse = attention_merge_lse(run);
    if (out != NULL)
        compare_result(out, e->out, scale, result);
    if (lse != NULL)
        compare_result(lse, e->lse, fmax(1, compare_scale(e->lse, guarded_count(lse))), result);
}

void attention_merge_run_check(struct attention_merge_run *run, struct result *result)
{
    const struct attention_merge_case *row = &run->row;
    const size_t n_rows = (size_t)row->n_batch * row->n_heads * row->q_len;
    struct expected e = {
        .out = calloc(n_rows * row->v_dim + 1, sizeof(double)),
        .lse = calloc(n_rows + 1, sizeof(double)),
    };
    if (e.out != NULL && e.lse != NULL) {
        expect_all(run, &e); // from what the parts held before: results may be in place
        const double scale = largest_value(run);
        read_all(run, result);
        compare_all(run, &e, scale, result);
    } else {
        result_fail(result, "no memory for the reference");
    }
    free(e.out);
    free(e.lse);
}
