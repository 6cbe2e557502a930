// SPDX-License-Identifier: MIT
// Reading a model's config.json.
//   rope_json.c         from text to configuration
//   rope_json_keys.c    which keys there are
//   rope_json_model.c   what a type of model leaves unsaid
//   rope_json_values.c  values of keys
//   rope_json_shape.c   what rotates
//   rope_json_speed.c   how fast
//   rope_json_stub.c    all of it, in a library without JSON
#ifndef GYRE_OPS_ROPE_JSON_H
#define GYRE_OPS_ROPE_JSON_H

#include <cjson/cJSON.h>

#include <gyre/rope_config.h>

// The value of a key. NULL when it is absent or null, which are the same.
const cJSON *gyre_rope_json_item(const cJSON *object, const char *key);

// The objects of a config.json that matter here.
struct gyre_rope_json {
    const cJSON *model; // of the language model
    // rope_parameters or rope_scaling, and of those of several layer types the one asked for; NULL:
    // there is none.
    const cJSON *rope;
    bool is_per_layer_type;
};

// A character of a text from outside that may be shown: letters, digits, '_', '-' and '.' as they
// are, others as '?'.
char gyre_rope_json_shown(char c);

// Finds them. INVALID: one is not an object, or there are no layers of the type. Names of keys that
// are not known go to `unknown`, also then.
enum gyre_status gyre_rope_json_find(const cJSON *root, const char *layer_type,
                                     const struct gyre_log *log, struct gyre_rope_json *out,
                                     char *unknown, size_t unknown_size);

// A number of the rope object that is a field of the configuration by the same name.
struct gyre_rope_json_number {
    const char *key;
    size_t at;        // where in struct gyre_rope_config
    bool may_be_zero; // which is the same as absent
};
enum { GYRE_ROPE_JSON_N_NUMBERS = 8 };
extern const struct gyre_rope_json_number gyre_rope_json_numbers[GYRE_ROPE_JSON_N_NUMBERS];

// What models of a type (model_type) do, and what their config.json may leave to the defaults of
// their class. 0: nothing special.
struct gyre_rope_model {
    const char *name;
    enum gyre_rope_pairing pairing;
    uint32_t head_dim; // not hidden_size / n_heads
    uint32_t hidden_size, n_heads;
    uint32_t rotary_dim; // goes before partial_rotary_factor
    double partial_rotary_factor;
    double theta;
    double local_theta; // of layers of type sliding_attention
};

// Never NULL: a type that is not known is an ordinary one, and so is NULL.
const struct gyre_rope_model *gyre_rope_model_find(const char *name);

#endif
