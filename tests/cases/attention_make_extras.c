// SPDX-License-Identifier: MIT
// What a case of attention has beyond q, k, v, the mask and the results.
#include <math.h>
#include <stdlib.h>

#include "cases/attention_run.h"
#include "harness/fill.h"

static double *alloc_values(uint64_t n)
{
    return malloc((size_t)(n + 1) * sizeof(double));
}

// --- by sequence and by head

// (1, 1, 1, n)
static enum gyre_status make_list(struct attention_run *run, const char *name,
                                  enum gyre_dtype dtype, const double *values, uint64_t n,
                                  struct guarded *guarded)
{
    struct guarded_layout layout = {
        .dtype = dtype, .shape = {1, 1, 1, n}, .is_unaligned = run->row.is_unaligned};
    return guarded_create(run->session, name, &layout, values, guarded);
}

// Integers of sequences; NULL: none.
static enum gyre_status make_integers(struct attention_run *run, const char *name,
                                      const int32_t *list, size_t n, struct guarded *guarded)
{
    if (list == NULL)
        return GYRE_OK;
    double *values = alloc_values(n);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        values[i] = list[i];
    enum gyre_status status = make_list(run, name, GYRE_I32, values, n, guarded);
    free(values);
    return status;
}

static enum gyre_status make_by_sequence(struct attention_run *run)
{
    const struct attention_case *row = &run->row;
    const size_t n = row->n_batch;
    enum gyre_status status = make_integers(run, "kv_lens", row->kv_lens, n, &run->lens);
    if (status == GYRE_OK)
        status = make_integers(run, "q_starts", row->q_starts, n, &run->starts);
    if (status == GYRE_OK)
        status = make_integers(run, "cu_q_lens", row->cu_q_lens, n + 1, &run->cu_q_lens);
    if (status == GYRE_OK)
        status = make_integers(run, "cu_kv_lens", row->cu_kv_lens, n + 1, &run->cu_kv_lens);
    return status;
}

static enum gyre_status make_by_head(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    enum gyre_status status = GYRE_OK;
    size_t n = row->n_heads;
    double *values = alloc_values(n);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t h = 0; h < n; h++)
        values[h] = exp2(-8.0 * (double)(h + 1) / (double)n);
    if (row->has_alibi)
        status = make_list(run, "alibi_slopes", GYRE_F32, values, n, &run->slopes);
    fill_normals(fill_seed(seed, "sinks"), values, n);
    for (size_t h = 0; h < n; h++)
        values[h] += row->sink;
    if (status == GYRE_OK && row->has_sinks)
        status = make_list(run, "sinks", GYRE_F32, values, n, &run->sinks);
    free(values);
    return status;
}

// --- by key

// Position of key j of n, before any shift.
static int32_t some_position(enum attention_positions kind, uint64_t seed, int32_t j, int32_t n)
{
    static const int32_t ends[] = {INT32_MIN, INT32_MAX, -(1 << 30), (1 << 30) - 1, -1, 0};
    switch (kind) {
    case ATTENTION_RING:
        return (j + 2 * n / 3) % n;
    case ATTENTION_SPARSE:
        return 3 * j;
    case ATTENTION_BACKWARDS:
        return n - 1 - j;
    case ATTENTION_ANYWHERE:
        return (int32_t)(fill_bits(seed, (uint64_t)j) % (2 * (uint64_t)n)) - n / 2;
    case ATTENTION_EXTREME:
        return j % 2 == 0 ? ends[j / 2 % 6] : j;
    default:
        return j;
    }
}

// Those of a tensor (batch, key) whose sequences may be packed.
static void set_positions(const struct attention_case *row, uint64_t seed, size_t n_sequences,
                          double *values)
{
    for (size_t b = 0; b < n_sequences; b++) {
        struct oracle_span span = attention_keys_of(row, b);
        int32_t shift = row->k_shift + (row->are_k_positions_shared ? 0 : 5 * (int32_t)b);
        for (size_t j = 0; j < span.n; j++)
            values[span.first + j] =
                some_position(row->k_positions, seed, (int32_t)j, (int32_t)span.n) +
                (row->k_positions == ATTENTION_EXTREME ? 0 : shift);
    }
}

static enum gyre_status make_positions(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    if (row->k_positions == ATTENTION_IN_ORDER)
        return GYRE_OK;
    bool is_packed = row->cu_kv_lens != NULL;
    size_t n_rows = is_packed || row->are_k_positions_shared ? 1 : row->n_batch;
    struct guarded_layout layout = {
        .dtype = GYRE_I32,
        .shape = {1, 1, n_rows, row->kv_len},
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
    double *values = calloc(n_rows * row->kv_len + 1, sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    set_positions(row, fill_seed(seed, "k_positions"), is_packed ? row->n_batch : n_rows, values);
    enum gyre_status status =
        guarded_create(run->session, "k_positions", &layout, values, &run->k_positions);
    free(values);
    return status;
}

static enum gyre_status make_relative(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    uint64_t n_heads = row->is_relative_shared ? 1 : row->n_kv_heads;
    uint64_t n_row = n_heads * row->head_dim, n = row->n_relative * n_row;
    struct guarded_layout layout = {
        .dtype = row->relative_dtype,
        .shape = {1, row->n_relative, n_heads, row->head_dim},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
    if (row->n_relative == 0)
        return GYRE_OK;
    double *values = alloc_values(n);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    fill_normals(fill_seed(seed, "relative_keys"), values, (size_t)n);
    for (uint64_t i = (row->n_relative / 2 + 1) * n_row; row->has_nan_ahead && i < n; i++)
        values[i] = NAN;
    enum gyre_status status =
        guarded_create(run->session, "relative_keys", &layout, values, &run->relative);
    free(values);
    return status;
}

// --- second parts and rotations

static enum gyre_status make_second(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    if (row->dim2 == 0)
        return GYRE_OK;
    enum gyre_status status =
        attention_make_heads(run, "q2", ATTENTION_QUERIES, row->n_heads, row->dim2, seed, &run->q2);
    if (status == GYRE_OK)
        status = attention_make_heads(run, "k2", ATTENTION_KEYS, row->n_kv_heads2, row->dim2, seed,
                                      &run->k2);
    return status;
}

static enum gyre_status make_table(struct attention_run *run)
{
    const struct gyre_rope_config *config = &run->row.rope;
    enum gyre_status status = gyre_rope_resolve(config, NULL, &run->facts, NULL, NULL);
    if (status != GYRE_OK)
        return status;
    run->inv_freq = calloc(run->facts.n_pairs + 1, sizeof(*run->inv_freq));
    run->pair_axes = calloc(run->facts.n_pairs + 1, sizeof(*run->pair_axes));
    if (run->inv_freq == NULL || run->pair_axes == NULL)
        return GYRE_NO_MEMORY;
    gyre_rope_resolve(config, NULL, &run->facts, run->inv_freq, run->pair_axes);
    return gyre_rope_table_create(run->session->device, config, &run->table);
}

// (1, axis, batch, token) for q or k, whose tensor is `like`.
static enum gyre_status make_coords(struct attention_run *run, const char *name,
                                    const struct guarded *like, uint64_t seed,
                                    struct guarded *guarded)
{
    const struct attention_case *row = &run->row;
    const uint64_t *shape = like->layout.shape;
    struct guarded_layout layout = {
        .dtype = row->coords & COORDS_I64 ? GYRE_I64 : GYRE_I32,
        .shape = {1, row->coords & COORDS_ONE_AXIS ? 1 : run->facts.n_axes,
                  row->coords & COORDS_SHARED ? 1 : shape[0], shape[1]},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
    uint64_t n = layout.shape[1] * layout.shape[2] * layout.shape[3];
    double *values = alloc_values(n);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (uint64_t i = 0; i < n; i++)
        values[i] = row->coords_start + (double)(fill_bits(fill_seed(seed, name), i) % 64) - 8;
    enum gyre_status status = guarded_create(run->session, name, &layout, values, guarded);
    free(values);
    return status;
}

static enum gyre_status make_rotations(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    enum gyre_status status = GYRE_OK;
    if (row->rotates_q || row->rotates_k)
        status = make_table(run);
    if (status == GYRE_OK && row->coords & COORDS_Q)
        status = make_coords(run, "q_coords", &run->q, seed, &run->q_coords);
    if (status == GYRE_OK && row->coords & COORDS_K)
        status = make_coords(run, "k_coords", &run->k, seed, &run->k_coords);
    return status;
}

enum gyre_status attention_make_extras(struct attention_run *run, uint64_t seed)
{
    enum gyre_status status = make_by_sequence(run);
    if (status == GYRE_OK)
        status = make_by_head(run, seed);
    if (status == GYRE_OK)
        status = make_positions(run, seed);
    if (status == GYRE_OK)
        status = make_relative(run, seed);
    if (status == GYRE_OK)
        status = make_second(run, seed);
    return status == GYRE_OK ? make_rotations(run, seed) : status;
}
