// SPDX-License-Identifier: MIT
#include "cases/attention_merge.h"

#include <math.h>
#include <stdlib.h>

#include "cases/attention_merge_run.h"
#include "cases/operator.h"
#include "harness/fill.h"

// Fills in what the row leaves to defaults.
static struct attention_merge_case with_defaults(const struct attention_merge_case *row)
{
    struct attention_merge_case full = *row;
    full.n_batch = row->n_batch != 0 ? row->n_batch : 1;
    full.n_parts = row->n_parts != 0 ? row->n_parts : 2;
    full.lse_scale = row->lse_scale != 0 ? row->lse_scale : 1;
    return full;
}

static uint64_t count_values(const struct guarded_layout *layout)
{
    const uint64_t *shape = layout->shape;
    return shape[0] * shape[1] * shape[2] * shape[3];
}

// --- how tensors lie

// `number`: of the part, or more for a result.
static struct guarded_layout lay_out(const struct attention_merge_run *run, uint32_t number,
                                     enum gyre_dtype dtype)
{
    const struct attention_merge_case *row = &run->row;
    const bool is_mixed = row->is_mixed;
    return (struct guarded_layout){
        .dtype = dtype,
        .is_head_major = row->is_head_major || (is_mixed && number % 2 == 1),
        .is_unaligned = row->is_unaligned || (is_mixed && number % 3 == 1),
        .row_gap = row->row_gap + (is_mixed ? number % 4 : 0),
        .shape = {number == 0 && row->is_first_shared ? 1 : row->n_batch},
    };
}

static struct guarded_layout lay_out_out(const struct attention_merge_run *run, uint32_t number,
                                         enum gyre_dtype dtype)
{
    struct guarded_layout layout = lay_out(run, number, dtype);
    layout.shape[1] = run->row.q_len;
    layout.shape[2] = run->row.n_heads;
    layout.shape[3] = run->row.v_dim;
    return layout;
}

static struct guarded_layout lay_out_lse(const struct attention_merge_run *run, uint32_t number)
{
    struct guarded_layout layout = lay_out(run, number, GYRE_F32);
    layout.shape[1] = run->row.n_heads;
    layout.shape[2] = run->row.q_len;
    layout.shape[3] = 1;
    return layout;
}

// --- what is in them

// Whether part i saw nothing in a row, counted (batch, head, query).
static bool is_empty(const struct attention_merge_case *row, uint64_t seed, uint32_t i, uint64_t at)
{
    if (row->has_empty_rows && at % 3 == 1)
        return true;
    return row->has_empty && fill_bits(fill_seed(seed, "empty") + i, at) % 3 == 0;
}

static void fill_lse(const struct attention_merge_case *row, uint64_t seed, uint32_t i,
                     const struct guarded_layout *layout, double *values)
{
    const uint64_t n = count_values(layout);
    fill_normals(fill_seed(seed, "lse") + i, values, n);
    for (uint64_t at = 0; at < n; at++)
        values[at] =
            is_empty(row, seed, i, at) ? -INFINITY : row->lse_mean + row->lse_scale * values[at];
    if (row->has_nan_lse && i == row->n_parts - 1)
        values[n / 2] = NAN;
}

static void fill_out(const struct attention_merge_case *row, uint64_t seed, uint32_t i,
                     const struct guarded_layout *layout, double *values)
{
    const uint64_t *shape = layout->shape, n = count_values(layout);
    fill_normals(fill_seed(seed, "out") + i, values, n);
    for (uint64_t e = 0; e < n; e++) {
        uint64_t number = e / shape[3], head = number % shape[2];
        uint64_t query = number / shape[2] % shape[1], batch = number / shape[2] / shape[1];
        if (is_empty(row, seed, i, (batch * shape[2] + head) * shape[1] + query))
            values[e] = NAN;
    }
}

// --- making them

typedef void fill_fn(const struct attention_merge_case *row, uint64_t seed, uint32_t i,
                     const struct guarded_layout *layout, double *values);

static enum gyre_status make(struct attention_merge_run *run, const char *name,
                             const struct guarded_layout *layout, fill_fn *fill, uint64_t seed,
                             uint32_t i, struct guarded *guarded)
{
    double *values = malloc((count_values(layout) + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    fill(&run->row, seed, i, layout, values);
    enum gyre_status status = guarded_create(run->session, name, layout, values, guarded);
    free(values);
    return status;
}

static enum gyre_status make_part(struct attention_merge_run *run, uint64_t seed, uint32_t i)
{
    const struct attention_merge_case *row = &run->row;
    struct merge_part *part = &run->parts[i];
    struct guarded_layout out = lay_out_out(run, i, run->part_dtype);
    struct guarded_layout lse = lay_out_lse(run, i);
    out.use = row->out_in_place == i + 1 ? GUARDED_INOUT : GUARDED_INPUT;
    lse.use = row->lse_in_place == i + 1 ? GUARDED_INOUT : GUARDED_INPUT;
    enum gyre_status status = make(run, "a part's out", &out, fill_out, seed, i, &part->out);
    if (status == GYRE_OK)
        status = make(run, "a part's lse", &lse, fill_lse, seed, i, &part->lse);
    if (status != GYRE_OK)
        return status;
    struct gyre_attention_part *view = &run->views[i];
    *view = (struct gyre_attention_part){part->out.tensor, part->lse.tensor};
    if (out.shape[0] != row->n_batch) {
        view->out.shape[0] = view->lse.shape[0] = row->n_batch;
        view->out.stride[0] = view->lse.stride[0] = 0;
    }
    return GYRE_OK;
}

static void fill_sinks(const struct attention_merge_case *row, uint64_t seed, uint32_t i,
                       const struct guarded_layout *layout, double *values)
{
    (void)i;
    fill_normals(fill_seed(seed, "sinks"), values, count_values(layout));
    for (uint64_t h = 0; h < count_values(layout); h++)
        values[h] += row->sink;
}

static enum gyre_status make_sinks(struct attention_merge_run *run, uint64_t seed)
{
    const struct guarded_layout layout = {.dtype = GYRE_F32,
                                          .shape = {1, 1, 1, run->row.n_heads},
                                          .is_unaligned = run->row.is_unaligned};
    return run->row.has_sinks ? make(run, "sinks", &layout, fill_sinks, seed, 0, &run->sinks)
                              : GYRE_OK;
}

static enum gyre_status make_result(struct attention_merge_run *run, const char *name,
                                    struct guarded_layout layout, struct guarded *guarded)
{
    layout.use = GUARDED_OUTPUT;
    return guarded_create(run->session, name, &layout, NULL, guarded);
}

static enum gyre_status make_results(struct attention_merge_run *run)
{
    const struct attention_merge_case *row = &run->row;
    const uint32_t number = row->n_parts;
    enum gyre_status status = GYRE_OK;
    if (!row->has_no_out && row->out_in_place == 0)
        status = make_result(run, "out", lay_out_out(run, number, run->out_dtype), &run->out);
    if (status == GYRE_OK && row->has_lse && row->lse_in_place == 0)
        status = make_result(run, "lse", lay_out_lse(run, number), &run->lse);
    return status;
}

static enum gyre_status make_all(struct attention_merge_run *run, uint64_t seed)
{
    enum gyre_status status = make_sinks(run, seed);
    for (uint32_t i = 0; i < run->row.n_parts && status == GYRE_OK; i++)
        status = make_part(run, seed, i);
    if (status == GYRE_OK)
        status = make_results(run);
    const struct guarded *out = attention_merge_out(run), *lse = attention_merge_lse(run);
    run->params = (struct gyre_attention_merge_params){
        .parts = run->views,
        .n_parts = run->row.n_parts,
        .sinks = run->sinks.tensor,
    };
    if (out != NULL)
        run->params.out = out->tensor;
    if (lse != NULL)
        run->params.lse = lse->tensor;
    return status;
}

struct guarded *attention_merge_out(struct attention_merge_run *run)
{
    if (run->row.has_no_out)
        return NULL;
    return run->row.out_in_place != 0 ? &run->parts[run->row.out_in_place - 1].out : &run->out;
}

struct guarded *attention_merge_lse(struct attention_merge_run *run)
{
    if (!run->row.has_lse)
        return NULL;
    return run->row.lse_in_place != 0 ? &run->parts[run->row.lse_in_place - 1].lse : &run->lse;
}

// --- as the tables see it

struct attention_merge_run *attention_merge_prepare(struct session *session,
                                                    const struct attention_merge_case *row,
                                                    const struct case_dtypes *dtypes, uint64_t seed,
                                                    struct result *result)
{
    struct attention_merge_run *run = calloc(1, sizeof(*run));
    enum gyre_status status = GYRE_NO_MEMORY;
    const enum gyre_dtype part = row->has_f32_parts ? GYRE_F32 : dtypes->v;
    if (run != NULL) {
        *run = (struct attention_merge_run){.session = session,
                                            .row = with_defaults(row),
                                            .part_dtype = part,
                                            .out_dtype = dtypes->out};
        status = make_all(run, seed);
        if (status == GYRE_OK)
            status = gyre_attention_merge_supported(session->device, &run->params);
    }
    if (status == GYRE_OK)
        return run;
    // Every mix is there in every build.
    const struct case_dtypes stored = {"", dtypes->out, part, part, dtypes->out, false};
    case_not_prepared(session, &stored, false, status, result);
    attention_merge_run_destroy(run);
    return NULL;
}

const struct gyre_attention_merge_params *
attention_merge_run_params(const struct attention_merge_run *run)
{
    return &run->params;
}

enum gyre_status attention_merge_run_enqueue(struct attention_merge_run *run)
{
    return gyre_attention_merge(run->session->stream, &run->params);
}

void attention_merge_run_destroy(struct attention_merge_run *run)
{
    if (run == NULL)
        return;
    for (uint32_t i = 0; i < MERGE_MAX_PARTS; i++) {
        guarded_destroy(&run->parts[i].out);
        guarded_destroy(&run->parts[i].lse);
    }
    guarded_destroy(&run->sinks);
    guarded_destroy(&run->out);
    guarded_destroy(&run->lse);
    free(run);
}

static const struct attention_merge_case *row_of(size_t row)
{
    return attention_merge_cases[row].name != NULL ? &attention_merge_cases[row] : NULL;
}

static unsigned sets_of(const struct attention_merge_case *row)
{
    return row->dtypes;
}

static void *prepare(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result)
{
    return attention_merge_prepare(session, row_of(row), dtypes, seed, result);
}

CASE_OPERATOR(attention_merge);
