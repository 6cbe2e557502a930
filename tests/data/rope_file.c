// SPDX-License-Identifier: MIT
// A published model's RoPE: its frequencies, and a probe vector rotated to some positions. Every
// number is written with 17 digits, and the probe is exact in every dtype.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/rope.h>

#include "cases/rope.h"
#include "data/data.h"
#include "harness/guarded.h"

enum { MAX_DIM = 1024, MAX_POSITIONS = 32 };

struct rope_file {
    struct oracle_rope rope;
    double amplitude;
    char mrope[32]; // how three position axes share the pairs; "": one axis
    double inv_freq[MAX_DIM / 2], probe[MAX_DIM];
    size_t n_positions;
    double positions[MAX_POSITIONS];
    double rotated[MAX_POSITIONS * MAX_DIM]; // (n_positions, head_dim)
};

static bool read_numbers(FILE *file, size_t n, size_t max, double *values)
{
    for (size_t i = 0; i < n; i++)
        if (n > max || fscanf(file, "%lf", &values[i]) != 1)
            return false;
    return true;
}

static bool read_rotated(FILE *file, struct rope_file *out)
{
    char line[128];
    size_t at = out->n_positions++, dim = out->rope.head_dim;
    if (at == MAX_POSITIONS || fgets(line, sizeof(line), file) == NULL)
        return false;
    out->positions[at] = strtod(line, NULL);
    return read_numbers(file, dim, MAX_DIM, out->rotated + at * dim);
}

// Reads what follows a key. Keys that do not matter here are skipped with their line.
static bool read_value(FILE *file, const char *key, struct rope_file *out)
{
    char text[128];
    size_t n;
    if (strcmp(key, "style") == 0 && fscanf(file, "%31s", text) == 1)
        out->rope.is_interleaved = strcmp(text, "interleaved") == 0;
    else if (strcmp(key, "head_dim") == 0)
        return fscanf(file, "%zu", &out->rope.head_dim) == 1;
    else if (strcmp(key, "rotary_dim") == 0)
        return fscanf(file, "%zu", &out->rope.rotary_dim) == 1;
    else if (strcmp(key, "attention_factor") == 0)
        return fscanf(file, "%lf", &out->amplitude) == 1;
    else if (strcmp(key, "mrope") == 0)
        return fscanf(file, " %31[^\n]", out->mrope) == 1;
    else if (strcmp(key, "inv_freq") == 0)
        return fscanf(file, "%zu", &n) == 1 && read_numbers(file, n, MAX_DIM / 2, out->inv_freq);
    else if (strcmp(key, "probe") == 0)
        return fscanf(file, "%zu", &n) == 1 && read_numbers(file, n, MAX_DIM, out->probe);
    else if (strcmp(key, "rotated") == 0)
        return read_rotated(file, out);
    else
        return fgets(text, sizeof(text), file) != NULL;
    return true;
}

static bool read_file(const char *path, struct rope_file *out)
{
    char key[64];
    FILE *file = fopen(path, "r");
    bool is_good = file != NULL;
    while (is_good && fscanf(file, "%63s", key) == 1)
        is_good = read_value(file, key, out);
    if (file != NULL)
        fclose(file);
    out->rope.inv_freq = out->inv_freq;
    return is_good && out->n_positions > 0 && out->rope.rotary_dim <= out->rope.head_dim;
}

// The probe at every position, in one dtype: (1, position, 1, head_dim).
struct rope_probe {
    struct session *session;
    struct guarded q, out, positions;
    struct gyre_rope_table *table;
};

static enum gyre_status make_probe(const struct rope_file *file, enum gyre_dtype dtype,
                                   struct rope_probe *probe)
{
    size_t dim = file->rope.head_dim, n = file->n_positions;
    struct guarded_layout layout = {.dtype = dtype, .shape = {1, n, 1, dim}};
    struct guarded_layout positions = {.dtype = GYRE_I32, .shape = {1, 1, 1, n}};
    struct gyre_rope_config config = {
        .head_dim = (uint32_t)dim,
        .rotary_dim = (uint32_t)file->rope.rotary_dim,
        .pairing = file->rope.is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
        .inv_freq = file->inv_freq,
        .attention_factor = file->amplitude,
    };
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
    if (status == GYRE_OK)
        status = guarded_create(probe->session, "positions", &positions, file->positions,
                                &probe->positions);
    if (status == GYRE_OK)
        status = gyre_rope_table_create(probe->session->device, &config, &probe->table);
    return status;
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
    enum gyre_status status = make_probe(file, dtype, &probe);
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
    struct rope_file *file = calloc(1, sizeof(*file));
    if (file == NULL || !read_file(path, file)) {
        result_fail(result, "cannot make sense of %s", path);
    } else if (file->mrope[0] != '\0') {
        result_skip(result, "positions of three axes (mrope %s)", file->mrope);
    } else {
        run_probe(session, file, GYRE_F32, result);
        if (session->info->has_f16_storage) {
            run_probe(session, file, GYRE_F16, result);
            run_probe(session, file, GYRE_BF16, result);
        }
    }
    free(file);
}
