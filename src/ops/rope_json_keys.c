// SPDX-License-Identifier: MIT
// Where a config.json says how to rotate, and which of its keys are known. New spellings are
// written where old ones were: transformers 5 has rope_parameters, which holds rope_theta too and
// may be one object per layer type; before, rope_scaling stood beside rope_theta.
#include <stddef.h>
#include <string.h>

#include "log.h"
#include "ops/rope_json.h"

#define FIELD(name) offsetof(struct gyre_rope_config, name)
const struct gyre_rope_json_number gyre_rope_json_numbers[GYRE_ROPE_JSON_N_NUMBERS] = {
    {"factor", FIELD(factor), false},
    {"attention_factor", FIELD(attention_factor), false},
    {"beta_fast", FIELD(beta_fast), true},
    {"beta_slow", FIELD(beta_slow), true},
    {"mscale", FIELD(mscale), true},
    {"mscale_all_dim", FIELD(mscale_all_dim), true},
    {"low_freq_factor", FIELD(low_freq_factor), false},
    {"high_freq_factor", FIELD(high_freq_factor), false},
};

// The others of the rope object.
static const char *const rope_keys[] = {
    "alpha",
    "long_factor",
    "long_mscale",
    "mrope_interleaved",
    "mrope_section",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "rope_theta",
    "rope_type",
    "short_factor",
    "short_mscale",
    "truncate",
    "type",
    NULL,
};

// Those of the model that sound like RoPE.
static const char *const model_keys[] = {
    "global_rope_theta",
    "local_rope_theta",
    "qk_rope_head_dim",
    "rope_interleave",
    "rope_interleaved",
    "rope_local_base_freq",
    "rope_parameters",
    "rope_ratio",
    "rope_scaling",
    "rope_theta",
    "rotary_dim",
    "rotary_emb_base",
    "rotary_emb_fraction",
    "rotary_emb_interleaved",
    "rotary_pct",
    // Not how to rotate, but which layers and tensors, or in which program.
    "indexer_rope_interleave",
    "no_rope_layer_interval",
    "no_rope_layers",
    "original_rope",
    "rotary_value",
    NULL,
};

const cJSON *gyre_rope_json_item(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNull(item) ? NULL : item;
}

static bool is_among(const char *const *keys, const char *key)
{
    while (*keys != NULL && strcmp(*keys, key) != 0)
        keys++;
    return *keys != NULL;
}

// --- unknown keys

static bool is_known_of_rope(const char *key)
{
    for (size_t i = 0; i < GYRE_ROPE_JSON_N_NUMBERS; i++)
        if (strcmp(gyre_rope_json_numbers[i].key, key) == 0)
            return true;
    return is_among(rope_keys, key);
}

static bool is_known_of_model(const char *key)
{
    bool is_about_rope = strstr(key, "rope") != NULL || strstr(key, "rotary") != NULL;
    return !is_about_rope || is_known_of_rope(key) || is_among(model_keys, key);
}

char gyre_rope_json_shown(char c)
{
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.';
    return is_plain ? c : '?';
}

// Where names of keys go.
struct names {
    char *text; // `size` bytes; may be NULL when that is 0
    size_t size, length;
};

// Without room the last characters become "...".
static void add_char(struct names *names, char c)
{
    if (names->length + 1 < names->size) {
        names->text[names->length++] = c;
        names->text[names->length] = '\0';
        return;
    }
    for (size_t i = 0; i < 3 && i < names->length; i++)
        names->text[names->length - 1 - i] = '.';
}

static void add_name(struct names *names, const char *key)
{
    if (names->length > 0)
        add_char(names, ' ');
    if (*key == '\0')
        add_char(names, '?');
    for (; *key != '\0'; key++)
        add_char(names, gyre_rope_json_shown(*key));
}

static void add_unknown(struct names *names, const cJSON *object, bool (*is_known)(const char *))
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (!cJSON_IsNull(item) && !is_known(item->string))
            add_name(names, item->string);
    }
}

// --- objects

// The part of a model that reads text, when it has parts.
static const cJSON *text_part(const cJSON *model)
{
    static const char *const names[] = {"thinker_config", "text_config", "llm_config",
                                        "language_config"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const cJSON *part = gyre_rope_json_item(model, names[i]);
        if (cJSON_IsObject(part))
            return part;
    }
    return NULL;
}

static bool is_per_layer_type(const cJSON *rope)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, rope)
    {
        if (cJSON_IsObject(item))
            return true;
    }
    return false;
}

// Of an object per layer type, everything that is none is unknown.
static const cJSON *of_layer_type(const cJSON *rope, const char *layer_type, struct names *names)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, rope)
    {
        if (!cJSON_IsNull(item) && !cJSON_IsObject(item))
            add_name(names, item->string);
    }
    return gyre_rope_json_item(rope, layer_type);
}

// Where all layers share an object, names that no model uses are mistakes.
static bool has_layer_type(const cJSON *model, const char *layer_type)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, gyre_rope_json_item(model, "layer_types"))
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, layer_type) == 0)
            return true;
    }
    return strcmp(layer_type, "full_attention") == 0 ||
           strcmp(layer_type, "sliding_attention") == 0;
}

static const char *rope_key_of(const cJSON *model)
{
    const char *key = "rope_parameters";
    return gyre_rope_json_item(model, key) != NULL ? key : "rope_scaling";
}

static enum gyre_status find_rope(struct gyre_rope_json *json, const char *layer_type,
                                  const struct gyre_log *log, struct names *names)
{
    const char *key = rope_key_of(json->model);
    const cJSON *rope = gyre_rope_json_item(json->model, key);
    if (rope != NULL && !cJSON_IsObject(rope))
        return gyre_fail(log, GYRE_INVALID, "rope: %s is no object", key);
    json->is_per_layer_type = is_per_layer_type(rope);
    json->rope = json->is_per_layer_type ? of_layer_type(rope, layer_type, names) : rope;
    if (cJSON_IsObject(json->rope))
        add_unknown(names, json->rope, is_known_of_rope);
    bool is_there = json->is_per_layer_type ? cJSON_IsObject(json->rope)
                                            : has_layer_type(json->model, layer_type);
    return is_there ? GYRE_OK
                    : gyre_fail(log, GYRE_INVALID, "rope: no layers of type %s", layer_type);
}

enum gyre_status gyre_rope_json_find(const cJSON *root, const char *layer_type,
                                     const struct gyre_log *log, struct gyre_rope_json *out,
                                     char *unknown, size_t unknown_size)
{
    struct names names = {unknown, unknown_size, 0};
    *out = (struct gyre_rope_json){0};
    if (!cJSON_IsObject(root))
        return gyre_fail(log, GYRE_INVALID, "rope: the text is no JSON object");
    for (const cJSON *part = root; part != NULL; part = text_part(part)) {
        out->model = part;
        add_unknown(&names, part, is_known_of_model);
    }
    return find_rope(out, layer_type, log, &names);
}
