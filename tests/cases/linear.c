// SPDX-License-Identifier: MIT
#include "cases/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/linear_run.h"
#include "cases/operator.h"
#include "harness/fill.h"

// Fills in what the row leaves to defaults.
static struct linear_case with_defaults(const struct linear_case *row)
{
    struct linear_case full = *row;
    full.n_batch = row->n_batch != 0 ? row->n_batch : 1;
    full.n_heads = row->n_heads != 0 ? row->n_heads : 1;
    full.n_kv_heads = row->n_kv_heads != 0 ? row->n_kv_heads : full.n_heads;
    full.v_dim = row->v_dim != 0 ? row->v_dim : row->head_dim;
    full.rotary_dim = row->rotary_dim != 0 ? row->rotary_dim : row->head_dim;
    full.theta = row->theta != 0 ? row->theta : 10000;
    full.amplitude = row->amplitude != 0 ? row->amplitude : 1;
    full.check_step = row->check_step != 0 ? row->check_step : 1;
    return full;
}

static size_t count_values(const struct guarded_layout *layout)
{
    const uint64_t *shape = layout->shape;
    return (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
}

static enum gyre_status make_table(struct linear_run *run)
{
    const struct linear_case *row = &run->row;
    if (!row->has_rope)
        return GYRE_OK;
    run->inv_freq = malloc((row->rotary_dim / 2 + 1) * sizeof(*run->inv_freq));
    if (run->inv_freq == NULL)
        return GYRE_NO_MEMORY;
    oracle_rope_inv_freq(row->theta, row->rotary_dim, run->inv_freq);
    const struct gyre_rope_config config = {
        .head_dim = row->head_dim,
        .rotary_dim = row->rotary_dim,
        .rotary_offset = row->rotary_offset,
        .pairing = row->pairing,
        .inv_freq = run->inv_freq,
        .attention_factor = row->amplitude,
    };
    return gyre_rope_table_create(run->session->device, &config, &run->table);
}

// (batch, token, head, dim) as the row lays it out.
static struct guarded_layout lay_out(const struct linear_run *run, enum gyre_dtype dtype,
                                     uint64_t n_tokens, uint64_t n_heads, uint64_t dim)
{
    const struct linear_case *row = &run->row;
    return (struct guarded_layout){
        .dtype = dtype,
        .shape = {row->n_batch, n_tokens, n_heads, dim},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
}

// Sets the rows (over batches and heads) of one token.
static void set_token(const struct guarded_layout *layout, uint64_t token, double value,
                      double *values)
{
    const uint64_t *shape = layout->shape;
    uint64_t n_row = shape[2] * shape[3];
    for (uint64_t b = 0; token < shape[1] && b < shape[0]; b++)
        for (uint64_t i = 0; i < n_row; i++)
            values[(b * shape[1] + token) * n_row + i] = value;
}

static void fill_input(const struct linear_run *run, const struct guarded *guarded,
                       const struct guarded_layout *layout, uint64_t seed, double *values)
{
    const struct linear_case *row = &run->row;
    fill_normals(seed, values, count_values(layout));
    for (size_t i = 0; guarded != &run->v && i < count_values(layout); i++)
        values[i] += row->mean;
    if (row->has_nan_key && guarded == &run->k)
        set_token(layout, row->kv_len / 2, NAN, values);
    if (row->has_nan_key && guarded == &run->v)
        set_token(layout, row->kv_len / 2 + 1, INFINITY, values);
}

// What some thirty keys could have left: norms are positive.
static void fill_past(const struct linear_run *run, const struct guarded *guarded,
                      const struct guarded_layout *layout, uint64_t seed, double *values)
{
    fill_normals(seed, values, count_values(layout));
    for (size_t i = 0; i < count_values(layout); i++)
        values[i] = guarded == &run->past_norm ? 30 + 5 * fmax(-5, values[i]) : 8 * values[i];
}

typedef void fill_fn(const struct linear_run *run, const struct guarded *guarded,
                     const struct guarded_layout *layout, uint64_t seed, double *values);

static enum gyre_status make_tensor(struct linear_run *run, const char *name,
                                    const struct guarded_layout *layout, fill_fn *fill,
                                    uint64_t seed, struct guarded *guarded)
{
    double *values = malloc((count_values(layout) + 1) * sizeof(double));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    fill(run, guarded, layout, fill_seed(seed, name), values);
    enum gyre_status status = guarded_create(run->session, name, layout, values, guarded);
    free(values);
    return status;
}

static enum gyre_status make_inputs(struct linear_run *run, uint64_t seed)
{
    const struct linear_case *row = &run->row;
    struct guarded_layout q = lay_out(run, run->dtypes.q, row->q_len, row->n_heads, row->head_dim);
    struct guarded_layout k =
        lay_out(run, run->dtypes.k, row->kv_len, row->n_kv_heads, row->head_dim);
    struct guarded_layout v = lay_out(run, run->dtypes.v, row->kv_len, row->n_kv_heads, row->v_dim);
    enum gyre_status status = GYRE_OK;
    if (!row->has_no_out)
        status = make_tensor(run, "q", &q, fill_input, seed, &run->q);
    if (status == GYRE_OK)
        status = make_tensor(run, "k", &k, fill_input, seed, &run->k);
    if (status == GYRE_OK)
        status = make_tensor(run, "v", &v, fill_input, seed, &run->v);
    return status;
}

// Keeps what a tensor held at first.
static enum gyre_status keep(const struct guarded *guarded, double **before)
{
    size_t size = (guarded_count(guarded) + 1) * sizeof(double);
    *before = malloc(size);
    if (*before == NULL)
        return GYRE_NO_MEMORY;
    memcpy(*before, guarded->values, size);
    return GYRE_OK;
}

static enum gyre_status make_past(struct linear_run *run, const struct guarded_layout *state,
                                  const struct guarded_layout *norm, uint64_t seed)
{
    struct guarded_layout layouts[] = {*state, *norm};
    for (int i = 0; i < 2; i++) {
        layouts[i].use = run->row.is_in_place ? GUARDED_INOUT : GUARDED_INPUT;
        layouts[i].shape[0] = run->row.is_past_shared ? 1 : run->row.n_batch;
    }
    enum gyre_status status =
        make_tensor(run, "past_state", &layouts[0], fill_past, seed, &run->past_state);
    if (status == GYRE_OK)
        status = make_tensor(run, "past_norm", &layouts[1], fill_past, seed, &run->past_norm);
    if (status == GYRE_OK)
        status = keep(&run->past_state, &run->before[0]);
    return status == GYRE_OK ? keep(&run->past_norm, &run->before[1]) : status;
}

static enum gyre_status make_output(struct linear_run *run, const char *name,
                                    struct guarded_layout layout, struct guarded *guarded)
{
    layout.use = GUARDED_OUTPUT;
    return guarded_create(run->session, name, &layout, NULL, guarded);
}

static enum gyre_status make_sums(struct linear_run *run, uint64_t seed)
{
    const struct linear_case *row = &run->row;
    struct guarded_layout state =
        lay_out(run, GYRE_F32, row->n_kv_heads, row->head_dim, row->v_dim);
    struct guarded_layout norm = lay_out(run, GYRE_F32, row->n_kv_heads, row->head_dim, 1);
    enum gyre_status status = GYRE_OK;
    if (row->has_past)
        status = make_past(run, &state, &norm, seed);
    if (status == GYRE_OK && row->has_state && !row->is_in_place)
        status = make_output(run, "state", state, &run->state);
    if (status == GYRE_OK && row->has_state && !row->is_in_place)
        status = make_output(run, "norm", norm, &run->norm);
    return status;
}

// One element of the batch for all.
static struct gyre_tensor shared(const struct linear_run *run, struct gyre_tensor tensor)
{
    if (run->row.is_past_shared) {
        tensor.shape[0] = run->row.n_batch;
        tensor.stride[0] = 0;
    }
    return tensor;
}

static void set_params(struct linear_run *run)
{
    const struct linear_case *row = &run->row;
    run->params = (struct gyre_linear_attention_params){
        .q = run->q.tensor,
        .k = run->k.tensor,
        .v = run->v.tensor,
        .out = run->out.tensor,
        .state = row->is_in_place ? run->past_state.tensor : run->state.tensor,
        .norm = row->is_in_place ? run->past_norm.tensor : run->norm.tensor,
        .past_state = shared(run, run->past_state.tensor),
        .past_norm = shared(run, run->past_norm.tensor),
        .rope = run->table,
        .is_causal = row->is_causal,
        .align = row->align,
        .q_start = row->q_start,
        .k_start = row->k_start,
    };
}

static enum gyre_status make_all(struct linear_run *run, uint64_t seed)
{
    const struct linear_case *row = &run->row;
    struct guarded_layout out = lay_out(run, run->dtypes.out, row->q_len, row->n_heads, row->v_dim);
    enum gyre_status status = make_table(run);
    if (status == GYRE_OK)
        status = make_inputs(run, seed);
    if (status == GYRE_OK)
        status = make_sums(run, seed);
    if (status == GYRE_OK && !row->has_no_out)
        status = make_output(run, "out", out, &run->out);
    set_params(run);
    return status;
}

struct linear_run *linear_prepare(struct session *session, const struct linear_case *row,
                                  const struct case_dtypes *dtypes, uint64_t seed,
                                  struct result *result)
{
    struct linear_run *run = calloc(1, sizeof(*run));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (run != NULL) {
        *run =
            (struct linear_run){.session = session, .row = with_defaults(row), .dtypes = *dtypes};
        status = make_all(run, seed);
        if (status == GYRE_OK)
            status = gyre_linear_attention_supported(session->device, &run->params);
    }
    if (status == GYRE_OK)
        return run;
    case_not_prepared(session, dtypes, false, status, result);
    linear_run_destroy(run);
    return NULL;
}

const struct gyre_linear_attention_params *linear_run_params(const struct linear_run *run)
{
    return &run->params;
}

enum gyre_status linear_run_enqueue(struct linear_run *run)
{
    return gyre_linear_attention(run->session->stream, &run->params);
}

void linear_run_tensors(struct linear_run *run, struct guarded *all[LINEAR_N_TENSORS])
{
    struct guarded *const tensors[LINEAR_N_TENSORS] = {
        &run->q,          &run->k,         &run->v,     &run->out,
        &run->past_state, &run->past_norm, &run->state, &run->norm};
    memcpy(all, tensors, sizeof(tensors));
}

void linear_run_destroy(struct linear_run *run)
{
    struct guarded *all[LINEAR_N_TENSORS];
    if (run == NULL)
        return;
    linear_run_tensors(run, all);
    for (size_t i = 0; i < LINEAR_N_TENSORS; i++)
        guarded_destroy(all[i]);
    gyre_rope_table_destroy(&run->table);
    free(run->inv_freq);
    free(run->before[0]);
    free(run->before[1]);
    free(run);
}

static const struct linear_case *row_of(size_t row)
{
    return linear_cases[row].name != NULL ? &linear_cases[row] : NULL;
}

static unsigned sets_of(const struct linear_case *row)
{
    return row->dtypes;
}

static void *prepare(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result)
{
    return linear_prepare(session, row_of(row), dtypes, seed, result);
}

CASE_OPERATOR(linear);
