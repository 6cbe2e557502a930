// SPDX-License-Identifier: MIT
// How fast it rotates: the base, the kind and its numbers, lengths, lists of factors.
#include "ops/rope_json_reader.h"

#include <math.h>
#include <string.h>

// --- base

// Layers with a base of their own beside a rope object, which is for the others only (gemma3,
// ModernBERT).
static double local_theta(struct gyre_rope_json_reader *reader)
{
    if (strcmp(reader->layer_type, "sliding_attention") != 0)
        return 0;
    double theta = gyre_rope_json_positive(reader, reader->json.model,
                                           KEYS("rope_local_base_freq", "local_rope_theta"));
    return theta != 0 ? theta : reader->type->local_theta;
}

void gyre_rope_json_read_theta(struct gyre_rope_json_reader *reader,
                               struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    double local = local_theta(reader);
    double ratio = gyre_rope_json_positive(reader, model, KEYS("rope_ratio"));
    if (local != 0 && !reader->json.is_per_layer_type)
        reader->json.rope = NULL;
    config->theta = gyre_rope_json_positive(reader, reader->json.rope, KEYS("rope_theta"));
    if (config->theta == 0)
        config->theta = local;
    if (config->theta == 0)
        config->theta = gyre_rope_json_positive(
            reader, model, KEYS("global_rope_theta", "rope_theta", "rotary_emb_base"));
    if (config->theta == 0)
        config->theta = reader->type->theta != 0 ? reader->type->theta : 10000;
    config->theta *= ratio != 0 ? ratio : 1;
}

// --- kind

static void refuse_kind(struct gyre_rope_json_reader *reader, const char *name)
{
    char shown[64];
    size_t n = 0;
    for (; name[n] != '\0' && n + 1 < sizeof(shown); n++)
        shown[n] = gyre_rope_json_shown(name[n]);
    shown[n] = '\0';
    gyre_rope_json_refuse(reader, GYRE_UNSUPPORTED, "no such rope_type:", shown);
}

static void read_kind(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    static const struct {
        const char *name;
        enum gyre_rope_kind kind;
    } kinds[] = {
        {"default", GYRE_ROPE_DEFAULT},   {"mrope", GYRE_ROPE_DEFAULT},
        {"linear", GYRE_ROPE_LINEAR},     {"ntk", GYRE_ROPE_NTK},
        {"dynamic", GYRE_ROPE_DYNAMIC},   {"yarn", GYRE_ROPE_YARN},
        {"longrope", GYRE_ROPE_LONGROPE}, {"su", GYRE_ROPE_LONGROPE},
        {"llama3", GYRE_ROPE_LLAMA3},     {"proportional", GYRE_ROPE_PROPORTIONAL},
    };
    const cJSON *item = gyre_rope_json_first(reader->json.rope, KEYS("rope_type", "type"));
    if (item == NULL)
        return;
    if (!cJSON_IsString(item)) {
        gyre_rope_json_refuse(reader, GYRE_INVALID, item->string, "is no text");
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].name, item->valuestring) == 0) {
            config->kind = kinds[i].kind;
            return;
        }
    refuse_kind(reader, item->valuestring);
}

// Beside the rope object the original length is that of a model whose factor is not the ratio that
// longrope wants (Phi-3).
static void read_lengths(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    config->max_len = gyre_rope_json_whole(
        reader, model,
        KEYS("max_position_embeddings", "n_positions", "seq_length", "max_sequence_length"));
    config->original_len =
        gyre_rope_json_whole(reader, model, KEYS("original_max_position_embeddings"));
    if (config->original_len != 0 && config->kind == GYRE_ROPE_LONGROPE)
        config->factor = 0;
    if (config->original_len == 0)
        config->original_len = gyre_rope_json_whole(reader, reader->json.rope,
                                                    KEYS("original_max_position_embeddings"));
}

static void read_numbers(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    for (size_t i = 0; i < GYRE_ROPE_JSON_N_NUMBERS; i++) {
        const struct gyre_rope_json_number *field = &gyre_rope_json_numbers[i];
        const cJSON *item = gyre_rope_json_item(reader->json.rope, field->key);
        *(double *)((char *)config + field->at) =
            gyre_rope_json_number(reader, item, field->may_be_zero);
    }
    if (config->kind == GYRE_ROPE_PROPORTIONAL && config->factor == 0)
        config->factor = 1; // not what lengths suggest
    config->is_untruncated =
        !gyre_rope_json_truth(reader, reader->json.rope, KEYS("truncate"), true);
    double alpha = gyre_rope_json_positive(reader, reader->json.rope, KEYS("alpha"));
    if (config->kind == GYRE_ROPE_DYNAMIC && alpha != 0) { // HunYuan
        config->kind = GYRE_ROPE_NTK;
        config->factor = alpha;
    }
}

// Phi-3.5-MoE gives the attention factors of its two lists.
static void read_mscales(struct gyre_rope_json_reader *reader, struct gyre_rope_config *config)
{
    double short_mscale = gyre_rope_json_positive(reader, reader->json.rope, KEYS("short_mscale"));
    double long_mscale = gyre_rope_json_positive(reader, reader->json.rope, KEYS("long_mscale"));
    uint64_t original_len = config->original_len != 0 ? config->original_len : config->max_len;
    if (config->kind == GYRE_ROPE_LONGROPE && short_mscale != 0 && long_mscale != 0)
        config->attention_factor = config->seq_len > original_len ? long_mscale : short_mscale;
}

// Returns where the list ends.
static double *read_factors(struct gyre_rope_json_reader *reader, const char *key, double *out,
                            const double **factors, uint32_t *n)
{
    const cJSON *item, *items = gyre_rope_json_list(reader, reader->json.rope, key, INT32_MAX);
    *factors = items != NULL ? out : NULL;
    cJSON_ArrayForEach(item, items)
    {
        if (cJSON_IsNumber(item) && isfinite(item->valuedouble))
            *out++ = item->valuedouble;
        else
            gyre_rope_json_refuse(reader, GYRE_INVALID, key, "has an item that is no number");
    }
    *n = items != NULL ? (uint32_t)(out - *factors) : 0;
    return out;
}

// Without these there is no telling what the model wants.
static void check_required(struct gyre_rope_json_reader *reader,
                           const struct gyre_rope_config *config)
{
    bool has_ratio = config->original_len != 0 && config->max_len != 0;
    bool is_factor_needed = config->kind == GYRE_ROPE_LINEAR || config->kind == GYRE_ROPE_NTK ||
                            config->kind == GYRE_ROPE_DYNAMIC || config->kind == GYRE_ROPE_LLAMA3 ||
                            (config->kind == GYRE_ROPE_YARN && !has_ratio);
    if (is_factor_needed && config->factor == 0)
        gyre_rope_json_refuse(reader, GYRE_INVALID, "factor", "is missing");
    if (config->kind == GYRE_ROPE_LONGROPE && config->short_factor == NULL)
        gyre_rope_json_refuse(reader, GYRE_INVALID, "short_factor", "is missing");
    if (config->kind == GYRE_ROPE_LONGROPE && config->long_factor == NULL)
        gyre_rope_json_refuse(reader, GYRE_INVALID, "long_factor", "is missing");
}

void gyre_rope_json_read_speed(struct gyre_rope_json_reader *reader,
                               struct gyre_rope_config *config, double *factors)
{
    read_kind(reader, config);
    read_numbers(reader, config);
    read_lengths(reader, config);
    read_mscales(reader, config);
    double *end = read_factors(reader, "short_factor", factors, &config->short_factor,
                               &config->n_short_factor);
    read_factors(reader, "long_factor", end, &config->long_factor, &config->n_long_factor);
    check_required(reader, config);
}
