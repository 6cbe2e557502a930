// SPDX-License-Identifier: MIT
#include "ops/rope_table.h"

#include <stdlib.h>

#include "args/rope.h"
#include "backend.h"
#include "log.h"
#include "ops/rope_config.h"

uint64_t gyre_rope_table_size(uint32_t n_pairs)
{
    return (uint64_t)ROPE_TABLE_WORDS * n_pairs * sizeof(uint32_t);
}

static enum gyre_status upload(struct gyre_device *device, const uint32_t *words, uint64_t size,
                               struct gyre_buffer **out)
{
    struct gyre_stream *stream = NULL;
    enum gyre_status status = gyre_buffer_create(device, size, out);
    if (status == GYRE_OK)
        status = gyre_stream_create(device, &stream);
    if (status == GYRE_OK)
        status = gyre_buffer_write(stream, *out, 0, size, words);
    gyre_stream_destroy(&stream);
    if (status != GYRE_OK)
        gyre_buffer_destroy(out);
    return status;
}

static enum gyre_status make_rows(struct gyre_device *device, const uint64_t *turns,
                                  const uint32_t *pair_axes, uint32_t n_pairs,
                                  struct gyre_buffer **out)
{
    uint32_t *words = malloc(gyre_rope_table_size(n_pairs));
    if (words == NULL)
        return GYRE_NO_MEMORY;
    for (uint32_t j = 0; j < n_pairs; j++) {
        words[2 * j] = (uint32_t)turns[j];
        words[2 * j + 1] = (uint32_t)(turns[j] >> 32);
        words[2 * n_pairs + j] = pair_axes[j];
    }
    enum gyre_status status = upload(device, words, gyre_rope_table_size(n_pairs), out);
    free(words);
    return status;
}

static enum gyre_status make_table(struct gyre_device *device,
                                   const struct gyre_rope_config *config,
                                   struct gyre_rope_table *table)
{
    uint64_t *turns;
    uint32_t *pair_axes;
    *table = (struct gyre_rope_table){
        .device = device,
        .head_dim = config->head_dim,
        .rotary_offset = config->rotary_offset,
        .pairing = config->pairing,
    };
    enum gyre_status status =
        gyre_rope_turns(config, &device->log, &table->facts, &turns, &pair_axes);
    if (status == GYRE_OK)
        status = make_rows(device, turns, pair_axes, table->facts.n_pairs, &table->rows);
    free(turns);
    free(pair_axes);
    return status;
}

enum gyre_status gyre_rope_table_create(struct gyre_device *device,
                                        const struct gyre_rope_config *config,
                                        struct gyre_rope_table **out)
{
    if (device == NULL || out == NULL)
        return GYRE_INVALID;
    *out = NULL;
    if (config == NULL)
        return gyre_fail(&device->log, GYRE_INVALID, "rope: config is NULL");
    struct gyre_rope_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return GYRE_NO_MEMORY;
    enum gyre_status status = make_table(device, config, table);
    if (status == GYRE_OK)
        *out = table;
    else
        free(table);
    return status;
}

enum gyre_status gyre_rope_table_like(struct gyre_device *device,
                                      const struct gyre_rope_table *like,
                                      struct gyre_rope_table **out)
{
    const struct gyre_rope_config config = {
        .head_dim = like->head_dim,
        .rotary_dim = 2 * like->facts.n_pairs,
        .rotary_offset = like->rotary_offset,
        .pairing = like->pairing,
    };
    return gyre_rope_table_create(device, &config, out);
}

void gyre_rope_table_destroy(struct gyre_rope_table **table)
{
    if (table == NULL || *table == NULL)
        return;
    gyre_buffer_destroy(&(*table)->rows);
    free(*table);
    *table = NULL;
}
