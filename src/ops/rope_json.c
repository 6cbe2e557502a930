// SPDX-License-Identifier: MIT
// From the text of a config.json to a configuration. Keys are Hugging Face's, and some that models
// brought before there were any. A number of 0 is a mistake where struct gyre_rope_config takes it
// for "absent".
#include "ops/rope_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

// What the caller gets: the arrays lie behind the configuration.
struct owned {
    struct gyre_rope_config config;
    double factors[]; // short, then long
};

// A reading. After the first failure the rest is read all the same, and means nothing.
struct reader {
    const struct gyre_rope_json_params *params;
    const char *layer_type;
    struct gyre_rope_json json;
    const struct gyre_rope_model *type;
    struct owned *owned;
    enum gyre_status status;
};

// Keys in the order of their precedence.
#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

// --- values

static void refuse(struct reader *reader, enum gyre_status status, const char *key,
                   const char *what)
{
    if (reader->status == GYRE_OK)
        reader->status = gyre_fail(&reader->params->log, status, "rope: %s %s", key, what);
}

// The first of the keys that is there; NULL: none is.
static const cJSON *find(const cJSON *object, const char *const *keys)
{
    const cJSON *item = NULL;
    for (; *keys != NULL && item == NULL; keys++)
        item = gyre_rope_json_item(object, *keys);
    return item;
}

// A positive number, or 0 where that is allowed; 0 when it is absent.
static double number(struct reader *reader, const cJSON *item, bool may_be_zero)
{
    if (item == NULL)
        return 0;
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (isfinite(value) && (value > 0 || (value == 0 && may_be_zero)))
        return value;
    refuse(reader, GYRE_INVALID, item->string, "is no positive number");
    return 0;
}

static double positive(struct reader *reader, const cJSON *object, const char *const *keys)
{
    return number(reader, find(object, keys), false);
}

// A positive whole number; 0 when it is absent.
static uint64_t whole(struct reader *reader, const cJSON *object, const char *const *keys)
{
    const cJSON *item = find(object, keys);
    double value = number(reader, item, false);
    if (value == floor(value) && value <= 0x1p53)
        return (uint64_t)value;
    refuse(reader, GYRE_INVALID, item->string, "is no whole number");
    return 0;
}

// The same, of a size in elements.
static uint32_t size(struct reader *reader, const cJSON *object, const char *const *keys)
{
    uint64_t value = whole(reader, object, keys);
    if (value <= UINT32_MAX)
        return (uint32_t)value;
    refuse(reader, GYRE_INVALID, find(object, keys)->string, "is too large");
    return 0;
}

static bool truth(struct reader *reader, const cJSON *object, const char *const *keys,
                  bool otherwise)
{
    const cJSON *item = find(object, keys);
    if (item != NULL && !cJSON_IsBool(item))
        refuse(reader, GYRE_INVALID, item->string, "is neither true nor false");
    return item != NULL ? cJSON_IsTrue(item) : otherwise;
}

// A list, of at most `max` items; NULL when it is absent.
static const cJSON *list(struct reader *reader, const cJSON *object, const char *key, int max)
{
    const cJSON *item = gyre_rope_json_item(object, key);
    if (item == NULL || (cJSON_IsArray(item) && cJSON_GetArraySize(item) <= max))
        return item;
    refuse(reader, GYRE_INVALID, key, cJSON_IsArray(item) ? "is too long" : "is no list");
    return NULL;
}

// --- what rotates

// Layers with a base of their own beside a rope object, which is for the others only (gemma3,
// ModernBERT).
static double local_theta(struct reader *reader)
{
    if (strcmp(reader->layer_type, "sliding_attention") != 0)
        return 0;
    double theta =
        positive(reader, reader->json.model, KEYS("rope_local_base_freq", "local_rope_theta"));
    return theta != 0 ? theta : reader->type->local_theta;
}

static void read_theta(struct reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    double local = local_theta(reader), ratio = positive(reader, model, KEYS("rope_ratio"));
    if (local != 0 && !reader->json.is_per_layer_type)
        reader->json.rope = NULL;
    config->theta = positive(reader, reader->json.rope, KEYS("rope_theta"));
    if (config->theta == 0)
        config->theta = local;
    if (config->theta == 0)
        config->theta =
            positive(reader, model, KEYS("global_rope_theta", "rope_theta", "rotary_emb_base"));
    if (config->theta == 0)
        config->theta = reader->type->theta != 0 ? reader->type->theta : 10000;
    config->theta *= ratio != 0 ? ratio : 1;
}

static uint32_t divided_head_dim(struct reader *reader)
{
    const cJSON *model = reader->json.model;
    uint32_t hidden_size = size(reader, model, KEYS("hidden_size", "n_embd"));
    uint32_t n_heads = size(reader, model, KEYS("num_attention_heads", "n_head"));
    hidden_size = hidden_size != 0 ? hidden_size : reader->type->hidden_size;
    n_heads = n_heads != 0 ? n_heads : reader->type->n_heads;
    return n_heads != 0 ? hidden_size / n_heads : 0;
}

static void read_head(struct reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    bool is_global = strcmp(reader->layer_type, "full_attention") == 0;
    config->head_dim = is_global ? size(reader, model, KEYS("global_head_dim")) : 0; // gemma4
    if (config->head_dim == 0)
        config->head_dim = size(reader, model, KEYS("head_dim", "kv_channels"));
    if (config->head_dim == 0)
        config->head_dim = reader->type->head_dim;
    if (config->head_dim == 0)
        config->head_dim = divided_head_dim(reader);
    if (config->head_dim == 0)
        refuse(reader, GYRE_INVALID, "head_dim",
               "is missing, and so is hidden_size or num_attention_heads");
}

static void read_rotary(struct reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    double partial =
        positive(reader, model, KEYS("partial_rotary_factor", "rotary_pct", "rotary_emb_fraction"));
    if (partial == 0)
        partial = positive(reader, reader->json.rope, KEYS("partial_rotary_factor"));
    config->partial_rotary_factor = partial != 0 ? partial : reader->type->partial_rotary_factor;
    config->rotary_dim = size(reader, model, KEYS("rotary_dim"));
}

// The part of a head that rotates can be a tensor of its own (DeepSeek), all of which does.
static void read_dimensions(struct reader *reader, struct gyre_rope_config *config)
{
    config->head_dim = size(reader, reader->json.model, KEYS("qk_rope_head_dim"));
    if (config->head_dim != 0)
        return;
    read_head(reader, config);
    read_rotary(reader, config);
}

static void read_pairing(struct reader *reader, struct gyre_rope_config *config)
{
    bool is_interleaved =
        truth(reader, reader->json.model,
              KEYS("rope_interleave", "rope_interleaved", "rotary_emb_interleaved"),
              reader->type->pairing == GYRE_ROPE_INTERLEAVED);
    config->pairing = is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF;
}

static void read_sections(struct reader *reader, struct gyre_rope_config *config)
{
    const cJSON *item, *rope = reader->json.rope;
    const cJSON *sections = list(reader, rope, "mrope_section", GYRE_ROPE_MAX_AXES);
    bool is_interleaved = truth(reader, rope, KEYS("mrope_interleaved"), false);
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
            refuse(reader, GYRE_INVALID, "mrope_section", "has an item that is no whole number");
    }
}

// --- how fast

static void read_kind(struct reader *reader, struct gyre_rope_config *config)
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
    const cJSON *item = find(reader->json.rope, KEYS("rope_type", "type"));
    if (item == NULL)
        return;
    if (!cJSON_IsString(item)) {
        refuse(reader, GYRE_INVALID, item->string, "is no text");
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].name, item->valuestring) == 0) {
            config->kind = kinds[i].kind;
            return;
        }
    refuse(reader, GYRE_UNSUPPORTED, "no such rope_type:", item->valuestring);
}

// Beside the rope object the original length is that of a model whose factor is not the ratio that
// longrope wants (Phi-3).
static void read_lengths(struct reader *reader, struct gyre_rope_config *config)
{
    const cJSON *model = reader->json.model;
    config->max_len =
        whole(reader, model,
              KEYS("max_position_embeddings", "n_positions", "seq_length", "max_sequence_length"));
    config->original_len = whole(reader, model, KEYS("original_max_position_embeddings"));
    if (config->original_len != 0 && config->kind == GYRE_ROPE_LONGROPE)
        config->factor = 0;
    if (config->original_len == 0)
        config->original_len =
            whole(reader, reader->json.rope, KEYS("original_max_position_embeddings"));
}

static void read_numbers(struct reader *reader, struct gyre_rope_config *config)
{
    for (size_t i = 0; i < GYRE_ROPE_JSON_N_NUMBERS; i++) {
        const struct gyre_rope_json_number *field = &gyre_rope_json_numbers[i];
        const cJSON *item = gyre_rope_json_item(reader->json.rope, field->key);
        *(double *)((char *)config + field->at) = number(reader, item, field->may_be_zero);
    }
    if (config->kind == GYRE_ROPE_PROPORTIONAL && config->factor == 0)
        config->factor = 1; // not what lengths suggest
    config->is_untruncated = !truth(reader, reader->json.rope, KEYS("truncate"), true);
    double alpha = positive(reader, reader->json.rope, KEYS("alpha"));
    if (config->kind == GYRE_ROPE_DYNAMIC && alpha != 0) { // HunYuan
        config->kind = GYRE_ROPE_NTK;
        config->factor = alpha;
    }
}

// Phi-3.5-MoE gives the attention factors of its two lists.
static void read_mscales(struct reader *reader, struct gyre_rope_config *config)
{
    double short_mscale = positive(reader, reader->json.rope, KEYS("short_mscale"));
    double long_mscale = positive(reader, reader->json.rope, KEYS("long_mscale"));
    uint64_t original_len = config->original_len != 0 ? config->original_len : config->max_len;
    if (config->kind == GYRE_ROPE_LONGROPE && short_mscale != 0 && long_mscale != 0)
        config->attention_factor = config->seq_len > original_len ? long_mscale : short_mscale;
}

// Returns where the list ends.
static double *read_factors(struct reader *reader, const char *key, double *out,
                            const double **factors, uint32_t *n)
{
    const cJSON *item, *items = list(reader, reader->json.rope, key, INT32_MAX);
    *factors = items != NULL ? out : NULL;
    cJSON_ArrayForEach(item, items)
    {
        if (cJSON_IsNumber(item) && isfinite(item->valuedouble))
            *out++ = item->valuedouble;
        else
            refuse(reader, GYRE_INVALID, key, "has an item that is no number");
    }
    *n = items != NULL ? (uint32_t)(out - *factors) : 0;
    return out;
}

// Without these there is no telling what the model wants.
static void check_required(struct reader *reader, const struct gyre_rope_config *config)
{
    bool has_ratio = config->original_len != 0 && config->max_len != 0;
    bool is_factor_needed = config->kind == GYRE_ROPE_LINEAR || config->kind == GYRE_ROPE_NTK ||
                            config->kind == GYRE_ROPE_DYNAMIC || config->kind == GYRE_ROPE_LLAMA3 ||
                            (config->kind == GYRE_ROPE_YARN && !has_ratio);
    if (is_factor_needed && config->factor == 0)
        refuse(reader, GYRE_INVALID, "factor", "is missing");
    if (config->kind == GYRE_ROPE_LONGROPE && config->short_factor == NULL)
        refuse(reader, GYRE_INVALID, "short_factor", "is missing");
    if (config->kind == GYRE_ROPE_LONGROPE && config->long_factor == NULL)
        refuse(reader, GYRE_INVALID, "long_factor", "is missing");
}

// --- reading

static const char *model_type(const struct reader *reader)
{
    const cJSON *item = gyre_rope_json_item(reader->json.model, "model_type");
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static void read_all(struct reader *reader)
{
    struct gyre_rope_config *config = &reader->owned->config;
    double *end = reader->owned->factors;
    reader->type = gyre_rope_model_find(model_type(reader));
    config->seq_len = reader->params->seq_len;
    read_theta(reader, config);
    read_dimensions(reader, config);
    read_pairing(reader, config);
    read_sections(reader, config);
    read_kind(reader, config);
    read_numbers(reader, config);
    read_lengths(reader, config);
    read_mscales(reader, config);
    end = read_factors(reader, "short_factor", end, &config->short_factor, &config->n_short_factor);
    read_factors(reader, "long_factor", end, &config->long_factor, &config->n_long_factor);
    check_required(reader, config);
}

// Zeros, with room for the factors.
static struct owned *make_owned(const cJSON *rope)
{
    int n_short = cJSON_GetArraySize(gyre_rope_json_item(rope, "short_factor"));
    int n_long = cJSON_GetArraySize(gyre_rope_json_item(rope, "long_factor"));
    size_t n = (size_t)n_short + (size_t)n_long;
    return calloc(1, sizeof(struct owned) + n * sizeof(double));
}

// cJSON before 1.7.18 reads a byte beyond a text that has no terminating zero (CVE-2023-53154), so
// it gets a copy with one.
static cJSON *parse(const struct gyre_rope_json_params *params)
{
    char *copy = params->size < SIZE_MAX ? malloc(params->size + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, params->text, params->size);
    copy[params->size] = '\0';
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(copy, params->size + 1, &end, false);
    size_t rest = root != NULL ? params->size - (size_t)(end - copy) : 0;
    if (rest > 0 && strspn(end, " \t\r\n") != rest) {
        cJSON_Delete(root);
        root = NULL;
    }
    free(copy);
    return root;
}

static enum gyre_status read_root(const struct gyre_rope_json_params *params, const cJSON *root,
                                  struct owned **out, char *unknown, size_t unknown_size)
{
    struct reader reader = {.params = params, .layer_type = params->layer_type};
    if (reader.layer_type == NULL)
        reader.layer_type = "full_attention";
    enum gyre_status status = gyre_rope_json_find(root, reader.layer_type, &params->log,
                                                  &reader.json, unknown, unknown_size);
    if (status != GYRE_OK)
        return status;
    reader.owned = *out = make_owned(reader.json.rope);
    if (reader.owned == NULL)
        return GYRE_NO_MEMORY;
    read_all(&reader);
    if (reader.status != GYRE_OK)
        return reader.status;
    return gyre_rope_resolve(&reader.owned->config, &params->log, NULL, NULL, NULL);
}

enum gyre_status gyre_rope_config_from_json(const struct gyre_rope_json_params *params,
                                            struct gyre_rope_config **out, char *unknown,
                                            size_t unknown_size)
{
    struct owned *owned = NULL;
    if (out != NULL)
        *out = NULL;
    if (unknown != NULL && unknown_size > 0)
        *unknown = '\0';
    if (params == NULL)
        return GYRE_INVALID;
    if (out == NULL || params->text == NULL)
        return gyre_fail(&params->log, GYRE_INVALID, "rope: out or text is NULL");
    cJSON *root = parse(params);
    if (root == NULL)
        return gyre_fail(&params->log, GYRE_INVALID, "rope: the text is no JSON");
    enum gyre_status status =
        read_root(params, root, &owned, unknown, unknown != NULL ? unknown_size : 0);
    cJSON_Delete(root);
    if (status == GYRE_OK)
        *out = &owned->config;
    else
        free(owned);
    return status;
}

void gyre_rope_config_destroy(struct gyre_rope_config **config)
{
    if (config == NULL)
        return;
    free(*config); // struct owned
    *config = NULL;
}
