// SPDX-License-Identifier: MIT
#include "cases/rope.h"

#include <stdlib.h>

#include "cases/operator.h"
#include "cases/rope_run.h"

// Fills in what the row leaves to defaults.
static struct rope_case with_defaults(const struct rope_case *row)
{
    struct rope_case full = *row;
    full.n_batch = row->n_batch != 0 ? row->n_batch : 1;
    full.rotary_dim = row->rotary_dim != 0 ? row->rotary_dim : row->head_dim;
    full.theta = row->theta != 0 ? row->theta : 10000;
    full.amplitude = row->amplitude != 0 ? row->amplitude : 1;
    full.magnitude = row->magnitude != 0 ? row->magnitude : 1;
    return full;
}

// As case_not_prepared takes them: k and v, the cosines and sines, differ where no shader is
// embedded for a cache of this dtype.
static struct case_dtypes dtypes_of(const struct rope_case *row, enum gyre_dtype dtype)
{
    enum gyre_dtype cache = row->n_cached != 0 ? row->cache_dtype : dtype;
    bool is_embedded =
        cache == dtype || cache == GYRE_F32 || (cache == GYRE_F16 && dtype == GYRE_F32);
    return (struct case_dtypes){"", dtype, cache, is_embedded ? cache : dtype, dtype, false};
}

struct rope_run *rope_prepare(struct session *session, const struct rope_case *row,
                              enum gyre_dtype dtype, uint64_t seed, struct result *result)
{
    struct rope_run *run = calloc(1, sizeof(*run));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (run != NULL) {
        *run = (struct rope_run){.session = session, .row = with_defaults(row)};
        status = rope_run_make(run, dtype, seed);
        if (status == GYRE_OK)
            status = gyre_rope_supported(session->device, &run->params);
    }
    if (status == GYRE_OK)
        return run;
    struct case_dtypes dtypes = dtypes_of(row, dtype);
    case_not_prepared(session, &dtypes, false, status, result);
    rope_run_destroy(run);
    return NULL;
}

const struct gyre_rope_params *rope_run_params(const struct rope_run *run)
{
    return &run->params;
}

enum gyre_status rope_run_enqueue(struct rope_run *run)
{
    return gyre_rope(run->session->stream, &run->params);
}

static void destroy_tensor(struct rope_tensor *tensor)
{
    guarded_destroy(&tensor->in);
    guarded_destroy(&tensor->out);
    free(tensor->before);
}

void rope_run_destroy(struct rope_run *run)
{
    if (run == NULL)
        return;
    destroy_tensor(&run->q);
    destroy_tensor(&run->k);
    guarded_destroy(&run->positions);
    guarded_destroy(&run->cos);
    guarded_destroy(&run->sin);
    gyre_rope_table_destroy(&run->table);
    free(run->inv_freq);
    free(run->pair_axes);
    free(run);
}

static const struct rope_case *row_of(size_t row)
{
    return rope_cases[row].name != NULL ? &rope_cases[row] : NULL;
}

static unsigned sets_of(const struct rope_case *row)
{
    return row->dtypes;
}

static void *prepare(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result)
{
    return rope_prepare(session, &rope_cases[row], dtypes->q, seed, result);
}

CASE_OPERATOR(rope);
