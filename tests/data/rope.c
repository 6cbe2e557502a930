// SPDX-License-Identifier: MIT
// A published model's RoPE: its probe vector at every position of the file, held to the bound.
#include <stdlib.h>
#include <string.h>

#include <gyre/rope.h>

#include "cases/rope.h"
#include "data/data.h"
#include "data/rope_file.h"
#include "harness/guarded.h"

// The probe at every position, in one dtype: (1, position, 1, head_dim).
struct rope_probe {
    struct session *session;
    struct guarded q, out, positions;
    struct gyre_rope_table *table;
};

static enum gyre_status make_vectors(const struct rope_file *file, enum gyre_dtype dtype,
                                     struct rope_probe *probe)
{
    size_t dim = file->rope.head_dim, n = file->n_positions;
    struct guarded_layout layout = {.dtype = dtype, .shape = {1, n, 1, dim}};
    double *values = malloc(n * dim * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        memcpy(values + i * dim, file->probe, dim * sizeof(*values));
    enum gyre_status status = guarded_create(probe->session, "probe", &layout, values, &probe->q);
    free(values);
    layout.use = GUARDED_OUTPUT;
    if (status == GYRE_OK)
        status = guarded_create(probe->session, "rotated", &layout, NULL, &probe->out);
    return status;
}

static enum gyre_status make_positions(const struct rope_file *file, struct rope_probe *probe)
{
    double values[GYRE_ROPE_MAX_AXES * ROPE_FILE_MAX_POSITIONS];
    size_t n = file->n_positions;
    struct guarded_layout layout = {.dtype = GYRE_I32, .shape = {1, file->n_axes, 1, n}};
    for (size_t axis = 0; axis < file->n_axes; axis++)
        for (size_t i = 0; i < n; i++)
            values[axis * n + i] = (double)file->positions[i][axis];
    return guarded_create(probe->session, "positions", &layout, values, &probe->positions);
}

static enum gyre_status make_table(const struct rope_file *file, struct rope_probe *probe)
{
    struct gyre_rope_config config = {
        .head_dim = (uint32_t)file->rope.head_dim,
        .rotary_dim = (uint32_t)file->rope.rotary_dim,
        .pairing = file->rope.is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
        .inv_freq = file->inv_freq,
        .attention_factor = file->attention_factor,
        .axes = file->axes,
    };
    memcpy(config.sections, file->sections, sizeof(config.sections));
    return gyre_rope_table_create(probe->session->device, &config, &probe->table);
}

static enum gyre_status rotate(struct rope_probe *probe)
{
    struct gyre_rope_params params = {
        .table = probe->table,
        .q = probe->q.tensor,
        .q_out = probe->out.tensor,
        .positions = probe->positions.tensor,
    };
    enum gyre_status status = gyre_rope(probe->session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(probe->session->stream) : status;
}

static void check_probe(struct rope_probe *probe, const struct rope_file *file,
                        struct result *result)
{
    size_t dim = file->rope.head_dim, n = file->n_positions;
    struct comparison comparison = {.name = "rotated", .shape = {1, n, 1, dim}};
    double *bound = malloc(n * dim * sizeof(*bound));
    guarded_read(probe->session, &probe->q, result);
    guarded_read(probe->session, &probe->out, result);
    guarded_read(probe->session, &probe->positions, result);
    for (size_t i = 0; bound != NULL && i < n; i++)
        rope_bounds(&file->rope, probe->q.layout.dtype, file->rotated + i * dim, bound + i * dim);
    comparison.got = probe->out.values;
    comparison.want = file->rotated;
    if (bound != NULL)
        compare_each(&comparison, bound, result);
    free(bound);
}

static void run_probe(struct session *session, const struct rope_file *file, enum gyre_dtype dtype,
                      struct result *result)
{
    struct rope_probe probe = {.session = session};
    enum gyre_status status = make_vectors(file, dtype, &probe);
    if (status == GYRE_OK)
        status = make_positions(file, &probe);
    if (status == GYRE_OK)
        status = make_table(file, &probe);
    if (status == GYRE_OK)
        status = rotate(&probe);
    if (status == GYRE_OK)
        check_probe(&probe, file, result);
    else
        result_fail_status(result, "gyre_rope", status, session->log.text);
    guarded_destroy(&probe.q);
    guarded_destroy(&probe.out);
    guarded_destroy(&probe.positions);
    gyre_rope_table_destroy(&probe.table);
}

void data_run_rope(struct session *session, const char *path, struct result *result)
{
    struct rope_file *file = rope_file_read(path);
    if (file == NULL) {
        result_fail(result, "cannot make sense of %s", path);
        return;
    }
    run_probe(session, file, GYRE_F32, result);
    if (session->info->has_f16_storage) {
        run_probe(session, file, GYRE_F16, result);
        run_probe(session, file, GYRE_BF16, result);
    }
    free(file);
}
