// SPDX-License-Identifier: MIT
#include "data/rope_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_numbers(FILE *file, size_t n, size_t max, double *values)
{
    for (size_t i = 0; i < n; i++)
        if (n > max || fscanf(file, "%lf", &values[i]) != 1)
            return false;
    return true;
}

static bool read_counted(FILE *file, size_t max, double *values)
{
    size_t n;
    return fscanf(file, "%zu", &n) == 1 && read_numbers(file, n, max, values);
}

static bool read_rotated(FILE *file, struct rope_file *out)
{
    char line[128], *rest = line;
    size_t at = out->n_positions++, dim = out->rope.head_dim;
    if (at == ROPE_FILE_MAX_POSITIONS || fgets(line, sizeof(line), file) == NULL)
        return false;
    for (size_t axis = 0; axis < out->n_axes; axis++)
        out->positions[at][axis] = strtoll(rest, &rest, 10);
    return read_numbers(file, dim, ROPE_FILE_MAX_DIM, out->rotated + at * dim);
}

static bool read_mrope(FILE *file, struct rope_file *out)
{
    char layout[16];
    out->n_axes = 3;
    if (fscanf(file, "%15s %u %u %u", layout, &out->sections[0], &out->sections[1],
               &out->sections[2]) != 4)
        return false;
    bool is_in_turn = strcmp(layout, "interleaved") == 0;
    out->axes = is_in_turn ? GYRE_ROPE_SECTIONS_INTERLEAVED : GYRE_ROPE_SECTIONS;
    return is_in_turn || strcmp(layout, "chunked") == 0;
}

// Reads what follows a key. Keys that do not matter here are skipped with their line.
static bool read_value(FILE *file, const char *key, struct rope_file *out)
{
    char text[128];
    if (strcmp(key, "style") == 0 && fscanf(file, "%31s", text) == 1)
        out->rope.is_interleaved = strcmp(text, "interleaved") == 0;
    else if (strcmp(key, "head_dim") == 0)
        return fscanf(file, "%zu", &out->rope.head_dim) == 1;
    else if (strcmp(key, "rotary_dim") == 0)
        return fscanf(file, "%zu", &out->rope.rotary_dim) == 1;
    else if (strcmp(key, "attention_factor") == 0)
        return fscanf(file, "%lf", &out->attention_factor) == 1;
    else if (strcmp(key, "softmax_scale_multiplier") == 0)
        return fscanf(file, "%lf", &out->softmax_scale_multiplier) == 1;
    else if (strcmp(key, "mrope") == 0)
        return read_mrope(file, out);
    else if (strcmp(key, "inv_freq") == 0)
        return read_counted(file, ROPE_FILE_MAX_DIM / 2, out->inv_freq);
    else if (strcmp(key, "probe") == 0)
        return read_counted(file, ROPE_FILE_MAX_DIM, out->probe);
    else if (strcmp(key, "rotated") == 0)
        return read_rotated(file, out);
    else
        return fgets(text, sizeof(text), file) != NULL;
    return true;
}

static bool has_sense(const struct rope_file *file)
{
    return file->n_positions > 0 && file->rope.head_dim <= ROPE_FILE_MAX_DIM &&
           file->rope.rotary_dim <= file->rope.head_dim;
}

static void set_axes(struct rope_file *file)
{
    size_t sizes[3] = {file->sections[0], file->sections[1], file->sections[2]};
    size_t n_pairs = file->rope.rotary_dim / 2;
    if (file->axes == GYRE_ROPE_SECTIONS)
        oracle_rope_axes_in_rows(sizes, n_pairs, file->pair_axes);
    else if (file->axes == GYRE_ROPE_SECTIONS_INTERLEAVED)
        oracle_rope_axes_in_turn(sizes, 3, n_pairs, file->pair_axes);
    file->rope.inv_freq = file->inv_freq;
    file->rope.pair_axes = file->pair_axes;
}

struct rope_file *rope_file_read(const char *path)
{
    char key[64];
    FILE *stream = fopen(path, "r");
    struct rope_file *file = calloc(1, sizeof(*file));
    bool is_good = stream != NULL && file != NULL;
    if (is_good) {
        file->n_axes = 1;
        file->softmax_scale_multiplier = 1;
    }
    while (is_good && fscanf(stream, "%63s", key) == 1)
        is_good = read_value(stream, key, file);
    if (stream != NULL)
        fclose(stream);
    if (is_good && has_sense(file)) {
        set_axes(file);
        return file;
    }
    free(file);
    return NULL;
}
