// SPDX-License-Identifier: MIT
// From the text of a config.json to a configuration. Keys are Hugging Face's, and some that models
// brought before there were any.
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "ops/rope_json_reader.h"

// What the caller gets: the arrays lie behind the configuration.
struct owned {
    struct gyre_rope_config config;
    double factors[]; // short, then long
};

static const char *model_type(const struct gyre_rope_json_reader *reader)
{
    const cJSON *item = gyre_rope_json_item(reader->json.model, "model_type");
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static void read_all(struct gyre_rope_json_reader *reader, struct owned *owned)
{
    reader->type = gyre_rope_model_find(model_type(reader));
    owned->config.seq_len = reader->params->seq_len;
    gyre_rope_json_read_theta(reader, &owned->config);
    gyre_rope_json_read_shape(reader, &owned->config);
    gyre_rope_json_read_speed(reader, &owned->config, owned->factors);
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
    struct gyre_rope_json_reader reader = {.params = params, .layer_type = params->layer_type};
    if (reader.layer_type == NULL)
        reader.layer_type = "full_attention";
    enum gyre_status status = gyre_rope_json_find(root, reader.layer_type, &params->log,
                                                  &reader.json, unknown, unknown_size);
    if (status != GYRE_OK)
        return status;
    *out = make_owned(reader.json.rope);
    if (*out == NULL)
        return GYRE_NO_MEMORY;
    read_all(&reader, *out);
    if (reader.status != GYRE_OK)
        return reader.status;
    return gyre_rope_resolve(&(*out)->config, &params->log, NULL, NULL, NULL);
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
