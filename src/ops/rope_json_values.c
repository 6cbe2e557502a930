// SPDX-License-Identifier: MIT
// Values of keys. 0 is a mistake where struct gyre_rope_config takes it for "absent".
#include "ops/rope_json_reader.h"

#include <math.h>

#include "log.h"

void gyre_rope_json_refuse(struct gyre_rope_json_reader *reader, enum gyre_status status,
                           const char *key, const char *what)
{
    if (reader->status == GYRE_OK)
        reader->status = gyre_fail(&reader->params->log, status, "rope: %s %s", key, what);
}

const cJSON *gyre_rope_json_first(const cJSON *object, const char *const *keys)
{
    const cJSON *item = NULL;
    for (; *keys != NULL && item == NULL; keys++)
        item = gyre_rope_json_item(object, *keys);
    return item;
}

double gyre_rope_json_number(struct gyre_rope_json_reader *reader, const cJSON *item,
                             bool may_be_zero)
{
    if (item == NULL)
        return 0;
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (isfinite(value) && (value > 0 || (value == 0 && may_be_zero)))
        return value;
    gyre_rope_json_refuse(reader, GYRE_INVALID, item->string, "is no positive number");
    return 0;
}

double gyre_rope_json_positive(struct gyre_rope_json_reader *reader, const cJSON *object,
                               const char *const *keys)
{
    return gyre_rope_json_number(reader, gyre_rope_json_first(object, keys), false);
}

uint64_t gyre_rope_json_whole(struct gyre_rope_json_reader *reader, const cJSON *object,
                              const char *const *keys)
{
    const cJSON *item = gyre_rope_json_first(object, keys);
    double value = gyre_rope_json_number(reader, item, false);
    if (value == floor(value) && value <= 0x1p53)
        return (uint64_t)value;
    gyre_rope_json_refuse(reader, GYRE_INVALID, item->string, "is no whole number");
    return 0;
}

uint32_t gyre_rope_json_size(struct gyre_rope_json_reader *reader, const cJSON *object,
                             const char *const *keys)
{
    uint64_t value = gyre_rope_json_whole(reader, object, keys);
    if (value <= UINT32_MAX)
        return (uint32_t)value;
    gyre_rope_json_refuse(reader, GYRE_INVALID, gyre_rope_json_first(object, keys)->string,
                          "is too large");
    return 0;
}

bool gyre_rope_json_truth(struct gyre_rope_json_reader *reader, const cJSON *object,
                          const char *const *keys, bool otherwise)
{
    const cJSON *item = gyre_rope_json_first(object, keys);
    if (item != NULL && !cJSON_IsBool(item))
        gyre_rope_json_refuse(reader, GYRE_INVALID, item->string, "is neither true nor false");
    return item != NULL ? cJSON_IsTrue(item) : otherwise;
}

const cJSON *gyre_rope_json_list(struct gyre_rope_json_reader *reader, const cJSON *object,
                                 const char *key, int max)
{
    const cJSON *item = gyre_rope_json_item(object, key);
    if (item == NULL || (cJSON_IsArray(item) && cJSON_GetArraySize(item) <= max))
        return item;
    gyre_rope_json_refuse(reader, GYRE_INVALID, key,
                          cJSON_IsArray(item) ? "is too long" : "is no list");
    return NULL;
}
