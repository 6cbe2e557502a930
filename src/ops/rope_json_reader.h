// SPDX-License-Identifier: MIT
// A reading of a config.json. After the first failure the rest is read all the same, and means
// nothing.
#ifndef GYRE_OPS_ROPE_JSON_READER_H
#define GYRE_OPS_ROPE_JSON_READER_H

#include "ops/rope_json.h"

struct gyre_rope_json_reader {
    const struct gyre_rope_json_params *params;
    const char *layer_type;
    struct gyre_rope_json json;
    const struct gyre_rope_model *type;
    enum gyre_status status;
};

// Keys in the order of their precedence.
#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

// The reading fails, with the log line "rope: KEY WHAT".
void gyre_rope_json_refuse(struct gyre_rope_json_reader *reader, enum gyre_status status,
                           const char *key, const char *what);

// The first of the keys that is there; NULL: none is.
const cJSON *gyre_rope_json_first(const cJSON *object, const char *const *keys);

// A positive number, or 0 where that is allowed; 0 when it is absent.
double gyre_rope_json_number(struct gyre_rope_json_reader *reader, const cJSON *item,
                             bool may_be_zero);
double gyre_rope_json_positive(struct gyre_rope_json_reader *reader, const cJSON *object,
                               const char *const *keys);
// A positive whole number; 0 when it is absent.
uint64_t gyre_rope_json_whole(struct gyre_rope_json_reader *reader, const cJSON *object,
                              const char *const *keys);
// The same, of a size in elements.
uint32_t gyre_rope_json_size(struct gyre_rope_json_reader *reader, const cJSON *object,
                             const char *const *keys);
bool gyre_rope_json_truth(struct gyre_rope_json_reader *reader, const cJSON *object,
                          const char *const *keys, bool otherwise);
// A list, of at most `max` items; NULL when it is absent.
const cJSON *gyre_rope_json_list(struct gyre_rope_json_reader *reader, const cJSON *object,
                                 const char *key, int max);

// The parts of a configuration, in the order in which they are read. A base of its own hides the
// rope object from what follows; lists of factors go to `factors`.
void gyre_rope_json_read_theta(struct gyre_rope_json_reader *reader,
                               struct gyre_rope_config *config);
void gyre_rope_json_read_shape(struct gyre_rope_json_reader *reader,
                               struct gyre_rope_config *config);
void gyre_rope_json_read_speed(struct gyre_rope_json_reader *reader,
                               struct gyre_rope_config *config, double *factors);

#endif
