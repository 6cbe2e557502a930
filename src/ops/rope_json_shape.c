// SPDX-License-Identifier: MIT
// What rotates: how large a head is, how much of it rotates, which elements form a pair, and which
// axis of a position a pair follows.
#include "ops/rope_json_reader.h"

#include <math.h>
#include <string.h>

static uint32_t divided_head_dim(struct gyre_rope_json_reader *reader)
{
    const cJSON *model = reader->json.model;
    uint32_t hidden_size = gyre_rope_json_size(reader, model, KEYS("hidden_size", "n_embd"));
    uint32_t n_heads = gyre_rope_json_size(reader, model, KEYS("num_attention_heads", "n_head"));
    hidden_size = hidden_size != 0 ? hidden_size : reader->type->hidden_size;
    n_heads = n_heads != 0 ? n_heads : reader->type->n_heads;
    return n_heads != 0 ? hidden_size / n_heads : 0;
}

static void read_head(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    bool is_global = strcmp(reader->layer_type, "full_attention") == 0;
    config->head_dim =
        is_global ? gyre_rope_json_size(reader, model, KEYS("global_head_dim")) : 0; // gemma4
    if (config->head_dim == 0)
        config->head_dim = gyre_rope_json_size(reader, model, KEYS("head_dim", "kv_channels"));
    if (config->head_dim == 0)
        config->head_dim = reader->type->head_dim;
    if (config->head_dim == 0)
        config->head_dim = divided_head_dim(reader);
    if (config->head_dim == 0)
        gyre_rope_json_refuse(reader, GYRE_INVALID, "head_dim",
                              "is missing, and so is hidden_size or num_attention_heads");
}

static void read_rotary(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    double partial = gyre_rope_json_positive(
        reader, model, KEYS("partial_rotary_factor", "rotary_pct", "rotary_emb_fraction"));
    if (partial == 0)
        partial = gyre_rope_json_positive(reader, reader->json.rope, KEYS("partial_rotary_factor"));
    config->partial_rotary_factor = partial != 0 ? partial : reader->type->partial_rotary_factor;
    config->rotary_dim = gyre_rope_json_size(reader, model, KEYS("rotary_dim"));
    if (config->rotary_dim == 0)
        config->rotary_dim = reader->type->rotary_dim;
}

// The part of a head that rotates can be a tensor of its own (DeepSeek), all of which does.
static void read_dimensions(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    config->head_dim = gyre_rope_json_size(reader, reader->json.model, KEYS("qk_rope_head_dim"));
    if (config->head_dim != 0)
        return;
    read_head(reader, config);
    read_rotary(reader, config);
}

static void read_pairing(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    bool is_interleaved =
        gyre_rope_json_truth(reader, reader->json.model,
                             KEYS("rope_interleave", "rope_interleaved", "rotary_emb_interleaved"),
                             reader->type->pairing == GYRE_ROPE_INTERLEAVED);
    config->pairing = is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF;
}

static void read_sections(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    const cJSON *item, *rope = reader->json.rope;
    const cJSON *sections = gyre_rope_json_list(reader, rope, "mrope_section", GYRE_ROPE_MAX_AXES);
    bool is_interleaved = gyre_rope_json_truth(reader, rope, KEYS("mrope_interleaved"), false);
    size_t n = 0;
    if (sections == NULL)
        return;
    config->axes = is_interleaved ? GYRE_ROPE_SECTIONS_INTERLEAVED : GYRE_ROPE_SECTIONS;
    cJSON_ArrayForEach(item, sections)
    {
        double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (value >= 0 && value <= UINT32_MAX && value == floor(value))
            config->sections[n++] = (uint32_t)value;
        else
            gyre_rope_json_refuse(reader, GYRE_INVALID, "mrope_section",
                                  "has an item that is no whole number");
    }
}

void gyre_rope_json_read_shape(struct gyre_rope_json_reader *reader,
                               struct gyre_rope_config *config)
{
    read_dimensions(reader, config);
    read_pairing(reader, config);
    read_sections(reader, config);
}
